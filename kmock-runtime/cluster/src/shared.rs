//! What the handles of a living cluster and its runner share: what was declared, what runs, what is held.

use std::collections::{BTreeMap, VecDeque};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio::sync::watch;

use crate::containers::{Log, Logs, Network, Running, Scripts, VolumeData};
use crate::emulator::kubelet::Probes;
use crate::nodes::NodeSpec;
use crate::run::Rest;
use crate::signing::Sign;
use crate::stages::StageSpec;

/// What the handles and the runner share.
#[derive(Debug)]
pub(crate) struct Shared {
    state: Mutex<Declared>,
    orders: watch::Sender<u64>,
    pub(crate) rest: watch::Sender<Rest>,
    pub(crate) network: Network,
    pub(crate) scripts: Scripts,
    pub(crate) volumes: VolumeData,
    pub(crate) heartbeats: bool,
}

impl Default for Shared {
    fn default() -> Self {
        Self {
            state: Mutex::default(),
            orders: watch::Sender::new(1),
            rest: watch::Sender::new(Rest::default()),
            network: Network::default(),
            scripts: Scripts::default(),
            volumes: VolumeData::default(),
            heartbeats: false,
        }
    }
}

/// Who signs certificates.
#[derive(Clone)]
pub(crate) struct Signer(pub(crate) Sign);

impl std::fmt::Debug for Signer {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Signer(…)")
    }
}

/// What was declared.
#[derive(Debug, Default)]
pub(crate) struct Declared {
    pub(crate) nodes: BTreeMap<String, NodeSpec>,
    pub(crate) stages: Vec<Arc<StageSpec>>,
    pub(crate) usage: Vec<(String, String, String)>,
    /// Metrics of objects, and of what is outside, by their names.
    pub(crate) metrics: BTreeMap<String, String>,
    pub(crate) provisioners: Vec<String>,
    /// Who signs certificates.
    pub(crate) sign: Option<Signer>,
    pub(crate) refusals: VecDeque<String>,
    holds: BTreeMap<String, (usize, usize)>,
    touched: BTreeMap<&'static str, Vec<String>>,
    logs: BTreeMap<(String, String), Logs>,
    /// How the probes of the containers of Pods went, where there were any.
    pub(crate) probes: BTreeMap<String, Vec<Probes>>,
    pub(crate) running: BTreeMap<(String, String), Running>,
}

impl Declared {
    /// The address of a Pod of which something runs.
    pub(crate) fn address_of(&self, pod: &str) -> Option<String> {
        let mut of = self.running.range((pod.to_owned(), String::new())..);
        let ((key, _), running) = of.next()?;
        (key == pod).then(|| running.container.ip().to_owned())
    }
}

impl Shared {
    /// For a cluster whose nodes write their Leases again and again, or do not.
    pub(crate) fn new(heartbeats: bool) -> Shared {
        Shared {
            heartbeats,
            ..Shared::default()
        }
    }

    /// Locked for short: nobody else's code runs meanwhile.
    pub(crate) fn state(&self) -> MutexGuard<'_, Declared> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The number of the newest order.
    pub(crate) fn orders(&self) -> u64 {
        *self.orders.borrow()
    }

    /// Wakes the runner.
    pub(crate) fn order(&self) {
        self.orders.send_modify(|number| *number += 1);
    }

    /// Ends when there is an order after that of a number.
    pub(crate) async fn ordered(&self, after: u64) {
        let mut orders = self.orders.subscribe();
        // The sender lives as long as `self`.
        let _ = orders.wait_for(|number| *number > after).await;
    }

    /// Lets a part look at a key.
    pub(crate) fn touch(&self, part: &'static str, key: &str) {
        self.state()
            .touched
            .entry(part)
            .or_default()
            .push(key.to_owned());
        self.order();
    }

    /// The keys that a part is to look at.
    pub(crate) fn touched(&self, part: &str) -> Vec<String> {
        self.state().touched.remove(part).unwrap_or_default()
    }

    /// Keeps what the API refused; the last hundred of them.
    pub(crate) fn complain(&self, line: String) {
        let mut state = self.state();
        if state.refusals.back() == Some(&line) {
            return;
        }
        if state.refusals.len() >= 100 {
            state.refusals.pop_front();
        }
        state.refusals.push_back(line);
    }

    pub(crate) fn hold(&self, name: &str) {
        self.state().holds.entry(name.to_owned()).or_default().0 += 1;
        self.order();
    }

    pub(crate) fn release(&self, name: &str) {
        {
            let mut state = self.state();
            if let Some(hold) = state.holds.get_mut(name) {
                hold.0 = hold.0.saturating_sub(1);
                if hold.0 == 0 {
                    state.holds.remove(name);
                }
            }
        }
        self.order();
    }

    pub(crate) fn step(&self, name: &str) {
        if let Some(hold) = self.state().holds.get_mut(name) {
            hold.1 += 1;
        }
        self.order();
    }

    /// How many looks a held part may take; `None`: it is not held.
    pub(crate) fn steps(&self, name: &str) -> Option<usize> {
        self.state().holds.get(name).map(|hold| hold.1)
    }

    /// Whether a part may take a look now; that of a held one is counted.
    pub(crate) fn may_go(&self, name: &str) -> bool {
        let mut state = self.state();
        match state.holds.get_mut(name) {
            None => true,
            Some((_, 0)) => false,
            Some((_, steps)) => {
                *steps -= 1;
                true
            }
        }
    }

    pub(crate) fn keep_log(&self, pod: &str, container: &str, logs: Logs) {
        self.state()
            .logs
            .insert((pod.to_owned(), container.to_owned()), logs);
    }

    /// A container runs from now on.
    pub(crate) fn began(&self, pod: &str, running: Running) {
        let name = running.container.name().to_owned();
        let former = self.state().running.insert((pod.to_owned(), name), running);
        drop(former);
    }

    /// A container runs no more.
    pub(crate) fn ended(&self, pod: &str, container: &str) {
        let former = {
            let mut state = self.state();
            state
                .running
                .remove(&(pod.to_owned(), container.to_owned()))
        };
        // It may hold the test's code, which is let go outside of the lock.
        drop(former);
    }

    /// A container that runs.
    pub(crate) fn running(&self, pod: &str, container: &str) -> Option<Running> {
        let state = self.state();
        let key = (pod.to_owned(), container.to_owned());
        state.running.get(&key).cloned()
    }

    /// Counts a probe of a container.
    pub(crate) fn count_probe(
        &self,
        pod: &str,
        container: &str,
        purpose: &'static str,
        is_successful: bool,
    ) {
        let mut state = self.state();
        let all = state.probes.entry(pod.to_owned()).or_default();
        let place = all
            .iter()
            .position(|one| one.container == container && one.purpose == purpose);
        let place = place.unwrap_or_else(|| {
            all.push(Probes {
                container: container.to_owned(),
                purpose,
                ..Probes::default()
            });
            all.len() - 1
        });
        if let Some(one) = all.get_mut(place) {
            one.successful += u64::from(is_successful);
            one.failed += u64::from(!is_successful);
        }
    }

    /// Forgets what a Pod has left: its logs, and how its probes went.
    pub(crate) fn forget_logs(&self, pod: &str) {
        let mut state = self.state();
        state.probes.remove(pod);
        let of = state.logs.range((pod.to_owned(), String::new())..);
        let keys: Vec<_> = of
            .map(|(key, _)| key)
            .take_while(|(known, _)| known == pod)
            .cloned()
            .collect();
        for key in keys {
            state.logs.remove(&key);
        }
    }

    pub(crate) fn log_of(&self, pod: &str, container: &str, previous: bool) -> Option<Arc<Log>> {
        let state = self.state();
        let logs = state.logs.get(&(pod.to_owned(), container.to_owned()))?;
        if previous {
            logs.former.clone()
        } else {
            Some(Arc::clone(&logs.now))
        }
    }
}
