//! What expressions see of a request: `object`, `oldObject`, `request`, `params`, `namespaceObject`, `authorizer`.

use serde_json::{Map, Value, json};

use super::super::{Attributes, rules};
use crate::api::authz;
use crate::kinds::crd::cel::authorizer::{AuthorizerCheck, Authz, Decider};
use crate::kinds::crd::cel::expression::{Activation, Expression};
use crate::kinds::crd::cel::value::{Opaque, Val};
use crate::model::meta;
use crate::model::user::User;
use crate::state::access::{self, ResourceAttributes, What};
use crate::state::registry::Served;

/// The values of one request in one version, made once for all expressions.
pub(in super::super) struct Input<'a> {
    asked: &'a Attributes<'a>,
    pub(super) object: Value,
    old: Value,
    request: Value,
    namespace: Value,
}

impl<'a> Input<'a> {
    pub(in super::super) fn new(
        asked: &'a Attributes<'a>,
        served: &Served,
        object: &Value,
    ) -> Self {
        let old = asked
            .old
            .map(|old| rules::converted(asked, served, old).into_owned());
        // A namespace has itself for its namespace, but not here.
        let namespace = match asked.is_core("namespaces") {
            true => None,
            false => asked.namespace_object(),
        };
        Self {
            asked,
            object: rules::converted(asked, served, object).into_owned(),
            old: old.unwrap_or_default(),
            request: request(asked, served),
            namespace: namespace.map(|found| exposed(&found)).unwrap_or_default(),
        }
    }

    /// Expressions over these values.
    pub(in super::super) fn activate<'i>(
        &'i self,
        params: Option<&'i Value>,
        variables: &'i [(String, Expression)],
        budget: u64,
    ) -> Activation<'i> {
        let of = |value: &'i Value| Val::of(value, None);
        let authz = |authz: Authz| Val::opaque(Opaque::Authz(Box::new(authz)));
        let resource = self.asked.resource();
        let requested = AuthorizerCheck {
            account: None,
            path: None,
            group: resource.group.clone(),
            resource: resource.plural.clone(),
            subresource: self.asked.subresource().to_owned(),
            namespace: self.asked.namespace().to_owned(),
            name: self.asked.name.to_owned(),
        };
        let vars = vec![
            ("object", of(&self.object)),
            ("oldObject", of(&self.old)),
            ("request", of(&self.request)),
            ("namespaceObject", of(&self.namespace)),
            ("params", params.map_or(Val::Null, of)),
            (
                "authorizer",
                authz(Authz::Authorizer(AuthorizerCheck::default())),
            ),
            (
                "authorizer.requestResource",
                authz(Authz::Resource(requested)),
            ),
        ];
        Activation::new(vars, variables, Some(self), budget)
    }
}

impl Decider for Input<'_> {
    fn decide(&self, verb: &str, check: &AuthorizerCheck) -> (bool, String) {
        let account = check
            .account
            .as_ref()
            .map(|(namespace, name)| User::service_account(namespace, name));
        let user = account.as_ref().unwrap_or(&self.asked.call.user);
        let attributes = match &check.path {
            Some(path) => access::Attributes {
                verb: verb.into(),
                what: What::Path(path.as_str().into()),
            },
            None => access::Attributes::resource(
                verb,
                ResourceAttributes {
                    group: check.group.as_str().into(),
                    version: "*".into(),
                    namespace: check.namespace.as_str().into(),
                    resource: check.resource.as_str().into(),
                    subresource: check.subresource.as_str().into(),
                    name: check.name.as_str().into(),
                    fields: "".into(),
                },
            ),
        };
        let decision = authz::authorize(self.asked.cluster(), user, &attributes);
        (decision.allowed, decision.reason)
    }
}

/// An `AdmissionRequest` without the objects.
fn request(asked: &Attributes<'_>, served: &Served) -> Value {
    let kind_of = |served: &Served| {
        let (group, version, kind) = asked.kind_in(&served.resource);
        json!({"group": group, "version": version, "kind": kind})
    };
    let resource_of = |served: &Served| {
        let resource = &served.resource;
        json!({"group": resource.group, "version": resource.version, "resource": resource.plural})
    };
    let own = &asked.call.served;
    let mut out = json!({
        "uid": "", "kind": kind_of(served), "resource": resource_of(served),
        "requestKind": kind_of(own), "requestResource": resource_of(own),
        "operation": asked.operation.as_str(), "userInfo": asked.user(), "object": null, "oldObject": null,
        "dryRun": asked.dry_run, "options": asked.options(),
    });
    for (key, text) in [
        ("subResource", asked.subresource()),
        ("requestSubResource", asked.subresource()),
        ("name", asked.name),
        ("namespace", asked.namespace()),
    ] {
        if !text.is_empty() {
            out[key] = text.into();
        }
    }
    out
}

/// What is shown of a Namespace.
fn exposed(namespace: &Value) -> Value {
    let mut metadata = Map::new();
    for key in [
        "name",
        "generateName",
        "namespace",
        "uid",
        "resourceVersion",
        "generation",
        "creationTimestamp",
        "deletionTimestamp",
        "deletionGracePeriodSeconds",
        "labels",
        "annotations",
        "finalizers",
    ] {
        meta::set(&mut metadata, key, namespace["metadata"][key].clone());
    }
    json!({"metadata": metadata, "spec": namespace["spec"], "status": namespace["status"]})
}
