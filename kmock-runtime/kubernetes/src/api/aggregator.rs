//! The aggregator: an APIService for each version of each group, and the groups that somebody else serves.
//!
//! Rules: `kube-aggregator/pkg/{apiserver,controllers}`, `pkg/controlplane/controller/crdregistration`.

use std::cmp::Reverse;
use std::collections::BTreeMap;
use std::sync::{Arc, PoisonError, RwLock};

use bytes::Bytes;
use http::request::Parts;
use http::{HeaderName, HeaderValue, Request};
use serde_json::{Value, json};

use super::flow::defaults::uid_of;
use super::openapi::merge;
use super::{Body, Reply};
use crate::kinds::builtin::values::{at, items, text};
use crate::model::meta;
use crate::model::path;
use crate::model::resource::ResourceKey;
use crate::model::status::ApiError;
use crate::model::user::User;
use crate::state::change::{Edit, Reactor};
use crate::state::cluster::{ApiBody, Cluster};
use crate::state::extensions::{ExtensionServer, Extensions};
use crate::state::registry::BuiltIns;
use crate::state::store::{Change, Event};
use crate::text::digest;

const GROUP: &str = "apiregistration.k8s.io";
const PLURAL: &str = "apiservices";
const AUTOMANAGED: &str = "kube-aggregator.kubernetes.io/automanaged";

fn place() -> ResourceKey {
    ResourceKey::new(GROUP, PLURAL)
}

/// The rank of a version of a group: of the group among groups, of the version among its versions.
fn priority(group: &str, version: &str) -> (u32, u32) {
    let of_group = match group {
        "" => 18000,
        "apps" => 17800,
        "events.k8s.io" => 17750,
        "authentication.k8s.io" => 17700,
        "authorization.k8s.io" => 17600,
        "autoscaling" => 17500,
        "batch" => 17400,
        "certificates.k8s.io" => 17300,
        "networking.k8s.io" => 17200,
        "policy" => 17100,
        "rbac.authorization.k8s.io" => 17000,
        "storage.k8s.io" => 16800,
        "apiextensions.k8s.io" | "admissionregistration.k8s.io" => 16700,
        "scheduling.k8s.io" => 16600,
        "coordination.k8s.io" => 16500,
        "node.k8s.io" => 16300,
        "discovery.k8s.io" | "resource.k8s.io" => 16200,
        _ => 16100,
    };
    let of_version = match (group, version) {
        ("", _) => 1,
        ("autoscaling", "v2") => 30,
        ("flowcontrol.apiserver.k8s.io" | "resource.k8s.io", "v1") => 21,
        _ => 15,
    };
    (of_group, of_version)
}

/// The versions that the server itself serves, but for the one that registers them.
fn built_in(built_ins: &BuiltIns) -> impl Iterator<Item = (&str, &str)> {
    let mut last = ("-", "");
    built_ins.iter().filter_map(move |served| {
        let of = (&*served.resource.group, &*served.resource.version);
        // They come group by group, version by version.
        let is_new = of != last && of.0 != GROUP;
        last = of;
        is_new.then_some(of)
    })
}

/// How many APIServices a fresh cluster has.
pub(crate) fn count(built_ins: &BuiltIns) -> u64 {
    built_in(built_ins).count() as u64
}

/// Those of a fresh cluster, by their names: `v1.apps`, `v1.`.
pub(crate) fn defaults(built_ins: &BuiltIns, seed: u64, created: &str) -> Vec<(String, Value)> {
    let made = built_in(built_ins).map(|(group, version)| {
        let name = format!("{version}.{group}");
        let mut value = api_service(&name, group, version, priority(group, version), "onstart");
        let metadata = &mut value["metadata"];
        metadata["uid"] = uid_of(seed, PLURAL, &name).into();
        metadata["creationTimestamp"] = created.into();
        value["status"] = json!({"conditions": [local(created)]});
        (name, value)
    });
    made.collect()
}

fn api_service(
    name: &str,
    group: &str,
    version: &str,
    (of_group, of_version): (u32, u32),
    managed: &str,
) -> Value {
    let mut spec = json!({
        "groupPriorityMinimum": of_group, "versionPriority": of_version, "version": version,
    });
    if !group.is_empty() {
        spec["group"] = group.into();
    }
    json!({
        "apiVersion": "apiregistration.k8s.io/v1", "kind": "APIService",
        "metadata": {"name": name, "labels": {AUTOMANAGED: managed}},
        "spec": spec,
    })
}

fn available(status: &str, reason: &str, message: &str, now: &str) -> Value {
    json!({
        "type": "Available", "status": status, "lastTransitionTime": now, "reason": reason, "message": message,
    })
}

fn local(now: &str) -> Value {
    let message = "Local APIServices are always available";
    available("True", "Local", message, now)
}

/// A version of a group that somebody else serves.
#[derive(Debug, Clone)]
struct Remote {
    group: String,
    version: String,
    /// `namespace/name` of its Service.
    service: String,
    /// `groupPriorityMinimum`
    priority: i64,
    available: bool,
}

/// What a cluster knows of those.
#[derive(Debug, Default)]
struct Remotes {
    all: RwLock<Arc<Vec<Remote>>>,
    /// The resources that they told, by group and version.
    told: RwLock<BTreeMap<(String, String), Value>>,
    /// Where their documents of OpenAPI are, by the places in the index.
    documents: RwLock<BTreeMap<String, Value>>,
    /// Their documents of OpenAPI v2, with hashes.
    swagger: RwLock<Vec<(String, Value)>>,
}

fn remotes(cluster: &Cluster) -> Arc<Vec<Remote>> {
    let remotes = cluster.room::<Remotes>();
    let all = remotes.all.read().unwrap_or_else(PoisonError::into_inner);
    Arc::clone(&all)
}

/// The versions of groups that somebody else serves.
pub(crate) fn registered(cluster: &Cluster) -> Vec<(String, String)> {
    let all = remotes(cluster);
    let named = all
        .iter()
        .map(|one| (one.group.clone(), one.version.clone()));
    named.collect()
}

/// What a version that somebody else serves has, as its server told; `None` if it is not available.
pub(crate) fn told(cluster: &Cluster, group: &str, version: &str) -> Option<Value> {
    let remotes = cluster.room::<Remotes>();
    let told = remotes.told.read().unwrap_or_else(PoisonError::into_inner);
    told.get(&(group.to_owned(), version.to_owned())).cloned()
}

/// What an extension server answers at a path, if it is there and it is JSON.
async fn ask(cluster: &Cluster, remote: &Remote, path: &str) -> Option<Value> {
    let server = cluster.room::<Extensions>().get(&remote.service)?;
    let request = Request::get(path).header("accept", "application/json");
    let request = request.body(Bytes::new()).ok()?;
    let answer = server.call(as_user(request, &aggregator())).await.ok()?;
    match answer.into_body() {
        ApiBody::Full(bytes) => serde_json::from_slice(&bytes).ok(),
        _ => None,
    }
}

/// Asks all extension servers what they have, for discovery.
async fn ask_all(cluster: &Cluster) {
    for remote in remotes(cluster).iter() {
        let path = format!("/apis/{}/{}", remote.group, remote.version);
        let key = (remote.group.clone(), remote.version.clone());
        let list = match remote.available {
            true => ask(cluster, remote, &path).await,
            false => None,
        };
        let remotes = cluster.room::<Remotes>();
        let mut told = remotes.told.write().unwrap_or_else(PoisonError::into_inner);
        match list {
            Some(list) => drop(told.insert(key, list)),
            None => drop(told.remove(&key)),
        }
    }
}

/// Asks all extension servers for their indices of OpenAPI v3, each for what it is registered for.
async fn ask_for_documents(cluster: &Cluster) {
    let mut found = BTreeMap::new();
    for remote in remotes(cluster).iter().filter(|one| one.available) {
        let place = format!("apis/{}/{}", remote.group, remote.version);
        let index = ask(cluster, remote, "/openapi/v3").await;
        if let Some(entry) = index.and_then(|index| index["paths"].get(&place).cloned()) {
            found.insert(place, entry);
        }
    }
    let remotes = cluster.room::<Remotes>();
    *remotes
        .documents
        .write()
        .unwrap_or_else(PoisonError::into_inner) = found;
}

/// Asks all extension servers for their documents of OpenAPI v2, those of higher priority first, each for the paths that it
/// is registered for.
async fn ask_for_swagger(cluster: &Cluster) {
    let mut all: Vec<Remote> = remotes(cluster).to_vec();
    all.retain(|one| one.available);
    let of_groups = all.clone();
    all.sort_by_key(|one| {
        let group = of_groups.iter().filter(|other| other.group == one.group);
        let priority = group.map(|other| other.priority).max();
        (Reverse(priority), format!("{}.{}", one.version, one.group))
    });
    let mut found = Vec::new();
    for remote in &all {
        if let Some(document) = ask(cluster, remote, "/openapi/v2").await {
            let place = format!("/apis/{}/{}/", remote.group, remote.version);
            let document = merge::only(document, |path| path.starts_with(&place));
            found.push((digest::hex(document.to_string().as_bytes()), document));
        }
    }
    let remotes = cluster.room::<Remotes>();
    *remotes
        .swagger
        .write()
        .unwrap_or_else(PoisonError::into_inner) = found;
}

/// The documents of OpenAPI v2 of what others serve, as they told, each with its hash.
pub(crate) fn swagger(cluster: &Cluster) -> Vec<(String, Value)> {
    let remotes = cluster.room::<Remotes>();
    let known = remotes.swagger.read();
    known.unwrap_or_else(PoisonError::into_inner).clone()
}

/// The entries of the index of OpenAPI v3 for what others serve, as they told.
pub(crate) fn documents(cluster: &Cluster) -> BTreeMap<String, Value> {
    let remotes = cluster.room::<Remotes>();
    let known = remotes.documents.read();
    known.unwrap_or_else(PoisonError::into_inner).clone()
}

fn aggregator() -> User {
    User::new("system:kube-aggregator").group("system:masters")
}

/// A request with who asks, as extension servers are told.
fn as_user(mut request: Request<Bytes>, user: &User) -> Request<Bytes> {
    let headers = request.headers_mut();
    let remote = |name: &HeaderName| name.as_str().starts_with("x-remote-");
    let own: Vec<HeaderName> = headers
        .keys()
        .filter(|name| remote(name))
        .cloned()
        .collect();
    for name in own {
        headers.remove(name);
    }
    headers.remove(http::header::AUTHORIZATION);
    let mut put = |name: &str, value: &str| {
        if let (Ok(name), Ok(value)) = (
            HeaderName::from_bytes(name.as_bytes()),
            HeaderValue::from_str(value),
        ) {
            headers.append(name, value);
        }
    };
    put("x-remote-user", &user.name);
    for group in &user.groups {
        put("x-remote-group", group);
    }
    let info = user.to_user_info();
    if let Some(uid) = info["uid"].as_str() {
        put("x-remote-uid", uid);
    }
    for (key, values) in info["extra"].as_object().into_iter().flatten() {
        for value in values.as_array().into_iter().flatten() {
            let key = key.replace('/', "%2f");
            put(
                &format!("x-remote-extra-{key}"),
                value.as_str().unwrap_or_default(),
            );
        }
    }
    request
}

/// The answer of whoever serves the version that is asked for; `None`: that is this server.
pub async fn forward(
    cluster: &Cluster,
    parts: &Parts,
    body: &Bytes,
    user: &User,
) -> Option<Result<Reply, ApiError>> {
    let remotes = remotes(cluster);
    if remotes.is_empty() {
        return None;
    }
    let path = path::decoded(&parts.uri);
    let segments: Vec<&str> = path.trim_matches('/').split('/').collect();
    let (group, version) = match segments.as_slice() {
        ["apis"] => {
            ask_all(cluster).await;
            return None;
        }
        ["openapi", "v3"] => {
            ask_for_documents(cluster).await;
            return None;
        }
        ["openapi", "v2"] => {
            ask_for_swagger(cluster).await;
            return None;
        }
        ["apis", group, version, ..] => (*group, *version),
        ["openapi", "v3", "apis", group, version] => (*group, *version),
        _ => return None,
    };
    let is_meant = |one: &&Remote| (one.group.as_str(), one.version.as_str()) == (group, version);
    let remote = remotes.iter().find(is_meant)?;
    let server = cluster.room::<Extensions>().get(&remote.service);
    let Some(server) = server.filter(|_| remote.available) else {
        return Some(Err(unavailable("service unavailable")));
    };
    let request = Request::from_parts(parts.clone(), body.clone());
    Some(match server.call(as_user(request, user)).await {
        Ok(response) => Ok(Reply::new(200, Body::Response(response))),
        Err(why) => Err(unavailable(&format!(
            "error trying to reach service: {why}"
        ))),
    })
}

fn unavailable(why: &str) -> ApiError {
    let mut error = ApiError::new(503, "", format!("{why}\n"));
    error.plain = true;
    error
        .headers
        .push(("x-content-type-options", "nosniff".into()));
    error
}

/// Keeps APIServices: those of definitions come and go with them, all have their condition.
#[derive(Debug, Clone, Copy)]
pub struct ApiServices;

impl Reactor for ApiServices {
    fn written(&self, cluster: &Cluster, written: &ResourceKey, event: &Arc<Event>) {
        match (&*written.group, &*written.plural) {
            ("apiextensions.k8s.io", _) => register(cluster, &event.object.value),
            (GROUP, PLURAL) => {
                if event.change != Change::Deleted {
                    judge(cluster, event.object.name());
                }
                remember(cluster);
            }
            ("", "services") | ("discovery.k8s.io", "endpointslices") => judge_all(cluster),
            _ => {}
        }
    }
}

/// Registers the versions that the definitions of a group serve, and no others.
fn register(cluster: &Cluster, definition: &Value) {
    let spec = &definition["spec"];
    let group = text(spec, &["group"]);
    let definitions = ResourceKey::new("apiextensions.k8s.io", "customresourcedefinitions");
    let all = cluster.store().list(&definitions, "").objects;
    let serves = |version: &str| {
        all.iter().any(|one| {
            let spec = &one.value["spec"];
            text(spec, &["group"]) == group
                && items(spec, &["versions"])
                    .iter()
                    .any(|v| text(v, &["name"]) == version && v["served"] == true)
        })
    };
    for version in items(spec, &["versions"]) {
        let version = text(version, &["name"]);
        let name = format!("{version}.{group}");
        let wanted = serves(version) && !cluster.registry().has_built_in_version(group, version);
        cluster.set(&place(), &name, |current| match current {
            None if wanted => {
                let mut value = api_service(&name, group, version, (1000, 100), "true");
                let now = meta::rfc3339(cluster.now());
                value["metadata"]["uid"] = cluster.next_uid().into();
                value["metadata"]["creationTimestamp"] = now.as_str().into();
                value["status"] = json!({"conditions": [local(&now)]});
                Edit::Put(value)
            }
            Some(current)
                if !wanted && current.value["metadata"]["labels"][AUTOMANAGED] == "true" =>
            {
                Edit::Remove
            }
            _ => Edit::Keep,
        });
    }
}

/// Notes which versions somebody else serves.
fn remember(cluster: &Cluster) {
    let known = cluster.store().list(&place(), "").objects;
    let remote = known.iter().filter_map(|one| {
        let (spec, service) = (&one.value["spec"], at(&one.value, &["spec", "service"]));
        let (namespace, name) = (text(service, &["namespace"]), text(service, &["name"]));
        service.is_object().then(|| Remote {
            group: text(spec, &["group"]).to_owned(),
            version: text(spec, &["version"]).to_owned(),
            service: format!("{namespace}/{name}"),
            priority: spec["groupPriorityMinimum"].as_i64().unwrap_or_default(),
            available: items(&one.value, &["status", "conditions"])
                .iter()
                .any(|one| text(one, &["type"]) == "Available" && one["status"] == "True"),
        })
    });
    let remote: Vec<Remote> = remote.collect();
    let remotes = cluster.room::<Remotes>();
    let mut all = remotes.all.write().unwrap_or_else(PoisonError::into_inner);
    *all = Arc::new(remote);
}

fn judge_all(cluster: &Cluster) {
    if remotes(cluster).is_empty() {
        return;
    }
    for one in cluster.store().list(&place(), "").objects {
        if at(&one.value, &["spec", "service"]).is_object() {
            judge(cluster, one.name());
        }
    }
}

/// Tells whether an APIService is available.
fn judge(cluster: &Cluster, name: &str) {
    let now = meta::rfc3339(cluster.now());
    cluster.set(&place(), name, |current| {
        let Some(current) = current else {
            return Edit::Keep;
        };
        let wanted = condition(cluster, &current.value["spec"], &now);
        let mut value = (*current.value).clone();
        let mut all = items(&value, &["status", "conditions"]).to_vec();
        let known = all
            .iter_mut()
            .find(|one| text(one, &["type"]) == "Available");
        match known {
            Some(known) => {
                let same = |key: &str| known[key] == wanted[key];
                if same("status") && same("reason") && same("message") {
                    return Edit::Keep;
                }
                let since = match same("status") {
                    true => known["lastTransitionTime"].clone(),
                    false => wanted["lastTransitionTime"].clone(),
                };
                *known = wanted;
                known["lastTransitionTime"] = since;
            }
            None => all.push(wanted),
        }
        value["status"]["conditions"] = all.into();
        Edit::Put(value)
    });
}

fn condition(cluster: &Cluster, spec: &Value, now: &str) -> Value {
    let service = &spec["service"];
    if !service.is_object() {
        return local(now);
    }
    let (namespace, name) = (text(service, &["namespace"]), text(service, &["name"]));
    let key = format!("{namespace}/{name}");
    if cluster.room::<Extensions>().get(&key).is_some() {
        return available("True", "Passed", "all checks passed", now);
    }
    let of = format!("service/{name} in \"{namespace}\"");
    let not = |reason: &str, message: String| available("False", reason, &message, now);
    let store = cluster.store();
    let Some(found) = store.get(&ResourceKey::new("", "services"), &key) else {
        return not("ServiceNotFound", format!("{of} is not present"));
    };
    if text(&found.value, &["spec", "type"]) == "ClusterIP" {
        let port = service["port"].as_i64().unwrap_or(443);
        let ports = items(&found.value, &["spec", "ports"]).iter();
        let mut ports = ports.filter(|one| one["port"] == port);
        let Some(found) = ports.next() else {
            let why = format!("{of} is not listening on port {port}");
            return not("ServicePortError", why);
        };
        let port_name = text(found, &["name"]);
        let slices = ResourceKey::new("discovery.k8s.io", "endpointslices");
        let slices = store.list(&slices, &format!("{namespace}/")).objects;
        let of_service = slices
            .iter()
            .filter(|one| one.value["metadata"]["labels"]["kubernetes.io/service-name"] == name);
        let of_service: Vec<_> = of_service.collect();
        if of_service.is_empty() {
            let why = format!("cannot find endpointslices for {of}");
            return not("EndpointsNotFound", why);
        }
        let ready = of_service.iter().any(|slice| {
            let mut endpoints = items(&slice.value, &["endpoints"]).iter();
            let mut ports = items(&slice.value, &["ports"]).iter();
            endpoints.any(|one| one["conditions"]["ready"] != false)
                && ports.any(|one| text(one, &["name"]) == port_name && one["port"].is_i64())
        });
        if !ready {
            let why =
                format!("endpointslices for {of} have no addresses with port name \"{port_name}\"");
            return not("MissingEndpoints", why);
        }
    }
    // There is no network behind Services.
    let group = text(spec, &["group"]);
    let version = text(spec, &["version"]);
    not(
        "FailedDiscoveryCheck",
        format!(
            "failing or missing response from https://{name}.{namespace}.svc:443/apis/{group}/{version}: nobody answers for \
             the Service (kmock: give it a server with `k.extension_server(\"{key}\", …)`)"
        ),
    )
}

impl Cluster {
    /// Lets a server answer for a Service (`namespace/name`) that APIServices name: its groups are discovered, and requests for
    /// them go to it, with the user in their headers.
    pub fn aggregate(&self, service: &str, server: Arc<dyn ExtensionServer>) {
        self.room::<Extensions>().put(service, server);
        judge_all(self);
    }
}

/// The entries of aggregated discovery for a version that somebody else serves.
pub(crate) fn aggregated(cluster: &Cluster, group: &str, version: &str) -> Value {
    let Some(list) = told(cluster, group, version) else {
        return json!({"version": version, "freshness": "Stale"});
    };
    let all = items(&list, &["resources"]);
    let kind = |one: &Value| {
        let or = |key: &str, other: &str| match text(one, &[key]) {
            "" => other.to_owned(),
            own => own.to_owned(),
        };
        json!({"group": or("group", group), "version": or("version", version), "kind": one["kind"]})
    };
    let mut resources: Vec<Value> = Vec::new();
    for one in all {
        let name = text(one, &["name"]);
        if let Some((resource, sub)) = name.split_once('/') {
            let of = resources
                .iter_mut()
                .find(|known| known["resource"] == resource);
            if let Some(Value::Object(of)) = of
                && let Value::Array(subs) = of.entry("subresources").or_insert_with(|| json!([]))
            {
                subs.push(
                    json!({"subresource": sub, "responseKind": kind(one), "verbs": one["verbs"]}),
                );
            }
            continue;
        }
        let scope = match one["namespaced"] == true {
            true => "Namespaced",
            false => "Cluster",
        };
        let mut entry = json!({
            "resource": name, "responseKind": kind(one), "scope": scope, "singularResource": one["singularName"],
            "verbs": one["verbs"],
        });
        for key in ["shortNames", "categories"] {
            if one[key].is_array() {
                entry[key] = one[key].clone();
            }
        }
        resources.push(entry);
    }
    json!({"version": version, "resources": resources, "freshness": "Current"})
}
