//! Putting an object right in place, as its struct would hold and print it: for who made it of the types' own fields.
//!
//! What [`decode`](super::decode::decode) makes of the text of such an object, without the text: a typed client's object,
//! or one that was read before and patched since. Whatever would be complained of is left to the decoder.

use kmock_apply::ordered::Node;
use serde_json::{Map, Value};

use super::decode::{DecodedStruct, complete, decode, is_left_out, print_unset, zero};
use super::gotypes::{GoType, Struct};
use super::{base64, quantity, times};

/// Reads an object that came as a value: in place, if nothing is to be said of it.
pub fn read(root: &'static Struct, mut object: Value) -> Result<DecodedStruct, String> {
    if !retype(root, &mut object) {
        return decode(root, Node::from_value(&object));
    }
    Ok(DecodedStruct {
        object,
        complaints: Vec::new(),
    })
}

/// Puts the object right; `false` if there is something in it that the decoder has words for: then only a part was done,
/// and what was done is what the decoder would have done.
pub(crate) fn retype(root: &'static Struct, value: &mut Value) -> bool {
    match value {
        Value::Object(map) => structure(root, map),
        _ => false,
    }
}

fn structure(root: &'static Struct, map: &mut Map<String, Value>) -> bool {
    let (mut has_nulls, mut has_zeros) = (false, false);
    for (name, value) in map.iter_mut() {
        let Some(field) = root.field(name) else {
            return false;
        };
        if value.is_null() {
            has_nulls = true;
        } else if !typed(&field.ty, value) {
            return false;
        } else {
            has_zeros |= is_left_out(field, value);
        }
    }
    if has_nulls {
        map.retain(|_, value| !value.is_null());
    }
    if has_zeros {
        complete(root, map);
    } else {
        print_unset(root, map);
    }
    true
}

fn typed(ty: &GoType, value: &mut Value) -> bool {
    // How a text is spelt is the same most times: then it stays where it is.
    let spell = |value: &mut Value, read: &dyn Fn(&str) -> Option<String>| {
        let Value::String(text) = value else {
            return false;
        };
        match read(text) {
            Some(spelt) if spelt != *text => *text = spelt,
            Some(_) => {}
            None => return false,
        }
        true
    };
    match ty {
        GoType::Named(inner, _) | GoType::Pointer(inner) => typed(inner, value),
        GoType::Struct(name) => match (name.get(), value) {
            (Some(root), Value::Object(map)) => structure(root, map),
            (known, _) => known.is_none(),
        },
        GoType::Raw => true,
        GoType::Time if value.as_str().is_some_and(times::is_printed) => true,
        GoType::Time => spell(value, &|text| times::time(text).ok()),
        GoType::MicroTime => spell(value, &|text| times::micro_time(text).ok()),
        GoType::Duration => spell(value, &|text| {
            times::duration(text).map(times::print_duration).ok()
        }),
        // A number would do as well: that is the decoder's business.
        GoType::Quantity => spell(value, &|text| quantity::stored(text.trim()).ok()),
        GoType::Bytes => spell(value, &|text| {
            base64::decode(text)
                .ok()
                .map(|bytes| base64::encode(&bytes))
        }),
        GoType::String => value.is_string(),
        GoType::Bool => value.is_boolean(),
        GoType::IntOrString => value.is_string() || fits(value, 32),
        GoType::Int(bits) => fits(value, *bits),
        GoType::Float => value.is_i64() || value.is_f64(),
        GoType::Slice(inner) => match value {
            Value::Array(items) => items.iter_mut().all(|item| filled(inner, item)),
            _ => false,
        },
        GoType::Map(_, inner) => match value {
            Value::Object(map) => map.values_mut().all(|item| filled(inner, item)),
            _ => false,
        },
    }
}

/// An item or a member that is null is its type's zero.
fn filled(ty: &GoType, value: &mut Value) -> bool {
    if value.is_null() {
        *value = zero(ty);
        return true;
    }
    typed(ty, value)
}

fn fits(value: &Value, bits: u8) -> bool {
    let Some(number) = value.as_i64() else {
        return false;
    };
    match bits {
        8 => (0..=255).contains(&number),
        32 => i32::try_from(number).is_ok(),
        _ => true,
    }
}

#[cfg(test)]
mod tests {
    use kmock_apply::ordered::Node;
    use serde_json::json;

    use super::super::decode::decode;
    use super::*;

    fn both(kind: &str, object: &Value) -> (Option<Value>, Result<Value, String>) {
        let root = Struct::named(kind).expect("known");
        let decoded = decode(root, Node::from_value(object)).map(|read| read.object);
        let mut own = object.clone();
        let own = retype(root, &mut own).then_some(own);
        (own, decoded)
    }

    #[test]
    fn it_comes_to_what_the_decoder_makes() {
        for (kind, object) in [
            (
                "core.v1.ConfigMap",
                json!({"data": {"a": null, "b": "c"}, "immutable": null}),
            ),
            (
                "core.v1.Event",
                json!({"metadata": {"name": "e"}, "involvedObject": {"kind": "Pod"}, "eventTime": null,
                    "firstTimestamp": "2026-01-01T00:00:00+01:00", "count": 0}),
            ),
            (
                "core.v1.Secret",
                json!({"data": {"a": "YQ=="}, "metadata": {}}),
            ),
            (
                "core.v1.Pod",
                json!({"spec": {"hostNetwork": false, "containers": [{"name": "c", "image": "", "ports": [{"containerPort": 80}],
                    "resources": {"limits": {"cpu": "0.5", "memory": "1024Mi"}}, "env": []}, null]}, "status": {}}),
            ),
            (
                "apps.v1.Deployment",
                json!({"spec": {"replicas": 3, "strategy": {"rollingUpdate": {"maxSurge": "25%", "maxUnavailable": 1}}}}),
            ),
            ("rbac.v1.Role", json!({})),
            (
                "meta.v1.ObjectMeta",
                json!({"managedFields": [{"manager": "m", "fieldsV1": {"f:data": {}}}], "labels": {}}),
            ),
        ] {
            let (own, decoded) = both(kind, &object);
            assert_eq!(own.map(Ok), Some(decoded), "{kind}");
        }
    }

    #[test]
    fn what_has_faults_is_left_to_the_decoder() {
        for (kind, object) in [
            ("core.v1.ConfigMap", json!({"data": {"a": 1}})),
            ("core.v1.ConfigMap", json!({"dataa": {}})),
            ("core.v1.Secret", json!({"data": {"a": "?"}})),
            (
                "apps.v1.Deployment",
                json!({"spec": {"replicas": 3_000_000_000_u64}}),
            ),
            ("core.v1.Pod", json!([])),
        ] {
            assert_eq!(both(kind, &object).0, None, "{kind}");
        }
    }
}
