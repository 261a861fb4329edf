//! Reports as data: what was claimed, what came, which rule was nearest, what became of Kubernetes objects.
//!
//! A report is made once, from what the journal has by then, and keeps nothing of the server alive. Its size is
//! bounded: of long tests the bodies and explanations of the first few hundred telling requests are in it.

use std::{collections::HashMap, fmt, net::SocketAddr, time::Duration};

#[cfg(feature = "websocket")]
use crate::criteria::cut;
use crate::{
    criteria::{Ask, Finding},
    journal::{
        Answerer, Body, Near, NearRequest, ObjectHistory, Seen, Sent, Shadowed, Text,
        nearest::{nearest, shadowed},
        rows::kind_of,
        words,
    },
    location::Location,
    mock::Core,
    rules::Rule,
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

/// Why a test fails: the claims that do not hold, and the timeline of what came.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Report {
    /// The claims that do not hold.
    pub failures: Vec<Failure>,
    /// What came, in order.
    pub entries: Vec<Entry>,
    /// The rules that can never answer.
    pub shadowed: Vec<Shadowed>,
    /// What went wrong in the test's own code: [`KMock::errors`](crate::KMock::errors).
    pub errors: Vec<String>,
    /// What else there is to know: requests whose bodies broke off, which no rule has seen.
    pub notes: Vec<String>,
    /// Where the server listens.
    pub address: Option<SocketAddr>,
    /// How many requests came before those, and are forgotten: see [`Builder::keep`](crate::Builder::keep).
    pub forgotten: usize,
    /// What became of the Kubernetes objects, each in the order of its revisions.
    pub objects: Vec<ObjectHistory>,
    /// When the report was made, counted from the start of the server.
    pub at: Duration,
}

/// A claim that does not hold.
#[derive(Clone, Debug, PartialEq)]
pub struct Failure {
    /// The claim as it was written: `"post" == 1`.
    pub claim: String,
    /// How many were wanted, in words.
    pub want: String,
    /// How many there were.
    pub got: usize,
    /// Where the claim was written.
    pub location: Location,
    /// The rule that it speaks of, and where that was written.
    pub rule: Option<(String, Location)>,
    /// What more there is to say.
    pub detail: Option<String>,
    /// The numbers of the requests that it counts.
    pub came: Vec<u64>,
    /// When too few came: those that came nearest.
    pub nearest: Vec<NearRequest>,
}

/// One request of the timeline.
#[derive(Clone, Debug, PartialEq)]
pub struct Entry {
    /// The number of the request.
    pub id: u64,
    /// When it came, counted from the start of the server.
    pub at: Duration,
    /// Who asked: the first word of the user agent.
    pub who: Option<String>,
    /// The user that the Kubernetes API knows them by, where it is not the administrator that everybody is by default.
    pub user: Option<String>,
    /// What a refusal lacked: the rule that is missing, in words and as YAML.
    pub lacks: Option<String>,
    /// The method.
    pub method: String,
    /// The path and query as they came.
    pub path: String,
    /// The method, or the Kubernetes verb.
    pub verb: String,
    /// The path and query, or the Kubernetes resource and object.
    pub target: String,
    /// The headers; credentials are masked.
    pub headers: Vec<(String, String)>,
    /// The body of the request.
    pub body: Body,
    /// The status of the answer.
    pub status: Option<u16>,
    /// How long the answer took.
    pub duration: Option<Duration>,
    /// Who answered.
    pub answered_by: Answerer,
    /// How the exchange was broken on purpose.
    pub fault: Option<String>,
    /// Whether the client went away before there was an answer.
    pub gone: bool,
    /// The headers of the answer, where they are known; the values of cookies are masked.
    pub answer_headers: Vec<(String, String)>,
    /// The body of the answer.
    pub answer: Body,
    /// How the body of the answer was sent.
    pub sent: Option<Sent>,
    /// The server whose answer was passed on.
    pub upstream: Option<String>,
    /// What was said on a WebSocket: the first thousand frames.
    pub messages: Vec<Message>,
    /// For a request that no rule answered: the rules that came nearest, the nearest first.
    pub near: Vec<Near>,
    /// An earlier request like this one, which is explained there.
    pub same_as: Option<u64>,
    /// When the request came and its answer began, in ticks: the order of what happens at one instant.
    pub(super) ticks: (u64, u64),
}

/// A frame of a WebSocket.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Message {
    /// When it came or went, counted from the start of the server.
    pub at: Duration,
    /// Whether it came from the client.
    pub received: bool,
    /// What kind of frame it is, and what is in it: `text "hello"`.
    pub frame: String,
}

impl fmt::Display for Message {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let way = if self.received { '←' } else { '→' };
        write!(f, "{way} {}", self.frame)
    }
}

impl Failure {
    pub(super) fn new(
        claim: impl Into<String>,
        want: impl Into<String>,
        location: Location,
    ) -> Failure {
        Failure {
            claim: claim.into(),
            want: want.into(),
            got: 0,
            location,
            rule: None,
            detail: None,
            came: Vec::new(),
            nearest: Vec::new(),
        }
    }
}

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
            object.name_authors(&report.entries);
        }
        report
    }

    /// What came, without a complaint.
    pub(crate) fn timeline(core: &Core) -> Report {
        Report::of(Some(core), Vec::new())
    }

    /// Whether there is nothing to complain about.
    pub fn is_empty(&self) -> bool {
        self.failures.is_empty()
    }

    /// The report as text, plain unless said otherwise.
    pub fn text(&self) -> Text<'_> {
        Text::of(self)
    }

    /// The report as a page that needs nothing else: the timeline as a picture, bodies, objects' histories.
    pub fn html(&self) -> String {
        super::page("kmock", None, &[self])
    }

    pub(super) fn entry(&self, id: u64) -> Option<&Entry> {
        let at = self.entries.binary_search_by_key(&id, |entry| entry.id);
        self.entries.get(at.ok()?)
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
