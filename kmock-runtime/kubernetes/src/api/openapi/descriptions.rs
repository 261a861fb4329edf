//! The texts of the published types, for `kubectl explain`, editors and code generators: behind the feature
//! `descriptions`, since they add 150 kB to a program.
//!
//! `data/descriptions.tsv.z` holds a type a line: its name, its text, then `property=text` for each property; line
//! breaks, tabs and backslashes are escaped, and the whole is compressed (zlib). It is unpacked at the first look.

use std::collections::HashMap;
use std::io::Read;
use std::sync::LazyLock;

use serde_json::{Map, Value};

static TEXT: LazyLock<String> = LazyLock::new(|| {
    let packed: &[u8] = include_bytes!("../../data/descriptions.tsv.z");
    let mut text = String::new();
    // The data is part of the program: a test reads it whole.
    let _ = flate2::read::ZlibDecoder::new(packed).read_to_string(&mut text);
    text
});

/// The columns behind a type's name.
static TYPES: LazyLock<HashMap<&'static str, &'static str>> = LazyLock::new(|| {
    TEXT.lines()
        .filter_map(|line| line.split_once('\t'))
        .collect()
});

/// Adds what is said of a type and of its properties to its schema.
pub(super) fn describe(name: &str, schema: &mut Value) {
    let Some(columns) = TYPES.get(name) else {
        return;
    };
    let mut columns = columns.split('\t');
    if let Some(text) = columns.next().filter(|text| !text.is_empty()) {
        insert(schema.as_object_mut(), text);
    }
    let Some(properties) = schema.get_mut("properties").and_then(Value::as_object_mut) else {
        return;
    };
    for (property, text) in columns.filter_map(|column| column.split_once('=')) {
        insert(
            properties.get_mut(property).and_then(Value::as_object_mut),
            text,
        );
    }
}

/// Adds what is said of the members that every object has: `kind`, `apiVersion` and `metadata`.
pub(super) fn describe_object(schema: &mut Value) {
    const ANY_OBJECT: &str = "io.k8s.api.core.v1.ConfigMap";
    let Some(columns) = TYPES.get(ANY_OBJECT) else {
        return;
    };
    let Some(properties) = schema.get_mut("properties").and_then(Value::as_object_mut) else {
        return;
    };
    let known = columns
        .split('\t')
        .filter_map(|column| column.split_once('='));
    for (property, text) in
        known.filter(|(name, _)| ["kind", "apiVersion", "metadata"].contains(name))
    {
        insert(
            properties.get_mut(property).and_then(Value::as_object_mut),
            text,
        );
    }
}

fn insert(schema: Option<&mut Map<String, Value>>, text: &str) {
    if let Some(schema) = schema {
        schema.insert("description".into(), unescape(text).into());
    }
}

fn unescape(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    let mut chars = text.chars();
    while let Some(c) = chars.next() {
        match c {
            '\\' => match chars.next() {
                Some('n') => out.push('\n'),
                Some('t') => out.push('\t'),
                Some(other) => out.push(other),
                None => {}
            },
            c => out.push(c),
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use kmock_apply::schema::Definition;

    #[test]
    fn every_text_belongs_to_a_type_and_a_property() {
        for (name, columns) in TYPES.iter() {
            let definition = Definition::named(name).expect(name);
            let schema: Value = serde_json::from_str(definition.json()).expect("JSON");
            for column in columns.split('\t').skip(1) {
                let (property, _) = column.split_once('=').expect(name);
                assert!(
                    schema["properties"].get(property).is_some(),
                    "{name}.{property}"
                );
            }
        }
        assert!(TYPES.len() > 500, "{}", TYPES.len());
    }

    #[test]
    fn a_type_and_its_properties_are_described() {
        let mut pod = json!({"properties": {"spec": {"$ref": "#/x"}, "own": {}}});
        describe("io.k8s.api.core.v1.Pod", &mut pod);
        let text = |value: &Value| value["description"].as_str().map(str::to_owned);
        assert!(text(&pod).is_some_and(|text| text.starts_with("Pod is a collection")));
        assert!(
            text(&pod["properties"]["spec"]).is_some_and(|text| text.contains("desired behavior"))
        );
        assert_eq!(text(&pod["properties"]["own"]), None);
        assert_eq!(unescape(r"a\nb\\n"), "a\nb\\n");
    }
}
