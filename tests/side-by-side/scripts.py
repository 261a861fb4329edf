"""The scripts: what a user does to a cluster. Each has a namespace of its own, by its name."""

ALL = {}


def script(function=None, **options):
    """Takes a function as a script: `alone` disturbs nodes, with `nodes` it matters where Pods are."""

    def take(function):
        for name, value in options.items():
            setattr(function, name, value)
        ALL[function.__name__.replace("_", "-")] = function
        return function

    return take(function) if function else take


def template(image="web", labels=None, **spec):
    container = {"name": "main", "image": image}
    container.update(spec.pop("container", {}))
    return {"metadata": {"labels": labels or {"app": "web"}}, "spec": {"containers": [container], **spec}}


def workload(kind, name="web", image="web", labels=None, pod=None, **spec):
    labels = labels or {"app": name}
    return {
        "kind": kind,
        "metadata": {"name": name},
        "spec": {"selector": {"matchLabels": labels}, "template": template(image, labels, **(pod or {})), **spec},
    }


def job(name="once", image="done", pod=None, **spec):
    return {
        "kind": "Job",
        "metadata": {"name": name},
        "spec": {"template": template(image, {"app": name}, restartPolicy="Never", **(pod or {})), **spec},
    }


def pod(name, image="web", labels=None, **spec):
    made = template(image, labels or {"app": name}, **spec)
    return {"kind": "Pod", "metadata": {"name": name, **made["metadata"]}, "spec": made["spec"]}


def image(name):
    return {"spec": {"template": {"spec": {"containers": [{"name": "main", "image": name}]}}}}


def shell(text):
    return {"container": {"image": "busybox", "command": ["sh", "-c", text]}}


def cpu(amount):
    return {"resources": {"requests": {"cpu": amount}}}


APART = {
    "nodeSelector": {"kubernetes.io/hostname": "node-4"},
    "tolerations": [{"key": "apart", "operator": "Exists"}],
}


# Deployments


@script
def deployment_rollout(run):
    run.create(workload("Deployment", replicas=3))
    run.rolled_out("deployments/web")
    run.patch("deployments/web", image("slow"))
    run.rolled_out("deployments/web")


@script
def deployment_rollback(run):
    run.create(workload("Deployment", replicas=2, revisionHistoryLimit=2))
    run.rolled_out("deployments/web")
    for name in ("v2", "v3", "v4", "web"):
        run.patch("deployments/web", image(name))
        run.rolled_out("deployments/web")
        run.settle()


@script
def deployment_recreate(run):
    run.create(workload("Deployment", replicas=2, strategy={"type": "Recreate"}))
    run.rolled_out("deployments/web")
    run.patch("deployments/web", image("v2"))
    run.rolled_out("deployments/web")


@script
def deployment_pause(run):
    run.create(workload("Deployment", replicas=2))
    run.rolled_out("deployments/web")
    run.patch("deployments/web", {"spec": {"paused": True}})
    run.condition("deployments/web", "Progressing", "Unknown", "DeploymentPaused")
    run.patch("deployments/web", image("v2"))
    run.scale("deployments/web", 3)
    run.wait("deployments/web", lambda web: web["status"].get("availableReplicas") == 3)
    run.patch("deployments/web", {"spec": {"paused": False}})
    run.rolled_out("deployments/web")


@script
def deployment_bad_image(run):
    run.create(workload("Deployment", replicas=4, progressDeadlineSeconds=4))
    run.rolled_out("deployments/web")
    run.patch("deployments/web", image("never"))
    run.condition("deployments/web", "Progressing", "False", "ProgressDeadlineExceeded")
    run.scale("deployments/web", 8)
    run.settle()
    run.patch("deployments/web", image("web"))
    run.rolled_out("deployments/web")


@script
def deployment_scale(run):
    run.create(workload("Deployment", replicas=4))
    run.rolled_out("deployments/web")
    run.scale("deployments/web", 1)
    run.rolled_out("deployments/web")
    run.scale("deployments/web", 0)
    run.rolled_out("deployments/web")


@script
def deployment_quota(run):
    run.create({"kind": "ResourceQuota", "metadata": {"name": "few"}, "spec": {"hard": {"pods": "2", "count/deployments.apps": "1"}}})
    run.wait("resourcequotas/few", lambda quota: quota["status"]["hard"])
    run.create(workload("Deployment", replicas=3))
    run.condition("deployments/web", "ReplicaFailure")
    run.wait("deployments/web", lambda web: web["status"].get("availableReplicas") == 2)
    run.attempt("another", lambda: run.create(workload("Deployment", "other", replicas=1)))


# ReplicaSets, ReplicationControllers


@script
def replicaset_adoption(run):
    run.create(pod("orphan", labels={"app": "web"}))
    run.condition("pods/orphan", "Ready")
    run.create(workload("ReplicaSet", replicas=2))
    run.wait("replicasets/web", lambda web: web["status"].get("readyReplicas") == 2)
    run.settle()
    run.patch("pods/orphan", {"metadata": {"labels": {"app": "other"}}})
    run.wait("replicasets/web", lambda web: len(run.list("pods", {"app": "web"})) == 2 and web["status"].get("readyReplicas") == 2)


@script
def replicationcontroller_scale(run):
    controller = workload("ReplicationController", replicas=3)
    controller["spec"]["selector"] = {"app": "web"}
    run.create(controller)
    run.wait("replicationcontrollers/web", lambda web: web["status"].get("readyReplicas") == 3)
    run.settle()
    run.scale("replicationcontrollers/web", 1)
    run.wait("replicationcontrollers/web", lambda web: web["status"]["replicas"] == 1)


# StatefulSets


@script
def statefulset_ordered(run):
    run.create(workload("StatefulSet", image="slow", replicas=3, serviceName="web"))
    run.wait("statefulsets/web", lambda web: web["status"].get("readyReplicas") == 3)
    run.patch("statefulsets/web", image("web"))
    run.wait("statefulsets/web", lambda web: web["status"].get("updatedReplicas") == 3 and web["status"]["currentRevision"] == web["status"]["updateRevision"])
    run.scale("statefulsets/web", 1)
    run.wait("statefulsets/web", lambda web: web["status"]["replicas"] == 1)


@script
def statefulset_parallel_partition(run):
    strategy = {"type": "RollingUpdate", "rollingUpdate": {"partition": 2}}
    run.create(workload("StatefulSet", replicas=4, serviceName="web", podManagementPolicy="Parallel", updateStrategy=strategy))
    run.wait("statefulsets/web", lambda web: web["status"].get("availableReplicas") == 4)
    run.patch("statefulsets/web", image("v2"))
    run.wait("statefulsets/web", lambda web: web["status"].get("updatedReplicas") == 2 and web["status"].get("availableReplicas") == 4)
    run.delete("pods/web-0")
    run.settle()
    run.wait("statefulsets/web", lambda web: web["status"].get("availableReplicas") == 4)


@script
def statefulset_claims(run):
    run.create({"kind": "StorageClass", "metadata": {"name": "by-hand"}, "provisioner": "kubernetes.io/no-provisioner"})
    for number in range(3):
        run.create(volume(f"data-{number}", "by-hand", claimRef={"name": f"data-web-{number}", "namespace": run.ns}))
    claim = {
        "metadata": {"name": "data"},
        "spec": {"accessModes": ["ReadWriteOnce"], "storageClassName": "by-hand", "resources": {"requests": {"storage": "1Gi"}}},
    }
    retention = {"whenScaled": "Delete", "whenDeleted": "Retain"}
    mount = {"container": {"volumeMounts": [{"name": "data", "mountPath": "/data"}]}}
    run.create(workload("StatefulSet", pod=mount, replicas=3, serviceName="web", volumeClaimTemplates=[claim], persistentVolumeClaimRetentionPolicy=retention))
    run.wait("statefulsets/web", lambda web: web["status"].get("readyReplicas") == 3)
    run.settle()
    run.scale("statefulsets/web", 1)
    run.gone("persistentvolumeclaims/data-web-2")
    run.gone("persistentvolumeclaims/data-web-1")
    run.settle()
    run.delete("statefulsets/web", propagationPolicy="Background")
    run.gone("pods/web-0")


# DaemonSets


@script
def daemonset_update(run):
    run.create(workload("DaemonSet"))
    run.wait("daemonsets/web", lambda web: web["status"].get("numberAvailable") == 3)
    run.settle()
    run.patch("daemonsets/web", image("v2"))
    run.wait("daemonsets/web", lambda web: web["status"].get("updatedNumberScheduled") == 3 and web["status"].get("numberAvailable") == 3)


@script
def daemonset_taints(run):
    tolerations = [{"key": "apart", "operator": "Exists"}]
    run.create(workload("DaemonSet", pod={"tolerations": tolerations}, updateStrategy={"type": "OnDelete"}))
    run.wait("daemonsets/web", lambda web: web["status"].get("numberAvailable") == 4)
    run.patch("daemonsets/web", {"spec": {"template": {"spec": {"nodeSelector": {"topology.kubernetes.io/zone": "a"}}}}})
    run.wait("daemonsets/web", lambda web: web["status"].get("numberMisscheduled", 0) == 0 and web["status"].get("currentNumberScheduled") == 2)


# Jobs


@script
def job_completes(run):
    run.create(job(completions=3, parallelism=2))
    run.condition("jobs/once", "Complete")


@script
def job_indexed_failures(run):
    text = '[ "$JOB_COMPLETION_INDEX" != 1 ]'
    run.create(job(pod=shell(text), completions=3, parallelism=3, completionMode="Indexed", backoffLimitPerIndex=0, maxFailedIndexes=2))
    run.condition("jobs/once", "Failed")


@script
def job_backoff(run):
    run.create(job(image="fails", backoffLimit=1))
    run.condition("jobs/once", "Failed", reason="BackoffLimitExceeded")


@script
def job_success_policy(run):
    text = 'if [ "$JOB_COMPLETION_INDEX" = 0 ]; then exit 0; fi; sleep 100'
    policy = {"rules": [{"succeededIndexes": "0"}]}
    run.create(job(pod=shell(text), completions=2, parallelism=2, completionMode="Indexed", successPolicy=policy))
    run.condition("jobs/once", "Complete")


@script
def job_failure_policy(run):
    rules = [{"action": "FailJob", "onExitCodes": {"containerName": "main", "operator": "In", "values": [42]}}]
    run.create(job(image="breaks", parallelism=1, completions=2, podFailurePolicy={"rules": rules}))
    run.condition("jobs/once", "Failed", reason="PodFailurePolicy")


@script
def job_deadline(run):
    run.create(job(image="web", activeDeadlineSeconds=2))
    run.condition("jobs/once", "Failed", reason="DeadlineExceeded")


@script
def job_time_to_live(run):
    run.create(job(ttlSecondsAfterFinished=2))
    run.condition("jobs/once", "Complete")
    run.gone("jobs/once")


@script
def job_suspend(run):
    run.create(job(image="web", parallelism=2, completions=2))
    run.wait("jobs/once", lambda once: once["status"].get("ready") == 2)
    run.patch("jobs/once", {"spec": {"suspend": True}})
    run.condition("jobs/once", "Suspended")
    run.settle()
    run.patch("jobs/once", {"spec": {"suspend": False}})
    run.wait("jobs/once", lambda once: once["status"].get("ready") == 2)


@script
def job_replacement(run):
    text = 'trap "exit 3" TERM; sleep 1000'
    run.create(job(pod=shell(text), parallelism=1, podReplacementPolicy="Failed", backoffLimit=3))
    run.wait("jobs/once", lambda once: once["status"].get("ready") == 1)
    name = run.list("pods")[0]["metadata"]["name"]
    run.delete(f"pods/{name}")
    run.wait("jobs/once", lambda once: once["status"].get("failed") == 1 and once["status"].get("ready") == 1)


@script
def cronjob(run):
    run.create({"kind": "CronJob", "metadata": {"name": "tick"}, "spec": {"schedule": "* * * * *", "concurrencyPolicy": "Forbid", "successfulJobsHistoryLimit": 1, "jobTemplate": {"spec": job()["spec"]}}})
    run.wait("cronjobs/tick", lambda tick: tick["status"].get("lastSuccessfulTime"), within=90)
    run.patch("cronjobs/tick", {"spec": {"suspend": True}})


# Autoscalers, budgets


@script
def autoscaler(run):
    run.create(workload("Deployment", image="busy", pod={"container": cpu("500m")}, replicas=1))
    run.rolled_out("deployments/web")
    metric = {"type": "Resource", "resource": {"name": "cpu", "target": {"type": "Utilization", "averageUtilization": 80}}}
    target = {"apiVersion": "apps/v1", "kind": "Deployment", "name": "web"}
    run.create({"kind": "HorizontalPodAutoscaler", "metadata": {"name": "web"}, "spec": {"scaleTargetRef": target, "minReplicas": 1, "maxReplicas": 3, "metrics": [metric]}})
    run.wait("deployments/web", lambda web: web["spec"]["replicas"] == 3)
    run.condition("horizontalpodautoscalers/web", "ScalingLimited", "True")
    run.rolled_out("deployments/web")
    run.settle(quiet=5)


@script
def autoscaler_without_requests(run):
    run.create(workload("Deployment", image="busy", replicas=1))
    run.rolled_out("deployments/web")
    target = {"apiVersion": "apps/v1", "kind": "Deployment", "name": "web"}
    metric = {"type": "Resource", "resource": {"name": "cpu", "target": {"type": "Utilization", "averageUtilization": 80}}}
    run.create({"kind": "HorizontalPodAutoscaler", "metadata": {"name": "web"}, "spec": {"scaleTargetRef": target, "maxReplicas": 3, "metrics": [metric]}})
    run.condition("horizontalpodautoscalers/web", "ScalingActive", "False")
    gone = {"apiVersion": "apps/v1", "kind": "Deployment", "name": "other"}
    run.create({"kind": "HorizontalPodAutoscaler", "metadata": {"name": "other"}, "spec": {"scaleTargetRef": gone, "maxReplicas": 3, "metrics": [metric]}})
    run.condition("horizontalpodautoscalers/other", "AbleToScale", "False")


@script
def budget_and_eviction(run):
    run.create(workload("Deployment", image="slow", replicas=3))
    run.wait("deployments/web", lambda web: web["status"].get("replicas") == 3)
    run.create({"kind": "PodDisruptionBudget", "metadata": {"name": "web"}, "spec": {"minAvailable": 2, "selector": {"matchLabels": {"app": "web"}}}})
    run.rolled_out("deployments/web")
    run.wait("poddisruptionbudgets/web", lambda web: web["status"].get("disruptionsAllowed") == 1)
    names = [one["metadata"]["name"] for one in run.list("pods")]
    run.attempt("the first", lambda: run.evict(names[0]))
    run.wait("poddisruptionbudgets/web", lambda web: web["status"]["currentHealthy"] == 2)
    run.attempt("the second", lambda: run.evict(names[1]))
    run.settle()
    run.wait("poddisruptionbudgets/web", lambda web: web["status"].get("disruptionsAllowed") == 1)


@script
def budgets_of_one_pod(run):
    run.create(workload("Deployment", replicas=2))
    run.rolled_out("deployments/web")
    for name in ("a", "b"):
        run.create({"kind": "PodDisruptionBudget", "metadata": {"name": name}, "spec": {"maxUnavailable": 1, "selector": {"matchLabels": {"app": "web"}}}})
    run.wait("poddisruptionbudgets/a", lambda a: a["status"].get("observedGeneration"))
    name = run.list("pods")[0]["metadata"]["name"]
    run.attempt("eviction", lambda: run.evict(name))


@script
def budget_of_nobody(run):
    run.create(pod("bare"))
    run.create({"kind": "PodDisruptionBudget", "metadata": {"name": "bare"}, "spec": {"maxUnavailable": "50%", "selector": {"matchLabels": {"app": "bare"}}}})
    run.condition("pods/bare", "Ready")
    run.settle()


# Services


def service(name="web", **spec):
    return {"kind": "Service", "metadata": {"name": name}, "spec": {"selector": {"app": "web"}, "ports": [{"name": "http", "port": 80, "targetPort": 8080}], **spec}}


@script
def endpoints_follow_readiness(run):
    run.create(service(), service("early", publishNotReadyAddresses=True, clusterIP="None"))
    run.create(workload("Deployment", image="never", replicas=2))
    run.wait("endpoints/early", lambda early: len(early["subsets"][0]["addresses"]) == 2)
    run.settle()
    run.patch("deployments/web", image("web"))
    run.rolled_out("deployments/web")
    run.settle()
    run.scale("deployments/web", 1)
    run.wait("endpoints/web", lambda web: len(web["subsets"][0]["addresses"]) == 1)


@script
def service_goes(run):
    named = {"container": {"ports": [{"name": "http", "containerPort": 8080}]}}
    run.create(service(ports=[{"port": 80, "targetPort": "http"}]))
    run.create(workload("Deployment", pod=named, replicas=1))
    run.wait("endpoints/web", lambda web: web["subsets"][0]["addresses"])
    run.settle()
    run.delete("services/web")
    run.gone("endpoints/web")


# Namespaces, garbage, accounts


@script
def namespace_goes(run):
    run.create(workload("Deployment", replicas=1))
    run.create({"kind": "ConfigMap", "metadata": {"name": "held", "finalizers": ["example.com/held"]}})
    run.rolled_out("deployments/web")
    run.delete(f"namespaces/{run.ns}")
    run.condition(f"namespaces/{run.ns}", "NamespaceFinalizersRemaining")
    run.settle()


@script
def account_of_a_namespace(run):
    run.wait("serviceaccounts/default", lambda account: True)
    run.wait("configmaps/kube-root-ca.crt", lambda config: True)
    run.delete("serviceaccounts/default")
    run.settle()
    run.wait("serviceaccounts/default", lambda account: True)


@script
def garbage_foreground(run):
    run.create(workload("Deployment", replicas=2))
    run.rolled_out("deployments/web")
    run.delete("deployments/web", propagationPolicy="Foreground")
    run.gone("deployments/web")


@script
def garbage_orphans(run):
    run.create(workload("Deployment", replicas=2))
    run.rolled_out("deployments/web")
    run.delete("deployments/web", propagationPolicy="Orphan")
    run.gone("deployments/web")
    run.settle()
    run.create(workload("Deployment", replicas=2))
    run.rolled_out("deployments/web")


@script
def garbage_of_configs(run):
    run.create({"kind": "ConfigMap", "metadata": {"name": "owner"}})
    owner = run.get("configmaps/owner")["metadata"]
    reference = {"apiVersion": "v1", "kind": "ConfigMap", "name": "owner", "uid": owner["uid"]}
    for name, more in (("child", {}), ("blocks", {"blockOwnerDeletion": True})):
        run.create({"kind": "ConfigMap", "metadata": {"name": name, "ownerReferences": [{**reference, **more}]}})
    wrong = {**reference, "uid": "00000000-0000-0000-0000-000000000000"}
    run.create({"kind": "ConfigMap", "metadata": {"name": "of-nobody", "ownerReferences": [wrong]}})
    run.gone("configmaps/of-nobody")
    run.delete("configmaps/owner", propagationPolicy="Background")
    run.gone("configmaps/child")
    run.gone("configmaps/blocks")


@script
def roles_are_aggregated(run):
    rule = {"aggregationRule": {"clusterRoleSelectors": [{"matchLabels": {"example.com/side": "true"}}]}}
    run.create({"kind": "ClusterRole", "metadata": {"name": "side-all"}, "rules": [], **rule})
    rules = [{"apiGroups": [""], "resources": ["pods"], "verbs": ["get"]}]
    run.create({"kind": "ClusterRole", "metadata": {"name": "side-pods", "labels": {"example.com/side": "true"}}, "rules": rules})
    run.wait("clusterroles/side-all", lambda role: role["rules"])


# Volumes


def volume(name, storage_class, **spec):
    return {
        "kind": "PersistentVolume",
        "metadata": {"name": name},
        "spec": {
            "capacity": {"storage": "1Gi"},
            "accessModes": ["ReadWriteOnce"],
            "hostPath": {"path": "/tmp/data"},
            "storageClassName": storage_class,
            "persistentVolumeReclaimPolicy": "Retain",
            **spec,
        },
    }


def claim(name, storage_class, **spec):
    return {
        "kind": "PersistentVolumeClaim",
        "metadata": {"name": name},
        "spec": {"accessModes": ["ReadWriteOnce"], "storageClassName": storage_class, "resources": {"requests": {"storage": "1Gi"}}, **spec},
    }


@script
def volume_binding(run):
    run.create(volume("static", "static"), claim("data", "static"))
    run.wait("persistentvolumeclaims/data", lambda data: data["status"]["phase"] == "Bound")
    run.create(claim("other", "static"))
    run.wait("persistentvolumeclaims/other", lambda other: other["status"]["phase"] == "Pending")
    run.settle()


@script
def volume_released(run):
    run.create(volume("used", "used"), claim("data", "used"))
    run.wait("persistentvolumeclaims/data", lambda data: data["status"]["phase"] == "Bound")
    volumes = [{"name": "data", "persistentVolumeClaim": {"claimName": "data"}}]
    run.create(pod("user", volumes=volumes))
    run.condition("pods/user", "Ready")
    run.delete("persistentvolumeclaims/data")
    run.settle()
    run.delete("pods/user")
    run.gone("persistentvolumeclaims/data")
    run.wait("persistentvolumes/used", lambda used: used["status"]["phase"] == "Released")


@script
def volume_for_its_consumer(run):
    run.create({"kind": "StorageClass", "metadata": {"name": "later"}, "provisioner": "kubernetes.io/no-provisioner", "volumeBindingMode": "WaitForFirstConsumer"})
    terms = [{"matchExpressions": [{"key": "kubernetes.io/hostname", "operator": "In", "values": ["node-2"]}]}]
    run.create(volume("later", "later", nodeAffinity={"required": {"nodeSelectorTerms": terms}}), claim("data", "later"))
    run.settle()
    volumes = [{"name": "data", "persistentVolumeClaim": {"claimName": "data"}}]
    run.create(pod("user", volumes=volumes))
    run.condition("pods/user", "Ready")
    run.create(claim("second", "later"))
    volumes = [{"name": "data", "persistentVolumeClaim": {"claimName": "second"}}]
    run.create(pod("waits", volumes=volumes))
    run.condition("pods/waits", "PodScheduled", "False")


volume_for_its_consumer.nodes = True


@script
def volume_of_nobody(run):
    run.create(claim("data", "absent-class"))
    run.create(pod("user", volumes=[{"name": "data", "persistentVolumeClaim": {"claimName": "data"}}]))
    run.create(pod("lost", volumes=[{"name": "data", "persistentVolumeClaim": {"claimName": "absent"}}]))
    run.condition("pods/user", "PodScheduled", "False")
    run.condition("pods/lost", "PodScheduled", "False")


# Scheduling


@script
def unschedulable(run):
    run.create(pod("big", container=cpu("100")))
    run.create(pod("nowhere", nodeSelector={"disk": "ssd"}))
    terms = [{"matchExpressions": [{"key": "topology.kubernetes.io/zone", "operator": "In", "values": ["c"]}]}]
    affinity = {"nodeAffinity": {"requiredDuringSchedulingIgnoredDuringExecution": {"nodeSelectorTerms": terms}}}
    run.create(pod("elsewhere", affinity=affinity))
    run.create(pod("gated", schedulingGates=[{"name": "example.com/wait"}]))
    term = {"labelSelector": {"matchLabels": {"app": "absent"}}, "topologyKey": "kubernetes.io/hostname"}
    run.create(pod("lonely", affinity={"podAffinity": {"requiredDuringSchedulingIgnoredDuringExecution": [term]}}))
    for name in ("big", "nowhere", "elsewhere", "gated", "lonely"):
        run.condition(f"pods/{name}", "PodScheduled", "False")


@script
def anti_affinity(run):
    term = {"labelSelector": {"matchLabels": {"app": "web"}}, "topologyKey": "kubernetes.io/hostname"}
    affinity = {"podAntiAffinity": {"requiredDuringSchedulingIgnoredDuringExecution": [term]}}
    run.create(workload("Deployment", pod={"affinity": affinity}, replicas=4))
    run.wait("deployments/web", lambda web: web["status"].get("availableReplicas") == 3)


@script
def spread(run):
    constraint = {"maxSkew": 1, "topologyKey": "topology.kubernetes.io/zone", "whenUnsatisfiable": "DoNotSchedule", "labelSelector": {"matchLabels": {"app": "web"}}}
    run.create(workload("Deployment", pod={"topologySpreadConstraints": [constraint]}, replicas=4))
    run.rolled_out("deployments/web")
    wide = {**constraint, "topologyKey": "example.com/rack", "labelSelector": {"matchLabels": {"app": "rack"}}}
    run.create(pod("rack", topologySpreadConstraints=[wide]))
    run.condition("pods/rack", "PodScheduled", "False")


@script(alone=True, nodes=True)
def preemption(run):
    run.create({"kind": "PriorityClass", "metadata": {"name": "side-high"}, "value": 1000})
    run.create(workload("Deployment", "low", pod={**APART, "container": cpu("1800m")}, replicas=2))
    run.rolled_out("deployments/low")
    run.create(pod("high", priorityClassName="side-high", container=cpu("2"), **APART))
    run.condition("pods/high", "Ready")
    run.settle()


@script(alone=True, nodes=True)
def taint_eviction(run):
    forever = [{"operator": "Exists"}]
    some = [{"key": "apart", "operator": "Exists"}, {"key": "broken", "operator": "Exists", "effect": "NoExecute", "tolerationSeconds": 2}]
    selector = APART["nodeSelector"]
    run.create(pod("stays", nodeSelector=selector, tolerations=forever))
    run.create(pod("waits", nodeSelector=selector, tolerations=some))
    run.create(pod("goes", **APART))
    for name in ("stays", "waits", "goes"):
        run.condition(f"pods/{name}", "Ready")
    apart = {"key": "apart", "effect": "NoSchedule"}
    run.patch("nodes/node-4", {"spec": {"taints": [apart, {"key": "broken", "effect": "NoExecute"}]}})
    run.gone("pods/goes")
    run.gone("pods/waits")
    run.patch("nodes/node-4", {"spec": {"taints": [apart]}})


@script
def quota_status(run):
    hard = {"pods": "5", "requests.cpu": "2", "services": "2", "count/secrets": "10", "persistentvolumeclaims": "1", "requests.storage": "5Gi"}
    run.create({"kind": "ResourceQuota", "metadata": {"name": "all"}, "spec": {"hard": hard}})
    run.wait("resourcequotas/all", lambda quota: quota["status"]["used"])
    run.create(pod("one", container=cpu("500m")), service(), claim("data", "absent-class"))
    run.attempt("too much", lambda: run.create(pod("two", container=cpu("1800m"))))
    run.attempt("another claim", lambda: run.create(claim("more", "absent-class")))
    run.condition("pods/one", "Ready")
    run.create(pod("ends", image="done", restartPolicy="Never", container=cpu("500m")))
    run.wait("pods/ends", lambda ends: ends["status"]["phase"] == "Succeeded")
    run.wait("resourcequotas/all", lambda quota: quota["status"]["used"]["pods"] == "1")
    run.delete("services/web")
    run.wait("resourcequotas/all", lambda quota: quota["status"]["used"]["services"] == "0")
