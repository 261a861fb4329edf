//! The command line tool as a process, shared by the tests that talk to it.
#![allow(dead_code, reason = "each test takes what it needs")]

use std::{
    io::{BufRead, BufReader, Read},
    process::{Child, ChildStdout, Command, Stdio},
};

/// `kmock` at work, since it has said where it listens. A test that fails leaves none behind.
pub(crate) struct Program {
    child: Child,
    out: BufReader<ChildStdout>,
    pub(crate) url: String,
}

impl Program {
    pub(crate) fn start(arguments: &[&str]) -> Program {
        Program::start_with(arguments, |_| {})
    }

    /// With other streams, or in another place.
    pub(crate) fn start_with(arguments: &[&str], set: impl FnOnce(&mut Command)) -> Program {
        let mut command = Command::new(env!("CARGO_BIN_EXE_kmock"));
        command.args(arguments).stdout(Stdio::piped());
        set(&mut command);
        let mut child = command.spawn().expect("kmock starts");
        let mut out = BufReader::new(child.stdout.take().expect("a pipe"));
        let mut first = String::new();
        out.read_line(&mut first).expect("a first line");
        let url = first.trim().strip_prefix("listening on ");
        let url = url.unwrap_or_else(|| panic!("{first}")).to_owned();
        Program { child, out, url }
    }

    /// The next line that it says.
    pub(crate) fn line(&mut self) -> String {
        let mut line = String::new();
        self.out.read_line(&mut line).expect("a line");
        line.trim().to_owned()
    }

    /// Ends it as Ctrl-C or a supervisor does; what it says at the end.
    pub(crate) fn end(mut self, signal: &str) -> String {
        let id = self.child.id().to_string();
        let killed = Command::new("kill").args([signal, &id]).status();
        assert!(killed.expect("kill runs").success());
        assert!(self.child.wait().expect("it ends").success());
        let mut text = String::new();
        self.out.read_to_string(&mut text).expect("the rest");
        text
    }
}

impl Drop for Program {
    fn drop(&mut self) {
        // One that ended already cannot be killed, and need not be.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
