//! Files that a container sees without anybody having written them: what a kubelet manages in `/etc`, and what the kernel
//! tells of its limits.
//!
//! Rules: `managedHostsFileContent`, `GeneratePodHostNameAndDomain` of `pkg/kubelet/kubelet_pods.go`; `pkg/kubelet/qos/policy.go`;
//! `MilliCPUToShares`, `MilliCPUToQuota` of `pkg/kubelet/cm`; control groups of version 2.

use bytes::Bytes;

use super::handle::Container;
use crate::amounts;
use crate::json::Json;
use crate::object::{self, items, text};

/// The domain of all clusters here.
const DOMAIN: &str = "cluster.local";

/// The content of such a file; `None`: it is none.
pub(super) fn file(container: &Container, path: &str) -> Option<Bytes> {
    let pod = container.manifest();
    let content = match path {
        "/etc/hostname" => format!("{}\n", hostname(pod).0),
        "/etc/hosts" => hosts(pod, container.ip()),
        "/etc/resolv.conf" => resolver(pod),
        "/proc/1/oom_score_adj" => format!("{}\n", oom_score(container)),
        _ => match path.strip_prefix("/sys/fs/cgroup/") {
            Some(name) => control(name, &container.resources())?,
            None => setting(pod, path.strip_prefix("/proc/sys/")?)?,
        },
    };
    Some(content.into())
}

/// A setting of the kernel that the Pod asked for.
fn setting(pod: &Json, path: &str) -> Option<String> {
    let name = path.replace('/', ".");
    let mut all = items(&pod["spec"]["securityContext"]["sysctls"]);
    let found = all.find(|one| text(&one["name"]).replace('/', ".") == name)?;
    Some(format!("{}\n", text(&found["value"])))
}

/// The name of the machine that a Pod is, and the domain that it is in.
pub(crate) fn hostname(pod: &Json) -> (String, String) {
    let spec = &pod["spec"];
    if spec["hostNetwork"] == true {
        return (object::node_of(pod).to_owned(), String::new());
    }
    let first = |name: &str| {
        let name = name.get(..63).unwrap_or(name);
        name.trim_end_matches(['-', '.']).to_owned()
    };
    if let Some(name) = spec["hostnameOverride"].as_str() {
        return (first(name), String::new());
    }
    let name = match text(&spec["hostname"]) {
        "" => first(object::name(pod)),
        name => first(name),
    };
    let domain = match text(&spec["subdomain"]) {
        "" => String::new(),
        sub => format!("{sub}.{}.svc.{DOMAIN}", object::namespace(pod)),
    };
    if spec["setHostnameAsFQDN"] == true && !domain.is_empty() {
        return (format!("{name}.{domain}"), String::new());
    }
    (name, domain)
}

fn hosts(pod: &Json, ip: &str) -> String {
    let mut file = "# Kubernetes-managed hosts file.\n".to_owned();
    if pod["spec"]["hostNetwork"] == true {
        file = "# Kubernetes-managed hosts file (host network).\n".to_owned();
    }
    file.push_str(
        "127.0.0.1\tlocalhost\n::1\tlocalhost ip6-localhost ip6-loopback\nfe00::0\tip6-localnet\n",
    );
    file.push_str("fe00::0\tip6-mcastprefix\nfe00::1\tip6-allnodes\nfe00::2\tip6-allrouters\n");
    let (name, domain) = hostname(pod);
    let whole = if domain.is_empty() {
        name
    } else {
        format!("{name}.{domain}\t{name}")
    };
    file.push_str(&format!("{ip}\t{whole}\n"));
    let aliases = &pod["spec"]["hostAliases"];
    if items(aliases).next().is_some() {
        file.push_str("\n# Entries added by HostAliases.\n");
    }
    for alias in items(aliases) {
        let names: Vec<&str> = items(&alias["hostnames"]).map(text).collect();
        file.push_str(&format!("{}\t{}\n", text(&alias["ip"]), names.join("\t")));
    }
    file
}

/// Where names are looked up, by `dnsPolicy` and `dnsConfig`.
fn resolver(pod: &Json) -> String {
    let spec = &pod["spec"];
    let of_host = spec["hostNetwork"] == true && spec["dnsPolicy"] != "ClusterFirstWithHostNet";
    let of_cluster = matches!(
        text(&spec["dnsPolicy"]),
        "" | "ClusterFirst" | "ClusterFirstWithHostNet"
    );
    let (mut servers, mut searches, mut options) = (Vec::new(), Vec::new(), Vec::new());
    if of_cluster && !of_host {
        servers.push("10.96.0.10".to_owned());
        searches.push(format!("{}.svc.{DOMAIN}", object::namespace(pod)));
        searches.extend([format!("svc.{DOMAIN}"), DOMAIN.to_owned()]);
        options.push("ndots:5".to_owned());
    } else if spec["dnsPolicy"] != "None" {
        servers.push("127.0.0.11".to_owned());
    }
    let own = &spec["dnsConfig"];
    servers.extend(items(&own["nameservers"]).map(|one| text(one).to_owned()));
    searches.extend(items(&own["searches"]).map(|one| text(one).to_owned()));
    for option in items(&own["options"]) {
        let name = text(&option["name"]);
        options.retain(|one| one.split(':').next() != Some(name));
        options.push(match option["value"].as_str() {
            Some(value) if !value.is_empty() => format!("{name}:{value}"),
            _ => name.to_owned(),
        });
    }
    let mut file = String::new();
    if !searches.is_empty() {
        file.push_str(&format!("search {}\n", searches.join(" ")));
    }
    for server in servers {
        file.push_str(&format!("nameserver {server}\n"));
    }
    if !options.is_empty() {
        file.push_str(&format!("options {}\n", options.join(" ")));
    }
    file
}

/// What a container has of the node: its own resources, and those of its Pod as a whole.
#[derive(Debug, Clone, Default, PartialEq)]
pub(crate) struct Resources {
    pub(crate) own: Json,
    pub(crate) of_pod: Json,
}

impl Resources {
    fn amount(&self, sort: &str, name: &str) -> i64 {
        amounts::of(name, &self.own[sort][name])
    }

    /// The files of its control group.
    pub(crate) fn controls(&self) -> impl Iterator<Item = (&'static str, String)> {
        let names = ["cpu.max", "cpu.weight", "memory.max"].into_iter();
        names.filter_map(|name| Some((name, control(name, self)?)))
    }

    /// Where a container has no limit of its own, that of its Pod is its limit.
    fn limit(&self, name: &str) -> i64 {
        match self.amount("limits", name) {
            0 => amounts::of(name, &self.of_pod["limits"][name]),
            own => own,
        }
    }
}

/// A file of the control group of a container.
fn control(name: &str, resources: &Resources) -> Option<String> {
    let line = match name {
        "memory.max" => match resources.limit("memory") {
            0 => "max".to_owned(),
            bytes => bytes.to_string(),
        },
        // So much of each 100 milliseconds, and at least one of them.
        "cpu.max" => match resources.limit("cpu") {
            0 => "max 100000".to_owned(),
            milli => format!("{} 100000", milli.saturating_mul(100).max(1000)),
        },
        "cpu.weight" => {
            let milli = match resources.amount("requests", "cpu") {
                0 => resources.limit("cpu"),
                asked => asked,
            };
            weight(milli).to_string()
        }
        _ => return None,
    };
    Some(format!("{line}\n"))
}

/// The weight of so many thousandths of a processor.
fn weight(milli: i64) -> i64 {
    let shares = (milli.saturating_mul(1024) / 1000).clamp(2, 262_144);
    1 + (shares - 2) * 9999 / 262_142
}

/// How soon the processes of a container are killed when the node has no memory left.
fn oom_score(container: &Container) -> i64 {
    let pod = container.manifest();
    let resources = container.resources();
    let is_critical = pod["spec"]["priorityClassName"] == "system-node-critical";
    match text(&pod["status"]["qosClass"]) {
        _ if is_critical => return -997,
        "Guaranteed" => return -997,
        "BestEffort" => return 1000,
        _ => {}
    }
    let all = items(&pod["spec"]["containers"]);
    let asks = |one: &Json| amounts::of("memory", &one["resources"]["requests"]["memory"]);
    let (count, sum) = all.fold((0, 0), |(count, sum), one| (count + 1, sum + asks(one)));
    let of_pod = amounts::of("memory", &resources.of_pod["requests"]["memory"]);
    // What the Pod asks for beyond its containers is shared out among them.
    let share = if of_pod > 0 {
        (of_pod - sum).max(0) / i64::max(count, 1)
    } else {
        0
    };
    let own = resources.amount("requests", "memory");
    let capacity = container.node_memory().max(1);
    let score = 1000 - (own + share).saturating_mul(1000) / capacity;
    if score == 1000 { 999 } else { score.max(3) }
}

#[cfg(test)]
mod tests {
    use crate::json::json;

    use super::*;

    #[test]
    fn names_of_machines() {
        for (spec, expected) in [
            (json!({}), ("web-0", "")),
            (json!({"hostname": "db"}), ("db", "")),
            (
                json!({"subdomain": "web"}),
                ("web-0", "web.shop.svc.cluster.local"),
            ),
            (
                json!({"subdomain": "web", "setHostnameAsFQDN": true}),
                ("web-0.web.shop.svc.cluster.local", ""),
            ),
            (
                json!({"subdomain": "web", "hostname": "db", "hostnameOverride": "a.b.c"}),
                ("a.b.c", ""),
            ),
            (json!({"hostNetwork": true, "nodeName": "n1"}), ("n1", "")),
        ] {
            let pod = json!({"metadata": {"name": "web-0", "namespace": "shop"}, "spec": spec});
            let (name, domain) = hostname(&pod);
            assert_eq!((name.as_str(), domain.as_str()), expected, "{pod}");
        }
    }

    #[test]
    fn hosts_and_resolvers() {
        let pod = json!({"metadata": {"name": "a", "namespace": "shop"}, "spec": {
            "subdomain": "web", "hostAliases": [{"ip": "1.2.3.4", "hostnames": ["x", "y"]}],
            "dnsConfig": {"searches": ["example.com"], "options": [{"name": "ndots", "value": "2"}, {"name": "edns0"}]},
        }});
        let file = hosts(&pod, "10.244.0.2");
        assert!(file.ends_with(
            "10.244.0.2\ta.web.shop.svc.cluster.local\ta\n\n# Entries added by HostAliases.\n1.2.3.4\tx\ty\n"
        ));
        assert_eq!(
            resolver(&pod),
            "search shop.svc.cluster.local svc.cluster.local cluster.local example.com\nnameserver 10.96.0.10\noptions ndots:2 edns0\n"
        );
        let own = json!({"spec": {"dnsPolicy": "None", "dnsConfig": {"nameservers": ["1.1.1.1"]}}});
        assert_eq!(resolver(&own), "nameserver 1.1.1.1\n");
    }

    #[test]
    fn limits_are_those_of_the_container_or_of_its_pod() {
        let resources = Resources {
            own: json!({"requests": {"cpu": "250m"}, "limits": {"cpu": "1500m"}}),
            of_pod: json!({"limits": {"memory": "64Mi", "cpu": "2"}}),
        };
        for (name, expected) in [
            ("memory.max", "67108864\n"),
            ("cpu.max", "150000 100000\n"),
            ("cpu.weight", "10\n"),
        ] {
            assert_eq!(
                control(name, &resources).as_deref(),
                Some(expected),
                "{name}"
            );
        }
        let none = Resources::default();
        assert_eq!(control("cpu.max", &none).as_deref(), Some("max 100000\n"));
        assert_eq!(control("memory.max", &none).as_deref(), Some("max\n"));
        assert_eq!(control("cpu.weight", &none).as_deref(), Some("1\n"));
        assert_eq!(control("pids.max", &none), None);
    }
}
