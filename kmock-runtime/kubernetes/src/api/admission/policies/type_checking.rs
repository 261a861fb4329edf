//! What is wrong with the expressions of a ValidatingAdmissionPolicy once the types of what it matches are known: policies
//! are taken without, as definitions may come and go.
//!
//! Rules: `apiserver/pkg/admission/plugin/policy/validating/typechecking.go`, and the controller
//! `validatingadmissionpolicy-status-controller`, which writes it into `status`.

use std::collections::BTreeSet;
use std::sync::Arc;

use serde_json::{Map, Value, json};

use super::compiled::declare;
use crate::api::body::Target;
use crate::api::call::Scope;
use crate::api::{managed, openapi};
use crate::kinds::builtin::values::{at, is_set, items, text};
use crate::kinds::crd::cel::expression::{Env, Expression};
use crate::kinds::crd::cel::types::{Decl, Ty};
use crate::kinds::crd::props::Props;
use crate::model::meta::split_api_version;
use crate::model::resource::ResourceKey;
use crate::model::user::User;
use crate::state::change::{Edit, Reactor};
use crate::state::cluster::Cluster;
use crate::state::store::{Change, Event};
use kmock_apply::fields;
use kmock_apply::schema::Definition;

const GROUP: &str = "admissionregistration.k8s.io";
const PLURAL: &str = "validatingadmissionpolicies";
const MANAGER: &str = "validatingadmissionpolicy-status-controller";
/// How many kinds are looked at.
const MOST_KINDS: usize = 10;

/// A group, a version and a kind, in the order in which they are told.
type Gvk = (String, String, String);

/// The controller that writes the status of policies, if the cluster has controllers.
#[derive(Debug, Clone, Copy)]
pub struct PolicyStatuses;

impl Reactor for PolicyStatuses {
    fn written(&self, cluster: &Cluster, place: &ResourceKey, event: &Arc<Event>) {
        if cluster.options().controllers
            && *place.group == *GROUP
            && *place.plural == *PLURAL
            && event.change != Change::Deleted
        {
            write_status(cluster, place, event.object.key());
        }
    }
}

fn write_status(cluster: &Cluster, place: &ResourceKey, key: &str) {
    let Some(served) = cluster.registry().find(GROUP, "v1", PLURAL) else {
        return;
    };
    let generation = |object: &Value, path: &[&str]| at(object, path).as_i64().unwrap_or_default();
    cluster.set(place, key, |current| {
        let Some(live) = current.map(|current| served.shown(&current.value)) else {
            return Edit::Keep;
        };
        let seen = generation(&live, &["metadata", "generation"]);
        if seen <= generation(&live, &["status", "observedGeneration"]) {
            return Edit::Keep;
        }
        let warnings = warnings(cluster, at(&live, &["spec"]));
        let checked = match warnings.is_empty() {
            true => json!({}),
            false => json!({"expressionWarnings": warnings}),
        };
        let config = json!({
            "apiVersion": "admissionregistration.k8s.io/v1", "kind": "ValidatingAdmissionPolicy",
            "metadata": {"name": key},
            "status": {"observedGeneration": seen, "typeChecking": checked},
        });
        let user = User::new("system:kube-controller-manager");
        let scope = Scope {
            cluster,
            served: &served,
            namespace: "",
            subresource: "status",
            user: &user,
            now: cluster.now(),
        };
        let target = Target::of(&served);
        let reset = managed::reset_set(&scope, target, &live);
        let applied = managed::with_write(&scope, target, MANAGER, reset, |write| {
            fields::apply(Some(&live), &config, true, write)
        });
        applied.map_or(Edit::Keep, |object| Edit::Put(served.to_storage(object)))
    });
}

/// The warnings about the expressions of a policy: `status.typeChecking.expressionWarnings`.
fn warnings(cluster: &Cluster, spec: &Value) -> Vec<Value> {
    let kinds: Vec<(Gvk, Ty)> = kinds(cluster, spec)
        .into_iter()
        .filter_map(|gvk| type_of(cluster, &gvk).map(|ty| (gvk, ty)))
        .collect();
    let params = is_set(spec, &["paramKind"]).then(|| {
        let (group, version) = split_api_version(text(spec, &["paramKind", "apiVersion"]));
        let kind = text(spec, &["paramKind", "kind"]);
        type_of(cluster, &(group.into(), version.into(), kind.into())).unwrap_or(Ty::Dyn)
    });
    let of = |expression: &str| -> String {
        let faults = kinds.iter().filter_map(|((group, version, kind), ty)| {
            let mut env = Env::typed(ty, params.as_ref());
            declare(&mut env, spec);
            let fault = Expression::fault(expression, &env)?;
            let gv = match group.as_str() {
                "" => version.clone(),
                group => format!("{group}/{version}"),
            };
            Some(format!("{gv}, Kind={kind}: {fault}\n"))
        });
        faults.collect::<Vec<_>>().join("\n")
    };
    let mut warnings = Vec::new();
    for (index, validation) in items(spec, &["validations"]).iter().enumerate() {
        for field in ["expression", "messageExpression"] {
            let expression = text(validation, &[field]);
            if field == "messageExpression" && expression.is_empty() {
                continue;
            }
            let warning = of(expression);
            if !warning.is_empty() {
                let place = format!("spec.validations[{index}].{field}");
                warnings.push(json!({"fieldRef": place, "warning": warning}));
            }
        }
    }
    warnings
}

/// The kinds that a policy names: not those behind a `*`, and no subresources.
fn kinds(cluster: &Cluster, spec: &Value) -> BTreeSet<Gvk> {
    let mut found = BTreeSet::new();
    let all = cluster.registry().all();
    for rule in items(spec, &["matchConstraints", "resourceRules"]) {
        let names = |field: &str| {
            let names = items(rule, &[field]).iter().filter_map(Value::as_str);
            let mut names: Vec<&str> = names.collect();
            names.sort_unstable();
            names
        };
        let (groups, versions) = (names("apiGroups"), names("apiVersions"));
        if groups.iter().chain(&versions).any(|one| one.contains('*')) {
            continue;
        }
        let mut count = 0;
        for group in groups {
            for version in &versions {
                for name in names("resources") {
                    let name = name.to_lowercase();
                    let meant = all.iter().map(|served| &*served.resource).filter(|one| {
                        // Whoever looks kinds up takes an empty group for any.
                        (group.is_empty() || one.group == group)
                            && one.version == *version
                            && (one.plural == name || one.singular == name)
                    });
                    for one in meant {
                        found.insert((one.group.clone(), one.version.clone(), one.kind.clone()));
                        count += 1;
                        if count == MOST_KINDS {
                            return found;
                        }
                    }
                }
            }
        }
    }
    found
}

/// The type of the objects of a kind, if there is a schema of it.
fn type_of(cluster: &Cluster, (group, version, kind): &Gvk) -> Option<Ty> {
    let schema = match Definition::of_kind(group, version, kind) {
        Some(definition) => whole(
            &json!({"$ref": reference(definition.name())}),
            &mut Vec::new(),
        ),
        None => {
            let served = cluster.registry().find_kind(group, version, kind)?;
            let mut schema = openapi::custom_schema(cluster, &served.resource)?;
            schema["properties"]["apiVersion"] = json!({"type": "string"});
            schema["properties"]["kind"] = json!({"type": "string"});
            schema["properties"]["metadata"] =
                json!({"$ref": reference("io.k8s.apimachinery.pkg.apis.meta.v1.ObjectMeta")});
            whole(&schema, &mut Vec::new())
        }
    };
    Decl::of(&Props::parse(&schema), false).map(|decl| decl.ty())
}

fn reference(name: &str) -> String {
    format!("#/{name}")
}

/// The definition that a schema refers to, which may be wrapped so that something can stand beside it.
fn referred(schema: &Value) -> Option<&str> {
    let name = schema["$ref"]
        .as_str()
        .and_then(|name| name.strip_prefix("#/"));
    name.or_else(|| schema["allOf"].as_array()?.iter().find_map(referred))
}

/// A schema with what it refers to in its place. `above`: the definitions that this is a part of; what refers to one of
/// them is some object.
fn whole(schema: &Value, above: &mut Vec<&'static str>) -> Value {
    let mut schema = schema.clone();
    let definition = referred(&schema).and_then(Definition::named);
    if let Some(definition) = definition {
        if above.contains(&definition.name()) {
            return json!({"type": "object"});
        }
        above.push(definition.name());
        schema = serde_json::from_str(definition.json()).unwrap_or_default();
    }
    if let Some(map) = schema.as_object_mut() {
        // What built-in types say by their format, custom ones say so.
        if map
            .get("format")
            .is_some_and(|format| format == "int-or-string")
        {
            map.insert("x-kubernetes-int-or-string".into(), true.into());
        }
        let properties = map.get_mut("properties").and_then(Value::as_object_mut);
        for property in properties.into_iter().flat_map(Map::values_mut) {
            *property = whole(property, above);
        }
        for key in ["items", "additionalProperties"] {
            if let Some(inner) = map.get_mut(key).filter(|inner| inner.is_object()) {
                *inner = whole(inner, above);
            }
        }
    }
    if definition.is_some() {
        above.pop();
    }
    schema
}
