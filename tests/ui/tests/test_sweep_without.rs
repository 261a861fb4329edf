//! A list of faults that is none.

#[kmock::test(sweep, sweep_without = "stale")]
async fn test(_k: kmock::KMock) {}

fn main() {}
