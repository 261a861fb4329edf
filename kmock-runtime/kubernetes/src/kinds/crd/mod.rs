//! Custom resources: definitions, and the objects they define.
//!
//! ```text
//! CustomResourceDefinition (JSON)
//!   │  props: the schema as written ── structural, define: what is wrong with a definition
//!   ▼
//! Node: the compiled schema, once per version
//!   ├─ prune, defaulting, embedded ── what is kept of a body
//!   ├─ validate, lists, cel ───────── what is wrong with an object (correlate: what did not change)
//!   └─ columns, scale paths ───────── how an object is shown
//! lifecycle: names, Established, storedVersions, deletion with all objects
//! strategy: the answers to the questions of `api/`
//! ```

mod alphabet;
mod api;
#[cfg(feature = "cel")]
pub(crate) mod cel;
pub(crate) mod columns;
pub(crate) mod correlate;
pub(crate) mod custom;
pub(crate) mod default_check;
pub(crate) mod defaulting;
pub(crate) mod define;
pub(crate) mod defined;
pub(crate) mod definition;
pub(crate) mod embedded;
pub(crate) mod field_path;
pub(crate) mod formats;
mod go_syntax;
pub(crate) mod internal;
pub(crate) mod jsonpath;
pub(crate) mod lifecycle;
pub(crate) mod lists;
pub(crate) mod meta;
pub(crate) mod node;
pub(crate) mod numbers;
pub(crate) mod pattern;
pub(crate) mod priority;
pub(crate) mod props;
pub(crate) mod prune;
pub(crate) mod schema_check;
pub(crate) mod shape;
pub(crate) mod structural;
pub(crate) mod validate;
pub(crate) mod webhook;

pub use defined::Defined;
pub use lifecycle::Definitions;

/// The rules of the versions of a definition that is not an object of the cluster: of declared resources.
pub(crate) fn unstored(
    crd: &serde_json::Value,
) -> Vec<std::sync::Arc<dyn crate::model::strategy::Strategy>> {
    let definition = definition::Definition::parse(crd);
    let shape = std::sync::Arc::new(shape::DefinitionShape::compile(crd, &definition, 0));
    let rules = definition.versions.iter().map(|version| {
        let custom = custom::Custom {
            shape: shape.clone(),
            version: version.name.clone(),
        };
        std::sync::Arc::new(custom) as std::sync::Arc<dyn crate::model::strategy::Strategy>
    });
    rules.collect()
}
