//! From text to a typed expression: parsing, names, overloads.
//!
//! Types and functions are those of the environment that the API server gives to CRD rules in v1.36
//! ([`signatures`](super::signatures)).

use std::collections::HashMap;
use std::sync::Arc;

use super::literals;
use super::signatures::{self, Overload};
use super::syntax::{self, Comprehension, Entry, Expr, Fault, Form, Literal, Parsed};
use super::types::{Decl, Ty, unescape};
use crate::text::stack::on_a_large_stack;

/// A typed expression.
#[derive(Debug)]
pub(crate) struct Typed {
    /// Tells it apart from the others of its rule.
    pub(crate) id: usize,
    /// The levels of its tree.
    depth: usize,
    pub(crate) ty: Ty,
    pub(crate) kind: TypedKind,
}

/// Trees with more levels are walked on a stack of their own.
const DEEP: usize = 64;

impl Typed {
    /// Walks the tree, where there is room for it. The error: there is no such room.
    pub(crate) fn with_room<T: Send>(
        &self,
        walk: impl FnOnce(&Self) -> T + Send,
    ) -> Result<T, String> {
        match self.is_deep() {
            true => on_a_large_stack(|| walk(self)),
            false => Ok(walk(self)),
        }
    }

    /// Whether to walk it takes more room than a small stack has.
    pub(crate) fn is_deep(&self) -> bool {
        self.depth > DEEP
    }
}

/// What an expression is.
#[derive(Debug)]
pub(crate) enum TypedKind {
    Literal(Literal),
    Ident(String),
    /// A type by its name.
    TypeName(String),
    Select {
        operand: Box<Typed>,
        field: String,
    },
    /// `has(a.b)`.
    Has {
        operand: Box<Typed>,
        field: String,
    },
    /// `a.?b`, or `a.b` of an optional value.
    OptionalSelect {
        operand: Box<Typed>,
        field: String,
        /// Written with the question mark.
        asked: bool,
    },
    Call {
        name: String,
        overload: Overload,
        target: Option<Box<Typed>>,
        args: Vec<Typed>,
    },
    /// Items, and which of them are optional.
    List(Vec<Typed>, Vec<usize>),
    /// Keys and values, and which of the values are optional.
    Map(Vec<(Typed, Typed)>, Vec<usize>),
    Loop(Box<Loop>),
    /// A macro over keys and values, or over an optional value.
    Macro {
        name: String,
        range: Box<Typed>,
        vars: Vec<String>,
        bodies: Vec<Typed>,
    },
}

/// The parts of an expression that are expressions themselves.
pub(crate) fn parts(kind: &TypedKind) -> Vec<&Typed> {
    match kind {
        TypedKind::Literal(_) | TypedKind::Ident(_) | TypedKind::TypeName(_) => Vec::new(),
        TypedKind::Select { operand, .. }
        | TypedKind::Has { operand, .. }
        | TypedKind::OptionalSelect { operand, .. } => vec![operand],
        TypedKind::Call { target, args, .. } => target.as_deref().into_iter().chain(args).collect(),
        TypedKind::List(items, _) => items.iter().collect(),
        TypedKind::Map(entries, _) => entries
            .iter()
            .flat_map(|(key, value)| [key, value])
            .collect(),
        TypedKind::Loop(inner) => vec![
            &inner.range,
            &inner.init,
            &inner.condition,
            &inner.step,
            &inner.result,
        ],
        TypedKind::Macro { range, bodies, .. } => std::iter::once(&**range).chain(bodies).collect(),
    }
}

fn depth_below(kind: &TypedKind) -> usize {
    let parts = parts(kind);
    parts
        .iter()
        .map(|part| part.depth)
        .max()
        .unwrap_or_default()
}

/// What `all`, `exists`, `map` and the like are made of.
#[derive(Debug)]
pub(crate) struct Loop {
    pub(crate) range: Typed,
    pub(crate) var: String,
    pub(crate) accu: String,
    pub(crate) init: Typed,
    pub(crate) condition: Typed,
    pub(crate) step: Typed,
    pub(crate) result: Typed,
}

/// A checked expression.
#[derive(Debug)]
pub(crate) struct Checked {
    pub(crate) root: Typed,
    pub(crate) uses_old_self: bool,
}

/// Parses and types a rule; the error is what the server says about it.
pub(crate) fn check(source: &str, this: &Arc<Decl>, optional_old: bool) -> Result<Checked, String> {
    let old = if optional_old {
        Ty::optional(this.ty())
    } else {
        this.ty()
    };
    let vars = vec![("self".into(), this.ty()), ("oldSelf".into(), old)];
    check_in(source, vars, false)
}

/// The same of any expression, with the names that it may use. `makes_patches`: it may write objects.
pub(crate) fn check_in(
    source: &str,
    vars: Vec<(String, Ty)>,
    makes_patches: bool,
) -> Result<Checked, String> {
    let parsed = syntax::parse(source).map_err(|faults| syntax::shown(source, faults))?;
    match parsed.root.depth > DEEP {
        true => on_a_large_stack(|| checked(source, &parsed, vars, makes_patches))?,
        false => checked(source, &parsed, vars, makes_patches),
    }
}

fn checked(
    source: &str,
    parsed: &Parsed,
    vars: Vec<(String, Ty)>,
    makes_patches: bool,
) -> Result<Checked, String> {
    let mut checker = Checker {
        parsed,
        vars,
        makes_patches,
        next: 0,
        uses_old_self: false,
        types: HashMap::new(),
        faults: Vec::new(),
    };
    let root = checker.expr(&parsed.root);
    if checker.faults.is_empty() {
        for (at, why) in literals::faults(&parsed.root, &checker.types) {
            checker.fault(at, &why);
        }
    }
    if !checker.faults.is_empty() {
        return Err(syntax::shown(source, checker.faults));
    }
    Ok(Checked {
        root,
        uses_old_self: checker.uses_old_self,
    })
}

struct Checker<'s> {
    parsed: &'s Parsed,
    vars: Vec<(String, Ty)>,
    makes_patches: bool,
    next: usize,
    uses_old_self: bool,
    types: literals::Types,
    faults: Vec<Fault>,
}

impl Checker<'_> {
    /// Notes a fault; what is around it is checked on.
    fn fault(&mut self, at: usize, message: &str) -> Typed {
        self.faults.push(Fault {
            at: self.parsed.place(at),
            message: message.to_owned(),
        });
        self.make(Ty::Err, TypedKind::Literal(Literal::Null))
    }

    fn make(&mut self, ty: Ty, kind: TypedKind) -> Typed {
        self.next += 1;
        Typed {
            id: self.next,
            depth: 1 + depth_below(&kind),
            ty,
            kind,
        }
    }

    fn var(&self, name: &str) -> Option<Ty> {
        self.vars
            .iter()
            .rev()
            .find(|(known, _)| known == name)
            .map(|(_, ty)| ty.clone())
    }

    fn expr(&mut self, expr: &Expr) -> Typed {
        let typed = self.typed(expr);
        self.types.insert(expr.id, typed.ty.clone());
        typed
    }

    fn typed(&mut self, expr: &Expr) -> Typed {
        match &expr.form {
            Form::Literal(literal) => self.literal(literal),
            Form::Ident(name) => self.ident(expr.id, name),
            Form::Select {
                operand,
                field,
                test,
            } => {
                if let Some(name) = qualified(expr).filter(|name| is_type_name(name)) {
                    return self.make(Ty::Type, TypedKind::TypeName(name));
                }
                // Some variables have a name with a dot.
                if let Some(name) = qualified(operand)
                    .map(|root| format!("{root}.{field}"))
                    .filter(|name| self.var(name).is_some())
                {
                    if *test {
                        return self.make(Ty::Bool, TypedKind::Literal(Literal::Bool(true)));
                    }
                    return self.ident(expr.id, &name);
                }
                let operand = self.expr(operand);
                self.select(expr.id, operand, field, *test)
            }
            Form::Call {
                function,
                target,
                args,
            } => self.call(expr.id, function, target.as_deref(), args),
            Form::List { items, optional } => {
                let mut typed_items = Vec::new();
                let mut item_ty = Ty::Free;
                for (index, item) in items.iter().enumerate() {
                    let typed = self.expr(item);
                    let ty = match (&typed.ty, optional.contains(&index)) {
                        (Ty::Optional(inner), true) => (**inner).clone(),
                        (ty, _) => ty.clone(),
                    };
                    item_ty = item_ty.join(&ty);
                    typed_items.push(typed);
                }
                self.make(
                    Ty::list(item_ty),
                    TypedKind::List(typed_items, optional.clone()),
                )
            }
            Form::Map(written) => {
                let (mut entries, mut optional) = (Vec::new(), Vec::new());
                let (mut key_ty, mut value_ty) = (Ty::Free, Ty::Free);
                for entry in written {
                    let (key, value) = (self.expr(&entry.key), self.expr(&entry.value));
                    key_ty = key_ty.join(&key.ty);
                    value_ty = value_ty.join(match &value.ty {
                        Ty::Optional(inner) if entry.optional => inner,
                        ty => ty,
                    });
                    if entry.optional {
                        optional.push(entries.len());
                    }
                    entries.push((key, value));
                }
                self.make(Ty::map(key_ty, value_ty), TypedKind::Map(entries, optional))
            }
            Form::Comprehension(inner) => self.comprehension(inner),
            Form::Message(name, fields) if self.makes_patches && makes(name).is_some() => {
                self.message(makes(name).unwrap_or(Ty::Dyn), fields)
            }
            Form::Message(name, _) => self.fault(
                expr.id,
                &format!("undeclared reference to '{name}' (in container '')"),
            ),
            Form::Missing => self.fault(expr.id, "expression is empty"),
        }
    }

    /// `Object{spec: Object.spec{…}}` or `JSONPatch{op: "add", …}`: a map of its fields, by name.
    fn message(&mut self, ty: Ty, fields: &[Entry]) -> Typed {
        let (mut entries, mut optional) = (Vec::new(), Vec::new());
        for field in fields {
            let Form::Ident(name) = &field.key.form else {
                continue;
            };
            let name = Literal::Text(unescape(name));
            let key = self.make(Ty::Str, TypedKind::Literal(name));
            let value = self.expr(&field.value);
            if field.optional {
                optional.push(entries.len());
            }
            entries.push((key, value));
        }
        self.make(ty, TypedKind::Map(entries, optional))
    }

    fn literal(&mut self, literal: &Literal) -> Typed {
        let ty = match literal {
            Literal::Bool(_) => Ty::Bool,
            Literal::Bytes(_) => Ty::Bytes,
            Literal::Double(_) => Ty::Double,
            Literal::Int(_) => Ty::Int,
            Literal::Null => Ty::Null,
            Literal::Text(_) => Ty::Str,
            Literal::Uint(_) => Ty::Uint,
        };
        self.make(ty, TypedKind::Literal(literal.clone()))
    }

    fn ident(&mut self, at: usize, name: &str) -> Typed {
        if name == "oldSelf" {
            self.uses_old_self = true;
        }
        match self.var(name) {
            Some(ty) => self.make(ty, TypedKind::Ident(name.to_owned())),
            None if is_type_name(name) => self.make(Ty::Type, TypedKind::TypeName(name.to_owned())),
            None => self.fault(
                at,
                &format!("undeclared reference to '{name}' (in container '')"),
            ),
        }
    }

    /// The type of a field; `None` if there is no such field.
    fn field_ty(operand: &Ty, field: &str) -> Result<Option<Ty>, ()> {
        Ok(match operand {
            Ty::Object(decl) => decl.field(field).map(Decl::ty),
            Ty::Map(key, value) if key.fits(&Ty::Str) => Some((**value).clone()),
            Ty::Optional(inner) => Self::field_ty(inner, field)?.map(Ty::optional),
            ty if ty.is_dyn() => Some(Ty::Dyn),
            _ => return Err(()),
        })
    }

    fn select(&mut self, at: usize, operand: Typed, field: &str, test: bool) -> Typed {
        let ty = match Self::field_ty(&operand.ty, field) {
            Ok(Some(ty)) => ty,
            Ok(None) => return self.fault(at, &format!("undefined field '{field}'")),
            Err(()) => {
                return self.fault(
                    at,
                    &format!("type '{}' does not support field selection", operand.ty),
                );
            }
        };
        let (operand, field) = (Box::new(operand), field.to_owned());
        if test {
            return self.make(Ty::Bool, TypedKind::Has { operand, field });
        }
        if matches!(operand.ty, Ty::Optional(_)) {
            let asked = false;
            return self.make(
                ty,
                TypedKind::OptionalSelect {
                    operand,
                    field,
                    asked,
                },
            );
        }
        self.make(ty, TypedKind::Select { operand, field })
    }

    fn call(&mut self, at: usize, name: &str, target: Option<&Expr>, args: &[Expr]) -> Typed {
        if name == "_?._" {
            let [operand, field] = args else {
                return self.fault(at, "unsupported optional field selection");
            };
            let operand = self.expr(operand);
            let Form::Literal(Literal::Text(field)) = &field.form else {
                return self.fault(at, "unsupported optional field selection");
            };
            let field = field.clone();
            let inner = match &operand.ty {
                Ty::Optional(inner) => (**inner).clone(),
                other => other.clone(),
            };
            let ty = match Self::field_ty(&inner, &field) {
                Ok(Some(ty)) => Ty::optional(ty),
                Ok(None) => return self.fault(at, &format!("undefined field '{field}'")),
                Err(()) => {
                    return self.fault(
                        at,
                        &format!("type '{inner}' does not support field selection"),
                    );
                }
            };
            return self.make(
                ty,
                TypedKind::OptionalSelect {
                    operand: Box::new(operand),
                    field,
                    asked: true,
                },
            );
        }
        // `sets.contains(a, b)` is a function, unless there is a variable `sets`.
        if let Some(space) = target
            .and_then(qualified)
            .filter(|space| self.var(root_of(space)).is_none())
        {
            let full = format!("{space}.{name}");
            if signatures::is_qualified(&full) {
                return self.apply(at, &full, None, args);
            }
        }
        if let Some(target) = target
            && let Some(count) = signatures::macro_vars(name, args.len())
        {
            return self.expand(name, target, args, count);
        }
        self.apply(at, name, target, args)
    }

    fn apply(&mut self, at: usize, name: &str, target: Option<&Expr>, args: &[Expr]) -> Typed {
        let target = target.map(|target| Box::new(self.expr(target)));
        let places = args;
        let args = args.iter().map(|arg| self.expr(arg)).collect::<Vec<_>>();
        let types: Vec<Ty> = args.iter().map(|arg| arg.ty.clone()).collect();
        let resolved = signatures::resolve(name, target.as_ref().map(|target| &target.ty), &types);
        if resolved.is_none() && target.is_none() && matches!(name, "_&&_" | "_||_") {
            for (arg, place) in args.iter().zip(places) {
                if !arg.ty.fits(&Ty::Bool) {
                    let why = format!("expected type 'bool' but found '{}'", arg.ty);
                    self.fault(place.id, &why);
                }
            }
            return self.make(Ty::Bool, TypedKind::Literal(Literal::Null));
        }
        match resolved {
            Some((ty, overload)) => self.make(
                ty,
                TypedKind::Call {
                    name: name.to_owned(),
                    overload,
                    target,
                    args,
                },
            ),
            None if !signatures::is_known(name) => self.fault(
                at,
                &format!("undeclared reference to '{name}' (in container '')"),
            ),
            None => {
                let shown: Vec<String> = types.iter().map(ToString::to_string).collect();
                let shown = match &target {
                    Some(target) => format!("{}.({})", target.ty, shown.join(", ")),
                    None => format!("({})", shown.join(", ")),
                };
                self.fault(
                    at,
                    &format!("found no matching overload for '{name}' applied to '{shown}'"),
                )
            }
        }
    }

    fn item_ty(&mut self, at: usize, range: &Ty) -> (Ty, Ty) {
        match range {
            Ty::List(item) => (Ty::Int, (**item).clone()),
            Ty::Map(key, value) => ((**key).clone(), (**value).clone()),
            ty if ty.is_dyn() => (Ty::Dyn, Ty::Dyn),
            other => {
                self.fault(at, &format!("expression of type '{other}' cannot be range of a comprehension (must be list, map, or dynamic)"));
                (Ty::Err, Ty::Err)
            }
        }
    }

    fn comprehension(&mut self, inner: &Comprehension) -> Typed {
        let range = self.expr(&inner.range);
        let (key, value) = self.item_ty(inner.range.id, &range.ty);
        let item = if matches!(range.ty, Ty::List(_)) {
            value
        } else {
            key
        };
        let init = self.expr(&inner.init);
        let depth = self.vars.len();
        self.vars.push((inner.accu.clone(), init.ty.clone()));
        self.vars.push((inner.var.clone(), item));
        let condition = self.expr(&inner.condition);
        let step = self.expr(&inner.step);
        let step_fits = init.ty.fits(&step.ty);
        // What a list is made of is known after the first step.
        let accu = init.ty.join(&step.ty);
        self.vars.truncate(depth);
        if !step_fits {
            return self.fault(
                inner.step.id,
                &format!("expected type '{}' but found '{}'", init.ty, step.ty),
            );
        }
        self.vars.push((inner.accu.clone(), accu));
        let result = self.expr(&inner.result);
        self.vars.truncate(depth);
        let ty = result.ty.clone();
        let (var, accu) = (inner.var.clone(), inner.accu.clone());
        self.make(
            ty,
            TypedKind::Loop(Box::new(Loop {
                range,
                var,
                accu,
                init,
                condition,
                step,
                result,
            })),
        )
    }

    /// Macros that the parser leaves as calls: over keys and values, and `optMap`.
    fn expand(&mut self, name: &str, target: &Expr, args: &[Expr], count: usize) -> Typed {
        let range = self.expr(target);
        let (vars, bodies) = args.split_at(count.min(args.len()));
        let mut names = Vec::new();
        for var in vars {
            match &var.form {
                Form::Ident(name) => names.push(name.clone()),
                _ => return self.fault(var.id, "argument must be a simple name"),
            }
        }
        let optional = matches!(name, "optMap" | "optFlatMap");
        let types = if optional {
            match &range.ty {
                Ty::Optional(inner) => vec![(**inner).clone()],
                ty if ty.is_dyn() => vec![Ty::Dyn],
                other => {
                    let shown =
                        format!("found no matching overload for '{name}' applied to '{other}.()'");
                    return self.fault(target.id, &shown);
                }
            }
        } else {
            let (key, value) = self.item_ty(target.id, &range.ty);
            if count == 1 {
                vec![value]
            } else {
                vec![key, value]
            }
        };
        let depth = self.vars.len();
        self.vars
            .extend(names.iter().cloned().zip(types.iter().cloned()));
        let bodies = bodies
            .iter()
            .map(|body| self.expr(body))
            .collect::<Vec<_>>();
        self.vars.truncate(depth);
        let last = bodies.last().map_or(Ty::Dyn, |body| body.ty.clone());
        let key = types.first().cloned().unwrap_or(Ty::Dyn);
        let (ty, tests) = match name {
            "all" | "exists" | "exists_one" | "existsOne" => (Ty::Bool, bodies.len()),
            "transformList" => (Ty::list(last), bodies.len() - 1),
            "transformMap" => (Ty::map(key, last), bodies.len() - 1),
            "transformMapEntry" => (last, bodies.len() - 1),
            "sortBy" => (range.ty.clone(), 0),
            "optMap" => (Ty::optional(last), 0),
            _ => (last, 0),
        };
        for (body, at) in bodies.iter().zip(args.iter().skip(count)).take(tests) {
            if !body.ty.fits(&Ty::Bool) {
                return self.fault(
                    at.id,
                    &format!("expected type 'bool' but found '{}'", body.ty),
                );
            }
        }
        self.make(
            ty,
            TypedKind::Macro {
                name: name.to_owned(),
                range: Box::new(range),
                vars: names,
                bodies,
            },
        )
    }
}

/// The type of an object that an expression writes; `None`: it cannot.
fn makes(name: &str) -> Option<Ty> {
    match name {
        "Object" => Some(Ty::Opaque("Object")),
        "JSONPatch" => Some(Ty::Opaque("JSONPatch")),
        _ if name.starts_with("Object.") => Some(Ty::Dyn),
        _ => None,
    }
}

/// `a.b.c`, if the expression spells a name.
fn qualified(expr: &Expr) -> Option<String> {
    match &expr.form {
        Form::Ident(name) => Some(name.clone()),
        Form::Select {
            operand,
            field,
            test: false,
        } => Some(format!("{}.{field}", qualified(operand)?)),
        _ => None,
    }
}

fn root_of(name: &str) -> &str {
    name.split('.').next().unwrap_or(name)
}

fn is_type_name(name: &str) -> bool {
    matches!(
        name,
        "bool"
            | "int"
            | "uint"
            | "double"
            | "string"
            | "bytes"
            | "list"
            | "map"
            | "type"
            | "null_type"
            | "google.protobuf.Timestamp"
            | "google.protobuf.Duration"
            | "optional_type"
            | "net.IP"
            | "net.CIDR"
            | "kubernetes.URL"
            | "kubernetes.Quantity"
            | "kubernetes.Semver"
            | "kubernetes.NamedFormat"
    )
}
