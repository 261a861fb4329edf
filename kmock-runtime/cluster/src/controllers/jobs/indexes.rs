//! Indexes of Pods of indexed Jobs, and how lists of them are written: `0-2,5`.

use std::collections::BTreeSet;

use crate::json::Json;
use crate::object;

/// The label and the annotation that say a Pod's index.
pub(super) const INDEX: &str = "batch.kubernetes.io/job-completion-index";
/// How often an index failed before the Pod of the annotation.
pub(super) const FAILURES: &str = "batch.kubernetes.io/job-index-failure-count";
/// The same with failures that a policy ignores.
pub(super) const IGNORED: &str = "batch.kubernetes.io/job-index-ignored-failure-count";

/// The index of a Pod, if it is one that the Job has.
pub(super) fn of(pod: &Json, completions: i64) -> Option<i64> {
    let index = object::annotation(pod, INDEX).parse::<i64>().ok()?;
    (0..completions).contains(&index).then_some(index)
}

/// Reads a list; what is not below the number of completions does not count.
pub(super) fn read(text: &str, completions: i64) -> BTreeSet<i64> {
    let mut all = BTreeSet::new();
    for part in text.split(',').filter(|part| !part.is_empty()) {
        let (first, last) = part.split_once('-').unwrap_or((part, part));
        if let (Ok(first), Ok(last)) = (first.parse::<i64>(), last.parse::<i64>()) {
            all.extend(first..=last.min(completions - 1));
        }
    }
    all
}

/// Writes a list: runs of three or more, and of two, as `first-last`.
pub(super) fn write(all: &BTreeSet<i64>) -> String {
    let mut parts: Vec<(i64, i64)> = Vec::new();
    for index in all {
        match parts.last_mut() {
            Some((_, last)) if *last + 1 == *index => *last = *index,
            _ => parts.push((*index, *index)),
        }
    }
    let written = parts.into_iter().map(|(first, last)| match last - first {
        0 => first.to_string(),
        1 => format!("{first},{last}"),
        _ => format!("{first}-{last}"),
    });
    written.collect::<Vec<_>>().join(",")
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Rows of `TestCalculateSucceededIndexes` and `TestIntervalsHaveIndex`.
    #[test]
    fn lists_go_both_ways() {
        for (text, completions, expected) in [
            ("", 5, ""),
            ("3-5,9,11,12", 20, "3-5,9,11,12"),
            ("0-4", 3, "0-2"),
            ("1,2,3", 9, "1-3"),
            ("7", 5, ""),
            ("1-2", 5, "1,2"),
        ] {
            assert_eq!(write(&read(text, completions)), expected, "{text}");
        }
    }
}
