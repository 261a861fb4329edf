//! A flavor that does not exist.

#[kmock::test(flavor = "threads")]
async fn test(_k: kmock::KMock) {}

fn main() {}
