//! Probes of containers that are code: what they serve and the commands that they know are asked, and what they say counts.
//! Containers without code are as their image says.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use bytes::Bytes;
use futures::future::BoxFuture;
use http::Request;
use tokio::sync::{mpsc, watch};
use tokio::task::AbortHandle;
use tokio::time::Instant;

use super::Look;
use super::state::Run;
use crate::containers::Exit;
use crate::emulator::kubelet::{Exit as Ended, Kubelet, Streams};
use crate::json::Json;
use crate::kind::Kind;
use crate::object::{int, items, spec_of, text};
use crate::plan::{Note, Plan, Wait};
use crate::shared::Shared;

/// What a probe is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Purpose {
    Startup,
    Readiness,
    Liveness,
}

impl Purpose {
    fn field(self) -> &'static str {
        match self {
            Purpose::Startup => "startupProbe",
            Purpose::Readiness => "readinessProbe",
            Purpose::Liveness => "livenessProbe",
        }
    }

    fn name(self) -> &'static str {
        match self {
            Purpose::Startup => "Startup",
            Purpose::Readiness => "Readiness",
            Purpose::Liveness => "Liveness",
        }
    }
}

/// How one try went; the error is what the event says.
pub(super) type Outcome = Result<(), String>;

/// One probe of a running container.
#[derive(Debug)]
pub(crate) struct Prober {
    purpose: Purpose,
    spec: Json,
    due: Instant,
    flight: Option<Flight>,
    fails: i64,
    wins: i64,
    /// What the tries so far amount to.
    pub(crate) passed: Option<bool>,
    /// How often the container had said something when it was last asked.
    heard: u64,
}

/// A try that is under way.
#[derive(Debug)]
pub(super) struct Flight {
    outcome: Arc<Mutex<Option<Outcome>>>,
    until: Instant,
    task: AbortHandle,
}

impl Flight {
    /// Begins; when it is over, its Pod is looked at.
    pub(super) fn begin(
        asking: BoxFuture<'static, Outcome>,
        shared: &Arc<Shared>,
        pod: &str,
        until: Instant,
    ) -> Flight {
        let outcome = Arc::new(Mutex::new(None));
        let (to, shared, key) = (Arc::clone(&outcome), Arc::clone(shared), pod.to_owned());
        let task = tokio::spawn(async move {
            let done = asking.await;
            *to.lock().unwrap_or_else(PoisonError::into_inner) = Some(done);
            shared.touch("kubelets", &key);
        });
        Flight {
            outcome,
            until,
            task: task.abort_handle(),
        }
    }

    /// How it went, once it is over.
    pub(super) fn take(&self) -> Option<Outcome> {
        let mut outcome = self.outcome.lock().unwrap_or_else(PoisonError::into_inner);
        outcome.take()
    }
}

impl Drop for Flight {
    fn drop(&mut self) {
        self.task.abort();
    }
}

impl Prober {
    fn seconds(&self, field: &str, otherwise: u64) -> Duration {
        let given = self.spec[field].as_u64();
        Duration::from_secs(given.unwrap_or(otherwise))
    }

    fn period(&self) -> Duration {
        self.seconds("periodSeconds", 10)
            .max(Duration::from_secs(1))
    }

    fn threshold(&self, field: &str, otherwise: i64) -> i64 {
        self.spec[field].as_i64().unwrap_or(otherwise)
    }
}

/// The probes of a container that starts.
pub(super) fn probers(container: &Json, run: &Run, now: Instant) -> Vec<Prober> {
    let mut all = Vec::new();
    for purpose in [Purpose::Startup, Purpose::Readiness, Purpose::Liveness] {
        let spec = &container[purpose.field()];
        let is_asked = if spec["exec"].is_object() {
            run.script.command.is_some() || run.script.code.is_some()
        } else {
            run.script.code.is_some()
        };
        if spec.is_null() || !is_asked {
            continue;
        }
        let mut prober = Prober {
            purpose,
            spec: spec.clone(),
            due: now,
            flight: None,
            fails: 0,
            wins: 0,
            passed: None,
            heard: u64::MAX,
        };
        prober.due += prober.seconds("initialDelaySeconds", 0);
        all.push(prober);
    }
    all
}

impl Run {
    fn of(&self, purpose: Purpose) -> Option<&Prober> {
        self.probers.iter().find(|one| one.purpose == purpose)
    }

    /// Whether its startup probe, if it has one, has succeeded.
    pub(crate) fn has_started(&self) -> bool {
        self.is_running()
            && self
                .of(Purpose::Startup)
                .is_none_or(|prober| prober.passed == Some(true))
    }

    /// Whether its probes let it be ready; `None`: it has none for that.
    pub(crate) fn probed_ready(&self) -> Option<bool> {
        if !self.has_started() {
            return Some(false);
        }
        let prober = self.of(Purpose::Readiness)?;
        Some(prober.passed == Some(true) && self.live.ready() != Some(false))
    }
}

/// Goes on with the probes of a container; whether it is to be killed, and why.
pub(super) fn go_on(
    run: &mut Run,
    look: &Look<'_>,
    shared: &Arc<Shared>,
    plan: &mut Plan,
) -> Option<String> {
    let started = run.has_started();
    let (pod, name, live) = (
        Arc::clone(&run.pod),
        run.name.clone(),
        Arc::clone(&run.live),
    );
    let field = super::field_of(run);
    let mut kill = None;
    for prober in &mut run.probers {
        // The others wait until the container has started; the first one has done its work then.
        if (prober.purpose == Purpose::Startup) == started {
            prober.flight = None;
            if !started {
                prober.due = prober.due.max(look.instant);
            }
            continue;
        }
        if let Some(flight) = &prober.flight {
            let Some(outcome) = flight.take() else {
                let left = flight.until.saturating_duration_since(look.instant);
                plan.look_after(left + Duration::from_millis(1), Wait::Work);
                continue;
            };
            prober.flight = None;
            prober.due = look.instant + prober.period();
            shared.count_probe(&pod, &name, prober.purpose.name(), outcome.is_ok());
            match outcome {
                Ok(()) => {
                    (prober.wins, prober.fails) = (prober.wins + 1, 0);
                    if prober.wins >= prober.threshold("successThreshold", 1) {
                        prober.passed = Some(true);
                    }
                }
                Err(why) => {
                    (prober.wins, prober.fails) = (0, prober.fails + 1);
                    let message = format!("{} probe failed: {why}", prober.purpose.name());
                    let note = Note::warning(Kind::Pods, look.pod, "Unhealthy", message);
                    plan.tell(Note {
                        host: look.host.to_owned(),
                        field: field.clone(),
                        ..note
                    });
                    if prober.fails >= prober.threshold("failureThreshold", 3) {
                        prober.passed = Some(false);
                        if prober.purpose != Purpose::Readiness {
                            let purpose = prober.purpose.name().to_lowercase();
                            kill = Some(format!(
                                "Container {name} failed {purpose} probe, will be restarted"
                            ));
                        }
                    }
                }
            }
        }
        // Who said something new is asked at once, unless it is known to be well.
        let news = live.said() != prober.heard && prober.passed != Some(true);
        if prober.due <= look.instant || (news && prober.heard != u64::MAX) {
            prober.heard = live.said();
            let timeout = prober
                .seconds("timeoutSeconds", 1)
                .max(Duration::from_secs(1));
            let asking = ask(prober, look, shared, &pod, &name, &live, timeout);
            let until = look.instant + timeout;
            prober.flight = Some(Flight::begin(asking, shared, &pod, until));
            plan.look_after(timeout + Duration::from_millis(1), Wait::Work);
            continue;
        }
        // What fails again and again is nothing to wait for, and what goes well neither.
        let patient = prober.passed.is_none();
        let wait = if patient {
            Wait::Work
        } else {
            Wait::Appointment
        };
        plan.look_after(prober.due.saturating_duration_since(look.instant), wait);
    }
    kill
}

/// How a container ends that is killed.
pub(super) fn killed() -> Exit {
    Exit {
        reason: Some("Error"),
        ..Exit::of(137)
    }
}

/// One try.
fn ask(
    prober: &Prober,
    look: &Look<'_>,
    shared: &Arc<Shared>,
    pod: &str,
    container: &str,
    live: &crate::containers::Live,
    timeout: Duration,
) -> BoxFuture<'static, Outcome> {
    let spec = &prober.spec;
    let said = live.ready() == Some(true);
    // Code that listens nowhere is as it says; what it never said is not held against its life.
    let unheard = |why: String| -> Outcome {
        match prober.purpose {
            _ if said => Ok(()),
            Purpose::Liveness if !live.has_listened() => Ok(()),
            _ => Err(why),
        }
    };
    if spec["exec"].is_object() {
        let command: Vec<String> = items(&spec["exec"]["command"])
            .map(|word| text(word).to_owned())
            .collect();
        let knows = shared
            .running(pod, container)
            .is_some_and(|running| running.command.is_some() || running.is_plain);
        if !knows {
            let outcome = unheard("it has not said that it is ready".to_owned());
            return Box::pin(async move { outcome });
        }
        return self::command(shared, pod, container, command, Some(timeout));
    }
    let part = ["httpGet", "tcpSocket", "grpc"]
        .into_iter()
        .find(|part| spec[*part].is_object())
        .unwrap_or("grpc");
    let agent = "kube-probe/1.36";
    match request(spec, part, look, shared, container, agent, Some(timeout)) {
        Ok(asking) => asking,
        Err(why) => {
            let outcome = unheard(why);
            Box::pin(async move { outcome })
        }
    }
}

/// A command in a container; one that ends with another code than 0 has failed with what it says.
pub(super) fn command(
    shared: &Shared,
    pod: &str,
    container: &str,
    command: Vec<String>,
    timeout: Option<Duration>,
) -> BoxFuture<'static, Outcome> {
    let (output, mut written) = mpsc::channel(16);
    let (_, size) = watch::channel(None);
    let streams = Streams {
        stdin: None,
        output,
        tty: false,
        size,
    };
    let process = shared.exec(pod, container, command, streams);
    Box::pin(async move {
        let mut said = Vec::new();
        let running = async {
            let reading = async {
                while let Some((_, data)) = written.recv().await {
                    said.extend_from_slice(&data);
                }
            };
            match futures::future::join(process?, reading).await.0 {
                Ended::Code(code) => Ok(code),
                Ended::Failed(why) => Err(why),
            }
        };
        let ended = match timeout {
            None => Ok(running.await),
            Some(timeout) => tokio::time::timeout(timeout, running)
                .await
                .map_err(|_| timeout),
        };
        match ended {
            Ok(Ok(0)) => Ok(()),
            Ok(Ok(_)) => Err(String::from_utf8_lossy(&said).trim_end().to_owned()),
            Ok(Err(why)) => Err(why),
            Err(timeout) => Err(format!(
                "command timed out: timed out after {}",
                super::short(timeout)
            )),
        }
    })
}

/// A request to what listens at a port (`httpGet`, `tcpSocket`, `grpc`).
///
/// # Errors
/// Nothing listens there, in the words of a client.
pub(super) fn request(
    spec: &Json,
    part: &str,
    look: &Look<'_>,
    shared: &Arc<Shared>,
    container: &str,
    agent: &str,
    timeout: Option<Duration>,
) -> Result<BoxFuture<'static, Outcome>, String> {
    let action = &spec[part];
    let port = port_of(&action["port"], spec_of(look.pod, container));
    let ip = match text(&action["host"]) {
        "" => look.place.ip.clone(),
        host => host.to_owned(),
    };
    let Some(served) = shared.network.at(&ip, port) else {
        let refused = format!("dial tcp {ip}:{port}: connect: connection refused");
        return Err(match part {
            "httpGet" => format!("Get \"{}\": {refused}", url(action, &ip, port)),
            "tcpSocket" => refused,
            _ => format!(
                "timeout: failed to connect service \"{ip}:{port}\" within {}: {refused}",
                super::short(timeout.unwrap_or_default())
            ),
        });
    };
    if part != "httpGet" {
        return Ok(Box::pin(async { Ok(()) }));
    }
    let url = url(action, &ip, port);
    let path = match text(&action["path"]) {
        "" => "/".to_owned(),
        path if path.starts_with('/') => path.to_owned(),
        path => format!("/{path}"),
    };
    let mut request = Request::builder()
        .uri(path)
        .header("host", format!("{ip}:{port}"))
        .header("user-agent", agent)
        .header("accept", "*/*");
    for header in items(&action["httpHeaders"]) {
        request = request.header(text(&header["name"]), text(&header["value"]));
    }
    Ok(Box::pin(async move {
        let request = request
            .body(Bytes::new())
            .map_err(|error| error.to_string())?;
        let Some(timeout) = timeout else {
            // A hook asks for no status.
            served.answer(request).await;
            return Ok(());
        };
        match tokio::time::timeout(timeout, served.answer(request)).await {
            Ok(response) if (200..400).contains(&response.status().as_u16()) => Ok(()),
            Ok(response) => Err(format!(
                "HTTP probe failed with statuscode: {}",
                response.status().as_u16()
            )),
            Err(_) => Err(format!(
                "Get \"{url}\": context deadline exceeded (Client.Timeout exceeded while awaiting headers)"
            )),
        }
    }))
}

fn url(action: &Json, ip: &str, port: u16) -> String {
    let scheme = match text(&action["scheme"]) {
        "HTTPS" => "https",
        _ => "http",
    };
    let path = text(&action["path"]);
    let slash = if path.starts_with('/') { "" } else { "/" };
    format!("{scheme}://{ip}:{port}{slash}{path}")
}

/// A port by its number, or by its name among those of the container.
fn port_of(port: &Json, container: &Json) -> u16 {
    let number = match port.as_str() {
        Some(name) => items(&container["ports"])
            .find(|one| one["name"] == name)
            .map(|one| int(&one["containerPort"]))
            .unwrap_or_else(|| name.parse().unwrap_or_default()),
        None => int(port),
    };
    u16::try_from(number).unwrap_or_default()
}

/// How long a container has to end when its probes have given it up.
pub(super) fn grace(run: &Run, pod: &Json) -> Duration {
    let own = run
        .probers
        .iter()
        .filter(|prober| prober.passed == Some(false))
        .find_map(|prober| prober.spec["terminationGracePeriodSeconds"].as_u64());
    own.map_or_else(|| grace_of(pod), Duration::from_secs)
}

/// How long the containers of a Pod have to end.
pub(super) fn grace_of(pod: &Json) -> Duration {
    let seconds = pod["spec"]["terminationGracePeriodSeconds"].as_u64();
    Duration::from_secs(seconds.unwrap_or(30))
}

#[cfg(test)]
mod tests {
    use crate::json::json;

    use super::*;

    #[test]
    fn ports_have_numbers_and_names() {
        let container = json!({"ports": [{"name": "http", "containerPort": 8080}]});
        for (port, expected) in [
            (json!(80), 80),
            (json!("http"), 8080),
            (json!("9090"), 9090),
            (json!("other"), 0),
        ] {
            assert_eq!(port_of(&port, &container), expected, "{port}");
        }
        assert_eq!(
            url(
                &json!({"path": "healthz", "scheme": "HTTPS"}),
                "10.0.0.1",
                8443
            ),
            "https://10.0.0.1:8443/healthz"
        );
    }
}
