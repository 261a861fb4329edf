//! `#[kmock::test]`: the signature is read, the body stays raw, and a function of the runtime runs the test.

mod options;

use proc_macro2::{Group, Ident, Span, TokenStream};
use quote::{quote, quote_spanned};
use syn::{
    Attribute, FnArg, LitStr, Pat, ReturnType, Signature, Type, Visibility,
    ext::IdentExt,
    parse::{ParseStream, Parser},
    parse_quote_spanned,
    spanned::Spanned,
};

use self::options::{Options, options};
use crate::{errors::Errors, test_body};

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
    let run = if options.sweep.is_some() {
        quote!(run_sweep)
    } else if sig.asyncness.is_some() {
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
    let sweep = options.sweep.as_ref().map(|(span, calls)| {
        quote_spanned!(*span=> .sweep(<#krate::__private::SweepOptions>::new() #calls))
    });
    let text = LitStr::new(&name.unraw().to_string(), span);
    let made = quote_spanned! {span=>
        <#krate::__private::TestOptions>::new(::core::concat!(::core::module_path!(), "::", #text)) #multi_thread #calls #sweep
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
            (options.sweep.as_ref().map(|(span, _)| *span), "sweep"),
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
