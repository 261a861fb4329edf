//! Calls that stand for other expressions: `has`, and the folds `all`, `exists`, `exists_one`, `map`, `filter`.
//!
//! What a fold is made of is told as standing where the call's parenthesis is. Macros over keys and values (`all(k, v, …)`)
//! and those of the extensions stay calls, which the checker knows.

use super::parser::Parser;
use super::{Comprehension, Expr, Form, Literal};

/// What a fold gathers.
const RESULT: &str = "@result";

/// A call, or what it stands for.
pub(super) fn call(
    parser: &mut Parser<'_>,
    at: usize,
    function: String,
    target: Option<Expr>,
    mut args: Vec<Expr>,
) -> Expr {
    match (function.as_str(), target, args.len()) {
        ("has", None, 1) => has(parser, at, args.remove(0)),
        ("all" | "exists" | "exists_one" | "existsOne" | "map" | "filter", Some(range), 2) => {
            let body = args.remove(1);
            fold(parser, at, &function, range, args.remove(0), None, body)
        }
        ("map", Some(range), 3) => {
            let body = args.remove(2);
            let test = args.remove(1);
            fold(parser, at, "map", range, args.remove(0), Some(test), body)
        }
        (_, target, _) => {
            let form = Form::Call {
                function,
                target: target.map(Box::new),
                args,
            };
            parser.make(at, form)
        }
    }
}

fn has(parser: &mut Parser<'_>, at: usize, mut arg: Expr) -> Expr {
    let place = parser.place(&arg);
    match &mut arg.form {
        Form::Select { test, .. } => {
            *test = true;
            parser.make(at, arg.form)
        }
        _ => parser.fault(place, "invalid argument to has() macro"),
    }
}

fn fold(
    parser: &mut Parser<'_>,
    at: usize,
    name: &str,
    range: Expr,
    var: Expr,
    test: Option<Expr>,
    body: Expr,
) -> Expr {
    let var_name = match &var.form {
        Form::Ident(name) => name.clone(),
        Form::Missing => return var,
        _ => {
            let place = parser.place(&var);
            return parser.fault(place, "argument must be a simple name");
        }
    };
    let mut make = Maker { parser, at };
    let (init, condition, step, result) = match name {
        "all" | "exists" => {
            let is_all = name == "all";
            let init = make.literal(Literal::Bool(is_all));
            let accu = make.accu();
            let goes_on = if is_all {
                accu
            } else {
                make.call("!_", vec![accu])
            };
            let condition = make.call("@not_strictly_false", vec![goes_on]);
            let accu = make.accu();
            let step = make.call(if is_all { "_&&_" } else { "_||_" }, vec![accu, body]);
            (init, condition, step, make.accu())
        }
        "exists_one" | "existsOne" => {
            let init = make.literal(Literal::Int(0));
            let condition = make.literal(Literal::Bool(true));
            let counted = vec![make.accu(), make.literal(Literal::Int(1))];
            let counted = make.call("_+_", counted);
            let either = vec![body, counted, make.accu()];
            let step = make.call("_?_:_", either);
            let is_one = vec![make.accu(), make.literal(Literal::Int(1))];
            (init, condition, step, make.call("_==_", is_one))
        }
        _ => {
            let (item, test) = if name == "filter" {
                (var, Some(body))
            } else {
                (body, test)
            };
            let init = make.list(Vec::new());
            let condition = make.literal(Literal::Bool(true));
            let joined = vec![make.accu(), make.list(vec![item])];
            let mut step = make.call("_+_", joined);
            if let Some(test) = test {
                let either = vec![test, step, make.accu()];
                step = make.call("_?_:_", either);
            }
            (init, condition, step, make.accu())
        }
    };
    parser.make(
        at,
        Form::Comprehension(Box::new(Comprehension {
            range,
            var: var_name,
            accu: RESULT.into(),
            init,
            condition,
            step,
            result,
        })),
    )
}

/// Makes what nobody wrote.
struct Maker<'p, 's> {
    parser: &'p mut Parser<'s>,
    at: usize,
}

impl Maker<'_, '_> {
    fn make(&mut self, form: Form) -> Expr {
        self.parser.make(self.at, form)
    }

    fn literal(&mut self, literal: Literal) -> Expr {
        self.make(Form::Literal(literal))
    }

    fn accu(&mut self) -> Expr {
        self.make(Form::Ident(RESULT.into()))
    }

    fn list(&mut self, items: Vec<Expr>) -> Expr {
        let optional = Vec::new();
        self.make(Form::List { items, optional })
    }

    fn call(&mut self, function: &str, args: Vec<Expr>) -> Expr {
        self.make(Form::Call {
            function: function.into(),
            target: None,
            args,
        })
    }
}
