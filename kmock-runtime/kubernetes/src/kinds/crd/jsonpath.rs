//! JSONPath of printer columns and selectable fields: the dialect of `client-go/util/jsonpath`.
//!
//! Fields (`.a.b`, `.a\.b`, `['a']`), items (`[0]`, `[-1]`, `[1:3]`, `[*]`), all values (`.*`), all below (`..a`),
//! choices (`['a','b']`) and filters (`[?(@.type=="Ready")]`).

use std::cmp::Ordering;

use serde_json::Value;

use super::numbers::Num;

#[derive(Clone, Debug, PartialEq)]
enum Step {
    Field(String),
    Fields(Vec<String>),
    Slice(Option<i64>, Option<i64>, Option<i64>),
    All,
    Below,
    Filter(Operand, Option<(Operator, Operand)>),
}

#[derive(Clone, Copy, Debug, PartialEq)]
enum Operator {
    Equal,
    NotEqual,
    Less,
    LessOrEqual,
    Greater,
    GreaterOrEqual,
}

#[derive(Clone, Debug, PartialEq)]
enum Operand {
    Path(Vec<Step>),
    Literal(Value),
}

/// A parsed path.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct JsonPath(Vec<Step>);

impl JsonPath {
    /// Parses a path such as `.spec.x[0]`; `None` if it is none.
    pub(crate) fn parse(text: &str) -> Option<JsonPath> {
        let mut parser = Parser { rest: text };
        let steps = parser.steps()?;
        parser.rest.is_empty().then_some(JsonPath(steps))
    }

    /// The values it finds; a missing key finds nothing.
    pub(crate) fn find<'a>(&self, value: &'a Value) -> Vec<&'a Value> {
        walk(&self.0, vec![value])
    }

    /// The first value it finds.
    pub(crate) fn first<'a>(&self, value: &'a Value) -> Option<&'a Value> {
        self.find(value).into_iter().next()
    }
}

struct Parser<'a> {
    rest: &'a str,
}

impl Parser<'_> {
    fn eat(&mut self, text: &str) -> bool {
        match self.rest.strip_prefix(text) {
            Some(rest) => {
                self.rest = rest;
                true
            }
            None => false,
        }
    }

    fn space(&mut self) {
        self.rest = self.rest.trim_start();
    }

    fn steps(&mut self) -> Option<Vec<Step>> {
        let mut steps = Vec::new();
        self.eat("$");
        loop {
            if self.eat("..") {
                steps.push(Step::Below);
                if !self.rest.starts_with('[') {
                    steps.push(self.name()?);
                }
            } else if self.eat(".") {
                // `.` alone is the object, `.[0]` an item of it.
                if !self.rest.is_empty()
                    && !self.rest.starts_with(['[', ' ', ')', '=', '!', '<', '>'])
                {
                    steps.push(self.name()?);
                }
            } else if self.eat("[") {
                steps.push(self.bracket()?);
            } else {
                return Some(steps);
            }
        }
    }

    fn name(&mut self) -> Option<Step> {
        let mut out = String::new();
        let mut chars = self.rest.char_indices();
        let mut end = self.rest.len();
        while let Some((at, c)) = chars.next() {
            match c {
                '\\' => out.push(chars.next()?.1),
                '.' | '[' | ' ' | ']' | ')' | '=' | '!' | '<' | '>' | '{' | '}' => {
                    end = at;
                    break;
                }
                c => out.push(c),
            }
        }
        self.rest = self.rest.get(end..)?;
        match out.as_str() {
            "" => None,
            "*" => Some(Step::All),
            _ => Some(Step::Field(out)),
        }
    }

    fn bracket(&mut self) -> Option<Step> {
        if self.eat("?(") {
            let left = self.operand()?;
            self.space();
            if self.eat(")") {
                return self.eat("]").then_some(Step::Filter(left, None));
            }
            let operator = [
                ("==", Operator::Equal),
                ("!=", Operator::NotEqual),
                ("<=", Operator::LessOrEqual),
                (">=", Operator::GreaterOrEqual),
                ("<", Operator::Less),
                (">", Operator::Greater),
            ]
            .into_iter()
            .find_map(|(text, operator)| self.eat(text).then_some(operator))?;
            let right = self.operand()?;
            self.space();
            return (self.eat(")") && self.eat("]"))
                .then_some(Step::Filter(left, Some((operator, right))));
        }
        self.space();
        if self.rest.starts_with(['\'', '"']) {
            let mut names = vec![self.quoted()?];
            self.space();
            while self.eat(",") {
                self.space();
                names.push(self.quoted()?);
                self.space();
            }
            let one = (names.len() == 1).then(|| names.pop()).flatten();
            return self
                .eat("]")
                .then(|| one.map_or(Step::Fields(names), Step::Field));
        }
        let (inner, rest) = self.rest.split_once(']')?;
        self.rest = rest;
        let inner = inner.trim();
        if inner == "*" {
            return Some(Step::All);
        }
        let number = |text: &str| -> Option<Option<i64>> {
            if text.is_empty() {
                Some(None)
            } else {
                text.trim().parse().ok().map(Some)
            }
        };
        let parts: Vec<&str> = inner.split(':').collect();
        match parts.as_slice() {
            [one] => match one.parse::<i64>() {
                // A single negative index counts from the end.
                Ok(index) => Some(Step::Slice(
                    Some(index),
                    (index != -1).then_some(index + 1),
                    None,
                )),
                Err(_) => Some(Step::Field((*one).to_owned())),
            },
            [from, to] => Some(Step::Slice(number(from)?, number(to)?, None)),
            [from, to, by] => Some(Step::Slice(number(from)?, number(to)?, number(by)?)),
            _ => None,
        }
    }

    fn quoted(&mut self) -> Option<String> {
        let quote = self.rest.chars().next()?;
        let mut out = String::new();
        let mut chars = self.rest.char_indices().skip(1);
        while let Some((at, c)) = chars.next() {
            if c == '\\' {
                out.push(chars.next()?.1);
            } else if c == quote {
                self.rest = self.rest.get(at + 1..)?;
                return Some(out);
            } else {
                out.push(c);
            }
        }
        None
    }

    fn operand(&mut self) -> Option<Operand> {
        self.space();
        if self.eat("@") {
            return self.steps().map(Operand::Path);
        }
        if self.rest.starts_with(['\'', '"']) {
            return self.quoted().map(|text| Operand::Literal(text.into()));
        }
        let end = self
            .rest
            .find([')', ' ', '=', '!', '<', '>'])
            .unwrap_or(self.rest.len());
        let (text, rest) = self.rest.split_at(end);
        self.rest = rest;
        serde_json::from_str(text).ok().map(Operand::Literal)
    }
}

fn walk<'a>(steps: &[Step], mut found: Vec<&'a Value>) -> Vec<&'a Value> {
    for step in steps {
        found = found
            .into_iter()
            .flat_map(|value| take(step, value))
            .collect();
    }
    found
}

fn take<'a>(step: &Step, value: &'a Value) -> Vec<&'a Value> {
    match step {
        Step::Field(name) => value
            .as_object()
            .and_then(|map| map.get(name))
            .into_iter()
            .collect(),
        Step::Fields(names) => names
            .iter()
            .filter_map(|name| value.as_object()?.get(name))
            .collect(),
        Step::All => values(value),
        Step::Below => {
            let mut all = vec![value];
            for inner in values(value) {
                all.extend(take(step, inner));
            }
            all
        }
        Step::Slice(from, to, by) => slice(value, *from, *to, *by),
        Step::Filter(left, right) => value
            .as_array()
            .into_iter()
            .flatten()
            .filter(|item| holds(item, left, right.as_ref()))
            .collect(),
    }
}

fn values(value: &Value) -> Vec<&Value> {
    match value {
        Value::Array(items) => items.iter().collect(),
        Value::Object(map) => map.values().collect(),
        _ => Vec::new(),
    }
}

fn slice(value: &Value, from: Option<i64>, to: Option<i64>, by: Option<i64>) -> Vec<&Value> {
    let Some(items) = value.as_array() else {
        return Vec::new();
    };
    let length = items.len() as i64;
    let place = |index: i64| if index < 0 { index + length } else { index };
    let (from, to) = (place(from.unwrap_or_default()), place(to.unwrap_or(length)));
    let by = by.unwrap_or(1);
    // An end beyond the array is a failure, not its end.
    if from < 0 || from >= to || to > length || by < 1 {
        return Vec::new();
    }
    (from..to)
        .step_by(by as usize)
        .filter_map(|index| items.get(index as usize))
        .collect()
}

fn holds(item: &Value, left: &Operand, right: Option<&(Operator, Operand)>) -> bool {
    let resolve = |operand: &Operand| match operand {
        Operand::Literal(value) => Some(value.clone()),
        Operand::Path(steps) => walk(steps, vec![item])
            .first()
            .map(|value| (*value).clone()),
    };
    let Some((operator, right)) = right else {
        return resolve(left).is_some();
    };
    let (Some(left), Some(right)) = (resolve(left), resolve(right)) else {
        return false;
    };
    let order = match (&left, &right) {
        (Value::Number(left), Value::Number(right)) => {
            Num::of(left).double().partial_cmp(&Num::of(right).double())
        }
        (Value::String(left), Value::String(right)) => Some(left.cmp(right)),
        (left, right) => (left == right).then_some(Ordering::Equal),
    };
    match operator {
        Operator::Equal => order == Some(Ordering::Equal),
        Operator::NotEqual => order != Some(Ordering::Equal),
        Operator::Less => order == Some(Ordering::Less),
        Operator::LessOrEqual => order.is_some_and(Ordering::is_le),
        Operator::Greater => order == Some(Ordering::Greater),
        Operator::GreaterOrEqual => order.is_some_and(Ordering::is_ge),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn paths_find_values() {
        let value = json!({"spec": {"tags": ["x", "y", "z"], "a.b": 1}, "status": {"conditions": [
            {"type": "Ready", "status": "True"}, {"type": "Synced", "status": "False"}]}});
        let find = |path: &str| -> Vec<Value> {
            JsonPath::parse(path)
                .expect(path)
                .find(&value)
                .into_iter()
                .cloned()
                .collect()
        };
        assert_eq!(find(".spec.tags[0]"), [json!("x")]);
        assert_eq!(find(".spec.tags[-1]"), [json!("z")]);
        assert_eq!(find(".spec.tags[*]"), [json!("x"), json!("y"), json!("z")]);
        assert_eq!(find(".spec.tags[1:]"), [json!("y"), json!("z")]);
        assert_eq!(find(r".spec.a\.b"), [json!(1)]);
        assert_eq!(find(".spec['a.b']"), [json!(1)]);
        assert_eq!(
            find(r#".status.conditions[?(@.type=="Ready")].status"#),
            [json!("True")]
        );
        assert_eq!(
            find(".status.conditions[?(@.type=='Synced')].status"),
            [json!("False")]
        );
        assert_eq!(
            find("..status"),
            [value["status"].clone(), json!("True"), json!("False")]
        );
        assert!(find(".spec.none.deep").is_empty());
        assert!(JsonPath::parse("spec").is_none());
        assert!(JsonPath::parse(".a[").is_none());
    }
}
