//! Blocks of rules: `override { … }`, `fallback { … }`, `in_order! { … }`.

use proc_macro2::{Delimiter, TokenTree};
use syn::{Ident, Token, ext::IdentExt, parse::ParseStream, token};

use super::{
    cursor::{here, inside, skip_to_semicolon, word},
    rule,
};
use crate::{
    ast::{Block, BlockKind, Item},
    errors::Errors,
    words::{QUALIFIERS, VERBS, nearest},
};

/// `override { … }`, `fallback { … }`, `in_order! { … }`
pub(super) fn block(input: ParseStream<'_>, errors: &mut Errors) -> Option<Block> {
    let name = word(input)?;
    let text = name.to_string();
    if text == "kmock" && input.peek2(Token![!]) && input.peek3(token::Brace) {
        return nested(input, errors);
    }
    let meant = block_word(input, &text)?;
    let kind = match meant {
        "override" if input.peek2(token::Brace) => BlockKind::Override,
        "fallback" if input.peek2(token::Brace) => BlockKind::Fallback,
        "in_order" => BlockKind::InOrder,
        _ => return None,
    };
    input.call(Ident::parse_any).ok()?;
    if meant != text {
        errors.help(
            name.span(),
            format_args!("`{text}` is no word of the language; did you mean `{meant}`?"),
            "blocks of rules are `override { … }`, `fallback { … }` and `in_order! { … }`",
        );
    }
    if kind == BlockKind::InOrder && input.parse::<Token![!]>().is_err() {
        errors.help(
            name.span(),
            "`in_order` is written with a `!`",
            "write `in_order! { … }`",
        );
    }
    if !input.peek(token::Brace) {
        errors.help(
            here(input),
            "expected `{` and rules",
            "write `in_order! { GET \"/a\" => 200; GET \"/b\" => 200; }`",
        );
    }
    let delimiter = if input.peek(token::Paren) {
        Delimiter::Parenthesis
    } else if input.peek(token::Bracket) {
        Delimiter::Bracket
    } else if input.peek(token::Brace) {
        Delimiter::Brace
    } else {
        skip_to_semicolon(input);
        return Some(Block {
            kind,
            span: name.span(),
            items: Vec::new(),
        });
    };
    let items = inside(input, delimiter, errors, |content, errors| {
        items(content, errors).0
    })?;
    if kind == BlockKind::InOrder {
        for item in &items {
            if let Item::Feed(feed) = item {
                errors.push(
                    feed.span,
                    "a feed happens at once and has no place in an order",
                );
            }
        }
    }
    Some(Block {
        kind,
        span: name.span(),
        items,
    })
}

/// `kmock! { … }` in a `kmock! { … }`
fn nested(input: ParseStream<'_>, errors: &mut Errors) -> Option<Block> {
    let span = here(input);
    errors.help(
        span,
        "rules follow one another, without another `kmock!`",
        "leave out the inner `kmock! { … }`; a value of type `Rules` is mounted by `k.mount(rules)`",
    );
    input.call(Ident::parse_any).ok()?;
    input.parse::<Token![!]>().ok()?;
    let items = inside(input, Delimiter::Brace, errors, |content, errors| {
        items(content, errors).0
    })?;
    Some(Block {
        kind: BlockKind::Fallback,
        span,
        items,
    })
}

/// The word of a block that stands here, or that was meant: `inorder! { … }`, `overide { … }`.
fn block_word(input: ParseStream<'_>, text: &str) -> Option<&'static str> {
    const WORDS: &[&str] = &["override", "fallback", "in_order"];
    if let Some(word) = WORDS.iter().find(|word| **word == text) {
        return Some(word);
    }
    let known = QUALIFIERS.contains(&text) || VERBS.contains(&text);
    let called = input.peek2(token::Brace) || input.peek2(Token![!]) && input.peek3(token::Brace);
    nearest(text, WORDS.iter().copied())
        .or((text == "sequence" || text == "ordered").then_some("in_order"))
        .filter(|_| called && !known)
}

/// Rules up to the end of the input; and whether the last one has no `;`.
pub(super) fn items(input: ParseStream<'_>, errors: &mut Errors) -> (Vec<Item>, bool) {
    let mut items = Vec::new();
    let mut open = false;
    while !input.is_empty() {
        if input.parse::<Token![;]>().is_ok() {
            open = false;
            continue;
        }
        let start = input.fork();
        let item = rule::item(input, errors);
        if start.cursor() == input.cursor() {
            input.parse::<TokenTree>().ok();
        }
        open = matches!(&item, Some(Item::Rule(_) | Item::Feed(_)));
        items.extend(item);
    }
    (items, open)
}
