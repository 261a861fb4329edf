//! What is looked at once all types of an expression are right: literals that can never be read, lists and maps of
//! several types, texts for `format` that do not suit their arguments.
//!
//! Rules: `cel.ASTValidators` of `apiserver/pkg/cel/environment/base.go`, `cel-go/ext/formatting.go`.

use std::collections::HashMap;

use super::functions;
use super::syntax::{Expr, Form, Literal};
use super::types::Ty;
use super::value::Val;

/// The types of an expression and of all in it, by the numbers that the parser gave.
pub(super) type Types = HashMap<usize, Ty>;

/// Faults and the expressions they are of.
pub(super) fn faults(expr: &Expr, types: &Types) -> Vec<(usize, String)> {
    let mut walk = Walk {
        types,
        faults: Vec::new(),
    };
    walk.expr(expr, false);
    walk.faults
}

struct Walk<'t> {
    types: &'t Types,
    faults: Vec<(usize, String)>,
}

impl Walk<'_> {
    fn ty(&self, expr: &Expr) -> Ty {
        self.types.get(&expr.id).cloned().unwrap_or(Ty::Dyn)
    }

    /// `mixed`: this is for `format`, whose arguments may be of several types.
    fn expr(&mut self, expr: &Expr, mixed: bool) {
        match &expr.form {
            Form::Call {
                function,
                target,
                args,
            } => {
                let name = function.as_str();
                self.literal(name, args);
                let mut mixed = mixed;
                if let (Some(target), "format", [args]) = (target, name, &args[..]) {
                    mixed = true;
                    if let (Form::Literal(Literal::Text(text)), Form::List { items, .. }) =
                        (&target.form, &args.form)
                        && let Err((at, why)) = self.format(expr.id, text, items)
                    {
                        self.faults.push((at, why));
                    }
                }
                for inner in target.iter().map(|target| &**target).chain(args) {
                    self.expr(inner, mixed);
                }
            }
            Form::List { items, optional } => {
                let mut first: Option<Ty> = None;
                for (index, item) in items.iter().enumerate() {
                    let ty = match (self.ty(item), optional.contains(&index)) {
                        (Ty::Optional(inner), true) => (*inner).clone(),
                        (ty, _) => ty,
                    };
                    if !mixed && self.differs(item, &mut first, ty) {
                        break;
                    }
                }
                items.iter().for_each(|item| self.expr(item, mixed));
            }
            Form::Map(entries) => {
                let (mut keys, mut values) = (None, None);
                for entry in entries {
                    if !mixed {
                        self.differs(&entry.key, &mut keys, self.ty(&entry.key));
                        let ty = match self.ty(&entry.value) {
                            Ty::Optional(inner) if entry.optional => (*inner).clone(),
                            ty => ty,
                        };
                        self.differs(&entry.value, &mut values, ty);
                    }
                    self.expr(&entry.key, mixed);
                    self.expr(&entry.value, mixed);
                }
            }
            Form::Select { operand, .. } => self.expr(operand, mixed),
            Form::Comprehension(inner) => {
                for part in [
                    &inner.range,
                    &inner.init,
                    &inner.condition,
                    &inner.step,
                    &inner.result,
                ] {
                    self.expr(part, mixed);
                }
            }
            _ => {}
        }
    }

    /// Literals can be read as what the function makes of them.
    fn literal(&mut self, name: &str, args: &[Expr]) {
        let place = match name {
            "duration" | "timestamp" => args.first(),
            "matches" => args.last(),
            _ => None,
        };
        let Some(place) = place else { return };
        let readable = match &place.form {
            Form::Literal(Literal::Text(text)) => {
                functions::is_readable(name, &Val::text(text.as_str()))
            }
            Form::Literal(Literal::Int(number)) => functions::is_readable(name, &Val::Int(*number)),
            _ => true,
        };
        if !readable {
            self.faults
                .push((place.id, format!("invalid {name} argument")));
        }
    }

    /// Whether an item is of another type than those before it.
    fn differs(&mut self, item: &Expr, known: &mut Option<Ty>, ty: Ty) -> bool {
        match known {
            Some(known) if !known.is_like(&ty) => {
                let why = format!("expected type '{known}' but found '{ty}'");
                self.faults.push((item.id, why));
                true
            }
            Some(_) => false,
            None => {
                *known = Some(ty);
                false
            }
        }
    }

    fn format(&self, at: usize, text: &str, args: &[Expr]) -> Result<(), (usize, String)> {
        let mut rest = text;
        let mut seen = 0;
        while let Some((_, clause)) = rest.split_once('%') {
            if let Some(after) = clause.strip_prefix('%') {
                rest = after;
                continue;
            }
            let parse = |why: &str| (at, format!("could not parse formatting clause: {why}"));
            if clause.is_empty() {
                return Err((at, "unexpected end of string".into()));
            }
            let Some(arg) = args.get(seen) else {
                return Err((at, format!("index {seen} out of range")));
            };
            seen += 1;
            let verb_at = match clause.strip_prefix('.') {
                None => 0,
                Some(digits) => match digits.find(|c: char| !c.is_ascii_digit()) {
                    None => {
                        let why = "error while parsing precision: could not find end of precision specifier";
                        return Err(parse(why));
                    }
                    Some(0) => {
                        let why = "error while parsing precision: error while converting precision to integer: strconv.Atoi: parsing \"\": invalid syntax";
                        return Err(parse(why));
                    }
                    Some(end) => end + 1,
                },
            };
            let after = clause.get(verb_at..).unwrap_or_default();
            let verb = after.chars().next().unwrap_or_default();
            self.suits(verb, arg)
                .map_err(|(at_arg, why)| match at_arg {
                    Some(id) => (id, format!("error during formatting: {why}")),
                    None => parse(&why),
                })?;
            rest = after.get(verb.len_utf8()..).unwrap_or_default();
        }
        if args.len() > seen {
            let given = args.len();
            let why = format!(
                "too many arguments supplied to string.format (expected {seen}, got {given})"
            );
            return Err((at, why));
        }
        Ok(())
    }

    /// Whether an argument suits a clause; the fault is about the argument, or the clause.
    fn suits(&self, verb: char, arg: &Expr) -> Result<(), (Option<usize>, String)> {
        let ty = self.ty(arg);
        let (suits, why) = match verb {
            's' => return self.is_text(arg),
            'd' => (
                matches!(ty, Ty::Int | Ty::Uint),
                "decimal clause can only be used on integers",
            ),
            'f' => (
                matches!(ty, Ty::Double | Ty::Str),
                "fixed-point clause can only be used on doubles",
            ),
            'e' => (
                matches!(ty, Ty::Double | Ty::Str),
                "scientific clause can only be used on doubles",
            ),
            'b' => (
                matches!(ty, Ty::Int | Ty::Uint | Ty::Bool),
                "only integers and bools can be formatted as binary",
            ),
            'x' | 'X' => (
                matches!(ty, Ty::Int | Ty::Uint | Ty::Str | Ty::Bytes),
                "only integers, byte buffers, and strings can be formatted as hex",
            ),
            'o' => (
                matches!(ty, Ty::Int | Ty::Uint),
                "octal clause can only be used on integers",
            ),
            other => {
                return Err((None, format!("unrecognized formatting clause \"{other}\"")));
            }
        };
        if suits || ty.is_dyn() {
            return Ok(());
        }
        Err((Some(arg.id), format!("{why}, was given {}", ty.name())))
    }

    fn is_text(&self, arg: &Expr) -> Result<(), (Option<usize>, String)> {
        let ty = self.ty(arg);
        if matches!(ty, Ty::Object(_) | Ty::Optional(_) | Ty::Opaque(_)) {
            let why = format!(
                "string clause can only be used on strings, bools, bytes, ints, doubles, maps, lists, types, durations, \
                 and timestamps, was given {}",
                ty.name()
            );
            return Err((Some(arg.id), why));
        }
        match &arg.form {
            Form::List { items, .. } => items.iter().try_for_each(|item| self.is_text(item)),
            Form::Map(entries) => entries.iter().try_for_each(|entry| {
                self.is_text(&entry.key)?;
                self.is_text(&entry.value)
            }),
            _ => Ok(()),
        }
    }
}
