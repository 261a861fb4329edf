//! Resources of Kubernetes: `v1/pods`, `deployments.v1.apps`, `deployments.apps`, `pods/log`, `*/*/leases`.

use crate::{Fault, built_ins, distance, nearest};

/// Which resources: what is `None` does not matter.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Resource {
    /// The API group; empty is the core group.
    pub group: Option<String>,
    /// The version.
    pub version: Option<String>,
    /// The plural name.
    pub plural: Option<String>,
    /// The subresource.
    pub subresource: Option<String>,
}

/// The parts of a name as they were written; `*` is one, too.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ResourceParts<'a> {
    /// The API group; `None` where the name has none, empty for the core group.
    pub group: Option<&'a str>,
    /// The version.
    pub version: Option<&'a str>,
    /// The name: a plural one, where nothing else is allowed.
    pub name: &'a str,
    /// The subresource.
    pub subresource: Option<&'a str>,
}

const FORM: &str = "write \"v1/pods\", \"pods.v1\", \"apps/v1/deployments\", \"deployments.v1.apps\", \"deployments.apps\" or \"pods/log\"";

/// Takes a name apart, in any of the forms in which people name resources: `pods`, `v1/pods`, `pods.v1`, `deployments.apps`,
/// `deployments.v1.apps`, `apps/v1/deployments`, `apps/deployments`, each of them with `/status` behind it.
///
/// # Errors
/// When it has too many parts, or none.
pub fn parts(text: &str) -> Result<ResourceParts<'_>, Fault> {
    let whole = 0..text.len().max(1);
    let of = |group, version, name, subresource| {
        Ok(ResourceParts {
            group,
            version,
            name,
            subresource,
        })
    };
    let pieces: Vec<&str> = text.split('/').collect();
    match pieces[..] {
        [""] => Err(Fault::new("the resource is empty", FORM, whole)),
        [dotted] => {
            let (group, version, name) = dotted_parts(dotted);
            of(group, version, name, None)
        }
        // A core resource has its version first: `v1/pods`, `v1/pods/status`.
        [version, name] if is_version(version) => match version {
            "*" => of(None, None, name, None),
            _ => of(Some(""), Some(version), name, None),
        },
        [version, name, sub] if is_version(version) && version != "*" && !is_version(name) => {
            of(Some(""), Some(version), name, Some(sub))
        }
        [dotted, sub] if has_subresource(dotted, sub) => {
            let (group, version, name) = dotted_parts(dotted);
            of(group, version, name, Some(sub))
        }
        [group, name] => of(Some(group), None, name, None),
        [group, version, name] => of(Some(group), Some(version), name, None),
        [group, version, name, sub] => of(Some(group), Some(version), name, Some(sub)),
        _ => Err(Fault::new(
            "a resource is a group, a version and a plural name",
            FORM,
            whole,
        )),
    }
}

/// `pods`, `pods.v1`, `deployments.v1.apps`, `deployments.apps`: name, version, group.
fn dotted_parts(text: &str) -> (Option<&str>, Option<&str>, &str) {
    let Some((name, place)) = text.split_once('.') else {
        return (None, None, text);
    };
    let (first, rest) = place.split_once('.').unwrap_or((place, ""));
    match is_version(first) {
        true => (Some(rest), Some(first), name),
        false => (Some(place), None, name),
    }
}

/// Whether `a/b` is a subresource, and not a name in a group: `pods/log`, `pods.v1/log`, `deployments.apps/scale`.
fn has_subresource(name: &str, sub: &str) -> bool {
    let (_, version, plain) = dotted_parts(name);
    let is_group = built_ins().iter().any(|one| one.group == name);
    let known = built_ins().iter().any(|one| one.plural == plain);
    let is_plural = |name: &str| built_ins().iter().any(|one| one.plural == name);
    !is_group && (version.is_some() || known && !is_plural(sub) || is_subresource(sub))
}

fn is_subresource(name: &str) -> bool {
    subresources().any(|known| known == name)
}

fn subresources() -> impl Iterator<Item = &'static str> {
    built_ins()
        .iter()
        .flat_map(|one| one.subresources.iter().copied())
}

/// Reads which resources are meant.
///
/// # Errors
/// With the part that is wrong, and what to write. Names that are nearly those of built-in resources are wrong, too.
pub fn resource(text: &str) -> Result<Resource, Fault> {
    let found = well_formed(text)?;
    let named = |part: &Option<String>| part.clone().unwrap_or_else(|| "*".to_owned());
    let plural = named(&found.plural);
    if let Some(sub) = &found.subresource {
        slip_of_subresource(text, sub)?;
    }
    match slip(&named(&found.group), &named(&found.version), &plural, text) {
        Some((message, help)) => Err(Fault::new(message, help, 0..text.len())),
        None => Ok(found),
    }
}

impl std::str::FromStr for Resource {
    type Err = Fault;

    /// Any resource that is well-formed, whether it is known or not.
    fn from_str(text: &str) -> Result<Resource, Fault> {
        well_formed(text)
    }
}

fn well_formed(text: &str) -> Result<Resource, Fault> {
    let whole = 0..text.len().max(1);
    if text.starts_with('/') {
        return Err(Fault::new(
            "a URL path goes with an HTTP method, not with a verb of Kubernetes",
            format!("write `GET \"{text}\"`, or a resource such as \"v1/pods\""),
            whole,
        ));
    }
    if let Some(short) = without_place(text) {
        return Err(Fault::new(
            "a resource is a group, a version and a plural name, not a URL",
            short,
            whole,
        ));
    }
    if let Some(at) = text.find(char::is_whitespace) {
        return Err(Fault::new("a resource has no spaces", FORM, at..at + 1));
    }
    let parts = parts(text)?;
    let slashes = text.split('/').count();
    if let ResourceParts {
        group: Some(group),
        version: None,
        name,
        subresource: None,
    } = parts
        && slashes == 2
    {
        // `kopf.dev/v1`: all that a group has.
        if is_version(name) {
            return Err(Fault::new(
                format!("`{text}` is a group and a version, which have many resources"),
                format!("write \"{text}/*\" for all of them"),
                whole,
            ));
        }
        return Err(Fault::new(
            format!("`{group}` is no version"),
            format!(
                "write \"{group}/v1/{name}\" or \"{name}.{group}\", or \"v1/{name}\" for the core group"
            ),
            0..group.len().max(1),
        ));
    }
    if slashes == 1
        && let (Some(group), None) = (parts.group, parts.version)
        && let Some((front, last)) = group.rsplit_once('.')
        && is_version(last)
    {
        let name = parts.name;
        return Err(Fault::new(
            format!(
                "`{}` is no version",
                group.split('.').next().unwrap_or_default()
            ),
            format!("write \"{name}.{last}.{front}\": the version comes before the group"),
            whole,
        ));
    }
    if slashes == 1 && parts.group.is_none() && is_version(parts.name) && parts.name != "*" {
        return Err(Fault::new(
            format!("`{text}` is a version, which has many resources"),
            format!("write \"{text}/*\" for all of them"),
            whole,
        ));
    }
    if let Some(version) = parts.version.filter(|version| !is_version(version)) {
        return Err(Fault::new(
            format!("`{version}` is no version of an API"),
            "versions are `v1`, `v1beta1`, `v2alpha1`, …, or `*`",
            whole,
        ));
    }
    let label = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-' || c == '.';
    if let Some(group) = parts.group
        && group != "*"
        && !group.chars().all(label)
    {
        return Err(Fault::new(
            format!("`{group}` is no API group"),
            "groups are DNS names in lower case, such as `apps` or `kopf.dev`",
            whole,
        ));
    }
    let names = [
        ("plural name of a resource", Some(parts.name)),
        ("subresource", parts.subresource),
    ];
    for (what, name) in names {
        let Some(name) = name else { continue };
        let valid = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-';
        if name != "*" && (name.is_empty() || !name.chars().all(valid)) {
            let lower = name.to_lowercase();
            let is_kind = name != lower && lower.chars().all(valid) && parts.subresource.is_none();
            let help = match is_kind {
                true => format!(
                    "resources are named by their plural in lower case: `{}`",
                    plural_of(name, &lower)
                ),
                false => FORM.to_owned(),
            };
            return Err(Fault::new(format!("`{name}` is no {what}"), help, whole));
        }
    }
    let some = |part: &str| (part != "*").then(|| part.to_owned());
    Ok(Resource {
        group: parts.group.and_then(some),
        version: parts.version.and_then(some),
        plural: some(parts.name),
        subresource: parts.subresource.and_then(some),
    })
}

/// The plural name of a kind.
fn plural_of(kind: &str, lower: &str) -> String {
    let known = built_ins().iter().find(|one| one.kind == kind);
    match known {
        Some(known) => known.plural.to_owned(),
        None if lower.ends_with('s') => lower.to_owned(),
        None => format!("{lower}s"),
    }
}

fn slip_of_subresource(text: &str, sub: &str) -> Result<(), Fault> {
    if is_subresource(sub) {
        return Ok(());
    }
    match subresources().find(|known| distance(sub, known) == 1) {
        Some(meant) => Err(Fault::new(
            format!("`{sub}` is no subresource; did you mean `{meant}`?"),
            format!("write \"{}{meant}\"", &text[..text.len() - sub.len()]),
            0..text.len(),
        )),
        None => Ok(()),
    }
}

/// `api/v1/pods`, `v1/namespaces/default/pods`: what a URL has around a resource.
fn without_place(text: &str) -> Option<String> {
    let rest = text
        .strip_prefix("apis/")
        .or_else(|| text.strip_prefix("api/"));
    let inner = rest.unwrap_or(text);
    match inner.split_once("/namespaces/") {
        Some((version, place)) => match place.split_once('/') {
            Some((namespace, plural)) => {
                Some(format!("write `\"{version}/{plural}\" in \"{namespace}\"`"))
            }
            None => rest.map(|_| format!("write \"{inner}\"")),
        },
        None => rest.map(|rest| format!("write \"{rest}\"")),
    }
}

/// A slip in the name of a built-in resource, or its group: the message and what to write.
fn slip(group: &str, version: &str, plural: &str, text: &str) -> Option<(String, String)> {
    let all = || built_ins().iter().map(|one| (one.group, one.plural));
    if plural == "*"
        || all().any(|(other, name)| name == plural && (other == group || group == "*"))
    {
        return None;
    }
    let slashes = text.contains('/');
    let write = |group: &str, plural: &str| match (slashes, version, group) {
        (true, _, "") => format!("write \"{version}/{plural}\""),
        (true, ..) => format!("write \"{group}/{version}/{plural}\""),
        (false, "*", "") => format!("write \"{plural}\""),
        (false, "*", _) => format!("write \"{plural}.{group}\""),
        (false, _, "") => format!("write \"{plural}.{version}\""),
        (false, ..) => format!("write \"{plural}.{version}.{group}\""),
    };
    if group == "*" {
        let (_, meant) = all().find(|(_, name)| is_singular(plural, name))?;
        return Some((
            format!("`{plural}` is no plural name of a resource"),
            format!("resources are named by their plural: `{meant}`"),
        ));
    }
    if group == "core" {
        return Some(("the core group has no name".to_owned(), write("", plural)));
    }
    let here: Vec<&str> = all()
        .filter(|(name, _)| *name == group)
        .map(|(_, plural)| plural)
        .collect();
    if here.is_empty() {
        // A group of somebody's own, unless it is nearly one that has this resource.
        let (meant, _) = all().find(|(other, name)| {
            *name == plural && distance(group, other) <= 3 && !other.is_empty()
        })?;
        return Some((
            format!("`{group}` is no API group; did you mean `{meant}`?"),
            write(meant, plural),
        ));
    }
    let place = if group.is_empty() {
        "the core group"
    } else {
        group
    };
    if let Some((elsewhere, _)) = all().find(|(_, name)| *name == plural) {
        return Some((
            format!("`{plural}` are not in {place}"),
            write(elsewhere, plural),
        ));
    }
    let singular = || all().find(|(_, name)| is_singular(plural, name));
    let meant =
        nearest(plural, here.iter().copied()).or_else(|| singular().map(|(_, name)| name))?;
    let owner = match here.contains(&meant) {
        true => group,
        false => all().find(|(_, name)| *name == meant)?.0,
    };
    Some((
        format!("`{plural}` is no resource of {place}; did you mean `{meant}`?"),
        write(owner, meant),
    ))
}

fn is_singular(word: &str, plural: &str) -> bool {
    let stem = word.strip_suffix('y').map(|stem| format!("{stem}ies"));
    plural == format!("{word}s")
        || plural == format!("{word}es")
        || stem.is_some_and(|stem| stem == plural)
}

/// `v1`, `v1beta1`, `*`
pub fn is_version(text: &str) -> bool {
    let Some(rest) = text.strip_prefix('v') else {
        return text == "*";
    };
    let end = rest
        .find(|c: char| !c.is_ascii_digit())
        .unwrap_or(rest.len());
    let (major, stage) = rest.split_at(end);
    let stage = stage
        .strip_prefix("alpha")
        .or_else(|| stage.strip_prefix("beta"))
        .unwrap_or(stage);
    !major.is_empty() && stage.chars().all(|c| c.is_ascii_digit())
}

#[cfg(test)]
mod tests {
    use super::*;

    type Parts<'a> = [Option<&'a str>; 4];

    #[test]
    fn resources_are_read_in_all_their_forms() {
        let cases: &[(&str, Parts<'_>)] = &[
            ("v1/pods", [Some(""), Some("v1"), Some("pods"), None]),
            ("pods.v1", [Some(""), Some("v1"), Some("pods"), None]),
            ("pods", [None, None, Some("pods"), None]),
            ("*", [None, None, None, None]),
            ("v1/*", [Some(""), Some("v1"), None, None]),
            ("*/*/leases", [None, None, Some("leases"), None]),
            ("kopf.dev/v1/*", [Some("kopf.dev"), Some("v1"), None, None]),
            (
                "apps/v1/deployments",
                [Some("apps"), Some("v1"), Some("deployments"), None],
            ),
            (
                "deployments.v1.apps",
                [Some("apps"), Some("v1"), Some("deployments"), None],
            ),
            (
                "deployments.apps",
                [Some("apps"), None, Some("deployments"), None],
            ),
            (
                "kopfexamples.kopf.dev",
                [Some("kopf.dev"), None, Some("kopfexamples"), None],
            ),
            (
                "kopfexamples.v1.kopf.dev",
                [Some("kopf.dev"), Some("v1"), Some("kopfexamples"), None],
            ),
            (
                "v1/pods/status",
                [Some(""), Some("v1"), Some("pods"), Some("status")],
            ),
            ("pods/log", [None, None, Some("pods"), Some("log")]),
            (
                "pods.v1/log",
                [Some(""), Some("v1"), Some("pods"), Some("log")],
            ),
            (
                "deployments/scale",
                [None, None, Some("deployments"), Some("scale")],
            ),
            (
                "deployments.apps/scale",
                [Some("apps"), None, Some("deployments"), Some("scale")],
            ),
            (
                "widgets.v1.acme.io/status",
                [Some("acme.io"), Some("v1"), Some("widgets"), Some("status")],
            ),
            (
                "widgets.acme.io/status",
                [Some("acme.io"), None, Some("widgets"), Some("status")],
            ),
            (
                "apps/v1/deployments/scale",
                [Some("apps"), Some("v1"), Some("deployments"), Some("scale")],
            ),
            (
                "v1/namespaces/finalize",
                [Some(""), Some("v1"), Some("namespaces"), Some("finalize")],
            ),
            ("v1/widgets", [Some(""), Some("v1"), Some("widgets"), None]),
            (
                "metrics.k8s.io/v1beta1/pods",
                [Some("metrics.k8s.io"), Some("v1beta1"), Some("pods"), None],
            ),
            (
                "extensions/v1beta1/ingresses",
                [Some("extensions"), Some("v1beta1"), Some("ingresses"), None],
            ),
        ];
        for (text, want) in cases {
            let found = resource(text).unwrap_or_else(|fault| panic!("{text}: {fault}"));
            let got = [
                found.group.as_deref(),
                found.version.as_deref(),
                found.plural.as_deref(),
                found.subresource.as_deref(),
            ];
            assert_eq!(got, *want, "{text}");
            assert_eq!(text.parse(), Ok(found), "{text}");
        }
    }

    #[test]
    fn what_is_wrong_is_told() {
        for (text, want) in [
            ("", "empty"),
            ("/pods", "URL path"),
            ("Pod", "no plural name"),
            ("v1/Pods", "no plural name"),
            ("v1", "many resources"),
            ("kopf.dev/v1", "many resources"),
            ("apps/deployments", "`apps` is no version"),
            ("kopf.dev/kopfexamples", "`kopf.dev` is no version"),
            ("apps/1/deployments", "no version"),
            ("a/b/c/d/e", "group, a version"),
            ("v1/pod", "did you mean `pods`"),
            ("v1/deployments", "not in the core group"),
            ("networking.k8s.io/v1/ingress", "did you mean `ingresses`"),
            ("pod", "no plural name"),
            ("app/v1/deployments", "did you mean `apps`"),
            ("deployments.app", "did you mean `apps`"),
            (
                "network.k8s.io/v1/ingresses",
                "did you mean `networking.k8s.io`",
            ),
            ("core/v1/pods", "no name"),
            ("v1/pods/logs", "did you mean `log`"),
            ("pods/logs", "did you mean `log`"),
            ("api/v1/pods", "not a URL"),
            ("v1/namespaces/default/pods", "not a URL"),
            ("pods.apps.v1", "no version"),
            ("apps.v1/Deployments", "no subresource"),
        ] {
            let fault = resource(text).err().map(|fault| fault.text);
            let fault = fault.unwrap_or_default();
            assert!(fault.contains(want), "{text}: {fault}");
        }
        let kind = resource("apps/v1/NetworkPolicy").expect_err("a kind");
        assert!(kind.help.ends_with("`networkpolicies`"), "{kind}");
        // What is well-formed may be of anybody's own.
        for text in ["v1/pod", "app/v1/deployments", "v1/deployments"] {
            assert!(text.parse::<Resource>().is_ok(), "{text}");
        }
    }
}
