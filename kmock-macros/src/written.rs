//! The text of code as it was written, for reports: `|req| req.json()["name"] == "john"`.

use proc_macro2::{Delimiter, Group, Span, TokenStream, TokenTree};

/// The text of tokens in one line, with spaces where there is some in the source.
pub(crate) fn text(tokens: TokenStream) -> String {
    if !proc_macro::is_available() {
        return tokens.to_string();
    }
    let mut written = Written::default();
    written.all(tokens);
    written.text
}

#[derive(Default)]
struct Written {
    text: String,
    /// Where what was written last ends.
    end: Option<Place>,
}

impl Written {
    fn all(&mut self, tokens: TokenStream) {
        for tree in tokens {
            match tree {
                TokenTree::Group(group) => self.group(&group),
                other => {
                    let (start, end) = ends(other.span());
                    self.piece(&other.to_string(), start, end);
                }
            }
        }
    }

    /// The delimiters are the first and the last column of a group.
    fn group(&mut self, group: &Group) {
        let (open, close) = match group.delimiter() {
            Delimiter::Parenthesis => ("(", ")"),
            Delimiter::Brace => ("{", "}"),
            Delimiter::Bracket => ("[", "]"),
            Delimiter::None => return self.all(group.stream()),
        };
        let (start, end) = ends(group.span());
        self.piece(open, start, (start.0, start.1 + 1));
        self.all(group.stream());
        self.piece(close, (end.0, end.1.saturating_sub(1)), end);
    }

    fn piece(&mut self, text: &str, start: Place, end: Place) {
        if self.end.is_some_and(|end| end != start) {
            self.text.push(' ');
        }
        self.text.push_str(text);
        self.end = Some(end);
    }
}

/// A line and a column.
type Place = (usize, usize);

fn ends(span: Span) -> (Place, Place) {
    let span = span.unwrap();
    let place = |at: proc_macro::Span| (at.line(), at.column());
    (place(span.start()), place(span.end()))
}
