//! Filters as text, nearly as they were written.

use std::fmt;

use crate::{
    brief::cut,
    criteria::{Criterion, Filter, Node, PathRegex, finding::Role},
};

impl fmt::Display for Criterion {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Criterion::Method(name) => f.write_str(name),
            Criterion::Path(template) => write!(f, "path \"{template}\""),
            Criterion::PathRegex(PathRegex { regex, .. }) => {
                let whole = regex.as_str();
                write!(f, "path ~\"{}\"", &whole[4..whole.len() - 2])
            }
            Criterion::Captured(parameter, name, kind) if kind.name().is_empty() => {
                write!(f, "query {parameter:?}: {{{name}}}")
            }
            Criterion::Captured(parameter, name, kind) => {
                write!(f, "query {parameter:?}: {{{name}: {}}}", kind.name())
            }
            Criterion::Field(place, name, pattern) => {
                write!(f, "{} {name:?}: {pattern}", place.word())
            }
            Criterion::Fields(place, fields) => {
                write!(f, "{} == {{", place.word())?;
                for (n, (name, pattern)) in fields.iter().enumerate() {
                    write!(f, "{}{name:?}: {pattern}", if n > 0 { ", " } else { "" })?;
                }
                f.write_str("}")
            }
            Criterion::Part(part) => part.fmt(f),
            Criterion::Host(pattern) => write!(f, "host {pattern}"),
            Criterion::From(network) => write!(f, "from {network}"),
            Criterion::Body(body) => {
                write!(f, "body {}", bytes(body, 60))
            }
            Criterion::BodyRegex(regex) => {
                let whole = regex.as_str();
                write!(f, "body ~{:?}", &whole[10..whole.len() - 2])
            }
            Criterion::Text(pattern) => write!(f, "text {pattern}"),
            Criterion::Json { pattern, exact } => {
                write!(f, "json{} {pattern}", if *exact { " ==" } else { "" })
            }
            Criterion::Test(text, _) | Criterion::TestLater(text, _) => write!(f, "where {text}"),
            Criterion::State(_, want) => write!(f, "state {want:?}"),
            Criterion::Custom(matcher) => matcher.fmt(f),
        }
    }
}

/// Bytes as Rust writes them: as a text where they are one.
pub(in crate::criteria) fn bytes(bytes: &[u8], most: usize) -> String {
    let odd = |c: char| c.is_control() && !"\t\n\r".contains(c);
    match std::str::from_utf8(bytes) {
        Ok(text) if !text.contains(odd) => format!("{:?}", cut(text, most)),
        _ => {
            let shown = bytes[..bytes.len().min(most / 2)].escape_ascii();
            let dots = if bytes.len() > most / 2 { "…" } else { "" };
            format!("b\"{shown}{dots}\"")
        }
    }
}

/// How long a filter may be that is shown whole where its criteria follow.
const BRIEF: usize = 60;

impl Filter {
    /// As it is called where its criteria are listed beside it: what it is about, and whether there is more.
    pub(crate) fn brief(&self) -> String {
        let whole = self.to_string();
        if whole.chars().count() <= BRIEF {
            return whole;
        }
        let Node::All(filters) = self.tree() else {
            return cut(&whole, BRIEF);
        };
        let about = filters.iter().take_while(|one| one.is_about());
        match about.cloned().reduce(|one, other| one & other) {
            Some(about) => format!("{} …", cut(&about.to_string(), BRIEF)),
            None => cut(&whole, BRIEF),
        }
    }

    /// Whether it says what a request is about: the method and the path, or a verb and a resource.
    fn is_about(&self) -> bool {
        match self.tree() {
            Node::Is(criterion, _) => criterion.role() != Role::Other,
            Node::All(filters) | Node::Any(filters) => filters.iter().all(Filter::is_about),
            Node::Not(filter) => filter.is_about(),
        }
    }
}

impl fmt::Display for Filter {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fn join(f: &mut fmt::Formatter<'_>, filters: &[Filter], by: &str) -> fmt::Result {
            for (n, one) in filters.iter().enumerate() {
                if n > 0 {
                    f.write_str(by)?;
                }
                match one.tree() {
                    Node::Any(inner) if inner.len() > 1 => write!(f, "({one})")?,
                    // A path after a method reads as in a request line.
                    Node::Is(Criterion::Path(template), _) => write!(f, "\"{template}\"")?,
                    _ => write!(f, "{one}")?,
                }
            }
            Ok(())
        }
        match self.tree() {
            Node::Is(Criterion::Path(template), _) => write!(f, "\"{template}\""),
            Node::Is(criterion, _) => criterion.fmt(f),
            Node::All(filters) if filters.is_empty() => f.write_str("ANY"),
            Node::All(filters) => join(f, filters, " "),
            Node::Any(filters) => join(f, filters, " | "),
            Node::Not(filter) => match filter.tree() {
                Node::Is(..) => write!(f, "!{filter}"),
                _ => write!(f, "!({filter})"),
            },
        }
    }
}
