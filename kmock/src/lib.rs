#![doc = include_str!("../README.md")]
#![cfg_attr(docsrs, feature(doc_cfg))]

mod macros;

#[doc(inline)]
pub use kmock_macros::test;
pub use kmock_runtime::{
    Builder, Check, Controllers, Delay, Error, Event, Fault, Filter, FilterError, Gate,
    Interceptor, IntoItem, IntoReply, Json, KMock, Location, PartPattern, Pattern, Reply, Report,
    Request, Requests, Rule, Rules, Seen, Slice, State, Stream, Times, View, assert_requests,
    basic_auth, client, criteria, journal, reply, request, rules, stream,
};

#[cfg(feature = "http2")]
pub use kmock_runtime::Http2;

#[cfg(feature = "kubernetes")]
pub use kmock_runtime::{AsUser, Failure, kubernetes};

#[cfg(feature = "cluster")]
pub use kmock_runtime::life;

#[cfg(feature = "grpc")]
pub use kmock_runtime::grpc;

#[cfg(feature = "record")]
pub use kmock_runtime::record;

#[cfg(any(feature = "tls", feature = "aws-lc"))]
pub use kmock_runtime::tls;

#[cfg(feature = "websocket")]
pub use kmock_runtime::websocket;

/// What [`#[kmock::test]`](macro@test) asks of a test: which functions are tests, and what they return.
pub mod harness {
    pub use kmock_runtime::harness::{Outcome, SyncTestFn, TestFn};
}

/// Everything that a test file names: `use kmock::prelude::*;`
pub mod prelude {
    pub use kmock_runtime::{
        Event, Fault, Filter, Gate, Json, KMock, Pattern, Reply, Request, Rule, Rules, State,
        Stream, Times,
    };

    pub use crate::{__private::json, assert_requests, kmock};
}

/// What the macros' expansions name. Nothing here is for users, and it changes without notice.
#[doc(hidden)]
pub mod __private {
    pub use kmock_macros::{assert_requests_impl, kmock_impl};
    pub use kmock_runtime::{
        Check, SweepOptions, assert_requests,
        harness::{TestOptions, run_async, run_sweep, run_sync},
        stream::event,
    };

    pub use crate::{
        answer::{self, async_closure},
        condition::{self, AsFilter},
        verbs,
    };

    pub use kmock_runtime::__json as json;

    pub use crate::words::images;
    pub use crate::words::replies as words;

    /// The value of a header in a list of several, which may be of several types.
    pub fn text(value: impl ToString) -> String {
        value.to_string()
    }
}

#[doc(hidden)]
pub mod answer;
#[doc(hidden)]
pub mod condition;
#[doc(hidden)]
pub mod verbs;
#[doc(hidden)]
pub mod words;
