//! Replaying: the answer that was recorded for the same request.

use std::{
    collections::HashMap,
    sync::{Mutex, PoisonError},
};

use axum::body::Body;
use http::{HeaderName, HeaderValue, Response, StatusCode};
use kmock_notation::did_you_mean;

use crate::{
    record::{
        Entry, Recording,
        entry::{pairs, same_body, same_text},
    },
    reply::{IntoReply, Reply},
    request::Request,
};

/// Which requests a recording answers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Order {
    /// Those that were recorded, in any order; it lets others go on.
    Any,
    /// Those that were recorded, in any order; others are failures.
    Strict,
    /// Those that were recorded, one after the other.
    Recorded,
}

/// A recording on its way through a server.
#[derive(Debug)]
pub(super) struct Replay {
    entries: Vec<Entry>,
    /// Which of them are of a method and a path.
    index: HashMap<(String, String), Vec<usize>>,
    order: Order,
    answered: Mutex<Answered>,
}

#[derive(Debug)]
struct Answered {
    /// Whether each was.
    each: Vec<bool>,
    /// How many there were, in order.
    next: usize,
}

impl Replay {
    pub(super) fn new(recording: Recording, order: Order) -> Replay {
        let entries = recording.entries;
        let mut index: HashMap<(String, String), Vec<usize>> = HashMap::new();
        for (nth, entry) in entries.iter().enumerate() {
            let place = (entry.method.clone(), key(entry.path()));
            index.entry(place).or_default().push(nth);
        }
        let answered = Answered {
            each: vec![false; entries.len()],
            next: 0,
        };
        Replay {
            entries,
            index,
            order,
            answered: Mutex::new(answered),
        }
    }

    /// What the recording says to a request.
    pub(super) fn answer(&self, request: &Request) -> Reply {
        match self.order {
            Order::Recorded => self.next(request),
            order => match self.fitting(request) {
                Some(entry) => said(entry).into_reply(),
                None if order == Order::Any => Reply::pass(),
                None => Reply::failure(self.never_asked(request)),
            },
        }
    }

    fn next(&self, request: &Request) -> Reply {
        let mut answered = self.answered.lock().unwrap_or_else(PoisonError::into_inner);
        let nth = answered.next;
        let asked = asked(request);
        let Some(next) = self.entries.get(nth) else {
            return Reply::failure(format!(
                "{asked}: the recording is over: it has {nth} requests"
            ));
        };
        if !fits(next, request) {
            return Reply::failure(format!(
                "{asked}: the recording goes on with {} {} (number {} of {})",
                next.method,
                next.target,
                nth + 1,
                self.entries.len()
            ));
        }
        answered.next += 1;
        said(next).into_reply()
    }

    /// The first answer to the request that was not given yet, or the last one.
    fn fitting(&self, request: &Request) -> Option<&Entry> {
        let place = (request.method().to_string(), key(request.url_path()));
        let templates = self.index.get(&place);
        // A secret may stand in a path.
        let all: Vec<usize> = match templates {
            Some(known) => known.clone(),
            None => (0..self.entries.len()).collect(),
        };
        let fitting = |nth: &usize| {
            let entry = self.entries.get(*nth);
            entry.is_some_and(|entry| fits(entry, request))
        };
        let mut fitting: Vec<usize> = all.into_iter().filter(fitting).collect();
        // A page asks several servers: the one that is meant has the first say.
        let host = request.host().unwrap_or_default();
        let of_host = |nth: &usize| {
            let entry = self.entries.get(*nth);
            entry.is_some_and(|entry| entry.host().eq_ignore_ascii_case(host))
        };
        if fitting.iter().any(of_host) {
            fitting.retain(of_host);
        }
        let mut answered = self.answered.lock().unwrap_or_else(PoisonError::into_inner);
        let fresh = fitting
            .iter()
            .copied()
            .find(|nth| answered.each.get(*nth) == Some(&false));
        let chosen = fresh.or(fitting.last().copied())?;
        if let Some(done) = answered.each.get_mut(chosen) {
            *done = true;
        }
        self.entries.get(chosen)
    }

    fn never_asked(&self, request: &Request) -> String {
        let asked = asked(request);
        let place = (request.method().to_string(), key(request.url_path()));
        let why = match self.index.get(&place) {
            Some(known) => {
                let known = known.iter().filter_map(|nth| self.entries.get(*nth));
                let mut known: Vec<&str> = known.map(|entry| entry.target.as_str()).collect();
                known.dedup();
                match known.contains(&request.target()) {
                    true => "; there it was asked with another body".to_owned(),
                    false => format!("; there it was asked as {}", known.join(", ")),
                }
            }
            None => {
                let known = self.index.keys();
                let known: Vec<String> = known
                    .map(|(method, path)| format!("{method} {path}"))
                    .collect();
                did_you_mean(&asked, known.iter().map(String::as_str))
            }
        };
        format!("{asked} is not in the recording{why}")
    }
}

fn asked(request: &Request) -> String {
    format!("{} {}", request.method(), request.target())
}

/// A path in the form that equal paths have.
fn key(path: &str) -> String {
    kmock_notation::canonical_path(path).into_owned()
}

fn fits(entry: &Entry, request: &Request) -> bool {
    entry.method == request.method().as_str()
        && same_text(&key(entry.path()), &key(request.url_path()))
        && same_query(entry.query(), request.uri().query().unwrap_or_default())
        && same_body(&entry.request_body, request.body())
}

/// Parameters in any order, and secrets with any value.
fn same_query(recorded: &str, asked: &str) -> bool {
    let (mut one, mut other) = (pairs(recorded), pairs(asked));
    one.sort_unstable();
    other.sort_unstable();
    one.len() == other.len()
        && one
            .iter()
            .zip(&other)
            .all(|((name, value), (asked, given))| name == asked && same_text(value, given))
}

fn said(entry: &Entry) -> Response<Body> {
    let mut response = Response::new(Body::from(entry.body.clone()));
    *response.status_mut() = StatusCode::from_u16(entry.status).unwrap_or_default();
    for (name, value) in &entry.headers {
        // Those of the connection are made anew; the body is as it was read, whole.
        let hop = [
            "content-length",
            "transfer-encoding",
            "connection",
            "keep-alive",
            "trailer",
            "upgrade",
        ];
        if hop.contains(&name.as_str()) {
            continue;
        }
        if let (Ok(name), Ok(value)) = (HeaderName::try_from(name), HeaderValue::try_from(value)) {
            response.headers_mut().append(name, value);
        }
    }
    response
}
