//! Which requests are the test's own: what it asks with the embedded client is no concern of a sweep.

use std::{
    net::SocketAddr,
    sync::{Mutex, MutexGuard, PoisonError},
};

/// Where the embedded clients of this process talk from just now.
static OWN: Mutex<Vec<SocketAddr>> = Mutex::new(Vec::new());

fn own() -> MutexGuard<'static, Vec<SocketAddr>> {
    OWN.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Known as long as this is held.
#[derive(Debug)]
pub(crate) struct OwnConnection(SocketAddr);

impl OwnConnection {
    pub(crate) fn new(address: SocketAddr) -> OwnConnection {
        own().push(address);
        OwnConnection(address)
    }
}

impl Drop for OwnConnection {
    fn drop(&mut self) {
        own().retain(|known| *known != self.0);
    }
}

/// Whether a request comes from the test's own embedded client.
pub(crate) fn is_own(peer: SocketAddr) -> bool {
    own().contains(&peer)
}

#[cfg(test)]
mod tests {
    use tokio::io::{AsyncReadExt, AsyncWriteExt};

    use super::*;
    use crate::client;

    #[tokio::test]
    async fn nobody_is_known_by_an_address_that_they_left() {
        let listener = tokio::net::TcpListener::bind(("127.0.0.1", 0)).await;
        let listener = listener.expect("a port");
        let url = format!("http://{}/", listener.local_addr().expect("an address"));
        let server = tokio::spawn(async move {
            let (mut stream, peer) = listener.accept().await.expect("a client");
            let mut head = [0; 1024];
            let _ = stream.read(&mut head).await.expect("a request");
            let known = is_own(peer);
            let answer = b"HTTP/1.1 200 OK\r\ncontent-length: 0\r\nconnection: close\r\n\r\n";
            stream.write_all(answer).await.expect("an answer");
            let end = stream.read(&mut head).await.expect("an end");
            (known, end, is_own(peer))
        });
        let response = client::request("GET", &url)
            .open()
            .await
            .expect("an answer");
        // Whoever keeps the response has no hold on the address any more.
        assert_eq!(server.await.expect("no panic"), (true, 0, false));
        assert_eq!(response.status(), 200);
    }
}
