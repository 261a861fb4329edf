//! Images by data: what `kmock serve --images FILE` reads.

use std::convert::Infallible;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use bytes::Bytes;
use http::{Request, Response};
use http_body_util::Full;
use serde_json::Value;
use tower_service::Service;

use super::handle::Container;
use super::{Image, Io, plain};
use crate::emulator::builtin::quantity::Quantity;
use crate::emulator::builtin::times;
use crate::glob::glob;
use crate::shared::Shared;

const KEYS: [&str; 16] = [
    "image",
    "log",
    "ready",
    "readyAfter",
    "exit",
    "after",
    "message",
    "runs",
    "pullTakes",
    "pullFails",
    "ignoresStop",
    "outOfMemory",
    "script",
    "serve",
    "exec",
    "usage",
];

/// Declares all images of a list; of one that has a mistake, none.
pub(crate) fn declare(shared: &Arc<Shared>, images: &Value) -> Result<(), String> {
    let list = images.as_array().ok_or("the images are no list")?;
    let mut all = Vec::new();
    for (number, entry) in list.iter().enumerate() {
        all.push(read(entry).map_err(|error| format!("image {}: {error}", number + 1))?);
    }
    for (pattern, steps) in all {
        let mut image = Image::declare(shared, &pattern);
        for step in steps {
            image = step.apply(image);
        }
    }
    Ok(())
}

/// One word about an image.
enum Step {
    Log(String),
    NeverReady,
    ReadyAfter(Duration),
    Exit(i32),
    OutOfMemory,
    After(Duration),
    Message(String),
    Runs(usize, usize),
    PullTakes(Duration),
    PullFails(String),
    IgnoresStop,
    Script(String),
    Serve(Vec<(u16, String)>),
    Exec(Vec<Canned>),
    Uses(String, String),
}

/// What a command says.
#[derive(Clone)]
struct Canned {
    pattern: String,
    stdout: String,
    stderr: String,
    exit: i32,
}

impl Step {
    fn apply(self, image: Image) -> Image {
        match self {
            Step::Log(text) => image.log(text),
            Step::NeverReady => image.never_ready(),
            Step::ReadyAfter(time) => image.ready_after(time),
            Step::Exit(code) => image.exit(code),
            Step::OutOfMemory => image.out_of_memory(),
            Step::After(time) => image.after(time),
            Step::Message(text) => image.message(text),
            Step::Runs(first, end) => image.runs(first..end),
            Step::PullTakes(time) => image.pull_takes(time),
            Step::PullFails(why) => image.pull_fails(why),
            Step::IgnoresStop => image.ignores_stop(),
            Step::Script(script) => image.script(script),
            Step::Uses(resource, amount) => image.uses(&resource, amount),
            Step::Serve(ports) => image.run(move |c| serve(c, ports.clone())),
            Step::Exec(commands) => {
                image.exec(move |command, io| exec(command, io, commands.clone()))
            }
        }
    }
}

/// Serves texts on ports until the container is told to stop.
async fn serve(container: Container, ports: Vec<(u16, String)>) {
    let all = ports.into_iter().map(|(port, text)| {
        let container = container.clone();
        async move { container.serve(port, Fixed(text.into())).await }
    });
    futures::future::join_all(all).await;
}

/// Says what was declared of a command; of others, what the plain ones do.
async fn exec(command: Vec<String>, mut io: Io, commands: Vec<Canned>) -> i32 {
    let line = command.join(" ");
    if let Some(canned) = commands.iter().find(|one| glob(&one.pattern, &line)) {
        io.write(&canned.stdout).await;
        io.write_error(&canned.stderr).await;
        return canned.exit;
    }
    match plain(&command, &mut io).await {
        Some(code) => code,
        None => {
            let name = command.first().map(String::as_str).unwrap_or_default();
            io.write_error(format!("sh: {name}: not found\n")).await;
            127
        }
    }
}

/// One answer to everything.
#[derive(Clone)]
struct Fixed(Bytes);

impl Service<Request<Full<Bytes>>> for Fixed {
    type Response = Response<Full<Bytes>>;
    type Error = Infallible;
    type Future = std::future::Ready<Result<Self::Response, Infallible>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), Infallible>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, _: Request<Full<Bytes>>) -> Self::Future {
        std::future::ready(Ok(Response::new(Full::new(self.0.clone()))))
    }
}

fn ports(served: &Value) -> Result<Vec<(u16, String)>, String> {
    let map = served
        .as_object()
        .ok_or("`serve` has a text for each port, as {'8080': hello}")?;
    map.iter()
        .map(|(port, text)| {
            let number = port.parse().ok().filter(|port| *port > 0);
            let number = number.ok_or(format!("`serve`: {port:?} is no port"))?;
            let text = match text {
                Value::String(text) => text.clone(),
                other => other.to_string(),
            };
            Ok((number, text))
        })
        .collect()
}

fn commands(said: &Value) -> Result<Vec<Canned>, String> {
    let map = said
        .as_object()
        .ok_or("`exec` has an answer for each command: a text, or `stdout`, `stderr` and `exit`")?;
    map.iter()
        .map(|(pattern, said)| {
            let wrong =
                || format!("`exec`: {pattern:?} has a text, or `stdout`, `stderr` and `exit`");
            let mut canned = Canned {
                pattern: pattern.clone(),
                stdout: String::new(),
                stderr: String::new(),
                exit: 0,
            };
            match said {
                Value::String(text) => canned.stdout.clone_from(text),
                Value::Object(parts) => {
                    for (part, value) in parts {
                        let text = value.as_str().map(str::to_owned);
                        match part.as_str() {
                            "stdout" => canned.stdout = text.ok_or_else(wrong)?,
                            "stderr" => canned.stderr = text.ok_or_else(wrong)?,
                            "exit" => {
                                let code = value.as_i64().and_then(|code| i32::try_from(code).ok());
                                canned.exit = code.ok_or_else(wrong)?;
                            }
                            _ => return Err(wrong()),
                        }
                    }
                }
                _ => return Err(wrong()),
            }
            Ok(canned)
        })
        .collect()
}

fn read(entry: &Value) -> Result<(String, Vec<Step>), String> {
    let map = entry.as_object().ok_or("it is no object")?;
    if let Some(key) = map.keys().find(|key| !KEYS.contains(&key.as_str())) {
        return Err(format!(
            "there is no {key:?}; there are {}",
            KEYS.join(", ")
        ));
    }
    let pattern = entry["image"]
        .as_str()
        .ok_or("it has no `image`: the pattern of the images that it is for")?;
    let text = |key: &str| match &entry[key] {
        Value::Null => Ok(None),
        Value::String(text) => Ok(Some(text.clone())),
        other => Err(format!("`{key}` is a text, not {other}")),
    };
    let time = |key: &str| match text(key)? {
        None => Ok(None),
        Some(text) => times::duration(&text)
            .ok()
            .and_then(|nanos| u64::try_from(nanos).ok())
            .map(|nanos| Some(Duration::from_nanos(nanos)))
            .ok_or(format!(
                "`{key}` is a time such as 5s or 250ms, not {text:?}"
            )),
    };
    let flag = |key: &str| match &entry[key] {
        Value::Null => Ok(None),
        Value::Bool(flag) => Ok(Some(*flag)),
        other => Err(format!("`{key}` is true or false, not {other}")),
    };
    let mut steps = Vec::new();
    steps.extend(text("log")?.map(|text| {
        Step::Log(if text.ends_with('\n') {
            text
        } else {
            format!("{text}\n")
        })
    }));
    steps.extend(time("readyAfter")?.map(Step::ReadyAfter));
    steps.extend(
        flag("ready")?
            .filter(|ready| !ready)
            .map(|_| Step::NeverReady),
    );
    match &entry["exit"] {
        Value::Null => {}
        code => {
            let code = code.as_i64().and_then(|code| i32::try_from(code).ok());
            steps.push(Step::Exit(code.ok_or("`exit` is a code: a number")?));
        }
    }
    steps.extend(
        flag("outOfMemory")?
            .filter(|dies| *dies)
            .map(|_| Step::OutOfMemory),
    );
    steps.extend(time("after")?.map(Step::After));
    steps.extend(text("message")?.map(Step::Message));
    steps.extend(time("pullTakes")?.map(Step::PullTakes));
    steps.extend(text("pullFails")?.map(Step::PullFails));
    steps.extend(
        flag("ignoresStop")?
            .filter(|ignores| *ignores)
            .map(|_| Step::IgnoresStop),
    );
    if let Some(script) = text("script")? {
        super::shell::checked(&script).map_err(|why| format!("`script`: {why}"))?;
        steps.push(Step::Script(script));
    }
    if !entry["serve"].is_null() {
        steps.push(Step::Serve(ports(&entry["serve"])?));
    }
    if !entry["exec"].is_null() {
        steps.push(Step::Exec(commands(&entry["exec"])?));
    }
    match &entry["usage"] {
        Value::Null => {}
        Value::Object(usage) => {
            for (resource, amount) in usage {
                let amount = match amount {
                    Value::String(text) => text.clone(),
                    other => other.to_string(),
                };
                if Quantity::parse(&amount).is_err() {
                    return Err(format!(
                        "`usage`: {amount:?} is no quantity such as 250m or 64Mi"
                    ));
                }
                steps.push(Step::Uses(resource.clone(), amount));
            }
        }
        other => {
            return Err(format!(
                "`usage` has a quantity for each resource, as {{cpu: 250m}}, not {other}"
            ));
        }
    }
    match &entry["runs"] {
        Value::Null => {}
        Value::Number(number) => {
            let at = number
                .as_u64()
                .and_then(|at| usize::try_from(at).ok())
                .ok_or("`runs` counts from 0")?;
            steps.push(Step::Runs(at, at.saturating_add(1)));
        }
        Value::String(range) => {
            let (first, end) = range
                .split_once("..")
                .ok_or("`runs` is a number or a range such as ..2")?;
            let number = |text: &str, otherwise: usize| match text {
                "" => Ok(otherwise),
                text => text
                    .parse::<usize>()
                    .map_err(|_| format!("{text:?} is no number")),
            };
            let end = match end.strip_prefix('=') {
                Some(last) => number(last, usize::MAX)?.saturating_add(1),
                None => number(end, usize::MAX)?,
            };
            steps.push(Step::Runs(number(first, 0)?, end));
        }
        other => {
            return Err(format!(
                "`runs` is a number or a range such as \"..2\", not {other}"
            ));
        }
    }
    Ok((pattern.to_owned(), steps))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn images_by_data() {
        let shared = Arc::new(Shared::default());
        let images = json!([
            {"image": "flaky", "runs": "..2", "exit": 1, "log": "no database"},
            {"image": "postgres:*", "readyAfter": "1m30s"},
        ]);
        declare(&shared, &images).expect("no mistake");
        let codes: Vec<_> = (0..3)
            .map(|_| {
                shared
                    .scripts
                    .take("flaky")
                    .and_then(|script| script.exit)
                    .map(|exit| exit.code)
            })
            .collect();
        assert_eq!(codes, [Some(1), Some(1), None]);
        assert_eq!(
            shared
                .scripts
                .take("postgres:16")
                .map(|script| script.ready),
            Some(crate::containers::Ready::After(Duration::from_secs(90)))
        );
        for (entry, expected) in [
            (
                json!({"exit": 1}),
                "image 1: it has no `image`: the pattern of the images that it is for",
            ),
            (
                json!({"image": "a", "exits": 1}),
                "image 1: there is no \"exits\"",
            ),
            (
                json!({"image": "a", "after": "5 s"}),
                "image 1: `after` is a time such as 5s or 250ms, not \"5 s\"",
            ),
            (
                json!({"image": "a", "script": "case $1 in"}),
                "image 1: `script`: syntax error: unexpected end of file",
            ),
            (
                json!({"image": "a", "script": "frobnicate"}),
                "image 1: `script`: kmock does not know the command frobnicate",
            ),
            (
                json!({"image": "a", "exit": "no"}),
                "image 1: `exit` is a code: a number",
            ),
        ] {
            let error = declare(&shared, &json!([entry])).expect_err("a mistake");
            assert!(error.starts_with(expected), "{error}");
        }
    }
}
