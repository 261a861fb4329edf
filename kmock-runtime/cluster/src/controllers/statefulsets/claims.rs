//! The claims of a StatefulSet's Pods, and whose they are.

use crate::cache::Cache;
use crate::json::{Json, json};
use crate::kind::Kind;
use crate::object::{self, items, text};
use crate::plan::{Action, Note, Plan};

fn name_of(set: &Json, template: &Json, number: i64) -> String {
    format!(
        "{}-{}-{number}",
        text(&template["metadata"]["name"]),
        object::name(set)
    )
}

/// The volumes by which a Pod uses its claims.
pub(super) fn volumes(set: &Json, number: i64) -> Vec<Json> {
    items(&set["spec"]["volumeClaimTemplates"])
        .map(|template| {
            json!({"name": template["metadata"]["name"], "persistentVolumeClaim": {"claimName": name_of(set, template, number)}})
        })
        .collect()
}

/// Whether a claim is of a set, by its name.
pub(super) fn is_of(set: &Json, claim: &Json) -> bool {
    items(&set["spec"]["volumeClaimTemplates"]).any(|template| {
        let prefix = format!(
            "{}-{}-",
            text(&template["metadata"]["name"]),
            object::name(set)
        );
        object::name(claim)
            .strip_prefix(&prefix)
            .is_some_and(|rest| rest.parse::<i64>().is_ok())
    })
}

/// Whether a claim of a Pod is about to go: then the Pod waits.
pub(super) fn are_stale(set: &Json, number: i64, cache: &Cache) -> bool {
    items(&set["spec"]["volumeClaimTemplates"]).any(|template| {
        cache
            .find(
                Kind::Claims,
                object::namespace(set),
                &name_of(set, template, number),
            )
            .is_some_and(|claim| object::is_deleting(claim))
    })
}

/// Makes the claims of a Pod that lack.
pub(super) fn create(set: &Json, pod: &Json, number: i64, cache: &Cache, plan: &mut Plan) {
    for template in items(&set["spec"]["volumeClaimTemplates"]) {
        let name = name_of(set, template, number);
        if cache
            .find(Kind::Claims, object::namespace(set), &name)
            .is_some()
        {
            continue;
        }
        let mut claim = template.clone();
        object::set(&mut claim, "status", Json::Null);
        claim["apiVersion"] = "v1".into();
        claim["kind"] = "PersistentVolumeClaim".into();
        claim["metadata"]["name"] = name.as_str().into();
        claim["metadata"]["namespace"] = object::namespace(set).into();
        for (key, value) in set["spec"]["selector"]["matchLabels"]
            .as_object()
            .into_iter()
            .flatten()
        {
            claim["metadata"]["labels"][key] = value.clone();
        }
        let owners = owners(set, pod, true, &claim);
        if !owners.is_empty() {
            claim["metadata"]["ownerReferences"] = owners.into();
        }
        let message = format!(
            "Create Claim {name} Pod {} in StatefulSet {} success",
            object::name(pod),
            object::name(set)
        );
        plan.add(Action::Create {
            kind: Kind::Claims,
            object: claim,
            told: Some(Note::normal(
                Kind::StatefulSets,
                set,
                "SuccessfulCreate",
                message,
            )),
        });
    }
}

/// The owners that a claim should have: those of others, and the set or the Pod as the policy of retention says.
fn owners(set: &Json, pod: &Json, in_range: bool, claim: &Json) -> Vec<Json> {
    let policy = &set["spec"]["persistentVolumeClaimRetentionPolicy"];
    let deletes = |when: &str| text(&policy[when]) == "Delete";
    let mut owners: Vec<Json> = items(&claim["metadata"]["ownerReferences"])
        .filter(|owner| {
            let of_set = owner["kind"] == "StatefulSet" && owner["name"] == object::name(set);
            let of_pod = owner["kind"] == "Pod" && owner["name"] == object::name(pod);
            !of_set && !of_pod
        })
        .cloned()
        .collect();
    let reference = |kind: Kind, owner: &Json| json!({"apiVersion": kind.api_version(), "kind": kind.name(), "name": object::name(owner), "uid": object::uid(owner), "controller": true, "blockOwnerDeletion": true});
    if deletes("whenScaled") && !in_range && !object::uid(pod).is_empty() {
        owners.push(reference(Kind::Pods, pod));
    } else if deletes("whenDeleted") && (in_range || !deletes("whenScaled")) {
        owners.push(reference(Kind::StatefulSets, set));
    }
    owners
}

/// Gives the claims of a Pod the owners that they should have.
pub(super) fn keep_owners(
    set: &Json,
    pod: &Json,
    number: i64,
    in_range: bool,
    cache: &Cache,
    plan: &mut Plan,
) {
    for template in items(&set["spec"]["volumeClaimTemplates"]) {
        let Some(claim) = cache.find(
            Kind::Claims,
            object::namespace(set),
            &name_of(set, template, number),
        ) else {
            continue;
        };
        let wanted = owners(set, pod, in_range, claim);
        let present: Vec<Json> = items(&claim["metadata"]["ownerReferences"])
            .cloned()
            .collect();
        let of = |owners: &[Json]| {
            owners
                .iter()
                .map(|owner| text(&owner["uid"]).to_owned())
                .collect::<Vec<_>>()
        };
        if of(&wanted) != of(&present) {
            plan.add(Action::Patch {
                kind: Kind::Claims,
                key: object::key(claim),
                subresource: "",
                patch: json!({"metadata": {"ownerReferences": if wanted.is_empty() { Json::Null } else { wanted.into() }}}),
            });
        }
    }
}
