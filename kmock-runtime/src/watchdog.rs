//! The watchdog of a test: from the outside and in real time. Where a paused clock stands or runs in circles, and where the
//! test's thread is blocked, no timer of the runtime can tell that a test will never end.

use std::{
    io::Write as _,
    sync::{
        Arc, Mutex, PoisonError, Weak,
        atomic::{AtomicU8, Ordering},
        mpsc::{self, RecvTimeoutError},
    },
    time::Duration,
};

use tokio::{
    runtime::Id,
    sync::{Notify, oneshot},
};

use crate::{core::Core, mock::KMock, waits};

/// How long a test with a clock of its own may last in real time, unless it says otherwise, and any other: a stuck one ends at
/// last, a busy one on a loaded machine is left alone.
pub(crate) const VIRTUAL: Duration = Duration::from_secs(30);
pub(crate) const REAL: Duration = Duration::from_secs(60);

/// After so long, one look at whether the test's thread still comes to the server that lives on it.
const LOOK: Duration = Duration::from_secs(5);
/// How long that may take.
const ANSWER: Duration = Duration::from_secs(1);

/// How long a test may take to end when it is told to.
const GRACE: Duration = Duration::from_secs(2);

/// The variable that sets the time of all tests that set none themselves.
const VARIABLE: &str = "KMOCK_TIMEOUT";

/// What a test waits for, as far as the library knows: its servers, and who waits on its runtime.
#[derive(Clone, Debug, Default)]
pub(crate) struct Watched {
    servers: Arc<Mutex<Vec<Weak<Core>>>>,
    runtime: Option<Id>,
}

impl Watched {
    pub(crate) fn on(runtime: Id) -> Watched {
        Watched {
            runtime: Some(runtime),
            ..Watched::default()
        }
    }

    pub(crate) fn add(&self, server: &KMock) {
        let mut servers = self.servers.lock().unwrap_or_else(PoisonError::into_inner);
        servers.push(Arc::downgrade(server.core()));
    }

    /// What is pending, a line each.
    pub(crate) fn pending(&self) -> String {
        let servers = self.servers.lock();
        let servers = servers.unwrap_or_else(PoisonError::into_inner).clone();
        let mut pending = self.runtime.map(waits::told).unwrap_or_default();
        for server in servers.iter().filter_map(Weak::upgrade) {
            pending.extend(server.pending());
            pending.extend(server.backend.iter().flat_map(|backend| backend.pending()));
        }
        if pending.is_empty() {
            pending.push(
                "nothing at the server: the test itself waits, or it runs in circles".to_owned(),
            );
        }
        pending.join("\n  ")
    }
}

/// What can be done about a test that does not end.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum TestKind {
    /// Its thread is the server's, too: blocked, it answers nobody.
    OneThread,
    /// It can be told to end.
    Threads,
    /// It is not async: nothing can end it but the end of the process.
    Sync,
}

/// The time of a test: its own, or that of the variable, or the usual one. `None`: as long as it likes.
///
/// # Errors
/// When the variable is no time.
pub(crate) fn limit(own: Option<Duration>, usual: Duration) -> Result<Option<Duration>, String> {
    if own.is_some() {
        return Ok(own);
    }
    match std::env::var(VARIABLE) {
        Ok(text) => read(&text),
        Err(_) => Ok(Some(usual)),
    }
}

fn read(text: &str) -> Result<Option<Duration>, String> {
    let text = text.trim();
    if matches!(text, "" | "0" | "off" | "none") {
        return Ok(None);
    }
    let (number, unit) = match text.strip_suffix('m') {
        Some(minutes) => (minutes, 60.0),
        None => (text.strip_suffix('s').unwrap_or(text), 1.0),
    };
    let seconds = number.trim().parse::<f64>().ok();
    let limit = seconds.and_then(|n| Duration::try_from_secs_f64(n * unit).ok());
    match limit {
        Some(limit) => Ok(Some(limit)),
        None => Err(format!(
            "{VARIABLE}={text:?} is no time: write seconds (`90`), minutes (`5m`), or `off`"
        )),
    }
}

/// Guards one test.
#[derive(Debug)]
pub(crate) struct Watchdog {
    fired: Option<oneshot::Receiver<()>>,
    look: Arc<Look>,
    /// Dropped with this, it ends the thread.
    _done: Option<mpsc::Sender<()>>,
}

/// The question whether the runtime still comes to its tasks.
#[derive(Debug, Default)]
struct Look {
    asked: Notify,
    /// 0: not asked, or not answered.
    answered: AtomicU8,
}

impl Watchdog {
    /// Without a limit it never fires.
    pub(crate) fn new(
        name: &'static str,
        limit: Option<Duration>,
        kind: TestKind,
        watched: Watched,
    ) -> Watchdog {
        let look = Arc::new(Look::default());
        let Some(limit) = limit else {
            return Watchdog {
                fired: None,
                look,
                _done: None,
            };
        };
        let (fire, fired) = oneshot::channel();
        let (done, ended) = mpsc::channel::<()>();
        let looking = Arc::clone(&look);
        let watching = on_a_thread(Box::new(move || {
            watch(name, limit, kind, &watched, &ended, fire, &looking);
        }));
        // Without a thread to spare there is no watchdog; the test itself is none the worse.
        Watchdog {
            fired: watching.then_some(fired),
            look,
            _done: Some(done),
        }
    }

    /// Ends when the limit is over.
    pub(crate) async fn fires(&mut self) {
        let look = Arc::clone(&self.look);
        let looked = async {
            look.asked.notified().await;
            look.answered.store(1, Ordering::Release);
            std::future::pending::<()>().await;
        };
        let fired = async {
            if let Some(fired) = &mut self.fired
                && fired.await.is_ok()
            {
                return;
            }
            std::future::pending::<()>().await;
        };
        futures::future::select(std::pin::pin!(fired), std::pin::pin!(looked)).await;
    }
}

type Watch = Box<dyn FnOnce() + Send>;

/// The name of the threads that watch.
const WATCHDOG: &str = "kmock-watchdog";

/// Threads that have watched a test, and wait for the next: a sweep has thousands of them one after another.
static IDLE: Mutex<Vec<mpsc::Sender<Watch>>> = Mutex::new(Vec::new());
/// So many wait at most.
const MOST_IDLE: usize = 16;

/// Watches on a thread of its own; says whether there is one.
fn on_a_thread(watch: Watch) -> bool {
    let idle = || IDLE.lock().unwrap_or_else(PoisonError::into_inner);
    let mut watch = watch;
    if let Some(thread) = idle().pop() {
        match thread.send(watch) {
            Ok(()) => return true,
            Err(mpsc::SendError(left)) => watch = left,
        }
    }
    let (next, to_come) = mpsc::channel::<Watch>();
    let run = move || {
        loop {
            watch();
            {
                let mut idle = idle();
                if idle.len() >= MOST_IDLE {
                    return;
                }
                idle.push(next.clone());
            }
            match to_come.recv() {
                Ok(another) => watch = another,
                Err(_) => return,
            }
        }
    };
    let thread = std::thread::Builder::new().name(WATCHDOG.to_owned());
    thread.spawn(run).is_ok()
}

fn watch(
    name: &str,
    limit: Duration,
    kind: TestKind,
    watched: &Watched,
    ended: &mpsc::Receiver<()>,
    fire: oneshot::Sender<()>,
    look: &Look,
) {
    let late = |within| ended.recv_timeout(within) == Err(RecvTimeoutError::Timeout);
    let begun = worked_so_far();
    // Whether the test has not had its time yet, going by what came after `then`; nobody is known to, where the system does not tell.
    let starves = |limit, wall, then: Option<Duration>, within| {
        let worked = worked_so_far();
        let since = |then| Some(worked?.saturating_sub(then?));
        let (used, lately) = (since(begun), since(then));
        used.zip(lately).is_some_and(|(used, lately)| {
            is_starved(limit, wall, used, is_busy(lately, within) || has_work())
        })
    };
    let mut left = limit;
    if kind == TestKind::OneThread && limit > LOOK + ANSWER {
        if !late(LOOK) {
            return;
        }
        let asked = worked_so_far();
        look.asked.notify_one();
        if !late(ANSWER) {
            return;
        }
        let blocked = LOOK + ANSWER;
        left -= blocked;
        // Where others have the processor, it may only wait for its turn.
        let is_starved = starves(blocked, blocked, asked, ANSWER);
        if look.answered.load(Ordering::Acquire) == 0 && !is_starved {
            tell(&format!(
                "kmock: {name} blocks its thread, for {blocked:?} by now, and the server on it answers nobody \
                 meanwhile. {ADVICE}"
            ));
        }
    }
    if !late(left) {
        return;
    }
    let slice = (limit / 20).min(Duration::from_secs(1));
    let mut wall = limit;
    while begun.is_some() {
        let then = worked_so_far();
        if !late(slice) {
            return;
        }
        wall += slice;
        if !starves(limit, wall, then, slice) {
            break;
        }
    }
    // The test may be over in this very moment.
    let _ = fire.send(());
    if kind != TestKind::Sync && !late(GRACE) {
        return;
    }
    let (why, advice) = match kind {
        TestKind::OneThread => ("its thread is blocked", format!("\n{ADVICE}")),
        TestKind::Threads => ("its thread is blocked", String::new()),
        TestKind::Sync => ("a test that is not async cannot be stopped", String::new()),
    };
    tell(&format!(
        "kmock: {name} is not done after {limit:?} of real time; pending:\n  {}{advice}\n\
         kmock: {why}, so the process ends here; `#[kmock::test(timeout = …)]` or {VARIABLE} sets the time",
        watched.pending()
    ));
    // As a failed test ends its binary.
    std::process::exit(101);
}

/// So many times its limit a test may last at most that is busy all the time.
const PATIENCE: u32 = 10;

/// Whether the processor did something for a process in some time; its clock has ticks, of which two may fall at once.
fn is_busy(worked: Duration, within: Duration) -> bool {
    worked >= (within / 20).max(Duration::from_millis(40))
}

/// Whether a test whose time is over has not had it: it is busy, and the processor was with others. Who waits, waits for as long as
/// the wall says.
fn is_starved(limit: Duration, wall: Duration, worked: Duration, is_busy: bool) -> bool {
    // No process has the processor all the time.
    is_busy && worked < limit.mul_f64(0.9) && wall < limit.saturating_mul(PATIENCE)
}

/// How long the processor has worked for this process, where the system tells.
fn worked_so_far() -> Option<Duration> {
    let all = std::fs::read_to_string("/proc/self/stat").ok()?;
    // After the name, which may have spaces: the times in user and in kernel mode, in hundredths of a second.
    let mut rest = all.rsplit_once(')')?.1.split_whitespace().skip(11);
    let mut ticks = || rest.next()?.parse::<u64>().ok();
    Some(Duration::from_millis((ticks()? + ticks()?) * 10))
}

/// Whether a thread runs, or would if it had its turn; where the system does not tell, none is known to.
fn has_work() -> bool {
    let threads = std::fs::read_dir("/proc/self/task").into_iter().flatten();
    let stats = threads.flatten().map(|thread| thread.path().join("stat"));
    stats
        .filter_map(|stat| std::fs::read_to_string(stat).ok())
        .any(|stat| is_runnable(&stat))
}

/// Whether that is so of the thread that a line of `/proc/self/task/…/stat` tells of. A watchdog looks, and is no test.
fn is_runnable(stat: &str) -> bool {
    let parts = stat
        .split_once('(')
        .and_then(|(_, rest)| rest.rsplit_once(')'));
    parts.is_some_and(|(name, rest)| name != WATCHDOG && rest.trim_start().starts_with('R'))
}

/// Past the output of tests, which is kept until they end: it would be lost with the process.
fn tell(text: &str) {
    // Where nobody can read it, nobody will.
    let _ = writeln!(std::io::stderr(), "{text}");
}

/// For the usual reason.
const ADVICE: &str = "A blocking client (ureq, reqwest::blocking), or `thread::sleep`, in an async test? Write `fn` \
    for `async fn`, or `#[kmock::test(flavor = \"multi_thread\")]`: then the server has a thread of its own.";

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_are_seconds_minutes_or_off() {
        assert_eq!(read("90"), Ok(Some(Duration::from_secs(90))));
        assert_eq!(read("1.5s"), Ok(Some(Duration::from_millis(1500))));
        assert_eq!(read("5m"), Ok(Some(Duration::from_secs(300))));
        assert_eq!(read("off"), Ok(None));
        assert!(read("soon").is_err() && read("-1").is_err());
    }

    #[test]
    fn who_is_busy_on_a_loaded_machine_has_more_time() {
        let limit = Duration::from_secs(60);
        for (wall, worked, is_busy, expected) in [
            // It waits, whatever the others do.
            (60, 1, false, false),
            (60, 10, true, true),
            // It has had its time, or runs in circles.
            (60, 59, true, false),
            (599, 50, true, true),
            (600, 50, true, false),
        ] {
            let [wall, worked] = [wall, worked].map(Duration::from_secs);
            assert_eq!(is_starved(limit, wall, worked, is_busy), expected);
        }
        assert!(worked_so_far().is_some() || !cfg!(target_os = "linux"));
    }

    #[test]
    fn who_waits_for_a_turn_has_work() {
        for (stat, expected) in [
            ("7 (it::a (b) R) R 1 7 7 0", true),
            ("7 (R) S 1 7 7 0", false),
            ("7 (kmock-watchdog) R 1 7 7 0", false),
            ("", false),
        ] {
            assert_eq!(is_runnable(stat), expected, "{stat}");
        }
        // This thread runs.
        assert!(has_work() || !cfg!(target_os = "linux"));
    }
}
