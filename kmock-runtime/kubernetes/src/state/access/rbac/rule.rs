//! A rule of a role: which verbs on which resources or paths.

use std::fmt;

use serde_json::{Map, Value};

use crate::model::status::quoted;
use crate::state::access::{Attributes, ResourceAttributes, What};

/// A `PolicyRule`. `*` stands for anything.
#[derive(Debug, Clone, Default, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Rule {
    /// The verbs.
    pub verbs: Vec<String>,
    /// The API groups; empty text is the core group.
    pub groups: Vec<String>,
    /// The resources: `pods`, `pods/log`, `*/scale`, `*`.
    pub resources: Vec<String>,
    /// The names of the objects; none: all of them.
    pub names: Vec<String>,
    /// Paths that are no resources: `/healthz`, `/apis/*`.
    pub urls: Vec<String>,
}

impl Rule {
    /// Reads a rule.
    pub fn read(value: &Value) -> Self {
        let list = |key: &str| {
            let items = value[key].as_array().into_iter().flatten();
            items.filter_map(Value::as_str).map(str::to_owned).collect()
        };
        Self {
            verbs: list("verbs"),
            groups: list("apiGroups"),
            resources: list("resources"),
            names: list("resourceNames"),
            urls: list("nonResourceURLs"),
        }
    }

    /// Reads the `rules` of a role.
    pub fn read_all(role: &Value) -> Vec<Self> {
        let rules = role["rules"].as_array().into_iter().flatten();
        rules.map(Self::read).collect()
    }

    /// The rule as JSON; empty lists are left out.
    pub fn to_value(&self) -> Value {
        let mut out = Map::new();
        for (key, list) in [
            ("verbs", &self.verbs),
            ("apiGroups", &self.groups),
            ("resources", &self.resources),
            ("resourceNames", &self.names),
            ("nonResourceURLs", &self.urls),
        ] {
            if !list.is_empty() {
                out.insert(key.into(), list.clone().into());
            }
        }
        Value::Object(out)
    }

    /// Everything.
    pub fn everything() -> [Self; 2] {
        let any = || vec!["*".to_owned()];
        [
            Self {
                verbs: any(),
                groups: any(),
                resources: any(),
                ..Self::default()
            },
            Self {
                verbs: any(),
                urls: any(),
                ..Self::default()
            },
        ]
    }

    /// Whether the rule allows something.
    pub fn allows(&self, attributes: &Attributes<'_>) -> bool {
        has_or_any(&self.verbs, &attributes.verb)
            && match &attributes.what {
                What::Resource(resource) => self.covers_resource(resource),
                What::Path(path) => self.urls.iter().any(|url| url_covers(url, path)),
            }
    }

    fn covers_resource(&self, asked: &ResourceAttributes<'_>) -> bool {
        has_or_any(&self.groups, &asked.group)
            && self
                .resources
                .iter()
                .any(|resource| resource_is(resource, asked))
            && (self.names.is_empty() || self.names.iter().any(|name| *name == asked.name))
    }
}

fn has_or_any(list: &[String], text: &str) -> bool {
    list.iter().any(|item| item == "*" || item == text)
}

/// Whether the resource of a rule is the one that is asked for: `pods`, `pods/log`, `*/scale`, `*`.
fn resource_is(rule: &str, asked: &ResourceAttributes<'_>) -> bool {
    if rule == "*" {
        return true;
    }
    if asked.subresource.is_empty() {
        return rule == asked.resource;
    }
    rule.split_once('/').is_some_and(|(resource, subresource)| {
        subresource == asked.subresource && (resource == "*" || resource == asked.resource)
    })
}

/// Whether the path of a rule covers another.
pub(super) fn url_covers(rule: &str, path: &str) -> bool {
    rule == "*"
        || rule == path
        || rule.ends_with('*') && path.starts_with(rule.trim_end_matches('*'))
}

impl fmt::Display for Rule {
    /// As the server's refusals have it: `{APIGroups:["apps"], Resources:["deployments"], Verbs:["get"]}`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let parts = [
            ("APIGroups", &self.groups),
            ("Resources", &self.resources),
            ("NonResourceURLs", &self.urls),
            ("ResourceNames", &self.names),
            ("Verbs", &self.verbs),
        ];
        let parts: Vec<String> = parts
            .into_iter()
            .filter(|(_, list)| !list.is_empty())
            .map(|(name, list)| format!("{name}:{}", in_go(list)))
            .collect();
        write!(f, "{{{}}}", parts.join(", "))
    }
}

/// A list of texts as Go prints it: `["a" "b"]`.
pub fn in_go(items: &[impl AsRef<str>]) -> String {
    let items: Vec<String> = items.iter().map(|item| quoted(item.as_ref())).collect();
    format!("[{}]", items.join(" "))
}
