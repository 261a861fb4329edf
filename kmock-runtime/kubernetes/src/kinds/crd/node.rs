//! A schema compiled once for its objects: what validation, pruning and defaulting walk along.
//!
//! ```text
//! Props (as written) ──compile──► Node ── properties ──► Node
//!                                  │  └── items, additional ──► Node
//!                                  └── all_of, any_of, one_of, not ──► Node (value checks only)
//! ```

use std::collections::BTreeMap;
use std::sync::Arc;

use serde_json::Value;

use super::formats::TextFormat;
use super::pattern::{Patterns, TextPattern};
use super::props::{Props, PropsOrBool, ValidationRule};

/// The type that a schema asks for.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum NodeKind {
    #[default]
    Any,
    Object,
    Array,
    String,
    Integer,
    Number,
    Boolean,
    IntOrString,
}

impl NodeKind {
    fn named(name: &str) -> NodeKind {
        match name {
            "object" => NodeKind::Object,
            "array" => NodeKind::Array,
            "string" => NodeKind::String,
            "integer" => NodeKind::Integer,
            "number" => NodeKind::Number,
            "boolean" => NodeKind::Boolean,
            _ => NodeKind::Any,
        }
    }

    /// How messages name it.
    pub(crate) fn name(self) -> &'static str {
        match self {
            NodeKind::Any => "",
            NodeKind::Object => "object",
            NodeKind::Array => "array",
            NodeKind::String => "string",
            NodeKind::Integer => "integer",
            NodeKind::Number => "number",
            NodeKind::Boolean => "boolean",
            NodeKind::IntOrString => "integer,string",
        }
    }
}

/// What an object admits besides its declared properties.
#[derive(Clone, Debug, Default)]
pub(crate) enum Additional {
    #[default]
    Unsaid,
    Denied,
    Any,
    Of(Box<Node>),
}

/// How a list is told apart (`x-kubernetes-list-type`).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum Listing {
    #[default]
    Atomic,
    Set,
    Map,
}

/// The limits of a value; boxed, because most schemas have none.
#[derive(Clone, Debug, Default)]
pub(crate) struct Limits {
    pub(crate) maximum: Option<f64>,
    pub(crate) exclusive_maximum: bool,
    pub(crate) minimum: Option<f64>,
    pub(crate) exclusive_minimum: bool,
    pub(crate) multiple_of: Option<f64>,
    pub(crate) max_length: Option<i64>,
    pub(crate) min_length: Option<i64>,
    pub(crate) pattern: Option<(String, Result<Arc<TextPattern>, String>)>,
    pub(crate) max_items: Option<i64>,
    pub(crate) min_items: Option<i64>,
    pub(crate) unique_items: bool,
    pub(crate) max_properties: Option<i64>,
    pub(crate) min_properties: Option<i64>,
    pub(crate) values: Vec<Value>,
    pub(crate) all_of: Vec<Node>,
    pub(crate) any_of: Vec<Node>,
    pub(crate) one_of: Vec<Node>,
    pub(crate) not: Option<Box<Node>>,
}

/// One compiled schema.
#[derive(Clone, Debug, Default)]
pub(crate) struct Node {
    pub(crate) kind: NodeKind,
    pub(crate) nullable: bool,
    /// The format, when it is one that is checked for the type.
    pub(crate) format: Option<Box<str>>,
    pub(crate) text_format: Option<TextFormat>,
    pub(crate) default: Option<Value>,
    pub(crate) limits: Option<Box<Limits>>,
    pub(crate) properties: BTreeMap<String, Node>,
    pub(crate) required: Vec<String>,
    pub(crate) additional: Additional,
    pub(crate) items: Option<Box<Node>>,
    pub(crate) preserves: bool,
    pub(crate) embedded: bool,
    pub(crate) listing: Listing,
    pub(crate) map_keys: Vec<String>,
    pub(crate) rules: Vec<ValidationRule>,
    /// A list type, an embedded resource, or rules here or below: the rarer walks skip the rest.
    pub(crate) has_lists: bool,
    pub(crate) has_embedded: bool,
    pub(crate) has_rules: bool,
    pub(crate) has_defaults: bool,
}

impl Node {
    /// Compiles a schema; patterns are shared with those compiled before.
    pub(crate) fn compile(props: &Props, patterns: &mut Patterns) -> Node {
        let kind = if props.int_or_string {
            NodeKind::IntOrString
        } else {
            NodeKind::named(&props.kind)
        };
        let text_format = match kind {
            NodeKind::Any | NodeKind::String | NodeKind::IntOrString => {
                TextFormat::named(&props.format)
            }
            _ => None,
        };
        let checked = match kind {
            NodeKind::Integer => matches!(props.format.as_str(), "int32" | "int64"),
            NodeKind::Number => matches!(props.format.as_str(), "float" | "double"),
            _ => text_format.is_some(),
        };
        let mut each = |all: &[Props]| {
            all.iter()
                .map(|one| Node::compile(one, patterns))
                .collect::<Vec<_>>()
        };
        let mut limits = Limits {
            maximum: props.maximum,
            exclusive_maximum: props.exclusive_maximum,
            minimum: props.minimum,
            exclusive_minimum: props.exclusive_minimum,
            multiple_of: props.multiple_of,
            max_length: props.max_length,
            min_length: props.min_length,
            max_items: props.max_items,
            min_items: props.min_items,
            unique_items: props.unique_items,
            max_properties: props.max_properties,
            min_properties: props.min_properties,
            values: props.values.clone(),
            all_of: each(&props.all_of),
            any_of: each(&props.any_of),
            one_of: each(&props.one_of),
            ..Limits::default()
        };
        limits.not = props
            .not
            .as_ref()
            .map(|not| Box::new(Node::compile(not, patterns)));
        if !props.pattern.is_empty() {
            limits.pattern = Some((props.pattern.clone(), patterns.get(&props.pattern)));
        }
        let mut node = Node {
            kind,
            nullable: props.nullable,
            format: checked.then(|| props.format.as_str().into()),
            text_format,
            default: props.default.clone(),
            properties: props
                .properties
                .iter()
                .map(|(name, property)| (name.clone(), Node::compile(property, patterns)))
                .collect(),
            required: props.required.clone(),
            additional: match &props.additional_properties {
                None => Additional::Unsaid,
                Some(PropsOrBool::Bool(false)) => Additional::Denied,
                Some(PropsOrBool::Bool(true)) => Additional::Any,
                Some(PropsOrBool::Props(props)) => {
                    Additional::Of(Box::new(Node::compile(props, patterns)))
                }
            },
            items: props
                .item()
                .map(|item| Box::new(Node::compile(item, patterns))),
            preserves: props.preserves(),
            embedded: props.embedded_resource,
            listing: match props.list_type.as_deref() {
                Some("set") => Listing::Set,
                Some("map") => Listing::Map,
                _ => Listing::Atomic,
            },
            map_keys: props.list_map_keys.clone(),
            rules: props.validations.clone(),
            limits: (!limits.is_empty()).then(|| Box::new(limits)),
            ..Node::default()
        };
        node.has_lists =
            node.listing != Listing::Atomic || node.inner().any(|inner| inner.has_lists);
        node.has_embedded = node.embedded || node.inner().any(|inner| inner.has_embedded);
        node.has_rules = !node.rules.is_empty()
            || node.inner().any(|inner| inner.has_rules)
            || node
                .limits
                .as_ref()
                .is_some_and(|limits| limits.all_of.iter().any(|one| one.has_rules));
        node.has_defaults = node.default.is_some() || node.inner().any(|inner| inner.has_defaults);
        node
    }

    /// Compiles a schema by itself.
    #[cfg(test)]
    pub(crate) fn of(props: &Props) -> Node {
        Node::compile(props, &mut Patterns::default())
    }

    fn inner(&self) -> impl Iterator<Item = &Node> {
        self.properties
            .values()
            .chain(self.items.as_deref())
            .chain(self.additional())
    }

    /// The schema of keys that are not declared, if one was given.
    pub(crate) fn additional(&self) -> Option<&Node> {
        match &self.additional {
            Additional::Of(node) => Some(node),
            _ => None,
        }
    }

    /// The schema of a key: as declared, or that of all others.
    pub(crate) fn field(&self, key: &str) -> Option<&Node> {
        self.properties.get(key).or_else(|| self.additional())
    }

    /// Whether the schema says something of keys that are not declared.
    pub(crate) fn has_additional(&self) -> bool {
        !matches!(self.additional, Additional::Unsaid)
    }
}

impl Limits {
    fn is_empty(&self) -> bool {
        self.maximum.is_none()
            && self.minimum.is_none()
            && self.multiple_of.is_none()
            && self.max_length.is_none()
            && self.min_length.is_none()
            && self.pattern.is_none()
            && self.max_items.is_none()
            && self.min_items.is_none()
            && !self.unique_items
            && self.max_properties.is_none()
            && self.min_properties.is_none()
            && self.values.is_empty()
            && self.all_of.is_empty()
            && self.any_of.is_empty()
            && self.one_of.is_empty()
            && self.not.is_none()
    }
}
