//! JSON as it was sent: members in body order, repeated members kept, numbers as written.
//!
//! The API server reports unknown and repeated fields in body order and quotes numbers as they stood,
//! which a map of values has forgotten. Syntax errors are worded as Go's `encoding/json` does.

use serde_json::{Map, Number, Value};

/// A JSON value that remembers how it was written.
#[derive(Clone, Debug, PartialEq)]
pub enum Node {
    /// `null`.
    Null,
    /// `true` or `false`.
    Bool(bool),
    /// A number, as written.
    Number(String),
    /// A string.
    String(String),
    /// An array.
    Array(Vec<Node>),
    /// An object: its members in order, repeated ones included.
    Object(Vec<(String, Node)>),
}

/// Nesting that is refused, lower than Go's 10,000: a document must not overflow a small thread's stack.
const MAX_DEPTH: usize = 512;

impl Node {
    /// Reads a document; the error is Go's text.
    pub fn parse(text: &[u8]) -> Result<Self, String> {
        let mut parser = Parser {
            text,
            at: 0,
            depth: 0,
        };
        parser.space();
        let node = parser.value()?;
        parser.space();
        match parser.peek() {
            None => Ok(node),
            Some(c) => Err(format!(
                "invalid character {} after top-level value",
                quoted_char(c)
            )),
        }
    }

    /// The node of a value, its members sorted as Go writes a map.
    pub fn from_value(value: &Value) -> Self {
        match value {
            Value::Null => Self::Null,
            Value::Bool(x) => Self::Bool(*x),
            Value::Number(x) => Self::Number(x.to_string()),
            Value::String(x) => Self::String(x.clone()),
            Value::Array(items) => Self::Array(items.iter().map(Self::from_value).collect()),
            Value::Object(map) => {
                let mut members: Vec<_> = map
                    .iter()
                    .map(|(k, v)| (k.clone(), Self::from_value(v)))
                    .collect();
                members.sort_by(|a, b| a.0.cmp(&b.0));
                Self::Object(members)
            }
        }
    }

    /// The plain value: of repeated members the last one stays.
    pub fn to_value(&self) -> Value {
        match self {
            Self::Null => Value::Null,
            Self::Bool(x) => Value::Bool(*x),
            Self::Number(text) => number(text),
            Self::String(x) => Value::String(x.clone()),
            Self::Array(items) => items.iter().map(Self::to_value).collect(),
            Self::Object(members) => {
                let mut out = Map::new();
                for (key, node) in members {
                    out.insert(key.clone(), node.to_value());
                }
                Value::Object(out)
            }
        }
    }

    /// The same, made of it.
    pub fn into_value(self) -> Value {
        match self {
            Self::String(x) => Value::String(x),
            Self::Array(items) => items.into_iter().map(Self::into_value).collect(),
            Self::Object(members) => {
                let mut out = Map::new();
                for (key, node) in members {
                    out.insert(key, node.into_value());
                }
                Value::Object(out)
            }
            plain => plain.to_value(),
        }
    }

    /// A member of an object, the last one of that name.
    pub fn get(&self, key: &str) -> Option<&Self> {
        match self {
            Self::Object(members) => members
                .iter()
                .rev()
                .find(|(k, _)| k == key)
                .map(|(_, node)| node),
            _ => None,
        }
    }

    /// A member of an object as Go's own decoder finds it: whatever the case of its name, the last one.
    pub fn get_ignoring_case(&self, key: &str) -> Option<&Self> {
        self.members()
            .filter(|(k, _)| k.eq_ignore_ascii_case(key))
            .last()
            .map(|(_, node)| node)
    }

    /// The members of an object, in their order.
    pub fn members(&self) -> impl Iterator<Item = (&str, &Self)> {
        let members: &[(String, Self)] = match self {
            Self::Object(members) => members,
            _ => &[],
        };
        members.iter().map(|(key, node)| (key.as_str(), node))
    }

    /// The text, if it is one.
    pub fn as_str(&self) -> Option<&str> {
        match self {
            Self::String(text) => Some(text),
            _ => None,
        }
    }

    /// What Go calls this sort of JSON value in its errors.
    pub fn sort(&self) -> &'static str {
        match self {
            Self::Null => "null",
            Self::Bool(_) => "bool",
            Self::Number(_) => "number",
            Self::String(_) => "string",
            Self::Array(_) => "array",
            Self::Object(_) => "object",
        }
    }
}

/// A number's value: whole numbers that fit stay whole, everything else is a double.
fn number(text: &str) -> Value {
    if let Ok(n) = text.parse::<i64>() {
        return n.into();
    }
    text.parse::<f64>()
        .ok()
        .and_then(Number::from_f64)
        .map_or(Value::Null, Value::Number)
}

/// Bytes as Go reads them: what is no UTF-8 becomes replacement characters.
fn text(bytes: &[u8]) -> String {
    match std::str::from_utf8(bytes) {
        Ok(text) => text.to_owned(),
        Err(_) => String::from_utf8_lossy(bytes).into_owned(),
    }
}

/// A byte as Go quotes it in a syntax error.
fn quoted_char(c: u8) -> String {
    match c {
        b'\'' => r"'\''".into(),
        b'"' => "'\"'".into(),
        b'\\' => r"'\\'".into(),
        b'\n' => r"'\n'".into(),
        b'\r' => r"'\r'".into(),
        b'\t' => r"'\t'".into(),
        0x07 => r"'\a'".into(),
        0x08 => r"'\b'".into(),
        0x0b => r"'\v'".into(),
        0x0c => r"'\f'".into(),
        0x20..=0x7e => format!("'{}'", c as char),
        0xa1..=0xac | 0xae..=0xff => format!("'{}'", c as char),
        0x80..=0xa0 | 0xad => format!(r"'\u{c:04x}'"),
        _ => format!(r"'\x{c:02x}'"),
    }
}

struct Parser<'a> {
    text: &'a [u8],
    at: usize,
    depth: usize,
}

impl<'a> Parser<'a> {
    fn peek(&self) -> Option<u8> {
        self.text.get(self.at).copied()
    }

    fn space(&mut self) {
        while matches!(self.peek(), Some(b' ' | b'\t' | b'\r' | b'\n')) {
            self.at += 1;
        }
    }

    /// The error of the byte at hand, or of the end of the text.
    fn fail<T>(&self, context: &str) -> Result<T, String> {
        match self.peek() {
            None => Err("unexpected end of JSON input".into()),
            Some(c) => Err(format!("invalid character {} {context}", quoted_char(c))),
        }
    }

    fn value(&mut self) -> Result<Node, String> {
        match self.peek() {
            Some(b'{') => self.nested(Self::object),
            Some(b'[') => self.nested(Self::array),
            Some(b'"') => self.string().map(Node::String),
            Some(b'-' | b'0'..=b'9') => self.number().map(Node::Number),
            Some(b't') => self.word("true").map(|()| Node::Bool(true)),
            Some(b'f') => self.word("false").map(|()| Node::Bool(false)),
            Some(b'n') => self.word("null").map(|()| Node::Null),
            _ => self.fail("looking for beginning of value"),
        }
    }

    fn nested(&mut self, read: fn(&mut Self) -> Result<Node, String>) -> Result<Node, String> {
        self.depth += 1;
        if self.depth > MAX_DEPTH {
            return self.fail("exceeded max depth");
        }
        self.at += 1;
        let node = read(self);
        self.depth -= 1;
        node
    }

    fn object(&mut self) -> Result<Node, String> {
        let mut members = Vec::new();
        self.space();
        if self.peek() == Some(b'}') {
            self.at += 1;
            return Ok(Node::Object(members));
        }
        loop {
            self.space();
            if self.peek() != Some(b'"') {
                return self.fail("looking for beginning of object key string");
            }
            let key = self.string()?;
            self.space();
            if self.peek() != Some(b':') {
                return self.fail("after object key");
            }
            self.at += 1;
            self.space();
            members.push((key, self.value()?));
            self.space();
            match self.peek() {
                Some(b',') => self.at += 1,
                Some(b'}') => {
                    self.at += 1;
                    return Ok(Node::Object(members));
                }
                _ => return self.fail("after object key:value pair"),
            }
        }
    }

    fn array(&mut self) -> Result<Node, String> {
        let mut items = Vec::new();
        self.space();
        if self.peek() == Some(b']') {
            self.at += 1;
            return Ok(Node::Array(items));
        }
        loop {
            self.space();
            items.push(self.value()?);
            self.space();
            match self.peek() {
                Some(b',') => self.at += 1,
                Some(b']') => {
                    self.at += 1;
                    return Ok(Node::Array(items));
                }
                _ => return self.fail("after array element"),
            }
        }
    }

    fn word(&mut self, word: &'static str) -> Result<(), String> {
        for expected in word.bytes() {
            if self.peek() != Some(expected) {
                return self.fail(&format!(
                    "in literal {word} (expecting {})",
                    quoted_char(expected)
                ));
            }
            self.at += 1;
        }
        Ok(())
    }

    fn digits(&mut self) {
        while matches!(self.peek(), Some(b'0'..=b'9')) {
            self.at += 1;
        }
    }

    fn number(&mut self) -> Result<String, String> {
        let start = self.at;
        if self.peek() == Some(b'-') {
            self.at += 1;
        }
        match self.peek() {
            Some(b'0') => self.at += 1,
            Some(b'1'..=b'9') => self.digits(),
            _ => return self.fail("in numeric literal"),
        }
        if self.peek() == Some(b'.') {
            self.at += 1;
            if !matches!(self.peek(), Some(b'0'..=b'9')) {
                return self.fail("after decimal point in numeric literal");
            }
            self.digits();
        }
        if matches!(self.peek(), Some(b'e' | b'E')) {
            self.at += 1;
            if matches!(self.peek(), Some(b'+' | b'-')) {
                self.at += 1;
            }
            if !matches!(self.peek(), Some(b'0'..=b'9')) {
                return self.fail("in exponent of numeric literal");
            }
            self.digits();
        }
        Ok(String::from_utf8_lossy(self.text.get(start..self.at).unwrap_or_default()).into_owned())
    }

    /// A string; bytes that are no UTF-8 become replacement characters, as in Go.
    fn string(&mut self) -> Result<String, String> {
        self.at += 1;
        let mut out: Vec<u8> = Vec::new();
        loop {
            let plain = self.plain();
            if out.is_empty() && self.peek() == Some(b'"') {
                // Most strings have nothing to be replaced.
                self.at += 1;
                return Ok(text(plain));
            }
            out.extend_from_slice(plain);
            match self.peek() {
                Some(b'"') => {
                    self.at += 1;
                    return Ok(String::from_utf8_lossy(&out).into_owned());
                }
                Some(b'\\') => {
                    self.at += 1;
                    let c = self.escape()?;
                    out.extend_from_slice(c.encode_utf8(&mut [0; 4]).as_bytes());
                }
                _ => return self.fail("in string literal"),
            }
        }
    }

    /// What stands for itself from here on.
    fn plain(&mut self) -> &'a [u8] {
        let rest = self.text.get(self.at..).unwrap_or_default();
        let ends = |c: &u8| *c == b'"' || *c == b'\\' || *c < 0x20;
        let plain = match rest.iter().position(ends) {
            Some(end) => rest.get(..end).unwrap_or_default(),
            None => rest,
        };
        self.at += plain.len();
        plain
    }

    fn escape(&mut self) -> Result<char, String> {
        let c = match self.peek() {
            Some(b'u') => {
                self.at += 1;
                let first = self.hex()?;
                if !(0xd800..0xdc00).contains(&first) {
                    return Ok(char::from_u32(first).unwrap_or(char::REPLACEMENT_CHARACTER));
                }
                let before = self.at;
                if self.text.get(self.at..self.at + 2) == Some(b"\\u") {
                    self.at += 2;
                    let second = self.hex()?;
                    if (0xdc00..0xe000).contains(&second) {
                        let code = 0x10000 + ((first - 0xd800) << 10) + (second - 0xdc00);
                        return Ok(char::from_u32(code).unwrap_or(char::REPLACEMENT_CHARACTER));
                    }
                    self.at = before;
                }
                return Ok(char::REPLACEMENT_CHARACTER);
            }
            Some(b'"') => '"',
            Some(b'\\') => '\\',
            Some(b'/') => '/',
            Some(b'b') => '\u{8}',
            Some(b'f') => '\u{c}',
            Some(b'n') => '\n',
            Some(b'r') => '\r',
            Some(b't') => '\t',
            _ => return self.fail("in string escape code"),
        };
        self.at += 1;
        Ok(c)
    }

    fn hex(&mut self) -> Result<u32, String> {
        let mut code = 0;
        for _ in 0..4 {
            let Some(digit) = self.peek().and_then(|c| (c as char).to_digit(16)) else {
                return self.fail(r"in \u hexadecimal character escape");
            };
            code = code * 16 + digit;
            self.at += 1;
        }
        Ok(code)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn order_repetition_and_numbers_are_kept() {
        let node =
            Node::parse(br#" {"b":1.50,"a":{"k":"v","k":"w"},"b":[true,null]} "#).expect("valid");
        let Node::Object(members) = &node else {
            panic!("no object")
        };
        assert_eq!(
            members.iter().map(|m| m.0.as_str()).collect::<Vec<_>>(),
            ["b", "a", "b"]
        );
        assert_eq!(members[0].1, Node::Number("1.50".into()));
        assert_eq!(
            node.to_value(),
            serde_json::json!({"a": {"k": "w"}, "b": [true, null]})
        );
    }

    #[test]
    fn strings_are_unescaped() {
        let node = Node::parse(br#""a\u00fc\ud83d\ude00\n\ud800x""#).expect("valid");
        assert_eq!(node, Node::String("aü😀\n\u{fffd}x".into()));
    }

    #[test]
    fn syntax_errors_are_gos() {
        for (text, error) in [
            ("", "unexpected end of JSON input"),
            ("{", "unexpected end of JSON input"),
            (
                "{]",
                "invalid character ']' looking for beginning of object key string",
            ),
            ("{\"a\" 1}", "invalid character '1' after object key"),
            (
                "{\"a\":1 2}",
                "invalid character '2' after object key:value pair",
            ),
            ("[1 2]", "invalid character '2' after array element"),
            (
                "nul}",
                "invalid character '}' in literal null (expecting 'l')",
            ),
            ("{} x", "invalid character 'x' after top-level value"),
            ("a", "invalid character 'a' looking for beginning of value"),
            (
                "1.x",
                "invalid character 'x' after decimal point in numeric literal",
            ),
            ("\"a\nb\"", "invalid character '\\n' in string literal"),
        ] {
            assert_eq!(Node::parse(text.as_bytes()), Err(error.into()), "{text}");
        }
    }
}
