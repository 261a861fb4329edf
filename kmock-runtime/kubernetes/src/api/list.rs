//! Lists: the objects of a collection in the order of their keys, now or at a former version, whole or in pages.
//!
//! A page's continue token names the revision of the first page and the key to go on from, so that all pages are of
//! one state. What `resourceVersion` means depends on `resourceVersionMatch` and `limit`, as in
//! `k8s.io/apiserver/pkg/storage`; texts as observed on v1.36.

use std::sync::Arc;
use std::time::Duration;

use serde_json::{Value, json};

use crate::api::convert::{self, Known};
use crate::api::list_options::{ListOptions, VersionMatch, parse_version};
use crate::api::{Body, Call, Reply};
use crate::model::status::{ApiError, Cause, Details};
use crate::state::cluster::Cluster;
use crate::state::registry::Served;
use crate::state::store::{Compacted, Snapshot, StoredObject};
use crate::text::base64url as base64;
use crate::wire::accept;
use crate::wire::json;
use crate::wire::render::{self, ListHead, RenderView, Renderer};
use kmock_apply::ordered::Node;

/// How long a read waits for a version that was not reached yet.
const PATIENCE: Duration = Duration::from_secs(3);

/// Answers a GET of a collection.
pub async fn list(call: &Call) -> Result<Reply, ApiError> {
    let options = ListOptions::read(&call.request, &call.served)?;
    let (head, objects) = select(
        &call.cluster,
        &call.served,
        call.request.namespace(),
        &options,
    )
    .await?;
    convert::prepare(&call.cluster, &call.served, Known::Counts, &objects).await?;
    answer(call, &head, &objects)
}

/// The answer that shows objects as a list of the request's resource.
pub fn answer(
    call: &Call,
    head: &ListHead,
    objects: &[Arc<StoredObject>],
) -> Result<Reply, ApiError> {
    let endpoint = accept::endpoint_of(call.resource());
    let view = RenderView::of_resource(&call.headers, &call.request.query, call.now, endpoint)?;
    let (content_type, bytes) = render::list(&Renderer::new(&call.served), &view, head, objects)?;
    Ok(Reply::new(200, Body::Raw(content_type, bytes)))
}

/// The objects that the options select, and what the list says about them. An empty namespace means all.
pub async fn select(
    cluster: &Cluster,
    served: &Served,
    namespace: &str,
    options: &ListOptions,
) -> Result<(ListHead, Vec<Arc<StoredObject>>), ApiError> {
    let prefix = match (served.resource.namespaced, namespace) {
        (true, namespace) if !namespace.is_empty() => format!("{namespace}/"),
        _ => String::new(),
    };
    if let Some(name) = single(served, namespace, options) {
        let part = Part {
            prefix: &format!("{prefix}{name}"),
            start: "",
            most: usize::MAX,
        };
        let (snapshot, _) = snapshot(cluster, served, part, options, Reach::One).await?;
        prepare_fields(cluster, served, options, &snapshot.objects).await?;
        let matches =
            |object: &&Arc<StoredObject>| object.name() == name && options.selects(served, object);
        let objects = snapshot.objects.iter().filter(matches).cloned().collect();
        return Ok((
            ListHead {
                revision: snapshot.revision,
                ..ListHead::default()
            },
            objects,
        ));
    }
    page(cluster, served, &prefix, options).await
}

/// Where the list goes on; `None`: it begins.
fn continued(options: &ListOptions) -> Result<Option<Token>, ApiError> {
    if options.continue_token.is_empty() {
        return Ok(None);
    }
    let token = Token::decode(&options.continue_token)
        .map_err(|why| ApiError::bad_request(format!("invalid continue token: {why}")))?;
    if !matches!(options.version.as_str(), "" | "0") {
        return Err(ApiError::bad_request(
            "specifying resource version is not allowed when using continue",
        ));
    }
    Ok(Some(token))
}

/// The selected objects below a prefix: a page of them, or all.
async fn page(
    cluster: &Cluster,
    served: &Served,
    prefix: &str,
    options: &ListOptions,
) -> Result<(ListHead, Vec<Arc<StoredObject>>), ApiError> {
    let token = continued(options)?;
    let from_cache = options.version == "0" && options.continue_token.is_empty();
    let limit = usize::try_from(options.limit)
        .ok()
        .filter(|&limit| limit > 0 && !from_cache);
    let start = token
        .as_ref()
        .map(|token| format!("{prefix}{}", token.start))
        .unwrap_or_default();
    let part = Part {
        prefix,
        start: &start,
        // Whoever selects may have to look at many for a page.
        most: limit
            .filter(|_| options.selects_all())
            .unwrap_or(usize::MAX),
    };
    let reach = token.as_ref().map_or(Reach::FirstPage, Reach::NextPage);
    let (snapshot, following) = snapshot(cluster, served, part, options, reach).await?;
    prepare_fields(cluster, served, options, &snapshot.objects).await?;
    let rest = &snapshot.objects;
    let mut head = ListHead {
        revision: snapshot.revision,
        ..ListHead::default()
    };
    let Some(limit) = limit else {
        let objects = rest
            .iter()
            .filter(|object| options.selects(served, object))
            .cloned()
            .collect();
        return Ok((head, objects));
    };
    let mut objects = Vec::with_capacity(limit.min(rest.len()));
    let mut seen = 0;
    for object in rest {
        seen += 1;
        if options.selects(served, object) {
            objects.push(Arc::clone(object));
            if objects.len() == limit {
                break;
            }
        }
    }
    // A full page has a token if keys follow, even if none of them is selected.
    if let Some(last) = objects
        .last()
        .filter(|_| seen < rest.len() + following && objects.len() == limit)
    {
        let start = format!("{}\0", last.key().strip_prefix(prefix).unwrap_or_default());
        head.continue_token = Some(
            Token {
                revision: Some(snapshot.revision),
                start,
            }
            .encode(),
        );
        head.remaining = options
            .selects_all()
            .then_some((rest.len() + following - seen) as u64);
    }
    Ok((head, objects))
}

/// Has objects converted whose fields decide whether they are selected.
async fn prepare_fields(
    cluster: &Cluster,
    served: &Served,
    options: &ListOptions,
    objects: &[Arc<StoredObject>],
) -> Result<(), ApiError> {
    if options.fields.is_empty() {
        return Ok(());
    }
    convert::prepare(cluster, served, Known::Counts, objects).await
}

/// The name, if a single object is asked for by its name: that is read like a GET, without pages.
fn single<'a>(served: &Served, namespace: &str, options: &'a ListOptions) -> Option<&'a str> {
    if !options.continue_token.is_empty() || served.resource.namespaced && namespace.is_empty() {
        return None;
    }
    let name = options.fields.exact("metadata.name")?;
    (!name.is_empty() && name != "." && name != ".." && !name.contains(['/', '%'])).then_some(name)
}

/// How much is read.
enum Reach<'a> {
    /// The object of one name.
    One,
    FirstPage,
    NextPage(&'a Token),
}

/// Which objects are read: those whose keys begin so, from a key on, and no more than that.
#[derive(Clone, Copy)]
struct Part<'a> {
    prefix: &'a str,
    start: &'a str,
    most: usize,
}

/// The objects, and how many follow them.
async fn snapshot(
    cluster: &Cluster,
    served: &Served,
    part: Part<'_>,
    options: &ListOptions,
    reach: Reach<'_>,
) -> Result<(Snapshot, usize), ApiError> {
    let read = |revision: Option<u64>| {
        let place = &served.resource.storage;
        let store = cluster.store();
        store.page(place, part.prefix, part.start, part.most, revision)
    };
    // The present can always be read.
    let now =
        || read(None).map_err(|_| ApiError::internal("the newest revision was compacted away"));
    if let Reach::NextPage(token) = reach {
        let Some(revision) = token.revision else {
            return now();
        };
        wait_for(cluster, revision).await?;
        return read(Some(revision)).map_err(|Compacted { .. }| token.expired());
    }
    let revision = parse_version(&options.version)
        .map_err(|why| ApiError::bad_request(format!("invalid resource version: {why}")))?;
    wait_for(cluster, revision).await?;
    let exact = match options.version_match {
        VersionMatch::Exact => true,
        VersionMatch::NotOlderThan => false,
        VersionMatch::Unset => options.limit > 0 && matches!(reach, Reach::FirstPage),
    };
    // `00` is exact too, but of no version the storage knows.
    if !exact || revision == 0 {
        return now();
    }
    match read(Some(revision)) {
        Ok(snapshot) => Ok(snapshot),
        // Before its start the cluster was empty; that is known unless somebody compacted it away.
        Err(Compacted { oldest, .. }) if oldest == cluster.options().revision => {
            let objects = Vec::new();
            Ok((Snapshot { revision, objects }, 0))
        }
        Err(Compacted { .. }) => Err(ApiError::expired(
            "The resourceVersion for the provided list is too old.",
        )),
    }
}

/// Waits until the cluster has reached a revision, for as long as the server does; then it is "too large".
pub async fn wait_for(cluster: &Cluster, revision: u64) -> Result<(), ApiError> {
    let store = cluster.store();
    if store.revision() >= revision
        || tokio::time::timeout(PATIENCE, store.reach(revision))
            .await
            .is_ok()
    {
        return Ok(());
    }
    Err(too_large(revision, store.revision()))
}

/// Checks the `resourceVersion` of a GET, and waits for it.
pub async fn wait_to_get(cluster: &Cluster, version: &str) -> Result<(), ApiError> {
    let revision = parse_version(version).map_err(ApiError::unreasoned)?;
    wait_for(cluster, revision).await
}

/// 504 of a version that was not reached.
pub fn too_large(revision: u64, current: u64) -> ApiError {
    let message = format!("Timeout: Too large resource version: {revision}, current: {current}");
    let cause = Cause {
        reason: "ResourceVersionTooLarge".into(),
        message: "Too large resource version".into(),
        field: String::new(),
    };
    let details = Details {
        causes: vec![cause],
        retry_after_seconds: 1,
        ..Details::default()
    };
    let mut error = ApiError::new(504, "Timeout", message).with_details(details);
    error.headers.push(("retry-after", "1".into()));
    error
}

/// Where the next page begins: base64 of JSON, as the server's own tokens.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Token {
    /// The revision of the list; `None` goes on with the newest state.
    revision: Option<u64>,
    /// The first key that may come, relative to the listed namespace.
    start: String,
}

impl Token {
    fn encode(&self) -> String {
        let revision = self.revision.map_or_else(|| json!(-1), Value::from);
        let mut text = b"{\"v\":\"meta.k8s.io/v1\",\"rv\":".to_vec();
        json::write(&mut text, &revision, None);
        text.extend_from_slice(b",\"start\":");
        json::write_string(&mut text, &self.start);
        text.push(b'}');
        base64::encode(&text)
    }

    fn decode(text: &str) -> Result<Self, String> {
        Self::read(text).map_err(|why| format!("continue key is not valid{why}"))
    }

    /// The error is what follows the common words.
    fn read(text: &str) -> Result<Self, String> {
        let bytes = base64::decode(text)
            .map_err(|at| format!(": illegal base64 data at input byte {at}"))?;
        let node = Node::parse(&bytes).map_err(|why| format!(": {why}"))?;
        let Fields {
            version,
            revision,
            start,
        } = Fields::read(&node).map_err(|why| format!(": json: cannot unmarshal {why}"))?;
        if version != "meta.k8s.io/v1" {
            return Err(format!(
                ": server does not recognize this encoded version {version}"
            ));
        }
        if revision == 0 {
            return Err(
                ": incorrect encoded start resourceVersion (version meta.k8s.io/v1)".into(),
            );
        }
        if start.is_empty() {
            return Err(": encoded start key empty (version meta.k8s.io/v1)".into());
        }
        // A key that walks out of the listed collection is refused.
        let key = start.strip_prefix('/').unwrap_or(&start);
        if key.split('/').any(|part| matches!(part, "" | "." | "..")) {
            return Err(format!(": {start}"));
        }
        Ok(Self {
            revision: u64::try_from(revision).ok(),
            start: key.to_owned(),
        })
    }

    /// 410: the state is gone; the answer has a token that goes on with the newest one.
    fn expired(&self) -> ApiError {
        let mut error = ApiError::expired(
            "The provided continue parameter is too old to display a consistent list result. You can start a new \
             list without the continue parameter, or use the continue token in this response to retrieve the \
             remainder of the results. Continuing with the provided token results in an inconsistent list - objects \
             that were created, modified, or deleted between the time the first chunk was returned and now may show \
             up in the list.",
        );
        error.continue_token = Some(
            Self {
                revision: None,
                start: self.start.clone(),
            }
            .encode(),
        );
        error
    }
}

/// The members of a token's JSON, read as the server's decoder does it: names in any case, null is nothing.
#[derive(Debug, Default)]
struct Fields {
    version: String,
    revision: i64,
    start: String,
}

impl Fields {
    fn read(node: &Node) -> Result<Self, String> {
        let mut fields = Self::default();
        let members = match node {
            Node::Null => return Ok(fields),
            Node::Object(members) => members,
            other => {
                return Err(format!(
                    "{} into Go value of type storage.continueToken",
                    other.sort()
                ));
            }
        };
        let wrong = |shown: &str, key: &str, kind: &str| {
            format!("{shown} into Go struct field continueToken.{key} of type {kind}")
        };
        for (key, node) in members {
            let text = match key.to_ascii_lowercase().as_str() {
                "rv" => {
                    match node {
                        Node::Null => {}
                        Node::Number(text) => {
                            fields.revision = text
                                .parse()
                                .map_err(|_| wrong(&format!("number {text}"), "rv", "int64"))?;
                        }
                        other => return Err(wrong(other.sort(), "rv", "int64")),
                    }
                    continue;
                }
                "v" => &mut fields.version,
                "start" => &mut fields.start,
                _ => continue,
            };
            match node {
                Node::Null => {}
                Node::String(sent) => text.clone_from(sent),
                other => {
                    return Err(wrong(other.sort(), &key.to_ascii_lowercase(), "string"));
                }
            }
        }
        Ok(fields)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tokens_go_both_ways() {
        for (revision, start) in [
            (Some(7), "a\0"),
            (Some(u64::from(u32::MAX)), "ns/é\0"),
            (None, "x"),
        ] {
            let token = Token {
                revision,
                start: start.into(),
            };
            assert_eq!(Token::decode(&token.encode()), Ok(token));
        }
        let message = "continue key is not valid: illegal base64 data at input byte 0";
        assert_eq!(Token::decode("%%%"), Err(message.into()));
        assert!(Token::decode("not-a-token").is_err());
        let error = |json: &str| Token::decode(&base64::encode(json.as_bytes())).expect_err(json);
        for (json, message) in [
            ("i", "invalid character 'i' looking for beginning of value"),
            ("{", "unexpected end of JSON input"),
            (
                "[]",
                "json: cannot unmarshal array into Go value of type storage.continueToken",
            ),
            (
                r#"{"rv":1.5}"#,
                "json: cannot unmarshal number 1.5 into Go struct field continueToken.rv of type int64",
            ),
            ("null", "server does not recognize this encoded version "),
            (
                r#"{"V":"meta.k8s.io/v1","RV":3,"start":"a/../b"}"#,
                "a/../b",
            ),
        ] {
            assert_eq!(error(json), format!("continue key is not valid: {message}"));
        }
    }
}
