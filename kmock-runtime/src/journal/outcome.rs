//! What became of a request, and who answered it.

use std::{fmt, sync::Arc, time::Duration};

use crate::{journal::Near, location::Location};

/// What became of a request.
///
/// ```no_run
/// # use kmock_runtime as kmock;
/// # async fn example(k: kmock::KMock) -> Result<(), Box<dyn std::error::Error>> {
/// k.on("get /").status(204);
/// k.get("/").await;
/// let outcome = k.requests()[0].outcome();
/// assert_eq!((outcome.status, outcome.gone), (Some(204), false));
/// # Ok(())
/// # }
/// ```
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Outcome {
    /// The status of the answer; `None` while there is none.
    pub status: Option<u16>,
    /// Who answered.
    pub answered_by: Answerer,
    /// From the arrival to the head of the answer, on the runtime's clock; where there is none, until the client went away.
    pub duration: Option<Duration>,
    /// How the exchange was broken on purpose.
    pub fault: Option<String>,
    /// Whether the client went away before there was an answer.
    pub gone: bool,
}

/// Who answered a request.
///
/// ```no_run
/// # use kmock_runtime as kmock;
/// # async fn example(k: kmock::KMock) -> Result<(), Box<dyn std::error::Error>> {
/// use kmock::journal::Answerer;
///
/// k.get("/nowhere").await;
/// assert_eq!(k.requests()[0].outcome().answered_by, Answerer::NoRule);
/// # Ok(())
/// # }
/// ```
#[derive(Clone, Debug, Default, PartialEq)]
pub enum Answerer {
    /// Nobody yet: the request is in flight, or the client went away.
    #[default]
    Nobody,
    /// A rule: its name or filter, and where it was written.
    Rule(String, Location),
    /// The Kubernetes API below the rules.
    Kubernetes,
    /// Another server: the request came through this one as a proxy.
    Forwarded(String),
    /// A CONNECT that no rule answered: what comes through the tunnel are requests of their own, or another server's.
    Tunnel(String),
    /// No rule fitted: a 404 that explains itself.
    NoRule,
    /// Nobody was asked: there were too many requests (429), or the body was too large (413).
    Limit,
}

impl fmt::Display for Answerer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Answerer::Nobody => f.write_str("not answered"),
            Answerer::Rule(rule, location) => write!(f, "{rule}   {location}"),
            Answerer::Kubernetes => f.write_str("the Kubernetes API"),
            Answerer::Forwarded(upstream) => write!(f, "forwarded to {upstream}"),
            Answerer::Tunnel(host) => write!(f, "a tunnel to {host}"),
            Answerer::NoRule => f.write_str("no rule"),
            Answerer::Limit => f.write_str("beyond a limit of the server"),
        }
    }
}

/// An outcome as it is written down while the server works: what is the same for every request of a rule is shared.
#[derive(Default)]
pub(crate) struct Concluded {
    pub(crate) status: Option<u16>,
    pub(crate) by: By,
    pub(crate) duration: Option<Duration>,
    pub(crate) fault: Option<Box<str>>,
    pub(crate) gone: bool,
}

/// Who answers: an [`Answerer`] to be.
#[derive(Clone, Default)]
pub(crate) enum By {
    #[default]
    Nobody,
    Rule(Arc<RuleName>),
    Kubernetes,
    Forwarded(Arc<str>),
    Tunnel(Arc<str>),
    /// With the rules that were nearest then, unless too many have been remembered already.
    NoRule(Option<Arc<[Near]>>),
    Limit,
}

/// A rule's name or filter, and where it was written.
pub(crate) struct RuleName {
    pub(crate) label: String,
    pub(crate) location: Location,
}

impl Concluded {
    pub(super) fn outcome(&self) -> Outcome {
        Outcome {
            status: self.status,
            answered_by: self.by.answerer(),
            duration: self.duration,
            fault: self.fault.as_deref().map(str::to_owned),
            gone: self.gone,
        }
    }
}

impl By {
    fn answerer(&self) -> Answerer {
        match self {
            By::Nobody => Answerer::Nobody,
            By::Rule(rule) => Answerer::Rule(rule.label.clone(), rule.location),
            By::Kubernetes => Answerer::Kubernetes,
            By::Forwarded(upstream) => Answerer::Forwarded(upstream.to_string()),
            By::Tunnel(host) => Answerer::Tunnel(host.to_string()),
            By::NoRule(_) => Answerer::NoRule,
            By::Limit => Answerer::Limit,
        }
    }
}

impl fmt::Display for By {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.answerer().fmt(f)
    }
}
