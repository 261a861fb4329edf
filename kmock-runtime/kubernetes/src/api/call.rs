//! A request for a resource on its way through a verb.

use std::borrow::Cow;
use std::sync::Arc;

use bytes::Bytes;
use http::HeaderMap;
use jiff::Timestamp;
use serde_json::Value;

use super::body::Sent;
use super::convert::{self, Known};
use crate::model::path::ApiRequest;
use crate::model::resource::Resource;
use crate::model::status::ApiError;
use crate::model::strategy::{Context, Strategy};
use crate::model::user::User;
use crate::state::cluster::Cluster;
use crate::state::registry::Served;
use crate::state::store::StoredObject;

/// What a write is of, and by whom: a part of each call, and all that there is of the server's own writes.
#[derive(Debug, Clone, Copy)]
pub struct Scope<'a> {
    /// The cluster.
    pub cluster: &'a Cluster,
    /// The resource in the version of the request.
    pub served: &'a Served,
    /// The namespace; empty for cluster-scoped objects.
    pub namespace: &'a str,
    /// The subresource; empty for the object itself.
    pub subresource: &'a str,
    /// Who writes.
    pub user: &'a User,
    /// When.
    pub now: Timestamp,
}

impl<'a> Scope<'a> {
    /// What the rules may know about it.
    pub fn context(&self, name: &'a str, dry_run: bool) -> Context<'a> {
        Context {
            cluster: self.cluster,
            resource: &self.served.resource,
            namespace: self.namespace,
            name,
            subresource: self.subresource,
            user: self.user,
            now: self.now,
            dry_run,
        }
    }
}

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
    /// What it carries instead.
    pub sent: Option<Sent>,
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

    /// What is written, and by whom.
    pub fn scope(&self) -> Scope<'_> {
        Scope {
            cluster: &self.cluster,
            served: &self.served,
            namespace: self.request.namespace(),
            subresource: self.request.subresource(),
            user: &self.user,
            now: self.now,
        }
    }

    /// What the rules may know about the request.
    pub fn context<'a>(&'a self, name: &'a str, dry_run: bool) -> Context<'a> {
        self.scope().context(name, dry_run)
    }

    /// The storage key of an object of the request's namespace.
    pub fn key(&self, name: &str) -> String {
        self.resource().key(self.request.namespace(), name)
    }

    /// The object with a name, or 404.
    pub fn find(&self, name: &str) -> Result<Arc<StoredObject>, ApiError> {
        let place = &self.resource().storage;
        let found = self.cluster.store().get(place, &self.key(name));
        found.ok_or_else(|| self.absent(name))
    }

    /// The 404 of an object.
    pub fn absent(&self, name: &str) -> ApiError {
        let resource = self.resource();
        let plural = match resource.kind.as_str() {
            // Their storage speaks of them in the singular.
            "ComponentStatus" if resource.is_built_in() => "componentstatus",
            _ => &resource.plural,
        };
        ApiError::not_found(&resource.group, plural, name)
    }

    /// An object of the storage in the version of the request.
    pub async fn shown(&self, stored: &Value) -> Result<Value, ApiError> {
        if self.strategy().conversion().is_none() {
            return Ok(self.served.shown(stored));
        }
        convert::settle(&self.cluster, Known::Not, || self.served.shown(stored)).await
    }

    /// The same; not copied where it is shown as it is stored.
    pub async fn seen<'a>(&self, stored: &'a Value) -> Result<Cow<'a, Value>, ApiError> {
        if self.strategy().conversion().is_none() {
            return Ok(self.served.seen(stored));
        }
        self.shown(stored).await.map(Cow::Owned)
    }

    /// An object in the version of the request as it is stored.
    pub async fn to_storage(&self, object: Value) -> Result<Value, ApiError> {
        if self.strategy().conversion().is_none() {
            let kept = self.sent.as_ref().map_or(&[][..], Sent::unsent);
            return Ok(self.served.to_storage_but(kept, object));
        }
        convert::settle(&self.cluster, Known::Not, || {
            self.served.to_storage(object.clone())
        })
        .await
    }

    /// Runs a step that may convert between versions: as often as it takes to know the conversions.
    pub async fn settled<T>(&self, step: impl FnMut() -> T) -> Result<T, ApiError> {
        let mut step = step;
        if self.strategy().conversion().is_none() {
            return Ok(step());
        }
        convert::settle(&self.cluster, Known::Counts, step).await
    }

    /// A header's text; empty if it is absent or not text.
    pub fn header(&self, name: &str) -> &str {
        self.headers
            .get(name)
            .and_then(|x| x.to_str().ok())
            .unwrap_or_default()
    }
}
