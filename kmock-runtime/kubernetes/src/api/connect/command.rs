//! `exec` and `attach`: a process whose streams are the channels of a connection (`remotecommand`).

use std::pin::pin;

use bytes::Bytes;
use futures::future::{Either, select};
use http::HeaderMap;
use serde_json::{Value, json};
use tokio::sync::{mpsc, watch};

use super::session::{self, Came, Sink, Source};
use super::{plainly, upgrade};
use crate::api::reply::{Body, Reply};
use crate::model::path::Query;
use crate::model::status::ApiError;
use crate::state::kubelet::{Exit, Kubelet, Output, Process, Streams, TerminalSize};
use crate::wire::{spdy, websocket};

const STDIN: u8 = 0;
const STDOUT: u8 = 1;
const STDERR: u8 = 2;
const ERROR: u8 = 3;
const RESIZE: u8 = 4;

/// The subprotocols, beside that of version 5, which is asked for first.
const PROTOCOLS: &[&str] = &[
    "channel.k8s.io",
    "base64.channel.k8s.io",
    "v4.channel.k8s.io",
    "v4.base64.channel.k8s.io",
];
const V5: &str = "v5.channel.k8s.io";

/// The protocols over SPDY.
const SPDY_PROTOCOLS: &[&str] = &[
    "v4.channel.k8s.io",
    "v3.channel.k8s.io",
    "v2.channel.k8s.io",
    "channel.k8s.io",
];

/// What the streams of SPDY are called, in the order of the numbers above.
const TYPES: &[&str] = &["stdin", "stdout", "stderr", "error", "resize"];

/// Which streams a client wants.
#[derive(Clone, Copy)]
pub(super) struct Wanted {
    stdin: bool,
    stdout: bool,
    stderr: bool,
    tty: bool,
}

impl Wanted {
    /// As the API server is asked: `PodExecOptions` and `PodAttachOptions`, with their defaults.
    pub(super) fn of_options(query: &Query) -> Wanted {
        let flag = |name: &str, otherwise: bool| {
            query
                .get(name)
                .map_or(otherwise, |text| text == "true" || text == "1")
        };
        let tty = flag("tty", false);
        Wanted {
            stdin: flag("stdin", false),
            stdout: flag("stdout", true),
            stderr: flag("stderr", true) && !tty,
            tty,
        }
    }

    pub(super) fn is_nothing(self) -> bool {
        !(self.stdin || self.stdout || self.stderr)
    }

    /// As a kubelet is asked.
    pub(super) fn of_flags(query: &Query) -> Wanted {
        let flag = |name: &str| query.get(name) == Some("1");
        let tty = flag("tty");
        Wanted {
            stdin: flag("input"),
            stdout: flag("output"),
            stderr: flag("error") && !tty,
            tty,
        }
    }
}

/// What a client wants to be joined to.
pub(super) struct Joining<'a> {
    /// Of its request: which protocols it speaks.
    pub(super) headers: &'a HeaderMap,
    pub(super) wanted: Wanted,
    /// `None`: the process that the container is.
    pub(super) command: Option<Vec<String>>,
}

/// The ends of a process's streams that are the server's.
struct Ends {
    stdin: Option<mpsc::UnboundedSender<Bytes>>,
    output: mpsc::Receiver<(Output, Bytes)>,
    size: watch::Sender<Option<TerminalSize>>,
}

/// What begins a process; without a command, it joins the one that the container is.
type Begun = Result<Process, String>;

/// Begins it in a container.
pub(super) fn within<'a>(
    kubelet: &'a dyn Kubelet,
    pod: &'a str,
    container: &'a str,
) -> impl FnOnce(Option<Vec<String>>, Streams) -> Begun + 'a {
    move |command, streams| match command {
        None => kubelet.attach(pod, container, streams),
        Some(command) => kubelet.exec(pod, container, command, streams),
    }
}

/// Runs a command, or joins what runs.
pub(super) fn command(
    joining: Joining<'_>,
    begin: impl FnOnce(Option<Vec<String>>, Streams) -> Begun,
) -> Result<Reply, ApiError> {
    let Joining {
        headers,
        wanted,
        command,
    } = joining;
    if wanted.is_nothing() {
        let why = "you must specify at least 1 of stdin, stdout, stderr";
        return Ok(plainly(400, why));
    }
    let spdy = upgrade::wants_spdy(headers);
    let protocol = if spdy {
        let offered = upgrade::spdy_offered(headers);
        match upgrade::chosen(&offered, SPDY_PROTOCOLS) {
            Some(protocol) => protocol,
            None => return Ok(upgrade::spdy_refused(&offered, SPDY_PROTOCOLS)),
        }
    } else {
        let offered = websocket::offered(headers);
        if offered.contains(&V5) {
            V5
        } else {
            match upgrade::chosen(&offered, PROTOCOLS) {
                Some(protocol) => protocol,
                None => return Ok(upgrade::refused(&offered, PROTOCOLS)),
            }
        }
    };
    let (ends, streams) = joined(wanted);
    let process = match begin(command.clone(), streams) {
        Ok(process) => process,
        // The API server has accepted the newest protocol by the time when it hears of it.
        Err(why) if protocol == V5 => {
            let failed = format!("unable to upgrade connection: {why}");
            Box::pin(async move { Exit::Failed(failed) })
        }
        Err(why) => return Ok(plainly(500, &why)),
    };
    let job = Job {
        command: command.unwrap_or_default(),
        protocol,
        wanted,
        ends,
        process,
    };
    let response = if spdy {
        upgrade::accept_spdy(protocol, move |connection| async move {
            let expected = job.expected();
            let opened = session::streams(spdy::spdy(connection), TYPES, expected);
            if let Some((source, sink)) = opened.await {
                job.carry(source, sink).await;
            }
        })
    } else {
        let chosen = Some(protocol).filter(|name| !name.is_empty());
        websocket::accept(headers, chosen, move |socket| async move {
            let (source, mut sink) = session::channels(socket, protocol);
            if protocol != V5 {
                // So that the client knows that it is there.
                let first = match wanted {
                    Wanted { stdout: true, .. } => STDOUT,
                    Wanted { stderr: true, .. } => STDERR,
                    _ => ERROR,
                };
                if sink.send(first, b"").await.is_err() {
                    return;
                }
            }
            job.carry(source, sink).await;
        })?
    };
    Ok(Reply::new(101, Body::Response(response)))
}

/// Runs a command to its end: how it ended, and what it wrote to either stream.
pub(super) async fn run(
    kubelet: &dyn Kubelet,
    pod: &str,
    container: &str,
    command: Vec<String>,
) -> Result<(Exit, Vec<u8>, Vec<u8>), String> {
    let (mut ends, streams) = joined(Wanted {
        stdin: false,
        stdout: true,
        stderr: true,
        tty: false,
    });
    let mut process = kubelet.exec(pod, container, command, streams)?;
    let (mut out, mut errors) = (Vec::new(), Vec::new());
    let mut keep = |(of, data): (Output, Bytes)| match of {
        Output::Out => out.extend_from_slice(&data),
        Output::Err => errors.extend_from_slice(&data),
    };
    let exit = loop {
        match select(pin!(ends.output.recv()), &mut process).await {
            Either::Left((Some(written), _)) => keep(written),
            // It writes no more.
            Either::Left((None, _)) => break process.await,
            Either::Right((exit, _)) => break exit,
        }
    };
    while let Ok(written) = ends.output.try_recv() {
        keep(written);
    }
    Ok((exit, out, errors))
}

/// A process with all that its client is to see of it.
struct Job {
    command: Vec<String>,
    protocol: &'static str,
    wanted: Wanted,
    ends: Ends,
    process: Process,
}

impl Job {
    /// How many streams a client opens for it over SPDY.
    fn expected(&self) -> usize {
        let Wanted {
            stdin,
            stdout,
            stderr,
            tty,
        } = self.wanted;
        let resizes = tty && (self.protocol.starts_with("v4.") || self.protocol.starts_with("v3."));
        1 + [stdin, stdout, stderr, resizes]
            .into_iter()
            .filter(|one| *one)
            .count()
    }

    /// Carries what comes to the process, and what it writes to the client, until it ends or the client is gone. The two
    /// ways do not wait for each other.
    async fn carry(self, mut source: Source, mut sink: Sink) {
        let Job {
            command,
            protocol,
            wanted,
            ends,
            process,
        } = self;
        let Ends {
            stdin,
            output,
            size,
        } = ends;
        let (ask, asked) = mpsc::unbounded_channel();
        let ended = {
            let taking = pin!(take(&mut source, stdin, size, ask));
            let giving = pin!(give(&mut sink, wanted, output, process, asked));
            match select(giving, taking).await {
                Either::Left((ended, _)) => ended,
                Either::Right(((), _)) => return,
            }
        };
        let Some(exit) = ended else { return };
        let whole = protocol.starts_with("v4.") || protocol.starts_with("v5.");
        let status = status(&exit, &command, whole);
        if (status.is_empty() || sink.send(ERROR, status.as_bytes()).await.is_ok())
            && sink.close().await.is_ok()
        {
            source.gone().await;
        }
    }
}

/// Takes what the client sends, until it is gone.
async fn take(
    source: &mut Source,
    mut stdin: Option<mpsc::UnboundedSender<Bytes>>,
    size: watch::Sender<Option<TerminalSize>>,
    pings: mpsc::UnboundedSender<Bytes>,
) {
    loop {
        match source.recv().await {
            Came::Gone => return,
            Came::Ping(payload) => {
                // Whoever answers them may be about to end.
                let _ = pings.send(payload);
            }
            Came::Data(STDIN, data) => {
                // A process that reads no more does not keep the client from sending.
                if let Some(stdin) = &stdin {
                    let _ = stdin.send(data);
                }
            }
            Came::End(STDIN) => stdin = None,
            Came::Data(RESIZE, data) => {
                if let Some(to) = size_of(&data) {
                    size.send_replace(Some(to));
                }
            }
            Came::Data(..) | Came::End(_) => {}
        }
    }
}

enum Next {
    Ping(Option<Bytes>),
    Put(Option<(Output, Bytes)>),
    Ended(Exit),
}

/// Gives the client what the process writes, until it ends; `None`: the client is gone.
async fn give(
    sink: &mut Sink,
    wanted: Wanted,
    mut output: mpsc::Receiver<(Output, Bytes)>,
    mut process: Process,
    mut pings: mpsc::UnboundedReceiver<Bytes>,
) -> Option<Exit> {
    let mut silent = false;
    loop {
        let next = {
            let ping = pin!(pings.recv());
            let put = pin!(async {
                if silent {
                    std::future::pending::<()>().await;
                }
                output.recv().await
            });
            // What is written goes out before the end is told.
            match select(put, select(&mut process, ping)).await {
                Either::Left((put, _)) => Next::Put(put),
                Either::Right((Either::Left((exit, _)), _)) => Next::Ended(exit),
                Either::Right((Either::Right((ping, _)), _)) => Next::Ping(ping),
            }
        };
        match next {
            Next::Ping(Some(payload)) => sink.pong(&payload).await.ok()?,
            // The other half has ended: so does this one.
            Next::Ping(None) => return None,
            Next::Put(Some((of, data))) => put(sink, wanted, of, &data).await?,
            Next::Put(None) => silent = true,
            Next::Ended(exit) => {
                while let Ok((of, data)) = output.try_recv() {
                    put(sink, wanted, of, &data).await?;
                }
                return Some(exit);
            }
        }
    }
}

fn joined(wanted: Wanted) -> (Ends, Streams) {
    let (to_stdin, stdin) = mpsc::unbounded_channel();
    let (to_output, output) = mpsc::channel(16);
    let (to_size, size) = watch::channel(None);
    let ends = Ends {
        stdin: wanted.stdin.then_some(to_stdin),
        output,
        size: to_size,
    };
    let streams = Streams {
        stdin: wanted.stdin.then_some(stdin),
        output: to_output,
        tty: wanted.tty,
        size,
    };
    (ends, streams)
}

async fn put(sink: &mut Sink, wanted: Wanted, output: Output, data: &[u8]) -> Option<()> {
    let channel = match output {
        Output::Err if wanted.stderr => STDERR,
        // A terminal shows both.
        Output::Err if !wanted.tty => return Some(()),
        _ if wanted.stdout => STDOUT,
        _ => return Some(()),
    };
    sink.send(channel, data).await.ok()
}

fn size_of(data: &[u8]) -> Option<TerminalSize> {
    let size: Value = serde_json::from_slice(data).ok()?;
    let of = |name: &str| u16::try_from(size[name].as_u64()?).ok();
    Some(TerminalSize {
        width: of("Width")?,
        height: of("Height")?,
    })
}

/// What the error channel says at the end: a `Status` since version 4, before that only what is wrong.
fn status(exit: &Exit, command: &[String], whole: bool) -> String {
    let exited = |code: i32| {
        format!(
            "command terminated with non-zero exit code: error executing command [{}], exit code {code}",
            command.join(" ")
        )
    };
    let (message, status) = match exit {
        Exit::Code(0) => (String::new(), json!({"metadata": {}, "status": "Success"})),
        Exit::Code(code) => {
            let message = exited(*code);
            let status = json!({
                "metadata": {}, "status": "Failure", "message": message, "reason": "NonZeroExitCode",
                "details": {"causes": [{"reason": "ExitCode", "message": code.to_string()}]},
            });
            (message, status)
        }
        Exit::Failed(why) => {
            let message = format!("Internal error occurred: {why}");
            let status = json!({
                "metadata": {}, "status": "Failure", "message": message, "reason": "InternalError",
                "details": {"causes": [{"message": why}]}, "code": 500,
            });
            (message, status)
        }
    };
    if whole { status.to_string() } else { message }
}
