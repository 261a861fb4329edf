//! The kubeconfig that points clients at the server.

use std::{
    fs,
    hash::{BuildHasher, RandomState},
    io::{self, Write},
    path::{Path, PathBuf},
};

/// The first line of each file: what has it may be written anew.
const MARK: &str = "# written by kmock serve\n";

/// How many names are tried for a temporary file.
const TRIES: usize = 8;

/// A kubeconfig file; one that nobody asked for by name goes with the server.
pub(crate) struct File {
    path: PathBuf,
    temporary: bool,
}

impl File {
    /// Writes it where it was asked for, or where nobody can guess. What is there already and is of somebody else stays:
    /// clusters and credentials of real life are in such files.
    pub(crate) fn write(asked: Option<PathBuf>, text: &str, port: u16) -> Result<File, String> {
        let text = format!("{MARK}{text}");
        if let Some(path) = asked {
            let failed = |error: io::Error| {
                format!("cannot write the kubeconfig {}: {error}", path.display())
            };
            match fs::read_to_string(&path) {
                Ok(there) if !there.is_empty() && !there.starts_with(MARK) => {
                    return Err(format!(
                        "--kubeconfig {}: there is a file already that kmock has not written; choose another name, or remove it",
                        path.display()
                    ));
                }
                Ok(_) => fs::remove_file(&path).map_err(failed)?,
                Err(error) if error.kind() == io::ErrorKind::NotFound => {}
                Err(error) => return Err(failed(error)),
            }
            create(&path, &text).map_err(failed)?;
            let temporary = false;
            return Ok(File { path, temporary });
        }
        let mut last = None;
        for _ in 0..TRIES {
            let random = RandomState::new().hash_one(port);
            let name = format!("kmock-{port}-{random:016x}.kubeconfig");
            let path = std::env::temp_dir().join(name);
            match create(&path, &text) {
                Ok(()) => {
                    let temporary = true;
                    return Ok(File { path, temporary });
                }
                Err(error) => last = Some((path, error)),
            }
        }
        Err(match last {
            Some((path, error)) => {
                format!("cannot write the kubeconfig {}: {error}", path.display())
            }
            None => "cannot write the kubeconfig".to_owned(),
        })
    }

    pub(crate) fn path(&self) -> &Path {
        &self.path
    }
}

/// A new file that only its owner may read. What is there is not followed and not overwritten.
fn create(path: &Path, text: &str) -> io::Result<()> {
    let mut options = fs::OpenOptions::new();
    options.write(true).create_new(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    options.open(path)?.write_all(text.as_bytes())
}

impl Drop for File {
    fn drop(&mut self) {
        if self.temporary {
            // If somebody removed it already, all the better.
            let _ = fs::remove_file(&self.path);
        }
    }
}
