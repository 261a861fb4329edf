//! `kmock`, the command line tool: a throw-away HTTP and Kubernetes API server.

mod cli;

use std::process::ExitCode;

fn main() -> ExitCode {
    cli::run()
}
