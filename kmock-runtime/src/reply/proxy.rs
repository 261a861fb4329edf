//! Forwarding: a request goes to another server, and what it answers comes back as it comes.

use std::{
    fmt,
    pin::Pin,
    sync::{Arc, Mutex, PoisonError},
    task::{Context, Poll},
};

use axum::body::Body;
use bytes::{Bytes, BytesMut};
use http::{HeaderMap, HeaderName, HeaderValue, Response, StatusCode, Uri, header};
use http_body::{Body as HttpBody, Frame, SizeHint};
use http_body_util::Full;
use hyper::body::Incoming;
use hyper_util::rt::TokioIo;
use tokio::task::AbortHandle;

use super::hops::{self, Hop};
use crate::{client::Dial, error::Error, request::Request};

/// How much of each body is recorded.
const RECORDED: usize = 1 << 20;

/// Headers that are between two neighbours only (RFC 9110, 7.6.1).
const HOP_BY_HOP: [HeaderName; 7] = [
    header::CONNECTION,
    header::PROXY_AUTHENTICATE,
    header::PROXY_AUTHORIZATION,
    header::TE,
    header::TRAILER,
    header::TRANSFER_ENCODING,
    header::UPGRADE,
];

/// Another server, and what it has answered so far.
#[derive(Clone)]
pub(crate) struct Upstream {
    scheme: &'static str,
    dial: Dial,
    authority: String,
    /// Comes before the path of each request.
    base: String,
    /// Whether what is answered is to be replayed later: whole, readable, and without links to the other server.
    recording: bool,
    exchanges: Arc<Mutex<Vec<Exchange>>>,
}

/// A request that was forwarded, and what came back.
///
/// ```no_run
/// # use kmock_runtime as kmock;
/// # async fn example(k: kmock::KMock) -> Result<(), Box<dyn std::error::Error>> {
/// let passed = k.on("get /users").proxy("http://127.0.0.1:8080");
/// // …
/// for exchange in passed.exchanges() {
///     println!("{}", exchange.json()["name"]);
/// }
/// # Ok(())
/// # }
/// ```
#[derive(Clone)]
pub struct Exchange {
    request: Request,
    upstream: String,
    #[cfg(feature = "record")]
    origin: String,
    #[cfg(feature = "record")]
    base: String,
    status: StatusCode,
    headers: HeaderMap,
    body: Arc<Mutex<BytesMut>>,
}

impl Exchange {
    /// The server that answered: `http://host:port/base`.
    pub fn upstream(&self) -> &str {
        &self.upstream
    }

    /// The server without a path.
    #[cfg(feature = "record")]
    pub(crate) fn origin(&self) -> &str {
        &self.origin
    }

    /// What that server was asked for: its path and query.
    #[cfg(feature = "record")]
    pub(crate) fn target(&self) -> String {
        format!("{}{}", self.base, self.request.target())
    }

    /// The request as it came.
    pub fn request(&self) -> &Request {
        &self.request
    }

    /// The status that came back.
    pub fn status(&self) -> u16 {
        self.status.as_u16()
    }

    /// The headers that came back.
    pub fn headers(&self) -> &HeaderMap {
        &self.headers
    }

    /// The body that has come back so far, up to its first MiB.
    pub fn body(&self) -> Bytes {
        let body = self.body.lock().unwrap_or_else(PoisonError::into_inner);
        Bytes::copy_from_slice(&body)
    }

    /// The body as JSON; null where it is none.
    pub fn json(&self) -> serde_json::Value {
        serde_json::from_slice(&self.body()).unwrap_or_default()
    }
}

impl fmt::Debug for Exchange {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:?} → {}", self.request, self.status)
    }
}

impl Upstream {
    pub(crate) fn new(url: &str) -> Result<Upstream, Error> {
        let invalid = |why: &str| Error::invalid(format!("cannot forward to {url:?}: {why}"));
        let uri: Uri = url.parse().map_err(|_| invalid("this is no URL"))?;
        let scheme = match uri.scheme_str() {
            Some("http") => "http",
            Some("https") => "https",
            _ => return Err(invalid("it begins with neither http:// nor https://")),
        };
        let authority = uri.authority().ok_or_else(|| invalid("there is no host"))?;
        Ok(Upstream {
            scheme,
            dial: Dial::url(&uri).map_err(|error| invalid(&error.to_string()))?,
            authority: authority.to_string(),
            base: uri.path().trim_end_matches('/').to_owned(),
            recording: false,
            exchanges: Arc::default(),
        })
    }

    /// The host that a request in absolute form is meant for.
    pub(crate) fn of_target(request: &Request) -> Option<Upstream> {
        let uri = request.uri();
        let secure = uri.scheme_str() == Some("https");
        Some(Upstream {
            scheme: if secure { "https" } else { "http" },
            dial: Dial::url(uri).ok()?,
            authority: uri.authority()?.to_string(),
            base: String::new(),
            recording: false,
            exchanges: Arc::default(),
        })
    }

    /// The same, for a recording.
    #[cfg(feature = "record")]
    pub(crate) fn recording(self) -> Upstream {
        Upstream {
            recording: true,
            ..self
        }
    }

    pub(crate) fn exchanges(&self) -> Vec<Exchange> {
        let exchanges = self
            .exchanges
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        exchanges.clone()
    }

    /// Sends the request on; the body of the answer comes back as it comes.
    pub(crate) async fn forward(&self, request: &Request) -> Result<Response<Body>, Error> {
        let doing = format!("forward to {}", self.authority);
        let target = format!("{}{}", self.base, request.target());
        let mut forwarded = http::Request::builder()
            .method(request.method())
            .uri(target)
            .body(Full::new(request.body().clone()))
            .map_err(|error| Error::invalid(format!("{doing}: {error}")))?;
        let mut headers = request.headers().clone();
        without_hops(&mut headers);
        headers.remove(header::CONTENT_LENGTH);
        if let Ok(host) = HeaderValue::try_from(&self.authority) {
            headers.insert(header::HOST, host);
        }
        if self.recording {
            headers.remove(header::ACCEPT_ENCODING);
        }
        *forwarded.headers_mut() = headers;
        if Hop::count(request) >= hops::MOST {
            return Err(Error::invalid(format!(
                "{doing}: the request was passed on {} times already; does the rule lead to itself?",
                hops::MOST
            )));
        }
        let connected = self.dial.connect().await;
        let stream = connected.map_err(|error| Error::io(&doing, error))?;
        let hop = Hop::begin(stream.local_addr(), request);
        let (mut sender, connection) = hyper::client::conn::http1::handshake(TokioIo::new(stream))
            .await
            .map_err(|error| Error::exchange(&doing, error))?;
        let connection = tokio::spawn(connection).abort_handle();
        let response = sender.send_request(forwarded).await;
        let response = response.map_err(|error| Error::exchange(&doing, error))?;
        let (mut head, body) = response.into_parts();
        without_hops(&mut head.headers);
        if self.recording {
            self.lead_here(&mut head.headers);
        }
        head.extensions = http::Extensions::new();
        let recorded = Arc::default();
        let exchange = Exchange {
            request: request.clone(),
            upstream: self.to_string(),
            #[cfg(feature = "record")]
            origin: format!("{}://{}", self.scheme, self.authority),
            #[cfg(feature = "record")]
            base: self.base.clone(),
            status: head.status,
            headers: head.headers.clone(),
            body: Arc::clone(&recorded),
        };
        self.exchanges
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .push(exchange);
        let body = Forwarded {
            inner: body,
            recorded,
            kept: if self.recording { usize::MAX } else { RECORDED },
            connection,
            _hop: hop,
        };
        Ok(Response::from_parts(head, Body::new(body)))
    }
}

impl Upstream {
    /// Headers that lead to the other server lead to this one: a reference without a host is to the server that says it
    /// (RFC 9110, 10.2.2; RFC 8288, 3.1).
    fn lead_here(&self, headers: &mut HeaderMap) {
        let there = self.to_string();
        let here = |text: &str| match text.strip_prefix(&there) {
            Some("") => Some("/".to_owned()),
            Some(rest) if rest.starts_with(['/', '?']) => Some(rest.to_owned()),
            _ => None,
        };
        for (name, value) in headers.iter_mut() {
            let Ok(text) = value.to_str() else { continue };
            let led = match *name {
                header::LOCATION | header::CONTENT_LOCATION => here(text),
                header::LINK => {
                    let mut parts = text.split('<');
                    let first = parts.next().unwrap_or_default().to_owned();
                    let led = parts.fold(first, |led, part| {
                        let (target, rest) = part.split_once('>').unwrap_or((part, ""));
                        let target = here(target).unwrap_or_else(|| target.to_owned());
                        format!("{led}<{target}>{rest}")
                    });
                    Some(led)
                }
                _ => None,
            };
            if let Some(led) = led.and_then(|led| HeaderValue::try_from(led).ok()) {
                *value = led;
            }
        }
    }
}

impl fmt::Display for Upstream {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}://{}{}", self.scheme, self.authority, self.base)
    }
}

impl fmt::Debug for Upstream {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

fn without_hops(headers: &mut HeaderMap) {
    for name in HOP_BY_HOP {
        headers.remove(name);
    }
    headers.remove("keep-alive");
    headers.remove("proxy-connection");
}

/// A body that is recorded on its way; the connection ends with it.
struct Forwarded {
    inner: Incoming,
    recorded: Arc<Mutex<BytesMut>>,
    /// How much of it.
    kept: usize,
    connection: AbortHandle,
    _hop: Hop,
}

impl HttpBody for Forwarded {
    type Data = Bytes;
    type Error = hyper::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, hyper::Error>>> {
        let polled = Pin::new(&mut self.inner).poll_frame(cx);
        if let Poll::Ready(Some(Ok(frame))) = &polled
            && let Some(data) = frame.data_ref()
        {
            let mut recorded = self.recorded.lock().unwrap_or_else(PoisonError::into_inner);
            let room = self.kept.saturating_sub(recorded.len()).min(data.len());
            recorded.extend_from_slice(data.get(..room).unwrap_or_default());
        }
        polled
    }

    fn is_end_stream(&self) -> bool {
        self.inner.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.inner.size_hint()
    }
}

impl Drop for Forwarded {
    fn drop(&mut self) {
        self.connection.abort();
    }
}
