#[kmock::test]
/// A doc.
#[should_panic]
async fn greets(k: KMock) -> Result<(), Error> {
    kmock! { GET "/" => 200; }
    for x in 0..3 { kmock! { "/x" => 200; } }
    kmock! { other, GET "/" => 200; }
    let rules = kmock! { GET "/" => 200; };
    Ok(())
}
