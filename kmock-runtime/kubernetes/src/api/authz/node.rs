//! What kubelets may: read what the Pods on their node name, and write what is theirs. Who is a node by name and group is
//! asked about here first; what is not allowed here is left to RBAC.
//!
//! Rules: `plugin/pkg/auth/authorizer/node` of v1.36. The relations between nodes and objects are looked up in the store when
//! they are asked for, where the server keeps a graph of them.

use std::sync::{Arc, LazyLock};

use serde_json::Value;

use crate::kinds::builtin::references;
use crate::kinds::builtin::values::text;
use crate::model::resource::ResourceKey;
use crate::model::selectors::FieldSelector;
use crate::model::status::quoted;
use crate::model::user::User;
use crate::state::access::rbac::{Rule, policy};
use crate::state::access::{Attributes, ResourceAttributes, What};
use crate::state::cluster::Cluster;
use crate::state::store::StoredObject;

/// The namespace of the leases of nodes.
pub(in crate::api) const LEASES: &str = "kube-node-lease";
const MIRROR: &str = "kubernetes.io/config.mirror";

/// What the rules say of all nodes alike: those of the role `system:node`, as it was shipped.
static RULES: LazyLock<Vec<Rule>> = LazyLock::new(|| {
    let roles = policy::entries("clusterroles", false);
    let role = roles.iter().find(|role| role.key == "system:node");
    role.map(|role| Rule::read_all(&role.value))
        .unwrap_or_default()
});

/// Allows what a node may; otherwise why not, which is often not told.
pub(super) fn decide(
    cluster: &Cluster,
    user: &User,
    attributes: &Attributes<'_>,
) -> Result<(), String> {
    let none = || Err(String::new());
    if !cluster.access().authorizes_nodes() {
        return none();
    }
    let Some(node) = user.as_node() else {
        return none();
    };
    if node.is_empty() {
        return Err(format!("unknown node for user {}", quoted(&user.name)));
    }
    let What::Resource(asked) = &attributes.what else {
        return by_rules(attributes);
    };
    let request = NodeRequest {
        cluster,
        node,
        verb: &attributes.verb,
        asked,
    };
    match (&*asked.group, &*asked.resource) {
        ("", "secrets" | "configmaps") => request.read_namespaced(),
        ("", "persistentvolumeclaims") if asked.subresource == "status" => match request.verb {
            "update" | "patch" => request.related(),
            _ => Err("can only get/update/patch this type".into()),
        },
        ("", "persistentvolumeclaims" | "persistentvolumes")
        | ("resource.k8s.io", "resourceclaims")
        | ("storage.k8s.io", "volumeattachments") => request.get(),
        ("", "serviceaccounts") => request.account(),
        ("coordination.k8s.io", "leases") => request.lease(),
        ("storage.k8s.io", "csinodes") => request.csi_node(),
        ("resource.k8s.io", "resourceslices") => request.slice(),
        ("", "nodes") => request.node(),
        ("", "pods") => request.pod(),
        // Only servers with the feature PodCertificateRequest let nodes do that.
        ("certificates.k8s.io", "podcertificaterequests") => none(),
        _ => by_rules(attributes),
    }
}

fn by_rules(attributes: &Attributes<'_>) -> Result<(), String> {
    match RULES.iter().any(|rule| rule.allows(attributes)) {
        true => Ok(()),
        false => Err(String::new()),
    }
}

/// A request of a node.
struct NodeRequest<'a> {
    cluster: &'a Cluster,
    node: &'a str,
    verb: &'a str,
    asked: &'a ResourceAttributes<'a>,
}

impl NodeRequest<'_> {
    fn read_namespaced(&self) -> Result<(), String> {
        if !matches!(self.verb, "get" | "list" | "watch") {
            return Err("can only read resources of this type".into());
        }
        if !self.asked.subresource.is_empty() {
            return Err("cannot read subresource".into());
        }
        if self.asked.namespace.is_empty() {
            return Err("can only read namespaced object of this type".into());
        }
        self.related()
    }

    fn get(&self) -> Result<(), String> {
        if self.verb != "get" {
            return Err("can only get individual resources of this type".into());
        }
        if !self.asked.subresource.is_empty() {
            return Err("cannot get subresource".into());
        }
        self.related()
    }

    fn account(&self) -> Result<(), String> {
        if self.verb == "get" && self.asked.subresource.is_empty() {
            return self.read_namespaced();
        }
        if self.verb != "create" || self.asked.name.is_empty() {
            return Err("can only create tokens for individual service accounts".into());
        }
        if self.asked.subresource != "token" {
            return Err("can only create token subresource of serviceaccount".into());
        }
        self.related()
    }

    fn lease(&self) -> Result<(), String> {
        if !self.writes_one() {
            return Err("can only get, create, update, patch, or delete a node lease".into());
        }
        if self.asked.namespace != LEASES {
            let namespace = quoted(LEASES);
            return Err(format!(
                "can only access leases in the {namespace} system namespace"
            ));
        }
        // Of what is created the name is not known here: admission looks at it.
        if self.verb != "create" && self.asked.name != self.node {
            let why = "can only access node lease with the same name as the requesting node";
            return Err(why.into());
        }
        Ok(())
    }

    fn csi_node(&self) -> Result<(), String> {
        if !self.writes_one() {
            return Err("can only get, create, update, patch, or delete a CSINode".into());
        }
        if !self.asked.subresource.is_empty() {
            return Err("cannot authorize CSINode subresources".into());
        }
        if self.verb != "create" && self.asked.name != self.node {
            return Err("can only access CSINode with the same name as the requesting node".into());
        }
        Ok(())
    }

    fn writes_one(&self) -> bool {
        matches!(self.verb, "get" | "create" | "update" | "patch" | "delete")
    }

    fn slice(&self) -> Result<(), String> {
        if !self.asked.subresource.is_empty() {
            return Err("cannot authorize ResourceSlice subresources".into());
        }
        match self.verb {
            "create" => Ok(()),
            "get" | "update" | "patch" | "delete" => self.related(),
            "watch" | "list" | "deletecollection" if self.selects("spec.nodeName") => Ok(()),
            "watch" | "list" | "deletecollection" => Err(
                "can only list/watch/deletecollection resourceslices with nodeName field selector".into(),
            ),
            _ => Err("only the following verbs are allowed for a ResourceSlice: get, watch, list, create, update, patch, \
                      delete, deletecollection"
                .into()),
        }
    }

    fn node(&self) -> Result<(), String> {
        let node = self.node;
        match (&*self.asked.subresource, self.verb, &*self.asked.name) {
            ("", "create" | "update" | "patch", _) | ("status", "update" | "patch", _) => Ok(()),
            ("", "get" | "list" | "watch", name) if name == node => Ok(()),
            ("", "get" | "list" | "watch", "") => Err(format!(
                "node '{node}' cannot read all nodes, only its own Node object"
            )),
            ("", "get" | "list" | "watch", name) => Err(format!(
                "node '{node}' cannot read '{name}', only its own Node object"
            )),
            _ => Err(String::new()),
        }
    }

    fn pod(&self) -> Result<(), String> {
        match (&*self.asked.subresource, self.verb) {
            ("", "get") => self.get(),
            ("", "list" | "watch") if self.selects("spec.nodeName") => Ok(()),
            ("", "list" | "watch") if !self.asked.name.is_empty() => self.related(),
            ("", "list" | "watch") => {
                Err("can only list/watch pods with spec.nodeName field selector".into())
            }
            ("", "create" | "delete") | ("status", "update" | "patch") | ("eviction", "create") => {
                Ok(())
            }
            _ => Err(String::new()),
        }
    }

    /// Whether a field selector lets only what is of this node through.
    fn selects(&self, field: &str) -> bool {
        let selector = FieldSelector::parse(&self.asked.fields);
        selector.is_ok_and(|selector| selector.exact(field) == Some(self.node))
    }

    fn related(&self) -> Result<(), String> {
        let asked = self.asked;
        if asked.name.is_empty() {
            return Err("No Object name found".into());
        }
        let (namespace, name) = (&*asked.namespace, &*asked.name);
        let found = match &*asked.resource {
            "secrets" => {
                self.a_pod(namespace, |pod| references::secrets(pod).contains(&name))
                    || self.volumes().iter().any(|volume| {
                        references::secrets_of_volume(&volume.value).contains(&(namespace, name))
                    })
            }
            "configmaps" => self.a_pod(namespace, |pod| {
                references::config_maps(pod).contains(&name)
            }),
            "serviceaccounts" => self.a_pod(namespace, |pod| {
                text(pod, &["spec", "serviceAccountName"]) == name
            }),
            "resourceclaims" => self.a_pod(namespace, |pod| {
                references::resource_claims(pod).contains(&name)
            }),
            "persistentvolumeclaims" => self.claims(namespace, name),
            "persistentvolumes" => {
                let mut volumes = self.volumes().into_iter();
                volumes.any(|volume| volume.name() == name)
            }
            "pods" => self.is_of_node("", "pods", &format!("{namespace}/{name}")),
            "volumeattachments" => self.is_of_node("storage.k8s.io", "volumeattachments", name),
            "resourceslices" => self.is_of_node("resource.k8s.io", "resourceslices", name),
            _ => false,
        };
        match found {
            true => Ok(()),
            false => Err(format!(
                "no relationship found between node '{}' and this object",
                self.node
            )),
        }
    }

    /// Whether a Pod on the node does something with an object. Static Pods give a node no rights.
    fn a_pod(&self, namespace: &str, does: impl Fn(&Value) -> bool) -> bool {
        let place = ResourceKey::new("", "pods");
        let pods = self.cluster.store().list(&place, &format!("{namespace}/"));
        pods.objects.iter().any(|pod| {
            text(&pod.value, &["spec", "nodeName"]) == self.node
                && text(&pod.value, &["metadata", "annotations", MIRROR]).is_empty()
                && does(&pod.value)
        })
    }

    fn claims(&self, namespace: &str, name: &str) -> bool {
        self.a_pod(namespace, |pod| {
            references::claims(pod).iter().any(|claim| claim == name)
        })
    }

    /// The volumes that claims of Pods on the node are bound to.
    fn volumes(&self) -> Vec<Arc<StoredObject>> {
        let place = ResourceKey::new("", "persistentvolumes");
        let mut volumes = self.cluster.store().list(&place, "").objects;
        volumes.retain(|volume| {
            let of = |key: &str| text(&volume.value, &["spec", "claimRef", key]);
            let (namespace, name) = (of("namespace"), of("name"));
            !name.is_empty() && self.claims(namespace, name)
        });
        volumes
    }

    fn is_of_node(&self, group: &str, plural: &str, key: &str) -> bool {
        let place = ResourceKey::new(group, plural);
        let found = self.cluster.store().get(&place, key);
        found.is_some_and(|object| text(&object.value, &["spec", "nodeName"]) == self.node)
    }
}
