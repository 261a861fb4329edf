//! One emulated cluster behind a socket, for development: `cluster -- 127.0.0.1:9101`. Ends on SIGTERM.

use std::convert::Infallible;

use bytes::Bytes;
use futures::{StreamExt, stream};
use http::{Request, Response};
use http_body::Frame;
use http_body_util::{BodyExt, StreamBody};
use hyper::body::Incoming;
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use kmock_kubernetes::{ApiBody, Cluster, ClusterOptions};

type Out = StreamBody<stream::BoxStream<'static, Result<Frame<Bytes>, Infallible>>>;

async fn answer(
    cluster: Cluster,
    request: Request<Incoming>,
) -> Result<Response<Out>, hyper::Error> {
    let (parts, body) = request.into_parts();
    let body = body.collect().await?.to_bytes();
    let response = cluster.call(Request::from_parts(parts, body)).await;
    Ok(response.map(|body| {
        let chunks = match body {
            ApiBody::Full(bytes) => stream::iter([bytes]).boxed(),
            ApiBody::Stream(chunks) => chunks,
            // This server hands no connections over.
            ApiBody::Upgrade(_) => stream::empty().boxed(),
        };
        StreamBody::new(chunks.map(|bytes| Ok(Frame::data(bytes))).boxed())
    }))
}

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let address = std::env::args()
        .nth(1)
        .unwrap_or_else(|| "127.0.0.1:9101".into());
    tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()?
        .block_on(async {
            let cluster = Cluster::new(ClusterOptions::default());
            let listener = tokio::net::TcpListener::bind(&address).await?;
            eprintln!("listening on http://{}", listener.local_addr()?);
            loop {
                let (socket, _) = listener.accept().await?;
                socket.set_nodelay(true)?;
                let cluster = cluster.clone();
                tokio::spawn(async move {
                    let service = service_fn(move |request| answer(cluster.clone(), request));
                    let _ = hyper::server::conn::http1::Builder::new()
                        .serve_connection(TokioIo::new(socket), service)
                        .await;
                });
            }
        })
}
