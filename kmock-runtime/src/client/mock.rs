//! The embedded client of a server.

use crate::{
    client::{ClientRequest, Dial},
    interceptor::Interceptor,
    mock::KMock,
};

impl KMock {
    /// A request to this server; `await` it for the response.
    pub fn request(&self, method: &str, target: impl AsRef<str>) -> ClientRequest {
        let target = target.as_ref();
        let redirect = Interceptor::new(self);
        ClientRequest::new(self.dial(), method, target).redirected_by(&redirect)
    }

    /// How the embedded client gets here.
    fn dial(&self) -> Dial {
        let dial = Dial::address(self.address());
        #[cfg(feature = "tls")]
        if self.core().tls.is_some()
            && let Ok(trust) = self.trust()
        {
            return dial.trusting(trust);
        }
        dial
    }

    /// A GET to this server; `await` it for the response.
    pub fn get(&self, target: impl AsRef<str>) -> ClientRequest {
        self.request("GET", target)
    }

    /// A HEAD to this server.
    pub fn head(&self, target: impl AsRef<str>) -> ClientRequest {
        self.request("HEAD", target)
    }

    /// A POST to this server; give it a body with [`ClientRequest::json`] and its kin.
    pub fn post(&self, target: impl AsRef<str>) -> ClientRequest {
        self.request("POST", target)
    }

    /// A PUT to this server.
    pub fn put(&self, target: impl AsRef<str>) -> ClientRequest {
        self.request("PUT", target)
    }

    /// A PATCH to this server.
    pub fn patch(&self, target: impl AsRef<str>) -> ClientRequest {
        self.request("PATCH", target)
    }

    /// A DELETE to this server.
    pub fn delete(&self, target: impl AsRef<str>) -> ClientRequest {
        self.request("DELETE", target)
    }

    /// An OPTIONS to this server.
    pub fn options(&self, target: impl AsRef<str>) -> ClientRequest {
        self.request("OPTIONS", target)
    }
}
