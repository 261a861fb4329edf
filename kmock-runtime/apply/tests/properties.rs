//! Properties of patches, of server-side apply and of field sets, over generated objects.
//!
//! Every property is asked for a fixed number of generated cases (see [`CASES`]); a failure names the seed of its
//! case. The objects are Deployments (lists of type map and set, atomic maps and lists, defaults in keys) and a
//! custom resource with every kind of list and map, drawn from few names and values so that they often share fields.

use std::collections::BTreeSet;

use kmock_apply::fields::{
    self, ApplyError, PathElement, Set, Write, apply, compare, equal_values, remove, to_set,
    update, validate,
};
use kmock_apply::ordered::Node;
use kmock_apply::patch::{json, merge, strategic};
use kmock_apply::schema::{Schema, SchemaRef};
use serde_json::{Map, Value, json};

/// How many generated cases each property is asked for.
const CASES: u64 = 1000;

/// What the cases are drawn from.
struct Random(fastrand::Rng);

impl Random {
    fn below(&mut self, limit: u64) -> u64 {
        self.0.u64(..limit)
    }

    fn maybe(&mut self) -> bool {
        self.0.bool()
    }

    fn one_of<'a>(&mut self, words: &[&'a str]) -> &'a str {
        words[self.0.usize(..words.len())]
    }

    fn some_of<'a>(&mut self, words: &[&'a str]) -> Vec<&'a str> {
        let mut chosen: Vec<&str> = words.iter().copied().filter(|_| self.maybe()).collect();
        if chosen.len() > 1 && self.maybe() {
            chosen.swap(0, 1);
        }
        chosen
    }
}

fn each_case(property: &str, check: impl Fn(&mut Random)) {
    for seed in 0..CASES {
        let mut random = Random(fastrand::Rng::with_seed(seed));
        let outcome = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| check(&mut random)));
        if let Err(panic) = outcome {
            eprintln!("property {property:?} failed with seed {seed}");
            std::panic::resume_unwind(panic);
        }
    }
}

/// An object of string values; absent when empty.
fn strings(random: &mut Random, keys: &[&str]) -> Option<Value> {
    let map: Map<String, Value> = random
        .some_of(keys)
        .into_iter()
        .map(|key| (key.to_owned(), random.one_of(&["1", "2"]).into()))
        .collect();
    (!map.is_empty()).then_some(Value::Object(map))
}

fn insert(map: &mut Map<String, Value>, key: &str, value: Option<Value>) {
    map.extend(value.map(|value| (key.to_owned(), value)));
}

fn list(items: Vec<Value>) -> Option<Value> {
    (!items.is_empty()).then_some(Value::Array(items))
}

fn deployment(random: &mut Random) -> Value {
    let mut metadata = Map::new();
    metadata.insert("name".into(), "d".into());
    insert(
        &mut metadata,
        "labels",
        strings(random, &["app", "tier", "a.b/c"]),
    );
    insert(&mut metadata, "annotations", strings(random, &["x", "y"]));
    insert(
        &mut metadata,
        "finalizers",
        list(
            random
                .some_of(&["f/a", "f/b", "f/c"])
                .into_iter()
                .map(Value::from)
                .collect(),
        ),
    );
    let containers: Vec<Value> = random
        .some_of(&["a", "b", "c"])
        .into_iter()
        .map(|name| container(random, name))
        .collect();
    let mut pod = Map::new();
    insert(&mut pod, "containers", list(containers));
    insert(&mut pod, "nodeSelector", strings(random, &["disk", "zone"]));
    let tolerations = random
        .some_of(&["t", "u"])
        .into_iter()
        .map(|key| json!({"key": key, "operator": "Exists"}))
        .collect();
    insert(&mut pod, "tolerations", list(tolerations));
    let mut spec = Map::new();
    if random.maybe() {
        spec.insert("replicas".into(), random.below(3).into());
    }
    if random.maybe() {
        spec.insert("paused".into(), random.maybe().into());
    }
    insert(
        &mut spec,
        "selector",
        strings(random, &["app"]).map(|labels| json!({"matchLabels": labels})),
    );
    if !pod.is_empty() {
        spec.insert("template".into(), json!({"spec": pod}));
    }
    let mut object = json!({"apiVersion": "apps/v1", "kind": "Deployment", "metadata": metadata});
    if !spec.is_empty() {
        object["spec"] = spec.into();
    }
    object
}

fn container(random: &mut Random, name: &str) -> Value {
    let mut container = Map::new();
    container.insert("name".into(), name.into());
    if random.maybe() {
        container.insert("image".into(), random.one_of(&["i:1", "i:2"]).into());
    }
    let env = random
        .some_of(&["X", "Y"])
        .into_iter()
        .map(|name| json!({"name": name, "value": random.one_of(&["1", "2"])}));
    insert(&mut container, "env", list(env.collect::<Vec<_>>()));
    let ports = [80, 81]
        .into_iter()
        .filter(|_| random.maybe())
        .map(|port| json!({"containerPort": port}))
        .collect();
    insert(&mut container, "ports", list(ports));
    insert(
        &mut container,
        "args",
        list(
            random
                .some_of(&["p", "q"])
                .into_iter()
                .map(Value::from)
                .collect(),
        ),
    );
    container.into()
}

fn widget_schema() -> SchemaRef {
    Schema::of_custom_resource(Some(&json!({"type": "object", "properties": {"spec": {"type": "object", "properties": {
        "n": {"type": "integer"},
        "set": {"type": "array", "x-kubernetes-list-type": "set", "items": {"type": "string"}},
        "map": {"type": "array", "x-kubernetes-list-type": "map", "x-kubernetes-list-map-keys": ["k", "v"],
                "items": {"type": "object", "properties": {
                    "k": {"type": "string"}, "v": {"type": "integer", "default": 7}, "w": {"type": "string"}}}},
        "atomic": {"type": "object", "x-kubernetes-map-type": "atomic", "additionalProperties": {"type": "string"}},
        "granular": {"type": "object", "additionalProperties": {"type": "string"}},
        "free": {"type": "object", "x-kubernetes-preserve-unknown-fields": true},
    }}}})))
    .into()
}

fn widget(random: &mut Random) -> Value {
    let mut spec = Map::new();
    if random.maybe() {
        spec.insert("n".into(), random.below(3).into());
    }
    insert(
        &mut spec,
        "set",
        list(
            random
                .some_of(&["a", "b", "c"])
                .into_iter()
                .map(Value::from)
                .collect(),
        ),
    );
    let mut items = Vec::new();
    for key in random.some_of(&["a", "b"]) {
        let mut item = json!({"k": key});
        if random.maybe() {
            item["v"] = random.below(2).into();
        }
        if random.maybe() {
            item["w"] = random.one_of(&["1", "2"]).into();
        }
        items.push(item);
    }
    insert(&mut spec, "map", list(items));
    insert(&mut spec, "atomic", strings(random, &["a", "b"]));
    insert(&mut spec, "granular", strings(random, &["a", "b", "c"]));
    if let Some(inner) = strings(random, &["a", "b"]) {
        spec.insert(
            "free".into(),
            json!({"deep": inner, "l": [random.below(2)]}),
        );
    }
    let mut metadata = json!({"name": "w"});
    if let Some(labels) = strings(random, &["app", "tier"]) {
        metadata["labels"] = labels;
    }
    let mut object = json!({"apiVersion": "x.example/v1", "kind": "Widget", "metadata": metadata});
    if !spec.is_empty() {
        object["spec"] = spec.into();
    }
    object
}

/// A kind of object to generate.
struct Kind {
    schema: SchemaRef,
    version: &'static str,
    generate: fn(&mut Random) -> Value,
}

fn kinds() -> [Kind; 2] {
    let built_in = Schema::of_kind("apps", "v1", "Deployment").expect("Deployment");
    [
        Kind {
            schema: built_in.into(),
            version: "apps/v1",
            generate: deployment,
        },
        Kind {
            schema: widget_schema(),
            version: "x.example/v1",
            generate: widget,
        },
    ]
}

impl Kind {
    fn apply(
        &self,
        live: Option<&Value>,
        config: &Value,
        manager: &str,
        force: bool,
        now: &str,
    ) -> Result<Value, ApplyError> {
        let write = Write::new(manager, self.version, &self.schema, now);
        apply(live, config, force, &write)
    }

    /// An object that somebody created by other means than apply.
    fn created(&self, random: &mut Random) -> Value {
        let mut object = (self.generate)(random);
        object["metadata"]["uid"] = "u".into();
        let now = "2026-01-01T00:00:00Z";
        let write = Write::new("creator", self.version, &self.schema, now);
        update(None, &mut object, &write);
        object
    }
}

const T1: &str = "2026-01-02T00:00:00Z";
const T2: &str = "2026-01-03T00:00:00Z";

/// The value at a path of the set.
fn at<'v>(schema: &Schema, value: &'v Value, path: &[PathElement]) -> Option<&'v Value> {
    let Some((step, rest)) = path.split_first() else {
        return Some(value);
    };
    match step {
        PathElement::Field(name) => at(schema.field(name)?, value.get(&**name)?, rest),
        step => {
            let items = value.as_array()?;
            let item = items.iter().find(|item| {
                let alone = to_set(schema, &Value::Array(vec![(*item).clone()]));
                alone.has_member(step)
            })?;
            at(schema.items(), item, rest)
        }
    }
}

/// Members without members below them.
fn leaves(set: &Set) -> Vec<Vec<PathElement>> {
    set.paths()
        .into_iter()
        .filter(|path| !has_below(set, path))
        .collect()
}

fn has_below(set: &Set, path: &[PathElement]) -> bool {
    let mut node = Some(set);
    for step in path {
        node = node.and_then(|node| node.below(step));
    }
    node.is_some_and(|node| !node.is_empty())
}

#[test]
fn apply_is_idempotent() {
    each_case("apply is idempotent", |random| {
        for kind in kinds() {
            let live = random.maybe().then(|| kind.created(random));
            let config = (kind.generate)(random);
            let once = kind
                .apply(live.as_ref(), &config, "op", true, T1)
                .expect("applied");
            let twice = kind
                .apply(Some(&once), &config, "op", false, T2)
                .expect("applied again");
            assert_eq!(once, twice);
        }
    });
}

#[test]
fn applied_values_are_there_and_owned() {
    each_case("applied values are there and owned", |random| {
        for kind in kinds() {
            let live = kind.created(random);
            let config = (kind.generate)(random);
            let applied = kind
                .apply(Some(&live), &config, "op", true, T1)
                .expect("applied");
            for path in leaves(&to_set(&kind.schema, &config)) {
                let (got, want) = (
                    at(&kind.schema, &applied, &path),
                    at(&kind.schema, &config, &path),
                );
                assert!(
                    equal_values(got.expect("there"), want.expect("mentioned")),
                    "{path:?}"
                );
            }
            assert!(validate(&kind.schema, &applied, false).is_ok());
        }
    });
}

#[test]
fn another_manager_conflicts_exactly_on_differing_shared_leaves() {
    each_case("conflicts", |random| {
        for kind in kinds() {
            let (first, second) = ((kind.generate)(random), (kind.generate)(random));
            let live = kind.apply(None, &first, "one", false, T1).expect("applied");
            let (of_first, of_second) =
                (to_set(&kind.schema, &first), to_set(&kind.schema, &second));
            let shared: BTreeSet<Vec<PathElement>> = leaves(&of_first.intersection(&of_second))
                .into_iter()
                .collect();
            let differs = |path: &&Vec<PathElement>| match (
                at(&kind.schema, &first, path),
                at(&kind.schema, &second, path),
            ) {
                (Some(a), Some(b)) => {
                    !equal_values(a, b)
                        && !has_below(&of_first, path)
                        && !has_below(&of_second, path)
                }
                _ => false,
            };
            let expected: BTreeSet<&Vec<PathElement>> = shared.iter().filter(differs).collect();
            match kind.apply(Some(&live), &second, "two", false, T2) {
                Ok(_) => assert!(expected.is_empty(), "no conflict, but {expected:?}"),
                Err(ApplyError::Conflicts(conflicts)) => {
                    let got: BTreeSet<&Vec<PathElement>> =
                        conflicts.iter().map(|conflict| &conflict.path).collect();
                    assert_eq!(got, expected);
                    assert!(
                        conflicts
                            .iter()
                            .all(|conflict| conflict.manager.name == "one")
                    );
                }
                Err(other) => panic!("{other:?}"),
            }
        }
    });
}

#[test]
fn what_a_manager_drops_goes_unless_others_own_it() {
    each_case("dropping", |random| {
        for kind in kinds() {
            let (config, other, less) = (
                (kind.generate)(random),
                (kind.generate)(random),
                (kind.generate)(random),
            );
            let live = kind.apply(None, &config, "op", false, T1).expect("applied");
            let live = kind
                .apply(Some(&live), &other, "other", true, T1)
                .expect("applied");
            let got = kind
                .apply(Some(&live), &less, "op", true, T2)
                .expect("applied");
            let (before, now) = (to_set(&kind.schema, &config), to_set(&kind.schema, &less));
            let of_other = to_set(&kind.schema, &other);
            let dropped = before.difference(&now).difference(&of_other);
            for path in dropped.paths() {
                // A parent stays as long as anybody owns something below it.
                if has_below(&now, &path) || has_below(&of_other, &path) {
                    continue;
                }
                assert_eq!(at(&kind.schema, &got, &path), None, "{path:?} of {got}");
            }
            for path in leaves(&of_other) {
                assert!(
                    at(&kind.schema, &got, &path).is_some(),
                    "{path:?} of the other manager is gone"
                );
            }
        }
    });
}

#[test]
fn who_creates_owns_what_the_comparison_with_nothing_tells() {
    let paths: [&[&str]; 12] = [
        &["apiVersion"],
        &["kind"],
        &["metadata"],
        &["metadata", "name"],
        &["metadata", "namespace"],
        &["metadata", "creationTimestamp"],
        &["metadata", "selfLink"],
        &["metadata", "uid"],
        &["metadata", "clusterName"],
        &["metadata", "generation"],
        &["metadata", "managedFields"],
        &["metadata", "resourceVersion"],
    ];
    let nobodys = Set::of_names(&paths);
    each_case("creators", |random| {
        for kind in kinds() {
            let new = kind.created(random);
            let mut plain = new.clone();
            let managers = plain["metadata"]["managedFields"].take();
            plain["metadata"]
                .as_object_mut()
                .expect("metadata")
                .remove("managedFields");
            let told = compare(&kind.schema, &json!({}), &plain).expect("comparable");
            let owned = told.written().difference(&nobodys).to_fields_v1();
            assert_eq!(managers[0]["fieldsV1"], owned, "{plain}");
        }
    });
}

#[test]
fn comparison_tells_every_difference() {
    each_case("comparison", |random| {
        for kind in kinds() {
            let (old, new) = ((kind.generate)(random), (kind.generate)(random));
            let changes = compare(&kind.schema, &old, &new).expect("comparable");
            let untold = changes.added.is_empty()
                && changes.modified.is_empty()
                && changes.removed.is_empty();
            // No set of fields tells the order of items, and nothing else stays untold.
            assert_eq!(untold, unordered(&old) == unordered(&new));
            // What was added and nothing else is what can be taken away again.
            let back = compare(&kind.schema, &new, &old).expect("comparable");
            assert_eq!(
                (&changes.added, &changes.removed),
                (&back.removed, &back.added)
            );
            let left = remove(&kind.schema, new.clone(), &changes.added);
            let again = compare(&kind.schema, &old, &left).expect("comparable");
            assert!(again.added.is_empty(), "{:?}", again.added);
        }
    });
}

/// A value whose lists of sets and maps are sorted; atomic lists are those of plain arguments.
fn unordered(value: &Value) -> Value {
    match value {
        Value::Object(map) => map
            .iter()
            .map(|(key, value)| {
                let is_atomic = matches!(key.as_str(), "args" | "tolerations");
                (
                    key.clone(),
                    if is_atomic {
                        value.clone()
                    } else {
                        unordered(value)
                    },
                )
            })
            .collect(),
        Value::Array(items) => {
            let mut items: Vec<Value> = items.iter().map(unordered).collect();
            items.sort_by_key(ToString::to_string);
            items.into()
        }
        scalar => scalar.clone(),
    }
}

#[test]
fn field_sets_survive_fields_v1_and_obey_their_algebra() {
    each_case("field sets", |random| {
        for kind in kinds() {
            let a = to_set(&kind.schema, &(kind.generate)(random));
            let b = to_set(&kind.schema, &(kind.generate)(random));
            assert_eq!(Set::from_fields_v1(&a.to_fields_v1()), Ok(a.clone()));
            let paths = |set: &Set| set.paths().into_iter().collect::<BTreeSet<_>>();
            let (of_a, of_b) = (paths(&a), paths(&b));
            assert_eq!(paths(&a.union(&b)), &of_a | &of_b);
            assert_eq!(paths(&a.intersection(&b)), &of_a & &of_b);
            assert_eq!(paths(&a.difference(&b)), &of_a - &of_b);
            let below_any = |path: &Vec<PathElement>| {
                (1..=path.len()).any(|length| of_b.contains(&path[..length]))
            };
            let expected: BTreeSet<_> = of_a
                .iter()
                .filter(|path| !below_any(path))
                .cloned()
                .collect();
            assert_eq!(paths(&a.recursive_difference(&b)), expected);
            assert_eq!(a.len(), of_a.len());
        }
    });
}

/// The strategic merge patch from one object to another, as kubectl computes it.
fn two_way(
    schema: &Schema,
    old: &Map<String, Value>,
    new: &Map<String, Value>,
) -> Map<String, Value> {
    let mut patch = Map::new();
    for (key, value) in new {
        let of_key = schema.field(key).expect("declared");
        let rules = of_key.patch_rules();
        match (old.get(key), value) {
            (Some(Value::Object(old)), Value::Object(new)) => {
                let inner = two_way(of_key, old, new);
                if !inner.is_empty() {
                    patch.insert(key.clone(), inner.into());
                }
            }
            (Some(Value::Array(old)), Value::Array(new)) if rules.merge && old != new => {
                let merge_key = rules.merge_key.as_deref();
                let id = |item: &Value| merge_key.map_or(item.clone(), |key| item[key].clone());
                let known = |list: &[Value], item: &Value| {
                    list.iter().find(|known| id(known) == id(item)).cloned()
                };
                let mut items = Vec::new();
                let mut deleted = Vec::new();
                for item in new {
                    match (known(old, item), merge_key) {
                        (Some(Value::Object(old)), Some(key)) => {
                            let mut inner =
                                two_way(of_key.items(), &old, item.as_object().expect("object"));
                            if !inner.is_empty() {
                                inner.insert(key.into(), id(item));
                                items.push(inner.into());
                            }
                        }
                        (None, _) => items.push(item.clone()),
                        _ => {}
                    }
                }
                for item in old.iter().filter(|item| known(new, item).is_none()) {
                    match merge_key {
                        Some(key) => items.push(json!({key: id(item), "$patch": "delete"})),
                        None => deleted.push(item.clone()),
                    }
                }
                let order = new
                    .iter()
                    .map(|item| merge_key.map_or(item.clone(), |key| json!({key: id(item)})))
                    .collect();
                patch.insert(format!("$setElementOrder/{key}"), Value::Array(order));
                if !items.is_empty() {
                    patch.insert(key.clone(), items.into());
                }
                if !deleted.is_empty() {
                    patch.insert(format!("$deleteFromPrimitiveList/{key}"), deleted.into());
                }
            }
            (Some(old), new) if old == new => {}
            _ => {
                patch.insert(key.clone(), value.clone());
            }
        }
    }
    for key in old.keys().filter(|key| !new.contains_key(*key)) {
        patch.insert(key.clone(), Value::Null);
    }
    patch
}

#[test]
fn a_computed_strategic_merge_patch_reproduces_its_target() {
    let schema = Schema::of_kind("apps", "v1", "Deployment").expect("Deployment");
    each_case("strategic merge", |random| {
        let (old, new) = (deployment(random), deployment(random));
        let (old, new) = (
            old.as_object().expect("object"),
            new.as_object().expect("object"),
        );
        let patch = two_way(schema, old, new);
        let got = strategic::apply(schema, "Deployment", old, &patch).expect("patched");
        assert_eq!(&got, new, "by {}", Value::Object(patch));
    });
}

/// The JSON patch from one value to another.
fn json_diff(old: &Value, new: &Value, path: &str, out: &mut Vec<Value>) {
    match (old, new) {
        (Value::Object(old), Value::Object(new)) => {
            let below = |key: &str| format!("{path}/{}", key.replace('~', "~0").replace('/', "~1"));
            for (key, value) in old {
                match new.get(key) {
                    Some(new) => json_diff(value, new, &below(key), out),
                    None => {
                        out.push(json!({"op": "test", "path": below(key), "value": value}));
                        out.push(json!({"op": "remove", "path": below(key)}));
                    }
                }
            }
            for (key, value) in new.iter().filter(|(key, _)| !old.contains_key(*key)) {
                out.push(json!({"op": "add", "path": below(key), "value": value}));
            }
        }
        (Value::Array(old), Value::Array(new)) => {
            let shared = old.len().min(new.len());
            for index in 0..shared {
                json_diff(&old[index], &new[index], &format!("{path}/{index}"), out);
            }
            for _ in shared..old.len() {
                out.push(json!({"op": "remove", "path": format!("{path}/{shared}")}));
            }
            for item in &new[shared..] {
                out.push(json!({"op": "add", "path": format!("{path}/-"), "value": item}));
            }
        }
        (old, new) if old == new => out.push(json!({"op": "test", "path": path, "value": old})),
        (_, new) => out.push(json!({"op": "replace", "path": path, "value": new})),
    }
}

/// The merge patch from one value to another.
fn merge_diff(old: &Value, new: &Value) -> Value {
    match (old, new) {
        (Value::Object(old), Value::Object(new)) => {
            let mut patch = Map::new();
            for (key, value) in new {
                match old.get(key) {
                    Some(old) if old == value => {}
                    Some(old) => {
                        patch.insert(key.clone(), merge_diff(old, value));
                    }
                    None => {
                        patch.insert(key.clone(), value.clone());
                    }
                }
            }
            patch.extend(
                old.keys()
                    .filter(|key| !new.contains_key(*key))
                    .map(|key| (key.clone(), Value::Null)),
            );
            Value::Object(patch)
        }
        (_, new) => new.clone(),
    }
}

#[test]
fn computed_json_and_merge_patches_reproduce_their_target() {
    each_case("JSON and merge patches", |random| {
        for kind in kinds() {
            let (old, new) = ((kind.generate)(random), (kind.generate)(random));
            let mut operations = Vec::new();
            json_diff(&old, &new, "", &mut operations);
            let patch = Node::from_value(&Value::Array(operations));
            assert_eq!(json::apply(&old, &patch), Ok(new.clone()));
            assert_eq!(json::check(&patch), Ok(Vec::new()));
            assert_eq!(merge::apply(&old, &merge_diff(&old, &new)), Ok(new.clone()));
        }
    });
}

#[test]
fn owners_are_told_for_every_manager() {
    each_case("owners", |random| {
        for kind in kinds() {
            let applied = kind
                .apply(
                    Some(&kind.created(random)),
                    &(kind.generate)(random),
                    "op",
                    true,
                    T1,
                )
                .expect("applied");
            let managers = applied["metadata"]["managedFields"]
                .as_array()
                .map_or(0, Vec::len);
            assert_eq!(fields::owners(&applied).len(), managers);
        }
    });
}
