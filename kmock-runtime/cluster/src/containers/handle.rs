//! A running container, as its code sees it.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::atomic::{AtomicBool, AtomicU8, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use bytes::Bytes;
use http::{Request, Response};
use http_body::Body;
use http_body_util::{BodyExt, Full};
use serde_json::Value;
use tokio::sync::watch;
use tower_service::Service;

use super::log::Log;
use crate::emulator::Clock;
use crate::object;
use crate::shared::Shared;

/// What a container is given when it starts.
#[derive(Debug, Default, Clone)]
pub(crate) struct Given {
    pub(crate) command: Vec<String>,
    pub(crate) args: Vec<String>,
    pub(crate) env: BTreeMap<String, String>,
    pub(crate) files: BTreeMap<String, Vec<u8>>,
}

/// What the code of a container and the kubelet share.
#[derive(Debug)]
pub(crate) struct Live {
    /// 0: it has not said; 1: not ready; 2: ready.
    ready: AtomicU8,
    /// It waits for the word to stop.
    listens: AtomicBool,
    stop: watch::Sender<bool>,
    ended: Mutex<Option<i32>>,
    message: Mutex<String>,
}

impl Default for Live {
    fn default() -> Self {
        Self {
            ready: AtomicU8::new(0),
            listens: AtomicBool::new(false),
            stop: watch::Sender::new(false),
            ended: Mutex::default(),
            message: Mutex::default(),
        }
    }
}

impl Live {
    /// Whether the code said that it is ready; `None`: it said nothing.
    pub(crate) fn ready(&self) -> Option<bool> {
        match self.ready.load(Ordering::Acquire) {
            0 => None,
            said => Some(said == 2),
        }
    }

    /// Tells it to stop; whether it listens.
    pub(crate) fn stop(&self) -> bool {
        self.stop.send_replace(true);
        self.listens.load(Ordering::Acquire)
    }

    pub(crate) fn end(&self, code: i32) {
        self.ended
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .get_or_insert(code);
    }

    /// The exit code, once it ended.
    pub(crate) fn ended(&self) -> Option<i32> {
        *self.ended.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(crate) fn message(&self) -> String {
        self.message
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .clone()
    }
}

/// A running container, given to the code that it is. A clone is the same container.
#[derive(Clone)]
pub struct Container(Arc<Inner>);

struct Inner {
    pod: Arc<Value>,
    name: String,
    ip: String,
    run: u64,
    given: Given,
    live: Arc<Live>,
    log: Arc<Log>,
    shared: Arc<Shared>,
    clock: Clock,
}

impl fmt::Debug for Container {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "Container({} of {})",
            self.0.name,
            object::key(&self.0.pod)
        )
    }
}

impl Container {
    #[expect(
        clippy::too_many_arguments,
        reason = "one for each part of what a container is"
    )]
    pub(crate) fn new(
        pod: &Arc<Value>,
        name: &str,
        ip: &str,
        run: u64,
        given: Given,
        live: &Arc<Live>,
        log: &Arc<Log>,
        shared: &Arc<Shared>,
        clock: Clock,
    ) -> Container {
        Container(Arc::new(Inner {
            pod: Arc::clone(pod),
            name: name.to_owned(),
            ip: ip.to_owned(),
            run,
            given,
            live: Arc::clone(live),
            log: Arc::clone(log),
            shared: Arc::clone(shared),
            clock,
        }))
    }

    /// The container's name.
    pub fn name(&self) -> &str {
        &self.0.name
    }

    /// The Pod as it was when the container started.
    pub fn pod(&self) -> &Value {
        &self.0.pod
    }

    /// The Pod's address.
    pub fn ip(&self) -> &str {
        &self.0.ip
    }

    /// `command` of the container, with its variables put in; empty: that of the image.
    pub fn command(&self) -> &[String] {
        &self.0.given.command
    }

    /// `args` of the container, with their variables put in.
    pub fn args(&self) -> &[String] {
        &self.0.given.args
    }

    /// A variable of the environment, resolved as a kubelet does.
    pub fn env(&self, name: &str) -> Option<&str> {
        self.0.given.env.get(name).map(String::as_str)
    }

    /// All variables of the environment.
    pub fn envs(&self) -> &BTreeMap<String, String> {
        &self.0.given.env
    }

    /// The content of a file that a volume of a ConfigMap, a Secret, the downward API or a mix of them brings.
    pub fn file(&self, path: &str) -> Option<&[u8]> {
        self.0.given.files.get(path).map(Vec::as_slice)
    }

    /// The paths of all such files.
    pub fn files(&self) -> impl Iterator<Item = &str> {
        self.0.given.files.keys().map(String::as_str)
    }

    /// Writes to the log. A line ends where the text says so.
    pub fn log(&self, text: impl AsRef<str>) {
        self.0.log.write(text.as_ref(), self.0.clock.now());
    }

    /// Becomes ready.
    pub fn ready(&self) {
        self.say(2);
    }

    /// Is not ready (any more).
    pub fn not_ready(&self) {
        self.say(1);
    }

    fn say(&self, ready: u8) {
        if self.0.live.ready.swap(ready, Ordering::AcqRel) != ready {
            self.wake();
        }
    }

    /// Leaves a message at the container's `terminationMessagePath`.
    pub fn leave_message(&self, text: impl Into<String>) {
        *self
            .0
            .live
            .message
            .lock()
            .unwrap_or_else(PoisonError::into_inner) = text.into();
    }

    /// Ends when the container is told to stop. Code that never waits for it is cut off at once then; code that does
    /// has the Pod's grace period.
    pub async fn stopped(&self) {
        self.0.live.listens.store(true, Ordering::Release);
        let mut stop = self.0.live.stop.subscribe();
        // The sender lives as long as `self`.
        let _ = stop.wait_for(|stop| *stop).await;
    }

    /// Serves HTTP on a port of the Pod until the container is told to stop, and becomes ready. Any tower service of
    /// requests with whole bodies will do: a `Router` of axum, a `service_fn`.
    pub async fn serve<S, B>(&self, port: u16, service: S)
    where
        S: Service<Request<Full<Bytes>>, Response = Response<B>> + Clone + Send + Sync + 'static,
        S::Future: Send,
        S::Error: fmt::Display + Send,
        B: Body + Send + 'static,
        B::Data: Send,
        B::Error: fmt::Display,
    {
        let served = Arc::new(move |request: Request<Bytes>| {
            let mut service = service.clone();
            let answer = async move {
                if let Err(error) = std::future::poll_fn(|cx| service.poll_ready(cx)).await {
                    return failed(&error);
                }
                match service.call(request.map(Full::new)).await {
                    Ok(response) => {
                        let (parts, body) = response.into_parts();
                        match body.collect().await {
                            Ok(body) => Response::from_parts(parts, body.to_bytes()),
                            Err(error) => failed(&error),
                        }
                    }
                    Err(error) => failed(&error),
                }
            };
            Box::pin(answer) as futures::future::BoxFuture<'static, Response<Bytes>>
        });
        self.0
            .shared
            .network
            .open(&self.0.ip, port, self.0.run, served);
        self.ready();
        self.stopped().await;
    }

    pub(crate) fn wake(&self) {
        self.0.shared.touch("kubelets", &object::key(&self.0.pod));
    }

    pub(crate) fn end(&self, code: i32) {
        self.0.live.end(code);
        self.wake();
    }
}

fn failed(error: &dyn fmt::Display) -> Response<Bytes> {
    let mut response = Response::new(Bytes::from(error.to_string()));
    *response.status_mut() = http::StatusCode::INTERNAL_SERVER_ERROR;
    response
}

/// What the code of a container may return: its exit code.
#[diagnostic::on_unimplemented(
    message = "the code of a container cannot return `{Self}`",
    note = "it returns an exit code: a number, `()` for 0, or a `Result`"
)]
pub trait IntoExit {
    /// The exit code; what is wrong is logged.
    fn into_exit(self, container: &Container) -> i32;
}

impl IntoExit for () {
    fn into_exit(self, _: &Container) -> i32 {
        0
    }
}

impl IntoExit for i32 {
    fn into_exit(self, _: &Container) -> i32 {
        self
    }
}

impl<T: IntoExit, E: fmt::Display> IntoExit for Result<T, E> {
    fn into_exit(self, container: &Container) -> i32 {
        match self {
            Ok(value) => value.into_exit(container),
            Err(error) => {
                container.log(format!("Error: {error}\n"));
                1
            }
        }
    }
}
