//! Services of this process that the emulated cluster asks: webhooks and extension servers. A panic of theirs fails their own
//! call, nothing else.

use std::{any::Any, fmt, future::Future, panic::AssertUnwindSafe};

use axum::body::Body;
use bytes::Bytes;
use futures::{FutureExt, future::BoxFuture};
use http::{Request, Response};
use tower_service::Service;

use crate::user_code::panic_text;

/// A service in this process.
pub(super) struct InProcess<S>(pub(super) S);

impl<S> fmt::Debug for InProcess<S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("InProcess(…)")
    }
}

/// Asks a service when it is ready.
pub(super) async fn ask<S, B>(
    mut service: S,
    request: Request<Bytes>,
) -> Result<Response<B>, String>
where
    S: Service<Request<Body>, Response = Response<B>>,
    S::Error: fmt::Display,
{
    std::future::poll_fn(|context| service.poll_ready(context))
        .await
        .map_err(|error| error.to_string())?;
    let answer = service.call(request.map(Body::from)).await;
    answer.map_err(|error| error.to_string())
}

/// Who panics fails the call, and is named.
pub(super) fn guarded<T>(
    who: &'static str,
    call: impl Future<Output = Result<T, String>> + Send + 'static,
) -> BoxFuture<'static, Result<T, String>> {
    Box::pin(async move {
        let outcome = AssertUnwindSafe(call).catch_unwind().await;
        outcome.unwrap_or_else(|panic| Err(panicked(who, &*panic)))
    })
}

/// A panic in words.
pub(super) fn panicked(who: &str, panic: &(dyn Any + Send)) -> String {
    format!("{who} panicked: {}", panic_text(panic))
}
