//! Objects as the API would take them: what a seed does not ask, whoever loads a file of manifests wants to know.

use http::{Method, Request};
use serde_json::Value;

use super::objects::{ObjectError, Objects};
use crate::{
    model::meta,
    state::cluster::{ApiBody, Cluster},
};

impl Objects {
    /// What the API server says to the creation of an object, which is not stored: `Ok` with its warnings (unknown and
    /// duplicate fields among them), or its refusal. What a dump of a real cluster has beyond that (uids, versions) does
    /// not count, and neither does an object that is there already.
    ///
    /// # Errors
    /// When the kind is unknown, or the object is refused.
    pub async fn check(&self, object: &Value) -> Result<Vec<String>, ObjectError> {
        let cluster = self.cluster();
        let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
        let (kind, api_version) = (text(&object["kind"]), text(&object["apiVersion"]));
        let (group, version) = meta::split_api_version(&api_version);
        let Some(served) = cluster.registry().find_kind(group, version, &kind) else {
            return Err(ObjectError::new(format!(
                "no resource has the kind {kind:?} in {api_version:?}"
            )));
        };
        let namespace = match text(&object["metadata"]["namespace"]) {
            empty if empty.is_empty() => "default".to_owned(),
            other => other,
        };
        let mut object = object.clone();
        if let Some(metadata) = object.get_mut("metadata").and_then(Value::as_object_mut) {
            for own in ["resourceVersion", "uid", "creationTimestamp", "generation"] {
                metadata.remove(own);
            }
        }
        let base = match group {
            "" => format!("/api/{version}"),
            _ => format!("/apis/{group}/{version}"),
        };
        let plural = &served.resource.plural;
        let path = match served.resource.namespaced {
            true => format!("{base}/namespaces/{namespace}/{plural}"),
            false => format!("{base}/{plural}"),
        };
        created(cluster, &path, &object).await
    }
}

async fn created(
    cluster: &Cluster,
    path: &str,
    object: &Value,
) -> Result<Vec<String>, ObjectError> {
    let request = Request::builder()
        .method(Method::POST)
        .uri(format!("{path}?dryRun=All&fieldValidation=Warn"))
        .header("content-type", "application/json")
        .header("accept", "application/json")
        .body(object.to_string().into())
        .map_err(|error| ObjectError::new(error.to_string()))?;
    let answer = cluster.call(request).await;
    let warnings = answer.headers().get_all("warning").into_iter();
    let warnings = warnings
        .filter_map(|value| value.to_str().ok())
        // `299 - "text"`
        .map(|text| {
            let text = text.strip_prefix("299 - \"").unwrap_or(text);
            text.strip_suffix('"').unwrap_or(text).replace("\\\"", "\"")
        })
        .collect();
    let status = answer.status().as_u16();
    if status < 300 || status == 409 {
        return Ok(warnings);
    }
    let ApiBody::Full(body) = answer.into_body() else {
        return Err(ObjectError::new(format!("refused with {status}")));
    };
    let said: Value = serde_json::from_slice(&body).unwrap_or_default();
    let message = said["message"].as_str().unwrap_or("refused");
    Err(ObjectError::new(message))
}

#[cfg(test)]
mod tests {
    use std::{
        pin::pin,
        task::{Context, Poll, Waker},
    };

    use serde_json::json;

    use super::*;

    fn check(object: &Value) -> Result<Vec<String>, ObjectError> {
        let objects = Cluster::default().objects();
        let runtime = tokio::runtime::Builder::new_current_thread().build();
        let _entered = runtime.as_ref().map(|runtime| runtime.enter());
        let mut checking = pin!(objects.check(object));
        match checking
            .as_mut()
            .poll(&mut Context::from_waker(Waker::noop()))
        {
            Poll::Ready(checked) => checked,
            Poll::Pending => panic!("nothing to wait for"),
        }
    }

    #[test]
    fn objects_are_checked_as_the_server_checks_them() {
        let map = |name: &str, more: Value| {
            let mut map =
                json!({"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": name}});
            map["data"] = more;
            map
        };
        assert_eq!(check(&map("a", json!({"b": "c"}))), Ok(vec![]));
        let refused = check(&map("B_", json!({})))
            .expect_err("a bad name")
            .to_string();
        assert!(refused.contains("B_"), "{refused}");
        let mut odd = map("a", json!({}));
        odd["dta"] = json!({});
        let warned = check(&odd).expect("a warning");
        assert_eq!(warned, ["unknown field \"dta\""]);
    }
}
