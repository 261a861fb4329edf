//! JSON values to YAML text, byte for byte as the API server prints them (`goyaml.v2` over libyaml's emitter):
//! keys in natural order, block style, lists not indented, long texts folded after column 80.

use std::cmp::Ordering;

use serde_json::{Number, Value};

use super::resolve::{Scalar, resolve};

const INDENT: usize = 2;
const WIDTH: usize = 80;
/// Longer keys are written in the `? key` form.
const MAX_SIMPLE_KEY: usize = 128;

/// Prints a value as a YAML document.
pub fn print(value: &Value) -> String {
    let mut printer = Printer {
        out: String::new(),
        column: 0,
    };
    printer.node(value, 0, Place::Top);
    printer.out.push('\n');
    printer.out
}

#[derive(Clone, Copy, PartialEq)]
enum Place {
    /// The document itself.
    Top,
    /// Behind `key:`.
    Value,
    /// Behind `- ` (or `? `).
    Item,
}

#[derive(Clone, Copy, PartialEq)]
enum Style {
    Plain,
    Single,
    Double,
    Literal,
}

struct Printer {
    out: String,
    column: usize,
}

impl Printer {
    fn put(&mut self, text: &str) {
        self.out.push_str(text);
        self.column += text.chars().count();
    }

    fn line(&mut self, indent: usize) {
        self.out.push('\n');
        self.out.extend(std::iter::repeat_n(' ', indent));
        self.column = indent;
    }

    fn node(&mut self, value: &Value, indent: usize, place: Place) {
        let space = if place == Place::Value { " " } else { "" };
        match value {
            Value::Object(map) if map.is_empty() => self.put(&format!("{space}{{}}")),
            Value::Array(items) if items.is_empty() => self.put(&format!("{space}[]")),
            Value::Object(map) => {
                let mut keys: Vec<&String> = map.keys().collect();
                keys.sort_by(|a, b| natural_order(a, b));
                for (i, key) in keys.into_iter().enumerate() {
                    // A mapping starts on the line of its dash, but below its key.
                    if i > 0 || place == Place::Value {
                        self.line(indent);
                    }
                    self.entry(key, map.get(key).unwrap_or(&Value::Null), indent);
                }
            }
            Value::Array(items) => {
                for (i, item) in items.iter().enumerate() {
                    if i > 0 || place == Place::Value {
                        self.line(indent);
                    }
                    self.put("- ");
                    self.node(item, indent + INDENT, Place::Item);
                }
            }
            Value::Null => self.put(&format!("{space}null")),
            Value::Bool(value) => self.put(&format!("{space}{value}")),
            Value::Number(value) => self.put(&format!("{space}{}", number(value))),
            Value::String(text) => {
                self.put(space);
                let indent = if place == Place::Top { INDENT } else { indent };
                self.text(text, indent, false);
            }
        }
    }

    fn entry(&mut self, key: &str, value: &Value, indent: usize) {
        if key.len() <= MAX_SIMPLE_KEY && !key.contains(is_break) {
            self.text(key, indent, true);
        } else {
            self.put("? ");
            self.text(key, indent + INDENT, false);
            self.line(indent);
        }
        self.put(":");
        // A list stands below its key without further indentation.
        let inner = if value.is_array() {
            indent
        } else {
            indent + INDENT
        };
        self.node(value, inner, Place::Value);
    }

    fn text(&mut self, text: &str, indent: usize, key: bool) {
        match style(text, key) {
            Style::Plain => self.plain(text, indent, !key),
            Style::Single => self.single(text, indent, !key),
            Style::Double => self.double(text, indent, !key),
            Style::Literal => self.literal(text, indent),
        }
    }

    fn plain(&mut self, text: &str, indent: usize, fold: bool) {
        let mut spaces = false;
        let mut chars = text.chars().peekable();
        while let Some(c) = chars.next() {
            if c == ' ' && fold && !spaces && self.column > WIDTH && chars.peek() != Some(&' ') {
                self.line(indent);
            } else {
                self.put(c.encode_utf8(&mut [0; 4]));
            }
            spaces = c == ' ';
        }
    }

    fn single(&mut self, text: &str, indent: usize, fold: bool) {
        self.put("'");
        let (mut spaces, mut breaks) = (false, false);
        let mut chars = text.chars().enumerate().peekable();
        let last = text.chars().count().saturating_sub(1);
        while let Some((i, c)) = chars.next() {
            if c == ' ' {
                let next_is_space = chars.peek().is_some_and(|&(_, next)| next == ' ');
                if fold && !spaces && self.column > WIDTH && i > 0 && i < last && !next_is_space {
                    self.line(indent);
                } else {
                    self.put(" ");
                }
                spaces = true;
            } else if is_break(c) {
                if !breaks && c == '\n' {
                    self.line(0);
                }
                // Other breaks than a newline stay what they are.
                self.out.push(c);
                self.column = 0;
                breaks = true;
            } else {
                if breaks {
                    self.put(&" ".repeat(indent));
                }
                if c == '\'' {
                    self.put("'");
                }
                self.put(c.encode_utf8(&mut [0; 4]));
                (spaces, breaks) = (false, false);
            }
        }
        self.put("'");
    }

    fn double(&mut self, text: &str, indent: usize, fold: bool) {
        self.put("\"");
        let mut spaces = false;
        let mut chars = text.chars().enumerate().peekable();
        let last = text.chars().count().saturating_sub(1);
        while let Some((i, c)) = chars.next() {
            if c == ' ' {
                if fold && !spaces && self.column > WIDTH && i > 0 && i < last {
                    self.line(indent);
                    if chars.peek().is_some_and(|&(_, next)| next == ' ') {
                        self.put("\\");
                    }
                } else {
                    self.put(" ");
                }
                spaces = true;
                continue;
            }
            spaces = false;
            if is_printable(c) && !is_break(c) && c != '"' && c != '\\' && c != '\u{feff}' {
                self.put(c.encode_utf8(&mut [0; 4]));
                continue;
            }
            let escape = match c {
                '\0' => "\\0".into(),
                '\u{7}' => "\\a".into(),
                '\u{8}' => "\\b".into(),
                '\t' => "\\t".into(),
                '\n' => "\\n".into(),
                '\u{b}' => "\\v".into(),
                '\u{c}' => "\\f".into(),
                '\r' => "\\r".into(),
                '\u{1b}' => "\\e".into(),
                '"' => "\\\"".into(),
                '\\' => "\\\\".into(),
                '\u{85}' => "\\N".into(),
                '\u{a0}' => "\\_".into(),
                '\u{2028}' => "\\L".into(),
                '\u{2029}' => "\\P".into(),
                c if u32::from(c) <= 0xff => format!("\\x{:02X}", u32::from(c)),
                c if u32::from(c) <= 0xffff => format!("\\u{:04X}", u32::from(c)),
                c => format!("\\U{:08X}", u32::from(c)),
            };
            self.put(&escape);
        }
        self.put("\"");
    }

    fn literal(&mut self, text: &str, indent: usize) {
        self.put("|");
        if text.starts_with([' ', '\n', '\r', '\u{85}', '\u{2028}', '\u{2029}']) {
            self.put("2");
        }
        let mut back = text.chars().rev();
        match (
            back.next().is_some_and(is_break),
            back.next().is_none_or(is_break),
        ) {
            (false, _) => self.put("-"),
            (true, true) => self.put("+"),
            (true, false) => {}
        }
        let body = text.strip_suffix('\n').unwrap_or(text);
        for line in body.split('\n') {
            if line.is_empty() {
                self.out.push('\n');
            } else {
                self.line(indent);
                self.put(line);
            }
        }
        // The line break that ends the text is the one that the next line of the document begins with; a kept
        // one (`+`) is written out.
        if text.ends_with("\n\n") || text == "\n" {
            self.column = 0;
        }
    }
}

/// How a text is written: plain if it cannot be taken for something else.
fn style(text: &str, key: bool) -> Style {
    let facts = Facts::of(text);
    let wanted = if text.contains('\n') {
        Style::Literal
    } else if matches!(resolve(text), Scalar::Text) && !is_base_60(text) {
        Style::Plain
    } else {
        Style::Double
    };
    if key && facts.multiline {
        return Style::Double;
    }
    match wanted {
        Style::Literal if !facts.block || key => Style::Double,
        Style::Plain if facts.plain => Style::Plain,
        Style::Plain if facts.single => Style::Single,
        Style::Plain => Style::Double,
        other => other,
    }
}

struct Facts {
    multiline: bool,
    plain: bool,
    single: bool,
    block: bool,
}

impl Facts {
    fn of(text: &str) -> Self {
        if text.is_empty() {
            return Self {
                multiline: false,
                plain: true,
                single: true,
                block: false,
            };
        }
        let mut indicators = text.starts_with("---") || text.starts_with("...");
        let (mut special, mut space_break, mut break_space) = (false, false, false);
        let (mut after_space, mut after_break, mut after_blank) = (false, false, true);
        let mut multiline = false;
        let mut chars = text.chars().peekable();
        let mut first = true;
        while let Some(c) = chars.next() {
            let before_blank = chars
                .peek()
                .is_none_or(|&next| next == ' ' || next == '\t' || is_break(next));
            indicators |= match c {
                ',' | '[' | ']' | '{' | '}' | '&' | '*' | '!' | '|' | '>' | '\'' | '"' | '%'
                | '@' | '`' => first,
                '?' | '-' => first && before_blank,
                ':' => before_blank,
                '#' => after_blank,
                _ => false,
            };
            special |= !is_printable(c);
            if c == ' ' {
                break_space |= after_break;
                (after_space, after_break) = (true, false);
            } else if is_break(c) {
                multiline = true;
                space_break |= after_space;
                (after_space, after_break) = (false, true);
            } else {
                (after_space, after_break) = (false, false);
            }
            after_blank = c == ' ' || c == '\t' || is_break(c);
            first = false;
        }
        let edge = |c: Option<char>| c.is_some_and(|c| c == ' ' || is_break(c));
        let edged = edge(text.chars().next()) || edge(text.chars().next_back());
        let odd = space_break || special;
        Self {
            multiline,
            plain: !edged && !break_space && !odd && !multiline && !indicators,
            single: !break_space && !odd,
            block: !text.ends_with(' ') && !odd,
        }
    }
}

fn is_break(c: char) -> bool {
    matches!(c, '\n' | '\r' | '\u{85}' | '\u{2028}' | '\u{2029}')
}

/// What is printed as it is: nothing beyond the basic plane, so that an emoji is written `"\U0001F600"`.
fn is_printable(c: char) -> bool {
    matches!(c, '\n' | '\u{20}'..='\u{7e}' | '\u{a0}'..='\u{d7ff}' | '\u{e000}'..='\u{fefe}' | '\u{ff00}'..='\u{fffd}')
}

/// `1:30` was a number once: YAML 1.1's sexagesimal, which others may still read as one.
fn is_base_60(text: &str) -> bool {
    let body = text.strip_prefix(['+', '-']).unwrap_or(text);
    let mut parts = body.split(':');
    let digits = |part: &str| part.bytes().all(|b| b.is_ascii_digit() || b == b'_');
    let Some(head) = parts.next() else {
        return false;
    };
    if !head.starts_with(|c: char| c.is_ascii_digit()) || !digits(head) {
        return false;
    }
    let mut rest: Vec<&str> = parts.collect();
    let Some(tail) = rest.pop() else { return false };
    let (tail, fraction) = tail.split_once('.').unwrap_or((tail, ""));
    let sixty = |part: &&str| matches!(part.as_bytes(), [b'0'..=b'9'] | [b'0'..=b'5', b'0'..=b'9']);
    digits(fraction) && sixty(&tail) && rest.iter().all(sixty)
}

/// Numbers as Go's `strconv.FormatFloat(x, 'g', -1, 64)` writes them.
fn number(value: &Number) -> String {
    let Some(float) = value.as_f64().filter(|_| value.is_f64()) else {
        return value.to_string();
    };
    let scientific = format!("{float:e}");
    let Some((mantissa, exponent)) = scientific.split_once('e') else {
        return scientific;
    };
    let exponent: i32 = exponent.parse().unwrap_or_default();
    if (-4..6).contains(&exponent) {
        return format!("{float}");
    }
    let sign = if exponent < 0 { '-' } else { '+' };
    format!("{mantissa}e{sign}{:02}", exponent.abs())
}

/// The order of keys: digits as numbers, letters after everything else.
fn natural_order(a: &str, b: &str) -> Ordering {
    let (a, b): (Vec<char>, Vec<char>) = (a.chars().collect(), b.chars().collect());
    let run = |text: &[char], from: usize, seed: u64| {
        let mut value = seed;
        let mut at = from;
        while let Some(digit) = text.get(at).and_then(|c| c.to_digit(10)) {
            value = value.saturating_mul(10).saturating_add(u64::from(digit));
            at += 1;
        }
        (value, at)
    };
    for (i, (&x, &y)) in a.iter().zip(&b).enumerate() {
        if x == y {
            continue;
        }
        match (x.is_alphabetic(), y.is_alphabetic()) {
            (true, true) => return x.cmp(&y),
            (true, false) => return Ordering::Greater,
            (false, true) => return Ordering::Less,
            (false, false) => {}
        }
        // Zeros within a number count as its digits: `10` and `12` differ in the tens.
        let mut seed = 0;
        if x == '0' || y == '0' {
            let inside = a
                .get(..i)
                .unwrap_or_default()
                .iter()
                .rev()
                .take_while(|c| c.is_ascii_digit());
            seed = u64::from(inside.into_iter().any(|&c| c != '0'));
        }
        let ((left, left_end), (right, right_end)) = (run(&a, i, seed), run(&b, i, seed));
        return left
            .cmp(&right)
            .then(left_end.cmp(&right_end))
            .then(x.cmp(&y));
    }
    a.len().cmp(&b.len())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::text::yaml::parse;
    use serde_json::json;

    #[test]
    fn breaks_and_characters_beyond_the_basic_plane() {
        for (text, want) in [
            ("a\u{2028}b", "'a\u{2028}  b'\n"),
            ("grin 😀", "\"grin \\U0001F600\"\n"),
            ("ä€", "ä€\n"),
        ] {
            assert_eq!(print(&Value::from(text)), want, "{text:?}");
        }
    }

    #[test]
    fn a_group_of_the_discovery() {
        let group = json!({"kind": "APIGroup", "apiVersion": "v1", "name": "batch",
            "versions": [{"groupVersion": "batch/v1", "version": "v1"}],
            "preferredVersion": {"groupVersion": "batch/v1", "version": "v1"}});
        assert_eq!(
            print(&group),
            "apiVersion: v1\nkind: APIGroup\nname: batch\npreferredVersion:\n  groupVersion: batch/v1\n  \
             version: v1\nversions:\n- groupVersion: batch/v1\n  version: v1\n"
        );
    }

    #[test]
    fn long_texts_are_folded_after_column_80() {
        let message = "only the following media types are accepted: application/json;stream=watch, \
                       application/vnd.kubernetes.protobuf;stream=watch";
        assert_eq!(
            print(&json!({"message": message})),
            "message: 'only the following media types are accepted: application/json;stream=watch,\n  \
             application/vnd.kubernetes.protobuf;stream=watch'\n"
        );
    }

    #[test]
    fn texts_that_could_be_something_else_are_quoted() {
        for (value, want) in [
            (json!("y"), "\"y\"\n"),
            (json!("no"), "\"no\"\n"),
            (json!("1"), "\"1\"\n"),
            (json!(""), "\"\"\n"),
            (json!("1:30"), "\"1:30\"\n"),
            (json!("2026-11-22T09:00:00Z"), "\"2026-11-22T09:00:00Z\"\n"),
            (json!("a: b"), "'a: b'\n"),
            (json!("it's: x"), "'it''s: x'\n"),
            (json!("a:b"), "a:b\n"),
            (json!("a #b"), "'a #b'\n"),
            (json!("- a"), "'- a'\n"),
            (json!("-a"), "-a\n"),
            (json!(" a"), "' a'\n"),
            (json!("a\tb"), "\"a\\tb\"\n"),
            (json!("*"), "'*'\n"),
            (json!("é"), "é\n"),
            (json!("a, b"), "a, b\n"),
            (json!("1.2.3"), "1.2.3\n"),
            (json!("<<"), "<<\n"),
            (json!("{}"), "'{}'\n"),
            (json!("~"), "\"~\"\n"),
        ] {
            assert_eq!(print(&value), want, "{value}");
        }
    }

    #[test]
    fn literals() {
        let value = json!({"a": "one\ntwo\n", "b": "one\ntwo", "c": "one\n\n", "d": " x\ny", "e": "x \ny", "f": "z"});
        assert_eq!(
            print(&value),
            "a: |\n  one\n  two\nb: |-\n  one\n  two\nc: |+\n  one\n\nd: |2-\n   x\n  y\ne: \"x \\ny\"\nf: z\n"
        );
    }

    #[test]
    fn nested_and_empty() {
        let value = json!({"m": {}, "l": [], "ll": [[1, 2], {"a": [true]}], "n": null, "x10": 1, "x9": 1.5, "x_": 1e30});
        assert_eq!(
            print(&value),
            "l: []\nll:\n- - 1\n  - 2\n- a:\n  - true\nm: {}\n\"n\": null\nx_: 1e+30\nx9: 1.5\nx10: 1\n"
        );
    }

    #[test]
    fn what_is_printed_reads_back() {
        let value = json!({"a b": "x\ty", "k: 1": ["", " ", "\n", "a\n", "a\n\n", "\n\na", "#", "? ", "é", "\\\"'"],
            "long": "word ".repeat(60), "n": [0, -1, 1.25, 1e-7, 123_456_789.5], "true": {"no": false}});
        assert_eq!(parse(&print(&value)).expect("YAML").value, value);
    }
}
