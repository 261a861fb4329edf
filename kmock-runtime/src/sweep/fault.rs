//! What can go wrong at a place, in words that can be written down and read again.

use std::{fmt, str::FromStr};

use super::place::{Place, Sort};

/// A fault of a trial.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) enum SweepFault {
    CrashAfter,
    CrashBefore,
    StaleRestart,
    RewoundRestart,
    CutAfter,
    TimeoutAfter,
    ErrorAfter,
    CutBefore,
    Touched,
    Conflict,
    TooMany,
    Unavailable,
    Error,
    Timeout,
    Jump,
    Stolen,
    StaleList,
    RewoundList,
    Dropped,
    Expired,
    Late,
    Twice,
    Merged,
    Truncated,
}

use SweepFault::{
    Conflict, CrashAfter, CrashBefore, CutAfter, CutBefore, Dropped, Error, ErrorAfter, Expired,
    Jump, Late, Merged, RewoundList, RewoundRestart, StaleList, StaleRestart, Stolen, Timeout,
    TimeoutAfter, TooMany, Touched, Truncated, Twice, Unavailable,
};

/// Each fault as it is written in `KMOCK_SWEEP`, and as it is told.
const WORDS: &[(SweepFault, &str, &str)] = &[
    (
        CrashAfter,
        "crash after",
        "the operator crashed after {}, before it heard of it, and was started again",
    ),
    (
        CrashBefore,
        "crash before",
        "the operator crashed before {}, and was started again",
    ),
    (
        StaleRestart,
        "stale restart after",
        "the operator was started again after {}, and first saw what was there before it",
    ),
    (
        RewoundRestart,
        "rewound restart after",
        "the operator was started again after {}, and first saw what was there when all was settled last",
    ),
    (
        CutAfter,
        "cut after",
        "the connection was cut after {} took effect",
    ),
    (
        TimeoutAfter,
        "504 after",
        "{} took effect, and was answered 504",
    ),
    (
        ErrorAfter,
        "500 after",
        "{} took effect, and was answered 500",
    ),
    (CutBefore, "cut before", "the connection was cut before {}"),
    (
        Touched,
        "touch before",
        "another client annotated the object just before {}",
    ),
    (Conflict, "409 to", "{} was answered 409 once"),
    (
        TooMany,
        "429 to",
        "{} was answered 429 once, with Retry-After: 1",
    ),
    (Unavailable, "503 to", "{} was answered 503 once"),
    (Error, "500 to", "{} was answered 500 once"),
    (
        Timeout,
        "504 to",
        "{} was answered 504 once, and had no effect",
    ),
    (Jump, "clock jump after", "an hour went by after {}"),
    (
        Stolen,
        "lease stolen at",
        "another one had the lease at {}, for as long as leases last",
    ),
    (
        StaleList,
        "stale answer to",
        "{} was answered with what was there before the last write",
    ),
    (
        RewoundList,
        "rewound answer to",
        "{} was answered with what was there when all was settled last",
    ),
    (Dropped, "watch dropped before", "the watch ended before {}"),
    (
        Expired,
        "watch expired before",
        "the watch ended with 410 before {}",
    ),
    (Late, "late", "{} came half a minute late"),
    (Twice, "twice", "{} came twice"),
    (
        Merged,
        "merged",
        "{} was merged with what came next: the watch ended with 410 behind both",
    ),
    (
        Truncated,
        "truncated answer to",
        "the answer to {} broke off in its body",
    ),
];

impl SweepFault {
    /// The faults of a sort of place, the most telling first.
    pub(super) fn at(sort: Sort) -> &'static [SweepFault] {
        match sort {
            Sort::Write | Sort::Update => &[
                CrashAfter,
                CrashBefore,
                Touched,
                StaleRestart,
                RewoundRestart,
                CutAfter,
                TimeoutAfter,
                Conflict,
                CutBefore,
                ErrorAfter,
                Unavailable,
                TooMany,
                Error,
                Timeout,
                Jump,
            ],
            Sort::Lease => &[Stolen, CrashAfter, CutAfter, Unavailable, Conflict],
            Sort::Read => &[Unavailable, CutBefore, TooMany, CrashBefore],
            Sort::List => &[StaleList, RewoundList, Unavailable, CutBefore, Truncated],
            Sort::Watch => &[Unavailable, CutBefore],
            Sort::Event => &[Merged, Expired, Dropped, Late, Twice],
            Sort::Http => &[
                CutAfter,
                CutBefore,
                Unavailable,
                Error,
                TooMany,
                ErrorAfter,
                Timeout,
                Truncated,
            ],
        }
    }

    /// Whether it answers with what is over.
    pub(super) fn shows_the_past(self) -> bool {
        matches!(self, StaleList | RewoundList)
    }

    /// Whether it takes a clock that can be moved.
    pub(super) fn needs_virtual_time(self) -> bool {
        self == Jump
    }

    /// Whether it takes an object that is there already.
    pub(super) fn needs_an_object(self) -> bool {
        self == Touched
    }

    /// Whether it takes an operator that can be started again.
    pub(super) fn needs_operator(self) -> bool {
        matches!(
            self,
            CrashAfter | CrashBefore | StaleRestart | RewoundRestart
        )
    }

    fn words(self) -> (&'static str, &'static str) {
        let found = WORDS.iter().find(|(fault, ..)| *fault == self);
        found.map_or(("", ""), |(_, written, told)| (written, told))
    }

    /// Whether it is named in a list, by its words or the first of them.
    pub(super) fn is_among(self, named: &[&str]) -> bool {
        named.iter().any(|name| begins_with(self.word(), name))
    }

    /// The whole story, e.g. `the connection was cut after delete pods default/web took effect`.
    pub(super) fn story(self, place: &Place) -> String {
        self.words().1.replace("{}", &format!("`{place}`"))
    }

    /// The word of the fault alone.
    pub(super) fn word(self) -> &'static str {
        self.words().0
    }
}

/// A fault at a place.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(super) struct Planned {
    pub(super) fault: SweepFault,
    pub(super) place: Place,
}

impl Planned {
    pub(super) fn story(&self) -> String {
        self.fault.story(&self.place)
    }
}

impl fmt::Display for Planned {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}", self.fault.word(), self.place)
    }
}

impl FromStr for Planned {
    type Err = String;

    fn from_str(text: &str) -> Result<Planned, String> {
        let text = text.trim();
        let behind = |word: &str| text.strip_prefix(word)?.strip_prefix(' ');
        let found = WORDS
            .iter()
            .find_map(|(fault, word, _)| Some((*fault, behind(word)?)));
        let Some((fault, place)) = found else {
            let known: Vec<&str> = WORDS.iter().map(|(_, word, _)| *word).collect();
            return Err(format!(
                "`{text}` begins with no fault of a sweep; they are: {}",
                known.join(", ")
            ));
        };
        Ok(Planned {
            fault,
            place: place.parse()?,
        })
    }
}

/// Whether the words of a fault begin with those words.
fn begins_with(fault: &str, words: &str) -> bool {
    let rest = fault.strip_prefix(words.trim());
    rest.is_some_and(|rest| rest.is_empty() || rest.starts_with(' '))
}

/// Whether each of these names a fault.
pub(super) fn known(named: &[&str]) -> Result<(), String> {
    let faults = || WORDS.iter().map(|(_, word, _)| *word);
    match named
        .iter()
        .find(|name| name.trim().is_empty() || !faults().any(|fault| begins_with(fault, name)))
    {
        None => Ok(()),
        Some(name) => Err(format!(
            "`{name}` is no fault of a sweep; they are: {}",
            faults().collect::<Vec<_>>().join(", ")
        )),
    }
}

/// What `KMOCK_SWEEP` has: faults that meet in one run, with ` + ` between them.
pub(super) fn parse(text: &str) -> Result<Vec<Planned>, String> {
    text.split(" + ").map(str::parse).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_fault_is_read_as_it_is_written() {
        for (fault, word, told) in WORDS {
            let planned: Planned = format!("{word} delete pods default/a #2")
                .parse()
                .expect("a fault");
            assert_eq!(planned.fault, *fault);
            assert_eq!(
                planned.to_string(),
                format!("{word} delete pods default/a #2")
            );
            assert!(told.contains("{}"), "{word}");
        }
        let all = [
            Sort::Write,
            Sort::Update,
            Sort::Lease,
            Sort::Read,
            Sort::List,
            Sort::Watch,
            Sort::Event,
            Sort::Http,
        ];
        let used: Vec<SweepFault> = all.into_iter().flat_map(SweepFault::at).copied().collect();
        for (fault, word, _) in WORDS {
            assert!(used.contains(fault), "{word} is at no place");
        }
    }

    #[test]
    fn what_is_no_fault_is_refused_by_name() {
        assert!(SweepFault::StaleRestart.is_among(&["stale"]));
        assert!(!SweepFault::Conflict.is_among(&["40", "stale"]));
        assert!(known(&["409", "clock jump"]).is_ok());
        assert!(known(&["jump"]).is_err_and(|why| why.contains("clock jump after")));
        assert!(parse("explode at dawn").is_err_and(|why| why.contains("crash after")));
        let pair = parse("crash after get a + 503 to get b").expect("two");
        assert_eq!(pair.len(), 2);
    }
}
