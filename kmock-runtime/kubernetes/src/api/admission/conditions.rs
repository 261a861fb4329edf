//! `matchConditions`: expressions that must all hold before a webhook or a policy is asked.
//!
//! Rules: `apiserver/pkg/admission/plugin/webhook/matchconditions`.

use serde_json::Value;

use super::Attributes;
use super::policies::Input;
use crate::kinds::builtin::values::{items, text};
use crate::kinds::crd::cel::expression::{Env, EvalError, Expression};
use crate::kinds::crd::cel::types::Ty;
use crate::kinds::crd::cel::value::Val;
use crate::model::status::ApiError;
use crate::state::registry::Served;

/// What all conditions of one webhook or policy may cost.
const BUDGET: u64 = 2_500_000;

/// The conditions of a webhook or a policy.
#[derive(Debug)]
pub(super) struct Conditions {
    all: Vec<Expression>,
    /// `failurePolicy: Ignore`: one that fails is one that does not hold.
    ignores_failures: bool,
}

impl Conditions {
    /// Compiles the conditions; `params`: they may use those of a binding.
    pub(super) fn compile(conditions: &Value, params: bool, ignores_failures: bool) -> Self {
        let env = Env::new(params, true, None);
        let compile = |condition: &Value| {
            Expression::compile(text(condition, &["expression"]), &env, &[Ty::Bool])
        };
        Self {
            all: items(conditions, &[]).iter().map(compile).collect(),
            ignores_failures,
        }
    }

    /// Whether all of them hold for a request to a webhook.
    pub(super) fn hold(
        &self,
        asked: &Attributes<'_>,
        served: &Served,
        object: &Value,
    ) -> Result<bool, ApiError> {
        if self.all.is_empty() {
            return Ok(true);
        }
        let input = Input::new(asked, served, object);
        self.hold_for(&input, None).map_err(|why| {
            let resource = asked.resource();
            ApiError::forbidden(&resource.group, &resource.plural, asked.name, why)
        })
    }

    /// Whether all of them hold; an error is why nobody can tell.
    pub(super) fn hold_for(
        &self,
        input: &Input<'_>,
        params: Option<&Value>,
    ) -> Result<bool, String> {
        if self.all.is_empty() {
            return Ok(true);
        }
        let mut activation = input.activate(params, &[], BUDGET);
        let mut failed = Vec::new();
        for condition in &self.all {
            match activation.evaluate(condition) {
                // One that does not hold decides, whatever became of the others.
                Ok(Val::Bool(false)) => return Ok(false),
                Ok(_) => {}
                Err(EvalError::Failed(why)) => failed.push(why),
                Err(EvalError::OutOfBudget(why)) => {
                    failed = vec![why];
                    break;
                }
            }
        }
        match failed.as_slice() {
            [] => Ok(true),
            _ if self.ignores_failures => Ok(false),
            [only] => Err(only.clone()),
            all => Err(format!("[{}]", all.join(", "))),
        }
    }
}
