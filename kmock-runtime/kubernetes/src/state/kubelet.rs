//! What answers for the nodes of a cluster, where something runs on them.

use std::fmt;

use bytes::Bytes;
use futures::future::BoxFuture;
use http::{Request, Response};
use jiff::Timestamp;
use serde_json::Value;
use tokio::sync::{mpsc, watch};

use super::cluster::ApiBody;
use super::takeover::Connection;

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

/// Where the output of a process goes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Output {
    /// Its standard output; with a terminal, errors come here, too.
    Out,
    /// Its standard errors.
    Err,
}

/// The size of a terminal, in characters.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct TerminalSize {
    /// The columns.
    pub width: u16,
    /// The rows.
    pub height: u16,
}

/// What a process in a container is joined to: the client of an `exec` or an `attach`.
#[derive(Debug)]
pub struct Streams {
    /// What the client sends; it ends where the client closes it. `None`: nothing is sent.
    pub stdin: Option<mpsc::UnboundedReceiver<Bytes>>,
    /// What goes to the client; what nobody asked for is dropped there.
    pub output: mpsc::Sender<(Output, Bytes)>,
    /// Whether the client has a terminal.
    pub tty: bool,
    /// Its size, once it has said it.
    pub size: watch::Receiver<Option<TerminalSize>>,
}

/// How a process ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Exit {
    /// With a code.
    Code(i32),
    /// It could not be started.
    Failed(String),
}

/// What a container uses.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Usage {
    /// The container.
    pub container: String,
    /// Of the processor, in thousandths of a core.
    pub cpu: u64,
    /// Of memory, in bytes.
    pub memory: u64,
    /// Of the disk by its own files, in bytes: those that are in no volume.
    pub files: u64,
    /// Of the disk by its log, in bytes.
    pub log: u64,
}

/// How the probes of a container went so far.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Probes {
    /// The container.
    pub container: String,
    /// What they are for: `Startup`, `Readiness`, `Liveness`.
    pub purpose: &'static str,
    /// How many went well.
    pub successful: u64,
    /// How many did not.
    pub failed: u64,
}

/// A process that runs as long as it is polled.
pub type Process = BoxFuture<'static, Exit>;

/// The kubelets of all nodes, as the API server speaks to them. Pods are named `namespace/name`.
pub trait Kubelet: fmt::Debug + Send + Sync {
    /// The log of a container of a Pod; `None`: it has not run.
    fn log(&self, pod: &str, options: &LogOptions) -> Option<ApiBody>;

    /// Runs a command in a container.
    ///
    /// # Errors
    /// The container does not run.
    fn exec(
        &self,
        pod: &str,
        container: &str,
        command: Vec<String>,
        streams: Streams,
    ) -> Result<Process, String>;

    /// Joins the process that a container is.
    ///
    /// # Errors
    /// The container does not run.
    fn attach(&self, pod: &str, container: &str, streams: Streams) -> Result<Process, String>;

    /// Serves a connection at a port of a Pod, until either side ends it. The error: nobody listens there.
    fn connect(
        &self,
        pod: &str,
        port: u16,
        connection: Connection,
    ) -> BoxFuture<'static, Result<(), String>>;

    /// What the containers of a Pod use, in the order of its spec.
    fn usage(&self, pod: &Value) -> Vec<Usage>;

    /// How much is in the volumes that a Pod has to itself (`emptyDir`), in bytes, in the order of its spec.
    fn volumes(&self, pod: &Value) -> Vec<(String, u64)>;

    /// What the configuration of the kubelet of a node has of its own, as fields of `KubeletConfiguration`; without a name, that of any.
    fn configuration(&self, node: Option<&str>) -> Value;

    /// How the probes of the containers of a Pod went.
    fn probes(&self, pod: &str) -> Vec<Probes>;

    /// Asks over HTTP what is served at an address of a Pod; `None`: the connection is refused.
    fn ask(
        &self,
        ip: &str,
        port: u16,
        request: Request<Bytes>,
    ) -> BoxFuture<'static, Option<Response<ApiBody>>>;
}
