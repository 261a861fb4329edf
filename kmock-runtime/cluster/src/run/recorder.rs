//! Events as client-go's recorder writes them: one object for what is told again and again, with a count.

use std::collections::HashMap;

use jiff::Timestamp;
use serde_json::{Value, json};

use crate::emulator::meta;
use crate::object;
use crate::plan::Note;

/// What an event is the same by.
type Told = (String, String, bool, String, String);

#[derive(Debug, Default)]
pub(crate) struct Recorder {
    told: HashMap<Told, (String, i64)>,
    last: i128,
}

/// How an event is to be written.
#[derive(Debug)]
pub(crate) enum Write {
    /// A new one.
    Create(Value),
    /// One more of a known one: its key, and what changes.
    Count(String, Value),
}

impl Recorder {
    /// What to write for a note, told by a component.
    pub(crate) fn write(&mut self, note: &Note, component: &str, now: Timestamp) -> Write {
        let about = &note.about;
        let same: Told = (
            object::uid(about).to_owned(),
            note.field.clone(),
            note.warning,
            note.reason.clone(),
            note.message.clone(),
        );
        if let Some((key, count)) = self.told.get_mut(&same) {
            *count += 1;
            let patch = json!({"count": *count, "lastTimestamp": object::time(now)});
            return Write::Count(key.clone(), patch);
        }
        // Names are of the time in nanoseconds; a clock that stands must not give one twice.
        self.last = now.as_nanosecond().max(self.last + 1);
        let name = format!("{}.{:x}", object::name(about), self.last);
        let namespace = match object::namespace(about) {
            "" => "default",
            namespace => namespace,
        };
        self.told.insert(same, (format!("{namespace}/{name}"), 1));
        let mut involved = about["metadata"].clone();
        object::set(&mut involved, "kind", note.kind.name().into());
        object::set(&mut involved, "apiVersion", note.kind.api_version().into());
        if !note.field.is_empty() {
            object::set(&mut involved, "fieldPath", note.field.as_str().into());
        }
        let mut event = json!({
            "apiVersion": "v1", "kind": "Event",
            "metadata": {"name": name, "namespace": namespace},
            "involvedObject": involved,
            "reason": note.reason, "message": note.message,
            "type": if note.warning { "Warning" } else { "Normal" },
            "source": {"component": component},
            "reportingComponent": component,
            "reportingInstance": note.host,
        });
        if component == "default-scheduler" {
            // The scheduler speaks the newer form of events.
            object::set(&mut event, "source", json!({}));
            event["eventTime"] = meta::rfc3339_micro(now).into();
            event["firstTimestamp"] = Value::Null;
            event["lastTimestamp"] = Value::Null;
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
            event["firstTimestamp"] = object::time(now);
            event["lastTimestamp"] = object::time(now);
            if !note.host.is_empty() {
                event["source"]["host"] = note.host.as_str().into();
            }
        }
        Write::Create(event)
    }

    /// Forgets an event that could not be counted up: it is told anew.
    pub(crate) fn forget(&mut self, key: &str) {
        self.told.retain(|_, (known, _)| known != key);
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
        let Write::Create(event) = recorder.write(&note, "kubelet", now) else {
            panic!("told before");
        };
        assert_eq!(
            (&event["count"], &event["type"]),
            (&json!(1), &json!("Warning"))
        );
        assert_eq!(event["involvedObject"]["kind"], "Pod");
        let Write::Count(key, patch) = recorder.write(&note, "kubelet", now) else {
            panic!("not known");
        };
        assert_eq!((key, &patch["count"]), (object::key(&event), &json!(2)));
        let other = Note::warning(Kind::Pods, &pod, "BackOff", "Other");
        let Write::Create(other) = recorder.write(&other, "kubelet", now) else {
            panic!("told before");
        };
        assert_ne!(object::name(&other), object::name(&event));
    }
}
