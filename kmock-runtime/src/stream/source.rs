//! What a stream may take items from: foreign streams, iterators, channels.

use futures::{StreamExt, future::BoxFuture, stream};
use tokio::sync::{broadcast, mpsc, watch};

use crate::{
    stream::{IntoItem, Item, Stream},
    user_code::panic_text,
};

/// Anything that a stream may take items from, once: a `futures::Stream`, an iterator, a receiver of a channel.
///
/// `How` tells the three apart for the compiler; nobody writes it.
///
/// ```no_run
/// # use kmock_runtime as kmock;
/// # async fn example(k: kmock::KMock) -> Result<(), Box<dyn std::error::Error>> {
/// use kmock::Stream;
///
/// let (lines, receiver) = tokio::sync::mpsc::channel::<String>(8);
/// k.on("get /lines").stream(Stream::new().from_source(receiver));
/// lines.send("one".to_owned()).await?;
/// # Ok(())
/// # }
/// ```
#[diagnostic::on_unimplemented(
    message = "a kmock stream cannot take items from `{Self}`",
    label = "not a source of items",
    note = "sources are a `Stream` of the futures crates, anything that can be iterated, and receivers of tokio's channels, with items that are bytes, texts, numbers, `json!(…)` values, …"
)]
pub trait IntoSource<How> {
    /// The items, as they come.
    fn into_source(self) -> Items;
}

/// Items as they come.
#[must_use = "items are taken by `Stream::from`"]
pub struct Items(pub(super) stream::BoxStream<'static, Stream>);

impl std::fmt::Debug for Items {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Items")
    }
}

/// A source that is a `futures::Stream`.
#[derive(Debug)]
pub enum Streams {}

/// A source that is iterated, on a thread that may block.
#[derive(Debug)]
pub enum Iterates {}

/// A source that is the receiver of a channel.
#[derive(Debug)]
pub enum Receives {}

impl<S> IntoSource<Streams> for S
where
    S: futures::Stream<Item: IntoItem> + Send + 'static,
{
    fn into_source(self) -> Items {
        Items(self.map(IntoItem::into_item).boxed())
    }
}

impl<I> IntoSource<Iterates> for I
where
    I: IntoIterator<Item: IntoItem, IntoIter: Send + 'static>,
{
    /// An iterator may block (a channel of the standard library, a child's lines), and then it holds up nobody else.
    fn into_source(self) -> Items {
        let items = stream::unfold(Some(self.into_iter()), |rest| async {
            let mut rest = rest?;
            let next = tokio::task::spawn_blocking(move || {
                rest.next().map(|item| (item.into_item(), Some(rest)))
            });
            match next.await {
                Ok(next) => next,
                Err(stopped) => {
                    let why = match stopped.try_into_panic() {
                        Ok(panic) => format!("the iterator panicked: {}", panic_text(&*panic)),
                        Err(stopped) => stopped.to_string(),
                    };
                    Some((Stream::new().with(Item::Broken(why)), None))
                }
            }
        });
        Items(items.boxed())
    }
}

/// Items that a function takes out of something, until there are no more.
fn taken<T: Send + 'static, I: IntoItem>(
    source: T,
    take: impl for<'a> Fn(&'a mut T) -> BoxFuture<'a, Option<I>> + Send + Sync + 'static,
) -> Items {
    let items = stream::unfold((source, take), |(mut source, take)| async move {
        let item = take(&mut source).await?;
        Some((item.into_item(), (source, take)))
    });
    Items(items.boxed())
}

impl<I: IntoItem + Send + 'static> IntoSource<Receives> for mpsc::Receiver<I> {
    fn into_source(self) -> Items {
        taken(self, |receiver| Box::pin(receiver.recv()))
    }
}

impl<I: IntoItem + Send + 'static> IntoSource<Receives> for mpsc::UnboundedReceiver<I> {
    fn into_source(self) -> Items {
        taken(self, |receiver| Box::pin(receiver.recv()))
    }
}

impl<I: IntoItem + Clone + Send + 'static> IntoSource<Receives> for broadcast::Receiver<I> {
    /// What the receiver was too late for breaks the stream.
    fn into_source(self) -> Items {
        taken(self, |receiver| {
            Box::pin(async {
                match receiver.recv().await {
                    Ok(item) => Some(Ok(item)),
                    Err(broadcast::error::RecvError::Closed) => None,
                    Err(late) => Some(Err(late)),
                }
            })
        })
    }
}

impl<I: IntoItem + Clone + Send + Sync + 'static> IntoSource<Receives> for watch::Receiver<I> {
    /// Each value that is seen, from the next one on.
    fn into_source(self) -> Items {
        taken(self, |receiver| {
            Box::pin(async {
                receiver.changed().await.ok()?;
                let newest = receiver.borrow_and_update().clone();
                Some(newest)
            })
        })
    }
}
