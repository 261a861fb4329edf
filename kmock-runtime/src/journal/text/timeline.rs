//! What came: a line for each request, or for several alike; of thousands the telling ones, and counts.

use std::{fmt::Write, net::SocketAddr};

use super::{KINDS, Page, RULE, SHOWN, message};
use crate::{
    brief::cut,
    journal::{
        Answerer, End, Entry, Message, Report,
        rows::{Row, kinds, puzzling, rows},
        words::{duration, number, requests},
    },
};

/// Of more lines than are shown, the first and the last.
const HEAD: usize = 12;
const TAIL: usize = 8;

impl Page {
    /// `address`: where the server listens, unless the text is to be the same every time.
    pub(super) fn timeline(&mut self, report: &Report, address: Option<SocketAddr>) {
        if report.entries.is_empty() {
            // The usual reason is another address in the client.
            let text = match address {
                Some(address) => format!("no requests came at all to http://{address}"),
                None => "no requests came at all".to_owned(),
            };
            self.line(2, &text);
            return;
        }
        let before = match report.forgotten {
            0 => String::new(),
            n => format!(" after {} that are forgotten", number(n)),
        };
        let head = format!("what came, {}{before}:", requests(report.entries.len()));
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

    pub(super) fn more(&mut self, n: usize, what: &str) {
        if n > 0 {
            let text = self.pen.faint(&format!("… {} more {what} …", number(n)));
            self.line(4, &text);
        }
    }

    /// How often each kind of request came, the most frequent first.
    pub(super) fn kinds(&mut self, entries: &[Entry]) {
        let kinds = kinds(entries);
        for (count, entry, target) in kinds.iter().take(KINDS) {
            let status = entry
                .status
                .map_or_else(|| "…".to_owned(), |status| status.to_string());
            let text = format!(
                "{:>7} × {} {}   {}   {}",
                number(*count),
                entry.verb,
                cut(target, 80),
                self.status(&status),
                self.answerer(entry)
            );
            self.line(4, &text);
        }
        self.more(kinds.len().saturating_sub(KINDS), "kinds");
    }

    pub(super) fn status(&self, status: &str) -> String {
        match status.as_bytes().first() {
            Some(b'2' | b'1') => self.pen.good(status),
            Some(b'4' | b'5') => self.pen.bad(status),
            _ => self.pen.odd(status),
        }
    }

    pub(super) fn answerer(&self, entry: &Entry) -> String {
        match &entry.answered_by {
            Answerer::Rule(rule, location) => {
                format!("{}   {}", cut(rule, RULE), self.pen.place(*location))
            }
            Answerer::NoRule | Answerer::Limit => self.pen.bad(&entry.answered_by.to_string()),
            other => other.to_string(),
        }
    }

    /// Lines with columns that are as wide as these lines need.
    pub(super) fn rows(&mut self, rows: &[&Row<'_>], explain: bool) {
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
            if let Some(user) = &entry.user {
                let _ = write!(text, "   {}", self.pen.faint(&format!("as {user}")));
            }
            if let Some(left) = entry.left_off() {
                let _ = write!(text, "   {}", self.pen.odd(&left));
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
            if explain && let Some(lacks) = &entry.lacks {
                lacks.lines().for_each(|line| self.line(12, line));
            }
            if explain {
                self.bodies(entry);
                self.messages(entry);
            }
        }
    }

    /// What a failed exchange has to say: what was sent, and what was answered.
    pub(super) fn bodies(&mut self, entry: &Entry) {
        let failed = entry.status.is_none_or(|status| status >= 400);
        if !failed || entry.same_as.is_some() {
            return;
        }
        if !entry.body.is_empty() {
            let text = format!("{} {}", self.pen.faint("body"), entry.body.line(160));
            self.line(12, &text);
        }
        if let Some(message) = message(entry).filter(|message| !self.told.contains(message)) {
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

    pub(super) fn stream(&self, entry: &Entry) -> Option<String> {
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

fn frames(messages: &[Message]) -> String {
    let came = messages.iter().filter(|message| message.received).count();
    let (came, sent) = (number(came), number(messages.len() - came));
    format!("websocket, {came} frames came, {sent} went")
}
