//! The macros that users call: thin wrappers that tell the procedural ones what this crate is called here.

/// Rules, in kmock's language: `kmock! { k, GET "/" => b"john"; }`. The project's `docs/grammar.md` has all of it.
#[macro_export]
macro_rules! kmock {
    ($($tokens:tt)*) => { $crate::__private::kmock_impl!($crate; $($tokens)*) };
}

/// Asserts how many requests came: `assert_requests!(k, total == 2, "get" == 1, POST "/hello" >= 1)`.
///
/// # Panics
/// When a claim does not hold, with a report of all that do not and of what came instead.
#[macro_export]
macro_rules! assert_requests {
    ($($tokens:tt)*) => { $crate::__private::assert_requests_impl!($crate; $($tokens)*) };
}
