//! What a webhook answers, and what becomes of it.

use serde_json::Value;

use super::hooks::ReviewVersion;
use crate::kinds::builtin::base64;
use crate::model::status::{ApiError, Cause, Details, quoted};
use kmock_apply::ordered::Node;
use kmock_apply::patch::json as json_patch;

/// A webhook's decision.
#[derive(Debug)]
pub(super) enum Verdict {
    /// It lets the request in, with a patch perhaps.
    Allowed(Option<Vec<u8>>),
    /// It does not; the `Status` that it gave, or null.
    Denied(Value),
}

/// An answer that can be followed.
#[derive(Debug)]
pub(super) struct Answer {
    pub(super) verdict: Verdict,
    pub(super) warnings: Vec<String>,
    /// For the audit log, without the webhook's name.
    pub(super) annotations: Vec<(String, String)>,
}

/// Bytes as Go reads them: base64, or, as kube-rs writes them, a list of numbers.
fn bytes(value: &Value) -> Result<Vec<u8>, String> {
    match value {
        Value::String(text) => {
            base64::decode(text).map_err(|_| "response.patch is not base64".to_owned())
        }
        Value::Array(numbers) => {
            let byte = |number: &Value| u8::try_from(number.as_u64()?).ok();
            let bytes: Option<Vec<u8>> = numbers.iter().map(byte).collect();
            bytes.ok_or_else(|| "response.patch is a list of other things than bytes".to_owned())
        }
        _ => Ok(Vec::new()),
    }
}

type Fits = fn(&Value) -> bool;

/// Why a review cannot be read at all, in the words of Go's decoder: a field that is of another type.
pub(super) fn mistyped(review: &Value) -> Option<String> {
    let text: Fits = Value::is_string;
    let fields: [(&str, &str, &str, Fits); 6] = [
        (
            "AdmissionReview",
            "response",
            "v1.AdmissionResponse",
            Value::is_object,
        ),
        ("AdmissionResponse", "response.uid", "types.UID", text),
        (
            "AdmissionResponse",
            "response.allowed",
            "bool",
            Value::is_boolean,
        ),
        (
            "AdmissionResponse",
            "response.patchType",
            "v1.PatchType",
            text,
        ),
        (
            "AdmissionResponse",
            "response.warnings",
            "[]string",
            Value::is_array,
        ),
        (
            "AdmissionResponse",
            "response.auditAnnotations",
            "map[string]string",
            Value::is_object,
        ),
    ];
    let wrong = fields.into_iter().find_map(|(of, path, kind, fits)| {
        let value = path.split('.').fold(review, |value, key| &value[key]);
        (!value.is_null() && !fits(value)).then_some((of, path, kind, value))
    });
    wrong.map(|(of, path, kind, value)| {
        let found = match value {
            Value::Bool(_) => "bool",
            Value::Number(_) => "number",
            Value::Array(_) => "array",
            Value::Object(_) => "object",
            _ => "string",
        };
        format!("json: cannot unmarshal {found} into Go struct field {of}.{path} of type {kind}")
    })
}

impl Answer {
    /// Reads an answer; the error is what the server says of one that it cannot take.
    pub(super) fn read<'v>(
        review: &'v Value,
        uid: &str,
        version: ReviewVersion,
        mutating: bool,
    ) -> Result<Self, String> {
        let response = &review["response"];
        if !response.is_object() {
            return Err("webhook response was absent".into());
        }
        let text = |value: &'v Value| value.as_str().unwrap_or_default();
        let patch = bytes(&response["patch"])?;
        let patch_type = response["patchType"].as_str();
        if version == ReviewVersion::V1 {
            let given = text(&response["uid"]);
            if given != uid {
                return Err(format!(
                    "expected response.uid={}, got {}",
                    quoted(uid),
                    quoted(given)
                ));
            }
            let (kind, api_version) = (text(&review["kind"]), text(&review["apiVersion"]));
            if kind != "AdmissionReview" || api_version != "admission.k8s.io/v1" {
                return Err(format!(
                    "expected webhook response of admission.k8s.io/v1, Kind=AdmissionReview, got {}, Kind={kind}",
                    if api_version.contains('/') {
                        api_version.to_owned()
                    } else {
                        format!("/{api_version}")
                    }
                ));
            }
            match (mutating, patch.is_empty(), patch_type) {
                (true, false, None) => {
                    return Err("webhook returned response.patch but not response.patchType".into());
                }
                (true, true, Some(_)) => {
                    return Err("webhook returned response.patchType but not response.patch".into());
                }
                (true, _, Some("")) => {
                    return Err("webhook returned invalid response.patchType of \"\"".into());
                }
                (false, false, _) => {
                    return Err("validating webhook may not return response.patch".into());
                }
                (false, _, Some(_)) => {
                    return Err("validating webhook may not return response.patchType".into());
                }
                _ => {}
            }
            if let Some(other) = patch_type.filter(|kind| *kind != "JSONPatch") {
                return Err(format!("unsupported patch type {}", quoted(other)));
            }
        }
        let patch = Some(patch).filter(|patch| !patch.is_empty());
        let allowed = response["allowed"].as_bool().unwrap_or_default();
        let warnings = response["warnings"].as_array().into_iter().flatten();
        let annotations = response["auditAnnotations"]
            .as_object()
            .into_iter()
            .flatten();
        Ok(Self {
            verdict: if allowed {
                Verdict::Allowed(patch.filter(|_| mutating))
            } else {
                Verdict::Denied(response["status"].clone())
            },
            warnings: warnings
                .filter_map(Value::as_str)
                .map(str::to_owned)
                .collect(),
            annotations: annotations
                .filter_map(|(key, value)| Some((key.clone(), value.as_str()?.to_owned())))
                .collect(),
        })
    }
}

/// The failure of a request that a webhook denied.
pub(super) fn denied(name: &str, status: &Value) -> ApiError {
    let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    let code = status["code"].as_u64().unwrap_or_default();
    let code = u16::try_from(code).unwrap_or(400).max(400);
    let (message, reason) = (text(&status["message"]), text(&status["reason"]));
    let denied = format!("admission webhook {} denied the request", quoted(name));
    let message = match (message.as_str(), reason.as_str()) {
        ("", "") => format!("{denied} without explanation"),
        ("", reason) => format!("{denied}: {reason}"),
        (message, _) => format!("{denied}: {message}"),
    };
    let error = ApiError::new(code, reason, message);
    let details = &status["details"];
    if !details.is_object() {
        return error;
    }
    let causes = details["causes"].as_array().into_iter().flatten();
    error.with_details(Details {
        name: text(&details["name"]),
        group: text(&details["group"]),
        kind: text(&details["kind"]),
        uid: text(&details["uid"]),
        causes: causes
            .map(|cause| Cause {
                reason: text(&cause["reason"]),
                message: text(&cause["message"]),
                field: text(&cause["field"]),
            })
            .collect(),
        retry_after_seconds: details["retryAfterSeconds"]
            .as_u64()
            .and_then(|seconds| u32::try_from(seconds).ok())
            .unwrap_or_default(),
    })
}

/// Why a patch could not be applied: the first operation that fails, in the words of the server's library.
pub(in super::super) fn why_not_applied(object: &Value, operations: &Node) -> String {
    let Node::Array(operations) = operations else {
        return "the patch is no list".into();
    };
    let mut object = object.clone();
    for operation in operations {
        match json_patch::apply(&object, &Node::Array(vec![operation.clone()])) {
            Ok(next) => object = next,
            Err(_) => return why_failed(&object, operation),
        }
    }
    "the patch does not apply".into()
}

fn why_failed(object: &Value, operation: &Node) -> String {
    let text = |key: &str| {
        let found = operation.get(key).and_then(Node::as_str);
        found.unwrap_or_default().to_owned()
    };
    let (op, path, from) = (text("op"), text("path"), text("from"));
    // The value that holds what a path leads to.
    let holder = |path: &str| object.pointer(path.rsplit_once('/').map_or("", |(head, _)| head));
    let last = |path: &str| path.rsplit('/').next().unwrap_or_default().to_owned();
    let no_place = |holder: Option<&Value>| !holder.is_some_and(|x| x.is_object() || x.is_array());
    let index = |path: &str| match last(path).parse::<i64>() {
        Ok(index) => format!("Unable to access invalid index: {index}: invalid index referenced"),
        Err(_) => format!(
            "strconv.Atoi: parsing {}: invalid syntax",
            quoted(&last(path))
        ),
    };
    let of_list = |path: &str| holder(path).is_some_and(Value::is_array);
    match op.as_str() {
        "test" if no_place(holder(&path)) => {
            format!("test operation does not apply: is missing path: {path}: missing value")
        }
        "test" if of_list(&path) && object.pointer(&path).is_none() => {
            format!("error in test for path: '{path}': {}", index(&path))
        }
        "test" => format!("testing value {path} failed: test failed"),
        "remove" if no_place(holder(&path)) => {
            format!(
                "remove operation does not apply: doc is missing path: \"{path}\": missing value"
            )
        }
        "remove" if of_list(&path) => {
            format!("error in remove for path: '{path}': {}", index(&path))
        }
        "remove" => format!(
            "error in remove for path: '{path}': Unable to remove nonexistent key: {}: missing value",
            last(&path)
        ),
        "replace" if no_place(holder(&path)) => {
            format!("replace operation does not apply: doc is missing path: {path}: missing value")
        }
        "replace" => {
            format!("replace operation does not apply: doc is missing key: {path}: missing value")
        }
        "add" if no_place(holder(&path)) => {
            format!("add operation does not apply: doc is missing path: \"{path}\": missing value")
        }
        "add" => format!("error in add for path: '{path}': {}", index(&path)),
        "copy" | "move" if no_place(holder(&from)) => {
            format!(
                "{op} operation does not apply: doc is missing from path: {from}: missing value"
            )
        }
        "copy" | "move" if no_place(holder(&path)) => {
            format!(
                "{op} operation does not apply: doc is missing destination path: {path}: missing value"
            )
        }
        "move" => format!(
            "error in move for path: '{0}': Unable to remove nonexistent key: {0}: missing value",
            last(&from)
        ),
        "copy" => format!("error in copy for from: '{from}': missing value"),
        other => format!("Unexpected kind: {other}"),
    }
}
