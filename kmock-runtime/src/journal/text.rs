//! Reports as text: what failed first, then what came, each refused request with the rules that were nearest.
//!
//! Long tests stay readable: equal requests in a row are one line, and of thousands the telling ones are shown
//! and the others counted.

use std::{
    collections::HashMap,
    fmt::{self, Write},
    io::IsTerminal,
};

use crate::{
    criteria::{Finding, Verdict, cut},
    journal::{
        Answerer, End, Entry, Failure, Message, Near, Report,
        body::escaped,
        expect::LISTED,
        rows::{Row, puzzling, rows},
        words::{duration, number, requests},
    },
    location::Location,
};

/// How many lines of the timeline are shown; of more, the first and the last.
const SHOWN: usize = 40;
const HEAD: usize = 12;
const TAIL: usize = 8;

/// How much of a rule's filter names it, and of a claim.
const RULE: usize = 90;
const CLAIM: usize = 160;

/// How many kinds of requests are counted apart, and how many refused ones are explained, of a long timeline.
const KINDS: usize = 8;

/// A report as text; displays it.
///
/// ```no_run
/// # fn example(k: kmock_runtime::KMock) {
/// println!("{}", k.report().text().times(false));
/// # }
/// ```
#[derive(Clone, Debug)]
pub struct Text<'a> {
    report: &'a Report,
    color: bool,
    times: bool,
    timeline: bool,
    title: Option<String>,
}

impl<'a> Text<'a> {
    pub(super) fn of(report: &'a Report) -> Text<'a> {
        Text {
            report,
            color: false,
            times: true,
            timeline: true,
            title: None,
        }
    }

    /// With colours, or plain.
    pub fn color(mut self, color: bool) -> Text<'a> {
        self.color = color;
        self
    }

    /// With colours when stderr is a terminal that wants them: `NO_COLOR` and `CLICOLOR_FORCE` are obeyed.
    pub fn for_terminal(self) -> Text<'a> {
        let set = |name: &str| std::env::var_os(name).is_some_and(|value| !value.is_empty());
        let wanted = !set("NO_COLOR")
            && std::env::var_os("TERM").is_none_or(|term| term != "dumb")
            && std::io::stderr().is_terminal();
        self.color(wanted || set("CLICOLOR_FORCE"))
    }

    /// With times and durations, or without: the same every time.
    pub fn times(mut self, times: bool) -> Text<'a> {
        self.times = times;
        self
    }

    /// With all that came, or only with what failed.
    pub fn timeline(mut self, timeline: bool) -> Text<'a> {
        self.timeline = timeline;
        self
    }

    pub(crate) fn title(mut self, title: impl Into<String>) -> Text<'a> {
        self.title = Some(title.into());
        self
    }
}

impl fmt::Display for Text<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut page = Page {
            pen: Pen(self.color),
            times: self.times,
            out: String::new(),
        };
        if let Some(title) = &self.title {
            page.line(0, &page.pen.bold(title));
        }
        for failure in &self.report.failures {
            page.failure(failure, self.report, self.timeline);
        }
        if self.timeline {
            page.shadowed(self.report);
            page.errors(self.report);
            // In virtual time that stands there is nothing to see.
            let passed = |entry: &Entry| {
                !entry.at.is_zero() || entry.duration.is_some_and(|took| !took.is_zero())
            };
            page.times &= self.report.entries.iter().any(passed);
            page.timeline(self.report);
        }
        f.write_str(page.out.trim_end_matches('\n'))
    }
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.text().fmt(f)
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (claim, why) = headline(self);
        write!(f, "{claim}{why}   {}", self.location)
    }
}

impl Near {
    /// The rule, and a line for each of its criteria, indented so far; without a line break at the end.
    pub(super) fn plain(&self, indent: usize) -> String {
        let mut page = Page {
            pen: Pen(false),
            times: false,
            out: String::new(),
        };
        page.near(self, indent);
        page.out.trim_end_matches('\n').to_owned()
    }
}

/// Whether the criteria say the same, wherever they were written.
fn same_words(a: &[Finding], b: &[Finding]) -> bool {
    a.len() == b.len()
        && a.iter().zip(b).all(|(a, b)| {
            (&a.criterion, a.verdict, &a.got) == (&b.criterion, b.verdict, &b.got)
                && a.differences == b.differences
        })
}

/// The claim, and the rest of the sentence: why it does not hold.
pub(super) fn headline(failure: &Failure) -> (&str, String) {
    let claim = failure.claim.as_str();
    let got = requests(failure.got);
    let mut why = match &failure.detail {
        Some(detail) => return (claim, format!(" failed: {detail}")),
        // The claim says what is wanted.
        None if claim.ends_with(&format!("expects {}", failure.want)) => {
            format!(", but {got} came")
        }
        None => format!(" failed: {got}, want {}", failure.want),
    };
    let listed: Vec<String> = failure
        .came
        .iter()
        .take(LISTED)
        .map(|id| format!("#{id}"))
        .collect();
    if !listed.is_empty() {
        let more = match failure.came.len().saturating_sub(LISTED) {
            0 => String::new(),
            more => format!(" and {} more", number(more)),
        };
        let _ = write!(why, ": {}{more}", listed.join(", "));
    }
    (claim, why)
}

struct Pen(bool);

impl Pen {
    fn paint(&self, code: &str, text: &str) -> String {
        match self.0 {
            true if !text.is_empty() => format!("\x1b[{code}m{text}\x1b[0m"),
            _ => text.to_owned(),
        }
    }

    fn bold(&self, text: &str) -> String {
        self.paint("1", text)
    }

    fn bad(&self, text: &str) -> String {
        self.paint("31", text)
    }

    fn good(&self, text: &str) -> String {
        self.paint("32", text)
    }

    fn odd(&self, text: &str) -> String {
        self.paint("33", text)
    }

    fn faint(&self, text: &str) -> String {
        self.paint("2", text)
    }

    fn place(&self, location: Location) -> String {
        self.paint("36", &location.to_string())
    }
}

struct Page {
    pen: Pen,
    times: bool,
    out: String,
}

impl Page {
    fn line(&mut self, indent: usize, text: &str) {
        let _ = writeln!(self.out, "{:indent$}{text}", "");
    }

    fn failure(&mut self, failure: &Failure, report: &Report, timeline: bool) {
        let (claim, why) = headline(failure);
        let claim = cut(claim, CLAIM);
        let head = self.pen.paint("1;31", &format!("kmock: {claim}{why}"));
        let place = self.pen.place(failure.location);
        self.line(0, &format!("{head}   {place}"));
        if let Some((rule, location)) = &failure.rule
            && *location != failure.location
            && !failure.claim.contains(rule)
        {
            let text = format!("{}   {}", cut(rule, RULE), self.pen.place(*location));
            self.line(4, &text);
        }
        let known = |near: &crate::journal::NearRequest| {
            let shown = timeline && is_listed(report, near.id);
            let entry = report.entry(near.id).filter(|_| shown);
            let first = entry.and_then(|entry| entry.near.first());
            first.is_some_and(|first| same_words(&first.criteria, &near.criteria))
        };
        for (n, near) in failure.nearest.iter().enumerate() {
            let word = if n == 0 { "nearest" } else { "or" };
            let status = near
                .status
                .map_or_else(|| "no answer yet".to_owned(), |status| status.to_string());
            let mut text = format!(
                "{word}: #{} {} {}   {}",
                near.id,
                near.verb,
                cut(&near.target, 120),
                self.status(&status)
            );
            let fits = near
                .criteria
                .iter()
                .all(|finding| finding.verdict == Verdict::Holds);
            if fits {
                let by = match &near.answered_by {
                    Answerer::Rule(rule, location) => {
                        let place = self.pen.place(*location);
                        format!("{} answered it   {place}", cut(rule, RULE))
                    }
                    other => format!("it fits, but: {other}"),
                };
                let _ = write!(text, "   {by}");
            } else if known(near) {
                text.push_str("   see below");
            }
            self.line(4, &text);
            if !fits && !known(near) {
                let written = failure
                    .rule
                    .as_ref()
                    .map_or(failure.location, |(_, at)| *at);
                self.findings(&near.criteria, written, 8);
            }
        }
    }

    fn near(&mut self, near: &Near, indent: usize) {
        let text = format!(
            "{}   {}",
            cut(&near.rule, RULE),
            self.pen.place(near.location)
        );
        let _ = writeln!(self.out, "{text}");
        self.findings(&near.criteria, near.location, indent);
    }

    fn findings(&mut self, findings: &[Finding], written: Location, indent: usize) {
        for finding in findings {
            let (mark, color) = match finding.verdict {
                Verdict::Holds => ("✓", "32"),
                Verdict::Fails => ("✗", "31"),
                Verdict::Unknown => ("?", "33"),
            };
            let mut text = format!(
                "{} {}",
                self.pen.paint(color, mark),
                cut(&finding.criterion, 200)
            );
            if let Some(got) = &finding.got {
                let _ = write!(text, ", got {}", self.pen.bad(got));
            }
            if let Some(hint) = &finding.hint {
                let _ = write!(text, "   {}", self.pen.odd(&format!("({hint})")));
            }
            // Where several lines make up a rule, the one to look at.
            let elsewhere = finding.location.file == written.file
                && finding.location.line != written.line
                && finding.verdict == Verdict::Fails;
            if elsewhere {
                let _ = write!(text, "   {}", self.pen.place(finding.location));
            }
            self.line(indent, &text);
            for difference in &finding.differences {
                let at = match difference.pointer.as_str() {
                    "" => "the whole",
                    pointer => pointer,
                };
                let mut text = format!(
                    "{at}: want {}, got {}",
                    self.pen.good(&difference.want),
                    self.pen.bad(&difference.got)
                );
                if let Some(hint) = &difference.hint {
                    let _ = write!(text, "   {}", self.pen.odd(&format!("({hint})")));
                }
                self.line(indent + 4, &text);
            }
        }
    }

    fn shadowed(&mut self, report: &Report) {
        const MOST: usize = 5;
        for one in report.shadowed.iter().take(MOST) {
            let text = format!(
                "{} {}   {}",
                self.pen.odd("can never answer:"),
                one.rule,
                self.pen.place(one.location)
            );
            self.line(2, &text);
            let by = format!(
                "everything for it goes to {}   {}",
                one.by,
                self.pen.place(one.by_location)
            );
            self.line(6, &by);
        }
        if let Some(more @ 1..) = report.shadowed.len().checked_sub(MOST) {
            self.line(2, &format!("… and {} more rules like that", number(more)));
        }
    }

    fn errors(&mut self, report: &Report) {
        const MOST: usize = 5;
        let told = |error: &String| {
            let mut details = report.failures.iter().map(|failure| &failure.detail);
            details.any(|detail| detail.as_ref() == Some(error))
        };
        let untold: Vec<&String> = report.errors.iter().filter(|error| !told(error)).collect();
        for error in untold.iter().take(MOST) {
            let text = format!("{} {error}", self.pen.odd("error:"));
            self.line(2, &text);
        }
        if let Some(more @ 1..) = untold.len().checked_sub(MOST) {
            self.line(2, &format!("… and {} more errors", number(more)));
        }
    }

    fn timeline(&mut self, report: &Report) {
        if report.entries.is_empty() {
            self.line(2, "no requests came at all");
            return;
        }
        let head = format!("what came, {}:", requests(report.entries.len()));
        self.line(2, &self.pen.bold(&head));
        let rows = rows(&report.entries);
        let all: Vec<&Row<'_>> = rows.iter().collect();
        if rows.len() <= SHOWN {
            self.rows(&all, true);
            return;
        }
        let refused = puzzling(&report.entries);
        if !refused.is_empty() {
            self.line(
                4,
                &self
                    .pen
                    .bold("not answered by a rule, the first of each kind:"),
            );
            self.rows(&refused.iter().take(KINDS).collect::<Vec<_>>(), true);
            self.more(refused.len().saturating_sub(KINDS), "kinds");
        }
        self.line(4, &self.pen.bold("by kind:"));
        self.kinds(&report.entries);
        self.line(4, &self.pen.bold("the first:"));
        self.rows(&all[..HEAD.min(all.len())], false);
        let tail = all.len().saturating_sub(TAIL).max(HEAD.min(all.len()));
        let between: usize = all[HEAD.min(tail)..tail].iter().map(|row| row.count).sum();
        self.more(between, "requests");
        self.line(4, &self.pen.bold("the last:"));
        self.rows(&all[tail..], false);
    }

    fn more(&mut self, n: usize, what: &str) {
        if n > 0 {
            let text = self.pen.faint(&format!("… {} more {what} …", number(n)));
            self.line(4, &text);
        }
    }

    /// How often each kind of request came, the most frequent first.
    fn kinds(&mut self, entries: &[Entry]) {
        let mut counts: HashMap<(&str, &str, Option<u16>), (usize, &Entry)> = HashMap::new();
        for entry in entries {
            let key = (
                entry.verb.as_str(),
                without_query(&entry.target),
                entry.status,
            );
            counts.entry(key).or_insert((0, entry)).0 += 1;
        }
        let mut kinds: Vec<(usize, &Entry)> = counts.into_values().collect();
        kinds.sort_by_key(|(count, entry)| (std::cmp::Reverse(*count), entry.id));
        for (count, entry) in kinds.iter().take(KINDS) {
            let status = entry
                .status
                .map_or_else(|| "…".to_owned(), |status| status.to_string());
            let text = format!(
                "{:>7} × {} {}   {}   {}",
                number(*count),
                entry.verb,
                cut(without_query(&entry.target), 80),
                self.status(&status),
                self.answerer(entry)
            );
            self.line(4, &text);
        }
        self.more(kinds.len().saturating_sub(KINDS), "kinds");
    }

    fn status(&self, status: &str) -> String {
        match status.as_bytes().first() {
            Some(b'2' | b'1') => self.pen.good(status),
            Some(b'4' | b'5') => self.pen.bad(status),
            _ => self.pen.odd(status),
        }
    }

    fn answerer(&self, entry: &Entry) -> String {
        match &entry.answered_by {
            Answerer::Rule(rule, location) => {
                format!("{}   {}", cut(rule, RULE), self.pen.place(*location))
            }
            Answerer::NoRule | Answerer::Limit => self.pen.bad(&entry.answered_by.to_string()),
            other => other.to_string(),
        }
    }

    /// Lines with columns that are as wide as these lines need.
    fn rows(&mut self, rows: &[&Row<'_>], explain: bool) {
        let width = |texts: &mut dyn Iterator<Item = String>, most: usize| {
            let widths = texts.map(|text| text.chars().count());
            widths.filter(|width| *width <= most).max().unwrap_or(0)
        };
        let number = width(&mut rows.iter().map(|row| row.number()), 20);
        let at = width(&mut rows.iter().map(|row| row.at()), 20);
        let who = width(&mut rows.iter().map(|row| row.who()), 30);
        let verb = width(&mut rows.iter().map(|row| row.entry.verb.clone()), 10);
        let target = width(&mut rows.iter().map(|row| row.target()), 56);
        let took = width(&mut rows.iter().map(|row| row.took()), 20);
        for row in rows {
            let entry = row.entry;
            let mut text = format!("{:<number$}  ", row.number());
            if self.times {
                let _ = write!(text, "{}  ", self.pen.faint(&format!("{:>at$}", row.at())));
            }
            if who > 0 {
                let _ = write!(text, "{:<who$}  ", row.who());
            }
            let _ = write!(text, "{:<verb$} {:<target$}   ", entry.verb, row.target());
            let status = entry
                .status
                .map_or_else(|| "…  ".to_owned(), |status| status.to_string());
            text.push_str(&self.status(&status));
            if self.times {
                let took = format!("{:>took$}", row.took());
                let _ = write!(text, "  {}", self.pen.faint(&took));
            }
            text.push_str("   ");
            text.push_str(&self.answerer(entry));
            if row.count > 1 {
                let _ = write!(text, "   ×{}", self::number(row.count));
            } else if row.like > 0 {
                let like = format!("{} more like this", self::number(row.like));
                let _ = write!(text, " ({})", self.pen.faint(&like));
            }
            if let Some(fault) = &entry.fault {
                let _ = write!(text, "   {}", self.pen.odd(&format!("fault: {fault}")));
            }
            if let Some(stream) = self.stream(entry) {
                let _ = write!(text, "   {stream}");
            }
            if let Some(upstream) = &entry.upstream {
                let _ = write!(
                    text,
                    "   {}",
                    self.pen.faint(&format!("as {upstream} answered"))
                );
            }
            if !entry.messages.is_empty() {
                let _ = write!(text, "   {}", self.pen.faint(&frames(&entry.messages)));
            }
            if let Some(same) = entry.same_as {
                let _ = write!(text, ", as #{same}");
            }
            match entry.near.split_first().filter(|_| explain) {
                Some((first, others)) => {
                    let _ = write!(self.out, "{:4}{text}; nearest: ", "");
                    self.near(first, 12);
                    for other in others {
                        let _ = write!(self.out, "{:8}or: ", "");
                        self.near(other, 12);
                    }
                }
                None => self.line(4, &text),
            }
            if explain {
                self.bodies(entry);
                self.messages(entry);
            }
        }
    }

    /// What a failed exchange has to say: what was sent, and what was answered.
    fn bodies(&mut self, entry: &Entry) {
        let failed = entry.status.is_none_or(|status| status >= 400);
        if !failed || entry.same_as.is_some() {
            return;
        }
        if !entry.body.is_empty() {
            let text = format!("{} {}", self.pen.faint("body"), entry.body.line(160));
            self.line(12, &text);
        }
        if let Some(message) = message(entry) {
            let text = format!("{} {}", self.pen.faint("says"), cut(&message, 300));
            self.line(12, &text);
        }
    }

    /// What was said on a WebSocket.
    fn messages(&mut self, entry: &Entry) {
        const MOST: usize = 10;
        for message in entry.messages.iter().take(MOST) {
            let text = cut(&message.to_string(), 160);
            self.line(12, &self.pen.faint(&text));
        }
        if let Some(more @ 1..) = entry.messages.len().checked_sub(MOST) {
            self.line(12, &self.pen.faint(&format!("… and {} more", number(more))));
        }
    }

    fn stream(&self, entry: &Entry) -> Option<String> {
        let sent = entry.sent.as_ref().filter(|sent| sent.streamed)?;
        let chunks = match sent.count {
            1 => "1 chunk".to_owned(),
            n => format!("{} chunks", number(n)),
        };
        let text = match &sent.end {
            None => format!("stream, open, {chunks} so far"),
            Some((at, end)) => {
                let how = match end {
                    End::Complete => String::new(),
                    End::Cut => ", cut".to_owned(),
                    End::Failed(why) => format!(", broken: {why}"),
                };
                let took = match self.times {
                    true => format!(" in {}", duration(at.saturating_sub(sent.begun))),
                    false => String::new(),
                };
                format!("stream, {chunks}{took}{how}")
            }
        };
        Some(self.pen.faint(&text))
    }
}

/// What an answer says in words, if it is the library that says it.
pub(super) fn message(entry: &Entry) -> Option<String> {
    match &entry.answered_by {
        Answerer::Kubernetes => {
            let status: serde_json::Value = serde_json::from_str(&entry.answer.text).ok()?;
            Some(escaped(status.get("message")?.as_str()?))
        }
        Answerer::Rule(..) => entry
            .answer
            .text
            .strip_prefix("kmock: ")
            .map(|text| escaped(text.trim_end())),
        Answerer::Nobody | Answerer::NoRule | Answerer::Limit | Answerer::Forwarded(_) => None,
    }
}

fn frames(messages: &[Message]) -> String {
    let came = messages.iter().filter(|message| message.received).count();
    let (came, sent) = (number(came), number(messages.len() - came));
    format!("websocket, {came} frames came, {sent} went")
}

fn without_query(target: &str) -> &str {
    target.split_once('?').map_or(target, |(path, _)| path)
}

/// Whether an entry has a line of its own in the timeline.
fn is_listed(report: &Report, id: u64) -> bool {
    report.entries.len() <= SHOWN || {
        let rows = rows(&report.entries);
        rows.len() <= SHOWN
            || puzzling(&report.entries)
                .iter()
                .take(KINDS)
                .any(|row| row.entry.id == id)
    }
}
