//! Reports as a page for people: one file that needs nothing else, for the picture of a test in a browser.
//!
//! The order: what failed, the sequence picture, the timeline with bars over time and everything about each
//! request on demand, the history of each Kubernetes object. The same data as JSON stands at the end.

mod bars;
mod copies;
mod index;
mod parts;
mod sequence;

use std::{
    fmt::Write,
    io,
    path::{Path, PathBuf},
};

pub(crate) use self::parts::escape;
use self::parts::{findings, place};
use crate::{
    criteria::Verdict,
    journal::{
        Answerer, Entry, ObjectHistory, Report,
        rows::{self, rows},
        text::headline,
        words::{duration, number, requests},
    },
};

const STYLE: &str = include_str!("style.css");

/// How many lines of the timeline a page has; of more, the first, the last and the telling ones.
const LINES: usize = 600;

/// The directory for pages that the environment asks for.
pub(crate) fn report_directory() -> Option<PathBuf> {
    let directory = std::env::var_os("KMOCK_REPORT")?;
    (!directory.is_empty()).then(|| PathBuf::from(directory))
}

/// The name of a test as that of a file.
pub(crate) fn plain_name(name: &str) -> String {
    name.replace("::", ".")
        .chars()
        .map(|c| match c {
            'a'..='z' | 'A'..='Z' | '0'..='9' | '.' | '-' | '_' => c,
            _ => '-',
        })
        .collect()
}

/// Writes the page of a test into a directory; tells where it is. The file is named like the test.
pub(crate) fn write_page(
    directory: &Path,
    name: &str,
    note: Option<&str>,
    reports: &[&Report],
) -> io::Result<PathBuf> {
    let place = directory.join(format!("{}.html", plain_name(name)));
    std::fs::create_dir_all(directory)?;
    std::fs::write(&place, page(name, note, reports))?;
    index::write(directory)?;
    Ok(place)
}

impl Report {
    /// The report as a page that needs nothing else: the timeline as a picture, bodies, objects' histories.
    pub fn html(&self) -> String {
        page("kmock", None, &[self])
    }
}

/// The page of a test: a title, what its body ended with if not well, and a report for each of its servers.
fn page(title: &str, note: Option<&str>, reports: &[&Report]) -> String {
    let failed = note.is_some() || reports.iter().any(|report| !report.is_empty());
    let mut html = String::new();
    let (class, verdict) = match failed {
        true => ("bad", "failed"),
        false => ("good", "passed"),
    };
    // Writing to a text cannot fail.
    let _ = writeln!(
        html,
        "<!doctype html>\n<html lang=\"en\"><head><meta charset=\"utf-8\">\
         <meta name=\"viewport\" content=\"width=device-width\">\
         {mark}<title>{title} – kmock</title><style>{STYLE}</style></head><body>\n\
         <header><h1>{title}</h1><span class=\"badge {class}\">{verdict}</span></header>",
        title = escape(title),
        mark = index::mark(title, failed, reports),
    );
    if let Some(note) = note {
        let _ = writeln!(html, "<pre class=\"note\">{}</pre>", escape(note.trim()));
    }
    for (nth, report) in reports.iter().enumerate() {
        if reports.len() > 1 {
            let _ = writeln!(html, "<h2 class=\"server\">server {}</h2>", nth + 1);
        }
        of_server(&mut html, report, nth);
    }
    let data: Vec<_> = reports.iter().map(|report| report.to_json()).collect();
    let data = serde_json::Value::from(data).to_string();
    let _ = writeln!(
        html,
        "<script type=\"application/json\" id=\"kmock-report\">{}</script>\n</body></html>",
        // Nothing in it may end the element, or begin another.
        data.replace('<', "\\u003c")
    );
    html
}

fn of_server(html: &mut String, report: &Report, nth: usize) {
    summary(html, report);
    failures(html, report, nth);
    if report.entries.is_empty() {
        let address = report
            .address
            .map_or_else(String::new, |at| format!(" to {at}"));
        let _ = writeln!(
            html,
            "<p class=\"empty\">no requests came at all{address}</p>"
        );
        return;
    }
    html.push_str("<section><h2>what happened</h2>\n");
    sequence::draw(html, report, nth);
    html.push_str("</section>\n");
    timeline(html, report, nth);
    objects(html, report, nth);
}

fn summary(html: &mut String, report: &Report) {
    let refused = report
        .entries
        .iter()
        .filter(|entry| matches!(entry.answered_by, Answerer::NoRule | Answerer::Limit))
        .count();
    let streams = report
        .entries
        .iter()
        .filter(|entry| entry.sent.as_ref().is_some_and(|sent| sent.streamed))
        .count();
    let mut facts = vec![requests(report.entries.len())];
    if refused > 0 {
        facts.push(format!("<b class=\"bad\">{} refused</b>", number(refused)));
    }
    if streams > 0 {
        facts.push(format!("{} streamed", number(streams)));
    }
    if !report.objects.is_empty() {
        facts.push(format!("{} objects", number(report.objects.len())));
    }
    facts.push(duration(report.at));
    let _ = writeln!(html, "<p class=\"facts\">{}</p>", facts.join(" · "));
}

fn failures(html: &mut String, report: &Report, nth: usize) {
    let nothing = report.failures.is_empty()
        && report.shadowed.is_empty()
        && report.errors.is_empty()
        && report.notes.is_empty();
    if nothing {
        return;
    }
    html.push_str("<section class=\"failures\">\n");
    for failure in &report.failures {
        let (claim, why) = headline(failure);
        let _ = write!(
            html,
            "<article><h3><code>{}</code> <span class=\"bad\">{}</span> {}</h3>",
            escape(claim),
            escape(why.trim_start_matches([',', ' '])),
            place(failure.location)
        );
        if let Some((rule, location)) = failure
            .rule
            .as_ref()
            .filter(|(_, at)| *at != failure.location)
        {
            let _ = write!(html, "<p>{} {}</p>", escape(rule), place(*location));
        }
        for near in &failure.nearest {
            let _ = write!(
                html,
                "<p>nearest: <a href=\"#r{nth}-{id}\">#{id}</a> <b>{}</b> {}</p>",
                escape(&near.verb),
                escape(&near.target),
                id = near.id,
            );
            if near
                .criteria
                .iter()
                .all(|one| one.verdict == Verdict::Holds)
            {
                let by = match &near.answered_by {
                    Answerer::Rule(rule, at) => {
                        format!("{} answered it {}", escape(rule), place(*at))
                    }
                    other => format!("it fits, but: {}", escape(&other.to_string())),
                };
                let _ = write!(html, "<p>{by}</p>");
            }
            findings(html, &near.criteria);
        }
        html.push_str("</article>\n");
    }
    for one in &report.shadowed {
        let _ = writeln!(
            html,
            "<article><h3><code>{}</code> <span class=\"odd\">can never answer</span> {}</h3>\
             <p>everything for it goes to {} {}</p></article>",
            escape(&one.rule),
            place(one.location),
            escape(&one.by),
            place(one.by_location)
        );
    }
    for error in &report.errors {
        let _ = writeln!(
            html,
            "<article><h3><span class=\"odd\">error</span> {}</h3></article>",
            escape(error)
        );
    }
    for note in &report.notes {
        let _ = writeln!(
            html,
            "<article><h3><span class=\"faint\">note</span> {}</h3></article>",
            escape(note)
        );
    }
    html.push_str("</section>\n");
}

fn timeline(html: &mut String, report: &Report, nth: usize) {
    let scale = bars::Scale::of(report);
    html.push_str("<section><h2>timeline</h2>\n");
    if report.entries.len() > MANY {
        kinds(html, report, nth);
        filters(html, nth);
    }
    let nobody = match report.entries.iter().any(|entry| entry.who.is_some()) {
        true => "",
        false => " nobody",
    };
    let _ = writeln!(html, "<div class=\"timeline{nobody}\">");
    let _ = writeln!(
        html,
        "<div class=\"line head\"><span>#</span><span>at</span><span>who</span><span>request</span>\
         <span>status</span><span>took</span><span>answered by</span>{}</div>",
        scale.axis()
    );
    let all = rows(&report.entries);
    let half = LINES / 3;
    let mut hidden = 0;
    for (at, row) in all.iter().enumerate() {
        let edge = at < half || at + half >= all.len();
        let telling = row.entry.status.is_none_or(|status| status >= 400);
        if all.len() > LINES && !edge && !(telling && at < 2 * LINES) {
            hidden += row.count;
            continue;
        }
        skipped(html, &mut hidden);
        line(html, row.entry, row.count, row.last, &scale, nth);
    }
    skipped(html, &mut hidden);
    html.push_str("</div></section>\n");
}

/// Of so many requests, which kinds there are is told first.
const MANY: usize = 40;

/// How many kinds are told.
const KINDS: usize = 20;

fn kinds(html: &mut String, report: &Report, nth: usize) {
    html.push_str("<table class=\"kinds\">");
    for (count, entry, target) in rows::kinds(&report.entries).iter().take(KINDS) {
        let status = entry
            .status
            .map_or_else(|| "…".to_owned(), |status| status.to_string());
        let _ = writeln!(
            html,
            "<tr class=\"{}\"><td>{} ×</td><td><a href=\"#r{nth}-{}\"><b>{}</b> {}</a></td>\
             <td class=\"status\">{status}</td><td>{}</td></tr>",
            parts::class(entry),
            number(*count),
            entry.id,
            escape(&entry.verb),
            escape(target),
            escape(&entry.answered_by.to_string()),
        );
    }
    html.push_str("</table>\n");
}

/// Which lines are shown; the style sheet does the rest, without a script.
fn filters(html: &mut String, nth: usize) {
    html.push_str("<p class=\"filters\">");
    for (n, (value, label)) in [
        ("all", "all"),
        ("fine", "answered well"),
        ("refused", "refused"),
        ("error", "errors"),
    ]
    .into_iter()
    .enumerate()
    {
        let checked = if n == 0 { " checked" } else { "" };
        let _ = write!(
            html,
            "<label><input type=\"radio\" name=\"f{nth}\" value=\"{value}\"{checked}> {label}</label>"
        );
    }
    html.push_str("</p>\n");
}

fn skipped(html: &mut String, hidden: &mut usize) {
    if *hidden > 0 {
        let _ = writeln!(
            html,
            "<div class=\"skipped\">{} more requests</div>",
            number(*hidden)
        );
        *hidden = 0;
    }
}

fn line(
    html: &mut String,
    entry: &Entry,
    count: usize,
    last: u64,
    scale: &bars::Scale,
    nth: usize,
) {
    let status = entry
        .status
        .map_or_else(|| "…".to_owned(), |status| status.to_string());
    let times = match count {
        1 => String::new(),
        n => format!(" <i>×{}</i>", number(n)),
    };
    let ids = match count {
        1 => format!("{}", entry.id),
        _ => format!("{}–{last}", entry.id),
    };
    let (answer, title) = match &entry.answered_by {
        Answerer::Rule(rule, location) => (rule.clone(), location.to_string()),
        other => (other.to_string(), String::new()),
    };
    let answer = match (&entry.fault, entry.left_off()) {
        (Some(fault), _) => format!("✂ {fault}   {answer}"),
        (None, Some(left)) => format!("{left}   {answer}"),
        (None, None) => answer,
    };
    let _ = writeln!(
        html,
        "<details class=\"{class}\"><summary class=\"line\"><span>{ids}</span>\
         <span>{at}</span><span title=\"{who}\">{who}</span>\
         <span class=\"request\" title=\"{method} {path}\"><b>{verb}</b> {target}{times}</span>\
         <span class=\"status\">{status}</span><span>{took}</span>\
         <span title=\"{title}\">{answer}</span>{bar}</summary>",
        class = parts::class(entry),
        at = duration(entry.at),
        who = escape(entry.who.as_deref().unwrap_or_default()),
        method = escape(&entry.method),
        path = escape(&entry.path),
        verb = escape(&entry.verb),
        target = escape(&entry.target),
        took = entry.duration.map_or_else(|| "…".to_owned(), duration),
        title = escape(&title),
        answer = escape(&answer),
        bar = scale.bar(entry),
    );
    parts::more(html, entry, nth, scale.address());
    html.push_str("</details>\n");
}

fn objects(html: &mut String, report: &Report, nth: usize) {
    if report.objects.is_empty() {
        return;
    }
    html.push_str("<section><h2>objects</h2>\n");
    for object in &report.objects {
        history(html, object, nth);
    }
    html.push_str("</section>\n");
}

fn history(html: &mut String, object: &ObjectHistory, nth: usize) {
    let gone = object
        .versions
        .last()
        .is_some_and(|last| last.change == "deleted");
    let _ = writeln!(
        html,
        "<article class=\"object\"><h3>{} <b>{}</b>{}</h3>\n<ol>",
        escape(&object.resource),
        escape(&object.name),
        if gone {
            " <span class=\"odd\">deleted</span>"
        } else {
            ""
        }
    );
    for version in &object.versions {
        let by = match version.request {
            Some(id) => format!("<a href=\"#r{nth}-{id}\">{}</a>", escape(&version.by)),
            None => escape(&version.by),
        };
        let manager = version
            .manager
            .as_deref()
            .map_or_else(String::new, |manager| {
                format!(" as <i>{}</i>", escape(manager))
            });
        let _ = write!(
            html,
            "<li class=\"{change}\"><p><span class=\"revision\">{revision}</span> <b>{change}</b> by {by}{manager}</p>",
            change = escape(&version.change),
            revision = version.revision,
        );
        let folded = version.change == "created" && version.fields.len() > 4;
        if folded {
            let _ = write!(
                html,
                "<details><summary>{} fields</summary>",
                version.fields.len()
            );
        }
        if !version.fields.is_empty() {
            html.push_str("<table class=\"fields\">");
            for field in &version.fields {
                let old = field
                    .before
                    .as_deref()
                    .map_or_else(String::new, |text| format!("<del>{}</del>", escape(text)));
                let new = field
                    .after
                    .as_deref()
                    .map_or_else(String::new, |text| format!("<ins>{}</ins>", escape(text)));
                let _ = write!(
                    html,
                    "<tr><td><code>{}</code></td><td>{old} {new}</td></tr>",
                    escape(&field.path)
                );
            }
            html.push_str("</table>");
        }
        if folded {
            html.push_str("</details>");
        }
        html.push_str("</li>\n");
    }
    html.push_str("</ol>\n");
    for line in &object.owners {
        let _ = writeln!(html, "<p class=\"owner\">{}</p>", escape(line));
    }
    html.push_str("</article>\n");
}
