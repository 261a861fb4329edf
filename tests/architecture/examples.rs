//! Every type that users name has an example in its documentation.

use std::{fs, path::Path};

use crate::sources::{root, shown};

/// What a type is that somebody may look up.
const KINDS: &[&str] = &["struct", "enum", "trait"];

fn sources(folder: &Path, all: &mut Vec<String>) {
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            sources(&path, all);
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            all.push(fs::read_to_string(path).unwrap());
        }
    }
}

/// The documentation above each definition of a public type of this name.
fn documentation(name: &str, files: &[String]) -> Vec<String> {
    let heads: Vec<String> = KINDS
        .iter()
        .map(|kind| format!("pub {kind} {name}"))
        .collect();
    let mut all = Vec::new();
    for text in files {
        let lines: Vec<&str> = text.lines().collect();
        for (at, line) in lines.iter().enumerate() {
            let defines = heads.iter().any(|head| {
                let rest = line.strip_prefix(head.as_str());
                rest.is_some_and(|rest| {
                    !rest.starts_with(|c: char| c.is_alphanumeric() || c == '_')
                })
            });
            if defines {
                // Attributes stand between the documentation and the definition.
                let above = lines[..at].iter().rev().take_while(|line| !line.is_empty());
                let above: Vec<&str> = above.copied().collect();
                all.push(above.join("\n"));
            }
        }
    }
    all
}

#[test]
fn every_type_that_users_name_has_an_example() {
    let mut files = Vec::new();
    sources(&root().join("kmock-runtime/src"), &mut files);
    let mut without = Vec::new();
    let names = shown("kmock");
    let types = names
        .iter()
        .filter(|name| name.starts_with(|c: char| c.is_ascii_uppercase()));
    for name in types {
        let documentation = documentation(name, &files);
        assert!(!documentation.is_empty(), "{name} is not found");
        if !documentation.iter().any(|text| text.contains("/// ```")) {
            without.push(name);
        }
    }
    assert!(
        without.is_empty(),
        "no example in the documentation of {without:?}"
    );
}

/// The modules that users see, and what each of them shows.
const MODULES: &[&str] = &[
    "client",
    "criteria",
    "grpc",
    "journal",
    "record",
    "reply",
    "request",
    "rules",
    "stream",
    "tls",
    "websocket",
];

/// What few ever name: they stand for what is written otherwise, or in the examples of others (`Code` in those of `Grpc` and `Status`).
const UNNAMED: &[&str] = &["Code", "Items", "RuleMatcher"];

/// The types that a module takes out of its files.
fn taken_out(text: &str) -> Vec<String> {
    let mut all = Vec::new();
    for rest in text.split("\npub use self::").skip(1) {
        let list = rest.split(';').next().unwrap_or_default();
        let words = list.split(|c: char| !c.is_alphanumeric() && c != '_');
        let types = words.filter(|word| word.starts_with(|c: char| c.is_ascii_uppercase()));
        all.extend(types.map(str::to_owned));
    }
    all
}

#[test]
fn every_type_in_a_module_has_an_example() {
    let engine = root().join("kmock-runtime/src");
    let (mut without, mut count) = (Vec::new(), 0);
    for module in MODULES {
        let mut files = Vec::new();
        let folder = engine.join(module);
        if folder.is_dir() {
            sources(&folder, &mut files);
        }
        let beside = engine.join(format!("{module}.rs"));
        let head = if beside.exists() {
            beside
        } else {
            folder.join("mod.rs")
        };
        let head = fs::read_to_string(head).unwrap();
        for name in taken_out(&head) {
            if UNNAMED.contains(&name.as_str()) {
                continue;
            }
            count += 1;
            let documentation = documentation(&name, &files);
            // A macro writes it.
            if documentation.is_empty() {
                continue;
            }
            if !documentation.iter().any(|text| text.contains("/// ```")) {
                without.push(format!("{module}::{name}"));
            }
        }
    }
    assert!(count > 40, "{count} types were found");
    assert!(
        without.is_empty(),
        "no example in the documentation of {without:?}"
    );
}

/// Users depend on `kmock`: examples name it, and not the crate that it is made of.
#[test]
fn examples_name_the_crate_that_users_have() {
    let mut files = Vec::new();
    sources(&root().join("kmock-runtime/src"), &mut files);
    for text in files {
        let shown = text.lines().filter(|line| {
            let line = line.trim_start();
            line.starts_with("///") && !line.starts_with("/// #")
        });
        for line in shown {
            assert!(!line.contains("kmock_runtime::"), "{line}");
        }
    }
}
