//! The options of a delete as they come: in the query, or in a body of their own.

use serde_json::Value;

use super::body::{self, ParseError, Parsed};
use super::call::Call;
use super::write_options::DeleteOptions;
use crate::kinds::builtin::decode;
use crate::kinds::builtin::gotypes::Struct;
use crate::model::path::Query;
use crate::model::status::{ApiError, quoted};
use kmock_apply::ordered::Node;

impl DeleteOptions {
    /// Reads the options of a delete: of the body if there is one, else of the query.
    pub fn read(call: &Call) -> Result<Self, ApiError> {
        Self::from_value(&if call.body.is_empty() {
            from_query(&call.request.query)?
        } else {
            from_body(call)?
        })
    }
}

fn from_query(query: &Query) -> Result<Value, ApiError> {
    let mut out = serde_json::Map::new();
    if let Some(seconds) = query.get("gracePeriodSeconds") {
        let parsed: i64 = seconds.parse().map_err(|_| {
            let why = if is_integer(seconds) {
                "value out of range"
            } else {
                "invalid syntax"
            };
            ApiError::bad_request(format!(
                "strconv.ParseInt: parsing {}: {why}",
                quoted(seconds)
            ))
        })?;
        out.insert("gracePeriodSeconds".into(), parsed.into());
    }
    if query.has("orphanDependents") {
        out.insert(
            "orphanDependents".into(),
            query.flag("orphanDependents").into(),
        );
    }
    if let Some(policy) = query.get("propagationPolicy") {
        out.insert("propagationPolicy".into(), policy.into());
    }
    out.insert("dryRun".into(), query.all("dryRun").collect());
    Ok(Value::Object(out))
}

fn is_integer(text: &str) -> bool {
    let digits = text.strip_prefix(['-', '+']).unwrap_or(text);
    !digits.is_empty() && digits.bytes().all(|c| c.is_ascii_digit())
}

fn from_body(call: &Call) -> Result<Value, ApiError> {
    let Parsed { node, .. } = body::parse(call).map_err(|error| match error {
        ParseError::Refused(error) => error,
        ParseError::Text(why) => ApiError::bad_request(why),
    })?;
    let text = |key: &str| node.get(key).and_then(Node::as_str).unwrap_or_default();
    let (kind, version) = (text("kind"), text("apiVersion"));
    if !matches!(kind, "" | "DeleteOptions") {
        let version = if version.is_empty() { "v1" } else { version };
        return Err(ApiError::bad_request(format!(
            "no kind {} is registered for version {} in scheme \"pkg/apis/meta/internalversion/scheme/register.go:27\"",
            quoted(kind),
            quoted(version)
        )));
    }
    if let Some(root) = Struct::named("meta.v1.DeleteOptions") {
        decode::decode(root, node.clone()).map_err(ApiError::bad_request)?;
    }
    Ok(node.to_value())
}
