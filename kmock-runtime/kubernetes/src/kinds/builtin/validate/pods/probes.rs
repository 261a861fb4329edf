//! Probes and the hooks of a container's life.

use serde_json::Value;

use super::Pod;
use crate::kinds::builtin::validate::rules::{
    Faults, int, maybe_one_of, not_negative, port, port_or_name, required,
};
use crate::kinds::builtin::values::{at, is_set, items, text};
use crate::model::status::FieldError;

/// The probes and hooks of a container that keeps running.
pub(super) fn of_container(faults: &mut Faults, pod: &Pod<'_>, container: &Value, path: &str) {
    for hook in ["postStart", "preStop"] {
        let action = at(container, &["lifecycle", hook]);
        if action.is_object() {
            let path = format!("{path}.lifecycle.{hook}");
            handler(
                faults,
                pod,
                action,
                &path,
                &["exec", "httpGet", "tcpSocket", "sleep"],
            );
        }
    }
    for key in ["livenessProbe", "readinessProbe", "startupProbe"] {
        let probe_value = at(container, &[key]);
        if probe_value.is_object() {
            probe(faults, pod, probe_value, key, &format!("{path}.{key}"));
        }
    }
}

fn probe(faults: &mut Faults, pod: &Pod<'_>, probe: &Value, kind: &str, path: &str) {
    handler(
        faults,
        pod,
        probe,
        path,
        &["exec", "httpGet", "tcpSocket", "grpc"],
    );
    not_negative(
        faults,
        probe,
        &[
            "initialDelaySeconds",
            "timeoutSeconds",
            "periodSeconds",
            "successThreshold",
            "failureThreshold",
        ],
        path,
    );
    let grace = at(probe, &["terminationGracePeriodSeconds"]);
    let grace_path = format!("{path}.terminationGracePeriodSeconds");
    if grace.as_i64().is_some_and(|n| n <= 0) {
        faults.push(FieldError::invalid(
            &grace_path,
            grace,
            "must be greater than 0",
        ));
    }
    if kind == "readinessProbe" {
        if !grace.is_null() {
            faults.push(FieldError::invalid(
                grace_path,
                grace,
                "must not be set for readinessProbes",
            ));
        }
    } else if int(probe, &["successThreshold"]) != 1 {
        faults.push(FieldError::invalid(
            format!("{path}.successThreshold"),
            at(probe, &["successThreshold"]),
            "must be 1",
        ));
    }
}

fn handler(faults: &mut Faults, pod: &Pod<'_>, handler: &Value, path: &str, kinds: &[&str]) {
    let mut seen = 0;
    for kind in kinds.iter().filter(|kind| is_set(handler, &[kind])) {
        seen += 1;
        let path = format!("{path}.{kind}");
        if seen > 1 {
            faults.push(FieldError::forbidden(
                path,
                "may not specify more than 1 handler type",
            ));
            continue;
        }
        let action = at(handler, &[kind]);
        match *kind {
            "exec" if items(action, &["command"]).is_empty() => {
                faults.push(FieldError::required(format!("{path}.command"), ""));
            }
            "httpGet" => http_get(faults, action, &path),
            "tcpSocket" => port_or_name(faults, &format!("{path}.port"), at(action, &["port"])),
            "grpc" => port(faults, &format!("{path}.port"), at(action, &["port"])),
            "sleep" => {
                let (seconds, grace) = (int(action, &["seconds"]), pod.grace_period());
                if seconds < 0 || seconds > grace {
                    faults.push(FieldError::invalid(
                        path,
                        &seconds.into(),
                        format!("must be non-negative and less than terminationGracePeriodSeconds ({grace})"),
                    ));
                }
            }
            _ => {}
        }
    }
    if seen == 0 {
        faults.push(FieldError::required(path, "must specify a handler type"));
    }
}

fn http_get(faults: &mut Faults, action: &Value, path: &str) {
    required(faults, &format!("{path}.path"), text(action, &["path"]));
    port_or_name(faults, &format!("{path}.port"), at(action, &["port"]));
    maybe_one_of(
        faults,
        &format!("{path}.scheme"),
        text(action, &["scheme"]),
        &["HTTP", "HTTPS"],
    );
    for header in items(action, &["httpHeaders"]) {
        let name = text(header, &["name"]);
        let is_name =
            !name.is_empty() && name.bytes().all(|c| c == b'-' || c.is_ascii_alphanumeric());
        if !is_name {
            faults.push(FieldError::invalid_text(
                format!("{path}.httpHeaders"),
                name,
                "a valid HTTP header must consist of alphanumeric characters or '-' (e.g. 'X-Header-Name', regex used for validation is '[-A-Za-z0-9]+')",
            ));
        }
    }
}
