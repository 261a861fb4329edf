//! A recording as a block of `kmock!`.

mod fold;
mod kubernetes;
mod literal;
mod volatile;

use std::fmt::Write;

use serde_json::Value;

use self::{
    fold::{Folded, Template, fold},
    literal::{Ids, bytes, json, pattern, text},
    volatile::is_volatile,
};
use crate::record::{Entry, secrets::REDACTED};

pub(super) fn write(entries: &[Entry]) -> String {
    let hosts = entries
        .first()
        .is_some_and(|first| entries.iter().any(|entry| entry.host() != first.host()));
    let mut rules: Vec<Written> = Vec::new();
    let mut places: Vec<String> = Vec::new();
    for folded in fold(entries) {
        let place = place(match &folded {
            Folded::Said(said) => said[0],
            Folded::ById(template) => template.example,
        });
        let group = places.iter().position(|known| *known == place);
        let group = group.unwrap_or_else(|| {
            places.push(place);
            places.len() - 1
        });
        rules.push(match folded {
            Folded::Said(said) => {
                let exact = entries.iter().any(|other| {
                    other.method == said[0].method
                        && other.target == said[0].target
                        && other.request_body != said[0].request_body
                });
                let (mut head, narrow) = head(said[0], exact);
                if hosts {
                    let _ = write!(head, " host {:?}", said[0].host());
                }
                let answers: Vec<String> = said
                    .iter()
                    .map(|entry| answer(entry, &Ids::default()))
                    .collect();
                Written {
                    template: false,
                    group,
                    narrow,
                    text: format!("{head} => {}", answers.join(", then ")),
                }
            }
            Folded::ById(template) => Written {
                template: true,
                group,
                narrow: 0,
                text: by_id(&template, hosts),
            },
        });
    }
    // The first rule that fits answers: those that take more come later.
    rules.sort_by_key(|rule| (rule.template, rule.group, std::cmp::Reverse(rule.narrow)));
    let mut block = String::from("kmock! { k,\n");
    for rule in rules {
        // Writing to a text cannot fail.
        let _ = writeln!(block, "    {};", rule.text);
    }
    block.push_str("}\n");
    block
}

/// A rule, and how much it takes.
struct Written {
    /// Whether it takes any id.
    template: bool,
    /// The first of those that ask at the same place.
    group: usize,
    /// How many criteria narrow it down there.
    narrow: usize,
    text: String,
}

/// Where a request goes: those that may be asked for by the same rule go to the same place.
fn place(entry: &Entry) -> String {
    kubernetes::place(entry).unwrap_or_else(|| format!("{} {}", entry.method, entry.path()))
}

fn by_id(template: &Template<'_>, hosts: bool) -> String {
    let example = template.example;
    let segments =
        example
            .path()
            .split('/')
            .enumerate()
            .map(|(nth, segment)| match nth == template.place {
                true if template.number => "{id: u64}".to_owned(),
                true => "{id}".to_owned(),
                false => segment.to_owned(),
            });
    let path = segments.collect::<Vec<_>>().join("/");
    let mut head = format!("{} {path:?}", example.method);
    if hosts {
        let _ = write!(head, " host {:?}", example.host());
    }
    let ids = Ids {
        places: template.places.clone(),
        number: template.number,
    };
    format!("{head} => {}", answer(example, &ids))
}

/// The method and the target, and the body that was sent; of the Kubernetes API, the verb and the resource. And how many
/// criteria that are. `exact`: another body is answered in another way.
fn head(entry: &Entry, exact: bool) -> (String, usize) {
    if let Some(spoken) = kubernetes::head(entry) {
        return spoken;
    }
    let segments = entry
        .path()
        .split('/')
        .map(|segment| match segment.contains(REDACTED) {
            true => "*".to_owned(),
            // These are notation, not text.
            false => segment
                .replace('*', "%2A")
                .replace('{', "%7B")
                .replace('}', "%7D"),
        });
    let mut head = format!(
        "{} {:?}",
        entry.method,
        segments.collect::<Vec<_>>().join("/")
    );
    let pairs = entry.pairs();
    let mut narrow = pairs.len();
    // Writing to a text cannot fail.
    if !pairs.is_empty() {
        let _ = write!(head, " query {{ {} }}", query(&pairs));
    }
    if let Ok(value @ (Value::Object(_) | Value::Array(_))) =
        serde_json::from_slice::<Value>(&entry.request_body)
    {
        narrow += 1;
        let equals = if exact { " ==" } else { "" };
        let _ = write!(head, " json{equals} {}", pattern(&value, exact));
    } else if let Ok(sent) = std::str::from_utf8(&entry.request_body)
        && !sent.is_empty()
    {
        narrow += 1;
        let form = entry.request_headers.iter().any(|(name, value)| {
            name == "content-type" && value.starts_with("application/x-www-form-urlencoded")
        });
        if form {
            let _ = write!(head, " form {{ {} }}", query(&super::entry::pairs(sent)));
        } else if sent.contains(REDACTED) {
            narrow -= 1;
        } else {
            let _ = write!(head, " body {}", bytes(sent.as_bytes()));
        }
    }
    (head, narrow)
}

/// The pairs of a query or a form as criteria: decoded, and secrets as whatever they are.
fn query(pairs: &[(&str, &str)]) -> String {
    let pairs = pairs.iter().map(|(name, value)| {
        let (name, value) = (decoded(name), decoded(value));
        match value.contains(REDACTED) {
            true => format!("{name:?}: _"),
            false => format!("{name:?}: {}", literal::exact_text(&value)),
        }
    });
    pairs.collect::<Vec<_>>().join(", ")
}

fn decoded(text: &str) -> String {
    let text = text.replace('+', " ");
    percent_encoding::percent_decode_str(&text)
        .decode_utf8_lossy()
        .into_owned()
}

/// Status, headers and body: in the shortest form that gives the same bytes.
fn answer(entry: &Entry, ids: &Ids) -> String {
    let (body, kind) = body(entry, ids);
    let headers = headers(entry, kind);
    let mut parts = Vec::new();
    if entry.status != 200 || body.is_none() && headers.is_empty() {
        parts.push(entry.status.to_string());
    }
    if !headers.is_empty() {
        parts.push(format!("header {{ {} }}", headers.join(", ")));
    }
    parts.extend(body);
    parts.join(", ")
}

/// The body as the language has it, and the content type that this implies.
fn body(entry: &Entry, ids: &Ids) -> (Option<String>, Option<&'static str>) {
    let watch = kubernetes::is_watch(entry) && entry.status == 200;
    if entry.body.is_empty() && !watch {
        return (None, None);
    }
    let Ok(words) = std::str::from_utf8(&entry.body) else {
        return (Some(bytes(&entry.body)), None);
    };
    if watch {
        // It was cut off by its client, or by time: what is in the middle of an event then is none.
        let whole = words
            .rfind('\n')
            .map_or("", |end| words.get(..=end).unwrap_or_default());
        return (
            Some(lines(whole, true).unwrap_or_else(|| bytes(&entry.body))),
            None,
        );
    }
    let kubernetes = kubernetes::head(entry).is_some();
    if let Ok(mut value) = serde_json::from_str::<Value>(words)
        && (kubernetes || literal::is_written_so(&value, words))
    {
        if kubernetes {
            kubernetes::tidy(&mut value);
        }
        let written = json(&value, 1, ids);
        let written = match value.is_object() {
            true => written,
            false => format!("json!({written})"),
        };
        return (Some(written), Some("application/json"));
    }
    if let Some(items) = lines(words, false) {
        return (Some(items), None);
    }
    if entry.header("content-type").is_none() {
        return (Some(bytes(words.as_bytes())), None);
    }
    (
        Some(format!("text {}", text(words))),
        Some("text/plain; charset=utf-8"),
    )
}

/// A stream of JSON lines, as watches of Kubernetes are.
fn lines(words: &str, watch: bool) -> Option<String> {
    let mut items = String::new();
    for line in words.split_inclusive('\n') {
        let line = line.strip_suffix('\n')?;
        let mut value: Value = serde_json::from_str(line).ok()?;
        if watch {
            kubernetes::tidy(&mut value);
        } else if !value.is_object() || !literal::is_written_so(&value, line) {
            return None;
        }
        let _ = write!(items, "\n        {},", json(&value, 2, &Ids::default()));
    }
    // A watch goes on: its client would ask again at once, and be told the same.
    let more = if watch { "\n        ...," } else { "" };
    Some(format!("stream [{items}{more}\n    ]"))
}

/// The headers that the parts do not imply.
fn headers(entry: &Entry, implied: Option<&str>) -> Vec<String> {
    let mut headers: Vec<String> = entry
        .headers
        .iter()
        .filter(|(name, value)| {
            let left_out = is_volatile(name)
                || name == "cache-control" && kubernetes::head(entry).is_some()
                || name == "content-type" && implied == Some(value.as_str());
            !left_out
        })
        .map(|(name, value)| format!("{name:?}: {:?}", volatile::steady(name, value)))
        .collect();
    if implied.is_some() && entry.header("content-type").is_none() {
        headers.push("\"content-type\": !".to_owned());
    }
    headers
}
