//! The Go types behind the built-in kinds: field order, which zero values are printed, Go's type names.
//!
//! What a server stores and prints of a built-in kind is what its Go structs can hold: that decides
//! about unknown fields, the words of type errors, `null` lists, empty structs and left-out zeros.
//! The table is `data/gotypes.tsv`; a line is read when its type is first asked for.

use std::collections::HashMap;
use std::fmt;
use std::sync::{LazyLock, OnceLock};

use serde_json::{Map, Value};

/// A Go type, as far as JSON cares.
#[derive(Clone, Debug, PartialEq)]
pub enum GoType {
    /// `bool`.
    Bool,
    /// A whole number of so many bits.
    Int(u8),
    /// A floating-point number.
    Float,
    /// `string`.
    String,
    /// `[]byte`: base64 in JSON.
    Bytes,
    /// `metav1.Time`.
    Time,
    /// `metav1.MicroTime`.
    MicroTime,
    /// `metav1.Duration`.
    Duration,
    /// `resource.Quantity`.
    Quantity,
    /// `intstr.IntOrString`.
    IntOrString,
    /// JSON that is kept as it is (`runtime.RawExtension`, `FieldsV1`).
    Raw,
    /// A struct of the table.
    Struct(Reference),
    /// A pointer.
    Pointer(Box<GoType>),
    /// A slice.
    Slice(Box<GoType>),
    /// A map with string keys; the key's type is kept for error texts.
    Map(Box<GoType>, Box<GoType>),
    /// A named type with what it stands for.
    Named(Box<GoType>, &'static str),
}

/// A struct by its name, which is looked up once.
#[derive(Clone)]
pub struct Reference {
    name: &'static str,
    found: OnceLock<Option<&'static Struct>>,
}

impl Reference {
    fn to(name: &'static str) -> Self {
        let found = OnceLock::new();
        Self { name, found }
    }

    /// The struct, if the table has it.
    pub fn get(&self) -> Option<&'static Struct> {
        *self.found.get_or_init(|| Struct::named(self.name))
    }
}

impl PartialEq for Reference {
    fn eq(&self, other: &Self) -> bool {
        self.name == other.name
    }
}

impl fmt::Debug for Reference {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name)
    }
}

/// What becomes of a field with a zero value.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Zero {
    /// It is printed.
    Printed,
    /// `omitempty`: left out, except for structs.
    Omitted,
    /// `omitzero`: left out, structs too.
    OmittedStruct,
}

/// A field of a struct.
#[derive(Clone, Debug)]
pub struct Field {
    /// Its JSON name.
    pub name: &'static str,
    /// What becomes of a zero value.
    pub zero: Zero,
    /// Its type.
    pub ty: GoType,
}

impl Field {
    /// What fields are sorted by: most names that differ have other lengths.
    fn key(&self) -> (usize, &'static str) {
        (self.name.len(), self.name)
    }

    /// `omitempty` leaves out no structs, nor what is one in Go.
    fn is_printed_unset(&self) -> bool {
        let is_struct = matches!(
            self.ty.underlying(),
            GoType::Struct(_)
                | GoType::Time
                | GoType::MicroTime
                | GoType::Duration
                | GoType::Quantity
                | GoType::IntOrString
                | GoType::Raw
        );
        match self.zero {
            Zero::OmittedStruct => false,
            Zero::Omitted => is_struct,
            Zero::Printed => true,
        }
    }
}

/// What a type's defaults come to.
#[derive(Clone, Copy, Debug)]
pub(super) struct Defaults {
    /// How its own are filled in.
    pub(super) own: Option<fn(&mut Map<String, Value>)>,
    /// It has some, or something that it can hold.
    pub(super) any: bool,
}

/// A struct.
#[derive(Debug)]
pub struct Struct {
    /// Its name in the table: `core.v1.Pod`.
    pub name: &'static str,
    /// The fields, in order of declaration.
    pub fields: Vec<Field>,
    /// Where they are, by the length of their names and then by these.
    by_name: Vec<usize>,
    /// Where those are that are printed even if they are unset.
    printed: Vec<usize>,
    /// What [`defaults`](super::defaults) has found out about it.
    pub(super) defaults: OnceLock<Defaults>,
    /// What [`decode`](super::decode::zero_struct) prints of it when nothing is set.
    pub(super) zero: OnceLock<Value>,
}

impl Struct {
    /// The struct of that name.
    pub fn named(name: &str) -> Option<&'static Struct> {
        let (name, line, parsed) = TABLE.get_key_value(name).map(|(k, v)| (*k, v.0, &v.1))?;
        Some(parsed.get_or_init(|| Self::of(name, line.split('\t').filter_map(field).collect())))
    }

    fn of(name: &'static str, fields: Vec<Field>) -> Self {
        let mut by_name: Vec<usize> = (0..fields.len()).collect();
        by_name.sort_by_key(|at| fields.get(*at).map(Field::key));
        let printed = fields.iter().enumerate();
        let printed = printed.filter(|(_, field)| field.is_printed_unset());
        let printed = printed.map(|(at, _)| at).collect();
        Self {
            name,
            fields,
            by_name,
            printed,
            defaults: OnceLock::new(),
            zero: OnceLock::new(),
        }
    }

    /// The struct of a kind, e.g. of `apps`, `v1`, `Deployment`.
    pub fn of_kind(group: &str, version: &str, kind: &str) -> Option<&'static Struct> {
        Self::named(&[package(group), ".", version, ".", kind].concat())
    }

    /// The field of that JSON name.
    pub fn field(&self, name: &str) -> Option<&Field> {
        let wanted = Some((name.len(), name));
        let key = |at: &usize| self.fields.get(*at).map(Field::key);
        let found = self.by_name.binary_search_by(|at| key(at).cmp(&wanted));
        self.fields.get(*self.by_name.get(found.ok()?)?)
    }

    /// The fields that are printed even if they are unset.
    pub fn printed(&self) -> impl Iterator<Item = &Field> {
        self.printed.iter().filter_map(|at| self.fields.get(*at))
    }

    /// The type's name without its package.
    pub fn short_name(&self) -> &'static str {
        self.name.rsplit('.').next().unwrap_or(self.name)
    }
}

/// The directory of a group's Go types: `rbac.authorization.k8s.io` is `rbac`, the core group `core`.
pub fn package(group: &str) -> &str {
    match group {
        "" => "core",
        "flowcontrol.apiserver.k8s.io" => "flowcontrol",
        _ => group.split('.').next().unwrap_or(group),
    }
}

type Line = (&'static str, OnceLock<Struct>);

static TABLE: LazyLock<HashMap<&'static str, Line>> = LazyLock::new(|| {
    include_str!("../../data/gotypes.tsv")
        .lines()
        .filter(|line| !line.starts_with('#'))
        .map(|line| line.split_once('\t').unwrap_or((line, "")))
        .map(|(name, fields)| (name, (fields, OnceLock::new())))
        .collect()
});

fn field(text: &'static str) -> Option<Field> {
    let at = text.find(['!', '?', '0'])?;
    let zero = match text.get(at..=at)? {
        "!" => Zero::Printed,
        "?" => Zero::Omitted,
        _ => Zero::OmittedStruct,
    };
    Some(Field {
        name: text.get(..at)?,
        zero,
        ty: GoType::parse(text.get(at + 1..)?),
    })
}

impl GoType {
    fn parse(text: &'static str) -> Self {
        if let Some(rest) = text.strip_prefix('*') {
            return Self::Pointer(Box::new(Self::parse(rest)));
        }
        if text == "[]uint8" {
            return Self::Bytes;
        }
        if let Some(rest) = text.strip_prefix("[]") {
            return Self::Slice(Box::new(Self::parse(rest)));
        }
        if let Some(rest) = text.strip_prefix('~') {
            // The name stands behind the last colon: `~map[~string:v1.ResourceName]@quantity:v1.ResourceList`.
            let (under, name) = rest.rsplit_once(':').unwrap_or((rest, rest));
            return Self::Named(Box::new(Self::parse(under)), name);
        }
        if let Some(rest) = text.strip_prefix("map[") {
            let (key, value) = rest.split_once(']').unwrap_or((rest, "string"));
            return Self::Map(Box::new(Self::parse(key)), Box::new(Self::parse(value)));
        }
        match text {
            "bool" => Self::Bool,
            "int32" => Self::Int(32),
            "int64" | "int" => Self::Int(64),
            "uint8" => Self::Int(8),
            "float64" => Self::Float,
            "string" => Self::String,
            "@time" => Self::Time,
            "@microtime" => Self::MicroTime,
            "@duration" => Self::Duration,
            "@quantity" => Self::Quantity,
            "@intstr" => Self::IntOrString,
            "@raw" => Self::Raw,
            name => Self::Struct(Reference::to(name)),
        }
    }

    /// The type without its name, if it has one.
    pub fn underlying(&self) -> &GoType {
        match self {
            Self::Named(under, _) => under.underlying(),
            other => other,
        }
    }

    /// The struct that this type is, points to or holds, if any.
    pub fn element_struct(&self) -> Option<&'static Struct> {
        match self {
            Self::Struct(name) => name.get(),
            Self::Pointer(inner)
            | Self::Slice(inner)
            | Self::Map(_, inner)
            | Self::Named(inner, _) => inner.element_struct(),
            _ => None,
        }
    }

    /// `reflect.Kind` of the type, as errors of the unstructured converter name it.
    pub fn kind(&self) -> &'static str {
        match self.underlying() {
            Self::Bool => "bool",
            Self::Int(8) => "uint8",
            Self::Int(32) => "int32",
            Self::Int(_) => "int64",
            Self::Float => "float64",
            Self::String => "string",
            Self::Bytes | Self::Slice(_) => "slice",
            Self::Pointer(_) => "ptr",
            Self::Map(..) => "map",
            _ => "struct",
        }
    }
}

impl fmt::Display for GoType {
    /// The type as Go prints it: `[]v1.Container`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Bool => f.write_str("bool"),
            Self::Int(8) => f.write_str("uint8"),
            Self::Int(bits) => write!(f, "int{bits}"),
            Self::Float => f.write_str("float64"),
            Self::String => f.write_str("string"),
            Self::Bytes => f.write_str("[]uint8"),
            Self::Time => f.write_str("v1.Time"),
            Self::MicroTime => f.write_str("v1.MicroTime"),
            Self::Duration => f.write_str("v1.Duration"),
            Self::Quantity => f.write_str("resource.Quantity"),
            Self::IntOrString => f.write_str("intstr.IntOrString"),
            Self::Raw => f.write_str("runtime.RawExtension"),
            Self::Struct(Reference { name, .. }) => {
                f.write_str(name.split_once('.').map_or(*name, |(_, rest)| rest))
            }
            Self::Pointer(inner) => write!(f, "*{inner}"),
            Self::Slice(inner) => write!(f, "[]{inner}"),
            Self::Map(key, value) => write!(f, "map[{key}]{value}"),
            Self::Named(_, name) => f.write_str(name),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_line_is_readable_and_closed() {
        for name in TABLE.keys() {
            let parsed = Struct::named(name).expect("listed");
            for field in &parsed.fields {
                let mut ty = &field.ty;
                while let GoType::Pointer(inner)
                | GoType::Slice(inner)
                | GoType::Map(_, inner)
                | GoType::Named(inner, _) = ty
                {
                    ty = inner;
                }
                if let GoType::Struct(target) = ty {
                    assert!(
                        target.get().is_some(),
                        "{name}.{} refers to {target:?}",
                        field.name
                    );
                }
            }
        }
    }

    #[test]
    fn types_print_as_go_prints_them() {
        let container = Struct::named("core.v1.Container").expect("known");
        let shown = |name: &str| {
            container
                .field(name)
                .map(|f| f.ty.to_string())
                .unwrap_or_default()
        };
        assert_eq!(shown("ports"), "[]v1.ContainerPort");
        assert_eq!(shown("imagePullPolicy"), "v1.PullPolicy");
        assert_eq!(shown("livenessProbe"), "*v1.Probe");
        let resources = Struct::named("core.v1.ResourceRequirements").expect("known");
        assert_eq!(
            resources.field("limits").map(|f| f.ty.to_string()),
            Some("v1.ResourceList".into())
        );
        assert!(Struct::of_kind("rbac.authorization.k8s.io", "v1", "Role").is_some());
        assert!(Struct::of_kind("", "v1", "Pod").is_some());
    }
}
