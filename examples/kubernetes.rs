//! A stateful Kubernetes server: two pods are created and listed, and the requests asserted by action and resource.

use kmock::prelude::*;
use serde_json::Value;

/// The code under test: creates two pods and lists what is there.
async fn function_under_test(url: &str) -> reqwest::Result<Value> {
    let client = reqwest::Client::new();
    let pods = format!("{url}/api/v1/namespaces/default/pods");
    for name in ["one", "two"] {
        let pod = json!({
            "metadata": { "name": name },
            "spec": { "containers": [{ "name": "main", "image": "busybox" }] },
        });
        let created = client.post(&pods).json(&pod).send().await?;
        created.error_for_status()?;
    }
    client.get(&pods).send().await?.json().await
}

#[tokio::main]
async fn main() -> reqwest::Result<()> {
    let k = KMock::start().await;
    let list = function_under_test(&k.url()).await?;
    for pod in list["items"].as_array().into_iter().flatten() {
        println!("{} {}", pod["metadata"]["name"], pod["metadata"]["uid"]);
    }
    println!("{}", k.report());
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[kmock::test]
    async fn creates_and_lists(k: KMock) -> reqwest::Result<()> {
        let list = function_under_test(&k.url()).await?;

        assert_eq!(list["kind"], "PodList");
        let names: Vec<_> = list["items"]
            .as_array()
            .into_iter()
            .flatten()
            .map(|pod| &pod["metadata"]["name"])
            .collect();
        assert_eq!(names, ["one", "two"]);
        assert_requests!(
            k,
            total == 3,
            "create" == 2,
            "list" == 1,
            "create v1/pods" == 2,
            "list pods.v1" == 1,
            "watch" == 0,
        );
        Ok(())
    }
}
