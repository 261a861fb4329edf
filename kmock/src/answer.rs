//! What a bare name is as a reply, or as an item of a stream: `=> not_found` may name a value or a function, sync or async, with the request
//! as its argument or without. A macro cannot tell, so the type system does: of the traits below, method resolution
//! takes the first that holds, and each adds one `&`.

use std::future::Future;

use kmock_runtime::{IntoItem, IntoReply, Reply, Request, Stream};

/// Something that has a name, seen by reference.
#[derive(Debug)]
pub struct Kind<'a, T>(pub &'a T);

macro_rules! ways {
    ($($name:ident: $tag:ident;)*) => { $(
        /// Names that are taken in this way.
        pub trait $name {
            /// The way.
            fn kind(&self) -> $tag {
                $tag
            }
        }

        /// A way of taking a name.
        #[derive(Clone, Copy, Debug)]
        pub struct $tag;
    )* };
}
pub(crate) use ways;

ways! {
    AsyncFn1: CallLater;
    AsyncFn0: CallLaterWithout;
    Fn1: Call;
    Fn0: CallWithout;
    Value: Take;
}

impl<F: Fn(Request) -> Fut, Fut: Future> AsyncFn1 for &&&&Kind<'_, F> {}
impl<F: Fn() -> Fut, Fut: Future> AsyncFn0 for &&&Kind<'_, F> {}
impl<F: Fn(Request) -> R, R> Fn1 for &&Kind<'_, F> {}
impl<F: Fn() -> R, R> Fn0 for &Kind<'_, F> {}
impl<T> Value for Kind<'_, T> {}

impl CallLater {
    /// The reply of an async function of the request.
    pub fn reply<F, Fut>(self, make: F) -> Reply
    where
        F: Fn(Request) -> Fut + Send + Sync + 'static,
        Fut: Future<Output: IntoReply> + Send + 'static,
    {
        Reply::compute_later(make)
    }

    /// The items that an async function of the request makes.
    pub fn item<F, Fut>(self, make: F) -> Stream
    where
        F: Fn(Request) -> Fut + Send + Sync + 'static,
        Fut: Future<Output: IntoItem> + Send + 'static,
    {
        Stream::new().call_async(make)
    }
}

impl CallLaterWithout {
    /// The reply of an async function.
    pub fn reply<F, Fut>(self, make: F) -> Reply
    where
        F: Fn() -> Fut + Send + Sync + 'static,
        Fut: Future<Output: IntoReply> + Send + 'static,
    {
        Reply::compute_later(move |_| make())
    }

    /// The items that an async function makes.
    pub fn item<F, Fut>(self, make: F) -> Stream
    where
        F: Fn() -> Fut + Send + Sync + 'static,
        Fut: Future<Output: IntoItem> + Send + 'static,
    {
        Stream::new().call_async(move |_| make())
    }
}

impl Call {
    /// The reply of a function of the request.
    pub fn reply<F, R>(self, make: F) -> Reply
    where
        F: Fn(Request) -> R + Send + Sync + 'static,
        R: IntoReply,
    {
        Reply::compute(make)
    }

    /// The items that a function of the request makes.
    pub fn item<F, I>(self, make: F) -> Stream
    where
        F: Fn(Request) -> I + Send + Sync + 'static,
        I: IntoItem,
    {
        Stream::new().call_with(make)
    }
}

impl CallWithout {
    /// The reply of a function.
    pub fn reply<F, R>(self, make: F) -> Reply
    where
        F: Fn() -> R + Send + Sync + 'static,
        R: IntoReply,
    {
        Reply::compute(move |_| make())
    }

    /// The items that a function makes.
    pub fn item<F, I>(self, make: F) -> Stream
    where
        F: Fn() -> I + Send + Sync + 'static,
        I: IntoItem,
    {
        Stream::new().call(make)
    }
}

impl Take {
    /// A value as a reply.
    pub fn reply<T: IntoReply>(self, value: T) -> Reply {
        value.into_reply()
    }

    /// A value as an item.
    pub fn item<T: IntoItem>(self, value: T) -> Stream {
        value.into_item()
    }
}

/// Lets the compiler know what the argument of an async closure is.
pub fn async_closure<F, R>(closure: F) -> F
where
    F: AsyncFn(Request) -> R,
{
    closure
}
