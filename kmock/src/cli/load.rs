//! Objects to start with: files, directories with all below them, standard input, in any order.
//!
//! Definitions are loaded first, then namespaces, then the rest in the order in which it was given. Each object is asked
//! about as the API server would see it created; what it refuses ends the program, at its file and line.

use std::{
    collections::{HashMap, HashSet},
    fmt, fs, io,
    path::{Path, PathBuf},
};

use kmock::{KMock, kubernetes::internals::text::yaml};
use serde_json::Value;

use crate::cli::text;

/// Where an object was written.
#[derive(Clone)]
struct Place {
    file: String,
    line: usize,
    /// Its number in the file, where that has several.
    document: Option<usize>,
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}", self.file, self.line)?;
        match self.document {
            Some(n) => write!(f, " (document {n})"),
            None => Ok(()),
        }
    }
}

/// Loads all objects; what is odd about them is said on standard error.
pub(crate) async fn load(k: &KMock, paths: &[PathBuf]) -> Result<(), String> {
    let mut all = Vec::new();
    for path in paths {
        let before = all.len();
        read(path, &mut HashSet::new(), &mut all)?;
        if all.len() == before {
            let shown = text::shown(path);
            let hint = match path.is_dir() {
                true => {
                    ": of a directory, files named .yaml, .yml and .json are read, hidden ones left out"
                }
                false => "",
            };
            eprintln!("kmock: warning: --load {shown}: there are no objects in it{hint}");
        }
    }
    // Stable: what is of one rank stays in its order.
    all.sort_by_key(|(_, object)| match object["kind"].as_str() {
        Some("CustomResourceDefinition") => 0,
        Some("Namespace") => 1,
        _ => 2,
    });
    let mut known: HashMap<String, Place> = HashMap::new();
    for (place, object) in all {
        let name = named(&object);
        if let Some(before) = known.insert(name.clone(), place.clone()) {
            warn(
                &place,
                &format!("{name} is at {before}, too: this one counts"),
            );
        }
        one(k, &place, object).await?;
    }
    Ok(())
}

async fn one(k: &KMock, place: &Place, object: Value) -> Result<(), String> {
    let failed = |error: &dyn fmt::Display| format!("--load {place}: {error}");
    let objects = k.objects();
    if let Some(namespace) = object["metadata"]["namespace"].as_str()
        && objects.get("namespaces", namespace).is_none()
    {
        warn(
            place,
            &format!("there is no namespace {namespace:?}: it is made"),
        );
        let made = serde_json::json!({
            "apiVersion": "v1", "kind": "Namespace", "metadata": { "name": namespace },
        });
        objects.try_seed(made).map_err(|error| failed(&error))?;
    }
    let warnings = objects.check(&object).await.map_err(|error| {
        let error = error.to_string();
        let hint = match error.starts_with("no resource has the kind") {
            true => "; load its CustomResourceDefinition, or give a dump with --resources",
            false => "",
        };
        failed(&format!("{error}{hint}"))
    })?;
    for warning in warnings {
        warn(place, &warning);
    }
    objects.try_seed(object).map_err(|error| failed(&error))?;
    Ok(())
}

fn warn(place: &Place, text: &str) {
    eprintln!("kmock: warning: {place}: {text}");
}

fn named(object: &Value) -> String {
    let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    let metadata = &object["metadata"];
    let name = match text(&metadata["namespace"]) {
        none if none.is_empty() => text(&metadata["name"]),
        namespace => format!("{namespace}/{}", text(&metadata["name"])),
    };
    format!("{} {name}", text(&object["kind"]))
}

/// Reads a file, or a directory with all below it. Links may lead in circles: each directory is `seen` once.
fn read(
    path: &Path,
    seen: &mut HashSet<PathBuf>,
    all: &mut Vec<(Place, Value)>,
) -> Result<(), String> {
    let shown = text::shown(path);
    let failed = |error: io::Error| format!("--load {shown}: {error}");
    if !path.is_dir() {
        let text = text::read(path).map_err(|error| format!("--load {shown}: {error}"))?;
        return objects(&shown, &text, all);
    }
    if !seen.insert(path.canonicalize().map_err(failed)?) {
        return Ok(());
    }
    let mut below = Vec::new();
    for entry in fs::read_dir(path).map_err(failed)? {
        let entry = entry.map_err(failed)?.path();
        if is_meant(&entry) {
            below.push(entry);
        }
    }
    below.sort();
    below.iter().try_for_each(|entry| read(entry, seen, all))
}

/// Whether an entry of a directory may have objects: not what is hidden, such as `.git`, `.github`, or the versions behind a
/// mounted ConfigMap (`..data`).
fn is_meant(entry: &Path) -> bool {
    let name = entry.file_name().unwrap_or_default().to_string_lossy();
    let kind = entry.extension().unwrap_or_default().to_ascii_lowercase();
    let is_read = ["yaml", "yml", "json"].iter().any(|known| kind == *known);
    !name.starts_with('.') && (entry.is_dir() || is_read)
}

/// The objects of a text: YAML documents, or JSON, which is YAML, too. Lists are taken apart.
fn objects(file: &str, text: &str, all: &mut Vec<(Place, Value)>) -> Result<(), String> {
    let documents = documents(text);
    let several = documents.len() > 1;
    for (nth, (line, text)) in documents.into_iter().enumerate() {
        let mut place = Place {
            file: file.to_owned(),
            line,
            document: several.then_some(nth + 1),
        };
        // JSON may be laid out with tabs, which YAML does not bear, and stand one after the other.
        let json = serde_json::Deserializer::from_str(text).into_iter::<Value>();
        let json = json.collect::<Result<Vec<Value>, _>>();
        let values = json.or_else(|_| yaml::parse_all(text)).map_err(|error| {
            let (within, message) = line_of(&error.to_string());
            // The first line of what was read is that of the document.
            place.line = line + within.saturating_sub(1);
            let at = text
                .lines()
                .nth(within.saturating_sub(1))
                .unwrap_or_default();
            let blank = &at[..at.len() - at.trim_start().len()];
            let hint = match blank.contains('\t') {
                true => "; the line begins with a tab, and YAML is indented by spaces",
                false => "",
            };
            format!("--load {place}: {message}{hint}")
        })?;
        for value in values {
            if !value.is_object() {
                let hint = match value {
                    Value::Array(_) => {
                        "; several objects are documents (`---`), or the `items` of a `kind: List`"
                    }
                    _ => "",
                };
                return Err(format!("--load {place}: this is no object{hint}"));
            }
            apart(value, &place, all);
        }
    }
    Ok(())
}

/// The line that an error of YAML names, counted from 1, and the rest of it.
fn line_of(error: &str) -> (usize, String) {
    let read = || {
        let (line, message) = error.strip_prefix("yaml: line ")?.split_once(": ")?;
        Some((line.parse().ok()?, message.to_owned()))
    };
    read().unwrap_or((1, error.to_owned()))
}

fn apart(mut value: Value, place: &Place, all: &mut Vec<(Place, Value)>) {
    let kind = value["kind"].as_str().unwrap_or_default().to_owned();
    match value.get_mut("items").map(Value::take) {
        Some(Value::Array(items)) if kind.ends_with("List") => {
            for mut item in items {
                // The items of a list of built-in objects do not say what they are.
                if let Some(map) = item.as_object_mut().filter(|_| kind != "List") {
                    let own = kind.trim_end_matches("List");
                    map.entry("kind").or_insert_with(|| own.into());
                    map.entry("apiVersion")
                        .or_insert_with(|| value["apiVersion"].clone());
                }
                apart(item, place, all);
            }
        }
        Some(other) => {
            value["items"] = other;
            all.push((place.clone(), value));
        }
        None => all.push((place.clone(), value)),
    }
}

/// The documents of a YAML text with the lines where they begin, empty ones left out.
fn documents(text: &str) -> Vec<(usize, &str)> {
    let mut all = Vec::new();
    let (mut from, mut first) = (0, 1);
    let mut at = 0;
    for (nth, line) in text.split_inclusive('\n').enumerate() {
        // What follows the mark in its line belongs to the document.
        let begins = line
            .strip_prefix("---")
            .filter(|rest| rest.trim().is_empty() || rest.starts_with([' ', '\t']));
        if begins.is_some() {
            all.push((first, &text[from..at]));
            (from, first) = (at + "---".len(), nth + 1);
        }
        at += line.len();
    }
    all.push((first, &text[from..]));
    let empty = |text: &str| {
        let mut lines = text.lines().map(str::trim);
        // What YAML says of itself (`%YAML 1.2`), and the end of a document (`...`), are no objects either.
        lines.all(|line| line.is_empty() || line.starts_with(['#', '%']) || line == "...")
    };
    all.retain(|(_, text)| !empty(text));
    // Blank lines before a document are none of it.
    all.iter_mut().for_each(|(first, text)| {
        let blank = text
            .lines()
            .take_while(|line| line.trim().is_empty())
            .count();
        let skipped: usize = text.split_inclusive('\n').take(blank).map(str::len).sum();
        *first += blank;
        *text = &text[skipped..];
    });
    all
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn documents_have_their_lines() {
        let text = "# a comment\n---\na: 1\n---\n\n---\n\nb: 2\nc: 3\n";
        assert_eq!(documents(text), [(3, "a: 1\n"), (8, "b: 2\nc: 3\n")]);
        let text = "%YAML 1.2\r\n--- {a: 1}\n--- # the second\r\nb: 2\n...\n---\n...\n";
        assert_eq!(
            documents(text),
            [(2, " {a: 1}\n"), (3, " # the second\r\nb: 2\n...\n")]
        );
        assert_eq!(line_of("yaml: line 3: oh"), (3, "oh".to_owned()));
    }

    #[test]
    fn lists_are_taken_apart_and_errors_have_their_place() {
        let mut all = Vec::new();
        let list = r#"{"kind": "ConfigMapList", "apiVersion": "v1", "items": [{"metadata": {"name": "a"}}]}"#;
        objects("f", list, &mut all).expect("a list");
        assert_eq!(all[0].1["kind"], "ConfigMap");
        let broken = objects("f", "a: 1\n---\nb: 2\nc: [\n", &mut all).expect_err("no YAML");
        assert!(
            broken.starts_with("--load f:") && broken.contains("(document 2)"),
            "{broken}"
        );
    }
}
