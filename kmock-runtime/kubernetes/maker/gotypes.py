"""The Go types of the built-in kinds, read from their sources: what JSON and Protocol Buffers care about."""

import pathlib
import re

# Types that write their own JSON.
OWN_JSON = {
    "k8s.io/apimachinery/pkg/apis/meta/v1.Time": "@time",
    "k8s.io/apimachinery/pkg/apis/meta/v1.MicroTime": "@microtime",
    "k8s.io/apimachinery/pkg/apis/meta/v1.Duration": "@duration",
    "k8s.io/apimachinery/pkg/apis/meta/v1.FieldsV1": "@raw",
    "k8s.io/apimachinery/pkg/api/resource.Quantity": "@quantity",
    "k8s.io/apimachinery/pkg/util/intstr.IntOrString": "@intstr",
    "k8s.io/apimachinery/pkg/runtime.RawExtension": "@raw",
    "k8s.io/apiextensions-apiserver/pkg/apis/apiextensions/v1.JSON": "@raw",
    "k8s.io/apiextensions-apiserver/pkg/apis/apiextensions/v1.JSONSchemaPropsOrArray": "@raw",
    "k8s.io/apiextensions-apiserver/pkg/apis/apiextensions/v1.JSONSchemaPropsOrBool": "@raw",
    "k8s.io/apiextensions-apiserver/pkg/apis/apiextensions/v1.JSONSchemaDependencies": "@raw",
}
# Of these a pointer is a form like the others; in Protocol Buffers they are messages of forms of their own.
UNIONS = {
    "JSON": "",
    "JSONSchemaPropsOrArray": ":array",
    "JSONSchemaPropsOrBool": ":bool",
    "JSONSchemaDependencies": ":strings",
}
BASIC = {"bool", "int32", "int64", "int", "uint8", "float64", "string"}
BYTE = {"byte": "uint8"}


class Source:
    """The packages of Kubernetes, each read when a type of it is first asked for."""

    def __init__(self, root):
        self.staging = pathlib.Path(root) / "staging/src"
        self.packages = {}

    def package(self, path):
        if path not in self.packages:
            self.packages[path] = Package(path, self.staging / path)
        return self.packages[path]


class Package:
    def __init__(self, path, folder):
        self.path, self.name = path, path.rsplit("/", 1)[-1]
        self.types, self.imports = {}, {}
        for file in sorted(folder.glob("*.go")):
            if file.name.endswith("_test.go") or file.name.startswith("zz_generated") or file.name == "generated.pb.go":
                continue
            self.read(file.read_text())

    def read(self, text):
        text = re.sub(r"/\*.*?\*/", "", text, flags=re.S)
        imports = {}
        for block in re.findall(r"^import \((.*?)^\)", text, flags=re.S | re.M) + re.findall(r"^import (.*)$", text, flags=re.M):
            for alias, path in re.findall(r'(?:([\w.]+)\s+)?"([^"]+)"', block):
                imports[alias or path.rsplit("/", 1)[-1]] = path
        # `type ( A … )` is not used for what is served.
        for match in re.finditer(r"^type (\w+) (struct \{\n(.*?)^\}|struct\s*\{\s*\}|[^\n]+)", text, flags=re.S | re.M):
            name, rest, body = match.groups()
            if body is not None:
                self.types[name] = ("struct", body, imports)
            elif rest.startswith("struct"):
                self.types[name] = ("struct", "", imports)
            else:
                self.types[name] = ("alias", rest.split("//")[0].strip().lstrip("= "), imports)


def short(path):
    """`k8s.io/api/core/v1` is `core.v1`."""
    parts = path.split("/")
    return f"{parts[-2]}.{parts[-1]}"


class Reader:
    """Writes structs down, and notes which others they need."""

    def __init__(self, source):
        self.source, self.wanted, self.done = source, [], {}

    def want(self, path, name):
        key = f"{short(path)}.{name}"
        if key not in self.done:
            self.done[key] = None
            self.wanted.append((key, path, name))
        return key

    def run(self):
        while self.wanted:
            key, path, name = self.wanted.pop()
            self.done[key] = self.fields(path, name, [])

    def fields(self, path, name, numbers):
        """`(json name, flag, type, protobuf number path)` of each field, embedded structs in place."""
        _, body, imports = self.source.package(path).types[name]
        out = []
        for line in body.splitlines():
            match = re.match(r"^\t(?:(\w+)\s+)?(\S+)\s+`([^`]*)`", line)
            if not match:
                continue
            _, kind, tags = match.groups()
            tags = dict(re.findall(r'(\w+):"([^"]*)"', tags))
            if "json" not in tags or tags["json"] == "-":
                continue
            json_name, *options = tags["json"].split(",")
            number = tags.get("protobuf", "-").split(",")
            number = number[1] if len(number) > 1 else "0"
            if not json_name and "inline" in options:
                inner_path, inner = self.resolve(path, imports, kind.lstrip("*"))
                # Messages name it, too.
                self.want(inner_path, inner)
                prefix = numbers + [number] if number != "0" else None
                out += self.fields(inner_path, inner, prefix) if prefix else [
                    (n, f, t, "0") for n, f, t, _ in self.fields(inner_path, inner, [])]
                continue
            flag = "0" if "omitzero" in options else "?" if "omitempty" in options else "!"
            number = "0" if number == "0" else ".".join(numbers + [number])
            out.append((json_name, flag, self.kind(path, imports, kind), number + UNIONS.get(kind.lstrip("*"), "")))
        return out

    def resolve(self, path, imports, kind):
        if "." in kind:
            alias, name = kind.split(".")
            return imports[alias], name
        return path, kind

    def kind(self, path, imports, text):
        if text.startswith("*"):
            form = self.kind(path, imports, text[1:])
            return form if text[1:] in UNIONS else "*" + form
        if text.startswith("[]"):
            return "[]" + self.kind(path, imports, text[2:])
        match = re.match(r"map\[([^\]]+)\](.*)", text)
        if match:
            return f"map[{self.kind(path, imports, match[1])}]{self.kind(path, imports, match[2])}"
        if text in BASIC or text in BYTE:
            return BYTE.get(text, text)
        target, name = self.resolve(path, imports, text)
        if f"{target}.{name}" in OWN_JSON:
            return OWN_JSON[f"{target}.{name}"]
        package = self.source.package(target)
        form, body, own_imports = package.types[name]
        if form == "struct":
            return self.want(target, name)
        return f"~{self.kind(target, own_imports, body)}:{package.name}.{name}"
