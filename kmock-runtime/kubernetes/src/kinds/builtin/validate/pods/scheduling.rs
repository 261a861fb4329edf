//! Where a pod may run: affinity, tolerations, spreading, gates.

use std::collections::{HashMap, HashSet};

use serde_json::Value;

use crate::kinds::builtin::validate::rules::{
    Faults, int, label_selector, label_values, maybe_one_of, text_field, texts, values_of,
};
use crate::kinds::builtin::values::{at, is_set, items, members, text};
use crate::model::meta::{
    label_faults, label_value_faults, qualified_name_faults, subdomain_faults,
};
use crate::model::status::FieldError;

const REQUIRED: &str = "requiredDuringSchedulingIgnoredDuringExecution";
const PREFERRED: &str = "preferredDuringSchedulingIgnoredDuringExecution";
const NO_OPERATOR: &str = "not a valid selector operator";

/// `affinity` of a pod.
pub(super) fn affinity(faults: &mut Faults, affinity: &Value, path: &str) {
    let nodes = at(affinity, &["nodeAffinity"]);
    if is_set(nodes, &[REQUIRED]) {
        let path = format!("{path}.nodeAffinity.{REQUIRED}");
        node_selector(faults, at(nodes, &[REQUIRED]), &path);
    }
    for (i, term) in items(nodes, &[PREFERRED]).iter().enumerate() {
        let path = format!("{path}.nodeAffinity.{PREFERRED}[{i}]");
        weight(faults, term, &path);
        let path = format!("{path}.preference");
        node_term(faults, at(term, &["preference"]), &path, false);
    }
    for kind in ["podAffinity", "podAntiAffinity"] {
        let pods = at(affinity, &[kind]);
        for (i, term) in items(pods, &[REQUIRED]).iter().enumerate() {
            pod_term(faults, term, &format!("{path}.{kind}.{REQUIRED}[{i}]"));
        }
        for (i, term) in items(pods, &[PREFERRED]).iter().enumerate() {
            let path = format!("{path}.{kind}.{PREFERRED}[{i}]");
            weight(faults, term, &path);
            let path = format!("{path}.podAffinityTerm");
            pod_term(faults, at(term, &["podAffinityTerm"]), &path);
        }
    }
}

fn weight(faults: &mut Faults, term: &Value, path: &str) {
    if !(1..=100).contains(&int(term, &["weight"])) {
        faults.push(FieldError::invalid(
            format!("{path}.weight"),
            &int(term, &["weight"]).into(),
            "must be in the range 1-100",
        ));
    }
}

/// A node selector: at least one term.
pub(in crate::kinds::builtin::validate) fn node_selector(
    faults: &mut Faults,
    selector: &Value,
    path: &str,
) {
    let terms = items(selector, &["nodeSelectorTerms"]);
    let path = format!("{path}.nodeSelectorTerms");
    if terms.is_empty() {
        faults.push(FieldError::required(
            path,
            "must have at least one node selector term",
        ));
        return;
    }
    for (i, term) in terms.iter().enumerate() {
        node_term(faults, term, &format!("{path}[{i}]"), true);
    }
}

fn node_term(faults: &mut Faults, term: &Value, path: &str, check_values: bool) {
    for (i, rule) in items(term, &["matchExpressions"]).iter().enumerate() {
        node_rule(
            faults,
            rule,
            &format!("{path}.matchExpressions[{i}]"),
            check_values,
        );
    }
    for (i, rule) in items(term, &["matchFields"]).iter().enumerate() {
        node_field(faults, rule, &format!("{path}.matchFields[{i}]"));
    }
}

fn node_rule(faults: &mut Faults, rule: &Value, path: &str, check_values: bool) {
    let values = items(rule, &["values"]);
    let operator = text(rule, &["operator"]);
    values_of(faults, path, operator, values.len());
    match operator {
        "Gt" | "Lt" if values.len() != 1 => faults.push(FieldError::required(
            format!("{path}.values"),
            "must be specified single value when `operator` is 'Lt' or 'Gt'",
        )),
        "In" | "NotIn" | "Exists" | "DoesNotExist" | "Gt" | "Lt" => {}
        other => faults.push(FieldError::invalid_text(
            format!("{path}.operator"),
            other,
            NO_OPERATOR,
        )),
    }
    text_field(faults, rule, path, "key", qualified_name_faults);
    if check_values {
        label_values(faults, path, values);
    }
}

/// Of a node's fields only its name can be asked for.
fn node_field(faults: &mut Faults, rule: &Value, path: &str) {
    let values = items(rule, &["values"]);
    match text(rule, &["operator"]) {
        "In" | "NotIn" if values.len() == 1 => {}
        "In" | "NotIn" => faults.push(FieldError::required(
            format!("{path}.values"),
            "must be only one value when `operator` is 'In' or 'NotIn' for node field selector",
        )),
        other => faults.push(FieldError::invalid_text(
            format!("{path}.operator"),
            other,
            NO_OPERATOR,
        )),
    }
    let key = text(rule, &["key"]);
    if key != "metadata.name" {
        faults.push(FieldError::invalid_text(
            format!("{path}.key"),
            key,
            "not a valid field selector key",
        ));
        return;
    }
    for (i, value) in values.iter().filter_map(Value::as_str).enumerate() {
        let path = format!("{path}.values[{i}]");
        texts(faults, &path, value, subdomain_faults(value));
    }
}

fn pod_term(faults: &mut Faults, term: &Value, path: &str) {
    for key in ["labelSelector", "namespaceSelector"] {
        label_selector(faults, &format!("{path}.{key}"), at(term, &[key]));
    }
    for name in items(term, &["namespaces"])
        .iter()
        .filter_map(Value::as_str)
    {
        texts(
            faults,
            &format!("{path}.namespace"),
            name,
            label_faults(name),
        );
    }
    label_keys(faults, term, path);
    let key = text(term, &["topologyKey"]);
    let path = format!("{path}.topologyKey");
    if key.is_empty() {
        faults.push(FieldError::required(&path, "can not be empty"));
    }
    texts(faults, &path, key, qualified_name_faults(key));
}

fn keys_of<'a>(term: &'a Value, key: &str) -> Vec<&'a str> {
    items(term, &[key])
        .iter()
        .filter_map(Value::as_str)
        .collect()
}

/// Labels of the pod itself that go into its selector.
fn label_keys(faults: &mut Faults, term: &Value, path: &str) {
    let selector = at(term, &["labelSelector"]);
    let (same, other) = (
        keys_of(term, "matchLabelKeys"),
        keys_of(term, "mismatchLabelKeys"),
    );
    for (name, keys) in [("matchLabelKeys", &same), ("mismatchLabelKeys", &other)] {
        let path = format!("{path}.{name}");
        if !keys.is_empty() && !selector.is_object() {
            faults.push(FieldError::forbidden(
                path,
                "must not be specified when labelSelector is not set",
            ));
            continue;
        }
        for (i, key) in keys.iter().enumerate() {
            texts(
                faults,
                &format!("{path}[{i}]"),
                key,
                qualified_name_faults(key),
            );
        }
    }
    let mut selected: HashSet<&str> = members(selector, &["matchLabels"])
        .into_iter()
        .map(|(key, _)| key)
        .collect();
    // Of a key that is named twice, the last place counts.
    let places: HashMap<&str, usize> = same.iter().enumerate().map(|(i, key)| (*key, i)).collect();
    for rule in items(selector, &["matchExpressions"]) {
        let key = text(rule, &["key"]);
        if let Some(i) = places.get(key)
            && selected.contains(&key)
        {
            faults.push(FieldError::invalid_text(
                format!("{path}[{i}]"),
                key,
                "exists in both matchLabelKeys and labelSelector",
            ));
        }
        selected.insert(key);
    }
    let other: HashSet<&str> = other.into_iter().collect();
    for (i, key) in same
        .iter()
        .enumerate()
        .filter(|(_, key)| other.contains(*key))
    {
        faults.push(FieldError::invalid_text(
            format!("{path}.matchLabelKeys[{i}]"),
            key,
            "exists in both matchLabelKeys and mismatchLabelKeys",
        ));
    }
}

/// `schedulingGates` of a pod.
pub(super) fn gates(faults: &mut Faults, spec: &Value, path: &str) {
    let mut names: HashSet<&str> = HashSet::new();
    for (i, gate) in items(spec, &["schedulingGates"]).iter().enumerate() {
        let name = text(gate, &["name"]);
        let path = format!("{path}[{i}]");
        texts(faults, &path, name, qualified_name_faults(name));
        if !names.insert(name) {
            faults.push(FieldError::duplicate(path, &name.into()));
        }
    }
}

/// `topologySpreadConstraints` of a pod.
pub(super) fn topology_spread(faults: &mut Faults, spec: &Value, path: &str) {
    let constraints = items(spec, &["topologySpreadConstraints"]);
    for (i, constraint) in constraints.iter().enumerate() {
        let path = format!("{path}[{i}]");
        let positive = |faults: &mut Faults, key: &str| {
            let number = int(constraint, &[key]);
            if number <= 0 {
                faults.push(FieldError::invalid(
                    format!("{path}.{key}"),
                    &number.into(),
                    "must be greater than zero",
                ));
            }
        };
        positive(faults, "maxSkew");
        let key = text(constraint, &["topologyKey"]);
        if key.is_empty() {
            faults.push(FieldError::required(
                format!("{path}.topologyKey"),
                "can not be empty",
            ));
        }
        let action = text(constraint, &["whenUnsatisfiable"]);
        maybe_one_of(
            faults,
            &format!("{path}.whenUnsatisfiable"),
            action,
            &["DoNotSchedule", "ScheduleAnyway"],
        );
        let again = constraints.iter().skip(i + 1).any(|later| {
            text(later, &["topologyKey"]) == key && text(later, &["whenUnsatisfiable"]) == action
        });
        if again {
            faults.push(FieldError::duplicate(
                format!("{path}.{{topologyKey, whenUnsatisfiable}}"),
                &format!("{{{key}, {action}}}").into(),
            ));
        }
        if is_set(constraint, &["minDomains"]) {
            positive(faults, "minDomains");
            if action != "DoNotSchedule" {
                faults.push(FieldError::invalid(
                    format!("{path}.minDomains"),
                    at(constraint, &["minDomains"]),
                    format!(
                        "can only use minDomains if whenUnsatisfiable=DoNotSchedule, not {action}"
                    ),
                ));
            }
        }
        for key in ["nodeAffinityPolicy", "nodeTaintsPolicy"] {
            super::optional_one_of(faults, constraint, key, &path, &["Honor", "Ignore"]);
        }
        label_keys(faults, constraint, &path);
        label_selector(
            faults,
            &format!("{path}.labelSelector"),
            at(constraint, &["labelSelector"]),
        );
    }
}

/// Tolerations of taints.
pub(in crate::kinds::builtin::validate) fn tolerations(
    faults: &mut Faults,
    spec: &Value,
    path: &str,
) {
    for (i, toleration) in items(spec, &["tolerations"]).iter().enumerate() {
        let path = format!("{path}[{i}]");
        let (key, operator, value, effect) = (
            text(toleration, &["key"]),
            text(toleration, &["operator"]),
            text(toleration, &["value"]),
            text(toleration, &["effect"]),
        );
        if !key.is_empty() {
            texts(
                faults,
                &format!("{path}.key"),
                key,
                qualified_name_faults(key),
            );
        }
        let operator_path = format!("{path}.operator");
        if key.is_empty() && operator != "Exists" {
            faults.push(FieldError::invalid_text(
                &operator_path,
                operator,
                "operator must be Exists when `key` is empty, which means \"match all values and all keys\"",
            ));
        }
        if is_set(toleration, &["tolerationSeconds"]) && effect != "NoExecute" {
            faults.push(FieldError::invalid_text(
                format!("{path}.effect"),
                effect,
                "effect must be 'NoExecute' when `tolerationSeconds` is set",
            ));
        }
        match operator {
            "" | "Equal" => {
                let wrong = label_value_faults(value);
                if !wrong.is_empty() {
                    faults.push(FieldError::invalid_text(
                        operator_path,
                        value,
                        wrong.join(";"),
                    ));
                }
            }
            "Exists" if !value.is_empty() => faults.push(FieldError::invalid_text(
                operator_path,
                value,
                "value must be empty when `operator` is 'Exists'",
            )),
            "Exists" => {}
            other => {
                let supported: &[&str] = if matches!(other, "Lt" | "Gt") {
                    &["Equal", "Exists", "Lt", "Gt"]
                } else {
                    &["Equal", "Exists"]
                };
                faults.push(FieldError::not_supported(
                    operator_path,
                    &other.into(),
                    supported,
                ));
            }
        }
        if !effect.is_empty() {
            maybe_one_of(
                faults,
                &format!("{path}.effect"),
                effect,
                &["NoSchedule", "PreferNoSchedule", "NoExecute"],
            );
        }
    }
}

/// A term of the topologies that a storage class allows.
pub(in crate::kinds::builtin::validate) fn topology_term(
    faults: &mut Faults,
    term: &Value,
    path: &str,
) {
    let mut keys: HashSet<&str> = HashSet::new();
    for (i, rule) in items(term, &["matchLabelExpressions"]).iter().enumerate() {
        let path = format!("{path}.matchLabelExpressions[{i}]");
        let values = keys_of(rule, "values");
        if values.is_empty() {
            faults.push(FieldError::required(format!("{path}.values"), ""));
        }
        let mut seen = HashSet::new();
        for (j, value) in values.iter().enumerate() {
            if !seen.insert(value) {
                faults.push(FieldError::duplicate(
                    format!("{path}.values[{j}]"),
                    &(*value).into(),
                ));
            }
        }
        text_field(faults, rule, &path, "key", qualified_name_faults);
        let key = text(rule, &["key"]);
        if !keys.insert(key) {
            faults.push(FieldError::duplicate(format!("{path}.key"), &key.into()));
        }
    }
}
