//! The names that the crates show: a change of them is a decision, so it is read in a diff.

use std::{env, fs, path::Path};

use crate::sources::shown;

const CRATES: &[&str] = &[
    "kmock",
    "kmock-runtime",
    "kmock-runtime/apply",
    "kmock-runtime/kubernetes",
];

/// `KMOCK_BLESS=1 cargo test -p kmock-architecture` writes the file anew.
#[test]
fn the_names_that_users_see_are_these() {
    let mut found = String::new();
    for folder in CRATES {
        found.push_str(&format!("# {folder}\n"));
        for name in shown(folder) {
            found.push_str(&format!("{name}\n"));
        }
    }
    let file = Path::new(env!("CARGO_MANIFEST_DIR")).join("public.txt");
    if env::var_os("KMOCK_BLESS").is_some() {
        fs::write(&file, &found).unwrap();
    }
    let known = fs::read_to_string(&file).unwrap_or_default();
    let line = |all: &str, one: &str| all.lines().any(|line| line == one);
    let new: Vec<&str> = found.lines().filter(|one| !line(&known, one)).collect();
    let gone: Vec<&str> = known.lines().filter(|one| !line(&found, one)).collect();
    assert!(
        found == known,
        "the public names are others than in tests/architecture/public.txt: new {new:?}, gone {gone:?}; if that is meant: \
         KMOCK_BLESS=1 cargo test -p kmock-architecture"
    );
}
