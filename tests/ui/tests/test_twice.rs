//! Two test attributes.

#[kmock::test]
#[test]
async fn test(_k: kmock::KMock) {}

fn main() {}
