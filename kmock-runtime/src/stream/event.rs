//! Things that happen once, for every stream that waits for them: `wait(receiver)`.

use std::future::IntoFuture;

use futures::{FutureExt, future::BoxFuture};

/// Makes a future that can be awaited once (a oneshot receiver, a join handle, an async block) an event that any
/// number of streams can wait for, also when it has long happened: the argument of [`Stream::wait`](crate::Stream::wait).
pub fn event<F>(
    happens: F,
) -> impl Fn() -> futures::future::Shared<BoxFuture<'static, ()>> + Send + Sync + 'static
where
    F: IntoFuture<Output: 'static>,
    F::IntoFuture: Send + 'static,
{
    let happens = happens.into_future();
    let event = happens.map(drop).boxed().shared();
    move || event.clone()
}
