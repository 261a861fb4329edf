//! What a verb answers, before it is rendered in the form that the client accepts.

use std::sync::Arc;

use bytes::Bytes;
use http::{HeaderMap, Response};
use serde_json::Value;

use crate::kubernetes::cluster::ApiBody;
use crate::kubernetes::registry::Served;
use crate::kubernetes::status::ApiError;
use crate::kubernetes::store::StoredObject;

/// An answer.
#[derive(Debug)]
pub struct Reply {
    /// The HTTP status code.
    pub code: u16,
    /// The body.
    pub body: Body,
    /// `Warning` headers.
    pub warnings: Vec<String>,
    /// Further headers.
    pub headers: Vec<(&'static str, String)>,
}

/// The body of an answer.
#[derive(Debug)]
pub enum Body {
    /// A stored object, to be shown in the version of the request.
    Stored(Served, Arc<StoredObject>),
    /// An object of the resource that is not stored as such (dry run, the last state of a deleted one), in the version
    /// of the request.
    Object(Served, Value),
    /// Any other object (a `Status`, a `Scale`, a token, a review): complete with kind and apiVersion.
    Value(Value),
    /// Something that is not an object: content type and bytes.
    Raw(&'static str, Bytes),
    /// A finished response.
    Response(Response<ApiBody>),
}

impl Reply {
    /// An answer with a code and a body.
    pub fn new(code: u16, body: Body) -> Self {
        Self {
            code,
            body,
            warnings: Vec::new(),
            headers: Vec::new(),
        }
    }

    /// The same with `Warning` headers.
    #[must_use]
    pub fn with_warnings(mut self, warnings: Vec<String>) -> Self {
        self.warnings.extend(warnings);
        self
    }
}

/// Renders an answer. JSON only so far: `accept.rs` takes over.
pub fn render(_headers: &HeaderMap, reply: Reply) -> Response<ApiBody> {
    let (kind, bytes) = match reply.body {
        Body::Stored(served, object) => ("application/json", json(&shown(&served, &object.value))),
        Body::Object(_, value) | Body::Value(value) => ("application/json", json(&value)),
        Body::Raw(kind, bytes) => (kind, bytes),
        Body::Response(response) => return response,
    };
    respond(reply.code, kind, bytes, &reply.warnings, &reply.headers)
}

/// Renders a failure.
pub fn render_error(_headers: &HeaderMap, error: &ApiError) -> Response<ApiBody> {
    let (kind, bytes) = if error.plain {
        (
            "text/plain; charset=utf-8",
            Bytes::from(error.message.clone()),
        )
    } else {
        ("application/json", json(&error.to_status()))
    };
    respond(error.code, kind, bytes, &error.warnings, &error.headers)
}

/// An object of the storage in the version of a resource.
pub fn shown(served: &Served, value: &Value) -> Value {
    let mut out = value.clone();
    let (from, to) = (
        served.resource.storage_api_version(),
        served.resource.api_version(),
    );
    if from != to {
        served.strategy.convert(&mut out, &from, &to);
        out["apiVersion"] = to.into();
    }
    served.strategy.after_read(&mut out);
    out
}

fn json(value: &Value) -> Bytes {
    Bytes::from(value.to_string())
}

/// Puts a response together. A `Warning` text gets its code and quotes here.
pub fn respond(
    code: u16,
    content_type: &str,
    body: Bytes,
    warnings: &[String],
    headers: &[(&'static str, String)],
) -> Response<ApiBody> {
    let mut response = Response::builder()
        .status(code)
        .header("content-type", content_type);
    for warning in warnings {
        let escaped = warning.replace('\\', "\\\\").replace('"', "\\\"");
        response = response.header("warning", format!("299 - \"{escaped}\""));
    }
    for (name, value) in headers {
        response = response.header(*name, value);
    }
    let failed = |error: http::Error| {
        let mut response = Response::new(ApiBody::Full(Bytes::from(error.to_string())));
        *response.status_mut() = http::StatusCode::INTERNAL_SERVER_ERROR;
        response
    };
    response.body(ApiBody::Full(body)).unwrap_or_else(failed)
}
