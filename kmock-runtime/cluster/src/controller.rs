//! A controller: which objects it looks at, when, and what it makes of them.

use crate::cache::{Cache, Change};
use crate::emulator::Cluster;
use crate::plan::{Action, Plan};

/// Why a write did not happen.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Refusal {
    /// The HTTP status code.
    pub(crate) code: u16,
    /// The reason, as `Forbidden`.
    pub(crate) reason: String,
    /// The text.
    pub(crate) message: String,
}

impl Refusal {
    /// The object is another one by now, or was there before, or is gone: a new look tells.
    pub(crate) fn is_stale(&self) -> bool {
        matches!(self.code, 404 | 409 | 410)
    }
}

/// One controller. It looks at one object at a time, named by its key, and says what is to be done.
pub(crate) trait Controller: Send {
    /// Its name: that of the resource that it is about.
    fn name(&self) -> &'static str;

    /// What it calls itself in `User-Agent`, and so in `managedFields`.
    fn agent(&self) -> &'static str {
        "kube-controller-manager"
    }

    /// What its events come from.
    fn component(&self) -> &'static str;

    /// Whether a look goes through all that an object owns: then it waits for what is on its way, so that a thousand Pods
    /// are not counted a thousand times.
    fn sums_up(&self) -> bool {
        false
    }

    /// The keys that are to be looked at after a change.
    fn touched(&mut self, change: &Change, cache: &Cache, keys: &mut Vec<String>);

    /// Takes in what happened to objects that the cache does not have; called when anything happened.
    fn poll(&mut self, _cluster: &Cluster, _keys: &mut Vec<String>) {}

    /// A look at one object.
    fn look(&mut self, key: &str, cache: &Cache) -> Plan;

    /// What is to be done when one of its writes was refused for good. By default: nothing but a retry.
    fn refused(
        &mut self,
        _key: &str,
        _action: &Action,
        _refusal: &Refusal,
        _cache: &Cache,
    ) -> Plan {
        Plan::nothing()
    }
}
