//! What a request must be for a rule to take it: criteria and their algebra.
//!
//! A [`Filter`] is a tree of criteria that can *match* and *explain*: the same tree decides, and says ✓ or ✗
//! for each criterion when nothing matched. Each criterion knows where in the user's source it was written.

mod arrays;
mod conflict;
mod covers;
mod differences;
mod error;
pub(crate) mod explain;
mod facts;
mod finding;
mod glob;
mod notation;
mod number;
mod part;
mod path;
mod pattern;
mod show;

use std::{
    borrow::Cow,
    fmt,
    future::Future,
    net::IpAddr,
    ops::{BitAnd, BitOr, Not, Sub},
    panic::AssertUnwindSafe,
    str::FromStr,
    sync::Arc,
};

use bytes::Bytes;
use futures::{FutureExt, future::BoxFuture};

pub use self::{
    error::FilterError,
    finding::{Difference, Finding, Verdict},
    number::Number,
    part::PartPattern,
    pattern::Pattern,
};
pub(crate) use self::{
    explain::Ask,
    facts::{Equals, Facts, Field, PathFact},
    finding::{Nearness, Role},
    number::{has_long, read_json},
    path::{END, PathRegex, PathTemplate},
};
use crate::{
    backend::Dialect,
    location::Location,
    request::Request,
    rules::State,
    user_code::{compute_apart, panic_text},
};

/// Which requests: criteria combined with `&`, `|`, `-` and `!`.
///
/// Texts convert by the string notation: `"get /"`, `"post"`, `"/path?q=1"`, `"list pods.v1"`.
///
/// ```no_run
/// # use kmock_runtime as kmock;
/// # async fn example(k: kmock::KMock) -> Result<(), Box<dyn std::error::Error>> {
/// use kmock::{Filter, Pattern};
///
/// let filter = Filter::method("GET") & Filter::path("/users/{id: u64}") - Filter::query("draft", Pattern::present());
/// let by_text: Filter = "list apps/v1/deployments".parse()?;
/// k.on(filter).text("a user");
/// assert_eq!(k.filter(by_text).count(), 0);
/// # Ok(())
/// # }
/// ```
#[derive(Clone)]
pub struct Filter {
    node: Arc<Node>,
    /// Whether some criterion must be awaited.
    awaits: bool,
}

pub(crate) enum Node {
    Is(Criterion, Location),
    All(Vec<Filter>),
    Any(Vec<Filter>),
    Not(Filter),
}

type Holds = Arc<dyn Fn(&Request) -> bool + Send + Sync>;
type HoldsLater = Box<dyn Fn(Request) -> BoxFuture<'static, bool> + Send + Sync>;

pub(crate) enum Criterion {
    Method(String),
    Path(PathTemplate),
    PathRegex(PathRegex),
    /// A parameter of the query, the name of its capture, and the type.
    Captured(String, String, path::CaptureKind),
    Field(Place, String, Pattern),
    /// Just these names, each with its pattern.
    Fields(Place, Vec<(String, Pattern)>),
    Part(PartPattern),
    Host(Pattern),
    From(Network),
    Body(Bytes),
    BodyRegex(regex::bytes::Regex),
    Text(Pattern),
    Json {
        pattern: Pattern,
        exact: bool,
    },
    /// What a state must be.
    State(State, String),
    Test(&'static str, Holds),
    TestLater(&'static str, HoldsLater),
    Custom(Arc<dyn Matcher>),
}

/// Where a named text of a request stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) enum Place {
    Query,
    Header,
    Cookie,
    Form,
}

/// A criterion of another room or half of the library: the Kubernetes one brings its own.
pub(crate) trait Matcher: fmt::Display + Send + Sync {
    /// The dialect that it is written in; `None`: HTTP's own words.
    fn dialect(&self) -> Option<&'static dyn Dialect> {
        None
    }
    fn matches(&self, request: &Request) -> bool;
    /// What the request has where this criterion looks.
    fn got(&self, request: &Request) -> String;
    /// Whether it asks for more than the head of a request.
    fn asks_body(&self) -> bool {
        true
    }
    /// Whether it is about connections, which are no requests yet.
    fn is_for_connections(&self) -> bool {
        false
    }
    /// What might have been meant, and how far off that is.
    fn near(&self, _request: &Request) -> (Option<String>, usize) {
        (None, 10)
    }
    /// What a request must have one of, by the name of the thing.
    fn single_facts(&self) -> Vec<(&'static str, Pattern)> {
        Vec::new()
    }
    /// What it is to the people who read a report.
    fn role(&self) -> Role {
        Role::Other
    }
}

impl Filter {
    /// Every request.
    pub fn any() -> Filter {
        Filter::node(Node::All(Vec::new()), false)
    }

    /// The string notation: `"get /"`, `"post"`, `"/path?q=1"`, `"list pods.v1"`.
    ///
    /// # Errors
    /// When the text is none of these, with what was expected.
    #[track_caller]
    pub fn parse(text: &str) -> Result<Filter, FilterError> {
        notation::parse(text, Location::caller())
    }

    /// Requests with a method, whatever its case.
    #[track_caller]
    pub fn method(name: impl AsRef<str>) -> Filter {
        Filter::is(Criterion::Method(name.as_ref().to_ascii_uppercase()))
    }

    /// Requests whose path fits a template, e.g. `/users/{id: u64}` or `/files/**`; a query may follow: `/x?q=1&page={page}`.
    ///
    /// The text is read as a URL is, and paths are compared as they are meant (RFC 3986, 6.2.2): `/café`, `/caf%C3%A9` and
    /// `/x/../caf%c3%a9` are one, `/a%2Fb` is a segment with a slash in it. Captures are decoded.
    ///
    /// # Panics
    /// When the template is malformed; the message points at the caller. `kmock!` checks it when compiling.
    #[track_caller]
    pub fn path(template: impl AsRef<str>) -> Filter {
        or_panic(notation::path(template.as_ref(), Location::caller()))
    }

    /// Requests whose whole path a regular expression matches: the path as it is meant (`/café/a b`), or the one that came
    /// (`/caf%C3%A9/a%20b`).
    ///
    /// # Panics
    /// When the expression is malformed; the message points at the caller.
    #[track_caller]
    pub fn path_regex(expression: &str) -> Filter {
        Filter::is(Criterion::PathRegex(or_panic(PathRegex::new(expression))))
    }

    /// Requests with a query parameter like this; of several values any may fit, and a [`Pattern::array`] means all.
    #[track_caller]
    pub fn query(name: impl Into<String>, value: impl Into<Pattern>) -> Filter {
        Filter::is(Criterion::Field(Place::Query, name.into(), value.into()))
    }

    /// Requests with a header like this; of several values any may fit, and a [`Pattern::array`] means all. Names are
    /// case-insensitive.
    #[track_caller]
    pub fn header(name: impl Into<String>, value: impl Into<Pattern>) -> Filter {
        Filter::is(Criterion::Field(Place::Header, name.into(), value.into()))
    }

    /// Requests with a cookie like this.
    #[track_caller]
    pub fn cookie(name: impl Into<String>, value: impl Into<Pattern>) -> Filter {
        Filter::is(Criterion::Field(Place::Cookie, name.into(), value.into()))
    }

    /// Requests with a field of a form like this, urlencoded or multipart; of several values any may fit.
    #[track_caller]
    pub fn form(name: impl Into<String>, value: impl Into<Pattern>) -> Filter {
        Filter::is(Criterion::Field(Place::Form, name.into(), value.into()))
    }

    /// Requests with just these query parameters, and no others; of several values any may fit.
    #[track_caller]
    pub fn query_exact<N: Into<String>, P: Into<Pattern>>(
        parameters: impl IntoIterator<Item = (N, P)>,
    ) -> Filter {
        Filter::fields(Place::Query, parameters)
    }

    /// Requests with just these cookies, and no others.
    #[track_caller]
    pub fn cookie_exact<N: Into<String>, P: Into<Pattern>>(
        cookies: impl IntoIterator<Item = (N, P)>,
    ) -> Filter {
        Filter::fields(Place::Cookie, cookies)
    }

    /// Requests with a form that has just these fields, and no others; of several values any may fit.
    #[track_caller]
    pub fn form_exact<N: Into<String>, P: Into<Pattern>>(
        fields: impl IntoIterator<Item = (N, P)>,
    ) -> Filter {
        Filter::fields(Place::Form, fields)
    }

    #[track_caller]
    fn fields<N: Into<String>, P: Into<Pattern>>(
        place: Place,
        fields: impl IntoIterator<Item = (N, P)>,
    ) -> Filter {
        let fields = fields.into_iter();
        let fields = fields.map(|(name, pattern)| (name.into(), pattern.into()));
        Filter::is(Criterion::Fields(place, fields.collect()))
    }

    /// Requests with a multipart body (RFC 7578) that has a part like this: a text is its name.
    ///
    /// ```
    /// # use kmock_runtime as kmock;
    /// use kmock::{Filter, PartPattern};
    ///
    /// let upload = Filter::part(PartPattern::new().name("avatar").filename("*.png").content_type("image/*"));
    /// assert_eq!(upload.to_string(), r#"part "avatar" { filename: "*.png", type: "image/*" }"#);
    /// let any_file = Filter::part("avatar");
    /// # drop(any_file);
    /// ```
    #[track_caller]
    pub fn part(part: impl Into<PartPattern>) -> Filter {
        Filter::is(Criterion::Part(part.into()))
    }

    /// Requests for a host: the port does not count, nor whether letters are large or small.
    ///
    /// # Panics
    /// When no client sends such a host: it has a scheme, a port or a path, or is not ASCII; the message points at the caller.
    #[track_caller]
    pub fn host(host: impl Into<Pattern>) -> Filter {
        let host = host.into();
        let texts = host.alternatives().iter().filter_map(Pattern::as_text);
        for text in texts {
            if let Some((fault, help)) = kmock_notation::host_fault(&text) {
                panic!("kmock: {text:?}: {fault}: {help}");
            }
        }
        Filter::is(Criterion::Host(host.in_lower_case()))
    }

    /// Requests from an address or a network: `127.0.0.1`, `10.0.0.0/8`.
    ///
    /// # Panics
    /// When the text is no such thing; the message points at the caller.
    #[track_caller]
    pub fn peer(network: impl AsRef<str>) -> Filter {
        Filter::is(Criterion::From(or_panic(network.as_ref().parse())))
    }

    /// Requests with exactly this body.
    #[track_caller]
    pub fn body(body: impl Into<Bytes>) -> Filter {
        Filter::is(Criterion::Body(body.into()))
    }

    /// Requests whose whole body a regular expression matches, byte by byte: it need not be UTF-8.
    ///
    /// # Panics
    /// When the expression is malformed; the message points at the caller.
    #[track_caller]
    pub fn body_regex(expression: &str) -> Filter {
        let regex = regex::bytes::Regex::new(&format!("(?s-u)^(?:{expression})$"));
        Filter::is(Criterion::BodyRegex(or_panic(regex.map_err(|error| {
            FilterError::new(format!("`{expression}` is no regular expression: {error}"))
        }))))
    }

    /// Requests whose body is a text like this; [`Pattern::absent`] is an empty body. Bytes that are no UTF-8 are replaced.
    #[track_caller]
    pub fn text(text: impl Into<Pattern>) -> Filter {
        Filter::is(Criterion::Text(text.into()))
    }

    /// Requests whose body is JSON that has all of this, and maybe more; [`Pattern::absent`] is no JSON at all.
    ///
    /// A [`Value`](serde_json::Value) is [`Pattern::partial`]; just this value is [`Filter::json_exact`].
    ///
    /// ```
    /// # use kmock_runtime as kmock;
    /// use kmock::{Filter, Pattern};
    /// use serde_json::json;
    ///
    /// let a = Filter::json(json!({"name": "john", "address": {"city": "Berlin"}}));
    /// let b = Filter::json(Pattern::object([("name", Pattern::from("j*"))]));
    /// # drop((a, b));
    /// ```
    #[track_caller]
    pub fn json(pattern: impl Into<Pattern>) -> Filter {
        Filter::is(Criterion::Json {
            pattern: pattern.into(),
            exact: false,
        })
    }

    /// Requests whose body is just this JSON: objects have no other members, at any depth.
    #[track_caller]
    pub fn json_exact(pattern: impl Into<Pattern>) -> Filter {
        Filter::is(Criterion::Json {
            pattern: pattern.into().exact(),
            exact: true,
        })
    }

    #[track_caller]
    pub(crate) fn state(state: State, want: String) -> Filter {
        Filter::is(Criterion::State(state, want))
    }

    /// Requests for which a function holds; `text` names it in reports.
    ///
    /// It may block: the server asks it on a thread that may, after all other criteria of the filter. A panic is
    /// answered with a 500 and recorded in [`KMock::errors`](crate::KMock::errors).
    #[track_caller]
    pub fn test(
        text: &'static str,
        holds: impl Fn(&Request) -> bool + Send + Sync + 'static,
    ) -> Filter {
        Filter::is(Criterion::Test(text, Arc::new(holds)))
    }

    /// Requests for which an async function holds; the server awaits it before it looks further.
    #[track_caller]
    pub fn test_async<F, Fut>(text: &'static str, holds: F) -> Filter
    where
        F: Fn(Request) -> Fut + Send + Sync + 'static,
        Fut: Future<Output = bool> + Send + 'static,
    {
        Filter::is(Criterion::TestLater(
            text,
            Box::new(move |request| Box::pin(holds(request))),
        ))
    }

    #[track_caller]
    pub(crate) fn custom(matcher: impl Matcher + 'static) -> Filter {
        Filter::is(Criterion::Custom(Arc::new(matcher)))
    }

    #[allow(dead_code, reason = "without an emulator nobody makes one")]
    pub(crate) fn custom_at(matcher: impl Matcher + 'static, location: Location) -> Filter {
        Filter::at(Criterion::Custom(Arc::new(matcher)), location)
    }

    #[track_caller]
    fn is(criterion: Criterion) -> Filter {
        Filter::at(criterion, Location::caller())
    }

    fn at(criterion: Criterion, location: Location) -> Filter {
        let awaits = matches!(criterion, Criterion::TestLater(..) | Criterion::Test(..));
        Filter::node(Node::Is(criterion, location), awaits)
    }

    fn node(node: Node, awaits: bool) -> Filter {
        Filter {
            node: Arc::new(node),
            awaits,
        }
    }

    pub(crate) fn tree(&self) -> &Node {
        &self.node
    }

    /// Whether a request fits, and what its path captures. Criteria that must be awaited count as not holding, and so do those
    /// of a body that is not whole, also the other way round: nobody knows yet.
    pub(crate) fn captures(&self, request: &Request) -> Option<Vec<(String, String)>> {
        if !request.is_whole() && self.asks_body() {
            return None;
        }
        let mut captured = Vec::new();
        self.holds(request, &mut captured).then_some(captured)
    }

    /// For requests that were recorded.
    ///
    /// # Panics
    /// When there is an async function in it, which would hold for none of them, or a state, which has gone on.
    #[track_caller]
    pub(crate) fn afterwards(self) -> Filter {
        if let Some(state) = self.state_in_it() {
            panic!(
                "kmock: `{state}` is known when a request comes, and not afterwards: mount a rule with it, and look at what \
                 the rule has seen"
            );
        }
        if let Some(text) = self.async_function() {
            panic!(
                "kmock: `where {text}` is async, and cannot be asked of requests that have come: mount a rule with it, and \
                 look at what the rule has seen"
            );
        }
        self
    }

    fn state_in_it(&self) -> Option<String> {
        match &*self.node {
            Node::Is(criterion @ Criterion::State(..), _) => Some(criterion.to_string()),
            Node::Is(..) => None,
            Node::All(filters) | Node::Any(filters) => filters.iter().find_map(Filter::state_in_it),
            Node::Not(filter) => filter.state_in_it(),
        }
    }

    /// Whether some criterion must be awaited: the user's functions are.
    pub(crate) fn awaits(&self) -> bool {
        self.awaits
    }

    fn async_function(&self) -> Option<&'static str> {
        match &*self.node {
            Node::Is(Criterion::TestLater(text, _), _) => Some(text),
            Node::Is(..) => None,
            Node::All(filters) | Node::Any(filters) => {
                filters.iter().find_map(Filter::async_function)
            }
            Node::Not(filter) => filter.async_function(),
        }
    }

    /// Whether a request fits. Async criteria, which cannot be awaited here, count as not holding, and so do criteria of a body
    /// that is [not whole](Request::is_whole).
    pub fn matches(&self, request: &Request) -> bool {
        self.captures(request).is_some()
    }

    fn holds(&self, request: &Request, captured: &mut Vec<(String, String)>) -> bool {
        match &*self.node {
            Node::Is(criterion, _) => criterion.holds(request, captured),
            Node::All(filters) if !self.awaits => {
                filters.iter().all(|one| one.holds(request, captured))
            }
            // Functions come last: what the path captures is there for them.
            Node::All(filters) => [false, true].into_iter().all(|last| {
                let mut now = filters.iter().filter(|one| one.awaits == last);
                now.all(|one| one.holds(request, captured))
            }),
            Node::Any(filters) => filters.iter().any(|one| {
                let before = captured.len();
                let holds = one.holds(request, captured);
                if !holds {
                    captured.truncate(before);
                }
                holds
            }),
            Node::Not(filter) => !filter.holds(request, &mut captured.clone()),
        }
    }

    /// Whether a request that has come just now fits, and what its path captures.
    ///
    /// # Errors
    /// A function that panics: then nobody knows whether the request fits.
    pub(crate) async fn captures_now(&self, request: &Request) -> Result<Option<Captured>, String> {
        match self.awaits {
            true => self.captures_later(request, Vec::new()).await,
            false => Ok(self.captures(request)),
        }
    }

    /// As [`Filter::captures`], with the user's functions awaited, and only when all else holds. `known`: what has been
    /// captured by criteria beside this one; it is part of the answer.
    ///
    /// # Errors
    /// A function that panics: then nobody knows whether the request fits.
    pub(crate) fn captures_later<'a>(
        &'a self,
        request: &'a Request,
        mut known: Captured,
    ) -> BoxFuture<'a, Result<Option<Captured>, String>> {
        Box::pin(async move {
            if !self.awaits {
                return Ok(self.holds(request, &mut known).then_some(known));
            }
            match &*self.node {
                Node::Is(Criterion::TestLater(text, holds), _) => {
                    // It may panic before it makes a future, too.
                    let request = capturing(request, &known).into_owned();
                    let held = AssertUnwindSafe(async move { holds(request).await });
                    match held.catch_unwind().await {
                        Ok(held) => Ok(held.then_some(known)),
                        Err(panic) => {
                            Err(format!("where {text}: panicked: {}", panic_text(&*panic)))
                        }
                    }
                }
                Node::Is(Criterion::Test(text, holds), _) => {
                    let holds = Arc::clone(holds);
                    let asked = move |request: Request| holds(&request);
                    let request = capturing(request, &known).into_owned();
                    let held = compute_apart(Arc::new(asked), request).await;
                    held.map(|held| held.then_some(known))
                        .map_err(|why| format!("where {text}: {why}"))
                }
                Node::Is(..) => Ok(self.holds(request, &mut known).then_some(known)),
                Node::All(filters) => {
                    let now = |one: &&Filter| !one.awaits;
                    if !filters
                        .iter()
                        .filter(now)
                        .all(|one| one.holds(request, &mut known))
                    {
                        return Ok(None);
                    }
                    for one in filters.iter().filter(|one| one.awaits) {
                        known = match one.captures_later(request, known).await? {
                            Some(known) => known,
                            None => return Ok(None),
                        };
                    }
                    Ok(Some(known))
                }
                Node::Any(filters) => {
                    for one in filters {
                        if let Some(captured) = one.captures_later(request, known.clone()).await? {
                            return Ok(Some(captured));
                        }
                    }
                    Ok(None)
                }
                Node::Not(filter) => {
                    let held = filter.captures_later(request, known.clone()).await?;
                    Ok(held.is_none().then_some(known))
                }
            }
        })
    }
}

/// Names and values that paths capture.
pub(crate) type Captured = Vec<(String, String)>;

/// The request as functions of the user get it: with what its path captures.
fn capturing<'a>(request: &'a Request, captured: &[(String, String)]) -> Cow<'a, Request> {
    match captured {
        [] => Cow::Borrowed(request),
        some => Cow::Owned(request.clone().with_captures(Some(Arc::new(some.to_vec())))),
    }
}

impl Criterion {
    fn holds(&self, request: &Request, captured: &mut Vec<(String, String)>) -> bool {
        match self {
            Criterion::Method(name) => request.method().as_str() == name,
            Criterion::Path(template) => {
                // As it came, most often: what equals a path in its canonical form is in it.
                template.literal() == Some(request.url_path())
                    || kept(template.captures(request.meant_path()), captured)
            }
            Criterion::PathRegex(regex) => {
                let (meant, came) = (request.meant_path(), request.url_path());
                kept(regex.captures(meant, came), captured)
            }
            Criterion::Captured(parameter, name, kind) => {
                let values = Place::Query.values(request, parameter);
                let value = values.into_iter().find(|value| kind.accepts_any(value));
                kept(
                    value.map(|value| vec![(name.clone(), value.to_owned())]),
                    captured,
                )
            }
            Criterion::Field(place, name, pattern) => {
                pattern.matches_texts(&place.values(request, name))
            }
            Criterion::Fields(place, fields) => {
                let wanted = |name: &str| fields.iter().any(|(other, _)| place.is(other, name));
                let holds = |(name, pattern): &(String, Pattern)| {
                    pattern.matches_texts(&place.values(request, name))
                };
                fields.iter().all(holds) && place.names(request).into_iter().all(wanted)
            }
            Criterion::Part(part) => request.parts().iter().any(|one| part.matches(one)),
            Criterion::Host(pattern) => match request.host() {
                Some(host) if host.contains(|c: char| c.is_ascii_uppercase()) => {
                    pattern.matches_text(Some(&host.to_ascii_lowercase()))
                }
                host => pattern.matches_text(host),
            },
            Criterion::From(network) => request
                .peer()
                .is_some_and(|peer| network.contains(peer.ip())),
            // As it is meant, or as it came.
            Criterion::Body(body) => request.decoded_body() == body || request.body() == body,
            Criterion::BodyRegex(regex) => {
                regex.is_match(request.decoded_body()) || regex.is_match(request.body())
            }
            Criterion::Text(_) if request.is_coded() => false,
            Criterion::Text(pattern) => match &*request.text() {
                "" => pattern.matches_empty(),
                text => pattern.matches_text(Some(text)),
            },
            Criterion::Json { pattern, .. } => pattern.matches(request.exact_json()),
            Criterion::Test(_, holds) => {
                let request = capturing(request, captured);
                std::panic::catch_unwind(AssertUnwindSafe(|| holds(&request))).unwrap_or(false)
            }
            Criterion::TestLater(..) => false,
            Criterion::State(state, want) => state.get() == *want,
            Criterion::Custom(matcher) => matcher.matches(request),
        }
    }
}

/// Whether a path fits; what it captures is kept.
fn kept(found: Option<Vec<(String, String)>>, captured: &mut Vec<(String, String)>) -> bool {
    let Some(found) = found else { return false };
    captured.extend(found);
    true
}

impl Place {
    /// The values of a name. Bytes that are no UTF-8 are replaced: what is there is never taken for absent.
    pub(crate) fn values<'a>(self, request: &'a Request, name: &str) -> Vec<&'a str> {
        fn named<'a>(pairs: impl Iterator<Item = (&'a str, &'a str)>, name: &str) -> Vec<&'a str> {
            pairs
                .filter(|(key, _)| *key == name)
                .map(|(_, value)| value)
                .collect()
        }
        fn borrowed(pair: &(String, String)) -> (&str, &str) {
            (&pair.0, &pair.1)
        }
        match self {
            Place::Query => named(request.queries().iter().map(borrowed), name),
            Place::Form => named(request.forms().iter().map(borrowed), name),
            Place::Cookie => named(request.cookies(), name),
            Place::Header => request.header_values(name).collect(),
        }
    }

    /// All names that a request has here; some may be there twice.
    pub(crate) fn names(self, request: &Request) -> Vec<&str> {
        fn keys(pairs: &[(String, String)]) -> Vec<&str> {
            pairs.iter().map(|(name, _)| name.as_str()).collect()
        }
        match self {
            Place::Query => keys(request.queries()),
            Place::Form => keys(request.forms()),
            Place::Cookie => request.cookies().map(|(name, _)| name).collect(),
            Place::Header => request.headers().keys().map(|name| name.as_str()).collect(),
        }
    }

    /// Whether two names are one here.
    fn is(self, name: &str, other: &str) -> bool {
        match self {
            Place::Header => name.eq_ignore_ascii_case(other),
            _ => name == other,
        }
    }
}

/// An address or a network in CIDR notation.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Network {
    address: IpAddr,
    bits: u8,
}

impl Network {
    fn contains(self, peer: IpAddr) -> bool {
        let cut = |bits: u128, width: u8| {
            bits.checked_shr(u32::from(width.saturating_sub(self.bits)))
                .unwrap_or(0)
        };
        match (self.address, peer.to_canonical()) {
            (IpAddr::V4(a), IpAddr::V4(b)) => {
                cut(u128::from(a.to_bits()), 32) == cut(u128::from(b.to_bits()), 32)
            }
            (IpAddr::V6(a), IpAddr::V6(b)) => cut(a.to_bits(), 128) == cut(b.to_bits(), 128),
            _ => false,
        }
    }
}

impl FromStr for Network {
    type Err = FilterError;

    fn from_str(text: &str) -> Result<Network, FilterError> {
        let malformed = || {
            FilterError::new(format!(
                "`{text}` is no address such as 127.0.0.1 or 10.0.0.0/8"
            ))
        };
        let (address, bits) = match text.split_once('/') {
            Some((address, bits)) => (address, Some(bits.parse().map_err(|_| malformed())?)),
            None => (text, None),
        };
        let address: IpAddr = address.parse().map_err(|_| malformed())?;
        let width = if address.is_ipv4() { 32 } else { 128 };
        match bits.unwrap_or(width) {
            bits if bits <= width => Ok(Network { address, bits }),
            _ => Err(malformed()),
        }
    }
}

impl fmt::Display for Network {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.address, self.bits)
    }
}

#[track_caller]
fn or_panic<T>(made: Result<T, FilterError>) -> T {
    match made {
        Ok(made) => made,
        Err(error) => panic!("kmock: {error}"),
    }
}

impl FromStr for Filter {
    type Err = FilterError;

    fn from_str(text: &str) -> Result<Filter, FilterError> {
        Filter::parse(text)
    }
}

impl From<&str> for Filter {
    /// The string notation; see [`Filter::parse`].
    ///
    /// # Panics
    /// When the text cannot be read; the message points at the caller.
    #[track_caller]
    fn from(text: &str) -> Filter {
        or_panic(notation::parse(text, Location::caller()))
    }
}

impl From<String> for Filter {
    #[track_caller]
    fn from(text: String) -> Filter {
        text.as_str().into()
    }
}

impl From<&String> for Filter {
    #[track_caller]
    fn from(text: &String) -> Filter {
        text.as_str().into()
    }
}

impl From<http::Method> for Filter {
    #[track_caller]
    fn from(method: http::Method) -> Filter {
        Filter::method(method.as_str())
    }
}

impl From<&Filter> for Filter {
    fn from(filter: &Filter) -> Filter {
        filter.clone()
    }
}

impl BitAnd for Filter {
    type Output = Filter;

    fn bitand(self, other: Filter) -> Filter {
        let awaits = self.awaits || other.awaits;
        let mut all = Vec::new();
        for side in [self, other] {
            match &*side.node {
                Node::All(inner) => all.extend(inner.iter().cloned()),
                _ => all.push(side),
            }
        }
        match <[Filter; 1]>::try_from(all) {
            Ok([only]) => only,
            Err(all) => Filter::node(Node::All(all), awaits),
        }
    }
}

impl BitOr for Filter {
    type Output = Filter;

    fn bitor(self, other: Filter) -> Filter {
        let awaits = self.awaits || other.awaits;
        Filter::node(Node::Any(vec![self, other]), awaits)
    }
}

impl Sub for Filter {
    type Output = Filter;

    #[allow(
        clippy::suspicious_arithmetic_impl,
        reason = "the difference of two sets is an intersection with a complement"
    )]
    fn sub(self, other: Filter) -> Filter {
        self & !other
    }
}

impl Not for Filter {
    type Output = Filter;

    fn not(self) -> Filter {
        let awaits = self.awaits;
        Filter::node(Node::Not(self), awaits)
    }
}

impl fmt::Debug for Filter {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Filter({self})")
    }
}
