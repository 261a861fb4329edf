//! How a server is to be: what a test says of it before it starts.

use std::{
    net::{IpAddr, Ipv4Addr, SocketAddr},
    sync::Arc,
};

use crate::{backend::Backend, gatekeeper::Gatekeeper, hostnames::Hostnames, location::Location};

/// Which controllers a server has; see [`Builder::controllers`].
///
/// ```no_run
/// # use kmock_runtime as kmock;
/// # async fn example() -> Result<(), kmock::Error> {
/// use kmock::{Controllers, KMock};
///
/// let bare = KMock::builder().controllers(Controllers::None).start().await?;
/// # Ok(())
/// # }
/// ```
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub enum Controllers {
    /// None: a bare API server.
    #[default]
    None,
    /// Those that clean up.
    Cleaning,
    /// Some parts of a living cluster, by their names.
    #[cfg(feature = "cluster")]
    Some(Vec<String>),
    /// Some parts of a living cluster and nothing else: what cleans up is left to others, such as a kube-controller-manager
    /// that runs against the server.
    #[cfg(feature = "cluster")]
    Only(Vec<String>),
    /// All parts of a living cluster.
    #[cfg(feature = "cluster")]
    All,
}

impl From<bool> for Controllers {
    fn from(cleaning: bool) -> Controllers {
        if cleaning {
            Controllers::Cleaning
        } else {
            Controllers::None
        }
    }
}

#[cfg(feature = "cluster")]
impl<const N: usize> From<[&str; N]> for Controllers {
    fn from(names: [&str; N]) -> Controllers {
        Controllers::Some(names.map(str::to_owned).into())
    }
}

/// The options of a server to be started.
///
/// ```no_run
/// # use kmock_runtime as kmock;
/// # async fn example() -> Result<(), kmock::Error> {
/// use kmock::KMock;
///
/// let k = KMock::builder().strict(true).seed(7).hostnames(["example.com"]).start().await?;
/// # Ok(())
/// # }
/// ```
#[derive(Clone, Debug)]
#[must_use = "a server is started by `.start().await`"]
pub struct Builder {
    pub(crate) listen: SocketAddr,
    pub(crate) strict: bool,
    pub(crate) raw: bool,
    pub(crate) limit: Option<usize>,
    pub(crate) body_limit: usize,
    pub(crate) journal_limit: usize,
    pub(crate) seed: u64,
    pub(crate) controllers: Controllers,
    pub(crate) nodes: usize,
    pub(crate) heartbeats: bool,
    pub(crate) authentication: bool,
    pub(crate) rbac: bool,
    pub(crate) admission: Vec<String>,
    pub(crate) every_path: bool,
    pub(crate) guarded: bool,
    pub(crate) keep: Option<usize>,
    pub(crate) history: Option<usize>,
    pub(crate) revision: Option<u64>,
    pub(crate) kubernetes_version: Option<String>,
    pub(crate) hostnames: Hostnames,
    pub(crate) requests_per_connection: Option<usize>,
    #[cfg(feature = "http2")]
    pub(crate) http2: crate::connections::Http2,
    #[cfg(feature = "tls")]
    pub(crate) tls: Option<crate::tls::Tls>,
    pub(crate) location: Location,
    /// Whether the clock of the test is virtual.
    pub(crate) paused: bool,
    /// What answers below the rules, where that is not a cluster of its own.
    pub(crate) backend: Option<Arc<dyn Backend>>,
    /// What stands before the rules.
    pub(crate) gatekeeper: Option<Arc<dyn Gatekeeper>>,
}

impl Default for Builder {
    #[track_caller]
    fn default() -> Builder {
        Builder {
            listen: SocketAddr::new(IpAddr::V4(Ipv4Addr::LOCALHOST), 0),
            strict: false,
            raw: false,
            limit: None,
            body_limit: 64 << 20,
            journal_limit: 1 << 20,
            seed: 0,
            controllers: Controllers::default(),
            nodes: 0,
            heartbeats: false,
            authentication: false,
            rbac: false,
            admission: Vec::new(),
            every_path: false,
            guarded: false,
            keep: None,
            history: None,
            revision: None,
            kubernetes_version: None,
            hostnames: Hostnames::default(),
            requests_per_connection: None,
            #[cfg(feature = "http2")]
            http2: crate::connections::Http2::default(),
            #[cfg(feature = "tls")]
            tls: None,
            location: Location::caller(),
            paused: false,
            backend: None,
            gatekeeper: None,
        }
    }
}

impl Builder {
    /// Listens on this port of the loopback; 0, the default, is any free one.
    pub fn port(mut self, port: u16) -> Builder {
        self.listen.set_port(port);
        self
    }

    /// Listens on this address: the only way to be reachable from elsewhere than the loopback.
    pub fn listen(mut self, address: SocketAddr) -> Builder {
        self.listen = address;
        self
    }

    /// Unexpected requests and errors of the test's own code fail the test.
    pub fn strict(mut self, strict: bool) -> Builder {
        self.strict = strict;
        self
    }

    /// No Kubernetes API below the rules.
    pub fn raw(mut self, raw: bool) -> Builder {
        self.raw = raw;
        self
    }

    /// How many requests the server answers before it refuses with 429: a guard against endless loops.
    pub fn limit(mut self, requests: usize) -> Builder {
        self.limit = Some(requests);
        self
    }

    /// The largest request body in bytes, 64 MiB unless said; larger ones get a 413.
    pub fn body_limit(mut self, bytes: usize) -> Builder {
        self.body_limit = bytes;
        self
    }

    /// What the server tells clients of HTTP/2.
    #[cfg(feature = "http2")]
    pub fn http2(mut self, settings: crate::connections::Http2) -> Builder {
        self.http2 = settings;
        self
    }

    /// How many requests there are on a connection: with the answer to the last one it ends, by `connection: close` on
    /// HTTP/1.1 and by GOAWAY on HTTP/2. At least one.
    pub fn requests_per_connection(mut self, most: usize) -> Builder {
        self.requests_per_connection = Some(most.max(1));
        self
    }

    /// How much of each body the journal keeps, 1 MiB unless said, and 256 times that in all. Rules and closures
    /// always see whole bodies; [`KMock::requests`](crate::KMock::requests), views and reports see what is kept.
    pub fn journal_limit(mut self, bytes: usize) -> Builder {
        self.journal_limit = bytes;
        self
    }

    /// How many requests the server remembers: all unless said, which is right for a test. Of a server that runs for days, the
    /// oldest are forgotten, at the server and at its rules; reports say so, and counts stay right. So many errors and notes are
    /// remembered, too.
    pub fn keep(mut self, requests: usize) -> Builder {
        self.keep = Some(requests.max(1));
        self
    }

    /// How many changes of each Kubernetes resource are kept at least, 100,000 unless said: for watches and lists from former
    /// versions, and for the histories of objects. What is older expires as if it was compacted (410).
    pub fn history(mut self, changes: usize) -> Builder {
        self.history = Some(changes);
        self
    }

    /// The resource version at which the Kubernetes API starts, 100 unless said: a server that takes the place of another
    /// goes on from there, so that clients see that theirs are old.
    pub fn revision(mut self, revision: u64) -> Builder {
        self.revision = Some(revision);
        self
    }

    /// What `/version` says, e.g. `v1.31.4`, for clients that go by it. What is emulated stays the same.
    pub fn kubernetes_version(mut self, version: impl Into<String>) -> Builder {
        self.kubernetes_version = Some(version.into());
        self
    }

    /// The seed of everything that looks random: uids, name suffixes, jitter.
    pub fn seed(mut self, seed: u64) -> Builder {
        self.seed = seed;
        self
    }

    /// Hostnames that the server stands for: `example.com`, `example.com:8080`, `*.local`, `~.*\\.local` (a regular
    /// expression), `10.20.30.40`. Clients find it there by `KMock::connector`, `KMock::resolver`, or
    /// [`KMock::proxy_url`](crate::KMock::proxy_url).
    ///
    /// # Panics
    /// When one of them is no such thing; the message points at the caller.
    #[track_caller]
    pub fn hostnames<H: AsRef<str>>(mut self, hostnames: impl IntoIterator<Item = H>) -> Builder {
        for hostname in hostnames {
            if let Err(error) = self.hostnames.push(hostname.as_ref()) {
                panic!("kmock: {error}");
            }
        }
        self
    }

    /// Which controllers there are. `true`: those that clean up, as in a real cluster: objects whose owners are gone
    /// (ownerReferences), the contents of deleted namespaces, and with the feature `cluster` claims and volumes that are
    /// deleted and not used. Without them, the Kubernetes API is a bare API server,
    /// in which a deleted namespace stays `Terminating`. With the feature `cluster`, also some parts of a cluster that
    /// lives, by their names: `["deployments", "replicasets"]`; they imply those that clean up.
    pub fn controllers(mut self, controllers: impl Into<Controllers>) -> Builder {
        self.controllers = controllers.into();
        self
    }

    /// The cluster lives: all controllers, a scheduler, and a kubelet for each node that is declared
    /// ([docs/cluster.md](https://github.com/kmock/kmock/blob/main/docs/cluster.md)).
    #[cfg(feature = "cluster")]
    pub fn cluster(self) -> Builder {
        self.controllers(Controllers::All)
    }

    /// The cluster lives, and has so many nodes to begin with: `node-1`, `node-2`…
    #[cfg(feature = "cluster")]
    pub fn nodes(mut self, count: usize) -> Builder {
        if !matches!(
            self.controllers,
            Controllers::Some(_) | Controllers::Only(_)
        ) {
            self.controllers = Controllers::All;
        }
        self.nodes = count;
        self
    }

    /// Nodes renew their Leases all the time, for outside programs that look at them; in virtual time it would keep the
    /// clock running.
    #[cfg(feature = "cluster")]
    pub fn heartbeats(mut self, heartbeats: bool) -> Builder {
        self.heartbeats = heartbeats;
        self
    }

    /// Everybody has to say who they are: without credentials one is `system:anonymous`, and tokens that nobody knows are
    /// 401. Off, whoever does not say who they are is the administrator.
    pub fn authentication(mut self, authentication: bool) -> Builder {
        self.authentication = authentication;
        self
    }

    /// RBAC decides who may what, by the roles and bindings of the Kubernetes API, and everybody has to say who they are.
    /// `KMock::rbac` does the same later, with roles.
    pub fn rbac(mut self, rbac: bool) -> Builder {
        self.rbac = rbac;
        self
    }

    /// Admission plugins that run beside those that always do, as `kube-apiserver --enable-admission-plugins`:
    /// `ServiceAccount` (Pods run as accounts that are there, with their tokens), `NodeRestriction` (kubelets write only what is
    /// theirs). The server does not start with others.
    pub fn admission(mut self, plugins: impl IntoIterator<Item = impl Into<String>>) -> Builder {
        self.admission.extend(plugins.into_iter().map(Into::into));
        self
    }

    /// The Kubernetes API answers whatever no rule does, on every path, as an API server does; otherwise only on the
    /// paths of an API server, and the rest is a 404 that explains which rule was nearest.
    pub fn every_path(mut self, every: bool) -> Builder {
        self.every_path = every;
        self
    }

    /// The Kubernetes API refuses what browser pages of other sites ask for (403): by `Origin`, Fetch Metadata, and, on the
    /// loopback, a `Host` that is no name of this machine. For servers that run for long, as `kmock serve` does; not said of
    /// rules.
    pub fn guarded(mut self, guarded: bool) -> Builder {
        self.guarded = guarded;
        self
    }
}
