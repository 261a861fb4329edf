//! The rules of one server in the order in which they are asked, and the index that finds the few that can match.
//!
//! The order: priority (tuples, compared from the left, 0 where nothing stands), then definition. The index:
//! a rule whose filter demands a literal path is looked up by it, one that demands a literal first segment
//! by that, and only the others are tried for every request. So the cost of a request does not grow with
//! the number of rules that cannot match it.

use std::{
    cmp::Ordering,
    collections::HashMap,
    sync::{
        Arc, Mutex, OnceLock, PoisonError, RwLock,
        atomic::{self, AtomicBool},
    },
};

use crate::{
    reply::Ready,
    rules::{Rule, Spec},
};

#[derive(Default)]
pub(crate) struct Book {
    rules: Mutex<Vec<Rule>>,
    table: RwLock<Arc<Table>>,
    /// Set when the table no longer shows what the rules say; shared with the rules, which set it when they change.
    dirty: Arc<AtomicBool>,
}

/// The rules as they were when the table was made, sorted, with the index over them.
#[derive(Default)]
pub(crate) struct Table {
    entries: Vec<Entry>,
    by_path: HashMap<String, Vec<usize>>,
    by_segment: HashMap<String, Vec<usize>>,
    others: Vec<usize>,
}

pub(crate) struct Entry {
    pub(crate) rule: Rule,
    pub(crate) spec: Arc<Spec>,
    /// What is known of a rule before any request comes, worked out when the first one does.
    label: OnceLock<String>,
    ready: OnceLock<Option<Ready>>,
}

impl Entry {
    /// How the rule is called in reports.
    pub(crate) fn label(&self) -> &str {
        self.label.get_or_init(|| self.rule.to_string())
    }

    /// The answer, where there is nothing to compute.
    pub(crate) fn ready(&self) -> Option<&Ready> {
        self.ready
            .get_or_init(|| self.spec.reply.as_ref().and_then(Ready::of))
            .as_ref()
    }
}

impl std::fmt::Debug for Book {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Book({} rules)", self.rules().len())
    }
}

impl Book {
    pub(crate) fn add(&self, rules: Vec<Rule>) {
        for rule in &rules {
            rule.watched_by(Arc::downgrade(&self.dirty));
        }
        let mut all = self.rules.lock().unwrap_or_else(PoisonError::into_inner);
        all.extend(rules);
        self.dirty.store(true, atomic::Ordering::Release);
    }

    /// Lets go of all rules.
    pub(crate) fn clear(&self) {
        let gone = {
            let mut all = self.rules.lock().unwrap_or_else(PoisonError::into_inner);
            std::mem::take(&mut *all)
        };
        let table = {
            let mut table = self.table.write().unwrap_or_else(PoisonError::into_inner);
            std::mem::take(&mut *table)
        };
        // Dropped outside of the locks: what closures hold may come back here.
        drop((gone, table));
    }

    /// All rules in the order of definition.
    pub(crate) fn rules(&self) -> Vec<Rule> {
        let mut all = self.rules.lock().unwrap_or_else(PoisonError::into_inner);
        all.retain(|rule| !rule.is_removed());
        all.clone()
    }

    pub(crate) fn table(&self) -> Arc<Table> {
        if self.dirty.load(atomic::Ordering::Acquire) {
            // The lock comes first: whoever finds the book clean meanwhile waits for the fresh table below.
            let mut table = self.table.write().unwrap_or_else(PoisonError::into_inner);
            if self.dirty.swap(false, atomic::Ordering::AcqRel) {
                *table = Arc::new(Table::of(self.rules()));
            }
        }
        Arc::clone(&self.table.read().unwrap_or_else(PoisonError::into_inner))
    }
}

impl Table {
    fn of(rules: Vec<Rule>) -> Table {
        let mut entries: Vec<Entry> = rules
            .into_iter()
            .map(|rule| Entry {
                spec: rule.spec(),
                rule,
                label: OnceLock::new(),
                ready: OnceLock::new(),
            })
            .collect();
        // Stable: equals stay in the order of definition.
        entries.sort_by(|a, b| by_priority(&b.spec.priority, &a.spec.priority));
        let mut table = Table::default();
        for (at, entry) in entries.iter().enumerate() {
            if let Some(path) = entry.spec.filter.literal_path() {
                table.by_path.entry(path.to_owned()).or_default().push(at);
            } else if let Some(segment) = entry.spec.filter.first_segment() {
                table
                    .by_segment
                    .entry(segment.to_owned())
                    .or_default()
                    .push(at);
            } else {
                table.others.push(at);
            }
        }
        table.entries = entries;
        table
    }

    /// All rules in the order in which they are asked.
    pub(crate) fn in_order(&self) -> impl Iterator<Item = &Rule> {
        self.entries.iter().map(|entry| &entry.rule)
    }

    /// The rules that can match a path, in the order in which they are asked.
    pub(crate) fn candidates<'a>(
        &'a self,
        path: &str,
    ) -> impl Iterator<Item = &'a Entry> + use<'a> {
        fn listed<'a>(index: &'a HashMap<String, Vec<usize>>, key: &str) -> &'a [usize] {
            index.get(key).map_or(&[], Vec::as_slice)
        }
        let segment = path
            .strip_prefix('/')
            .and_then(|path| path.split('/').next());
        let mut lists = [
            listed(&self.by_path, path),
            listed(&self.by_segment, segment.unwrap_or_default()),
            self.others.as_slice(),
        ];
        std::iter::from_fn(move || {
            let (list, at) = lists
                .iter()
                .enumerate()
                .filter_map(|(n, list)| Some((n, *list.first()?)))
                .min_by_key(|(_, at)| *at)?;
            lists[list] = &lists[list][1..];
            self.entries.get(at)
        })
    }
}

fn by_priority(a: &[f64], b: &[f64]) -> Ordering {
    let level = |levels: &[f64], at: usize| levels.get(at).copied().unwrap_or(0.0);
    (0..a.len().max(b.len()))
        .map(|at| level(a, at).total_cmp(&level(b, at)))
        .find(|order| order.is_ne())
        .unwrap_or(Ordering::Equal)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn order(book: &Book, path: &str) -> Vec<String> {
        book.table()
            .candidates(path)
            .filter_map(|entry| entry.spec.name.clone())
            .collect()
    }

    #[test]
    fn rules_are_asked_by_priority_then_definition_whatever_the_index() {
        let book = Book::default();
        book.add(vec![
            Rule::on("/a").named("literal").status(200),
            Rule::on("get").named("other").status(200),
            Rule::on("/{x}").named("template").status(200),
            Rule::on("/a/**").named("segment").status(200),
            Rule::on("/a").named("high").priority(100).status(200),
            Rule::on("/b").named("elsewhere").status(200),
            Rule::on("/a").named("last").falling_back().falling_back(),
            Rule::on("/a").named("late").falling_back(),
            Rule::on("/a").named("first").overriding(),
        ]);
        assert_eq!(
            order(&book, "/a"),
            [
                "first", "high", "literal", "other", "template", "segment", "late", "last"
            ]
        );
    }

    #[test]
    fn a_change_of_a_rule_is_seen() {
        let book = Book::default();
        let low = Rule::on("/a").named("low");
        book.add(vec![Rule::on("/a").named("one"), low.clone()]);
        assert_eq!(order(&book, "/a"), ["one", "low"]);
        let low = low.priority(1);
        assert_eq!(order(&book, "/a"), ["low", "one"]);
        low.remove();
        assert_eq!(order(&book, "/a"), ["one"]);
    }
}
