//! Code that answers: closures by the way they are called, everything else as it is.

use proc_macro2::{Delimiter, Ident, TokenStream, TokenTree};
use syn::{
    Block, Expr, ExprAsync, ExprBlock, ExprClosure, ReturnType, Stmt, Token, parse::ParseStream,
    parse_quote_spanned, punctuated::Punctuated, spanned::Spanned,
};

use super::cursor::{expr, inside, kept};
use crate::{ast::Callable, errors::Errors};

/// An expression, and by its syntax the way in which it is called.
pub(super) fn callable(
    input: ParseStream<'_>,
    errors: &mut Errors,
    what: &str,
) -> Result<Callable, TokenStream> {
    expr(input, errors, what).map(classify)
}

/// Tokens that are no expression yet.
pub(crate) enum Unfinished {
    Closure(TokenStream),
    Async(TokenStream),
    Value,
}

/// What tokens will be when they are an expression, with what is added to it then: up to the place where somebody is
/// typing, the expansion must not change when the word is complete.
pub(crate) fn unfinished(raw: &TokenStream, argument: bool) -> Unfinished {
    let mut trees = raw.clone().into_iter().peekable();
    let is_word = |tree: Option<&TokenTree>, text: &str| matches!(tree, Some(TokenTree::Ident(word)) if word == text);
    let is_bar = |tree: Option<&TokenTree>| matches!(tree, Some(TokenTree::Punct(bar)) if bar.as_char() == '|');
    let mut closure = TokenStream::new();
    let later = is_word(trees.peek(), "async");
    if later {
        closure.extend(trees.next());
    }
    if is_word(trees.peek(), "move") {
        closure.extend(trees.next());
    } else if let Some(tree) = trees.peek().filter(|tree| is_bar(Some(tree))) {
        closure.extend([TokenTree::Ident(Ident::new("move", tree.span()))]);
    }
    if !is_bar(trees.peek()) {
        return Unfinished::Value;
    }
    closure.extend(trees.next());
    if let Some(tree) = trees.peek().filter(|tree| argument && is_bar(Some(tree))) {
        closure.extend([TokenTree::Ident(Ident::new("_", tree.span()))]);
    }
    closure.extend(trees);
    if later {
        Unfinished::Async(closure)
    } else {
        Unfinished::Closure(closure)
    }
}

/// The expression in `( … )`.
pub(super) fn in_parens(input: ParseStream<'_>, errors: &mut Errors, what: &str) -> Option<Expr> {
    inside(input, Delimiter::Parenthesis, errors, |content, errors| {
        kept(content, errors, what)
    })?
}

pub(crate) fn classify(found: Expr) -> Callable {
    match found {
        Expr::Closure(mut closure) => {
            // Rules outlive the function that writes them: what a closure borrowed could not compile anyway.
            if closure.capture.is_none() {
                closure.capture = Some(Token![move](closure.inputs_begin.span));
            }
            if closure.asyncness.is_some() {
                return Callable::Async(closure);
            }
            match *closure.body {
                // `|req| async { … }` is `async |req| { … }`, which may use what the closure has captured.
                Expr::Async(body) if matches!(closure.output, ReturnType::Default) => {
                    closure.asyncness = Some(body.async_token);
                    closure.body = Box::new(block(body));
                    Callable::Async(closure)
                }
                body => {
                    let future = ends_in_future(&body);
                    closure.body = Box::new(body);
                    if future {
                        Callable::Future(closure)
                    } else {
                        Callable::Sync(closure)
                    }
                }
            }
        }
        // A block can be awaited only once; a closure for each request.
        Expr::Async(body) => {
            let span = body.async_token.span;
            let mut closure: ExprClosure = parse_quote_spanned!(span=> move || ());
            closure.asyncness = Some(body.async_token);
            closure.inputs = Punctuated::new();
            closure.body = Box::new(block(body));
            Callable::Async(closure)
        }
        other => Callable::Expr(other),
    }
}

fn block(body: ExprAsync) -> Expr {
    Expr::Block(ExprBlock {
        attrs: body.attrs,
        label: None,
        block: body.block,
    })
}

fn ends_in_future(body: &Expr) -> bool {
    let tail = |block: &Block| matches!(block.stmts.last(), Some(Stmt::Expr(last, None)) if ends_in_future(last));
    match body {
        Expr::Async(_) => true,
        Expr::Block(block) => tail(&block.block),
        _ => false,
    }
}

/// The names of a closure's parameters; a pattern that is no name has none.
pub(crate) fn parameters(closure: &ExprClosure) -> Vec<Option<String>> {
    closure
        .inputs
        .iter()
        .map(|pat| match pat {
            syn::Pat::Ident(pat) => Some(pat.ident.to_string()),
            syn::Pat::Type(typed) => match &*typed.pat {
                syn::Pat::Ident(pat) => Some(pat.ident.to_string()),
                _ => None,
            },
            _ => None,
        })
        .collect()
}

/// Reports parameters that no caller would give.
pub(super) fn check_parameters(callable: &Callable, most: usize, errors: &mut Errors, help: &str) {
    let (Callable::Sync(closure) | Callable::Future(closure) | Callable::Async(closure)) = callable
    else {
        return;
    };
    if let Some(extra) = closure.inputs.iter().nth(most) {
        let count = if most == 0 {
            "no argument"
        } else {
            "one argument"
        };
        errors.help(
            extra.span(),
            format_args!("the closure is called with {count}"),
            help,
        );
    }
}
