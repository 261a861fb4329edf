//! Warnings about volumes: kinds that are gone, and files that overlap in one volume.

use std::collections::BTreeMap;

use serde_json::Value;

use super::MOST;
use crate::kinds::builtin::values::{is_set, items, text};
use crate::model::status::quoted;

/// Kinds of volumes that are deprecated or gone, in the order in which the server looks for them.
const OLD: [(&str, &str); 6] = [
    (
        "photonPersistentDisk",
        "deprecated in v1.11, non-functional in v1.16+",
    ),
    (
        "gitRepo",
        "deprecated in v1.11, and disabled by default in v1.33+",
    ),
    ("scaleIO", "deprecated in v1.16, non-functional in v1.22+"),
    ("flocker", "deprecated in v1.22, non-functional in v1.25+"),
    ("storageos", "deprecated in v1.22, non-functional in v1.25+"),
    ("quobyte", "deprecated in v1.22, non-functional in v1.25+"),
];

/// The volumes of a pod.
pub(super) fn of_pod(out: &mut Vec<String>, spec: &Value, path: &str) {
    let volumes = items(spec, &["volumes"]);
    for (i, volume) in volumes.iter().enumerate() {
        let path = format!("{path}spec.volumes[{i}]");
        for (kind, since) in OLD {
            if is_set(volume, &[kind]) {
                let shown = if kind == "storageos" {
                    "storageOS"
                } else {
                    kind
                };
                out.push(format!("{path}.{shown}: {since}"));
            }
        }
        if is_set(volume, &["glusterfs"]) {
            out.push(format!(
                "{path}.glusterfs: deprecated in v1.25, non-functional in v1.26+"
            ));
        }
        if is_set(volume, &["ephemeral", "volumeClaimTemplate"]) {
            claim(
                out,
                super::at(volume, &["ephemeral", "volumeClaimTemplate", "spec"]),
                &format!("{path}.ephemeral.volumeClaimTemplate.spec"),
            );
        }
        for kind in ["cephfs", "rbd"] {
            if is_set(volume, &[kind]) {
                out.push(format!(
                    "{path}.{kind}: deprecated in v1.28, non-functional in v1.31+"
                ));
            }
        }
    }
    for volume in volumes {
        overlaps(out, volume);
    }
}

/// The source of a persistent volume.
pub(super) fn of_persistent(out: &mut Vec<String>, spec: &Value) {
    for (kind, since) in [
        ("cephfs", "v1.28, non-functional in v1.31+"),
        ("photonPersistentDisk", "v1.11, non-functional in v1.16+"),
        ("scaleIO", "v1.16, non-functional in v1.22+"),
        ("storageos", "v1.22, non-functional in v1.25+"),
        ("glusterfs", "v1.25, non-functional in v1.26+"),
        ("rbd", "v1.28, non-functional in v1.31+"),
    ] {
        if is_set(spec, &[kind]) {
            let shown = if kind == "storageos" {
                "storageOS"
            } else {
                kind
            };
            out.push(format!("spec.{shown}: deprecated in {since}"));
        }
    }
}

/// Sizes of a claim are whole bytes.
pub(super) fn claim(out: &mut Vec<String>, spec: &Value, path: &str) {
    for what in ["requests", "limits"] {
        super::fractional(
            out,
            format_args!("{path}.resources.{what}[storage]"),
            super::at(spec, &["resources", what, "storage"]),
        );
    }
}

/// A file in a volume, and what brings it.
struct File {
    path: String,
    source: String,
}

impl File {
    fn shown(&self) -> String {
        if self.source.is_empty() {
            quoted(&self.path)
        } else {
            format!("{} ({})", quoted(&self.path), self.source)
        }
    }
}

fn files(list: &[Value], source: &str) -> Vec<File> {
    list.iter()
        .map(|item| File {
            path: text(item, &["path"]).trim_end_matches('/').to_owned(),
            source: source.to_owned(),
        })
        .collect()
}

fn overlaps(out: &mut Vec<String>, volume: &Value) {
    let name = quoted(text(volume, &["name"]));
    for (kind, word, name_key) in [
        ("configMap", "ConfigMap ", "name"),
        ("secret", "Secret ", "secretName"),
        ("downwardAPI", "DownwardAPI", ""),
    ] {
        let described = match name_key {
            "" => word.to_owned(),
            key => format!("{word}{}", quoted(text(volume, &[kind, key]))),
        };
        collisions(
            out,
            &name,
            &described,
            &files(items(volume, &[kind, "items"]), ""),
        );
    }
    let mut all = Vec::new();
    for source in items(volume, &["projected", "sources"]) {
        if source.as_object().is_none_or(serde_json::Map::is_empty) {
            out.push(format!("volume {name} (Projected) has no sources provided"));
        }
        for (kind, word) in [("configMap", "ConfigMap"), ("secret", "Secret")] {
            let described = format!("{word} {}", quoted(text(source, &[kind, "name"])));
            all.extend(files(items(source, &[kind, "items"]), &described));
        }
        all.extend(files(
            items(source, &["downwardAPI", "items"]),
            "DownwardAPI",
        ));
        if is_set(source, &["serviceAccountToken"]) {
            let token = super::at(source, &["serviceAccountToken"]);
            all.extend(files(std::slice::from_ref(token), "ServiceAccountToken"));
        }
    }
    collisions(out, &name, "Projected", &all);
}

fn collisions(out: &mut Vec<String>, volume: &str, described: &str, files: &[File]) {
    // The files before one, by their paths with a slash behind: a path overlaps with those that it begins with, and those that
    // begin with it.
    let mut before: BTreeMap<String, Vec<usize>> = BTreeMap::new();
    let of_a_path = files.iter().enumerate().filter(|(_, f)| !f.path.is_empty());
    for (i, file) in of_a_path {
        let path = format!("{}/", file.path);
        let above = path.match_indices('/').filter_map(|(at, _)| {
            let above = path.get(..=at).filter(|above| *above != path)?;
            before.get(above)
        });
        let below = before
            .range(path.clone()..)
            .take_while(|(other, _)| other.starts_with(&path))
            .map(|(_, places)| places);
        let mut places: Vec<usize> = above.chain(below).flatten().copied().collect();
        places.sort_unstable();
        for other in places.into_iter().filter_map(|place| files.get(place)) {
            if out.len() >= MOST {
                return;
            }
            out.push(format!(
                "volume {volume} ({described}): overlapping paths: {} with {}",
                file.shown(),
                other.shown()
            ));
        }
        before.entry(path).or_default().push(i);
    }
}
