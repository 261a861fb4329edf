//! From text to a typed expression: parsing, names, overloads.
//!
//! The grammar is that of the crate `cel`; types and functions are those of the environment that the API server
//! gives to CRD rules in v1.36 ([`signatures`](super::signatures)).

use std::collections::HashMap;
use std::sync::Arc;

use cel::common::ast::{EntryExpr, Expr, IdedExpr, LiteralValue, SourceInfo};
use cel::parser::Parser;

use super::literals;
use super::signatures::{self, Overload};
use super::types::{Decl, Ty};

/// A typed expression.
#[derive(Debug)]
pub(crate) struct Typed {
    /// Tells it apart from the others of its rule.
    pub(crate) id: usize,
    pub(crate) ty: Ty,
    pub(crate) kind: Kind,
}

/// What an expression is.
#[derive(Debug)]
pub(crate) enum Kind {
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

/// A literal.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Literal {
    Null,
    Bool(bool),
    Int(i64),
    Uint(u64),
    Double(f64),
    Text(String),
    Bytes(Vec<u8>),
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

/// Parses and types an expression; the error is what the server says about it.
pub(crate) fn check(source: &str, this: &Arc<Decl>, optional_old: bool) -> Result<Checked, String> {
    let parser = Parser::default()
        .enable_optional_syntax(true)
        .enable_ident_escape_syntax(true);
    let (expr, info) = parser
        .parse_with_source_info(source)
        .map_err(|errors| syntax_faults(&errors.to_string()))?;
    let old = if optional_old {
        Ty::optional(this.ty())
    } else {
        this.ty()
    };
    let mut checker = Checker {
        info: &info,
        vars: vec![("self".into(), this.ty()), ("oldSelf".into(), old)],
        next: 0,
        uses_old_self: false,
        types: HashMap::new(),
        faults: Vec::new(),
    };
    let root = checker.expr(&expr);
    if checker.faults.is_empty() {
        for (at, why) in literals::faults(&expr, &checker.types) {
            checker.fault(at, &why);
        }
    }
    if !checker.faults.is_empty() {
        checker.faults.sort_by_key(|(place, _)| *place);
        let texts: Vec<String> = checker.faults.into_iter().map(|(_, text)| text).collect();
        return Err(texts.join("\n"));
    }
    Ok(Checked {
        root,
        uses_old_self: checker.uses_old_self,
    })
}

struct Checker<'s> {
    info: &'s SourceInfo,
    vars: Vec<(String, Ty)>,
    next: usize,
    uses_old_self: bool,
    types: literals::Types,
    /// By line and column.
    faults: Vec<((usize, usize), String)>,
}

/// Faults of the parser, shown as the server shows them.
fn syntax_faults(text: &str) -> String {
    let mut shown: Vec<String> = Vec::new();
    let mut own = false;
    for line in text.lines() {
        if line.starts_with("ERROR: ") {
            // What the crate says of its own tree is not about the text.
            own = line.contains(": Incomplete `");
        }
        if own {
            continue;
        }
        let indent = if line.starts_with("| ") { " " } else { "" };
        shown.push(format!("{indent}{line}"));
    }
    shown.join("\n")
}

impl Checker<'_> {
    /// Notes a fault; what is around it is checked on.
    fn fault(&mut self, at: u64, message: &str) -> Typed {
        let start = self
            .info
            .offset_for(at)
            .map_or(0, |(start, _)| start as usize);
        let before = self.info.source.get(..start).unwrap_or_default();
        let line = before.matches('\n').count();
        let column = before
            .rsplit('\n')
            .next()
            .unwrap_or_default()
            .chars()
            .count();
        let text = self.info.source.lines().nth(line).unwrap_or_default();
        let dots = ".".repeat(column);
        let text = format!(
            "ERROR: <input>:{}:{}: {message}\n | {text}\n | {dots}^",
            line + 1,
            column + 1
        );
        self.faults.push(((line, column), text));
        self.make(Ty::Err, Kind::Literal(Literal::Null))
    }

    fn make(&mut self, ty: Ty, kind: Kind) -> Typed {
        self.next += 1;
        Typed {
            id: self.next,
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

    fn expr(&mut self, expr: &IdedExpr) -> Typed {
        let typed = self.typed(expr);
        self.types.insert(expr.id, typed.ty.clone());
        typed
    }

    fn typed(&mut self, expr: &IdedExpr) -> Typed {
        match &expr.expr {
            Expr::Literal(literal) => self.literal(literal),
            Expr::Ident(name) => self.ident(expr.id, name),
            Expr::Select(select) => {
                if let Some(name) = qualified(expr).filter(|name| is_type_name(name)) {
                    return self.make(Ty::Type, Kind::TypeName(name));
                }
                let operand = self.expr(&select.operand);
                self.select(expr.id, operand, &select.field, select.test)
            }
            Expr::Call(call) => {
                self.call(expr.id, &call.func_name, call.target.as_deref(), &call.args)
            }
            Expr::List(list) => {
                let mut items = Vec::new();
                let mut item_ty = Ty::Free;
                for (index, item) in list.elements.iter().enumerate() {
                    let typed = self.expr(item);
                    let ty = match (&typed.ty, list.optional_indices.contains(&index)) {
                        (Ty::Optional(inner), true) => (**inner).clone(),
                        (ty, _) => ty.clone(),
                    };
                    item_ty = item_ty.join(&ty);
                    items.push(typed);
                }
                self.make(
                    Ty::list(item_ty),
                    Kind::List(items, list.optional_indices.clone()),
                )
            }
            Expr::Map(map) => {
                let (mut entries, mut optional) = (Vec::new(), Vec::new());
                let (mut key_ty, mut value_ty) = (Ty::Free, Ty::Free);
                for entry in &map.entries {
                    let EntryExpr::MapEntry(entry) = &entry.expr else {
                        continue;
                    };
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
                self.make(Ty::map(key_ty, value_ty), Kind::Map(entries, optional))
            }
            Expr::Comprehension(inner) => self.comprehension(inner),
            Expr::Struct(message) => {
                let name = &message.type_name;
                self.fault(
                    expr.id,
                    &format!("undeclared reference to '{name}' (in container '')"),
                )
            }
            Expr::Unspecified => self.fault(expr.id, "expression is empty"),
        }
    }

    fn literal(&mut self, literal: &LiteralValue) -> Typed {
        let (ty, literal) = match literal {
            LiteralValue::Boolean(value) => (Ty::Bool, Literal::Bool(*value.inner())),
            LiteralValue::Bytes(value) => (Ty::Bytes, Literal::Bytes(value.inner().to_vec())),
            LiteralValue::Double(value) => (Ty::Double, Literal::Double(*value.inner())),
            LiteralValue::Int(value) => (Ty::Int, Literal::Int(*value.inner())),
            LiteralValue::Null => (Ty::Null, Literal::Null),
            LiteralValue::String(value) => (Ty::Str, Literal::Text(value.inner().to_owned())),
            LiteralValue::UInt(value) => (Ty::Uint, Literal::Uint(*value.inner())),
        };
        self.make(ty, Kind::Literal(literal))
    }

    fn ident(&mut self, at: u64, name: &str) -> Typed {
        if name == "oldSelf" {
            self.uses_old_self = true;
        }
        match self.var(name) {
            Some(ty) => self.make(ty, Kind::Ident(name.to_owned())),
            None if is_type_name(name) => self.make(Ty::Type, Kind::TypeName(name.to_owned())),
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

    fn select(&mut self, at: u64, operand: Typed, field: &str, test: bool) -> Typed {
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
            return self.make(Ty::Bool, Kind::Has { operand, field });
        }
        if matches!(operand.ty, Ty::Optional(_)) {
            let asked = false;
            return self.make(
                ty,
                Kind::OptionalSelect {
                    operand,
                    field,
                    asked,
                },
            );
        }
        self.make(ty, Kind::Select { operand, field })
    }

    fn call(&mut self, at: u64, name: &str, target: Option<&IdedExpr>, args: &[IdedExpr]) -> Typed {
        if name == "_?._" {
            let [operand, field] = args else {
                return self.fault(at, "unsupported optional field selection");
            };
            let operand = self.expr(operand);
            let Expr::Literal(LiteralValue::String(field)) = &field.expr else {
                return self.fault(at, "unsupported optional field selection");
            };
            let field = field.inner().to_owned();
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
                Kind::OptionalSelect {
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

    fn apply(
        &mut self,
        at: u64,
        name: &str,
        target: Option<&IdedExpr>,
        args: &[IdedExpr],
    ) -> Typed {
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
            return self.make(Ty::Bool, Kind::Literal(Literal::Null));
        }
        match resolved {
            Some((ty, overload)) => self.make(
                ty,
                Kind::Call {
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

    fn item_ty(&mut self, at: u64, range: &Ty) -> (Ty, Ty) {
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

    fn comprehension(&mut self, inner: &cel::common::ast::ComprehensionExpr) -> Typed {
        let range = self.expr(&inner.iter_range);
        let (key, value) = self.item_ty(inner.iter_range.id, &range.ty);
        let item = if matches!(range.ty, Ty::List(_)) {
            value
        } else {
            key
        };
        let init = self.expr(&inner.accu_init);
        let depth = self.vars.len();
        self.vars.push((inner.accu_var.clone(), init.ty.clone()));
        self.vars.push((inner.iter_var.clone(), item));
        let condition = self.expr(&inner.loop_cond);
        let step = self.expr(&inner.loop_step);
        let step_fits = init.ty.fits(&step.ty);
        // What a list is made of is known after the first step.
        let accu = init.ty.join(&step.ty);
        self.vars.truncate(depth);
        if !step_fits {
            return self.fault(
                inner.loop_step.id,
                &format!("expected type '{}' but found '{}'", init.ty, step.ty),
            );
        }
        self.vars.push((inner.accu_var.clone(), accu));
        let result = self.expr(&inner.result);
        self.vars.truncate(depth);
        let ty = result.ty.clone();
        let (var, accu) = (inner.iter_var.clone(), inner.accu_var.clone());
        self.make(
            ty,
            Kind::Loop(Box::new(Loop {
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
    fn expand(&mut self, name: &str, target: &IdedExpr, args: &[IdedExpr], count: usize) -> Typed {
        let range = self.expr(target);
        let (vars, bodies) = args.split_at(count.min(args.len()));
        let mut names = Vec::new();
        for var in vars {
            match &var.expr {
                Expr::Ident(name) => names.push(name.clone()),
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
            Kind::Macro {
                name: name.to_owned(),
                range: Box::new(range),
                vars: names,
                bodies,
            },
        )
    }
}

/// `a.b.c`, if the expression spells a name.
fn qualified(expr: &IdedExpr) -> Option<String> {
    match &expr.expr {
        Expr::Ident(name) => Some(name.clone()),
        Expr::Select(select) if !select.test => {
            Some(format!("{}.{}", qualified(&select.operand)?, select.field))
        }
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
