//! `kmock!` and `assert_requests!`: wrappers that tell the language where this crate is, whatever its name is there.

/// Mounts rules on a server, or makes a set of rules.
///
/// ```
/// use kmock::prelude::*;
///
/// #[kmock::test]
/// async fn greets(k: KMock) {
///     kmock! { k,
///         /// whoever asks first                  // the rule's name in reports
///         GET "/" => b"john";
///         let hello = POST "/hello" => |req| json!({ "you-are": req.json()["name"] });
///         "/users/{id: u64}" => |id| format!("user {id}");
///         fallback => 404, { "error": "no such thing" };
///     }
///     # drop(hello);
/// }
/// ```
///
/// - `kmock! { k, rule; rule; … }` mounts rules on `k`; a `let` in front of a rule binds its handle.
/// - `kmock!(k, rule)`, one rule without a `;`, is worth its handle.
/// - `kmock! { rule; … }` without a server is a value of type [`Rules`](crate::Rules). In a
///   [`#[kmock::test]`](macro@crate::test), in statement position, it mounts on the test's server.
///
/// Streams, faults and WebSockets have words of their own:
///
/// ```
/// # use std::time::Duration;
/// # use kmock::prelude::*;
/// # #[kmock::test(start_paused = true)]
/// # async fn breaks(k: KMock) {
/// kmock! { k,
///     stream GET "/events" => [
///         sse { event: "tick", data: { "n": 1 } },
///         sleep(5s),                              // virtual time: at once in a test with `start_paused`
///         ...,                                    // waits to be fed: `kmock! { k, ... => [ "more" ]; }`
///     ];
///     GET "/flaky" => text "well", reset [..2];   // RST for the first two requests
///     GET "/cut" => truncate 4, text "0123456789";
///     GET "/slow" => sleep(1s..2s), slow 64kB/s, file "Cargo.toml";
/// }
/// assert!(k.get("/flaky").send().await.is_err());
/// # }
/// ```
///
/// A rule is `[#[attributes]] [let NAME =] [override|fallback] [stream] FILTER [SLICE] [>> SINK] [=> REPLY, …] ;`.
/// The whole grammar, with the plain call that each production stands for, is in `docs/grammar.md`.
#[macro_export]
macro_rules! kmock {
    ($($tokens:tt)*) => { $crate::__private::kmock_impl! { $crate; $($tokens)* } };
}

/// Asserts how many requests have come, all claims at once.
///
/// ```
/// # use kmock::prelude::*;
/// # #[kmock::test]
/// # async fn counts(k: KMock) {
/// let hello = kmock!(k, POST "/hello" => 201);
/// // …
/// assert_requests!(k, total == 0, "get" == 0, POST "/hello" <= 1, "post" in 0..=3);
/// assert_requests!(hello == 0);
/// # }
/// ```
///
/// # Panics
/// When a claim does not hold, with a report of what came instead.
#[macro_export]
macro_rules! assert_requests {
    ($($tokens:tt)*) => { $crate::__private::assert_requests_impl! { $crate; $($tokens)* } };
}
