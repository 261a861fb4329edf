//! `#[rstest]` in the wrong place.

#[kmock::test]
#[rstest::rstest]
async fn test(#[case] _n: u8, _k: kmock::KMock) {}

fn main() {}
