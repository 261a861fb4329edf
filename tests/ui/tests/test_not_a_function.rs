//! An attribute of something else.

#[kmock::test]
struct Test;

fn main() {}
