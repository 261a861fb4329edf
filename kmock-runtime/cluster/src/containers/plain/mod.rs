//! The plain commands of a container whose image says nothing of commands: enough for `kubectl cp`, for looking around, and
//! for the commands and scripts of the usual manifests.

mod condition;
mod files;
mod net;
mod texts;
mod user;

use std::time::Duration;

use futures::future::BoxFuture;

use super::io::Io;
use super::shell;
use super::system::hostname;

/// All that there are.
pub(super) const NAMES: [&str; 48] = [
    "[", "[[", "ash", "base64", "basename", "bash", "cat", "chmod", "chown", "cp", "curl", "cut",
    "dash", "date", "dirname", "echo", "env", "expr", "false", "find", "grep", "head", "hostname",
    "id", "ls", "mkdir", "mount", "mv", "nc", "printenv", "printf", "pwd", "rm", "seq", "sh",
    "sleep", "sort", "stat", "sync", "tail", "tar", "test", "touch", "true", "wait", "wc", "wget",
    "whoami",
];

/// Runs a plain command; `None`: there is none of its name.
pub(crate) fn plain<'a>(command: &'a [String], io: &'a mut Io) -> BoxFuture<'a, Option<i32>> {
    Box::pin(async move {
        let arguments: Vec<&str> = command.iter().map(String::as_str).collect();
        let (path, arguments) = arguments.split_first()?;
        let name = path.rsplit('/').next().unwrap_or_default();
        if shell::NAMES.contains(&name) {
            return Some(shell::shell(arguments, io).await);
        }
        if let Some(code) = simple(name, arguments, io).await {
            return Some(code);
        }
        // A script that a volume brought, or that was copied there.
        is_script(&io.container().file(path)?).then_some(())?;
        let mut words = vec![*path];
        words.extend(arguments);
        Some(shell::shell(&words, io).await)
    })
}

/// Whether the first line of a file names a shell.
pub(super) fn is_script(content: &[u8]) -> bool {
    let first = content
        .split(|byte| *byte == b'\n')
        .next()
        .unwrap_or_default();
    let first = String::from_utf8_lossy(first);
    first.strip_prefix("#!").is_some_and(|line| {
        let mut words = line
            .split_whitespace()
            .flat_map(|word| word.rsplit('/').next());
        words.any(|word| shell::NAMES.contains(&word))
    })
}

/// Whether a command never ends by itself.
pub(super) fn rests(command: &[&str]) -> bool {
    match command {
        ["sleep", time] => *time == "infinity",
        ["tail", arguments @ ..] => arguments.iter().any(|word| matches!(*word, "-f" | "-F")),
        _ => false,
    }
}

async fn simple(name: &str, arguments: &[&str], io: &mut Io) -> Option<i32> {
    Some(match name {
        "true" | "mkdir" | "sync" | "wait" | "chown" => 0,
        "chmod" => files::change_mode(arguments, io),
        "find" => files::find(arguments, io).await,
        "stat" => files::stat(arguments, io).await,
        "false" => 1,
        "cat" => files::cat(arguments, io).await,
        "echo" => {
            let (end, words) = match arguments.split_first() {
                Some((&"-n", words)) => ("", words),
                Some((&"-e", words)) => ("\n", words),
                _ => ("\n", arguments),
            };
            let text = words.join(" ");
            let text = if arguments.first() == Some(&"-e") {
                texts::escaped(&text)
            } else {
                text
            };
            io.write(format!("{text}{end}")).await;
            0
        }
        "env" | "printenv" => env(arguments, io).await,
        "hostname" => {
            let container = io.container();
            let (name, domain) = hostname(container.manifest());
            let asked = arguments.first().copied().unwrap_or_default();
            let said = match asked {
                "-i" | "-I" => container.ip().to_owned(),
                "-f" if !domain.is_empty() => format!("{name}.{domain}"),
                "-d" => domain,
                "-s" => name.split('.').next().unwrap_or_default().to_owned(),
                _ => name,
            };
            io.write(format!("{said}\n")).await;
            0
        }
        "id" => user::id(arguments, io).await,
        "whoami" => user::id(&["-un"], io).await,
        "mount" => {
            io.write("cgroup2 on /sys/fs/cgroup type cgroup2 (ro,nosuid,nodev,noexec,relatime)\n")
                .await;
            0
        }
        "pwd" => {
            io.write("/\n").await;
            0
        }
        "ls" => files::ls(arguments, io).await,
        "sleep" => sleep(arguments, io).await,
        "tar" => files::archive(arguments, io).await,
        "cp" | "mv" => files::copy(name, arguments, io).await,
        "basename" | "dirname" => texts::of_path(name, arguments, io).await,
        "cut" => texts::cut(arguments, io).await,
        "sort" => texts::sort(arguments, io).await,
        "base64" => texts::base64(arguments, io).await,
        "curl" => net::curl(arguments, io).await,
        "wget" => net::wget(arguments, io).await,
        "nc" => net::nc(arguments, io).await,
        "touch" => files::touch(arguments, io).await,
        "rm" => files::remove(arguments, io).await,
        "expr" => texts::expr(arguments, io).await,
        "test" | "[" | "[[" => condition::test(name, arguments, io).await,
        "date" => texts::date(arguments, io).await,
        "seq" => texts::seq(arguments, io).await,
        "printf" => texts::printf(arguments, io).await,
        "head" | "tail" => texts::end_of(name, arguments, io).await,
        "wc" => texts::count(arguments, io).await,
        "grep" => texts::grep(arguments, io).await,
        _ => return None,
    })
}

/// `sleep 5`, `sleep 0.1`, `sleep 1m 30s`, `sleep infinity`.
async fn sleep(arguments: &[&str], io: &Io) -> i32 {
    if arguments == ["infinity"] {
        std::future::pending::<()>().await;
    }
    let one = |text: &str| {
        let (number, unit) = match text.trim_end_matches(['s', 'm', 'h', 'd']) {
            number if number.len() + 1 < text.len() => return None,
            number => (number, text.get(number.len()..).unwrap_or_default()),
        };
        let seconds: f64 = number.parse().ok()?;
        let times = match unit {
            "m" => 60.0,
            "h" => 3600.0,
            "d" => 86400.0,
            _ => 1.0,
        };
        Duration::try_from_secs_f64(seconds * times).ok()
    };
    let times: Option<Vec<Duration>> = arguments.iter().map(|text| one(text)).collect();
    match times.filter(|times| !times.is_empty()) {
        Some(times) => {
            let whole = times
                .iter()
                .fold(Duration::ZERO, |sum, one| sum.saturating_add(*one));
            io.pause(whole).await;
            0
        }
        None => {
            let text = arguments.join(" ");
            io.write_error(format!("sleep: invalid number '{text}'\n"))
                .await;
            1
        }
    }
}

async fn env(names: &[&str], io: &mut Io) -> i32 {
    if names.is_empty() {
        let all: String = io
            .container()
            .envs()
            .iter()
            .map(|(name, value)| format!("{name}={value}\n"))
            .collect();
        io.write(all).await;
        return 0;
    }
    let mut code = 0;
    for name in names {
        match io.container().env(name).map(str::to_owned) {
            Some(value) => io.write(format!("{value}\n")).await,
            None => code = 1,
        }
    }
    code
}
