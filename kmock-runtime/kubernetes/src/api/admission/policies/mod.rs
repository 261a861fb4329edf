//! ValidatingAdmissionPolicy and MutatingAdmissionPolicy: what expressions say to a request.
//!
//! Rules: `apiserver/pkg/admission/plugin/policy`. A real server sees a new policy after a second or so; here it holds
//! for the next request.

mod compiled;
mod input;
mod mutate;
mod params;
mod type_checking;

use serde_json::{Value, json};

use self::compiled::{Binding, Policy};
use super::{Attributes, rules};
use crate::kinds::crd::cel::expression::{Activation, EvalError};
use crate::kinds::crd::cel::value::Val;
use crate::model::status::{ApiError, Cause};

pub(super) use self::compiled::{are_none, forget};
pub(super) use self::input::Input;
pub(super) use self::mutate::{Rounds, mutate};
pub use self::type_checking::PolicyStatuses;

/// What all expressions of a policy may cost for one binding and one parameter.
const BUDGET: u64 = 10_000_000;
/// The longest message that an expression may make.
const LONGEST_MESSAGE: usize = 5 * 1024;
/// The longest value of an annotation.
const LONGEST_ANNOTATION: usize = 10 * 1024;

/// Why a policy refuses a request.
struct Denial {
    message: String,
    /// Empty: `Invalid`.
    reason: String,
}

/// Lets the validating policies refuse an object. Of deletions it is null.
pub(super) async fn validate(
    asked: &Attributes<'_>,
    object: &Value,
    warnings: &mut Vec<String>,
) -> Result<(), ApiError> {
    let policies = compiled::of(asked.cluster());
    if policies.validating.is_empty() || rules::is_exempt(asked) {
        return Ok(());
    }
    let mut first: Option<(String, String)> = None;
    let mut deny = |policy: &Policy, binding: Option<&Binding>, denial: Denial| {
        let by = match binding {
            Some(binding) => format!("'{}' with binding '{}'", policy.name, binding.name),
            None => format!("'{}'", policy.name),
        };
        let text = format!(
            "ValidatingAdmissionPolicy {by} denied request: {}",
            denial.message
        );
        first.get_or_insert((text, denial.reason));
    };
    for policy in &policies.validating {
        let misconfigured = |what: &str, error: &dyn std::fmt::Display| Denial {
            message: format!("failed to configure {what}: {error}"),
            reason: String::new(),
        };
        let served = match policy.means.meant(asked, object) {
            Ok(Some(served)) => served,
            Ok(None) => continue,
            Err(_) if policy.ignores_failures => continue,
            Err(error) => {
                deny(policy, None, misconfigured("policy", &error.message));
                continue;
            }
        };
        let mut input = None;
        let mut annotations: Vec<(String, Vec<String>)> = Vec::new();
        for binding in &policy.bindings {
            let found = asked
                .call
                .settled(|| params::of(asked, policy, binding, object));
            let found = match found.await? {
                Ok(Some(params)) => params,
                Ok(None) => continue,
                Err(_) if policy.ignores_failures => continue,
                Err(why) => {
                    deny(policy, Some(binding), misconfigured("binding", &why));
                    continue;
                }
            };
            let input = match &input {
                Some(input) => input,
                None => {
                    let new = asked.call.settled(|| Input::new(asked, &served, object));
                    input.insert(new.await?)
                }
            };
            for params in &found {
                let outcome = run(policy, input, params.as_deref(), &mut annotations);
                for (index, denial) in outcome {
                    let denies = binding.actions.iter().any(|action| action == "Deny");
                    for action in &binding.actions {
                        match action.as_str() {
                            "Warn" => warnings.push(format!(
                                "Validation failed for ValidatingAdmissionPolicy '{}' with binding '{}': {}",
                                policy.name, binding.name, denial.message
                            )),
                            "Audit" => {
                                let told = json!([{
                                    "message": denial.message, "policy": policy.name, "binding": binding.name,
                                    "expressionIndex": index, "validationActions": binding.actions,
                                }]);
                                asked.annotate(
                                    "validation.policy.admission.k8s.io/validation_failure",
                                    told.to_string(),
                                );
                            }
                            _ => {}
                        }
                    }
                    if denies {
                        deny(policy, Some(binding), denial);
                    }
                }
            }
        }
        for (key, values) in annotations {
            asked.annotate(&format!("{}/{key}", policy.name), values.join(", "));
        }
    }
    first.map_or(Ok(()), |(message, reason)| {
        Err(refusal(asked, object, message, &reason))
    })
}

/// The failure of a request that a policy denies.
fn refusal(asked: &Attributes<'_>, object: &Value, message: String, reason: &str) -> ApiError {
    let mut error = asked.forbidden(Some(object), &message);
    let (code, reason) = match reason {
        "Forbidden" => (403, "Forbidden"),
        "Unauthorized" => (401, "Unauthorized"),
        "RequestEntityTooLarge" => (413, "RequestEntityTooLarge"),
        _ => (422, "Invalid"),
    };
    (error.code, error.reason) = (code, reason.into());
    if let Some(details) = &mut error.details {
        details.causes.push(Cause {
            message,
            ..Cause::default()
        });
    }
    error
}

/// Runs a policy over a request with one parameter: what it has against it, by the index of the validation.
fn run(
    policy: &Policy,
    input: &Input<'_>,
    params: Option<&Value>,
    annotations: &mut Vec<(String, Vec<String>)>,
) -> Vec<(usize, Denial)> {
    let failed = |error: String| Denial {
        message: error,
        reason: String::new(),
    };
    let unless_ignored = |index: usize, error: String| match policy.ignores_failures {
        true => Vec::new(),
        false => vec![(index, failed(error))],
    };
    match policy.conditions.hold_for(input, params) {
        Ok(true) => {}
        Ok(false) => return Vec::new(),
        Err(why) => return unless_ignored(0, why),
    }
    let mut activation = input.activate(params, &policy.variables, BUDGET);
    let mut denials = Vec::new();
    for (index, validation) in policy.validations.iter().enumerate() {
        match activation.evaluate(&validation.expression) {
            Ok(Val::Bool(true)) => {}
            Ok(_) => denials.push((
                index,
                Denial {
                    message: message(&mut activation, validation),
                    reason: validation.reason.clone(),
                },
            )),
            // Nothing is known of the others either.
            Err(EvalError::OutOfBudget(why)) => return unless_ignored(index, why),
            Err(EvalError::Failed(why)) => denials.extend(unless_ignored(index, why)),
        }
    }
    let mut activation = input.activate(params, &policy.variables, BUDGET);
    for (key, expression) in &policy.annotations {
        match activation.evaluate(expression) {
            Ok(Val::Text(text)) => {
                let text: String = text.trim().chars().take(LONGEST_ANNOTATION).collect();
                if !text.is_empty() {
                    match annotations.iter_mut().find(|(known, _)| known == key) {
                        Some((_, values)) if values.contains(&text) => {}
                        Some((_, values)) => values.push(text),
                        None => annotations.push((key.clone(), vec![text])),
                    }
                }
            }
            Ok(_) => {}
            Err(error) => denials.extend(unless_ignored(0, error.text().to_owned())),
        }
    }
    denials
}

/// What a validation that does not hold says.
fn message(activation: &mut Activation<'_>, validation: &compiled::Validation) -> String {
    let made = validation
        .message_expression
        .as_ref()
        .and_then(|expression| activation.evaluate(expression).ok());
    if let Some(Val::Text(text)) = made {
        let text = text.trim();
        if !text.is_empty() && text.len() <= LONGEST_MESSAGE && !text.contains('\n') {
            return text.to_owned();
        }
    }
    match validation.message.as_str() {
        "" => format!("failed expression: {}", validation.expression.source.trim()),
        message => message.to_owned(),
    }
}
