//! Fuzzing: a target for each parser of what clients send, fed as `tests/fuzz` does it (`KMOCK_FUZZ=60 cargo test fuzz::`).

#[path = "../../../tests/fuzz/feed.rs"]
mod feed;

use http::{Method, Request};
use serde_json::{Value, json};

use self::feed::feed;
use crate::kinds::builtin::gotypes::Struct;
use crate::kinds::builtin::quantity::{self, Quantity};
use crate::kinds::builtin::times;
use crate::kinds::builtin::{decode, retype};
use crate::kinds::crd::{formats, jsonpath::JsonPath, pattern, props::Props, structural};
use crate::model::names;
use crate::model::path::{ApiRequest, Query};
use crate::model::selectors::{FieldSelector, LabelSelector};
use crate::text::{base64url, digest, pem};
use crate::wire::accept::{self, Endpoint};
use crate::wire::{json as wire_json, protobuf};
use kmock_apply::fields::{ManagedFields, PathElement, Write};
use kmock_apply::ordered::Node;
use kmock_apply::patch::{apply, json as json_patch, merge, strategic};
use kmock_apply::schema::Schema;

/// A text whose letters up to U+00FF are bytes.
fn bytes(text: &str) -> Vec<u8> {
    let byte = |c: char| u8::try_from(u32::from(c)).unwrap_or(b'?');
    text.chars().map(byte).collect()
}

fn letters(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| char::from(*byte)).collect()
}

fn pod() -> Value {
    json!({
        "apiVersion": "v1", "kind": "Pod",
        "metadata": {"name": "p", "namespace": "default", "labels": {"a": "b"}, "annotations": {"x": "y"},
            "creationTimestamp": "2026-01-01T00:00:00Z", "finalizers": ["a/b"],
            "managedFields": [{"manager": "m", "operation": "Apply", "apiVersion": "v1", "fieldsType": "FieldsV1",
                "fieldsV1": {"f:metadata": {"f:labels": {"f:a": {}}}, "f:spec": {"f:containers": {"k:{\"name\":\"c\"}": {".": {}, "f:image": {}}}}}}]},
        "spec": {"nodeName": "n", "restartPolicy": "Always", "containers": [
            {"name": "c", "image": "i", "ports": [{"containerPort": 80, "protocol": "TCP"}],
             "resources": {"limits": {"cpu": "1500m", "memory": "1Gi"}}, "env": [{"name": "A", "value": "1"}]},
            {"name": "d", "image": "j", "livenessProbe": {"httpGet": {"port": "http"}, "periodSeconds": 3}}],
            "tolerations": [{"key": "k", "operator": "Exists", "tolerationSeconds": 30}]},
        "status": {"phase": "Running", "conditions": [{"type": "Ready", "status": "True", "lastTransitionTime": null}]},
    })
}

#[test]
fn paths() {
    let seeds = [
        "/api/v1/namespaces/a/pods/b/status?watch=1&labelSelector=a%3Db",
        "/apis/apps/v1/deployments?limit=5&continue=x&resourceVersion=0",
        "/api/v1/watch/pods",
        "/apis/g/v1/namespaces/n/things/x/scale",
        "/api/v1/namespaces/a/pods/b/proxy/x/y%2F..?q",
    ];
    feed("API paths", &seeds, |text| {
        if let Ok(uri) = text.parse() {
            drop(ApiRequest::parse(&Method::GET, &uri));
        }
        drop(Query::parse(text));
        drop(names::subdomain_faults(text));
        drop(base64url::decode(text));
    });
}

#[test]
fn selectors() {
    let seeds = [
        "a in (b,c),!d,e notin (f),g>1",
        "a=b,c!=d,x.y/z==1",
        "metadata.name=x,spec.nodeName!=y",
        "a==b\\,c",
    ];
    let object = pod();
    feed("selectors", &seeds, |text| {
        if let Ok(labels) = LabelSelector::parse(text) {
            let _ = labels.matches_object(&object);
        }
        drop(FieldSelector::parse(text));
    });
}

#[test]
fn json_as_it_was_sent() {
    let pod = pod().to_string();
    let seeds = [
        pod.as_str(),
        r#"{"a":1.50e-7,"a":[true,null,"\u00fc\ud83d\ude00\n\ud800x"],"b":{"c":{}}}"#,
        "[[[[1,[2]],-0],18446744073709551616],\"\\\\\"]",
    ];
    feed("JSON", &seeds, |text| {
        let node = Node::parse(text.as_bytes());
        // It reads what serde_json reads, and nothing else that is not nested deeply.
        let other: Result<Value, _> = serde_json::from_str(text);
        if let (Ok(_), Err(why)) = (&other, &node) {
            panic!("{why}");
        }
        if let Ok(node) = node {
            let value = node.to_value();
            assert_eq!(Node::from_value(&value).to_value(), value);
            let printed = wire_json::print(&value, None);
            assert_eq!(printed.len(), kmock_apply::gofmt::json_size(&value));
            drop(wire_json::indent(&printed));
        }
    });
}

#[cfg(feature = "yaml")]
#[test]
fn yaml_documents() {
    use crate::text::yaml;
    let seeds = [
        "a: 1\nb: [1, 2, {c: d}]\ne: |\n  text\n  more\n---\nf: &x {g: h}\ni: *x\n",
        "- 1\n- - 2\n  - 3\n? [a]\n: b\n",
        "\"a\": 0x1F\nb: ~\nc: 1e3\nd: 2001-12-14t21:59:43.10-05:00\n<<: {x: y}\n",
        "a: !!binary aGk=\nb: !!int \"7\"\nc: >-\n  folded\n\n  text\n",
        "%YAML 1.1\n---\nkey: 'it''s'\n...\n",
    ];
    feed("YAML", &seeds, |text| {
        if let Ok(all) = yaml::parse_all(text) {
            for value in all {
                let written = yaml::print(&value);
                // As Go writes it, a key that is called as merging is written stands as it is: it is another thing afterwards.
                // And lines break at what YAML 1.1 took for their end.
                if written.contains("<<:") || written.contains(['\u{85}', '\u{2028}', '\u{2029}']) {
                    continue;
                }
                // Anything else is read as it was.
                let again = yaml::parse(&written).map(|document| document.value);
                assert_eq!(again.as_ref(), Ok(&value), "{written}");
            }
        }
        drop(yaml::parse_bytes(text.as_bytes()));
    });
}

#[test]
fn protobuf_messages() {
    let pod = letters(&protobuf::print(&pod()).expect("a message"));
    let map = json!({"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "a"}, "data": {"k": "v"}, "binaryData": {"b": "AAE="}});
    let map = letters(&protobuf::print(&map).expect("a message"));
    let definition = json!({
        "apiVersion": "apiextensions.k8s.io/v1", "kind": "CustomResourceDefinition", "metadata": {"name": "a.b"},
        "spec": {"group": "b", "scope": "Cluster", "names": {"plural": "a", "kind": "A"}, "versions": [{"name": "v1",
            "schema": {"openAPIV3Schema": {"type": "object", "default": {"a": [1]}, "maximum": 1.5, "enum": ["x", 2]}}}]},
    });
    let definition = letters(&protobuf::print(&definition).expect("a message"));
    let seeds = [pod.as_str(), &map, &definition, "k8s\0\n\0\u{12}\0"];
    feed("protobuf", &seeds, |text| {
        if let Ok(value) = protobuf::read(&bytes(text)) {
            drop(protobuf::print(&value));
        }
    });
}

#[test]
fn patches() {
    let seeds = [
        r#"[{"op":"add","path":"/spec/containers/-","value":{"name":"e"}},{"op":"copy","from":"/spec","path":"/x"},{"op":"test","path":"/metadata/name","value":"p"},{"op":"move","from":"/status","path":"/y~1z"},{"op":"remove","path":"/spec/containers/-1"},{"op":"replace","path":"/metadata/labels/a","value":null}]"#,
        r#"{"metadata":{"labels":{"a":null,"c":"d"}},"spec":{"containers":[{"name":"c","image":null}]}}"#,
        r#"{"spec":{"containers":[{"$patch":"delete","name":"d"},{"name":"c","ports":[{"$patch":"replace"},{"containerPort":81}]}],"$setElementOrder/containers":[{"name":"c"},{"name":"d"}],"$retainKeys":["containers"]},"metadata":{"$deleteFromPrimitiveList/finalizers":["a/b"]}}"#,
    ];
    let live = pod();
    let object = live.as_object().expect("an object");
    let schema = Schema::of_kind("", "v1", "Pod").expect("a schema");
    feed("patches", &seeds, |text| {
        let Ok(node) = Node::parse(text.as_bytes()) else {
            return;
        };
        if json_patch::check(&node).is_ok() {
            drop(json_patch::apply(&live, &node));
        }
        let value = node.to_value();
        drop(merge::apply(&live, &value));
        if let Value::Object(patch) = &value {
            drop(strategic::apply(schema, "Pod", object, patch));
        }
    });
}

#[test]
fn applied_configurations() {
    let seeds = [
        r#"{"apiVersion":"v1","kind":"Pod","metadata":{"name":"p","labels":{"a":"c"}},"spec":{"containers":[{"name":"c","image":"x","ports":[{"containerPort":80,"protocol":"TCP"}]}]}}"#,
        r#"{"apiVersion":"v1","kind":"Pod","metadata":{"name":"p","finalizers":["a/b","c/d"]},"spec":{"tolerations":[{"key":"k"}],"containers":[{"name":"c"},{"name":"c"}]}}"#,
        r#"{"f:metadata":{"f:labels":{"f:a":{},"v:\"x\"":{},"i:3":{},"k:{\"name\":\"c\"}":{".":{}}}}}"#,
    ];
    let live = pod();
    let schema = Schema::of_kind("", "v1", "Pod").expect("a schema").into();
    feed("apply", &seeds, |text| {
        let Ok(config) = serde_json::from_str::<Value>(text) else {
            return;
        };
        drop(ManagedFields::decode(Some(
            &json!([{"manager": "m", "operation": "Update", "fieldsType": "FieldsV1", "fieldsV1": config}]),
        )));
        if let Some(key) = config.as_object().and_then(|map| map.keys().next()) {
            drop(PathElement::decode(key));
        }
        if config.is_object() {
            for force in [false, true] {
                let write = Write::new("fuzz", "v1", &schema, "2026-01-01T00:00:00Z");
                drop(apply::apply(Some(&live), &config, "Pod", force, &write));
            }
        }
    });
}

#[test]
fn bodies_of_built_in_kinds() {
    let pod = pod().to_string();
    let deployment = r#"{"apiVersion":"apps/v1","kind":"Deployment","metadata":{"name":"d"},"spec":{"replicas":3,"selector":{"matchLabels":{"a":"b"},"matchExpressions":[{"key":"k","operator":"In","values":["v"]}]},"strategy":{"rollingUpdate":{"maxSurge":"25%","maxUnavailable":1}},"template":{"metadata":{"labels":{"a":"b"}},"spec":{"containers":[{"name":"c","image":"i"}]}}}}"#;
    let secret = r#"{"apiVersion":"v1","kind":"Secret","data":{"a":"AAE="},"stringData":{"b":"c"},"type":"Opaque"}"#;
    let seeds = [pod.as_str(), deployment, secret];
    let types = [
        ("", "v1", "Pod"),
        ("apps", "v1", "Deployment"),
        ("", "v1", "Secret"),
    ];
    feed("bodies", &seeds, |text| {
        let Ok(node) = Node::parse(text.as_bytes()) else {
            return;
        };
        for (group, version, kind) in types {
            let of = Struct::of_kind(group, version, kind).expect("a type");
            drop(decode::decode(of, node.clone()));
            let object = node.to_value();
            let mut own = object.clone();
            if retype::retype(of, &mut own) {
                let decoded = decode::decode(of, Node::from_value(&object));
                assert_eq!(Ok(own), decoded.map(|read| read.object));
            }
        }
    });
}

#[test]
fn schemas() {
    let seeds = [
        r#"{"type":"object","required":["a"],"properties":{"a":{"type":"string","pattern":"^[a-z]+$","maxLength":10,"default":"x","enum":["x","y"]},"l":{"type":"array","items":{"type":"object","properties":{"k":{"type":"string"}},"required":["k"]},"x-kubernetes-list-type":"map","x-kubernetes-list-map-keys":["k"]},"n":{"type":"integer","format":"int32","minimum":1,"multipleOf":2},"any":{"x-kubernetes-preserve-unknown-fields":true},"m":{"type":"object","additionalProperties":{"type":"number"}}}}"#,
        r#"{"type":"object","anyOf":[{"required":["a"]},{"not":{"required":["b"]}}],"properties":{"port":{"x-kubernetes-int-or-string":true},"e":{"type":"object","x-kubernetes-embedded-resource":true,"nullable":true}},"x-kubernetes-validations":[{"rule":"self.port > 1"}]}"#,
    ];
    feed("schemas", &seeds, |text| {
        let Ok(schema) = serde_json::from_str::<Value>(text) else {
            return;
        };
        drop(Schema::of_custom_resource(Some(&schema)));
        let props = Props::parse(&schema);
        drop(structural::unsupported(&props));
        drop(structural::validate(
            &props,
            "spec",
            &mut pattern::Patterns::default(),
        ));
        let definition = json!({
            "apiVersion": "apiextensions.k8s.io/v1", "kind": "CustomResourceDefinition", "metadata": {"name": "as.b.c"},
            "spec": {"group": "b.c", "scope": "Cluster", "names": {"plural": "as", "singular": "a", "kind": "A", "listKind": "AList"},
                "versions": [{"name": "v1", "served": true, "storage": true, "schema": {"openAPIV3Schema": schema}}]},
        });
        drop(crate::kinds::crd::unstored(&definition));
    });
}

#[cfg(feature = "cel")]
#[test]
fn rules_in_cel() {
    use crate::kinds::crd::cel;
    use crate::kinds::crd::node::Node as Compiled;
    let seeds = [
        "self.n > 1 && self.s.matches('^a+$') || duration('1h') < duration('2h')",
        "self.l.all(x, x.startsWith('a')) && self.m.exists(k, v, k == 'a' && v > 2) ? 'a' : \"b\\n\"",
        "has(self.s) && size(self.l) < 5u && self.l.map(x, x + '!').filter(x, x != '').join(',') != r'raw'",
        "timestamp('2024-01-01T00:00:00Z').getFullYear('+01:00') == 2024 && [1, 2.5e3, -0x1F][0] in [1] && {'a': b'x'} != {}",
        "quantity('1Gi').isGreaterThan(quantity('1Mi')) || ip('10.0.0.1').family() == 4 || '%s %d %.3f'.format(['a', 1, 2.0]) == ''",
        "oldSelf.n + self.n * 3 % 2 - 1 == 0 && optional.of(1).orValue(2) == 1 && self.?s.hasValue()",
    ];
    let schema = |rule: &str| {
        json!({"type": "object", "properties": {
            "n": {"type": "integer"}, "s": {"type": "string", "maxLength": 20},
            "l": {"type": "array", "maxItems": 9, "items": {"type": "string", "maxLength": 9}},
            "m": {"type": "object", "maxProperties": 9, "additionalProperties": {"type": "integer"}},
        }, "x-kubernetes-validations": [{"rule": rule}]})
    };
    let object = json!({"n": 2, "s": "aaa", "l": ["a", "ab"], "m": {"a": 3}});
    feed("CEL", &seeds, |text| {
        let schema = schema(text);
        let props = Props::parse(&schema);
        drop(cel::compile(&props, false));
        if let Some(validator) = cel::Validator::new(&props, false) {
            let node = Compiled::compile(&props, &mut pattern::Patterns::default());
            drop(validator.validate(&node, &object, Some(&object)));
        }
    });
}

#[test]
fn patterns_of_schemas() {
    let seeds = [
        "^[a-z]+\\d{2,5}$",
        "(a|b)*?[[:alpha:]]\\pL",
        "(?i)x{1,3}(?P<n>y)",
        "\\Qa.b\\E[^\\s-\\w]",
        "^([a-z0-9]([-a-z0-9]*[a-z0-9])?\\.)+$",
        "^[\\p{L}\\p{N}]{1,1000}-(?:ß|[[:alpha:]]){2}$",
    ];
    feed("patterns", &seeds, |text| {
        if let Ok(regex) = pattern::shared(text) {
            let _ = regex.is_match("aab.c-d ß");
        }
    });
}

#[test]
fn paths_in_json() {
    let seeds = [
        ".spec.containers[0].name",
        ".spec.containers[?(@.name==\"c\")].image",
        "..name",
        ".metadata['labels']['a\\.b']",
        ".spec.containers[-1:0:2, *].ports[*].containerPort",
    ];
    let object = pod();
    feed("JSONPath", &seeds, |text| {
        if let Some(path) = JsonPath::parse(text) {
            drop(path.find(&object));
        }
    });
}

#[test]
fn quantities_durations_and_times() {
    let seeds = [
        "1.5Gi",
        "100m",
        "-2e3",
        "+1E93",
        "0.000000001n",
        "1h30m2.5s",
        "-1.001µs",
        "9223372036854775807ns",
        "2026-02-28T23:59:60.123456789+14:00",
        "1969-12-31T00:00:00Z",
        "P1DT2H",
        "2024-02-30",
    ];
    feed("quantities, durations, times", &seeds, |text| {
        if let Ok(quantity) = Quantity::parse(text) {
            let printed = quantity.to_string();
            let again = Quantity::parse(&printed);
            assert_eq!(again.map(|again| again.to_string()), Ok(printed));
        }
        drop(quantity::stored(text));
        if let Ok(nanos) = times::duration(text) {
            assert_eq!(times::duration(&times::print_duration(nanos)), Ok(nanos));
        }
        drop(times::time(text));
        drop(times::micro_time(text));
        let _ = times::moment(text);
        for format in [
            "date",
            "date-time",
            "duration",
            "ipv4",
            "ipv6",
            "cidr",
            "mac",
            "uri",
            "email",
            "hostname",
            "uuid",
            "byte",
            "isbn",
            "creditcard",
            "ssn",
            "hexcolor",
            "rgbcolor",
        ] {
            if let Some(format) = formats::TextFormat::named(format) {
                let _ = format.accepts(text);
            }
        }
    });
}

#[test]
fn accept_headers() {
    let seeds = [
        "application/json;as=Table;v=v1;g=meta.k8s.io,application/json",
        "application/vnd.kubernetes.protobuf, */*;q=0.5",
        "application/json;as=PartialObjectMetadata;g=meta.k8s.io;v=v1;q=0.9, text/html",
        "application/yaml;q=1.000;pretty=1,application/cbor-seq",
    ];
    feed("Accept", &seeds, |text| {
        for endpoint in [Endpoint::Resource, Endpoint::Untabled] {
            drop(accept::negotiate(text, endpoint));
            drop(accept::negotiate_stream(text, endpoint));
        }
        drop(accept::negotiate_page(text, "v1"));
        drop(accept::check_router(text, true));
    });
}

#[test]
fn certificates_and_digests() {
    let seeds = [
        "-----BEGIN CERTIFICATE REQUEST-----\nMAoGCCqGSM49BAMC\n-----END CERTIFICATE REQUEST-----\n",
        "-----BEGIN X-----\nkey: value\n\nAAE=\n-----END X-----",
        "0\u{82}\u{1}\n\u{2}\u{1}\0",
    ];
    feed("PEM and DER", &seeds, |text| {
        for block in pem::blocks(text) {
            drop(block);
        }
        let der = bytes(text);
        let _ = crate::text::der::is_certificate(&der);
        drop(crate::text::der::organizations(&der));
        drop(digest::hex(&digest::sha256(&der)));
    });
}

/// Targets that need a whole request are those of `tests/fuzz`; here is one that has none of a server around it.
#[test]
fn query_parameters() {
    let seeds = [
        "limit=5&continue=eyJ2IjoibWV0YS5rOHMuaW8vdjEiLCJydiI6MSwic3RhcnQiOiJhXHUwMDAwIn0",
        "watch=1&resourceVersion=100&resourceVersionMatch=NotOlderThan&allowWatchBookmarks=true&timeoutSeconds=1",
        "fieldSelector=metadata.name%3Da&labelSelector=a+in+(b)&pretty=1&timeout=1s",
        "dryRun=All&fieldManager=%00&fieldValidation=Strict&propagationPolicy=Orphan",
    ];
    let cluster = crate::Cluster::default();
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .start_paused(true)
        .build();
    let runtime = runtime.expect("a runtime");
    feed("query parameters", &seeds, |text| {
        let request = Request::get(format!("/api/v1/namespaces/default/configmaps?{text}"));
        if let Ok(request) = request.body(bytes::Bytes::new()) {
            drop(runtime.block_on(cluster.call(request)));
        }
    });
}
