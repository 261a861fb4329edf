//! Reports as JSON, for other tools.

use serde_core::{Serialize, Serializer};
use serde_json::{Value, json};

use crate::{
    criteria::{Finding, Verdict},
    journal::{Answerer, Body, End, Entry, Failure, Near, ObjectHistory, Report, Sent},
    location::Location,
};

impl Report {
    /// The report as JSON. Times are in seconds from the start of the server, places are `file:line:column`.
    pub fn to_json(&self) -> Value {
        json!({
            "at": self.at.as_secs_f64(),
            "failures": all(&self.failures, failure),
            "requests": all(&self.entries, entry),
            "shadowed": all(&self.shadowed, |one| json!({
                "rule": one.rule,
                "location": place(one.location),
                "by": one.by,
                "byLocation": place(one.by_location),
            })),
            "errors": self.errors,
            "notes": self.notes,
            "objects": all(&self.objects, object),
        })
    }
}

impl Serialize for Report {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        self.to_json().serialize(serializer)
    }
}

fn all<T>(items: &[T], one: impl Fn(&T) -> Value) -> Value {
    items.iter().map(one).collect()
}

fn place(location: Location) -> String {
    location.to_string()
}

fn failure(failure: &Failure) -> Value {
    json!({
        "claim": failure.claim,
        "want": failure.want,
        "got": failure.got,
        "location": place(failure.location),
        "rule": failure.rule.as_ref().map(|(rule, location)| json!({
            "rule": rule,
            "location": place(*location),
        })),
        "detail": failure.detail,
        "came": failure.came,
        "nearest": all(&failure.nearest, |near| json!({
            "id": near.id,
            "verb": near.verb,
            "target": near.target,
            "status": near.status,
            "answeredBy": answerer(&near.answered_by),
            "criteria": all(&near.criteria, finding),
        })),
    })
}

fn answerer(answerer: &Answerer) -> Value {
    match answerer {
        Answerer::Nobody => Value::Null,
        Answerer::Rule(rule, location) => json!({ "rule": rule, "location": place(*location) }),
        Answerer::Kubernetes => json!("kubernetes"),
        Answerer::Forwarded(upstream) => json!({ "forwarded": upstream }),
        Answerer::Tunnel(host) => json!({ "tunnel": host }),
        Answerer::NoRule => json!("no rule"),
        Answerer::Limit => json!("limit"),
    }
}

pub(super) fn near(near: &Near) -> Value {
    json!({
        "rule": near.rule,
        "location": place(near.location),
        "criteria": all(&near.criteria, finding),
    })
}

fn finding(finding: &Finding) -> Value {
    json!({
        "criterion": finding.criterion,
        "holds": match finding.verdict {
            Verdict::Holds => Some(true),
            Verdict::Fails => Some(false),
            Verdict::Unknown => None,
        },
        "got": finding.got,
        "hint": finding.hint,
        "differences": all(&finding.differences, |one| json!({
            "pointer": one.pointer,
            "want": one.want,
            "got": one.got,
            "hint": one.hint,
        })),
        "location": place(finding.location),
    })
}

fn entry(entry: &Entry) -> Value {
    json!({
        "id": entry.id,
        "at": entry.at.as_secs_f64(),
        "who": entry.who,
        "user": entry.user,
        "lacks": entry.lacks,
        "method": entry.method,
        "path": entry.path,
        "verb": entry.verb,
        "target": entry.target,
        "headers": entry.headers,
        "body": body(&entry.body),
        "status": entry.status,
        "duration": entry.duration.map(|duration| duration.as_secs_f64()),
        "answeredBy": answerer(&entry.answered_by),
        "fault": entry.fault,
        "gone": entry.gone,
        "coming": entry.coming,
        "answerHeaders": entry.answer_headers,
        "answer": body(&entry.answer),
        "sent": entry.sent.as_ref().map(sent),
        "upstream": entry.upstream,
        "frames": all(&entry.messages, |message| json!({
            "at": message.at.as_secs_f64(),
            "received": message.received,
            "frame": message.frame,
        })),
        "nearest": all(&entry.near, near),
        "sameAs": entry.same_as,
    })
}

fn body(body: &Body) -> Value {
    if body.is_empty() {
        return Value::Null;
    }
    let mut json =
        json!({ "size": body.size, "kind": body.kind, "text": body.text, "cut": body.cut });
    if let Some(coding) = &body.coding {
        json["coding"] = coding.as_str().into();
    }
    json
}

fn sent(sent: &Sent) -> Value {
    let end = sent.end.as_ref().map(|(at, end)| {
        let how = match end {
            End::Complete => "complete",
            End::Cut => "cut",
            End::Failed(message) => message,
        };
        json!({ "at": at.as_secs_f64(), "how": how })
    });
    json!({
        "begun": sent.begun.as_secs_f64(),
        "streamed": sent.streamed,
        "chunks": all(&sent.chunks, |chunk| json!([chunk.at.as_secs_f64(), chunk.size])),
        "count": sent.count,
        "size": sent.size,
        "end": end,
    })
}

fn object(object: &ObjectHistory) -> Value {
    json!({
        "resource": object.resource,
        "name": object.name,
        "owners": object.owners,
        "versions": all(&object.versions, |version| json!({
            "revision": version.revision,
            "change": version.change,
            "by": version.by,
            "manager": version.manager,
            "request": version.request,
            "fields": all(&version.fields, |field| json!({
                "path": field.path,
                "before": field.before,
                "after": field.after,
            })),
        })),
    })
}
