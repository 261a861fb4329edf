//! Where in the user's source something was written.

use std::fmt;

/// A place in the user's source: what a failure points at.
///
/// ```no_run
/// # use kmock_runtime as kmock;
/// # async fn example(k: kmock::KMock) -> Result<(), Box<dyn std::error::Error>> {
/// let report = k.report();
/// for failure in &report.failures {
///     println!("{}:{}", failure.location.file, failure.location.line);
/// }
/// # Ok(())
/// # }
/// ```
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct Location {
    /// The file, as the compiler names it.
    pub file: &'static str,
    /// The line, from 1.
    pub line: u32,
    /// The column, from 1.
    pub column: u32,
}

impl Location {
    /// The place of the call of the function that calls this one.
    #[track_caller]
    pub fn caller() -> Location {
        let place = std::panic::Location::caller();
        Location {
            file: place.file(),
            line: place.line(),
            column: place.column(),
        }
    }
}

impl fmt::Display for Location {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}:{}", self.file, self.line, self.column)
    }
}

impl fmt::Debug for Location {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}
