//! Names of headers, in criteria and in replies.

use crate::{ast::Name, errors::Errors};

/// Reports a name that no header has.
pub(super) fn header_name(name: &Name, errors: &mut Errors) {
    let Name::Lit(lit) = name else { return };
    let text = lit.value();
    let valid = |c: char| c.is_ascii_alphanumeric() || "!#$%&'*+-.^_`|~".contains(c);
    if text.is_empty() || !text.chars().all(valid) {
        let help = text.strip_suffix(':').map_or(
            "names are letters, digits and `-`, as in \"X-Request-Id\"".to_owned(),
            |text| format!("write \"{text}\""),
        );
        errors.help(
            lit.span(),
            format_args!("`{text}` is no name of a header"),
            help,
        );
    }
}
