//! Content negotiation: which representation an `Accept` header asks for, and the two refusals (406) that exist.
//!
//! Built-in resources sit behind a router that only compares media types ("Available representations: …"); behind
//! it, and for everything else, parameters count too ("only the following media types are accepted: …"). The rules
//! are those of `k8s.io/apiserver/pkg/endpoints/handlers/negotiation` and of go-restful.
//!
//! Custom resources have no protobuf form: clauses that ask for one are passed over, except for metadata alone.

use http::HeaderMap;

use crate::model::resource::Resource;
use crate::model::status::{ApiError, Details};
use crate::wire::protobuf;

/// What the server says it can write.
pub const MEDIA_TYPES: [&str; 3] = ["application/json", "application/yaml", PROTOBUF];
/// What it can write as a stream.
pub const STREAM_TYPES: [&str; 2] = [
    "application/json;stream=watch",
    "application/vnd.kubernetes.protobuf;stream=watch",
];
const PROTOBUF: &str = protobuf::CONTENT_TYPE;

/// The encoding of an answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Format {
    /// `application/json`
    Json,
    /// `application/yaml`
    Yaml,
    /// `application/vnd.kubernetes.protobuf`
    Protobuf,
}

impl Format {
    /// The content type.
    pub fn content_type(self) -> &'static str {
        match self {
            Self::Json => "application/json",
            Self::Yaml => "application/yaml",
            Self::Protobuf => PROTOBUF,
        }
    }
}

/// Another kind of object than the one that is stored (`as=…;g=…;v=…`).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum AcceptedAs {
    /// `Table`
    Table(MetaVersion),
    /// `PartialObjectMetadata`
    PartialObjectMetadata(MetaVersion),
    /// `PartialObjectMetadataList`
    PartialObjectMetadataList(MetaVersion),
    /// `APIGroupDiscoveryList`: aggregated discovery.
    AggregatedDiscovery,
}

/// The versions of `meta.k8s.io`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum MetaVersion {
    /// `v1`
    V1,
    /// `v1beta1`
    V1Beta1,
}

impl MetaVersion {
    /// `meta.k8s.io/v1` or its beta.
    pub fn api_version(self) -> &'static str {
        match self {
            Self::V1 => "meta.k8s.io/v1",
            Self::V1Beta1 => "meta.k8s.io/v1beta1",
        }
    }
}

/// Who asks: endpoints differ in the targets that they know.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Endpoint {
    /// Objects and lists.
    Resource,
    /// The same of a resource without a protobuf form.
    Custom,
    /// The same of a resource or subresource without tables: reviews, bindings, tokens.
    Untabled,
    /// Answers without other forms: errors, legacy discovery.
    Plain,
    /// Aggregated discovery and nothing else.
    Discovery,
}

/// The outcome of a negotiation.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Accepted {
    /// The encoding.
    pub format: Format,
    /// The kind, if it is not the object's own.
    pub target: Option<AcceptedAs>,
    /// Indented for humans.
    pub pretty: bool,
}

impl Accepted {
    /// Plain JSON.
    pub const JSON: Self = Self {
        format: Format::Json,
        target: None,
        pretty: false,
    };
}

/// The `Accept` header, empty if there is none. The first one counts.
pub fn header(headers: &HeaderMap) -> &str {
    headers
        .get(http::header::ACCEPT)
        .and_then(|value| value.to_str().ok())
        .unwrap_or_default()
}

/// Negotiates for an endpoint; the failure is the 406 of those who look at parameters.
pub fn negotiate(accept: &str, endpoint: Endpoint) -> Result<Accepted, ApiError> {
    if accept.is_empty() && endpoint != Endpoint::Discovery {
        return Ok(Accepted::JSON);
    }
    for clause in clauses(accept) {
        for (media_type, format) in
            MEDIA_TYPES
                .into_iter()
                .zip([Format::Json, Format::Yaml, Format::Protobuf])
        {
            if !clause.covers(media_type) || format == Format::Yaml && !cfg!(feature = "yaml") {
                continue;
            }
            if let Some(accepted) = clause.options(media_type, endpoint) {
                return Ok(Accepted { format, ..accepted });
            }
        }
    }
    Err(ApiError::not_acceptable(&MEDIA_TYPES))
}

/// What a page about the server itself is asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Page {
    /// Text for people.
    Text,
    /// An object of a version of `config.k8s.io`.
    Object {
        /// The version.
        version: &'static str,
        /// Its encoding.
        accepted: Accepted,
    },
}

/// Negotiates for `/statusz` and `/flagz`, whose objects must be asked for by kind.
pub fn negotiate_page(accept: &str, kind: &str) -> Result<Page, ApiError> {
    if accept.trim().is_empty() {
        return Ok(Page::Text);
    }
    for clause in clauses(accept) {
        let param = |name: &str| {
            let found = clause.params.iter().find(|(key, _)| *key == name);
            found.map(|(_, value)| *value)
        };
        let wanted = (param("as"), param("g"), param("v"));
        for (media_type, format) in [
            ("application/json", Some(Format::Json)),
            ("application/yaml", Some(Format::Yaml)),
            ("text/plain", None),
        ] {
            if !clause.covers(media_type) {
                continue;
            }
            let version = match wanted {
                (Some(name), Some("config.k8s.io"), Some(version)) if name == kind => {
                    ["v1alpha1", "v1beta1"]
                        .into_iter()
                        .find(|known| *known == version)
                }
                _ => None,
            };
            match (format, version, wanted) {
                (None, _, (None, None, None)) => return Ok(Page::Text),
                (Some(Format::Yaml), ..) if !cfg!(feature = "yaml") => {}
                (Some(format), Some(version), _) => {
                    let pretty = param("pretty") == Some("1");
                    let accepted = Accepted {
                        format,
                        target: None,
                        pretty,
                    };
                    return Ok(Page::Object { version, accepted });
                }
                _ => {}
            }
        }
    }
    Err(ApiError::not_acceptable(&PAGE_TYPES))
}

/// What `/statusz` and `/flagz` can write.
const PAGE_TYPES: [&str; 3] = ["application/json", "application/yaml", "text/plain"];

/// Negotiates for a watch: YAML cannot be streamed.
pub fn negotiate_stream(accept: &str, endpoint: Endpoint) -> Result<Accepted, ApiError> {
    match negotiate(accept, endpoint)? {
        Accepted {
            format: Format::Yaml,
            ..
        } => Err(ApiError::not_acceptable(&STREAM_TYPES)),
        accepted => Ok(accepted),
    }
}

/// The kind of endpoint that a resource is.
pub fn endpoint_of(resource: &Resource) -> Endpoint {
    let known = resource.is_built_in()
        && protobuf::type_of(&resource.group, &resource.version, &resource.kind).is_some();
    if known {
        Endpoint::Resource
    } else {
        Endpoint::Custom
    }
}

/// The router's check in front of built-in resources and discovery: some media type of the header must be one that
/// is produced, whatever its parameters. Collections can also produce streams.
pub fn check_router(accept: &str, streams: bool) -> Result<(), ApiError> {
    let streams = STREAM_TYPES.iter().filter(|_| streams);
    let produced: Vec<&str> = MEDIA_TYPES.iter().chain(streams).copied().collect();
    check_produces(accept, &produced)
}

/// The same for a route with media types of its own.
pub fn check_produces(accept: &str, produced: &[&str]) -> Result<(), ApiError> {
    let wanted = if accept.is_empty() { "*/*" } else { accept };
    let fits = wanted.split(',').any(|part| {
        let media_type = part.split(';').next().unwrap_or_default().trim_matches(' ');
        media_type == "*/*" || produced.contains(&media_type)
    });
    if fits {
        return Ok(());
    }
    let message = format!(
        "406: Not Acceptable\n\nAvailable representations: {}",
        produced.join(", ")
    );
    Err(ApiError::new(406, "NotAcceptable", message).with_details(Details::default()))
}

/// One choice of an `Accept` header.
#[derive(Debug, Clone)]
struct Clause<'a> {
    kind: &'a str,
    subtype: &'a str,
    quality: f32,
    params: Vec<(&'a str, &'a str)>,
}

impl Clause<'_> {
    fn covers(&self, media_type: &str) -> bool {
        let (kind, subtype) = media_type.split_once('/').unwrap_or((media_type, ""));
        match (self.kind, self.subtype) {
            ("*", "*") => true,
            (k, "*") => k == kind,
            (k, s) => k == kind && s == subtype,
        }
    }

    /// What the parameters ask for, if the endpoint can give it.
    fn options(&self, media_type: &str, endpoint: Endpoint) -> Option<Accepted> {
        let (mut name, mut group, mut version) = (None, None, None);
        let mut pretty = false;
        for &(key, value) in &self.params {
            match key {
                "as" => name = Some(value),
                "g" => group = Some(value),
                "v" => version = Some(value),
                "stream"
                    if !value.is_empty()
                        && (value != "watch" || media_type == "application/yaml") =>
                {
                    return None;
                }
                "sv" if !value.is_empty()
                    && (value != "v1"
                        || matches!(endpoint, Endpoint::Plain | Endpoint::Discovery)) =>
                {
                    return None;
                }
                "pretty" => pretty = value == "1",
                _ => {}
            }
        }
        let target = if name.is_some() || group.is_some() || version.is_some() {
            Some(target(
                name.unwrap_or_default(),
                group.unwrap_or_default(),
                version.unwrap_or_default(),
            )?)
        } else {
            None
        };
        let allowed = match endpoint {
            Endpoint::Resource | Endpoint::Custom | Endpoint::Untabled => match target {
                Some(AcceptedAs::Table(_)) => {
                    media_type != PROTOBUF && endpoint != Endpoint::Untabled
                }
                Some(AcceptedAs::AggregatedDiscovery) => false,
                None => media_type != PROTOBUF || endpoint != Endpoint::Custom,
                Some(_) => true,
            },
            Endpoint::Plain => target.is_none(),
            Endpoint::Discovery => target == Some(AcceptedAs::AggregatedDiscovery),
        };
        allowed.then_some(Accepted {
            format: Format::Json,
            target,
            pretty,
        })
    }

    /// The server's order of preference, which is no order in the strict sense: a definite type comes before a
    /// wildcard even if it is wanted less.
    fn before(&self, other: &Self) -> bool {
        self.quality > other.quality
            || self.kind != "*" && other.kind == "*"
            || self.subtype != "*" && other.subtype == "*"
    }
}

fn target(name: &str, group: &str, version: &str) -> Option<AcceptedAs> {
    if (name, group, version) == ("APIGroupDiscoveryList", "apidiscovery.k8s.io", "v2") {
        return Some(AcceptedAs::AggregatedDiscovery);
    }
    let version = match (group, version) {
        ("meta.k8s.io", "v1") => MetaVersion::V1,
        ("meta.k8s.io", "v1beta1") => MetaVersion::V1Beta1,
        _ => return None,
    };
    match name {
        "Table" => Some(AcceptedAs::Table(version)),
        "PartialObjectMetadata" => Some(AcceptedAs::PartialObjectMetadata(version)),
        "PartialObjectMetadataList" => Some(AcceptedAs::PartialObjectMetadataList(version)),
        _ => None,
    }
}

fn clauses(accept: &str) -> Vec<Clause<'_>> {
    let mut clauses: Vec<Clause<'_>> = Vec::new();
    for part in accept.split(',') {
        let mut pieces = part.split(';');
        let media_type = pieces.next().unwrap_or_default().trim_matches(' ');
        let (kind, subtype) = match media_type.split_once('/') {
            None | Some((_, "")) if media_type.trim_end_matches('/').trim() == "*" => ("*", "*"),
            None | Some((_, "")) => continue,
            Some((_, subtype)) if subtype.contains('/') => continue,
            Some((kind, subtype)) => (kind.trim_matches(' '), subtype.trim_matches(' ')),
        };
        let mut clause = Clause {
            kind,
            subtype,
            quality: 1.0,
            params: Vec::new(),
        };
        for piece in pieces {
            let Some((key, value)) = piece
                .split_once('=')
                .filter(|(_, v)| !v.is_empty() && !v.contains('='))
            else {
                continue;
            };
            match key.trim_matches(' ') {
                "q" => clause.quality = value.parse().unwrap_or(0.0),
                key => clause.params.push((key, value.trim_matches(' '))),
            }
        }
        // An insertion sort, as Go's for short slices: with this order, the algorithm shows.
        let mut at = clauses.len();
        while at > 0
            && clauses
                .get(at - 1)
                .is_some_and(|previous| clause.before(previous))
        {
            at -= 1;
        }
        clauses.insert(at, clause);
    }
    clauses
}

#[cfg(test)]
mod tests {
    use super::*;

    fn resource(accept: &str) -> Result<Accepted, String> {
        negotiate(accept, Endpoint::Resource).map_err(|error| error.message)
    }

    const META: &str = "v=v1;g=meta.k8s.io";

    #[test]
    fn formats() {
        for accept in [
            "",
            "*/*",
            "*",
            "application/json",
            "application/xml, application/json",
            "application/*",
        ] {
            assert_eq!(resource(accept), Ok(Accepted::JSON), "{accept}");
        }
        if cfg!(feature = "yaml") {
            for accept in [
                "application/yaml",
                "application/json;q=0.2, application/yaml;q=0.9",
                "*/*, application/yaml;q=0.1",
            ] {
                assert_eq!(
                    resource(accept).map(|a| a.format),
                    Ok(Format::Yaml),
                    "{accept}"
                );
            }
        }
        let protobuf = "application/vnd.kubernetes.protobuf, */*";
        assert_eq!(resource(protobuf).map(|a| a.format), Ok(Format::Protobuf));
        assert_eq!(negotiate(protobuf, Endpoint::Custom), Ok(Accepted::JSON));
        for accept in ["text/html", "application/cbor", "Application/JSON"] {
            assert!(
                resource(accept).is_err_and(|e| e.starts_with("only the following media types")),
                "{accept}"
            );
        }
    }

    #[test]
    fn targets() {
        let got = |accept: String| resource(&accept).map(|a| a.target);
        assert_eq!(
            got(format!("application/json;as=Table;{META}")),
            Ok(Some(AcceptedAs::Table(MetaVersion::V1)))
        );
        let beta = "application/json;as=PartialObjectMetadata;v=v1beta1;g=meta.k8s.io";
        assert_eq!(
            got(beta.into()),
            Ok(Some(AcceptedAs::PartialObjectMetadata(
                MetaVersion::V1Beta1
            )))
        );
        assert!(got(format!("application/json;as=Pigeon;{META}")).is_err());
        assert!(got("application/json;as=Table".into()).is_err());
        assert_eq!(
            got(format!(
                "application/json;as=Pigeon;{META}, application/json"
            )),
            Ok(None)
        );
        let both = format!("application/json;as=Table;{META},application/json");
        assert_eq!(got(both), Ok(Some(AcceptedAs::Table(MetaVersion::V1))));
    }

    #[test]
    fn discovery_looks_for_its_own_kind_only() {
        let v2 = "application/json;g=apidiscovery.k8s.io;v=v2;as=APIGroupDiscoveryList";
        let found = |accept: &str| negotiate(accept, Endpoint::Discovery).is_ok();
        assert!(found(v2) && found(&format!("application/json,{v2}")));
        assert!(!found("") && !found("*/*") && !found(&v2.replace("v2", "v2beta1")));
        assert!(negotiate(v2, Endpoint::Plain).is_err());
    }

    #[test]
    fn routers_look_at_types_only() {
        assert!(check_router("application/json;as=Pigeon", false).is_ok());
        assert!(check_router("", false).is_ok());
        let error = check_router("application/*", false).expect_err("no wildcard subtypes");
        assert!(error.message.ends_with(
            "representations: application/json, application/yaml, application/vnd.kubernetes.protobuf"
        ));
        let error = check_router("text/html", true).expect_err("no HTML");
        assert!(error.message.ends_with("protobuf;stream=watch"));
    }
}
