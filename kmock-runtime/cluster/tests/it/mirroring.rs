//! Endpoints that an author wrote, and the EndpointSlices that show them to clients.

use serde_json::{Value, json};

use crate::world::{World, live};

const SERVICES: &str = "/api/v1/namespaces/default/services";
const ENDPOINTS: &str = "/api/v1/namespaces/default/endpoints";

/// The slices of a Service: family, ports, addresses that are ready and those that are not.
fn slices(w: &World, service: &str) -> Vec<Value> {
    let all = w.cluster.objects().list("endpointslices", None);
    let own = all.iter().filter(|slice| {
        slice.value()["metadata"]["labels"]["kubernetes.io/service-name"] == service
    });
    let mut shown: Vec<Value> = own
        .map(|slice| {
            let slice = slice.value();
            let addresses = |ready: bool| -> Value {
                let endpoints = slice["endpoints"].as_array().into_iter().flatten();
                let meant = endpoints.filter(|one| one["conditions"]["ready"] == ready);
                meant.map(|one| one["addresses"][0].clone()).collect()
            };
            let ports = slice["ports"].as_array().into_iter().flatten();
            let ports: Value = ports.map(|port| port["port"].clone()).collect();
            json!([
                slice["addressType"],
                ports,
                addresses(true),
                addresses(false)
            ])
        })
        .collect();
    shown.sort_by_key(Value::to_string);
    shown
}

async fn service(w: &World, name: &str, spec: Value) {
    let service = json!({"metadata": {"name": name}, "spec": spec});
    w.ask(&format!("POST {SERVICES}"), service).await;
}

#[test]
fn endpoints_without_a_selector_are_mirrored() {
    live(0, |w| async move {
        let ports = json!([{"port": 80}]);
        service(&w, "db", json!({"ports": ports})).await;
        let subset = |ready: &[&str], port: u16| {
            let addresses: Value = ready.iter().map(|ip| json!({ "ip": ip })).collect();
            json!({"addresses": addresses, "ports": [{"port": port}]})
        };
        let endpoints = json!({
            "metadata": {"name": "db", "labels": {"app": "db"},
                "annotations": {"note": "kept", "kubectl.kubernetes.io/last-applied-configuration": "{}"}},
            "subsets": [
                {"addresses": [{"ip": "10.9.0.1"}], "notReadyAddresses": [{"ip": "10.9.0.2"}], "ports": [{"port": 80}]},
                subset(&["2001:db8::1"], 80),
            ],
        });
        w.ask(&format!("POST {ENDPOINTS}"), endpoints).await;
        w.settle().await;
        let v6 = json!(["IPv6", [80], ["2001:db8::1"], []]);
        assert_eq!(
            slices(&w, "db"),
            [json!(["IPv4", [80], ["10.9.0.1"], ["10.9.0.2"]]), v6]
        );
        let all = w.cluster.objects().list("endpointslices", None);
        let first = all.iter().map(|slice| slice.value());
        let mut first = first.filter(|slice| slice["metadata"]["labels"]["app"] == "db");
        let first = first.next().expect("labels are taken over");
        let metadata = &first["metadata"];
        let manager = &metadata["labels"]["endpointslice.kubernetes.io/managed-by"];
        assert_eq!(manager, "endpointslicemirroring-controller.k8s.io");
        assert_eq!(metadata["annotations"], json!({"note": "kept"}));
        assert_eq!(metadata["ownerReferences"][0]["kind"], "Endpoints");
        assert_eq!(first["ports"][0]["name"], "");

        // Other ports: the slices of the family are used again.
        let names = |w: &World| -> Vec<String> {
            let all = w.cluster.objects().list("endpointslices", None);
            let own = all.iter().map(|slice| slice.value()["metadata"].clone());
            let own = own.filter(|metadata| metadata["labels"]["app"] == "db");
            own.map(|metadata| metadata["name"].to_string()).collect()
        };
        let before = names(&w);
        let patch = json!({"subsets": [subset(&["10.9.0.3"], 81), subset(&["10.9.0.4"], 82)]});
        w.ask(&format!("PATCH {ENDPOINTS}/db"), patch).await;
        w.settle().await;
        assert_eq!(
            slices(&w, "db"),
            [
                json!(["IPv4", [81], ["10.9.0.3"], []]),
                json!(["IPv4", [82], ["10.9.0.4"], []])
            ]
        );
        assert_eq!(
            names(&w)
                .iter()
                .filter(|name| before.contains(name))
                .count(),
            1
        );

        w.ask(&format!("DELETE {ENDPOINTS}/db"), Value::Null).await;
        w.settle().await;
        assert_eq!(slices(&w, "db"), Vec::<Value>::new());
    });
}

#[test]
fn who_says_so_or_has_a_selector_is_not_mirrored() {
    live(0, |w| async move {
        let ports = json!([{"port": 80}]);
        service(
            &w,
            "own",
            json!({"ports": ports, "selector": {"app": "own"}}),
        )
        .await;
        service(&w, "not", json!({"ports": ports})).await;
        let endpoints = json!({
            "metadata": {"name": "not", "labels": {"endpointslice.kubernetes.io/skip-mirror": "true"}},
            "subsets": [{"addresses": [{"ip": "10.9.0.1"}], "ports": [{"port": 80}]}],
        });
        w.ask(&format!("POST {ENDPOINTS}"), endpoints).await;
        w.settle().await;
        assert_eq!(slices(&w, "not"), Vec::<Value>::new());
        let mirrored = |w: &World| {
            let all = w.cluster.objects().list("endpointslices", None);
            let own = |slice: &Value| {
                slice["metadata"]["labels"]["endpointslice.kubernetes.io/managed-by"]
                    == "endpointslicemirroring-controller.k8s.io"
            };
            all.iter().filter(|slice| own(slice.value())).count()
        };
        assert_eq!(mirrored(&w), 0);
        // Once it is allowed, it is done, until a selector says whose endpoints these are.
        let label =
            json!({"metadata": {"labels": {"endpointslice.kubernetes.io/skip-mirror": null}}});
        w.ask(&format!("PATCH {ENDPOINTS}/not"), label).await;
        w.settle().await;
        assert_eq!(mirrored(&w), 1);
        let selector = json!({"spec": {"selector": {"app": "not"}}});
        w.ask(&format!("PATCH {SERVICES}/not"), selector).await;
        w.settle().await;
        assert_eq!(mirrored(&w), 0);
    });
}
