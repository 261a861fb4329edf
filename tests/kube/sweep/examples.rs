//! Controllers of the shapes that kube-rs shows in its examples, written anew: they do things right, and no sweep has a
//! word against them.

use k8s_openapi::api::core::v1::Namespace;
use kube::runtime::{
    controller::Config,
    finalizer::{self, Event, finalizer},
};

use super::*;

/// Applies an object that the ring owns, from its spec: the shape of the generator of ConfigMaps.
async fn generate(ring: Arc<Ring>, client: Arc<Client>) -> Outcome {
    let generated = ConfigMap {
        data: Some([("size".to_owned(), ring.spec.size.to_string())].into()),
        ..member(&ring, 0)
    };
    let name = generated.name_any();
    let apply = PatchParams::apply("generator.kmock.dev").force();
    members(&client)
        .patch(&name, &apply, &Patch::Apply(&generated))
        .await?;
    Ok(Action::requeue(Duration::from_secs(300)))
}

#[kmock::test(start_paused = true, sweep, sweep_budget = 600s, sweep_share = share())]
async fn a_generator_of_config_maps(k: KMock) {
    life(k.clone(), generate).await;
    let made = k.objects().get("configmaps", "default/member-0");
    assert_eq!(made.expect("it is there")["data"]["size"], "1");
    k.request("DELETE", "/apis/kmock.dev/v1/namespaces/default/rings/r")
        .await;
    k.settle().await;
}

/// Copies what has a label into another namespace, and takes the copy away with it: the shape of the syncer of secrets,
/// with kube-rs's own helper for finalizers.
async fn sync(
    secret: Arc<Secret>,
    client: Arc<Client>,
) -> Result<Action, finalizer::Error<kube::Error>> {
    let all: Api<Secret> = Api::default_namespaced((*client).clone());
    let copies: Api<Secret> = Api::namespaced((*client).clone(), "copies");
    finalizer(&all, "kmock.dev/syncer", secret, |event| async move {
        match event {
            Event::Apply(secret) => {
                let copy = Secret {
                    metadata: ObjectMeta {
                        name: secret.metadata.name.clone(),
                        ..ObjectMeta::default()
                    },
                    data: secret.data.clone(),
                    ..Secret::default()
                };
                let apply = PatchParams::apply("syncer.kmock.dev").force();
                copies
                    .patch(&secret.name_any(), &apply, &Patch::Apply(&copy))
                    .await?;
            }
            Event::Cleanup(secret) => gone(&copies, &secret.name_any()).await?,
        }
        Ok(Action::requeue(Duration::from_secs(300)))
    })
    .await
}

/// It trusts what its first list says, and a copy comes back to life where that is old. kube-rs asks for the most recent
/// state (`ListSemantic::MostRecent`), to which a real server never answers with the past; with `any_semantic()`, it may.
#[kmock::test(start_paused = true, sweep, sweep_budget = 600s, sweep_without = ["stale", "rewound"])]
async fn a_syncer_of_secrets(k: KMock) {
    copied(k).await;
}

#[test]
fn a_syncer_of_secrets_that_may_see_the_past() {
    let told = told("syncer", copied);
    for text in [
        "first saw what was there when all was settled last",
        "secrets copies/s was deleted and made again",
    ] {
        assert!(told.contains(text), "{text:?} is not in\n{told}");
    }
}

async fn copied(k: KMock) {
    let copies = Namespace {
        metadata: ObjectMeta {
            name: Some("copies".into()),
            ..ObjectMeta::default()
        },
        ..Namespace::default()
    };
    k.objects().seed(&copies);
    k.operator(|client| async move {
        let all: Api<Secret> = Api::default_namespaced(client.clone());
        Controller::new(all, watcher::Config::default().labels("sync=true"))
            .with_config(Config::default())
            .run(
                sync,
                |_, _, _| Action::requeue(Duration::from_secs(5)),
                Arc::new(client),
            )
            .for_each(|_| std::future::ready(()))
            .await;
    });
    k.objects().seed(json!({
        "apiVersion": "v1", "kind": "Secret", "metadata": {"name": "s", "labels": {"sync": "true"}}, "data": {"k": "dg=="},
    }));
    k.settle().await;
    assert!(k.objects().get("secrets", "copies/s").is_some());
    k.request("DELETE", "/api/v1/namespaces/default/secrets/s")
        .await;
    k.settle().await;
    assert!(k.objects().get("secrets", "copies/s").is_none());
    assert!(k.objects().get("secrets", "default/s").is_none());
}
