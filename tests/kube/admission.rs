//! An admission controller of kube-rs, as its own example is written, plugged in without a port and over HTTPS.

use std::path::PathBuf;

use axum::{Router, body::Bytes, routing::post};
use k8s_openapi::api::core::v1::ConfigMap;
use kmock::prelude::*;
use kube::{
    Api, Resource, ResourceExt,
    api::PostParams,
    core::{
        DynamicObject,
        admission::{AdmissionRequest, AdmissionResponse, AdmissionReview},
    },
};
use serde_json::Value;

/// The route of the operator.
fn router() -> Router {
    Router::new().route("/mutate", post(handle))
}

async fn handle(body: Bytes) -> ([(&'static str, &'static str); 1], Vec<u8>) {
    let review: AdmissionReview<DynamicObject> = serde_json::from_slice(&body).expect("a review");
    let request: Result<AdmissionRequest<DynamicObject>, _> = review.try_into();
    let response = match request {
        Err(why) => AdmissionResponse::invalid(why.to_string()),
        Ok(request) => {
            let response = AdmissionResponse::from(&request);
            match &request.object {
                Some(object) => {
                    mutate(response.clone(), object).unwrap_or_else(|why| response.deny(why))
                }
                None => response,
            }
        }
    };
    let review = serde_json::to_vec(&response.into_review()).expect("JSON");
    ([("content-type", "application/json")], review)
}

/// Refuses who says no, and labels all others.
fn mutate(
    response: AdmissionResponse,
    object: &DynamicObject,
) -> Result<AdmissionResponse, String> {
    if object.labels().contains_key("illegal") {
        return Err("Resource contained 'illegal' label".to_owned());
    }
    let mut patches = Vec::new();
    if object.meta().labels.is_none() {
        patches.push(json!({"op": "add", "path": "/metadata/labels", "value": {}}));
    }
    patches.push(json!({"op": "add", "path": "/metadata/labels/admission", "value": "modified-by-admission-controller"}));
    let patch = serde_json::from_value(patches.into()).map_err(|error| error.to_string())?;
    response
        .with_patch(patch)
        .map_err(|error| error.to_string())
}

fn configuration() -> PathBuf {
    let path =
        std::env::temp_dir().join(format!("kmock-{}-kube-admission.json", std::process::id()));
    let configuration = json!({
        "apiVersion": "admissionregistration.k8s.io/v1", "kind": "MutatingWebhookConfiguration", "metadata": {"name": "admission"},
        "webhooks": [{
            "name": "admission.example.com", "sideEffects": "None", "admissionReviewVersions": ["v1"], "timeoutSeconds": 5,
            "clientConfig": {"service": {"namespace": "default", "name": "admission", "path": "/mutate"}},
            "rules": [{"apiGroups": [""], "apiVersions": ["v1"], "resources": ["configmaps"], "operations": ["CREATE"]}],
        }],
    });
    std::fs::write(&path, configuration.to_string()).expect("written");
    path
}

#[kmock::test]
async fn the_admission_controller_of_kube_rs_answers_in_process(k: KMock) {
    k.webhook(configuration(), router());
    let maps: Api<ConfigMap> = Api::default_namespaced(k.client());
    let map = |name: &str, labels: Value| -> ConfigMap {
        serde_json::from_value(json!({"metadata": {"name": name, "labels": labels}}))
            .expect("a map")
    };
    let made = maps
        .create(&PostParams::default(), &map("good", json!({"a": "b"})))
        .await;
    let made = made.expect("created");
    assert_eq!(
        made.labels()["admission"],
        "modified-by-admission-controller"
    );
    let bare = maps
        .create(&PostParams::default(), &map("bare", Value::Null))
        .await;
    assert_eq!(bare.expect("created").labels().len(), 1);
    let refused = maps
        .create(
            &PostParams::default(),
            &map("bad", json!({"illegal": "yes"})),
        )
        .await;
    let Err(kube::Error::Api(status)) = refused else {
        panic!("{refused:?}");
    };
    assert_eq!(
        status.message,
        "admission webhook \"admission.example.com\" denied the request: Resource contained 'illegal' label"
    );
}
