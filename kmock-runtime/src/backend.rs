//! What the engine knows of an emulator: something that answers below the rules, and a dialect in which it is spoken of.

use std::{any::Any, fmt, sync::Arc};

use axum::body::Body;
use futures::future::BoxFuture;
use http::Response;
use serde_json::Value;

use crate::{
    journal::{ObjectHistory, Seen},
    reply::Answered,
    request::Request,
};

/// What answers below the rules.
pub(crate) trait Backend: Any + Send + Sync {
    /// `None`: not its business.
    fn answer(&self, request: Request, beside: Beside) -> BoxFuture<'static, Option<Answered>>;

    /// Whether the test has to do with it: it looked into it, or told clients of it.
    fn is_used(&self) -> bool;

    /// What became of the objects that it stores.
    fn objects(&self) -> Vec<ObjectHistory>;

    /// Who sent a request, if there is something to tell about it, and what a refusal lacked, in words.
    fn asked(&self, seen: &Seen) -> (Option<String>, Option<String>);

    /// Who waits for something at it, in words.
    fn pending(&self) -> Vec<String>;

    /// The server runs, and this is its runtime.
    fn begin(&self) {}

    /// The server has ended: what moved by itself stops.
    fn end(&self) {}

    /// Comes when nothing moves by itself any more; the error is what still does. `None`: nothing ever does.
    fn rest(&self) -> Option<BoxFuture<'static, Result<(), String>>> {
        None
    }

    /// The objects that are there, but for those that were there from the start and are as they were then.
    fn contents(&self) -> Vec<Present>;

    /// How many changes there were, but for leases and events.
    fn changes(&self) -> u64;

    /// The revision of the last change.
    fn revision(&self) -> u64;

    /// Answers a list with what was there at a revision of the past.
    fn answer_at(&self, request: Request, revision: u64) -> BoxFuture<'static, Response<Body>>;

    /// The changes since the start, in their order; of old ones the store may know no more.
    fn log(&self) -> Vec<Logged>;

    /// Annotates the object that a request is about to change, as another client would. `None`: it is not there.
    fn touch(&self, request: &Request) -> Option<Touch>;

    /// Whether the object is still there, and the annotation is not.
    fn lost(&self, touch: &Touch) -> bool;

    /// Gives the lease that a request wants to somebody else.
    fn steal(&self, request: &Request);
}

impl fmt::Debug for dyn Backend {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Backend(…)")
    }
}

/// An object that is there.
#[derive(Clone, Debug)]
pub(crate) struct Present {
    /// The resource: `deployments.apps`.
    pub(crate) resource: String,
    pub(crate) object: Arc<Value>,
    /// Whether it was made since the start; else it was changed.
    pub(crate) made: bool,
}

/// One change of an object.
#[derive(Clone, Debug)]
pub(crate) struct Logged {
    pub(crate) revision: u64,
    /// The resource: `deployments.apps`.
    pub(crate) resource: String,
    /// What it was; `None`: it was made.
    pub(crate) before: Option<Arc<Value>>,
    /// What it is; `None`: it was deleted.
    pub(crate) after: Option<Arc<Value>>,
}

/// An object that a sweep has annotated.
#[derive(Clone, Debug)]
pub(crate) struct Touch {
    pub(crate) resource: String,
    pub(crate) key: String,
    pub(crate) uid: String,
}

/// The annotation of a sweep, which no comparison looks at.
pub(crate) const TOUCHED: &str = "kmock.dev/touched";

impl fmt::Display for Touch {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}", self.resource, self.key)
    }
}

/// What the rules say of a request that none of them answered: paths such as `/api/users` are not an emulator's alone.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Beside {
    /// Some rules speak plain HTTP.
    pub(crate) http: bool,
    /// Some rules speak the emulator's dialect.
    pub(crate) dialect: bool,
    /// The path is that of a rule in plain HTTP.
    pub(crate) path: bool,
}

/// How requests to an emulator are spoken of, in rules and in reports: beside HTTP's own words.
pub(crate) trait Dialect: Send + Sync {
    /// The verb and the target of a request, and how it is asked for, in parentheses; `None`: it is none of the dialect.
    fn words(&self, request: &Request) -> Option<(String, String)>;

    /// The verb and the target alone.
    fn asked(&self, request: &Request) -> Option<(&'static str, String)>;

    /// A refusal in the form in which the clients of such a request show the message; `details` go with it.
    /// `None`: its clients want nothing special.
    fn refusal(&self, request: &Request, message: &str, details: &Value) -> Option<Value>;

    /// The body that belongs to a status of 400 and more, where a rule says nothing else. `None`: none does.
    fn failure(&self, request: &Request, status: u16) -> Option<Value>;
}
