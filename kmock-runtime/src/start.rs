//! From options to a server that runs.

use std::sync::Arc;

use crate::{cluster, core::Core, error::Error, mock::KMock, options::Builder, server::Server};

/// How many clients may wait to be let in.
const WAITING: i32 = 4096;

impl KMock {
    /// Starts a server on a free port of the loopback, on the runtime of the caller.
    ///
    /// It ends with its last clone. A rule whose closure holds a clone of its own server keeps it until [`KMock::shutdown`], or
    /// until the runtime ends; `#[kmock::test]` shuts its servers down.
    ///
    /// # Panics
    /// When the loopback has no free port, or there is no runtime of tokio. [`Builder::start`] returns an error instead.
    #[track_caller]
    pub fn start() -> impl Future<Output = KMock> + Send {
        let builder = KMock::builder();
        async move {
            let location = builder.location;
            match builder.start().await {
                Ok(server) => server,
                Err(error) => panic!("kmock: {error}   {location}"),
            }
        }
    }
}

impl Builder {
    /// Starts the server on the runtime of the caller.
    ///
    /// # Errors
    /// When the address cannot be listened on, or there is no runtime of tokio.
    pub async fn start(self) -> Result<KMock, Error> {
        let Ok(handle) = tokio::runtime::Handle::try_current() else {
            return Err(Error::invalid(
                "an async server needs a runtime of tokio: `#[kmock::test]` and `#[tokio::test]` bring one; \
                 anywhere else, `KMock::builder().start_blocking()` serves on a thread of its own",
            ));
        };
        let listener = self.bind()?;
        self.launch(|core| Server::on_runtime(listener, core, &handle))
    }

    /// Starts the server on a thread of its own, for tests that are not async.
    ///
    /// # Errors
    /// When the address cannot be listened on, or no thread can be started.
    pub fn start_blocking(self) -> Result<KMock, Error> {
        let listener = self.bind()?;
        self.launch(|core| Server::on_thread(listener, core))
    }

    fn bind(&self) -> Result<std::net::TcpListener, Error> {
        let doing = || format!("cannot listen on {}", self.listen);
        self.listener().map_err(|error| Error::io(doing(), error))
    }

    /// As `std` listens, but for more clients that connect at once than its 128: those beyond would be let in only when they
    /// try again, a second later.
    fn listener(&self) -> std::io::Result<std::net::TcpListener> {
        use socket2::{Domain, Protocol, Socket, Type};
        let domain = Domain::for_address(self.listen);
        let socket = Socket::new(domain, Type::STREAM, Some(Protocol::TCP))?;
        #[cfg(unix)]
        socket.set_reuse_address(true)?;
        socket.bind(&self.listen.into())?;
        socket.listen(WAITING)?;
        socket.set_nonblocking(true)?;
        Ok(socket.into())
    }

    fn launch(
        self,
        serve: impl FnOnce(Arc<Core>) -> Result<Server, Error>,
    ) -> Result<KMock, Error> {
        let backend = cluster::backend(&self)?;
        // Clients of the test may look for it before the server does.
        #[cfg(feature = "tls")]
        let _provider = crate::tls::provider();
        #[cfg(feature = "tls")]
        let tls = match &self.tls {
            Some(tls) => Some(Arc::new(crate::tls::TlsServer::new(tls.clone())?)),
            None => None,
        };
        let core = Arc::new(Core::new(
            self,
            backend,
            cluster::dialect(),
            #[cfg(feature = "tls")]
            tls,
        ));
        let server = serve(Arc::clone(&core))?;
        // The first to be told.
        let _ = core.address.set(server.door().address());
        Ok(KMock::of(core, server))
    }
}
