//! How a connection to another server is made: to which address, and with TLS as whom.

use std::{
    fmt, io,
    net::SocketAddr,
    path::PathBuf,
    pin::Pin,
    task::{Context, Poll},
};

use http::Uri;
use tokio::{
    io::{AsyncRead, AsyncWrite, ReadBuf},
    net::TcpStream,
};

use crate::{connections::Door, error::Error, pipe::Pipe};

/// A server to connect to.
#[derive(Clone)]
pub(crate) struct Dial {
    host: String,
    port: u16,
    place: Place,
    #[cfg(feature = "tls")]
    tls: Option<crate::tls::Trust>,
}

/// Where it is.
#[derive(Clone, Debug)]
enum Place {
    /// Where its name leads.
    Named,
    At(SocketAddr),
    #[cfg_attr(not(unix), expect(dead_code, reason = "there are none here"))]
    Socket(PathBuf),
    /// At the door of a server in this process, without a socket.
    #[cfg_attr(
        not(any(feature = "hyper", feature = "kube")),
        expect(dead_code, reason = "no client of this process connects")
    )]
    Inside(Door),
}

impl Dial {
    /// The server of a URL.
    pub(crate) fn url(uri: &Uri) -> Result<Dial, Error> {
        let host = uri
            .host()
            .ok_or_else(|| Error::invalid(format!("there is no host in {uri}")))?;
        let secure = match uri.scheme_str() {
            Some("https" | "wss") => true,
            Some("http" | "ws") | None => false,
            Some(other) => {
                return Err(Error::invalid(format!(
                    "{other}:// is nothing to connect to: http:// and https:// are"
                )));
            }
        };
        let dial = Dial {
            host: host.trim_matches(['[', ']']).to_owned(),
            port: uri.port_u16().unwrap_or(if secure { 443 } else { 80 }),
            place: Place::Named,
            #[cfg(feature = "tls")]
            tls: None,
        };
        match secure {
            true => dial.secure(),
            false => Ok(dial),
        }
    }

    /// A server at an address.
    pub(crate) fn address(address: SocketAddr) -> Dial {
        Dial {
            host: address.ip().to_string(),
            port: address.port(),
            place: Place::At(address),
            #[cfg(feature = "tls")]
            tls: None,
        }
    }

    /// To this address, whatever the name.
    pub(crate) fn at(mut self, address: SocketAddr) -> Dial {
        self.place = Place::At(address);
        self
    }

    /// To this Unix socket, whatever the name.
    pub(crate) fn socket(mut self, path: PathBuf) -> Dial {
        self.place = Place::Socket(path);
        self
    }

    /// To the server in this process whose door it is, without a socket; with TLS it takes one.
    #[cfg(any(feature = "hyper", feature = "kube"))]
    pub(crate) fn inside(self, door: &Door) -> Dial {
        #[cfg(feature = "tls")]
        if self.tls.is_some() {
            return self;
        }
        let place = Place::Inside(door.clone());
        Dial { place, ..self }
    }

    /// With TLS; trusted are those whom the system trusts, and the authority of this process.
    #[cfg(feature = "tls")]
    fn secure(self) -> Result<Dial, Error> {
        let process = crate::tls::Authority::of_process()?;
        Ok(self.trusting(crate::tls::Trust::nobody().system().authority(&process)))
    }

    #[cfg(not(feature = "tls"))]
    fn secure(self) -> Result<Dial, Error> {
        Err(Error::invalid(format!(
            "https://{}: TLS needs the feature `tls` of kmock",
            self.host
        )))
    }

    /// With TLS, trusting whom it says.
    #[cfg(feature = "tls")]
    pub(crate) fn trusting(mut self, trust: crate::tls::Trust) -> Dial {
        self.tls = Some(trust);
        self
    }

    #[cfg(feature = "tls")]
    pub(crate) fn change_trust(
        &mut self,
        change: impl FnOnce(crate::tls::Trust) -> Result<crate::tls::Trust, Error>,
    ) -> Result<(), Error> {
        match self.tls.take() {
            Some(trust) => self.tls = Some(change(trust)?),
            None => return Err(Error::invalid("only https:// has certificates")),
        }
        Ok(())
    }

    /// Connects, and shakes hands.
    pub(crate) async fn connect(&self) -> io::Result<Connected> {
        let stream = match &self.place {
            Place::Named => TcpStream::connect((self.host.as_str(), self.port)).await?,
            Place::At(address) => TcpStream::connect(address).await?,
            #[cfg(unix)]
            Place::Socket(path) => {
                return Ok(Connected::Unix(
                    tokio::net::UnixStream::connect(path).await?,
                ));
            }
            #[cfg(not(unix))]
            Place::Socket(_) => return Err(io::ErrorKind::Unsupported.into()),
            Place::Inside(door) => return Ok(Connected::Pipe(door.enter()?)),
        };
        // Under a paused clock a segment held back by Nagle's algorithm lets the clock run away.
        stream.set_nodelay(true)?;
        #[cfg(feature = "tls")]
        if let Some(trust) = &self.tls {
            let mut config = trust.config().map_err(io::Error::other)?;
            config.alpn_protocols.push(b"http/1.1".to_vec());
            let name = rustls::pki_types::ServerName::try_from(self.host.clone())
                .map_err(io::Error::other)?;
            let connector = tokio_rustls::TlsConnector::from(std::sync::Arc::new(config));
            let stream = connector.connect(name, stream).await?;
            return Ok(Connected::Tls(Box::new(stream)));
        }
        Ok(Connected::Tcp(stream))
    }
}

impl fmt::Display for Dial {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.place {
            Place::Socket(path) => write!(f, "{}", path.display()),
            _ => write!(f, "{}:{}", self.host, self.port),
        }
    }
}

impl fmt::Debug for Dial {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

/// A connection to another server.
#[derive(Debug)]
pub(crate) enum Connected {
    Tcp(TcpStream),
    #[cfg(unix)]
    Unix(tokio::net::UnixStream),
    Pipe(Pipe),
    #[cfg(feature = "tls")]
    Tls(Box<tokio_rustls::client::TlsStream<TcpStream>>),
}

impl Connected {
    /// Where the connection comes from; a Unix socket and a pipe have no address.
    pub(crate) fn local_addr(&self) -> Option<SocketAddr> {
        match self {
            Connected::Tcp(stream) => stream.local_addr().ok(),
            #[cfg(unix)]
            Connected::Unix(_) => None,
            Connected::Pipe(_) => None,
            #[cfg(feature = "tls")]
            Connected::Tls(stream) => stream.get_ref().0.local_addr().ok(),
        }
    }
}

macro_rules! each {
    ($connected:expr, $stream:ident => $do:expr) => {
        match $connected.get_mut() {
            Connected::Tcp($stream) => $do,
            #[cfg(unix)]
            Connected::Unix($stream) => $do,
            Connected::Pipe($stream) => $do,
            #[cfg(feature = "tls")]
            Connected::Tls($stream) => {
                let $stream = &mut **$stream;
                $do
            }
        }
    };
}

impl AsyncRead for Connected {
    fn poll_read(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        each!(self, stream => Pin::new(stream).poll_read(cx, buf))
    }
}

impl AsyncWrite for Connected {
    fn poll_write(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &[u8],
    ) -> Poll<io::Result<usize>> {
        each!(self, stream => Pin::new(stream).poll_write(cx, buf))
    }

    fn poll_flush(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        each!(self, stream => Pin::new(stream).poll_flush(cx))
    }

    fn poll_shutdown(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        each!(self, stream => Pin::new(stream).poll_shutdown(cx))
    }
}
