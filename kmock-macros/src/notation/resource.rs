//! Resources of Kubernetes: `v1/pods`, `deployments.v1.apps`, `*/*/leases`.

use super::Problem;
use crate::words::{distance, nearest};

/// A Kubernetes resource: `v1/pods`, `pods.v1`, `apps/v1/deployments/scale`, `kopfexamples.v1.kopf.dev`, `*/*/leases`.
pub(crate) fn resource(text: &str) -> Result<(), Problem> {
    const FORM: &str =
        "write \"v1/pods\", \"pods.v1\", \"apps/v1/deployments\" or \"deployments.v1.apps\"";
    let whole = 0..text.len().max(1);
    if text.is_empty() {
        return Err(Problem::new("the resource is empty", FORM, whole));
    }
    if text.starts_with('/') {
        return Err(Problem::new(
            "a URL path goes with an HTTP method, not with a verb of Kubernetes",
            format!("write `GET \"{text}\"`, or a resource such as \"v1/pods\""),
            whole,
        ));
    }
    if let Some(short) = without_place(text) {
        return Err(Problem::new(
            "a resource is a group, a version and a plural name, not a URL",
            short,
            whole,
        ));
    }
    if let Some(at) = text.find(char::is_whitespace) {
        return Err(Problem::new("a resource has no spaces", FORM, at..at + 1));
    }
    let parts: Vec<&str> = if text.contains('/') {
        text.split('/').collect()
    } else {
        // `pods.v1` and `kopfexamples.v1.kopf.dev`: plural, version, group.
        match text.splitn(3, '.').collect::<Vec<_>>()[..] {
            [plural] => vec!["*", "*", plural],
            [plural, version] if is_version(version) => vec![version, plural],
            [plural, version, group] if is_version(version) => vec![group, version, plural],
            [plural, ..] => {
                let group = &text[plural.len() + 1..];
                let (front, last) = group.rsplit_once('.').unwrap_or((group, ""));
                let help = if is_version(last) {
                    format!("write \"{plural}.{last}.{front}\": the version comes before the group")
                } else {
                    format!("write \"{plural}.v1.{group}\" with the version of the API")
                };
                return Err(Problem::new(
                    format!(
                        "`{}` is no version",
                        group.split('.').next().unwrap_or_default()
                    ),
                    help,
                    whole,
                ));
            }
            [] => vec![],
        }
    };
    let (group, version, plural, sub) = match parts[..] {
        [version, plural] if is_version(version) => ("", version, plural, None),
        [version, plural, sub] if is_version(version) && version != "*" => {
            ("", version, plural, Some(sub))
        }
        [group, version, plural] => (group, version, plural, None),
        [group, version, plural, sub] => (group, version, plural, Some(sub)),
        [group, plural] => {
            return Err(Problem::new(
                format!("`{group}` is no version"),
                format!(
                    "write \"{group}/v1/{plural}\" with the version of the API, or \"v1/{plural}\" for the core group"
                ),
                0..group.len().max(1),
            ));
        }
        _ => {
            return Err(Problem::new(
                "a resource is a group, a version and a plural name",
                FORM,
                whole,
            ));
        }
    };
    if !is_version(version) {
        return Err(Problem::new(
            format!("`{version}` is no version of an API"),
            "versions are `v1`, `v1beta1`, `v2alpha1`, …, or `*`",
            whole,
        ));
    }
    let label = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-' || c == '.';
    if !group.is_empty() && group != "*" && !group.chars().all(label) {
        return Err(Problem::new(
            format!("`{group}` is no API group"),
            "groups are DNS names in lower case, such as `apps` or `kopf.dev`",
            whole,
        ));
    }
    for (what, name) in [
        ("plural name of a resource", Some(plural)),
        ("subresource", sub),
    ] {
        let Some(name) = name else { continue };
        let valid = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-';
        if name != "*" && (name.is_empty() || !name.chars().all(valid)) {
            let lower = name.to_lowercase();
            let help = if name != lower && lower.chars().all(valid) && sub.is_none() {
                let plural = if lower.ends_with('s') {
                    lower
                } else {
                    format!("{lower}s")
                };
                format!("resources are named by their plural in lower case: `{plural}`")
            } else {
                FORM.to_owned()
            };
            return Err(Problem::new(format!("`{name}` is no {what}"), help, whole));
        }
    }
    const SUBRESOURCES: &[&str] = &[
        "status",
        "scale",
        "log",
        "exec",
        "attach",
        "portforward",
        "proxy",
        "binding",
        "eviction",
        "ephemeralcontainers",
        "resize",
        "token",
        "finalize",
        "approval",
    ];
    if let Some(name) = sub.filter(|name| *name != "*" && !SUBRESOURCES.contains(name))
        && let Some(meant) = SUBRESOURCES.iter().find(|known| distance(name, known) == 1)
    {
        return Err(Problem::new(
            format!("`{name}` is no subresource; did you mean `{meant}`?"),
            format!("write \"{}{meant}\"", &text[..text.len() - name.len()]),
            whole,
        ));
    }
    known(group, version, plural, text.contains('/')).map_or(Ok(()), |(message, help)| {
        Err(Problem::new(message, help, whole))
    })
}

/// `api/v1/pods`, `v1/namespaces/default/pods`: what a URL has around a resource.
fn without_place(text: &str) -> Option<String> {
    let rest = text
        .strip_prefix("apis/")
        .or_else(|| text.strip_prefix("api/"));
    let inner = rest.unwrap_or(text);
    match inner.split_once("/namespaces/") {
        Some((version, place)) => match place.split_once('/') {
            Some((namespace, plural)) => {
                Some(format!("write `\"{version}/{plural}\" in \"{namespace}\"`"))
            }
            None => rest.map(|_| format!("write \"{inner}\"")),
        },
        None => rest.map(|rest| format!("write \"{rest}\"")),
    }
}

/// The resources of the groups that every cluster has. Others may be anything.
const BUILT_IN: &[(&str, &[&str])] = &[
    (
        "",
        &[
            "bindings",
            "componentstatuses",
            "configmaps",
            "endpoints",
            "events",
            "limitranges",
            "namespaces",
            "nodes",
            "persistentvolumeclaims",
            "persistentvolumes",
            "pods",
            "podtemplates",
            "replicationcontrollers",
            "resourcequotas",
            "secrets",
            "serviceaccounts",
            "services",
        ],
    ),
    (
        "apps",
        &[
            "controllerrevisions",
            "daemonsets",
            "deployments",
            "replicasets",
            "statefulsets",
        ],
    ),
    ("batch", &["cronjobs", "jobs"]),
    ("autoscaling", &["horizontalpodautoscalers"]),
    ("policy", &["poddisruptionbudgets"]),
    (
        "networking.k8s.io",
        &[
            "ingressclasses",
            "ingresses",
            "ipaddresses",
            "networkpolicies",
            "servicecidrs",
        ],
    ),
    (
        "rbac.authorization.k8s.io",
        &[
            "clusterrolebindings",
            "clusterroles",
            "rolebindings",
            "roles",
        ],
    ),
    (
        "storage.k8s.io",
        &[
            "csidrivers",
            "csinodes",
            "csistoragecapacities",
            "storageclasses",
            "volumeattachments",
            "volumeattributesclasses",
        ],
    ),
    ("coordination.k8s.io", &["leasecandidates", "leases"]),
    ("discovery.k8s.io", &["endpointslices"]),
    ("events.k8s.io", &["events"]),
    ("scheduling.k8s.io", &["priorityclasses"]),
    ("apiextensions.k8s.io", &["customresourcedefinitions"]),
];

/// A slip in the name of a built-in resource, or its group: the message and what to write.
fn known(group: &str, version: &str, plural: &str, slashes: bool) -> Option<(String, String)> {
    let all = || {
        BUILT_IN
            .iter()
            .flat_map(|(group, plurals)| plurals.iter().map(move |plural| (*group, *plural)))
    };
    if plural == "*"
        || all().any(|(other, name)| name == plural && (other == group || group == "*"))
    {
        return None;
    }
    let write = |group: &str, plural: &str| match (slashes, group) {
        (true, "") => format!("write \"{version}/{plural}\""),
        (true, _) => format!("write \"{group}/{version}/{plural}\""),
        (false, "") => format!("write \"{plural}.{version}\""),
        (false, _) => format!("write \"{plural}.{version}.{group}\""),
    };
    if group == "*" {
        let (_, meant) = all().find(|(_, name)| is_singular(plural, name))?;
        return Some((
            format!("`{plural}` is no plural name of a resource"),
            format!("resources are named by their plural: `{meant}`"),
        ));
    }
    if group == "core" {
        return Some(("the core group has no name".to_owned(), write("", plural)));
    }
    let Some((_, here)) = BUILT_IN.iter().find(|(name, _)| *name == group) else {
        // A group of somebody's own, unless it is nearly one that has this resource.
        let (meant, _) = all().find(|(other, name)| {
            *name == plural && distance(group, other) <= 3 && !other.is_empty()
        })?;
        return Some((
            format!("`{group}` is no API group; did you mean `{meant}`?"),
            write(meant, plural),
        ));
    };
    let place = if group.is_empty() {
        "the core group"
    } else {
        group
    };
    if let Some((elsewhere, _)) = all().find(|(_, name)| *name == plural) {
        return Some((
            format!("`{plural}` are not in {place}"),
            write(elsewhere, plural),
        ));
    }
    let meant = nearest(plural, here.iter().copied()).or_else(|| {
        all()
            .find(|(_, name)| is_singular(plural, name))
            .map(|(_, name)| name)
    })?;
    let owner = all()
        .find(|(other, name)| *name == meant && *other == group)
        .map_or_else(
            || {
                all()
                    .find(|(_, name)| *name == meant)
                    .map_or(group, |(other, _)| other)
            },
            |(other, _)| other,
        );
    Some((
        format!("`{plural}` is no resource of {place}; did you mean `{meant}`?"),
        write(owner, meant),
    ))
}

fn is_singular(word: &str, plural: &str) -> bool {
    let stem = word.strip_suffix('y').map(|stem| format!("{stem}ies"));
    plural == format!("{word}s")
        || plural == format!("{word}es")
        || stem.is_some_and(|stem| stem == plural)
}

/// `v1`, `v1beta1`, `*`
pub(crate) fn is_version(text: &str) -> bool {
    let Some(rest) = text.strip_prefix('v') else {
        return text == "*";
    };
    let end = rest
        .find(|c: char| !c.is_ascii_digit())
        .unwrap_or(rest.len());
    let (major, stage) = rest.split_at(end);
    let stage = stage
        .strip_prefix("alpha")
        .or_else(|| stage.strip_prefix("beta"))
        .unwrap_or(stage);
    !major.is_empty() && stage.chars().all(|c| c.is_ascii_digit())
}

#[cfg(test)]
mod tests {
    use super::{super::tests::message, *};

    #[test]
    fn resources() {
        for text in [
            "v1/pods",
            "pods.v1",
            "kopf.dev/v1/kopfexamples",
            "kopfexamples.v1.kopf.dev",
            "apps/v1/deployments/scale",
            "*/*/leases",
            "pods",
            "v1/pods/status",
            "v1/widgets",
            "metrics.k8s.io/v1beta1/pods",
            "subresources.kubevirt.io/v1/virtualmachineinstances/vnc",
            "extensions/v1beta1/ingresses",
            "v1/namespaces",
            "v1/namespaces/status",
            "v1/namespaces/finalize",
            "*",
        ] {
            assert_eq!(message(resource(text)), "", "{text}");
        }
        for (text, want) in [
            ("/pods", "URL path"),
            ("Pod", "no plural name"),
            ("v1/Pods", "no plural name"),
            ("apps/deployments", "`apps` is no version"),
            ("deployments.apps", "`apps` is no version"),
            ("apps/1/deployments", "no version"),
            ("a/b/c/d/e", "group, a version"),
            ("v1/pod", "did you mean `pods`"),
            ("v1/deployments", "not in the core group"),
            ("networking.k8s.io/v1/ingress", "did you mean `ingresses`"),
            ("pod", "no plural name"),
            ("app/v1/deployments", "did you mean `apps`"),
            (
                "network.k8s.io/v1/ingresses",
                "did you mean `networking.k8s.io`",
            ),
            ("core/v1/pods", "no name"),
            ("v1/pods/logs", "did you mean `log`"),
            ("api/v1/pods", "not a URL"),
            ("v1/namespaces/default/pods", "not a URL"),
            ("pods.apps.v1", "no version"),
        ] {
            assert!(
                message(resource(text)).contains(want),
                "{text}: {}",
                message(resource(text))
            );
        }
    }
}
