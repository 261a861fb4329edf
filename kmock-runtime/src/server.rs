//! The listener, its connections, and the way of a request through the rules.

mod coming;
mod early;
mod guard;
mod incident;
mod tunnel;

use std::{
    any::Any,
    future::Future,
    net::SocketAddr,
    panic::{AssertUnwindSafe, catch_unwind},
    pin::pin,
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicUsize, Ordering},
    },
    thread::JoinHandle,
    time::Duration,
};

use bytes::Bytes;
#[cfg(feature = "http2")]
use futures::future::Either;
use futures::{FutureExt, future::select};
use http::{HeaderValue, Method, Request as HttpRequest, Response, StatusCode, Version, header};
use http_body::Body as _;
use hyper::{body::Incoming, upgrade::OnUpgrade};
use hyper_util::rt::{TokioIo, TokioTimer};
use tokio::{
    sync::{Notify, oneshot},
    task::AbortHandle,
};

use self::coming::{Came, Unread, coming};
pub(crate) use self::early::Pace;
use crate::{
    connections::{self, Door},
    core::{Busy, Core},
    criteria::Captured,
    error::Error,
    journal::{Aside, By, Concluded, INTERNAL, Seen, refusal, told_to, traced},
    reply::{Answer, Answered, Asked, Broken, Dice, Halt, Made, Payload, Upstream, date, make},
    request::{Captures, Last, Link, Request, Upgrade},
    rules::{Spec, TableEntry},
    stream::Lives,
    user_code::panic_text,
    wire::WiredStream,
};

/// A running server; stopping it cuts its connections.
pub(crate) struct Server {
    core: Arc<Core>,
    door: Door,
    run: Run,
}

enum Run {
    Task(AbortHandle),
    Thread(oneshot::Sender<()>, JoinHandle<()>),
}

impl Server {
    /// On a runtime that is there: the test's own.
    pub(crate) fn on_runtime(
        listener: std::net::TcpListener,
        core: Arc<Core>,
        runtime: &tokio::runtime::Handle,
    ) -> Result<Server, Error> {
        let door = Door::open(listener, runtime.clone())?;
        let task = runtime.spawn(connections::accept(door.clone(), Arc::clone(&core)));
        let run = Run::Task(task.abort_handle());
        Ok(Server { core, door, run })
    }

    /// On a thread and a runtime of its own.
    pub(crate) fn on_thread(
        listener: std::net::TcpListener,
        core: Arc<Core>,
    ) -> Result<Server, Error> {
        let (stop, stopped) = oneshot::channel();
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build()
            .map_err(|error| Error::io("cannot start a runtime", error))?;
        let door = Door::open(listener, runtime.handle().clone())?;
        let accepting = connections::accept(door.clone(), Arc::clone(&core));
        let thread = std::thread::Builder::new()
            .name("kmock".to_owned())
            .spawn(move || {
                runtime.block_on(async move {
                    select(pin!(accepting), stopped).await;
                });
                // A closure of the user that never returns must not hold the test.
                runtime.shutdown_timeout(Duration::from_millis(100));
            })
            .map_err(|error| Error::io("cannot start a thread", error))?;
        let run = Run::Thread(stop, thread);
        Ok(Server { core, door, run })
    }

    /// Where clients come in.
    pub(crate) fn door(&self) -> &Door {
        &self.door
    }

    pub(crate) fn stop(self) {
        // From here on, connections that end are the server's doing.
        self.core.background.stopped.store(true, Ordering::Release);
        self.door.close();
        match self.run {
            Run::Task(task) => task.abort(),
            Run::Thread(stop, thread) => {
                // The thread sees it, or is gone already.
                let _ = stop.send(());
                if thread.thread().id() != std::thread::current().id() {
                    // It catches the panics of the user's code; one of its own has been printed.
                    let _ = thread.join();
                }
            }
        }
        self.core.connections.stop();
        self.core.background.tasks.stop();
        if let Some(backend) = &self.core.backend {
            backend.end();
        }
        // Closures may hold the server that holds them: let go of them.
        self.core.book.clear();
    }
}

/// What a connection tells each of its requests.
pub(crate) struct Connection {
    pub(crate) core: Arc<Core>,
    /// Where the server listens.
    pub(crate) address: SocketAddr,
    pub(crate) link: Arc<Link>,
    pub(crate) last: Last,
    /// Whether the client left in the middle of a request: that is told there.
    pub(crate) left: AtomicBool,
    /// How many requests there were on it.
    pub(crate) served: AtomicUsize,
    /// Told when the last one came that is served on it.
    pub(crate) over: Notify,
}

impl Connection {
    fn is_stopped(&self) -> bool {
        self.core.is_stopped()
    }

    /// Whether this request is the last one that it serves.
    fn is_last(&self) -> bool {
        let Some(most) = self.core.options.requests_per_connection else {
            return false;
        };
        let last = self.served.fetch_add(1, Ordering::AcqRel) + 1 >= most;
        if last {
            self.over.notify_one();
        }
        last
    }

    /// The client of a request did not wait for its answer.
    fn client_went_away(&self, seen: &Seen) {
        self.left.store(true, Ordering::Release);
        if !self.is_stopped() {
            seen.client_went_away(self.core.clock.elapsed());
        }
    }

    /// The end of a connection that did not go well. Faults that were asked for, and clients that go away, are not told.
    fn ended(&self, error: &(dyn std::error::Error + 'static)) {
        let left = self.left.load(Ordering::Acquire);
        let came = self.link.wire.came();
        if !self.is_stopped()
            && let Some(told) = incident::told(error, &came, left, self.address)
        {
            self.core.error(told);
        }
    }
}

pub(crate) async fn serve(io: TokioIo<WiredStream>, connection: Arc<Connection>) {
    let serving = Arc::clone(&connection);
    let service = hyper::service::service_fn(move |request: HttpRequest<Incoming>| {
        handle(Arc::clone(&serving), request)
    });
    #[cfg(feature = "http2")]
    let ended = {
        let mut builder =
            hyper_util::server::conn::auto::Builder::new(hyper_util::rt::TokioExecutor::new());
        builder
            .http2()
            .auto_date_header(false)
            // As an API server: lists by long selectors have long targets.
            .max_header_list_size(1 << 20);
        connection.core.options.http2.apply(&mut builder);
        let mut http1 = builder.http1();
        http1
            .timer(TokioTimer::new())
            .header_read_timeout(None)
            .auto_date_header(false);
        let serving = pin!(http1.serve_connection_with_upgrades(io, service));
        match select(serving, pin!(connection.over.notified())).await {
            Either::Left((ended, _)) => ended,
            Either::Right(((), mut serving)) => {
                serving.as_mut().graceful_shutdown();
                serving.await
            }
        }
    };
    #[cfg(not(feature = "http2"))]
    let ended = hyper::server::conn::http1::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(None)
        .auto_date_header(false)
        .serve_connection(io, service)
        .with_upgrades()
        .await;
    #[cfg(feature = "http2")]
    if let Err(error) = ended {
        connection.ended(&*error);
    }
    #[cfg(not(feature = "http2"))]
    if let Err(error) = ended {
        connection.ended(&error);
    }
}

/// The way of a request. What waits is on the heap: most requests wait for nothing, and hyper moves all that there may be of one.
async fn handle(
    connection: Arc<Connection>,
    mut request: HttpRequest<Incoming>,
) -> Result<Response<Payload>, Broken> {
    if request.method() == Method::CONNECT && request.uri().path().is_empty() {
        return Box::pin(tunnel::connect(connection, request)).await;
    }
    let core = &connection.core;
    let upgrade =
        asks_for_upgrade(&request).then(|| Upgrade::new(hyper::upgrade::on(&mut request)));
    let _busy = Busy::new(core);
    let last = connection.is_last();
    let (head, body) = request.into_parts();
    let head = connection.last.head(head);
    let at = core.clock.elapsed();
    let came = match body.is_end_stream() {
        // Most requests are no more than a head.
        true => {
            let link = Some(Arc::clone(&connection.link));
            let id = core.next_id();
            let request = Request::new(id, at, head, Bytes::new(), link, upgrade);
            Came::whole(core.journal.record(request))
        }
        false => match Box::pin(coming(&connection, head, body, at, upgrade)).await {
            Ok(came) => came,
            Err(explained) => return Ok(explained),
        },
    };
    let Came {
        seen,
        whole,
        too_large,
        unread,
    } = came;
    let request = whole.as_ref().unwrap_or(seen.request());
    core.guard.see(core.dialect, request);
    let going = Going {
        connection: &connection,
        seen: &seen,
        request,
        answered: false,
    };
    let (answer, by) = if too_large {
        (body_refused(core, request), By::Limit)
    } else if let Some(gatekeeper) = &core.options.gatekeeper {
        let gatekeeper = Arc::clone(gatekeeper);
        let exchange = gatekeeper.exchange(core, &seen, request, connection.address);
        answered(core, request, exchange).await
    } else {
        match catch_unwind(AssertUnwindSafe(|| at_once(core, &seen, request))) {
            Ok(Some(ready)) => ready,
            Ok(None) => {
                let answer = answer(core, &seen, request, connection.address);
                Box::pin(answered(core, request, answer)).await
            }
            Err(panic) => panicked(core, request, &*panic),
        }
    };
    going.answered(answer.response.status());
    if let Some(rest) = unread.and_then(Unread::left) {
        leave(core, request, rest, &answer);
    }
    let mut answer = answer;
    if last && request.version() != Version::HTTP_2 {
        let close = HeaderValue::from_static("close");
        let headers = answer.response.headers_mut();
        headers.insert(header::CONNECTION, close);
    }
    match conclude(core, &seen, answer, by) {
        Ok(response) => Ok(response),
        Err(halt) => halt.carry_out().await,
    }
}

/// What becomes of the rest of a body, after its request was answered.
fn leave(core: &Core, request: &Request, rest: Incoming, answer: &Answer) {
    // A client that waits to be told to go on is not told so.
    let waits = request.version() == Version::HTTP_11
        && request.header(header::EXPECT.as_str()).is_some()
        && request.body().is_empty();
    if answer.stalls {
        core.connections.spawn(early::hold(rest));
    } else if answer.fault.is_none() && !waits {
        core.connections.spawn(early::drain(rest));
    }
}

/// Whether a client asks for another protocol that a rule or an emulator may speak. Others (`h2c`, as some offer it with every
/// request) are declined by not answering 101 (RFC 9110, 7.8).
fn asks_for_upgrade(request: &HttpRequest<Incoming>) -> bool {
    // Hyper has seen it already, where there is one (RFC 9110, 7.8: not in HTTP/1.0).
    let has_none =
        request.version() == Version::HTTP_11 && request.extensions().get::<OnUpgrade>().is_none();
    if has_none || !request.headers().contains_key(header::UPGRADE) {
        return false;
    }
    let asked = request.headers().get_all(header::UPGRADE);
    let mut asked = asked.into_iter().filter_map(|value| value.to_str().ok());
    asked.any(|value| {
        let value = value.to_ascii_lowercase();
        value.contains("websocket") || value.contains("spdy/")
    })
}

/// Writes down what goes out. The error is what happens instead.
fn conclude(
    core: &Arc<Core>,
    seen: &Seen,
    mut answer: Answer,
    by: By,
) -> Result<Response<Payload>, Halt> {
    if !answer.dated {
        let headers = answer.response.headers_mut();
        headers.entry(header::DATE).or_insert_with(date::now);
    }
    let (status, now) = (answer.response.status().as_u16(), core.clock.elapsed());
    tracing::debug!(target: "kmock", status, "{} {}: {by}", seen.method(), seen.target());
    let concluded = Concluded {
        status: Some(status),
        by,
        duration: Some(now.saturating_sub(seen.at())),
        fault: answer.fault.as_deref().map(Box::from),
        gone: false,
    };
    if let Some(halt) = answer.halt {
        seen.conclude(concluded);
        return Err(halt);
    }
    Ok(traced(answer, core, seen, concluded, now))
}

/// A request that is being answered. Dropped before that, its client went away: hyper drops what it no longer needs.
struct Going<'a> {
    connection: &'a Connection,
    seen: &'a Seen,
    request: &'a Request,
    answered: bool,
}

impl Going<'_> {
    fn answered(mut self, status: StatusCode) {
        self.answered = true;
        if status == StatusCode::SWITCHING_PROTOCOLS {
            // Whoever answers so has taken the connection.
            return;
        }
        self.request.decline_upgrade();
    }
}

impl Drop for Going<'_> {
    fn drop(&mut self) {
        if self.answered {
            return;
        }
        self.request.decline_upgrade();
        self.connection.client_went_away(self.seen);
    }
}

/// What answers, guarded.
async fn answered(
    core: &Core,
    request: &Request,
    answer: impl Future<Output = (Answer, By)>,
) -> (Answer, By) {
    match AssertUnwindSafe(answer).catch_unwind().await {
        Ok(answered) => answered,
        Err(panic) => panicked(core, request, &*panic),
    }
}

/// A panic, which would be a bug, is a recorded error and a 500 like any other.
fn panicked(core: &Core, request: &Request, panic: &(dyn Any + Send)) -> (Answer, By) {
    let (method, target) = (request.method(), request.target());
    let text = panic_text(panic);
    let message =
        format!("{method} {target}: the server panicked, which is a bug of kmock: {text}");
    (failed(core, message), By::Nobody)
}

/// A recorded error, and the answer that says it.
fn failed(core: &Core, message: String) -> Answer {
    let text = format!("kmock: {message}\n");
    core.error(message);
    Answer::new(explained(StatusCode::INTERNAL_SERVER_ERROR, text))
}

/// The answer to a request whose body is not read.
fn body_refused(core: &Core, request: &Request) -> Answer {
    let limit = core.options.body_limit;
    core.error(format!(
        "{} {} has a body of more than {limit} bytes; see the option `body_limit`",
        request.method(),
        request.target()
    ));
    Answer::new(explained(
        StatusCode::PAYLOAD_TOO_LARGE,
        format!("kmock: the body is larger than {limit} bytes; see the option `body_limit`\n"),
    ))
}

/// The answer of a rule that is ready, where each rule that is asked before it can be asked without waiting, too: most requests
/// get one, and need nothing of what follows. `None`: whoever may answer is asked in turn.
fn at_once(core: &Core, seen: &Seen, request: &Request) -> Option<(Answer, By)> {
    let options = &core.options;
    let is_plain = options.limit.is_none()
        && options.hostnames.is_empty()
        && request.method() != Method::CONNECT;
    let table = core.book.table();
    if !is_plain || table.is_sliced() {
        return None;
    }
    for entry in table.candidates(request) {
        let ready = entry.at_once()?;
        if let Some(captured) = entry.spec.filter.captures(request) {
            let (_, by) = taken(core, seen, entry, captured);
            return Some((ready.answer(), by));
        }
    }
    None
}

/// Writes a request down at the rule that takes it.
fn taken(core: &Core, seen: &Seen, entry: &TableEntry, captured: Captured) -> (Captures, By) {
    let captured = (!captured.is_empty()).then(|| Arc::new(captured));
    let noted = seen.with_captures(captured.clone());
    entry.rule.keep_request(noted, core.options.keep);
    (captured, By::Rule(Arc::clone(entry.named())))
}

/// What may answer a request, in the order in which it is asked (docs/precedence.md); the first that answers wins. The
/// request is whole; what was seen of it may be less.
pub(crate) async fn answer(
    core: &Arc<Core>,
    seen: &Seen,
    request: &Request,
    address: SocketAddr,
) -> (Answer, By) {
    if let Some(answered) = over_the_limit(core, request) {
        return answered;
    }
    if let Some(answered) = forwarded(core, request, address).await {
        return answered;
    }
    let mut aside = Vec::new();
    if let Some(answered) = by_rules(core, seen, request, &mut aside).await {
        return answered;
    }
    if let Some(refused) = guarded(core, request, address) {
        return refused;
    }
    if let Some(answered) = by_backend(core, request).await {
        return answered;
    }
    let (refused, by) = refusal(core, request, &aside);
    (Answer::new(refused), by)
}

/// Refuses what is beyond the option `limit`.
fn over_the_limit(core: &Core, request: &Request) -> Option<(Answer, By)> {
    let limit = core.options.limit?;
    if request.id() < limit as u64 {
        return None;
    }
    let message = format!("more than {limit} requests came; see the option `limit`");
    if request.id() == limit as u64 {
        core.error(message.clone());
    }
    let refused = explained(StatusCode::TOO_MANY_REQUESTS, format!("kmock: {message}\n"));
    Some((Answer::new(refused), By::Limit))
}

/// Passes on what a client sends to hosts that the server does not stand for: it uses the server as a proxy.
async fn forwarded(core: &Core, request: &Request, address: SocketAddr) -> Option<(Answer, By)> {
    let hostnames = &core.options.hostnames;
    if hostnames.is_empty()
        || request.uri().authority().is_none()
        || hostnames.intercept(request, address)
    {
        return None;
    }
    let upstream = Upstream::of_target(request)?;
    let by = By::Forwarded(upstream.to_string().into());
    let answer = match Box::pin(upstream.forward(request)).await {
        Ok(response) => Answer::new(response.map(Payload::Body)),
        Err(error) => {
            let text = format!("kmock: {error}\n");
            Answer::new(explained(StatusCode::BAD_GATEWAY, text))
        }
    };
    Some((answer, by))
}

/// Refuses foreign pages what is below the rules, of a server that is guarded against them.
fn guarded(core: &Core, request: &Request, address: SocketAddr) -> Option<(Answer, By)> {
    if !core.options.guarded || core.backend.is_none() {
        return None;
    }
    let why = guard::stranger(request, &core.options.hostnames, address)?;
    let (method, target) = (request.method(), request.target());
    let message = format!("{method} {target} was refused: {why}");
    let text = format!("kmock: {message}; `--any-origin` lets such requests in\n");
    core.error(message);
    let refused = Answer::new(explained(StatusCode::FORBIDDEN, text));
    Some((refused, By::Limit))
}

/// Asks what is below the rules.
async fn by_backend(core: &Core, request: &Request) -> Option<(Answer, By)> {
    let backend = core.backend.as_ref()?;
    let beside = core.book.table().beside(request);
    let Answered { response, takeover } = backend.answer(request.clone(), beside).await?;
    if let Some(takeover) = takeover {
        core.hand_over(request, takeover);
    }
    Some((Answer::new(response.map(Payload::Body)), By::Kubernetes))
}

/// Asks the rules in their order; `aside` gets those that fitted and let the request go on.
async fn by_rules(
    core: &Arc<Core>,
    seen: &Seen,
    request: &Request,
    aside: &mut Vec<Aside>,
) -> Option<(Answer, By)> {
    let table = core.book.table();
    let mut numbers = core.book.number(&table, request).await;
    let connect = request.method() == Method::CONNECT;
    for entry in table.candidates(request) {
        let spec = &entry.spec;
        // What is said of all requests is not said of tunnels.
        if connect && !spec.filter.names_method("CONNECT") {
            continue;
        }
        let found = match numbers.of(&entry.rule) {
            Some(numbered) => numbered,
            None => {
                let captured = spec.filter.captures_now(request).await;
                captured.map(|captured| captured.map(|captured| (captured, 0)))
            }
        };
        let (captured, nth) = match found {
            Ok(Some(found)) => found,
            Ok(None) => continue,
            Err(why) => {
                let by = By::Rule(Arc::clone(entry.named()));
                return Some((failed(core, why), by));
            }
        };
        if let Some(slice) = spec.slice.filter(|slice| !slice.contains(nth)) {
            aside.push(Aside::sliced(&entry.rule, slice, nth));
            continue;
        }
        if spec.next.is_some()
            && let Some(later) = entry.rule.gone_on_to(request).await
        {
            aside.push(Aside::gone_on(&entry.rule, &later));
            continue;
        }
        if let Some(answered) = by_rule(core, seen, request, entry, captured, aside).await {
            return Some(answered);
        }
    }
    None
}

/// Asks a rule that takes the request; `None`: it only looks, or steps aside.
async fn by_rule(
    core: &Arc<Core>,
    seen: &Seen,
    request: &Request,
    entry: &TableEntry,
    captured: Captured,
    aside: &mut Vec<Aside>,
) -> Option<(Answer, By)> {
    let spec = &entry.spec;
    let (captured, by) = taken(core, seen, entry, captured);
    if spec.sinks.is_empty()
        && let Some(ready) = entry.ready()
    {
        return Some((ready.answer(), by));
    }
    let request = request.clone().with_captures(captured);
    let named = entry.named();
    for sink in &spec.sinks {
        Box::pin(sink.put(&request, &core.background, &named.label)).await;
    }
    let last = spec.reply.as_ref()?;
    if let Some(ready) = entry.ready() {
        return Some((ready.answer(), by));
    }
    let turn = match spec.sequence.is_single() {
        true => 0,
        false => {
            let seen = seen.with_captures(request.captures());
            entry.rule.turn(&seen, spec.per.as_deref())
        }
    };
    let Some(reply) = spec.sequence.answer(last, turn) else {
        entry.rule.forget(seen);
        aside.push(Aside::passed(&entry.rule));
        return None;
    };
    // Until there is an answer, this is who holds the request.
    seen.conclude(Concluded {
        by: by.clone(),
        ..Concluded::default()
    });
    let lives: Lives = Arc::new([entry.rule.live().clone(), core.live.clone()]);
    let asked = Asked {
        dice: Arc::new(Dice::new(core.options.seed, request.id())),
        request,
        seen: seen.clone(),
        core: Arc::clone(core),
        lives,
        nth: entry.rule.answered(seen),
        label: format!("{} at {}", named.label, named.location).into(),
        #[cfg(feature = "websocket")]
        rule: entry.rule.clone(),
    };
    match Box::pin(make(reply, &asked)).await {
        Made::Answer(answer) => Some((worded(spec, &asked.request, answer), by)),
        Made::Pass => {
            entry.rule.forget(seen);
            aside.push(Aside::passed(&entry.rule));
            None
        }
        Made::Failed(why) => {
            let message = format!("{}: {why}", asked.label);
            let mut failed = failed(core, message);
            failed.response = told_to(&asked.request, failed.response, INTERNAL);
            Some((failed, by))
        }
    }
}

/// A failure of a rule in a dialect, where it has no body, has the one that its clients read.
fn worded(spec: &Spec, request: &Request, mut answer: Answer) -> Answer {
    let response = &mut answer.response;
    let status = response.status().as_u16();
    let bare = matches!(response.body(), Payload::Full(bytes) if bytes.is_empty())
        && !response.headers().contains_key(header::CONTENT_TYPE);
    if status >= 400
        && bare
        && let Some(body) = spec
            .filter
            .dialect()
            .and_then(|dialect| dialect.failure(request, status))
    {
        let json = HeaderValue::from_static("application/json");
        response.headers_mut().insert(header::CONTENT_TYPE, json);
        *response.body_mut() = Payload::Full(body.to_string().into());
    }
    answer
}

fn explained(status: StatusCode, text: String) -> Response<Payload> {
    let mut response = Response::new(Payload::Full(text.into()));
    *response.status_mut() = status;
    let kind = HeaderValue::from_static("text/plain; charset=utf-8");
    response.headers_mut().insert(header::CONTENT_TYPE, kind);
    response
}
