//! Folding: equal exchanges are one, and those that differ only in an id are one with a capture.

use serde_json::Value;

use super::{literal::is_written_so, volatile};
use crate::record::Entry;

/// What a block has of some exchanges.
#[derive(Debug)]
pub(super) enum Folded<'a> {
    /// The answers to one request, in order; equal ones in a row once.
    Said(Vec<&'a Entry>),
    ById(Template<'a>),
}

/// One answer for all ids.
#[derive(Debug)]
pub(super) struct Template<'a> {
    pub(super) example: &'a Entry,
    /// Which segment of the path is the id.
    pub(super) place: usize,
    /// Whether all of them are numbers.
    pub(super) number: bool,
    /// Where it stands in the body: JSON pointers.
    pub(super) places: Vec<String>,
}

/// In the order of the first of each.
pub(super) fn fold(entries: &[Entry]) -> Vec<Folded<'_>> {
    let mut asked: Vec<Vec<&Entry>> = Vec::new();
    for entry in entries {
        match asked.iter_mut().find(|known| known[0].asks_the_same(entry)) {
            Some(known) if known.last().is_some_and(|last| says_the_same(last, entry)) => {}
            Some(known) => known.push(entry),
            None => asked.push(vec![entry]),
        }
    }
    let mut folded = Vec::new();
    let mut taken = vec![false; asked.len()];
    for (at, said) in asked.iter().enumerate() {
        if taken[at] {
            continue;
        }
        match by_id(&asked, at) {
            Some((template, members)) => {
                for member in members {
                    taken[member] = true;
                }
                folded.push(Folded::ById(template));
            }
            None => folded.push(Folded::Said(said.clone())),
        }
    }
    folded
}

/// Whether the same was answered, but for what differs every time.
fn says_the_same(one: &Entry, other: &Entry) -> bool {
    one.status == other.status && one.body == other.body && same_headers(one, other)
}

fn same_headers(one: &Entry, other: &Entry) -> bool {
    let steady = |entry: &Entry| -> Vec<(String, String)> {
        let headers = entry.headers.iter();
        headers
            .filter(|(name, _)| !volatile::is_volatile(name))
            .map(|(name, value)| (name.clone(), volatile::steady(name, value).into_owned()))
            .collect()
    };
    steady(one) == steady(other)
}

/// Exchanges that are this one but for one segment of the path, wherever that occurs in the answers.
fn by_id<'a>(asked: &[Vec<&'a Entry>], at: usize) -> Option<(Template<'a>, Vec<usize>)> {
    let [first] = asked[at][..] else { return None };
    // The dialect of Kubernetes has heads of its own.
    if !first.query().is_empty() || super::kubernetes::head(first).is_some() {
        return None;
    }
    let body = literal(first)?;
    let segments: Vec<&str> = first.path().split('/').collect();
    for (place, id) in segments.iter().copied().enumerate().skip(1) {
        let mut template = Template {
            example: first,
            place,
            number: is_number(id),
            places: Vec::new(),
        };
        let mut members = vec![at];
        for (nth, other) in asked.iter().enumerate().skip(at + 1) {
            let [other] = other[..] else { continue };
            let others: Vec<&str> = other.path().split('/').collect();
            let alike = other.method == first.method
                && other.origin == first.origin
                && other.query().is_empty()
                && others.len() == segments.len()
                && (0..segments.len()).all(|n| n == place || others[n] == segments[n])
                && other.status == first.status
                && other.request_body == first.request_body
                && same_headers(first, other);
            if !alike {
                continue;
            }
            let Some(other_body) = literal(other) else {
                continue;
            };
            let mut places = Vec::new();
            let same = differ_in_ids((&body, id), (&other_body, others[place]), "", &mut places);
            if same && !places.is_empty() && (members.len() == 1 || places == template.places) {
                template.places = places;
                template.number &= is_number(others[place]);
                members.push(nth);
            }
        }
        if members.len() > 1 {
            return Some((template, members));
        }
    }
    None
}

/// The body as the literal that it can be written as.
fn literal(entry: &Entry) -> Option<Value> {
    let text = std::str::from_utf8(&entry.body).ok()?;
    let value: Value = serde_json::from_str(text).ok()?;
    is_written_so(&value, text).then_some(value)
}

fn is_number(id: &str) -> bool {
    id.parse::<u64>()
        .is_ok_and(|number| number.to_string() == id)
}

/// Whether two values are the same but for the id of each; `places` are those of the ids.
fn differ_in_ids(
    (one, id): (&Value, &str),
    (other, other_id): (&Value, &str),
    pointer: &str,
    places: &mut Vec<String>,
) -> bool {
    match (one, other) {
        (Value::Object(one), Value::Object(other)) => {
            one.len() == other.len()
                && one.iter().all(|(name, value)| {
                    other.get(name).is_some_and(|other| {
                        let pointer = format!("{pointer}/{name}");
                        differ_in_ids((value, id), (other, other_id), &pointer, places)
                    })
                })
        }
        (Value::Array(one), Value::Array(other)) => {
            one.len() == other.len()
                && one
                    .iter()
                    .zip(other)
                    .enumerate()
                    .all(|(nth, (value, other))| {
                        let pointer = format!("{pointer}/{nth}");
                        differ_in_ids((value, id), (other, other_id), &pointer, places)
                    })
        }
        _ if one == other => true,
        (Value::String(one), Value::String(other)) if one == id && other == other_id => {
            places.push(pointer.to_owned());
            true
        }
        (Value::Number(one), Value::Number(other))
            if one.to_string() == id && other.to_string() == other_id =>
        {
            places.push(pointer.to_owned());
            true
        }
        _ => false,
    }
}
