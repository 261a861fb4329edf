//! YAML as the API server and kubectl read and print it.
//!
//! The dialect is YAML 1.1 through Go's `sigs.k8s.io/yaml`: a document becomes JSON first, plain `y`, `no` and `on`
//! are booleans, `010` is eight, keys become strings (`n:` is `"false"`), of several documents the first one counts.
//! `resolve` says what a plain scalar means, `read` turns text into values, `write` prints them.

mod read;
mod resolve;
mod write;

use std::fmt;

use serde_json::Value;

pub use write::print;

/// What a text holds.
#[derive(Debug, Clone, PartialEq)]
pub struct Document {
    /// The document as JSON.
    pub value: Value,
    /// Keys that stand in one mapping more than once (the last one counts), each with the line of its value.
    pub duplicates: Vec<Duplicate>,
}

impl Document {
    /// The complaint of the server's strict reader, if a key was repeated.
    pub fn strict_error(&self) -> Option<String> {
        if self.duplicates.is_empty() {
            return None;
        }
        let mut text = String::from("yaml: unmarshal errors:");
        for Duplicate { key, line } in &self.duplicates {
            let key = kmock_apply::gofmt::quote(key);
            text.push_str(&format!("\n  line {line}: key {key} already set in map"));
        }
        Some(text)
    }
}

/// A repeated key.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Duplicate {
    /// The key.
    pub key: String,
    /// The line of the value, counted from 1.
    pub line: usize,
}

/// Why a text is not YAML, or not YAML that has a JSON form.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct YamlError {
    message: String,
}

impl YamlError {
    fn new(message: impl Into<String>) -> Self {
        Self {
            message: message.into(),
        }
    }

    fn at(line: usize, message: &str) -> Self {
        Self {
            message: format!("yaml: line {line}: {message}"),
        }
    }
}

impl fmt::Display for YamlError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)
    }
}

impl std::error::Error for YamlError {}

/// Reads the first document of a text; an empty text is `null`.
pub fn parse(text: &str) -> Result<Document, YamlError> {
    let mut reader = read::Reader::new(text);
    let value = reader.next_document()?.unwrap_or(Value::Null);
    Ok(Document {
        value,
        duplicates: reader.duplicates(),
    })
}

/// Reads the first document of a request body.
pub fn parse_bytes(bytes: &[u8]) -> Result<Document, YamlError> {
    let text = std::str::from_utf8(bytes)
        .map_err(|_| YamlError::new("yaml: invalid leading UTF-8 octet"))?;
    parse(text)
}

/// Reads every document of a text, as in manifest files; empty ones are left out.
pub fn parse_all(text: &str) -> Result<Vec<Value>, YamlError> {
    let mut reader = read::Reader::new(text);
    let mut documents = Vec::new();
    while let Some(value) = reader.next_document()? {
        if !value.is_null() {
            documents.push(value);
        }
    }
    Ok(documents)
}
