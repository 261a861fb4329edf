//! What containers serve, by the addresses of their Pods.

use std::collections::HashMap;
use std::convert::Infallible;
use std::fmt;
use std::sync::{Arc, Mutex, PoisonError};

use bytes::{Bytes, BytesMut};
use futures::StreamExt;
use futures::future::BoxFuture;
use http::{Request, Response};
use http_body_util::combinators::UnsyncBoxBody;
use http_body_util::{BodyExt, Full, StreamBody};
use hyper_util::rt::TokioIo;

use crate::emulator::ApiBody;
use crate::emulator::takeover::Connection;

type Answers = dyn Fn(Request<Bytes>) -> BoxFuture<'static, Response<ApiBody>> + Send + Sync;
type Speaks = dyn Fn(Connection) -> BoxFuture<'static, ()> + Send + Sync;

/// What is behind a port.
#[derive(Clone)]
pub(crate) enum Served {
    /// Something that answers requests.
    Http(Arc<Answers>),
    /// Something that speaks a protocol of its own.
    Raw(Arc<Speaks>),
}

impl Served {
    /// The answer as it comes.
    pub(crate) async fn answer(self, request: Request<Bytes>) -> Response<ApiBody> {
        match self {
            Served::Http(served) => served(request).await,
            Served::Raw(_) => {
                let text = "malformed HTTP response: the port speaks another protocol";
                let mut response = Response::new(ApiBody::Full(Bytes::from(text)));
                *response.status_mut() = http::StatusCode::BAD_GATEWAY;
                response
            }
        }
    }
}

/// The ports that containers serve.
#[derive(Default)]
pub struct Network {
    ports: Mutex<HashMap<(String, u16), (u64, Served)>>,
}

impl fmt::Debug for Network {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let ports = self.ports.lock().unwrap_or_else(PoisonError::into_inner);
        f.debug_set().entries(ports.keys()).finish()
    }
}

impl Network {
    pub(crate) fn open(&self, ip: &str, port: u16, run: u64, served: Served) {
        let mut ports = self.ports.lock().unwrap_or_else(PoisonError::into_inner);
        ports.insert((ip.to_owned(), port), (run, served));
    }

    /// Closes the ports of one run of a container.
    pub(crate) fn close(&self, run: u64) {
        let mut ports = self.ports.lock().unwrap_or_else(PoisonError::into_inner);
        ports.retain(|_, (of, _)| *of != run);
    }

    pub(crate) fn at(&self, ip: &str, port: u16) -> Option<Served> {
        let ports = self.ports.lock().unwrap_or_else(PoisonError::into_inner);
        ports
            .get(&(ip.to_owned(), port))
            .map(|(_, served)| served.clone())
    }

    /// Whether something answers at a port of an address.
    pub fn is_open(&self, ip: &str, port: u16) -> bool {
        self.at(ip, port).is_some()
    }

    /// Asks what is served at a port of an address; `None`: the connection is refused.
    pub async fn ask(
        &self,
        ip: &str,
        port: u16,
        request: Request<Bytes>,
    ) -> Option<Response<Bytes>> {
        let (parts, body) = self.at(ip, port)?.answer(request).await.into_parts();
        let body = match body {
            ApiBody::Full(bytes) => bytes,
            ApiBody::Stream(mut stream) => {
                let mut whole = BytesMut::new();
                while let Some(bytes) = stream.next().await {
                    whole.extend_from_slice(&bytes);
                }
                whole.freeze()
            }
            ApiBody::Upgrade(_) => Bytes::new(),
        };
        Some(Response::from_parts(parts, body))
    }

    /// Serves a connection at a port; `None`: nobody listens there.
    pub(crate) fn connect(
        &self,
        ip: &str,
        port: u16,
        connection: Connection,
    ) -> Option<BoxFuture<'static, ()>> {
        match self.at(ip, port)? {
            Served::Raw(speaks) => Some(speaks(connection)),
            Served::Http(answers) => Some(Box::pin(http(answers, connection))),
        }
    }
}

/// HTTP/1.1 on a connection.
async fn http(answers: Arc<Answers>, connection: Connection) {
    let service = hyper::service::service_fn(move |request: Request<hyper::body::Incoming>| {
        let answers = Arc::clone(&answers);
        async move {
            let (parts, body) = request.into_parts();
            let body = body.collect().await?.to_bytes();
            let response = answers(Request::from_parts(parts, body)).await;
            Ok::<_, hyper::Error>(response.map(body_of))
        }
    });
    let served = hyper::server::conn::http1::Builder::new()
        .serve_connection(TokioIo::new(connection), service);
    // A client that speaks no HTTP, or leaves, is the client's business.
    let _ = served.await;
}

fn body_of(body: ApiBody) -> UnsyncBoxBody<Bytes, Infallible> {
    match body {
        ApiBody::Full(bytes) => Full::new(bytes).boxed_unsync(),
        ApiBody::Stream(stream) => {
            let frames = stream.map(|bytes| Ok(http_body::Frame::data(bytes)));
            StreamBody::new(frames).boxed_unsync()
        }
        ApiBody::Upgrade(_) => Full::new(Bytes::new()).boxed_unsync(),
    }
}
