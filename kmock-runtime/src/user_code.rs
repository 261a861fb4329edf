//! Calling what the test wrote: its closures may panic, block, or take their time.

use std::{any::Any, path::PathBuf, sync::Arc};

use bytes::Bytes;

use crate::request::Request;

/// The text of a panic.
pub(crate) fn panic_text(panic: &(dyn Any + Send)) -> String {
    panic
        .downcast_ref::<&str>()
        .map(|text| (*text).to_owned())
        .or_else(|| panic.downcast_ref::<String>().cloned())
        .unwrap_or_else(|| "a panic without a message".to_owned())
}

/// Calls a function of the user on a thread that may block, so that one that takes its time holds up nobody else.
/// A paused clock stands meanwhile: tokio does not advance it while such a thread works.
pub(crate) async fn compute_apart<R: Send + 'static>(
    compute: Arc<dyn Fn(Request) -> R + Send + Sync>,
    request: Request,
) -> Result<R, String> {
    match tokio::task::spawn_blocking(move || compute(request)).await {
        Ok(made) => Ok(made),
        Err(stopped) => Err(match stopped.try_into_panic() {
            Ok(panic) => format!("panicked: {}", panic_text(&*panic)),
            Err(stopped) => stopped.to_string(),
        }),
    }
}

pub(crate) async fn read_file(path: PathBuf) -> Result<Bytes, String> {
    let shown = path.display().to_string();
    match tokio::task::spawn_blocking(move || std::fs::read(path)).await {
        Ok(Ok(bytes)) => Ok(bytes.into()),
        Ok(Err(error)) => Err(format!("file {shown}: {error}")),
        Err(stopped) => Err(format!("file {shown}: {stopped}")),
    }
}
