//! Sweeps find bugs: a gallery of small controllers, each with a bug of a kind that real ones had, and its corrected twin.
//!
//! A Ring has `size` members (ConfigMaps) with data of their own (Secrets). The test scales it from one to two and
//! back; the sweep does the rest.

mod examples;
mod gallery;
mod speed;
mod wire;

use std::{future::Future, panic::catch_unwind, sync::Arc, time::Duration};

use futures::StreamExt;
use k8s_openapi::api::core::v1::{ConfigMap, Secret};
use kmock::{
    __private::{SweepOptions, TestOptions, run_async, run_sweep},
    prelude::*,
};
use kube::{
    Api, Client, CustomResource, Resource, ResourceExt,
    api::{DeleteParams, ListParams, ObjectMeta, Patch, PatchParams, PostParams},
    runtime::{Controller, controller::Action, watcher},
};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

#[derive(CustomResource, Clone, Debug, Deserialize, Serialize, JsonSchema)]
#[kube(
    group = "kmock.dev",
    version = "v1",
    kind = "Ring",
    plural = "rings",
    namespaced,
    status = "RingStatus"
)]
pub(crate) struct RingSpec {
    size: u32,
}

#[derive(Clone, Debug, Default, PartialEq, Deserialize, Serialize, JsonSchema)]
pub(crate) struct RingStatus {
    #[serde(default)]
    ready: u32,
    #[serde(default)]
    made: u32,
}

type Outcome = kube::Result<Action>;

/// Runs a controller of rings by the reconciler of a case.
async fn operate<F, Fut>(client: Client, reconcile: F)
where
    F: Fn(Arc<Ring>, Arc<Client>) -> Fut + Send + Sync + 'static,
    Fut: Future<Output = Outcome> + Send + 'static,
{
    let rings: Api<Ring> = Api::default_namespaced(client.clone());
    let members: Api<ConfigMap> = Api::default_namespaced(client.clone());
    let context = Arc::new(client);
    Controller::new(rings, watcher::Config::default())
        .owns(members, watcher::Config::default())
        .run(
            reconcile,
            |_, _, _| Action::requeue(Duration::from_secs(5)),
            context,
        )
        .for_each(|_| std::future::ready(()))
        .await;
}

/// A ring that nobody has worked on yet.
fn fresh(name: &str) -> serde_json::Value {
    json!({"apiVersion": "kmock.dev/v1", "kind": "Ring", "metadata": {"name": name}, "spec": {"size": 1}})
}

/// Lets the controller of a case run.
fn begin<F, Fut>(k: &KMock, reconcile: F)
where
    F: Fn(Arc<Ring>, Arc<Client>) -> Fut + Copy + Send + Sync + 'static,
    Fut: Future<Output = Outcome> + Send + 'static,
{
    k.crd::<Ring>();
    k.operator(move |client| operate(client, reconcile));
}

/// The life of a ring: made, grown, shrunk.
async fn life<F, Fut>(k: KMock, reconcile: F)
where
    F: Fn(Arc<Ring>, Arc<Client>) -> Fut + Copy + Send + Sync + 'static,
    Fut: Future<Output = Outcome> + Send + 'static,
{
    begin(&k, reconcile);
    k.objects().seed(fresh("r"));
    k.settle().await;
    for size in [2, 1] {
        k.objects().patch(
            "rings.kmock.dev",
            "default/r",
            json!({"spec": {"size": size}}),
        );
        k.settle().await;
    }
}

/// Like that, and deleted in the end.
async fn life_and_death<F, Fut>(k: KMock, reconcile: F)
where
    F: Fn(Arc<Ring>, Arc<Client>) -> Fut + Copy + Send + Sync + 'static,
    Fut: Future<Output = Outcome> + Send + 'static,
{
    life(k.clone(), reconcile).await;
    delete(&k).await;
    k.settle().await;
}

/// Deletes the ring as a user does, finalizers and all.
async fn delete(k: &KMock) {
    k.request("DELETE", "/apis/kmock.dev/v1/namespaces/default/rings/r")
        .await;
}

/// Of the corrected controllers a tenth of the faults is tried, and all of them where somebody asks for it by
/// `KMOCK_GALLERY=1`, which takes minutes.
fn share() -> f64 {
    match std::env::var_os("KMOCK_GALLERY") {
        Some(_) => 1.0,
        None => 0.1,
    }
}

/// After so many faults that were found in a controller with a bug, no more are tried.
fn enough() -> usize {
    match std::env::var_os("KMOCK_GALLERY") {
        Some(_) => 50,
        None => 4,
    }
}

/// What a sweep says about a test, which must not pass it.
fn told<F, Fut>(name: &'static str, test: F) -> String
where
    F: Fn(KMock) -> Fut + Copy + Send + Sync + std::panic::UnwindSafe + 'static,
    Fut: Future<Output = ()> + 'static,
{
    let options = TestOptions::new(name).start_paused(true).sweep(
        SweepOptions::new()
            .budget(Duration::from_secs(600))
            .enough(enough()),
    );
    let outcome = catch_unwind(move || run_sweep::<[(); 1], _>(options, test));
    let panic = outcome.expect_err("the sweep finds the bug");
    let text = panic.downcast::<String>().expect("a message");
    println!("{text}");
    *text
}

// ---- what the reconcilers share ----

fn members(client: &Client) -> Api<ConfigMap> {
    Api::default_namespaced(client.clone())
}

fn data(client: &Client) -> Api<Secret> {
    Api::default_namespaced(client.clone())
}

fn rings(client: &Client) -> Api<Ring> {
    Api::default_namespaced(client.clone())
}

fn member(ring: &Ring, number: u32) -> ConfigMap {
    ConfigMap {
        metadata: ObjectMeta {
            name: Some(format!("member-{number}")),
            owner_references: Some(vec![ring.controller_owner_ref(&()).expect("a stored ring")]),
            ..ObjectMeta::default()
        },
        ..ConfigMap::default()
    }
}

fn data_of(number: u32) -> Secret {
    Secret {
        metadata: ObjectMeta {
            name: Some(format!("data-{number}")),
            ..ObjectMeta::default()
        },
        ..Secret::default()
    }
}

/// The numbers of the objects with a prefix.
fn numbers<K: ResourceExt>(all: impl IntoIterator<Item = K>, prefix: &str) -> Vec<u32> {
    let number = |object: K| object.name_any().strip_prefix(prefix)?.parse().ok();
    all.into_iter().filter_map(number).collect()
}

fn is_status(error: &kube::Error, code: u16) -> bool {
    matches!(error, kube::Error::Api(status) if status.code == code)
}

/// Makes an object, which may be there already.
async fn ensure<K>(api: &Api<K>, object: &K) -> kube::Result<()>
where
    K: Resource + Clone + std::fmt::Debug + Serialize + for<'a> Deserialize<'a>,
{
    match api.create(&PostParams::default(), object).await {
        Err(error) if is_status(&error, 409) => {
            // The name may be taken by what was there before, or the answer be about nothing at all.
            api.get(&object.meta().name.clone().unwrap_or_default())
                .await
                .map(drop)
        }
        other => other.map(drop),
    }
}

/// Deletes an object, which may be gone already.
async fn gone<K>(api: &Api<K>, name: &str) -> kube::Result<()>
where
    K: Clone + std::fmt::Debug + for<'a> Deserialize<'a>,
{
    match api.delete(name, &DeleteParams::default()).await {
        Err(error) if is_status(&error, 404) => Ok(()),
        other => other.map(drop),
    }
}

async fn report(client: &Client, ring: &Ring, status: serde_json::Value) -> kube::Result<()> {
    let patch = Patch::Merge(json!({"status": status}));
    rings(client)
        .patch_status(&ring.name_any(), &PatchParams::default(), &patch)
        .await
        .map(drop)
}
