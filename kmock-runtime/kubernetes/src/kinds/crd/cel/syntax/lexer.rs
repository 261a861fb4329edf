//! From text to tokens: always the longest one that fits, and of two equally long ones the keyword.

use std::ops::Range;

use super::Fault;
use super::token::{Kind, Token};

/// What a text is made of.
#[derive(Debug, Default)]
pub(super) struct Tokens {
    /// The last one is of kind [`Kind::End`].
    pub(super) tokens: Vec<Token>,
    /// What is no token: byte offsets.
    pub(super) gaps: Vec<Range<usize>>,
    pub(super) faults: Vec<Fault>,
}

/// Cuts a text into its tokens.
pub(super) fn tokens(source: &str) -> Tokens {
    let mut lexer = Lexer {
        source,
        at: 0,
        tokens: Vec::new(),
        gaps: Vec::new(),
        faults: Vec::new(),
    };
    while lexer.at < source.len() {
        lexer.step();
    }
    let end = source.len();
    lexer.tokens.push(Token {
        kind: Kind::End,
        start: end,
        end,
    });
    Tokens {
        tokens: lexer.tokens,
        gaps: lexer.gaps,
        faults: lexer.faults,
    }
}

struct Lexer<'s> {
    source: &'s str,
    at: usize,
    tokens: Vec<Token>,
    gaps: Vec<Range<usize>>,
    faults: Vec<Fault>,
}

/// How far a string goes: to its end, or to the character (or the end of the text) that cannot be in it.
enum Scan {
    Closed(usize),
    Broken(usize),
}

impl Lexer<'_> {
    fn rest(&self) -> &str {
        self.source.get(self.at..).unwrap_or_default()
    }

    fn step(&mut self) {
        let rest = self.rest();
        let space = rest
            .find(|c: char| !matches!(c, '\t' | ' ' | '\r' | '\n' | '\u{c}'))
            .unwrap_or(rest.len());
        if space > 0 {
            self.at += space;
            return;
        }
        if rest.starts_with("//") {
            self.at += rest.find('\n').unwrap_or(rest.len());
            return;
        }
        match lex(rest) {
            Ok((kind, length)) => {
                self.tokens.push(Token {
                    kind,
                    start: self.at,
                    end: self.at + length,
                });
                self.at += length;
            }
            Err(broken) => {
                // The character that does not fit goes with what came before it.
                let length = broken
                    + rest
                        .get(broken..)
                        .and_then(|rest| rest.chars().next())
                        .map_or(0, char::len_utf8);
                let text = rest.get(..length).unwrap_or_default();
                let message = format!("Syntax error: token recognition error at: '{text}'");
                let at = self.at;
                self.at += length;
                self.gaps.push(at..self.at);
                self.faults.push(Fault { at, message });
            }
        }
    }
}

/// The token at the start of a text and its length, or how much of the text looked like one.
fn lex(text: &str) -> Result<(Kind, usize), usize> {
    let mut best: Option<(Kind, usize)> = None;
    let mut broken = 0;
    let mut offer = |kind: Kind, length: usize| {
        if length > best.map_or(0, |(_, longest)| longest) {
            best = Some((kind, length));
        }
    };
    if let Some((kind, length)) = symbol(text) {
        offer(kind, length);
    } else if text.starts_with(['=', '&', '|']) {
        broken = 1;
    }
    if let Some((kind, length)) = number(text) {
        offer(kind, length);
    }
    let word = text
        .find(|c: char| !(c.is_ascii_alphanumeric() || c == '_'))
        .unwrap_or(text.len());
    if word > 0 && !text.starts_with(|c: char| c.is_ascii_digit()) {
        let kind = match text.get(..word).unwrap_or_default() {
            "in" => Kind::In,
            "true" => Kind::True,
            "false" => Kind::False,
            "null" => Kind::Null,
            _ => Kind::Ident,
        };
        offer(kind, word);
    }
    if let Some(inner) = text.strip_prefix('`') {
        let length = inner
            .find(|c: char| !(c.is_ascii_alphanumeric() || "_.-/ ".contains(c)))
            .unwrap_or(inner.len());
        if length > 0
            && inner
                .get(length..)
                .is_some_and(|rest| rest.starts_with('`'))
        {
            offer(Kind::EscapedIdent, length + 2);
        } else {
            broken = 1 + length;
        }
    }
    for scan in strings(text) {
        match scan {
            (kind, Scan::Closed(length)) => offer(kind, length),
            (_, Scan::Broken(length)) => broken = broken.max(length),
        }
    }
    best.ok_or(broken)
}

fn symbol(text: &str) -> Option<(Kind, usize)> {
    const TWO: [(&str, Kind); 6] = [
        ("==", Kind::Equals),
        ("!=", Kind::NotEquals),
        ("<=", Kind::LessEquals),
        (">=", Kind::GreaterEquals),
        ("&&", Kind::And),
        ("||", Kind::Or),
    ];
    if let Some((_, kind)) = TWO.iter().find(|(two, _)| text.starts_with(two)) {
        return Some((*kind, 2));
    }
    let kind = match text.bytes().next()? {
        b'<' => Kind::Less,
        b'>' => Kind::Greater,
        b'[' => Kind::OpenBracket,
        b']' => Kind::CloseBracket,
        b'{' => Kind::OpenBrace,
        b'}' => Kind::CloseBrace,
        b'(' => Kind::OpenParen,
        b')' => Kind::CloseParen,
        b'.' => Kind::Dot,
        b',' => Kind::Comma,
        b'-' => Kind::Minus,
        b'!' => Kind::Not,
        b'?' => Kind::Question,
        b':' => Kind::Colon,
        b'+' => Kind::Plus,
        b'*' => Kind::Star,
        b'/' => Kind::Slash,
        b'%' => Kind::Percent,
        _ => return None,
    };
    Some((kind, 1))
}

fn number(text: &str) -> Option<(Kind, usize)> {
    let run = |from: usize, fits: fn(&u8) -> bool| {
        let bytes = text.as_bytes().get(from..).unwrap_or_default();
        bytes.iter().take_while(|c| fits(c)).count()
    };
    let byte = |at: usize| text.as_bytes().get(at).copied();
    let unsigned = |at: usize| {
        if matches!(byte(at), Some(b'u' | b'U')) {
            (Kind::Uint, at + 1)
        } else {
            (Kind::Int, at)
        }
    };
    if text.starts_with("0x") {
        let digits = run(2, u8::is_ascii_hexdigit);
        if digits > 0 {
            return Some(unsigned(2 + digits));
        }
    }
    let whole = run(0, u8::is_ascii_digit);
    let mut end = whole;
    if byte(end) == Some(b'.') {
        let fraction = run(end + 1, u8::is_ascii_digit);
        if fraction > 0 {
            end += 1 + fraction;
        }
    }
    if end == 0 {
        return None;
    }
    if matches!(byte(end), Some(b'e' | b'E')) {
        let sign = usize::from(matches!(byte(end + 1), Some(b'+' | b'-')));
        let digits = run(end + 1 + sign, u8::is_ascii_digit);
        if digits > 0 {
            return Some((Kind::Float, end + 1 + sign + digits));
        }
    }
    Some(if end > whole {
        (Kind::Float, end)
    } else {
        unsigned(whole)
    })
}

/// What the text can be as a string: in single quotes or in three, raw or not, bytes or not.
fn strings(text: &str) -> Vec<(Kind, Scan)> {
    let mut from = 0;
    let mut kind = Kind::String;
    if text.starts_with(['b', 'B']) {
        (from, kind) = (1, Kind::Bytes);
    }
    let raw = matches!(text.as_bytes().get(from), Some(b'r' | b'R'));
    from += usize::from(raw);
    let Some(quote @ (b'"' | b'\'')) = text.as_bytes().get(from).copied() else {
        return Vec::new();
    };
    let mut scans = vec![(kind, scan(text, from + 1, quote, 1, raw))];
    if text
        .as_bytes()
        .get(from..from + 3)
        .is_some_and(|three| three == [quote; 3])
    {
        scans.push((kind, scan(text, from + 3, quote, 3, raw)));
    }
    scans
}

fn scan(text: &str, from: usize, quote: u8, quotes: usize, raw: bool) -> Scan {
    let bytes = text.as_bytes();
    let mut at = from;
    loop {
        match bytes.get(at) {
            None => return Scan::Broken(at),
            Some(c) if *c == quote => {
                let run = bytes.get(at..at + quotes);
                if run.is_some_and(|run| run.iter().all(|c| *c == quote)) {
                    return Scan::Closed(at + quotes);
                }
                at += 1;
            }
            Some(b'\n' | b'\r') if quotes == 1 => return Scan::Broken(at),
            Some(b'\\') if !raw => match escape(bytes, at) {
                Ok(length) => at += length,
                Err(broken) => return Scan::Broken(broken),
            },
            Some(_) => at += 1,
        }
    }
}

/// The length of an escape sequence, or where it breaks off.
fn escape(bytes: &[u8], at: usize) -> Result<usize, usize> {
    let hex: fn(&u8) -> bool = u8::is_ascii_hexdigit;
    let octal: fn(&u8) -> bool = |c| matches!(c, b'0'..=b'7');
    let (digits, fits) = match bytes.get(at + 1) {
        Some(
            b'a' | b'b' | b'f' | b'n' | b'r' | b't' | b'v' | b'"' | b'\'' | b'\\' | b'?' | b'`',
        ) => {
            return Ok(2);
        }
        Some(b'x' | b'X') => (2, hex),
        Some(b'u') => (4, hex),
        Some(b'U') => (8, hex),
        Some(b'0'..=b'3') => (2, octal),
        _ => return Err(at + 1),
    };
    for i in 0..digits {
        if !bytes.get(at + 2 + i).is_some_and(fits) {
            return Err(at + 2 + i);
        }
    }
    Ok(2 + digits)
}
