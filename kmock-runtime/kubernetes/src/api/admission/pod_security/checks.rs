//! The checks of the levels `baseline` and `restricted`, by version.
//!
//! Each is a function of `k8s.io/pod-security-admission/policy`; they run in the order of their names there.

use serde_json::Value;

use super::containers::{
    Set, containers, context, name, named, plural, quoted_list, setters, these,
};
use super::policy::{Level, LevelVersion, Version};
use crate::kinds::builtin::values::{at, int, is_set, items, members, text, truth};

/// Why a Pod is not allowed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Violation {
    pub(super) reason: String,
    detail: String,
}

fn violation(reason: &str, detail: impl Into<String>) -> Option<Violation> {
    Some(Violation {
        reason: reason.to_owned(),
        detail: detail.into(),
    })
}

/// Violations as they are told, with their details.
pub(super) fn told(violations: &[Violation]) -> String {
    let one = |violation: &Violation| match violation.detail.as_str() {
        "" => violation.reason.clone(),
        detail => format!("{} ({detail})", violation.reason),
    };
    let all: Vec<String> = violations.iter().map(one).collect();
    all.join(", ")
}

/// A Pod, and the version of the rules.
#[derive(Clone, Copy)]
struct Pod<'a> {
    metadata: &'a Value,
    spec: &'a Value,
    version: Version,
}

impl Pod<'_> {
    /// The Pod's users are not those of its node, and the rules know what that is good for.
    fn is_relaxed(self) -> bool {
        self.version.has(35) && self.spec["hostUsers"] == false
    }

    /// The rules leave Pods of Windows alone where they set what is not for them.
    fn is_windows(self) -> bool {
        self.version.has(25) && text(self.spec, &["os", "name"]) == "windows"
    }
}

type Check = fn(Pod<'_>) -> Option<Violation>;

/// What a Pod has against itself at a level.
pub(super) fn evaluate(at: LevelVersion, metadata: &Value, spec: &Value) -> Vec<Violation> {
    let pod = Pod {
        metadata,
        spec,
        version: at.version,
    };
    let restricted = at.level == Level::Restricted;
    // Some checks of the stricter level take the place of those of the other.
    let baseline: [(Check, bool); 12] = [
        (app_armor, false),
        (default_capabilities, restricted && at.version.has(22)),
        (host_namespaces, false),
        (host_paths, restricted),
        (host_ports, false),
        (hosts_of_probes, false),
        (privileged, false),
        (proc_mount, restricted && at.version.has(35)),
        (se_linux, false),
        (seccomp_if_set, restricted && at.version.has(19)),
        (sysctls, false),
        (host_process, false),
    ];
    let more: [Check; 7] = [
        privilege_escalation,
        capabilities,
        proc_mount_restricted,
        volume_types,
        run_as_non_root,
        run_as_user,
        seccomp,
    ];
    if at.level == Level::Privileged {
        return Vec::new();
    }
    let baseline = baseline.iter().filter(|(_, overridden)| !overridden);
    let found = baseline.filter_map(|(check, _)| check(pod));
    if restricted {
        found
            .chain(more.iter().filter_map(|check| check(pod)))
            .collect()
    } else {
        found.collect()
    }
}

// ── baseline ───────────────────────────────────────────────────────────────────────────────────────────────────────

fn app_armor(pod: Pod<'_>) -> Option<Violation> {
    const PREFIX: &str = "container.apparmor.security.beta.kubernetes.io/";
    let bad_type = |owner: &Value| {
        let kind = context(owner, &["appArmorProfile", "type"]).as_str()?;
        (!matches!(kind, "RuntimeDefault" | "Localhost")).then(|| kind.to_owned())
    };
    let mut values: Set = containers(pod.spec).filter_map(bad_type).collect();
    values.extend(bad_type(pod.spec));
    let bad = named(pod.spec, |container| bad_type(container).is_some());
    let mut who = setters(bad_type(pod.spec).is_some(), &bad);
    let annotations = members(pod.metadata, &["annotations"]);
    let forbidden = annotations.into_iter().filter_map(|(key, value)| {
        let value = value.as_str()?;
        let fine =
            value.is_empty() || value == "runtime/default" || value.starts_with("localhost/");
        (key.starts_with(PREFIX) && !fine).then(|| format!("{key}=\"{value}\""))
    });
    let forbidden: Vec<String> = forbidden.collect();
    let mut values: Vec<String> = values.into_iter().collect();
    if !forbidden.is_empty() {
        who.push(plural("annotation", "annotations", forbidden.len()).to_owned());
        values.extend(forbidden);
    }
    if who.is_empty() {
        return None;
    }
    let reason = plural(
        "forbidden AppArmor profile",
        "forbidden AppArmor profiles",
        values.len(),
    );
    violation(
        reason,
        format!(
            "{} must not set AppArmor profile type to {}",
            who.join(" and "),
            quoted_list(&values)
        ),
    )
}

/// The capabilities that containers add beyond those that are allowed, and which containers do.
fn added(spec: &Value, allowed: &[&str]) -> (Vec<String>, Set) {
    let of = |container: &Value| -> Vec<String> {
        let added = items(container, &["securityContext", "capabilities", "add"]);
        let added = added.iter().filter_map(Value::as_str);
        added
            .filter(|name| !allowed.contains(name))
            .map(str::to_owned)
            .collect()
    };
    let bad = named(spec, |container| !of(container).is_empty());
    (bad, containers(spec).flat_map(of).collect())
}

fn default_capabilities(pod: Pod<'_>) -> Option<Violation> {
    const ALLOWED: [&str; 13] = [
        "AUDIT_WRITE",
        "CHOWN",
        "DAC_OVERRIDE",
        "FOWNER",
        "FSETID",
        "KILL",
        "MKNOD",
        "NET_BIND_SERVICE",
        "SETFCAP",
        "SETGID",
        "SETPCAP",
        "SETUID",
        "SYS_CHROOT",
    ];
    let (bad, values) = added(pod.spec, &ALLOWED);
    if bad.is_empty() {
        return None;
    }
    let detail = format!(
        "{} must not include {} in securityContext.capabilities.add",
        these(&bad),
        quoted_list(&values)
    );
    violation("non-default capabilities", detail)
}

fn host_namespaces(pod: Pod<'_>) -> Option<Violation> {
    let used = ["hostNetwork", "hostPID", "hostIPC"].into_iter();
    let used: Vec<String> = used
        .filter(|key| truth(pod.spec, &[key]))
        .map(|key| format!("{key}=true"))
        .collect();
    if used.is_empty() {
        return None;
    }
    violation("host namespaces", used.join(", "))
}

fn host_paths(pod: Pod<'_>) -> Option<Violation> {
    let volumes = items(pod.spec, &["volumes"]).iter();
    let bad: Vec<String> = volumes
        .filter(|volume| is_set(volume, &["hostPath"]))
        .map(name)
        .collect();
    if bad.is_empty() {
        return None;
    }
    let noun = plural("volume", "volumes", bad.len());
    violation("hostPath volumes", format!("{noun} {}", quoted_list(&bad)))
}

fn host_ports(pod: Pod<'_>) -> Option<Violation> {
    let of = |container: &Value| -> Vec<String> {
        let ports = items(container, &["ports"]).iter();
        let ports = ports.map(|port| int(port, &["hostPort"]));
        ports
            .filter(|port| *port != 0)
            .map(|port| port.to_string())
            .collect()
    };
    let bad = named(pod.spec, |container| !of(container).is_empty());
    if bad.is_empty() {
        return None;
    }
    let ports: Set = containers(pod.spec).flat_map(of).collect();
    let shown: Vec<String> = ports.iter().cloned().collect();
    let detail = format!(
        "{} {} {} {}",
        these(&bad),
        plural("uses", "use", bad.len()),
        plural("hostPort", "hostPorts", ports.len()),
        shown.join(", ")
    );
    violation("hostPort", detail)
}

fn hosts_of_probes(pod: Pod<'_>) -> Option<Violation> {
    if !pod.version.has(34) {
        return None;
    }
    let of = |container: &Value| -> Vec<String> {
        let mut hosts = Vec::new();
        for place in [
            ["livenessProbe", ""],
            ["readinessProbe", ""],
            ["startupProbe", ""],
            ["lifecycle", "postStart"],
            ["lifecycle", "preStop"],
        ] {
            let place: Vec<&str> = place.into_iter().filter(|key| !key.is_empty()).collect();
            let handler = at(container, &place);
            for kind in ["httpGet", "tcpSocket"] {
                hosts.push(text(handler, &[kind, "host"]).to_owned());
            }
        }
        hosts.retain(|host| !host.is_empty());
        hosts
    };
    let bad: Set = named(pod.spec, |container| !of(container).is_empty())
        .into_iter()
        .collect();
    if bad.is_empty() {
        return None;
    }
    let hosts: Set = containers(pod.spec).flat_map(of).collect();
    let bad: Vec<String> = bad.into_iter().collect();
    let detail = format!(
        "{} {} {} {}",
        these(&bad),
        plural("uses", "use", bad.len()),
        plural(
            "probe or lifecycle host",
            "probe or lifecycle hosts",
            hosts.len()
        ),
        quoted_list(&hosts)
    );
    violation("probe or lifecycle host", detail)
}

fn privileged(pod: Pod<'_>) -> Option<Violation> {
    let bad = named(pod.spec, |container| {
        context(container, &["privileged"]) == true
    });
    if bad.is_empty() {
        return None;
    }
    let detail = format!(
        "{} must not set securityContext.privileged=true",
        these(&bad)
    );
    violation("privileged", detail)
}

fn proc_mount(pod: Pod<'_>) -> Option<Violation> {
    if pod.is_relaxed() {
        return None;
    }
    proc_mount_of(pod)
}

fn proc_mount_of(pod: Pod<'_>) -> Option<Violation> {
    let of = |container: &Value| {
        let kind = context(container, &["procMount"]).as_str()?;
        (kind != "Default").then(|| kind.to_owned())
    };
    let bad = named(pod.spec, |container| of(container).is_some());
    if bad.is_empty() {
        return None;
    }
    let kinds: Set = containers(pod.spec).filter_map(of).collect();
    let detail = format!(
        "{} must not set securityContext.procMount to {}",
        these(&bad),
        quoted_list(&kinds)
    );
    violation("procMount", detail)
}

fn se_linux(pod: Pod<'_>) -> Option<Violation> {
    let is_allowed = |kind: &str| {
        matches!(
            kind,
            "" | "container_t" | "container_init_t" | "container_kvm_t"
        ) || (kind == "container_engine_t" && pod.version.has(31))
    };
    let of = |owner: &Value, key: &str| {
        let options = context(owner, &["seLinuxOptions"]);
        text(options, &[key]).to_owned()
    };
    let bad_type = |owner: &Value| Some(of(owner, "type")).filter(|kind| !is_allowed(kind));
    let has = |owner: &Value, key: &str| !of(owner, key).is_empty();
    let is_bad =
        |owner: &Value| bad_type(owner).is_some() || has(owner, "user") || has(owner, "role");
    let bad = named(pod.spec, is_bad);
    let who = setters(is_bad(pod.spec), &bad);
    if who.is_empty() {
        return None;
    }
    let owners = || containers(pod.spec).chain([pod.spec]);
    let kinds: Set = owners().filter_map(bad_type).collect();
    let mut what = Vec::new();
    if !kinds.is_empty() {
        let noun = plural("type", "types", kinds.len());
        what.push(format!("{noun} {}", quoted_list(&kinds)));
    }
    for key in ["user", "role"] {
        if owners().any(|owner| has(owner, key)) {
            what.push(format!("{key} may not be set"));
        }
    }
    let detail = format!(
        "{} set forbidden securityContext.seLinuxOptions: {}",
        who.join(" and "),
        what.join("; ")
    );
    violation("seLinuxOptions", detail)
}

fn bad_seccomp(owner: &Value) -> Option<String> {
    let profile = context(owner, &["seccompProfile"]);
    let kind = text(profile, &["type"]);
    let fine = matches!(kind, "RuntimeDefault" | "Localhost");
    (profile.is_object() && !fine).then(|| kind.to_owned())
}

/// Those that set a bad profile.
fn explicit_seccomp(pod: Pod<'_>) -> Option<Violation> {
    let bad = named(pod.spec, |container| bad_seccomp(container).is_some());
    let who = setters(bad_seccomp(pod.spec).is_some(), &bad);
    if who.is_empty() {
        return None;
    }
    let owners = containers(pod.spec).chain([pod.spec]);
    let kinds: Set = owners.filter_map(bad_seccomp).collect();
    let detail = format!(
        "{} must not set securityContext.seccompProfile.type to {}",
        who.join(" and "),
        quoted_list(&kinds)
    );
    violation("seccompProfile", detail)
}

fn seccomp_if_set(pod: Pod<'_>) -> Option<Violation> {
    if pod.version.has(19) {
        return explicit_seccomp(pod);
    }
    const OF_POD: &str = "seccomp.security.alpha.kubernetes.io/pod";
    const OF_CONTAINER: &str = "container.seccomp.security.alpha.kubernetes.io/";
    let keys = containers(pod.spec).map(|container| format!("{OF_CONTAINER}{}", name(container)));
    let forbidden = keys.chain([OF_POD.to_owned()]).filter_map(|key| {
        let value = at(pod.metadata, &["annotations", &key]).as_str()?;
        let fine = matches!(value, "runtime/default" | "docker/default")
            || value.starts_with("localhost/");
        (!fine).then(|| format!("{key}=\"{value}\""))
    });
    let forbidden: Set = forbidden.collect();
    if forbidden.is_empty() {
        return None;
    }
    let noun = plural("annotation", "annotations", forbidden.len());
    let shown: Vec<String> = forbidden.into_iter().collect();
    violation(
        "seccompProfile",
        format!("forbidden {noun} {}", shown.join(", ")),
    )
}

fn sysctls(pod: Pod<'_>) -> Option<Violation> {
    let since = |name: &str| match name {
        "kernel.shm_rmid_forced"
        | "net.ipv4.ip_local_port_range"
        | "net.ipv4.tcp_syncookies"
        | "net.ipv4.ping_group_range"
        | "net.ipv4.ip_unprivileged_port_start" => Some(0),
        "net.ipv4.ip_local_reserved_ports" => Some(27),
        "net.ipv4.tcp_keepalive_time"
        | "net.ipv4.tcp_fin_timeout"
        | "net.ipv4.tcp_keepalive_intvl"
        | "net.ipv4.tcp_keepalive_probes" => Some(29),
        "net.ipv4.tcp_rmem" | "net.ipv4.tcp_wmem" => Some(32),
        _ => None,
    };
    let set = items(pod.spec, &["securityContext", "sysctls"]).iter();
    let bad: Vec<String> = set
        .map(name)
        .filter(|name| !since(name).is_some_and(|minor| pod.version.has(minor)))
        .collect();
    if bad.is_empty() {
        return None;
    }
    violation("forbidden sysctls", bad.join(", "))
}

fn host_process(pod: Pod<'_>) -> Option<Violation> {
    let is_bad = |owner: &Value| context(owner, &["windowsOptions", "hostProcess"]) == true;
    let who = setters(is_bad(pod.spec), &named(pod.spec, is_bad));
    if who.is_empty() {
        return None;
    }
    let detail = format!(
        "{} must not set securityContext.windowsOptions.hostProcess=true",
        who.join(" and ")
    );
    violation("hostProcess", detail)
}

// ── restricted ─────────────────────────────────────────────────────────────────────────────────────────────────────

fn privilege_escalation(pod: Pod<'_>) -> Option<Violation> {
    if !pod.version.has(8) || pod.is_windows() {
        return None;
    }
    let bad = named(pod.spec, |container| {
        context(container, &["allowPrivilegeEscalation"]) != false
    });
    if bad.is_empty() {
        return None;
    }
    let detail = format!(
        "{} must set securityContext.allowPrivilegeEscalation=false",
        these(&bad)
    );
    violation("allowPrivilegeEscalation != false", detail)
}

fn capabilities(pod: Pod<'_>) -> Option<Violation> {
    if !pod.version.has(22) || pod.is_windows() {
        return None;
    }
    let keeps = named(pod.spec, |container| {
        let dropped = items(container, &["securityContext", "capabilities", "drop"]);
        !dropped.iter().any(|name| name == "ALL")
    });
    let (adds, values) = added(pod.spec, &["NET_BIND_SERVICE"]);
    let mut details = Vec::new();
    if !keeps.is_empty() {
        details.push(format!(
            "{} must set securityContext.capabilities.drop=[\"ALL\"]",
            these(&keeps)
        ));
    }
    if !adds.is_empty() {
        details.push(format!(
            "{} must not include {} in securityContext.capabilities.add",
            these(&adds),
            quoted_list(&values)
        ));
    }
    if details.is_empty() {
        return None;
    }
    violation("unrestricted capabilities", details.join("; "))
}

fn proc_mount_restricted(pod: Pod<'_>) -> Option<Violation> {
    if pod.version.has(35) {
        proc_mount_of(pod)
    } else {
        None
    }
}

fn volume_types(pod: Pod<'_>) -> Option<Violation> {
    const ALLOWED: [&str; 9] = [
        "configMap",
        "csi",
        "downwardAPI",
        "emptyDir",
        "ephemeral",
        "image",
        "persistentVolumeClaim",
        "projected",
        "secret",
    ];
    const OTHERS: [&str; 21] = [
        "hostPath",
        "gcePersistentDisk",
        "awsElasticBlockStore",
        "gitRepo",
        "nfs",
        "iscsi",
        "glusterfs",
        "rbd",
        "flexVolume",
        "cinder",
        "cephfs",
        "flocker",
        "fc",
        "azureFile",
        "vsphereVolume",
        "quobyte",
        "azureDisk",
        "photonPersistentDisk",
        "portworxVolume",
        "scaleIO",
        "storageos",
    ];
    let (mut bad, mut kinds) = (Vec::new(), Set::new());
    for volume in items(pod.spec, &["volumes"]) {
        if ALLOWED.iter().any(|kind| is_set(volume, &[kind])) {
            continue;
        }
        bad.push(name(volume));
        let kind = OTHERS.into_iter().find(|kind| is_set(volume, &[kind]));
        kinds.insert(kind.unwrap_or("unknown").to_owned());
    }
    if bad.is_empty() {
        return None;
    }
    let detail = format!(
        "{} {} {} {} {}",
        plural("volume", "volumes", bad.len()),
        quoted_list(&bad),
        plural("uses", "use", bad.len()),
        plural(
            "restricted volume type",
            "restricted volume types",
            kinds.len()
        ),
        quoted_list(&kinds)
    );
    violation("restricted volume types", detail)
}

fn run_as_non_root(pod: Pod<'_>) -> Option<Violation> {
    const REASON: &str = "runAsNonRoot != true";
    if pod.is_relaxed() {
        return None;
    }
    let of = |owner: &Value| context(owner, &["runAsNonRoot"]).as_bool();
    let explicit = named(pod.spec, |container| of(container) == Some(false));
    let who = setters(of(pod.spec) == Some(false), &explicit);
    if !who.is_empty() {
        let detail = format!(
            "{} must not set securityContext.runAsNonRoot=false",
            who.join(" and ")
        );
        return violation(REASON, detail);
    }
    let implicit = named(pod.spec, |container| of(container).is_none());
    if of(pod.spec) == Some(true) || implicit.is_empty() {
        return None;
    }
    let detail = format!(
        "pod or {} must set securityContext.runAsNonRoot=true",
        these(&implicit)
    );
    violation(REASON, detail)
}

fn run_as_user(pod: Pod<'_>) -> Option<Violation> {
    if !pod.version.has(23) || pod.is_relaxed() {
        return None;
    }
    let is_root = |owner: &Value| context(owner, &["runAsUser"]).as_i64() == Some(0);
    let who = setters(is_root(pod.spec), &named(pod.spec, is_root));
    if who.is_empty() {
        return None;
    }
    violation(
        "runAsUser=0",
        format!("{} must not set runAsUser=0", who.join(" and ")),
    )
}

fn seccomp(pod: Pod<'_>) -> Option<Violation> {
    if !pod.version.has(19) || pod.is_windows() {
        return None;
    }
    if let Some(found) = explicit_seccomp(pod) {
        return Some(found);
    }
    let has = |owner: &Value| context(owner, &["seccompProfile"]).is_object();
    let implicit = named(pod.spec, |container| !has(container));
    if has(pod.spec) || implicit.is_empty() {
        return None;
    }
    let detail = format!(
        "pod or {} must set securityContext.seccompProfile.type to \"RuntimeDefault\" or \"Localhost\"",
        these(&implicit)
    );
    violation("seccompProfile", detail)
}
