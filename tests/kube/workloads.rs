//! An operator that waits for what it made: a Database is a StatefulSet, and ready when that is.

use std::{sync::Arc, time::Duration};

use futures::StreamExt;
use k8s_openapi::api::apps::v1::StatefulSet;
use kmock::prelude::*;
use kube::{
    Api, Client, CustomResource, Resource, ResourceExt,
    api::{Patch, PatchParams, PostParams},
    runtime::{Controller, controller::Action, watcher},
};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

#[derive(CustomResource, Clone, Debug, Deserialize, Serialize, JsonSchema)]
#[kube(
    group = "example.com",
    version = "v1",
    kind = "Database",
    namespaced,
    status = "DatabaseStatus"
)]
struct DatabaseSpec {
    replicas: i32,
}

#[derive(Clone, Debug, PartialEq, Deserialize, Serialize, JsonSchema)]
struct DatabaseStatus {
    ready: bool,
    members: Vec<String>,
}

/// One look: the StatefulSet is as it should be, and the status says how far it is.
async fn reconcile(database: Arc<Database>, client: Arc<Client>) -> Result<Action, kube::Error> {
    let (name, namespace) = (
        database.name_any(),
        database.namespace().unwrap_or_default(),
    );
    let sets: Api<StatefulSet> = Api::namespaced((*client).clone(), &namespace);
    let replicas = database.spec.replicas;
    let wanted = json!({
        "apiVersion": "apps/v1", "kind": "StatefulSet",
        "metadata": {"name": name, "ownerReferences": [database.controller_owner_ref(&()).expect("it is stored")]},
        "spec": {
            "replicas": replicas, "serviceName": name, "selector": {"matchLabels": {"db": name}},
            "template": {
                "metadata": {"labels": {"db": name}},
                "spec": {"containers": [{"name": "db", "image": "postgres:16"}]},
            },
        },
    });
    let params = PatchParams::apply("databases").force();
    let set = sets.patch(&name, &params, &Patch::Apply(&wanted)).await?;
    let ready = set
        .status
        .and_then(|status| status.ready_replicas)
        .unwrap_or_default();
    let status = DatabaseStatus {
        ready: ready == replicas,
        members: (0..ready)
            .map(|number| format!("{name}-{number}"))
            .collect(),
    };
    let databases: Api<Database> = Api::namespaced((*client).clone(), &namespace);
    let patch = json!({"status": status});
    databases
        .patch_status(&name, &PatchParams::default(), &Patch::Merge(&patch))
        .await?;
    Ok(Action::await_change())
}

#[kmock::test(start_paused, nodes = 2)]
async fn an_operator_waits_for_its_stateful_set(k: KMock) {
    k.crd::<Database>();
    k.image("postgres:*").ready_after(Duration::from_secs(5));
    let client = k.client();
    let databases: Api<Database> = Api::default_namespaced(client.clone());
    let sets: Api<StatefulSet> = Api::default_namespaced(client.clone());
    let operator = Controller::new(databases.clone(), watcher::Config::default())
        .owns(sets, watcher::Config::default())
        .run(
            reconcile,
            |_, _, _| Action::requeue(Duration::from_secs(1)),
            Arc::new(client),
        );
    let operator = tokio::spawn(operator.for_each(async |_| {}));
    let database = Database::new("db", DatabaseSpec { replicas: 3 });
    databases
        .create(&PostParams::default(), &database)
        .await
        .expect("created");
    k.settle().await;
    let status = async || {
        let database = databases.get("db").await.expect("it is there");
        database.status.expect("a status")
    };
    let told = status().await;
    assert!(told.ready, "{}", k.explain("statefulsets", "db"));
    assert_eq!(told.members, ["db-0", "db-1", "db-2"]);

    // It followed the members as they came, one after the other.
    let mut steps: Vec<usize> = k
        .objects()
        .history("databases.example.com", "db")
        .iter()
        .filter_map(|one| one["status"]["members"].as_array().map(Vec::len))
        .collect();
    steps.dedup();
    assert_eq!(steps, [0, 1, 2, 3]);
    operator.abort();
}
