//! Fuzzing as a habit: each target reads what others send, fed with texts that are made from good ones by a seed.
//!
//! It runs on stable and as a test, without a sanitizer: there is no unsafe code to watch, what counts are panics, inputs that
//! take too long or too much memory, and a seed plays each of them again. `KMOCK_FUZZ=60 cargo test --test fuzz` gives each target a
//! minute (a fifth of a second otherwise), `KMOCK_FUZZ_INPUTS=10000000` as many inputs (both: whichever ends first); `KMOCK_SEED=7` begins
//! elsewhere.
//!
//! Parsers that are nobody else's business have their targets in their crates: `kmock-kubernetes` and `kmock-macros` have a module
//! `fuzz` each, among their unit tests.

mod feed;
mod targets;
