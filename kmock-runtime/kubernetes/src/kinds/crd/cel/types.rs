//! Types of CEL expressions, and what a schema is to them.
//!
//! Rules: `apiserver/pkg/cel/common/schemas.go` (which type a schema has, how large its values may get) and
//! `apiserver/pkg/cel/escaping.go` (how names that are no identifiers are written).

use std::collections::BTreeMap;
use std::fmt;
use std::sync::Arc;

use serde_json::Value;

use crate::kinds::crd::props::Props;

/// The largest request that the server takes.
const REQUEST: u64 = 3 * 1024 * 1024;

/// The type of an expression.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Ty {
    /// Anything; checked when it runs.
    Dyn,
    /// The type of the items of an empty list: whatever is needed.
    Free,
    /// Of an expression with a fault: fits everywhere.
    Err,
    Null,
    Bool,
    Int,
    Uint,
    Double,
    Str,
    Bytes,
    Time,
    Dur,
    Type,
    List(Arc<Ty>),
    Map(Arc<Ty>, Arc<Ty>),
    Object(Arc<Decl>),
    Optional(Arc<Ty>),
    Opaque(&'static str),
}

impl fmt::Display for Ty {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Ty::Dyn | Ty::Free => f.write_str("dyn"),
            Ty::Err => f.write_str("!error!"),
            Ty::Null => f.write_str("null"),
            Ty::Bool => f.write_str("bool"),
            Ty::Int => f.write_str("int"),
            Ty::Uint => f.write_str("uint"),
            Ty::Double => f.write_str("double"),
            Ty::Str => f.write_str("string"),
            Ty::Bytes => f.write_str("bytes"),
            Ty::Time => f.write_str("timestamp"),
            Ty::Dur => f.write_str("duration"),
            Ty::Type => f.write_str("type(dyn)"),
            Ty::List(item) => write!(f, "list({item})"),
            Ty::Map(key, value) => write!(f, "map({key}, {value})"),
            Ty::Object(_) => f.write_str("object"),
            Ty::Optional(inner) => write!(f, "optional_type({inner})"),
            Ty::Opaque(name) => f.write_str(name),
        }
    }
}

impl Ty {
    pub(crate) fn list(item: Ty) -> Ty {
        Ty::List(Arc::new(item))
    }

    pub(crate) fn map(key: Ty, value: Ty) -> Ty {
        Ty::Map(Arc::new(key), Arc::new(value))
    }

    pub(crate) fn optional(inner: Ty) -> Ty {
        Ty::Optional(Arc::new(inner))
    }

    pub(crate) fn is_dyn(&self) -> bool {
        matches!(self, Ty::Dyn | Ty::Free | Ty::Err)
    }

    /// The name without parameters.
    pub(crate) fn name(&self) -> &str {
        match self {
            Ty::Dyn | Ty::Free => "dyn",
            Ty::Err => "!error!",
            Ty::Null => "null_type",
            Ty::Bool => "bool",
            Ty::Int => "int",
            Ty::Uint => "uint",
            Ty::Double => "double",
            Ty::Str => "string",
            Ty::Bytes => "bytes",
            Ty::Time => "google.protobuf.Timestamp",
            Ty::Dur => "google.protobuf.Duration",
            Ty::Type => "type",
            Ty::List(_) => "list",
            Ty::Map(..) => "map",
            Ty::Object(_) => "object",
            Ty::Optional(_) => "optional_type",
            Ty::Opaque(name) => name,
        }
    }

    /// Whether two types are the same, as far as they are known.
    pub(crate) fn is_like(&self, other: &Ty) -> bool {
        match (self, other) {
            (Ty::Free, _) | (_, Ty::Free) => true,
            (Ty::List(a), Ty::List(b)) | (Ty::Optional(a), Ty::Optional(b)) => a.is_like(b),
            (Ty::Map(ak, av), Ty::Map(bk, bv)) => ak.is_like(bk) && av.is_like(bv),
            (a, b) => a == b,
        }
    }

    /// Whether a value of either type may stand for the other.
    pub(crate) fn fits(&self, other: &Ty) -> bool {
        match (self, other) {
            (a, b) if a.is_dyn() || b.is_dyn() => true,
            (Ty::List(a), Ty::List(b)) | (Ty::Optional(a), Ty::Optional(b)) => a.fits(b),
            (Ty::Map(ak, av), Ty::Map(bk, bv)) => ak.fits(bk) && av.fits(bv),
            (Ty::Object(a), Ty::Object(b)) => Arc::ptr_eq(a, b) || a == b,
            (Ty::Null, Ty::Object(_) | Ty::Optional(_) | Ty::Opaque(_) | Ty::Time | Ty::Dur)
            | (Ty::Object(_) | Ty::Optional(_) | Ty::Opaque(_) | Ty::Time | Ty::Dur, Ty::Null) => {
                true
            }
            (a, b) => a == b,
        }
    }

    /// The more telling one of two types that fit.
    pub(crate) fn join(&self, other: &Ty) -> Ty {
        match (self, other) {
            (Ty::Free, b) => b.clone(),
            (a, Ty::Free) => a.clone(),
            (Ty::List(a), Ty::List(b)) => Ty::list(a.join(b)),
            (Ty::Map(ak, av), Ty::Map(bk, bv)) => Ty::map(ak.join(bk), av.join(bv)),
            (Ty::Optional(a), Ty::Optional(b)) => Ty::optional(a.join(b)),
            (Ty::Null, b) => b.clone(),
            (a, b) if a.fits(b) => a.clone(),
            _ => Ty::Dyn,
        }
    }

    /// Whether its values have the size one.
    pub(crate) fn is_scalar(&self) -> bool {
        match self {
            Ty::Bool | Ty::Double | Ty::Dur | Ty::Int | Ty::Time | Ty::Uint => true,
            Ty::Optional(inner) => inner.is_scalar(),
            _ => false,
        }
    }
}

/// What a schema declares: a type, and how large its values may get.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Decl {
    pub(crate) shape: DeclShape,
    /// The largest number of characters, items or keys.
    pub(crate) max_elements: u64,
    /// The smallest size in JSON.
    pub(crate) min_size: u64,
}

/// The kinds of declarations.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum DeclShape {
    Simple(Ty),
    List(Arc<Decl>),
    Map(Arc<Decl>),
    /// By escaped name.
    Object(BTreeMap<String, Arc<Decl>>),
}

impl Decl {
    /// The declaration of a schema; `None` if expressions do not see it. `root`: it is of a whole object.
    pub(crate) fn of(props: &Props, root: bool) -> Option<Arc<Decl>> {
        let decl = |shape, max_elements, min_size| {
            Some(Arc::new(Decl {
                shape,
                max_elements,
                min_size,
            }))
        };
        let simple =
            |ty, max_elements, min_size| decl(DeclShape::Simple(ty), max_elements, min_size);
        let limit =
            |limit: Option<i64>| limit.map(|limit| u64::try_from(limit).unwrap_or_default());
        if props.int_or_string {
            let max =
                limit(props.max_length).map_or(REQUEST - 2, |length| length.saturating_mul(4));
            return simple(Ty::Dyn, max, 1);
        }
        let inner = |props: &Props| Decl::of(props, props.embedded_resource);
        match props.kind.as_str() {
            "array" => {
                let item = inner(props.item()?)?;
                let max = limit(props.max_items).unwrap_or((REQUEST - 2) / (item.min_size + 1));
                decl(DeclShape::List(item), max, 2)
            }
            "object" => {
                if let Some(additional) = props.additional().filter(|_| !root) {
                    let value = inner(additional)?;
                    let max =
                        limit(props.max_properties).unwrap_or((REQUEST - 2) / (value.min_size + 6));
                    return decl(DeclShape::Map(value), max, 2);
                }
                let mut fields = BTreeMap::new();
                let mut size = 2;
                for (name, property) in &props.properties {
                    if root && name == "metadata" {
                        continue;
                    }
                    let Some(field) = inner(property) else {
                        continue;
                    };
                    if props.required.contains(name) && property.default.is_none() {
                        size += name.len() as u64 + field.min_size + 4;
                    }
                    if let Some(name) = escape(name) {
                        fields.insert(name, field);
                    }
                }
                if root {
                    let text = Arc::new(Decl {
                        shape: DeclShape::Simple(Ty::Str),
                        max_elements: REQUEST - 2,
                        min_size: 2,
                    });
                    let names = [("name", &text), ("generateName", &text)];
                    let names = names
                        .into_iter()
                        .map(|(name, decl)| (name.to_owned(), Arc::clone(decl)))
                        .collect();
                    let metadata = Decl {
                        shape: DeclShape::Object(names),
                        max_elements: 0,
                        min_size: 2,
                    };
                    fields
                        .entry("kind".into())
                        .or_insert_with(|| Arc::clone(&text));
                    fields
                        .entry("apiVersion".into())
                        .or_insert_with(|| Arc::clone(&text));
                    fields.insert("metadata".into(), Arc::new(metadata));
                }
                decl(DeclShape::Object(fields), 0, size)
            }
            "string" => match props.format.as_str() {
                "byte" => simple(Ty::Bytes, limit(props.max_length).unwrap_or(REQUEST - 2), 2),
                "duration" => simple(Ty::Dur, 32, 3),
                "date" => simple(Ty::Time, 12, 12),
                "date-time" => simple(Ty::Time, 32, 21),
                _ => {
                    let longest = || {
                        let values = props.values.iter().filter_map(Value::as_str).map(str::len);
                        values.max().map(|length| length as u64)
                    };
                    let max = match limit(props.max_length) {
                        Some(length) => length.saturating_mul(4),
                        None if !props.values.is_empty() => longest().unwrap_or_default(),
                        None => REQUEST - 2,
                    };
                    simple(Ty::Str, max, 2)
                }
            },
            "boolean" => simple(Ty::Bool, 0, 4),
            "number" => simple(Ty::Double, 0, 1),
            "integer" => simple(Ty::Int, 0, 1),
            _ => None,
        }
    }

    /// The type of its values.
    pub(crate) fn ty(self: &Arc<Decl>) -> Ty {
        match &self.shape {
            DeclShape::Simple(ty) => ty.clone(),
            DeclShape::List(item) => Ty::list(item.ty()),
            DeclShape::Map(value) => Ty::map(Ty::Str, value.ty()),
            DeclShape::Object(_) => Ty::Object(Arc::clone(self)),
        }
    }

    /// A field of an object.
    pub(crate) fn field(&self, name: &str) -> Option<&Arc<Decl>> {
        match &self.shape {
            DeclShape::Object(fields) => fields.get(name).or_else(|| {
                // After a dot the words of the language are names like others.
                let word = RESERVED.contains(&name) && !SYNTAX.contains(&name);
                fields.get(&format!("__{name}__")).filter(|_| word)
            }),
            _ => None,
        }
    }

    /// How often values of this could stand in one request.
    pub(crate) fn cardinality(&self) -> u64 {
        REQUEST / (self.min_size + 1)
    }

    /// The largest size of what a path from here leads to; `None` if it leads nowhere.
    pub(crate) fn size_at(&self, path: &[String]) -> Option<u64> {
        let mut at = self;
        let mut path = path.iter();
        while let Some(step) = path.next() {
            at = match (&at.shape, step.as_str()) {
                (DeclShape::List(item), "@items" | "@values") => item,
                (DeclShape::Map(value), "@items" | "@values") => value,
                // Keys are texts without a limit of their own.
                (DeclShape::Map(_), "@keys") => return path.next().is_none().then_some(0),
                (DeclShape::Object(_), name) => at.field(name)?,
                _ => return None,
            };
        }
        Some(at.max_elements)
    }
}

const RESERVED: [&str; 21] = [
    "true",
    "false",
    "null",
    "in",
    "as",
    "break",
    "const",
    "continue",
    "else",
    "for",
    "function",
    "if",
    "import",
    "let",
    "loop",
    "package",
    "namespace",
    "return",
    "var",
    "void",
    "while",
];

/// Words that the grammar itself takes.
const SYNTAX: [&str; 4] = ["true", "false", "null", "in"];

/// How expressions write a field's name; `None` if they cannot.
pub(crate) fn escape(name: &str) -> Option<String> {
    if name.is_empty() || name.starts_with(|c: char| c.is_ascii_digit()) {
        return None;
    }
    if RESERVED.contains(&name) {
        return Some(format!("__{name}__"));
    }
    let mut out = String::with_capacity(name.len());
    let mut rest = name;
    while let Some(c) = rest.chars().next() {
        if let Some(after) = rest.strip_prefix("__") {
            out.push_str("__underscores__");
            rest = after;
            continue;
        }
        match c {
            '.' => out.push_str("__dot__"),
            '-' => out.push_str("__dash__"),
            '/' => out.push_str("__slash__"),
            c if c.is_ascii_alphanumeric() || c == '_' => out.push(c),
            _ => return None,
        }
        rest = rest.get(c.len_utf8()..).unwrap_or_default();
    }
    Some(out)
}

/// The field that an expression's name stands for.
pub(crate) fn unescape(name: &str) -> String {
    if !name.contains("__") {
        return name.to_owned();
    }
    let inner = name
        .strip_prefix("__")
        .and_then(|rest| rest.strip_suffix("__"));
    if let Some(inner) = inner.filter(|inner| RESERVED.contains(inner)) {
        return inner.to_owned();
    }
    name.replace("__dot__", ".")
        .replace("__dash__", "-")
        .replace("__slash__", "/")
        .replace("__underscores__", "__")
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn names_are_escaped_and_back() {
        for (name, escaped) in [
            ("a-b", "a__dash__b"),
            ("a.b/c", "a__dot__b__slash__c"),
            ("namespace", "__namespace__"),
            ("a__b", "a__underscores__b"),
            ("plain_name", "plain_name"),
        ] {
            assert_eq!(escape(name).as_deref(), Some(escaped));
            assert_eq!(unescape(escaped), name);
        }
        assert_eq!(escape("1a"), None);
        assert_eq!(escape("ä"), None);
    }

    #[test]
    fn sizes_are_bounded_by_the_schema_or_the_request() {
        let props = Props::parse(&json!({"type": "object", "properties": {
            "a": {"type": "array", "maxItems": 5, "items": {"type": "string", "maxLength": 10}},
            "b": {"type": "string"}}}));
        let decl = Decl::of(&props, false).expect("declared");
        let at = |path: &[&str]| {
            decl.size_at(
                &path
                    .iter()
                    .map(|step| (*step).to_owned())
                    .collect::<Vec<_>>(),
            )
        };
        assert_eq!(at(&["a"]), Some(5));
        assert_eq!(at(&["a", "@items"]), Some(40));
        assert_eq!(at(&["b"]), Some(REQUEST - 2));
        assert_eq!(at(&["c"]), None);
    }
}
