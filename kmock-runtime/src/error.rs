//! The one error type of the library.

use std::{error, fmt, io, time::Duration};

use crate::location::Location;

/// What went wrong, for people: one type for the whole library, with predicates for programs.
///
/// One type composes better in tests than a dozen; ask [`Error::is_timeout`] and its kin where it matters.
///
/// ```no_run
/// # use kmock_runtime as kmock;
/// # async fn example(k: kmock::KMock) -> Result<(), Box<dyn std::error::Error>> {
/// let hook = k.on("post /hook").status(204);
/// match hook.wait_for(1).await {
///     Ok(came) => println!("{}", came[0].text()),
///     // It says what was waited for, where, and what came instead.
///     Err(error) if error.is_timeout() => println!("{error}"),
///     Err(error) => return Err(error.into()),
/// }
/// # Ok(())
/// # }
/// ```
pub struct Error(Box<Kind>);

#[derive(Debug)]
enum Kind {
    /// The server could not listen, or the client could not reach it.
    Io { doing: String, source: io::Error },
    /// The peer broke the HTTP exchange (often on purpose: a fault).
    Exchange {
        doing: String,
        source: Box<dyn error::Error + Send + Sync>,
    },
    /// Something did not happen in time.
    Timeout {
        what: String,
        after: Duration,
        /// Where somebody waited for it.
        location: Location,
        /// What happened instead.
        report: Option<String>,
    },
    /// A value given by the user cannot be used.
    Invalid { message: String },
}

impl Error {
    pub(crate) fn io(doing: impl Into<String>, source: io::Error) -> Error {
        Error(Box::new(Kind::Io {
            doing: doing.into(),
            source,
        }))
    }

    pub(crate) fn exchange(
        doing: impl Into<String>,
        source: impl Into<Box<dyn error::Error + Send + Sync>>,
    ) -> Error {
        Error(Box::new(Kind::Exchange {
            doing: doing.into(),
            source: source.into(),
        }))
    }

    pub(crate) fn late(what: impl Into<String>, after: Duration, location: Location) -> Error {
        Error(Box::new(Kind::Timeout {
            what: what.into(),
            after,
            location,
            report: None,
        }))
    }

    /// Says also what happened instead.
    pub(crate) fn with_report(mut self, text: String) -> Error {
        if let Kind::Timeout { report, .. } = &mut *self.0 {
            *report = Some(text);
        }
        self
    }

    pub(crate) fn invalid(message: impl Into<String>) -> Error {
        Error(Box::new(Kind::Invalid {
            message: message.into(),
        }))
    }

    /// Whether something did not happen in time.
    pub fn is_timeout(&self) -> bool {
        matches!(*self.0, Kind::Timeout { .. })
    }

    /// Whether the socket itself failed: no listener, connection refused.
    pub fn is_io(&self) -> bool {
        matches!(*self.0, Kind::Io { .. })
    }

    /// Whether the HTTP exchange broke: cut, reset, garbage.
    pub fn is_exchange(&self) -> bool {
        matches!(*self.0, Kind::Exchange { .. })
    }

    /// Whether a value given by the user cannot be used.
    pub fn is_invalid(&self) -> bool {
        matches!(*self.0, Kind::Invalid { .. })
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &*self.0 {
            Kind::Io { doing, source } => write!(f, "{doing}: {source}"),
            Kind::Exchange { doing, source } => {
                write!(f, "{doing}: {source}")?;
                let mut cause = source.source();
                while let Some(deeper) = cause {
                    write!(f, ": {deeper}")?;
                    cause = deeper.source();
                }
                Ok(())
            }
            Kind::Timeout {
                what,
                after,
                location,
                report,
            } => {
                write!(f, "{what} did not happen within {after:?}   {location}")?;
                match report {
                    Some(report) => write!(f, "\n{report}"),
                    None => Ok(()),
                }
            }
            Kind::Invalid { message } => f.write_str(message),
        }
    }
}

impl fmt::Debug for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Error({self})")
    }
}

impl error::Error for Error {
    fn source(&self) -> Option<&(dyn error::Error + 'static)> {
        match &*self.0 {
            Kind::Io { source, .. } => Some(source),
            Kind::Exchange { source, .. } => Some(&**source),
            Kind::Timeout { .. } | Kind::Invalid { .. } => None,
        }
    }
}
