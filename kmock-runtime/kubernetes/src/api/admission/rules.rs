//! Which requests a configuration means: rules, scopes, selectors, and the other versions of what is asked for.
//!
//! Shared by webhooks and policies. Rules: `apiserver/pkg/admission/plugin/webhook/{predicates,generic}` and
//! `…/plugin/policy/matching`.

use std::borrow::Cow;
use std::sync::Arc;

use serde_json::Value;

use super::{Attributes, Operation};
use crate::kinds::builtin::values::{items, text};
use crate::model::resource::Resource;
use crate::model::selectors::LabelSelector;
use crate::model::status::ApiError;
use crate::state::registry::Served;

/// One rule of a configuration.
#[derive(Debug, Clone, Default)]
pub(super) struct Rule {
    groups: Vec<String>,
    versions: Vec<String>,
    /// Resource and subresource.
    resources: Vec<(String, String)>,
    operations: Vec<String>,
    scope: String,
    names: Vec<String>,
}

impl Rule {
    /// The rules of a list.
    pub(super) fn parse_all(rules: &Value) -> Vec<Rule> {
        items(rules, &[]).iter().map(Rule::parse).collect()
    }

    fn parse(rule: &Value) -> Rule {
        let texts = |key: &str| -> Vec<String> {
            let all = items(rule, &[key]).iter().filter_map(Value::as_str);
            all.map(str::to_owned).collect()
        };
        let split = |resource: String| match resource.split_once('/') {
            Some((resource, sub)) => (resource.to_owned(), sub.to_owned()),
            None => (resource, String::new()),
        };
        Rule {
            groups: texts("apiGroups"),
            versions: texts("apiVersions"),
            resources: texts("resources").into_iter().map(split).collect(),
            operations: texts("operations"),
            scope: text(rule, &["scope"]).to_owned(),
            names: texts("resourceNames"),
        }
    }

    fn matches(&self, asked: &Attributes<'_>, resource: &Resource) -> bool {
        let has = |list: &[String], wanted: &str| list.iter().any(|x| x == "*" || x == wanted);
        let is_namespaces = resource.plural == "namespaces" && resource.group.is_empty();
        let in_namespace = !is_namespaces && !asked.namespace().is_empty();
        let in_scope = match self.scope.as_str() {
            "Namespaced" => in_namespace,
            "Cluster" => !in_namespace,
            _ => true,
        };
        let sub = asked.subresource();
        in_scope
            && has(&self.operations, asked.operation.as_str())
            && has(&self.groups, &resource.group)
            && has(&self.versions, &resource.version)
            && self.resources.iter().any(|(name, own)| {
                (name == "*" || *name == resource.plural) && (own == "*" || own == sub)
            })
            && (self.names.is_empty() || self.names.iter().any(|name| name == asked.name))
    }
}

/// The resource by which rules mean a request: its own, or with `equivalent` another version of it.
pub(super) fn meant(asked: &Attributes<'_>, rules: &[Rule], equivalent: bool) -> Option<Served> {
    if rules
        .iter()
        .any(|rule| rule.matches(asked, asked.resource()))
    {
        return Some(asked.call.served.clone());
    }
    if !equivalent || rules.is_empty() {
        return None;
    }
    let others = equivalents(asked);
    // Earlier rules first.
    rules.iter().find_map(|rule| {
        let found = others
            .iter()
            .find(|other| rule.matches(asked, &other.resource));
        found.cloned()
    })
}

/// The other versions of what is asked for.
fn equivalents(asked: &Attributes<'_>) -> Vec<Served> {
    let own = asked.resource();
    let is_other = |other: &&Served| {
        other.resource.storage == own.storage
            && other.resource.plural == own.plural
            && (other.resource.version != own.version || other.resource.group != own.group)
            && (asked.subresource().is_empty()
                || other.resource.subresource(asked.subresource()).is_some())
    };
    if own.is_built_in() {
        return asked
            .cluster()
            .registry()
            .built_ins()
            .iter()
            .filter(is_other)
            .cloned()
            .collect();
    }
    let custom = asked.cluster().registry().custom_resources();
    custom.iter().filter(is_other).cloned().collect()
}

/// A selector of a configuration; `None` selects everything.
pub(super) fn selector(selector: &Value) -> Option<LabelSelector> {
    LabelSelector::from_object(selector)
        .ok()
        .flatten()
        .filter(|selector| !selector.is_empty())
}

/// Whether the object or what it was has the labels.
pub(super) fn selects_object(
    asked: &Attributes<'_>,
    selector: Option<&LabelSelector>,
    object: &Value,
) -> bool {
    let Some(selector) = selector else {
        return true;
    };
    let selects = |object: &Value| object.is_object() && selector.matches_object(object);
    selects(object) || asked.old.is_some_and(selects)
}

/// Whether the namespace has the labels. What is in no namespace is always selected.
pub(super) fn selects_namespace(
    asked: &Attributes<'_>,
    selector: Option<&LabelSelector>,
    object: &Value,
) -> Result<bool, ApiError> {
    let Some(selector) = selector else {
        return Ok(true);
    };
    if asked.namespace().is_empty() && asked.resource().plural != "namespaces" {
        return Ok(true);
    }
    let writes = matches!(asked.operation, Operation::Create | Operation::Update);
    if asked.resource().plural == "namespaces" && asked.subresource().is_empty() && writes {
        return Ok(selector.matches_object(object));
    }
    match asked.namespace_object() {
        Some(namespace) => Ok(selector.matches_object(&namespace)),
        None => Err(ApiError::not_found("", "namespaces", asked.namespace())),
    }
}

/// The configurations of admission are not subject to it: nobody could ever repair them.
pub(super) fn is_exempt(asked: &Attributes<'_>) -> bool {
    const KINDS: [&str; 6] = [
        "ValidatingWebhookConfiguration",
        "MutatingWebhookConfiguration",
        "ValidatingAdmissionPolicy",
        "ValidatingAdmissionPolicyBinding",
        "MutatingAdmissionPolicy",
        "MutatingAdmissionPolicyBinding",
    ];
    asked.group == "admissionregistration.k8s.io" && KINDS.contains(&asked.kind)
}

/// An object in another version of its resource; in its own it is the object itself.
pub(super) fn converted<'o>(
    asked: &Attributes<'_>,
    served: &Served,
    object: &'o Value,
) -> Cow<'o, Value> {
    convert(object, &asked.call.served, served)
}

/// The same back again.
pub(super) fn converted_back<'o>(
    asked: &Attributes<'_>,
    served: &Served,
    object: &'o Value,
) -> Cow<'o, Value> {
    convert(object, served, &asked.call.served)
}

fn convert<'o>(object: &'o Value, from: &Served, to: &Served) -> Cow<'o, Value> {
    if Arc::ptr_eq(&from.resource, &to.resource) {
        return Cow::Borrowed(object);
    }
    let (old, new) = (from.resource.api_version(), to.resource.api_version());
    // What a subresource shows, a Scale, is the same in each.
    if old == new || object["apiVersion"] != *old {
        return Cow::Borrowed(object);
    }
    let mut out = object.clone();
    to.strategy.convert(&mut out, &old, &new);
    out["apiVersion"] = new.into();
    Cow::Owned(out)
}
