//! Signing requests: who may approve them (CertificateApproval), who may sign (CertificateSigning), and for whom nobody
//! gets a certificate (CertificateSubjectRestriction).

use serde_json::Value;

use super::{Attributes, Plugin};
use crate::api::authz;
use crate::kinds::builtin::base64;
use crate::kinds::builtin::values::text;
use crate::model::status::{ApiError, quoted};
use crate::model::user::MASTERS;
use crate::text::{der, pem};

const GROUP: &str = "certificates.k8s.io";
const REQUESTS: &str = "certificatesigningrequests";
const CLIENT_SIGNER: &str = "kubernetes.io/kube-apiserver-client";

pub(super) struct CertificateApproval;
pub(super) struct CertificateSigning;
pub(super) struct CertificateSubjectRestriction;

/// Refuses whoever may not do something in the name of the request's signer, or of any of its domain.
fn check_signer(asked: &Attributes<'_>, object: &Value, verb: &str) -> Result<(), ApiError> {
    let signer = text(asked.old.unwrap_or(object), &["spec", "signerName"]);
    let any = format!("{}/*", signer.split('/').next().unwrap_or_default());
    let may = [signer, &any].iter().any(|name| {
        let attributes = authz::special(verb, GROUP, "signers", "", name);
        authz::may(asked.cluster(), &asked.call.user, &attributes)
    });
    if may {
        return Ok(());
    }
    let why = format!(
        "user not permitted to {verb} requests with signerName {}",
        quoted(signer)
    );
    Err(asked.forbidden(Some(object), why))
}

impl Plugin for CertificateApproval {
    fn validate(
        &self,
        asked: &Attributes<'_>,
        object: &Value,
        _warnings: &mut Vec<String>,
    ) -> Result<(), ApiError> {
        match asked.is(GROUP, REQUESTS) && asked.subresource() == "approval" {
            true => check_signer(asked, object, "approve"),
            false => Ok(()),
        }
    }
}

impl Plugin for CertificateSigning {
    fn validate(
        &self,
        asked: &Attributes<'_>,
        object: &Value,
        _warnings: &mut Vec<String>,
    ) -> Result<(), ApiError> {
        if !asked.is(GROUP, REQUESTS) || asked.subresource() != "status" {
            return Ok(());
        }
        let old = asked.old.unwrap_or(&Value::Null);
        let changed = |key: &str| object["status"][key] != old["status"][key];
        match changed("certificate") || changed("conditions") {
            true => check_signer(asked, object, "sign"),
            false => Ok(()),
        }
    }
}

impl Plugin for CertificateSubjectRestriction {
    fn validate(
        &self,
        asked: &Attributes<'_>,
        object: &Value,
        _warnings: &mut Vec<String>,
    ) -> Result<(), ApiError> {
        let is_new = asked.creates() && asked.is(GROUP, REQUESTS);
        if !is_new || text(object, &["spec", "signerName"]) != CLIENT_SIGNER {
            return Ok(());
        }
        let request = base64::decode(text(object, &["spec", "request"])).unwrap_or_default();
        let request = String::from_utf8_lossy(&request);
        let of_masters = pem::blocks(&request).first().is_some_and(|block| {
            let der = base64::decode(&block.base64).unwrap_or_default();
            der::organizations(&der).iter().any(|name| name == MASTERS)
        });
        if !of_masters {
            return Ok(());
        }
        let why = format!("use of {CLIENT_SIGNER} signer with {MASTERS} group is not allowed");
        Err(asked.forbidden(Some(object), why))
    }
}
