//! Clients of other libraries that are ready to talk to a server.

use crate::mock::KMock;

impl KMock {
    /// A client of reqwest to be built: it finds this server for its `hostnames`, trusts it (feature `tls`), and asks no proxy.
    ///
    /// ```no_run
    /// # async fn example(k: kmock_runtime::KMock) -> Result<(), Box<dyn std::error::Error>> {
    /// let client = k.reqwest().build()?;
    /// client.get(format!("{}/users", k.url())).send().await?;
    /// # Ok(())
    /// # }
    /// ```
    pub fn reqwest(&self) -> reqwest::ClientBuilder {
        let builder = reqwest::Client::builder()
            .no_proxy()
            .dns_resolver(self.resolver());
        #[cfg(feature = "tls")]
        let builder = builder.tls_backend_preconfigured(self.rustls());
        builder
    }
}
