//! What leads clients to a server without their knowing: a resolver for reqwest, a connector for hyper's clients, and the
//! server's own address as a forward proxy for any other.

#[cfg(feature = "reqwest")]
use std::sync::Arc;
use std::{fmt, net::SocketAddr};

#[cfg(any(feature = "hyper", feature = "kube"))]
use crate::connections::Door;
#[cfg(feature = "reqwest")]
use crate::hostnames::Named;
use crate::{hostnames::Hostnames, mock::KMock};

/// Leads clients to a server: what [`KMock::resolver`] and [`KMock::connector`] hand out.
///
/// ```no_run
/// # use kmock_runtime as kmock;
/// # async fn example() -> Result<(), Box<dyn std::error::Error>> {
/// let k = kmock::KMock::builder().hostnames(["example.com"]).start().await?;
/// let client = reqwest::Client::builder().no_proxy().dns_resolver(k.resolver()).build()?;
/// client.get("http://example.com/").send().await?;
/// # Ok(())
/// # }
/// ```
#[derive(Clone)]
pub struct Interceptor {
    hostnames: Hostnames,
    address: SocketAddr,
    /// Where a client comes in without a socket, in the runs of a sweep.
    #[cfg(any(feature = "hyper", feature = "kube"))]
    pub(crate) inside: Option<Door>,
    /// Whom the connector trusts where it is to speak TLS.
    #[cfg(all(any(feature = "hyper", feature = "kube"), feature = "tls"))]
    pub(crate) trust: Option<crate::tls::Trust>,
}

impl Interceptor {
    pub(crate) fn new(server: &KMock) -> Interceptor {
        Interceptor {
            hostnames: server.core().options.hostnames.clone(),
            address: server.address(),
            #[cfg(any(feature = "hyper", feature = "kube"))]
            inside: None,
            #[cfg(all(any(feature = "hyper", feature = "kube"), feature = "tls"))]
            trust: None,
        }
    }

    pub(crate) fn address(&self) -> SocketAddr {
        self.address
    }

    /// Where a client that wants this host and port is to connect to instead; `None`: where it wants to.
    pub fn redirect(&self, host: &str, port: u16) -> Option<SocketAddr> {
        let authority = if host.contains(':') && !host.starts_with('[') {
            format!("[{host}]:{port}")
        } else {
            format!("{host}:{port}")
        };
        self.hostnames
            .stands_for(&authority)
            .then_some(self.address)
    }
}

impl fmt::Debug for Interceptor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Interceptor(to {})", self.address)
    }
}

#[cfg(feature = "reqwest")]
impl reqwest::dns::Resolve for Interceptor {
    /// A resolver is asked for names, and reqwest takes the port of the URL where it has one. So hostnames with a port of
    /// their own cannot be led here: who asks for one is told so.
    fn resolve(&self, name: reqwest::dns::Name) -> reqwest::dns::Resolving {
        let address = match self.hostnames.named(name.as_str()) {
            Named::Here => Some(self.address),
            Named::Nowhere => None,
            Named::AtPort(port) => {
                let told = format!(
                    "kmock: a resolver cannot lead to {}:{port}, as it is not asked for ports: build the client by \
                     `k.reqwest()`, or give it the proxy `k.proxy_url()`",
                    name.as_str()
                );
                return Box::pin(async { Err(told.into()) });
            }
        };
        Box::pin(async move {
            let found: Vec<SocketAddr> = match address {
                Some(address) => vec![address],
                None => tokio::net::lookup_host((name.as_str(), 0)).await?.collect(),
            };
            let found: reqwest::dns::Addrs = Box::new(found.into_iter());
            Ok(found)
        })
    }
}

impl KMock {
    /// Leads the clients of reqwest to this server for its `hostnames`: give it to `ClientBuilder::dns_resolver`.
    ///
    /// A resolver is asked for names only: it leads URLs without a port here (`http://example.com/`), and neither
    /// `http://example.com:8080/` nor `http://10.20.30.40/`. [`KMock::reqwest`] and [`KMock::proxy_url`] do.
    ///
    /// ```no_run
    /// # use kmock_runtime as kmock;
    /// # async fn example() -> Result<(), Box<dyn std::error::Error>> {
    /// let k = kmock::KMock::builder().hostnames(["example.com"]).start().await?;
    /// let client = reqwest::Client::builder().no_proxy().dns_resolver(k.resolver()).build()?;
    /// client.get("http://example.com/").send().await?;
    /// # Ok(())
    /// # }
    /// ```
    #[cfg(feature = "reqwest")]
    pub fn resolver(&self) -> Arc<Interceptor> {
        Arc::new(Interceptor::new(self))
    }

    /// Leads the clients of hyper-util to this server for its `hostnames`: give it to `Client::builder(…).build(…)`.
    ///
    /// It is a `tower::Service` of URLs that connects to this server for its hostnames, and to any other host as usual.
    /// `https://` needs the feature `tls`; the server's authority is trusted where it stands for the host.
    ///
    /// ```no_run
    /// # use kmock_runtime as kmock;
    /// # async fn example() -> Result<(), Box<dyn std::error::Error>> {
    /// use tower_service::Service;
    ///
    /// let k = kmock::KMock::builder().hostnames(["example.com"]).start().await?;
    /// // What a client does with it: `Client::builder(TokioExecutor::new()).build(k.connector())`.
    /// let connection = k.connector().call("http://example.com/".parse()?).await?;
    /// # drop(connection);
    /// # Ok(())
    /// # }
    /// ```
    #[cfg(feature = "hyper")]
    pub fn connector(&self) -> Interceptor {
        self.intercepting()
    }

    #[cfg(any(feature = "hyper", feature = "kube"))]
    pub(crate) fn intercepting(&self) -> Interceptor {
        let mut interceptor = Interceptor::new(self);
        if self.core().options.gatekeeper.is_some() {
            let door = self.at_the_door(|server| Ok(server.door().clone()));
            interceptor.inside = door.ok();
        }
        #[cfg(feature = "tls")]
        {
            interceptor.trust = self.trust().ok();
        }
        interceptor
    }

    /// Leads any client to this server for its `hostnames`: the address of a forward proxy, as in `HTTP_PROXY`.
    ///
    /// Requests for other hosts are forwarded; without `hostnames` the server stands for every host. With the feature `tls`,
    /// tunnels (CONNECT) to its hosts are opened: clients that are to trust it there need `KMock::ca_pem`.
    ///
    /// ```no_run
    /// # use kmock_runtime as kmock;
    /// # async fn example() -> Result<(), Box<dyn std::error::Error>> {
    /// let k = kmock::KMock::builder().hostnames(["example.com"]).start().await?;
    /// std::process::Command::new("curl")
    ///     .arg("http://example.com/")
    ///     .env("http_proxy", k.proxy_url())
    ///     .spawn()?;
    /// # Ok(())
    /// # }
    /// ```
    pub fn proxy_url(&self) -> String {
        #[cfg(feature = "tls")]
        if let Some(tls) = &self.core().tls
            && tls.serves_plain()
        {
            return format!("http://{}", self.address());
        }
        self.url()
    }
}
