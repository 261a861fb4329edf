//! Ingresses, network policies, endpoint slices, RBAC, leases.

use serde_json::Value;

use super::endpoints;
use super::rules::{
    Faults, IMMUTABLE, PROTOCOLS, cidr, domain_prefixed, invalid_internal, label_selector,
    maybe_one_of, named, port, port_or_name, positive, required, same, texts,
};
use crate::kinds::builtin::values::{at, int, is_set, items, text};
use crate::model::meta::{label_faults, path_segment_faults, subdomain_faults};
use crate::model::status::FieldError;
use crate::model::strategy::Context;

const RBAC: &str = "rbac.authorization.k8s.io";

/// A binding keeps what it binds to.
pub(in crate::kinds::builtin) fn update_binding(
    faults: &mut Faults,
    new: &Value,
    old: &Value,
    namespaced: bool,
) {
    binding(faults, new, namespaced);
    if at(new, &["roleRef"]) != at(old, &["roleRef"]) {
        faults.push(invalid_internal(
            "roleRef",
            "rbac.v1.RoleRef",
            at(new, &["roleRef"]),
            "cannot change roleRef",
        ));
    }
}

pub(in crate::kinds::builtin) fn update_ingress_class(
    faults: &mut Faults,
    _context: &Context<'_>,
    new: &Value,
    old: &Value,
) {
    if !same(new, old, &["spec", "controller"]) {
        faults.push(FieldError::invalid_text(
            "spec.controller",
            text(new, &["spec", "controller"]),
            IMMUTABLE,
        ));
    }
    ingress_class(faults, at(new, &["spec"]));
}

pub(in crate::kinds::builtin) fn update_endpoint_slice(
    faults: &mut Faults,
    _context: &Context<'_>,
    new: &Value,
    old: &Value,
) {
    endpoints::slice(faults, new);
    if !same(new, old, &["addressType"]) {
        faults.push(FieldError::invalid_text(
            "addressType",
            text(new, &["addressType"]),
            IMMUTABLE,
        ));
    }
}

pub(in crate::kinds::builtin) fn create_service_cidr(
    faults: &mut Faults,
    _context: &Context<'_>,
    object: &Value,
) {
    let spec = at(object, &["spec"]);
    let ranges = items(spec, &["cidrs"]);
    if ranges.is_empty() {
        faults.push(FieldError::required(
            "spec.cidrs",
            "at least one CIDR required",
        ));
    }
    if ranges.len() > 2 {
        faults.push(FieldError::invalid(
            "spec",
            spec,
            "may only hold up to 2 values",
        ));
    }
    for (i, range) in ranges.iter().filter_map(Value::as_str).enumerate() {
        cidr(faults, &format!("spec.cidrs[{i}]"), range);
    }
}

pub(in crate::kinds::builtin) fn create_ip_address(
    faults: &mut Faults,
    _context: &Context<'_>,
    object: &Value,
) {
    let spec = at(object, &["spec"]);
    let name = text(object, &["metadata", "name"]);
    if name.parse::<std::net::IpAddr>().is_err() {
        faults.push(FieldError::invalid_text(
            "metadata.name",
            name,
            "must be a valid IP address, (e.g. 10.9.8.7 or 2001:db8::ffff)",
        ));
    }
    if is_set(spec, &["parentRef"]) {
        required(
            faults,
            "spec.parentRef.resource",
            text(spec, &["parentRef", "resource"]),
        );
        required(
            faults,
            "spec.parentRef.name",
            text(spec, &["parentRef", "name"]),
        );
    } else {
        faults.push(FieldError::required("spec.parentRef", ""));
    }
}

pub(in crate::kinds::builtin) fn create_lease(
    faults: &mut Faults,
    _context: &Context<'_>,
    object: &Value,
) {
    let spec = at(object, &["spec"]);
    positive(faults, object, &["spec", "leaseDurationSeconds"]);
    if int(spec, &["leaseTransitions"]) < 0 {
        faults.push(FieldError::invalid(
            "spec.leaseTransitions",
            at(spec, &["leaseTransitions"]),
            "must be greater than or equal to 0",
        ));
    }
    if is_set(spec, &["preferredHolder"]) && text(spec, &["strategy"]).is_empty() {
        faults.push(FieldError::forbidden(
            "spec.preferredHolder",
            "may only be specified if `strategy` is defined",
        ));
    }
}

pub(in crate::kinds::builtin) fn update_ip_address(
    faults: &mut Faults,
    _context: &Context<'_>,
    new: &Value,
    old: &Value,
) {
    if !same(new, old, &["spec", "parentRef"]) {
        faults.push(invalid_internal(
            "spec.parentRef",
            "networking.v1.ParentReference",
            at(new, &["spec", "parentRef"]),
            IMMUTABLE,
        ));
    }
}

pub(in crate::kinds::builtin) fn ingress(faults: &mut Faults, spec: &Value) {
    if items(spec, &["rules"]).is_empty() && !is_set(spec, &["defaultBackend"]) {
        faults.push(FieldError::invalid(
            "spec",
            &Value::Null,
            "either `defaultBackend` or `rules` must be specified",
        ));
    }
    if is_set(spec, &["defaultBackend"]) {
        backend(faults, at(spec, &["defaultBackend"]), "spec.defaultBackend");
    }
    for (i, rule) in items(spec, &["rules"]).iter().enumerate() {
        let path = format!("spec.rules[{i}]");
        let host = text(rule, &["host"]);
        if !host.is_empty() {
            if host.parse::<std::net::IpAddr>().is_ok() {
                faults.push(FieldError::invalid_text(
                    format!("{path}.host"),
                    host,
                    "must be a DNS name, not an IP address",
                ));
            } else if host.contains('*') {
                texts(faults, &format!("{path}.host"), host, wildcard_faults(host));
            } else {
                texts(
                    faults,
                    &format!("{path}.host"),
                    host,
                    subdomain_faults(host),
                );
            }
        }
        if is_set(rule, &["http"]) {
            http(faults, at(rule, &["http"]), &format!("{path}.http"));
        }
    }
    for (i, tls) in items(spec, &["tls"]).iter().enumerate() {
        for (j, host) in items(tls, &["hosts"])
            .iter()
            .filter_map(Value::as_str)
            .enumerate()
        {
            let wrong = if host.contains('*') {
                wildcard_faults(host)
            } else {
                subdomain_faults(host)
            };
            texts(faults, &format!("spec.tls[{i}].hosts[{j}]"), host, wrong);
        }
        let secret = text(tls, &["secretName"]);
        if !secret.is_empty() {
            let path = format!("spec.tls[{i}].secretName");
            texts(faults, &path, secret, subdomain_faults(secret));
        }
    }
    let class = text(spec, &["ingressClassName"]);
    if is_set(spec, &["ingressClassName"]) {
        texts(
            faults,
            "spec.ingressClassName",
            class,
            subdomain_faults(class),
        );
    }
}

fn wildcard_faults(host: &str) -> Vec<String> {
    let rest = host.strip_prefix("*.").unwrap_or_default();
    if !rest.is_empty() && subdomain_faults(rest).is_empty() {
        return Vec::new();
    }
    vec![
        "a wildcard DNS-1123 subdomain must start with '*.', followed by a valid DNS subdomain, which must consist of lower case alphanumeric characters, '-' or '.' and end with an alphanumeric character (e.g. '*.example.com', regex used for validation is '\\*\\.[a-z0-9]([-a-z0-9]*[a-z0-9])?(\\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*')"
            .to_owned(),
    ]
}

fn http(faults: &mut Faults, http: &Value, path: &str) {
    let paths = items(http, &["paths"]);
    if paths.is_empty() {
        faults.push(FieldError::required(format!("{path}.paths"), ""));
    }
    for (i, entry) in paths.iter().enumerate() {
        let path = format!("{path}.paths[{i}]");
        let (kind, value) = (text(entry, &["pathType"]), text(entry, &["path"]));
        if !is_set(entry, &["pathType"]) {
            faults.push(FieldError::required(
                format!("{path}.pathType"),
                "pathType must be specified",
            ));
            // Without a type the server looks no further at the path.
            continue;
        } else {
            match kind {
                "Exact" | "Prefix" => {
                    if !value.starts_with('/') {
                        faults.push(FieldError::invalid_text(
                            format!("{path}.path"),
                            value,
                            "must be an absolute path",
                        ));
                    }
                    for bad in ["//", "/./", "/../", "%2f", "%2F"] {
                        if value.contains(bad) {
                            faults.push(FieldError::invalid_text(
                                format!("{path}.path"),
                                value,
                                format!("must not contain '{bad}'"),
                            ));
                        }
                    }
                    for bad in ["/..", "/."] {
                        if value.ends_with(bad) {
                            faults.push(FieldError::invalid_text(
                                format!("{path}.path"),
                                value,
                                format!("cannot end with '{bad}'"),
                            ));
                        }
                    }
                }
                "ImplementationSpecific" => {
                    if !value.is_empty() && !value.starts_with('/') {
                        faults.push(FieldError::invalid_text(
                            format!("{path}.path"),
                            value,
                            "must be an absolute path",
                        ));
                    }
                }
                other => faults.push(FieldError::not_supported(
                    format!("{path}.pathType"),
                    &other.into(),
                    &["Exact", "ImplementationSpecific", "Prefix"],
                )),
            }
        }
        backend(faults, at(entry, &["backend"]), &format!("{path}.backend"));
    }
}

fn backend(faults: &mut Faults, backend: &Value, path: &str) {
    let (service, resource) = (
        is_set(backend, &["service"]),
        is_set(backend, &["resource"]),
    );
    match (service, resource) {
        (true, true) => faults.push(FieldError::invalid_text(
            path,
            "",
            "cannot set both resource and service backends",
        )),
        (false, false) => faults.push(FieldError::invalid_text(
            path,
            "",
            "resource or service backend is required",
        )),
        (false, true) => {
            required(
                faults,
                &format!("{path}.resource.kind"),
                text(backend, &["resource", "kind"]),
            );
            required(
                faults,
                &format!("{path}.resource.name"),
                text(backend, &["resource", "name"]),
            );
        }
        (true, false) => {
            let name = text(backend, &["service", "name"]);
            named(faults, &format!("{path}.service.name"), name, label_faults);
            let (number, port_name) = (
                int(backend, &["service", "port", "number"]),
                text(backend, &["service", "port", "name"]),
            );
            let (holder, path) = (path, format!("{path}.service.port"));
            match (number, port_name) {
                (0, "") => faults.push(FieldError::required(
                    holder,
                    "port name or number is required",
                )),
                (0, name) => texts(
                    faults,
                    &format!("{path}.name"),
                    name,
                    super::rules::port_name_faults(name),
                ),
                (_, "") => port(
                    faults,
                    &format!("{path}.number"),
                    at(backend, &["service", "port", "number"]),
                ),
                _ => faults.push(FieldError::invalid_text(
                    path,
                    "",
                    "cannot set both port name & port number",
                )),
            }
        }
    }
}

pub(in crate::kinds::builtin) fn ingress_class(faults: &mut Faults, spec: &Value) {
    let controller = text(spec, &["controller"]);
    if controller.len() > 250 {
        faults.push(FieldError::too_long("spec.controller", 250));
    }
    domain_prefixed(faults, "spec.controller", controller);
    let parameters = at(spec, &["parameters"]);
    if parameters.is_object() {
        if let Some(group) = at(parameters, &["apiGroup"]).as_str() {
            texts(
                faults,
                "spec.parameters.apiGroup",
                group,
                subdomain_faults(group),
            );
        }
        named(
            faults,
            "spec.parameters.kind",
            text(parameters, &["kind"]),
            path_segment_faults,
        );
        named(
            faults,
            "spec.parameters.name",
            text(parameters, &["name"]),
            path_segment_faults,
        );
        match at(parameters, &["scope"]).as_str() {
            None => faults.push(FieldError::required("spec.parameters.scope", "")),
            Some(scope) => scoped_parameters(faults, parameters, scope),
        }
    }
}

fn scoped_parameters(faults: &mut Faults, parameters: &Value, scope: &str) {
    let path = "spec.parameters.namespace";
    match (scope, at(parameters, &["namespace"]).as_str()) {
        ("Cluster", Some(_)) => faults.push(FieldError::forbidden(
            path,
            "`parameters.scope` is set to 'Cluster'",
        )),
        ("Namespace", None) => faults.push(FieldError::required(
            path,
            "`parameters.scope` is set to 'Namespace'",
        )),
        ("Namespace", Some(namespace)) => texts(faults, path, namespace, label_faults(namespace)),
        ("Cluster", None) => {}
        _ => maybe_one_of(
            faults,
            "spec.parameters.scope",
            scope,
            &["Cluster", "Namespace"],
        ),
    }
}

pub(in crate::kinds::builtin) fn network_policy(faults: &mut Faults, spec: &Value) {
    label_selector(faults, "spec.podSelector", at(spec, &["podSelector"]));
    for (direction, peers) in [("ingress", "from"), ("egress", "to")] {
        for (i, rule) in items(spec, &[direction]).iter().enumerate() {
            let path = format!("spec.{direction}[{i}]");
            for (j, entry) in items(rule, &["ports"]).iter().enumerate() {
                let path = format!("{path}.ports[{j}]");
                let protocol = text(entry, &["protocol"]);
                if !protocol.is_empty() {
                    maybe_one_of(faults, &format!("{path}.protocol"), protocol, &PROTOCOLS);
                }
                if is_set(entry, &["port"]) {
                    port_or_name(faults, &format!("{path}.port"), at(entry, &["port"]));
                }
                if let Some(end) = at(entry, &["endPort"]).as_i64() {
                    match at(entry, &["port"]) {
                        Value::Null => faults.push(FieldError::required(
                            format!("{path}.port"),
                            "must be specified if endPort is set",
                        )),
                        Value::String(_) => faults.push(FieldError::forbidden(
                            format!("{path}.endPort"),
                            "may not be specified when `port` is non-numeric",
                        )),
                        first if first.as_i64().is_some_and(|first| end < first) => {
                            faults.push(FieldError::invalid(
                                format!("{path}.endPort"),
                                &end.into(),
                                "must be greater than or equal to `port`",
                            ));
                        }
                        _ => port(faults, &format!("{path}.endPort"), &end.into()),
                    }
                }
            }
            for (j, peer) in items(rule, &[peers]).iter().enumerate() {
                network_peer(faults, peer, &format!("{path}.{peers}[{j}]"));
            }
        }
    }
    let types = items(spec, &["policyTypes"]);
    if types.len() > 2 {
        faults.push(FieldError::invalid(
            "spec.policyTypes",
            at(spec, &["policyTypes"]),
            "may not specify more than two policyTypes",
        ));
        return;
    }
    for (i, kind) in types.iter().filter_map(Value::as_str).enumerate() {
        maybe_one_of(
            faults,
            &format!("spec.policyTypes[{i}]"),
            kind,
            &["Egress", "Ingress"],
        );
    }
}

fn network_peer(faults: &mut Faults, peer: &Value, path: &str) {
    let mut count = 0;
    for key in ["podSelector", "namespaceSelector"] {
        if is_set(peer, &[key]) {
            count += 1;
            label_selector(faults, &format!("{path}.{key}"), at(peer, &[key]));
        }
    }
    if is_set(peer, &["ipBlock"]) {
        count += 1;
        let block = text(peer, &["ipBlock", "cidr"]);
        if block.is_empty() {
            faults.push(FieldError::required(format!("{path}.ipBlock.cidr"), ""));
        } else {
            cidr(faults, &format!("{path}.ipBlock.cidr"), block);
        }
        for (i, except) in items(peer, &["ipBlock", "except"])
            .iter()
            .filter_map(Value::as_str)
            .enumerate()
        {
            cidr(faults, &format!("{path}.ipBlock.except[{i}]"), except);
        }
        if count > 1 {
            faults.push(FieldError::forbidden(
                path,
                "may not specify both ipBlock and another peer",
            ));
        }
    }
    if count == 0 {
        faults.push(FieldError::required(path, "must specify a peer"));
    }
}

pub(in crate::kinds::builtin) fn rules(faults: &mut Faults, object: &Value, namespaced: bool) {
    for (i, rule) in items(object, &["rules"]).iter().enumerate() {
        let path = format!("rules[{i}]");
        if items(rule, &["verbs"]).is_empty() {
            faults.push(FieldError::required(
                format!("{path}.verbs"),
                "verbs must contain at least one value",
            ));
        }
        let urls = items(rule, &["nonResourceURLs"]);
        let (groups, resources) = (items(rule, &["apiGroups"]), items(rule, &["resources"]));
        if !urls.is_empty() {
            let path = format!("{path}.nonResourceURLs");
            if namespaced {
                faults.push(FieldError::invalid(
                    &path,
                    at(rule, &["nonResourceURLs"]),
                    "namespaced rules cannot apply to non-resource URLs",
                ));
            }
            if !groups.is_empty()
                || !resources.is_empty()
                || !items(rule, &["resourceNames"]).is_empty()
            {
                faults.push(FieldError::invalid(
                    &path,
                    at(rule, &["nonResourceURLs"]),
                    "rules cannot apply to both regular resources and non-resource URLs",
                ));
            }
            continue;
        }
        if groups.is_empty() {
            faults.push(FieldError::required(
                format!("{path}.apiGroups"),
                "resource rules must supply at least one api group",
            ));
        }
        if resources.is_empty() {
            faults.push(FieldError::required(
                format!("{path}.resources"),
                "resource rules must supply at least one resource",
            ));
        }
    }
    for (i, selector) in items(object, &["aggregationRule", "clusterRoleSelectors"])
        .iter()
        .enumerate()
    {
        label_selector(
            faults,
            &format!("aggregationRule.clusterRoleSelectors[{i}]"),
            selector,
        );
    }
    if is_set(object, &["aggregationRule"])
        && items(object, &["aggregationRule", "clusterRoleSelectors"]).is_empty()
    {
        faults.push(FieldError::required(
            "aggregationRule.clusterRoleSelectors",
            "at least one clusterRoleSelector required if aggregationRule is non-nil",
        ));
    }
}

pub(in crate::kinds::builtin) fn binding(faults: &mut Faults, object: &Value, namespaced: bool) {
    let role = at(object, &["roleRef"]);
    let group = text(role, &["apiGroup"]);
    if group != RBAC {
        faults.push(FieldError::not_supported(
            "roleRef.apiGroup",
            &group.into(),
            &[RBAC],
        ));
    }
    let kind = text(role, &["kind"]);
    let kinds: &[&str] = if namespaced {
        &["Role", "ClusterRole"]
    } else {
        &["ClusterRole"]
    };
    if !kinds.contains(&kind) {
        faults.push(FieldError::not_supported(
            "roleRef.kind",
            &kind.into(),
            kinds,
        ));
    }
    let name = text(role, &["name"]);
    named(faults, "roleRef.name", name, path_segment_faults);
    for (i, subject) in items(object, &["subjects"]).iter().enumerate() {
        let path = format!("subjects[{i}]");
        let (name, group) = (text(subject, &["name"]), text(subject, &["apiGroup"]));
        required(faults, &format!("{path}.name"), name);
        match text(subject, &["kind"]) {
            "ServiceAccount" => {
                if !name.is_empty() {
                    texts(
                        faults,
                        &format!("{path}.name"),
                        name,
                        subdomain_faults(name),
                    );
                }
                if !group.is_empty() {
                    faults.push(FieldError::not_supported(
                        format!("{path}.apiGroup"),
                        &group.into(),
                        &[""],
                    ));
                }
                if !namespaced && text(subject, &["namespace"]).is_empty() {
                    faults.push(FieldError::required(format!("{path}.namespace"), ""));
                }
            }
            "User" | "Group" => {
                if group != RBAC {
                    faults.push(FieldError::not_supported(
                        format!("{path}.apiGroup"),
                        &group.into(),
                        &[RBAC],
                    ));
                }
            }
            other => faults.push(FieldError::not_supported(
                format!("{path}.kind"),
                &other.into(),
                &["ServiceAccount", "User", "Group"],
            )),
        }
    }
}
