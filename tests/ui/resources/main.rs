//! Mistakes in resources of Kubernetes and their verbs: one a file.

mod resource_bad_version;
mod resource_empty;
mod resource_habits;
mod resource_kind;
mod resource_of_method;
mod resource_path;
mod resource_version;
mod verb_of_containers;
mod verb_twice;
mod verb_typo;

fn main() {}
