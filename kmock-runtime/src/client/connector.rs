//! A connector for the clients of hyper-util: to the server for its hostnames, and to any other host as usual.

use std::{
    io,
    pin::Pin,
    task::{Context, Poll},
};

use http::Uri;
use hyper_util::{
    client::legacy::connect::{Connected as Properties, Connection},
    rt::TokioIo,
};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

use crate::{
    client::{Connected, Dial},
    interceptor::Interceptor,
};

/// A connection that the connector has made.
///
/// ```no_run
/// # use kmock_runtime as kmock;
/// # async fn example(k: kmock::KMock) -> Result<(), Box<dyn std::error::Error>> {
/// use tower_service::Service;
///
/// let mut connector = k.connector();
/// let connection = connector.call("http://api.example.com/".parse()?).await?;
/// let intercepted: &kmock::client::Intercepted = connection.inner();
/// # Ok(())
/// # }
/// ```
#[derive(Debug)]
pub struct Intercepted(Connected);

type Connecting = Pin<Box<dyn Future<Output = Result<TokioIo<Intercepted>, io::Error>> + Send>>;

/// Without Nagle's algorithm, as virtual time wants it; `https://` with the feature `tls`, trusting the authority of the
/// server where it stands for the host, and those of the system elsewhere.
impl tower_service::Service<Uri> for Interceptor {
    type Response = TokioIo<Intercepted>;
    type Error = io::Error;
    type Future = Connecting;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), io::Error>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, uri: Uri) -> Connecting {
        let dial = self.dial(&uri);
        Box::pin(async move {
            let connected = dial?.connect().await?;
            Ok(TokioIo::new(Intercepted(connected)))
        })
    }
}

impl Interceptor {
    fn dial(&self, uri: &Uri) -> io::Result<Dial> {
        let secure = uri.scheme_str() == Some("https");
        let port = uri.port_u16().unwrap_or(if secure { 443 } else { 80 });
        let redirect = self.redirect(uri.host().unwrap_or_default(), port);
        let own = uri.authority().map(ToString::to_string) == Some(self.address().to_string());
        let dial = Dial::url(uri)
            .map_err(|error| io::Error::new(io::ErrorKind::Unsupported, error.to_string()))?;
        #[cfg(feature = "tls")]
        let dial = match &self.trust {
            Some(trust) if secure && (own || redirect.is_some()) => dial.trusting(trust.clone()),
            _ => dial,
        };
        let dial = match redirect {
            Some(address) => dial.at(address),
            None => dial,
        };
        Ok(match &self.inside {
            Some(door) if own || redirect.is_some() => dial.inside(door),
            _ => dial,
        })
    }
}

impl Connection for Intercepted {
    fn connected(&self) -> Properties {
        Properties::new()
    }
}

impl AsyncRead for Intercepted {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        Pin::new(&mut self.0).poll_read(cx, buf)
    }
}

impl AsyncWrite for Intercepted {
    fn poll_write(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &[u8],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.0).poll_write(cx, buf)
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.0).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.0).poll_shutdown(cx)
    }
}
