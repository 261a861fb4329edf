//! An operator in Python with admission handlers, written with kopf, against `kmock serve`: over HTTPS, with the certificate that
//! it makes for itself. Skipped where there is no Python with `kopf` and `certbuilder` (`KMOCK_PYTHON` tells which to take).

use std::{
    io::{BufRead, BufReader, Read, Write},
    net::TcpStream,
    process::{Child, Command, Stdio},
    time::Duration,
};

const OPERATOR: &str = "
import kopf

@kopf.on.startup()
def configure(settings: kopf.OperatorSettings, **_):
    settings.admission.server = kopf.WebhookServer(addr='127.0.0.1', host='127.0.0.1')
    settings.admission.managed = 'auto.kopf.dev'

@kopf.on.validate('configmaps')
def refuse(body, warnings, **_):
    warnings.append('it was looked at')
    if body.get('data', {}).get('bad'):
        raise kopf.AdmissionError('no bad', code=422)

@kopf.on.mutate('configmaps')
def add(patch, **_):
    patch.setdefault('data', {})['added'] = 'yes'
";

/// Ends with the test.
struct Running(Child);

impl Drop for Running {
    fn drop(&mut self) {
        // One that ended already cannot be killed, and need not be.
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// A Database is a StatefulSet; its handler is tried again until that is ready.
const WAITING: &str = "
import json, os, urllib.error, urllib.request, kopf

SETS = os.environ['SERVER'] + '/apis/apps/v1/namespaces/default/statefulsets'

def ask(method, path='', body=None):
    data = None if body is None else json.dumps(body).encode()
    request = urllib.request.Request(SETS + path, data, {'content-type': 'application/json'}, method=method)
    with urllib.request.urlopen(request) as answer:
        return json.load(answer)

@kopf.on.create('example.com', 'v1', 'databases')
def create(spec, name, **_):
    body = {'apiVersion': 'apps/v1', 'kind': 'StatefulSet', 'metadata': {'name': name}, 'spec': {
        'replicas': spec['replicas'], 'serviceName': name, 'selector': {'matchLabels': {'db': name}},
        'template': {'metadata': {'labels': {'db': name}}, 'spec': {'containers': [{'name': 'db', 'image': 'postgres'}]}}}}
    kopf.adopt(body)
    try:
        ask('POST', '', body)
    except urllib.error.HTTPError as error:
        if error.code != 409:
            raise
    ready = ask('GET', '/' + name).get('status', {}).get('readyReplicas', 0)
    if ready < spec['replicas']:
        raise kopf.TemporaryError(f'{ready} are ready', delay=0.2)
    return {'members': ready}
";

const DEFINITION: &str = "apiVersion: apiextensions.k8s.io/v1
kind: CustomResourceDefinition
metadata: {name: databases.example.com}
spec:
  group: example.com
  scope: Namespaced
  names: {plural: databases, singular: database, kind: Database}
  versions:
  - name: v1
    served: true
    storage: true
    schema: {openAPIV3Schema: {type: object, x-kubernetes-preserve-unknown-fields: true}}
";

fn python(modules: &str) -> Option<String> {
    let python = std::env::var("KMOCK_PYTHON").unwrap_or_else(|_| "python3".to_owned());
    let found = Command::new(&python)
        .args(["-c", &format!("import {modules}")])
        .output();
    if found.is_ok_and(|output| output.status.success()) {
        return Some(python);
    }
    eprintln!("skipped: {python} has not all of {modules} (pip install)");
    None
}

fn connect(address: &str, head: &str, body: &str) -> BufReader<TcpStream> {
    let mut stream = TcpStream::connect(address).expect("it listens");
    let patience = Some(Duration::from_secs(60));
    stream.set_read_timeout(patience).expect("a timeout");
    write!(
        stream,
        "{head} HTTP/1.1\r\nhost: x\r\ncontent-type: application/json\r\ncontent-length: {}\r\nconnection: close\r\n\r\n{body}",
        body.len()
    )
    .expect("sent");
    BufReader::new(stream)
}

/// `kmock serve` with some more arguments, and its address.
fn serve(arguments: &[&std::ffi::OsStr]) -> (Running, String) {
    let mut server = Command::new(env!("CARGO_BIN_EXE_kmock"))
        .args(["serve", "--listen", "127.0.0.1:0"])
        .args(arguments)
        .stdout(Stdio::piped())
        .spawn()
        .expect("kmock starts");
    let mut first = String::new();
    let out = server.stdout.take().expect("a pipe");
    BufReader::new(out)
        .read_line(&mut first)
        .expect("a first line");
    let address = first.trim().strip_prefix("listening on http://");
    (Running(server), address.expect("an address").to_owned())
}

fn create(address: &str, name: &str, data: &str) -> String {
    let map = format!(
        "{{\"apiVersion\":\"v1\",\"kind\":\"ConfigMap\",\"metadata\":{{\"name\":\"{name}\"}},\"data\":{data}}}"
    );
    let head = "POST /api/v1/namespaces/default/configmaps";
    let mut answer = String::new();
    connect(address, head, &map)
        .read_to_string(&mut answer)
        .expect("an answer");
    answer
}

/// Reads a watch (`group/version/resource`) until a line has a text.
fn wait_for(address: &str, kind: &str, text: &str) {
    let head = format!("GET /apis/{kind}?watch=true");
    for line in connect(address, &head, "").lines() {
        if line.expect("a line").contains(text) {
            return;
        }
    }
    panic!("the watch ended");
}

#[test]
fn kopf_s_admission_handlers_are_called_over_https() {
    let Some(python) = python("kopf, certbuilder") else {
        return;
    };
    let folder = tempfile::tempdir().expect("a folder");
    let kubeconfig = folder.path().join("kubeconfig");
    let script = folder.path().join("operator.py");
    std::fs::write(&script, OPERATOR).expect("written");
    let (server, address) = serve(&["--kubeconfig".as_ref(), kubeconfig.as_ref()]);
    let address = address.as_str();
    let operator = Command::new(python)
        .args(["-m", "kopf", "run", "--standalone", "-n", "default"])
        .arg(&script)
        .env("KUBECONFIG", &kubeconfig)
        .env("PYTHONWARNINGS", "ignore")
        .spawn()
        .expect("kopf starts");
    let operator = Running(operator);
    for kind in [
        "validatingwebhookconfigurations",
        "mutatingwebhookconfigurations",
    ] {
        let of = format!("admissionregistration.k8s.io/v1/{kind}");
        wait_for(address, &of, "\"caBundle\"");
    }
    let good = create(address, "good", "{\"a\":\"b\"}");
    assert!(good.starts_with("HTTP/1.1 201"), "{good}");
    assert!(good.contains("\"added\":\"yes\""), "{good}");
    assert!(good.contains("it was looked at"), "{good}");
    let bad = create(address, "bad", "{\"bad\":\"1\"}");
    assert!(bad.starts_with("HTTP/1.1 422"), "{bad}");
    assert!(bad.contains("denied the request: no bad"), "{bad}");
    drop(operator);
    drop(server);
}

#[test]
fn an_operator_of_kopf_waits_for_its_stateful_set() {
    let Some(python) = python("kopf") else { return };
    let folder = tempfile::tempdir().expect("a folder");
    let path = |name: &str| folder.path().join(name);
    std::fs::write(path("operator.py"), WAITING).expect("written");
    std::fs::write(path("definition.yaml"), DEFINITION).expect("written");
    let images = "- {image: postgres, readyAfter: 300ms}\n";
    std::fs::write(path("images.yaml"), images).expect("written");
    let (server, address) = serve(&[
        "--nodes".as_ref(),
        "2".as_ref(),
        "--kubeconfig".as_ref(),
        path("kubeconfig").as_ref(),
        "--load".as_ref(),
        path("definition.yaml").as_ref(),
        "--images".as_ref(),
        path("images.yaml").as_ref(),
    ]);
    let operator = Command::new(python)
        .args(["-m", "kopf", "run", "--standalone", "-n", "default"])
        .arg(path("operator.py"))
        .env("KUBECONFIG", path("kubeconfig"))
        .env("SERVER", format!("http://{address}"))
        .env("PYTHONWARNINGS", "ignore")
        .spawn()
        .expect("kopf starts");
    let operator = Running(operator);
    let body = r#"{"apiVersion":"example.com/v1","kind":"Database","metadata":{"name":"db"},"spec":{"replicas":2}}"#;
    let head = "POST /apis/example.com/v1/namespaces/default/databases";
    let mut answer = String::new();
    connect(&address, head, body)
        .read_to_string(&mut answer)
        .expect("an answer");
    assert!(answer.starts_with("HTTP/1.1 201"), "{answer}");
    // The result of the handler is in the status, as kopf has it.
    wait_for(
        &address,
        "example.com/v1/databases",
        "\"create\":{\"members\":2}",
    );
    drop(operator);
    drop(server);
}
