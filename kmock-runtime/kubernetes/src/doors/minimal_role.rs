//! The smallest roles that what was asked for needs, beside what the roles that are there allow.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

use serde_json::{Value, json};

use crate::model::path::{ApiRequest, Verb};
use crate::model::user::User;
use crate::state::access::rbac::{GROUP, Rule, cover};
use crate::state::access::{Attributes, ResourceAttributes, What};
use crate::state::cluster::Cluster;

/// The smallest roles for some requests: a `Role` for each namespace that was named, and a `ClusterRole` for the rest.
///
/// It displays as YAML, ready to be applied, with what is allowed too much (and what is missing) in comments below.
///
/// ```
/// use kmock_kubernetes::{Cluster, MinimalRole};
///
/// let cluster = Cluster::default();
/// let mut role = MinimalRole::new(&cluster);
/// role.add_path(&http::Method::GET, "/apis/apps/v1/namespaces/prod/deployments", 200);
/// role.add_path(&http::Method::GET, "/api/v1/nodes/n1", 200);
/// assert_eq!(
///     role.to_string(),
///     r#"apiVersion: rbac.authorization.k8s.io/v1
/// kind: ClusterRole
/// metadata:
///   name: minimal
/// rules:
/// - apiGroups: [""]
///   resources: ["nodes"]
///   verbs: ["get"]
/// ---
/// apiVersion: rbac.authorization.k8s.io/v1
/// kind: Role
/// metadata:
///   name: minimal
///   namespace: prod
/// rules:
/// - apiGroups: ["apps"]
///   resources: ["deployments"]
///   verbs: ["list"]
/// "#
/// );
/// ```
#[derive(Debug, Clone)]
pub struct MinimalRole {
    cluster: Cluster,
    name: String,
    names: bool,
    users: BTreeMap<String, User>,
    needed: BTreeSet<Right>,
}

/// One thing that was done: where, and what. The order is that of the rules.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
struct Right {
    /// Empty: in the whole cluster.
    namespace: String,
    group: String,
    resource: String,
    /// The object; empty where there is none.
    name: String,
    verb: Rank,
    /// A path instead of a resource.
    path: String,
}

/// A verb, in the order in which people write them.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
struct Rank(usize, String);

impl Rank {
    fn of(verb: &str) -> Self {
        const ORDER: [&str; 8] = [
            "get",
            "list",
            "watch",
            "create",
            "update",
            "patch",
            "delete",
            "deletecollection",
        ];
        let at = ORDER.iter().position(|known| *known == verb);
        Self(at.unwrap_or(ORDER.len()), verb.to_owned())
    }
}

impl Right {
    fn attributes(&self) -> Attributes<'_> {
        let verb = self.verb.1.as_str();
        if !self.path.is_empty() {
            return Attributes {
                verb: verb.into(),
                what: What::Path(self.path.as_str().into()),
            };
        }
        let (resource, subresource) = self
            .resource
            .split_once('/')
            .unwrap_or((&self.resource, ""));
        Attributes::resource(
            verb,
            ResourceAttributes {
                group: self.group.as_str().into(),
                namespace: self.namespace.as_str().into(),
                resource: resource.into(),
                subresource: subresource.into(),
                name: self.name.as_str().into(),
                ..ResourceAttributes::default()
            },
        )
    }
}

impl MinimalRole {
    /// Of nothing yet.
    pub fn new(cluster: &Cluster) -> Self {
        Self {
            cluster: cluster.clone(),
            name: "minimal".to_owned(),
            names: false,
            users: BTreeMap::new(),
            needed: BTreeSet::new(),
        }
    }

    /// The roles' name, `minimal` unless said.
    #[must_use]
    pub fn named(mut self, name: impl Into<String>) -> Self {
        self.name = name.into();
        self
    }

    /// Limits rules to the objects that were named (`resourceNames`), where all were.
    #[must_use]
    pub fn with_names(mut self) -> Self {
        self.names = true;
        self
    }

    /// Takes note of somebody who asked: what their roles allow too much will be told.
    pub fn add_user(&mut self, user: &User) {
        self.users
            .entry(user.name.clone())
            .or_insert_with(|| user.clone());
    }

    /// Takes note of a request by its method and target, and of the status of its answer.
    pub fn add_path(&mut self, method: &http::Method, target: &str, status: u16) {
        let Ok(uri) = target.parse::<http::Uri>() else {
            return;
        };
        match ApiRequest::parse(method, &uri) {
            Some(request) => self.add_request(&request, status),
            None => {
                let verb = method.as_str().to_ascii_lowercase();
                self.add(Right {
                    namespace: String::new(),
                    group: String::new(),
                    resource: String::new(),
                    name: String::new(),
                    verb: Rank::of(&verb),
                    path: uri.path().to_owned(),
                });
            }
        }
    }

    /// Takes note of a request, and of the status of its answer: an update that creates needs the right to create.
    pub fn add_request(&mut self, request: &ApiRequest, status: u16) {
        let attributes = Attributes::of_request(request);
        let What::Resource(resource) = &attributes.what else {
            return;
        };
        let served = self.cluster.registry();
        let served = served.find(&request.group, &request.version, &request.resource);
        let is_namespaced = served.is_none_or(|served| served.resource.namespaced);
        let right = Right {
            namespace: match is_namespaced {
                true => resource.namespace.clone().into_owned(),
                false => String::new(),
            },
            group: resource.group.clone().into_owned(),
            resource: resource.combined().into_owned(),
            name: resource.name.clone().into_owned(),
            verb: Rank::of(&attributes.verb),
            path: String::new(),
        };
        if matches!(request.verb, Verb::Update | Verb::Patch) && status == 201 {
            // Whoever creates does not have a name to be allowed by.
            self.add(Right {
                verb: Rank::of("create"),
                name: String::new(),
                ..right.clone()
            });
        }
        self.add(right);
    }

    /// What everybody may do anyway needs no rule.
    fn add(&mut self, right: Right) {
        let everybody = User::new("");
        let index = self.cluster.access().rbac(self.cluster.store());
        let (own, _) = index.rules_for(&everybody, "");
        if right.verb.1.is_empty() || own.iter().any(|rule| rule.allows(&right.attributes())) {
            return;
        }
        self.needed.insert(right);
    }

    /// Whether nothing is needed.
    pub fn is_empty(&self) -> bool {
        self.needed.is_empty()
    }

    /// The roles as objects: the cluster role first.
    pub fn roles(&self) -> Vec<Value> {
        let scopes = self.scopes();
        let roles = scopes.iter().map(|(namespace, rules)| {
            let mut metadata = json!({"name": self.name});
            let kind = match namespace.as_str() {
                "" => "ClusterRole",
                namespace => {
                    metadata["namespace"] = namespace.into();
                    "Role"
                }
            };
            let rules: Value = rules.iter().map(Rule::to_value).collect();
            json!({
                "apiVersion": format!("{GROUP}/v1"), "kind": kind, "metadata": metadata, "rules": rules,
            })
        });
        roles.collect()
    }

    /// The rules by namespaces; what is allowed in the whole cluster needs no more.
    fn scopes(&self) -> BTreeMap<String, Vec<Rule>> {
        let everywhere: Vec<&Right> = self.of("").collect();
        let mut scopes = BTreeMap::new();
        let namespaces: BTreeSet<&str> = self
            .needed
            .iter()
            .map(|right| right.namespace.as_str())
            .collect();
        for namespace in namespaces {
            let covered = |right: &&Right| {
                !namespace.is_empty()
                    && everywhere.iter().any(|all| {
                        (&all.group, &all.resource, &all.verb)
                            == (&right.group, &right.resource, &right.verb)
                            && all.name.is_empty()
                    })
            };
            let rights: Vec<&Right> = self.of(namespace).filter(|right| !covered(right)).collect();
            let rules = self.rules(&rights);
            if !rules.is_empty() {
                scopes.insert(namespace.to_owned(), rules);
            }
        }
        scopes
    }

    fn of<'a>(&'a self, namespace: &'a str) -> impl Iterator<Item = &'a Right> {
        self.needed
            .iter()
            .filter(move |right| right.namespace == namespace)
    }

    /// Rights put together: verbs on one resource, then resources of a group with the same verbs.
    fn rules(&self, rights: &[&Right]) -> Vec<Rule> {
        /// The verbs by what else they go with.
        type Verbs<'a> = BTreeMap<(&'a str, &'a str, Vec<&'a str>), BTreeSet<&'a Rank>>;
        let mut verbs: Verbs<'_> = BTreeMap::new();
        let mut paths: BTreeMap<&str, BTreeSet<&Rank>> = BTreeMap::new();
        for right in rights {
            if !right.path.is_empty() {
                paths.entry(&right.path).or_default().insert(&right.verb);
                continue;
            }
            let same = |other: &&&Right| {
                (&other.group, &other.resource, &other.verb)
                    == (&right.group, &right.resource, &right.verb)
            };
            let mut names: Vec<&str> = match self.names {
                true => rights
                    .iter()
                    .filter(same)
                    .map(|right| right.name.as_str())
                    .collect(),
                false => Vec::new(),
            };
            if names.contains(&"") {
                names.clear();
            }
            let key = (right.group.as_str(), right.resource.as_str(), names);
            verbs.entry(key).or_default().insert(&right.verb);
        }
        let texts = |verbs: &BTreeSet<&Rank>| -> Vec<String> {
            verbs.iter().map(|rank| rank.1.clone()).collect()
        };
        let mut rules: Vec<Rule> = Vec::new();
        for ((group, resource, names), verbs) in &verbs {
            let (verbs, names): (_, Vec<String>) = (
                texts(verbs),
                names.iter().map(|name| (*name).to_owned()).collect(),
            );
            let fits = |rule: &&mut Rule| {
                rule.groups == [*group] && rule.verbs == verbs && rule.names == names
            };
            match rules.iter_mut().find(fits) {
                Some(rule) => rule.resources.push((*resource).to_owned()),
                None => rules.push(Rule {
                    groups: vec![(*group).to_owned()],
                    resources: vec![(*resource).to_owned()],
                    verbs,
                    names,
                    ..Rule::default()
                }),
            }
        }
        for (path, verbs) in paths {
            let verbs = texts(&verbs);
            let fits = |rule: &&mut Rule| !rule.urls.is_empty() && rule.verbs == verbs;
            match rules.iter_mut().find(fits) {
                Some(rule) => rule.urls.push(path.to_owned()),
                None => rules.push(Rule {
                    urls: vec![path.to_owned()],
                    verbs,
                    ..Rule::default()
                }),
            }
        }
        rules
    }

    /// What the roles of those who asked allow and nobody used: the role (`ClusterRole operator`, `Role prod/operator`),
    /// and its rights that were of no use. What everybody may do is not counted.
    pub fn unused(&self) -> Vec<(String, Vec<Rule>)> {
        let mut found: BTreeMap<String, Vec<Rule>> = BTreeMap::new();
        for (role, namespace, rules) in self.bound() {
            let is_used = |right: &Rule| {
                self.needed.iter().any(|needed| {
                    (namespace.is_empty() || namespace == needed.namespace)
                        && right.allows(&needed.attributes())
                })
            };
            let rights = rules.iter().flat_map(cover::break_down);
            let unused: Vec<Rule> = rights.filter(|right| !is_used(right)).collect();
            if !unused.is_empty() {
                found.entry(role).or_default().extend(unused);
            }
        }
        let compact = |(role, rules)| (role, cover::compact(rules));
        found.into_iter().map(compact).collect()
    }

    /// The stars of the roles of those who asked: they allow more than can have been used.
    pub fn wildcards(&self) -> Vec<(String, Rule)> {
        let has_star = |rule: &Rule| {
            let lists = [&rule.verbs, &rule.groups, &rule.resources, &rule.urls];
            lists
                .iter()
                .any(|list| list.iter().any(|item| item.contains('*')))
        };
        let mut found: Vec<(String, Rule)> = Vec::new();
        for (role, _, rules) in self.bound() {
            for rule in rules.iter().filter(|rule| has_star(rule)) {
                let one = (role.clone(), rule.clone());
                if !found.contains(&one) {
                    found.push(one);
                }
            }
        }
        found
    }

    /// The roles that are bound to those who asked, by anything but groups that everybody is in.
    fn bound(&self) -> Vec<(String, String, std::sync::Arc<[Rule]>)> {
        let index = self.cluster.access().rbac(self.cluster.store());
        // As every ServiceAccount is.
        let everybody = index.all_of(&User::new("").group("system:serviceaccounts"));
        let own = self.users.values().flat_map(|user| index.all_of(user));
        own.filter(|role| !everybody.contains(role)).collect()
    }

    /// What was asked for and is not allowed, if RBAC decides.
    pub fn missing(&self) -> Vec<Rule> {
        let index = self.cluster.access().rbac(self.cluster.store());
        let allowed = |right: &Right| {
            self.users.values().any(|user| {
                let (rules, _) = index.rules_for(user, &right.namespace);
                rules.iter().any(|rule| rule.allows(&right.attributes()))
            })
        };
        match self.users.is_empty() {
            true => Vec::new(),
            false => {
                let missing: Vec<&Right> =
                    self.needed.iter().filter(|right| !allowed(right)).collect();
                self.rules(&missing)
            }
        }
    }
}

/// A rule as YAML, as people write it.
pub fn yaml(rule: &Rule) -> String {
    let list = |items: &[String]| {
        let items: Vec<String> = items
            .iter()
            .map(|item| Value::from(item.as_str()).to_string())
            .collect();
        format!("[{}]", items.join(", "))
    };
    let parts = [
        ("apiGroups", &rule.groups),
        ("resources", &rule.resources),
        ("resourceNames", &rule.names),
        ("nonResourceURLs", &rule.urls),
        ("verbs", &rule.verbs),
    ];
    let lines: Vec<String> = parts
        .into_iter()
        .filter(|(_, items)| !items.is_empty())
        .map(|(key, items)| format!("{key}: {}\n", list(items)))
        .collect();
    format!("- {}", lines.join("  "))
}

impl fmt::Display for MinimalRole {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.needed.is_empty() {
            f.write_str("# nothing was asked for that not everybody may do\n")?;
        }
        for (n, (namespace, rules)) in self.scopes().iter().enumerate() {
            if n > 0 {
                f.write_str("---\n")?;
            }
            let kind = if namespace.is_empty() {
                "ClusterRole"
            } else {
                "Role"
            };
            writeln!(
                f,
                "apiVersion: {GROUP}/v1\nkind: {kind}\nmetadata:\n  name: {}",
                self.name
            )?;
            if !namespace.is_empty() {
                writeln!(f, "  namespace: {namespace}")?;
            }
            f.write_str("rules:\n")?;
            for rule in rules {
                f.write_str(&yaml(rule))?;
            }
        }
        for (role, rules) in self.unused() {
            writeln!(f, "# {role} allows too much; not used:")?;
            for rule in rules {
                writeln!(f, "#   {rule}")?;
            }
        }
        for (role, rule) in self.wildcards() {
            writeln!(
                f,
                "# {role} allows more than can be told, by a star: {rule}"
            )?;
        }
        let missing = self.missing();
        if !missing.is_empty() {
            f.write_str("# asked for, and not allowed:\n")?;
            for rule in missing {
                writeln!(f, "#   {rule}")?;
            }
        }
        Ok(())
    }
}
