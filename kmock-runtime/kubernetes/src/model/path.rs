//! What a request asks for: method and URL read as an API server reads them.
//!
//! Pure: nothing here knows which resources exist. Rules as in `k8s.io/apiserver/pkg/endpoints/request`.

use std::borrow::Cow;

use http::{Method, Uri};

/// What is done to a resource, in Kubernetes' words.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Verb {
    /// GET of an object.
    Get,
    /// GET of a collection.
    List,
    /// GET of a collection with `watch=true`, or of an old `/watch/` path.
    Watch,
    /// POST.
    Create,
    /// PUT.
    Update,
    /// PATCH.
    Patch,
    /// DELETE of an object.
    Delete,
    /// DELETE of a collection.
    DeleteCollection,
    /// HEAD, OPTIONS and whatever else HTTP allows: no verb of resources.
    Other,
}

impl Verb {
    /// The verb's name, lower case as in RBAC rules.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Get => "get",
            Self::List => "list",
            Self::Watch => "watch",
            Self::Create => "create",
            Self::Update => "update",
            Self::Patch => "patch",
            Self::Delete => "delete",
            Self::DeleteCollection => "deletecollection",
            Self::Other => "",
        }
    }

    /// Whether it changes state.
    pub fn is_write(self) -> bool {
        matches!(
            self,
            Self::Create | Self::Update | Self::Patch | Self::Delete | Self::DeleteCollection
        )
    }
}

/// A request for a resource. Everything is percent-decoded; absent parts are empty or `None`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ApiRequest {
    /// The HTTP method.
    pub method: Method,
    /// The verb.
    pub verb: Verb,
    /// API group; empty is the core group (`/api/…`).
    pub group: String,
    /// API version.
    pub version: String,
    /// The namespace, if the path has one. Of `/api/v1/namespaces/x` it is `None`: that is the object `x`.
    pub namespace: Option<String>,
    /// The resource's plural name.
    pub resource: String,
    /// The object's name.
    pub name: Option<String>,
    /// The subresource.
    pub subresource: Option<String>,
    /// What stands behind the subresource, as in `pods/x/proxy/a/b`: `["a", "b"]`.
    pub rest: Vec<String>,
    /// An old `/watch/` path.
    pub watch_path: bool,
    /// The path ends with a slash.
    pub trailing_slash: bool,
    /// The query.
    pub query: Query,
}

impl ApiRequest {
    /// Reads a request; `None` if it is not one for a resource (discovery, health, anything else).
    pub fn parse(method: &Method, uri: &Uri) -> Option<Self> {
        let path = decoded(uri);
        let trailing_slash = path.len() > 1 && path.ends_with('/');
        let trimmed = path.strip_prefix('/')?.trim_end_matches('/');
        let parts: Vec<&str> = trimmed.split('/').collect();
        let (group, version, mut parts) = match parts.as_slice() {
            ["api", version, rest @ ..] => ("", *version, rest),
            ["apis", group, version, rest @ ..] => (*group, *version, rest),
            _ => return None,
        };
        let mut watch_path = false;
        if let ["watch", rest @ ..] = parts
            && !rest.is_empty()
        {
            (watch_path, parts) = (true, rest);
        }
        let mut namespace = None;
        if let ["namespaces", within, rest @ ..] = parts
            && let Some(next) = rest.first()
        {
            let is_subresource = matches!(*next, "status" | "finalize");
            // `/apis/<group>/…/namespaces/x/status` can only be a resource called `status`; nobody has one.
            if !(is_subresource && group.is_empty()) {
                (namespace, parts) = (Some((*within).to_owned()), rest);
            }
        }
        let mut parts = parts.iter().map(|part| (*part).to_owned());
        let resource = parts.next().filter(|x| !x.is_empty())?;
        let name = parts.next();
        let subresource = parts.next();
        let query = Query::parse(uri.query().unwrap_or_default());
        let verb = match (method, &name) {
            (&Method::GET, _) if watch_path => Verb::Watch,
            (&Method::GET, Some(_)) => Verb::Get,
            (&Method::GET, None) if query.flag("watch") => Verb::Watch,
            (&Method::GET, None) => Verb::List,
            (&Method::POST, _) => Verb::Create,
            (&Method::PUT, _) => Verb::Update,
            (&Method::PATCH, _) => Verb::Patch,
            (&Method::DELETE, Some(_)) => Verb::Delete,
            (&Method::DELETE, None) => Verb::DeleteCollection,
            _ => Verb::Other,
        };
        Some(Self {
            method: method.clone(),
            verb,
            group: group.to_owned(),
            version: version.to_owned(),
            namespace,
            resource,
            name,
            subresource,
            rest: parts.collect(),
            watch_path,
            trailing_slash,
            query,
        })
    }

    /// `v1` or `group/v1`.
    pub fn api_version(&self) -> String {
        if self.group.is_empty() {
            self.version.clone()
        } else {
            format!("{}/{}", self.group, self.version)
        }
    }

    /// The object's name, or an empty text.
    pub fn name(&self) -> &str {
        self.name.as_deref().unwrap_or_default()
    }

    /// The namespace, or an empty text.
    pub fn namespace(&self) -> &str {
        self.namespace.as_deref().unwrap_or_default()
    }

    /// The subresource, or an empty text.
    pub fn subresource(&self) -> &str {
        self.subresource.as_deref().unwrap_or_default()
    }
}

/// A parsed query string; keys may repeat, order is kept.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Query {
    pairs: Vec<(String, String)>,
}

impl Query {
    /// Reads `a=b&c`; `+` is a space. As in Go, pairs that are empty, have a semicolon or a broken escape are skipped.
    pub fn parse(text: &str) -> Self {
        let pairs = text
            .split('&')
            .filter(|pair| !pair.is_empty() && !pair.contains(';'))
            .filter_map(|pair| {
                let (key, value) = pair.split_once('=').unwrap_or((pair, ""));
                Some((decode(key, true)?, decode(value, true)?))
            })
            .collect();
        Self { pairs }
    }

    /// The first value of a key.
    pub fn get(&self, key: &str) -> Option<&str> {
        self.pairs
            .iter()
            .find(|(k, _)| k == key)
            .map(|(_, v)| v.as_str())
    }

    /// All values of a key.
    pub fn all<'a>(&'a self, key: &'a str) -> impl Iterator<Item = &'a str> + 'a {
        self.pairs
            .iter()
            .filter(move |(k, _)| k == key)
            .map(|(_, v)| v.as_str())
    }

    /// Whether a key is there at all.
    pub fn has(&self, key: &str) -> bool {
        self.get(key).is_some()
    }

    /// A boolean as the API server converts it: absent, `false` and `0` are false; all else, even nothing, is true.
    pub fn flag(&self, key: &str) -> bool {
        self.get(key)
            .is_some_and(|value| value != "0" && !value.eq_ignore_ascii_case("false"))
    }

    /// All pairs in order.
    pub fn iter(&self) -> impl Iterator<Item = (&str, &str)> {
        self.pairs.iter().map(|(k, v)| (k.as_str(), v.as_str()))
    }
}

/// The path by which routes are found: without its escapes.
pub fn decoded(uri: &Uri) -> Cow<'_, str> {
    let path = uri.path();
    match path.contains('%') {
        true => decode(path, false).map_or(path.into(), Cow::Owned),
        false => path.into(),
    }
}

/// Whether a path ends where the object of an old `/watch/` or `/proxy/` path should begin.
pub fn lacks_an_object(path: &str) -> bool {
    let Some((before, "watch" | "proxy")) = path.trim_matches('/').rsplit_once('/') else {
        return false;
    };
    let segments: Vec<&str> = before.split('/').collect();
    matches!(segments.as_slice(), ["api", _] | ["apis", _, _])
}

/// Reads the escapes of a URL's part; `None` if one is broken.
pub(crate) fn decode(text: &str, plus: bool) -> Option<String> {
    if !text.contains(['%', '+']) {
        return Some(text.to_owned());
    }
    let digit = |byte: Option<u8>| char::from(byte?).to_digit(16);
    let mut out = Vec::with_capacity(text.len());
    let mut bytes = text.bytes();
    while let Some(byte) = bytes.next() {
        out.push(match byte {
            b'+' if plus => b' ',
            b'%' => {
                let high = digit(bytes.next())?;
                let low = digit(bytes.next())?;
                u8::try_from(high * 16 + low).ok()?
            }
            other => other,
        });
    }
    Some(String::from_utf8_lossy(&out).into_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(method: &str, uri: &str) -> ApiRequest {
        let method: Method = method.parse().expect("a method");
        ApiRequest::parse(&method, &uri.parse().expect("a URI")).expect("a resource request")
    }

    #[test]
    fn verbs_and_parts() {
        let r = parse(
            "GET",
            "/apis/apps/v1/namespaces/a/deployments/web/scale?x=1",
        );
        assert_eq!(
            (
                r.verb,
                r.group.as_str(),
                r.namespace(),
                r.name(),
                r.subresource()
            ),
            (Verb::Get, "apps", "a", "web", "scale")
        );
        assert_eq!(parse("GET", "/api/v1/pods?watch=1").verb, Verb::Watch);
        assert_eq!(parse("GET", "/api/v1/pods?watch=false").verb, Verb::List);
        assert_eq!(
            parse("GET", "/api/v1/watch/namespaces/a/pods").verb,
            Verb::Watch
        );
        assert_eq!(
            parse("DELETE", "/api/v1/namespaces/a/pods").verb,
            Verb::DeleteCollection
        );
        let r = parse("PUT", "/api/v1/namespaces/a/finalize");
        assert_eq!(
            (
                r.resource.as_str(),
                r.name(),
                r.subresource(),
                r.namespace.as_deref()
            ),
            ("namespaces", "a", "finalize", None)
        );
        assert_eq!(
            parse("GET", "/api/v1/namespaces/a/pods/x%20y").name(),
            "x y"
        );
        let r = parse("GET", "/%61pi/v1/namespaces/a%2Fpods");
        assert_eq!((r.namespace(), r.resource.as_str()), ("a", "pods"));
        assert!(lacks_an_object("/apis/apps/v1/watch/") && !lacks_an_object("/api/v1/watch/pods"));
    }

    #[test]
    fn other_paths_are_not_requests_for_resources() {
        for path in [
            "/api",
            "/api/v1",
            "/apis/apps",
            "/apis/apps/v1",
            "/healthz",
            "/",
        ] {
            assert!(
                ApiRequest::parse(&Method::GET, &path.parse().expect("a URI")).is_none(),
                "{path}"
            );
        }
    }

    #[test]
    fn queries() {
        let q = Query::parse("?&a=b%2Bc+d&flag&a=2");
        assert_eq!(q.get("a"), Some("b+c d"));
        assert!(q.flag("flag") && !q.flag("other"));
        assert_eq!(q.all("a").count(), 2);
        assert_eq!(Query::parse("a=%zz&b=1;2&c=%4").iter().count(), 0);
    }
}
