//! What tests do to the connections of a server.

#[cfg(unix)]
use std::path::{Path, PathBuf};

use crate::{error::Error, mock::KMock};

impl KMock {
    /// Cuts all connections at once, as a server does that is killed and started again: clients that keep them for later
    /// find them closed. New ones are served.
    ///
    /// ```no_run
    /// # async fn example(k: kmock_runtime::KMock) {
    /// k.disconnect();
    /// # }
    /// ```
    pub fn disconnect(&self) {
        self.core().connections.cut();
    }

    /// Goes away: all connections are cut, and new ones are refused, until [`KMock::come_back`]. Rules and the journal stay.
    ///
    /// ```no_run
    /// # async fn example(k: kmock_runtime::KMock) -> Result<(), kmock_runtime::Error> {
    /// k.go_away()?;
    /// assert!(k.get("/").send().await.is_err());
    /// k.come_back()?;
    /// assert_eq!(k.get("/").await.status(), 200);
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    /// When the port cannot be kept for later, or the server was shut down.
    pub fn go_away(&self) -> Result<(), Error> {
        self.at_the_door(|server| server.door().shut())?;
        self.disconnect();
        Ok(())
    }

    /// Listens again, at the same address. Nothing happens where it does already.
    ///
    /// # Errors
    /// When the port was taken meanwhile, or the server was shut down.
    pub fn come_back(&self) -> Result<(), Error> {
        self.at_the_door(|server| server.door().open_again())
    }

    /// Listens on a Unix socket, too, and says where: a file in the temporary directory that goes with the server.
    ///
    /// ```no_run
    /// # async fn example(k: kmock_runtime::KMock) -> Result<(), Box<dyn std::error::Error>> {
    /// let socket = k.unix_socket()?;
    /// std::process::Command::new("curl").arg("--unix-socket").arg(socket).arg("http://x/").spawn()?;
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    /// When no socket can be made there.
    #[cfg(unix)]
    pub fn unix_socket(&self) -> Result<PathBuf, Error> {
        let name = format!(
            "kmock-{}-{}.sock",
            std::process::id(),
            self.address().port()
        );
        let path = std::env::temp_dir().join(name);
        if !path.exists() {
            self.listen_on_unix_socket(&path)?;
        }
        Ok(path)
    }

    /// Listens on this Unix socket, too. Its file goes with the server.
    ///
    /// # Errors
    /// When there is such a file already, or none can be made.
    #[cfg(unix)]
    pub fn listen_on_unix_socket(&self, path: impl AsRef<Path>) -> Result<(), Error> {
        self.at_the_door(|server| server.door().also_at(path.as_ref()))
    }
}
