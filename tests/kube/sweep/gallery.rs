//! The controllers: `wrong` has the bug, `right` does not.

use super::*;

/// A case of the gallery: the sweep finds the bug and says so, and the corrected controller passes.
macro_rules! case {
    (
        $(#[$doc:meta])* $name:ident: $life:ident, told: [$($text:literal),+];
        $($code:tt)*
    ) => {
        $(#[$doc])*
        pub(super) mod $name {
            use super::*;

            $($code)*

            #[test]
            fn is_found() {
                let told = told(stringify!($name), |k| $life(k, wrong));
                for text in [$($text),+] {
                    assert!(told.contains(text), "{text:?} is not in\n{told}");
                }
            }

            // kube-rs asks for the most recent state, so that no restart shows what was there long before: controllers that
            // are right by that contract are told off by a restart into the past, which only clients of `any_semantic()` meet.
            #[kmock::test(start_paused = true, sweep, sweep_budget = 600s, sweep_share = share(), sweep_without = ["rewound"])]
            async fn corrected(k: KMock) {
                $life(k, right).await;
            }
        }
    };
}

case! {
    /// Data is looked for through the members: a crash between the two deletions leaks it.
    leaked_data: life, told: ["crashed after `delete configmaps default/member-", "secrets default/data-", "is left"];

    async fn grow(ring: &Ring, client: &Client) -> kube::Result<()> {
        for number in 0..ring.spec.size {
            ensure(&data(client), &data_of(number)).await?;
            ensure(&members(client), &member(ring, number)).await?;
        }
        Ok(())
    }

    async fn wrong(ring: Arc<Ring>, client: Arc<Client>) -> Outcome {
        grow(&ring, &client).await?;
        let all = members(&client).list(&ListParams::default()).await?;
        for number in numbers(all, "member-") {
            if number >= ring.spec.size {
                gone(&members(&client), &format!("member-{number}")).await?;
                gone(&data(&client), &format!("data-{number}")).await?;
            }
        }
        Ok(Action::await_change())
    }

    pub(in super::super) async fn right(ring: Arc<Ring>, client: Arc<Client>) -> Outcome {
        grow(&ring, &client).await?;
        for number in numbers(members(&client).list(&ListParams::default()).await?, "member-") {
            if number >= wanted(&ring, &client).await? {
                gone(&members(&client), &format!("member-{number}")).await?;
            }
        }
        for number in numbers(data(&client).list(&ListParams::default()).await?, "data-") {
            if number >= wanted(&ring, &client).await? {
                gone(&data(&client), &format!("data-{number}")).await?;
            }
        }
        Ok(Action::requeue(Duration::from_secs(300)))
    }
}

/// What all of the following do about members: exactly so many.
async fn exactly(ring: &Ring, client: &Client) -> kube::Result<()> {
    // What was seen when the program started may be old, and what is deleted is gone.
    let size = rings(client).get(&ring.name_any()).await?.spec.size;
    for number in 0..size {
        ensure(&members(client), &member(ring, number)).await?;
    }
    let all = members(client).list(&ListParams::default()).await?;
    for number in numbers(all, "member-") {
        if number >= size {
            gone(&members(client), &format!("member-{number}")).await?;
        }
    }
    Ok(())
}

/// The size that is wanted now.
async fn wanted(ring: &Ring, client: &Client) -> kube::Result<u32> {
    let now = rings(client).get(&ring.name_any()).await?;
    Ok(now.spec.size.max(ring.spec.size))
}

fn ready(ring: &Ring) -> u32 {
    ring.status.as_ref().map_or(0, |status| status.ready)
}

case! {
    /// The status is written before the work is done, and taken for the proof that it was.
    status_before_work: life, told: ["after `patch rings.kmock.dev/status default/r`", "configmaps default/member-"];

    async fn wrong(ring: Arc<Ring>, client: Arc<Client>) -> Outcome {
        if ready(&ring) != ring.spec.size {
            report(&client, &ring, json!({"ready": ring.spec.size})).await?;
            exactly(&ring, &client).await?;
        }
        Ok(Action::await_change())
    }

    async fn right(ring: Arc<Ring>, client: Arc<Client>) -> Outcome {
        exactly(&ring, &client).await?;
        if ready(&ring) != ring.spec.size {
            report(&client, &ring, json!({"ready": ring.spec.size})).await?;
        }
        Ok(Action::requeue(Duration::from_secs(300)))
    }
}

case! {
    /// Errors are dropped: what failed once is never done.
    swallowed_errors: life, told: ["is left"];

    async fn wrong(ring: Arc<Ring>, client: Arc<Client>) -> Outcome {
        let _ = exactly(&ring, &client).await;
        Ok(Action::await_change())
    }

    async fn right(ring: Arc<Ring>, client: Arc<Client>) -> Outcome {
        exactly(&ring, &client).await?;
        Ok(Action::requeue(Duration::from_secs(300)))
    }
}

case! {
    /// What is there already is taken for a failure that only a person can mend.
    already_exists: life, told: ["`create configmaps default/member-", "is missing"];

    async fn wrong(ring: Arc<Ring>, client: Arc<Client>) -> Outcome {
        let known = numbers(members(&client).list(&ListParams::default()).await?, "member-");
        if ready(&ring) == ring.spec.size {
            return Ok(Action::await_change());
        }
        for number in 0..ring.spec.size {
            let counted = known.len() > number as usize && ready(&ring) > number;
            if !counted {
                match members(&client).create(&PostParams::default(), &member(&ring, number)).await {
                    Err(error) if is_status(&error, 409) => return Ok(Action::await_change()),
                    other => drop(other?),
                }
            }
        }
        report(&client, &ring, json!({"ready": ring.spec.size})).await?;
        Ok(Action::await_change())
    }

    async fn right(ring: Arc<Ring>, client: Arc<Client>) -> Outcome {
        for number in 0..ring.spec.size {
            ensure(&members(&client), &member(&ring, number)).await?;
        }
        if ready(&ring) != ring.spec.size {
            report(&client, &ring, json!({"ready": ring.spec.size})).await?;
        }
        Ok(Action::requeue(Duration::from_secs(300)))
    }
}

case! {
    /// An answer that was lost is asked for again under a new name.
    doubled_by_generated_names: life, told: ["secrets default/backup-*"];

    async fn wrong(ring: Arc<Ring>, client: Arc<Client>) -> Outcome {
        exactly(&ring, &client).await?;
        if ready(&ring) != ring.spec.size {
            let backup = Secret {
                metadata: ObjectMeta { generate_name: Some("backup-".into()), ..ObjectMeta::default() },
                ..Secret::default()
            };
            data(&client).create(&PostParams::default(), &backup).await?;
            report(&client, &ring, json!({"ready": ring.spec.size})).await?;
        }
        Ok(Action::requeue(Duration::from_secs(300)))
    }

    async fn right(ring: Arc<Ring>, client: Arc<Client>) -> Outcome {
        exactly(&ring, &client).await?;
        if ready(&ring) != ring.spec.size {
            let generation = ring.metadata.generation.unwrap_or_default();
            let backup = Secret {
                metadata: ObjectMeta { name: Some(format!("backup-{generation}")), ..ObjectMeta::default() },
                ..Secret::default()
            };
            ensure(&data(&client), &backup).await?;
            report(&client, &ring, json!({"ready": ring.spec.size})).await?;
        }
        Ok(Action::requeue(Duration::from_secs(300)))
    }
}

case! {
    /// A counter goes up with each try, not with each success.
    counted_tries: life, told: ["status.made: want"];

    async fn wrong(ring: Arc<Ring>, client: Arc<Client>) -> Outcome {
        let status = ring.status.clone().unwrap_or_default();
        if status.ready != ring.spec.size {
            report(&client, &ring, json!({"made": status.made + 1})).await?;
            exactly(&ring, &client).await?;
            report(&client, &ring, json!({"ready": ring.spec.size})).await?;
        }
        Ok(Action::requeue(Duration::from_secs(300)))
    }

    async fn right(ring: Arc<Ring>, client: Arc<Client>) -> Outcome {
        exactly(&ring, &client).await?;
        let generation = ring.metadata.generation.unwrap_or_default();
        if ready(&ring) != ring.spec.size {
            report(&client, &ring, json!({"ready": ring.spec.size, "made": generation})).await?;
        }
        Ok(Action::requeue(Duration::from_secs(300)))
    }
}

case! {
    /// A mistake of the server's is taken for one of the program's.
    panics: life, told: ["the program panicked", "the API server answers"];

    async fn wrong(ring: Arc<Ring>, client: Arc<Client>) -> Outcome {
        exactly(&ring, &client).await.expect("the API server answers");
        Ok(Action::requeue(Duration::from_secs(300)))
    }

    async fn right(ring: Arc<Ring>, client: Arc<Client>) -> Outcome {
        exactly(&ring, &client).await?;
        Ok(Action::requeue(Duration::from_secs(300)))
    }
}

const FINALIZER: &str = "kmock.dev/data";

async fn set_finalizers(client: &Client, ring: &Ring, names: &[&str]) -> kube::Result<()> {
    let patch = Patch::Merge(json!({"metadata": {"finalizers": names}}));
    match rings(client)
        .patch(&ring.name_any(), &PatchParams::default(), &patch)
        .await
    {
        // Off it comes with the ring; but what could not be put on guards nothing.
        Err(error) if is_status(&error, 404) && names.is_empty() => Ok(()),
        other => other.map(drop),
    }
}

/// Whether there is anything more to do than to clean up.
fn alive(ring: &Ring) -> bool {
    ring.metadata.deletion_timestamp.is_none()
}

fn guarded(ring: &Ring) -> bool {
    ring.finalizers().iter().any(|name| name == FINALIZER)
}

/// A ring with data of its own, guarded by a finalizer as it should be.
async fn cleaned(ring: Arc<Ring>, client: Arc<Client>) -> Outcome {
    if alive(&ring) {
        if !guarded(&ring) {
            set_finalizers(&client, &ring, &[FINALIZER]).await?;
        }
        ensure(&data(&client), &data_of(0)).await?;
    } else if guarded(&ring) {
        gone(&data(&client), "data-0").await?;
        set_finalizers(&client, &ring, &[]).await?;
    }
    Ok(Action::requeue(Duration::from_secs(300)))
}

case! {
    /// What is gone already is a failure, so that the finalizer stays for ever.
    stuck_finalizer: life_and_death, told: ["`delete secrets default/data-0`", "is still being deleted"];

    async fn wrong(ring: Arc<Ring>, client: Arc<Client>) -> Outcome {
        if alive(&ring) {
            if !guarded(&ring) {
                set_finalizers(&client, &ring, &[FINALIZER]).await?;
            }
            ensure(&data(&client), &data_of(0)).await?;
        } else if guarded(&ring) {
            data(&client).delete("data-0", &DeleteParams::default()).await?;
            set_finalizers(&client, &ring, &[]).await?;
        }
        Ok(Action::requeue(Duration::from_secs(300)))
    }

    async fn right(ring: Arc<Ring>, client: Arc<Client>) -> Outcome {
        cleaned(ring, client).await
    }
}

case! {
    /// The finalizer comes off before the work that it guards is done.
    finalizer_off_too_early: life_and_death, told: ["secrets default/data-0 is left"];

    async fn wrong(ring: Arc<Ring>, client: Arc<Client>) -> Outcome {
        if alive(&ring) {
            if !guarded(&ring) {
                set_finalizers(&client, &ring, &[FINALIZER]).await?;
            }
            ensure(&data(&client), &data_of(0)).await?;
        } else if guarded(&ring) {
            set_finalizers(&client, &ring, &[]).await?;
            gone(&data(&client), "data-0").await?;
        }
        Ok(Action::requeue(Duration::from_secs(300)))
    }

    async fn right(ring: Arc<Ring>, client: Arc<Client>) -> Outcome {
        cleaned(ring, client).await
    }
}

case! {
    /// Data is made before the finalizer is on: a ring that is deleted in between leaves it.
    finalizer_on_too_late: short_life, told: ["secrets default/data-0 is left"];

    async fn wrong(ring: Arc<Ring>, client: Arc<Client>) -> Outcome {
        if alive(&ring) {
            ensure(&data(&client), &data_of(0)).await?;
            if !guarded(&ring) {
                set_finalizers(&client, &ring, &[FINALIZER]).await?;
            }
        } else if guarded(&ring) {
            gone(&data(&client), "data-0").await?;
            set_finalizers(&client, &ring, &[]).await?;
        }
        Ok(Action::requeue(Duration::from_secs(300)))
    }

    async fn right(ring: Arc<Ring>, client: Arc<Client>) -> Outcome {
        cleaned(ring, client).await
    }
}

case! {
    /// The owner is written in a second step, that a crash may take away.
    owner_in_a_second_step: life, told: ["metadata.ownerReferences: want"];

    async fn wrong(ring: Arc<Ring>, client: Arc<Client>) -> Outcome {
        let known = numbers(members(&client).list(&ListParams::default()).await?, "member-");
        for number in (0..ring.spec.size).filter(|number| !known.contains(number)) {
            let mut bare = member(&ring, number);
            let owners = bare.metadata.owner_references.take();
            ensure(&members(&client), &bare).await?;
            let patch = Patch::Merge(json!({"metadata": {"ownerReferences": owners}}));
            members(&client).patch(&bare.name_any(), &PatchParams::default(), &patch).await?;
        }
        Ok(Action::requeue(Duration::from_secs(300)))
    }

    async fn right(ring: Arc<Ring>, client: Arc<Client>) -> Outcome {
        for number in 0..ring.spec.size {
            ensure(&members(&client), &member(&ring, number)).await?;
        }
        Ok(Action::requeue(Duration::from_secs(300)))
    }
}

case! {
    /// What is not in the list just read is taken for an orphan: a stale list lets live data be deleted.
    orphans_by_a_stale_list: two_rings, told: ["was deleted and made again"];

    async fn wrong(ring: Arc<Ring>, client: Arc<Client>) -> Outcome {
        let name = ring.name_any();
        ensure(&data(&client), &named(&name)).await?;
        let known: Vec<String> = rings(&client).list(&ListParams::default()).await?.into_iter().map(|ring| ring.name_any()).collect();
        for secret in data(&client).list(&ListParams::default()).await? {
            if !known.contains(&secret.name_any()) {
                gone(&data(&client), &secret.name_any()).await?;
            }
        }
        Ok(Action::requeue(Duration::from_secs(300)))
    }

    async fn right(ring: Arc<Ring>, client: Arc<Client>) -> Outcome {
        let name = ring.name_any();
        ensure(&data(&client), &named(&name)).await?;
        for secret in data(&client).list(&ListParams::default()).await? {
            // The one who must know is asked before anything is deleted.
            if rings(&client).get_opt(&secret.name_any()).await?.is_none() {
                gone(&data(&client), &secret.name_any()).await?;
            }
        }
        Ok(Action::requeue(Duration::from_secs(300)))
    }
}

case! {
    /// A replacement is decided by what a list says, and carried out by name: a stale list replaces the new one, too.
    replaced_by_name: life, told: ["was deleted and made again more often"];

    async fn wrong(ring: Arc<Ring>, client: Arc<Client>) -> Outcome {
        replace(&ring, &client, false).await
    }

    async fn right(ring: Arc<Ring>, client: Arc<Client>) -> Outcome {
        replace(&ring, &client, true).await
    }

    /// The one member is made anew for each size, as it says in a label.
    async fn replace(ring: &Ring, client: &Client, by_uid: bool) -> Outcome {
        let want = ring.spec.size.to_string();
        let found = members(client).list(&ListParams::default()).await?.into_iter().find(|one| one.name_any() == "member-0");
        if let Some(found) = &found
            && found.labels().get("size") != Some(&want)
        {
            let only = by_uid.then(|| kube::api::Preconditions { uid: found.uid(), resource_version: None });
            let params = DeleteParams { preconditions: only, ..DeleteParams::default() };
            match members(client).delete("member-0", &params).await {
                Err(error) if is_status(&error, 404) => {}
                other => drop(other?),
            }
        } else if found.is_some() {
            return Ok(Action::requeue(Duration::from_secs(300)));
        }
        let mut fresh = member(ring, 0);
        fresh.metadata.labels = Some([("size".to_owned(), want)].into());
        ensure(&members(client), &fresh).await?;
        Ok(Action::requeue(Duration::from_secs(300)))
    }
}

case! {
    /// What was read is written back whole, without its version: what another client wrote meanwhile is lost.
    lost_update: counted, told: ["another client annotated the object just before `update configmaps default/count`", "lost what another client wrote"];

    async fn wrong(ring: Arc<Ring>, client: Arc<Client>) -> Outcome {
        count(&ring, &client, false).await
    }

    async fn right(ring: Arc<Ring>, client: Arc<Client>) -> Outcome {
        count(&ring, &client, true).await
    }

    async fn count(ring: &Ring, client: &Client, by_version: bool) -> Outcome {
        let size = ring.spec.size.to_string();
        let mut counted = members(client).get("count").await?;
        if counted.data.as_ref().and_then(|data| data.get("size")) != Some(&size) {
            counted.data.get_or_insert_default().insert("size".into(), size);
            if !by_version {
                counted.metadata.resource_version = None;
            }
            members(client).replace("count", &PostParams::default(), &counted).await?;
        }
        Ok(Action::requeue(Duration::from_secs(300)))
    }
}

case! {
    /// The status says that all is there when a part failed, which comes right only five minutes later.
    ready_before_its_parts: life, told: ["the status of rings.kmock.dev default/r said", "was not there"];

    async fn wrong(ring: Arc<Ring>, client: Arc<Client>) -> Outcome {
        let done = exactly(&ring, &client).await;
        if ready(&ring) != ring.spec.size {
            report(&client, &ring, json!({"ready": ring.spec.size})).await?;
        }
        // The failure is not lost, but it is told too late.
        done?;
        Ok(Action::requeue(Duration::from_secs(300)))
    }

    async fn right(ring: Arc<Ring>, client: Arc<Client>) -> Outcome {
        exactly(&ring, &client).await?;
        if ready(&ring) != ring.spec.size {
            report(&client, &ring, json!({"ready": ring.spec.size})).await?;
        }
        Ok(Action::requeue(Duration::from_secs(300)))
    }
}

/// A ring whose size is noted in an object that others write to, too.
async fn counted<F, Fut>(k: KMock, reconcile: F)
where
    F: Fn(Arc<Ring>, Arc<Client>) -> Fut + Copy + Send + Sync + 'static,
    Fut: Future<Output = Outcome> + Send + 'static,
{
    k.objects()
        .seed(json!({"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "count"}}));
    life(k, reconcile).await;
}

/// The secret of a ring, by its name.
fn named(name: &str) -> Secret {
    Secret {
        metadata: ObjectMeta {
            name: Some(name.to_owned()),
            ..ObjectMeta::default()
        },
        ..Secret::default()
    }
}

/// Made and deleted at once.
async fn short_life<F, Fut>(k: KMock, reconcile: F)
where
    F: Fn(Arc<Ring>, Arc<Client>) -> Fut + Copy + Send + Sync + 'static,
    Fut: Future<Output = Outcome> + Send + 'static,
{
    begin(&k, reconcile);
    k.objects().seed(fresh("r"));
    tokio::time::sleep(Duration::from_secs(1)).await;
    delete(&k).await;
    k.settle().await;
}

/// Two rings, one after the other.
async fn two_rings<F, Fut>(k: KMock, reconcile: F)
where
    F: Fn(Arc<Ring>, Arc<Client>) -> Fut + Copy + Send + Sync + 'static,
    Fut: Future<Output = Outcome> + Send + 'static,
{
    begin(&k, reconcile);
    for name in ["a", "b"] {
        k.objects().seed(fresh(name));
        k.settle().await;
    }
}
