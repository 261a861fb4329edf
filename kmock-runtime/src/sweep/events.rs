//! Faults of watches: the stream of an answer is followed event by event.
//!
//! An emulator sends one event a chunk, a line of JSON each; what is none (protobuf, tables) goes on as it is.

use std::{collections::VecDeque, sync::Arc, time::Duration};

use axum::body::{Body, BodyDataStream};
use bytes::Bytes;
use futures::{StreamExt, stream::unfold};
use serde_json::Value;

use super::{fault::SweepFault, place::Sort, script::Script};

/// How late an event is that comes late, and how long one waits for the next that it is merged with.
const HELD: Duration = Duration::from_secs(30);

struct Followed {
    script: Arc<Script>,
    inner: BodyDataStream,
    /// What goes out before anything else.
    ready: VecDeque<Bytes>,
    ended: bool,
}

/// The same stream, with the faults that the script has for its events.
pub(super) fn follow(script: &Arc<Script>, body: Body) -> Body {
    let followed = Followed {
        script: Arc::clone(script),
        inner: body.into_data_stream(),
        ready: VecDeque::new(),
        ended: false,
    };
    let events = unfold(followed, |mut followed| async move {
        let chunk = followed.next().await?;
        Some((Ok::<_, axum::Error>(chunk), followed))
    });
    Body::from_stream(events)
}

impl Followed {
    async fn next(&mut self) -> Option<Bytes> {
        loop {
            if let Some(chunk) = self.ready.pop_front() {
                return Some(chunk);
            }
            if self.ended {
                return None;
            }
            let chunk = self.inner.next().await?.ok()?;
            let Some(what) = words(&chunk) else {
                return Some(chunk);
            };
            match self.script.event(what) {
                None => return Some(chunk),
                Some(SweepFault::Dropped) => return None,
                Some(SweepFault::Late) => {
                    tokio::time::sleep(HELD).await;
                    return Some(chunk);
                }
                Some(SweepFault::Twice) => {
                    self.ready.push_back(chunk.clone());
                    return Some(chunk);
                }
                Some(SweepFault::Merged) => {
                    // Neither of the two is seen as an event: the next list shows what they came to.
                    let _ = tokio::time::timeout(HELD, self.inner.next()).await;
                    self.expire();
                }
                Some(_) => self.expire(),
            }
        }
    }

    fn expire(&mut self) {
        self.ended = true;
        let status = r#"{"type":"ERROR","object":{"kind":"Status","apiVersion":"v1","metadata":{},"status":"Failure","message":"The resourceVersion for the provided watch is too old.","reason":"Expired","code":410}}"#;
        self.ready.push_back(Bytes::from(format!("{status}\n")));
    }
}

/// What an event is: `event MODIFIED Pod default/web`. Bookmarks and errors are none.
fn words(chunk: &[u8]) -> Option<String> {
    let event: Value = serde_json::from_slice(chunk).ok()?;
    let kind = event.get("type")?.as_str()?;
    if !matches!(kind, "ADDED" | "MODIFIED" | "DELETED") {
        return None;
    }
    let object = event.get("object")?;
    let metadata = object.get("metadata")?;
    let text = |value: Option<&Value>| value.and_then(Value::as_str).unwrap_or_default().to_owned();
    let (namespace, name) = (text(metadata.get("namespace")), text(metadata.get("name")));
    let slash = if namespace.is_empty() { "" } else { "/" };
    let of = text(object.get("kind"));
    Some(format!("event {kind} {of} {namespace}{slash}{name}"))
}

impl Script {
    /// Notes an event that a watch is about to get; the fault that it meets.
    fn event(&self, what: String) -> Option<SweepFault> {
        let place = self.note(what, Sort::Event);
        self.meet(&place)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn events_are_known_by_what_they_are_about() {
        let line =
            br#"{"type":"ADDED","object":{"kind":"Pod","metadata":{"name":"a","namespace":"n"}}}"#;
        assert_eq!(words(line).as_deref(), Some("event ADDED Pod n/a"));
        let line = br#"{"type":"DELETED","object":{"kind":"Node","metadata":{"name":"a"}}}"#;
        assert_eq!(words(line).as_deref(), Some("event DELETED Node a"));
        assert_eq!(
            words(br#"{"type":"BOOKMARK","object":{"metadata":{}}}"#),
            None
        );
        assert_eq!(words(b"k8s\0"), None);
    }
}
