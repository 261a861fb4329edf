//! Events of both groups: one type behind two faces, of which `events.k8s.io/v1` is checked more strictly.
//!
//! Faults name the fields as the core group does, whatever the client called them.

use serde_json::Value;

use super::rules::{Faults, IMMUTABLE, invalid_internal, required, texts};
use crate::kinds::builtin::values::{at, int, is_set, text};
use crate::model::meta::{self, MetadataRules, qualified_name_faults, subdomain_faults};
use crate::model::status::FieldError;
use crate::model::strategy::{Context, NameRule};

/// What the two faces call the same fields, with the core group's name first.
const NAMES: [[&str; 2]; 7] = [
    ["involvedObject", "regarding"],
    ["message", "note"],
    ["source", "deprecatedSource"],
    ["firstTimestamp", "deprecatedFirstTimestamp"],
    ["lastTimestamp", "deprecatedLastTimestamp"],
    ["count", "deprecatedCount"],
    ["reportingComponent", "reportingController"],
];

/// An event as one of the groups shows it.
#[derive(Clone, Copy)]
struct Event<'a> {
    object: &'a Value,
    strict: bool,
}

impl<'a> Event<'a> {
    fn of(strict: bool, object: &'a Value) -> Self {
        Self { object, strict }
    }

    /// The name of a field on this face.
    fn called(self, core: &'static str) -> &'static str {
        let pair = NAMES.iter().find(|[name, _]| *name == core);
        pair.map_or(
            core,
            |[name, strict]| if self.strict { strict } else { name },
        )
    }

    fn at(self, core: &'static str) -> &'a Value {
        at(self.object, &[self.called(core)])
    }

    fn text(self, core: &'static str) -> &'a str {
        text(self.object, &[self.called(core)])
    }
}

/// Faults of a new event; `strict`: of the group `events.k8s.io`.
pub(in crate::kinds::builtin) fn create(
    strict: bool,
    context: &Context<'_>,
    object: &Value,
) -> Faults {
    let event = Event::of(strict, object);
    let mut faults = legacy(event, context);
    if !event.strict {
        return faults;
    }
    let rules = MetadataRules {
        name: NameRule::Subdomain,
        namespaced: true,
        qualified_finalizers: true,
    };
    faults.extend(meta::validate(&object["metadata"], rules));
    series(&mut faults, event);
    if !is_set(object, &["eventTime"]) {
        faults.push(FieldError::required("eventTime", ""));
    }
    let kind = event.text("type");
    if !matches!(kind, "Normal" | "Warning") {
        let why = format!("has invalid value: {kind}");
        faults.push(FieldError::invalid_text("type", "", why));
    }
    let unset = |path: &str, is_set: bool| {
        is_set.then(|| FieldError::invalid_text(path, "", "needs to be unset"))
    };
    let source = event.at("source");
    let has_source = ["component", "host"]
        .iter()
        .any(|key| !text(source, &[key]).is_empty());
    faults.extend(unset(
        "firstTimestamp",
        event.at("firstTimestamp").is_string(),
    ));
    faults.extend(unset(
        "lastTimestamp",
        event.at("lastTimestamp").is_string(),
    ));
    faults.extend(unset(
        "count",
        event.at("count").as_i64().unwrap_or_default() != 0,
    ));
    faults.extend(unset("source", has_source));
    faults
}

/// Faults of a changed event: through the newer group next to nothing may change.
pub(in crate::kinds::builtin) fn update(
    strict: bool,
    context: &Context<'_>,
    new: &Value,
    old: &Value,
) -> Faults {
    let (event, former) = (Event::of(strict, new), Event::of(strict, old));
    let mut faults = legacy(event, context);
    if !event.strict {
        return faults;
    }
    faults.extend(meta::validate_update(&new["metadata"], &old["metadata"]));
    faults.extend(meta::unqualified_finalizers(&new["metadata"]));
    if event.at("series") != former.at("series") {
        series(&mut faults, event);
    }
    for field in [
        "involvedObject",
        "reason",
        "message",
        "source",
        "firstTimestamp",
        "lastTimestamp",
        "count",
        "reason",
        "type",
        "eventTime",
        "action",
        "related",
        "reportingComponent",
        "reportingInstance",
    ] {
        if event.at(field) != former.at(field) {
            let shown = if field == "reportingComponent" {
                "reportingController"
            } else {
                field
            };
            faults.push(match field {
                "involvedObject" | "related" => {
                    invalid_internal(shown, "core.v1.ObjectReference", event.at(field), IMMUTABLE)
                }
                "source" => {
                    invalid_internal(shown, "core.v1.EventSource", event.at(field), IMMUTABLE)
                }
                _ => FieldError::invalid(shown, event.at(field), IMMUTABLE),
            });
        }
    }
    faults
}

/// What events of both groups must fulfil. Those with an `eventTime` are of the new style.
fn legacy(event: Event<'_>, context: &Context<'_>) -> Faults {
    let mut faults = Faults::new();
    let own = text(event.object, &["metadata", "namespace"]);
    let namespace = if own.is_empty() {
        context.namespace
    } else {
        own
    };
    let involved = text(event.at("involvedObject"), &["namespace"]);
    let is_new = is_set(event.object, &["eventTime"]);
    let fits = match (is_new, involved) {
        // Things without a namespace have their events in `default`, or, the newer ones, in `kube-system`.
        (false, "") => matches!(namespace, "" | "default"),
        (true, "") => matches!(namespace, "default" | "kube-system"),
        (false, involved) => involved == namespace,
        (true, _) => true,
    };
    if !fits {
        let why = "does not match event.namespace";
        faults.push(FieldError::invalid_text(
            "involvedObject.namespace",
            involved,
            why,
        ));
    }
    if is_new {
        new_style(&mut faults, event);
    }
    texts(
        &mut faults,
        "namespace",
        namespace,
        subdomain_faults(namespace),
    );
    faults
}

fn new_style(faults: &mut Faults, event: Event<'_>) {
    let who = event.called("reportingComponent");
    let controller = event.text("reportingComponent");
    required(faults, who, controller);
    texts(faults, who, controller, qualified_name_faults(controller));
    for (key, most, needed) in [
        ("reportingInstance", 128, true),
        ("action", 128, true),
        ("reason", 128, true),
        ("message", 1024, false),
    ] {
        let value = event.text(key);
        if needed {
            required(faults, key, value);
        }
        if value.len() > most {
            let why = format!("can have at most {most} characters");
            faults.push(FieldError::invalid_text(key, "", why));
        }
    }
}

fn series(faults: &mut Faults, event: Event<'_>) {
    let series = event.at("series");
    if !series.is_object() {
        return;
    }
    if int(series, &["count"]) < 2 {
        let why = "should be at least 2";
        faults.push(FieldError::invalid_text("series.count", "", why));
    }
    if !is_set(series, &["lastObservedTime"]) {
        faults.push(FieldError::required("series.lastObservedTime", ""));
    }
}
