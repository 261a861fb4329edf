//! `kmock fetch resources`: which resources a real cluster serves, for `kmock serve --resources` and `k.resources()`.

use std::{
    io::{self, Write},
    path::PathBuf,
};

use kmock::Pattern;
use kube::{
    Client, Config,
    config::{KubeConfigOptions, Kubeconfig},
};
use serde_json::Value;

/// Aggregated discovery: one document a root instead of one a version.
const AGGREGATED: &str = "application/json;g=apidiscovery.k8s.io;v=v2;as=APIGroupDiscoveryList";

pub(crate) struct FetchOptions {
    pub(crate) kubeconfig: Option<PathBuf>,
    pub(crate) context: Option<String>,
    pub(crate) filter: Selection,
    pub(crate) output: Option<PathBuf>,
}

/// Which resources: those that some pattern includes and none excludes.
pub(crate) struct Selection {
    include: Vec<[Pattern; 3]>,
    exclude: Vec<[Pattern; 3]>,
}

impl Selection {
    pub(crate) fn new(include: Vec<String>, exclude: Vec<String>) -> Result<Selection, String> {
        let all = |option: &str, texts: Vec<String>| -> Result<Vec<_>, String> {
            let read = texts.iter().map(|text| pattern(text));
            read.collect::<Result<_, _>>()
                .map_err(|error: String| format!("--{option} {error}"))
        };
        Ok(Selection {
            include: all("include", include)?,
            exclude: all("exclude", exclude)?,
        })
    }

    fn selects(&self, group: &str, version: &str, plural: &str) -> bool {
        let some = |patterns: &[[Pattern; 3]]| {
            patterns.iter().any(|patterns| {
                patterns
                    .iter()
                    .zip([group, version, plural])
                    .all(|(pattern, text)| pattern.matches_text(Some(text)))
            })
        };
        (self.include.is_empty() || some(&self.include)) && !some(&self.exclude)
    }

    /// Takes what is not selected out of a discovery document, and what is empty then.
    fn narrow(&self, document: &mut Value) {
        retain(&mut document["items"], |group| {
            let name = group["metadata"]["name"]
                .as_str()
                .unwrap_or_default()
                .to_owned();
            retain(&mut group["versions"], |version| {
                let label = version["version"].as_str().unwrap_or_default().to_owned();
                retain(&mut version["resources"], |resource| {
                    self.selects(
                        &name,
                        &label,
                        resource["resource"].as_str().unwrap_or_default(),
                    )
                });
                !is_empty(&version["resources"])
            });
            !is_empty(&group["versions"])
        });
    }
}

fn retain(list: &mut Value, mut keep: impl FnMut(&mut Value) -> bool) {
    if let Value::Array(items) = list {
        items.retain_mut(|item| keep(item));
    }
}

fn is_empty(list: &Value) -> bool {
    list.as_array().is_none_or(Vec::is_empty)
}

/// `apps/v1/deployments`, `v1/pods` of the core group, `apps/v1` for all of them; each part may have `*`.
fn pattern(text: &str) -> Result<[Pattern; 3], String> {
    let is_version = |part: &str| part.contains('*') || kmock_notation::is_version(part);
    match text.split('/').collect::<Vec<_>>().as_slice() {
        [group, version, plural] => Ok([group, version, plural].map(|part| Pattern::from(*part))),
        [version, plural] if is_version(version) => Ok(["", version, plural].map(Pattern::from)),
        [group, version] if is_version(version) => Ok([group, version, "*"].map(Pattern::from)),
        _ => Err(format!(
            "'{text}': expected GROUP/VERSION/PLURAL such as 'apps/v1/deployments', GROUP/VERSION, or VERSION/PLURAL of the core group"
        )),
    }
}

/// Asks the cluster and writes what it serves.
pub(crate) fn fetch(options: FetchOptions) -> Result<(), String> {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .map_err(|error| format!("cannot start a runtime: {error}"))?;
    let documents = runtime.block_on(ask(&options))?;
    let text = serde_json::to_string_pretty(&documents)
        .map_err(|error| format!("cannot write JSON: {error}"))?;
    match &options.output {
        Some(path) => std::fs::write(path, text + "\n")
            .map_err(|error| format!("cannot write {}: {error}", path.display())),
        None => writeln!(io::stdout(), "{text}").map_err(|error| format!("cannot write: {error}")),
    }
}

async fn ask(options: &FetchOptions) -> Result<Value, String> {
    let client = client(options)
        .await
        .map_err(|error| format!("cannot use the kubeconfig: {error}"))?;
    let mut documents = Vec::new();
    for root in ["/api", "/apis"] {
        let request = http::Request::get(root)
            .header("accept", AGGREGATED)
            .body(Vec::new())
            .map_err(|error| error.to_string())?;
        let mut document: Value = client
            .request(request)
            .await
            .map_err(|error| format!("GET {root}: {error}"))?;
        if document["kind"] != "APIGroupDiscoveryList" {
            return Err(format!(
                "GET {root}: the cluster has no aggregated discovery (apidiscovery.k8s.io/v2, Kubernetes 1.30)"
            ));
        }
        options.filter.narrow(&mut document);
        documents.push(document);
    }
    Ok(Value::Array(documents))
}

async fn client(options: &FetchOptions) -> Result<Client, Box<dyn std::error::Error>> {
    let named = KubeConfigOptions {
        context: options.context.clone(),
        ..KubeConfigOptions::default()
    };
    let config = match (&options.kubeconfig, &options.context) {
        (Some(path), _) => {
            Config::from_custom_kubeconfig(Kubeconfig::read_from(path)?, &named).await?
        }
        (None, Some(_)) => Config::from_kubeconfig(&named).await?,
        (None, None) => Config::infer().await?,
    };
    // Two may be compiled in.
    kmock_runtime::tls::install_provider();
    Ok(Client::try_from(config)?)
}
