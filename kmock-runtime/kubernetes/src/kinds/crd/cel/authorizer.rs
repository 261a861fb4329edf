//! The authorizer in the expressions of policies: `authorizer.group('').resource('pods').check('create').allowed()`.
//!
//! Rules: `apiserver/pkg/cel/library/authz.go`.

use super::types::Ty;
use super::value::{Fail, Opaque, Val};

pub(crate) const AUTHORIZER: &str = "kubernetes.authorization.Authorizer";
const PATH_CHECK: &str = "kubernetes.authorization.PathCheck";
const GROUP_CHECK: &str = "kubernetes.authorization.GroupCheck";
pub(crate) const RESOURCE_CHECK: &str = "kubernetes.authorization.ResourceCheck";
const DECISION: &str = "kubernetes.authorization.Decision";

/// What an authorizer is asked about: a path, or a resource with what is known of it.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct AuthorizerCheck {
    /// The service account that is asked about: namespace and name. `None`: who makes the request.
    pub(crate) account: Option<(String, String)>,
    pub(crate) path: Option<String>,
    pub(crate) group: String,
    pub(crate) resource: String,
    pub(crate) subresource: String,
    pub(crate) namespace: String,
    pub(crate) name: String,
}

/// A value of the library.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Authz {
    Authorizer(AuthorizerCheck),
    Path(AuthorizerCheck),
    Group(AuthorizerCheck),
    Resource(AuthorizerCheck),
    Decision { allowed: bool, reason: String },
}

impl Authz {
    pub(crate) fn type_name(&self) -> &'static str {
        match self {
            Authz::Authorizer(_) => AUTHORIZER,
            Authz::Path(_) => PATH_CHECK,
            Authz::Group(_) => GROUP_CHECK,
            Authz::Resource(_) => RESOURCE_CHECK,
            Authz::Decision { .. } => DECISION,
        }
    }
}

/// Decides for expressions.
pub(crate) trait Decider: Sync {
    /// Whether a verb is allowed, and why or why not.
    fn decide(&self, verb: &str, check: &AuthorizerCheck) -> (bool, String);
}

/// What a check costs.
const CHECK_COST: u64 = 350_000;

pub(super) fn cost(name: &str) -> u64 {
    if name == "check" { CHECK_COST } else { 1 }
}

/// The type of a call of a member function.
pub(super) fn member(name: &str, target: &str, args: &[Ty]) -> Option<Ty> {
    let texts = |count: usize| args.len() == count && args.iter().all(|arg| arg.fits(&Ty::Str));
    Some(match (target, name) {
        (AUTHORIZER, "path") if texts(1) => Ty::Opaque(PATH_CHECK),
        (AUTHORIZER, "group") if texts(1) => Ty::Opaque(GROUP_CHECK),
        (AUTHORIZER, "serviceAccount") if texts(2) => Ty::Opaque(AUTHORIZER),
        (GROUP_CHECK, "resource") if texts(1) => Ty::Opaque(RESOURCE_CHECK),
        (
            RESOURCE_CHECK,
            "subresource" | "namespace" | "name" | "fieldSelector" | "labelSelector",
        ) if texts(1) => Ty::Opaque(RESOURCE_CHECK),
        (PATH_CHECK | RESOURCE_CHECK, "check") if texts(1) => Ty::Opaque(DECISION),
        (DECISION, "allowed" | "errored") if args.is_empty() => Ty::Bool,
        (DECISION, "reason" | "error") if args.is_empty() => Ty::Str,
        _ => return None,
    })
}

/// Calls a member function.
pub(super) fn call<'a>(
    name: &str,
    target: &Authz,
    args: &[Val<'a>],
    decider: Option<&dyn Decider>,
) -> Result<Val<'a>, Fail> {
    let mut texts = args.iter().map(|arg| match arg {
        Val::Text(text) => Ok(text.clone().into_owned()),
        _ => Fail::no_such_overload(),
    });
    let mut text = || texts.next().unwrap_or_else(Fail::no_such_overload);
    let made = |value: Authz| Ok(Val::opaque(Opaque::Authz(Box::new(value))));
    match (target, name) {
        (Authz::Authorizer(check), "path") => {
            let path = text()?;
            if path.is_empty() {
                return Fail::new("path must not be empty");
            }
            let path = Some(path);
            made(Authz::Path(AuthorizerCheck {
                path,
                ..check.clone()
            }))
        }
        (Authz::Authorizer(check), "group") => {
            let group = text()?;
            made(Authz::Group(AuthorizerCheck {
                group,
                ..check.clone()
            }))
        }
        (Authz::Authorizer(check), "serviceAccount") => {
            let account = Some((text()?, text()?));
            made(Authz::Authorizer(AuthorizerCheck {
                account,
                ..check.clone()
            }))
        }
        (Authz::Group(check), "resource") => {
            let resource = text()?;
            if resource.is_empty() {
                return Fail::new("resource must not be empty");
            }
            made(Authz::Resource(AuthorizerCheck {
                resource,
                ..check.clone()
            }))
        }
        (Authz::Resource(check), part) if part != "check" => {
            let (mut check, text) = (check.clone(), text()?);
            match part {
                "subresource" => check.subresource = text,
                "namespace" => check.namespace = text,
                "name" => check.name = text,
                // Authorizers that know nothing of selectors ignore them.
                "fieldSelector" | "labelSelector" => {}
                _ => return Fail::no_such_overload(),
            }
            made(Authz::Resource(check))
        }
        (Authz::Path(check) | Authz::Resource(check), "check") => {
            let verb = text()?;
            let Some(decider) = decider else {
                return Fail::new("no authorizer is available");
            };
            let (allowed, reason) = decider.decide(&verb, check);
            made(Authz::Decision { allowed, reason })
        }
        (Authz::Decision { allowed, .. }, "allowed") => Ok(Val::Bool(*allowed)),
        (Authz::Decision { .. }, "errored") => Ok(Val::Bool(false)),
        (Authz::Decision { reason, .. }, "reason") => Ok(Val::text(reason.clone())),
        (Authz::Decision { .. }, "error") => Ok(Val::text("")),
        _ => Fail::no_such_overload(),
    }
}
