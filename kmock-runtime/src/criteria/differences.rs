//! Where a JSON value differs from a pattern: all of the places, each with its pointer.

use serde_json::Value;

use crate::{
    brief::cut,
    criteria::{
        Difference,
        arrays::{partners, places},
        explain::similar,
        number,
        pattern::{Pattern, Shape, escape, same},
    },
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
            (Shape::Object { members, exact }, Some(got @ Value::Object(map)))
                if !number::is_long(got) =>
            {
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
            (Shape::Array(runs), Some(Value::Array(items))) => {
                array_differences(runs, items, value, pointer, out, most);
            }
            (Shape::AnyOrder { items, more }, Some(Value::Array(got))) => {
                let fits = |one: &Pattern, at: usize| one.matches(got.get(at));
                let found = partners(items, got.len(), fits);
                for (pattern, place) in items.iter().zip(&found) {
                    if place.is_none() && out.len() < most {
                        let want = format!("an item {pattern}");
                        out.push(difference(pointer, want, value));
                    }
                }
                let strays = (0..got.len()).filter(|at| !found.contains(&Some(*at)));
                if !more && found.iter().all(Option::is_some) {
                    for at in strays.take(most.saturating_sub(out.len())) {
                        out.push(unwanted(pointer, &at.to_string(), &got[at]));
                    }
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

fn array_differences(
    runs: &[Vec<Pattern>],
    items: &[Value],
    value: Option<&Value>,
    pointer: &str,
    out: &mut Vec<Difference>,
    most: usize,
) {
    let least = runs.iter().map(Vec::len).sum();
    let single = runs.len() == 1;
    if items.len() < least || single && items.len() > least {
        let at_least = if single { "" } else { "at least " };
        let mut length = difference(pointer, format!("{at_least}{least} items"), value);
        length.got = format!("{}: {}", items.len(), length.got);
        out.push(length);
        return;
    }
    let before = out.len();
    let tail = items.len() - runs.last().map_or(0, Vec::len);
    let first = runs.first().into_iter().flatten().zip(0..);
    let last = runs.last().filter(|_| !single).into_iter().flatten();
    for (pattern, index) in first.chain(last.zip(tail..)) {
        pattern.differences(items.get(index), &format!("{pointer}/{index}"), out, most);
    }
    if out.len() > before {
        return;
    }
    // The first run that is nowhere after those before it.
    let fits = |one: &Pattern, at: usize| one.matches(items.get(at));
    let open = (2..runs.len()).find(|count| {
        let mut some: Vec<Vec<Pattern>> = runs[..*count].to_vec();
        some.push(Vec::new());
        places(&some, items.len(), fits).is_none()
    });
    let run = runs.get(open.unwrap_or(runs.len()).saturating_sub(1));
    let run: Vec<String> = run.into_iter().flatten().map(Pattern::to_string).collect();
    out.push(difference(
        pointer,
        format!("{} somewhere", run.join(", ")),
        value,
    ));
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
        (Value::Object(wanted), Value::Object(members))
            if !number::is_long(want) && !number::is_long(got) =>
        {
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
                        let mut missing = difference(&place, number::shown(want), None);
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
        _ => out.push(difference(pointer, number::shown(want), Some(got))),
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
        got: got.map_or_else(|| "nothing".to_owned(), |got| cut(&number::shown(got), 120)),
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
    fn arrays_say_which_of_their_patterns_found_no_item() {
        let texts = |texts: &[&str]| texts.iter().copied().map(Pattern::from).collect::<Vec<_>>();
        let runs = |all: &[&[&str]]| Pattern::array_runs(all.iter().map(|run| texts(run)));
        let got = json!(["a", "b", "c"]);
        assert_eq!(
            lines(&runs(&[&["a"], &["c", "b"], &[]]), &got),
            [r#": "c", "b" somewhere / ["a","b","c"] "#]
        );
        assert_eq!(
            lines(&runs(&[&[], &["b"], &["x"]]), &got),
            [r#"/2: "x" / "c" "#]
        );
        assert_eq!(
            lines(&Pattern::any_order_rest(texts(&["c", "x"])), &got),
            [r#": an item "x" / ["a","b","c"] "#]
        );
        assert_eq!(
            lines(&Pattern::any_order(texts(&["c", "a"])), &got),
            [r#"/1: nothing / "b" "#]
        );
        assert_eq!(
            lines(&!Pattern::present(), &got),
            [r#": !_ / ["a","b","c"] "#]
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
