//! What a cluster has in the end, without what differs from run to run, and how two ends differ.

use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};

use serde_json::{Map, Value};

use crate::{
    backend::{Backend, Logged, Present, TOUCHED},
    core::Core,
};

/// The end of a run.
#[derive(Clone, Debug, Default, PartialEq)]
pub(super) struct End {
    objects: Objects,
    /// How often objects were deleted and made again.
    remade: BTreeMap<String, usize>,
    /// What statuses said, and what their objects owned when they said it.
    claims: BTreeMap<Claim, BTreeSet<String>>,
    /// What went wrong beside the server: panics of the operator, errors of closures.
    errors: BTreeSet<String>,
    /// How many changes there were.
    pub(super) changes: u64,
}

/// What the status of an object said while its spec was such: both as normalized JSON.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Claim {
    name: String,
    status: String,
    spec: String,
}

/// Members of metadata that a server makes anew in each run.
const OWN: [&str; 6] = [
    "uid",
    "resourceVersion",
    "creationTimestamp",
    "generation",
    "managedFields",
    "selfLink",
];
/// Members anywhere that count or number.
const COUNTS: [&str; 2] = ["observedGeneration", "resourceVersion"];
/// Resources that say nothing about the end.
const LEFT_OUT: [&str; 3] = [
    "events",
    "events.events.k8s.io",
    "leases.coordination.k8s.io",
];

/// The objects of a moment, by resource and name, but for those that were there from the start and are as they were then:
/// each run begins alike.
pub(super) type Objects = BTreeMap<String, Left>;

/// What a run has left of an object, without what differs from run to run.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Left {
    /// It was made.
    Made(Value),
    /// It was there from the start, and changed.
    Changed(Value),
    /// It was there from the start, and deleted.
    Deleted,
}

/// What a cluster has just now.
pub(super) fn objects(backend: &dyn Backend, ignored: &[&str]) -> Objects {
    Look::at(backend).objects(ignored)
}

/// One look at a cluster: what is there, what happened, and what stands for uids and generated names in both.
struct Look {
    contents: Vec<Present>,
    log: Vec<Logged>,
    names: Names,
}

impl Look {
    fn at(backend: &dyn Backend) -> Look {
        let mut contents = backend.contents();
        contents.retain(|present| !LEFT_OUT.contains(&present.resource.as_str()));
        let mut names = Names::default();
        for present in contents.iter().filter(|present| present.made) {
            names.learn(&present.resource, &present.object);
        }
        let log = backend.log();
        for logged in &log {
            if let (None, Some(made)) = (&logged.before, &logged.after) {
                names.learn(&logged.resource, made);
            }
        }
        Look {
            contents,
            log,
            names,
        }
    }

    fn objects(&self, ignored: &[&str]) -> Objects {
        let mut objects = Objects::new();
        for present in &self.contents {
            let name = self.names.of(&present.resource, &present.object);
            let mut object = self.names.normalized_object(&present.object);
            if let Some(metadata) = object.get_mut("metadata").and_then(Value::as_object_mut) {
                untouch(metadata);
            }
            for field in ignored {
                remove(&mut object, &field.split('.').collect::<Vec<_>>());
            }
            let mut key = name.clone();
            let mut copy = 1;
            while objects.contains_key(&key) {
                copy += 1;
                key = format!("{name} ({copy})");
            }
            let left = match present.made {
                true => Left::Made(object),
                false => Left::Changed(object),
            };
            objects.insert(key, left);
        }
        for name in self.deleted() {
            objects.entry(name).or_insert(Left::Deleted);
        }
        objects
    }

    /// What was there from the start, and was deleted.
    fn deleted(&self) -> Vec<String> {
        let mut made: HashSet<&str> = HashSet::new();
        let mut deleted = Vec::new();
        for logged in &self.log {
            match (&logged.before, &logged.after) {
                (None, Some(after)) => {
                    made.insert(uid(after));
                }
                (Some(before), None)
                    if !made.contains(uid(before))
                        && !LEFT_OUT.contains(&logged.resource.as_str()) =>
                {
                    deleted.push(self.names.of(&logged.resource, before));
                }
                _ => {}
            }
        }
        deleted
    }

    /// How often objects were deleted and made again.
    fn remade(&self) -> BTreeMap<String, usize> {
        let mut made: HashSet<(&str, &Value, &Value)> = HashSet::new();
        let mut remade = BTreeMap::new();
        for logged in &self.log {
            if let (None, Some(object)) = (&logged.before, &logged.after)
                && !LEFT_OUT.contains(&logged.resource.as_str())
                && let metadata = &object["metadata"]
                && !made.insert((&logged.resource, &metadata["namespace"], &metadata["name"]))
            {
                let name = self.names.of(&logged.resource, object);
                *remade.entry(name).or_default() += 1;
            }
        }
        remade
    }
}

impl Left {
    fn value(&self) -> Option<&Value> {
        match self {
            Left::Made(value) | Left::Changed(value) => Some(value),
            Left::Deleted => None,
        }
    }
}

impl End {
    pub(super) fn of(core: &Core, ignored: &[&str]) -> End {
        let errors = core.errors().into_iter().collect();
        let Some(backend) = &core.backend else {
            return End {
                errors,
                ..End::default()
            };
        };
        let look = Look::at(&**backend);
        End {
            objects: look.objects(ignored),
            remade: look.remade(),
            claims: claims(&look.log, &look.names),
            errors,
            changes: backend.changes(),
        }
    }

    /// How this end differs from the one of the run without faults, in words; nothing, where it does not.
    pub(super) fn differs(&self, first: &End) -> Vec<String> {
        let mut out = Vec::new();
        for (name, left) in &self.objects {
            let usual = first.objects.get(name);
            match (usual.map(Left::value), left.value()) {
                (None | Some(Some(_)), None) => out.push(format!("{name} is missing")),
                (Some(None), None) => {}
                (Some(Some(want)), Some(object)) if want == object => {}
                (Some(Some(want)), Some(object))
                    if object["metadata"]["deletionTimestamp"]
                        == want["metadata"]["deletionTimestamp"] =>
                {
                    out.push(format!("{name} differs: {}", fields(want, object)));
                }
                (_, Some(object)) if !object["metadata"]["deletionTimestamp"].is_null() => {
                    out.push(still_deleted(name, object));
                }
                (Some(Some(_)), Some(_)) => {
                    out.push(format!(
                        "{name} is not being deleted, and was without the fault"
                    ));
                }
                (None, Some(_)) if matches!(left, Left::Changed(_)) => out.push(format!(
                    "{name} was changed, and is as it was from the start without the fault"
                )),
                (None | Some(None), Some(object)) => out.push(format!(
                    "{name} is left, and was not there without the fault{}",
                    owner(object)
                )),
            }
        }
        let rest = first.objects.iter();
        for (name, usual) in rest.filter(|(name, _)| !self.objects.contains_key(*name)) {
            out.push(match usual {
                Left::Made(_) => format!("{name} is missing"),
                Left::Changed(_) => {
                    format!("{name} is as it was from the start, and was changed without the fault")
                }
                Left::Deleted => {
                    format!("{name} is left, and was not there without the fault")
                }
            });
        }
        for (name, count) in &self.remade {
            let usual = first.remade.get(name).copied().unwrap_or_default();
            if *count > usual {
                out.push(format!(
                    "{name} was deleted and made again{}",
                    if usual > 0 { " more often" } else { "" }
                ));
            }
        }
        for (claim, owned) in &self.claims {
            let usual = first.claims.get(claim);
            let missing: Vec<&str> = usual
                .into_iter()
                .flat_map(|usual| usual.difference(owned))
                .map(String::as_str)
                .collect();
            if !missing.is_empty() {
                out.push(format!(
                    "the status of {} said {} while {} was not there",
                    claim.name,
                    cut(&claim.status),
                    missing.join(", ")
                ));
            }
        }
        let errors = self.errors.difference(&first.errors);
        out.extend(errors.cloned());
        let bound = first.changes * 10 + 100;
        if self.changes > bound {
            out.push(format!(
                "{} changes came, and {} without the fault: a loop",
                self.changes, first.changes
            ));
        }
        out
    }
}

/// Takes the annotation of a sweep away.
fn untouch(metadata: &mut Map<String, Value>) {
    let Some(annotations) = metadata
        .get_mut("annotations")
        .and_then(Value::as_object_mut)
    else {
        return;
    };
    let touched = annotations.remove(TOUCHED).is_some();
    if touched && annotations.is_empty() {
        metadata.remove("annotations");
    }
}

fn uid(object: &Value) -> &str {
    object["metadata"]["uid"].as_str().unwrap_or_default()
}

/// What the statuses of owners said at each change of theirs, and what the owners owned then. Where the same was said
/// more than once, only what was there each time.
fn claims(log: &[Logged], names: &Names) -> BTreeMap<Claim, BTreeSet<String>> {
    let uids = |object: &Value| -> Vec<String> {
        let owners = object["metadata"]["ownerReferences"].as_array();
        owners
            .into_iter()
            .flatten()
            .filter_map(|owner| Some(owner["uid"].as_str()?.to_owned()))
            .collect()
    };
    let owners: HashSet<String> = log
        .iter()
        .filter_map(|logged| logged.after.as_ref())
        .flat_map(|object| uids(object))
        .collect();
    let mut claims: BTreeMap<Claim, BTreeSet<String>> = BTreeMap::new();
    // By the owner's uid: what it owns just now, by uid, with its name.
    let mut owned: HashMap<String, BTreeMap<String, String>> = HashMap::new();
    for logged in log {
        if let Some(before) = &logged.before {
            for owner in uids(before) {
                owned.entry(owner).or_default().remove(uid(before));
            }
        }
        let Some(after) = &logged.after else { continue };
        for owner in uids(after) {
            let name = names.of(&logged.resource, after);
            let owned = owned.entry(owner).or_default();
            owned.insert(uid(after).to_owned(), name);
        }
        let status = &after["status"];
        let former = logged.before.as_ref().map(|before| &before["status"]);
        if status.is_null() || former == Some(status) || !owners.contains(uid(after)) {
            continue;
        }
        let text = |value: &Value| names.normalized(value).to_string();
        let claim = Claim {
            name: names.of(&logged.resource, after),
            status: text(status),
            spec: text(&after["spec"]),
        };
        let now: BTreeSet<String> = owned
            .get(uid(after))
            .map(|owned| owned.values().cloned().collect())
            .unwrap_or_default();
        claims
            .entry(claim)
            .and_modify(|each| each.retain(|name| now.contains(name)))
            .or_insert(now);
    }
    claims
}

/// So many fields of one object are told.
const FIELDS: usize = 5;

/// How an object differs, field by field.
fn fields(want: &Value, got: &Value) -> String {
    let mut fields = Vec::new();
    differences(want, got, "", &mut fields);
    let more = fields.len().saturating_sub(FIELDS);
    fields.truncate(FIELDS);
    if more > 0 {
        fields.push(format!("and {more} fields more"));
    }
    fields.join("; ")
}

fn still_deleted(name: &str, object: &Value) -> String {
    format!(
        "{name} is still being deleted; its finalizers are {}",
        object["metadata"]["finalizers"]
    )
}

/// Who owned what is left.
fn owner(object: &Value) -> String {
    let owner = &object["metadata"]["ownerReferences"][0];
    match (owner["kind"].as_str(), owner["name"].as_str()) {
        (Some(kind), Some(name)) => format!(" (owned by {kind} {name})"),
        _ => String::new(),
    }
}

/// Uids and generated names, with what stands for them.
#[derive(Default)]
struct Names {
    symbols: HashMap<String, String>,
    /// How long those are that have one: a bit for each length. Few texts need to be looked for.
    lengths: u128,
}

impl Names {
    fn learn(&mut self, resource: &str, object: &Value) {
        let metadata = &object["metadata"];
        let name = metadata["name"].as_str().unwrap_or_default();
        let plain = match metadata["generateName"].as_str() {
            Some(prefix) if name.starts_with(prefix) => {
                let symbol = format!("{prefix}*");
                self.put(name, symbol.clone());
                symbol
            }
            _ => name.to_owned(),
        };
        if let Some(uid) = metadata["uid"].as_str() {
            self.put(uid, format!("<uid of {resource} {plain}>"));
        }
    }

    fn put(&mut self, text: &str, symbol: String) {
        self.lengths |= bit(text.len());
        self.symbols.insert(text.to_owned(), symbol);
    }

    /// What stands for a text.
    fn symbol(&self, text: &str) -> Option<&String> {
        match self.lengths & bit(text.len()) {
            0 => None,
            _ => self.symbols.get(text),
        }
    }

    fn of(&self, resource: &str, object: &Value) -> String {
        let metadata = &object["metadata"];
        let name = metadata["name"].as_str().unwrap_or_default();
        let name = self.symbol(name).map_or(name, String::as_str);
        match metadata["namespace"]
            .as_str()
            .filter(|namespace| !namespace.is_empty())
        {
            Some(namespace) => format!("{resource} {namespace}/{name}"),
            None => format!("{resource} {name}"),
        }
    }

    /// A value without what differs from run to run.
    fn normalized(&self, value: &Value) -> Value {
        match value {
            Value::Object(map) => self.members(map, &[]),
            Value::Array(items) => items.iter().map(|item| self.normalized(item)).collect(),
            Value::String(text) if is_time(text) => "<time>".into(),
            Value::String(text) => Value::String(self.symbol(text).unwrap_or(text).clone()),
            other => other.clone(),
        }
    }

    /// The same of an object, whose metadata a server has much of its own in.
    fn normalized_object(&self, object: &Value) -> Value {
        let mut shown = match object {
            Value::Object(map) => self.members(map, &["metadata"]),
            other => self.normalized(other),
        };
        if let Some(metadata) = object.get("metadata").and_then(Value::as_object) {
            shown["metadata"] = self.members(metadata, &OWN);
        }
        shown
    }

    fn members(&self, map: &Map<String, Value>, without: &[&str]) -> Value {
        let left_out = |key: &str| COUNTS.contains(&key) || without.contains(&key);
        let kept = map.iter().filter(|(key, _)| !left_out(key));
        let shown = kept.map(|(key, value)| {
            let key = self.symbol(key).unwrap_or(key).clone();
            (key, self.normalized(value))
        });
        Value::Object(shown.collect())
    }
}

/// The bit of a length; long texts share one.
fn bit(length: usize) -> u128 {
    1 << length.min(127)
}

/// `2026-01-02T03:04:05Z`, with or without a fraction.
fn is_time(text: &str) -> bool {
    let bytes = text.as_bytes();
    let digits = |at: std::ops::Range<usize>| {
        bytes
            .get(at)
            .is_some_and(|part| part.iter().all(u8::is_ascii_digit))
    };
    bytes.len() >= 20
        && bytes.get(10) == Some(&b'T')
        && digits(0..4)
        && digits(5..7)
        && digits(11..13)
        && (text.ends_with('Z') || text.contains('+'))
}

fn remove(value: &mut Value, path: &[&str]) {
    match (value, path) {
        (Value::Array(items), _) => items.iter_mut().for_each(|item| remove(item, path)),
        (Value::Object(map), [key]) => drop(map.remove(*key)),
        (Value::Object(map), [key, rest @ ..]) => {
            if let Some(inner) = map.get_mut(*key) {
                remove(inner, rest);
            }
        }
        _ => {}
    }
}

fn differences(want: &Value, got: &Value, path: &str, out: &mut Vec<String>) {
    match (want, got) {
        (Value::Object(want), Value::Object(got)) => {
            let keys: BTreeSet<&String> = want.keys().chain(got.keys()).collect();
            for key in keys {
                let dot = if path.is_empty() { "" } else { "." };
                let path = format!("{path}{dot}{key}");
                match (want.get(key), got.get(key)) {
                    (Some(want), Some(got)) => differences(want, got, &path, out),
                    (Some(want), None) => {
                        out.push(format!("{path}: want {}, got nothing", short(want)));
                    }
                    (None, Some(got)) => {
                        out.push(format!("{path}: want nothing, got {}", short(got)));
                    }
                    (None, None) => {}
                }
            }
        }
        (want, got) if want != got => {
            out.push(format!("{path}: want {}, got {}", short(want), short(got)));
        }
        _ => {}
    }
}

fn short(value: &Value) -> String {
    cut(&value.to_string())
}

fn cut(text: &str) -> String {
    const MOST: usize = 120;
    match text.char_indices().nth(MOST) {
        Some((at, _)) => format!("{}…", text.get(..at).unwrap_or_default()),
        None => text.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn what_differs_from_run_to_run_has_symbols() {
        let mut names = Names::default();
        let pod = json!({"metadata": {"name": "web-x7z", "generateName": "web-", "uid": "u-1", "namespace": "n"}});
        names.learn("pods", &pod);
        assert_eq!(names.of("pods", &pod), "pods n/web-*");
        let other = json!({"ref": {"name": "web-x7z", "uid": "u-1"}, "at": "2026-01-02T03:04:05Z", "observedGeneration": 3});
        assert_eq!(
            names.normalized(&other),
            json!({"ref": {"name": "web-*", "uid": "<uid of pods web-*>"}, "at": "<time>"})
        );
    }

    #[test]
    fn ends_differ_in_words() {
        let end = |objects: &[(&str, Left)]| End {
            objects: objects
                .iter()
                .map(|(name, left)| ((*name).to_owned(), left.clone()))
                .collect(),
            ..End::default()
        };
        let first = end(&[
            ("namespaces default", Left::Changed(json!({}))),
            ("pods n/a", Left::Made(json!({"spec": {"x": 1}}))),
            ("pods n/b", Left::Made(json!({}))),
            ("services default/kubernetes", Left::Deleted),
        ]);
        let then = end(&[
            ("namespaces kube-public", Left::Deleted),
            ("namespaces kube-system", Left::Changed(json!({}))),
            ("pods n/a", Left::Made(json!({"spec": {"x": 2}}))),
            ("secrets n/s", Left::Made(json!({}))),
        ]);
        assert_eq!(
            then.differs(&first),
            [
                "namespaces kube-public is missing",
                "namespaces kube-system was changed, and is as it was from the start without the fault",
                "pods n/a differs: spec.x: want 1, got 2",
                "secrets n/s is left, and was not there without the fault",
                "namespaces default is as it was from the start, and was changed without the fault",
                "pods n/b is missing",
                "services default/kubernetes is left, and was not there without the fault",
            ]
        );
        assert_eq!(first.differs(&first), Vec::<String>::new());
    }
}
