//! Certificate signing requests: what is asked for, of whom, and what was decided.

use serde_json::Value;

use super::rules::{Faults, one_of, required};
use crate::kinds::builtin::base64;
use crate::kinds::builtin::values::{at, items, text};
use crate::model::meta::{label_faults, subdomain_faults};
use crate::model::status::{FieldError, quoted};
use crate::text::{der, pem};

/// The shortest life of a certificate, in seconds.
const SHORTEST_LIFE: i64 = 600;
const LONGEST_DOMAIN: usize = 253;
const LONGEST_SIGNER: usize = LONGEST_DOMAIN + 1 + LONGEST_DOMAIN + 63 + 1;
const LEGACY_SIGNER: &str = "kubernetes.io/legacy-unknown";
const CONDITIONS: &str = "status.conditions";

/// What a key may be used for, sorted as the server lists them.
const USAGES: [&str; 23] = [
    "any",
    "cert sign",
    "client auth",
    "code signing",
    "content commitment",
    "crl sign",
    "data encipherment",
    "decipher only",
    "digital signature",
    "email protection",
    "encipher only",
    "ipsec end system",
    "ipsec tunnel",
    "ipsec user",
    "key agreement",
    "key encipherment",
    "microsoft sgc",
    "netscape sgc",
    "ocsp signing",
    "s/mime",
    "server auth",
    "signing",
    "timestamping",
];

/// Faults of a signing request.
pub(in crate::kinds::builtin) fn signing_request(faults: &mut Faults, object: &Value) {
    let spec = at(object, &["spec"]);
    if !has_request_block(text(spec, &["request"])) {
        faults.push(FieldError::invalid(
            "spec.request",
            at(spec, &["request"]),
            "PEM block type must be CERTIFICATE REQUEST",
        ));
    }
    let usages = items(spec, &["usages"]);
    if usages.is_empty() {
        faults.push(FieldError::required("spec.usages", ""));
    }
    let path = |i: usize| format!("spec.usages[{i}]");
    for (i, usage) in usages.iter().enumerate() {
        if !USAGES.iter().any(|known| usage == known) {
            faults.push(FieldError::not_supported(path(i), usage, &USAGES));
        }
    }
    for (i, usage) in usages.iter().enumerate() {
        if usages.iter().take(i).any(|earlier| earlier == usage) {
            faults.push(FieldError::duplicate(path(i), usage));
        }
    }
    signer_name(faults, text(spec, &["signerName"]));
    let life = at(spec, &["expirationSeconds"]);
    if life.as_i64().is_some_and(|n| n < SHORTEST_LIFE) {
        faults.push(FieldError::invalid(
            "spec.expirationSeconds",
            life,
            "may not specify a duration less than 600 seconds (10 minutes)",
        ));
    }
    conditions(faults, items(object, &["status", "conditions"]));
}

/// Faults of a change of what was decided.
pub(in crate::kinds::builtin) fn decided(
    faults: &mut Faults,
    new: &Value,
    old: &Value,
    subresource: &str,
) {
    signing_request(faults, new);
    let certificate = ["status", "certificate"];
    // What was no certificate before need not become one.
    let (sent, former) = (text(new, &certificate), text(old, &certificate));
    if sent != former
        && certificate_fault(former).is_none()
        && let Some(why) = certificate_fault(sent)
    {
        faults.push(FieldError::invalid_text(
            "status.certificate",
            "<certificate data>",
            why,
        ));
    }
    let count = |object: &Value, ty: &str| {
        items(object, &["status", "conditions"])
            .iter()
            .filter(|condition| text(condition, &["type"]) == ty)
            .count()
    };
    let mut refuse = |what: &str, ty: &str| {
        let why = format!("updates may not {what} a condition of type {}", quoted(ty));
        faults.push(FieldError::forbidden(CONDITIONS, why));
    };
    for ty in ["Approved", "Denied", "Failed"] {
        if count(new, ty) < count(old, ty) {
            refuse("remove", ty);
        }
    }
    for ty in ["Approved", "Denied"] {
        if subresource != "approval" && count(new, ty) > count(old, ty) {
            refuse("add", ty);
        }
    }
    if sent != former {
        let why = if subresource != "status" {
            "updates may not set certificate content"
        } else if !former.is_empty() {
            "updates may not modify existing certificate content"
        } else {
            return;
        };
        faults.push(FieldError::forbidden("status.certificate", why));
    }
}

fn conditions(faults: &mut Faults, list: &[Value]) {
    for (i, condition) in list.iter().enumerate() {
        let ty = text(condition, &["type"]);
        let path = format!("{CONDITIONS}[{i}]");
        required(faults, &format!("{path}.type"), ty);
        let supported: &[&str] = if matches!(ty, "Approved" | "Denied" | "Failed") {
            &["True"]
        } else {
            &["False", "True", "Unknown"]
        };
        let status = text(condition, &["status"]);
        one_of(faults, &format!("{path}.status"), status, supported);
        let earlier = |ty: &str| list.iter().take(i).any(|c| text(c, &["type"]) == ty);
        let other = match ty {
            "Approved" => "Denied",
            "Denied" => "Approved",
            _ => "",
        };
        if !other.is_empty() && earlier(other) {
            let why = "Approved and Denied conditions are mutually exclusive";
            faults.push(FieldError::invalid_text(CONDITIONS, ty, why));
        }
        if earlier(ty) {
            faults.push(FieldError::duplicate(format!("{path}.type"), &ty.into()));
        }
    }
}

/// Whether the first PEM block of a text in base64 is a request for a certificate.
fn has_request_block(encoded: &str) -> bool {
    let bytes = base64::decode(encoded).unwrap_or_default();
    let text = String::from_utf8_lossy(&bytes);
    pem::blocks(&text).first().is_some_and(|block| {
        block.label == "CERTIFICATE REQUEST" && base64::decode(&block.base64).is_ok()
    })
}

/// What is wrong with the certificates of an answer, given in base64.
fn certificate_fault(encoded: &str) -> Option<String> {
    let bytes = base64::decode(encoded).unwrap_or_default();
    if bytes.is_empty() {
        return None;
    }
    let blocks = pem::blocks(&String::from_utf8_lossy(&bytes));
    for block in &blocks {
        if block.label != "CERTIFICATE" {
            let label = quoted(&block.label);
            return Some(format!(
                "only CERTIFICATE PEM blocks are allowed, found {label}"
            ));
        }
        if block.has_headers {
            return Some("no PEM block headers are permitted".to_owned());
        }
        let certificate = base64::decode(&block.base64).unwrap_or_default();
        if certificate.is_empty() {
            return Some("found CERTIFICATE PEM block containing 0 certificates".to_owned());
        }
        if !der::is_certificate(&certificate) {
            return Some("x509: malformed certificate".to_owned());
        }
    }
    blocks
        .is_empty()
        .then(|| "must contain at least one CERTIFICATE PEM block".to_owned())
}

/// The name of a signer: a path of one part below a domain of its own.
fn signer_name(faults: &mut Faults, name: &str) {
    let path = "spec.signerName";
    let mut wrong = |value: &str, why: String| {
        faults.push(FieldError::invalid_text(path, value, why));
    };
    if name == LEGACY_SIGNER {
        let why = "the legacy signerName is not allowed via this API version";
        return wrong(name, why.into());
    }
    if name.is_empty() {
        faults.push(FieldError::required(path, ""));
        return;
    }
    let Some((domain, rest)) = name.split_once('/').filter(|(_, rest)| !rest.contains('/')) else {
        let why = "must be a fully qualified domain and path of the form 'example.com/signer-name'";
        return wrong(name, why.into());
    };
    if domain.len() > LONGEST_DOMAIN {
        faults.push(FieldError::too_long(path, LONGEST_DOMAIN));
    }
    first_bad_label(faults, domain, label_faults);
    if !domain.contains('.') {
        let why = "should be a domain with at least two segments separated by dots";
        faults.push(FieldError::invalid_text(path, domain, why));
    }
    first_bad_label(faults, rest, subdomain_faults);
    if name.len() > LONGEST_SIGNER {
        faults.push(FieldError::too_long(path, LONGEST_SIGNER));
    }
}

fn first_bad_label(faults: &mut Faults, value: &str, rule: fn(&str) -> Vec<String>) {
    let Some((label, found)) = value
        .split('.')
        .map(|label| (label, rule(label)))
        .find(|(_, found)| !found.is_empty())
    else {
        return;
    };
    for why in found {
        let why = format!("validating label {}: {why}", quoted(label));
        faults.push(FieldError::invalid_text("spec.signerName", value, why));
    }
}
