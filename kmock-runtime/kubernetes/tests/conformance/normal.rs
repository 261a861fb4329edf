//! What is compared: values that differ from run to run become symbols, as in the recordings.

use std::sync::LazyLock;

use regex::{Captures, Regex};

use crate::json::Json;

static TIME: LazyLock<Regex> =
    LazyLock::new(|| regex(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?(Z|[+-]\d\d:\d\d)"));
static AGE: LazyLock<Regex> = LazyLock::new(|| regex(r"^\d+[smhd](\d+[smh])?$"));
static UID: LazyLock<Regex> =
    LazyLock::new(|| regex(r"[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}"));

fn regex(pattern: &str) -> Regex {
    Regex::new(pattern).expect("a valid pattern")
}

/// Symbols of one scenario: the same value gets the same symbol.
#[derive(Default)]
pub struct Normal {
    uids: Vec<String>,
    versions: Vec<String>,
    generated: Vec<(String, String)>,
}

fn symbol(table: &mut Vec<String>, kind: &str, value: &str) -> String {
    let at = table.iter().position(|x| x == value).unwrap_or_else(|| {
        table.push(value.to_owned());
        table.len() - 1
    });
    format!("<{kind}{}>", at + 1)
}

impl Normal {
    fn text(&mut self, text: &str) -> String {
        let text = UID.replace_all(text, |found: &Captures<'_>| {
            symbol(&mut self.uids, "uid", &found[0])
        });
        let mut text = TIME.replace_all(&text, "<time>").into_owned();
        for (name, symbol) in &self.generated {
            text = text.replace(name, symbol);
        }
        text
    }

    pub fn walk(&mut self, value: &Json) -> Json {
        self.walk_at(value, "")
    }

    fn walk_at(&mut self, value: &Json, at: &str) -> Json {
        match value {
            Json::Object(pairs) => {
                let is_list = matches!(value.get("metadata"), Some(Json::Object(_)))
                    && value.get("items").is_some();
                if let (Some(prefix), Some(name)) = (
                    value.get("generateName").and_then(Json::text),
                    value.get("name").and_then(Json::text),
                ) && !prefix.is_empty()
                    && name.starts_with(prefix)
                    && !self.generated.iter().any(|(known, _)| known == name)
                {
                    self.generated.push((
                        name.into(),
                        format!("<{prefix}gen{}>", self.generated.len() + 1),
                    ));
                }
                let mut out = Vec::with_capacity(pairs.len());
                for (key, inner) in pairs {
                    let new = match (key.as_str(), inner) {
                        ("description", _) if at == "columnDefinitions" => continue,
                        ("cells", Json::List(cells)) => {
                            Json::List(cells.iter().map(|c| self.cell(c)).collect())
                        }
                        ("resourceVersion", Json::Text(_)) if at == "list-meta" => {
                            Json::Text("<any>".into())
                        }
                        ("resourceVersion", Json::Text(v)) if !v.is_empty() => {
                            Json::Text(symbol(&mut self.versions, "rv", v))
                        }
                        ("resourceVersion", Json::Text(_)) | ("remainingItemCount", _) => {
                            inner.clone()
                        }
                        ("continue", Json::Text(v)) => {
                            Json::Text(if v.is_empty() { "" } else { "<any>" }.into())
                        }
                        ("metadata", _) if is_list => self.walk_at(inner, "list-meta"),
                        _ => self.walk_at(inner, key),
                    };
                    out.push((key.clone(), new));
                }
                Json::Object(out)
            }
            Json::List(items) => {
                Json::List(items.iter().map(|item| self.walk_at(item, at)).collect())
            }
            Json::Text(text) => Json::Text(self.text(text)),
            other => other.clone(),
        }
    }

    fn cell(&mut self, cell: &Json) -> Json {
        match cell {
            Json::Text(text) if AGE.is_match(text) => Json::Text("<age>".into()),
            other => self.walk_at(other, ""),
        }
    }
}

/// Takes away what a step does not compare.
pub fn prune(answer: &mut Json, step: &Json) {
    for path in step.get("ignore").map(Json::list).unwrap_or_default() {
        let parts: Vec<&str> = path.text().unwrap_or_default().split('.').collect();
        drop_path(answer, &parts);
    }
    if let (Some(only), Json::Object(pairs)) = (step.get("only"), answer) {
        pairs.retain(|(key, _)| only.list().iter().any(|x| x.text() == Some(key)));
    }
}

fn drop_path(value: &mut Json, parts: &[&str]) {
    match (value, parts) {
        (Json::List(items), _) => items.iter_mut().for_each(|item| drop_path(item, parts)),
        (Json::Object(pairs), [key]) => pairs.retain(|(k, _)| k != key),
        (Json::Object(pairs), [key, rest @ ..]) => {
            if let Some((_, inner)) = pairs.iter_mut().find(|(k, _)| k == key) {
                drop_path(inner, rest);
            }
        }
        _ => {}
    }
}

/// Where two answers differ, in words.
pub fn differ(want: &Json, got: &Json, path: &str, out: &mut Vec<String>) {
    match (want, got) {
        (Json::Object(a), Json::Object(b)) => {
            let mut keys: Vec<&String> = a.iter().chain(b).map(|(key, _)| key).collect();
            keys.sort();
            keys.dedup();
            for key in keys {
                match (want.get(key), got.get(key)) {
                    (Some(want), None) => {
                        out.push(format!("{path}.{key}: missing, want {}", short(want)));
                    }
                    (None, Some(got)) => out.push(format!("{path}.{key}: extra {}", short(got))),
                    (Some(want), Some(got)) => differ(want, got, &format!("{path}.{key}"), out),
                    (None, None) => {}
                }
            }
        }
        (Json::List(a), Json::List(b)) => {
            if a.len() != b.len() {
                out.push(format!("{path}: {} items, want {}", b.len(), a.len()));
            }
            for (i, (a, b)) in a.iter().zip(b).enumerate() {
                differ(a, b, &format!("{path}[{i}]"), out);
            }
        }
        (Json::Text(any), Json::Text(_)) if any == "<any>" => {}
        (want, got) if want != got => {
            out.push(format!("{path}: {}, want {}", short(got), short(want)));
        }
        _ => {}
    }
}

fn short(value: &Json) -> String {
    let text = value.to_string();
    if text.chars().count() > 400 {
        text.chars().take(400).chain("…".chars()).collect()
    } else {
        text
    }
}
