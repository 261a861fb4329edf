//! Programs under test that can be started again: as a pod is, when its process ends or is killed.

use std::{
    future::Future,
    sync::{Arc, Mutex, PoisonError, Weak},
    time::Duration,
};

use tokio::task::AbortHandle;

use crate::{
    core::Core,
    mock::KMock,
    programs::{Operator, Running, Slot},
    user_code::panic_text,
};

/// How long a program is away before it is started again.
const AWAY: Duration = Duration::from_secs(1);
/// How often a program that ends by itself is started again; more is a loop of crashes.
const MOST_STARTS: usize = 100;

impl KMock {
    /// Runs a program that is a client of this server, and starts it again when it ends, panics, or is killed:
    /// by [`Operator::restart`], or by a sweep. It gets the server's URL.
    ///
    /// The program is what its future holds: what it leaves to tasks of its own lives on when it is killed, so keep
    /// them in a `JoinSet`.
    ///
    /// ```no_run
    /// # async fn example(k: kmock_runtime::KMock) {
    /// let poller = k.program(|url| async move {
    ///     loop {
    ///         let _ = reqwest::get(&url).await;
    ///         tokio::time::sleep(std::time::Duration::from_secs(10)).await;
    ///     }
    /// });
    /// poller.restart();
    /// # }
    /// ```
    ///
    /// # Panics
    /// Outside of a tokio runtime.
    pub fn program<F, Fut>(&self, run: F) -> Operator
    where
        F: Fn(String) -> Fut + Send + Sync + 'static,
        Fut: Future + Send + 'static,
    {
        let url = self.url();
        self.supervise(move || {
            let running = run(url.clone());
            Box::pin(async move {
                running.await;
            })
        })
    }

    /// Runs an operator built with kube-rs, and starts it again when it ends, panics, or is killed: by
    /// [`Operator::restart`], or by a sweep. It gets a client of this server, a new one at each start.
    ///
    /// The operator is what its future holds: what it leaves to tasks of its own lives on when it is killed.
    ///
    /// # Panics
    /// Outside of a tokio runtime.
    #[cfg(feature = "kube")]
    pub fn operator<F, Fut>(&self, run: F) -> Operator
    where
        F: Fn(kube::Client) -> Fut + Send + Sync + 'static,
        Fut: Future + Send + 'static,
    {
        let (config, connector) = (self.kube_config(), self.intercepting());
        self.supervise(move || {
            let running = run(crate::cluster::client_of(config.clone(), connector.clone()));
            Box::pin(async move {
                running.await;
            })
        })
    }

    fn supervise(&self, make: impl Fn() -> Running + Send + Sync + 'static) -> Operator {
        let core = self.core();
        let slot = Arc::new(Slot {
            make: Box::new(make),
            state: Mutex::default(),
        });
        core.operators.add(Arc::clone(&slot));
        let (weak, supervised) = (Arc::downgrade(core), Arc::clone(&slot));
        core.background.tasks.spawn(supervise(weak, supervised));
        Operator(slot)
    }
}

/// Aborts a task when its supervisor goes.
struct AbortOnDrop(AbortHandle);

impl Drop for AbortOnDrop {
    fn drop(&mut self) {
        self.0.abort();
    }
}

async fn supervise(core: Weak<Core>, slot: Arc<Slot>) {
    loop {
        let task = tokio::spawn((slot.make)());
        let _guard = AbortOnDrop(task.abort_handle());
        {
            let mut state = slot.state.lock().unwrap_or_else(PoisonError::into_inner);
            state.starts += 1;
            state.task = Some(task.abort_handle());
            if state.stopped || state.starts > MOST_STARTS {
                task.abort();
            }
        }
        let ended = task.await;
        let (stopped, starts) = {
            let state = slot.state.lock().unwrap_or_else(PoisonError::into_inner);
            (state.stopped, state.starts)
        };
        let Some(core) = core.upgrade() else { return };
        if let Err(ended) = ended
            && let Ok(panic) = ended.try_into_panic()
        {
            core.error(format!("the program panicked: {}", panic_text(&*panic)));
        }
        if stopped {
            return;
        }
        if starts > MOST_STARTS {
            core.error(format!(
                "the program ended {starts} times: it is not started again"
            ));
            return;
        }
        drop(core);
        tokio::time::sleep(AWAY).await;
    }
}
