//! The parameters of a binding: the objects that its policy's expressions see as `params`.

use std::sync::Arc;

use serde_json::Value;

use super::super::{Attributes, rules};
use super::compiled::{Binding, Policy};
use crate::kinds::builtin::values::{at, is_set, text};
use crate::model::meta;

type Params = Vec<Option<Arc<Value>>>;

/// The parameters with which a policy is run for a binding. `None`: the binding does not mean the request.
pub(super) fn of(
    asked: &Attributes<'_>,
    policy: &Policy,
    binding: &Binding,
    object: &Value,
) -> Result<Option<Params>, String> {
    if let Some(means) = &binding.means {
        let meant = means.meant(asked, object);
        if meant.map_err(|error| error.message)?.is_none() {
            return Ok(None);
        }
    }
    let (Some((api_version, kind)), true) = (&policy.param_kind, binding.params.is_object()) else {
        return Ok(Some(vec![None]));
    };
    find(asked, api_version, kind, &binding.params).map(Some)
}

fn find(
    asked: &Attributes<'_>,
    api_version: &str,
    kind: &str,
    reference: &Value,
) -> Result<Params, String> {
    let (group, version) = meta::split_api_version(api_version);
    let found = asked.cluster().registry().find_kind(group, version, kind);
    let Some(served) = found else {
        return Err(format!(
            "paramKind kind `{api_version}, Kind={kind}` not known"
        ));
    };
    let given = text(reference, &["namespace"]);
    let namespace = match (served.resource.namespaced, given, asked.namespace()) {
        (false, "", _) => "",
        (false, ..) => {
            return Err(
                "paramRef.namespace must not be provided for a cluster-scoped `paramKind`".into(),
            );
        }
        (true, "", "") => {
            return Err("cannot use namespaced paramRef in policy binding that matches cluster-scoped resources".into());
        }
        (true, "", own) => own,
        (true, given, _) => given,
    };
    let store = asked.cluster().store();
    let show = |value: &Value| Some(Arc::new(served.shown(value)));
    let name = text(reference, &["name"]);
    let params: Params = if name.is_empty() {
        let prefix = match namespace {
            "" => String::new(),
            namespace => format!("{namespace}/"),
        };
        let selector = rules::selector(at(reference, &["selector"]));
        let all = store.list(&served.resource.storage, &prefix).objects;
        let selected = all.iter().filter(|object| {
            let selects = selector.as_ref().map(|x| x.matches_object(&object.value));
            selects.unwrap_or(true)
        });
        selected.map(|object| show(&object.value)).collect()
    } else {
        let key = served.resource.key(namespace, name);
        let found = store.get(&served.resource.storage, &key);
        found.iter().map(|object| show(&object.value)).collect()
    };
    let denies = !is_set(reference, &["parameterNotFoundAction"])
        || text(reference, &["parameterNotFoundAction"]) == "Deny";
    if params.is_empty() && denies {
        return Err(
            "no params found for policy binding with `Deny` parameterNotFoundAction".into(),
        );
    }
    Ok(params)
}
