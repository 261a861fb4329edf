//! A sweep as a page: places down, faults across, a mark for each trial.

use std::{
    collections::BTreeSet,
    fmt::Write as _,
    io,
    path::{Path, PathBuf},
};

use super::{
    run::Verdict,
    tell::{self, Summary},
};
use crate::journal::{escape, plain_name};

const STYLE: &str = "body{font:14px system-ui,sans-serif;margin:1.5em;max-width:100%;color-scheme:light dark}\
    .grid{overflow-x:auto}table{border-collapse:collapse}th,td{padding:.2em .5em;border:1px solid #8884;text-align:left}\
    th{font-weight:500}thead th{writing-mode:vertical-rl;transform:rotate(180deg)}td{text-align:center}\
    .fine{background:#2a72}.wrong{background:#c33;color:#fff}.away{background:#8883}.left{opacity:.3}\
    pre{white-space:pre-wrap;background:#8881;padding:1em}";

/// Writes the page of a sweep into a directory.
pub(super) fn write(directory: &Path, summary: &Summary) -> io::Result<PathBuf> {
    let place = directory.join(format!("{}.sweep.html", plain_name(summary.name)));
    std::fs::create_dir_all(directory)?;
    std::fs::write(&place, page(summary))?;
    Ok(place)
}

fn page(summary: &Summary) -> String {
    let singles =
        || {
            summary.plan.iter().zip(&summary.verdicts).filter_map(
                |(planned, verdict)| match planned.as_slice() {
                    [one] => Some((one, verdict)),
                    _ => None,
                },
            )
        };
    let mut faults: Vec<&str> = Vec::new();
    let mut places = Vec::new();
    let mut known = BTreeSet::new();
    for (planned, _) in singles() {
        let word = planned.fault.word();
        if !faults.contains(&word) {
            faults.push(word);
        }
        if known.insert(&planned.place) {
            places.push(&planned.place);
        }
    }
    let title = escape(summary.name);
    let mut html = format!(
        "<!doctype html>\n<html lang=\"en\"><head><meta charset=\"utf-8\"><meta name=\"viewport\" \
         content=\"width=device-width\"><title>{title} – sweep</title><style>{STYLE}</style></head><body>\n<h1>{title}</h1>\n"
    );
    let text = tell::failures(summary).unwrap_or_else(|| tell::passed(summary));
    // Writing to a text cannot fail.
    let _ = writeln!(
        html,
        "<pre>{}</pre>\n<div class=\"grid\"><table><thead><tr><th></th>",
        escape(&text)
    );
    for fault in &faults {
        let _ = write!(html, "<th>{}</th>", escape(fault));
    }
    html.push_str("</tr></thead><tbody>\n");
    for place in places {
        let _ = write!(html, "<tr><th>{}</th>", escape(&place.to_string()));
        for fault in &faults {
            let found = singles()
                .find(|(planned, _)| planned.place == *place && planned.fault.word() == *fault);
            let (class, mark, told) = match found {
                None => ("", "", String::new()),
                Some((_, None)) => ("left", "·", "not tried".to_owned()),
                Some((_, Some(Verdict::Fine))) => ("fine", "✓", "as without it".to_owned()),
                Some((_, Some(Verdict::NotMet))) => {
                    ("away", "–", "the run did not come here".to_owned())
                }
                Some((_, Some(Verdict::Wrong(failed)))) => ("wrong", "✗", failed.what.join("\n")),
            };
            let _ = write!(
                html,
                "<td class=\"{class}\" title=\"{}\">{mark}</td>",
                escape(&told)
            );
        }
        html.push_str("</tr>\n");
    }
    html.push_str("</tbody></table></div></body></html>\n");
    html
}
