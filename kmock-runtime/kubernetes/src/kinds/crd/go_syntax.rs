//! What Go says of a regular expression that it cannot parse.
//!
//! Rules: `regexp/syntax/parse.go`. Only what is wrong is found here; see [`pattern`](super::pattern) for the rest.

/// The largest count of `{n,m}`, and the largest product of those that are inside of each other.
const LARGEST_REPEAT: u32 = 1000;

/// The highest tree of an expression.
const HIGHEST: usize = 1000;

/// How high the tree of a group is so far, as Go reckons it: one more than the highest of its parts.
#[derive(Clone, Copy, Default)]
struct Height {
    /// Whether it captures: a level of its own.
    captures: bool,
    /// The branch at hand: how many parts, the height of the last and of the highest one, and whether the last is plain text.
    parts: usize,
    last: usize,
    highest: usize,
    plain: bool,
    /// The branches before it.
    branches: usize,
    before: usize,
}

impl Height {
    /// Characters in a row are one part.
    fn push(&mut self, height: usize, plain: bool) {
        if !(plain && self.plain) {
            self.parts += 1;
        }
        self.plain = plain;
        self.last = height;
        self.highest = self.highest.max(height);
    }

    /// The last part is repeated: of characters in a row the last one, which is a part of its own then.
    fn repeat(&mut self) {
        self.plain = false;
        self.last += 1;
        self.highest = self.highest.max(self.last);
    }

    fn branch(&mut self) {
        *self = Height {
            captures: self.captures,
            branches: self.branches + 1,
            before: self.before.max(self.of_branch()),
            ..Height::default()
        };
    }

    fn of_branch(&self) -> usize {
        match self.parts {
            0 => 1,
            1 => self.highest,
            _ => self.highest + 1,
        }
    }

    fn whole(&self) -> usize {
        let highest = self.before.max(self.of_branch());
        highest + usize::from(self.branches > 0) + usize::from(self.captures)
    }
}

/// What stands before a repetition.
#[derive(Clone, Copy)]
enum Before {
    Nothing,
    Something,
    /// Another repetition, from here on.
    Repeat(usize),
}

/// The fault of a pattern, as Go words it.
pub(super) fn fault(pattern: &str) -> Option<String> {
    let mut parser = Parser {
        text: pattern,
        at: 0,
        count: 1,
        last: 1,
        groups: Vec::new(),
        height: Height::default(),
        heights: Vec::new(),
    };
    let (why, part) = parser.parse().err()?;
    Some(format!("{why}: `{part}`"))
}

type Fault<'p> = (&'static str, &'p str);

struct Parser<'p> {
    text: &'p str,
    at: usize,
    /// The largest product of counts in the group at hand, and in what stands last in it.
    count: u32,
    last: u32,
    /// The products of the groups around.
    groups: Vec<u32>,
    /// The height of the group at hand, and of those around.
    height: Height,
    heights: Vec<Height>,
}

impl<'p> Parser<'p> {
    fn rest(&self) -> &'p str {
        self.text.get(self.at..).unwrap_or_default()
    }

    fn since(&self, start: usize) -> &'p str {
        self.text.get(start..self.at).unwrap_or_default()
    }

    fn next(&mut self) -> Option<char> {
        let c = self.rest().chars().next()?;
        self.at += c.len_utf8();
        Some(c)
    }

    fn eat(&mut self, text: &str) -> bool {
        let found = self.rest().starts_with(text);
        if found {
            self.at += text.len();
        }
        found
    }

    fn parse(&mut self) -> Result<(), Fault<'p>> {
        let mut depth = 0_usize;
        let mut before = Before::Nothing;
        while !self.rest().is_empty() {
            let start = self.at;
            if self.rest().starts_with('{')
                && let Some(count) = self.counts(start)?
            {
                before = self.repeat(start, before)?;
                self.multiply(start, count)?;
                continue;
            }
            let c = self.next().unwrap_or_default();
            if !matches!(c, '*' | '+' | '?' | ')') {
                self.last = 1;
            }
            before = match c {
                '(' => {
                    let captures = !self.rest().starts_with('?') || self.names_group();
                    if !self.rest().starts_with('?') || self.group(start)? {
                        depth += 1;
                        self.groups.push(self.count);
                        self.count = 1;
                        let inner = Height {
                            captures,
                            ..Height::default()
                        };
                        self.heights
                            .push(std::mem::replace(&mut self.height, inner));
                    }
                    Before::Nothing
                }
                ')' if depth == 0 => return Err(("unexpected )", self.text)),
                ')' => {
                    depth -= 1;
                    self.last = self.count;
                    self.count = self.last.max(self.groups.pop().unwrap_or(1));
                    let outer = self.heights.pop().unwrap_or_default();
                    let inner = std::mem::replace(&mut self.height, outer);
                    self.height.push(inner.whole(), false);
                    self.is_low()?;
                    Before::Something
                }
                '|' => {
                    self.height.branch();
                    Before::Nothing
                }
                '*' | '+' | '?' => self.repeat(start, before)?,
                '[' => {
                    self.class(start)?;
                    self.height.push(1, false);
                    Before::Something
                }
                '\\' => {
                    if self.eat("Q") {
                        let quoted = self
                            .rest()
                            .find("\\E")
                            .map_or(self.rest().len(), |at| at + 2);
                        self.at += quoted;
                    } else if !self.is_class(start)? && !self.is_anchor() {
                        self.escape(start)?;
                    }
                    self.height.push(1, false);
                    Before::Something
                }
                _ => {
                    self.height.push(1, true);
                    Before::Something
                }
            };
        }
        if depth > 0 {
            return Err(("missing closing )", self.text));
        }
        Ok(())
    }

    fn repeat(&mut self, start: usize, before: Before) -> Result<Before, Fault<'p>> {
        self.eat("?");
        self.height.repeat();
        match before {
            Before::Something => self.is_low().map(|()| Before::Repeat(start)),
            Before::Nothing => Err(("missing argument to repetition operator", self.since(start))),
            Before::Repeat(first) => Err(("invalid nested repetition operator", self.since(first))),
        }
    }

    fn is_low(&self) -> Result<(), Fault<'p>> {
        match self.height.last > HIGHEST {
            true => Err(("expression nests too deeply", self.text)),
            false => Ok(()),
        }
    }

    /// Whether a name follows: the group captures.
    fn names_group(&self) -> bool {
        let rest = self.rest();
        rest.starts_with("?P<") || rest.starts_with("?<")
    }

    /// Repeats of repeats count together.
    fn multiply(&mut self, start: usize, count: u32) -> Result<(), Fault<'p>> {
        self.last = self.last.saturating_mul(count.max(1));
        self.count = self.count.max(self.last);
        match self.last > LARGEST_REPEAT {
            true => Err(("invalid repeat count", self.since(start))),
            false => Ok(()),
        }
    }

    /// Reads `{n}`, `{n,}` or `{n,m}`, and tells the largest number; anything else is a brace like any other character.
    fn counts(&mut self, start: usize) -> Result<Option<u32>, Fault<'p>> {
        let Some((inner, _)) = self.rest().get(1..).and_then(|rest| rest.split_once('}')) else {
            return Ok(None);
        };
        let (least, most) = match inner.split_once(',') {
            None => (inner, Some(inner)),
            Some((least, "")) => (least, None),
            Some((least, most)) => (least, Some(most)),
        };
        let is_count = |text: &str| {
            !text.is_empty()
                && text.bytes().all(|b| b.is_ascii_digit())
                && (text.len() == 1 || !text.starts_with('0'))
        };
        if !is_count(least) || !most.is_none_or(is_count) {
            return Ok(None);
        }
        self.at += inner.len() + 2;
        let number = |text: &str| text.parse::<u32>().unwrap_or(u32::MAX);
        let (least, most) = (number(least), most.map(number));
        if least > LARGEST_REPEAT || most.is_some_and(|most| most > LARGEST_REPEAT || most < least)
        {
            return Err(("invalid repeat count", self.since(start)));
        }
        Ok(Some(most.unwrap_or(least)))
    }

    /// Reads what follows `(`: a name, or flags; whether a group was opened.
    fn group(&mut self, start: usize) -> Result<bool, Fault<'p>> {
        for prefix in ["?P<", "?<"] {
            if !self.eat(prefix) {
                continue;
            }
            let whole = self.text.get(start..).unwrap_or_default();
            let Some((name, _)) = self.rest().split_once('>') else {
                return Err(("invalid named capture", whole));
            };
            self.at += name.len() + 1;
            let is_name = |c: char| c.is_ascii_alphanumeric() || c == '_';
            if name.is_empty() || !name.chars().all(is_name) {
                return Err(("invalid named capture", self.since(start)));
            }
            return Ok(true);
        }
        self.eat("?");
        loop {
            match self.next() {
                Some('i' | 'm' | 's' | 'U' | '-') => {}
                Some(':') => return Ok(true),
                Some(')') => return Ok(false),
                Some(_) => {
                    return Err(("invalid or unsupported Perl syntax", self.since(start)));
                }
                None => return Err(("missing closing )", self.text)),
            }
        }
    }

    fn class(&mut self, start: usize) -> Result<(), Fault<'p>> {
        let open = self.text.get(start..).unwrap_or_default();
        self.eat("^");
        let mut first = true;
        loop {
            if self.rest().is_empty() {
                return Err(("missing closing ]", open));
            }
            if !first && self.eat("]") {
                return Ok(());
            }
            first = false;
            if self.rest().starts_with("[:")
                && let Some(end) = self.rest().find(":]")
            {
                self.at += end + 2;
                continue;
            }
            let low_at = self.at;
            if self.rest().starts_with('\\') {
                self.at += 1;
                if self.is_class(low_at)? {
                    continue;
                }
                self.at = low_at;
            }
            let low = self.class_char(open)?;
            let ranged = self.rest().starts_with('-') && !self.rest().starts_with("-]");
            if ranged && self.rest().len() > 1 {
                self.at += 1;
                let high = self.class_char(open)?;
                if low.zip(high).is_some_and(|(low, high)| high < low) {
                    return Err(("invalid character class range", self.since(low_at)));
                }
            }
        }
    }

    fn class_char(&mut self, open: &'p str) -> Result<Option<char>, Fault<'p>> {
        let start = self.at;
        match self.next() {
            None => Err(("missing closing ]", open)),
            Some('\\') => self.escape(start),
            other => Ok(other),
        }
    }

    /// After a backslash: a class by its letter.
    fn is_class(&mut self, start: usize) -> Result<bool, Fault<'p>> {
        let rest = self.rest();
        if rest.starts_with(['d', 's', 'w', 'D', 'S', 'W']) {
            self.at += 1;
            return Ok(true);
        }
        if !rest.starts_with(['p', 'P']) {
            return Ok(false);
        }
        self.at += 1;
        match self.next() {
            None => return Err(("invalid character class range", self.since(start))),
            Some('{') => match self.rest().find('}') {
                Some(end) => self.at += end + 1,
                None => {
                    let open = self.text.get(start..).unwrap_or_default();
                    return Err(("invalid character class range", open));
                }
            },
            Some(_) => {}
        }
        let known = self.since(start);
        if regex::Regex::new(&known.replace("{^", "{")).is_err() {
            return Err(("invalid character class range", known));
        }
        Ok(true)
    }

    fn is_anchor(&mut self) -> bool {
        ["A", "b", "B", "C", "z"]
            .iter()
            .any(|anchor| self.eat(anchor))
    }

    /// After a backslash: one character; `None` if it does not matter which.
    fn escape(&mut self, start: usize) -> Result<Option<char>, Fault<'p>> {
        let Some(c) = self.next() else {
            return Err(("trailing backslash at end of expression", ""));
        };
        let octal = |rest: &str| rest.starts_with(|c: char| ('0'..='7').contains(&c));
        let known = match c {
            '0' => true,
            '1'..='7' => octal(self.rest()),
            'x' => {
                let rest = self.rest();
                let (digits, length) = match rest.strip_prefix('{') {
                    Some(inner) => {
                        let digits = inner.split('}').next().unwrap_or_default();
                        (digits, digits.len() + 2)
                    }
                    None => (rest.get(..2).unwrap_or_default(), 2),
                };
                let good = u32::from_str_radix(digits, 16).is_ok_and(|code| code <= 0x10_ffff);
                if good {
                    self.at += length.min(rest.len());
                }
                good
            }
            'a' | 'f' | 'n' | 'r' | 't' | 'v' => true,
            c if c.is_ascii() && !c.is_ascii_alphanumeric() => return Ok(Some(c)),
            _ => false,
        };
        if known {
            Ok(None)
        } else {
            Err(("invalid escape sequence", self.since(start)))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::fault;

    #[test]
    fn faults_are_worded_as_go_words_them() {
        for (pattern, told) in [
            ("(", "missing closing ): `(`"),
            ("a)", "unexpected ): `a)`"),
            ("[a", "missing closing ]: `[a`"),
            ("*a", "missing argument to repetition operator: `*`"),
            ("a**", "invalid nested repetition operator: `**`"),
            ("\\", "trailing backslash at end of expression: ``"),
            ("a{1001}", "invalid repeat count: `{1001}`"),
            ("x{2,1}", "invalid repeat count: `{2,1}`"),
            ("(a{1000}){1000}", "invalid repeat count: `{1000}`"),
            ("((a{10}){10}){11}", "invalid repeat count: `{11}`"),
            (
                "(?:b|(a{2}c{500})+)*{3}",
                "invalid nested repetition operator: `*{3}`",
            ),
            ("(?:b|(a{2}c{500})+){3}", "invalid repeat count: `{3}`"),
            ("\\q", "invalid escape sequence: `\\q`"),
            ("\\1", "invalid escape sequence: `\\1`"),
            ("[z-a]", "invalid character class range: `z-a`"),
            ("\\p{Foo}", "invalid character class range: `\\p{Foo}`"),
            ("(?P<n", "invalid named capture: `(?P<n`"),
            ("(?<!x)a", "invalid named capture: `(?<!x)a`"),
            ("(?!a)", "invalid or unsupported Perl syntax: `(?!`"),
        ] {
            assert_eq!(fault(pattern).as_deref(), Some(told), "{pattern}");
        }
    }

    #[test]
    fn trees_are_a_thousand_levels_high_at_most() {
        let nested = |open: &str, close: &str, depth: usize| {
            format!("{}a{}", open.repeat(depth), close.repeat(depth))
        };
        for (open, close, least) in [
            ("(", ")", 1_000),
            ("(?P<n>", ")", 1_000),
            ("(", ")*", 500),
            ("(x", ")", 500),
            ("(?:x|yz", ")", 500),
        ] {
            assert_eq!(
                fault(&nested(open, close, least - 2)),
                None,
                "{open}…{close}"
            );
            let deep = nested(open, close, least + 1);
            let told = format!("expression nests too deeply: `{deep}`");
            assert_eq!(fault(&deep), Some(told), "{open}…{close}");
        }
        assert_eq!(fault(&nested("(?:", ")", 5_000)), None);
    }

    #[test]
    fn good_patterns_have_none() {
        for pattern in [
            "^[a-z0-9]([-a-z0-9]*[a-z0-9])?$",
            r"^\d+(?:\.\d+)?%?$",
            r"[]a-]+?[^\]\w\x41]{2,}",
            r"(?i)(?P<x>\Q[(\E)*",
            "a{,2}{",
            "x*{",
            "((a{10}){10}){10}b{1000}",
            "(?P<n>a)(?P<n>b)",
            r"^\pL\p{Greek}+\b$",
        ] {
            assert_eq!(fault(pattern), None, "{pattern}");
        }
    }
}
