//! Helm 4 installs a chart into a cluster that lives: it waits for its Deployment, runs the Jobs of its hooks and its test,
//! upgrades it, fails as it should, and takes it away. Skipped where there is no Python with `helm-python-sdk`, which is
//! Helm's own library (`KMOCK_PYTHON` tells which Python to take).

use std::{
    io::{BufRead, BufReader},
    process::{Child, Command, Stdio},
};

const CHART: [(&str, &str); 5] = [
    ("Chart.yaml", "apiVersion: v2\nname: shop\nversion: 0.1.0\n"),
    ("values.yaml", "image: shop:1\nmigrate: exit 0\n"),
    (
        "templates/web.yaml",
        "apiVersion: apps/v1
kind: Deployment
metadata: {name: {{ .Release.Name }}-web}
spec:
  replicas: 2
  selector: {matchLabels: {app: web}}
  template:
    metadata: {labels: {app: web}}
    spec: {containers: [{name: web, image: {{ .Values.image }}}]}
---
apiVersion: v1
kind: Service
metadata: {name: {{ .Release.Name }}-web}
spec: {selector: {app: web}, ports: [{port: 80}]}
---
apiVersion: apps/v1
kind: StatefulSet
metadata: {name: {{ .Release.Name }}-db}
spec:
  serviceName: db
  replicas: 1
  selector: {matchLabels: {app: db}}
  template:
    metadata: {labels: {app: db}}
    spec: {containers: [{name: db, image: postgres}]}
",
    ),
    (
        "templates/migrate.yaml",
        "apiVersion: batch/v1
kind: Job
metadata:
  name: {{ .Release.Name }}-migrate
  annotations: {helm.sh/hook: 'pre-install,pre-upgrade', helm.sh/hook-delete-policy: before-hook-creation}
spec:
  backoffLimit: 0
  template:
    spec:
      restartPolicy: Never
      containers: [{name: migrate, image: busybox, command: [sh, -c, {{ .Values.migrate | quote }}]}]
",
    ),
    (
        "templates/test.yaml",
        "apiVersion: v1
kind: Pod
metadata: {name: {{ .Release.Name }}-test, annotations: {helm.sh/hook: test}}
spec: {restartPolicy: Never, containers: [{name: t, image: busybox, command: ['true']}]}
",
    ),
];

const SESSION: &str = "
import sys, helm_python
config = helm_python.Config(kubeconfig_path=sys.argv[1], namespace='default')
chart = helm_python.Chart.load(sys.argv[2])

def said(release):
    print(release.get('status') or release['info']['status'], release.get('revision') or release['version'])

said(config.install(chart, 'shop', wait='watcher', timeout=60))
config.test('shop', timeout=60)
print('tested')
said(config.upgrade(chart, 'shop', {'image': 'shop:2'}, wait='watcher', timeout=60))
try:
    config.upgrade(chart, 'shop', {'migrate': 'echo no database; exit 3'}, wait='watcher', timeout=60)
except helm_python.HelmError as error:
    print('failed:', 'pre-upgrade hooks failed' in str(error))
try:
    config.upgrade(chart, 'shop', {'image': 'broken'}, wait='watcher', timeout=3)
except helm_python.HelmError as error:
    print('late:', 'shop-web' in str(error) or 'deadline' in str(error))
config.rollback('shop', version=2, wait='watcher', timeout=60)
config.uninstall('shop', wait='watcher', timeout=60)
print('gone')
";

/// Ends with the test.
struct Served(Child);

impl Drop for Served {
    fn drop(&mut self) {
        // One that ended already cannot be killed, and need not be.
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

#[test]
fn a_chart_is_installed_tested_upgraded_and_taken_away() {
    let python = std::env::var("KMOCK_PYTHON").unwrap_or_else(|_| "python3".to_owned());
    let found = Command::new(&python)
        .args(["-c", "import helm_python"])
        .output();
    if !found.is_ok_and(|output| output.status.success()) {
        eprintln!("skipped: {python} has no Helm (pip install helm-python-sdk)");
        return;
    }
    let folder = tempfile::tempdir().expect("a folder");
    let path = |name: &str| folder.path().join(name);
    std::fs::create_dir_all(path("chart/templates")).expect("a folder");
    for (name, text) in CHART {
        std::fs::write(path("chart").join(name), text).expect("written");
    }
    std::fs::write(path("images.yaml"), "- {image: broken, ready: false}\n").expect("written");
    let mut served = Command::new(env!("CARGO_BIN_EXE_kmock"))
        .args(["serve", "--nodes", "2", "--images"])
        .arg(path("images.yaml"))
        .arg("--kubeconfig")
        .arg(path("kubeconfig"))
        .stdout(Stdio::piped())
        .spawn()
        .expect("kmock starts");
    let mut first = String::new();
    let mut out = BufReader::new(served.stdout.take().expect("a pipe"));
    let _served = Served(served);
    out.read_line(&mut first).expect("a first line");
    let ran = Command::new(&python)
        .args(["-c", SESSION])
        .args([path("kubeconfig"), path("chart")])
        .env("HOME", folder.path())
        .output()
        .expect("python runs");
    let said = String::from_utf8_lossy(&ran.stdout);
    let wrong = String::from_utf8_lossy(&ran.stderr);
    assert_eq!(
        said, "deployed 1\ntested\ndeployed 2\nfailed: True\nlate: True\ngone\n",
        "{wrong}"
    );
}
