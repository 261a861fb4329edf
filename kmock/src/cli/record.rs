//! `kmock record`: passes requests on to another server and keeps what it answers, or asks it again and compares.

use std::{
    net::SocketAddr,
    path::{Path, PathBuf},
};

use clap::{Arg, ArgAction, ArgMatches, Command, value_parser};
use kmock::{Filter, KMock, record::Recording};

use crate::cli::{address, serve::say, signals};

pub(super) struct Options {
    upstream: String,
    listen: SocketAddr,
    output: Option<PathBuf>,
    check: Option<PathBuf>,
    headers: Vec<(String, String)>,
    ignored: Vec<String>,
    all: bool,
    tls: bool,
}

pub(super) fn command() -> Command {
    Command::new("record")
        .about("Passes requests on to another server and keeps what it answers, until Ctrl-C")
        .after_help(
            "Two files are written at the end: NAME.har, an HTTP Archive, and NAME.rs, a block of `kmock!` to be pasted into a\n\
             test. Secrets are replaced by REDACTED in both.\n\
             With --check the requests of an archive are asked again, and what is answered differently is printed; then the exit\n\
             status is 1. Only GET, HEAD and OPTIONS are asked, unless --all is given.\n\n\
             Examples:\n  \
             kmock record --upstream https://api.example.com -o tests/api\n  \
             kmock record --upstream https://api.example.com --check tests/api.har --header 'Authorization: Bearer …'",
        )
        .arg(
            Arg::new("upstream")
                .long("upstream")
                .value_name("URL")
                .required(true)
                .help("The server that answers, e.g. https://api.example.com; whom to trust beside the system is in SSL_CERT_FILE"),
        )
        .arg(
            Arg::new("output")
                .long("output")
                .short('o')
                .value_name("NAME")
                .required_unless_present("check")
                .value_parser(value_parser!(PathBuf))
                .help("Where to write: NAME.har and NAME.rs"),
        )
        .arg(
            Arg::new("check")
                .long("check")
                .value_name("FILE")
                .conflicts_with_all(["output", "listen", "tls"])
                .value_parser(value_parser!(PathBuf))
                .help("The HTTP Archive whose requests are asked again"),
        )
        .arg(
            Arg::new("header")
                .long("header")
                .short('H')
                .value_name("NAME: VALUE")
                .action(ArgAction::Append)
                .requires("check")
                .help("A header to ask with, in the place of a secret that was not recorded; may be repeated"),
        )
        .arg(
            Arg::new("ignore")
                .long("ignore")
                .value_name("POINTER")
                .action(ArgAction::Append)
                .requires("check")
                .help("A member of JSON bodies that may differ: /updated_at, '/items/*/age'; may be repeated"),
        )
        .arg(
            Arg::new("all")
                .long("all")
                .action(ArgAction::SetTrue)
                .requires("check")
                .help("Ask also what changes something: POST, PUT, PATCH, DELETE"),
        )
        .arg(
            Arg::new("listen")
                .long("listen")
                .value_name("ADDR:PORT")
                .default_value("127.0.0.1:0")
                .value_parser(address)
                .help("Where to listen; port 0 is any free one"),
        )
        .arg(
            Arg::new("tls")
                .long("tls")
                .action(ArgAction::SetTrue)
                .help("Serve HTTPS to the clients"),
        )
}

pub(super) fn options(matches: &ArgMatches) -> Result<Options, String> {
    let texts = |name: &str| -> Vec<String> {
        let given = matches.get_many::<String>(name).unwrap_or_default();
        given.cloned().collect()
    };
    let headers = texts("header").into_iter().map(|header| {
        let (name, value) = header
            .split_once(':')
            .ok_or_else(|| format!("--header '{header}': write 'Name: value'"))?;
        Ok((name.trim().to_owned(), value.trim().to_owned()))
    });
    let upstream = texts("upstream").pop().unwrap_or_default();
    if !upstream.starts_with("http://") && !upstream.starts_with("https://") {
        return Err(format!(
            "--upstream {upstream}: this is no URL such as https://api.example.com"
        ));
    }
    Ok(Options {
        upstream,
        listen: *matches
            .get_one("listen")
            .ok_or("--listen needs an address")?,
        output: matches.get_one("output").cloned(),
        check: matches.get_one("check").cloned(),
        headers: headers.collect::<Result<_, String>>()?,
        ignored: texts("ignore"),
        all: matches.get_flag("all"),
        tls: matches.get_flag("tls"),
    })
}

pub(super) fn record(options: Options) -> Result<(), String> {
    tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()
        .map_err(|error| format!("cannot start a runtime: {error}"))?
        .block_on(async move {
            match (options.check.clone(), options.output.clone()) {
                (Some(path), _) => check(options, path).await,
                (None, Some(output)) => keep(options, output).await,
                (None, None) => Err("-o NAME or --check FILE is needed".to_owned()),
            }
        })
}

/// Until Ctrl-C or SIGTERM; then the files are written.
async fn keep(options: Options, output: PathBuf) -> Result<(), String> {
    let upstream = options.upstream.as_str();
    // What cannot be written is better known before than after.
    let folder = output.parent().filter(|folder| folder != &Path::new(""));
    if let Some(folder) = folder.filter(|folder| !folder.is_dir()) {
        return Err(format!(
            "-o {}: there is no folder {}",
            output.display(),
            folder.display()
        ));
    }
    let mut builder = KMock::builder().listen(options.listen).raw(true);
    if options.tls {
        builder = builder.tls();
    }
    let ended = signals::ended()?;
    let k = builder.start().await.map_err(|error| error.to_string())?;
    k.on(Filter::any())
        .named(format!("record {upstream}"))
        .record(upstream);
    say(&format!(
        "listening on {}\nwhat {upstream} answers is recorded and written to {} at the end (Ctrl-C)\n",
        k.url(),
        output.display()
    ));
    ended.await;
    let recording = k.recording();
    recording
        .write(&output)
        .map_err(|error| error.to_string())?;
    for error in k.errors() {
        eprintln!("kmock: {error}");
    }
    say(&format!("{} exchanges\n", recording.entries().len()));
    k.shutdown();
    Ok(())
}

async fn check(options: Options, path: PathBuf) -> Result<(), String> {
    let recording = Recording::from_file(&path).map_err(|error| error.to_string())?;
    let mut check = recording.check(&options.upstream);
    for (name, value) in options.headers {
        check = check.header(name, value);
    }
    for pointer in options.ignored {
        check = check.ignore(pointer);
    }
    if options.all {
        check = check.all();
    }
    let found = check.await.map_err(|error| error.to_string())?;
    match found.drifts.is_empty() {
        true => {
            say(&format!("{found}\n"));
            Ok(())
        }
        false => {
            for drift in &found.drifts {
                say(&format!("{drift}\n"));
            }
            Err(format!(
                "{} of {} requests are answered differently now",
                found.drifts.len(),
                found.asked
            ))
        }
    }
}
