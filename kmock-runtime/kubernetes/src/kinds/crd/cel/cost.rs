//! What an expression may cost at most, before it ever runs.
//!
//! The estimate of `cel-go/checker/cost.go` with the functions of `apiserver/pkg/cel/library/cost.go`: sizes come from
//! the schema's limits, or from the largest request; loops multiply. A rule over the limit is refused.

use std::collections::HashMap;

use super::check::{Loop, Typed, TypedKind};
use super::signatures::Overload;
use super::syntax::Literal;
use super::types::{Decl, Ty};

const TRAVERSAL: f64 = 0.1;
const REGEX: f64 = 0.25;

/// A range of sizes or costs.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
struct Span {
    min: u64,
    max: u64,
}

const UNKNOWN: Span = Span {
    min: 0,
    max: u64::MAX,
};

impl Span {
    fn fixed(value: u64) -> Span {
        Span {
            min: value,
            max: value,
        }
    }

    fn add(self, other: Span) -> Span {
        Span {
            min: self.min.saturating_add(other.min),
            max: self.max.saturating_add(other.max),
        }
    }

    fn times(self, other: Span) -> Span {
        Span {
            min: self.min.saturating_mul(other.min),
            max: self.max.saturating_mul(other.max),
        }
    }

    fn factor(self, factor: f64) -> Span {
        // A double beyond the range becomes the largest number.
        let scale = |value: u64| (value as f64 * factor).ceil() as u64;
        Span {
            min: scale(self.min),
            max: scale(self.max),
        }
    }

    fn union(self, other: Span) -> Span {
        Span {
            min: self.min.min(other.min),
            max: self.max.max(other.max),
        }
    }
}

/// The sizes of what a list or a map made in the expression holds.
#[derive(Clone, Copy, Debug)]
struct Entry {
    is_list: bool,
    key: Span,
    value: Span,
}

impl Entry {
    fn union(self, other: Entry) -> Entry {
        Entry {
            is_list: self.is_list,
            key: self.key.union(other.key),
            value: self.value.union(other.value),
        }
    }
}

struct Local {
    name: String,
    path: Vec<String>,
    size: Option<Span>,
    entry: Option<Entry>,
}

struct Coster<'d> {
    decl: &'d Decl,
    paths: HashMap<usize, Vec<String>>,
    sizes: HashMap<usize, Span>,
    entries: HashMap<usize, Entry>,
    locals: Vec<Local>,
}

/// The largest cost of an expression over values of a declaration.
pub(crate) fn estimate(expr: &Typed, decl: &Decl) -> u64 {
    let mut coster = Coster {
        decl,
        paths: HashMap::new(),
        sizes: HashMap::new(),
        entries: HashMap::new(),
        locals: Vec::new(),
    };
    coster.cost(expr).max
}

impl Coster<'_> {
    fn local(&self, name: &str) -> Option<&Local> {
        self.locals.iter().rev().find(|local| local.name == name)
    }

    fn path(&self, expr: &Typed) -> Vec<String> {
        if let TypedKind::Ident(name) = &expr.kind
            && let Some(local) = self.local(name)
        {
            return local.path.clone();
        }
        self.paths.get(&expr.id).cloned().unwrap_or_default()
    }

    fn below(&mut self, expr: &Typed, parent: &Typed, step: &str) {
        let mut path = self.path(parent);
        path.push(step.to_owned());
        self.paths.insert(expr.id, path);
    }

    fn entry(&self, expr: &Typed) -> Option<Entry> {
        if let Some(entry) = self.entries.get(&expr.id) {
            return Some(*entry);
        }
        match &expr.kind {
            TypedKind::Ident(name) => self.local(name).and_then(|local| local.entry),
            _ => None,
        }
    }

    /// What the schema says about the size of what a path leads to; the first step is the variable.
    fn declared(&self, path: &[String]) -> Option<Span> {
        let max = self
            .decl
            .size_at(path.get(1..).filter(|_| !path.is_empty())?)?;
        Some(Span { min: 0, max })
    }

    fn size(&mut self, expr: &Typed) -> Option<Span> {
        if let Some(size) = self.sizes.get(&expr.id) {
            return Some(*size);
        }
        match &expr.kind {
            TypedKind::Literal(literal) => {
                return Some(Span::fixed(match literal {
                    Literal::Text(text) => text.chars().count() as u64,
                    Literal::Bytes(bytes) => bytes.len() as u64,
                    _ => 1,
                }));
            }
            TypedKind::List(items, _) => return Some(Span::fixed(items.len() as u64)),
            TypedKind::Map(entries, _) => return Some(Span::fixed(entries.len() as u64)),
            _ => {}
        }
        let path = self.path(expr);
        // The server does not look at what a path starts from, and takes everything for a part of the variable.
        if let Some(size) = self.declared(&path) {
            self.sizes.insert(expr.id, size);
            return Some(size);
        }
        if expr.ty.is_scalar() {
            return Some(Span::fixed(1));
        }
        match &expr.kind {
            TypedKind::Ident(name) => self.local(name).and_then(|local| local.size),
            _ => None,
        }
    }

    fn size_or_unknown(&mut self, expr: &Typed) -> Span {
        self.size(expr).unwrap_or(UNKNOWN)
    }

    /// The size of a list's items.
    fn item_size(&mut self, list: &Typed) -> Span {
        let mut path = self.path(list);
        if path.is_empty() {
            return UNKNOWN;
        }
        path.push("@items".into());
        self.declared(&path).unwrap_or(UNKNOWN)
    }

    fn cost(&mut self, expr: &Typed) -> Span {
        match &expr.kind {
            TypedKind::Literal(_) => Span::default(),
            // A type is taken for a variable by its name.
            TypedKind::TypeName(name) => {
                self.paths.insert(expr.id, vec![name.clone()]);
                Span::fixed(1)
            }
            TypedKind::Ident(name) => {
                let path = self
                    .local(name)
                    .map_or_else(|| vec![name.clone()], |local| local.path.clone());
                self.paths.insert(expr.id, path);
                Span::fixed(1)
            }
            TypedKind::OptionalSelect {
                operand,
                asked: true,
                ..
            } => self.cost(operand).add(Span::fixed(1)),
            TypedKind::Select { operand, field }
            | TypedKind::OptionalSelect { operand, field, .. } => {
                let mut sum = self.cost(operand);
                if matches!(operand.ty, Ty::Map(..) | Ty::Object(_)) {
                    sum = sum.add(Span::fixed(1));
                }
                self.below(expr, operand, field);
                sum
            }
            TypedKind::Has { operand, .. } => self.cost(operand),
            TypedKind::List(items, _) => {
                let mut sum = Span::fixed(10);
                let mut value = Span {
                    min: if items.is_empty() { 0 } else { u64::MAX },
                    max: 0,
                };
                for item in items {
                    sum = sum.add(self.cost(item));
                    value = value.union(self.size_or_unknown(item));
                }
                self.entries.insert(
                    expr.id,
                    Entry {
                        is_list: true,
                        key: Span::fixed(1),
                        value,
                    },
                );
                sum
            }
            TypedKind::Map(entries, _) => {
                let mut sum = Span::fixed(30);
                let none = Span {
                    min: if entries.is_empty() { 0 } else { u64::MAX },
                    max: 0,
                };
                let (mut keys, mut values) = (none, none);
                for (key, value) in entries {
                    sum = sum.add(self.cost(key)).add(self.cost(value));
                    keys = keys.union(self.size_or_unknown(key));
                    values = values.union(self.size_or_unknown(value));
                }
                self.entries.insert(
                    expr.id,
                    Entry {
                        is_list: false,
                        key: keys,
                        value: values,
                    },
                );
                sum
            }
            TypedKind::Loop(inner) => self.cost_loop(expr, inner),
            TypedKind::Macro {
                name,
                range,
                vars,
                bodies,
            } => self.cost_macro(expr, name, range, vars, bodies),
            TypedKind::Call {
                name,
                overload,
                target,
                args,
            } => self.cost_call(expr, name, *overload, target.as_deref(), args),
        }
    }

    /// Declares a loop's variable: the items of a list, the keys of a map.
    fn push_iter(&mut self, name: &str, range: &Typed, keys: bool) {
        let entry = self.entry(range);
        let is_list = entry.map_or(matches!(range.ty, Ty::List(_)), |entry| entry.is_list);
        let step = match (keys, is_list) {
            (true, true) => "@indices",
            (true, false) => "@keys",
            (false, true) => "@items",
            (false, false) => "@values",
        };
        let size = entry.map(|entry| if keys { entry.key } else { entry.value });
        let mut path = self.path(range);
        path.push(step.into());
        self.locals.push(Local {
            name: name.to_owned(),
            path,
            size,
            entry: None,
        });
    }

    fn cost_loop(&mut self, expr: &Typed, inner: &Loop) -> Span {
        let mut sum = self.cost(&inner.range).add(self.cost(&inner.init));
        let depth = self.locals.len();
        let (path, size, entry) = (
            self.path(&inner.init),
            self.size(&inner.init),
            self.entry(&inner.init),
        );
        self.locals.push(Local {
            name: inner.accu.clone(),
            path,
            size,
            entry,
        });
        let is_list = self
            .entry(&inner.range)
            .map_or(matches!(inner.range.ty, Ty::List(_)), |entry| entry.is_list);
        self.push_iter(&inner.var, &inner.range, !is_list);
        let step = self.cost(&inner.condition).add(self.cost(&inner.step));
        self.locals.truncate(depth + 1);
        sum = sum.add(self.cost(&inner.result));
        self.locals.truncate(depth);
        let count = self.size_or_unknown(&inner.range);
        sum = sum.add(count.times(step));
        match &inner.init.kind {
            TypedKind::Literal(_) => {
                if let Some(size) = self.size(&inner.init) {
                    self.sizes.insert(expr.id, size);
                }
            }
            TypedKind::List(..) | TypedKind::Map(..) => {
                self.sizes.insert(expr.id, count);
                if let Some(entry) = self.entry(&inner.step) {
                    self.entries.insert(expr.id, entry);
                }
            }
            _ => {}
        }
        sum
    }

    fn cost_macro(
        &mut self,
        expr: &Typed,
        name: &str,
        range: &Typed,
        vars: &[String],
        bodies: &[Typed],
    ) -> Span {
        let sum = self.cost(range);
        let depth = self.locals.len();
        if matches!(name, "optMap" | "optFlatMap") {
            let (path, size, entry) = (self.path(range), self.size(range), self.entry(range));
            let var = vars.first().cloned().unwrap_or_default();
            self.locals.push(Local {
                name: var,
                path,
                size,
                entry,
            });
        } else if let [value] = vars {
            self.push_iter(value, range, false);
        } else if let [key, value] = vars {
            self.push_iter(key, range, true);
            self.push_iter(value, range, false);
        }
        let mut step = Span::fixed(1);
        for body in bodies {
            step = step.add(self.cost(body));
        }
        self.locals.truncate(depth);
        if matches!(name, "optMap" | "optFlatMap") {
            return sum.add(step);
        }
        let count = self.size_or_unknown(range);
        if name.starts_with("transform") || name == "sortBy" {
            self.sizes.insert(expr.id, count);
        }
        sum.add(count.times(step))
    }

    fn cost_call(
        &mut self,
        expr: &Typed,
        name: &str,
        overload: Overload,
        target: Option<&Typed>,
        args: &[Typed],
    ) -> Span {
        let costs: Vec<Span> = args.iter().map(|arg| self.cost(arg)).collect();
        let arg_sum = costs
            .iter()
            .fold(Span::default(), |sum, cost| sum.add(*cost));
        if let (Overload::Dyn, Some(arg)) = (overload, args.first()) {
            if let Some(size) = self.size(arg) {
                self.sizes.insert(expr.id, size);
            }
            if let Some(entry) = self.entry(arg) {
                self.entries.insert(expr.id, entry);
            }
            return arg_sum.add(Span::fixed(1));
        }
        let target_cost = target.map(|target| self.cost(target)).unwrap_or_default();
        let (cost, size) = self.call(expr, name, overload, target, args, &costs);
        if let Some(size) = size {
            self.sizes.insert(expr.id, size);
        }
        // These three weigh their arguments themselves.
        let weighed = matches!(
            overload,
            Overload::And | Overload::Or | Overload::Conditional
        );
        target_cost
            .add(cost)
            .add(if weighed { Span::default() } else { arg_sum })
    }

    fn call(
        &mut self,
        expr: &Typed,
        name: &str,
        overload: Overload,
        target: Option<&Typed>,
        args: &[Typed],
        costs: &[Span],
    ) -> (Span, Option<Span>) {
        let one = Span::fixed(1);
        let cost_of = |at: usize| costs.get(at).copied().unwrap_or_default();
        match (overload, args) {
            (Overload::And | Overload::Or, [_, _]) => (
                Span {
                    min: cost_of(0).min,
                    max: cost_of(0).add(cost_of(1)).max,
                },
                None,
            ),
            (Overload::Conditional, [_, yes, no]) => {
                let size = self.size_or_unknown(yes).union(self.size_or_unknown(no));
                if let (Some(yes), Some(no)) = (self.entry(yes), self.entry(no)) {
                    self.entries.insert(expr.id, yes.union(no));
                }
                (cost_of(0).add(cost_of(1).union(cost_of(2))), Some(size))
            }
            (Overload::Compare, [left, right]) => {
                if matches!((&left.ty, &right.ty), (Ty::Opaque(_), Ty::Opaque(_))) {
                    return (one, None);
                }
                let smallest = self
                    .size_or_unknown(left)
                    .max
                    .min(self.size_or_unknown(right).max);
                (
                    Span {
                        min: u64::from(smallest > 0),
                        max: smallest,
                    }
                    .factor(TRAVERSAL),
                    None,
                )
            }
            (Overload::AddText | Overload::AddList, [left, right]) => {
                let size = self.size_or_unknown(left).add(self.size_or_unknown(right));
                if let (Some(left), Some(right)) = (self.entry(left), self.entry(right)) {
                    self.entries.insert(expr.id, left.union(right));
                }
                (
                    if overload == Overload::AddList {
                        one
                    } else {
                        size.factor(TRAVERSAL)
                    },
                    Some(size),
                )
            }
            (Overload::InList, [_, list]) => (self.size_or_unknown(list), None),
            (Overload::IndexList | Overload::IndexMap, [container, _]) => {
                let step = if overload == Overload::IndexList {
                    "@items"
                } else {
                    "@values"
                };
                self.below(expr, container, step);
                (one, self.entry(container).map(|entry| entry.value))
            }
            (Overload::StartsOrEnds, [other]) => {
                (self.size_or_unknown(other).factor(TRAVERSAL), None)
            }
            (Overload::Contains, [other]) => {
                let text = target.map_or(UNKNOWN, |target| self.size_or_unknown(target));
                (
                    text.factor(TRAVERSAL)
                        .times(self.size_or_unknown(other).factor(TRAVERSAL)),
                    None,
                )
            }
            (Overload::Matches, args) => {
                let (text, pattern) = match (target, args) {
                    (Some(text), [pattern]) | (None, [text, pattern]) => {
                        (self.size_or_unknown(text), self.size_or_unknown(pattern))
                    }
                    _ => (UNKNOWN, UNKNOWN),
                };
                (
                    text.add(one).factor(TRAVERSAL).times(pattern.factor(REGEX)),
                    None,
                )
            }
            (Overload::TextToBytes, [arg]) => {
                let size = self.size_or_unknown(arg);
                (
                    size.factor(TRAVERSAL),
                    Some(Span {
                        min: size.min,
                        max: size.max.saturating_mul(4),
                    }),
                )
            }
            (Overload::BytesToText, [arg]) => {
                let size = self.size_or_unknown(arg);
                (
                    size.factor(TRAVERSAL),
                    Some(Span {
                        min: size.min / 4,
                        max: size.max,
                    }),
                )
            }
            (Overload::Quote, [arg]) => {
                let size = self.size_or_unknown(arg);
                let max = size.max.saturating_mul(2).saturating_add(2);
                (
                    size.factor(TRAVERSAL),
                    Some(Span {
                        min: size.min.saturating_add(2),
                        max,
                    }),
                )
            }
            (Overload::Format, _) => (
                target
                    .map_or(UNKNOWN, |target| self.size_or_unknown(target))
                    .factor(TRAVERSAL),
                None,
            ),
            _ => self.library(name, target, args),
        }
    }

    fn library(
        &mut self,
        name: &str,
        target: Option<&Typed>,
        args: &[Typed],
    ) -> (Span, Option<Span>) {
        let one = Span::fixed(1);
        let of_target = match target {
            Some(target) => self.size_or_unknown(target),
            None => UNKNOWN,
        };
        let first = match args.first() {
            Some(arg) => self.size_or_unknown(arg),
            None => UNKNOWN,
        };
        match (name, target) {
            ("isSorted" | "sum" | "max" | "min" | "indexOf" | "lastIndexOf", Some(list)) => {
                match &list.ty {
                    Ty::List(item) => {
                        let mut each = one;
                        if matches!(**item, Ty::Str | Ty::Bytes) {
                            each = each.add(self.item_size(list).factor(TRAVERSAL));
                        }
                        (of_target.times(each), None)
                    }
                    _ => (of_target.factor(TRAVERSAL), None),
                }
            }
            ("url", None) => (first.factor(TRAVERSAL), Some(first)),
            ("lowerAscii" | "upperAscii" | "substring" | "trim", Some(_)) => {
                (of_target.factor(TRAVERSAL), Some(of_target))
            }
            ("replace", Some(_)) if args.len() >= 2 => {
                let with = args.get(1).map_or(UNKNOWN, |arg| self.size_or_unknown(arg));
                (
                    of_target.factor(2.0 * TRAVERSAL),
                    Some(replaced(of_target, first, with)),
                )
            }
            ("split", Some(_)) => {
                let max = match args.get(1).map(|arg| &arg.kind) {
                    Some(TypedKind::Literal(Literal::Int(most))) => {
                        u64::try_from(*most).unwrap_or(u64::MAX)
                    }
                    _ => of_target.max,
                };
                (
                    of_target.factor(2.0 * TRAVERSAL),
                    Some(Span { min: 0, max }),
                )
            }
            ("join", Some(list)) => {
                let mut size = of_target.times(self.item_size(list));
                if !args.is_empty() {
                    let between = Span {
                        min: of_target.min.saturating_sub(1),
                        max: of_target.max.saturating_sub(1),
                    };
                    size = size.add(first.times(between));
                }
                (size.factor(TRAVERSAL), Some(size))
            }
            ("find" | "findAll", Some(_)) => {
                let text = of_target.add(one).factor(TRAVERSAL);
                (
                    text.times(first.factor(REGEX)),
                    Some(Span {
                        min: 0,
                        max: of_target.max,
                    }),
                )
            }
            (
                "cidr" | "isIP" | "isCIDR" | "ip" | "quantity" | "isQuantity" | "semver"
                | "isSemver",
                None,
            ) => (first.factor(TRAVERSAL), None),
            ("ip.isCanonical", None) => (first.factor(2.0 * TRAVERSAL), None),
            ("containsIP" | "containsCIDR", Some(_)) => {
                let address = Span { min: 4, max: 16 };
                let mut cost = address.add(address).factor(TRAVERSAL);
                if name == "containsCIDR" {
                    cost = cost.add(address.factor(TRAVERSAL)).add(one);
                }
                if matches!(args.first().map(|arg| &arg.ty), Some(Ty::Str)) {
                    cost = cost.add(first.factor(TRAVERSAL));
                }
                (cost, None)
            }
            ("validate", Some(_)) => (first.factor(TRAVERSAL).factor(128.0 * REGEX), None),
            ("sets.contains" | "sets.equivalent" | "sets.intersects", None) => {
                let second = args.get(1).map_or(UNKNOWN, |arg| self.size_or_unknown(arg));
                let both = if name == "sets.equivalent" { 2.0 } else { 1.0 };
                (first.times(second).factor(both).add(one), None)
            }
            _ => (one, None),
        }
    }
}

fn replaced(text: Span, from: Span, to: Span) -> Span {
    let divide = |a: u64, b: u64| (a as f64 / b as f64).ceil() as u64;
    let (max_count, max_kept) = if from.min == 0 {
        (text.max.saturating_add(1), text.max)
    } else if to.max <= from.min {
        (0, text.max)
    } else {
        (divide(text.max, from.min), 0)
    };
    let (min_count, min_kept) = if from.max == 0 {
        (text.min.saturating_add(1), text.min)
    } else if from.max <= to.min {
        (0, 0)
    } else {
        (divide(text.min, from.max), 0)
    };
    Span {
        min: min_count.saturating_mul(to.min).saturating_add(min_kept),
        max: max_count.saturating_mul(to.max).saturating_add(max_kept),
    }
}
