//! Merging a configuration into a value: what it mentions wins, nothing is removed, list items are put in order.

use std::collections::{BTreeMap, BTreeSet, VecDeque};

use serde_json::{Map, Value};

use super::compare::{check_either, items};
use super::element::PathElement;
use super::typed::{Shape, TypedErrors, are_unique, item_step, shape};
use crate::schema::{ListType, MapType, Schema};

/// Merges `config` into `live`.
///
/// Where the configuration does not change a list's items their order stays; else it follows the configuration.
pub fn merge(schema: &Schema, live: &Value, config: &Value) -> Result<Value, TypedErrors> {
    Ok(both(schema, live, config)?.unwrap_or(Value::Null))
}

fn both(schema: &Schema, live: &Value, config: &Value) -> Result<Option<Value>, TypedErrors> {
    let (live_shape, config_shape) = (shape(schema, Some(live)), shape(schema, Some(config)));
    if live_shape != config_shape {
        treat(schema, live_shape, live, config)?;
    }
    treat(schema, config_shape, live, config)
}

fn either(
    schema: &Schema,
    live: Option<&Value>,
    config: Option<&Value>,
) -> Result<Option<Value>, TypedErrors> {
    match (live, config) {
        (Some(live), Some(config)) => both(schema, live, config),
        (only, None) | (None, only) => Ok(only.cloned()),
    }
}

fn treat(
    schema: &Schema,
    shape: Shape,
    live: &Value,
    config: &Value,
) -> Result<Option<Value>, TypedErrors> {
    match shape {
        Shape::Scalar(scalar) => {
            check_either(scalar, Some(live), Some(config))?;
            Ok(Some(config.clone()))
        }
        Shape::List => {
            let (a, b) = (items(Some(live)), items(Some(config)));
            if schema.list_type() == ListType::Atomic || (a.is_empty() && b.is_empty()) {
                return Ok(Some(config.clone()));
            }
            let out = merge_items(schema, a, b)?;
            Ok((!out.is_empty()).then_some(Value::Array(out)))
        }
        Shape::Map | Shape::Open => {
            let (a, b) = (live.as_object(), config.as_object());
            if schema.map_type() == MapType::Atomic
                || (a.is_none_or(Map::is_empty) && b.is_none_or(Map::is_empty))
            {
                return Ok(Some(config.clone()));
            }
            let mut out = Map::new();
            for (name, value) in a.into_iter().flatten() {
                let merged = match b.and_then(|b| b.get(name)) {
                    None => Some(value.clone()),
                    Some(config) => field(schema, name, value, config)?,
                };
                out.extend(merged.map(|merged| (name.clone(), merged)));
            }
            for (name, value) in b.into_iter().flatten() {
                if a.is_none_or(|a| !a.contains_key(name)) {
                    out.insert(name.clone(), value.clone());
                }
            }
            Ok((!out.is_empty()).then_some(Value::Object(out)))
        }
    }
}

fn field(
    schema: &Schema,
    name: &str,
    live: &Value,
    config: &Value,
) -> Result<Option<Value>, TypedErrors> {
    let of_field = schema.field(name).unwrap_or_else(|| Schema::any());
    both(of_field, live, config).map_err(|errors| errors.below(&format_args!(".{name}")))
}

fn steps_of(schema: &Schema, items: &[Value]) -> Result<Vec<PathElement>, TypedErrors> {
    let step = |(index, item)| {
        item_step(schema, item).map_err(|e| TypedErrors::one("", format!("element {index}: {e}")))
    };
    items.iter().enumerate().map(step).collect()
}

/// The items by step; a step that is repeated stands for no single item.
fn index<'v>(
    steps: &'v [PathElement],
    items: &'v [Value],
    allow_duplicates: bool,
) -> Result<BTreeMap<&'v PathElement, &'v Value>, TypedErrors> {
    static NOTHING: Value = Value::Null;
    let mut known = BTreeMap::new();
    for (step, item) in steps.iter().zip(items) {
        if known.insert(step, item).is_some() {
            if !allow_duplicates {
                return Err(TypedErrors::one(
                    "",
                    format!("duplicate entries for key {step}"),
                ));
            }
            known.insert(step, &NOTHING);
        }
    }
    Ok(known)
}

fn merge_items(
    schema: &Schema,
    live: &[Value],
    config: &[Value],
) -> Result<Vec<Value>, TypedErrors> {
    let (config_steps, live_steps) = (steps_of(schema, config)?, steps_of(schema, live)?);
    // The usual case: the same items in the same order.
    if config_steps == live_steps && are_unique(&live_steps) {
        let pairs = live_steps.iter().zip(live.iter().zip(config));
        let merged = pairs.map(|(step, (live, config))| {
            both(schema.items(), live, config).map_err(|errors| errors.below(step))
        });
        return merged.filter_map(Result::transpose).collect();
    }
    let of_config = index(&config_steps, config, false)?;
    let of_live = index(&live_steps, live, true)?;
    // The steps that both have, in the configuration's order: the order in which they must come out.
    let mut shared: VecDeque<&PathElement> = config_steps
        .iter()
        .filter(|step| of_live.contains_key(step))
        .collect();
    let mut next_shared = shared.pop_front();
    let mut merged = BTreeSet::new();
    let mut out = Vec::with_capacity(live.len().max(config.len()));
    let put =
        |step: &PathElement, live: Option<&Value>, config: Option<&Value>, out: &mut Vec<Value>| {
            let item = either(schema.items(), live, config).map_err(|errors| errors.below(step))?;
            out.extend(item);
            Ok::<(), TypedErrors>(())
        };
    let (mut l, mut c) = (0, 0);
    while l < live_steps.len() || c < config_steps.len() {
        if let (Some(live_step), Some(config_step)) = (live_steps.get(l), config_steps.get(c)) {
            if live_step == config_step {
                merged.insert(config_step);
                put(
                    live_step,
                    of_live.get(live_step).copied(),
                    of_config.get(live_step).copied(),
                    &mut out,
                )?;
                (l, c) = (l + 1, c + 1);
                next_shared = shared.pop_front();
                continue;
            }
            if of_config.contains_key(live_step)
                && next_shared.is_some_and(|next| next != live_step)
            {
                // Shared, but not the one whose turn it is.
                l += 1;
                continue;
            }
        }
        if let Some(live_step) = live_steps.get(l) {
            if !of_config.contains_key(live_step) {
                put(live_step, live.get(l), None, &mut out)?;
                l += 1;
                continue;
            }
            if merged.contains(live_step) {
                l += 1;
            }
        }
        if let Some(config_step) = config_steps.get(c) {
            merged.insert(config_step);
            put(
                config_step,
                of_live.get(config_step).copied(),
                of_config.get(config_step).copied(),
                &mut out,
            )?;
            c += 1;
            if next_shared == Some(config_step) {
                next_shared = shared.pop_front();
            }
        }
    }
    Ok(out)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn set_of(live: Value, config: Value) -> Value {
        let schema = Schema::of_kind("", "v1", "ConfigMap")
            .and_then(|schema| schema.property("metadata"))
            .expect("metadata");
        let merged = merge(
            schema,
            &json!({"finalizers": live}),
            &json!({"finalizers": config}),
        )
        .expect("valid");
        merged["finalizers"].clone()
    }

    #[test]
    fn items_keep_their_places() {
        assert_eq!(
            set_of(json!(["a", "b", "c"]), json!(["b"])),
            json!(["a", "b", "c"])
        );
        assert_eq!(
            set_of(json!(["a", "b", "c"]), json!(["c", "a"])),
            json!(["b", "c", "a"])
        );
        assert_eq!(
            set_of(json!(["a", "b"]), json!(["d", "b"])),
            json!(["a", "d", "b"])
        );
        assert_eq!(set_of(json!([]), json!(["d", "b"])), json!(["d", "b"]));
    }

    #[test]
    fn null_does_not_empty_an_object() {
        let schema = Schema::of_kind("", "v1", "ConfigMap").expect("ConfigMap");
        let merged =
            merge(schema, &json!({"data": {"a": "1"}}), &json!({"data": null})).expect("valid");
        assert_eq!(merged, json!({"data": {"a": "1"}}));
        let merged = merge(
            schema,
            &json!({"data": {"a": "1"}}),
            &json!({"data": {"a": null}}),
        )
        .expect("valid");
        assert_eq!(merged, json!({"data": {"a": null}}));
    }
}
