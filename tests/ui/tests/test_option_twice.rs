//! An option twice.

#[kmock::test(strict, strict = false)]
async fn test(_k: kmock::KMock) {}

fn main() {}
