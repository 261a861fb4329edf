//! What the API server asks of kubelets on behalf of clients: logs, commands, connections.

use std::panic::AssertUnwindSafe;

use bytes::Bytes;
use futures::FutureExt;
use futures::future::{BoxFuture, Either, select};
use http::{Request, Response};

use super::{given, logs};
use crate::containers::{Container, Io, Running, carry_out, plain};
use crate::emulator::ApiBody;
use crate::emulator::kubelet::{
    Exit, Kubelet, LogOptions, Output, Probes, Process, Streams, Usage,
};
use crate::emulator::takeover::Connection;
use crate::json::Json;
use crate::nodes::NodeSpec;
use crate::object::{self, items, text};
use crate::shared::Shared;
use crate::usage;

impl Shared {
    fn found(&self, pod: &str, container: &str) -> Result<Running, String> {
        self.running(pod, container)
            .ok_or_else(|| format!("container not found (\"{container}\")"))
    }
}

impl Kubelet for Shared {
    fn log(&self, pod: &str, options: &LogOptions) -> Option<ApiBody> {
        logs::log(self, pod, options)
    }

    fn exec(
        &self,
        pod: &str,
        container: &str,
        command: Vec<String>,
        streams: Streams,
    ) -> Result<Process, String> {
        let running = self.found(pod, container)?;
        let output = streams.output.clone();
        let mut io = Io::new(running.container.clone(), streams);
        let ended = running.container.clone();
        let process = async move {
            let name = command.first().cloned().unwrap_or_default();
            let Some(code) = running.command else {
                return match plain(&command, &mut io).await {
                    Some(code) => Exit::Code(code),
                    None => Exit::Failed(format!(
                        "error executing command in container: failed to exec in container: failed to start exec: \
                         OCI runtime exec failed: exec failed: unable to start container process: \
                         exec: \"{name}\": executable file not found in $PATH"
                    )),
                };
            };
            carry_out(&code, command, io, output).await
        };
        // Commands end with their container.
        Ok(Box::pin(async move {
            let over = std::pin::pin!(ended.over());
            match select(Box::pin(process), over).await {
                Either::Left((exit, _)) => exit,
                Either::Right(_) => Exit::Code(137),
            }
        }))
    }

    fn attach(&self, pod: &str, container: &str, streams: Streams) -> Result<Process, String> {
        let running = self.found(pod, container)?;
        let from = running.log.written();
        let Streams {
            stdin,
            output,
            tty,
            size: _,
        } = streams;
        let container = running.container.clone();
        // Who has nothing more to send goes, unless the container ends with what it reads: so does a runtime (containerd).
        let stays = stdin.is_none() || (container.spec()["stdinOnce"] == true && !tty);
        let sending = async move {
            if let Some(mut stdin) = stdin {
                let _end = EndOfInput(container.clone());
                while let Some(data) = stdin.recv().await {
                    container.send(data);
                }
            }
            if stays {
                std::future::pending::<()>().await;
            }
        };
        let log = running.log;
        let showing = async move {
            let mut changes = log.changes();
            let mut shown = from;
            loop {
                changes.borrow_and_update();
                let (text, written, more) = log.text_from(shown);
                shown = written;
                if !text.is_empty() && output.send((Output::Out, text.into())).await.is_err() {
                    return;
                }
                if !more || changes.changed().await.is_err() {
                    return;
                }
            }
        };
        Ok(Box::pin(async move {
            select(Box::pin(showing), Box::pin(sending)).await;
            Exit::Code(0)
        }))
    }

    fn connect(
        &self,
        pod: &str,
        port: u16,
        connection: Connection,
    ) -> BoxFuture<'static, Result<(), String>> {
        let ip = {
            let state = self.state();
            state.address_of(pod)
        };
        let served = ip.and_then(|ip| self.network.connect(&ip, port, connection));
        Box::pin(async move {
            match served {
                Some(served) => {
                    // What a closure does to itself is told to its client by the end of the connection.
                    let _ = AssertUnwindSafe(served).catch_unwind().await;
                    Ok(())
                }
                None => Err(format!(
                    "failed to execute portforward in network namespace: failed to connect to localhost:{port} inside \
                     namespace, IPv4: dial tcp4 127.0.0.1:{port}: connect: connection refused"
                )),
            }
        })
    }

    fn usage(&self, pod: &serde_json::Value) -> Vec<Usage> {
        let whole = |milli: i64| u64::try_from(milli).unwrap_or_default();
        let pod = Json::from(pod);
        let key = object::key(&pod);
        usage::of_containers(self, &pod)
            .into_iter()
            .map(|(container, used)| {
                let of = |resource: &str| whole(used.get(resource).copied().unwrap_or_default());
                let running = self.running(&key, &container);
                let running = running.as_ref();
                let files = running.map_or(0, |running| running.container.has_in_files());
                let log = running.map_or(0, |running| running.log.size());
                Usage {
                    container,
                    files: (files as u64).saturating_add(of("ephemeral-storage") / 1000),
                    log: log as u64,
                    cpu: of("cpu"),
                    memory: of("memory") / 1000,
                }
            })
            .collect()
    }

    fn volumes(&self, pod: &serde_json::Value) -> Vec<(String, u64)> {
        let pod = Json::from(pod);
        let place = given::of_pod(object::uid(&pod));
        let volumes = items(&pod["spec"]["volumes"]);
        volumes
            .filter(|volume| volume["emptyDir"].is_object())
            .map(|volume| {
                let name = text(&volume["name"]);
                let used = self.volumes.size(&format!("{place}{name}"));
                (name.to_owned(), used as u64)
            })
            .collect()
    }

    fn configuration(&self, node: Option<&str>) -> serde_json::Value {
        let state = self.state();
        let spec = node.and_then(|node| state.nodes.get(node));
        let spec = spec.or_else(|| state.nodes.values().next());
        spec.map(NodeSpec::configuration).unwrap_or_default()
    }

    fn probes(&self, pod: &str) -> Vec<Probes> {
        self.state().probes.get(pod).cloned().unwrap_or_default()
    }

    fn ask(
        &self,
        ip: &str,
        port: u16,
        request: Request<Bytes>,
    ) -> BoxFuture<'static, Option<Response<ApiBody>>> {
        let found = self.network.at(ip, port);
        Box::pin(async move { Some(found?.answer(request).await) })
    }
}

/// The end of what somebody sends who is attached, however it comes.
struct EndOfInput(Container);

impl Drop for EndOfInput {
    fn drop(&mut self) {
        self.0.end_input();
    }
}
