//! What ends the server: Ctrl-C, SIGTERM, a closed terminal. They are waited for on a thread of their own, so that they end
//! a server, too, all of whose threads are at work.

use std::{io, process, time::Duration};

use tokio::sync::oneshot;

/// How long the server may take to end.
const GRACE: Duration = Duration::from_secs(5);

/// Waits for the first signal. It is made before the server listens: whoever reaches it may end it at once.
/// A second signal, or a server that does not come to its end, ends the process.
pub(crate) fn ended() -> Result<impl Future<Output = ()>, String> {
    let cannot = |error: io::Error| format!("cannot wait for signals: {error}");
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .map_err(cannot)?;
    let mut signals = {
        let _entered = runtime.enter();
        Signals::new().map_err(cannot)?
    };
    let (end, ended) = oneshot::channel();
    std::thread::Builder::new()
        .name("kmock-signals".to_owned())
        .spawn(move || {
            runtime.block_on(async move {
                let first = signals.next().await;
                // The server may be ending by itself.
                let _ = end.send(());
                match tokio::time::timeout(GRACE, signals.next()).await {
                    Ok(second) => process::exit(second),
                    Err(_) => {
                        eprintln!(
                            "kmock: not done {GRACE:?} after it was to end (a request takes its time): ended all the same"
                        );
                        process::exit(first);
                    }
                }
            });
        })
        .map_err(cannot)?;
    Ok(async move {
        // Without the thread there is nobody who could end it.
        let _ = ended.await;
    })
}

#[cfg(unix)]
struct Signals {
    terminate: tokio::signal::unix::Signal,
    interrupt: tokio::signal::unix::Signal,
    hangup: tokio::signal::unix::Signal,
}

#[cfg(unix)]
impl Signals {
    fn new() -> io::Result<Signals> {
        use tokio::signal::unix::{SignalKind, signal};
        Ok(Signals {
            terminate: signal(SignalKind::terminate())?,
            interrupt: signal(SignalKind::interrupt())?,
            hangup: signal(SignalKind::hangup())?,
        })
    }

    /// The status that a process has which such a signal ended.
    async fn next(&mut self) -> i32 {
        tokio::select! {
            _ = self.terminate.recv() => 128 + 15,
            _ = self.interrupt.recv() => 128 + 2,
            _ = self.hangup.recv() => 128 + 1,
        }
    }
}

#[cfg(windows)]
struct Signals(tokio::signal::windows::CtrlC);

#[cfg(windows)]
impl Signals {
    fn new() -> io::Result<Signals> {
        tokio::signal::windows::ctrl_c().map(Signals)
    }

    async fn next(&mut self) -> i32 {
        self.0.recv().await;
        130
    }
}
