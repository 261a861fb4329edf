//! Patches as the API server applies them: pure functions from an object and a patch to the patched object.
//!
//! [`json`] and [`merge`] know nothing of types; [`strategic`] asks a [schema](crate::Schema) for merge keys and
//! strategies; server-side apply is [`fields::apply`](crate::fields::apply), and [`mod@apply`] puts the API server's
//! checks around it.
//!
//! | what is sent | which module | what the patch is |
//! |---|---|---|
//! | `application/json-patch+json` | [`json`] | a list of operations, [as it was written](crate::ordered::Node) |
//! | `application/merge-patch+json` | [`merge`] | a value |
//! | `application/strategic-merge-patch+json` | [`strategic`] | an object with directives, for built-in kinds |
//! | `application/apply-patch+yaml` | [`mod@apply`] | the fields that its sender wants to own |

pub mod apply;
pub mod json;
pub mod merge;
pub mod strategic;
