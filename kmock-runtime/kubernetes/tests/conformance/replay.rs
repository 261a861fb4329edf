//! Plays a recorded conversation against a cluster in this process, under virtual time.

use std::collections::HashMap;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, LazyLock, Mutex};
use std::time::Duration;

use bytes::Bytes;
use futures::StreamExt;
use http::{Request, Response};
use kmock_kubernetes::{ApiBody, Cluster};
use regex::{Captures, Regex};

use crate::json::Json;
use crate::normal::{Normal, differ, prune};

/// One step that did not go as recorded.
pub struct Failure {
    pub step: usize,
    pub what: String,
    pub differences: Vec<String>,
}

/// How a scenario went.
pub struct Outcome {
    pub steps: usize,
    pub failures: Vec<Failure>,
}

struct Watch {
    events: Arc<Mutex<Vec<Json>>>,
    done: Arc<AtomicBool>,
}

pub async fn replay(cluster: &Cluster, scenario: &Json) -> Outcome {
    let (mut normal, mut memory) = (Normal::default(), HashMap::new());
    let mut watches: HashMap<String, Watch> = HashMap::new();
    let steps = scenario.get("steps").map(Json::list).unwrap_or_default();
    let mut outcome = Outcome {
        steps: 0,
        failures: Vec::new(),
    };
    outcome.steps = steps
        .iter()
        .filter(|step| step.get("expect").is_some())
        .count();
    for (index, step) in steps.iter().enumerate() {
        let answer = run(cluster, step, &mut memory, &mut watches).await;
        let Some(want) = step.get("expect") else {
            continue;
        };
        let mut differences = Vec::new();
        match answer {
            Ok(answer) => {
                let mut got = normal.walk(&answer);
                prune(&mut got, step);
                differ(want, &got, "", &mut differences);
            }
            Err(why) => differences.push(why),
        }
        if !differences.is_empty() {
            let what = ["do", "collect"]
                .iter()
                .filter_map(|key| step.get(key).and_then(Json::text))
                .collect();
            outcome.failures.push(Failure {
                step: index,
                what,
                differences,
            });
        }
    }
    outcome
}

async fn run(
    cluster: &Cluster,
    step: &Json,
    memory: &mut HashMap<String, Json>,
    watches: &mut HashMap<String, Watch>,
) -> Result<Json, String> {
    if let Some(seconds) = step.get("sleep").and_then(Json::seconds) {
        tokio::time::sleep(Duration::from_secs_f64(seconds)).await;
        return Ok(Json::Null);
    }
    if let Some(name) = step.get("collect").and_then(Json::text) {
        let watch = watches.get(name).ok_or("no such watch")?;
        let want = step
            .get("events")
            .and_then(Json::integer)
            .unwrap_or_default();
        let within = step.get("within").and_then(Json::seconds).unwrap_or(5.0);
        let limit = tokio::time::Instant::now() + Duration::from_secs_f64(within);
        let seen = || {
            watch
                .events
                .lock()
                .map(|events| events.len())
                .unwrap_or_default() as u64
        };
        while tokio::time::Instant::now() < limit
            && seen() < want
            && !watch.done.load(Ordering::SeqCst)
        {
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
        let settle = step.get("settle").and_then(Json::seconds);
        if want == 0 || settle.is_some() {
            tokio::time::sleep(Duration::from_secs_f64(settle.unwrap_or(0.5))).await;
        }
        let events = watch
            .events
            .lock()
            .map(|mut events| std::mem::take(&mut *events))
            .unwrap_or_default();
        let mut answer = vec![("events".to_owned(), Json::List(events))];
        if step.get("closes").is_some() && watch.done.load(Ordering::SeqCst) {
            answer.push(("closed".into(), Json::Bool(true)));
        }
        return Ok(Json::Object(answer));
    }
    let response = cluster.call(request(step, memory)?).await;
    let (parts, body) = response.into_parts();
    let head = Response::from_parts(parts, ());
    let header = |name: &str| {
        head.headers()
            .get(name)
            .and_then(|x| x.to_str().ok())
            .map(str::to_owned)
    };
    let kind = header("content-type");
    let text = |text: Option<String>| text.map_or(Json::Null, Json::Text);
    let mut answer = vec![
        (
            "code".to_owned(),
            Json::Number(head.status().as_u16().into()),
        ),
        ("type".to_owned(), text(kind.clone())),
    ];
    if let Some(name) = step.get("watch").and_then(Json::text) {
        if head.status() == 200 {
            let watch = Watch {
                events: Arc::default(),
                done: Arc::default(),
            };
            tokio::spawn(follow(
                body,
                Arc::clone(&watch.events),
                Arc::clone(&watch.done),
            ));
            watches.insert(name.into(), watch);
        } else {
            answer.push(("body".into(), decode(&collect(body).await, kind.as_deref())));
        }
        return Ok(Json::Object(answer));
    }
    let body = decode(&collect(body).await, kind.as_deref());
    if let Some(id) = step.get("id").and_then(Json::text) {
        memory.insert(id.into(), body.clone());
    }
    answer.push(("body".into(), body));
    let warnings: Vec<Json> = head
        .headers()
        .get_all("warning")
        .iter()
        .filter_map(|x| x.to_str().ok())
        .map(|x| Json::Text(x.into()))
        .collect();
    if !warnings.is_empty() {
        answer.push(("warning".into(), Json::List(warnings)));
    }
    for name in ["retry-after", "location", "allow"] {
        if let Some(value) = header(name).filter(|x| !x.is_empty()) {
            answer.push((name.into(), Json::Text(value)));
        }
    }
    Ok(Json::Object(answer))
}

fn request(step: &Json, memory: &HashMap<String, Json>) -> Result<Request<Bytes>, String> {
    let line = fill_text(
        step.get("do").and_then(Json::text).unwrap_or_default(),
        memory,
    )?;
    let (method, path) = line.split_once(' ').ok_or("no method")?;
    let mut headers = vec![
        ("accept".to_owned(), "application/json".to_owned()),
        ("user-agent".into(), "conform/1.0".into()),
    ];
    if let Some(Json::Object(own)) = step.get("headers") {
        for (name, value) in own {
            let name = name.to_ascii_lowercase();
            headers.retain(|(known, _)| *known != name);
            headers.push((name, fill_text(value.text().unwrap_or_default(), memory)?));
        }
    }
    let body = match (step.get("raw").and_then(Json::text), step.get("body")) {
        (Some(raw), _) => Some(fill_text(raw, memory)?),
        (None, Some(body)) => Some(fill(body, memory)?.spaced()),
        (None, None) => None,
    };
    if body.is_some() && !headers.iter().any(|(name, _)| name == "content-type") {
        headers.push(("content-type".into(), "application/json".into()));
    }
    let mut request = Request::builder().method(method).uri(path);
    for (name, value) in headers {
        request = request.header(name, value);
    }
    request
        .body(Bytes::from(body.unwrap_or_default()))
        .map_err(|error| error.to_string())
}

async fn collect(body: ApiBody) -> Bytes {
    match body {
        ApiBody::Full(bytes) => bytes,
        ApiBody::Stream(chunks) => chunks.collect::<Vec<Bytes>>().await.concat().into(),
        // Nothing that was recorded upgrades.
        ApiBody::Upgrade(_) => Bytes::new(),
    }
}

async fn follow(body: ApiBody, events: Arc<Mutex<Vec<Json>>>, done: Arc<AtomicBool>) {
    let mut pending = String::new();
    let mut chunks = match body {
        ApiBody::Full(bytes) => futures::stream::iter([bytes]).boxed(),
        ApiBody::Stream(chunks) => chunks,
        ApiBody::Upgrade(_) => futures::stream::empty().boxed(),
    };
    while let Some(chunk) = chunks.next().await {
        pending.push_str(&String::from_utf8_lossy(&chunk));
        while let Some((line, rest)) = pending.split_once('\n') {
            if let (Some(event), Ok(mut events)) = (Json::parse(line), events.lock()) {
                events.push(event);
            }
            pending = rest.to_owned();
        }
    }
    done.store(true, Ordering::SeqCst);
}

fn decode(bytes: &[u8], kind: Option<&str>) -> Json {
    let text = String::from_utf8_lossy(bytes).into_owned();
    let parsed = if kind.is_some_and(|kind| kind.contains("json")) {
        Json::parse(&text)
    } else {
        None
    };
    parsed.unwrap_or(Json::Text(text))
}

static PLACE: LazyLock<Regex> =
    LazyLock::new(|| Regex::new(r"\{\{([^}]+)\}\}").expect("a valid pattern"));

fn lookup(expression: &str, memory: &HashMap<String, Json>) -> Result<Json, String> {
    let mut parts = expression.split('.');
    let mut value = parts
        .next()
        .and_then(|head| memory.get(head))
        .ok_or_else(|| format!("no answer for {expression}"))?;
    for part in parts {
        let next = match value {
            Json::List(items) => part.parse().ok().and_then(|at: usize| items.get(at)),
            other => other.get(part),
        };
        value = next.ok_or_else(|| format!("{expression} is not in the answer"))?;
    }
    Ok(value.clone())
}

fn fill_text(text: &str, memory: &HashMap<String, Json>) -> Result<String, String> {
    let mut failed = None;
    let filled = PLACE.replace_all(text, |found: &Captures<'_>| {
        match lookup(&found[1], memory) {
            Ok(Json::Text(text)) => text,
            Ok(other) => other.to_string(),
            Err(why) => {
                failed = Some(why);
                String::new()
            }
        }
    });
    match failed {
        Some(why) => Err(why),
        None => Ok(filled.into_owned()),
    }
}

fn fill(value: &Json, memory: &HashMap<String, Json>) -> Result<Json, String> {
    Ok(match value {
        Json::Text(text) => match PLACE.captures(text) {
            Some(found) if found[0].len() == text.len() => lookup(&found[1], memory)?,
            _ => Json::Text(fill_text(text, memory)?),
        },
        Json::List(items) => Json::List(
            items
                .iter()
                .map(|item| fill(item, memory))
                .collect::<Result<_, _>>()?,
        ),
        Json::Object(pairs) => {
            let fill_pair = |(key, value): &(String, Json)| Ok((key.clone(), fill(value, memory)?));
            Json::Object(pairs.iter().map(fill_pair).collect::<Result<_, String>>()?)
        }
        other => other.clone(),
    })
}
