//! Virtual time without async.

#[kmock::test(start_paused)]
fn test(_k: kmock::KMock) {}

fn main() {}
