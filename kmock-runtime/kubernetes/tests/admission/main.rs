//! What is let in: plugins, webhooks, policies.

#[path = "../api/mod.rs"]
mod api;
mod plugins;
mod pod_security;
#[cfg(feature = "cel")]
mod policies;
mod services;
mod webhooks;

use kmock_kubernetes::Cluster;
use serde_json::{Value, json};

/// A cluster, and short ways to ask it.
struct Server(Cluster);

impl Server {
    fn new() -> Self {
        Self(Cluster::default())
    }

    /// Runs a request that is answered at once.
    fn call(&self, line: &str, body: Value) -> (u16, Value) {
        api::run(api::call(&self.0, line, body))
    }

    /// The answer of a request that is let in.
    #[track_caller]
    fn done(&self, line: &str, body: Value) -> Value {
        let (code, answer) = self.call(line, body);
        assert!(code < 300, "{line}: {code} {answer}");
        answer
    }

    /// The code and the message of a request that is not.
    #[track_caller]
    fn refused(&self, line: &str, body: Value) -> (u16, String) {
        let (code, answer) = self.call(line, body);
        assert!(code >= 400, "{line}: {code} {answer}");
        (
            code,
            answer["message"].as_str().unwrap_or_default().to_owned(),
        )
    }
}

fn config_map(name: &str, data: Value) -> Value {
    json!({"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": name}, "data": data})
}

const MAPS: &str = "/api/v1/namespaces/default/configmaps";
