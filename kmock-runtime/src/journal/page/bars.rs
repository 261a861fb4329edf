//! Bars over time: when each request was there, and when each chunk of a stream went out.

use std::{fmt::Write, net::SocketAddr, time::Duration};

use crate::journal::{End, Entry, Report, page::parts::class, words::duration};

/// The width of the picture in its own units; it is stretched to what there is room for.
const WIDTH: f64 = 1000.0;

/// How many chunks are marked.
const MARKS: usize = 300;

/// From times to places.
pub(super) struct Scale {
    start: Duration,
    end: Duration,
    /// Where the server listens, for whoever wants to ask again.
    address: Option<SocketAddr>,
}

impl Scale {
    pub(super) fn of(report: &Report) -> Scale {
        let start = report
            .entries
            .first()
            .map_or(Duration::ZERO, |entry| entry.at);
        let last = report
            .entries
            .iter()
            .filter_map(ended)
            .max()
            .unwrap_or(start);
        let open = report.entries.iter().any(|entry| ended(entry).is_none());
        let end = if open { last.max(report.at) } else { last };
        Scale {
            start,
            end: end.max(start + Duration::from_micros(1)),
            address: report.address,
        }
    }

    pub(super) fn address(&self) -> Option<SocketAddr> {
        self.address
    }

    fn x(&self, at: Duration) -> f64 {
        let whole = (self.end - self.start).as_secs_f64();
        let part = at.saturating_sub(self.start).as_secs_f64();
        (part / whole * WIDTH).clamp(0.0, WIDTH)
    }

    /// The times at the top.
    pub(super) fn axis(&self) -> String {
        let whole = self.end - self.start;
        let mut html = String::from("<span class=\"axis\">");
        for half in 0..=2 {
            let at = self.start + whole * half / 2;
            let _ = write!(html, "<i>{}</i>", duration(at));
        }
        html.push_str("</span>");
        html
    }

    /// The bar of one request: until the head of the answer, then, lighter, its body with a mark for each chunk.
    pub(super) fn bar(&self, entry: &Entry) -> String {
        let from = self.x(entry.at);
        let head = entry.duration.map(|took| self.x(entry.at + took));
        let mut svg = format!(
            "<svg class=\"bar {}\" viewBox=\"0 0 {WIDTH} 16\" preserveAspectRatio=\"none\">",
            class(entry)
        );
        let mut rect = |class: &str, from: f64, to: f64, y: u8, height: u8| {
            // Never too thin to be seen.
            let width = (to - from).max(4.0);
            let from = from.min(WIDTH - width);
            let _ = write!(
                svg,
                "<rect class=\"{class}\" x=\"{from:.1}\" y=\"{y}\" width=\"{width:.1}\" height=\"{height}\"/>"
            );
        };
        if let Some(sent) = entry.sent.as_ref().filter(|sent| sent.streamed) {
            let to = sent.end.as_ref().map_or(self.end, |(at, _)| *at);
            let class = match &sent.end {
                None => "stream open",
                Some((_, End::Complete)) => "stream",
                Some(_) => "stream cut",
            };
            rect(class, self.x(sent.begun), self.x(to), 4, 8);
            let step = sent.chunks.len().div_ceil(MARKS).max(1);
            for chunk in sent.chunks.iter().step_by(step) {
                let x = self.x(chunk.at);
                rect("chunk", x, x, 2, 12);
            }
        }
        rect("wait", from, head.unwrap_or(WIDTH), 4, 8);
        svg.push_str("</svg>");
        svg
    }
}

/// When an exchange was over; `None` while it goes on.
pub(super) fn ended(entry: &Entry) -> Option<Duration> {
    let head = entry.at + entry.duration?;
    match &entry.sent {
        Some(sent) => sent.end.as_ref().map(|(at, _)| (*at).max(head)),
        None => Some(head),
    }
}
