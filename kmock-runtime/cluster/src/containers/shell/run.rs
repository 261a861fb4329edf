//! What scripts do.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use futures::future::BoxFuture;
use tokio::sync::watch;

use super::super::io::{Io, Sink};
use super::super::plain::plain;
use crate::seed;

use super::syntax::{self, Construct, Joint, List, Redirect, Word};

/// What only a shell itself can do.
pub(super) const BUILTINS: [&str; 16] = [
    ":", "break", "cd", "continue", "eval", "exec", "exit", "export", "local", "read", "readonly",
    "return", "set", "shift", "trap", "unset",
];

/// How deep functions may call each other.
const DEEPEST: usize = 32;

/// So many turns of a loop without a rest; then time goes on a little, so that a clock that is told to moves.
const RESTLESS: usize = 1000;

/// What a shell knows while it runs.
pub(super) struct Shell {
    pub(super) variables: BTreeMap<String, String>,
    pub(super) arguments: Vec<String>,
    pub(super) status: i32,
    /// How often `$RANDOM` was asked for.
    draws: AtomicU64,
    stops_at_errors: bool,
    functions: BTreeMap<String, Arc<Construct>>,
    /// How many functions it is in.
    depth: usize,
    /// A variable that it cannot do without is not set.
    pub(super) is_lost: bool,
    /// What it does when it is told to stop.
    trap: watch::Sender<Option<Arc<List>>>,
    /// What it does at its end.
    last: Option<Arc<List>>,
}

/// Why the next command is not the one that follows.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Flow {
    Exit,
    /// Out of a function.
    Return,
    Break(usize),
    Continue(usize),
}

/// The streams as they were before a redirection, and the files that are written after it.
struct Kept {
    output: Sink,
    errors: Sink,
    input: Option<super::super::io::Input>,
    files: Vec<(String, bool, Sink)>,
}

impl Shell {
    pub(super) fn new(arguments: Vec<String>, stops_at_errors: bool) -> Shell {
        Shell {
            variables: BTreeMap::new(),
            arguments,
            status: 0,
            draws: AtomicU64::new(0),
            stops_at_errors,
            functions: BTreeMap::new(),
            depth: 0,
            is_lost: false,
            trap: watch::Sender::new(None),
            last: None,
        }
    }

    pub(super) fn trap(&self) -> watch::Receiver<Option<Arc<List>>> {
        self.trap.subscribe()
    }

    pub(super) fn fail(&mut self, status: i32) {
        self.status = status;
    }

    /// A variable: its own, or one of the container's environment.
    pub(super) fn variable(&self, name: &str, io: &Io) -> Option<String> {
        match name {
            "?" => Some(self.status.to_string()),
            "#" => Some(self.arguments.len().saturating_sub(1).to_string()),
            "$" => Some("1".to_owned()),
            "0" => Some(self.arguments.first().cloned().unwrap_or("sh".to_owned())),
            "@" | "*" => Some(
                self.arguments
                    .iter()
                    .skip(1)
                    .cloned()
                    .collect::<Vec<_>>()
                    .join(" "),
            ),
            "RANDOM" => {
                let draw = self.draws.fetch_add(1, Ordering::Relaxed);
                let mut state = io.container().seed().wrapping_add(draw);
                Some((seed::next(&mut state) % 32_768).to_string())
            }
            "HOSTNAME" if io.container().env(name).is_none() => {
                Some(io.container().host().to_owned())
            }
            name => match name.parse::<usize>() {
                Ok(number) => self.arguments.get(number).cloned(),
                Err(_) => {
                    let own = self.variables.get(name).cloned();
                    own.or_else(|| io.container().env(name).map(str::to_owned))
                }
            },
        }
    }

    /// Runs a list to its end; whether the shell has ended with it.
    pub(super) async fn all(&mut self, list: &List, io: &mut Io) -> bool {
        self.list(list, io, false).await == Err(Flow::Exit)
    }

    /// What is left to do at the end; the exit code.
    pub(super) async fn end(&mut self, io: &mut Io) -> i32 {
        if let Some(last) = self.last.take() {
            let status = self.status;
            if !self.all(&last, io).await {
                self.status = status;
            }
        }
        self.status
    }

    /// Runs a list. `guarded`: somebody asks how it goes, so that a failure ends nothing.
    pub(super) fn list<'a>(
        &'a mut self,
        list: &'a List,
        io: &'a mut Io,
        guarded: bool,
    ) -> BoxFuture<'a, Result<(), Flow>> {
        Box::pin(async move {
            for (nth, step) in list.iter().enumerate() {
                match step.joint {
                    Joint::And if self.status != 0 => continue,
                    Joint::Or if self.status == 0 => continue,
                    _ => {}
                }
                let next = list.get(nth + 1);
                let guarded = guarded || next.is_some_and(|next| next.joint != Joint::Always);
                self.node(&step.node, io, guarded).await?;
                let fails = self.status != 0 && !matches!(step.node, Construct::Not(_));
                if self.stops_at_errors && fails && !guarded {
                    return Err(Flow::Exit);
                }
            }
            Ok(())
        })
    }

    fn node<'a>(
        &'a mut self,
        node: &'a Construct,
        io: &'a mut Io,
        guarded: bool,
    ) -> BoxFuture<'a, Result<(), Flow>> {
        Box::pin(async move {
            match node {
                Construct::Simple {
                    assignments,
                    words,
                    redirects,
                } => self.simple(assignments, words, redirects, io).await,
                Construct::For { name, words, body } => {
                    let mut values = Vec::new();
                    match words {
                        None => values.extend(self.arguments.iter().skip(1).cloned()),
                        Some(words) => {
                            for word in words {
                                values.extend(self.fields(word, io).await);
                            }
                        }
                    }
                    self.status = 0;
                    for (nth, value) in values.into_iter().enumerate() {
                        self.variables.insert(name.clone(), value);
                        if !self.turn(body, io, guarded, nth).await? {
                            break;
                        }
                    }
                    Ok(())
                }
                Construct::While {
                    until,
                    condition,
                    body,
                } => {
                    let mut status = 0;
                    for nth in 0_usize.. {
                        self.list(condition, io, true).await?;
                        if (self.status == 0) == *until {
                            break;
                        }
                        let goes_on = self.turn(body, io, guarded, nth).await?;
                        status = self.status;
                        if !goes_on {
                            break;
                        }
                    }
                    self.status = status;
                    Ok(())
                }
                Construct::If {
                    branches,
                    otherwise,
                } => {
                    for (condition, body) in branches {
                        self.list(condition, io, true).await?;
                        if self.status == 0 {
                            return self.list(body, io, guarded).await;
                        }
                    }
                    self.status = 0;
                    self.list(otherwise, io, guarded).await
                }
                Construct::Group {
                    body,
                    redirects,
                    is_apart,
                } => {
                    let Ok(kept) = self.redirect(redirects, io).await else {
                        return Ok(());
                    };
                    let before = is_apart.then(|| self.variables.clone());
                    let mut flow = self.list(body, io, guarded).await;
                    if let Some(before) = before {
                        self.variables = before;
                        // `exit` in parentheses ends what is in them.
                        if flow == Err(Flow::Exit) {
                            flow = Ok(());
                        }
                    }
                    self.restore(kept, io);
                    flow
                }
                Construct::Not(node) => {
                    self.node(node, io, true).await?;
                    self.status = i32::from(self.status == 0);
                    Ok(())
                }
                Construct::Pipe(nodes) => self.pipe(nodes, io).await,
                Construct::Case { word, branches } => {
                    let text = self.joined(word, io).await;
                    self.status = 0;
                    for (patterns, body) in branches {
                        for pattern in patterns {
                            if self.pattern(pattern, io).await.fits(&text) {
                                return self.list(body, io, guarded).await;
                            }
                        }
                    }
                    Ok(())
                }
                Construct::Function { name, body } => {
                    self.functions.insert(name.clone(), Arc::clone(body));
                    self.status = 0;
                    Ok(())
                }
            }
        })
    }

    /// One turn of a loop; whether there may be another one.
    async fn turn(
        &mut self,
        body: &List,
        io: &mut Io,
        guarded: bool,
        nth: usize,
    ) -> Result<bool, Flow> {
        if nth % RESTLESS == RESTLESS - 1 {
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
        match self.list(body, io, guarded).await {
            Ok(()) | Err(Flow::Continue(1)) => Ok(true),
            Err(Flow::Break(1)) => Ok(false),
            Err(Flow::Break(more)) => Err(Flow::Break(more - 1)),
            Err(Flow::Continue(more)) => Err(Flow::Continue(more - 1)),
            Err(flow @ (Flow::Exit | Flow::Return)) => Err(flow),
        }
    }

    /// One command after the other: the whole output of one is the input of the next.
    async fn pipe(&mut self, nodes: &[Construct], io: &mut Io) -> Result<(), Flow> {
        let before = self.variables.clone();
        let mut kept_input = None;
        for (nth, node) in nodes.iter().enumerate() {
            let is_last = nth + 1 == nodes.len();
            let (sink, text) = Sink::kept();
            let output = (!is_last).then(|| io.swap_output(sink));
            // `exit` in a pipe ends its part only.
            let _ = self.node(node, io, true).await;
            if let Some(output) = output {
                io.swap_output(output);
                let piped = text.take();
                let former = io.swap_input(super::super::io::Input::of(&piped));
                kept_input.get_or_insert(former);
            }
        }
        if let Some(input) = kept_input {
            io.swap_input(input);
        }
        self.variables = before;
        Ok(())
    }

    async fn simple(
        &mut self,
        assignments: &[(String, Word)],
        words: &[Word],
        redirects: &[Redirect],
        io: &mut Io,
    ) -> Result<(), Flow> {
        if words.is_empty() {
            self.status = 0;
        }
        for (name, value) in assignments {
            let value = self.joined(value, io).await;
            self.variables.insert(name.clone(), value);
        }
        if std::mem::take(&mut self.is_lost) {
            self.status = 2;
            return Err(Flow::Exit);
        }
        let mut fields = Vec::new();
        // What stands in it is not split.
        let is_test = words.first().and_then(syntax::literal).as_deref() == Some("[[");
        for word in words {
            if is_test {
                fields.push(self.joined(word, io).await);
            } else {
                fields.extend(self.fields(word, io).await);
            }
        }
        if std::mem::take(&mut self.is_lost) {
            self.status = 2;
            return Err(Flow::Exit);
        }
        let Ok(kept) = self.redirect(redirects, io).await else {
            return Ok(());
        };
        let flow = match fields.is_empty() {
            true => Ok(()),
            false => self.command(fields, io).await,
        };
        self.restore(kept, io);
        flow
    }

    async fn command(&mut self, fields: Vec<String>, io: &mut Io) -> Result<(), Flow> {
        let arguments: Vec<&str> = fields.iter().skip(1).map(String::as_str).collect();
        let number = |otherwise: i32| {
            arguments
                .first()
                .and_then(|text| text.parse::<i32>().ok())
                .unwrap_or(otherwise)
        };
        let levels = usize::try_from(number(1)).unwrap_or(1).max(1);
        match fields.first().map_or("", String::as_str) {
            "exit" => {
                self.status = number(self.status) & 0xff;
                return Err(Flow::Exit);
            }
            "return" => {
                self.status = number(self.status) & 0xff;
                let is_inside = self.depth > 0;
                return Err(if is_inside { Flow::Return } else { Flow::Exit });
            }
            "break" => return Err(Flow::Break(levels)),
            "continue" => return Err(Flow::Continue(levels)),
            ":" | "cd" => self.status = 0,
            "set" => {
                for word in &arguments {
                    match word.split_at_checked(1) {
                        Some((sign @ ("-" | "+"), flags)) if flags.contains('e') => {
                            self.stops_at_errors = sign == "-";
                        }
                        _ => {}
                    }
                }
                self.status = 0;
            }
            "export" | "local" | "readonly" => {
                for word in &arguments {
                    if let Some((name, value)) = word.split_once('=') {
                        self.variables.insert(name.to_owned(), value.to_owned());
                    }
                }
                self.status = 0;
            }
            "unset" => {
                for word in &arguments {
                    self.variables.remove(*word);
                }
                self.status = 0;
            }
            "shift" => {
                let some = levels.min(self.arguments.len().saturating_sub(1));
                if some > 0 {
                    self.arguments.drain(1..=some);
                }
                self.status = 0;
            }
            "read" => {
                let line = io.line().await;
                self.status = i32::from(line.is_none());
                let names: Vec<&str> = arguments
                    .iter()
                    .copied()
                    .filter(|word| !word.starts_with('-'))
                    .collect();
                let line = line.unwrap_or_default();
                let mut rest = line.trim();
                for (nth, name) in names.iter().enumerate() {
                    let (value, left) = match rest.split_once(char::is_whitespace) {
                        Some(parts) if nth + 1 < names.len() => parts,
                        _ => (rest, ""),
                    };
                    self.variables.insert((*name).to_owned(), value.to_owned());
                    rest = left.trim_start();
                }
            }
            "trap" => self.set_trap(&arguments, io).await,
            "eval" => match syntax::read(&arguments.join(" ")) {
                Ok(list) => return self.list(&list, io, false).await,
                Err(fault) => {
                    io.write_error(format!("sh: {}\n", super::told(fault)))
                        .await;
                    self.status = 2;
                }
            },
            "exec" => {
                if arguments.is_empty() {
                    return Ok(());
                }
                let rest = fields.iter().skip(1).cloned().collect();
                Box::pin(self.command(rest, io)).await?;
                return Err(Flow::Exit);
            }
            name if self.functions.contains_key(name) => {
                let body = self.functions.get(name).map(Arc::clone);
                let body = body.filter(|_| self.depth < DEEPEST);
                let Some(body) = body else {
                    io.write_error(format!(
                        "sh: {name}: functions call each other too deeply\n"
                    ))
                    .await;
                    self.status = 1;
                    return Err(Flow::Exit);
                };
                let mut own = vec![self.arguments.first().cloned().unwrap_or_default()];
                own.extend(fields.iter().skip(1).cloned());
                let outer = std::mem::replace(&mut self.arguments, own);
                self.depth += 1;
                self.status = 0;
                let flow = self.node(&body, io, false).await;
                self.depth -= 1;
                self.arguments = outer;
                return match flow {
                    Err(Flow::Return) => Ok(()),
                    flow => flow,
                };
            }
            name => {
                self.status = match plain(&fields, io).await {
                    Some(code) => code,
                    None => {
                        io.write_error(format!("sh: {name}: not found\n")).await;
                        127
                    }
                };
            }
        }
        Ok(())
    }

    async fn set_trap(&mut self, arguments: &[&str], io: &mut Io) {
        self.status = 0;
        let Some((script, signals)) = arguments.split_first() else {
            return;
        };
        let list = match syntax::read(script) {
            Ok(list) => Arc::new(list),
            Err(fault) => {
                io.write_error(format!("sh: {}\n", super::told(fault)))
                    .await;
                self.status = 2;
                return;
            }
        };
        for signal in signals {
            match signal.trim_start_matches("SIG") {
                "TERM" | "15" => {
                    let list = (*script != "-").then(|| Arc::clone(&list));
                    self.trap.send_replace(list);
                }
                "EXIT" | "0" => self.last = Some(Arc::clone(&list)),
                // Nobody sends others.
                _ => {}
            }
        }
    }

    /// Turns the streams; the error: what is in the way was told.
    async fn redirect(&mut self, redirects: &[Redirect], io: &mut Io) -> Result<Option<Kept>, ()> {
        if redirects.is_empty() {
            return Ok(None);
        }
        let mut kept = Kept {
            output: io.sink(false),
            errors: io.sink(true),
            input: None,
            files: Vec::new(),
        };
        for redirect in redirects {
            match redirect {
                Redirect::ErrorsToOutput => {
                    let output = io.sink(false);
                    io.swap_errors(output);
                }
                Redirect::OutputToErrors => {
                    let errors = io.sink(true);
                    io.swap_output(errors);
                }
                Redirect::To {
                    errors,
                    appends,
                    file,
                } => {
                    let path = self.joined(file, io).await;
                    let sink = match path.as_str() {
                        "/dev/null" => Sink::Nowhere,
                        "/dev/stdout" | "/proc/1/fd/1" => kept.output.clone(),
                        "/dev/stderr" | "/proc/1/fd/2" => kept.errors.clone(),
                        path if io.container().is_read_only(path) => {
                            io.swap_output(kept.output);
                            io.swap_errors(kept.errors);
                            io.write_error(format!(
                                "sh: can't create {path}: Read-only file system\n"
                            ))
                            .await;
                            if let Some(input) = kept.input {
                                io.swap_input(input);
                            }
                            self.status = 1;
                            return Err(());
                        }
                        _ => {
                            let (sink, _) = Sink::kept();
                            kept.files.push((path, *appends, sink.clone()));
                            sink
                        }
                    };
                    if *errors {
                        io.swap_errors(sink);
                    } else {
                        io.swap_output(sink);
                    }
                }
                Redirect::Here(text) => {
                    let text = self.joined(text, io).await;
                    let input = super::super::io::Input::of(text.as_bytes());
                    let former = io.swap_input(input);
                    kept.input.get_or_insert(former);
                }
                Redirect::From(file) => {
                    let path = self.joined(file, io).await;
                    let content = io.container().file(&path).unwrap_or_default();
                    let input = super::super::io::Input::of(&content);
                    let former = io.swap_input(input);
                    kept.input.get_or_insert(former);
                }
            }
        }
        Ok(Some(kept))
    }

    fn restore(&self, kept: Option<Kept>, io: &mut Io) {
        let Some(kept) = kept else {
            return;
        };
        io.swap_output(kept.output);
        io.swap_errors(kept.errors);
        if let Some(input) = kept.input {
            io.swap_input(input);
        }
        for (path, appends, sink) in kept.files {
            let mut content = match io.container().file(&path).filter(|_| appends) {
                Some(content) => content.to_vec(),
                None => Vec::new(),
            };
            content.extend(sink.taken());
            io.container().write_file(path, content);
        }
    }
}
