//! Clients of other libraries that are ready to talk to a server.

use std::sync::Arc;

use crate::mock::KMock;

impl KMock {
    /// A client of reqwest to be built: it finds this server for its `hostnames`, whatever the port of the URL, trusts it
    /// (feature `tls`), and asks no other proxy.
    ///
    /// ```no_run
    /// # async fn example(k: kmock_runtime::KMock) -> Result<(), Box<dyn std::error::Error>> {
    /// let client = k.reqwest().build()?;
    /// client.get(format!("{}/users", k.url())).send().await?;
    /// # Ok(())
    /// # }
    /// ```
    pub fn reqwest(&self) -> reqwest::ClientBuilder {
        let interceptor = self.resolver();
        let proxy = self.proxy_url();
        // What no resolver is asked for: addresses, and names at a port of their own.
        let others = Arc::clone(&interceptor);
        let by_proxy = reqwest::Proxy::custom(move |url| {
            let host = url.host_str()?;
            let named = host.contains(|c: char| c.is_ascii_alphabetic()) && !host.contains(':');
            let port = url.port_or_known_default()?;
            let asked = url.port().is_some() || !named;
            let ours = asked && others.redirect(host, port).is_some();
            ours.then(|| proxy.clone())
        });
        let builder = reqwest::Client::builder()
            .no_proxy()
            .proxy(by_proxy)
            .dns_resolver(interceptor);
        #[cfg(feature = "tls")]
        let builder = builder.tls_backend_preconfigured(self.rustls());
        builder
    }
}
