//! What the containers of an image do.

use std::collections::BTreeMap;
use std::fmt;
use std::future::Future;
use std::ops::{Bound, RangeBounds};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use futures::future::{BoxFuture, FutureExt};

use super::commands::{Command, command};
use super::handle::{Container, IntoExit};
use super::io::Io;
use crate::glob::glob;
use crate::shared::Shared;

pub(crate) type Code = Arc<dyn Fn(Container) -> BoxFuture<'static, i32> + Send + Sync>;

/// How an image comes to a node.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(crate) enum Pull {
    #[default]
    Quick,
    Takes(Duration),
    Fails(String),
}

/// When a container is ready.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) enum Ready {
    #[default]
    AtOnce,
    After(Duration),
    Never,
}

/// How a container ends.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Exit {
    pub(crate) code: i32,
    /// `Completed` or `Error`, unless said.
    pub(crate) reason: Option<&'static str>,
    /// What it leaves at `terminationMessagePath`.
    pub(crate) message: String,
}

impl Exit {
    /// With a code, and nothing to say.
    pub(crate) fn of(code: i32) -> Exit {
        Exit {
            code,
            reason: None,
            message: String::new(),
        }
    }
}

/// What one run of a container does.
#[derive(Clone, Default)]
pub(crate) struct Script {
    pub(crate) pull: Pull,
    pub(crate) ready: Ready,
    pub(crate) log: String,
    pub(crate) exit: Option<Exit>,
    pub(crate) after: Duration,
    pub(crate) stubborn: bool,
    pub(crate) code: Option<Code>,
    pub(crate) command: Option<Command>,
    /// The program of the image, as a script.
    pub(crate) program: Option<Arc<str>>,
    /// Resources and how much it uses of each.
    pub(crate) usage: BTreeMap<String, String>,
}

impl fmt::Debug for Script {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Script")
            .field("pull", &self.pull)
            .field("ready", &self.ready)
            .field("exit", &self.exit)
            .field("after", &self.after)
            .finish_non_exhaustive()
    }
}

#[derive(Debug)]
struct Rule {
    pattern: String,
    runs: (usize, usize),
    taken: usize,
    script: Script,
}

/// What the containers of some images do: a handle on what [`Life::image`](crate::Life::image) declared.
///
/// Without a word more, a container runs for ever and is ready at once. Of several declarations that fit an image, the
/// first whose runs are not used up counts.
///
/// ```no_run
/// # fn example(life: kmock_cluster::Life) {
/// use std::time::Duration;
///
/// life.image("postgres:*").log("accepting connections\n").ready_after(Duration::from_secs(5));
/// life.image("migrate").exit(0).after(Duration::from_secs(30));
/// life.image("flaky").runs(..2).log("no database\n").exit(1);
/// life.image("web").run(async |c| {
///     c.log("listening\n");
///     c.stopped().await;
/// });
/// # }
/// ```
#[derive(Clone)]
pub struct Image {
    rule: Arc<Mutex<Rule>>,
    shared: Arc<Shared>,
}

impl fmt::Debug for Image {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.rule.fmt(f)
    }
}

impl Image {
    pub(crate) fn declare(shared: &Arc<Shared>, pattern: &str) -> Image {
        let rule = Arc::new(Mutex::new(Rule {
            pattern: pattern.to_owned(),
            runs: (0, usize::MAX),
            taken: 0,
            script: Script::default(),
        }));
        shared.scripts.add(&rule);
        Image {
            rule,
            shared: Arc::clone(shared),
        }
    }

    fn change(self, change: impl FnOnce(&mut Script)) -> Image {
        change(
            &mut self
                .rule
                .lock()
                .unwrap_or_else(PoisonError::into_inner)
                .script,
        );
        self
    }

    /// Which of the starts that come to this declaration it is for: `..2` the first two, `3` only the fourth.
    pub fn runs(self, runs: impl RangeBounds<usize>) -> Image {
        let first = match runs.start_bound() {
            Bound::Included(first) => *first,
            Bound::Excluded(before) => before.saturating_add(1),
            Bound::Unbounded => 0,
        };
        let end = match runs.end_bound() {
            Bound::Included(last) => last.saturating_add(1),
            Bound::Excluded(end) => *end,
            Bound::Unbounded => usize::MAX,
        };
        self.rule
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .runs = (first, end);
        self
    }

    /// What the container writes when it starts.
    pub fn log(self, text: impl Into<String>) -> Image {
        let text = text.into();
        self.change(|script| script.log.push_str(&text))
    }

    /// The container becomes ready so long after its start.
    pub fn ready_after(self, delay: Duration) -> Image {
        self.change(|script| script.ready = Ready::After(delay))
    }

    /// The container never becomes ready.
    pub fn never_ready(self) -> Image {
        self.change(|script| script.ready = Ready::Never)
    }

    /// The container ends with a code: at once, or [later](Image::after).
    pub fn exit(self, code: i32) -> Image {
        self.change(|script| {
            script.exit = Some(Exit::of(code));
        })
    }

    /// The container is killed for want of memory: at once, or [later](Image::after).
    pub fn out_of_memory(self) -> Image {
        self.change(|script| {
            script.exit = Some(Exit {
                code: 137,
                reason: Some("OOMKilled"),
                message: String::new(),
            });
        })
    }

    /// What the container leaves behind at its `terminationMessagePath`.
    pub fn message(self, text: impl Into<String>) -> Image {
        let text = text.into();
        self.change(|script| {
            if let Some(exit) = &mut script.exit {
                exit.message = text;
            }
        })
    }

    /// How long the container runs before it ends.
    pub fn after(self, delay: Duration) -> Image {
        self.change(|script| script.after = delay)
    }

    /// How much a container uses of a resource, as a quantity: `uses("cpu", "250m")`. It is what `kubectl top` shows,
    /// autoscalers go by, and nodes may run out of. [`Life::usage`](crate::Life::usage) says it of certain Pods.
    pub fn uses(self, resource: &str, amount: impl fmt::Display) -> Image {
        let amount = amount.to_string();
        let image = self.change(|script| {
            script.usage.insert(resource.to_owned(), amount);
        });
        image.shared.touch("metrics", "*");
        image
    }

    /// The container does not end when it is told to: it is killed when its grace period is over.
    pub fn ignores_stop(self) -> Image {
        self.change(|script| script.stubborn = true)
    }

    /// The image takes so long to come to a node.
    pub fn pull_takes(self, time: Duration) -> Image {
        self.change(|script| script.pull = Pull::Takes(time))
    }

    /// The image cannot be pulled, for this reason.
    pub fn pull_fails(self, why: impl Into<String>) -> Image {
        let why = why.into();
        self.change(|script| script.pull = Pull::Fails(why))
    }

    /// The container is this code. What it returns is its exit code: a number, nothing (0), or a `Result` (an error is
    /// logged and is 1). A panic is logged and is 134.
    pub fn run<F, Fut>(self, code: F) -> Image
    where
        F: Fn(Container) -> Fut + Send + Sync + 'static,
        Fut: Future<Output: IntoExit> + Send + 'static,
    {
        let code: Code = Arc::new(move |container: Container| {
            let running = code(container.clone());
            async move {
                let exit = running.await;
                exit.into_exit(&mut |why| container.log(why))
            }
            .boxed()
        });
        self.change(|script| script.code = Some(code))
    }

    /// The program of the image is this script of the [small shell](https://docs.rs/kmock/latest/kmock/life/index.html): `$1`, `"$@"` are
    /// the `args` of the container. One whose manifest has a `command` does that instead. It is ready at once, unless its
    /// declaration says otherwise.
    ///
    /// ```no_run
    /// # fn example(life: kmock_cluster::Life) {
    /// life.image("greeter").script("echo hello ${1:-nobody}; sleep 5");
    /// # }
    /// ```
    pub fn script(self, script: impl Into<String>) -> Image {
        let script: Arc<str> = script.into().into();
        self.change(|known| known.program = Some(script))
    }

    /// What commands in the container do (`kubectl exec`): they have their arguments and the streams, and return an exit
    /// code as [the container itself](Image::run). Without it, a few plain commands are there: `cat`, `echo`, `env`,
    /// `ls`, `tar` and their like.
    ///
    /// ```no_run
    /// # fn example(life: kmock_cluster::Life) {
    /// life.image("postgres:*").exec(async |command, io| {
    ///     if command[0] != "psql" {
    ///         io.write_error("not found\n").await;
    ///         return 127;
    ///     }
    ///     io.write(format!("hello {}\n", io.container().env("PGUSER").unwrap_or("?"))).await;
    ///     0
    /// });
    /// # }
    /// ```
    pub fn exec<F, Fut>(self, code: F) -> Image
    where
        F: Fn(Vec<String>, Io) -> Fut + Send + Sync + 'static,
        Fut: Future<Output: IntoExit> + Send + 'static,
    {
        let command = command(code);
        self.change(|script| script.command = Some(command))
    }

    /// How many containers were started by this declaration.
    pub fn count(&self) -> usize {
        let rule = self.rule.lock().unwrap_or_else(PoisonError::into_inner);
        rule.taken.clamp(rule.runs.0, rule.runs.1.max(rule.runs.0)) - rule.runs.0
    }

    /// Takes the declaration back; what runs goes on.
    pub fn remove(self) {
        self.shared.scripts.remove(&self.rule);
    }
}

/// All that was declared of images.
#[derive(Debug, Default)]
pub(crate) struct Scripts(Mutex<Vec<Arc<Mutex<Rule>>>>);

impl Scripts {
    fn add(&self, rule: &Arc<Mutex<Rule>>) {
        self.0
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .push(Arc::clone(rule));
    }

    /// Lets go of all code.
    pub(crate) fn clear(&self) {
        let rules = std::mem::take(&mut *self.0.lock().unwrap_or_else(PoisonError::into_inner));
        drop(rules);
    }

    fn remove(&self, rule: &Arc<Mutex<Rule>>) {
        self.0
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .retain(|one| !Arc::ptr_eq(one, rule));
    }

    fn first(&self, image: &str, takes: bool) -> Option<Script> {
        let rules = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        for rule in rules.iter() {
            let mut rule = rule.lock().unwrap_or_else(PoisonError::into_inner);
            if !fits(&rule.pattern, image) {
                continue;
            }
            let number = rule.taken;
            if takes {
                rule.taken = rule.taken.saturating_add(1);
            }
            if (rule.runs.0..rule.runs.1).contains(&number) {
                return Some(rule.script.clone());
            }
        }
        None
    }

    /// What the next run of an image does; it counts. `None`: nobody said.
    pub(crate) fn take(&self, image: &str) -> Option<Script> {
        self.first(image, true)
    }

    /// What a container of an image uses, as its first declaration has it.
    pub(crate) fn usage(&self, image: &str) -> BTreeMap<String, String> {
        self.first(image, false).unwrap_or_default().usage
    }

    /// Whether anything was said of usage.
    pub(crate) fn has_usage(&self) -> bool {
        let rules = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        rules.iter().any(|rule| {
            let rule = rule.lock().unwrap_or_else(PoisonError::into_inner);
            !rule.script.usage.is_empty()
        })
    }

    /// How the image comes; nothing is counted.
    pub(crate) fn pull(&self, image: &str) -> Pull {
        self.first(image, false).unwrap_or_default().pull
    }
}

/// Whether a pattern stands for an image. Without a tag, a pattern is for all tags; the registry of images that name
/// none is not asked for.
pub(crate) fn fits(pattern: &str, image: &str) -> bool {
    let plain = image
        .strip_prefix("docker.io/library/")
        .or_else(|| image.strip_prefix("docker.io/"))
        .unwrap_or(image);
    let untagged = |image: &str| {
        let image = image.split('@').next().unwrap_or_default();
        let last = image.rfind('/').map_or(0, |at| at + 1);
        match image.get(last..).and_then(|name| name.find(':')) {
            Some(at) => image.get(..last + at).unwrap_or_default().to_owned(),
            None => image.to_owned(),
        }
    };
    glob(pattern, image)
        || glob(pattern, plain)
        || (untagged(pattern) == pattern
            && (glob(pattern, &untagged(image)) || glob(pattern, &untagged(plain))))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn patterns_of_images() {
        for (pattern, image) in [
            ("web", "web"),
            ("web", "web:1.2"),
            ("web", "docker.io/library/web:1.2@sha256:00"),
            ("postgres:*", "postgres:16"),
            ("*/web", "host:5000/team/web:1"),
            ("*", "anything"),
        ] {
            assert!(fits(pattern, image), "{pattern} {image}");
        }
        for (pattern, image) in [
            ("web", "webs"),
            ("postgres:*", "postgres"),
            ("web:1", "web:2"),
            ("host/web", "web"),
        ] {
            assert!(!fits(pattern, image), "{pattern} {image}");
        }
        assert!(glob("a*b*c", "a1b2c") && !glob("a*b*c", "a1c") && !glob("ab*b", "ab"));
    }

    #[test]
    fn the_first_declaration_that_is_not_used_up_counts() {
        let shared = Arc::new(Shared::default());
        let flaky = Image::declare(&shared, "flaky").runs(..2).exit(1);
        Image::declare(&shared, "flaky").exit(3);
        let codes: Vec<_> = (0..3)
            .map(|_| {
                shared
                    .scripts
                    .take("flaky")
                    .and_then(|script| script.exit)
                    .map(|exit| exit.code)
            })
            .collect();
        assert_eq!(codes, [Some(1), Some(1), Some(3)]);
        assert_eq!(flaky.count(), 2);
        assert!(shared.scripts.take("other").is_none());
    }
}
