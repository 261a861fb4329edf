//! What answers for the nodes of a cluster, where something runs on them.

use std::fmt;

use jiff::Timestamp;

use super::cluster::ApiBody;

/// Which part of a container's log is asked for: `PodLogOptions`.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct LogOptions {
    /// The container.
    pub container: String,
    /// Of the run before this one.
    pub previous: bool,
    /// And all that comes.
    pub follow: bool,
    /// A time before each line.
    pub timestamps: bool,
    /// Only what was written from then on.
    pub since: Option<Timestamp>,
    /// Only so many of the last lines.
    pub tail: Option<usize>,
    /// Only so many of the first bytes.
    pub limit: Option<usize>,
}

/// The kubelets of all nodes, as the API server speaks to them.
pub trait Kubelet: fmt::Debug + Send + Sync {
    /// The log of a container of a Pod (`namespace/name`); `None`: it has not run.
    fn log(&self, pod: &str, options: &LogOptions) -> Option<ApiBody>;
}
