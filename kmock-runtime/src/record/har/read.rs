//! Reading archives of any tool. What they may leave out is left out by some of them.

use std::{path::Path, time::Duration};

use base64::{
    Engine,
    engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig},
};
use bytes::Bytes;
use kmock_notation::legal_target;
use serde_json::Value;

use crate::{error::Error, record::Entry};

/// With padding or without.
const BASE64: GeneralPurpose = GeneralPurpose::new(
    &base64::alphabet::STANDARD,
    GeneralPurposeConfig::new().with_decode_padding_mode(DecodePaddingMode::Indifferent),
);

/// `folder` is where bodies are that are files of their own.
pub(in crate::record) fn read(text: &str, folder: Option<&Path>) -> Result<Vec<Entry>, Error> {
    // Some tools begin with a byte order mark.
    let text = text.strip_prefix('\u{feff}').unwrap_or(text);
    let archive: Value = serde_json::from_str(text)
        .map_err(|error| Error::invalid(format!("this is no HTTP Archive: {error}")))?;
    let entries = archive["log"]["entries"].as_array().ok_or_else(|| {
        Error::invalid("this is no HTTP Archive: there is no list at /log/entries")
    })?;
    let mut read = Vec::with_capacity(entries.len());
    for (nth, entry) in entries.iter().enumerate() {
        let one =
            one(entry, folder).map_err(|why| Error::invalid(format!("/log/entries/{nth}{why}")))?;
        read.extend(one);
    }
    Ok(read)
}

/// `None`: there is no answer (the browser gave up, or blocked it), or it is no exchange of HTTP.
fn one(entry: &Value, folder: Option<&Path>) -> Result<Option<Entry>, String> {
    let (request, response) = (&entry["request"], &entry["response"]);
    let url = request["url"].as_str().ok_or("/request/url is no text")?;
    let Some((origin, target)) = split(url) else {
        return Ok(None);
    };
    let status = response["status"].as_u64().unwrap_or_default();
    let status = u16::try_from(status).unwrap_or_default();
    if !(200..1000).contains(&status) {
        return Ok(None);
    }
    let body =
        body(&response["content"], folder).map_err(|why| format!("/response/content{why}"))?;
    let mut answered = headers(&response["headers"]);
    if response["content"]["_encoded"] != true {
        // Archives have bodies decoded and whole, and headers as they came.
        answered.retain(|(name, _)| {
            !["content-encoding", "transfer-encoding", "content-length"].contains(&name.as_str())
        });
    }
    if !answered.iter().any(|(name, _)| name == "content-type")
        && let Some(kind) = response["content"]["mimeType"]
            .as_str()
            .filter(|kind| kind.contains('/') && *kind != "x-unknown")
    {
        answered.push(("content-type".to_owned(), kind.to_owned()));
    }
    Ok(Some(Entry {
        origin,
        method: request["method"].as_str().unwrap_or("GET").to_owned(),
        target,
        request_headers: headers(&request["headers"]),
        request_body: body_of_request(&request["postData"], folder)
            .map_err(|why| format!("/request/postData{why}"))?,
        at: Duration::ZERO,
        status,
        headers: answered,
        body,
    }))
}

/// The origin of a URL, and its path and query; `None` where it is none of HTTP: `data:`, `blob:`, `chrome-extension:`.
fn split(url: &str) -> Option<(String, String)> {
    let (scheme, rest) = url.split_once("://")?;
    if !["http", "https", "ws", "wss"].contains(&scheme) {
        return None;
    }
    let rest = rest.split('#').next().unwrap_or_default();
    let (authority, target) = match rest.find(['/', '?']) {
        Some(at) => rest.split_at(at),
        None => (rest, ""),
    };
    let slash = if target.starts_with('/') { "" } else { "/" };
    let target = format!("{slash}{target}");
    Some((
        format!("{scheme}://{authority}"),
        legal_target(&target).into_owned(),
    ))
}

fn headers(list: &Value) -> Vec<(String, String)> {
    let list = list.as_array().map(Vec::as_slice).unwrap_or_default();
    let mut headers = Vec::new();
    for header in list {
        let Some(name) = header["name"].as_str() else {
            continue;
        };
        let name = name.to_ascii_lowercase();
        // Browsers list the pseudo-headers of HTTP/2, too, and join what came several times.
        if !name.starts_with(':') {
            let value = header["value"].as_str().unwrap_or_default();
            headers.extend(
                value
                    .split('\n')
                    .map(|line| (name.clone(), line.trim().to_owned())),
            );
        }
    }
    headers
}

fn body_of_request(data: &Value, folder: Option<&Path>) -> Result<Bytes, String> {
    let params = data["params"]
        .as_array()
        .map(Vec::as_slice)
        .unwrap_or_default();
    let text = data["text"].as_str().unwrap_or_default();
    if !text.is_empty() || params.is_empty() {
        return body(data, folder);
    }
    let mut form = form_urlencoded::Serializer::new(String::new());
    for pair in params {
        let name = pair["name"].as_str().unwrap_or_default();
        form.append_pair(name, pair["value"].as_str().unwrap_or_default());
    }
    Ok(form.finish().into())
}

fn body(content: &Value, folder: Option<&Path>) -> Result<Bytes, String> {
    if let Some(file) = content["_file"].as_str() {
        let folder = folder.ok_or_else(|| {
            format!("/_file: {file} is a file beside the archive: read it by `from_file`")
        })?;
        let path = folder.join(file);
        return std::fs::read(&path)
            .map(Bytes::from)
            .map_err(|error| format!("/_file: {}: {error}", path.display()));
    }
    let text = content["text"].as_str().unwrap_or_default();
    match content["encoding"].as_str() {
        None | Some("" | "utf-8" | "utf8") => Ok(text.to_owned().into()),
        Some("base64") => {
            let text: String = text.chars().filter(|c| !c.is_ascii_whitespace()).collect();
            BASE64
                .decode(text)
                .map(Bytes::from)
                .map_err(|error| format!("/text is no base64: {error}"))
        }
        Some(other) => Err(format!("/encoding is {other:?}; only base64 is known")),
    }
}
