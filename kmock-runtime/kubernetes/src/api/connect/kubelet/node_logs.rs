//! `/logs/`: what stands below `/var/log` of a node. Here these are the logs of its containers, in the form of the interface of
//! container runtimes, as those who ship logs read them.
//!
//! Names: `BuildPodLogsDirectory` and `LogSymlink` of `pkg/kubelet/kuberuntime`; lists of folders: Go's `net/http`.

use std::collections::BTreeMap;
use std::sync::Arc;

use super::measured::statuses;
use super::{Asked, PLAIN, plainly};
use crate::api::reply::{Body, Reply};
use crate::state::cluster::ApiBody;
use crate::state::kubelet::LogOptions;
use crate::state::store::StoredObject;

const FOLDER: &str = "text/html; charset=utf-8";
/// What is there, also while nothing runs.
const ALWAYS: [&str; 2] = ["containers", "pods"];

/// A file: the log of one run of a container.
struct File {
    pod: Arc<StoredObject>,
    options: LogOptions,
}

/// Answers for a path below `/var/log`.
pub(super) fn answer(asked: &Asked<'_>, path: &str) -> Reply {
    let files = files(asked);
    let inner = path.trim_matches('/');
    if let Some(file) = files.get(inner) {
        return match asked.kubelet.log(file.pod.key(), &file.options) {
            Some(ApiBody::Full(text)) => {
                let text = in_runtime_form(&String::from_utf8_lossy(&text));
                Reply::new(200, Body::Raw(PLAIN, text.into()))
            }
            _ => plainly(404, "404 page not found"),
        };
    }
    let begin = match inner {
        "" => String::new(),
        inner => format!("{inner}/"),
    };
    let mut names: Vec<String> = files
        .keys()
        .filter_map(|file| {
            Some(match file.strip_prefix(&begin)?.split_once('/') {
                Some((folder, _)) => format!("{folder}/"),
                None => file.strip_prefix(&begin)?.to_owned(),
            })
        })
        .collect();
    if inner.is_empty() {
        names.extend(ALWAYS.map(|name| format!("{name}/")));
    } else if names.is_empty() && !ALWAYS.contains(&inner) {
        return plainly(404, "404 page not found");
    }
    names.sort_unstable();
    names.dedup();
    let lines: String = names
        .iter()
        .map(|name| format!("<a href=\"{name}\">{name}</a>\n"))
        .collect();
    let text = format!(
        "<!doctype html>\n<meta name=\"viewport\" content=\"width=device-width\">\n<pre>\n{lines}</pre>\n"
    );
    Reply::new(200, Body::Raw(FOLDER, text.into()))
}

/// All files, by their paths.
fn files(asked: &Asked<'_>) -> BTreeMap<String, File> {
    let mut all = BTreeMap::new();
    for pod in asked.all() {
        let (namespace, name, uid) = (pod.namespace(), pod.name(), pod.uid());
        for status in statuses(&pod.value) {
            let container = status["name"].as_str().unwrap_or_default();
            let id = status["containerID"].as_str().unwrap_or_default();
            let Some((_, id)) = id.split_once("://") else {
                continue;
            };
            let runs = status["restartCount"].as_u64().unwrap_or_default();
            let former = runs.checked_sub(1).map(|number| (number, true));
            for (number, previous) in former.into_iter().chain([(runs, false)]) {
                let options = LogOptions {
                    container: container.to_owned(),
                    timestamps: true,
                    previous,
                    ..LogOptions::default()
                };
                if asked.kubelet.log(pod.key(), &options).is_none() {
                    continue;
                }
                let mut put = |path: String| {
                    let (pod, options) = (Arc::clone(&pod), options.clone());
                    all.insert(path, File { pod, options });
                };
                put(format!(
                    "pods/{namespace}_{name}_{uid}/{container}/{number}.log"
                ));
                if !previous {
                    put(format!(
                        "containers/{name}_{namespace}_{container}-{id}.log"
                    ));
                }
            }
        }
    }
    all
}

/// Lines with their times, as a runtime writes them: to where they went, and whether they have an end.
fn in_runtime_form(text: &str) -> String {
    text.split_inclusive('\n')
        .map(|line| {
            let tag = if line.ends_with('\n') { 'F' } else { 'P' };
            let (time, said) = line.split_once(' ').unwrap_or((line, ""));
            let said = said.trim_end_matches('\n');
            format!("{time} stdout {tag} {said}\n")
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_have_a_stream_and_a_tag() {
        let text = "2026-01-01T00:00:00.000000000Z hello you\n2026-01-01T00:00:01.000000000Z open";
        assert_eq!(
            in_runtime_form(text),
            "2026-01-01T00:00:00.000000000Z stdout F hello you\n2026-01-01T00:00:01.000000000Z stdout P open\n"
        );
        assert_eq!(in_runtime_form(""), "");
    }
}
