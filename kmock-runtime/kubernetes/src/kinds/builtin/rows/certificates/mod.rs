//! The kinds of the Go package `certificates`.

mod certificate_signing_request;

use crate::kinds::builtin::row::Kind;

pub(super) const KINDS: &[&Kind] = &[&certificate_signing_request::CERTIFICATE_SIGNING_REQUEST];
