//! What a controller wants: writes in order, and when it wants to look again.
//!
//! Controllers are functions from what the cluster is to what is to be done; the runner does it.

use std::time::Duration;

use crate::json::{Json, Key, Members, json};
use crate::kind::Kind;

/// One write.
#[derive(Debug, Clone, PartialEq)]
pub enum Action {
    /// Creates an object.
    Create {
        /// Its kind.
        kind: Kind,
        /// The object, with its namespace and a name or a `generateName`.
        object: Json,
        /// What is told once it is there; `{}` in its message becomes the object's name.
        told: Option<Note>,
    },
    /// Replaces an object, if it is still the version that was seen.
    Update {
        /// Its kind.
        kind: Kind,
        /// All of it.
        object: Json,
    },
    /// Replaces the status of an object, if it is still the version that was seen.
    Status {
        /// Its kind.
        kind: Kind,
        /// The object with its new status.
        object: Json,
    },
    /// Changes a part of an object, by a merge patch.
    Patch {
        /// Its kind.
        kind: Kind,
        /// `namespace/name`.
        key: String,
        /// A subresource, or nothing.
        subresource: &'static str,
        /// What changes.
        patch: Json,
    },
    /// Deletes an object.
    Delete {
        /// Its kind.
        kind: Kind,
        /// `namespace/name`.
        key: String,
        /// Only that of this uid.
        uid: String,
        /// `gracePeriodSeconds`, `propagationPolicy`.
        options: Deletion,
    },
    /// Puts a Pod on a node.
    Bind {
        /// `namespace/name` of the Pod.
        key: String,
        /// Its uid.
        uid: String,
        /// The node.
        node: String,
    },
    /// Any other request: a patch is a merge patch.
    Request {
        /// The method.
        method: &'static str,
        /// The path.
        path: String,
        /// The body; null: none.
        body: Json,
    },
    /// A write, if somebody may do something.
    IfAllowed {
        /// Who, and what: a SubjectAccessReview.
        review: Json,
        /// The write.
        then: Box<Action>,
    },
    /// Tells an event.
    Tell(Note),
}

/// How an object is deleted.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Deletion {
    /// `gracePeriodSeconds`.
    pub grace: Option<i64>,
    /// `propagationPolicy`.
    pub propagation: Option<&'static str>,
}

/// An event to be told: counted up where the same was told before.
#[derive(Debug, Clone, PartialEq)]
pub struct Note {
    /// The kind of what it is about.
    pub kind: Kind,
    /// What it is about.
    pub about: Json,
    /// A part of it: `spec.containers{web}`.
    pub field: String,
    /// Something is wrong.
    pub warning: bool,
    /// The reason, in CamelCase.
    pub reason: String,
    /// The text.
    pub message: String,
    /// Whoever tells it, if not the controller: `kubelet`, with its node.
    pub host: String,
}

impl Note {
    /// A normal event about an object.
    pub fn normal(kind: Kind, about: &Json, reason: &str, message: impl Into<String>) -> Note {
        Note {
            kind,
            about: identity(about),
            field: String::new(),
            warning: false,
            reason: reason.to_owned(),
            message: message.into(),
            host: String::new(),
        }
    }

    /// A warning about an object.
    pub fn warning(kind: Kind, about: &Json, reason: &str, message: impl Into<String>) -> Note {
        Note {
            warning: true,
            ..Note::normal(kind, about, reason, message)
        }
    }
}

/// As much of an object as an event says of it.
fn identity(object: &Json) -> Json {
    let metadata = &object["metadata"];
    let mut short = Members::new();
    for part in ["name", "namespace", "uid", "resourceVersion"] {
        if !metadata[part].is_null() {
            short.insert(Key::Static(part), metadata[part].clone());
        }
    }
    json!({ "metadata": short })
}

/// What is waited for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Wait {
    /// Something is on its way: `settle` waits for it.
    Work,
    /// A deadline, a schedule, a retry that has nothing new to try: `settle` does not.
    Appointment,
}

/// All that a controller wants after a look at one object.
#[derive(Debug, Default)]
pub struct Plan {
    /// The writes, in order. After one that fails, the rest is left: the controller looks again.
    pub actions: Vec<Action>,
    /// When to look again, if nothing changes before.
    pub again: Option<(Duration, Wait)>,
}

impl Plan {
    /// Nothing to do.
    pub fn nothing() -> Plan {
        Plan::default()
    }

    /// Adds a write.
    pub fn add(&mut self, action: Action) {
        self.actions.push(action);
    }

    /// Adds an event.
    pub fn tell(&mut self, note: Note) {
        self.actions.push(Action::Tell(note));
    }

    /// Replaces the status, if it is another one.
    pub fn status(&mut self, kind: Kind, object: &Json, status: Json) {
        if object["status"] == status
            || (object["status"].is_null() && status.as_object().is_some_and(Members::is_empty))
        {
            return;
        }
        let mut object = object.clone();
        object["status"] = status;
        self.add(Action::Status { kind, object });
    }

    /// Deletes an object that was seen.
    pub fn delete(&mut self, kind: Kind, object: &Json) {
        self.delete_so(kind, object, Deletion::default());
    }

    /// The same, in a certain way.
    pub fn delete_so(&mut self, kind: Kind, object: &Json, options: Deletion) {
        self.add(Action::Delete {
            kind,
            key: crate::object::key(object),
            uid: crate::object::uid(object).to_owned(),
            options,
        });
    }

    /// Looks again after a while; the earliest time counts, and of two at one time the work.
    pub fn look_after(&mut self, while_: Duration, wait: Wait) {
        let new = (while_, wait);
        self.again = Some(self.again.map_or(new, |old| old.min(new)));
    }
}
