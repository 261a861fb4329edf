//! What is wrong in a text.

use std::{fmt, ops::Range};

/// What is wrong in a text, where, and what to write instead.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Fault {
    /// The part that is wrong, in bytes of the text.
    pub range: Range<usize>,
    /// What is wrong.
    pub text: String,
    /// What to write; may be empty.
    pub help: String,
}

impl Fault {
    pub(crate) fn new(
        text: impl Into<String>,
        help: impl Into<String>,
        range: Range<usize>,
    ) -> Fault {
        Fault {
            range,
            text: text.into(),
            help: help.into(),
        }
    }

    pub(crate) fn shifted(mut self, by: usize) -> Fault {
        self.range = self.range.start + by..self.range.end + by;
        self
    }
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)?;
        match self.help.is_empty() {
            true => Ok(()),
            false => write!(f, ": {}", self.help),
        }
    }
}

impl std::error::Error for Fault {}
