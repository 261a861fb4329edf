//! The kinds: those that Kubernetes ships, and custom resources.
//!
//! Which built-in resources there are comes from the aggregated discovery documents of a real server, read once per process.

pub mod builtin;
pub mod crd;

use std::sync::{Arc, LazyLock};

use serde_json::Value;

use crate::model::discovery::from_aggregated_discovery;
use crate::model::resource::{Origin, Resource, ResourceKey};
use crate::model::strategy::Strategy;
use crate::state::registry::{BuiltIns, Served};

/// The aggregated discovery document of `/api`.
pub const CORE_DISCOVERY: &str = include_str!("../data/discovery-api.json");
/// The aggregated discovery document of `/apis`, built-in groups only.
pub const GROUPS_DISCOVERY: &str = include_str!("../data/discovery-apis.json");

/// The built-in resources with their rules.
pub fn built_ins() -> &'static BuiltIns {
    static ALL: LazyLock<BuiltIns> = LazyLock::new(|| {
        let documents = [CORE_DISCOVERY, GROUPS_DISCOVERY];
        let resources = documents.iter().flat_map(|text| {
            let document: Value = serde_json::from_str(text).unwrap_or_default();
            from_aggregated_discovery(&document, Origin::BuiltIn)
        });
        BuiltIns::new(resources.map(built_in).collect())
    });
    &ALL
}

fn built_in(mut resource: Resource) -> Served {
    match resource.group.as_str() {
        "events.k8s.io" => resource.storage = ResourceKey::new("", "events"),
        "autoscaling" => resource.storage_version = "v2".into(),
        _ => {}
    }
    resource.deprecation = deprecation(&resource).map(str::to_owned);
    let strategy: Arc<dyn Strategy> = match resource.group.as_str() {
        "apiextensions.k8s.io" => Arc::new(crd::Defined),
        _ => builtin::strategy::of(&resource),
    };
    Served::new(resource, strategy)
}

/// The built-in kinds that the server warns about.
fn deprecation(resource: &Resource) -> Option<&'static str> {
    match (resource.group.as_str(), resource.plural.as_str()) {
        ("", "componentstatuses") => Some("v1 ComponentStatus is deprecated in v1.19+"),
        ("", "endpoints") => {
            Some("v1 Endpoints is deprecated in v1.33+; use discovery.k8s.io/v1 EndpointSlice")
        }
        _ => None,
    }
}
