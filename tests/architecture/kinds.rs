//! What there is to know of a built-in kind is in its row: nobody else asks which kind an object is.

use std::{
    collections::{BTreeMap, BTreeSet},
    fs,
};

use proc_macro2::{TokenStream, TokenTree};

use crate::sources::{Sources, after_item, is_cfg_test, root};

const EMULATOR: &str = "kmock-runtime/kubernetes";
const ROWS: &str = "kinds/builtin/rows/";

/// Defaults go by Go's types, as those that Kubernetes generates do: one struct stands in many kinds, and a kind may stand in
/// another (the claims of a StatefulSet).
const BY_TYPE: &str = "kinds/builtin/defaults/";

/// The texts of a file that look like Go's name of a type, `core.v1.Pod`.
fn types(stream: TokenStream, out: &mut BTreeSet<String>) {
    let tokens: Vec<TokenTree> = stream.into_iter().collect();
    let mut at = 0;
    while let Some(token) = tokens.get(at) {
        if is_cfg_test(&tokens, at) {
            at = after_item(&tokens, at + 2);
            continue;
        }
        match token {
            TokenTree::Group(group) => types(group.stream(), out),
            TokenTree::Literal(literal) => {
                let text = literal.to_string();
                let text = text.trim_matches('"');
                let parts: Vec<&str> = text.split('.').collect();
                if let [_, version, name] = parts[..]
                    && version.starts_with('v')
                    && name.starts_with(char::is_uppercase)
                {
                    out.insert(text.to_owned());
                }
            }
            _ => {}
        }
        at += 1;
    }
}

#[test]
fn a_kind_is_named_in_its_row_alone() {
    let mut named: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
    for file in Sources::files(EMULATOR).into_values() {
        let text = fs::read_to_string(root().join(EMULATOR).join("src").join(&file)).unwrap();
        let mut found = BTreeSet::new();
        types(text.parse().unwrap(), &mut found);
        named.insert(file.display().to_string(), found);
    }
    let rows: BTreeSet<&String> = named
        .iter()
        .filter(|(file, _)| file.starts_with(ROWS))
        .flat_map(|(_, found)| found)
        .collect();
    assert!(rows.len() > 50, "{rows:?}");
    let told: Vec<String> = named
        .iter()
        .filter(|(file, _)| !file.starts_with(ROWS) && !file.starts_with(BY_TYPE))
        .flat_map(|(file, found)| {
            let kinds = found.iter().filter(|text| rows.contains(text));
            kinds.map(move |kind| format!("{file} names {kind}"))
        })
        .collect();
    assert!(told.is_empty(), "outside of rows:\n{}", told.join("\n"));
}
