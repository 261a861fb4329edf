//! The version of Kubernetes whose answers are emulated. It stands in `data/version`, which `maker/make.py` writes
//! together with the tables of that version.

/// With its patch level: `v1.36.3`.
pub(crate) const VERSION: &str = include_str!("../data/version").trim_ascii();

/// Major and minor of a version, and the minor version before, down to which a server can be told to behave.
pub(crate) fn numbers(version: &str) -> (&str, &str, String) {
    let mut parts = version.trim_start_matches('v').split(['.', '-', '+']);
    let (major, minor) = (parts.next().unwrap_or("1"), parts.next().unwrap_or("0"));
    let before = minor.parse::<u32>().unwrap_or(1).saturating_sub(1);
    (major, minor, before.to_string())
}

/// Without the patch level: `1.36`.
pub(crate) fn minor() -> String {
    let (major, minor, _) = numbers(VERSION);
    format!("{major}.{minor}")
}
