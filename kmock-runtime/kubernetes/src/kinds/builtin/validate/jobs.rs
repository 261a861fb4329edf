//! Jobs: how their pods are counted, when they have failed or succeeded, and what may change of them.

use serde_json::Value;

use super::pods;
use super::rules::{
    Faults, IMMUTABLE, domain_prefixed, immutable, invalid_internal, invalid_struct,
    label_selector, maybe_one_of, not_negative, same, selects, shown_map,
};
use crate::kinds::builtin::values::{at, copy, int, is_set, items, members, text, truth};
use crate::model::meta::{label_faults, qualified_name_faults};
use crate::model::status::{FieldError, quoted};

const SELECTOR: &str = "meta.v1.LabelSelector";
/// The most pods at once, and the most failed indexes, of an indexed job.
const MOST_INDEXED: i64 = 100_000;
/// The same where each of very many indexes is counted for itself.
const MOST_OF_MANY: i64 = 10_000;
const MOST_RULES: usize = 20;
const MOST_EXIT_CODES: usize = 255;
const LONGEST_MANAGER: usize = 63;
const LONGEST_INDEXES: usize = 64 * 1024;

/// A new job, or a job as a change leaves it.
pub(in crate::kinds::builtin) fn job(faults: &mut Faults, object: &Value, is_new: bool) {
    let spec = at(object, &["spec"]);
    if is_new {
        generated_selector(faults, object);
    }
    with_selector(faults, spec);
    let completions = int(spec, &["completions"]);
    if text(spec, &["completionMode"]) == "Indexed" && completions > 0 {
        let name = text(object, &["metadata", "name"]);
        let last = format!("{name}-{}", completions - 1);
        if !label_faults(&last).is_empty() {
            faults.push(FieldError::invalid_text(
                "metadata.name",
                name,
                format!("will not able to create pod with invalid DNS label: {last}"),
            ));
        }
    }
}

/// A job that selects by its uid must have a template with the labels that go with it.
fn generated_selector(faults: &mut Faults, object: &Value) {
    let selector = at(object, &["spec", "selector"]);
    if truth(object, &["spec", "manualSelector"]) || !selector.is_object() {
        return;
    }
    let labels = at(object, &["spec", "template", "metadata", "labels"]);
    let expected: serde_json::Map<String, Value> = [
        ("controller-uid", "uid"),
        ("job-name", "name"),
        ("batch.kubernetes.io/controller-uid", "uid"),
        ("batch.kubernetes.io/job-name", "name"),
    ]
    .into_iter()
    .map(|(label, key)| (label.to_owned(), at(object, &["metadata", key]).clone()))
    .collect();
    for (label, value) in &expected {
        let wanted = value.as_str().unwrap_or_default();
        let path = format!("spec.template.metadata.labels[{label}]");
        let why = format!("must be '{wanted}'");
        match at(labels, &[label]).as_str() {
            None => faults.push(FieldError::required(path, why)),
            Some(found) if found != wanted => faults.push(FieldError::new(
                "FieldValueInvalid",
                path,
                format!("Invalid value: {}: {why}", shown_map(labels)),
            )),
            Some(_) => {}
        }
    }
    if can_be_read(selector) && !selects(selector, &Value::Object(expected)) {
        faults.push(invalid_struct(
            "spec.selector",
            SELECTOR,
            selector,
            "`selector` not auto-generated",
        ));
    }
}

fn can_be_read(selector: &Value) -> bool {
    let mut wrong = Faults::new();
    label_selector(&mut wrong, "", selector);
    wrong.is_empty()
}

fn with_selector(faults: &mut Faults, spec: &Value) {
    job_spec(faults, spec, "spec");
    let selector = at(spec, &["selector"]);
    if selector.is_object() {
        label_selector(faults, "spec.selector", selector);
    } else {
        faults.push(FieldError::required("spec.selector", ""));
    }
    let labels = at(spec, &["template", "metadata", "labels"]);
    if can_be_read(selector) && !selects(selector, labels) {
        faults.push(FieldError::new(
            "FieldValueInvalid",
            "spec.template.metadata.labels",
            format!(
                "Invalid value: {}: `selector` does not match template `labels`",
                shown_map(labels)
            ),
        ));
    }
}

/// The spec of a job, or of the template of one.
pub(super) fn job_spec(faults: &mut Faults, spec: &Value, path: &str) {
    not_negative(
        faults,
        spec,
        &[
            "parallelism",
            "completions",
            "activeDeadlineSeconds",
            "backoffLimit",
            "ttlSecondsAfterFinished",
            "backoffLimitPerIndex",
            "maxFailedIndexes",
        ],
        path,
    );
    let counts_indexes = is_set(spec, &["backoffLimitPerIndex"]);
    if is_set(spec, &["maxFailedIndexes"]) && !counts_indexes {
        faults.push(FieldError::required(
            format!("{path}.backoffLimitPerIndex"),
            "when maxFailedIndexes is specified",
        ));
    }
    if let Some(manager) = at(spec, &["managedBy"]).as_str() {
        let path = format!("{path}.managedBy");
        domain_prefixed(faults, &path, manager);
        if manager.len() > LONGEST_MANAGER {
            faults.push(FieldError::too_long(path, LONGEST_MANAGER));
        }
    }
    completion_mode(faults, spec, path);
    if is_set(spec, &["podFailurePolicy"]) {
        let rules = items(spec, &["podFailurePolicy", "rules"]);
        let path = format!("{path}.podFailurePolicy.rules");
        at_most(faults, &path, rules.len(), MOST_RULES);
        for (i, rule) in rules.iter().enumerate() {
            failure_rule(faults, spec, rule, &format!("{path}[{i}]"));
        }
    }
    success_policy(faults, spec, &format!("{path}.successPolicy"));
    if let Some(replacement) = at(spec, &["podReplacementPolicy"]).as_str() {
        let supported: &[&str] = if is_set(spec, &["podFailurePolicy"]) {
            &["Failed"]
        } else {
            &["Failed", "TerminatingOrFailed"]
        };
        let path = format!("{path}.podReplacementPolicy");
        maybe_one_of(faults, &path, replacement, supported);
    }
    let template = at(spec, &["template"]);
    pods::template(faults, template, &format!("{path}.template"));
    let restart_path = format!("{path}.template.spec.restartPolicy");
    match text(template, &["spec", "restartPolicy"]) {
        // It is defaulted: who did not say anything is told what to say.
        "Always" | "" => faults.push(FieldError::required(
            restart_path,
            "valid values: \"OnFailure\", \"Never\"",
        )),
        "OnFailure" if is_set(spec, &["podFailurePolicy"]) => {
            faults.push(FieldError::invalid_text(
                restart_path,
                "OnFailure",
                "only \"Never\" is supported when podFailurePolicy is specified",
            ));
        }
        other => maybe_one_of(faults, &restart_path, other, &["OnFailure", "Never"]),
    }
}

fn at_most(faults: &mut Faults, path: &str, found: usize, most: usize) {
    if found > most {
        faults.push(FieldError::too_many(path, found, most));
    }
}

fn completion_mode(faults: &mut Faults, spec: &Value, path: &str) {
    let number = |key: &str| at(spec, &[key]).as_i64();
    let (completions, parallelism, failed, backoff) = (
        number("completions"),
        number("parallelism"),
        number("maxFailedIndexes"),
        number("backoffLimitPerIndex"),
    );
    let mode = at(spec, &["completionMode"]).as_str();
    if let Some(mode) = mode {
        let path = format!("{path}.completionMode");
        maybe_one_of(faults, &path, mode, &["NonIndexed", "Indexed"]);
    }
    let mut wrong = |key: &str, value: i64, why: &str| {
        let path = format!("{path}.{key}");
        faults.push(FieldError::invalid(path, &value.into(), why));
    };
    if matches!(mode, None | Some("NonIndexed")) {
        let why = "requires indexed completion mode";
        for (key, value) in [
            ("backoffLimitPerIndex", backoff),
            ("maxFailedIndexes", failed),
        ] {
            if let Some(value) = value {
                wrong(key, value, why);
            }
        }
    }
    if mode != Some("Indexed") {
        return;
    }
    if completions.is_none() {
        faults.push(FieldError::required(
            format!("{path}.completions"),
            "when completion mode is Indexed",
        ));
    }
    let mut limit = |key: &str, value: Option<i64>, most: i64, why: &str| {
        if let Some(value) = value.filter(|n| *n > most) {
            let why = format!("must be less than or equal to {why}");
            faults.push(FieldError::invalid(
                format!("{path}.{key}"),
                &value.into(),
                why,
            ));
        }
    };
    let when = format!("{MOST_INDEXED} when completion mode is Indexed");
    limit("parallelism", parallelism, MOST_INDEXED, &when);
    if let Some(completions) = completions {
        limit("maxFailedIndexes", failed, completions, "completions");
    }
    let most = MOST_INDEXED.to_string();
    limit("maxFailedIndexes", failed, MOST_INDEXED, &most);
    if completions.is_some_and(|n| n > MOST_INDEXED) && backoff.is_some() {
        if failed.is_none() {
            faults.push(FieldError::required(
                format!("{path}.maxFailedIndexes"),
                format!("must be specified when completions is above {MOST_INDEXED}"),
            ));
        }
        let mut limit = |key: &str, value: Option<i64>| {
            if let Some(value) = value.filter(|n| *n > MOST_OF_MANY) {
                faults.push(FieldError::invalid(
                    format!("{path}.{key}"),
                    &value.into(),
                    format!(
                        "must be less than or equal to {MOST_OF_MANY} when completions are above {MOST_INDEXED} and \
                         used with backoff limit per index"
                    ),
                ));
            }
        };
        limit("parallelism", parallelism);
        limit("maxFailedIndexes", failed);
    }
}

fn failure_rule(faults: &mut Faults, spec: &Value, rule: &Value, path: &str) {
    const ACTIONS: [&str; 4] = ["Count", "FailIndex", "FailJob", "Ignore"];
    let action = text(rule, &["action"]);
    let action_path = format!("{path}.action");
    if action == "FailIndex" && !is_set(spec, &["backoffLimitPerIndex"]) {
        let why = "requires the backoffLimitPerIndex to be set";
        faults.push(FieldError::invalid_text(action_path, action, why));
    } else {
        choice(faults, &action_path, action, &ACTIONS);
    }
    let codes = at(rule, &["onExitCodes"]);
    if codes.is_object() {
        exit_codes(faults, spec, codes, &format!("{path}.onExitCodes"));
    }
    let conditions = items(rule, &["onPodConditions"]);
    let conditions_path = format!("{path}.onPodConditions");
    at_most(faults, &conditions_path, conditions.len(), MOST_RULES);
    for (i, condition) in conditions.iter().enumerate() {
        let path = format!("{conditions_path}[{i}]");
        let ty = text(condition, &["type"]);
        super::rules::texts(
            faults,
            &format!("{path}.type"),
            ty,
            qualified_name_faults(ty),
        );
        let status = text(condition, &["status"]);
        choice(
            faults,
            &format!("{path}.status"),
            status,
            &["False", "True", "Unknown"],
        );
    }
    let why = match (codes.is_object(), conditions.is_empty()) {
        (true, false) => "specifying both OnExitCodes and OnPodConditions is not supported",
        (false, true) => "specifying one of OnExitCodes and OnPodConditions is required",
        _ => return,
    };
    faults.push(FieldError::invalid_omitted(path, why));
}

/// A text out of a few; who gave none is told which there are.
fn choice(faults: &mut Faults, path: &str, value: &str, supported: &[&str]) {
    if value.is_empty() {
        let list: Vec<String> = supported.iter().map(|text| quoted(text)).collect();
        let why = format!("valid values: [{}]", list.join(" "));
        faults.push(FieldError::required(path, why));
    } else {
        maybe_one_of(faults, path, value, supported);
    }
}

fn exit_codes(faults: &mut Faults, spec: &Value, codes: &Value, path: &str) {
    let operator = text(codes, &["operator"]);
    choice(
        faults,
        &format!("{path}.operator"),
        operator,
        &["In", "NotIn"],
    );
    if let Some(name) = at(codes, &["containerName"]).as_str() {
        let is_there = ["containers", "initContainers"].iter().any(|list| {
            items(spec, &["template", "spec", list])
                .iter()
                .any(|container| text(container, &["name"]) == name)
        });
        if !is_there {
            faults.push(FieldError::invalid_text(
                format!("{path}.containerName"),
                name,
                "must be one of the container or initContainer names in the pod template",
            ));
        }
    }
    let path = format!("{path}.values");
    let values = items(codes, &["values"]);
    if values.is_empty() {
        let why = "at least one value is required";
        faults.push(FieldError::invalid(&path, at(codes, &["values"]), why));
    }
    at_most(faults, &path, values.len(), MOST_EXIT_CODES);
    for (i, code) in values.iter().enumerate() {
        let path = format!("{path}[{i}]");
        if operator == "In" && code == 0 {
            let why = "must not be 0 for the In operator";
            faults.push(FieldError::invalid(&path, code, why));
        }
        if values.iter().take(i).any(|earlier| earlier == code) {
            faults.push(FieldError::duplicate(path, code));
        }
    }
    if !values.is_sorted_by_key(Value::as_i64) {
        let all = at(codes, &["values"]);
        faults.push(FieldError::invalid(path, all, "must be ordered"));
    }
}

fn success_policy(faults: &mut Faults, spec: &Value, path: &str) {
    let policy = at(spec, &["successPolicy"]);
    if !policy.is_object() {
        return;
    }
    if text(spec, &["completionMode"]) != "Indexed" {
        faults.push(invalid_internal(
            path,
            "batch.v1.SuccessPolicy",
            policy,
            "requires indexed completion mode",
        ));
        return;
    }
    let rules = items(policy, &["rules"]);
    let path = format!("{path}.rules");
    if rules.is_empty() {
        let why = "at least one rules must be specified when the successPolicy is specified";
        faults.push(FieldError::required(&path, why));
    }
    at_most(faults, &path, rules.len(), MOST_RULES);
    for (i, rule) in rules.iter().enumerate() {
        success_rule(
            faults,
            rule,
            int(spec, &["completions"]),
            &format!("{path}[{i}]"),
        );
    }
}

fn success_rule(faults: &mut Faults, rule: &Value, completions: i64, path: &str) {
    let listed = at(rule, &["succeededIndexes"]).as_str();
    let count = at(rule, &["succeededCount"]);
    if listed.is_none() && count.is_null() {
        faults.push(FieldError::required(
            path,
            "at least one of succeededCount or succeededIndexes must be specified",
        ));
    }
    let mut total = 0;
    if let Some(listed) = listed {
        let path = format!("{path}.succeededIndexes");
        if listed.len() > LONGEST_INDEXES {
            faults.push(FieldError::too_long(&path, LONGEST_INDEXES));
        }
        match count_indexes(listed, completions) {
            Ok(found) => total = found,
            Err(why) => faults.push(FieldError::invalid_text(
                path,
                listed,
                format!("error parsing succeededIndexes: {why}"),
            )),
        }
    }
    let Some(wanted) = count.as_i64() else {
        return;
    };
    not_negative(faults, rule, &["succeededCount"], path);
    let path = format!("{path}.succeededCount");
    let mut beyond = |most: i64, what: &str| {
        if wanted > most {
            let why = format!("must be less than or equal to {most} (the number of {what})");
            faults.push(FieldError::invalid(&path, count, why));
        }
    };
    beyond(completions, "specified completions");
    if listed.is_some() {
        beyond(total, "indexes in the specified succeededIndexes field");
    }
}

/// How many indexes a text such as `1,3-5` lists.
fn count_indexes(list: &str, completions: i64) -> Result<i64, String> {
    let (mut last, mut total) = (None, 0);
    for interval in list.split(',').filter(|_| !list.is_empty()) {
        let (first, end) = index_interval(interval, completions)?;
        if let Some(last) = last.filter(|last| *last >= first) {
            return Err(not_increasing(last, first));
        }
        total += end - first + 1;
        last = Some(end);
    }
    Ok(total)
}

fn not_increasing(previous: i64, current: i64) -> String {
    format!("non-increasing order, previous: {previous}, current: {current}")
}

fn index_interval(interval: &str, completions: i64) -> Result<(i64, i64), String> {
    let index = |text: &str| match text.parse::<i64>() {
        Err(_) => Err(format!(
            "cannot convert string to integer for index: {}",
            quoted(text)
        )),
        Ok(n) if n >= completions => Err(format!("too large index: {}", quoted(text))),
        Ok(n) => Ok(n),
    };
    let mut limits = interval.split('-');
    let (first, end, more) = (limits.next(), limits.next(), limits.next());
    if more.is_some() {
        return Err(format!(
            "the fragment {} violates the requirement that an index interval can have at most two parts separated by '-'",
            quoted(interval)
        ));
    }
    let first = index(first.unwrap_or_default())?;
    let Some(end) = end else {
        return Ok((first, first));
    };
    let end = index(end)?;
    if first >= end {
        return Err(not_increasing(first, end));
    }
    Ok((first, end))
}

/// A change of a job: its rules are asked twice, as the server does.
pub(in crate::kinds::builtin) fn job_update(faults: &mut Faults, new: &Value, old: &Value) {
    let (new_spec, old_spec) = (at(new, &["spec"]), at(old, &["spec"]));
    let had_labels = ["controller-uid", "job-name"].iter().all(|label| {
        let label = format!("batch.kubernetes.io/{label}");
        is_set(old_spec, &["template", "metadata", "labels", &label])
    });
    job(faults, new, had_labels);
    with_selector(faults, new_spec);
    completions_update(faults, new_spec, old_spec);
    immutable(
        faults,
        "spec.selector",
        SELECTOR,
        at(new_spec, &["selector"]),
        at(old_spec, &["selector"]),
    );
    template_update(faults, new_spec, old);
    for (key, ty) in [
        ("completionMode", ""),
        ("podFailurePolicy", "batch.v1.PodFailurePolicy"),
        ("backoffLimitPerIndex", ""),
        ("managedBy", ""),
        ("successPolicy", "batch.v1.SuccessPolicy"),
    ] {
        if at(new_spec, &[key]) != at(old_spec, &[key]) {
            faults.push(invalid_internal(
                &format!("spec.{key}"),
                ty,
                at(new_spec, &[key]),
                IMMUTABLE,
            ));
        }
    }
}

fn completions_update(faults: &mut Faults, new: &Value, old: &Value) {
    let completions = at(new, &["completions"]);
    if same(new, old, &["completions"]) {
        return;
    }
    let why = if text(new, &["completionMode"]) != "Indexed" {
        IMMUTABLE
    } else if completions.is_null() || completions == at(new, &["parallelism"]) {
        return;
    } else {
        "can only be modified in tandem with spec.parallelism"
    };
    faults.push(FieldError::invalid("spec.completions", completions, why));
}

/// A suspended job whose pods do not run may be given other resources and places to run.
fn template_update(faults: &mut Faults, new_spec: &Value, old: &Value) {
    let old_spec = at(old, &["spec"]);
    let new = at(new_spec, &["template"]);
    let mut before = at(old_spec, &["template"]).clone();
    let is_suspended = truth(old_spec, &["suspend"]);
    let was_stopped = items(old, &["status", "conditions"])
        .iter()
        .any(|c| text(c, &["type"]) == "Suspended" && text(c, &["status"]) == "True");
    let is_free = is_suspended
        && (!is_set(old, &["status", "startTime"]) || was_stopped)
        && int(old, &["status", "active"]) == 0;
    if is_free {
        free_directives(&mut before, new);
    }
    if is_suspended && is_free {
        let new = at(new, &["spec"]);
        for list in ["containers", "initContainers"] {
            free_resources(&mut before["spec"], new, list);
        }
        if at(&before, &["spec"]) != new {
            let ty = "core.v1.PodSpec";
            faults.push(invalid_internal("spec.template.spec", ty, new, IMMUTABLE));
        }
    } else if &before != new {
        let ty = "core.v1.PodTemplateSpec";
        faults.push(invalid_internal("spec.template", ty, new, IMMUTABLE));
    }
}

fn free_directives(before: &mut Value, new: &Value) {
    for key in ["labels", "annotations"] {
        copy(&mut before["metadata"], at(new, &["metadata"]), key);
    }
    let (spec, new) = (&mut before["spec"], at(new, &["spec"]));
    for key in ["nodeSelector", "tolerations", "schedulingGates"] {
        copy(spec, new, key);
    }
    let others = |affinity: &Value| {
        members(affinity, &[])
            .iter()
            .any(|(key, _)| *key != "nodeAffinity")
    };
    if is_set(new, &["affinity"]) {
        if !spec["affinity"].is_object() {
            spec["affinity"] = Value::Object(serde_json::Map::new());
        }
        copy(
            &mut spec["affinity"],
            at(new, &["affinity"]),
            "nodeAffinity",
        );
    } else if !others(&spec["affinity"]) {
        copy(spec, new, "affinity");
    }
}

fn free_resources(before: &mut Value, new: &Value, list: &str) {
    let new = items(new, &[list]);
    let Some(before) = before.get_mut(list).and_then(Value::as_array_mut) else {
        return;
    };
    if before.len() != new.len() {
        return;
    }
    for (before, new) in before.iter_mut().zip(new) {
        if text(before, &["name"]) == text(new, &["name"]) {
            copy(before, new, "resources");
        }
    }
}
