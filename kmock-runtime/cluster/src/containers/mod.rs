//! Containers are code: what an image does, by a script or by a closure.

mod file;
mod handle;
mod image;
mod log;
mod network;

pub(crate) use self::file::declare;
pub use self::handle::{Container, IntoExit};
pub(crate) use self::handle::{Given, Live};
pub use self::image::Image;
pub(crate) use self::image::{Exit, Pull, Ready, Script, Scripts};
pub use self::log::Log;
pub use self::network::Network;

use std::sync::Arc;

/// The logs of one container: of this run, and of the one before.
#[derive(Debug, Clone)]
pub(crate) struct Logs {
    pub(crate) now: Arc<Log>,
    pub(crate) former: Option<Arc<Log>>,
}
