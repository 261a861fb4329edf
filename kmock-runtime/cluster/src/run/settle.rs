//! Waiting until nothing moves.

use std::fmt;
use std::future::IntoFuture;
use std::sync::Arc;
use std::time::Duration;

use futures::future::BoxFuture;
use tokio::time::Instant;

use crate::emulator::Cluster;
use crate::explain;
use crate::shared::Shared;

/// How the runner is when it has nothing to do.
#[derive(Debug, Default, Clone)]
pub(crate) struct Rest {
    /// It sleeps.
    pub(crate) idle: bool,
    /// So many things are on their way.
    pub(crate) works: usize,
    /// All up to this revision was taken in.
    pub(crate) revision: u64,
    /// All orders of the test up to this number were taken in.
    pub(crate) orders: u64,
    /// So many looks are held.
    pub(crate) held: usize,
    /// What is on its way, and when it comes.
    pub(crate) waiting: Vec<(Instant, String)>,
}

/// Waits until nothing moves any more: `k.settle().await`.
///
/// Nothing moves when all controllers, the scheduler and the kubelets have nothing to do, nothing is on its way (a
/// container that becomes ready or ends after a while, a back-off, a grace period), and for a moment nobody else
/// changes an object either. In virtual time this takes no time. What is not waited for: deadlines
/// (`progressDeadlineSeconds`, `activeDeadlineSeconds`), schedules, times to live, and containers that crash again and
/// again once their back-off has come to its longest.
///
/// # Panics
/// When it does not settle within its bound, with what still moves and why.
#[must_use = "it waits when it is awaited"]
#[derive(Debug)]
pub struct Settle {
    cluster: Cluster,
    shared: Arc<Shared>,
    bound: Duration,
    quiet: Duration,
}

/// A cluster that did not settle.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Unsettled {
    message: String,
}

impl fmt::Display for Unsettled {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)
    }
}

impl std::error::Error for Unsettled {}

impl Settle {
    pub(crate) fn new(cluster: &Cluster, shared: &Arc<Shared>) -> Settle {
        Settle {
            cluster: cluster.clone(),
            shared: Arc::clone(shared),
            bound: Duration::from_secs(3600),
            quiet: Duration::from_millis(20),
        }
    }

    /// How long to wait at most, by the clock of the runtime: an hour unless said.
    pub fn within(mut self, bound: Duration) -> Settle {
        self.bound = bound;
        self
    }

    /// For how long nothing may happen: 20 milliseconds of the runtime's clock unless said. An operator that takes
    /// longer between two of its steps needs more.
    pub fn quiet_for(mut self, quiet: Duration) -> Settle {
        self.quiet = quiet;
        self
    }

    /// Waits.
    ///
    /// # Errors
    /// What still moves when the time is over.
    pub async fn check(self) -> Result<(), Unsettled> {
        let late = tokio::time::timeout(self.bound, self.calm()).await.is_err();
        if !late {
            return Ok(());
        }
        let rest = self.shared.rest.borrow().clone();
        let mut message = format!("the cluster has not settled within {:?}", self.bound);
        if !rest.idle {
            message.push_str("; it moves all the time: somebody changes objects again and again");
        }
        if rest.held > 0 {
            message.push_str(&format!("\n  held: {} looks of controllers", rest.held));
        }
        let now = Instant::now();
        for (when, what) in &rest.waiting {
            message.push_str(&format!(
                "\n  on its way: {what}, in {:?}",
                when.saturating_duration_since(now)
            ));
        }
        for line in explain::unsettled(&self.cluster, &self.shared) {
            message.push_str("\n  ");
            message.push_str(&line);
        }
        Err(Unsettled { message })
    }

    async fn calm(&self) {
        let mut rest = self.shared.rest.subscribe();
        loop {
            let is_calm = |rest: &Rest| {
                rest.idle
                    && rest.works == 0
                    && rest.orders == self.shared.orders()
                    && rest.revision == self.cluster.store().revision()
            };
            if rest.wait_for(is_calm).await.is_err() {
                // The runner is gone: nothing moves.
                return;
            }
            let before = self.cluster.store().revision();
            tokio::time::sleep(self.quiet).await;
            if self.cluster.store().revision() == before && is_calm(&rest.borrow()) {
                return;
            }
        }
    }
}

impl IntoFuture for Settle {
    type Output = ();
    type IntoFuture = BoxFuture<'static, ()>;

    #[track_caller]
    fn into_future(self) -> Self::IntoFuture {
        let place = std::panic::Location::caller();
        Box::pin(async move {
            if let Err(error) = self.check().await {
                panic!("kmock: {error}\n  at {place}");
            }
        })
    }
}
