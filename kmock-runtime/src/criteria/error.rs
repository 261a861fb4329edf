//! What is wrong with a filter that cannot be made.

use std::fmt;

/// Why a filter cannot be made.
///
/// ```
/// # use kmock_runtime as kmock;
/// use kmock::Filter;
///
/// let error = "gte /users".parse::<Filter>().unwrap_err();
/// println!("{error}");
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FilterError(String);

impl FilterError {
    pub(crate) fn new(message: impl Into<String>) -> FilterError {
        FilterError(message.into())
    }
}

impl fmt::Display for FilterError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl std::error::Error for FilterError {}
