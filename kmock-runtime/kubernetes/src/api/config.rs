//! The configuration in the body of an apply: how it is read, and what answers when it cannot be applied.

use serde_json::{Map, Value};

use crate::model::status::{ApiError, Cause, Details};
use kmock_apply::fields::{Conflict, Write};
use kmock_apply::patch::apply::{self, ApplyFault};

/// An applied configuration.
#[derive(Clone, Debug, PartialEq)]
pub struct Config {
    /// The configuration.
    pub object: Value,
    /// What a strict reader complains about.
    pub complaint: Option<String>,
}

impl Config {
    /// The object of that kind with the configuration applied, before defaults.
    pub fn apply(
        &self,
        live: Option<&Value>,
        kind: &str,
        force: bool,
        write: &Write<'_>,
    ) -> Result<Value, ApiError> {
        apply::apply(live, &self.object, kind, force, write).map_err(answer)
    }
}

/// Reads the body of an apply, YAML or JSON.
pub fn read(body: &[u8]) -> Result<Config, ApiError> {
    let refused = |why: String| ApiError::bad_request(format!("error decoding YAML: {why}"));
    let (object, complaint) = document(body).map_err(refused)?;
    let sort = match &object {
        Value::Object(_) => return Ok(Config { object, complaint }),
        Value::Null => {
            return Ok(Config {
                object: Value::Object(Map::new()),
                complaint,
            });
        }
        Value::Array(_) => "array",
        Value::String(_) => "string",
        Value::Number(_) => "number",
        Value::Bool(_) => "bool",
    };
    Err(refused(format!(
        "error unmarshaling JSON: while decoding JSON: json: cannot unmarshal {sort} into Go value of type map[string]interface {{}}"
    )))
}

#[cfg(feature = "yaml")]
fn document(body: &[u8]) -> Result<(Value, Option<String>), String> {
    let document = crate::text::yaml::parse_bytes(body)
        .map_err(|e| format!("error converting YAML to JSON: {e}"))?;
    let complaint = document
        .strict_error()
        .map(|e| format!("error converting YAML to JSON: {e}"));
    Ok((document.value, complaint))
}

#[cfg(not(feature = "yaml"))]
fn document(body: &[u8]) -> Result<(Value, Option<String>), String> {
    if body.iter().all(u8::is_ascii_whitespace) {
        return Ok((Value::Null, None));
    }
    let value = serde_json::from_slice(body);
    value
        .map(|value| (value, None))
        .map_err(|_| "no JSON: YAML needs kmock's feature \"yaml\"".into())
}

/// The answer to an apply that failed. That of conflicts names fields and managers, never the object.
fn answer(fault: ApplyFault) -> ApiError {
    let text = fault.to_string();
    match fault {
        ApplyFault::Refused(_) => ApiError::bad_request(text),
        ApplyFault::Failed(_) => ApiError::unreasoned(text),
        ApplyFault::Conflicts(conflicts) => {
            let causes = conflicts.iter().map(cause).collect();
            ApiError::new(409, "Conflict", text).with_details(Details {
                causes,
                ..Details::default()
            })
        }
    }
}

fn cause(conflict: &Conflict) -> Cause {
    Cause {
        reason: "FieldManagerConflict".into(),
        message: format!("conflict with {}", conflict.manager),
        field: conflict.field(),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn bodies() {
        assert_eq!(read(b"").expect("empty").object, json!({}));
        assert!(
            read(b"[1]")
                .expect_err("list")
                .message
                .starts_with("error decoding YAML: error unmarshaling JSON")
        );
    }
}
