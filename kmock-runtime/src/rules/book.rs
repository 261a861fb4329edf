//! The rules of one server in the order in which they are asked, and the index that finds the few that can match.
//!
//! The order: priority (tuples, compared from the left, 0 where nothing stands), then definition. The `index` finds rules by
//! what their filters demand (method, path, segments, host, query, headers), so that the cost of a request does not grow
//! with the number of rules that cannot match it.

use std::{
    cmp::Ordering,
    sync::{
        Arc, Mutex, OnceLock, PoisonError, RwLock,
        atomic::{self, AtomicBool},
    },
};

use crate::{
    backend::Beside,
    criteria::Captured,
    journal::RuleName,
    reply::Ready,
    reply::Reply,
    request::Request,
    rules::{Rule, Spec, index::Index},
    server::Pace,
};

#[derive(Default)]
pub(crate) struct Book {
    rules: Mutex<Vec<Rule>>,
    /// Those that were taken off and know of exchanges that reports tell of.
    removed: Mutex<Vec<Rule>>,
    table: RwLock<Arc<Table>>,
    /// Held while a request gets its numbers: all rules number the requests in one order.
    numbering: Mutex<()>,
    /// Set when the table no longer shows what the rules say; shared with the rules, which set it when they change.
    dirty: Arc<AtomicBool>,
}

/// The rules as they were when the table was made, sorted, with the index over them.
#[derive(Default)]
pub(crate) struct Table {
    entries: Vec<TableEntry>,
    /// Those for connections.
    door: Vec<TableEntry>,
    /// Whether some rule does not wait for bodies.
    early: bool,
    index: Index,
    /// Whether some rule answers a slice of its requests only.
    sliced: bool,
}

/// What a request is to the rules that number theirs: to each that it fits, what its path captures there, and its number.
#[derive(Default)]
pub(crate) struct Numbers(Vec<(Rule, Numbered)>);

/// `Err`: a function of the filter panicked.
type Numbered = Result<Option<(Captured, usize)>, String>;

impl Numbers {
    /// `None`: the rule does not number its requests. Else whether this one fits.
    pub(crate) fn of(&mut self, rule: &Rule) -> Option<Numbered> {
        let at = self.0.iter().position(|(numbered, _)| numbered == rule)?;
        Some(self.0.swap_remove(at).1)
    }
}

pub(crate) struct TableEntry {
    pub(crate) rule: Rule,
    pub(crate) spec: Arc<Spec>,
    /// What is known of a rule before any request comes, worked out when the first one does.
    named: OnceLock<Arc<RuleName>>,
    ready: OnceLock<Option<Ready>>,
}

impl TableEntry {
    /// How the rule has the body of its next request read; `None`: it does not answer it.
    fn pace(&self) -> Option<Pace> {
        let (spec, count) = (&self.spec, self.rule.count());
        if spec
            .slice
            .is_some_and(|slice| !slice.contains(self.rule.reached()))
        {
            return None;
        }
        let reply = spec.sequence.answer(spec.reply.as_ref()?, count)?;
        let way = reply.transport();
        let fault = reply.fault.as_ref();
        Some(Pace {
            stop: fault
                .and_then(|fault| fault.in_upload_of(count))
                .or(way.and_then(|way| way.unread))
                .or(reply.converses().then_some(0)),
            rate: way.and_then(|way| way.upload),
            converses: reply.converses(),
        })
    }

    /// How the rule is called in reports, and where it was written.
    pub(crate) fn named(&self) -> &Arc<RuleName> {
        self.named.get_or_init(|| {
            Arc::new(RuleName {
                label: self.rule.to_string(),
                location: self.spec.location,
            })
        })
    }

    /// The answer, where it is known without waiting whether the rule takes a request, and what it answers then.
    pub(crate) fn at_once(&self) -> Option<&Ready> {
        let spec = &self.spec;
        let plain = spec.sinks.is_empty() && spec.next.is_none() && !spec.filter.awaits();
        self.ready().filter(|_| plain)
    }

    /// The answer, where there is nothing to compute.
    pub(crate) fn ready(&self) -> Option<&Ready> {
        self.ready
            .get_or_init(|| {
                let only = self.spec.reply.as_ref();
                only.filter(|_| self.spec.sequence.is_single())
                    .filter(|reply| !self.spec.worded(reply))
                    .and_then(Ready::of)
            })
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
        let removed = {
            let mut removed = self.removed.lock().unwrap_or_else(PoisonError::into_inner);
            std::mem::take(&mut *removed)
        };
        // Dropped outside of the locks: what closures hold may come back here.
        drop((gone, table, removed));
    }

    /// All rules in the order of definition.
    pub(crate) fn rules(&self) -> Vec<Rule> {
        let mut all = self.rules.lock().unwrap_or_else(PoisonError::into_inner);
        let gone: Vec<Rule> = all.extract_if(.., |rule| rule.is_removed()).collect();
        let rules = all.clone();
        drop(all);
        // Others are dropped outside of the locks, as above.
        let (telling, _others): (Vec<Rule>, Vec<Rule>) = gone.into_iter().partition(Rule::tells);
        self.removed
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .extend(telling);
        rules
    }

    /// Rules that were taken off, as far as they have something to tell in reports.
    pub(crate) fn removed(&self) -> Vec<Rule> {
        let removed = self.removed.lock().unwrap_or_else(PoisonError::into_inner);
        removed.clone()
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

    /// Gives a request its number at each rule that has a slice and a filter that it fits, whether or not an earlier rule
    /// will answer: `[0]`, `[1]` and `[2..]` of equal filters are then the first, the second, and all others.
    pub(crate) async fn number(&self, table: &Table, request: &Request) -> Numbers {
        let mut numbers = Numbers::default();
        if !table.sliced {
            return numbers;
        }
        for entry in table.candidates(request) {
            if entry.spec.slice.is_some() {
                let captured = entry.spec.filter.captures_now(request).await;
                let fits = captured.map(|captured| captured.map(|captured| (captured, 0)));
                numbers.0.push((entry.rule.clone(), fits));
            }
        }
        let _in_one_order = self
            .numbering
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        for (rule, fits) in &mut numbers.0 {
            if let Ok(Some((captured, number))) = fits {
                let per = rule.spec().per.clone();
                let value = captured.iter().find(|(name, _)| Some(name) == per.as_ref());
                *number = rule.reach(value.map_or("", |(_, value)| value));
            }
        }
        numbers
    }
}

impl Table {
    /// Whether some rules number the requests that fit.
    pub(crate) fn is_sliced(&self) -> bool {
        self.sliced
    }

    fn of(rules: Vec<Rule>) -> Table {
        let mut entries: Vec<TableEntry> = rules
            .into_iter()
            .map(|rule| TableEntry {
                spec: rule.spec(),
                rule,
                named: OnceLock::new(),
                ready: OnceLock::new(),
            })
            .collect();
        // Stable: equals stay in the order of definition.
        entries.sort_by(|a, b| by_priority(&b.spec.priority, &a.spec.priority));
        let at_the_door = |entry: &mut TableEntry| entry.spec.filter.is_for_connections();
        let door = entries.extract_if(.., at_the_door).collect();
        let facts: Vec<_> = entries
            .iter()
            .map(|entry| entry.spec.filter.facts())
            .collect();
        let index = Index::of(&facts);
        let early = entries.iter().any(|entry| {
            let last = entry.spec.reply.iter();
            last.chain(entry.spec.sequence.replies())
                .any(Reply::is_early)
        });
        let sliced = entries.iter().any(|entry| entry.spec.slice.is_some());
        Table {
            entries,
            door,
            early,
            index,
            sliced,
        }
    }

    /// Whether some rule does not wait for the bodies of requests.
    pub(crate) fn has_early(&self) -> bool {
        self.early
    }

    pub(crate) fn has_door(&self) -> bool {
        !self.door.is_empty()
    }

    /// Whether some rule for connections asks for the host, which is known late.
    #[cfg(feature = "tls")]
    pub(crate) fn door_asks_host(&self) -> bool {
        self.door.iter().any(|entry| entry.spec.filter.asks_host())
    }

    /// The rules for connections, in the order in which they are asked.
    pub(crate) fn at_the_door(&self) -> &[TableEntry] {
        &self.door
    }

    /// All rules in the order in which they are asked.
    pub(crate) fn in_order(&self) -> impl Iterator<Item = &Rule> {
        self.entries.iter().map(|entry| &entry.rule)
    }

    /// What they say of a request that none of them answered.
    pub(crate) fn beside(&self, request: &Request) -> Beside {
        let mut beside = Beside::default();
        for entry in &self.entries {
            let filter = &entry.spec.filter;
            if filter.dialect().is_some() {
                beside.dialect = true;
            } else if entry.spec.reply.is_some() {
                beside.http = true;
                beside.path |= filter.names_path(request);
            }
        }
        beside
    }

    /// The rules that can match a request, in the order in which they are asked.
    /// How the first rule wants the body read that takes a request by its head. Where a rule before it asks for the body, nobody
    /// can tell: then all of it is read first.
    pub(crate) fn pace(&self, request: &Request) -> Pace {
        for entry in self.candidates(request) {
            let filter = &entry.spec.filter;
            if filter.asks_body() {
                break;
            }
            if filter.matches(request)
                && let Some(pace) = entry.pace()
            {
                return pace;
            }
        }
        Pace::default()
    }

    pub(crate) fn candidates<'a>(
        &'a self,
        request: &Request,
    ) -> impl Iterator<Item = &'a TableEntry> + use<'a> {
        let found = self.index.find(request);
        found.filter_map(|at| self.entries.get(at))
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
    use std::time::Duration;

    use bytes::Bytes;

    use super::*;
    use crate::criteria::Filter;

    fn order(book: &Book, target: &str) -> Vec<String> {
        let (method, target) = target.split_once(' ').unwrap_or(("GET", target));
        let (head, ()) = http::Request::builder()
            .method(method)
            .uri(target)
            .header("host", "one.example")
            .header("x-kind", "k1")
            .body(())
            .expect("a request")
            .into_parts();
        let head = crate::request::Head::of(head);
        let request = Request::new(0, Duration::ZERO, head, Bytes::new(), None, None);
        let table = book.table();
        let asked = table.candidates(&request);
        asked.filter_map(|entry| entry.spec.name.clone()).collect()
    }

    /// So many rules of a kind that they are looked up, with one between them that is found otherwise.
    fn many(filter: impl Fn(usize) -> Filter) -> Book {
        let book = Book::default();
        let rule = |n| Rule::on(filter(n)).named(format!("rule {n}"));
        book.add((0..5).map(rule).collect());
        book.add(vec![Rule::on(Filter::any()).named("any")]);
        book.add((0..20).map(rule).collect());
        book
    }

    #[test]
    fn rules_are_looked_up_by_what_they_demand() {
        let found = ["rule 1", "any", "rule 1"];
        let text = |n: usize| format!("k{n}");
        let by_method = many(|n| Filter::method(format!("M{n}")) & Filter::path("/a"));
        assert_eq!(order(&by_method, "M1 /a"), found);
        assert_eq!(order(&by_method, "M1 /b"), ["any"]);
        let by_segments = many(|n| Filter::path(format!("/users/{{id}}/x{n}/**")));
        assert_eq!(order(&by_segments, "/users/7/x1"), found);
        assert_eq!(order(&by_segments, "/users/7"), ["any"]);
        let by_regex = many(|n| Filter::path_regex(&format!("/x{n}/[a-z]+")));
        assert_eq!(order(&by_regex, "/x1/a"), found);
        assert_eq!(order(&by_regex, "/x1/1"), found);
        assert_eq!(order(&by_regex, "/x111/a"), ["any"]);
        let by_end = many(|n| Filter::path_regex(&format!(".*/x{n}")));
        assert_eq!(order(&by_end, "/a/b/x1"), found);
        assert_eq!(order(&by_end, "/x1/y"), ["any"]);
        assert_eq!(order(&by_end, "/x"), ["any"]);
        let by_middle = many(|n| Filter::path_regex(&format!("(?<a>.*)-item{n}-\\d+(/x)?")));
        assert_eq!(order(&by_middle, "/a-item1-7"), found);
        assert_eq!(order(&by_middle, "/a-item-7"), ["any"]);
        // The expression may be for the path as it came.
        let escaped = many(|n| Filter::path_regex(&format!(".*/%C3%A9{n}")));
        assert_eq!(order(&escaped, "/a/%C3%A91"), found);
        let by_post = many(|n| Filter::method("POST") & Filter::path_regex(&format!(".*/x{n}")));
        assert_eq!(order(&by_post, "POST /a/x1"), found);
        assert_eq!(order(&by_post, "/a/x1"), ["any"]);
        let by_glob = many(|n| Filter::path(format!("/files/*-part{n}.txt")));
        assert_eq!(order(&by_glob, "/files/a-part1.txt"), found);
        assert_eq!(order(&by_glob, "/files/a-part.txt"), ["any"]);
        let by_header = many(|n| Filter::header("X-Kind", text(n)));
        assert_eq!(order(&by_header, "/"), found);
        let by_host = many(|n| {
            Filter::host(if n == 1 {
                "one.example".into()
            } else {
                text(n)
            })
        });
        assert_eq!(order(&by_host, "/"), found);
        let by_query = many(|n| Filter::path("/a") & Filter::query("n", text(n)));
        assert_eq!(order(&by_query, "/a?n=k1"), found);
        // Each of several values counts, and none asks a rule twice.
        assert_eq!(order(&by_query, "/a?n=k1&n=x&n=k1"), found);
        assert_eq!(order(&by_query, "/a?n=x"), ["any"]);
        let by_number = many(|n| Filter::query("n", n));
        assert_eq!(order(&by_number, "/?n=1"), found);
        assert_eq!(order(&by_number, "/?n=1.0"), found);
        let too_many: String = (0..100).map(|n| format!("&n={n}")).collect();
        assert_eq!(order(&by_number, &format!("/?{too_many}")).len(), 26);
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
