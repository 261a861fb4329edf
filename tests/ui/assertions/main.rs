//! Mistakes in assertions: one a file.

mod assert_assignment;
mod assert_async;
mod assert_habits;
mod assert_handle_type;
mod assert_in_number;
mod assert_negative;
mod assert_nothing;
mod assert_range;
mod assert_semicolon;
mod assert_server_last;
mod assert_text;
mod assert_verb_typo;
mod assert_without_comparison;
mod assert_without_server;
mod wait_type;

fn main() {}
