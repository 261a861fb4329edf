//! Extension servers of the emulated cluster: the services in this process that stand behind its aggregator.

use std::fmt;
use std::sync::Arc;

use axum::body::Body;
use bytes::Bytes;
use futures::{
    StreamExt,
    future::{BoxFuture, ready},
};
use http::{Request, Response};
use http_body_util::BodyExt;
use kmock_kubernetes::{ApiBody, ExtensionServer};
use tower_service::Service;

use super::in_process::{InProcess, ask, guarded};
use crate::mock::KMock;

impl KMock {
    /// Lets a service of this process (an axum `Router`, or any other `tower::Service` of requests) answer for the groups whose
    /// `APIService` names a Service, `namespace/name`. They are available then, discovered and asked as behind the aggregator of
    /// a server: `X-Remote-User` and its kin tell who asks.
    ///
    /// ```no_run
    /// # use axum::{Router, routing::get};
    /// # async fn example(k: kmock_runtime::KMock) {
    /// let nodes = r#"{"kind": "NodeMetricsList", "apiVersion": "metrics.k8s.io/v1beta1", "metadata": {}, "items": []}"#;
    /// let router = Router::new().route("/apis/metrics.k8s.io/v1beta1/nodes", get(move || async move { nodes }));
    /// k.extension_server("kube-system/metrics-server", router);
    /// # }
    /// ```
    pub fn extension_server<S, B>(&self, service: &str, server: S)
    where
        S: Service<Request<Body>, Response = Response<B>> + Clone + Send + Sync + 'static,
        S::Future: Send,
        S::Error: fmt::Display,
        B: http_body::Body<Data = Bytes> + Send + 'static,
        B::Error: fmt::Display,
    {
        let server = Arc::new(InProcess(server));
        self.cluster().aggregate(service, server);
    }
}

impl<S, B> ExtensionServer for InProcess<S>
where
    S: Service<Request<Body>, Response = Response<B>> + Clone + Send + Sync + 'static,
    S::Future: Send,
    S::Error: fmt::Display,
    B: http_body::Body<Data = Bytes> + Send + 'static,
    B::Error: fmt::Display,
{
    fn call(
        &self,
        request: Request<Bytes>,
    ) -> BoxFuture<'static, Result<Response<ApiBody>, String>> {
        let service = self.0.clone();
        guarded("the server", async move {
            let lasts = request
                .uri()
                .query()
                .is_some_and(|query| query.split('&').any(|part| part.starts_with("watch=")));
            let (parts, body) = ask(service, request).await?.into_parts();
            let body = if lasts {
                // Whatever breaks ends the stream, as a connection would.
                let chunks = body.into_data_stream().map(Result::ok);
                let chunks = chunks.take_while(|chunk| ready(chunk.is_some()));
                ApiBody::Stream(chunks.filter_map(ready).boxed())
            } else {
                let body = body.collect().await.map_err(|error| error.to_string())?;
                ApiBody::Full(body.to_bytes())
            };
            Ok(Response::from_parts(parts, body))
        })
    }
}
