//! The functions that rules may call: which types they take and give.
//!
//! The standard library, strings (version 2), sets, lists, regular expressions, URLs, IPs, CIDRs, quantities, named
//! formats, semantic versions, optional values: `apiserver/pkg/cel/environment/base.go` as of v1.36.

use super::types::Ty;

/// Which overload of a function was chosen, as far as its cost or its work depends on it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Overload {
    Plain,
    /// The sizes of both sides matter: comparisons of texts, equality.
    Compare,
    AddText,
    AddList,
    And,
    Or,
    Conditional,
    InList,
    IndexList,
    IndexMap,
    StartsOrEnds,
    Matches,
    Contains,
    TextToBytes,
    BytesToText,
    Format,
    Quote,
    Dyn,
}

/// Names of functions with a namespace.
pub(crate) fn is_qualified(name: &str) -> bool {
    matches!(
        name,
        "sets.contains"
            | "sets.equivalent"
            | "sets.intersects"
            | "optional.of"
            | "optional.ofNonZeroValue"
            | "optional.none"
            | "optional.unwrap"
            | "strings.quote"
            | "lists.range"
            | "ip.isCanonical"
            | "format.named"
            | "jsonpatch.escapeKey"
    ) || name.strip_prefix("format.").is_some_and(is_format)
}

/// The names of formats that are functions.
pub(crate) fn is_format(name: &str) -> bool {
    matches!(
        name,
        "dns1123Label"
            | "dns1123Subdomain"
            | "dns1035Label"
            | "qualifiedName"
            | "dns1123LabelPrefix"
            | "dns1123SubdomainPrefix"
            | "dns1035LabelPrefix"
            | "labelValue"
            | "uri"
            | "uuid"
            | "byte"
            | "date"
            | "datetime"
    )
}

/// How many variables a macro has that the parser does not know.
pub(crate) fn macro_vars(name: &str, args: usize) -> Option<usize> {
    match (name, args) {
        ("all" | "exists" | "exists_one" | "existsOne", 3) => Some(2),
        ("transformList" | "transformMap" | "transformMapEntry", 3 | 4) => Some(2),
        ("optMap" | "optFlatMap", 2) => Some(1),
        ("sortBy", 2) => Some(1),
        _ => None,
    }
}

const TEXT_FUNCTIONS: [&str; 13] = [
    "charAt",
    "contains",
    "endsWith",
    "find",
    "findAll",
    "format",
    "indexOf",
    "join",
    "lastIndexOf",
    "lowerAscii",
    "matches",
    "replace",
    "split",
];
const OTHER_FUNCTIONS: [&str; 85] = [
    "unwrapOpt",
    "startsWith",
    "substring",
    "trim",
    "upperAscii",
    "size",
    "type",
    "int",
    "uint",
    "double",
    "string",
    "bytes",
    "bool",
    "dyn",
    "timestamp",
    "duration",
    "getDate",
    "getDayOfMonth",
    "getDayOfWeek",
    "getDayOfYear",
    "getFullYear",
    "getHours",
    "getMilliseconds",
    "getMinutes",
    "getMonth",
    "getSeconds",
    "isSorted",
    "sum",
    "min",
    "max",
    "slice",
    "flatten",
    "sort",
    "distinct",
    "reverse",
    "first",
    "last",
    "url",
    "isURL",
    "getScheme",
    "getHost",
    "getHostname",
    "getPort",
    "getEscapedPath",
    "getQuery",
    "ip",
    "isIP",
    "family",
    "isUnspecified",
    "isLoopback",
    "isLinkLocalMulticast",
    "isLinkLocalUnicast",
    "isGlobalUnicast",
    "cidr",
    "isCIDR",
    "containsIP",
    "containsCIDR",
    "masked",
    "prefixLength",
    "quantity",
    "isQuantity",
    "sign",
    "asInteger",
    "isInteger",
    "asApproximateFloat",
    "isGreaterThan",
    "isLessThan",
    "compareTo",
    "add",
    "sub",
    "semver",
    "isSemver",
    "major",
    "minor",
    "patch",
    "validate",
    "hasValue",
    "value",
    "or",
    "orValue",
    "@in",
    "@not_strictly_false",
    "_?_:_",
    "!_",
    "-_",
];

/// Functions of the authorizer, which no rule of a definition has.
const AUTHORIZER_FUNCTIONS: [&str; 14] = [
    "allowed",
    "check",
    "error",
    "errored",
    "fieldSelector",
    "group",
    "labelSelector",
    "name",
    "namespace",
    "path",
    "reason",
    "resource",
    "serviceAccount",
    "subresource",
];

/// Whether there is a function of that name at all.
pub(crate) fn is_known(name: &str) -> bool {
    is_qualified(name)
        || AUTHORIZER_FUNCTIONS.contains(&name)
        || name.starts_with('_')
        || TEXT_FUNCTIONS.contains(&name)
        || OTHER_FUNCTIONS.contains(&name)
}

fn is_number(ty: &Ty) -> bool {
    matches!(ty, Ty::Int | Ty::Uint | Ty::Double) || ty.is_dyn()
}

/// The type of a call and its overload; `None` if no overload takes these types.
pub(crate) fn resolve(name: &str, target: Option<&Ty>, args: &[Ty]) -> Option<(Ty, Overload)> {
    match target {
        Some(target) => member(name, target, args),
        None => global(name, args),
    }
}

fn plain(ty: Ty) -> Option<(Ty, Overload)> {
    Some((ty, Overload::Plain))
}

fn global(name: &str, args: &[Ty]) -> Option<(Ty, Overload)> {
    use Overload as O;
    let text = |ty: &Ty| ty.fits(&Ty::Str);
    match (name, args) {
        ("_&&_", [a, b]) if a.fits(&Ty::Bool) && b.fits(&Ty::Bool) => Some((Ty::Bool, O::And)),
        ("_||_", [a, b]) if a.fits(&Ty::Bool) && b.fits(&Ty::Bool) => Some((Ty::Bool, O::Or)),
        ("!_", [a]) if a.fits(&Ty::Bool) => plain(Ty::Bool),
        ("@not_strictly_false", [_]) => plain(Ty::Bool),
        ("_?_:_", [condition, a, b]) if condition.fits(&Ty::Bool) && a.fits(b) => {
            Some((a.join(b), O::Conditional))
        }
        ("_==_" | "_!=_", [a, b]) if a.fits(b) => Some((Ty::Bool, O::Compare)),
        ("_<_" | "_<=_" | "_>_" | "_>=_", [a, b]) => compare(a, b),
        ("_+_", [a, b]) => add(a, b),
        ("_-_", [a, b]) => subtract(a, b),
        ("_*_" | "_/_", [a, b]) if is_number(a) && a.fits(b) => plain(a.join(b)),
        ("_%_", [a, b]) if !matches!(a, Ty::Double) && is_number(a) && a.fits(b) => {
            plain(a.join(b))
        }
        ("-_", [a]) if matches!(a, Ty::Int | Ty::Double) || a.is_dyn() => plain(a.clone()),
        ("@in", [a, Ty::List(item)]) if a.fits(item) => Some((Ty::Bool, O::InList)),
        ("@in", [a, Ty::Map(key, _)]) if a.fits(key) => plain(Ty::Bool),
        ("@in", [_, b]) if b.is_dyn() => Some((Ty::Bool, O::InList)),
        ("_[_]", [a, index]) => index_of(a, index),
        ("_[?_]", [a, index]) => {
            let inner = match a {
                Ty::Optional(inner) => inner,
                other => other,
            };
            let (ty, overload) = index_of(inner, index)?;
            Some((Ty::optional(ty), overload))
        }
        ("size", [a]) if sized(a) => plain(Ty::Int),
        ("type", [_]) => plain(Ty::Type),
        ("dyn", [_]) => Some((Ty::Dyn, O::Dyn)),
        ("int", [a]) if is_number(a) || matches!(a, Ty::Str | Ty::Time | Ty::Dur) => plain(Ty::Int),
        ("uint", [a]) if is_number(a) || matches!(a, Ty::Str) => plain(Ty::Uint),
        ("double", [a]) if is_number(a) || matches!(a, Ty::Str) => plain(Ty::Double),
        ("string", [Ty::Bytes]) => Some((Ty::Str, O::BytesToText)),
        ("string", [a]) if is_number(a) || matches!(a, Ty::Str | Ty::Bool | Ty::Time | Ty::Dur) => {
            plain(Ty::Str)
        }
        ("string", [Ty::Opaque("net.IP" | "net.CIDR")]) => plain(Ty::Str),
        ("bytes", [Ty::Str]) => Some((Ty::Bytes, O::TextToBytes)),
        ("bytes", [a]) if a.fits(&Ty::Bytes) => plain(Ty::Bytes),
        ("bool", [a]) if matches!(a, Ty::Bool | Ty::Str) || a.is_dyn() => plain(Ty::Bool),
        ("timestamp", [a]) if matches!(a, Ty::Str | Ty::Int | Ty::Time) || a.is_dyn() => {
            plain(Ty::Time)
        }
        ("duration", [a]) if matches!(a, Ty::Str | Ty::Int | Ty::Dur) || a.is_dyn() => {
            plain(Ty::Dur)
        }
        ("matches", [a, b]) if text(a) && text(b) => Some((Ty::Bool, O::Matches)),
        ("sets.contains" | "sets.equivalent" | "sets.intersects", [Ty::List(a), Ty::List(b)])
            if a.fits(b) =>
        {
            plain(Ty::Bool)
        }
        ("optional.of" | "optional.ofNonZeroValue", [a]) => plain(Ty::optional(a.clone())),
        ("optional.unwrap", [Ty::List(item)]) => match &**item {
            Ty::Optional(inner) => plain(Ty::list((**inner).clone())),
            ty if ty.is_dyn() => plain(Ty::list(Ty::Dyn)),
            _ => None,
        },
        ("optional.none", []) => plain(Ty::optional(Ty::Free)),
        ("jsonpatch.escapeKey", [a]) if text(a) => plain(Ty::Str),
        ("strings.quote", [a]) if text(a) => Some((Ty::Str, O::Quote)),
        ("sign", [a]) if a.fits(&Ty::Opaque("kubernetes.Quantity")) => plain(Ty::Int),
        ("lists.range", [a]) if a.fits(&Ty::Int) => plain(Ty::list(Ty::Int)),
        ("url", [a]) if text(a) => plain(Ty::Opaque("kubernetes.URL")),
        ("ip", [a]) if text(a) => plain(Ty::Opaque("net.IP")),
        ("cidr", [a]) if text(a) => plain(Ty::Opaque("net.CIDR")),
        ("quantity", [a]) if text(a) => plain(Ty::Opaque("kubernetes.Quantity")),
        ("semver", [a]) if text(a) => plain(Ty::Opaque("kubernetes.Semver")),
        ("semver", [a, b]) if text(a) && b.fits(&Ty::Bool) => {
            plain(Ty::Opaque("kubernetes.Semver"))
        }
        ("isURL" | "isIP" | "isCIDR" | "isQuantity" | "isSemver" | "ip.isCanonical", [a])
            if text(a) =>
        {
            plain(Ty::Bool)
        }
        ("isSemver", [a, b]) if text(a) && b.fits(&Ty::Bool) => plain(Ty::Bool),
        ("format.named", [a]) if text(a) => {
            plain(Ty::optional(Ty::Opaque("kubernetes.NamedFormat")))
        }
        (name, []) if name.strip_prefix("format.").is_some_and(is_format) => {
            plain(Ty::Opaque("kubernetes.NamedFormat"))
        }
        _ => None,
    }
}

fn compare(a: &Ty, b: &Ty) -> Option<(Ty, Overload)> {
    match (a, b) {
        (Ty::Str | Ty::Bytes, _) | (_, Ty::Str | Ty::Bytes) if a.fits(b) => {
            Some((Ty::Bool, Overload::Compare))
        }
        (a, b) if is_number(a) && is_number(b) => plain(Ty::Bool),
        (Ty::Bool | Ty::Time | Ty::Dur, _) | (_, Ty::Bool | Ty::Time | Ty::Dur) if a.fits(b) => {
            plain(Ty::Bool)
        }
        _ => None,
    }
}

fn add(a: &Ty, b: &Ty) -> Option<(Ty, Overload)> {
    match (a, b) {
        (Ty::Str | Ty::Bytes, _) | (_, Ty::Str | Ty::Bytes) if a.fits(b) => Some((
            if a.is_dyn() { b.clone() } else { a.clone() },
            Overload::AddText,
        )),
        (Ty::List(_), _) | (_, Ty::List(_)) if a.fits(b) => Some((
            if a.is_dyn() { b.clone() } else { a.join(b) },
            Overload::AddList,
        )),
        (Ty::Time, Ty::Dur) | (Ty::Dur, Ty::Time) => plain(Ty::Time),
        (Ty::Dur, Ty::Dur) => plain(Ty::Dur),
        (a, b) if a.is_dyn() && b.is_dyn() => Some((Ty::Dyn, Overload::AddText)),
        (a, b) if is_number(a) && a.fits(b) => {
            plain(if a.is_dyn() { b.clone() } else { a.clone() })
        }
        (a, b) if a.is_dyn() || b.is_dyn() => plain(Ty::Dyn),
        _ => None,
    }
}

fn subtract(a: &Ty, b: &Ty) -> Option<(Ty, Overload)> {
    match (a, b) {
        (Ty::Time, Ty::Time) | (Ty::Dur, Ty::Dur) => plain(Ty::Dur),
        (Ty::Time, Ty::Dur) => plain(Ty::Time),
        (a, b) if is_number(a) && a.fits(b) => {
            plain(if a.is_dyn() { b.clone() } else { a.clone() })
        }
        (a, b) if a.is_dyn() || b.is_dyn() => plain(Ty::Dyn),
        _ => None,
    }
}

fn index_of(a: &Ty, index: &Ty) -> Option<(Ty, Overload)> {
    match a {
        Ty::List(item) if index.fits(&Ty::Int) => Some(((**item).clone(), Overload::IndexList)),
        Ty::Map(key, value) if index.fits(key) => Some(((**value).clone(), Overload::IndexMap)),
        Ty::Optional(inner) => {
            let (ty, overload) = index_of(inner, index)?;
            Some((Ty::optional(ty), overload))
        }
        ty if ty.is_dyn() => Some((Ty::Dyn, Overload::IndexMap)),
        _ => None,
    }
}

fn sized(ty: &Ty) -> bool {
    matches!(ty, Ty::Str | Ty::Bytes | Ty::List(_) | Ty::Map(..)) || ty.is_dyn()
}

fn member(name: &str, target: &Ty, args: &[Ty]) -> Option<(Ty, Overload)> {
    match target {
        Ty::List(item) => list(name, target, item, args),
        Ty::Optional(inner) => optional(name, inner, args),
        Ty::Opaque(opaque) => self::opaque(name, opaque, args),
        Ty::Time | Ty::Dur => time(name, target, args),
        Ty::Bytes | Ty::Map(..) => {
            (name == "size" && args.is_empty()).then_some((Ty::Int, Overload::Plain))
        }
        Ty::Str => text(name, args),
        ty if ty.is_dyn() => dynamic(name, args),
        _ => None,
    }
}

/// Of a value whose type is not known: the first type that has such a function.
fn dynamic(name: &str, args: &[Ty]) -> Option<(Ty, Overload)> {
    if matches!(name, "hasValue" | "value" | "or" | "orValue") {
        return optional(name, &Ty::Dyn, args);
    }
    if AUTHORIZER_FUNCTIONS.contains(&name) {
        return plain(Ty::Dyn);
    }
    text(name, args)
        .or_else(|| list(name, &Ty::list(Ty::Dyn), &Ty::Dyn, args))
        .or_else(|| time(name, &Ty::Time, args))
        .or_else(|| {
            let all = [
                "kubernetes.URL",
                "net.IP",
                "net.CIDR",
                "kubernetes.Quantity",
                "kubernetes.Semver",
            ];
            all.iter()
                .find_map(|opaque| self::opaque(name, opaque, args))
        })
}

fn text(name: &str, args: &[Ty]) -> Option<(Ty, Overload)> {
    let all = |wanted: &[Ty]| {
        args.len() == wanted.len()
            && args
                .iter()
                .zip(wanted)
                .all(|(arg, wanted)| arg.fits(wanted))
    };
    let texts = || Ty::list(Ty::Str);
    match name {
        "size" if args.is_empty() => plain(Ty::Int),
        "startsWith" | "endsWith" if all(&[Ty::Str]) => Some((Ty::Bool, Overload::StartsOrEnds)),
        "contains" if all(&[Ty::Str]) => Some((Ty::Bool, Overload::Contains)),
        "matches" if all(&[Ty::Str]) => Some((Ty::Bool, Overload::Matches)),
        "charAt" if all(&[Ty::Int]) => plain(Ty::Str),
        "indexOf" | "lastIndexOf" if all(&[Ty::Str]) || all(&[Ty::Str, Ty::Int]) => plain(Ty::Int),
        "lowerAscii" | "upperAscii" | "trim" if args.is_empty() => plain(Ty::Str),
        "replace" if all(&[Ty::Str, Ty::Str]) || all(&[Ty::Str, Ty::Str, Ty::Int]) => {
            plain(Ty::Str)
        }
        "split" if all(&[Ty::Str]) || all(&[Ty::Str, Ty::Int]) => plain(texts()),
        "substring" if all(&[Ty::Int]) || all(&[Ty::Int, Ty::Int]) => plain(Ty::Str),
        "format" if matches!(args, [Ty::List(_)]) => Some((Ty::Str, Overload::Format)),
        "find" if all(&[Ty::Str]) => plain(Ty::Str),
        "findAll" if all(&[Ty::Str]) || all(&[Ty::Str, Ty::Int]) => plain(texts()),
        _ => None,
    }
}

fn list(name: &str, target: &Ty, item: &Ty, args: &[Ty]) -> Option<(Ty, Overload)> {
    let none = args.is_empty();
    match name {
        "size" if none => plain(Ty::Int),
        "isSorted" if none && is_ordered(item) => plain(Ty::Bool),
        "sum" if none && (is_number(item) || matches!(item, Ty::Dur)) => plain(item.clone()),
        "min" | "max" if none && is_ordered(item) => plain(item.clone()),
        "indexOf" | "lastIndexOf" if matches!(args, [arg] if arg.fits(item)) => plain(Ty::Int),
        "join" if item.fits(&Ty::Str) && (none || matches!(args, [arg] if arg.fits(&Ty::Str))) => {
            plain(Ty::Str)
        }
        "slice" if matches!(args, [a, b] if a.fits(&Ty::Int) && b.fits(&Ty::Int)) => {
            plain(target.clone())
        }
        "sort" | "distinct" | "reverse" if none => plain(target.clone()),
        "flatten" if none || matches!(args, [arg] if arg.fits(&Ty::Int)) => plain(match item {
            Ty::List(_) if none => item.clone(),
            _ => Ty::list(Ty::Dyn),
        }),
        "unwrapOpt" if none => global("optional.unwrap", std::slice::from_ref(target)),
        "first" | "last" if none => plain(Ty::optional(item.clone())),
        _ => None,
    }
}

fn is_ordered(ty: &Ty) -> bool {
    is_number(ty) || matches!(ty, Ty::Bool | Ty::Str | Ty::Bytes | Ty::Time | Ty::Dur)
}

fn optional(name: &str, inner: &Ty, args: &[Ty]) -> Option<(Ty, Overload)> {
    match (name, args) {
        ("hasValue", []) => plain(Ty::Bool),
        ("value", []) => plain(inner.clone()),
        ("or", [Ty::Optional(other)]) if inner.fits(other) => {
            plain(Ty::optional(inner.join(other)))
        }
        ("orValue", [other]) if inner.fits(other) => plain(inner.join(other)),
        _ => None,
    }
}

fn time(name: &str, target: &Ty, args: &[Ty]) -> Option<(Ty, Overload)> {
    let zone = args.is_empty() || matches!(args, [arg] if arg.fits(&Ty::Str));
    match name {
        "getHours" | "getMinutes" | "getSeconds" | "getMilliseconds" if zone => plain(Ty::Int),
        "getDate" | "getDayOfMonth" | "getDayOfWeek" | "getDayOfYear" | "getFullYear"
        | "getMonth"
            if zone && *target == Ty::Time =>
        {
            plain(Ty::Int)
        }
        _ => None,
    }
}

fn opaque(name: &str, opaque: &str, args: &[Ty]) -> Option<(Ty, Overload)> {
    if let Some(ty) = super::authorizer::member(name, opaque, args) {
        return plain(ty);
    }
    let none = args.is_empty();
    let one = |wanted: &Ty| matches!(args, [arg] if arg.fits(wanted));
    match (opaque, name) {
        (
            "kubernetes.URL",
            "getScheme" | "getHost" | "getHostname" | "getPort" | "getEscapedPath",
        ) if none => plain(Ty::Str),
        ("kubernetes.URL", "getQuery") if none => plain(Ty::map(Ty::Str, Ty::list(Ty::Str))),
        ("net.IP", "family") if none => plain(Ty::Int),
        (
            "net.IP",
            "isUnspecified"
            | "isLoopback"
            | "isLinkLocalMulticast"
            | "isLinkLocalUnicast"
            | "isGlobalUnicast",
        ) if none => plain(Ty::Bool),
        ("net.CIDR", "containsIP") if one(&Ty::Str) || one(&Ty::Opaque("net.IP")) => {
            plain(Ty::Bool)
        }
        ("net.CIDR", "containsCIDR") if one(&Ty::Str) || one(&Ty::Opaque("net.CIDR")) => {
            plain(Ty::Bool)
        }
        ("net.CIDR", "ip") if none => plain(Ty::Opaque("net.IP")),
        ("net.CIDR", "masked") if none => plain(Ty::Opaque("net.CIDR")),
        ("net.CIDR", "prefixLength") if none => plain(Ty::Int),
        ("kubernetes.Quantity", "asInteger") if none => plain(Ty::Int),
        ("kubernetes.Quantity", "isInteger") if none => plain(Ty::Bool),
        ("kubernetes.Quantity", "asApproximateFloat") if none => plain(Ty::Double),
        ("kubernetes.Quantity", "add" | "sub")
            if one(&Ty::Opaque("kubernetes.Quantity")) || one(&Ty::Int) =>
        {
            plain(Ty::Opaque("kubernetes.Quantity"))
        }
        ("kubernetes.Quantity", "isGreaterThan" | "isLessThan")
            if one(&Ty::Opaque("kubernetes.Quantity")) =>
        {
            plain(Ty::Bool)
        }
        ("kubernetes.Quantity", "compareTo") if one(&Ty::Opaque("kubernetes.Quantity")) => {
            plain(Ty::Int)
        }
        ("kubernetes.Semver", "major" | "minor" | "patch") if none => plain(Ty::Int),
        ("kubernetes.Semver", "isGreaterThan" | "isLessThan")
            if one(&Ty::Opaque("kubernetes.Semver")) =>
        {
            plain(Ty::Bool)
        }
        ("kubernetes.Semver", "compareTo") if one(&Ty::Opaque("kubernetes.Semver")) => {
            plain(Ty::Int)
        }
        ("kubernetes.NamedFormat", "validate") if one(&Ty::Str) => {
            plain(Ty::optional(Ty::list(Ty::Str)))
        }
        _ => None,
    }
}
