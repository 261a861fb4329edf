//! Containers are code: what an image does, by a script or by a closure.

mod commands;
mod file;
mod handle;
mod image;
mod io;
mod log;
mod network;
mod plain;
mod program;
mod shell;
mod system;
mod tar;
mod token;
mod volumes;

pub use self::commands::Commands;
pub(crate) use self::commands::{Command, carry_out, panic_text};
pub(crate) use self::file::declare;
pub use self::handle::{Container, IntoExit};
pub(crate) use self::handle::{Given, Live};
pub use self::image::Image;
pub(crate) use self::image::{Exit, Pull, Ready, Script, Scripts};
pub use self::io::{Input, Io};
pub use self::log::Log;
pub use self::network::Network;
pub(crate) use self::plain::plain;
pub(crate) use self::program::{Program, is_known, program};
pub(crate) use self::system::Resources;
pub(crate) use self::token::Token;
pub(crate) use self::volumes::{Mount, VolumeData, is_limited};

use std::sync::Arc;

/// The logs of one container: of this run, and of the one before.
#[derive(Debug, Clone)]
pub(crate) struct Logs {
    pub(crate) now: Arc<Log>,
    pub(crate) former: Option<Arc<Log>>,
}

/// A container that runs, for those who talk to it.
#[derive(Clone)]
pub(crate) struct Running {
    pub(crate) container: Container,
    pub(crate) command: Option<Command>,
    /// It is a plain command: it knows the others.
    pub(crate) is_plain: bool,
    /// It is code.
    pub(crate) has_code: bool,
    pub(crate) log: Arc<Log>,
}

impl std::fmt::Debug for Running {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        self.container.fmt(f)
    }
}
