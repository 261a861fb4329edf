//! `test`, also as `[`.

use super::super::io::Io;
use super::files;

/// Whether an expression holds, as an exit code: 0 it does, 1 it does not, 2 it is none.
pub(super) async fn test(name: &str, arguments: &[&str], io: &Io) -> i32 {
    let arguments = match (name, arguments) {
        ("[", [inner @ .., "]"]) | ("[[", [inner @ .., "]]"]) => inner,
        ("[" | "[[", _) => {
            io.write_error("sh: missing ]\n").await;
            return 2;
        }
        (_, all) => all,
    };
    match holds(arguments, io) {
        Some(holds) => i32::from(!holds),
        None => {
            let text = arguments.join(" ");
            io.write_error(format!("sh: kmock does not know the test {text}\n"))
                .await;
            2
        }
    }
}

fn holds(words: &[&str], io: &Io) -> Option<bool> {
    // What binds the least is looked for first.
    for (sign, all) in [("-o", false), ("-a", true)] {
        if let Some(at) = words
            .iter()
            .position(|word| *word == sign)
            .filter(|at| *at > 0)
        {
            let (left, right) = (words.get(..at)?, words.get(at + 1..)?);
            let (left, right) = (holds(left, io)?, holds(right, io)?);
            return Some(if all { left && right } else { left || right });
        }
    }
    let container = io.container();
    let number = |text: &str| text.trim().parse::<i64>().ok();
    Some(match words {
        [] => false,
        ["!", rest @ ..] => !holds(rest, io)?,
        ["-e", path] => container.file(path).is_some() || files::is_folder(container, path),
        ["-f" | "-r" | "-w" | "-x", path] => container.file(path).is_some(),
        ["-s", path] => container
            .file(path)
            .is_some_and(|content| !content.is_empty()),
        ["-d", path] => files::is_folder(container, path),
        ["-z", text] => text.is_empty(),
        ["-n", text] | [text] => !text.is_empty(),
        [left, "=" | "==", right] => left == right,
        [left, "!=", right] => left != right,
        [left, sign, right] => {
            let (left, right) = (number(left)?, number(right)?);
            match *sign {
                "-eq" => left == right,
                "-ne" => left != right,
                "-lt" => left < right,
                "-le" => left <= right,
                "-gt" => left > right,
                "-ge" => left >= right,
                _ => return None,
            }
        }
        _ => return None,
    })
}
