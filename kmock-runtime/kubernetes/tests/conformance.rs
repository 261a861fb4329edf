//! The emulator against recorded answers of a real API server (v1.36.3).
//!
//! `conformance/transcripts/<area>/*.json` are the recordings, `conformance/failing/<area>.txt` the scenarios that do
//! not pass yet: one that is on the list and passes is a failure too, so that the list stays true.
//!
//! - `CONFORMANCE=crud` shows the differences of the scenarios whose `area/name` contains the text, and runs only them.
//! - `CONFORMANCE_BLESS=1` writes the lists anew.
//! - Scenarios with rules in CEL run only with the feature `cel`.
#![allow(clippy::unwrap_used, unreachable_pub, reason = "a test")]

#[path = "conformance/json.rs"]
mod json;
#[path = "conformance/normal.rs"]
mod normal;
#[path = "conformance/replay.rs"]
mod replay;

use std::collections::BTreeSet;
use std::fmt::Write;
use std::path::Path;

use kmock_kubernetes::{Clock, Cluster, ClusterOptions};

use crate::json::Json;

/// When the recordings with ages of fixed dates were made: the cluster's clock starts there, whatever today is.
const RECORDED: &str = "2026-11-22T12:00:00Z";

fn area(area: &str) {
    let home = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/conformance");
    let list = home.join("failing").join(format!("{area}.txt"));
    let only = std::env::var("CONFORMANCE").ok();
    let known: BTreeSet<String> = std::fs::read_to_string(&list)
        .unwrap_or_default()
        .lines()
        .filter(|x| !x.is_empty())
        .map(str::to_owned)
        .collect();
    let mut files: Vec<_> = std::fs::read_dir(home.join("transcripts").join(area))
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .collect();
    files.sort();
    let (mut steps, mut good, mut whole, mut ran) = (0, 0, 0, 0);
    let (mut failing, mut surprises, mut report) = (BTreeSet::new(), Vec::new(), String::new());
    for file in files {
        let name = file.file_stem().unwrap().to_string_lossy().into_owned();
        if only
            .as_ref()
            .is_some_and(|only| !format!("{area}/{name}").contains(only))
        {
            continue;
        }
        let text = std::fs::read_to_string(&file).unwrap();
        if !cfg!(feature = "cel") && text.contains("x-kubernetes-validations") {
            continue;
        }
        ran += 1;
        let scenario = Json::parse(&text).unwrap();
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .start_paused(true)
            .build()
            .unwrap();
        let outcome = runtime.block_on(async {
            let cluster = Cluster::new(ClusterOptions {
                clock: Some(Clock::starting_at(RECORDED.parse().unwrap())),
                ..ClusterOptions::default()
            });
            replay::replay(&cluster, &scenario).await
        });
        steps += outcome.steps;
        good += outcome.steps - outcome.failures.len();
        whole += usize::from(outcome.failures.is_empty());
        let shown = only.is_some() || !known.contains(&name);
        if !outcome.failures.is_empty() {
            failing.insert(name.clone());
            if shown {
                writeln!(
                    report,
                    "{area}/{name}: {}/{} steps",
                    outcome.steps - outcome.failures.len(),
                    outcome.steps
                )
                .unwrap();
            }
            for failure in outcome.failures.iter().filter(|_| shown) {
                writeln!(report, "  step {}: {}", failure.step, failure.what).unwrap();
                for difference in failure.differences.iter().take(8) {
                    writeln!(report, "    {difference}").unwrap();
                }
                if failure.differences.len() > 8 {
                    writeln!(report, "    (+{} more)", failure.differences.len() - 8).unwrap();
                }
            }
        }
        if failing.contains(&name) != known.contains(&name) {
            surprises.push(name);
        }
    }
    print!("{report}");
    println!("{area}: scenarios {whole}/{ran}, steps {good}/{steps}");
    if std::env::var_os("CONFORMANCE_BLESS").is_some() && only.is_none() {
        let text: String = failing.iter().map(|name| format!("{name}\n")).collect();
        std::fs::write(&list, text).unwrap();
        return;
    }
    let (new, fixed): (Vec<_>, Vec<_>) = surprises
        .into_iter()
        .partition(|name| failing.contains(name));
    assert!(
        new.is_empty(),
        "{area}: scenarios fail that passed: {new:?}"
    );
    assert!(
        fixed.is_empty(),
        "{area}: scenarios pass now, take them off conformance/failing/{area}.txt: {fixed:?}"
    );
}

#[test]
fn objects() {
    area("objects");
}

#[test]
fn reads() {
    area("reads");
}

#[test]
fn patches() {
    area("patches");
}

#[test]
fn crds() {
    area("crds");
}

#[test]
fn builtins() {
    area("builtins");
}
