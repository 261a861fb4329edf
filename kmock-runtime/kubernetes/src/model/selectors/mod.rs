//! Label and field selectors: how they are read, what they match, and what a malformed one is told.
//!
//! The rules are those of `k8s.io/apimachinery/pkg/labels` and `…/fields`, the texts were observed on v1.36.
//! Nothing here knows a kind: which field labels a kind has is asked of its strategy.

mod fields;
mod labels;
mod parse;

pub use fields::FieldSelector;
pub use labels::{LabelSelector, Labels};
