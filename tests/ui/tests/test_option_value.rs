//! An option without its value.

#[kmock::test(limit)]
async fn test(_k: kmock::KMock) {}

fn main() {}
