//! kube-rs under RBAC: an operator's own client with its own rights.

use k8s_openapi::api::core::v1::{ConfigMap, Namespace};
use kmock::kubernetes::User;
use kmock::prelude::*;
use kube::Api;

#[kmock::test(rbac)]
async fn clients_are_who_they_are_for(k: KMock) {
    k.objects().seed(json!({
        "apiVersion": "rbac.authorization.k8s.io/v1", "kind": "RoleBinding",
        "metadata": {"name": "b", "namespace": "prod"},
        "roleRef": {"apiGroup": "rbac.authorization.k8s.io", "kind": "ClusterRole", "name": "view"},
        "subjects": [{"kind": "ServiceAccount", "name": "operator", "namespace": "prod"}],
    }));
    let operator = k.client_as("system:serviceaccount:prod:operator");
    let maps: Api<ConfigMap> = Api::namespaced(operator.clone(), "prod");
    assert!(maps.list(&Default::default()).await.is_ok());
    let namespaces: Api<Namespace> = Api::all(operator);
    let refused = namespaces.list(&Default::default()).await;
    let Err(kube::Error::Api(status)) = refused else {
        panic!("{refused:?}");
    };
    assert!(status.is_forbidden(), "{status}");
    // The test's own client is the administrator's; groups are given by hand.
    let all: Api<Namespace> = Api::all(k.client());
    assert!(all.list(&Default::default()).await.is_ok());
    let ops = k.as_user(User::new("ops").group("system:masters"));
    let all: Api<Namespace> = Api::all(ops.client());
    assert!(all.list(&Default::default()).await.is_ok());
}
