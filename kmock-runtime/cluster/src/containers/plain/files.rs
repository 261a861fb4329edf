//! Plain commands that are about files.

use std::collections::BTreeSet;

use bytes::Bytes;

use super::super::handle::Container;
use super::super::io::Io;
use super::super::tar;
use crate::glob::glob;

pub(super) async fn cat(paths: &[&str], io: &mut Io) -> i32 {
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

/// The files below a folder, with their paths from it.
pub(super) fn below(container: &Container, folder: &str) -> Vec<(String, String)> {
    let prefix = format!("{}/", folder.trim_end_matches('/'));
    let all = container.files().into_iter();
    all.filter_map(|path| {
        let rest = path.strip_prefix(&prefix)?.to_owned();
        Some((rest, path))
    })
    .collect()
}

/// Whether there is such a folder: with files in it, or a volume.
pub(super) fn is_folder(container: &Container, path: &str) -> bool {
    container.has_mount(path) || !below(container, path).is_empty()
}

pub(super) async fn ls(arguments: &[&str], io: &mut Io) -> i32 {
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
    if names.is_empty() && !path.trim_matches('/').is_empty() && !io.container().has_mount(path) {
        io.write_error(format!("ls: {path}: No such file or directory\n"))
            .await;
        return 1;
    }
    let lines: String = names.iter().map(|name| format!("{name}\n")).collect();
    io.write(lines).await;
    0
}

/// `tar cf - [-C DIR] PATH…` and `tar xmf - [-C DIR]`, as `kubectl cp` calls it.
pub(super) async fn archive(arguments: &[&str], io: &mut Io) -> i32 {
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

/// `touch PATH…`
pub(super) async fn touch(paths: &[&str], io: &Io) -> i32 {
    let mut code = 0;
    for path in paths.iter().filter(|path| !path.starts_with('-')) {
        if io.container().is_read_only(path) {
            io.write_error(format!("touch: {path}: Read-only file system\n"))
                .await;
            code = 1;
        } else if io.container().file(path).is_none() {
            io.container().write_file(*path, Bytes::new());
        }
    }
    code
}

/// A path from the root on; all work is done there.
pub(super) fn absolute(path: &str) -> String {
    let path = path.strip_prefix("./").unwrap_or(path);
    if path.starts_with('/') {
        path.to_owned()
    } else {
        format!("/{path}")
    }
}

/// `cp [-r] FROM… TO`, `mv FROM… TO`
pub(super) async fn copy(name: &str, arguments: &[&str], io: &Io) -> i32 {
    let paths: Vec<&str> = arguments
        .iter()
        .copied()
        .filter(|word| !word.starts_with('-'))
        .collect();
    let Some((to, from)) = paths.split_last().filter(|(_, from)| !from.is_empty()) else {
        io.write_error(format!("{name}: missing file operand\n"))
            .await;
        return 1;
    };
    let container = io.container();
    let to_folder = to.ends_with('/') || from.len() > 1 || is_folder(container, to);
    let to = to.trim_end_matches('/');
    let mut code = 0;
    for path in from {
        let last = path
            .trim_end_matches('/')
            .rsplit('/')
            .next()
            .unwrap_or_default();
        let at = if to_folder {
            format!("{to}/{last}")
        } else {
            to.to_owned()
        };
        let mut found = Vec::new();
        if let Some(content) = container.file(path) {
            found.push((at.clone(), (*path).to_owned(), content));
        } else {
            for (rest, whole) in below(container, path) {
                let content = container.file(&whole).unwrap_or_default();
                found.push((format!("{at}/{rest}"), whole, content));
            }
        }
        if found.is_empty() && !is_folder(container, path) {
            io.write_error(format!(
                "{name}: can't stat '{path}': No such file or directory\n"
            ))
            .await;
            code = 1;
        }
        for (at, whole, content) in found {
            if container.is_read_only(&at) {
                io.write_error(format!(
                    "{name}: can't create '{at}': Read-only file system\n"
                ))
                .await;
                code = 1;
                continue;
            }
            container.write_file(at, content);
            if name == "mv" {
                container.remove_file(&whole);
            }
        }
    }
    code
}

/// `chmod MODE PATH…`; modes that are no numbers change nothing.
pub(super) fn change_mode(arguments: &[&str], io: &Io) -> i32 {
    let mut words = arguments.iter().filter(|word| !word.starts_with('-'));
    let mode = words
        .next()
        .and_then(|mode| u32::from_str_radix(mode, 8).ok());
    if let Some(mode) = mode {
        for path in words {
            io.container().set_mode(path, mode);
        }
    }
    0
}

/// Permissions as `ls -l` shows them.
fn shown(mode: u32, is_folder: bool) -> String {
    let mut text = String::from(if is_folder { "d" } else { "-" });
    for shift in [6, 3, 0] {
        let bits = mode >> shift;
        for (bit, sign) in [(4, 'r'), (2, 'w'), (1, 'x')] {
            text.push(if bits & bit == bit { sign } else { '-' });
        }
    }
    text
}

/// `stat [-c FORMAT] PATH…`: `%a`, `%A`, `%n`, `%s`, `%F`.
pub(super) async fn stat(arguments: &[&str], io: &Io) -> i32 {
    let (mut format, mut paths) = ("%n %s %A", Vec::new());
    let mut words = arguments.iter().copied();
    while let Some(word) = words.next() {
        match word {
            "-c" | "--format" => format = words.next().unwrap_or_default(),
            "-L" | "-f" => {}
            path => paths.push(path),
        }
    }
    let mut code = 0;
    for path in paths {
        let container = io.container();
        let content = container.file(path);
        let is_folder = content.is_none() && is_folder(container, path);
        if content.is_none() && !is_folder {
            io.write_error(format!(
                "stat: can't stat '{path}': No such file or directory\n"
            ))
            .await;
            code = 1;
            continue;
        }
        let mode = container.mode(path);
        let sort = if is_folder {
            "directory"
        } else {
            "regular file"
        };
        let said = format
            .replace("%a", &format!("{mode:o}"))
            .replace("%A", &shown(mode, is_folder))
            .replace("%s", &content.unwrap_or_default().len().to_string())
            .replace("%F", sort)
            .replace("%T", container.medium(path))
            .replace("%n", path);
        io.write(format!("{said}\n")).await;
    }
    code
}

/// `find FOLDER… [-type f|d] [-name PATTERN [-o -name PATTERN]…]`
pub(super) async fn find(arguments: &[&str], io: &Io) -> i32 {
    let at = arguments.iter().position(|word| word.starts_with('-'));
    let (folders, tests) = arguments.split_at(at.unwrap_or(arguments.len()));
    let (mut patterns, mut sort) = (Vec::new(), "");
    let mut words = tests.iter().copied();
    while let Some(word) = words.next() {
        match word {
            "-name" => patterns.extend(words.next()),
            "-type" => sort = words.next().unwrap_or_default(),
            "-o" | "-print" => {}
            other => {
                io.write_error(format!("find: kmock does not know {other}\n"))
                    .await;
                return 1;
            }
        }
    }
    let mut code = 0;
    for folder in folders {
        let folder = if *folder == "/" {
            ""
        } else {
            folder.trim_end_matches('/')
        };
        let inside = below(io.container(), folder);
        if inside.is_empty() && !is_folder(io.container(), folder) {
            let path = if folder.is_empty() { "/" } else { folder };
            if io.container().file(path).is_none() {
                io.write_error(format!("find: {path}: No such file or directory\n"))
                    .await;
                code = 1;
                continue;
            }
        }
        let mut all = BTreeSet::from([(folder.to_owned(), true)]);
        for (rest, whole) in inside {
            let steps = rest.match_indices('/');
            all.extend(steps.map(|(at, _)| {
                let part = rest.get(..at).unwrap_or_default();
                (format!("{folder}/{part}"), true)
            }));
            all.insert((whole, false));
        }
        let mut out = String::new();
        for (path, is_folder) in all {
            let name = path.rsplit('/').next().unwrap_or_default();
            let fits = patterns.is_empty() || patterns.iter().any(|one| glob(one, name));
            let is_sort = match sort {
                "f" => !is_folder,
                "d" => is_folder,
                _ => true,
            };
            if fits && is_sort {
                out.push_str(if path.is_empty() { "/" } else { &path });
                out.push('\n');
            }
        }
        io.write(out).await;
    }
    code
}

/// `rm [-rf] PATH…`
pub(super) async fn remove(arguments: &[&str], io: &Io) -> i32 {
    let (flags, paths): (Vec<&str>, Vec<&str>) =
        arguments.iter().partition(|word| word.starts_with('-'));
    let has = |flag: char| flags.iter().any(|word| word.contains(flag));
    let mut code = 0;
    for path in paths {
        let mut gone = io.container().remove_file(path);
        if has('r') || has('R') {
            for (_, inside) in below(io.container(), path) {
                gone |= io.container().remove_file(&inside);
            }
        }
        if gone || has('f') {
            continue;
        }
        let why = match io.container().file(path) {
            Some(_) => "Read-only file system",
            None => "No such file or directory",
        };
        io.write_error(format!("rm: can't remove '{path}': {why}\n"))
            .await;
        code = 1;
    }
    code
}
