//! What stands in the texts of kmock, read in one way by its macros, by its engine and by its command line: paths with
//! captures and queries, methods and verbs, resources of Kubernetes, and the string notation that joins them.
//!
//! Nothing here knows of tokens or of requests: a text becomes plain data, or a [`Fault`] that says which part of it is
//! wrong and what to write.
//!
//! ```
//! use kmock_notation::{Head, head};
//!
//! let Ok(Head::Method(method, Some(path))) = head("get /users/{id: u64}?page=*") else { panic!() };
//! assert_eq!((method.as_str(), path.captures()[0].name.as_str()), ("GET", "id"));
//!
//! let fault = head("gte /users").unwrap_err();
//! assert_eq!(fault.range, 0..3);
//! assert_eq!(fault.text, "`gte` is no HTTP method; did you mean `get`?");
//! ```

mod built_in;
mod fault;
mod head;
mod path;
mod resource;
mod url;
mod words;

pub use built_in::{BuiltIn, built_ins};
pub use fault::Fault;
pub use head::{Head, head, is_method};
pub use path::{Capture, Parameter, Path, Rest, Segment, Value, path, template};
pub use resource::{Resource, ResourceParts, is_version, parts, resource};
pub use url::{canonical_path, decode_query, host_fault, is_canonical, legal_target};
pub use words::{
    GRPC_CODES, HEADS, HTTP2_ERRORS, METHODS, STREAMED, VERBS, did_you_mean, distance, nearest,
};
