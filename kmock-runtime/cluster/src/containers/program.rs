//! What a container does of which nobody said anything but its manifest: the command that it names.

use std::sync::Arc;

use futures::future::{BoxFuture, FutureExt};

use super::handle::{Container, Given};
use super::image::Code;
use super::io::Io;
use super::{plain, shell};

/// The program of a container, by its command.
pub(crate) enum Program {
    /// A command or a script that is done here.
    Plain(Code),
    /// One that is not: why. The container just runs.
    Strange(String),
    /// That of the image: nothing is known of it.
    OfImage,
}

/// What a container does by what it is given. `stdin`, `tty`: as its manifest has them.
pub(crate) fn program(given: &Given, stdin: bool, tty: bool) -> Program {
    let has_command = !given.command.is_empty();
    let words: Vec<String> = given.command.iter().chain(&given.args).cloned().collect();
    let all: Vec<&str> = words.iter().map(String::as_str).collect();
    let Some((path, arguments)) = all.split_first() else {
        return Program::OfImage;
    };
    let name = path.rsplit('/').next().unwrap_or_default();
    let file = |path: &str| {
        let content = given
            .files
            .get(path)
            .filter(|content| plain::is_script(content));
        content.map(|content| String::from_utf8_lossy(content).into_owned())
    };
    let known = if shell::NAMES.contains(&name) {
        shell::known(arguments, |path| {
            given
                .files
                .get(path)
                .map(|content| String::from_utf8_lossy(content).into_owned())
        })
    } else if plain::NAMES.contains(&name) {
        Ok(shell::Known {
            ends: !plain::rests(&all),
        })
    } else if file(path).is_some() {
        shell::known(&all, file)
    } else {
        // What the image's own program makes of its arguments is its own affair.
        if !has_command {
            return Program::OfImage;
        }
        Err(format!("kmock does not know the command {path}"))
    };
    let ends = match known {
        Ok(known) => known.ends,
        Err(why) => return Program::Strange(why),
    };
    Program::Plain(Arc::new(move |container| {
        run(container, words.clone(), stdin, tty, ends)
    }))
}

fn run(
    container: Container,
    words: Vec<String>,
    stdin: bool,
    tty: bool,
    ends: bool,
) -> BoxFuture<'static, i32> {
    async move {
        let input = container.stdin().filter(|_| stdin);
        let mut io = Io::of_program(container, input, tty, ends);
        // It was found before.
        plain::plain(&words, &mut io).await.unwrap_or(127)
    }
    .boxed()
}
