//! One rule or feed of a script.

use kmock_notation::Head;
use proc_macro2::{Delimiter, Span, TokenStream, TokenTree};
use syn::{
    Expr, Ident, LitStr, Token,
    ext::IdentExt,
    parse::{ParseStream, discouraged::Speculative},
    spanned::Spanned,
    token,
};

use super::{
    ahead::{starts_declaration, starts_rule},
    attributes::{attributes, late_attribute},
    block::block,
    code,
    cursor::{at_end, here, inside, is_word, kept, skip_to_semicolon, skip_while, take_word, word},
    filter, life, reply,
    slice::slice,
    stream,
};
use crate::{
    ast::{
        Attrs, BlockKind, Callable, Capture, Declaration, Feed, Filter, Http, Item, Part, Rule,
        ValueKind,
    },
    errors::Errors,
    notation,
    words::{QUALIFIERS, STREAMED, VERBS, is_upper},
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
    let binding = binding(input, errors);
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
    if starts_declaration(input) {
        if let Some(span) = attrs.span.filter(|_| !attrs.is_rust()) {
            errors.help(
                span,
                "attributes of rules are not for declarations",
                "only `#[cfg(…)]` and `#[allow(…)]` stand before them",
            );
        }
        let declared = life::declaration(input, errors)?;
        return Some(Item::Declaration(Declaration {
            binding,
            rust: attrs.rust,
            ..declared
        }));
    }
    rule_or_feed(input, errors, attrs, binding)
}

/// What stands before a filter.
#[derive(Default)]
struct Prefixes {
    order: Option<(BlockKind, Span)>,
    stream: Option<Span>,
}

impl Prefixes {
    /// `override`, `fallback`, `stream`; a `let` that came too late is taken, too.
    fn read(input: ParseStream<'_>, errors: &mut Errors, binding: &mut Option<Ident>) -> Prefixes {
        let mut found = Prefixes::default();
        loop {
            if let Some(span) = take_word(input, "override") {
                prefix(&mut found.order, (BlockKind::Override, span), span, errors);
            } else if let Some(span) = take_word(input, "fallback") {
                prefix(&mut found.order, (BlockKind::Fallback, span), span, errors);
            } else if is_word(input, "stream")
                && !input.peek2(token::Bracket)
                && let Some(span) = take_word(input, "stream")
            {
                prefix(&mut found.stream, span, span, errors);
            } else if binding.is_none() && input.peek(Token![let]) {
                errors.help(
                    here(input),
                    "`let` stands before these words",
                    "write `let hello = fallback GET \"/\" => 200;`",
                );
                *binding = self::binding(input, errors);
            } else {
                return found;
            }
        }
    }

    /// The word that stands for a filter: `fallback => 404`.
    fn whole(&self, input: ParseStream<'_>) -> Option<Span> {
        let span = self.order.map(|(_, span)| span).or(self.stream);
        span.filter(|_| input.peek(Token![=>]))
    }
}

/// `override 404`, which is no rule yet.
fn lonely_order(
    input: ParseStream<'_>,
    errors: &mut Errors,
    order: Option<(BlockKind, Span)>,
) -> bool {
    let Some((kind, _)) = order else { return false };
    if !input.peek(syn::LitInt) && !input.peek(Token![:]) && !input.peek(Token![,]) {
        return false;
    }
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
    true
}

/// A rule, or a feed of one: what begins alike, up to its dots.
fn rule_or_feed(
    input: ParseStream<'_>,
    errors: &mut Errors,
    attrs: Attrs,
    mut binding: Option<Ident>,
) -> Option<Item> {
    let mut before = Prefixes::read(input, errors, &mut binding);
    let mut rule = Rule {
        attrs,
        binding,
        order: before.order,
        filter: Filter::Any(here(input)),
        slice: None,
        per: None,
        sinks: Vec::new(),
        replies: Vec::new(),
        span: here(input),
    };
    if lonely_order(input, errors, before.order) {
        rule.span = here(input);
        rule.filter = Filter::Any(rule.span);
        skip_to_semicolon(input);
        return Some(Item::Rule(Box::new(rule)));
    }
    let known = errors.count();
    rule.filter = match before.whole(input) {
        Some(span) => Filter::Any(span),
        None if input.peek(Token![...]) => {
            return Some(feed(
                input,
                errors,
                None,
                &rule.attrs,
                rule.binding.as_ref(),
            ));
        }
        None => filter::filter(input, errors),
    };
    let dots = two_dots(input);
    if dots {
        errors.help(
            here(input),
            "a feed is written with three dots",
            "write `... => [ … ];`",
        );
    }
    if dots || input.peek(Token![...]) {
        let (attrs, binding) = (&rule.attrs, rule.binding.as_ref());
        return Some(feed(input, errors, Some(rule.filter), attrs, binding));
    }
    after_filter(input, errors, &mut rule);
    if let Some(span) = misplaced_stream(&rule.filter) {
        before.stream.get_or_insert(span);
    }
    per(input, errors, &mut rule);
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
        let kubernetes = speaks_kubernetes(&rule.filter);
        rule.replies = reply::parts(input, errors, before.stream, kubernetes);
        if is_streamed(&rule.filter) {
            rule.replies.iter_mut().for_each(reply::as_command);
        }
        after_replies(input, errors);
    } else if let Some(span) = before.stream {
        errors.help(
            span,
            "a `stream` has items",
            "write `stream \"/\" => [ b\"hello\", sleep(1s), ... ];`",
        );
    }
    check(&mut rule, errors);
    Some(Item::Rule(Box::new(rule)))
}

/// The slice of a rule, and what came behind the filter though it belongs before or into it.
fn after_filter(input: ParseStream<'_>, errors: &mut Errors, rule: &mut Rule) {
    if let Some(at) = late_attribute(input) {
        errors.help(
            at,
            "attributes stand before the rule",
            "write `#[expect(1)] GET \"/\" => 200;`",
        );
    }
    let at = here(input);
    rule.slice = slice(input, errors);
    if rule.slice.is_some() && (input.peek(LitStr) || is_qualifier(input)) {
        errors.help(
            at,
            "a slice stands after all criteria",
            "write `GET \"/\" [..3]`",
        );
        let filter = std::mem::replace(&mut rule.filter, Filter::Any(at));
        rule.filter = Filter::All(vec![filter, filter::filter(input, errors)]);
    }
}

pub(super) fn is_qualifier(input: ParseStream<'_>) -> bool {
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

/// Whether criteria are in Kubernetes' words.
fn speaks_kubernetes(filter: &Filter) -> bool {
    match filter {
        Filter::Verbs(_) | Filter::Resource(_) | Filter::ResourceOf(_) => true,
        Filter::Value { kind, .. } => !matches!(kind, ValueKind::Text | ValueKind::Host),
        Filter::Notation(lit) => matches!(
            kmock_notation::head(&lit.value()),
            Ok(Head::Verb(..) | Head::Resource(_))
        ),
        Filter::All(parts) | Filter::Either(parts) => parts.iter().any(speaks_kubernetes),
        Filter::Minus(left, _) => speaks_kubernetes(left),
        _ => false,
    }
}

/// `per id`: the capture by whose values answers and slices are counted.
fn per(input: ParseStream<'_>, errors: &mut Errors, rule: &mut Rule) {
    if take_word(input, "per").is_none() {
        return;
    }
    let names: Vec<String> = captures(&rule.filter)
        .into_iter()
        .map(|capture| capture.name)
        .collect();
    let quoted: Vec<String> = names.iter().map(|name| format!("`per {name}`")).collect();
    let help = match quoted.is_empty() {
        true => "capture a part of the path: `GET \"/jobs/{id}\" per id => …`".to_owned(),
        false => format!("write {}", quoted.join(" or ")),
    };
    let at = here(input);
    let name = match input.call(Ident::parse_any) {
        Ok(name) => LitStr::new(&name.to_string(), name.span()),
        Err(_) => match input.parse::<LitStr>() {
            Ok(name) => name,
            Err(_) => return errors.help(at, "expected the name of a capture after `per`", help),
        },
    };
    if !names.contains(&name.value()) && !computed(&rule.filter) {
        errors.help(
            name.span(),
            format_args!("the path captures no `{}`", name.value()),
            help,
        );
        return;
    }
    rule.per = Some(name);
}

/// Whether a path is computed, so that nothing is known of its captures.
fn computed(filter: &Filter) -> bool {
    match filter {
        Filter::PathOf(_) | Filter::Of(_) | Filter::PathRegex(_) => true,
        Filter::All(parts) | Filter::Either(parts) => parts.iter().any(computed),
        Filter::Minus(left, _) => computed(left),
        _ => false,
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
    let connection = is_for_connections(&rule.filter);
    for part in &rule.replies {
        let Some((span, what)) = reply::misplaced(part, connection) else {
            continue;
        };
        if connection {
            errors.help(
                span,
                format_args!("a connection has no such thing as {what}: nothing was asked yet"),
                "it is delayed (`sleep(1s)`), broken (`reset`, `close in handshake 20`), limited (`limit 2`) or shown a certificate (`certificate expired`)",
            );
        } else {
            errors.help(
                span,
                format_args!("{what} is for connections, not for requests"),
                "write `connection => …`",
            );
        }
    }
    // Each of several answers has a status and a body of its own.
    let answers: Vec<&[Part]> = rule
        .replies
        .split(|part| matches!(part, Part::Then(_)))
        .collect();
    for answer in answers {
        one_of_each(answer, errors);
    }
    let names: Vec<String> = captures(&rule.filter)
        .into_iter()
        .map(|capture| capture.name)
        .collect();
    rule.replies
        .retain(|part| takes_what_there_is(part, &names, errors));
}

/// An answer has one body and one status.
fn one_of_each(answer: &[Part], errors: &mut Errors) {
    let bodies: Vec<Span> = answer.iter().filter_map(body).collect();
    if let Some(second) = bodies.get(1) {
        errors.help(
            *second,
            "a reply has one body, and this is the second",
            "several pieces one after another are a stream: `=> stream [a, b]`; the answer to the next request comes after `then`",
        );
    }
    let statuses: Vec<Span> = answer
        .iter()
        .filter_map(|part| match part {
            Part::Status(lit) => Some(lit.span()),
            Part::Failure { name, .. } => Some(name.span()),
            _ => None,
        })
        .collect();
    if let Some(second) = statuses.get(1) {
        errors.help(
            *second,
            "a reply has one status, and this is the second",
            "a number as a body is `json!(404)`; the answer to the next request comes after `then`: `503, then 200`",
        );
    }
}

/// Whether a closure takes the request at most, and what the path captures. One that takes more would only be
/// reported once again by the compiler.
fn takes_what_there_is(part: &Part, names: &[String], errors: &mut Errors) -> bool {
    let (Part::Call(call) | Part::With(_, _, call)) = part else {
        return true;
    };
    let (Callable::Sync(closure) | Callable::Future(closure) | Callable::Async(closure)) = call
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

/// `exec "v1/pods"`, `attach "v1/pods"`
fn is_streamed(filter: &Filter) -> bool {
    match filter {
        Filter::All(parts) => parts.iter().any(is_streamed),
        Filter::Minus(left, _) => is_streamed(left),
        Filter::Resource(lit) => STREAMED
            .iter()
            .any(|name| lit.value().ends_with(&format!("/{name}"))),
        _ => false,
    }
}

fn is_for_connections(filter: &Filter) -> bool {
    match filter {
        Filter::Connection(_) => true,
        Filter::All(parts) | Filter::Either(parts) => parts.iter().any(is_for_connections),
        Filter::Minus(left, _) => is_for_connections(left),
        _ => false,
    }
}

fn body(part: &Part) -> Option<Span> {
    match part {
        Part::Bytes(lit) => Some(lit.span()),
        Part::Http(span, Http::Problem(_) | Http::ProblemOf(_))
        | Part::Text(span, _)
        | Part::Json(span, _)
        | Part::JsonOf(span, _)
        | Part::File { span, .. }
        | Part::Stream(span, _)
        | Part::StreamOf(span, _)
        | Part::WebSocket(span, _)
        | Part::WebSocketOf(span, _)
        | Part::Exec(span, _)
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
