//! The scheduler's decisions, a row for each rule.

use std::sync::Arc;

use super::*;
use crate::json::{Json, json};

fn node(name: &str, more: Json) -> Json {
    let mut node = json!({
        "apiVersion": "v1", "kind": "Node",
        "metadata": {"name": name, "labels": {"kubernetes.io/hostname": name}},
        "spec": {}, "status": {"allocatable": {"cpu": "4", "memory": "8Gi", "pods": "10"}},
    });
    merge(&mut node, &more);
    node
}

fn pod(name: &str, more: Json) -> Json {
    let mut pod = json!({
        "apiVersion": "v1", "kind": "Pod",
        "metadata": {"name": name, "namespace": "default", "uid": name, "labels": {"app": "web"}},
        "spec": {"containers": [{"name": "c", "resources": {"requests": {"cpu": "1"}}}]},
    });
    merge(&mut pod, &more);
    pod
}

fn merge(into: &mut Json, from: &Json) {
    match (into, from) {
        (into @ Json::Object(_), Json::Object(from)) => {
            for (key, value) in &**from {
                merge(&mut into[key], value);
            }
        }
        (into, from) => *into = from.clone(),
    }
}

fn on(node: &str, name: &str, more: Json) -> Json {
    let mut pod = pod(name, more);
    pod["spec"]["nodeName"] = node.into();
    pod
}

fn decide(objects: Vec<Json>, pod: &Json) -> Outcome {
    let cache = Cache::of(objects.clone());
    let mut scheduler = Scheduler::default();
    for object in objects {
        let kind = Kind::ALL
            .iter()
            .copied()
            .find(|kind| object["kind"] == kind.name())
            .expect("a kind");
        let change = Change {
            kind,
            key: object::key(&object).into(),
            old: None,
            new: Some(Arc::new(object)),
        };
        scheduler.touched(&change, &cache, &mut Vec::new());
    }
    scheduler.decide(pod, &cache)
}

fn bound(node: &str) -> Outcome {
    Outcome::Bind(node.to_owned())
}

fn refused(reasons: &str, preemption: &str) -> Outcome {
    let total = reasons.split(' ').next().expect("a count");
    Outcome::Unschedulable(format!(
        "0/{total} nodes are available: {}. no new claims to deallocate, preemption: 0/{total} nodes are available: {preemption}.",
        reasons.split_once(' ').expect("reasons").1
    ))
}

const HELPLESS: &str = "1 Preemption is not helpful for scheduling";
const NOBODY: &str = "1 No preemption victims found for incoming pod";

#[test]
fn without_nodes_nothing_is_scheduled() {
    assert_eq!(
        decide(vec![], &pod("p", json!({}))),
        Outcome::Unschedulable("no nodes available to schedule pods".into())
    );
}

#[test]
fn filters_in_their_words() {
    let gpu = json!({"spec": {"containers": [{"name": "c", "resources": {"requests": {"cpu": "5", "nvidia.com/gpu": "1"}}}]}});
    for (node_more, pod_more, reasons) in [
        (
            json!({}),
            gpu,
            "1 1 Insufficient cpu, 1 Insufficient nvidia.com/gpu",
        ),
        (
            json!({"spec": {"unschedulable": true}}),
            json!({}),
            "1 1 node(s) were unschedulable",
        ),
        (
            json!({"spec": {"taints": [{"key": "k", "value": "v", "effect": "NoSchedule"}]}}),
            json!({}),
            "1 1 node(s) had untolerated taint(s)",
        ),
        (
            json!({}),
            json!({"spec": {"nodeSelector": {"disk": "ssd"}}}),
            "1 1 node(s) didn't match Pod's node affinity/selector",
        ),
        (
            json!({}),
            json!({"spec": {"affinity": {"podAffinity": {"requiredDuringSchedulingIgnoredDuringExecution": [{"topologyKey": "kubernetes.io/hostname", "labelSelector": {"matchLabels": {"app": "db"}}}]}}}}),
            "1 1 node(s) didn't match pod affinity rules",
        ),
        (
            json!({}),
            json!({"spec": {"topologySpreadConstraints": [{"topologyKey": "zone", "maxSkew": 1, "whenUnsatisfiable": "DoNotSchedule", "labelSelector": {"matchLabels": {"app": "web"}}}]}}),
            "1 1 node(s) didn't match pod topology spread constraints (missing required label)",
        ),
    ] {
        assert_eq!(
            decide(vec![node("a", node_more)], &pod("p", pod_more)),
            refused(reasons, HELPLESS)
        );
    }
    let full = vec![
        node("a", json!({"status": {"allocatable": {"pods": "1"}}})),
        on("a", "x", json!({})),
    ];
    assert_eq!(
        decide(full, &pod("p", json!({}))),
        refused("1 1 Too many pods", NOBODY)
    );
    let port = json!({"spec": {"containers": [{"name": "c", "ports": [{"hostPort": 80, "containerPort": 80}]}]}});
    let taken = vec![node("a", json!({})), on("a", "x", port.clone())];
    assert_eq!(
        decide(taken, &pod("p", port)),
        refused(
            "1 1 node(s) didn't have free ports for the requested pod ports",
            NOBODY
        )
    );
}

#[test]
fn tolerations_selectors_and_affinities_let_on_nodes() {
    let tainted = || {
        node(
            "a",
            json!({"spec": {"taints": [{"key": "k", "value": "v", "effect": "NoSchedule"}]}}),
        )
    };
    for toleration in [
        json!({"key": "k", "value": "v", "effect": "NoSchedule"}),
        json!({"key": "k", "operator": "Exists"}),
        json!({"operator": "Exists"}),
    ] {
        assert_eq!(
            decide(
                vec![tainted()],
                &pod("p", json!({"spec": {"tolerations": [toleration]}}))
            ),
            bound("a")
        );
    }
    let labelled = |name: &str, disk: &str| {
        node(
            name,
            json!({"metadata": {"labels": {"disk": disk, "cores": "8"}}}),
        )
    };
    let nodes = || vec![labelled("a", "hdd"), labelled("b", "ssd")];
    assert_eq!(
        decide(
            nodes(),
            &pod("p", json!({"spec": {"nodeSelector": {"disk": "ssd"}}}))
        ),
        bound("b")
    );
    for (expression, expected) in [
        (
            json!({"key": "disk", "operator": "NotIn", "values": ["hdd"]}),
            "b",
        ),
        (
            json!({"key": "cores", "operator": "Gt", "values": ["4"]}),
            "a",
        ),
        (json!({"key": "disk", "operator": "Exists"}), "a"),
    ] {
        let affinity = json!({"spec": {"affinity": {"nodeAffinity": {"requiredDuringSchedulingIgnoredDuringExecution": {"nodeSelectorTerms": [{"matchExpressions": [expression]}]}}}}});
        assert_eq!(decide(nodes(), &pod("p", affinity)), bound(expected));
    }
    let wish = json!({"spec": {"affinity": {"nodeAffinity": {"preferredDuringSchedulingIgnoredDuringExecution": [{"weight": 10, "preference": {"matchExpressions": [{"key": "disk", "operator": "In", "values": ["ssd"]}]}}]}}}});
    assert_eq!(decide(nodes(), &pod("p", wish)), bound("b"));
}

/// The rows of `TestPodTopologySpreadScore` and of the defaults for all.
#[test]
fn pods_spread_over_zones_and_nodes_where_nobody_says_otherwise() {
    let zoned = |name: &str, zone: &str| {
        node(
            name,
            json!({"metadata": {"labels": {"topology.kubernetes.io/zone": zone}}}),
        )
    };
    let labels = json!({"matchLabels": {"app": "web"}});
    let set = json!({"apiVersion": "apps/v1", "kind": "ReplicaSet",
        "metadata": {"name": "web", "namespace": "default", "uid": "set"}, "spec": {"selector": labels}});
    let owned = json!({"metadata": {"ownerReferences": [
        {"apiVersion": "apps/v1", "kind": "ReplicaSet", "name": "web", "uid": "set", "controller": true}]}});
    let small = json!({"spec": {"containers": [{"name": "c"}]}});
    let sibling = |node: &str, name: &str| {
        let mut sibling = on(node, name, owned.clone());
        merge(&mut sibling, &small);
        sibling
    };
    let mut next = pod("p", owned.clone());
    merge(&mut next, &small);
    let nodes = || {
        vec![
            zoned("a1", "a"),
            zoned("a2", "a"),
            zoned("b1", "b"),
            set.clone(),
        ]
    };
    // Another zone is better than another node of the same.
    let with = |more: Vec<Json>| [nodes(), more].concat();
    assert_eq!(decide(with(vec![sibling("a1", "x")]), &next), bound("b1"));
    let two = vec![sibling("a1", "x"), sibling("b1", "y")];
    assert_eq!(decide(with(two), &next), bound("a2"));
    // A Pod that goes does not count, nor do those of another namespace.
    let mut gone = sibling("b1", "y");
    gone["metadata"]["deletionTimestamp"] = "2026-01-01T00:00:00Z".into();
    assert_eq!(
        decide(with(vec![sibling("a1", "x"), gone]), &next),
        bound("b1")
    );
    let mut foreign = sibling("a1", "x");
    foreign["metadata"]["namespace"] = "other".into();
    assert_eq!(decide(with(vec![foreign]), &next), bound("a2"));
    // Who has neither an owner of these kinds nor a Service is spread by what is used alone.
    let mut job = next.clone();
    job["metadata"]["ownerReferences"][0]["kind"] = "Job".into();
    assert_eq!(decide(with(vec![sibling("a2", "x")]), &job), bound("a1"));
    let service = json!({"apiVersion": "v1", "kind": "Service",
        "metadata": {"name": "web", "namespace": "default"}, "spec": {"selector": {"app": "web"}}});
    let by_service = with(vec![sibling("a1", "x"), service]);
    assert_eq!(decide(by_service, &job), bound("b1"));
    // Nodes without the keys of a Pod's own constraints score nothing.
    let mut own = next.clone();
    own["spec"]["topologySpreadConstraints"] = json!([{"topologyKey": "rack", "maxSkew": 1,
        "whenUnsatisfiable": "ScheduleAnyway", "labelSelector": labels}]);
    let racked = node("c1", json!({"metadata": {"labels": {"rack": "1"}}}));
    assert_eq!(decide(with(vec![racked]), &own), bound("c1"));
    // And such nodes count for none of the constraints that must hold.
    own["spec"]["topologySpreadConstraints"] = json!([
        {"topologyKey": "topology.kubernetes.io/zone", "maxSkew": 1, "whenUnsatisfiable": "DoNotSchedule", "labelSelector": labels},
        {"topologyKey": "rack", "maxSkew": 1, "whenUnsatisfiable": "DoNotSchedule", "labelSelector": labels},
    ]);
    let mut both = zoned("c1", "c");
    both["metadata"]["labels"]["rack"] = "1".into();
    let here = sibling("c1", "z");
    assert_eq!(decide(with(vec![both, here]), &own), bound("c1"));
}

#[test]
fn who_asks_for_nothing_is_not_balanced() {
    let free = pod("p", json!({"spec": {"containers": [{"name": "c"}]}}));
    // More is used of one than of the other: that counts for those who ask.
    let lopsided = on(
        "a",
        "x",
        json!({"spec": {"containers": [{"name": "c", "resources": {"requests": {"cpu": "1600m"}}}]}}),
    );
    let even = on(
        "b",
        "y",
        json!({"spec": {"containers": [{"name": "c", "resources": {"requests": {"cpu": "1200m", "memory": "2Gi"}}}]}}),
    );
    let objects = || {
        vec![
            node("a", json!({})),
            node("b", json!({})),
            lopsided.clone(),
            even.clone(),
        ]
    };
    assert_eq!(decide(objects(), &free), bound("a"));
    let asking = pod(
        "p",
        json!({"spec": {"containers": [{"name": "c", "resources": {"requests": {"cpu": "1m", "memory": "1Mi"}}}]}}),
    );
    // 78 and 71 for what is left, 79 and 97 for how even it is.
    assert_eq!(decide(objects(), &asking), bound("b"));
}

#[test]
fn namespaces_of_wishes_are_selected_by_their_labels() {
    let space = json!({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": "default", "labels": {"team": "a"}}});
    let objects = |selects: &str| {
        let wish = json!({"spec": {"affinity": {"podAffinity": {"preferredDuringSchedulingIgnoredDuringExecution": [{"weight": 100,
            "podAffinityTerm": {"topologyKey": "kubernetes.io/hostname", "labelSelector": {"matchLabels": {"app": "web"}},
                "namespaceSelector": {"matchLabels": {"team": selects}}}}]}}}});
        (
            vec![
                node("a", json!({})),
                node("b", json!({})),
                on("b", "x", json!({})),
                space.clone(),
            ],
            pod("p", wish),
        )
    };
    let (all, wishing) = objects("a");
    assert_eq!(decide(all, &wishing), bound("b"));
    let (all, wishing) = objects("b");
    assert_eq!(decide(all, &wishing), bound("a"));
}

#[test]
fn pods_keep_away_from_each_other_and_spread() {
    let anti = json!({"spec": {"affinity": {"podAntiAffinity": {"requiredDuringSchedulingIgnoredDuringExecution": [{"topologyKey": "kubernetes.io/hostname", "labelSelector": {"matchLabels": {"app": "web"}}}]}}}});
    let nodes = || vec![node("a", json!({})), node("b", json!({}))];
    let mut with = nodes();
    with.push(on("a", "x", json!({})));
    assert_eq!(decide(with, &pod("p", anti.clone())), bound("b"));
    // It works the other way, too.
    let mut with = nodes();
    with.push(on("a", "x", anti.clone()));
    assert_eq!(decide(with.clone(), &pod("p", json!({}))), bound("b"));
    with.push(on("b", "y", anti));
    assert_eq!(
        decide(with, &pod("p", json!({}))),
        Outcome::Unschedulable("0/2 nodes are available: 2 node(s) didn't satisfy existing pods anti-affinity rules. no new claims to deallocate, preemption: 0/2 nodes are available: 2 No preemption victims found for incoming pod.".into())
    );
    let zoned =
        |name: &str, zone: &str| node(name, json!({"metadata": {"labels": {"zone": zone}}}));
    let spread = json!({"spec": {"topologySpreadConstraints": [{"topologyKey": "zone", "maxSkew": 1, "whenUnsatisfiable": "DoNotSchedule", "labelSelector": {"matchLabels": {"app": "web"}}}]}});
    let objects = vec![zoned("a", "1"), zoned("b", "2"), on("a", "x", json!({}))];
    assert_eq!(decide(objects, &pod("p", spread)), bound("b"));
    // A Pod that wants its own kind near may be the first.
    let near = json!({"spec": {"affinity": {"podAffinity": {"requiredDuringSchedulingIgnoredDuringExecution": [{"topologyKey": "kubernetes.io/hostname", "labelSelector": {"matchLabels": {"app": "web"}}}]}}}});
    assert_eq!(decide(nodes(), &pod("p", near)), bound("a"));
}

#[test]
fn the_emptier_node_is_taken() {
    let objects = vec![
        node("a", json!({})),
        node("b", json!({})),
        on("a", "x", json!({})),
    ];
    assert_eq!(decide(objects, &pod("p", json!({}))), bound("b"));
}

#[test]
fn important_pods_make_room() {
    let big = |cpu: &str, priority: i64| json!({"spec": {"priority": priority, "containers": [{"name": "c", "resources": {"requests": {"cpu": cpu}}}]}});
    let objects = || {
        vec![
            node("a", json!({})),
            on("a", "low", big("2", 1)),
            on("a", "lower", big("2", 0)),
        ]
    };
    let outcome = decide(objects(), &pod("p", big("2", 10)));
    let Outcome::Preempt { node, victims, .. } = outcome else {
        panic!("{outcome:?}");
    };
    assert_eq!(
        (node.as_str(), victims),
        ("a", vec!["default/lower".to_owned()])
    );
    assert_eq!(
        decide(objects(), &pod("p", big("2", 0))),
        refused("1 1 Insufficient cpu", NOBODY)
    );
    let mut never = big("2", 10);
    never["spec"]["preemptionPolicy"] = "Never".into();
    assert_eq!(
        decide(objects(), &pod("p", never)),
        Outcome::Unschedulable("0/1 nodes are available: 1 Insufficient cpu. no new claims to deallocate, preemption: not eligible due to preemptionPolicy=Never.".into())
    );
}

/// Rows of `TestSelectBestCandidate` and of `filterPodsWithPDBViolation`.
#[test]
fn of_those_that_could_go_the_least_harm_is_done() {
    let big = |priority: i64, since: &str| {
        json!({"metadata": {"labels": {"app": "db"}}, "status": {"startTime": since},
            "spec": {"priority": priority, "containers": [{"name": "c", "resources": {"requests": {"cpu": "2"}}}]}})
    };
    let goes = |objects: Vec<Json>, pod: &Json| match decide(objects, pod) {
        Outcome::Preempt {
            node, mut victims, ..
        } => {
            victims.sort();
            (node, victims.join(" ").replace("default/", ""))
        }
        other => panic!("{other:?}"),
    };
    let is = |node: &str, victims: &str| (node.to_owned(), victims.to_owned());
    let (early, late) = ("2026-01-01T00:00:00Z", "2026-01-02T00:00:00Z");
    let nodes = || vec![node("a", json!({})), node("b", json!({}))];
    let all = pod(
        "p",
        json!({"spec": {"priority": 10, "containers": [{"name": "c", "resources": {"requests": {"cpu": "4"}}}]}}),
    );
    // Of equals those go that have not run for so long.
    let equal = [
        ("a", "u", early),
        ("a", "v", late),
        ("b", "w", late),
        ("b", "x", late),
    ];
    let equal = equal.map(|(at, name, since)| on(at, name, big(1, since)));
    assert_eq!(goes([nodes(), equal.into()].concat(), &all), is("b", "w x"));
    // One that was never started is the latest of all.
    let odd = [
        ("a", "u", late),
        ("a", "v", late),
        ("b", "w", ""),
        ("b", "x", ""),
    ];
    let odd = odd.map(|(at, name, since)| on(at, name, big(1, since)));
    assert_eq!(goes([nodes(), odd.into()].concat(), &all), is("b", "w x"));
    // A budget that lets one go is broken by the second one.
    let budget = |allowed: i64, disrupted: Json| {
        json!({"apiVersion": "policy/v1", "kind": "PodDisruptionBudget", "metadata": {"name": "db", "namespace": "default"},
            "spec": {"selector": {"matchLabels": {"app": "db"}}},
            "status": {"disruptionsAllowed": allowed, "disruptedPods": disrupted}})
    };
    let free = |name: &str, since: &str| {
        let mut free = on("b", name, big(1, since));
        free["metadata"]["labels"]["app"] = "free".into();
        free
    };
    let guarded = || {
        vec![
            on("a", "u", big(1, late)),
            on("a", "v", big(1, late)),
            free("w", early),
            free("x", early),
        ]
    };
    let with = |budget: Json| [nodes(), guarded(), vec![budget]].concat();
    assert_eq!(goes(with(budget(1, Json::Null)), &all), is("b", "w x"));
    assert_eq!(goes(with(budget(2, Json::Null)), &all), is("a", "u v"));
    // What is being evicted was counted already.
    assert_eq!(
        goes(with(budget(1, json!({"u": late}))), &all),
        is("a", "u v")
    );
    // Where one has to go, the one beyond the budget stays.
    let one = pod(
        "p",
        json!({"spec": {"priority": 10, "containers": [{"name": "c", "resources": {"requests": {"cpu": "2"}}}]}}),
    );
    let here = vec![
        node("a", json!({})),
        on("a", "u", big(1, early)),
        on("a", "v", big(1, late)),
        budget(1, Json::Null),
    ];
    assert_eq!(goes(here, &one), is("a", "u"));
}

/// Rows of `TestNodeDeclaredFeaturesFilter`.
#[test]
fn nodes_are_asked_for_what_their_kubelets_can() {
    let rules = json!([{"action": "RestartAllContainers", "exitCodes": {"operator": "In", "values": [42]}}]);
    let demanding = json!({"spec": {"containers": [{"name": "c", "restartPolicyRules": rules}]}});
    let able =
        json!({"status": {"declaredFeatures": ["Other", "RestartAllContainersOnContainerExits"]}});
    let refusal = refused("1 1 node(s) didn't match Pod's required features", HELPLESS);
    assert_eq!(
        decide(vec![node("a", json!({}))], &pod("p", demanding.clone())),
        refusal
    );
    assert_eq!(
        decide(vec![node("a", able)], &pod("p", demanding)),
        bound("a")
    );
}
