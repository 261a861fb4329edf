//! One rule, feed or block of a script.

use proc_macro2::{Delimiter, Span, TokenStream, TokenTree};
use syn::{
    Attribute, Expr, ExprRange, Ident, LitStr, Meta, RangeLimits, Token,
    ext::IdentExt,
    parse::{ParseStream, discouraged::Speculative},
    spanned::Spanned,
    token,
};

use super::{
    at_end, code, filter, here, inside, is_word, items, kept, reply, skip_to_semicolon, skip_while,
    starts_rule, stream, take_word, word,
};
use crate::{
    ast::{Attrs, Block, BlockKind, Callable, Capture, Feed, Filter, Item, Part, Rule},
    errors::Errors,
    notation,
    words::{QUALIFIERS, VERBS, did_you_mean, is_upper, nearest},
};

/// Reads one item up to and without its `;`, or up to the next rule where a `;` was forgotten.
pub(super) fn item(input: ParseStream<'_>, errors: &mut Errors) -> Option<Item> {
    let attrs = attributes(input, errors);
    if input.is_empty() {
        errors.push(here(input), "expected a rule after the attributes");
        return None;
    }
    if let Some(block) = block(input, errors) {
        if let Some(span) = attrs.span {
            errors.help(
                span,
                "attributes belong to rules, not to blocks",
                "write it before each rule of the block",
            );
        }
        return Some(Item::Block(block));
    }
    let mut binding = binding(input, errors);
    if let Some(name) = &binding
        && let Some(block) = block(input, errors)
    {
        errors.help(
            name.span(),
            "a block has no handle",
            "write the `let` before a rule of the block",
        );
        return Some(Item::Block(block));
    }
    let (mut order, mut streams) = (None, None);
    loop {
        if let Some(span) = take_word(input, "override") {
            prefix(&mut order, (BlockKind::Override, span), span, errors);
        } else if let Some(span) = take_word(input, "fallback") {
            prefix(&mut order, (BlockKind::Fallback, span), span, errors);
        } else if is_word(input, "stream") && !input.peek2(token::Bracket) {
            let span = take_word(input, "stream")?;
            prefix(&mut streams, span, span, errors);
        } else if binding.is_none() && input.peek(Token![let]) {
            errors.help(
                here(input),
                "`let` stands before these words",
                "write `let hello = fallback GET \"/\" => 200;`",
            );
            binding = self::binding(input, errors);
        } else {
            break;
        }
    }
    if let Some((kind, _)) = order
        && (input.peek(syn::LitInt) || input.peek(Token![:]) || input.peek(Token![,]))
    {
        let word = if kind == BlockKind::Override {
            "override"
        } else {
            "fallback"
        };
        errors.help(
            here(input),
            "expected a filter or `=>`",
            format_args!("write `{word} => 404;`"),
        );
        input.parse::<Option<Token![:]>>().ok();
        let span = here(input);
        skip_to_semicolon(input);
        return Some(Item::Rule(Box::new(Rule {
            attrs,
            binding,
            order,
            filter: Filter::Any(span),
            slice: None,
            sinks: Vec::new(),
            replies: Vec::new(),
            span,
        })));
    }
    let span = here(input);
    let whole = order
        .map(|(_, span)| span)
        .or(streams)
        .filter(|_| input.peek(Token![=>]));
    let known = errors.count();
    let filter = match whole {
        Some(span) => Filter::Any(span),
        None if input.peek(Token![...]) => {
            return Some(feed(input, errors, None, &attrs, binding.as_ref()));
        }
        None => filter::filter(input, errors),
    };
    if two_dots(input) {
        errors.help(
            here(input),
            "a feed is written with three dots",
            "write `... => [ … ];`",
        );
        return Some(feed(input, errors, Some(filter), &attrs, binding.as_ref()));
    }
    if input.peek(Token![...]) {
        return Some(feed(input, errors, Some(filter), &attrs, binding.as_ref()));
    }
    if let Some(at) = late_attribute(input) {
        errors.help(
            at,
            "attributes stand before the rule",
            "write `#[expect(1)] GET \"/\" => 200;`",
        );
    }
    let slice_at = here(input);
    let slice = slice(input, errors);
    let filter = if slice.is_some() && (input.peek(LitStr) || is_qualifier(input)) {
        errors.help(
            slice_at,
            "a slice stands after all criteria",
            "write `GET \"/\" [..3]`",
        );
        Filter::All(vec![filter, filter::filter(input, errors)])
    } else {
        filter
    };
    if let Some(span) = misplaced_stream(&filter) {
        streams.get_or_insert(span);
    }
    let mut rule = Rule {
        attrs,
        binding,
        order,
        filter,
        slice,
        sinks: Vec::new(),
        replies: Vec::new(),
        span,
    };
    sinks(input, errors, &mut rule.sinks);
    if !input.is_empty() && !input.peek(Token![;]) && !input.peek(Token![=>]) {
        // Where the filter has ended in a mistake, what follows it has been said.
        if errors.count() == known {
            unexpected(input, errors);
        }
        if starts_rule(input) && !input.peek(LitStr) {
            return Some(Item::Rule(Box::new(rule)));
        }
        skip_while(input, |input| {
            !input.peek(Token![=>]) && !input.peek(Token![;])
        });
    }
    if input.peek(Token![=>]) {
        input.parse::<Token![=>]>().ok();
        rule.replies = reply::parts(input, errors, streams);
        after_replies(input, errors);
    } else if let Some(span) = streams {
        errors.help(
            span,
            "a `stream` has items",
            "write `stream \"/\" => [ b\"hello\", sleep(1s), ... ];`",
        );
    }
    check(&mut rule, errors);
    Some(Item::Rule(Box::new(rule)))
}

/// `GET "/" #[expect(1)] => …`: takes the attribute.
fn late_attribute(input: ParseStream<'_>) -> Option<Span> {
    let fork = input.fork();
    let at = here(input);
    Attribute::parse_outer(&fork)
        .ok()
        .filter(|found| !found.is_empty())?;
    if !(fork.peek(Token![=>]) || fork.peek(Token![>>]) || is_qualifier(&fork)) {
        return None;
    }
    input.advance_to(&fork);
    Some(at)
}

fn is_qualifier(input: ParseStream<'_>) -> bool {
    word(input).is_some_and(|word| QUALIFIERS.contains(&word.to_string().as_str()))
}

/// `GET stream "/"`, which has been reported.
fn misplaced_stream(filter: &Filter) -> Option<Span> {
    match filter {
        Filter::Unknown(word) if word == "stream" => Some(word.span()),
        Filter::All(parts) => parts.iter().find_map(misplaced_stream),
        _ => None,
    }
}

fn prefix<T>(slot: &mut Option<T>, value: T, span: Span, errors: &mut Errors) {
    if slot.is_some() {
        errors.push(
            span,
            "a rule has one of `override` and `fallback`, and one `stream`",
        );
    }
    *slot = Some(value);
}

/// `override { … }`, `fallback { … }`, `in_order! { … }`
fn block(input: ParseStream<'_>, errors: &mut Errors) -> Option<Block> {
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

fn attributes(input: ParseStream<'_>, errors: &mut Errors) -> Attrs {
    let mut attrs = Attrs::default();
    let mut name: Vec<String> = Vec::new();
    let mut name_span = None;
    while input.peek(Token![#]) {
        let at = here(input);
        let fork = input.fork();
        let Ok(found) = Attribute::parse_outer(&fork) else {
            errors.help(
                at,
                "expected an attribute",
                "write `#[priority(100)]`, `#[expect(1)]` or `#[never]` before the rule",
            );
            input.parse::<TokenTree>().ok();
            input.parse::<Token![!]>().ok();
            if input.peek(token::Bracket) {
                input.parse::<TokenTree>().ok();
            }
            continue;
        };
        input.advance_to(&fork);
        for attr in found {
            if attr.path().is_ident("doc") {
                if let Some(line) = doc_line(&attr) {
                    name.push(line.value().trim().to_owned());
                    name_span.get_or_insert(line.span());
                }
                continue;
            }
            attrs.span.get_or_insert(attr.span());
            attribute(&mut attrs, attr, errors);
        }
    }
    let name = name.join(" ");
    if let Some(span) = name_span.filter(|_| !name.trim().is_empty()) {
        attrs.name = Some(LitStr::new(name.trim(), span));
    }
    attrs
}

fn doc_line(attr: &Attribute) -> Option<LitStr> {
    match &attr.meta {
        Meta::NameValue(pair) => match &pair.value {
            Expr::Lit(lit) => match &lit.lit {
                syn::Lit::Str(line) => Some(line.clone()),
                _ => None,
            },
            _ => None,
        },
        _ => None,
    }
}

fn attribute(attrs: &mut Attrs, attr: Attribute, errors: &mut Errors) {
    let span = attr.path().span();
    let name = attr
        .path()
        .get_ident()
        .map(ToString::to_string)
        .unwrap_or_default();
    let example = match name.as_str() {
        "priority" => "100",
        "expect" => "1..",
        "never" => {
            if !matches!(attr.meta, Meta::Path(_)) {
                errors.help(
                    span,
                    "`never` takes nothing",
                    "write `#[never]`, or `#[expect(2)]` for a number",
                );
            }
            attrs.never = Some(span);
            return;
        }
        "cfg" | "allow" => {
            attrs.rust.push(attr);
            return;
        }
        other => {
            errors.help(
                span,
                format_args!("unknown attribute of a rule{}", did_you_mean(other, ["priority", "expect", "never", "cfg"])),
                "the attributes are `#[priority(100)]`, `#[expect(1..)]`, `#[never]`, `#[cfg(…)]`, and doc comments for the name",
            );
            return;
        }
    };
    let value = match &attr.meta {
        Meta::List(list) => list
            .parse_args::<Expr>()
            .map_err(|error| (error.span(), error.to_string())),
        Meta::Path(_) => Err((span, format!("`{name}` needs a value"))),
        Meta::NameValue(pair) => Err((
            pair.eq_token.span,
            format!("the value of `{name}` stands in parentheses"),
        )),
    };
    match value {
        Ok(value) => {
            if !attribute_value(&name, &value, errors) {
                return;
            }
            if name == "priority" {
                attrs.priority = Some(value);
            } else {
                attrs.expect = Some(value);
            }
        }
        Err((at, message)) => {
            let message = message
                .strip_prefix("unexpected end of input, ")
                .unwrap_or(&message);
            errors.help(at, message, format_args!("write `#[{name}({example})]`"));
            if let (true, Meta::List(list)) = (errors.editor, &attr.meta) {
                let value = Some(Expr::Verbatim(list.tokens.clone()));
                if name == "priority" {
                    attrs.priority = value;
                } else {
                    attrs.expect = value;
                }
            }
        }
    }
}

/// Whether a value can be that of the attribute, as far as can be seen.
fn attribute_value(name: &str, value: &Expr, errors: &mut Errors) -> bool {
    let negative =
        |value: &Expr| matches!(value, Expr::Unary(minus) if matches!(minus.op, syn::UnOp::Neg(_)));
    let lint = |path: &syn::ExprPath| {
        let first = path
            .path
            .segments
            .first()
            .map(|first| first.ident.to_string());
        first.is_some_and(|first| {
            first.starts_with("unused") || first == "clippy" || first == "dead_code"
        })
    };
    let (message, help) = match (name, value) {
        ("priority", Expr::Lit(lit))
            if !matches!(lit.lit, syn::Lit::Int(_) | syn::Lit::Float(_)) =>
        {
            (
                "a priority is a number",
                "write `#[priority(100)]`: higher comes first",
            )
        }
        ("expect", Expr::Lit(lit)) if !matches!(lit.lit, syn::Lit::Int(_)) => (
            "expected a number of requests",
            "write `#[expect(1)]`, `#[expect(1..)]` or `#[expect(..=3)]`",
        ),
        ("expect", value) if negative(value) => (
            "a number of requests is never negative",
            "write `#[never]`, `#[expect(1)]` or `#[expect(1..)]`",
        ),
        ("expect", Expr::Range(range)) if is_empty(range) => {
            ("no number is in this range", "write `#[expect(1..=3)]`")
        }
        ("expect", Expr::Path(path)) if lint(path) => (
            "`expect` is for the number of requests here",
            "write `#[allow(…)]` for the compiler",
        ),
        _ => return true,
    };
    errors.help(value.span(), message, help);
    false
}

/// `let NAME =`
fn binding(input: ParseStream<'_>, errors: &mut Errors) -> Option<Ident> {
    if take_word(input, "let").is_none() {
        let at = here(input);
        let (word, name) = other_binding(input)?;
        errors.help(
            at,
            "a handle is made by `let`",
            format_args!("write `let {name} = …`"),
        );
        if word {
            input.call(Ident::parse_any).ok()?;
        }
    }
    if let Some(span) = take_word(input, "mut") {
        errors.help(span, "a handle is never changed", "drop the `mut`");
    }
    let at = here(input);
    let name = match input.call(Ident::parse_any) {
        Ok(name) if name == "_" || syn::parse_str::<Ident>(&name.to_string()).is_ok() => Some(name),
        Ok(name) => {
            errors.push(
                name.span(),
                format_args!("`{name}` is a word of Rust's own and no name for a handle"),
            );
            None
        }
        Err(_) => {
            errors.help(
                at,
                "expected a name for the rule's handle",
                "write `let hello = GET \"/\" => 200;`",
            );
            if input.peek(token::Paren) {
                input.parse::<TokenTree>().ok();
            }
            None
        }
    };
    if input.peek(Token![:]) {
        errors.help(
            here(input),
            "a handle needs no type",
            "it is always a `Rule`",
        );
        skip_while(input, |input| {
            !input.peek(Token![=]) && !input.peek(Token![;])
        });
    }
    if input.peek(Token![=]) && !input.peek(Token![=>]) {
        input.parse::<Token![=]>().ok();
    } else {
        errors.help(
            here(input),
            "expected `=` and a rule",
            "write `let hello = GET \"/\" => 200;`",
        );
    }
    name
}

/// `hello = GET …`, `const hello = GET …`, as other languages bind: whether a word stands before the name, and the name.
fn other_binding(input: ParseStream<'_>) -> Option<(bool, Ident)> {
    let fork = input.fork();
    let mut name = fork.call(Ident::parse_any).ok()?;
    let word = ["const", "static", "var", "val", "auto"].contains(&name.to_string().as_str());
    if word {
        name = fork.parse().ok()?;
    }
    let text = name.to_string();
    let known =
        is_upper(&text) || QUALIFIERS.contains(&text.as_str()) || VERBS.contains(&text.as_str());
    let bound = fork.peek(Token![=]) && !fork.peek(Token![=>]) && !fork.peek(Token![==]);
    (bound && !known).then_some((word, name))
}

/// `[0]`, `[..3]`, `[9..]`
pub(super) fn slice(input: ParseStream<'_>, errors: &mut Errors) -> Option<Expr> {
    if !input.peek(token::Bracket) {
        return None;
    }
    let at = here(input);
    let help = "write `[0]`, `[..3]`, `[9..]` or `[1..=2]`: which of the requests that fit";
    let found = inside(input, Delimiter::Bracket, errors, |content, errors| {
        if content.is_empty() {
            errors.help(at, "the slice is empty", help);
            return None;
        }
        if content.peek(Token![:]) || content.peek2(Token![:]) {
            errors.help(at, "a slice is written with two dots", help);
            skip_while(content, |_| true);
            return None;
        }
        let value = kept(content, errors, "a number or a range")?;
        match &value {
            Expr::Unary(minus) if matches!(minus.op, syn::UnOp::Neg(_)) => {
                errors.help(
                    minus.span(),
                    "requests are counted from the first on: what comes last is not known",
                    help,
                );
                return None;
            }
            Expr::Lit(lit) if matches!(lit.lit, syn::Lit::Str(_)) => {
                errors.help(
                    lit.span(),
                    "brackets are for slices: which of the requests that fit",
                    "write `\"/a\" | \"/b\"` for either of two paths",
                );
                return None;
            }
            Expr::Lit(lit) if !matches!(lit.lit, syn::Lit::Int(_)) => {
                errors.help(
                    lit.span(),
                    "a slice is a number or a range of numbers",
                    help,
                );
                return None;
            }
            Expr::Range(range) if is_empty(range) => {
                errors.help(range.span(), "the slice is empty", help);
                return None;
            }
            _ => {}
        }
        Some(value)
    })?;
    if input.peek(token::Bracket) {
        errors.push(here(input), "a rule has one slice");
        input.parse::<TokenTree>().ok();
    }
    found
}

/// Whether nothing is in a range of numbers.
fn is_empty(range: &ExprRange) -> bool {
    let number = |bound: &Option<Box<Expr>>| match bound.as_deref() {
        Some(Expr::Lit(lit)) => match &lit.lit {
            syn::Lit::Int(number) => number.base10_parse::<u64>().ok(),
            _ => None,
        },
        _ => None,
    };
    let (Some(start), Some(end)) = (number(&range.start), number(&range.end)) else {
        return false;
    };
    match range.limits {
        RangeLimits::HalfOpen(_) => start >= end,
        RangeLimits::Closed(_) => start > end,
    }
}

/// `>> SINK >> SINK`
fn sinks(input: ParseStream<'_>, errors: &mut Errors, sinks: &mut Vec<Callable>) {
    while input.peek(Token![>>]) {
        input.parse::<Token![>>]>().ok();
        if input.peek(Token![=>]) || input.peek(Token![>>]) {
            errors.help(
                here(input),
                "expected a sink after `>>`",
                "write `>> &list`, `>> sender.clone()` or `>> |req| …`",
            );
            continue;
        }
        match sink(input, errors) {
            Some(found) => {
                let found = code::classify(found);
                code::check_parameters(&found, 1, errors, "write `>> |req| …`");
                sinks.push(found);
            }
            None => return,
        }
    }
}

/// One sink. To Rust, `>> a >> b` is one shift, also as the end of a closure: the first `>>` before which there is
/// an expression begins the next sink.
fn sink(input: ParseStream<'_>, errors: &mut Errors) -> Option<Expr> {
    let fork = input.fork();
    let mut before = TokenStream::new();
    while !at_end(&fork) && !fork.peek(Token![=>]) {
        if fork.peek(Token![>>])
            && !fork.peek(Token![>>=])
            && let Ok(found) = syn::parse2::<Expr>(before.clone())
        {
            input.advance_to(&fork);
            return Some(found);
        }
        before.extend([fork.parse::<TokenTree>().ok()?]);
    }
    kept(input, errors, "a sink after `>>`")
}

/// `... => ITEMS`
fn feed(
    input: ParseStream<'_>,
    errors: &mut Errors,
    filter: Option<Filter>,
    attrs: &Attrs,
    binding: Option<&Ident>,
) -> Item {
    let span = here(input);
    if two_dots(input) {
        input.parse::<Token![..]>().ok();
    } else {
        input.parse::<Token![...]>().ok();
    }
    if let Some(at) = attrs.span {
        errors.help(
            at,
            "a feed is no rule: it happens once, now",
            "drop the attribute",
        );
    }
    if let Some(name) = binding {
        errors.help(
            name.span(),
            "a feed is no rule and has no handle",
            "drop the `let`",
        );
    }
    let mut items = Vec::new();
    if input.peek(Token![=>]) {
        input.parse::<Token![=>]>().ok();
        items = if input.peek(token::Bracket) {
            inside(input, Delimiter::Bracket, errors, stream::items).unwrap_or_default()
        } else if input.is_empty() || input.peek(Token![;]) {
            errors.help(
                here(input),
                "expected what to feed",
                "write `... => [ b\"more\", ... ];`",
            );
            Vec::new()
        } else {
            stream::open_items(input, errors)
        };
        after_replies(input, errors);
    } else {
        errors.help(
            here(input),
            "expected `=>` and what to feed",
            "write `... => [ b\"more\", ... ];`",
        );
        skip_to_semicolon(input);
    }
    Item::Feed(Box::new(Feed {
        filter,
        items,
        span,
    }))
}

fn two_dots(input: ParseStream<'_>) -> bool {
    let fork = input.fork();
    !input.peek(Token![...]) && fork.parse::<Token![..]>().is_ok() && fork.peek(Token![=>])
}

/// What stands between the filter and the replies and belongs to neither.
fn unexpected(input: ParseStream<'_>, errors: &mut Errors) {
    let at = here(input);
    let arrow = "replies follow `=>`";
    if input.peek(Token![,]) {
        let fork = input.fork();
        fork.parse::<Token![,]>().ok();
        let either =
            fork.peek(LitStr) || word(&fork).is_some_and(|word| is_upper(&word.to_string()));
        errors.help(
            at,
            "expected `;`, `=>` or more criteria",
            if either {
                "either of two is `GET | POST \"/\"` or `\"/a\" | \"/b\"`; rules end with `;`"
            } else {
                "rules end with `;`; criteria follow one another without commas"
            },
        );
    } else if input.peek(Token![>]) {
        errors.help(
            at,
            "expected `=>`, `;` or more criteria",
            "a sink follows `>>`: `GET \"/\" >> &list => 200;`",
        );
    } else if input.peek(Token![->]) {
        errors.help(at, arrow, "write `=>` for `->`");
    } else if input.peek(Token![<<]) {
        errors.help(at, arrow, "write `=>` for `<<`");
    } else if input.peek(Token![==])
        || input.peek(Token![>=])
        || input.peek(Token![<=])
        || input.peek(Token![!=])
    {
        errors.help(
            at,
            "a rule has no comparison",
            "write `#[expect(1..)]` before the rule, or use `assert_requests!`",
        );
    } else if input.peek(Token![=]) || input.peek(Token![:]) {
        errors.help(at, arrow, "write `=>`");
    } else if input.peek(Token![*]) {
        errors.help(
            at,
            "expected `=>`, `;` or more criteria",
            "priorities are attributes: `#[priority(100)]` before the rule; every request is `ANY`",
        );
    } else if input.peek(Token![&&]) || input.peek(Token![||]) {
        errors.help(
            at,
            "criteria are combined by `&`, `|` and `-`",
            "write one `&` or one `|`",
        );
    } else if input.peek(token::Brace) {
        errors.help(
            at,
            "expected `=>`, `;` or more criteria",
            format_args!(
                "braces follow a word that says what they are about: {}",
                list(QUALIFIERS)
            ),
        );
    } else if starts_rule(input) {
        errors.push(at, "expected `;` before the next rule");
    } else {
        errors.push(at, "expected `=>`, `;` or more criteria");
    }
}

fn list(words: &[&str]) -> String {
    let words: Vec<String> = words
        .iter()
        .take(6)
        .map(|word| format!("`{word}`"))
        .collect();
    format!("{}, …", words.join(", "))
}

/// What follows the last part of a reply.
fn after_replies(input: ParseStream<'_>, errors: &mut Errors) {
    if input.is_empty() || input.peek(Token![;]) {
        return;
    }
    let at = here(input);
    if starts_rule(input) {
        errors.push(at, "expected `;` before the next rule");
        return;
    }
    if input.peek(Token![=>]) {
        errors.help(
            at,
            "a second `=>` in one rule",
            "end the rule before with `;`, or separate the parts of a reply by `,`",
        );
    } else {
        errors.push(at, "expected `,` or `;` after this part of the reply");
    }
    skip_to_semicolon(input);
}

/// What is wrong with a rule as a whole.
fn check(rule: &mut Rule, errors: &mut Errors) {
    if let Some(span) = rule.attrs.never.filter(|_| rule.attrs.expect.is_some()) {
        errors.help(
            span,
            "`#[never]` and `#[expect(…)]` contradict each other",
            "leave one of them out",
        );
    }
    let bodies: Vec<Span> = rule.replies.iter().filter_map(body).collect();
    if let Some(second) = bodies.get(1) {
        errors.help(
            *second,
            "a reply has one body, and this is the second",
            "several pieces one after another are a stream: `=> stream [a, b]`",
        );
    }
    let statuses: Vec<Span> = rule
        .replies
        .iter()
        .filter_map(|part| match part {
            Part::Status(lit) => Some(lit.span()),
            _ => None,
        })
        .collect();
    if let Some(second) = statuses.get(1) {
        errors.help(
            *second,
            "a reply has one status, and this is the second",
            "a number as a body is `json!(404)`",
        );
    }
    let names: Vec<String> = captures(&rule.filter)
        .into_iter()
        .map(|capture| capture.name)
        .collect();
    rule.replies
        .retain(|part| takes_what_there_is(part, &names, errors));
}

/// Whether a closure takes the request at most, and what the path captures. One that takes more would only be
/// reported once again by the compiler.
fn takes_what_there_is(part: &Part, names: &[String], errors: &mut Errors) -> bool {
    let Part::Call(Callable::Sync(closure) | Callable::Future(closure) | Callable::Async(closure)) =
        part
    else {
        return true;
    };
    let parameters = code::parameters(closure);
    let captured = |name: &Option<String>| name.as_ref().is_some_and(|name| names.contains(name));
    let mut others = closure
        .inputs
        .iter()
        .zip(&parameters)
        .filter(|(_, name)| !captured(name));
    let Some((extra, _)) = others.nth(1) else {
        return true;
    };
    let help = if names.is_empty() {
        "write `|req| …`, or capture parts of the path: `\"/users/{id: u64}\" => |id| …`".to_owned()
    } else {
        let names: Vec<String> = names.iter().map(|name| format!("`{name}`")).collect();
        format!("the path captures {}", names.join(", "))
    };
    errors.help(
        extra.span(),
        "a closure takes the request, and what the path captures by its name",
        help,
    );
    false
}

fn body(part: &Part) -> Option<Span> {
    match part {
        Part::Bytes(lit) => Some(lit.span()),
        Part::Text(span, _)
        | Part::Json(span, _)
        | Part::JsonOf(span, _)
        | Part::File { span, .. }
        | Part::Stream(span, _)
        | Part::StreamOf(span, _)
        | Part::WebSocket(span, _)
        | Part::WebSocketOf(span, _)
        | Part::Proxy(span, _) => Some(*span),
        Part::Call(Callable::Expr(Expr::Lit(lit))) => Some(lit.span()),
        _ => None,
    }
}

/// What the path of a rule captures: only where the path must match, not in alternatives.
pub(crate) fn captures(filter: &Filter) -> Vec<Capture> {
    match filter {
        Filter::Path(lit) => notation::path(&lit.value()).unwrap_or_default(),
        Filter::Notation(lit) => notation::notation(&lit.value()).unwrap_or_default(),
        Filter::All(parts) => parts.iter().flat_map(captures).collect(),
        Filter::Minus(left, _) => captures(left),
        _ => Vec::new(),
    }
}
