//! No emulator was compiled in.

use std::sync::Arc;

use crate::{
    backend::{Backend, Dialect},
    criteria::Filter,
    error::Error,
    location::Location,
    options::Builder,
};

/// Nothing answers below the rules.
pub(crate) fn backend(options: &Builder) -> Result<Option<Arc<dyn Backend>>, Error> {
    Ok(options.backend.clone())
}

/// No notation but HTTP's.
pub(crate) fn filter(
    _verb: Option<&'static str>,
    _resource: Option<(&str, kmock_notation::Resource)>,
    _location: Location,
) -> Option<Filter> {
    None
}

/// Requests are spoken of in HTTP's words.
pub(crate) fn dialect() -> Option<&'static dyn Dialect> {
    None
}
