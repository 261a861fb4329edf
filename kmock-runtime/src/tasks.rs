//! What goes on beside the test, and ends with its server.

use std::{
    future::Future,
    sync::{Mutex, PoisonError},
};

use tokio::task::JoinSet;

/// What goes on: the connections with their tunnels and WebSockets, or what is beside them, as async sinks. It ends with the
/// server.
#[derive(Debug)]
pub(crate) struct Tasks(Mutex<Option<JoinSet<()>>>);

impl Tasks {
    pub(crate) fn new() -> Tasks {
        Tasks(Mutex::new(Some(JoinSet::new())))
    }

    pub(crate) fn spawn(&self, task: impl Future<Output = ()> + Send + 'static) {
        let mut tasks = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(tasks) = tasks.as_mut() {
            while tasks.try_join_next().is_some() {}
            tasks.spawn(task);
        }
    }

    /// Ends all that goes on now; more may come.
    pub(crate) fn cut(&self) {
        let mut tasks = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(tasks) = tasks.as_mut() {
            tasks.abort_all();
        }
    }

    pub(crate) fn stop(&self) {
        let tasks = {
            let mut tasks = self.0.lock().unwrap_or_else(PoisonError::into_inner);
            tasks.take()
        };
        drop(tasks);
    }
}
