//! What a part of a multipart body must look like.

use std::fmt;

use bytes::Bytes;

use crate::{
    criteria::{Pattern, number, show},
    request::Part,
};

/// A part of a multipart body (RFC 7578): its name, the name of its file, its type, and what it holds. What is not said may
/// be anything; for [`Filter::part`](crate::Filter::part).
///
/// ```
/// # use kmock_runtime as kmock;
/// use kmock::{PartPattern, Pattern};
///
/// let picture = PartPattern::new().name("avatar").filename("*.png").content_type("image/*");
/// let meta = PartPattern::new().name("meta").json(Pattern::object([("size", Pattern::range(1..))]));
/// let no_file = PartPattern::new().name("title").filename(Pattern::absent());
/// # drop((picture, meta, no_file));
/// ```
#[derive(Clone, Debug, Default)]
pub struct PartPattern {
    name: Option<Pattern>,
    filename: Option<Pattern>,
    content_type: Option<Pattern>,
    text: Option<Pattern>,
    json: Option<Pattern>,
    body: Option<Bytes>,
}

impl PartPattern {
    /// Any part.
    pub fn new() -> PartPattern {
        PartPattern::default()
    }

    /// A part whose name is like this.
    #[must_use]
    pub fn name(mut self, name: impl Into<Pattern>) -> PartPattern {
        self.name = Some(name.into());
        self
    }

    /// A part whose file has a name like this; [`Pattern::absent`] is one that is no file.
    #[must_use]
    pub fn filename(mut self, filename: impl Into<Pattern>) -> PartPattern {
        self.filename = Some(filename.into());
        self
    }

    /// A part whose content type is like this, with its parameters or without them.
    #[must_use]
    pub fn content_type(mut self, content_type: impl Into<Pattern>) -> PartPattern {
        self.content_type = Some(content_type.into());
        self
    }

    /// A part that holds a text like this; bytes that are no UTF-8 are replaced.
    #[must_use]
    pub fn text(mut self, text: impl Into<Pattern>) -> PartPattern {
        self.text = Some(text.into());
        self
    }

    /// A part that holds JSON that has all of this, and maybe more.
    #[must_use]
    pub fn json(mut self, json: impl Into<Pattern>) -> PartPattern {
        self.json = Some(json.into());
        self
    }

    /// A part that holds just these bytes.
    #[must_use]
    pub fn body(mut self, body: impl Into<Bytes>) -> PartPattern {
        self.body = Some(body.into());
        self
    }

    pub(super) fn matches(&self, part: &Part) -> bool {
        self.misses(part).is_empty()
    }

    pub(super) fn is_named_like(&self, part: &Part) -> bool {
        let fits = |name: &Pattern| name.matches_text(part.name());
        self.name.as_ref().is_none_or(fits)
    }

    /// What of a part does not fit: the word for it, what was wanted, and what is there.
    pub(super) fn misses(&self, part: &Part) -> Vec<(&'static str, String, String)> {
        let mut misses = Vec::new();
        let mut check = |word, pattern: &Option<Pattern>, got: Option<&str>| {
            let Some(pattern) = pattern else { return };
            if !pattern.matches_text(got) {
                let got = got.map_or_else(|| "nothing".to_owned(), |got| format!("{got:?}"));
                misses.push((word, pattern.to_string(), got));
            }
        };
        check("name", &self.name, part.name());
        check("filename", &self.filename, part.filename());
        let essence = part.content_type().and_then(|kind| kind.split(';').next());
        let bare = |kind: &Pattern| kind.matches_text(essence.map(str::trim));
        if !self.content_type.as_ref().is_some_and(bare) {
            check("type", &self.content_type, part.content_type());
        }
        let shown = || show::bytes(part.body(), 60);
        if let Some(text) = &self.text
            && !text.matches_text(Some(&part.text()))
        {
            misses.push(("text", text.to_string(), shown()));
        }
        if let Some(json) = &self.json
            && !json.matches(number::read_json(part.body()).as_ref())
        {
            misses.push(("json", json.to_string(), shown()));
        }
        if let Some(body) = &self.body
            && body != part.body()
        {
            misses.push(("body", show::bytes(body, 60), shown()));
        }
        misses
    }
}

impl From<&str> for PartPattern {
    fn from(name: &str) -> PartPattern {
        PartPattern::new().name(name)
    }
}

impl From<String> for PartPattern {
    fn from(name: String) -> PartPattern {
        PartPattern::new().name(name)
    }
}

impl From<Pattern> for PartPattern {
    fn from(name: Pattern) -> PartPattern {
        PartPattern::new().name(name)
    }
}

impl fmt::Display for PartPattern {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("part")?;
        if let Some(name) = &self.name {
            write!(f, " {name}")?;
        }
        let body = self.body.as_ref().map(|body| show::bytes(body, 60));
        let patterns = [
            ("filename", &self.filename),
            ("type", &self.content_type),
            ("text", &self.text),
            ("json", &self.json),
        ];
        let said = patterns.iter().filter_map(|(word, pattern)| {
            let pattern = pattern.as_ref()?;
            Some(format!("{word}: {pattern}"))
        });
        let said: Vec<String> = said
            .chain(body.map(|body| format!("body: {body}")))
            .collect();
        match said.is_empty() {
            true => Ok(()),
            false => write!(f, " {{ {} }}", said.join(", ")),
        }
    }
}
