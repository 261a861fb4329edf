//! What needs a runtime of tokio and is called where there is none: on plain threads, under smol and others. A thread of kmock's own
//! turns the sockets and the clock then; whoever waits is woken as ever.

use std::sync::OnceLock;

use tokio::runtime::{Builder, EnterGuard, Handle, Runtime};

use crate::error::Error;

/// `None`: there is one.
pub(crate) fn runtime() -> Option<Result<&'static Runtime, Error>> {
    static OWN: OnceLock<Result<Runtime, String>> = OnceLock::new();
    if Handle::try_current().is_ok() {
        return None;
    }
    let own = OWN.get_or_init(|| {
        Builder::new_multi_thread()
            .worker_threads(1)
            .thread_name("kmock-client")
            .enable_all()
            .build()
            .map_err(|error| error.to_string())
    });
    Some(own.as_ref().map_err(|error| {
        Error::invalid(format!(
            "there is no runtime of tokio here, and none can be started: {error}"
        ))
    }))
}

/// Makes what is made while this lives belong to a runtime, if there is none.
pub(crate) fn enter() -> Option<EnterGuard<'static>> {
    Some(runtime()?.ok()?.enter())
}
