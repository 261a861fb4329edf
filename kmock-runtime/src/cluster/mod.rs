//! The emulated Kubernetes API below the rules: the only room that names it. The others know a [`Backend`] and a [`Dialect`].

pub(crate) mod access;
mod criteria;
mod emulator;
#[cfg(feature = "cluster")]
mod exec;
mod extensions;
mod failures;
mod histories;
mod in_process;
#[cfg(feature = "kube")]
mod kube;
mod kubelets;
#[cfg(feature = "cluster")]
mod life;
#[cfg(feature = "tls")]
mod tokens;
mod webhooks;
mod words;

#[cfg(feature = "kube")]
pub(crate) use self::kube::client_of;

use std::sync::Arc;

use crate::{
    backend::{Backend, Dialect},
    error::Error,
    options::Builder,
};

pub(crate) use self::criteria::asked as filter;
pub use self::failures::Failure;
#[doc(inline)]
pub use kmock_kubernetes as kubernetes;

/// What answers below the rules of a server.
pub(crate) fn backend(options: &Builder) -> Result<Option<Arc<dyn Backend>>, Error> {
    match (&options.backend, options.raw) {
        (Some(backend), _) => Ok(Some(Arc::clone(backend))),
        (None, true) => Ok(None),
        (None, false) => emulator::start(options).map(Some),
    }
}

/// The dialect of reports.
pub(crate) fn dialect() -> Option<&'static dyn Dialect> {
    Some(&words::Kubernetes)
}
