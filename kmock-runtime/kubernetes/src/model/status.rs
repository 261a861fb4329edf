//! Failures as the API server words them: an HTTP code and a `Status` object.
//!
//! One constructor per kind of failure, with the server's exact text
//! (`k8s.io/apimachinery/pkg/api/errors` and `…/util/validation/field`, as observed on v1.36).

use std::borrow::Cow;
use std::collections::HashSet;
use std::fmt;

use serde_json::{Map, Value, json};

/// A failed API call: what the client gets instead of an object.
#[derive(Debug, Clone, PartialEq)]
pub struct ApiError {
    /// The HTTP status code, also `Status.code`.
    pub code: u16,
    /// `Status.reason`; empty means that there is none (as in bare 500s).
    pub reason: Cow<'static, str>,
    /// `Status.message`.
    pub message: String,
    /// `Status.details`; `None` leaves the key out, an empty one prints `{}`.
    pub details: Option<Details>,
    /// `Status.metadata.continue`: only an expired continue token carries one.
    pub continue_token: Option<String>,
    /// Further response headers.
    pub headers: Vec<(&'static str, String)>,
    /// The message goes out as `text/plain` instead of a `Status`: paths that no route knows.
    pub plain: bool,
    /// `Warning` headers that go out with the failure.
    pub warnings: Vec<String>,
}

/// `Status.details`.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Details {
    /// Name of the object.
    pub name: String,
    /// API group.
    pub group: String,
    /// The resource or the kind, depending on the failure.
    pub kind: String,
    /// Uid of the object.
    pub uid: String,
    /// The single faults.
    pub causes: Vec<Cause>,
    /// When to try again.
    pub retry_after_seconds: u32,
}

/// `Status.details.causes[]`.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Cause {
    /// A machine-readable word, e.g. `FieldValueInvalid`.
    pub reason: String,
    /// The text, without the field.
    pub message: String,
    /// The path of the field; empty if it is not about one.
    pub field: String,
}

impl Details {
    /// The JSON of it, without empty fields.
    pub fn to_value(&self) -> Value {
        let mut out = Map::new();
        for (key, text) in [
            ("name", &self.name),
            ("group", &self.group),
            ("kind", &self.kind),
            ("uid", &self.uid),
        ] {
            if !text.is_empty() {
                out.insert(key.into(), Value::String(text.clone()));
            }
        }
        if !self.causes.is_empty() {
            out.insert(
                "causes".into(),
                self.causes.iter().map(Cause::to_value).collect(),
            );
        }
        if self.retry_after_seconds > 0 {
            out.insert("retryAfterSeconds".into(), self.retry_after_seconds.into());
        }
        Value::Object(out)
    }
}

impl Cause {
    fn to_value(&self) -> Value {
        let mut out = Map::new();
        for (key, text) in [
            ("reason", &self.reason),
            ("message", &self.message),
            ("field", &self.field),
        ] {
            if !text.is_empty() {
                out.insert(key.into(), Value::String(text.clone()));
            }
        }
        Value::Object(out)
    }
}

/// `resource` or `resource.group`: how messages name a resource.
pub fn qualified(group: &str, resource: &str) -> String {
    if group.is_empty() {
        resource.to_owned()
    } else {
        format!("{resource}.{group}")
    }
}

pub use kmock_apply::gofmt::quote as quoted;

impl ApiError {
    /// A failure with a code, a reason (empty for none) and a message, without details.
    pub fn new(
        code: u16,
        reason: impl Into<Cow<'static, str>>,
        message: impl Into<String>,
    ) -> Self {
        Self {
            code,
            reason: reason.into(),
            message: message.into(),
            details: None,
            continue_token: None,
            headers: Vec::new(),
            plain: false,
            warnings: Vec::new(),
        }
    }

    /// The same with other details.
    #[must_use]
    pub fn with_details(mut self, details: Details) -> Self {
        self.details = Some(details);
        self
    }

    fn about(
        code: u16,
        reason: &'static str,
        group: &str,
        kind: &str,
        name: &str,
        message: String,
    ) -> Self {
        Self::new(code, reason, message).with_details(Details {
            name: name.to_owned(),
            group: group.to_owned(),
            kind: kind.to_owned(),
            ..Details::default()
        })
    }

    /// 404 of an object: `configmaps "a" not found`.
    pub fn not_found(group: &str, resource: &str, name: &str) -> Self {
        let message = format!("{} {} not found", qualified(group, resource), quoted(name));
        Self::about(404, "NotFound", group, resource, name, message)
    }

    /// 404 of a path of a known group whose version or resource is unknown.
    pub fn no_such_resource() -> Self {
        Self::new(
            404,
            "NotFound",
            "the server could not find the requested resource",
        )
        .with_details(Details::default())
    }

    /// A failure that is told as text, without a `Status`.
    pub fn in_plain_text(code: u16, message: impl Into<String>) -> Self {
        Self {
            plain: true,
            ..Self::new(code, "", message)
        }
    }

    /// 404 as text: a path that no route knows.
    pub fn page_not_found() -> Self {
        Self::in_plain_text(404, "404 page not found\n")
    }

    /// 500 as text: a path of which not even the resource can be told.
    pub fn no_request_info(path: &str, asked: &str) -> Self {
        let message = format!(
            "Internal Server Error: {}: failed to create RequestInfo: unable to determine kind and namespace from \
             url, {path}\n",
            quoted(asked)
        );
        Self::in_plain_text(500, message)
    }

    /// 409 of a name that is taken.
    pub fn already_exists(group: &str, resource: &str, name: &str) -> Self {
        let message = format!(
            "{} {} already exists",
            qualified(group, resource),
            quoted(name)
        );
        Self::about(409, "AlreadyExists", group, resource, name, message)
    }

    /// 409 of a generated name that is taken, even after the retries.
    pub fn generated_name_conflict(group: &str, resource: &str, name: &str) -> Self {
        let mut error = Self::already_exists(group, resource, name);
        error
            .message
            .push_str(", the server was not able to generate a unique name for the object");
        if let Some(details) = &mut error.details {
            details.retry_after_seconds = 1;
        }
        error.headers.push(("Retry-After", "1".into()));
        error
    }

    /// 409 `Operation cannot be fulfilled on …: <why>`.
    pub fn conflict(group: &str, resource: &str, name: &str, why: impl fmt::Display) -> Self {
        let message = format!(
            "Operation cannot be fulfilled on {} {}: {why}",
            qualified(group, resource),
            quoted(name)
        );
        Self::about(409, "Conflict", group, resource, name, message)
    }

    /// 409 of a write against an old version.
    pub fn modified(group: &str, resource: &str, name: &str) -> Self {
        Self::conflict(
            group,
            resource,
            name,
            "the object has been modified; please apply your changes to the latest version and try again",
        )
    }

    /// 403 `<resource> "<name>" is forbidden: <why>`.
    pub fn forbidden(group: &str, resource: &str, name: &str, why: impl fmt::Display) -> Self {
        let resource_text = qualified(group, resource);
        let message = match (resource.is_empty(), name.is_empty()) {
            (true, _) => format!("forbidden: {why}"),
            (false, true) => format!("{resource_text} is forbidden: {why}"),
            (false, false) => format!("{resource_text} {} is forbidden: {why}", quoted(name)),
        };
        Self::about(403, "Forbidden", group, resource, name, message)
    }

    /// 401: nobody knows who asks.
    pub fn unauthorized() -> Self {
        Self::new(401, "Unauthorized", "Unauthorized")
    }

    /// 400 with a message and nothing else.
    pub fn bad_request(message: impl Into<String>) -> Self {
        Self::new(400, "BadRequest", message)
    }

    /// 500 without a reason: a failure that the server did not expect.
    pub fn unreasoned(message: impl Into<String>) -> Self {
        Self::new(500, "", message)
    }

    /// 500 `Internal error occurred: …`.
    pub fn internal(message: impl fmt::Display) -> Self {
        let text = message.to_string();
        Self::new(
            500,
            "InternalError",
            format!("Internal error occurred: {text}"),
        )
        .with_details(Details {
            causes: vec![Cause {
                message: text,
                ..Cause::default()
            }],
            ..Details::default()
        })
    }

    /// 405 of a resource that does not have the verb.
    pub fn method_not_allowed() -> Self {
        Self::new(
            405,
            "MethodNotAllowed",
            "the server does not allow this method on the requested resource",
        )
        .with_details(Details::default())
    }

    /// 405 with the text of a custom resource's handler or of a missing subresource verb.
    pub fn method_not_supported(group: &str, resource: &str, action: &str) -> Self {
        let message = format!(
            "{action} is not supported on resources of kind {}",
            quoted(&qualified(group, resource))
        );
        Self::about(405, "MethodNotAllowed", group, resource, "", message)
    }

    /// 415 of a request body.
    pub fn unsupported_media_type(accepted: &[&str]) -> Self {
        Self::new(
            415,
            "UnsupportedMediaType",
            format!(
                "the body of the request was in an unknown format - accepted media types include: {}",
                accepted.join(", ")
            ),
        )
    }

    /// 406 of an `Accept` header.
    pub fn not_acceptable(accepted: &[&str]) -> Self {
        Self::new(
            406,
            "NotAcceptable",
            format!(
                "only the following media types are accepted: {}",
                accepted.join(", ")
            ),
        )
    }

    /// 410 of a version that was compacted away.
    pub fn expired(message: impl Into<String>) -> Self {
        Self::new(410, "Expired", message)
    }

    /// 422 of an object: every fault is a cause, the message joins them without repetition.
    pub fn invalid(group: &str, kind: &str, name: &str, faults: &[FieldError]) -> Self {
        let message = format!(
            "{} {} is invalid{}",
            qualified(group, kind),
            quoted(name),
            aggregate(faults, ": ")
        );
        Self::about(422, "Invalid", group, kind, name, message).with_causes(faults)
    }

    fn with_causes(mut self, faults: &[FieldError]) -> Self {
        if let Some(details) = &mut self.details {
            details.causes = faults.iter().map(FieldError::to_cause).collect();
        }
        self
    }

    /// 422 without an object: a request that cannot be processed, e.g. a JSON patch that fails.
    pub fn unprocessable() -> Self {
        Self::new(
            422,
            "Invalid",
            "the server rejected our request due to an error in our request",
        )
        .with_details(Details::default())
    }

    /// 501 of something that the emulator does not do: never a silent difference.
    pub fn not_implemented(what: impl fmt::Display) -> Self {
        Self::new(
            501,
            "NotImplemented",
            format!("kmock does not emulate {what}"),
        )
    }

    /// Whether it is a 404 of an object.
    pub fn is_not_found(&self) -> bool {
        self.code == 404 && self.reason == "NotFound"
    }

    /// Whether it is a 409 of a concurrent change.
    pub fn is_conflict(&self) -> bool {
        self.code == 409 && self.reason == "Conflict"
    }

    /// The `Status` object.
    pub fn to_status(&self) -> Value {
        let mut out =
            json!({"kind": "Status", "apiVersion": "v1", "metadata": {}, "status": "Failure"});
        if let Some(token) = &self.continue_token {
            out["metadata"]["continue"] = token.as_str().into();
        }
        if !self.message.is_empty() {
            out["message"] = self.message.as_str().into();
        }
        if !self.reason.is_empty() {
            out["reason"] = self.reason.as_ref().into();
        }
        if let Some(details) = &self.details {
            out["details"] = details.to_value();
        }
        out["code"] = self.code.into();
        out
    }
}

impl fmt::Display for ApiError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}", self.code, self.message.trim_end())
    }
}

impl std::error::Error for ApiError {}

/// Joins faults as Go's aggregate errors print: alone as it is, several in brackets, repeated ones once.
pub fn aggregate(faults: &[FieldError], prefix: &str) -> String {
    // Each text once, and in order; there may be thousands, and long ones.
    let mut known = HashSet::new();
    let mut seen: Vec<String> = faults.iter().map(ToString::to_string).collect();
    seen.retain(|text| known.insert(text.clone()));
    match seen.as_slice() {
        [] => String::new(),
        [one] => format!("{prefix}{one}"),
        many => format!("{prefix}[{}]", many.join(", ")),
    }
}

/// One fault of one field: `spec.x: Invalid value: "a": <why>`.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct FieldError {
    /// The cause's reason, e.g. `FieldValueInvalid`.
    pub reason: &'static str,
    /// The path of the field.
    pub field: String,
    /// The text without the path.
    pub message: String,
}

impl FieldError {
    /// A fault from its parts.
    pub fn new(reason: &'static str, field: impl Into<String>, message: impl Into<String>) -> Self {
        Self {
            reason,
            field: field.into(),
            message: message.into(),
        }
    }

    fn with_detail(
        reason: &'static str,
        field: impl Into<String>,
        head: String,
        detail: impl fmt::Display,
    ) -> Self {
        let detail = detail.to_string();
        let message = if detail.is_empty() {
            head
        } else {
            format!("{head}: {detail}")
        };
        Self::new(reason, field, message)
    }

    /// `Invalid value: <value>: <detail>`; strings are quoted, everything else is printed as JSON.
    pub fn invalid(field: impl Into<String>, value: &Value, detail: impl fmt::Display) -> Self {
        Self::with_detail(
            "FieldValueInvalid",
            field,
            format!("Invalid value: {}", shown(value)),
            detail,
        )
    }

    /// The same for a text.
    pub fn invalid_text(field: impl Into<String>, value: &str, detail: impl fmt::Display) -> Self {
        Self::with_detail(
            "FieldValueInvalid",
            field,
            format!("Invalid value: {}", quoted(value)),
            detail,
        )
    }

    /// `Invalid value: <detail>`, for values that are not shown.
    pub fn invalid_omitted(field: impl Into<String>, detail: impl fmt::Display) -> Self {
        Self::with_detail("FieldValueInvalid", field, "Invalid value".into(), detail)
    }

    /// `Required value: <detail>`.
    pub fn required(field: impl Into<String>, detail: impl fmt::Display) -> Self {
        Self::with_detail("FieldValueRequired", field, "Required value".into(), detail)
    }

    /// `Forbidden: <detail>`.
    pub fn forbidden(field: impl Into<String>, detail: impl fmt::Display) -> Self {
        Self::with_detail("FieldValueForbidden", field, "Forbidden".into(), detail)
    }

    /// `Duplicate value: <value>`.
    pub fn duplicate(field: impl Into<String>, value: &Value) -> Self {
        Self::new(
            "FieldValueDuplicate",
            field,
            format!("Duplicate value: {}", shown(value)),
        )
    }

    /// `Not found: <value>`.
    pub fn not_found(field: impl Into<String>, value: &Value) -> Self {
        Self::new(
            "FieldValueNotFound",
            field,
            format!("Not found: {}", shown(value)),
        )
    }

    /// `Unsupported value: <value>: supported values: "a", "b"`; the values in the given order.
    pub fn not_supported(field: impl Into<String>, value: &Value, supported: &[&str]) -> Self {
        let head = format!("Unsupported value: {}", shown(value));
        let list: Vec<String> = supported.iter().map(|x| quoted(x)).collect();
        let detail = if list.is_empty() {
            String::new()
        } else {
            format!("supported values: {}", list.join(", "))
        };
        Self::with_detail("FieldValueNotSupported", field, head, detail)
    }

    /// `Too long: may not be more than <n> bytes`.
    pub fn too_long(field: impl Into<String>, limit: usize) -> Self {
        let unit = if limit == 1 { "byte" } else { "bytes" };
        Self::new(
            "FieldValueTooLong",
            field,
            format!("Too long: may not be more than {limit} {unit}"),
        )
    }

    /// `Too many: <actual>: must have at most <n> items`.
    pub fn too_many(field: impl Into<String>, actual: usize, limit: usize) -> Self {
        let unit = if limit == 1 { "item" } else { "items" };
        Self::new(
            "FieldValueTooMany",
            field,
            format!("Too many: {actual}: must have at most {limit} {unit}"),
        )
    }

    /// `Invalid value: <value>: <detail>` with the reason of a wrong type.
    pub fn type_invalid(
        field: impl Into<String>,
        value: &Value,
        detail: impl fmt::Display,
    ) -> Self {
        Self::with_detail(
            "FieldValueTypeInvalid",
            field,
            format!("Invalid value: {}", shown(value)),
            detail,
        )
    }

    /// `Internal error: <detail>`.
    pub fn internal(field: impl Into<String>, detail: impl fmt::Display) -> Self {
        Self::with_detail("InternalError", field, "Internal error".into(), detail)
    }

    /// The cause that goes into the `Status`.
    pub fn to_cause(&self) -> Cause {
        Cause {
            reason: self.reason.into(),
            message: self.message.clone(),
            field: self.field.clone(),
        }
    }
}

impl fmt::Display for FieldError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.field.is_empty() {
            f.write_str(&self.message)
        } else {
            write!(f, "{}: {}", self.field, self.message)
        }
    }
}

/// The type of a value of JSON, as Go's `%T` prints it.
pub fn go_type(value: &Value) -> &'static str {
    match value {
        Value::Null => "<nil>",
        Value::Bool(_) => "bool",
        Value::Number(number) if number.is_i64() => "int64",
        Value::Number(_) => "float64",
        Value::String(_) => "string",
        Value::Array(_) => "[]interface {}",
        Value::Object(_) => "map[string]interface {}",
    }
}

/// How a bad value is shown in a message.
pub fn shown(value: &Value) -> String {
    match value {
        Value::String(text) => quoted(text),
        other => other.to_string(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn status_of_absent_object() {
        let status = ApiError::not_found("apps", "deployments", "web").to_status();
        assert_eq!(status["message"], "deployments.apps \"web\" not found");
        assert_eq!(
            status["details"],
            json!({"name": "web", "group": "apps", "kind": "deployments"})
        );
    }

    #[test]
    fn repeated_faults_are_causes_but_said_once() {
        let fault = FieldError::invalid("metadata.labels", &json!("a b"), "bad");
        let error = ApiError::invalid("", "ConfigMap", "x", &[fault.clone(), fault]);
        assert_eq!(
            error.message,
            "ConfigMap \"x\" is invalid: metadata.labels: Invalid value: \"a b\": bad"
        );
        assert_eq!(error.details.map(|d| d.causes.len()), Some(2));
    }
}
