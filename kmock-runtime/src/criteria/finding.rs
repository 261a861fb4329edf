//! What criteria say of a request, as plain data, and how near that is.

use std::cmp::Reverse;

use crate::{brief::cut, location::Location};

/// What one criterion says of one request.
///
/// ```no_run
/// # use kmock_runtime as kmock;
/// # async fn example(k: kmock::KMock) -> Result<(), Box<dyn std::error::Error>> {
/// k.on("get /users").expecting(1).status(200);
/// k.get("/user").await;
/// let report = k.check().expect_err("a letter is missing");
/// for finding in &report.failures[0].nearest[0].criteria {
///     println!("{}: {:?}, got {:?}", finding.criterion, finding.verdict, finding.got);
/// }
/// # Ok(())
/// # }
/// ```
#[derive(Clone, Debug, PartialEq)]
pub struct Finding {
    /// The criterion as the user wrote it, more or less.
    pub criterion: String,
    /// Whether it holds.
    pub verdict: Verdict,
    /// What the request has there, when it does not hold.
    pub got: Option<String>,
    /// What might help: `1 letter off`.
    pub hint: Option<String>,
    /// Where a JSON body differs, the first few places.
    pub differences: Vec<Difference>,
    /// Where the criterion was written.
    pub location: Location,
    /// How far off the request is: 0 when it holds, [`FAR`] or more where nothing is alike.
    pub(crate) distance: usize,
    pub(crate) role: Role,
    /// What it is about, in a few words: `the path`, `header "x-api-key"`.
    pub(crate) about: String,
}

/// What a criterion is to the people who read a report.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum Role {
    /// The method, or a verb of Kubernetes.
    Method,
    /// The path, or a resource of Kubernetes: what a request is about.
    Path,
    /// What narrows that down.
    #[default]
    Other,
}

/// The distance of a path that is right but for a slash or the case of its letters.
pub(super) const ODD: usize = 2;

/// The distance from which two paths have nothing to do with each other.
pub(crate) const FAR: usize = 20;

/// Whether a criterion holds for a request.
///
/// ```no_run
/// # use kmock_runtime as kmock;
/// # async fn example(k: kmock::KMock) -> Result<(), Box<dyn std::error::Error>> {
/// use kmock::criteria::Verdict;
///
/// let report = k.report();
/// let criteria = report.entries.iter().flat_map(|entry| &entry.near).flat_map(|near| &near.criteria);
/// let failed = criteria.filter(|finding| finding.verdict == Verdict::Fails).count();
/// # Ok(())
/// # }
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// It holds.
    Holds,
    /// It does not.
    Fails,
    /// Nobody knows afterwards: async functions, and several functions of which one said no.
    Unknown,
}

/// One place where a JSON body differs from what was wanted.
///
/// ```no_run
/// # use kmock_runtime as kmock;
/// # async fn example(k: kmock::KMock) -> Result<(), Box<dyn std::error::Error>> {
/// let report = k.report();
/// let criteria = report.entries.iter().flat_map(|entry| &entry.near).flat_map(|near| &near.criteria);
/// for difference in criteria.flat_map(|finding| &finding.differences) {
///     println!("{}: want {}, got {}", difference.pointer, difference.want, difference.got);
/// }
/// # Ok(())
/// # }
/// ```
#[derive(Clone, Debug, PartialEq)]
pub struct Difference {
    /// The JSON pointer (RFC 6901); empty for the whole.
    pub pointer: String,
    /// What was wanted there.
    pub want: String,
    /// What is there.
    pub got: String,
    /// What might help: `there is "nmae"`.
    pub hint: Option<String>,
}

impl Finding {
    pub(crate) fn new(criterion: String, verdict: Verdict, location: Location) -> Finding {
        Finding {
            about: cut(&criterion, 60),
            criterion,
            verdict,
            got: None,
            hint: None,
            differences: Vec::new(),
            location,
            distance: match verdict {
                Verdict::Holds => 0,
                Verdict::Unknown => 3,
                Verdict::Fails => 10,
            },
            role: Role::Other,
        }
    }
}

/// How near a request came to a filter, as a person would say: the least is the nearest.
///
/// What it is about comes first, so the very path outranks one that looks like it, whatever else is wrong. Then it counts
/// how much is wrong, how much is right, and how far off the rest is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Nearness {
    tier: Tier,
    /// Twice the criteria that fail, once those that nobody knows of.
    misses: usize,
    hits: Reverse<usize>,
    off: usize,
    /// Those of the hits that are no method: nearly every request has one of those. A path that is right but for a slash
    /// or the case of its letters is as good as one.
    telling: usize,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Tier {
    /// The method and the path are right.
    Meant,
    /// The path is.
    PathOnly,
    /// The path is like it, or may be any.
    Alike,
    /// It is about something else.
    Elsewhere,
}

impl Nearness {
    pub(crate) fn of(findings: &[Finding]) -> Nearness {
        let count = |verdict: Verdict| move |one: &&Finding| one.verdict == verdict;
        let number = |verdict| findings.iter().filter(count(verdict)).count();
        let of_role = |role: Role| findings.iter().filter(move |one| one.role == role);
        let fails = |role| of_role(role).any(|one| one.verdict == Verdict::Fails);
        let far = of_role(Role::Path).any(|one| one.distance >= FAR);
        let on_path = of_role(Role::Path).next().is_some() && !fails(Role::Path);
        Nearness {
            tier: match on_path {
                _ if far => Tier::Elsewhere,
                true if fails(Role::Method) => Tier::PathOnly,
                true => Tier::Meant,
                false => Tier::Alike,
            },
            misses: 2 * number(Verdict::Fails) + number(Verdict::Unknown),
            hits: Reverse(number(Verdict::Holds)),
            off: findings.iter().map(|one| one.distance).sum(),
            telling: findings
                .iter()
                .filter(|one| match one.role {
                    Role::Method => false,
                    Role::Path => one.distance <= ODD,
                    Role::Other => one.verdict == Verdict::Holds,
                })
                .count(),
        }
    }

    /// Whether it is near at all: a far guess is worse than none.
    pub(crate) fn is_near(self) -> bool {
        let one_miss = self.misses <= 2;
        match self.tier {
            Tier::Meant | Tier::PathOnly => true,
            Tier::Alike => self.telling > 0 || one_miss && (self.hits.0 > 0 || self.off < 10),
            Tier::Elsewhere => self.telling > 0 && one_miss,
        }
    }

    /// Whether it is worth a word beside the nearest.
    pub(crate) fn is_worth_telling_beside(self, best: Nearness) -> bool {
        let alike =
            self.tier == best.tier || best.tier >= Tier::PathOnly && self.tier <= Tier::Alike;
        self.is_near() && alike && self.misses <= best.misses + 2
    }

    /// How far off it is in all.
    pub(crate) fn off(self) -> usize {
        self.off
    }
}
