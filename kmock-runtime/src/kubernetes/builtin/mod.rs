//! The built-in kinds: what the API server knows about its own types.
pub mod base64;
pub mod decode;
pub mod defaults;
pub mod gotypes;
pub mod quantity;
pub mod times;
pub mod values;
