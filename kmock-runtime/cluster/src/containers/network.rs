//! What containers serve, by the addresses of their Pods.

use std::collections::HashMap;
use std::fmt;
use std::sync::{Arc, Mutex, PoisonError};

use bytes::Bytes;
use futures::future::BoxFuture;
use http::{Request, Response};

/// Something that answers requests.
pub(crate) type Served =
    Arc<dyn Fn(Request<Bytes>) -> BoxFuture<'static, Response<Bytes>> + Send + Sync>;

/// The ports that containers serve.
#[derive(Default)]
pub struct Network {
    ports: Mutex<HashMap<(String, u16), (u64, Served)>>,
}

impl fmt::Debug for Network {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let ports = self.ports.lock().unwrap_or_else(PoisonError::into_inner);
        f.debug_set().entries(ports.keys()).finish()
    }
}

impl Network {
    pub(crate) fn open(&self, ip: &str, port: u16, run: u64, served: Served) {
        let mut ports = self.ports.lock().unwrap_or_else(PoisonError::into_inner);
        ports.insert((ip.to_owned(), port), (run, served));
    }

    /// Closes the ports of one run of a container.
    pub(crate) fn close(&self, run: u64) {
        let mut ports = self.ports.lock().unwrap_or_else(PoisonError::into_inner);
        ports.retain(|_, (of, _)| *of != run);
    }

    /// Whether something answers at a port of an address.
    pub fn is_open(&self, ip: &str, port: u16) -> bool {
        let ports = self.ports.lock().unwrap_or_else(PoisonError::into_inner);
        ports.contains_key(&(ip.to_owned(), port))
    }

    /// Asks what is served at a port of an address; `None`: the connection is refused.
    pub async fn ask(
        &self,
        ip: &str,
        port: u16,
        request: Request<Bytes>,
    ) -> Option<Response<Bytes>> {
        let served = {
            let ports = self.ports.lock().unwrap_or_else(PoisonError::into_inner);
            ports
                .get(&(ip.to_owned(), port))
                .map(|(_, served)| Arc::clone(served))
        };
        Some(served?(request).await)
    }
}
