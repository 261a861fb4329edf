//! `kmock serve`.

use std::{
    io::{self, Write},
    net::SocketAddr,
    path::PathBuf,
};

use kmock::{KMock, Rule};

use crate::cli::{kubeconfig, summary};

pub(crate) struct Options {
    pub(crate) listen: SocketAddr,
    pub(crate) kubeconfig: Option<PathBuf>,
    pub(crate) rules: Vec<Rule>,
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
        .start()
        .await
        .map_err(|error| error.to_string())?;
    k.mount(options.rules.into_iter().collect::<kmock::Rules>());

    let url = k.url();
    say(&format!("listening on {url}\n"));
    // The address to listen on need not be one to talk to.
    let reachable = match k.address() {
        address if address.ip().is_unspecified() => format!("http://127.0.0.1:{}", address.port()),
        _ => url.clone(),
    };
    let kubeconfig = if options.raw {
        None
    } else {
        let port = k.address().port();
        let text = k.kubeconfig().replace(&url, &reachable);
        let file = kubeconfig::File::write(options.kubeconfig, &text, port)
            .map_err(|error| format!("cannot write the kubeconfig: {error}"))?;
        let path = file.path().display();
        say(&format!(
            "export KUBECONFIG={path}\nkubectl --kubeconfig {path} get namespaces\ncurl {reachable}/api/v1/namespaces\n"
        ));
        Some(file)
    };
    if options.raw {
        say(&format!("curl {reachable}/\n"));
    }
    let ended = ended();
    if options.verbose {
        tokio::select! {
            () = follow(&k) => {}
            ended = ended => ended?,
        }
    } else {
        ended.await?;
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

/// Prints each request as it comes.
async fn follow(k: &KMock) {
    let all = k.filter(kmock::Filter::any());
    let mut known = 0;
    loop {
        // An error is only that nothing came for a while.
        if let Ok(requests) = all.wait_for(known + 1).await {
            for seen in requests.iter().skip(known) {
                say(&format!("{} {}\n", seen.method(), seen.target()));
            }
            known = requests.len();
        }
    }
}

async fn ended() -> Result<(), String> {
    let cannot = |error: io::Error| format!("cannot wait for signals: {error}");
    #[cfg(unix)]
    {
        use tokio::signal::unix::{SignalKind, signal};
        let mut terminate = signal(SignalKind::terminate()).map_err(cannot)?;
        tokio::select! {
            _ = terminate.recv() => Ok(()),
            interrupted = tokio::signal::ctrl_c() => interrupted.map_err(cannot),
        }
    }
    #[cfg(not(unix))]
    tokio::signal::ctrl_c().await.map_err(cannot)
}
