//! Whether some rules cover others: nobody may grant what they do not have.

use std::collections::BTreeSet;

use super::rule::{Rule, url_covers};

/// What of `asked` the rules `own` do not cover, broken down to single rights.
pub fn missing(own: &[Rule], asked: &[Rule]) -> Vec<Rule> {
    asked
        .iter()
        .flat_map(break_down)
        .filter(|right| !own.iter().any(|rule| covers(rule, right)))
        .collect()
}

/// The single rights of a rule: one group, one resource, one verb, one name at most; or one path and one verb.
pub fn break_down(rule: &Rule) -> Vec<Rule> {
    let mut rights = Vec::new();
    for group in &rule.groups {
        for resource in &rule.resources {
            for verb in &rule.verbs {
                let right = Rule {
                    groups: vec![group.clone()],
                    resources: vec![resource.clone()],
                    verbs: vec![verb.clone()],
                    ..Rule::default()
                };
                if rule.names.is_empty() {
                    rights.push(right);
                    continue;
                }
                rights.extend(rule.names.iter().map(|name| Rule {
                    names: vec![name.clone()],
                    ..right.clone()
                }));
            }
        }
    }
    for url in &rule.urls {
        rights.extend(rule.verbs.iter().map(|verb| Rule {
            urls: vec![url.clone()],
            verbs: vec![verb.clone()],
            ..Rule::default()
        }));
    }
    rights
}

/// Whether a rule covers a single right.
fn covers(rule: &Rule, right: &Rule) -> bool {
    let all = |own: &[String], asked: &[String]| {
        own.iter().any(|item| item == "*") || asked.iter().all(|item| own.contains(item))
    };
    let resource = |asked: &String| {
        let of_any = || asked.split_once('/').map(|(_, sub)| format!("*/{sub}"));
        rule.resources.contains(asked) || of_any().is_some_and(|any| rule.resources.contains(&any))
    };
    let url = |asked: &String| rule.urls.iter().any(|own| own_url_covers(own, asked));
    all(&rule.verbs, &right.verbs)
        && all(&rule.groups, &right.groups)
        && (rule.resources.iter().any(|own| own == "*") || right.resources.iter().all(resource))
        && right.urls.iter().all(url)
        && (rule.names.is_empty()
            || !right.names.is_empty() && right.names.iter().all(|name| rule.names.contains(name)))
}

/// Here `*` is a path that begins with nothing.
fn own_url_covers(own: &str, asked: &str) -> bool {
    own == asked || own.ends_with('*') && url_covers(own, asked)
}

/// Puts rights on the same thing together, as the server does before it tells them: those on one resource of one
/// group. Their verbs are in the order in which they came.
pub fn compact(rules: Vec<Rule>) -> Vec<Rule> {
    let mut out: Vec<Rule> = Vec::new();
    for rule in rules {
        let simple = rule.groups.len() == 1
            && rule.resources.len() == 1
            && rule.names.len() <= 1
            && rule.urls.is_empty()
            && !rule.verbs.is_empty();
        let same = |known: &&mut Rule| {
            known.urls.is_empty()
                && known.groups == rule.groups
                && known.resources == rule.resources
                && known.names == rule.names
        };
        match out.iter_mut().filter(|_| simple).find(same) {
            Some(known) => {
                let new = rule
                    .verbs
                    .into_iter()
                    .filter(|verb| !known.verbs.contains(verb));
                let new: Vec<String> = new.collect();
                known.verbs.extend(new);
            }
            None => out.push(rule),
        }
    }
    out
}

/// The lines of a refusal: each right once, sorted.
pub fn describe(rules: Vec<Rule>) -> String {
    let lines: BTreeSet<String> = compact(rules).iter().map(ToString::to_string).collect();
    lines.into_iter().collect::<Vec<_>>().join("\n")
}
