#[kmock::test]
fn blocking(k: KMock) { let unfinished = k.; }
