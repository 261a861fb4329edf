//! Who asks, and may they, from a test's side: users with tokens, the roles that an operator ships, and the smallest
//! ones that it needs.

use std::{fs, io, path::Path};

use kmock_kubernetes::{
    MinimalRole, User,
    internals::api::{authn, token},
    internals::model::resource::ResourceKey,
    internals::state::access::Attributes,
};
use serde_json::{Value, json};

use super::emulator::Emulator;
use crate::{client::ClientRequest, journal::Seen, mock::KMock};

/// The kinds that say who may what, and those that they speak of.
const KINDS: [&str; 5] = [
    "ClusterRole",
    "ClusterRoleBinding",
    "Role",
    "RoleBinding",
    "ServiceAccount",
];

impl KMock {
    /// Lets RBAC decide who may what from now on, by the roles, bindings and ServiceAccounts of a manifest: those that
    /// an operator ships. Its other objects are left out.
    ///
    /// Whoever has no credentials is `system:anonymous` then, and may hardly do anything. [`KMock::kubeconfig`] and
    /// `KMock::client` are the administrator's, if they are asked for after this; [`KMock::as_user`] is
    /// for everybody else.
    ///
    /// ```no_run
    /// # async fn example(k: kmock_runtime::KMock) {
    /// k.rbac(std::fs::read_to_string("deploy/rbac.yaml").unwrap());
    /// let operator = k.as_user("system:serviceaccount:prod:operator");
    /// assert_eq!(operator.get("/api/v1/namespaces/prod/secrets").await.status(), 403);
    /// # }
    /// ```
    ///
    /// # Panics
    /// When the text is no YAML (JSON only without the cargo feature `yaml`), when it has none of those kinds, or when
    /// the server would refuse one; the message points at the caller.
    #[track_caller]
    pub fn rbac(&self, manifest: impl AsRef<str>) {
        self.uses_kubernetes();
        let objects = match documents(manifest.as_ref()) {
            Ok(objects) => objects,
            Err(error) => panic!("kmock: the roles cannot be read: {error}"),
        };
        let is_known = |object: &&Value| KINDS.iter().any(|kind| object["kind"] == *kind);
        let known: Vec<&Value> = objects.iter().filter(is_known).collect();
        if known.is_empty() {
            panic!("kmock: there is no {} in it", KINDS.join(", "));
        }
        for object in known {
            if let Err(error) = self.objects().try_seed(object) {
                panic!("kmock: {error}");
            }
        }
        self.cluster().enforce_rbac();
    }

    /// Speaks for a user, by a token that the server takes for them: a name, `system:serviceaccount:prod:bot`, or a
    /// [`User`](kmock_kubernetes::User) with groups and whatever else.
    ///
    /// ```no_run
    /// # use kmock_runtime as kmock;
    /// # async fn example(k: kmock_runtime::KMock) {
    /// use kmock::kubernetes::User;
    ///
    /// let jane = k.as_user(User::new("jane").group("devs"));
    /// jane.get("/api/v1/namespaces").await;
    /// std::fs::write("jane.kubeconfig", jane.kubeconfig()).unwrap();
    /// # }
    /// ```
    ///
    /// # Panics
    /// When the server was made `raw`.
    #[track_caller]
    pub fn as_user(&self, user: impl Into<User>) -> AsUser {
        self.uses_kubernetes();
        let user = user.into();
        let cluster = self.cluster();
        let token = cluster.access().token_for(&user, cluster.options().seed);
        AsUser {
            server: self.clone(),
            user,
            token,
        }
    }

    /// Writes what a program finds in its pod into a directory: `token`, `ca.crt` and `namespace` of a ServiceAccount
    /// (`prod/bot`), which is made if it is not there. The token is good for a year. It returns the two variables that
    /// tell such a program where the server is.
    ///
    /// Programs read the directory `/var/run/secrets/kubernetes.io/serviceaccount`, and speak TLS.
    ///
    /// # Errors
    /// When a file cannot be written.
    ///
    /// # Panics
    /// When the server was made `raw`, or the account is no `NAMESPACE/NAME`.
    #[track_caller]
    pub fn in_cluster(
        &self,
        account: &str,
        directory: impl AsRef<Path>,
    ) -> io::Result<[(&'static str, String); 2]> {
        const YEAR: i64 = 365 * 24 * 3600;
        let Some((namespace, name)) = account.split_once('/') else {
            panic!("kmock: a ServiceAccount is named NAMESPACE/NAME, not '{account}'");
        };
        let cluster = self.cluster();
        let place = ResourceKey::new("", "serviceaccounts");
        let find = || cluster.store().get(&place, account);
        if find().is_none() {
            self.objects().seed(json!({
                "apiVersion": "v1", "kind": "ServiceAccount",
                "metadata": {"name": name, "namespace": namespace},
            }));
        }
        let expires = cluster.now().as_second() + YEAR;
        let audiences = [Value::from(authn::tokens::ISSUER)];
        let token = find()
            .map(|account| token::issue(cluster, &account, &audiences, expires, &Value::Null));
        let directory = directory.as_ref();
        fs::create_dir_all(directory)?;
        fs::write(directory.join("token"), token.unwrap_or_default())?;
        let certificate = authn::accounts::root_certificate(cluster);
        fs::write(directory.join("ca.crt"), certificate)?;
        fs::write(directory.join("namespace"), namespace)?;
        let address = self.address();
        let host = match address.ip().is_unspecified() {
            true => "127.0.0.1".to_owned(),
            false => address.ip().to_string(),
        };
        let port = address.port().to_string();
        Ok([
            ("KUBERNETES_SERVICE_HOST", host),
            ("KUBERNETES_SERVICE_PORT", port),
        ])
    }

    /// The smallest roles that the requests so far needed: those of users other than the administrator, if there were
    /// any. It displays as YAML; `operator`'s alone are [`AsUser::minimal_role`].
    ///
    /// Requests that rules have answered count, too: a real server would have been asked.
    ///
    /// ```no_run
    /// # async fn example(k: kmock_runtime::KMock) {
    /// println!("{}", k.minimal_role().named("operator"));
    /// # }
    /// ```
    ///
    /// # Panics
    /// When the server was made `raw`.
    #[track_caller]
    pub fn minimal_role(&self) -> MinimalRole {
        let seen = self.asked();
        let privileged = |user: &User| user.is_privileged();
        let others = seen.iter().any(|(_, user)| !privileged(user));
        self.role_of(&seen, |user| !others || !privileged(user))
    }

    /// All requests to the API, and who sent them.
    fn asked(&self) -> Vec<(Seen, User)> {
        let emulator = self.backend::<Emulator>();
        let requests = self.requests();
        let known = requests.iter().filter_map(|seen| {
            let user = emulator?.user_of(seen)?;
            Some((seen.clone(), user))
        });
        known.collect()
    }

    #[track_caller]
    fn role_of(&self, seen: &[(Seen, User)], counts: impl Fn(&User) -> bool) -> MinimalRole {
        let mut role = MinimalRole::new(self.cluster());
        for (seen, user) in seen.iter().filter(|(_, user)| counts(user)) {
            if !user.is_privileged() {
                role.add_user(user);
            }
            role.add_path(
                seen.method(),
                seen.target(),
                seen.status().unwrap_or_default(),
            );
        }
        role
    }
}

/// A user of a server: its own clients, each with the user's token.
///
/// ```no_run
/// # use kmock_runtime as kmock;
/// # async fn example(k: kmock::KMock) -> Result<(), Box<dyn std::error::Error>> {
/// let user = k.as_user("system:serviceaccount:prod:op");
/// let secrets = user.get("/api/v1/namespaces/prod/secrets").await;
/// println!("{} for {:?}", secrets.status(), user.user());
/// # Ok(())
/// # }
/// ```
#[derive(Clone, Debug)]
pub struct AsUser {
    server: KMock,
    user: User,
    token: String,
}

impl AsUser {
    /// Who it is.
    pub fn user(&self) -> &User {
        &self.user
    }

    /// The token that stands for the user: what clients send as `Authorization: Bearer …`.
    pub fn token(&self) -> &str {
        &self.token
    }

    /// A kubeconfig of the user, as YAML text.
    pub fn kubeconfig(&self) -> String {
        self.server
            .kubeconfig_for(&format!("{{token: {}}}", self.token))
    }

    /// A request of the user; `await` it for the response.
    pub fn request(&self, method: &str, target: impl AsRef<str>) -> ClientRequest {
        let request = self.server.request(method, target);
        request.header("authorization", format!("Bearer {}", self.token))
    }

    /// A GET of the user.
    pub fn get(&self, target: impl AsRef<str>) -> ClientRequest {
        self.request("GET", target)
    }

    /// A POST of the user.
    pub fn post(&self, target: impl AsRef<str>) -> ClientRequest {
        self.request("POST", target)
    }

    /// A PUT of the user.
    pub fn put(&self, target: impl AsRef<str>) -> ClientRequest {
        self.request("PUT", target)
    }

    /// A PATCH of the user.
    pub fn patch(&self, target: impl AsRef<str>) -> ClientRequest {
        self.request("PATCH", target)
    }

    /// A DELETE of the user.
    pub fn delete(&self, target: impl AsRef<str>) -> ClientRequest {
        self.request("DELETE", target)
    }

    /// The smallest roles that the user's requests so far needed, beside what their roles allow too much.
    pub fn minimal_role(&self) -> MinimalRole {
        let seen = self.server.asked();
        self.server
            .role_of(&seen, |user| user.name == self.user.name)
    }

    #[cfg(feature = "kube")]
    pub(super) fn server(&self) -> &KMock {
        &self.server
    }
}

/// The documents of a text.
fn documents(text: &str) -> Result<Vec<Value>, String> {
    #[cfg(feature = "yaml")]
    let found: Vec<Value> = kmock_kubernetes::internals::text::yaml::parse_all(text)
        .map_err(|error| error.to_string())?;
    #[cfg(not(feature = "yaml"))]
    let found: Vec<Value> = vec![
        serde_json::from_str(text)
            .map_err(|error| format!("{error} (YAML needs the cargo feature `yaml`)"))?,
    ];
    let mut all = Vec::new();
    for document in found {
        match document["items"].as_array() {
            Some(items) if document["kind"] == "List" => all.extend(items.iter().cloned()),
            _ => all.push(document),
        }
    }
    Ok(all)
}

impl Emulator {
    /// Who sent a request, if it is one to the API.
    fn user_of(&self, seen: &Seen) -> Option<User> {
        if !self.claims(seen.request().url_path()) {
            return None;
        }
        if let Some(asked) = self.asked(seen.id()) {
            return Some((*asked.user).clone());
        }
        // What a rule has answered never came to the door.
        let (parts, _) = seen.request().to_http().into_parts();
        let attributes = match seen.request().kubernetes() {
            Some(request) => Attributes::of_request(request),
            None => Attributes::of_path(&parts),
        };
        let user = authn::user(self.cluster(), &parts, &attributes).ok()?;
        Some((*user).clone())
    }
}
