//! The kubeconfig that points clients at the server.

use std::{
    fs, io,
    path::{Path, PathBuf},
};

/// A kubeconfig file; one that nobody asked for by name goes with the server.
pub(crate) struct File {
    path: PathBuf,
    temporary: bool,
}

impl File {
    pub(crate) fn write(asked: Option<PathBuf>, text: &str, port: u16) -> io::Result<File> {
        let temporary = asked.is_none();
        let path =
            asked.unwrap_or_else(|| std::env::temp_dir().join(format!("kmock-{port}.kubeconfig")));
        fs::write(&path, text)?;
        Ok(File { path, temporary })
    }

    pub(crate) fn path(&self) -> &Path {
        &self.path
    }
}

impl Drop for File {
    fn drop(&mut self) {
        if self.temporary {
            // If somebody removed it already, all the better.
            let _ = fs::remove_file(&self.path);
        }
    }
}
