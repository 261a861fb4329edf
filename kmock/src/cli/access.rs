//! Who asks, and may they: tokens, RBAC, a pod's directory, and the role that was needed.

use std::{fs, path::PathBuf};

use kmock::KMock;

pub(crate) struct Options {
    pub(crate) rbac: bool,
    pub(crate) token_files: Vec<PathBuf>,
    pub(crate) record_role: Option<PathBuf>,
    pub(crate) in_cluster: Option<PathBuf>,
    pub(crate) account: String,
}

impl Options {
    fn any(&self) -> bool {
        self.rbac
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
                "--rbac, --token-file, --record-role and --in-cluster-dir need the Kubernetes API, which --raw \
                 switches off"
                    .to_owned(),
            );
        }
        for path in &self.token_files {
            let failed = |error: String| format!("--token-file {}: {error}", path.display());
            let text = fs::read_to_string(path).map_err(|error| failed(error.to_string()))?;
            k.cluster().load_tokens(&text).map_err(failed)?;
        }
        if self.rbac {
            k.cluster().enforce_rbac();
        }
        // kubectl has credentials for TLS only; other clients send them in any case.
        let mut said = String::new();
        if self.rbac || !self.token_files.is_empty() {
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
