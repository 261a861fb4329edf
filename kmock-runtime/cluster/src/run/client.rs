//! The hand of the controllers: requests to the API as any client makes them.

use std::sync::Arc;

use bytes::Bytes;
use http::{HeaderValue, Method, Request, header};
use serde_json::Value;

use crate::controller::Refusal;
use crate::emulator::authn::ClientCertificate;
use crate::emulator::store::StoredObject;
use crate::emulator::{ApiBody, Cluster, Sent, Unread};
use crate::json::{Json, json};
use crate::kind::Kind;
use crate::object;
use crate::plan::Deletion;

const JSON: HeaderValue = HeaderValue::from_static("application/json");
const MERGE_PATCH: HeaderValue = HeaderValue::from_static("application/merge-patch+json");

/// How much of an answer is read.
#[derive(Debug, Clone, Copy, PartialEq)]
enum Read {
    Nothing,
    All,
}

/// What came of a request.
#[derive(Debug)]
struct Answer {
    body: Bytes,
    /// The object that was written, where its text is not read.
    stored: Option<Arc<StoredObject>>,
}

#[derive(Debug)]
pub(crate) struct Client {
    cluster: Cluster,
}

impl Client {
    pub(crate) fn new(cluster: &Cluster) -> Client {
        Client {
            cluster: cluster.clone(),
        }
    }

    /// Sends a request, whose answer is of no interest unless it was refused.
    pub(crate) async fn send(
        &self,
        agent: &str,
        method: Method,
        path: &str,
        body: Option<&Json>,
    ) -> Result<(), Refusal> {
        self.send_for(Read::Nothing, agent, method, path, body)
            .await
            .map(|_| ())
    }

    /// Whether a SubjectAccessReview allows what it asks.
    pub(crate) async fn allows(&self, agent: &str, review: &Json) -> Result<bool, Refusal> {
        let path = "/apis/authorization.k8s.io/v1/subjectaccessreviews";
        let answer = self
            .send_for(Read::All, agent, Method::POST, path, Some(review))
            .await?;
        let answer: Value = serde_json::from_slice(&answer.body).unwrap_or_default();
        Ok(answer["status"]["allowed"] == true)
    }

    async fn send_for(
        &self,
        read: Read,
        agent: &str,
        method: Method,
        path: &str,
        body: Option<&Json>,
    ) -> Result<Answer, Refusal> {
        let body = body.map(|body| serde_json::to_vec(body).unwrap_or_default());
        let body = Bytes::from(body.unwrap_or_default());
        self.exchange(read, agent, (method, path), body, None).await
    }

    /// The same of an object of the path's kind: as it is, without its text.
    async fn send_object(
        &self,
        agent: &str,
        to: (Method, &str),
        sent: Sent,
    ) -> Result<Answer, Refusal> {
        self.exchange(Read::Nothing, agent, to, Bytes::new(), Some(sent))
            .await
    }

    async fn post(&self, agent: &str, path: &str, object: Value) -> Result<Answer, Refusal> {
        self.send_object(agent, (Method::POST, path), Sent::new(object))
            .await
    }

    async fn exchange(
        &self,
        read: Read,
        agent: &str,
        (method, path): (Method, &str),
        body: Bytes,
        sent: Option<Sent>,
    ) -> Result<Answer, Refusal> {
        let content_type = match method {
            Method::PATCH => MERGE_PATCH,
            _ => JSON,
        };
        let request = Request::builder()
            .method(method)
            .uri(path)
            .header(header::CONTENT_TYPE, content_type)
            .header(header::ACCEPT, JSON)
            .header(
                header::USER_AGENT,
                format!("{agent}/v1.36.3 (linux/amd64) kubernetes"),
            )
            .body(body);
        let request = match request {
            // Where RBAC decides, the parts of the cluster may do their work.
            Ok(mut request) => {
                request.extensions_mut().insert(ClientCertificate {
                    common_name: format!("system:{agent}"),
                    organizations: vec!["system:masters".to_owned()],
                    ..ClientCertificate::default()
                });
                if let Some(sent) = sent {
                    request.extensions_mut().insert(sent);
                }
                if read == Read::Nothing {
                    request.extensions_mut().insert(Unread);
                }
                request
            }
            Err(error) => return Err(refusal(400, "BadRequest", error.to_string())),
        };
        let mut response = self.cluster.call(request).await;
        let code = response.status().as_u16();
        let stored = response.extensions_mut().remove();
        let ApiBody::Full(bytes) = response.into_body() else {
            return Err(refusal(code, "", "a stream".to_owned()));
        };
        if code < 300 {
            return Ok(Answer {
                body: bytes,
                stored,
            });
        }
        let status: Value = serde_json::from_slice(&bytes).unwrap_or_default();
        let message = match status["message"].as_str() {
            Some(message) => message.to_owned(),
            None => String::from_utf8_lossy(&bytes).into_owned(),
        };
        let reason = status["reason"].as_str().unwrap_or_default();
        Err(refusal(code, reason, message))
    }

    /// Creates an object; its name.
    pub(crate) async fn create(
        &self,
        agent: &str,
        kind: Kind,
        object: &Json,
    ) -> Result<String, Refusal> {
        let path = kind.path(object::namespace(object), "", "");
        let made = self.post(agent, &path, object.into()).await?.stored;
        let name = made
            .as_ref()
            .map_or(object::name(object), |made| made.name());
        Ok(name.to_owned())
    }

    /// Creates an event.
    pub(crate) async fn tell(&self, agent: &str, event: Value) -> Result<(), Refusal> {
        let namespace = event["metadata"]["namespace"].as_str().unwrap_or_default();
        let path = Kind::Events.path(namespace, "", "");
        self.post(agent, &path, event).await.map(|_| ())
    }

    /// Replaces an object or its status.
    pub(crate) async fn replace(
        &self,
        agent: &str,
        kind: Kind,
        object: &Json,
        subresource: &str,
    ) -> Result<(), Refusal> {
        let path = kind.path(object::namespace(object), object::name(object), subresource);
        let to = (Method::PUT, path.as_str());
        let sent = match subresource {
            "status" => without_spec(object),
            _ => Sent::new(object.into()),
        };
        self.send_object(agent, to, sent).await.map(|_| ())
    }

    /// Changes a part of an object.
    pub(crate) async fn patch(
        &self,
        agent: &str,
        kind: Kind,
        key: &str,
        subresource: &str,
        patch: &Json,
    ) -> Result<(), Refusal> {
        let (namespace, name) = object::split(key);
        let path = kind.path(namespace, name, subresource);
        self.send(agent, Method::PATCH, &path, Some(patch)).await
    }

    /// Deletes an object of a uid; that it is gone is as well.
    pub(crate) async fn delete(
        &self,
        agent: &str,
        kind: Kind,
        key: &str,
        uid: &str,
        options: Deletion,
    ) -> Result<(), Refusal> {
        let (namespace, name) = object::split(key);
        let path = kind.path(namespace, name, "");
        let mut body = json!({"kind": "DeleteOptions", "apiVersion": "v1"});
        if !uid.is_empty() {
            body["preconditions"] = json!({ "uid": uid });
        }
        if let Some(grace) = options.grace {
            body["gracePeriodSeconds"] = grace.into();
        }
        if let Some(propagation) = options.propagation {
            body["propagationPolicy"] = propagation.into();
        }
        match self.send(agent, Method::DELETE, &path, Some(&body)).await {
            Ok(_) => Ok(()),
            Err(refusal) if refusal.is_stale() => Ok(()),
            Err(refusal) => Err(refusal),
        }
    }

    /// Puts a Pod on a node.
    pub(crate) async fn bind(
        &self,
        agent: &str,
        key: &str,
        uid: &str,
        node: &str,
    ) -> Result<(), Refusal> {
        let (namespace, name) = object::split(key);
        let binding = serde_json::json!({
            "apiVersion": "v1", "kind": "Binding", "metadata": {"name": name, "namespace": namespace, "uid": uid},
            "target": {"apiVersion": "v1", "kind": "Node", "name": node},
        });
        let path = Kind::Pods.path(namespace, name, "binding");
        self.post(agent, &path, binding).await.map(|_| ())
    }
}

/// An object without its spec, which a write of the status leaves as it is.
fn without_spec(object: &Json) -> Sent {
    let mut object = object.clone();
    if let Some(members) = object.as_object_mut() {
        members.remove("spec");
    }
    Sent::without(&["spec"], Value::from(&object))
}

fn refusal(code: u16, reason: &str, message: String) -> Refusal {
    Refusal {
        code,
        reason: reason.to_owned(),
        message,
    }
}
