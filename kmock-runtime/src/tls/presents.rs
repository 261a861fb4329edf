//! What a connection is shown, beside what the server shows to all.

use crate::tls::{Certificate, Version};

/// What a connection is shown.
#[derive(Clone, Debug, Default)]
pub(crate) struct Presents {
    pub(crate) certificate: Certificate,
    pub(crate) version: Option<Version>,
}
