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

/// What a script printed; `None`: the program or its library is not here, and the script says so with `absent`.
fn script(
    served: &Served,
    program: &str,
    flag: &str,
    script: &str,
    library: &str,
) -> Option<String> {
    match served.run(program, &[flag, script])?.trim() {
        "absent" => {
            eprintln!("skipped: there is no {library} for {program} here");
            None
        }
        out => Some(out.to_owned()),
    }
}

/// `npm install @kubernetes/client-node`, and `NODE_PATH` where that is not in a folder above this one.
#[test]
fn the_javascript_client_of_kubernetes_takes_the_kubeconfig() {
    const SCRIPT: &str = "
(async () => {
  let at;
  try { at = require.resolve('@kubernetes/client-node'); } catch { return console.log('absent'); }
  const k8s = await import(require('url').pathToFileURL(at));
  const config = new k8s.KubeConfig();
  config.loadFromDefault();
  const api = config.makeApiClient(k8s.CoreV1Api);
  const namespace = 'default';
  const seen = new Promise((resolve, reject) => new k8s.Watch(config).watch(
    '/api/v1/namespaces/default/configmaps', {},
    (type, object) => object.metadata.name === 'js' && resolve(type + ' ' + object.data.a),
    error => reject(error ?? new Error('the watch ended')),
  ));
  await api.createNamespacedConfigMap({ namespace, body: { metadata: { name: 'js' }, data: { a: 'b' } } });
  const one = await api.readNamespacedConfigMap({ namespace, name: 'js' });
  const list = await api.listNamespacedConfigMap({ namespace });
  const code = await api.readNamespacedConfigMap({ namespace, name: 'none' }).catch(error => error.code);
  const listed = list.items.filter(item => item.metadata.name === 'js').length;
  console.log([one.data.a, listed, code, await seen].join(', '));
  process.exit(0);
})().catch(error => { console.error(error); process.exit(1); });
";
    let served = Served::start(&[]);
    let library = "@kubernetes/client-node";
    if let Some(out) = script(&served, "node", "--eval", SCRIPT, library) {
        assert_eq!(out, "b, 1, 404, ADDED b");
    }
}

/// `pip install kubernetes`
#[test]
fn the_python_client_of_kubernetes_takes_the_kubeconfig() {
    const SCRIPT: &str = "
try:
    from kubernetes import client, config, watch
except ImportError:
    print('absent')
    raise SystemExit
config.load_kube_config()
api = client.CoreV1Api()
body = {'metadata': {'name': 'py'}, 'data': {'a': 'b'}}
api.create_namespaced_config_map('default', body)
one = api.read_namespaced_config_map('py', 'default')
seen = []
for event in watch.Watch().stream(api.list_namespaced_config_map, 'default', timeout_seconds=30):
    if event['object'].metadata.name == 'py':
        seen.append(event['type'])
        break
try:
    api.read_namespaced_config_map('none', 'default')
except client.ApiException as error:
    code = error.status
print(one.data['a'], code, *seen)
";
    let served = Served::start(&[]);
    if let Some(out) = script(&served, "python3", "-c", SCRIPT, "kubernetes") {
        assert_eq!(out, "b 404 ADDED");
    }
}

/// `pip install kopf`
#[test]
fn kopf_takes_the_kubeconfig() {
    const SCRIPT: &str = "
import json, os, threading, urllib.request
try:
    import kopf
except ImportError:
    print('absent')
    raise SystemExit
patience = threading.Timer(60, lambda: os._exit(3))
patience.daemon = True
patience.start()
done = threading.Event()

@kopf.on.create('configmaps', field='data.a', value='b')
def created(patch, **_):
    patch.metadata.annotations['example.com/seen'] = 'yes'

@kopf.on.event('configmaps')
def event(meta, **_):
    if meta.annotations.get('example.com/seen'):
        done.set()

body = {'apiVersion': 'v1', 'kind': 'ConfigMap', 'metadata': {'name': 'py'}, 'data': {'a': 'b'}}
url = os.environ['URL'] + '/api/v1/namespaces/default/configmaps'
head = {'content-type': 'application/json'}
request = urllib.request.Request(url, json.dumps(body).encode(), head)
urllib.request.urlopen(request)
kopf.run(standalone=True, namespace='default', stop_flag=done)
print('seen')
";
    let served = Served::start(&[]);
    if let Some(out) = script(&served, "python3", "-c", SCRIPT, "kopf") {
        assert_eq!(out, "seen");
    }
}

/// The kubelets' own port: TLS in any case, by the authority of the server.
#[test]
fn kubelets_listen_at_a_port_of_their_own() {
    let mut served = Served::start(&["--nodes", "1", "--kubelet-port", "0"]);
    let mut line = served.program.line();
    while !line.starts_with("# kubelets at https://127.0.0.1:") {
        assert!(!line.is_empty(), "it does not say where they are");
        line = served.program.line();
    }
    let url = line.trim_start_matches("# kubelets at ").to_owned();
    for (path, text) in [
        ("healthz", "ok"),
        ("pods", "\"kind\":\"PodList\""),
        ("metrics", "# HELP kubelet_node_name"),
    ] {
        let Some(said) = served.run("curl", &["-sS", &format!("{url}/{path}")]) else {
            return;
        };
        assert!(said.contains(text), "{path}: {said}");
    }
    let said = served.program.end("-TERM");
    assert!(!said.contains("error"), "{said}");
}

#[test]
fn a_port_of_kubelets_needs_kubelets() {
    for arguments in [
        &["--kubelet-port", "0"][..],
        &["--kubelet-port", "0", "--parts", "scheduler"],
        &["--kubelet-port", "0", "--raw"],
    ] {
        let output = Command::new(env!("CARGO_BIN_EXE_kmock"))
            .arg("serve")
            .args(arguments)
            .output();
        let output = output.expect("kmock runs");
        let said = String::from_utf8_lossy(&output.stderr);
        assert!(!output.status.success());
        assert!(said.contains("--kubelet-port needs "), "{said}");
    }
}
