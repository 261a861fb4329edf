//! What tests hold: a fresh cluster, and their own way to its objects and resources.

pub mod bootstrap;
mod checked;
pub mod minimal_role;
pub mod objects;
pub mod resources;
pub mod waits;

use bytes::Bytes;
use http::{Request, Response};

use self::objects::Objects;
use self::resources::Resources;
use crate::state::change::Reactor;
use crate::state::cluster::{ApiBody, Cluster, ClusterOptions};
use crate::{api, kinds};

impl Default for Cluster {
    fn default() -> Self {
        Self::new(ClusterOptions::default())
    }
}

impl Cluster {
    /// A fresh cluster with the four namespaces that each one has.
    pub fn new(options: ClusterOptions) -> Self {
        let reactors: Vec<Box<dyn Reactor>> = vec![
            Box::new(api::admission::Configurations),
            #[cfg(feature = "cel")]
            Box::new(api::admission::PolicyStatuses),
            Box::new(kinds::crd::Definitions),
            Box::new(api::authz::aggregate::Aggregation),
            Box::new(api::addresses::Addresses),
            Box::new(api::aggregator::ApiServices),
            Box::new(api::flow::FlowControl),
            Box::new(api::expiry::Expiry),
            Box::new(api::authn::accounts::Accounts),
            Box::new(api::lifecycle::Cleaners),
        ];
        let cluster = Self::bare(options, kinds::built_ins(), reactors);
        bootstrap::bootstrap(&cluster);
        cluster
    }

    /// Answers a request as the API server does.
    ///
    /// No sockets here: the engine hands requests to this; tests may do so too.
    pub async fn call(&self, request: Request<Bytes>) -> Response<ApiBody> {
        api::call(self, request).await
    }

    /// Answers a request as the kubelets of the nodes do at their port, 10250: `/pods`, `/containerLogs/NAMESPACE/POD/CONTAINER`,
    /// `/exec/…`, `/stats/summary`, `/metrics/resource` and others. One door stands for all nodes, or for the one that the
    /// `Host` names. Who may come in, RBAC says where it is on: `nodes/proxy`, or what is finer
    /// ([kubelet authorization](https://kubernetes.io/docs/reference/access-authn-authz/kubelet-authn-authz/)).
    ///
    /// ```
    /// # use kmock_kubernetes::Cluster;
    /// # async fn example(cluster: Cluster) {
    /// let request = http::Request::get("/healthz").body(bytes::Bytes::new()).expect("a request");
    /// // Where nothing runs there are no kubelets: a cluster that lives has them.
    /// assert_eq!(cluster.call_kubelets(request).await.status(), 501);
    /// # }
    /// ```
    pub async fn call_kubelets(&self, request: Request<Bytes>) -> Response<ApiBody> {
        api::call_kubelets(self, request).await
    }

    /// The test's own door to the objects.
    pub fn objects(&self) -> Objects {
        Objects::new(self)
    }

    /// The test's own door to the resources.
    pub fn resources(&self) -> Resources {
        Resources::new(self)
    }
}
