//! Criteria in Kubernetes' words: `list pods.v1 in "default"`.

use std::fmt;

use kmock_kubernetes::{ApiRequest, Verb};
use kmock_notation::{Resource, VERBS, did_you_mean, distance};

use super::words::Kubernetes;
use crate::{
    backend::Dialect,
    criteria::{Filter, FilterError, Matcher, Pattern, Role, explain::letters_off},
    location::Location,
    request::Request,
};

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
    /// `"kopfexamples.v1.kopf.dev"`, `"deployments.apps"`, `"apps/v1/deployments/scale"`, `"pods/log"`, `"*/*/leases"`.
    ///
    /// # Panics
    /// When the text is none of these; the message points at the caller.
    #[track_caller]
    pub fn resource(text: &str) -> Filter {
        match text.parse::<Resource>() {
            Ok(resource) => Filter::custom(Criterion::Resource(text.to_owned(), resource)),
            Err(fault) => panic!("kmock: {}", FilterError::of(text, &fault)),
        }
    }

    /// Kubernetes requests in a namespace.
    #[track_caller]
    pub fn namespace(namespace: impl Into<Pattern>) -> Filter {
        Filter::custom(Criterion::Namespace(namespace.into()))
    }

    /// Kubernetes requests for an object of this name; of one that is created, the name in the body counts.
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

/// A filter in Kubernetes' notation: a verb, and a resource as it was written and as it was read. Without an emulator, nobody
/// speaks it (`None`).
pub(crate) fn asked(
    verb: Option<&'static str>,
    resource: Option<(&str, Resource)>,
    location: Location,
) -> Option<Filter> {
    let verb = verb.map(Criterion::Verb);
    let resource = resource.map(|(text, resource)| Criterion::Resource(text.to_owned(), resource));
    let criteria = verb.into_iter().chain(resource);
    let asked = criteria
        .map(|criterion| Filter::custom_at(criterion, location))
        .reduce(|a, b| a & b)
        .unwrap_or_else(Filter::any);
    Some(asked)
}

fn one_verb(verb: &str) -> Result<&'static str, FilterError> {
    match VERBS.iter().find(|known| **known == verb) {
        Some(&"fetch") => Ok("get"),
        Some(known) => Ok(known),
        None => Err(FilterError::new(format!(
            "`{verb}` is no verb of Kubernetes: {} are{}",
            VERBS[..VERBS.len() - 1].join(", "),
            did_you_mean(verb, VERBS.iter().copied()),
        ))),
    }
}

enum Criterion {
    Verb(&'static str),
    /// As it was written, and what it means.
    Resource(String, Resource),
    Namespace(Pattern),
    Name(Pattern),
    Subresource(Pattern),
}

impl Criterion {
    fn holds(&self, asked: &ApiRequest, request: &Request) -> bool {
        let fits = |pattern: &Pattern, text: &Option<String>| pattern.matches_text(text.as_deref());
        match self {
            Criterion::Verb(verb) => asked.verb.as_str() == *verb,
            Criterion::Resource(_, resource) => selects(resource, asked),
            Criterion::Namespace(pattern) => fits(pattern, &asked.namespace),
            Criterion::Name(pattern) => fits(pattern, &name_of(asked, request)),
            Criterion::Subresource(pattern) => fits(pattern, &asked.subresource),
        }
    }
}

impl Matcher for Criterion {
    fn dialect(&self) -> Option<&'static dyn Dialect> {
        Some(&Kubernetes)
    }

    /// The name of what is created is in its body.
    fn asks_body(&self) -> bool {
        matches!(self, Criterion::Name(_))
    }

    fn matches(&self, request: &Request) -> bool {
        request
            .kubernetes()
            .is_some_and(|asked| self.holds(asked, request))
    }

    fn near(&self, request: &Request) -> (Option<String>, usize) {
        let Some(asked) = request.kubernetes() else {
            return (None, 20);
        };
        let hint = |text: &str, distance: usize| (Some(text.to_owned()), distance);
        let wanted = match self {
            Criterion::Verb(_) => return (None, 10),
            Criterion::Resource(_, resource) => resource,
            Criterion::Namespace(_) | Criterion::Name(_) | Criterion::Subresource(_) => {
                return (None, 5);
            }
        };
        let differs =
            |want: &Option<String>, got: &str| want.as_ref().is_some_and(|want| want != got);
        let resource = differs(&wanted.plural, &asked.resource);
        let group = differs(&wanted.group, &asked.group);
        let version = differs(&wanted.version, &asked.version);
        match (resource, group, version) {
            (false, false, true) => hint("the version differs", 3),
            (false, true, _) => hint("the group differs", 4),
            (false, false, false) => hint("the subresource differs", 4),
            (true, false, _) => {
                let want = wanted.plural.as_deref().unwrap_or_default();
                let letters = distance(want, &asked.resource);
                if letters <= 1 + want.len() / 4 {
                    hint(&letters_off(letters), 2 + letters)
                } else {
                    (None, 22)
                }
            }
            (true, true, _) => (None, 25),
        }
    }

    fn single_facts(&self) -> Vec<(&'static str, Pattern)> {
        let part = |what, part: &Option<String>| Some((what, Pattern::value(part.as_ref()?)));
        match self {
            Criterion::Verb(verb) => {
                let (method, name) = match *verb {
                    "create" => ("POST", None),
                    "update" => ("PUT", Some(Pattern::present())),
                    "patch" => ("PATCH", Some(Pattern::present())),
                    "delete" => ("DELETE", Some(Pattern::present())),
                    "deletecollection" => ("DELETE", Some(Pattern::absent())),
                    "get" => ("GET", Some(Pattern::present())),
                    "list" => ("GET", Some(Pattern::absent())),
                    _ => ("GET", None),
                };
                let facts = [
                    ("verb", Pattern::value(verb)),
                    ("method", Pattern::value(method)),
                ];
                let name = name.map(|name| ("name", name));
                facts.into_iter().chain(name).collect()
            }
            Criterion::Resource(_, resource) => {
                let parts = [
                    part("group", &resource.group),
                    part("version", &resource.version),
                    part("resource", &resource.plural),
                    part("subresource", &resource.subresource),
                ];
                parts.into_iter().flatten().collect()
            }
            Criterion::Namespace(pattern) => vec![("namespace", pattern.clone())],
            Criterion::Name(pattern) => vec![("name", pattern.clone())],
            Criterion::Subresource(pattern) => vec![("subresource", pattern.clone())],
        }
    }

    fn role(&self) -> Role {
        match self {
            Criterion::Verb(_) => Role::Method,
            Criterion::Resource(..) => Role::Path,
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
            Criterion::Resource(..) => {
                let sub = asked.subresource.as_deref().map(|sub| format!("/{sub}"));
                format!(
                    "{}/{}{}",
                    asked.api_version(),
                    asked.resource,
                    sub.unwrap_or_default()
                )
            }
            Criterion::Namespace(_) => or_none(&asked.namespace),
            Criterion::Name(_) => or_none(&name_of(asked, request)),
            Criterion::Subresource(_) => or_none(&asked.subresource),
        }
    }
}

impl fmt::Display for Criterion {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Criterion::Verb(verb) => f.write_str(verb),
            Criterion::Resource(text, _) => write!(f, "\"{text}\""),
            Criterion::Namespace(pattern) => write!(f, "in {pattern}"),
            Criterion::Name(pattern) => write!(f, "named {pattern}"),
            Criterion::Subresource(pattern) => write!(f, "sub {pattern}"),
        }
    }
}

fn selects(resource: &Resource, asked: &ApiRequest) -> bool {
    let fits = |want: &Option<String>, got: &str| want.as_ref().is_none_or(|want| want == got);
    fits(&resource.group, &asked.group)
        && fits(&resource.version, &asked.version)
        && fits(&resource.plural, &asked.resource)
        && resource
            .subresource
            .as_ref()
            .is_none_or(|want| asked.subresource.as_ref() == Some(want))
}

/// The name of the object that a request is for: of one that is created, it is in the body.
fn name_of(asked: &ApiRequest, request: &Request) -> Option<String> {
    if asked.name.is_some() || asked.verb != Verb::Create {
        return asked.name.clone();
    }
    let name = request.json()["metadata"]["name"].as_str()?;
    Some(name.to_owned())
}
