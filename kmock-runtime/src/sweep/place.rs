//! Where a fault can be: a request or an event of a watch, known by what it is and how often it came before.
//!
//! A place is no number of the run, so that it stays what it is when the test grows, and whatever comes in between.

use std::{fmt, str::FromStr};

use crate::{backend::Dialect, request::Request};

/// What a place is about; that decides which faults make sense there.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) enum Sort {
    /// Something is made or deleted.
    Write,
    /// Something that is there is changed.
    Update,
    /// The lock of a leader is taken or held.
    Lease,
    /// One object is read.
    Read,
    /// All objects of a resource are read.
    List,
    /// A watch is opened. What comes through it are places of their own.
    Watch,
    /// An event that a watch is about to get.
    Event,
    /// A request that is none of the Kubernetes API.
    Http,
}

impl Sort {
    /// Whether something changes.
    pub(super) fn writes(self) -> bool {
        matches!(self, Sort::Write | Sort::Update | Sort::Lease | Sort::Http)
    }
}

/// A place: `delete pods default/web`, for the second time.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(super) struct Place {
    pub(super) what: String,
    /// How often the same came before.
    pub(super) nth: usize,
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.what)?;
        match self.nth {
            0 => Ok(()),
            nth => write!(f, " #{}", nth + 1),
        }
    }
}

impl FromStr for Place {
    type Err = String;

    fn from_str(text: &str) -> Result<Place, String> {
        let text = text.trim();
        let (what, nth) = match text.rsplit_once(" #") {
            Some((what, number)) => match number.parse::<usize>() {
                Ok(number @ 1..) => (what, number - 1),
                _ => {
                    return Err(format!(
                        "`#{number}` is no number of a place: the first is #1"
                    ));
                }
            },
            None => (text, 0),
        };
        if what.is_empty() {
            return Err("a place is missing, such as `delete pods default/web`".to_owned());
        }
        Ok(Place {
            what: what.to_owned(),
            nth,
        })
    }
}

/// What a request is, without what changes from run to run, and its sort.
pub(super) fn of_request(dialect: Option<&dyn Dialect>, request: &Request) -> (String, Sort) {
    let asked = dialect.and_then(|dialect| dialect.asked(request));
    let Some((verb, target)) = asked else {
        let path = request.url_path();
        return (format!("{} {path}", request.method()), Sort::Http);
    };
    let sort = match verb {
        "get" => Sort::Read,
        "list" => Sort::List,
        "watch" => Sort::Watch,
        _ if target.starts_with("leases.coordination.k8s.io") => Sort::Lease,
        "update" | "patch" => Sort::Update,
        _ => Sort::Write,
    };
    (format!("{verb} {target}"), sort)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn places_are_read_as_they_are_written() {
        for text in [
            "delete pods default/web",
            "delete pods default/web #3",
            "GET /a",
        ] {
            let place: Place = text.parse().expect("a place");
            assert_eq!(place.to_string(), text);
        }
        let first: Place = "GET /a #1".parse().expect("a place");
        assert_eq!(first.to_string(), "GET /a");
        assert!("GET /a #0".parse::<Place>().is_err());
        assert!("".parse::<Place>().is_err());
    }
}
