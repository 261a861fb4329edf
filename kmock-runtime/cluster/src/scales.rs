//! Scales of objects of any kind, for autoscalers and budgets: what a client of the subresource `scale` reads.
//!
//! Of built-in kinds the cache has the objects. Custom kinds are followed from the first look on.

use std::collections::BTreeMap;
use std::sync::Arc;

use serde_json::Value;

use crate::cache::Cache;
use crate::emulator::resource::Resource;
use crate::emulator::selectors::LabelSelector;
use crate::emulator::store::Subscription;
use crate::emulator::{Cluster, built_ins};
use crate::json::Json;
use crate::kind::Kind;
use crate::object::{self, int, text};

/// What the scale of an object says.
#[derive(Debug)]
pub(crate) struct Scale {
    pub(crate) uid: String,
    /// How many replicas there should be, and are.
    pub(crate) wanted: i64,
    pub(crate) present: i64,
    /// Which Pods are meant, as text; empty: it does not say.
    pub(crate) selector: Option<LabelSelector>,
    /// Where the scale is.
    pub(crate) path: String,
}

/// Why there is no scale.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Lack {
    /// No such kind is served: the text of it.
    Kind(String),
    /// The resource (`deployments.apps`) has no object of the name.
    Object(String),
    /// The resource has no scales.
    Scale(String),
}

/// Who follows the kinds that were asked for.
#[derive(Debug, Default)]
pub(crate) struct Scales {
    cluster: Option<Cluster>,
    feeds: BTreeMap<String, Subscription>,
}

/// Whether the objects of a built-in kind have a scale: its row says it.
fn has_scales(kind: Kind) -> bool {
    let served = built_ins().find(kind.group(), kind.version(), kind.plural());
    served.is_some_and(|served| served.resource.subresource("scale").is_some())
}

impl Scales {
    /// Takes in what happened; whether anything did.
    pub(crate) fn poll(&mut self, cluster: &Cluster) -> bool {
        if self.cluster.is_none() {
            self.cluster = Some(cluster.clone());
        }
        let mut moved = false;
        for feed in self.feeds.values_mut() {
            while !feed.pending().is_empty() {
                moved = true;
            }
        }
        moved
    }

    /// The scale of an object, by a reference to it.
    pub(crate) fn of(
        &mut self,
        reference: &Json,
        namespace: &str,
        cache: &Cache,
    ) -> Result<Scale, Lack> {
        let (kind, name) = (text(&reference["kind"]), text(&reference["name"]));
        let (group, version) = match text(&reference["apiVersion"]).split_once('/') {
            Some(parts) => parts,
            None => ("", text(&reference["apiVersion"])),
        };
        let Some(built_in) = Kind::named(group, kind) else {
            return self.of_custom([group, version, kind], namespace, name);
        };
        let resource = match group {
            "" => built_in.plural().to_owned(),
            group => format!("{}.{group}", built_in.plural()),
        };
        if !has_scales(built_in) {
            return Err(Lack::Scale(resource));
        }
        let Some(found) = cache.find(built_in, namespace, name) else {
            return Err(Lack::Object(resource));
        };
        let selector = &found["spec"]["selector"];
        let selector = match built_in {
            // A plain map of labels.
            Kind::ReplicationControllers => {
                object::selector(&crate::json::json!({ "matchLabels": selector }))
            }
            _ => object::selector(selector),
        };
        Ok(Scale {
            uid: object::uid(found).to_owned(),
            wanted: found["spec"]["replicas"].as_i64().unwrap_or(1),
            present: int(&found["status"]["replicas"]),
            selector,
            path: built_in.path(namespace, name, "scale"),
        })
    }

    fn of_custom(
        &mut self,
        [group, version, kind]: [&str; 3],
        namespace: &str,
        name: &str,
    ) -> Result<Scale, Lack> {
        let unknown = || Lack::Kind(format!("no matches for kind {kind:?} in group {group:?}"));
        let cluster = self.cluster.as_ref().ok_or_else(unknown)?;
        let served = cluster
            .registry()
            .find_kind(group, version, kind)
            .ok_or_else(unknown)?;
        let resource = &served.resource;
        let plural = match group {
            "" => resource.plural.clone(),
            group => format!("{}.{group}", resource.plural),
        };
        let paths = served
            .strategy
            .scale(resource)
            .ok_or_else(|| Lack::Scale(plural.clone()))?;
        self.feeds.entry(plural.clone()).or_insert_with(|| {
            let (_, events) = cluster.store().list_and_subscribe(&resource.storage, "");
            events
        });
        let key = match resource.namespaced {
            true => format!("{namespace}/{name}"),
            false => name.to_owned(),
        };
        let stored = cluster
            .store()
            .get(&resource.storage, &key)
            .ok_or(Lack::Object(plural))?;
        let shown = served.shown(&stored.value);
        let selector = paths.selector(&shown).and_then(Value::as_str);
        let selector = selector.filter(|text| !text.is_empty());
        Ok(Scale {
            uid: shown["metadata"]["uid"]
                .as_str()
                .unwrap_or_default()
                .to_owned(),
            wanted: paths.wanted(&shown).as_i64().unwrap_or_default(),
            present: paths.present(&shown).as_i64().unwrap_or_default(),
            selector: selector.and_then(|text| LabelSelector::parse(text).ok()),
            path: path(resource, namespace, name),
        })
    }
}

/// The place of the scale of an object.
fn path(resource: &Arc<Resource>, namespace: &str, name: &str) -> String {
    let within = match resource.namespaced {
        true => format!("/namespaces/{namespace}"),
        false => String::new(),
    };
    format!(
        "/apis/{}/{}{within}/{}/{name}/scale",
        resource.group, resource.version, resource.plural
    )
}
