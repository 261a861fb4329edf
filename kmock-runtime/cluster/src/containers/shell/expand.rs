//! What words stand for: variables, the output of commands, sums.

use futures::future::BoxFuture;

use super::super::io::{Io, Sink};
use super::pattern::Pattern;
use super::run::Shell;
use super::syntax::{Change, Part, Word};

/// The fields of a word, one after the other.
#[derive(Default)]
struct Fields {
    whole: Vec<String>,
    open: Option<String>,
}

impl Fields {
    fn add(&mut self, text: &str) {
        self.open.get_or_insert_default().push_str(text);
    }

    /// Adds what is no text of the script itself: blanks in it end fields.
    fn split(&mut self, text: &str) {
        for (nth, piece) in text.split([' ', '\t', '\n']).enumerate() {
            if nth > 0 {
                self.whole.extend(self.open.take());
            }
            if !piece.is_empty() {
                self.add(piece);
            }
        }
    }
}

impl Shell {
    /// The fields of a word.
    pub(super) async fn fields(&mut self, word: &Word, io: &mut Io) -> Vec<String> {
        let mut fields = Fields::default();
        for part in word {
            match part {
                Part::Text { text, .. } => fields.add(text),
                Part::Variable {
                    name, quoted: true, ..
                } if name == "@" => {
                    for (nth, argument) in self.arguments.iter().skip(1).enumerate() {
                        if nth > 0 {
                            fields.whole.extend(fields.open.take());
                        }
                        fields.add(argument);
                    }
                }
                Part::Variable { quoted, .. }
                | Part::Changed { quoted, .. }
                | Part::Output { quoted, .. } => {
                    let text = self.part(part, io).await;
                    if *quoted {
                        fields.add(&text);
                    } else {
                        fields.split(&text);
                    }
                }
                Part::Sum(_) => {
                    let text = self.part(part, io).await;
                    fields.add(&text);
                }
            }
        }
        fields.whole.extend(fields.open);
        fields.whole
    }

    /// A word as one text.
    pub(super) fn joined<'a>(
        &'a mut self,
        word: &'a Word,
        io: &'a mut Io,
    ) -> BoxFuture<'a, String> {
        Box::pin(async move {
            let mut text = String::new();
            for part in word {
                text.push_str(&self.part(part, io).await);
            }
            text
        })
    }

    /// A word as a pattern.
    pub(super) async fn pattern(&mut self, word: &[Part], io: &mut Io) -> Pattern {
        let mut pattern = Pattern::default();
        for part in word {
            let quoted = match part {
                Part::Text { quoted, .. }
                | Part::Variable { quoted, .. }
                | Part::Changed { quoted, .. }
                | Part::Output { quoted, .. } => *quoted,
                Part::Sum(_) => true,
            };
            let text = self.part(part, io).await;
            pattern.add(&text, quoted);
        }
        pattern
    }

    /// What is made of the value of a variable.
    fn changed<'a>(
        &'a mut self,
        name: &'a str,
        change: Change,
        word: &'a Word,
        io: &'a mut Io,
    ) -> BoxFuture<'a, String> {
        Box::pin(async move {
            let value = self.variable(name, io);
            let is_set = |also_empty: bool| {
                let value = value.as_ref();
                value.is_some_and(|value| !(also_empty && value.is_empty()))
            };
            match change {
                Change::Length => value.unwrap_or_default().chars().count().to_string(),
                Change::Instead(also_empty) if is_set(also_empty) => self.joined(word, io).await,
                Change::Instead(_) => String::new(),
                Change::Set(also_empty) | Change::Demand(also_empty) if is_set(also_empty) => {
                    value.unwrap_or_default()
                }
                Change::Set(_) => {
                    let value = self.joined(word, io).await;
                    self.variables.insert(name.to_owned(), value.clone());
                    value
                }
                Change::Demand(_) => {
                    let why = self.joined(word, io).await;
                    let why = if why.is_empty() {
                        "parameter not set".to_owned()
                    } else {
                        why
                    };
                    io.write_error(format!("sh: {name}: {why}\n")).await;
                    self.is_lost = true;
                    String::new()
                }
                Change::Without { at_end, longest } => {
                    let pattern = self.pattern(word, io).await;
                    pattern.cut(&value.unwrap_or_default(), at_end, longest)
                }
                Change::Replace(everywhere) => {
                    // The first slash that is no text of quotes parts the pattern from what comes in its place.
                    let mut parts = word.iter().enumerate();
                    let found = parts.find_map(|(nth, part)| match part {
                        Part::Text {
                            text,
                            quoted: false,
                        } => Some((nth, text.split_once('/')?)),
                        _ => None,
                    });
                    let (pattern, by) = match found {
                        None => (word.clone(), Word::new()),
                        Some((nth, (before, after))) => {
                            let text = |text: &str| Part::Text {
                                text: text.to_owned(),
                                quoted: false,
                            };
                            let mut pattern: Word = word.iter().take(nth).cloned().collect();
                            pattern.push(text(before));
                            let mut by = vec![text(after)];
                            by.extend(word.iter().skip(nth + 1).cloned());
                            (pattern, by)
                        }
                    };
                    let pattern = self.pattern(&pattern, io).await;
                    let by = self.joined(&by, io).await;
                    pattern.replace(&value.unwrap_or_default(), &by, everywhere)
                }
            }
        })
    }

    async fn part(&mut self, part: &Part, io: &mut Io) -> String {
        match part {
            Part::Text { text, .. } => text.clone(),
            Part::Variable {
                name, otherwise, ..
            } => {
                let value = self.variable(name, io);
                match otherwise {
                    Some((also_empty, word))
                        if value
                            .as_ref()
                            .is_none_or(|value| *also_empty && value.is_empty()) =>
                    {
                        self.joined(word, io).await
                    }
                    _ => value.unwrap_or_default(),
                }
            }
            Part::Changed {
                name, change, word, ..
            } => self.changed(name, *change, word, io).await,
            Part::Output { body, .. } => {
                let (sink, text) = Sink::kept();
                let output = io.swap_output(sink);
                let variables = self.variables.clone();
                // `exit` ends the command only.
                let _ = self.list(body, io, true).await;
                self.variables = variables;
                io.swap_output(output);
                let text = text.take();
                String::from_utf8_lossy(&text)
                    .trim_end_matches('\n')
                    .to_owned()
            }
            Part::Sum(word) => {
                let text = self.joined(word, io).await;
                let variable = |name: &str| {
                    let value = self.variable(name, io)?;
                    value.trim().parse().ok()
                };
                match sum(&text, &variable) {
                    Some(value) => value.to_string(),
                    None => {
                        io.write_error(format!("sh: arithmetic syntax error: {text}\n"))
                            .await;
                        "0".to_owned()
                    }
                }
            }
        }
    }
}

/// The value of a sum; names are variables, 0 where there is none.
fn sum(text: &str, variable: &dyn Fn(&str) -> Option<i64>) -> Option<i64> {
    let mut reader = Sum {
        rest: text.trim_start(),
        variable,
    };
    let value = reader.level(0)?;
    reader.rest.is_empty().then_some(value)
}

struct Sum<'a> {
    rest: &'a str,
    variable: &'a dyn Fn(&str) -> Option<i64>,
}

/// What binds the least comes first.
const LEVELS: [&[&str]; 6] = [
    &["||"],
    &["&&"],
    &["==", "!="],
    &["<=", ">=", "<", ">"],
    &["+", "-"],
    &["*", "/", "%"],
];

impl Sum<'_> {
    fn take(&mut self, sign: &str) -> bool {
        match self.rest.strip_prefix(sign) {
            Some(rest) => {
                self.rest = rest.trim_start();
                true
            }
            None => false,
        }
    }

    fn level(&mut self, level: usize) -> Option<i64> {
        let Some(signs) = LEVELS.get(level) else {
            return self.value();
        };
        let mut left = self.level(level + 1)?;
        while let Some(sign) = signs.iter().find(|sign| self.take(sign)) {
            let right = self.level(level + 1)?;
            left = match *sign {
                "||" => i64::from(left != 0 || right != 0),
                "&&" => i64::from(left != 0 && right != 0),
                "==" => i64::from(left == right),
                "!=" => i64::from(left != right),
                "<=" => i64::from(left <= right),
                ">=" => i64::from(left >= right),
                "<" => i64::from(left < right),
                ">" => i64::from(left > right),
                "+" => left.checked_add(right)?,
                "-" => left.checked_sub(right)?,
                "*" => left.checked_mul(right)?,
                "/" => left.checked_div(right)?,
                _ => left.checked_rem(right)?,
            };
        }
        Some(left)
    }

    fn value(&mut self) -> Option<i64> {
        if self.take("(") {
            let value = self.level(0)?;
            return self.take(")").then_some(value);
        }
        if self.take("-") {
            return self.value()?.checked_neg();
        }
        if self.take("!") {
            return Some(i64::from(self.value()? == 0));
        }
        let end = self
            .rest
            .find(|one: char| one != '_' && !one.is_ascii_alphanumeric());
        let (word, rest) = self.rest.split_at(end.unwrap_or(self.rest.len()));
        self.rest = rest.trim_start();
        match word.parse() {
            Ok(number) => Some(number),
            Err(_) if super::syntax::is_name(word) => {
                Some((self.variable)(word).unwrap_or_default())
            }
            Err(_) => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sums() {
        let variable = |name: &str| (name == "n").then_some(4);
        for (text, expected) in [
            ("1 + 2 * 3", Some(7)),
            ("(1 + 2) * -n", Some(-12)),
            ("n % 3 == 1 && n < 5", Some(1)),
            ("7 / 0", None),
            ("1 +", None),
            ("unknown + 1", Some(1)),
        ] {
            assert_eq!(sum(text, &variable), expected, "{text}");
        }
    }
}
