//! The parts of a script, and how they are read: as much of the shell command language of POSIX as scripts in manifests
//! usually are. What is not known here is refused by name.

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
    /// `$(command)`.
    Output {
        body: List,
        quoted: bool,
    },
    /// `$((1 + 2))`.
    Sum(Word),
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
            } else if self.next_is(";;") {
                return unknown("`;;`");
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
        if matches!(word.as_str(), "for" | "while" | "until" | "if" | "{") {
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
            "case" | "function" | "select" => unknown(format!("`{word}`")),
            _ => self.simple(),
        }
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
            return unknown("functions");
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
        if self.next_is("<<") {
            return unknown("`<<`: here-documents");
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
                    flush(&mut text, &mut word, true);
                }
                '"' => {
                    flush(&mut text, &mut word, false);
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
                    flush(&mut text, &mut word, true);
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
            let mut name = String::new();
            while let Some(one) = self
                .peek()
                .filter(|one| is_of_name(*one) || "?#@*".contains(*one))
            {
                name.push(one);
                self.at += 1;
            }
            if name.is_empty() {
                return unknown("such a `${`");
            }
            let otherwise = if self.next_is("}") {
                None
            } else {
                let also_empty = self.take(":");
                if !self.take("-") {
                    return match self.peek() {
                        None => Err(Fault::Incomplete),
                        Some(_) => unknown(format!("${{{name}…}} with more than a default")),
                    };
                }
                let mut value = Word::new();
                let mut plain = String::new();
                loop {
                    match self.peek() {
                        None => return Err(Fault::Incomplete),
                        Some('}') => break,
                        Some('"' | '\'') => self.at += 1,
                        Some('$' | '`') => {
                            if !plain.is_empty() {
                                let text = std::mem::take(&mut plain);
                                value.push(Part::Text { text, quoted });
                            }
                            self.dollar(&mut value, &mut plain, quoted)?;
                        }
                        Some(one) => {
                            plain.push(one);
                            self.at += 1;
                        }
                    }
                }
                if !plain.is_empty() {
                    value.push(Part::Text {
                        text: plain,
                        quoted,
                    });
                }
                Some((also_empty, value))
            };
            if !self.take("}") {
                return Err(Fault::Incomplete);
            }
            word.push(Part::Variable {
                name,
                otherwise,
                quoted,
            });
            return Ok(());
        }
        let mut name = String::new();
        match self.peek() {
            Some(one) if one.is_ascii_digit() || "?#@*$!".contains(one) => {
                name.push(one);
                self.at += 1;
            }
            _ => {
                while let Some(one) = self.peek().filter(|one| is_of_name(*one)) {
                    name.push(one);
                    self.at += 1;
                }
            }
        }
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
        ] {
            read(script).unwrap_or_else(|fault| panic!("{script}: {fault:?}"));
        }
        for script in [
            "for i in 1 2; do echo",
            "echo 'a",
            "if true; then",
            "echo $(",
            "a &&",
        ] {
            assert_eq!(read(script), Err(Fault::Incomplete), "{script}");
        }
        for (script, what) in [
            ("sleep 1 & wait", "`&`: commands in the background"),
            ("case $1 in a) ;; esac", "`case`"),
            ("f() { echo; }", "functions"),
            ("cat <<EOF\na\nEOF", "`<<`: here-documents"),
            ("echo ${A%x}", "${A…} with more than a default"),
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
