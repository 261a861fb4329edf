//! Colours, where they are wanted.

use crate::location::Location;

/// Paints, or does not.
pub(super) struct Pen(pub(super) bool);

impl Pen {
    pub(super) fn paint(&self, code: &str, text: &str) -> String {
        match self.0 {
            true if !text.is_empty() => format!("\x1b[{code}m{text}\x1b[0m"),
            _ => text.to_owned(),
        }
    }

    pub(super) fn bold(&self, text: &str) -> String {
        self.paint("1", text)
    }

    pub(super) fn bad(&self, text: &str) -> String {
        self.paint("31", text)
    }

    pub(super) fn good(&self, text: &str) -> String {
        self.paint("32", text)
    }

    pub(super) fn odd(&self, text: &str) -> String {
        self.paint("33", text)
    }

    pub(super) fn faint(&self, text: &str) -> String {
        self.paint("2", text)
    }

    pub(super) fn place(&self, location: Location) -> String {
        self.paint("36", &location.to_string())
    }
}
