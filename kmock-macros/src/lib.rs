//! The language of kmock. Users name the crate `kmock`, whose macros are thin wrappers over these.
//!
//! Tokens are [parsed](parse) into a [tree](ast) that keeps every span, and [expanded](expand) into calls of the
//! public API, one for one. Parsing never stops at the first mistake: [mistakes](errors) gather beside what is
//! right, and both are emitted, so that the compiler checks the rest and an editor can complete it. The little
//! languages inside of literals have rooms of their own: [durations](duration), [JSON](json),
//! [paths, resources and expressions](notation).

mod ast;
mod duration;
mod errors;
mod expand;
#[cfg(test)]
mod fuzz;
mod habits;
mod json;
mod notation;
mod numbers;
mod parse;
mod test_attr;
mod test_body;
mod words;
mod written;

use proc_macro::TokenStream;

/// `kmock! { … }` behind its wrapper, which says where the facade is: `$crate; …`.
#[doc(hidden)]
#[proc_macro]
pub fn kmock_impl(input: TokenStream) -> TokenStream {
    expand::kmock(input.into(), in_editor()).into()
}

/// `assert_requests!( … )` behind its wrapper.
#[doc(hidden)]
#[proc_macro]
pub fn assert_requests_impl(input: TokenStream) -> TokenStream {
    expand::assert_requests(input.into(), in_editor()).into()
}

/// A test with a mock server: `#[kmock::test] async fn greets(k: KMock) { … }`. The facade documents it.
#[proc_macro_attribute]
pub fn test(options: TokenStream, item: TokenStream) -> TokenStream {
    test_attr::test(options.into(), &item.into()).into()
}

/// Whether rust-analyzer expands, not the compiler: it wants broken code too, in order to complete it.
fn in_editor() -> bool {
    std::env::current_exe()
        .ok()
        .and_then(|path| {
            Some(
                path.file_stem()?
                    .to_string_lossy()
                    .contains("rust-analyzer"),
            )
        })
        .unwrap_or(false)
}
