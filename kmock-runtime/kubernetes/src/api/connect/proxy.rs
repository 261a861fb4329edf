//! The proxies of Pods, Services and Nodes: a request goes on to what is served at their addresses.

use http::{HeaderMap, Request, header};
use serde_json::Value;

use super::kubelet::{self, PORT};
use crate::api::call::Call;
use crate::api::reply::{Body, Reply};
use crate::model::resource::ResourceKey;
use crate::model::status::{ApiError, quoted};
use crate::wire::websocket;

/// An address behind a name.
struct Location {
    ip: String,
    port: u16,
}

/// Passes a request on, and its answer back.
pub(super) async fn proxy(call: &Call) -> Result<Reply, ApiError> {
    let id = call.request.name();
    let kind = call.resource().kind.to_lowercase();
    let (scheme, name, port) = parted(id)
        .ok_or_else(|| ApiError::bad_request(format!("invalid {kind} request {}", quoted(id))))?;
    let object = call.find(name)?;
    let location = match kind.as_str() {
        "pod" => of_pod(&object.value, port)?,
        "service" => of_service(call, &object.value, id, port)?,
        _ => of_node(&object.value, port),
    };
    let kubelet = super::kubelet(call)?;
    // Where kubelets listen, they answer, whatever leads there.
    let node = match location.port {
        PORT => kubelet::node_at(&call.cluster, &location.ip),
        _ => None,
    };
    if scheme == "https" && node.is_none() {
        return Err(unreachable(format_args!(
            "tls: containers of kmock speak http only ({id})"
        )));
    }
    if call.request.rest.is_empty() && !call.request.trailing_slash {
        // Relative links of what is served would lead astray.
        let mut reply = Reply::new(301, Body::Raw("", bytes::Bytes::new()));
        let query = query(call);
        let at = format!("{}/{query}", path_of(call));
        reply.headers.push(("Location", at));
        return Ok(reply);
    }
    if let Some(node) = node {
        return kubelet::behind_a_proxy(call, kubelet, &node).await;
    }
    if websocket::is_asked_for(&call.headers) {
        return Err(ApiError::not_implemented(format!(
            "WebSockets through {}/proxy",
            call.resource().plural
        )));
    }
    let answer = kubelet
        .ask(&location.ip, location.port, passed(call, &location))
        .await;
    match answer {
        Some(mut response) => {
            without_hops(response.headers_mut());
            Ok(Reply::new(
                response.status().as_u16(),
                Body::Response(response),
            ))
        }
        None => Err(unreachable(format_args!(
            "dial tcp {}:{}: connect: connection refused",
            location.ip, location.port
        ))),
    }
}

fn unavailable(message: String) -> ApiError {
    ApiError::new(503, "ServiceUnavailable", message)
}

fn unreachable(why: std::fmt::Arguments<'_>) -> ApiError {
    unavailable(format!("error trying to reach service: {why}"))
}

/// `name`, `name:port`, `scheme:name:port`.
fn parted(id: &str) -> Option<(&str, &str, &str)> {
    let (scheme, name, port) = match id.split(':').collect::<Vec<_>>().as_slice() {
        [name] => ("", *name, ""),
        [name, port] => ("", *name, *port),
        [scheme, name, port] => (*scheme, *name, *port),
        _ => return None,
    };
    (!name.is_empty() && matches!(scheme, "" | "http" | "https")).then_some((scheme, name, port))
}

fn of_pod(pod: &Value, port: &str) -> Result<Location, ApiError> {
    let containers = pod["spec"]["containers"].as_array();
    let mut ports = containers
        .into_iter()
        .flatten()
        .filter_map(|one| one["ports"][0]["containerPort"].as_u64());
    let ip = pod["status"]["podIP"].as_str().unwrap_or_default();
    if ip.is_empty() {
        return Err(ApiError::bad_request("address not allowed"));
    }
    let port = match port {
        "" => ports.next().and_then(|port| u16::try_from(port).ok()),
        port => port.parse().ok(),
    };
    Ok(Location {
        ip: ip.to_owned(),
        // Without a port, the scheme's own.
        port: port.unwrap_or(80),
    })
}

fn of_service(call: &Call, service: &Value, id: &str, port: &str) -> Result<Location, ApiError> {
    let name = service["metadata"]["name"].as_str().unwrap_or_default();
    let ports = service["spec"]["ports"].as_array();
    let port_name = match port.parse::<i64>() {
        Err(_) => port.to_owned(),
        Ok(number) => {
            let declared = ports
                .into_iter()
                .flatten()
                .find(|one| one["port"].as_i64() == Some(number));
            let declared = declared.ok_or_else(|| {
                unavailable(format!(
                    "no service port {number} found for service {}",
                    quoted(name)
                ))
            })?;
            declared["name"].as_str().unwrap_or_default().to_owned()
        }
    };
    let key = format!("{}/{name}", call.request.namespace());
    let endpoints = call
        .cluster
        .store()
        .get(&ResourceKey::new("", "endpoints"), &key)
        .ok_or_else(|| ApiError::not_found("", "endpoints", name))?;
    let subsets = endpoints.value["subsets"].as_array();
    let found = subsets.into_iter().flatten().find_map(|subset| {
        let ip = subset["addresses"][0]["ip"].as_str()?;
        let ports = subset["ports"].as_array()?;
        let port = ports
            .iter()
            .find(|port| port["name"].as_str().unwrap_or_default() == port_name)?;
        Some(Location {
            ip: ip.to_owned(),
            port: u16::try_from(port["port"].as_u64()?).ok()?,
        })
    });
    let asked = if subsets.is_none_or(Vec::is_empty) {
        name
    } else {
        id
    };
    found.ok_or_else(|| {
        unavailable(format!(
            "no endpoints available for service {}",
            quoted(asked)
        ))
    })
}

fn of_node(node: &Value, port: &str) -> Location {
    let addresses = node["status"]["addresses"].as_array();
    let ip = addresses
        .into_iter()
        .flatten()
        .find(|one| one["type"] == "InternalIP")
        .and_then(|one| one["address"].as_str());
    Location {
        ip: ip.unwrap_or_default().to_owned(),
        port: port.parse().unwrap_or(PORT),
    }
}

/// The path of the request, without what stands behind `proxy`.
fn path_of(call: &Call) -> String {
    let request = &call.request;
    let mut path = match request.group.as_str() {
        "" => format!("/api/{}", request.version),
        group => format!("/apis/{group}/{}", request.version),
    };
    if let Some(namespace) = &request.namespace {
        path.push_str("/namespaces/");
        path.push_str(namespace);
    }
    for part in [&request.resource, request.name(), request.subresource()] {
        path.push('/');
        path.push_str(&encoded(part, b":"));
    }
    path
}

/// `?…`, or nothing.
fn query(call: &Call) -> String {
    let pairs: Vec<String> = call
        .request
        .query
        .iter()
        .map(|(name, value)| format!("{}={}", encoded(name, b""), encoded(value, b"")))
        .collect();
    if pairs.is_empty() {
        String::new()
    } else {
        format!("?{}", pairs.join("&"))
    }
}

/// A text as a part of a URL (RFC 3986, 2.1); some characters beside the unreserved ones stay.
fn encoded(text: &str, kept: &[u8]) -> String {
    let mut out = String::with_capacity(text.len());
    for byte in text.bytes() {
        if byte.is_ascii_alphanumeric() || b"-._~".contains(&byte) || kept.contains(&byte) {
            out.push(char::from(byte));
        } else {
            out.push_str(&format!("%{byte:02X}"));
        }
    }
    out
}

/// What is only for the next hop does not go further (RFC 9110, 7.6.1).
fn without_hops(headers: &mut HeaderMap) {
    for name in [
        header::CONNECTION,
        header::TRANSFER_ENCODING,
        header::UPGRADE,
        header::TE,
        header::TRAILER,
    ] {
        headers.remove(name);
    }
}

fn passed(call: &Call, location: &Location) -> Request<bytes::Bytes> {
    let rest: Vec<String> = call
        .request
        .rest
        .iter()
        .map(|part| encoded(part, b"!$&'()*+,;=:@"))
        .collect();
    let slash = if call.request.trailing_slash && !rest.is_empty() {
        "/"
    } else {
        ""
    };
    let target = format!("/{}{slash}{}", rest.join("/"), query(call));
    let mut request = Request::new(call.body.clone());
    *request.method_mut() = call.request.method.clone();
    // What was a URL is one again.
    *request.uri_mut() = target.parse().unwrap_or_default();
    let mut headers = call.headers.clone();
    without_hops(&mut headers);
    // Who asked the API server is no business of what runs in the cluster.
    headers.remove(header::AUTHORIZATION);
    if let Ok(host) = format!("{}:{}", location.ip, location.port).parse() {
        headers.insert(header::HOST, host);
    }
    *request.headers_mut() = headers;
    request
}
