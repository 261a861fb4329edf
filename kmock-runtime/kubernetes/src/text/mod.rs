//! Texts: YAML, digests, base64 of URLs, PEM and what is in it.

pub mod base64url;
pub mod der;
pub mod digest;
pub mod inflate;
pub mod pem;
pub mod sha1;
pub(crate) mod stack;
#[cfg(feature = "yaml")]
pub mod yaml;
