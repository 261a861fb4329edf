//! The options of `#[kmock::test(…)]`.

use proc_macro2::{Ident, Span, TokenStream};
use quote::{ToTokens, quote, quote_spanned};
use syn::{
    Expr, Lit, LitBool, LitStr, Token,
    ext::IdentExt,
    parse::{ParseStream, Parser},
    spanned::Spanned,
    token,
};

use crate::{
    ast::Time,
    duration,
    errors::Errors,
    parse::cursor::{expr, here, lit_str, skip_to_comma},
    words::did_you_mean,
};

/// What an option of the attribute takes.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Takes {
    Flag,
    Number,
    Duration,
    Hostnames,
    /// A list of names in quotes.
    Plugins,
    Directory,
    /// Nothing, a file, or how.
    Tls,
    Sweep,
}

const OPTIONS: &[(&str, Takes)] = &[
    ("start_paused", Takes::Flag),
    ("strict", Takes::Flag),
    ("raw", Takes::Flag),
    ("cluster", Takes::Flag),
    ("nodes", Takes::Number),
    ("rbac", Takes::Flag),
    ("admission", Takes::Plugins),
    ("limit", Takes::Number),
    ("port", Takes::Number),
    ("seed", Takes::Number),
    ("timeout", Takes::Duration),
    ("hostnames", Takes::Hostnames),
    ("report", Takes::Directory),
    ("tls", Takes::Tls),
    ("sweep", Takes::Sweep),
    ("sweep_budget", Takes::Sweep),
    ("sweep_ignores", Takes::Sweep),
    ("sweep_without", Takes::Sweep),
    ("sweep_share", Takes::Sweep),
];

/// `flavor`, `worker_threads` and `crate` are read apart from the others.
const NAMES: &[&str] = &[
    "start_paused",
    "flavor",
    "worker_threads",
    "strict",
    "raw",
    "cluster",
    "nodes",
    "rbac",
    "admission",
    "limit",
    "port",
    "seed",
    "timeout",
    "hostnames",
    "report",
    "tls",
    "sweep",
    "sweep_budget",
    "sweep_ignores",
    "sweep_without",
    "sweep_share",
    "crate",
];

pub(super) struct Options {
    pub(super) krate: TokenStream,
    pub(super) calls: TokenStream,
    pub(super) multi_thread: Option<(Span, Option<Expr>)>,
    pub(super) paused: Option<Span>,
    /// The calls of `SweepOptions`, where the test is swept.
    pub(super) sweep: Option<(Span, TokenStream)>,
}

pub(super) fn options(attr: TokenStream, errors: &mut Errors) -> Options {
    let mut options = Options {
        krate: quote!(::kmock),
        calls: TokenStream::new(),
        multi_thread: None,
        paused: None,
        sweep: None,
    };
    let mut workers = None;
    let mut seen: Vec<String> = Vec::new();
    let read = |input: ParseStream<'_>| {
        while !input.is_empty() {
            let at = here(input);
            match input.call(Ident::parse_any) {
                Ok(name) => {
                    if seen.contains(&name.to_string()) {
                        errors.push(
                            name.span(),
                            format_args!("the option `{name}` is given twice"),
                        );
                    }
                    seen.push(name.to_string());
                    option(input, &name, &mut options, &mut workers, errors);
                }
                Err(_) => {
                    errors.help(
                        at,
                        "expected an option",
                        format_args!("valid are {}", valid()),
                    );
                    skip_to_comma(input);
                }
            }
            if !input.is_empty() && input.parse::<Token![,]>().is_err() {
                if input.peek(Token![:]) {
                    errors.help(
                        here(input),
                        "an option is given by `=`",
                        "write `strict = true`, or `strict` alone",
                    );
                } else {
                    errors.push(here(input), "expected `,` between the options");
                }
                if input.parse::<Token![;]>().is_err() {
                    skip_to_comma(input);
                    input.parse::<Token![,]>().ok();
                }
            }
        }
        Ok(())
    };
    if let Err(error) = read.parse2(attr) {
        errors.absorb(error);
    }
    if let Some((span, count)) = workers {
        match &mut options.multi_thread {
            Some((_, slot)) => *slot = Some(count),
            None => errors.help(
                span,
                "`worker_threads` needs several threads",
                "write `flavor = \"multi_thread\", worker_threads = 2`",
            ),
        }
    }
    options
}

fn valid() -> String {
    NAMES
        .iter()
        .map(|name| format!("`{name}`"))
        .collect::<Vec<_>>()
        .join(", ")
}

fn option(
    input: ParseStream<'_>,
    name: &Ident,
    options: &mut Options,
    workers: &mut Option<(Span, Expr)>,
    errors: &mut Errors,
) {
    let span = name.span();
    let text = name.to_string();
    let given = input.peek(Token![=]);
    if !NAMES.contains(&text.as_str()) {
        errors.help(
            span,
            format_args!(
                "unknown option `{text}`{}",
                did_you_mean(&text, NAMES.iter().copied())
            ),
            format_args!("valid are {}", valid()),
        );
        return skip_to_comma(input);
    }
    if given {
        input.parse::<Token![=]>().ok();
    } else if input.peek(token::Paren) {
        errors.help(
            here(input),
            "an option is given by `=`",
            format_args!("write `{text} = …`"),
        );
        return skip_to_comma(input);
    }
    let takes = OPTIONS
        .iter()
        .find(|(option, _)| *option == text)
        .map(|(_, takes)| *takes);
    match takes {
        Some(Takes::Flag) => {
            let value = if given {
                flag(input, &text, errors)
            } else {
                Some(LitBool::new(true, span))
            };
            if let Some(value) = value {
                if text == "start_paused" && value.value {
                    options.paused = Some(span);
                }
                options.calls.extend(quote_spanned!(span=> .#name(#value)));
            }
        }
        Some(takes @ (Takes::Number | Takes::Directory)) => {
            let number = takes == Takes::Number;
            let form = match number {
                true => ("a number", "999"),
                false => ("a directory", "\"target/pages\""),
            };
            let fits = |lit: &Lit| match number {
                true => matches!(lit, Lit::Int(_)),
                false => matches!(lit, Lit::Str(_)),
            };
            if let Some(value) = literal(input, name, given, form, fits, errors) {
                options.calls.extend(quote_spanned!(span=> .#name(#value)));
            }
        }
        Some(Takes::Duration) => {
            let time = if given {
                duration::time(input, errors)
            } else {
                missing(errors, span, &text, "5s")
            };
            match time {
                Some(Time::Known(at, time)) => {
                    let millis = u64::try_from(time.as_millis()).unwrap_or(u64::MAX);
                    options.calls.extend(
                        quote_spanned!(at=> .#name(::core::time::Duration::from_millis(#millis))),
                    );
                }
                Some(Time::Expr(value)) => {
                    options.calls.extend(quote_spanned!(span=> .#name(#value)));
                }
                Some(Time::Between(at, ..)) => {
                    errors.push(at, format_args!("`{text}` is one duration"));
                }
                None => {}
            }
        }
        Some(Takes::Tls) => tls(input, name, given, options, errors),
        Some(Takes::Sweep) => sweep(input, name, given, options, errors),
        Some(Takes::Hostnames) => hostnames(input, name, options, errors),
        Some(Takes::Plugins) => plugins(input, name, options, errors),
        None => {
            match text.as_str() {
                "flavor" => {
                    let at = here(input);
                    match lit_str(input) {
                        Some(flavor) if flavor.value() == "multi_thread" => {
                            options.multi_thread = Some((span, None));
                        }
                        Some(flavor) if flavor.value() == "current_thread" => {}
                        _ => {
                            errors.help(at, "unknown flavor", "write `flavor = \"current_thread\"` or `flavor = \"multi_thread\"`");
                            skip_to_comma(input);
                        }
                    }
                }
                "worker_threads" => {
                    let value = if given {
                        expr(input, errors, "a number").ok()
                    } else {
                        missing(errors, span, &text, "2")
                    };
                    if let Some(value) = value {
                        *workers = Some((span, value));
                    }
                }
                _ => {
                    let at = here(input);
                    let path = match input.fork().parse::<LitStr>() {
                        Ok(lit) => {
                            input.parse::<LitStr>().ok();
                            lit.parse::<syn::Path>()
                        }
                        Err(_) => input.call(syn::Path::parse_mod_style),
                    };
                    match path {
                        Ok(path) => options.krate = path.to_token_stream(),
                        Err(_) => {
                            errors.help(
                                at,
                                "expected the path of the crate",
                                "write `crate = my::kmock`",
                            );
                            skip_to_comma(input);
                        }
                    }
                }
            }
        }
    }
}

fn flag(input: ParseStream<'_>, name: &str, errors: &mut Errors) -> Option<LitBool> {
    let at = here(input);
    match input.peek(LitBool).then(|| input.parse::<LitBool>()) {
        Some(Ok(value)) => Some(value),
        _ => {
            errors.help(
                at,
                "expected `true` or `false`",
                format_args!("write `{name}` alone, or `{name} = true`"),
            );
            skip_to_comma(input);
            None
        }
    }
}

/// A literal that fits, or any other expression; `form` says what, and how an example is written.
fn literal(
    input: ParseStream<'_>,
    name: &Ident,
    given: bool,
    (what, example): (&str, &str),
    fits: impl Fn(&Lit) -> bool,
    errors: &mut Errors,
) -> Option<Expr> {
    let value = if given {
        expr(input, errors, what).ok()
    } else {
        missing(errors, name.span(), &name.to_string(), example)
    };
    match value {
        Some(Expr::Lit(lit)) if !fits(&lit.lit) => {
            errors.help(
                lit.span(),
                format_args!("expected {what}"),
                format_args!("write `{name} = {example}`"),
            );
            None
        }
        value => value,
    }
}

fn missing<T>(errors: &mut Errors, at: Span, name: &str, example: &str) -> Option<T> {
    errors.help(
        at,
        format_args!("the option `{name}` needs a value"),
        format_args!("write `{name} = {example}`"),
    );
    None
}

/// `tls`, `tls = true`, `tls = "ca.pem"`, `tls = Tls::new().and_plain()`
fn tls(
    input: ParseStream<'_>,
    name: &Ident,
    given: bool,
    options: &mut Options,
    errors: &mut Errors,
) {
    let span = name.span();
    let value = match given {
        false => Expr::Lit(syn::ExprLit {
            attrs: Vec::new(),
            lit: Lit::Bool(LitBool::new(true, span)),
        }),
        true => match expr(input, errors, "a file of an authority") {
            Ok(value) => value,
            Err(_) => return,
        },
    };
    options.calls.extend(match &value {
        Expr::Lit(lit) => match &lit.lit {
            Lit::Bool(_) => quote_spanned!(span=> .tls(#value)),
            Lit::Str(_) => quote_spanned!(span=> .tls_ca(#value)),
            _ => {
                errors.help(
                    lit.span(),
                    "expected a file of an authority",
                    "write `tls` alone, or `tls = \"ca.pem\"`",
                );
                return;
            }
        },
        _ => quote_spanned!(span=> .tls_with(#value)),
    });
}

/// `sweep`, `sweep = 2`, `sweep_budget = 30s`, `sweep_ignores = ["status.attempts"]`, `sweep_without = ["stale"]`,
/// `sweep_share = 0.1`
fn sweep(
    input: ParseStream<'_>,
    name: &Ident,
    given: bool,
    options: &mut Options,
    errors: &mut Errors,
) {
    let span = name.span();
    let calls = match name.to_string().as_str() {
        "sweep" if !given => Some(TokenStream::new()),
        "sweep" => {
            let fits = |lit: &Lit| matches!(lit, Lit::Int(_));
            let form = ("the number of faults in one run", "2");
            let faults = literal(input, name, given, form, fits, errors);
            faults.map(|faults| quote_spanned!(span=> .faults(#faults)))
        }
        "sweep_budget" => {
            let time = match given {
                true => duration::time(input, errors),
                false => missing(errors, span, "sweep_budget", "30s"),
            };
            match time {
                Some(Time::Known(at, time)) => {
                    let millis = u64::try_from(time.as_millis()).unwrap_or(u64::MAX);
                    Some(quote_spanned!(at=> .budget(::core::time::Duration::from_millis(#millis))))
                }
                Some(Time::Expr(value)) => Some(quote_spanned!(span=> .budget(#value))),
                Some(Time::Between(at, ..)) => {
                    errors.push(at, "`sweep_budget` is one duration");
                    None
                }
                None => None,
            }
        }
        "sweep_share" => match given {
            true => expr(input, errors, "a share of the faults")
                .ok()
                .map(|share| quote_spanned!(span=> .share(#share))),
            false => missing(errors, span, "sweep_share", "0.1"),
        },
        other => {
            let (call, what, form) = match other {
                "sweep_without" => (
                    quote_spanned!(span=> without),
                    "expected a list of faults",
                    "write `sweep_without = [\"stale\", \"clock jump\"]`",
                ),
                _ => (
                    quote_spanned!(span=> ignoring),
                    "expected a list of fields",
                    "write `sweep_ignores = [\"status.attempts\"]`",
                ),
            };
            let at = here(input);
            let list = if given {
                input.parse::<syn::ExprArray>().ok()
            } else {
                None
            };
            match list {
                Some(list) => Some(quote_spanned!(span=> .#call(&#list))),
                None => {
                    errors.help(at, what, form);
                    skip_to_comma(input);
                    None
                }
            }
        }
    };
    if let Some(calls) = calls {
        let (_, known) = options
            .sweep
            .get_or_insert_with(|| (span, TokenStream::new()));
        known.extend(calls);
    }
}

/// `hostnames = ["example.com", ~".*\.local"]`
fn hostnames(input: ParseStream<'_>, name: &Ident, options: &mut Options, errors: &mut Errors) {
    let form = "write `hostnames = [\"example.com\", \"*.local\"]`";
    let one = |content: ParseStream<'_>, errors: &mut Errors| {
        let regex = content
            .parse::<Option<Token![~]>>()
            .ok()
            .flatten()
            .is_some();
        let lit = lit_str(content)?;
        if regex {
            crate::notation::check(&lit, errors, crate::notation::regex);
            return Some(LitStr::new(&format!("~{}", lit.value()), lit.span()));
        }
        if lit.value().contains('/') {
            errors.help(lit.span(), "a hostname is no URL", form);
        }
        Some(lit)
    };
    list(input, name, ("hostname", form), one, options, errors);
}

/// Which admission plugins there are is known to the server alone.
fn plugins(input: ParseStream<'_>, name: &Ident, options: &mut Options, errors: &mut Errors) {
    let form = "write `admission = [\"ServiceAccount\", \"NodeRestriction\"]`";
    let one = |content: ParseStream<'_>, _: &mut Errors| lit_str(content);
    list(input, name, ("plugin", form), one, options, errors);
}

/// A list of texts in brackets; `one` reads each.
fn list(
    input: ParseStream<'_>,
    name: &Ident,
    (what, form): (&str, &str),
    one: impl Fn(ParseStream<'_>, &mut Errors) -> Option<LitStr>,
    options: &mut Options,
    errors: &mut Errors,
) {
    let at = here(input);
    if !input.peek(token::Bracket) {
        errors.help(at, format_args!("expected a list of {what}s"), form);
        return skip_to_comma(input);
    }
    let content = match (|| {
        let content;
        syn::bracketed!(content in input);
        Ok::<_, syn::Error>(content)
    })() {
        Ok(content) => content,
        Err(error) => return errors.absorb(error),
    };
    let mut names = Vec::new();
    while !content.is_empty() {
        let at = here(&content);
        match one(&content, errors) {
            Some(name) => names.push(name),
            None => {
                errors.help(at, format_args!("expected a {what} in quotes"), form);
                skip_to_comma(&content);
            }
        }
        if !content.is_empty() && content.parse::<Token![,]>().is_err() {
            let why = format_args!("expected `,` between the {what}s");
            errors.push(here(&content), why);
            skip_to_comma(&content);
            content.parse::<Token![,]>().ok();
        }
    }
    options
        .calls
        .extend(quote_spanned!(name.span()=> .#name(&[#(#names),*])));
}
