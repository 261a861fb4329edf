//! A small shell, for the scripts that manifests have: sequences, conditions, loops, variables, redirections, and the
//! [plain commands](super::plain). What it does not know it says by name before anything is run.

mod expand;
mod pattern;
mod run;
mod syntax;

use std::sync::Arc;

use futures::future::{BoxFuture, Either, FutureExt, select};

use self::run::Shell;
use self::syntax::{Fault, List};
use super::io::Io;

/// The names by which it is called.
pub(super) const NAMES: [&str; 4] = ["ash", "bash", "dash", "sh"];

/// Where a script comes from.
enum Source {
    Text(String),
    File(String),
    Input,
}

/// How a shell is called.
struct Call {
    source: Source,
    stops_at_errors: bool,
    arguments: Vec<String>,
}

/// Reads `[-eux] [-o NAME] [-c SCRIPT | FILE] [ARGUMENT…]`.
fn called(arguments: &[&str]) -> Result<Call, String> {
    let (mut has_text, mut stops_at_errors) = (false, false);
    let mut words = arguments.iter().copied().peekable();
    while let Some(word) = words.next_if(|word| word.starts_with(['-', '+']) && word.len() > 1) {
        for flag in word.chars().skip(1) {
            match flag {
                'c' => has_text = true,
                'e' => stops_at_errors = word.starts_with('-'),
                'o' => {
                    let name = words.next();
                    stops_at_errors |= name == Some("errexit");
                }
                'l' | 'u' | 'x' | 'i' | 's' => {}
                other => return Err(format!("kmock's shell knows no option -{other}")),
            }
        }
    }
    let first = words.next();
    let source = match first {
        Some(text) if has_text => Source::Text(text.to_owned()),
        None if has_text => return Err("-c requires an argument".to_owned()),
        Some(path) => Source::File(path.to_owned()),
        None => Source::Input,
    };
    let mut arguments: Vec<String> = words.map(str::to_owned).collect();
    if let Source::File(path) = &source {
        arguments.insert(0, path.clone());
    }
    Ok(Call {
        source,
        stops_at_errors,
        arguments,
    })
}

fn told(fault: Fault) -> String {
    match fault {
        Fault::Incomplete => "syntax error: unexpected end of file".to_owned(),
        Fault::Unknown(what) => format!("kmock's shell does not know {what}"),
    }
}

/// What is known of a script before it is run.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Known {
    /// It has no loop that never ends.
    pub(super) ends: bool,
}

/// Whether all of a call can be done: it can be read, and its commands are known.
///
/// # Errors
/// What it has that is not known.
pub(super) fn known(
    arguments: &[&str],
    file: impl Fn(&str) -> Option<String>,
) -> Result<Known, String> {
    let text = match called(arguments)?.source {
        Source::Text(text) => text,
        Source::File(path) => file(&path).ok_or(format!("there is no file {path}"))?,
        Source::Input => return Ok(Known { ends: false }),
    };
    let list = syntax::read(&text).map_err(told)?;
    let functions = syntax::functions(&list);
    let mut faults = Vec::new();
    let mut rests = false;
    syntax::each_command(&list, &mut |words| {
        let all: Vec<Option<String>> = words.iter().map(syntax::literal).collect();
        let Some(Some(name)) = all.first() else {
            return;
        };
        let name = match (name.as_str(), all.get(1)) {
            ("exec", Some(Some(second))) => second,
            _ => name,
        };
        let short = name.rsplit('/').next().unwrap_or_default();
        if !run::BUILTINS.contains(&short)
            && !super::plain::NAMES.contains(&short)
            && file(name).is_none()
            && !functions.contains(name)
        {
            faults.push(format!("kmock does not know the command {name}"));
        }
        let plain: Vec<&str> = all
            .iter()
            .map(|word| word.as_deref().unwrap_or_default())
            .collect();
        rests |= super::plain::rests(&plain);
    });
    match faults.into_iter().next() {
        Some(fault) => Err(fault),
        None => Ok(Known {
            ends: !rests && !syntax::is_endless(&list),
        }),
    }
}

/// Whether a script can be done.
///
/// # Errors
/// What it has that is not known.
pub(super) fn checked(script: &str) -> Result<(), String> {
    known(&["-c", script], |_| None).map(|_| ())
}

/// Runs a shell; its exit code.
pub(super) fn shell<'a>(arguments: &'a [&'a str], io: &'a mut Io) -> BoxFuture<'a, i32> {
    async move {
        let name = "sh";
        let call = match called(arguments) {
            Ok(call) => call,
            Err(why) => {
                io.write_error(format!("{name}: {why}\n")).await;
                return 2;
            }
        };
        let mut shell = Shell::new(call.arguments, call.stops_at_errors);
        let text = match call.source {
            Source::Text(text) => text,
            Source::File(path) => match io.container().file(&path) {
                Some(content) => String::from_utf8_lossy(&content).into_owned(),
                None => {
                    io.write_error(format!(
                        "{name}: can't open '{path}': No such file or directory\n"
                    ))
                    .await;
                    return 2;
                }
            },
            Source::Input => return talk(&mut shell, io).await,
        };
        match syntax::read(&text) {
            Ok(list) => whole(&mut shell, &list, io).await,
            Err(fault) => {
                io.write_error(format!("{name}: {}\n", told(fault))).await;
                2
            }
        }
    }
    .boxed()
}

/// Runs a whole script, and what it has for its end and for the word to stop.
async fn whole(shell: &mut Shell, list: &List, io: &mut Io) -> i32 {
    let mut trap = shell.trap();
    let container = io.container().clone();
    let is_program = io.is_program();
    let stopped = async move {
        // Nobody tells a command in a container to stop.
        if !is_program || trap.wait_for(Option::is_some).await.is_err() {
            std::future::pending::<()>().await;
        }
        container.stopped().await;
    };
    let was_stopped = {
        let running = std::pin::pin!(shell.all(list, io));
        matches!(
            select(running, std::pin::pin!(stopped)).await,
            Either::Right(_)
        )
    };
    let trap = shell.trap().borrow().clone();
    if let Some(trap) = trap.filter(|_| was_stopped) {
        let trap: Arc<List> = trap;
        shell.all(&trap, io).await;
    }
    shell.end(io).await
}

/// Runs what comes line by line, and shows a prompt to a terminal.
async fn talk(shell: &mut Shell, io: &mut Io) -> i32 {
    let mut script = String::new();
    loop {
        let prompt = if script.is_empty() { "/ # " } else { "> " };
        let Some(line) = io.typed(prompt).await else {
            return shell.end(io).await;
        };
        script.push_str(&line);
        script.push('\n');
        match syntax::read(&script) {
            Err(Fault::Incomplete) => continue,
            Err(fault) => {
                io.write_error(format!("sh: {}\n", told(fault))).await;
                shell.fail(2);
            }
            Ok(list) => {
                if shell.all(&list, io).await {
                    return shell.end(io).await;
                }
            }
        }
        script.clear();
    }
}
