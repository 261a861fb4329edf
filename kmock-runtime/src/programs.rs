//! Programs that run beside a test and can be started again, as pods are.

use std::{
    fmt,
    future::Future,
    pin::Pin,
    sync::{Arc, Mutex, PoisonError},
};

use tokio::task::AbortHandle;

pub(crate) type Running = Pin<Box<dyn Future<Output = ()> + Send>>;

/// The programs of one server.
#[derive(Debug, Default)]
pub(crate) struct Operators(Mutex<Vec<Arc<Slot>>>);

impl Operators {
    pub(crate) fn add(&self, slot: Arc<Slot>) {
        self.0
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .push(slot);
    }

    /// Whether there is any.
    pub(crate) fn any(&self) -> bool {
        !self
            .0
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .is_empty()
    }

    /// Ends all of them where they are; they are started again.
    pub(crate) fn crash(&self) {
        for slot in self.0.lock().unwrap_or_else(PoisonError::into_inner).iter() {
            slot.abort();
        }
    }
}

pub(crate) struct Slot {
    pub(crate) make: Box<dyn Fn() -> Running + Send + Sync>,
    pub(crate) state: Mutex<SlotState>,
}

#[derive(Debug, Default)]
pub(crate) struct SlotState {
    pub(crate) task: Option<AbortHandle>,
    pub(crate) starts: usize,
    pub(crate) stopped: bool,
}

impl fmt::Debug for Slot {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.state.fmt(f)
    }
}

impl Slot {
    fn abort(&self) {
        let task = self
            .state
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .task
            .take();
        if let Some(task) = task {
            task.abort();
        }
    }
}

/// A program that runs beside the test, on its runtime, until the server is gone: see [`KMock::program`](crate::KMock::program).
///
/// Dropping the handle leaves the program alone.
///
/// ```no_run
/// # use kmock_runtime as kmock;
/// # async fn example(k: kmock::KMock) {
/// let operator = k.program(|url| async move { println!("{:?}", reqwest::get(url).await) });
/// operator.restart();
/// # }
/// ```
#[derive(Clone, Debug)]
pub struct Operator(pub(crate) Arc<Slot>);

impl Operator {
    /// Kills the program where it is; a second later it is started again, as a pod's container is.
    pub fn restart(&self) {
        self.0.abort();
    }

    /// Kills the program for good.
    pub fn stop(&self) {
        self.0
            .state
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .stopped = true;
        self.0.abort();
    }

    /// How often it was started.
    pub fn starts(&self) -> usize {
        self.0
            .state
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .starts
    }
}
