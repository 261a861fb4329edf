//! The listener, its connections, and the way of a request through the rules.

use std::{convert::Infallible, net::SocketAddr, sync::Arc, time::Duration};

use axum::{Router, body::Body, extract::State};
use futures::future::select;
use http::{Response, StatusCode, header};
use http_body_util::{BodyExt, Limited};
use hyper_util::rt::{TokioIo, TokioTimer};
use tokio::{
    net::{TcpListener, TcpStream},
    sync::oneshot,
    task::{AbortHandle, JoinSet},
};
use tower_service::Service;

use crate::{
    error::Error,
    journal::{Answerer, Aside, Outcome, Seen, refusal, traced},
    mock::Core,
    reply::{Answer, Made, make},
    request::Request,
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
    Thread(oneshot::Sender<()>),
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
        let task = runtime.spawn(accept(listener, Arc::clone(&core)));
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
        std::thread::Builder::new()
            .name("kmock".to_owned())
            .spawn(move || {
                runtime.block_on(async move {
                    if let Ok(listener) = TcpListener::from_std(listener) {
                        let accepting = std::pin::pin!(accept(listener, serving));
                        select(accepting, stopped).await;
                    }
                });
            })
            .map_err(cannot_listen)?;
        let run = Run::Thread(stop);
        Ok((address, Server { core, run }))
    }

    pub(crate) fn stop(self) {
        match self.run {
            Run::Task(task) => task.abort(),
            // The thread sees it, or is gone already.
            Run::Thread(stop) => drop(stop.send(())),
        }
        // Closures may hold the server that holds them: let go of them.
        self.core.book.clear();
    }
}

fn cannot_listen(error: std::io::Error) -> Error {
    Error::io("cannot listen", error)
}

async fn accept(listener: TcpListener, core: Arc<Core>) {
    let router = Router::new().fallback(handle).with_state(Arc::clone(&core));
    // Dropped with this task, it takes the connections along.
    let mut connections = JoinSet::new();
    loop {
        match listener.accept().await {
            Ok((stream, peer)) => {
                connections.spawn(serve(stream, peer, router.clone()));
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
#[derive(Clone)]
struct Connection {
    peer: SocketAddr,
    wire: Wire,
}

async fn serve(stream: TcpStream, peer: SocketAddr, router: Router) {
    // Under a paused clock a segment held back by Nagle's algorithm lets the clock run away.
    let _ = stream.set_nodelay(true);
    let wire = Wire::default();
    let connection = Connection {
        peer,
        wire: wire.clone(),
    };
    let service = hyper::service::service_fn(move |mut request: http::Request<_>| {
        request.extensions_mut().insert(connection.clone());
        let mut router = router.clone();
        async move { Service::<http::Request<_>>::call(&mut router, request).await }
    });
    let io = TokioIo::new(WiredStream::new(stream, wire));
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
    State(core): State<Arc<Core>>,
    request: http::Request<Body>,
) -> Result<Response<Body>, Infallible> {
    let (mut head, body) = request.into_parts();
    let connection = head.extensions.remove::<Connection>();
    let limit = core.options.body_limit;
    let body = match Limited::new(body, limit).collect().await {
        Ok(body) => body.to_bytes(),
        Err(error) if error.is::<http_body_util::LengthLimitError>() => {
            core.error(format!(
                "{} {} has a body of more than {limit} bytes; see the option `body_limit`",
                head.method, head.uri
            ));
            return Ok(explained(
                StatusCode::PAYLOAD_TOO_LARGE,
                format!(
                    "kmock: the body is larger than {limit} bytes; see the option `body_limit`\n"
                ),
            ));
        }
        // The client went away in the middle of its request; nobody reads this.
        Err(error) => {
            return Ok(explained(
                StatusCode::BAD_REQUEST,
                format!("kmock: the body broke off: {error}\n"),
            ));
        }
    };
    let id = core.next_id();
    let (peer, wire) = connection.map(|it| (it.peer, it.wire)).unzip();
    let arrived = core.clock.elapsed();
    let request = Request::new(id, arrived, head, body, peer, wire);
    let seen = core.journal.record(&request);
    let (answer, answered_by) = answer(&core, &seen, &request).await;
    let status = answer.response.status().as_u16();
    tracing::debug!(target: "kmock", status, "{} {}: {answered_by}", seen.method(), seen.target());
    seen.conclude(Outcome {
        status: Some(status),
        answered_by,
        duration: Some(core.clock.elapsed().saturating_sub(arrived)),
        fault: answer.fault,
    });
    Ok(traced(answer.response, &core, &seen))
}

/// Asks the rules, then what is below them. The request is whole; what was seen of it may be less.
async fn answer(core: &Arc<Core>, seen: &Seen, request: &Request) -> (Answer, Answerer) {
    if let Some(limit) = core.options.limit
        && request.id() >= limit as u64
    {
        let message = format!("more than {limit} requests came; see the option `limit`");
        if request.id() == limit as u64 {
            core.error(message.clone());
        }
        let refused = explained(StatusCode::TOO_MANY_REQUESTS, format!("kmock: {message}\n"));
        return (Answer::new(refused), Answerer::NoRule);
    }
    let mut aside = Vec::new();
    let table = core.book.table();
    for entry in table.candidates(request.url_path()) {
        let spec = &entry.spec;
        let captured = if spec.filter.awaits() {
            spec.filter.captures_later(request).await
        } else {
            spec.filter.captures(request)
        };
        let Some(captured) = captured else { continue };
        let n = entry.rule.reach();
        if let Some(slice) = spec.slice.filter(|slice| !slice.contains(n)) {
            aside.push(Aside::sliced(&entry.rule, slice, n));
            continue;
        }
        let seen = seen.with_captures(captured.clone());
        let request = request.clone().with_captures(captured);
        entry.rule.record(seen.clone());
        for sink in &spec.sinks {
            let put = std::panic::AssertUnwindSafe(|| sink.put(request.clone()));
            let failed = match std::panic::catch_unwind(put) {
                Ok(put) => put.err(),
                Err(panic) => Some(crate::reply::panic_text(&*panic)),
            };
            if let Some(why) = failed {
                core.error(format!(
                    "{} of {}: a sink: {why}",
                    entry.rule, spec.location
                ));
            }
        }
        let Some(reply) = &spec.reply else { continue };
        let lives: Lives = Arc::new([entry.rule.live().clone(), core.live.clone()]);
        let by = || Answerer::Rule(entry.rule.to_string(), spec.location);
        match make(reply, &request, lives).await {
            Made::Answer(answer) => return (answer, by()),
            Made::Pass => {
                entry.rule.forget(&seen);
                aside.push(Aside::passed(&entry.rule));
            }
            Made::Failed(why) => {
                let message = format!("{} at {}: {why}", entry.rule, spec.location);
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
        return (Answer::new(response), Answerer::Kubernetes);
    }
    let refused = refusal(core, seen, request, &aside);
    (Answer::new(refused), Answerer::NoRule)
}

fn explained(status: StatusCode, text: String) -> Response<Body> {
    let mut response = Response::new(Body::from(text));
    *response.status_mut() = status;
    let kind = header::HeaderValue::from_static("text/plain; charset=utf-8");
    response.headers_mut().insert(header::CONTENT_TYPE, kind);
    response
}
