//! Running a typed expression.
//!
//! Semantics of `cel-go`: `&&` and `||` forgive a failing side when the other one decides; macros run as loops with an
//! accumulator. Every step costs, so that no rule runs for long.

use super::authorizer::{self, Decider};
use super::check::{Loop, Typed, TypedKind};
use super::constants;
use super::functions;
use super::price;
use super::syntax::Literal;
use super::value::{Fail, Opaque, Val, equal};
use crate::model::status::quoted;
use crate::text::stack::on_a_large_stack;

/// The largest cost of running one expression.
const LIMIT: u64 = 1_000_000;

/// The variables of a run.
pub(crate) struct Run<'a> {
    vars: Vec<(String, Result<Val<'a>, Fail>)>,
    cost: u64,
    /// So many of the variables are not those of a loop.
    globals: usize,
    /// Variables that are worked out when they are first asked for.
    later: Vec<(&'a str, &'a Result<Typed, String>)>,
    /// What that cost.
    spent_later: u64,
    decider: Option<&'a dyn Decider>,
    /// Whether this runs on a large stack already, and how many variables wait for each other.
    has_room: bool,
    nested: usize,
}

/// So many variables may wait for each other on a small stack, and on a large one.
const FEW: usize = 2;
const MANY: usize = 16;

type Out<'a> = Result<Val<'a>, Fail>;

impl<'a> Run<'a> {
    /// A run over `self`, and `oldSelf` if there is one.
    pub(crate) fn new(this: Val<'a>, old: Option<Val<'a>>) -> Run<'a> {
        let mut vars = vec![("self".to_owned(), Ok(this))];
        vars.extend(old.map(|old| ("oldSelf".to_owned(), Ok(old))));
        Run {
            globals: vars.len(),
            vars,
            cost: 0,
            later: Vec::new(),
            spent_later: 0,
            decider: None,
            has_room: false,
            nested: 0,
        }
    }

    /// A run over any values, with `variables` that are worked out when they are first asked for.
    pub(crate) fn over(
        vars: Vec<(&str, Val<'a>)>,
        variables: Vec<(&'a str, &'a Result<Typed, String>)>,
        decider: Option<&'a dyn Decider>,
    ) -> Run<'a> {
        let vars = vars
            .into_iter()
            .map(|(name, value)| (name.to_owned(), Ok(value)));
        let vars: Vec<_> = vars.collect();
        Run {
            globals: vars.len(),
            vars,
            cost: 0,
            later: variables,
            spent_later: 0,
            decider,
            has_room: false,
            nested: 0,
        }
    }

    /// The value of one of several expressions, and what it cost.
    pub(crate) fn once(&mut self, expr: &Typed) -> (Out<'a>, u64) {
        (self.cost, self.spent_later) = (0, 0);
        let value = self.value(expr);
        (value, self.cost.saturating_add(self.spent_later))
    }

    /// The value of an expression, however deep it is.
    pub(crate) fn value(&mut self, expr: &Typed) -> Out<'a> {
        let needs_room = expr.is_deep() || self.nested >= FEW;
        let is_full = self.nested > 0 && self.nested.is_multiple_of(MANY);
        if !needs_room || self.has_room && !is_full {
            return self.eval(expr);
        }
        let had_room = std::mem::replace(&mut self.has_room, true);
        let value = on_a_large_stack(|| self.eval(expr));
        self.has_room = had_room;
        value.unwrap_or_else(Fail::new)
    }

    /// Works a variable out, and keeps it.
    fn variable(&mut self, name: &str) -> Option<Out<'a>> {
        let own = name.strip_prefix("variables.")?;
        let (own, program) = *self.later.iter().find(|(known, _)| *known == own)?;
        let loops = self.vars.split_off(self.globals);
        let cost = std::mem::take(&mut self.cost);
        let value = match program {
            Ok(program) => self.own(program).map_err(|fail| {
                Fail(format!(
                    "composited variable {} fails to evaluate: {}",
                    quoted(own),
                    fail.0
                ))
            }),
            Err(why) => Fail::new(format!(
                "composited variable {} fails to compile: {why}",
                quoted(own)
            )),
        };
        self.spent_later = self.spent_later.saturating_add(self.cost);
        self.cost = cost;
        self.vars.truncate(self.globals);
        self.vars.push((name.to_owned(), value.clone()));
        self.globals = self.vars.len();
        self.vars.extend(loops);
        Some(value)
    }

    /// The value of a variable.
    fn own(&mut self, program: &Typed) -> Out<'a> {
        self.nested += 1;
        let value = self.value(program);
        self.nested -= 1;
        value
    }

    /// What it cost so far.
    pub(crate) fn cost(&self) -> u64 {
        self.cost
    }

    fn pay(&mut self, cost: u64) -> Result<(), Fail> {
        self.cost = self.cost.saturating_add(cost);
        if self.cost > LIMIT {
            return Fail::new("operation cancelled: actual cost limit exceeded");
        }
        Ok(())
    }

    fn eval(&mut self, expr: &Typed) -> Out<'a> {
        match &expr.kind {
            TypedKind::Literal(literal) => Ok(match literal {
                Literal::Null => Val::Null,
                Literal::Bool(value) => Val::Bool(*value),
                Literal::Int(value) => Val::Int(*value),
                Literal::Uint(value) => Val::Uint(*value),
                Literal::Double(value) => Val::Double(*value),
                Literal::Text(value) => Val::text(value.clone()),
                Literal::Bytes(value) => Val::Bytes(value.clone().into()),
            }),
            TypedKind::TypeName(name) => Ok(Val::Type(name.clone().into())),
            TypedKind::Ident(name) => {
                self.pay(1)?;
                let found = self.vars.iter().rev().find(|(known, _)| known == name);
                if let Some((_, value)) = found {
                    return value.clone();
                }
                self.variable(name)
                    .unwrap_or_else(|| Fail::new(format!("no such attribute(s): {name}")))
            }
            TypedKind::Select { operand, field } => {
                self.pay(1)?;
                let operand = self.eval(operand)?;
                match &operand {
                    Val::Object(..) | Val::Map(_) => operand
                        .field(field)
                        .map_or_else(|| Fail::new(format!("no such key: {field}")), Ok),
                    _ => Fail::no_such_overload(),
                }
            }
            TypedKind::Has { operand, field } => {
                let operand = self.eval(operand)?;
                match &operand {
                    Val::Optional(None) => Ok(Val::Bool(false)),
                    Val::Optional(Some(inner)) => Ok(Val::Bool(inner.field(field).is_some())),
                    Val::Object(..) | Val::Map(_) => Ok(Val::Bool(operand.field(field).is_some())),
                    _ => Fail::no_such_overload(),
                }
            }
            TypedKind::OptionalSelect { operand, field, .. } => {
                self.pay(1)?;
                let operand = self.eval(operand)?;
                let found = match &operand {
                    Val::Optional(None) => None,
                    Val::Optional(Some(inner)) => inner.field(field),
                    other => other.field(field),
                };
                Ok(Val::Optional(found.map(Into::into)))
            }
            TypedKind::List(items, optional) => {
                self.pay(10)?;
                let mut out = Vec::with_capacity(items.len());
                for (index, item) in items.iter().enumerate() {
                    match self.eval(item)? {
                        Val::Optional(inner) if optional.contains(&index) => {
                            out.extend(inner.map(|inner| (*inner).clone()));
                        }
                        value => out.push(value),
                    }
                }
                Ok(Val::list(out))
            }
            TypedKind::Map(entries, optional) => {
                self.pay(30)?;
                let mut out: Vec<(Val<'a>, Val<'a>)> = Vec::with_capacity(entries.len());
                for (index, (key, value)) in entries.iter().enumerate() {
                    let (key, value) = (self.eval(key)?, self.eval(value)?);
                    let value = match value {
                        Val::Optional(inner) if optional.contains(&index) => match inner {
                            Some(inner) => (*inner).clone(),
                            None => continue,
                        },
                        value => value,
                    };
                    if out.iter().any(|(known, _)| equal(known, &key)) {
                        return Fail::new("insert failed: key already exists");
                    }
                    out.push((key, value));
                }
                Ok(Val::Map(out.into()))
            }
            TypedKind::Loop(inner) => self.run_loop(inner),
            TypedKind::Macro {
                name,
                range,
                vars,
                bodies,
            } => self.run_macro(name, range, vars, bodies),
            TypedKind::Call {
                name, target, args, ..
            } => self.call(name, target.as_deref(), args),
        }
    }

    fn call(&mut self, name: &str, target: Option<&Typed>, args: &[Typed]) -> Out<'a> {
        match (name, args) {
            ("_&&_" | "_||_", [left, right]) => {
                let decides = name == "_||_";
                let left = self.eval(left);
                if matches!(left, Ok(Val::Bool(value)) if value == decides) {
                    return left;
                }
                let right = self.eval(right);
                match (left, right) {
                    (_, Ok(Val::Bool(value))) if value == decides => Ok(Val::Bool(decides)),
                    (Ok(Val::Bool(_)), Ok(Val::Bool(value))) => Ok(Val::Bool(value)),
                    (Err(fail), _) | (Ok(_), Err(fail)) => Err(fail),
                    _ => Fail::no_such_overload(),
                }
            }
            ("_?_:_", [condition, yes, no]) => match self.eval(condition)? {
                Val::Bool(true) => self.eval(yes),
                Val::Bool(false) => self.eval(no),
                _ => Fail::no_such_overload(),
            },
            ("@not_strictly_false", [arg]) => {
                self.pay(1)?;
                Ok(Val::Bool(!matches!(self.eval(arg), Ok(Val::Bool(false)))))
            }
            _ => {
                let mut values = Vec::with_capacity(args.len() + 1);
                let is_member = target.is_some();
                if let Some(target) = target {
                    values.push(self.eval(target)?);
                }
                for arg in args {
                    values.push(self.eval(arg)?);
                }
                if let (true, Some(Val::Opaque(opaque))) = (is_member, values.first())
                    && let Opaque::Authz(authz) = &**opaque
                {
                    self.pay(authorizer::cost(name))?;
                    let args = values.get(1..).unwrap_or_default();
                    return authorizer::call(name, authz, args, self.decider);
                }
                // What `join` makes is not known before it is made.
                if name == "join" {
                    let result = functions::call(name, is_member, values)?;
                    self.pay(price::of_call(name, &[], Some(&result)))?;
                    return Ok(result);
                }
                if !constants::is_worked_out(name, args) {
                    self.pay(price::of_call(name, &values, None))?;
                }
                functions::call(name, is_member, values)
            }
        }
    }

    fn range(&mut self, range: &Typed) -> Result<Vec<(Val<'a>, Val<'a>)>, Fail> {
        let range = self.eval(range)?;
        if let Some(items) = range.items() {
            return Ok(items
                .into_iter()
                .enumerate()
                .map(|(index, item)| (Val::Int(index as i64), item))
                .collect());
        }
        range.entries().map_or_else(Fail::no_such_overload, Ok)
    }

    fn run_loop(&mut self, inner: &Loop) -> Out<'a> {
        let range = self.eval(&inner.range)?;
        let items = match range.items() {
            Some(items) => items,
            None => match range.entries() {
                Some(entries) => entries.into_iter().map(|(key, _)| key).collect(),
                None => return Fail::no_such_overload(),
            },
        };
        let mut accu = self.eval(&inner.init);
        let depth = self.vars.len();
        for item in items {
            self.vars.push((inner.accu.clone(), accu.clone()));
            let go_on = self.eval(&inner.condition);
            if matches!(go_on, Ok(Val::Bool(false))) {
                self.vars.truncate(depth);
                break;
            }
            self.vars.push((inner.var.clone(), Ok(item)));
            accu = self.eval(&inner.step);
            self.vars.truncate(depth);
            self.pay(0)?;
        }
        self.vars.push((inner.accu.clone(), accu));
        let result = self.eval(&inner.result);
        self.vars.truncate(depth);
        result
    }

    fn with(&mut self, vars: &[String], values: [&Val<'a>; 2], body: &Typed) -> Out<'a> {
        let depth = self.vars.len();
        // Of one variable it is the value.
        let values = if vars.len() == 1 {
            &values[1..]
        } else {
            &values[..]
        };
        for (name, value) in vars.iter().zip(values) {
            self.vars.push((name.clone(), Ok((*value).clone())));
        }
        let result = self.eval(body);
        self.vars.truncate(depth);
        result
    }

    fn run_macro(
        &mut self,
        name: &str,
        range: &Typed,
        vars: &[String],
        bodies: &[Typed],
    ) -> Out<'a> {
        if matches!(name, "optMap" | "optFlatMap") {
            let Some(body) = bodies.first() else {
                return Fail::no_such_overload();
            };
            return match self.eval(range)? {
                Val::Optional(None) => Ok(Val::Optional(None)),
                Val::Optional(Some(inner)) => {
                    let value = self.with(vars, [&inner, &inner], body)?;
                    Ok(if name == "optMap" {
                        Val::some(value)
                    } else {
                        value
                    })
                }
                _ => Fail::no_such_overload(),
            };
        }
        let range = self.range(range)?;
        let Some((last, tests)) = bodies.split_last() else {
            return Fail::no_such_overload();
        };
        // What the server's loops are made of costs beside the bodies: once, and for each item.
        let (once, each) = match name {
            "all" | "exists" => (1, 3),
            "exists_one" | "existsOne" => (2, 1),
            "transformList" => (11, 12),
            "transformMap" => (31, 3),
            "transformMapEntry" => (31, 2),
            _ => (0, 1),
        };
        self.pay(once)?;
        match name {
            "all" | "exists" => {
                let decides = name == "exists";
                let mut failed = None;
                for (key, value) in &range {
                    self.pay(each)?;
                    match self.with(vars, [key, value], last) {
                        Ok(Val::Bool(found)) if found == decides => return Ok(Val::Bool(decides)),
                        Ok(Val::Bool(_)) => {}
                        Ok(_) => failed = Some(Fail("no such overload".into())),
                        Err(fail) => failed = Some(fail),
                    }
                }
                failed.map_or(Ok(Val::Bool(!decides)), Err)
            }
            "exists_one" | "existsOne" => {
                let mut count = 0;
                for (key, value) in &range {
                    self.pay(each)?;
                    if matches!(self.with(vars, [key, value], last)?, Val::Bool(true)) {
                        self.pay(1)?;
                        count += 1;
                    }
                }
                Ok(Val::Bool(count == 1))
            }
            "sortBy" => {
                let mut keyed = Vec::with_capacity(range.len());
                for (key, value) in range {
                    keyed.push((self.with(vars, [&key, &value], last)?, value));
                }
                functions::sort_by_key(keyed)
            }
            _ => {
                let (mut list, mut map) = (Vec::new(), Vec::new());
                for (key, value) in range {
                    if let Some(test) = tests.first()
                        && !matches!(self.with(vars, [&key, &value], test)?, Val::Bool(true))
                    {
                        self.pay(1)?;
                        continue;
                    }
                    self.pay(each)?;
                    let made = self.with(vars, [&key, &value], last)?;
                    match name {
                        "transformList" => list.push(made),
                        "transformMap" => map.push((key, made)),
                        _ => map.extend(made.entries().unwrap_or_default()),
                    }
                }
                Ok(if name == "transformList" {
                    Val::list(list)
                } else {
                    Val::Map(map.into())
                })
            }
        }
    }
}
