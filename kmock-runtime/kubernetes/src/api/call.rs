//! A request for a resource on its way through a verb.

use std::sync::Arc;

use bytes::Bytes;
use http::HeaderMap;
use jiff::Timestamp;

use crate::model::path::ApiRequest;
use crate::model::resource::Resource;
use crate::model::status::ApiError;
use crate::model::strategy::{Context, Strategy};
use crate::model::user::User;
use crate::state::cluster::Cluster;
use crate::state::registry::Served;
use crate::state::store::StoredObject;

/// The request, and what it is about.
#[derive(Debug, Clone)]
pub struct Call {
    /// The cluster.
    pub cluster: Cluster,
    /// What is asked for.
    pub request: ApiRequest,
    /// The resource in the version of the request.
    pub served: Served,
    /// The request's headers.
    pub headers: HeaderMap,
    /// The request's body.
    pub body: Bytes,
    /// When it came.
    pub now: Timestamp,
    /// Who asks.
    pub user: Arc<User>,
}

impl Call {
    /// The resource.
    pub fn resource(&self) -> &Resource {
        &self.served.resource
    }

    /// The resource's rules.
    pub fn strategy(&self) -> &dyn Strategy {
        &*self.served.strategy
    }

    /// What the rules may know about the request.
    pub fn context<'a>(&'a self, name: &'a str, dry_run: bool) -> Context<'a> {
        Context {
            cluster: &self.cluster,
            resource: &self.served.resource,
            namespace: self.request.namespace(),
            name,
            subresource: self.request.subresource(),
            user: &self.user,
            now: self.now,
            dry_run,
        }
    }

    /// The storage key of an object of the request's namespace.
    pub fn key(&self, name: &str) -> String {
        self.resource().key(self.request.namespace(), name)
    }

    /// The object with a name, or 404.
    pub fn find(&self, name: &str) -> Result<Arc<StoredObject>, ApiError> {
        let resource = self.resource();
        self.cluster
            .store()
            .get(&resource.storage, &self.key(name))
            .ok_or_else(|| {
                let plural = match resource.kind.as_str() {
                    // Their storage speaks of them in the singular.
                    "ComponentStatus" if resource.is_built_in() => "componentstatus",
                    _ => &resource.plural,
                };
                ApiError::not_found(&resource.group, plural, name)
            })
    }

    /// A header's text; empty if it is absent or not text.
    pub fn header(&self, name: &str) -> &str {
        self.headers
            .get(name)
            .and_then(|x| x.to_str().ok())
            .unwrap_or_default()
    }
}
