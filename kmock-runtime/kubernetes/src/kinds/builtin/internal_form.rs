//! Objects in the server's internal types, as some faults print them: all fields, unset ones too, by their Go names.

use serde_json::Value;

use super::shown::{joined_list, joined_map, shown_struct};
use crate::kinds::builtin::gotypes::{Field, GoType, Struct};
use crate::kinds::builtin::values::at;
use crate::model::status::{FieldError, quoted};

/// The sources of a persistent volume, in the order in which the server looks for them.
pub(super) const SOURCES: [&str; 22] = [
    "gcePersistentDisk",
    "awsElasticBlockStore",
    "hostPath",
    "glusterfs",
    "nfs",
    "rbd",
    "quobyte",
    "cephfs",
    "iscsi",
    "cinder",
    "fc",
    "flexVolume",
    "azureFile",
    "vsphereVolume",
    "photonPersistentDisk",
    "portworxVolume",
    "azureDisk",
    "scaleIO",
    "flocker",
    "local",
    "storageos",
    "csi",
];

/// `Invalid value: {…}: …` of a type that the server has in an internal form without JSON names: all fields, unset
/// ones too, by their Go names.
pub(super) fn invalid_internal(path: &str, ty: &str, value: &Value, detail: &str) -> FieldError {
    let shown =
        Struct::named(ty).map_or_else(|| value.to_string(), |root| internal_struct(root, value));
    FieldError::new(
        "FieldValueInvalid",
        path,
        format!("Invalid value: {shown}: {detail}"),
    )
}

/// The JSON of a value in the server's internal type.
pub(super) fn internal_json(ty: &str, value: &Value) -> String {
    if ty == VOLUME_SOURCE
        && let Some(root) = Struct::named("core.v1.PersistentVolumeSpec")
    {
        return format!("{{{}}}", parts(root, value, &SOURCES).join(","));
    }
    Struct::named(ty).map_or_else(|| value.to_string(), |root| internal_struct(root, value))
}

/// The sources of a persistent volume: a type of their own, which is embedded in its spec.
const VOLUME_SOURCE: &str = "core.v1.PersistentVolumeSource";

fn internal_struct(root: &Struct, value: &Value) -> String {
    // Types of the metadata's package are used as they are.
    if root.name.starts_with("meta.") {
        return shown_struct(root, value);
    }
    format!("{{{}}}", parts(root, value, &[]).join(","))
}

/// The fields of a struct, or only some of them.
fn parts(root: &Struct, value: &Value, only: &[&str]) -> Vec<String> {
    let mut parts: Vec<String> = Vec::with_capacity(root.fields.len());
    for field in ordered(root)
        .into_iter()
        .filter(|field| only.is_empty() || only.contains(&field.name))
    {
        let own = at(value, &[field.name]);
        let shown = match (root.name, field.name) {
            ("core.v1.PodSpec", "securityContext") if own.is_object() => pod_security(value, own),
            _ => internal_type(&field.ty, own),
        };
        if field.name == "metadata" {
            // Metadata is embedded: its members stand among the others.
            let members = shown
                .strip_prefix('{')
                .and_then(|text| text.strip_suffix('}'))
                .unwrap_or_default();
            if !members.is_empty() {
                parts.push(members.to_owned());
            }
        } else {
            let name = field_name(root.name, field.name);
            parts.push(format!("{}:{shown}", quoted(&name)));
        }
    }
    parts
}

/// The fields of a type in the order of the internal one, where that is another.
fn ordered(root: &Struct) -> Vec<&Field> {
    let find = |name: &&str| root.fields.iter().find(|field| field.name == *name);
    match root.name {
        "core.v1.PodSpec" => POD_SPEC.iter().filter_map(find).collect(),
        "core.v1.Volume" | "core.v1.PersistentVolumeSpec" => {
            let mut fields: Vec<&Field> = root.fields.iter().collect();
            for (name, before) in if root.name == "core.v1.Volume" {
                &[("quobyte", "flexVolume")][..]
            } else {
                &[("quobyte", "iscsi"), ("flexVolume", "cinder")][..]
            } {
                let place =
                    |fields: &[&Field], name: &str| fields.iter().position(|f| f.name == name);
                if let Some(from) = place(&fields, name) {
                    let field = fields.remove(from);
                    let to = place(&fields, before).unwrap_or(from);
                    fields.insert(to, field);
                }
            }
            fields
        }
        _ => root.fields.iter().collect(),
    }
}

/// Fields of a pod's spec; those of the namespaces it shares are in its security context.
const POD_SPEC: [&str; 36] = [
    "volumes",
    "initContainers",
    "containers",
    "ephemeralContainers",
    "restartPolicy",
    "terminationGracePeriodSeconds",
    "activeDeadlineSeconds",
    "dnsPolicy",
    "nodeSelector",
    "serviceAccountName",
    "automountServiceAccountToken",
    "nodeName",
    "securityContext",
    "imagePullSecrets",
    "hostname",
    "subdomain",
    "setHostnameAsFQDN",
    "affinity",
    "schedulerName",
    "tolerations",
    "hostAliases",
    "priorityClassName",
    "priority",
    "preemptionPolicy",
    "dnsConfig",
    "readinessGates",
    "runtimeClassName",
    "overhead",
    "enableServiceLinks",
    "topologySpreadConstraints",
    "os",
    "schedulingGates",
    "resourceClaims",
    "resources",
    "hostnameOverride",
    "schedulingGroup",
];

fn pod_security(spec: &Value, context: &Value) -> String {
    let mut parts: Vec<String> = [
        ("HostNetwork", "hostNetwork", "false"),
        ("HostPID", "hostPID", "false"),
        ("HostIPC", "hostIPC", "false"),
        ("ShareProcessNamespace", "shareProcessNamespace", "null"),
        ("HostUsers", "hostUsers", "null"),
    ]
    .iter()
    .map(|(name, key, unset)| match at(spec, &[key]) {
        Value::Null => format!("\"{name}\":{unset}"),
        value => format!("\"{name}\":{value}"),
    })
    .collect();
    if let Some(root) = Struct::named("core.v1.PodSecurityContext") {
        parts.extend(self::parts(root, context, &[]));
    }
    format!("{{{}}}", parts.join(","))
}

/// The name of a field in the internal type.
fn field_name(ty: &str, json: &str) -> String {
    let other = match json {
        "cephfs" => "CephFS",
        "storageos" => "StorageOS",
        "pdName" => "PDName",
        "iqn" => "IQN",
        "chapAuthDiscovery" => "DiscoveryCHAPAuth",
        "chapAuthSession" => "SessionCHAPAuth",
        "wwids" => "WWIDs",
        "diskURI" => "DataDiskURI",
        "sslEnabled" => "SSLEnabled",
        "externalID" => "DoNotUseExternalID",
        "reportingComponent" => "ReportingController",
        "endpoints" if ty.starts_with("core.v1.Glusterfs") => "EndpointsName",
        "monitors" if ty.starts_with("core.v1.RBD") => "CephMonitors",
        "image" if ty.starts_with("core.v1.RBD") => "RBDImage",
        "pool" if ty.starts_with("core.v1.RBD") => "RBDPool",
        "user" if ty.starts_with("core.v1.RBD") => "RadosUser",
        _ => return go_name(json),
    };
    other.to_owned()
}

fn internal_type(ty: &GoType, value: &Value) -> String {
    match (ty, value) {
        (GoType::Named(inner, _), value) => internal_type(inner, value),
        (GoType::Pointer(_) | GoType::Slice(_) | GoType::Map(..) | GoType::Bytes, Value::Null) => {
            "null".into()
        }
        (GoType::Pointer(inner), value) => internal_type(inner, value),
        (GoType::Struct(name), value) => name
            .get()
            .map_or_else(|| value.to_string(), |root| internal_struct(root, value)),
        (GoType::Slice(inner), Value::Array(list)) => {
            joined_list(list, |item| internal_type(inner, item))
        }
        (GoType::Map(_, inner), Value::Object(_)) => {
            joined_map(value, |value| internal_type(inner, value))
        }
        (GoType::String, Value::Null) => "\"\"".into(),
        (GoType::Bool, Value::Null) => "false".into(),
        (GoType::Int(_) | GoType::IntOrString | GoType::Float, Value::Null) => "0".into(),
        (GoType::Quantity, Value::Null) => "\"0\"".into(),
        (_, value) => value.to_string(),
    }
}

/// The Go name of a field by its JSON name: initialisms are written in capitals.
fn go_name(json: &str) -> String {
    const INITIALISMS: [(&str, &str); 24] = [
        ("api", "API"),
        ("aws", "AWS"),
        ("ca", "CA"),
        ("cel", "CEL"),
        ("cidr", "CIDR"),
        ("csi", "CSI"),
        ("dns", "DNS"),
        ("fc", "FC"),
        ("fs", "FS"),
        ("gce", "GCE"),
        ("gmsa", "GMSA"),
        ("grpc", "GRPC"),
        ("http", "HTTP"),
        ("ip", "IP"),
        ("iscsi", "ISCSI"),
        ("json", "JSON"),
        ("nfs", "NFS"),
        ("os", "OS"),
        ("qos", "QOS"),
        ("rbd", "RBD"),
        ("tcp", "TCP"),
        ("tls", "TLS"),
        ("ttl", "TTL"),
        ("tty", "TTY"),
    ];
    let head_end = json
        .find(|c: char| c.is_ascii_uppercase())
        .unwrap_or(json.len());
    let (head, rest) = json.split_at(head_end);
    let (stem, plural) = head
        .strip_suffix('s')
        .filter(|stem| matches!(*stem, "ip" | "cidr"))
        .map_or((head, ""), |stem| (stem, "s"));
    if let Some((_, capitals)) = INITIALISMS.iter().find(|(word, _)| *word == stem) {
        return format!("{capitals}{plural}{rest}");
    }
    match json {
        "uid" | "gid" | "url" => json.to_uppercase(),
        "seLinuxOptions" | "seLinuxMount" | "seLinuxChangePolicy" => {
            format!("SE{}", json.get(2..).unwrap_or_default())
        }
        _ => {
            let mut out = head.to_owned();
            if let Some(first) = out.get_mut(..1) {
                first.make_ascii_uppercase();
            }
            out + rest
        }
    }
}

/// The JSON of a value in the server's internal type, on lines with one blank for a level.
pub(super) fn indented(ty: &str, value: &Value) -> Vec<String> {
    let text = internal_json(ty, value);
    let (mut lines, mut line, mut depth) = (Vec::new(), String::new(), 0_usize);
    let mut chars = text.chars().peekable();
    let mut in_text = false;
    while let Some(c) = chars.next() {
        line.push(c);
        if in_text {
            match c {
                '\\' => line.extend(chars.next()),
                '"' => in_text = false,
                _ => {}
            }
            continue;
        }
        match c {
            '"' => in_text = true,
            ':' => line.push(' '),
            ',' => lines.push(std::mem::replace(&mut line, " ".repeat(depth))),
            '{' | '[' => {
                if matches!(chars.peek(), Some('}' | ']')) {
                    line.extend(chars.next());
                } else {
                    depth += 1;
                    lines.push(std::mem::replace(&mut line, " ".repeat(depth)));
                }
            }
            '}' | ']' => {
                line.pop();
                depth = depth.saturating_sub(1);
                lines.push(std::mem::replace(&mut line, " ".repeat(depth)));
                line.push(c);
            }
            _ => {}
        }
    }
    lines.push(line);
    lines
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn unset_fields_are_there_and_namespaces_are_security() {
        let spec = json!({"hostNetwork": true, "securityContext": {}, "nodeSelector": {"a": "b"}});
        let lines = indented("core.v1.PodSpec", &spec);
        assert_eq!(
            lines[0..3],
            ["{", " \"Volumes\": null,", " \"InitContainers\": null,"]
        );
        assert!(lines.contains(&"  \"HostNetwork\": true,".to_owned()));
        assert!(lines.contains(&"  \"a\": \"b\"".to_owned()), "{lines:?}");
    }
}
