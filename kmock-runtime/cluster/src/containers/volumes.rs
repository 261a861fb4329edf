//! What is written into volumes: it outlives the containers that see it, and is seen by all of them.

use std::collections::BTreeMap;
use std::sync::{Mutex, MutexGuard, PoisonError};

use bytes::Bytes;

use crate::json::Json;
use crate::object::items;

/// A folder of a container that is a volume.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Mount {
    /// Where the container sees it, without a slash at the end.
    pub(crate) at: String,
    /// Whose data it shows: the same name is the same data.
    pub(crate) volume: String,
    /// Which part of the volume it is; empty: all of it.
    pub(crate) sub: String,
    /// Nothing is written there.
    pub(crate) is_read_only: bool,
}

impl Mount {
    /// The path within the volume of a path of the container; `None`: it is elsewhere.
    fn inside(&self, path: &str) -> Option<String> {
        let rest = path.strip_prefix(&self.at)?;
        if !rest.is_empty() && !rest.starts_with('/') {
            return None;
        }
        let joined = format!("{}/{}", self.sub, rest.trim_start_matches('/'));
        Some(joined.trim_matches('/').to_owned())
    }
}

/// The data of all volumes, by their names.
#[derive(Debug, Default)]
pub(crate) struct VolumeData(Mutex<BTreeMap<String, BTreeMap<String, Bytes>>>);

impl VolumeData {
    fn all(&self) -> MutexGuard<'_, BTreeMap<String, BTreeMap<String, Bytes>>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The innermost mount that a path is in, and where.
    fn place<'a>(mounts: &'a [Mount], path: &str) -> Option<(&'a str, String)> {
        let found = mounts
            .iter()
            .filter_map(|one| Some((one, one.inside(path)?)));
        let (mount, inside) = found.max_by_key(|(one, _)| one.at.len())?;
        Some((&mount.volume, inside))
    }

    /// Whether a path is in a volume that nothing is written into; `None`: it is in none.
    pub(crate) fn is_read_only(mounts: &[Mount], path: &str) -> Option<bool> {
        let found = mounts.iter().filter(|one| one.inside(path).is_some());
        found
            .max_by_key(|one| one.at.len())
            .map(|one| one.is_read_only)
    }

    pub(crate) fn read(&self, mounts: &[Mount], path: &str) -> Option<Bytes> {
        let (volume, inside) = Self::place(mounts, path)?;
        self.all().get(volume)?.get(&inside).cloned()
    }

    /// Writes, if the path is in a volume; otherwise the content comes back.
    pub(crate) fn write(&self, mounts: &[Mount], path: &str, content: Bytes) -> Result<(), Bytes> {
        let Some((volume, inside)) = Self::place(mounts, path) else {
            return Err(content);
        };
        let mut all = self.all();
        all.entry(volume.to_owned())
            .or_default()
            .insert(inside, content);
        Ok(())
    }

    /// Writes into a volume by its name.
    pub(crate) fn put(&self, volume: &str, path: String, content: Bytes) {
        let mut all = self.all();
        let files = all.entry(volume.to_owned()).or_default();
        files.insert(path, content);
    }

    /// How much is in a volume, in bytes.
    pub(crate) fn size(&self, volume: &str) -> usize {
        let all = self.all();
        all.get(volume)
            .map_or(0, |files| files.values().map(Bytes::len).sum())
    }

    /// Whether there was such a file.
    pub(crate) fn remove(&self, mounts: &[Mount], path: &str) -> bool {
        let found = Self::place(mounts, path);
        found.is_some_and(|(volume, inside)| {
            let mut all = self.all();
            all.get_mut(volume)
                .is_some_and(|files| files.remove(&inside).is_some())
        })
    }

    /// The files that a container sees of its volumes, by its own paths.
    pub(crate) fn paths(&self, mounts: &[Mount]) -> Vec<String> {
        let all = self.all();
        let mut paths = Vec::new();
        for mount in mounts {
            for inside in all.get(&mount.volume).into_iter().flat_map(BTreeMap::keys) {
                let rest = match mount.sub.as_str() {
                    "" => Some(inside.as_str()),
                    sub if inside == sub => Some(""),
                    sub => inside
                        .strip_prefix(sub)
                        .and_then(|rest| rest.strip_prefix('/')),
                };
                paths.extend(rest.map(|rest| {
                    let path = format!("{}/{rest}", mount.at);
                    path.trim_end_matches('/').to_owned()
                }));
            }
        }
        paths
    }

    /// Drops the volumes whose names begin so.
    pub(crate) fn forget(&self, begin: &str) {
        self.all().retain(|name, _| !name.starts_with(begin));
    }
}

/// Whether anything of what a Pod writes is limited.
pub(crate) fn is_limited(pod: &Json) -> bool {
    const RESOURCE: &str = "ephemeral-storage";
    let spec = &pod["spec"];
    let has_limit = |of: &Json| !of["resources"]["limits"][RESOURCE].is_null();
    items(&spec["volumes"]).any(|volume| !volume["emptyDir"]["sizeLimit"].is_null())
        || has_limit(spec)
        || items(&spec["containers"]).any(has_limit)
        || items(&spec["initContainers"]).any(has_limit)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn mount(at: &str, volume: &str, sub: &str) -> Mount {
        Mount {
            at: at.to_owned(),
            volume: volume.to_owned(),
            sub: sub.to_owned(),
            is_read_only: false,
        }
    }

    #[test]
    fn a_volume_is_seen_wherever_it_is_mounted() {
        let volumes = VolumeData::default();
        let writer = [mount("/out", "pod/1/data", "")];
        let readers = [
            mount("/in", "pod/1/data", "sub"),
            mount("/in/deep", "pod/1/other", ""),
        ];
        assert_eq!(volumes.write(&writer, "/out/sub/a", "1".into()), Ok(()));
        assert_eq!(volumes.write(&readers, "/in/b", "2".into()), Ok(()));
        assert_eq!(volumes.write(&readers, "/in/deep/c", "3".into()), Ok(()));
        assert_eq!(
            volumes.write(&writer, "/outside", "4".into()),
            Err("4".into())
        );
        assert_eq!(volumes.read(&readers, "/in/a"), Some("1".into()));
        assert_eq!(volumes.read(&writer, "/out/sub/b"), Some("2".into()));
        assert_eq!(volumes.read(&writer, "/out/sub/deep/c"), None);
        assert_eq!(volumes.paths(&writer), ["/out/sub/a", "/out/sub/b"]);
        assert_eq!(volumes.paths(&readers), ["/in/a", "/in/b", "/in/deep/c"]);
        assert!(volumes.remove(&writer, "/out/sub/a") && !volumes.remove(&writer, "/out/sub/a"));
        volumes.forget("pod/1/");
        assert!(volumes.paths(&readers).is_empty());
    }

    #[test]
    fn one_file_of_a_volume_is_mounted() {
        let volumes = VolumeData::default();
        let whole = [mount("/all", "node/a", "")];
        let one = [mount("/etc/one.conf", "node/a", "conf/one")];
        assert_eq!(volumes.write(&whole, "/all/conf/one", "1".into()), Ok(()));
        assert_eq!(volumes.read(&one, "/etc/one.conf"), Some("1".into()));
        assert_eq!(volumes.paths(&one), ["/etc/one.conf"]);
    }
}
