//! Messages to JSON values, as Go's types would print them: zero values of optional fields are left out.

use serde_json::{Map, Number, Value};

use super::message::{Member, Message};
use super::wire::{Fields, Wire};
use crate::kinds::builtin::gotypes::{Field, GoType, Struct, Zero};
use crate::kinds::builtin::{base64, times};

/// Deeper messages are refused.
const MAX_DEPTH: usize = 200;

/// The value of a struct's message.
pub(super) fn decode(bytes: &[u8], of: &'static Struct, depth: usize) -> Result<Value, String> {
    if depth > MAX_DEPTH {
        return Err("proto: message nested too deep".into());
    }
    let message =
        Message::of(of).ok_or_else(|| format!("kmock has no protobuf form of {}", of.name))?;
    let mut map = Map::new();
    members(&mut map, bytes, message, depth)?;
    Ok(Value::Object(map))
}

fn members(
    map: &mut Map<String, Value>,
    bytes: &[u8],
    message: &'static Message,
    depth: usize,
) -> Result<(), String> {
    let mut fields = Fields(bytes);
    while let Some((number, wire)) = fields.next()? {
        match message.member(number) {
            Some(Member::Field(field)) => set(map, field, wire, depth)?,
            Some(Member::Union(union, field)) => {
                let known = map.entry(field.name).or_insert(Value::Null);
                union.decode(known, wire, depth)?;
            }
            Some(Member::Embedded(message)) => {
                members(map, wire.bytes().ok_or_else(wrong)?, message, depth)?;
            }
            None => {}
        }
    }
    Ok(())
}

fn wrong() -> String {
    "proto: wrong wireType".into()
}

fn set(
    map: &mut Map<String, Value>,
    field: &'static Field,
    wire: Wire<'_>,
    depth: usize,
) -> Result<(), String> {
    let ty = field.ty.underlying();
    match ty {
        GoType::Slice(inner) => {
            let list = map
                .entry(field.name)
                .or_insert_with(|| Value::Array(Vec::new()));
            if let Value::Array(list) = list {
                items(list, inner, wire, depth)?;
            }
        }
        GoType::Map(_, inner) => {
            let (key, value) = entry(wire.bytes().ok_or_else(wrong)?, inner, depth)?;
            let entries = map
                .entry(field.name)
                .or_insert_with(|| Value::Object(Map::new()));
            if let Value::Object(entries) = entries {
                entries.insert(key, value);
            }
        }
        _ => {
            let value = single(ty, wire, depth)?;
            if field.zero == Zero::Printed || !is_zero(ty, &value) {
                map.insert(field.name.to_owned(), value);
            }
        }
    }
    Ok(())
}

/// Whether a value is its type's zero; what a pointer points to never is.
fn is_zero(ty: &GoType, value: &Value) -> bool {
    match (ty, value) {
        (GoType::Pointer(_), value) => value.is_null(),
        (_, Value::Null | Value::Bool(false)) => true,
        (_, Value::Number(number)) => number.as_f64() == Some(0.0) && *ty != GoType::IntOrString,
        (_, Value::String(text)) => text.is_empty(),
        _ => false,
    }
}

fn items(
    list: &mut Vec<Value>,
    inner: &'static GoType,
    wire: Wire<'_>,
    depth: usize,
) -> Result<(), String> {
    // Packed numbers: all in one field.
    if let (GoType::Int(_) | GoType::Bool, Wire::Bytes(packed)) = (inner.underlying(), wire) {
        let mut packed = Fields(packed);
        while !packed.0.is_empty() {
            let value = packed.varint()?;
            list.push(single(inner, Wire::Varint(value), depth)?);
        }
        return Ok(());
    }
    list.push(single(inner, wire, depth)?);
    Ok(())
}

fn entry(bytes: &[u8], inner: &'static GoType, depth: usize) -> Result<(String, Value), String> {
    let (mut key, mut value) = (String::new(), None);
    let mut fields = Fields(bytes);
    while let Some((number, wire)) = fields.next()? {
        match number {
            1 => key = text(wire)?,
            2 => {
                value = Some(match inner.underlying() {
                    GoType::Slice(item) => {
                        let mut list = Vec::new();
                        let mut wrapped = Fields(wire.bytes().ok_or_else(wrong)?);
                        while let Some((_, wire)) = wrapped.next()? {
                            items(&mut list, item, wire, depth)?;
                        }
                        Value::Array(list)
                    }
                    _ => single(inner, wire, depth)?,
                });
            }
            _ => {}
        }
    }
    let absent = || match inner.underlying() {
        GoType::String | GoType::Bytes => Value::from(""),
        GoType::Slice(_) => Value::Array(Vec::new()),
        GoType::Struct(_) => Value::Object(Map::new()),
        GoType::Quantity => Value::from("0"),
        _ => Value::Null,
    };
    Ok((key, value.unwrap_or_else(absent)))
}

pub(super) fn text(wire: Wire<'_>) -> Result<String, String> {
    let bytes = wire.bytes().ok_or_else(wrong)?;
    std::str::from_utf8(bytes)
        .map(str::to_owned)
        .map_err(|_| "proto: invalid UTF-8".into())
}

fn signed(value: u64) -> i64 {
    i64::from_ne_bytes(value.to_ne_bytes())
}

fn single(ty: &'static GoType, wire: Wire<'_>, depth: usize) -> Result<Value, String> {
    let inner = |wire: Wire<'_>| -> Result<Vec<(u32, u64, String)>, String> {
        let mut fields = Fields(wire.bytes().ok_or_else(wrong)?);
        let mut all = Vec::new();
        while let Some((number, wire)) = fields.next()? {
            all.push((
                number,
                wire.varint().unwrap_or_default(),
                text(wire).unwrap_or_default(),
            ));
        }
        Ok(all)
    };
    Ok(match ty {
        GoType::Pointer(of) | GoType::Named(of, _) => single(of, wire, depth)?,
        GoType::Bool => Value::Bool(wire.varint().ok_or_else(wrong)? != 0),
        GoType::Int(bits) => {
            let value = signed(wire.varint().ok_or_else(wrong)?);
            // A negative int32 may come in five bytes or in ten.
            let narrow = u32::try_from(value).ok().filter(|_| *bits == 32);
            Value::from(narrow.map_or(value, |value| {
                i64::from(i32::from_ne_bytes(value.to_ne_bytes()))
            }))
        }
        GoType::Float => match wire {
            Wire::Fixed64(bits) => {
                Number::from_f64(f64::from_bits(bits)).map_or(Value::Null, Value::Number)
            }
            _ => return Err(wrong()),
        },
        GoType::String => Value::String(text(wire)?),
        GoType::Bytes => Value::String(base64::encode(wire.bytes().ok_or_else(wrong)?)),
        GoType::Time | GoType::MicroTime => {
            let fields = inner(wire)?;
            let number = |wanted: u32| {
                fields
                    .iter()
                    .find(|(n, ..)| *n == wanted)
                    .map_or(0, |(_, v, _)| signed(*v))
            };
            let (seconds, nanos) = (number(1), i32::try_from(number(2)).unwrap_or_default());
            let moment = jiff::Timestamp::new(seconds, nanos).map_err(|error| error.to_string())?;
            match (seconds, nanos, ty) {
                (0, 0, _) => Value::Null,
                (.., GoType::Time) => times::seconds(moment).into(),
                _ => times::micros(moment).into(),
            }
        }
        GoType::Duration => {
            let nanos = inner(wire)?
                .first()
                .map_or(0, |(_, value, _)| signed(*value));
            times::print_duration(nanos).into()
        }
        GoType::Quantity => {
            let text = inner(wire)?
                .into_iter()
                .find(|(number, ..)| *number == 1)
                .map(|(.., text)| text);
            text.filter(|text| !text.is_empty())
                .unwrap_or_else(|| "0".into())
                .into()
        }
        GoType::IntOrString => {
            let fields = inner(wire)?;
            let find = |wanted: u32| fields.iter().find(|(number, ..)| *number == wanted);
            if find(1).is_some_and(|(_, kind, _)| *kind == 1) {
                find(3)
                    .map(|(.., text)| text.clone())
                    .unwrap_or_default()
                    .into()
            } else {
                Value::from(find(2).map_or(0, |(_, value, _)| signed(*value)))
            }
        }
        GoType::Raw => {
            let mut fields = Fields(wire.bytes().ok_or_else(wrong)?);
            let mut raw = Value::Null;
            while let Some((number, wire)) = fields.next()? {
                if number == 1 {
                    let bytes = wire.bytes().ok_or_else(wrong)?;
                    raw = serde_json::from_slice(bytes).map_err(|error| error.to_string())?;
                }
            }
            raw
        }
        GoType::Struct(name) => {
            let of = name.get().ok_or_else(|| format!("unknown type {name:?}"))?;
            decode(wire.bytes().ok_or_else(wrong)?, of, depth + 1)?
        }
        GoType::Slice(item) => {
            let mut list = Vec::new();
            items(&mut list, item, wire, depth)?;
            Value::Array(list)
        }
        GoType::Map(..) => return Err(wrong()),
    })
}
