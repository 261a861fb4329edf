//! Files lie in layers and name only what is below them; only one room of the engine knows the emulator.

use std::{fs, path::Path};

use crate::sources::{Sources, root};

/// A layer: its name, and the rooms and files that are in it. A file is where its own name stands, else with its room; the
/// front of a room (`mod.rs`) may stand apart from it.
type Layer = (&'static str, &'static [&'static str]);

/// The crates whose files lie in layers, each from the ground up. A file names its own layer and those before it.
const CRATES: &[(&str, &[Layer])] = &[
    ("kmock-runtime/kubernetes", EMULATOR),
    ("kmock-runtime", ENGINE),
    ("kmock-runtime/cluster", LIFE),
    ("kmock-macros", MACROS),
];

/// Above the doors is what the emulator shows to this repository, and the fuzz targets.
const EMULATOR: &[Layer] = &[
    ("text", &["text"]),
    ("model", &["model"]),
    ("state", &["state"]),
    ("kinds", &["kinds"]),
    ("wire", &["wire"]),
    ("api", &["api"]),
    ("doors", &["doors"]),
    ("shown", &["internals", "fuzz"]),
];

const ENGINE: &[Layer] = &[
    (
        "ground: knows nothing of requests",
        &[
            "background",
            "brief",
            "client/connect",
            "clock",
            "connections/door",
            "connections/http2",
            "criteria/arrays",
            "criteria/error",
            "criteria/glob",
            "criteria/number",
            "criteria/pattern",
            "elsewhere",
            "error",
            "extras",
            "location",
            "nested",
            "own",
            "pipe",
            "programs",
            "reply/body",
            "reply/date",
            "reply/delay",
            "reply/error_code",
            "reply/gate",
            "reply/payload",
            "reply/ranges",
            "rules/times",
            "server/early",
            "server/incident",
            "socket",
            "tasks",
            "tls",
            "waits",
            "wire",
        ],
    ),
    (
        "request: what came",
        &[
            "criteria/finding",
            "hostnames",
            "journal/mod",
            "journal/near",
            "journal/outcome",
            "journal/record",
            "journal/sent",
            "reply/fault",
            "request",
            "user_code",
        ],
    ),
    ("reply: what may go back", &["reply", "stream", "websocket"]),
    (
        "seen: what is written down of both",
        &[
            "backend",
            "cluster/failures",
            "cluster/words",
            "journal/body",
            "journal/json",
            "journal/objects",
            "journal/report",
            "journal/rows",
            "journal/seen",
            "journal/story",
            "journal/words",
            "server/guard",
        ],
    ),
    (
        "criteria: which requests",
        &[
            "cluster/criteria",
            "connections/criteria",
            "criteria",
            "grpc/criteria",
            "guard",
            "request/trailers",
            "rules/state",
            "tls/criteria",
        ],
    ),
    ("rules", &["journal/nearest", "reply/sink", "rules"]),
    (
        "core: what the tasks of a server share",
        &[
            "connections/rules",
            "core",
            "gatekeeper",
            "options",
            "tls/serve",
        ],
    ),
    (
        "server: answers",
        &[
            "connections",
            "journal/expect",
            "journal/making",
            "journal/refusal",
            "journal/trace",
            "journal/view",
            "reply/answer",
            "reply/informational",
            "reply/part",
            "reply/trailers",
            "server",
            "stream/play",
            "tls/admit",
            "websocket/serve",
        ],
    ),
    ("handle: what tests hold, and reports", &["journal", "mock"]),
    (
        "methods: what else a handle can do",
        &[
            "client",
            "cluster",
            "connections/mock",
            "grpc",
            "interceptor",
            "journal/check",
            "record",
            "settle",
            "tls/mock",
            "watchdog",
        ],
    ),
    ("runs: how a test is run", &["harness", "start", "sweep"]),
];

const LIFE: &[Layer] = &[
    ("ground", &["glob", "hash", "json", "seed", "signing"]),
    (
        "objects",
        &[
            "amounts", "cache", "kind", "object", "plan", "pressure", "scales",
        ],
    ),
    ("controller", &["controller"]),
    (
        "shared",
        &[
            "containers",
            "explain",
            "nodes",
            "run",
            "shared",
            "stages",
            "usage",
        ],
    ),
    ("controllers", &["controllers", "kubelet", "scheduler"]),
    ("life", &["life"]),
];

const MACROS: &[Layer] = &[
    (
        "ground",
        &["ast", "errors", "habits", "numbers", "words", "written"],
    ),
    ("notation", &["notation"]),
    ("parse", &["duration", "json", "parse"]),
    ("test attribute", &["test_attr", "test_body"]),
    ("expand", &["expand"]),
    ("fuzz", &["fuzz"]),
];

/// The layer of a file: where the longest beginning of its path stands.
fn level(layers: &[Layer], file: &str) -> Option<usize> {
    let mut name = file.strip_suffix(".rs").unwrap_or(file);
    loop {
        let found = layers.iter().position(|(_, names)| names.contains(&name));
        if found.is_some() {
            return found;
        }
        name = name.rsplit_once('/')?.0;
    }
}

/// Names and files of the layers that are none any more.
fn unknown<'a>(layers: &'a [Layer], files: &[String]) -> Vec<&'a str> {
    let names = layers.iter().flat_map(|(_, names)| *names);
    names
        .filter(|name| {
            !files.iter().any(|file| {
                let rest = file.strip_prefix(*name);
                rest.is_some_and(|rest| rest == ".rs" || rest.starts_with('/'))
            })
        })
        .copied()
        .collect()
}

#[test]
fn no_file_names_one_of_a_layer_above() {
    let mut told = Vec::new();
    for (folder, layers) in CRATES {
        let sources = Sources::of(folder);
        let arrows = sources.arrows();
        let files: Vec<String> = arrows.keys().map(|module| sources.file(module)).collect();
        for name in unknown(layers, &files) {
            told.push(format!(
                "{folder}: there is no `{name}`: take it out of its layer"
            ));
        }
        for (module, arrows) in arrows {
            if module.is_empty() {
                continue;
            }
            let file = sources.file(&module);
            let Some(from) = level(layers, &file) else {
                told.push(format!("{folder}: {file} is in no layer: put it in one"));
                continue;
            };
            for (target, paths) in arrows {
                let mut paths: Vec<String> = paths.into_iter().collect();
                // What the root re-exports is defined in a room, or in another crate.
                if target.is_empty() {
                    paths.retain(|path| !path.starts_with("crate::emulator"));
                    if paths.is_empty() {
                        continue;
                    }
                }
                let to = level(layers, &sources.file(&target));
                if to.is_none_or(|to| to > from) {
                    let (own, paths) = (layers[from].0, paths.join(", "));
                    let above = to.map_or("the root", |to| layers[to].0);
                    told.push(format!("{folder}: {file} ({own}) names {paths} ({above})"));
                }
            }
        }
    }
    assert!(told.is_empty(), "upwards:\n{}", told.join("\n"));
}

#[test]
fn layers_are_found_by_the_longest_name() {
    let layers: &[Layer] = &[("one", &["a/b", "a/mod"]), ("two", &["a", "c"])];
    for (file, wanted) in [
        ("a/b.rs", Some(0)),
        ("a/b/c.rs", Some(0)),
        ("a/mod.rs", Some(0)),
        ("a/c.rs", Some(1)),
        ("c.rs", Some(1)),
        ("cc.rs", None),
        ("d/a.rs", None),
    ] {
        assert_eq!(level(layers, file), wanted, "{file}");
    }
    let files = ["a/b.rs".to_owned(), "c.rs".to_owned()];
    assert_eq!(unknown(layers, &files), ["a/mod"]);
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
