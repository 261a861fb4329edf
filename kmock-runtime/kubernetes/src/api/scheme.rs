//! Kinds that a real server's scheme knows although it does not serve them: former versions, options, bodies of
//! subresources. A body of such a kind is refused in other words than one that nobody has ever heard of.

use crate::state::registry::Registry;

/// Kinds without resources, by group and version.
const UNSERVED: &[(&str, &[&str])] = &[
    (
        "v1",
        &[
            "RangeAllocation",
            "PodStatusResult",
            "SerializedReference",
            "List",
            "NodeProxyOptions",
            "PodAttachOptions",
            "PodExecOptions",
            "PodLogOptions",
            "PodPortForwardOptions",
            "PodProxyOptions",
            "ServiceProxyOptions",
            "Status",
            "APIVersions",
            "APIGroup",
            "APIGroupList",
            "APIResourceList",
        ],
    ),
    (
        "apps/v1beta1",
        &[
            "Deployment",
            "DeploymentRollback",
            "Scale",
            "StatefulSet",
            "ControllerRevision",
        ],
    ),
    (
        "apps/v1beta2",
        &[
            "Deployment",
            "Scale",
            "StatefulSet",
            "DaemonSet",
            "ReplicaSet",
            "ControllerRevision",
        ],
    ),
    (
        "extensions/v1beta1",
        &[
            "Deployment",
            "DeploymentRollback",
            "Scale",
            "DaemonSet",
            "Ingress",
            "ReplicaSet",
            "NetworkPolicy",
        ],
    ),
    ("autoscaling/v1", &["Scale"]),
    ("batch/v1beta1", &["CronJob"]),
    ("policy/v1", &["Eviction"]),
    ("policy/v1beta1", &["PodDisruptionBudget", "Eviction"]),
    ("authentication.k8s.io/v1", &["TokenRequest"]),
    (
        "authentication.k8s.io/v1beta1",
        &["SelfSubjectReview", "TokenReview"],
    ),
    (
        "authorization.k8s.io/v1beta1",
        &[
            "SelfSubjectRulesReview",
            "SelfSubjectAccessReview",
            "SubjectAccessReview",
            "LocalSubjectAccessReview",
        ],
    ),
    ("certificates.k8s.io/v1alpha1", &["ClusterTrustBundle"]),
    (
        "certificates.k8s.io/v1beta1",
        &[
            "CertificateSigningRequest",
            "ClusterTrustBundle",
            "PodCertificateRequest",
        ],
    ),
    ("coordination.k8s.io/v1alpha2", &["LeaseCandidate"]),
    ("coordination.k8s.io/v1beta1", &["Lease", "LeaseCandidate"]),
    ("discovery.k8s.io/v1beta1", &["EndpointSlice"]),
    ("events.k8s.io/v1beta1", &["Event"]),
    (
        "flowcontrol.apiserver.k8s.io/v1beta1",
        &["FlowSchema", "PriorityLevelConfiguration"],
    ),
    (
        "flowcontrol.apiserver.k8s.io/v1beta2",
        &["FlowSchema", "PriorityLevelConfiguration"],
    ),
    (
        "flowcontrol.apiserver.k8s.io/v1beta3",
        &["FlowSchema", "PriorityLevelConfiguration"],
    ),
    (
        "networking.k8s.io/v1beta1",
        &["Ingress", "IngressClass", "IPAddress", "ServiceCIDR"],
    ),
    ("node.k8s.io/v1alpha1", &["RuntimeClass"]),
    ("node.k8s.io/v1beta1", &["RuntimeClass"]),
    ("rbac.authorization.k8s.io/v1alpha1", RBAC),
    ("rbac.authorization.k8s.io/v1beta1", RBAC),
    (
        "resource.k8s.io/v1alpha3",
        &["DeviceTaintRule", "ResourcePoolStatusRequest"],
    ),
    (
        "resource.k8s.io/v1beta1",
        &[
            "DeviceClass",
            "ResourceClaim",
            "ResourceClaimTemplate",
            "ResourceSlice",
        ],
    ),
    (
        "resource.k8s.io/v1beta2",
        &[
            "DeviceClass",
            "DeviceTaintRule",
            "ResourceClaim",
            "ResourceClaimTemplate",
            "ResourceSlice",
        ],
    ),
    ("scheduling.k8s.io/v1alpha2", &["Workload", "PodGroup"]),
    ("scheduling.k8s.io/v1beta1", &["PriorityClass"]),
    (
        "storage.k8s.io/v1alpha1",
        &[
            "VolumeAttachment",
            "CSIStorageCapacity",
            "VolumeAttributesClass",
        ],
    ),
    (
        "storage.k8s.io/v1beta1",
        &[
            "StorageClass",
            "VolumeAttachment",
            "CSIDriver",
            "CSINode",
            "CSIStorageCapacity",
            "VolumeAttributesClass",
        ],
    ),
    ("admissionregistration.k8s.io/v1alpha1", POLICIES),
    (
        "admissionregistration.k8s.io/v1beta1",
        &[
            "ValidatingWebhookConfiguration",
            "MutatingWebhookConfiguration",
            "ValidatingAdmissionPolicy",
            "ValidatingAdmissionPolicyBinding",
            "MutatingAdmissionPolicy",
            "MutatingAdmissionPolicyBinding",
        ],
    ),
];

const RBAC: &[&str] = &["Role", "RoleBinding", "ClusterRole", "ClusterRoleBinding"];
const POLICIES: &[&str] = &[
    "ValidatingAdmissionPolicy",
    "ValidatingAdmissionPolicyBinding",
    "MutatingAdmissionPolicy",
    "MutatingAdmissionPolicyBinding",
];

/// What every version of every group knows.
const EVERYWHERE: [&str; 7] = [
    "WatchEvent",
    "ListOptions",
    "GetOptions",
    "DeleteOptions",
    "CreateOptions",
    "UpdateOptions",
    "PatchOptions",
];

/// Whether the scheme of the built-in kinds has the kind, though nothing serves it.
pub fn knows(registry: &Registry, group: &str, version: &str, kind: &str) -> bool {
    let place = if group.is_empty() {
        version.to_owned()
    } else {
        format!("{group}/{version}")
    };
    let unserved = UNSERVED.iter().find(|(known, _)| *known == place);
    if EVERYWHERE.contains(&kind) {
        return unserved.is_some() || registry.has_built_in_version(group, version);
    }
    let item = kind.strip_suffix("List").unwrap_or(kind);
    unserved.is_some_and(|(_, kinds)| kinds.contains(&kind) || kinds.contains(&item))
}
