//! Circles of files that name each other are short: whoever wants to understand a file can begin with those that it names.

use std::collections::{BTreeMap, BTreeSet};

use crate::sources::{Arrows, CRATES, Module, Sources};

/// How many files of a crate may name each other in a circle: a room that is taken apart for its length alone.
const MOST: usize = 10;

/// The circles, longest first.
pub(crate) fn circles(arrows: &Arrows) -> Vec<BTreeSet<Module>> {
    let reach: BTreeMap<&Module, BTreeSet<&Module>> = arrows
        .keys()
        .map(|start| {
            let mut seen = BTreeSet::new();
            let mut todo = vec![start];
            while let Some(module) = todo.pop() {
                for next in arrows.get(module).into_iter().flat_map(BTreeMap::keys) {
                    if seen.insert(next) {
                        todo.push(next);
                    }
                }
            }
            (start, seen)
        })
        .collect();
    let mut done = BTreeSet::new();
    let mut found = Vec::new();
    for (module, reached) in &reach {
        if !reached.contains(module) || !done.insert(*module) {
            continue;
        }
        let circle: BTreeSet<Module> = reached
            .iter()
            .filter(|other| reach.get(*other).is_some_and(|back| back.contains(module)))
            .map(|other| (*other).clone())
            .collect();
        done.extend(
            reach
                .keys()
                .filter(|other| circle.contains(**other))
                .copied(),
        );
        found.push(circle);
    }
    found.sort_by_key(|circle| std::cmp::Reverse(circle.len()));
    found
}

#[test]
fn circles_are_short() {
    let mut told = Vec::new();
    for folder in CRATES {
        let sources = Sources::of(folder);
        let arrows = sources.arrows();
        for circle in circles(&arrows) {
            let files: Vec<String> = circle.iter().map(|module| sources.file(module)).collect();
            println!("{folder}: {}: {}", files.len(), files.join(" "));
            if files.len() <= MOST {
                continue;
            }
            told.push(format!("{folder}: {} files", files.len()));
            for from in &circle {
                let named = arrows.get(from).into_iter().flatten();
                for (to, paths) in named.filter(|(to, _)| circle.contains(*to)) {
                    let paths: Vec<&str> = paths.iter().map(String::as_str).collect();
                    let (from, to) = (sources.file(from), sources.file(to));
                    told.push(format!("  {from} names {to}: {}", paths.join(", ")));
                }
            }
        }
    }
    assert!(told.is_empty(), "circles:\n{}", told.join("\n"));
}
