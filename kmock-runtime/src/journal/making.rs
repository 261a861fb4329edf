//! From what a server has seen to a report.

use std::collections::HashMap;

#[cfg(feature = "websocket")]
use crate::brief::cut;
use crate::{
    core::Core,
    criteria::{Ask, Finding},
    journal::{
        Answerer, Body, Entry, Failure, Message, Near, ObjectHistory, Report, Seen,
        nearest::{nearest, shadowed},
        rows::kind_of,
        words,
    },
    location::Location,
    rules::Rule,
    waits::Witness,
};

/// The most of a body's text that a report has.
const TEXT: usize = 16 << 10;

/// The most of bodies' texts that a report has in all.
const TEXTS: usize = 32 << 20;

/// How many frames of a WebSocket, and how much of each.
#[cfg(feature = "websocket")]
const MESSAGES: usize = 1000;
#[cfg(feature = "websocket")]
const FRAME: usize = 1000;

/// How many requests are looked at for an explanation; those with the same one refer to the first.
const EXPLAINED: usize = 500;

/// How many of those with one method and path.
const LOOKS: usize = 8;

/// How many of the last requests are explained, however many came before.
const LAST: usize = 20;

impl Report {
    pub(crate) fn of(core: Option<&Core>, failures: Vec<Failure>) -> Report {
        let Some(core) = core else {
            return Report {
                failures,
                ..Report::default()
            };
        };
        let rules = core.book.rules();
        let mut making = Making::new(core, &rules);
        let all = core.journal.all();
        making.last = all.iter().rev().nth(LAST).map_or(0, |seen| seen.id());
        let entries: Vec<Entry> = all.iter().map(|seen| making.entry(seen)).collect();
        let asked: Vec<Rule> = core.book.table().in_order().cloned().collect();
        let mut report = Report {
            failures,
            shadowed: shadowed(&asked),
            errors: core.errors(),
            notes: core.notes(),
            address: core.address.get().copied(),
            forgotten: core.journal.forgotten(),
            objects: core.objects(),
            at: core.clock.elapsed(),
            entries,
        };
        for object in &mut report.objects {
            name_authors(object, &report.entries);
        }
        report
    }
}

impl Witness for Core {
    fn testimony(&self) -> String {
        let timeline = Report::of(Some(self), Vec::new()).to_string();
        self.told_in_an_error(&timeline);
        timeline
    }

    fn is_over(&self) -> bool {
        self.is_stopped()
    }

    fn was_fed(&self, streams: usize, place: Location) {
        self.told_of_feed(streams, place);
    }
}

/// Says who changed what, from the requests that did it.
fn name_authors(object: &mut ObjectHistory, entries: &[Entry]) {
    for version in &mut object.versions {
        let entry = version.request.and_then(|id| {
            let at = entries.binary_search_by_key(&id, |entry| entry.id).ok()?;
            entries.get(at)
        });
        let who = entry.and_then(|entry| entry.who.as_deref());
        version.by = match (entry, who) {
            (Some(entry), Some(who)) => format!("{who}, #{} {}", entry.id, entry.verb),
            (Some(entry), None) => format!("#{} {}", entry.id, entry.verb),
            (None, _) => "the test or the cluster itself".to_owned(),
        };
    }
}

/// What is known while entries are made.
struct Making<'a> {
    core: &'a Core,
    rules: &'a [Rule],
    /// The rules that are written in the words of the dialect, by their places.
    in_dialect: Vec<Location>,
    /// By the numbers of their requests.
    upstreams: HashMap<u64, String>,
    messages: HashMap<u64, Vec<Message>>,
    texts: usize,
    /// The explained requests, by what makes others like them.
    explained: HashMap<(String, String), Known>,
    looked_at: usize,
    /// From this request on, all are explained.
    last: u64,
}

impl<'a> Making<'a> {
    fn new(core: &'a Core, rules: &'a [Rule]) -> Making<'a> {
        let in_dialect = rules
            .iter()
            .map(|rule| rule.spec())
            .filter(|spec| spec.filter.dialect().is_some())
            .map(|spec| spec.location)
            .collect();
        let mut telling = core.book.removed();
        telling.extend_from_slice(rules);
        Making {
            core,
            rules,
            in_dialect,
            upstreams: upstreams(&telling),
            messages: messages(&telling),
            texts: TEXTS,
            explained: HashMap::new(),
            looked_at: 0,
            last: 0,
        }
    }

    fn entry(&mut self, seen: &Seen) -> Entry {
        let outcome = seen.outcome();
        let in_dialect = match &outcome.answered_by {
            Answerer::Kubernetes => true,
            Answerer::Rule(_, location) => self.in_dialect.contains(location),
            // Somebody's HTTP API may live below /api, too.
            Answerer::NoRule => !self.in_dialect.is_empty(),
            Answerer::Limit | Answerer::Nobody | Answerer::Forwarded(_) | Answerer::Tunnel(_) => {
                !self.in_dialect.is_empty() || self.core.backend.is_some()
            }
        };
        let words = words::of(seen, self.core.dialect.filter(|_| in_dialect));
        let sent = seen.sent();
        let backend = self.core.backend.as_ref();
        let (user, lacks) = backend
            .map(|backend| backend.asked(seen))
            .unwrap_or_default();
        let mut entry = Entry {
            id: seen.id(),
            at: seen.at(),
            who: words::who(seen),
            user,
            lacks,
            method: seen.method().to_string(),
            path: seen.target().to_owned(),
            verb: words.0,
            target: words.1,
            headers: headers(seen.headers()),
            body: self.body(
                seen.body(),
                seen.size(),
                seen.header("content-type"),
                seen.header("content-encoding"),
            ),
            status: outcome.status,
            duration: outcome.duration,
            answered_by: outcome.answered_by,
            fault: outcome.fault,
            gone: outcome.gone,
            coming: seen.progress(),
            answer_headers: sent
                .as_ref()
                .map_or_else(Vec::new, |sent| answered(&sent.headers)),
            answer: sent.as_ref().map_or_else(Body::default, |sent| {
                self.body(
                    &sent.body,
                    sent.size,
                    sent.content_type.as_deref(),
                    sent.encoding.as_deref(),
                )
            }),
            sent,
            upstream: self.upstreams.remove(&seen.id()),
            messages: self.messages.remove(&seen.id()).unwrap_or_default(),
            near: Vec::new(),
            same_as: None,
            ticks: seen.ticks(),
        };
        if entry.is_puzzling() {
            self.explain(seen, &mut entry);
        }
        entry
    }

    fn body(
        &mut self,
        bytes: &[u8],
        size: usize,
        content_type: Option<&str>,
        encoding: Option<&str>,
    ) -> Body {
        let body = Body::of(bytes, size, content_type, encoding, TEXT.min(self.texts));
        self.texts = self.texts.saturating_sub(body.text.len());
        body
    }

    fn explain(&mut self, seen: &Seen, entry: &mut Entry) {
        let alike = (entry.method.clone(), kind_of(seen.url_path()));
        let known = self.explained.entry(alike).or_default();
        // Enough was seen of requests like it, or of all but the last.
        let last = entry.id >= self.last;
        if known.looks >= LOOKS || self.looked_at >= EXPLAINED && !last {
            entry.same_as = known.explained.last().map(|(id, _)| *id);
            return;
        }
        known.looks += 1;
        self.looked_at += 1;
        let mut near = match seen.near() {
            Some(near) => near.to_vec(),
            None => nearest(seen, self.rules, &[], Ask::Never),
        };
        // An answer of the Kubernetes API is wondered at only when a rule was really near.
        if entry.answered_by == Answerer::Kubernetes {
            near.retain(|near| near.nearness().off() <= 6);
        }
        match known
            .explained
            .iter()
            .find(|(_, other)| same_explanation(other, &near))
        {
            Some((id, _)) if !near.is_empty() => entry.same_as = Some(*id),
            _ => {
                known.explained.push((entry.id, near.clone()));
                entry.near = near;
            }
        }
    }
}

/// Whether two explanations say the same, but for the numbers and identifiers in the paths that came.
fn same_explanation(a: &[Near], b: &[Near]) -> bool {
    let got = |finding: &Finding| match finding.got.as_deref() {
        Some(path) if path.starts_with("\"/") => Some(kind_of(path.trim_matches('"'))),
        other => other.map(str::to_owned),
    };
    let same = |a: &Finding, b: &Finding| {
        (&a.criterion, a.verdict, &a.differences, &a.hint)
            == (&b.criterion, b.verdict, &b.differences, &b.hint)
            && got(a) == got(b)
    };
    a.len() == b.len()
        && a.iter().zip(b).all(|(a, b)| {
            (&a.rule, a.location) == (&b.rule, b.location)
                && a.criteria.len() == b.criteria.len()
                && a.criteria.iter().zip(&b.criteria).all(|(a, b)| same(a, b))
        })
}

/// The explanations of requests with one method and path.
#[derive(Default)]
struct Known {
    looks: usize,
    explained: Vec<(u64, Vec<Near>)>,
}

/// Who has answered what was passed on.
fn upstreams(rules: &[Rule]) -> HashMap<u64, String> {
    let exchanges = rules.iter().flat_map(Rule::exchanges);
    exchanges
        .map(|exchange| (exchange.request().id(), exchange.upstream().to_owned()))
        .collect()
}

/// What was said on WebSockets.
fn messages(rules: &[Rule]) -> HashMap<u64, Vec<Message>> {
    let mut messages: HashMap<u64, Vec<Message>> = HashMap::new();
    #[cfg(feature = "websocket")]
    for framed in rules.iter().flat_map(Rule::frames) {
        let known = messages.entry(framed.request().id()).or_default();
        if known.len() < MESSAGES {
            known.push(Message {
                at: framed.at(),
                received: framed.is_received(),
                frame: cut(&format!("{:?}", framed.frame()), FRAME),
            });
        }
    }
    #[cfg(not(feature = "websocket"))]
    let _ = (rules, &mut messages);
    messages
}

/// The headers of an answer from their lines.
fn answered(lines: &str) -> Vec<(String, String)> {
    let pairs = lines.lines().filter_map(|line| line.split_once(": "));
    pairs
        .map(|(name, value)| match (name, value.split_once('=')) {
            ("set-cookie", Some((cookie, _))) => (name.to_owned(), format!("{cookie}=…")),
            _ => (name.to_owned(), value.to_owned()),
        })
        .collect()
}

/// All headers in order, with credentials masked: reports are kept and shown around.
fn headers(headers: &http::HeaderMap) -> Vec<(String, String)> {
    let secret = ["authorization", "proxy-authorization", "cookie"];
    headers
        .iter()
        .map(|(name, value)| {
            let value = String::from_utf8_lossy(value.as_bytes());
            let shown = match (secret.contains(&name.as_str()), value.split_once(' ')) {
                (false, _) => value.into_owned(),
                (true, Some((scheme, _))) if name != "cookie" => format!("{scheme} …"),
                (true, _) => "…".to_owned(),
            };
            (name.as_str().to_owned(), shown)
        })
        .collect()
}
