//! Events as client-go's recorder writes them: one object for what is told again and again, with a count; one for many that are
//! alike but for their message; and no more than so many about an object at a time.
//!
//! Rules: `client-go/tools/record/events_cache.go`; the scheduler's newer recorder counts in a series, and leaves nothing out.

use std::collections::BTreeSet;

use jiff::Timestamp;
use serde_json::{Value, json as value};

use super::latest::Latest;
use crate::emulator::meta;
use crate::json::{Json, json};
use crate::object;
use crate::plan::Note;

/// Of events that are alike but for their message so many are told apart…
const ALIKE: usize = 10;
/// …unless the last of them is as old as this, in seconds.
const ALIKE_FOR: i64 = 600;
/// So many events about one object are told at once, and then one in so many seconds.
const BURST: f64 = 25.0;
const REFILL: f64 = 300.0;
/// So much is remembered of what was told.
const KNOWN: usize = 4096;
const COMBINED: &str = "(combined from similar events): ";

const SCHEDULER: &str = "default-scheduler";

/// What an event is the same by.
type Told = (String, String, bool, String, String);

/// What events are alike by: all but the message.
type Alike = (String, String, String, bool, String);

#[derive(Debug)]
pub(crate) struct Recorder {
    told: Latest<Told, (String, i64)>,
    alike: Latest<Alike, (BTreeSet<String>, Timestamp)>,
    /// What is left to tell about an object, by who tells it, and since when.
    tokens: Latest<(String, String), (f64, Timestamp)>,
    last: i128,
}

impl Default for Recorder {
    fn default() -> Self {
        Self {
            told: Latest::new(KNOWN),
            alike: Latest::new(KNOWN),
            tokens: Latest::new(KNOWN),
            last: 0,
        }
    }
}

/// How an event is to be written.
#[derive(Debug)]
pub(crate) enum Write {
    /// A new one: its key, and what it is.
    Create(String, Value),
    /// One more of a known one: its key, and what changes.
    Count(String, Json),
    /// Not at all: so many were told about this object.
    Skip,
}

impl Recorder {
    /// Whether this is one of many that are alike, which share an event.
    fn is_combined(&mut self, note: &Note, component: &str, now: Timestamp) -> bool {
        let alike: Alike = (
            component.to_owned(),
            object::uid(&note.about).to_owned(),
            note.field.clone(),
            note.warning,
            note.reason.clone(),
        );
        let Some((known, last)) = self.alike.get_or(alike, || (BTreeSet::new(), now)) else {
            return false;
        };
        if now > object::after(*last, ALIKE_FOR) {
            known.clear();
        }
        *last = now;
        if known.contains(&note.message) {
            return false;
        }
        if known.len() + 1 < ALIKE {
            known.insert(note.message.clone());
            return false;
        }
        true
    }

    /// Takes one of what is left to tell about an object; whether there was any.
    fn may_tell(&mut self, note: &Note, component: &str, now: Timestamp) -> bool {
        let who = format!("{component}/{}", note.host);
        let of = object::uid(&note.about).to_owned();
        let Some((left, since)) = self.tokens.get_or((who, of), || (BURST, now)) else {
            return true;
        };
        let passed = object::until(now, *since).as_secs_f64();
        *left = (*left + passed / REFILL).min(BURST);
        *since = now;
        if *left < 1.0 {
            return false;
        }
        *left -= 1.0;
        true
    }

    /// What to write for a note, told by a component.
    pub(crate) fn write(&mut self, note: &Note, component: &str, now: Timestamp) -> Write {
        let about = &note.about;
        let mut message = note.message.clone();
        let mut same: Told = (
            object::uid(about).to_owned(),
            note.field.clone(),
            note.warning,
            note.reason.clone(),
            message.clone(),
        );
        if component != SCHEDULER {
            if self.is_combined(note, component, now) {
                message.insert_str(0, COMBINED);
                same.4 = COMBINED.to_owned();
            }
            if !self.may_tell(note, component, now) {
                return Write::Skip;
            }
        }
        if let Some((key, count)) = self.told.get(&same) {
            *count += 1;
            let patch = match component {
                SCHEDULER => {
                    json!({"series": {"count": *count, "lastObservedTime": meta::rfc3339_micro(now)}})
                }
                _ => {
                    json!({"count": *count, "lastTimestamp": object::time(now), "message": message})
                }
            };
            return Write::Count(key.clone(), patch);
        }
        // Names are of the time in nanoseconds; a clock that stands must not give one twice.
        self.last = now.as_nanosecond().max(self.last + 1);
        let name = format!("{}.{:x}", object::name(about), self.last);
        let namespace = match object::namespace(about) {
            "" => "default",
            namespace => namespace,
        };
        let key = object::joined(namespace, &name).into_owned();
        self.told.set(same, (key.clone(), 1));
        let mut involved =
            value!({"kind": note.kind.name(), "apiVersion": note.kind.api_version()});
        for field in ["name", "namespace", "uid", "resourceVersion"] {
            if let Some(text) = about["metadata"][field].as_str() {
                involved[field] = text.into();
            }
        }
        if !note.field.is_empty() {
            involved["fieldPath"] = note.field.as_str().into();
        }
        let mut event = value!({
            "apiVersion": "v1", "kind": "Event",
            "metadata": {"name": name, "namespace": namespace},
            "involvedObject": involved,
            "reason": note.reason, "message": message,
            "type": if note.warning { "Warning" } else { "Normal" },
            "source": {"component": component},
            "reportingComponent": component,
            "reportingInstance": note.host,
        });
        if component == SCHEDULER {
            // The scheduler speaks the newer form of events.
            event["source"] = value!({});
            event["eventTime"] = meta::rfc3339_micro(now).into();
            event["action"] = if note.reason == "Preempted" {
                "Preempting"
            } else if note.warning {
                "Scheduling"
            } else {
                "Binding"
            }
            .into();
            event["reportingInstance"] = "default-scheduler-control-plane".into();
        } else {
            event["count"] = 1.into();
            let now = meta::rfc3339(now);
            event["firstTimestamp"] = now.as_str().into();
            event["lastTimestamp"] = now.into();
            if !note.host.is_empty() {
                event["source"]["host"] = note.host.as_str().into();
            }
        }
        Write::Create(key, event)
    }

    /// Forgets an event that could not be counted up: it is told anew.
    pub(crate) fn forget(&mut self, key: &str) {
        self.told.retain(|(known, _)| known != key);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::kind::Kind;

    #[test]
    fn what_is_told_again_is_counted() {
        let mut recorder = Recorder::default();
        let pod = json!({"metadata": {"name": "web", "namespace": "shop", "uid": "u"}});
        let note = Note::warning(Kind::Pods, &pod, "BackOff", "Back-off");
        let now = Timestamp::UNIX_EPOCH;
        let Write::Create(known, event) = recorder.write(&note, "kubelet", now) else {
            panic!("told before");
        };
        assert_eq!(
            (&event["count"], &event["type"]),
            (&value!(1), &value!("Warning"))
        );
        assert_eq!(event["involvedObject"]["kind"], "Pod");
        let Write::Count(key, patch) = recorder.write(&note, "kubelet", now) else {
            panic!("not known");
        };
        assert_eq!((&key, &patch["count"]), (&known, &json!(2)));
        let other = Note::warning(Kind::Pods, &pod, "BackOff", "Other");
        let Write::Create(key, _) = recorder.write(&other, "kubelet", now) else {
            panic!("told before");
        };
        assert_ne!(key, known);
    }

    /// Rows of `TestEventCorrelator` of `events_cache_test.go`.
    #[test]
    fn many_that_are_alike_share_an_event_and_too_many_are_left_out() {
        let mut recorder = Recorder::default();
        let set = json!({"metadata": {"name": "web", "namespace": "shop", "uid": "u"}});
        let now = Timestamp::UNIX_EPOCH;
        let mut tell = |number: usize, reason: &str, now: Timestamp| {
            let message = format!("Created pod: web-{number}");
            let note = Note::normal(Kind::ReplicaSets, &set, reason, message);
            match recorder.write(&note, "replicaset-controller", now) {
                Write::Create(_, event) => {
                    format!("new {}", event["message"].as_str().unwrap_or_default())
                }
                Write::Count(_, patch) => {
                    format!("{} {}", patch["count"], object::text(&patch["message"]))
                }
                Write::Skip => "nothing".to_owned(),
            }
        };
        for number in 1..=9 {
            assert_eq!(
                tell(number, "SuccessfulCreate", now),
                format!("new Created pod: web-{number}")
            );
        }
        let combined = "(combined from similar events): Created pod: web";
        assert_eq!(
            tell(10, "SuccessfulCreate", now),
            format!("new {combined}-10")
        );
        assert_eq!(
            tell(11, "SuccessfulCreate", now),
            format!("2 {combined}-11")
        );
        // What was told before is counted as ever, and another reason is another matter.
        assert_eq!(tell(1, "SuccessfulCreate", now), "2 Created pod: web-1");
        assert_eq!(tell(1, "Other", now), "new Created pod: web-1");
        for number in 14..=25 {
            assert_ne!(tell(number, "SuccessfulCreate", now), "nothing");
        }
        assert_eq!(tell(26, "SuccessfulCreate", now), "nothing");
        // One more in five minutes; and what is old is not alike any more.
        let later = object::after(now, 300);
        assert_ne!(tell(27, "SuccessfulCreate", later), "nothing");
        assert_eq!(tell(28, "SuccessfulCreate", later), "nothing");
        let much_later = object::after(later, 601);
        assert_eq!(
            tell(29, "SuccessfulCreate", much_later),
            "new Created pod: web-29"
        );
    }
}
