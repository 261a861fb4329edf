//! Files, standard input and arguments as they come: what editors and shells leave in them, and what is none.

use std::{fs::File, process::Command};

use crate::{Served, program::Program, refused};

/// `kmock serve` with these arguments and this standard input, and what it warned of until it listened.
fn served(arguments: &[&str], input: &[u8]) -> (String, Served) {
    let folder = tempfile::tempdir().expect("a folder");
    let (given, told) = (folder.path().join("in"), folder.path().join("told"));
    std::fs::write(&given, input).expect("written");
    let program = Program::start_with(&[&["serve"], arguments].concat(), |command| {
        command
            .stdin(File::open(&given).expect("there"))
            .stderr(File::create(&told).expect("made"));
    });
    let said = std::fs::read_to_string(&told).expect("text");
    (said, Served::of(program))
}

#[test]
fn objects_are_read_as_editors_and_shells_leave_them() {
    let folder = tempfile::tempdir().expect("a folder");
    let map = |name: &str| format!("apiVersion: v1\nkind: ConfigMap\nmetadata: {{name: {name}}}\n");
    let json = |name: &str| {
        format!(
            "{{\"apiVersion\": \"v1\",\n\t\"kind\": \"ConfigMap\", \"metadata\": {{\"name\": \"{name}\"}}}}\n"
        )
    };
    let write = |name: &str, text: &[u8]| {
        let path = folder.path().join(name);
        std::fs::create_dir_all(path.parent().expect("a folder")).expect("made");
        std::fs::write(path, text).expect("written");
    };
    let marked = |text: String| format!("\u{feff}{text}");
    write("marked.yaml", marked(map("marked")).as_bytes());
    write("marked.json", marked(json("marked-json")).as_bytes());
    write(
        "crlf.yaml",
        format!("{}---\n{}", map("crlf"), map("crlf-2"))
            .replace('\n', "\r\n")
            .as_bytes(),
    );
    write(
        "inline.yaml",
        b"--- {apiVersion: v1, kind: ConfigMap, metadata: {name: inline}}\n",
    );
    write(
        "directive.yaml",
        format!("%YAML 1.2\n---\n{}...\n", map("directive")).as_bytes(),
    );
    write(
        "stream.json",
        [json("first"), json("second")].concat().as_bytes(),
    );
    write("sub/UPPER.YAML", map("upper").as_bytes());
    write(".github/workflows/ci.yml", b"on: push\n");
    write("..data/hidden.yaml", map("hidden").as_bytes());
    write("readme.md", b"# none");
    #[cfg(unix)]
    std::os::unix::fs::symlink(".", folder.path().join("loop")).expect("a link");
    let (said, served) = served(&["--load", folder.path().to_str().expect("text")], b"");
    let found = served.get("/api/v1/namespaces/default/configmaps");
    for name in [
        "marked",
        "marked-json",
        "crlf",
        "crlf-2",
        "inline",
        "directive",
        "first",
        "second",
        "upper",
    ] {
        assert!(
            found.contains(&format!("\"name\":\"{name}\"")),
            "{name} in\n{found}"
        );
    }
    assert!(!found.contains("hidden"), "{found}");
    assert_eq!(said, "", "each is there once");
    served.end("-TERM");
}

#[test]
fn what_has_no_objects_is_told() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = |name: &str| folder.path().join(name).to_str().expect("text").to_owned();
    std::fs::write(path("empty.yaml"), "").expect("written");
    std::fs::write(path("comment.yaml"), "# nothing yet\n---\n").expect("written");
    std::fs::create_dir(path("texts")).expect("made");
    std::fs::write(path("texts/readme.md"), "none").expect("written");
    let names = ["empty.yaml", "comment.yaml", "texts"].map(path);
    let [empty, comment, texts] = &names;
    let (said, served) = served(
        &[
            "--load", empty, "--load", comment, "--load", texts, "--load", "-",
        ],
        b"",
    );
    for name in [empty.as_str(), comment, texts, "standard input"] {
        assert!(
            said.contains(&format!("--load {name}: there are no objects in it")),
            "{name} in\n{said}"
        );
    }
    assert!(
        said.contains("files named .yaml, .yml and .json are read"),
        "{said}"
    );
    served.end("-TERM");
}

#[test]
fn files_that_cannot_be_read_say_where_and_what_to_do() {
    let folder = tempfile::tempdir().expect("a folder");
    for (name, text, reason) in [
        (
            "tab.yaml",
            b"apiVersion: v1\nkind: ConfigMap\nmetadata:\n\tname: x\n".as_slice(),
            "tab.yaml:4: ",
        ),
        (
            "tab.yaml",
            b"apiVersion: v1\nkind: ConfigMap\nmetadata:\n\tname: x\n",
            "YAML is indented by spaces",
        ),
        ("utf16.yaml", b"\xff\xfea\0", "UTF-16"),
        (
            "latin.yaml",
            b"apiVersion: v1\nkind: Caf\xe9\n",
            "line 2 is no UTF-8",
        ),
        (
            "array.json",
            b"[{\"kind\": \"Pod\"}]",
            "`items` of a `kind: List`",
        ),
        (
            "text.yaml",
            b"just text\n",
            "text.yaml:1: this is no object",
        ),
        (
            "half.yaml",
            b"apiVersion: v1\nkind: Pod",
            "half.yaml:1: Pod",
        ),
        ("cut.json", b"{\"kind\": \"Pod\",", "cut.json:1"),
    ] {
        let path = folder.path().join(name);
        std::fs::write(&path, text).expect("written");
        let said = refused(&["--load", path.to_str().expect("text")]);
        assert!(said.contains(reason), "{name}: {said}");
    }
    let said = refused(&["--load", "/nowhere/x.yaml"]);
    assert!(
        said.contains("--load /nowhere/x.yaml: No such file"),
        "{said}"
    );
    let said = refused(&["--load", "-", "--rules", "-"]);
    assert!(said.contains("standard input is read once"), "{said}");
    let said = refused(&["--load", "-", "--load", "-"]);
    assert!(said.contains("standard input is read once"), "{said}");
    for (name, text, reason) in [
        (
            "arrow.rules",
            b"get /a -> 200\n".as_slice(),
            "arrow.rules:1: 'get /a -> 200': expected `FILTER => REPLY`",
        ),
        (
            "bytes.rules",
            b"get /a => 200\nget /\xff => 200\n",
            "bytes.rules: line 2 is no UTF-8",
        ),
        (
            "more.rules",
            b"get /a => 200 \\\n  {\"a\": 1}\n",
            "more.rules:2: ",
        ),
    ] {
        let path = folder.path().join(name);
        std::fs::write(&path, text).expect("written");
        let said = refused(&["--rules", path.to_str().expect("text")]);
        assert!(said.contains(reason), "{name}: {said}");
    }
    let said = refused(&["--rules", folder.path().to_str().expect("text")]);
    assert!(
        said.contains("Is a directory") || said.contains("denied"),
        "{said}"
    );
}

#[test]
fn rules_are_read_as_editors_and_shells_leave_them() {
    let rules = "\u{feff}get /marked => 200;\r\n\r\n  # a comment\r\n\tpost /json => 201 {\"a\": 1};\r\n\
        get /text => let x;\r\nget /marked => 500\r\nget /open => {\"a\": 1\r\n";
    let (said, served) = served(&["--raw", "--rules", "-"], rules.as_bytes());
    assert!(served.get("/marked").starts_with("HTTP/1.1 200"));
    assert!(served.get("/text").ends_with("let x;"));
    for part in [
        "standard input:6: rule `get /marked => 500` never answers: rule `get /marked => 200;` (standard input:1) does",
        "'get /open => {\"a\": 1': the body is no JSON and goes out as text",
    ] {
        assert!(said.contains(part), "{part} in\n{said}");
    }
    served.end("-TERM");
}

#[test]
fn arguments_that_are_none_are_refused_by_name() {
    for (arguments, reason) in [
        (
            ["--listen", "127.0.0.1:70000"],
            "`127.0.0.1:70000` is no address",
        ),
        (["--listen", "localhost"], "`localhost:8080`"),
        (["--listen", ""], "is no address"),
        (["--kubernetes-version", "x"], "three numbers"),
        (["--kubernetes-version", "1.31"], "three numbers"),
        (["--keep", "many"], "'many' for '--keep"),
        (["--raw", "--raw"], "cannot be used multiple times"),
        (["--unknown", "x"], "unexpected argument"),
    ] {
        let output = Command::new(env!("CARGO_BIN_EXE_kmock"))
            .arg("serve")
            .args(arguments)
            .output()
            .expect("it runs");
        let said = String::from_utf8_lossy(&output.stderr);
        assert_eq!(output.status.code(), Some(2), "{said}");
        assert!(said.contains(reason), "{reason} in {said}");
    }
}
