//! Texts with `*` for any run of characters.

use std::fmt;

/// A text with `*` for any run of characters.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Glob {
    /// What stands between the stars: two parts at least.
    parts: Vec<String>,
}

impl Glob {
    /// `None`: there is no star in it.
    pub(super) fn new(text: &str) -> Option<Glob> {
        text.contains('*')
            .then(|| Glob::of(text.split('*').map(str::to_owned).collect()))
    }

    /// From the texts between the stars; they may have stars of their own, which are stars.
    pub(super) fn of(parts: Vec<String>) -> Glob {
        Glob { parts }
    }

    pub(super) fn in_lower_case(&self) -> Glob {
        Glob::of(self.parts.iter().map(|part| part.to_lowercase()).collect())
    }

    /// With its stars.
    pub(super) fn as_written(&self) -> String {
        self.parts.join("*")
    }

    /// The texts between the stars.
    pub(super) fn parts(&self) -> &[String] {
        &self.parts
    }

    pub(crate) fn matches(&self, text: &str) -> bool {
        let [first, between @ .., last] = self.parts.as_slice() else {
            return false;
        };
        let Some(mut rest) = text.strip_prefix(first.as_str()) else {
            return false;
        };
        for part in between {
            match rest.find(part.as_str()) {
                Some(at) => rest = &rest[at + part.len()..],
                None => return false,
            }
        }
        rest.ends_with(last.as_str())
    }
}

impl fmt::Display for Glob {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.parts.join("*"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn matches(glob: &str, text: &str) -> bool {
        Glob::new(glob).expect("a star").matches(text)
    }

    #[test]
    fn globs_match_runs() {
        assert!(matches("pre*", "prefix") && matches("pre*", "pre"));
        assert!(matches("*fix", "prefix") && !matches("*fix", "prefixed"));
        assert!(matches("a*b*c", "a-b-b-c") && !matches("a*b*c", "a-c"));
        assert!(!matches("aba*aba", "aba") && matches("*", "") && matches("*", "x"));
        assert!(Glob::new("plain").is_none());
        let star = Glob::of(vec!["a*".to_owned(), "b".to_owned()]);
        assert!(star.matches("a*-b") && !star.matches("a-b"));
    }
}
