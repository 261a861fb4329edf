//! `wget`, `curl` and `nc`: they reach what containers serve, by the addresses of Pods and the names and addresses of Services, and the
//! server of the cluster.

use bytes::Bytes;
use http::{Method, Request, Response};

use super::super::handle::Container;
use super::super::io::Io;
use crate::emulator::{ApiBody, Cluster};
use crate::json::Json;
use crate::object::{int, items, text};

/// Where a request goes to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Target {
    /// The port of a Pod.
    Port(String, u16),
    /// The server of the cluster.
    Server,
}

/// Why nothing is reached.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Lost {
    /// There is no such name.
    Unknown,
    /// Nobody listens there.
    Refused,
}

/// Of all objects of a kind, those of a namespace.
fn all(cluster: &Cluster, resource: &str, namespace: Option<&str>) -> Vec<Json> {
    let found = cluster.objects().list(resource, namespace);
    found
        .iter()
        .map(|object| Json::from(object.value()))
        .collect()
}

/// The Pod behind a port of a Service, and which port of it.
fn behind(cluster: &Cluster, service: &Json, port: u16) -> Result<Target, Lost> {
    let (namespace, name) = (
        text(&service["metadata"]["namespace"]),
        text(&service["metadata"]["name"]),
    );
    if (namespace, name) == ("default", "kubernetes") {
        return Ok(Target::Server);
    }
    let is_headless = service["spec"]["clusterIP"] == "None";
    let mut ports = items(&service["spec"]["ports"]);
    let found = ports.find(|one| int(&one["port"]) == i64::from(port));
    let port_name = match found {
        Some(found) => Some(text(&found["name"]).to_owned()),
        // Nothing stands before the Pods of a headless Service: any port of theirs is reached.
        None if is_headless => None,
        None => return Err(Lost::Refused),
    };
    for slice in all(cluster, "endpointslices", Some(namespace)) {
        if slice["metadata"]["labels"]["kubernetes.io/service-name"] != name {
            continue;
        }
        let mut ready =
            items(&slice["endpoints"]).filter(|one| one["conditions"]["ready"] != false);
        let Some(address) = ready.find_map(|one| one["addresses"][0].as_str()) else {
            continue;
        };
        let number = match &port_name {
            None => Some(i64::from(port)),
            Some(_) if is_headless => Some(i64::from(port)),
            Some(wanted) => items(&slice["ports"])
                .find(|one| text(&one["name"]) == wanted)
                .map(|one| int(&one["port"])),
        };
        if let Some(number) = number.and_then(|number| u16::try_from(number).ok()) {
            return Ok(Target::Port(address.to_owned(), number));
        }
    }
    Err(Lost::Refused)
}

/// What a host and a port lead to, as a container sees them.
pub(super) fn target(container: &Container, host: &str, port: u16) -> Result<Target, Lost> {
    if matches!(host, "localhost" | "127.0.0.1") {
        return Ok(Target::Port(container.ip().to_owned(), port));
    }
    let Some(cluster) = container.cluster() else {
        return Ok(Target::Port(host.to_owned(), port));
    };
    if host.parse::<std::net::IpAddr>().is_ok() {
        let services = all(cluster, "services", None);
        let own = services.iter().find(|one| one["spec"]["clusterIP"] == host);
        return match own {
            Some(service) => behind(cluster, service, port),
            None => Ok(Target::Port(host.to_owned(), port)),
        };
    }
    let hosts = container.file("/etc/hosts").unwrap_or_default();
    let hosts = String::from_utf8_lossy(&hosts).into_owned();
    let of_file = hosts.lines().filter(|line| !line.starts_with('#'));
    let of_file = of_file
        .filter_map(|line| {
            let mut words = line.split_whitespace();
            let address = words.next()?;
            words.any(|word| word == host).then_some(address)
        })
        .next();
    if let Some(address) = of_file {
        return Ok(Target::Port(address.to_owned(), port));
    }
    let own = text(&container.manifest()["metadata"]["namespace"]);
    let name = host.trim_end_matches('.');
    let name = name.strip_suffix(".cluster.local").unwrap_or(name);
    let name = name.strip_suffix(".svc").unwrap_or(name);
    let steps: Vec<&str> = name.split('.').collect();
    let service = |namespace: &str, name: &str| {
        let found = cluster
            .objects()
            .get("v1/services", &format!("{namespace}/{name}"))?;
        Some(Json::from(found.value()))
    };
    match *steps.as_slice() {
        [name] => match service(own, name) {
            Some(service) => behind(cluster, &service, port),
            None => Err(Lost::Unknown),
        },
        [name, namespace] if service(namespace, name).is_some() => service(namespace, name)
            .map_or(Err(Lost::Unknown), |service| {
                behind(cluster, &service, port)
            }),
        // A Pod of a headless Service: `web-0.web`, `web-0.web.shop`.
        [pod, sub] => of_pod(cluster, own, sub, pod, port),
        [pod, sub, namespace] => of_pod(cluster, namespace, sub, pod, port),
        _ => Err(Lost::Unknown),
    }
}

fn of_pod(
    cluster: &Cluster,
    namespace: &str,
    sub: &str,
    name: &str,
    port: u16,
) -> Result<Target, Lost> {
    let pods = all(cluster, "v1/pods", Some(namespace));
    let found = pods.iter().find(|pod| {
        let host = match text(&pod["spec"]["hostname"]) {
            "" => text(&pod["metadata"]["name"]),
            host => host,
        };
        pod["spec"]["subdomain"] == sub && host == name
    });
    let address = found.and_then(|pod| pod["status"]["podIP"].as_str());
    let address = address.ok_or(Lost::Unknown)?;
    Ok(Target::Port(address.to_owned(), port))
}

/// Whether somebody listens at a port: one that serves there, or a ready container that nobody said anything of and that names the port.
fn is_open(container: &Container, ip: &str, port: u16) -> bool {
    if container.network().is_open(ip, port) {
        return true;
    }
    let Some(cluster) = container.cluster() else {
        return false;
    };
    let pods = all(cluster, "v1/pods", None);
    let found = pods.iter().find(|pod| text(&pod["status"]["podIP"]) == ip);
    found.is_some_and(|pod| {
        let mut containers = items(&pod["spec"]["containers"]);
        let named = containers.find(|one| {
            let mut ports = items(&one["ports"]);
            ports.any(|one| int(&one["containerPort"]) == i64::from(port))
        });
        named.is_some_and(|named| {
            let key = format!(
                "{}/{}",
                text(&pod["metadata"]["namespace"]),
                text(&pod["metadata"]["name"])
            );
            container.is_silent(&key, text(&named["name"])) && crate::object::is_ready(pod)
        })
    })
}

/// A URL in its parts.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Url {
    is_secure: bool,
    host: String,
    port: u16,
    path: String,
}

impl Url {
    fn read(text: &str) -> Option<Url> {
        let (is_secure, rest) = match text.split_once("://") {
            Some(("http", rest)) => (false, rest),
            Some(("https", rest)) => (true, rest),
            Some(_) => return None,
            None => (false, text),
        };
        let at = rest.find(['/', '?']).unwrap_or(rest.len());
        let (place, path) = rest.split_at(at);
        let place = place.rsplit('@').next().unwrap_or_default();
        let (host, port) = match place.rsplit_once(':') {
            Some((host, port)) => (host, port.parse().ok()?),
            None => (place, if is_secure { 443 } else { 80 }),
        };
        let path = match path {
            "" => "/".to_owned(),
            path if path.starts_with('/') => path.to_owned(),
            query => format!("/{query}"),
        };
        (!host.is_empty()).then(|| Url {
            is_secure,
            host: host.to_owned(),
            port,
            path,
        })
    }
}

/// What a command asks for.
#[derive(Default)]
struct Asked {
    method: Option<String>,
    headers: Vec<(String, String)>,
    body: Vec<u8>,
    has_body: bool,
}

impl Asked {
    /// Adds a header as it is written after a flag: `Accept: text/plain`.
    fn header(&mut self, line: &str) {
        if let Some((name, value)) = line.split_once(':') {
            let header = (name.trim().to_owned(), value.trim().to_owned());
            self.headers.push(header);
        }
    }
}

async fn send(container: &Container, url: &Url, asked: &Asked) -> Result<Response<Bytes>, Lost> {
    let target = target(container, &url.host, url.port)?;
    let method = match &asked.method {
        Some(method) => Method::from_bytes(method.as_bytes()).map_err(|_| Lost::Refused)?,
        None if asked.has_body => Method::POST,
        None => Method::GET,
    };
    let mut request = Request::builder()
        .method(method)
        .uri(url.path.as_str())
        .header("host", format!("{}:{}", url.host, url.port))
        .header("accept", "*/*");
    for (name, value) in &asked.headers {
        request = request.header(name.as_str(), value.as_str());
    }
    let request = request
        .body(Bytes::from(asked.body.clone()))
        .map_err(|_| Lost::Refused)?;
    match target {
        Target::Port(ip, port) => container
            .network()
            .ask(&ip, port, request)
            .await
            .ok_or(Lost::Refused),
        Target::Server => {
            let cluster = container.cluster().ok_or(Lost::Refused)?;
            let response = cluster.call(request).await;
            Ok(response.map(|body| match body {
                ApiBody::Full(bytes) => bytes,
                _ => Bytes::new(),
            }))
        }
    }
}

/// Splits `-abc`, `--name=value` and `--name value`: calls with each flag; those of `with_value` take what follows.
fn flags(
    arguments: &[&str],
    with_value: &str,
    long_with_value: &[&str],
    mut call: impl FnMut(&str, &str),
) -> Vec<String> {
    let mut rest = Vec::new();
    let mut words = arguments.iter().copied();
    while let Some(word) = words.next() {
        if let Some(long) = word.strip_prefix("--") {
            match long.split_once('=') {
                Some((name, value)) => call(name, value),
                None if long_with_value.contains(&long) => {
                    call(long, words.next().unwrap_or_default());
                }
                None => call(long, ""),
            }
        } else if word.starts_with('-') && word.len() > 1 {
            for (at, letter) in word.char_indices().skip(1) {
                let name = letter.to_string();
                if !with_value.contains(letter) {
                    call(&name, "");
                    continue;
                }
                let own = word.get(at + letter.len_utf8()..).unwrap_or_default();
                match own {
                    "" => call(&name, words.next().unwrap_or_default()),
                    own => call(&name, own),
                }
                break;
            }
        } else {
            rest.push(word.to_owned());
        }
    }
    rest
}

/// `wget [-q] [-S] [-O FILE] [-T SECONDS] [--header=…] [--post-data=…] [--spider] URL…`
pub(super) async fn wget(arguments: &[&str], io: &Io) -> i32 {
    let mut asked = Asked::default();
    let (mut file, mut is_quiet, mut looks_only, mut shows) = (None, false, false, false);
    let long = [
        "header",
        "post-data",
        "timeout",
        "tries",
        "user-agent",
        "output-document",
    ];
    let urls = flags(arguments, "OTtU", &long, |name, value| match name {
        "O" | "output-document" => file = Some(value.to_owned()),
        "q" | "quiet" => is_quiet = true,
        "S" | "server-response" => shows = true,
        "spider" => looks_only = true,
        "header" => asked.header(value),
        "post-data" => {
            asked.body = value.as_bytes().to_vec();
            asked.has_body = true;
        }
        _ => {}
    });
    for written in &urls {
        let Some(url) = Url::read(written) else {
            io.write_error(format!("wget: bad address '{written}'\n"))
                .await;
            return 1;
        };
        if !is_quiet {
            io.write_error(format!("Connecting to {}:{}\n", url.host, url.port))
                .await;
        }
        let response = match send(io.container(), &url, &asked).await {
            Ok(response) => response,
            Err(Lost::Unknown) => {
                io.write_error(format!("wget: bad address '{}'\n", url.host))
                    .await;
                return 1;
            }
            Err(Lost::Refused) => {
                let (host, port) = (&url.host, url.port);
                io.write_error(format!(
                    "wget: can't connect to remote host ({host}:{port}): Connection refused\n"
                ))
                .await;
                return 1;
            }
        };
        let status = response.status();
        let line = format!(
            "HTTP/1.1 {} {}",
            status.as_u16(),
            status.canonical_reason().unwrap_or_default()
        );
        if shows {
            io.write_error(format!("  {line}\n")).await;
        }
        if !status.is_success() {
            io.write_error(format!("wget: server returned error: {line}\n"))
                .await;
            return 1;
        }
        if looks_only {
            if !is_quiet {
                io.write_error("remote file exists\n").await;
            }
            continue;
        }
        let body = response.into_body();
        match file.as_deref() {
            Some("-") => io.write(body).await,
            named => {
                let last = url.path.split('?').next().unwrap_or_default();
                let last = last.rsplit('/').next().filter(|last| !last.is_empty());
                let path = named.unwrap_or(last.unwrap_or("index.html"));
                let path = super::files::absolute(path);
                io.container().write_file(path, body);
            }
        }
    }
    i32::from(urls.is_empty())
}

/// `curl [-s] [-f] [-i] [-I] [-k] [-L] [-X METHOD] [-H HEADER] [-d DATA] [-o FILE] [-w FORMAT] [-m SECONDS] URL…`
pub(super) async fn curl(arguments: &[&str], io: &Io) -> i32 {
    let mut asked = Asked::default();
    let (mut file, mut format, mut data) = (None, None, Vec::new());
    let (mut is_quiet, mut fails, mut shows_head, mut tells) = (false, false, false, false);
    let long = [
        "request",
        "header",
        "data",
        "data-binary",
        "data-raw",
        "output",
        "write-out",
        "max-time",
        "connect-timeout",
        "cacert",
        "retry",
        "user",
        "user-agent",
        "url",
        "retry-delay",
        "interface",
    ];
    let mut urls = Vec::new();
    let rest = flags(
        arguments,
        "XHdowmuAeEbcTx",
        &long,
        |name, value| match name {
            "X" | "request" => asked.method = Some(value.to_owned()),
            "H" | "header" => asked.header(value),
            "d" | "data" | "data-binary" | "data-raw" => data.push(value.to_owned()),
            "o" | "output" => file = Some(value.to_owned()),
            "w" | "write-out" => format = Some(value.to_owned()),
            "s" | "silent" => is_quiet = true,
            "S" | "show-error" => tells = true,
            "f" | "fail" => fails = true,
            "i" | "include" => shows_head = true,
            "I" | "head" => {
                asked.method = Some("HEAD".to_owned());
                shows_head = true;
            }
            "url" => urls.push(value.to_owned()),
            _ => {}
        },
    );
    urls.extend(rest);
    asked.has_body = !data.is_empty();
    asked.body = data.join("&").into_bytes();
    let tell = async |why: String| {
        if !is_quiet || tells {
            io.write_error(format!("curl: {why}\n")).await;
        }
    };
    for written in &urls {
        let Some(url) = Url::read(written) else {
            tell(format!("(3) URL rejected: {written}")).await;
            return 3;
        };
        let response = match send(io.container(), &url, &asked).await {
            Ok(response) => response,
            Err(Lost::Unknown) => {
                tell(format!("(6) Could not resolve host: {}", url.host)).await;
                return 6;
            }
            Err(Lost::Refused) => {
                let (host, port) = (&url.host, url.port);
                tell(format!(
                    "(7) Failed to connect to {host} port {port}: Connection refused"
                ))
                .await;
                return 7;
            }
        };
        let status = response.status();
        if fails && status.as_u16() >= 400 {
            let code = status.as_u16();
            tell(format!("(22) The requested URL returned error: {code}")).await;
            return 22;
        }
        let mut shown = Vec::new();
        if shows_head {
            let reason = status.canonical_reason().unwrap_or_default();
            shown.extend(format!("HTTP/1.1 {} {reason}\r\n", status.as_u16()).bytes());
            for (name, value) in response.headers() {
                shown.extend(format!("{name}: ").bytes());
                shown.extend(value.as_bytes());
                shown.extend(b"\r\n");
            }
            shown.extend(b"\r\n");
        }
        if asked.method.as_deref() != Some("HEAD") {
            shown.extend_from_slice(response.body());
        }
        match file.as_deref() {
            None | Some("-") => io.write(&shown).await,
            Some("/dev/null") => {}
            Some(path) => {
                let path = super::files::absolute(path);
                io.container().write_file(path, shown);
            }
        }
        if let Some(format) = &format {
            let said = format
                .replace("%{http_code}", &status.as_u16().to_string())
                .replace("%{response_code}", &status.as_u16().to_string());
            io.write(super::texts::escaped(&said)).await;
        }
    }
    if urls.is_empty() { 2 } else { 0 }
}

/// `nc -z [-v] [-w SECONDS] HOST PORT`: whether somebody listens there.
pub(super) async fn nc(arguments: &[&str], io: &Io) -> i32 {
    let (mut looks_only, mut tells) = (false, false);
    let rest = flags(arguments, "wqip", &[], |name, _| match name {
        "z" => looks_only = true,
        "v" => tells = true,
        _ => {}
    });
    let (Some(host), Some(port)) = (rest.first(), rest.get(1)) else {
        io.write_error("nc: a host and a port are needed\n").await;
        return 1;
    };
    let Ok(port) = port.parse::<u16>() else {
        io.write_error(format!("nc: port number invalid: {port}\n"))
            .await;
        return 1;
    };
    let is_open = match target(io.container(), host, port) {
        Ok(Target::Port(ip, port)) => is_open(io.container(), &ip, port),
        Ok(Target::Server) => true,
        Err(Lost::Unknown) => {
            io.write_error(format!("nc: bad address '{host}'\n")).await;
            return 1;
        }
        Err(Lost::Refused) => false,
    };
    if !is_open {
        io.write_error(format!("nc: {host} ({host}:{port}): Connection refused\n"))
            .await;
        return 1;
    }
    if tells {
        io.write_error(format!("{host} ({host}:{port}) open\n"))
            .await;
    }
    if looks_only {
        return 0;
    }
    io.write_error("nc: kmock only looks whether somebody listens (-z)\n")
        .await;
    1
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn urls() {
        for (text, expected) in [
            ("web", Some((false, "web", 80, "/"))),
            ("http://web:8080/a?b", Some((false, "web", 8080, "/a?b"))),
            (
                "https://web.shop.svc?x",
                Some((true, "web.shop.svc", 443, "/?x")),
            ),
            ("ftp://web", None),
            ("http://web:x", None),
        ] {
            let url = Url::read(text);
            let found = url.as_ref().map(|url| {
                (
                    url.is_secure,
                    url.host.as_str(),
                    url.port,
                    url.path.as_str(),
                )
            });
            assert_eq!(found, expected, "{text}");
        }
    }

    #[test]
    fn flags_stand_together_or_apart() {
        let mut seen = Vec::new();
        let words = [
            "-qO-",
            "-T",
            "5",
            "--header=a: b",
            "--tries",
            "1",
            "-S",
            "web",
        ];
        let rest = flags(&words, "TO", &["tries"], |name, value| {
            seen.push(format!("{name}={value}"));
        });
        assert_eq!(seen, ["q=", "O=-", "T=5", "header=a: b", "tries=1", "S="]);
        assert_eq!(rest, ["web"]);
    }
}
