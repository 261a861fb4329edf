//! Criteria in Kubernetes' words: `list pods.v1 in "default"`.

use std::fmt;

use kmock_kubernetes::ApiRequest;

use super::words::Kubernetes;
use crate::{
    backend::Dialect,
    criteria::{
        Filter, FilterError, Matcher, Pattern, Role,
        explain::{edit_distance, letters_off},
    },
    request::Request,
};

/// The verbs, with the Python library's `fetch`.
const VERBS: &[&str] = &[
    "get",
    "list",
    "watch",
    "create",
    "update",
    "patch",
    "delete",
    "deletecollection",
    "fetch",
];

impl Filter {
    /// Kubernetes requests with a verb: `get list watch create update patch delete deletecollection`.
    ///
    /// # Panics
    /// When there is no such verb; the message points at the caller.
    #[track_caller]
    pub fn verb(verb: &str) -> Filter {
        match one_verb(verb) {
            Ok(verb) => Filter::custom(Criterion::Verb(verb)),
            Err(error) => panic!("kmock: {error}"),
        }
    }

    /// Kubernetes requests for a resource: `"v1/pods"`, `"pods.v1"`, `"kopf.dev/v1/kopfexamples"`,
    /// `"kopfexamples.v1.kopf.dev"`, `"apps/v1/deployments/scale"`, `"*/*/leases"`.
    ///
    /// # Panics
    /// When the text is none of these; the message points at the caller.
    #[track_caller]
    pub fn resource(text: &str) -> Filter {
        match text.parse::<Selector>() {
            Ok(selector) => Filter::custom(Criterion::Resource(selector)),
            Err(error) => panic!("kmock: {error}"),
        }
    }

    /// Kubernetes requests in a namespace.
    #[track_caller]
    pub fn namespace(namespace: impl Into<Pattern>) -> Filter {
        Filter::custom(Criterion::Namespace(namespace.into()))
    }

    /// Kubernetes requests for an object of this name.
    #[track_caller]
    pub fn named(name: impl Into<Pattern>) -> Filter {
        Filter::custom(Criterion::Name(name.into()))
    }

    /// Kubernetes requests for a subresource: `status`, `scale`, …; `Pattern::absent()` is the object itself.
    #[track_caller]
    pub fn subresource(subresource: impl Into<Pattern>) -> Filter {
        Filter::custom(Criterion::Subresource(subresource.into()))
    }
}

/// The Kubernetes part of the string notation: `list pods.v1`, `watch`, `pods.v1`. `None`: it is not in it.
#[track_caller]
pub(super) fn parse(verb: &str, rest: &str) -> Result<Option<Filter>, FilterError> {
    if VERBS.contains(&verb) {
        let verb = Filter::custom(Criterion::Verb(one_verb(verb)?));
        return if rest.is_empty() {
            Ok(Some(verb))
        } else {
            Ok(Some(
                verb & Filter::custom(Criterion::Resource(rest.parse()?)),
            ))
        };
    }
    if rest.is_empty() && verb.contains(['/', '.']) {
        let resource = Criterion::Resource(verb.parse()?);
        return Ok(Some(Filter::custom(resource)));
    }
    Ok(None)
}

fn one_verb(verb: &str) -> Result<&'static str, FilterError> {
    match VERBS.iter().find(|known| **known == verb) {
        Some(&"fetch") => Ok("get"),
        Some(known) => Ok(known),
        None => Err(FilterError::new(format!(
            "`{verb}` is no verb of Kubernetes: {} are",
            VERBS[..VERBS.len() - 1].join(", ")
        ))),
    }
}

enum Criterion {
    Verb(&'static str),
    Resource(Selector),
    Namespace(Pattern),
    Name(Pattern),
    Subresource(Pattern),
}

impl Criterion {
    fn holds(&self, asked: &ApiRequest) -> bool {
        let fits = |pattern: &Pattern, text: &Option<String>| pattern.matches_text(text.as_deref());
        match self {
            Criterion::Verb(verb) => asked.verb.as_str() == *verb,
            Criterion::Resource(selector) => selector.selects(asked),
            Criterion::Namespace(pattern) => fits(pattern, &asked.namespace),
            Criterion::Name(pattern) => fits(pattern, &asked.name),
            Criterion::Subresource(pattern) => fits(pattern, &asked.subresource),
        }
    }
}

impl Matcher for Criterion {
    fn dialect(&self) -> &'static dyn Dialect {
        &Kubernetes
    }

    fn matches(&self, request: &Request) -> bool {
        request.kubernetes().is_some_and(|asked| self.holds(asked))
    }

    fn near(&self, request: &Request) -> (Option<String>, usize) {
        let Some(asked) = request.kubernetes() else {
            return (None, 20);
        };
        let hint = |text: &str, distance: usize| (Some(text.to_owned()), distance);
        let selector = match self {
            Criterion::Verb(_) => return (None, 10),
            Criterion::Resource(selector) => selector,
            Criterion::Namespace(_) | Criterion::Name(_) | Criterion::Subresource(_) => {
                return (None, 5);
            }
        };
        let differs =
            |want: &Option<String>, got: &str| want.as_ref().is_some_and(|want| want != got);
        let resource = differs(&selector.resource, &asked.resource);
        let group = differs(&selector.group, &asked.group);
        let version = differs(&selector.version, &asked.version);
        match (resource, group, version) {
            (false, false, true) => hint("the version differs", 3),
            (false, true, _) => hint("the group differs", 4),
            (false, false, false) => hint("the subresource differs", 4),
            (true, false, _) => {
                let want = selector.resource.as_deref().unwrap_or_default();
                let letters = edit_distance(want, &asked.resource);
                if letters <= 1 + want.len() / 4 {
                    hint(&letters_off(letters), 2 + letters)
                } else {
                    (None, 22)
                }
            }
            (true, true, _) => (None, 25),
        }
    }

    fn role(&self) -> Role {
        match self {
            Criterion::Verb(_) => Role::Method,
            Criterion::Resource(_) => Role::Path,
            _ => Role::Other,
        }
    }

    fn got(&self, request: &Request) -> String {
        let Some(asked) = request.kubernetes() else {
            return "no Kubernetes request".to_owned();
        };
        let or_none = |text: &Option<String>| match text {
            Some(text) => format!("{text:?}"),
            None => "none".to_owned(),
        };
        match self {
            Criterion::Verb(_) => asked.verb.as_str().to_owned(),
            Criterion::Resource(_) => {
                let sub = asked.subresource.as_deref().map(|sub| format!("/{sub}"));
                format!(
                    "{}/{}{}",
                    asked.api_version(),
                    asked.resource,
                    sub.unwrap_or_default()
                )
            }
            Criterion::Namespace(_) => or_none(&asked.namespace),
            Criterion::Name(_) => or_none(&asked.name),
            Criterion::Subresource(_) => or_none(&asked.subresource),
        }
    }
}

impl fmt::Display for Criterion {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Criterion::Verb(verb) => f.write_str(verb),
            Criterion::Resource(selector) => write!(f, "\"{}\"", selector.text),
            Criterion::Namespace(pattern) => write!(f, "in {pattern}"),
            Criterion::Name(pattern) => write!(f, "named {pattern}"),
            Criterion::Subresource(pattern) => write!(f, "sub {pattern}"),
        }
    }
}

/// Which resource: each part may be `*`, or missing when it does not matter.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Selector {
    text: String,
    group: Option<String>,
    version: Option<String>,
    resource: Option<String>,
    subresource: Option<String>,
}

impl Selector {
    fn selects(&self, asked: &ApiRequest) -> bool {
        let fits = |want: &Option<String>, got: &str| want.as_ref().is_none_or(|want| want == got);
        fits(&self.group, &asked.group)
            && fits(&self.version, &asked.version)
            && fits(&self.resource, &asked.resource)
            && self
                .subresource
                .as_ref()
                .is_none_or(|want| asked.subresource.as_ref() == Some(want))
    }
}

impl std::str::FromStr for Selector {
    type Err = FilterError;

    fn from_str(text: &str) -> Result<Selector, FilterError> {
        let malformed = || {
            FilterError::new(format!(
                "`{text}` is no resource: write \"v1/pods\", \"pods.v1\", \"apps/v1/deployments\", \"apps/v1/deployments/scale\" or \"deployments.v1.apps\""
            ))
        };
        let fine = |part: &str| {
            part == "*"
                || !part.is_empty()
                    && part
                        .chars()
                        .all(|c| c.is_ascii_lowercase() || c.is_ascii_digit() || "-.".contains(c))
        };
        let is_version = |part: &str| {
            part == "*"
                || part
                    .strip_prefix('v')
                    .is_some_and(|rest| rest.starts_with(|c: char| c.is_ascii_digit()))
        };
        let parts: Vec<&str> = text.split('/').collect();
        // A core resource has its version first: `v1/pods`, `v1/pods/status`.
        let (group, version, resource, subresource) = match parts.as_slice() {
            [dotted] => match dotted.split('.').collect::<Vec<_>>().as_slice() {
                [resource] => (None, None, *resource, None),
                [resource, version] if is_version(version) => {
                    (Some(String::new()), Some(*version), *resource, None)
                }
                [resource, version, group @ ..] if is_version(version) => {
                    (Some(group.join(".")), Some(*version), *resource, None)
                }
                [resource, group @ ..] => (Some(group.join(".")), None, *resource, None),
                [] => return Err(malformed()),
            },
            [version, resource] if is_version(version) && *version != "*" => {
                (Some(String::new()), Some(*version), *resource, None)
            }
            [version, resource, sub]
                if is_version(version) && *version != "*" && !is_version(resource) =>
            {
                (Some(String::new()), Some(*version), *resource, Some(*sub))
            }
            [group, version, resource] if is_version(version) => {
                (Some((*group).to_owned()), Some(*version), *resource, None)
            }
            [group, version, resource, sub] if is_version(version) => (
                Some((*group).to_owned()),
                Some(*version),
                *resource,
                Some(*sub),
            ),
            _ => return Err(malformed()),
        };
        let given = [group.as_deref(), version, Some(resource), subresource];
        let well_formed = given
            .iter()
            .flatten()
            .all(|part| part.is_empty() || fine(part));
        if !well_formed || resource.is_empty() {
            return Err(malformed());
        }
        let some = |part: &str| (part != "*").then(|| part.to_owned());
        Ok(Selector {
            text: text.to_owned(),
            group: group.and_then(|group| some(&group)),
            version: version.and_then(some),
            resource: some(resource),
            subresource: subresource.and_then(some),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    type Parts<'a> = [Option<&'a str>; 4];

    fn parts(selector: &Selector) -> Parts<'_> {
        [
            selector.group.as_deref(),
            selector.version.as_deref(),
            selector.resource.as_deref(),
            selector.subresource.as_deref(),
        ]
    }

    #[test]
    fn resources_are_read_in_both_orders() {
        let cases: &[(&str, Parts<'_>)] = &[
            ("v1/pods", [Some(""), Some("v1"), Some("pods"), None]),
            ("pods.v1", [Some(""), Some("v1"), Some("pods"), None]),
            (
                "v1/pods/status",
                [Some(""), Some("v1"), Some("pods"), Some("status")],
            ),
            (
                "apps/v1/deployments",
                [Some("apps"), Some("v1"), Some("deployments"), None],
            ),
            (
                "apps/v1/deployments/scale",
                [Some("apps"), Some("v1"), Some("deployments"), Some("scale")],
            ),
            (
                "kopfexamples.v1.kopf.dev",
                [Some("kopf.dev"), Some("v1"), Some("kopfexamples"), None],
            ),
            ("*/*/leases", [None, None, Some("leases"), None]),
            ("pods", [None, None, Some("pods"), None]),
        ];
        for (text, want) in cases {
            let selector: Selector = text.parse().expect("a resource");
            assert_eq!(parts(&selector), *want, "{text}");
        }
        for text in ["", "/pods", "a/b/c/d/e", "Pods.v1", "apps/deployments"] {
            assert!(text.parse::<Selector>().is_err(), "{text}");
        }
    }
}
