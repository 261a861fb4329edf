//! The expressions of policies and of match conditions: whether they compile.
//!
//! Rules: `pkg/apis/admissionregistration/validation`.

use serde_json::Value;

use super::rules::Faults;
use crate::kinds::builtin::values::{at, is_set, items, text};
use crate::kinds::crd::cel::expression::{Env, Expression};
use crate::kinds::crd::cel::types::Ty;
use crate::model::status::FieldError;

/// Compiles the expression at a key of an object, if there is one.
fn compile(
    faults: &mut Faults,
    owner: &Value,
    key: &str,
    path: &str,
    env: &Env,
    returns: &[Ty],
) -> Option<Expression> {
    let source = text(owner, &[key]);
    if source.trim().is_empty() {
        return None;
    }
    let expression = Expression::compile(source, env, returns);
    if let Some(why) = expression.error() {
        faults.push(FieldError::invalid_text(
            format!("{path}.{key}"),
            source,
            why,
        ));
    }
    Some(expression)
}

/// Match conditions; `params`: those of a binding may be used.
pub(super) fn conditions(faults: &mut Faults, owner: &Value, path: &str, params: bool) {
    let env = Env::new(params, true, None);
    for (i, condition) in items(owner, &["matchConditions"]).iter().enumerate() {
        let path = format!("{path}.matchConditions[{i}]");
        compile(faults, condition, "expression", &path, &env, &[Ty::Bool]);
    }
}

/// All other expressions of a policy.
pub(super) fn policy(faults: &mut Faults, spec: &Value, mutating: bool) {
    let mut env = Env::new(is_set(spec, &["paramKind"]), true, None).with_variables();
    if mutating {
        env = env.with_patches();
    }
    for (i, variable) in items(spec, &["variables"]).iter().enumerate() {
        let path = format!("spec.variables[{i}]");
        let made = compile(faults, variable, "expression", &path, &env, &[]);
        env.declare(
            text(variable, &["name"]),
            made.map_or(Ty::Dyn, |made| made.ty()),
        );
    }
    for (i, validation) in items(spec, &["validations"]).iter().enumerate() {
        let path = format!("spec.validations[{i}]");
        compile(faults, validation, "expression", &path, &env, &[Ty::Bool]);
        compile(
            faults,
            validation,
            "messageExpression",
            &path,
            &env,
            &[Ty::Str],
        );
    }
    for (i, annotation) in items(spec, &["auditAnnotations"]).iter().enumerate() {
        let path = format!("spec.auditAnnotations[{i}]");
        let returns = [Ty::Str, Ty::Null];
        compile(faults, annotation, "valueExpression", &path, &env, &returns);
    }
    for (i, mutation) in items(spec, &["mutations"]).iter().enumerate() {
        for (key, ty) in [
            ("applyConfiguration", Ty::Opaque("Object")),
            ("jsonPatch", Ty::list(Ty::Opaque("JSONPatch"))),
        ] {
            let path = format!("spec.mutations[{i}].{key}");
            compile(
                faults,
                at(mutation, &[key]),
                "expression",
                &path,
                &env,
                &[ty],
            );
        }
    }
}
