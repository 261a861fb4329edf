//! Label and field selectors: how they are read, what they match, and what a malformed one is told.
//!
//! The rules are those of `k8s.io/apimachinery/pkg/labels` and `…/fields`, the texts were observed on v1.36.
//! Nothing here knows a kind: which field labels a kind has is asked of its strategy.

use std::borrow::Cow;
use std::fmt;

use serde_json::{Map, Value};

use super::status::{FieldError, quoted};

/// A label selector: all its requirements hold.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct LabelSelector {
    requirements: Vec<Requirement>,
}

/// One requirement of a label selector.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Requirement {
    /// The label's key.
    pub key: String,
    /// What is asked of it.
    pub operator: Operator,
    /// The values, sorted and without repetition.
    pub values: Vec<String>,
}

/// The operators of label requirements.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Operator {
    /// `a in (x,y)`
    In,
    /// `a notin (x,y)`
    NotIn,
    /// `a=x`
    Equals,
    /// `a==x`
    DoubleEquals,
    /// `a!=x`
    NotEquals,
    /// `a>1`
    GreaterThan,
    /// `a<1`
    LessThan,
    /// `a`
    Exists,
    /// `!a`
    DoesNotExist,
}

impl Requirement {
    fn new(key: String, operator: Operator, mut values: Vec<String>) -> Result<Self, String> {
        values.sort();
        values.dedup();
        let mut faults = Vec::new();
        if matches!(operator, Operator::GreaterThan | Operator::LessThan) {
            for (i, value) in values.iter().enumerate() {
                if parse_int(value).is_none() {
                    let why = "for 'Gt', 'Lt' operators, the value must be an integer";
                    faults.push(
                        FieldError::invalid_text(format!("values[{i}]"), value, why).to_string(),
                    );
                }
            }
        }
        for (i, value) in values.iter().enumerate() {
            let errors = label_value_errors(value);
            if !errors.is_empty() {
                let fault = FieldError::invalid_text(
                    format!("values[{i}][{key}]"),
                    value,
                    errors.join("; "),
                );
                faults.push(fault.to_string());
            }
        }
        match faults.len() {
            0 => Ok(Self {
                key,
                operator,
                values,
            }),
            1 => Err(faults.concat()),
            _ => Err(format!("[{}]", faults.join(", "))),
        }
    }

    fn matches(&self, labels: Option<&Map<String, Value>>) -> bool {
        let present = labels
            .and_then(|map| map.get(&self.key))
            .map(|v| v.as_str().unwrap_or_default());
        let listed = |value: &str| self.values.iter().any(|v| v == value);
        match (self.operator, present) {
            (Operator::In | Operator::Equals | Operator::DoubleEquals, value) => {
                value.is_some_and(listed)
            }
            (Operator::NotIn | Operator::NotEquals, value) => !value.is_some_and(listed),
            (Operator::Exists, value) => value.is_some(),
            (Operator::DoesNotExist, value) => value.is_none(),
            (Operator::GreaterThan | Operator::LessThan, None) => false,
            (operator, Some(value)) => {
                let bound = self.values.first().and_then(|v| parse_int(v));
                match (parse_int(value), bound) {
                    (Some(value), Some(bound)) if operator == Operator::GreaterThan => {
                        value > bound
                    }
                    (Some(value), Some(bound)) => value < bound,
                    _ => false,
                }
            }
        }
    }
}

/// Integers as Go's `strconv.ParseInt(s, 10, 64)` reads them: a sign is fine, spaces are not.
fn parse_int(text: &str) -> Option<i64> {
    text.parse().ok()
}

impl LabelSelector {
    /// Reads `a=b,c in (d,e),!f`; the error is the server's message.
    pub fn parse(text: &str) -> Result<Self, String> {
        let mut requirements = Parser {
            tokens: lex(text),
            at: 0,
        }
        .parse()?;
        requirements.sort_by(|a, b| a.key.cmp(&b.key));
        Ok(Self { requirements })
    }

    /// A selector from the `matchLabels`/`matchExpressions` form that objects carry; one that cannot be read is
    /// an error. An absent or `null` selector selects nothing, which is `None`.
    pub fn from_object(selector: &Value) -> Result<Option<Self>, String> {
        let Some(object) = selector.as_object() else {
            return Ok(None);
        };
        let mut requirements = Vec::new();
        for (key, value) in object
            .get("matchLabels")
            .and_then(Value::as_object)
            .into_iter()
            .flatten()
        {
            let value = value.as_str().unwrap_or_default().to_owned();
            requirements.push(Requirement::new(key.clone(), Operator::In, vec![value])?);
        }
        for item in object
            .get("matchExpressions")
            .and_then(Value::as_array)
            .into_iter()
            .flatten()
        {
            let name = item
                .get("operator")
                .and_then(Value::as_str)
                .unwrap_or_default();
            let operator = match name {
                "In" => Operator::In,
                "NotIn" => Operator::NotIn,
                "Exists" => Operator::Exists,
                "DoesNotExist" => Operator::DoesNotExist,
                other => {
                    return Err(format!(
                        "{} is not a valid label selector operator",
                        quoted(other)
                    ));
                }
            };
            let key = item
                .get("key")
                .and_then(Value::as_str)
                .unwrap_or_default()
                .to_owned();
            let values = item
                .get("values")
                .and_then(Value::as_array)
                .into_iter()
                .flatten();
            let values = values
                .filter_map(Value::as_str)
                .map(str::to_owned)
                .collect();
            requirements.push(Requirement::new(key, operator, values)?);
        }
        requirements.sort_by(|a, b| a.key.cmp(&b.key));
        Ok(Some(Self { requirements }))
    }

    /// Whether it selects everything.
    pub fn is_empty(&self) -> bool {
        self.requirements.is_empty()
    }

    /// The requirements, ordered by key.
    pub fn requirements(&self) -> &[Requirement] {
        &self.requirements
    }

    /// Whether these labels are selected.
    pub fn matches(&self, labels: Option<&Map<String, Value>>) -> bool {
        self.requirements
            .iter()
            .all(|requirement| requirement.matches(labels))
    }

    /// Whether an object is selected by its `metadata.labels`.
    pub fn matches_object(&self, object: &Value) -> bool {
        self.is_empty()
            || self.matches(
                object
                    .get("metadata")
                    .and_then(|m| m.get("labels"))
                    .and_then(Value::as_object),
            )
    }
}

impl fmt::Display for LabelSelector {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (i, requirement) in self.requirements.iter().enumerate() {
            if i > 0 {
                f.write_str(",")?;
            }
            let Requirement {
                key,
                operator,
                values,
            } = requirement;
            let values = values.join(",");
            match operator {
                Operator::In => write!(f, "{key} in ({values})")?,
                Operator::NotIn => write!(f, "{key} notin ({values})")?,
                Operator::Equals => write!(f, "{key}={values}")?,
                Operator::DoubleEquals => write!(f, "{key}=={values}")?,
                Operator::NotEquals => write!(f, "{key}!={values}")?,
                Operator::GreaterThan => write!(f, "{key}>{values}")?,
                Operator::LessThan => write!(f, "{key}<{values}")?,
                Operator::Exists => f.write_str(key)?,
                Operator::DoesNotExist => write!(f, "!{key}")?,
            }
        }
        Ok(())
    }
}

#[derive(Debug, Clone, PartialEq)]
enum Token {
    /// An operator character sequence, a bracket or a comma.
    Symbol(&'static str),
    /// `in` and `notin`: operators between a key and its values, plain words everywhere else.
    Keyword(&'static str),
    Word(String),
    Bad(String),
    End,
}

impl Token {
    fn literal(&self) -> &str {
        match self {
            Self::Symbol(text) | Self::Keyword(text) => text,
            Self::Word(text) | Self::Bad(text) => text,
            Self::End => "",
        }
    }

    fn is_word(&self) -> bool {
        matches!(self, Self::Word(_) | Self::Keyword(_))
    }

    fn is(&self, symbol: &str) -> bool {
        matches!(self, Self::Symbol(text) if *text == symbol)
    }
}

const SYMBOLS: [&str; 9] = [")", ",", "!", "==", "=", ">", "<", "!=", "("];

fn is_special(c: char) -> bool {
    matches!(c, '=' | '!' | '(' | ')' | ',' | '>' | '<')
}

fn is_space(c: char) -> bool {
    matches!(c, ' ' | '\t' | '\r' | '\n')
}

fn lex(text: &str) -> Vec<Token> {
    let mut tokens = Vec::new();
    let mut rest = text;
    loop {
        // A NUL ends the text for the server's lexer.
        rest = rest.trim_start_matches(is_space);
        let Some(first) = rest.chars().next().filter(|&c| c != '\0') else {
            break;
        };
        if is_special(first) {
            let (token, length) = lex_symbol(rest);
            tokens.push(token);
            rest = rest.get(length..).unwrap_or_default();
        } else {
            let end = rest
                .find(|c| is_special(c) || is_space(c) || c == '\0')
                .unwrap_or(rest.len());
            let (word, tail) = rest.split_at(end);
            tokens.push(match word {
                "in" => Token::Keyword("in"),
                "notin" => Token::Keyword("notin"),
                word => Token::Word(word.to_owned()),
            });
            rest = tail;
        }
    }
    tokens.push(Token::End);
    tokens
}

/// The longest known symbol at the start of a run of special characters. A prefix that is not a symbol yet keeps
/// the server's lexer reading; a run that never becomes one is an error token.
fn lex_symbol(text: &str) -> (Token, usize) {
    let mut found = None;
    let mut length = 0;
    for (i, c) in text.char_indices().take_while(|&(_, c)| is_special(c)) {
        let candidate = text.get(..i + c.len_utf8()).unwrap_or_default();
        match SYMBOLS.iter().find(|symbol| **symbol == candidate) {
            Some(symbol) => (found, length) = (Some(*symbol), candidate.len()),
            None if found.is_some() => break,
            None => length = candidate.len(),
        }
    }
    match found {
        Some(symbol) => (Token::Symbol(symbol), length),
        None => {
            let run = text.get(..length).unwrap_or_default();
            (
                Token::Bad(format!("error expected: keyword found '{run}'")),
                length,
            )
        }
    }
}

struct Parser {
    tokens: Vec<Token>,
    at: usize,
}

impl Parser {
    fn peek(&self) -> Token {
        self.tokens.get(self.at).cloned().unwrap_or(Token::End)
    }

    fn take(&mut self) -> Token {
        let token = self.peek();
        self.at += 1;
        token
    }

    fn parse(mut self) -> Result<Vec<Requirement>, String> {
        let mut requirements = Vec::new();
        loop {
            let token = self.peek();
            if token == Token::End {
                return Ok(requirements);
            }
            if !token.is_word() && !token.is("!") {
                return Err(format!(
                    "found '{}', expected: !, identifier, or 'end of string'",
                    token.literal()
                ));
            }
            let requirement = self
                .requirement()
                .map_err(|e| format!("unable to parse requirement: {e}"))?;
            requirements.push(requirement);
            let token = self.take();
            if token == Token::End {
                return Ok(requirements);
            }
            if !token.is(",") {
                return Err(format!(
                    "found '{}', expected: ',' or 'end of string'",
                    token.literal()
                ));
            }
            let next = self.peek();
            if !next.is_word() && !next.is("!") {
                return Err(format!(
                    "found '{}', expected: identifier after ','",
                    next.literal()
                ));
            }
        }
    }

    fn requirement(&mut self) -> Result<Requirement, String> {
        let mut token = self.take();
        let negated = token.is("!");
        if negated {
            token = self.take();
        }
        if !token.is_word() {
            return Err(format!("found '{}', expected: identifier", token.literal()));
        }
        let key = token.literal().to_owned();
        let errors = qualified_name_errors(&key);
        if !errors.is_empty() {
            return Err(FieldError::invalid_text("<nil>", &key, errors.join("; ")).to_string());
        }
        let next = self.peek();
        if negated {
            return Requirement::new(key, Operator::DoesNotExist, Vec::new());
        }
        if next == Token::End || next.is(",") {
            return Requirement::new(key, Operator::Exists, Vec::new());
        }
        let token = self.take();
        let operator = match &token {
            Token::Keyword("in") => Operator::In,
            Token::Keyword(_) => Operator::NotIn,
            Token::Symbol("=") => Operator::Equals,
            Token::Symbol("==") => Operator::DoubleEquals,
            Token::Symbol("!=") => Operator::NotEquals,
            Token::Symbol(">") => Operator::GreaterThan,
            Token::Symbol("<") => Operator::LessThan,
            other => {
                return Err(format!(
                    "found '{}', expected: in, notin, =, ==, !=, gt, lt",
                    other.literal()
                ));
            }
        };
        let values = match operator {
            Operator::In | Operator::NotIn => self.values()?,
            _ => vec![self.exact_value()?],
        };
        Requirement::new(key, operator, values)
    }

    fn exact_value(&mut self) -> Result<String, String> {
        let next = self.peek();
        if next == Token::End || next.is(",") {
            return Ok(String::new());
        }
        let token = self.take();
        if token.is_word() {
            return Ok(token.literal().to_owned());
        }
        Err(format!("found '{}', expected: identifier", token.literal()))
    }

    fn values(&mut self) -> Result<Vec<String>, String> {
        let token = self.take();
        if !token.is("(") {
            return Err(format!("found '{}' expected: '('", token.literal()));
        }
        let token = self.peek();
        if token.is(")") {
            self.take();
            return Ok(vec![String::new()]);
        }
        if !token.is_word() && !token.is(",") {
            return Err(format!(
                "found '{}', expected: ',', ')' or identifier",
                token.literal()
            ));
        }
        let values = self.value_list()?;
        self.take();
        Ok(values)
    }

    /// Values up to the closing bracket, which stays; between two commas stands an empty one.
    fn value_list(&mut self) -> Result<Vec<String>, String> {
        let mut values: Vec<String> = Vec::new();
        loop {
            let token = self.take();
            if token.is_word() {
                values.push(token.literal().to_owned());
                let next = self.peek();
                if next.is(")") {
                    return Ok(values);
                }
                if !next.is(",") {
                    return Err(format!("found '{}', expected: ',' or ')'", next.literal()));
                }
            } else if token.is(",") {
                if values.is_empty() {
                    values.push(String::new());
                }
                let next = self.peek();
                if next.is(")") {
                    values.push(String::new());
                    return Ok(values);
                }
                if next.is(",") {
                    self.take();
                    values.push(String::new());
                }
            } else {
                return Err(format!(
                    "found '{}', expected: ',', or identifier",
                    token.literal()
                ));
            }
        }
    }
}

/// A field selector: all its terms hold.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct FieldSelector {
    terms: Vec<FieldTerm>,
}

/// One term of a field selector.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FieldTerm {
    /// The field label, e.g. `metadata.name`.
    pub field: String,
    /// The value it is compared with.
    pub value: String,
    /// `=` and `==` ask for equality, `!=` for the contrary.
    pub equal: bool,
}

impl FieldSelector {
    /// Reads `a=b,c!=d`; the error is the server's message.
    pub fn parse(text: &str) -> Result<Self, String> {
        let mut parts = split_terms(text);
        parts.sort_unstable();
        let mut terms = Vec::new();
        for part in parts.into_iter().filter(|part| !part.is_empty()) {
            let Some((field, equal, value)) = split_term(part) else {
                return Err(format!(
                    "invalid selector: '{text}'; can't understand '{part}'"
                ));
            };
            terms.push(FieldTerm {
                field: field.to_owned(),
                value: unescape(value)?,
                equal,
            });
        }
        Ok(Self { terms })
    }

    /// The selector of one field's value.
    pub fn equal(field: &str, value: &str) -> Self {
        Self {
            terms: vec![FieldTerm {
                field: field.to_owned(),
                value: value.to_owned(),
                equal: true,
            }],
        }
    }

    /// The same selector with every label passed through what its kind says of it.
    pub fn transform(
        self,
        mut convert: impl FnMut(&str, &str) -> Result<(String, String), String>,
    ) -> Result<Self, String> {
        let mut terms = Vec::with_capacity(self.terms.len());
        for term in self.terms {
            let (field, value) = convert(&term.field, &term.value)?;
            terms.push(FieldTerm {
                field,
                value,
                equal: term.equal,
            });
        }
        Ok(Self { terms })
    }

    /// Whether it selects everything.
    pub fn is_empty(&self) -> bool {
        self.terms.is_empty()
    }

    /// The terms, in the order of their text.
    pub fn terms(&self) -> &[FieldTerm] {
        &self.terms
    }

    /// The value that it demands of a field, if it demands one.
    pub fn exact(&self, field: &str) -> Option<&str> {
        self.terms
            .iter()
            .find(|term| term.equal && term.field == field)
            .map(|term| term.value.as_str())
    }

    /// Whether fields are selected; a field that is not there is empty.
    pub fn matches<'a>(&self, mut field: impl FnMut(&str) -> Cow<'a, str>) -> bool {
        self.terms
            .iter()
            .all(|term| (field(&term.field) == term.value) == term.equal)
    }
}

impl fmt::Display for FieldSelector {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (i, term) in self.terms.iter().enumerate() {
            let comma = if i > 0 { "," } else { "" };
            let operator = if term.equal { "=" } else { "!=" };
            let value = term
                .value
                .replace('\\', "\\\\")
                .replace(',', "\\,")
                .replace('=', "\\=");
            write!(f, "{comma}{}{operator}{value}", term.field)?;
        }
        Ok(())
    }
}

fn split_terms(text: &str) -> Vec<&str> {
    let mut terms = Vec::new();
    let mut start = 0;
    let mut escaped = false;
    for (i, c) in text.char_indices() {
        match c {
            _ if escaped => escaped = false,
            '\\' => escaped = true,
            ',' => {
                terms.push(text.get(start..i).unwrap_or_default());
                start = i + 1;
            }
            _ => {}
        }
    }
    terms.push(text.get(start..).unwrap_or_default());
    terms
}

fn split_term(term: &str) -> Option<(&str, bool, &str)> {
    term.char_indices().find_map(|(i, _)| {
        let (field, rest) = term.split_at(i);
        [("!=", false), ("==", true), ("=", true)]
            .into_iter()
            .find_map(|(operator, equal)| {
                rest.strip_prefix(operator)
                    .map(|value| (field, equal, value))
            })
    })
}

fn unescape(text: &str) -> Result<String, String> {
    let mut out = String::with_capacity(text.len());
    let mut chars = text.chars();
    while let Some(c) = chars.next() {
        match c {
            '\\' => match chars.next() {
                Some(c @ ('\\' | ',' | '=')) => out.push(c),
                Some(c) => {
                    return Err(format!(
                        "invalid field selector: invalid escape sequence: \\{c}"
                    ));
                }
                None => return Err("invalid field selector: invalid escape sequence: \\".into()),
            },
            // The server prints the character's number, not the character.
            ',' | '=' => {
                return Err(format!(
                    "invalid field selector: unescaped character in value: {}",
                    u32::from(c)
                ));
            }
            c => out.push(c),
        }
    }
    Ok(out)
}

/// What is wrong with a label key (or any other qualified name); nothing if it is fine.
pub fn qualified_name_errors(name: &str) -> Vec<String> {
    const NAME_FORMAT: &str = "([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9]";
    const NAME_RULE: &str = "must consist of alphanumeric characters, '-', '_' or '.', and must start and end with \
        an alphanumeric character (e.g. 'MyName',  or 'my.name',  or '123-abc', regex used for validation is '";
    let mut errors = Vec::new();
    let parts: Vec<&str> = name.split('/').collect();
    let local = match parts.as_slice() {
        [local] => *local,
        [prefix, local] => {
            if prefix.is_empty() {
                errors.push("prefix part must be non-empty".into());
            } else {
                errors.extend(
                    subdomain_errors(prefix)
                        .into_iter()
                        .map(|e| format!("prefix part {e}")),
                );
            }
            *local
        }
        _ => {
            return vec![format!(
                "a qualified name {NAME_RULE}{NAME_FORMAT}') with an optional DNS subdomain prefix and '/' (e.g. \
                 'example.com/MyName')"
            )];
        }
    };
    if local.is_empty() {
        errors.push("name part must be non-empty".into());
    } else if local.len() > 63 {
        errors.push("name part must be no more than 63 bytes".into());
    }
    if !is_label_text(local) {
        errors.push(format!("name part {NAME_RULE}{NAME_FORMAT}')"));
    }
    errors
}

/// What is wrong with a label's value; nothing if it is fine.
pub fn label_value_errors(value: &str) -> Vec<String> {
    let mut errors = Vec::new();
    if value.len() > 63 {
        errors.push("must be no more than 63 bytes".into());
    }
    if !value.is_empty() && !is_label_text(value) {
        errors.push(
            "a valid label must be an empty string or consist of alphanumeric characters, '-', '_' or '.', and must \
             start and end with an alphanumeric character (e.g. 'MyValue',  or 'my_value',  or '12345', regex used \
             for validation is '(([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9])?')"
                .into(),
        );
    }
    errors
}

fn subdomain_errors(text: &str) -> Vec<String> {
    let mut errors = Vec::new();
    if text.len() > 253 {
        errors.push("must be no more than 253 bytes".to_owned());
    }
    let is_part = |part: &str| {
        let edge =
            |c: Option<char>| c.is_some_and(|c| c.is_ascii_lowercase() || c.is_ascii_digit());
        edge(part.chars().next())
            && edge(part.chars().next_back())
            && part
                .chars()
                .all(|c| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-')
    };
    if !text.split('.').all(is_part) {
        errors.push(
            "a lowercase RFC 1123 subdomain must consist of lower case alphanumeric characters, '-' or '.', and must \
             start and end with an alphanumeric character (e.g. 'example.com', regex used for validation is \
             '[a-z0-9]([-a-z0-9]*[a-z0-9])?(\\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*')"
                .into(),
        );
    }
    errors
}

fn is_label_text(text: &str) -> bool {
    let edge = |c: Option<char>| c.is_some_and(|c| c.is_ascii_alphanumeric());
    edge(text.chars().next())
        && edge(text.chars().next_back())
        && text
            .chars()
            .all(|c| c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.'))
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn selects(selector: &str, labels: &Value) -> bool {
        LabelSelector::parse(selector)
            .expect(selector)
            .matches(labels.as_object())
    }

    #[test]
    fn requirements_of_every_kind() {
        let labels = json!({"app": "web", "tier": "2", "empty": ""});
        for selector in [
            "",
            "app=web",
            "app==web",
            "app!=db",
            "app in (web,db)",
            "app notin (db)",
            "app",
            "!none",
            "tier>1",
            "tier<3",
            "none!=x",
            "empty=",
            "empty in (,x)",
            "empty in ()",
            "none notin (x)",
            "app in (in,web),tier",
        ] {
            assert!(selects(selector, &labels), "{selector}");
        }
        for selector in [
            "app=db",
            "none=x",
            "none",
            "!app",
            "tier>2",
            "none>1",
            "app>1",
            "app in ()",
            "app=",
        ] {
            assert!(!selects(selector, &labels), "{selector}");
        }
    }

    #[test]
    fn malformed_label_selectors() {
        let error = |text: &str| LabelSelector::parse(text).expect_err(text);
        assert_eq!(error("a,,b"), "found ',', expected: identifier after ','");
        assert_eq!(
            error("x in (a"),
            "unable to parse requirement: found '', expected: ',' or ')'"
        );
        assert_eq!(
            error("x in a"),
            "unable to parse requirement: found 'a' expected: '('"
        );
        assert_eq!(
            error("a=b=c"),
            "found '=', expected: ',' or 'end of string'"
        );
        assert_eq!(
            error("=a"),
            "found '=', expected: !, identifier, or 'end of string'"
        );
        assert_eq!(
            error("!"),
            "unable to parse requirement: found '', expected: identifier"
        );
        assert_eq!(error("!a=b"), "found '=', expected: ',' or 'end of string'");
        assert!(error("x>a-").starts_with(
            "unable to parse requirement: [values[0]: Invalid value: \"a-\": for 'Gt'"
        ));
        assert!(error("a=-1").starts_with(
            "unable to parse requirement: values[0][a]: Invalid value: \"-1\": a valid"
        ));
    }

    #[test]
    fn selectors_print_in_the_order_of_keys() {
        let text = LabelSelector::parse("z notin (b,a),a,!c,b==1").map(|s| s.to_string());
        assert_eq!(text.as_deref(), Ok("a,b==1,!c,z notin (a,b)"));
    }

    #[test]
    fn selectors_of_objects() {
        let selector = json!({"matchLabels": {"a": "b"}, "matchExpressions": [{"key": "c", "operator": "Exists"}]});
        let selector = LabelSelector::from_object(&selector)
            .expect("a selector")
            .expect("one");
        assert!(selector.matches(json!({"a": "b", "c": "d"}).as_object()));
        assert!(!selector.matches(json!({"a": "b"}).as_object()));
        assert_eq!(LabelSelector::from_object(&Value::Null), Ok(None));
    }

    #[test]
    fn field_selectors() {
        let fields = |name: &str| match name {
            "metadata.name" => Cow::Borrowed("a,b"),
            _ => Cow::Borrowed(""),
        };
        let selects = |text: &str| FieldSelector::parse(text).expect(text).matches(fields);
        assert!(selects("metadata.name=a\\,b,"));
        assert!(selects("metadata.name!=a,spec.x="));
        assert!(!selects("metadata.name==a"));
        let error = |text: &str| FieldSelector::parse(text).expect_err(text);
        assert_eq!(
            error("foo"),
            "invalid selector: 'foo'; can't understand 'foo'"
        );
        assert_eq!(
            error("a=b\\"),
            "invalid field selector: invalid escape sequence: \\"
        );
        assert_eq!(
            error("a=b=c"),
            "invalid field selector: unescaped character in value: 61"
        );
        assert_eq!(
            FieldSelector::parse("b=1,a=2").expect("one").exact("b"),
            Some("1")
        );
    }
}
