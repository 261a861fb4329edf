//! Nodes: taints, networks, capacities, addresses.

use std::collections::HashSet;

use serde_json::Value;

use super::pods::resource_quantity;
use super::rules::{Faults, cidr, maybe_one_of, texts};
use crate::kinds::builtin::internal_form::internal_json;
use crate::kinds::builtin::values::{at, items, members, text};
use crate::model::meta::{label_value_faults, qualified_name_faults};
use crate::model::status::FieldError;

/// A node, new or changed.
pub(in crate::kinds::builtin) fn create(faults: &mut Faults, object: &Value) {
    taints(faults, object);
    amounts(faults, object);
    networks(faults, object);
}

fn taints(faults: &mut Faults, object: &Value) {
    let mut seen: HashSet<(&str, &str)> = HashSet::new();
    for (i, taint) in items(object, &["spec", "taints"]).iter().enumerate() {
        // The server looks for them among the metadata, where they once were.
        let path = format!("metadata.taints[{i}]");
        let (key, effect) = (text(taint, &["key"]), text(taint, &["effect"]));
        texts(
            faults,
            &format!("{path}.key"),
            key,
            qualified_name_faults(key),
        );
        let value = text(taint, &["value"]);
        let wrong = label_value_faults(value);
        if !wrong.is_empty() {
            faults.push(FieldError::invalid_text(
                format!("{path}.value"),
                value,
                wrong.join(";"),
            ));
        }
        if effect.is_empty() {
            faults.push(FieldError::required(format!("{path}.effect"), ""));
        } else {
            maybe_one_of(
                faults,
                &format!("{path}.effect"),
                effect,
                &["NoSchedule", "PreferNoSchedule", "NoExecute"],
            );
        }
        if !seen.insert((key, effect)) {
            let shown = internal_json("core.v1.Taint", taint);
            faults.push(FieldError::new(
                "FieldValueDuplicate",
                path,
                format!("Duplicate value: {shown}: taints must be unique by key and effect pair"),
            ));
        }
    }
}

fn amounts(faults: &mut Faults, object: &Value) {
    for what in ["capacity", "allocatable"] {
        for (name, value) in members(object, &["status", what]) {
            resource_quantity(faults, &format!("status.{what}.{name}"), name, value);
        }
    }
}

fn networks(faults: &mut Faults, object: &Value) {
    let path = "spec.podCIDRs";
    let ranges: Vec<&str> = items(object, &["spec", "podCIDRs"])
        .iter()
        .filter_map(Value::as_str)
        .collect();
    let before = faults.len();
    for (i, range) in ranges.iter().enumerate() {
        cidr(faults, &format!("{path}[{i}]"), range);
    }
    let is_v6 = |range: &str| range.contains(':');
    let is_dual = faults.len() == before
        && ranges.iter().any(|r| is_v6(r))
        && ranges.iter().any(|r| !is_v6(r));
    if ranges.len() < 2 {
        return;
    }
    if let Some(wrong) = ranges.iter().find(|range| !super::rules::is_cidr(range)) {
        faults.push(FieldError::internal(
            path,
            format!("invalid PodCIDRs. failed to check with dual stack with error:invalid CIDR[0]: <nil> (invalid CIDR address: {wrong})"),
        ));
    }
    if !is_dual || ranges.len() > 2 {
        faults.push(FieldError::invalid(
            path,
            at(object, &["spec", "podCIDRs"]),
            "may specify no more than one CIDR for each IP family",
        ));
    }
}

/// What may change of a node.
pub(in crate::kinds::builtin) fn update(faults: &mut Faults, new: &Value, old: &Value) {
    create(faults, new);
    changes(faults, new, old);
}

/// What the server looks at when the status changes too.
pub(in crate::kinds::builtin) fn changes(faults: &mut Faults, new: &Value, old: &Value) {
    amounts(faults, new);
    let addresses = items(new, &["status", "addresses"]);
    for (i, address) in addresses.iter().enumerate() {
        if addresses.iter().take(i).any(|before| before == address) {
            let shown = internal_json("core.v1.NodeAddress", address);
            faults.push(FieldError::new(
                "FieldValueDuplicate",
                format!("status.addresses[{i}]"),
                format!("Duplicate value: {shown}"),
            ));
        }
    }
    let (now, before) = (
        items(new, &["spec", "podCIDRs"]),
        items(old, &["spec", "podCIDRs"]),
    );
    let changed = if now.len() == before.len() {
        now.iter().zip(before).filter(|(a, b)| a != b).count()
    } else {
        usize::from(!before.is_empty())
    };
    for _ in 0..changed {
        faults.push(FieldError::forbidden(
            "spec.podCIDRs",
            "node updates may not change podCIDR except from \"\" to valid",
        ));
    }
    let provider = text(old, &["spec", "providerID"]);
    if !provider.is_empty() && provider != text(new, &["spec", "providerID"]) {
        faults.push(FieldError::forbidden(
            "spec.providerID",
            "node updates may not change providerID except from \"\" to valid",
        ));
    }
    taints(faults, new);
    if at(new, &["spec", "externalID"]) != at(old, &["spec", "externalID"]) {
        faults.push(FieldError::forbidden(
            "spec.externalID",
            "may not be updated",
        ));
    }
}
