//! kmock beside its peers, in one process: how long a server takes to start and stop, how long a GET takes on a
//! connection that is kept, how many of them several connections get through in a second, and what each costs the
//! processor, with 1 to 10,000 rules of which the one that is asked last answers.
//!
//! `cargo run --release --manifest-path benches/peers/Cargo.toml` prints the tables of docs/performance.md; names after
//! `--` choose servers (`-- axum kmock`). `-- profile NAME RULES REQUESTS` does nothing but so many requests to one
//! server: something for `valgrind --tool=callgrind` and `perf`.

mod client;
mod measure;
mod numbers;
mod peers;

use std::time::{Duration, Instant};

use crate::{
    client::Client,
    measure::Measured,
    peers::{Peer, peers},
};

const SIZES: [usize; 4] = [1, 100, 1_000, 10_000];

fn main() {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    if let [command, name, rules, requests] = arguments.as_slice()
        && command == "profile"
    {
        let number = |text: &str| text.parse().expect("a number");
        return profile(name, number(rules), number(requests));
    }
    let mut peers = peers();
    let wanted = |peer: &Peer| arguments.iter().any(|name| peer.name.starts_with(name));
    peers.retain(|peer| arguments.is_empty() || wanted(peer));
    let starts = measure::starting(&peers);
    let sizes: Vec<Vec<Measured>> = SIZES
        .iter()
        .map(|rules| {
            eprintln!("{rules} rules …");
            measure::rounds(&peers, *rules)
        })
        .collect();
    let first = peers[0].name;
    println!("\nThe time of a GET, and how many times that of {first} it is:\n");
    println!(
        "| server | start + stop | 1 rule | 100 | 1,000 | 10,000 |\n|---|---|---|---|---|---|"
    );
    for (at, peer) in peers.iter().enumerate() {
        print!("| {} | {:.0} µs ", peer.name, micros(starts[at]));
        row(&sizes, at, |one| {
            let (time, ratio) = (shown(one.latency), one.ratio);
            match ratio < 100.0 {
                true => format!("{time} ({ratio:.2})"),
                false => format!("{time} ({ratio:.0})"),
            }
        });
    }
    for (raw, name) in [(true, "raw"), (false, "with its Kubernetes API")] {
        let took = shown(measure::starting_in_a_test(raw));
        println!("\nkmock {name}, started and stopped on a test's own runtime: {took}");
    }
    #[cfg(feature = "kubernetes")]
    println!("\na GET of a namespace: {}", shown(measure::object()));
    println!("\nGETs in a second:\n");
    println!("| server | 1 rule | 100 | 1,000 | 10,000 |\n|---|---|---|---|---|");
    for (at, peer) in peers.iter().enumerate() {
        print!("| {} ", peer.name);
        row(&sizes, at, |one| format!("{:.0}", one.rate));
    }
    println!("\nProcessor time of the server for a GET:\n");
    println!("| server | 1 rule | 100 | 1,000 | 10,000 |\n|---|---|---|---|---|");
    for (at, peer) in peers.iter().enumerate() {
        print!("| {} ", peer.name);
        row(&sizes, at, |one| one.cpu.map_or("–".to_owned(), shown));
    }
}

fn row(sizes: &[Vec<Measured>], at: usize, cell: impl Fn(&Measured) -> String) {
    let cells: Vec<String> = sizes.iter().map(|size| cell(&size[at])).collect();
    println!("| {} |", cells.join(" | "));
}

fn shown(time: Duration) -> String {
    let micros = micros(time);
    match micros {
        ..100.0 => format!("{micros:.1} µs"),
        ..1000.0 => format!("{micros:.0} µs"),
        _ => format!("{:.1} ms", micros / 1000.0),
    }
}

fn micros(duration: Duration) -> f64 {
    duration.as_secs_f64() * 1e6
}

fn profile(name: &str, rules: usize, requests: usize) {
    let peers = peers();
    let peer = peers.iter().find(|peer| peer.name.starts_with(name));
    let peer = peer.expect("the name of a server");
    let server = (peer.start)(rules);
    let mut client = Client::new(server.address, &peer.last_path(rules));
    let (began, before) = (Instant::now(), measure::others_cpu());
    let median = measure::latency(&mut client, requests);
    let each = began.elapsed() / (requests as u32);
    let cpu = measure::others_cpu().zip(before);
    let cpu = cpu.map_or(Duration::ZERO, |(after, before)| {
        after.saturating_sub(before)
    });
    println!(
        "{}: {:.2} µs a GET, the median {:.2} µs, {:.2} µs of the processor\n{}",
        peer.name,
        micros(each),
        micros(median),
        micros(cpu) / requests as f64,
        client.answer(),
    );
}
