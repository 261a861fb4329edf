//! One emulated cluster: its resources, its objects, its clock. It is state and nothing else: its doors are made in
//! [`doors`](crate::doors).

use std::any::{Any, TypeId};
use std::collections::BTreeMap;
use std::fmt;
use std::sync::{Arc, Mutex, PoisonError, RwLock};
use std::time::Duration;

use bytes::Bytes;
use futures::stream::BoxStream;
use jiff::Timestamp;
use serde_json::Value;

use crate::model::resource::ResourceKey;
use crate::model::view::View;
use crate::state::access::Access;
use crate::state::change::Reactor;
use crate::state::kubelet::Kubelet;
use crate::state::registry::{BuiltIns, Registry};
use crate::state::store::Store;
use crate::state::takeover::Takeover;
use crate::state::webhooks::Webhooks;

/// The body of an answer.
pub enum ApiBody {
    /// All of it.
    Full(Bytes),
    /// A stream of chunks, e.g. a watch: one event per chunk.
    Stream(BoxStream<'static, Bytes>),
    /// What the connection speaks from here on: the answer is a 101, and whoever has the socket hands it over.
    Upgrade(Takeover),
}

impl fmt::Debug for ApiBody {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Full(bytes) => f.debug_tuple("Full").field(bytes).finish(),
            Self::Stream(_) => f.write_str("Stream(…)"),
            Self::Upgrade(takeover) => takeover.fmt(f),
        }
    }
}

/// The clock of a cluster: what `creationTimestamp` and its like show.
#[derive(Clone)]
pub struct Clock(Arc<dyn Fn() -> Timestamp + Send + Sync>);

impl Clock {
    /// A clock of one's own.
    pub fn new(now: impl Fn() -> Timestamp + Send + Sync + 'static) -> Self {
        Self(Arc::new(now))
    }

    /// A clock that starts at `start` and goes as tokio's does: under paused time it follows virtual time.
    pub fn starting_at(start: Timestamp) -> Self {
        let origin = tokio::time::Instant::now();
        Self::new(move || {
            let elapsed: Duration = tokio::time::Instant::now().saturating_duration_since(origin);
            start.checked_add(elapsed).unwrap_or(start)
        })
    }

    /// The time.
    pub fn now(&self) -> Timestamp {
        (self.0)()
    }
}

impl Default for Clock {
    fn default() -> Self {
        Self::starting_at(Timestamp::now())
    }
}

impl fmt::Debug for Clock {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Clock({})", self.now())
    }
}

/// How a cluster behaves.
#[derive(Debug, Clone)]
pub struct ClusterOptions {
    /// The seed of uids and of generated names' suffixes: the same seed gives the same cluster to the byte.
    pub seed: u64,
    /// The clock; by default real time at the start, going on as tokio's.
    pub clock: Option<Clock>,
    /// The revision at which the cluster starts.
    pub revision: u64,
    /// So many events of each resource are kept at least: for watches from former versions, lists at former versions,
    /// and [`Objects::history`](crate::Objects::history). Older ones expire.
    pub history: usize,
    /// Emulates the controllers that clean up: the garbage collector (ownerReferences, `foregroundDeletion`, `orphan`)
    /// and the namespace controller (a deleted namespace loses its objects, then itself). Off, the cluster is a bare
    /// API server: a deleted namespace stays `Terminating` until somebody finalizes it.
    pub controllers: bool,
    /// What `/version` says, e.g. `v1.31.4`; by default the version whose answers are emulated.
    pub version: Option<String>,
    /// One has to say who one is: without credentials one is `system:anonymous`, and unknown tokens are 401. Off,
    /// whoever does not say who they are is the administrator.
    pub authentication: bool,
    /// RBAC decides who may what, and one has to say who one is. Off, everybody may do everything.
    pub rbac: bool,
    /// The certificate (PEM) of the authority that signed the server's: what `kube-root-ca.crt` has, Secrets with tokens and,
    /// as the authority of clients, `kube-system/extension-apiserver-authentication`. Without one it is that of nobody.
    pub root_certificate: Option<String>,
}

impl Default for ClusterOptions {
    fn default() -> Self {
        Self {
            seed: 0,
            clock: None,
            revision: 100,
            history: 100_000,
            controllers: false,
            version: None,
            authentication: false,
            rbac: false,
            root_certificate: None,
        }
    }
}

/// An emulated cluster. Cloning is cheap and gives another handle to the same cluster.
#[derive(Clone)]
pub struct Cluster {
    shared: Arc<Shared>,
}

struct Shared {
    options: ClusterOptions,
    clock: Clock,
    started: Timestamp,
    random: Mutex<u64>,
    store: Store,
    registry: Registry,
    access: Access,
    kubelet: RwLock<Option<Arc<dyn Kubelet>>>,
    reactors: Vec<Box<dyn Reactor>>,
    webhooks: Webhooks,
    rooms: Rooms,
}

/// What the parts of the server keep for themselves, by type.
#[derive(Default)]
struct Rooms(Mutex<BTreeMap<TypeId, Arc<dyn Any + Send + Sync>>>);

impl fmt::Debug for Cluster {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Cluster")
            .field("revision", &self.shared.store.revision())
            .finish_non_exhaustive()
    }
}

impl Cluster {
    /// An empty cluster: these resources are served, and these act when something is written.
    #[doc(hidden)]
    pub fn bare(
        options: ClusterOptions,
        built_ins: &'static BuiltIns,
        reactors: Vec<Box<dyn Reactor>>,
    ) -> Self {
        let clock = options.clock.clone().unwrap_or_default();
        let cluster = Self {
            shared: Arc::new(Shared {
                started: clock.now(),
                clock,
                random: Mutex::new(options.seed),
                store: Store::new(options.revision, options.history),
                registry: Registry::new(built_ins),
                access: Access::default(),
                kubelet: RwLock::default(),
                reactors,
                webhooks: Webhooks::default(),
                rooms: Rooms::default(),
                options,
            }),
        };
        if let Some(pem) = &cluster.options().root_certificate {
            cluster.access().set_root_certificate(pem);
        }
        if cluster.options().authentication {
            cluster.access().authenticate();
        }
        if cluster.options().rbac {
            cluster.access().enforce_rbac();
        }
        cluster
    }

    /// The options that it was made with.
    pub fn options(&self) -> &ClusterOptions {
        &self.shared.options
    }

    /// What tells this cluster from others, and is the same for all handles to it.
    pub fn identity(&self) -> usize {
        Arc::as_ptr(&self.shared) as usize
    }

    /// The objects.
    #[doc(hidden)]
    pub fn store(&self) -> &Store {
        &self.shared.store
    }

    /// The resources.
    #[doc(hidden)]
    pub fn registry(&self) -> &Registry {
        &self.shared.registry
    }

    /// Who is known, and what decides what they may.
    pub fn access(&self) -> &Access {
        &self.shared.access
    }

    /// What answers for the nodes, if something runs on them.
    pub fn kubelet(&self) -> Option<Arc<dyn Kubelet>> {
        self.shared
            .kubelet
            .read()
            .unwrap_or_else(PoisonError::into_inner)
            .clone()
    }

    /// Says what answers for the nodes.
    pub fn set_kubelet(&self, kubelet: Option<Arc<dyn Kubelet>>) {
        let mut known = self
            .shared
            .kubelet
            .write()
            .unwrap_or_else(PoisonError::into_inner);
        let former = std::mem::replace(&mut *known, kubelet);
        drop(known);
        drop(former);
    }

    /// Who acts when something is written, in this order.
    pub(super) fn reactors(&self) -> &[Box<dyn Reactor>] {
        &self.shared.reactors
    }

    /// The webhooks: who answers the reviews that admission and conversion send.
    pub fn webhooks(&self) -> &Webhooks {
        &self.shared.webhooks
    }

    /// What a part of the server keeps for itself, made when it is first asked for.
    pub(crate) fn room<T: Default + Send + Sync + 'static>(&self) -> Arc<T> {
        let mut rooms = self
            .shared
            .rooms
            .0
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        let room = rooms
            .entry(TypeId::of::<T>())
            .or_insert_with(|| Arc::new(T::default()));
        // It is kept under its own type, so that there always is one.
        Arc::clone(room).downcast().unwrap_or_default()
    }

    /// The time.
    pub fn now(&self) -> Timestamp {
        self.shared.clock.now()
    }

    /// When it was made, by its own clock.
    pub fn started(&self) -> Timestamp {
        self.shared.started
    }

    /// The next number of the cluster's seeded sequence (splitmix64).
    pub fn random(&self) -> u64 {
        let mut state = self
            .shared
            .random
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        *state = state.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = *state;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    /// The next uid of the sequence: a version 4 UUID.
    pub fn next_uid(&self) -> String {
        let (a, b) = (self.random(), self.random());
        let (a, b) = ((a & !0xf000) | 0x4000, (b & !(3 << 62)) | (2 << 62));
        let both = u128::from(a) << 64 | u128::from(b);
        let mut text = String::with_capacity(36);
        for at in 0..32 {
            if matches!(at, 8 | 12 | 16 | 20) {
                text.push('-');
            }
            let digit = (both >> (124 - 4 * at)) as u8 & 0xf;
            text.push(char::from(b"0123456789abcdef"[usize::from(digit)]));
        }
        text
    }

    /// Makes everything before the newest revision unreadable: continue tokens, lists and watches from there expire.
    pub fn compact(&self) {
        let store = self.store();
        store.compact(store.revision());
    }

    /// Closes the watches of one resource, or all.
    pub fn drop_watches(&self, resource: Option<&ResourceKey>) {
        self.store().drop_subscriptions(resource);
    }

    /// Sends a bookmark to the watches that allow them, of one resource or of all.
    pub fn bookmark_now(&self, resource: Option<&ResourceKey>) {
        self.store().bookmark(resource);
    }

    /// Holds back the events of watches, of one resource or of all, until [`Cluster::resume_watches`].
    pub fn pause_watches(&self, resource: Option<&ResourceKey>) {
        self.store().pause(resource, true);
    }

    /// Lets the events go on.
    pub fn resume_watches(&self, resource: Option<&ResourceKey>) {
        self.store().pause(resource, false);
    }
}

impl View for Cluster {
    fn get(&self, resource: &ResourceKey, key: &str) -> Option<Arc<Value>> {
        let found = self.store().get(resource, key)?;
        Some(found.value.shared())
    }

    fn list(&self, resource: &ResourceKey) -> Vec<Arc<Value>> {
        let found = self.store().list(resource, "").objects;
        found.iter().map(|object| object.value.shared()).collect()
    }

    fn random(&self) -> u64 {
        Cluster::random(self)
    }

    fn next_uid(&self) -> String {
        Cluster::next_uid(self)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_same_seed_gives_the_same_uids() {
        let (a, b) = (Cluster::default(), Cluster::default());
        let uid = a.next_uid();
        assert_eq!(uid, b.next_uid());
        assert_eq!(uid.len(), 36);
        assert_eq!(&uid[14..15], "4");
    }
}
