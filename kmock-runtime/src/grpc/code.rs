//! The codes of gRPC's statuses.

use std::fmt;

use kmock_notation::GRPC_CODES;

/// How a call ends (the status codes of gRPC).
///
/// ```
/// # use kmock_runtime as kmock;
/// use kmock::grpc::Code;
///
/// assert_eq!((Code::NotFound.number(), Code::NotFound.name()), (5, "NOT_FOUND"));
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum Code {
    /// No error.
    #[default]
    Ok = 0,
    /// The caller went away.
    Cancelled = 1,
    /// An error of another kind.
    Unknown = 2,
    /// The message cannot be right, whatever the state.
    InvalidArgument = 3,
    /// It took too long.
    DeadlineExceeded = 4,
    /// There is no such thing.
    NotFound = 5,
    /// There is one already.
    AlreadyExists = 6,
    /// The caller may not.
    PermissionDenied = 7,
    /// Out of quota, or of room.
    ResourceExhausted = 8,
    /// Not in this state.
    FailedPrecondition = 9,
    /// A conflict; try the whole again.
    Aborted = 10,
    /// Beyond the end.
    OutOfRange = 11,
    /// There is no such method.
    Unimplemented = 12,
    /// Something is broken.
    Internal = 13,
    /// Not now; try again.
    Unavailable = 14,
    /// Data is lost.
    DataLoss = 15,
    /// Nobody knows the caller.
    Unauthenticated = 16,
}

impl Code {
    /// The number.
    pub fn number(self) -> u8 {
        self as u8
    }

    /// As it is written: `NOT_FOUND`.
    pub fn name(self) -> &'static str {
        GRPC_CODES[usize::from(self.number())]
    }
}

impl fmt::Display for Code {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_those_of_the_variants() {
        for code in [
            Code::Ok,
            Code::Cancelled,
            Code::Unknown,
            Code::InvalidArgument,
            Code::DeadlineExceeded,
            Code::NotFound,
            Code::AlreadyExists,
            Code::PermissionDenied,
            Code::ResourceExhausted,
            Code::FailedPrecondition,
            Code::Aborted,
            Code::OutOfRange,
            Code::Unimplemented,
            Code::Internal,
            Code::Unavailable,
            Code::DataLoss,
            Code::Unauthenticated,
        ] {
            let variant = format!("{code:?}").to_uppercase();
            assert_eq!(code.name().replace('_', ""), variant, "{}", code.number());
        }
    }
}
