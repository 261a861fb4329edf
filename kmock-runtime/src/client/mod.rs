//! The embedded client: small, typed, for talking to the mock server from its own test.
//!
//! It is no client library: one connection a request, nothing followed, nothing retried. Code under test
//! brings its own client.

mod connect;
#[cfg(any(feature = "hyper", feature = "kube"))]
mod connector;
mod mock;
#[cfg(feature = "reqwest")]
mod ready;

use std::{
    fmt,
    future::{Future, IntoFuture},
    net::SocketAddr,
    pin::Pin,
};

use bytes::Bytes;
use http::{HeaderMap, HeaderName, HeaderValue, Method, StatusCode, header};
use http_body_util::{BodyExt, Full};
use hyper::body::Incoming;
use hyper_util::rt::TokioIo;
use kmock_notation::legal_target;
use serde_core::{Serialize, de::DeserializeOwned};
use serde_json::Value;
use tokio::task::AbortHandle;

#[cfg(any(feature = "hyper", feature = "kube"))]
pub(crate) use self::connect::Connected;
pub(crate) use self::connect::Dial;
#[cfg(any(feature = "hyper", feature = "kube"))]
pub use self::connector::Intercepted;
use crate::{
    elsewhere, error::Error, interceptor::Interceptor, location::Location,
    nested::NestedConnection, own::OwnConnection,
};

/// A request to any server; `await` it for the response. [`KMock::request`](crate::KMock::request) and its kin are for the
/// server itself.
///
/// ```no_run
/// # use kmock_runtime as kmock;
/// # async fn example(ca_bundle: &[u8]) -> Result<(), kmock_runtime::Error> {
/// use kmock::client;
///
/// let webhook = client::request("POST", "https://127.0.0.1:8443/validate");
/// let response = webhook.trusting_pem(ca_bundle).json([1, 2]).send().await?;
/// # drop(response);
/// # Ok(())
/// # }
/// ```
pub fn request(method: &str, url: &str) -> ClientRequest {
    let mut request = ClientRequest::new(Dial::address(NOWHERE), method, "/");
    let made = url
        .parse::<http::Uri>()
        .map_err(|error| Error::invalid(format!("{url:?} is no URL: {error}")))
        .and_then(|uri| Ok((Dial::url(&uri)?, uri)));
    match made {
        Ok((dial, uri)) => {
            request.target = uri
                .path_and_query()
                .map_or("/".to_owned(), ToString::to_string);
            request.host = uri.authority().map(ToString::to_string);
            request.to = dial;
        }
        Err(error) => request.invalid = Some(error.to_string()),
    }
    request
}

/// Where a request goes whose URL cannot be read: it is not sent.
const NOWHERE: SocketAddr = SocketAddr::new(std::net::IpAddr::V4(std::net::Ipv4Addr::LOCALHOST), 0);

/// A request to be sent. Awaiting it sends it and reads the whole response.
///
/// What may not stand in a URL is escaped: `k.get("/café?q=a b")` asks for `/caf%C3%A9?q=a%20b`. Escapes stay as they are.
///
/// ```no_run
/// # async fn example(k: kmock_runtime::KMock) {
/// let response = k.post("/hello").header("x-user", "john").json("hi").await;
/// assert_eq!(response.status(), 200);
/// # }
/// ```
#[derive(Debug)]
#[must_use = "a request is sent when it is awaited"]
pub struct ClientRequest {
    to: Dial,
    /// What the header `host` says, unless it is given.
    host: Option<String>,
    method: String,
    target: String,
    headers: HeaderMap,
    body: Bytes,
    /// What could not be used, told when the request is sent.
    invalid: Option<String>,
}

impl ClientRequest {
    pub(crate) fn new(to: Dial, method: &str, target: &str) -> ClientRequest {
        ClientRequest {
            to,
            host: None,
            method: method.to_owned(),
            target: target.to_owned(),
            headers: HeaderMap::new(),
            body: Bytes::new(),
            invalid: None,
        }
    }

    /// A whole URL goes where it says, unless the server stands for its host.
    pub(crate) fn redirected_by(mut self, interceptor: &Interceptor) -> ClientRequest {
        let whole = ["http://", "https://"]
            .iter()
            .any(|scheme| self.target.starts_with(scheme));
        if !whole {
            self.host = Some(interceptor.address().to_string());
            return self;
        }
        let named = request(&self.method, &self.target);
        let Ok(uri) = self.target.parse::<http::Uri>() else {
            return named;
        };
        let secure = uri.scheme_str() == Some("https");
        let port = uri.port_u16().unwrap_or(if secure { 443 } else { 80 });
        let host = uri.host().unwrap_or_default();
        match interceptor.redirect(host, port) {
            Some(address) => ClientRequest {
                to: named.to.at(address),
                ..named
            },
            None => named,
        }
    }

    /// Trusts these authorities, too (PEM): for servers whose certificates are signed by one that the system does not know.
    #[cfg(feature = "tls")]
    pub fn trusting_pem(mut self, authorities: impl AsRef<[u8]>) -> ClientRequest {
        let changed = self
            .to
            .change_trust(|trust| trust.pem(authorities.as_ref()));
        self.noting(changed)
    }

    /// Comes with a certificate of its own.
    #[cfg(feature = "tls")]
    pub fn identity(mut self, identity: &crate::tls::ClientIdentity) -> ClientRequest {
        let (certificate, key) = (identity.certificate_pem(), identity.key_pem());
        let changed = self
            .to
            .change_trust(|trust| Ok(trust.identity(certificate, key)));
        self.noting(changed)
    }

    #[cfg(feature = "tls")]
    fn noting(mut self, done: Result<(), Error>) -> ClientRequest {
        if let Err(error) = done {
            self.invalid.get_or_insert(error.to_string());
        }
        self
    }

    /// Connects to this address, whatever host the URL names.
    pub fn connect_to(mut self, address: SocketAddr) -> ClientRequest {
        self.to = self.to.at(address);
        self
    }

    /// Connects to this Unix socket, whatever host the URL names.
    #[cfg(unix)]
    pub fn unix_socket(mut self, path: impl Into<std::path::PathBuf>) -> ClientRequest {
        self.to = self.to.socket(path.into());
        self
    }

    /// One more header.
    pub fn header(mut self, name: impl AsRef<str>, value: impl ToString) -> ClientRequest {
        let (name, value) = (name.as_ref(), value.to_string());
        match (HeaderName::try_from(name), HeaderValue::try_from(&value)) {
            (Ok(name), Ok(value)) => {
                self.headers.append(name, value);
            }
            _ => self.invalid = Some(format!("{name:?}: {value:?} cannot be a header")),
        }
        self
    }

    /// One more query parameter, encoded as needed.
    pub fn query(mut self, name: impl AsRef<str>, value: impl ToString) -> ClientRequest {
        let encoded = |text: &str| {
            percent_encoding::utf8_percent_encode(text, percent_encoding::NON_ALPHANUMERIC)
                .to_string()
        };
        self.target
            .push(if self.target.contains('?') { '&' } else { '?' });
        let pair = format!("{}={}", encoded(name.as_ref()), encoded(&value.to_string()));
        self.target.push_str(&pair);
        self
    }

    /// A body of bytes.
    pub fn body(mut self, body: impl Into<Bytes>) -> ClientRequest {
        self.body = body.into();
        self
    }

    /// A body of JSON, with its content type unless one is set.
    pub fn json(mut self, value: impl Serialize) -> ClientRequest {
        match serde_json::to_vec(&value) {
            Ok(json) => self.body = json.into(),
            Err(error) => self.invalid = Some(format!("the body cannot be made JSON: {error}")),
        }
        self.content_type("application/json")
    }

    /// A body of an urlencoded form, with its content type.
    pub fn form<'a>(
        mut self,
        fields: impl IntoIterator<Item = (&'a str, &'a str)>,
    ) -> ClientRequest {
        let query = fields
            .into_iter()
            .fold(
                ClientRequest::new(self.to.clone(), "", ""),
                |form, (name, value)| form.query(name, value),
            )
            .target;
        self.body = query.trim_start_matches('?').to_owned().into();
        self.content_type("application/x-www-form-urlencoded")
    }

    fn content_type(mut self, kind: &'static str) -> ClientRequest {
        self.headers
            .entry(header::CONTENT_TYPE)
            .or_insert(HeaderValue::from_static(kind));
        self
    }

    /// Sends the request and reads the whole response.
    ///
    /// # Errors
    /// When the server cannot be reached or the exchange breaks, e.g. by a fault.
    pub async fn send(self) -> Result<Response, Error> {
        let mut open = self.open().await?;
        let mut body = Vec::new();
        while let Some(chunk) = open.chunk().await? {
            body.extend_from_slice(&chunk);
        }
        Ok(Response {
            status: open.status,
            reason: open.reason.clone(),
            headers: open.headers.clone(),
            body: body.into(),
        })
    }

    /// Sends the request and reads the head of the response; the body comes chunk by chunk.
    ///
    /// # Errors
    /// When the server cannot be reached or the exchange breaks, e.g. by a fault.
    pub async fn open(self) -> Result<OpenResponse, Error> {
        let Some(elsewhere) = elsewhere::runtime() else {
            return self.open_here().await;
        };
        let doing = format!("{} {}", self.method, self.target);
        let opened = elsewhere?.spawn(self.open_here()).await;
        opened.unwrap_or_else(|stopped| Err(Error::exchange(doing, stopped)))
    }

    async fn open_here(self) -> Result<OpenResponse, Error> {
        let doing = format!("{} {}", self.method, self.target);
        if let Some(invalid) = self.invalid {
            return Err(Error::invalid(format!("{doing}: {invalid}")));
        }
        let invalid = |error: http::Error| Error::invalid(format!("{doing}: {error}"));
        let method = Method::try_from(self.method.as_str())
            .map_err(|error| Error::invalid(format!("{doing}: {error}")))?;
        let mut request = http::Request::builder()
            .method(method)
            .uri(&*legal_target(&self.target))
            .body(Full::new(self.body))
            .map_err(invalid)?;
        *request.headers_mut() = self.headers;
        if let Some(Ok(host)) = self.host.map(HeaderValue::try_from) {
            request.headers_mut().entry(header::HOST).or_insert(host);
        }
        let connected = self.to.connect().await;
        let stream = connected.map_err(|error| Error::io(&doing, error))?;
        let own = stream.local_addr().map(OwnConnection::new);
        let nested = NestedConnection::new(stream.local_addr());
        let (mut sender, connection) = hyper::client::conn::http1::handshake(TokioIo::new(stream))
            .await
            .map_err(|error| Error::exchange(&doing, error))?;
        let connection = tokio::spawn(async move {
            let mut connection = connection;
            // Known no longer than its socket is open: afterwards somebody else may have the address.
            let _known = (own, nested);
            (&mut connection).await
        });
        let connection = Aborted(connection.abort_handle());
        let response = sender
            .send_request(request)
            .await
            .map_err(|error| Error::exchange(&doing, error))?;
        let (head, body) = response.into_parts();
        Ok(OpenResponse {
            doing,
            status: head.status,
            reason: head
                .extensions
                .get::<hyper::ext::ReasonPhrase>()
                .map(|reason| String::from_utf8_lossy(reason.as_bytes()).into_owned()),
            headers: head.headers,
            body,
            _connection: connection,
        })
    }
}

impl IntoFuture for ClientRequest {
    type Output = Response;
    type IntoFuture = Pin<Box<dyn Future<Output = Response> + Send>>;

    /// # Panics
    /// When the exchange breaks; where that is what is tested, [`send`](ClientRequest::send) gives the error.
    #[track_caller]
    fn into_future(self) -> Self::IntoFuture {
        // A future panics where it is polled: the message says where it is awaited.
        let location = Location::caller();
        Box::pin(async move {
            match self.send().await {
                Ok(response) => response,
                Err(error) => panic!("kmock: {error}   {location}"),
            }
        })
    }
}

/// The connection's task ends with the response.
struct Aborted(AbortHandle);

impl Drop for Aborted {
    fn drop(&mut self) {
        self.0.abort();
    }
}

/// A response, read to its end.
///
/// ```no_run
/// # use kmock_runtime as kmock;
/// # async fn example(k: kmock::KMock) -> Result<(), Box<dyn std::error::Error>> {
/// let response = k.get("/hello").await;
/// assert_eq!((response.status(), response.text()), (404, response.text()));
/// println!("{:?} {}", response.header("content-type"), response.json()["name"]);
/// # Ok(())
/// # }
/// ```
#[derive(Clone)]
pub struct Response {
    status: StatusCode,
    reason: Option<String>,
    headers: HeaderMap,
    body: Bytes,
}

impl Response {
    /// The status as a number.
    pub fn status(&self) -> u16 {
        self.status.as_u16()
    }

    /// The words after the status.
    pub fn reason(&self) -> &str {
        let usual = self.status.canonical_reason().unwrap_or_default();
        self.reason.as_deref().unwrap_or(usual)
    }

    /// All headers.
    pub fn headers(&self) -> &HeaderMap {
        &self.headers
    }

    /// The first value of a header, where it is UTF-8.
    pub fn header(&self, name: &str) -> Option<&str> {
        std::str::from_utf8(self.headers.get(name)?.as_bytes()).ok()
    }

    /// The value of a cookie that the server sets.
    pub fn cookie(&self, name: &str) -> Option<&str> {
        self.headers
            .get_all(header::SET_COOKIE)
            .into_iter()
            .filter_map(|line| line.to_str().ok()?.split(';').next()?.split_once('='))
            .find(|(key, _)| key.trim() == name)
            .map(|(_, value)| value.trim())
    }

    /// The body.
    pub fn body(&self) -> &Bytes {
        &self.body
    }

    /// The body as text; what is not UTF-8 is replaced.
    pub fn text(&self) -> String {
        String::from_utf8_lossy(&self.body).into_owned()
    }

    /// The body as JSON; null where it is none.
    pub fn json(&self) -> Value {
        serde_json::from_slice(&self.body).unwrap_or(Value::Null)
    }

    /// The body read into a type.
    ///
    /// # Errors
    /// Those of serde: no JSON, or another shape.
    pub fn parse<T: DeserializeOwned>(&self) -> Result<T, serde_json::Error> {
        serde_json::from_slice(&self.body)
    }
}

impl fmt::Debug for Response {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {:?}", self.status, self.text())
    }
}

/// A response whose body is still on its way.
///
/// ```no_run
/// # use kmock_runtime as kmock;
/// # async fn example(k: kmock::KMock) -> Result<(), Box<dyn std::error::Error>> {
/// let mut events = k.get("/events").open().await?;
/// while let Some(chunk) = events.chunk().await? {
///     println!("{} bytes", chunk.len());
/// }
/// # Ok(())
/// # }
/// ```
pub struct OpenResponse {
    doing: String,
    status: StatusCode,
    reason: Option<String>,
    headers: HeaderMap,
    body: Incoming,
    _connection: Aborted,
}

impl OpenResponse {
    /// The status as a number.
    pub fn status(&self) -> u16 {
        self.status.as_u16()
    }

    /// All headers.
    pub fn headers(&self) -> &HeaderMap {
        &self.headers
    }

    /// The next chunk of the body as the server sent it; `None` at its end.
    ///
    /// # Errors
    /// When the exchange breaks, e.g. by a fault.
    pub async fn chunk(&mut self) -> Result<Option<Bytes>, Error> {
        while let Some(frame) = self.body.frame().await {
            let frame = frame.map_err(|error| Error::exchange(&self.doing, error))?;
            if let Ok(data) = frame.into_data() {
                return Ok(Some(data));
            }
        }
        Ok(None)
    }

    /// The next chunk as text; empty at the end.
    ///
    /// # Errors
    /// When the exchange breaks, e.g. by a fault.
    pub async fn text(&mut self) -> Result<String, Error> {
        let chunk = self.chunk().await?.unwrap_or_default();
        Ok(String::from_utf8_lossy(&chunk).into_owned())
    }
}

impl fmt::Debug for OpenResponse {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} → {}", self.doing, self.status)
    }
}
