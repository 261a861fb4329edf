//! What the compiler says about mistakes: one mistake a file in `ui/TOPIC`, and `ui/rules/recovery.rs` with many at once.
//! The files of a topic are the modules of one crate, so that the compiler starts once for a topic and not for each of them.
//!
//! `TRYBUILD=overwrite cargo test -p kmock-tests --test ui` writes the expected messages anew: read them as a user would.

use std::{collections::BTreeSet, fs, path::Path};

#[test]
fn mistakes_explain_themselves() {
    let cases = trybuild::TestCases::new();
    cases.compile_fail("ui/*/main.rs");
}

/// Each file is a module of its topic and is told off there.
#[test]
fn no_mistake_is_left_out() {
    let ui = Path::new(env!("CARGO_MANIFEST_DIR")).join("ui");
    let mut count = 0;
    for topic in fs::read_dir(ui).expect("the catalogue") {
        let topic = topic.expect("a topic").path();
        let read = |name| fs::read_to_string(topic.join(name)).expect("text");
        let (main, said) = (read("main.rs"), read("main.stderr"));
        let modules: BTreeSet<&str> = main
            .lines()
            .filter_map(|line| line.strip_prefix("mod ")?.strip_suffix(';'))
            .collect();
        let files: BTreeSet<String> = fs::read_dir(&topic)
            .expect("a folder")
            .filter_map(|file| {
                let name = file.expect("a file").file_name().into_string().ok()?;
                let module = name.strip_suffix(".rs")?;
                (module != "main").then(|| module.to_owned())
            })
            .collect();
        assert_eq!(modules, files.iter().map(String::as_str).collect());
        for file in &files {
            assert!(said.contains(&format!("/{file}.rs")), "{file} passes");
        }
        count += files.len();
    }
    assert!(count > 200, "{count}");
}
