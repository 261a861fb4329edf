//! What a client sent: owned, complete, and cheap to clone.

use std::{
    any::Any,
    borrow::Cow,
    fmt,
    net::SocketAddr,
    str::FromStr,
    sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError},
    time::Duration,
};

use bytes::Bytes;
use http::{HeaderMap, HeaderName, Method, Uri, Version, header};
use kmock_notation::{canonical_path, is_canonical};
use serde_json::Value;

pub use self::multipart::Part;
pub(crate) use self::multipart::summary as multipart_summary;
pub(crate) use self::{
    content::uncoded,
    head::{Head, Last},
    upload::Upload,
};
use crate::{
    criteria::{has_long, read_json},
    extras::Extras,
    journal::Record,
    own,
    wire::Wire,
};

mod content;
mod head;
mod multipart;
mod trailers;
mod upload;

/// A request as it came: head and body. A clone is a pointer.
///
/// Everything is decoded on demand and once: [`json`](Request::json), [`query`](Request::query) and
/// their kin never fail; what cannot be decoded is absent or null. Codings of the body (`content-encoding: gzip`, `deflate`,
/// `br`; feature `compression`) are undone for them, and charsets other than UTF-8 are read (feature `charset`).
///
/// ```
/// # async fn example(k: kmock_runtime::KMock) {
/// let hello = k.on("post /hello").status(204);
/// k.post("/hello?lang=en").json(serde_json::json!({ "name": "john" })).await;
///
/// let request = &hello.requests()[0];
/// assert_eq!(request.query("lang"), Some("en"));
/// assert_eq!(request.header("Content-Type"), Some("application/json"));
/// assert_eq!(request.json()["name"], "john");
/// # }
/// ```
#[derive(Clone)]
pub struct Request {
    inner: Arc<Inner>,
    /// What the path template of the rule that answers has captured.
    captures: Captures,
}

/// The connection of a request that wants another protocol.
pub(crate) struct Upgrade(Mutex<Option<hyper::upgrade::OnUpgrade>>);

impl Upgrade {
    pub(crate) fn new(upgrade: hyper::upgrade::OnUpgrade) -> Upgrade {
        Upgrade(Mutex::new(Some(upgrade)))
    }

    fn get(&self) -> MutexGuard<'_, Option<hyper::upgrade::OnUpgrade>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn take(&self) -> Option<hyper::upgrade::OnUpgrade> {
        self.get().take()
    }

    fn is_taken(&self) -> bool {
        self.get().is_none()
    }
}

/// Names and values captured by a path template.
pub(crate) type Captures = Option<Arc<Vec<(String, String)>>>;

struct Inner {
    id: u64,
    /// In nanoseconds.
    at: u64,
    head: Arc<Head>,
    body: Bytes,
    /// The size of the body as it came; the journal may keep less of it.
    size: usize,
    trailers: Option<Arc<HeaderMap>>,
    /// How its body came, where it was not there with the head.
    upload: Option<Arc<Upload>>,
    /// Whether there is nothing more to come.
    whole: bool,
    link: Option<Arc<Link>>,
    upgrade: Option<Box<Upgrade>>,
    /// Few requests are decoded, and each one stays in the journal: what is not needed shall not take up room.
    decoded: OnceLock<Box<Decoded>>,
    /// What becomes of it: for the journal, which spares an allocation that way.
    record: Record,
}

/// Where a request came from.
pub(crate) struct Link {
    /// `None`: it has no address, as the clients of a Unix socket.
    pub(crate) peer: Option<SocketAddr>,
    pub(crate) wire: Wire,
    /// Whether it has only come so far, and asked for nothing: what rules for connections look at.
    pub(crate) connection: bool,
    /// Whether the test itself asks through it, as was known when the first request came: later somebody else may have its address.
    pub(crate) own: OnceLock<bool>,
    /// What is kept with its server.
    #[cfg_attr(
        not(feature = "grpc"),
        expect(dead_code, reason = "no room keeps anything")
    )]
    pub(crate) extras: Arc<Extras>,
    #[cfg(feature = "tls")]
    pub(crate) secured: Option<crate::tls::Secured>,
}

impl Link {
    fn is_own(&self) -> bool {
        let is_own = || self.peer.is_some_and(own::is_own);
        *self.own.get_or_init(is_own)
    }
}

/// What was asked for in another form than it came.
#[derive(Default)]
struct Decoded {
    content: OnceLock<content::Content>,
    parts: OnceLock<Vec<Part>>,
    json: OnceLock<Option<Value>>,
    /// With the integers that are too long for `serde_json`, where there are any.
    exact_json: OnceLock<Option<Value>>,
    /// The headers that are no UTF-8, by name and by place among those of the name, as far as they can be read.
    lossy: OnceLock<Vec<(HeaderName, usize, String)>>,
    path: OnceLock<String>,
    query: OnceLock<Vec<(String, String)>>,
    form: OnceLock<Vec<(String, String)>>,
    /// What it means in a dialect.
    dialect: OnceLock<Box<dyn Any + Send + Sync>>,
}

impl Request {
    pub(crate) fn new(
        id: u64,
        at: Duration,
        head: Arc<Head>,
        body: Bytes,
        link: Option<Arc<Link>>,
        upgrade: Option<Upgrade>,
    ) -> Request {
        let body = head::own_body(body);
        if let Some(link) = &link {
            link.is_own();
        }
        Request {
            inner: Arc::new(Inner {
                id,
                at: u64::try_from(at.as_nanos()).unwrap_or(u64::MAX),
                head,
                size: body.len(),
                body,
                trailers: None,
                upload: None,
                whole: true,
                link,
                upgrade: upgrade.map(Box::new),
                decoded: OnceLock::new(),
                record: Record::new(),
            }),
            captures: None,
        }
    }

    /// The same request with only so much of its body: what the journal keeps. `None`: it has no more than that.
    pub(crate) fn cut(&self, most: usize) -> Option<Request> {
        let inner = &*self.inner;
        if inner.body.len() <= most {
            return None;
        }
        // A copy: a slice would keep the whole alive.
        let body = Bytes::copy_from_slice(&inner.body[..most]);
        let cut = Inner {
            id: inner.id,
            at: inner.at,
            head: Arc::clone(&inner.head),
            body,
            size: inner.size,
            trailers: inner.trailers.clone(),
            upload: inner.upload.clone(),
            whole: inner.whole,
            link: inner.link.clone(),
            upgrade: None,
            decoded: OnceLock::new(),
            record: Record::new(),
        };
        Some(Request {
            inner: Arc::new(cut),
            captures: self.captures.clone(),
        })
    }

    /// What is written down of it: of the one that the journal has.
    pub(crate) fn record(&self) -> &Record {
        match &self.inner.upload {
            Some(upload) => upload.record(),
            None => &self.inner.record,
        }
    }

    /// Changes what nobody else has seen yet.
    fn change(mut self, change: impl FnOnce(&mut Inner)) -> Request {
        if let Some(inner) = Arc::get_mut(&mut self.inner) {
            change(inner);
        }
        self
    }

    fn decoded(&self) -> &Decoded {
        self.inner.decoded.get_or_init(Box::default)
    }

    /// The size of the body as it came.
    pub(crate) fn size(&self) -> usize {
        self.inner.size
    }

    /// The number of the request at its server: 0 for the first.
    pub fn id(&self) -> u64 {
        self.inner.id
    }

    /// When it came, counted from the start of the server, on the runtime's clock.
    pub fn at(&self) -> Duration {
        Duration::from_nanos(self.inner.at)
    }

    /// The method.
    pub fn method(&self) -> &Method {
        &self.inner.head.method
    }

    /// The target as it came: path and query.
    pub fn uri(&self) -> &Uri {
        &self.inner.head.uri
    }

    /// The path and query as they came, e.g. `/search?q=rust`; of a CONNECT, host and port.
    pub fn target(&self) -> &str {
        let uri = &self.inner.head.uri;
        match (uri.path_and_query(), uri.authority()) {
            (Some(target), _) => target.as_str(),
            (None, Some(authority)) => authority.as_str(),
            (None, None) => "/",
        }
    }

    /// The path as it came, without the query.
    pub fn url_path(&self) -> &str {
        self.inner.head.uri.path()
    }

    /// The path as it is meant: what criteria compare.
    pub(crate) fn meant_path(&self) -> &str {
        let came = self.url_path();
        if is_canonical(came) {
            return came;
        }
        let meant = &self.decoded().path;
        meant.get_or_init(|| canonical_path(came).into_owned())
    }

    /// What the path template of the answering rule captured as `name`, or an empty text.
    pub fn path(&self, name: &str) -> &str {
        self.capture_text(name).unwrap_or_default()
    }

    /// What the path template captured as `name`, as a type: `req.capture::<u64>("id")`.
    pub fn capture<T: FromStr>(&self, name: &str) -> Option<T> {
        self.capture_text(name)?.parse().ok()
    }

    fn capture_text(&self, name: &str) -> Option<&str> {
        let captures = self.captures.as_ref()?;
        let (_, value) = captures.iter().find(|(key, _)| key == name)?;
        Some(value)
    }

    pub(crate) fn captures(&self) -> Captures {
        self.captures.clone()
    }

    pub(crate) fn with_captures(self, captures: Captures) -> Request {
        Request { captures, ..self }
    }

    /// The protocol version.
    pub fn version(&self) -> Version {
        self.inner.head.version
    }

    /// All headers.
    pub fn headers(&self) -> &HeaderMap {
        &self.inner.head.headers
    }

    /// The first value of a header. Names are case-insensitive; bytes that are no UTF-8 are replaced, as headers may have
    /// any (RFC 9110, 5.5): [`headers`](Request::headers) has them as they came.
    pub fn header(&self, name: &str) -> Option<&str> {
        self.header_values(name).next()
    }

    /// All values of a header in order, as [`header`](Request::header) has them.
    pub fn header_values(&self, name: &str) -> impl Iterator<Item = &str> {
        let values = self.headers().get_all(name).into_iter().enumerate();
        let name = HeaderName::from_bytes(name.as_bytes()).ok();
        values.map(
            move |(nth, value)| match std::str::from_utf8(value.as_bytes()) {
                Ok(text) => text,
                Err(_) => name.as_ref().map_or("", |name| self.lossy(name, nth)),
            },
        )
    }

    /// What can be read of a header that is no UTF-8.
    fn lossy(&self, name: &HeaderName, nth: usize) -> &str {
        let all = self.decoded().lossy.get_or_init(|| {
            let mut all = Vec::new();
            for name in self.headers().keys() {
                for (nth, value) in self.headers().get_all(name).into_iter().enumerate() {
                    let text = String::from_utf8_lossy(value.as_bytes());
                    if let Cow::Owned(text) = text {
                        all.push((name.clone(), nth, text));
                    }
                }
            }
            all
        });
        let found = all.iter().find(|(key, at, _)| key == name && *at == nth);
        found.map_or("", |(_, _, text)| text)
    }

    /// The host that the client believes to talk to, without the port.
    pub fn host(&self) -> Option<&str> {
        let host = self.uri().host().or_else(|| self.header("host"))?;
        // An IPv6 address keeps its brackets; only a port after them is cut off.
        match host.rfind(':') {
            Some(colon) if !host[colon..].contains(']') => Some(&host[..colon]),
            _ => Some(host),
        }
    }

    /// A cookie by its name.
    pub fn cookie(&self, name: &str) -> Option<&str> {
        self.cookies()
            .find(|(key, _)| *key == name)
            .map(|(_, value)| value)
    }

    /// All cookies, in order.
    pub fn cookies(&self) -> impl Iterator<Item = (&str, &str)> {
        self.header_values(header::COOKIE.as_str())
            .flat_map(|line| line.split(';'))
            .filter_map(|pair| pair.trim().split_once('='))
    }

    /// The first value of a query parameter, decoded.
    pub fn query(&self, name: &str) -> Option<&str> {
        self.queries()
            .iter()
            .find(|(key, _)| key == name)
            .map(|(_, value)| value.as_str())
    }

    /// All query parameters in order, decoded. Empty pairs (`?&a=b`) are left out.
    pub fn queries(&self) -> &[(String, String)] {
        self.decoded()
            .query
            .get_or_init(|| decode_pairs(self.uri().query().unwrap_or_default()))
    }

    /// The first value of a field of a form, urlencoded or multipart.
    pub fn form(&self, name: &str) -> Option<&str> {
        self.forms()
            .iter()
            .find(|(key, _)| key == name)
            .map(|(_, value)| value.as_str())
    }

    /// All fields of a form in order, urlencoded or multipart; empty where the body is none. Bytes that are no UTF-8 are
    /// replaced; files are fields, too, and [`parts`](Request::parts) has them as they came.
    pub fn forms(&self) -> &[(String, String)] {
        self.decoded().form.get_or_init(|| {
            let kind = self.header("content-type").unwrap_or_default();
            if multipart::is_multipart(kind) {
                let text = |part: &Part| Some((part.name.clone()?, part.text().into_owned()));
                return self.parts().iter().filter_map(text).collect();
            }
            if !is_urlencoded(kind) || self.is_coded() {
                return Vec::new();
            }
            let body = self.decoded_body();
            content::pairs_in(kind, body)
                .unwrap_or_else(|_| decode_pairs(&String::from_utf8_lossy(body)))
        })
    }

    /// The parts of a multipart body, files included; empty where the body is none.
    pub fn parts(&self) -> &[Part] {
        self.decoded().parts.get_or_init(|| {
            let kind = self.header("content-type").unwrap_or_default();
            match self.is_coded() {
                true => Vec::new(),
                false => multipart::parse(kind, self.decoded_body()),
            }
        })
    }

    /// Whether all of the body has come, or as much of it as the answering rule waits for. While it has not, or when it broke
    /// off, [`body`](Request::body) is what came so far, and criteria that ask for the body do not hold.
    pub fn is_whole(&self) -> bool {
        self.inner.whole
    }

    /// The body as it came, and [the whole of it](Request::is_whole) wherever rules are asked.
    pub fn body(&self) -> &Bytes {
        &self.inner.body
    }

    /// The body without its content codings (RFC 9110, 8.4): what is said of it in texts, forms, parts and JSON. As it came
    /// where it has none, or one that is not known, or that it is not in.
    pub fn decoded_body(&self) -> &Bytes {
        match self.content() {
            Some(content) => &content.body,
            None => self.body(),
        }
    }

    /// What a body in a coding or in a charset of its own means.
    fn content(&self) -> Option<&content::Content> {
        let (headers, body) = (self.headers(), self.body());
        if content::is_plain(headers) {
            return None;
        }
        let content = &self.decoded().content;
        let whole = self.size() == body.len();
        Some(content.get_or_init(|| content::Content::of(headers, body, whole)))
    }

    /// Why the body could not be decoded, for people.
    pub(crate) fn odd_content(&self) -> Option<&str> {
        self.content()?.odd.as_deref()
    }

    /// Whether the body is in a coding that could not be undone: then it is no text, no form and no JSON.
    pub(crate) fn is_coded(&self) -> bool {
        self.content().is_some_and(|content| content.coded)
    }

    /// The decoded body in UTF-8, as far as it is a text.
    fn utf8(&self) -> &Bytes {
        match self.content() {
            Some(content) => content.utf8(),
            None => self.body(),
        }
    }

    /// What JSON is read from: a mark of the order of bytes before it is not of it (RFC 8259, 8.1).
    pub(crate) fn json_text(&self) -> &[u8] {
        if self.is_coded() {
            return b"";
        }
        let text = self.utf8();
        text.strip_prefix(b"\xef\xbb\xbf").unwrap_or(text)
    }

    /// The decoded body as text; what is not UTF-8, or of the charset that the content type names, is replaced.
    pub fn text(&self) -> Cow<'_, str> {
        String::from_utf8_lossy(self.utf8())
    }

    /// The body as JSON; null where it is none.
    pub fn json(&self) -> &Value {
        self.json_body().unwrap_or(&Value::Null)
    }

    /// The body as JSON, if it is JSON.
    pub(crate) fn json_body(&self) -> Option<&Value> {
        self.decoded()
            .json
            .get_or_init(|| serde_json::from_slice(self.json_text()).ok())
            .as_ref()
    }

    /// The body as criteria compare it: integers that are too long for `serde_json` are marked.
    pub(crate) fn exact_json(&self) -> Option<&Value> {
        if !has_long(self.json_text()) {
            return self.json_body();
        }
        let decoded = self.decoded();
        decoded
            .exact_json
            .get_or_init(|| read_json(self.json_text()))
            .as_ref()
    }

    /// The body read into a type.
    ///
    /// # Errors
    /// Those of serde: no JSON, or another shape.
    pub fn parse<'a, T: serde_core::Deserialize<'a>>(&'a self) -> Result<T, serde_json::Error> {
        serde_json::from_slice(self.json_text())
    }

    /// What came after the body.
    pub fn trailers(&self) -> &HeaderMap {
        static NONE: OnceLock<HeaderMap> = OnceLock::new();
        match &self.inner.trailers {
            Some(trailers) => trailers,
            None => NONE.get_or_init(HeaderMap::new),
        }
    }

    /// The same request with what came after its body.
    pub(crate) fn with_trailers(self, trailers: Option<HeaderMap>) -> Request {
        match trailers {
            Some(trailers) => self.change(|inner| inner.trailers = Some(Arc::new(trailers))),
            None => self,
        }
    }

    /// The address of the client.
    pub fn peer(&self) -> Option<SocketAddr> {
        self.inner.link.as_ref()?.peer
    }

    /// Whether the test itself asks, by the embedded client.
    pub(crate) fn is_own(&self) -> bool {
        self.inner.link.as_ref().is_some_and(|link| link.is_own())
    }

    /// `https` where the connection is a secure one, and otherwise `http`.
    pub fn scheme(&self) -> &'static str {
        #[cfg(feature = "tls")]
        if self.secured().is_some() {
            return "https";
        }
        "http"
    }

    /// The certificate that the client has presented.
    #[cfg(feature = "tls")]
    pub fn client_cert(&self) -> Option<&crate::tls::ClientCert> {
        self.secured()?.client_cert.as_ref()
    }

    /// The version of TLS that is spoken.
    #[cfg(feature = "tls")]
    pub fn tls_version(&self) -> Option<crate::tls::Version> {
        self.secured()?.version
    }

    /// The host that the client asked for in the handshake (SNI).
    #[cfg(feature = "tls")]
    pub fn server_name(&self) -> Option<&str> {
        self.secured()?.server_name.as_deref()
    }

    /// The protocol that was agreed on in the handshake (ALPN): `h2` or `http/1.1`.
    #[cfg(feature = "tls")]
    pub fn alpn(&self) -> Option<&str> {
        self.secured()?.protocol.as_deref()
    }

    #[cfg(feature = "tls")]
    fn secured(&self) -> Option<&crate::tls::Secured> {
        self.inner.link.as_ref()?.secured.as_ref()
    }

    /// The connection itself, for whoever takes it over first.
    pub(crate) fn take_upgrade(&self) -> Option<hyper::upgrade::OnUpgrade> {
        self.inner.upgrade.as_ref()?.take()
    }

    /// Whether somebody has taken over the connection.
    pub(crate) fn is_taken_over(&self) -> bool {
        let upgrade = self.inner.upgrade.as_ref();
        upgrade.is_some_and(|upgrade| upgrade.is_taken())
    }

    /// Lets go of the connection: who waits for it would keep the socket for ever.
    pub(crate) fn decline_upgrade(&self) {
        let upgrade = self.inner.upgrade.as_ref();
        drop(upgrade.and_then(|upgrade| upgrade.take()));
    }

    /// The connection underneath: the hand that faults pull.
    pub(crate) fn wire(&self) -> Option<&Wire> {
        Some(&self.inner.link.as_ref()?.wire)
    }

    /// Whether it is a call of gRPC: a POST of the content type `application/grpc`.
    pub(crate) fn is_grpc(&self) -> bool {
        let kind = self.header("content-type").unwrap_or_default();
        let kind = kind.split(';').next().unwrap_or_default().trim();
        let grpc = kind == "application/grpc" || kind.starts_with("application/grpc+");
        grpc && self.method() == Method::POST
    }

    /// What rooms of their own keep with the server.
    #[cfg(feature = "grpc")]
    pub(crate) fn extras(&self) -> Option<&Extras> {
        Some(&self.inner.link.as_ref()?.extras)
    }

    /// Whether this is no request, but a connection that comes in.
    pub(crate) fn is_connection(&self) -> bool {
        let link = self.inner.link.as_ref();
        link.is_some_and(|link| link.connection)
    }

    /// What the request means in a dialect, which reads it once. There is one dialect.
    #[allow(dead_code, reason = "without an emulator there is no dialect")]
    pub(crate) fn in_dialect<T: Any + Send + Sync>(
        &self,
        read: impl FnOnce(&Request) -> T,
    ) -> Option<&T> {
        self.decoded()
            .dialect
            .get_or_init(|| Box::new(read(self)))
            .downcast_ref()
    }

    /// The request as the `http` crate has it, for other handlers.
    pub fn to_http(&self) -> http::Request<Bytes> {
        let mut head = http::Request::new(()).into_parts().0;
        head.method = self.method().clone();
        head.uri = self.uri().clone();
        head.version = self.version();
        head.headers = self.headers().clone();
        #[cfg(feature = "tls")]
        if let Some(certificate) = self.client_cert() {
            head.extensions.insert(certificate.clone());
        }
        http::Request::from_parts(head, self.body().clone())
    }
}

impl fmt::Debug for Request {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "#{} {} {}", self.id(), self.method(), self.target())
    }
}

/// The value of the header `Authorization` with which clients say a user and a password (RFC 7617), in patterns and in requests.
///
/// ```
/// # use kmock_runtime as kmock;
/// use kmock::{Filter, request::basic_auth};
///
/// assert_eq!(basic_auth("id", "secret"), "Basic aWQ6c2VjcmV0");
/// let known = Filter::header("authorization", basic_auth("id", "secret"));
/// ```
pub fn basic_auth(user: &str, password: &str) -> String {
    use base64::{Engine, prelude::BASE64_STANDARD};

    format!(
        "Basic {}",
        BASE64_STANDARD.encode(format!("{user}:{password}"))
    )
}

/// Whether a content type is that of forms; its letters may be of any case (RFC 9110, 8.3.1).
fn is_urlencoded(kind: &str) -> bool {
    let essence = kind.split(';').next().unwrap_or_default().trim();
    essence.eq_ignore_ascii_case("application/x-www-form-urlencoded")
}

/// `a=b&c=d` with `+` for space and `%XX`, as forms and queries have it (WHATWG URL, urlencoded parsing).
fn decode_pairs(text: &str) -> Vec<(String, String)> {
    form_urlencoded::parse(text.as_bytes())
        .into_owned()
        .collect()
}
