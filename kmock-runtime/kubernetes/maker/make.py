#!/usr/bin/env python3
"""Makes the tables of Kubernetes' own kinds from what the Kubernetes authors publish.

    maker/make.py v1.37.0 PATH/TO/kubernetes            writes the tables; `git diff` shows what is new
    maker/make.py v1.37.0 PATH/TO/kubernetes --check    says what would change, and changes nothing

The path is a checkout of github.com/kubernetes/kubernetes at that version. Read are

    api/openapi-spec/v3/*.json       ► schemas.tsv (crate kmock-apply), descriptions.tsv.z
    api/discovery/*.json             ► discovery-api.json, discovery-apis.json, resources.tsv (crate kmock-notation)
    staging/src/k8s.io/**/types.go   ► gotypes.tsv, protobuf.tsv
    the first argument               ► version

With `--openapi FOLDER` the documents are read from there instead: files of any name, each what a server answers to
`kubectl get --raw /openapi/v3/…`. Only versions that a server serves by default are taken: no alpha, no beta.
"""

import argparse
import json
import pathlib
import re
import sys
import zlib

import gotypes

HERE = pathlib.Path(__file__).resolve().parent
DATA = HERE.parent / "src/data"
RESOURCES = HERE.parent.parent.parent / "kmock-macros/notation/data/resources.tsv"
SCHEMAS = HERE.parent.parent / "apply/data/schemas.tsv"

META = "k8s.io/apimachinery/pkg/apis/meta/v1"
# Groups whose types are not in k8s.io/api, by the first word of their names.
ELSEWHERE = {
    "meta": META,
    "apiextensions": "k8s.io/apiextensions-apiserver/pkg/apis/apiextensions",
    "apiregistration": "k8s.io/kube-aggregator/pkg/apis/apiregistration",
}
# Types that are not reached from any kind, but are answered or read: what verbs take and give.
VERBS = [(META, name) for name in ["APIGroup", "APIGroupList", "APIResourceList", "APIVersions", "DeleteOptions", "LabelSelector", "ObjectMeta", "Status"]]

GOTYPES_HEAD = """\
# Go types of the built-in kinds, {minor}: one type a line, its JSON fields in order of declaration (embedded ones in place).
# name + flag + type; flag ! prints a zero value, ? omits it, 0 omits a zero struct; *pointer, []list, map[key]value,
# ~underlying:name is a named type, @x one with its own JSON form. Facts of k8s.io/api and k8s.io/apimachinery {module}.
"""
PROTOBUF_HEAD = """\
# Protocol Buffers field numbers of the built-in kinds' types: in the order of the fields in gotypes.tsv, 0 for those that are
# not encoded (kind and apiVersion stand in the envelope). Facts of the generated.proto files of k8s.io/api and its siblings.
# A number with a word is a union of JSON forms, which is a message: `array` a schema or some, `bool` a schema or a boolean,
# `strings` a map of schemas or lists of names.
"""


def is_stable(version):
    return re.fullmatch(r"v\d+", version) is not None


def compact(value, sort=False):
    return json.dumps(value, sort_keys=sort, separators=(",", ":"), ensure_ascii=False)


# --- OpenAPI


def definitions(folder):
    """The published schemas by name, of documents in the order of their files."""
    found = {}
    for file in sorted(folder.glob("*.json")):
        document = json.loads(file.read_text())
        versions = {match[1] for path in document.get("paths", {}) if (match := re.match(r"/apis/[^/]+/(v[^/]+)/", path))}
        if not all(is_stable(version) for version in versions):
            continue
        for name, schema in document.get("components", {}).get("schemas", {}).items():
            found.setdefault(name, schema)
    return dict(sorted(found.items()))


def structure(schema):
    """A schema without its texts; references are `#/` and a name."""
    if isinstance(schema, list):
        return [structure(item) for item in schema]
    if not isinstance(schema, dict):
        return schema
    out = {}
    for key, value in schema.items():
        if key == "description" and isinstance(value, str):
            continue
        if key == "allOf" and len(value) == 1:
            # OpenAPI 3.0 allows nothing beside a reference, except around it.
            key, value = "$ref", value[0]["$ref"]
        if key == "$ref":
            out[key] = "#/" + value.rsplit("/", 1)[-1]
        elif key == "properties":
            out[key] = {name: structure(inner) for name, inner in value.items()}
        else:
            out[key] = structure(value)
    return out


def schemas(found):
    lines = []
    for name, schema in found.items():
        kinds = schema.get("x-kubernetes-group-version-kind", [])
        kind = "/".join(kinds[0][key] for key in ["group", "version", "kind"]) if len(kinds) == 1 else ""
        lines.append("\t".join([name, kind, compact(structure(schema), sort=True)]))
    return "\n".join(lines) + "\n"


def descriptions(found):
    def escaped(text):
        return text.replace("\\", "\\\\").replace("\t", "\\t").replace("\n", "\\n")

    lines = []
    for name, schema in found.items():
        texts = sorted((key, value["description"]) for key, value in schema.get("properties", {}).items() if "description" in value)
        lines.append("\t".join([name, escaped(schema.get("description", ""))] + [f"{key}={escaped(text)}" for key, text in texts]))
    return "\n".join(lines) + "\n"


# --- discovery


def ordered(value, keys):
    return {key: value[key] for key in keys if key in value}


def resource(entry):
    keys = ["resource", "responseKind", "scope", "singularResource", "verbs", "shortNames", "categories", "subresources"]
    entry = ordered(entry, keys)
    if "subresources" in entry:
        keys = ["subresource", "responseKind", "acceptedTypes", "verbs"]
        entry["subresources"] = [ordered(kinds(sub), keys) for sub in entry["subresources"]]
    return kinds(entry)


def kinds(entry):
    for key in ["responseKind"]:
        if key in entry:
            entry[key] = ordered(entry[key], ["group", "version", "kind"])
    if "acceptedTypes" in entry:
        entry["acceptedTypes"] = [ordered(kind, ["group", "version", "kind"]) for kind in entry["acceptedTypes"]]
    return entry


def discovery(groups):
    return compact({"kind": "APIGroupDiscoveryList", "apiVersion": "apidiscovery.k8s.io/v2", "metadata": {}, "items": groups}) + "\n"


def named_groups(aggregated):
    groups = []
    for group in aggregated["items"]:
        versions = [
            {"version": v["version"], "resources": [resource(r) for r in v["resources"]], "freshness": "Current"}
            for v in group["versions"]
            if is_stable(v["version"])
        ]
        if versions:
            groups.append({"metadata": {"name": group["metadata"]["name"]}, "versions": versions})
    return groups


def core_group(listed):
    """The core group is published in the old form only."""
    resources = {}
    for entry in listed["resources"]:
        name, _, subresource = entry["name"].partition("/")
        kind = {"group": entry.get("group", ""), "version": entry.get("version", ""), "kind": entry["kind"]}
        if subresource:
            sub = {"subresource": subresource, "responseKind": kind, "verbs": entry["verbs"]}
            if name in resources:
                resources[name].setdefault("subresources", []).append(sub)
            continue
        resources[name] = {
            "resource": name,
            "responseKind": kind,
            "scope": "Namespaced" if entry["namespaced"] else "Cluster",
            "singularResource": entry["singularName"],
            "verbs": entry["verbs"],
            **{key: entry[key] for key in ["shortNames", "categories"] if key in entry},
        }
    versions = [{"version": "v1", "resources": [resource(r) for r in resources.values()], "freshness": "Current"}]
    return [{"metadata": {}, "versions": versions}]


def resources_table(groups):
    """A resource a line: group, versions (the preferred one first), plural, kind, subresources."""
    found = {}
    for group in groups:
        name = group["metadata"].get("name", "")
        for version in group["versions"]:
            for entry in version["resources"]:
                known = found.setdefault((name, entry["resource"]), ([], entry))
                known[0].append(version["version"])
    lines = []
    for (group, plural), (versions, entry) in sorted(found.items()):
        subresources = [sub["subresource"] for sub in entry.get("subresources", [])]
        lines.append("\t".join([group, ",".join(versions), plural, entry["responseKind"]["kind"], ",".join(subresources)]))
    return "\n".join(lines) + "\n"


# --- Go types


def go_types(root, groups):
    reader = gotypes.Reader(gotypes.Source(root))
    for group in groups:
        for version in group["versions"]:
            name = group["metadata"].get("name", "")
            for entry in version["resources"]:
                for of in [entry, *entry.get("subresources", [])]:
                    want(reader, of.get("responseKind"), name, version["version"])
    for path, name in VERBS:
        reader.want(path, name)
    reader.run()
    return dict(sorted(reader.done.items()))


def want(reader, kind, group, version):
    if not kind or not kind["kind"] or kind["kind"].endswith("Options") and kind["kind"] != "DeleteOptions":
        return
    package = {"": "core", "flowcontrol.apiserver.k8s.io": "flowcontrol"}.get(kind["group"] or group, (kind["group"] or group).split(".")[0])
    path = ELSEWHERE.get(package, f"k8s.io/api/{package}")
    version = kind["version"] or version
    path = path if path == META else f"{path}/{version}"
    if kind["kind"] in reader.source.package(path).types:
        reader.want(path, kind["kind"])


def gotypes_table(types, version):
    minor = ".".join(version.split(".")[:2])
    head = GOTYPES_HEAD.format(minor=minor, module=minor.replace("v1.", "v0."))
    return head + "".join("\t".join([name] + [n + flag + kind for n, flag, kind, _ in fields]) + "\n" for name, fields in types.items())


def protobuf_table(types):
    return PROTOBUF_HEAD + "".join(f"{name}\t{' '.join(number for *_, number in fields)}\n" for name, fields in types.items())


# --- files


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("version", help="of Kubernetes, e.g. v1.37.0")
    parser.add_argument("kubernetes", type=pathlib.Path, help="a checkout of kubernetes/kubernetes at that version")
    parser.add_argument("--openapi", type=pathlib.Path, help="a folder of OpenAPI v3 documents of a server")
    parser.add_argument("--check", action="store_true", help="change nothing; the exit code says whether anything would change")
    args = parser.parse_args()
    if not re.fullmatch(r"v\d+\.\d+\.\d+", args.version):
        parser.error(f"{args.version} is no version such as v1.37.0")

    published = args.kubernetes / "api"
    found = definitions(args.openapi or published / "openapi-spec/v3")
    core = core_group(json.loads((published / "discovery/api__v1.json").read_text()))
    groups = named_groups(json.loads((published / "discovery/aggregated_v2.json").read_text()))
    types = go_types(args.kubernetes, core + groups)

    files = {
        DATA / "version": args.version + "\n",
        SCHEMAS: schemas(found),
        DATA / "descriptions.tsv.z": descriptions(found),
        DATA / "discovery-api.json": discovery(core),
        DATA / "discovery-apis.json": discovery(groups),
        RESOURCES: resources_table(core + groups),
        DATA / "gotypes.tsv": gotypes_table(types, args.version),
        DATA / "protobuf.tsv": protobuf_table(types),
    }
    changed = False
    for path, text in files.items():
        packed = path.suffix == ".z"
        before = path.read_bytes() if path.exists() else b""
        before = (zlib.decompress(before) if packed and before else before).decode()
        if before == text:
            print(f"{path.name}: as it was")
            continue
        changed = True
        old, new = set(before.splitlines()), set(text.splitlines())
        print(f"{path.name}: {len(new - old)} lines are new, {len(old - new)} are gone")
        if args.check:
            for line in sorted(new - old)[:5]:
                print(f"  + {line[:160]}")
            for line in sorted(old - new)[:5]:
                print(f"  - {line[:160]}")
        else:
            path.write_bytes(zlib.compress(text.encode(), 9) if packed else text.encode())
    return int(changed and args.check)


if __name__ == "__main__":
    sys.exit(main())
