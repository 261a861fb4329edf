//! Strategic merge patch (`application/strategic-merge-patch+json`): lists are merged by the keys that their types declare.
//!
//! The rules are those of `apimachinery/pkg/util/strategicpatch`. Besides values a patch holds directives:
//!
//! | directive | what it does |
//! |---|---|
//! | `$patch: replace` in an object | the object takes the place of what is there |
//! | `$patch: delete` in an object | the object is emptied; in an item of a list, the item with its key goes |
//! | `$patch: replace` in an item of a list | the whole list is replaced by the patch's other items |
//! | `$deleteFromPrimitiveList/<list>` | these values are taken out of the list |
//! | `$setElementOrder/<list>` | the order of the list's items |
//! | `$retainKeys` | the object keeps only these keys |

use std::collections::HashMap;

use serde_json::{Map, Value};

use crate::gofmt;
use crate::schema::{PatchRules, Schema};

const DIRECTIVE: &str = "$patch";
const DELETE_FROM_LIST: &str = "$deleteFromPrimitiveList";
const ELEMENT_ORDER: &str = "$setElementOrder";
const RETAIN_KEYS: &str = "$retainKeys";

/// Why a patch was not applied.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum StrategicError {
    /// A directive is not written as it must be: the client's mistake.
    Malformed(String),
    /// The items of a list and of its patch are of different sorts. The API server does not pass the reason on.
    Unfit(String),
    /// The patch does not fit the type. The API server takes that for a failure of its own.
    Failed(String),
}

impl std::fmt::Display for StrategicError {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let (StrategicError::Malformed(why)
        | StrategicError::Unfit(why)
        | StrategicError::Failed(why)) = self;
        f.write_str(why)
    }
}

impl std::error::Error for StrategicError {}

type Object = Map<String, Value>;

/// Where in the types the patch is at.
#[derive(Clone, Copy)]
struct Place<'s> {
    schema: &'s Schema,
    name: &'s str,
}

impl<'s> Place<'s> {
    fn of(schema: &'s Schema, parent: &'s str) -> Place<'s> {
        let name = schema
            .definition()
            .map_or(parent, |definition| short_name(definition.name()));
        Place { schema, name }
    }

    /// The field of that JSON name, and what its type says about patches.
    fn field(self, key: &str) -> Result<(Place<'s>, &'s PatchRules), StrategicError> {
        let mut properties = self.schema.properties();
        if properties.len() == 0 && self.schema.definition().is_none() {
            return Err(StrategicError::Failed(
                "merging an object in json but data type is not struct, instead is: map".into(),
            ));
        }
        let found = self.schema.property(key);
        let found = found.or_else(|| {
            properties
                .find(|(name, _)| name.eq_ignore_ascii_case(key))
                .map(|(_, schema)| schema)
        });
        match found {
            Some(schema) => Ok((Place::of(schema, self.name), schema.patch_rules())),
            None => Err(StrategicError::Failed(format!(
                "unable to find api field in struct {} for the json field {}",
                self.name,
                gofmt::quote(key)
            ))),
        }
    }

    fn items(self) -> Place<'s> {
        Place::of(self.schema.items(), self.name)
    }
}

fn short_name(name: &str) -> &str {
    name.rsplit('.').next().unwrap_or(name)
}

/// Applies a patch to an object of that type. `kind` names the root's Go type in messages.
///
/// ```
/// use kmock_apply::Schema;
/// use kmock_apply::patch::strategic;
/// use serde_json::json;
///
/// let schema = Schema::of_kind("", "v1", "Pod").expect("a built-in kind");
/// let pod = json!({"spec": {"containers": [{"name": "a", "image": "x"}, {"name": "b", "image": "x"}]}});
/// let patch = json!({"spec": {"containers": [{"name": "b", "image": "y"}]}});
/// let (Some(pod), Some(patch)) = (pod.as_object(), patch.as_object()) else { panic!("objects") };
///
/// let patched = strategic::apply(schema, "Pod", pod, patch)?;
/// assert_eq!(patched["spec"]["containers"], json!([{"name": "a", "image": "x"}, {"name": "b", "image": "y"}]));
/// # Ok::<(), strategic::StrategicError>(())
/// ```
pub fn apply(
    schema: &Schema,
    kind: &str,
    original: &Object,
    patch: &Object,
) -> Result<Object, StrategicError> {
    merge_object(
        original.clone(),
        patch.clone(),
        Place { schema, name: kind },
    )
}

fn merge_object(
    mut original: Object,
    mut patch: Object,
    place: Place<'_>,
) -> Result<Object, StrategicError> {
    if let Some(directive) = patch.get(DIRECTIVE) {
        return match directive.as_str() {
            Some("replace") => {
                patch.remove(DIRECTIVE);
                Ok(patch)
            }
            Some("delete") => Ok(Object::new()),
            _ => Err(bad_directive(directive, &patch)),
        };
    }
    retain_keys(&mut original, &mut patch)?;
    set_element_order(&mut original, &mut patch, place)?;
    for (key, value) in patch {
        let (key, is_deletion) = match extract_key(&key, DELETE_FROM_LIST) {
            Some(Ok(list)) => (list.to_owned(), true),
            Some(Err(())) => {
                return Err(StrategicError::Malformed(
                    "invalid patch format of primitive list".into(),
                ));
            }
            None => (key, false),
        };
        if value.is_null() {
            original.remove(&key);
            continue;
        }
        let merged = match (original.remove(&key), value) {
            (Some(Value::Object(old)), Value::Object(new)) => {
                let (place, rules) = place.field(&key)?;
                Some(Value::Object(if rules.replace {
                    new
                } else {
                    merge_object(old, new, place)?
                }))
            }
            (Some(Value::Array(old)), Value::Array(new)) => {
                let (place, rules) = place.field(&key)?;
                Some(Value::Array(merge_list(
                    old,
                    new,
                    place.items(),
                    rules,
                    is_deletion,
                )?))
            }
            (old, _) if is_deletion => old,
            // Values of one scalar type only lose their directives, of which they have none.
            (_, mut new) => {
                discard_nulls(&mut new);
                without_directives(new)
            }
        };
        original.extend(merged.map(|merged| (key, merged)));
    }
    Ok(original)
}

fn bad_directive(directive: &Value, object: &Object) -> StrategicError {
    let object = gofmt::plain(&Value::Object(object.clone()));
    StrategicError::Failed(format!(
        "unknown patch type: {} in map: {object}",
        gofmt::plain(directive)
    ))
}

/// The list's name behind `prefix/`; an error when there is only the prefix.
fn extract_key<'k>(key: &'k str, prefix: &str) -> Option<Result<&'k str, ()>> {
    if !key.starts_with(prefix) {
        return None;
    }
    Some(match key.split_once('/') {
        Some((found, list)) if found == prefix => Ok(list),
        _ => Err(()),
    })
}

fn retain_keys(original: &mut Object, patch: &mut Object) -> Result<(), StrategicError> {
    let bad = || StrategicError::Malformed("invalid patch format of retainKeys".into());
    let Some(keys) = patch.remove(RETAIN_KEYS) else {
        return Ok(());
    };
    let Value::Array(keys) = keys else {
        return Err(bad());
    };
    let is_retained = |key: &str| keys.iter().any(|retained| retained.as_str() == Some(key));
    for (key, value) in patch.iter() {
        let is_directive = key.starts_with(DELETE_FROM_LIST) || key.starts_with(ELEMENT_ORDER);
        if !value.is_null() && !is_directive && !is_retained(key) {
            return Err(bad());
        }
    }
    original.retain(|key, _| is_retained(key));
    Ok(())
}

/// Merges the lists whose order the patch gives, and takes them out of the patch.
fn set_element_order(
    original: &mut Object,
    patch: &mut Object,
    place: Place<'_>,
) -> Result<(), StrategicError> {
    let directives: Vec<String> = patch
        .keys()
        .filter(|key| key.starts_with(ELEMENT_ORDER))
        .cloned()
        .collect();
    for directive in directives {
        let Some(order) = patch.remove(&directive) else {
            continue;
        };
        let order = as_list(order)?;
        let Some(Ok(key)) = extract_key(&directive, ELEMENT_ORDER) else {
            return Err(StrategicError::Malformed(
                "invalid patch format of setElementOrder list".into(),
            ));
        };
        let old = original.get(key).cloned().map(as_list).transpose()?;
        let new = patch.get(key).cloned().map(as_list).transpose()?;
        let (of_list, rules) = place.field(key)?;
        let merge_key = rules.merge_key.as_deref().unwrap_or_default();
        check_order(new.as_deref().unwrap_or_default(), &order, merge_key)?;
        let merged = match (&old, &new) {
            (Some(old), None) => old.clone(),
            (None, Some(new)) => new.iter().cloned().filter_map(without_directives).collect(),
            (Some(old), Some(new)) => {
                merge_list(old.clone(), new.clone(), of_list.items(), rules, false)?
            }
            (None, None) => continue,
        };
        let (patched, server_only) = partition(merged, &order, merge_key)?;
        let old = old.unwrap_or_default();
        let is_objects = element_is_object(&[&old, new.as_deref().unwrap_or_default()])?;
        let ordered = in_order(patched, server_only, &order, &old, merge_key, is_objects)?;
        original.insert(key.to_owned(), Value::Array(ordered));
        patch.remove(key);
    }
    Ok(())
}

fn as_list(value: Value) -> Result<Vec<Value>, StrategicError> {
    match value {
        Value::Array(items) => Ok(items),
        other => Err(bad_type("[]interface {}", &other)),
    }
}

fn bad_type(expected: &str, actual: &Value) -> StrategicError {
    let actual = if actual.is_null() {
        "%!s(<nil>)"
    } else {
        gofmt::type_name(actual)
    };
    StrategicError::Failed(format!("expected a {expected}, but received a {actual}"))
}

fn no_merge_key(item: &Value, key: &str) -> StrategicError {
    StrategicError::Failed(format!(
        "map: {} does not contain declared merge key: {key}",
        gofmt::plain(item)
    ))
}

/// What tells an item from others: the value of its merge key, or itself.
fn identity<'v>(item: &'v Value, merge_key: &str) -> Result<&'v Value, StrategicError> {
    match item {
        item if merge_key.is_empty() => Ok(item),
        Value::Object(object) => object
            .get(merge_key)
            .ok_or_else(|| no_merge_key(item, merge_key)),
        other => Err(bad_type("map[string]interface {}", other)),
    }
}

fn is_deleted(item: &Value) -> bool {
    item.get(DIRECTIVE).and_then(Value::as_str) == Some("delete")
}

/// The patch's items must stand in the order that the patch gives, and be among it.
fn check_order(patch: &[Value], order: &[Value], merge_key: &str) -> Result<(), StrategicError> {
    if order.is_empty() || patch.is_empty() {
        return Ok(());
    }
    if let (false, Some(other)) = (
        merge_key.is_empty(),
        patch.iter().find(|item| !item.is_object()),
    ) {
        return Err(bad_type("map[string]interface {}", other));
    }
    let left: Vec<&Value> = patch
        .iter()
        .filter(|item| merge_key.is_empty() || !is_deleted(item))
        .collect();
    let (mut l, mut o) = (0, 0);
    while let (Some(item), Some(wanted)) = (left.get(l), order.get(o)) {
        if item.get(DIRECTIVE).is_some() {
            l += 1;
            continue;
        }
        if identity(item, merge_key)? == identity(wanted, merge_key)? {
            l += 1;
        }
        o += 1;
    }
    if l < left.len() && o >= order.len() {
        let (patch, order) = (gofmt::plain(&patch.into()), gofmt::plain(&order.into()));
        return Err(StrategicError::Failed(format!(
            "The order in patch list:\n{patch}\n doesn't match {ELEMENT_ORDER} list:\n{order}\n"
        )));
    }
    Ok(())
}

fn merge_list(
    old: Vec<Value>,
    new: Vec<Value>,
    items: Place<'_>,
    rules: &PatchRules,
    is_deletion: bool,
) -> Result<Vec<Value>, StrategicError> {
    if !rules.merge && !is_deletion {
        return Ok(new);
    }
    if old.is_empty() && new.is_empty() {
        return Ok(old);
    }
    let merge_key = rules.merge_key.as_deref().unwrap_or_default();
    let is_objects = element_is_object(&[&old, &new])?;
    let (old, new, merged) = if is_objects {
        if merge_key.is_empty() {
            let kind = if items.schema.properties().len() > 0 {
                "struct"
            } else {
                "map"
            };
            return Err(StrategicError::Failed(format!(
                "cannot merge lists without merge key for {kind}"
            )));
        }
        let (old, new) = special_items(old, new, merge_key)?;
        let merged = merge_items(old.clone(), &new, merge_key, items)?;
        (old, new, merged)
    } else if is_deletion {
        return Ok(old.into_iter().filter(|item| !new.contains(item)).collect());
    } else {
        let mut merged: Vec<Value> = Vec::with_capacity(old.len() + new.len());
        for item in old.iter().chain(&new) {
            if !merged.contains(item) {
                merged.push(item.clone());
            }
        }
        (old, new, merged)
    };
    let (patched, server_only) = partition(merged, &new, merge_key)?;
    in_order(patched, server_only, &new, &old, merge_key, is_objects)
}

/// Performs the items that are directives; what is left is merged.
fn special_items(
    mut old: Vec<Value>,
    new: Vec<Value>,
    merge_key: &str,
) -> Result<(Vec<Value>, Vec<Value>), StrategicError> {
    let mut plain = Vec::with_capacity(new.len());
    let mut is_replaced = false;
    for item in new {
        let Some(directive) = item.get(DIRECTIVE) else {
            plain.push(item);
            continue;
        };
        match directive.as_str() {
            Some("delete") => {
                let key = item
                    .get(merge_key)
                    .ok_or_else(|| no_merge_key(&item, merge_key))?;
                old.retain(|known| known.get(merge_key) != Some(key));
            }
            Some("replace") => is_replaced = true,
            Some("merge") => {
                return Err(StrategicError::Failed(
                    "merging lists cannot yet be specified in the patch".into(),
                ));
            }
            _ => {
                return Err(bad_directive(
                    directive,
                    item.as_object().unwrap_or(&Object::new()),
                ));
            }
        }
    }
    Ok(if is_replaced {
        (plain, Vec::new())
    } else {
        (old, plain)
    })
}

fn merge_items(
    mut old: Vec<Value>,
    new: &[Value],
    merge_key: &str,
    items: Place<'_>,
) -> Result<Vec<Value>, StrategicError> {
    for item in new {
        let (Value::Object(object), Some(key)) = (item, item.get(merge_key)) else {
            return Err(no_merge_key(item, merge_key));
        };
        match old
            .iter_mut()
            .find(|known| known.get(merge_key) == Some(key))
        {
            Some(Value::Object(known)) => {
                *known = merge_object(std::mem::take(known), object.clone(), items)?;
            }
            _ => old.push(item.clone()),
        }
    }
    Ok(old)
}

/// Splits items into those that are listed and those that only the server has.
fn partition(
    items: Vec<Value>,
    listed: &[Value],
    merge_key: &str,
) -> Result<(Vec<Value>, Vec<Value>), StrategicError> {
    let (mut patched, mut server_only) = (Vec::new(), Vec::new());
    let is_objects = !merge_key.is_empty();
    let places = Places::of(listed, merge_key, is_objects);
    // What is no object has no key: it is stumbled over by whoever looks so far.
    let odd = listed.iter().position(|one| is_objects && !one.is_object());
    for item in items {
        let own = identity(&item, merge_key)?;
        let found = places.places.get(&own.to_string()).copied();
        match (found, odd) {
            (Some(found), Some(odd)) if found < odd => patched.push(item),
            (_, Some(odd)) => {
                return Err(StrategicError::Failed(format!(
                    "value for key {odd} is not a map"
                )));
            }
            (Some(_), None) => patched.push(item),
            (None, None) => server_only.push(item),
        }
    }
    Ok((patched, server_only))
}

/// Puts the patch's items in the patch's order and the server's in the server's, and weaves them together:
/// a server's item comes before a patch's item that it was in front of before.
fn in_order(
    patched: Vec<Value>,
    server_only: Vec<Value>,
    patch_order: &[Value],
    server_order: &[Value],
    merge_key: &str,
    is_objects: bool,
) -> Result<Vec<Value>, StrategicError> {
    let patched = sorted(patched, patch_order, merge_key, is_objects)?;
    let server_only = sorted(server_only, server_order, merge_key, is_objects)?;
    let mut out = Vec::with_capacity(patched.len() + server_only.len());
    let places = Places::of(server_order, merge_key, is_objects);
    let (mut patched, mut server_only) = (
        patched.into_iter().peekable(),
        server_only.into_iter().peekable(),
    );
    loop {
        let takes_server = match (server_only.peek(), patched.peek()) {
            (None, None) => return Ok(out),
            (Some(_), None) => true,
            (None, Some(_)) => false,
            (Some(left), Some(right)) => {
                let (left, right) = (places.at(left), places.at(right));
                matches!((left, right), (Some(left), Some(right)) if left < right)
            }
        };
        out.extend(if takes_server {
            server_only.next()
        } else {
            patched.next()
        });
    }
}

/// Where items stand in an order, by what tells them apart.
struct Places<'a> {
    places: HashMap<String, usize>,
    merge_key: &'a str,
    is_objects: bool,
}

impl<'a> Places<'a> {
    fn of(order: &[Value], merge_key: &'a str, is_objects: bool) -> Self {
        let mut all = Self {
            places: HashMap::with_capacity(order.len()),
            merge_key,
            is_objects,
        };
        for (place, item) in order.iter().enumerate() {
            let name = all.name(item);
            all.places.entry(name).or_insert(place);
        }
        all
    }

    fn name(&self, item: &Value) -> String {
        let own = match self.is_objects {
            true => item.get(self.merge_key),
            false => Some(item),
        };
        own.map_or_else(String::new, Value::to_string)
    }

    fn at(&self, item: &Value) -> Option<usize> {
        self.places.get(&self.name(item)).copied()
    }
}

/// Sorts by the places in `order`; deletions go last.
fn sorted(
    items: Vec<Value>,
    order: &[Value],
    merge_key: &str,
    is_objects: bool,
) -> Result<Vec<Value>, StrategicError> {
    if is_objects {
        for item in items.iter().chain(order) {
            identity(item, merge_key)?;
        }
    }
    let (deleted, kept): (Vec<Value>, Vec<Value>) = items
        .into_iter()
        .partition(|item| is_objects && is_deleted(item));
    let places = Places::of(order, merge_key, is_objects);
    let mut kept: Vec<(Option<usize>, Value)> = kept
        .into_iter()
        .map(|item| (places.at(&item), item))
        .collect();
    if kept.iter().all(|(place, _)| place.is_some()) {
        kept.sort_by_key(|(place, _)| *place);
    } else {
        // An insertion sort, since the order is none for items without a place: those move to the front.
        for sorted in 1..kept.len() {
            let mut at = sorted;
            while at > 0 {
                let pair = (kept.get(at), kept.get(at - 1));
                let (Some((item, _)), Some((before, _))) = pair else {
                    break;
                };
                if matches!((item, before), (Some(item), Some(before)) if item >= before) {
                    break;
                }
                kept.swap(at, at - 1);
                at -= 1;
            }
        }
    }
    let kept = kept.into_iter().map(|(_, item)| item);
    Ok(kept.chain(deleted).collect())
}

/// Whether the lists hold objects; all items must be of one type, and none a list.
fn element_is_object(lists: &[&[Value]]) -> Result<bool, StrategicError> {
    let mut items = lists.iter().flat_map(|list| list.iter());
    let Some(first) = items.next() else {
        return Err(StrategicError::Failed(
            "no elements in any of the given slices".into(),
        ));
    };
    if first.is_array() {
        return Err(StrategicError::Unfit(
            "lists of lists are not supported".into(),
        ));
    }
    if items.any(|item| gofmt::type_name(item) != gofmt::type_name(first)) {
        let lists: Vec<String> = lists
            .iter()
            .map(|list| gofmt::plain(&(*list).into()))
            .collect();
        return Err(StrategicError::Failed(format!(
            "list element types are not identical: [{}]",
            lists.join(" ")
        )));
    }
    Ok(first.is_object())
}

fn discard_nulls(value: &mut Value) {
    match value {
        Value::Object(map) => {
            map.retain(|_, value| !value.is_null());
            map.values_mut().for_each(discard_nulls);
        }
        Value::Array(items) => items.iter_mut().for_each(discard_nulls),
        _ => {}
    }
}

/// A value without the objects that are directives; nothing when it is one itself.
fn without_directives(value: Value) -> Option<Value> {
    match value {
        Value::Object(map) if map.contains_key(DIRECTIVE) => None,
        Value::Object(map) => {
            let kept = map
                .into_iter()
                .filter_map(|(key, value)| Some((key, without_directives(value)?)));
            Some(Value::Object(kept.collect()))
        }
        Value::Array(items) => Some(items.into_iter().filter_map(without_directives).collect()),
        scalar => Some(scalar),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn patched(original: Value, patch: Value) -> Result<Value, StrategicError> {
        let schema = Schema::builtin("io.k8s.api.core.v1.Pod").expect("Pod");
        let (Value::Object(original), Value::Object(patch)) = (original, patch) else {
            panic!("not objects")
        };
        apply(schema, "Pod", &original, &patch).map(Value::Object)
    }

    fn containers(old: Value, new: Value) -> Result<Value, StrategicError> {
        let original = json!({"spec": {"containers": old}});
        patched(original, json!({"spec": {"containers": new}}))
            .map(|pod| pod["spec"]["containers"].clone())
    }

    #[test]
    fn lists_are_merged_by_their_keys() {
        let old = json!([{"name": "a", "image": "1"}, {"name": "b", "image": "1"}]);
        let got = containers(
            old.clone(),
            json!([{"name": "n"}, {"name": "b", "image": null, "args": ["x"]}]),
        );
        assert_eq!(
            got,
            Ok(json!([{"name": "n"}, {"name": "a", "image": "1"}, {"name": "b", "args": ["x"]}]))
        );
        let got = containers(old.clone(), json!([{"name": "a", "$patch": "delete"}]));
        assert_eq!(got, Ok(json!([{"name": "b", "image": "1"}])));
        let got = containers(old.clone(), json!([{"$patch": "replace"}, {"name": "z"}]));
        assert_eq!(got, Ok(json!([{"name": "z"}])));
        let got = containers(old, json!([{"image": "x"}]));
        let text = "map: map[image:x] does not contain declared merge key: name";
        assert_eq!(got, Err(StrategicError::Failed(text.into())));
    }

    #[test]
    fn orders_and_primitive_lists() {
        let original = json!({"metadata": {"finalizers": ["d", "c", "b"]}});
        let patch = json!({"metadata": {
            "$setElementOrder/finalizers": ["d", "e"], "$deleteFromPrimitiveList/finalizers": ["c"], "finalizers": ["e"],
        }});
        assert_eq!(
            patched(original.clone(), patch),
            Ok(json!({"metadata": {"finalizers": ["d", "e", "b"]}}))
        );
        let patch =
            json!({"metadata": {"$setElementOrder/finalizers": ["b"], "finalizers": ["z"]}});
        let text = "The order in patch list:\n[z]\n doesn't match $setElementOrder list:\n[b]\n";
        assert_eq!(
            patched(original, patch),
            Err(StrategicError::Failed(text.into()))
        );
    }

    #[test]
    fn retained_keys_and_unknown_fields() {
        let original = json!({"spec": {"volumes": [{"name": "v", "emptyDir": {}}], "x": {}}});
        let patch = json!({"spec": {"volumes": [{"name": "v", "$retainKeys": ["name", "configMap"], "configMap": {"name": "c"}}]}});
        let got = patched(original.clone(), patch).expect("patched");
        assert_eq!(
            got["spec"]["volumes"],
            json!([{"name": "v", "configMap": {"name": "c"}}])
        );
        let text = "unable to find api field in struct PodSpec for the json field \"x\"";
        assert_eq!(
            patched(original, json!({"spec": {"x": {}}})),
            Err(StrategicError::Failed(text.into()))
        );
    }
}
