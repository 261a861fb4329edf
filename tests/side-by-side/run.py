#!/usr/bin/env python3
"""The controllers and the scheduler of kmock beside the real ones, on the same scripts.

    tests/side-by-side/run.py --kmock target/debug/kmock --binaries DIR [SCRIPT…]

DIR has `kube-controller-manager` and `kube-scheduler`. Each script runs twice, against two servers of `kmock serve`: once with
the real programs (the kubelets are ours), once with ours alone. What they leave is compared: objects, conditions, who wrote
them, events, and of each object the order of its steps. The standard library of Python is all that it needs.
"""

import argparse
import concurrent.futures
import json
import os
import subprocess
import sys
import tempfile
import time

import scripts
from api import KINDS, Api, Refused
from masks import Masks

IMAGES = os.path.join(os.path.dirname(os.path.abspath(__file__)), "images.yaml")
NODES = 4
# Metrics are those of the moment, and looked at often.
METRICS = [
    "--horizontal-pod-autoscaler-sync-period=2s",
    "--horizontal-pod-autoscaler-cpu-initialization-period=0s",
    "--horizontal-pod-autoscaler-initial-readiness-delay=0s",
]
# Kinds without steps of their own.
UNTOLD = ("Event", "EndpointSlice", "Endpoints")
# Nothing is written for so long: it has settled.
QUIET = 1.5


class Side:
    """A server, and who moves its objects."""

    def __init__(self, name, kmock, binaries, logs):
        self.name, self.logs = name, logs
        self.programs = []
        parts = ["--parts", "kubelets,metrics"] if binaries else ["--cluster"]
        self.kubeconfig = os.path.join(logs, f"{name}.kubeconfig")
        arguments = [kmock, "serve", *parts, "--nodes", str(NODES), "--images", IMAGES, "--kubeconfig", self.kubeconfig]
        server = self.begin("kmock", arguments, stdout=subprocess.PIPE)
        said = server.stdout.readline().decode().split()
        if not said:
            sys.exit(f"{kmock} serve did not start: see {logs}")
        address = said[-1].split("//")[1]
        host, port = address.rsplit(":", 1)
        self.api = Api(host, int(port))
        prepare(self.api)
        self.api.record.start()
        if binaries:
            usual = ["--kubeconfig", self.kubeconfig, "--leader-elect=false", "--kube-api-qps=1000", "--kube-api-burst=2000"]
            manager = os.path.join(binaries, "kube-controller-manager")
            self.begin("kube-controller-manager", [manager, *usual, *METRICS])
            self.begin("kube-scheduler", [os.path.join(binaries, "kube-scheduler"), *usual])
            # It is there when the account of a namespace is.
            until(lambda: self.api.ask("GET", "/api/v1/namespaces/default/serviceaccounts/default"), 60)

    def begin(self, name, arguments, **more):
        log = open(os.path.join(self.logs, f"{self.name}-{name}.log"), "wb")
        program = subprocess.Popen(arguments, stderr=log, stdin=subprocess.DEVNULL, **{"stdout": log, **more})
        self.programs.append(program)
        return program

    def end(self):
        for program in reversed(self.programs):
            program.terminate()
        for program in self.programs:
            program.wait(20)

    def run(self, name):
        script = scripts.ALL[name]
        run = Run(self.api, name)
        began = time.monotonic()
        try:
            run.create({"kind": "Namespace", "metadata": {"name": name}})
            script(run)
            run.settle()
        except Exception as error:  # what went wrong is a result, too
            run.said.append(f"ended early: {type(error).__name__}: {error}")
        run.leaves(getattr(script, "nodes", False))
        run.seconds = time.monotonic() - began
        run.clean()
        return run


def prepare(api):
    """Zones, and a node apart for scripts that disturb it."""
    until(lambda: len(api.ask("GET", "/api/v1/nodes")["items"]) == NODES, 20)
    for number in range(1, NODES + 1):
        labels = {"topology.kubernetes.io/zone": "ab"[(number - 1) // 2]}
        patch = {"metadata": {"labels": labels}}
        if number == NODES:
            patch["spec"] = {"taints": [{"key": "apart", "effect": "NoSchedule"}]}
        api.ask("PATCH", f"/api/v1/nodes/node-{number}", patch, "application/strategic-merge-patch+json")


def until(holds, within):
    """Waits until something holds; what is refused does not."""
    end = time.monotonic() + within
    why = "it never held"
    while time.monotonic() < end:
        try:
            value = holds()
            if value:
                return value
        except Refused as error:
            why = str(error)
        except (KeyError, IndexError, TypeError) as error:
            why = f"it has no {error}"
        time.sleep(0.03)
    raise TimeoutError(why)


class Run:
    """One script at work, with the verbs that scripts are written in."""

    def __init__(self, api, namespace):
        self.api, self.ns = api, namespace
        self.said = []
        self.states, self.events, self.steps = {}, {}, {}
        self.made = []

    def path(self, resource, subresource=""):
        plural, _, name = resource.partition("/")
        kind = next(kind for kind, known in KINDS.items() if known[1] == plural)
        root, _, namespaced = KINDS[kind]
        where = f"/namespaces/{self.ns}" if namespaced else ""
        parts = [f"{root}{where}/{plural}", name, subresource]
        return "/".join(part for part in parts if part)

    def create(self, *objects):
        for value in objects:
            root, plural, namespaced = KINDS[value["kind"]]
            value = {"apiVersion": root.replace("/apis/", "").replace("/api/", ""), **value}
            if not namespaced:
                metadata = value["metadata"]
                metadata["labels"] = {**metadata.get("labels", {}), "script": self.ns}
                self.made.append(f"{plural}/{metadata['name']}")
            self.api.ask("POST", self.path(plural), value)

    def patch(self, resource, change, subresource=""):
        kind = "application/merge-patch+json"
        return self.api.ask("PATCH", self.path(resource, subresource), change, kind)

    def get(self, resource):
        return self.api.ask("GET", self.path(resource))

    def list(self, plural, labels=None):
        items = self.api.ask("GET", self.path(plural))["items"]
        fits = lambda item: (labels or {}).items() <= (item["metadata"].get("labels") or {}).items()
        return sorted(filter(fits, items), key=lambda item: item["metadata"]["name"])

    def scale(self, resource, replicas):
        self.patch(resource, {"spec": {"replicas": replicas}}, "scale")

    def delete(self, resource, **options):
        self.api.ask("DELETE", self.path(resource), options)

    def evict(self, pod):
        body = {"apiVersion": "policy/v1", "kind": "Eviction", "metadata": {"name": pod, "namespace": self.ns}}
        self.api.ask("POST", self.path(f"pods/{pod}", "eviction"), body)

    def attempt(self, what, do):
        """Does what may be refused, and says how."""
        try:
            do()
            self.said.append(f"{what}: done")
        except Refused as error:
            body = error.body
            self.said.append(f"{what}: {error.status} {body.get('reason')}: {body.get('message')} {json.dumps(body.get('details'))}")

    def wait(self, resource, holds, within=60):
        try:
            return until(lambda: holds(self.get(resource)) and self.get(resource), within)
        except TimeoutError as error:
            raise TimeoutError(f"{resource}: {error}") from None

    def condition(self, resource, sort, status="True", reason=None, within=60):
        def holds(value):
            conditions = value["status"].get("conditions", [])
            return any(one["type"] == sort and one["status"] == status and reason in (None, one.get("reason")) for one in conditions)

        return self.wait(resource, holds, within)

    def gone(self, resource, within=60):
        def absent():
            try:
                self.get(resource)
            except Refused as error:
                return error.status == 404
            return False

        until(absent, within)

    def rolled_out(self, resource):
        def done(value):
            status, wanted = value.get("status", {}), value["spec"]["replicas"]
            counts = [status.get(count, 0) for count in ("replicas", "updatedReplicas", "availableReplicas")]
            return status.get("observedGeneration") == value["metadata"]["generation"] and counts == [wanted] * 3

        return self.wait(resource, done)

    def settle(self, quiet=QUIET, within=60):
        """Waits until nothing is written in this namespace for a while."""
        end = time.monotonic() + within
        while time.monotonic() < end:
            changes = self.api.record.of(self.ns)
            if not changes or changes[-1][0] + quiet < time.monotonic():
                return
            time.sleep(0.05)
        self.said.append(f"it did not settle within {within} s")

    def pause(self, seconds):
        """Lets time pass: here it is real."""
        time.sleep(seconds)

    def leaves(self, nodes):
        """Reads what the script leaves."""
        changes = [change for change in self.api.record.of(self.ns) if not is_certificate(change)]
        masks = Masks(changes, nodes)
        self.said = [masks.text(said) for said in self.said]
        last, steps = {}, {}
        for _, kind, sort, value in changes:
            key = (kind, value["metadata"]["name"])
            if sort == "DELETED":
                last.pop(key, None)
                if kind not in UNTOLD:
                    steps.setdefault(key, []).append("deleted")
                continue
            last[key] = value
            if kind not in UNTOLD:
                step = step_of(value)
                known = steps.setdefault(key, [])
                if not known or known[-1] != step:
                    known.append(step)
        for (kind, _), value in sorted(last.items()):
            masked = masks.object(value)
            name = masked["metadata"]["name"]
            if kind == "Event":
                about = value["involvedObject"]
                source = (value.get("source") or {}).get("component") or value.get("reportingComponent")
                words = [about["kind"], about["name"], source, value["type"], value.get("reason"), value.get("message") or ""]
                line = " | ".join(masks.text(str(word)) for word in words)
                self.events[line] = self.events.get(line, 0) + (value.get("count") or 1)
            else:
                self.states.setdefault(f"{kind} {name}", []).append(masked)
        for states in self.states.values():
            states.sort(key=lambda state: json.dumps(state, sort_keys=True))
        for (kind, name), known in steps.items():
            line = " → ".join(masks.text(step) for step in known)
            self.steps.setdefault(f"{kind} {masks.text(name)}", []).append(line)
        for known in self.steps.values():
            known.sort()

    def clean(self):
        """Takes away what the script made."""
        for resource in [*self.made, f"namespaces/{self.ns}"]:
            try:
                self.delete(resource)
            except Refused:
                pass


def is_certificate(change):
    """The root certificates that each namespace gets: they are those of the server, or of a vendor."""
    _, kind, _, value = change
    return kind == "ConfigMap" and value["metadata"]["name"].endswith("ca.crt")


def sequences(line):
    """The steps of each condition, of the phase, and of being there."""
    all_ = {}
    for step in line.split(" → "):
        for part in step.split(" "):
            known = all_.setdefault(part.split("=")[0] if "=" in part else "phase", [])
            if part not in known[-1:]:
                known.append(part)
    return all_


def is_within(few, many):
    """Whether steps are among others, in this order: who looks more rarely sees fewer."""
    rest = iter(many)
    return all(step in rest for step in few)


def go_alike(one, other):
    """Whether all conditions come from and to the same, over the same steps but for some that one did not see."""
    mine, theirs = sequences(one), sequences(other)
    return mine.keys() == theirs.keys() and all(
        mine[part][-1] == theirs[part][-1] and (is_within(mine[part], theirs[part]) or is_within(theirs[part], mine[part]))
        for part in mine
    )


def step_of(value):
    """Where an object is in its life: phase and conditions."""
    status = value.get("status") or {}
    parts = [status.get("phase", "")]
    if "deletionTimestamp" in value["metadata"]:
        parts.append("going")
    for one in sorted(status.get("conditions") or [], key=lambda one: one["type"]):
        parts.append(f"{one['type']}={one['status']}" + (f"({one['reason']})" if one.get("reason") else ""))
    return " ".join(part for part in parts if part) or "there"


def differences(ours, real, path=""):
    """The paths at which two values differ, with both."""
    if isinstance(ours, dict) and isinstance(real, dict):
        for key in sorted({*ours, *real}):
            yield from differences(ours.get(key, "(absent)"), real.get(key, "(absent)"), f"{path}.{key}")
    elif isinstance(ours, list) and isinstance(real, list) and len(ours) == len(real):
        for number, (one, other) in enumerate(zip(ours, real)):
            yield from differences(one, other, f"{path}[{number}]")
    elif ours != real:
        yield f"{path or '.'}: ours {json.dumps(ours, sort_keys=True)}, real {json.dumps(real, sort_keys=True)}"


def left_at(logs, side, name):
    """Where it is written what a script left."""
    return os.path.join(logs, f"{side}-{name}.json")


def compare(ours, real):
    """What differs, by the sort of what it is."""
    found = {"said": [], "state": [], "events": [], "steps": []}
    if ours["said"] != real["said"]:
        found["said"] = [f"ours {ours['said']}, real {real['said']}"]
    for name in sorted({*ours["states"], *real["states"]}):
        mine, theirs = ours["states"].get(name, []), real["states"].get(name, [])
        if len(mine) != len(theirs):
            found["state"].append(f"{name}: ours {len(mine)}, real {len(theirs)}")
            continue
        for one, other in zip(mine, theirs):
            found["state"] += [f"{name} {line}" for line in differences(one, other)]
    for line in sorted({*ours["events"], *real["events"]}):
        mine, theirs = ours["events"].get(line), real["events"].get(line)
        # How often it was told depends on how often somebody looked.
        if bool(mine) != bool(theirs):
            found["events"].append(f"{line}: ours {mine or 'no'}, real {theirs or 'no'}")
    for name in sorted({*ours["steps"], *real["steps"]}):
        mine, theirs = ours["steps"].get(name, []), real["steps"].get(name, [])
        if len(mine) == len(theirs) and all(map(go_alike, mine, theirs)):
            continue
        if mine != theirs:
            found["steps"].append(f"{name}:\n        ours {mine}\n        real {theirs}")
    return found


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--kmock", default="target/debug/kmock", help="the program of kmock")
    parser.add_argument("--binaries", default=os.environ.get("KUBERNETES_BINARIES"), help="where the real programs are")
    parser.add_argument("--side", choices=["ours", "real"], help="run one side only; the other is as --logs has it from before")
    parser.add_argument("--threads", type=int, default=4, help="how many scripts run at one time")
    parser.add_argument("--logs", help="where logs and results go")
    parser.add_argument("scripts", nargs="*", metavar="SCRIPT", help="some scripts only")
    options = parser.parse_args()
    names = options.scripts or list(scripts.ALL)
    for name in names:
        if name not in scripts.ALL:
            sys.exit(f"there is no script {name!r}; there are {', '.join(scripts.ALL)}")
    programs = [os.path.join(options.binaries or "", name) for name in ("kube-controller-manager", "kube-scheduler")]
    if options.side != "ours" and not all(os.access(program, os.X_OK) for program in programs):
        print("skipped: --binaries DIR (or KUBERNETES_BINARIES) has to have kube-controller-manager and kube-scheduler")
        return
    logs = options.logs or tempfile.mkdtemp(prefix="kmock-side-by-side-")
    os.makedirs(logs, exist_ok=True)
    print(f"logs are in {logs}")
    for side in [options.side] if options.side else ["ours", "real"]:
        at_work = Side(side, options.kmock, options.binaries if side == "real" else None, logs)
        try:
            # Scripts that disturb what others use run alone, afterwards.
            alone = [name for name in names if getattr(scripts.ALL[name], "alone", False)]
            together = [name for name in names if name not in alone]
            with concurrent.futures.ThreadPoolExecutor(options.threads) as pool:
                done = dict(zip(together, pool.map(at_work.run, together)))
            done.update((name, at_work.run(name)) for name in alone)
        finally:
            at_work.end()
        for name in names:
            run = done[name]
            with open(left_at(logs, side, name), "w") as file:
                left = {"said": run.said, "states": run.states, "events": run.events, "steps": run.steps}
                json.dump(left, file, indent=1, sort_keys=True, ensure_ascii=False)
            early = [said for said in run.said if said.startswith(("ended early", "it did not settle"))]
            print(f"{side} {name}: {run.seconds:.1f} s {' '.join(early)}", flush=True)
    alike = compared = 0
    for name in names:
        both = [left_at(logs, side, name) for side in ("ours", "real")]
        if not all(map(os.path.exists, both)):
            continue
        ours, real = (json.load(open(file)) for file in both)
        found = compare(ours, real)
        compared += 1
        count = len(ours["states"])
        differ = {sort: lines for sort, lines in found.items() if lines}
        alike += not differ
        print(f"\n== {name}: {count} objects, {'alike' if not differ else ', '.join(f'{len(lines)} of {sort}' for sort, lines in differ.items())}")
        for sort, lines in differ.items():
            for line in lines:
                print(f"    {sort}: {line}")
    print(f"\n{alike} of {compared} scripts leave the same")


if __name__ == "__main__":
    main()
