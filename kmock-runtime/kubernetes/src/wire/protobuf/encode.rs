//! JSON values to messages.

use serde_json::Value;

use super::message::{Member, Message};
use super::wire::{put_bytes, put_double, put_number};
use crate::kinds::builtin::gotypes::{GoType, Struct};
use crate::kinds::builtin::{base64, times};
use crate::wire::json;

/// The message of a struct's value; `None` if some type in it has no protobuf form here.
pub(super) fn encode(value: &Value, of: &'static Struct) -> Option<Vec<u8>> {
    let mut out = Vec::with_capacity(256);
    members(&mut out, value, Message::of(of)?)?;
    Some(out)
}

fn members(out: &mut Vec<u8>, value: &Value, message: &'static Message) -> Option<()> {
    for (number, member) in &message.members {
        match member {
            Member::Field(known) => match value.get(known.name) {
                None | Some(Value::Null) => {}
                Some(value) => field(out, *number, &known.ty, value)?,
            },
            Member::Union(union, known) => match value.get(known.name) {
                None | Some(Value::Null) => {}
                Some(value) => union.encode(out, *number, value)?,
            },
            Member::Embedded(message) => {
                let mut inner = Vec::new();
                members(&mut inner, value, message)?;
                put_bytes(out, *number, &inner);
            }
        }
    }
    Some(())
}

fn field(out: &mut Vec<u8>, number: u32, ty: &'static GoType, value: &Value) -> Option<()> {
    match ty {
        GoType::Pointer(inner) | GoType::Named(inner, _) => field(out, number, inner, value)?,
        GoType::Bool => put_number(out, number, u64::from(value.as_bool()?)),
        GoType::Int(_) => put_number(out, number, signed(integer(value)?)),
        GoType::Float => put_double(out, number, value.as_f64()?),
        GoType::String => put_bytes(out, number, value.as_str()?.as_bytes()),
        GoType::Bytes => put_bytes(out, number, &base64::decode(value.as_str()?).ok()?),
        GoType::Time | GoType::MicroTime => {
            let moment = times::moment(value.as_str()?)?;
            let mut inner = Vec::new();
            put_number(&mut inner, 1, signed(moment.as_second()));
            put_number(&mut inner, 2, signed(i64::from(moment.subsec_nanosecond())));
            put_bytes(out, number, &inner);
        }
        GoType::Duration => {
            let mut inner = Vec::new();
            put_number(
                &mut inner,
                1,
                signed(times::duration(value.as_str()?).ok()?),
            );
            put_bytes(out, number, &inner);
        }
        GoType::Quantity => {
            let mut inner = Vec::new();
            let text = value
                .as_str()
                .map_or_else(|| value.to_string(), str::to_owned);
            put_bytes(&mut inner, 1, text.as_bytes());
            put_bytes(out, number, &inner);
        }
        GoType::IntOrString => {
            let mut inner = Vec::new();
            let text = value.as_str();
            put_number(&mut inner, 1, u64::from(text.is_some()));
            put_number(&mut inner, 2, signed(integer(value).unwrap_or_default()));
            put_bytes(&mut inner, 3, text.unwrap_or_default().as_bytes());
            put_bytes(out, number, &inner);
        }
        GoType::Raw => {
            let mut inner = Vec::new();
            put_bytes(&mut inner, 1, &json::print_object(value));
            put_bytes(out, number, &inner);
        }
        GoType::Struct(name) => put_bytes(out, number, &encode(value, name.get()?)?),
        GoType::Slice(inner) => {
            for item in value.as_array()? {
                field(out, number, inner, item)?;
            }
        }
        GoType::Map(_, inner) => {
            let mut entries: Vec<_> = value.as_object()?.iter().collect();
            entries.sort_by_key(|(key, _)| *key);
            for (key, value) in entries {
                let mut entry = Vec::new();
                put_bytes(&mut entry, 1, key.as_bytes());
                if matches!(inner.underlying(), GoType::Slice(_)) {
                    // A list as a map's value is a message with one field.
                    let mut list = Vec::new();
                    field(&mut list, 1, inner, value)?;
                    put_bytes(&mut entry, 2, &list);
                } else {
                    field(&mut entry, 2, inner, value)?;
                }
                put_bytes(out, number, &entry);
            }
        }
    }
    Some(())
}

#[expect(
    clippy::cast_possible_truncation,
    reason = "floats that are whole numbers"
)]
fn integer(value: &Value) -> Option<i64> {
    value.as_i64().or_else(|| {
        value
            .as_f64()
            .filter(|float| float.fract() == 0.0)
            .map(|float| float as i64)
    })
}

/// Negative numbers are ten bytes long, in two's complement.
fn signed(value: i64) -> u64 {
    u64::from_ne_bytes(value.to_ne_bytes())
}
