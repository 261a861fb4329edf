//! How many Pods a selector selects on each node: counted once, and kept right when Pods come and go.

use std::collections::{BTreeMap, VecDeque};

use super::info::{NodeInfo, PodInfo};
use crate::emulator::selectors::LabelSelector;
use crate::json::Json;
use crate::object;

/// So many selectors are remembered; the one that was not asked for the longest goes first.
const MOST: usize = 64;

/// The Pods of a namespace that a selector selects. One that is empty selects none here, as there.
#[derive(Debug)]
pub(crate) struct Selected {
    namespace: String,
    selector: Option<LabelSelector>,
}

impl Selected {
    fn new(namespace: &str, selector: &Json) -> Selected {
        let selector = object::selector(selector).filter(|selector| !selector.is_empty());
        Selected {
            namespace: namespace.to_owned(),
            selector,
        }
    }

    /// Whether a Pod is one of them; those that go do not count.
    fn has(&self, pod: &PodInfo) -> bool {
        !pod.deleting
            && pod.namespace == self.namespace
            && self
                .selector
                .as_ref()
                .is_some_and(|selector| selector.matches(Some(&pod.labels)))
    }

    fn count(&self, node: &NodeInfo) -> i64 {
        node.pods.values().filter(|pod| self.has(pod)).count() as i64
    }
}

#[derive(Debug)]
struct Tally {
    said: Json,
    selected: Selected,
    /// By the names of nodes.
    on: BTreeMap<String, i64>,
}

impl Tally {
    fn is_of(&self, namespace: &str, selector: &Json) -> bool {
        self.selected.namespace == namespace && self.said == *selector
    }
}

/// What is counted so far.
#[derive(Debug, Default)]
pub(crate) struct Tallies(VecDeque<Tally>);

impl Tallies {
    pub(crate) fn begin(
        &mut self,
        namespace: &str,
        selector: &Json,
        nodes: &BTreeMap<String, NodeInfo>,
    ) {
        let known = self.0.iter().position(|one| one.is_of(namespace, selector));
        if let Some(known) = known.and_then(|at| self.0.remove(at)) {
            return self.0.push_back(known);
        }
        let selected = Selected::new(namespace, selector);
        let counts = nodes
            .values()
            .map(|node| (node.name.clone(), selected.count(node)));
        let on = counts.filter(|(_, count)| *count > 0).collect();
        if self.0.len() >= MOST {
            self.0.pop_front();
        }
        self.0.push_back(Tally {
            said: selector.clone(),
            selected,
            on,
        });
    }

    /// A Pod came to a node, or went from there.
    pub(crate) fn change(&mut self, pod: &PodInfo, node: &str, by: i64) {
        for tally in self.0.iter_mut().filter(|tally| tally.selected.has(pod)) {
            match tally.on.get_mut(node) {
                Some(count) => *count += by,
                None => drop(tally.on.insert(node.to_owned(), by)),
            }
        }
    }

    /// A node went, with all that was on it.
    pub(crate) fn forget(&mut self, node: &str) {
        for tally in &mut self.0 {
            tally.on.remove(node);
        }
    }

    pub(crate) fn counted(&self, namespace: &str, selector: &Json) -> Counted<'_> {
        let mut latest = self.0.iter().rev();
        match latest.find(|one| one.is_of(namespace, selector)) {
            Some(tally) => Counted::Known(&tally.on),
            None => Counted::Anew(Selected::new(namespace, selector)),
        }
    }
}

/// How many there are on each node: known, or to be counted.
#[derive(Debug)]
pub(crate) enum Counted<'a> {
    Known(&'a BTreeMap<String, i64>),
    Anew(Selected),
}

impl Counted<'_> {
    pub(crate) fn on(&self, node: &NodeInfo) -> i64 {
        match self {
            Counted::Known(on) => on.get(&node.name).copied().unwrap_or_default(),
            Counted::Anew(selected) => selected.count(node),
        }
    }
}
