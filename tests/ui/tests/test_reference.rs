//! A server by reference.

#[kmock::test]
async fn test(_k: &kmock::KMock) {}

fn main() {}
