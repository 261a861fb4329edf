//! What a bare name is as a condition: `where is_long` may name a function of the request, by reference or by value, or
//! of nothing, sync or async. As in [`answer`](crate::answer), of the traits below the first that holds is taken.

use std::future::Future;

use kmock_runtime::{Filter, Request};

pub use crate::answer::Kind;

crate::answer::ways! {
    AsyncFn1: AskLater;
    AsyncFn0: AskLaterWithout;
    FnRef: AskByReference;
    Fn1: Ask;
    Fn0: AskWithout;
    Value: Take;
}

impl<F: Fn(Request) -> Fut, Fut: Future> AsyncFn1 for &&&&&Kind<'_, F> {}
impl<F: Fn() -> Fut, Fut: Future> AsyncFn0 for &&&&Kind<'_, F> {}
impl<F: Fn(&Request) -> bool> FnRef for &&&Kind<'_, F> {}
impl<F: Fn(Request) -> bool> Fn1 for &&Kind<'_, F> {}
impl<F: Fn() -> bool> Fn0 for &Kind<'_, F> {}
impl<T> Value for Kind<'_, T> {}

/// What a criterion in parentheses is: a filter, or what can be made one.
#[derive(Clone, Copy, Debug)]
pub struct AsFilter;

impl AsFilter {
    /// The filter.
    #[track_caller]
    pub fn of(value: impl Into<Filter>) -> Filter {
        value.into()
    }
}

impl AskLater {
    /// The condition of an async function of the request.
    #[track_caller]
    pub fn filter<F, Fut>(self, text: &'static str, holds: F) -> Filter
    where
        F: Fn(Request) -> Fut + Send + Sync + 'static,
        Fut: Future<Output = bool> + Send + 'static,
    {
        Filter::test_async(text, holds)
    }
}

impl AskLaterWithout {
    /// The condition of an async function.
    #[track_caller]
    pub fn filter<F, Fut>(self, text: &'static str, holds: F) -> Filter
    where
        F: Fn() -> Fut + Send + Sync + 'static,
        Fut: Future<Output = bool> + Send + 'static,
    {
        Filter::test_async(text, move |_| holds())
    }
}

impl Ask {
    /// The condition of a function of the request, by value.
    #[track_caller]
    pub fn filter(
        self,
        text: &'static str,
        holds: impl Fn(Request) -> bool + Send + Sync + 'static,
    ) -> Filter {
        Filter::test(text, move |request| holds(request.clone()))
    }
}

impl AskWithout {
    /// The condition of a function.
    #[track_caller]
    pub fn filter(
        self,
        text: &'static str,
        holds: impl Fn() -> bool + Send + Sync + 'static,
    ) -> Filter {
        Filter::test(text, move |_| holds())
    }
}

impl AskByReference {
    /// The condition of a function of the request, by reference.
    #[track_caller]
    pub fn filter(
        self,
        text: &'static str,
        holds: impl Fn(&Request) -> bool + Send + Sync + 'static,
    ) -> Filter {
        Filter::test(text, holds)
    }
}

impl Take {
    /// What cannot be asked: its bound says what could be.
    #[track_caller]
    pub fn filter(
        self,
        text: &'static str,
        holds: impl Fn(&Request) -> bool + Send + Sync + 'static,
    ) -> Filter {
        Filter::test(text, holds)
    }
}
