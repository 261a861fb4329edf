//! An option with a value of the wrong kind.

#[kmock::test(strict = 1, port = "80")]
async fn test(_k: kmock::KMock) {}

fn main() {}
