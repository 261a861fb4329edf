//! The grammar: one function for each of its rules, as `CEL.g4` of cel-go has them.
//!
//! A rule that fails is told and left; the tree then has a hole, which nobody sees, since a text with mistakes has no tree.

use super::lexer;
use super::macros;
use super::recovery::{Recovery, Thrown};
use super::token::{Kind, Set, Token};
use super::{Entry, Expr, Fault, Form, Literal, Parsed, literal};
use crate::text::stack::on_a_large_stack;

/// What is nested deeper is refused, as the server does it.
const DEEPEST: usize = 250;
/// The longest chain of operators or fields.
const LONGEST_CHAIN: usize = 250;
/// Chains inside of chains make deeper trees still, which a server, whose stacks grow, would take.
const DEEPEST_TREE: usize = 600;

const LITERALS: Set = Set::of(&[
    Kind::True,
    Kind::False,
    Kind::Null,
    Kind::Float,
    Kind::Int,
    Kind::Uint,
    Kind::String,
    Kind::Bytes,
]);
const PRIMARY: Set = LITERALS.or(Set::of(&[
    Kind::OpenBracket,
    Kind::OpenBrace,
    Kind::OpenParen,
    Kind::Dot,
    Kind::Minus,
    Kind::Ident,
]));
const EXPR: Set = PRIMARY.or(Set::of(&[Kind::Not]));
const OPTIONAL_EXPR: Set = EXPR.or(Set::of(&[Kind::Question]));
const SUFFIX: Set = Set::of(&[Kind::Dot, Kind::OpenBracket]).or_end();
const NAME: Set = Set::of(&[Kind::Ident, Kind::EscapedIdent]);
const MORE: Set = Set::of(&[Kind::Comma]).or_end();
const END: Set = Set::END_OF_RULE;

const RELATIONS: [(Kind, &str); 7] = [
    (Kind::Less, "_<_"),
    (Kind::LessEquals, "_<=_"),
    (Kind::GreaterEquals, "_>=_"),
    (Kind::Greater, "_>_"),
    (Kind::Equals, "_==_"),
    (Kind::NotEquals, "_!=_"),
    (Kind::In, "@in"),
];
const PRODUCTS: [(Kind, &str); 3] = [
    (Kind::Star, "_*_"),
    (Kind::Slash, "_/_"),
    (Kind::Percent, "_%_"),
];
const SUMS: [(Kind, &str); 2] = [(Kind::Plus, "_+_"), (Kind::Minus, "_-_")];

const RELATION_FOLLOW: Set = Set::of(&[
    Kind::Less,
    Kind::LessEquals,
    Kind::GreaterEquals,
    Kind::Greater,
    Kind::Equals,
    Kind::NotEquals,
    Kind::In,
])
.or_end();
const CALC_FOLLOW: Set = Set::of(&[
    Kind::Star,
    Kind::Slash,
    Kind::Percent,
    Kind::Plus,
    Kind::Minus,
])
.or_end();

/// Names that no variable and no function may have.
const RESERVED: [&str; 17] = [
    "as",
    "break",
    "const",
    "continue",
    "else",
    "for",
    "function",
    "if",
    "import",
    "let",
    "loop",
    "namespace",
    "package",
    "return",
    "var",
    "void",
    "while",
];

/// A level takes some 25 kB of a stack where nothing is optimised: deeper texts than that are read on one of their own.
const DEEP: usize = 16;

/// Reads a text; the faults are all that could be found.
pub(in super::super) fn parse(source: &str) -> Result<Parsed, Vec<Fault>> {
    if nesting(source) <= DEEP {
        return read(source);
    }
    on_a_large_stack(|| read(source)).unwrap_or_else(|message| Err(vec![Fault { at: 0, message }]))
}

/// No text is nested more deeply than this says. What closes does not count: it may stand in a text, or be one too many.
fn nesting(source: &str) -> usize {
    let opens = |byte: &u8| matches!(byte, b'(' | b'[' | b'{' | b'?' | b'!' | b'-');
    source.as_bytes().iter().filter(|byte| opens(byte)).count()
}

fn read(source: &str) -> Result<Parsed, Vec<Fault>> {
    let mut parser = Parser {
        at: Recovery::new(source, lexer::tokens(source)),
        places: vec![0],
        depth: 0,
        is_too_deep: false,
    };
    let mut root = parser.start();
    if parser.is_too_deep {
        root = Err(parser.too_deep(DEEPEST));
    }
    let faults = parser.at.faults;
    match root {
        Ok(Some(root)) if faults.is_empty() => Ok(Parsed {
            root,
            places: parser.places,
        }),
        _ => Err(faults),
    }
}

pub(super) struct Parser<'s> {
    at: Recovery<'s>,
    places: Vec<usize>,
    depth: usize,
    is_too_deep: bool,
}

impl<'s> AsMut<Recovery<'s>> for Parser<'s> {
    fn as_mut(&mut self) -> &mut Recovery<'s> {
        &mut self.at
    }
}

type Rule = Result<Expr, Thrown>;

impl<'s> Parser<'s> {
    pub(super) fn make(&mut self, place: usize, form: Form) -> Expr {
        let id = self.places.len();
        self.places.push(place);
        let depth = form.depth() + 1;
        if depth > DEEPEST_TREE {
            self.is_too_deep = true;
            let (depth, form) = (1, Form::Missing);
            return Expr { id, depth, form };
        }
        Expr { id, depth, form }
    }

    /// The offset by which an expression is shown.
    pub(super) fn place(&self, expr: &Expr) -> usize {
        self.places.get(expr.id).copied().unwrap_or_default()
    }

    /// A mistake that the grammar does not see.
    pub(super) fn fault(&mut self, at: usize, message: impl Into<String>) -> Expr {
        self.at.faults.push(Fault {
            at,
            message: message.into(),
        });
        self.make(at, Form::Missing)
    }

    fn rule(&mut self, follow: Set, read: fn(&mut Self) -> Rule) -> Rule {
        let at = self.at.ahead(0).start;
        let read = Recovery::rule(self, follow, read)?;
        Ok(read.unwrap_or_else(|| self.make(at, Form::Missing)))
    }

    fn kind(&self) -> Kind {
        self.at.kind()
    }

    /// Takes a token that is known to be there.
    fn next(&mut self) -> Result<Token, Thrown> {
        let token = self.at.ahead(0);
        self.at.take(token.kind, END, line!())?;
        Ok(token)
    }

    fn binary(&mut self, op: Token, function: &str, left: Expr, right: Expr) -> Expr {
        let form = Form::Call {
            function: function.into(),
            target: None,
            args: vec![left, right],
        };
        self.make(op.start, form)
    }

    fn too_deep(&mut self, limit: usize) -> Thrown {
        self.at.faults.clear();
        self.fault(0, format!("expression recursion limit exceeded: {limit}"));
        Thrown::Abort
    }

    fn start(&mut self) -> Result<Option<Expr>, Thrown> {
        Recovery::rule(self, END, |parser| {
            let expr = parser.rule(Set::of(&[Kind::End]), Self::expr)?;
            parser.at.take(Kind::End, END, line!())?;
            Ok(expr)
        })
    }

    fn expr(&mut self) -> Rule {
        if self.depth == DEEPEST {
            return Err(self.too_deep(DEEPEST));
        }
        self.depth += 1;
        let expr = self.conditional();
        self.depth -= 1;
        expr
    }

    fn conditional(&mut self) -> Rule {
        let condition = self.rule(Set::of(&[Kind::Question]).or_end(), Self::either)?;
        if self.kind() != Kind::Question {
            return Ok(condition);
        }
        let op = self.next()?;
        let yes = self.rule(Set::of(&[Kind::Colon]), Self::either)?;
        self.at.take(Kind::Colon, EXPR, line!())?;
        let no = self.rule(END, Self::expr)?;
        let form = Form::Call {
            function: "_?_:_".into(),
            target: None,
            args: vec![condition, yes, no],
        };
        Ok(self.make(op.start, form))
    }

    fn either(&mut self) -> Rule {
        self.chain(Kind::Or, "_||_", Self::all)
    }

    fn all(&mut self) -> Rule {
        self.chain(Kind::And, "_&&_", Self::relation)
    }

    /// `a && b && c`: terms are joined to a balanced tree, so that long chains do not nest deeply.
    fn chain(&mut self, op: Kind, function: &str, term: fn(&mut Self) -> Rule) -> Rule {
        let follow = Set::of(&[op]).or_end();
        let mut terms = vec![Some(self.rule(follow, term)?)];
        let mut ops = Vec::new();
        while self.kind() == op {
            ops.push(self.next()?);
            terms.push(Some(self.rule(follow, term)?));
        }
        Ok(self.balanced(function, &mut terms, &ops))
    }

    fn balanced(&mut self, function: &str, terms: &mut [Option<Expr>], ops: &[Token]) -> Expr {
        let middle = ops.len() / 2;
        let Some(op) = ops.get(middle) else {
            let only = terms.first_mut().and_then(Option::take);
            return only.unwrap_or_else(|| self.make(0, Form::Missing));
        };
        let (left, right) = terms.split_at_mut(middle + 1);
        let left = self.balanced(function, left, ops.get(..middle).unwrap_or_default());
        let right = self.balanced(function, right, ops.get(middle + 1..).unwrap_or_default());
        self.binary(*op, function, left, right)
    }

    fn relation(&mut self) -> Rule {
        let mut left = self.rule(RELATION_FOLLOW, Self::sum)?;
        let mut length = 0;
        while let Some((_, function)) = RELATIONS.iter().find(|(op, _)| *op == self.kind()) {
            let op = self.next()?;
            let right = self.rule(RELATION_FOLLOW, |parser| {
                parser.rule(RELATION_FOLLOW, Self::sum)
            })?;
            left = self.binary(op, function, left, right);
            length = self.longer(length)?;
        }
        Ok(left)
    }

    fn longer(&mut self, length: usize) -> Result<usize, Thrown> {
        if length == LONGEST_CHAIN {
            return Err(self.too_deep(LONGEST_CHAIN));
        }
        Ok(length + 1)
    }

    fn sum(&mut self) -> Rule {
        let mut left = self.product()?;
        let mut length = 0;
        while let Some((_, function)) = SUMS.iter().find(|(op, _)| *op == self.kind()) {
            let op = self.next()?;
            let right = self.rule(CALC_FOLLOW, Self::product)?;
            left = self.binary(op, function, left, right);
            length = self.longer(length)?;
        }
        Ok(left)
    }

    fn product(&mut self) -> Rule {
        let mut left = self.rule(CALC_FOLLOW, Self::unary)?;
        let mut length = 0;
        while let Some((_, function)) = PRODUCTS.iter().find(|(op, _)| *op == self.kind()) {
            let op = self.next()?;
            let right = self.rule(CALC_FOLLOW, |parser| parser.rule(CALC_FOLLOW, Self::unary))?;
            left = self.binary(op, function, left, right);
            length = self.longer(length)?;
        }
        Ok(left)
    }

    fn unary(&mut self) -> Rule {
        self.at.sync(EXPR, line!())?;
        let (op, function) = match self.kind() {
            Kind::Not => (Kind::Not, "!_"),
            Kind::Minus if !self.is_number(1) => {
                if !PRIMARY.has(self.at.ahead(1).kind) {
                    return Err(self.at.no_viable(2, line!()));
                }
                (Kind::Minus, "-_")
            }
            _ => return self.rule(END, Self::member),
        };
        let first = self.at.ahead(0);
        let mut count = 0;
        while self.kind() == op {
            self.next()?;
            count += 1;
            self.at.sync_loop(PRIMARY.or(Set::of(&[op])));
        }
        let operand = self.rule(END, Self::member)?;
        if count % 2 == 0 {
            // Twice is not at all.
            return Ok(operand);
        }
        let form = Form::Call {
            function: function.into(),
            target: None,
            args: vec![operand],
        };
        Ok(self.make(first.start, form))
    }

    fn is_number(&self, ahead: usize) -> bool {
        matches!(self.at.ahead(ahead).kind, Kind::Int | Kind::Float)
    }

    fn member(&mut self) -> Rule {
        let mut operand = self.rule(SUFFIX, Self::primary)?;
        let mut length = 0;
        loop {
            operand = match self.kind() {
                Kind::OpenBracket => self.index(operand)?,
                Kind::Dot => match (self.at.ahead(1).kind, self.at.ahead(2).kind) {
                    (Kind::Ident, Kind::OpenParen) => self.method(operand)?,
                    (Kind::Ident | Kind::EscapedIdent | Kind::Question, _) => {
                        self.field(operand)?
                    }
                    _ => {
                        // What was read so far stands.
                        let thrown = self.at.no_viable(2, line!());
                        self.at.leave(&thrown)?;
                        return Ok(operand);
                    }
                },
                _ => return Ok(operand),
            };
            length = self.longer(length)?;
        }
    }

    fn index(&mut self, operand: Expr) -> Rule {
        let op = self.next()?;
        self.at.sync(OPTIONAL_EXPR, line!())?;
        let asked = self.question()?;
        let index = self.rule(Set::of(&[Kind::CloseBracket]), Self::expr)?;
        self.at.take(Kind::CloseBracket, SUFFIX, line!())?;
        let function = if asked { "_[?_]" } else { "_[_]" };
        Ok(self.binary(op, function, operand, index))
    }

    fn question(&mut self) -> Result<bool, Thrown> {
        let asked = self.kind() == Kind::Question;
        if asked {
            self.next()?;
        }
        Ok(asked)
    }

    fn method(&mut self, target: Expr) -> Rule {
        self.next()?;
        let name = self.next()?;
        let open = self.next()?;
        let args = match self.args(SUFFIX) {
            Ok(args) => args,
            Err(thrown) => {
                self.at.leave(&thrown)?;
                Vec::new()
            }
        };
        let function = self.at.text(name).to_owned();
        Ok(macros::call(self, open.start, function, Some(target), args))
    }

    fn field(&mut self, operand: Expr) -> Rule {
        let op = self.next()?;
        let asked = self.question()?;
        let name = self.rule(SUFFIX, Self::name)?;
        let Form::Ident(field) = name.form else {
            let place = self.place(&name);
            return Ok(self.fault(place, "unsupported ident kind"));
        };
        if asked {
            let field = self.make(op.start, Form::Literal(Literal::Text(field)));
            return Ok(self.binary(op, "_?._", operand, field));
        }
        let form = Form::Select {
            operand: Box::new(operand),
            field,
            test: false,
        };
        Ok(self.make(op.start, form))
    }

    /// The name of a field, `` `escaped` `` perhaps.
    fn name(&mut self) -> Rule {
        self.at.sync(NAME, line!())?;
        if !NAME.has(self.kind()) {
            return Err(self.at.no_viable(1, line!()));
        }
        let token = self.next()?;
        let name = self.at.text(token).trim_matches('`').to_owned();
        Ok(self.make(token.start, Form::Ident(name)))
    }

    /// The arguments of a call and its closing parenthesis, behind which `after` can come.
    fn args(&mut self, after: Set) -> Result<Vec<Expr>, Thrown> {
        let close = Set::of(&[Kind::CloseParen]);
        self.at.sync(EXPR.or(close), line!())?;
        let mut args = Vec::new();
        if EXPR.has(self.kind()) {
            let list = Recovery::rule(self, close, |parser| {
                args.push(parser.rule(MORE, Self::expr)?);
                while parser.kind() == Kind::Comma {
                    parser.next()?;
                    args.push(parser.rule(MORE, Self::expr)?);
                }
                Ok(parser.make(0, Form::Missing))
            });
            list?;
        }
        self.at.take(Kind::CloseParen, after, line!())?;
        Ok(args)
    }

    fn primary(&mut self) -> Rule {
        self.at.sync(PRIMARY, line!())?;
        match self.kind() {
            Kind::OpenParen => {
                self.next()?;
                let inner = self.rule(Set::of(&[Kind::CloseParen]), Self::expr)?;
                self.at.take(Kind::CloseParen, END, line!())?;
                Ok(inner)
            }
            Kind::OpenBracket => self.list(),
            Kind::OpenBrace => self.map(),
            Kind::Dot if self.at.ahead(1).kind != Kind::Ident => Err(self.at.no_viable(2, line!())),
            Kind::Dot | Kind::Ident => self.named(),
            Kind::Minus if !self.is_number(1) => Err(self.at.no_viable(2, line!())),
            kind if kind == Kind::Minus || LITERALS.has(kind) => self.rule(END, Self::literal),
            _ => Err(self.at.no_viable(1, line!())),
        }
    }

    /// A variable, a function, or a message: `a`, `a(…)`, `a.b.c{…}`.
    fn named(&mut self) -> Rule {
        let leading = self.kind() == Kind::Dot;
        let mut ahead = usize::from(leading) + 1;
        while self.at.ahead(ahead).kind == Kind::Dot && self.at.ahead(ahead + 1).kind == Kind::Ident
        {
            ahead += 2;
        }
        if self.at.ahead(ahead).kind == Kind::OpenBrace {
            return self.message(ahead);
        }
        let first = self.at.ahead(0);
        if leading {
            self.next()?;
        }
        let token = self.next()?;
        let name = self.at.text(token);
        let full = if leading {
            format!(".{name}")
        } else {
            name.into()
        };
        if self.kind() != Kind::OpenParen {
            return Ok(if RESERVED.contains(&name) {
                self.fault(first.start, format!("reserved identifier: {full}"))
            } else {
                self.make(token.start, Form::Ident(full))
            });
        }
        let open = self.next()?;
        let args = self.args(END)?;
        Ok(if RESERVED.contains(&name) {
            self.fault(first.start, format!("reserved identifier: {name}"))
        } else {
            macros::call(self, open.start, full, None, args)
        })
    }

    fn message(&mut self, names: usize) -> Rule {
        let mut name = String::new();
        for _ in 0..names {
            let token = self.next()?;
            name.push_str(self.at.text(token));
        }
        let open = self.next()?;
        let close = Set::of(&[Kind::CloseBrace, Kind::Comma]);
        self.at
            .sync(close.or(NAME).or(Set::of(&[Kind::Question])), line!())?;
        let mut entries = Vec::new();
        if !close.has(self.kind()) {
            let fields = Recovery::rule(self, close, |parser| {
                loop {
                    let optional = parser.kind() == Kind::Question;
                    let key = parser.rule(Set::of(&[Kind::Colon]), |parser| {
                        let start = NAME.or(Set::of(&[Kind::Question]));
                        parser.at.sync(start, line!())?;
                        parser.question()?;
                        parser.rule(END, Self::name)
                    })?;
                    parser.at.take(Kind::Colon, EXPR, line!())?;
                    let value = parser.rule(MORE, Self::expr)?;
                    entries.push(Entry {
                        key,
                        value,
                        optional,
                    });
                    if !parser.goes_on(NAME.or(Set::of(&[Kind::Question]))) {
                        return Ok(parser.make(0, Form::Missing));
                    }
                    parser.next()?;
                }
            });
            fields?;
        }
        self.close(Kind::CloseBrace)?;
        Ok(self.make(open.start, Form::Message(name, entries)))
    }

    /// A comma with one more item behind it: a last comma belongs to the bracket.
    fn goes_on(&self, item: Set) -> bool {
        self.kind() == Kind::Comma && item.has(self.at.ahead(1).kind)
    }

    fn close(&mut self, bracket: Kind) -> Result<(), Thrown> {
        self.at.sync(Set::of(&[Kind::Comma, bracket]), line!())?;
        if self.kind() == Kind::Comma {
            self.next()?;
        }
        self.at.take(bracket, END, line!())?;
        Ok(())
    }

    fn list(&mut self) -> Rule {
        let open = self.next()?;
        let close = Set::of(&[Kind::CloseBracket, Kind::Comma]);
        self.at.sync(close.or(OPTIONAL_EXPR), line!())?;
        let (mut items, mut optional) = (Vec::new(), Vec::new());
        if OPTIONAL_EXPR.has(self.kind()) {
            let list = Recovery::rule(self, close, |parser| {
                loop {
                    let (item, asked) = parser.item(MORE)?;
                    if asked {
                        optional.push(items.len());
                    }
                    items.push(item);
                    if !parser.goes_on(OPTIONAL_EXPR) {
                        return Ok(parser.make(0, Form::Missing));
                    }
                    parser.next()?;
                }
            });
            list?;
        }
        self.close(Kind::CloseBracket)?;
        Ok(self.make(open.start, Form::List { items, optional }))
    }

    /// An expression, `?` before it perhaps.
    fn item(&mut self, follow: Set) -> Result<(Expr, bool), Thrown> {
        let mut asked = false;
        let item = Recovery::rule(self, follow, |parser| {
            parser.at.sync(OPTIONAL_EXPR, line!())?;
            asked = parser.question()?;
            parser.rule(END, Self::expr)
        })?;
        Ok((item.unwrap_or_else(|| self.make(0, Form::Missing)), asked))
    }

    fn map(&mut self) -> Rule {
        let open = self.next()?;
        let close = Set::of(&[Kind::CloseBrace, Kind::Comma]);
        self.at.sync(close.or(OPTIONAL_EXPR), line!())?;
        let mut entries = Vec::new();
        if OPTIONAL_EXPR.has(self.kind()) {
            let list = Recovery::rule(self, close, |parser| {
                loop {
                    let (key, optional) = parser.item(Set::of(&[Kind::Colon]))?;
                    parser.at.take(Kind::Colon, EXPR, line!())?;
                    let value = parser.rule(MORE, Self::expr)?;
                    entries.push(Entry {
                        key,
                        value,
                        optional,
                    });
                    if !parser.goes_on(OPTIONAL_EXPR) {
                        return Ok(parser.make(0, Form::Missing));
                    }
                    parser.next()?;
                }
            });
            list?;
        }
        self.close(Kind::CloseBrace)?;
        Ok(self.make(open.start, Form::Map(entries)))
    }

    fn literal(&mut self) -> Rule {
        let first = self.at.ahead(0);
        let negative = first.kind == Kind::Minus;
        if negative {
            self.next()?;
        }
        let token = self.next()?;
        let text = self.at.text(token);
        let (value, wrong) = match token.kind {
            Kind::Int => (literal::int(text, negative), "invalid int literal"),
            Kind::Uint => (literal::uint(text), "invalid uint literal"),
            Kind::Float => (literal::double(text, negative), "invalid double literal"),
            Kind::String => (literal::text(text), "invalid unicode code point"),
            Kind::Bytes => (literal::bytes(text), "unable to unescape bytes"),
            Kind::True => (Some(Literal::Bool(true)), ""),
            Kind::False => (Some(Literal::Bool(false)), ""),
            _ => (Some(Literal::Null), ""),
        };
        Ok(match value {
            Some(value) => self.make(token.start, Form::Literal(value)),
            None => self.fault(first.start, wrong),
        })
    }
}
