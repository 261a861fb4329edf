//! The lines of a timeline: equal requests in a row are one.

use std::{collections::HashMap, time::Duration};

use crate::{
    brief::cut,
    journal::{Entry, words::duration},
};

/// A line of the timeline: a request, or several alike in a row.
pub(super) struct Row<'a> {
    pub(super) entry: &'a Entry,
    pub(super) count: usize,
    pub(super) last: u64,
    /// How many others, anywhere, are explained by this one.
    pub(super) like: usize,
}

impl Row<'_> {
    pub(super) fn number(&self) -> String {
        match self.count {
            1 => format!("#{}", self.entry.id),
            _ => format!("#{}–{}", self.entry.id, self.last),
        }
    }

    pub(super) fn at(&self) -> String {
        format!("+{}", duration(self.entry.at))
    }

    pub(super) fn who(&self) -> String {
        cut(self.entry.who.as_deref().unwrap_or_default(), 30)
    }

    pub(super) fn target(&self) -> String {
        cut(&self.entry.target, 120)
    }

    pub(super) fn took(&self) -> String {
        self.entry
            .duration
            .map_or_else(|| "…".to_owned(), |took: Duration| duration(took))
    }
}

/// A path without what makes it one of many: numbers and identifiers are `…`.
pub(super) fn kind_of(path: &str) -> String {
    let counts = |piece: &str| {
        let digits = piece.chars().filter(char::is_ascii_digit).count();
        let hex = |c: char| c.is_ascii_hexdigit() || c == '-';
        digits > 0 && (digits == piece.len() || piece.len() >= 8 && piece.chars().all(hex))
    };
    let pieces = path
        .split('/')
        .map(|piece| if counts(piece) { "…" } else { piece });
    pieces.collect::<Vec<_>>().join("/")
}

/// Alike for a reader: the same request, the same answer.
fn alike(a: &Entry, b: &Entry) -> bool {
    let streams = |entry: &Entry| entry.sent.as_ref().is_some_and(|sent| sent.streamed);
    (&a.verb, &a.target, a.status, &a.who) == (&b.verb, &b.target, b.status, &b.who)
        && a.answered_by == b.answered_by
        && a.body == b.body
        && (&a.fault, a.gone, &a.coming) == (&b.fault, b.gone, &b.coming)
        && !streams(a)
        && !streams(b)
        && b.near.is_empty()
        && a.upstream == b.upstream
        && a.user == b.user
        && a.messages.is_empty()
        && b.messages.is_empty()
}

pub(super) fn rows(entries: &[Entry]) -> Vec<Row<'_>> {
    let mut rows: Vec<Row<'_>> = Vec::new();
    for entry in entries {
        match rows.last_mut() {
            Some(row) if alike(row.entry, entry) => {
                row.count += 1;
                row.last = entry.id;
            }
            _ => rows.push(Row {
                entry,
                count: 1,
                last: entry.id,
                like: 0,
            }),
        }
    }
    rows
}

/// The requests that somebody may wonder about, those that are explained; the others are like one of these.
pub(super) fn puzzling(entries: &[Entry]) -> Vec<Row<'_>> {
    let mut like: HashMap<u64, usize> = HashMap::new();
    for same in entries.iter().filter_map(|entry| entry.same_as) {
        *like.entry(same).or_default() += 1;
    }
    entries
        .iter()
        .filter(|entry| entry.is_puzzling() && !entry.near.is_empty())
        .map(|entry| Row {
            entry,
            count: 1,
            last: entry.id,
            like: like.get(&entry.id).copied().unwrap_or_default(),
        })
        .collect()
}

/// How often each kind of request came, the most frequent first: how often, the first of them, and the target that they have in
/// common, numbers and identifiers left out.
pub(super) fn kinds(entries: &[Entry]) -> Vec<(usize, &Entry, String)> {
    type Kind<'a> = (&'a str, String, Option<u16>, String);
    let mut counts: HashMap<Kind<'_>, (usize, &Entry, bool)> = HashMap::new();
    for entry in entries {
        let kind = kind_of(without_query(&entry.target));
        let by = entry.answered_by.to_string();
        let key = (entry.verb.as_str(), kind, entry.status, by);
        let (count, first, same) = counts.entry(key).or_insert((0, entry, true));
        *count += 1;
        *same &= without_query(&first.target) == without_query(&entry.target);
    }
    let mut kinds: Vec<(usize, &Entry, String)> = counts
        .into_iter()
        .map(|((_, kind, ..), (count, entry, same))| {
            let target = without_query(&entry.target);
            (count, entry, if same { target.to_owned() } else { kind })
        })
        .collect();
    kinds.sort_by_key(|(count, entry, _)| (std::cmp::Reverse(*count), entry.id));
    kinds
}

fn without_query(target: &str) -> &str {
    target.split_once('?').map_or(target, |(path, _)| path)
}
