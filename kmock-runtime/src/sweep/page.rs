//! A sweep as a page: places down, faults across, a mark for each trial; pairs of faults that went wrong below it.

use std::{
    collections::BTreeSet,
    fmt::Write as _,
    io,
    path::{Path, PathBuf},
};

use super::{
    fault::Planned,
    run::Verdict,
    tell::{self, Failed, Summary},
};
use crate::journal::{escape, plain_name};

const LEGEND: &str = "✓ ends as without the fault · ✗ goes wrong: point at it · – the run did not come there · \
    · was not tried · an empty field: makes no sense there, or cannot matter";

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
                Some((_, Some(Verdict::Wrong(failed)))) => ("wrong", "✗", told(failed)),
            };
            let _ = write!(
                html,
                "<td class=\"{class}\" title=\"{}\">{mark}</td>",
                escape(&told)
            );
        }
        html.push_str("</tr>\n");
    }
    let _ = writeln!(html, "</tbody></table></div>\n<p>{LEGEND}</p>");
    let mut pairs = summary
        .failed()
        .filter(|failed| failed.planned.len() > 1)
        .peekable();
    if pairs.peek().is_some() {
        html.push_str("<h2>Pairs that go wrong</h2>\n<ul class=\"pairs\">\n");
        for failed in pairs {
            let _ = writeln!(html, "<li><pre>{}</pre></li>", escape(&told(failed)));
        }
        html.push_str("</ul>\n");
    }
    html.push_str("</body></html>\n");
    html
}

/// What went wrong, and how to see it again.
fn told(failed: &Failed) -> String {
    let mut lines: Vec<String> = failed.planned.iter().map(Planned::story).collect();
    lines.extend(failed.what.iter().map(|what| format!("✗ {what}")));
    lines.push(format!("KMOCK_SWEEP='{}'", tell::faults(&failed.planned)));
    lines.join("\n")
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;
    use crate::sweep::script::Record;

    fn planned(text: &str) -> Vec<Planned> {
        super::super::fault::parse(text).expect("faults")
    }

    #[test]
    fn each_trial_has_its_field() {
        let wrong = |text: &str| {
            Some(Verdict::Wrong(Box::new(Failed {
                planned: planned(text),
                what: vec!["pods <b>a</b> is missing".to_owned()],
                record: Record::default(),
            })))
        };
        let trials = [
            (
                "crash after delete pods n/a",
                wrong("crash after delete pods n/a"),
            ),
            ("503 to delete pods n/a", Some(Verdict::Fine)),
            ("503 to list <pods>", Some(Verdict::NotMet)),
            ("cut before list <pods>", None),
            (
                "503 to list <pods> + 409 to delete pods n/a",
                wrong("503 to list <pods> + 409 to delete pods n/a"),
            ),
        ];
        let (plan, verdicts) = trials
            .into_iter()
            .map(|(text, verdict)| (planned(text), verdict))
            .unzip();
        let took = Duration::from_secs(1);
        let summary = Summary::new("mod::it", &Record::default(), plan, verdicts, took, true);
        let page = page(&summary);
        for text in [
            "<h1>mod::it</h1>",
            "<th></th>\n<th>crash after</th><th>503 to</th><th>cut before</th></tr>",
            "<tr><th>delete pods n/a</th><td class=\"wrong\" title=\"the operator crashed after `delete pods n/a`",
            "✗ pods &lt;b&gt;a&lt;/b&gt; is missing\nKMOCK_SWEEP=&#39;crash after delete pods n/a&#39;\">✗</td>\
             <td class=\"fine\" title=\"as without it\">✓</td><td class=\"\" title=\"\"></td></tr>",
            "<tr><th>list &lt;pods&gt;</th><td class=\"\" title=\"\"></td>\
             <td class=\"away\" title=\"the run did not come here\">–</td><td class=\"left\" title=\"not tried\">·</td></tr>",
            "<h2>Pairs that go wrong</h2>",
            "KMOCK_SWEEP=&#39;503 to list &lt;pods&gt; + 409 to delete pods n/a&#39;</pre></li>",
            "4 of 5 faults tried, then the time was over",
        ] {
            assert!(page.contains(text), "{text}\nis not in\n{page}");
        }
        assert!(!page.contains("<b>") && !page.contains("<script"));
    }
}
