//! Recording and replaying as parts of replies and rules, and what a server has recorded.

use std::path::Path;

use crate::{
    mock::KMock,
    record::{
        Recording,
        replay::{Order, Replay},
    },
    reply::{Exchange, Reply, Source, Upstream},
    rules::Rule,
};

impl Reply {
    /// As [`Reply::proxy`], with whole bodies kept for a [`Recording`]. The server is asked for bodies that are not compressed,
    /// and where its headers lead to itself (`location`, `link`), they lead to this server instead.
    ///
    /// # Panics
    /// When this is no URL such as `https://api.example.com`.
    #[track_caller]
    pub fn record(self, url: impl AsRef<str>) -> Reply {
        match Upstream::new(url.as_ref()) {
            Ok(upstream) => self.with(Source::Proxy(upstream.recording())),
            Err(error) => panic!("kmock: {error}"),
        }
    }

    /// Answers as it was recorded: the answer to the same method, target and body. Where there were several, they come in order,
    /// and the last one stays. What was never asked is let go on to the next rule.
    ///
    /// # Panics
    /// When the file cannot be read.
    #[track_caller]
    pub fn replay(self, path: impl AsRef<Path>) -> Reply {
        self.replaying(path.as_ref(), Order::Any)
    }

    /// As [`Reply::replay`], but what was never asked is a failure, which says what is near.
    ///
    /// # Panics
    /// When the file cannot be read.
    #[track_caller]
    pub fn replay_strict(self, path: impl AsRef<Path>) -> Reply {
        self.replaying(path.as_ref(), Order::Strict)
    }

    /// Answers as it was recorded, in that order: a request that is not the next one is a failure that says so.
    ///
    /// # Panics
    /// When the file cannot be read.
    #[track_caller]
    pub fn replay_in_order(self, path: impl AsRef<Path>) -> Reply {
        self.replaying(path.as_ref(), Order::Recorded)
    }

    #[track_caller]
    fn replaying(self, path: &Path, order: Order) -> Reply {
        match Recording::from_file(path) {
            Ok(recording) => {
                let replay = Replay::new(recording, order);
                self.reply_with(move |request| replay.answer(&request))
            }
            Err(error) => panic!("kmock: {error}"),
        }
    }
}

impl Rule {
    /// Replies with what another server answers, and keeps it: see [`Reply::record`].
    ///
    /// # Panics
    /// When this is no URL such as `https://api.example.com`.
    #[track_caller]
    pub fn record(self, url: impl AsRef<str>) -> Rule {
        let more = Reply::new().record(url);
        self.reply(more)
    }

    /// Replies as it was recorded: see [`Reply::replay`].
    ///
    /// # Panics
    /// When the file cannot be read.
    #[track_caller]
    pub fn replay(self, path: impl AsRef<Path>) -> Rule {
        let more = Reply::new().replay(path);
        self.reply(more)
    }

    /// Replies as it was recorded, and to nothing else: see [`Reply::replay_strict`].
    ///
    /// # Panics
    /// When the file cannot be read.
    #[track_caller]
    pub fn replay_strict(self, path: impl AsRef<Path>) -> Rule {
        let more = Reply::new().replay_strict(path);
        self.reply(more)
    }

    /// Replies as it was recorded, in that order: see [`Reply::replay_in_order`].
    ///
    /// # Panics
    /// When the file cannot be read.
    #[track_caller]
    pub fn replay_in_order(self, path: impl AsRef<Path>) -> Rule {
        let more = Reply::new().replay_in_order(path);
        self.reply(more)
    }

    /// What this rule has passed on, without its secrets.
    pub fn recording(&self) -> Recording {
        Recording::new(self.exchanges())
    }
}

impl KMock {
    /// What the rules of this server have passed on so far, without its secrets.
    ///
    /// ```no_run
    /// # use kmock_runtime as kmock;
    /// # async fn example(k: kmock_runtime::KMock) -> Result<(), kmock_runtime::Error> {
    /// use kmock::Filter;
    ///
    /// k.on(Filter::any()).record("https://api.example.com");
    /// // … the client talks, and then:
    /// k.recording().write("tests/api")?; // api.har, and api.rs with a block
    /// # Ok(())
    /// # }
    /// ```
    pub fn recording(&self) -> Recording {
        let rules = self.rules();
        let exchanges: Vec<Exchange> = rules.iter().flat_map(Rule::exchanges).collect();
        Recording::new(exchanges)
    }
}
