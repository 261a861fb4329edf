//! Mistakes in attributes and priorities: one a file.

mod attribute_alone;
mod attribute_contradiction;
mod attribute_never_with_value;
mod attribute_numbers;
mod attribute_on_block;
mod attribute_unknown;
mod attribute_value;
mod attribute_without_value;
mod fallback_without_arrow;
mod override_twice;
mod priority_stars;

fn main() {}
