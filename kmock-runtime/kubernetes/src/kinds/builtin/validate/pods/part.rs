//! What the rules of a pod's parts share: what they know of the whole, and rules of paths and modes.

use serde_json::Value;

use crate::kinds::builtin::validate::rules::{Faults, int, maybe_one_of};
use crate::kinds::builtin::values::{at, is_set, text};
use crate::model::status::FieldError;

/// What the rules of a part need to know of the whole.
pub(super) struct Pod<'a> {
    /// The spec.
    pub(super) spec: &'a Value,
    /// The name of the pod; templates have none.
    pub(super) name: Option<&'a str>,
}

impl Pod<'_> {
    pub(super) fn shares_host_users(&self) -> bool {
        at(self.spec, &["hostUsers"]) != &Value::Bool(false)
    }

    pub(super) fn grace_period(&self) -> i64 {
        int(self.spec, &["terminationGracePeriodSeconds"])
    }

    pub(super) fn never_restarts(&self) -> bool {
        text(self.spec, &["restartPolicy"]) == "Never"
    }

    pub(super) fn is_windows(&self) -> bool {
        text(self.spec, &["os", "name"]) == "windows"
    }
}

/// A mode of files.
pub(super) fn file_mode(faults: &mut Faults, object: &Value, key: &str, path: &str) {
    let mode = at(object, &[key]);
    if mode.as_i64().is_some_and(|m| !(0..=0o777).contains(&m)) {
        faults.push(FieldError::invalid(
            format!("{path}.{key}"),
            mode,
            "must be a number between 0 and 0777 (octal), both inclusive",
        ));
    }
}

/// A path without steps back.
pub(super) fn no_backsteps(faults: &mut Faults, path: &str, value: &str) {
    if value.split('/').any(|part| part == "..") {
        faults.push(FieldError::invalid_text(
            path,
            value,
            "must not contain '..'",
        ));
    }
}

/// A path below some directory.
pub(super) fn descending(faults: &mut Faults, path: &str, value: &str) {
    if value.starts_with('/') {
        faults.push(FieldError::invalid_text(
            path,
            value,
            "must be a relative path",
        ));
    }
    no_backsteps(faults, path, value);
}

/// A path below some directory that does not look like what the kubelet makes there.
pub(super) fn not_reserved(faults: &mut Faults, path: &str, value: &str) {
    descending(faults, path, value);
    if value.starts_with("..") && !value.starts_with("../") {
        faults.push(FieldError::invalid_text(
            path,
            value,
            "must not start with '..'",
        ));
    }
}

/// A text that is one of a few, if it is there at all.
pub(super) fn optional_one_of(
    faults: &mut Faults,
    object: &Value,
    key: &str,
    path: &str,
    supported: &[&str],
) {
    if is_set(object, &[key]) {
        maybe_one_of(
            faults,
            &format!("{path}.{key}"),
            text(object, &[key]),
            supported,
        );
    }
}
