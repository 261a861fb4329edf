//! Admission webhooks: configurations, and the rules and conditions that admission policies share with them.
//!
//! Rules: `pkg/apis/admissionregistration/validation`. (CEL expressions are not compiled here.)

use std::collections::HashSet;

use serde_json::Value;

use super::rules::{Faults, label_selector, maybe_one_of, required, texts};
use crate::kinds::builtin::values::{at, is_set, items, text};
use crate::kinds::crd::webhook;
use crate::model::meta::{
    label_1035_faults, path_segment_faults, qualified_name_faults, subdomain_faults,
};
use crate::model::status::FieldError;

const OPERATIONS: [&str; 5] = ["*", "CONNECT", "CREATE", "DELETE", "UPDATE"];
const SCOPES: [&str; 3] = ["*", "Cluster", "Namespaced"];
/// So many conditions an admission plugin looks at.
const MOST_CONDITIONS: usize = 64;

/// A configuration of webhooks.
pub(in crate::kinds::builtin) fn configuration(
    faults: &mut Faults,
    object: &Value,
    mutating: bool,
) {
    let mut names: HashSet<&str> = HashSet::new();
    for (i, hook) in items(object, &["webhooks"]).iter().enumerate() {
        let path = format!("webhooks[{i}]");
        let name = text(hook, &["name"]);
        webhook_faults(faults, hook, &path, mutating);
        review_versions(faults, hook, &format!("{path}.admissionReviewVersions"));
        if !names.insert(name) && !name.is_empty() {
            faults.push(FieldError::duplicate(format!("{path}.name"), &name.into()));
        }
    }
}

fn webhook_faults(faults: &mut Faults, hook: &Value, path: &str, mutating: bool) {
    fully_qualified(faults, &format!("{path}.name"), text(hook, &["name"]));
    for (i, rule) in items(hook, &["rules"]).iter().enumerate() {
        operation_rule(faults, rule, &format!("{path}.rules[{i}]"));
    }
    let enums: [(&str, &[&str]); 2] = [
        ("failurePolicy", &["Fail", "Ignore"]),
        ("matchPolicy", &["Equivalent", "Exact"]),
    ];
    for (key, supported) in enums {
        if is_set(hook, &[key]) {
            maybe_one_of(
                faults,
                &format!("{path}.{key}"),
                text(hook, &[key]),
                supported,
            );
        }
    }
    if is_set(hook, &["sideEffects"]) {
        let effects = text(hook, &["sideEffects"]);
        let supported = ["None", "NoneOnDryRun"];
        maybe_one_of(faults, &format!("{path}.sideEffects"), effects, &supported);
    } else {
        faults.push(FieldError::required(
            format!("{path}.sideEffects"),
            "must specify one of None, NoneOnDryRun",
        ));
    }
    let seconds = at(hook, &["timeoutSeconds"]);
    if seconds.as_i64().is_some_and(|n| !(1..=30).contains(&n)) {
        faults.push(FieldError::invalid(
            format!("{path}.timeoutSeconds"),
            seconds,
            "the timeout value must be between 1 and 30 seconds",
        ));
    }
    for key in ["namespaceSelector", "objectSelector"] {
        label_selector(faults, &format!("{path}.{key}"), at(hook, &[key]));
    }
    if mutating && is_set(hook, &["reinvocationPolicy"]) {
        let policy = text(hook, &["reinvocationPolicy"]);
        let path = format!("{path}.reinvocationPolicy");
        maybe_one_of(faults, &path, policy, &["IfNeeded", "Never"]);
    }
    let config = at(hook, &["clientConfig"]);
    let path_of = |key: &str| format!("{path}.clientConfig{key}");
    match (is_set(config, &["url"]), is_set(config, &["service"])) {
        (true, false) => faults.extend(webhook::url(&path_of(".url"), text(config, &["url"]))),
        (false, true) => {
            let service = at(config, &["service"]);
            faults.extend(webhook::service(&path_of(".service"), service));
        }
        _ => faults.push(FieldError::required(
            path_of(""),
            "exactly one of url or service is required",
        )),
    }
    conditions(faults, hook, path, false);
}

fn review_versions(faults: &mut Faults, hook: &Value, path: &str) {
    let versions = items(hook, &["admissionReviewVersions"]);
    if versions.is_empty() {
        faults.push(FieldError::required(
            path,
            "must specify one of v1, v1beta1",
        ));
        return;
    }
    for (i, version) in versions.iter().enumerate() {
        let (path, version_text) = (format!("{path}[{i}]"), version.as_str().unwrap_or_default());
        if versions.iter().take(i).any(|other| other == version) {
            faults.push(FieldError::invalid(path, version, "duplicate version"));
        } else {
            texts(faults, &path, version_text, label_1035_faults(version_text));
        }
    }
    if !versions.iter().any(|v| v == "v1" || v == "v1beta1") {
        faults.push(FieldError::invalid(
            path,
            at(hook, &["admissionReviewVersions"]),
            "must include at least one of v1, v1beta1",
        ));
    }
}

/// A name of a domain with three parts at least.
fn fully_qualified(faults: &mut Faults, path: &str, name: &str) {
    let wrong = subdomain_faults(name);
    if name.is_empty() {
        faults.push(FieldError::required(path, ""));
    } else if !wrong.is_empty() {
        faults.push(FieldError::invalid_text(path, name, wrong.join(",")));
    } else if name.split('.').count() < 3 {
        faults.push(FieldError::invalid_text(
            path,
            name,
            "should be a domain with at least three segments separated by dots",
        ));
    }
}

/// What a policy or its binding looks at.
pub(super) fn match_resources(faults: &mut Faults, matched: &Value, path: &str) {
    if !matched.is_object() {
        return;
    }
    let policy = format!("{path}.matchPolicy");
    if is_set(matched, &["matchPolicy"]) {
        let given = text(matched, &["matchPolicy"]);
        maybe_one_of(faults, &policy, given, &["Equivalent", "Exact"]);
    } else {
        faults.push(FieldError::required(policy, ""));
    }
    for key in ["namespaceSelector", "objectSelector"] {
        label_selector(faults, &format!("{path}.{key}"), at(matched, &[key]));
    }
    for key in ["resourceRules", "excludeResourceRules"] {
        for (i, rule) in items(matched, &[key]).iter().enumerate() {
            let path = format!("{path}.{key}[{i}]");
            let names = items(rule, &["resourceNames"]);
            let mut seen = HashSet::new();
            for (j, name) in names.iter().enumerate() {
                let path = format!("{path}.resourceNames[{j}]");
                let name_text = name.as_str().unwrap_or_default();
                texts(faults, &path, name_text, path_segment_faults(name_text));
                if !seen.insert(name) {
                    faults.push(FieldError::duplicate(path, name));
                }
            }
            operation_rule(faults, rule, &path);
        }
    }
}

fn operation_rule(faults: &mut Faults, rule: &Value, path: &str) {
    let operations = format!("{path}.operations");
    not_with_star(faults, rule, "operations", &operations, "operations");
    for (i, operation) in items(rule, &["operations"]).iter().enumerate() {
        let operation = operation.as_str().unwrap_or_default();
        maybe_one_of(
            faults,
            &format!("{operations}[{i}]"),
            operation,
            &OPERATIONS,
        );
    }
    not_with_star(
        faults,
        rule,
        "apiGroups",
        &format!("{path}.apiGroups"),
        "API groups",
    );
    let versions = format!("{path}.apiVersions");
    not_with_star(faults, rule, "apiVersions", &versions, "API versions");
    for (i, version) in items(rule, &["apiVersions"]).iter().enumerate() {
        required(
            faults,
            &format!("{versions}[{i}]"),
            version.as_str().unwrap_or_default(),
        );
    }
    resources(faults, rule, &format!("{path}.resources"));
    if is_set(rule, &["scope"]) {
        maybe_one_of(
            faults,
            &format!("{path}.scope"),
            text(rule, &["scope"]),
            &SCOPES,
        );
    }
}

/// A list that must not be empty, and that `*` must have for itself.
fn not_with_star(faults: &mut Faults, rule: &Value, key: &str, path: &str, of: &str) {
    let list = items(rule, &[key]);
    if list.is_empty() {
        faults.push(FieldError::required(path, ""));
    }
    if list.len() > 1 && list.iter().any(|x| x == "*") {
        faults.push(FieldError::invalid(
            path,
            at(rule, &[key]),
            format!("if '*' is present, must not specify other {of}"),
        ));
    }
}

fn resources(faults: &mut Faults, rule: &Value, path: &str) {
    let list = items(rule, &["resources"]);
    if list.is_empty() {
        faults.push(FieldError::required(path, ""));
    }
    let (mut whole, mut everywhere): (Vec<&str>, Vec<&str>) = (Vec::new(), Vec::new());
    let mut plain = false;
    for (i, name) in list.iter().enumerate() {
        let (path, name) = (format!("{path}[{i}]"), name.as_str().unwrap_or_default());
        if name.is_empty() {
            faults.push(FieldError::required(path, ""));
            continue;
        }
        let Some((resource, subresource)) = name.split_once('/') else {
            // The last one without a subresource decides.
            plain = name != "*";
            continue;
        };
        let stars = [
            (whole.contains(&resource), format!("{resource}/*")),
            (
                everywhere.contains(&subresource),
                format!("*/{subresource}"),
            ),
        ];
        for (_, star) in stars.iter().filter(|(present, _)| *present) {
            let why = format!("if '{star}' is present, must not specify {name}");
            faults.push(FieldError::invalid_text(&path, name, why));
        }
        if subresource == "*" {
            whole.push(resource);
        }
        if resource == "*" {
            everywhere.push(subresource);
        }
    }
    let all = at(rule, &["resources"]);
    if list.len() > 1 && list.iter().any(|x| x == "*/*") {
        let why = "if '*/*' is present, must not specify other resources";
        faults.push(FieldError::invalid(path, all, why));
    }
    if plain && list.iter().any(|x| x == "*") {
        let why = "if '*' is present, must not specify other resources without subresources";
        faults.push(FieldError::invalid(path, all, why));
    }
}

/// The `matchConditions` of a webhook or policy.
pub(super) fn conditions(faults: &mut Faults, owner: &Value, path: &str, params: bool) {
    #[cfg(feature = "cel")]
    super::expressions::conditions(faults, owner, path, params);
    #[cfg(not(feature = "cel"))]
    let _ = params;
    let path = format!("{path}.matchConditions");
    let list = items(owner, &["matchConditions"]);
    if list.len() > MOST_CONDITIONS {
        faults.push(FieldError::too_many(
            path.as_str(),
            list.len(),
            MOST_CONDITIONS,
        ));
    }
    let name_of = |condition| text(condition, &["name"]);
    for (i, condition) in list.iter().enumerate() {
        let path = format!("{path}[{i}]");
        let expression = text(condition, &["expression"]).trim();
        required(faults, &format!("{path}.expression"), expression);
        let (path, name) = (format!("{path}.name"), name_of(condition));
        if name.is_empty() {
            faults.push(FieldError::required(path, ""));
            continue;
        }
        texts(faults, &path, name, qualified_name_faults(name));
        if list.iter().take(i).any(|other| name_of(other) == name) {
            faults.push(FieldError::duplicate(path, &name.into()));
        }
    }
}
