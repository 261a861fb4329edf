//! A stream of bytes, pauses, JSON, a loop, and a live continuation that a background pulse feeds.
//!
//! `cargo test --example streaming` plays it in virtual time, in milliseconds, and asserts the whole text;
//! `cargo run --example streaming` serves it in real time: open the printed address with `curl -N`.

use std::time::Duration;

use kmock::prelude::*;

/// Mounts the stream and starts the pulse that feeds it.
fn serve(k: &KMock, now: fn() -> String) -> tokio::task::JoinHandle<()> {
    kmock! { k,
        stream "/" => [
            b"hello", sleep(1s), b", world!\n",
            { "key": "val" },
            for i in (0..3).rev() { format!("{i}…\n").into_bytes(), sleep(1s) },
            ...,
        ];
    }
    let k = k.clone();
    tokio::spawn(async move {
        loop {
            kmock! { k, ... => [ move || now(), ... ]; }
            tokio::time::sleep(Duration::from_secs(1)).await;
        }
    })
}

#[tokio::main]
async fn main() -> std::io::Result<()> {
    let k = KMock::start().await;
    let pulse = serve(&k, || format!("{:?}", std::time::SystemTime::now()));
    println!("curl -N {}", k.url());
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
        let pulse = serve(&k, || "tick".to_owned());

        let mut response = k.get("/").open().await?;
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
            "hello, world!\n{\"key\":\"val\"}\n2…\n1…\n0…\n\"tick\"\n\"tick\"\nbye"
        );
        // One second before the world, three of counting, one between the ticks (whose beat is that of the start).
        assert_eq!(started.elapsed(), Duration::from_secs(5));
        Ok(())
    }
}
