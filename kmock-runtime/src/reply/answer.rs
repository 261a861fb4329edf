//! From what a rule replies to what is sent: computed parts are asked, bodies joined, faults armed.

use std::{
    panic::AssertUnwindSafe,
    sync::{Arc, PoisonError},
};

use axum::body::Body;
use bytes::Bytes;
use futures::{FutureExt, StreamExt, future::BoxFuture};
use http::{Method, Response, StatusCode, header};
use http_body::Body as _;
use hyper::ext::ReasonPhrase;

use crate::{
    core::Core,
    journal::Seen,
    reply::{
        Answer, Before, Dice, Payload, Reply, ReplyPart, SWITCHES, Source,
        body::{SlowBody, Unmeasured},
        breaking::broken,
        head_style::styled,
        ready::{finish_headers, is_removed, is_sent_as_written},
        representation::{PROBLEM, problem_body},
        trailers::trailing,
    },
    request::Request,
    stream::{Lives, Player, Prelude, Stream},
    user_code::{compute_apart, panic_text, read_file},
};

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

/// The parts of an answer, with nothing left to compute.
#[derive(Default)]
struct Parts {
    reply: Reply,
    pieces: Vec<Piece>,
    /// Whether there was a body that is used up, or a wait that leaves nothing to say.
    depleted: bool,
    /// The head of a routed or foreign response comes before the edits.
    routed: Option<http::response::Parts>,
    /// The answer in the words of a protocol.
    part: Option<Arc<dyn ReplyPart>>,
}

impl Parts {
    /// Takes the response of another.
    fn pass_on(&mut self, response: Response<Body>) {
        let (head, body) = response.into_parts();
        self.routed = Some(head);
        self.pieces.push(Piece::Whole(body));
    }
}

enum Piece {
    Bytes(Bytes, Option<&'static str>),
    Stream(Stream),
    Playing(Player, Option<&'static str>),
    Whole(Body),
    Problem(serde_json::Map<String, serde_json::Value>),
}

/// Asks a reply for an answer to a request, as long as the client waits.
pub(crate) async fn make(reply: &Reply, asked: &Asked) -> Made {
    let limit = reply.bodies.iter().find_map(|source| match source {
        Source::Part(part) => part.limit(&asked.request),
        _ => None,
    });
    let Some((after, over)) = limit else {
        return make_now(reply, asked).await;
    };
    match tokio::time::timeout(after, make_now(reply, asked)).await {
        Ok(made) => made,
        Err(_) => Made::Answer(Answer::new(over)),
    }
}

async fn make_now(reply: &Reply, asked: &Asked) -> Made {
    let mut parts = Parts::default();
    match gather(reply.clone(), asked, &mut parts).await {
        Gathered::Done => {}
        Gathered::Pass => return Made::Pass,
        Gathered::Failed(message) => return Made::Failed(message),
    }
    if let Some(part) = parts.part.take() {
        let way = parts.reply.transport.as_mut();
        let trailers = way.map(|way| std::mem::take(&mut way.trailers));
        let (head, body) = part
            .answer(trailers.unwrap_or_default(), asked)
            .into_parts();
        parts.routed = Some(head);
        parts.pieces.push(Piece::Whole(body));
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
            if let Err(why) = wait(step, asked).await {
                return Gathered::Failed(why);
            }
        }
        let sources = std::mem::take(&mut reply.bodies);
        let known = std::mem::take(&mut parts.reply);
        parts.reply = known.and(reply);
        for source in sources {
            let computed = match take(source, asked, parts).await {
                Ok(Some(computed)) => computed,
                Ok(None) => continue,
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

/// What goes before an answer.
async fn wait(step: Before, asked: &Asked) -> Result<(), String> {
    match step {
        Before::Delay(delay) => tokio::time::sleep(delay.pick(&asked.dice)).await,
        Before::Hold(gate) => gate.pass().await,
        Before::Informational(status, headers) => {
            super::informational::send(status, &headers, asked);
        }
        Before::Wait(waiter) => {
            let waited = AssertUnwindSafe(async { waiter.wait().await });
            waited
                .catch_unwind()
                .await
                .map_err(|panic| panicked(&*panic))?;
        }
    }
    Ok(())
}

fn panicked(panic: &(dyn std::any::Any + Send)) -> String {
    format!("panicked: {}", panic_text(panic))
}

/// Takes what a source has; `Some`: a reply that it has computed, and that is to be walked.
async fn take(source: Source, asked: &Asked, parts: &mut Parts) -> Result<Option<Reply>, String> {
    match source {
        Source::Nothing => parts.depleted = true,
        Source::Bytes { bytes, kind } => parts.pieces.push(Piece::Bytes(bytes, kind)),
        Source::Problem(members) => parts.pieces.push(Piece::Problem(members)),
        Source::File(path) => {
            let kind = content_type(&path);
            let bytes = read_file(path).await?;
            parts.pieces.push(Piece::Bytes(bytes, kind));
        }
        Source::Rest(reader) => {
            let read = tokio::task::spawn_blocking(move || {
                let mut reader = reader.lock().unwrap_or_else(PoisonError::into_inner);
                reader.rest()
            });
            match read.await.map_err(|stopped| stopped.to_string())?? {
                Some(bytes) => parts.pieces.push(Piece::Bytes(bytes, None)),
                None => parts.depleted = true,
            }
        }
        Source::Stream(stream) if stream.is_depleted() => parts.depleted = true,
        Source::Stream(stream) => parts.pieces.push(Piece::Stream(stream)),
        Source::Whole(body) => {
            let body = body.lock().unwrap_or_else(PoisonError::into_inner).take();
            match body {
                Some(body) => parts.pieces.push(Piece::Whole(body)),
                None => parts.depleted = true,
            }
        }
        Source::Router(router) => {
            let routed = tower_service::Service::call(
                &mut router.into_service::<Body>(),
                asked.request.to_http().map(Body::from),
            );
            let routed = AssertUnwindSafe(routed).catch_unwind().await;
            let Ok(response) = routed.map_err(|panic| panicked(&*panic))?;
            parts.pass_on(response);
        }
        Source::Proxy(upstream) => {
            let response = upstream.forward(&asked.request).await;
            parts.pass_on(response.map_err(|why| why.to_string())?);
        }
        Source::Part(part) => {
            let joined = parts.part.take();
            let joined = joined.and_then(|known| known.and(part.as_any()));
            parts.part = Some(joined.unwrap_or(part));
        }
        #[cfg(feature = "websocket")]
        Source::WebSocket(socket) => match crate::websocket::accept(&socket, asked) {
            Ok(head) => parts.routed = Some(head),
            Err(unaccepted) => {
                let why = &unaccepted.why;
                asked.core.error(format!("{}: {why}", asked.label));
                let text = format!("kmock: {why}\n");
                parts.routed = Some(unaccepted.head());
                parts.pieces.push(Piece::Whole(Body::from(text)));
            }
        },
        #[cfg(feature = "cluster")]
        Source::Answered(answer) => {
            let super::Answered { response, takeover } = answer(&asked.request);
            match takeover {
                Some(takeover) => {
                    asked.core.hand_over(&asked.request, takeover);
                    parts.routed = Some(response.into_parts().0);
                }
                None => parts.pass_on(response),
            }
        }
        Source::Compute(compute) => {
            return compute_apart(compute, asked.request.clone())
                .await
                .map(Some);
        }
        Source::ComputeLater(compute) => {
            // The function may panic before it makes a future, too.
            let request = asked.request.clone();
            let computed = AssertUnwindSafe(async move { compute(request).await });
            let computed = computed.catch_unwind().await;
            return computed.map(Some).map_err(|panic| panicked(&*panic));
        }
    }
    Ok(None)
}

/// `Err`: hyper would not send it as it is written.
async fn assemble(parts: Parts, asked: &Asked) -> Result<Answer, String> {
    let Parts {
        reply,
        mut pieces,
        routed,
        ..
    } = parts;
    // A problem that a function has made is no longer among the sources.
    let problem = pieces
        .iter()
        .any(|piece| matches!(piece, Piece::Problem(_)));
    let status = reply.own_status().or_else(|| {
        let implied = problem && routed.is_none();
        implied.then_some(StatusCode::INTERNAL_SERVER_ERROR)
    });
    for piece in &mut pieces {
        if let Piece::Problem(members) = piece {
            let said = status.or(routed.as_ref().map(|head| head.status));
            let body = problem_body(std::mem::take(members), said.unwrap_or_default());
            *piece = Piece::Bytes(body, Some(PROBLEM));
        }
    }
    let kind = pieces.iter().find_map(|piece| match piece {
        Piece::Bytes(_, kind) | Piece::Playing(_, kind) => *kind,
        Piece::Stream(stream) => stream.content_type(),
        Piece::Whole(_) | Piece::Problem(_) => None,
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
    if let Some(status) = status {
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
    if let Some(representation) = &reply.representation {
        representation.apply(&mut response, &asked.request)?;
    }
    // To HEAD the length is that of another answer (RFC 9110, 8.6).
    let of_another = asked.request.method() == Method::HEAD;
    if of_another && response.headers().contains_key(header::CONTENT_LENGTH) {
        *response.body_mut() = Payload::empty();
    }
    let size = response.body().size_hint().exact().filter(|_| !of_another);
    if !foreign {
        is_sent_as_written(response.status(), response.headers(), size)?;
    }
    // Of a route, of a foreign response: nobody would speak on.
    if response.status() == StatusCode::SWITCHING_PROTOCOLS && !asked.request.is_taken_over() {
        return Err(SWITCHES.to_owned());
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

/// Several pieces one after another.
fn joined(pieces: Vec<Piece>, asked: &Asked) -> Body {
    let bodies: Vec<_> = pieces
        .into_iter()
        .map(|piece| match piece {
            Piece::Bytes(bytes, _) => StreamExt::boxed(Body::from(bytes).into_data_stream()),
            Piece::Stream(stream) => StreamExt::boxed(Player::start(stream, asked.clone())),
            Piece::Playing(player, _) => StreamExt::boxed(player),
            Piece::Whole(body) => StreamExt::boxed(body.into_data_stream()),
            // They have become bytes by now.
            Piece::Problem(_) => StreamExt::boxed(Body::empty().into_data_stream()),
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
