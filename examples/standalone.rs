//! A mock server outside of tests, without the language: everything is a call of the builder API.

use kmock::{Filter, KMock, Pattern, Reply};

#[tokio::main]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let k = KMock::builder().port(8080).start().await?;
    k.on("get /hello").text("hello\n");
    k.on(Filter::method("POST")
        & Filter::path("/users/{id: u64}")
        & Filter::json(Pattern::object([("name", Pattern::present())])))
        .reply_with(|req| Reply::new().status(201).json(req.capture::<u64>("id")));
    println!("listening on {}", k.url());
    tokio::signal::ctrl_c().await?;
    println!("{}", k.report());
    Ok(())
}
