//! The listener, its connections, and the way of a request through the rules.

use std::{
    net::SocketAddr,
    sync::{Arc, Mutex, PoisonError},
    thread::JoinHandle,
    time::Duration,
};

use bytes::{Bytes, BytesMut};
use futures::future::select;
use http::{HeaderValue, Method, Request as HttpRequest, Response, StatusCode, header};
use http_body::Body as _;
use http_body_util::BodyExt;
use hyper::body::Incoming;
use hyper_util::rt::{TokioIo, TokioTimer};
use tokio::{
    net::{TcpListener, TcpStream},
    sync::oneshot,
    task::{AbortHandle, JoinSet},
};

use crate::{
    error::Error,
    journal::{Aside, By, Concluded, Seen, refusal, traced},
    mock::Core,
    reply::{Answer, Asked, Broken, Dice, Made, Payload, Upstream, make},
    request::{Last, Link, Request, Upgrade},
    stream::Lives,
    wire::{Wire, WiredStream},
};

/// A running server; stopping it cuts its connections.
pub(crate) struct Server {
    core: Arc<Core>,
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
    ) -> Result<(SocketAddr, Server), Error> {
        let _entered = runtime.enter();
        let listener = TcpListener::from_std(listener).map_err(cannot_listen)?;
        let address = listener.local_addr().map_err(cannot_listen)?;
        let task = runtime.spawn(accept(listener, address, Arc::clone(&core)));
        let run = Run::Task(task.abort_handle());
        Ok((address, Server { core, run }))
    }

    /// On a thread and a runtime of its own.
    pub(crate) fn on_thread(
        listener: std::net::TcpListener,
        core: Arc<Core>,
    ) -> Result<(SocketAddr, Server), Error> {
        let address = listener.local_addr().map_err(cannot_listen)?;
        let (stop, stopped) = oneshot::channel();
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build()
            .map_err(cannot_listen)?;
        let serving = Arc::clone(&core);
        let thread = std::thread::Builder::new()
            .name("kmock".to_owned())
            .spawn(move || {
                runtime.block_on(async move {
                    if let Ok(listener) = TcpListener::from_std(listener) {
                        let accepting = std::pin::pin!(accept(listener, address, serving));
                        select(accepting, stopped).await;
                    }
                });
                // A closure of the user that never returns must not hold the test.
                runtime.shutdown_timeout(Duration::from_millis(100));
            })
            .map_err(cannot_listen)?;
        let run = Run::Thread(stop, thread);
        Ok((address, Server { core, run }))
    }

    pub(crate) fn stop(self) {
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
        self.core.tasks.stop();
        // Closures may hold the server that holds them: let go of them.
        self.core.book.clear();
    }
}

fn cannot_listen(error: std::io::Error) -> Error {
    Error::io("cannot listen", error)
}

/// What goes on beside the connections: tunnels, WebSockets, async sinks. It ends with the server.
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

    fn stop(&self) {
        let tasks = {
            let mut tasks = self.0.lock().unwrap_or_else(PoisonError::into_inner);
            tasks.take()
        };
        drop(tasks);
    }
}

async fn accept(listener: TcpListener, address: SocketAddr, core: Arc<Core>) {
    // Dropped with this task, it takes the connections along.
    let mut connections = JoinSet::new();
    loop {
        match listener.accept().await {
            Ok((stream, peer)) => {
                // Under a paused clock a segment held back by Nagle's algorithm lets the clock run away.
                let _ = stream.set_nodelay(true);
                let wire = Wire::default();
                let io = TokioIo::new(WiredStream::new(stream, wire.clone()));
                let connection = Connection {
                    core: Arc::clone(&core),
                    address,
                    link: Arc::new(Link { peer, wire }),
                    last: Last::default(),
                };
                connections.spawn(serve(io, Arc::new(connection)));
                while connections.try_join_next().is_some() {}
            }
            // Out of file descriptors, or a connection that was gone before it was accepted: neither is the end.
            Err(error) => {
                tracing::warn!(target: "kmock", "cannot accept: {error}");
                tokio::time::sleep(Duration::from_millis(5)).await;
            }
        }
    }
}

/// What a connection tells each of its requests.
struct Connection {
    core: Arc<Core>,
    /// Where the server listens.
    address: SocketAddr,
    link: Arc<Link>,
    last: Last,
}

async fn serve<I>(io: I, connection: Arc<Connection>)
where
    I: hyper::rt::Read + hyper::rt::Write + Send + Unpin + 'static,
{
    let service = hyper::service::service_fn(move |request: HttpRequest<Incoming>| {
        handle(Arc::clone(&connection), request)
    });
    // Errors are the client's going away, or faults that were asked for.
    #[cfg(feature = "http2")]
    let _ = hyper_util::server::conn::auto::Builder::new(hyper_util::rt::TokioExecutor::new())
        .http1()
        .timer(TokioTimer::new())
        .header_read_timeout(None)
        .serve_connection_with_upgrades(io, service)
        .await;
    #[cfg(not(feature = "http2"))]
    let _ = hyper::server::conn::http1::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(None)
        .serve_connection(io, service)
        .with_upgrades()
        .await;
}

async fn handle(
    connection: Arc<Connection>,
    mut request: HttpRequest<Incoming>,
) -> Result<Response<Payload>, Broken> {
    if request.method() == Method::CONNECT && request.uri().path().is_empty() {
        return Ok(tunnel(connection, request));
    }
    let core = &connection.core;
    let upgrade = request
        .headers()
        .contains_key(header::UPGRADE)
        .then(|| Upgrade::new(hyper::upgrade::on(&mut request)));
    let (head, body) = request.into_parts();
    let limit = core.options.body_limit;
    let (body, too_large) = match read(body, limit).await {
        Ok(body) => (body, false),
        Err(Unread::TooLarge) => (Bytes::new(), true),
        // The client went away in the middle of its request; nobody reads this.
        Err(Unread::Broken(error)) => {
            return Ok(explained(
                StatusCode::BAD_REQUEST,
                format!("kmock: the body broke off: {error}\n"),
            ));
        }
    };
    let id = core.next_id();
    let arrived = core.clock.elapsed();
    let request = Request::new(
        id,
        arrived,
        connection.last.head(head),
        body,
        Some(Arc::clone(&connection.link)),
        upgrade,
    );
    let (seen, whole) = core.journal.record(request);
    let request = whole.as_ref().unwrap_or(seen.request());
    let (answer, by) = if too_large {
        (body_refused(core, request), By::Limit)
    } else {
        answer(core, &seen, request, connection.address).await
    };
    let (status, now) = (answer.response.status().as_u16(), core.clock.elapsed());
    tracing::debug!(target: "kmock", status, "{} {}: {by}", seen.method(), seen.target());
    let concluded = Concluded {
        status: Some(status),
        by,
        duration: Some(now.saturating_sub(arrived)),
        fault: answer.fault.as_deref().map(Box::from),
    };
    if let Some(halt) = answer.halt {
        seen.conclude(concluded);
        return halt.carry_out().await;
    }
    Ok(traced(answer, core, &seen, concluded, now))
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

enum Unread {
    TooLarge,
    Broken(hyper::Error),
}

/// The whole body. Of one that is too large, what follows is read on within reason: closed at once, the connection
/// would be reset, and the client would never see why.
async fn read(mut body: Incoming, limit: usize) -> Result<Bytes, Unread> {
    let mut first = Bytes::new();
    let mut all = BytesMut::new();
    let mut length = 0_usize;
    while !body.is_end_stream() {
        let Some(frame) = body.frame().await else {
            break;
        };
        let Ok(data) = frame.map_err(Unread::Broken)?.into_data() else {
            continue;
        };
        length = length.saturating_add(data.len());
        if length > limit.saturating_add(16 << 20) {
            break;
        }
        if length > limit {
            continue;
        }
        if first.is_empty() && all.is_empty() {
            first = data;
        } else {
            if all.is_empty() {
                all.extend_from_slice(&first);
            }
            all.extend_from_slice(&data);
        }
    }
    match length > limit {
        true => Err(Unread::TooLarge),
        false if all.is_empty() => Ok(first),
        false => Ok(all.freeze()),
    }
}

/// Asks the rules, then what is below them. The request is whole; what was seen of it may be less.
async fn answer(
    core: &Arc<Core>,
    seen: &Seen,
    request: &Request,
    address: SocketAddr,
) -> (Answer, By) {
    if let Some(limit) = core.options.limit
        && request.id() >= limit as u64
    {
        let message = format!("more than {limit} requests came; see the option `limit`");
        if request.id() == limit as u64 {
            core.error(message.clone());
        }
        let refused = explained(StatusCode::TOO_MANY_REQUESTS, format!("kmock: {message}\n"));
        return (Answer::new(refused), By::Limit);
    }
    let mut aside = Vec::new();
    let hostnames = &core.options.hostnames;
    if !hostnames.is_empty()
        && request.uri().authority().is_some()
        && !hostnames.intercept(request, address)
        && let Some(upstream) = Upstream::of_target(request)
    {
        // The client uses the server as a proxy for a host that is none of its business.
        let by = By::Forwarded(upstream.to_string().into());
        return match Box::pin(upstream.forward(request)).await {
            Ok(response) => (Answer::new(response.map(Payload::Body)), by),
            Err(error) => {
                let failed = explained(StatusCode::BAD_GATEWAY, format!("kmock: {error}\n"));
                (Answer::new(failed), by)
            }
        };
    }
    let table = core.book.table();
    for entry in table.candidates(request) {
        let spec = &entry.spec;
        let captured = if spec.filter.awaits() {
            spec.filter.captures_later(request, core, Vec::new()).await
        } else {
            spec.filter.captures(request)
        };
        let Some(captured) = captured else { continue };
        let nth = entry.rule.reach();
        if let Some(slice) = spec.slice.filter(|slice| !slice.contains(nth)) {
            aside.push(Aside::sliced(&entry.rule, slice, nth));
            continue;
        }
        let captured = (!captured.is_empty()).then(|| Arc::new(captured));
        entry.rule.record(seen.with_captures(captured.clone()));
        let by = || By::Rule(Arc::clone(entry.named()));
        if spec.sinks.is_empty()
            && let Some(ready) = entry.ready()
        {
            return (ready.answer(), by());
        }
        let request = request.clone().with_captures(captured);
        let named = entry.named();
        for sink in &spec.sinks {
            Box::pin(sink.put(&request, core, &named.label)).await;
        }
        let Some(reply) = &spec.reply else { continue };
        if let Some(ready) = entry.ready() {
            return (ready.answer(), by());
        }
        // Until there is an answer, this is who holds the request.
        seen.conclude(Concluded {
            by: by(),
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
            Made::Answer(answer) => return (answer, by()),
            Made::Pass => {
                entry.rule.forget(seen);
                aside.push(Aside::passed(&entry.rule));
            }
            Made::Failed(why) => {
                let message = format!("{}: {why}", asked.label);
                core.error(message.clone());
                let failed = explained(
                    StatusCode::INTERNAL_SERVER_ERROR,
                    format!("kmock: {message}\n"),
                );
                return (Answer::new(failed), by());
            }
        }
    }
    if let Some(backend) = &core.backend
        && let Some(response) = backend.answer(request.clone()).await
    {
        return (Answer::new(response.map(Payload::Body)), By::Kubernetes);
    }
    let (refused, by) = refusal(core, request, &aside);
    (Answer::new(refused), by)
}

/// A tunnel that the client asked for with CONNECT. To hosts that the server stands for, it leads to the server.
fn tunnel(connection: Arc<Connection>, mut request: HttpRequest<Incoming>) -> Response<Payload> {
    let Some(authority) = request.uri().authority().map(ToString::to_string) else {
        return explained(
            StatusCode::BAD_REQUEST,
            "kmock: CONNECT needs a host and a port\n".to_owned(),
        );
    };
    let upgraded = hyper::upgrade::on(&mut request);
    let core = Arc::clone(&connection.core);
    let ours = core.options.hostnames.is_empty()
        || core.options.hostnames.stands_for(&authority)
        || authority == connection.address.to_string();
    let tasks = Arc::clone(&core);
    tasks.tasks.spawn(async move {
        let Ok(upgraded) = upgraded.await else { return };
        if ours {
            // What is written into the tunnel goes out on the same wire, byte by byte, and breaks there.
            serve(upgraded, connection).await;
        } else {
            match TcpStream::connect(authority.as_str()).await {
                Ok(mut upstream) => {
                    let mut client = TokioIo::new(upgraded);
                    let _ = tokio::io::copy_bidirectional(&mut client, &mut upstream).await;
                }
                Err(error) => core.error(format!("CONNECT {authority}: {error}")),
            }
        }
    });
    Response::new(Payload::empty())
}

fn explained(status: StatusCode, text: String) -> Response<Payload> {
    let mut response = Response::new(Payload::Full(text.into()));
    *response.status_mut() = status;
    let kind = HeaderValue::from_static("text/plain; charset=utf-8");
    response.headers_mut().insert(header::CONTENT_TYPE, kind);
    response
}
