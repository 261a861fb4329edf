//! An option with a colon, and options with a `;` between them.

#[kmock::test(strict: true)]
async fn a(k: kmock::KMock) {}

#[kmock::test(strict; seed = "x")]
async fn b(k: kmock::KMock) {}

fn main() {}
