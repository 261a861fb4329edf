//! What is asked for, as authorizers see it: `authorizer.Attributes` of `k8s.io/apiserver`.

use std::borrow::Cow;

use http::Method;
use http::request::Parts;

use crate::model::meta;
use crate::model::path::{self, ApiRequest, Verb};
use crate::model::selectors::FieldSelector;
use crate::model::status::{ApiError, quoted};
use crate::model::user::User;

/// A verb, and what it is done to.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Attributes<'a> {
    /// The verb: of resources as RBAC rules name it, of paths the method in lower case.
    pub verb: Cow<'a, str>,
    /// What it is done to.
    pub what: What<'a>,
}

/// A resource, or a path that is none.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum What<'a> {
    /// A resource.
    Resource(ResourceAttributes<'a>),
    /// A path that names no resource, e.g. `/healthz`.
    Path(Cow<'a, str>),
}

/// A resource; absent parts are empty.
#[derive(Debug, Clone, Default, PartialEq, Eq, Hash)]
pub struct ResourceAttributes<'a> {
    /// API group; empty is the core group.
    pub group: Cow<'a, str>,
    /// API version.
    pub version: Cow<'a, str>,
    /// The namespace; of a Namespace itself it is its own name.
    pub namespace: Cow<'a, str>,
    /// The plural name.
    pub resource: Cow<'a, str>,
    /// The subresource.
    pub subresource: Cow<'a, str>,
    /// The object's name.
    pub name: Cow<'a, str>,
    /// The field selector of what reads or deletes a collection, as it was written.
    pub fields: Cow<'a, str>,
}

impl ResourceAttributes<'_> {
    /// `pods`, `pods/log`: how rules name it.
    pub fn combined(&self) -> Cow<'_, str> {
        match &*self.subresource {
            "" => Cow::Borrowed(&self.resource),
            subresource => format!("{}/{subresource}", self.resource).into(),
        }
    }
}

impl<'a> Attributes<'a> {
    /// Of a verb on a resource.
    pub fn resource(verb: impl Into<Cow<'a, str>>, resource: ResourceAttributes<'a>) -> Self {
        Self {
            verb: verb.into(),
            what: What::Resource(resource),
        }
    }

    /// Of a request for a resource.
    pub fn of_request(request: &'a ApiRequest) -> Self {
        // HEAD reads, and everything else that is no verb has none.
        let verb = match (request.verb, &request.name) {
            (Verb::Other, Some(_)) if request.method == Method::HEAD => "get",
            (Verb::Other, None) if request.method == Method::HEAD => "list",
            (verb, _) => verb.as_str(),
        };
        let is_namespace = request.resource == "namespaces" && request.namespace.is_none();
        let namespace = match is_namespace {
            true => request.name(),
            false => request.namespace(),
        };
        let selected = match (verb, &request.name) {
            ("list" | "watch", None) => selected_name(request),
            _ => None,
        };
        let fields = match verb {
            "list" | "watch" | "deletecollection" => request.query.get("fieldSelector"),
            _ => None,
        };
        let fields = fields.unwrap_or_default();
        let name = match selected {
            Some(name) => Cow::Owned(name),
            None => Cow::Borrowed(request.name()),
        };
        Self::resource(
            verb,
            ResourceAttributes {
                group: request.group.as_str().into(),
                version: request.version.as_str().into(),
                namespace: namespace.into(),
                resource: request.resource.as_str().into(),
                subresource: request.subresource().into(),
                name,
                fields: fields.into(),
            },
        )
    }

    /// Of a request for anything else.
    pub fn of_path(parts: &'a Parts) -> Self {
        Self {
            verb: parts.method.as_str().to_ascii_lowercase().into(),
            what: What::Path(path::decoded(&parts.uri)),
        }
    }

    /// Without borrowed parts.
    pub fn into_owned(self) -> Attributes<'static> {
        let own = |text: Cow<'_, str>| Cow::Owned(text.into_owned());
        Attributes {
            verb: own(self.verb),
            what: match self.what {
                What::Path(path) => What::Path(own(path)),
                What::Resource(resource) => What::Resource(ResourceAttributes {
                    group: own(resource.group),
                    version: own(resource.version),
                    namespace: own(resource.namespace),
                    resource: own(resource.resource),
                    subresource: own(resource.subresource),
                    name: own(resource.name),
                    fields: own(resource.fields),
                }),
            },
        }
    }

    /// What a user cannot do, in the server's words.
    fn refusal(&self, user: &User) -> String {
        let (name, verb) = (quoted(&user.name), &self.verb);
        match &self.what {
            What::Path(path) => format!("User {name} cannot {verb} path {}", quoted(path)),
            What::Resource(resource) => {
                let place = match &*resource.namespace {
                    "" => "at the cluster scope".to_owned(),
                    namespace => format!("in the namespace {}", quoted(namespace)),
                };
                let (what, group) = (quoted(&resource.combined()), quoted(&resource.group));
                format!("User {name} cannot {verb} resource {what} in API group {group} {place}")
            }
        }
    }

    /// 403 for a user, with the authorizer's reason if it has one.
    pub fn forbidden(&self, user: &User, reason: &str) -> ApiError {
        let mut why = self.refusal(user);
        if !reason.is_empty() {
            why.push_str(": ");
            why.push_str(reason);
        }
        match &self.what {
            What::Path(_) => ApiError::forbidden("", "", "", why),
            What::Resource(resource) => {
                ApiError::forbidden(&resource.group, &resource.resource, &resource.name, why)
            }
        }
    }
}

/// The one name that the field selector of a list or watch lets through: rules for single names allow it.
fn selected_name(request: &ApiRequest) -> Option<String> {
    let selector = request.query.get("fieldSelector")?;
    let selector = FieldSelector::parse(selector).ok()?;
    let name = selector.exact("metadata.name")?;
    meta::path_segment_faults(name)
        .is_empty()
        .then(|| name.to_owned())
}
