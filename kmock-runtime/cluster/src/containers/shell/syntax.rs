//! The parts of a script, and how they are read: as much of the shell command language of POSIX as scripts in manifests
//! usually are. What is not known here is refused by name.

use std::sync::Arc;

/// Commands one after the other.
pub(super) type List = Vec<Clause>;

/// One command of a list.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Clause {
    pub(super) joint: Joint,
    pub(super) node: Construct,
}

/// When a command of a list is run.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Joint {
    /// In any case.
    Always,
    /// If the one before went well: `&&`.
    And,
    /// If it did not: `||`.
    Or,
}

#[derive(Debug, Clone, PartialEq)]
pub(super) enum Construct {
    Simple {
        assignments: Vec<(String, Word)>,
        words: Vec<Word>,
        redirects: Vec<Redirect>,
    },
    For {
        name: String,
        /// `None`: the arguments of the script.
        words: Option<Vec<Word>>,
        body: List,
    },
    While {
        until: bool,
        condition: List,
        body: List,
    },
    If {
        branches: Vec<(List, List)>,
        otherwise: List,
    },
    Group {
        body: List,
        redirects: Vec<Redirect>,
        /// In parentheses: what it sets is forgotten.
        is_apart: bool,
    },
    Not(Box<Construct>),
    Pipe(Vec<Construct>),
    /// `case word in pattern | pattern) …;; esac`.
    Case {
        word: Word,
        branches: Vec<(Vec<Word>, List)>,
    },
    /// `name() { … }`: what it is from then on.
    Function {
        name: String,
        body: Arc<Construct>,
    },
}

/// Where a stream goes to, or comes from.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Redirect {
    /// `> file`, `2>> file`.
    To {
        errors: bool,
        appends: bool,
        file: Word,
    },
    /// `2>&1`.
    ErrorsToOutput,
    /// `>&2`.
    OutputToErrors,
    /// `< file`.
    From(Word),
    /// `<< END`: the lines up to that word.
    Here(Word),
}

pub(super) type Word = Vec<Part>;

/// A part of a word.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Part {
    Text {
        text: String,
        quoted: bool,
    },
    /// `$NAME`, `${NAME:-word}`.
    Variable {
        name: String,
        /// The word that stands for it where it is not set, or (true) empty.
        otherwise: Option<(bool, Word)>,
        quoted: bool,
    },
    /// `${NAME#word}` and its like.
    Changed {
        name: String,
        change: Change,
        word: Word,
        quoted: bool,
    },
    /// `$(command)`.
    Output {
        body: List,
        quoted: bool,
    },
    /// `$((1 + 2))`.
    Sum(Word),
}

/// What is made of the value of a variable.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Change {
    /// `${#A}`: how long it is.
    Length,
    /// `${A:+word}`: the word, if it is set (true: and not empty).
    Instead(bool),
    /// `${A:=word}`: the word becomes its value if it is not set (true: or empty).
    Set(bool),
    /// `${A:?word}`: the script ends if it is not set (true: or empty).
    Demand(bool),
    /// `${A#pattern}`, `${A%%pattern}`: without what the pattern stands for.
    Without { at_end: bool, longest: bool },
    /// `${A/pattern/word}`: the pattern is in the word, before the first slash; true: wherever it is.
    Replace(bool),
}

/// Why a script cannot be read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Fault {
    /// Its end is missing: there may be more to come.
    Incomplete,
    /// Something that is not known here.
    Unknown(String),
}

type Read<T> = Result<T, Fault>;

fn unknown<T>(what: impl Into<String>) -> Read<T> {
    Err(Fault::Unknown(what.into()))
}

/// Reads a whole script.
pub(super) fn read(script: &str) -> Read<List> {
    let mut reader = Reader {
        text: script.chars().collect(),
        at: 0,
        depth: 0,
    };
    let list = reader.list(&[])?;
    match reader.peek() {
        None => Ok(list),
        Some(other) => unknown(format!("a `{other}` that nothing begins")),
    }
}

/// Ends a part of plain text.
fn flush(text: &mut String, word: &mut Word, quoted: bool) {
    if !text.is_empty() {
        let text = std::mem::take(text);
        word.push(Part::Text { text, quoted });
    }
}

/// The end of what is in quotes, of which a word had so many parts before: also nothing in quotes is a text.
fn unquote(text: &mut String, word: &mut Word, before: usize) {
    flush(text, word, true);
    if word.len() == before {
        word.push(Part::Text {
            text: String::new(),
            quoted: true,
        });
    }
}

/// Words with which commands end.
const CLOSING: [&str; 8] = ["then", "else", "elif", "fi", "do", "done", "esac", "}"];

/// How deep a script may go.
const DEEPEST: usize = 64;

struct Reader {
    text: Vec<char>,
    at: usize,
    depth: usize,
}

impl Reader {
    fn peek(&self) -> Option<char> {
        self.text.get(self.at).copied()
    }

    fn next_is(&self, text: &str) -> bool {
        let rest = self.text.get(self.at..).unwrap_or_default();
        text.chars()
            .enumerate()
            .all(|(at, one)| rest.get(at) == Some(&one))
    }

    fn take(&mut self, text: &str) -> bool {
        let is = self.next_is(text);
        if is {
            self.at += text.chars().count();
        }
        is
    }

    /// Over blanks, comments, and lines that go on.
    fn blanks(&mut self) {
        loop {
            match self.peek() {
                Some(' ' | '\t' | '\r') => self.at += 1,
                Some('\\') if self.next_is("\\\n") => self.at += 2,
                Some('#') => {
                    while self.peek().is_some_and(|one| one != '\n') {
                        self.at += 1;
                    }
                }
                _ => return,
            }
        }
    }

    fn blanks_and_lines(&mut self) {
        loop {
            self.blanks();
            if !self.take("\n") {
                return;
            }
        }
    }

    /// A word of the language itself, if one is next.
    fn keyword(&self) -> String {
        let rest = self.text.get(self.at..).unwrap_or_default();
        let end = rest
            .iter()
            .position(|one| one.is_whitespace() || ";&|<>()\"'$`\\".contains(*one));
        rest.iter().take(end.unwrap_or(rest.len())).collect()
    }

    fn expect(&mut self, word: &str) -> Read<()> {
        self.blanks_and_lines();
        if self.keyword() == word {
            self.at += word.chars().count();
            return Ok(());
        }
        match self.peek() {
            None => Err(Fault::Incomplete),
            Some(_) => unknown(format!("`{}` where `{word}` is due", self.keyword())),
        }
    }

    /// Commands up to one of some words, to a `)`, or to the end.
    fn list(&mut self, until: &[&str]) -> Read<List> {
        let mut list = List::new();
        let mut joint = Joint::Always;
        loop {
            self.blanks_and_lines();
            let word = self.keyword();
            let is_over = match self.peek() {
                None => true,
                Some(')') => true,
                Some(';') if self.next_is(";;") => until.contains(&"esac"),
                Some(_) => until.contains(&word.as_str()),
            };
            if is_over {
                if joint != Joint::Always {
                    return Err(Fault::Incomplete);
                }
                if self.peek().is_none() && !until.is_empty() {
                    return Err(Fault::Incomplete);
                }
                return Ok(list);
            }
            if CLOSING.contains(&word.as_str()) {
                return unknown(format!("a `{word}` that nothing begins"));
            }
            let node = self.pipe()?;
            list.push(Clause { joint, node });
            self.blanks();
            joint = if self.take("&&") {
                Joint::And
            } else if self.take("||") {
                Joint::Or
            } else if self.next_is(";;") && until.contains(&"esac") {
                Joint::Always
            } else if self.next_is(";;") {
                return unknown("a `;;` that ends nothing");
            } else if self.next_is("&") {
                return unknown("`&`: commands in the background");
            } else {
                let _ = self.take(";") || self.take("\n");
                Joint::Always
            };
        }
    }

    fn pipe(&mut self) -> Read<Construct> {
        self.blanks();
        if self.keyword() == "!" {
            self.at += 1;
            return Ok(Construct::Not(Box::new(self.pipe()?)));
        }
        let first = self.command()?;
        let mut all = vec![first];
        loop {
            self.blanks();
            if self.next_is("||") || !self.take("|") {
                break;
            }
            self.blanks_and_lines();
            all.push(self.command()?);
        }
        Ok(match all.len() {
            1 => all.remove(0),
            _ => Construct::Pipe(all),
        })
    }

    fn command(&mut self) -> Read<Construct> {
        self.depth += 1;
        if self.depth > DEEPEST {
            return unknown("a script as deep as this");
        }
        let node = self.deeper();
        self.depth -= 1;
        node
    }

    fn deeper(&mut self) -> Read<Construct> {
        self.blanks();
        if self.take("(") {
            let body = self.list(&[])?;
            if !self.take(")") {
                return Err(Fault::Incomplete);
            }
            let redirects = self.redirects()?;
            let is_apart = true;
            return Ok(Construct::Group {
                body,
                redirects,
                is_apart,
            });
        }
        let word = self.keyword();
        if matches!(
            word.as_str(),
            "for" | "while" | "until" | "if" | "{" | "case" | "function"
        ) {
            self.at += word.chars().count();
        }
        match word.as_str() {
            "for" => self.for_each(),
            "while" | "until" => {
                let condition = self.list(&["do"])?;
                let body = self.body()?;
                let until = word == "until";
                self.redirected(Construct::While {
                    until,
                    condition,
                    body,
                })
            }
            "if" => self.conditional(),
            "{" => {
                let body = self.list(&["}"])?;
                self.expect("}")?;
                let redirects = self.redirects()?;
                let is_apart = false;
                Ok(Construct::Group {
                    body,
                    redirects,
                    is_apart,
                })
            }
            "case" => self.case(),
            "function" => {
                self.blanks();
                let name = self.keyword();
                self.at += name.chars().count();
                self.blanks();
                if self.take("(") {
                    self.blanks();
                    if !self.take(")") {
                        return unknown(format!("`function {name}(`"));
                    }
                }
                self.function(name)
            }
            "select" => unknown(format!("`{word}`")),
            _ => self.simple(),
        }
    }

    fn case(&mut self) -> Read<Construct> {
        self.blanks();
        let Some(word) = self.word()? else {
            return Err(Fault::Incomplete);
        };
        self.expect("in")?;
        let mut branches = Vec::new();
        loop {
            self.blanks_and_lines();
            if self.keyword() == "esac" {
                self.at += 4;
                break;
            }
            let _ = self.take("(");
            let mut patterns = Vec::new();
            loop {
                self.blanks();
                match self.word()? {
                    Some(pattern) => patterns.push(pattern),
                    None => break,
                }
                self.blanks();
                if !self.take("|") {
                    break;
                }
            }
            if !self.take(")") {
                return match self.peek() {
                    None => Err(Fault::Incomplete),
                    Some(other) => unknown(format!("`{other}` in a pattern of `case`")),
                };
            }
            branches.push((patterns, self.list(&["esac"])?));
            let _ = self.take(";;");
        }
        self.redirected(Construct::Case { word, branches })
    }

    /// The body of a function.
    fn function(&mut self, name: String) -> Read<Construct> {
        if !is_name(&name.replace('-', "_")) {
            return unknown(format!("a function of the name `{name}`"));
        }
        self.blanks_and_lines();
        if self.peek().is_none() {
            return Err(Fault::Incomplete);
        }
        let body = Arc::new(self.command()?);
        Ok(Construct::Function { name, body })
    }

    /// The lines of a here-document: they are taken out of the text, as if they were not there.
    fn here(&mut self) -> Read<Redirect> {
        let strips = self.take("-");
        self.blanks();
        let Some(end) = self.word()? else {
            return Err(Fault::Incomplete);
        };
        let is_plain = end
            .iter()
            .any(|part| matches!(part, Part::Text { quoted: true, .. }));
        let Some(end) = literal(&end) else {
            return unknown("a here-document with such an end");
        };
        let rest = self.text.get(self.at..).unwrap_or_default();
        let line = rest.iter().position(|one| *one == '\n');
        let begin = self.at + line.ok_or(Fault::Incomplete)? + 1;
        let (mut at, mut body) = (begin, String::new());
        loop {
            let rest = self.text.get(at..).unwrap_or_default();
            if rest.is_empty() {
                return Err(Fault::Incomplete);
            }
            let line: String = rest.iter().take_while(|one| **one != '\n').collect();
            at = (at + line.chars().count() + 1).min(self.text.len());
            let line = if strips {
                line.trim_start_matches('\t')
            } else {
                &line
            };
            if line == end {
                break;
            }
            body.push_str(line);
            body.push('\n');
        }
        self.text.drain(begin..at);
        if is_plain {
            return Ok(Redirect::Here(vec![Part::Text {
                text: body,
                quoted: true,
            }]));
        }
        // What stands for something in quotes does so here; quotes themselves are only themselves.
        let quoted = format!("\"{}\"", body.replace('"', "\\\""));
        let mut inner = Reader {
            text: quoted.chars().collect(),
            at: 0,
            depth: self.depth,
        };
        Ok(Redirect::Here(inner.word()?.unwrap_or_default()))
    }

    /// What follows the end of a loop or a condition.
    fn redirected(&mut self, node: Construct) -> Read<Construct> {
        let redirects = self.redirects()?;
        if redirects.is_empty() {
            return Ok(node);
        }
        let joint = Joint::Always;
        let body = vec![Clause { joint, node }];
        let is_apart = false;
        Ok(Construct::Group {
            body,
            redirects,
            is_apart,
        })
    }

    fn body(&mut self) -> Read<List> {
        self.expect("do")?;
        let body = self.list(&["done"])?;
        self.expect("done")?;
        Ok(body)
    }

    fn for_each(&mut self) -> Read<Construct> {
        self.blanks();
        let name = self.keyword();
        if !is_name(&name) {
            return match self.peek() {
                None => Err(Fault::Incomplete),
                Some(_) => unknown(format!("`for {name}`")),
            };
        }
        self.at += name.chars().count();
        self.blanks_and_lines();
        let mut words = None;
        if self.keyword() == "in" {
            self.at += 2;
            let mut all = Vec::new();
            loop {
                self.blanks();
                match self.word()? {
                    Some(word) => all.push(word),
                    None => break,
                }
            }
            words = Some(all);
        }
        self.blanks();
        let _ = self.take(";");
        let body = self.body()?;
        self.redirected(Construct::For { name, words, body })
    }

    fn conditional(&mut self) -> Read<Construct> {
        let mut branches = Vec::new();
        let mut otherwise = List::new();
        loop {
            let condition = self.list(&["then"])?;
            self.expect("then")?;
            let body = self.list(&["elif", "else", "fi"])?;
            branches.push((condition, body));
            let word = self.keyword();
            self.at += word.chars().count();
            match word.as_str() {
                "elif" => {}
                "else" => {
                    otherwise = self.list(&["fi"])?;
                    self.expect("fi")?;
                    break;
                }
                _ => break,
            }
        }
        self.redirected(Construct::If {
            branches,
            otherwise,
        })
    }

    fn simple(&mut self) -> Read<Construct> {
        let (mut assignments, mut words, mut redirects) = (Vec::new(), Vec::new(), Vec::new());
        loop {
            self.blanks();
            if let Some(redirect) = self.redirect()? {
                redirects.push(redirect);
                continue;
            }
            let begin = self.at;
            let name: String = self.keyword();
            if words.is_empty()
                && let Some((name, _)) = name.split_once('=')
                && is_name(name)
            {
                self.at = begin + name.chars().count() + 1;
                let value = self.word()?.unwrap_or_default();
                assignments.push((name.to_owned(), value));
                continue;
            }
            match self.word()? {
                Some(word) => words.push(word),
                None => break,
            }
        }
        if self.next_is("(") {
            let name = words.first().and_then(literal).filter(|_| words.len() == 1);
            self.at += 1;
            self.blanks();
            return match name.filter(|_| self.take(")")) {
                Some(name) => self.function(name),
                None => unknown("such a `(`"),
            };
        }
        if assignments.is_empty() && words.is_empty() && redirects.is_empty() {
            return match self.peek() {
                None => Err(Fault::Incomplete),
                Some(other) => unknown(format!("`{other}` where a command is due")),
            };
        }
        Ok(Construct::Simple {
            assignments,
            words,
            redirects,
        })
    }

    fn redirects(&mut self) -> Read<Vec<Redirect>> {
        let mut all = Vec::new();
        loop {
            self.blanks();
            match self.redirect()? {
                Some(redirect) => all.push(redirect),
                None => return Ok(all),
            }
        }
    }

    fn redirect(&mut self) -> Read<Option<Redirect>> {
        let begin = self.at;
        let number = self.peek().filter(char::is_ascii_digit);
        if number.is_some() {
            self.at += 1;
        }
        if !matches!(self.peek(), Some('<' | '>')) {
            self.at = begin;
            return Ok(None);
        }
        if self.next_is("<<<") {
            return unknown("`<<<`");
        }
        if self.take("<<") {
            return Ok(Some(self.here()?));
        }
        let errors = match number {
            None | Some('0' | '1') => false,
            Some('2') => true,
            Some(other) => return unknown(format!("the stream {other}")),
        };
        if self.take(">&") {
            let to = self.peek();
            self.at += 1;
            return match (errors, to) {
                (true, Some('1')) => Ok(Some(Redirect::ErrorsToOutput)),
                (false, Some('2')) => Ok(Some(Redirect::OutputToErrors)),
                (false, Some('1')) | (true, Some('2')) => self.redirect(),
                _ => unknown("such a `>&`"),
            };
        }
        let reads = self.take("<");
        let appends = !reads && self.take(">>");
        if !reads && !appends {
            let _ = self.take(">|") || self.take(">");
        }
        self.blanks();
        let Some(file) = self.word()? else {
            return Err(Fault::Incomplete);
        };
        Ok(Some(if reads {
            Redirect::From(file)
        } else {
            Redirect::To {
                errors,
                appends,
                file,
            }
        }))
    }

    /// The next word; `None`: an operator or the end is next.
    fn word(&mut self) -> Read<Option<Word>> {
        let mut word = Word::new();
        let mut is_there = false;
        let mut text = String::new();
        while let Some(one) = self.peek() {
            match one {
                ' ' | '\t' | '\r' | '\n' | ';' | '&' | '|' | '<' | '>' | '(' | ')' => break,
                '\'' => {
                    flush(&mut text, &mut word, false);
                    let before = word.len();
                    self.at += 1;
                    loop {
                        match self.peek() {
                            None => return Err(Fault::Incomplete),
                            Some('\'') => break,
                            Some(one) => text.push(one),
                        }
                        self.at += 1;
                    }
                    self.at += 1;
                    is_there = true;
                    unquote(&mut text, &mut word, before);
                }
                '"' => {
                    flush(&mut text, &mut word, false);
                    let before = word.len();
                    self.at += 1;
                    is_there = true;
                    loop {
                        match self.peek() {
                            None => return Err(Fault::Incomplete),
                            Some('"') => break,
                            Some('\\') => {
                                self.at += 1;
                                match self.peek() {
                                    Some('\n') => {}
                                    Some(one @ ('"' | '\\' | '$' | '`')) => text.push(one),
                                    Some(one) => text.extend(['\\', one]),
                                    None => return Err(Fault::Incomplete),
                                }
                                self.at += 1;
                            }
                            Some('$' | '`') => {
                                flush(&mut text, &mut word, true);
                                self.dollar(&mut word, &mut text, true)?;
                            }
                            Some(one) => {
                                text.push(one);
                                self.at += 1;
                            }
                        }
                    }
                    self.at += 1;
                    unquote(&mut text, &mut word, before);
                }
                '\\' => {
                    self.at += 1;
                    match self.peek() {
                        None => return Err(Fault::Incomplete),
                        Some('\n') => {}
                        Some(one) => {
                            flush(&mut text, &mut word, false);
                            text.push(one);
                            flush(&mut text, &mut word, true);
                            is_there = true;
                        }
                    }
                    self.at += 1;
                }
                '$' | '`' => {
                    flush(&mut text, &mut word, false);
                    self.dollar(&mut word, &mut text, false)?;
                    is_there = true;
                }
                one => {
                    text.push(one);
                    self.at += 1;
                }
            }
        }
        flush(&mut text, &mut word, false);
        Ok((is_there || !word.is_empty()).then_some(word))
    }

    /// The name of a variable: a character that is one alone, or a word.
    fn name(&mut self, is_alone: impl Fn(char) -> bool) -> String {
        if let Some(one) = self.peek().filter(|one| is_alone(*one)) {
            self.at += 1;
            return one.to_string();
        }
        let mut name = String::new();
        while let Some(one) = self.peek().filter(|one| is_of_name(*one)) {
            name.push(one);
            self.at += 1;
        }
        name
    }

    /// What stands between `${` and `}`.
    fn braced(&mut self, quoted: bool) -> Read<Part> {
        let is_length = self.next_is("#") && !self.next_is("#}") && self.take("#");
        let name = self.name(|one| "?#@*!".contains(one));
        if name.is_empty() {
            return unknown("such a `${`");
        }
        if is_length {
            return match self.take("}") {
                true => Ok(Part::Changed {
                    name,
                    change: Change::Length,
                    word: Word::new(),
                    quoted,
                }),
                false => unknown(format!("such a `${{#{name}`")),
            };
        }
        if self.take("}") {
            let otherwise = None;
            return Ok(Part::Variable {
                name,
                otherwise,
                quoted,
            });
        }
        let also_empty = self.take(":");
        let Some(sign) = self.peek() else {
            return Err(Fault::Incomplete);
        };
        self.at += 1;
        let twice = matches!(sign, '#' | '%' | '/') && self.peek() == Some(sign);
        if twice {
            self.at += 1;
        }
        let change = match sign {
            '-' => None,
            '+' => Some(Change::Instead(also_empty)),
            '=' => Some(Change::Set(also_empty)),
            '?' => Some(Change::Demand(also_empty)),
            '#' | '%' if !also_empty => Some(Change::Without {
                at_end: sign == '%',
                longest: twice,
            }),
            '/' if !also_empty => Some(Change::Replace(twice)),
            _ => return unknown(format!("`${{{name}` with such a change")),
        };
        // Patterns are patterns also between the quotes of a word.
        let is_pattern = matches!(change, Some(Change::Without { .. } | Change::Replace(_)));
        let word = self.until_brace(quoted && !is_pattern)?;
        Ok(match change {
            None => Part::Variable {
                name,
                otherwise: Some((also_empty, word)),
                quoted,
            },
            Some(change) => Part::Changed {
                name,
                change,
                word,
                quoted,
            },
        })
    }

    /// A word up to the `}` that ends it.
    fn until_brace(&mut self, quoted: bool) -> Read<Word> {
        let mut value = Word::new();
        let mut plain = String::new();
        let mut mark = None;
        loop {
            match self.peek() {
                None => return Err(Fault::Incomplete),
                Some('}') if mark.is_none() => break,
                Some(one @ ('"' | '\'')) if mark.is_none_or(|mark| mark == one) => {
                    flush(&mut plain, &mut value, quoted || mark.is_some());
                    mark = if mark.is_some() { None } else { Some(one) };
                    self.at += 1;
                }
                Some('\\') if mark != Some('\'') => {
                    flush(&mut plain, &mut value, quoted || mark.is_some());
                    self.at += 1;
                    plain.extend(self.peek());
                    self.at += 1;
                    flush(&mut plain, &mut value, true);
                }
                Some('$' | '`') if mark != Some('\'') => {
                    flush(&mut plain, &mut value, quoted || mark.is_some());
                    self.dollar(&mut value, &mut plain, quoted || mark.is_some())?;
                }
                Some(one) => {
                    plain.push(one);
                    self.at += 1;
                }
            }
        }
        flush(&mut plain, &mut value, quoted);
        self.at += 1;
        Ok(value)
    }

    /// What a `$` or a backquote begins.
    fn dollar(&mut self, word: &mut Word, text: &mut String, quoted: bool) -> Read<()> {
        if self.take("`") {
            let mut inner = String::new();
            loop {
                match self.peek() {
                    None => return Err(Fault::Incomplete),
                    Some('`') => break,
                    Some(one) => inner.push(one),
                }
                self.at += 1;
            }
            self.at += 1;
            let body = read(&inner)?;
            word.push(Part::Output { body, quoted });
            return Ok(());
        }
        self.at += 1;
        if self.take("((") {
            let mut sum = Word::new();
            let mut plain = String::new();
            let mut open = 0;
            loop {
                match self.peek() {
                    None => return Err(Fault::Incomplete),
                    Some(')') if open == 0 && self.next_is("))") => break,
                    Some('$') => {
                        if !plain.is_empty() {
                            let text = std::mem::take(&mut plain);
                            sum.push(Part::Text { text, quoted: true });
                        }
                        self.dollar(&mut sum, &mut plain, true)?;
                        continue;
                    }
                    Some(one) => {
                        open += match one {
                            '(' => 1,
                            ')' => -1,
                            _ => 0,
                        };
                        plain.push(one);
                    }
                }
                self.at += 1;
            }
            self.at += 2;
            if !plain.is_empty() {
                let (text, quoted) = (plain, true);
                sum.push(Part::Text { text, quoted });
            }
            word.push(Part::Sum(sum));
            return Ok(());
        }
        if self.take("(") {
            self.depth += 1;
            if self.depth > DEEPEST {
                return unknown("a script as deep as this");
            }
            let body = self.list(&[])?;
            self.depth -= 1;
            if !self.take(")") {
                return Err(Fault::Incomplete);
            }
            word.push(Part::Output { body, quoted });
            return Ok(());
        }
        if self.take("{") {
            let part = self.braced(quoted)?;
            word.push(part);
            return Ok(());
        }
        let name = self.name(|one| one.is_ascii_digit() || "?#@*$!".contains(one));
        if name.is_empty() {
            text.push('$');
            return Ok(());
        }
        let otherwise = None;
        word.push(Part::Variable {
            name,
            otherwise,
            quoted,
        });
        Ok(())
    }
}

fn is_of_name(one: char) -> bool {
    one == '_' || one.is_ascii_alphanumeric()
}

pub(super) fn is_name(text: &str) -> bool {
    text.chars().all(is_of_name) && text.chars().next().is_some_and(|one| !one.is_ascii_digit())
}

/// The text of a word that says nothing but itself.
pub(super) fn literal(word: &Word) -> Option<String> {
    word.iter()
        .map(|part| match part {
            Part::Text { text, .. } => Some(text.as_str()),
            _ => None,
        })
        .collect()
}

/// Calls for each command of a list, however deep, with the words that it has.
pub(super) fn each_command(list: &List, call: &mut impl FnMut(&[Word])) {
    fn in_word(word: &Word, call: &mut impl FnMut(&[Word])) {
        for part in word {
            match part {
                Part::Output { body, .. } => each_command(body, call),
                Part::Variable {
                    otherwise: Some((_, word)),
                    ..
                }
                | Part::Changed { word, .. }
                | Part::Sum(word) => in_word(word, call),
                _ => {}
            }
        }
    }
    fn in_construct(node: &Construct, call: &mut impl FnMut(&[Word])) {
        match node {
            Construct::Simple {
                assignments, words, ..
            } => {
                for (_, word) in assignments {
                    in_word(word, call);
                }
                for word in words {
                    in_word(word, call);
                }
                if !words.is_empty() {
                    call(words);
                }
            }
            Construct::For { words, body, .. } => {
                for word in words.iter().flatten() {
                    in_word(word, call);
                }
                each_command(body, call);
            }
            Construct::While {
                condition, body, ..
            } => {
                each_command(condition, call);
                each_command(body, call);
            }
            Construct::If {
                branches,
                otherwise,
            } => {
                for (condition, body) in branches {
                    each_command(condition, call);
                    each_command(body, call);
                }
                each_command(otherwise, call);
            }
            Construct::Group { body, .. } => each_command(body, call),
            Construct::Case { word, branches } => {
                in_word(word, call);
                for (_, body) in branches {
                    each_command(body, call);
                }
            }
            Construct::Function { body, .. } => in_construct(body, call),
            Construct::Not(node) => in_construct(node, call),
            Construct::Pipe(nodes) => {
                for node in nodes {
                    in_construct(node, call);
                }
            }
        }
    }
    for step in list {
        in_construct(&step.node, call);
    }
}

/// The names of the functions of a list, wherever they are.
pub(super) fn functions(list: &List) -> Vec<String> {
    fn in_construct(node: &Construct, all: &mut Vec<String>) {
        match node {
            Construct::Function { name, body } => {
                all.push(name.clone());
                in_construct(body, all);
            }
            Construct::For { body, .. }
            | Construct::Group { body, .. }
            | Construct::While { body, .. } => all.extend(functions(body)),
            Construct::If {
                branches,
                otherwise,
            } => {
                all.extend(branches.iter().flat_map(|(_, body)| functions(body)));
                all.extend(functions(otherwise));
            }
            Construct::Case { branches, .. } => {
                all.extend(branches.iter().flat_map(|(_, body)| functions(body)));
            }
            _ => {}
        }
    }
    let mut all = Vec::new();
    for step in list {
        in_construct(&step.node, &mut all);
    }
    all
}

/// Whether a list has a loop whose condition always holds.
pub(super) fn is_endless(list: &List) -> bool {
    list.iter().any(|step| match &step.node {
        Construct::While {
            until,
            condition,
            body,
        } => {
            let first = condition.first().map(|step| &step.node);
            let word = match first {
                Some(Construct::Simple { words, .. }) => words.first().and_then(literal),
                _ => None,
            };
            let always = if *until {
                &["false"][..]
            } else {
                &["true", ":"]
            };
            word.is_some_and(|word| always.contains(&word.as_str())) || is_endless(body)
        }
        Construct::For { body, .. } | Construct::Group { body, .. } => is_endless(body),
        Construct::If {
            branches,
            otherwise,
        } => branches.iter().any(|(_, body)| is_endless(body)) || is_endless(otherwise),
        Construct::Pipe(nodes) => nodes.iter().any(|node| {
            let joint = Joint::Always;
            let node = node.clone();
            is_endless(&vec![Clause { joint, node }])
        }),
        Construct::Case { branches, .. } => branches.iter().any(|(_, body)| is_endless(body)),
        Construct::Function { body, .. } => {
            let joint = Joint::Always;
            let node = (**body).clone();
            is_endless(&vec![Clause { joint, node }])
        }
        _ => false,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn scripts_are_read_or_refused_by_name() {
        for script in [
            "true",
            "for i in $(seq 1 5); do echo kube $i; sleep 0.1; done",
            "set -e\n# a comment\nif [ -f /a ]; then\n  echo \"a: ${A:-none}\" > /dev/null 2>&1\nelif false; then :\nelse exit 3; fi",
            "while true; do date; sleep 5; done",
            "(echo a; echo b) | wc -l && ! false || echo 'no; \"way\"'",
            "X=$((1 + ${N:-2})) Y=a\\ b; echo $X$Y `echo c`",
            "f() { echo \"$1\"; }\nfunction g { f a; }\ng; case $1 in a|b*) f 1;; (*) f 2 ;; esac",
            "cat <<EOF > /a\n$X \"b\"\nEOF\ncat <<-'END'\n\t$X\n\tEND\necho ${A%x} ${#A} ${A##*/} ${A:+b} ${A/x/y}",
        ] {
            read(script).unwrap_or_else(|fault| panic!("{script}: {fault:?}"));
        }
        for script in [
            "for i in 1 2; do echo",
            "echo 'a",
            "if true; then",
            "echo $(",
            "a &&",
            "case a in a) echo",
            "f() {",
            "cat <<EOF\na",
            "echo ${A#",
        ] {
            assert_eq!(read(script), Err(Fault::Incomplete), "{script}");
        }
        for (script, what) in [
            ("sleep 1 & wait", "`&`: commands in the background"),
            ("cat <<<a", "`<<<`"),
            ("echo ${A:1}", "`${A` with such a change"),
            ("echo a ;; b", "a `;;` that ends nothing"),
            ("done", "a `done` that nothing begins"),
            ("echo a )", "a `)` that nothing begins"),
        ] {
            assert_eq!(
                read(script),
                Err(Fault::Unknown(what.to_owned())),
                "{script}"
            );
        }
    }

    #[test]
    fn loops_without_an_end_are_seen() {
        for (script, expected) in [
            ("while true; do sleep 1; done", true),
            ("echo a; until false; do sleep 1; done", true),
            ("for i in 1 2; do sleep 1; done", false),
            ("while [ $i -lt 3 ]; do sleep 1; done", false),
        ] {
            assert_eq!(
                read(script).map(|list| is_endless(&list)),
                Ok(expected),
                "{script}"
            );
        }
    }
}
