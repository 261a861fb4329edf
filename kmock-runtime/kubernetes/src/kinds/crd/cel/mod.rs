//! Rules in CEL (`x-kubernetes-validations`): compiled, typed, weighed, and run.
//!
//! ```text
//! text ─ syntax ─► tree ─ check ─► typed expression ─ cost ─► accepted or refused with the definition
//!                                                       └─ eval (over JSON, not copied) ─► holds, or a fault
//! ```
//!
//! The way through an object, transition rules, reasons and messages follow
//! `apiextensions-apiserver/pkg/apiserver/schema/cel/validation.go`.

mod addresses;
pub(crate) mod authorizer;
mod check;
mod constants;
mod cost;
mod eval;
pub(crate) mod expression;
mod functions;
mod library;
mod literals;
mod price;
mod signatures;
mod syntax;
#[cfg(test)]
mod tests;
mod texts;
pub(crate) mod types;
pub(crate) mod value;

use std::collections::BTreeMap;
use std::sync::Arc;

use serde_json::Value;

use self::check::{Checked, Typed};
use self::eval::Run;
use self::types::{Decl, Ty};
use self::value::Val;
use super::correlate::{OldItems, Pair};
use super::field_path;
use super::node::Node;
use super::props::{Props, PropsOrBool, ValidationRule};
use crate::model::status::FieldError;

/// The largest cost of all rules of one object.
const BUDGET: i64 = 10_000_000;
/// The longest message that an expression may make.
const LONGEST_MESSAGE: usize = 5 * 1024;

/// A compiled rule.
#[derive(Debug, Default)]
pub(crate) struct Compiled {
    /// Why it does not compile.
    pub(crate) error: Option<String>,
    /// What it costs at most, for one value.
    pub(crate) cost: u64,
    /// How many such values a request can hold.
    pub(crate) cardinality: u64,
    pub(crate) uses_old_self: bool,
    pub(crate) message: Option<Result<MessageExpression, String>>,
    program: Option<Typed>,
    field_path: String,
}

/// A compiled `messageExpression`.
#[derive(Debug)]
pub(crate) struct MessageExpression {
    pub(crate) cost: u64,
    program: Typed,
}

/// Compiles the rules of a schema, not of those in it. `root`: it is the schema of a whole object.
/// `None`: expressions cannot see such values.
pub(crate) fn compile(props: &Props, root: bool) -> Option<Vec<Compiled>> {
    let decl = Decl::of(props, root)?;
    let rules = props.validations.iter();
    Some(rules.map(|rule| compile_rule(rule, props, &decl)).collect())
}

/// What it may cost to run; where nobody can tell, too much.
fn costs(root: &Typed, decl: &Arc<Decl>) -> u64 {
    let estimate = root.with_room(|root| cost::estimate(root, decl));
    estimate.unwrap_or(u64::MAX)
}

fn compile_rule(rule: &ValidationRule, props: &Props, decl: &Arc<Decl>) -> Compiled {
    let optional = rule.optional_old_self == Some(true);
    let mut compiled = Compiled {
        cardinality: decl.cardinality(),
        ..Compiled::default()
    };
    if rule.rule.trim().is_empty() {
        return compiled;
    }
    match check::check(&rule.rule, decl, optional) {
        Err(error) => {
            compiled.error = Some(format!("compilation failed: {error}"));
            return compiled;
        }
        Ok(Checked {
            root,
            uses_old_self,
        }) => {
            if root.ty != Ty::Bool {
                compiled.error = Some("cel expression must evaluate to a bool".into());
                return compiled;
            }
            if let Some(why) = constants::fault(&root) {
                compiled.error = Some(format!("program instantiation failed: {why}"));
                return compiled;
            }
            compiled.uses_old_self = uses_old_self;
            compiled.cost = costs(&root, decl);
            compiled.program = Some(root);
        }
    }
    if !rule.message_expression.is_empty() {
        compiled.message = Some(
            match check::check(&rule.message_expression, decl, optional) {
                Err(error) => Err(format!("messageExpression compilation failed: {error}")),
                Ok(checked) if checked.root.ty != Ty::Str => {
                    Err("messageExpression must evaluate to a string".into())
                }
                Ok(checked) if constants::fault(&checked.root).is_some() => Err(format!(
                    "messageExpression instantiation failed: {}",
                    constants::fault(&checked.root).unwrap_or_default()
                )),
                Ok(checked) => Ok(MessageExpression {
                    cost: costs(&checked.root, decl),
                    program: checked.root,
                }),
            },
        );
    }
    if !rule.field_path.is_empty() {
        compiled.field_path = field_path::follow(&rule.field_path, props, true)
            .map(|found| found.shown)
            .unwrap_or_default();
    }
    compiled
}

/// What running all rules of an object gave.
#[derive(Debug, Default)]
pub(crate) struct Findings {
    pub(crate) faults: Vec<FieldError>,
    /// Faults that were there before.
    pub(crate) warnings: Vec<String>,
}

/// The rules of a schema and of all schemas in it.
#[derive(Debug, Default)]
pub(crate) struct Validator {
    rules: Vec<(ValidationRule, Compiled)>,
    kind: String,
    properties: BTreeMap<String, Validator>,
    items: Option<Box<Validator>>,
    additional: Option<Box<Validator>>,
}

impl Validator {
    /// Compiles all rules in a schema; `None` if there are none.
    pub(crate) fn new(props: &Props, root: bool) -> Option<Validator> {
        let inner = |props: &Props| Validator::new(props, props.embedded_resource);
        let mut validator = Validator {
            kind: props.kind.clone(),
            ..Validator::default()
        };
        if !props.validations.is_empty() {
            validator.rules = props
                .validations
                .iter()
                .cloned()
                .zip(compile(props, root).unwrap_or_default())
                .collect();
        }
        validator.items = props.item().and_then(inner).map(Box::new);
        validator.additional = props
            .additional_properties
            .as_ref()
            .and_then(PropsOrBool::props)
            .and_then(inner)
            .map(Box::new);
        for (name, property) in &props.properties {
            if let Some(inner) = inner(property) {
                validator.properties.insert(name.clone(), inner);
            }
        }
        let empty = validator.rules.is_empty()
            && validator.items.is_none()
            && validator.additional.is_none()
            && validator.properties.is_empty();
        (!empty).then_some(validator)
    }

    /// Runs the rules over an object; with `old`, it is an update.
    pub(crate) fn validate(&self, node: &Node, object: &Value, old: Option<&Value>) -> Findings {
        let mut walk = Walk {
            outcome: Findings::default(),
            budget: BUDGET,
        };
        let pair = old.map(|old| Pair {
            new: object,
            old,
            node,
        });
        let ratchet = Ratchet {
            pair,
            above: None,
            root: true,
            may: old.is_some(),
        };
        walk.value(self, Some(node), object, old, "", ratchet);
        walk.outcome
    }
}

/// Faults of a default: as an update of itself, then as a new value.
pub(crate) fn validate_default(
    node: &Node,
    default: &Value,
    path: &str,
    props: &Props,
) -> Vec<FieldError> {
    let Some(validator) = Validator::new(props, props.embedded_resource) else {
        return Vec::new();
    };
    let run = |old: Option<&Value>| {
        let mut walk = Walk {
            outcome: Findings::default(),
            budget: BUDGET,
        };
        let ratchet = Ratchet {
            pair: None,
            above: None,
            root: false,
            may: false,
        };
        walk.value(&validator, Some(node), default, old, path, ratchet);
        walk.outcome.faults
    };
    let faults = run(Some(default));
    if faults.is_empty() { run(None) } else { faults }
}

/// What is known of the old value: the pair at this place, or the nearest one above.
#[derive(Clone, Copy)]
struct Ratchet<'a> {
    pair: Option<Pair<'a>>,
    above: Option<Pair<'a>>,
    root: bool,
    may: bool,
}

impl<'a> Ratchet<'a> {
    fn unchanged(&self) -> bool {
        self.may
            && self
                .pair
                .or(self.above)
                .is_some_and(|pair| pair.unchanged())
    }

    fn key(self, key: &str) -> Ratchet<'a> {
        match self.pair {
            None => Ratchet {
                root: false,
                ..self
            },
            Some(_) if self.root && matches!(key, "apiVersion" | "kind") => Ratchet {
                pair: None,
                above: None,
                root: false,
                may: self.may,
            },
            Some(pair) => Ratchet {
                pair: pair.key(key),
                above: Some(pair),
                root: false,
                may: self.may,
            },
        }
    }

    /// At an item of the list; `items` are those of the pair.
    fn item(self, index: usize, items: Option<&OldItems<'a>>) -> Ratchet<'a> {
        match self.pair {
            None => Ratchet {
                root: false,
                ..self
            },
            Some(pair) => Ratchet {
                pair: items.and_then(|items| pair.item(index, items)),
                above: Some(pair),
                root: false,
                may: self.may,
            },
        }
    }
}

struct Walk {
    outcome: Findings,
    budget: i64,
}

fn shown(path: &str) -> &str {
    if path.is_empty() { "<nil>" } else { path }
}

impl Walk {
    fn value<'a>(
        &mut self,
        validator: &Validator,
        node: Option<&'a Node>,
        value: &'a Value,
        old: Option<&'a Value>,
        path: &str,
        ratchet: Ratchet<'a>,
    ) {
        if value.is_null() || self.budget < 0 {
            return;
        }
        let old = old.filter(|old| !old.is_null());
        self.rules(validator, node, value, old, path, ratchet);
        match value {
            Value::Array(items) => {
                let (Some(inner), Some(list)) = (&validator.items, node) else {
                    return;
                };
                let before = OldItems::of(list, old.and_then(Value::as_array).map(Vec::as_slice));
                let pairs = ratchet.pair.map(|pair| pair.items());
                for (index, item) in items.iter().enumerate() {
                    let old = before.like(item);
                    let path = format!("{path}[{index}]");
                    self.value(
                        inner,
                        list.items.as_deref(),
                        item,
                        old,
                        &path,
                        ratchet.item(index, pairs.as_ref()),
                    );
                }
            }
            Value::Object(map) => {
                let before = old.and_then(Value::as_object);
                let mut keys: Vec<&String> = map.keys().collect();
                keys.sort_unstable();
                for key in keys {
                    let Some(value) = map.get(key) else { continue };
                    let old = before.and_then(|before| before.get(key));
                    let field = node.and_then(|node| node.field(key));
                    if let Some(inner) = &validator.additional {
                        self.value(
                            inner,
                            field,
                            value,
                            old,
                            &format!("{path}[{key}]"),
                            ratchet.key(key),
                        );
                    } else if let Some(inner) = validator.properties.get(key) {
                        let path = if path.is_empty() {
                            key.clone()
                        } else {
                            format!("{path}.{key}")
                        };
                        self.value(inner, field, value, old, &path, ratchet.key(key));
                    }
                }
            }
            _ => {}
        }
    }

    fn fail(&mut self, path: &str, kind: &str, why: String) {
        self.outcome
            .faults
            .push(FieldError::invalid_text(shown(path), kind, why));
    }

    fn rules<'a>(
        &mut self,
        validator: &Validator,
        node: Option<&'a Node>,
        value: &'a Value,
        old: Option<&'a Value>,
        path: &str,
        ratchet: Ratchet<'a>,
    ) {
        for (rule, compiled) in &validator.rules {
            let kind = validator.kind.as_str();
            if let Some(error) = &compiled.error {
                self.fail(path, kind, format!("rule compile error: {error}"));
                continue;
            }
            let Some(program) = &compiled.program else {
                continue;
            };
            let optional = rule.optional_old_self == Some(true);
            if compiled.uses_old_self && old.is_none() && !optional {
                continue;
            }
            if self.budget <= 0 {
                let why = "validation failed due to running out of cost budget, no further validation rules will be run";
                self.fail(path, kind, why.into());
                self.budget = -1;
                return;
            }
            let start = || {
                let old = old.map(|old| Val::of(old, node));
                let old = if optional {
                    Some(Val::Optional(old.map(Arc::new)))
                } else {
                    old
                };
                Run::new(Val::of(value, node), old)
            };
            let mut run = start();
            let result = run.value(program);
            self.budget -= i64::try_from(run.cost()).unwrap_or(i64::MAX);
            match result {
                Ok(Val::Bool(true)) => {}
                Err(fail) => {
                    let rule = rule_text(rule);
                    let why = if fail.0.starts_with("no such overload") {
                        format!(
                            "'{}': call arguments did not match a supported operator, function or macro signature for rule: {rule}",
                            fail.0
                        )
                    } else if fail.0.starts_with("operation cancelled") {
                        self.budget = -1;
                        format!(
                            "'{}': no further validation rules will be run due to call cost exceeds limit for rule: {rule}",
                            fail.0
                        )
                    } else {
                        format!("{} evaluating rule: {rule}", fail.0)
                    };
                    self.fail(path, kind, why);
                    if self.budget < 0 {
                        return;
                    }
                }
                Ok(_) => {
                    let message = match &compiled.message {
                        Some(Ok(message)) => {
                            let mut run = start();
                            let made = run.value(&message.program);
                            self.budget -= i64::try_from(run.cost()).unwrap_or(i64::MAX);
                            made.ok().and_then(message_text)
                        }
                        _ => None,
                    };
                    let detail = message.unwrap_or_else(|| match rule.message.trim() {
                        "" => format!("failed rule: {}", rule_text(rule)),
                        message => message.to_owned(),
                    });
                    let place = match (path.is_empty(), compiled.field_path.as_str()) {
                        (_, "") => shown(path).to_owned(),
                        (true, field) => field.to_owned(),
                        (false, field) => format!("{path}.{field}"),
                    };
                    let fault = fault(place, kind, value, &detail, rule.reason.as_deref());
                    if !compiled.uses_old_self && ratchet.unchanged() {
                        self.outcome.warnings.push(fault.to_string());
                    } else {
                        self.outcome.faults.push(fault);
                    }
                }
            }
        }
    }
}

fn fault(
    place: String,
    kind: &str,
    value: &Value,
    detail: &str,
    reason: Option<&str>,
) -> FieldError {
    let hidden = matches!(kind, "object" | "array");
    match reason {
        Some("FieldValueForbidden") => FieldError::forbidden(place, detail),
        Some("FieldValueRequired") => FieldError::required(place, detail),
        Some("FieldValueDuplicate") if hidden => {
            FieldError::new("FieldValueDuplicate", place, "Duplicate value")
        }
        Some("FieldValueDuplicate") => FieldError::duplicate(place, value),
        _ if hidden => FieldError::invalid_omitted(place, detail),
        _ => FieldError::invalid(place, value, detail),
    }
}

fn rule_text(rule: &ValidationRule) -> &str {
    if rule.message.is_empty() {
        rule.rule.trim()
    } else {
        rule.message.trim()
    }
}

/// A message that an expression made, if it is one.
fn message_text(value: Val<'_>) -> Option<String> {
    let Val::Text(text) = value else { return None };
    let text = text.trim();
    (!text.is_empty() && text.len() <= LONGEST_MESSAGE && !text.contains('\n'))
        .then(|| text.to_owned())
}
