//! The documents say what is there.

use std::{collections::BTreeSet, fs, path::Path};

fn root() -> &'static Path {
    Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/.."))
}

#[test]
fn the_fidelity_tables_name_every_recorded_scenario_and_no_other() {
    let text = fs::read_to_string(root().join("docs/fidelity.md")).expect("the document");
    let named: BTreeSet<String> = text
        .lines()
        .filter_map(|line| line.rsplit(" | `").next()?.split("` |").next())
        .filter(|name| name.split('/').count() == 2 && !name.contains(' '))
        .map(str::to_owned)
        .collect();
    let mut recorded = BTreeSet::new();
    let transcripts = root().join("kmock-runtime/tests/conformance/transcripts");
    for area in fs::read_dir(transcripts).expect("the transcripts") {
        let area = area.expect("an area").path();
        for file in fs::read_dir(&area).expect("an area") {
            let file = file.expect("a scenario").path();
            let part = |path: &Path| {
                path.file_stem()
                    .expect("a name")
                    .to_string_lossy()
                    .into_owned()
            };
            recorded.insert(format!("{}/{}", part(&area), part(&file)));
        }
    }
    assert_eq!(named, recorded);
}

#[test]
fn documents_link_to_what_exists() {
    for name in [
        "README.md",
        "ARCHITECTURE.md",
        "docs/grammar.md",
        "docs/fidelity.md",
    ] {
        let path = root().join(name);
        let text = fs::read_to_string(&path).expect(name);
        let targets = text
            .split("](")
            .skip(1)
            .filter_map(|rest| rest.split(')').next());
        for target in targets.filter(|target| !target.contains("://") && !target.starts_with('#')) {
            let file = target.split('#').next().expect("a part");
            let linked = path.parent().expect("a folder").join(file);
            assert!(linked.exists(), "{name} links to {target}");
        }
    }
}
