//! NodeRestriction: kubelets write only what is theirs. Where the option is on, as a bare cluster has no kubelets that would be
//! users of their own.
//!
//! Rules: `plugin/pkg/admission/noderestriction`.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use serde_json::Value;

use super::{Attributes, Operation, Plugin};
use crate::api::authz::{self, node::LEASES};
use crate::kinds::builtin::values::{at, is_set, items, text, truth};
use crate::kinds::builtin::{base64, references};
use crate::model::resource::ResourceKey;
use crate::model::status::{ApiError, quoted};
use crate::state::access::{self, ResourceAttributes};
use crate::state::store::StoredObject;
use crate::text::{der, pem};

const MIRROR: &str = "kubernetes.io/config.mirror";
/// Labels that a kubelet sets on its Node.
const OWN_LABELS: [&str; 11] = [
    "kubernetes.io/hostname",
    "topology.kubernetes.io/zone",
    "topology.kubernetes.io/region",
    "failure-domain.beta.kubernetes.io/zone",
    "failure-domain.beta.kubernetes.io/region",
    "beta.kubernetes.io/instance-type",
    "node.kubernetes.io/instance-type",
    "kubernetes.io/os",
    "kubernetes.io/arch",
    "beta.kubernetes.io/os",
    "beta.kubernetes.io/arch",
];
/// Signers of the certificates of nodes.
const SIGNERS: [&str; 2] = [
    "kubernetes.io/kubelet-serving",
    "kubernetes.io/kube-apiserver-client-kubelet",
];

pub(super) struct NodeRestriction;

impl Plugin for NodeRestriction {
    fn admit(
        &self,
        asked: &Attributes<'_>,
        object: &mut Value,
        _warnings: &mut Vec<String>,
    ) -> Result<(), ApiError> {
        if !asked.cluster().access().restricts_nodes() || asked.operation == Operation::Connect {
            return Ok(());
        }
        let user = &asked.call.user;
        let Some(node) = user.as_node() else {
            return Ok(());
        };
        let write = NodeWrite {
            asked,
            node,
            object,
        };
        if node.is_empty() {
            let user = quoted(&user.name);
            return write.refuse(format!("could not determine node from user {user}"));
        }
        let resource = asked.resource();
        match (resource.group.as_str(), resource.plural.as_str()) {
            ("", "pods") => write.pod(),
            ("", "nodes") => write.node(),
            ("", "persistentvolumeclaims") => write.claim(),
            ("", "serviceaccounts") => write.token(),
            ("coordination.k8s.io", "leases") => write.lease(),
            ("storage.k8s.io", "csinodes") => write.own("CSINode"),
            ("resource.k8s.io", "resourceslices") => write.slice(),
            ("certificates.k8s.io", "certificatesigningrequests") => write.signing_request(),
            _ => Ok(()),
        }
    }
}

/// A write of a node.
struct NodeWrite<'a> {
    asked: &'a Attributes<'a>,
    node: &'a str,
    object: &'a Value,
}

impl NodeWrite<'_> {
    fn refuse(&self, why: impl Into<String>) -> Result<(), ApiError> {
        let object = Some(self.object).filter(|object| object.is_object());
        Err(self.asked.forbidden(object, why.into()))
    }

    /// Refuses unless it is true.
    fn need(&self, holds: bool, why: impl FnOnce() -> String) -> Result<(), ApiError> {
        match holds {
            true => Ok(()),
            false => self.refuse(why()),
        }
    }

    fn found(
        &self,
        plural: &str,
        namespace: &str,
        name: &str,
    ) -> Result<Arc<StoredObject>, ApiError> {
        let key = match namespace {
            "" => name.to_owned(),
            namespace => format!("{namespace}/{name}"),
        };
        let store = self.asked.cluster().store();
        let found = store.get(&ResourceKey::new("", plural), &key);
        found.ok_or_else(|| ApiError::not_found("", plural, name))
    }

    fn runs_here(&self, pod: &Value) -> bool {
        text(pod, &["spec", "nodeName"]) == self.node
    }

    fn pod(&self) -> Result<(), ApiError> {
        let (asked, node) = (self.asked, quoted(self.node));
        let operation = quoted(asked.operation.as_str());
        match (asked.subresource(), asked.operation) {
            ("", Operation::Create) => self.static_pod(),
            ("", Operation::Delete) => {
                let name = match asked.name {
                    "" => text(asked.old.unwrap_or(&Value::Null), &["metadata", "name"]),
                    name => name,
                };
                let pod = self.found("pods", asked.namespace(), name)?;
                self.need(self.runs_here(&pod.value), || {
                    format!("node {node} can only delete pods with spec.nodeName set to itself")
                })
            }
            ("", _) => self.refuse(format!(
                "unexpected operation {operation}, node {node} can only create and delete mirror pods"
            )),
            ("status", Operation::Update) => self.pod_status(),
            ("status", _) => self.refuse(format!("unexpected operation {operation}")),
            ("eviction", Operation::Create) => {
                let name = match asked.call.request.name() {
                    "" => text(self.object, &["metadata", "name"]),
                    name => name,
                };
                self.need(!name.is_empty(), || {
                    "could not determine pod from request data".to_owned()
                })?;
                let pod = self.found("pods", asked.namespace(), name)?;
                self.need(self.runs_here(&pod.value), || {
                    let node = self.node;
                    format!("node {node} can only evict pods with spec.nodeName set to itself")
                })
            }
            ("eviction", operation) => {
                self.refuse(format!("unexpected operation {}", operation.as_str()))
            }
            (other, _) => self.refuse(format!(
                "unexpected pod subresource {}, only 'status' and 'eviction' are allowed",
                quoted(other)
            )),
        }
    }

    fn static_pod(&self) -> Result<(), ApiError> {
        let (pod, node) = (self.object, quoted(self.node));
        let only = |what: &str| format!("node {node} can only create pods with {what}");
        self.need(is_set(pod, &["metadata", "annotations", MIRROR]), || {
            format!(
                "pod does not have {} annotation, node {node} can only create mirror pods",
                quoted(MIRROR)
            )
        })?;
        self.need(self.runs_here(pod), || only("spec.nodeName set to itself"))?;
        let owner = match items(pod, &["metadata", "ownerReferences"]) {
            [owner] => owner,
            [] => return self.refuse(only("an owner reference set to itself")),
            _ => return self.refuse(only("a single owner reference set to itself")),
        };
        let of = |key: &str| text(owner, &[key]);
        let is_node = (of("apiVersion"), of("kind"), of("name")) == ("v1", "Node", self.node);
        self.need(is_node, || only("an owner reference set to itself"))?;
        self.need(truth(owner, &["controller"]), || {
            only("a controller owner reference set to itself")
        })?;
        self.need(!truth(owner, &["blockOwnerDeletion"]), || {
            format!("node {node} must not set blockOwnerDeletion on an owner reference")
        })?;
        let found = self.found("nodes", "", self.node)?;
        self.need(of("uid") == found.uid(), || {
            let (node, uid) = (self.node, found.uid());
            format!("node {node} UID mismatch: expected {} got {uid}", of("uid"))
        })?;
        match references::first_kind(pod) {
            Some(kind) => self.refuse(format!(
                "node {node} can not create pods that reference {kind}"
            )),
            None => Ok(()),
        }
    }

    fn pod_status(&self) -> Result<(), ApiError> {
        let (old, node) = (self.asked.old.unwrap_or(&Value::Null), quoted(self.node));
        self.need(self.runs_here(old), || {
            format!(
                "node {node} can only update pod status for pods with spec.nodeName set to itself"
            )
        })?;
        let same = |path: &[&str]| as_nothing(at(old, path)) == as_nothing(at(self.object, path));
        self.need(same(&["metadata", "labels"]), || {
            format!("node {node} cannot update labels through pod status")
        })?;
        self.need(same(&["status", "resourceClaimStatuses"]), || {
            format!("node {node} cannot update resource claim statues")
        })?;
        self.need(same(&["status", "extendedResourceClaimStatus"]), || {
            format!("node {node} cannot update extended resource claim status")
        })
    }

    fn node(&self) -> Result<(), ApiError> {
        let (asked, node) = (self.asked, quoted(self.node));
        let name = match asked.name {
            "" => text(self.object, &["metadata", "name"]),
            name => name,
        };
        self.need(name == self.node, || {
            format!("node {node} is not allowed to modify node {}", quoted(name))
        })?;
        let nothing = Value::Null;
        let old = match asked.operation {
            Operation::Create => &nothing,
            Operation::Update => asked.old.unwrap_or(&nothing),
            Operation::Delete | Operation::Connect => return Ok(()),
        };
        let changed =
            |path: &[&str]| as_nothing(at(old, path)) != as_nothing(at(self.object, path));
        let configured = is_set(self.object, &["spec", "configSource"]);
        if asked.operation == Operation::Create {
            self.need(!configured, || {
                format!("node {node} is not allowed to create pods with a non-nil configSource")
            })?;
        } else {
            self.need(!configured || !changed(&["spec", "configSource"]), || {
                format!("node {node} is not allowed to update configSource to a new non-nil configSource")
            })?;
            self.need(!changed(&["spec", "taints"]), || {
                format!("node {node} is not allowed to modify taints")
            })?;
            self.need(!changed(&["metadata", "ownerReferences"]), || {
                format!("node {node} is not allowed to modify ownerReferences")
            })?;
        }
        let forbidden = forbidden_labels(old, self.object);
        self.need(forbidden.is_empty(), || match asked.operation {
            Operation::Create => {
                let labels = forbidden.join(", ");
                format!("node {node} is not allowed to set the following labels: {labels}")
            }
            _ => format!("is not allowed to modify labels: {}", forbidden.join(", ")),
        })
    }

    fn claim(&self) -> Result<(), ApiError> {
        if self.asked.subresource() != "status" {
            return self.refuse("may only update PVC status");
        }
        let own = |claim: &Value| {
            let mut claim = claim.clone();
            for (part, keys) in [
                ("metadata", &["resourceVersion", "managedFields"] as &[&str]),
                (
                    "status",
                    &[
                        "capacity",
                        "conditions",
                        "allocatedResourceStatuses",
                        "allocatedResources",
                    ],
                ),
            ] {
                let part = claim.get_mut(part).and_then(Value::as_object_mut);
                if let Some(part) = part {
                    part.retain(|key, _| !keys.contains(&key.as_str()));
                }
            }
            claim
        };
        let old = self.asked.old.unwrap_or(&Value::Null);
        self.need(own(old) == own(self.object), || {
            let node = quoted(self.node);
            format!("node {node} is not allowed to update fields other than status.quantity and status.conditions")
        })
    }

    fn token(&self) -> Result<(), ApiError> {
        let asked = self.asked;
        if asked.operation != Operation::Create || asked.subresource() != "token" {
            return Ok(());
        }
        let bound = |key: &str| text(self.object, &["spec", "boundObjectRef", key]);
        let name = bound("name");
        let to_pod = bound("apiVersion") == "v1" && bound("kind") == "Pod" && !name.is_empty();
        self.need(to_pod, || {
            "node requested token not bound to a pod".to_owned()
        })?;
        let uid = bound("uid");
        self.need(!uid.is_empty(), || {
            "node requested token with a pod binding without a uid".to_owned()
        })?;
        let pod = self.found("pods", asked.namespace(), name)?;
        self.need(uid == pod.uid(), || {
            format!(
                "the UID in the bound object reference ({uid}) does not match the UID in record. The object might have \
                 been deleted and then recreated"
            )
        })?;
        self.need(self.runs_here(&pod.value), || {
            "node requested token bound to a pod scheduled on a different node".to_owned()
        })?;
        self.audience(&pod.value)
    }

    /// A node asks for tokens for the audiences that its Pods name, or for those that it may ask for by a role.
    fn audience(&self, pod: &Value) -> Result<(), ApiError> {
        let audience = match items(self.object, &["spec", "audiences"]) {
            [] => "",
            [one] => one.as_str().unwrap_or_default(),
            _ => return self.refuse("node may only request 0 or 1 audiences"),
        };
        let volumes = items(pod, &["spec", "volumes"]);
        let mut projected = volumes
            .iter()
            .flat_map(|volume| items(volume, &["projected", "sources"]))
            .filter(|source| is_set(source, &["serviceAccountToken"]));
        let named = projected
            .any(|source| text(source, &["serviceAccountToken", "audience"]) == audience)
            || self.drivers(pod).iter().any(|driver| {
                let mut requests = items(driver, &["spec", "tokenRequests"]).iter();
                requests.any(|request| text(request, &["audience"]) == audience)
            });
        let asked = self.asked;
        let may = || {
            let attributes = access::Attributes::resource(
                "request-serviceaccounts-token-audience",
                ResourceAttributes {
                    version: "v1".into(),
                    namespace: asked.namespace().into(),
                    resource: audience.into(),
                    name: asked.call.request.name().into(),
                    ..ResourceAttributes::default()
                },
            );
            authz::may(asked.cluster(), &asked.call.user, &attributes)
        };
        self.need(named || may(), || {
            let (audience, user) = (quoted(audience), &asked.call.user.name);
            format!(
                "audience {audience} not found in pod spec volume, {user} is not authorized to request tokens for this \
                 audience"
            )
        })
    }

    /// The CSI drivers of a Pod's volumes.
    fn drivers(&self, pod: &Value) -> Vec<Arc<Value>> {
        let namespace = self.asked.namespace();
        let inline = items(pod, &["spec", "volumes"]).iter();
        let mut names: BTreeSet<String> = inline
            .map(|volume| text(volume, &["csi", "driver"]).to_owned())
            .collect();
        for claim in references::claims(pod) {
            let claim = self.found("persistentvolumeclaims", namespace, &claim);
            let volume = claim.and_then(|claim| {
                let name = text(&claim.value, &["spec", "volumeName"]).to_owned();
                self.found("persistentvolumes", "", &name)
            });
            if let Ok(volume) = volume {
                names.insert(text(&volume.value, &["spec", "csi", "driver"]).to_owned());
            }
        }
        let mut drivers = self.asked.all("storage.k8s.io", "csidrivers", "");
        drivers.retain(|driver| names.contains(text(driver, &["metadata", "name"])));
        drivers
    }

    fn lease(&self) -> Result<(), ApiError> {
        self.need(self.asked.namespace() == LEASES, || {
            format!(
                "can only access leases in the {} system namespace",
                quoted(LEASES)
            )
        })?;
        self.own("node lease")
    }

    /// Of its own name.
    fn own(&self, what: &str) -> Result<(), ApiError> {
        let name = match self.asked.operation {
            Operation::Create => text(self.object, &["metadata", "name"]),
            _ => self.asked.call.request.name(),
        };
        self.need(name == self.node, || {
            format!("can only access {what} with the same name as the requesting node")
        })
    }

    fn slice(&self) -> Result<(), ApiError> {
        let (slice, done) = match self.asked.operation {
            Operation::Create => (self.object, "create"),
            Operation::Delete => (self.asked.old.unwrap_or(&Value::Null), "delete"),
            _ => return Ok(()),
        };
        self.need(text(slice, &["spec", "nodeName"]) == self.node, || {
            format!("can only {done} ResourceSlice with the same NodeName as the requesting node")
        })
    }

    fn signing_request(&self) -> Result<(), ApiError> {
        if self.asked.operation != Operation::Create
            || !SIGNERS.contains(&text(self.object, &["spec", "signerName"]))
        {
            return Ok(());
        }
        let request = base64::decode(text(self.object, &["spec", "request"])).unwrap_or_default();
        let request = String::from_utf8_lossy(&request);
        let blocks = pem::blocks(&request);
        let Some(block) = blocks
            .first()
            .filter(|one| one.label == "CERTIFICATE REQUEST")
        else {
            let why = "unable to parse csr: PEM block type must be CERTIFICATE REQUEST";
            return self.refuse(why);
        };
        let der = base64::decode(&block.base64).unwrap_or_default();
        let user = format!("system:node:{}", self.node);
        self.need(der::common_names(&der).last() == Some(&user), || {
            format!("can only create a node CSR with CN={user}")
        })
    }
}

/// What is not there and what is empty are the same.
fn as_nothing(value: &Value) -> &Value {
    const NOTHING: &Value = &Value::Null;
    let empty = value.as_array().is_some_and(Vec::is_empty)
        || value.as_object().is_some_and(serde_json::Map::is_empty);
    if empty { NOTHING } else { value }
}

/// The labels that differ and are not a node's to set, in their order.
fn forbidden_labels(old: &Value, new: &Value) -> Vec<String> {
    let of = |object: &Value| -> BTreeMap<String, Value> {
        let labels = at(object, &["metadata", "labels"]).as_object();
        labels
            .into_iter()
            .flatten()
            .map(|(key, value)| (key.clone(), value.clone()))
            .collect()
    };
    let (old, new) = (of(old), of(new));
    let keys: BTreeSet<&String> = old.keys().chain(new.keys()).collect();
    let changed = keys
        .into_iter()
        .filter(|key| old.get(*key) != new.get(*key));
    changed.filter(|key| is_forbidden(key)).cloned().collect()
}

fn is_forbidden(label: &str) -> bool {
    let namespace = label.split_once('/').map_or("", |(namespace, _)| namespace);
    let within = |domain: &str| {
        namespace == domain
            || namespace
                .strip_suffix(domain)
                .is_some_and(|rest| rest.ends_with('.'))
    };
    let own = OWN_LABELS.contains(&label)
        || within("kubelet.kubernetes.io")
        || within("node.kubernetes.io");
    within("node-restriction.kubernetes.io")
        || (within("kubernetes.io") || within("k8s.io")) && !own
}
