//! A function that talks HTTP, and its test: the server in three lines, the assertions in two.
//!
//! `cargo test --example http` runs the test; `cargo run --example http` shows the same in a program.

use kmock::prelude::*;
use serde_json::Value;

/// The code under test: asks who is there, and says hello.
async fn function_under_test(url: &str) -> reqwest::Result<Value> {
    let client = reqwest::Client::new();
    let name = client.get(format!("{url}/")).send().await?.text().await?;
    let hello = client.post(format!("{url}/hello"));
    hello
        .json(&json!({ "name": name }))
        .send()
        .await?
        .json()
        .await
}

#[tokio::main]
async fn main() -> reqwest::Result<()> {
    let k = KMock::start().await;
    kmock! { &k,
        GET "/" => b"john";
        POST "/hello" => |req| json!({ "you-are": req.json()["name"] });
    }
    println!("{}", function_under_test(&k.url()).await?);
    println!("{}", k.report());
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[kmock::test]
    async fn greets_whoever_is_there(k: KMock) -> reqwest::Result<()> {
        kmock! { k,
            GET "/" => b"john";
            let hello = POST "/hello" => |req| json!({ "you-are": req.json()["name"] });
            let never = "/" => b"";
        }

        let answer = function_under_test(&k.url()).await?;

        assert_eq!(answer, json!({ "you-are": "john" }));
        assert_requests!(k, total == 2, "get" == 1, "post" == 1);
        assert_requests!(hello == 1, never == 0);
        assert_eq!(hello.requests()[0].json()["name"], "john");
        Ok(())
    }
}
