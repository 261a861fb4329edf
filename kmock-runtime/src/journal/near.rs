//! What came near to a request.

use crate::{
    criteria::{Finding, Nearness},
    location::Location,
};

/// A rule that came near to a request, and what it says of it.
///
/// ```no_run
/// # use kmock_runtime as kmock;
/// # async fn example(k: kmock::KMock) -> Result<(), Box<dyn std::error::Error>> {
/// let report = k.report();
/// for near in report.entries.iter().flat_map(|entry| &entry.near) {
///     println!("{} at {}", near.rule, near.location);
/// }
/// # Ok(())
/// # }
/// ```
#[derive(Clone, Debug, PartialEq)]
pub struct Near {
    /// The rule's name or filter.
    pub rule: String,
    /// Where the rule was written.
    pub location: Location,
    /// What each of its criteria says.
    pub criteria: Vec<Finding>,
    /// What the rule is called beside its criteria.
    pub(crate) brief: String,
}

impl Near {
    pub(super) fn nearness(&self) -> Nearness {
        Nearness::of(&self.criteria)
    }
}
