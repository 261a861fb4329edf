//! A derived custom resource, registered by one line and used through `Api<T>`.

use futures::StreamExt;
use k8s_openapi::api::core::v1::{ConfigMap, Pod};
use kmock::prelude::*;
use kube::{
    Api, CustomResource, ResourceExt,
    api::{DeleteParams, ListParams, Patch, PatchParams, PostParams, WatchEvent, WatchParams},
};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

#[derive(CustomResource, Clone, Debug, Deserialize, Serialize, JsonSchema)]
#[kube(
    group = "kmock.dev",
    version = "v1",
    kind = "Document",
    namespaced,
    status = "DocumentStatus",
    shortname = "doc"
)]
struct DocumentSpec {
    title: String,
    #[serde(default)]
    pages: u32,
}

#[derive(Clone, Debug, Default, Deserialize, Serialize, JsonSchema)]
struct DocumentStatus {
    printed: u32,
}

#[kmock::test(start_paused = true)]
async fn a_derived_resource_is_registered_by_one_line(k: KMock) -> kube::Result<()> {
    k.crd::<Document>();
    let documents: Api<Document> = Api::default_namespaced(k.client());

    let mut watch = documents.watch(&WatchParams::default(), "0").await?.boxed();
    let apply = PatchParams::apply("author").force();
    let wanted = Document::new(
        "a",
        DocumentSpec {
            title: "A".into(),
            pages: 3,
        },
    );
    let made = documents.patch("a", &apply, &Patch::Apply(&wanted)).await?;
    assert_eq!((made.spec.pages, made.metadata.generation), (3, Some(1)));

    let status = json!({
        "apiVersion": "kmock.dev/v1",
        "kind": "Document",
        "status": { "printed": 2 },
    });
    let printed = documents
        .patch_status("a", &PatchParams::apply("printer"), &Patch::Apply(&status))
        .await?;
    assert_eq!(printed.status.map(|status| status.printed), Some(2));
    assert_eq!(printed.metadata.generation, Some(1));

    let refused = documents
        .patch(
            "a",
            &PatchParams::default(),
            &Patch::Merge(json!({ "spec": { "pages": "many" } })),
        )
        .await
        .expect_err("pages is a number");
    assert!(refused.to_string().contains("spec.pages"), "{refused}");

    documents.delete("a", &DeleteParams::default()).await?;
    let mut seen = Vec::new();
    while seen.len() < 3 {
        match watch.next().await.expect("an event")? {
            WatchEvent::Added(it) => seen.push(format!("added {}", it.name_any())),
            WatchEvent::Modified(it) => {
                seen.push(format!(
                    "modified {}",
                    it.status.unwrap_or_default().printed
                ));
            }
            WatchEvent::Deleted(it) => seen.push(format!("deleted {}", it.name_any())),
            WatchEvent::Bookmark(_) => {}
            WatchEvent::Error(error) => panic!("{error}"),
        }
    }
    assert_eq!(seen, ["added a", "modified 2", "deleted a"]);
    assert_requests!(
        k,
        "patch kmock.dev/v1/documents" == 3,
        "watch" == 1,
        "delete" == 1
    );
    Ok(())
}

#[kmock::test]
async fn built_in_kinds_and_faults_side_by_side(k: KMock) -> kube::Result<()> {
    let maps: Api<ConfigMap> = Api::default_namespaced(k.client());
    let map = ConfigMap {
        data: Some([("a".to_owned(), "1".to_owned())].into()),
        ..ConfigMap::default()
    };
    let mut named = map;
    named.metadata.generate_name = Some("settings-".to_owned());
    let made = maps.create(&PostParams::default(), &named).await?;
    assert!(made.name_any().starts_with("settings-") && made.name_any().len() == 14);
    assert!(made.uid().is_some() && made.resource_version().is_some());

    // One verb of one resource is overridden, once; the emulator keeps the rest.
    kmock! { k,
        list "v1/configmaps" [..1] => 403, { "kind": "Status", "status": "Failure", "reason": "Forbidden", "message": "not today", "code": 403 };
    }
    let refused = maps
        .list(&ListParams::default())
        .await
        .expect_err("not today");
    assert!(matches!(refused, kube::Error::Api(status) if status.is_forbidden()));
    assert_eq!(maps.list(&ListParams::default()).await?.items.len(), 1);
    assert!(maps.get_opt("absent").await?.is_none());

    let pods: Api<Pod> = Api::default_namespaced(k.client());
    assert!(pods.list(&ListParams::default()).await?.items.is_empty());
    assert_requests!(k, "list v1/configmaps" == 2, list "v1/pods" in "default" == 1);
    Ok(())
}
