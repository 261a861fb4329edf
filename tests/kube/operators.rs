//! The recipes of docs/operators.md: the page is made of this file (`docs::operators_are_tests` of tests/it; `UPDATE=1` writes it
//! anew). The operator under test is an ordinary one of kube-rs, and knows nothing of kmock.

use std::{sync::Arc, time::Duration};

use futures::StreamExt;
use k8s_openapi::api::{
    coordination::v1::{Lease, LeaseSpec},
    core::v1::ConfigMap,
};
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

type Done = Result<(), Box<dyn std::error::Error + Send + Sync>>;

// ---- the operator: a Site is a host in somebody's DNS, and a ConfigMap with its name

#[derive(CustomResource, Clone, Debug, Deserialize, Serialize, JsonSchema)]
#[kube(
    group = "example.com",
    version = "v1",
    kind = "Site",
    namespaced,
    status = "SiteStatus"
)]
struct SiteSpec {
    host: String,
}

#[derive(Clone, Debug, PartialEq, Deserialize, Serialize, JsonSchema)]
struct SiteStatus {
    url: String,
}

#[derive(Debug)]
struct Failed(String);

impl std::fmt::Display for Failed {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.0)
    }
}

impl std::error::Error for Failed {}

impl From<kube::Error> for Failed {
    fn from(error: kube::Error) -> Failed {
        Failed(error.to_string())
    }
}

impl From<reqwest::Error> for Failed {
    fn from(error: reqwest::Error) -> Failed {
        Failed(error.to_string())
    }
}

struct Operator {
    client: Client,
    http: reqwest::Client,
    /// The address of the DNS service.
    dns: String,
}

impl Operator {
    async fn apply(&self, site: &Site) -> Result<Action, Failed> {
        let (name, namespace) = (site.name_any(), site.namespace().unwrap_or_default());
        let zone = self
            .http
            .put(format!("{}/zones/{}", self.dns, site.spec.host));
        zone.send().await?.error_for_status()?;
        let force = PatchParams::apply("sites").force();
        let map = ConfigMap {
            metadata: ObjectMeta {
                name: Some(name.clone()),
                owner_references: site.controller_owner_ref(&()).map(|owner| vec![owner]),
                ..ObjectMeta::default()
            },
            data: Some([("host".to_owned(), site.spec.host.clone())].into()),
            ..ConfigMap::default()
        };
        let maps: Api<ConfigMap> = Api::namespaced(self.client.clone(), &namespace);
        maps.patch(&name, &force, &Patch::Apply(&map)).await?;
        let url = format!("http://{}", site.spec.host);
        if site.status != Some(SiteStatus { url: url.clone() }) {
            let status =
                json!({ "apiVersion": "example.com/v1", "kind": "Site", "status": { "url": url } });
            let sites: Api<Site> = Api::namespaced(self.client.clone(), &namespace);
            sites
                .patch_status(&name, &force, &Patch::Apply(&status))
                .await?;
            self.publish(site, "Published").await?;
        }
        Ok(Action::requeue(Duration::from_secs(300)))
    }

    async fn cleanup(&self, site: &Site) -> Result<Action, Failed> {
        let zone = self
            .http
            .delete(format!("{}/zones/{}", self.dns, site.spec.host));
        zone.send().await?.error_for_status()?;
        Ok(Action::await_change())
    }

    async fn publish(&self, site: &Site, reason: &str) -> kube::Result<()> {
        let event = KubeEvent {
            type_: EventType::Normal,
            reason: reason.to_owned(),
            note: None,
            action: "Publish".to_owned(),
            secondary: None,
        };
        let recorder = Recorder::new(self.client.clone(), "sites".into());
        recorder.publish(&event, &site.object_ref(&())).await
    }
}

async fn reconcile(site: Arc<Site>, operator: Arc<Operator>) -> Result<Action, Failed> {
    let namespace = site.namespace().unwrap_or_default();
    let sites: Api<Site> = Api::namespaced(operator.client.clone(), &namespace);
    let done = finalizer(&sites, "example.com/dns", site, |event| async {
        match event {
            Event::Apply(site) => operator.apply(&site).await,
            Event::Cleanup(site) => operator.cleanup(&site).await,
        }
    });
    done.await.map_err(|error| Failed(error.to_string()))
}

/// Runs the operator beside the test, against the server for both of its sides, and hands out its sites.
fn start(k: &KMock) -> Api<Site> {
    k.crd::<Site>();
    let client = k.client();
    let sites: Api<Site> = Api::default_namespaced(client.clone());
    let operator = Operator {
        client: client.clone(),
        http: reqwest::Client::new(),
        dns: k.url(),
    };
    let running = Controller::new(sites.clone(), watcher::Config::default())
        .owns(
            Api::<ConfigMap>::default_namespaced(client),
            watcher::Config::default(),
        )
        .run(
            reconcile,
            |_, _, _| Action::requeue(Duration::from_secs(5)),
            Arc::new(operator),
        );
    tokio::spawn(running.for_each(|_| async {}));
    sites
}

fn blog() -> Site {
    let host = "blog.example.com".to_owned();
    Site::new("blog", SiteSpec { host })
}

fn published() -> serde_json::Value {
    json!({ "status": { "url": "http://blog.example.com" } })
}

// ---- the tests

/// # To the steady state
/// The test waits for the object as the operator is to leave it; a wait in vain says how it differs. Both sides of the operator are
/// the same server: the API below, and a rule for the service outside.
#[kmock::test(start_paused = true)]
async fn to_the_steady_state(k: KMock) -> Done {
    kmock! { k, let zone = PUT "/zones/blog.example.com" => 201; }
    start(&k).create(&PostParams::default(), &blog()).await?;
    k.objects().wait_for("sites", "blog", published()).await;
    let map: ConfigMap = k.objects().read("configmaps", "blog");
    assert_eq!(map.data.unwrap_or_default()["host"], "blog.example.com");
    assert_eq!(
        map.metadata.owner_references.unwrap_or_default()[0].kind,
        "Site"
    );
    assert!(zone.count() >= 1);
    Ok(())
}

/// # A finalizer whose cleanup fails once
/// The site is there until the service outside has let go of it.
#[kmock::test(start_paused = true)]
async fn a_finalizer_whose_cleanup_fails_once(k: KMock) -> Done {
    kmock! { k,
        PUT "/zones/{host}" => 201;
        let gone = DELETE "/zones/blog.example.com" => 503, then 204;
    }
    let sites = start(&k);
    sites.create(&PostParams::default(), &blog()).await?;
    k.objects().wait_for("sites", "blog", published()).await;
    sites.delete("blog", &DeleteParams::default()).await?;
    gone.wait_for(1).await?;
    assert!(
        sites
            .get("blog")
            .await?
            .metadata
            .deletion_timestamp
            .is_some()
    );
    gone.wait_for(2).await?;
    k.settle().await;
    assert!(sites.get_opt("blog").await?.is_none());
    Ok(())
}

/// # Events
/// What was published is a request like any other, and its body a pattern.
#[kmock::test(start_paused = true)]
async fn events(k: KMock) -> Done {
    kmock! { k,
        PUT "/zones/{host}" => 201;
        let event = create "events.k8s.io/v1/events" json { "reason": "Published", "regarding": { "name": "blog" } };
    }
    start(&k).create(&PostParams::default(), &blog()).await?;
    event.wait_for(1).await?;
    tokio::time::sleep(Duration::from_secs(3600)).await;
    assert_requests!(event == 1);
    Ok(())
}

/// # Every five minutes, for an hour
/// In virtual time, so it takes no longer than the requests.
#[kmock::test(start_paused = true)]
async fn every_five_minutes(k: KMock) -> Done {
    kmock! { k, let zone = PUT "/zones/{host}" => 201; }
    start(&k).create(&PostParams::default(), &blog()).await?;
    k.objects().wait_for("sites", "blog", published()).await;
    tokio::time::sleep(Duration::from_secs(60)).await;
    let before = zone.count();
    tokio::time::sleep(Duration::from_secs(3600)).await;
    assert_eq!(zone.count() - before, 12);
    Ok(())
}

/// # Conflicts
/// A word is the whole answer: the `Status` that the API server would send.
#[kmock::test(start_paused = true)]
async fn conflicts(k: KMock) -> Done {
    kmock! { k,
        PUT "/zones/{host}" => 201;
        let clash = patch "example.com/v1/sites/status" [..2] => conflict;
    }
    start(&k).create(&PostParams::default(), &blog()).await?;
    k.objects().wait_for("sites", "blog", published()).await;
    assert_requests!(clash == 2);
    Ok(())
}

/// # Leader election
/// One candidate leads; when it stops renewing, the other takes over by the clock of the test.
#[kmock::test(start_paused = true)]
async fn leader_election(k: KMock) -> Done {
    let (a, b) = (k.client(), k.client());
    let first = tokio::spawn(async move { lead(a, "a").await });
    k.objects()
        .wait_for(
            "leases.coordination.k8s.io",
            "sites",
            json!({ "spec": { "holderIdentity": "a" } }),
        )
        .await;
    tokio::spawn(async move { lead(b, "b").await });
    tokio::time::sleep(Duration::from_secs(60)).await;
    let lease: Lease = k.objects().read("leases.coordination.k8s.io", "sites");
    assert_eq!(
        lease.spec.and_then(|spec| spec.holder_identity).as_deref(),
        Some("a")
    );
    first.abort();
    k.objects()
        .wait_for(
            "leases.coordination.k8s.io",
            "sites",
            json!({ "spec": { "holderIdentity": "b" } }),
        )
        .await;
    Ok(())
}

/// # A watch that is dropped, and has expired
/// Connections break, and what is missed is forgotten by the server: the operator lists again.
#[kmock::test(start_paused = true)]
async fn a_watch_that_is_dropped(k: KMock) -> Done {
    kmock! { k, PUT "/zones/{host}" => 201; }
    let sites = start(&k);
    k.filter("watch sites.example.com").wait_for(1).await?;
    k.cluster().pause_watches(None);
    sites.create(&PostParams::default(), &blog()).await?;
    k.cluster().compact();
    k.cluster().drop_watches(None);
    k.cluster().resume_watches(None);
    k.objects().wait_for("sites", "blog", published()).await;
    assert_requests!(k, list "v1/configmaps" >= 2);
    Ok(())
}

/// # Not allowed, and then allowed
/// The operator gets what the API server says to those who may not, tries on, and goes on when the Role is there. With a Role of your
/// own, `k.rbac(yaml)` decides: see [access.md](access.md).
#[kmock::test(start_paused = true)]
async fn not_allowed_and_then_allowed(k: KMock) -> Done {
    kmock! { k,
        PUT "/zones/{host}" => 201;
        let refused = patch "v1/configmaps" => forbidden;
    }
    start(&k).create(&PostParams::default(), &blog()).await?;
    refused.wait_for(2).await?;
    assert!(k.objects().get("configmaps", "blog").is_none());
    refused.remove();
    k.objects().wait_for("sites", "blog", published()).await;
    assert!(k.objects().get("configmaps", "blog").is_some());
    Ok(())
}

/// A candidate, as small as one can be: it takes a lease that is free or out of date, and renews it.
async fn lead(client: Client, me: &str) -> kube::Result<()> {
    const LASTS: Duration = Duration::from_secs(15);
    let leases: Api<Lease> = Api::default_namespaced(client);
    let mut seen = (None, tokio::time::Instant::now());
    loop {
        let wanted = |version: Option<String>, renewals: i32| Lease {
            metadata: ObjectMeta {
                name: Some("sites".to_owned()),
                resource_version: version,
                ..ObjectMeta::default()
            },
            spec: Some(LeaseSpec {
                holder_identity: Some(me.to_owned()),
                lease_transitions: Some(renewals),
                ..LeaseSpec::default()
            }),
        };
        match leases.get_opt("sites").await? {
            None => {
                let _ = leases
                    .create(&PostParams::default(), &wanted(None, 0))
                    .await;
            }
            Some(lease) => {
                let (version, spec) = (lease.resource_version(), lease.spec.unwrap_or_default());
                if seen.0 != version {
                    seen = (version.clone(), tokio::time::Instant::now());
                }
                let stale = seen.1.elapsed() > LASTS;
                if stale || spec.holder_identity.as_deref() == Some(me) {
                    let next = spec.lease_transitions.unwrap_or_default() + 1;
                    // Somebody may have been faster.
                    let _ = leases
                        .replace("sites", &PostParams::default(), &wanted(version, next))
                        .await;
                }
            }
        }
        tokio::time::sleep(Duration::from_secs(5)).await;
    }
}
