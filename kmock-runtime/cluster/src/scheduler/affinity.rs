//! Affinities: of Pods to nodes, and of Pods to each other.

use std::collections::BTreeMap;

use super::filter::Context;
use super::info::{NodeInfo, PodInfo, Snapshot};
use crate::cache::Cache;
use crate::emulator::selectors::LabelSelector;
use crate::json::{Json, Members};
use crate::kind::Kind;
use crate::object::{self, items, text};

/// Whether a Pod's node selector and required node affinity let it on a node.
pub(crate) fn node_matches(pod: &Json, node: &Json) -> bool {
    let selector = &pod["spec"]["nodeSelector"];
    if selector.is_object() && !object::map_selects(selector, object::labels(node)) {
        return false;
    }
    let required =
        &pod["spec"]["affinity"]["nodeAffinity"]["requiredDuringSchedulingIgnoredDuringExecution"];
    !required.is_object() || terms_match(&required["nodeSelectorTerms"], node)
}

/// Whether one of some node selector terms selects a node.
pub(crate) fn terms_match(terms: &Json, node: &Json) -> bool {
    items(terms).any(|term| term_matches(term, node))
}

/// Whether a volume can be used on a node, by its own node affinity.
pub(crate) fn volume_suits(volume: &Json, node: &Json) -> bool {
    let required = &volume["spec"]["nodeAffinity"]["required"];
    !required.is_object() || terms_match(&required["nodeSelectorTerms"], node)
}

/// Whether all expressions of a term hold for a node; an empty term selects nothing.
pub(crate) fn term_matches(term: &Json, node: &Json) -> bool {
    let (labels, fields) = (&term["matchExpressions"], &term["matchFields"]);
    let mut any = false;
    for expression in items(labels) {
        any = true;
        let found = node["metadata"]["labels"][text(&expression["key"])].as_str();
        if !expression_holds(expression, found) {
            return false;
        }
    }
    for expression in items(fields) {
        any = true;
        if !expression_holds(expression, Some(object::name(node))) {
            return false;
        }
    }
    any
}

fn expression_holds(expression: &Json, found: Option<&str>) -> bool {
    let values = || items(&expression["values"]).map(text);
    let number = |text: &str| text.parse::<i64>().ok();
    match text(&expression["operator"]) {
        "In" => found.is_some_and(|found| values().any(|value| value == found)),
        "NotIn" => !found.is_some_and(|found| values().any(|value| value == found)),
        "Exists" => found.is_some(),
        "DoesNotExist" => found.is_none(),
        operator @ ("Gt" | "Lt") => {
            let bound = values().next().and_then(number);
            match (found.and_then(number), bound) {
                (Some(found), Some(bound)) if operator == "Gt" => found > bound,
                (Some(found), Some(bound)) => found < bound,
                _ => false,
            }
        }
        _ => false,
    }
}

/// One rule of a Pod about others.
#[derive(Debug, Clone)]
pub(crate) struct Term {
    selector: Option<LabelSelector>,
    namespaces: Vec<String>,
    all_namespaces: Option<LabelSelector>,
    key: String,
}

impl Term {
    pub(crate) fn of(term: &Json, pod: &PodInfo) -> Term {
        let mut selector = object::selector(&term["labelSelector"]);
        let mut extra = Members::new();
        for key in items(&term["matchLabelKeys"]).map(text) {
            if let Some(value) = pod.labels.get(key) {
                extra.insert(key.to_owned(), value.clone());
            }
        }
        if !extra.is_empty() {
            let mut joined = term["labelSelector"].clone();
            for (key, value) in extra {
                joined["matchLabels"][&key] = value;
            }
            selector = object::selector(&joined);
        }
        let mut namespaces: Vec<String> = items(&term["namespaces"])
            .map(text)
            .map(str::to_owned)
            .collect();
        let all_namespaces = object::selector(&term["namespaceSelector"]);
        if namespaces.is_empty() && all_namespaces.is_none() {
            namespaces.push(pod.namespace.clone());
        }
        Term {
            selector,
            namespaces,
            all_namespaces,
            key: text(&term["topologyKey"]).to_owned(),
        }
    }

    fn matches(&self, pod: &PodInfo, cache: &Cache) -> bool {
        let in_namespace = self.namespaces.contains(&pod.namespace)
            || self.all_namespaces.as_ref().is_some_and(|selector| {
                selector.is_empty()
                    || cache
                        .get(Kind::Namespaces, &pod.namespace)
                        .is_some_and(|namespace| selector.matches(object::labels(namespace)))
            });
        in_namespace
            && self
                .selector
                .as_ref()
                .is_some_and(|selector| selector.matches(Some(&pod.labels)))
    }
}

fn required<'a>(pod: &'a Json, sort: &str) -> impl Iterator<Item = &'a Json> {
    items(&pod["spec"]["affinity"][sort]["requiredDuringSchedulingIgnoredDuringExecution"])
}

/// The required rules between a Pod and those that run: counted by the values of topology keys.
#[derive(Debug, Default)]
pub(crate) struct Rules {
    /// Keys and values where Pods are that do not want this one near.
    repelled: BTreeMap<(String, String), usize>,
    affinity: Vec<(Term, BTreeMap<String, usize>)>,
    anti: Vec<(Term, BTreeMap<String, usize>)>,
    /// The Pod fits its own rules, and no other does: it may be the first.
    first: bool,
}

impl Rules {
    pub(crate) fn of(pod: &Json, info: &PodInfo, snapshot: &Snapshot, cache: &Cache) -> Rules {
        let mut rules = Rules::default();
        let own = |sort: &str| -> Vec<(Term, BTreeMap<String, usize>)> {
            required(pod, sort)
                .map(|term| (Term::of(term, info), BTreeMap::new()))
                .collect()
        };
        (rules.affinity, rules.anti) = (own("podAffinity"), own("podAntiAffinity"));
        let mine = !rules.affinity.is_empty() || !rules.anti.is_empty();
        if snapshot.affine == 0 && !mine {
            return rules;
        }
        for node in snapshot.nodes.values() {
            for other in node.pods.values() {
                if snapshot.affine > 0 {
                    for term in required(&other.object, "podAntiAffinity") {
                        let term = Term::of(term, other);
                        if let Some(value) = node.label(&term.key)
                            && term.matches(info, cache)
                        {
                            *rules
                                .repelled
                                .entry((term.key.clone(), value.to_owned()))
                                .or_default() += 1;
                        }
                    }
                }
                if !mine || other.deleting {
                    continue;
                }
                // All affinity terms have to fit one Pod; anti-affinity terms count one by one.
                if !rules.affinity.is_empty()
                    && rules
                        .affinity
                        .iter()
                        .all(|(term, _)| term.matches(other, cache))
                {
                    for (term, counts) in &mut rules.affinity {
                        if let Some(value) = node.label(&term.key) {
                            *counts.entry(value.to_owned()).or_default() += 1;
                        }
                    }
                }
                for (term, counts) in &mut rules.anti {
                    if term.matches(other, cache)
                        && let Some(value) = node.label(&term.key)
                    {
                        *counts.entry(value.to_owned()).or_default() += 1;
                    }
                }
            }
        }
        rules.first = rules
            .affinity
            .iter()
            .all(|(term, counts)| counts.is_empty() && term.matches(info, cache));
        rules
    }

    /// Why a node does not do, and whether it would without some Pods.
    pub(crate) fn check(&self, node: &NodeInfo) -> Option<(String, bool)> {
        for (term, counts) in &self.affinity {
            let fits = node
                .label(&term.key)
                .is_some_and(|value| counts.contains_key(value) || self.first);
            if !fits {
                return Some(("node(s) didn't match pod affinity rules".to_owned(), false));
            }
        }
        for (term, counts) in &self.anti {
            if node
                .label(&term.key)
                .is_some_and(|value| counts.contains_key(value))
            {
                return Some((
                    "node(s) didn't match pod anti-affinity rules".to_owned(),
                    true,
                ));
            }
        }
        for (key, value) in self.repelled.keys() {
            if node.label(key) == Some(value) {
                return Some((
                    "node(s) didn't satisfy existing pods anti-affinity rules".to_owned(),
                    true,
                ));
            }
        }
        None
    }
}

/// How much a Pod likes each value of the topology keys for the Pods that are there: preferred affinities, its own and theirs.
#[derive(Debug, Default)]
pub(crate) struct Liking<'s>(BTreeMap<String, BTreeMap<&'s str, i64>>);

impl<'s> Liking<'s> {
    pub(crate) fn of(context: &Context<'s>) -> Liking<'s> {
        let (info, snapshot) = (context.info, context.snapshot);
        let mut liking = Liking::default();
        let mine: Vec<(i64, Term)> = preferred(context.pod)
            .map(|(weight, term)| (weight, Term::of(term, info)))
            .collect();
        if mine.is_empty() && snapshot.affine == 0 {
            return liking;
        }
        for node in snapshot.nodes.values() {
            for other in node.pods.values() {
                for (weight, term) in &mine {
                    if term.matches(other, context.cache) {
                        liking.add(node, term, *weight);
                    }
                }
                if snapshot.affine == 0 {
                    continue;
                }
                // Who requires to be near others likes their coming, too.
                let requires = required(&other.object, "podAffinity").map(|term| (1, term));
                for (weight, term) in preferred(&other.object).chain(requires) {
                    let term = Term::of(term, other);
                    if term.matches(info, context.cache) {
                        liking.add(node, &term, weight);
                    }
                }
            }
        }
        liking
    }

    fn add(&mut self, node: &'s NodeInfo, term: &Term, weight: i64) {
        if let Some(value) = node.label(&term.key) {
            let values = self.0.entry(term.key.clone()).or_default();
            *values.entry(value).or_default() += weight;
        }
    }

    /// That of a node.
    pub(crate) fn node(&self, node: &NodeInfo) -> i64 {
        let values = self.0.iter().filter_map(|(key, values)| {
            let value = node.label(key)?;
            values.get(value)
        });
        values.sum()
    }
}

/// The terms of a Pod's preferred affinities with their weights; what it would rather be apart from has negative ones.
fn preferred(pod: &Json) -> impl Iterator<Item = (i64, &Json)> {
    let sorts = [("podAffinity", 1), ("podAntiAffinity", -1)].into_iter();
    sorts.flat_map(|(sort, sign)| {
        let terms =
            &pod["spec"]["affinity"][sort]["preferredDuringSchedulingIgnoredDuringExecution"];
        items(terms).map(move |term| {
            (
                sign * object::int(&term["weight"]),
                &term["podAffinityTerm"],
            )
        })
    })
}
