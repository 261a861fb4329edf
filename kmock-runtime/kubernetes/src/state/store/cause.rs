//! For whom a write is made.

tokio::task_local! {
    static CAUSE: u64;
}

/// Does some work for a request: [`Event::cause`](super::Event::cause) of each write that it makes is the request's number.
pub async fn caused_by<T>(request: u64, work: impl Future<Output = T>) -> T {
    CAUSE.scope(request, work).await
}

/// The request that the current task works for; `None`: the test or the cluster itself works.
pub(super) fn current() -> Option<u64> {
    CAUSE.try_with(|request| *request).ok()
}
