//! The way of an answer: what a connection is shown, and how an answer goes out: `certificate expired`, `trailer { … }`.

use proc_macro2::{Delimiter, Span};
use syn::{
    Expr, Ident, Lit, LitInt, LitStr, Token, ext::IdentExt, parse::ParseStream, spanned::Spanned,
    token,
};

use super::{fields::fields, value, words::url};
use crate::{
    ast::{Callable, Http, Part, Way},
    errors::Errors,
    json,
    parse::{
        code::{self, Unfinished},
        cursor::{at_end, ends_after_next, here, inside, is_word, skip_while},
        stream,
    },
    words::{GRPC_CODES, did_you_mean},
};

const CERTIFICATES: &[&str] = &[
    "expired",
    "not_yet_valid",
    "wrong_host",
    "unknown_ca",
    "self_signed",
    "valid",
];

/// A part that begins with a word of the way; `None` where the word is not used as one.
pub(super) fn by_word(
    input: ParseStream<'_>,
    errors: &mut Errors,
    name: &str,
    span: Span,
) -> Option<Vec<Part>> {
    let after = input.fork();
    after.call(Ident::parse_any).ok();
    let lonely = ends_after_next(input);
    let taken = |input: ParseStream<'_>| {
        input.call(Ident::parse_any).ok();
    };
    let way = match name {
        "certificate"
            if lonely || after.peek(LitStr) || after.peek(token::Paren) || after.peek(Ident) =>
        {
            taken(input);
            certificate(input, errors)
        }
        "tls" if lonely || after.peek(Lit) => {
            taken(input);
            version(input, errors)
        }
        "limit" if after.peek(LitInt) => {
            taken(input);
            input
                .parse::<LitInt>()
                .ok()
                .map(|most| Way::AtMost(int(most)))
        }
        "limit" if after.peek(token::Paren) && !lonely => {
            taken(input);
            code::in_parens(input, errors, "a number of connections").map(Way::AtMost)
        }
        "trailer" if after.peek(token::Brace) => {
            taken(input);
            let mut parts = Vec::new();
            for part in fields(input, errors, true) {
                match part {
                    Part::Header(at, name, Some(value)) => {
                        parts.push(Part::Way(at, Way::Trailer(name, value)));
                    }
                    Part::Header(at, _, None) => errors.help(
                        at,
                        "there are no trailers but those that are written",
                        "leave it out",
                    ),
                    _ => {}
                }
            }
            return Some(parts);
        }
        "trailer" if lonely || after.peek(LitStr) => {
            errors.help(
                span,
                "expected `{` after `trailer`",
                "write `trailer { \"name\": \"value\" }`",
            );
            skip_while(input, |input| !at_end(input));
            return Some(Vec::new());
        }
        "hint" if lonely || after.peek(Lit) || after.peek(token::Brace) => {
            taken(input);
            hint(input, errors)
        }
        "http" if after.peek(Lit) => {
            taken(input);
            let at = here(input);
            match input.parse::<Lit>() {
                Ok(Lit::Str(text)) if text.value() == "1.0" => Some(Way::Http10),
                _ => {
                    errors.help(
                        at,
                        "an answer is of HTTP/1.0, or of what the client speaks",
                        "write `http \"1.0\"`",
                    );
                    None
                }
            }
        }
        "grpc"
            if after.peek(token::Brace)
                || after.peek(token::Bracket)
                || after.peek(token::Paren)
                || after.peek(Ident)
                || after.peek(Lit)
                || is_closure(&after) =>
        {
            taken(input);
            grpc(input, errors)
        }
        "record" if lonely || after.peek(LitStr) || after.peek(token::Paren) => {
            taken(input);
            url(input, errors, "record \"https").map(Way::Record)
        }
        "replay" if lonely || after.peek(Lit) || after.peek(token::Paren) || after.peek(Ident) => {
            taken(input);
            replay(input, errors)
        }
        "unread" if lonely => {
            taken(input);
            Some(Way::Unread(None))
        }
        "unread" if is_word(&after, "after") => {
            taken(input);
            taken(input);
            bytes(input, errors).map(|bytes| Way::Unread(Some(bytes)))
        }
        "until_eof" if lonely => {
            taken(input);
            Some(Way::UntilEof)
        }
        "as_written" if lonely => {
            taken(input);
            Some(Way::AsWritten)
        }
        _ => return None,
    };
    if way.is_none() {
        skip_while(input, |input| !at_end(input));
    }
    Some(way.map(|way| Part::Way(span, way)).into_iter().collect())
}

/// The number after `unread after`.
fn bytes(input: ParseStream<'_>, errors: &mut Errors) -> Option<Expr> {
    if input.peek(token::Paren) {
        return code::in_parens(input, errors, "a number of bytes");
    }
    match input.parse::<LitInt>() {
        Ok(number) => Some(int(number)),
        Err(_) => {
            errors.help(
                here(input),
                "expected a number of bytes after `unread after`",
                "write `unread after 1000`, or `unread` alone",
            );
            None
        }
    }
}

fn int(lit: LitInt) -> Expr {
    Expr::Lit(syn::ExprLit {
        attrs: Vec::new(),
        lit: Lit::Int(lit),
    })
}

/// `certificate expired`, `certificate "other.example.com"`, `certificate (expr)`
fn certificate(input: ParseStream<'_>, errors: &mut Errors) -> Option<Way> {
    let at = here(input);
    let forms = "write `certificate expired`, or one of `not_yet_valid`, `wrong_host`, `unknown_ca`, `self_signed`, or the host that it is for: `certificate \"b.example.com\"`";
    if input.peek(LitStr) || input.peek(token::Paren) {
        let text = input.peek(LitStr);
        return value(input, errors, "a certificate").map(|given| match text {
            true => Way::CertificateFor(given),
            false => Way::CertificateOf(given),
        });
    }
    match input.call(Ident::parse_any) {
        Ok(name) => {
            let text = name.to_string();
            if CERTIFICATES.contains(&text.as_str()) {
                return Some(Way::Certificate(name));
            }
            errors.help(
                at,
                format_args!(
                    "`{text}` is no kind of certificate{}",
                    did_you_mean(&text, CERTIFICATES.iter().copied())
                ),
                forms,
            );
            None
        }
        Err(_) => {
            errors.help(at, "expected what the certificate is", forms);
            None
        }
    }
}

/// A status of gRPC as its variant is called: `NOT_FOUND` is `NotFound`.
fn variant(code: &str) -> String {
    code.split('_')
        .map(|word| [&word[..1], &word[1..].to_lowercase()].concat())
        .collect()
}

fn is_closure(input: ParseStream<'_>) -> bool {
    input.peek(Token![|])
        || input.peek(Token![||])
        || input.peek(Token![move])
        || input.peek(Token![async])
}

/// `grpc { … }`, `grpc [ … ]`, `grpc NOT_FOUND "nobody"`, `grpc |message| …`, `grpc (expr)`, `grpc b"…"`
fn grpc(input: ParseStream<'_>, errors: &mut Errors) -> Option<Way> {
    const FORMS: &str = "write `grpc { \"a\": 1 }` for a message, `grpc [ … ]` for several, or `grpc NOT_FOUND \"why\"`";
    let at = here(input);
    if input.peek(token::Brace) {
        return Some(Way::GrpcMessage(json::value(input, errors)));
    }
    if input.peek(token::Bracket) {
        return inside(input, Delimiter::Bracket, errors, stream::items).map(Way::GrpcMessages);
    }
    if input.peek(token::Paren) {
        return code::in_parens(input, errors, "an answer of gRPC").map(Way::Grpc);
    }
    if is_closure(input) {
        return match code::callable(input, errors, "a closure that answers each message") {
            Ok(Callable::Sync(closure)) => Some(Way::GrpcEach(Expr::Closure(closure))),
            Ok(_) => {
                errors.help(
                    at,
                    "each message is answered by a closure that is not async",
                    "write `grpc |message| …`; what is to be waited for stands in a script: `kmock::Stream::new().sleep(pause)`",
                );
                None
            }
            Err(raw) => (errors.editor && !raw.is_empty()).then(|| {
                Way::GrpcEach(Expr::Verbatim(match code::unfinished(&raw, false) {
                    Unfinished::Closure(closure) | Unfinished::Async(closure) => closure,
                    Unfinished::Value => raw,
                }))
            }),
        };
    }
    if let Ok(lit) = input.fork().parse::<Lit>() {
        if let Lit::ByteStr(_) = lit {
            input.parse::<Lit>().ok();
            let lit = syn::ExprLit {
                attrs: Vec::new(),
                lit,
            };
            return Some(Way::Grpc(Expr::Lit(lit)));
        }
        errors.help(at, "this is no answer of gRPC", FORMS);
        return None;
    }
    let name = input.call(Ident::parse_any).ok()?;
    let text = name.to_string();
    if !GRPC_CODES.contains(&text.as_str()) {
        errors.help(
            at,
            format_args!(
                "`{text}` is no status of gRPC{}",
                did_you_mean(&text, GRPC_CODES)
            ),
            FORMS,
        );
        return None;
    }
    let message = match at_end(input) {
        true => None,
        false => Some(value(input, errors, "the words of a status")?),
    };
    Some(Way::GrpcStatus(variant(&text), message))
}

/// `replay "file.har"`, `replay strict "file.har"`, `replay in_order "file.har"`
fn replay(input: ParseStream<'_>, errors: &mut Errors) -> Option<Way> {
    let at = here(input);
    let mut method = "replay";
    if let Ok(word) = input.fork().call(Ident::parse_any) {
        let text = word.to_string();
        method = match text.as_str() {
            "strict" => "replay_strict",
            "in_order" => "replay_in_order",
            _ => {
                errors.help(
                    at,
                    format_args!(
                        "`{text}` is no way to replay{}",
                        did_you_mean(&text, ["strict", "in_order"])
                    ),
                    "write `replay \"api.har\"`, `replay strict \"api.har\"` or `replay in_order \"api.har\"`",
                );
                return None;
            }
        };
        input.call(Ident::parse_any).ok();
    }
    value(input, errors, "the path of a recording").map(|path| Way::Replay(method, path))
}

/// `tls "1.2"`
fn version(input: ParseStream<'_>, errors: &mut Errors) -> Option<Way> {
    let at = here(input);
    let known = match input.parse::<Lit>() {
        Ok(Lit::Str(text)) => match text.value().as_str() {
            "1.0" => Some("V1_0"),
            "1.1" => Some("V1_1"),
            "1.2" => Some("V1_2"),
            "1.3" => Some("V1_3"),
            _ => None,
        },
        _ => None,
    };
    if known.is_none() {
        errors.help(
            at,
            "expected a version of TLS",
            "write `tls \"1.2\"`; 1.0 and 1.1 are claimed, and not spoken",
        );
    }
    known.map(Way::TlsVersion)
}

/// `hint 103 { "Link": "</a.css>" }`, `hint 102`
fn hint(input: ParseStream<'_>, errors: &mut Errors) -> Option<Way> {
    let at = here(input);
    let form = "write `hint 103 { \"Link\": \"</style.css>; rel=preload\" }`, or `hint 102`";
    let Ok(status) = input.parse::<LitInt>() else {
        errors.help(at, "expected an informational status after `hint`", form);
        return None;
    };
    let number = status.base10_parse::<u16>().unwrap_or_default();
    if !(102..200).contains(&number) {
        errors.help(
            status.span(),
            format_args!("{status} is no informational status: 102 to 199 are"),
            form,
        );
        return None;
    }
    let mut headers = Vec::new();
    if input.peek(token::Brace) {
        for part in fields(input, errors, true) {
            match part {
                Part::Header(_, name, Some(value)) => headers.push((name, value)),
                Part::Header(at, _, None) => errors.help(
                    at,
                    "a hint has no headers but those that are written",
                    "leave it out",
                ),
                _ => {}
            }
        }
    }
    Some(Way::Hint(status, headers))
}

/// What only connections are answered with, or only requests: whether a part fits the head of its rule, and what it is called.
pub(crate) fn misplaced(part: &Part, connection: bool) -> Option<(Span, &'static str)> {
    let (span, name, of_connections) = match part {
        Part::Way(span, way) => match way {
            Way::Certificate(_) | Way::CertificateFor(_) | Way::CertificateOf(_) => {
                (*span, "a certificate", true)
            }
            Way::TlsVersion(_) => (*span, "a version of TLS", true),
            Way::AtMost(_) => (*span, "a limit of connections", true),
            Way::Trailer(..) => (*span, "trailers", false),
            Way::Hint(..) => (*span, "a hint", false),
            Way::GrpcMessage(_)
            | Way::GrpcMessages(_)
            | Way::GrpcStatus(..)
            | Way::GrpcEach(_)
            | Way::Grpc(_)
            | Way::Record(_)
            | Way::Replay(..) => (*span, "a body", false),
            Way::Unread(_) | Way::SlowUpload(_) => (*span, "the body of a request", false),
            Way::Http10 | Way::UntilEof | Way::AsWritten => (*span, "a head", false),
        },
        Part::Http(span, Http::Problem(_) | Http::ProblemOf(_)) => (*span, "a body", false),
        Part::Http(span, _) => (*span, "headers", false),
        Part::Fault(fault) => {
            let place = fault.limits.iter().find_map(|limit| match limit.name {
                "in_handshake" => Some(true),
                "in_head" | "in_body" | "in_upload" => Some(false),
                _ => None,
            });
            let body = ["truncate", "truncated_chunk", "content_length"].contains(&fault.name);
            match place {
                Some(true) => (fault.span, "a handshake", true),
                Some(false) => (fault.span, "a head or a body", false),
                None if body => (fault.span, "a body", false),
                None => return None,
            }
        }
        Part::Status(lit) => (lit.span(), "a status", false),
        Part::Header(span, ..) => (*span, "headers", false),
        Part::Cookie(span, ..) => (*span, "cookies", false),
        Part::Delay(..)
        | Part::Hold(..)
        | Part::Wait(..)
        | Part::Then(_)
        | Part::Ending(..)
        | Part::Broken(..) => return None,
        Part::Failure { name, .. } => (name.span(), "a status", false),
        Part::With(span, ..) => (*span, "a body", false),
        Part::Bytes(lit) => (lit.span(), "a body", false),
        Part::Call(crate::ast::Callable::Expr(value)) => (value.span(), "a body", false),
        Part::Call(
            crate::ast::Callable::Sync(closure)
            | crate::ast::Callable::Future(closure)
            | crate::ast::Callable::Async(closure),
        ) => (closure.span(), "a body", false),
        Part::Text(span, _)
        | Part::Json(span, _)
        | Part::JsonOf(span, _)
        | Part::File { span, .. }
        | Part::Stream(span, _)
        | Part::StreamOf(span, _)
        | Part::WebSocket(span, _)
        | Part::WebSocketOf(span, _)
        | Part::Exec(span, _)
        | Part::Slow(span, _)
        | Part::Proxy(span, _) => (*span, "a body", false),
    };
    (of_connections != connection).then_some((span, name))
}
