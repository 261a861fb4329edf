//! Mistakes in streams, their pauses and events: one a file.

mod feed_empty;
mod feed_two_dots;
mod feed_with_let;
mod feed_without_server;
mod sleep_days;
mod sleep_empty;
mod sleep_leading_point;
mod sleep_negative;
mod sleep_text;
mod sleep_two_words;
mod sleep_unknown_unit;
mod sleep_without_parens;
mod sleep_without_unit;
mod sse_empty;
mod sse_field;
mod stream_bare_duration;
mod stream_brackets;
mod stream_comma;
mod stream_for_braces;
mod stream_for_in;
mod stream_from_type;
mod stream_header;
mod stream_item_type;
mod stream_loop;
mod stream_once;
mod stream_semicolon;
mod stream_two_dots;
mod stream_without_items;
mod stream_word_typo;

fn main() {}
