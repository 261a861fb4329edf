//! The emulated Kubernetes API below the rules: the only room that names it. The others know a [`Backend`] and a [`Dialect`].

mod criteria;
mod emulator;
mod histories;
#[cfg(feature = "kube")]
mod kube;
mod webhooks;
mod words;

use std::sync::Arc;

use crate::{
    backend::{Backend, Dialect},
    criteria::{Filter, FilterError},
    mock::Builder,
};

/// What answers below the rules of a server.
pub(crate) fn backend(options: &Builder) -> Option<Arc<dyn Backend>> {
    (!options.raw).then(|| emulator::start(options))
}

/// A filter in Kubernetes' notation: a verb in lower case, and what follows it. `None`: these are not its words.
#[track_caller]
pub(crate) fn filter(verb: &str, rest: &str) -> Result<Option<Filter>, FilterError> {
    criteria::parse(verb, rest)
}

/// The dialect of reports.
pub(crate) fn dialect() -> Option<&'static dyn Dialect> {
    Some(&words::Kubernetes)
}
