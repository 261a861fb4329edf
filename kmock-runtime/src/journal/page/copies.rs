//! What readers of a page take along: a request as a command line, and the rule that would have taken it.

use std::{fmt::Write, net::SocketAddr};

use super::parts::escape;
use crate::journal::{Answerer, Body, Entry};

/// Bodies up to this size are taken along.
const MOST: usize = 4000;

/// Headers that clients write themselves.
const OWN: [&str; 5] = [
    "host",
    "content-length",
    "connection",
    "user-agent",
    "accept-encoding",
];

pub(super) fn copies(html: &mut String, entry: &Entry, address: Option<SocketAddr>) {
    let curl = curl(entry, address);
    let _ = write!(
        html,
        "<details class=\"copy\"><summary>as curl</summary><pre class=\"body\">{}</pre></details>",
        escape(&curl)
    );
    if entry.answered_by == Answerer::NoRule {
        let _ = write!(
            html,
            "<details class=\"copy\"><summary>as a rule</summary><pre class=\"body\">{}</pre></details>",
            escape(&rule(entry))
        );
    }
}

/// A text in single quotes, as shells want it.
fn quoted(text: &str) -> String {
    format!("'{}'", text.replace('\'', "'\\''"))
}

/// The body as a text, if it is a whole one.
fn text(body: &Body) -> Option<&str> {
    let is_text = matches!(body.kind.as_str(), "json" | "yaml" | "form" | "text");
    (is_text && !body.cut && !body.is_empty() && body.size <= MOST).then_some(body.text.as_str())
}

fn curl(entry: &Entry, address: Option<SocketAddr>) -> String {
    let host = address.map_or_else(|| "HOST".to_owned(), |address| address.to_string());
    let mut line = format!(
        "curl -X {} {}",
        entry.method,
        quoted(&format!("{host}{}", entry.path))
    );
    for (name, value) in entry
        .headers
        .iter()
        .filter(|(name, _)| !OWN.contains(&name.as_str()))
    {
        let _ = write!(line, " \\\n  -H {}", quoted(&format!("{name}: {value}")));
    }
    if let Some(body) = text(&entry.body).filter(|_| entry.body.coding.is_none()) {
        let _ = write!(line, " \\\n  --data-raw {}", quoted(body));
    } else if !entry.body.is_empty() {
        line.push_str(" \\\n  --data-binary @BODY");
    }
    line
}

/// A line of `kmock!` that takes just this request.
fn rule(entry: &Entry) -> String {
    let path = entry.path.replace('\\', "\\\\").replace('"', "\\\"");
    let mut line = format!("{} \"{path}\"", entry.method);
    if entry.body.kind == "json"
        && let Some(json) = text(&entry.body)
        && serde_json::from_str::<serde_json::Value>(json).is_ok_and(|json| json.is_object())
    {
        let _ = write!(line, " json {}", json.trim());
    }
    line + " => 200;"
}
