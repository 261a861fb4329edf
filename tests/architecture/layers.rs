//! The rooms of the emulator lie in layers, and only one room of the engine knows the emulator.

use std::{fs, path::Path};

use crate::sources::{Sources, root};

/// The rooms of `kmock-kubernetes` from the ground up. Each may name those before it. Above them is what they show to this
/// repository, and the fuzz targets.
const ROOMS: &[&str] = &[
    "text",
    "model",
    "state",
    "kinds",
    "wire",
    "api",
    "doors",
    "internals",
    "fuzz",
];

#[test]
fn no_room_of_the_emulator_names_one_above_it() {
    let sources = Sources::of("kmock-runtime/kubernetes");
    let level = |module: &[String]| {
        let room = module.first()?;
        let at = ROOMS.iter().position(|known| known == room);
        Some(at.unwrap_or_else(|| panic!("`{room}` is in no layer: add it to ROOMS")))
    };
    let mut told = Vec::new();
    for (module, arrows) in sources.arrows() {
        let Some(from) = level(&module) else { continue };
        for (target, paths) in arrows {
            // What the root re-exports is defined in a room; the root itself has nothing of its own.
            let up = level(&target).is_none_or(|to| to > from);
            if up {
                let paths: Vec<String> = paths.into_iter().collect();
                told.push(format!(
                    "{} names {}",
                    sources.file(&module),
                    paths.join(", ")
                ));
            }
        }
    }
    assert!(told.is_empty(), "upwards:\n{}", told.join("\n"));
}

/// All files below a folder that contain a text, without their comments.
fn files_with(folder: &str, text: &str) -> Vec<String> {
    fn walk(top: &Path, folder: &Path, text: &str, out: &mut Vec<String>) {
        for entry in fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                walk(top, &path, text, out);
                continue;
            }
            let source = fs::read_to_string(&path).unwrap_or_default();
            let count = source
                .lines()
                .filter(|line| !line.trim_start().starts_with("//"))
                .filter(|line| line.contains(text))
                .count();
            let name = path.strip_prefix(top).unwrap().display().to_string();
            out.extend(std::iter::repeat_n(name, count));
        }
    }
    let top = root().join(folder);
    let mut out = Vec::new();
    walk(&top, &top, text, &mut out);
    out.sort();
    out
}

#[test]
fn one_room_of_the_engine_knows_the_emulator() {
    let named = files_with("kmock-runtime/src", "kmock_kubernetes");
    let elsewhere: Vec<&String> = named
        .iter()
        .filter(|file| !file.starts_with("cluster/") && *file != "lib.rs")
        .collect();
    assert!(
        elsewhere.is_empty(),
        "the emulator is named in {elsewhere:?}"
    );
    let sites = files_with("kmock-runtime/src", "feature = \"kubernetes\"");
    assert!(
        sites.iter().all(|file| file == "lib.rs") && sites.len() <= 3,
        "the feature is asked for in {sites:?}"
    );
}

/// The names of a manifest's `[dependencies]`.
fn dependencies(folder: &str) -> Vec<String> {
    let manifest = fs::read_to_string(root().join(folder).join("Cargo.toml")).unwrap();
    manifest
        .lines()
        .skip_while(|line| *line != "[dependencies]")
        .skip(1)
        .take_while(|line| !line.starts_with('['))
        .filter_map(|line| line.split(['.', ' ', '=']).next())
        .filter(|name| !name.is_empty() && !name.starts_with('#'))
        .map(str::to_owned)
        .collect()
}

#[test]
fn crates_depend_on_those_below_them() {
    for (folder, forbidden) in [
        (
            "kmock-runtime/apply",
            &["kmock", "http", "tokio", "axum"] as &[&str],
        ),
        (
            "kmock-runtime/kubernetes",
            &["kmock", "kmock-runtime", "kmock-macros", "axum", "hyper"],
        ),
        (
            // It speaks HTTP over connections in memory, by hyper; sockets are the engine's.
            "kmock-runtime/cluster",
            &["kmock", "kmock-runtime", "kmock-macros", "axum", "socket2"],
        ),
        ("kmock-runtime", &["kmock", "kmock-macros"]),
        ("kmock-macros", &["kmock", "kmock-runtime"]),
    ] {
        let named = dependencies(folder);
        assert!(!named.is_empty(), "{folder}");
        for name in forbidden {
            assert!(
                !named.iter().any(|one| one == name),
                "{folder} depends on {name}"
            );
        }
    }
}
