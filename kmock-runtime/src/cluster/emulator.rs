//! The cluster below the rules of a mock server.

use std::sync::Arc;

use axum::body::Body;
use futures::{StreamExt, future::BoxFuture};
use http::Response;

use kmock_kubernetes::{
    ApiBody, Cluster, ClusterOptions, Objects, Resources, state::store::caused_by,
};

use super::histories::histories;
use crate::{
    backend::Backend,
    journal::ObjectHistory,
    mock::{Builder, KMock},
    request::Request,
};

impl KMock {
    /// The emulated cluster below the rules.
    ///
    /// # Panics
    /// When the server was made `raw`: then there is none.
    #[track_caller]
    pub fn cluster(&self) -> &Cluster {
        match self.backend::<Emulator>() {
            Some(emulator) => &emulator.cluster,
            None => panic!("kmock: this server is `raw`: it has no Kubernetes API"),
        }
    }

    /// The objects of the emulated cluster: seed, read, follow their history.
    ///
    /// # Panics
    /// When the server was made `raw`.
    #[track_caller]
    pub fn objects(&self) -> Objects {
        self.cluster().objects()
    }

    /// The resources of the emulated cluster: declare some, load a discovery dump.
    ///
    /// # Panics
    /// When the server was made `raw`.
    #[track_caller]
    pub fn resources(&self) -> Resources {
        self.cluster().resources()
    }

    /// A kubeconfig that points at this server, as YAML text: for `kubectl`, or any other client.
    pub fn kubeconfig(&self) -> String {
        let url = self.url();
        format!(
            "apiVersion: v1\n\
             kind: Config\n\
             clusters:\n\
             - name: kmock\n\
             \x20 cluster:\n\
             \x20   server: {url}\n\
             contexts:\n\
             - name: kmock\n\
             \x20 context:\n\
             \x20   cluster: kmock\n\
             \x20   namespace: default\n\
             \x20   user: kmock\n\
             current-context: kmock\n\
             users:\n\
             - name: kmock\n\
             \x20 user: {{}}\n"
        )
    }
}

/// A fresh cluster below the rules of a server.
pub(super) fn start(options: &Builder) -> Arc<dyn Backend> {
    let cluster = Cluster::new(ClusterOptions {
        seed: options.seed,
        controllers: options.controllers,
        ..ClusterOptions::default()
    });
    // What is there from the start is of no interest to a report.
    let born = cluster.store().revision();
    Arc::new(Emulator {
        cluster,
        born,
        every_path: options.every_path,
    })
}

struct Emulator {
    cluster: Cluster,
    born: u64,
    every_path: bool,
}

impl Backend for Emulator {
    fn answer(&self, request: Request) -> BoxFuture<'static, Option<Response<Body>>> {
        let cluster = self.cluster.clone();
        let every_path = self.every_path;
        Box::pin(async move {
            if !every_path && !is_api_path(request.url_path()) {
                return None;
            }
            let call = cluster.call(request.to_http());
            let response = caused_by(request.id(), call).await;
            Some(response.map(|body| match body {
                ApiBody::Full(bytes) => Body::from(bytes),
                ApiBody::Stream(stream) => {
                    Body::from_stream(stream.map(Ok::<_, std::convert::Infallible>))
                }
            }))
        })
    }

    fn objects(&self) -> Vec<ObjectHistory> {
        histories(&self.cluster, self.born)
    }

    fn pending(&self) -> Vec<String> {
        Vec::new()
    }
}

/// The paths that an API server claims; the others are the user's.
fn is_api_path(path: &str) -> bool {
    let first = path
        .strip_prefix('/')
        .and_then(|path| path.split('/').next());
    matches!(
        first,
        Some(
            "api"
                | "apis"
                | "openapi"
                | "version"
                | "healthz"
                | "livez"
                | "readyz"
                | "metrics"
                | ".well-known"
                | "logs"
        )
    )
}
