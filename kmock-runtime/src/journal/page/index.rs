//! The index over the pages of a directory: which tests failed, and which passed. Each page says at its beginning what the index
//! needs; so tests of other processes are in it, too.

use std::{
    fmt::Write,
    fs,
    io::{self, Read},
    path::Path,
};

use super::{STYLE, parts::escape};
use crate::journal::{Report, words::requests};

/// How much of a page is read for the index: its first line says it.
const HEAD: u64 = 4096;

const NAME: &str = "<meta name=\"kmock\" content=\"";

/// What a page says of itself: the verdict, how many requests came, the name of the test.
pub(super) fn mark(title: &str, failed: bool, reports: &[&Report]) -> String {
    let verdict = if failed { "failed" } else { "passed" };
    let all: usize = reports.iter().map(|report| report.entries.len()).sum();
    format!("{NAME}{verdict} {all} {}\">", escape(title))
}

/// Writes the index anew: failures first, then by name.
pub(super) fn write(directory: &Path) -> io::Result<()> {
    let mut pages = Vec::new();
    for entry in fs::read_dir(directory)?.flatten() {
        let file = entry.file_name().to_string_lossy().into_owned();
        if !file.ends_with(".html") || file == "index.html" {
            continue;
        }
        let mut head = Vec::new();
        // Another test may be writing it.
        let Ok(page) = fs::File::open(entry.path()) else {
            continue;
        };
        if page.take(HEAD).read_to_end(&mut head).is_err() {
            continue;
        }
        let head = String::from_utf8_lossy(&head).into_owned();
        let said = head
            .split_once(NAME)
            .and_then(|(_, rest)| rest.split_once('"'));
        let Some((said, _)) = said else { continue };
        let mut parts = said.splitn(3, ' ');
        let (verdict, all) = (
            parts.next().unwrap_or_default(),
            parts.next().unwrap_or_default(),
        );
        let title = parts.next().unwrap_or_default().to_owned();
        pages.push((verdict != "failed", title, all.parse().unwrap_or(0), file));
    }
    pages.sort();
    let failed = pages.iter().filter(|(passed, ..)| !passed).count();
    let mut html = format!(
        "<!doctype html>\n<html lang=\"en\"><head><meta charset=\"utf-8\">\
         <meta name=\"viewport\" content=\"width=device-width\"><title>{} tests – kmock</title>\
         <style>{STYLE}</style></head><body>\n<header><h1>{} tests</h1>",
        pages.len(),
        pages.len()
    );
    if failed > 0 {
        let _ = write!(html, "<span class=\"badge bad\">{failed} failed</span>");
    }
    html.push_str("</header>\n<table class=\"kinds\">\n");
    for (passed, title, all, file) in &pages {
        let (class, verdict) = match passed {
            true => ("good", "passed"),
            false => ("bad", "failed"),
        };
        // The title is escaped already; names of files have no other characters than those of tests.
        let _ = writeln!(
            html,
            "<tr><td><span class=\"badge {class}\">{verdict}</span></td><td><a href=\"{}\">{title}</a></td><td>{}</td></tr>",
            escape(file),
            requests(*all)
        );
    }
    html.push_str("</table>\n</body></html>\n");
    // Whole at any time, whoever looks: tests of other processes write it, too.
    let own = directory.join(format!(
        ".index-{}-{:?}",
        std::process::id(),
        std::thread::current().id()
    ));
    fs::write(&own, html)?;
    fs::rename(&own, directory.join("index.html"))
}
