//! `portforward`: connections to the ports of a Pod. Over the channels of a WebSocket there is a pair of them for each port of
//! the query; over SPDY, which may itself be tunnelled through a WebSocket, the client opens a pair of streams for each
//! connection. The second of a pair tells what goes wrong.

use std::collections::HashMap;
use std::pin::pin;
use std::sync::Arc;

use bytes::Bytes;
use futures::future::{Either, join, select};
use http::HeaderMap;
use tokio::io::{AsyncReadExt, AsyncWriteExt, split};
use tokio::sync::mpsc;

use super::pipes::{News, Pipes};
use super::session::{self, Came, Sink, Source};
use super::{plainly, upgrade};
use crate::api::reply::{Body, Reply};
use crate::model::status::ApiError;
use crate::state::kubelet::Kubelet;
use crate::state::store::StoredObject;
use crate::state::takeover::Connection;
use crate::wire::spdy::{self, Frame};
use crate::wire::websocket::{self, Message, WebSocket};

const PROTOCOLS: &[&str] = &["v4.channel.k8s.io", "v4.base64.channel.k8s.io"];
const SPDY_PROTOCOLS: &[&str] = &["portforward.k8s.io"];
/// SPDY through a WebSocket, as kubectl does it since 1.31.
const TUNNEL: &str = "SPDY/3.1+portforward.k8s.io";
/// So many bytes are on their way through a tunnel.
const WINDOW: usize = 64 << 10;

/// The Pod whose ports are forwarded.
struct Target {
    kubelet: Arc<dyn Kubelet>,
    key: String,
    uid: String,
}

impl Target {
    /// What a failed connection says.
    fn failure(&self, port: u16, why: &str) -> String {
        let pod = self.key.replacen('/', "_", 1);
        let uid = &self.uid;
        format!("error forwarding port {port} to pod {pod}, uid {uid}: {why}")
    }
}

/// Forwards ports of a Pod: `named`, as the query says it, are those of a client that does not open them as it likes.
pub(super) fn forward<'a>(
    headers: &HeaderMap,
    kubelet: &Arc<dyn Kubelet>,
    pod: &StoredObject,
    named: impl Iterator<Item = &'a str>,
) -> Result<Reply, ApiError> {
    let target = Target {
        kubelet: Arc::clone(kubelet),
        key: pod.key().to_owned(),
        uid: pod.uid().to_owned(),
    };
    if upgrade::wants_spdy(headers) {
        let offered = upgrade::spdy_offered(headers);
        let Some(protocol) = upgrade::chosen(&offered, SPDY_PROTOCOLS) else {
            return Ok(upgrade::spdy_refused(&offered, SPDY_PROTOCOLS));
        };
        let response =
            upgrade::accept_spdy(protocol, move |connection| by_streams(target, connection));
        return Ok(Reply::new(101, Body::Response(response)));
    }
    let offered = websocket::offered(headers);
    let response = if offered.contains(&TUNNEL) {
        websocket::accept(headers, Some(TUNNEL), move |socket| async move {
            let (ours, theirs) = tokio::io::duplex(WINDOW);
            let tunnel = tunnel(socket, Box::new(ours));
            join(tunnel, by_streams(target, Box::new(theirs))).await;
        })?
    } else {
        let ports = match ports(named) {
            Ok(ports) => ports,
            Err(why) => return Ok(plainly(400, &why)),
        };
        let Some(protocol) = upgrade::chosen(&offered, PROTOCOLS) else {
            return Ok(upgrade::refused(&offered, PROTOCOLS));
        };
        let chosen = Some(protocol).filter(|name| !name.is_empty());
        websocket::accept(headers, chosen, move |socket| async move {
            let (source, sink) = session::channels(socket, protocol);
            by_channels(target, ports, source, sink).await;
        })?
    };
    Ok(Reply::new(101, Body::Response(response)))
}

/// `ports=80,8080`, also again and again; a kubelet is asked for `port`.
fn ports<'a>(named: impl Iterator<Item = &'a str>) -> Result<Vec<u16>, String> {
    let mut ports = Vec::new();
    for texts in named {
        for text in texts.split(',') {
            match text.trim().parse::<u16>() {
                Ok(0) => return Err(format!("port \"{text}\" must be > 0")),
                Ok(port) => ports.push(port),
                Err(_) => return Err(format!("unable to parse \"{text}\" as a port")),
            }
        }
    }
    if ports.is_empty() {
        return Err("query parameter \"port\" is required".to_owned());
    }
    // The numbers of channels are bytes.
    if ports.len() > 127 {
        return Err("too many ports".to_owned());
    }
    Ok(ports)
}

/// Over channels: all connections are there from the start.
async fn by_channels(target: Target, ports: Vec<u16>, mut source: Source, mut sink: Sink) {
    let (mut pipes, mut told) = Pipes::new(&target.kubelet, &target.key);
    for (nth, port) in ports.iter().enumerate() {
        for channel in [nth * 2, nth * 2 + 1] {
            if sink.send(channel as u8, &port.to_le_bytes()).await.is_err() {
                return;
            }
        }
        pipes.open(nth as u32, *port);
    }
    let (ask, mut pings) = mpsc::unbounded_channel();
    let over = {
        let taking = pin!(async {
            loop {
                match source.recv().await {
                    Came::Gone => return,
                    Came::Ping(payload) => {
                        let _ = ask.send(payload);
                    }
                    // The channels of errors are only for the server to write on.
                    Came::Data(channel, data) if channel % 2 == 0 => {
                        pipes.write(u32::from(channel) / 2, data);
                    }
                    Came::End(channel) => pipes.end(u32::from(channel) / 2),
                    Came::Data(..) => {}
                }
            }
        });
        let giving = pin!(async {
            let mut open = ports.len();
            while open > 0 {
                let next = match select(pin!(told.recv()), pin!(pings.recv())).await {
                    Either::Left((Some(news), _)) => news,
                    Either::Right((Some(payload), _)) => {
                        sink.pong(&payload).await?;
                        continue;
                    }
                    _ => return Err(std::io::ErrorKind::BrokenPipe.into()),
                };
                match next {
                    (nth, News::Data(data)) => sink.send((nth * 2) as u8, &data).await?,
                    (nth, News::Over(Ok(()))) => {
                        open -= 1;
                        sink.end((nth * 2) as u8).await?;
                    }
                    (nth, News::Over(Err(why))) => {
                        open -= 1;
                        let port = ports.get(nth as usize).copied().unwrap_or_default();
                        let failure = target.failure(port, &why);
                        sink.send((nth * 2 + 1) as u8, failure.as_bytes()).await?;
                    }
                }
            }
            sink.close().await
        });
        match select(giving, taking).await {
            Either::Left((outcome, _)) => outcome.is_ok(),
            Either::Right(((), _)) => false,
        }
    };
    if over {
        source.gone().await;
    }
}

/// What the half that sends is told by the one that receives.
enum Order {
    Accept(u32),
    Refuse(u32),
    Pong(u32),
    /// The streams of a connection: its data, and its errors.
    Pair(u32, u32, u16),
}

/// Over streams of SPDY: the client opens connections as it likes, until it goes.
async fn by_streams(target: Target, connection: Connection) {
    let (mut reader, mut writer) = spdy::spdy(connection);
    let (mut pipes, mut told) = Pipes::new(&target.kubelet, &target.key);
    let (order, mut orders) = mpsc::unbounded_channel();
    let taking = pin!(async {
        // The streams of a connection that wait for the other one, by the request that they name.
        let mut halves: HashMap<String, (u32, bool)> = HashMap::new();
        while let Some(frame) = reader.recv().await {
            // Whoever gets the orders may be about to end.
            match frame {
                Frame::Open { id, headers, last } => {
                    let of = |name: &str| {
                        let found = headers.iter().find(|(known, _)| known == name);
                        found.map_or("", |(_, value)| value)
                    };
                    let kind = of("streamtype");
                    let port = of("port").parse::<u16>().unwrap_or_default();
                    if port == 0 || !matches!(kind, "error" | "data") {
                        let _ = order.send(Order::Refuse(id));
                        continue;
                    }
                    let _ = order.send(Order::Accept(id));
                    let is_data = kind == "data";
                    let request = match of("requestid") {
                        // Old clients name none: their streams come in pairs.
                        "" if is_data => id.saturating_sub(2).to_string(),
                        "" => id.to_string(),
                        named => named.to_owned(),
                    };
                    match halves.remove(&request) {
                        Some((other, other_is_data)) if other_is_data != is_data => {
                            let (data, errors) = if is_data { (id, other) } else { (other, id) };
                            let _ = order.send(Order::Pair(data, errors, port));
                            pipes.open(data, port);
                            if last && is_data {
                                pipes.end(data);
                            }
                        }
                        _ => {
                            halves.insert(request, (id, is_data));
                        }
                    }
                }
                Frame::Data { id, data, last } => {
                    if !data.is_empty() {
                        pipes.write(id, data);
                    }
                    if last {
                        pipes.end(id);
                    }
                }
                Frame::Reset(id) => pipes.end(id),
                Frame::Ping(number) => {
                    let _ = order.send(Order::Pong(number));
                }
                Frame::GoAway => {}
            }
        }
    });
    let giving = pin!(async {
        let mut pairs: HashMap<u32, (u32, u16)> = HashMap::new();
        loop {
            // Orders first: a connection is known before there is news of it.
            match select(pin!(orders.recv()), pin!(told.recv())).await {
                Either::Left((Some(order), _)) => match order {
                    Order::Accept(id) => writer.reply(id).await?,
                    Order::Refuse(id) => writer.reset(id, 1).await?,
                    Order::Pong(number) => writer.pong(number).await?,
                    Order::Pair(data, errors, port) => {
                        pairs.insert(data, (errors, port));
                    }
                },
                Either::Right((Some((id, News::Data(data))), _)) => {
                    writer.data(id, &data, false).await?;
                }
                Either::Right((Some((id, News::Over(outcome))), _)) => {
                    let (errors, port) = pairs.remove(&id).unwrap_or_default();
                    match outcome {
                        Ok(()) => {
                            writer.data(id, b"", true).await?;
                            writer.data(errors, b"", true).await?;
                        }
                        Err(why) => {
                            let failure = target.failure(port, &why);
                            writer.data(errors, failure.as_bytes(), true).await?;
                            writer.reset(id, 5).await?;
                        }
                    }
                }
                _ => return Ok::<(), std::io::Error>(()),
            }
        }
    });
    select(taking, giving).await;
}

/// Carries bytes between the binary messages of a WebSocket and a connection, each way for itself.
async fn tunnel(socket: WebSocket, connection: Connection) {
    let WebSocket {
        mut reader,
        mut writer,
    } = socket;
    let (mut from, mut to) = split(connection);
    let (ask, mut pings) = mpsc::unbounded_channel::<Bytes>();
    let taking = pin!(async {
        loop {
            match reader.recv().await {
                None | Some(Message::Close) => break,
                Some(Message::Ping(payload)) => {
                    let _ = ask.send(payload);
                }
                Some(Message::Binary(data) | Message::Text(data)) => {
                    if to.write_all(&data).await.is_err() {
                        break;
                    }
                }
            }
        }
        // The other side sees that nothing more comes.
        let _ = to.shutdown().await;
    });
    let giving = pin!(async {
        let mut data = vec![0; 16 << 10];
        loop {
            let sent = match select(pin!(pings.recv()), pin!(from.read(&mut data))).await {
                Either::Left((Some(payload), _)) => writer.pong(&payload).await,
                Either::Right((Ok(count @ 1..), _)) => {
                    let part = data.get(..count).unwrap_or_default();
                    writer.send_binary(&[part]).await
                }
                _ => writer
                    .close(1000, "")
                    .await
                    .and(Err(std::io::ErrorKind::BrokenPipe.into())),
            };
            if sent.is_err() {
                return;
            }
        }
    });
    select(taking, giving).await;
}
