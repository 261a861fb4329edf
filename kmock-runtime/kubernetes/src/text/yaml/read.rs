//! YAML text to JSON values: the events of `saphyr-parser`, given YAML 1.1's meaning.

use std::borrow::Cow;
use std::collections::HashMap;

use saphyr_parser::{Event, Parser, ScalarStyle, ScanError, Span, StrInput, Tag};
use serde_json::{Map, Value};

use super::resolve::{float, to_json};
use super::{Duplicate, YamlError};
use kmock_apply::gofmt;

/// Deeper documents are refused, as they would be by the server (which allows more).
const MAX_DEPTH: usize = 500;
/// How many values aliases may add: `a: &a [*b, *b…]` chains grow without bound.
const MAX_ALIASED: usize = 200_000;
/// How many values anchors may remember: of anchors within anchors each keeps all that it holds.
const MAX_REMEMBERED: usize = 2_000_000;

/// Reads the documents of a text one after another.
pub(super) struct Reader<'a> {
    parser: Parser<'a, StrInput<'a>>,
    text: &'a str,
    anchors: HashMap<usize, Value>,
    duplicates: Vec<Duplicate>,
    aliased: usize,
    /// Whether there may be aliases: else nothing has to be remembered.
    has_aliases: bool,
    remembered: usize,
}

type Spanned<'a> = (Event<'a>, Span);

impl<'a> Reader<'a> {
    pub(super) fn new(text: &'a str) -> Self {
        let text = text.strip_prefix('\u{feff}').unwrap_or(text);
        Self {
            parser: Parser::new_from_str(text),
            text,
            anchors: HashMap::new(),
            duplicates: Vec::new(),
            aliased: 0,
            has_aliases: text.contains('*'),
            remembered: 0,
        }
    }

    pub(super) fn duplicates(&mut self) -> Vec<Duplicate> {
        std::mem::take(&mut self.duplicates)
    }

    /// The next document, or `None` at the end of the text.
    pub(super) fn next_document(&mut self) -> Result<Option<Value>, YamlError> {
        loop {
            match self.event()? {
                None | Some((Event::StreamEnd, _)) => return Ok(None),
                Some((Event::DocumentStart(_), _)) => break,
                Some(_) => {}
            }
        }
        if let Some(version) = self.text.strip_prefix("%YAML ")
            && !version.starts_with("1.1")
        {
            return Err(YamlError::new("yaml: found incompatible YAML document"));
        }
        self.anchors.clear();
        let (event, span) = self.needed()?;
        self.node(event, span).map(Some)
    }

    fn event(&mut self) -> Result<Option<Spanned<'a>>, YamlError> {
        let event = self.parser.next_event().transpose();
        event.map_err(|error| self.refusal(&error))
    }

    /// The parser's complaint in libyaml's words, which have no "while parsing …" in front.
    ///
    /// Its scanner counts lines from 1, its parser from 0, and neither names the first one.
    fn refusal(&self, error: &ScanError) -> YamlError {
        let info = error.info();
        let (context, message) = match info.split_once(", ") {
            Some((context, message)) if context.starts_with("while ") => (context, message),
            _ => ("", info),
        };
        let line = error.marker().line();
        if message == "found unknown anchor" {
            let name = self
                .text
                .lines()
                .nth(line.saturating_sub(1))
                .map_or("", alias);
            return YamlError::new(format!("yaml: unknown anchor '{name}' referenced"));
        }
        let message = match message {
            text if text.starts_with("tabs disallowed") => {
                "found character that cannot start any token"
            }
            text => text,
        };
        let of_parser = ["a block ", "a flow ", "a node"].iter().any(|what| {
            context
                .strip_prefix("while parsing ")
                .is_some_and(|c| c.starts_with(what))
        });
        match line {
            0 | 1 => YamlError::new(format!("yaml: {message}")),
            line if of_parser => YamlError::at(line - 1, message),
            line => YamlError::at(line, message),
        }
    }

    fn needed(&mut self) -> Result<Spanned<'a>, YamlError> {
        self.event()?
            .ok_or_else(|| YamlError::new("yaml: unexpected end of the text"))
    }

    /// Reads a node to its end: what is open lies on the heap, however deep it is.
    fn node(&mut self, event: Event<'a>, span: Span) -> Result<Value, YamlError> {
        let mut open: Vec<Open> = Vec::new();
        let (mut event, mut span) = (event, span);
        loop {
            if open.len() > MAX_DEPTH {
                return Err(too_deep());
            }
            let mut line = span.start.line();
            let merges =
                matches!(&event, Event::Scalar(text, ScalarStyle::Plain, _, _) if text == "<<");
            let begun = match &event {
                Event::SequenceStart(anchor, _) => Some((*anchor, Within::Sequence(Vec::new()))),
                Event::MappingStart(anchor, _) => {
                    Some((*anchor, Within::Mapping(Map::new(), None)))
                }
                _ => None,
            };
            if let Some((anchor, within)) = begun {
                open.push(Open {
                    anchor,
                    line,
                    within,
                });
                (event, span) = self.needed()?;
                continue;
            }
            let value = match event {
                Event::SequenceEnd | Event::MappingEnd => {
                    let ended = open.pop();
                    let ended =
                        ended.ok_or_else(|| YamlError::new("yaml: unexpected end of a node"))?;
                    line = ended.line;
                    let value = match ended.within {
                        Within::Sequence(items) => Value::Array(items),
                        Within::Mapping(map, _) => Value::Object(map),
                    };
                    self.remember(ended.anchor, &value)?;
                    value
                }
                event => {
                    let is_alias = matches!(event, Event::Alias(_));
                    let value = self.leaf(event, span)?;
                    // What was not too deep where it was named may be where it is repeated.
                    if is_alias && open.len() + depth(&value) > MAX_DEPTH {
                        return Err(too_deep());
                    }
                    value
                }
            };
            let Some(around) = open.last_mut() else {
                return Ok(value);
            };
            match &mut around.within {
                Within::Sequence(items) => items.push(value),
                Within::Mapping(map, key) => match key.take() {
                    None => *key = Some((value, merges)),
                    Some((_, true)) => {
                        for source in merged(value)? {
                            for (key, value) in source {
                                set(&mut self.duplicates, map, key, value, line);
                            }
                        }
                    }
                    Some((key, false)) => {
                        let key = key_text(key, &value)?;
                        set(&mut self.duplicates, map, key, value, line);
                    }
                },
            }
            (event, span) = self.needed()?;
        }
    }

    /// A node that holds no others.
    fn leaf(&mut self, event: Event<'a>, span: Span) -> Result<Value, YamlError> {
        match event {
            Event::Scalar(text, style, anchor, tag) => {
                let value = scalar(text, style, tag.as_deref(), span)?;
                self.remember(anchor, &value)?;
                Ok(value)
            }
            Event::Alias(anchor) => {
                let value = self.anchors.get(&anchor).cloned();
                let value =
                    value.ok_or_else(|| YamlError::new("yaml: anchor value contains itself"))?;
                self.aliased += count(&value);
                if self.aliased > MAX_ALIASED {
                    return Err(YamlError::new("yaml: document contains excessive aliasing"));
                }
                Ok(value)
            }
            Event::DocumentEnd | Event::StreamEnd | Event::Nothing => Ok(Value::Null),
            other => Err(YamlError::new(format!("yaml: unexpected event {other:?}"))),
        }
    }

    fn remember(&mut self, anchor: usize, value: &Value) -> Result<(), YamlError> {
        if anchor > 0 && self.has_aliases {
            self.remembered += count(value);
            if self.remembered > MAX_REMEMBERED {
                return Err(YamlError::new("yaml: document contains excessive aliasing"));
            }
            self.anchors.insert(anchor, value.clone());
        }
        Ok(())
    }
}

/// A node that has begun.
struct Open {
    anchor: usize,
    /// Where it began.
    line: usize,
    within: Within,
}

enum Within {
    Sequence(Vec<Value>),
    /// What is there, and a key whose value comes next; whether that is to be merged in.
    Mapping(Map<String, Value>, Option<(Value, bool)>),
}

fn set(
    duplicates: &mut Vec<Duplicate>,
    map: &mut Map<String, Value>,
    key: String,
    value: Value,
    line: usize,
) {
    if map.contains_key(&key) {
        duplicates.push(Duplicate {
            key: key.clone(),
            line,
        });
    }
    map.insert(key, value);
}

/// The mappings behind a `<<` key, the weakest first.
fn merged(value: Value) -> Result<Vec<Map<String, Value>>, YamlError> {
    let wrong = || YamlError::new("yaml: map merge requires map or sequence of maps as the value");
    match value {
        Value::Object(map) => Ok(vec![map]),
        Value::Array(items) => items
            .into_iter()
            .rev()
            .map(|item| {
                if let Value::Object(map) = item {
                    Ok(map)
                } else {
                    Err(wrong())
                }
            })
            .collect(),
        _ => Err(wrong()),
    }
}

fn key_text(key: Value, value: &Value) -> Result<String, YamlError> {
    match key {
        Value::String(text) => Ok(text),
        Value::Bool(value) => Ok(value.to_string()),
        Value::Number(value) => Ok(value.to_string()),
        Value::Null => Err(YamlError::new(format!(
            "unsupported map key of type: %!s(<nil>), key: <nil>, value: {}",
            gofmt::syntax(value)
        ))),
        Value::Array(_) | Value::Object(_) => Err(YamlError::new(format!(
            "yaml: invalid map key: {}",
            gofmt::syntax(&key).replace("map[string]", "map[interface {}]")
        ))),
    }
}

fn scalar(
    text: Cow<'_, str>,
    style: ScalarStyle,
    tag: Option<&Tag>,
    span: Span,
) -> Result<Value, YamlError> {
    let line = span.start.line();
    let fail = |message: String| match message.starts_with("json: ") {
        true => YamlError::new(message),
        false => YamlError::at(line, &message),
    };
    let Some(tag) = tag else {
        if style == ScalarStyle::Plain {
            return to_json(&text).map_err(fail);
        }
        return Ok(Value::String(text.into_owned()));
    };
    if !tag.is_yaml_core_schema() {
        return Ok(Value::String(text.into_owned()));
    }
    let wrong =
        |kind: &str| YamlError::new(format!("yaml: cannot decode !!str `{text}` as a !!{kind}"));
    match tag.suffix.as_str() {
        kind @ ("int" | "bool" | "null" | "float") => {
            let value = to_json(&text).map_err(fail)?;
            match (kind, &value) {
                ("int", Value::Number(n)) if !n.is_f64() => Ok(value),
                ("float", Value::Number(n)) => float(n.as_f64().unwrap_or_default()).map_err(fail),
                ("bool", Value::Bool(_)) | ("null", Value::Null) => Ok(value),
                _ => Err(wrong(kind)),
            }
        }
        "binary" => {
            let bytes = base64(&text).ok_or_else(|| {
                YamlError::new("yaml: !!binary value contains invalid base64 data")
            })?;
            Ok(Value::String(String::from_utf8_lossy(&bytes).into_owned()))
        }
        _ => Ok(Value::String(text.into_owned())),
    }
}

fn base64(text: &str) -> Option<Vec<u8>> {
    let mut out = Vec::new();
    let (mut bits, mut count) = (0u32, 0u32);
    for byte in text.bytes().filter(|b| !b.is_ascii_whitespace()) {
        let value = match byte {
            b'A'..=b'Z' => byte - b'A',
            b'a'..=b'z' => byte - b'a' + 26,
            b'0'..=b'9' => byte - b'0' + 52,
            b'+' => 62,
            b'/' => 63,
            b'=' => continue,
            _ => return None,
        };
        bits = (bits << 6) | u32::from(value);
        count += 6;
        if count >= 8 {
            count -= 8;
            out.push(u8::try_from((bits >> count) & 0xff).ok()?);
        }
    }
    Some(out)
}

fn too_deep() -> YamlError {
    YamlError::new(format!("yaml: exceeded max depth of {MAX_DEPTH}"))
}

/// How many values lie within each other.
fn depth(value: &Value) -> usize {
    match value {
        Value::Array(items) => 1 + items.iter().map(depth).max().unwrap_or_default(),
        Value::Object(map) => 1 + map.values().map(depth).max().unwrap_or_default(),
        _ => 0,
    }
}

fn count(value: &Value) -> usize {
    match value {
        Value::Array(items) => 1 + items.iter().map(count).sum::<usize>(),
        Value::Object(map) => 1 + map.values().map(count).sum::<usize>(),
        _ => 1,
    }
}

/// The name of the alias in a line.
fn alias(line: &str) -> &str {
    let Some((_, name)) = line.split_once('*') else {
        return "";
    };
    let end = name.find(|c: char| !(c.is_alphanumeric() || matches!(c, '-' | '_')));
    end.map_or(name, |end| name.get(..end).unwrap_or(name))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use crate::text::yaml::{Duplicate, parse, parse_all};

    fn json_of(text: &str) -> serde_json::Value {
        parse(text).expect(text).value
    }

    #[test]
    fn documents() {
        assert_eq!(json_of(""), json!(null));
        assert_eq!(json_of("# only a comment\n"), json!(null));
        assert_eq!(json_of("---\na: 1\n---\nb: 2\n"), json!({"a": 1}));
        assert_eq!(
            parse_all("a: 1\n---\n# nothing\n---\nb: 2\n...\n").expect("two"),
            [json!({"a": 1}), json!({"b": 2})]
        );
        assert_eq!(json_of("just text"), json!("just text"));
        assert_eq!(
            json_of("{\"a\": [1, \"2\", null]}"),
            json!({"a": [1, "2", null]})
        );
    }

    #[test]
    fn scalars_and_keys() {
        let text = "name: y\nn: 1\n1: one\n1.5: f\n'on': quoted\nlist: [010, '010', !!str 5, !!int \"7\"]\nnothing:\n";
        let want = json!({
            "name": true, "false": 1, "1": "one", "1.5": "f", "on": "quoted", "list": [8, "010", "5", 7], "nothing": null
        });
        assert_eq!(json_of(text), want);
        assert_eq!(
            json_of("a: |\n  one\n  two\nb: >-\n  one\n  two\n"),
            json!({"a": "one\ntwo\n", "b": "one two"})
        );
    }

    #[test]
    fn anchors_and_merges() {
        assert_eq!(
            json_of("a: &x {k: v}\nb: *x\n"),
            json!({"a": {"k": "v"}, "b": {"k": "v"}})
        );
        let text = "a: &a {k: 1, l: 1}\nb: &b {l: 2, m: 2}\nc:\n  <<: [*a, *b]\n  m: 3\n";
        assert_eq!(json_of(text)["c"], json!({"k": 1, "l": 1, "m": 3}));
    }

    #[test]
    fn repeated_keys_are_counted_but_the_last_wins() {
        let document = parse("a: 1\nb:\n  c: 1\n  c: 2\n").expect("a document");
        assert_eq!(document.value, json!({"a": 1, "b": {"c": 2}}));
        assert_eq!(
            document.duplicates,
            [Duplicate {
                key: "c".into(),
                line: 4
            }]
        );
        let error = document.strict_error();
        assert_eq!(
            error.as_deref(),
            Some("yaml: unmarshal errors:\n  line 4: key \"c\" already set in map")
        );
    }

    #[test]
    fn broken_text_and_bombs() {
        for text in [
            "metadata: [",
            "a: b: c",
            "a: 1\n b: 2\n",
            "\"open",
            "a: *none",
            "? [1]\n: 2",
        ] {
            let error = parse(text).expect_err(text).to_string();
            assert!(error.starts_with("yaml: "), "{error}");
        }
        let mut bomb = String::from("a0: &a0 [x, x, x, x, x, x, x, x, x, x]\n");
        for i in 1..9 {
            let refs = vec![format!("*a{}", i - 1); 10].join(", ");
            bomb.push_str(&format!("a{i}: &a{i} [{refs}]\n"));
        }
        assert!(parse(&bomb).is_err());
        for deep in ["[", "{a: ", "- ", "? ", "? - "] {
            let error = parse(&deep.repeat(100_000)).expect_err(deep).to_string();
            assert!(error.starts_with("yaml: "), "{error}");
        }
    }
}
