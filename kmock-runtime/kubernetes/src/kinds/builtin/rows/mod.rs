//! The rows: a file for each of the built-in kinds, with all that tells it from the others.
//!
//! A new kind is a new file and its line in the list of its group.

mod admissionregistration;
mod apiregistration;
mod apps;
mod autoscaling;
mod batch;
mod certificates;
mod coordination;
mod core;
mod discovery;
mod events;
mod flowcontrol;
mod networking;
mod node;
mod policy;
mod rbac;
mod resource;
mod scheduling;
mod storage;

use super::row::Kind;

/// All kinds, by group.
const GROUPS: [&[&Kind]; 18] = [
    admissionregistration::KINDS,
    apiregistration::KINDS,
    apps::KINDS,
    autoscaling::KINDS,
    batch::KINDS,
    certificates::KINDS,
    coordination::KINDS,
    core::KINDS,
    discovery::KINDS,
    events::KINDS,
    flowcontrol::KINDS,
    networking::KINDS,
    node::KINDS,
    policy::KINDS,
    rbac::KINDS,
    resource::KINDS,
    scheduling::KINDS,
    storage::KINDS,
];

/// The row of a Go type, if it is a kind that is stored.
pub(super) fn named(name: &str) -> Option<&'static Kind> {
    GROUPS
        .iter()
        .flat_map(|group| group.iter())
        .find(|kind| kind.name == name)
        .copied()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::kinds::builtin::gotypes::Struct;
    use crate::kinds::builtin::row::StatusRule;

    #[test]
    fn every_stored_kind_has_its_row_and_a_rule_for_its_status() {
        let mut rows = 0;
        for served in crate::kinds::built_ins().iter() {
            let resource = &served.resource;
            let is_stored = resource.verbs.iter().any(|verb| verb == "get");
            // Definitions of custom resources have rules of their own.
            if !is_stored || resource.group == "apiextensions.k8s.io" {
                continue;
            }
            let root = Struct::of_kind(&resource.group, &resource.version, &resource.kind);
            let name = root.expect("a type").name;
            let kind = named(name).unwrap_or_else(|| panic!("{name} has no row"));
            assert_eq!(
                resource.subresource("status").is_none(),
                matches!(kind.validate.status, StatusRule::Absent),
                "{name}"
            );
            rows += 1;
        }
        let all: usize = GROUPS.iter().map(|group| group.len()).sum();
        assert_eq!(
            rows, all,
            "each row is a kind that is served, and is there once"
        );
    }
}
