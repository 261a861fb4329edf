//! The page.
use super::Report;
use std::path::PathBuf;
/// Where pages go.
pub(crate) fn report_directory() -> Option<PathBuf> {
    std::env::var_os("KMOCK_REPORT")
        .filter(|dir| !dir.is_empty())
        .map(PathBuf::from)
}
/// The page.
pub(crate) fn page(_title: &str, _passed: Option<bool>, _reports: &[&Report]) -> String {
    String::new()
}

/// Writes the page of a test into a directory; tells where it is.
pub(crate) fn write_page(
    directory: &std::path::Path,
    name: &str,
    _note: Option<&str>,
    reports: &[&Report],
) -> std::io::Result<PathBuf> {
    let place = directory.join(format!("{}.html", name.replace("::", ".")));
    std::fs::create_dir_all(directory)?;
    std::fs::write(&place, page(name, None, reports))?;
    Ok(place)
}
