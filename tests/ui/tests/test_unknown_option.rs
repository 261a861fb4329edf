//! An option that does not exist.

#[kmock::test(paused = true)]
async fn test(_k: kmock::KMock) {}

fn main() {}
