//! The sequence picture: who asked whom for what, from top to bottom; streams are bars at the side of who answers.

use std::{collections::HashMap, fmt::Write, time::Duration};

use crate::{
    brief::cut,
    journal::{
        Answerer, End, Entry, Report,
        page::parts::{class, escape, glimpse},
        rows::{Row, kind_of, rows},
        words::{duration, number},
    },
};

/// How many exchanges are drawn; of more, the telling ones.
const DRAWN: usize = 80;

/// How many chunks of a stream are drawn one by one.
const CHUNKS: usize = 6;

/// How many clients have a line of their own.
const CLIENTS: usize = 4;

const STEP: usize = 26;
const TOP: usize = 44;
const LEFT: usize = 96;
const WIDTH: usize = 1280;
const NOTES: usize = 250;

/// A stream that is not over yet.
struct Open {
    id: u64,
    top: usize,
    /// Streams at a time stand side by side.
    slot: usize,
}

impl Open {
    fn add(open: &mut Vec<Open>, id: u64, top: usize) {
        let free = |slot: &usize| !open.iter().any(|one| one.slot == *slot);
        let slot = (0..SLOTS).find(free).unwrap_or(SLOTS);
        open.push(Open { id, top, slot });
    }
}

/// How many streams stand side by side.
const SLOTS: usize = 4;

/// One thing that happens, in the order of time.
struct Moment<'a> {
    at: Duration,
    tick: u64,
    entry: &'a Entry,
    count: usize,
    what: What,
}

enum What {
    /// A request with its answer: nothing happens in between.
    Exchange,
    Asks,
    Answers,
    /// Some chunks of a stream.
    Sends(String),
    Ends,
}

pub(super) fn draw(html: &mut String, report: &Report, nth: usize) {
    let all = rows(&report.entries);
    let total = all.len();
    let chosen = choose(all);
    if chosen.len() < total {
        let _ = write!(
            html,
            "<p class=\"faint\">{} of {} are drawn</p>",
            chosen.len(),
            number(total)
        );
    }
    let moments = moments(&chosen);
    let lanes = Lanes::of(&chosen, nth);
    let width = lanes.x(lanes.names.len().saturating_sub(1)) + NOTES;
    let mut body = String::new();
    let mut y = TOP + STEP / 2;
    let mut before: Option<Duration> = None;
    let pause = pause(&moments);
    let mut open: Vec<Open> = Vec::new();
    let mut bars = String::new();
    for moment in &moments {
        let gap = before.map_or(Duration::ZERO, |before| moment.at.saturating_sub(before));
        if gap > pause {
            let _ = write!(
                body,
                "<line class=\"gap\" x1=\"0\" x2=\"{width}\" y1=\"{y}\" y2=\"{y}\"/>\
                 <text class=\"gap\" x=\"{}\" y=\"{}\">{} later</text>",
                width - 8,
                y - 4,
                duration(gap)
            );
            y += STEP;
        }
        before = Some(moment.at);
        let _ = write!(
            body,
            "<text class=\"at\" x=\"{}\" y=\"{}\">{}</text>",
            LEFT - 8,
            y + 4,
            duration(moment.at)
        );
        lanes.moment(&mut body, moment, y, &mut open, &mut bars);
        y += STEP;
    }
    for stream in open {
        if let Some(row) = chosen.iter().find(|row| row.entry.id == stream.id) {
            lanes.stream(&mut bars, row.entry, &stream, y, "open");
        }
    }
    let height = y + 12;
    let _ = write!(
        html,
        "<div class=\"scroll\"><svg class=\"sequence\" style=\"max-width:{width}px\" \
         viewBox=\"0 0 {width} {height}\">\
         <defs><marker id=\"tip\" viewBox=\"0 0 8 8\" refX=\"8\" refY=\"4\" markerWidth=\"7\" \
         markerHeight=\"7\" orient=\"auto-start-reverse\"><path d=\"M0 0 8 4 0 8z\" fill=\"context-stroke\"/>\
         </marker></defs>"
    );
    lanes.draw(html, height);
    html.push_str(&bars);
    html.push_str(&body);
    html.push_str("</svg></div>\n");
}

/// The rows that are drawn: all, or those that tell most, in their order.
fn choose(all: Vec<Row<'_>>) -> Vec<Row<'_>> {
    if all.len() <= DRAWN {
        return all;
    }
    let mut known: HashMap<(&str, String, Option<u16>), usize> = HashMap::new();
    let mut scored: Vec<(usize, usize)> = Vec::new();
    for (at, row) in all.iter().enumerate() {
        let entry = row.entry;
        let seen = known
            .entry((&entry.verb, kind_of(&entry.target), entry.status))
            .or_default();
        *seen += 1;
        let streamed = entry.sent.as_ref().is_some_and(|sent| sent.streamed);
        let telling = entry.status.is_none_or(|status| status >= 400) || streamed;
        let writes = !matches!(entry.method.as_str(), "GET" | "HEAD");
        let score = usize::from(!telling) + usize::from(!writes) + 2 * (*seen).min(20);
        scored.push((score, at));
    }
    scored.sort_unstable();
    scored.truncate(DRAWN);
    let mut kept: Vec<usize> = scored.into_iter().map(|(_, at)| at).collect();
    kept.sort_unstable();
    let mut kept = kept.into_iter().peekable();
    all.into_iter()
        .enumerate()
        .filter(|(at, _)| kept.next_if_eq(at).is_some())
        .map(|(_, row)| row)
        .collect()
}

fn moments<'a>(rows: &[Row<'a>]) -> Vec<Moment<'a>> {
    let mut moments = Vec::new();
    for row in rows {
        let entry = row.entry;
        let mut add = |at, tick, what| {
            moments.push(Moment {
                at,
                tick,
                entry,
                count: row.count,
                what,
            });
        };
        add(entry.at, entry.ticks.0, What::Asks);
        let Some(took) = entry.duration else { continue };
        add(entry.at + took, entry.ticks.1, What::Answers);
        let Some(sent) = entry.sent.as_ref().filter(|sent| sent.streamed) else {
            continue;
        };
        let mut from = 0;
        for chunk in sent.chunks.iter().take(CHUNKS) {
            let part = sent
                .body
                .get(from..(from + chunk.size).min(sent.body.len()));
            from += chunk.size;
            let text = glimpse(part.unwrap_or_default(), chunk.size);
            add(chunk.at, chunk.tick, What::Sends(text));
        }
        if let Some(last) = sent.chunks.last().filter(|_| sent.count > CHUNKS) {
            let more = sent.count - CHUNKS;
            add(
                last.at,
                last.tick,
                What::Sends(format!("{} more chunks", number(more))),
            );
        }
        if let Some((at, _)) = &sent.end {
            add(*at, sent.ended, What::Ends);
        }
    }
    moments.sort_by_key(|moment| moment.tick);
    let mut joined: Vec<Moment<'a>> = Vec::new();
    for moment in moments {
        match joined.last_mut() {
            Some(last)
                if matches!((&last.what, &moment.what), (What::Asks, What::Answers))
                    && last.entry.id == moment.entry.id =>
            {
                last.what = What::Exchange;
            }
            _ => joined.push(moment),
        }
    }
    joined
}

/// From which time on a pause is drawn as one: a tenth of the whole, or a second.
fn pause(moments: &[Moment<'_>]) -> Duration {
    let first = moments.first().map_or(Duration::ZERO, |moment| moment.at);
    let last = moments.last().map_or(Duration::ZERO, |moment| moment.at);
    (last.saturating_sub(first) / 10).max(Duration::from_millis(50))
}

/// The lines from top to bottom: clients, the rules, the Kubernetes API.
struct Lanes {
    names: Vec<String>,
    clients: HashMap<String, usize>,
    rules: usize,
    kubernetes: usize,
    /// Which of several reports this is: requests are links to their lines in its timeline.
    nth: usize,
    /// From one line to the next.
    step: usize,
}

impl Lanes {
    fn of(rows: &[Row<'_>], nth: usize) -> Lanes {
        let mut names: Vec<String> = Vec::new();
        let mut clients = HashMap::new();
        for row in rows {
            let who = client(row.entry);
            if clients.contains_key(&who) {
                continue;
            }
            if names.len() < CLIENTS {
                names.push(who.clone());
            } else if names.len() == CLIENTS {
                names.push("other clients".to_owned());
            }
            clients.insert(who, names.len() - 1);
        }
        let rules = names.len();
        let by = |kubernetes: bool| {
            rows.iter()
                .any(|row| (row.entry.answered_by == Answerer::Kubernetes) == kubernetes)
        };
        if by(false) {
            names.push("the rules".to_owned());
        }
        let kubernetes = names.len();
        if by(true) {
            names.push("the Kubernetes API".to_owned());
        }
        let lanes = names.len().saturating_sub(1).max(2);
        Lanes {
            names,
            clients,
            rules,
            kubernetes,
            nth,
            step: (WIDTH - LEFT - NOTES) / lanes.max(1),
        }
    }

    fn x(&self, lane: usize) -> usize {
        LEFT + 24 + lane * self.step
    }

    fn draw(&self, svg: &mut String, height: usize) {
        for (lane, name) in self.names.iter().enumerate() {
            let x = self.x(lane);
            let _ = write!(
                svg,
                "<line class=\"lane\" x1=\"{x}\" x2=\"{x}\" y1=\"30\" y2=\"{height}\"/>\
                 <text class=\"lane\" x=\"{x}\" y=\"20\">{}</text>",
                escape(&cut(name, 32))
            );
        }
    }

    fn ends(&self, entry: &Entry) -> (usize, usize) {
        let client = self.clients.get(&client(entry)).copied().unwrap_or(0);
        let server = match entry.answered_by {
            Answerer::Kubernetes => self.kubernetes,
            _ => self.rules,
        };
        (self.x(client), self.x(server))
    }

    fn moment(
        &self,
        svg: &mut String,
        moment: &Moment<'_>,
        y: usize,
        open: &mut Vec<Open>,
        bars: &mut String,
    ) {
        let entry = moment.entry;
        let (from, to) = self.ends(entry);
        let class = class(entry);
        let status = entry
            .status
            .map_or_else(|| "…".to_owned(), |status| status.to_string());
        let room = (to.saturating_sub(from + 24) / 8).clamp(12, 120);
        let streamed = entry.sent.as_ref().is_some_and(|sent| sent.streamed);
        let streams = open.len() + usize::from(streamed);
        let shift = 10 + 8 * streams.min(SLOTS + 1);
        let note = |svg: &mut String, x: usize, text: &str| {
            let _ = write!(
                svg,
                "<text class=\"status {class}\" x=\"{}\" y=\"{}\">{}</text>",
                x,
                y + 4,
                escape(text)
            );
        };
        match &moment.what {
            What::Exchange | What::Asks => {
                let times = match moment.count {
                    1 => String::new(),
                    n => format!(" ×{}", number(n)),
                };
                let label = format!("{} {}", entry.verb, entry.target);
                let _ = write!(
                    svg,
                    "<line class=\"ask {class}\" x1=\"{from}\" x2=\"{to}\" y1=\"{y}\" y2=\"{y}\" marker-end=\"url(#tip)\"/>\
                     <a href=\"#r{}-{}\"><text class=\"label\" x=\"{}\" y=\"{}\"><title>{}</title>{}{times}</text></a>",
                    self.nth,
                    entry.id,
                    from + 8,
                    y - 4,
                    escape(&label),
                    escape(&cut(&label, room)),
                );
                if matches!(moment.what, What::Exchange) {
                    let text = match &entry.answered_by {
                        Answerer::Rule(rule, _) => format!("{status}  {}", cut(rule, 34)),
                        Answerer::NoRule => format!("{status}  ✗ no rule"),
                        Answerer::Limit => format!("{status}  ✗ beyond a limit"),
                        _ => status,
                    };
                    let text = match (&entry.fault, entry.left_off()) {
                        (Some(fault), _) => format!("{text}  ✂ {fault}"),
                        (None, Some(left)) => format!("{text}  {left}"),
                        (None, None) => text,
                    };
                    note(svg, to + shift, &text);
                    if streamed {
                        Open::add(open, entry.id, y);
                    }
                }
            }
            What::Answers => {
                let _ = write!(
                    svg,
                    "<line class=\"answer {class}\" x1=\"{to}\" x2=\"{from}\" y1=\"{y}\" y2=\"{y}\" marker-end=\"url(#tip)\"/>\
                     <text class=\"label\" x=\"{}\" y=\"{}\">{status} to #{}</text>",
                    from + 8,
                    y - 4,
                    entry.id
                );
                if streamed {
                    Open::add(open, entry.id, y);
                }
            }
            What::Sends(text) => {
                let _ = write!(
                    svg,
                    "<line class=\"chunk\" x1=\"{to}\" x2=\"{from}\" y1=\"{y}\" y2=\"{y}\" marker-end=\"url(#tip)\"/>\
                     <text class=\"label faint\" x=\"{}\" y=\"{}\">{}</text>",
                    from + 8,
                    y - 4,
                    escape(&cut(text, room)),
                );
            }
            What::Ends => {
                let text = match entry.sent.as_ref().and_then(|sent| sent.end.as_ref()) {
                    Some((_, End::Complete)) | None => "end",
                    Some((_, End::Cut)) => "cut",
                    Some((_, End::Failed(_))) => "broken",
                };
                note(svg, to + shift, &format!("{text} of #{}", entry.id));
                if let Some(at) = open.iter().position(|one| one.id == entry.id) {
                    let stream = open.remove(at);
                    self.stream(bars, entry, &stream, y, text);
                }
            }
        }
    }

    /// The bar of a stream, at the side of who sends it; several at a time stand side by side.
    fn stream(&self, bars: &mut String, entry: &Entry, stream: &Open, bottom: usize, end: &str) {
        let (_, x) = self.ends(entry);
        let (top, shift) = (stream.top, 4 + stream.slot * 8);
        let _ = write!(
            bars,
            "<rect class=\"stream {end}\" x=\"{}\" y=\"{top}\" width=\"6\" height=\"{}\"><title>stream of #{}</title></rect>",
            x + shift,
            bottom.saturating_sub(top),
            entry.id
        );
    }
}

/// The client's name in the picture.
fn client(entry: &Entry) -> String {
    entry.who.clone().unwrap_or_else(|| "client".to_owned())
}
