//! Comfort for kube-rs: a client, its configuration, a kubeconfig, and custom resources by their types.

use hyper_util::{client::legacy::Client as HyperClient, rt::TokioExecutor};
use kube::{
    Client, Config, CustomResourceExt,
    client::{Body, ConfigExt, retry::RetryPolicy},
};
use tower::{BoxError, ServiceBuilder, retry::RetryLayer};

use super::access::AsUser;
use crate::{interceptor::Interceptor, mock::KMock};

impl KMock {
    /// A kube-rs client of this server, as kube-rs makes it by default (retries included).
    ///
    /// It talks over a socket with `TCP_NODELAY`, so that it works under a paused clock, too. Call it on the test's runtime.
    pub fn client(&self) -> Client {
        client_of(self.kube_config(), self.intercepting())
    }

    /// A kube-rs client of a user: `k.client_as("system:serviceaccount:prod:operator")`.
    ///
    /// # Panics
    /// When the server was made `raw`.
    #[track_caller]
    pub fn client_as(&self, user: impl Into<kmock_kubernetes::User>) -> Client {
        self.as_user(user).client()
    }

    /// The configuration of a kube-rs client of this server: to be changed before a client is made of it.
    pub fn kube_config(&self) -> Config {
        self.uses_kubernetes();
        let mut config = Config::new(self.uri());
        #[cfg(feature = "tls")]
        if self.core().tls.is_some()
            && let Ok(tls) = self.core().tunnels()
        {
            config.root_cert = Some(vec![tls.authority().der().to_vec()]);
        }
        config.auth_info.token = self.admin_token().map(Into::into);
        config
    }

    /// Defines the custom resource of a type: `k.crd::<Document>()`. It is served at once.
    ///
    /// # Panics
    /// When the API server would refuse the definition; the message has its reasons and points at the caller.
    #[track_caller]
    pub fn crd<T: CustomResourceExt>(&self) {
        if let Err(refused) = self.cluster().define(&T::crd()) {
            panic!(
                "kmock: the definition of {} is refused: {refused}",
                T::crd_name()
            );
        }
    }

    fn uri(&self) -> http::Uri {
        let mut parts = http::uri::Parts::default();
        parts.scheme = self.scheme().parse().ok();
        parts.authority = self.address().to_string().parse().ok();
        parts.path_and_query = Some(http::uri::PathAndQuery::from_static("/"));
        // The three parts are there, and an address is an authority.
        http::Uri::from_parts(parts).unwrap_or_default()
    }
}

impl AsUser {
    /// A kube-rs client of the user, as [`KMock::client`] makes it.
    pub fn client(&self) -> Client {
        client_of(self.kube_config(), self.server().intercepting())
    }

    /// The configuration of a kube-rs client of the user.
    pub fn kube_config(&self) -> Config {
        let mut config = self.server().kube_config();
        config.auth_info.token = Some(self.token().to_owned().into());
        config
    }
}

/// A client by its configuration, and by what leads it to the server.
pub(crate) fn client_of(config: Config, connector: Interceptor) -> Client {
    let http = HyperClient::builder(TokioExecutor::new()).build::<_, Body>(connector);
    let service = ServiceBuilder::new()
        .layer(config.base_uri_layer())
        .option_layer(config.auth_layer().ok().flatten())
        .layer(RetryLayer::new(RetryPolicy::default()))
        .map_err(BoxError::from)
        .service(http);
    Client::new(service, config.default_namespace)
}
