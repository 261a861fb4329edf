//! The resources that every cluster has, as Kubernetes' discovery tells of them.

use std::sync::OnceLock;

/// A group, its versions, a plural name, a kind and its subresources in a line; made from the discovery that the emulated
/// API serves, which a test compares with it.
const TABLE: &str = include_str!("../data/resources.tsv");

/// A resource that every cluster has.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BuiltIn {
    /// The API group; empty is the core group.
    pub group: &'static str,
    /// The versions, the preferred one first.
    pub versions: Vec<&'static str>,
    /// The plural name.
    pub plural: &'static str,
    /// The kind of its objects.
    pub kind: &'static str,
    /// The names of its subresources.
    pub subresources: Vec<&'static str>,
}

/// All of them, by group and name.
pub fn built_ins() -> &'static [BuiltIn] {
    static ALL: OnceLock<Vec<BuiltIn>> = OnceLock::new();
    ALL.get_or_init(|| TABLE.lines().filter_map(row).collect())
}

fn row(line: &'static str) -> Option<BuiltIn> {
    let mut cells = line.split('\t');
    let list = |cell: &'static str| cell.split(',').filter(|one| !one.is_empty()).collect();
    Some(BuiltIn {
        group: cells.next()?,
        versions: list(cells.next()?),
        plural: cells.next()?,
        kind: cells.next()?,
        subresources: list(cells.next()?),
    })
}
