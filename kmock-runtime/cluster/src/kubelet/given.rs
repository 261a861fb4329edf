//! What a container is given: its environment, its arguments, and the files of its volumes, resolved as a kubelet does.

use std::collections::BTreeMap;

use bytes::Bytes;

use crate::amounts;
use crate::cache::Cache;
use crate::containers::{Given, Mount, Token};
use crate::emulator::Cluster;
use crate::emulator::builtin::base64;
use crate::json::{Json, Members};
use crate::kind::Kind;
use crate::object::{self, items, text};

/// What keeps a container from being created: a ConfigMap, a Secret or a key that is not there.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Missing(pub(crate) String);

/// Where a container runs.
#[derive(Debug, Clone, Default)]
pub(crate) struct Place {
    pub(crate) ip: String,
    pub(crate) host_ip: String,
    /// Who issues the tokens of accounts.
    pub(crate) cluster: Option<Cluster>,
}

/// All that a container is given.
pub(crate) fn given(
    pod: &Json,
    container: &Json,
    place: &Place,
    cache: &Cache,
) -> Result<Given, Missing> {
    let env = environment(pod, container, place, cache)?;
    may_run(pod, container)?;
    for mount in items(&container["volumeMounts"]) {
        part_of(mount, &env)?;
    }
    let expanded = |list: &Json| items(list).map(|item| expand(text(item), &env)).collect();
    Ok(Given {
        command: expanded(&container["command"]),
        args: expanded(&container["args"]),
        files: files(pod, container, place, cache)
            .unwrap_or_default()
            .into(),
        mounts: mounts(pod, container, &env, cache),
        tokens: tokens(pod, container, place),
        cluster: place.cluster.clone(),
        modes: modes(pod, container),
        env,
    })
}

/// Whether the user that a container runs as is one that it may be.
fn may_run(pod: &Json, container: &Json) -> Result<(), Missing> {
    let of = |field: &str| {
        let own = &container["securityContext"][field];
        if own.is_null() {
            &pod["spec"]["securityContext"][field]
        } else {
            own
        }
    };
    if *of("runAsNonRoot") == true && *of("runAsUser") == 0 {
        return Err(Missing(format!(
            "container's runAsUser breaks non-root policy (pod: \"{}_{}({})\", container: {})",
            object::name(pod),
            object::namespace(pod),
            object::uid(pod),
            text(&container["name"])
        )));
    }
    Ok(())
}

/// The part of its volume that a mount shows, with its variables put in; empty: all of it.
fn part_of(mount: &Json, env: &BTreeMap<String, String>) -> Result<String, Missing> {
    let part = match mount["subPathExpr"].as_str() {
        None => return Ok(text(&mount["subPath"]).to_owned()),
        Some(written) => {
            let mut names = written.split("$(").skip(1);
            let known = |rest: &str| {
                let name = rest.split(')').next().unwrap_or_default();
                env.get(name).is_some_and(|value| !value.is_empty())
            };
            let unknown = names.find(|rest| !known(rest));
            if let Some(rest) = unknown.filter(|_| !written.contains("$$(")) {
                let name = rest.split(')').next().unwrap_or_default();
                return Err(Missing(format!("missing value for {name}")));
            }
            expand(written, env)
        }
    };
    if part.starts_with('/') {
        return Err(Missing(format!(
            "error SubPath `{part}` must not be an absolute path"
        )));
    }
    if part.split('/').any(|step| step == "..") {
        return Err(Missing(format!(
            "unable to provision SubPath `{part}`: must not contain '..'"
        )));
    }
    Ok(part)
}

fn config<'a>(
    kind: Kind,
    namespace: &str,
    name: &str,
    cache: &'a Cache,
) -> Result<&'a Json, Missing> {
    let what = if kind == Kind::Secrets {
        "secret"
    } else {
        "configmap"
    };
    cache
        .find(kind, namespace, name)
        .map(|object| &**object)
        .ok_or_else(|| Missing(format!("{what} \"{name}\" not found")))
}

/// The values of a ConfigMap or a Secret, as bytes.
fn data(kind: Kind, object: &Json) -> BTreeMap<String, Vec<u8>> {
    let decoded = |value: &Json| base64::decode(text(value)).unwrap_or_default();
    let plain = |value: &Json| text(value).as_bytes().to_vec();
    let map = |field: &str| object[field].as_object().cloned().unwrap_or_default();
    if kind == Kind::Secrets {
        return map("data")
            .iter()
            .map(|(key, value)| (key.to_string(), decoded(value)))
            .collect();
    }
    let mut all: BTreeMap<String, Vec<u8>> = map("data")
        .iter()
        .map(|(key, value)| (key.to_string(), plain(value)))
        .collect();
    all.extend(
        map("binaryData")
            .iter()
            .map(|(key, value)| (key.to_string(), decoded(value))),
    );
    all
}

/// The variables of a container.
pub(crate) fn environment(
    pod: &Json,
    container: &Json,
    place: &Place,
    cache: &Cache,
) -> Result<BTreeMap<String, String>, Missing> {
    let namespace = object::namespace(pod);
    let mut env = BTreeMap::new();
    services(pod, cache, &mut env);
    for source in items(&container["envFrom"]) {
        let prefix = text(&source["prefix"]);
        for (field, kind) in [
            ("configMapRef", Kind::ConfigMaps),
            ("secretRef", Kind::Secrets),
        ] {
            let reference = &source[field];
            if reference.is_null() {
                continue;
            }
            match config(kind, namespace, text(&reference["name"]), cache) {
                Ok(object) => {
                    for (key, value) in data(kind, object) {
                        env.insert(
                            format!("{prefix}{key}"),
                            String::from_utf8_lossy(&value).into_owned(),
                        );
                    }
                }
                Err(_) if reference["optional"] == true => {}
                Err(missing) => return Err(missing),
            }
        }
    }
    for variable in items(&container["env"]) {
        let name = text(&variable["name"]).to_owned();
        let source = &variable["valueFrom"];
        if source.is_null() {
            let value = expand(text(&variable["value"]), &env);
            env.insert(name, value);
            continue;
        }
        if let Some(value) = referred(pod, container, source, place, cache)? {
            env.insert(name, value);
        }
    }
    Ok(env)
}

/// The value that `valueFrom` refers to; `None`: it is optional, and not there.
fn referred(
    pod: &Json,
    container: &Json,
    source: &Json,
    place: &Place,
    cache: &Cache,
) -> Result<Option<String>, Missing> {
    let namespace = object::namespace(pod);
    if let Some(path) = source["fieldRef"]["fieldPath"].as_str() {
        return Ok(Some(field(pod, path, place)));
    }
    if source["resourceFieldRef"].is_object() {
        let asked = &source["resourceFieldRef"];
        return Ok(Some(resource(pod, container, asked, cache)));
    }
    for (part, kind) in [
        ("configMapKeyRef", Kind::ConfigMaps),
        ("secretKeyRef", Kind::Secrets),
    ] {
        let reference = &source[part];
        if reference.is_null() {
            continue;
        }
        let (name, key) = (text(&reference["name"]), text(&reference["key"]));
        let optional = reference["optional"] == true;
        let found = match config(kind, namespace, name, cache) {
            Ok(object) => data(kind, object).remove(key),
            Err(_) if optional => return Ok(None),
            Err(missing) => return Err(missing),
        };
        return match found {
            Some(value) => Ok(Some(String::from_utf8_lossy(&value).into_owned())),
            None if optional => Ok(None),
            None => Err(Missing(format!(
                "couldn't find key {key} in {} {namespace}/{name}",
                kind.name()
            ))),
        };
    }
    Ok(None)
}

/// A field of the Pod, as the downward API shows it.
fn field(pod: &Json, path: &str, place: &Place) -> String {
    let metadata = &pod["metadata"];
    let of_map = |map: &str| {
        let key = path
            .strip_prefix(&format!("metadata.{map}['"))?
            .strip_suffix("']")?;
        Some(text(&metadata[map][key]).to_owned())
    };
    let all_of = |map: &Json| {
        let pairs = map.as_object().into_iter().flatten();
        pairs
            .map(|(key, value)| format!("{key}={value}"))
            .collect::<Vec<_>>()
            .join("\n")
    };
    match path {
        "metadata.name" => object::name(pod).to_owned(),
        "metadata.namespace" => object::namespace(pod).to_owned(),
        "metadata.uid" => object::uid(pod).to_owned(),
        "metadata.labels" => all_of(&metadata["labels"]),
        "metadata.annotations" => all_of(&metadata["annotations"]),
        "spec.nodeName" => object::node_of(pod).to_owned(),
        "spec.serviceAccountName" => text(&pod["spec"]["serviceAccountName"]).to_owned(),
        "status.podIP" | "status.podIPs" => place.ip.clone(),
        "status.hostIP" | "status.hostIPs" => place.host_ip.clone(),
        _ => of_map("labels")
            .or_else(|| of_map("annotations"))
            .unwrap_or_default(),
    }
}

/// What a container asks for. One without a limit may have all that can be allocated of its node.
fn resource(pod: &Json, container: &Json, reference: &Json, cache: &Cache) -> String {
    let named = reference["containerName"].as_str();
    let of = named
        .and_then(|name| items(&pod["spec"]["containers"]).find(|one| one["name"] == name))
        .unwrap_or(container);
    let (part, name) = text(&reference["resource"])
        .split_once('.')
        .unwrap_or_default();
    let divisor = match text(&reference["divisor"]) {
        "" | "0" => "1",
        divisor => divisor,
    };
    let node = cache.get(Kind::Nodes, object::node_of(pod));
    let amount = match (&of["resources"][part][name], node) {
        (Json::Null, Some(node)) if part == "limits" => &node["status"]["allocatable"][name],
        (own, _) => own,
    };
    let amount = amounts::milli(text(amount));
    let divisor = amounts::milli(divisor).max(1);
    // Rounded up, as the downward API does.
    ((amount + divisor - 1) / divisor).to_string()
}

/// `$(NAME)` becomes the variable's value, `$$(NAME)` stays as `$(NAME)`; what is not known stays as it is.
fn expand(text: &str, env: &BTreeMap<String, String>) -> String {
    let mut out = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(at) = rest.find('$') {
        let (before, from) = rest.split_at(at);
        out.push_str(before);
        if let Some(after) = from.strip_prefix("$$") {
            out.push('$');
            rest = after;
        } else if let Some((name, after)) = from
            .strip_prefix("$(")
            .and_then(|inner| inner.split_once(')'))
        {
            match env.get(name) {
                Some(value) => out.push_str(value),
                None => {
                    out.push_str("$(");
                    out.push_str(name);
                    out.push(')');
                }
            }
            rest = after;
        } else {
            out.push('$');
            rest = from.get(1..).unwrap_or_default();
        }
    }
    out.push_str(rest);
    out
}

/// The variables that tell of Services: those of the namespace, and `kubernetes` always.
fn services(pod: &Json, cache: &Cache, env: &mut BTreeMap<String, String>) {
    let links = pod["spec"]["enableServiceLinks"] != false;
    let namespace = object::namespace(pod);
    let own = cache.within(Kind::Services, namespace).filter(|_| links);
    let master = cache.get(Kind::Services, "default/kubernetes");
    for service in master.into_iter().chain(own) {
        let ip = text(&service["spec"]["clusterIP"]);
        if ip.is_empty() || ip == "None" {
            continue;
        }
        let prefix = object::name(service).to_uppercase().replace('-', "_");
        let mut ports = items(&service["spec"]["ports"]);
        let Some(first) = ports.next() else {
            continue;
        };
        env.insert(format!("{prefix}_SERVICE_HOST"), ip.to_owned());
        env.insert(format!("{prefix}_SERVICE_PORT"), first["port"].to_string());
        for port in std::iter::once(first).chain(ports) {
            let number = port["port"].to_string();
            let protocol = text(&port["protocol"]).to_uppercase();
            if let Some(name) = port["name"].as_str() {
                let name = name.to_uppercase().replace('-', "_");
                env.insert(format!("{prefix}_SERVICE_PORT_{name}"), number.clone());
            }
            let of = format!("{prefix}_PORT_{number}_{protocol}");
            let url = format!("{}://{ip}:{number}", protocol.to_lowercase());
            if port == first {
                env.insert(format!("{prefix}_PORT"), url.clone());
            }
            env.insert(format!("{of}_PROTO"), protocol.to_lowercase());
            env.insert(format!("{of}_PORT"), number);
            env.insert(format!("{of}_ADDR"), ip.to_owned());
            env.insert(of, url);
        }
    }
}

/// What keeps the volumes of a Pod from being mounted: the volume, and what it lacks.
pub(crate) fn missing_volume(pod: &Json, cache: &Cache) -> Option<(String, String)> {
    let place = Place::default();
    items(&pod["spec"]["volumes"]).find_map(|volume| {
        let Err(Missing(why)) = volume_files(pod, volume, &place, cache) else {
            return None;
        };
        Some((text(&volume["name"]).to_owned(), why))
    })
}

/// The files that a container sees.
fn files(
    pod: &Json,
    container: &Json,
    place: &Place,
    cache: &Cache,
) -> Result<BTreeMap<String, Bytes>, Missing> {
    let mut out = BTreeMap::new();
    for mount in items(&container["volumeMounts"]) {
        let Some(volume) = mounted(pod, mount) else {
            continue;
        };
        let at = text(&mount["mountPath"]).trim_end_matches('/');
        let sub = text(&mount["subPath"]);
        for (path, content) in volume_files(pod, volume, place, cache)? {
            let content = Bytes::from(content);
            if sub.is_empty() {
                out.insert(format!("{at}/{path}"), content);
            } else if path == sub {
                out.insert(at.to_owned(), content);
            } else if let Some(rest) = path
                .strip_prefix(sub)
                .and_then(|rest| rest.strip_prefix('/'))
            {
                out.insert(format!("{at}/{rest}"), content);
            }
        }
    }
    Ok(out)
}

/// The modes of the files that the volumes of a container bring, where they are others than 0644.
fn modes(pod: &Json, container: &Json) -> BTreeMap<String, u32> {
    let mut all = BTreeMap::new();
    let has_group = !pod["spec"]["securityContext"]["fsGroup"].is_null();
    for mount in items(&container["volumeMounts"]) {
        let Some(volume) = mounted(pod, mount) else {
            continue;
        };
        let at = text(&mount["mountPath"]).trim_end_matches('/');
        let parts = ["configMap", "secret", "downwardAPI", "projected"];
        let Some(default) = parts
            .iter()
            .find_map(|part| volume[*part]["defaultMode"].as_u64())
        else {
            continue;
        };
        let sources = items(&volume["projected"]["sources"]).chain(std::iter::once(volume));
        let lists = sources.flat_map(|source| {
            parts
                .iter()
                .flat_map(move |part| items(&source[*part]["items"]))
        });
        let mut put = |path: &str, mode: u64| {
            let mode = u32::try_from(mode).unwrap_or(0o644);
            // Whoever is in the group of the volumes can read them.
            let mode = if has_group { mode | 0o440 } else { mode };
            if mode != 0o644 {
                all.insert(format!("{at}/{path}"), mode);
            }
        };
        put("", default);
        for item in lists {
            put(
                text(&item["path"]),
                item["mode"].as_u64().unwrap_or(default),
            );
        }
    }
    all
}

/// What the volumes of a container bring now, beside the parts of them (`subPath`), which stay as they were. `None`: something
/// of it is not there any more, and all stays.
pub(super) fn renewed(
    pod: &Json,
    container: &Json,
    place: &Place,
    cache: &Cache,
    before: &BTreeMap<String, Bytes>,
) -> Option<BTreeMap<String, Bytes>> {
    let mut all = files(pod, container, place, cache).ok()?;
    let mounts = items(&container["volumeMounts"]);
    for part in mounts.filter(|mount| !text(&mount["subPath"]).is_empty()) {
        let at = text(&part["mountPath"]).trim_end_matches('/');
        let is_of_it = |path: &str| {
            let rest = path.strip_prefix(at);
            rest.is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
        };
        all.retain(|path, _| !is_of_it(path));
        let kept = before.iter().filter(|(path, _)| is_of_it(path));
        all.extend(kept.map(|(path, content)| (path.clone(), content.clone())));
    }
    Some(all)
}

/// The ConfigMaps and Secrets that the volumes of a Pod show, as `Kind/name`.
pub(super) fn shown(pod: &Json) -> Vec<(Kind, String)> {
    let mut all = Vec::new();
    let mut add = |source: &Json| {
        for (field, kind) in [("configMap", Kind::ConfigMaps), ("secret", Kind::Secrets)] {
            let part = &source[field];
            let name = match text(&part["secretName"]) {
                "" => text(&part["name"]),
                name => name,
            };
            // The authority of the cluster stays what it is.
            if !name.is_empty() && name != "kube-root-ca.crt" {
                all.push((kind, name.to_owned()));
            }
        }
    };
    for volume in items(&pod["spec"]["volumes"]) {
        add(volume);
        items(&volume["projected"]["sources"]).for_each(&mut add);
    }
    all
}

/// Whether volumes of a Pod show fields of it that may change.
pub(super) fn shows_itself(pod: &Json) -> bool {
    let is_it = |source: &Json| source["downwardAPI"].is_object();
    items(&pod["spec"]["volumes"])
        .any(|volume| is_it(volume) || items(&volume["projected"]["sources"]).any(is_it))
}

/// The volumes of a container that have data of their own, by the names under which it is kept: those of a Pod
/// (`pod/UID/VOLUME`), of its node (`node/NAME`), of a PersistentVolume (`volume/NAME`).
fn mounts(
    pod: &Json,
    container: &Json,
    env: &BTreeMap<String, String>,
    cache: &Cache,
) -> Vec<Mount> {
    let namespace = object::namespace(pod);
    let claimed = |claim: &str| {
        let claim = cache.find(Kind::Claims, namespace, claim)?;
        let volume = text(&claim["spec"]["volumeName"]);
        (!volume.is_empty()).then(|| (format!("volume/{volume}"), String::new()))
    };
    let kept = |volume: &Json| {
        let name = text(&volume["name"]);
        if volume["emptyDir"].is_object() {
            return Some((format!("{}{name}", of_pod(object::uid(pod))), String::new()));
        }
        if let Some(path) = volume["hostPath"]["path"].as_str() {
            let node = object::node_of(pod);
            return Some((format!("node/{node}"), path.trim_matches('/').to_owned()));
        }
        if let Some(claim) = volume["persistentVolumeClaim"]["claimName"].as_str() {
            return claimed(claim);
        }
        if volume["ephemeral"].is_object() {
            return claimed(&format!("{}-{name}", object::name(pod)));
        }
        None
    };
    let mounts = items(&container["volumeMounts"]).filter_map(|mount| {
        let (volume, begin) = kept(mounted(pod, mount)?)?;
        let sub = part_of(mount, env).ok()?;
        Some(Mount {
            is_read_only: mount["readOnly"] == true,
            at: text(&mount["mountPath"]).trim_end_matches('/').to_owned(),
            volume,
            sub: format!("{begin}/{sub}").trim_matches('/').to_owned(),
        })
    });
    mounts.collect()
}

/// The volume of a Pod that a mount is of.
fn mounted<'a>(pod: &'a Json, mount: &Json) -> Option<&'a Json> {
    items(&pod["spec"]["volumes"]).find(|volume| volume["name"] == mount["name"])
}

/// How the names of the volumes of a Pod begin.
pub(super) fn of_pod(uid: &str) -> String {
    format!("pod/{uid}/")
}

/// The files of a volume, by their paths within it.
fn volume_files(
    pod: &Json,
    volume: &Json,
    place: &Place,
    cache: &Cache,
) -> Result<BTreeMap<String, Vec<u8>>, Missing> {
    let mut out = BTreeMap::new();
    source_files(pod, volume, place, cache, &mut out)?;
    for source in items(&volume["projected"]["sources"]) {
        source_files(pod, source, place, cache, &mut out)?;
    }
    Ok(out)
}

/// The tokens of the account that a Pod runs as, where the volumes of a container bring them.
fn tokens(pod: &Json, container: &Json, place: &Place) -> Vec<Token> {
    let Some(cluster) = &place.cluster else {
        return Vec::new();
    };
    let mut all = Vec::new();
    for mount in items(&container["volumeMounts"]) {
        let Some(volume) = mounted(pod, mount) else {
            continue;
        };
        let asked =
            items(&volume["projected"]["sources"]).map(|source| &source["serviceAccountToken"]);
        all.extend(asked.filter(|asked| asked.is_object()).map(|asked| {
            let at = text(&mount["mountPath"]).trim_end_matches('/');
            Token::new(
                cluster,
                pod,
                format!("{at}/{}", text(&asked["path"])),
                asked,
            )
        }));
    }
    all
}

fn source_files(
    pod: &Json,
    source: &Json,
    place: &Place,
    cache: &Cache,
    out: &mut BTreeMap<String, Vec<u8>>,
) -> Result<(), Missing> {
    let namespace = object::namespace(pod);
    for (field, kind) in [("configMap", Kind::ConfigMaps), ("secret", Kind::Secrets)] {
        let part = &source[field];
        if part.is_null() {
            continue;
        }
        let name = match text(&part["secretName"]) {
            "" => text(&part["name"]),
            name => name,
        };
        // Each account has the authority of its cluster; where nobody writes it, there is no TLS to check either.
        if name == "kube-root-ca.crt" && cache.find(kind, namespace, name).is_none() {
            continue;
        }
        let optional = part["optional"] == true;
        let mut all = match config(kind, namespace, name, cache) {
            Ok(object) => data(kind, object),
            Err(_) if optional => continue,
            Err(missing) => return Err(missing),
        };
        if !part["items"].is_array() {
            out.extend(all);
            continue;
        }
        for item in items(&part["items"]) {
            let key = text(&item["key"]);
            match all.remove(key) {
                Some(content) => {
                    out.insert(text(&item["path"]).to_owned(), content);
                }
                None if optional => {}
                None => {
                    return Err(Missing(format!(
                        "references non-existent {} key: {key}",
                        if kind == Kind::Secrets {
                            "secret"
                        } else {
                            "config"
                        }
                    )));
                }
            }
        }
    }
    for item in items(&source["downwardAPI"]["items"]) {
        let content = match item["fieldRef"]["fieldPath"].as_str() {
            Some(path) => field(pod, path, place),
            None => {
                let nobody = Json::from(Members::new());
                resource(pod, &nobody, &item["resourceFieldRef"], cache)
            }
        };
        out.insert(text(&item["path"]).to_owned(), content.into_bytes());
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use crate::json::json;

    use super::*;

    fn cache() -> Cache {
        Cache::of([
            json!({"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "conf", "namespace": "shop"}, "data": {"mode": "dark", "level": "3"}}),
            json!({"apiVersion": "v1", "kind": "Secret", "metadata": {"name": "key", "namespace": "shop"}, "data": {"password": "aHVudGVyMg=="}}),
            json!({"apiVersion": "v1", "kind": "Service", "metadata": {"name": "my-db", "namespace": "shop"}, "spec": {"clusterIP": "10.0.0.9", "ports": [{"port": 5432, "protocol": "TCP"}]}}),
        ])
    }

    fn pod() -> Json {
        json!({
            "metadata": {"name": "web", "namespace": "shop", "labels": {"app": "web"}},
            "spec": {"nodeName": "n1", "volumes": [
                {"name": "conf", "configMap": {"name": "conf", "items": [{"key": "mode", "path": "a/mode"}]}},
                {"name": "all", "projected": {"sources": [{"secret": {"name": "key"}}, {"downwardAPI": {"items": [{"path": "name", "fieldRef": {"fieldPath": "metadata.name"}}]}}]}},
                {"name": "gone", "secret": {"secretName": "gone", "optional": true}},
            ]},
        })
    }

    #[test]
    fn variables_files_and_arguments_are_resolved() {
        let container = json!({
            "args": ["--to=$(DB)", "$$(DB)", "$(NOPE)"],
            "envFrom": [{"prefix": "C_", "configMapRef": {"name": "conf"}}, {"secretRef": {"name": "gone", "optional": true}}],
            "env": [
                {"name": "PASSWORD", "valueFrom": {"secretKeyRef": {"name": "key", "key": "password"}}},
                {"name": "DB", "value": "$(MY_DB_SERVICE_HOST):$(MY_DB_SERVICE_PORT)"},
                {"name": "IP", "valueFrom": {"fieldRef": {"fieldPath": "status.podIP"}}},
                {"name": "APP", "valueFrom": {"fieldRef": {"fieldPath": "metadata.labels['app']"}}},
                {"name": "CPU", "valueFrom": {"resourceFieldRef": {"resource": "limits.cpu"}}},
                {"name": "MEM", "valueFrom": {"resourceFieldRef": {"resource": "limits.memory", "divisor": "1Mi"}}},
            ],
            "resources": {"limits": {"cpu": "1500m", "memory": "64Mi"}},
            "volumeMounts": [{"name": "conf", "mountPath": "/etc/conf/"}, {"name": "all", "mountPath": "/all"}, {"name": "all", "mountPath": "/one", "subPath": "password"}, {"name": "gone", "mountPath": "/x"}],
        });
        let place = Place {
            ip: "10.244.0.5".into(),
            host_ip: "172.18.0.2".into(),
            ..Place::default()
        };
        let given = given(&pod(), &container, &place, &cache()).expect("all is there");
        assert_eq!(given.args, ["--to=10.0.0.9:5432", "$(DB)", "$(NOPE)"]);
        for (name, value) in [
            ("C_mode", "dark"),
            ("PASSWORD", "hunter2"),
            ("IP", "10.244.0.5"),
            ("APP", "web"),
            ("CPU", "2"),
            ("MEM", "64"),
            ("MY_DB_PORT_5432_TCP", "tcp://10.0.0.9:5432"),
        ] {
            assert_eq!(
                given.env.get(name).map(String::as_str),
                Some(value),
                "{name}"
            );
        }
        let files: Vec<_> = given.files.keys().map(String::as_str).collect();
        assert_eq!(
            files,
            ["/all/name", "/all/password", "/etc/conf/a/mode", "/one"]
        );
    }

    #[test]
    fn containers_that_may_not_run_so_are_refused() {
        let refused = |container: Json| {
            let given = given(&pod(), &container, &Place::default(), &cache());
            given.expect_err("it is refused").0
        };
        let mount = |written: &str| {
            json!({"env": [{"name": "A", "value": "/a"}, {"name": "B", "value": "../b"}],
                "volumeMounts": [{"name": "all", "mountPath": "/all", "subPathExpr": written}]})
        };
        for (container, expected) in [
            (
                mount("$(A)"),
                "error SubPath `/a` must not be an absolute path",
            ),
            (
                mount("x/$(B)"),
                "unable to provision SubPath `x/../b`: must not contain '..'",
            ),
            (mount("$(NOPE)"), "missing value for NOPE"),
            (
                json!({"name": "c", "securityContext": {"runAsNonRoot": true, "runAsUser": 0}}),
                "container's runAsUser breaks non-root policy (pod: \"web_shop()\", container: c)",
            ),
        ] {
            assert_eq!(refused(container), expected);
        }
    }

    #[test]
    fn who_has_no_limit_may_have_all_of_the_node() {
        let node = json!({"apiVersion": "v1", "kind": "Node", "metadata": {"name": "n1"}, "status": {"allocatable": {"cpu": "4", "memory": "8Gi"}}});
        let asked = json!({"resource": "limits.cpu"});
        let container = json!({"resources": {"requests": {"cpu": "1"}}});
        assert_eq!(
            resource(&pod(), &container, &asked, &Cache::of([node])),
            "4"
        );
    }

    #[test]
    fn what_is_missing_is_named() {
        let missing = |container: Json| {
            environment(&pod(), &container, &Place::default(), &cache())
                .expect_err("missing")
                .0
        };
        assert_eq!(
            missing(json!({"envFrom": [{"configMapRef": {"name": "nope"}}]})),
            "configmap \"nope\" not found"
        );
        assert_eq!(
            missing(
                json!({"env": [{"name": "A", "valueFrom": {"secretKeyRef": {"name": "key", "key": "k"}}}]})
            ),
            "couldn't find key k in Secret shop/key"
        );
        let mut pod = pod();
        assert_eq!(missing_volume(&pod, &cache()), None);
        pod["spec"]["volumes"][0]["configMap"]["name"] = "nope".into();
        assert_eq!(
            missing_volume(&pod, &cache()),
            Some(("conf".into(), "configmap \"nope\" not found".into()))
        );
    }
}
