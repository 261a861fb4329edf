//! Regular expressions: Go's RE2 syntax on the `regex` crate.
//!
//! The two languages differ in little: Go's classes `\d \w \s \b` are ASCII, `\Q…\E` quotes, and
//! `[`, `&&`, `--` and `~~` mean nothing special inside brackets.

use std::collections::HashMap;
use std::sync::{Arc, LazyLock, Mutex, PoisonError};

use regex::Regex;

use super::alphabet::Lettered;
use super::go_syntax;
use crate::text::stack::on_a_large_stack;

/// How deeply patterns may nest: what Go takes has two or three levels here for each of its thousand.
pub(super) const NESTS: u32 = 5_000;
/// Groups that are nested more deeply are compiled on a stack of their own.
const DEEP: usize = 50;

/// The largest automaton that a pattern may need; bounded repeats of classes are large.
pub(super) const SIZE_LIMIT: usize = 64 << 20;

/// A pattern that texts fit or do not.
#[derive(Debug)]
pub(crate) enum TextPattern {
    Plain(Regex),
    Lettered(Lettered),
}

impl TextPattern {
    pub(crate) fn is_match(&self, text: &str) -> bool {
        match self {
            Self::Plain(regex) => regex.is_match(text),
            Self::Lettered(lettered) => lettered.is_match(text),
        }
    }

    /// The pieces of a text that fit, from left to right, none in another.
    #[cfg(any(feature = "cel", test))]
    pub(crate) fn pieces<'t>(&self, text: &'t str, most: usize) -> Vec<&'t str> {
        match self {
            Self::Plain(regex) => regex
                .find_iter(text)
                .take(most)
                .map(|one| one.as_str())
                .collect(),
            Self::Lettered(lettered) => lettered.pieces(text, most),
        }
    }
}

pub(crate) type CompiledPattern = Result<Arc<TextPattern>, String>;

/// So many patterns of the process are kept; then all are let go.
const KEPT: usize = 1_000;
/// Longer patterns are not kept.
const SHORT: usize = 1_000;

/// CompiledPattern patterns by their text: real definitions repeat the same few hundreds of times, and each test defines anew what
/// the one before did.
#[derive(Debug, Default)]
pub(crate) struct Patterns(HashMap<String, CompiledPattern>);

impl Patterns {
    /// The pattern compiled, or Go's words for what is wrong with it.
    pub(crate) fn get(&mut self, pattern: &str) -> CompiledPattern {
        if let Some(known) = self.0.get(pattern) {
            return known.clone();
        }
        let compiled = shared(pattern);
        self.0.insert(pattern.to_owned(), compiled.clone());
        compiled
    }
}

/// The pattern as others of this process have it.
pub(crate) fn shared(pattern: &str) -> CompiledPattern {
    static KNOWN: LazyLock<Mutex<HashMap<String, Arc<TextPattern>>>> =
        LazyLock::new(Mutex::default);
    let known = || KNOWN.lock().unwrap_or_else(PoisonError::into_inner);
    if let Some(found) = known().get(pattern) {
        return Ok(Arc::clone(found));
    }
    // Not under the lock: it may take long.
    let compiled = Arc::new(compile_without_groups(pattern)?);
    if pattern.len() <= SHORT {
        let mut known = known();
        if known.len() >= KEPT {
            known.clear();
        }
        known.insert(pattern.to_owned(), Arc::clone(&compiled));
    }
    Ok(compiled)
}

/// Compiles one Go pattern, for who asks for no groups.
fn compile_without_groups(pattern: &str) -> Result<TextPattern, String> {
    if let Some(fault) = go_syntax::fault(pattern) {
        return Err(format!("error parsing regexp: {fault}"));
    }
    let compiled = || match Lettered::of(&translate(pattern)) {
        Some(lettered) => Ok(TextPattern::Lettered(lettered)),
        None => build(pattern).map(TextPattern::Plain),
    };
    with_room(pattern, compiled)
}

/// Does what recurses as deeply as a pattern nests.
fn with_room<T: Send>(
    pattern: &str,
    work: impl FnOnce() -> Result<T, String> + Send,
) -> Result<T, String> {
    let mut depth = 0_usize;
    let deepest = pattern.bytes().map(|byte| {
        match byte {
            b'(' => depth += 1,
            b')' => depth = depth.saturating_sub(1),
            _ => {}
        }
        depth
    });
    match deepest.max() {
        Some(deepest) if deepest > DEEP => on_a_large_stack(work)?,
        _ => work(),
    }
}

/// Compiles one Go pattern that has no fault.
fn build(pattern: &str) -> Result<Regex, String> {
    regex::RegexBuilder::new(&translate(pattern))
        .size_limit(SIZE_LIMIT)
        .nest_limit(NESTS)
        .build()
        .map_err(|error| {
            let text = error.to_string();
            let last = text.lines().last().unwrap_or_default();
            format!(
                "error parsing regexp: {}",
                last.trim_start_matches("error: ")
            )
        })
}

type Rest<'p> = std::iter::Peekable<std::str::Chars<'p>>;

/// Whether `?P<` or `?<` follows.
fn names_group(rest: &Rest<'_>) -> bool {
    let head: String = rest.clone().take(3).collect();
    head == "?P<" || head.starts_with("?<")
}

/// Whether `n}`, `n,}` or `n,m}` follows; with its other words the pattern is right already.
fn counts(rest: &Rest<'_>) -> bool {
    let mut inside = rest.clone();
    let inner: String = inside.by_ref().take_while(|c| *c != '}').collect();
    let (least, most) = inner.split_once(',').unwrap_or((&inner, ""));
    let digits = |text: &str| text.bytes().all(|byte| byte.is_ascii_digit());
    let closed = inner.len() < rest.clone().map(char::len_utf8).sum();
    closed && !least.is_empty() && digits(least) && digits(most)
}

fn translate(pattern: &str) -> String {
    let mut out = String::with_capacity(pattern.len() + 16);
    let mut rest = pattern.chars().peekable();
    // Inside brackets: the number of characters seen since the opening one.
    let mut class: Option<usize> = None;
    while let Some(c) = rest.next() {
        let seen = class;
        if let Some(count) = &mut class {
            *count += 1;
        }
        match (c, seen) {
            ('\\', _) => match (rest.next(), seen.is_some()) {
                (Some('d'), true) => out.push_str("0-9"),
                (Some('d'), false) => out.push_str("[0-9]"),
                (Some('w'), true) => out.push_str("0-9A-Za-z_"),
                (Some('w'), false) => out.push_str("[0-9A-Za-z_]"),
                (Some('s'), true) => out.push_str(r"\t\n\x0C\r\x20"),
                (Some('s'), false) => out.push_str(r"[\t\n\x0C\r\x20]"),
                (Some('D'), _) => out.push_str("[^0-9]"),
                (Some('W'), _) => out.push_str("[^0-9A-Za-z_]"),
                (Some('S'), _) => out.push_str(r"[^\t\n\x0C\r\x20]"),
                (Some('b'), false) => out.push_str(r"(?-u:\b)"),
                (Some('Q'), false) => {
                    let mut quoted = String::new();
                    while let Some(c) = rest.next() {
                        if c == '\\' && rest.peek() == Some(&'E') {
                            rest.next();
                            break;
                        }
                        quoted.push(c);
                    }
                    out.push_str(&regex::escape(&quoted));
                }
                (Some(other), _) => {
                    out.push('\\');
                    out.push(other);
                    // `\p{Greek}`, `\x{1F600}`: what is in braces is a name.
                    if matches!(other, 'p' | 'P' | 'x') && rest.peek() == Some(&'{') {
                        for c in rest.by_ref() {
                            out.push(c);
                            if c == '}' {
                                break;
                            }
                        }
                    }
                }
                (None, _) => out.push('\\'),
            },
            // Nobody asks for groups by their names, and Go takes a name twice.
            ('(', None) if names_group(&rest) => {
                out.push('(');
                rest.find(|c| *c == '>');
            }
            // What does not count is a character like others.
            ('{', None) if !counts(&rest) => out.push_str(r"\{"),
            ('[', None) => {
                out.push('[');
                class = Some(0);
                if rest.peek() == Some(&'^') {
                    rest.next();
                    out.push('^');
                }
                // A bracket right after the opening one is a character.
                if rest.peek() == Some(&']') {
                    rest.next();
                    out.push_str(r"\]");
                    class = Some(1);
                }
            }
            ('[', Some(_)) => {
                if rest.peek() == Some(&':') {
                    out.push('[');
                    while let Some(c) = rest.next() {
                        out.push(c);
                        if c == ':' && rest.peek() == Some(&']') {
                            rest.next();
                            out.push(']');
                            break;
                        }
                    }
                } else {
                    out.push_str(r"\[");
                }
            }
            (']', Some(_)) => {
                out.push(']');
                class = None;
            }
            ('&' | '~', Some(_)) => {
                out.push('\\');
                out.push(c);
            }
            ('-', Some(_)) if rest.peek() == Some(&'-') => {
                rest.next();
                out.push_str(r"-\-");
            }
            (c, _) => out.push(c),
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::compile_without_groups as compile;
    use super::*;

    #[test]
    fn classes_are_ascii_and_brackets_are_plain() {
        let digits = compile(r"^\d+$").expect("pattern");
        assert!(digits.is_match("42") && !digits.is_match("٤"));
        assert!(compile("^[[]a&&b]$").is_ok_and(|p| p.is_match("[a&&b]")));
        assert!(compile(r"^[\w.-]+$").is_ok_and(|p| p.is_match("a_b.c-d") && !p.is_match("é")));
        assert!(compile(r"^\Qa.b\E$").is_ok_and(|p| p.is_match("a.b") && !p.is_match("axb")));
        assert!(compile(r"^[^]]$").is_ok_and(|p| p.is_match("a") && !p.is_match("]")));
        assert!(compile("[[:alpha:]]{2}").is_ok_and(|p| p.is_match("ab")));
    }

    #[test]
    fn what_go_takes_is_taken() {
        let fits = |pattern: &str, text: &str| compile(pattern).is_ok_and(|p| p.is_match(text));
        assert!(fits("^x*{$", "xx{"));
        assert!(fits("^(?P<n>a)(?P<n>b)(?<n>c)$", "abc"));
        assert!(fits("^{{1,2}a{2}}$", "{{aa}"));
        assert!(fits("^a{,2}$", "a{,2}"));
        assert!(fits("^[{(?<]{2}$", "{<"));
        assert!(fits(r"^\p{L}\P{Greek}{2}\pN$", "é--1"));
        assert!(fits(r"^\x{1F600}\x41{2}[\x{e9}]$", "😀AAé"));
    }

    #[test]
    fn large_classes_that_are_repeated_cost_little() {
        let mut patterns = Patterns::default();
        // As bytes it took a second where all was optimised, and some ten where nothing was.
        let long = patterns.get(r"^[\p{L}\p{N}]{1,1000}$").expect("a pattern");
        assert!(matches!(*long, TextPattern::Lettered(_)));
        assert!(long.is_match("é9") && !long.is_match("é 9"));
        let some = patterns.get(r"\p{L}{1,1000}").expect("a pattern");
        assert!(matches!(*some, TextPattern::Lettered(_)));
        assert_eq!(some.pieces("1é漢 x-y", 9), ["é漢", "x", "y"]);
        assert_eq!(some.pieces("1é漢 x-y", 2), ["é漢", "x"]);
        assert_eq!(some.pieces("12", 9), [""; 0]);
        // Which of two begins first counts, then which is written first; nothing fits nothing, once at each place.
        let either = patterns.get(r"(a|ab|\p{L}{0,1000}?)").expect("a pattern");
        assert!(matches!(*either, TextPattern::Lettered(_)));
        assert_eq!(either.pieces("ab漢", 9), ["a", "", ""]);
    }

    #[test]
    fn what_go_refuses_is_refused() {
        assert_eq!(
            compile("[").unwrap_err(),
            "error parsing regexp: missing closing ]: `[`"
        );
        assert!(compile("a{1001}").is_err());
        assert!(Patterns::default().get(r"\p{L}{1001}").is_err());
        assert!(compile("(?!x)").is_err());
    }
}
