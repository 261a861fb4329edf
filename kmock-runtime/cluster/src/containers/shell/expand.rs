//! What words stand for: variables, the output of commands, sums.

use futures::future::BoxFuture;

use super::super::io::{Io, Sink};
use super::run::Shell;
use super::syntax::{Part, Word};

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
                Part::Variable { quoted, .. } | Part::Output { quoted, .. } => {
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
