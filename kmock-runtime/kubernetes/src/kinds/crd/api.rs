//! The test's way to define custom resources: one call, served at once.

use serde_core::Serialize;
use serde_json::{Map, Value};

use super::defined::Defined;
use super::lifecycle::{self, API_VERSION, GROUP, PLURAL};
use crate::model::status::ApiError;
use crate::model::strategy::{Bookkeeping, Codec, Context, Lifecycle};
use crate::model::user::User;
use crate::state::change::Edit;
use crate::state::cluster::Cluster;
use kmock_apply::fields;
use kmock_apply::ordered::Node;
use kmock_apply::schema::{Schema, SchemaRef};

const KIND: &str = "CustomResourceDefinition";
/// Who wrote definitions that were not sent by a client.
const MANAGER: &str = "kmock";

impl Cluster {
    /// Defines a custom resource: anything that serialises to a CustomResourceDefinition, such as
    /// `serde_json::Value` or what kube's derive makes. It is checked as if it was posted, established and served when
    /// this returns; one of the same name is replaced.
    ///
    /// Gives the definition as it is stored.
    pub fn define(&self, crd: &impl Serialize) -> Result<Value, ApiError> {
        let crd =
            serde_json::to_value(crd).map_err(|error| ApiError::bad_request(error.to_string()))?;
        self.define_value(&crd)
    }

    /// Defines custom resources from YAML, one or several documents; others than definitions are passed over.
    #[cfg(feature = "yaml")]
    pub fn define_yaml(&self, text: &str) -> Result<Vec<Value>, ApiError> {
        let documents = crate::text::yaml::parse_all(text)
            .map_err(|error| ApiError::bad_request(error.to_string()))?;
        documents
            .iter()
            .filter(|document| document["kind"] == KIND)
            .map(|document| self.define_value(document))
            .collect()
    }

    fn define_value(&self, crd: &Value) -> Result<Value, ApiError> {
        if crd["kind"] != KIND || crd["apiVersion"] != API_VERSION {
            return Err(ApiError::bad_request(format!(
                "not a {KIND} of {API_VERSION}: kind {}, apiVersion {}",
                crd["kind"], crd["apiVersion"]
            )));
        }
        let Some(served) = self.registry().find(GROUP, "v1", PLURAL) else {
            return Err(ApiError::internal("definitions are not served"));
        };
        let name = crd["metadata"]["name"]
            .as_str()
            .unwrap_or_default()
            .to_owned();
        let key = &served.resource.storage;
        let user = User::admin();
        let context = Context {
            cluster: self,
            resource: &served.resource,
            namespace: "",
            name: &name,
            subresource: "",
            user: &user,
            now: self.now(),
            dry_run: false,
        };
        let read = |error| {
            ApiError::bad_request(format!(
                "{KIND} in version \"v1\" cannot be handled as a {KIND}: {error}"
            ))
        };
        let written = self.change(key, &name, |current| {
            let mut object = Defined
                .read(&context, Node::from_value(crd))
                .map_err(read)?
                .object;
            let faults = match current {
                None => {
                    Defined.accepts(&context, &object, None)?;
                    Defined.prepare_for_create(&context, &mut object);
                    Defined.validate(&context, &object)
                }
                Some(current) => {
                    Defined.accepts(&context, &object, Some(&current.value))?;
                    Defined.prepare_for_update(&context, &mut object, &current.value);
                    Defined
                        .validate_update(&context, &object, &current.value)
                        .faults
                }
            };
            if !faults.is_empty() {
                return Err(ApiError::invalid(GROUP, KIND, &name, &faults));
            }
            self.own_metadata(
                &context,
                &mut object,
                current.map(|current| &*current.value),
            );
            Defined.before_store(&served.resource, &mut object, &[]);
            Ok(Edit::Put(object))
        });
        written?;
        // The controllers have looked at it meanwhile.
        let stored = self.store().get(key, &name);
        Ok(stored.map_or(Value::Null, |stored| (*stored.value).clone()))
    }

    /// What the server sets in the metadata of a definition.
    fn own_metadata(&self, context: &Context<'_>, object: &mut Value, old: Option<&Value>) {
        let generation = match old {
            None => 1,
            Some(old) => {
                let former = old["metadata"]["generation"].as_i64().unwrap_or_default();
                former + i64::from(Defined.bumps_generation(object, old))
            }
        };
        let Some(map) = object.as_object_mut() else {
            return;
        };
        map.insert("kind".into(), KIND.into());
        map.insert("apiVersion".into(), API_VERSION.into());
        let metadata = map
            .entry("metadata")
            .or_insert_with(|| Value::Object(Map::new()));
        let Some(metadata) = metadata.as_object_mut() else {
            return;
        };
        metadata.insert("generation".into(), generation.into());
        let now = lifecycle::time(context.now);
        match old {
            None => {
                metadata.insert("uid".into(), self.next_uid().into());
                metadata.insert("creationTimestamp".into(), now.clone().into());
            }
            Some(old) => {
                for key in [
                    "uid",
                    "creationTimestamp",
                    "resourceVersion",
                    "finalizers",
                    "deletionTimestamp",
                ] {
                    if let Some(value) = old["metadata"].get(key) {
                        metadata.insert(key.into(), value.clone());
                    }
                }
            }
        }
        let Some(schema) = Schema::of_kind(GROUP, "v1", KIND).map(SchemaRef::from) else {
            return;
        };
        let status = fields::Set::of_names(&[&["status"]]);
        let write = fields::Write {
            manager: MANAGER,
            version: API_VERSION,
            subresource: "",
            schema: &schema,
            reset: Some(&status),
            empty: Defined.empty(),
            now: &now,
            versions: &|_| None,
            convert: &|_, _, _| (),
        };
        fields::update(old, object, &write);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::kinds::crd::definition::condition;
    use serde_json::json;

    fn crd(plural: &str, kind: &str, short: &[&str]) -> Value {
        json!({"apiVersion": API_VERSION, "kind": KIND, "metadata": {"name": format!("{plural}.clux.dev")},
            "spec": {"group": "clux.dev", "scope": "Namespaced",
                "names": {"plural": plural, "kind": kind, "shortNames": short},
                "versions": [{"name": "v1", "served": true, "storage": true, "schema": {"openAPIV3Schema": {
                    "type": "object", "properties": {"spec": {"type": "object", "properties": {"size": {"type": "integer"}}}}}}}]}})
    }

    #[test]
    fn a_definition_is_served_at_once() {
        let cluster = Cluster::default();
        let stored = cluster
            .define(&crd("foos", "Foo", &["f"]))
            .expect("defined");
        assert_eq!(
            condition(&stored, "Established").map(|found| &found["status"]),
            Some(&json!("True"))
        );
        assert_eq!(stored["status"]["acceptedNames"]["listKind"], "FooList");
        let served = cluster
            .registry()
            .find("clux.dev", "v1", "foos")
            .expect("served");
        assert_eq!(served.resource.short_names, ["f"]);
        let again = cluster
            .define(&crd("foos", "Foo", &["f"]))
            .expect("defined again");
        assert_eq!(again["metadata"]["generation"], 1);
    }

    #[test]
    fn names_in_use_are_waited_for() {
        let cluster = Cluster::default();
        cluster
            .define(&crd("foos", "Foo", &["f"]))
            .expect("defined");
        let second = cluster
            .define(&crd("bars", "Bar", &["f"]))
            .expect("defined");
        let accepted = condition(&second, "NamesAccepted").expect("condition");
        assert_eq!(
            (&accepted["reason"], &accepted["message"]),
            (
                &json!("ShortNamesConflict"),
                &json!("\"f\" is already in use")
            )
        );
        assert!(cluster.registry().find("clux.dev", "v1", "bars").is_none());
        cluster.define(&crd("foos", "Foo", &[])).expect("changed");
        assert!(cluster.registry().find("clux.dev", "v1", "bars").is_some());
    }

    #[test]
    fn wrong_definitions_are_refused() {
        let cluster = Cluster::default();
        let mut wrong = crd("foos", "Foo", &[]);
        wrong["metadata"]["name"] = "bars.clux.dev".into();
        let error = cluster.define(&wrong).expect_err("refused");
        assert!(
            error
                .message
                .contains("must be spec.names.plural+\".\"+spec.group"),
            "{}",
            error.message
        );
    }
}
