//! The plain commands of a container whose image says nothing of commands: enough for `kubectl cp`, and for looking around.

use std::collections::BTreeSet;
use std::time::Duration;

use bytes::Bytes;

use super::handle::Container;
use super::io::Io;
use super::tar;

/// Runs a plain command; `None`: there is none of its name.
pub(crate) async fn plain(command: &[String], io: &mut Io) -> Option<i32> {
    let arguments: Vec<&str> = command.iter().map(String::as_str).collect();
    let (name, arguments) = arguments.split_first()?;
    let name = name.rsplit('/').next().unwrap_or_default();
    Some(match name {
        "true" => 0,
        "false" => 1,
        "cat" => cat(arguments, io).await,
        "echo" => {
            let (end, words) = match arguments.split_first() {
                Some((&"-n", words)) => ("", words),
                _ => ("\n", arguments),
            };
            io.write(format!("{}{end}", words.join(" "))).await;
            0
        }
        "env" | "printenv" => env(arguments, io).await,
        "hostname" => {
            let pod = &io.container().pod()["metadata"]["name"];
            let name = pod.as_str().unwrap_or_default().to_owned();
            io.write(format!("{name}\n")).await;
            0
        }
        "ls" => ls(arguments, io).await,
        "sleep" => {
            let seconds = arguments.first().and_then(|text| text.parse().ok());
            match seconds.map(Duration::try_from_secs_f64) {
                Some(Ok(time)) => {
                    tokio::time::sleep(time).await;
                    0
                }
                _ => {
                    io.write_error("sleep: invalid number\n").await;
                    1
                }
            }
        }
        "tar" => tar(arguments, io).await,
        "test" => match arguments {
            ["-e" | "-f", path] => i32::from(io.container().file(path).is_none()),
            ["-d", path] => i32::from(below(io.container(), path).is_empty()),
            _ => {
                io.write_error("test: only -d, -e and -f are known here\n")
                    .await;
                2
            }
        },
        _ => return None,
    })
}

async fn cat(paths: &[&str], io: &mut Io) -> i32 {
    if paths.is_empty() || paths == ["-"] {
        while let Some(data) = io.read().await {
            io.write(data).await;
        }
        return 0;
    }
    let mut code = 0;
    for path in paths {
        match io.container().file(path) {
            Some(content) => io.write(content).await,
            None => {
                io.write_error(format!("cat: {path}: No such file or directory\n"))
                    .await;
                code = 1;
            }
        }
    }
    code
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

/// The files below a folder, with their paths from it.
fn below(container: &Container, folder: &str) -> Vec<(String, String)> {
    let prefix = format!("{}/", folder.trim_end_matches('/'));
    let all = container.files().into_iter();
    all.filter_map(|path| {
        let rest = path.strip_prefix(&prefix)?.to_owned();
        Some((rest, path))
    })
    .collect()
}

async fn ls(arguments: &[&str], io: &mut Io) -> i32 {
    let paths: Vec<&str> = arguments
        .iter()
        .copied()
        .filter(|one| !one.starts_with('-'))
        .collect();
    let path = paths.first().copied().unwrap_or("/");
    if io.container().file(path).is_some() {
        io.write(format!("{path}\n")).await;
        return 0;
    }
    let names: BTreeSet<String> = below(io.container(), path)
        .iter()
        .filter_map(|(rest, _)| rest.split('/').next().map(str::to_owned))
        .collect();
    if names.is_empty() && !path.trim_matches('/').is_empty() {
        io.write_error(format!("ls: {path}: No such file or directory\n"))
            .await;
        return 1;
    }
    let lines: String = names.iter().map(|name| format!("{name}\n")).collect();
    io.write(lines).await;
    0
}

/// `tar cf - [-C DIR] PATH…` and `tar xmf - [-C DIR]`, as `kubectl cp` calls it.
async fn tar(arguments: &[&str], io: &mut Io) -> i32 {
    let mut folder = String::new();
    let mut mode = ' ';
    let mut paths = Vec::new();
    let mut words = arguments.iter().copied().enumerate();
    while let Some((nth, word)) = words.next() {
        match word {
            "-C" | "--directory" => {
                folder = words
                    .next()
                    .map(|(_, word)| word.to_owned())
                    .unwrap_or_default();
            }
            // The archive itself, which is on the streams.
            "-" => {}
            word if word.starts_with("--") => {}
            word if word.starts_with('-') || nth == 0 => {
                let found = word.chars().find(|one| matches!(one, 'c' | 'x' | 't'));
                mode = found.unwrap_or(mode);
            }
            path => paths.push(path.to_owned()),
        }
    }
    let joined = |path: &str| {
        if path.starts_with('/') {
            path.to_owned()
        } else {
            format!("{}/{path}", folder.trim_end_matches('/'))
        }
    };
    match mode {
        'c' => {
            let mut found: Vec<(String, Bytes)> = Vec::new();
            for path in &paths {
                let at = joined(path);
                let shown = path.trim_start_matches('/').trim_end_matches('/');
                if let Some(content) = io.container().file(&at) {
                    found.push((shown.to_owned(), content));
                    continue;
                }
                let inside = below(io.container(), &at);
                if inside.is_empty() {
                    io.write_error(format!(
                        "tar: {path}: Cannot stat: No such file or directory\n"
                    ))
                    .await;
                    return 2;
                }
                found.push((format!("{shown}/"), Bytes::new()));
                for (rest, whole) in inside {
                    let content = io.container().file(&whole).unwrap_or_default();
                    found.push((format!("{shown}/{rest}"), content));
                }
            }
            let files = found
                .iter()
                .map(|(name, content)| (name.as_str(), &**content));
            io.write(tar::pack(files)).await;
            0
        }
        'x' => {
            let mut archive = Vec::new();
            while !tar::is_whole(&archive) {
                match io.read().await {
                    Some(data) => archive.extend_from_slice(&data),
                    None => break,
                }
            }
            match tar::unpack(&archive) {
                Ok(files) => {
                    for (name, content) in files {
                        let path = joined(name.trim_start_matches("./").trim_start_matches('/'));
                        io.container().write_file(path, content);
                    }
                    0
                }
                Err(why) => {
                    io.write_error(format!("tar: {why}\n")).await;
                    2
                }
            }
        }
        _ => {
            io.write_error("tar: only c and x are known here\n").await;
            2
        }
    }
}
