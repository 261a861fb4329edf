//! The commands and their arguments.

mod access;
#[cfg(feature = "fetch")]
mod fetch;
mod kubeconfig;
mod load;
mod record;
mod rule;
mod serve;
mod signals;
mod summary;
mod text;

use std::{
    net::{SocketAddr, ToSocketAddrs},
    path::PathBuf,
    process::ExitCode,
};

use clap::{Arg, ArgAction, ArgMatches, Command, value_parser};

/// Reads the arguments and runs the command.
pub(crate) fn run() -> ExitCode {
    let matches = command().get_matches();
    let ended = match matches.subcommand() {
        Some(("serve", matches)) => options(matches).and_then(serve::serve),
        Some(("record", matches)) => record::options(matches).and_then(record::record),
        Some(("fetch", matches)) => fetch(matches),
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
            "The first line on standard output is `listening on http://ADDR`, or https:// with --tls; how to use\n\
             it follows.\n\
             On Ctrl-C or SIGTERM the server ends and prints what was asked.\n\n\
             A rule is `FILTER => [STATUS] [BODY]`. The filter is a method and a path, or a Kubernetes verb and a\n\
             resource, each optional: 'get /users/*', 'post', '/search?q=*', 'list pods.v1'. The body is JSON where it\n\
             reads so, the contents of a file after an @ (read again for each request), and otherwise text.\n\
             Rules are asked in order, those of --rule first; below them is the Kubernetes API.\n\n\
             Examples:\n  \
             kmock serve --listen 127.0.0.1:8080 --load objects.yaml\n  \
             kmock serve --raw --rule 'get /hello => {\"hello\": \"world\"}' --rule 'post => 201'\n  \
             kmock serve --rules rules.txt --rule 'delete pods.v1 => 500' -v",
        )
        .arg(
            Arg::new("listen")
                .long("listen")
                .value_name("ADDR:PORT")
                .default_value("127.0.0.1:0")
                .value_parser(address)
                .help("Where to listen: `127.0.0.1:8080`, `localhost:0`, or a port of the loopback alone; port 0 is any free one"),
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
            Arg::new("rules")
                .long("rules")
                .value_name("FILE")
                .action(ArgAction::Append)
                .value_parser(value_parser!(PathBuf))
                .help("A file of such rules, or - for standard input, one a line; empty lines and those that begin with # do not count; may be repeated"),
        )
        .arg(
            Arg::new("load")
                .long("load")
                .value_name("PATH")
                .action(ArgAction::Append)
                .value_parser(value_parser!(PathBuf))
                .help("Kubernetes objects to start with, YAML or JSON: a file, a directory with all below, or - for standard input; may be repeated, in any order"),
        )
        .arg(
            Arg::new("resources")
                .long("resources")
                .value_name("FILE")
                .action(ArgAction::Append)
                .value_parser(value_parser!(PathBuf))
                .help("Resources to serve besides the built-in ones: a dump of `kmock fetch resources`; may be repeated"),
        )
        .arg(
            Arg::new("controllers")
                .long("controllers")
                .action(ArgAction::SetTrue)
                .help("Clean up as controllers do: garbage collection by ownerReferences, contents of deleted namespaces"),
        )
        .arg(
            Arg::new("kubernetes-version")
                .long("kubernetes-version")
                .value_name("VERSION")
                .value_parser(kubernetes_version)
                .help("What /version says, e.g. v1.31.4 [default: the version whose answers are emulated]"),
        )
        .arg(
            Arg::new("keep")
                .long("keep")
                .value_name("N")
                .default_value("10000")
                .value_parser(value_parser!(usize))
                .help("How many requests are remembered, the last ones; counts stay right"),
        )
        .arg(
            Arg::new("history")
                .long("history")
                .value_name("N")
                .default_value("5000")
                .value_parser(value_parser!(usize))
                .help("How many changes of each Kubernetes resource are kept at least, for watches and lists from former versions"),
        )
        .arg(
            Arg::new("any-origin")
                .long("any-origin")
                .action(ArgAction::SetTrue)
                .help("Let browser pages of any site use the Kubernetes API; otherwise those of other sites get 403"),
        )
        .arg(
            Arg::new("cluster")
                .long("cluster")
                .action(ArgAction::SetTrue)
                .help("The cluster lives: controllers, a scheduler, and kubelets for the nodes of --nodes"),
        )
        .arg(
            Arg::new("nodes")
                .long("nodes")
                .value_name("N")
                .default_value("0")
                .value_parser(value_parser!(usize))
                .help("The cluster lives and has so many nodes"),
        )
        .arg(
            Arg::new("parts")
                .long("parts")
                .value_name("NAME,…")
                .action(ArgAction::Append)
                .value_delimiter(',')
                .help("Only these parts of a cluster live (kubelets, scheduler, deployments, …), beside those of others: a kube-controller-manager, an operator. They clean up with --controllers only"),
        )
        .arg(
            Arg::new("images")
                .long("images")
                .value_name("FILE")
                .action(ArgAction::Append)
                .value_parser(value_parser!(PathBuf))
                .help("What containers do, by their images, YAML or JSON: a list of {image: PATTERN, log, readyAfter, exit, after, runs, …}; may be repeated"),
        )
        .arg(
            Arg::new("kubelet-port")
                .long("kubelet-port")
                .value_name("PORT")
                .value_parser(address)
                .help("Where the kubelets of the nodes listen themselves, over TLS, for clients that go past the API server: 10250 is theirs; one port stands for all nodes, or for the one that the Host names"),
        )
        .arg(
            Arg::new("rbac")
                .long("rbac")
                .action(ArgAction::SetTrue)
                .help("Let RBAC decide who may what; without credentials one is the administrator, and tokens that nobody knows are 401"),
        )
        .arg(
            Arg::new("authorization-mode")
                .long("authorization-mode")
                .value_name("MODE,…")
                .value_delimiter(',')
                .action(ArgAction::Append)
                .help("As of kube-apiserver: RBAC is --rbac; Node,RBAC lets kubelets (system:node:NAME) read only what their Pods name; AlwaysAllow is what kmock does by itself"),
        )
        .arg(
            Arg::new("enable-admission-plugins")
                .long("enable-admission-plugins")
                .value_name("NAME,…")
                .value_delimiter(',')
                .action(ArgAction::Append)
                .help("Admission plugins to run beside those that always do: ServiceAccount (Pods run as accounts that are there, with their tokens), NodeRestriction (kubelets write only what is theirs)"),
        )
        .arg(
            Arg::new("webhook")
                .long("webhook")
                .value_name("PLACE=ADDRESS")
                .action(ArgAction::Append)
                .help("Where a webhook is that configurations name: a service NAMESPACE/NAME or the begin of a URL, and HOST:PORT, http://HOST:PORT or https://HOST:PORT; may be repeated"),
        )
        .arg(
            Arg::new("token-file")
                .long("token-file")
                .value_name("FILE")
                .action(ArgAction::Append)
                .value_parser(value_parser!(PathBuf))
                .help("Tokens to take, lines of TOKEN,USER,UID,\"GROUP1,GROUP2\" as kube-apiserver reads them; may be repeated"),
        )
        .arg(
            Arg::new("record-role")
                .long("record-role")
                .value_name("FILE")
                .value_parser(value_parser!(PathBuf))
                .help("Where to write the smallest roles that the requests needed, at the end"),
        )
        .arg(
            Arg::new("in-cluster-dir")
                .long("in-cluster-dir")
                .value_name("DIR")
                .value_parser(value_parser!(PathBuf))
                .help("Where to write token, ca.crt and namespace, as a program finds them in its pod"),
        )
        .arg(
            Arg::new("service-account")
                .long("service-account")
                .value_name("NAMESPACE/NAME")
                .default_value("default/default")
                .requires("in-cluster-dir")
                .help("Whose token is written there; the account is made if it is not there"),
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
            Arg::new("tls")
                .long("tls")
                .action(ArgAction::SetTrue)
                .help("Serve HTTPS, with certificates for whatever host is asked for; the kubeconfig has their authority"),
        )
        .arg(
            Arg::new("ca")
                .long("ca")
                .value_name("FILE")
                .requires("tls")
                .value_parser(value_parser!(PathBuf))
                .help("The authority that signs, PEM, with its key in it or beside it as NAME-key.pem [default: a new one]"),
        )
        .arg(
            Arg::new("ca-file")
                .long("ca-file")
                .value_name("FILE")
                .requires("tls")
                .value_parser(value_parser!(PathBuf))
                .help("Where to write the certificate of the authority [default: a file in the temporary directory, removed at the end]"),
        )
        .arg(
            Arg::new("and-plain")
                .long("and-plain")
                .requires("tls")
                .action(ArgAction::SetTrue)
                .help("Serve plain HTTP, too, on the same port"),
        )
        .arg(
            Arg::new("verbose")
                .long("verbose")
                .short('v')
                .action(ArgAction::SetTrue)
                .help("Print each request when it is answered, with its status and by what"),
        );
    Command::new("kmock")
        .version(env!("CARGO_PKG_VERSION"))
        .about("A mock server: HTTP by rules, and an in-memory Kubernetes API")
        .subcommand_required(true)
        .arg_required_else_help(true)
        .subcommand(serve)
        .subcommand(record::command())
        .subcommand(fetch_command())
}

fn options(matches: &ArgMatches) -> Result<serve::ServeOptions, String> {
    let from_input = ["load", "rules"].map(|name| files(matches, name)).concat();
    let from_input = from_input
        .iter()
        .filter(|path| path.as_os_str() == text::STANDARD_INPUT);
    if from_input.count() > 1 {
        return Err(
            "standard input is read once: one `-` of --load and --rules, and files for the rest"
                .to_owned(),
        );
    }
    let mut rules = Vec::new();
    let given = matches.get_many::<String>("rule").unwrap_or_default();
    for (nth, text) in given.enumerate() {
        let rule = rule::parse(text).map_err(|error| format!("--rule '{text}': {error}"))?;
        rules.push(rule.written_at(rule::place("--rule", nth + 1)));
    }
    for path in files(matches, "rules") {
        rules.extend(rule::read(&path)?);
    }
    Ok(serve::ServeOptions {
        listen: *matches
            .get_one("listen")
            .ok_or("--listen needs an address")?,
        kubeconfig: matches.get_one("kubeconfig").cloned(),
        rules,
        load: files(matches, "load"),
        resources: files(matches, "resources"),
        controllers: matches.get_flag("controllers"),
        kubernetes_version: matches.get_one("kubernetes-version").cloned(),
        keep: matches.get_one("keep").copied().unwrap_or(usize::MAX),
        history: matches.get_one("history").copied().unwrap_or(usize::MAX),
        any_origin: matches.get_flag("any-origin"),
        cluster: matches.get_flag("cluster"),
        nodes: matches.get_one("nodes").copied().unwrap_or_default(),
        parts: texts(matches, "parts"),
        images: files(matches, "images"),
        kubelet_port: matches.get_one("kubelet-port").copied(),
        access: access::AccessOptions {
            rbac: matches.get_flag("rbac"),
            modes: texts(matches, "authorization-mode"),
            plugins: texts(matches, "enable-admission-plugins"),
            webhooks: texts(matches, "webhook"),
            token_files: files(matches, "token-file"),
            record_role: matches.get_one("record-role").cloned(),
            in_cluster: matches.get_one("in-cluster-dir").cloned(),
            account: matches
                .get_one::<String>("service-account")
                .cloned()
                .unwrap_or_default(),
        },
        seed: matches.get_one("seed").copied().unwrap_or_default(),
        raw: matches.get_flag("raw"),
        verbose: matches.get_flag("verbose"),
        tls: matches.get_flag("tls").then(|| {
            let mut tls = kmock::tls::Tls::new();
            if let Some(path) = matches.get_one::<PathBuf>("ca") {
                tls = tls.ca(path);
            }
            match matches.get_flag("and-plain") {
                true => tls.and_plain(),
                false => tls,
            }
        }),
        ca_file: matches.get_one("ca-file").cloned(),
    })
}

/// An address, a name and a port, or a port of the loopback: nothing listens elsewhere unless it is said.
fn address(text: &str) -> Result<SocketAddr, String> {
    let wrong = || {
        format!(
            "`{text}` is no address: write `127.0.0.1:8080`, `localhost:8080`, or `8080` for a port of the loopback"
        )
    };
    let port = text.strip_prefix(':').unwrap_or(text);
    if let Ok(port) = port.parse::<u16>() {
        return Ok(SocketAddr::from(([127, 0, 0, 1], port)));
    }
    if let Ok(address) = text.parse() {
        return Ok(address);
    }
    let found = text.to_socket_addrs().map_err(|_| wrong())?;
    let all: Vec<SocketAddr> = found.collect();
    // `localhost` may be both: clients try the older family, too.
    let four = all.iter().find(|address| address.is_ipv4());
    four.or(all.first()).copied().ok_or_else(wrong)
}

/// As clients read it: a version of three numbers, with what follows them (`-gke.100`, `+k3s1`).
fn kubernetes_version(text: &str) -> Result<String, String> {
    let numbers = text.strip_prefix('v').unwrap_or(text);
    let end = numbers.find(['-', '+']).unwrap_or(numbers.len());
    let parts: Vec<&str> = numbers[..end].split('.').collect();
    match parts.len() == 3 && parts.iter().all(|part| part.parse::<u32>().is_ok()) {
        true => Ok(format!("v{numbers}")),
        false => Err("a version of Kubernetes is three numbers, e.g. `v1.31.4`".to_owned()),
    }
}

fn texts(matches: &ArgMatches, name: &str) -> Vec<String> {
    matches
        .get_many(name)
        .unwrap_or_default()
        .cloned()
        .collect()
}

fn files(matches: &ArgMatches, name: &str) -> Vec<PathBuf> {
    matches
        .get_many(name)
        .unwrap_or_default()
        .cloned()
        .collect()
}

#[cfg(feature = "fetch")]
fn fetch_command() -> Command {
    let patterns = |name: &'static str, help: &'static str| {
        Arg::new(name)
            .long(name)
            .value_name("GROUP/VERSION/PLURAL")
            .action(ArgAction::Append)
            .help(help)
    };
    let resources = Command::new("resources")
        .about("Prints which resources a cluster serves, as discovery documents")
        .arg(
            Arg::new("kubeconfig")
                .long("kubeconfig")
                .value_name("FILE")
                .value_parser(value_parser!(PathBuf))
                .help("The kubeconfig [default: $KUBECONFIG, ~/.kube/config, or the pod's own]"),
        )
        .arg(
            Arg::new("context")
                .long("context")
                .value_name("NAME")
                .help("The context [default: the current one]"),
        )
        .arg(patterns(
            "include",
            "Only these resources, e.g. 'apps/v1/*', 'v1/pods' (the core group), '*/*/leases'; may be repeated",
        ))
        .arg(patterns("exclude", "All but these; may be repeated"))
        .arg(
            Arg::new("output")
                .long("output")
                .short('o')
                .value_name("FILE")
                .value_parser(value_parser!(PathBuf))
                .help("Where to write [default: standard output]"),
        );
    Command::new("fetch")
        .about("Takes facts from a real cluster, to be served by a mock")
        .subcommand_required(true)
        .subcommand(resources)
}

#[cfg(feature = "fetch")]
fn fetch(matches: &ArgMatches) -> Result<(), String> {
    let Some(("resources", matches)) = matches.subcommand() else {
        return Ok(());
    };
    let texts = |name: &str| {
        matches
            .get_many::<String>(name)
            .unwrap_or_default()
            .cloned()
            .collect()
    };
    fetch::fetch(fetch::FetchOptions {
        kubeconfig: matches.get_one("kubeconfig").cloned(),
        context: matches.get_one("context").cloned(),
        filter: fetch::Selection::new(texts("include"), texts("exclude"))?,
        output: matches.get_one("output").cloned(),
    })
}

#[cfg(not(feature = "fetch"))]
fn fetch_command() -> Command {
    Command::new("fetch")
        .about("Takes facts from a real cluster (needs the cargo feature `fetch`)")
        // Whatever is asked for, the answer is that it is not there.
        .disable_help_flag(true)
        .arg(
            Arg::new("rest")
                .num_args(0..)
                .trailing_var_arg(true)
                .allow_hyphen_values(true)
                .hide(true),
        )
}

#[cfg(not(feature = "fetch"))]
fn fetch(_: &ArgMatches) -> Result<(), String> {
    Err("`kmock fetch` needs the cargo feature `fetch`, which brings a TLS client".to_owned())
}

#[cfg(test)]
mod tests {
    #[test]
    fn the_command_line_is_consistent() {
        super::command().debug_assert();
    }

    #[test]
    fn addresses_are_written_in_short_too() {
        let address = |text| super::address(text).map(|address| address.to_string());
        assert_eq!(address("8080").as_deref(), Ok("127.0.0.1:8080"));
        assert_eq!(address(":8080").as_deref(), Ok("127.0.0.1:8080"));
        assert_eq!(address("0.0.0.0:1").as_deref(), Ok("0.0.0.0:1"));
        assert_eq!(address("[::1]:1").as_deref(), Ok("[::1]:1"));
        assert!(address("localhost:0").is_ok());
        assert!(address("elsewhere").is_err() && address("99999").is_err());
    }
}
