//! What a container does of which nobody said anything but its manifest: the command that it names.

use std::sync::Arc;

use bytes::Bytes;
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

/// What a container does by what it is given; `image`: the script that the program of its image is. `stdin`, `tty`: as its manifest has them.
pub(crate) fn program(given: &Given, image: Option<&str>, stdin: bool, tty: bool) -> Program {
    let has_command = !given.command.is_empty();
    let of_image = image.filter(|_| !has_command);
    let mut words: Vec<String> = given.command.iter().chain(&given.args).cloned().collect();
    if let Some(script) = of_image {
        let begin = ["sh", "-c", script, "sh"].map(str::to_owned);
        words = begin.into_iter().chain(words).collect();
    }
    if words.is_empty() {
        return Program::OfImage;
    }
    let known = is_known(&words, &|path| given.files.get(path).cloned());
    let ends = match known {
        Ok(ends) => ends,
        // What the image's own program makes of its arguments is its own affair.
        Err(Strange::Command(_)) if !has_command => return Program::OfImage,
        Err(Strange::Command(path)) => {
            return Program::Strange(format!("kmock does not know the command {path}"));
        }
        Err(Strange::Script(why)) => return Program::Strange(why),
    };
    let says_so = of_image.is_some();
    Program::Plain(Arc::new(move |container| {
        // Its image is as one of which nobody said anything: ready at once.
        if says_so {
            container.ready();
        }
        run(container, words.clone(), stdin, tty, ends)
    }))
}

/// What of a command is not known.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Strange {
    /// The command itself.
    Command(String),
    /// Something in the script that it runs: what, and why.
    Script(String),
}

/// Whether all of a command can be done here; whether it comes to an end. `file`: the files that there are.
///
/// # Errors
/// What of it cannot.
pub(crate) fn is_known(
    words: &[String],
    file: &dyn Fn(&str) -> Option<Bytes>,
) -> Result<bool, Strange> {
    let all: Vec<&str> = words.iter().map(String::as_str).collect();
    let (path, arguments) = all.split_first().unwrap_or((&"", &[]));
    let name = path.rsplit('/').next().unwrap_or_default();
    let as_text = |content: Bytes| String::from_utf8_lossy(&content).into_owned();
    if shell::NAMES.contains(&name) {
        let known = shell::known(arguments, |path| file(path).map(as_text));
        return known.map(|known| known.ends).map_err(Strange::Script);
    }
    if plain::NAMES.contains(&name) {
        return Ok(!plain::rests(&all));
    }
    let script = |path: &str| file(path).filter(|content| plain::is_script(content));
    if script(path).is_none() {
        return Err(Strange::Command((*path).to_owned()));
    }
    let known = shell::known(&all, |path| script(path).map(as_text));
    known.map(|known| known.ends).map_err(Strange::Script)
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
