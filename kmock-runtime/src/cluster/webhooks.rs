//! Webhooks of the emulated cluster: handlers in this process, and addresses.
//!
//! The cluster sends reviews as a server does; here they reach the handler that ships, without a port.

use std::fmt;
use std::net::SocketAddr;
use std::panic::AssertUnwindSafe;
use std::path::Path;
use std::sync::Arc;

use axum::body::Body;
use bytes::Bytes;
use futures::{FutureExt, future::BoxFuture};
use http::{Request, Response, Uri, header};
use http_body_util::{BodyExt, Full};
use hyper_util::rt::TokioIo;
use kmock_kubernetes::{Cluster, Object, WebhookCall, WebhookCaller};
use serde_core::{Serialize, de::DeserializeOwned};
use tower_service::Service;

use super::in_process::{InProcess, ask, guarded, panicked};
use crate::{client::Dial, mock::KMock, nested};

impl KMock {
    /// Plugs a webhook in: the objects of a file (a `ValidatingWebhookConfiguration`, a `MutatingWebhookConfiguration`,
    /// a `CustomResourceDefinition` with a conversion webhook; what else it has is seeded, too), and the service that
    /// answers for all places in their `clientConfig`s: an axum `Router`, or any other `tower::Service` of requests.
    ///
    /// The handler gets the POST that an API server sends, an `AdmissionReview` or a `ConversionReview`, at the path of
    /// the configuration. Neither a port nor a certificate is needed.
    ///
    /// ```no_run
    /// # use axum::{Router, routing::post};
    /// # use serde_json::{Value, json};
    /// # async fn example(k: kmock_runtime::KMock) {
    /// let router = Router::new().route("/validate", post(|review: String| async move {
    ///     let review: Value = serde_json::from_str(&review).unwrap_or_default();
    ///     let allowed = review["request"]["object"]["spec"]["replicas"] != 0;
    ///     json!({
    ///         "apiVersion": "admission.k8s.io/v1", "kind": "AdmissionReview",
    ///         "response": {"uid": review["request"]["uid"], "allowed": allowed},
    ///     }).to_string()
    /// }));
    /// k.webhook("deploy/webhooks.yaml", router);
    /// # }
    /// ```
    ///
    /// # Panics
    /// When the file cannot be read, or no webhook is in it.
    #[track_caller]
    pub fn webhook<S, B>(&self, file: impl AsRef<Path>, service: S)
    where
        S: Service<Request<Body>, Response = Response<B>> + Clone + Send + Sync + 'static,
        S::Future: Send,
        S::Error: fmt::Display,
        B: http_body::Body<Data = Bytes> + Send + 'static,
        B::Error: fmt::Display,
    {
        let objects = self.objects().seed_file(&file);
        plug_in(self.cluster(), &objects, Arc::new(InProcess(service)));
    }

    /// Plugs a webhook in that is a function of the review: `AdmissionReview<DynamicObject>` of kube-rs,
    /// `serde_json::Value`, or any other type that can be read from one and written as one.
    ///
    /// ```no_run
    /// # use serde_json::{Value, json};
    /// # async fn example(k: kmock_runtime::KMock) {
    /// k.webhook_fn("deploy/webhooks.yaml", |review: Value| async move {
    ///     json!({
    ///         "apiVersion": "admission.k8s.io/v1", "kind": "AdmissionReview",
    ///         "response": {"uid": review["request"]["uid"], "allowed": true},
    ///     })
    /// });
    /// # }
    /// ```
    ///
    /// # Panics
    /// When the file cannot be read, or no webhook is in it.
    #[track_caller]
    pub fn webhook_fn<F, I, O, R>(&self, file: impl AsRef<Path>, function: F)
    where
        F: Fn(I) -> R + Send + Sync + 'static,
        I: DeserializeOwned + 'static,
        R: Future<Output = O> + Send + 'static,
        O: Serialize + 'static,
    {
        let objects = self.objects().seed_file(&file);
        let called = Called(move |body: &[u8]| {
            let review = serde_json::from_slice(body).map_err(|error| error.to_string())?;
            let answer = function(review);
            Ok(
                async move { serde_json::to_vec(&answer.await).map_err(|error| error.to_string()) }
                    .boxed(),
            )
        });
        plug_in(self.cluster(), &objects, Arc::new(called));
    }

    /// Tells where a webhook is that runs outside of this process and speaks plain HTTP: a service
    /// (`namespace/name`, with `:port` if there are several) or the begin of a URL, and the address that stands for it.
    ///
    /// ```no_run
    /// # async fn example(k: kmock_runtime::KMock) {
    /// k.webhook_at("operators/my-webhook", ([127, 0, 0, 1], 9443));
    /// # }
    /// ```
    pub fn webhook_at(&self, place: &str, address: impl Into<SocketAddr>) {
        let caller = Arc::new(Address(address.into()));
        self.cluster().webhooks().route(place, caller);
    }
}

impl KMock {
    /// Tells where a webhook is that runs outside of this process and speaks HTTPS, as it does in a cluster: its
    /// certificate must be for the name in the configuration (`name.namespace.svc` of a service), signed by the
    /// configuration's `caBundle`.
    ///
    /// ```no_run
    /// # async fn example(k: kmock_runtime::KMock) {
    /// k.secure_webhook_at("operators/my-webhook", ([127, 0, 0, 1], 9443));
    /// # }
    /// ```
    ///
    /// A webhook that is configured by its `url` needs no address.
    #[cfg(feature = "tls")]
    #[cfg_attr(docsrs, doc(cfg(feature = "tls")))]
    pub fn secure_webhook_at(&self, place: &str, address: impl Into<SocketAddr>) {
        let caller = Arc::new(SecureAddress(address.into()));
        self.cluster().webhooks().route(place, caller);
    }
}

#[track_caller]
fn plug_in(cluster: &Cluster, objects: &[Object], caller: Arc<dyn WebhookCaller>) {
    let mut places = Vec::new();
    for object in objects {
        let hooks = object["webhooks"].as_array().into_iter().flatten();
        let configs = hooks.map(|hook| &hook["clientConfig"]);
        for config in configs.chain([&object["spec"]["conversion"]["webhook"]["clientConfig"]]) {
            places.extend(place(config));
        }
    }
    assert!(
        !places.is_empty(),
        "kmock: there is no webhook in these objects: neither a webhook configuration nor a definition whose conversion \
         is one"
    );
    for place in places {
        cluster.webhooks().route(&place, Arc::clone(&caller));
    }
}

fn place(config: &serde_json::Value) -> Option<String> {
    if let Some(url) = config["url"].as_str() {
        return Some(url.to_owned());
    }
    let service = &config["service"];
    let name = service["name"].as_str()?;
    let namespace = service["namespace"].as_str()?;
    let port = service["port"].as_i64().unwrap_or(443);
    Some(format!("{namespace}/{name}:{port}"))
}

impl<S, B> WebhookCaller for InProcess<S>
where
    S: Service<Request<Body>, Response = Response<B>> + Clone + Send + Sync + 'static,
    S::Future: Send,
    S::Error: fmt::Display,
    B: http_body::Body<Data = Bytes> + Send + 'static,
    B::Error: fmt::Display,
{
    fn call(&self, call: WebhookCall) -> BoxFuture<'static, Result<Response<Bytes>, String>> {
        let service = self.0.clone();
        guarded(
            HANDLER,
            deeper(async move {
                let answer = ask(service, request(&call)?).await?;
                let (parts, body) = answer.into_parts();
                let body = body.collect().await.map_err(|error| error.to_string())?;
                Ok(Response::from_parts(parts, body.to_bytes()))
            }),
        )
    }
}

/// Calls a handler, unless it is in itself already: a server would give up when the time of the outermost call has passed.
async fn deeper<T>(call: impl Future<Output = Result<T, String>>) -> Result<T, String> {
    let depth = nested::depth();
    if depth >= nested::DEEPEST {
        return Err(format!(
            "context deadline exceeded (kmock: {depth} calls of webhooks in this process wait for each other already; does a \
             webhook ask for what it guards?)"
        ));
    }
    nested::within(depth + 1, call).await
}

/// A function in this process.
struct Called<F>(F);

impl<F> fmt::Debug for Called<F> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Called(…)")
    }
}

type Written = BoxFuture<'static, Result<Vec<u8>, String>>;

impl<F> WebhookCaller for Called<F>
where
    F: Fn(&[u8]) -> Result<Written, String> + Send + Sync + 'static,
{
    fn call(&self, call: WebhookCall) -> BoxFuture<'static, Result<Response<Bytes>, String>> {
        let started = std::panic::catch_unwind(AssertUnwindSafe(|| (self.0)(&call.body)));
        let answer = match started {
            Ok(answer) => answer,
            Err(panic) => Err(panicked(HANDLER, &*panic)),
        };
        guarded(
            HANDLER,
            deeper(async move {
                let answer = answer?.await?;
                let mut response = Response::new(Bytes::from(answer));
                response.headers_mut().insert(header::CONTENT_TYPE, JSON);
                Ok(response)
            }),
        )
    }
}

const JSON: http::HeaderValue = http::HeaderValue::from_static("application/json");

/// The POST of a review, as the API server sends it.
fn request(call: &WebhookCall) -> Result<Request<Bytes>, String> {
    let uri = parsed(&call.url)?;
    let path = uri.path_and_query().map_or("/", |path| path.as_str());
    let host = uri.authority().map_or("", |host| host.as_str());
    Request::post(path)
        .header(header::HOST, host)
        .header(header::USER_AGENT, "kube-apiserver-admission")
        .header(header::CONTENT_TYPE, JSON)
        .header(header::ACCEPT, "application/json, */*")
        .body(call.body.clone())
        .map_err(|error| error.to_string())
}

/// What a call in this process reaches, in words.
const HANDLER: &str = "the handler";

/// A webhook that listens for plain HTTP.
#[derive(Debug)]
struct Address(SocketAddr);

impl WebhookCaller for Address {
    fn call(&self, call: WebhookCall) -> BoxFuture<'static, Result<Response<Bytes>, String>> {
        let dial = Dial::address(self.0);
        Box::pin(async move { send(&dial, request(&call)?).await })
    }
}

/// A webhook that listens for HTTPS, with a certificate for the name in the configuration.
#[cfg(feature = "tls")]
#[derive(Debug)]
struct SecureAddress(SocketAddr);

#[cfg(feature = "tls")]
impl WebhookCaller for SecureAddress {
    fn call(&self, call: WebhookCall) -> BoxFuture<'static, Result<Response<Bytes>, String>> {
        let address = self.0;
        Box::pin(async move {
            let dial = secure(&call)?.at(address);
            send(&dial, request(&call)?).await
        })
    }
}

/// The server of a call, trusted as the configuration says: by its `caBundle`, or by what the system trusts.
fn secure(call: &WebhookCall) -> Result<Dial, String> {
    let uri: Uri = parsed(&call.url)?;
    let dial = Dial::url(&uri).map_err(|error| error.to_string())?;
    #[cfg(feature = "tls")]
    if !call.ca_bundle.trim_ascii().is_empty() {
        let trust = crate::tls::Trust::nobody().pem(&call.ca_bundle);
        let trust = trust
            .map_err(|_| "unable to load root certificates: unable to parse bytes as PEM block")?;
        return Ok(dial.trusting(trust));
    }
    Ok(dial)
}

fn parsed(url: &str) -> Result<Uri, String> {
    url.parse().map_err(|_| format!("{url} is no URL"))
}

async fn send(dial: &Dial, request: Request<Bytes>) -> Result<Response<Bytes>, String> {
    let connected = dial.connect().await.map_err(|error| why(dial, &error))?;
    let handshake = hyper::client::conn::http1::handshake(TokioIo::new(connected)).await;
    let (mut sender, connection) = handshake.map_err(|error| error.to_string())?;
    tokio::spawn(connection);
    let answer = sender.send_request(request.map(Full::new)).await;
    let (parts, body) = answer.map_err(|error| error.to_string())?.into_parts();
    let body = body.collect().await.map_err(|error| error.to_string())?;
    Ok(Response::from_parts(parts, body.to_bytes()))
}

/// Why there is no connection, in Go's words.
fn why(dial: &Dial, error: &std::io::Error) -> String {
    #[cfg(feature = "tls")]
    if let Some(why) = error.get_ref().and_then(|error| error.downcast_ref()) {
        return not_secure(why);
    }
    let why = match error.kind() {
        std::io::ErrorKind::ConnectionRefused => "connect: connection refused".to_owned(),
        std::io::ErrorKind::TimedOut => "i/o timeout".to_owned(),
        _ => error.to_string(),
    };
    format!("dial tcp {dial}: {why}")
}

/// Why nobody trusts the other side.
#[cfg(feature = "tls")]
fn not_secure(error: &rustls::Error) -> String {
    use rustls::{CertificateError as Certificate, Error};
    let x509 = |why: &str| format!("tls: failed to verify certificate: x509: {why}");
    match error {
        Error::InvalidCertificate(why) => match why {
            Certificate::UnknownIssuer => x509("certificate signed by unknown authority"),
            Certificate::Expired | Certificate::ExpiredContext { .. } => {
                x509("certificate has expired or is not yet valid")
            }
            Certificate::NotValidYet | Certificate::NotValidYetContext { .. } => {
                x509("certificate has expired or is not yet valid")
            }
            Certificate::NotValidForNameContext {
                expected,
                presented,
            } => {
                let names: Vec<&str> = presented
                    .iter()
                    .map(|name| {
                        let name = name.split_once('(').map_or(name.as_str(), |(_, name)| name);
                        name.trim_end_matches(')').trim_matches('"')
                    })
                    .collect();
                x509(&format!(
                    "certificate is valid for {}, not {}",
                    names.join(", "),
                    expected.to_str()
                ))
            }
            other => x509(&other.to_string()),
        },
        Error::InvalidMessage(_) => "http: server gave HTTP response to HTTPS client".to_owned(),
        other => format!("tls: {other}"),
    }
}

/// Calls that nobody in this process answers for, by their URLs.
#[derive(Debug)]
pub(super) struct Network;

impl WebhookCaller for Network {
    fn call(&self, call: WebhookCall) -> BoxFuture<'static, Result<Response<Bytes>, String>> {
        Box::pin(async move {
            let uri = parsed(&call.url)?;
            let host = uri.host().unwrap_or_default();
            if let Some(service) = host.strip_suffix(".svc") {
                let (name, namespace) = service.split_once('.').unwrap_or((service, "default"));
                return Err(format!(
                    "no endpoints available for service \"{name}\" (kmock: give it a handler with `k.webhook(…)`, or an \
                     address with `k.webhook_at(\"{namespace}/{name}\", …)`)"
                ));
            }
            send(&secure(&call)?, request(&call)?).await
        })
    }
}
