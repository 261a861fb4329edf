//! What a verb answers, before it is rendered in the form that the client accepts.

use std::sync::Arc;

use bytes::Bytes;
use http::request::Parts;
use http::{Extensions, HeaderMap, Response};
use serde_json::Value;

use super::warnings;
use crate::model::path::Query;
use crate::model::status::ApiError;
use crate::state::cluster::{ApiBody, Cluster};
use crate::state::registry::Served;
use crate::state::store::StoredObject;
use crate::wire::accept::{self, Endpoint};
use crate::wire::json;
use crate::wire::render::{self, RenderView, Renderer};

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
    /// The endpoint, where the body does not tell it.
    pub endpoint: Option<Endpoint>,
}

/// The body of an answer.
#[derive(Debug)]
pub enum Body {
    /// A stored object, to be shown in the version of the request.
    Stored(Served, Arc<StoredObject>),
    /// An object of the resource that is not stored as such (dry run, the last state of a deleted one), in the version
    /// of the request.
    Object(Served, Value),
    /// The `Scale` of an object of the resource.
    Scale(Served, Value),
    /// Any other object (a `Status`, a token, a review): complete with kind and apiVersion.
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
            endpoint: None,
        }
    }
}

/// Nobody reads the body of the answer, if the request is granted: an extension of requests of the parts of the cluster.
/// What was stored is an extension of the answer instead, for who wants to know how it is called.
#[derive(Debug, Clone, Copy)]
pub struct Unread;

/// Whether nobody reads it.
pub fn is_unread(extensions: &Extensions) -> bool {
    extensions.get::<Unread>().is_some()
}

/// Renders an answer in the form that the client accepts.
pub fn render(cluster: &Cluster, parts: &Parts, reply: Reply) -> Response<ApiBody> {
    if reply.code < 300 && is_unread(&parts.extensions) {
        let mut response = respond(
            reply.code,
            "",
            Bytes::new(),
            &reply.warnings,
            &reply.headers,
        );
        if let Body::Stored(_, object) = reply.body {
            response.extensions_mut().insert(object);
        }
        return response;
    }
    let query = Query::parse(parts.uri.query().unwrap_or_default());
    let endpoint = reply.endpoint.unwrap_or_else(|| match &reply.body {
        Body::Stored(served, _) | Body::Object(served, _) | Body::Scale(served, _) => {
            accept::endpoint_of(&served.resource)
        }
        _ => Endpoint::Resource,
    });
    let view = RenderView::of_resource(&parts.headers, &query, cluster.now(), endpoint);
    let rendered = view.and_then(|view| match &reply.body {
        Body::Stored(served, object) => render::stored(&Renderer::new(served), &view, object),
        Body::Object(served, value) => render::value(&Renderer::new(served), &view, value),
        Body::Scale(served, value) => render::scale(served, &view, value),
        Body::Value(value) => render::encode(view.accepted, json::print_object(value)),
        Body::Raw(..) | Body::Response(_) => Ok(("", Bytes::new())),
    });
    let (kind, bytes) = match reply.body {
        Body::Response(response) => return with_warnings(response, &reply.warnings),
        Body::Raw(kind, bytes) => (kind, bytes),
        _ => match rendered {
            Ok(rendered) => rendered,
            Err(mut error) => {
                error.warnings.extend(reply.warnings);
                return render_error(&parts.headers, &error);
            }
        },
    };
    respond(reply.code, kind, bytes, &reply.warnings, &reply.headers)
}

/// Renders a failure.
pub fn render_error(headers: &HeaderMap, error: &ApiError) -> Response<ApiBody> {
    let (kind, bytes) = render::failure(headers, error);
    respond(error.code, kind, bytes, &error.warnings, &error.headers)
}

/// Adds `Warning` headers to a finished response.
fn with_warnings(mut response: Response<ApiBody>, warnings: &[String]) -> Response<ApiBody> {
    for warning in warnings::limited(warnings) {
        if let Ok(value) = http::HeaderValue::from_str(&warning_header(&warning)) {
            response.headers_mut().append(http::header::WARNING, value);
        }
    }
    response
}

fn warning_header(text: &str) -> String {
    let text = text.replace(|c: char| c.is_control(), " ");
    let escaped = text.replace('\\', "\\\\").replace('"', "\\\"");
    format!("299 - \"{escaped}\"")
}

/// Puts a response together. A `Warning` text gets its code and quotes here.
pub fn respond(
    code: u16,
    content_type: &str,
    body: Bytes,
    warnings: &[String],
    headers: &[(&'static str, String)],
) -> Response<ApiBody> {
    let mut response = Response::builder().status(code);
    if !content_type.is_empty() {
        response = response.header("content-type", content_type);
    }
    for warning in warnings::limited(warnings) {
        // A header's value is one line.
        response = response.header("warning", warning_header(&warning));
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
