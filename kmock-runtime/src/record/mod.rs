//! Recordings: what another server has answered, kept to be read, to be replayed, and to be compared with what it answers later.
//!
//! A rule with [`record`](crate::Rule::record) passes requests on and keeps what comes back. [`KMock::recording`](crate::KMock::recording)
//! collects it: as an HTTP Archive (HAR 1.2), or as a block of `kmock!` that can be pasted into a test. Secrets are replaced on
//! the way, and what differs from one time to the next anyway is left out of the block.

mod block;
mod drift;
mod entry;
mod har;
mod mock;
mod replay;
mod secrets;

use std::path::{Path, PathBuf};

pub use self::{
    drift::{Drift, DriftCheck, Drifts},
    entry::Entry,
};
use crate::{error::Error, reply::Exchange};

/// What was asked and answered, in order.
///
/// ```
/// # use kmock_runtime as kmock;
/// use kmock::record::Recording;
///
/// let har = r#"{"log": {"version": "1.2", "entries": [{
///     "request": {"method": "GET", "url": "http://api.example.com/users/7", "headers": []},
///     "response": {"status": 200, "headers": [{"name": "content-type", "value": "application/json"}],
///                  "content": {"mimeType": "application/json", "text": "{\"id\":7}"}}}]}}"#;
/// let recording = Recording::from_har(har)?;
/// assert_eq!(recording.block(), "kmock! { k,\n    GET \"/users/7\" => { \"id\": 7 };\n}\n");
/// # Ok::<(), kmock_runtime::Error>(())
/// ```
#[derive(Clone, Debug, Default)]
pub struct Recording {
    entries: Vec<Entry>,
}

impl Recording {
    fn new(mut exchanges: Vec<Exchange>) -> Recording {
        exchanges.sort_by_key(|exchange| exchange.request().id());
        let entries = exchanges.iter().map(Entry::of).collect();
        Recording {
            entries: secrets::without(entries),
        }
    }

    /// The exchanges.
    pub fn entries(&self) -> &[Entry] {
        &self.entries
    }

    /// As an HTTP Archive (HAR 1.2): a text of JSON.
    pub fn har(&self) -> String {
        har::write(&self.entries)
    }

    /// Reads an HTTP Archive, of this or of another tool: Chrome, Firefox, mitmproxy, Playwright, …
    ///
    /// # Errors
    /// When it is none, with what is wrong with it.
    pub fn from_har(text: &str) -> Result<Recording, Error> {
        let entries = har::read(text, None)?;
        Ok(Recording { entries })
    }

    /// Reads a file; bodies that are files of their own (as Playwright has them) are looked for beside it.
    ///
    /// # Errors
    /// When it cannot be read, or is no HTTP Archive.
    pub fn from_file(path: impl AsRef<Path>) -> Result<Recording, Error> {
        let path = path.as_ref();
        let shown = path.display();
        let text = std::fs::read_to_string(path)
            .map_err(|error| Error::io(format!("the recording {shown}"), error))?;
        let entries = har::read(&text, path.parent())
            .map_err(|error| Error::invalid(format!("the recording {shown}: {error}")))?;
        Ok(Recording { entries })
    }

    /// As a block of `kmock!`, ready to be pasted into a test: equal exchanges once, ids that repeat as captures.
    pub fn block(&self) -> String {
        block::write(&self.entries)
    }

    /// Writes `NAME.har` and `NAME.rs`, the block; `NAME` may have either of the two endings already.
    ///
    /// # Errors
    /// When one of the files cannot be written.
    pub fn write(&self, name: impl AsRef<Path>) -> Result<(), Error> {
        let [har, block] = files(name.as_ref());
        for (path, text) in [(har, self.har()), (block, self.block())] {
            std::fs::write(&path, text)
                .map_err(|error| Error::io(format!("cannot write {}", path.display()), error))?;
        }
        Ok(())
    }
}

/// The two files of a name. Dots in it are its own, but for the endings of these files.
fn files(name: &Path) -> [PathBuf; 2] {
    let ours = name
        .extension()
        .is_some_and(|ending| ending == "har" || ending == "rs");
    let stem = match ours {
        true => name.with_extension(""),
        false => name.to_owned(),
    };
    ["har", "rs"].map(|ending| {
        let mut path = stem.clone().into_os_string();
        path.push(".");
        path.push(ending);
        PathBuf::from(path)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn dots_in_names_of_files_stay() {
        for (name, har) in [
            ("api", "api.har"),
            ("a/api.v1", "a/api.v1.har"),
            ("api.har", "api.har"),
            ("api.rs", "api.har"),
        ] {
            assert_eq!(files(Path::new(name))[0], Path::new(har));
        }
    }
}
