//! The order of API versions: `v2`, `v1`, `v1beta1`, `v1alpha3`, then other names by letter.
//!
//! Rule: `k8s.io/apimachinery/pkg/version.CompareKubeAwareVersionStrings`, greatest first.

use std::cmp::Ordering;

#[derive(PartialEq, Eq, PartialOrd, Ord)]
enum Stage {
    Alpha,
    Beta,
    Stable,
}

fn parse(name: &str) -> Option<(Stage, u64, u64)> {
    let rest = name.strip_prefix('v')?;
    let end = rest
        .find(|c: char| !c.is_ascii_digit())
        .unwrap_or(rest.len());
    let (major, tail) = rest.split_at(end);
    if major.is_empty() || major.starts_with('0') {
        return None;
    }
    let major = major.parse().ok()?;
    let (stage, minor) = match tail {
        "" => return Some((Stage::Stable, major, 0)),
        tail => match (tail.strip_prefix("beta"), tail.strip_prefix("alpha")) {
            (Some(minor), _) => (Stage::Beta, minor),
            (_, Some(minor)) => (Stage::Alpha, minor),
            _ => return None,
        },
    };
    if minor.starts_with('0') || minor.bytes().any(|b| !b.is_ascii_digit()) {
        return None;
    }
    Some((stage, major, minor.parse().ok()?))
}

/// The preferred one first.
pub(crate) fn compare(a: &str, b: &str) -> Ordering {
    match (parse(a), parse(b)) {
        (Some(a), Some(b)) => b.cmp(&a),
        (Some(_), None) => Ordering::Less,
        (None, Some(_)) => Ordering::Greater,
        (None, None) => a.cmp(b),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn stable_before_beta_before_alpha_before_words() {
        let mut names = [
            "foo1",
            "v1",
            "v3beta1",
            "v2",
            "v10beta3",
            "v11alpha2",
            "foo10",
            "v3",
        ];
        names.sort_by(|a, b| compare(a, b));
        assert_eq!(
            names,
            [
                "v3",
                "v2",
                "v1",
                "v10beta3",
                "v3beta1",
                "v11alpha2",
                "foo1",
                "foo10"
            ]
        );
    }
}
