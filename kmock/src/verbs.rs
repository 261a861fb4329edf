//! The HTTP methods as `kmock!` names them, so that completion, hover and go-to-definition work on them; and the words that may
//! stand in their place.

pub use crate::words::criteria::*;

/// An HTTP method in `kmock!`.
#[derive(Clone, Copy, Debug)]
pub struct Verb(&'static str);

impl AsRef<str> for Verb {
    fn as_ref(&self) -> &str {
        self.0
    }
}

macro_rules! verbs {
    ($($(#[$doc:meta])* $name:ident;)*) => { $(
        $(#[$doc])*
        pub const $name: Verb = Verb(stringify!($name));
    )* };
}

verbs! {
    /// Reads (RFC 9110, 9.3.1).
    GET;
    /// Reads the head only (RFC 9110, 9.3.2).
    HEAD;
    /// Has the resource process what is sent (RFC 9110, 9.3.3).
    POST;
    /// Replaces (RFC 9110, 9.3.4).
    PUT;
    /// Removes (RFC 9110, 9.3.5).
    DELETE;
    /// Opens a tunnel (RFC 9110, 9.3.6).
    CONNECT;
    /// Asks what can be done (RFC 9110, 9.3.7).
    OPTIONS;
    /// Loops the request back (RFC 9110, 9.3.8).
    TRACE;
    /// Changes a part (RFC 5789).
    PATCH;
    /// Reads, with a body that says what (the HTTP QUERY method).
    QUERY;
    /// Reads properties (RFC 4918, WebDAV).
    PROPFIND;
    /// Changes properties (RFC 4918, WebDAV).
    PROPPATCH;
    /// Makes a collection (RFC 4918, WebDAV).
    MKCOL;
    /// Copies (RFC 4918, WebDAV).
    COPY;
    /// Moves (RFC 4918, WebDAV).
    MOVE;
    /// Locks (RFC 4918, WebDAV).
    LOCK;
    /// Unlocks (RFC 4918, WebDAV).
    UNLOCK;
    /// Asks for a report (RFC 3253, WebDAV versioning).
    REPORT;
    /// Searches (RFC 5323, WebDAV).
    SEARCH;
    /// Links resources (RFC 2068).
    LINK;
    /// Unlinks resources (RFC 2068).
    UNLINK;
    /// Drops from a cache (a custom of proxies).
    PURGE;
}
