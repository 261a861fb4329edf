//! Logs as clients ask for them.

use std::sync::Arc;

use bytes::Bytes;
use futures::StreamExt;
use futures::stream;
use jiff::Timestamp;

use crate::containers::Log;
use crate::emulator::ApiBody;
use crate::emulator::kubelet::LogOptions;
use crate::shared::Shared;

/// The log of a container; `None`: it has not run.
pub(super) fn log(shared: &Shared, pod: &str, options: &LogOptions) -> Option<ApiBody> {
    let log = shared.log_of(pod, &options.container, options.previous)?;
    let (lines, next, more) = log.lines_from(0);
    let mut shown: Vec<(Timestamp, String)> = lines
        .into_iter()
        .filter(|(when, _)| options.since.is_none_or(|since| *when >= since))
        .collect();
    if let Some(tail) = options.tail {
        shown.drain(..shown.len().saturating_sub(tail));
    }
    let mut text: String = shown
        .iter()
        .map(|line| written(line, options.timestamps))
        .collect();
    if let Some(limit) = options.limit.filter(|limit| *limit < text.len()) {
        let end = (0..=limit)
            .rev()
            .find(|at| text.is_char_boundary(*at))
            .unwrap_or_default();
        text.truncate(end);
        return Some(ApiBody::Full(text.into()));
    }
    if !options.follow || !more {
        // A line without an end is part of what there is.
        return Some(ApiBody::Full(
            if options.follow {
                text
            } else {
                whole(&log, text, options)
            }
            .into(),
        ));
    }
    let first = stream::iter((!text.is_empty()).then(|| Bytes::from(text)));
    Some(ApiBody::Stream(
        first
            .chain(following(log, next, options.timestamps))
            .boxed(),
    ))
}

/// What was read, with the line that has no end yet.
fn whole(log: &Log, mut text: String, options: &LogOptions) -> String {
    if let Some(open) = log.lines().last().filter(|(_, line)| !line.ends_with('\n'))
        && options.since.is_none_or(|since| open.0 >= since)
        && options.tail != Some(0)
        && !text.ends_with(&open.1)
    {
        text.push_str(&written(open, options.timestamps));
    }
    text
}

fn written((when, line): &(Timestamp, String), timestamps: bool) -> String {
    if timestamps {
        format!("{} {line}", when.strftime("%Y-%m-%dT%H:%M:%S%.9fZ"))
    } else {
        line.clone()
    }
}

/// All lines from a number on, as they come, until nothing more does.
fn following(
    log: Arc<Log>,
    next: usize,
    timestamps: bool,
) -> impl futures::Stream<Item = Bytes> + Send {
    let changes = log.changes();
    stream::unfold(
        (log, changes, next, true),
        move |(log, mut changes, next, more)| async move {
            if !more {
                return None;
            }
            loop {
                changes.borrow_and_update();
                let (lines, after, more) = log.lines_from(next);
                if !lines.is_empty() || !more {
                    let text: String = lines.iter().map(|line| written(line, timestamps)).collect();
                    return Some((Bytes::from(text), (log, changes, after, more)));
                }
                if changes.changed().await.is_err() {
                    return None;
                }
            }
        },
    )
    .filter(|bytes| std::future::ready(!bytes.is_empty()))
}
