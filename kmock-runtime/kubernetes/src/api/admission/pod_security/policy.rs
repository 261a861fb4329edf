//! The levels and versions that the labels of a namespace ask for.

use std::fmt;

use serde_json::Value;

use crate::kinds::builtin::values::at;
use crate::model::status::FieldError;

/// How strict.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Level {
    #[default]
    Privileged,
    Baseline,
    Restricted,
}

/// The minor version whose rules hold; the largest is `latest`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Version(u32);

impl Version {
    pub(super) const LATEST: Version = Version(u32::MAX);

    /// Whether the rules of a minor version are in it.
    pub(super) fn has(self, minor: u32) -> bool {
        self.0 >= minor
    }
}

impl Default for Version {
    fn default() -> Self {
        Self::LATEST
    }
}

#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct LevelVersion {
    pub(super) level: Level,
    pub(super) version: Version,
}

impl fmt::Display for LevelVersion {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let level = match self.level {
            Level::Privileged => "privileged",
            Level::Baseline => "baseline",
            Level::Restricted => "restricted",
        };
        match self.version {
            Version::LATEST => write!(f, "{level}:latest"),
            Version(minor) => write!(f, "{level}:v1.{minor}"),
        }
    }
}

/// What is enforced, written to the audit log, and warned of.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct Policy {
    pub(super) enforce: LevelVersion,
    pub(super) audit: LevelVersion,
    pub(super) warn: LevelVersion,
}

fn level(text: &str) -> Result<Level, &'static str> {
    match text {
        "privileged" => Ok(Level::Privileged),
        "baseline" => Ok(Level::Baseline),
        "restricted" => Ok(Level::Restricted),
        _ => Err("must be one of privileged, baseline, restricted"),
    }
}

fn version(text: &str) -> Result<Version, &'static str> {
    if text == "latest" {
        return Ok(Version::LATEST);
    }
    let minor = text.strip_prefix("v1.").filter(|minor| {
        let digits = !minor.is_empty() && minor.bytes().all(|byte| byte.is_ascii_digit());
        digits && (*minor == "0" || !minor.starts_with('0'))
    });
    minor
        .and_then(|minor| minor.parse().ok())
        .map(Version)
        .ok_or("must be \"latest\" or \"v1.x\"")
}

impl Policy {
    /// What the labels of a namespace say, and what is wrong with them.
    pub(super) fn of(namespace: &Value) -> (Policy, Vec<FieldError>) {
        const PREFIX: &str = "pod-security.kubernetes.io/";
        let mut policy = Policy::default();
        let mut faults = Vec::new();
        let labels = at(namespace, &["metadata", "labels"]);
        let mut read = |mode: &str, on_fault: Level| {
            let mut out = LevelVersion::default();
            let mut given = (false, false);
            let mut fault = |key: &str, text: &str, why: &str| {
                let path = format!("metadata.labels[{key}]");
                faults.push(FieldError::invalid_text(path, text, why));
            };
            let key = format!("{PREFIX}{mode}");
            if let Some(text) = labels[key.as_str()].as_str() {
                match level(text) {
                    Ok(level) => (out.level, given.0) = (level, true),
                    Err(why) => {
                        out.level = on_fault;
                        fault(&key, text, why);
                    }
                }
            }
            let key = format!("{PREFIX}{mode}-version");
            if let Some(text) = labels[key.as_str()].as_str() {
                given.1 = true;
                match version(text) {
                    Ok(version) => out.version = version,
                    Err(why) => fault(&key, text, why),
                }
            }
            (out, given)
        };
        // What cannot be read is enforced as strictly as can be, but nobody is bothered with it.
        let (enforce, (has_enforce, _)) = read("enforce", Level::Restricted);
        policy.enforce = enforce;
        policy.audit = read("audit", Level::Privileged).0;
        let (warn, (_, has_warn_version)) = read("warn", Level::Privileged);
        policy.warn = warn;
        let has_warn = labels[format!("{PREFIX}warn").as_str()].is_string();
        if !has_warn && has_enforce && policy.enforce.level > policy.warn.level {
            policy.warn.level = policy.enforce.level;
            if !has_warn_version {
                policy.warn.version = policy.enforce.version;
            }
        }
        (policy, faults)
    }
}
