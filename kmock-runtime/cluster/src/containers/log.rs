//! What a container writes, a time for each line.

use std::sync::{Mutex, PoisonError};

use jiff::Timestamp;
use tokio::sync::watch;

/// So many bytes are kept; the oldest lines go first.
const MOST: usize = 10 << 20;

/// The log of one run of a container.
#[derive(Debug)]
pub struct Log {
    lines: Mutex<Lines>,
    length: watch::Sender<usize>,
}

#[derive(Debug, Default)]
struct Lines {
    all: Vec<(Timestamp, String)>,
    /// The last line has no end yet.
    open: bool,
    forgotten: usize,
    bytes: usize,
    closed: bool,
}

impl Default for Log {
    fn default() -> Self {
        Self {
            lines: Mutex::default(),
            length: watch::Sender::new(0),
        }
    }
}

impl Log {
    /// Adds a text. A line ends where it says so.
    pub fn write(&self, text: &str, now: Timestamp) {
        {
            let mut lines = self.lines.lock().unwrap_or_else(PoisonError::into_inner);
            for part in text.split_inclusive('\n') {
                let is_open = lines.open;
                match lines.all.last_mut().filter(|_| is_open) {
                    Some((_, last)) => last.push_str(part),
                    None => lines.all.push((now, part.to_owned())),
                }
                lines.bytes += part.len();
                lines.open = !part.ends_with('\n');
            }
            while lines.bytes > MOST && lines.all.len() > 1 {
                let (_, first) = lines.all.remove(0);
                lines.bytes -= first.len();
                lines.forgotten += 1;
            }
            self.length.send_modify(|length| *length += text.len());
        }
    }

    /// Nothing more comes.
    pub(crate) fn close(&self) {
        self.lines
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .closed = true;
        self.length.send_modify(|_| {});
    }

    /// All lines so far with their times; the ends of lines are kept.
    pub fn lines(&self) -> Vec<(Timestamp, String)> {
        self.lines
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .all
            .clone()
    }

    /// The lines from a number on, the number of the next one, and whether more may come: for those who follow.
    pub fn lines_from(&self, number: usize) -> (Vec<(Timestamp, String)>, usize, bool) {
        let lines = self.lines.lock().unwrap_or_else(PoisonError::into_inner);
        // A line without an end is not told yet, unless nothing more comes.
        let whole = lines.all.len() - usize::from(lines.open && !lines.closed);
        let from = number.saturating_sub(lines.forgotten).min(whole);
        let part = lines.all.get(from..whole).unwrap_or_default().to_vec();
        (part, lines.forgotten + whole, !lines.closed)
    }

    /// How much of it is kept, in bytes.
    pub(crate) fn size(&self) -> usize {
        let lines = self.lines.lock().unwrap_or_else(PoisonError::into_inner);
        lines.bytes
    }

    /// How much was written so far, in bytes.
    pub(crate) fn written(&self) -> usize {
        *self.length.borrow()
    }

    /// What was written since there were so many bytes, how many there are now, and whether more may come: for those who
    /// are attached, who see lines before they end.
    pub(crate) fn text_from(&self, written: usize) -> (String, usize, bool) {
        let lines = self.lines.lock().unwrap_or_else(PoisonError::into_inner);
        let now = *self.length.borrow();
        let mut lacks = now.saturating_sub(written);
        let mut parts = Vec::new();
        for (_, line) in lines.all.iter().rev() {
            if lacks == 0 {
                break;
            }
            let from = line.len().saturating_sub(lacks);
            // What was written is whole characters.
            parts.push(line.get(from..).unwrap_or(line));
            lacks = lacks.saturating_sub(line.len());
        }
        parts.reverse();
        (parts.concat(), now, !lines.closed)
    }

    /// Ends when there is more than so many bytes of text were written, or nothing more comes.
    pub fn changes(&self) -> watch::Receiver<usize> {
        self.length.subscribe()
    }

    /// All of it.
    pub fn text(&self) -> String {
        self.lines().into_iter().map(|(_, line)| line).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_end_where_they_say() {
        let log = Log::default();
        let now = Timestamp::UNIX_EPOCH;
        for text in ["a", "b\nc\n", "d"] {
            log.write(text, now);
        }
        let lines: Vec<_> = log.lines().into_iter().map(|(_, line)| line).collect();
        assert_eq!(lines, ["ab\n", "c\n", "d"]);
        let (told, next, more) = log.lines_from(1);
        assert_eq!((told.len(), next, more), (1, 2, true));
        log.close();
        assert_eq!(log.lines_from(next).0.len(), 1);
        assert_eq!(log.text(), "ab\nc\nd");
    }
}
