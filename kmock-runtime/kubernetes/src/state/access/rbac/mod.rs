//! Role-based access control, as `plugin/pkg/auth/authorizer/rbac` and `component-helpers/auth/rbac` evaluate it.

pub mod cover;
pub mod index;
pub mod policy;
pub mod rule;

pub use self::index::{Index, RbacVerdict};
pub use self::rule::Rule;

/// The API group of roles and bindings.
pub const GROUP: &str = "rbac.authorization.k8s.io";
