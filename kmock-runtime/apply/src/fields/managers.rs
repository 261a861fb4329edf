//! `metadata.managedFields`: who wrote which fields, how, when, and through which version and subresource.

use std::cmp::Ordering;
use std::fmt;

use serde_json::{Map, Value};

use super::set::Set;
use crate::gofmt;

/// How a manager writes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Operation {
    /// By server-side apply.
    Apply,
    /// By any other write.
    Update,
}

impl Operation {
    /// As `managedFields` names it.
    pub fn as_str(self) -> &'static str {
        match self {
            Operation::Apply => "Apply",
            Operation::Update => "Update",
        }
    }
}

/// Who writes. For updates the API version is a part of the identity, for applies it is not.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Manager {
    /// The name: `fieldManager`, or the User-Agent up to its first slash.
    pub name: String,
    /// How it writes.
    pub operation: Operation,
    /// Empty for applies.
    pub version: String,
    /// The subresource it writes through; empty for the object itself.
    pub subresource: String,
}

impl Manager {
    /// The identity of a writer.
    pub fn new(name: &str, operation: Operation, version: &str, subresource: &str) -> Manager {
        let name = if name.is_empty() { "unknown" } else { name };
        let version = if operation == Operation::Apply {
            ""
        } else {
            version
        };
        Manager {
            name: name.into(),
            operation,
            version: version.into(),
            subresource: subresource.into(),
        }
    }

    /// The text by which the API server keeps and sorts its managers: its JSON, in the structure's order.
    pub(crate) fn sort_key(&self) -> String {
        let mut out = format!(
            "{{\"manager\":{},\"operation\":{:?}",
            Value::from(self.name.as_str()),
            self.operation.as_str()
        );
        if !self.version.is_empty() {
            out.push_str(&format!(
                ",\"apiVersion\":{}",
                Value::from(self.version.as_str())
            ));
        }
        if !self.subresource.is_empty() {
            out.push_str(&format!(
                ",\"subresource\":{}",
                Value::from(self.subresource.as_str())
            ));
        }
        out.push('}');
        out
    }
}

/// As conflicts name it: `"x"`, `"x" using v1`, `"x" with subresource "status" using v1`.
impl fmt::Display for Manager {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&gofmt::quote(&self.name))?;
        if !self.subresource.is_empty() {
            write!(f, " with subresource {}", gofmt::quote(&self.subresource))?;
        }
        match self.operation {
            Operation::Update => write!(f, " using {}", self.version),
            Operation::Apply => Ok(()),
        }
    }
}

/// One manager's fields.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Entry {
    /// Who.
    pub manager: Manager,
    /// The API version that its fields are named in.
    pub version: String,
    /// When it last changed the object (RFC 3339).
    pub time: Option<String>,
    /// Which fields.
    pub fields: Set,
    pub(crate) origin: Origin,
}

/// Where an entry stands in what was read, as long as nothing of it was changed. It is nothing of what an entry is.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Origin(pub(crate) Option<usize>);

impl PartialEq for Origin {
    fn eq(&self, _: &Self) -> bool {
        true
    }
}

impl Eq for Origin {}

/// The managers of an object, each once.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ManagedFields {
    pub(crate) entries: Vec<Entry>,
}

impl ManagedFields {
    /// Reads `metadata.managedFields`.
    pub fn decode(value: Option<&Value>) -> Result<ManagedFields, String> {
        Self::decode_but(value, |_, _| false).map(|(read, _)| read)
    }

    /// The same, and apart from it the entries that `aside` says to leave as they are, by their manager and version and what
    /// they say: their fields are not read, and nothing is in them but their place. Only [`encode_from`](Self::encode_from) with
    /// the same value can write them.
    pub(crate) fn decode_but(
        value: Option<&Value>,
        aside: impl Fn((&Manager, &str), &Value) -> bool,
    ) -> Result<(ManagedFields, Vec<Entry>), String> {
        let (mut out, mut left) = (ManagedFields::default(), Vec::new());
        for (index, entry) in value
            .and_then(Value::as_array)
            .into_iter()
            .flatten()
            .enumerate()
        {
            let text = |name: &str| entry.get(name).and_then(Value::as_str).unwrap_or_default();
            let operation = match text("operation") {
                "Apply" => Operation::Apply,
                "Update" => Operation::Update,
                _ => return Err("operation must be `Apply` or `Update`".into()),
            };
            if text("apiVersion").is_empty() {
                return Err("apiVersion must not be empty".into());
            }
            match text("fieldsType") {
                "FieldsV1" => {}
                "" => {
                    return Err(format!(
                        "missing fieldsType in managed fields entry {index}"
                    ));
                }
                other => {
                    return Err(format!(
                        "invalid fieldsType {other:?} in managed fields entry {index}"
                    ));
                }
            }
            let version = if operation == Operation::Apply {
                ""
            } else {
                text("apiVersion")
            };
            let manager = Manager {
                name: text("manager").into(),
                operation,
                version: version.into(),
                subresource: text("subresource").into(),
            };
            let said = entry.get("fieldsV1").unwrap_or(&Value::Null);
            let is_left = aside((&manager, text("apiVersion")), said);
            let fields = match is_left {
                true => Set::new(),
                false => Set::from_fields_v1(said).map_err(|e| {
                    format!("error decoding versioned set: error decoding set: {e}")
                })?,
            };
            let time = entry.get("time").and_then(Value::as_str).map(str::to_owned);
            let entry = Entry {
                manager,
                version: text("apiVersion").into(),
                time,
                fields,
                origin: Origin(Some(index)),
            };
            if is_left {
                left.push(entry);
            } else {
                out.put(entry);
            }
        }
        Ok((out, left))
    }

    /// Writes `metadata.managedFields`, in the API server's order; nothing when nobody owns anything.
    pub fn encode(&self) -> Option<Value> {
        self.encode_from(None)
    }

    /// The same, where what these were read from was written here: what did not change since is taken over as it was.
    pub(crate) fn encode_from(&self, read: Option<&Value>) -> Option<Value> {
        if self.entries.is_empty() {
            return None;
        }
        let mut entries: Vec<&Entry> = self.entries.iter().collect();
        entries.sort_by(|a, b| a.order(b));
        let former = |entry: &Entry| read?.get(entry.origin.0?).cloned();
        let encode = |entry: &Entry| former(entry).unwrap_or_else(|| entry.encode());
        Some(entries.into_iter().map(encode).collect())
    }

    /// The entries, in no particular order.
    pub fn entries(&self) -> &[Entry] {
        &self.entries
    }

    /// Whether nobody owns anything.
    pub fn is_empty(&self) -> bool {
        self.entries.is_empty()
    }

    /// The fields of one manager.
    pub fn get(&self, manager: &Manager) -> Option<&Entry> {
        self.entries.iter().find(|entry| entry.manager == *manager)
    }

    /// Sets the fields of one manager.
    pub fn put(&mut self, entry: Entry) {
        match self
            .entries
            .iter_mut()
            .find(|known| known.manager == entry.manager)
        {
            Some(known) => *known = entry,
            None => self.entries.push(entry),
        }
    }

    /// Takes one manager out.
    pub fn take(&mut self, manager: &Manager) -> Option<Entry> {
        let place = self
            .entries
            .iter()
            .position(|entry| entry.manager == *manager)?;
        Some(self.entries.remove(place))
    }

    /// Merges the oldest updates of a version into one, `ancient-changes`, until there are at most `most` of them.
    pub(crate) fn cap_updates(&mut self, most: usize) {
        if self.entries.len() <= most {
            return;
        }
        let mut updates: Vec<(Option<String>, String, Manager)> = self
            .entries
            .iter()
            .filter(|entry| entry.manager.operation == Operation::Update)
            .map(|entry| {
                (
                    entry.time.clone(),
                    entry.manager.sort_key(),
                    entry.manager.clone(),
                )
            })
            .collect();
        updates.sort_by(|a, b| (&a.0, &a.1).cmp(&(&b.0, &b.1)));
        let mut left = updates.len();
        let mut firsts: Vec<Manager> = Vec::new();
        for (_, _, manager) in updates {
            if left <= most {
                return;
            }
            let Some(first) = firsts
                .iter()
                .find(|first| first.version == manager.version)
                .cloned()
            else {
                firsts.push(manager);
                continue;
            };
            let bucket = Manager::new("ancient-changes", Operation::Update, &manager.version, "");
            if self.get(&bucket).is_none()
                && let Some(entry) = self.take(&first)
            {
                self.put(Entry {
                    manager: bucket.clone(),
                    origin: Origin::default(),
                    ..entry
                });
            }
            if manager != bucket
                && let Some(entry) = self.take(&manager)
            {
                let fields = self
                    .get(&bucket)
                    .map(|old| old.fields.union(&entry.fields))
                    .unwrap_or_default();
                self.put(Entry {
                    manager: bucket,
                    fields,
                    origin: Origin::default(),
                    ..entry
                });
            }
            left -= 1;
        }
    }
}

impl Entry {
    fn order(&self, other: &Entry) -> Ordering {
        fn key(entry: &Entry) -> (Operation, Option<&str>, &str, &str, &str) {
            let Manager {
                name,
                operation,
                subresource,
                ..
            } = &entry.manager;
            let time = entry.time.as_deref();
            (*operation, time, name, &entry.version, subresource)
        }
        key(self).cmp(&key(other))
    }

    /// Gives it other fields.
    pub(crate) fn change(&mut self, fields: Set) {
        self.fields = fields;
        self.origin = Origin::default();
    }

    fn encode(&self) -> Value {
        let time = self.time.as_deref().unwrap_or_default();
        let fields = self.fields.to_fields_v1();
        written(&self.manager, &self.version, time, fields)
    }
}

/// An entry of `metadata.managedFields`.
pub(crate) fn written(manager: &Manager, version: &str, time: &str, fields: Value) -> Value {
    let mut out = Map::new();
    let mut put = |key: &str, value: &str| {
        if !value.is_empty() {
            out.insert(key.into(), value.into());
        }
    };
    put("manager", &manager.name);
    put("operation", manager.operation.as_str());
    put("apiVersion", version);
    put("time", time);
    put("fieldsType", "FieldsV1");
    put("subresource", &manager.subresource);
    out.insert("fieldsV1".into(), fields);
    Value::Object(out)
}

/// The manager's name of a request: what it says itself, else its User-Agent up to the first slash,
/// in at most 128 printable characters.
pub fn manager_name(field_manager: &str, user_agent: &str) -> String {
    if !field_manager.is_empty() {
        return field_manager.to_owned();
    }
    let prefix = user_agent.split('/').next().unwrap_or_default();
    let mut name = String::new();
    for c in prefix.chars().filter(|c| gofmt::is_print(*c)) {
        if name.len() + c.len_utf8() > 128 {
            break;
        }
        name.push(c);
    }
    name
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn entry(name: &str, time: Option<&str>, field: &str) -> Entry {
        Entry {
            manager: Manager::new(name, Operation::Update, "v1", ""),
            version: "v1".into(),
            time: time.map(str::to_owned),
            fields: Set::of_names(&[&["data", field]]),
            origin: Origin::default(),
        }
    }

    #[test]
    fn entries_are_sorted_by_operation_time_and_name() {
        let mut managed = ManagedFields::default();
        managed.put(entry("b", Some("2026-01-01T00:00:00Z"), "b"));
        managed.put(entry("a", Some("2026-01-01T00:00:00Z"), "a"));
        managed.put(entry("z", None, "z"));
        let apply = Manager::new("q", Operation::Apply, "v1", "");
        managed.put(Entry {
            manager: apply,
            time: Some("2026-02-01T00:00:00Z".into()),
            ..entry("q", None, "q")
        });
        let encoded = managed.encode().expect("not empty");
        let names: Vec<&str> = encoded
            .as_array()
            .into_iter()
            .flatten()
            .filter_map(|e| e["manager"].as_str())
            .collect();
        assert_eq!(names, ["q", "z", "a", "b"]);
        assert_eq!(
            ManagedFields::decode(Some(&encoded))
                .expect("valid")
                .encode(),
            Some(encoded)
        );
    }

    #[test]
    fn too_many_updates_become_ancient_changes() {
        let mut managed = ManagedFields::default();
        for index in 0..12 {
            managed.put(entry(
                &format!("m{index:02}"),
                Some(&format!("2026-01-01T00:00:{index:02}Z")),
                &format!("k{index}"),
            ));
        }
        managed.cap_updates(10);
        assert_eq!(managed.entries().len(), 10);
        let bucket = Manager::new("ancient-changes", Operation::Update, "v1", "");
        let ancient = managed.get(&bucket).expect("bucket");
        assert_eq!(
            (ancient.fields.len(), ancient.time.as_deref()),
            (3, Some("2026-01-01T00:00:02Z"))
        );
    }

    #[test]
    fn names_of_managers() {
        assert_eq!(manager_name("op", "kubectl/v1"), "op");
        assert_eq!(manager_name("", "kubectl/v1.32 (linux)"), "kubectl");
        assert_eq!(manager_name("", "./bin/x"), ".");
        assert_eq!(
            Manager::new("", Operation::Update, "v1", "status").to_string(),
            r#""unknown" with subresource "status" using v1"#
        );
    }

    #[test]
    fn what_cannot_be_decoded() {
        assert!(ManagedFields::decode(Some(&json!([{"manager": "x"}]))).is_err());
        assert!(
            ManagedFields::decode(Some(&json!([{"operation": "Update", "apiVersion": "v1"}])))
                .is_err()
        );
    }
}
