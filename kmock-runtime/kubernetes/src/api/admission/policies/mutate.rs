//! MutatingAdmissionPolicy: applies what its expressions make.

use std::collections::BTreeSet;

use kmock_apply::fields::{merge, validate};
use kmock_apply::ordered::Node;
use kmock_apply::patch::json as json_patch;
use kmock_apply::schema::Schema;
use serde_json::{Map, Value, json};

use super::super::webhooks::why_not_applied;
use super::super::{Attributes, rules};
use super::compiled::{self, Binding, Mutation, Policy};
use super::{BUDGET, Input, params};
use crate::kinds::builtin::base64;
use crate::kinds::crd::cel::expression::EvalError;
use crate::kinds::crd::cel::value::Val;
use crate::model::meta;
use crate::model::status::{ApiError, Cause};
use crate::state::registry::Served;

/// What is remembered from one round of policies for the next.
#[derive(Debug, Default)]
pub(in super::super) struct Rounds {
    /// The chain is run for the second time.
    again: bool,
    /// Something was changed that others may want to see.
    pub(in super::super) wanted: bool,
    output: Option<Value>,
    before: BTreeSet<String>,
    recalled: BTreeSet<String>,
}

impl Rounds {
    /// Begins the second round.
    pub(in super::super) fn begin_again(&mut self) {
        self.again = true;
    }
}

/// Lets the mutating policies change an object.
pub(in super::super) async fn mutate(
    asked: &Attributes<'_>,
    object: &mut Value,
    rounds: &mut Rounds,
) -> Result<(), ApiError> {
    let policies = compiled::of(asked.cluster());
    if policies.mutating.is_empty() || rules::is_exempt(asked) || object.is_null() {
        return Ok(());
    }
    if rounds.again && rounds.output.as_ref().is_some_and(|last| last != object) {
        rounds.recalled.append(&mut rounds.before);
    }
    let mut errors: Vec<String> = Vec::new();
    for policy in &policies.mutating {
        let denied = |binding: Option<&Binding>, why: &str| match binding {
            Some(binding) => format!(
                "policy '{}' with binding '{}' denied request: {why}",
                policy.name, binding.name
            ),
            None => format!("policy \"{}\" denied request: {why}", policy.name),
        };
        let mut fail = |binding: Option<&Binding>, why: &str| {
            if !policy.ignores_failures {
                errors.push(denied(binding, why));
            }
        };
        let served = match policy.means.meant(asked, object) {
            Ok(Some(served)) => served,
            Ok(None) => continue,
            Err(error) => {
                fail(
                    None,
                    &format!("failed to configure policy: {}", error.message),
                );
                continue;
            }
        };
        for binding in &policy.bindings {
            let found = asked
                .call
                .settled(|| params::of(asked, policy, binding, object));
            let found = match found.await? {
                Ok(Some(found)) => found,
                Ok(None) => continue,
                Err(why) => {
                    fail(
                        Some(binding),
                        &format!("failed to configure binding: {why}"),
                    );
                    continue;
                }
            };
            for (index, params) in found.iter().enumerate() {
                let key = format!("{}/{}/{index}", policy.name, binding.name);
                if rounds.again && !rounds.recalled.contains(&key) {
                    continue;
                }
                let before = object.clone();
                let ran = asked.call.settled(|| {
                    let mut object = before.clone();
                    let ran = run(asked, policy, &served, params.as_deref(), &mut object);
                    (ran, object)
                });
                let (ran, after) = ran.await?;
                *object = after;
                if let Err(why) = ran {
                    fail(Some(binding), &why);
                }
                if before != *object {
                    rounds.recalled.append(&mut rounds.before);
                    rounds.wanted = true;
                }
                if policy.asked_again {
                    rounds.before.insert(key);
                }
            }
        }
    }
    rounds.output = Some(object.clone());
    let Some(first) = errors.first().cloned() else {
        return Ok(());
    };
    let mut error = asked.forbidden(Some(object), "");
    (error.message, error.reason) = (first, "Invalid".into());
    if let Some(details) = &mut error.details {
        details.causes = errors
            .into_iter()
            .map(|message| Cause {
                message,
                ..Cause::default()
            })
            .collect();
    }
    Err(error)
}

/// Runs the mutations of a policy, one after the other.
fn run(
    asked: &Attributes<'_>,
    policy: &Policy,
    served: &Served,
    params: Option<&Value>,
    object: &mut Value,
) -> Result<(), String> {
    let input = Input::new(asked, served, object);
    if !policy.conditions.hold_for(&input, params)? {
        return Ok(());
    }
    for mutation in &policy.mutations {
        let input = Input::new(asked, served, object);
        let shown = &input.object;
        let mut activation = input.activate(params, &policy.variables, BUDGET);
        let (Mutation::Apply(expression) | Mutation::Json(expression)) = mutation;
        let made = activation
            .evaluate(expression)
            .map_err(|error| match error {
                EvalError::Failed(why) | EvalError::OutOfBudget(why) => why,
            })?;
        let made = to_json(&made).ok_or("the expression makes a value that is no JSON")?;
        let patched = match mutation {
            Mutation::Apply(_) => applied(asked, served, shown, made)?,
            Mutation::Json(_) => match patched(shown, &made)? {
                Some(patched) => patched,
                // A test of the patch does not hold: it is not for this object.
                None => continue,
            },
        };
        let made = read(asked, served, shown, &patched)?;
        *object = rules::converted_back(asked, served, &made).into_owned();
    }
    Ok(())
}

/// Reads what was made as the server reads a body, with its defaults.
fn read(
    asked: &Attributes<'_>,
    served: &Served,
    shown: &Value,
    patched: &Value,
) -> Result<Value, String> {
    let strategy = asked.codec_of(served);
    let mut context = asked.call.context(asked.name, asked.dry_run);
    context.resource = &served.resource;
    let decoded = strategy.read_value(&context, patched.clone())?;
    let mut read = decoded.object;
    strategy.default(&context, &mut read, &[]);
    for key in ["apiVersion", "kind"] {
        read[key] = shown[key].clone();
    }
    let managers = shown["metadata"]["managedFields"].clone();
    meta::edit(&mut read, |metadata| {
        meta::set(metadata, "managedFields", managers);
    });
    Ok(read)
}

fn patched(shown: &Value, operations: &Value) -> Result<Option<Value>, String> {
    let node = Node::from_value(operations);
    let Err(_) = json_patch::check(&node) else {
        return match json_patch::apply(shown, &node) {
            Ok(patched) => Ok(Some(patched)),
            Err(_) if fails_a_test(shown, operations) => Ok(None),
            Err(_) => Err(format!("JSON Patch: {}", why_not_applied(shown, &node))),
        };
    };
    Err("JSON Patch: the operations cannot be read".into())
}

fn fails_a_test(shown: &Value, operations: &Value) -> bool {
    let mut done = Vec::new();
    for operation in operations.as_array().into_iter().flatten() {
        done.push(operation.clone());
        let node = Node::from_value(&json!(done));
        if json_patch::apply(shown, &node).is_err() {
            return operation["op"] == "test";
        }
    }
    false
}

/// An apply configuration, merged into the object by the schema of its kind.
fn applied(
    asked: &Attributes<'_>,
    served: &Served,
    shown: &Value,
    mut configuration: Value,
) -> Result<Value, String> {
    for key in ["apiVersion", "kind"] {
        configuration[key] = shown[key].clone();
    }
    let strategy = asked.codec_of(served);
    let schema = strategy
        .schema(&served.resource)
        .unwrap_or_else(|| Schema::any().into());
    let failed = |why: String| format!("error applying patch: {why}");
    validate(&schema, &configuration, false).map_err(|why| {
        failed(format!(
            "failed to convert patch object to typed object: {why}"
        ))
    })?;
    merge(&schema, shown, &configuration)
        .map_err(|why| failed(format!("failed to merge patch: {why}")))
}

/// A value as JSON; `None` of values that have no such form.
fn to_json(value: &Val<'_>) -> Option<Value> {
    Some(match value {
        Val::Null => Value::Null,
        Val::Bool(flag) => (*flag).into(),
        Val::Int(number) => (*number).into(),
        Val::Uint(number) => (*number).into(),
        Val::Double(number) => (*number).into(),
        Val::Text(text) => text.as_ref().into(),
        Val::Bytes(bytes) => base64::encode(bytes).into(),
        Val::Time(time) => time.to_string().into(),
        Val::Optional(inner) => return inner.as_ref().and_then(|inner| to_json(inner)),
        Val::List(_) | Val::Items(..) => {
            let items = value.items()?;
            let items: Option<Vec<Value>> = items.iter().map(to_json).collect();
            items?.into()
        }
        Val::Map(_) | Val::Object(..) => {
            let mut out = Map::new();
            for (key, value) in value.entries()? {
                let Val::Text(key) = key else { return None };
                out.insert(key.into_owned(), to_json(&value)?);
            }
            Value::Object(out)
        }
        Val::Dur(_) | Val::Type(_) | Val::Opaque(_) => return None,
    })
}
