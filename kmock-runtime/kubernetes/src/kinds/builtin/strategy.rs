//! The strategy of a built-in kind: puts the rooms of this directory behind the seam that the verbs use.

use std::sync::Arc;

use jiff::Timestamp;
use serde_json::Value;

use super::gotypes::Struct;
use super::row::{Kind, NEVER_STORED};
use super::{
    convert, decode, defaults, fields, prepare, printers, retype, rows, unstructured, validate,
    warnings,
};
use crate::model::resource::Resource;
use crate::model::status::FieldError;
use crate::model::strategy::{
    Bookkeeping, Check, Claims, Codec, Column, Context, Decoded, Deletion, Generation, Grace,
    Lifecycle, NameRule, Neutral, Printing, Selection, Strategy, Verdict,
};
use kmock_apply::ordered::Node;
use kmock_apply::schema::{Schema, SchemaRef};

/// The rules of a built-in resource in one version.
#[derive(Debug)]
pub struct BuiltIn {
    /// Its Go type.
    root: &'static Struct,
    /// What is particular to it.
    kind: &'static Kind,
    /// It has a `status` subresource.
    has_status: bool,
}

/// The strategy of a built-in resource.
pub fn of(resource: &Resource) -> Arc<dyn Strategy> {
    match Struct::of_kind(&resource.group, &resource.version, &resource.kind) {
        Some(root) => Arc::new(BuiltIn {
            root,
            kind: rows::named(root.name).unwrap_or(&NEVER_STORED),
            has_status: resource.subresource("status").is_some(),
        }),
        None => Arc::new(Neutral),
    }
}

impl From<decode::DecodedStruct> for Decoded {
    fn from(decoded: decode::DecodedStruct) -> Self {
        Self {
            object: decoded.object,
            complaints: decoded.complaints,
        }
    }
}

impl Codec for BuiltIn {
    fn schema(&self, resource: &Resource) -> Option<SchemaRef> {
        Schema::of_kind(&resource.group, &resource.version, &resource.kind).map(SchemaRef::from)
    }

    fn read(&self, _context: &Context<'_>, body: Node) -> Result<Decoded, String> {
        decode::decode(self.root, body).map(Decoded::from)
    }

    fn read_value(&self, _context: &Context<'_>, object: Value) -> Result<Decoded, String> {
        retype::read(self.root, object).map(Decoded::from)
    }

    fn read_merged(&self, _context: &Context<'_>, object: &Value) -> Result<Decoded, String> {
        unstructured::decode(self.root, object).map(Decoded::from)
    }

    fn empty(&self) -> &'static Value {
        decode::zero_struct(self.root)
    }

    fn before_store(&self, resource: &Resource, object: &mut Value, kept: &[&str]) {
        // The object is in the storage version, which may be another type than that of the request.
        let root = match resource.is_as_stored() {
            true => self.root,
            false => Struct::of_kind(
                &resource.storage.group,
                &resource.storage_version,
                &resource.kind,
            )
            .unwrap_or(self.root),
        };
        decode::stored(root, object, kept);
        // What is read back from the storage gets its defaults again.
        defaults::fill(root, object, kept);
        prepare::takes_template_labels(object);
        decode::stored(root, object, kept);
    }

    fn default(&self, _context: &Context<'_>, object: &mut Value, kept: &[&str]) {
        (self.kind.prepare.aliases)(object);
        defaults::fill(self.root, object, kept);
        decode::omitted(self.root, object, kept);
    }

    fn convert(&self, object: &mut Value, from: &str, to: &str) {
        convert::between(object, from, to);
    }
}

impl Lifecycle for BuiltIn {
    fn prepare_for_create(&self, context: &Context<'_>, object: &mut Value) {
        if self.has_status && self.kind.life.resets_status {
            prepare::reset_status(self.root, object);
        }
        prepare::create(self.kind, context, object);
    }

    fn validate(&self, context: &Context<'_>, object: &Value) -> Vec<FieldError> {
        validate::create(self.kind, context, object)
    }

    fn warnings(&self, _context: &Context<'_>, object: &Value) -> Vec<String> {
        warnings::of(self.kind, object)
    }

    fn prepare_for_update(&self, context: &Context<'_>, new: &mut Value, old: &Value) {
        prepare::update(self.kind, self.has_status, context, new, old);
    }

    fn validate_update(&self, context: &Context<'_>, new: &Value, old: &Value) -> Verdict {
        let faults = validate::update(self.kind, context, new, old);
        let warnings = match context.subresource {
            // Of what is refused nobody is warned.
            _ if !faults.is_empty() => Vec::new(),
            "" => warnings::of_update(self.kind, new, old),
            "status" => warnings::of_status(self.kind, new),
            _ => Vec::new(),
        };
        Verdict {
            faults,
            forgiven: Vec::new(),
            warnings,
        }
    }

    fn allow_create_on_update(&self) -> bool {
        self.kind.life.create_on_update
    }

    fn allow_unconditional_update(&self) -> bool {
        self.kind.life.unconditional_update
    }

    fn claims(&self) -> Option<Claims> {
        self.kind.life.claims
    }

    fn checks_on_create(&self) -> &'static [Check] {
        self.kind.life.checks.create
    }

    fn checks_on_update(&self, subresource: &str) -> &'static [Check] {
        let checks = &self.kind.life.checks;
        match subresource {
            "" => checks.update,
            "status" => checks.status,
            _ => checks.other,
        }
    }
}

impl Bookkeeping for BuiltIn {
    fn reset_fields(
        &self,
        _resource: &Resource,
        subresource: &str,
    ) -> &'static [&'static [&'static str]] {
        let reset = self.kind.life.reset.iter();
        let mut reset = reset.filter(|(through, _)| *through == subresource);
        reset.next().map_or(&[], |(_, paths)| paths)
    }

    fn name_rule(&self) -> NameRule {
        self.kind.life.names
    }

    fn generation(&self) -> Generation {
        self.kind.life.generation
    }

    fn bumps_generation(&self, new: &Value, old: &Value) -> bool {
        (self.kind.life.new_generation)(new, old)
    }

    fn qualified_finalizers(&self) -> bool {
        self.kind.life.qualified_finalizers
    }
}

impl Deletion for BuiltIn {
    fn propagates(&self) -> bool {
        self.kind.life.propagates
    }

    fn undeletable(&self, name: &str) -> Option<&'static str> {
        (self.kind.life.undeletable)(name)
    }

    fn delete_returns_object(&self) -> bool {
        self.kind.life.delete_returns_object
    }

    fn orphans_by_default(&self) -> bool {
        self.kind.life.orphans_by_default
    }

    fn delete_warnings(&self, policy_given: bool) -> Vec<String> {
        let warning = self.kind.life.delete_warning.filter(|_| !policy_given);
        warning.into_iter().map(str::to_owned).collect()
    }

    fn grace(&self, object: &Value, requested: Option<i64>) -> Grace {
        (self.kind.life.grace)(object, requested)
    }
}

impl Selection for BuiltIn {
    fn selectable_fields(&self, object: &Value) -> Vec<(String, String)> {
        fields::selectable(self.kind, object)
    }

    fn unsupported_field(&self, _resource: &Resource, label: &str) -> Option<String> {
        fields::unsupported(self.kind, label)
    }

    fn canonical_field<'a>(&self, _resource: &Resource, label: &'a str) -> &'a str {
        fields::canonical(self.kind, label)
    }
}

impl Printing for BuiltIn {
    fn columns(&self, _resource: &Resource) -> Option<Vec<Column<'_>>> {
        printers::columns(self.kind)
    }

    fn cells(&self, _resource: &Resource, object: &Value, now: Timestamp) -> Vec<Value> {
        printers::cells(self.kind, object, now)
    }

    fn row_conditions(&self, _resource: &Resource, object: &Value) -> Option<Value> {
        printers::row_conditions(self.kind, object)
    }
}
