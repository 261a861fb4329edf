//! Watches: the changes of a collection as a stream of JSON lines, from now or from a version on.
//!
//! A watch begins with the present objects (at no version or 0, or with `sendInitialEvents`) or with the events
//! after its version, read from the log, and goes on with every event, each exactly once and in order. Objects that
//! enter or leave the selection are ADDED or DELETED to this watch. Lines are serialised once for all watchers.
//! Time is tokio's, so timeouts and periodic bookmarks follow paused clocks. A client may have them over a WebSocket
//! (`socket`), one message for each event.

mod socket;

use std::collections::VecDeque;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use futures::{StreamExt, stream};
use http::Response;
use http::header::{CACHE_CONTROL, CONTENT_TYPE, HeaderValue};
use serde_json::Value;
use tokio::time::Instant;

use crate::api::convert::{self, Known};
use crate::api::list::wait_for;
use crate::api::list_options::{ListOptions, parse_version};
use crate::api::upkeep;
use crate::api::{Body, Call, Reply};
use crate::model::status::ApiError;
use crate::state::cluster::{ApiBody, Cluster};
use crate::state::store::{Change, Compacted, Event, Step, StoredObject, Subscription};
use crate::wire::accept::{self, AcceptedAs, Format, MetaVersion};
use crate::wire::json;
use crate::wire::metadata_only;
use crate::wire::protobuf;
use crate::wire::render::{self, Renderer};
use crate::wire::table::{Include, Tables, metadata_of};
use crate::wire::websocket;

/// How long a watch without `timeoutSeconds` lasts; the server's choice is between 30 and 60 minutes.
const DEFAULT_TIMEOUT: Duration = Duration::from_secs(45 * 60);
/// How often a watch that allows them gets bookmarks.
const BOOKMARK_EVERY: Duration = Duration::from_secs(60);

/// Answers a GET that watches a collection (or, by an old path, one object).
pub async fn watch(call: &Call) -> Result<Reply, ApiError> {
    let options = ListOptions::read(&call.request, &call.served)?;
    let after = parse_version(&options.version).map_err(ApiError::unreasoned)?;
    let (form, format) = Form::choose(call)?;
    let watcher = Watcher::start(call, options, after, form, format == Format::Protobuf).await;
    if websocket::is_asked_for(&call.headers) {
        return socket::serve(&call.headers, watcher);
    }
    let lines = stream::unfold(watcher, |mut watcher| async {
        watcher.line().await.map(|line| (line, watcher))
    });
    let content_type = if format == Format::Protobuf {
        protobuf::STREAM_TYPE
    } else {
        "application/json"
    };
    let mut response = Response::new(ApiBody::Stream(lines.boxed()));
    let headers = response.headers_mut();
    headers.insert(CONTENT_TYPE, HeaderValue::from_static(content_type));
    headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-cache, private"));
    Ok(Reply::new(200, Body::Response(response)))
}

/// The form of the objects in the events.
#[derive(Debug)]
enum Form {
    Whole,
    Metadata(MetaVersion),
    /// Asked for as lists, which events are not: the stream ends with the first of them.
    MetadataList,
    /// Column definitions come with the first event only.
    Table {
        tables: Tables,
        headers: bool,
    },
}

impl Form {
    /// Tells kept frames apart.
    fn name(&self) -> &'static str {
        match self {
            Self::Metadata(version) => version.api_version(),
            _ => "",
        }
    }

    fn choose(call: &Call) -> Result<(Self, Format), ApiError> {
        // What the server says about `includeObject` comes before what it says about the stream's encoding.
        let endpoint = accept::endpoint_of(call.resource());
        let accepted = accept::negotiate(call.header("accept"), endpoint)?;
        let form = match accepted.target {
            Some(AcceptedAs::Table(version)) => {
                let include = Include::read(&call.request.query)?;
                Self::Table {
                    tables: Tables::new(call.served.clone(), version, include),
                    headers: true,
                }
            }
            Some(AcceptedAs::PartialObjectMetadata(version)) => Self::Metadata(version),
            Some(AcceptedAs::PartialObjectMetadataList(_)) => Self::MetadataList,
            Some(AcceptedAs::AggregatedDiscovery) | None => Self::Whole,
        };
        accept::negotiate_stream(call.header("accept"), endpoint)?;
        Ok((form, accepted.format))
    }
}

/// One open watch.
struct Watcher {
    cluster: Cluster,
    renderer: Renderer,
    options: ListOptions,
    form: Form,
    protobuf: bool,
    /// `namespace/`, or empty for all.
    prefix: String,
    /// The kind's empty object, for bookmarks.
    zero: &'static Value,
    source: Source,
    /// What is to be sent before anything else.
    queue: VecDeque<Item>,
    deadline: Instant,
    next_bookmark: Option<Instant>,
}

enum Source {
    /// Events with a higher revision than this.
    Open(Subscription, u64),
    /// Nothing comes any more.
    Ended,
}

enum Item {
    Initial(Arc<StoredObject>),
    Event(Arc<Event>),
    Bookmark {
        revision: u64,
        initial_events_end: bool,
    },
    Error(Box<ApiError>),
}

impl Watcher {
    async fn start(
        call: &Call,
        options: ListOptions,
        after: u64,
        form: Form,
        protobuf: bool,
    ) -> Self {
        let now = Instant::now();
        let timeout = match options.timeout {
            None | Some(0) => DEFAULT_TIMEOUT,
            Some(seconds) => Duration::from_secs(u64::try_from(seconds).unwrap_or_default()),
        };
        let prefix = match (call.resource().namespaced, call.request.namespace()) {
            (true, namespace) if !namespace.is_empty() => format!("{namespace}/"),
            _ => String::new(),
        };
        let mut watcher = Self {
            cluster: call.cluster.clone(),
            renderer: Renderer::new(&call.served),
            form,
            protobuf,
            prefix,
            zero: call.strategy().empty(),
            source: Source::Ended,
            queue: VecDeque::new(),
            deadline: now.checked_add(timeout).unwrap_or(now + DEFAULT_TIMEOUT),
            next_bookmark: options.bookmarks.then(|| now + BOOKMARK_EVERY),
            options,
        };
        watcher.open(after).await;
        watcher
    }

    /// Connects to the log, and queues what the watch begins with.
    async fn open(&mut self, after: u64) {
        let initial = match self.options.send_initial_events {
            Some(wanted) => wanted,
            // An old path has no defaults: at no version it sends the present objects all the same.
            None => after == 0,
        };
        let store = self.cluster.store();
        let place = &self.renderer.served.resource.storage;
        if initial {
            if let Err(error) = wait_for(&self.cluster, after).await {
                self.queue.push_back(Item::Error(Box::new(error)));
                return;
            }
            let (snapshot, subscription) = store.list_and_subscribe(place, &self.prefix);
            let revision = snapshot.revision;
            self.queue
                .extend(snapshot.objects.into_iter().map(Item::Initial));
            if self.options.bookmarks && self.options.send_initial_events == Some(true) {
                self.queue.push_back(Item::Bookmark {
                    revision,
                    initial_events_end: true,
                });
            }
            self.source = Source::Open(subscription, revision);
            return;
        }
        let after = if after == 0 { store.revision() } else { after };
        match store.subscribe(place, after) {
            Ok(subscription) => self.source = Source::Open(subscription, after),
            Err(Compacted { requested, oldest }) => {
                let message = format!("too old resource version: {requested} ({oldest})");
                self.queue
                    .push_back(Item::Error(Box::new(ApiError::expired(message))));
            }
        }
    }

    /// The next line, or the end.
    async fn line(&mut self) -> Option<Bytes> {
        loop {
            self.prepare().await;
            while let Some(item) = self.queue.pop_front() {
                if let Some(line) = self.render(item) {
                    if matches!(self.form, Form::MetadataList) {
                        return None;
                    }
                    return Some(line);
                }
            }
            let Source::Open(subscription, after) = &mut self.source else {
                return None;
            };
            let place = &self.renderer.served.resource.storage;
            let expires = upkeep::concerns(place)
                .then(|| upkeep::next(&self.cluster, place))
                .flatten()
                .map(|left| Instant::now() + left);
            let wake = [self.next_bookmark, expires]
                .into_iter()
                .flatten()
                .fold(self.deadline, Instant::min);
            match tokio::time::timeout_at(wake, subscription.next()).await {
                Ok(Step::Events(events)) => {
                    // A watch may start in the future: what comes before it is not for it.
                    let after = *after;
                    self.queue.extend(
                        events
                            .into_iter()
                            .filter(|event| event.revision > after)
                            .map(Item::Event),
                    );
                    if Instant::now() >= self.deadline {
                        self.source = Source::Ended;
                    }
                }
                Ok(Step::Bookmark(revision)) if self.options.bookmarks => {
                    self.queue.push_back(Item::Bookmark {
                        revision,
                        initial_events_end: false,
                    });
                }
                Ok(Step::Bookmark(_)) => {}
                Ok(Step::Closed) => self.source = Source::Ended,
                Err(_) if wake >= self.deadline => self.source = Source::Ended,
                Err(_) if expires == Some(wake) => upkeep::run(&self.cluster),
                Err(_) => {
                    let revision = subscription.position().max(*after);
                    self.next_bookmark = Some(wake + BOOKMARK_EVERY);
                    self.queue.push_back(Item::Bookmark {
                        revision,
                        initial_events_end: false,
                    });
                }
            }
        }
    }

    /// Has the objects in the queue converted, where a webhook does that; if it fails, the watch ends with its failure.
    async fn prepare(&mut self) {
        if self.queue.is_empty() || self.renderer.served.strategy.conversion().is_none() {
            return;
        }
        let mut objects = Vec::with_capacity(self.queue.len());
        for item in &self.queue {
            match item {
                Item::Initial(object) => objects.push(Arc::clone(object)),
                Item::Event(event) => {
                    objects.push(Arc::clone(&event.object));
                    objects.extend(event.previous.clone());
                }
                Item::Bookmark { .. } | Item::Error(_) => {}
            }
        }
        objects.retain(|object| object.key().starts_with(&self.prefix));
        let served = &self.renderer.served;
        let prepared = convert::prepare(&self.cluster, served, Known::Counts, &objects).await;
        if let Err(error) = prepared {
            self.queue.clear();
            self.queue.push_back(Item::Error(Box::new(error)));
            self.source = Source::Ended;
        }
    }

    fn selects(&self, object: &StoredObject) -> bool {
        object.key().starts_with(&self.prefix)
            && self.options.selects(&self.renderer.served, object)
    }

    /// What an event is to this watch, and whether the object left its selection.
    fn judge(&self, event: &Event) -> Option<(&'static str, bool)> {
        if !event.object.key().starts_with(&self.prefix) {
            return None;
        }
        if event.change == Change::Deleted {
            return self.selects(&event.object).then_some(("DELETED", false));
        }
        let before = event
            .previous
            .as_ref()
            .is_some_and(|previous| self.selects(previous));
        match (before, self.selects(&event.object)) {
            (false, true) => Some(("ADDED", false)),
            (true, true) => Some(("MODIFIED", false)),
            (true, false) => Some(("DELETED", true)),
            (false, false) => None,
        }
    }

    fn render(&mut self, item: Item) -> Option<Bytes> {
        match item {
            Item::Initial(object) => {
                if !self.selects(&object) {
                    return None;
                }
                if matches!(self.form, Form::Whole) && !self.protobuf {
                    return Some(self.renderer.frame("ADDED", &object));
                }
                let value = self.renderer.value(&object);
                Some(self.shaped("ADDED", &value))
            }
            Item::Event(event) => {
                let (kind, left) = self.judge(&event)?;
                match self.form {
                    _ if self.protobuf => {
                        let name = self.form.name();
                        let form =
                            format!("protobuf {kind} {left} {name} {}", self.renderer.form());
                        Some(event.rendered.get(&form, || {
                            let value = self.renderer.event_value(&event, left);
                            self.protobuf_frame(kind, &value)
                        }))
                    }
                    Form::Whole => Some(self.renderer.event_frame(kind, &event, left)),
                    Form::Metadata(version) if !left => {
                        let form = format!("{kind} {}", version.api_version());
                        Some(event.rendered.get(&form, || {
                            let text = metadata_only::partial(&event.object.value, version);
                            render::frame(kind, text.len(), |out| out.extend_from_slice(&text))
                        }))
                    }
                    _ => {
                        let value = self.renderer.event_value(&event, left);
                        Some(self.shaped(kind, &value))
                    }
                }
            }
            Item::Bookmark {
                revision,
                initial_events_end,
            } => {
                let value =
                    self.renderer
                        .bookmark_value(self.zero.clone(), revision, initial_events_end);
                Some(self.shaped("BOOKMARK", &value))
            }
            // Failures are a Status in every form.
            Item::Error(error) if self.protobuf => {
                let object = protobuf::print(&error.to_status()).unwrap_or_default();
                Some(protobuf::frame("ERROR", &object).into())
            }
            Item::Error(error) => {
                let text = json::print_object(&error.to_status());
                Some(render::frame("ERROR", text.len(), |out| {
                    out.extend_from_slice(&text);
                }))
            }
        }
    }

    fn protobuf_frame(&self, kind: &str, value: &Value) -> Bytes {
        let object = match self.form {
            Form::Metadata(version) => {
                render::protobuf_object(&metadata_only::partial_value(value, version))
            }
            _ => protobuf::print(value),
        };
        protobuf::frame(kind, &object.unwrap_or_default()).into()
    }

    /// The line about a value in this watch's form.
    fn shaped(&mut self, kind: &str, value: &Value) -> Bytes {
        if self.protobuf {
            return self.protobuf_frame(kind, value);
        }
        let text = match &mut self.form {
            Form::Whole => self.renderer.print_value(value),
            Form::Metadata(version) => metadata_only::partial(value, *version),
            Form::MetadataList => Vec::new(),
            Form::Table { tables, headers } => {
                let first = std::mem::take(headers);
                tables.table(
                    &metadata_of(value),
                    std::slice::from_ref(value),
                    self.cluster.now(),
                    first,
                )
            }
        };
        render::frame(kind, text.len(), |out| out.extend_from_slice(&text))
    }
}
