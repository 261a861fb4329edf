//! Plain commands that are about texts.

use bytes::Bytes;
use jiff::tz::TimeZone;

use super::super::io::Io;
use crate::emulator::builtin::base64::{decode, encode};

/// `date [-u] [-I] [+FORMAT]`, by the clock of the cluster.
pub(super) async fn date(arguments: &[&str], io: &Io) -> i32 {
    let now = io.container().now().to_zoned(TimeZone::UTC);
    let mut format = "%a %b %e %H:%M:%S UTC %Y";
    for word in arguments {
        match *word {
            "-u" | "--utc" => {}
            "-R" => format = "%a, %d %b %Y %H:%M:%S +0000",
            "-I" => format = "%Y-%m-%d",
            "-Iseconds" | "-Is" => format = "%Y-%m-%dT%H:%M:%S+00:00",
            other => match other.strip_prefix('+') {
                Some(own) => format = own,
                None => {
                    io.write_error(format!("date: kmock does not know {other}\n"))
                        .await;
                    return 1;
                }
            },
        }
    }
    match jiff::fmt::strtime::format(format, &now) {
        Ok(text) => {
            io.write(format!("{text}\n")).await;
            0
        }
        Err(error) => {
            io.write_error(format!("date: {error}\n")).await;
            1
        }
    }
}

/// `basename PATH [SUFFIX]`, `dirname PATH`
pub(super) async fn of_path(name: &str, arguments: &[&str], io: &Io) -> i32 {
    let path = arguments.first().copied().unwrap_or_default();
    let path = path.trim_end_matches('/');
    let (folder, last) = path.rsplit_once('/').unwrap_or((".", path));
    let said = match (name, arguments.get(1)) {
        ("dirname", _) if folder.is_empty() => "/",
        ("dirname", _) => folder,
        (_, Some(suffix)) => last.strip_suffix(suffix).unwrap_or(last),
        _ => last,
    };
    io.write(format!("{said}\n")).await;
    0
}

/// The texts of files, or of the input.
async fn all_of(paths: &[&str], io: &mut Io) -> Result<String, i32> {
    if paths.is_empty() {
        return Ok(String::from_utf8_lossy(&io.rest().await).into_owned());
    }
    let mut all = String::new();
    for path in paths {
        match io.container().file(path) {
            Some(content) => all.push_str(&String::from_utf8_lossy(&content)),
            None => {
                io.write_error(format!("{path}: No such file or directory\n"))
                    .await;
                return Err(1);
            }
        }
    }
    Ok(all)
}

/// `cut -d SIGN -f LIST`, `cut -c LIST`
pub(super) async fn cut(arguments: &[&str], io: &mut Io) -> i32 {
    let (mut sign, mut fields, mut letters, mut paths) = ("\t", "", "", Vec::new());
    let mut words = arguments.iter().copied();
    while let Some(word) = words.next() {
        match word.split_at_checked(2) {
            Some(("-d", "")) => sign = words.next().unwrap_or_default(),
            Some(("-d", rest)) => sign = rest,
            Some(("-f", "")) => fields = words.next().unwrap_or_default(),
            Some(("-f", rest)) => fields = rest,
            Some(("-c", "")) => letters = words.next().unwrap_or_default(),
            Some(("-c", rest)) => letters = rest,
            _ => paths.push(word),
        }
    }
    let by_fields = !fields.is_empty();
    let list = if by_fields { fields } else { letters };
    let wanted = |number: usize| {
        list.split(',').any(|range| {
            let (from, to) = range.split_once('-').unwrap_or((range, range));
            let from = from.parse().unwrap_or(1);
            let to = to.parse().unwrap_or(usize::MAX);
            (from..=to).contains(&number)
        })
    };
    let text = match all_of(&paths, io).await {
        Ok(text) => text,
        Err(code) => return code,
    };
    let mut out = String::new();
    for line in text.lines() {
        let pieces: Vec<String> = if by_fields {
            line.split(sign).map(str::to_owned).collect()
        } else {
            line.chars().map(String::from).collect()
        };
        let joint = if by_fields { sign } else { "" };
        // A line without the sign is there as a whole.
        if by_fields && pieces.len() == 1 {
            out.push_str(line);
        } else {
            let kept: Vec<String> = pieces
                .into_iter()
                .enumerate()
                .filter(|(nth, _)| wanted(nth + 1))
                .map(|(_, piece)| piece)
                .collect();
            out.push_str(&kept.join(joint));
        }
        out.push('\n');
    }
    io.write(out).await;
    0
}

/// `sort [-r] [-n] [-u] [FILE…]`
pub(super) async fn sort(arguments: &[&str], io: &mut Io) -> i32 {
    let (flags, paths): (Vec<&str>, Vec<&str>) =
        arguments.iter().partition(|word| word.starts_with('-'));
    let has = |flag: char| flags.iter().any(|word| word.contains(flag));
    let text = match all_of(&paths, io).await {
        Ok(text) => text,
        Err(code) => return code,
    };
    let mut lines: Vec<&str> = text.lines().collect();
    let number = |line: &str| {
        let end = line
            .trim_start()
            .find(|one: char| !one.is_ascii_digit() && one != '-');
        let digits = line.trim_start().get(..end.unwrap_or(line.len()));
        digits
            .and_then(|digits| digits.parse::<i64>().ok())
            .unwrap_or_default()
    };
    if has('n') {
        lines.sort_by_key(|line| number(line));
    } else {
        lines.sort_unstable();
    }
    if has('r') {
        lines.reverse();
    }
    if has('u') {
        lines.dedup();
    }
    let out: String = lines.iter().map(|line| format!("{line}\n")).collect();
    io.write(out).await;
    0
}

/// `base64 [-d] [-w 0] [FILE]`
pub(super) async fn base64(arguments: &[&str], io: &mut Io) -> i32 {
    let decodes = arguments
        .iter()
        .any(|word| matches!(*word, "-d" | "--decode" | "-D"));
    let paths: Vec<&str> = arguments
        .iter()
        .copied()
        .filter(|word| !word.starts_with('-') && word.parse::<u32>().is_err())
        .collect();
    let text = match all_of(&paths, io).await {
        Ok(text) => text,
        Err(code) => return code,
    };
    if !decodes {
        io.write(format!("{}\n", encode(text.as_bytes()))).await;
        return 0;
    }
    let packed: String = text.split_whitespace().collect();
    match decode(&packed) {
        Ok(content) => {
            io.write(content).await;
            0
        }
        Err(_) => {
            io.write_error("base64: invalid input\n").await;
            1
        }
    }
}

/// So many numbers are counted at most.
const MOST: i64 = 1_000_000;

/// `seq LAST`, `seq FIRST LAST`, `seq FIRST STEP LAST`.
pub(super) async fn seq(arguments: &[&str], io: &Io) -> i32 {
    let numbers: Option<Vec<i64>> = arguments.iter().map(|text| text.parse().ok()).collect();
    let (first, step, last) = match numbers.as_deref() {
        Some([last]) => (1, 1, *last),
        Some([first, last]) => (*first, 1, *last),
        Some([first, step, last]) if *step != 0 => (*first, *step, *last),
        _ => {
            io.write_error("seq: invalid number\n").await;
            return 1;
        }
    };
    let mut text = String::new();
    let mut number = first;
    for _ in 0..MOST {
        if (step > 0 && number > last) || (step < 0 && number < last) {
            break;
        }
        text.push_str(&format!("{number}\n"));
        number = number.saturating_add(step);
    }
    io.write(text).await;
    0
}

/// `\n`, `\t`, `\\` as what they stand for.
pub(super) fn escaped(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    let mut rest = text.chars();
    while let Some(one) = rest.next() {
        match one {
            '\\' => match rest.next() {
                Some('n') => out.push('\n'),
                Some('t') => out.push('\t'),
                Some('r') => out.push('\r'),
                Some('\\') | None => out.push('\\'),
                Some(other) => out.extend(['\\', other]),
            },
            one => out.push(one),
        }
    }
    out
}

/// `printf FORMAT [ARGUMENT…]` with `%s`, `%d` and `%%`; the format is used until all arguments are.
pub(super) async fn printf(arguments: &[&str], io: &Io) -> i32 {
    let Some((format, arguments)) = arguments.split_first() else {
        io.write_error("printf: missing operand\n").await;
        return 1;
    };
    let format = escaped(format);
    let mut arguments = arguments.iter();
    let mut out = String::new();
    loop {
        let before = arguments.len();
        let mut rest = format.chars();
        while let Some(one) = rest.next() {
            if one != '%' {
                out.push(one);
                continue;
            }
            match rest.next() {
                Some('s' | 'd' | 'i') => {
                    out.push_str(arguments.next().copied().unwrap_or_default());
                }
                Some('%') => out.push('%'),
                other => {
                    let what: String = other.into_iter().collect();
                    io.write_error(format!("printf: kmock does not know %{what}\n"))
                        .await;
                    return 1;
                }
            }
        }
        if arguments.len() == 0 || arguments.len() == before {
            break;
        }
    }
    io.write(out).await;
    0
}

/// The text of a file, or of all that comes; `None`, told: there is no such file.
async fn text_of(name: &str, path: Option<&str>, io: &mut Io) -> Option<Bytes> {
    let Some(path) = path.filter(|path| *path != "-") else {
        return Some(io.rest().await);
    };
    if path == "/dev/null" {
        return Some(Bytes::new());
    }
    let content = io.container().file(path);
    if content.is_none() {
        io.write_error(format!("{name}: {path}: No such file or directory\n"))
            .await;
    }
    content
}

/// `head [-n N | -N] [FILE]`, `tail [-n N | -N] [-f] [FILE]`.
pub(super) async fn end_of(name: &str, arguments: &[&str], io: &mut Io) -> i32 {
    let (mut count, mut follows, mut path) = (10, false, None);
    let mut words = arguments.iter();
    while let Some(word) = words.next() {
        match *word {
            "-n" => {
                count = words
                    .next()
                    .and_then(|text| text.parse().ok())
                    .unwrap_or(count);
            }
            "-f" | "-F" => follows = true,
            word => match word.strip_prefix('-') {
                Some(number) if number.starts_with('n') => {
                    count = number
                        .get(1..)
                        .and_then(|text| text.parse().ok())
                        .unwrap_or(count);
                }
                Some(number) if !number.is_empty() => count = number.parse().unwrap_or(count),
                _ => path = Some(word),
            },
        }
    }
    let Some(text) = text_of(name, path, io).await else {
        return 1;
    };
    let text = String::from_utf8_lossy(&text);
    let lines: Vec<&str> = text.split_inclusive('\n').collect();
    let part = if name == "head" {
        lines.get(..count.min(lines.len()))
    } else {
        lines.get(lines.len().saturating_sub(count)..)
    };
    io.write(part.unwrap_or_default().concat()).await;
    if follows {
        std::future::pending::<()>().await;
    }
    0
}

/// `wc -l`, `wc -c`, `wc -w`, of a file or of what comes.
pub(super) async fn count(arguments: &[&str], io: &mut Io) -> i32 {
    let (flags, paths): (Vec<&str>, Vec<&str>) =
        arguments.iter().partition(|word| word.starts_with('-'));
    let path = paths.first().copied();
    let Some(text) = text_of("wc", path, io).await else {
        return 1;
    };
    let text = String::from_utf8_lossy(&text);
    let counts = [
        ('l', text.matches('\n').count()),
        ('w', text.split_whitespace().count()),
        ('c', text.len()),
    ];
    let has = |flag: char| flags.is_empty() || flags.iter().any(|word| word.contains(flag));
    let mut shown: Vec<String> = counts
        .iter()
        .filter(|(flag, _)| has(*flag))
        .map(|(_, count)| count.to_string())
        .collect();
    shown.extend(path.map(str::to_owned));
    io.write(format!("{}\n", shown.join(" "))).await;
    0
}

/// `expr LEFT SIGN RIGHT`, from the left to the right: sums, comparisons; 1 where it comes to nothing or 0.
pub(super) async fn expr(arguments: &[&str], io: &Io) -> i32 {
    match reckoned(arguments) {
        Ok(text) => {
            let code = i32::from(text.is_empty() || text == "0");
            io.write(format!("{text}\n")).await;
            code
        }
        Err(why) => {
            io.write_error(format!("expr: {why}\n")).await;
            2
        }
    }
}

fn reckoned(words: &[&str]) -> Result<String, String> {
    // What binds the least is looked for first, from the right.
    const SIGNS: [&[&str]; 5] = [
        &["|"],
        &["&"],
        &["=", "==", "!=", "<", "<=", ">", ">="],
        &["+", "-"],
        &["*", "/", "%"],
    ];
    if let [one] = words {
        return Ok((*one).to_owned());
    }
    for signs in SIGNS {
        let found = words.iter().rposition(|word| signs.contains(word));
        let Some(at) = found.filter(|at| *at > 0 && at + 1 < words.len()) else {
            continue;
        };
        let (left, right) = words.split_at(at);
        let (sign, right) = right.split_first().ok_or("syntax error")?;
        let (left, right) = (reckoned(left)?, reckoned(right)?);
        return joined(&left, sign, &right);
    }
    Err("syntax error".to_owned())
}

fn joined(left: &str, sign: &str, right: &str) -> Result<String, String> {
    let is_nothing = |text: &str| text.is_empty() || text == "0";
    match sign {
        "|" => return Ok(if is_nothing(left) { right } else { left }.to_owned()),
        "&" if is_nothing(left) || is_nothing(right) => return Ok("0".to_owned()),
        "&" => return Ok(left.to_owned()),
        _ => {}
    }
    let numbers = (left.parse::<i64>(), right.parse::<i64>());
    let order = match numbers {
        (Ok(left), Ok(right)) => left.cmp(&right),
        _ => left.cmp(right),
    };
    let holds = match sign {
        "=" | "==" => order.is_eq(),
        "!=" => order.is_ne(),
        "<" => order.is_lt(),
        "<=" => order.is_le(),
        ">" => order.is_gt(),
        ">=" => order.is_ge(),
        _ => {
            let (Ok(left), Ok(right)) = numbers else {
                return Err("non-integer argument".to_owned());
            };
            let sum = match sign {
                "+" => left.checked_add(right),
                "-" => left.checked_sub(right),
                "*" => left.checked_mul(right),
                _ if right == 0 => return Err("division by zero".to_owned()),
                "/" => left.checked_div(right),
                _ => left.checked_rem(right),
            };
            return sum
                .map(|sum| sum.to_string())
                .ok_or("out of range".to_owned());
        }
    };
    Ok(i32::from(holds).to_string())
}

/// `grep [-q] [-v] [-i] [-c] TEXT [FILE]`, where the text may begin with `^` and end with `$`.
pub(super) async fn grep(arguments: &[&str], io: &mut Io) -> i32 {
    let (flags, words): (Vec<&str>, Vec<&str>) = arguments
        .iter()
        .partition(|word| word.starts_with('-') && word.len() > 1);
    let has = |flag: char| flags.iter().any(|word| word.contains(flag));
    let Some((pattern, paths)) = words.split_first() else {
        io.write_error("grep: there is no pattern\n").await;
        return 2;
    };
    let inner = pattern.strip_prefix('^').unwrap_or(pattern);
    let inner = inner.strip_suffix('$').unwrap_or(inner);
    if !has('F') && inner.contains(['.', '*', '[', ']', '^', '$', '\\', '+', '?', '|']) {
        io.write_error(format!(
            "grep: kmock knows plain texts only, not {pattern:?}\n"
        ))
        .await;
        return 2;
    }
    let Some(text) = text_of("grep", paths.first().copied(), io).await else {
        return 2;
    };
    let fold = |text: &str| {
        if has('i') {
            text.to_lowercase()
        } else {
            text.to_owned()
        }
    };
    let wanted = if has('F') { fold(pattern) } else { fold(inner) };
    let fits = |line: &str| {
        let line = fold(line);
        match (
            pattern.starts_with('^') && !has('F'),
            pattern.ends_with('$') && !has('F'),
        ) {
            (true, true) => line == wanted,
            (true, false) => line.starts_with(&wanted),
            (false, true) => line.ends_with(&wanted),
            (false, false) => line.contains(&wanted),
        }
    };
    let text = String::from_utf8_lossy(&text);
    let found: Vec<&str> = text.lines().filter(|line| fits(line) != has('v')).collect();
    if has('c') {
        io.write(format!("{}\n", found.len())).await;
    } else if !has('q') {
        for line in &found {
            io.write(format!("{line}\n")).await;
        }
    }
    i32::from(found.is_empty())
}
