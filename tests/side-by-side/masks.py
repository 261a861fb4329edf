"""What differs from run to run is masked, so that the rest can be compared."""

import json
import re

UID = re.compile(r"[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}")
TIME = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?(Z|[+-]\d\d:\d\d)")
ADDRESS = re.compile(r"\b\d+\.\d+\.\d+\.\d+\b(?!:)")
MINUTE = re.compile(r"-\d{8}\b")
NODE = re.compile(r"\bnode-\d\b")
CONTAINER = re.compile(r"containerd://[0-9a-f]{64}")
# The end of a name that was drawn by lot, and such names where there is no object of the name.
DRAWN = re.compile(r"[bcdfghjklmnpqrstvwxz2456789]{5}")
REFUSED = re.compile(r"(<hash \d>-)[bcdfghjklmnpqrstvwxz2456789]{5}\b")
# How long something took.
SPAN = re.compile(r"\b\d+(\.\d+)?(ms|µs|s)\b")


class Masks:
    """The masks of one script: names that were drawn by lot, hashes by the order in which they came."""

    def __init__(self, changes, nodes):
        self.nodes = nodes
        self.names = {}
        self.around = {}
        hashes = {}
        for _, kind, sort, value in changes:
            if sort != "ADDED":
                continue
            metadata = value["metadata"]
            labels = metadata.get("labels") or {}
            label = {"ReplicaSet": "pod-template-hash", "ControllerRevision": None}.get(kind, "")
            if label != "":
                owners = metadata.get("ownerReferences") or [{"name": ""}]
                drawn = labels.get(label) if label else metadata["name"].rsplit("-", 1)[1]
                if drawn and drawn not in hashes:
                    of = (kind, owners[0]["name"])
                    number = 1 + sum(1 for known in hashes.values() if known == of)
                    hashes[drawn] = of
                    self.names[drawn] = f"<{'hash' if label else 'revision'} {number}>"
            begin = metadata.get("generateName")
            # Pods of StatefulSets say a beginning, too, and have names of their own.
            if begin and kind != "Event" and DRAWN.fullmatch(metadata["name"].removeprefix(begin)):
                self.names[metadata["name"]] = begin + "*"
        self.order = sorted(self.names, key=len, reverse=True)

    def text(self, text):
        for name in self.order:
            if name in text:
                text = text.replace(name, self.names[name])
        # Names that were drawn begin with hashes that were masked just now, or the other way round.
        for name in self.order:
            if name in text:
                text = text.replace(name, self.names[name])
        text = CONTAINER.sub("containerd://<id>", text)
        text = REFUSED.sub(r"\1*", text)
        text = UID.sub("<uid>", text)
        text = TIME.sub("<time>", text)
        text = ADDRESS.sub("<ip>", text)
        text = MINUTE.sub("-<minute>", text)
        text = SPAN.sub("<span>", text)
        return text if self.nodes else NODE.sub("node-?", text)

    def object(self, value):
        """An object as a whole."""
        self.around = value
        return self.value(value)

    def value(self, value, key=""):
        if isinstance(value, str):
            return self.text(value)
        if isinstance(value, list):
            items = [self.value(item) for item in value]
            if key in ("addresses", "notReadyAddresses", "endpoints", "podIPs", "ports"):
                items.sort(key=lambda item: json.dumps(item, sort_keys=True))
            return items
        if not isinstance(value, dict):
            return value
        masked = {}
        for name, item in value.items():
            if name in ("resourceVersion", "kind", "apiVersion") and key in ("", "metadata"):
                continue
            if name == "managedFields":
                writers = {
                    "/".join([one["manager"], one["operation"], one.get("subresource", "")]).rstrip("/")
                    for one in item
                }
                masked["(writers)"] = sorted(writers)
                continue
            # When something changed last, and how often it was written, depends on how often somebody looked.
            if name in ("resourceVersion", "endpoints.kubernetes.io/last-change-trigger-time"):
                continue
            if name == "annotations" and set(item) == {"endpoints.kubernetes.io/last-change-trigger-time"}:
                continue
            if name == "generation" and "addressType" in self.around:
                continue
            if name in ("topology.kubernetes.io/zone", "zone", "forZones") and not self.nodes:
                continue
            masked[self.text(name)] = self.value(item, name)
        return masked
