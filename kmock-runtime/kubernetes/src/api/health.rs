//! The endpoints beside the API: health checks, the version, metrics, and the index of paths.

use std::collections::BTreeSet;

use bytes::Bytes;
use http::request::Parts;
use serde_json::{Value, json};

use crate::api::authn::tokens::{self, ISSUER};
use crate::api::discovery;
use crate::api::{Body, Reply};
use crate::model::path::Query;
use crate::model::resource::ResourceKey;
use crate::model::status::{ApiError, quoted};
use crate::model::version;
use crate::state::cluster::Cluster;
use crate::wire::accept;
use crate::wire::json;

/// The checks of the servers that stand behind one another (definitions, the API, the aggregator) and of their hooks, in the order
/// in which they are registered, with the feature gates and options as they come (and RBAC).
const CHECKS: [&str; 34] = [
    "ping",
    "log",
    "etcd",
    "poststarthook/start-apiserver-admission-initializer",
    "poststarthook/generic-apiserver-start-informers",
    "poststarthook/priority-and-fairness-config-consumer",
    "poststarthook/priority-and-fairness-filter",
    "poststarthook/storage-object-count-tracker-hook",
    "poststarthook/start-apiextensions-informers",
    "poststarthook/start-apiextensions-controllers",
    "poststarthook/crd-informer-synced",
    "poststarthook/start-system-namespaces-controller",
    "poststarthook/peer-endpoint-reconciler-controller",
    "poststarthook/start-cluster-authentication-info-controller",
    "poststarthook/start-kube-apiserver-identity-lease-controller",
    "poststarthook/start-kube-apiserver-identity-lease-garbage-collector",
    "poststarthook/storage-readiness",
    "poststarthook/start-legacy-token-tracking-controller",
    "poststarthook/start-service-ip-repair-controllers",
    "poststarthook/rbac/bootstrap-roles",
    "poststarthook/scheduling/bootstrap-system-priority-classes",
    "poststarthook/priority-and-fairness-config-producer",
    "poststarthook/bootstrap-controller",
    "poststarthook/start-kubernetes-service-cidr-controller",
    "poststarthook/start-kube-aggregator-informers",
    "poststarthook/apiservice-status-local-available-controller",
    "poststarthook/apiservice-status-remote-available-controller",
    "poststarthook/apiservice-registration-controller",
    "poststarthook/apiservice-discovery-controller",
    "poststarthook/kube-apiserver-autoregistration",
    "autoregister-completion",
    "poststarthook/apiservice-openapi-controller",
    "poststarthook/apiservice-openapiv3-controller",
    "shutdown",
];

/// The checks of an endpoint.
fn checks(endpoint: &str) -> Vec<&'static str> {
    let ready = endpoint == "readyz";
    let mut checks: Vec<_> = CHECKS.to_vec();
    if ready {
        // Behind `etcd`: what else has to be there before the server is ready.
        checks.splice(3..3, ["etcd-readiness", "informer-sync"]);
    } else {
        checks.retain(|check| *check != "shutdown");
        checks.insert(2, "loopback-serving-certificate");
    }
    checks
}

/// `/healthz`, `/livez`, `/readyz` and the single checks below them.
pub fn check(parts: &Parts, endpoint: &str, single: Option<&str>) -> Result<Reply, ApiError> {
    let query = Query::parse(parts.uri.query().unwrap_or_default());
    told(&query, endpoint, &checks(endpoint), single).ok_or_else(ApiError::page_not_found)
}

/// What an endpoint says of some checks, or of a single one of them; `None`: there is no such check.
pub(super) fn told(
    query: &Query,
    endpoint: &str,
    known: &[&str],
    single: Option<&str>,
) -> Option<Reply> {
    let text = match single {
        Some(name) if known.contains(&name) => "ok".to_owned(),
        Some(_) => return None,
        None => {
            if query.has("verbose") {
                let excluded: Vec<&str> = query.all("exclude").collect();
                let line = |name: &&str| {
                    let note = if excluded.contains(name) {
                        "excluded: ok"
                    } else {
                        "ok"
                    };
                    format!("[+]{name} {note}\n")
                };
                let mut lines: String = known.iter().map(line).collect();
                let strangers: BTreeSet<String> = excluded
                    .iter()
                    .filter(|name| !known.contains(name))
                    .map(|name| quoted(name))
                    .collect();
                if !strangers.is_empty() {
                    let strangers: Vec<String> = strangers.into_iter().collect();
                    lines.push_str(&format!(
                        "warn: some health checks cannot be excluded: no matches for {}\n",
                        strangers.join(",")
                    ));
                }
                format!("{lines}{endpoint} check passed\n")
            } else {
                "ok".to_owned()
            }
        }
    };
    Some(Reply {
        headers: vec![
            ("cache-control", "no-cache, private".into()),
            ("x-content-type-options", "nosniff".into()),
        ],
        ..Reply::new(200, Body::Raw("text/plain; charset=utf-8", text.into()))
    })
}

/// `/.well-known/openid-configuration`: who issues the tokens of ServiceAccounts.
pub fn openid_configuration(cluster: &Cluster) -> Result<Reply, ApiError> {
    let signer = cluster.access().signer();
    let algorithm = signer.as_ref().map_or("none", |signer| signer.algorithm());
    let document = json!({
        "issuer": ISSUER, "jwks_uri": format!("{ISSUER}/openid/v1/jwks"), "response_types_supported": ["id_token"],
        "subject_types_supported": ["public"], "id_token_signing_alg_values_supported": [algorithm],
    });
    let text = json::print(&document, None);
    Ok(Reply::new(200, Body::Raw("application/json", text.into())))
}

/// `/openid/v1/jwks`: the keys by which others verify tokens.
pub fn key_set(cluster: &Cluster, parts: &Parts) -> Result<Reply, ApiError> {
    accept::check_produces(
        accept::header(&parts.headers),
        &["application/jwk-set+json"],
    )?;
    let text = json::print(&json!({"keys": tokens::keys(cluster)}), None);
    Ok(Reply::new(
        200,
        Body::Raw("application/jwk-set+json", text.into()),
    ))
}

/// `/version`: the server whose answers are emulated.
pub fn version(cluster: &Cluster, parts: &Parts) -> Result<Reply, ApiError> {
    discovery::only_get(parts)?;
    accept::check_produces(accept::header(&parts.headers), &["application/json"])?;
    let said = cluster.options().version.as_deref();
    let said = said.unwrap_or(version::VERSION);
    let (major, minor, before) = version::numbers(said);
    let version = json!({
        "major": major, "minor": minor, "emulationMajor": major, "emulationMinor": minor, "minCompatibilityMajor": major,
        "minCompatibilityMinor": before, "gitVersion": said, "gitCommit": "kmock", "gitTreeState": "clean",
        "buildDate": "1970-01-01T00:00:00Z", "goVersion": "", "compiler": "kmock", "platform": "linux/amd64",
    });
    let text = json::indent(&json::print(&version, None));
    Ok(Reply::new(200, Body::Raw("application/json", text.into())))
}

/// Counters of what cannot happen here, since there is no declarative validation beside the other one; tools that watch over a
/// server want to see that they are zero.
const NEVER: [(&str, &str); 2] = [
    (
        "apiserver_validation_declarative_validation_mismatch_total",
        "Number of times that declarative validation came to another result than handwritten validation.",
    ),
    (
        "apiserver_validation_declarative_validation_panic_total",
        "Number of times that declarative validation panicked.",
    ),
];

/// `/metrics`: which server it is, how many objects there are, and what never happens.
pub fn metrics(cluster: &Cluster) -> Result<Reply, ApiError> {
    let store = cluster.store();
    let said = cluster.options().version.as_deref();
    let said = said.unwrap_or(version::VERSION);
    let (major, minor, _) = version::numbers(said);
    let mut text = format!(
        "# HELP kubernetes_build_info [ALPHA] A metric with a constant '1' value labeled by the version of the server.\n\
         # TYPE kubernetes_build_info gauge\n\
         kubernetes_build_info{{compiler=\"kmock\",git_version=\"{said}\",major=\"{major}\",minor=\"{minor}\",platform=\"linux/amd64\"}} 1\n"
    );
    for (name, help) in NEVER {
        text.push_str(&format!(
            "# HELP {name} [BETA] {help}\n# TYPE {name} counter\n{name} 0\n"
        ));
    }
    text.push_str(
        "# HELP apiserver_storage_objects [STABLE] Number of stored objects at the time of last check split by kind.\n\
         # TYPE apiserver_storage_objects gauge\n",
    );
    for resource in store.resources() {
        text.push_str(&format!(
            "apiserver_storage_objects{{resource=\"{resource}\"}} {}\n",
            store.count(&resource)
        ));
    }
    text.push_str(
        "# HELP apiserver_flowcontrol_nominal_limit_seats [BETA] Nominal number of execution seats configured for each priority level\n\
         # TYPE apiserver_flowcontrol_nominal_limit_seats gauge\n",
    );
    for (level, seats) in nominal_seats(cluster) {
        text.push_str(&format!(
            "apiserver_flowcontrol_nominal_limit_seats{{priority_level=\"{level}\"}} {seats}\n"
        ));
    }
    Ok(Reply::new(
        200,
        Body::Raw("text/plain; version=0.0.4; charset=utf-8", text.into()),
    ))
}

/// The share of each priority level in what a server does at one time: 400 reads and 200 writes, as it comes.
fn nominal_seats(cluster: &Cluster) -> Vec<(String, i64)> {
    const SEATS: i64 = 600;
    let place = ResourceKey::new(
        "flowcontrol.apiserver.k8s.io",
        "prioritylevelconfigurations",
    );
    let levels = cluster.store().list(&place, "").objects;
    let shares = |level: &Value| {
        let (part, otherwise) = match level["spec"]["type"] == "Exempt" {
            true => ("exempt", 0),
            false => ("limited", 30),
        };
        let told = level["spec"][part]["nominalConcurrencyShares"].as_i64();
        told.unwrap_or(otherwise).max(0)
    };
    let sum: i64 = levels.iter().map(|level| shares(&level.value)).sum();
    let seats = |level: &Value| match sum {
        0 => 0,
        // Rounded up.
        sum => shares(level).saturating_mul(SEATS).saturating_add(sum - 1) / sum,
    };
    levels
        .iter()
        .map(|level| (level.name().to_owned(), seats(&level.value)))
        .collect()
}

/// `/metrics/slis`: the outcome of each health check.
pub fn indicators() -> Result<Reply, ApiError> {
    let endpoints = ["healthz", "livez", "readyz"];
    let all = endpoints.map(|endpoint| (endpoint, checks(endpoint)));
    Ok(outcomes(&all))
}

/// The outcomes of the checks of some endpoints.
pub(super) fn outcomes(endpoints: &[(&str, Vec<&str>)]) -> Reply {
    let mut text = String::from(
        "# HELP kubernetes_healthcheck [STABLE] This metric records the result of a single healthcheck.\n\
         # TYPE kubernetes_healthcheck gauge\n",
    );
    let mut lines: Vec<String> = endpoints
        .iter()
        .flat_map(|(endpoint, checks)| {
            checks.iter().map(move |name| {
                format!("kubernetes_healthcheck{{name=\"{name}\",type=\"{endpoint}\"}} 1\n")
            })
        })
        .collect();
    lines.sort_unstable();
    text.extend(lines);
    Reply::new(
        200,
        Body::Raw("text/plain; version=0.0.4; charset=utf-8", text.into()),
    )
}

/// `/`: the paths that are served.
pub fn index(cluster: &Cluster) -> Result<Reply, ApiError> {
    let paths: Vec<Value> = paths(cluster).into_iter().map(Value::from).collect();
    let text = json::indent(&json::print(&json!({"paths": paths}), None));
    Ok(Reply::new(
        200,
        Body::Raw("application/json", Bytes::from(text)),
    ))
}

/// The paths that are served, sorted.
pub(super) fn paths(cluster: &Cluster) -> Vec<String> {
    let mut paths: Vec<String> = ["/api", "/api/v1", "/apis", "/apis/"]
        .map(String::from)
        .to_vec();
    for group in discovery::group_names(cluster) {
        paths.push(format!("/apis/{group}"));
        paths.extend(
            discovery::versions(cluster, &group)
                .iter()
                .map(|version| format!("/apis/{group}/{version}")),
        );
    }
    for endpoint in ["healthz", "livez", "readyz"] {
        paths.push(format!("/{endpoint}"));
        paths.extend(
            checks(endpoint)
                .iter()
                .map(|name| format!("/{endpoint}/{name}")),
        );
    }
    let others = [
        "/.well-known/openid-configuration",
        "/flagz",
        "/metrics",
        "/openapi/v2",
        "/openapi/v3",
        "/openapi/v3/",
        "/openid/v1/jwks",
        "/statusz",
        "/version",
    ];
    paths.extend(others.map(String::from));
    paths.sort();
    paths
}
