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

fn python() -> Option<String> {
    let python = std::env::var("KMOCK_PYTHON").unwrap_or_else(|_| "python3".to_owned());
    let found = Command::new(&python)
        .args(["-c", "import kopf, certbuilder"])
        .output();
    if found.is_ok_and(|output| output.status.success()) {
        return Some(python);
    }
    eprintln!("skipped: {python} has no kopf and certbuilder (pip install kopf certbuilder)");
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

/// Reads a watch until a line has a text.
fn wait_for(address: &str, kind: &str, text: &str) {
    let head = format!("GET /apis/admissionregistration.k8s.io/v1/{kind}?watch=true");
    for line in connect(address, &head, "").lines() {
        if line.expect("a line").contains(text) {
            return;
        }
    }
    panic!("the watch ended");
}

#[test]
fn kopf_s_admission_handlers_are_called_over_https() {
    let Some(python) = python() else { return };
    let folder = tempfile::tempdir().expect("a folder");
    let kubeconfig = folder.path().join("kubeconfig");
    let script = folder.path().join("operator.py");
    std::fs::write(&script, OPERATOR).expect("written");
    let mut server = Command::new(env!("CARGO_BIN_EXE_kmock"))
        .args(["serve", "--listen", "127.0.0.1:0", "--kubeconfig"])
        .arg(&kubeconfig)
        .stdout(Stdio::piped())
        .spawn()
        .expect("kmock starts");
    let mut first = String::new();
    let out = server.stdout.take().expect("a pipe");
    BufReader::new(out)
        .read_line(&mut first)
        .expect("a first line");
    let server = Running(server);
    let address = first.trim().strip_prefix("listening on http://");
    let address = address.expect("an address");
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
        wait_for(address, kind, "\"caBundle\"");
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
