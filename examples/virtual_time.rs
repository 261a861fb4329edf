//! Timeouts and slow servers in virtual time: half a minute passes in a millisecond, to the exact instant.

use std::time::Duration;

use kmock::prelude::*;

/// The code under test: asks, and gives up after two seconds, three times.
async fn patient(url: &str) -> Result<String, usize> {
    let client = reqwest::Client::new();
    for attempt in 1.. {
        let asked = client.get(url).timeout(Duration::from_secs(2)).send().await;
        match asked {
            Ok(response) => return response.text().await.map_err(|_| attempt),
            Err(_) if attempt < 3 => tokio::time::sleep(Duration::from_secs(10)).await,
            Err(_) => return Err(attempt),
        }
    }
    Err(0)
}

#[tokio::main(flavor = "current_thread", start_paused = true)]
async fn main() {
    let k = KMock::start().await;
    kmock! { &k, GET "/"[..1] => delay(5s), "too late"; GET "/" => text "at last"; }
    let started = tokio::time::Instant::now();
    println!(
        "{:?} after {:?}",
        patient(&k.url()).await,
        started.elapsed()
    );
}

#[cfg(test)]
mod tests {
    use super::*;

    #[kmock::test(start_paused = true)]
    async fn gives_up_after_three_attempts(k: KMock) {
        kmock! { k, GET "/" => delay(5s), "too late"; }
        let started = tokio::time::Instant::now();

        assert_eq!(patient(&k.url()).await, Err(3));

        assert_eq!(started.elapsed(), Duration::from_secs(2 + 10 + 2 + 10 + 2));
        assert_requests!(k, "get /" == 3);
    }
}
