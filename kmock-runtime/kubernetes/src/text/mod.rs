//! Texts: YAML, digests, base64 of URLs, PEM and what is in it.

pub mod base64url;
pub mod der;
pub mod digest;
pub mod pem;
#[cfg(feature = "yaml")]
pub mod yaml;
