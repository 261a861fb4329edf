//! Fields behind feature gates that are off by default: the server drops what a write newly brings of them.

use serde_json::{Map, Value, json};

use super::values::{CONTAINERS, JsonObject, at, child, each, is_set, items, section, text};

pub(in crate::kinds::builtin) fn drop_stateful_set(new: &mut Value, old: Option<&Value>) {
    let spec = section(new, "spec");
    template(child(spec, "template"), old, &["spec", "template"]);
    let rolling = ["spec", "updateStrategy", "rollingUpdate", "maxUnavailable"];
    if !used(old, &rolling)
        && let Some(Value::Object(update)) = child(spec, "updateStrategy").get_mut("rollingUpdate")
    {
        update.remove("maxUnavailable");
    }
}

pub(in crate::kinds::builtin) fn drop_cron_job(new: &mut Value, old: Option<&Value>) {
    let job = child(child(section(new, "spec"), "jobTemplate"), "spec");
    template(
        child(job, "template"),
        old,
        &["spec", "jobTemplate", "spec", "template"],
    );
}

pub(in crate::kinds::builtin) fn drop_node(new: &mut Value, old: Option<&Value>) {
    if !used(old, &["spec", "configSource"]) {
        section(new, "spec").remove("configSource");
    }
    if old.is_none() {
        section(new, "status").remove("config");
    }
}

pub(in crate::kinds::builtin) fn drop_csi_driver(new: &mut Value, old: Option<&Value>) {
    if !used(old, &["spec", "preventPodSchedulingIfMissing"]) {
        section(new, "spec").remove("preventPodSchedulingIfMissing");
    }
}

pub(in crate::kinds::builtin) fn drop_lease(new: &mut Value, old: Option<&Value>) {
    for key in ["strategy", "preferredHolder"] {
        if !used(old, &["spec", key]) {
            section(new, "spec").remove(key);
        }
    }
}

pub(in crate::kinds::builtin) fn drop_resource_slice(new: &mut Value, old: Option<&Value>) {
    let mapped = old.is_some_and(|old| {
        items(old, &["spec", "devices"])
            .iter()
            .any(|d| is_set(d, &["nodeAllocatableResourceMappings"]))
    });
    if !mapped {
        for device in each(section(new, "spec"), "devices") {
            device.remove("nodeAllocatableResourceMappings");
        }
    }
}

fn used(old: Option<&Value>, path: &[&str]) -> bool {
    old.is_some_and(|old| is_set(old, path))
}

pub(in crate::kinds::builtin) fn template(
    template: &mut JsonObject,
    old: Option<&Value>,
    path: &[&str],
) {
    let old = old.map(|old| at(at(old, path), &["spec"]));
    if let Some(Value::Object(spec)) = template.get_mut("spec") {
        pod_spec(spec, old);
    }
}

const PROJECTIONS: [&str; 2] = ["clusterTrustBundle", "podCertificate"];

pub(in crate::kinds::builtin) fn pod_spec(spec: &mut JsonObject, old: Option<&Value>) {
    let old = old.unwrap_or(&Value::Null);
    if !is_set(old, &["schedulingGroup"]) {
        spec.remove("schedulingGroup");
    }
    let stops = CONTAINERS
        .iter()
        .flat_map(|list| items(old, &[list]))
        .any(|c| is_set(c, &["lifecycle", "stopSignal"]));
    if !stops {
        for container in CONTAINERS {
            for container in each(spec, container) {
                let Some(Value::Object(lifecycle)) = container.get_mut("lifecycle") else {
                    continue;
                };
                if lifecycle.remove("stopSignal").is_some() && lifecycle.is_empty() {
                    container.remove("lifecycle");
                }
            }
        }
    }
    for kind in PROJECTIONS {
        let used = items(old, &["volumes"])
            .iter()
            .flat_map(|v| items(v, &["projected", "sources"]))
            .any(|s| is_set(s, &[kind]));
        if used {
            continue;
        }
        for volume in each(spec, "volumes") {
            if let Some(Value::Object(projected)) = volume.get_mut("projected") {
                each(projected, "sources").for_each(|source| {
                    source.remove(kind);
                });
            }
        }
    }
}

/// The two ways to name a claim's source say the same; only claims and snapshots can be named the old way.
pub(in crate::kinds::builtin) fn data_sources(spec: &mut JsonObject, old: Option<&Value>) {
    let old = old.unwrap_or(&Value::Null);
    let other_namespace = spec
        .get("dataSourceRef")
        .is_some_and(|r| !text(r, &["namespace"]).is_empty());
    if other_namespace && !is_set(old, &["dataSourceRef"]) {
        spec.remove("dataSourceRef");
    }
    if !is_set(old, &["dataSource"])
        && !spec.contains_key("dataSourceRef")
        && let Some(source) = spec.get("dataSource")
    {
        let group = text(source, &["apiGroup"]);
        let known = match text(source, &["kind"]) {
            "PersistentVolumeClaim" => group.is_empty(),
            "VolumeSnapshot" => group == "snapshot.storage.k8s.io",
            _ => false,
        };
        if !known {
            spec.remove("dataSource");
        }
    }
    same_sources(spec);
}

/// Fills in that of `dataSource` and `dataSourceRef` which is missing.
pub(super) fn same_sources(spec: &mut JsonObject) {
    let of = |spec: &JsonObject, key: &str| spec.get(key).filter(|v| v.is_object()).cloned();
    match (of(spec, "dataSource"), of(spec, "dataSourceRef")) {
        (Some(source), None) => {
            spec.insert("dataSourceRef".into(), source);
        }
        (None, Some(source)) if text(&source, &["namespace"]).is_empty() => {
            let mut local = Map::new();
            for key in ["apiGroup", "kind", "name"] {
                if let Some(value) = source.get(key) {
                    local.insert(key.into(), value.clone());
                }
            }
            spec.insert("dataSource".into(), json!(local));
        }
        _ => {}
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::kinds::builtin::rows;

    fn drop(name: &str, new: &mut Value, old: Option<&Value>) {
        (rows::named(name).expect("a row").prepare.gated)(new, old);
    }

    #[test]
    fn what_is_off_goes_unless_it_was_there() {
        let pod = json!({"spec": {"containers": [{"lifecycle": {"stopSignal": "SIGTERM"}}]}});
        let mut new = pod.clone();
        drop("core.v1.Pod", &mut new, None);
        assert_eq!(new, json!({"spec": {"containers": [{}]}}));
        let mut kept = pod.clone();
        drop("core.v1.Pod", &mut kept, Some(&pod));
        assert_eq!(kept, pod);
    }

    #[test]
    fn claims_name_their_source_twice() {
        let source = json!({"kind": "PersistentVolumeClaim", "name": "x"});
        let mut claim = json!({"spec": {"dataSource": source}});
        drop("core.v1.PersistentVolumeClaim", &mut claim, None);
        assert_eq!(claim["spec"]["dataSourceRef"], source);
        let mut other = json!({"spec": {"dataSource": {"kind": "Populator", "name": "x"}}});
        drop("core.v1.PersistentVolumeClaim", &mut other, None);
        assert_eq!(other, json!({"spec": {}}));
    }
}
