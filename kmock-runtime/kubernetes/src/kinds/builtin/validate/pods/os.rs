//! What only one operating system has, and what namespaces of users exclude.

use serde_json::Value;

use super::Pod;
use crate::kinds::builtin::validate::rules::Faults;
use crate::kinds::builtin::values::{at, containers, is_set, items, text, truth};
use crate::model::status::FieldError;

const NOT_ON_WINDOWS: &str = "cannot be set for a windows pod";
const NOT_ON_LINUX: &str = "windows options cannot be set for a linux pod";

/// Fields that are not there on Windows: of the pod's security context (with the mark `*`) or of its spec.
const LINUX_ONLY: [(&str, bool); 15] = [
    ("appArmorProfile", true),
    ("seLinuxOptions", true),
    ("hostUsers", false),
    ("hostPID", false),
    ("hostIPC", false),
    ("seccompProfile", true),
    ("fsGroup", true),
    ("fsGroupChangePolicy", true),
    ("sysctls", true),
    ("shareProcessNamespace", false),
    ("runAsUser", true),
    ("runAsGroup", true),
    ("supplementalGroups", true),
    ("supplementalGroupsPolicy", true),
    ("seLinuxChangePolicy", true),
];
const LINUX_ONLY_IN_CONTAINERS: [&str; 10] = [
    "appArmorProfile",
    "seLinuxOptions",
    "seccompProfile",
    "capabilities",
    "readOnlyRootFilesystem",
    "privileged",
    "allowPrivilegeEscalation",
    "procMount",
    "runAsUser",
    "runAsGroup",
];

/// What the pod's operating system does not have.
pub(super) fn of_pod(faults: &mut Faults, spec: &Value, path: &str) {
    if !is_set(spec, &["os"]) {
        return;
    }
    match text(spec, &["os", "name"]) {
        "" => faults.push(FieldError::required(format!("{path}.os.name"), "")),
        "linux" => linux(faults, spec, path),
        "windows" => windows(faults, spec, path),
        other => faults.push(FieldError::not_supported(
            format!("{path}.os"),
            &other.into(),
            &["linux", "windows"],
        )),
    }
}

fn linux(faults: &mut Faults, spec: &Value, path: &str) {
    if is_set(spec, &["securityContext", "windowsOptions"]) {
        let path = format!("{path}.securityContext.windowsOptions");
        faults.push(FieldError::forbidden(path, NOT_ON_LINUX));
    }
    for (container, path) in containers(spec, path) {
        if is_set(container, &["securityContext", "windowsOptions"]) {
            let path = format!("{path}.securityContext.windowsOptions");
            faults.push(FieldError::forbidden(path, NOT_ON_LINUX));
        }
    }
}

fn windows(faults: &mut Faults, spec: &Value, path: &str) {
    let context = at(spec, &["securityContext"]);
    for (key, in_context) in LINUX_ONLY {
        let (value, path) = if in_context {
            (at(context, &[key]), format!("{path}.securityContext.{key}"))
        } else {
            (at(spec, &[key]), format!("{path}.{key}"))
        };
        let is_unset = value.is_null()
            || matches!(key, "hostPID" | "hostIPC") && value == &Value::Bool(false)
            || key == "sysctls" && value.as_array().is_some_and(Vec::is_empty);
        if !is_unset {
            faults.push(FieldError::forbidden(path, NOT_ON_WINDOWS));
        }
    }
    for (container, path) in containers(spec, path) {
        for key in LINUX_ONLY_IN_CONTAINERS {
            if is_set(container, &["securityContext", key]) {
                let path = format!("{path}.securityContext.{key}");
                faults.push(FieldError::forbidden(path, NOT_ON_WINDOWS));
            }
        }
    }
}

/// Processes of the host, on Windows: all containers or none.
pub(super) fn host_process(faults: &mut Faults, spec: &Value, path: &str) {
    let of = |holder: &Value| {
        at(
            holder,
            &["securityContext", "windowsOptions", "hostProcess"],
        )
        .as_bool()
    };
    let whole = of(spec);
    let containers = containers(spec, path);
    let mut count = 0;
    for (container, path) in &containers {
        let own = of(container);
        if let (Some(whole), Some(own)) = (whole, own)
            && whole != own
        {
            faults.push(FieldError::invalid(
                format!("{path}.securityContext.windowsOptions.hostProcess"),
                &own.into(),
                format!(
                    "pod hostProcess value must be identical if both are specified, was {whole}"
                ),
            ));
        }
        count += usize::from(own.or(whole) == Some(true));
    }
    if count == 0 {
        return;
    }
    if count != containers.len() {
        faults.push(FieldError::invalid_text(
            path,
            "",
            "If pod contains any hostProcess containers then all containers must be HostProcess containers",
        ));
    }
    if !truth(spec, &["hostNetwork"]) {
        faults.push(FieldError::invalid(
            format!("{path}.hostNetwork"),
            &false.into(),
            "hostNetwork must be true if pod contains any hostProcess containers",
        ));
    }
}

/// A pod with users of its own does not share the host's namespaces.
pub(super) fn host_users(faults: &mut Faults, pod: &Pod<'_>, path: &str) {
    if pod.shares_host_users() {
        return;
    }
    let mut forbid = |path: String| {
        faults.push(FieldError::forbidden(path, "when `hostUsers` is false"));
    };
    for (key, shown) in [
        ("hostNetwork", "hostNetwork"),
        ("hostPID", "HostPID"),
        ("hostIPC", "HostIPC"),
    ] {
        if truth(pod.spec, &[key]) {
            forbid(format!("{path}.{shown}"));
        }
    }
    for (container, path) in containers(pod.spec, path) {
        if !items(container, &["volumeDevices"]).is_empty() {
            forbid(format!("{path}.volumeDevices"));
        }
    }
}
