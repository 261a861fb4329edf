//! The way of a rule's answers: the same calls as [`Reply`] has.

use crate::{reply::Reply, rules::Rule};

impl Rule {
    /// Of rules for connections: what is presented in the handshake.
    #[cfg(feature = "tls")]
    pub fn certificate(self, certificate: crate::tls::Certificate) -> Rule {
        self.replying(|reply| reply.certificate(certificate))
    }

    /// Of rules for connections: the only version of TLS that is spoken, or claimed.
    #[cfg(feature = "tls")]
    pub fn tls_version(self, version: crate::tls::Version) -> Rule {
        self.replying(|reply| reply.tls_version(version))
    }

    /// Of rules for connections: how many there may be at once; see [`Reply::at_most`].
    pub fn at_most(self, connections: usize) -> Rule {
        self.replying(|reply| reply.at_most(connections))
    }

    /// Answers without waiting for the body of the request; see [`Reply::unread`].
    pub fn unread(self) -> Rule {
        self.replying(Reply::unread)
    }

    /// Answers when so much of the body has come; see [`Reply::unread_after`].
    pub fn unread_after(self, bytes: usize) -> Rule {
        self.replying(|reply| reply.unread_after(bytes))
    }

    /// Reads the body of the request no faster than this; see [`Reply::slow_upload`].
    pub fn slow_upload(self, bytes_per_second: u64) -> Rule {
        self.replying(|reply| reply.slow_upload(bytes_per_second))
    }

    /// A trailer after the body; see [`Reply::trailer`].
    ///
    /// # Panics
    /// When the name or the value cannot stand in a header.
    #[track_caller]
    pub fn trailer(self, name: impl AsRef<str>, value: impl ToString) -> Rule {
        let more = Reply::new().trailer(name, value);
        self.replying(|reply| reply.and(more))
    }

    /// An informational answer before the answer; see [`Reply::informational`].
    ///
    /// # Panics
    /// When the status is not between 102 and 199, or a header cannot be one.
    #[track_caller]
    pub fn informational<N: AsRef<str>, V: ToString>(
        self,
        status: u16,
        headers: impl IntoIterator<Item = (N, V)>,
    ) -> Rule {
        let more = Reply::new().informational(status, headers);
        self.replying(|reply| reply.and(more))
    }

    /// Answers as a server of HTTP/1.0; see [`Reply::http10`].
    pub fn http10(self) -> Rule {
        self.replying(Reply::http10)
    }

    /// A body that ends where the connection does; see [`Reply::until_eof`].
    pub fn until_eof(self) -> Rule {
        self.replying(Reply::until_eof)
    }

    /// Names of headers on the wire as they were written; see [`Reply::as_written`].
    pub fn as_written(self) -> Rule {
        self.replying(Reply::as_written)
    }
}
