//! Security contexts of pods and containers.

use std::collections::HashSet;

use serde_json::Value;

use super::{Pod, descending, optional_one_of};
use crate::kinds::builtin::validate::rules::{Faults, in_range, invalid_internal, texts};
use crate::kinds::builtin::values::{at, is_set, items, text, truth};
use crate::model::meta::subdomain_faults;
use crate::model::status::FieldError;

fn id(faults: &mut Faults, context: &Value, key: &str, path: &str) {
    let path = format!("{path}.{key}");
    in_range(faults, &path, at(context, &[key]), 0, i64::from(i32::MAX));
}

/// The security context of a pod.
pub(super) fn of_pod(faults: &mut Faults, pod: &Pod<'_>, spec_path: &str) {
    let context = at(pod.spec, &["securityContext"]);
    if !context.is_object() {
        return;
    }
    let path = format!("{spec_path}.securityContext");
    for key in ["fsGroup", "runAsUser", "runAsGroup"] {
        id(faults, context, key, &path);
    }
    for (i, group) in items(context, &["supplementalGroups"]).iter().enumerate() {
        in_range(
            faults,
            &format!("{path}.supplementalGroups[{i}]"),
            group,
            0,
            i64::from(i32::MAX),
        );
    }
    if truth(pod.spec, &["shareProcessNamespace"]) && truth(pod.spec, &["hostPID"]) {
        faults.push(FieldError::invalid(
            format!("{path}.shareProcessNamespace"),
            &true.into(),
            "ShareProcessNamespace and HostPID cannot both be enabled",
        ));
    }
    sysctls(faults, pod.spec, context, &format!("{path}.sysctls"));
    optional_one_of(
        faults,
        context,
        "fsGroupChangePolicy",
        &path,
        &["Always", "OnRootMismatch"],
    );
    profiles(faults, context, &path);
    optional_one_of(
        faults,
        context,
        "supplementalGroupsPolicy",
        &path,
        &["Merge", "Strict"],
    );
    optional_one_of(
        faults,
        context,
        "seLinuxChangePolicy",
        &path,
        &["Recursive"],
    );
}

/// The security context of a container.
pub(super) fn of_container(
    faults: &mut Faults,
    context: &Value,
    path: &str,
    shares_host_users: bool,
) {
    if !context.is_object() {
        return;
    }
    for key in ["runAsUser", "runAsGroup"] {
        id(faults, context, key, path);
    }
    optional_one_of(faults, context, "procMount", path, &["Default", "Unmasked"]);
    if shares_host_users && text(context, &["procMount"]) == "Unmasked" {
        faults.push(FieldError::invalid_text(
            format!("{path}.procMount"),
            "Unmasked",
            "`hostUsers` must be false to use `Unmasked`",
        ));
    }
    seccomp(faults, context, path);
    if at(context, &["allowPrivilegeEscalation"]) == &Value::Bool(false) {
        let mut clash = |what: &str| {
            faults.push(invalid_internal(
                path,
                "core.v1.SecurityContext",
                context,
                &format!("cannot set `allowPrivilegeEscalation` to false and {what}"),
            ));
        };
        if truth(context, &["privileged"]) {
            clash("`privileged` to true");
        }
        for capability in items(context, &["capabilities", "add"]) {
            if capability == "CAP_SYS_ADMIN" {
                clash("`capabilities.Add` CAP_SYS_ADMIN");
            }
        }
    }
    windows(faults, context, path);
    app_armor(faults, context, path);
}

fn profiles(faults: &mut Faults, context: &Value, path: &str) {
    seccomp(faults, context, path);
    windows(faults, context, path);
    app_armor(faults, context, path);
}

const PROFILES: [&str; 3] = ["Localhost", "RuntimeDefault", "Unconfined"];

fn profile_type(faults: &mut Faults, profile: &Value, path: &str, field: &str) {
    let kind = text(profile, &["type"]);
    if kind.is_empty() {
        faults.push(FieldError::required(
            format!("{path}.type"),
            format!("type is required when {field} is set"),
        ));
    } else if !PROFILES.contains(&kind) {
        faults.push(FieldError::not_supported(
            format!("{path}.type"),
            &kind.into(),
            &PROFILES,
        ));
    }
}

fn seccomp(faults: &mut Faults, context: &Value, path: &str) {
    let profile = at(context, &["seccompProfile"]);
    if !profile.is_object() {
        return;
    }
    let path = format!("{path}.seccompProfile");
    profile_type(faults, profile, &path, "seccompProfile");
    let local_path = format!("{path}.localhostProfile");
    let has_local = is_set(profile, &["localhostProfile"]);
    if text(profile, &["type"]) == "Localhost" {
        if has_local {
            descending(faults, &local_path, text(profile, &["localhostProfile"]));
        } else {
            faults.push(FieldError::required(
                local_path,
                "must be set when seccomp type is Localhost",
            ));
        }
    } else if has_local {
        faults.push(invalid_internal(
            &local_path,
            "core.v1.SeccompProfile",
            profile,
            "can only be set when seccomp type is Localhost",
        ));
    }
}

fn app_armor(faults: &mut Faults, context: &Value, path: &str) {
    const NEEDED: &str = "must be set when AppArmor type is Localhost";
    let profile = at(context, &["appArmorProfile"]);
    if !profile.is_object() {
        return;
    }
    let path = format!("{path}.appArmorProfile");
    let local_path = format!("{path}.localhostProfile");
    let local = text(profile, &["localhostProfile"]);
    let has_local = is_set(profile, &["localhostProfile"]);
    match text(profile, &["type"]) {
        "Localhost" => {
            if !has_local || local.trim() == local && local.is_empty() {
                faults.push(FieldError::required(&local_path, NEEDED));
            } else if local.trim() != local {
                faults.push(FieldError::invalid_text(
                    &local_path,
                    local,
                    "must not be padded with whitespace",
                ));
            }
            if local.len() > 4095 {
                faults.push(FieldError::too_long(local_path, 4095));
            }
        }
        "RuntimeDefault" | "Unconfined" => {
            if has_local {
                faults.push(FieldError::invalid_text(
                    local_path,
                    local,
                    "can only be set when AppArmor type is Localhost",
                ));
            }
        }
        _ => profile_type(faults, profile, &path, "appArmorProfile"),
    }
}

/// Kernel parameters of the pod, not of the host it shares namespaces with.
fn sysctls(faults: &mut Faults, spec: &Value, context: &Value, path: &str) {
    const REGEX: &str = "^([a-z0-9]([-_a-z0-9]*[a-z0-9])?[\\./])*[a-z0-9]([-_a-z0-9]*[a-z0-9])?$";
    let mut names: HashSet<&str> = HashSet::new();
    for (i, entry) in items(context, &["sysctls"]).iter().enumerate() {
        let path = format!("{path}[{i}].name");
        let name = text(entry, &["name"]);
        let plain = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit();
        let is_name = name.len() <= 253
            && name.split(['.', '/']).all(|part| {
                part.starts_with(plain)
                    && part.ends_with(plain)
                    && part.chars().all(|c| plain(c) || matches!(c, '-' | '_'))
            });
        if name.is_empty() {
            faults.push(FieldError::required(&path, ""));
        } else if !is_name {
            faults.push(FieldError::invalid_text(
                &path,
                name,
                format!("must have at most 253 characters and match regex {REGEX}"),
            ));
        } else if names.contains(&name) {
            faults.push(FieldError::duplicate(&path, &name.into()));
        }
        let dotted = name.replace('/', ".");
        let is_ipc = matches!(dotted.as_str(), "kernel.sem")
            || ["kernel.shm", "kernel.msg", "fs.mqueue."]
                .iter()
                .any(|prefix| dotted.starts_with(prefix));
        for (shared, in_namespace) in [
            ("hostNetwork", dotted.starts_with("net.")),
            ("hostIPC", is_ipc),
        ] {
            if in_namespace && truth(spec, &[shared]) {
                faults.push(FieldError::invalid_text(
                    &path,
                    name,
                    format!("may not be specified when '{shared}' is true"),
                ));
            }
        }
        names.insert(name);
    }
}

/// What Windows calls its users.
fn windows(faults: &mut Faults, context: &Value, path: &str) {
    let options = at(context, &["windowsOptions"]);
    let path = format!("{path}.windowsOptions");
    let spec_name = text(options, &["gmsaCredentialSpecName"]);
    if is_set(options, &["gmsaCredentialSpecName"]) {
        let path = format!("{path}.gmsaCredentialSpecName");
        texts(faults, &path, spec_name, subdomain_faults(spec_name));
    }
    if is_set(options, &["gmsaCredentialSpec"]) {
        let spec = text(options, &["gmsaCredentialSpec"]);
        let detail = match spec.len() {
            0 => "gmsaCredentialSpec cannot be an empty string",
            n if n > 64 * 1024 => "gmsaCredentialSpec size must be under 64 KiB",
            _ => "",
        };
        if !detail.is_empty() {
            faults.push(FieldError::invalid_text(
                format!("{path}.gmsaCredentialSpec"),
                spec,
                detail,
            ));
        }
    }
    if is_set(options, &["runAsUserName"]) {
        let name = text(options, &["runAsUserName"]);
        for detail in user_name_faults(name) {
            faults.push(FieldError::invalid_text(
                format!("{path}.runAsUserName"),
                name,
                format!("runAsUserName{detail}"),
            ));
        }
    }
}

fn user_name_faults(name: &str) -> Vec<&'static str> {
    if name.is_empty() {
        return vec![" cannot be an empty string"];
    }
    if name.chars().any(|c| c.is_ascii_control()) {
        return vec![" cannot contain control characters"];
    }
    let parts: Vec<&str> = name.split('\\').collect();
    let (domain, user) = match parts.as_slice() {
        [user] => (None, *user),
        [domain, user] => (Some(*domain), *user),
        _ => return vec![" cannot contain more than one backslash"],
    };
    let mut out = Vec::new();
    if let Some(domain) = domain {
        let is_net_bios = (1..=15).contains(&domain.chars().count())
            && !domain.starts_with('.')
            && !domain.contains(|c| "\\/:*?\"<>|".contains(c));
        let is_dns = domain.split('.').all(|label| {
            (1..=63).contains(&label.len())
                && label.starts_with(|c: char| c.is_ascii_alphanumeric())
                && label.ends_with(|c: char| c.is_ascii_alphanumeric())
                && label
                    .bytes()
                    .all(|c| c == b'-' || c.is_ascii_alphanumeric())
        });
        if domain.len() >= 256 {
            out.push("'s Domain length must be under 256 characters");
        }
        if !is_net_bios && !is_dns {
            out.push("'s Domain doesn't match the NetBios nor the DNS format");
        }
    }
    if user.is_empty() {
        out.push("'s User cannot be empty");
    } else if user.len() > 104 {
        out.push("'s User length must not be longer than 104 characters");
    }
    if !user.is_empty() && user.chars().all(|c| matches!(c, '.' | ' ')) {
        out.push("'s User cannot contain only periods or spaces");
    }
    if user.contains(|c| "\"/\\:;|=,+*?<>@[]".contains(c)) {
        out.push("'s User cannot contain the following characters: \"/\\:;|=,+*?<>@[]");
    }
    out
}
