//! Texts: YAML, digests, base64 of URLs.

pub mod base64url;
pub mod digest;
#[cfg(feature = "yaml")]
pub mod yaml;
