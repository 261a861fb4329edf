//! What can be a reply.

use std::fmt;

use axum::body::{Body, HttpBody};
use bytes::Bytes;
use http::StatusCode;
use serde_core::Serialize;
use serde_json::Value;

use crate::{
    reply::{Fault, HeaderEdit, Reply, Source, final_status},
    stream::Stream,
};

/// Anything that can be a reply.
///
/// Integers are statuses; texts, numbers, booleans and [`Value`]s are JSON; bytes are bytes; `None` lets the next
/// rule answer; `Err` is a recorded 500.
///
/// ```no_run
/// # use kmock_runtime as kmock;
/// # async fn example(k: kmock::KMock) -> Result<(), Box<dyn std::error::Error>> {
/// use kmock::{IntoReply, Reply};
///
/// /// A type of your own.
/// struct NotFound(u64);
///
/// impl IntoReply for NotFound {
///     fn into_reply(self) -> Reply {
///         Reply::new().status(404).problem(format!("no user {}", self.0))
///     }
/// }
///
/// k.on("get /users/{id}").reply_with(|req| req.capture("id").map(NotFound));
/// # Ok(())
/// # }
/// ```
#[diagnostic::on_unimplemented(
    message = "`{Self}` cannot be a kmock reply",
    label = "not a reply",
    note = "replies are a status (`404`), bytes (`b\"…\"`), texts and `json!(…)` values (sent as JSON), `json(value)` for anything that is `Serialize`, streams, `Option` and `Result` of these, `http::Response`, or closures `|req| …` that return one"
)]
pub trait IntoReply {
    /// The reply.
    fn into_reply(self) -> Reply;
}

/// Any `Serialize` value, as a JSON reply.
///
/// ```no_run
/// # use kmock_runtime as kmock;
/// # fn example(k: kmock::KMock) {
/// use std::collections::BTreeMap;
///
/// use kmock::Json;
///
/// k.on("get /prices").reply_with(|_| Json(BTreeMap::from([("apple", 1.5)])));
/// # }
/// ```
#[derive(Clone, Copy, Debug)]
pub struct Json<T>(pub T);

impl<T: Serialize> IntoReply for Json<T> {
    fn into_reply(self) -> Reply {
        Reply::new().json(self.0)
    }
}

impl IntoReply for Reply {
    fn into_reply(self) -> Reply {
        self
    }
}

impl IntoReply for () {
    fn into_reply(self) -> Reply {
        Reply::new()
    }
}

impl IntoReply for StatusCode {
    fn into_reply(self) -> Reply {
        Reply {
            status: Some(self),
            ..Reply::new()
        }
    }
}

impl IntoReply for u16 {
    fn into_reply(self) -> Reply {
        match final_status(self) {
            Ok(status) => status.into_reply(),
            Err(why) => Reply::failure(why),
        }
    }
}

impl IntoReply for i32 {
    fn into_reply(self) -> Reply {
        match u16::try_from(self) {
            Ok(status) => status.into_reply(),
            Err(_) => Reply::failure(format!("{self} is no status: 200 to 999 are")),
        }
    }
}

macro_rules! json_replies {
    ($($kind:ty),*) => { $(
        impl IntoReply for $kind {
            fn into_reply(self) -> Reply {
                Reply::new().json(self)
            }
        }
    )* };
}
json_replies!(&str, String, &String, bool, f64, Value, &Value);

macro_rules! raw_replies {
    ($($kind:ty),*) => { $(
        impl IntoReply for $kind {
            fn into_reply(self) -> Reply {
                Reply::new().body(self)
            }
        }
    )* };
}
raw_replies!(Bytes, Vec<u8>, &'static [u8]);

impl<const N: usize> IntoReply for &'static [u8; N] {
    fn into_reply(self) -> Reply {
        Reply::new().body(&self[..])
    }
}

impl<const N: usize> IntoReply for [u8; N] {
    fn into_reply(self) -> Reply {
        Reply::new().body(self.to_vec())
    }
}

impl<R: IntoReply> IntoReply for Option<R> {
    /// `None` lets the next rule answer.
    fn into_reply(self) -> Reply {
        self.map_or_else(Reply::pass, R::into_reply)
    }
}

impl<R: IntoReply, E: fmt::Display> IntoReply for Result<R, E> {
    /// `Err` is a 500, recorded in the server's errors.
    fn into_reply(self) -> Reply {
        self.map_or_else(Reply::failure, R::into_reply)
    }
}

impl<R: IntoReply> IntoReply for Box<R> {
    fn into_reply(self) -> Reply {
        (*self).into_reply()
    }
}

impl<S: IntoReply, R: IntoReply> IntoReply for (S, R) {
    fn into_reply(self) -> Reply {
        self.0.into_reply().and(self.1.into_reply())
    }
}

impl<S: IntoReply, R: IntoReply, Q: IntoReply> IntoReply for (S, R, Q) {
    fn into_reply(self) -> Reply {
        (self.0, self.1).into_reply().and(self.2.into_reply())
    }
}

impl IntoReply for http::HeaderMap {
    fn into_reply(self) -> Reply {
        let mut reply = Reply::new();
        let mut last = None;
        for (name, value) in self {
            // A repeated header comes without its name.
            last = name.or(last);
            if let Some(name) = &last {
                reply.headers.push(HeaderEdit::Add(name.clone(), value));
            }
        }
        reply
    }
}

impl IntoReply for Stream {
    fn into_reply(self) -> Reply {
        Reply::new().stream(self)
    }
}

impl IntoReply for Fault {
    fn into_reply(self) -> Reply {
        Reply::new().fault(self)
    }
}

impl<B> IntoReply for http::Response<B>
where
    B: HttpBody<Data = Bytes, Error: Into<axum::BoxError>> + Send + 'static,
{
    /// The response as it is. Its body can be sent once; make one for each request in a closure.
    fn into_reply(self) -> Reply {
        let (head, body) = self.into_parts();
        let mut reply = head.headers.into_reply();
        reply.status = Some(head.status);
        let whole = std::sync::Mutex::new(Some(Body::new(body)));
        reply.with(Source::Whole(whole.into()))
    }
}

impl IntoReply for axum::Router {
    /// The request is handed to an axum router, which has seen the rule's filter pass it.
    fn into_reply(self) -> Reply {
        Reply::new().with(Source::Router(self))
    }
}
