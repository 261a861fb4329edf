//! The codes of gRPC's statuses.

use std::fmt;

macro_rules! codes {
    ($($number:literal $(#[$default:ident])? $name:ident $written:literal $what:literal;)*) => {
        /// How a call ends (the status codes of gRPC).
        #[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
        pub enum Code {
            $(
                #[doc = $what]
                $(#[$default])?
                $name = $number,
            )*
        }

        impl Code {
            /// As it is written: `NOT_FOUND`.
            pub fn name(self) -> &'static str {
                match self {
                    $(Code::$name => $written,)*
                }
            }
        }
    };
}

codes! {
    0 #[default] Ok "OK" "No error.";
    1 Cancelled "CANCELLED" "The caller went away.";
    2 Unknown "UNKNOWN" "An error of another kind.";
    3 InvalidArgument "INVALID_ARGUMENT" "The message cannot be right, whatever the state.";
    4 DeadlineExceeded "DEADLINE_EXCEEDED" "It took too long.";
    5 NotFound "NOT_FOUND" "There is no such thing.";
    6 AlreadyExists "ALREADY_EXISTS" "There is one already.";
    7 PermissionDenied "PERMISSION_DENIED" "The caller may not.";
    8 ResourceExhausted "RESOURCE_EXHAUSTED" "Out of quota, or of room.";
    9 FailedPrecondition "FAILED_PRECONDITION" "Not in this state.";
    10 Aborted "ABORTED" "A conflict; try the whole again.";
    11 OutOfRange "OUT_OF_RANGE" "Beyond the end.";
    12 Unimplemented "UNIMPLEMENTED" "There is no such method.";
    13 Internal "INTERNAL" "Something is broken.";
    14 Unavailable "UNAVAILABLE" "Not now; try again.";
    15 DataLoss "DATA_LOSS" "Data is lost.";
    16 Unauthenticated "UNAUTHENTICATED" "Nobody knows the caller.";
}

impl Code {
    /// The number.
    pub fn number(self) -> u8 {
        self as u8
    }
}

impl fmt::Display for Code {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}
