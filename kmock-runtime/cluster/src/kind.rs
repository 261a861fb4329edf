//! The kinds of objects that controllers look at or write.

use std::fmt;

use crate::emulator::resource::ResourceKey;

macro_rules! kinds {
    ($($name:ident = $kind:literal, $group:literal / $version:literal / $plural:literal, $namespaced:literal;)*) => {
        /// A built-in kind of which the [`Cache`](crate::Cache) has the objects.
        #[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
        pub enum Kind {
            $(#[doc = concat!("`", $kind, "` of `", $group, "/", $version, "`.")] $name,)*
        }

        impl Kind {
            /// All of them, in the order in which they are read.
            pub const ALL: &[Kind] = &[$(Kind::$name,)*];

            /// Group, version, plural, kind, and whether the objects live in namespaces.
            const fn facts(self) -> (&'static str, &'static str, &'static str, &'static str, bool) {
                match self {
                    $(Kind::$name => ($group, $version, $plural, $kind, $namespaced),)*
                }
            }
        }
    };
}

kinds! {
    Namespaces = "Namespace", "" / "v1" / "namespaces", false;
    Nodes = "Node", "" / "v1" / "nodes", false;
    PriorityClasses = "PriorityClass", "scheduling.k8s.io" / "v1" / "priorityclasses", false;
    StorageClasses = "StorageClass", "storage.k8s.io" / "v1" / "storageclasses", false;
    PersistentVolumes = "PersistentVolume", "" / "v1" / "persistentvolumes", false;
    Requests = "CertificateSigningRequest", "certificates.k8s.io" / "v1" / "certificatesigningrequests", false;
    ConfigMaps = "ConfigMap", "" / "v1" / "configmaps", true;
    Secrets = "Secret", "" / "v1" / "secrets", true;
    Claims = "PersistentVolumeClaim", "" / "v1" / "persistentvolumeclaims", true;
    Services = "Service", "" / "v1" / "services", true;
    Endpoints = "Endpoints", "" / "v1" / "endpoints", true;
    EndpointSlices = "EndpointSlice", "discovery.k8s.io" / "v1" / "endpointslices", true;
    Budgets = "PodDisruptionBudget", "policy" / "v1" / "poddisruptionbudgets", true;
    Quotas = "ResourceQuota", "" / "v1" / "resourcequotas", true;
    Autoscalers = "HorizontalPodAutoscaler", "autoscaling" / "v2" / "horizontalpodautoscalers", true;
    CronJobs = "CronJob", "batch" / "v1" / "cronjobs", true;
    Jobs = "Job", "batch" / "v1" / "jobs", true;
    Deployments = "Deployment", "apps" / "v1" / "deployments", true;
    ReplicaSets = "ReplicaSet", "apps" / "v1" / "replicasets", true;
    ReplicationControllers = "ReplicationController", "" / "v1" / "replicationcontrollers", true;
    StatefulSets = "StatefulSet", "apps" / "v1" / "statefulsets", true;
    DaemonSets = "DaemonSet", "apps" / "v1" / "daemonsets", true;
    ControllerRevisions = "ControllerRevision", "apps" / "v1" / "controllerrevisions", true;
    Pods = "Pod", "" / "v1" / "pods", true;
    Events = "Event", "" / "v1" / "events", true;
    Leases = "Lease", "coordination.k8s.io" / "v1" / "leases", true;
}

impl Kind {
    /// The API group; empty is the core group.
    pub fn group(self) -> &'static str {
        self.facts().0
    }

    /// The version that the controllers speak.
    pub fn version(self) -> &'static str {
        self.facts().1
    }

    /// The plural name, as in URLs.
    pub fn plural(self) -> &'static str {
        self.facts().2
    }

    /// The kind's name, as objects say it.
    pub fn name(self) -> &'static str {
        self.facts().3
    }

    /// Whether the objects live in namespaces.
    pub fn namespaced(self) -> bool {
        self.facts().4
    }

    /// `v1` or `group/v1`.
    pub fn api_version(self) -> String {
        match self.facts() {
            ("", version, ..) => version.to_owned(),
            (group, version, ..) => format!("{group}/{version}"),
        }
    }

    /// Where the objects are stored.
    pub fn storage(self) -> ResourceKey {
        ResourceKey::new(self.group(), self.plural())
    }

    /// The kind of an object, by what it says itself.
    pub fn named(group: &str, kind: &str) -> Option<Kind> {
        Kind::ALL
            .iter()
            .copied()
            .find(|one| one.group() == group && one.name() == kind)
    }

    /// The path of a collection (with an empty `name`), an object, or a subresource.
    pub fn path(self, namespace: &str, name: &str, subresource: &str) -> String {
        let (group, version, plural, _, namespaced) = self.facts();
        let mut path = match group {
            "" => format!("/api/{version}"),
            group => format!("/apis/{group}/{version}"),
        };
        if namespaced {
            path.push_str("/namespaces/");
            path.push_str(namespace);
        }
        for part in [plural, name, subresource] {
            if !part.is_empty() {
                path.push('/');
                path.push_str(part);
            }
        }
        path
    }
}

impl fmt::Display for Kind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

impl fmt::Debug for Kind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths() {
        assert_eq!(
            Kind::Pods.path("shop", "web", "status"),
            "/api/v1/namespaces/shop/pods/web/status"
        );
        assert_eq!(Kind::Nodes.path("", "n1", ""), "/api/v1/nodes/n1");
        assert_eq!(
            Kind::Jobs.path("shop", "", ""),
            "/apis/batch/v1/namespaces/shop/jobs"
        );
        assert_eq!(Kind::named("apps", "Deployment"), Some(Kind::Deployments));
    }
}
