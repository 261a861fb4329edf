//! Mistakes in paths, captures and globs: one a file.

mod capture_partial;
mod capture_twice;
mod capture_type;
mod capture_unclosed;
mod capture_unnamed;
mod glob_in_the_middle;
mod path_bytes;
mod path_char;
mod path_empty;
mod path_fragment;
mod path_habits;
mod path_method_twice;
mod path_regex;
mod path_regex_anchored;
mod path_regex_unquoted;
mod path_space;
mod path_twice;
mod path_unquoted;
mod path_url;
mod path_without_slash;

fn main() {}
