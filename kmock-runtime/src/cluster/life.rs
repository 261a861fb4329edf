//! A cluster that lives below the rules: the words of `kmock-cluster` on the server.

use kmock_cluster::{Hold, Image, Life, Node, Parts, Stage};
use kmock_kubernetes::Cluster;

use super::emulator::Emulator;
use crate::{
    mock::KMock,
    options::{Builder, Controllers},
};

/// The life of a server's cluster, if it is to have one.
///
/// # Panics
/// When a part is named that there is not: the test's own mistake.
#[track_caller]
pub(super) fn of(cluster: &Cluster, options: &Builder) -> Option<Life> {
    let mut parts = match &options.controllers {
        Controllers::All => Parts::all(),
        Controllers::Some(names) | Controllers::Only(names) => match Parts::only(names) {
            Ok(parts) => parts,
            Err(error) => panic!("kmock: {error}"),
        },
        Controllers::None | Controllers::Cleaning => return None,
    };
    parts.heartbeats = options.heartbeats;
    let life = Life::new(cluster, &parts);
    if options.nodes > 0 {
        life.node(&format!("node-{{1..={}}}", options.nodes));
    }
    #[cfg(feature = "tls")]
    {
        let tls = options.tls.clone().unwrap_or_default();
        life.sign_with(move |to_sign| {
            let authority = tls.made_authority().map_err(|error| error.to_string())?;
            let signed = authority.sign(&to_sign.request, &to_sign.usages, to_sign.lifetime);
            signed.map_err(|error| error.to_string())
        });
    }
    Some(life)
}

/// What cleans up beside the garbage collector: claims and volumes that nobody uses lose what protects them.
pub(super) fn cleaning(cluster: &Cluster, options: &Builder) -> Option<Life> {
    if options.controllers != Controllers::Cleaning {
        return None;
    }
    let parts = Parts::only(["pvc-protection", "pv-protection"]).ok()?;
    Some(Life::new(cluster, &parts))
}

/// A cluster that lives: [`Builder::cluster`], `#[kmock::test(cluster)]`.
impl KMock {
    /// The life of the cluster below the rules.
    ///
    /// # Panics
    /// When it does not live.
    #[track_caller]
    pub fn life(&self) -> &Life {
        match self
            .backend::<Emulator>()
            .and_then(|emulator| emulator.life.as_ref())
        {
            Some(life) => life,
            None => panic!(
                "kmock: the cluster of this server does not live: write `#[kmock::test(cluster)]`, or `.cluster()` when it is built"
            ),
        }
    }

    /// Declares a node, or several: `worker-{1..=3}`. See [`Life::node`].
    ///
    /// # Panics
    /// When the cluster does not live.
    #[track_caller]
    pub fn node(&self, names: &str) -> Node {
        self.life().node(names)
    }

    /// Says what the containers of some images do. See [`Life::image`].
    ///
    /// # Panics
    /// When the cluster does not live.
    #[track_caller]
    pub fn image(&self, pattern: &str) -> Image {
        self.life().image(pattern)
    }

    /// Says what becomes of the objects of a custom kind. See [`Life::stage`].
    ///
    /// # Panics
    /// When the cluster does not live.
    #[track_caller]
    pub fn stage(&self, resource: &str) -> Stage {
        self.life().stage(resource)
    }

    /// Stops a controller, the scheduler or the kubelets until the hold is dropped. See [`Life::hold`].
    ///
    /// # Panics
    /// When the cluster does not live, or there is none of the name.
    #[track_caller]
    pub fn hold(&self, name: &str) -> Hold {
        self.life().hold(name)
    }

    /// How an object is and what it waits for, down to its Pods and their logs. See [`Life::explain`].
    ///
    /// # Panics
    /// When the cluster does not live.
    #[track_caller]
    pub fn explain(&self, resource: &str, key: &str) -> String {
        self.life().explain(resource, key)
    }
}
