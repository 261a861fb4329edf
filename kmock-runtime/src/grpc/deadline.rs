//! Deadlines: a server ends a call when the client waits no more (`grpc-timeout`), on the clock of the runtime.

use std::{
    pin::Pin,
    task::{Context, Poll},
};

use tokio::time::{Sleep, sleep};

use crate::{
    grpc::{Code, Status},
    reply::Asked,
};

/// What is said at the end of it.
pub(super) fn status() -> Status {
    Code::DeadlineExceeded.because("kmock: the deadline of the client (grpc-timeout) is over")
}

/// When a call is over, while messages go out.
pub(super) struct Alarm(Option<Pin<Box<Sleep>>>);

impl Alarm {
    pub(super) fn new(asked: &Asked) -> Alarm {
        let timeout = asked.request.grpc().and_then(|call| call.timeout());
        let waited = asked.core.clock.elapsed();
        let waited = waited.saturating_sub(asked.request.at());
        Alarm(timeout.map(|timeout| Box::pin(sleep(timeout.saturating_sub(waited)))))
    }

    pub(super) fn is_over(&mut self, cx: &mut Context<'_>) -> bool {
        match &mut self.0 {
            Some(sleep) => matches!(sleep.as_mut().poll(cx), Poll::Ready(())),
            None => false,
        }
    }
}
