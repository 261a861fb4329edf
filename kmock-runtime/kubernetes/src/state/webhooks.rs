//! Where webhooks are: who answers the reviews that admission and conversion send.
//!
//! The cluster has no sockets. A review is one POST that a [`WebhookCaller`] carries out: one for each place that the
//! test gives a handler to, and one for all other places, which the engine brings.

use std::collections::{BTreeMap, VecDeque};
use std::fmt;
use std::sync::{Arc, Mutex, PoisonError, RwLock};

use bytes::Bytes;
use futures::future::BoxFuture;
use http::Response;

/// One call of a webhook.
#[derive(Debug, Clone)]
pub struct WebhookCall {
    /// The URL, with the `timeout` in its query: of a service it is `https://name.namespace.svc:443/path?timeout=10s`.
    pub url: String,
    /// The certificates that the configuration trusts, in PEM; empty if it names none.
    pub ca_bundle: Vec<u8>,
    /// An `AdmissionReview` or a `ConversionReview`, as JSON.
    pub body: Bytes,
}

/// Carries calls of webhooks out.
///
/// ```
/// use bytes::Bytes;
/// use futures::future::BoxFuture;
/// use kmock_kubernetes::{WebhookCall, WebhookCaller};
///
/// #[derive(Debug)]
/// struct Nobody;
///
/// impl WebhookCaller for Nobody {
///     fn call(&self, _: WebhookCall) -> BoxFuture<'static, Result<http::Response<Bytes>, String>> {
///         Box::pin(async { Err("nobody is there".to_owned()) })
///     }
/// }
/// ```
pub trait WebhookCaller: Send + Sync + fmt::Debug {
    /// Sends the review, and gives the answer; an error is why there is none. The cluster looks after the time.
    fn call(&self, call: WebhookCall) -> BoxFuture<'static, Result<Response<Bytes>, String>>;
}

/// What a request left in the audit log: annotations of webhooks and policies.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AuditAnnotation {
    /// What was done to which resource: `CREATE configmaps default/a`.
    pub request: String,
    /// The key, e.g. `check.example.com/reason`.
    pub key: String,
    /// The value.
    pub value: String,
}

/// So many annotations are kept.
const MOST_ANNOTATIONS: usize = 10_000;

/// The webhooks of a cluster, by their places.
#[derive(Debug, Default)]
pub struct Webhooks {
    routes: RwLock<BTreeMap<String, Arc<dyn WebhookCaller>>>,
    network: RwLock<Option<Arc<dyn WebhookCaller>>>,
    annotations: Mutex<VecDeque<AuditAnnotation>>,
}

impl Webhooks {
    /// Lets a caller answer for a place: a service (`namespace/name` or `namespace/name:port`) or the begin of a URL
    /// (`https://hooks.example.com:8443`). The last one wins.
    pub fn route(&self, place: &str, caller: Arc<dyn WebhookCaller>) {
        let mut routes = self.routes.write().unwrap_or_else(PoisonError::into_inner);
        routes.insert(host_of_place(place), caller);
    }

    /// Lets a caller answer for all places that have none of their own.
    pub fn network(&self, caller: Arc<dyn WebhookCaller>) {
        let mut network = self.network.write().unwrap_or_else(PoisonError::into_inner);
        *network = Some(caller);
    }

    /// Who answers for a host, as [`host_of_place`] gives it.
    pub(crate) fn caller(&self, host: &str) -> Option<Arc<dyn WebhookCaller>> {
        let routes = self.routes.read().unwrap_or_else(PoisonError::into_inner);
        let without_port = host.rsplit_once(':').map_or(host, |(name, _)| name);
        if let Some(found) = routes.get(host).or_else(|| routes.get(without_port)) {
            return Some(Arc::clone(found));
        }
        drop(routes);
        let network = self.network.read().unwrap_or_else(PoisonError::into_inner);
        network.clone()
    }

    /// What webhooks and policies left in the audit log, oldest first.
    pub fn audit_annotations(&self) -> Vec<AuditAnnotation> {
        let kept = self
            .annotations
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        kept.iter().cloned().collect()
    }

    /// Leaves an annotation in the audit log.
    pub(crate) fn annotate(&self, annotation: AuditAnnotation) {
        let mut kept = self
            .annotations
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        if kept.len() == MOST_ANNOTATIONS {
            kept.pop_front();
        }
        kept.push_back(annotation);
    }
}

/// The host of a service or a URL, with the port if one is named. Port 443 goes without saying.
pub(crate) fn host_of_place(place: &str) -> String {
    let host = match place.split_once("://") {
        Some((_, rest)) => rest.split(['/', '?']).next().unwrap_or(rest).to_owned(),
        None => {
            let (namespace, name) = place.split_once('/').unwrap_or(("default", place));
            match name.split_once(':') {
                Some((name, port)) => format!("{name}.{namespace}.svc:{port}"),
                None => format!("{name}.{namespace}.svc"),
            }
        }
    };
    match host.strip_suffix(":443") {
        Some(host) => host.to_owned(),
        None => host,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn services_and_urls_have_one_name_each() {
        for (place, host) in [
            ("ns/hook", "hook.ns.svc"),
            ("ns/hook:443", "hook.ns.svc"),
            ("ns/hook:9443", "hook.ns.svc:9443"),
            ("hook", "hook.default.svc"),
            ("https://hook.ns.svc:443/a?b=c", "hook.ns.svc"),
            ("https://127.0.0.1:8443", "127.0.0.1:8443"),
        ] {
            assert_eq!(host_of_place(place), host);
        }
    }
}
