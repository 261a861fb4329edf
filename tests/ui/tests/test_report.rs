//! A report that goes nowhere.

#[kmock::test(report)]
async fn a(k: kmock::KMock) {}

#[kmock::test(report = 5)]
async fn b(k: kmock::KMock) {}

fn main() {}
