//! Access and token reviews: questions that are answered at once and stored nowhere.
//!
//! They say what the cluster's authorizer says: without RBAC everything is allowed, as by a server with
//! `--authorization-mode=AlwaysAllow`. Tokens are those that the cluster takes itself.

use std::borrow::Cow;

use serde_json::{Map, Value, json};

use crate::api::Call;
use crate::api::authn;
use crate::api::authz::{self, Decision};
use crate::kinds::builtin::gotypes::Struct;
use crate::kinds::builtin::values_of;
use crate::model::resource::Resource;
use crate::model::status::{ApiError, FieldError};
use crate::model::user::User;
use crate::state::access::rbac::{self, Rule};
use crate::state::access::{Attributes, ResourceAttributes, What};
use crate::wire::json;

/// Whether a resource is one of the reviews.
pub fn covers(resource: &Resource) -> bool {
    resource.is_built_in()
        && matches!(
            (resource.group.as_str(), resource.kind.as_str()),
            (
                "authorization.k8s.io",
                "LocalSubjectAccessReview"
                    | "SelfSubjectAccessReview"
                    | "SelfSubjectRulesReview"
                    | "SubjectAccessReview"
            ) | ("authentication.k8s.io", "SelfSubjectReview" | "TokenReview")
        )
}

/// Answers a review: sets its status.
pub fn answer(call: &Call, review: &mut Value) -> Result<(), ApiError> {
    let status = match call.resource().kind.as_str() {
        kind @ ("SelfSubjectAccessReview" | "SubjectAccessReview" | "LocalSubjectAccessReview") => {
            let faults = access_faults(kind, review);
            if !faults.is_empty() {
                // The server leaves out the kind here, and it shows.
                return Err(ApiError::invalid("authorization.k8s.io", "", "", &faults));
            }
            let namespace = text(&review["spec"]["resourceAttributes"], "namespace");
            if kind == "LocalSubjectAccessReview"
                && call.request.namespace() != namespace
                && !namespace.is_empty()
            {
                let wanted = call.request.namespace();
                let why =
                    format!("spec.resourceAttributes.namespace must match namespace: {wanted}");
                return Err(ApiError::bad_request(why));
            }
            let decision = decide(call, kind, &review["spec"]);
            let mut status = json!({"allowed": decision.allowed});
            if !decision.reason.is_empty() {
                status["reason"] = decision.reason.into();
            }
            let ignored = ignored_selectors(&review["spec"]["resourceAttributes"]);
            if !ignored.is_empty() {
                status["evaluationError"] = ignored.join("; ").into();
            }
            status
        }
        "SelfSubjectRulesReview" => {
            let namespace = text(&review["spec"], "namespace").to_owned();
            if namespace.is_empty() {
                return Err(ApiError::bad_request("no namespace on request"));
            }
            forget(review, json!({}));
            let (rules, lost) = authz::rules_for(&call.cluster, &call.user, &namespace);
            let (urls, resources): (Vec<_>, Vec<_>) =
                rules.iter().partition(|rule| !rule.urls.is_empty());
            let shown =
                |rules: &[&Rule]| rules.iter().map(|rule| rule.to_value()).collect::<Value>();
            let mut status = json!({
                "resourceRules": shown(&resources), "nonResourceRules": shown(&urls), "incomplete": false,
            });
            if !lost.is_empty() {
                status["evaluationError"] = rbac::index::join(&lost).into();
            }
            status
        }
        "TokenReview" => {
            let given = text(&review["spec"], "token").to_owned();
            if given.is_empty() {
                return Err(ApiError::bad_request(
                    "token is required for TokenReview in authentication",
                ));
            }
            let audiences = &review["spec"]["audiences"];
            token_status(
                call,
                &given,
                audiences.as_array().map(Vec::as_slice).unwrap_or_default(),
            )
        }
        _ => {
            let created = call.now.strftime("%Y-%m-%dT%H:%M:%SZ").to_string();
            forget(review, json!({"creationTimestamp": created}));
            json!({"userInfo": call.user.to_user_info()})
        }
    };
    if let Some(map) = review.as_object_mut() {
        map.insert("status".into(), status);
    }
    Ok(())
}

/// Asks the authorizer what the review asks.
fn decide(call: &Call, kind: &str, spec: &Value) -> Decision {
    let given = User {
        name: text(spec, "user").to_owned(),
        uid: text(spec, "uid").to_owned(),
        groups: texts(&spec["groups"]),
        extra: spec["extra"]
            .as_object()
            .into_iter()
            .flatten()
            .map(|(key, values)| (key.to_lowercase(), texts(values)))
            .collect(),
    };
    let user = match kind {
        "SelfSubjectAccessReview" => &*call.user,
        _ => &given,
    };
    let (resource, other) = (&spec["resourceAttributes"], &spec["nonResourceAttributes"]);
    let attributes = if resource.is_object() {
        let part = |key: &str| Cow::Borrowed(text(resource, key));
        Attributes::resource(
            part("verb"),
            ResourceAttributes {
                group: part("group"),
                version: part("version"),
                namespace: part("namespace"),
                resource: part("resource"),
                subresource: part("subresource"),
                name: part("name"),
                fields: selected_fields(&resource["fieldSelector"]).into(),
            },
        )
    } else {
        Attributes {
            verb: text(other, "verb").into(),
            what: What::Path(text(other, "path").into()),
        }
    };
    authz::authorize(&call.cluster, user, &attributes)
}

/// The field selector of a review, as requests write it: as it is, or from requirements for one value each.
fn selected_fields(selector: &Value) -> String {
    let requirements = selector["requirements"].as_array().into_iter().flatten();
    let terms = requirements.filter_map(|one| {
        let operator = match text(one, "operator") {
            "In" => "=",
            "NotIn" => "!=",
            _ => return None,
        };
        let values = texts(&one["values"]);
        let [value] = values.as_slice() else {
            return None;
        };
        Some(format!("{}{operator}{value}", text(one, "key")))
    });
    match text(selector, "rawSelector") {
        "" => terms.collect::<Vec<_>>().join(","),
        raw => raw.to_owned(),
    }
}

fn texts(list: &Value) -> Vec<String> {
    let items = list.as_array().into_iter().flatten();
    items.filter_map(Value::as_str).map(str::to_owned).collect()
}

/// These answers are new objects: they say nothing of what was asked.
fn forget(review: &mut Value, metadata: Value) {
    let Some(map) = review.as_object_mut() else {
        return;
    };
    map.insert("metadata".into(), metadata);
    if map.contains_key("spec") {
        map.insert("spec".into(), json!({}));
    }
}

/// Whom a token stands for. A token that is no good is an answer, not a failure.
fn token_status(call: &Call, given: &str, audiences: &[Value]) -> Value {
    let audiences: Vec<String> = audiences
        .iter()
        .filter_map(Value::as_str)
        .map(str::to_owned)
        .collect();
    match authn::tokens::review(&call.cluster, given, &audiences) {
        Ok(verified) => json!({
            "authenticated": true,
            "user": verified.user.to_user_info(),
            "audiences": verified.audiences,
        }),
        Err(why) => json!({"user": {}, "error": format!("[invalid bearer token, {why}]")}),
    }
}

fn access_faults(kind: &str, review: &Value) -> Vec<FieldError> {
    let spec = &review["spec"];
    let (resource, other) = (&spec["resourceAttributes"], &spec["nonResourceAttributes"]);
    let mut faults = Vec::new();
    if resource.is_object() && other.is_object() {
        let why = "cannot be specified in combination with resourceAttributes";
        faults.push(FieldError::invalid(
            "spec.nonResourceAttributes",
            &internal(other),
            why,
        ));
    }
    for kind in ["fieldSelector", "labelSelector"] {
        selector_faults(&mut faults, &resource[kind], kind);
    }
    if !resource.is_object() && !other.is_object() {
        let why = "exactly one of nonResourceAttributes or resourceAttributes must be specified";
        faults.push(FieldError::invalid(
            "spec.resourceAttributes",
            &Value::Null,
            why,
        ));
    }
    if kind != "SelfSubjectAccessReview" {
        let groups = spec["groups"]
            .as_array()
            .is_some_and(|groups| !groups.is_empty());
        if text(spec, "user").is_empty() && !groups {
            faults.push(FieldError::invalid_text(
                "spec.user",
                "",
                "at least one of user or group must be specified",
            ));
        }
    }
    let local = kind == "LocalSubjectAccessReview";
    let known = |key: &str| key == "managedFields" || local && key == "namespace";
    let metadata = &review["metadata"];
    if metadata.as_object().is_some_and(|map| {
        map.iter()
            .any(|(key, value)| !known(key) && !value.is_null())
    }) {
        let why = if local {
            "must be empty except for namespace"
        } else {
            "must be empty"
        };
        let shown = json::print(metadata, Struct::named("meta.v1.ObjectMeta"));
        let shown = String::from_utf8_lossy(&shown);
        faults.push(FieldError::new(
            "FieldValueInvalid",
            "metadata",
            format!("Invalid value: {shown}: {why}"),
        ));
    }
    if local {
        let namespace = text(resource, "namespace");
        if resource.is_object() && namespace != text(metadata, "namespace") {
            let field = "spec.resourceAttributes.namespace";
            faults.push(FieldError::invalid_text(
                field,
                namespace,
                "must match metadata.namespace",
            ));
        }
        if other.is_object() {
            let why = "disallowed on this kind of request";
            faults.push(FieldError::invalid(
                "spec.nonResourceAttributes",
                &internal(other),
                why,
            ));
        }
    }
    faults
}

/// A selector of what is asked for is given as text or as requirements.
fn selector_faults(faults: &mut Vec<FieldError>, selector: &Value, kind: &str) {
    if !selector.is_object() {
        return;
    }
    let path = format!("spec.resourceAttributes.{kind}");
    let requirements = selector["requirements"].as_array();
    let has_some = requirements.is_some_and(|requirements| !requirements.is_empty());
    match (text(selector, "rawSelector"), has_some) {
        ("", false) => {
            let why = format!("when {path} is specified, requirements or rawSelector is required");
            faults.push(FieldError::required(format!("{path}.requirements"), why));
        }
        (raw, true) if !raw.is_empty() => {
            let why = "may not specified at the same time as requirements";
            faults.push(FieldError::invalid_text(
                format!("{path}.rawSelector"),
                raw,
                why,
            ));
        }
        _ => {}
    }
    for (i, requirement) in requirements.into_iter().flatten().enumerate() {
        let path = format!("{path}.requirements[{i}]");
        let values = requirement["values"].as_array().map_or(0, Vec::len);
        values_of(faults, &path, text(requirement, "operator"), values);
    }
}

/// What the authorizer could not make of the selectors, and therefore did not look at.
fn ignored_selectors(attributes: &Value) -> Vec<String> {
    let count = |requirement: &Value| requirement["values"].as_array().map_or(0, Vec::len);
    let mut told = Vec::new();
    for kind in ["fieldSelector", "labelSelector"] {
        let of_labels = kind == "labelSelector";
        let understood = |requirement: &Value| match text(requirement, "operator") {
            "In" | "NotIn" => of_labels || count(requirement) == 1,
            "Exists" | "DoesNotExist" => of_labels,
            _ => false,
        };
        let requirements = attributes[kind]["requirements"].as_array();
        let all = requirements.map_or(0, Vec::len);
        let some = requirements
            .into_iter()
            .flatten()
            .filter(|x| understood(x))
            .count();
        if some < all {
            let partially = if some > 0 { "partially " } else { "" };
            told.push(format!(
                "spec.resourceAttributes.{kind} {partially}ignored due to parse error"
            ));
        }
    }
    told
}

/// The attributes as the server's internal type prints: with its Go field names, all of them.
fn internal(attributes: &Value) -> Value {
    let mut out = Map::new();
    out.insert("Path".into(), text(attributes, "path").into());
    out.insert("Verb".into(), text(attributes, "verb").into());
    Value::Object(out)
}

fn text<'a>(value: &'a Value, key: &str) -> &'a str {
    value.get(key).and_then(Value::as_str).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn attributes_are_one_or_the_other() {
        let faults =
            |kind: &str, spec: Value| access_faults(kind, &json!({"metadata": {}, "spec": spec}));
        assert!(
            faults(
                "SelfSubjectAccessReview",
                json!({"resourceAttributes": {"verb": "get"}})
            )
            .is_empty()
        );
        let both = json!({"resourceAttributes": {}, "nonResourceAttributes": {"path": "/x", "verb": "get"}});
        let both = faults("SelfSubjectAccessReview", both);
        assert_eq!(
            both[0].to_string(),
            "spec.nonResourceAttributes: Invalid value: {\"Path\":\"/x\",\"Verb\":\"get\"}: cannot be specified in \
             combination with resourceAttributes"
        );
        assert_eq!(faults("SubjectAccessReview", json!({})).len(), 2);
    }
}
