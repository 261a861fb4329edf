//! POST to a ServiceAccount's `token`.

use jiff::SignedDuration;
use serde_json::{Value, json};

use super::admission::{self, Attributes};
use super::body::{self, BodyShape, Target};
use super::call::Call;
use super::reply::{Body, Reply};
use super::write_options::write_options;
use super::{managed, write};
use crate::api::authn::tokens::{self, ISSUER};
use crate::kinds::builtin::tokens::lifetime_fault;
use crate::model::meta::{self, rfc3339};
use crate::model::resource::ResourceKey;
use crate::model::status::{ApiError, FieldError, quoted};
use crate::state::cluster::Cluster;
use crate::state::store::StoredObject;

static TOKEN_REQUEST: BodyShape = BodyShape("authentication.v1.TokenRequest");

const HOUR: i64 = 3600;

/// Issues a token, which the cluster knows again when it comes back.
pub async fn request(call: &Call, warnings: &mut Vec<String>) -> Result<Reply, ApiError> {
    body::check_media_type(call)?;
    let options = write_options(call, "CreateOptions", None)?;
    let target = Target {
        group: "authentication.k8s.io",
        version: "v1",
        kind: "TokenRequest",
        built_in: true,
        codec: &TOKEN_REQUEST,
    };
    let mut request = body::read(call, target, &options, warnings)?;
    if request["spec"]["expirationSeconds"].is_null() && request.is_object() {
        request["spec"]["expirationSeconds"] = HOUR.into();
    }
    write::ensure_namespace(call, &mut request)?;
    let asked = Attributes::create_other(call, target, call.request.name(), &options);
    admission::mutate(&asked, &mut request, warnings).await?;
    let account = call.find(call.request.name())?;
    let uid = request["metadata"]["uid"].as_str().unwrap_or_default();
    if !uid.is_empty() && uid != account.uid() {
        let why = format!(
            "the UID in the token request ({uid}) does not match the UID of the service account ({})",
            account.uid()
        );
        let name = account.name();
        return Err(ApiError::conflict(
            "authentication.k8s.io",
            "TokenRequest",
            name,
            why,
        ));
    }
    let invalid = |name: &str, fault| {
        ApiError::invalid("authentication.k8s.io", "TokenRequest", name, &[fault])
    };
    let sent_name = request["metadata"]["name"].as_str().unwrap_or_default();
    if !sent_name.is_empty() && sent_name != account.name() {
        let why = "must match the service account name if specified";
        return Err(invalid(
            account.name(),
            FieldError::invalid_text("metadata.name", sent_name, why),
        ));
    }
    let spec = &request["spec"];
    let seconds = spec["expirationSeconds"].as_i64().unwrap_or_default();
    if let Some(why) = lifetime_fault(seconds) {
        return Err(invalid(
            "",
            FieldError::invalid("spec.expirationSeconds", &seconds.into(), why),
        ));
    }
    admission::validate(&asked, &request, warnings).await?;
    let bound = check_bound_object(call, &spec["boundObjectRef"])?;
    let audiences = match spec["audiences"].as_array() {
        Some(audiences) if !audiences.is_empty() => audiences.clone(),
        _ => vec![ISSUER.into()],
    };
    let expires = call
        .now
        .checked_add(SignedDuration::from_secs(seconds))
        .unwrap_or(call.now);
    managed::update_target(&call.scope(), target, None, &mut request, &options.manager);
    let managers = request["metadata"]["managedFields"].take();
    let token = issue(
        &call.cluster,
        &account,
        &audiences,
        expires.as_second(),
        &bound,
    );
    let mut answer = json!({
        "kind": "TokenRequest", "apiVersion": "authentication.k8s.io/v1",
        "metadata": {
            "name": account.name(), "namespace": account.namespace(), "uid": account.uid(),
            "creationTimestamp": rfc3339(call.now),
        },
        "spec": {"audiences": audiences, "expirationSeconds": seconds, "boundObjectRef": bound},
        "status": {"token": token, "expirationTimestamp": rfc3339(expires)},
    });
    meta::edit(&mut answer, |metadata| {
        meta::set(metadata, "managedFields", managers);
    });
    Ok(Reply::new(201, Body::Value(answer)))
}

/// What a token is bound to must exist; its uid is filled in.
fn check_bound_object(call: &Call, bound: &Value) -> Result<Value, ApiError> {
    if bound.is_null() {
        return Ok(Value::Null);
    }
    let text = |key: &str| bound[key].as_str().unwrap_or_default();
    let namespace = call.request.namespace();
    let (kind, name) = (text("kind"), text("name"));
    let (plural, key) = match (kind, text("apiVersion")) {
        ("Pod", "v1") => ("pods", format!("{namespace}/{name}")),
        ("Secret", "v1") => ("secrets", format!("{namespace}/{name}")),
        ("Node", "v1") => ("nodes", name.to_owned()),
        (kind, version) => {
            let version = if version.contains('/') {
                version.to_owned()
            } else {
                format!("/{version}")
            };
            return Err(ApiError::bad_request(format!(
                "cannot bind token to object of type {version}, Kind={kind}"
            )));
        }
    };
    let Some(found) = call
        .cluster
        .store()
        .get(&ResourceKey::new("", plural), &key)
    else {
        return Err(ApiError::not_found("", plural, name));
    };
    let uid = text("uid");
    if !uid.is_empty() && uid != found.uid() {
        let why = format!(
            "the UID in the bound object reference ({uid}) does not match the UID in record. The object might have been deleted and then recreated"
        );
        return Err(ApiError::conflict("", kind, name, why));
    }
    let runs_as = found.value["spec"]["serviceAccountName"].as_str();
    if kind == "Pod" && runs_as.unwrap_or_default() != call.request.name() {
        return Err(ApiError::bad_request(format!(
            "cannot bind token for serviceaccount {} to pod running with different serviceaccount name.",
            quoted(call.request.name())
        )));
    }
    Ok(bound.clone())
}

/// Issues a token of an account, for some audiences, until a moment (in seconds since the epoch), bound to an object
/// (or to null).
pub fn issue(
    cluster: &Cluster,
    account: &StoredObject,
    audiences: &[Value],
    expires: i64,
    bound: &Value,
) -> String {
    let (namespace, name) = (account.namespace(), account.name());
    let issued = cluster.now().as_second();
    let mut kubernetes =
        json!({"namespace": namespace, "serviceaccount": {"name": name, "uid": account.uid()}});
    let core = |plural: &str, key: &str| {
        let store = cluster.store();
        store.get(&ResourceKey::new("", plural), key)
    };
    if let Some(kind) = bound["kind"].as_str() {
        let kind = kind.to_lowercase();
        let name = bound["name"].as_str().unwrap_or_default();
        let key = match kind.as_str() {
            "node" => name.to_owned(),
            _ => format!("{namespace}/{name}"),
        };
        let found = core(&format!("{kind}s"), &key);
        let reference = |name: &str, object: Option<&StoredObject>| match object {
            Some(object) => json!({"name": name, "uid": object.uid()}),
            None => json!({"name": name}),
        };
        // What runs on a node says so.
        let node = found.as_deref().and_then(|found| {
            let node = found.value["spec"]["nodeName"].as_str();
            node.filter(|node| kind == "pod" && !node.is_empty())
        });
        if let Some(node) = node {
            kubernetes["node"] = reference(node, core("nodes", node).as_deref());
        }
        kubernetes[kind] = reference(name, found.as_deref());
    }
    let claims = json!({
        "aud": audiences, "exp": expires, "iat": issued, "nbf": issued, "iss": ISSUER,
        "jti": cluster.next_uid(), "kubernetes.io": kubernetes,
        "sub": format!("system:serviceaccount:{namespace}:{name}"),
    });
    tokens::sign(cluster, &claims)
}
