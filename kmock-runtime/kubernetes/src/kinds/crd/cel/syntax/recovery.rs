//! What is said of mistakes, and how parsing goes on behind them.
//!
//! The server's parser is made by ANTLR, and its messages are those of ANTLR's default strategy: it knows at every place
//! which tokens can come. A token too many is skipped, a missing one is made up, and otherwise the rule at hand is left and
//! all is skipped up to what can follow one of the rules that are being read. While that goes on nothing more is told.
//! The names are those of `DefaultErrorStrategy` (antlr4-go) where they have one.

use std::ops::Range;

use super::Fault;
use super::lexer::Tokens;
use super::token::{Kind, Set, Token};

/// So many times parsing is taken up again.
const MOST_ATTEMPTS: usize = 30;

/// Why a rule is left.
#[derive(Debug)]
pub(super) enum Thrown {
    /// The token at hand cannot come here.
    Mismatch { expected: Set, place: u32 },
    /// No alternative begins with the tokens from here to there.
    NoViable { from: usize, to: usize, place: u32 },
    /// Nothing is tried any more.
    Abort,
}

/// The tokens of a text and where the parser is in them.
#[derive(Debug)]
pub(super) struct Recovery<'s> {
    pub(super) source: &'s str,
    tokens: Vec<Token>,
    gaps: Vec<Range<usize>>,
    at: usize,
    pub(super) faults: Vec<Fault>,
    /// What can come behind each of the rules that are being read, in the rule that asked for it.
    frames: Vec<Set>,
    recovering: bool,
    /// Where parsing was last taken up, and from which places.
    last: Option<(usize, Vec<u32>)>,
    attempts: usize,
}

impl<'s> Recovery<'s> {
    pub(super) fn new(source: &'s str, tokens: Tokens) -> Self {
        Recovery {
            source,
            tokens: tokens.tokens,
            gaps: tokens.gaps,
            at: 0,
            faults: tokens.faults,
            frames: Vec::new(),
            recovering: false,
            last: None,
            attempts: 0,
        }
    }

    /// The token so many places ahead, 0 for the one at hand.
    pub(super) fn ahead(&self, by: usize) -> Token {
        let last = self.tokens.len().saturating_sub(1);
        let end = Token {
            kind: Kind::End,
            start: self.source.len(),
            end: self.source.len(),
        };
        self.tokens
            .get((self.at + by).min(last))
            .copied()
            .unwrap_or(end)
    }

    pub(super) fn kind(&self) -> Kind {
        self.ahead(0).kind
    }

    pub(super) fn text(&self, token: Token) -> &'s str {
        self.source.get(token.start..token.end).unwrap_or_default()
    }

    /// The text between two offsets, without what is no token.
    fn between(&self, start: usize, end: usize) -> String {
        let gaps = || {
            self.gaps
                .iter()
                .filter(|gap| gap.start < end && gap.end > start)
        };
        let starts = std::iter::once(start).chain(gaps().map(|gap| gap.end));
        let ends = gaps().map(|gap| gap.start).chain(std::iter::once(end));
        let parts = starts.zip(ends);
        parts
            .filter_map(|(from, to)| self.source.get(from..to))
            .collect()
    }

    fn consume(&mut self) {
        if self.kind() != Kind::End {
            self.at += 1;
        }
    }

    /// Reads a rule behind which `follow` can come; a mistake in it ends there. `None`: it was left.
    pub(super) fn rule<T>(
        parser: &mut T,
        follow: Set,
        read: impl FnOnce(&mut T) -> Result<super::Expr, Thrown>,
    ) -> Result<Option<super::Expr>, Thrown>
    where
        T: AsMut<Recovery<'s>>,
    {
        parser.as_mut().frames.push(follow);
        let result = match read(parser) {
            Ok(expr) => Ok(Some(expr)),
            Err(Thrown::Abort) => Err(Thrown::Abort),
            Err(thrown) => parser.as_mut().leave(&thrown).map(|()| None),
        };
        parser.as_mut().frames.pop();
        result
    }

    /// All that can come here, whoever asked for the rule.
    fn expected(&self, here: Set) -> Set {
        let mut all = here;
        for frame in self.frames.iter().rev() {
            if !all.may_end() {
                break;
            }
            all = all.without_end().or(*frame);
        }
        all.without_end()
    }

    fn recovery_set(&self) -> Set {
        let all = self
            .frames
            .iter()
            .fold(Set::of(&[]), |all, frame| all.or(*frame));
        all.without_end()
    }

    fn consume_until(&mut self, set: Set) {
        while self.kind() != Kind::End && !set.has(self.kind()) {
            self.consume();
        }
    }

    fn tell(&mut self, at: usize, message: &str) {
        self.faults.push(Fault {
            at,
            message: format!("Syntax error: {message}"),
        });
    }

    fn displayed(&self) -> String {
        match self.ahead(0) {
            token if token.kind == Kind::End => "'<EOF>'".into(),
            token => format!("'{}'", escaped(self.text(token))),
        }
    }

    fn report(&mut self, thrown: &Thrown) {
        if self.recovering {
            return;
        }
        self.recovering = true;
        let (at, message) = match thrown {
            Thrown::Mismatch { expected, .. } => (
                self.ahead(0).start,
                format!("mismatched input {} expecting {expected}", self.displayed()),
            ),
            Thrown::NoViable { from, to, .. } => {
                let token =
                    |index: &usize| self.tokens.get(*index).copied().unwrap_or(self.ahead(0));
                let (from, to) = (token(from), token(to));
                let input = match from.kind {
                    Kind::End => "<EOF>".into(),
                    _ => escaped(&self.between(from.start, to.end)),
                };
                // A field that is named like a literal is told in other words.
                let keyword = [".true", ".false", ".null"].contains(&input.as_str());
                let message = match input.strip_prefix('.') {
                    Some(word) if keyword => {
                        format!("mismatched input '{word}' expecting IDENTIFIER")
                    }
                    _ => format!("no viable alternative at input '{input}'"),
                };
                (to.start, message)
            }
            Thrown::Abort => return,
        };
        self.tell(at, &message);
    }

    /// Tells why the rule at hand is left, and skips what can not follow it.
    pub(super) fn leave(&mut self, thrown: &Thrown) -> Result<(), Thrown> {
        if matches!(thrown, Thrown::Abort) {
            return Err(Thrown::Abort);
        }
        self.report(thrown);
        self.recover(thrown)
    }

    fn attempt(&mut self) -> Result<(), Thrown> {
        if self.attempts == MOST_ATTEMPTS {
            let message = format!("error recovery attempt limit exceeded: {MOST_ATTEMPTS}");
            self.tell(self.ahead(0).start, &message);
            return Err(Thrown::Abort);
        }
        self.attempts += 1;
        Ok(())
    }

    fn recover(&mut self, thrown: &Thrown) -> Result<(), Thrown> {
        self.attempt()?;
        let (Thrown::Mismatch { place, .. } | Thrown::NoViable { place, .. }) = thrown else {
            return Ok(());
        };
        let mut places = match self.last.take() {
            Some((at, places)) if at == self.at && places.contains(place) => {
                // Nothing was skipped since the last time: at least one token must be.
                self.consume();
                places
            }
            Some((_, places)) => places,
            None => Vec::new(),
        };
        places.push(*place);
        self.last = Some((self.at, places));
        self.consume_until(self.recovery_set());
        Ok(())
    }

    fn unwanted(&mut self, here: Set) {
        if self.recovering {
            return;
        }
        self.recovering = true;
        let message = format!(
            "extraneous input {} expecting {}",
            self.displayed(),
            self.expected(here)
        );
        self.tell(self.ahead(0).start, &message);
    }

    fn matched(&mut self) {
        self.recovering = false;
        self.last = None;
    }

    /// Skips the token at hand if the next one can come here.
    fn delete(&mut self, here: Set) -> bool {
        let is_one_too_many = self.expected(here).has(self.ahead(1).kind);
        if is_one_too_many {
            self.unwanted(here);
            self.consume();
            self.matched();
        }
        is_one_too_many
    }

    /// Looks whether what comes can begin what is read next; `here` is all that can.
    pub(super) fn sync(&mut self, here: Set, place: u32) -> Result<(), Thrown> {
        if self.recovering || here.may_end() || here.has(self.kind()) || self.delete(here) {
            return Ok(());
        }
        Err(Thrown::Mismatch {
            expected: self.expected(here),
            place,
        })
    }

    /// The same behind a turn of a loop.
    pub(super) fn sync_loop(&mut self, here: Set) {
        if self.recovering || here.may_end() || here.has(self.kind()) {
            return;
        }
        self.unwanted(here);
        let either = self.expected(here).or(self.recovery_set());
        self.consume_until(either);
    }

    /// Takes a token of that kind; `after` is what can come behind it. `None`: it was missing, and is made up.
    pub(super) fn take(
        &mut self,
        kind: Kind,
        after: Set,
        place: u32,
    ) -> Result<Option<Token>, Thrown> {
        let here = Set::of(&[kind]);
        if self.kind() != kind {
            self.attempt()?;
            if !self.delete(here) {
                if !self.expected(after).has(self.kind()) {
                    return Err(Thrown::Mismatch {
                        expected: self.expected(here),
                        place,
                    });
                }
                if !self.recovering {
                    self.recovering = true;
                    let message = format!("missing {here} at {}", self.displayed());
                    self.tell(self.ahead(0).start, &message);
                }
                return Ok(None);
            }
        }
        let token = self.ahead(0);
        self.matched();
        self.consume();
        Ok(Some(token))
    }

    /// None of the alternatives begins with the next so many tokens.
    pub(super) fn no_viable(&self, tokens: usize, place: u32) -> Thrown {
        Thrown::NoViable {
            from: self.at,
            to: self.at + tokens - 1,
            place,
        }
    }
}

/// White space that would break a message's line.
pub(super) fn escaped(text: &str) -> String {
    text.replace('\t', "\\t")
        .replace('\n', "\\n")
        .replace('\r', "\\r")
}
