//! JSON that may take two forms, as the schemas of definitions have it: in Protocol Buffers, a message with a field for
//! each form. So is a list that is a type of its own.

use serde_json::{Map, Value};

use super::wire::{Fields, Wire, put_bytes, put_number};
use super::{decode, encode};
use crate::kinds::builtin::gotypes::Struct;

/// A union of forms.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Union {
    /// A schema, or a list of them: `items`.
    SchemaOrArray,
    /// A schema, or whether there may be any: `additionalProperties`.
    SchemaOrBool,
    /// By name a schema, or a list of names: `dependencies`.
    SchemasOrStrings,
    /// Texts, as a message with a list: the verbs of discovery, which may be none.
    Texts,
}

impl Union {
    /// The union of the word in the table of numbers.
    pub(super) fn named(word: &str) -> Option<Self> {
        Some(match word {
            "array" => Self::SchemaOrArray,
            "bool" => Self::SchemaOrBool,
            "strings" => Self::SchemasOrStrings,
            "texts" => Self::Texts,
            _ => return None,
        })
    }

    /// Appends the field of a value.
    pub(super) fn encode(self, out: &mut Vec<u8>, number: u32, value: &Value) -> Option<()> {
        match self {
            Self::SchemaOrArray => put_bytes(
                out,
                number,
                &schema_or(value, |out, items| {
                    items.as_array()?.iter().try_for_each(|item| {
                        put_bytes(out, 2, &schema(item)?);
                        Some(())
                    })
                })?,
            ),
            Self::SchemaOrBool => {
                let mut message = Vec::new();
                put_number(&mut message, 1, u64::from(value.as_bool().unwrap_or(true)));
                if value.is_object() {
                    put_bytes(&mut message, 2, &schema(value)?);
                }
                put_bytes(out, number, &message);
            }
            Self::SchemasOrStrings => {
                for (key, value) in value.as_object()? {
                    let mut entry = Vec::new();
                    put_bytes(&mut entry, 1, key.as_bytes());
                    let message = schema_or(value, |out, names| {
                        names.as_array()?.iter().try_for_each(|name| {
                            put_bytes(out, 2, name.as_str()?.as_bytes());
                            Some(())
                        })
                    })?;
                    put_bytes(&mut entry, 2, &message);
                    put_bytes(out, number, &entry);
                }
            }
            Self::Texts => {
                let mut message = Vec::new();
                for text in value.as_array()? {
                    put_bytes(&mut message, 1, text.as_str()?.as_bytes());
                }
                put_bytes(out, number, &message);
            }
        }
        Some(())
    }

    /// Reads one field into what was read of the value before.
    pub(super) fn decode(
        self,
        known: &mut Value,
        wire: Wire<'_>,
        depth: usize,
    ) -> Result<(), String> {
        let bytes = wire.bytes().ok_or("proto: wrong wireType")?;
        match self {
            Self::SchemaOrArray => {
                *known = alternatives(bytes, depth, |wire| read_schema(wire, depth))?;
            }
            Self::SchemaOrBool => {
                let (mut allows, mut schema) = (false, None);
                let mut fields = Fields(bytes);
                while let Some((number, wire)) = fields.next()? {
                    match number {
                        1 => allows = wire.varint().unwrap_or_default() != 0,
                        2 => schema = Some(read_schema(wire, depth)?),
                        _ => {}
                    }
                }
                *known = schema.unwrap_or(Value::Bool(allows));
            }
            Self::SchemasOrStrings => {
                let (mut key, mut value) = (String::new(), Value::Array(Vec::new()));
                let mut fields = Fields(bytes);
                while let Some((number, wire)) = fields.next()? {
                    match number {
                        1 => key = decode::text(wire)?,
                        2 => {
                            let bytes = wire.bytes().ok_or("proto: wrong wireType")?;
                            value = alternatives(bytes, depth, |wire| {
                                decode::text(wire).map(Value::String)
                            })?;
                        }
                        _ => {}
                    }
                }
                if !known.is_object() {
                    *known = Value::Object(Map::new());
                }
                if let Some(map) = known.as_object_mut() {
                    map.insert(key, value);
                }
            }
            Self::Texts => {
                let (mut texts, mut fields) = (Vec::new(), Fields(bytes));
                while let Some((_, wire)) = fields.next()? {
                    texts.push(Value::String(decode::text(wire)?));
                }
                *known = Value::Array(texts);
            }
        }
        Ok(())
    }
}

fn schema_struct() -> Option<&'static Struct> {
    Struct::named("apiextensions.v1.JSONSchemaProps")
}

fn schema(value: &Value) -> Option<Vec<u8>> {
    encode::encode(value, schema_struct()?)
}

fn read_schema(wire: Wire<'_>, depth: usize) -> Result<Value, String> {
    let bytes = wire.bytes().ok_or("proto: wrong wireType")?;
    let of = schema_struct().ok_or("kmock has no protobuf form of schemas")?;
    decode::decode(bytes, of, depth + 1)
}

/// The message of a schema (field 1) or of what `other` writes.
fn schema_or(
    value: &Value,
    other: impl FnOnce(&mut Vec<u8>, &Value) -> Option<()>,
) -> Option<Vec<u8>> {
    let mut message = Vec::new();
    if value.is_object() {
        put_bytes(&mut message, 1, &schema(value)?);
    } else {
        other(&mut message, value)?;
    }
    Some(message)
}

/// A schema (field 1), or the list of what field 2 has.
fn alternatives(
    bytes: &[u8],
    depth: usize,
    item: impl Fn(Wire<'_>) -> Result<Value, String>,
) -> Result<Value, String> {
    let (mut schema, mut items) = (None, Vec::new());
    let mut fields = Fields(bytes);
    while let Some((number, wire)) = fields.next()? {
        match number {
            1 => schema = Some(read_schema(wire, depth)?),
            2 => items.push(item(wire)?),
            _ => {}
        }
    }
    Ok(schema.unwrap_or(Value::Array(items)))
}
