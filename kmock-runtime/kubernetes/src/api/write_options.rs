//! The options of writes: what the query (or a `DeleteOptions` body) says beside the object.

use std::borrow::Cow;

use serde_json::Value;

use super::call::Call;
use crate::model::meta::{MAX_MANAGER, unprintable};
use crate::model::status::{ApiError, FieldError};
use kmock_apply::fields::manager_name;

/// What happens with unknown and duplicate fields.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum FieldValidation {
    /// Nothing.
    Ignore,
    /// `Warning` headers.
    #[default]
    Warn,
    /// The write is refused.
    Strict,
}

/// Options of create, update and patch.
#[derive(Debug, Clone, Default)]
pub struct WriteOptions {
    /// Nothing is stored.
    pub dry_run: bool,
    /// Who owns the written fields.
    pub manager: String,
    /// What happens with unknown and duplicate fields.
    pub validation: FieldValidation,
    /// Conflicts of an apply are overridden.
    pub force: bool,
    /// The managers are told when somebody asks for them: see [`may_wait`](super::managed::may_wait).
    pub managers_wait: bool,
    /// `fieldManager` as it was sent.
    said_manager: String,
    /// `fieldValidation` as it was sent.
    said_validation: String,
}

impl WriteOptions {
    /// Those of a write that is none of a client's.
    pub fn of_dry_run(dry_run: bool) -> Self {
        Self {
            dry_run,
            ..Self::default()
        }
    }

    /// The options as an object of a kind, e.g. `CreateOptions`: what admission is shown.
    pub fn shown(&self, kind: &str) -> Value {
        let mut out = serde_json::Map::new();
        out.insert("kind".into(), kind.into());
        out.insert("apiVersion".into(), "meta.k8s.io/v1".into());
        if self.dry_run {
            out.insert("dryRun".into(), serde_json::json!(["All"]));
        }
        for (key, text) in [
            ("fieldManager", &self.said_manager),
            ("fieldValidation", &self.said_validation),
        ] {
            if !text.is_empty() {
                out.insert(key.into(), text.as_str().into());
            }
        }
        Value::Object(out)
    }
}

fn invalid(kind: &str, faults: &[FieldError]) -> ApiError {
    ApiError::invalid("meta.k8s.io", kind, "", faults)
}

fn manager_faults(manager: &str) -> Vec<FieldError> {
    let mut faults = Vec::new();
    if manager.len() > MAX_MANAGER {
        faults.push(FieldError::too_long("fieldManager", MAX_MANAGER));
    }
    faults.extend(unprintable("fieldManager", manager));
    faults
}

fn dry_run_faults(values: &[String]) -> Vec<FieldError> {
    if values.iter().all(|value| value == "All") {
        return Vec::new();
    }
    let shown: Value = values.iter().map(String::as_str).collect();
    vec![FieldError::not_supported("dryRun", &shown, &["All"])]
}

/// Reads the options of a create, update or patch: `kind` is `CreateOptions`, `UpdateOptions` or `PatchOptions`,
/// `apply` tells a server-side apply (`None`: not a patch at all).
pub fn write_options(
    call: &Call,
    kind: &str,
    apply: Option<bool>,
) -> Result<WriteOptions, ApiError> {
    let query = &call.request.query;
    let mut faults = Vec::new();
    let manager = query.get("fieldManager").unwrap_or_default();
    match apply {
        Some(false) if query.has("force") => {
            faults.push(FieldError::forbidden(
                "force",
                "may not be specified for non-apply patch",
            ));
        }
        Some(true) if manager.is_empty() => {
            faults.push(FieldError::required(
                "fieldManager",
                "is required for apply patch",
            ));
        }
        _ => {}
    }
    faults.extend(manager_faults(manager));
    let dry_run: Vec<String> = query.all("dryRun").map(str::to_owned).collect();
    faults.extend(dry_run_faults(&dry_run));
    let validation = match query.get("fieldValidation").unwrap_or_default() {
        "" | "Warn" => FieldValidation::Warn,
        "Ignore" => FieldValidation::Ignore,
        "Strict" => FieldValidation::Strict,
        other => {
            let supported = ["", "Ignore", "Strict", "Warn"];
            faults.push(FieldError::not_supported(
                "fieldValidation",
                &other.into(),
                &supported,
            ));
            FieldValidation::Warn
        }
    };
    if !faults.is_empty() {
        return Err(invalid(kind, &faults));
    }
    let said_manager = manager.to_owned();
    let manager = if manager.is_empty() {
        manager_of_user_agent(call)
    } else {
        manager.to_owned()
    };
    let force = query.flag("force") || query.get("force") == Some("");
    Ok(WriteOptions {
        dry_run: !dry_run.is_empty(),
        manager,
        validation,
        force,
        managers_wait: false,
        said_manager,
        said_validation: query.get("fieldValidation").unwrap_or_default().to_owned(),
    })
}

/// The manager of a client that does not name one: what its User-Agent says.
fn manager_of_user_agent(call: &Call) -> String {
    let agent = call.headers.get(http::header::USER_AGENT);
    let agent = agent.map_or(Cow::Borrowed(""), |agent| {
        String::from_utf8_lossy(agent.as_bytes())
    });
    match manager_name("", &agent) {
        name if name.is_empty() => "unknown".to_owned(),
        name => name,
    }
}

/// What happens to an object's dependents.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Propagation {
    /// Later.
    Background,
    /// First.
    Foreground,
    /// Nothing: they lose their owner.
    Orphan,
}

/// Options of delete and deletecollection.
#[derive(Debug, Clone, Default)]
pub struct DeleteOptions {
    /// Nothing is stored.
    pub dry_run: bool,
    /// How long the deletion may take; never negative.
    pub grace_period_seconds: Option<i64>,
    /// The former way to say [`Propagation::Orphan`].
    pub orphan_dependents: Option<bool>,
    /// What happens to dependents.
    pub propagation: Option<Propagation>,
    /// The object must have this uid.
    pub uid: Option<String>,
    /// The object must have this version.
    pub resource_version: Option<String>,
}

impl DeleteOptions {
    /// The options as an object: what admission is shown.
    pub fn shown(&self) -> Value {
        let mut out = serde_json::json!({"kind": "DeleteOptions", "apiVersion": "meta.k8s.io/v1"});
        if let Some(seconds) = self.grace_period_seconds {
            out["gracePeriodSeconds"] = seconds.into();
        }
        for (key, text) in [
            ("uid", &self.uid),
            ("resourceVersion", &self.resource_version),
        ] {
            if let Some(text) = text {
                out["preconditions"][key] = text.as_str().into();
            }
        }
        if let Some(orphan) = self.orphan_dependents {
            out["orphanDependents"] = orphan.into();
        }
        if let Some(propagation) = self.propagation {
            out["propagationPolicy"] = format!("{propagation:?}").into();
        }
        if self.dry_run {
            out["dryRun"] = serde_json::json!(["All"]);
        }
        out
    }

    /// The client says what becomes of the dependents.
    pub fn has_policy(&self) -> bool {
        self.propagation.is_some() || self.orphan_dependents.is_some()
    }

    /// Takes the options of an object, e.g. of an eviction's `deleteOptions`.
    pub fn from_value(raw: &Value) -> Result<Self, ApiError> {
        let mut faults = Vec::new();
        let policy = raw["propagationPolicy"].as_str();
        let propagation = match policy {
            Some("Background") => Some(Propagation::Background),
            Some("Foreground") => Some(Propagation::Foreground),
            Some("Orphan") => Some(Propagation::Orphan),
            _ => None,
        };
        let orphan_dependents = raw["orphanDependents"].as_bool();
        if let (Some(policy), Some(_)) = (policy, orphan_dependents) {
            let why = "orphanDependents and deletionPropagation cannot be both set";
            faults.push(FieldError::invalid_text("propagationPolicy", policy, why));
        }
        if let (Some(policy), None) = (policy, propagation) {
            let supported = ["Foreground", "Background", "Orphan", "nil"];
            faults.push(FieldError::not_supported(
                "propagationPolicy",
                &policy.into(),
                &supported,
            ));
        }
        let texts = |value: &Value| -> Vec<String> {
            value
                .as_array()
                .into_iter()
                .flatten()
                .filter_map(Value::as_str)
                .map(str::to_owned)
                .collect()
        };
        let dry_run = texts(&raw["dryRun"]);
        faults.extend(dry_run_faults(&dry_run));
        if !faults.is_empty() {
            return Err(invalid("DeleteOptions", &faults));
        }
        let precondition = |key: &str| raw["preconditions"][key].as_str().map(str::to_owned);
        Ok(Self {
            dry_run: !dry_run.is_empty(),
            // A negative period counts as a second.
            grace_period_seconds: raw["gracePeriodSeconds"]
                .as_i64()
                .map(|n| if n < 0 { 1 } else { n }),
            orphan_dependents,
            propagation,
            uid: precondition("uid"),
            resource_version: precondition("resourceVersion"),
        })
    }
}
