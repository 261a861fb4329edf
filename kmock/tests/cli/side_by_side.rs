//! The driver that compares with the real controllers (`tests/side-by-side`): our side always, both where
//! `KUBERNETES_BINARIES` names the directory of kube-controller-manager and kube-scheduler.

use std::path::Path;
use std::process::Command;

/// Scripts whose ends do not depend on who is quicker.
const SCRIPTS: [&str; 4] = [
    "deployment-rollout",
    "statefulset-ordered",
    "job-completes",
    "taint-eviction",
];

#[test]
fn scripts_leave_what_they_leave_with_the_real_controllers() {
    let driver = Path::new(env!("CARGO_MANIFEST_DIR")).join("../tests/side-by-side/run.py");
    let python = std::env::var("KMOCK_PYTHON").unwrap_or_else(|_| "python3".to_owned());
    if !driver.exists() || Command::new(&python).arg("--version").output().is_err() {
        eprintln!("skipped: there is no {python}, or no {}", driver.display());
        return;
    }
    let logs = tempfile::tempdir().expect("a folder");
    let real = std::env::var_os("KUBERNETES_BINARIES").is_some();
    let mut command = Command::new(&python);
    command
        .env("PYTHONDONTWRITEBYTECODE", "1")
        .arg(&driver)
        .args(["--kmock", env!("CARGO_BIN_EXE_kmock"), "--logs"])
        .arg(logs.path())
        .args(SCRIPTS);
    if !real {
        eprintln!("KUBERNETES_BINARIES names no real programs: our side only");
        command.args(["--side", "ours"]);
    }
    let output = command.output().expect("python runs");
    let said = String::from_utf8_lossy(&output.stdout);
    assert!(
        output.status.success(),
        "{said}\n{}",
        String::from_utf8_lossy(&output.stderr)
    );
    for name in SCRIPTS {
        assert!(said.contains(&format!("ours {name}: ")), "{said}");
    }
    assert!(!said.contains("ended early"), "{said}");
    assert!(!said.contains("did not settle"), "{said}");
    if real {
        assert!(said.contains("4 of 4 scripts leave the same"), "{said}");
    }
}
