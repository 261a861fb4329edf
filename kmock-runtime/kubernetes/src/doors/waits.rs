//! Waiting for an object: how long, for what, and what there is to say when it never comes true.

use std::{
    fmt::Write,
    panic::Location,
    pin::pin,
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicU64, Ordering},
    },
    time::{Duration, Instant},
};

use serde_json::Value;

use super::objects::contains;
use crate::state::cluster::Cluster;

/// How long a wait for an object lasts, unless it is told: controllers take their time. By a clock that stands still while
/// nothing happens, an hour costs none.
const PATIENCE: Duration = Duration::from_secs(30);
const VIRTUAL_PATIENCE: Duration = Duration::from_secs(3600);

/// How many differences, and how many other objects, are told.
const TOLD: usize = 5;

/// How much of a value is shown.
const SHOWN: usize = 120;

/// What somebody waits for, in words that are made when they are asked for.
pub(super) type What = Arc<dyn Fn() -> String + Send + Sync>;

/// Who waits at the moment, at all clusters of the process.
static WAITING: Mutex<Vec<Waiting>> = Mutex::new(Vec::new());
static NEXT_ID: AtomicU64 = AtomicU64::new(1);

struct Waiting {
    id: u64,
    cluster: usize,
    place: &'static Location<'static>,
    what: What,
}

fn waiting() -> MutexGuard<'static, Vec<Waiting>> {
    WAITING.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Who waits for an object of a cluster, in words: for whoever ends the test.
pub fn told(cluster: &Cluster) -> Vec<String> {
    let all: Vec<(&Location<'_>, What)> = waiting()
        .iter()
        .filter(|one| one.cluster == cluster.identity())
        .map(|one| (one.place, Arc::clone(&one.what)))
        .collect();
    // What somebody waits for is asked outside of the lock: it looks at the store.
    all.into_iter()
        .map(|(place, what)| format!("{place} waits for {}", what().replace('\n', "\n  ")))
        .collect()
}

/// One that waits, as long as this lives.
pub(super) struct Wait(u64);

impl Wait {
    pub(super) fn begin(cluster: &Cluster, place: &'static Location<'static>, what: What) -> Wait {
        let id = NEXT_ID.fetch_add(1, Ordering::Relaxed);
        waiting().push(Waiting {
            id,
            cluster: cluster.identity(),
            place,
            what,
        });
        Wait(id)
    }
}

impl Drop for Wait {
    fn drop(&mut self) {
        waiting().retain(|one| one.id != self.0);
    }
}

/// Waits for something of a cluster, for so long or as long as a test has patience. `Err`: what was waited for in vain.
pub(super) async fn patiently<T>(
    cluster: &Cluster,
    place: &'static Location<'static>,
    within: Option<Duration>,
    what: What,
    happens: impl Future<Output = T>,
) -> Result<T, String> {
    let _wait = Wait::begin(cluster, place, Arc::clone(&what));
    let mut happens = pin!(happens);
    let first = within.unwrap_or(PATIENCE);
    let began = Instant::now();
    if let Ok(happened) = tokio::time::timeout(first, happens.as_mut()).await {
        return Ok(happened);
    }
    // The runtime's clock has gone on by the patience; where the real one has not, time is virtual.
    let is_virtual = began.elapsed() < first / 2;
    let mut waited = first;
    if within.is_none() && is_virtual {
        waited = VIRTUAL_PATIENCE;
        if let Ok(happened) = tokio::time::timeout(waited - first, happens).await {
            return Ok(happened);
        }
    }
    let what = what();
    let (line, more) = match what.split_once('\n') {
        Some((line, more)) => (line, format!("\n{more}")),
        None => (what.as_str(), String::new()),
    };
    Err(format!(
        "{line} did not come true within {waited:?}   {place}{more}"
    ))
}

/// What a value lacks of a pattern, a line each: `/status/url: want "a", got "b"`.
pub(super) fn differences(value: &Value, pattern: &Value) -> Vec<String> {
    let mut told = Vec::new();
    differ(value, pattern, &mut String::new(), &mut told);
    told
}

fn differ(value: &Value, pattern: &Value, at: &mut String, told: &mut Vec<String>) {
    if told.len() > TOLD || contains(value, pattern) {
        return;
    }
    if let (Value::Object(value), Value::Object(pattern)) = (value, pattern) {
        for (key, pattern) in pattern {
            let before = at.len();
            let _ = write!(at, "/{}", key.replace('~', "~0").replace('/', "~1"));
            match value.get(key) {
                Some(value) => differ(value, pattern, at, told),
                None => told.push(format!("{at}: want {}, got nothing", shown(pattern))),
            }
            at.truncate(before);
        }
        return;
    }
    if let (Value::Array(value), Value::Array(pattern)) = (value, pattern)
        && value.len() == pattern.len()
    {
        for (n, (value, pattern)) in value.iter().zip(pattern).enumerate() {
            let before = at.len();
            let _ = write!(at, "/{n}");
            differ(value, pattern, at, told);
            at.truncate(before);
        }
        return;
    }
    let place = if at.is_empty() { "the whole" } else { at };
    told.push(format!(
        "{place}: want {}, got {}",
        shown(pattern),
        shown(value)
    ));
}

/// At most so many lines, the others counted.
pub(super) fn some(lines: &[String], indent: usize) -> String {
    let mut text = String::new();
    for line in lines.iter().take(TOLD) {
        let _ = write!(text, "\n{:indent$}{line}", "");
    }
    if let Some(more @ 1..) = lines.len().checked_sub(TOLD) {
        let _ = write!(text, "\n{:indent$}… and {more} more", "");
    }
    text
}

pub(super) fn shown(value: &Value) -> String {
    let text = value.to_string();
    if text.chars().count() <= SHOWN {
        return text;
    }
    text.chars().take(SHOWN).collect::<String>() + "…"
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn differences_are_told_by_their_pointers() {
        let object = json!({"status": {"url": "x", "list": [{"a": 1}, {"a": 2}]}, "spec": {}});
        let pattern =
            json!({"status": {"url": "y", "list": [{"a": 1}, {"a": 3}]}, "spec": {"n/m": 1}});
        let mut told = differences(&object, &pattern);
        told.sort();
        assert_eq!(
            told,
            [
                "/spec/n~1m: want 1, got nothing",
                "/status/list/1/a: want 3, got 2",
                "/status/url: want \"y\", got \"x\"",
            ]
        );
        assert!(differences(&object, &json!({"status": {}})).is_empty());
    }
}
