//! What the rules for connections say of one that comes in.

use std::{
    net::SocketAddr,
    sync::{Arc, OnceLock},
};

use bytes::Bytes;
use tokio::io::AsyncWriteExt;

use crate::{
    core::Core,
    journal::{By, Concluded, Seen},
    reply::{Before, Dice, FaultPlace, Reply, Seat},
    request::{Head, Link, Request},
    rules::Table,
    socket::Socket,
    wire::{Cut, Wire},
};

/// A connection that comes in.
pub(crate) struct Arrival {
    pub(crate) peer: Option<SocketAddr>,
    /// The host that TLS or a tunnel asks for.
    pub(crate) host: Option<String>,
}

/// On which terms it may.
#[derive(Default)]
pub(crate) struct Terms {
    /// What breaks it before it is served; with a number, after so many bytes of the handshake.
    pub(crate) cut: Option<(Cut, Option<usize>)>,
    #[cfg(feature = "tls")]
    pub(crate) presents: crate::tls::Presents,
    /// The place that it has among so many.
    pub(crate) place: Option<Seat>,
    /// The rule's own record of it.
    record: Option<(Seen, By)>,
}

impl Terms {
    /// Writes down what became of it.
    pub(crate) fn conclude(&self, what: String) {
        if let Some((seen, by)) = &self.record {
            seen.conclude(Concluded {
                by: by.clone(),
                fault: Some(what.into()),
                ..Concluded::default()
            });
        }
    }

    /// Whether a rule has spoken of it.
    #[cfg(feature = "tls")]
    pub(crate) fn are_said(&self) -> bool {
        self.record.is_some()
    }
}

/// Asks the rules, in order; the first that takes the connection and replies decides.
pub(crate) async fn decide(core: &Arc<Core>, table: &Table, arrival: &Arrival) -> Terms {
    let id = core.next_connection();
    let request = knock(core, id, arrival);
    for entry in table.at_the_door() {
        let spec = &entry.spec;
        match spec.filter.captures_later(&request, Vec::new()).await {
            Ok(Some(_)) => {}
            Ok(None) => continue,
            Err(why) => {
                core.error(why);
                continue;
            }
        }
        let nth = entry.rule.reach("");
        if spec.slice.is_some_and(|slice| !slice.contains(nth)) {
            continue;
        }
        let seen = Seen::of_connection(request.clone());
        entry.rule.keep_request(seen.clone(), core.options.keep);
        let named = entry.named();
        for sink in &spec.sinks {
            Box::pin(sink.put(&request, &core.background, &named.label)).await;
        }
        let Some(reply) = &spec.reply else { continue };
        if let Some(what) = unfit(reply) {
            core.error(format!(
                "{} at {}: a connection has no {what}: it is delayed, refused, broken, or shown a certificate",
                named.label, named.location
            ));
        }
        let dice = Dice::new(core.options.seed, id);
        for step in &reply.before {
            match step {
                Before::Delay(delay) => tokio::time::sleep(delay.pick(&dice)).await,
                Before::Hold(gate) => gate.pass().await,
                Before::Wait(waiter) => waiter.wait().await,
                Before::Informational(..) => {}
            }
        }
        let nth = entry.rule.answered(&seen);
        let fault = reply
            .fault
            .as_ref()
            .filter(|fault| fault.happens(nth, &dice));
        let by = By::Rule(Arc::clone(named));
        let mut terms = Terms {
            cut: fault.map(|fault| (fault.cut.clone(), bytes(fault.place))),
            record: Some((seen, by)),
            ..Terms::default()
        };
        let mut what = fault.map(ToString::to_string);
        if let Some(way) = reply.transport() {
            #[cfg(feature = "tls")]
            {
                terms.presents = way.presents.clone();
            }
            terms.place = way.place();
            if terms.place.is_none() {
                terms.cut = Some((Cut::Close, None));
                what = Some("closed: there were as many as there may be".to_owned());
            }
        }
        if let Some(what) = what {
            terms.conclude(what);
        }
        return terms;
    }
    Terms::default()
}

fn bytes(place: FaultPlace) -> Option<usize> {
    match place {
        FaultPlace::Handshake(bytes) => Some(bytes),
        _ => None,
    }
}

/// What only requests are answered with.
fn unfit(reply: &Reply) -> Option<&'static str> {
    match reply {
        _ if reply.status.is_some() => Some("status"),
        _ if !reply.bodies.is_empty() => Some("body"),
        _ if !reply.headers.is_empty() => Some("headers"),
        _ => None,
    }
}

/// A connection as rules look at it: as if it asked for something.
fn knock(core: &Core, id: u64, arrival: &Arrival) -> Request {
    let mut head = http::Request::new(()).into_parts().0;
    head.method = http::Method::CONNECT;
    if let Some(host) = &arrival.host
        && let Ok(host) = http::HeaderValue::try_from(host)
    {
        head.headers.insert(http::header::HOST, host);
    }
    let link = Link {
        peer: arrival.peer,
        wire: Wire::default(),
        connection: true,
        own: OnceLock::new(),
        extras: Arc::clone(&core.extras),
        #[cfg(feature = "tls")]
        secured: None,
    };
    let at = core.clock.elapsed();
    Request::new(
        id,
        at,
        Head::of(head),
        Bytes::new(),
        Some(Arc::new(link)),
        None,
    )
}

/// Ends a connection before it is served.
pub(crate) async fn turn_away(mut socket: Socket, cut: Cut) {
    match cut {
        Cut::Reset => socket.abort(),
        Cut::Close => {
            let _ = socket.shutdown().await;
        }
        Cut::Stall => std::future::pending().await,
        Cut::Garbage(bytes) => {
            let _ = socket.write_all(&bytes).await;
            let _ = socket.shutdown().await;
        }
    }
}
