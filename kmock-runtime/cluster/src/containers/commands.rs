//! Commands in containers: what the code of a test makes of them, in containers that run, and where nothing does.

use std::fmt;
use std::panic::AssertUnwindSafe;
use std::sync::Arc;

use bytes::Bytes;
use futures::FutureExt;
use futures::future::BoxFuture;
use http::{Request, Response};
use tokio::sync::mpsc;

use super::{Container, Given, IntoExit, Io, Live, Log};
use crate::emulator::kubelet::{Exit, Output, Streams};
use crate::emulator::{ApiBody, Clock, connect};
use crate::json::json;
use crate::shared::Shared;

/// What a command in a container is.
pub(crate) type Command = Arc<dyn Fn(Vec<String>, Io) -> BoxFuture<'static, i32> + Send + Sync>;

/// A function of a test as one.
pub(crate) fn command<F, Fut>(code: F) -> Command
where
    F: Fn(Vec<String>, Io) -> Fut + Send + Sync + 'static,
    Fut: Future<Output: IntoExit> + Send + 'static,
{
    Arc::new(move |arguments, io: Io| {
        let errors = io.errors();
        let running = code(arguments, io);
        async move {
            let mut told = Vec::new();
            let exit = running.await.into_exit(&mut |why| told.push(why));
            for why in told {
                errors.write(why).await;
            }
            exit
        }
        .boxed()
    })
}

/// Carries one out. A panic is told where its errors go.
pub(crate) async fn carry_out(
    code: &Command,
    arguments: Vec<String>,
    io: Io,
    output: mpsc::Sender<(Output, Bytes)>,
) -> Exit {
    // The closure itself is the test's code, too: it may panic before there is anything to wait for.
    let outcome = AssertUnwindSafe(async { code(arguments, io).await }).catch_unwind();
    match outcome.await {
        Ok(code) => Exit::Code(code),
        Err(panic) => {
            let told = Bytes::from(format!("panicked: {}\n", panic_text(&*panic)));
            // The client may be gone.
            let _ = output.send((Output::Err, told)).await;
            Exit::Code(134)
        }
    }
}

pub(crate) fn panic_text(panic: &(dyn std::any::Any + Send)) -> &str {
    panic
        .downcast_ref::<String>()
        .map(String::as_str)
        .or_else(|| panic.downcast_ref::<&str>().copied())
        .unwrap_or("a panic")
}

/// Answers requests for `exec` and `attach` by a function, whatever Pods there are: what rules reply with.
#[derive(Clone)]
pub struct Commands(Command);

impl fmt::Debug for Commands {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Commands(…)")
    }
}

impl Commands {
    /// By this function; who attaches has no arguments.
    pub fn new<F, Fut>(code: F) -> Commands
    where
        F: Fn(Vec<String>, Io) -> Fut + Send + Sync + 'static,
        Fut: Future<Output: IntoExit> + Send + 'static,
    {
        Commands(command(code))
    }

    /// The answer to a request.
    pub fn answer(&self, request: Request<Bytes>) -> Response<ApiBody> {
        let code = Arc::clone(&self.0);
        let (parts, _) = request.into_parts();
        connect::answer_command(&parts, move |place, streams: Streams| {
            let pod = json!({
                "apiVersion": "v1", "kind": "Pod",
                "metadata": {"name": place.pod, "namespace": place.namespace},
                "spec": {"containers": [{"name": place.container}]},
            });
            // Of one that does not run no more is known than what was asked for.
            let container = Container::new(
                &Arc::new(pod),
                &place.container,
                "",
                0,
                Given::default(),
                &Arc::<Live>::default(),
                &Arc::<Log>::default(),
                &Arc::<Shared>::default(),
                Clock::default(),
            );
            let output = streams.output.clone();
            let io = Io::new(container, streams);
            async move { carry_out(&code, place.command.unwrap_or_default(), io, output).await }
                .boxed()
        })
    }
}
