//! The cluster below the rules of a mock server.

use std::{
    collections::BTreeMap,
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicBool, Ordering},
    },
};

use axum::body::Body;
use futures::{StreamExt, future::BoxFuture};
use http::{Response, Uri};
use serde_json::json;

use kmock_kubernetes::{
    ApiBody, Cluster, ClusterOptions, Objects, Resources, User,
    internals::api::Asked,
    internals::doors::minimal_role,
    internals::model::resource::ResourceKey,
    internals::state::access::{Attributes, What},
    internals::state::store::{Change, caused_by},
};

use super::{histories::histories, webhooks::Network};
use crate::{
    backend::{Backend, Beside, Logged, Present, TOUCHED, Touch},
    error::Error,
    journal::{ObjectHistory, Seen},
    mock::KMock,
    nested,
    options::{Builder, Controllers},
    reply::{Answered, Takeover},
    request::Request,
};

impl KMock {
    /// The emulated cluster below the rules.
    ///
    /// # Panics
    /// When the server was made `raw`: then there is none.
    #[track_caller]
    pub fn cluster(&self) -> &Cluster {
        match self.backend::<Emulator>() {
            Some(emulator) => {
                emulator.used.store(true, Ordering::Relaxed);
                &emulator.cluster
            }
            None => panic!("kmock: this server is `raw`: it has no Kubernetes API"),
        }
    }

    /// The objects of the emulated cluster: seed, read, follow their history.
    ///
    /// # Panics
    /// When the server was made `raw`.
    #[track_caller]
    pub fn objects(&self) -> Objects {
        self.cluster().objects()
    }

    /// The resources of the emulated cluster: declare some, load a discovery dump.
    ///
    /// # Panics
    /// When the server was made `raw`.
    #[track_caller]
    pub fn resources(&self) -> Resources {
        self.cluster().resources()
    }

    /// A kubeconfig that points at this server, as YAML text: for `kubectl`, or any other client. It is the
    /// administrator's; [`KMock::as_user`] has those of others.
    ///
    /// With TLS it has the server's authority and a certificate of the administrator; without, it says that there is nothing
    /// to verify, which some clients want to hear before they speak plain HTTP.
    pub fn kubeconfig(&self) -> String {
        self.uses_kubernetes();
        #[cfg(feature = "tls")]
        if self.core().tls.is_some() {
            use base64::{Engine, engine::general_purpose::STANDARD as BASE64};
            let admin = self.client_identity(ADMINISTRATOR);
            let user = format!(
                "{{client-certificate-data: {}, client-key-data: {}}}",
                BASE64.encode(admin.certificate_pem()),
                BASE64.encode(admin.key_pem())
            );
            return self.kubeconfig_for(&user);
        }
        match self.admin_token() {
            Some(token) => self.kubeconfig_for(&format!("{{token: {token}}}")),
            None => self.kubeconfig_for("{}"),
        }
    }

    /// A kubeconfig with these credentials.
    pub(super) fn kubeconfig_for(&self, user: &str) -> String {
        let url = self.url();
        #[allow(unused_mut, reason = "TLS is a feature")]
        let mut trust = "insecure-skip-tls-verify: true".to_owned();
        #[cfg(feature = "tls")]
        if self.core().tls.is_some() {
            use base64::{Engine, engine::general_purpose::STANDARD as BASE64};
            trust = format!(
                "certificate-authority-data: {}",
                BASE64.encode(self.ca_pem())
            );
        }
        format!(
            "apiVersion: v1\n\
             kind: Config\n\
             clusters:\n\
             - name: kmock\n\
             \x20 cluster:\n\
             \x20   server: {url}\n\
             \x20   {trust}\n\
             contexts:\n\
             - name: kmock\n\
             \x20 context:\n\
             \x20   cluster: kmock\n\
             \x20   namespace: default\n\
             \x20   user: kmock\n\
             current-context: kmock\n\
             users:\n\
             - name: kmock\n\
             \x20 user: {user}\n"
        )
    }

    /// The administrator's token, where one has to say who one is.
    pub(super) fn admin_token(&self) -> Option<String> {
        let cluster = &self.backend::<Emulator>()?.cluster;
        let must = cluster.access().authenticates();
        must.then(|| {
            let admin = (*User::admin()).clone();
            cluster.access().token_for(admin, cluster.options().seed)
        })
    }

    /// Remembers that the test has to do with the cluster, if there is one.
    pub(super) fn uses_kubernetes(&self) {
        if let Some(emulator) = self.backend::<Emulator>() {
            emulator.used.store(true, Ordering::Relaxed);
        }
    }
}

/// Whose certificate a kubeconfig has: the one that kubeadm makes.
#[cfg(feature = "tls")]
const ADMINISTRATOR: &str = "cn=kubernetes-admin,o=system:masters";

/// The request as the emulator takes it, with whom its certificate names: one that the authority of the server has signed.
pub(super) fn called(request: &Request) -> http::Request<bytes::Bytes> {
    #[allow(unused_mut, reason = "TLS is a feature")]
    let mut call = request.to_http();
    #[cfg(feature = "tls")]
    if let Some(certificate) = request.client_cert().filter(|one| one.is_trusted()) {
        use kmock_kubernetes::{internals::api::authn::ClientCertificate, internals::text::digest};
        call.extensions_mut().insert(ClientCertificate {
            common_name: certificate.common_name().to_owned(),
            organizations: certificate
                .organizations()
                .into_iter()
                .map(str::to_owned)
                .collect(),
            uid: certificate
                .values("1.3.6.1.4.1.57683.2")
                .next()
                .unwrap_or_default()
                .to_owned(),
            fingerprint: digest::hex(&digest::sha256(certificate.der())),
        });
    }
    call
}

/// The call of a request that a webhook has sent. On the heap: the usual way has no room for another one beside it.
fn called_within(cluster: &Cluster, request: &Request) -> BoxFuture<'static, Response<ApiBody>> {
    let (cluster, id, call) = (cluster.clone(), request.id(), called(request));
    Box::pin(async move { caused_by(id, cluster.call(call)).await })
}

/// Of so many requests of others than the administrator it is known who sent them.
const REMEMBERED: usize = 100_000;

/// Whether something of ours cleans up.
fn clean(controllers: &Controllers) -> bool {
    match controllers {
        Controllers::None => false,
        #[cfg(feature = "cluster")]
        Controllers::Only(_) => false,
        _ => true,
    }
}

/// A fresh cluster below the rules of a server.
pub(super) fn start(options: &Builder) -> Result<Arc<dyn Backend>, Error> {
    let defaults = ClusterOptions::default();
    let cluster = Cluster::new(ClusterOptions {
        seed: options.seed,
        controllers: clean(&options.controllers),
        authentication: options.authentication,
        rbac: options.rbac,
        history: options.history.unwrap_or(defaults.history),
        revision: options.revision.unwrap_or(defaults.revision),
        version: options.kubernetes_version.clone(),
        root_certificate: authority(options)?,
        ..defaults
    });
    for plugin in &options.admission {
        let enabled = cluster.enable_admission_plugin(plugin);
        enabled.map_err(Error::invalid)?;
    }
    cluster.webhooks().network(Arc::new(Network));
    #[cfg(feature = "tls")]
    if let Some(signer) = super::tokens::Signer::shared() {
        cluster.access().sign_tokens_with(signer);
    }
    // What is there from the start is of no interest to a report.
    let born = cluster.store().revision();
    Ok(Arc::new(Emulator {
        #[cfg(feature = "cluster")]
        life: super::life::of(&cluster, options),
        #[cfg(feature = "cluster")]
        cleaning: super::life::cleaning(&cluster, options),
        cluster,
        born,
        every_path: options.every_path,
        used: AtomicBool::new(false),
        asked: Arc::default(),
    }))
}

/// The certificate of the authority of a server that speaks TLS.
#[cfg(feature = "tls")]
fn authority(options: &Builder) -> Result<Option<String>, Error> {
    let tls = options.tls.as_ref();
    tls.map(|tls| Ok(tls.made_authority()?.pem().to_owned()))
        .transpose()
}

#[cfg(not(feature = "tls"))]
#[allow(
    clippy::unnecessary_wraps,
    reason = "with the feature `tls` it may fail"
)]
fn authority(_options: &Builder) -> Result<Option<String>, Error> {
    Ok(None)
}

pub(super) struct Emulator {
    #[cfg(feature = "cluster")]
    pub(super) life: Option<kmock_cluster::Life>,
    #[cfg(feature = "cluster")]
    cleaning: Option<kmock_cluster::Life>,
    cluster: Cluster,
    born: u64,
    every_path: bool,
    used: AtomicBool,
    /// Who sent which requests, where it was not the administrator: of the last ones.
    asked: Arc<Mutex<BTreeMap<u64, Asked>>>,
}

impl Emulator {
    /// Whether a request is for the API server. Half of all HTTP APIs live below `/api`: what is no resource of the cluster is
    /// not taken from rules of plain HTTP, and a path that has such a rule only where the test has to do with the cluster.
    fn is_asked(&self, request: &Request, beside: Beside) -> bool {
        if self.every_path {
            return true;
        }
        if !is_api_path(request.url_path()) || beside.http && !self.knows(request) {
            return false;
        }
        self.is_used() || beside.dialect || !beside.path
    }

    fn knows(&self, request: &Request) -> bool {
        let registry = self.cluster.registry();
        if let Some(asked) = request.kubernetes() {
            let version = (asked.group.as_str(), asked.version.as_str());
            return registry
                .find(version.0, version.1, &asked.resource)
                .is_some();
        }
        let path = request.url_path().trim_matches('/');
        match path.split('/').collect::<Vec<_>>().as_slice() {
            ["api"] | ["api", "v1"] | ["apis"] => true,
            ["api", ..] => false,
            ["apis", group, ..] => registry
                .all()
                .iter()
                .any(|served| served.resource.group == *group),
            _ => true,
        }
    }

    pub(super) fn cluster(&self) -> &Cluster {
        &self.cluster
    }

    /// Whether a path is one of the API's.
    pub(super) fn claims(&self, path: &str) -> bool {
        self.every_path || is_api_path(path)
    }

    /// Who sent a request; the administrator, who everybody is by default, is not told.
    pub(super) fn asked(&self, request: u64) -> Option<Asked> {
        let asked = self.asked.lock().unwrap_or_else(PoisonError::into_inner);
        asked.get(&request).cloned()
    }
}

impl Backend for Emulator {
    fn answer(&self, request: Request, beside: Beside) -> BoxFuture<'static, Option<Answered>> {
        let asked = self.is_asked(&request, beside);
        let cluster = self.cluster.clone();
        let askers = Arc::clone(&self.asked);
        Box::pin(async move {
            if !asked {
                return None;
            }
            let depth = nested::depth_of(request.peer());
            let mut response = match depth {
                0 => caused_by(request.id(), cluster.call(called(&request))).await,
                depth => nested::within(depth, called_within(&cluster, &request)).await,
            };
            if let Some(one) = response.extensions_mut().remove::<Asked>() {
                let mut askers = askers.lock().unwrap_or_else(PoisonError::into_inner);
                askers.insert(request.id(), one);
                if askers.len() > REMEMBERED {
                    askers.pop_first();
                }
            }
            Some(opened(response))
        })
    }

    fn objects(&self) -> Vec<ObjectHistory> {
        histories(&self.cluster, self.born)
    }

    fn asked(&self, seen: &Seen) -> (Option<String>, Option<String>) {
        match self.asked(seen.id()) {
            Some(asked) => {
                let why = explain(seen, &asked);
                (Some(asked.user.name.clone()), why)
            }
            None => (None, None),
        }
    }

    fn is_used(&self) -> bool {
        self.used.load(Ordering::Relaxed)
    }

    fn pending(&self) -> Vec<String> {
        #[cfg_attr(
            not(feature = "cluster"),
            expect(unused_mut, reason = "a cluster that lives has more to tell")
        )]
        let mut all = kmock_kubernetes::internals::doors::waits::told(&self.cluster);
        #[cfg(feature = "cluster")]
        if let Some(life) = &self.life {
            all.extend(life.unsettled());
        }
        all
    }

    #[cfg(feature = "cluster")]
    fn begin(&self) {
        for life in self.life.iter().chain(&self.cleaning) {
            life.begin(&tokio::runtime::Handle::current());
        }
    }

    #[cfg(feature = "cluster")]
    fn end(&self) {
        for life in self.life.iter().chain(&self.cleaning) {
            life.end();
        }
    }

    #[cfg(feature = "cluster")]
    fn rest(&self) -> Option<BoxFuture<'static, Result<(), String>>> {
        let settle = self.life.as_ref()?.settle();
        Some(Box::pin(async move {
            settle.check().await.map_err(|error| error.to_string())
        }))
    }

    fn contents(&self) -> Vec<Present> {
        let store = self.cluster.store();
        let mut all = Vec::new();
        for resource in store.resources() {
            let objects = store.list(&resource, "").objects.into_iter();
            let objects = objects.filter(|object| object.revision > self.born);
            all.extend(objects.map(|object| Present {
                resource: resource.to_string(),
                object: object.value.shared(),
                made: object.created > self.born,
            }));
        }
        all
    }

    fn changes(&self) -> u64 {
        let store = self.cluster.store();
        let passing = |resource: &ResourceKey| {
            let place = (&*resource.group, &*resource.plural);
            matches!(
                place,
                ("coordination.k8s.io", "leases") | ("" | "events.k8s.io", "events")
            )
        };
        let passed: usize = store
            .resources()
            .iter()
            .filter(|resource| passing(resource))
            .map(|resource| store.changes(resource))
            .sum();
        store
            .revision()
            .saturating_sub(self.born)
            .saturating_sub(passed as u64)
    }

    fn revision(&self) -> u64 {
        self.cluster.store().revision()
    }

    fn answer_at(&self, request: Request, revision: u64) -> BoxFuture<'static, Response<Body>> {
        let cluster = self.cluster.clone();
        Box::pin(async move {
            let mut request = request.to_http();
            if let Some(uri) = at_revision(request.uri(), revision) {
                *request.uri_mut() = uri;
            }
            cluster.call(request).await.map(|content| body(content).0)
        })
    }

    fn touch(&self, request: &Request) -> Option<Touch> {
        let asked = request.kubernetes()?;
        let name = asked.name.as_ref()?;
        let key = match &asked.namespace {
            Some(namespace) => format!("{namespace}/{name}"),
            None => name.clone(),
        };
        let resource = match asked.group.as_str() {
            "" => asked.resource.clone(),
            group => format!("{}.{group}", asked.resource),
        };
        let patch = json!({"metadata": {"annotations": {TOUCHED: "by another client"}}});
        let objects = self.cluster.objects();
        let object = objects.try_patch(&resource, &key, &patch).ok()?;
        let uid = object["metadata"]["uid"].as_str()?.to_owned();
        Some(Touch { resource, key, uid })
    }

    fn lost(&self, touch: &Touch) -> bool {
        let Some(object) = self.cluster.objects().get(&touch.resource, &touch.key) else {
            return false;
        };
        let metadata = &object["metadata"];
        metadata["uid"] == touch.uid && metadata["annotations"][TOUCHED].is_null()
    }

    fn log(&self) -> Vec<Logged> {
        let store = self.cluster.store();
        let mut all: Vec<Logged> = Vec::new();
        for resource in store.resources() {
            let name = resource.to_string();
            let events = store.log(&resource).into_iter();
            let events = events.filter(|event| event.revision > self.born);
            all.extend(events.map(|event| Logged {
                revision: event.revision,
                resource: name.clone(),
                before: event.previous.as_ref().map(|object| object.value.shared()),
                after: (event.change != Change::Deleted).then(|| event.object.value.shared()),
            }));
        }
        all.sort_by_key(|logged| logged.revision);
        all
    }

    fn steal(&self, request: &Request) {
        let Some(asked) = request.kubernetes() else {
            return;
        };
        let (Some(namespace), Some(name)) = (&asked.namespace, &asked.name) else {
            return;
        };
        let now = self.cluster.now();
        let rival = json!({"spec": {
            "holderIdentity": "kmock-sweep-rival",
            "renewTime": now.strftime("%Y-%m-%dT%H:%M:%S.%6fZ").to_string(),
        }});
        // Where the lease is not there yet, there is nothing to be taken away.
        let key = format!("{namespace}/{name}");
        let _ = self.cluster.objects().try_patch("leases", &key, &rival);
    }
}

/// An answer as the engine takes it.
pub(super) fn opened(response: Response<ApiBody>) -> Answered {
    let (head, content) = response.into_parts();
    let (content, takeover) = body(content);
    Answered {
        response: Response::from_parts(head, content),
        takeover,
    }
}

fn body(body: ApiBody) -> (Body, Option<Takeover>) {
    let takes_over = |takeover: kmock_kubernetes::Takeover| -> Takeover {
        Box::new(move |connection| takeover.run(connection))
    };
    match body {
        ApiBody::Full(bytes) => (Body::from(bytes), None),
        ApiBody::Stream(stream) => {
            let stream = stream.map(Ok::<_, std::convert::Infallible>);
            (Body::from_stream(stream), None)
        }
        ApiBody::Upgrade(takeover) => (Body::empty(), Some(takes_over(takeover))),
    }
}

/// The same list, as it was at a revision.
fn at_revision(uri: &Uri, revision: u64) -> Option<Uri> {
    let kept = uri.query().unwrap_or_default().split('&').filter(|pair| {
        let name = pair.split('=').next().unwrap_or_default();
        !pair.is_empty()
            && !matches!(
                name,
                "resourceVersion" | "resourceVersionMatch" | "continue"
            )
    });
    let own = [
        format!("resourceVersion={revision}"),
        "resourceVersionMatch=Exact".to_owned(),
    ];
    let query: Vec<String> = kept.map(str::to_owned).chain(own).collect();
    let text = format!("{}?{}", uri.path(), query.join("&"));
    let mut parts = uri.clone().into_parts();
    parts.path_and_query = Some(text.parse().ok()?);
    Uri::from_parts(parts).ok()
}

/// The paths that an API server claims; the others are the user's.
fn is_api_path(path: &str) -> bool {
    let first = path
        .strip_prefix('/')
        .and_then(|path| path.split('/').next());
    matches!(
        first,
        Some(
            "api"
                | "apis"
                | "openapi"
                | "openid"
                | "version"
                | "healthz"
                | "livez"
                | "readyz"
                | "metrics"
                | ".well-known"
                | "logs"
        )
    )
}

/// What a refusal says that is of use: whom it refused, and the rule that is missing.
fn explain(seen: &Seen, asked: &Asked) -> Option<String> {
    if !asked.denied {
        return None;
    }
    let attributes = match seen.request().kubernetes() {
        Some(request) => Attributes::of_request(request),
        None => return None,
    };
    let What::Resource(resource) = &attributes.what else {
        return None;
    };
    let mut role = kmock_kubernetes::internals::state::access::rbac::Rule {
        verbs: vec![attributes.verb.clone().into_owned()],
        groups: vec![resource.group.clone().into_owned()],
        resources: vec![resource.combined().into_owned()],
        ..Default::default()
    };
    role.names.clear();
    let place = match &*resource.namespace {
        "" => "a ClusterRole".to_owned(),
        _ if resource.resource == "namespaces" => "a ClusterRole".to_owned(),
        namespace => format!("a Role of the namespace {namespace} (or a ClusterRole)"),
    };
    let rule = minimal_role::yaml(&role);
    let rule: String = rule.lines().map(|line| format!("    {line}\n")).collect();
    Some(format!(
        "{} may not {} {}: it takes a rule in {place}:\n{}",
        asked.user.name,
        attributes.verb,
        resource.combined(),
        rule.trim_end()
    ))
}
