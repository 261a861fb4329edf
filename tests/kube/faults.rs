//! A cluster that can be told to fail: latency, refusals and cuts by ordinary rules, and hands on the watches.

use std::time::Duration;

use futures::{StreamExt, TryStreamExt};
use k8s_openapi::api::core::v1::ConfigMap;
use kmock::prelude::*;
use kube::{
    Api, ResourceExt,
    api::{ListParams, Patch, PatchParams, PostParams, WatchEvent, WatchParams},
    runtime::{WatchStreamExt, watcher},
};

fn named(name: &str) -> ConfigMap {
    let mut map = ConfigMap::default();
    map.metadata.name = Some(name.to_owned());
    map
}

fn status(code: u16, reason: &str) -> Reply {
    Reply::new().status(code).json(json!({
        "kind": "Status", "apiVersion": "v1", "metadata": {}, "status": "Failure",
        "message": "on purpose", "reason": reason, "code": code,
    }))
}

#[kmock::test(start_paused = true)]
async fn refusals_come_once_and_the_cluster_goes_on(k: KMock) -> kube::Result<()> {
    let maps: Api<ConfigMap> = Api::default_namespaced(k.client());
    maps.create(&PostParams::default(), &named("a")).await?;
    kmock! { k,
        let busy = list "v1/configmaps" [..1] => header { "Retry-After": "7" }, (status(429, "TooManyRequests"));
        let clash = patch "v1/configmaps" named "a" [..1] => (status(409, "Conflict"));
        let broken = create "v1/configmaps" [..1] => (status(500, "InternalError"));
    }
    let started = tokio::time::Instant::now();
    assert_eq!(maps.list(&ListParams::default()).await?.items.len(), 1);
    // kube-rs retries by itself, on the virtual clock.
    assert!(started.elapsed() > Duration::ZERO);
    let refusal = &busy.requests()[0];
    assert_eq!(
        (refusal.status(), k.filter("list v1/configmaps").count()),
        (Some(429), 2)
    );

    let merge = Patch::Merge(json!({ "data": { "k": "v" } }));
    let refused = maps.patch("a", &PatchParams::default(), &merge).await;
    assert!(matches!(refused, Err(kube::Error::Api(status)) if status.is_conflict()));
    assert!(maps.get("a").await?.data.is_none());
    let patched = maps.patch("a", &PatchParams::default(), &merge).await?;
    assert_eq!(patched.data.unwrap_or_default()["k"], "v");

    assert!(
        maps.create(&PostParams::default(), &named("b"))
            .await
            .is_err()
    );
    assert!(maps.get_opt("b").await?.is_none());
    maps.create(&PostParams::default(), &named("b")).await?;
    assert_requests!(busy == 1, clash == 1, broken == 1);
    Ok(())
}

#[kmock::test(start_paused = true)]
async fn latency_lets_the_cluster_answer_late(k: KMock) -> kube::Result<()> {
    let maps: Api<ConfigMap> = Api::default_namespaced(k.client());
    maps.create(&PostParams::default(), &named("slow")).await?;
    kmock! { k,
        get "v1/configmaps" named "slow" => async |_req| {
            tokio::time::sleep(Duration::from_secs(3)).await;
            None::<u16>
        };
    }
    let started = tokio::time::Instant::now();
    assert_eq!(maps.get("slow").await?.name_any(), "slow");
    assert_eq!(started.elapsed(), Duration::from_secs(3));
    Ok(())
}

#[kmock::test(start_paused = true)]
async fn a_stale_list_and_a_cut_watch_lose_nothing(k: KMock) -> kube::Result<()> {
    let maps: Api<ConfigMap> = Api::default_namespaced(k.client());
    let stale = maps.list(&ListParams::default()).await?;
    let version = stale.metadata.resource_version.unwrap_or_default();
    maps.create(&PostParams::default(), &named("new")).await?;
    kmock! { k,
        let listed = list "v1/configmaps" [..1] => {
            "kind": "ConfigMapList", "apiVersion": "v1", "metadata": { "resourceVersion": version }, "items": []
        };
        let cut = watch "v1/configmaps" [..1] => stream [ b"{\"type\":", reset ];
    }
    let watching = watcher(maps, watcher::Config::default())
        .default_backoff()
        .applied_objects();
    let mut watching = std::pin::pin!(watching);
    let found = loop {
        match watching.try_next().await {
            Ok(Some(map)) => break map,
            Ok(None) => panic!("the watch ended"),
            Err(_) => {}
        }
    };
    assert_eq!(found.name_any(), "new");
    assert_requests!(listed == 1, cut == 1);
    Ok(())
}

#[kmock::test(start_paused = true)]
async fn watches_are_paused_resumed_dropped_and_expired(k: KMock) -> kube::Result<()> {
    let maps: Api<ConfigMap> = Api::default_namespaced(k.client());
    let first = maps.create(&PostParams::default(), &named("a")).await?;
    let mut watch = maps
        .watch(&WatchParams::default().disable_bookmarks(), "0")
        .await?
        .boxed();
    let next = watch.try_next().await?;
    assert!(matches!(next, Some(WatchEvent::Added(map)) if map.name_any() == "a"));

    k.cluster().pause_watches(None);
    maps.create(&PostParams::default(), &named("b")).await?;
    let silent = tokio::time::timeout(Duration::from_secs(60), watch.try_next()).await;
    assert!(silent.is_err(), "{silent:?}");
    k.cluster().resume_watches(None);
    let next = watch.try_next().await?;
    assert!(matches!(next, Some(WatchEvent::Added(map)) if map.name_any() == "b"));

    k.cluster().drop_watches(None);
    assert!(watch.try_next().await?.is_none());

    k.cluster().compact();
    let old = first.resource_version().unwrap_or_default();
    let mut watch = maps
        .watch(&WatchParams::default().disable_bookmarks(), &old)
        .await?
        .boxed();
    let next = watch.try_next().await?;
    assert!(matches!(next, Some(WatchEvent::Error(status)) if status.code == 410));
    Ok(())
}
