//! Replies that are not there yet: channels, tasks, notifications, any future.

use std::{
    fmt,
    future::Future,
    pin::Pin,
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicBool, Ordering},
        mpsc::RecvTimeoutError,
    },
    time::Duration,
};

use futures::{
    FutureExt,
    future::{BoxFuture, Shared},
};
use tokio::{
    sync::{Notify, mpsc, oneshot, watch},
    task::JoinHandle,
};

use crate::reply::{Before, IntoReply, Reply, Source};

/// A future as a reply: it is awaited once, and every request gets what it came to.
///
/// ```
/// # use kmock_runtime as kmock;
/// use kmock::{Rule, reply::awaited};
///
/// let rule = Rule::on("/answer").reply(awaited(async { (201, "ready") }));
/// # drop(rule);
/// ```
pub fn awaited<F>(future: F) -> Reply
where
    F: Future<Output: IntoReply> + Send + 'static,
{
    let future: BoxFuture<'static, Reply> = future.map(IntoReply::into_reply).boxed();
    let shared: Shared<BoxFuture<'static, Reply>> = future.shared();
    Reply::compute_later(move |_| shared.clone())
}

/// One reply a request, from an iterator; when there are no more, the rule steps aside for the next one.
///
/// ```
/// # use kmock_runtime as kmock;
/// use kmock::{Rule, reply::each};
///
/// let flaky = Rule::on("/").reply(each([503, 503, 200]));
/// # drop(flaky);
/// ```
pub fn each<I>(replies: I) -> Reply
where
    I: IntoIterator<Item: IntoReply, IntoIter: Send + 'static>,
{
    let rest = Mutex::new(replies.into_iter());
    Reply::compute(move |_| {
        let next = rest.lock().unwrap_or_else(PoisonError::into_inner).next();
        next.map(IntoReply::into_reply)
    })
}

impl<R: IntoReply + Send + 'static> IntoReply for oneshot::Receiver<R> {
    /// Waits for the value; every request gets it. A sender that is gone is a recorded failure.
    fn into_reply(self) -> Reply {
        awaited(self)
    }
}

impl<R: IntoReply + Send + 'static> IntoReply for JoinHandle<R> {
    /// Waits for the task; every request gets what it came to. A panic of the task is a recorded failure.
    fn into_reply(self) -> Reply {
        awaited(self)
    }
}

impl<R: IntoReply> IntoReply for Pin<Box<dyn Future<Output = R> + Send>>
where
    R: 'static,
{
    fn into_reply(self) -> Reply {
        awaited(self)
    }
}

impl<R: IntoReply + Clone + Send + Sync + 'static> IntoReply for watch::Receiver<R> {
    /// Waits for the first value that is sent; from then on each request gets the newest.
    fn into_reply(self) -> Reply {
        Reply::compute_later(move |_| {
            let mut newest = self.clone();
            async move {
                // A sender that is gone leaves its last word.
                let _ = newest.changed().await;

                newest.borrow().clone()
            }
        })
    }
}

impl<R: IntoReply + Send + 'static> IntoReply for mpsc::Receiver<R> {
    /// The next value of the channel for each request; a closed channel steps aside.
    fn into_reply(self) -> Reply {
        let queue = Arc::new(tokio::sync::Mutex::new(self));
        Reply::compute_later(move |_| {
            let queue = Arc::clone(&queue);
            async move { queue.lock().await.recv().await }
        })
    }
}

impl<R: IntoReply + Send + 'static> IntoReply for mpsc::UnboundedReceiver<R> {
    /// The next value of the channel for each request; a closed channel steps aside.
    fn into_reply(self) -> Reply {
        let queue = Arc::new(tokio::sync::Mutex::new(self));
        Reply::compute_later(move |_| {
            let queue = Arc::clone(&queue);
            async move { queue.lock().await.recv().await }
        })
    }
}

impl<R: IntoReply + Send + 'static> IntoReply for std::sync::mpsc::Receiver<R> {
    /// The next value of the channel for each request; a closed channel steps aside.
    fn into_reply(self) -> Reply {
        let queue = Arc::new(Mutex::new(self));
        Reply::compute_later(move |_| {
            let queue = Arc::clone(&queue);
            // A thread that waits for what never comes must end with the request.
            let waiting = Arc::new(AtomicBool::new(true));
            let leaving = Leaving(Arc::clone(&waiting));
            async move {
                let received = tokio::task::spawn_blocking(move || {
                    let queue = queue.lock().unwrap_or_else(PoisonError::into_inner);
                    while waiting.load(Ordering::Acquire) {
                        match queue.recv_timeout(Duration::from_millis(20)) {
                            Ok(value) => return Some(value),
                            Err(RecvTimeoutError::Disconnected) => return None,
                            Err(RecvTimeoutError::Timeout) => {}
                        }
                    }
                    None
                })
                .await;
                drop(leaving);
                received.ok().flatten()
            }
        })
    }
}

struct Leaving(Arc<AtomicBool>);

impl Drop for Leaving {
    fn drop(&mut self) {
        self.0.store(false, Ordering::Release);
    }
}

impl IntoReply for Arc<Notify> {
    /// Waits to be notified; alone it then lets the next rule answer.
    fn into_reply(self) -> Reply {
        let mut reply = Reply::new();
        reply.before.push(Before::Wait(Waiter::new(move || {
            let notify = Arc::clone(&self);
            async move { notify.notified().await }
        })));
        reply.with(Source::Nothing)
    }
}

/// Makes a future to wait for, anew for each request.
#[derive(Clone)]
pub(crate) struct Waiter(Arc<dyn Fn() -> BoxFuture<'static, ()> + Send + Sync>);

impl Waiter {
    pub(crate) fn new<F, Fut>(wait: F) -> Waiter
    where
        F: Fn() -> Fut + Send + Sync + 'static,
        Fut: Future + Send + 'static,
    {
        Waiter(Arc::new(move || {
            let waited = wait();
            Box::pin(async move {
                waited.await;
            })
        }))
    }

    pub(crate) fn wait(&self) -> BoxFuture<'static, ()> {
        (self.0)()
    }
}

impl fmt::Debug for Waiter {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("wait(…)")
    }
}
