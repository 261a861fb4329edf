//! The parts that stand in several places of a page: texts made safe, places, criteria, the details of a request.

use std::{fmt::Write, net::SocketAddr};

use crate::{
    criteria::{Finding, Verdict},
    journal::{
        Answerer, Body, End, Entry, Message, Sent,
        page::copies,
        text::message,
        words::{duration, number},
    },
    location::Location,
};

/// A text as HTML, for elements and attributes.
pub(crate) fn escape(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '&' => out.push_str("&amp;"),
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '"' => out.push_str("&quot;"),
            '\'' => out.push_str("&#39;"),
            // What XML does not allow at all would not be shown either.
            c if c.is_control() && !matches!(c, '\n' | '\t') => out.extend(c.escape_default()),
            c => out.push(c),
        }
    }
    out
}

pub(super) fn place(location: Location) -> String {
    format!(
        "<span class=\"place\">{}</span>",
        escape(&location.to_string())
    )
}

/// How an entry is coloured.
pub(super) fn class(entry: &Entry) -> &'static str {
    match (&entry.answered_by, entry.status) {
        (Answerer::NoRule | Answerer::Limit, _) => "refused",
        (_, None) => "open",
        (_, Some(..400)) if entry.fault.is_none() => "fine",
        _ => "error",
    }
}

pub(super) fn findings(html: &mut String, findings: &[Finding]) {
    html.push_str("<ul class=\"findings\">");
    for finding in findings {
        let (class, mark) = match finding.verdict {
            Verdict::Holds => ("good", "✓"),
            Verdict::Fails => ("bad", "✗"),
            Verdict::Unknown => ("odd", "?"),
        };
        let _ = write!(
            html,
            "<li><span class=\"{class}\">{mark}</span> <code>{}</code>",
            escape(&finding.criterion)
        );
        if let Some(got) = &finding.got {
            let _ = write!(html, " got <code class=\"bad\">{}</code>", escape(got));
        }
        if let Some(hint) = &finding.hint {
            let _ = write!(html, " <span class=\"odd\">{}</span>", escape(hint));
        }
        if !finding.differences.is_empty() {
            html.push_str("<table class=\"fields\">");
            for one in &finding.differences {
                let pointer = match one.pointer.as_str() {
                    "" => "the whole",
                    pointer => pointer,
                };
                let hint = one.hint.as_deref().map_or_else(String::new, |hint| {
                    format!(" <span class=\"odd\">{}</span>", escape(hint))
                });
                let _ = write!(
                    html,
                    "<tr><td><code>{}</code></td><td>want <ins>{}</ins> got <del>{}</del>{hint}</td></tr>",
                    escape(pointer),
                    escape(&one.want),
                    escape(&one.got)
                );
            }
            html.push_str("</table>");
        }
        html.push_str("</li>");
    }
    html.push_str("</ul>");
}

/// Everything about a request, for those who open it.
pub(super) fn more(html: &mut String, entry: &Entry, nth: usize, address: Option<SocketAddr>) {
    // Inside of the details, so that a link to it opens them.
    let _ = write!(html, "<div class=\"more\" id=\"r{nth}-{}\">", entry.id);
    if let Some(first) = entry.same_as {
        let _ = write!(
            html,
            "<p>refused like <a href=\"#r{nth}-{first}\">#{first}</a></p>"
        );
    }
    for near in &entry.near {
        let _ = write!(
            html,
            "<p>nearest: {} {}</p>",
            escape(&near.rule),
            place(near.location)
        );
        findings(html, &near.criteria);
    }
    if let Answerer::Rule(rule, location) = &entry.answered_by {
        let _ = write!(
            html,
            "<p>answered by {} {}</p>",
            escape(rule),
            place(*location)
        );
    }
    if let Some(upstream) = &entry.upstream {
        let _ = write!(html, "<p>as {} answered</p>", escape(upstream));
    }
    if let Some(fault) = &entry.fault {
        let _ = write!(
            html,
            "<p class=\"odd\">broken on purpose: {}</p>",
            escape(fault)
        );
    }
    if let Some(message) = message(entry) {
        let _ = write!(html, "<p class=\"bad\">{}</p>", escape(&message));
    }
    let _ = writeln!(
        html,
        "<div class=\"columns\"><div><h4>request</h4><pre>{} {}",
        escape(&entry.method),
        escape(&entry.path)
    );
    for (name, value) in &entry.headers {
        let _ = writeln!(html, "<i>{}</i>: {}", escape(name), escape(value));
    }
    html.push_str("</pre>");
    body(html, &entry.body);
    copies::copies(html, entry, address);
    html.push_str("</div><div><h4>answer</h4>");
    if !entry.answer_headers.is_empty() {
        html.push_str("<pre>");
        for (name, value) in &entry.answer_headers {
            let _ = writeln!(html, "<i>{}</i>: {}", escape(name), escape(value));
        }
        html.push_str("</pre>");
    }
    match &entry.sent {
        Some(sent) if sent.streamed => chunks(html, sent),
        _ => body(html, &entry.answer),
    }
    messages(html, &entry.messages);
    html.push_str("</div></div></div>");
}

fn body(html: &mut String, body: &Body) {
    if body.is_empty() {
        return;
    }
    let coding = body
        .coding
        .iter()
        .map(|coding| format!(", {}", escape(coding)));
    let _ = write!(
        html,
        "<p class=\"faint\">{}{}, {} bytes</p><pre class=\"body\">{}</pre>",
        escape(&body.kind),
        coding.collect::<String>(),
        number(body.size),
        escape(&body.laid_out())
    );
}

/// The frames of a WebSocket, in order.
fn messages(html: &mut String, messages: &[Message]) {
    const MOST: usize = 200;
    for message in messages.iter().take(MOST) {
        let _ = write!(
            html,
            "<div class=\"chunk\"><span>{}</span> <code>{}</code></div>",
            duration(message.at),
            escape(&message.to_string())
        );
    }
    if let Some(more @ 1..) = messages.len().checked_sub(MOST) {
        let _ = write!(html, "<p class=\"faint\">{} more</p>", number(more));
    }
}

/// The chunks of a stream: when each went out, and what was in it.
fn chunks(html: &mut String, sent: &Sent) {
    const MOST: usize = 200;
    let end = match &sent.end {
        None => "still open".to_owned(),
        Some((at, End::Complete)) => format!("complete at {}", duration(*at)),
        Some((at, End::Cut)) => format!("cut at {}", duration(*at)),
        Some((at, End::Failed(why))) => format!("broken at {}: {why}", duration(*at)),
    };
    let _ = write!(
        html,
        "<p class=\"faint\">{} chunks, {}</p>",
        number(sent.count),
        escape(&end)
    );
    let mut from = 0;
    for chunk in sent.chunks.iter().take(MOST) {
        let part = sent
            .body
            .get(from..(from + chunk.size).min(sent.body.len()));
        from += chunk.size;
        let part = part.unwrap_or_default();
        let kind = sent.content_type.as_deref();
        let _ = write!(
            html,
            "<details class=\"chunk\"><summary><span>{}</span> <code>{}</code></summary><pre class=\"body\">{}</pre></details>",
            duration(chunk.at),
            escape(&glimpse(part, chunk.size)),
            escape(&Body::of(part, chunk.size, kind, None, part.len()).laid_out())
        );
    }
    if sent.count > MOST {
        let _ = write!(
            html,
            "<p class=\"faint\">{} more</p>",
            number(sent.count - MOST)
        );
    }
}

/// What is in a chunk, in a few words: of a watch event, its type and object.
pub(super) fn glimpse(chunk: &[u8], size: usize) -> String {
    let event = || {
        let event: serde_json::Value = serde_json::from_slice(chunk).ok()?;
        let change = event.get("type")?.as_str()?;
        let metadata = event.pointer("/object/metadata")?;
        let text = |key: &str| metadata.get(key).and_then(|value| value.as_str());
        let revision = text("resourceVersion").unwrap_or_default();
        Some(match (text("namespace"), text("name")) {
            (Some(namespace), Some(name)) => format!("{change} {namespace}/{name} at {revision}"),
            (None, Some(name)) => format!("{change} {name} at {revision}"),
            _ => format!("{change} at {revision}"),
        })
    };
    event().unwrap_or_else(|| Body::of(chunk, size, None, None, 400).line(60))
}
