//! What a rule's answers know of HTTP's own questions: the same calls as [`Reply`] has.

use serde_core::Serialize;

use crate::{reply::Reply, rules::Rule};

impl Rule {
    /// Replies with a version of what it answers, and obeys conditional requests; see [`Reply::etag`].
    ///
    /// # Panics
    /// When it cannot be a tag.
    #[track_caller]
    pub fn etag(self, tag: impl AsRef<str>) -> Rule {
        let more = Reply::new().etag(tag);
        self.replying(|reply| reply.and(more))
    }

    /// As [`etag`](Rule::etag), with a tag that is made of the body.
    pub fn etag_of_body(self) -> Rule {
        self.replying(Reply::etag_of_body)
    }

    /// Replies with when what it answers was changed last, and obeys conditional requests; see [`Reply::last_modified`].
    ///
    /// # Panics
    /// When it is no time.
    #[track_caller]
    pub fn last_modified(self, time: impl AsRef<str>) -> Rule {
        let more = Reply::new().last_modified(time);
        self.replying(|reply| reply.and(more))
    }

    /// Replies with parts of the body to those who ask for them; see [`Reply::ranges`].
    pub fn ranges(self) -> Rule {
        self.replying(Reply::ranges)
    }

    /// Sends the client elsewhere; see [`Reply::redirect`].
    ///
    /// # Panics
    /// When this cannot stand in a header.
    #[track_caller]
    pub fn redirect(self, location: impl ToString) -> Rule {
        let more = Reply::new().redirect(location);
        self.replying(|reply| reply.and(more))
    }

    /// Replies with Problem Details; see [`Reply::problem`].
    pub fn problem(self, problem: impl Serialize) -> Rule {
        self.replying(|reply| reply.problem(problem))
    }
}
