//! Playing a script: a generator without a task of its own. The body's poll drives it, its drop stops it.

use std::{
    collections::VecDeque,
    future::poll_fn,
    panic::AssertUnwindSafe,
    pin::Pin,
    sync::{Arc, Mutex, PoisonError, atomic::Ordering},
    task::{Context, Poll},
};

use bytes::Bytes;
use futures::{FutureExt, StreamExt, future::BoxFuture};

use crate::{
    reply::panic_text,
    request::Request,
    stream::{
        Item, Stream,
        live::{Lives, Stay},
    },
};

/// A stream that plays a script for one request.
pub(crate) struct Player {
    play: Option<BoxFuture<'static, Result<(), String>>>,
    out: Out,
}

/// What the script has put out and the body has not taken yet.
#[derive(Clone, Default)]
struct Out(Arc<Mutex<VecDeque<Bytes>>>);

impl Out {
    /// Puts something out and waits until the body has taken it: one item a poll keeps items apart on the wire.
    async fn put(&self, bytes: Bytes) {
        if bytes.is_empty() {
            return;
        }
        self.queue().push_back(bytes);
        poll_fn(|_| match self.queue().is_empty() {
            true => Poll::Ready(()),
            // No waker is needed: the body polls again after it took what is there.
            false => Poll::Pending,
        })
        .await;
    }

    fn queue(&self) -> std::sync::MutexGuard<'_, VecDeque<Bytes>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[derive(Clone)]
struct Stage {
    request: Request,
    lives: Lives,
    out: Out,
}

impl Player {
    pub(crate) fn start(stream: Stream, request: Request, lives: Lives) -> Player {
        let out = Out::default();
        let context = Stage {
            request,
            lives,
            out: out.clone(),
        };
        let play = async move {
            let played = AssertUnwindSafe(play(stream, context, None)).catch_unwind();
            match played.await {
                Ok(played) => played.map(|_| ()),
                Err(panic) => Err(format!("panicked: {}", panic_text(&*panic))),
            }
        };
        Player {
            play: Some(Box::pin(play)),
            out,
        }
    }
}

impl futures::Stream for Player {
    type Item = Result<Bytes, axum::Error>;

    fn poll_next(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        if let Some(bytes) = self.out.queue().pop_front() {
            return Poll::Ready(Some(Ok(bytes)));
        }
        let Some(play) = &mut self.play else {
            return Poll::Ready(None);
        };
        let played = play.as_mut().poll(cx);
        let out = self.out.queue().pop_front();
        match (played, out) {
            (Poll::Ready(ended), out) => {
                self.play = None;
                match (ended, out) {
                    (_, Some(bytes)) => Poll::Ready(Some(Ok(bytes))),
                    (Ok(()), None) => Poll::Ready(None),
                    (Err(message), None) => Poll::Ready(Some(Err(axum::Error::new(message)))),
                }
            }
            (Poll::Pending, Some(bytes)) => Poll::Ready(Some(Ok(bytes))),
            (Poll::Pending, None) => Poll::Pending,
        }
    }
}

/// How a script ended.
enum End {
    Plain,
    /// With a `...` that whoever feeds is to serve.
    Live,
}

/// Plays a script. What is fed is played with the stay that it was fed to: its `...` go back there.
fn play(
    stream: Stream,
    context: Stage,
    stay: Option<&mut Stay>,
) -> BoxFuture<'_, Result<End, String>> {
    Box::pin(async move {
        let mut stay = stay;
        let mut items = stream.items.into_iter().peekable();
        while let Some(item) = items.next() {
            let nested = match item {
                Item::Bytes(bytes) => {
                    context.out.put(bytes).await;
                    continue;
                }
                Item::Sleep(pause) => {
                    tokio::time::sleep(pause).await;
                    continue;
                }
                Item::Wait(until) => {
                    until().await;
                    continue;
                }
                Item::Hold(gate) => {
                    gate.pass().await;
                    continue;
                }
                Item::Fault(fault) => {
                    if let Some(wire) = context.request.wire() {
                        wire.cut_when_flushed(fault.cut);
                    }
                    // The flush that follows carries it out; nothing comes after.
                    return std::future::pending().await;
                }
                Item::Broken(why) => return Err(why),
                Item::Live => match &mut stay {
                    Some(_) if items.peek().is_none() => return Ok(End::Live),
                    Some(stay) => {
                        fed(stay, &context).await?;
                        continue;
                    }
                    None => {
                        let mut stay = Stay::enter(&context.lives, &context.request);
                        fed(&mut stay, &context).await?;
                        continue;
                    }
                },
                Item::From(source) => {
                    loop {
                        let next = source.stream.lock().await.next().await;
                        let Some(next) = next else {
                            source.depleted.store(true, Ordering::Release);
                            break;
                        };
                        play(next, context.clone(), None).await?;
                    }
                    continue;
                }
                Item::Once(played, stream) => {
                    if played.swap(true, Ordering::AcqRel) {
                        continue;
                    }
                    stream
                }
                Item::Call(make) => make(context.request.clone()),
                Item::CallLater(make) => make(context.request.clone()).await,
                Item::Nested(stream) => stream,
            };
            let last = items.peek().is_none();
            match &mut stay {
                // A `...` at the end of a nested part of what is fed is one at its end, too.
                Some(stay) => match play(nested, context.clone(), Some(stay)).await? {
                    End::Live if last => return Ok(End::Live),
                    End::Live => fed(stay, &context).await?,
                    End::Plain => {}
                },
                None => {
                    play(nested, context.clone(), None).await?;
                }
            }
        }
        Ok(End::Plain)
    })
}

/// Plays what is fed, until something is fed that does not end in a `...`.
async fn fed(stay: &mut Stay, context: &Stage) -> Result<(), String> {
    while let Some(stream) = stay.next().await {
        if let End::Plain = play(stream, context.clone(), Some(stay)).await? {
            break;
        }
    }
    Ok(())
}
