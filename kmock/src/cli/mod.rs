//! The commands and their arguments.

mod kubeconfig;
mod rule;
mod serve;
mod summary;

use std::{net::SocketAddr, path::PathBuf, process::ExitCode};

use clap::{Arg, ArgAction, ArgMatches, Command, value_parser};

/// Reads the arguments and runs the command.
pub(crate) fn run() -> ExitCode {
    let matches = command().get_matches();
    let ended = match matches.subcommand() {
        Some(("serve", matches)) => options(matches).and_then(serve::serve),
        _ => Ok(()),
    };
    match ended {
        Ok(()) => ExitCode::SUCCESS,
        Err(message) => {
            eprintln!("kmock: {message}");
            ExitCode::FAILURE
        }
    }
}

fn command() -> Command {
    let serve = Command::new("serve")
        .about("Serves a mock HTTP server and an in-memory Kubernetes API until Ctrl-C")
        .after_help(
            "The first line on standard output is `listening on http://ADDR`; how to use it follows.\n\
             On Ctrl-C or SIGTERM the server ends and prints what was asked.",
        )
        .arg(
            Arg::new("listen")
                .long("listen")
                .value_name("ADDR:PORT")
                .default_value("127.0.0.1:0")
                .value_parser(value_parser!(SocketAddr))
                .help("Where to listen; port 0 is any free one"),
        )
        .arg(
            Arg::new("kubeconfig")
                .long("kubeconfig")
                .value_name("FILE")
                .value_parser(value_parser!(PathBuf))
                .help("Where to write the kubeconfig [default: a file in the temporary directory, removed at the end]"),
        )
        .arg(
            Arg::new("rule")
                .long("rule")
                .value_name("RULE")
                .action(ArgAction::Append)
                .help("An HTTP rule, e.g. 'get /hello => 200 {\"hello\": \"world\"}'; may be repeated"),
        )
        .arg(
            Arg::new("seed")
                .long("seed")
                .value_name("N")
                .default_value("0")
                .value_parser(value_parser!(u64))
                .help("The seed of uids and generated names"),
        )
        .arg(
            Arg::new("raw")
                .long("raw")
                .action(ArgAction::SetTrue)
                .help("No Kubernetes API, only the rules"),
        )
        .arg(
            Arg::new("verbose")
                .long("verbose")
                .short('v')
                .action(ArgAction::SetTrue)
                .help("Print each request as it is answered"),
        );
    Command::new("kmock")
        .version(env!("CARGO_PKG_VERSION"))
        .about("A mock server: HTTP by rules, and an in-memory Kubernetes API")
        .subcommand_required(true)
        .arg_required_else_help(true)
        .subcommand(serve)
}

fn options(matches: &ArgMatches) -> Result<serve::Options, String> {
    let rules = matches
        .get_many::<String>("rule")
        .unwrap_or_default()
        .map(|text| rule::parse(text))
        .collect::<Result<_, _>>()?;
    Ok(serve::Options {
        listen: *matches
            .get_one("listen")
            .ok_or("--listen needs an address")?,
        kubeconfig: matches.get_one("kubeconfig").cloned(),
        rules,
        seed: matches.get_one("seed").copied().unwrap_or_default(),
        raw: matches.get_flag("raw"),
        verbose: matches.get_flag("verbose"),
    })
}

#[cfg(test)]
mod tests {
    #[test]
    fn the_command_line_is_consistent() {
        super::command().debug_assert();
    }
}
