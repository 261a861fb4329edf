//! Mistakes in the frame of rules: arrows, semicolons, servers, handles: one a file.

mod arrow_equals;
mod arrow_shift;
mod arrow_thin;
mod arrow_twice;
mod block_words;
mod comma_before_rule;
mod comma_between_rules;
mod connections;
mod handle_habits;
mod in_order_without_bang;
mod let_keyword;
mod let_mut;
mod let_without_equals;
mod let_without_name;
mod let_without_server;
mod nested;
mod recovery;
mod semicolon_missing;
mod semicolon_missing_after_spy;
mod server_alone;
mod server_type;
mod server_without_comma;

fn main() {}
