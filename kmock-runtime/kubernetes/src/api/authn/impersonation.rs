//! Impersonation: a user who speaks for another, if they may.
//!
//! Headers name whom: `Impersonate-User`, `-Group`, `-Uid`, `-Extra-*`. Since 1.36 there are several modes (KEP-5284),
//! tried in order: those for nodes, ServiceAccounts and other users ask for the right to impersonate *while* the very
//! request is made, the old one for the right to impersonate as such.

use std::collections::BTreeMap;
use std::sync::Arc;

use http::HeaderMap;

use crate::api::authz;
use crate::model::meta;
use crate::model::path;
use crate::model::status::{ApiError, quoted};
use crate::model::user::{self, User};
use crate::state::access::{Attributes, ResourceAttributes};
use crate::state::cluster::Cluster;

const EXTRA: &str = "impersonate-extra-";
const GROUP: &str = "authentication.k8s.io";
const NODE: &str = "system:node:";
/// From so many values on, the right to all of them is asked for first.
const MANY: usize = 4;

/// The user that the headers ask for, or the one who asks.
pub fn user(
    cluster: &Cluster,
    headers: &HeaderMap,
    requestor: Arc<User>,
    attributes: &Attributes<'_>,
) -> Result<Arc<User>, ApiError> {
    let Some(wanted) = wanted(headers)? else {
        return Ok(requestor);
    };
    let mut first = None;
    for mode in Mode::ALL {
        if !mode.covers(&wanted, &requestor) {
            continue;
        }
        let attempt = Attempt {
            cluster,
            mode,
            wanted: &wanted,
            requestor: &requestor,
        };
        match attempt.check(attributes) {
            Ok(user) => return Ok(Arc::new(user)),
            Err(error) => first = first.or(Some(error)),
        }
    }
    Err(first.unwrap_or_else(|| ApiError::internal("all impersonation modes failed")))
}

/// Whom the headers ask for, as they say it.
fn wanted(headers: &HeaderMap) -> Result<Option<User>, ApiError> {
    if !headers
        .keys()
        .any(|name| name.as_str().starts_with("impersonate-"))
    {
        return Ok(None);
    }
    let all = |name: &str| -> Vec<String> {
        let values = headers.get_all(name).iter();
        values
            .map(|value| String::from_utf8_lossy(value.as_bytes()).into_owned())
            .collect()
    };
    let first = |name: &str| all(name).into_iter().next().unwrap_or_default();
    let mut extra: BTreeMap<String, Vec<String>> = BTreeMap::new();
    for name in headers.keys() {
        if let Some(key) = name.as_str().strip_prefix(EXTRA) {
            let key = path::decode(key, false).unwrap_or_else(|| key.to_owned());
            extra.entry(key).or_default().extend(all(name.as_str()));
        }
    }
    let wanted = User {
        name: first("impersonate-user"),
        uid: first("impersonate-uid"),
        groups: all("impersonate-group"),
        extra,
    };
    if !wanted.name.is_empty() {
        return Ok(Some(wanted));
    }
    if wanted.uid.is_empty() && wanted.groups.is_empty() && wanted.extra.is_empty() {
        return Ok(None);
    }
    Err(ApiError::bad_request(format!(
        "requested {} without impersonating a user name",
        in_go(&wanted)
    )))
}

/// A user as Go prints its structure.
fn in_go(user: &User) -> String {
    let list = |items: &[String]| {
        let items: Vec<String> = items.iter().map(|item| quoted(item)).collect();
        format!("[]string{{{}}}", items.join(", "))
    };
    let groups = match user.groups.as_slice() {
        [] => "[]string(nil)".to_owned(),
        groups => list(groups),
    };
    let extra = if user.extra.is_empty() {
        "map[string][]string(nil)".to_owned()
    } else {
        let pairs = user.extra.iter();
        let pairs: Vec<String> = pairs
            .map(|(key, values)| format!("{}:{}", quoted(key), list(values)))
            .collect();
        format!("map[string][]string{{{}}}", pairs.join(", "))
    };
    format!(
        "&user.DefaultInfo{{Name:{}, UID:{}, Groups:{groups}, Extra:{extra}}}",
        quoted(&user.name),
        quoted(&user.uid)
    )
}

/// How somebody is impersonated.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Mode {
    /// The node on which the ServiceAccount runs.
    AssociatedNode,
    /// Any node.
    ArbitraryNode,
    /// A ServiceAccount.
    ServiceAccount,
    /// Anybody else.
    UserInfo,
    /// Anybody, by the verb `impersonate`.
    Legacy,
}

impl Mode {
    const ALL: [Self; 5] = [
        Self::AssociatedNode,
        Self::ArbitraryNode,
        Self::ServiceAccount,
        Self::UserInfo,
        Self::Legacy,
    ];

    fn name(self) -> &'static str {
        match self {
            Self::AssociatedNode => "associated-node",
            Self::ArbitraryNode => "arbitrary-node",
            Self::ServiceAccount => "serviceaccount",
            Self::UserInfo => "user-info",
            Self::Legacy => "",
        }
    }

    fn covers(self, wanted: &User, requestor: &User) -> bool {
        let only_name =
            wanted.uid.is_empty() && wanted.groups.is_empty() && wanted.extra.is_empty();
        let (node, account) = (node_of(&wanted.name), wanted.as_service_account());
        match self {
            Self::AssociatedNode => {
                let key = "authentication.kubernetes.io/node-name";
                let own = match requestor.extra.get(key).map(Vec::as_slice) {
                    Some([own]) => Some(own.as_str()),
                    _ => None,
                };
                let is_account = requestor.as_service_account().is_some();
                only_name && node.is_some() && is_account && own == node
            }
            Self::ArbitraryNode => only_name && node.is_some(),
            Self::ServiceAccount => only_name && account.is_some(),
            Self::UserInfo => node.is_none() && account.is_none(),
            Self::Legacy => true,
        }
    }
}

fn node_of(name: &str) -> Option<&str> {
    let node = name.strip_prefix(NODE)?;
    meta::subdomain_faults(node).is_empty().then_some(node)
}

/// One mode's try.
struct Attempt<'a> {
    cluster: &'a Cluster,
    mode: Mode,
    wanted: &'a User,
    requestor: &'a User,
}

impl Attempt<'_> {
    fn check(&self, attributes: &Attributes<'_>) -> Result<User, ApiError> {
        if self.mode != Mode::Legacy {
            let mut on = attributes.clone();
            on.verb = format!("impersonate-on:{}:{}", self.mode.name(), on.verb).into();
            self.ask(&on)?;
        }
        let mut user = self.wanted.clone();
        self.name(&mut user)?;
        if !self.wanted.uid.is_empty() {
            self.may(GROUP, "uids", "", &self.wanted.uid)?;
        }
        self.groups()?;
        self.extra()?;
        let class = if user.name == user::ANONYMOUS {
            user::UNAUTHENTICATED
        } else if user.is_in(user::UNAUTHENTICATED) {
            return Ok(user);
        } else {
            user::AUTHENTICATED
        };
        if !user.is_in(class) {
            user.groups.push(class.to_owned());
        }
        Ok(user)
    }

    /// The group of the resources that stand for users and groups.
    fn own_group(&self) -> &'static str {
        match self.mode {
            Mode::Legacy => "",
            _ => GROUP,
        }
    }

    fn attributes<'b>(
        &self,
        group: &'b str,
        resource: &'b str,
        subresource: &'b str,
        name: &'b str,
    ) -> Attributes<'b> {
        let verb = match self.mode {
            Mode::Legacy => "impersonate".to_owned(),
            mode => format!("impersonate:{}", mode.name()),
        };
        Attributes::resource(
            verb,
            ResourceAttributes {
                group: group.into(),
                version: "v1".into(),
                resource: resource.into(),
                subresource: subresource.into(),
                name: name.into(),
                ..ResourceAttributes::default()
            },
        )
    }

    fn ask(&self, attributes: &Attributes<'_>) -> Result<(), ApiError> {
        authz::check(self.cluster, self.requestor, attributes)
    }

    fn may(
        &self,
        group: &str,
        resource: &str,
        subresource: &str,
        name: &str,
    ) -> Result<(), ApiError> {
        self.ask(&self.attributes(group, resource, subresource, name))
    }

    fn name(&self, user: &mut User) -> Result<(), ApiError> {
        let group = self.own_group();
        let wanted = &self.wanted.name;
        if let Some((namespace, name)) = self.wanted.as_service_account() {
            if self.wanted.groups.is_empty() {
                user.groups = user::service_account_groups(namespace);
            }
            let mut attributes = self.attributes(group, "serviceaccounts", "", name);
            if let crate::state::access::What::Resource(resource) = &mut attributes.what {
                resource.namespace = namespace.into();
            }
            return self.ask(&attributes);
        }
        match node_of(wanted).filter(|_| self.mode != Mode::Legacy) {
            Some(node) => {
                user.groups = vec!["system:nodes".to_owned()];
                // The right is to any node on which one happens to run.
                let name = match self.mode {
                    Mode::AssociatedNode => "*",
                    _ => node,
                };
                self.may(group, "nodes", "", name)
            }
            None => self.may(group, "users", "", wanted),
        }
    }

    fn groups(&self) -> Result<(), ApiError> {
        let groups = &self.wanted.groups;
        let own = self.own_group();
        let refuse = |name: &str, why: &str| {
            let attributes = self.attributes(own, "groups", "", name);
            Err(attributes.forbidden(self.requestor, why))
        };
        if self.mode != Mode::Legacy {
            if groups.iter().any(String::is_empty) {
                return refuse("", "impersonating the empty string group is not allowed");
            }
            if self.wanted.is_privileged() {
                let why = "impersonating the system:masters group is not allowed";
                return refuse(user::MASTERS, why);
            }
            if groups.len() >= MANY && self.may(own, "groups", "", "*").is_ok() {
                return Ok(());
            }
        }
        groups
            .iter()
            .try_for_each(|group| self.may(own, "groups", "", group))
    }

    fn extra(&self) -> Result<(), ApiError> {
        let extra = &self.wanted.extra;
        if self.mode != Mode::Legacy && !extra.is_empty() {
            if let Some(why) = extra_fault(extra) {
                let attributes = self.attributes(GROUP, "userextras", "", "");
                return Err(attributes.forbidden(self.requestor, &why));
            }
            let values: usize = extra.values().map(Vec::len).sum();
            if (extra.len() >= MANY || values >= MANY)
                && self.may(GROUP, "userextras", "*", "*").is_ok()
            {
                return Ok(());
            }
        }
        for (key, values) in extra {
            for value in values {
                self.may(GROUP, "userextras", key, value)?;
            }
        }
        Ok(())
    }
}

/// What is wrong with extra keys and values, where it is looked at.
fn extra_fault(extra: &BTreeMap<String, Vec<String>>) -> Option<String> {
    let no = |what: &str| Some(format!("impersonating {what} in extra is not allowed"));
    for (key, values) in extra {
        if key.is_empty() {
            return no("the empty string key");
        }
        if let Some(fault) = domain_path_fault(key) {
            return Some(format!(
                "impersonating an invalid key in extra is not allowed: {fault}"
            ));
        }
        if values.iter().any(String::is_empty) {
            return no("the empty string value");
        }
    }
    None
}

/// What is wrong with a domain and a path: `example.com/scopes`.
fn domain_path_fault(key: &str) -> Option<String> {
    let invalid = |value: &str, why: &str| {
        Some(format!(
            "extra.key: Invalid value: {}: {why}",
            quoted(value)
        ))
    };
    let Some((domain, path)) = key.split_once('/').filter(|(_, path)| !path.is_empty()) else {
        let why = "must be a domain-prefixed path (such as \"acme.io/foo\")";
        return invalid(key, why);
    };
    if let Some(why) = meta::subdomain_faults(domain).first() {
        return invalid(domain, why);
    }
    let allowed = |byte: u8| byte.is_ascii_alphanumeric() || b"/-._~%!$&'()*+,;=:".contains(&byte);
    if !path.bytes().all(allowed) {
        let regex = r"[A-Za-z0-9/\-._~%!$&'()*+,;=:]+";
        let why = format!("Invalid path (regex used for validation is '{regex}')");
        return invalid(path, &why);
    }
    None
}
