//! The kubelets of a cluster at a port of their own, for clients that do not go through the API server.

use std::sync::Arc;

use futures::future::BoxFuture;
use http::Response;
use kmock_kubernetes::Cluster;

use super::emulator::{called, opened};
use crate::{
    backend::{Backend, Beside, Logged, Present, Touch},
    journal::{ObjectHistory, Seen},
    mock::KMock,
    options::Builder,
    reply::Answered,
    request::Request,
};

impl Builder {
    /// Below its rules, the server is what the kubelets of another server's nodes are at their port, 10250: `/pods`,
    /// `/containerLogs/NAMESPACE/POD/CONTAINER`, `/exec/…`, `/attach/…`, `/portForward/…`, `/run/…`, `/stats/summary`,
    /// `/metrics/resource`, `/healthz` and others. It stands for all nodes, or for the one that the `Host` of a request names. It is
    /// for clients that talk to kubelets themselves; others get there by `/api/v1/nodes/NAME/proxy/…`.
    ///
    /// ```no_run
    /// # use kmock_runtime as kmock;
    /// # async fn example() -> Result<(), kmock::Error> {
    /// use kmock::KMock;
    ///
    /// let k = KMock::builder().nodes(1).start().await?;
    /// let kubelets = KMock::builder().kubelets_of(&k).start().await?;
    /// assert_eq!(kubelets.get("/healthz").await.text(), "ok");
    /// // Rules stand above them.
    /// kubelets.on("get /stats/summary").status(500);
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Panics
    /// When the other server was made `raw`.
    #[track_caller]
    pub fn kubelets_of(mut self, k: &KMock) -> Builder {
        let cluster = k.cluster().clone();
        self.backend = Some(Arc::new(Kubelets(cluster)));
        self
    }
}

/// Whatever is asked for is theirs; objects have they none.
struct Kubelets(Cluster);

impl Backend for Kubelets {
    fn answer(&self, request: Request, _: Beside) -> BoxFuture<'static, Option<Answered>> {
        let cluster = self.0.clone();
        Box::pin(async move {
            let response = cluster.call_kubelets(called(&request)).await;
            Some(opened(response))
        })
    }

    fn is_used(&self) -> bool {
        true
    }

    fn objects(&self) -> Vec<ObjectHistory> {
        Vec::new()
    }

    fn asked(&self, _: &Seen) -> (Option<String>, Option<String>) {
        (None, None)
    }

    fn pending(&self) -> Vec<String> {
        Vec::new()
    }

    fn contents(&self) -> Vec<Present> {
        Vec::new()
    }

    fn changes(&self) -> u64 {
        0
    }

    fn revision(&self) -> u64 {
        0
    }

    fn answer_at(
        &self,
        request: Request,
        _revision: u64,
    ) -> BoxFuture<'static, Response<axum::body::Body>> {
        let cluster = self.0.clone();
        Box::pin(async move { opened(cluster.call_kubelets(called(&request)).await).response })
    }

    fn log(&self) -> Vec<Logged> {
        Vec::new()
    }

    fn touch(&self, _: &Request) -> Option<Touch> {
        None
    }

    fn lost(&self, _: &Touch) -> bool {
        false
    }

    fn steal(&self, _: &Request) {}
}
