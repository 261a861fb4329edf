//! `kmock serve`.

use std::{
    io::{self, Write},
    net::SocketAddr,
    path::PathBuf,
    time::Duration,
};

use kmock::{Controllers, KMock, Rule, Seen};

use crate::cli::{access, kubeconfig, load, signals, summary};

pub(crate) struct ServeOptions {
    pub(crate) listen: SocketAddr,
    pub(crate) kubeconfig: Option<PathBuf>,
    pub(crate) rules: Vec<Rule>,
    pub(crate) load: Vec<PathBuf>,
    pub(crate) resources: Vec<PathBuf>,
    pub(crate) controllers: bool,
    pub(crate) kubernetes_version: Option<String>,
    pub(crate) keep: usize,
    pub(crate) history: usize,
    pub(crate) any_origin: bool,
    pub(crate) cluster: bool,
    pub(crate) nodes: usize,
    pub(crate) parts: Vec<String>,
    pub(crate) images: Vec<PathBuf>,
    pub(crate) kubelet_port: Option<SocketAddr>,
    pub(crate) access: access::AccessOptions,
    pub(crate) seed: u64,
    pub(crate) raw: bool,
    pub(crate) verbose: bool,
    pub(crate) tls: Option<kmock::tls::Tls>,
    pub(crate) ca_file: Option<PathBuf>,
}

/// Requests that take their time are computed on the threads of the server: there are some more than cores.
const THREADS: usize = 8;

/// Serves until Ctrl-C or SIGTERM.
pub(crate) fn serve(options: ServeOptions) -> Result<(), String> {
    let threads = std::thread::available_parallelism().map_or(1, usize::from);
    tokio::runtime::Builder::new_multi_thread()
        .worker_threads(threads.max(THREADS))
        .enable_all()
        .build()
        .map_err(|error| format!("cannot start a runtime: {error}"))?
        .block_on(run(options))
}

/// A resource version that is beyond those of a server that ran before, so that its clients see that theirs are old: a
/// hundred for each second.
fn revision() -> u64 {
    let since = std::time::SystemTime::now().duration_since(std::time::SystemTime::UNIX_EPOCH);
    since.map_or(100, |since| {
        u64::try_from(since.as_millis() / 10).unwrap_or(100)
    })
}

async fn run(options: ServeOptions) -> Result<(), String> {
    if options.raw {
        let meaningless = [
            ("--load", !options.load.is_empty()),
            ("--resources", !options.resources.is_empty()),
            ("--kubeconfig", options.kubeconfig.is_some()),
            ("--controllers", options.controllers),
            ("--cluster", options.cluster),
            ("--nodes", options.nodes > 0),
            ("--parts", !options.parts.is_empty()),
            ("--images", !options.images.is_empty()),
            ("--kubelet-port", options.kubelet_port.is_some()),
            ("--kubernetes-version", options.kubernetes_version.is_some()),
        ];
        if let Some((name, _)) = meaningless.iter().find(|(_, given)| *given) {
            return Err(format!(
                "{name} needs the Kubernetes API, which --raw switches off"
            ));
        }
    }
    let secure = options.tls.is_some();
    let mut builder = KMock::builder();
    // Kubelets speak nothing but TLS.
    let kubelet_tls = options.tls.clone().unwrap_or_default();
    if let Some(tls) = options.tls {
        builder = builder.tls_with(tls);
    }
    let mut builder = builder
        .listen(options.listen)
        .seed(options.seed)
        .raw(options.raw)
        .controllers(options.controllers)
        .keep(options.keep)
        .history(options.history)
        .guarded(!options.any_origin)
        .revision(revision())
        // Without rules it is an API server and nothing else; with rules, what fits none is explained.
        .every_path(options.rules.is_empty());
    if let Some(version) = options.kubernetes_version {
        builder = builder.kubernetes_version(version);
    }
    let whole = options.parts.is_empty();
    let has_kubelets = match whole {
        true => options.cluster || options.nodes > 0 || !options.images.is_empty(),
        false => options.parts.iter().any(|part| part == "kubelets"),
    };
    if options.kubelet_port.is_some() && !has_kubelets {
        return Err(
            "--kubelet-port needs kubelets: --nodes N, --cluster or --parts kubelets".to_owned(),
        );
    }
    if !whole {
        kmock::life::Parts::only(&options.parts).map_err(|error| format!("--parts: {error}"))?;
        if options.cluster {
            return Err("--parts and --cluster: a cluster that lives has all parts".to_owned());
        }
        builder = builder.controllers(match options.controllers {
            true => Controllers::Some(options.parts),
            false => Controllers::Only(options.parts),
        });
    }
    if !whole || options.cluster || options.nodes > 0 || !options.images.is_empty() {
        builder = builder.nodes(options.nodes).heartbeats(true);
    }
    // Before anybody can reach it: whoever does may end it at once.
    let ended = signals::ended()?;
    let k = builder.start().await.map_err(|error| error.to_string())?;
    for path in &options.images {
        declare_images(&k, path)
            .map_err(|error| format!("--images {}: {error}", path.display()))?;
    }
    k.mount(options.rules.into_iter().collect::<kmock::Rules>());
    for one in k.report().shadowed {
        eprintln!(
            "kmock: warning: {}: {} never answers: {} ({}) does",
            at(one.location),
            one.rule,
            one.by,
            at(one.by_location)
        );
    }
    for path in &options.resources {
        k.resources()
            .load_file(path)
            .map_err(|error| format!("--resources {}: {error}", path.display()))?;
    }
    load::load(&k, &options.load).await?;
    let exports = options.access.prepare(&k, options.raw)?;
    let kubelets = match options.kubelet_port {
        None => None,
        Some(address) => {
            let builder = KMock::builder().kubelets_of(&k).tls_with(kubelet_tls);
            let builder = builder
                .listen(address)
                .keep(options.keep)
                .guarded(!options.any_origin);
            let started = builder.start().await;
            Some(started.map_err(|error| format!("--kubelet-port: {error}"))?)
        }
    };

    let url = k.url();
    // The address to listen on need not be one to talk to.
    let reachable = match k.address() {
        address if address.ip().is_unspecified() => {
            let scheme = if secure { "https" } else { "http" };
            format!("{scheme}://127.0.0.1:{}", address.port())
        }
        _ => url.clone(),
    };
    let curl = match (secure, options.ca_file) {
        (false, _) => "curl".to_owned(),
        (true, Some(path)) => {
            std::fs::write(&path, k.ca_pem())
                .map_err(|error| format!("cannot write {}: {error}", path.display()))?;
            format!("curl --cacert {}", path.display())
        }
        (true, None) => {
            let path = k.ca_file().map_err(|error| error.to_string())?;
            format!("curl --cacert {}", path.display())
        }
    };
    let (kubeconfig, usage) = if options.raw {
        (None, format!("{curl} {reachable}/\n"))
    } else {
        let port = k.address().port();
        let text = k.kubeconfig().replace(&url, &reachable);
        let file = kubeconfig::File::write(options.kubeconfig, &text, port)?;
        let path = file.path().display();
        let usage = format!(
            "export KUBECONFIG={path}\nkubectl --kubeconfig {path} get namespaces\n{curl} {reachable}/api/v1/namespaces\n"
        );
        (Some(file), usage)
    };
    // Said last: whoever waits for this line finds everything in place, the kubeconfig too.
    let at_kubelets = kubelets
        .as_ref()
        .map(|kubelets| format!("# kubelets at {}\n", kubelets.url()));
    let at_kubelets = at_kubelets.unwrap_or_default();
    say(&format!(
        "listening on {url}\n{usage}{exports}{at_kubelets}"
    ));
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
    say(&format!("\n{}", summary::text(&k.report())));
    options.access.finish(&k)?;
    if let Some(kubelets) = kubelets {
        kubelets.shutdown();
    }
    k.shutdown();
    drop(kubeconfig);
    // Nobody is left who could want what a long life has gathered: it need not be freed piece by piece.
    std::process::exit(0);
}

/// A line of a file of rules, or the number of a `--rule`.
fn at(place: kmock::Location) -> String {
    format!("{}:{}", place.file, place.line)
}

/// Declares the images of a file, YAML or JSON.
fn declare_images(k: &KMock, path: &std::path::Path) -> Result<(), String> {
    let text = std::fs::read_to_string(path).map_err(|error| error.to_string())?;
    for document in kmock::kubernetes::internals::text::yaml::parse_all(&text)
        .map_err(|error| error.to_string())?
    {
        if !document.is_null() {
            k.life().declare_images(&document)?;
        }
    }
    Ok(())
}

/// Standard output may be closed; that is no reason to end.
pub(super) fn say(text: &str) {
    let mut out = io::stdout();
    let _ = out.write_all(text.as_bytes()).and_then(|()| out.flush());
}

/// How often answers are looked for while there are requests without one.
const LOOK: Duration = Duration::from_millis(20);

/// Tells each request when it is answered.
#[derive(Default)]
struct Teller {
    /// The number of the first request that was not looked at.
    next: u64,
    errors: usize,
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
            // An error is only that nothing came for a while; what never becomes a request is looked for, too.
            let next = usize::try_from(self.next).unwrap_or(usize::MAX);
            let within = within.min(Duration::from_millis(500));
            let _ = tokio::time::timeout(within, all.wait_for_number(next)).await;
            self.look(k);
        }
    }

    fn look(&mut self, k: &KMock) {
        let (errors, next) = k.errors_from(self.errors);
        for error in &errors {
            say(&format!("error: {}\n", summary::shown(error)));
        }
        self.errors = next;
        let requests = k.requests();
        let next = self.next;
        let new = requests.iter().filter(|seen| seen.id() >= next);
        self.open.extend(new.cloned());
        self.next = requests.last().map_or(self.next, |last| last.id() + 1);
        self.open.retain(|seen| {
            let outcome = seen.outcome();
            let (method, by) = (seen.method(), &outcome.answered_by);
            let target = summary::shown(seen.target());
            let Some(status) = outcome.status else {
                if outcome.gone {
                    say(&format!("… {method} {target}   the client went away\n"));
                }
                return !outcome.gone;
            };
            say(&format!("{status} {method} {target}   {by}\n"));
            false
        });
    }
}
