//! Script → calls of the public API, one for one.
//!
//! User tokens keep their spans, and every generated call carries the span of the token that it stands for:
//! rustc then reports at that token, and `#[track_caller]` hands it to reports of failures. The latter holds
//! only where an expression begins and ends with such a span, hence `<$crate::Filter>::path` rather than
//! `$crate::Filter::path`. Names of our own are `mixed_site`: user code cannot reach them.
//!
//! Mistakes are emitted last: an editor compares the expansions with and without the word that is being completed,
//! and finds its place again only where nothing before it has moved.

mod check;
mod code;
mod filter;
mod given;
mod life;
mod reply;
mod stream;

use proc_macro2::{Ident, Span, TokenStream, TokenTree};
use quote::{ToTokens, quote, quote_spanned};
use syn::{LitStr, spanned::Spanned};

use crate::{
    ast::{Block, BlockKind, Feed, Item, Rule, Script},
    errors::Errors,
    parse, written,
};

/// What all expansions need to know.
pub(crate) struct Expander {
    /// The facade crate: `$crate` of the wrapper in it.
    krate: TokenStream,
    /// Whether an editor reads the expansion: then broken parts are kept, so that it can complete them.
    editor: bool,
}

/// `kmock! { … }`: the input is `$crate; …`.
pub(crate) fn kmock(input: TokenStream, editor: bool) -> TokenStream {
    let (krate, input) = split_crate(input);
    let mut errors = Errors::new(editor);
    let script = parse::script(input, &mut errors);
    Expander { krate, editor }.script(script, errors)
}

/// `assert_requests!( … )`: the input is `$crate; …`.
pub(crate) fn assert_requests(input: TokenStream, editor: bool) -> TokenStream {
    let (krate, input) = split_crate(input);
    let mut errors = Errors::new(editor);
    let checks = parse::checks(input, &mut errors);
    Expander { krate, editor }.checks(&checks, errors)
}

/// Takes `$crate ;` off the input.
fn split_crate(input: TokenStream) -> (TokenStream, TokenStream) {
    let mut rest = input.into_iter();
    let krate = rest
        .by_ref()
        .take_while(|tree| !matches!(tree, TokenTree::Punct(punct) if punct.as_char() == ';'))
        .collect();
    (krate, rest.collect())
}

/// A name of our own.
fn our(name: &str) -> Ident {
    Ident::new(name, Span::mixed_site())
}

/// Where rules go: to a server, or into a set.
#[derive(Clone)]
enum Target {
    Server,
    Set(Ident),
}

impl Expander {
    /// Where the call stands that a token is the reason for: at the token, so that rustc reports there. An editor takes
    /// what is at a token for the token's meaning, so there it stands aside: hover shows what the user wrote.
    fn at(&self, span: Span) -> Span {
        if self.editor {
            Span::mixed_site()
        } else {
            span
        }
    }

    /// `<$crate::Name>`, in such a way that a call on it is at the user's token.
    fn ty(&self, name: &str, span: Span) -> TokenStream {
        let krate = &self.krate;
        let name = Ident::new(name, Span::mixed_site());
        quote_spanned!(self.at(span)=> <#krate::#name>)
    }

    /// The facade crate, for a function of it whose bounds the user's value may not meet: told at the value.
    fn krate_at(&self, span: Span) -> TokenStream {
        let located = |mut tree: TokenTree| {
            tree.set_span(tree.span().located_at(span));
            tree
        };
        self.krate.clone().into_iter().map(located).collect()
    }

    /// `&` at the user's own value: what is wrong with its type is shown there, and nothing else is. Where it stands,
    /// `clippy::needless_borrow` is allowed.
    fn borrow(&self, span: Span) -> TokenStream {
        quote_spanned!(self.at(span)=> &)
    }

    fn script(&self, script: Script, mut errors: Errors) -> TokenStream {
        let lets = has_lets(&script.items);
        let krate = &self.krate;
        let only = matches!(&script.items[..], [Item::Rule(_)]) && script.open;
        let Some(server) = script.server else {
            if lets {
                for name in let_names(&script.items) {
                    errors.help(
                        name.span(),
                        "`let` needs a server to mount the rule on",
                        "write `kmock! { k, let hello = … }`; a block without a server is a value of type `Rules`",
                    );
                }
            }
            let rules = our("__rules");
            let statements = self.items(
                &script.items,
                &Target::Set(rules.clone()),
                &[],
                &mut errors,
                true,
            );
            let errors = errors.into_tokens();
            let rules_type = self.ty("Rules", Span::mixed_site());
            let mutable = (!script.items.is_empty()).then(|| quote!(mut));
            return quote!({ let #mutable #rules = #rules_type::new(); #statements #errors #rules });
        };
        let kmock = our("__kmock");
        let span = server.span();
        let borrow = self.borrow(span);
        let bind = quote_spanned!(self.at(span)=> #[allow(clippy::needless_borrow)] let #kmock: &#krate::KMock = #borrow #server;);
        if only
            && !lets
            && let [Item::Rule(rule)] = &script.items[..]
            && rule.attrs.rust.is_empty()
        {
            let rule = self.rule(rule, &Target::Server, &[]);
            if errors.is_empty() && !self.editor {
                return quote!({ #bind #rule });
            }
            let (errors, handle) = (errors.into_tokens(), our("__rule"));
            return quote!({ #bind let #handle = #rule; #errors #handle });
        }
        let statements = self.items(&script.items, &Target::Server, &[], &mut errors, false);
        let errors = errors.into_tokens();
        let used = script.items.is_empty().then(|| quote!(let _ = #kmock;));
        let all = quote!(#bind #used #statements #errors);
        // `let` must be seen by what follows, so there is no block around it.
        if lets { all } else { quote!({ #all }) }
    }

    fn items(
        &self,
        items: &[Item],
        target: &Target,
        orders: &[BlockKind],
        errors: &mut Errors,
        no_lets: bool,
    ) -> TokenStream {
        items
            .iter()
            .map(|item| match item {
                Item::Rule(rule) => {
                    let made = self.rule(rule, target, orders);
                    let rust = &rule.attrs.rust;
                    let made = match target {
                        Target::Server => made,
                        Target::Set(set) => quote_spanned!(self.at(rule.span)=> #set.add(#made)),
                    };
                    match &rule.binding {
                        Some(name) if !no_lets => {
                            quote_spanned!(self.at(rule.span)=> #(#rust)* let #name = #made;)
                        }
                        _ => quote_spanned!(self.at(rule.span)=> #(#rust)* #made;),
                    }
                }
                Item::Feed(feed) => self.feed(feed, target, errors),
                Item::Declaration(declared) => self.declaration(declared, target, errors, no_lets),
                Item::Block(block) => self.block(block, target, orders, errors, no_lets),
            })
            .collect()
    }

    fn block(
        &self,
        block: &Block,
        target: &Target,
        orders: &[BlockKind],
        errors: &mut Errors,
        no_lets: bool,
    ) -> TokenStream {
        if block.kind != BlockKind::InOrder {
            let mut orders = orders.to_vec();
            orders.push(block.kind);
            return self.items(&block.items, target, &orders, errors, no_lets);
        }
        let span = block.span;
        let group = our("__group");
        // An order in an order is a part of it.
        if let Target::Set(set) = target
            && *set == group
        {
            return self.items(&block.items, target, orders, errors, no_lets);
        }
        let rules = self.ty("Rules", span);
        let inner = self.items(
            &block.items,
            &Target::Set(group.clone()),
            orders,
            errors,
            no_lets,
        );
        let made = quote_spanned!(self.at(span)=> let mut #group = #rules::new(); #inner);
        match target {
            Target::Set(set) => quote_spanned!(self.at(span)=> #made #set.in_order(#group);),
            Target::Server => {
                let (kmock, ordered) = (our("__kmock"), our("__ordered"));
                quote_spanned!(self.at(span)=> #made let mut #ordered = #rules::new(); #ordered.in_order(#group); #kmock.mount(#ordered);)
            }
        }
    }

    /// `k.on(filter).priority(…).status(…)`, or `Rule::on(filter)…`.
    fn rule(&self, rule: &Rule, target: &Target, orders: &[BlockKind]) -> TokenStream {
        let span = rule.span;
        let filter = self.filter_argument(&rule.filter);
        let mut made = match target {
            Target::Server => {
                let kmock = our("__kmock");
                quote_spanned!(self.at(span)=> #kmock.on(#filter))
            }
            Target::Set(_) => {
                let ty = self.ty("Rule", span);
                quote_spanned!(self.at(span)=> #ty::on(#filter))
            }
        };
        let attrs = &rule.attrs;
        if let Some(name) = &attrs.name {
            made = quote_spanned!(self.at(span)=> #made.named(#name));
        }
        if let Some(priority) = &attrs.priority {
            made = quote_spanned!(self.at(priority.span())=> #made.priority(#priority));
        }
        // The innermost word is the first: priorities stack outwards.
        let own = rule.order.map(|(kind, _)| kind);
        for kind in own.into_iter().chain(orders.iter().rev().copied()) {
            made = match kind {
                BlockKind::Override => quote_spanned!(self.at(span)=> #made.overriding()),
                BlockKind::Fallback => quote_spanned!(self.at(span)=> #made.falling_back()),
                BlockKind::InOrder => made,
            };
        }
        if let Some(slice) = &rule.slice {
            made = quote_spanned!(self.at(slice.span())=> #made.slice(#slice));
        }
        if let Some(capture) = &rule.per {
            made = quote_spanned!(self.at(capture.span())=> #made.per(#capture));
        }
        if let Some(expect) = &attrs.expect {
            made = quote_spanned!(self.at(expect.span())=> #made.expecting(#expect));
        }
        if let Some(span) = attrs.never {
            made = quote_spanned!(self.at(span)=> #made.never());
        }
        for sink in &rule.sinks {
            made = self.sink(&made, sink);
        }
        let captures = parse::captures(&rule.filter);
        for part in &rule.replies {
            made = self.part(made, part, &captures);
        }
        made
    }

    fn feed(&self, feed: &Feed, target: &Target, errors: &mut Errors) -> TokenStream {
        let span = feed.span;
        if let Target::Set(_) = target {
            errors.help(
                span,
                "a feed needs a server whose streams it feeds",
                "write `kmock! { k, ... => [ … ]; }`",
            );
            return TokenStream::new();
        }
        let kmock = our("__kmock");
        let stream = self.stream(&feed.items, span);
        match &feed.filter {
            Some(filter) => {
                let filter = self.filter_argument(filter);
                quote_spanned!(self.at(span)=> #kmock.filter(#filter).feed(#stream);)
            }
            None => quote_spanned!(self.at(span)=> #kmock.feed(#stream);),
        }
    }
}

fn has_lets(items: &[Item]) -> bool {
    !let_names(items).is_empty()
}

fn let_names(items: &[Item]) -> Vec<&Ident> {
    items
        .iter()
        .flat_map(|item| match item {
            Item::Rule(rule) => rule.binding.iter().collect(),
            Item::Block(block) => let_names(&block.items),
            Item::Declaration(declared) => declared.binding.iter().collect(),
            Item::Feed(_) => Vec::new(),
        })
        .collect()
}

/// The text of tokens, as a literal.
fn text_of(tokens: impl ToTokens, span: Span) -> LitStr {
    LitStr::new(&written::text(tokens.to_token_stream()), span)
}

impl Expander {
    /// The text of code that stands before the code itself. An editor gets none: while somebody types in the code, nothing
    /// before it may change.
    fn text_before(&self, tokens: impl ToTokens, span: Span) -> LitStr {
        match self.editor {
            true => LitStr::new("", Span::mixed_site()),
            false => text_of(tokens, span),
        }
    }

    /// A call that is named as the user's word is. It stands at the word for editors, too: hover and go-to-definition show
    /// the method that the word is.
    fn word(word: &str, span: Span) -> Ident {
        Ident::new(word, span)
    }
}

#[cfg(test)]
mod tests;
