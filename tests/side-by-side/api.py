"""A client of one API server, and a record of all that is written to it."""

import http.client
import json
import threading
import time

# Where the kinds that scripts use are: (path, plural, whether it is in namespaces).
KINDS = {
    "Pod": ("/api/v1", "pods", True),
    "Service": ("/api/v1", "services", True),
    "Endpoints": ("/api/v1", "endpoints", True),
    "ConfigMap": ("/api/v1", "configmaps", True),
    "Secret": ("/api/v1", "secrets", True),
    "ServiceAccount": ("/api/v1", "serviceaccounts", True),
    "ReplicationController": ("/api/v1", "replicationcontrollers", True),
    "ResourceQuota": ("/api/v1", "resourcequotas", True),
    "PersistentVolumeClaim": ("/api/v1", "persistentvolumeclaims", True),
    "PersistentVolume": ("/api/v1", "persistentvolumes", False),
    "Namespace": ("/api/v1", "namespaces", False),
    "Node": ("/api/v1", "nodes", False),
    "Event": ("/api/v1", "events", True),
    "Deployment": ("/apis/apps/v1", "deployments", True),
    "ReplicaSet": ("/apis/apps/v1", "replicasets", True),
    "StatefulSet": ("/apis/apps/v1", "statefulsets", True),
    "DaemonSet": ("/apis/apps/v1", "daemonsets", True),
    "ControllerRevision": ("/apis/apps/v1", "controllerrevisions", True),
    "Job": ("/apis/batch/v1", "jobs", True),
    "CronJob": ("/apis/batch/v1", "cronjobs", True),
    "HorizontalPodAutoscaler": ("/apis/autoscaling/v2", "horizontalpodautoscalers", True),
    "PodDisruptionBudget": ("/apis/policy/v1", "poddisruptionbudgets", True),
    "EndpointSlice": ("/apis/discovery.k8s.io/v1", "endpointslices", True),
    "StorageClass": ("/apis/storage.k8s.io/v1", "storageclasses", False),
    "PriorityClass": ("/apis/scheduling.k8s.io/v1", "priorityclasses", False),
    "ClusterRole": ("/apis/rbac.authorization.k8s.io/v1", "clusterroles", False),
}


class Refused(Exception):
    """An answer that is an error."""

    def __init__(self, status, body):
        super().__init__(f"{status}: {body.get('message', body)}")
        self.status, self.body = status, body


class Api:
    """One API server, by plain HTTP."""

    def __init__(self, host, port):
        self.host, self.port = host, port
        self.record = Record(self)

    def ask(self, method, path, body=None, sort="application/json"):
        connection = http.client.HTTPConnection(self.host, self.port, timeout=30)
        try:
            headers = {"Content-Type": sort, "User-Agent": "script"}
            text = None if body is None else json.dumps(body)
            connection.request(method, path, text, headers)
            answer = connection.getresponse()
            read = answer.read()
            value = json.loads(read) if read[:1] == b"{" else {"message": read.decode()}
        finally:
            connection.close()
        if answer.status >= 400:
            raise Refused(answer.status, value)
        return value


class Record:
    """Every change of every kind, in the order in which the watches tell it."""

    def __init__(self, api):
        self.api = api
        self.changes = []
        self.lock = threading.Lock()

    def start(self):
        for kind in KINDS:
            threading.Thread(target=self.follow, args=(kind,), daemon=True).start()

    def follow(self, kind):
        root, plural, _ = KINDS[kind]
        listed = self.api.ask("GET", f"{root}/{plural}")
        for item in listed["items"]:
            self.keep(kind, "ADDED", item)
        version = listed["metadata"]["resourceVersion"]
        connection = http.client.HTTPConnection(self.api.host, self.api.port)
        connection.request("GET", f"{root}/{plural}?watch=1&resourceVersion={version}")
        answer = connection.getresponse()
        try:
            for line in answer:
                change = json.loads(line)
                self.keep(kind, change["type"], change["object"])
        except (OSError, ValueError, AttributeError, http.client.HTTPException):
            pass  # the server has ended

    def keep(self, kind, sort, value):
        with self.lock:
            self.changes.append((time.monotonic(), kind, sort, value))

    def of(self, namespace):
        """What happened in a namespace, and to the objects that carry its name."""
        with self.lock:
            changes = list(self.changes)

        def ours(kind, value):
            metadata = value.get("metadata", {})
            if kind == "Namespace":
                return metadata.get("name") == namespace
            if "namespace" in metadata:
                return metadata["namespace"] == namespace
            return metadata.get("labels", {}).get("script") == namespace

        return [change for change in changes if ours(change[1], change[3])]
