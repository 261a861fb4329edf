//! Admission policies and their bindings.
//!
//! Rules: `pkg/apis/admissionregistration/validation`. What their expressions are is told by [`super::expressions`].

use serde_json::Value;

use super::rules::{Faults, label_selector, maybe_one_of, named, one_of, required, texts};
use super::webhooks::{conditions, match_resources};
use crate::kinds::builtin::values::{at, is_set, items, text};
use crate::model::meta::{
    label_1035_faults, path_segment_faults, qualified_name_faults, subdomain_faults,
};
use crate::model::status::FieldError;

const ALWAYS: &str = "must be non-empty if specified";
/// What a mutating policy can be asked for: nothing is left to change of what goes.
const MUTABLE: [&str; 4] = ["*", "CONNECT", "CREATE", "UPDATE"];
const MOST_ANNOTATIONS: usize = 20;
const LONGEST_ANNOTATION: usize = 5 * 1024;
/// Words that no CEL variable can have for a name.
const RESERVED: [&str; 21] = [
    "as",
    "break",
    "const",
    "continue",
    "else",
    "false",
    "for",
    "function",
    "if",
    "import",
    "in",
    "let",
    "loop",
    "namespace",
    "null",
    "package",
    "return",
    "true",
    "var",
    "void",
    "while",
];

/// A policy.
pub(in crate::kinds::builtin) fn policy(faults: &mut Faults, object: &Value, mutating: bool) {
    let spec = at(object, &["spec"]);
    let failure = text(spec, &["failurePolicy"]);
    maybe_one_of(faults, "spec.failurePolicy", failure, &["Fail", "Ignore"]);
    if is_set(spec, &["paramKind"]) {
        param_kind(faults, at(spec, &["paramKind"]));
    }
    let constraints = at(spec, &["matchConstraints"]);
    if constraints.is_object() {
        match_resources(faults, constraints, "spec.matchConstraints");
        required_list(
            faults,
            constraints,
            "resourceRules",
            "spec.matchConstraints",
            "",
        );
        if mutating {
            mutable(faults, constraints, "spec.matchConstraints");
        }
    } else {
        faults.push(FieldError::required("spec.matchConstraints", ""));
    }
    conditions(faults, spec, "spec", is_set(spec, &["paramKind"]));
    for (i, variable) in items(spec, &["variables"]).iter().enumerate() {
        let path = format!("spec.variables[{i}]");
        let name = text(variable, &["name"]);
        if name.trim().is_empty() {
            faults.push(FieldError::required(
                format!("{path}.name"),
                "name is not specified",
            ));
        } else if !is_identifier(name) {
            let why = "must be a valid CEL identifier";
            faults.push(FieldError::invalid_text(format!("{path}.name"), name, why));
        }
        expression(faults, variable, "expression", &path);
    }
    if mutating {
        required_list(
            faults,
            spec,
            "mutations",
            "spec",
            "mutations must contain at least one item",
        );
        for (i, mutation) in items(spec, &["mutations"]).iter().enumerate() {
            mutation_faults(faults, mutation, &format!("spec.mutations[{i}]"));
        }
        let again = text(spec, &["reinvocationPolicy"]);
        one_of(
            faults,
            "spec.reinvocationPolicy",
            again,
            &["IfNeeded", "Never"],
        );
    } else {
        validations(faults, object, spec);
    }
    #[cfg(feature = "cel")]
    super::expressions::policy(faults, spec, mutating);
}

fn required_list(faults: &mut Faults, owner: &Value, key: &str, path: &str, why: &str) {
    if items(owner, &[key]).is_empty() {
        faults.push(FieldError::required(format!("{path}.{key}"), why));
    }
}

fn expression(faults: &mut Faults, owner: &Value, key: &str, path: &str) {
    if text(owner, &[key]).trim().is_empty() {
        faults.push(FieldError::required(
            format!("{path}.{key}"),
            format!("{key} is not specified"),
        ));
    }
}

fn param_kind(faults: &mut Faults, kind: &Value) {
    let (path, given) = ("spec.paramKind.apiVersion", text(kind, &["apiVersion"]));
    let (group, version) = given.split_once('/').unwrap_or(("", given));
    if given.is_empty() {
        faults.push(FieldError::required(path, ""));
    } else if version.contains('/') {
        let why = format!("unexpected GroupVersion string: {given}");
        faults.push(FieldError::invalid_text(path, given, why));
    } else {
        let wrong = subdomain_faults(group).join(",");
        if !group.is_empty() && !wrong.is_empty() {
            faults.push(FieldError::invalid_text(path, group, wrong));
        }
        let wrong = label_1035_faults(version).join(",");
        if version.is_empty() {
            faults.push(FieldError::invalid_text(
                path,
                given,
                "version must be specified",
            ));
        } else if !wrong.is_empty() {
            faults.push(FieldError::invalid_text(path, version, wrong));
        }
    }
    let (path, given) = ("spec.paramKind.kind", text(kind, &["kind"]));
    let wrong = label_1035_faults(&given.to_lowercase()).join(",");
    if given.is_empty() {
        faults.push(FieldError::required(path, ""));
    } else if !wrong.is_empty() {
        let why = format!("may have mixed case, but should otherwise match: {wrong}");
        faults.push(FieldError::invalid_text(path, given, why));
    }
}

fn mutable(faults: &mut Faults, matched: &Value, path: &str) {
    for rule in items(matched, &["resourceRules"]) {
        for operation in items(rule, &["operations"])
            .iter()
            .filter_map(Value::as_str)
        {
            maybe_one_of(
                faults,
                &format!("{path}.resourceRules.operations"),
                operation,
                &MUTABLE,
            );
        }
    }
}

fn is_identifier(name: &str) -> bool {
    !RESERVED.contains(&name)
        && !name.starts_with(|c: char| c.is_ascii_digit())
        && name.chars().all(|c| c.is_ascii_alphanumeric() || c == '_')
}

fn mutation_faults(faults: &mut Faults, mutation: &Value, path: &str) {
    let given = text(mutation, &["patchType"]);
    let (own, other) = match given {
        "JSONPatch" => ("jsonPatch", "applyConfiguration"),
        "ApplyConfiguration" => ("applyConfiguration", "jsonPatch"),
        _ => {
            let supported = ["ApplyConfiguration", "JSONPatch"];
            one_of(faults, &format!("{path}.patchType"), given, &supported);
            return;
        }
    };
    if is_set(mutation, &[own]) {
        let expression = text(mutation, &[own, "expression"]).trim();
        required(faults, &format!("{path}.{own}.expression"), expression);
    } else {
        let why = format!("must be specified when patchType is {given}");
        faults.push(FieldError::required(format!("{path}.{own}"), why));
    }
    if is_set(mutation, &[other]) {
        faults.push(FieldError::invalid_text(
            format!("{path}.{other}"),
            &format!("{{{other}}}"),
            format!("must not be specified when patchType is {given}"),
        ));
    }
}

fn validations(faults: &mut Faults, object: &Value, spec: &Value) {
    let list = items(spec, &["validations"]);
    let annotations = items(spec, &["auditAnnotations"]);
    if list.is_empty() && annotations.is_empty() {
        for key in ["validations", "auditAnnotations"] {
            let why = "validations or auditAnnotations must contain at least one item";
            faults.push(FieldError::required(format!("spec.{key}"), why));
        }
    }
    for (i, validation) in list.iter().enumerate() {
        let path = format!("spec.validations[{i}]");
        expression(faults, validation, "expression", &path);
        for key in ["messageExpression", "message"] {
            let given = text(validation, &[key]);
            let path = format!("{path}.{key}");
            if !given.is_empty() && given.trim().is_empty() {
                faults.push(FieldError::invalid_text(path, given, ALWAYS));
            } else if key == "message" && given.trim().contains(['\n', '\r']) {
                faults.push(FieldError::invalid_text(
                    path,
                    given,
                    "must not contain line breaks",
                ));
            }
        }
        if is_set(validation, &["reason"]) {
            let supported = ["Forbidden", "Invalid", "RequestEntityTooLarge"];
            let reason = text(validation, &["reason"]);
            maybe_one_of(faults, &format!("{path}.reason"), reason, &supported);
        }
    }
    if annotations.len() > MOST_ANNOTATIONS {
        faults.push(FieldError::invalid(
            "spec.auditAnnotations",
            at(spec, &["auditAnnotations"]),
            format!("must not have more than {MOST_ANNOTATIONS} auditAnnotations"),
        ));
    }
    let name = text(object, &["metadata", "name"]);
    let key_of = |annotation| text(annotation, &["key"]);
    for (i, annotation) in annotations.iter().enumerate() {
        let path = format!("spec.auditAnnotations[{i}]");
        let key = format!("{name}/{}", key_of(annotation));
        texts(
            faults,
            &format!("{path}.key"),
            &key,
            qualified_name_faults(&key),
        );
        expression(faults, annotation, "valueExpression", &path);
        if text(annotation, &["valueExpression"]).trim().len() > LONGEST_ANNOTATION {
            faults.push(FieldError::required(
                format!("{path}.valueExpression"),
                format!("must not exceed {LONGEST_ANNOTATION} bytes in length"),
            ));
        }
        if annotations
            .iter()
            .take(i)
            .any(|other| key_of(other) == key_of(annotation))
        {
            let key = at(annotation, &["key"]);
            faults.push(FieldError::duplicate(format!("{path}.key"), key));
        }
    }
}

/// What binds a policy.
pub(in crate::kinds::builtin) fn binding(faults: &mut Faults, spec: &Value, mutating: bool) {
    let policy = text(spec, &["policyName"]);
    named(faults, "spec.policyName", policy, subdomain_faults);
    if is_set(spec, &["paramRef"]) {
        param_ref(faults, at(spec, &["paramRef"]));
    }
    let matched = at(spec, &["matchResources"]);
    match_resources(faults, matched, "spec.matchResources");
    if mutating {
        mutable(faults, matched, "spec.matchResources");
    } else {
        actions(faults, spec);
    }
}

fn param_ref(faults: &mut Faults, reference: &Value) {
    const ONE_ONLY: &str = "name and selector are mutually exclusive";
    let name = text(reference, &["name"]);
    let selects = is_set(reference, &["selector"]);
    if !name.is_empty() {
        texts(
            faults,
            "spec.paramRef.name",
            name,
            path_segment_faults(name),
        );
        if selects {
            faults.push(FieldError::forbidden("spec.paramRef.name", ONE_ONLY));
        }
    }
    label_selector(
        faults,
        "spec.paramRef.selector",
        at(reference, &["selector"]),
    );
    if selects && !name.is_empty() {
        faults.push(FieldError::forbidden("spec.paramRef.selector", ONE_ONLY));
    }
    if name.is_empty() && !selects {
        let why = "one of name or selector must be specified";
        faults.push(FieldError::required("spec.paramRef", why));
    }
    one_of(
        faults,
        "spec.paramRef.parameterNotFoundAction",
        text(reference, &["parameterNotFoundAction"]),
        &["Deny", "Allow"],
    );
}

fn actions(faults: &mut Faults, spec: &Value) {
    const PATH: &str = "spec.validationActions";
    let list = items(spec, &["validationActions"]);
    for (i, action) in list.iter().enumerate() {
        let path = format!("{PATH}[{i}]");
        let given = action.as_str().unwrap_or_default();
        maybe_one_of(faults, &path, given, &["Audit", "Deny", "Warn"]);
        if list.iter().take(i).any(|other| other == action) {
            faults.push(FieldError::duplicate(path, action));
        }
    }
    if ["Deny", "Warn"]
        .iter()
        .all(|both| list.iter().any(|action| action == both))
    {
        faults.push(FieldError::invalid(
            PATH,
            at(spec, &["validationActions"]),
            "must not contain both Deny and Warn (repeating the same validation failure information in the API response \
             and headers serves no purpose)",
        ));
    }
    if list.is_empty() {
        faults.push(FieldError::required(
            PATH,
            "at least one validation action is required",
        ));
    }
}
