//! The bindings of a cluster by whom they bind, with the rules that they give: as they are at some revision.
//!
//! What did not change since the last index is taken over from it, so that a new role costs what that role costs.

use std::collections::HashMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use serde_json::Value;

use super::GROUP;
use super::rule::Rule;
use crate::model::resource::ResourceKey;
use crate::model::status::quoted;
use crate::model::user::User;
use crate::state::access::{Attributes, What};
use crate::state::store::{Store, StoredObject};

/// The rules of a role, and the revision from which they are.
type Rules = (u64, Arc<[Rule]>);

/// Who may what.
#[derive(Debug, Default)]
pub struct Index {
    /// Nothing was changed between the objects' own revisions and this one.
    fresh: AtomicU64,
    /// The newest revisions of roles, cluster roles, role bindings and cluster role bindings.
    stamp: [u64; 4],
    /// By `namespace/name`, or the name of a cluster role.
    roles: HashMap<String, Rules>,
    /// Of the whole cluster first, then by their keys.
    bindings: Vec<Arc<Binding>>,
    /// Positions of bindings and of their subjects, by the names of users.
    users: HashMap<String, Vec<(usize, usize)>>,
    /// The same by the names of groups.
    groups: HashMap<String, Vec<(usize, usize)>>,
}

/// A ClusterRoleBinding, or a RoleBinding of a namespace.
#[derive(Debug)]
struct Binding {
    /// Empty: of the whole cluster.
    namespace: String,
    name: String,
    revision: u64,
    role_kind: String,
    role_name: String,
    subjects: Vec<Subject>,
}

#[derive(Debug)]
struct Subject {
    kind: String,
    name: String,
    namespace: String,
}

/// What the rules say.
#[derive(Debug)]
pub enum RbacVerdict<'a> {
    /// Allowed, by a binding.
    Allowed(Grant<'a>),
    /// Nothing allows it; these roles were not found while looking.
    Denied(Vec<String>),
}

/// What allows something: a binding, and the one of its subjects that fits.
#[derive(Debug, Clone, Copy)]
pub struct Grant<'a> {
    binding: &'a Binding,
    subject: &'a Subject,
}

impl Grant<'_> {
    /// In the authorizer's words: `RBAC: allowed by RoleBinding "b/ns" of Role "r" to User "jane"`.
    pub fn reason(&self) -> String {
        let Binding {
            namespace,
            name,
            role_kind,
            role_name,
            ..
        } = self.binding;
        let (kind, binding) = match namespace.as_str() {
            "" => ("ClusterRoleBinding", name.clone()),
            namespace => ("RoleBinding", format!("{name}/{namespace}")),
        };
        let subject = match self.subject.kind.as_str() {
            "ServiceAccount" => format!("{}/{}", self.subject.name, self.subject.namespace),
            _ => self.subject.name.clone(),
        };
        format!(
            "RBAC: allowed by {kind} {} of {role_kind} {} to {} {}",
            quoted(&binding),
            quoted(role_name),
            self.subject.kind,
            quoted(&subject)
        )
    }
}

fn places() -> [ResourceKey; 4] {
    [
        "roles",
        "clusterroles",
        "rolebindings",
        "clusterrolebindings",
    ]
    .map(|plural| ResourceKey::new(GROUP, plural))
}

impl Index {
    /// Whether it is what the store has.
    pub fn is_fresh(&self, store: &Store) -> bool {
        let now = store.revision();
        if self.fresh.load(Ordering::Relaxed) == now {
            return true;
        }
        let is_same = !self.stamp.contains(&0) && self.stamp == stamp(store);
        if is_same {
            self.fresh.store(now, Ordering::Relaxed);
        }
        is_same
    }

    /// The index of what the store has now.
    pub fn build(store: &Store, former: &Self) -> Self {
        let fresh = store.revision();
        let stamp = stamp(store);
        let [roles, cluster_roles, bindings, cluster_bindings] =
            places().map(|place| store.list(&place, "").objects);
        let known = |role: &Arc<StoredObject>| {
            let rules = match former.roles.get(role.key()) {
                Some((revision, rules)) if *revision == role.revision => Arc::clone(rules),
                _ => Rule::read_all(&role.value).into(),
            };
            (role.key().to_owned(), (role.revision, rules))
        };
        let former: HashMap<(&str, &str), &Arc<Binding>> = former
            .bindings
            .iter()
            .map(|binding| ((&*binding.namespace, &*binding.name), binding))
            .collect();
        let mut index = Self {
            fresh: AtomicU64::new(fresh),
            stamp,
            roles: roles.iter().chain(&cluster_roles).map(known).collect(),
            ..Self::default()
        };
        for object in cluster_bindings.iter().chain(&bindings) {
            let former = former.get(&(object.namespace(), object.name()));
            index.add(match former {
                Some(binding) if binding.revision == object.revision => Arc::clone(binding),
                _ => Arc::new(Binding::read(object)),
            });
        }
        index
    }

    fn add(&mut self, binding: Arc<Binding>) {
        let nth = self.bindings.len();
        for (at, subject) in binding.subjects.iter().enumerate() {
            let place = match subject.kind.as_str() {
                "User" => self.users.entry(subject.name.clone()),
                "Group" => self.groups.entry(subject.name.clone()),
                "ServiceAccount" if !subject.namespace.is_empty() => {
                    let account = (&subject.namespace, &subject.name);
                    let name = format!("system:serviceaccount:{}:{}", account.0, account.1);
                    self.users.entry(name)
                }
                _ => continue,
            };
            place.or_default().push((nth, at));
        }
        self.bindings.push(binding);
    }

    /// The bindings that hold for a user in a namespace (empty: in the cluster; none: anywhere), each once, in order.
    fn grants(&self, user: &User, namespace: Option<&str>) -> Vec<Grant<'_>> {
        let of_groups = user
            .groups
            .iter()
            .filter_map(|group| self.groups.get(group));
        let found = self.users.get(&user.name).into_iter().chain(of_groups);
        let mut places: Vec<(usize, usize)> = found.flatten().copied().collect();
        places.sort_unstable();
        places.dedup_by_key(|(binding, _)| *binding);
        let grants = places.into_iter().filter_map(|(nth, at)| {
            let binding = &**self.bindings.get(nth)?;
            let subject = binding.subjects.get(at)?;
            Some(Grant { binding, subject })
        });
        grants
            .filter(|grant| {
                let of = &grant.binding.namespace;
                of.is_empty() || namespace.is_none_or(|namespace| of == namespace)
            })
            .collect()
    }

    /// The rules of a role, as a binding names it in a namespace. The failure is the server's text.
    pub fn rules_of(
        &self,
        kind: &str,
        name: &str,
        namespace: &str,
    ) -> Result<&Arc<[Rule]>, String> {
        let (key, resource) = match kind {
            "Role" => (format!("{namespace}/{name}"), "role"),
            "ClusterRole" => (name.to_owned(), "clusterrole"),
            kind => {
                return Err(format!("unsupported role reference kind: {}", quoted(kind)));
            }
        };
        match self.roles.get(&key) {
            Some((_, rules)) => Ok(rules),
            None => Err(format!("{resource}.{GROUP} {} not found", quoted(name))),
        }
    }

    fn rules<'a>(&'a self, grant: &Grant<'a>) -> Result<&'a Arc<[Rule]>, String> {
        let binding = grant.binding;
        self.rules_of(&binding.role_kind, &binding.role_name, &binding.namespace)
    }

    /// Decides about something.
    pub fn decide<'a>(&'a self, user: &User, attributes: &Attributes<'_>) -> RbacVerdict<'a> {
        let namespace = match &attributes.what {
            What::Resource(resource) => &*resource.namespace,
            What::Path(_) => "",
        };
        let mut lost = Vec::new();
        for grant in self.grants(user, Some(namespace)) {
            match self.rules(&grant) {
                Ok(rules) if rules.iter().any(|rule| rule.allows(attributes)) => {
                    return RbacVerdict::Allowed(grant);
                }
                Ok(_) => {}
                Err(error) => lost.push(error),
            }
        }
        RbacVerdict::Denied(lost)
    }

    /// All roles that are bound to a user, wherever: what they are (`ClusterRole view`, `Role prod/bot`), where they hold
    /// (empty: everywhere), and their rules. Roles that are not there are left out.
    pub fn all_of(&self, user: &User) -> Vec<(String, String, Arc<[Rule]>)> {
        let grants = self.grants(user, None).into_iter();
        let roles = grants.filter_map(|grant| {
            let binding = grant.binding;
            let rules = self.rules(&grant).ok()?;
            let name = match binding.role_kind.as_str() {
                "Role" => format!("Role {}/{}", binding.namespace, binding.role_name),
                kind => format!("{kind} {}", binding.role_name),
            };
            Some((name, binding.namespace.clone(), Arc::clone(rules)))
        });
        roles.collect()
    }

    /// All rules that hold for a user in a namespace, and which roles were not found.
    pub fn rules_for(&self, user: &User, namespace: &str) -> (Vec<Rule>, Vec<String>) {
        let (mut all, mut lost) = (Vec::new(), Vec::new());
        for grant in self.grants(user, Some(namespace)) {
            match self.rules(&grant) {
                Ok(rules) => all.extend(rules.iter().cloned()),
                Err(error) => lost.push(error),
            }
        }
        (all, lost)
    }
}

/// Errors as the server joins them: alone as it is, several in brackets, each once.
pub fn join(errors: &[String]) -> String {
    let mut seen: Vec<&str> = Vec::new();
    for error in errors {
        if !seen.contains(&error.as_str()) {
            seen.push(error);
        }
    }
    match seen.as_slice() {
        [one] => (*one).to_owned(),
        many => format!("[{}]", many.join(", ")),
    }
}

fn stamp(store: &Store) -> [u64; 4] {
    places().map(|place| store.latest(&place))
}

impl Binding {
    fn read(object: &StoredObject) -> Self {
        let namespace = object.namespace();
        let text = |value: &Value, key: &str| value[key].as_str().unwrap_or_default().to_owned();
        let subjects = object.value["subjects"].as_array().into_iter().flatten();
        let role = &object.value["roleRef"];
        Self {
            subjects: subjects
                .map(|subject| Subject {
                    kind: text(subject, "kind"),
                    name: text(subject, "name"),
                    namespace: match subject["namespace"].as_str() {
                        None | Some("") => namespace.to_owned(),
                        Some(own) => own.to_owned(),
                    },
                })
                .collect(),
            namespace: namespace.to_owned(),
            name: object.name().to_owned(),
            revision: object.revision,
            role_kind: text(role, "kind"),
            role_name: text(role, "name"),
        }
    }
}
