//! CONNECT: a tunnel to hosts that the server stands for leads to the server itself, one to other hosts leads there, as a
//! forward proxy does it. Rules that name the method are asked first: so a proxy can refuse, want credentials, take its time.

use std::sync::Arc;

use bytes::Bytes;
use futures::future::BoxFuture;
use http::{Request as HttpRequest, Response, StatusCode};
use hyper::{
    body::Incoming,
    upgrade::{OnUpgrade, Upgraded},
};
use hyper_util::rt::TokioIo;
use tokio::net::TcpStream;

use super::{Connection, Going, answered, by_rules, conclude, explained};
use crate::{
    connections,
    core::Core,
    journal::{By, Seen},
    reply::{Answer, Broken, Payload},
    request::Request,
    rules::TableEntry,
};

/// Answers a CONNECT: by a rule, or with a tunnel.
pub(super) fn connect(
    connection: Arc<Connection>,
    request: HttpRequest<Incoming>,
) -> BoxFuture<'static, Result<Response<Payload>, Broken>> {
    // A tunnel may lead to the server itself: without a box, the type of its future would be a part of itself.
    Box::pin(answer(connection, request))
}

async fn answer(
    connection: Arc<Connection>,
    mut request: HttpRequest<Incoming>,
) -> Result<Response<Payload>, Broken> {
    let core = &connection.core;
    let upgraded = hyper::upgrade::on(&mut request);
    let (head, _) = request.into_parts();
    let head = connection.last.head(head);
    let link = Some(Arc::clone(&connection.link));
    let authority = head.uri().authority().map(ToString::to_string);
    let now = core.clock.elapsed();
    let make = |id| Request::new(id, now, Arc::clone(&head), Bytes::new(), link.clone(), None);
    let table = core.book.table();
    let named = |entry: &TableEntry| entry.spec.filter.names_method("CONNECT");
    if let Some(authority) = &authority
        && !table.candidates(&make(0)).any(named)
    {
        // Nobody asks after it: what comes through the tunnel are the requests.
        core.note(format!("CONNECT {authority} opened a tunnel"));
        open(upgraded, authority.clone(), &connection);
        return Ok(Response::new(Payload::empty()));
    }
    let (seen, _) = core.journal.record(make(core.next_id()));
    let request = seen.request();
    let going = Going {
        connection: &connection,
        seen: &seen,
        request,
        answered: false,
    };
    let (answer, by) = answered(core, request, asked(core, &seen, authority.as_deref())).await;
    let status = answer.response.status();
    going.answered(status);
    if let Some(authority) = authority.filter(|_| status.is_success()) {
        open(upgraded, authority, &connection);
    }
    match conclude(core, &seen, answer, by) {
        Ok(response) => Ok(response),
        Err(halt) => halt.carry_out().await,
    }
}

/// Opens a tunnel as soon as the client knows that it is there.
fn open(upgraded: OnUpgrade, authority: String, connection: &Arc<Connection>) {
    let connection = Arc::clone(connection);
    let core = Arc::clone(&connection.core);
    let tasks = Arc::clone(&core);
    tasks.connections.spawn(async move {
        if let Ok(upgraded) = upgraded.await {
            tunnel(upgraded, &authority, connection, &core).await;
        }
    });
}

async fn asked(core: &Arc<Core>, seen: &Seen, authority: Option<&str>) -> (Answer, By) {
    if let Some(answered) = by_rules(core, seen, seen.request(), &mut Vec::new()).await {
        return answered;
    }
    match authority {
        Some(authority) => {
            let opened = Answer::new(Response::new(Payload::empty()));
            (opened, By::Tunnel(authority.into()))
        }
        None => {
            let text = "kmock: CONNECT needs a host and a port\n".to_owned();
            let refused = explained(StatusCode::BAD_REQUEST, text);
            (Answer::new(refused), By::NoRule(None))
        }
    }
}

async fn tunnel(
    upgraded: Upgraded,
    authority: &str,
    connection: Arc<Connection>,
    core: &Arc<Core>,
) {
    let hostnames = &core.options.hostnames;
    let ours = hostnames.is_empty()
        || hostnames.stands_for(authority)
        || authority == connection.address.to_string();
    if ours {
        return connections::enter(connection, upgraded, authority).await;
    }
    if core.options.strict {
        core.error(format!(
            "a tunnel to {authority} was opened, which is a host that is not the test's"
        ));
    }
    match TcpStream::connect(authority).await {
        Ok(mut upstream) => {
            let mut client = TokioIo::new(upgraded);
            // However it ends, it is over.
            let _ = tokio::io::copy_bidirectional(&mut client, &mut upstream).await;
        }
        Err(error) => core.error(format!("CONNECT {authority}: {error}")),
    }
}
