//! Policies and their bindings, compiled once after each change.

use std::sync::{Arc, Mutex, PoisonError};

use serde_json::Value;

use super::super::Attributes;
use super::super::Conditions;
use super::super::rules::{self, Rule};
use crate::kinds::builtin::values::{at, is_set, items, text};
use crate::kinds::crd::cel::expression::{Env, Expression};
use crate::kinds::crd::cel::types::Ty;
use crate::model::resource::ResourceKey;
use crate::model::selectors::LabelSelector;
use crate::model::status::ApiError;
use crate::state::cluster::Cluster;
use crate::state::registry::Served;

/// Which requests a policy or a binding means: `MatchResources`.
#[derive(Debug)]
pub(super) struct Match {
    rules: Vec<Rule>,
    excluded: Vec<Rule>,
    equivalent: bool,
    namespaces: Option<LabelSelector>,
    objects: Option<LabelSelector>,
}

impl Match {
    fn read(resources: &Value) -> Self {
        Self {
            rules: Rule::parse_all(at(resources, &["resourceRules"])),
            excluded: Rule::parse_all(at(resources, &["excludeResourceRules"])),
            equivalent: text(resources, &["matchPolicy"]) == "Equivalent",
            namespaces: rules::selector(at(resources, &["namespaceSelector"])),
            objects: rules::selector(at(resources, &["objectSelector"])),
        }
    }

    /// In which version a request is meant, if it is.
    pub(super) fn meant(
        &self,
        asked: &Attributes<'_>,
        object: &Value,
    ) -> Result<Option<Served>, ApiError> {
        let in_namespace = rules::selects_namespace(asked, self.namespaces.as_ref(), object);
        if matches!(in_namespace, Ok(false))
            || !rules::selects_object(asked, self.objects.as_ref(), object)
            || rules::meant(asked, &self.excluded, self.equivalent).is_some()
        {
            return Ok(None);
        }
        let served = match self.rules.is_empty() {
            true => Some(asked.call.served.clone()),
            false => rules::meant(asked, &self.rules, self.equivalent),
        };
        in_namespace?;
        Ok(served)
    }
}

/// A binding of a policy.
#[derive(Debug)]
pub(super) struct Binding {
    pub(super) name: String,
    pub(super) means: Option<Match>,
    /// `paramRef`, or null.
    pub(super) params: Value,
    pub(super) actions: Vec<String>,
}

/// One validation of a policy.
#[derive(Debug)]
pub(super) struct Validation {
    pub(super) expression: Expression,
    pub(super) message_expression: Option<Expression>,
    pub(super) message: String,
    pub(super) reason: String,
}

/// One mutation of a policy.
#[derive(Debug)]
pub(super) enum Mutation {
    Apply(Expression),
    Json(Expression),
}

/// A policy.
#[derive(Debug)]
pub(super) struct Policy {
    pub(super) name: String,
    pub(super) means: Match,
    pub(super) conditions: Conditions,
    /// `paramKind`: version and kind.
    pub(super) param_kind: Option<(String, String)>,
    /// `failurePolicy: Ignore`.
    pub(super) ignores_failures: bool,
    /// `reinvocationPolicy: IfNeeded`.
    pub(super) asked_again: bool,
    pub(super) variables: Vec<(String, Expression)>,
    pub(super) validations: Vec<Validation>,
    pub(super) mutations: Vec<Mutation>,
    /// By key.
    pub(super) annotations: Vec<(String, Expression)>,
    pub(super) bindings: Vec<Binding>,
}

/// The environment of a policy's expressions, and its variables.
fn variables(spec: &Value, mutating: bool) -> (Env, Vec<(String, Expression)>) {
    let mut env = Env::new(is_set(spec, &["paramKind"]), true, None).with_variables();
    if mutating {
        env = env.with_patches();
    }
    let variables = declare(&mut env, spec);
    (env, variables)
}

/// Compiles the variables of a policy and makes them known, one after the other.
pub(super) fn declare(env: &mut Env, spec: &Value) -> Vec<(String, Expression)> {
    let mut variables = Vec::new();
    for variable in items(spec, &["variables"]) {
        let name = text(variable, &["name"]);
        let expression = Expression::compile(text(variable, &["expression"]), env, &[]);
        env.declare(name, expression.ty());
        variables.push((name.to_owned(), expression));
    }
    variables
}

impl Policy {
    fn read(object: &Value, bindings: &[Arc<Value>], mutating: bool) -> Self {
        let spec = at(object, &["spec"]);
        let name = text(object, &["metadata", "name"]).to_owned();
        let (env, variables) = variables(spec, mutating);
        let ignores_failures = text(spec, &["failurePolicy"]) == "Ignore";
        let compile = |source: &str, ty: Ty| Expression::compile(source, &env, &[ty]);
        let validation = |validation: &Value| Validation {
            expression: compile(text(validation, &["expression"]), Ty::Bool),
            message_expression: Some(text(validation, &["messageExpression"]))
                .filter(|source| !source.is_empty())
                .map(|source| compile(source, Ty::Str)),
            message: text(validation, &["message"]).trim().to_owned(),
            reason: text(validation, &["reason"]).to_owned(),
        };
        let mutation = |mutation: &Value| match text(mutation, &["patchType"]) {
            "JSONPatch" => Mutation::Json(compile(
                text(mutation, &["jsonPatch", "expression"]),
                Ty::list(Ty::Opaque("JSONPatch")),
            )),
            _ => Mutation::Apply(compile(
                text(mutation, &["applyConfiguration", "expression"]),
                Ty::Opaque("Object"),
            )),
        };
        let annotation = |annotation: &Value| {
            let source = text(annotation, &["valueExpression"]);
            (
                text(annotation, &["key"]).to_owned(),
                Expression::compile(source, &env, &[Ty::Str, Ty::Null]),
            )
        };
        let binding = |binding: &Arc<Value>| Binding {
            name: text(binding, &["metadata", "name"]).to_owned(),
            means: Some(at(binding, &["spec", "matchResources"]))
                .filter(|resources| resources.is_object())
                .map(Match::read),
            params: at(binding, &["spec", "paramRef"]).clone(),
            actions: items(binding, &["spec", "validationActions"])
                .iter()
                .filter_map(Value::as_str)
                .map(str::to_owned)
                .collect(),
        };
        let of_policy =
            |binding: &&Arc<Value>| text(binding, &["spec", "policyName"]) == name.as_str();
        Self {
            means: Match::read(at(spec, &["matchConstraints"])),
            conditions: Conditions::compile(
                at(spec, &["matchConditions"]),
                is_set(spec, &["paramKind"]),
                ignores_failures,
            ),
            param_kind: is_set(spec, &["paramKind"]).then(|| {
                let of = |key| text(spec, &["paramKind", key]).to_owned();
                (of("apiVersion"), of("kind"))
            }),
            ignores_failures,
            asked_again: text(spec, &["reinvocationPolicy"]) == "IfNeeded",
            validations: items(spec, &["validations"])
                .iter()
                .map(validation)
                .collect(),
            mutations: items(spec, &["mutations"]).iter().map(mutation).collect(),
            annotations: items(spec, &["auditAnnotations"])
                .iter()
                .map(annotation)
                .collect(),
            bindings: bindings.iter().filter(of_policy).map(binding).collect(),
            variables,
            name,
        }
    }
}

/// All policies, in the order in which they are asked.
#[derive(Debug, Default)]
pub(super) struct Policies {
    pub(super) validating: Vec<Policy>,
    pub(super) mutating: Vec<Policy>,
}

#[derive(Default)]
struct Room(Mutex<Option<Arc<Policies>>>);

/// The policies as they are now.
pub(super) fn of(cluster: &Cluster) -> Arc<Policies> {
    let room = cluster.room::<Room>();
    let mut kept = room.0.lock().unwrap_or_else(PoisonError::into_inner);
    let policies = kept.get_or_insert_with(|| {
        Arc::new(Policies {
            validating: read(cluster, "validating", false),
            mutating: read(cluster, "mutating", true),
        })
    });
    Arc::clone(policies)
}

/// Whether there are no policies.
pub(in super::super) fn are_none(cluster: &Cluster) -> bool {
    let policies = of(cluster);
    policies.mutating.is_empty() && policies.validating.is_empty()
}

/// A policy or a binding has changed.
pub(in super::super) fn forget(cluster: &Cluster) {
    let room = cluster.room::<Room>();
    *room.0.lock().unwrap_or_else(PoisonError::into_inner) = None;
}

fn read(cluster: &Cluster, prefix: &str, mutating: bool) -> Vec<Policy> {
    let all = |what: &str| -> Vec<Arc<Value>> {
        let plural = format!("{prefix}admission{what}");
        let place = ResourceKey::new("admissionregistration.k8s.io", plural);
        let found = cluster.store().list(&place, "").objects;
        found.iter().map(|object| object.value.shared()).collect()
    };
    let bindings = all("policybindings");
    let policies = all("policies").into_iter();
    // One without a binding does nothing.
    policies
        .map(|policy| Policy::read(&policy, &bindings, mutating))
        .filter(|policy| !policy.bindings.is_empty())
        .collect()
}
