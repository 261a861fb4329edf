//! Writing archives.

use std::time::SystemTime;

use base64::{Engine, engine::general_purpose::STANDARD as BASE64};
use bytes::Bytes;
use serde_json::{Value, json};

use crate::record::Entry;

pub(in crate::record) fn write(entries: &[Entry]) -> String {
    let latest = entries
        .iter()
        .map(|entry| entry.at)
        .max()
        .unwrap_or_default();
    let start = SystemTime::now()
        .checked_sub(latest)
        .unwrap_or(SystemTime::UNIX_EPOCH);
    let entries: Vec<Value> = entries.iter().map(|entry| written(entry, start)).collect();
    let archive = json!({
        "log": {
            "version": "1.2",
            "creator": { "name": "kmock", "version": env!("CARGO_PKG_VERSION") },
            "entries": entries,
        }
    });
    // A value has only what JSON can have.
    let mut text = serde_json::to_string_pretty(&archive).unwrap_or_default();
    text.push('\n');
    text
}

fn written(entry: &Entry, start: SystemTime) -> Value {
    let headers = |headers: &[(String, String)]| -> Vec<Value> {
        headers
            .iter()
            .map(|(name, value)| json!({ "name": name, "value": value }))
            .collect()
    };
    let query: Vec<Value> = form_urlencoded::parse(entry.query().as_bytes())
        .map(|(name, value)| json!({ "name": name, "value": value }))
        .collect();
    let kind = |headers: &[(String, String)]| {
        let found = headers.iter().find(|(name, _)| name == "content-type");
        found.map(|(_, value)| value.clone()).unwrap_or_default()
    };
    let mut request = json!({
        "method": entry.method,
        "url": format!("{}{}", entry.origin, entry.target),
        "httpVersion": "HTTP/1.1",
        "cookies": [],
        "headers": headers(&entry.request_headers),
        "queryString": query,
        "headersSize": -1,
        "bodySize": entry.request_body.len(),
    });
    if !entry.request_body.is_empty() {
        let mut data = content(&entry.request_body);
        data["mimeType"] = kind(&entry.request_headers).into();
        request["postData"] = data;
    }
    let mut answered = content(&entry.body);
    answered["mimeType"] = kind(&entry.headers).into();
    answered["size"] = entry.body.len().into();
    if entry.header("content-encoding").is_some() {
        // An archive has bodies decoded; this one is not, and says so to whom reads it again.
        answered["_encoded"] = true.into();
    }
    json!({
        "startedDateTime": instant(start + entry.at),
        "time": 0,
        "request": request,
        "response": {
            "status": entry.status,
            "statusText": http::StatusCode::from_u16(entry.status)
                .ok()
                .and_then(|status| status.canonical_reason())
                .unwrap_or_default(),
            "httpVersion": "HTTP/1.1",
            "cookies": [],
            "headers": headers(&entry.headers),
            "content": answered,
            "redirectURL": entry.header("location").unwrap_or_default(),
            "headersSize": -1,
            "bodySize": entry.body.len(),
        },
        "cache": {},
        "timings": { "send": 0, "wait": 0, "receive": 0 },
    })
}

fn content(body: &Bytes) -> Value {
    match std::str::from_utf8(body) {
        Ok(text) => json!({ "text": text }),
        Err(_) => json!({ "text": BASE64.encode(body), "encoding": "base64" }),
    }
}

/// RFC 3339, in UTC and milliseconds.
fn instant(time: SystemTime) -> String {
    let time = jiff::Timestamp::try_from(time).unwrap_or_default();
    format!("{time:.3}")
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    #[test]
    fn instants_have_milliseconds() {
        let time = SystemTime::UNIX_EPOCH + Duration::from_millis(1_735_689_599_500);
        assert_eq!(instant(time), "2024-12-31T23:59:59.500Z");
        assert_eq!(instant(SystemTime::UNIX_EPOCH), "1970-01-01T00:00:00.000Z");
    }
}
