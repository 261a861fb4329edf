//! What the compiler says about mistakes: one mistake a file in `ui/fail`, and `recovery.rs` with many at once.
//!
//! `TRYBUILD=overwrite cargo test -p kmock-tests --test ui` writes the expected messages anew: read them as a user would.

#[test]
fn mistakes_explain_themselves() {
    let cases = trybuild::TestCases::new();
    cases.compile_fail("ui/fail/*.rs");
}
