//! The 404 that explains itself: the client's log then says why no rule answered.

use http::{HeaderName, HeaderValue, Method, Response, StatusCode, header};
use percent_encoding::{AsciiSet, CONTROLS, utf8_percent_encode};
use serde_json::json;

use crate::{
    core::Core,
    criteria::Ask,
    journal::{Aside, By, nearest::nearest, words},
    reply::Payload,
    request::Request,
};

/// Where the answer to a HEAD says what its body would.
const TOLD: HeaderName = HeaderName::from_static("x-kmock");

/// The answer to a request that no rule took; it says which rules were nearest and why they did not fit.
///
/// Text, unless the client prefers JSON; then also in the form that the clients of such a request show (a `Status` of Kubernetes).
pub(crate) fn refusal(core: &Core, request: &Request, aside: &[Aside]) -> (Response<Payload>, By) {
    let mut rules = core.book.rules();
    rules.retain(|rule| !rule.spec().filter.is_for_connections());
    let near = nearest(request, &rules, aside, Ask::Never);
    let dialect = rules.iter().find_map(|rule| rule.spec().filter.dialect());
    let words = words::of(request, dialect);
    let mut text = format!("kmock: no rule for {} {}", words.0, words.1);
    match near.split_first() {
        Some((first, others)) => {
            text.push_str(&format!("; nearest: {}\n", first.plain(8)));
            for other in others {
                text.push_str(&format!("    or: {}\n", other.plain(8)));
            }
        }
        None if rules.is_empty() => text.push_str("; there are no rules\n"),
        None if rules.iter().all(|rule| rule.spec().reply.is_none()) => {
            text.push_str("; no rule has a reply\n");
        }
        None => text.push_str("; no rule is near\n"),
    }
    let line = text.lines().next().unwrap_or_default();
    // The answer to a HEAD has no body that could say it.
    let told = (request.method() == Method::HEAD)
        .then(|| HeaderValue::from_str(&visible(line)).ok())
        .flatten();
    let (kind, body) = if prefers_json(request) {
        let message = text.trim_end();
        let body = json!({
            "error": message,
            "request": { "method": request.method().as_str(), "target": request.target() },
            "nearest": near.iter().map(super::json::near).collect::<Vec<_>>(),
        });
        let dressed = core
            .dialect
            .and_then(|dialect| dialect.refusal(request, message, &body));
        let body = dressed.unwrap_or(body);
        ("application/json", body.to_string())
    } else {
        ("text/plain; charset=utf-8", text)
    };
    let near = core.journal.may_remember().then(|| near.into());
    let mut response = Response::new(Payload::Full(body.into()));
    *response.status_mut() = StatusCode::NOT_FOUND;
    response
        .headers_mut()
        .insert(header::CONTENT_TYPE, HeaderValue::from_static(kind));
    if let Some(told) = told {
        response.headers_mut().insert(TOLD, told);
    }
    (told_to(request, response, UNIMPLEMENTED), By::NoRule(near))
}

/// Codes of gRPC.
const UNIMPLEMENTED: u8 = 12;
pub(crate) const INTERNAL: u8 = 13;

/// How long words may be in a head: some clients take 8 KiB of it.
const WORDS: usize = 2048;

/// For a client of gRPC, which shows no body, the same as a status that stands in the head; others get it as it is.
pub(crate) fn told_to(
    request: &Request,
    response: Response<Payload>,
    code: u8,
) -> Response<Payload> {
    let (true, Payload::Full(body)) = (request.is_grpc(), response.body()) else {
        return response;
    };
    let mut words = String::from_utf8_lossy(body).trim_end().to_owned();
    if let Some((end, _)) = words.char_indices().nth(WORDS) {
        words.truncate(end);
        words.push('…');
    }
    let words = utf8_percent_encode(&words, UNPRINTABLE).to_string();
    let mut told = Response::new(Payload::empty());
    let headers = told.headers_mut();
    let kind = HeaderValue::from_static("application/grpc");
    headers.insert(header::CONTENT_TYPE, kind);
    headers.insert("grpc-status", u16::from(code).into());
    if let Ok(words) = HeaderValue::try_from(words) {
        headers.insert("grpc-message", words);
    }
    told
}

/// All but printable ASCII without `%`.
const UNPRINTABLE: &AsciiSet = &CONTROLS.add(b'%');

/// A text as it may stand in a header.
fn visible(line: &str) -> String {
    let letters = line.chars().map(|c| match c {
        ' '..='~' => c.to_string(),
        other => other.escape_default().to_string(),
    });
    letters.collect()
}

/// Whether `Accept` names JSON, and not a text before it (RFC 9110, section 12.5.1).
fn prefers_json(request: &Request) -> bool {
    let mut best = ("", 0.0);
    let accepts = request.headers().get_all(header::ACCEPT);
    let lines = accepts.into_iter().filter_map(|line| line.to_str().ok());
    for range in lines.flat_map(|line| line.split(',')) {
        let mut parts = range.split(';').map(str::trim);
        let kind = parts.next().unwrap_or_default();
        let quality = parts
            .find_map(|part| part.strip_prefix("q="))
            .map_or(1.0, |q| q.parse::<f64>().unwrap_or(0.0));
        let known = kind.ends_with("/json") || kind.ends_with("+json") || kind.starts_with("text/");
        if known && quality > best.1 {
            best = (kind, quality);
        }
    }
    best.0.contains("json")
}
