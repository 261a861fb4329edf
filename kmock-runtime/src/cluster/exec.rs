//! Commands in containers by rules: what `kubectl exec` and `api.exec` get, whether anything runs or not.

use std::sync::Arc;

use kmock_cluster::{Commands, IntoExit, Io};

use super::emulator::opened;
use crate::{
    reply::{Reply, Source},
    rules::Rule,
};

impl Reply {
    /// The streams of a command in a container, over WebSockets or SPDY as its client speaks them: see [`Rule::exec`].
    pub fn exec<F, Fut>(self, code: F) -> Reply
    where
        F: Fn(Vec<String>, Io) -> Fut + Send + Sync + 'static,
        Fut: Future<Output: IntoExit> + Send + 'static,
    {
        let commands = Commands::new(code);
        self.with(Source::Answered(Arc::new(move |request| {
            opened(commands.answer(request.to_http()))
        })))
    }
}

impl Rule {
    /// Runs a command in a container that need not be there: the function has its arguments and its streams, and returns an exit
    /// code, as for [an image](kmock_cluster::Image::exec). Who attaches has no arguments. `io.container()` has the names that were asked
    /// for.
    ///
    /// Clients ask by `GET` over WebSockets, and by `POST` over SPDY; a request that asks for neither is a 400.
    ///
    /// ```no_run
    /// # use kmock_runtime as kmock;
    /// # async fn example(k: kmock_runtime::KMock) {
    /// use kmock::Filter;
    ///
    /// let exec = k.on(Filter::resource("v1/pods/exec")).exec(async |command, io| {
    ///     io.write(format!("{}: {}\n", io.container().pod()["metadata"]["name"], command.join(" "))).await;
    ///     if command[0] == "true" { 0 } else { 1 }
    /// });
    /// // … the client runs its command …
    /// assert_eq!(exec.count(), 1);
    /// # }
    /// ```
    pub fn exec<F, Fut>(self, code: F) -> Rule
    where
        F: Fn(Vec<String>, Io) -> Fut + Send + Sync + 'static,
        Fut: Future<Output: IntoExit> + Send + 'static,
    {
        self.replying(|reply| reply.exec(code))
    }
}
