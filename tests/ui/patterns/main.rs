//! Mistakes in patterns of JSON: one a file.

mod any_order;
mod json_dots;
mod json_of_python;
mod pattern_array_dots;
mod pattern_array_two_rests;
mod pattern_bytes;
mod pattern_char;
mod pattern_comparison;
mod pattern_key_twice;
mod pattern_missing;
mod pattern_name;
mod pattern_negated;
mod pattern_of_rust;
mod pattern_option;
mod pattern_or_twice;
mod pattern_range_empty;
mod pattern_range_of_texts;
mod pattern_regex;

fn main() {}
