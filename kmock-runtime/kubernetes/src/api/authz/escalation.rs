//! Nobody grants what they do not have: the checks of roles and bindings before they are stored.
//!
//! Rules of `pkg/registry/rbac/*/policybased`: free are members of `system:masters`, who may `escalate` roles or `bind`
//! the role; the others need all the rights themselves.

use serde_json::Value;

use super::special;
use crate::api::Call;
use crate::model::meta;
use crate::model::status::{ApiError, quoted};
use crate::state::access::rbac::rule::in_go;
use crate::state::access::rbac::{self, Rule, cover};

/// Checks a role or a binding that is about to be stored; `old` is what it was.
pub fn check(call: &Call, object: &Value, old: Option<&Value>) -> Result<(), ApiError> {
    let resource = call.resource();
    if resource.group != rbac::GROUP || !resource.is_built_in() || call.user.is_privileged() {
        return Ok(());
    }
    let (cluster, user) = (&call.cluster, &call.user);
    if !cluster.access().has_rbac() || old.is_some_and(|old| only_for_collectors(object, old)) {
        return Ok(());
    }
    let namespace = call.request.namespace();
    let plural = resource.plural.as_str();
    let refuse = |why: String| {
        let name = object["metadata"]["name"].as_str().unwrap_or_default();
        ApiError::forbidden(rbac::GROUP, plural, name, why)
    };
    let confirm = |rules: &[Rule]| confirm(call, namespace, rules);
    if matches!(plural, "roles" | "clusterroles") {
        let name = call.request.name();
        let escalate = special("escalate", rbac::GROUP, plural, namespace, name);
        if super::may(cluster, user, &escalate) {
            return Ok(());
        }
        confirm(&Rule::read_all(object)).map_err(refuse)?;
        let aggregates = |object: &Value| {
            object["aggregationRule"]["clusterRoleSelectors"]
                .as_array()
                .is_some_and(|selectors| !selectors.is_empty())
        };
        if aggregates(object) || old.is_some_and(aggregates) {
            let why = "must have cluster-admin privileges to use the aggregationRule";
            confirm(&Rule::everything()).map_err(|_| refuse(why.to_owned()))?;
        }
        return Ok(());
    }
    let role = &object["roleRef"];
    let text = |key: &str| role[key].as_str().unwrap_or_default();
    let resource = match text("kind") {
        "Role" => "roles",
        "ClusterRole" => "clusterroles",
        _ => "",
    };
    let bind = special("bind", text("apiGroup"), resource, namespace, text("name"));
    if super::may(cluster, user, &bind) {
        return Ok(());
    }
    let index = cluster.access().rbac(cluster.store());
    match index.rules_of(text("kind"), text("name"), namespace) {
        Ok(rules) => confirm(rules).map_err(refuse),
        Err(_) if !resource.is_empty() => {
            let kind = text("kind").to_lowercase();
            Err(ApiError::not_found(rbac::GROUP, &kind, text("name")))
        }
        Err(why) => Err(ApiError::unreasoned(why)),
    }
}

/// Whether somebody has all the rights that they are about to grant.
fn confirm(call: &Call, namespace: &str, rules: &[Rule]) -> Result<(), String> {
    let user = &call.user;
    let (own, lost) = super::rules_for(&call.cluster, user, namespace);
    let missing = cover::missing(&own, rules);
    if missing.is_empty() {
        return Ok(());
    }
    let mut why = format!(
        "user {} (groups={}) is attempting to grant RBAC permissions not currently held:\n{}",
        quoted(&user.name),
        in_go(&user.groups),
        cover::describe(missing)
    );
    if !lost.is_empty() {
        let lost = match lost.as_slice() {
            [one] => one.clone(),
            many => format!("[{}]", many.join(", ")),
        };
        why.push_str(&format!("; resolution errors: [{lost}]"));
    }
    Err(why)
}

/// Whether a change is only of what the garbage collector needs to let the object go.
fn only_for_collectors(new: &Value, old: &Value) -> bool {
    let mut same = new.clone();
    meta::edit(&mut same, |metadata| {
        for key in ["ownerReferences", "finalizers", "managedFields", "selfLink"] {
            meta::set(metadata, key, old["metadata"][key].clone());
        }
    });
    same == *old
}
