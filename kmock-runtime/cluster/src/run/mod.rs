//! The loop that all parts of a living cluster share.
//!
//! One task does everything, one look at a time, in an order that follows from what came: with the same seed and the
//! same requests, a cluster moves in the same way. It sleeps while there is nothing to do.

pub(crate) mod client;
mod latest;
pub(crate) mod queue;
pub(crate) mod recorder;
mod settle;

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use futures::future::{Either, select};
use tokio::time::Instant;

use self::client::Client;
use self::queue::{Item, Queue};
use self::recorder::{Recorder, Write};
pub(crate) use self::settle::Rest;
pub use self::settle::{Settle, Unsettled};
use crate::cache::Cache;
use crate::controller::{Controller, Refusal};
use crate::emulator::Cluster;
use crate::emulator::resource::ResourceKey;
use crate::emulator::store::{Change as Happened, Subscription};
use crate::kind::Kind;
use crate::object;
use crate::plan::{Action, Note, Plan, Wait};
use crate::shared::Shared;

/// So many looks are done before others get their turn on the runtime.
const TURN: usize = 16;

/// The first retry of a write that was refused; each further one comes twice as late.
const RETRY: Duration = Duration::from_millis(5);

/// Retries that come later than this have nothing new to try: nobody waits for them.
const PATIENCE: Duration = Duration::from_secs(2);

/// The latest retry.
const LATEST: Duration = Duration::from_secs(1000);

/// The changes of one kind.
struct Feed {
    kind: Kind,
    place: ResourceKey,
    events: Subscription,
}

pub(crate) struct Runner {
    cluster: Cluster,
    client: Client,
    cache: Cache,
    feeds: Vec<Feed>,
    queue: Queue,
    controllers: Vec<Box<dyn Controller>>,
    retries: HashMap<Item, u32>,
    recorder: Recorder,
    shared: Arc<Shared>,
    seen: u64,
    orders: u64,
}

impl Runner {
    pub(crate) fn new(
        cluster: &Cluster,
        shared: Arc<Shared>,
        controllers: Vec<Box<dyn Controller>>,
    ) -> Runner {
        let summing = controllers.iter().enumerate();
        let summing = summing.filter(|(_, one)| one.sums_up());
        let summing = summing.map(|(number, _)| number).collect();
        let mut runner = Runner {
            cluster: cluster.clone(),
            client: Client::new(cluster),
            cache: Cache::default(),
            feeds: Vec::new(),
            queue: Queue::new(summing),
            controllers,
            retries: HashMap::new(),
            recorder: Recorder::default(),
            shared,
            seen: 0,
            orders: 0,
        };
        runner.cache.set_seed(cluster.options().seed);
        for kind in Kind::ALL {
            // Events are written, never read.
            if !matches!(kind, Kind::Events) {
                runner.read(*kind);
            }
        }
        runner
    }

    /// Reads all objects of a kind and follows it from there.
    fn read(&mut self, kind: Kind) {
        let place = kind.storage();
        let (snapshot, events) = self.cluster.store().list_and_subscribe(&place, "");
        self.feeds.retain(|known| known.kind != kind);
        let known = self.cache.keys(kind);
        for object in &snapshot.objects {
            self.take(kind, object.key(), Some(object.value.bare()));
        }
        for key in known {
            if !snapshot.objects.iter().any(|object| object.key() == &*key) {
                self.take(kind, &key, None);
            }
        }
        self.feeds.push(Feed {
            kind,
            place,
            events,
        });
    }

    /// Takes in an object as it is now. As in the real one, who manages which field is nobody's business here.
    fn take(&mut self, kind: Kind, key: &str, new: Option<&serde_json::Value>) {
        let Some(change) = self.cache.take(kind, key, new) else {
            return;
        };
        let mut keys = Vec::new();
        for (number, controller) in self.controllers.iter_mut().enumerate() {
            controller.touched(&change, &self.cache, &mut keys);
            for key in keys.drain(..) {
                self.queue.push(Item {
                    controller: number,
                    key: key.into(),
                });
            }
        }
    }

    /// Takes in all that happened.
    fn catch_up(&mut self) {
        self.cache.set_now(self.cluster.now());
        loop {
            let revision = self.cluster.store().revision();
            if revision == self.seen {
                return;
            }
            self.seen = revision;
            let mut happened = Vec::new();
            for feed in &mut self.feeds {
                loop {
                    let events = feed.events.pending();
                    if events.is_empty() {
                        break;
                    }
                    happened.extend(events.into_iter().map(|event| (feed.kind, event)));
                }
            }
            happened.sort_by_key(|(_, event)| event.revision);
            for (kind, event) in happened {
                let new = (event.change != Happened::Deleted).then(|| event.object.value.bare());
                self.take(kind, event.object.key(), new);
            }
            self.poll();
        }
    }

    /// Who keeps few events may have forgotten some before they were read: then all is read anew. Whether it was so.
    fn recover(&mut self) -> bool {
        let store = self.cluster.store();
        let lost: Vec<Kind> = self
            .feeds
            .iter()
            .filter(|feed| store.count(&feed.place) != self.cache.count(feed.kind))
            .map(|feed| feed.kind)
            .collect();
        for kind in &lost {
            self.read(*kind);
        }
        !lost.is_empty()
    }

    /// Lets the controllers see what the cache does not have.
    fn poll(&mut self) {
        let mut keys = Vec::new();
        for (number, controller) in self.controllers.iter_mut().enumerate() {
            controller.poll(&self.cluster, &mut keys);
            for key in keys.drain(..) {
                self.queue.push(Item {
                    controller: number,
                    key: key.into(),
                });
            }
        }
    }

    /// Takes in what the test ordered: nodes, images, and what is held.
    fn take_orders(&mut self) {
        let orders = self.shared.orders();
        if orders == self.orders {
            return;
        }
        self.orders = orders;
        for number in 0..self.controllers.len() {
            let Some(controller) = self.controllers.get(number) else {
                continue;
            };
            let name = controller.name();
            match self.shared.steps(name) {
                Some(0) => {}
                Some(steps) => self.queue.let_go(number, steps),
                None => self.queue.let_go(number, usize::MAX),
            }
            for key in self.shared.touched(name) {
                self.queue.push(Item {
                    controller: number,
                    key: key.into(),
                });
            }
        }
        self.poll();
    }

    /// Runs for ever.
    pub(crate) async fn run(mut self) {
        loop {
            let mut done = 0;
            loop {
                self.catch_up();
                self.take_orders();
                self.queue.wake(Instant::now());
                let (controllers, shared) = (&self.controllers, &self.shared);
                let is_held = |number: usize| {
                    controllers
                        .get(number)
                        .is_some_and(|one| !shared.may_go(one.name()))
                };
                let Some(item) = self.queue.pop(is_held) else {
                    break;
                };
                self.shared.rest.send_if_modified(|rest| {
                    let was = rest.idle;
                    rest.idle = false;
                    was
                });
                self.look(&item).await;
                done += 1;
                if done % TURN == 0 {
                    tokio::task::yield_now().await;
                }
            }
            if !self.recover() {
                self.rest().await;
            }
        }
    }

    /// Sleeps until something happens or is due.
    async fn rest(&mut self) {
        let revision = self.seen;
        let rest = Rest {
            idle: true,
            works: self.queue.works(),
            revision,
            orders: self.orders,
            held: (0..self.controllers.len())
                .map(|number| self.queue.held(number))
                .sum(),
            waiting: self.waiting(),
        };
        self.shared.rest.send_replace(rest);
        let next = self.queue.next();
        let store = self.cluster.store();
        let happens = std::pin::pin!(store.reach(revision + 1));
        let ordered = std::pin::pin!(self.shared.ordered(self.orders));
        let wakes = select(happens, ordered);
        match next {
            None => {
                wakes.await;
            }
            Some(next) => {
                let due = std::pin::pin!(tokio::time::sleep_until(next));
                match select(wakes, due).await {
                    Either::Left(_) | Either::Right(_) => {}
                }
            }
        }
    }

    /// What is on its way, in words: for those who wait.
    fn waiting(&self) -> Vec<(Instant, String)> {
        let works = self
            .queue
            .waiting()
            .filter(|(_, _, wait)| *wait == Wait::Work);
        works
            .take(8)
            .filter_map(|(when, item, _)| {
                let controller = self.controllers.get(item.controller)?;
                Some((when, format!("{} {}", controller.name(), item.key)))
            })
            .collect()
    }

    async fn look(&mut self, item: &Item) {
        let Some(controller) = self.controllers.get_mut(item.controller) else {
            return;
        };
        let plan = controller.look(&item.key, &self.cache);
        let mut again = plan
            .again
            .map(|(while_, wait)| (Instant::now() + while_, wait));
        match self.carry_out(item, plan).await {
            Ok(()) => {
                self.retries.remove(item);
            }
            Err(refusal) if refusal.is_stale() => {
                self.queue.push(item.clone());
            }
            Err(_) => {
                let tries = self.retries.entry(item.clone()).or_default();
                let pause = RETRY.saturating_mul(1 << (*tries).min(20)).min(LATEST);
                *tries += 1;
                let wait = if pause < PATIENCE {
                    Wait::Work
                } else {
                    Wait::Appointment
                };
                let retry = (Instant::now() + pause, wait);
                again = Some(again.map_or(retry, |again| again.min(retry)));
            }
        }
        self.queue.set_timer(item, again);
    }

    /// Does what a plan says, up to the first refusal.
    async fn carry_out(&mut self, item: &Item, plan: Plan) -> Result<(), Refusal> {
        for action in plan.actions {
            let Err(refusal) = self.act(item, &action).await else {
                continue;
            };
            if !refusal.is_stale() {
                let who = self
                    .controllers
                    .get(item.controller)
                    .map_or("", |one| one.name());
                let line = format!("{who} {}: {} {}", item.key, refusal.code, refusal.message);
                tracing::debug!(target: "kmock", "refused: {line}");
                self.shared.complain(line);
            }
            if !refusal.is_stale() || matches!(action, Action::Create { .. }) {
                self.catch_up();
                let Some(controller) = self.controllers.get_mut(item.controller) else {
                    return Err(refusal);
                };
                let more = controller.refused(&item.key, &action, &refusal, &self.cache);
                for action in more.actions {
                    // It is about a failure already: one more changes nothing.
                    let _ = self.act(item, &action).await;
                }
            }
            return Err(refusal);
        }
        Ok(())
    }

    async fn act(&mut self, item: &Item, action: &Action) -> Result<(), Refusal> {
        let Some(controller) = self.controllers.get(item.controller) else {
            return Ok(());
        };
        let agent = controller.agent();
        let action = match action {
            Action::IfAllowed { review, then } => {
                if !self.client.allows(agent, review).await? {
                    return Ok(());
                }
                then
            }
            action => action,
        };
        match action {
            Action::Create { kind, object, told } => {
                let name = self.client.create(agent, *kind, object).await?;
                if let Some(note) = told {
                    let mut note = note.clone();
                    note.message = note.message.replace("{}", &name);
                    self.tell(item, &note).await;
                }
                Ok(())
            }
            Action::Update { kind, object } => self.client.replace(agent, *kind, object, "").await,
            Action::Status { kind, object } => {
                self.client.replace(agent, *kind, object, "status").await
            }
            Action::Patch {
                kind,
                key,
                subresource,
                patch,
            } => {
                self.client
                    .patch(agent, *kind, key, subresource, patch)
                    .await
            }
            Action::Delete {
                kind,
                key,
                uid,
                options,
            } => self.client.delete(agent, *kind, key, uid, *options).await,
            Action::Bind { key, uid, node } => self.client.bind(agent, key, uid, node).await,
            Action::Request { method, path, body } => {
                let method =
                    http::Method::from_bytes(method.as_bytes()).unwrap_or(http::Method::GET);
                let body = Some(body).filter(|body| !body.is_null());
                self.client.send(agent, method, path, body).await
            }
            Action::Tell(note) => {
                self.tell(item, note).await;
                Ok(())
            }
            // One question is enough.
            Action::IfAllowed { .. } => Ok(()),
        }
    }

    /// Events are told as well as can be: that one is refused (in a namespace that goes) stops nobody.
    async fn tell(&mut self, item: &Item, note: &Note) {
        let Some(controller) = self.controllers.get(item.controller) else {
            return;
        };
        let (agent, component) = (controller.agent(), controller.component());
        match self.recorder.write(note, component, self.cluster.now()) {
            Write::Skip => {}
            Write::Create(key, event) => {
                if let Err(refusal) = self.client.tell(agent, event).await {
                    tracing::debug!(target: "kmock", "event of {}: {}", object::name(&note.about), refusal.message);
                    self.recorder.forget(&key);
                }
            }
            Write::Count(key, patch) => {
                if self
                    .client
                    .patch(agent, Kind::Events, &key, "", &patch)
                    .await
                    .is_err()
                {
                    self.recorder.forget(&key);
                    if let Write::Create(_, event) =
                        self.recorder.write(note, component, self.cluster.now())
                    {
                        let _ = self.client.tell(agent, event).await;
                    }
                }
            }
        }
    }
}
