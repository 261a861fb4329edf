//! Who asks, and may they: tokens, RBAC, a pod's directory, and the role that was needed.

use std::{fs, path::PathBuf};

use kmock::KMock;

pub(crate) struct AccessOptions {
    pub(crate) rbac: bool,
    pub(crate) modes: Vec<String>,
    pub(crate) plugins: Vec<String>,
    pub(crate) webhooks: Vec<String>,
    pub(crate) token_files: Vec<PathBuf>,
    pub(crate) record_role: Option<PathBuf>,
    pub(crate) in_cluster: Option<PathBuf>,
    pub(crate) account: String,
}

impl AccessOptions {
    /// Whether RBAC decides in the end.
    fn rbac(&self) -> bool {
        self.rbac
            || self
                .modes
                .iter()
                .any(|mode| mode == "RBAC" || mode == "Node")
    }

    fn any(&self) -> bool {
        self.rbac
            || !self.modes.is_empty()
            || !self.plugins.is_empty()
            || !self.webhooks.is_empty()
            || !self.token_files.is_empty()
            || self.record_role.is_some()
            || self.in_cluster.is_some()
    }

    /// Prepares a server, after its objects were loaded. It returns what there is to say of it.
    pub(crate) fn prepare(&self, k: &KMock, raw: bool) -> Result<String, String> {
        if !self.any() {
            return Ok(String::new());
        }
        if raw {
            return Err(
                "--rbac, --authorization-mode, --enable-admission-plugins, --webhook, --token-file, --record-role and --in-cluster-dir need the \
                 Kubernetes API, which --raw switches off"
                    .to_owned(),
            );
        }
        for plugin in &self.plugins {
            let enabled = k.cluster().enable_admission_plugin(plugin);
            enabled.map_err(|why| format!("--enable-admission-plugins {plugin}: {why}"))?;
        }
        for webhook in &self.webhooks {
            place(k, webhook)?;
        }
        for path in &self.token_files {
            let failed = |error: String| format!("--token-file {}: {error}", path.display());
            let text = fs::read_to_string(path).map_err(|error| failed(error.to_string()))?;
            k.cluster().load_tokens(&text).map_err(failed)?;
        }
        if self.rbac() {
            k.cluster().enforce_rbac();
        }
        for mode in &self.modes {
            match mode.as_str() {
                "RBAC" | "AlwaysAllow" => {}
                "Node" => k.cluster().authorize_nodes(),
                other => {
                    return Err(format!(
                        "--authorization-mode {other}: kmock has RBAC, Node (which RBAC follows) and AlwaysAllow, which is what \
                         it does by itself"
                    ));
                }
            }
        }
        // kubectl has credentials for TLS only; other clients send them in any case.
        let mut said = String::new();
        if self.rbac() || !self.token_files.is_empty() {
            k.cluster().access().trust_anonymous();
            said.push_str(
                "# without credentials one is the administrator (kubectl sends none over http: use --as)\n",
            );
        }
        let Some(directory) = &self.in_cluster else {
            return Ok(said);
        };
        let account = &self.account;
        if account.split('/').filter(|part| !part.is_empty()).count() != 2 {
            return Err(format!(
                "--service-account '{account}': expected NAMESPACE/NAME"
            ));
        }
        let variables = k
            .in_cluster(account, directory)
            .map_err(|error| format!("--in-cluster-dir {}: {error}", directory.display()))?;
        let exports = variables.map(|(name, value)| format!("export {name}={value}\n"));
        Ok(exports.concat() + &said)
    }

    /// Writes the role that was needed.
    pub(crate) fn finish(&self, k: &KMock) -> Result<(), String> {
        let Some(path) = &self.record_role else {
            return Ok(());
        };
        fs::write(path, k.minimal_role().to_string())
            .map_err(|error| format!("--record-role {}: {error}", path.display()))
    }
}

/// `PLACE=ADDRESS`.
fn place(k: &KMock, text: &str) -> Result<(), String> {
    let unreadable = |why: &str| format!("--webhook {text}: {why}");
    let (place, address) = text.rsplit_once('=').ok_or_else(|| {
        unreadable("expected PLACE=ADDRESS, as operators/my-webhook=127.0.0.1:9443")
    })?;
    let (secure, address) = match address.split_once("://") {
        None | Some(("http", _)) => (false, address.trim_start_matches("http://")),
        Some(("https", address)) => (true, address),
        Some((other, _)) => {
            return Err(unreadable(&format!(
                "{other}:// is neither http:// nor https://"
            )));
        }
    };
    let mut found = std::net::ToSocketAddrs::to_socket_addrs(address.trim_end_matches('/'))
        .map_err(|error| unreadable(&format!("{address} is no HOST:PORT: {error}")))?;
    let address = found
        .next()
        .ok_or_else(|| unreadable(&format!("{address} leads nowhere")))?;
    match secure {
        true => k.secure_webhook_at(place, address),
        false => k.webhook_at(place, address),
    }
    Ok(())
}
