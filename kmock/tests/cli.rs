//! The command line tool, as a user runs it.

#[path = "cli/inputs.rs"]
mod inputs;
mod program;
#[path = "cli/side_by_side.rs"]
mod side_by_side;

use std::{
    io::{BufRead, BufReader, Read, Write},
    net::TcpStream,
    path::Path,
    process::{Command, Stdio},
};

use program::Program;

struct Served {
    program: Program,
    address: String,
}

impl Served {
    fn start(arguments: &[&str]) -> Served {
        Served::run(&[&["serve"], arguments].concat())
    }

    fn run(arguments: &[&str]) -> Served {
        Served::of(Program::start(arguments))
    }

    fn of(program: Program) -> Served {
        let address = program.url.strip_prefix("http://");
        let address = address.expect("plain HTTP").to_owned();
        Served { program, address }
    }

    fn line(&mut self) -> String {
        self.program.line()
    }

    fn end(self, signal: &str) -> String {
        self.program.end(signal)
    }

    fn get(&self, path: &str) -> String {
        self.get_with(path, "accept: */*")
    }

    /// A GET with one more line of its head.
    fn get_with(&self, path: &str, head: &str) -> String {
        let mut stream = TcpStream::connect(&self.address).expect("it listens");
        write!(
            stream,
            "GET {path} HTTP/1.1\r\nhost: x\r\n{head}\r\nconnection: close\r\n\r\n"
        )
        .expect("sent");
        let mut text = String::new();
        stream.read_to_string(&mut text).expect("an answer");
        text
    }
}

#[test]
fn it_says_how_to_use_it_and_ends_with_a_summary() {
    let folder = tempfile::tempdir().expect("a folder");
    let file = folder.path().join("kubeconfig");
    let path = file.to_str().expect("text");
    let mut served = Served::start(&[
        "--listen",
        "127.0.0.1:0",
        "--kubeconfig",
        path,
        "--rule",
        "get /hello => 201 {\"a\": 1}",
    ]);
    assert_eq!(served.line(), format!("export KUBECONFIG={path}"));
    assert!(served.line().starts_with("kubectl "));
    assert!(served.line().starts_with("curl http://"));
    let kubeconfig = std::fs::read_to_string(&file).expect("a kubeconfig");
    assert!(
        kubeconfig.contains(&format!("server: http://{}", served.address)),
        "{kubeconfig}"
    );

    let hello = served.get("/hello");
    assert!(
        hello.starts_with("HTTP/1.1 201") && hello.ends_with("{\"a\":1}"),
        "{hello}"
    );
    assert!(served.get("/version").contains("\"gitVersion\""));
    assert!(served.get("/nowhere").starts_with("HTTP/1.1 404"));

    let said = served.end("-TERM");
    assert!(said.contains("3 requests:"), "{said}");
    assert!(said.contains("1 × GET /hello → 201"), "{said}");
    assert!(file.exists(), "a file that was asked for stays");
}

#[test]
fn control_c_ends_it_too_and_takes_the_temporary_kubeconfig_along() {
    let mut served = Served::start(&[]);
    let line = served.line();
    let path = line
        .strip_prefix("export KUBECONFIG=")
        .expect("a kubeconfig")
        .to_owned();
    assert!(Path::new(&path).exists());
    assert!(served.end("-INT").contains("nothing was asked"));
    assert!(!Path::new(&path).exists());
}

#[test]
fn objects_are_loaded_from_files() {
    let folder = tempfile::tempdir().expect("a folder");
    let file = folder.path().join("objects.yaml");
    let text = "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: one}\ndata: {a: \"1\"}\n---\napiVersion: v1\nkind: Namespace\nmetadata:\n  name: blue\n";
    std::fs::write(&file, text).expect("written");
    let served = Served::start(&["--load", file.to_str().expect("text")]);
    assert!(
        served
            .get("/api/v1/namespaces/default/configmaps/one")
            .contains("\"a\":\"1\"")
    );
    assert!(
        served
            .get("/api/v1/namespaces/blue")
            .starts_with("HTTP/1.1 200")
    );
    served.end("-TERM");
}

#[test]
fn rules_are_read_from_files_and_requests_are_told() {
    let folder = tempfile::tempdir().expect("a folder");
    let (rules, body) = (folder.path().join("rules"), folder.path().join("body.json"));
    std::fs::write(&body, "{\"from\": \"a file\"}").expect("written");
    let text = format!(
        "# what the client asks first\n\nget /hello => 201 {{\"a\": 1}}\n  /file => @{}\npost => 202\n",
        body.display()
    );
    std::fs::write(&rules, text).expect("written");
    let mut served = Served::start(&[
        "--raw",
        "--verbose",
        "--rules",
        rules.to_str().expect("text"),
        "--rule",
        "get /hello?first => 203",
    ]);
    assert!(served.line().starts_with("curl http://"));
    assert!(served.get("/hello").starts_with("HTTP/1.1 201"));
    assert!(served.get("/hello?first").starts_with("HTTP/1.1 203"));
    let file = served.get("/file");
    assert!(
        file.contains("application/json") && file.ends_with("{\"from\": \"a file\"}"),
        "{file}"
    );
    assert!(served.get("/elsewhere").starts_with("HTTP/1.1 404"));
    let mut told: Vec<_> = (0..4).map(|_| served.line()).collect();
    told.sort();
    let place = |line| format!("   {}:{line}:1", rules.display());
    assert!(
        told[0].starts_with("200 GET /file   rule `/file => @") && told[0].ends_with(&place(4)),
        "{told:?}"
    );
    assert!(told[1].ends_with(&place(3)), "{told:?}");
    assert!(told[2].ends_with("   --rule:1:1"), "{told:?}");
    assert!(
        told[3].starts_with("404 GET /elsewhere   no rule"),
        "{told:?}"
    );
    served.end("-TERM");

    std::fs::write(&rules, "# fine\nget /x => 200\nget /y\n").expect("written");
    let output = Command::new(env!("CARGO_BIN_EXE_kmock"))
        .args(["serve", "--rules"])
        .arg(&rules)
        .output()
        .expect("it runs");
    let said = String::from_utf8_lossy(&output.stderr);
    let place = format!(
        "{}:3: 'get /y': expected `FILTER => REPLY`",
        rules.display()
    );
    assert!(!output.status.success() && said.contains(&place), "{said}");
}

#[test]
fn mistakes_are_told_and_end_it() {
    for (arguments, reason) in [
        (["serve", "--rule", "get /x"], "expected `FILTER => REPLY`"),
        (["serve", "--load", "/nowhere.yaml"], "/nowhere.yaml"),
        (["serve", "--listen", "elsewhere"], "elsewhere"),
    ] {
        let output = Command::new(env!("CARGO_BIN_EXE_kmock"))
            .args(arguments)
            .output()
            .expect("it runs");
        assert!(!output.status.success());
        let said = String::from_utf8_lossy(&output.stderr);
        assert!(said.contains(reason), "{said}");
    }
}

#[test]
fn a_port_that_is_taken_is_told_in_one_line() {
    let taken = std::net::TcpListener::bind("127.0.0.1:0").expect("a port");
    let address = taken.local_addr().expect("an address").to_string();
    let output = Command::new(env!("CARGO_BIN_EXE_kmock"))
        .args(["serve", "--listen", &address])
        .output()
        .expect("it runs");
    assert_eq!(output.status.code(), Some(1));
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(said.contains(&address), "{said}");
    assert_eq!(said.trim().lines().count(), 1, "{said}");
}

#[test]
fn under_load_it_ends_soon_and_with_its_summary() {
    use std::sync::atomic::{AtomicUsize, Ordering};
    let served = Served::start(&[]);
    let (address, asked) = (served.address.clone(), AtomicUsize::new(0));
    std::thread::scope(|scope| {
        for _ in 0..4 {
            scope.spawn(|| {
                // Until nobody listens any more.
                while let Ok(mut stream) = TcpStream::connect(&address) {
                    let _ = stream.write_all(
                        b"GET /version HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n",
                    );
                    let _ = stream.read_to_string(&mut String::new());
                    asked.fetch_add(1, Ordering::Relaxed);
                }
            });
        }
        while asked.load(Ordering::Relaxed) < 100 {
            std::thread::yield_now();
        }
        let began = std::time::Instant::now();
        let said = served.end("-TERM");
        assert!(began.elapsed().as_secs() < 10, "{:?}", began.elapsed());
        assert!(said.contains("× GET /version → 200"), "{said}");
    });
}

/// A full disk, or a reader that has left: what it says is lost, and it serves on.
#[cfg(target_os = "linux")]
#[test]
fn it_serves_on_where_nobody_can_read_what_it_says() {
    let full = || {
        let full = std::fs::OpenOptions::new().write(true).open("/dev/full");
        Stdio::from(full.expect("a full disk"))
    };
    let left = || {
        let (reader, writer) = std::io::pipe().expect("a pipe");
        drop(reader);
        Stdio::from(writer)
    };
    for (said, told) in [(full(), full()), (left(), left())] {
        let free = std::net::TcpListener::bind("127.0.0.1:0").expect("a port");
        let address = free.local_addr().expect("an address").to_string();
        drop(free);
        let mut program = Command::new(env!("CARGO_BIN_EXE_kmock"))
            .args(["serve", "--listen", &address])
            .stdout(said)
            .stderr(told)
            .spawn()
            .expect("it runs");
        let began = std::time::Instant::now();
        let mut stream = loop {
            if let Ok(stream) = TcpStream::connect(&address) {
                break stream;
            }
            let ended = program.try_wait().expect("a state");
            assert!(
                ended.is_none() && began.elapsed().as_secs() < 60,
                "{ended:?}"
            );
            std::thread::yield_now();
        };
        stream
            .write_all(b"GET /version HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n")
            .expect("sent");
        let mut text = String::new();
        stream.read_to_string(&mut text).expect("an answer");
        assert!(text.contains("\"gitVersion\""), "{text}");
        let ended = Command::new("kill")
            .args(["-TERM", &program.id().to_string()])
            .status();
        assert!(ended.expect("it runs").success());
        assert_eq!(program.wait().expect("it ends").code(), Some(0));
    }
}

#[test]
fn the_kubeconfig_is_there_before_it_tells_that_it_listens() {
    let folder = tempfile::tempdir().expect("a folder");
    let missing = folder.path().join("missing").join("kubeconfig");
    let output = Command::new(env!("CARGO_BIN_EXE_kmock"))
        .args(["serve", "--kubeconfig"])
        .arg(&missing)
        .output()
        .expect("it runs");
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(said.contains("cannot write the kubeconfig"), "{said}");
    assert_eq!(String::from_utf8_lossy(&output.stdout), "");
}

/// A program of this machine, or a message that its test is skipped.
fn kubectl() -> Option<Command> {
    let found = Command::new("kubectl")
        .args(["version", "--client"])
        .output();
    if found.is_ok_and(|output| output.status.success()) {
        return Some(Command::new("kubectl"));
    }
    eprintln!("skipped: there is no kubectl on this machine");
    None
}

#[test]
fn kubectl_tells_of_unknown_kinds_and_explains_fields() {
    if kubectl().is_none() {
        return;
    }
    let folder = tempfile::tempdir().expect("a folder");
    let file = folder.path().join("kubeconfig");
    let manifest = folder.path().join("unknown.yaml");
    let text = "apiVersion: nope.example.com/v1\nkind: Nope\nmetadata: {name: nn}\n";
    std::fs::write(&manifest, text).expect("written");
    let _served = Served::start(&["--kubeconfig", file.to_str().expect("text")]);
    let run = |args: &[&str]| {
        let output = Command::new("kubectl")
            .arg("--kubeconfig")
            .arg(&file)
            .args(args)
            .env("HOME", folder.path())
            .output()
            .expect("it runs");
        let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
        (text(&output.stdout), text(&output.stderr))
    };
    let (_, told) = run(&["apply", "-f", manifest.to_str().expect("text")]);
    assert!(
        told.contains("no matches for kind \"Nope\" in version \"nope.example.com/v1\""),
        "{told}"
    );
    assert!(told.contains("ensure CRDs are installed first"), "{told}");
    let (told, _) = run(&["explain", "deployment.spec.strategy"]);
    assert!(
        told.contains("The deployment strategy to use to replace existing pods"),
        "{told}"
    );
    let (told, errors) = run(&["explain", "pods.spec", "--output=plaintext-openapiv2"]);
    assert!(told.contains("nodeSelector"), "{told}{errors}");
}

#[test]
fn kubectl_talks_to_it() {
    let Some(mut kubectl) = kubectl() else { return };
    let folder = tempfile::tempdir().expect("a folder");
    let file = folder.path().join("kubeconfig");
    let served = Served::start(&["--kubeconfig", file.to_str().expect("text")]);
    let output = kubectl
        .arg("--kubeconfig")
        .arg(&file)
        .args(["get", "--raw", "/version"])
        .env("HOME", folder.path())
        .output()
        .expect("it runs");
    assert!(
        output.status.success(),
        "{}",
        String::from_utf8_lossy(&output.stderr)
    );
    assert!(String::from_utf8_lossy(&output.stdout).contains("gitVersion"));
    assert!(served.end("-TERM").contains("GET /version → 200"));
}

#[cfg(feature = "fetch")]
#[test]
fn resources_are_fetched_from_one_cluster_and_served_by_another() {
    let folder = tempfile::tempdir().expect("a folder");
    let (kubeconfig, dump) = (
        folder.path().join("kubeconfig"),
        folder.path().join("dump.json"),
    );
    let real = Served::start(&["--kubeconfig", kubeconfig.to_str().expect("text")]);
    let fetched = Command::new(env!("CARGO_BIN_EXE_kmock"))
        .args([
            "fetch",
            "resources",
            "--include",
            "apps/*/*",
            "--include",
            "v1/pods",
            "--exclude",
            "*/*/replicasets",
        ])
        .arg("--kubeconfig")
        .arg(&kubeconfig)
        .arg("--output")
        .arg(&dump)
        .output()
        .expect("it runs");
    assert!(
        fetched.status.success(),
        "{}",
        String::from_utf8_lossy(&fetched.stderr)
    );
    let text = std::fs::read_to_string(&dump).expect("a dump");
    assert!(
        text.contains("\"deployments\"") && text.contains("\"pods\""),
        "{text}"
    );
    assert!(
        !text.contains("\"replicasets\"") && !text.contains("\"configmaps\""),
        "{text}"
    );
    real.end("-TERM");
    let mock = Served::start(&["--resources", dump.to_str().expect("text")]);
    assert!(mock.get("/apis/apps/v1").contains("deployments"));
    mock.end("-TERM");
}

/// Runs `kmock serve` with arguments that it refuses; what it says.
fn refused(arguments: &[&str]) -> String {
    let output = Command::new(env!("CARGO_BIN_EXE_kmock"))
        .arg("serve")
        .args(arguments)
        .output()
        .expect("it runs");
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    assert_eq!(output.status.code(), Some(1), "{said}");
    said
}

#[test]
fn directories_are_loaded_in_any_order_definitions_first() {
    let folder = tempfile::tempdir().expect("a folder");
    let below = folder.path().join("below");
    std::fs::create_dir(&below).expect("a folder");
    let write = |path: &Path, text: &str| std::fs::write(path, text).expect("written");
    write(
        &folder.path().join("a-site.yaml"),
        "apiVersion: example.com/v1\nkind: Site\nmetadata: {name: blog, namespace: web}\n",
    );
    write(
        &below.join("crd.yml"),
        "apiVersion: apiextensions.k8s.io/v1\nkind: CustomResourceDefinition\nmetadata: {name: sites.example.com}\n\
         spec:\n  group: example.com\n  scope: Namespaced\n  names: {plural: sites, singular: site, kind: Site}\n  \
         versions:\n  - name: v1\n    served: true\n    storage: true\n    schema:\n      openAPIV3Schema: {type: object}\n",
    );
    write(&below.join("notes.txt"), "no objects");
    write(
        &below.join("map.json"),
        "{\"apiVersion\": \"v1\", \"kind\": \"List\", \"items\": [\n\t{\"apiVersion\": \"v1\", \"kind\": \"ConfigMap\", \"metadata\": {\"name\": \"one\"}}]}",
    );
    let served = Served::start(&["--load", folder.path().to_str().expect("text")]);
    let site = served.get("/apis/example.com/v1/namespaces/web/sites/blog");
    assert!(site.starts_with("HTTP/1.1 200"), "{site}");
    let map = served.get("/api/v1/namespaces/default/configmaps/one");
    assert!(map.starts_with("HTTP/1.1 200"), "{map}");
    served.end("-TERM");
}

#[test]
fn standard_input_is_loaded_and_oddities_are_told() {
    let mut child = Command::new(env!("CARGO_BIN_EXE_kmock"))
        .args(["serve", "--load", "-"])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .expect("kmock starts");
    let text = "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: one, namespace: blue}\ndta: {}\n---\n\
        apiVersion: v1\nkind: ConfigMap\nmetadata: {name: one, namespace: blue}\n";
    let mut input = child.stdin.take().expect("a pipe");
    input.write_all(text.as_bytes()).expect("written");
    drop(input);
    let mut out = BufReader::new(child.stdout.take().expect("a pipe"));
    let mut first = String::new();
    out.read_line(&mut first).expect("a first line");
    assert!(first.starts_with("listening on"), "{first}");
    let id = child.id().to_string();
    assert!(
        Command::new("kill")
            .args(["-HUP", &id])
            .status()
            .expect("kill runs")
            .success()
    );
    assert!(
        child.wait().expect("it ends").success(),
        "a closed terminal ends it, too"
    );
    let mut said = String::new();
    child
        .stderr
        .take()
        .expect("a pipe")
        .read_to_string(&mut said)
        .expect("text");
    for part in [
        "standard input:1 (document 1): there is no namespace \"blue\": it is made",
        "standard input:1 (document 1): unknown field \"dta\"",
        "standard input:6 (document 2): ConfigMap blue/one is at standard input:1 (document 1), too",
    ] {
        assert!(said.contains(part), "{part} in:\n{said}");
    }
}

#[test]
fn objects_that_the_server_refuses_are_refused_at_their_lines() {
    let folder = tempfile::tempdir().expect("a folder");
    let file = folder.path().join("f.yaml");
    let path = file.to_str().expect("text");
    for (text, reasons) in [
        (
            "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: a}\n---\napiVersion: v1\nkind: ConfigMap\nmetadata: {name: B_}\n",
            ["f.yaml:5 (document 2): ", "B_"],
        ),
        (
            "apiVersion: v1\nkind: Pod\nmetadata: {name: a}\nspec: {containers: []}\n",
            ["f.yaml:1: ", "spec.containers: Required value"],
        ),
        (
            "kind: Odd\nmetadata: {name: a}\n",
            ["f.yaml:1: no resource has the kind \"Odd\"", "--resources"],
        ),
        ("\n\na: [\n", ["f.yaml:", "--load"]),
        ("just a text\n", ["f.yaml:1: ", "no object"]),
    ] {
        std::fs::write(&file, text).expect("written");
        let said = refused(&["--load", path]);
        assert!(
            reasons.iter().all(|reason| said.contains(reason)),
            "{text}\n{said}"
        );
        assert_eq!(said.matches("f.yaml").count(), 1, "{said}");
        assert!(!said.contains("resources()"), "{said}");
    }
}

#[test]
fn a_kubeconfig_of_somebody_else_is_never_overwritten() {
    let folder = tempfile::tempdir().expect("a folder");
    let file = folder.path().join("config");
    let path = file.to_str().expect("text");
    std::fs::write(&file, "apiVersion: v1\nkind: Config\n").expect("written");
    let said = refused(&["--kubeconfig", path]);
    assert!(said.contains("kmock has not written"), "{said}");
    assert_eq!(
        std::fs::read_to_string(&file).expect("there"),
        "apiVersion: v1\nkind: Config\n"
    );
    // Its own, of another run, is.
    std::fs::remove_file(&file).expect("removed");
    Served::start(&["--kubeconfig", path]).end("-TERM");
    let served = Served::start(&["--kubeconfig", path]);
    let text = std::fs::read_to_string(&file).expect("there");
    assert!(text.contains(&served.address), "{text}");
    assert!(text.contains("insecure-skip-tls-verify: true"), "{text}");
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt;
        let mode = std::fs::metadata(&file)
            .expect("there")
            .permissions()
            .mode();
        assert_eq!(mode & 0o777, 0o600);
    }
    served.end("-TERM");
}

#[test]
fn nobody_can_guess_where_the_temporary_kubeconfig_is() {
    let mut names = Vec::new();
    for _ in 0..2 {
        let mut served = Served::start(&[]);
        let line = served.line();
        let path = line
            .strip_prefix("export KUBECONFIG=")
            .expect("a path")
            .to_owned();
        let name = path.rsplit_once('-').expect("a name").1.to_owned();
        assert_eq!(name.len(), 16 + ".kubeconfig".len(), "{path}");
        names.push(name);
        served.end("-TERM");
    }
    assert_ne!(names[0], names[1]);
}

#[test]
fn what_comes_to_nothing_is_refused() {
    for (arguments, reason) in [
        (
            ["--raw", "--controllers"].as_slice(),
            "--controllers needs the Kubernetes API",
        ),
        (
            &["--raw", "--kubeconfig", "f"],
            "--kubeconfig needs the Kubernetes API",
        ),
        (&["--rule", "get /x header a=b => 200"], "for rules in Rust"),
        (&["--rule", "GET \"/x\" header => 200"], "has no spaces"),
        (&["--rule", "get /x => 1000 b"], "`1000` is no status"),
    ] {
        let said = refused(arguments);
        assert!(said.contains(reason), "{said}");
    }
}

#[test]
fn some_parts_of_a_cluster_live_beside_those_of_others() {
    let why = refused(&["--parts", "kubelets,kublets"]);
    assert!(
        why.contains("--parts: there is no controller \"kublets\"; there are deployments, "),
        "{why}"
    );
    let why = refused(&["--parts", "kubelets", "--cluster"]);
    assert!(why.contains("a cluster that lives has all parts"), "{why}");
    let folder = tempfile::tempdir().expect("a folder");
    let file = folder.path().join("objects.yaml");
    let objects = r#"[
        {"apiVersion": "v1", "kind": "Pod", "metadata": {"name": "bound", "namespace": "default"},
         "spec": {"nodeName": "node-1", "containers": [{"name": "main", "image": "web"}]}},
        {"apiVersion": "v1", "kind": "Pod", "metadata": {"name": "free", "namespace": "default"},
         "spec": {"containers": [{"name": "main", "image": "web"}]}},
        {"apiVersion": "apps/v1", "kind": "Deployment", "metadata": {"name": "web", "namespace": "default"},
         "spec": {"selector": {"matchLabels": {"app": "web"}}, "template": {"metadata": {"labels": {"app": "web"}},
          "spec": {"containers": [{"name": "main", "image": "web"}]}}}}
    ]"#;
    let list = format!(r#"{{"apiVersion": "v1", "kind": "List", "items": {objects}}}"#);
    std::fs::write(&file, list).expect("written");
    let file = file.to_str().expect("text");
    let served = Served::start(&["--parts", "kubelets", "--nodes", "1", "--load", file]);
    let pods = "/api/v1/namespaces/default/pods";
    while !served
        .get(&format!("{pods}/bound"))
        .contains("\"phase\":\"Running\"")
    {
        std::thread::yield_now();
    }
    let free = served.get(&format!("{pods}/free"));
    assert!(!free.contains("nodeName"), "{free}");
    // Nobody else is there: no Pods of the Deployment, and no account of the namespace.
    for nothing in [
        "/apis/apps/v1/namespaces/default/replicasets",
        "/api/v1/namespaces/default/serviceaccounts",
    ] {
        let listed = served.get(nothing);
        assert!(listed.contains("\"items\":[]"), "{listed}");
    }
}

#[test]
fn kubelets_are_restricted_where_that_is_asked_for() {
    let why = refused(&["--enable-admission-plugins", "EventRateLimit"]);
    assert!(
        why.contains("kmock has no admission plugin EventRateLimit: ServiceAccount and NodeRestriction can be enabled"),
        "{why}"
    );
    let why = refused(&["--authorization-mode", "Webhook"]);
    assert!(
        why.contains("--authorization-mode Webhook: kmock has RBAC, Node"),
        "{why}"
    );
    let tokens = tempfile::NamedTempFile::new().expect("a file");
    std::fs::write(tokens.path(), "t0ken,system:node:n1,u,system:nodes\n").expect("written");
    let tokens = tokens.path().display().to_string();
    let server = Served::start(&[
        "--authorization-mode",
        "Node,RBAC",
        "--enable-admission-plugins",
        "NodeRestriction,Priority",
        "--token-file",
        &tokens,
    ]);
    let refused = server.get_with("/api/v1/nodes/n2", "authorization: Bearer t0ken");
    assert!(
        refused.contains("node 'n1' cannot read 'n2', only its own Node object"),
        "{refused}"
    );
}

#[test]
fn versions_go_on_over_restarts_and_the_server_may_say_another_one() {
    let version = |served: &Served| {
        let list = served.get("/api/v1/namespaces");
        let at = list.find("\"resourceVersion\":\"").expect("a version") + 19;
        let digits: String = list[at..]
            .chars()
            .take_while(char::is_ascii_digit)
            .collect();
        digits.parse::<u64>().expect("a number")
    };
    let first = Served::start(&["--kubernetes-version", "v1.31.4"]);
    let told = first.get("/version");
    assert!(
        told.contains("\"gitVersion\": \"v1.31.4\"") && told.contains("\"minor\": \"31\""),
        "{told}"
    );
    let before = version(&first);
    first.end("-TERM");
    let second = Served::start(&[]);
    assert!(version(&second) > before);
    second.end("-TERM");
}

#[test]
fn it_remembers_the_last_requests_only_and_counts_all() {
    let mut served = Served::start(&["--raw", "--keep", "3", "--rule", "get /x => 200", "-v"]);
    served.line();
    for _ in 0..10 {
        served.get("/x");
    }
    let mut stream = TcpStream::connect(&served.address).expect("it listens");
    stream
        .write_all(b"\x16\x03\x01\x00\x05hello")
        .expect("sent");
    // It is closed when it was told.
    let _ = stream.read_to_end(&mut Vec::new());
    let said = served.end("-TERM");
    assert!(
        said.contains("10 requests; 7 are forgotten (see --keep)"),
        "{said}"
    );
    assert!(said.contains("3 × GET /x → 200"), "{said}");
    assert!(said.contains("error: a TLS handshake came"), "{said}");
}

#[test]
fn kubectl_sees_a_rollout_a_job_and_a_drain() {
    if kubectl().is_none() {
        return;
    }
    let folder = tempfile::tempdir().expect("a folder");
    let (config, images) = (
        folder.path().join("kubeconfig"),
        folder.path().join("images.yaml"),
    );
    let text =
        "- {image: 'migrate', exit: 0, log: migrated}\n- {image: 'bad', runs: '..1', exit: 3}\n";
    std::fs::write(&images, text).expect("written");
    let path = |path: &Path| path.to_str().expect("text").to_owned();
    let served = Served::start(&[
        "--nodes",
        "2",
        "--images",
        &path(&images),
        "--kubeconfig",
        &path(&config),
    ]);
    let run = |arguments: &[&str]| well(&mut kubectl_at(&config, arguments));
    run(&[
        "create",
        "deployment",
        "web",
        "--image=nginx",
        "--replicas=3",
    ]);
    let said = run(&["rollout", "status", "deployment/web", "--timeout=30s"]);
    assert!(said.contains("successfully rolled out"), "{said}");
    run(&["set", "image", "deployment/web", "nginx=nginx:2"]);
    run(&["rollout", "status", "deployment/web", "--timeout=30s"]);
    run(&["rollout", "undo", "deployment/web"]);
    run(&["rollout", "status", "deployment/web", "--timeout=30s"]);
    let history = run(&["rollout", "history", "deployment/web"]);
    assert!(
        history.contains("\n2 ") && history.contains("\n3 "),
        "{history}"
    );
    run(&["create", "job", "once", "--image=migrate"]);
    run(&[
        "wait",
        "--for=condition=complete",
        "job/once",
        "--timeout=30s",
    ]);
    let said = run(&["logs", "job/once"]);
    assert_eq!(said, "migrated\n");
    run(&["drain", "node-1", "--timeout=30s"]);
    let nodes = run(&[
        "get",
        "pods",
        "-l",
        "app=web",
        "-o",
        "jsonpath={.items[*].spec.nodeName}",
    ]);
    assert!(!nodes.contains("node-1"), "{nodes}");
    run(&["delete", "pod", "-l", "app=web", "--timeout=30s"]);
    let wide = run(&["get", "nodes"]);
    assert!(wide.contains("Ready,SchedulingDisabled"), "{wide}");
    served.end("-TERM");
}

/// The streams of kubectl: commands with their input, codes and copies; forwarded ports; logs that are followed.
#[test]
fn kubectl_runs_commands_copies_files_and_forwards_ports() {
    use std::io::{BufRead, Read, Write};
    if kubectl().is_none() {
        return;
    }
    let folder = tempfile::tempdir().expect("a folder");
    let path = |name: &str| folder.path().join(name).to_str().expect("text").to_owned();
    let images = "- {image: web, log: listening, serve: {8080: hello}, exec: {'psql *': '1 row', 'bad': {stderr: refused, exit: 3}}}\n";
    std::fs::write(path("images.yaml"), images).expect("written");
    let (images, config) = (path("images.yaml"), path("kubeconfig"));
    let served = Served::start(&["--nodes", "1", "--images", &images, "--kubeconfig", &config]);
    let command = |arguments: &[&str]| kubectl_at(Path::new(&config), arguments);
    let run = |arguments: &[&str]| said_by(&mut command(arguments));
    let well = |arguments: &[&str]| well(&mut command(arguments));
    well(&["run", "web", "--image=web", "--port=8080"]);
    well(&["wait", "--for=condition=Ready", "pod/web", "--timeout=30s"]);
    assert_eq!(
        well(&["exec", "web", "--", "psql", "-c", "select"]),
        "1 row"
    );
    let (code, text) = run(&["exec", "web", "--", "bad"]);
    assert_eq!(code, Some(3), "{text}");
    assert_eq!(text, "refusedcommand terminated with exit code 3\n");
    let mut cat = command(&["exec", "-i", "web", "--", "cat"])
        .stdin(std::process::Stdio::piped())
        .stdout(std::process::Stdio::piped())
        .spawn()
        .expect("kubectl runs");
    cat.stdin
        .take()
        .expect("piped")
        .write_all(b"to and fro\n")
        .expect("written");
    let output = cat.wait_with_output().expect("it ends");
    assert_eq!(output.stdout, b"to and fro\n");
    std::fs::write(path("note"), "remember").expect("written");
    well(&["cp", &path("note"), "web:/tmp/note"]);
    assert_eq!(well(&["exec", "web", "--", "cat", "/tmp/note"]), "remember");
    well(&["cp", "web:/tmp/note", &path("back")]);
    assert_eq!(
        std::fs::read_to_string(path("back")).expect("copied"),
        "remember"
    );
    let mut forward = command(&["port-forward", "pod/web", ":8080"])
        .stdout(std::process::Stdio::piped())
        .spawn()
        .expect("kubectl runs");
    let mut line = String::new();
    let mut said = std::io::BufReader::new(forward.stdout.take().expect("piped"));
    said.read_line(&mut line).expect("read");
    let port = line
        .split([':', ' '])
        .find_map(|word| word.parse::<u16>().ok());
    for _ in 0..2 {
        let mut stream =
            std::net::TcpStream::connect(("127.0.0.1", port.expect("told"))).expect("forwarded");
        stream
            .write_all(b"GET / HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n")
            .expect("written");
        let mut answer = String::new();
        stream.read_to_string(&mut answer).expect("read");
        assert!(answer.ends_with("\r\n\r\nhello"), "{answer}");
    }
    forward.kill().expect("it runs");
    forward.wait().expect("it ends");
    assert_eq!(
        well(&["get", "--raw", "/api/v1/namespaces/default/pods/web/proxy/"]),
        "hello"
    );
    let mut logs = command(&["logs", "-f", "web"])
        .stdout(std::process::Stdio::piped())
        .spawn()
        .expect("kubectl runs");
    let mut line = String::new();
    let mut said = std::io::BufReader::new(logs.stdout.take().expect("piped"));
    said.read_line(&mut line).expect("read");
    assert_eq!(line, "listening\n");
    well(&["delete", "pod", "web", "--grace-period=1"]);
    assert!(logs.wait().expect("it ends").success());
    served.end("-TERM");
}

/// Sessions of kubectl with a cluster that lives: commands of Jobs and Pods, `debug`, `wait`, `top`, `exec -it`, certificates.
#[test]
fn kubectl_debugs_waits_and_shows_usage() {
    use std::io::Write;
    if kubectl().is_none() {
        return;
    }
    let folder = tempfile::tempdir().expect("a folder");
    let path = |name: &str| folder.path().join(name).to_str().expect("text").to_owned();
    let images = "- {image: web, usage: {cpu: 250m, memory: 64Mi}}\n";
    std::fs::write(path("images.yaml"), images).expect("written");
    let (images, config) = (path("images.yaml"), path("kubeconfig"));
    let served = Served::start(&["--nodes", "1", "--images", &images, "--kubeconfig", &config]);
    let command = |arguments: &[&str]| {
        let mut command = kubectl_at(Path::new(&config), arguments);
        command.env("HOME", folder.path());
        command
    };
    let run = |arguments: &[&str]| well(&mut command(arguments));
    // An image of which nobody said anything does what the command says.
    run(&["create", "job", "once", "--image=busybox", "--", "true"]);
    run(&[
        "wait",
        "--for=condition=complete",
        "job/once",
        "--timeout=30s",
    ]);
    let script = "for i in 1 2 3; do echo line $i; done; exit 4";
    run(&[
        "run",
        "script",
        "--image=busybox",
        "--restart=Never",
        "--",
        "sh",
        "-c",
        script,
    ]);
    run(&[
        "wait",
        "--for=jsonpath={.status.phase}=Failed",
        "pod/script",
        "--timeout=30s",
    ]);
    assert_eq!(run(&["logs", "script", "--tail=2"]), "line 2\nline 3\n");
    let code = "jsonpath={.status.containerStatuses[0].state.terminated.exitCode}";
    assert_eq!(run(&["get", "pod", "script", "-o", code]), "4");
    run(&["delete", "pod", "script"]);
    run(&["wait", "--for=delete", "pod/script", "--timeout=30s"]);

    let asks = r#"{"spec":{"containers":[{"name":"web","image":"web","resources":{"requests":{"cpu":"1"}}}]}}"#;
    run(&["run", "web", "--image=web", "--overrides", asks]);
    run(&["wait", "--for=condition=Ready", "pod/web", "--timeout=30s"]);
    // What is measured is there in a moment.
    let top = (0..100).find_map(|_| {
        let output = command(&["top", "pods", "--no-headers"])
            .output()
            .expect("kubectl runs");
        let text = String::from_utf8_lossy(&output.stdout).into_owned();
        (output.status.success() && !text.is_empty()).then_some(text)
    });
    let words: Vec<String> = top
        .expect("metrics")
        .split_whitespace()
        .map(str::to_owned)
        .collect();
    assert_eq!(words, ["web", "250m", "64Mi"]);
    let node = run(&["top", "nodes", "--no-headers"]);
    let words: Vec<&str> = node.split_whitespace().collect();
    assert_eq!(words, ["node-1", "250m", "6%", "64Mi", "0%"]);

    // A container beside it, a copy of it, and a Pod on its node.
    run(&[
        "debug",
        "web",
        "--image=busybox",
        "-c",
        "look",
        "--",
        "sleep",
        "1d",
    ]);
    let ephemeral = "jsonpath={.status.ephemeralContainerStatuses[0].state.running.startedAt}";
    let waits = [
        "wait",
        "--for=jsonpath={.status.ephemeralContainerStatuses[0].state.running}",
        "pod/web",
        "--timeout=30s",
    ];
    run(&waits);
    assert!(!run(&["get", "pod", "web", "-o", ephemeral]).is_empty());
    assert_eq!(
        run(&["exec", "web", "-c", "look", "--", "echo", "seen"]),
        "seen\n"
    );
    run(&[
        "debug",
        "web",
        "--image=busybox",
        "--copy-to=copy",
        "-c",
        "web",
        "--",
        "sleep",
        "1d",
    ]);
    run(&["wait", "--for=condition=Ready", "pod/copy", "--timeout=30s"]);
    let said = run(&[
        "debug",
        "node/node-1",
        "--image=busybox",
        "--",
        "sleep",
        "1d",
    ]);
    assert!(
        said.contains("Creating debugging pod node-debugger-node-1-"),
        "{said}"
    );
    let on = "jsonpath={.items[?(@.spec.hostPID==true)].spec.nodeName}";
    assert_eq!(run(&["get", "pods", "-o", on]), "node-1");

    // A terminal: kubectl wants one itself, which `script` makes.
    let has_script = Command::new("script")
        .arg("--version")
        .output()
        .is_ok_and(|output| output.status.success());
    if has_script {
        let line = format!("kubectl --kubeconfig {config} exec -it web -- sh");
        let mut terminal = Command::new("script")
            .args(["-qec", &line, "/dev/null"])
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .expect("it starts");
        let mut typed = terminal.stdin.take().expect("piped");
        typed
            .write_all(b"echo $((6 * 7)) from $HOSTNAME\rexit 5\r")
            .expect("typed");
        let output = terminal.wait_with_output().expect("it ends");
        let shown = String::from_utf8_lossy(&output.stdout);
        assert!(
            shown.contains("/ # echo $((6 * 7)) from $HOSTNAME\r\n42 from web\r\n"),
            "{shown:?}"
        );
        assert!(shown.contains("exit code 5"), "{shown:?}");
    }

    // Room for more: in place, and out of it.
    let patch = r#"{"spec":{"containers":[{"name":"web","resources":{"requests":{"cpu":"2"}}}]}}"#;
    let help = run(&["patch", "--help"]);
    if help.contains("subresource") {
        run(&[
            "patch",
            "pod",
            "web",
            "--subresource=resize",
            "--patch",
            patch,
        ]);
        let cpu = "--for=jsonpath={.status.containerStatuses[0].resources.requests.cpu}=2";
        run(&["wait", cpu, "pod/web", "--timeout=30s"]);
    }
    served.end("-TERM");
}

/// kubectl with a kubeconfig; what it says, on either stream. `None`: there is no kubectl.
fn kubectl_says(config: &Path, arguments: &[&str]) -> Option<String> {
    kubectl()?;
    let (_, said) = said_by(&mut kubectl_at(config, arguments));
    Some(said.trim().to_owned())
}

fn kubectl_at(config: &Path, arguments: &[&str]) -> Command {
    let mut command = Command::new("kubectl");
    command.arg("--kubeconfig").arg(config).args(arguments);
    command
}

/// The code of what a command ends with, and what it says, on either stream.
fn said_by(command: &mut Command) -> (Option<i32>, String) {
    let ran = command.output().expect("the program runs");
    let said = [ran.stdout, ran.stderr].concat();
    let said = String::from_utf8_lossy(&said).into_owned();
    (ran.status.code(), said)
}

/// What a command says that has to go well.
fn well(command: &mut Command) -> String {
    let (code, said) = said_by(command);
    assert_eq!(code, Some(0), "{command:?}: {said}");
    said
}

#[test]
fn kubectl_asks_who_it_is_and_what_it_may() {
    let directory = std::env::temp_dir().join(format!("kmock-access-{}", std::process::id()));
    std::fs::create_dir_all(&directory).expect("a directory");
    let file = |name: &str| directory.join(name);
    std::fs::write(file("tokens"), "s3cret,jane,u-1,\"devs,ops\"\n").expect("written");
    let text = |name: &str| file(name).to_str().expect("text").to_owned();
    let mut served = Served::start(&[
        "--rbac",
        "--token-file",
        &text("tokens"),
        "--kubeconfig",
        &text("config"),
        "--record-role",
        &text("role.yaml"),
        "--in-cluster-dir",
        &text("pod"),
        "--service-account",
        "default/bot",
    ]);
    for _ in 0..3 {
        served.line();
    }
    assert_eq!(served.line(), "export KUBERNETES_SERVICE_HOST=127.0.0.1");
    let config = file("config");
    let run = |arguments: &[&str]| kubectl_says(&config, arguments);
    let Some(who) = run(&[
        "auth",
        "whoami",
        "-o",
        "jsonpath={.status.userInfo.username}",
    ]) else {
        served.end("-TERM");
        return;
    };
    assert_eq!(who, "kubernetes-admin");
    // kubectl sends no tokens without TLS: others do.
    let token = run(&["create", "token", "bot"]).expect("kubectl");
    for (token, status) in [(token.as_str(), "403"), ("s3cret", "403"), ("wrong", "401")] {
        let head = format!("authorization: Bearer {token}");
        let answer = served.get_with("/api/v1/namespaces/default/pods", &head);
        assert!(
            answer.starts_with(&format!("HTTP/1.1 {status} ")),
            "{answer}"
        );
    }
    let bot = "--as=system:serviceaccount:default:bot";
    let refused = run(&["get", "pods", bot]).expect("kubectl");
    let expected = "Error from server (Forbidden): pods is forbidden: User \"system:serviceaccount:default:bot\" cannot \
                    list resource \"pods\" in API group \"\" in the namespace \"default\"";
    assert_eq!(refused, expected);
    run(&[
        "create",
        "role",
        "reader",
        "--verb=get,list",
        "--resource=pods",
    ]);
    run(&[
        "create",
        "rolebinding",
        "bot",
        "--role=reader",
        "--serviceaccount=default:bot",
    ]);
    assert_eq!(
        run(&["auth", "can-i", "list", "pods", bot]).as_deref(),
        Some("yes")
    );
    assert_eq!(
        run(&["auth", "can-i", "list", "secrets", bot]).as_deref(),
        Some("no")
    );
    let list = run(&["auth", "can-i", "--list", bot]).expect("kubectl");
    assert!(
        list.lines()
            .any(|line| line.starts_with("pods ") && line.ends_with("[get list]")),
        "{list}"
    );
    let role = "apiVersion: rbac.authorization.k8s.io/v1\nkind: Role\nmetadata: {name: reader, namespace: default}\n\
                rules:\n- {apiGroups: [''], resources: [configmaps], verbs: [get]}\n";
    std::fs::write(file("more.yaml"), role).expect("written");
    let said = run(&["auth", "reconcile", "-f", &text("more.yaml")]).expect("kubectl");
    assert!(said.contains("reconciled"), "{said}");
    assert_eq!(
        run(&["auth", "can-i", "get", "configmaps/x", bot]).as_deref(),
        Some("yes")
    );
    run(&["get", "pods", bot]);
    served.end("-INT");
    let recorded = std::fs::read_to_string(file("role.yaml")).expect("recorded");
    assert!(
        recorded.contains("kind: Role\nmetadata:\n  name: minimal\n  namespace: default\n"),
        "{recorded}"
    );
    assert!(recorded.contains("verbs: [\"list\"]"), "{recorded}");
    let token = std::fs::read_to_string(file("pod/token")).expect("a token");
    assert_eq!(token.split('.').count(), 3);
    std::fs::remove_dir_all(directory).expect("removed");
}

#[test]
fn a_conversation_is_recorded_and_checked_later() {
    let folder = tempfile::tempdir().expect("a folder");
    let name = folder.path().join("api.v1");
    let (name, har) = (
        name.to_str().expect("text"),
        folder.path().join("api.v1.har"),
    );
    let real = Served::start(&["--raw", "--rule", "get /hello => {\"hello\": \"world\"}"]);
    let upstream = format!("http://{}", real.address);
    let record = Served::run(&["record", "--upstream", &upstream, "-o", name]);
    assert!(
        record
            .get("/hello?token=t0p")
            .ends_with("{\"hello\":\"world\"}")
    );
    assert!(record.end("-INT").contains("1 exchanges"));
    let block = std::fs::read_to_string(folder.path().join("api.v1.rs")).expect("a block");
    assert_eq!(
        block,
        "kmock! { k,\n    GET \"/hello\" query { \"token\": _ } => { \"hello\": \"world\" };\n}\n"
    );
    // Its secret is not there to be asked with: taken out by hand, it can be checked.
    let text = std::fs::read_to_string(&har).expect("an archive");
    std::fs::write(&har, text.replace("?token=REDACTED", "")).expect("written");
    let check = |upstream: &str| {
        let output = Command::new(env!("CARGO_BIN_EXE_kmock"))
            .args(["record", "--upstream", upstream, "--check"])
            .arg(&har)
            .output()
            .expect("it runs");
        let text = [output.stdout, output.stderr].concat();
        (
            output.status.success(),
            String::from_utf8_lossy(&text).into_owned(),
        )
    };
    let (same, text) = check(&upstream);
    assert!(
        same && text.contains("1 requests are answered as they were"),
        "{text}"
    );
    let other = Served::start(&["--raw", "--rule", "get /hello => {\"hello\": \"you\"}"]);
    let (same, text) = check(&format!("http://{}", other.address));
    assert!(!same, "{text}");
    assert!(text.contains("/hello: was \"world\", is \"you\""), "{text}");
    let (same, text) = check("api.example.com");
    assert!(!same && text.contains("this is no URL"), "{text}");
}
