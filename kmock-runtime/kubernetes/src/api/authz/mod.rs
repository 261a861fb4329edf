//! May they: what decides whether a user is allowed to do something.
//!
//! Who is in `system:masters` may do anything. Everybody else may, too, until RBAC decides
//! ([`Access::enforce_rbac`](crate::state::access::Access::enforce_rbac)).

pub mod aggregate;
pub mod escalation;
pub(super) mod node;

use std::borrow::Cow;

use crate::model::status::ApiError;
use crate::model::user::User;
use crate::state::access::rbac::{Index, RbacVerdict, Rule, index};
use crate::state::access::{Attributes, ResourceAttributes};
use crate::state::cluster::Cluster;

/// What an authorizer says.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Decision {
    /// Whether it is allowed.
    pub allowed: bool,
    /// Why, or why not; often empty.
    pub reason: String,
}

impl Decision {
    fn allowed() -> Self {
        Self {
            allowed: true,
            reason: String::new(),
        }
    }
}

/// Whether nobody has to be asked about a user.
fn is_free(cluster: &Cluster, user: &User) -> bool {
    !cluster.access().has_rbac() || user.is_privileged()
}

/// Asks the cluster's authorizer.
pub fn authorize(cluster: &Cluster, user: &User, attributes: &Attributes<'_>) -> Decision {
    if is_free(cluster, user) {
        return Decision::allowed();
    }
    let Err(of_node) = node::decide(cluster, user, attributes) else {
        return Decision::allowed();
    };
    let index = cluster.access().rbac(cluster.store());
    match index.decide(user, attributes) {
        RbacVerdict::Allowed(grant) => Decision {
            allowed: true,
            reason: grant.reason(),
        },
        RbacVerdict::Denied(lost) => Decision {
            allowed: false,
            reason: reason(of_node, &lost),
        },
    }
}

/// Why nobody allows something: in the order in which they were asked, a line each.
fn reason(of_node: String, lost: &[String]) -> String {
    let of_rbac = match lost {
        [] => return of_node,
        lost => format!("RBAC: {}", index::join(lost)),
    };
    match of_node.as_str() {
        "" => of_rbac,
        of_node => format!("{of_node}\n{of_rbac}"),
    }
}

/// Whether a user may do something.
pub fn may(cluster: &Cluster, user: &User, attributes: &Attributes<'_>) -> bool {
    check(cluster, user, attributes).is_ok()
}

/// Refuses what a user may not do.
pub fn check(cluster: &Cluster, user: &User, attributes: &Attributes<'_>) -> Result<(), ApiError> {
    if is_free(cluster, user) {
        return Ok(());
    }
    let Err(of_node) = node::decide(cluster, user, attributes) else {
        return Ok(());
    };
    let index = cluster.access().rbac(cluster.store());
    match index.decide(user, attributes) {
        RbacVerdict::Allowed(_) => Ok(()),
        RbacVerdict::Denied(lost) => Err(attributes.forbidden(user, &reason(of_node, &lost))),
    }
}

/// The rules that hold for a user in a namespace, and what was amiss while they were looked for.
pub fn rules_for(cluster: &Cluster, user: &User, namespace: &str) -> (Vec<Rule>, Vec<String>) {
    match cluster.access().has_rbac() {
        true => {
            let index = cluster.access().rbac(cluster.store());
            let (rules, mut lost) = Index::rules_for(&index, user, namespace);
            if cluster.access().authorizes_nodes() && user.as_node().is_some() {
                let why = "node authorizer does not support user rule resolution";
                lost.insert(0, why.to_owned());
            }
            (rules, lost)
        }
        false => (Rule::everything().to_vec(), Vec::new()),
    }
}

impl Cluster {
    /// From now on RBAC decides who may what, and one has to say who one is.
    pub fn enforce_rbac(&self) {
        self.access().enforce_rbac();
        aggregate::run(self);
    }

    /// From now on kubelets (users `system:node:NAME` of the group `system:nodes`) may read only what the Pods on their node
    /// name, and write only what is theirs: the authorizer Node before RBAC, which decides everything else, and the
    /// admission plugin NodeRestriction. `kubeadm` sets servers up like this.
    ///
    /// ```
    /// # use kmock_kubernetes::Cluster;
    /// let cluster = Cluster::default();
    /// cluster.restrict_nodes();
    /// ```
    pub fn restrict_nodes(&self) {
        self.authorize_nodes();
        self.access().restrict_nodes();
    }

    /// The authorizer of [`Cluster::restrict_nodes`] alone: `--authorization-mode=Node,RBAC`.
    pub fn authorize_nodes(&self) {
        self.access().authorize_nodes();
        aggregate::run(self);
    }
}

/// A verb that no request has, as the checks of roles, bindings and signers ask for it.
pub fn special<'a>(
    verb: &'a str,
    group: &'a str,
    resource: &'a str,
    namespace: &'a str,
    name: &'a str,
) -> Attributes<'a> {
    Attributes::resource(
        Cow::Borrowed(verb),
        ResourceAttributes {
            group: group.into(),
            version: "*".into(),
            namespace: namespace.into(),
            resource: resource.into(),
            subresource: "".into(),
            name: name.into(),
            fields: "".into(),
        },
    )
}
