//! One name means one type: whoever looks for a name in a crate finds what it is.

use std::{collections::BTreeMap, fs, path::Path};

use proc_macro2::{Delimiter, TokenStream, TokenTree};

use crate::sources::{CRATES, Module, Sources, after_item, is_cfg_test, root};

/// Names of two types, each with the reason why.
const SHARED: &[(&str, &str)] = &[
    // Of a report, and of a recording: HAR calls them so, too.
    ("kmock-runtime", "Entry"),
    // A claim that does not hold, and a failure of the Kubernetes API: users name both, at two places.
    ("kmock-runtime", "Failure"),
    // What a test's body may return, and what became of a request: macros name the one, users the other.
    ("kmock-runtime", "Outcome"),
    // Of an object in admission and of a request in authorization: Kubernetes calls both so.
    ("kmock-runtime/kubernetes", "Attributes"),
];

/// Files that stand in for others where a feature is off.
const STAND_INS: &[&str] = &["none", "without_cel"];

#[test]
fn a_name_means_one_type() {
    let mut told = Vec::new();
    for folder in CRATES {
        let mut known: BTreeMap<(Module, String), Vec<String>> = BTreeMap::new();
        for (module, file) in Sources::files(folder) {
            if module
                .last()
                .is_some_and(|last| STAND_INS.contains(&last.as_str()))
            {
                continue;
            }
            let text = fs::read_to_string(root().join(folder).join("src").join(&file)).unwrap();
            for (room, name) in types(&module, text.parse().unwrap()) {
                let places = known.entry((room, name)).or_default();
                places.push(show(&file));
            }
        }
        for ((_, name), places) in known {
            if places.len() > 1 && !SHARED.contains(&(*folder, name.as_str())) {
                told.push(format!("{folder}: `{name}` in {}", places.join(", ")));
            }
        }
    }
    assert!(
        told.is_empty(),
        "names of several types:\n{}",
        told.join("\n")
    );
}

fn show(file: &Path) -> String {
    file.display().to_string()
}

/// The types of a file that others see, and in which room they are seen; empty is the whole crate. What one file has for
/// itself may be called what it likes.
fn types(module: &Module, tokens: TokenStream) -> Vec<(Module, String)> {
    let tokens: Vec<TokenTree> = tokens.into_iter().collect();
    let word = |at: usize| tokens.get(at).map(ToString::to_string).unwrap_or_default();
    let mut out = Vec::new();
    let mut at = 0;
    while at < tokens.len() {
        if is_cfg_test(&tokens, at) {
            at = after_item(&tokens, at + 2);
            continue;
        }
        if word(at) != "pub" {
            at += 1;
            continue;
        }
        at += 1;
        let mut room = Module::new();
        if let Some(TokenTree::Group(group)) = tokens.get(at)
            && group.delimiter() == Delimiter::Parenthesis
        {
            let scope = group.stream().to_string();
            if scope != "crate" {
                room.clone_from(module);
                room.pop();
            }
            at += 1;
        }
        if ["struct", "enum", "trait", "type", "union"].contains(&word(at).as_str()) {
            out.push((room, word(at + 1)));
        }
    }
    out
}
