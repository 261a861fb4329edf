//! How long a request may take. Nobody waits for ever at an API server: what does not last by its nature (watches, logs,
//! what is connected to) is answered with 504 when its time is over, and what it was about to do is given up.
//!
//! Rules of `k8s.io/apiserver/pkg/endpoints/filters/request_deadline.go`, `…/server/filters/timeout.go` and
//! `…/endpoints/handlers/finisher`.

use std::future::{Future, poll_fn};
use std::pin::pin;
use std::task::Poll;
use std::time::Duration;

use super::reply::Reply;
use crate::kinds::builtin::times;
use crate::model::path::{ApiRequest, Query, Verb};
use crate::model::status::{ApiError, Details};

/// The longest that any request takes: `--request-timeout`.
const LONGEST: Duration = Duration::from_secs(60);
/// The longest that a write takes.
const LONGEST_WRITE: Duration = Duration::from_secs(34);

/// How long a request may take; `None`: as long as it likes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Deadline(Option<(Duration, What)>);

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum What {
    Read,
    Write,
}

impl Deadline {
    /// The deadline of a request, which may ask for an earlier one by `?timeout=`.
    pub(super) fn of(request: &ApiRequest) -> Result<Self, ApiError> {
        let lasts = request.verb == Verb::Watch
            || matches!(
                request.subresource(),
                "log" | "exec" | "attach" | "portforward" | "proxy"
            );
        if lasts {
            return Ok(Self(None));
        }
        let what = match request.verb {
            Verb::Get | Verb::List | Verb::Watch | Verb::Other => What::Read,
            Verb::Create | Verb::Update | Verb::Patch => What::Write,
            Verb::Delete | Verb::DeleteCollection => What::Write,
        };
        let longest = match what {
            What::Read => LONGEST,
            What::Write => LONGEST_WRITE,
        };
        let limit = asked(&request.query)?.map_or(longest, |asked| longest.min(asked));
        Ok(Self(Some((limit, what))))
    }

    /// Checks what a request asks for that is not for a resource: its answer is there at once.
    pub(super) fn check(query: &str) -> Result<(), ApiError> {
        asked(&Query::parse(query)).map(drop)
    }

    /// Waits for an answer, but no longer than that.
    pub(super) async fn keep(
        self,
        answer: impl Future<Output = Result<Reply, ApiError>>,
    ) -> Result<Reply, ApiError> {
        let mut answer = pin!(answer);
        let Self(Some((limit, what))) = self else {
            return answer.await;
        };
        // Most answers are there at once, and need no clock.
        if let Poll::Ready(answer) = poll_fn(|cx| Poll::Ready(answer.as_mut().poll(cx))).await {
            return answer;
        }
        match tokio::time::timeout(limit, answer).await {
            Ok(answer) => answer,
            Err(_) => Err(too_late(what)),
        }
    }
}

/// What `?timeout=` asks for; `None`: nothing.
fn asked(query: &Query) -> Result<Option<Duration>, ApiError> {
    let asked = query.get("timeout").unwrap_or_default();
    if asked.is_empty() {
        return Ok(None);
    }
    let asked = times::duration(asked).map_err(|why| {
        ApiError::bad_request(format!(
            "invalid timeout specified in the request URL - {why}"
        ))
    })?;
    // Nothing, and less than nothing, asks for nothing.
    let asked = Duration::from_nanos(u64::try_from(asked).unwrap_or_default());
    Ok((!asked.is_zero()).then_some(asked))
}

fn too_late(what: What) -> ApiError {
    match what {
        What::Write => {
            let why = "Timeout: request did not complete within requested timeout - context deadline exceeded";
            ApiError::new(504, "Timeout", why).with_details(Details::default())
        }
        // It is not the handler that answers but what stands before it, without a look at what the client accepts.
        What::Read => ApiError {
            plain: true,
            ..ApiError::new(
                504,
                "Timeout",
                r#"{"metadata":{},"status":"Failure","message":"Timeout: request did not complete within the allotted timeout","reason":"Timeout","details":{},"code":504}
"#,
            )
        },
    }
}
