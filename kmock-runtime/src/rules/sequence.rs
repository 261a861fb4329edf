//! Answers one after another: `503, then 429, then 200`.

use crate::reply::{Exchange, Reply};

/// The answers of a rule before its last one, and what comes after all of them.
#[derive(Clone, Default)]
pub(crate) struct Sequence {
    earlier: Vec<Reply>,
    ending: Ending,
}

/// What becomes of the requests after the last answer of a sequence.
#[derive(Clone, Copy, Default, PartialEq, Eq)]
pub(crate) enum Ending {
    /// The last answer stays.
    #[default]
    Stay,
    /// The rule steps aside for the next one.
    Pass,
    /// It begins anew.
    Again,
}

impl Sequence {
    /// What was the last answer is one before it.
    pub(super) fn push(&mut self, reply: Reply) {
        self.earlier.push(reply);
    }

    pub(super) fn end(&mut self, ending: Ending) {
        self.ending = ending;
    }

    /// Whether there is only one answer, for all requests.
    pub(crate) fn is_single(&self) -> bool {
        self.earlier.is_empty() && self.ending != Ending::Pass
    }

    /// The n-th answer, from 0; `None`: the rule steps aside.
    pub(crate) fn answer<'a>(&'a self, last: &'a Reply, n: usize) -> Option<&'a Reply> {
        let count = self.earlier.len() + 1;
        let n = match self.ending {
            Ending::Again => n % count,
            Ending::Pass if n >= count => return None,
            Ending::Stay | Ending::Pass => n,
        };
        Some(self.earlier.get(n).unwrap_or(last))
    }

    /// Whether it certainly has an answer for every request.
    pub(crate) fn always_answers(&self) -> bool {
        self.ending != Ending::Pass && self.earlier.iter().all(Reply::always_answers)
    }

    pub(crate) fn replies(&self) -> impl Iterator<Item = &Reply> {
        self.earlier.iter()
    }

    pub(crate) fn exchanges(&self) -> impl Iterator<Item = Exchange> + '_ {
        self.earlier.iter().flat_map(Reply::exchanges)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sequences_stay_step_aside_or_begin_anew() {
        let reply = |status| Reply::new().status(status);
        let statuses = |ending| {
            let mut sequence = Sequence::default();
            sequence.push(reply(503));
            sequence.push(reply(429));
            sequence.end(ending);
            let last = reply(200);
            let status = |n| Some(sequence.answer(&last, n)?.status?.as_u16());
            (0..5).map(status).collect::<Vec<_>>()
        };
        let all = |statuses: [u16; 5]| statuses.map(Some).to_vec();
        assert_eq!(statuses(Ending::Stay), all([503, 429, 200, 200, 200]));
        assert_eq!(statuses(Ending::Again), all([503, 429, 200, 503, 429]));
        assert_eq!(statuses(Ending::Pass)[2..], [Some(200), None, None]);
    }
}
