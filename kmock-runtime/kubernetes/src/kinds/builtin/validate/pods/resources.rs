//! Requests and limits, of containers and of whole pods; claims of devices.

use std::collections::{BTreeSet, HashSet};

use serde_json::Value;

use super::Pod;
use crate::kinds::builtin::quantity::Quantity;
use crate::kinds::builtin::validate::rules::{Faults, amount, invalid_internal, named, texts};
use crate::kinds::builtin::values::{at, is_set, items, members, text};
use crate::model::meta::{label_faults, qualified_name_faults, subdomain_faults};
use crate::model::status::FieldError;

const HUGE_PAGES: &str = "hugepages-";

/// Resources without a prefix that some kind counts.
pub(in crate::kinds::builtin::validate) fn is_standard_resource(name: &str) -> bool {
    matches!(
        name,
        "cpu"
            | "memory"
            | "ephemeral-storage"
            | "storage"
            | "requests.cpu"
            | "requests.memory"
            | "requests.storage"
            | "requests.ephemeral-storage"
            | "limits.cpu"
            | "limits.memory"
            | "limits.ephemeral-storage"
    ) || is_count(name)
        || name.starts_with(HUGE_PAGES)
        || name.starts_with("requests.hugepages-")
}

/// Resources that are numbers of objects.
fn is_count(name: &str) -> bool {
    matches!(
        name,
        "pods"
            | "services"
            | "replicationcontrollers"
            | "secrets"
            | "configmaps"
            | "persistentvolumeclaims"
            | "resourcequotas"
            | "services.nodeports"
            | "services.loadbalancers"
    )
}

fn is_native(name: &str) -> bool {
    !name.contains('/') || name.contains("kubernetes.io/")
}

fn is_extended(name: &str) -> bool {
    !is_native(name)
        && !name.starts_with("requests.")
        && qualified_name_faults(&format!("requests.{name}")).is_empty()
}

/// The name of a resource: a standard one, or qualified.
pub(in crate::kinds::builtin::validate) fn resource_name(
    faults: &mut Faults,
    path: &str,
    name: &str,
) -> bool {
    let wrong = qualified_name_faults(name);
    let is_good = wrong.is_empty();
    texts(faults, path, name, wrong);
    if is_good && !name.contains('/') && !is_standard_resource(name) {
        faults.push(FieldError::invalid_text(
            path,
            name,
            "must be a standard resource type or fully qualified",
        ));
        return false;
    }
    is_good
}

/// An amount of a resource: not negative, and whole where things are counted.
pub(in crate::kinds::builtin::validate) fn quantity(
    faults: &mut Faults,
    path: &str,
    name: &str,
    value: &Value,
) -> Option<Quantity> {
    let quantity = amount(faults, path, value)?;
    let in_milli = quantity.milli_value().unwrap_or_default() % 1000;
    if (is_count(name) || is_extended(name)) && in_milli != 0 {
        faults.push(FieldError::invalid(path, value, "must be an integer"));
    }
    Some(quantity)
}

/// The name of a resource that containers ask for.
pub(in crate::kinds::builtin::validate) fn container_resource_name(
    faults: &mut Faults,
    path: &str,
    name: &str,
) {
    resource_name(faults, path, name);
    let detail = if !name.contains('/') {
        if matches!(name, "cpu" | "memory" | "ephemeral-storage") || name.starts_with(HUGE_PAGES) {
            return;
        }
        "must be a standard resource for containers"
    } else if !is_native(name) && !is_extended(name) {
        "doesn't follow extended resource name standard"
    } else {
        return;
    };
    faults.push(FieldError::invalid_text(path, name, detail));
}

fn pod_resource_name(faults: &mut Faults, path: &str, name: &str) {
    if resource_name(faults, path, name)
        && !matches!(name, "cpu" | "memory")
        && !name.starts_with(HUGE_PAGES)
    {
        faults.push(FieldError::not_supported(
            path,
            &name.into(),
            &["cpu", "hugepages-", "memory"],
        ));
    }
}

/// Requests and limits of a container.
pub(in crate::kinds::builtin::validate) fn requirements(
    faults: &mut Faults,
    resources: &Value,
    path: &str,
    claim_names: &[&str],
) {
    checked(
        faults,
        resources,
        path,
        claim_names,
        container_resource_name,
    );
}

fn checked(
    faults: &mut Faults,
    resources: &Value,
    path: &str,
    claim_names: &[&str],
    name_rule: fn(&mut Faults, &str, &str),
) {
    let (mut computes, mut pages) = (false, false);
    for what in ["limits", "requests"] {
        for (name, value) in members(resources, &[what]) {
            let at_path = format!("{path}.{what}[{name}]");
            name_rule(faults, &at_path, name);
            let found = quantity(faults, &at_path, name, value);
            computes |= matches!(name, "cpu" | "memory");
            if what == "requests" {
                against_limit(faults, resources, path, name, value);
            }
            if let (Some(size), Some(found)) = (name.strip_prefix(HUGE_PAGES), found) {
                pages = true;
                huge_pages(faults, &at_path, name, size, value, &found);
            }
        }
    }
    if pages && !computes {
        faults.push(FieldError::forbidden(
            path,
            "HugePages require cpu or memory",
        ));
    }
    claims_of_container(faults, resources, &format!("{path}.claims"), claim_names);
}

fn against_limit(faults: &mut Faults, resources: &Value, path: &str, name: &str, request: &Value) {
    let overcommits = is_native(name) && !name.starts_with(HUGE_PAGES);
    let limit = at(resources, &["limits", name]);
    let request_path = format!("{path}.requests");
    match (Quantity::of(request), Quantity::of(limit)) {
        (Some(asked), Some(limited)) => {
            let order = asked.compare(&limited);
            let word = if order.is_ne() && !overcommits {
                "equal to"
            } else if order.is_gt() {
                "less than or equal to"
            } else {
                return;
            };
            faults.push(FieldError::invalid(
                request_path,
                request,
                format!("must be {word} {name} limit of {limited}"),
            ));
        }
        (Some(_), None) if !overcommits => faults.push(FieldError::required(
            format!("{path}.limits"),
            "Limit must be set for non overcommitable resources",
        )),
        _ => {}
    }
}

fn huge_pages(
    faults: &mut Faults,
    path: &str,
    name: &str,
    size: &str,
    value: &Value,
    found: &Quantity,
) {
    let size = Quantity::parse(size)
        .ok()
        .and_then(|q| q.value())
        .unwrap_or_default();
    let divides = size > 0 && found.value().is_some_and(|n| n % size == 0);
    if !divides {
        let shown = value.as_str().unwrap_or_default();
        faults.push(FieldError::invalid(
            path,
            value,
            format!("{shown} is not positive integer multiple of {name}"),
        ));
    }
}

fn claims_of_container(faults: &mut Faults, resources: &Value, path: &str, known: &[&str]) {
    let mut seen: BTreeSet<String> = BTreeSet::new();
    let known_names: HashSet<&str> = known.iter().copied().collect();
    for (i, claim) in items(resources, &["claims"]).iter().enumerate() {
        let path = format!("{path}[{i}]");
        let (name, request) = (text(claim, &["name"]), text(claim, &["request"]));
        if name.is_empty() {
            faults.push(FieldError::required(path, ""));
            continue;
        }
        if seen.contains(name) {
            faults.push(FieldError::duplicate(&path, &name.into()));
        } else {
            let mut key = name.to_owned();
            if !request.is_empty() {
                let path = format!("{path}.request");
                texts(faults, &path, request, label_faults(request));
                key = format!("{name}/{request}");
            }
            let part = format!("{name}/");
            if seen.contains(&key) {
                faults.push(FieldError::duplicate(&path, &key.as_str().into()));
            } else if request.is_empty()
                && seen
                    .range(part.clone()..)
                    .next()
                    .is_some_and(|next| next.starts_with(&part))
            {
                faults.push(FieldError::duplicate(&path, &name.into()));
            }
            seen.insert(key);
        }
        if !known_names.contains(name) {
            let mut sorted = known.to_vec();
            sorted.sort_unstable();
            let rest = if sorted.is_empty() {
                " which is empty".to_owned()
            } else {
                format!(": {}", sorted.join(", "))
            };
            faults.push(FieldError::new(
                "FieldValueNotFound",
                path,
                format!(
                    "Not found: {name:?}: must be one of the names in pod.spec.resourceClaims{rest}"
                ),
            ));
        }
    }
}

/// `resourceClaims` of a pod.
pub(super) fn claims(faults: &mut Faults, spec: &Value, path: &str) {
    let mut names: HashSet<&str> = HashSet::new();
    for (i, claim) in items(spec, &["resourceClaims"]).iter().enumerate() {
        let path = format!("{path}[{i}]");
        let name = text(claim, &["name"]);
        if names.contains(&name) {
            faults.push(FieldError::duplicate(format!("{path}.name"), &name.into()));
        } else {
            named(faults, &format!("{path}.name"), name, label_faults);
            if !name.is_empty() {
                names.insert(name);
            }
        }
        let given =
            ["resourceClaimName", "resourceClaimTemplateName"].map(|key| is_set(claim, &[key]));
        let detail = match given {
            [true, true] => {
                "at most one of `resourceClaimName` or `resourceClaimTemplateName` may be specified"
            }
            [false, false] => {
                "must specify one of: `resourceClaimName`, `resourceClaimTemplateName`"
            }
            _ => "",
        };
        if !detail.is_empty() {
            faults.push(invalid_internal(
                &path,
                "core.v1.PodResourceClaim",
                claim,
                detail,
            ));
        }
        for key in ["resourceClaimName", "resourceClaimTemplateName"] {
            if is_set(claim, &[key]) {
                let name = text(claim, &[key]);
                texts(
                    faults,
                    &format!("{path}.{key}"),
                    name,
                    subdomain_faults(name),
                );
            }
        }
    }
}

/// Resources of a whole pod hold those of its containers.
pub(super) fn of_pod(faults: &mut Faults, pod: &Pod<'_>, path: &str) {
    let resources = at(pod.spec, &["resources"]);
    if !resources.is_object() {
        return;
    }
    let path = format!("{path}.resources");
    if pod.is_windows() {
        faults.push(FieldError::forbidden(
            path,
            "may not be set for a windows pod",
        ));
        return;
    }
    if !items(resources, &["claims"]).is_empty() {
        faults.push(FieldError::forbidden(
            format!("{path}.claims"),
            "claims may not be set for Resources at pod-level",
        ));
    }
    checked(faults, resources, &path, &[], pod_resource_name);
    let containers = items(pod.spec, &["containers"]);
    let sum = |what: &str, name: &str| {
        containers
            .iter()
            .filter_map(|c| Quantity::of(at(c, &["resources", what, name])))
            .reduce(|a, b| a.add(&b))
    };
    for (name, value) in members(resources, &["requests"]) {
        let (Some(own), Some(asked)) = (Quantity::of(value), sum("requests", name)) else {
            continue;
        };
        if asked.compare(&own).is_gt() {
            faults.push(FieldError::invalid(
                format!("{path}.requests[{name}]"),
                value,
                format!("must be greater than or equal to aggregate container requests of {asked}"),
            ));
        }
    }
    for (name, value) in members(resources, &["limits"]) {
        let Some(own) = Quantity::of(value) else {
            continue;
        };
        if name.starts_with(HUGE_PAGES)
            && let Some(limited) = sum("limits", name)
            && limited.compare(&own).is_gt()
        {
            faults.push(FieldError::invalid(
                format!("{path}.limits[{name}]"),
                value,
                format!("must be greater than or equal to aggregate container limits of {limited}"),
            ));
        }
        for (i, container) in containers.iter().enumerate() {
            let limit = at(container, &["resources", "limits", name]);
            if Quantity::of(limit).is_some_and(|limit| limit.compare(&own).is_gt()) {
                faults.push(FieldError::invalid(
                    format!("{path}.containers[{i}][{name}].limits"),
                    limit,
                    format!("must be less than or equal to pod limits of {own}"),
                ));
            }
        }
    }
}
