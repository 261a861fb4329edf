//! Extension servers: who serves the groups that are registered as APIServices with a Service.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::{Arc, PoisonError, RwLock};

use bytes::Bytes;
use futures::future::BoxFuture;
use http::{Request, Response};

use crate::state::cluster::ApiBody;

/// Serves a version of a group behind the aggregator: `metrics.k8s.io` of metrics-server, say.
///
/// ```
/// use bytes::Bytes;
/// use futures::future::BoxFuture;
/// use kmock_kubernetes::{ApiBody, ExtensionServer};
///
/// #[derive(Debug)]
/// struct Empty;
///
/// impl ExtensionServer for Empty {
///     fn call(&self, _: http::Request<Bytes>) -> BoxFuture<'static, Result<http::Response<ApiBody>, String>> {
///         let list = r#"{"kind":"APIResourceList","apiVersion":"v1","groupVersion":"a.example.com/v1","resources":[]}"#;
///         let body = ApiBody::Full(Bytes::from_static(list.as_bytes()));
///         Box::pin(async { Ok(http::Response::new(body)) })
///     }
/// }
/// ```
pub trait ExtensionServer: Send + Sync + fmt::Debug {
    /// Answers a request, which says who asks in `X-Remote-User`, `-Group`, `-Uid` and `-Extra-…`; an error is why nobody does.
    fn call(
        &self,
        request: Request<Bytes>,
    ) -> BoxFuture<'static, Result<Response<ApiBody>, String>>;
}

/// The extension servers of a cluster, by their Services (`namespace/name`).
#[derive(Debug, Default)]
pub(crate) struct Extensions(RwLock<BTreeMap<String, Arc<dyn ExtensionServer>>>);

impl Extensions {
    pub(crate) fn put(&self, service: &str, server: Arc<dyn ExtensionServer>) {
        let mut all = self.0.write().unwrap_or_else(PoisonError::into_inner);
        all.insert(service.to_owned(), server);
    }

    pub(crate) fn get(&self, service: &str) -> Option<Arc<dyn ExtensionServer>> {
        let all = self.0.read().unwrap_or_else(PoisonError::into_inner);
        all.get(service).cloned()
    }
}
