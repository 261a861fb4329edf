//! Hostnames that are none.

#[kmock::test(hostnames = "example.com")]
async fn test(_k: kmock::KMock) {}

fn main() {}
