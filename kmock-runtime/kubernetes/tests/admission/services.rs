//! Services: what is given out, and what cannot be; what a change of the type leaves; resizes.

use serde_json::{Value, json};

use super::Server;

const SERVICES: &str = "/api/v1/namespaces/default/services";

fn service(name: &str, spec: Value) -> Value {
    let mut service = json!({"apiVersion": "v1", "kind": "Service", "metadata": {"name": name},
        "spec": {"ports": [{"port": 80}]}});
    for (key, value) in spec.as_object().expect("an object") {
        service["spec"][key] = value.clone();
    }
    service
}

#[test]
fn an_address_belongs_to_one_service() {
    let server = Server::new();
    let create = format!("POST {SERVICES}");
    server.done(&create, service("a", json!({"clusterIP": "10.0.0.50"})));
    for (ip, why) in [
        ("10.0.0.50", "provided IP is already allocated"),
        (
            "1.2.3.4",
            "the provided network does not match the current range",
        ),
        (
            "10.0.0.255",
            "the provided IP (10.0.0.255) is not in the valid range. The range of valid IPs is 10.0.0.0/24",
        ),
    ] {
        let wanted = format!(
            "Service \"b\" is invalid: spec.clusterIPs: Invalid value: [\"{ip}\"]: failed to allocate IP {ip}: {why}"
        );
        let refused = server.refused(&create, service("b", json!({"clusterIP": ip})));
        assert_eq!(refused, (422, wanted));
    }
    // It is an object, too, and free again with its Service.
    let path = "/apis/networking.k8s.io/v1/ipaddresses";
    let address = server.done(&format!("GET {path}/10.0.0.50"), Value::Null);
    let parent = json!({"resource": "services", "namespace": "default", "name": "a"});
    assert_eq!(address["spec"]["parentRef"], parent);
    server.done(&format!("DELETE {SERVICES}/a"), Value::Null);
    assert_eq!(
        server.call(&format!("GET {path}/10.0.0.50"), Value::Null).0,
        404
    );
    server.done(&create, service("b", json!({"clusterIP": "10.0.0.50"})));
    let range = server.done(
        "GET /apis/networking.k8s.io/v1/servicecidrs/kubernetes",
        Value::Null,
    );
    assert_eq!(range["spec"]["cidrs"], json!(["10.0.0.0/24"]));
    assert_eq!(range["status"]["conditions"][0]["status"], "True");
}

#[test]
fn a_node_port_belongs_to_one_service() {
    let server = Server::new();
    let create = format!("POST {SERVICES}");
    let on = |port: u32| json!({"type": "NodePort", "ports": [{"port": 80, "nodePort": port}]});
    server.done(&create, service("a", on(30080)));
    let refused = |port: u32, why: &str| {
        let wanted = format!(
            "Service \"b\" is invalid: spec.ports[0].nodePort: Invalid value: {port}: {why}"
        );
        assert_eq!(
            server.refused(&create, service("b", on(port))),
            (422, wanted)
        );
    };
    refused(30080, "provided port is already allocated");
    refused(
        80,
        "provided port is not in the valid range. The range of valid ports is 30000-32767",
    );
    // One port in two protocols has one node port.
    let both = json!({"type": "NodePort", "ports": [
        {"name": "t", "port": 53, "protocol": "TCP"}, {"name": "u", "port": 53, "protocol": "UDP"},
    ]});
    let made = server.done(&create, service("dns", both));
    assert_eq!(
        made["spec"]["ports"][0]["nodePort"],
        made["spec"]["ports"][1]["nodePort"]
    );
}

#[test]
fn a_change_of_the_type_takes_away_what_it_needs_no_more() {
    let server = Server::new();
    let create = format!("POST {SERVICES}");
    let made = server.done(&create, service("a", json!({})));
    // As operators in Go do it.
    let mut external = made;
    external["spec"]["type"] = json!("ExternalName");
    external["spec"]["externalName"] = json!("example.com");
    external["spec"]["clusterIP"] = json!("");
    let changed = server.done(&format!("PUT {SERVICES}/a"), external);
    for key in ["clusterIP", "clusterIPs", "ipFamilies", "ipFamilyPolicy"] {
        assert!(changed["spec"][key].is_null(), "{key}: {changed}");
    }
    // A balancer's addresses go with it.
    server.done(&create, service("b", json!({"type": "LoadBalancer"})));
    let status = json!({"status": {"loadBalancer": {"ingress": [{"ip": "1.2.3.4"}]}}});
    server.done(&format!("PATCH {SERVICES}/b/status"), status);
    let changed = server.done(
        &format!("PATCH {SERVICES}/b"),
        json!({"spec": {"type": "ClusterIP"}}),
    );
    assert_eq!(changed["status"]["loadBalancer"], json!({}));
    // A balancer without node ports keeps none that it does not name.
    server.done(&create, service("c", json!({"type": "NodePort"})));
    let off = json!({"spec": {"type": "LoadBalancer", "allocateLoadBalancerNodePorts": false}});
    server.done(&format!("PATCH {SERVICES}/c"), off);
    let ports = json!({"spec": {"ports": [{"port": 81}]}});
    let changed = server.done(&format!("PATCH {SERVICES}/c"), ports);
    assert!(
        changed["spec"]["ports"][0]["nodePort"].is_null(),
        "{changed}"
    );
}

#[test]
fn a_resize_takes_nothing_away() {
    let server = Server::new();
    let pod = json!({"apiVersion": "v1", "kind": "Pod", "metadata": {"name": "p"}, "spec": {"containers": [{
        "name": "c", "image": "i", "resources": {"requests": {"cpu": "1"}, "limits": {"cpu": "2", "memory": "1Gi"}},
    }]}});
    server.done("POST /api/v1/namespaces/default/pods", pod.clone());
    let mut less = pod;
    less["spec"]["containers"][0]["resources"]["limits"] = json!({"cpu": "2"});
    let containers = json!({"spec": {"containers": less["spec"]["containers"]}});
    let (code, message) =
        server.refused("PATCH /api/v1/namespaces/default/pods/p/resize", containers);
    assert_eq!(code, 422);
    let wanted =
        "spec.containers[0].resources.limits: Forbidden: resource limits cannot be removed";
    assert!(message.contains(wanted), "{message}");
}

/// A webhook that lets everything in, after a second.
#[derive(Debug)]
struct Slow;

impl kmock_kubernetes::WebhookCaller for Slow {
    fn call(
        &self,
        call: kmock_kubernetes::WebhookCall,
    ) -> futures::future::BoxFuture<'static, Result<http::Response<bytes::Bytes>, String>> {
        Box::pin(async move {
            tokio::time::sleep(std::time::Duration::from_secs(1)).await;
            let asked: Value = serde_json::from_slice(&call.body).expect("JSON");
            let answer = json!({"apiVersion": "admission.k8s.io/v1", "kind": "AdmissionReview",
                "response": {"uid": asked["request"]["uid"], "allowed": true}});
            Ok(http::Response::new(answer.to_string().into()))
        })
    }
}

#[test]
fn two_at_once_get_different_addresses_and_ports() {
    let server = Server::new();
    let cluster = &server.0;
    cluster
        .webhooks()
        .route("operators/slow", std::sync::Arc::new(Slow));
    server.done(
        "POST /apis/admissionregistration.k8s.io/v1/validatingwebhookconfigurations",
        json!({
            "apiVersion": "admissionregistration.k8s.io/v1", "kind": "ValidatingWebhookConfiguration",
            "metadata": {"name": "slow"},
            "webhooks": [{"name": "slow.example.com", "sideEffects": "None", "admissionReviewVersions": ["v1"],
                "clientConfig": {"service": {"namespace": "operators", "name": "slow"}},
                "rules": [{"apiGroups": [""], "apiVersions": ["v1"], "resources": ["services"], "operations": ["*"]}]}],
        }),
    );
    let create = format!("POST {SERVICES}");
    let both = |first: Value, second: Value| {
        let first = super::api::call(cluster, &create, first);
        let second = super::api::call(cluster, &create, second);
        super::api::run(futures::future::join(first, second))
    };
    let port = json!({"type": "NodePort", "ports": [{"port": 80, "nodePort": 30080}]});
    let (first, second) = both(service("a", port.clone()), service("b", port));
    assert_eq!((first.0, second.0), (201, 422), "{second:?}");
    let message = second.1["message"].as_str().expect("a message");
    assert!(
        message.ends_with("provided port is already allocated"),
        "{message}"
    );
    let address = json!({"clusterIP": "10.0.0.77"});
    let (first, second) = both(service("c", address.clone()), service("d", address));
    assert_eq!((first.0, second.0), (201, 422));
    // With all but two of the addresses taken, those two are given out.
    let free = ["10.0.0.9", "10.0.0.99"];
    for last in 2..255 {
        let ip = format!("10.0.0.{last}");
        if last != 77 && !free.contains(&ip.as_str()) {
            cluster
                .objects()
                .seed(json!({"apiVersion": "v1", "kind": "Service",
                "metadata": {"name": format!("s{last}")},
                "spec": {"clusterIP": ip, "clusterIPs": [ip], "ports": [{"port": 80}]}}));
        }
    }
    // Those of `a` and of the two above are among the others or free, too.
    let (first, second) = both(service("e", json!({})), service("f", json!({})));
    assert_eq!((first.0, second.0), (201, 201));
    assert_ne!(first.1["spec"]["clusterIP"], second.1["spec"]["clusterIP"]);
}
