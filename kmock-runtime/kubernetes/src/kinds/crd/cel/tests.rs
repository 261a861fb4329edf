//! Rules over one object, as the server's own tests have them.

use serde_json::{Value, json};

use super::super::node::Node;
use super::{Validator, compile};
use crate::kinds::crd::props::Props;

fn schema(rule: &Value) -> Props {
    Props::parse(&json!({
        "type": "object",
        "x-kubernetes-validations": [rule],
        "properties": {
            "n": {"type": "integer"}, "x": {"type": "number"}, "s": {"type": "string"}, "b": {"type": "boolean"},
            "list": {"type": "array", "maxItems": 10, "items": {"type": "integer"}},
            "names": {"type": "array", "items": {"type": "string", "maxLength": 8}},
            "map": {"type": "object", "additionalProperties": {"type": "string"}},
            "when": {"type": "string", "format": "date-time"}, "long": {"type": "string", "format": "duration"},
            "data": {"type": "string", "format": "byte"},
            "some": {"x-kubernetes-int-or-string": true},
            "keyed": {"type": "array", "x-kubernetes-list-type": "map", "x-kubernetes-list-map-keys": ["k"],
                "items": {"type": "object", "required": ["k"], "properties": {"k": {"type": "string"}, "v": {"type": "integer"}}}},
            "set": {"type": "array", "x-kubernetes-list-type": "set", "items": {"type": "string"}},
            "namespace": {"type": "string"}, "a-b": {"type": "string"}, "x__y": {"type": "integer"},
            "free": {"type": "object", "x-kubernetes-preserve-unknown-fields": true},
        },
    }))
}

fn object() -> Value {
    json!({
        "n": 3, "x": 1.5, "s": "hello", "b": true, "list": [1, 2, 3], "names": ["b", "a"],
        "map": {"k": "v", "l": "w"}, "when": "2026-01-02T03:04:05Z", "long": "1h30m", "data": "YWI=",
        "some": "10%", "keyed": [{"k": "one", "v": 1}, {"k": "two", "v": 2}], "set": ["p", "q"],
        "namespace": "ns", "a-b": "dash", "x__y": 4, "free": {"any": 1},
    })
}

/// What a rule says to an object: nothing, or the text of its fault.
fn says(rule: &Value, object: &Value, old: Option<&Value>) -> String {
    let props = schema(rule);
    if let Some(error) = compile(&props, false)
        .into_iter()
        .flatten()
        .find_map(|c| c.error)
    {
        return error;
    }
    let node = Node::of(&props);
    let outcome = Validator::new(&props, false)
        .expect("a rule")
        .validate(&node, object, old);
    let texts: Vec<_> = outcome.faults.iter().map(ToString::to_string).collect();
    texts.join("; ")
}

/// On the stack of a test's thread, of 2 MiB.
#[test]
fn rules_may_nest_as_deeply_as_on_a_server() {
    let nested = |open: &str, inner: &str, close: &str, depth: usize| {
        format!("{}{inner}{}", open.repeat(depth), close.repeat(depth))
    };
    for rule in [
        nested("(", "self.n == 3", ")", 240),
        format!("{} == 3", nested("-(", "self.n", ")", 240)),
        nested("!(", "self.n == 3", ")", 200),
        format!("size({}) == 1", nested("[", "self.n", "]", 240)),
        format!("{} == 3", nested("(true ? ", "self.n", " : 0)", 120)),
    ] {
        let said = says(&json!({ "rule": rule }), &object(), None);
        assert_eq!(said, "", "{rule:.40}");
    }
    let too_deep = says(
        &json!({"rule": nested("(", "true", ")", 260)}),
        &object(),
        None,
    );
    assert!(
        too_deep.contains("expression recursion limit exceeded: 250"),
        "{too_deep}"
    );
    let chain = ".free".repeat(200);
    let chains = nested("(", "self", &format!("){chain}"), 240);
    let said = says(&json!({ "rule": chains }), &object(), None);
    assert!(
        said.contains("expression recursion limit exceeded"),
        "{said}"
    );
}

#[test]
fn rules_hold() {
    let rules = [
        "self.n + 1 == 4 && self.n * 2 > 5 && self.n % 2 == 1 && -self.n < 0",
        "self.x > 1.0 && self.x < 2 && double(self.n) == 3.0 && int(self.x) == 1",
        "self.s.size() == 5 && size(self.s) == 5 && self.s + '!' == 'hello!'",
        "self.s.startsWith('he') && self.s.endsWith('lo') && self.s.contains('ell') && self.s.matches('^h.*o$')",
        "self.s.charAt(1) == 'e' && self.s.indexOf('l') == 2 && self.s.lastIndexOf('l') == 3",
        "self.s.upperAscii() == 'HELLO' && 'ABC'.lowerAscii() == 'abc' && ' a '.trim() == 'a'",
        "self.s.replace('l', 'L') == 'heLLo' && self.s.replace('l', 'L', 1) == 'heLlo'",
        "self.s.substring(1, 3) == 'el' && self.s.substring(3) == 'lo'",
        "'a,b,c'.split(',') == ['a', 'b', 'c'] && ['a', 'b'].join('-') == 'a-b'",
        "'abc123'.find('[0-9]+') == '123' && 'a1b2'.findAll('[0-9]') == ['1', '2']",
        "self.list.all(i, i > 0) && self.list.exists(i, i == 2) && self.list.exists_one(i, i == 3)",
        "self.list.map(i, i * 2) == [2, 4, 6] && self.list.filter(i, i > 1) == [2, 3]",
        "self.list.sum() == 6 && self.list.min() == 1 && self.list.max() == 3 && self.list.isSorted()",
        "!self.names.isSorted() && self.names.indexOf('a') == 1 && self.list[0] == 1 && 2 in self.list",
        "self.map['k'] == 'v' && 'l' in self.map && self.map.all(k, size(self.map[k]) == 1)",
        "self.map.all(k, v, k != v) && self.list.all(i, v, v == i + 1)",
        "self.list.transformList(i, v, i + v) == [1, 3, 5]",
        "self.map.transformMap(k, v, v + k)['k'] == 'vk'",
        "has(self.n) && !has(self.missing) || has(self.s)",
        "self.when < timestamp('2027-01-01T00:00:00Z') && self.when.getFullYear() == 2026 && self.when.getMonth() == 0",
        "self.long == duration('90m') && self.long.getHours() == 1 && self.when + self.long > self.when",
        "self.data == b'ab'",
        "type(self.some) == string && string(self.some) == '10%' && (type(self.some) == int ? self.some > 1 : true)",
        "self.keyed.exists(e, e.k == 'two' && e.v == 2) && self.keyed.size() == 2",
        "self.set == ['q', 'p'] && self.set + ['q', 'r'] == ['p', 'q', 'r']",
        "self.__namespace__ == 'ns' && self.a__dash__b == 'dash' && self.x__underscores__y == 4",
        "self.b ? self.n == 3 : false",
        "sets.contains([1, 2, 3], self.list) && sets.intersects(self.list, [3, 4]) && sets.equivalent([1, 1], [1])",
        "url('https://a.example:80/p?q=1').getHost() == 'a.example:80' && isURL('http://a') && !isURL('::')",
        "url('https://a.example:80/p?q=1').getPort() == '80' && url('https://a/p?q=1').getQuery()['q'] == ['1']",
        "isIP('10.0.0.1') && ip('10.0.0.1').family() == 4 && !isIP('10.0.0') && ip('::1').isLoopback()",
        "cidr('10.0.0.0/8').containsIP('10.1.2.3') && cidr('10.0.0.0/8').prefixLength() == 8 && isCIDR('fe80::/10')",
        "quantity('1Gi').isGreaterThan(quantity('1M')) && isQuantity('200m') && !isQuantity('x')",
        "quantity('500m').add(quantity('500m')) == quantity('1') && quantity('3').asInteger() == 3",
        "semver('1.2.3').isLessThan(semver('1.10.0')) && semver('1.2.3').major() == 1 && isSemver('1.0.0-rc.1')",
        "!format.dns1123Label().validate('good').hasValue() && format.dns1123Label().validate('Bad_').hasValue()",
        "self.?n.hasValue() && self.?n.orValue(0) == 3 && optional.of(1).value() == 1 && !optional.none().hasValue()",
        "{'a': [1]}[?'a'][0].orValue(2) == 1 && {'a': [1]}[?'b'][0].orValue(2) == 2 && {'a': [1]}[?'a'][1].orValue(2) == 2",
        "'%s is %s'.format([self.s, string(self.n)]) == 'hello is 3'",
        "int('5') == 5 && uint(5) == 5u && string(1) == '1' && double('1.5') == 1.5 && bool('true')",
        "1 in [1, 2] && {'a': 1}['a'] == 1 && {'a': 1}.size() == 1 && [1] + [2] == [1, 2]",
        "dyn(1) == 1.0 && 1 < 2u && dyn(2) > 1.5",
        "self.n == 4 || self.n == 3 && !(self.n == 5)",
    ];
    let wrong: Vec<_> = rules
        .iter()
        .map(|rule| (rule, says(&json!({"rule": rule}), &object(), None)))
        .filter(|(rule, said)| {
            let undefined = rule.contains("missing") && said.contains("undefined field");
            !said.is_empty() && !undefined
        })
        .collect();
    assert!(wrong.is_empty(), "{wrong:#?}");
}

#[test]
fn rules_fail() {
    let cases = [
        (
            json!({"rule": "self.n > 5"}),
            "<nil>: Invalid value: failed rule: self.n > 5",
        ),
        (
            json!({"rule": "self.n > 5", "message": "too few"}),
            "<nil>: Invalid value: too few",
        ),
        (
            json!({"rule": "self.n > 5", "messageExpression": "'have ' + string(self.n)"}),
            "<nil>: Invalid value: have 3",
        ),
        (
            json!({"rule": "self.n > 5", "message": "m", "reason": "FieldValueForbidden", "fieldPath": ".n"}),
            "n: Forbidden: m",
        ),
        (
            json!({"rule": "self.list[7] == 1"}),
            "index out of bounds: 7",
        ),
        (json!({"rule": "self.map['no'] == ''"}), "no such key: no"),
        (json!({"rule": "self.n / 0 == 1"}), "division by zero"),
        (json!({"rule": "self.n"}), "must evaluate to a bool"),
        (
            json!({"rule": "self.nothing == 1"}),
            "undefined field 'nothing'",
        ),
        (
            json!({"rule": "self.n == 'a'"}),
            "no matching overload for '_==_'",
        ),
        (json!({"rule": "self.n =="}), "Syntax error"),
        (
            json!({"rule": "self.long < duration('soon')"}),
            "ERROR: <input>:1:22: invalid duration argument",
        ),
        (
            json!({"rule": "self.when < timestamp('2026')"}),
            "invalid timestamp argument",
        ),
        (
            json!({"rule": "self.s.matches('[')"}),
            "ERROR: <input>:1:16: invalid matches argument",
        ),
        (
            json!({"rule": "[self.s, self.n].size() == 2"}),
            "expected type 'string' but found 'int'",
        ),
        (
            json!({"rule": "self.free.any == 1"}),
            "undefined field 'any'",
        ),
    ];
    for (rule, part) in cases {
        let said = says(&rule, &object(), None);
        assert!(said.contains(part), "{rule}: {said}");
    }
}

#[test]
fn transitions() {
    let rule = json!({"rule": "self.n >= oldSelf.n", "message": "must not shrink"});
    let (mut fewer, mut more) = (object(), object());
    fewer["n"] = 2.into();
    more["n"] = 4.into();
    assert_eq!(says(&rule, &fewer, None), "");
    assert_eq!(says(&rule, &more, Some(&object())), "");
    assert!(says(&rule, &fewer, Some(&object())).contains("must not shrink"));
    let first = json!({"rule": "oldSelf.hasValue() || self.n == 3", "optionalOldSelf": true});
    assert_eq!(says(&first, &object(), None), "");
    assert!(says(&first, &fewer, None).contains("failed rule"));
    assert_eq!(says(&first, &fewer, Some(&object())), "");
}

#[test]
fn costs() {
    let cost =
        |rule: &str| compile(&schema(&json!({"rule": rule})), false).expect("declared")[0].cost;
    assert!(cost("self.list.all(i, i > 0)") < 100);
    assert!(
        cost("self.names.all(a, self.names.all(b, self.names.all(c, a + b != c)))") > 10_000_000
    );
    assert!(cost("self.s.contains('x')") < cost("self.s.matches('x+y+z+x+y+z+x+y+z+x+y+z')"));
}

/// The sizes at which a real server still answers, and no longer does.
#[test]
fn runs_stop_where_those_of_the_server_do() {
    for (rule, good, bad) in [
        ("self.list.all(x, self.list.all(y, true))", 575, 577),
        (
            "!self.list.exists(x, self.list.exists(y, x + y < 0))",
            350,
            360,
        ),
        (
            "self.list.all(i, x, self.list.all(j, y, i == j || x != y))",
            330,
            340,
        ),
        (
            "self.list.all(x, self.list.all(y, x == y ? true : y >= 0))",
            350,
            360,
        ),
        (
            "self.list.all(x, self.list.all(y, int('1') == 1))",
            480,
            500,
        ),
    ] {
        let told = |size: i64| {
            let list: Vec<i64> = (0..size).collect();
            says(&json!({"rule": rule}), &json!({"list": list}), None)
        };
        assert_eq!(told(good), "", "{rule}");
        assert!(told(bad).contains("call cost exceeds limit"), "{rule}");
    }
}
