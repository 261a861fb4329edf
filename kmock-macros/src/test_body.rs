//! The body of a `#[kmock::test]`: a bare `kmock! { … }` in statement position mounts on the injected server.
//!
//! The body stays raw: it may hold anything, also code that is not finished yet. It is only walked for
//! statements, and a server is put in front of the rules where a block has none.

use proc_macro2::{Delimiter, Group, Ident, Punct, Spacing, TokenStream, TokenTree};

use quote::quote_spanned;

use crate::parse;

/// Rewrites the statements of a block. `used`: the block's value is wanted, so its last expression is no statement.
pub(crate) fn block(tokens: TokenStream, server: Option<&Ident>, used: bool) -> TokenStream {
    let trees: Vec<TokenTree> = tokens.into_iter().collect();
    let mut out = TokenStream::new();
    let mut at = 0;
    while at < trees.len() {
        let end = at + statement_len(&trees[at..]);
        let last = end >= trees.len();
        statement(&trees[at..end], server, used && last, &mut out);
        at = end;
    }
    out
}

/// How many tokens the first statement has, its `;` included.
fn statement_len(trees: &[TokenTree]) -> usize {
    let start = attributes_len(trees);
    let block_like = is_block_like(&trees[start..]) || is_item(&trees[start..]) || macro_len(&trees[start..]).is_some_and(|len| {
        matches!(trees.get(start + len - 1), Some(TokenTree::Group(group)) if group.delimiter() == Delimiter::Brace)
    });
    for (index, tree) in trees.iter().enumerate().skip(start) {
        match tree {
            TokenTree::Punct(punct) if punct.as_char() == ';' => return index + 1,
            TokenTree::Group(group) if group.delimiter() == Delimiter::Brace && block_like => {
                let goes_on = match trees.get(index + 1) {
                    Some(TokenTree::Ident(word)) => word == "else",
                    Some(TokenTree::Punct(punct)) => matches!(punct.as_char(), '.' | '?'),
                    _ => false,
                };
                if !goes_on {
                    return index + 1;
                }
            }
            _ => {}
        }
    }
    trees.len()
}

fn attributes_len(trees: &[TokenTree]) -> usize {
    let mut len = 0;
    while let (Some(TokenTree::Punct(hash)), Some(TokenTree::Group(_))) =
        (trees.get(len), trees.get(len + 1))
    {
        if hash.as_char() != '#' {
            break;
        }
        len += 2;
    }
    len
}

fn word(tree: Option<&TokenTree>) -> String {
    match tree {
        Some(TokenTree::Ident(word)) => word.to_string(),
        _ => String::new(),
    }
}

/// The tokens after a loop label.
fn unlabelled(trees: &[TokenTree]) -> &[TokenTree] {
    match trees {
        [
            TokenTree::Punct(tick),
            TokenTree::Ident(_),
            TokenTree::Punct(colon),
            rest @ ..,
        ] if tick.as_char() == '\'' && colon.as_char() == ':' => rest,
        _ => trees,
    }
}

fn is_block_like(trees: &[TokenTree]) -> bool {
    let trees = unlabelled(trees);
    match trees.first() {
        Some(TokenTree::Group(group)) => group.delimiter() == Delimiter::Brace,
        first => {
            let first = word(first);
            ["if", "match", "for", "while", "loop"].contains(&first.as_str())
                || first == "unsafe" && matches!(trees.get(1), Some(TokenTree::Group(_)))
        }
    }
}

fn is_item(trees: &[TokenTree]) -> bool {
    let first = word(trees.first());
    [
        "fn",
        "impl",
        "mod",
        "trait",
        "struct",
        "enum",
        "extern",
        "pub",
        "macro_rules",
    ]
    .contains(&first.as_str())
        || ["async", "unsafe", "const"].contains(&first.as_str()) && word(trees.get(1)) == "fn"
}

/// The length of a call of `kmock!` that stands first: a path that ends in the name, `!`, and the group.
fn macro_len(trees: &[TokenTree]) -> Option<usize> {
    let mut at = 0;
    loop {
        while matches!(trees.get(at), Some(TokenTree::Punct(punct)) if punct.as_char() == ':') {
            at += 1;
        }
        let name = word(trees.get(at));
        if name.is_empty() {
            return None;
        }
        at += 1;
        match trees.get(at) {
            Some(TokenTree::Punct(punct)) if punct.as_char() == ':' => {}
            Some(TokenTree::Punct(bang)) if bang.as_char() == '!' && name == "kmock" => {
                return matches!(trees.get(at + 1), Some(TokenTree::Group(_))).then_some(at + 2);
            }
            _ => return None,
        }
    }
}

fn statement(trees: &[TokenTree], server: Option<&Ident>, used: bool, out: &mut TokenStream) {
    let start = attributes_len(trees);
    if is_item(&trees[start..]) {
        out.extend(trees.iter().cloned());
        return;
    }
    if let Some(len) = macro_len(&trees[start..]) {
        let after = &trees[start + len..];
        let whole = match after {
            [] => !used,
            [TokenTree::Punct(punct)] => punct.as_char() == ';',
            _ => false,
        };
        if let (true, Some(TokenTree::Group(group))) = (whole, trees.get(start + len - 1)) {
            out.extend(trees[..start + len - 1].iter().cloned());
            out.extend([with_server(group, server)]);
            out.extend(after.iter().cloned());
            return;
        }
    }
    let body = unlabelled(&trees[start..]);
    let first = word(body.first());
    let ends = matches!(trees.last(), Some(TokenTree::Punct(punct)) if punct.as_char() == ';');
    let inner = match first.as_str() {
        "for" | "while" | "loop" => false,
        "if" | "match" | "unsafe" => used && !ends,
        "" if is_block_like(body) => used && !ends,
        _ => true,
    };
    expression(
        trees,
        server,
        inner,
        first == "match" && is_block_like(body),
        out,
    );
}

/// Anything else: only the blocks in it are walked.
fn expression(
    trees: &[TokenTree],
    server: Option<&Ident>,
    used: bool,
    arms: bool,
    out: &mut TokenStream,
) {
    for (index, tree) in trees.iter().enumerate() {
        let TokenTree::Group(group) = tree else {
            out.extend([tree.clone()]);
            continue;
        };
        // What a macro is called with is its own business, except for blocks of code in it.
        let inner = group.stream();
        let walked = match group.delimiter() {
            Delimiter::Brace if arms => match_arms(inner, server, used),
            Delimiter::Brace => {
                let before = index
                    .checked_sub(1)
                    .map(|at| word(trees.get(at)))
                    .unwrap_or_default();
                let earlier = index
                    .checked_sub(2)
                    .map(|at| word(trees.get(at)))
                    .unwrap_or_default();
                let future = before == "async" || before == "move" && earlier == "async";
                // A future's value is hardly ever a set of rules.
                block(inner, server, used && !future)
            }
            _ => {
                let inner: Vec<TokenTree> = inner.into_iter().collect();
                let mut walked = TokenStream::new();
                expression(&inner, server, true, false, &mut walked);
                walked
            }
        };
        let mut group_out = Group::new(group.delimiter(), walked);
        group_out.set_span(group.span());
        out.extend([TokenTree::Group(group_out)]);
    }
}

/// `pattern => expression,` …
fn match_arms(tokens: TokenStream, server: Option<&Ident>, used: bool) -> TokenStream {
    let trees: Vec<TokenTree> = tokens.into_iter().collect();
    let mut out = TokenStream::new();
    let mut at = 0;
    while at < trees.len() {
        let arrow = at >= 2 && is_punct(&trees[at - 2], '=') && is_punct(&trees[at - 1], '>');
        if let Some(len) = macro_len(&trees[at..]).filter(|_| arrow && !used)
            && let Some(TokenTree::Group(group)) = trees.get(at + len - 1)
        {
            out.extend(trees[at..at + len - 1].iter().cloned());
            out.extend([with_server(group, server)]);
            at += len;
            continue;
        }
        expression(&trees[at..=at], server, used, false, &mut out);
        at += 1;
    }
    out
}

fn is_punct(tree: &TokenTree, what: char) -> bool {
    matches!(tree, TokenTree::Punct(punct) if punct.as_char() == what)
}

fn with_server(group: &Group, server: Option<&Ident>) -> TokenTree {
    let inner = group.stream();
    if parse::has_server(inner.clone()) {
        return TokenTree::Group(group.clone());
    }
    let Some(server) = server else {
        // In the place of the server: said once for each block, at the block.
        let missing = quote_spanned!(group.span()=> ::core::compile_error!(
            "no server to mount rules on\nhelp: write `async fn name(k: KMock)`"
        ), #inner);
        let mut with = Group::new(group.delimiter(), missing);
        with.set_span(group.span());
        return TokenTree::Group(with);
    };
    let mut tokens = TokenStream::from(TokenTree::Ident(server.clone()));
    tokens.extend([TokenTree::Punct(Punct::new(',', Spacing::Alone))]);
    tokens.extend(inner);
    let mut with = Group::new(group.delimiter(), tokens);
    with.set_span(group.span());
    TokenTree::Group(with)
}

#[cfg(test)]
mod tests {
    use proc_macro2::Span;

    use super::*;

    fn rewritten(text: &str, used: bool) -> String {
        let tokens: TokenStream = text.parse().expect("tokens");
        block(tokens, Some(&Ident::new("k", Span::call_site())), used).to_string()
    }

    fn same(text: &str) -> String {
        text.parse::<TokenStream>().expect("tokens").to_string()
    }

    #[test]
    fn statements_get_the_server() {
        for (text, want) in [
            (
                "kmock! { GET \"/\" => 1; }",
                "kmock! { k, GET \"/\" => 1; }",
            ),
            ("kmock!(GET \"/\"); x();", "kmock!(k, GET \"/\"); x();"),
            (
                "kmock::kmock! { GET; } x()",
                "kmock::kmock! { k, GET; } x()",
            ),
            ("kmock! { k2, GET; }", "kmock! { k2, GET; }"),
            (
                "for x in y { kmock! { GET; } }",
                "for x in y { kmock! { k, GET; } }",
            ),
            (
                "if a { kmock! { GET; } } else { kmock! { PUT; } }",
                "if a { kmock! { k, GET; } } else { kmock! { k, PUT; } }",
            ),
            (
                "match a { 1 => kmock! { GET; }, _ => {} }",
                "match a { 1 => kmock! { k, GET; }, _ => {} }",
            ),
            (
                "spawn(async move { loop { kmock! { ... => [ 1 ]; } } });",
                "spawn(async move { loop { kmock! { k, ... => [ 1 ]; } } });",
            ),
            (
                "spawn(async move { kmock! { GET; } });",
                "spawn(async move { kmock! { k, GET; } });",
            ),
            ("#[cfg(x)] kmock! { GET; }", "#[cfg(x)] kmock! { k, GET; }"),
        ] {
            assert_eq!(rewritten(text, false), same(want), "{text}");
        }
    }

    #[test]
    fn values_stay_as_they_are() {
        for (text, used) in [
            ("let rules = kmock! { GET; };", false),
            ("let make = || { kmock! { GET; } };", false),
            ("fn rules() -> Rules { kmock! { GET; } }", false),
            ("k.mount(kmock! { GET; });", false),
            ("kmock! { GET; }", true),
            (
                "let a = if b { kmock! { GET; } } else { kmock! { PUT; } };",
                false,
            ),
            ("let broken = req.;", false),
        ] {
            assert_eq!(rewritten(text, used), same(text), "{text}");
        }
    }
}
