//! From what a rule replies to what is sent: computed parts are asked, bodies joined, faults armed.

use std::{
    panic::AssertUnwindSafe,
    sync::{Arc, PoisonError},
};

use axum::body::Body;
use bytes::Bytes;
use futures::{FutureExt, StreamExt, future::BoxFuture};
use http::{HeaderValue, Response, StatusCode, header};

use crate::{
    reply::{
        Before, HeaderEdit, Reply, Source,
        body::{CutBody, SlowBody},
        fault::Place,
        panic_text,
    },
    request::Request,
    stream::{Lives, Player, Stream},
};

/// What is sent.
pub(crate) struct Answer {
    pub(crate) response: Response<Body>,
    /// How the exchange was broken, for the journal.
    pub(crate) fault: Option<String>,
}

impl Answer {
    pub(crate) fn new(response: Response<Body>) -> Answer {
        Answer {
            response,
            fault: None,
        }
    }
}

/// What came of asking a rule.
pub(crate) enum Made {
    Answer(Answer),
    /// The rule has nothing to say, or nothing any more.
    Pass,
    /// The user's code failed.
    Failed(String),
}

/// The parts of an answer, with nothing left to compute.
#[derive(Default)]
struct Parts {
    reply: Reply,
    pieces: Vec<Piece>,
    /// Whether there was a body that is used up.
    depleted: bool,
    /// The head of a routed or foreign response comes before the edits.
    routed: Option<http::response::Parts>,
}

enum Piece {
    Bytes(Bytes, Option<&'static str>),
    Stream(Stream),
    Whole(Body),
}

/// Asks a reply for an answer to a request.
pub(crate) async fn make(reply: &Reply, request: &Request, lives: Lives) -> Made {
    let mut parts = Parts::default();
    match gather(reply.clone(), request, &mut parts).await {
        Gathered::Done => {}
        Gathered::Pass => return Made::Pass,
        Gathered::Failed(message) => return Made::Failed(message),
    }
    if parts.pieces.is_empty() && parts.depleted {
        return Made::Pass;
    }
    Made::Answer(assemble(parts, request, lives))
}

enum Gathered {
    Done,
    Pass,
    Failed(String),
}

/// Walks the sources of a reply; the replies that they compute are walked in their place.
fn gather<'a>(
    mut reply: Reply,
    request: &'a Request,
    parts: &'a mut Parts,
) -> BoxFuture<'a, Gathered> {
    Box::pin(async move {
        if let Some(message) = reply.failure {
            return Gathered::Failed(message);
        }
        if reply.pass {
            return Gathered::Pass;
        }
        for step in reply.before.drain(..) {
            match step {
                Before::Delay(delay) => tokio::time::sleep(delay).await,
                Before::Hold(gate) => gate.pass().await,
            }
        }
        let sources = std::mem::take(&mut reply.bodies);
        let known = std::mem::take(&mut parts.reply);
        parts.reply = known.and(reply);
        for source in sources {
            let computed = match source {
                Source::Bytes { bytes, kind } => {
                    parts.pieces.push(Piece::Bytes(bytes, kind));
                    continue;
                }
                Source::File(path) => match tokio::task::spawn_blocking({
                    let path = path.clone();
                    move || std::fs::read(path)
                })
                .await
                {
                    Ok(Ok(bytes)) => {
                        let kind = content_type(&path);
                        parts.pieces.push(Piece::Bytes(bytes.into(), kind));
                        continue;
                    }
                    Ok(Err(error)) => {
                        return Gathered::Failed(format!("file {}: {error}", path.display()));
                    }
                    Err(_) => return Gathered::Failed(format!("file {}", path.display())),
                },
                Source::Lines(reader) => {
                    let line = reader
                        .lock()
                        .unwrap_or_else(PoisonError::into_inner)
                        .next_line();
                    match line {
                        Ok(Some(line)) => parts.pieces.push(Piece::Bytes(line, None)),
                        Ok(None) => parts.depleted = true,
                        Err(error) => return Gathered::Failed(format!("file once: {error}")),
                    }
                    continue;
                }
                Source::Stream(stream) => {
                    if stream.is_depleted() {
                        parts.depleted = true;
                    } else {
                        parts.pieces.push(Piece::Stream(stream));
                    }
                    continue;
                }
                Source::Whole(body) => {
                    let body = body.lock().unwrap_or_else(PoisonError::into_inner).take();
                    match body {
                        Some(body) => parts.pieces.push(Piece::Whole(body)),
                        None => parts.depleted = true,
                    }
                    continue;
                }
                Source::Router(router) => {
                    let routed = tower_service::Service::call(
                        &mut router.into_service::<Body>(),
                        request.to_http().map(Body::from),
                    );
                    let response = match routed.await {
                        Ok(response) => response,
                        Err(never) => match never {},
                    };
                    let (head, body) = response.into_parts();
                    parts.routed = Some(head);
                    parts.pieces.push(Piece::Whole(body));
                    continue;
                }
                Source::Compute(compute) => {
                    std::panic::catch_unwind(AssertUnwindSafe(|| compute(request.clone())))
                }
                Source::ComputeLater(compute) => {
                    // The function may panic before it makes a future, too.
                    let request = request.clone();
                    AssertUnwindSafe(async move { compute(request).await })
                        .catch_unwind()
                        .await
                }
            };
            let computed = match computed {
                Ok(computed) => computed,
                Err(panic) => {
                    return Gathered::Failed(format!("panicked: {}", panic_text(&*panic)));
                }
            };
            match gather(computed, request, parts).await {
                Gathered::Done => {}
                other => return other,
            }
        }
        Gathered::Done
    })
}

fn assemble(parts: Parts, request: &Request, lives: Lives) -> Answer {
    let Parts {
        reply,
        mut pieces,
        routed,
        ..
    } = parts;
    let kind = pieces.iter().find_map(|piece| match piece {
        Piece::Bytes(_, kind) => *kind,
        Piece::Stream(stream) => stream.content_type(),
        Piece::Whole(_) => None,
    });
    let body = match (pieces.pop(), pieces.is_empty()) {
        (None, _) => Body::empty(),
        (Some(Piece::Bytes(bytes, _)), true) => Body::from(bytes),
        (Some(Piece::Whole(body)), true) => body,
        (Some(last), _) => {
            pieces.push(last);
            joined(pieces, request, &lives)
        }
    };
    let mut response = Response::new(body);
    if let Some(head) = routed {
        *response.status_mut() = head.status;
        *response.headers_mut() = head.headers;
    }
    if let Some(status) = reply.status {
        *response.status_mut() = status;
    }
    let headers = response.headers_mut();
    if let Some(kind) = kind {
        headers
            .entry(header::CONTENT_TYPE)
            .or_insert(HeaderValue::from_static(kind));
    }
    // The first time that a header is set, it takes the place of what would be there otherwise.
    let mut set = Vec::new();
    for edit in reply.headers {
        match edit {
            HeaderEdit::Add(name, value) if set.contains(&name) => {
                headers.append(name, value);
            }
            HeaderEdit::Add(name, value) => {
                set.push(name.clone());
                headers.insert(name, value);
            }
            HeaderEdit::Remove(name) => {
                headers.remove(name);
            }
        }
    }
    if let Some(rate) = reply.rate {
        response = response.map(|body| Body::new(SlowBody::new(body, rate)));
    }
    let mut answer = Answer::new(response);
    if let Some(fault) = reply.fault {
        answer.fault = Some(format!("{:?}", fault.cut).to_lowercase());
        match (request.wire().cloned(), fault.place) {
            (Some(wire), Place::Head(bytes)) => wire.cut_after(bytes, fault.cut),
            (Some(wire), Place::Body(left)) => {
                answer.response = answer.response.map(|inner| {
                    Body::new(CutBody {
                        inner,
                        left,
                        cut: Some(fault.cut),
                        wire,
                    })
                });
            }
            // Without a socket underneath there is nothing to break.
            (None, _) => {
                *answer.response.status_mut() = StatusCode::BAD_GATEWAY;
            }
        }
    }
    answer
}

/// Several pieces one after another.
fn joined(pieces: Vec<Piece>, request: &Request, lives: &Lives) -> Body {
    let player = |stream: Stream| Player::start(stream, request.clone(), Arc::clone(lives));
    let bodies: Vec<_> = pieces
        .into_iter()
        .map(|piece| match piece {
            Piece::Bytes(bytes, _) => Body::from(bytes).into_data_stream().boxed(),
            Piece::Stream(stream) => player(stream).boxed(),
            Piece::Whole(body) => body.into_data_stream().boxed(),
        })
        .collect();
    Body::from_stream(futures::stream::iter(bodies).flatten())
}

/// By the file's name, for the few kinds that tests serve.
fn content_type(path: &std::path::Path) -> Option<&'static str> {
    match path.extension()?.to_str()? {
        "json" => Some("application/json"),
        "html" => Some("text/html; charset=utf-8"),
        "txt" => Some("text/plain; charset=utf-8"),
        "yaml" | "yml" => Some("application/yaml"),
        "xml" => Some("application/xml"),
        "css" => Some("text/css"),
        "js" => Some("text/javascript"),
        "svg" => Some("image/svg+xml"),
        "png" => Some("image/png"),
        _ => None,
    }
}
