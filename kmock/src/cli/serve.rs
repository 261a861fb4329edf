//! `kmock serve`.

use std::{
    io::{self, Write},
    net::SocketAddr,
    path::PathBuf,
    time::Duration,
};

use kmock::{KMock, Rule, Seen};

use crate::cli::{kubeconfig, summary};

pub(crate) struct Options {
    pub(crate) listen: SocketAddr,
    pub(crate) kubeconfig: Option<PathBuf>,
    pub(crate) rules: Vec<Rule>,
    pub(crate) load: Vec<PathBuf>,
    pub(crate) resources: Vec<PathBuf>,
    pub(crate) controllers: bool,
    pub(crate) seed: u64,
    pub(crate) raw: bool,
    pub(crate) verbose: bool,
}

/// Serves until Ctrl-C or SIGTERM.
pub(crate) fn serve(options: Options) -> Result<(), String> {
    tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()
        .map_err(|error| format!("cannot start a runtime: {error}"))?
        .block_on(run(options))
}

async fn run(options: Options) -> Result<(), String> {
    let k = KMock::builder()
        .listen(options.listen)
        .seed(options.seed)
        .raw(options.raw)
        .controllers(options.controllers)
        // Without rules it is an API server and nothing else; with rules, what fits none is explained.
        .every_path(options.rules.is_empty())
        .start()
        .await
        .map_err(|error| error.to_string())?;
    k.mount(options.rules.into_iter().collect::<kmock::Rules>());
    populate(&k, &options.resources, &options.load, options.raw)?;

    let ended = ended()?;
    let url = k.url();
    // The address to listen on need not be one to talk to.
    let reachable = match k.address() {
        address if address.ip().is_unspecified() => format!("http://127.0.0.1:{}", address.port()),
        _ => url.clone(),
    };
    let (kubeconfig, usage) = if options.raw {
        (None, format!("curl {reachable}/\n"))
    } else {
        let port = k.address().port();
        let text = k.kubeconfig().replace(&url, &reachable);
        let file = kubeconfig::File::write(options.kubeconfig, &text, port)
            .map_err(|error| format!("cannot write the kubeconfig: {error}"))?;
        let path = file.path().display();
        let usage = format!(
            "export KUBECONFIG={path}\nkubectl --kubeconfig {path} get namespaces\ncurl {reachable}/api/v1/namespaces\n"
        );
        (Some(file), usage)
    };
    // Said last: whoever waits for this line finds everything in place, the kubeconfig too.
    say(&format!("listening on {url}\n{usage}"));
    if options.verbose {
        let mut teller = Teller::default();
        tokio::select! {
            () = teller.follow(&k) => {}
            () = ended => {}
        }
        teller.look(&k);
    } else {
        ended.await;
    }
    say(&format!("\n{}", summary::text(&k.requests())));
    k.shutdown();
    drop(kubeconfig);
    Ok(())
}

/// Standard output may be closed; that is no reason to end.
fn say(text: &str) {
    let mut out = io::stdout();
    let _ = out.write_all(text.as_bytes()).and_then(|()| out.flush());
}

/// How often answers are looked for while there are requests without one.
const LOOK: Duration = Duration::from_millis(20);

/// Tells each request when it is answered.
#[derive(Default)]
struct Teller {
    known: usize,
    open: Vec<Seen>,
}

impl Teller {
    async fn follow(&mut self, k: &KMock) {
        let all = k.filter(kmock::Filter::any());
        loop {
            let within = if self.open.is_empty() {
                Duration::MAX
            } else {
                LOOK
            };
            // An error is only that nothing came for a while.
            let _ = all.wait_for_within(self.known + 1, within).await;
            self.look(k);
        }
    }

    fn look(&mut self, k: &KMock) {
        let requests = k.requests();
        self.open.extend(requests.iter().skip(self.known).cloned());
        self.known = requests.len();
        self.open.retain(|seen| {
            let outcome = seen.outcome();
            let Some(status) = outcome.status else {
                return true;
            };
            let (method, target, by) = (seen.method(), seen.target(), outcome.answered_by);
            say(&format!("{status} {method} {target}   {by}\n"));
            false
        });
    }
}

/// What ends the server. It is made before the server tells that it listens: whoever reads that may end it at once.
fn ended() -> Result<impl Future<Output = ()>, String> {
    let cannot = |error: io::Error| format!("cannot wait for signals: {error}");
    #[cfg(unix)]
    {
        use tokio::signal::unix::{SignalKind, signal};
        let mut terminate = signal(SignalKind::terminate()).map_err(cannot)?;
        let mut interrupt = signal(SignalKind::interrupt()).map_err(cannot)?;
        Ok(async move {
            tokio::select! {
                _ = terminate.recv() => {}
                _ = interrupt.recv() => {}
            }
        })
    }
    #[cfg(windows)]
    {
        let mut interrupt = tokio::signal::windows::ctrl_c().map_err(cannot)?;
        Ok(async move {
            interrupt.recv().await;
        })
    }
}

/// Resources first: objects may be of them.
fn populate(
    k: &KMock,
    resources: &[PathBuf],
    objects: &[PathBuf],
    raw: bool,
) -> Result<(), String> {
    if raw {
        return match resources.is_empty() && objects.is_empty() {
            true => Ok(()),
            false => Err(
                "--load and --resources need the Kubernetes API, which --raw switches off"
                    .to_owned(),
            ),
        };
    }
    for path in resources {
        k.resources()
            .load_file(path)
            .map_err(|error| format!("--resources {}: {error}", path.display()))?;
    }
    for path in objects {
        k.objects()
            .try_seed_file(path)
            .map_err(|error| format!("--load {}: {error}", path.display()))?;
    }
    Ok(())
}
