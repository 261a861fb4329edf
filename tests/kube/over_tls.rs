//! kube-rs over TLS: its own client with rustls, untouched, from what a server says of itself.

use futures::{StreamExt, TryStreamExt};
use k8s_openapi::api::core::v1::ConfigMap;
use kmock::prelude::*;
use kube::{
    Api, Client, Config, ResourceExt,
    api::{PostParams, WatchParams},
    config::{KubeConfigOptions, Kubeconfig},
};

#[kmock::test(tls)]
async fn kube_rs_takes_the_kubeconfig_and_the_configuration(k: KMock) {
    let kubeconfig = Kubeconfig::from_yaml(&k.kubeconfig()).expect("a kubeconfig");
    let options = KubeConfigOptions::default();
    let config = Config::from_custom_kubeconfig(kubeconfig, &options);
    let config = config.await.expect("a configuration");
    let clients = [
        ("file", Client::try_from(config).expect("a client")),
        (
            "config",
            Client::try_from(k.kube_config()).expect("a client"),
        ),
        ("ready", k.client()),
    ];
    for (name, client) in clients {
        let maps: Api<ConfigMap> = Api::namespaced(client, "default");
        let map = serde_json::from_value(json!({ "metadata": { "name": name } })).expect("a map");
        maps.create(&PostParams::default(), &map)
            .await
            .expect("made");
        let seen: Vec<_> = maps
            .watch(&WatchParams::default(), "0")
            .await
            .expect("a watch")
            .take(1)
            .try_collect()
            .await
            .expect("an event");
        assert_eq!(seen.len(), 1);
        assert_eq!(maps.get(name).await.expect("there").name_any(), name);
    }
    let seen = k.requests();
    assert!(seen.iter().all(|request| request.scheme() == "https"));
    // A client that was not told whom to trust is refused, and the test is told why.
    let mut config = k.kube_config();
    config.root_cert = None;
    let stranger = Client::try_from(config).expect("a client");
    let maps: Api<ConfigMap> = Api::namespaced(stranger, "default");
    maps.get("file")
        .await
        .expect_err("nobody knows the authority");
}
