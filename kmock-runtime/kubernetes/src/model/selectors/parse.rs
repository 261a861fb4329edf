//! The grammar of label selectors: a lexer and a parser as the server's, whose tokens show in its error texts.

use super::labels::{Operator, Requirement};
use crate::model::names::qualified_name_faults;
use crate::model::status::FieldError;

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

/// Reads requirements, token by token.
pub(super) struct Parser {
    tokens: Vec<Token>,
    at: usize,
}

impl Parser {
    pub(super) fn new(text: &str) -> Self {
        Self {
            tokens: lex(text),
            at: 0,
        }
    }

    fn peek(&self) -> Token {
        self.tokens.get(self.at).cloned().unwrap_or(Token::End)
    }

    fn take(&mut self) -> Token {
        let token = self.peek();
        self.at += 1;
        token
    }

    pub(super) fn parse(mut self) -> Result<Vec<Requirement>, String> {
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
        let errors = qualified_name_faults(&key);
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
