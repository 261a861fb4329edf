//! Label selectors: their requirements, and what they match.

use std::fmt;

use serde_json::{Map, Value};

use super::parse::Parser;
use crate::model::names::label_value_faults;
use crate::model::status::{FieldError, quoted};

/// A label selector: all its requirements hold.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct LabelSelector {
    requirements: Vec<Requirement>,
}

/// One requirement of a label selector.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Requirement {
    /// The label's key.
    pub key: String,
    /// What is asked of it.
    pub operator: Operator,
    /// The values, sorted and without repetition.
    pub values: Vec<String>,
}

/// The operators of label requirements.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Operator {
    /// `a in (x,y)`
    In,
    /// `a notin (x,y)`
    NotIn,
    /// `a=x`
    Equals,
    /// `a==x`
    DoubleEquals,
    /// `a!=x`
    NotEquals,
    /// `a>1`
    GreaterThan,
    /// `a<1`
    LessThan,
    /// `a`
    Exists,
    /// `!a`
    DoesNotExist,
}

impl Requirement {
    pub(super) fn new(
        key: String,
        operator: Operator,
        mut values: Vec<String>,
    ) -> Result<Self, String> {
        values.sort();
        values.dedup();
        let mut faults = Vec::new();
        if matches!(operator, Operator::GreaterThan | Operator::LessThan) {
            for (i, value) in values.iter().enumerate() {
                if parse_int(value).is_none() {
                    let why = "for 'Gt', 'Lt' operators, the value must be an integer";
                    faults.push(
                        FieldError::invalid_text(format!("values[{i}]"), value, why).to_string(),
                    );
                }
            }
        }
        for (i, value) in values.iter().enumerate() {
            let errors = label_value_faults(value);
            if !errors.is_empty() {
                let fault = FieldError::invalid_text(
                    format!("values[{i}][{key}]"),
                    value,
                    errors.join("; "),
                );
                faults.push(fault.to_string());
            }
        }
        match faults.len() {
            0 => Ok(Self {
                key,
                operator,
                values,
            }),
            1 => Err(faults.concat()),
            _ => Err(format!("[{}]", faults.join(", "))),
        }
    }

    fn matches<L: Labels + ?Sized>(&self, labels: Option<&L>) -> bool {
        let present = labels.and_then(|labels| labels.label(&self.key));
        let listed = |value: &str| self.values.iter().any(|v| v == value);
        match (self.operator, present) {
            (Operator::In | Operator::Equals | Operator::DoubleEquals, value) => {
                value.is_some_and(listed)
            }
            (Operator::NotIn | Operator::NotEquals, value) => !value.is_some_and(listed),
            (Operator::Exists, value) => value.is_some(),
            (Operator::DoesNotExist, value) => value.is_none(),
            (Operator::GreaterThan | Operator::LessThan, None) => false,
            (operator, Some(value)) => {
                let bound = self.values.first().and_then(|v| parse_int(v));
                match (parse_int(value), bound) {
                    (Some(value), Some(bound)) if operator == Operator::GreaterThan => {
                        value > bound
                    }
                    (Some(value), Some(bound)) => value < bound,
                    _ => false,
                }
            }
        }
    }
}

/// Integers as Go's `strconv.ParseInt(s, 10, 64)` reads them: a sign is fine, spaces are not.
fn parse_int(text: &str) -> Option<i64> {
    text.parse().ok()
}

/// Where labels are looked up.
pub trait Labels {
    /// A label's value; that of one that is no text is empty.
    fn label(&self, key: &str) -> Option<&str>;
}

impl Labels for Map<String, Value> {
    fn label(&self, key: &str) -> Option<&str> {
        self.get(key)
            .map(|value| value.as_str().unwrap_or_default())
    }
}

impl LabelSelector {
    /// Reads `a=b,c in (d,e),!f`; the error is the server's message.
    pub fn parse(text: &str) -> Result<Self, String> {
        let mut requirements = Parser::new(text).parse()?;
        requirements.sort_by(|a, b| a.key.cmp(&b.key));
        Ok(Self { requirements })
    }

    /// A selector from the `matchLabels`/`matchExpressions` form that objects carry; one that cannot be read is
    /// an error. An absent or `null` selector selects nothing, which is `None`.
    pub fn from_object(selector: &Value) -> Result<Option<Self>, String> {
        let Some(object) = selector.as_object() else {
            return Ok(None);
        };
        let mut requirements = Vec::new();
        for (key, value) in object
            .get("matchLabels")
            .and_then(Value::as_object)
            .into_iter()
            .flatten()
        {
            let value = value.as_str().unwrap_or_default().to_owned();
            requirements.push(Requirement::new(key.clone(), Operator::In, vec![value])?);
        }
        for item in object
            .get("matchExpressions")
            .and_then(Value::as_array)
            .into_iter()
            .flatten()
        {
            let name = item
                .get("operator")
                .and_then(Value::as_str)
                .unwrap_or_default();
            let operator = match name {
                "In" => Operator::In,
                "NotIn" => Operator::NotIn,
                "Exists" => Operator::Exists,
                "DoesNotExist" => Operator::DoesNotExist,
                other => {
                    return Err(format!(
                        "{} is not a valid label selector operator",
                        quoted(other)
                    ));
                }
            };
            let key = item
                .get("key")
                .and_then(Value::as_str)
                .unwrap_or_default()
                .to_owned();
            let values = item
                .get("values")
                .and_then(Value::as_array)
                .into_iter()
                .flatten();
            let values = values
                .filter_map(Value::as_str)
                .map(str::to_owned)
                .collect();
            requirements.push(Requirement::new(key, operator, values)?);
        }
        requirements.sort_by(|a, b| a.key.cmp(&b.key));
        Ok(Some(Self { requirements }))
    }

    /// Whether it selects everything.
    pub fn is_empty(&self) -> bool {
        self.requirements.is_empty()
    }

    /// The requirements, ordered by key.
    pub fn requirements(&self) -> &[Requirement] {
        &self.requirements
    }

    /// Whether these labels are selected.
    pub fn matches<L: Labels + ?Sized>(&self, labels: Option<&L>) -> bool {
        self.requirements
            .iter()
            .all(|requirement| requirement.matches(labels))
    }

    /// Whether an object is selected by its `metadata.labels`.
    pub fn matches_object(&self, object: &Value) -> bool {
        self.is_empty()
            || self.matches(
                object
                    .get("metadata")
                    .and_then(|m| m.get("labels"))
                    .and_then(Value::as_object),
            )
    }
}

impl fmt::Display for LabelSelector {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (i, requirement) in self.requirements.iter().enumerate() {
            if i > 0 {
                f.write_str(",")?;
            }
            let Requirement {
                key,
                operator,
                values,
            } = requirement;
            let values = values.join(",");
            match operator {
                Operator::In => write!(f, "{key} in ({values})")?,
                Operator::NotIn => write!(f, "{key} notin ({values})")?,
                Operator::Equals => write!(f, "{key}={values}")?,
                Operator::DoubleEquals => write!(f, "{key}=={values}")?,
                Operator::NotEquals => write!(f, "{key}!={values}")?,
                Operator::GreaterThan => write!(f, "{key}>{values}")?,
                Operator::LessThan => write!(f, "{key}<{values}")?,
                Operator::Exists => f.write_str(key)?,
                Operator::DoesNotExist => write!(f, "!{key}")?,
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn selects(selector: &str, labels: &Value) -> bool {
        LabelSelector::parse(selector)
            .expect(selector)
            .matches(labels.as_object())
    }

    #[test]
    fn requirements_of_every_kind() {
        let labels = json!({"app": "web", "tier": "2", "empty": ""});
        for selector in [
            "",
            "app=web",
            "app==web",
            "app!=db",
            "app in (web,db)",
            "app notin (db)",
            "app",
            "!none",
            "tier>1",
            "tier<3",
            "none!=x",
            "empty=",
            "empty in (,x)",
            "empty in ()",
            "none notin (x)",
            "app in (in,web),tier",
        ] {
            assert!(selects(selector, &labels), "{selector}");
        }
        for selector in [
            "app=db",
            "none=x",
            "none",
            "!app",
            "tier>2",
            "none>1",
            "app>1",
            "app in ()",
            "app=",
        ] {
            assert!(!selects(selector, &labels), "{selector}");
        }
    }

    #[test]
    fn malformed_label_selectors() {
        let error = |text: &str| LabelSelector::parse(text).expect_err(text);
        assert_eq!(error("a,,b"), "found ',', expected: identifier after ','");
        assert_eq!(
            error("x in (a"),
            "unable to parse requirement: found '', expected: ',' or ')'"
        );
        assert_eq!(
            error("x in a"),
            "unable to parse requirement: found 'a' expected: '('"
        );
        assert_eq!(
            error("a=b=c"),
            "found '=', expected: ',' or 'end of string'"
        );
        assert_eq!(
            error("=a"),
            "found '=', expected: !, identifier, or 'end of string'"
        );
        assert_eq!(
            error("!"),
            "unable to parse requirement: found '', expected: identifier"
        );
        assert_eq!(error("!a=b"), "found '=', expected: ',' or 'end of string'");
        assert!(error("x>a-").starts_with(
            "unable to parse requirement: [values[0]: Invalid value: \"a-\": for 'Gt'"
        ));
        assert!(error("a=-1").starts_with(
            "unable to parse requirement: values[0][a]: Invalid value: \"-1\": a valid"
        ));
    }

    #[test]
    fn selectors_print_in_the_order_of_keys() {
        let text = LabelSelector::parse("z notin (b,a),a,!c,b==1").map(|s| s.to_string());
        assert_eq!(text.as_deref(), Ok("a,b==1,!c,z notin (a,b)"));
    }

    #[test]
    fn selectors_of_objects() {
        let selector = json!({"matchLabels": {"a": "b"}, "matchExpressions": [{"key": "c", "operator": "Exists"}]});
        let selector = LabelSelector::from_object(&selector)
            .expect("a selector")
            .expect("one");
        assert!(selector.matches(json!({"a": "b", "c": "d"}).as_object()));
        assert!(!selector.matches(json!({"a": "b"}).as_object()));
        assert_eq!(LabelSelector::from_object(&Value::Null), Ok(None));
    }
}
