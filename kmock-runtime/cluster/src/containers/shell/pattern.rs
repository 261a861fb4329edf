//! Patterns of `case` and of `${NAME#pattern}`: `*`, `?`, `[a-z]`, `[!a]`.

/// One sign of a pattern.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Sign {
    /// Itself.
    One(char),
    /// `?`.
    Any,
    /// `*`.
    Some,
    /// `[…]`: whether it is not one of these, and from which to which they are.
    Of(bool, Vec<(char, char)>),
}

/// A pattern; what was quoted in it stands for itself.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Pattern(Vec<Sign>);

impl Pattern {
    pub(super) fn add(&mut self, text: &str, quoted: bool) {
        if quoted {
            self.0.extend(text.chars().map(Sign::One));
            return;
        }
        let all: Vec<char> = text.chars().collect();
        let mut at = 0;
        while let Some(one) = all.get(at) {
            at += 1;
            match one {
                '?' => self.0.push(Sign::Any),
                '*' => self.0.push(Sign::Some),
                '[' => match set(all.get(at..).unwrap_or_default()) {
                    Some((sign, length)) => {
                        self.0.push(sign);
                        at += length;
                    }
                    None => self.0.push(Sign::One('[')),
                },
                one => self.0.push(Sign::One(*one)),
            }
        }
    }

    /// Whether it stands for a whole text.
    pub(super) fn fits(&self, text: &str) -> bool {
        let text: Vec<char> = text.chars().collect();
        self.begins(&text).contains(&text.len())
    }

    /// The lengths of the beginnings of a text that it stands for, the shortest first.
    fn begins(&self, text: &[char]) -> Vec<usize> {
        let mut ends = vec![0];
        for sign in &self.0 {
            let mut next = Vec::new();
            match sign {
                Sign::Some => {
                    if let Some(first) = ends.first() {
                        next.extend(*first..=text.len());
                    }
                }
                sign => next.extend(ends.iter().filter_map(|end| {
                    let one = text.get(*end)?;
                    let fits = match sign {
                        Sign::One(sign) => sign == one,
                        Sign::Of(not, ranges) => {
                            let is_in = |(from, to): &(char, char)| from <= one && one <= to;
                            ranges.iter().any(is_in) != *not
                        }
                        Sign::Any | Sign::Some => true,
                    };
                    fits.then_some(end + 1)
                })),
            }
            ends = next;
        }
        ends
    }

    /// A text without its beginning or its end that the pattern stands for.
    pub(super) fn cut(&self, text: &str, at_end: bool, longest: bool) -> String {
        let all: Vec<char> = text.chars().collect();
        if !at_end {
            let ends = self.begins(&all);
            let found = if longest { ends.last() } else { ends.first() };
            let rest = all.get(found.copied().unwrap_or_default()..);
            return rest.unwrap_or_default().iter().collect();
        }
        let fits = |from: &usize| {
            let rest = all.get(*from..).unwrap_or_default();
            self.begins(rest).contains(&rest.len())
        };
        let found = if longest {
            (0..=all.len()).find(fits)
        } else {
            (0..=all.len()).rev().find(fits)
        };
        all.iter().take(found.unwrap_or(all.len())).collect()
    }

    /// A text with something else where the pattern stands, at first or everywhere.
    pub(super) fn replace(&self, text: &str, by: &str, everywhere: bool) -> String {
        let all: Vec<char> = text.chars().collect();
        let (mut out, mut at, mut is_done) = (String::new(), 0, false);
        while let Some(one) = all.get(at) {
            let rest = all.get(at..).unwrap_or_default();
            let found = self.begins(rest).last().copied().filter(|end| *end > 0);
            match found.filter(|_| !is_done) {
                Some(length) => {
                    out.push_str(by);
                    at += length;
                    is_done = !everywhere;
                }
                None => {
                    out.push(*one);
                    at += 1;
                }
            }
        }
        out
    }
}

/// A set of signs, and how much of the text it is.
fn set(text: &[char]) -> Option<(Sign, usize)> {
    let mut at = 0;
    let not = matches!(text.first(), Some('!' | '^'));
    at += usize::from(not);
    let mut ranges = Vec::new();
    loop {
        let one = *text.get(at)?;
        if one == ']' && !ranges.is_empty() {
            return Some((Sign::Of(not, ranges), at + 1));
        }
        let to = match (text.get(at + 1), text.get(at + 2)) {
            (Some('-'), Some(to)) if *to != ']' => {
                at += 2;
                *to
            }
            _ => one,
        };
        ranges.push((one, to));
        at += 1;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn pattern(text: &str) -> Pattern {
        let mut pattern = Pattern::default();
        pattern.add(text, false);
        pattern
    }

    #[test]
    fn what_patterns_stand_for() {
        for (text, fits, other) in [
            ("a*c", "abbc", "abcd"),
            ("?", "x", ""),
            ("[a-c]x", "bx", "dx"),
            ("[!a]", "b", "a"),
            ("*.tar.gz", "a.tar.gz", "a.tar"),
            ("[", "[", "a"),
        ] {
            assert!(pattern(text).fits(fits), "{text} {fits}");
            assert!(!pattern(text).fits(other), "{text} {other}");
        }
        let mut quoted = Pattern::default();
        quoted.add("*", true);
        assert!(quoted.fits("*") && !quoted.fits("a"));
    }

    #[test]
    fn what_is_left_of_texts() {
        let path = "/a/b/c.tar.gz";
        for (text, at_end, longest, left) in [
            ("*/", false, false, "a/b/c.tar.gz"),
            ("*/", false, true, "c.tar.gz"),
            (".*", true, false, "/a/b/c.tar"),
            (".*", true, true, "/a/b/c"),
            ("none", true, true, path),
        ] {
            assert_eq!(pattern(text).cut(path, at_end, longest), left, "{text}");
        }
        assert_eq!(pattern("/").replace(path, "-", true), "-a-b-c.tar.gz");
        assert_eq!(pattern("a*b").replace(path, "x", false), "/x/c.tar.gz");
    }
}
