//! A stream of bytes, pauses, JSON, a loop, and a live continuation that a background pulse feeds.
//!
//! `cargo test --example streaming` plays it in virtual time, in milliseconds, and asserts the whole text;
//! `cargo run --example streaming` serves it in real time: open the printed address with `curl -N`.

use std::time::Duration;

use kmock::prelude::*;

fn mount(k: &KMock) {
    kmock! { k,
        stream "/" => [
            b"hello", sleep(1s), b", world!\n",
            { "key": "val" },
            for i in (0..3).rev() { format!("{i}…\n").into_bytes(), sleep(1s) },
            ...,
        ];
    }
}

/// Feeds every stream that has come to its `...`, once a second.
async fn pulse(k: KMock, now: fn() -> String) {
    loop {
        kmock! { k, ... => [ move || json!({ "now": now() }), ... ]; }
        tokio::time::sleep(Duration::from_secs(1)).await;
    }
}

#[tokio::main]
async fn main() -> std::io::Result<()> {
    let k = KMock::start().await;
    mount(&k);
    println!("curl -N {}", k.url());
    let now = || format!("{:?}", std::time::SystemTime::now());
    let pulse = tokio::spawn(pulse(k, now));
    tokio::signal::ctrl_c().await?;
    pulse.abort();
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[kmock::test(start_paused = true)]
    async fn streams_in_virtual_time(k: KMock) -> Result<(), kmock::Error> {
        let started = tokio::time::Instant::now();
        mount(&k);
        let mut response = k.get("/").open().await?;
        // Between the beats of the stream, so that it is plain which comes first.
        tokio::time::sleep(Duration::from_millis(500)).await;
        let pulse = tokio::spawn(pulse(k.clone(), || "tick".to_owned()));

        let mut text = String::new();
        while text.matches("tick").count() < 2 {
            text += &response.text().await?;
        }
        pulse.abort();
        // What ends without a `...` ends the streams.
        k.waiting(1).await?;
        k.feed(Stream::new().item(b"bye"));
        while let Some(chunk) = response.chunk().await? {
            text += &String::from_utf8_lossy(&chunk);
        }

        assert_eq!(
            text,
            "hello, world!\n{\"key\":\"val\"}\n2…\n1…\n0…\n{\"now\":\"tick\"}\n{\"now\":\"tick\"}\nbye"
        );
        // One second before the world and three of counting; the pulse comes half a second later, twice.
        assert_eq!(started.elapsed(), Duration::from_millis(5500));
        Ok(())
    }
}
