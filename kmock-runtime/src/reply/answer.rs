//! From what a rule replies to what is sent: computed parts are asked, bodies joined, faults armed.

use std::{
    panic::AssertUnwindSafe,
    sync::{Arc, PoisonError},
};

use axum::body::Body;
use bytes::Bytes;
use futures::{FutureExt, StreamExt, future::BoxFuture};
use http::{HeaderMap, HeaderName, HeaderValue, Method, Response, StatusCode, header};
use http_body::Body as _;
use hyper::ext::ReasonPhrase;

use crate::{
    journal::{Seen, Whole},
    mock::Core,
    reply::{
        Before, Dice, HeaderEdit, Payload, Reply, Source,
        body::{SlowBody, Unmeasured},
        breaking::{Halt, broken},
        date,
        head_style::styled,
        panic_text,
        trailers::trailing,
    },
    request::Request,
    stream::{Lives, Player, Prelude, Stream},
};

/// What is sent.
pub(crate) struct Answer {
    pub(crate) response: Response<Payload>,
    /// How the exchange was broken, for the journal.
    pub(crate) fault: Option<String>,
    /// What happens instead of it, where a connection goes on without.
    pub(crate) halt: Option<Halt>,
    /// For the journal, too: the body, where the rule keeps it ready.
    pub(crate) whole: Option<Arc<Whole>>,
    /// Whether it gets no date: it has one, or is to have none.
    pub(crate) dated: bool,
}

impl Answer {
    pub(crate) fn new(response: Response<Payload>) -> Answer {
        Answer {
            response,
            fault: None,
            halt: None,
            whole: None,
            dated: false,
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

/// Who asks for an answer: the request, its server, and its number among those of the rule.
#[derive(Clone)]
pub(crate) struct Asked {
    pub(crate) request: Request,
    /// The same in the journal.
    pub(crate) seen: Seen,
    pub(crate) core: Arc<Core>,
    pub(crate) lives: Lives,
    pub(crate) nth: usize,
    pub(crate) dice: Arc<Dice>,
    /// For reports: the rule and its place.
    pub(crate) label: Arc<str>,
    #[cfg(feature = "websocket")]
    pub(crate) rule: crate::rules::Rule,
}

/// A reply with nothing to compute, made ready once: what most requests get.
pub(crate) struct Ready {
    status: StatusCode,
    headers: HeaderMap,
    /// Whether the date among the headers is that of each answer.
    dated: bool,
    body: Bytes,
    whole: Arc<Whole>,
}

impl Ready {
    /// `None` where something is to be computed, waited for or broken.
    pub(crate) fn of(reply: &Reply) -> Option<Ready> {
        let plain = reply.before.is_empty()
            && reply.fault.is_none()
            && reply.rate.is_none()
            && reply.reason.is_none()
            && reply.transport.is_none()
            && !reply.pass
            && reply.failure.is_none();
        if !plain {
            return None;
        }
        let mut body = Bytes::new();
        let mut kind = None;
        for source in &reply.bodies {
            let Source::Bytes { bytes, kind: own } = source else {
                return None;
            };
            kind = kind.or(*own);
            if body.is_empty() {
                body = bytes.clone();
            } else {
                body = [body.as_ref(), bytes.as_ref()].concat().into();
            }
        }
        let mut headers = HeaderMap::new();
        finish_headers(&mut headers, kind, reply.headers.iter().cloned());
        let status = reply.status.unwrap_or_default();
        let ready = is_sent_as_written(status, &headers, Some(body.len() as u64)).is_ok()
            && !is_removed(reply, &header::CONTENT_LENGTH)
            && status.canonical_reason().is_some();
        if !ready {
            return None;
        }
        let dated = !is_removed(reply, &header::DATE) && !headers.contains_key(header::DATE);
        if dated {
            headers.insert(header::DATE, date::now());
        }
        Some(Ready {
            status,
            whole: Whole::of(&headers, &body),
            headers,
            dated,
            body,
        })
    }

    pub(crate) fn answer(&self) -> Answer {
        let mut response = Response::new(Payload::Full(self.body.clone()));
        *response.status_mut() = self.status;
        *response.headers_mut() = self.headers.clone();
        if let Some(date) = response
            .headers_mut()
            .get_mut(header::DATE)
            .filter(|_| self.dated)
        {
            *date = date::now();
        }
        Answer {
            whole: Some(Arc::clone(&self.whole)),
            dated: true,
            ..Answer::new(response)
        }
    }
}

/// The parts of an answer, with nothing left to compute.
#[derive(Default)]
struct Parts {
    reply: Reply,
    pieces: Vec<Piece>,
    /// Whether there was a body that is used up, or a wait that leaves nothing to say.
    depleted: bool,
    /// The head of a routed or foreign response comes before the edits.
    routed: Option<http::response::Parts>,
}

enum Piece {
    Bytes(Bytes, Option<&'static str>),
    Stream(Stream),
    Playing(Player, Option<&'static str>),
    Whole(Body),
}

/// Asks a reply for an answer to a request.
pub(crate) async fn make(reply: &Reply, asked: &Asked) -> Made {
    let mut parts = Parts::default();
    match gather(reply.clone(), asked, &mut parts).await {
        Gathered::Done => {}
        Gathered::Pass => return Made::Pass,
        Gathered::Failed(message) => return Made::Failed(message),
    }
    if let Some(made) = prelude(&mut parts, asked).await {
        return made;
    }
    let nothing = parts.pieces.is_empty() && parts.routed.is_none();
    let only_waited = parts.reply.status.is_none() && parts.reply.headers.is_empty();
    if nothing && parts.depleted && (only_waited || !reply.bodies.is_empty()) {
        return Made::Pass;
    }
    match assemble(parts, asked).await {
        Ok(answer) => Made::Answer(answer),
        Err(why) => Made::Failed(why),
    }
}

/// Plays what comes before the first bytes of a streamed body: until then the head is held back, so the rule may
/// still step aside, fail properly, or break before anything is sent.
async fn prelude(parts: &mut Parts, asked: &Asked) -> Option<Made> {
    let mut nothing = false;
    while let Some(Piece::Stream(_)) = parts.pieces.first() {
        let Piece::Stream(stream) = parts.pieces.remove(0) else {
            return None;
        };
        let kind = stream.content_type();
        let mut player = Player::start(stream, asked.clone());
        match player.prelude().await {
            Prelude::Output => {
                parts.pieces.insert(0, Piece::Playing(player, kind));
                return None;
            }
            Prelude::Nothing => nothing = true,
            // That it happens has been decided.
            Prelude::Fault(fault) => {
                let goes_on = fault.more_bytes() > 0;
                parts.reply.fault = Some(fault.certain());
                if !goes_on {
                    parts.pieces.clear();
                    return None;
                }
                parts.pieces.insert(0, Piece::Playing(player, kind));
                return None;
            }
            Prelude::Failed(why) => return Some(Made::Failed(why)),
        }
    }
    (nothing && parts.pieces.is_empty() && parts.routed.is_none()).then_some(Made::Pass)
}

enum Gathered {
    Done,
    Pass,
    Failed(String),
}

/// Walks the sources of a reply; the replies that they compute are walked in their place.
fn gather<'a>(mut reply: Reply, asked: &'a Asked, parts: &'a mut Parts) -> BoxFuture<'a, Gathered> {
    Box::pin(async move {
        if let Some(message) = reply.failure {
            return Gathered::Failed(message);
        }
        if reply.pass {
            return Gathered::Pass;
        }
        for step in reply.before.drain(..) {
            match step {
                Before::Delay(delay) => tokio::time::sleep(delay.pick(&asked.dice)).await,
                Before::Hold(gate) => gate.pass().await,
                Before::Informational(status, headers) => {
                    super::informational::send(status, &headers, asked);
                }
                Before::Wait(waiter) => {
                    let waited = AssertUnwindSafe(async { waiter.wait().await });
                    if let Err(panic) = waited.catch_unwind().await {
                        return Gathered::Failed(format!("panicked: {}", panic_text(&*panic)));
                    }
                }
            }
        }
        let sources = std::mem::take(&mut reply.bodies);
        let known = std::mem::take(&mut parts.reply);
        parts.reply = known.and(reply);
        for source in sources {
            let computed = match source {
                Source::Nothing => {
                    parts.depleted = true;
                    continue;
                }
                Source::Bytes { bytes, kind } => {
                    parts.pieces.push(Piece::Bytes(bytes, kind));
                    continue;
                }
                Source::File(path) => {
                    let kind = content_type(&path);
                    match read_file(path).await {
                        Ok(bytes) => parts.pieces.push(Piece::Bytes(bytes, kind)),
                        Err(why) => return Gathered::Failed(why),
                    }
                    continue;
                }
                Source::Rest(reader) => {
                    let read = tokio::task::spawn_blocking(move || {
                        let mut reader = reader.lock().unwrap_or_else(PoisonError::into_inner);
                        reader.rest()
                    });
                    match read.await {
                        Ok(Ok(Some(bytes))) => parts.pieces.push(Piece::Bytes(bytes, None)),
                        Ok(Ok(None)) => parts.depleted = true,
                        Ok(Err(why)) => return Gathered::Failed(why),
                        Err(stopped) => return Gathered::Failed(stopped.to_string()),
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
                        asked.request.to_http().map(Body::from),
                    );
                    let routed = match AssertUnwindSafe(routed).catch_unwind().await {
                        Ok(routed) => routed,
                        Err(panic) => {
                            return Gathered::Failed(format!("panicked: {}", panic_text(&*panic)));
                        }
                    };
                    let response = match routed {
                        Ok(response) => response,
                        Err(never) => match never {},
                    };
                    let (head, body) = response.into_parts();
                    parts.routed = Some(head);
                    parts.pieces.push(Piece::Whole(body));
                    continue;
                }
                Source::Proxy(upstream) => {
                    match upstream.forward(&asked.request).await {
                        Ok(response) => {
                            let (head, body) = response.into_parts();
                            parts.routed = Some(head);
                            parts.pieces.push(Piece::Whole(body));
                        }
                        Err(why) => return Gathered::Failed(why.to_string()),
                    }
                    continue;
                }
                #[cfg(feature = "websocket")]
                Source::WebSocket(socket) => {
                    match crate::websocket::accept(&socket, asked) {
                        Ok(head) => parts.routed = Some(head),
                        Err(why) => return Gathered::Failed(why),
                    }
                    continue;
                }
                Source::Compute(compute) => compute_apart(compute, asked.request.clone()).await,
                Source::ComputeLater(compute) => {
                    // The function may panic before it makes a future, too.
                    let request = asked.request.clone();
                    AssertUnwindSafe(async move { compute(request).await })
                        .catch_unwind()
                        .await
                        .map_err(|panic| format!("panicked: {}", panic_text(&*panic)))
                }
            };
            let computed = match computed {
                Ok(computed) => computed,
                Err(why) => return Gathered::Failed(why),
            };
            match gather(computed, asked, parts).await {
                Gathered::Done => {}
                other => return other,
            }
        }
        Gathered::Done
    })
}

/// Calls a function of the user on a thread that may block, so that one that takes its time holds up nobody else.
/// A paused clock stands meanwhile: tokio does not advance it while such a thread works.
pub(crate) async fn compute_apart<R: Send + 'static>(
    compute: Arc<dyn Fn(Request) -> R + Send + Sync>,
    request: Request,
) -> Result<R, String> {
    match tokio::task::spawn_blocking(move || compute(request)).await {
        Ok(made) => Ok(made),
        Err(stopped) => Err(match stopped.try_into_panic() {
            Ok(panic) => format!("panicked: {}", panic_text(&*panic)),
            Err(stopped) => stopped.to_string(),
        }),
    }
}

pub(crate) async fn read_file(path: std::path::PathBuf) -> Result<Bytes, String> {
    let shown = path.display().to_string();
    match tokio::task::spawn_blocking(move || std::fs::read(path)).await {
        Ok(Ok(bytes)) => Ok(bytes.into()),
        Ok(Err(error)) => Err(format!("file {shown}: {error}")),
        Err(stopped) => Err(format!("file {shown}: {stopped}")),
    }
}

/// `Err`: hyper would not send it as it is written.
async fn assemble(parts: Parts, asked: &Asked) -> Result<Answer, String> {
    let Parts {
        reply,
        mut pieces,
        routed,
        ..
    } = parts;
    let kind = pieces.iter().find_map(|piece| match piece {
        Piece::Bytes(_, kind) | Piece::Playing(_, kind) => *kind,
        Piece::Stream(stream) => stream.content_type(),
        Piece::Whole(_) => None,
    });
    let payload = match (pieces.pop(), pieces.is_empty()) {
        (None, _) => Payload::empty(),
        (Some(Piece::Bytes(bytes, _)), true) => Payload::Full(bytes),
        (Some(Piece::Whole(body)), true) => Payload::Body(body),
        (Some(last), _) => {
            pieces.push(last);
            Payload::Body(joined(pieces, asked))
        }
    };
    let foreign = routed.is_some();
    let mut response = Response::new(payload);
    if let Some(head) = routed {
        *response.status_mut() = head.status;
        *response.headers_mut() = head.headers;
        *response.extensions_mut() = head.extensions;
    }
    if let Some(status) = reply.status {
        *response.status_mut() = status;
    }
    if let Some(reason) = reply.reason.clone() {
        response.extensions_mut().insert(reason);
    } else if response.status().canonical_reason().is_none() {
        // Of a status that nobody knows there are no words (RFC 9112, 4); hyper would say `<none>`.
        let words = response.extensions_mut();
        if words.get::<ReasonPhrase>().is_none() {
            words.insert(ReasonPhrase::from_static(b""));
        }
    }
    let unmeasured = is_removed(&reply, &header::CONTENT_LENGTH);
    let undated = is_removed(&reply, &header::DATE);
    finish_headers(response.headers_mut(), kind, reply.headers);
    // To HEAD, and to what was not modified, the length is that of another answer (RFC 9110, 8.6).
    let of_another =
        asked.request.method() == Method::HEAD || response.status() == StatusCode::NOT_MODIFIED;
    if of_another && response.headers().contains_key(header::CONTENT_LENGTH) {
        *response.body_mut() = Payload::empty();
    }
    let size = response.body().size_hint().exact().filter(|_| !of_another);
    if !foreign {
        is_sent_as_written(response.status(), response.headers(), size)?;
    }
    if unmeasured {
        response =
            response.map(|payload| Payload::Body(Body::new(Unmeasured::new(payload.into_body()))));
    }
    if let Some(rate) = reply.rate {
        response = response
            .map(|payload| Payload::Body(Body::new(SlowBody::new(payload.into_body(), rate))));
    }
    let dated = undated || response.headers().contains_key(header::DATE);
    let mut answer = Answer {
        dated,
        ..Answer::new(response)
    };
    if let Some(way) = reply.transport {
        if !way.trailers.is_empty() {
            answer = trailing(answer, way.trailers, &asked.request);
        }
        if !way.head.is_usual() {
            answer = styled(answer, &way.head, &reply.spelled, &asked.request);
        }
    }
    Ok(match reply.fault {
        Some(fault) if fault.happens(asked.nth, &asked.dice) => {
            broken(answer, fault, &asked.request).await
        }
        _ => answer,
    })
}

/// Whether a rule leaves out a header that would be there otherwise.
fn is_removed(reply: &Reply, name: &HeaderName) -> bool {
    let last = reply.headers.iter().rev().find_map(|edit| match edit {
        HeaderEdit::Add(other, _) => (other == name).then_some(false),
        HeaderEdit::Remove(other) => (other == name).then_some(true),
    });
    last.unwrap_or_default()
}

/// What HTTP cannot carry, or what would break the exchange without a fault that says so, is refused in words: hyper would
/// drop the connection, or send something else. `size`: that of the body, where it is known.
fn is_sent_as_written(
    status: StatusCode,
    headers: &HeaderMap,
    size: Option<u64>,
) -> Result<(), String> {
    if status.is_informational() && status != StatusCode::SWITCHING_PROTOCOLS {
        return Err(format!(
            "{} is no answer of its own: a status below 200 comes before one",
            status.as_u16()
        ));
    }
    if status == StatusCode::NO_CONTENT && size.is_some_and(|size| size > 0) {
        return Err("an answer of status 204 has no body (RFC 9110, 15.3.5)".to_owned());
    }
    for value in headers.get_all(header::CONTENT_LENGTH) {
        let said = value
            .to_str()
            .ok()
            .and_then(|text| text.parse::<u64>().ok());
        let Some(said) = said else {
            return Err(format!("`content-length: {value:?}` is no length"));
        };
        if let Some(size) = size.filter(|size| *size != said) {
            return Err(format!(
                "`content-length` says {said}, and the body has {size} bytes: leave the header out, or write `promise {said}` \
                 to break that on purpose"
            ));
        }
    }
    Ok(())
}

/// The content type that the body implies, and then what the rule says of headers.
fn finish_headers(
    headers: &mut HeaderMap,
    kind: Option<&'static str>,
    edits: impl IntoIterator<Item = HeaderEdit>,
) {
    if let Some(kind) = kind {
        headers
            .entry(header::CONTENT_TYPE)
            .or_insert(HeaderValue::from_static(kind));
    }
    // The first time that a header is set, it takes the place of what would be there otherwise.
    let mut set = Vec::new();
    for edit in edits {
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
}

/// Several pieces one after another.
fn joined(pieces: Vec<Piece>, asked: &Asked) -> Body {
    let bodies: Vec<_> = pieces
        .into_iter()
        .map(|piece| match piece {
            Piece::Bytes(bytes, _) => StreamExt::boxed(Body::from(bytes).into_data_stream()),
            Piece::Stream(stream) => StreamExt::boxed(Player::start(stream, asked.clone())),
            Piece::Playing(player, _) => StreamExt::boxed(player),
            Piece::Whole(body) => StreamExt::boxed(body.into_data_stream()),
        })
        .collect();
    match <[_; 1]>::try_from(bodies) {
        Ok([only]) => Body::from_stream(only),
        Err(bodies) => Body::from_stream(futures::stream::iter(bodies).flatten()),
    }
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
