//! A running container, as its code sees it.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::atomic::{AtomicBool, AtomicU8, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError};
use std::time::Duration;

use bytes::{Buf, Bytes};
use futures::StreamExt;
use http::{Request, Response};
use http_body::Body;
use http_body_util::{BodyExt, Full};
use jiff::Timestamp;
use serde_json::Value;
use tokio::sync::{mpsc, watch};
use tokio::time::Instant;
use tower_service::Service;

use super::io::Input;
use super::log::Log;
use super::network::{Network, Served};
use super::system::{self, Resources};
use super::token::Token;
use super::volumes::{Mount, VolumeData, is_limited};
use crate::amounts;
use crate::emulator::takeover::Duplex;
use crate::emulator::{ApiBody, Clock, Cluster};
use crate::json::Json;
use crate::object;
use crate::seed;
use crate::shared::Shared;

/// Files by their paths.
pub(crate) type Files = Arc<BTreeMap<String, Bytes>>;

/// What a container is given when it starts.
#[derive(Debug, Default, Clone)]
pub(crate) struct Given {
    pub(crate) command: Vec<String>,
    pub(crate) args: Vec<String>,
    pub(crate) env: BTreeMap<String, String>,
    pub(crate) files: Files,
    pub(crate) mounts: Vec<Mount>,
    pub(crate) tokens: Vec<Token>,
    /// The cluster that it is in.
    pub(crate) cluster: Option<Cluster>,
    /// The modes of the files of its volumes that are others than 0644.
    pub(crate) modes: BTreeMap<String, u32>,
}

/// What the code of a container and the kubelet share.
#[derive(Debug)]
pub(crate) struct Live {
    /// 0: it has not said; 1: not ready; 2: ready.
    ready: AtomicU8,
    /// How often it has said something.
    said: AtomicU64,
    /// A port of it was open once.
    has_listened: AtomicBool,
    /// It waits for the word to stop.
    listens: AtomicBool,
    stop: watch::Sender<bool>,
    ended: Mutex<Option<i32>>,
    message: Mutex<String>,
    /// It rests until then, and goes on by itself.
    rests: Mutex<Option<Instant>>,
    /// What was written into the container since it started.
    files: Mutex<BTreeMap<String, Bytes>>,
    /// The files of its volumes, where they have changed since it started.
    renewed: Mutex<Option<Files>>,
    /// What `chmod` made of them.
    modes: Mutex<BTreeMap<String, u32>>,
    /// What it has of the node, where it asked for something.
    resources: Mutex<Option<Box<Resources>>>,
    input: Mutex<Pipe>,
}

/// What those who are attached send, and the container reads: few do, so it is made for the first of either.
#[derive(Debug, Default)]
struct Pipe {
    is_made: bool,
    to: Option<mpsc::UnboundedSender<Bytes>>,
    from: Option<mpsc::UnboundedReceiver<Bytes>>,
}

impl Default for Live {
    fn default() -> Self {
        Self {
            rests: Mutex::default(),
            files: Mutex::default(),
            renewed: Mutex::default(),
            modes: Mutex::default(),
            resources: Mutex::default(),
            input: Mutex::default(),
            ready: AtomicU8::new(0),
            said: AtomicU64::new(0),
            has_listened: AtomicBool::new(false),
            listens: AtomicBool::new(false),
            stop: watch::Sender::new(false),
            ended: Mutex::default(),
            message: Mutex::default(),
        }
    }
}

impl Live {
    fn pipe(&self) -> MutexGuard<'_, Pipe> {
        let mut pipe = self.input.lock().unwrap_or_else(PoisonError::into_inner);
        if !pipe.is_made {
            let (to, from) = mpsc::unbounded_channel();
            *pipe = Pipe {
                is_made: true,
                to: Some(to),
                from: Some(from),
            };
        }
        pipe
    }

    /// Whether the code said that it is ready; `None`: it said nothing.
    pub(crate) fn ready(&self) -> Option<bool> {
        match self.ready.load(Ordering::Acquire) {
            0 => None,
            said => Some(said == 2),
        }
    }

    /// How often it has said something of itself: that it is ready, that it listens.
    pub(crate) fn said(&self) -> u64 {
        self.said.load(Ordering::Acquire)
    }

    /// Whether a port of it was open once.
    pub(crate) fn has_listened(&self) -> bool {
        self.has_listened.load(Ordering::Acquire)
    }

    /// What its volumes bring is other than it was.
    pub(crate) fn renew(&self, files: Files) {
        *self.renewed.lock().unwrap_or_else(PoisonError::into_inner) = Some(files);
    }

    /// How much was written into it since it started, in bytes; what is in volumes is not its own.
    pub(crate) fn written(&self) -> usize {
        let files = self.files.lock().unwrap_or_else(PoisonError::into_inner);
        files.values().map(Bytes::len).sum()
    }

    /// It has so much of the node from now on.
    pub(crate) fn has(&self, resources: Resources) {
        let is_some = resources != Resources::default();
        let resources = is_some.then(|| Box::new(resources));
        *self
            .resources
            .lock()
            .unwrap_or_else(PoisonError::into_inner) = resources;
    }

    /// Until when it rests, before it goes on by itself.
    pub(crate) fn rests_until(&self) -> Option<Instant> {
        *self.rests.lock().unwrap_or_else(PoisonError::into_inner)
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
///
/// ```no_run
/// # fn example(life: kmock_cluster::Life) {
/// life.image("web").run(async |c| {
///     let greeting = c.env("GREETING").unwrap_or("hello").to_owned();
///     c.log(format!("{} says {greeting}\n", c.name()));
///     let settings = c.file("/etc/web/settings.yaml"); // of a ConfigMap that is mounted there
///     if settings.is_none() {
///         return 1;
///     }
///     c.ready();
///     c.stopped().await;
///     0
/// });
/// # }
/// ```
#[derive(Clone)]
pub struct Container(Arc<Inner>);

struct Inner {
    pod: Arc<Json>,
    shown: OnceLock<Value>,
    name: String,
    ip: String,
    run: u64,
    given: Given,
    live: Arc<Live>,
    log: Arc<Log>,
    shared: Arc<Shared>,
    clock: Clock,
    /// Whether it may write only so much.
    is_limited: bool,
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
        pod: &Arc<Json>,
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
            is_limited: is_limited(pod),
            pod: Arc::clone(pod),
            shown: OnceLock::new(),
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

    /// Where what looks random in it begins: another number each time that it starts.
    pub(crate) fn seed(&self) -> u64 {
        let uid = object::uid(&self.0.pod);
        seed::of(&format!("{uid}/{}/{}", self.0.name, self.0.run))
    }

    /// The container's name.
    pub fn name(&self) -> &str {
        &self.0.name
    }

    /// The Pod as it was when the container started.
    pub fn pod(&self) -> &Value {
        self.0.shown.get_or_init(|| Value::from(&*self.0.pod))
    }

    /// The same, as the parts of the cluster hold it.
    pub(crate) fn manifest(&self) -> &Json {
        &self.0.pod
    }

    /// What the Pod's spec says of the container.
    pub(crate) fn spec(&self) -> &Json {
        object::spec_of(&self.0.pod, &self.0.name)
    }

    /// The name of its Pod.
    pub(crate) fn host(&self) -> &str {
        object::name(&self.0.pod)
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

    /// The content of a file: one that a volume of a ConfigMap, a Secret, the downward API, a token of its account or a mix of them brings, as
    /// these are now; one that was [written](Container::write_file), as `kubectl cp` does; or one that a kubelet or the kernel has there
    /// (`/etc/hosts`, `/etc/resolv.conf`, `/sys/fs/cgroup/memory.max`).
    pub fn file(&self, path: &str) -> Option<Bytes> {
        if let Some(content) = self.0.shared.volumes.read(&self.0.given.mounts, path) {
            return Some(content);
        }
        let written = {
            let files = self.written();
            files.get(path).cloned()
        };
        let given = &self.0.given;
        let token = || given.tokens.iter().find(|token| token.path == path)?.read();
        written
            .or_else(|| self.brought().get(path).cloned())
            .or_else(token)
            .or_else(|| system::file(self, path))
    }

    /// What its volumes bring now.
    pub(crate) fn brought(&self) -> Files {
        let renewed = &self.0.live.renewed;
        let renewed = renewed.lock().unwrap_or_else(PoisonError::into_inner);
        renewed
            .clone()
            .unwrap_or_else(|| Arc::clone(&self.0.given.files))
    }

    /// The cluster that it is in; `None`: nobody said.
    pub(crate) fn cluster(&self) -> Option<&Cluster> {
        self.0.given.cluster.as_ref()
    }

    /// What the containers of all Pods serve.
    pub(crate) fn network(&self) -> &Network {
        &self.0.shared.network
    }

    /// What it has of the node.
    pub(crate) fn resources(&self) -> Resources {
        let resources = &self.0.live.resources;
        let resources = resources.lock().unwrap_or_else(PoisonError::into_inner);
        resources.as_deref().cloned().unwrap_or_default()
    }

    /// How much memory its node has.
    pub(crate) fn node_memory(&self) -> i64 {
        let state = self.0.shared.state();
        let node = state.nodes.get(object::node_of(&self.0.pod));
        let memory = node.and_then(|node| node.capacity.get("memory"));
        memory.map_or(0, |amount| amounts::milli(amount) / 1000)
    }

    /// Whether a volume is mounted at a path: there is a folder, whatever is in it.
    pub(crate) fn has_mount(&self, path: &str) -> bool {
        let path = path.trim_end_matches('/');
        self.0.given.mounts.iter().any(|mount| mount.at == path)
    }

    /// The permissions of a file or a folder.
    pub(crate) fn mode(&self, path: &str) -> u32 {
        let said = {
            let modes = &self.0.live.modes;
            let modes = modes.lock().unwrap_or_else(PoisonError::into_inner);
            modes.get(path).copied()
        };
        let of_folder = || {
            if self.has_mount(path) { 0o777 } else { 0o755 }
        };
        let given = &self.0.given.modes;
        // That of all files of a volume stands at its folder.
        let of_volume = || {
            let mut folder = path;
            loop {
                folder = folder.rsplit_once('/')?.0;
                if let Some(mode) = given.get(&format!("{folder}/")) {
                    return Some(*mode);
                }
            }
        };
        said.or_else(|| given.get(path).copied())
            .or_else(of_volume)
            .unwrap_or_else(|| match self.file(path) {
                Some(_) => 0o644,
                None => of_folder(),
            })
    }

    /// The sort of file system that a path is in.
    pub(crate) fn medium(&self, path: &str) -> &'static str {
        let found = object::items(&self.spec()["volumeMounts"])
            .filter(|mount| {
                let rest =
                    path.strip_prefix(object::text(&mount["mountPath"]).trim_end_matches('/'));
                rest.is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
            })
            .max_by_key(|mount| object::text(&mount["mountPath"]).len());
        let volume = found.and_then(|mount| {
            object::items(&self.0.pod["spec"]["volumes"])
                .find(|volume| volume["name"] == mount["name"])
        });
        let in_memory = |volume: &Json| {
            volume["emptyDir"]["medium"] == "Memory"
                || volume["secret"].is_object()
                || volume["projected"].is_object()
        };
        match volume {
            None => "overlayfs",
            Some(volume) if in_memory(volume) => "tmpfs",
            Some(_) => "ext2/ext3",
        }
    }

    /// Gives a file or a folder other permissions.
    pub(crate) fn set_mode(&self, path: &str, mode: u32) {
        let modes = &self.0.live.modes;
        let mut modes = modes.lock().unwrap_or_else(PoisonError::into_inner);
        modes.insert(path.to_owned(), mode);
    }

    /// Whether a container runs of which nobody said anything, and that has no command that is done here.
    pub(crate) fn is_silent(&self, pod: &str, name: &str) -> bool {
        let running = self.0.shared.running(pod, name);
        running.is_some_and(|running| {
            running.command.is_none() && !running.is_plain && !running.has_code
        })
    }

    /// Whether nothing can be written at a path: its volume or the root of the container is for reading only.
    pub(crate) fn is_read_only(&self, path: &str) -> bool {
        VolumeData::is_read_only(&self.0.given.mounts, path).unwrap_or_else(|| {
            !path.starts_with("/dev/")
                && self.spec()["securityContext"]["readOnlyRootFilesystem"] == true
        })
    }

    /// Takes a file away that was written; whether there was one.
    pub(crate) fn remove_file(&self, path: &str) -> bool {
        let in_volume = self.0.shared.volumes.remove(&self.0.given.mounts, path);
        self.written().remove(path).is_some() || in_volume
    }

    /// Writes a file. It is gone when the container restarts; in a volume (`emptyDir`, `hostPath`, a claim) it stays as long as
    /// that does, and all who mount it see it.
    pub fn write_file(&self, path: impl Into<String>, content: impl Into<Bytes>) {
        let (path, content) = (path.into(), content.into());
        let volumes = &self.0.shared.volumes;
        if let Err(content) = volumes.write(&self.0.given.mounts, &path, content) {
            self.written().insert(path, content);
        }
        self.has_written();
    }

    /// How much is in its own files, in bytes.
    pub(crate) fn has_in_files(&self) -> usize {
        self.0.live.written()
    }

    /// Lets its kubelet look how much it has written, where that is limited.
    fn has_written(&self) {
        if self.0.is_limited {
            self.wake();
        }
    }

    /// The paths of all such files, in order.
    pub fn files(&self) -> Vec<String> {
        let mut all: Vec<String> = self.brought().keys().cloned().collect();
        all.extend(self.0.given.tokens.iter().map(|token| token.path.clone()));
        all.extend(self.written().keys().cloned());
        all.extend(self.0.shared.volumes.paths(&self.0.given.mounts));
        all.sort_unstable();
        all.dedup();
        all
    }

    fn written(&self) -> MutexGuard<'_, BTreeMap<String, Bytes>> {
        let files = &self.0.live.files;
        files.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// What those who are attached send (`kubectl attach -i`, `kubectl run -i`), as it comes. The first who asks has it.
    pub fn stdin(&self) -> Option<Input> {
        self.0.live.pipe().from.take().map(Input::new)
    }

    /// Serves connections at a port of the Pod, in whatever protocol, until the container is told to stop, and becomes
    /// ready: those of `kubectl port-forward`.
    pub async fn listen<F, Fut>(&self, port: u16, serve: F)
    where
        F: Fn(Box<dyn Duplex>) -> Fut + Send + Sync + 'static,
        Fut: Future<Output = ()> + Send + 'static,
    {
        let served = Served::Raw(Arc::new(move |connection| Box::pin(serve(connection))));
        self.open(port, served).await;
    }

    async fn open(&self, port: u16, served: Served) {
        let (ip, run) = (&self.0.ip, self.0.run);
        self.0.shared.network.open(ip, port, run, served);
        self.0.live.has_listened.store(true, Ordering::Release);
        self.0.live.said.fetch_add(1, Ordering::AcqRel);
        self.ready();
        self.wake();
        self.stopped().await;
    }

    /// Writes to the log. A line ends where the text says so.
    pub fn log(&self, text: impl AsRef<str>) {
        self.0.log.write(text.as_ref(), self.0.clock.now());
        self.has_written();
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
            self.0.live.said.fetch_add(1, Ordering::AcqRel);
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
        let served = Served::Http(Arc::new(move |request: Request<Bytes>| {
            let mut service = service.clone();
            let answer = async move {
                if let Err(error) = std::future::poll_fn(|cx| service.poll_ready(cx)).await {
                    return failed(&error);
                }
                match service.call(request.map(Full::new)).await {
                    Ok(response) => {
                        let (parts, body) = response.into_parts();
                        // What is known as a whole goes out as one.
                        let body = match body.size_hint().exact() {
                            Some(_) => match body.collect().await {
                                Ok(whole) => ApiBody::Full(whole.to_bytes()),
                                Err(error) => return failed(&error),
                            },
                            None => streamed(body),
                        };
                        Response::from_parts(parts, body)
                    }
                    Err(error) => failed(&error),
                }
            };
            Box::pin(answer) as futures::future::BoxFuture<'static, Response<ApiBody>>
        }));
        self.open(port, served).await;
    }

    /// The time by the container's clock.
    pub(crate) fn now(&self) -> Timestamp {
        self.0.clock.now()
    }

    /// Rests for a while, which is waited for.
    pub(crate) async fn rest(&self, time: Duration) {
        let rests = &self.0.live.rests;
        let until = Instant::now().checked_add(time);
        *rests.lock().unwrap_or_else(PoisonError::into_inner) = until;
        self.wake();
        tokio::time::sleep(time).await;
        *rests.lock().unwrap_or_else(PoisonError::into_inner) = None;
    }

    /// Sends something to what the container reads; one that never reads does not mind.
    pub(crate) fn send(&self, data: Bytes) {
        if let Some(input) = &self.0.live.pipe().to {
            let _ = input.send(data);
        }
    }

    /// Ends what the container reads, where its manifest says that it ends with the first who attaches (`stdinOnce`).
    pub(crate) fn end_input(&self) {
        if self.spec()["stdinOnce"] == true {
            self.0.live.pipe().to = None;
        }
    }

    /// Ends when the container does.
    pub(crate) async fn over(&self) {
        let mut changes = self.0.log.changes();
        // A log is closed when its container ends.
        while self.0.log.text_from(usize::MAX).2 && changes.changed().await.is_ok() {}
    }

    pub(crate) fn wake(&self) {
        self.0.shared.touch("kubelets", &object::key(&self.0.pod));
    }

    pub(crate) fn end(&self, code: i32) {
        self.0.live.end(code);
        self.wake();
    }
}

/// A body as it comes; one that breaks off ends.
fn streamed<B>(body: B) -> ApiBody
where
    B: Body + Send + 'static,
    B::Data: Send,
{
    let data = futures::stream::unfold(Box::pin(body), |mut body| async move {
        loop {
            let frame = body.frame().await?.ok();
            // Trailers are no data.
            if let Ok(mut data) = frame?.into_data() {
                let whole = data.copy_to_bytes(data.remaining());
                return Some((whole, body));
            }
        }
    });
    ApiBody::Stream(data.boxed())
}

fn failed(error: &dyn fmt::Display) -> Response<ApiBody> {
    let mut response = Response::new(ApiBody::Full(Bytes::from(error.to_string())));
    *response.status_mut() = http::StatusCode::INTERNAL_SERVER_ERROR;
    response
}

/// What the code of a container, or of a command in it, may return: its exit code.
///
/// ```no_run
/// # fn example(life: kmock_cluster::Life) {
/// life.image("forever").run(async |c| c.stopped().await);
/// life.image("fails").run(async |_| 3);
/// life.image("reads").run(async |c| {
///     let size: usize = c.env("SIZE").unwrap_or("1").parse()?; // told in the log, and 1
///     c.log(format!("{size}\n"));
///     Ok::<_, std::num::ParseIntError>(())
/// });
/// # }
/// ```
#[diagnostic::on_unimplemented(
    message = "the code of a container cannot return `{Self}`",
    note = "it returns an exit code: a number, `()` for 0, or a `Result`"
)]
pub trait IntoExit {
    /// The exit code; what is wrong is told.
    fn into_exit(self, tell: &mut dyn FnMut(String)) -> i32;
}

impl IntoExit for () {
    fn into_exit(self, _: &mut dyn FnMut(String)) -> i32 {
        0
    }
}

impl IntoExit for i32 {
    fn into_exit(self, _: &mut dyn FnMut(String)) -> i32 {
        self
    }
}

impl<T: IntoExit, E: fmt::Display> IntoExit for Result<T, E> {
    fn into_exit(self, tell: &mut dyn FnMut(String)) -> i32 {
        match self {
            Ok(value) => value.into_exit(tell),
            Err(error) => {
                tell(format!("Error: {error}\n"));
                1
            }
        }
    }
}
