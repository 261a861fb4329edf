//! The runs of a sweep: the first one learns, the trials are planned, spread over the cores, and judged.

use std::{
    cell::Cell,
    collections::HashSet,
    panic::{AssertUnwindSafe, catch_unwind},
    sync::{
        Arc, Mutex, Once, PoisonError,
        atomic::{AtomicUsize, Ordering},
    },
    thread,
    time::{Duration, Instant},
};

use super::{
    fault::{Planned, SweepFault, known, parse},
    place::{Place, Sort},
    script::{Record, Script},
    tell::{self, Failed, Summary},
};
use crate::harness::{Outcome, TestFn, TestOptions, run_async};

/// How long one trial may last in real time.
const TRIAL: Duration = Duration::from_secs(20);
/// Of the same read, watch or event, so many are places for faults.
const SAME_READS: usize = 3;
/// So many pairs of faults are planned at most.
const PAIRS: usize = 20_000;

/// What became of a trial.
#[derive(Clone, Debug)]
pub(super) enum Verdict {
    /// The run ended as the one without faults.
    Fine,
    /// The run took another way and never came to the place.
    NotMet,
    Wrong(Box<Failed>),
}

/// A sweep: the test once without faults, then once for each fault at each place.
///
/// The variable `KMOCK_SWEEP` has it run with just these faults: `KMOCK_SWEEP='crash after delete pods default/web'`.
///
/// # Panics
/// When the test fails, without a fault or with one; the message tells which, and what was different.
#[track_caller]
pub fn run_sweep<Servers, F>(options: TestOptions, test: F) -> F::Output
where
    F: TestFn<Servers> + Copy + Send + Sync,
{
    let sweep = options.swept();
    if let Err(why) = known(sweep.without) {
        panic!("kmock: `sweep_without` of {}: {why}", options.name());
    }
    let first = Arc::new(Script::new(sweep.ignored));
    let outcome = run_async(options.clone().scripted(Arc::clone(&first)), test);
    if !outcome.is_success() {
        return outcome;
    }
    let first = first.record();
    let again = std::env::var("KMOCK_SWEEP")
        .ok()
        .filter(|text| !text.trim().is_empty());
    if let Some(text) = again {
        match parse(&text) {
            Ok(planned) => one(&options, test, planned, &first),
            Err(why) => panic!("kmock: KMOCK_SWEEP: {why}"),
        }
        return outcome;
    }
    let began = Instant::now();
    // A test that differs without any fault would blame each fault for it.
    let (second, failed) = trial(&options, test, Vec::new(), &first);
    let differences = judge(&second, failed, &first);
    if !differences.is_empty() {
        panic!(
            "kmock: {} ends in another way each time, without any fault: a sweep could not tell what a fault changes\n  {}\n\
             If that is meant, name the fields: `sweep_ignores = [\"status.attempts\"]`",
            options.name(),
            differences.join("\n  ")
        );
    }
    let singles = singles(&first, options.is_paused(), sweep.without);
    let pairs = if sweep.faults > 1 {
        pairs(&singles)
    } else {
        Vec::new()
    };
    let plan: Vec<Vec<Planned>> = singles
        .into_iter()
        .map(|one| vec![one])
        .chain(pairs)
        .filter(|planned| sweep.has_share(options.seed_of_all(), &tell::faults(planned)))
        .collect();
    let verdicts = carry_out(&options, test, &plan, &first, began + sweep.budget);
    let took = began.elapsed();
    let summary = Summary::new(
        options.name(),
        &first,
        plan,
        verdicts,
        took,
        took >= sweep.budget,
    );
    if let Some(directory) = options.report_directory()
        && let Err(error) = super::page::write(&directory, &summary)
    {
        eprintln!("kmock: no page in {}: {error}", directory.display());
    }
    if let Some(text) = tell::failures(&summary) {
        panic!("{text}");
    }
    eprintln!("{}", tell::passed(&summary));
    outcome
}

/// One run with the faults that somebody asked for, told as any test.
#[track_caller]
fn one<Servers, F>(options: &TestOptions, test: F, planned: Vec<Planned>, first: &Record)
where
    F: TestFn<Servers> + Copy,
{
    let told: Vec<String> = planned.iter().map(Planned::story).collect();
    eprintln!(
        "kmock: {} with a fault: {}",
        options.name(),
        told.join("; then ")
    );
    let script = Script::of_trial(planned.clone(), options.swept().ignored, first);
    let script = Arc::new(script);
    let outcome = run_async(options.clone().scripted(Arc::clone(&script)), test);
    let record = script.record();
    let failed = (!outcome.is_success()).then(|| "the test returned an error".to_owned());
    let differences = judge(&record, failed, first);
    if record.met.len() < planned.len() {
        let places: Vec<String> = record
            .places
            .iter()
            .map(|(place, _)| format!("  {place}"))
            .collect();
        panic!(
            "kmock: the run did not come to the place; it came to\n{}",
            places.join("\n")
        );
    }
    if !differences.is_empty() {
        let what = differences;
        let failed = Failed {
            planned,
            what,
            record,
        };
        panic!("{}", tell::one(options.name(), &failed));
    }
}

/// The faults that can matter, the most telling first.
fn singles(first: &Record, paused: bool, without: &[&str]) -> Vec<Planned> {
    let last_write = first
        .places
        .iter()
        .rposition(|(_, sort)| sort.writes() && *sort != Sort::Lease)
        .unwrap_or_default();
    let mut known: HashSet<&Place> = HashSet::new();
    let mut ranked: Vec<(usize, usize, Planned)> = Vec::new();
    for (at, (place, sort)) in first.places.iter().enumerate() {
        let writes = sort.writes();
        // What is only read, and nothing follows it, cannot go wrong; what is read again and again goes wrong alike.
        if !known.insert(place) || !writes && place.nth >= SAME_READS {
            continue;
        }
        for (rank, fault) in SweepFault::at(*sort).iter().enumerate() {
            // Only what is read wrongly is followed by writes that were not there before.
            let idle = !writes && at > last_write && !fault.shows_the_past();
            let possible = !idle
                && (*sort == Sort::Update || !fault.needs_an_object())
                && !fault.is_among(without)
                && (paused || !fault.needs_virtual_time())
                && (first.operators || !fault.needs_operator());
            if possible {
                let place = place.clone();
                ranked.push((
                    rank,
                    at,
                    Planned {
                        fault: *fault,
                        place,
                    },
                ));
            }
        }
    }
    ranked.sort_by_key(|(rank, at, _)| (*rank, *at));
    ranked.into_iter().map(|(.., planned)| planned).collect()
}

/// Two faults in one run: each with each other at another place.
fn pairs(singles: &[Planned]) -> Vec<Vec<Planned>> {
    let all = singles.iter().enumerate().flat_map(|(at, one)| {
        let others = singles
            .iter()
            .skip(at + 1)
            .filter(|other| other.place != one.place);
        others.map(|other| vec![one.clone(), other.clone()])
    });
    all.take(PAIRS).collect()
}

/// Runs the trials on all cores, in their order, until they are done or the time is over. `None`: not tried.
fn carry_out<Servers, F>(
    options: &TestOptions,
    test: F,
    plan: &[Vec<Planned>],
    first: &Record,
    until: Instant,
) -> Vec<Option<Verdict>>
where
    F: TestFn<Servers> + Copy + Send + Sync,
{
    let verdicts: Mutex<Vec<Option<Verdict>>> = Mutex::new(vec![None; plan.len()]);
    let (next, wrong) = (AtomicUsize::new(0), AtomicUsize::new(0));
    let enough = options.swept().enough;
    let cores = thread::available_parallelism().map_or(1, usize::from);
    thread::scope(|scope| {
        for _ in 0..cores {
            scope.spawn(|| {
                while Instant::now() < until && wrong.load(Ordering::Relaxed) < enough {
                    let at = next.fetch_add(1, Ordering::Relaxed);
                    let Some(planned) = plan.get(at) else { return };
                    let (record, failed) = trial(options, test, planned.clone(), first);
                    let verdict = if record.met.len() < planned.len() && failed.is_none() {
                        Verdict::NotMet
                    } else {
                        match judge(&record, failed, first) {
                            what if what.is_empty() => Verdict::Fine,
                            what => Verdict::Wrong(Box::new(Failed {
                                planned: planned.clone(),
                                what,
                                record,
                            })),
                        }
                    };
                    if matches!(verdict, Verdict::Wrong(_)) {
                        wrong.fetch_add(1, Ordering::Relaxed);
                    }
                    let mut verdicts = verdicts.lock().unwrap_or_else(PoisonError::into_inner);
                    if let Some(slot) = verdicts.get_mut(at) {
                        *slot = Some(verdict);
                    }
                }
            });
        }
    });
    verdicts
        .into_inner()
        .unwrap_or_else(PoisonError::into_inner)
}

/// One quiet run; its record, and why the test failed, if it did.
fn trial<Servers, F>(
    options: &TestOptions,
    test: F,
    planned: Vec<Planned>,
    first: &Record,
) -> (Record, Option<String>)
where
    F: TestFn<Servers> + Copy,
{
    let script = Arc::new(Script::of_trial(planned, options.swept().ignored, first));
    let options = options.clone().scripted(Arc::clone(&script)).quietly(TRIAL);
    let outcome =
        quietly(|| catch_unwind(AssertUnwindSafe(|| run_async(options, test).is_success())));
    let failed = match outcome {
        Ok(true) => None,
        Ok(false) => Some("the test returned an error".to_owned()),
        Err(panic) => Some(crate::user_code::panic_text(&*panic)),
    };
    (script.record(), failed)
}

/// What is different from the first run, in words.
fn judge(record: &Record, failed: Option<String>, first: &Record) -> Vec<String> {
    // What the test asserts is its own best judge; the rest would only say the same in more words.
    if let Some(failed) = failed {
        return vec![failed];
    }
    match (&record.end, &first.end) {
        (Some(end), Some(first)) => end.differs(first),
        _ => Vec::new(),
    }
}

thread_local! {
    static QUIET: Cell<bool> = const { Cell::new(false) };
}

/// Without the messages of panics on this thread: hundreds of trials may fail of one reason.
fn quietly<T>(run: impl FnOnce() -> T) -> T {
    static HOOK: Once = Once::new();
    HOOK.call_once(|| {
        let usual = std::panic::take_hook();
        std::panic::set_hook(Box::new(move |panic| {
            if !QUIET.get() {
                usual(panic);
            }
        }));
    });
    QUIET.set(true);
    let out = run();
    QUIET.set(false);
    out
}
