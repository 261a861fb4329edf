//! Other programs over TLS, unchanged, against `kmock serve --tls`. Those that are not here are skipped.

mod program;

use std::{
    io::{Read, Write},
    net::TcpStream,
    process::Command,
};

use program::Program;

struct Served {
    program: Program,
    folder: tempfile::TempDir,
}

impl Served {
    fn start(arguments: &[&str]) -> Served {
        let folder = tempfile::tempdir().expect("a folder");
        let in_folder = |name: &str| folder.path().join(name).display().to_string();
        let (config, ca) = (in_folder("config"), in_folder("ca.pem"));
        let tls = ["serve", "--tls", "--rule", "get /hello => hello"];
        let files = ["--kubeconfig", &config, "--ca-file", &ca];
        Served {
            program: Program::start(&[&tls, arguments, &files].concat()),
            folder,
        }
    }

    /// Runs a program that trusts the server; `None`: it is not here.
    fn run(&self, program: &str, arguments: &[&str]) -> Option<String> {
        let ca = self.folder.path().join("ca.pem");
        let output = Command::new(program)
            .args(arguments)
            .env("URL", &self.program.url)
            .env("KUBECONFIG", self.folder.path().join("config"))
            .env("SSL_CERT_FILE", &ca)
            .env("CURL_CA_BUNDLE", &ca)
            .env("REQUESTS_CA_BUNDLE", &ca)
            .env("NODE_EXTRA_CA_CERTS", &ca)
            .env("HOME", self.folder.path())
            .output();
        let Ok(output) = output else {
            eprintln!("skipped: there is no {program} here");
            return None;
        };
        let errors = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success(), "{program}: {errors}");
        Some(String::from_utf8_lossy(&output.stdout).into_owned())
    }
}

#[test]
fn it_says_that_it_is_https_first() {
    let mut served = Served::start(&[]);
    assert!(
        served.program.url.starts_with("https://127.0.0.1:"),
        "{}",
        served.program.url
    );
    let lines: Vec<String> = (0..3).map(|_| served.program.line()).collect();
    let line = lines.join("\n");
    assert!(line.contains("curl --cacert "), "{line}");
    let config = std::fs::read_to_string(served.folder.path().join("config"));
    let config = config.expect("a kubeconfig");
    for part in [
        "certificate-authority-data: ",
        "client-certificate-data: ",
        "server: https://",
    ] {
        assert!(config.contains(part), "{config}");
    }
    // Who forgets the s is told.
    let address = served.program.url.trim_start_matches("https://");
    let mut stream = TcpStream::connect(address).expect("it listens");
    stream
        .write_all(b"GET / HTTP/1.1\r\nhost: x\r\n\r\n")
        .expect("sent");
    let mut text = String::new();
    stream.read_to_string(&mut text).expect("an answer");
    assert!(
        text.contains(&format!("use {}", served.program.url)),
        "{text}"
    );
}

#[test]
fn curl_takes_it() {
    let served = Served::start(&[]);
    let url = format!("{}/hello", served.program.url);
    if let Some(out) = served.run("curl", &["--silent", "--show-error", "--fail", &url]) {
        assert_eq!(out, "hello");
    }
}

#[test]
fn pythons_own_library_takes_it() {
    let served = Served::start(&[]);
    let script = "import os, urllib.request as u; print(u.urlopen(os.environ['URL'] + '/hello').read().decode())";
    if let Some(out) = served.run("python3", &["-c", script]) {
        assert_eq!(out.trim(), "hello");
    }
}

#[test]
fn pythons_requests_takes_it() {
    let served = Served::start(&[]);
    let script = "
import os, sys
try:
    import requests
except ImportError:
    print('absent')
    sys.exit()
print(requests.get(os.environ['URL'] + '/hello').text)";
    match served.run("python3", &["-c", script]) {
        Some(out) if out.trim() == "absent" => eprintln!("skipped: there is no requests here"),
        Some(out) => assert_eq!(out.trim(), "hello"),
        None => {}
    }
}

#[test]
fn nodes_fetch_takes_it() {
    let served = Served::start(&[]);
    let script = "fetch(process.env.URL + '/hello').then(r => r.text()).then(console.log)";
    if let Some(out) = served.run("node", &["--eval", script]) {
        assert_eq!(out.trim(), "hello");
    }
}

#[test]
fn kubectl_takes_the_kubeconfig() {
    let served = Served::start(&[]);
    let Some(out) = served.run(
        "kubectl",
        &["create", "configmap", "one", "--from-literal=a=b"],
    ) else {
        return;
    };
    assert!(out.contains("configmap/one created"), "{out}");
    let out = served.run(
        "kubectl",
        &["get", "configmap", "one", "-o", "jsonpath={.data.a}"],
    );
    assert_eq!(out.as_deref(), Some("b"));
    let out = served.run(
        "kubectl",
        &["auth", "whoami", "-o", "jsonpath={.status.userInfo}"],
    );
    let out = out.expect("kubectl is here");
    assert!(
        out.contains("kubernetes-admin") && out.contains("system:masters"),
        "{out}"
    );
}

#[test]
fn plain_http_may_be_served_beside_it() {
    let served = Served::start(&["--and-plain"]);
    let address = served.program.url.trim_start_matches("https://");
    let mut stream = TcpStream::connect(address).expect("it listens");
    let request = b"GET /hello HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n";
    stream.write_all(request).expect("sent");
    let mut text = String::new();
    stream.read_to_string(&mut text).expect("an answer");
    assert!(text.ends_with("hello"), "{text}");
}
