//! How it is measured. The machine may be busy with other things, so whatever is compared runs in short turns, one server
//! after another and each time in another order; ratios are taken turn by turn, and of all turns the median counts.

use std::{
    sync::Barrier,
    time::{Duration, Instant},
};

use crate::{
    client::Client,
    numbers::{median, middle},
    peers::{self, Peer, Started},
};

/// How often all servers are started anew: what one of them remembers must not grow without end.
const BLOCKS: usize = 5;
/// Turns of each server in a block.
const TURNS: usize = 20;
/// The most requests of one turn. All servers get as many, except those that would take longer than `TURN`.
const REQUESTS: usize = 300;
const TURN: Duration = Duration::from_millis(50);
const CONNECTIONS: usize = 4;

/// What is known of one server with so many rules.
pub(crate) struct Measured {
    /// The time of a GET on a connection that is kept.
    pub(crate) latency: Duration,
    /// The same, as a multiple of the first server's in the same turn.
    pub(crate) ratio: f64,
    /// GETs in a second on several connections.
    pub(crate) rate: f64,
    /// The time that the server's threads were running, by request; `None` where the system does not tell.
    pub(crate) cpu: Option<Duration>,
}

#[derive(Default)]
struct Samples {
    latencies: Vec<Duration>,
    ratios: Vec<f64>,
    rates: Vec<f64>,
    cpus: Vec<Duration>,
}

/// The time from the start of a server with one rule until it is gone, for each.
pub(crate) fn starting(peers: &[Peer]) -> Vec<Duration> {
    let mut all = vec![Vec::new(); peers.len()];
    for turn in 0..105 {
        for at in order(peers.len(), turn) {
            let began = Instant::now();
            drop((peers[at].start)(1));
            // Without the first ones: they load what all share.
            if turn >= 5 {
                all[at].push(began.elapsed());
            }
        }
    }
    all.into_iter().map(median).collect()
}

/// The time in which `start` has started and stopped a kmock on the runtime that is there, as in a test.
pub(crate) fn starting_in_a_test(raw: bool) -> Duration {
    let all = peers::runtime().block_on(async {
        let mut all = Vec::new();
        for turn in 0..1005 {
            let began = Instant::now();
            drop(peers::kmock_here(raw).await);
            tokio::task::yield_now().await;
            if turn >= 5 {
                all.push(began.elapsed());
            }
        }
        all
    });
    median(all)
}

/// The time of a GET of an object of the Kubernetes API, on a connection that is kept.
#[cfg(feature = "kubernetes")]
pub(crate) fn object() -> Duration {
    let peers = peers::peers();
    let kmock = peers.iter().find(|peer| peer.name.ends_with("API"));
    let server = (kmock.expect("kmock").start)(1);
    let mut client = Client::json(server.address, "/api/v1/namespaces/default");
    let timed = (0..20_000).map(|_| {
        let began = Instant::now();
        client.get();
        began.elapsed()
    });
    median(timed.collect())
}

/// All servers with so many rules.
pub(crate) fn rounds(peers: &[Peer], rules: usize) -> Vec<Measured> {
    let mut samples: Vec<Samples> = peers.iter().map(|_| Samples::default()).collect();
    for _ in 0..BLOCKS {
        let servers: Vec<Started> = peers.iter().map(|peer| (peer.start)(rules)).collect();
        let paths: Vec<String> = peers.iter().map(|peer| peer.last_path(rules)).collect();
        let mut clients: Vec<Client> = servers
            .iter()
            .zip(&paths)
            .map(|(server, path)| Client::new(server.address, path))
            .collect();
        let counts: Vec<usize> = clients.iter_mut().map(warmed).collect();
        for turn in 0..TURNS {
            let mut turns = vec![Duration::ZERO; peers.len()];
            for at in order(peers.len(), turn) {
                let before = others_cpu();
                turns[at] = latency(&mut clients[at], counts[at]);
                if let (Some(before), Some(after)) = (before, others_cpu()) {
                    let cpu = after.saturating_sub(before) / (counts[at] as u32);
                    samples[at].cpus.push(cpu);
                }
            }
            for (samples, latency) in samples.iter_mut().zip(&turns) {
                samples.latencies.push(*latency);
                let ratio = latency.as_secs_f64() / turns[0].as_secs_f64();
                samples.ratios.push(ratio);
            }
        }
        for turn in 0..TURNS / 2 {
            for at in order(peers.len(), turn) {
                let rate = throughput(&servers[at], &paths[at], counts[at]);
                samples[at].rates.push(rate);
            }
        }
    }
    let measured = |samples: Samples| Measured {
        latency: median(samples.latencies),
        ratio: middle(samples.ratios),
        rate: middle(samples.rates),
        cpu: (!samples.cpus.is_empty()).then(|| median(samples.cpus)),
    };
    samples.into_iter().map(measured).collect()
}

/// Each turn begins with another server, and every second one goes backwards.
fn order(servers: usize, turn: usize) -> impl Iterator<Item = usize> {
    (0..servers).map(move |n| match turn % 2 {
        0 => (n + turn / 2) % servers,
        _ => (2 * servers - 1 - n + turn / 2) % servers,
    })
}

/// Warms a server up, and says how many requests its turns have.
fn warmed(client: &mut Client) -> usize {
    let began = Instant::now();
    let mut done = 0;
    while done < REQUESTS && (done < 3 || began.elapsed() < TURN) {
        client.get();
        done += 1;
    }
    done
}

/// The median of so many GETs.
pub(crate) fn latency(client: &mut Client, count: usize) -> Duration {
    let once = |_| {
        let began = Instant::now();
        client.get();
        began.elapsed()
    };
    median((0..count).map(once).collect())
}

/// So many GETs on each of several connections that are open already.
fn throughput(server: &Started, path: &str, count: usize) -> f64 {
    let (ready, address) = (Barrier::new(CONNECTIONS + 1), server.address);
    let took = std::thread::scope(|scope| {
        let clients: Vec<_> = (0..CONNECTIONS)
            .map(|_| {
                scope.spawn(|| {
                    let mut client = Client::new(address, path);
                    client.get();
                    ready.wait();
                    (0..count).for_each(|_| client.get());
                })
            })
            .collect();
        ready.wait();
        let began = Instant::now();
        for client in clients {
            client.join().expect("a client");
        }
        began.elapsed()
    });
    (CONNECTIONS * count) as f64 / took.as_secs_f64()
}

/// How long all threads but this one have been running so far, as Linux counts it.
pub(crate) fn others_cpu() -> Option<Duration> {
    let this = std::fs::read_link("/proc/thread-self").ok()?;
    let mut all = Duration::ZERO;
    for task in std::fs::read_dir("/proc/self/task").ok()? {
        let task = task.ok()?;
        if Some(task.file_name().as_os_str()) == this.file_name() {
            continue;
        }
        // A thread may end meanwhile.
        let Ok(text) = std::fs::read_to_string(task.path().join("schedstat")) else {
            continue;
        };
        let nanos = text.split_whitespace().next()?.parse().ok()?;
        all += Duration::from_nanos(nanos);
    }
    Some(all)
}

