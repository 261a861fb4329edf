//! Drift: what the real service answers differently now.

use std::{fmt, future::IntoFuture, pin::Pin};

use serde_json::Value;

use crate::{
    client,
    criteria::Pattern,
    error::Error,
    record::{Entry, Recording, entry::texts, secrets},
};

/// One exchange that is not what it was.
///
/// ```no_run
/// # use kmock_runtime as kmock;
/// # async fn example(k: kmock::KMock) -> Result<(), Box<dyn std::error::Error>> {
/// let found = k.recording().check("https://api.example.com").await?;
/// for drift in &found.drifts {
///     println!("{}: {}", drift.request, drift.differences.join(", "));
/// }
/// # Ok(())
/// # }
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Drift {
    /// The method and the target.
    pub request: String,
    /// What differs: `status: was 200, is 404`, `/users/0/name: was "john", is "jane"`.
    pub differences: Vec<String>,
}

impl fmt::Display for Drift {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.request)?;
        for difference in &self.differences {
            write!(f, "\n    {difference}")?;
        }
        Ok(())
    }
}

/// What came of a check.
///
/// ```no_run
/// # use kmock_runtime as kmock;
/// # async fn example(k: kmock::KMock) -> Result<(), Box<dyn std::error::Error>> {
/// let found = k.recording().check("https://api.example.com").await?;
/// assert!(found.drifts.is_empty(), "{found}");
/// # Ok(())
/// # }
/// ```
#[derive(Clone, Debug, Default)]
pub struct Drifts {
    /// How many requests were asked again.
    pub asked: usize,
    /// Those that are answered differently.
    pub drifts: Vec<Drift>,
    /// Those that were not asked, and why.
    pub skipped: Vec<String>,
}

impl fmt::Display for Drifts {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for drift in &self.drifts {
            writeln!(f, "{drift}")?;
        }
        for skipped in &self.skipped {
            writeln!(f, "not asked: {skipped}")?;
        }
        match self.drifts.len() {
            0 => write!(f, "{} requests are answered as they were", self.asked),
            some => write!(
                f,
                "{some} of {} requests are answered differently now",
                self.asked
            ),
        }
    }
}

/// Asks a server the same again: [`Recording::check`]. Awaiting it does so.
///
/// ```no_run
/// # use kmock_runtime as kmock;
/// # async fn example() -> Result<(), kmock_runtime::Error> {
/// use kmock::record::Recording;
///
/// let recording = Recording::from_file("tests/api.har")?;
/// let found = recording
///     .check("https://api.example.com")
///     .header("authorization", "Bearer …")
///     .ignore("/updated_at")
///     .await?;
/// assert!(found.drifts.is_empty(), "{found}");
/// # Ok(())
/// # }
/// ```
#[derive(Debug)]
#[must_use = "nothing is asked until it is awaited"]
pub struct DriftCheck<'a> {
    recording: &'a Recording,
    upstream: String,
    headers: Vec<(String, String)>,
    ignored: Vec<Pattern>,
    all: bool,
}

impl Recording {
    /// Asks a server the same again, and says what it answers differently: status, content type, and bodies of JSON member by
    /// member. Only what is safe to ask (RFC 9110, 9.2.1: GET, HEAD, OPTIONS), unless [`DriftCheck::all`] says otherwise.
    pub fn check(&self, upstream: impl Into<String>) -> DriftCheck<'_> {
        DriftCheck {
            recording: self,
            upstream: upstream.into(),
            headers: Vec::new(),
            ignored: Vec::new(),
            all: false,
        }
    }
}

impl DriftCheck<'_> {
    /// A header of each request, in the place of what was recorded: for secrets, which a recording has no more.
    pub fn header(mut self, name: impl Into<String>, value: impl Into<String>) -> Self {
        self.headers
            .push((name.into().to_ascii_lowercase(), value.into()));
        self
    }

    /// A member of bodies that may differ, as a JSON pointer: `/updated_at`; `*` is any run: `/items/*/age`.
    pub fn ignore(mut self, pointer: impl AsRef<str>) -> Self {
        self.ignored.push(Pattern::from(pointer.as_ref()));
        self
    }

    /// Asks also what changes something: POST, PUT, PATCH, DELETE.
    pub fn all(mut self) -> Self {
        self.all = true;
        self
    }

    async fn run(self) -> Result<Drifts, Error> {
        let mut found = Drifts::default();
        for entry in &self.recording.entries {
            let request = format!("{} {}", entry.method, entry.target);
            let safe = ["GET", "HEAD", "OPTIONS"].contains(&entry.method.as_str());
            if !safe && !self.all {
                found
                    .skipped
                    .push(format!("{request}, which may change something"));
            } else if entry.target.contains(secrets::REDACTED) {
                found.skipped.push(format!(
                    "{request}, of which the recording has not the secret"
                ));
            } else {
                found.asked += 1;
                let now = self.ask(entry).await?;
                let differences = self.differences(entry, &now);
                if !differences.is_empty() {
                    found.drifts.push(Drift {
                        request,
                        differences,
                    });
                }
            }
        }
        Ok(found)
    }

    async fn ask(&self, entry: &Entry) -> Result<Entry, Error> {
        let url = format!("{}{}", self.upstream.trim_end_matches('/'), entry.target);
        let mut request = client::request(&entry.method, &url).body(entry.request_body.clone());
        for (name, value) in &entry.request_headers {
            let given = self.headers.iter().any(|(known, _)| known == name);
            if is_sent(name) && !given && !value.contains(secrets::REDACTED) {
                request = request.header(name, value);
            }
        }
        for (name, value) in &self.headers {
            request = request.header(name, value);
        }
        let response = request.send().await?;
        let now = Entry {
            status: response.status(),
            headers: texts(response.headers()),
            body: response.body().clone(),
            ..entry.clone()
        };
        Ok(secrets::without(vec![now])
            .pop()
            .unwrap_or_else(|| entry.clone()))
    }

    fn differences(&self, was: &Entry, is: &Entry) -> Vec<String> {
        let mut found = Vec::new();
        if was.status != is.status {
            found.push(format!("status: was {}, is {}", was.status, is.status));
        }
        let kind = |entry: &Entry| {
            let kind = entry.header("content-type").unwrap_or("none");
            let kind = kind.split(';').next().unwrap_or_default();
            kind.trim().to_owned()
        };
        if kind(was) != kind(is) {
            found.push(format!("content-type: was {}, is {}", kind(was), kind(is)));
        }
        if was.body != is.body {
            let json = |entry: &Entry| serde_json::from_slice::<Value>(&entry.body).ok();
            match (json(was), json(is)) {
                (Some(was), Some(is)) => self.compare(&was, &is, "", &mut found),
                _ => found.push(format!(
                    "body: was {} bytes, is {} bytes that differ",
                    was.body.len(),
                    is.body.len()
                )),
            }
        }
        found
    }

    fn compare(&self, was: &Value, is: &Value, pointer: &str, found: &mut Vec<String>) {
        let ignored = self
            .ignored
            .iter()
            .any(|pattern| pattern.matches_text(Some(pointer)));
        if ignored || was == is {
            return;
        }
        let place = if pointer.is_empty() { "body" } else { pointer };
        match (was, is) {
            (Value::Object(one), Value::Object(other)) => {
                for (name, value) in one {
                    let pointer = format!("{pointer}/{name}");
                    match other.get(name) {
                        Some(now) => self.compare(value, now, &pointer, found),
                        None => self.told(
                            &pointer,
                            format_args!("was {}, is gone", short(value)),
                            found,
                        ),
                    }
                }
                for (name, value) in other.iter().filter(|(name, _)| !one.contains_key(*name)) {
                    self.told(
                        &format!("{pointer}/{name}"),
                        format_args!("is new, {}", short(value)),
                        found,
                    );
                }
            }
            (Value::Array(one), Value::Array(other)) if one.len() == other.len() => {
                for (nth, (value, now)) in one.iter().zip(other).enumerate() {
                    self.compare(value, now, &format!("{pointer}/{nth}"), found);
                }
            }
            (Value::Array(one), Value::Array(other)) => {
                self.told(
                    place,
                    format_args!("had {} items, has {}", one.len(), other.len()),
                    found,
                );
            }
            _ => self.told(
                place,
                format_args!("was {}, is {}", short(was), short(is)),
                found,
            ),
        }
    }

    fn told(&self, pointer: &str, what: fmt::Arguments<'_>, found: &mut Vec<String>) {
        if !self
            .ignored
            .iter()
            .any(|pattern| pattern.matches_text(Some(pointer)))
        {
            found.push(format!("{pointer}: {what}"));
        }
    }
}

impl<'a> IntoFuture for DriftCheck<'a> {
    type Output = Result<Drifts, Error>;
    type IntoFuture = Pin<Box<dyn Future<Output = Self::Output> + Send + 'a>>;

    fn into_future(self) -> Self::IntoFuture {
        Box::pin(self.run())
    }
}

/// A value in a line.
fn short(value: &Value) -> String {
    const LONG: usize = 100;
    let text = value.to_string();
    match text.char_indices().nth(LONG) {
        Some((at, _)) => format!("{}…", text.get(..at).unwrap_or_default()),
        None => text,
    }
}

/// Whether a header is the request's own, and not of the connection.
fn is_sent(name: &str) -> bool {
    ![
        "host",
        "connection",
        "content-length",
        "transfer-encoding",
        "accept-encoding",
        "keep-alive",
        "te",
        "trailer",
        "upgrade",
    ]
    .contains(&name)
}
