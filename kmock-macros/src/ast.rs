//! What a script means: rules, criteria, replies, stream items. Every part keeps the span of its token.

use std::time::Duration;

use proc_macro2::{Ident, Span, TokenStream};
use syn::{Attribute, Expr, ExprClosure, Lit, LitByteStr, LitStr, Pat, Type};

/// One `kmock! { … }`.
pub(crate) struct Script {
    pub(crate) server: Option<Expr>,
    pub(crate) items: Vec<Item>,
    /// Whether the last rule has no `;`, so that the script may be worth its handle.
    pub(crate) open: bool,
}

pub(crate) enum Item {
    Rule(Box<Rule>),
    Feed(Box<Feed>),
    Block(Block),
    Declaration(Declaration),
}

/// `node "a" { cpu: 4 };`, `image "web" => exit(1);`, `stage "certs.x.io" => delete;`
pub(crate) struct Declaration {
    pub(crate) binding: Option<Ident>,
    /// `#[cfg(…)]` and `#[allow(…)]`.
    pub(crate) rust: Vec<Attribute>,
    pub(crate) kind: Ident,
    /// What it is about, as an argument.
    pub(crate) about: TokenStream,
    pub(crate) calls: Vec<Call>,
}

/// A call on what was declared.
pub(crate) struct Call {
    pub(crate) name: Ident,
    pub(crate) arguments: Arguments,
}

/// What is in the brackets of a call.
pub(crate) enum Arguments {
    Tokens(TokenStream),
    Json(TokenStream),
    /// A duration, or the two of a range.
    Time(Time),
    /// It is no word yet: somebody may be typing it. Only editors see the call.
    Typed,
}

/// `override { … }`, `fallback { … }`, `in_order! { … }`.
pub(crate) struct Block {
    pub(crate) kind: BlockKind,
    pub(crate) span: Span,
    pub(crate) items: Vec<Item>,
}

#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum BlockKind {
    Override,
    Fallback,
    InOrder,
}

/// `[attributes] [let NAME =] [override|fallback] [stream] FILTER [SLICE] [>> SINK]… [=> REPLY, …]`
pub(crate) struct Rule {
    pub(crate) attrs: Attrs,
    pub(crate) binding: Option<Ident>,
    pub(crate) order: Option<(BlockKind, Span)>,
    pub(crate) filter: Filter,
    pub(crate) slice: Option<Expr>,
    /// `per id`
    pub(crate) per: Option<LitStr>,
    pub(crate) sinks: Vec<Callable>,
    pub(crate) replies: Vec<Part>,
    /// The first token of the head: where reports point.
    pub(crate) span: Span,
}

#[derive(Default)]
pub(crate) struct Attrs {
    /// The doc comment: the rule's name in reports.
    pub(crate) name: Option<LitStr>,
    pub(crate) priority: Option<Expr>,
    pub(crate) expect: Option<Expr>,
    pub(crate) never: Option<Span>,
    /// `#[cfg(…)]` and `#[allow(…)]`: Rust's own, kept on the statement.
    pub(crate) rust: Vec<Attribute>,
    /// The first attribute, for what is wrong with all of them.
    pub(crate) span: Option<Span>,
}

impl Attrs {
    /// Whether there are none but Rust's own.
    pub(crate) fn is_rust(&self) -> bool {
        self.name.is_none()
            && self.priority.is_none()
            && self.expect.is_none()
            && self.never.is_none()
    }
}

/// `[FILTER] ... => ITEMS`
pub(crate) struct Feed {
    pub(crate) filter: Option<Filter>,
    pub(crate) items: Vec<StreamItem>,
    pub(crate) span: Span,
}

/// Criteria and their algebra.
pub(crate) enum Filter {
    Any(Span),
    /// Juxtaposition and `&`.
    All(Vec<Filter>),
    Either(Vec<Filter>),
    Minus(Box<Filter>, Box<Filter>),
    Not(Span, Box<Filter>),
    Methods(Vec<Ident>),
    Path(LitStr),
    PathOf(Expr),
    PathRegex(LitStr),
    Notation(LitStr),
    Verbs(Vec<Ident>),
    Resource(LitStr),
    ResourceOf(Expr),
    Field {
        kind: Field,
        span: Span,
        name: Name,
        pattern: Pattern,
    },
    /// `query == { … }`: just these.
    Fields {
        kind: Field,
        span: Span,
        fields: Vec<(Name, Pattern)>,
    },
    /// `part "file" { filename: "*.png" }`
    Part {
        span: Span,
        name: Option<Pattern>,
        facts: Vec<(Ident, PartFact)>,
    },
    Json {
        span: Span,
        exact: bool,
        pattern: Pattern,
    },
    Value {
        kind: ValueKind,
        span: Span,
        pattern: Pattern,
    },
    Body(Span, Expr),
    /// An address or a network.
    From(Span, TokenStream),
    /// `connection`: what comes before requests.
    Connection(Span),
    Where(Span, Callable),
    /// `(expr)`: a filter, or a text in string notation.
    Of(Expr),
    /// A word that is none, kept so that an editor can complete it.
    Unknown(Ident),
}

#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Field {
    Query,
    Header,
    Cookie,
    Form,
    Trailer,
}

#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum ValueKind {
    Text,
    Host,
    Namespace,
    Name,
    Subresource,
    ClientCert,
    Grpc,
    Message,
}

/// The name of a header, parameter, cookie.
pub(crate) enum Name {
    Lit(LitStr),
    Expr(Expr),
}

/// What a value looks like.
pub(crate) enum Pattern {
    Present(Span),
    Absent(Span),
    Text(LitStr),
    /// A number (with its sign) or a boolean.
    Value(Span, TokenStream),
    Null(Span),
    Regex(LitStr),
    Range(Span, TokenStream),
    OneOf(Vec<Pattern>),
    Not(Span, Box<Pattern>),
    Object(Span, Vec<(LitStr, Pattern)>),
    Array(Span, Vec<Pattern>),
    /// `[a, .., b]`: runs with anything between them.
    Runs(Span, Vec<Vec<Pattern>>),
    /// `any_order [a, b]`, `any_order [a, b, ..]`
    AnyOrder {
        span: Span,
        items: Vec<Pattern>,
        more: bool,
    },
    Expr(Expr),
}

/// What a part of a multipart body must be.
pub(crate) enum PartFact {
    Is(Pattern),
    Body(Expr),
}

/// Code that answers, by the way it is called.
pub(crate) enum Callable {
    /// `|req| …`, with its number of parameters.
    Sync(ExprClosure),
    /// `|req| async { … }`
    Future(ExprClosure),
    /// `async |req| …`
    Async(ExprClosure),
    /// Anything else: a value, or the name of a function.
    Expr(Expr),
}

/// A parameter of a path template: `{id}`, `{id: u64}`.
#[derive(Clone)]
pub(crate) struct Capture {
    pub(crate) name: String,
    pub(crate) ty: Type,
}

/// One part of a reply.
pub(crate) enum Part {
    Status(Lit),
    Header(Span, Name, Option<Expr>),
    Cookie(Span, Name, Option<Expr>),
    Bytes(LitByteStr),
    Text(Span, Expr),
    Json(Span, TokenStream),
    JsonOf(Span, Expr),
    /// `file "path"`, `file once "path"`.
    File {
        span: Span,
        once: bool,
        path: Expr,
    },
    Call(Callable),
    Stream(Span, Vec<StreamItem>),
    StreamOf(Span, Expr),
    Delay(Span, Time),
    Hold(Span, Expr),
    Wait(Span, Expr),
    WebSocket(Span, Vec<StreamItem>),
    WebSocketOf(Span, Expr),
    /// `exec |command, io| …`: the code, as an argument.
    Exec(Span, TokenStream),
    Fault(Fault),
    Slow(Span, u64),
    Proxy(Span, Expr),
    /// `forbidden`, `conflict "…"`, `too_many(1s)`
    Failure {
        name: Ident,
        after: Option<Time>,
        why: Option<LitStr>,
    },
    /// `with (a, b) |req| …`: a clone of each is for the closure.
    With(Span, Vec<Ident>, Callable),
    /// `then`: what follows is the next answer.
    Then(Span),
    /// `then pass`, `then again`: the method of `Rule`.
    Ending(Span, &'static str),
    /// How the answer goes, or what a connection is shown.
    Way(Span, Way),
    /// What the answer knows of HTTP's own questions.
    Http(Span, Http),
    /// What did not parse, kept so that an editor can complete it.
    Broken(Span, TokenStream),
}

/// What an answer knows of HTTP's own questions.
pub(crate) enum Http {
    /// `redirect "/x"`
    Redirect(Expr),
    /// `problem "no such order"`
    Problem(Expr),
    /// `problem { "type": "/no-order" }`
    ProblemOf(TokenStream),
    /// `etag "v1"`
    Etag(Expr),
    EtagOfBody,
    /// `last_modified "Sun, 06 Nov 1994 08:49:37 GMT"`
    LastModified(Expr),
    Ranges,
}

/// The way of an answer.
pub(crate) enum Way {
    /// `certificate expired`
    Certificate(Ident),
    /// `certificate "other.example.com"`
    CertificateFor(Expr),
    /// `certificate (expr)`
    CertificateOf(Expr),
    /// `tls "1.2"`, as the variant is called.
    TlsVersion(&'static str),
    /// `limit 2`
    AtMost(Expr),
    Trailer(Name, Expr),
    /// `hint 103 { … }`
    Hint(syn::LitInt, Vec<(Name, Expr)>),
    /// `grpc { … }`
    GrpcMessage(TokenStream),
    /// `grpc [ … ]`
    GrpcMessages(Vec<StreamItem>),
    /// `grpc NOT_FOUND "…"`, as the variant is called.
    GrpcStatus(String, Option<Expr>),
    /// `grpc |message| …`
    GrpcEach(Expr),
    /// `grpc (expr)`, `grpc b"…"`
    Grpc(Expr),
    /// `record "https://…"`
    Record(Expr),
    /// `replay "file.har"`, `replay strict "file.har"`, `replay in_order "file.har"`: the method of `Reply`.
    Replay(&'static str, Expr),
    /// `unread`, `unread after 1000`
    Unread(Option<Expr>),
    /// `slow upload 64kB/s`
    SlowUpload(u64),
    Http10,
    UntilEof,
    AsWritten,
}

/// A pause: known, between two, or computed.
pub(crate) enum Time {
    Known(Span, Duration),
    Between(Span, Duration, Duration),
    Expr(Expr),
}

/// `reset in body 10 [0] at 50%`
pub(crate) struct Fault {
    pub(crate) span: Span,
    /// The function of `Fault` that makes it.
    pub(crate) name: &'static str,
    pub(crate) argument: Option<Expr>,
    /// Where it breaks and for which requests: methods of `Fault`.
    pub(crate) limits: Vec<Limit>,
}

pub(crate) struct Limit {
    pub(crate) span: Span,
    pub(crate) name: &'static str,
    pub(crate) value: Expr,
}

/// One item of a scripted stream.
pub(crate) enum StreamItem {
    /// `...`
    Live(Span),
    Sleep(Span, Time),
    Wait(Span, Expr),
    Call(Callable),
    Nested {
        span: Span,
        once: bool,
        items: Vec<StreamItem>,
    },
    For {
        span: Span,
        pat: Pat,
        expr: Expr,
        items: Vec<StreamItem>,
    },
    From(Span, Expr),
    Sse(Span, Vec<(Ident, TokenStream)>),
    Fault(Fault),
    Hold(Span, Expr),
    /// `file "path"`, `file once "path"`.
    File {
        span: Span,
        once: bool,
        path: Expr,
    },
    /// `head`: send the head of the answer here.
    Head(Span),
    /// `stop`: the stream ends here, whatever comes after.
    Stop(Span),
    Json(Span, TokenStream),
    JsonOf(Span, Expr),
    Text(Span, Expr),
    Bytes(LitByteStr),
    Value(Expr),
    Broken(Span, TokenStream),
}

/// One line of `assert_requests!`.
pub(crate) struct Check {
    pub(crate) subject: Subject,
    pub(crate) times: Times,
    pub(crate) text: TokenStream,
    pub(crate) span: Span,
}

pub(crate) enum Subject {
    Total,
    Filter(Filter),
    Handle(Expr),
}

pub(crate) enum Times {
    Exactly(Expr),
    Not(Expr),
    AtLeast(Expr),
    MoreThan(Expr),
    AtMost(Expr),
    LessThan(Expr),
    In(Expr),
}
