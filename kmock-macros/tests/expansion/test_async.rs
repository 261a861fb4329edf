/// A doc.
#[should_panic]
#[::core::prelude::v1::test]
fn greets() -> Result<(), Error> {
    async fn greets(k: KMock) -> Result<(), Error> {
        kmock! {
            k, GET "/" => 200;
        }
        for x in 0..3 {
            kmock! {
                k, "/x" => 200;
            }
        }
        kmock! {
            other, GET "/" => 200;
        }
        let rules = kmock! {
            GET "/" => 200;
        };
        Ok(())
    }
    ::kmock::__private::run_async::<
        [(); 1usize],
        _,
    >(
        <::kmock::__private::TestOptions>::new(
            ::core::concat!(::core::module_path!(), "::", "greets"),
        ),
        |__server0: ::kmock::KMock| greets(__server0),
    )
}
