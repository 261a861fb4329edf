//! `#[kmock::test]`: the signature is read, the body stays raw, and a function of the runtime runs the test.

use proc_macro2::{Group, Ident, Span, TokenStream};
use quote::{ToTokens, quote, quote_spanned};
use syn::{
    Attribute, Expr, FnArg, Lit, LitBool, LitStr, Pat, ReturnType, Signature, Token, Type,
    Visibility,
    ext::IdentExt,
    parse::{ParseStream, Parser},
    parse_quote_spanned,
    spanned::Spanned,
    token,
};

use crate::{
    ast::Time,
    duration,
    errors::Errors,
    parse::{expr, here, lit_str, skip_to_comma},
    test_body,
    words::did_you_mean,
};

/// What an option of the attribute takes.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Takes {
    Flag,
    Number,
    Duration,
    Hostnames,
    Directory,
}

const OPTIONS: &[(&str, Takes)] = &[
    ("start_paused", Takes::Flag),
    ("strict", Takes::Flag),
    ("raw", Takes::Flag),
    ("limit", Takes::Number),
    ("port", Takes::Number),
    ("seed", Takes::Number),
    ("timeout", Takes::Duration),
    ("hostnames", Takes::Hostnames),
    ("report", Takes::Directory),
];

/// `flavor`, `worker_threads` and `crate` are read apart from the others.
const NAMES: &[&str] = &[
    "start_paused",
    "flavor",
    "worker_threads",
    "strict",
    "raw",
    "limit",
    "port",
    "seed",
    "timeout",
    "hostnames",
    "report",
    "crate",
];

struct Options {
    krate: TokenStream,
    calls: TokenStream,
    multi_thread: Option<(Span, Option<Expr>)>,
    paused: Option<Span>,
}

/// A function without concern for its body, which may well not be finished.
struct Test {
    attrs: Vec<Attribute>,
    vis: Visibility,
    sig: Signature,
    body: Group,
}

/// Expands the attribute. On mistakes the test is emitted all the same, as near to what was meant as can be.
pub(crate) fn test(attr: TokenStream, item: &TokenStream) -> TokenStream {
    let mut errors = Errors::default();
    let options = options(attr, &mut errors);
    let parsed = (|input: ParseStream<'_>| {
        Ok(Test {
            attrs: Attribute::parse_outer(input)?,
            vis: input.parse()?,
            sig: input.parse()?,
            body: input.parse()?,
        })
    })
    .parse2(item.clone());
    match parsed {
        Ok(test) => expand(test, &options, errors),
        Err(error) => {
            if errors.is_empty() {
                errors.help(
                    error.span(),
                    error.to_string(),
                    "`#[kmock::test]` stands before a function: `async fn name(k: KMock) { … }`",
                );
            }
            let errors = errors.into_tokens();
            quote!(#errors #item)
        }
    }
}

fn expand(mut test: Test, options: &Options, mut errors: Errors) -> TokenStream {
    let krate = &options.krate;
    let sound = check(&test, options, &mut errors);
    // These have been reported.
    test.attrs
        .retain(|attr| !["rstest", "test"].contains(&last_segment(attr).as_str()));
    for input in &mut test.sig.inputs {
        if let FnArg::Typed(typed) = input {
            // `#[ignore]` is how an argument is hidden from `#[rstest]`; what is for it has been reported.
            let rstest = |attr: &Attribute| {
                ["ignore", "case", "values"]
                    .iter()
                    .any(|name| attr.path().is_ident(name))
            };
            typed.attrs.retain(|attr| !rstest(attr));
        }
    }
    if !sound {
        // No test can be made of it; what is in it is checked all the same.
        let (
            errors,
            Test {
                attrs,
                vis,
                sig,
                body,
            },
        ) = (errors.into_tokens(), test);
        return quote!(#errors #(#attrs)* #[allow(dead_code, unused_variables)] #vis #sig #body);
    }
    let used = match &test.sig.output {
        ReturnType::Default => false,
        ReturnType::Type(_, ty) => !matches!(&**ty, Type::Tuple(tuple) if tuple.elems.is_empty()),
    };
    let server = server(&mut test.sig);
    let mut body = Group::new(
        test.body.delimiter(),
        test_body::block(test.body.stream(), server.as_ref(), used),
    );
    body.set_span(test.body.span());
    let Test {
        attrs, vis, sig, ..
    } = &test;
    let (name, output) = (&sig.ident, &sig.output);
    let span = name.span();
    let run = if sig.asyncness.is_some() {
        quote!(run_async)
    } else {
        quote!(run_sync)
    };
    // The server is handed over by value whether the test consumes it or not.
    let by_value = sig
        .asyncness
        .is_none()
        .then(|| quote!(#[allow(clippy::needless_pass_by_value)]));
    let calls = &options.calls;
    let multi_thread = options
        .multi_thread
        .as_ref()
        .map(|(span, workers)| match workers {
            Some(workers) => {
                quote_spanned!(*span=> .multi_thread(::core::option::Option::Some(#workers)))
            }
            None => quote_spanned!(*span=> .multi_thread(::core::option::Option::None)),
        });
    let text = LitStr::new(&name.unraw().to_string(), span);
    let made = quote_spanned! {span=>
        <#krate::__private::TestOptions>::new(::core::concat!(::core::module_path!(), "::", #text)) #multi_thread #calls
    };
    let count = sig.inputs.len();
    // What is wrong with the type of an argument is shown at the type.
    let servers: Vec<Ident> = sig
        .inputs
        .iter()
        .enumerate()
        .map(|(number, input)| {
            let at = match input {
                FnArg::Typed(typed) => typed.ty.span(),
                FnArg::Receiver(receiver) => receiver.span(),
            };
            Ident::new(
                &format!("__server{number}"),
                Span::mixed_site().located_at(at),
            )
        })
        .collect();
    let call = if count == 0 {
        quote!(#name)
    } else {
        quote!(|#(#servers: #krate::KMock),*| #name(#(#servers),*))
    };
    let errors = errors.into_tokens();
    quote! {
        #errors
        #(#attrs)*
        #[::core::prelude::v1::test]
        #vis fn #name() #output {
            #by_value
            #sig #body
            #krate::__private::#run::<[(); #count], _>(#made, #call)
        }
    }
}

/// Reports what is wrong with the function; whether a test can be made of its signature.
fn check(test: &Test, options: &Options, errors: &mut Errors) -> bool {
    for attr in &test.attrs {
        let last = last_segment(attr);
        match last.as_str() {
            "test" => errors.help(
                attr.path().span(),
                "one test attribute is enough",
                "drop this one: `#[kmock::test]` makes the runtime and registers the test",
            ),
            "rstest" => errors.help(
                attr.path().span(),
                "`#[rstest]` must come first",
                "write `#[rstest]` above `#[kmock::test]`, and `#[ignore] k: KMock` for the server",
            ),
            _ => {}
        }
    }
    let (sig, known) = (&test.sig, errors.count());
    if sig.inputs.len() > 4 {
        errors.help(
            sig.inputs.span(),
            "a test has up to four servers",
            "start more of them with `KMock::start().await`",
        );
    }
    for input in &sig.inputs {
        match input {
            FnArg::Receiver(receiver) => errors.push(
                receiver.span(),
                "a test is a function of its own and has no `self`",
            ),
            FnArg::Typed(typed) => {
                let reference = matches!(&*typed.ty, Type::Reference(_));
                if reference {
                    errors.help(
                        typed.ty.span(),
                        "the server is handed over by value",
                        "write `k: KMock`; it is cheap to clone",
                    );
                }
                if typed
                    .attrs
                    .iter()
                    .any(|attr| attr.path().is_ident("case") || attr.path().is_ident("values"))
                {
                    errors.help(
                        typed.span(),
                        "this argument is for `#[rstest]`",
                        "write `#[rstest]` above `#[kmock::test]`",
                    );
                }
            }
        }
    }
    if !sig.generics.params.is_empty() {
        errors.push(sig.generics.span(), "a test has no type parameters");
    }
    let sound = errors.count() == known;
    if sig.asyncness.is_none() {
        for (span, what) in [
            (options.paused, "start_paused"),
            (
                options.multi_thread.as_ref().map(|(span, _)| *span),
                "flavor",
            ),
        ] {
            if let Some(span) = span {
                errors.help(
                    span,
                    format_args!("`{what}` is an option of async tests"),
                    "write `async fn`",
                );
            }
        }
    }
    if let (Some(span), Some(_)) = (options.paused, &options.multi_thread) {
        errors.help(
            span,
            "the clock of several threads cannot stand",
            "drop `flavor = \"multi_thread\"`, or `start_paused`",
        );
    }
    sound
}

fn last_segment(attr: &Attribute) -> String {
    let last = attr.path().segments.last();
    last.map(|last| last.ident.to_string()).unwrap_or_default()
}

/// The name of the first server among the arguments; one that is `_` gets a name.
fn server(sig: &mut Signature) -> Option<Ident> {
    if let Some(FnArg::Typed(typed)) = sig.inputs.first_mut()
        && let Pat::Wild(wild) = &*typed.pat
    {
        let name = Ident::new("__server", Span::mixed_site().located_at(wild.span()));
        let at = wild.span();
        *typed.pat = parse_quote_spanned!(at=> #name);
    }
    let names = sig.inputs.iter().filter_map(|input| match input {
        FnArg::Typed(typed) => match (&*typed.pat, &*typed.ty) {
            (Pat::Ident(name), Type::Path(path)) => {
                let kmock = path
                    .path
                    .segments
                    .last()
                    .is_some_and(|last| last.ident == "KMock");
                Some((kmock, name.ident.clone()))
            }
            _ => None,
        },
        FnArg::Receiver(_) => None,
    });
    let names: Vec<(bool, Ident)> = names.collect();
    let kmock = names.iter().find(|(kmock, _)| *kmock).or(names.first());
    kmock.map(|(_, name)| name.clone())
}

fn options(attr: TokenStream, errors: &mut Errors) -> Options {
    let mut options = Options {
        krate: quote!(::kmock),
        calls: TokenStream::new(),
        multi_thread: None,
        paused: None,
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
        Some(Takes::Number) => {
            let value = if given {
                expr(input, errors, "a number").ok()
            } else {
                missing(errors, span, &text, "999")
            };
            match value {
                Some(Expr::Lit(lit)) if !matches!(lit.lit, Lit::Int(_)) => {
                    errors.help(
                        lit.span(),
                        "expected a number",
                        format_args!("write `{text} = 999`"),
                    );
                }
                Some(value) => options.calls.extend(quote_spanned!(span=> .#name(#value))),
                None => {}
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
        Some(Takes::Directory) => {
            let value = if given {
                expr(input, errors, "a directory").ok()
            } else {
                missing(errors, span, &text, "\"target/pages\"")
            };
            match value {
                Some(Expr::Lit(lit)) if !matches!(lit.lit, Lit::Str(_)) => errors.help(
                    lit.span(),
                    "expected a directory",
                    format_args!("write `{text} = \"target/pages\"`"),
                ),
                Some(value) => options.calls.extend(quote_spanned!(span=> .#name(#value))),
                None => {}
            }
        }
        Some(Takes::Hostnames) => hostnames(input, name, options, errors),
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

fn missing<T>(errors: &mut Errors, at: Span, name: &str, example: &str) -> Option<T> {
    errors.help(
        at,
        format_args!("the option `{name}` needs a value"),
        format_args!("write `{name} = {example}`"),
    );
    None
}

/// `hostnames = ["example.com", ~".*\.local"]`
fn hostnames(input: ParseStream<'_>, name: &Ident, options: &mut Options, errors: &mut Errors) {
    let at = here(input);
    let form = "write `hostnames = [\"example.com\", \"*.local\"]`";
    if !input.peek(token::Bracket) {
        errors.help(at, "expected a list of hostnames", form);
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
        let regex = content
            .parse::<Option<Token![~]>>()
            .ok()
            .flatten()
            .is_some();
        match lit_str(&content) {
            Some(lit) if regex => {
                crate::notation::check(&lit, errors, crate::notation::regex);
                names.push(LitStr::new(&format!("~{}", lit.value()), lit.span()));
            }
            Some(lit) => {
                if lit.value().contains('/') {
                    errors.help(lit.span(), "a hostname is no URL", form);
                }
                names.push(lit);
            }
            None => {
                errors.help(at, "expected a hostname in quotes", form);
                skip_to_comma(&content);
            }
        }
        if !content.is_empty() && content.parse::<Token![,]>().is_err() {
            errors.push(here(&content), "expected `,` between the hostnames");
            skip_to_comma(&content);
            content.parse::<Token![,]>().ok();
        }
    }
    options
        .calls
        .extend(quote_spanned!(name.span()=> .#name(&[#(#names),*])));
}
