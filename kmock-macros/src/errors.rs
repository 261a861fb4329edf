//! The sink: mistakes are values that gather here, and are reported beside the code that is right.

use std::fmt::Display;

use proc_macro2::{Span, TokenStream};
use syn::Error;

/// The mistakes of one invocation, in the order in which they were met.
#[derive(Default)]
pub(crate) struct Errors {
    met: Vec<Error>,
    /// Whether an editor reads the expansion: then broken expressions are kept, so that it can complete them.
    pub(crate) editor: bool,
}

impl Errors {
    pub(crate) fn new(editor: bool) -> Errors {
        Errors {
            met: Vec::new(),
            editor,
        }
    }

    /// Reports a mistake at a token.
    pub(crate) fn push(&mut self, span: Span, message: impl Display) {
        self.met.push(Error::new(span, message));
    }

    /// Reports a mistake at a token, with the nearest right form.
    pub(crate) fn help(&mut self, span: Span, message: impl Display, help: impl Display) {
        self.push(span, format_args!("{message}\nhelp: {help}"));
    }

    /// Reports what Rust's own grammar has found wrong.
    pub(crate) fn absorb(&mut self, error: Error) {
        self.met.push(error);
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.met.is_empty()
    }

    /// How many there are: more than before means that something was wrong in between.
    pub(crate) fn count(&self) -> usize {
        self.met.len()
    }

    /// One `compile_error!` for each mistake.
    pub(crate) fn into_tokens(self) -> TokenStream {
        self.met.iter().map(Error::to_compile_error).collect()
    }
}
