//! The kind CustomResourceDefinition itself: what `api/` asks about definitions.
//!
//! Rules: `apiextensions-apiserver/pkg/registry/customresourcedefinition`.

use serde_json::{Value, json};

#[cfg(not(feature = "cel"))]
use super::definition::Definition;
use super::definition::{self, CLEANUP_FINALIZER};
use super::{define, lifecycle, props};
use crate::kinds::builtin::{decode, gotypes::Struct};
use crate::model::resource::Resource;
#[cfg(not(feature = "cel"))]
use crate::model::status::ApiError;
use crate::model::status::FieldError;
use crate::model::strategy::{
    Bookkeeping, Codec, Context, Decoded, Deletion, EMPTY, Generation, Lifecycle, Printing,
    Selection, Verdict,
};
use kmock_apply::ordered::Node;
use kmock_apply::schema::{Schema, SchemaRef};

/// The rules of CustomResourceDefinitions.
#[derive(Debug, Clone, Copy, Default)]
pub struct Defined;

fn root() -> Option<&'static Struct> {
    Struct::named("apiextensions.v1.CustomResourceDefinition")
}

/// Rewrites what the typed decoder leaves as it is: schemas inside of `items` and `additionalProperties`.
fn normalise(crd: &mut Value) {
    let versions = crd
        .pointer_mut("/spec/versions")
        .and_then(Value::as_array_mut);
    for version in versions.into_iter().flatten() {
        if let Some(schema) = version.pointer_mut("/schema/openAPIV3Schema") {
            props::normalise(schema);
        }
    }
}

/// What the emulator does not do.
#[cfg(not(feature = "cel"))]
fn refuse(crd: &Value) -> Result<(), ApiError> {
    if Definition::parse(crd)
        .versions
        .iter()
        .filter_map(definition::Version::props)
        .any(|props| props.any(&mut |one| !one.validations.is_empty()))
    {
        return Err(ApiError::not_implemented(
            "x-kubernetes-validations without CEL: enable the cargo feature \"cel\" of kmock-runtime",
        ));
    }
    Ok(())
}

impl Codec for Defined {
    fn schema(&self, resource: &Resource) -> Option<SchemaRef> {
        Schema::of_kind(&resource.group, &resource.version, &resource.kind).map(SchemaRef::from)
    }

    fn read(&self, _context: &Context<'_>, body: Node) -> Result<Decoded, String> {
        let Some(root) = root() else {
            return Ok(Decoded {
                object: body.into_value(),
                complaints: Vec::new(),
            });
        };
        let decoded = decode::decode(root, body)?;
        let mut object = decoded.object;
        normalise(&mut object);
        definition::default(&mut object);
        Ok(Decoded {
            object,
            complaints: decoded.complaints,
        })
    }

    fn empty(&self) -> &'static Value {
        root().map_or(&EMPTY, decode::zero_struct)
    }

    fn before_store(&self, _resource: &Resource, object: &mut Value, _kept: &[&str]) {
        if let Some(root) = root() {
            decode::stored(root, object, &[]);
        }
    }
}

impl Lifecycle for Defined {
    fn prepare_for_create(&self, _context: &Context<'_>, object: &mut Value) {
        let stored: Vec<String> = definition::storage_version(object).into_iter().collect();
        let stored = if stored.is_empty() {
            Value::Null
        } else {
            stored.into()
        };
        if let Some(map) = object.as_object_mut() {
            let status = json!({
                "conditions": null, "acceptedNames": {"plural": "", "kind": ""}, "storedVersions": stored,
            });
            map.insert("status".into(), status);
        }
    }

    fn validate(&self, _context: &Context<'_>, object: &Value) -> Vec<FieldError> {
        define::validate(object)
    }

    #[cfg(not(feature = "cel"))]
    fn accepts(
        &self,
        _context: &Context<'_>,
        object: &Value,
        _old: Option<&Value>,
    ) -> Result<(), ApiError> {
        refuse(object)
    }

    fn warnings(&self, _context: &Context<'_>, object: &Value) -> Vec<String> {
        define::warnings(object, None)
    }

    fn prepare_for_update(&self, context: &Context<'_>, new: &mut Value, old: &Value) {
        let Some(map) = new.as_object_mut() else {
            return;
        };
        if context.subresource == "status" {
            map.insert("spec".into(), old["spec"].clone());
            return;
        }
        map.insert("status".into(), old["status"].clone());
        if let Some(storage) = definition::storage_version(new)
            && let Some(stored) = new.pointer_mut("/status/storedVersions")
        {
            let mut all = definition::texts(stored);
            if !all.contains(&storage) {
                all.push(storage);
                *stored = all.into();
            }
        }
    }

    fn validate_update(&self, context: &Context<'_>, new: &Value, old: &Value) -> Verdict {
        if context.subresource == "status" {
            return Verdict {
                faults: define::validate_status(new),
                ..Verdict::default()
            };
        }
        Verdict {
            faults: define::validate_update(new, old),
            forgiven: Vec::new(),
            warnings: define::warnings(new, Some(old)),
        }
    }

    fn allow_unconditional_update(&self) -> bool {
        false
    }
}

impl Bookkeeping for Defined {
    fn qualified_finalizers(&self) -> bool {
        false
    }

    fn generation(&self) -> Generation {
        Generation::Managed
    }

    fn bumps_generation(&self, new: &Value, old: &Value) -> bool {
        new["spec"] != old["spec"]
    }
}

impl Deletion for Defined {
    fn begin_delete(&self, context: &Context<'_>, object: &mut Value) -> bool {
        if object["metadata"]["deletionTimestamp"].is_string() {
            return false;
        }
        let now = lifecycle::time(context.now);
        if let Some(metadata) = object.get_mut("metadata").and_then(Value::as_object_mut) {
            metadata.insert("deletionTimestamp".into(), now.clone().into());
            let mut finalizers =
                definition::texts(metadata.get("finalizers").unwrap_or(&Value::Null));
            if !finalizers.iter().any(|one| one == CLEANUP_FINALIZER) {
                finalizers.push(CLEANUP_FINALIZER.to_owned());
            }
            metadata.insert("finalizers".into(), finalizers.into());
        }
        let message =
            "CustomResourceDefinition marked for deletion; CustomResource deletion will begin soon";
        lifecycle::set_condition(
            object,
            "Terminating",
            true,
            "InstanceDeletionPending",
            message,
            &now,
        );
        true
    }
}

impl Selection for Defined {}

impl Printing for Defined {}
