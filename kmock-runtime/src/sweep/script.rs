//! What stands before the rules in one run: it notes the places that come by, and carries the planned faults out.

use std::{
    collections::{BTreeSet, HashMap},
    fmt,
    net::SocketAddr,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use futures::future::BoxFuture;
use http::{HeaderValue, Response, StatusCode, header};
use serde_json::json;

use super::{
    events,
    fault::{Planned, SweepFault},
    place::{self, Place, Sort},
    state::{self, End, Objects},
};
use crate::{
    core::Core,
    gatekeeper::Gatekeeper,
    journal::{By, Seen},
    mock::KMock,
    reply::{Answer, Fault, Payload, broken},
    request::Request,
    server, settle,
};

/// The script of one run.
pub(crate) struct Script {
    planned: Vec<Planned>,
    ignored: &'static [&'static str],
    /// What was there without a fault, at each rest of the test.
    usual: Arc<[Objects]>,
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    counts: HashMap<String, usize>,
    places: Vec<(Place, Sort)>,
    met: Vec<Planned>,
    trail: Vec<Step>,
    /// The revision before the last write that took effect.
    before_write: Option<u64>,
    /// The revision when nothing moved last.
    settled: Option<u64>,
    /// How often nothing moved between two steps of the test, and what was there then, where no fault is planned.
    rests: usize,
    rested: Vec<Objects>,
    /// Whether all was as usual when that was asked last: at which rest, after how many changes.
    compared: Option<((usize, u64), bool)>,
    /// After a stale restart: the revision that is shown, and the lists that were shown it.
    stale: Option<(u64, BTreeSet<String>)>,
    end: Option<End>,
    operators: bool,
}

/// One request, for the timeline of a failure.
#[derive(Clone, Debug)]
pub(super) struct Step {
    pub(super) at: Duration,
    pub(super) place: Place,
    pub(super) sort: Sort,
    pub(super) status: Option<u16>,
    pub(super) fault: Option<String>,
}

/// What a run was like.
#[derive(Clone, Debug, Default)]
pub(super) struct Record {
    pub(super) places: Vec<(Place, Sort)>,
    pub(super) met: Vec<Planned>,
    pub(super) trail: Vec<Step>,
    pub(super) end: Option<End>,
    /// What was there at each rest, where no fault was planned.
    pub(super) rested: Arc<[Objects]>,
    /// Whether there was a program that can be started again.
    pub(super) operators: bool,
}

impl fmt::Debug for Script {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Script")
            .field("planned", &self.planned)
            .finish_non_exhaustive()
    }
}

impl Script {
    /// Of a run that learns.
    pub(super) fn new(ignored: &'static [&'static str]) -> Script {
        Script {
            planned: Vec::new(),
            ignored,
            usual: Arc::default(),
            state: Mutex::default(),
        }
    }

    /// Of a trial: a run with faults, after one without.
    pub(super) fn of_trial(
        planned: Vec<Planned>,
        ignored: &'static [&'static str],
        first: &Record,
    ) -> Script {
        Script {
            planned,
            usual: Arc::clone(&first.rested),
            ..Script::new(ignored)
        }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// What the run was like; the script is done with it.
    pub(super) fn record(&self) -> Record {
        let state = std::mem::take(&mut *self.state());
        Record {
            places: state.places,
            met: state.met,
            trail: state.trail,
            end: state.end,
            rested: state.rested.into(),
            operators: state.operators,
        }
    }

    /// Notes that something comes by; gives its place.
    pub(super) fn note(&self, what: String, sort: Sort) -> Place {
        let mut state = self.state();
        let count = state.counts.entry(what.clone()).or_default();
        let place = Place { what, nth: *count };
        *count += 1;
        state.places.push((place.clone(), sort));
        place
    }

    /// The fault that is planned for a place.
    pub(super) fn meet(&self, place: &Place) -> Option<SweepFault> {
        let planned = self
            .planned
            .iter()
            .find(|planned| planned.place == *place)?;
        self.state().met.push(planned.clone());
        Some(planned.fault)
    }

    /// The test's body is over: waits until nothing moves, and notes what is there then.
    pub(crate) async fn ended(&self, server: &KMock) {
        let core = server.core();
        if let Err(why) = settle::quiet(core, settle::Rest::InTheEnd).await {
            core.error(format!("nothing comes to rest: {why}"));
        }
        let end = End::of(core, self.ignored);
        let mut state = self.state();
        state.end = Some(end);
        state.operators = core.operators.any();
    }

    async fn answer(
        self: &Arc<Script>,
        core: &Arc<Core>,
        seen: &Seen,
        request: &Request,
        address: SocketAddr,
        (place, sort): (&Place, Sort),
        fault: Option<SweepFault>,
    ) -> (Answer, By) {
        let refused = |status: u16| {
            let kubernetes = sort != Sort::Http;
            let mut answer = Answer::new(refusal(status, kubernetes));
            answer.fault = Some(format!("sweep: {status} instead"));
            (answer, By::Nobody)
        };
        let cut = |answer: Answer, by: By| async move {
            (broken(answer, Fault::reset(), request).await, by)
        };
        match fault {
            Some(SweepFault::Conflict) => return refused(409),
            Some(SweepFault::TooMany) => return refused(429),
            Some(SweepFault::Unavailable) => return refused(503),
            Some(SweepFault::Error) => return refused(500),
            Some(SweepFault::Timeout) => return refused(504),
            Some(SweepFault::CutBefore) => {
                let (answer, by) = refused(503);
                return cut(answer, by).await;
            }
            Some(SweepFault::CrashBefore) => {
                core.operators.crash();
                let (answer, by) = refused(503);
                return cut(answer, by).await;
            }
            Some(SweepFault::Stolen) => {
                if let Some(backend) = &core.backend {
                    backend.steal(request);
                }
                return refused(409);
            }
            Some(SweepFault::Touched) => {
                if let Some(backend) = &core.backend
                    && let Some(touch) = backend.touch(request)
                {
                    let answered = server::answer(core, seen, request, address).await;
                    if backend.lost(&touch) {
                        core.error(format!(
                            "{touch} lost what another client wrote just before: `{place}` overwrote it with what was read earlier, \
                             without a resourceVersion that would have stopped it"
                        ));
                    }
                    return answered;
                }
            }
            _ => {}
        }
        if let Some(revision) = self.shown(sort, place, fault)
            && let Some(backend) = &core.backend
        {
            let response = backend.answer_at(request.clone(), revision).await;
            return (Answer::new(response.map(Payload::Body)), By::Kubernetes);
        }
        let before = core.backend.as_ref().map(|backend| backend.revision());
        let (mut answer, by) = server::answer(core, seen, request, address).await;
        if matches!(sort, Sort::Write | Sort::Update) {
            self.state().before_write = before;
        }
        match fault {
            Some(SweepFault::TimeoutAfter) => (refused(504).0, by),
            Some(SweepFault::ErrorAfter) => (refused(500).0, by),
            Some(SweepFault::CutAfter) => cut(answer, by).await,
            Some(SweepFault::Truncated) => (broken(answer, Fault::truncate(2), request).await, by),
            Some(SweepFault::CrashAfter) => {
                core.operators.crash();
                cut(answer, by).await
            }
            Some(fault @ (SweepFault::StaleRestart | SweepFault::RewoundRestart)) => {
                core.operators.crash();
                self.rewind(fault);
                cut(answer, by).await
            }
            Some(SweepFault::Jump) => {
                jump().await;
                (answer, by)
            }
            _ => {
                if sort == Sort::Watch && answer.response.status() == StatusCode::OK {
                    answer.response = answer
                        .response
                        .map(|payload| Payload::Body(events::follow(self, payload.into_body())));
                }
                (answer, by)
            }
        }
    }

    /// From now on, the first list of each kind shows the past.
    fn rewind(&self, fault: SweepFault) {
        let mut state = self.state();
        let shown = match fault {
            SweepFault::StaleRestart => state.before_write,
            _ => state.settled,
        };
        state.stale = shown.map(|revision| (revision, BTreeSet::new()));
    }

    /// The revision of the past that a list is answered with, if it is.
    fn shown(&self, sort: Sort, place: &Place, fault: Option<SweepFault>) -> Option<u64> {
        if sort != Sort::List {
            return None;
        }
        let mut state = self.state();
        match fault {
            Some(SweepFault::StaleList) => return state.before_write,
            Some(SweepFault::RewoundList) => return state.settled,
            _ => {}
        }
        let (revision, lists) = state.stale.as_mut()?;
        lists.insert(place.what.clone()).then_some(*revision)
    }
}

impl Gatekeeper for Script {
    /// The way of a request: past the planned fault, to the rules and what is below them.
    fn exchange<'a>(
        self: Arc<Self>,
        core: &'a Arc<Core>,
        seen: &'a Seen,
        request: &'a Request,
        address: SocketAddr,
    ) -> BoxFuture<'a, (Answer, By)> {
        Box::pin(async move {
            if request.is_own() {
                return server::answer(core, seen, request, address).await;
            }
            let (what, sort) = place::of_request(core.dialect, request);
            let place = self.note(what, sort);
            let fault = self.meet(&place);
            let step = Step {
                at: core.clock.elapsed(),
                place: place.clone(),
                sort,
                status: None,
                fault: fault.map(|fault| fault.word().to_owned()),
            };
            let number = {
                let mut state = self.state();
                state.trail.push(step);
                state.trail.len() - 1
            };
            let (answer, by) = self
                .answer(core, seen, request, address, (&place, sort), fault)
                .await;
            if let Some(step) = self.state().trail.get_mut(number) {
                step.status = Some(answer.response.status().as_u16());
            }
            (answer, by)
        })
    }

    /// Whether a fault was met.
    fn has_met(&self) -> bool {
        !self.state().met.is_empty()
    }

    /// What operators and tests do next depends on what is there: where that is as it was without the fault, nothing has to
    /// come right any more.
    fn is_as_usual(&self, core: &Core) -> bool {
        let Some(backend) = &core.backend else {
            return false;
        };
        let (now, known) = {
            let state = self.state();
            ((state.rests, backend.changes()), state.compared)
        };
        // One waits long, and asks again and again, while nothing changes.
        if let Some((at, as_usual)) = known
            && at == now
        {
            return as_usual;
        }
        let usual = self.usual.get(now.0);
        let as_usual =
            usual.is_some_and(|usual| state::objects(&**backend, self.ignored) == *usual);
        self.state().compared = Some((now, as_usual));
        as_usual
    }

    /// Nothing moves now: a client that is started again may have seen this last.
    fn settled(&self, core: &Core) {
        let Some(backend) = &core.backend else {
            return;
        };
        let learns = self.planned.is_empty();
        let now = learns.then(|| state::objects(&**backend, self.ignored));
        let mut state = self.state();
        state.settled = Some(backend.revision());
        state.rests += 1;
        state.rested.extend(now);
    }
}

/// An hour at once, where the clock can be moved.
async fn jump() {
    #[cfg(feature = "test-util")]
    tokio::time::advance(Duration::from_secs(3600)).await;
}

/// An answer in place of the server's, in the form that its clients read.
fn refusal(status: u16, kubernetes: bool) -> Response<Payload> {
    let (reason, message) = match status {
        409 => (
            "Conflict",
            "the object has been modified; please apply your changes to the latest version and try again",
        ),
        429 => (
            "TooManyRequests",
            "too many requests, please try again later",
        ),
        500 => (
            "InternalError",
            "an error on the server has prevented the request from succeeding",
        ),
        504 => (
            "Timeout",
            "the server was unable to return a response in the time allotted",
        ),
        _ => (
            "ServiceUnavailable",
            "the server is currently unable to handle the request",
        ),
    };
    let (kind, text) = if kubernetes {
        let status = json!({
            "kind": "Status", "apiVersion": "v1", "metadata": {}, "status": "Failure", "message": message,
            "reason": reason, "details": {"retryAfterSeconds": u8::from(status == 429)}, "code": status,
        });
        ("application/json", status.to_string())
    } else {
        ("text/plain; charset=utf-8", format!("{message}\n"))
    };
    let mut response = Response::new(Payload::Full(text.into()));
    *response.status_mut() =
        StatusCode::from_u16(status).unwrap_or(StatusCode::SERVICE_UNAVAILABLE);
    let headers = response.headers_mut();
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static(kind));
    if status == 429 {
        headers.insert(header::RETRY_AFTER, HeaderValue::from_static("1"));
    }
    response
}
