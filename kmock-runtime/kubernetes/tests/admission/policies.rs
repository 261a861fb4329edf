//! Policies in CEL: what they see, what they refuse, in which words.

use serde_json::{Value, json};

use super::{MAPS, Server, api, config_map};
use kmock_kubernetes::{Cluster, ClusterOptions};

const GROUP: &str = "/apis/admissionregistration.k8s.io/v1";

/// A policy for all writes of ConfigMaps; `spec` is added to it.
fn policy(kind: &str, name: &str, spec: Value) -> Value {
    let mut policy = json!({
        "apiVersion": "admissionregistration.k8s.io/v1", "kind": format!("{kind}AdmissionPolicy"),
        "metadata": {"name": name},
        "spec": {"matchConstraints": {"resourceRules": [{
            "apiGroups": [""], "apiVersions": ["v1"], "resources": ["configmaps"], "operations": ["CREATE", "UPDATE"],
        }]}},
    });
    for (key, value) in spec.as_object().expect("an object") {
        policy["spec"][key] = value.clone();
    }
    policy
}

fn binding(kind: &str, name: &str, spec: Value) -> Value {
    let mut binding = json!({
        "apiVersion": "admissionregistration.k8s.io/v1", "kind": format!("{kind}AdmissionPolicyBinding"),
        "metadata": {"name": name}, "spec": {"policyName": name},
    });
    if kind == "Validating" {
        binding["spec"]["validationActions"] = json!(["Deny"]);
    }
    for (key, value) in spec.as_object().expect("an object") {
        binding["spec"][key] = value.clone();
    }
    binding
}

impl Server {
    fn bind(&self, kind: &str, name: &str, spec: Value, of_binding: Value) {
        let prefix = kind.to_lowercase();
        self.done(
            &format!("POST {GROUP}/{prefix}admissionpolicies"),
            policy(kind, name, spec),
        );
        self.done(
            &format!("POST {GROUP}/{prefix}admissionpolicybindings"),
            binding(kind, name, of_binding),
        );
    }

    fn validates(&self, expression: &str) {
        let spec = json!({"validations": [{"expression": expression}]});
        self.bind("Validating", "p", spec, json!({}));
    }

    fn create(&self, data: Value) -> (u16, String) {
        let (code, answer) = self.call(&format!("POST {MAPS}?dryRun=All"), config_map("a", data));
        (
            code,
            answer["message"].as_str().unwrap_or_default().to_owned(),
        )
    }
}

#[test]
fn a_policy_with_a_binding_refuses_in_the_server_s_words() {
    let server = Server::new();
    let spec = json!({"validations": [
        {"expression": "!('bad' in object.data)", "message": "no bad"},
        {"expression": "object.data.size() < 3"},
        {"expression": "!('who' in object.data)", "messageExpression": "'not ' + object.data.who", "reason": "Forbidden"},
    ]});
    let path = format!("POST {GROUP}/validatingadmissionpolicies");
    server.done(&path, policy("Validating", "no-bad", spec));
    // Without a binding it does nothing.
    assert_eq!(server.create(json!({"bad": "1"})).0, 201);
    let path = format!("POST {GROUP}/validatingadmissionpolicybindings");
    server.done(&path, binding("Validating", "no-bad", json!({})));
    let by = "configmaps \"a\" is forbidden: ValidatingAdmissionPolicy 'no-bad' with binding 'no-bad' denied request: ";
    assert_eq!(
        server.create(json!({"bad": "1"})),
        (422, format!("{by}no bad"))
    );
    assert_eq!(
        server.create(json!({"a": "1", "b": "2", "c": "3"})),
        (
            422,
            format!("{by}failed expression: object.data.size() < 3")
        )
    );
    assert_eq!(
        server.create(json!({"who": "me"})),
        (403, format!("{by}not me"))
    );
    assert_eq!(server.create(json!({"a": "1"})).0, 201);
    let (_, answer) = server.call(
        &format!("POST {MAPS}"),
        config_map("a", json!({"bad": "1"})),
    );
    assert_eq!(answer["reason"], "Invalid");
    assert_eq!(
        answer["details"]["causes"][0]["message"],
        "ValidatingAdmissionPolicy 'no-bad' with binding 'no-bad' denied request: no bad"
    );
    server.done(
        &format!("DELETE {GROUP}/validatingadmissionpolicybindings/no-bad"),
        Value::Null,
    );
    assert_eq!(server.create(json!({"bad": "1"})).0, 201);
}

#[test]
fn expressions_see_the_request_and_what_is_around_it() {
    for (expression, holds) in [
        ("object.metadata.name == 'a' && oldObject == null", true),
        (
            "request.operation == 'CREATE' && request.name == 'a' && request.namespace == 'default'",
            true,
        ),
        (
            "request.kind.kind == 'ConfigMap' && request.resource.resource == 'configmaps'",
            true,
        ),
        (
            "request.userInfo.username == 'kubernetes-admin' && 'system:masters' in request.userInfo.groups",
            true,
        ),
        (
            "request.dryRun && request.options.kind == 'CreateOptions'",
            true,
        ),
        (
            "namespaceObject.metadata.name == 'default' && namespaceObject.status.phase == 'Active'",
            true,
        ),
        (
            "namespaceObject.metadata.labels['kubernetes.io/metadata.name'] == 'default'",
            true,
        ),
        ("has(object.data.x) && object.data.x.startsWith('1')", true),
        ("object.data.all(k, k == 'x')", true),
        (
            "authorizer.group('').resource('pods').namespace('default').check('create').allowed()",
            true,
        ),
        ("authorizer.path('/healthz').check('get').allowed()", true),
        ("authorizer.requestResource.check('create').allowed()", true),
        (
            "authorizer.serviceAccount('default', 'x').group('apps').resource('deployments').check('get').errored()",
            false,
        ),
        ("has(object.spec)", false),
    ] {
        let server = Server::new();
        server.validates(expression);
        let (code, message) = server.create(json!({"x": "1"}));
        assert_eq!(
            code,
            if holds { 201 } else { 422 },
            "{expression}: {message}"
        );
    }
}

#[test]
fn what_fails_refuses_unless_failures_are_ignored() {
    let server = Server::new();
    server.validates("object.spec.x == 1");
    let wanted = "configmaps \"a\" is forbidden: ValidatingAdmissionPolicy 'p' with binding 'p' denied request: expression \
                  'object.spec.x == 1' resulted in error: no such key: spec";
    assert_eq!(server.create(json!({})), (422, wanted.to_owned()));
    let server = Server::new();
    let spec =
        json!({"failurePolicy": "Ignore", "validations": [{"expression": "object.spec.x == 1"}]});
    server.bind("Validating", "p", spec, json!({}));
    assert_eq!(server.create(json!({})).0, 201);
}

#[test]
fn variables_are_worked_out_once_and_only_if_asked_for() {
    let server = Server::new();
    let spec = json!({
        "variables": [
            {"name": "bad", "expression": "object.spec.x"},
            {"name": "size", "expression": "object.data.size()"},
            {"name": "twice", "expression": "variables.size * 2"},
        ],
        "validations": [
            {"expression": "variables.twice == 2 && object.data.all(k, variables.size == 1)"},
            {"expression": "!has(object.spec) || variables.bad == 1"},
        ],
    });
    server.bind("Validating", "p", spec, json!({}));
    assert_eq!(server.create(json!({"x": "1"})), (201, String::new()));
    assert_eq!(server.create(json!({"x": "1", "y": "1"})).0, 422);
    let server = Server::new();
    let spec = json!({
        "variables": [{"name": "bad", "expression": "object.spec.x"}],
        "validations": [{"expression": "variables.bad == 1"}],
    });
    server.bind("Validating", "p", spec, json!({}));
    let (_, message) = server.create(json!({}));
    assert!(
        message.ends_with(
            "resulted in error: composited variable \"bad\" fails to evaluate: no such key: spec"
        ),
        "{message}"
    );
}

#[test]
fn parameters_come_from_the_objects_that_a_binding_names() {
    let server = Server::new();
    let limits = |name: &str, most: &str| {
        let mut map = config_map(name, json!({"most": most}));
        map["metadata"]["labels"] = json!({"limits": "yes"});
        map["metadata"]["namespace"] = json!("limits");
        map
    };
    let spec = json!({
        "paramKind": {"apiVersion": "v1", "kind": "ConfigMap"},
        "matchConstraints": {"resourceRules": [{
            "apiGroups": [""], "apiVersions": ["v1"], "resources": ["configmaps"], "operations": ["CREATE"],
            "resourceNames": ["a"],
        }]},
        "validations": [{"expression": "object.data.size() <= int(params.data.most)", "messageExpression": "'at most ' + params.data.most"}],
    });
    let reference =
        json!({"name": "tight", "namespace": "limits", "parameterNotFoundAction": "Deny"});
    server.bind("Validating", "p", spec, json!({"paramRef": reference}));
    let by = "configmaps \"a\" is forbidden: ValidatingAdmissionPolicy 'p' with binding 'p' denied request: ";
    let missing = "failed to configure binding: no params found for policy binding with `Deny` parameterNotFoundAction";
    assert_eq!(server.create(json!({})), (422, format!("{by}{missing}")));
    server.0.objects().seed(limits("tight", "1"));
    assert_eq!(server.create(json!({"x": "1"})).0, 201);
    assert_eq!(
        server.create(json!({"x": "1", "y": "1"})),
        (422, format!("{by}at most 1"))
    );
    // All that a selector selects must agree; nothing that is selected agrees with everything.
    let patch = format!("PATCH {GROUP}/validatingadmissionpolicybindings/p");
    let reference = json!({"name": null, "selector": {"matchLabels": {"limits": "yes"}}, "parameterNotFoundAction": "Allow"});
    server.done(&patch, json!({"spec": {"paramRef": reference}}));
    server.0.objects().seed(limits("tighter", "0"));
    assert_eq!(
        server.create(json!({"x": "1"})),
        (422, format!("{by}at most 0"))
    );
    server.0.objects().delete("configmaps", "limits/tighter");
    server.0.objects().delete("configmaps", "limits/tight");
    assert_eq!(server.create(json!({"x": "1", "y": "1", "z": "1"})).0, 201);
}

#[test]
fn actions_tell_the_client_or_the_audit_log_instead() {
    let server = Server::new();
    let spec = json!({
        "validations": [{"expression": "false", "message": "never"}],
        "auditAnnotations": [{"key": "size", "valueExpression": "string(object.data.size())"}],
    });
    server.bind(
        "Validating",
        "p",
        spec,
        json!({"validationActions": ["Warn", "Audit"]}),
    );
    let request = http::Request::post(MAPS).header("content-type", "application/json");
    let request = request.body(config_map("a", json!({"x": "1"})).to_string().into());
    let response = api::run(server.0.call(request.expect("a request")));
    assert_eq!(response.status(), 201);
    assert_eq!(
        response.headers()["warning"],
        "299 - \"Validation failed for ValidatingAdmissionPolicy 'p' with binding 'p': never\""
    );
    let kept = server.0.webhooks().audit_annotations();
    assert_eq!(
        kept[0].key,
        "validation.policy.admission.k8s.io/validation_failure"
    );
    let told: Value = serde_json::from_str(&kept[0].value).expect("JSON");
    assert_eq!(told[0]["message"], "never");
    assert_eq!(
        (kept[1].key.as_str(), kept[1].value.as_str()),
        ("p/size", "1")
    );
}

#[test]
fn conditions_and_exclusions_keep_requests_out() {
    let server = Server::new();
    let spec = json!({
        "matchConditions": [{"name": "not-mine", "expression": "!('mine' in object.data)"}],
        "matchConstraints": {
            "resourceRules": [{"apiGroups": [""], "apiVersions": ["v1"], "resources": ["configmaps"], "operations": ["*"]}],
            "excludeResourceRules": [{
                "apiGroups": [""], "apiVersions": ["v1"], "resources": ["configmaps"], "operations": ["*"], "resourceNames": ["free"],
            }],
            "namespaceSelector": {"matchLabels": {"kubernetes.io/metadata.name": "default"}},
        },
        "validations": [{"expression": "false"}],
    });
    server.bind("Validating", "p", spec, json!({}));
    assert_eq!(server.create(json!({})).0, 422);
    assert_eq!(server.create(json!({"mine": "1"})).0, 201);
    server.done(&format!("POST {MAPS}"), config_map("free", json!({})));
    let elsewhere = "POST /api/v1/namespaces/kube-system/configmaps";
    server.done(elsewhere, config_map("a", json!({})));
    // A condition that fails is a failure of the policy.
    let server = Server::new();
    let spec = json!({
        "matchConditions": [{"name": "broken", "expression": "object.spec.x == 1"}],
        "validations": [{"expression": "false"}],
    });
    server.bind("Validating", "p", spec, json!({}));
    let (_, message) = server.create(json!({}));
    assert!(
        message.ends_with("expression 'object.spec.x == 1' resulted in error: no such key: spec"),
        "{message}"
    );
}

#[test]
fn expressions_that_do_not_compile_are_refused() {
    let server = Server::new();
    let path = format!("POST {GROUP}/validatingadmissionpolicies");
    for (spec, wanted) in [
        (
            json!({"validations": [{"expression": "object.x +"}]}),
            "spec.validations[0].expression: Invalid value: \"object.x +\": compilation failed: ERROR: <input>:1:11: Syntax error",
        ),
        (
            json!({"validations": [{"expression": "1"}]}),
            "spec.validations[0].expression: Invalid value: \"1\": must evaluate to bool but got int",
        ),
        (
            json!({"validations": [{"expression": "object.data.x"}]}),
            "must evaluate to bool but got dyn",
        ),
        (
            json!({"validations": [{"expression": "request.nope == 1"}]}),
            "compilation failed: ERROR: <input>:1:8: undefined field 'nope'",
        ),
        (
            json!({"validations": [{"expression": "params.x == 1"}]}),
            "undeclared reference to 'params' (in container '')",
        ),
        (
            json!({"validations": [{"expression": "variables.x == 1"}]}),
            "undefined field 'x'",
        ),
        (
            json!({"validations": [{"expression": "true"}], "matchConditions": [{"name": "a", "expression": "'x'"}]}),
            "spec.matchConditions[0].expression: Invalid value: \"'x'\": must evaluate to bool but got string",
        ),
    ] {
        let (code, message) = server.refused(&path, policy("Validating", "p", spec));
        assert_eq!(code, 422);
        assert!(
            message.contains(wanted),
            "{message}\ndoes not have\n{wanted}"
        );
    }
}

#[test]
fn a_mutating_policy_applies_a_configuration_or_a_patch() {
    let server = Server::new();
    let spec = json!({
        "reinvocationPolicy": "Never", "failurePolicy": "Fail",
        "variables": [{"name": "who", "expression": "request.userInfo.username"}],
        "mutations": [
            {"patchType": "ApplyConfiguration", "applyConfiguration": {
                "expression": "Object{metadata: Object.metadata{labels: Object.metadata.labels{by: variables.who}}}",
            }},
            {"patchType": "JSONPatch", "jsonPatch": {
                "expression": "[JSONPatch{op: 'test', path: '/data/x', value: '1'}, JSONPatch{op: 'add', path: '/data/' + jsonpatch.escapeKey('y.z'), value: object.metadata.labels.by}]",
            }},
        ],
    });
    server.bind("Mutating", "m", spec, json!({}));
    let made = server.done(&format!("POST {MAPS}"), config_map("a", json!({"x": "1"})));
    assert_eq!(
        made["metadata"]["labels"],
        json!({"by": "kubernetes-admin"})
    );
    assert_eq!(made["data"], json!({"x": "1", "y.z": "kubernetes-admin"}));
    // A test that does not hold takes the whole patch away.
    let made = server.done(&format!("POST {MAPS}"), config_map("b", json!({"x": "2"})));
    assert_eq!(made["data"], json!({"x": "2"}));
}

#[test]
fn a_mutation_that_fails_refuses_the_request() {
    let server = Server::new();
    let spec = json!({
        "reinvocationPolicy": "Never", "failurePolicy": "Fail",
        "mutations": [{"patchType": "JSONPatch", "jsonPatch": {
            "expression": "[JSONPatch{op: 'remove', path: '/data/none'}]",
        }}],
    });
    server.bind("Mutating", "m", spec, json!({}));
    let wanted = "policy 'm' with binding 'm' denied request: JSON Patch: error in remove for path: '/data/none': Unable to \
                  remove nonexistent key: none: missing value";
    let refused = server.refused(&format!("POST {MAPS}"), config_map("a", json!({"x": "1"})));
    assert_eq!(refused, (403, wanted.to_owned()));
}

#[test]
fn a_webhook_has_conditions_too() {
    let server = Server::new();
    let configuration = json!({
        "apiVersion": "admissionregistration.k8s.io/v1", "kind": "ValidatingWebhookConfiguration",
        "metadata": {"name": "w"}, "webhooks": [{
            "name": "w.example.com", "clientConfig": {"url": "https://127.0.0.1:1/none"},
            "rules": [{"apiGroups": [""], "apiVersions": ["v1"], "resources": ["configmaps"], "operations": ["*"]}],
            "admissionReviewVersions": ["v1"], "sideEffects": "None",
            "matchConditions": [{"name": "asked", "expression": "'asked' in object.data"}],
        }],
    });
    server.done(
        &format!("POST {GROUP}/validatingwebhookconfigurations"),
        configuration,
    );
    assert_eq!(server.create(json!({"x": "1"})).0, 201);
    assert_eq!(server.create(json!({"asked": "1"})).0, 500);
}

/// A cluster with controllers.
fn with_controllers() -> Server {
    Server(Cluster::new(ClusterOptions {
        controllers: true,
        ..ClusterOptions::default()
    }))
}

impl Server {
    /// The status of a policy over some resources, once it is there.
    fn status_of(&self, rule: Value, spec: Value) -> Value {
        let mut policy = policy("Validating", "typed", spec);
        policy["spec"]["matchConstraints"]["resourceRules"] = json!([rule]);
        policy["spec"]["matchConstraints"]["resourceRules"][0]["operations"] = json!(["*"]);
        let path = format!("{GROUP}/validatingadmissionpolicies");
        self.done(&format!("POST {path}"), policy);
        let found = self.done(&format!("GET {path}/typed"), Value::Null);
        self.done(&format!("DELETE {path}/typed"), Value::Null);
        found
    }

    /// The places and texts of the warnings about a policy of Deployments.
    fn warnings_of(&self, spec: Value) -> Vec<(String, String)> {
        let rule =
            json!({"apiGroups": ["apps"], "apiVersions": ["v1"], "resources": ["deployments"]});
        let status = self.status_of(rule, spec)["status"].clone();
        let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
        let warnings = status["typeChecking"]["expressionWarnings"].as_array();
        warnings
            .into_iter()
            .flatten()
            .map(|one| (text(&one["fieldRef"]), text(&one["warning"])))
            .collect()
    }
}

#[test]
fn expressions_are_checked_by_the_types_of_what_they_match() {
    let server = with_controllers();
    let undefined = server.warnings_of(json!({"validations": [
        {"expression": "object.spec.replicas > 1"},
        {"expression": "object.spec.replica > 1", "messageExpression": "object.spec.paused + 'x'"},
    ]}));
    let expected = [
        (
            "spec.validations[1].expression",
            "apps/v1, Kind=Deployment: ERROR: <input>:1:12: undefined field 'replica'\n | object.spec.replica > 1\n \
             | ...........^\n",
        ),
        (
            "spec.validations[1].messageExpression",
            "apps/v1, Kind=Deployment: ERROR: <input>:1:20: found no matching overload for '_+_' applied to \
             '(bool, string)'\n | object.spec.paused + 'x'\n | ...................^\n",
        ),
    ];
    let expected = expected.map(|(place, text)| (place.to_owned(), text.to_owned()));
    assert_eq!(undefined, expected);
    // What is well typed is not told of; ports by name or number are anything, labels are a map.
    for expression in [
        "object.metadata.labels['a'] == 'b' && has(object.status.replicas)",
        "object.spec.template.spec.containers.all(c, c.ports.all(p, p.containerPort > 80))",
        "object.spec.strategy.rollingUpdate.maxSurge == '25%' || object.spec.strategy.rollingUpdate.maxSurge == 1",
        "object.metadata.creationTimestamp < timestamp('2030-01-01T00:00:00Z')",
        "authorizer.group('').resource('pods').check('get').allowed()",
        "request.userInfo.username == '' && namespaceObject.metadata.name == oldObject.metadata.namespace",
        "variables.n > 1",
    ] {
        let spec = json!({
            "variables": [{"name": "n", "expression": "object.spec.replicas"}],
            "validations": [{"expression": expression}],
        });
        assert_eq!(server.warnings_of(spec), [], "{expression}");
    }
    for (expression, fault) in [
        (
            "variables.n == 'x'",
            "found no matching overload for '_==_' applied to '(int, string)'",
        ),
        // Quantities are a text or a number, and have no type at all.
        (
            "object.spec.template.spec.containers[0].resources.limits['cpu'] == '1'",
            "undefined field 'limits'",
        ),
        (
            "authorizer.requestResource.check('get').allowed()",
            "type 'kubernetes.authorization.Authorizer' does not support field selection",
        ),
        (
            "object.metadata.labels.all(l, l > 1)",
            "found no matching overload for '_>_' applied to '(string, int)'",
        ),
    ] {
        let spec = json!({
            "variables": [{"name": "n", "expression": "object.spec.replicas"}],
            "validations": [{"expression": expression}],
        });
        let told = server.warnings_of(spec);
        assert!(told[0].1.contains(fault), "{expression}: {told:?}");
    }
}

#[test]
fn the_status_of_a_policy_is_applied_by_its_controller() {
    let server = with_controllers();
    let rule = json!({"apiGroups": ["apps"], "apiVersions": ["v1"], "resources": ["deployments"]});
    let spec = json!({"validations": [{"expression": "true"}]});
    let found = server.status_of(rule.clone(), spec.clone());
    assert_eq!(
        found["status"],
        json!({"observedGeneration": 1, "typeChecking": {}})
    );
    let managers = found["metadata"]["managedFields"]
        .as_array()
        .expect("managers");
    let manager = managers
        .iter()
        .find(|one| one["manager"] == "validatingadmissionpolicy-status-controller")
        .expect("the controller");
    assert_eq!(
        (
            &manager["operation"],
            &manager["subresource"],
            &manager["fieldsV1"]
        ),
        (
            &json!("Apply"),
            &json!("status"),
            &json!({"f:status": {"f:observedGeneration": {}, "f:typeChecking": {}}})
        )
    );
    // A change is looked at again; nobody does so where there are no controllers.
    let path = format!("{GROUP}/validatingadmissionpolicies");
    server.done(
        &format!("POST {path}"),
        policy("Validating", "p", spec.clone()),
    );
    let patch = json!({"spec": {"validations": [{"expression": "object.dat == {}"}]}});
    server.done(&format!("PATCH {path}/p"), patch);
    let found = server.done(&format!("GET {path}/p"), Value::Null);
    assert_eq!(found["status"]["observedGeneration"], 2);
    assert!(
        found["status"]["typeChecking"]["expressionWarnings"][0]["warning"]
            .as_str()
            .is_some_and(|text| text
                .starts_with("v1, Kind=ConfigMap: ERROR: <input>:1:7: undefined field 'dat'"))
    );
    assert_eq!(Server::new().status_of(rule, spec)["status"], json!({}));
}

#[test]
fn types_come_from_definitions_and_parameters_too() {
    let server = with_controllers();
    server.done(
        "POST /apis/apiextensions.k8s.io/v1/customresourcedefinitions",
        json!({
            "apiVersion": "apiextensions.k8s.io/v1", "kind": "CustomResourceDefinition",
            "metadata": {"name": "foos.example.com"},
            "spec": {
                "group": "example.com", "scope": "Namespaced",
                "names": {"plural": "foos", "singular": "foo", "kind": "Foo", "listKind": "FooList"},
                "versions": [{"name": "v1", "served": true, "storage": true, "schema": {"openAPIV3Schema": {
                    "type": "object", "properties": {"spec": {"type": "object", "properties": {
                        "size": {"type": "integer"}}}}}}}],
            },
        }),
    );
    let rule = json!({"apiGroups": ["example.com"], "apiVersions": ["v1"], "resources": ["foos", "foos/status"]});
    let spec = json!({
        "paramKind": {"apiVersion": "v1", "kind": "ConfigMap"},
        "validations": [
            {"expression": "object.spec.size == params.data['size']"},
            {"expression": "object.metadata.generation > 1 && params.data.size == object.metadata.name"},
            {"expression": "params.dat == {}"},
        ],
    });
    let status = server.status_of(rule.clone(), spec)["status"].clone();
    let warnings = status["typeChecking"]["expressionWarnings"]
        .as_array()
        .expect("warnings")
        .clone();
    let places: Vec<&Value> = warnings.iter().map(|one| &one["fieldRef"]).collect();
    assert_eq!(
        places,
        [
            "spec.validations[0].expression",
            "spec.validations[2].expression"
        ]
    );
    assert!(
        warnings[0]["warning"]
            .as_str()
            .is_some_and(|text| text.starts_with("example.com/v1, Kind=Foo: "))
    );
    // What nobody knows the type of is not checked, nor what stands behind a star.
    let free = json!({
        "paramKind": {"apiVersion": "nowhere.example.com/v1", "kind": "Unknown"},
        "validations": [{"expression": "object.spec.size == params.anything"}],
    });
    assert_eq!(
        server.status_of(rule, free)["status"]["typeChecking"],
        json!({})
    );
    let rule = json!({"apiGroups": ["*"], "apiVersions": ["v1"], "resources": ["pods"]});
    let spec = json!({"validations": [{"expression": "object.nothing == 1"}]});
    assert_eq!(
        server.status_of(rule, spec)["status"]["typeChecking"],
        json!({})
    );
}
