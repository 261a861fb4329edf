//! Who asks: the user of a request, decided once at the door and seen by everything behind it.

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::fmt;
use std::sync::{Arc, LazyLock};

use serde_json::{Map, Value};

/// The group of those who may do anything, whatever the authorizer says.
pub const MASTERS: &str = "system:masters";
/// The group of everybody who is known.
pub const AUTHENTICATED: &str = "system:authenticated";
/// The group of everybody else.
pub const UNAUTHENTICATED: &str = "system:unauthenticated";
/// The group of the kubelets.
pub const NODES: &str = "system:nodes";
/// The name of everybody else.
pub const ANONYMOUS: &str = "system:anonymous";

const NODE: &str = "system:node:";
const SERVICE_ACCOUNT: &str = "system:serviceaccount:";
const SERVICE_ACCOUNTS: &str = "system:serviceaccounts";

/// A user as Kubernetes knows one: a name, a uid, groups, and whatever else the authentication tells
/// (`UserInfo` of `authentication.k8s.io/v1`).
///
/// A text becomes a user who is authenticated; the name of a ServiceAccount brings its groups along:
///
/// ```
/// use kmock_kubernetes::User;
///
/// let jane = User::new("jane").group("devs");
/// assert_eq!(jane.groups, ["devs", "system:authenticated"]);
/// let bot = User::from("system:serviceaccount:prod:bot");
/// assert_eq!(bot, User::service_account("prod", "bot"));
/// assert_eq!(
///     bot.groups,
///     ["system:serviceaccounts", "system:serviceaccounts:prod", "system:authenticated"]
/// );
/// ```
#[derive(Debug, Clone, Default, PartialEq, Eq, Hash)]
pub struct User {
    /// The name, e.g. `jane` or `system:serviceaccount:prod:bot`.
    pub name: String,
    /// The uid; empty where there is none.
    pub uid: String,
    /// The groups.
    pub groups: Vec<String>,
    /// What else is known, by keys in lower case.
    pub extra: BTreeMap<String, Vec<String>>,
}

impl User {
    /// An authenticated user.
    pub fn new(name: impl Into<String>) -> Self {
        let name = name.into();
        let mut groups = match split_service_account(&name) {
            Some((namespace, _)) => service_account_groups(namespace),
            None => Vec::new(),
        };
        let class = match name.as_str() {
            ANONYMOUS => UNAUTHENTICATED,
            _ => AUTHENTICATED,
        };
        groups.push(class.to_owned());
        Self {
            name,
            groups,
            ..Self::default()
        }
    }

    /// A ServiceAccount.
    pub fn service_account(namespace: &str, name: &str) -> Self {
        Self::new(format!("{SERVICE_ACCOUNT}{namespace}:{name}"))
    }

    /// The kubelet of a node.
    ///
    /// ```
    /// use kmock_kubernetes::User;
    ///
    /// let kubelet = User::node("worker-1");
    /// assert_eq!(kubelet.name, "system:node:worker-1");
    /// assert_eq!(kubelet.groups, ["system:nodes", "system:authenticated"]);
    /// ```
    pub fn node(name: &str) -> Self {
        Self::new(format!("{NODE}{name}")).group(NODES)
    }

    /// The administrator: whoever does not say who they are, while nobody has to.
    pub fn admin() -> Arc<Self> {
        static ADMIN: LazyLock<Arc<User>> =
            LazyLock::new(|| Arc::new(User::new("kubernetes-admin").group(MASTERS)));
        Arc::clone(&ADMIN)
    }

    /// Whoever does not say who they are, where one has to.
    pub fn anonymous() -> Arc<Self> {
        static NOBODY: LazyLock<Arc<User>> = LazyLock::new(|| Arc::new(User::new(ANONYMOUS)));
        Arc::clone(&NOBODY)
    }

    /// The same user with one more group.
    #[must_use]
    pub fn group(mut self, group: impl Into<String>) -> Self {
        let group = group.into();
        if !self.groups.contains(&group) {
            // The server adds its own group last.
            let own = |known: &String| known == AUTHENTICATED || known == UNAUTHENTICATED;
            let end = self.groups.len() - usize::from(self.groups.last().is_some_and(own));
            self.groups.insert(end, group);
        }
        self
    }

    /// The same user with another uid.
    #[must_use]
    pub fn uid(mut self, uid: impl Into<String>) -> Self {
        self.uid = uid.into();
        self
    }

    /// The same user with one more value of an extra key.
    #[must_use]
    pub fn extra(mut self, key: impl Into<String>, value: impl Into<String>) -> Self {
        self.extra.entry(key.into()).or_default().push(value.into());
        self
    }

    /// Whether they are in a group.
    pub fn is_in(&self, group: &str) -> bool {
        self.groups.iter().any(|known| known == group)
    }

    /// Whether they may do anything, whatever the authorizer says.
    pub fn is_privileged(&self) -> bool {
        self.is_in(MASTERS)
    }

    /// The namespace and the name of the ServiceAccount that the user is, if it is one.
    pub fn as_service_account(&self) -> Option<(&str, &str)> {
        split_service_account(&self.name)
    }

    /// The name of the node whose kubelet the user is, if it is one.
    pub fn as_node(&self) -> Option<&str> {
        let name = self.name.strip_prefix(NODE)?;
        self.is_in(NODES).then_some(name)
    }

    /// The `UserInfo` of `authentication.k8s.io/v1`, as reviews show it: what is empty is left out.
    pub fn to_user_info(&self) -> Value {
        let mut info = Map::new();
        let mut set = |key: &str, value: Value| {
            info.insert(key.to_owned(), value);
        };
        if !self.name.is_empty() {
            set("username", self.name.as_str().into());
        }
        if !self.uid.is_empty() {
            set("uid", self.uid.as_str().into());
        }
        if !self.groups.is_empty() {
            set("groups", self.groups.clone().into());
        }
        if !self.extra.is_empty() {
            set("extra", self.extra_value());
        }
        Value::Object(info)
    }

    /// The extra values as JSON: an object of lists.
    pub fn extra_value(&self) -> Value {
        let extra = self.extra.iter();
        extra
            .map(|(key, values)| (key.clone(), Value::from(values.clone())))
            .collect::<Map<_, _>>()
            .into()
    }
}

/// The namespace and the name of a ServiceAccount in a user's name; `None` if both are not well-formed.
pub fn split_service_account(name: &str) -> Option<(&str, &str)> {
    let (namespace, name) = name.strip_prefix(SERVICE_ACCOUNT)?.split_once(':')?;
    let well_formed = crate::model::meta::label_faults(namespace).is_empty()
        && crate::model::meta::subdomain_faults(name).is_empty();
    well_formed.then_some((namespace, name))
}

/// The groups of the ServiceAccounts of a namespace.
pub fn service_account_groups(namespace: &str) -> Vec<String> {
    vec![
        SERVICE_ACCOUNTS.to_owned(),
        format!("{SERVICE_ACCOUNTS}:{namespace}"),
    ]
}

impl fmt::Display for User {
    /// The name, and the groups in brackets.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let name = match self.name.as_str() {
            "" => "<empty>",
            name => name,
        };
        match self.groups.as_slice() {
            [] => f.write_str(name),
            groups => write!(f, "{name}[{}]", groups.join(",")),
        }
    }
}

impl From<&str> for User {
    fn from(name: &str) -> Self {
        Self::new(name)
    }
}

impl From<String> for User {
    fn from(name: String) -> Self {
        Self::new(name)
    }
}

impl From<&User> for User {
    fn from(user: &User) -> Self {
        user.clone()
    }
}

impl From<Cow<'_, str>> for User {
    fn from(name: Cow<'_, str>) -> Self {
        Self::new(name)
    }
}
