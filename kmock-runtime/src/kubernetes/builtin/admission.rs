//! What the default admission plugins do with built-in kinds: they fill in and refuse.
//!
//! DefaultTolerationSeconds, Priority, RuntimeClass, StorageObjectInUseProtection, DefaultStorageClass,
//! DefaultIngressClass, LimitRanger's defaults and TaintNodesByCondition, as a v1.36 server runs them unless told
//! otherwise. (The namespace's life cycle is the verbs' business; ServiceAccount admission is off.)

use serde_json::{Value, json};

use super::quantity::Quantity;
use super::values::{
    Object, at, child, each, fill, int, is_set, items, members, section, text, truth,
};
use crate::kubernetes::resource::ResourceKey;
use crate::kubernetes::serve::strategy::Context;
use crate::kubernetes::status::ApiError;

/// What admission does with a new object.
pub(super) fn create(
    name: &str,
    context: &Context<'_>,
    object: &mut Value,
) -> Result<(), ApiError> {
    match name {
        "core.v1.Pod" => {
            limit_defaults(context, object);
            priority(context, object)?;
            runtime_class(context, object)?;
            default_tolerations(object);
        }
        "core.v1.PersistentVolume" => add_finalizer(object, "kubernetes.io/pv-protection"),
        "core.v1.PersistentVolumeClaim" => {
            default_class(
                context,
                object,
                "storage.k8s.io",
                "storageclasses",
                "storageclass.kubernetes.io/is-default-class",
                "storageClassName",
            );
            add_finalizer(object, "kubernetes.io/pvc-protection");
        }
        "storage.v1.VolumeAttributesClass" => add_finalizer(object, "kubernetes.io/vac-protection"),
        "networking.v1.Ingress"
            if !is_set(
                object,
                &["metadata", "annotations", "kubernetes.io/ingress.class"],
            ) =>
        {
            default_class(
                context,
                object,
                "networking.k8s.io",
                "ingressclasses",
                "ingressclass.kubernetes.io/is-default-class",
                "ingressClassName",
            );
        }
        "core.v1.Node" => not_ready_taint(object),
        _ => {}
    }
    Ok(())
}

/// What admission does with a changed object.
pub(super) fn update(name: &str, context: &Context<'_>, new: &mut Value, old: &Value) {
    if name != "core.v1.Pod" || !context.subresource.is_empty() {
        return;
    }
    default_tolerations(new);
    // A writer that never knew the computed priority keeps it.
    let spec = section(new, "spec");
    for key in ["priority", "preemptionPolicy"] {
        if is_set(old, &["spec", key]) {
            fill(spec, key, at(old, &["spec", key]).clone());
        }
    }
}

fn add_finalizer(object: &mut Value, finalizer: &str) {
    let metadata = section(object, "metadata");
    let list = metadata.entry("finalizers").or_insert_with(|| json!([]));
    if let Value::Array(list) = list
        && !list.iter().any(|f| f == finalizer)
    {
        list.push(finalizer.into());
    }
}

fn all(context: &Context<'_>, group: &str, plural: &str) -> Vec<Value> {
    let key = ResourceKey::new(group, plural);
    context
        .cluster
        .store()
        .list(&key, "")
        .objects
        .into_iter()
        .map(|object| (*object.value).clone())
        .collect()
}

fn named(context: &Context<'_>, group: &str, plural: &str, name: &str) -> Option<Value> {
    context
        .cluster
        .store()
        .get(&ResourceKey::new(group, plural), name)
        .map(|object| (*object.value).clone())
}

/// Sets the class that is marked as the default one, unless the object names one; the newest wins.
fn default_class(
    context: &Context<'_>,
    object: &mut Value,
    group: &str,
    plural: &str,
    mark: &str,
    field: &str,
) {
    if is_set(object, &["spec", field]) {
        return;
    }
    let mut marked: Vec<Value> = all(context, group, plural)
        .into_iter()
        .filter(|class| text(class, &["metadata", "annotations", mark]) == "true")
        .collect();
    marked.sort_by(|a, b| {
        let key = |class: &Value| {
            (
                text(class, &["metadata", "creationTimestamp"]).to_owned(),
                text(class, &["metadata", "name"]).to_owned(),
            )
        };
        let ((a_time, a_name), (b_time, b_name)) = (key(a), key(b));
        b_time.cmp(&a_time).then(a_name.cmp(&b_name))
    });
    if let Some(class) = marked.first() {
        let name = text(class, &["metadata", "name"]).to_owned();
        section(object, "spec").insert(field.into(), name.into());
    }
}

/// Pods stay on failing nodes for a while, unless they say otherwise: new ones and changed ones.
pub(super) fn default_tolerations(object: &mut Value) {
    let spec = section(object, "spec");
    for key in [
        "node.kubernetes.io/not-ready",
        "node.kubernetes.io/unreachable",
    ] {
        let covered = spec
            .get("tolerations")
            .and_then(Value::as_array)
            .into_iter()
            .flatten()
            .any(|t| {
                let (k, effect) = (text(t, &["key"]), text(t, &["effect"]));
                (k.is_empty() || k == key) && (effect.is_empty() || effect == "NoExecute")
            });
        if !covered {
            let list = spec.entry("tolerations").or_insert_with(|| json!([]));
            if let Value::Array(list) = list {
                list.push(json!({"key": key, "operator": "Exists", "effect": "NoExecute", "tolerationSeconds": 300}));
            }
        }
    }
}

fn priority(context: &Context<'_>, object: &mut Value) -> Result<(), ApiError> {
    let refuse = |why: String| ApiError::forbidden("", "pods", text_name(context), why);
    let class_name = text(object, &["spec", "priorityClassName"]).to_owned();
    let (value, preemption) = if class_name.is_empty() {
        let classes = all(context, "scheduling.k8s.io", "priorityclasses");
        match classes
            .iter()
            .filter(|c| truth(c, &["globalDefault"]))
            .min_by_key(|c| int(c, &["value"]))
        {
            Some(class) => {
                let name = text(class, &["metadata", "name"]).to_owned();
                section(object, "spec").insert("priorityClassName".into(), name.into());
                (
                    int(class, &["value"]),
                    text(class, &["preemptionPolicy"]).to_owned(),
                )
            }
            None => (0, "PreemptLowerPriority".to_owned()),
        }
    } else {
        match (
            class_name.as_str(),
            named(context, "scheduling.k8s.io", "priorityclasses", &class_name),
        ) {
            (_, Some(class)) => (
                int(&class, &["value"]),
                text(&class, &["preemptionPolicy"]).to_owned(),
            ),
            ("system-node-critical", None) => (2_000_001_000, "PreemptLowerPriority".to_owned()),
            ("system-cluster-critical", None) => (2_000_000_000, "PreemptLowerPriority".to_owned()),
            (name, None) => {
                return Err(refuse(format!(
                    "no PriorityClass with name {name} was found"
                )));
            }
        }
    };
    let spec = section(object, "spec");
    if let Some(given) = spec.get("priority").and_then(Value::as_i64)
        && given != value
    {
        return Err(refuse(format!(
            "the integer value of priority ({given}) must not be provided in pod spec; priority admission controller computed {value} from the given PriorityClass name"
        )));
    }
    spec.insert("priority".into(), value.into());
    if let Some(given) = spec.get("preemptionPolicy").and_then(Value::as_str)
        && given != preemption
        && !preemption.is_empty()
    {
        return Err(refuse(format!(
            "the string value of PreemptionPolicy ({given}) must not be provided in pod spec; priority admission controller computed {preemption} from the given PriorityClass name"
        )));
    }
    fill(
        spec,
        "preemptionPolicy",
        if preemption.is_empty() {
            "PreemptLowerPriority"
        } else {
            preemption.as_str()
        },
    );
    Ok(())
}

fn text_name<'a>(context: &Context<'a>) -> &'a str {
    context.name
}

fn runtime_class(context: &Context<'_>, object: &mut Value) -> Result<(), ApiError> {
    let name = text(object, &["spec", "runtimeClassName"]).to_owned();
    if !is_set(object, &["spec", "runtimeClassName"]) {
        if is_set(object, &["spec", "overhead"]) {
            return Err(ApiError::forbidden(
                "",
                "pods",
                text_name(context),
                "pod rejected: Pod Overhead set without corresponding RuntimeClass defined Overhead",
            ));
        }
        return Ok(());
    }
    let Some(class) = named(context, "node.k8s.io", "runtimeclasses", &name) else {
        return Err(ApiError::forbidden(
            "",
            "pods",
            text_name(context),
            format!("pod rejected: RuntimeClass \"{name}\" not found"),
        ));
    };
    let spec = section(object, "spec");
    if is_set(&class, &["overhead", "podFixed"]) {
        fill(
            spec,
            "overhead",
            at(&class, &["overhead", "podFixed"]).clone(),
        );
    }
    for (key, value) in members(&class, &["scheduling", "nodeSelector"]) {
        child(spec, "nodeSelector").insert(key.to_owned(), value.clone());
    }
    let tolerations = items(&class, &["scheduling", "tolerations"]).to_vec();
    if !tolerations.is_empty()
        && let Value::Array(list) = spec.entry("tolerations").or_insert_with(|| json!([]))
    {
        for toleration in tolerations {
            if !list.contains(&toleration) {
                list.push(toleration);
            }
        }
    }
    Ok(())
}

/// A new node is not ready until somebody says so.
fn not_ready_taint(object: &mut Value) {
    let spec = section(object, "spec");
    let taint = json!({"key": "node.kubernetes.io/not-ready", "effect": "NoSchedule"});
    if let Value::Array(list) = spec.entry("taints").or_insert_with(|| json!([]))
        && !list.iter().any(|t| {
            text(t, &["key"]) == "node.kubernetes.io/not-ready"
                && text(t, &["effect"]) == "NoSchedule"
        })
    {
        list.push(taint);
    }
}

/// Containers get the requests and limits of their namespace's limit ranges, and an annotation tells so.
fn limit_defaults(context: &Context<'_>, object: &mut Value) {
    let ranges: Vec<Value> = all(context, "", "limitranges")
        .into_iter()
        .filter(|range| text(range, &["metadata", "namespace"]) == context.namespace)
        .collect();
    if ranges.is_empty() {
        return;
    }
    let (mut limits, mut requests) = (Object::new(), Object::new());
    for range in &ranges {
        for item in items(range, &["spec", "limits"])
            .iter()
            .filter(|item| text(item, &["type"]) == "Container")
        {
            for (target, from) in [(&mut limits, "default"), (&mut requests, "defaultRequest")] {
                for (key, value) in members(item, &[from]) {
                    target.insert(key.to_owned(), value.clone());
                }
            }
        }
    }
    let mut told = Vec::new();
    let spec = section(object, "spec");
    for (list, word) in [
        ("containers", "container"),
        ("initContainers", "init container"),
    ] {
        for container in each(spec, list) {
            let name = container
                .get("name")
                .and_then(Value::as_str)
                .unwrap_or_default()
                .to_owned();
            let resources = child(container, "resources");
            for (what, defaults, noun) in [
                ("requests", &requests, "request"),
                ("limits", &limits, "limit"),
            ] {
                let mut set: Vec<&str> = Vec::new();
                for (key, value) in defaults
                    .iter()
                    .filter(|(_, v)| v.as_str().is_some_and(|q| Quantity::parse(q).is_ok()))
                {
                    let given = resources.get(what).is_some_and(|map| is_set(map, &[key]));
                    if !given {
                        child(resources, what).insert(key.clone(), value.clone());
                        set.push(key);
                    }
                }
                if !set.is_empty() {
                    set.sort_unstable();
                    told.push(format!("{} {noun} for {word} {name}", set.join(", ")));
                }
            }
        }
    }
    if !told.is_empty() {
        let metadata = section(object, "metadata");
        let note = format!("LimitRanger plugin set: {}", told.join("; "));
        child(metadata, "annotations").insert("kubernetes.io/limit-ranger".into(), note.into());
    }
}
