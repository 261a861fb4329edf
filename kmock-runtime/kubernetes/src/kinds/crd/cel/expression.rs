//! Expressions of admission: policies and match conditions, compiled in their environment and run over a request.
//!
//! Rules: `apiserver/pkg/admission/plugin/cel`.

use std::collections::BTreeMap;
use std::sync::Arc;

use super::authorizer::{AUTHORIZER, Decider, RESOURCE_CHECK};
use super::check::{self, Typed};
use super::constants;
use super::eval::Run;
use super::types::{Decl, DeclShape, Ty};
use super::value::Val;

/// The names that expressions may use, with their types.
#[derive(Clone, Debug)]
pub(crate) struct Env {
    vars: Vec<(String, Ty)>,
    /// `Object{…}` and `JSONPatch{…}` may be written.
    pub(super) makes_patches: bool,
}

fn declared(shape: DeclShape) -> Arc<Decl> {
    Arc::new(Decl {
        shape,
        max_elements: 0,
        min_size: 1,
    })
}

fn object<const N: usize>(fields: [(&str, Arc<Decl>); N]) -> Arc<Decl> {
    let fields = fields
        .into_iter()
        .map(|(name, decl)| (name.to_owned(), decl));
    declared(DeclShape::Object(fields.collect::<BTreeMap<_, _>>()))
}

fn request_type() -> Arc<Decl> {
    let text = || declared(DeclShape::Simple(Ty::Str));
    let texts = || declared(DeclShape::List(text()));
    let kind = || object([("group", text()), ("version", text()), ("kind", text())]);
    let resource = || object([("group", text()), ("version", text()), ("resource", text())]);
    let user = object([
        ("username", text()),
        ("uid", text()),
        ("groups", texts()),
        ("extra", declared(DeclShape::Map(texts()))),
    ]);
    object([
        ("kind", kind()),
        ("resource", resource()),
        ("subResource", text()),
        ("requestKind", kind()),
        ("requestResource", resource()),
        ("requestSubResource", text()),
        ("name", text()),
        ("__namespace__", text()),
        ("operation", text()),
        ("userInfo", user),
        ("dryRun", declared(DeclShape::Simple(Ty::Bool))),
        ("options", declared(DeclShape::Simple(Ty::Dyn))),
    ])
}

fn namespace_type() -> Arc<Decl> {
    let text = || declared(DeclShape::Simple(Ty::Str));
    let texts = || declared(DeclShape::List(text()));
    let map = || declared(DeclShape::Map(text()));
    let time = || declared(DeclShape::Simple(Ty::Time));
    let int = || declared(DeclShape::Simple(Ty::Int));
    let condition = object([
        ("status", text()),
        ("type", text()),
        ("lastTransitionTime", time()),
        ("message", text()),
        ("reason", text()),
    ]);
    object([
        (
            "metadata",
            object([
                ("name", text()),
                ("generateName", text()),
                ("__namespace__", text()),
                ("labels", map()),
                ("annotations", map()),
                ("UID", text()),
                ("creationTimestamp", time()),
                ("deletionGracePeriodSeconds", int()),
                ("deletionTimestamp", time()),
                ("generation", int()),
                ("resourceVersion", text()),
                ("finalizers", texts()),
            ]),
        ),
        ("spec", object([("finalizers", texts())])),
        (
            "status",
            object([
                ("conditions", declared(DeclShape::List(condition))),
                ("phase", text()),
            ]),
        ),
    ])
}

impl Env {
    /// The environment of a policy or a condition. `object`: the type of the objects, if it is known.
    pub(crate) fn new(params: bool, authorizer: bool, of_object: Option<Ty>) -> Self {
        let object = of_object.unwrap_or(Ty::Dyn);
        let mut vars = vec![
            ("object".to_owned(), object.clone()),
            ("oldObject".to_owned(), object),
            ("request".to_owned(), Ty::Object(request_type())),
            ("namespaceObject".to_owned(), Ty::Object(namespace_type())),
        ];
        if params {
            vars.push(("params".to_owned(), Ty::Dyn));
        }
        if authorizer {
            vars.push(("authorizer".to_owned(), Ty::Opaque(AUTHORIZER)));
            vars.push((
                "authorizer.requestResource".to_owned(),
                Ty::Opaque(RESOURCE_CHECK),
            ));
        }
        Self {
            vars,
            makes_patches: false,
        }
    }

    /// The environment in which the expressions of a policy are checked once more, when the types of its objects are known
    /// and perhaps those of its parameters; with variables. It lacks `authorizer.requestResource`, as the server's does.
    pub(crate) fn typed(object: &Ty, params: Option<&Ty>) -> Self {
        let mut env = Self::new(false, false, Some(object.clone()));
        env.vars
            .extend(params.map(|ty| ("params".to_owned(), ty.clone())));
        env.vars
            .push(("authorizer".to_owned(), Ty::Opaque(AUTHORIZER)));
        env.with_variables()
    }

    /// The same with variables: they can be declared from now on.
    #[must_use]
    pub(crate) fn with_variables(mut self) -> Self {
        self.vars
            .push(("variables".to_owned(), Ty::Object(object([]))));
        self
    }

    /// The same for expressions that make patches.
    #[must_use]
    pub(crate) fn with_patches(mut self) -> Self {
        self.makes_patches = true;
        self
    }

    /// Declares a variable.
    pub(crate) fn declare(&mut self, name: &str, ty: Ty) {
        self.vars.push((format!("variables.{name}"), ty));
    }
}

/// A compiled expression, or why it does not compile.
#[derive(Debug)]
pub(crate) struct Expression {
    pub(crate) source: String,
    program: Result<Typed, String>,
}

impl Expression {
    /// Compiles an expression; `returns` are the types that it may have (none: any).
    pub(crate) fn compile(source: &str, env: &Env, returns: &[Ty]) -> Self {
        let checked = check::check_in(source, env.vars.clone(), env.makes_patches);
        let program = match checked {
            Err(error) => Err(format!("compilation failed: {error}")),
            Ok(checked) => {
                let root = checked.root;
                let fits = returns.is_empty() || returns.contains(&root.ty);
                match (fits, returns, constants::fault(&root)) {
                    (true, _, None) => Ok(root),
                    (true, _, Some(why)) => Err(format!("program instantiation failed: {why}")),
                    (false, [only], _) => {
                        Err(format!("must evaluate to {only} but got {}", root.ty))
                    }
                    (false, ..) => {
                        let all: Vec<String> = returns.iter().map(Ty::to_string).collect();
                        Err(format!(
                            "must evaluate to one of [{}] but got {}",
                            all.join(" "),
                            root.ty
                        ))
                    }
                }
            }
        };
        Self {
            source: source.to_owned(),
            program,
        }
    }

    /// What is wrong with the names and the types of an expression.
    pub(crate) fn fault(source: &str, env: &Env) -> Option<String> {
        check::check_in(source, env.vars.clone(), env.makes_patches).err()
    }

    /// Why it does not compile.
    pub(crate) fn error(&self) -> Option<&str> {
        self.program.as_ref().err().map(String::as_str)
    }

    /// The type of its values.
    pub(crate) fn ty(&self) -> Ty {
        self.program
            .as_ref()
            .map_or(Ty::Dyn, |program| program.ty.clone())
    }
}

/// Why an expression has no value.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum EvalError {
    /// It failed; others may go on.
    Failed(String),
    /// What all expressions may cost is spent.
    OutOfBudget(String),
}

impl EvalError {
    pub(crate) fn text(&self) -> &str {
        match self {
            Self::Failed(text) | Self::OutOfBudget(text) => text,
        }
    }
}

const OUT_OF_BUDGET: &str =
    "validation failed due to running out of cost budget, no further validation rules will be run";

/// Runs expressions over one request.
pub(crate) struct Activation<'a> {
    run: Run<'a>,
    budget: u64,
}

impl<'a> Activation<'a> {
    /// Over these values, with variables that are worked out when they are first asked for.
    pub(crate) fn new(
        vars: Vec<(&str, Val<'a>)>,
        variables: &'a [(String, Expression)],
        decider: Option<&'a dyn Decider>,
        budget: u64,
    ) -> Self {
        let variables = variables
            .iter()
            .map(|(name, expression)| (name.as_str(), &expression.program))
            .collect();
        Self {
            run: Run::over(vars, variables, decider),
            budget,
        }
    }

    /// The value of an expression.
    pub(crate) fn evaluate(&mut self, expression: &Expression) -> Result<Val<'a>, EvalError> {
        let program = match &expression.program {
            Ok(program) => program,
            Err(why) => return Err(EvalError::Failed(format!("compilation error: {why}"))),
        };
        let (value, cost) = self.run.once(program);
        if cost > self.budget {
            return Err(EvalError::OutOfBudget(OUT_OF_BUDGET.to_owned()));
        }
        self.budget -= cost;
        value.map_err(|fail| {
            EvalError::Failed(format!(
                "expression '{}' resulted in error: {}",
                expression.source, fail.0
            ))
        })
    }
}
