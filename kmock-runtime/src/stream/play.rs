//! Playing a script: a generator without a task of its own. The body's poll drives it, its drop stops it.

use std::{
    collections::VecDeque,
    future::poll_fn,
    panic::AssertUnwindSafe,
    pin::Pin,
    sync::{Arc, Mutex, MutexGuard, PoisonError, atomic::Ordering},
    task::{Context, Poll, ready},
};

use bytes::Bytes;
use futures::{FutureExt, StreamExt, future::BoxFuture};

use crate::{
    reply::{Asked, Breaker, Fault},
    stream::{Item, Stream, live::Stay},
    user_code::{compute_apart, panic_text, read_file},
    wire::Cut,
};

/// A stream that plays a script for one request.
pub(crate) struct Player {
    play: Option<BoxFuture<'static, Result<(), String>>>,
    stage: Stage,
    /// `None`: there is no socket underneath, and nothing to break.
    breaker: Option<Breaker>,
    /// Why the body is about to break, when what was sent before is on its way.
    failed: Option<String>,
    /// How it is about to break, after how many bytes more.
    cut: Option<(usize, Option<Cut>)>,
}

/// What comes first of a script, before the head of the answer is sent.
pub(crate) enum Prelude {
    /// Bytes, or a place where the client is to have the head already.
    Output,
    /// It ended with nothing to send.
    Nothing,
    Fault(Fault),
    Failed(String),
}

/// What the script has put out and the body has not taken yet.
pub(crate) enum Put {
    Bytes(Bytes),
    /// Bytes that are a text, maybe with the end of a JSON line.
    Text(Bytes),
    /// The head of the answer, if it has not been sent yet.
    Head,
    Fault(Fault),
}

#[derive(Clone)]
struct Stage {
    asked: Asked,
    out: Arc<Mutex<VecDeque<Put>>>,
}

impl Stage {
    /// Puts something out and waits until the body has taken it: one item a poll keeps items apart on the wire.
    async fn put(&self, put: Put) {
        self.out().push_back(put);
        poll_fn(|_| match self.out().is_empty() {
            true => Poll::Ready(()),
            // No waker is needed: the body polls again after it took what is there.
            false => Poll::Pending,
        })
        .await;
    }

    fn out(&self) -> MutexGuard<'_, VecDeque<Put>> {
        self.out.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Player {
    pub(crate) fn start(stream: Stream, asked: Asked) -> Player {
        let stage = Stage {
            asked,
            out: Arc::default(),
        };
        let played = play(stream, stage.clone(), None);
        let play = async move {
            match AssertUnwindSafe(played).catch_unwind().await {
                Ok(played) => played.map(|_| ()),
                Err(panic) => Err(format!("panicked: {}", panic_text(&*panic))),
            }
        };
        Player {
            play: Some(Box::pin(play)),
            breaker: Breaker::of(&stage.asked.request),
            stage,
            failed: None,
            cut: None,
        }
    }

    /// Plays up to the first output. The body takes it up from there.
    pub(crate) async fn prelude(&mut self) -> Prelude {
        poll_fn(|cx| {
            loop {
                let ended = self.step(cx);
                let mut out = self.stage.out();
                match (out.front(), ended) {
                    (Some(Put::Bytes(_) | Put::Text(_)), _) => return Poll::Ready(Prelude::Output),
                    (Some(Put::Head), _) => {
                        out.pop_front();
                        return Poll::Ready(Prelude::Output);
                    }
                    (Some(Put::Fault(_)), _) => {
                        if let Some(Put::Fault(fault)) = out.pop_front() {
                            return Poll::Ready(Prelude::Fault(fault));
                        }
                    }
                    (None, Some(Ok(()))) => return Poll::Ready(Prelude::Nothing),
                    (None, Some(Err(why))) => return Poll::Ready(Prelude::Failed(why)),
                    (None, None) => return Poll::Pending,
                }
            }
        })
        .await
    }

    /// Plays on if nothing is put out; says how the script ended, once.
    fn step(&mut self, cx: &mut Context<'_>) -> Option<Result<(), String>> {
        if !self.stage.out().is_empty() {
            return None;
        }
        let play = self.play.as_mut()?;
        match play.as_mut().poll(cx) {
            Poll::Ready(ended) => {
                self.play = None;
                Some(ended)
            }
            Poll::Pending => None,
        }
    }
}

impl Player {
    /// What is put out next; `None` at the end.
    pub(crate) fn poll_put(&mut self, cx: &mut Context<'_>) -> Poll<Option<Result<Put, String>>> {
        let ended = self.step(cx);
        let put = self.stage.out().pop_front();
        match (put, ended) {
            (Some(put), ended) => {
                // Nothing is put out after the end: this is the last, and the end comes with the next poll.
                if let Some(ended) = ended {
                    self.play = Some(Box::pin(async move { ended }));
                }
                Poll::Ready(Some(Ok(put)))
            }
            (None, Some(Err(why))) => Poll::Ready(Some(Err(why))),
            (None, Some(Ok(()))) => Poll::Ready(None),
            (None, None) if self.play.is_none() => Poll::Ready(None),
            (None, None) => Poll::Pending,
        }
    }
}

impl futures::Stream for Player {
    type Item = Result<Bytes, axum::Error>;

    fn poll_next(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        if self.failed.is_some()
            && let Some(breaker) = &mut self.breaker
        {
            ready!(breaker.let_out(cx));
        }
        if let Some(why) = self.failed.take() {
            let asked = &self.stage.asked;
            let message = format!("{}: the stream broke: {why}", asked.label);
            asked.core.error(message.clone());
            return Poll::Ready(Some(Err(axum::Error::new(message))));
        }
        loop {
            let this = &mut *self;
            if let Some((0, cut)) = &mut this.cut {
                return match &mut this.breaker {
                    Some(breaker) => breaker
                        .cut(cut, cx)
                        .map(|polled| polled.map(|result| result.map(|_| Bytes::new()))),
                    None => Poll::Pending,
                };
            }
            let put = match self.poll_put(cx) {
                Poll::Ready(Some(Ok(put))) => put,
                Poll::Ready(Some(Err(why))) => {
                    self.failed = Some(why);
                    return self.poll_next(cx);
                }
                Poll::Ready(None) => match &mut self.cut {
                    // What ends before the cut is cut at its end.
                    Some((left, _)) => {
                        *left = 0;
                        continue;
                    }
                    None => return Poll::Ready(None),
                },
                Poll::Pending => return Poll::Pending,
            };
            match put {
                Put::Bytes(mut bytes) | Put::Text(mut bytes) => {
                    if let Some((left, _)) = &mut self.cut {
                        bytes.truncate(*left);
                        *left -= bytes.len();
                    }
                    if let Some(breaker) = &mut self.breaker {
                        breaker.gave(bytes.len());
                    }
                    return Poll::Ready(Some(Ok(bytes)));
                }
                Put::Head => {}
                Put::Fault(fault) => {
                    self.stage.asked.seen.broken_by(&fault);
                    if let Some(breaker) = &mut self.breaker {
                        breaker.code = fault.code;
                    }
                    self.cut = Some((fault.more_bytes(), Some(fault.cut)));
                }
            }
        }
    }
}

/// How a script ended.
enum End {
    Plain,
    /// With a `...` that whoever feeds is to serve.
    Live,
    /// With a `stop`: the whole stream ends there.
    Stop,
}

/// Plays a script. What is fed is played with the stay that it was fed to: its `...` go back there.
fn play(
    stream: Stream,
    stage: Stage,
    stay: Option<&mut Stay>,
) -> BoxFuture<'_, Result<End, String>> {
    Box::pin(async move {
        let mut stay = stay;
        let mut items = stream.items.into_iter().peekable();
        while let Some(item) = items.next() {
            let asked = &stage.asked;
            let nested = match item {
                Item::Bytes(bytes) => {
                    let put = if bytes.is_empty() {
                        Put::Head
                    } else {
                        Put::Bytes(bytes)
                    };
                    stage.put(put).await;
                    continue;
                }
                Item::Text(text) => {
                    stage.put(Put::Text(text)).await;
                    continue;
                }
                Item::Sleep(pause) => {
                    tokio::time::sleep(pause.pick(&asked.dice)).await;
                    continue;
                }
                Item::Wait(until) => {
                    until.wait().await;
                    continue;
                }
                Item::Hold(gate) => {
                    gate.pass().await;
                    continue;
                }
                Item::Fault(fault) => {
                    if !fault.happens(asked.nth, &asked.dice) {
                        continue;
                    }
                    let goes_on = fault.more_bytes() > 0;
                    stage.put(Put::Fault(fault)).await;
                    if goes_on {
                        continue;
                    }
                    // Nothing comes after it.
                    return std::future::pending().await;
                }
                Item::Broken(why) => return Err(why),
                Item::Stop => return Ok(End::Stop),
                Item::Live => {
                    let ended = match &mut stay {
                        Some(_) if items.peek().is_none() => return Ok(End::Live),
                        Some(stay) => fed(stay, &stage).await?,
                        None => {
                            // Known to feeders first: whoever sees the head may feed.
                            let mut stay = Stay::enter(&asked.lives, &asked.request);
                            stage.put(Put::Head).await;
                            fed(&mut stay, &stage).await?
                        }
                    };
                    match ended {
                        End::Stop => return Ok(End::Stop),
                        End::Plain | End::Live => continue,
                    }
                }
                Item::File(path) => {
                    let bytes = read_file(path).await?;
                    stage.put(Put::Bytes(bytes)).await;
                    continue;
                }
                Item::Rest(reader) => {
                    let read = tokio::task::spawn_blocking(move || {
                        let mut reader = reader.lock().unwrap_or_else(PoisonError::into_inner);
                        reader.rest()
                    });
                    let read = read.await.map_err(|stopped| stopped.to_string())??;
                    if let Some(bytes) = read {
                        stage.put(Put::Bytes(bytes)).await;
                    }
                    continue;
                }
                Item::From(source) => {
                    let mut stopped = false;
                    while !stopped {
                        let next = source.stream.lock().await.next().await;
                        let Some(next) = next else {
                            source.depleted.store(true, Ordering::Release);
                            break;
                        };
                        let ended = play(next, stage.clone(), None).await?;
                        stopped = matches!(ended, End::Stop);
                    }
                    if stopped {
                        return Ok(End::Stop);
                    }
                    continue;
                }
                Item::Once(played, stream) => {
                    if played.swap(true, Ordering::AcqRel) {
                        continue;
                    }
                    stream
                }
                Item::Call(make) => compute_apart(make, asked.request.clone()).await?,
                Item::CallLater(make) => make(asked.request.clone()).await,
                Item::Nested(stream) => stream,
            };
            let last = items.peek().is_none();
            let ended = match &mut stay {
                // A `...` at the end of a nested part of what is fed is one at its end, too.
                Some(stay) => match play(nested, stage.clone(), Some(stay)).await? {
                    End::Live if last => return Ok(End::Live),
                    End::Live => fed(stay, &stage).await?,
                    ended => ended,
                },
                None => play(nested, stage.clone(), None).await?,
            };
            if let End::Stop = ended {
                return Ok(End::Stop);
            }
        }
        Ok(End::Plain)
    })
}

/// Plays what is fed, until something is fed that does not end in a `...`.
async fn fed(stay: &mut Stay, stage: &Stage) -> Result<End, String> {
    while let Some(stream) = stay.next().await {
        match play(stream, stage.clone(), Some(stay)).await? {
            End::Live => {}
            ended => return Ok(ended),
        }
    }
    Ok(End::Plain)
}
