//! A whole operator: finalizer, owned objects, status, events, until nothing is left to do. In virtual time.

use std::{sync::Arc, time::Duration};

use futures::StreamExt;
use k8s_openapi::api::core::v1::ConfigMap;
use kmock::prelude::*;
use kube::{
    Api, Client, CustomResource, Resource, ResourceExt,
    api::{DeleteParams, ObjectMeta, Patch, PatchParams, PostParams},
    runtime::{
        Controller,
        controller::Action,
        events::{Event as KubeEvent, EventType, Recorder},
        finalizer::{Event, finalizer},
        watcher,
    },
};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

#[derive(CustomResource, Clone, Debug, Deserialize, Serialize, JsonSchema)]
#[kube(
    group = "kmock.dev",
    version = "v1",
    kind = "Copy",
    plural = "copies",
    namespaced,
    status = "CopyStatus"
)]
struct CopySpec {
    text: String,
}

#[derive(Clone, Debug, Default, PartialEq, Deserialize, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
struct CopyStatus {
    observed_generation: i64,
}

type Failure = Box<dyn std::error::Error + Send + Sync>;

#[derive(Debug)]
struct Failed(Failure);

impl std::fmt::Display for Failed {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        self.0.fmt(f)
    }
}

impl std::error::Error for Failed {}

/// The operator under test: each Copy owns a ConfigMap with its text.
async fn reconcile(copy: Arc<Copy>, client: Arc<Client>) -> Result<Action, Failed> {
    let namespace = copy.namespace().unwrap_or_default();
    let copies: Api<Copy> = Api::namespaced(Client::clone(&client), &namespace);
    finalizer(
        &copies.clone(),
        "kmock.dev/cleanup",
        copy,
        |event| async move {
            match event {
                Event::Apply(copy) => apply(&copy, &client, &copies, &namespace).await,
                Event::Cleanup(copy) => {
                    publish(&client, &copy, "Cleaned").await?;
                    Ok(Action::await_change())
                }
            }
        },
    )
    .await
    .map_err(|error| Failed(error.into()))
}

async fn apply(
    copy: &Copy,
    client: &Client,
    copies: &Api<Copy>,
    namespace: &str,
) -> kube::Result<Action> {
    let maps: Api<ConfigMap> = Api::namespaced(client.clone(), namespace);
    let apply = PatchParams::apply("copier").force();
    let map = ConfigMap {
        metadata: ObjectMeta {
            name: Some(copy.name_any()),
            owner_references: copy.controller_owner_ref(&()).map(|owner| vec![owner]),
            ..ObjectMeta::default()
        },
        data: Some([("text".to_owned(), copy.spec.text.clone())].into()),
        ..ConfigMap::default()
    };
    maps.patch(&copy.name_any(), &apply, &Patch::Apply(&map))
        .await?;
    let observed = copy.metadata.generation.unwrap_or_default();
    if copy.status
        != Some(CopyStatus {
            observed_generation: observed,
        })
    {
        let status = json!({
            "apiVersion": "kmock.dev/v1",
            "kind": "Copy",
            "status": { "observedGeneration": observed },
        });
        copies
            .patch_status(&copy.name_any(), &apply, &Patch::Apply(&status))
            .await?;
        publish(client, copy, "Copied").await?;
    }
    Ok(Action::requeue(Duration::from_secs(3600)))
}

async fn publish(client: &Client, copy: &Copy, reason: &str) -> kube::Result<()> {
    let recorder = Recorder::new(client.clone(), "copier".into());
    let event = KubeEvent {
        type_: EventType::Normal,
        reason: reason.to_owned(),
        note: None,
        action: "Copy".to_owned(),
        secondary: None,
    };
    recorder.publish(&event, &copy.object_ref(&())).await
}

#[kmock::test(start_paused = true)]
async fn an_operator_runs_to_its_steady_state(k: KMock) -> Result<(), Failure> {
    k.crd::<Copy>();
    let client = k.client();
    let copies: Api<Copy> = Api::default_namespaced(client.clone());
    let maps: Api<ConfigMap> = Api::default_namespaced(client.clone());
    let controller = Controller::new(copies.clone(), watcher::Config::default())
        .owns(maps.clone(), watcher::Config::default())
        .run(
            reconcile,
            |_, _, _| Action::requeue(Duration::from_secs(5)),
            Arc::new(client),
        )
        .for_each(|reconciled| async move {
            if let Err(error) = reconciled {
                eprintln!("{error}");
            }
        });
    let controller = tokio::spawn(controller);

    let made = copies
        .create(
            &PostParams::default(),
            &Copy::new(
                "a",
                CopySpec {
                    text: "hello".into(),
                },
            ),
        )
        .await?;
    assert!(made.metadata.finalizers.is_none());
    k.filter("create events.k8s.io/v1/events")
        .wait_for(1)
        .await?;
    let map = maps.get("a").await?;
    assert_eq!(map.data.unwrap_or_default()["text"], "hello");
    assert_eq!(
        map.metadata.owner_references.unwrap_or_default()[0].name,
        "a"
    );
    let copy = copies.get("a").await?;
    assert_eq!(copy.finalizers(), ["kmock.dev/cleanup"]);
    assert_eq!(
        copy.status,
        Some(CopyStatus {
            observed_generation: 1
        })
    );

    // Somebody meddles with what is owned: it is put right.
    let meddled = json!({ "data": { "text": "meddled" } });
    maps.patch("a", &PatchParams::default(), &Patch::Merge(&meddled))
        .await?;
    tokio::time::sleep(Duration::from_secs(60)).await;
    assert_eq!(
        maps.get("a").await?.data.unwrap_or_default()["text"],
        "hello"
    );

    // Nothing is left to do: a quarter of an hour passes without a write.
    let writes =
        || k.filter("patch").count() + k.filter("create").count() + k.filter("update").count();
    let before = writes();
    tokio::time::sleep(Duration::from_secs(900)).await;
    assert_eq!(writes(), before);

    copies.delete("a", &DeleteParams::default()).await?;
    tokio::time::sleep(Duration::from_secs(60)).await;
    assert!(copies.get_opt("a").await?.is_none());
    assert_requests!(k, "create events.k8s.io/v1/events" >= 2);
    controller.abort();
    Ok(())
}
