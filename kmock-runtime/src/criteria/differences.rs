//! Where a JSON value differs from a pattern: all of the places, each with its pointer.

use serde_json::Value;

use crate::criteria::{
    explain::{Difference, cut, similar},
    pattern::{Pattern, Shape, escape, same},
};

impl Pattern {
    /// Collects the places where a value does not fit, at most `most`.
    pub(crate) fn differences(
        &self,
        value: Option<&Value>,
        pointer: &str,
        out: &mut Vec<Difference>,
        most: usize,
    ) {
        if out.len() >= most || self.matches(value) {
            return;
        }
        match (&*self.0, value) {
            (Shape::Object { members, exact }, Some(Value::Object(map))) => {
                let wanted = |key: &str| members.iter().any(|(name, _)| name == key);
                let strays = || map.keys().map(String::as_str).filter(|key| !wanted(key));
                for (key, pattern) in members {
                    let at = out.len();
                    let place = format!("{pointer}/{}", escape(key));
                    let got = map.get(key);
                    pattern.differences(got, &place, out, most);
                    if got.is_none()
                        && let Some(missing) = out.get_mut(at)
                    {
                        missing.hint =
                            similar(key, strays()).map(|stray| format!("there is {stray:?}"));
                    }
                }
                if *exact {
                    let extra = map.iter().filter(|(key, _)| !wanted(key));
                    for (key, got) in extra.take(most.saturating_sub(out.len())) {
                        out.push(unwanted(pointer, key, got));
                    }
                }
            }
            (Shape::Array { before, rest }, Some(Value::Array(items))) => {
                let after = rest.as_deref().unwrap_or_default();
                let wanted = before.len() + after.len();
                if items.len() < wanted || (rest.is_none() && items.len() > wanted) {
                    let least = if rest.is_some() { "at least " } else { "" };
                    let mut length = difference(pointer, format!("{least}{wanted} items"), value);
                    length.got = format!("{}: {}", items.len(), length.got);
                    out.push(length);
                    return;
                }
                let tail = items.len() - after.len();
                for (pattern, index) in before.iter().zip(0..).chain(after.iter().zip(tail..)) {
                    pattern.differences(items.get(index), &format!("{pointer}/{index}"), out, most);
                }
            }
            (Shape::Value(want), Some(got)) => value_differences(want, got, pointer, out, most),
            // The branch that looks most like it.
            (Shape::OneOf(patterns), Some(Value::Object(_) | Value::Array(_))) => {
                let nearest = patterns
                    .iter()
                    .map(|one| {
                        let mut found = Vec::new();
                        one.differences(value, pointer, &mut found, most);
                        found
                    })
                    .min_by_key(Vec::len)
                    .unwrap_or_default();
                out.extend(nearest);
                out.truncate(most);
            }
            _ => out.push(difference(pointer, self.to_string(), value)),
        }
    }
}

fn value_differences(
    want: &Value,
    got: &Value,
    pointer: &str,
    out: &mut Vec<Difference>,
    most: usize,
) {
    if out.len() >= most || same(want, got) {
        return;
    }
    match (want, got) {
        (Value::Object(wanted), Value::Object(members)) => {
            let strays = || {
                members
                    .keys()
                    .map(String::as_str)
                    .filter(|key| !wanted.contains_key(*key))
            };
            for (key, want) in wanted {
                let place = format!("{pointer}/{}", escape(key));
                match members.get(key) {
                    Some(got) => value_differences(want, got, &place, out, most),
                    None if out.len() < most => {
                        let mut missing = difference(&place, want.to_string(), None);
                        missing.hint =
                            similar(key, strays()).map(|stray| format!("there is {stray:?}"));
                        out.push(missing);
                    }
                    None => {}
                }
            }
            for key in strays() {
                if out.len() < most
                    && let Some(got) = members.get(key)
                {
                    out.push(unwanted(pointer, key, got));
                }
            }
        }
        (Value::Array(wanted), Value::Array(items)) if wanted.len() == items.len() => {
            for (index, (want, got)) in wanted.iter().zip(items).enumerate() {
                value_differences(want, got, &format!("{pointer}/{index}"), out, most);
            }
        }
        _ => out.push(difference(pointer, want.to_string(), Some(got))),
    }
}

fn unwanted(pointer: &str, key: &str, got: &Value) -> Difference {
    difference(
        &format!("{pointer}/{}", escape(key)),
        "nothing".to_owned(),
        Some(got),
    )
}

fn difference(pointer: &str, want: String, got: Option<&Value>) -> Difference {
    Difference {
        pointer: pointer.to_owned(),
        want: cut(&want, 120),
        got: got.map_or_else(|| "nothing".to_owned(), |got| cut(&got.to_string(), 120)),
        hint: None,
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn lines(pattern: &Pattern, value: &Value) -> Vec<String> {
        let mut out = Vec::new();
        pattern.differences(Some(value), "", &mut out, 5);
        out.iter()
            .map(|d| {
                let hint = d.hint.as_deref().unwrap_or_default();
                format!("{}: {} / {} {hint}", d.pointer, d.want, d.got)
            })
            .collect()
    }

    #[test]
    fn all_places_are_told_with_the_key_that_was_meant() {
        let pattern = Pattern::object([
            ("name", Pattern::from("j*")),
            ("tags", Pattern::array_rest([Pattern::from("a")], [])),
            ("age", Pattern::range(18..=65)),
        ]);
        let body = json!({"nmae": "john", "tags": ["x", "b"], "age": 7});
        assert_eq!(
            lines(&pattern, &body),
            [
                "/name: \"j*\" / nothing there is \"nmae\"",
                "/tags/0: \"a\" / \"x\" ",
                "/age: 18..=65 / 7 ",
            ]
        );
    }

    #[test]
    fn exact_values_differ_at_their_leaves() {
        let pattern = Pattern::value(json!({"a": {"b/c": [1, 2]}, "d": 1}));
        let body = json!({"a": {"b/c": [1, 3]}, "e": true});
        assert_eq!(
            lines(&pattern, &body),
            [
                "/a/b~1c/1: 2 / 3 ",
                "/d: 1 / nothing ",
                "/e: nothing / true "
            ]
        );
        assert_eq!(
            lines(&Pattern::array([]), &json!([1])),
            [": 0 items / 1: [1] "]
        );
    }
}
