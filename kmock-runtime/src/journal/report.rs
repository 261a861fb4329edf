//! Reports as data: what was claimed, what came, which rule was nearest, what became of Kubernetes objects.
//!
//! A report is made once, from what the journal has by then, and keeps nothing of the server alive. Its size is
//! bounded: of long tests the bodies and explanations of the first few hundred telling requests are in it.

use std::{fmt, net::SocketAddr, time::Duration};

use crate::{
    criteria::Finding,
    journal::{Answerer, Body, Near, ObjectHistory, Sent},
    location::Location,
};

/// Why a test fails: the claims that do not hold, and the timeline of what came.
///
/// ```no_run
/// # use kmock_runtime as kmock;
/// # async fn example(k: kmock::KMock) -> Result<(), Box<dyn std::error::Error>> {
/// k.on("get /users").expecting(1).status(200);
/// if let Err(report) = k.check() {
///     println!("{} claims do not hold, {} requests came", report.failures.len(), report.entries.len());
///     println!("{}", report.text().color(true));
///     std::fs::write("report.html", report.html())?;
/// }
/// # Ok(())
/// # }
/// ```
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
    /// What else there is to know, and is nobody's mistake.
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
///
/// ```no_run
/// # use kmock_runtime as kmock;
/// # async fn example(k: kmock::KMock) -> Result<(), Box<dyn std::error::Error>> {
/// k.on("get /").expecting(1).status(200);
/// let report = k.check().expect_err("it was not asked for");
/// assert_eq!((report.failures[0].want.as_str(), report.failures[0].got), ("1", 0));
/// # Ok(())
/// # }
/// ```
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
    /// The claim with less of its rule, for where the rule's criteria are listed.
    pub(super) brief: Option<String>,
}

/// One request of the timeline.
///
/// ```no_run
/// # use kmock_runtime as kmock;
/// # async fn example(k: kmock::KMock) -> Result<(), Box<dyn std::error::Error>> {
/// k.get("/a").await;
/// let report = k.report();
/// let entry = &report.entries[0];
/// assert_eq!((entry.method.as_str(), entry.path.as_str(), entry.status), ("GET", "/a", Some(404)));
/// # Ok(())
/// # }
/// ```
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
    /// Where the body is not whole, because it is still on its way or broke off: how much of it came, in words.
    pub coming: Option<String>,
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
///
/// ```no_run
/// # use kmock_runtime as kmock;
/// # async fn example(k: kmock::KMock) -> Result<(), Box<dyn std::error::Error>> {
/// let report = k.report();
/// for message in &report.entries[0].messages {
///     println!("{} {}", if message.received { "came" } else { "went" }, message.frame);
/// }
/// # Ok(())
/// # }
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Message {
    /// When it came or went, counted from the start of the server.
    pub at: Duration,
    /// Whether it came from the client.
    pub received: bool,
    /// What kind of frame it is, and what is in it: `text "hello"`.
    pub frame: String,
}

/// A request that came near to what was wanted, and what the criteria say of it.
///
/// ```no_run
/// # use kmock_runtime as kmock;
/// # async fn example(k: kmock::KMock) -> Result<(), Box<dyn std::error::Error>> {
/// k.on("get /users").expecting(1).status(200);
/// k.get("/user").await;
/// let report = k.check().expect_err("a letter is missing");
/// assert_eq!(report.failures[0].nearest[0].target, "/user");
/// # Ok(())
/// # }
/// ```
#[derive(Clone, Debug, PartialEq)]
pub struct NearRequest {
    /// The number of the request.
    pub id: u64,
    /// Its verb.
    pub verb: String,
    /// Its target.
    pub target: String,
    /// What was answered.
    pub status: Option<u16>,
    /// Who answered.
    pub answered_by: Answerer,
    /// What each criterion says. All hold: it fits, but somebody else answered.
    pub criteria: Vec<Finding>,
}

/// A rule that can never answer: an earlier one answers everything that it would.
///
/// ```no_run
/// # use kmock_runtime as kmock;
/// # async fn example(k: kmock::KMock) -> Result<(), Box<dyn std::error::Error>> {
/// k.on("get").status(200);
/// k.on("get /never").status(200);
/// let shadowed = &k.report().shadowed[0];
/// println!("{} never answers: {} does", shadowed.rule, shadowed.by);
/// # Ok(())
/// # }
/// ```
#[derive(Clone, Debug, PartialEq)]
pub struct Shadowed {
    /// The rule's name or filter.
    pub rule: String,
    /// Where the rule was written.
    pub location: Location,
    /// The rule before it.
    pub by: String,
    /// Where that was written.
    pub by_location: Location,
}

impl fmt::Display for Message {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let way = if self.received { '←' } else { '→' };
        write!(f, "{way} {}", self.frame)
    }
}

impl Entry {
    /// How the exchange did not come to its end, where nobody broke it on purpose.
    pub(super) fn left_off(&self) -> Option<String> {
        match (&self.coming, self.gone) {
            (Some(came), true) => Some(format!("the client went away: {came} of its body came")),
            (Some(came), false) => Some(format!("its body is on its way: {came} came")),
            (None, true) => Some("the client went away".to_owned()),
            (None, false) => None,
        }
    }

    /// Whether the rules had a say in it and somebody may wonder why none answered.
    pub(super) fn is_puzzling(&self) -> bool {
        match self.answered_by {
            Answerer::NoRule => true,
            Answerer::Kubernetes => matches!(self.status, Some(404 | 405)),
            _ => false,
        }
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
            brief: None,
        }
    }
}

impl Report {
    /// Whether there is nothing to complain about.
    pub fn is_empty(&self) -> bool {
        self.failures.is_empty()
    }

    pub(super) fn entry(&self, id: u64) -> Option<&Entry> {
        let at = self.entries.binary_search_by_key(&id, |entry| entry.id);
        self.entries.get(at.ok()?)
    }
}
