//! Who may ask a kubelet for what, as `KubeletAuth` decides it: by the subresources of its Node that a path stands for.

use http::Method;
use http::request::Parts;

use super::{Asked, PLAIN};
use crate::api::reply::{Body, Reply};
use crate::api::{authn, authz};
use crate::state::access::{Attributes, ResourceAttributes};

/// The error is the refusal.
pub(super) fn check(asked: &Asked<'_>, parts: &Parts) -> Result<(), Reply> {
    let Ok(user) = authn::credentials(asked.cluster, parts) else {
        return Err(refused(401, "Unauthorized".to_owned()));
    };
    // Kubelets let nobody in who does not say who they are.
    if user.name == "system:anonymous" {
        return Err(refused(401, "Unauthorized".to_owned()));
    }
    let verb = verb(asked.method);
    let subresources = subresources(asked.path);
    let node = node(asked);
    let may = |subresource: &str| {
        let attributes = Attributes::resource(
            verb,
            ResourceAttributes {
                group: "".into(),
                version: "v1".into(),
                namespace: "".into(),
                resource: "nodes".into(),
                subresource: subresource.into(),
                name: node.as_str().into(),
                fields: "".into(),
            },
        );
        authz::check(asked.cluster, &user, &attributes).is_ok()
    };
    if subresources.iter().any(|one| may(one)) {
        return Ok(());
    }
    let (user, all) = (&user.name, subresources.join(" "));
    Err(refused(
        403,
        format!("Forbidden (user={user}, verb={verb}, resource=nodes, subresource(s)=[{all}])\n"),
    ))
}

fn refused(code: u16, text: String) -> Reply {
    Reply::new(code, Body::Raw(PLAIN, text.into()))
}

fn verb(method: &Method) -> &'static str {
    match *method {
        Method::POST => "create",
        Method::GET => "get",
        Method::PUT => "update",
        Method::PATCH => "patch",
        Method::DELETE => "delete",
        _ => "",
    }
}

/// The finer one first (`KubeletFineGrainedAuthz`, on since 1.33).
fn subresources(path: &str) -> Vec<&'static str> {
    let below = |folder: &str| {
        let rest = path.strip_prefix(folder);
        rest.is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
    };
    let coarse = [
        ("/stats", "stats"),
        ("/metrics", "metrics"),
        ("/logs", "log"),
        ("/checkpoint", "checkpoint"),
        ("/statusz", "statusz"),
        ("/flagz", "configz"),
    ];
    if let Some((_, subresource)) = coarse.iter().find(|(folder, _)| below(folder)) {
        return vec![subresource];
    }
    let fine = [
        ("/pods", "pods"),
        ("/healthz", "healthz"),
        ("/configz", "configz"),
        ("/runningpods", "pods"),
    ];
    let fine = fine.iter().find(|(folder, _)| below(folder));
    fine.map(|(_, subresource)| *subresource)
        .into_iter()
        .chain(["proxy"])
        .collect()
}

/// The node that is asked: where the port stands for several, the one that the Pod of the path is on.
fn node(asked: &Asked<'_>) -> String {
    if let Some(node) = asked.node {
        return node.to_owned();
    }
    let mut segments = asked.path.trim_matches('/').split('/').skip(1);
    let (Some(namespace), Some(pod)) = (segments.next(), segments.next()) else {
        return String::new();
    };
    let place = super::Place {
        namespace,
        pod,
        uid: "",
        container: "",
    };
    let pod = asked.pod(&place);
    let node = pod.and_then(|pod| Some(pod.value["spec"]["nodeName"].as_str()?.to_owned()));
    node.unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_stand_for_subresources_of_the_node() {
        for (path, subresources_of_it) in [
            ("/pods", &["pods", "proxy"][..]),
            ("/pods/", &["pods", "proxy"]),
            ("/podsy", &["proxy"]),
            ("/runningpods/", &["pods", "proxy"]),
            ("/healthz/ping", &["healthz", "proxy"]),
            ("/configz", &["configz", "proxy"]),
            ("/stats/summary", &["stats"]),
            ("/metrics", &["metrics"]),
            ("/metrics/cadvisor", &["metrics"]),
            ("/logs/", &["log"]),
            ("/flagz", &["configz"]),
            ("/exec/default/web/main", &["proxy"]),
            ("/containerLogs/default/web/main", &["proxy"]),
            ("/", &["proxy"]),
        ] {
            assert_eq!(subresources(path), subresources_of_it, "{path}");
        }
    }
}
