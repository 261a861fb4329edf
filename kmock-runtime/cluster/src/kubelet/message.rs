//! What a container leaves behind when it ends: the file at its `terminationMessagePath`, or the end of its log.
//!
//! Rules: `getTerminationMessage` of `pkg/kubelet/kuberuntime/kuberuntime_container.go`.

use super::state::Run;
use crate::object::text;
use crate::shared::Shared;

/// So much of a file is read.
const MOST: usize = 4096;
/// So much of a log, and so many lines.
const MOST_OF_LOG: (usize, usize) = (2048, 80);

/// The message of a container that ends with a code.
pub(super) fn left(one: &Run, code: i32, shared: &Shared) -> String {
    let Some(running) = shared.running(&one.pod, &one.name) else {
        return String::new();
    };
    let container = running.container.spec();
    let path = match text(&container["terminationMessagePath"]) {
        "" => "/dev/termination-log",
        path => path,
    };
    let file = running.container.file(path).unwrap_or_default();
    let file = file.get(..MOST).unwrap_or(&file);
    let asks_log = container["terminationMessagePolicy"] == "FallbackToLogsOnError";
    if file.is_empty() && asks_log && code != 0 {
        return end_of(&one.log.text()).to_owned();
    }
    String::from_utf8_lossy(file).into_owned()
}

/// The end of a log.
fn end_of(log: &str) -> &str {
    let (bytes, lines) = MOST_OF_LOG;
    let whole = log.strip_suffix('\n').unwrap_or(log);
    let by_lines = whole.rmatch_indices('\n').nth(lines - 1);
    let mut begin = by_lines.map_or(0, |(at, _)| at + 1);
    begin = begin.max(log.len().saturating_sub(bytes));
    while !log.is_char_boundary(begin) {
        begin += 1;
    }
    log.get(begin..).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn logs_are_cut_at_lines_and_at_bytes() {
        assert_eq!((end_of(""), end_of("a\nb\n")), ("", "a\nb\n"));
        let lines: String = (0..100).map(|number| format!("{number}\n")).collect();
        assert!(end_of(&lines).starts_with("20\n") && end_of(&lines).ends_with("99\n"));
        let long = "é".repeat(2000);
        assert_eq!(end_of(&long).len(), 2048);
    }
}
