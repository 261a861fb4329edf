//! Cron jobs: their schedules, time zones and the template of their jobs.

use serde_json::Value;

use super::jobs::job_spec;
use super::rules::{Faults, invalid_struct, not_negative, one_of};
use crate::kinds::builtin::times;
use crate::kinds::builtin::values::{at, is_set, text, truth};
use crate::model::status::FieldError;

/// The jobs' names have a time after that of the cron job.
const LONGEST_NAME: usize = 52;

/// Faults of a cron job, or of a change of it.
pub(in crate::kinds::builtin) fn cron_job(faults: &mut Faults, new: &Value, old: Option<&Value>) {
    let spec = at(new, &["spec"]);
    let old = old.map(|old| at(old, &["spec"]));
    let text_of_schedule = text(spec, &["schedule"]);
    let zone = at(spec, &["timeZone"]);
    if text_of_schedule.is_empty() {
        faults.push(FieldError::required("spec.schedule", ""));
    } else {
        let mut wrong = |why: &str| {
            faults.push(FieldError::invalid_text(
                "spec.schedule",
                text_of_schedule,
                why,
            ));
        };
        if let Err(why) = schedule(text_of_schedule) {
            wrong(&why);
        }
        let had_zone = old.is_some_and(|old| text(old, &["schedule"]).contains("TZ"));
        if text_of_schedule.contains("TZ") && !had_zone {
            wrong("cannot use TZ or CRON_TZ in schedule, use timeZone field instead");
        } else if text_of_schedule.contains("TZ") && !zone.is_null() {
            wrong("cannot use both timeZone field and TZ or CRON_TZ in schedule");
        }
    }
    not_negative(faults, spec, &["startingDeadlineSeconds"], "spec");
    if let Some(zone) = zone.as_str()
        && old.is_none_or(|old| text(old, &["timeZone"]) != zone)
    {
        for why in time_zone_faults(zone) {
            faults.push(FieldError::invalid_text("spec.timeZone", zone, why));
        }
    }
    one_of(
        faults,
        "spec.concurrencyPolicy",
        text(spec, &["concurrencyPolicy"]),
        &["Allow", "Forbid", "Replace"],
    );
    let template = at(spec, &["jobTemplate", "spec"]);
    job_spec(faults, template, "spec.jobTemplate.spec");
    if is_set(template, &["selector"]) {
        faults.push(invalid_struct(
            "spec.jobTemplate.spec.selector",
            "meta.v1.LabelSelector",
            at(template, &["selector"]),
            "`selector` will be auto-generated",
        ));
    }
    if truth(template, &["manualSelector"]) {
        faults.push(FieldError::not_supported(
            "spec.jobTemplate.spec.manualSelector",
            &true.into(),
            &["nil", "false"],
        ));
    }
    not_negative(
        faults,
        spec,
        &["successfulJobsHistoryLimit", "failedJobsHistoryLimit"],
        "spec",
    );
    let name = text(new, &["metadata", "name"]);
    if old.is_none() && name.len() > LONGEST_NAME {
        let why = format!("must be no more than {LONGEST_NAME} characters");
        faults.push(FieldError::invalid_text("metadata.name", name, why));
    }
}

fn time_zone_faults(zone: &str) -> Vec<String> {
    if zone.is_empty() {
        return vec!["timeZone must be nil or non-empty string".into()];
    }
    let unknown = format!("unknown time zone {zone}");
    let is_part = |part: &str| {
        (1..=14).contains(&part.len())
            && !matches!(part, "." | "..")
            && !part.starts_with('-')
            && part
                .bytes()
                .all(|c| c.is_ascii_alphanumeric() || b".-_+".contains(&c))
    };
    if !zone.split('/').all(is_part) {
        return vec![unknown];
    }
    let mut faults = Vec::new();
    if zone.eq_ignore_ascii_case("local") {
        faults.push(
            "timeZone must be an explicit time zone as defined in https://www.iana.org/time-zones"
                .into(),
        );
    }
    if !is_time_zone(zone) {
        faults.push(unknown);
    }
    faults
}

/// Whether there is such a time zone; anything is where the machine has no list of them.
fn is_time_zone(name: &str) -> bool {
    matches!(name, "UTC" | "Local")
        || jiff::tz::TimeZone::get(name).is_ok_and(|zone| zone.iana_name() == Some(name))
        || jiff::tz::db().available().next().is_none()
}

/// Reads a cron schedule of five fields; the error is that of `robfig/cron`.
fn schedule(text: &str) -> Result<(), String> {
    let mut text = text;
    if text.starts_with("TZ=") || text.starts_with("CRON_TZ=") {
        let from = text.find('=').unwrap_or_default() + 1;
        // What the server's parser says when it falls over the missing blank.
        let end = text.find(' ').ok_or_else(|| {
            "invalid schedule format: runtime error: slice bounds out of range [:-1]".to_owned()
        })?;
        let zone = text.get(from..end).unwrap_or_default();
        if !zone.is_empty() && !is_time_zone(zone) {
            return Err(format!(
                "provided bad location {zone}: unknown time zone {zone}"
            ));
        }
        text = text.get(end..).unwrap_or_default().trim();
    }
    if let Some(descriptor) = text.strip_prefix('@') {
        return match descriptor {
            "yearly" | "annually" | "monthly" | "weekly" | "daily" | "midnight" | "hourly" => {
                Ok(())
            }
            _ => match descriptor.strip_prefix("every ") {
                Some(duration) => times::duration(duration)
                    .map(drop)
                    .map_err(|why| format!("failed to parse duration @{descriptor}: {why}")),
                None => Err(format!("unrecognized descriptor: @{descriptor}")),
            },
        };
    }
    let fields: Vec<&str> = text.split_whitespace().collect();
    if fields.len() != 5 {
        return Err(format!(
            "expected exactly 5 fields, found {}: [{}]",
            fields.len(),
            fields.join(" ")
        ));
    }
    const MONTHS: [&str; 12] = [
        "jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec",
    ];
    const DAYS: [&str; 7] = ["sun", "mon", "tue", "wed", "thu", "fri", "sat"];
    let bounds: [(u32, u32, &[&str], u32); 5] = [
        (0, 59, &[], 0),
        (0, 23, &[], 0),
        (1, 31, &[], 0),
        (1, 12, &MONTHS, 1),
        (0, 6, &DAYS, 0),
    ];
    for (field, (low, high, names, first)) in fields.iter().zip(bounds) {
        for part in field.split(',').filter(|part| !part.is_empty()) {
            cron_range(part, low, high, names, first)?;
        }
    }
    Ok(())
}

fn cron_range(text: &str, low: u32, high: u32, names: &[&str], first: u32) -> Result<(), String> {
    let count = |part: &str| -> Result<u32, String> {
        match part.parse::<i64>() {
            Ok(n) if n < 0 => Err(format!("negative number ({n}) not allowed: {part}")),
            Ok(n) => u32::try_from(n).map_err(|_| format!("failed to parse int from {part}")),
            Err(_) => Err(format!(
                "failed to parse int from {part}: strconv.Atoi: parsing \"{part}\": invalid syntax"
            )),
        }
    };
    let number = |part: &str| match names.iter().position(|n| n.eq_ignore_ascii_case(part)) {
        Some(i) => Ok(u32::try_from(i).unwrap_or_default() + first),
        None => count(part),
    };
    let steps: Vec<&str> = text.split('/').collect();
    let range: Vec<&str> = steps
        .first()
        .copied()
        .unwrap_or_default()
        .split('-')
        .collect();
    let (start, mut end) = match range.as_slice() {
        ["*" | "?", ..] => (low, high),
        [one] => {
            let n = number(one)?;
            (n, n)
        }
        [from, to] => (number(from)?, number(to)?),
        [from, ..] => {
            number(from)?;
            return Err(format!("too many hyphens: {text}"));
        }
        [] => return Err(format!("too many hyphens: {text}")),
    };
    let step = match steps.as_slice() {
        [_] => 1,
        [_, step] => {
            if range.len() == 1 && !matches!(range.first(), Some(&("*" | "?"))) {
                end = high;
            }
            count(step)?
        }
        _ => return Err(format!("too many slashes: {text}")),
    };
    if start < low {
        return Err(format!(
            "beginning of range ({start}) below minimum ({low}): {text}"
        ));
    }
    if end > high {
        return Err(format!(
            "end of range ({end}) above maximum ({high}): {text}"
        ));
    }
    if start > end {
        return Err(format!(
            "beginning of range ({start}) beyond end of range ({end}): {text}"
        ));
    }
    if step == 0 {
        return Err(format!("step of range should be a positive number: {text}"));
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn schedules() {
        for good in [
            "*/5 * * * *",
            "0 0 1 jan mon-fri",
            "@daily",
            "0,30 8-18/2 * * *",
        ] {
            assert_eq!(schedule(good), Ok(()), "{good}");
        }
        assert_eq!(
            schedule("bad"),
            Err("expected exactly 5 fields, found 1: [bad]".into())
        );
        assert_eq!(
            schedule("60 * * * *"),
            Err("end of range (60) above maximum (59): 60".into())
        );
        assert_eq!(
            schedule("x * * * *"),
            Err("failed to parse int from x: strconv.Atoi: parsing \"x\": invalid syntax".into())
        );
    }
}
