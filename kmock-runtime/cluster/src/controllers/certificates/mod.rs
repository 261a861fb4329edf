//! Certificates: requests of kubelets are approved, those of Kubernetes' own signers are signed, and old ones go.

mod request;

use std::sync::Arc;
use std::time::Duration;

use jiff::Timestamp;

use crate::cache::{Cache, Change};
use crate::controller::Controller;
use crate::json::{Json, json};
use crate::kind::Kind;
use crate::object::{self, items, text};
use crate::plan::{Action, Plan, Wait};
use crate::shared::Shared;
use crate::signing::ToSign;

/// Certificates are valid for a year at most.
const LONGEST: i64 = 365 * 24 * 60 * 60;
/// And for ten minutes at least.
const SHORTEST: i64 = 10 * 60;

fn says(request: &Json, sort: &str) -> bool {
    items(&request["status"]["conditions"]).any(|one| one["type"] == sort)
}

fn is_issued(request: &Json) -> bool {
    !text(&request["status"]["certificate"]).is_empty()
}

fn touches(change: &Change, keys: &mut Vec<String>) {
    if change.kind == Kind::Requests && change.new.is_some() {
        keys.push(change.key.to_string());
    }
}

/// The request with one condition more.
fn with_condition(request: &Json, sort: &str, reason: &str, message: &str, now: Timestamp) -> Json {
    let mut changed = request.clone();
    let mut conditions: Vec<Json> = items(&request["status"]["conditions"]).cloned().collect();
    conditions.push(json!({
        "type": sort, "status": "True", "reason": reason, "message": message, "lastUpdateTime": object::time(now),
    }));
    changed["status"]["conditions"] = conditions.into();
    changed
}

/// Approves client certificates of kubelets, if who asks may have them.
#[derive(Debug, Default)]
pub(crate) struct Approving;

impl Controller for Approving {
    fn name(&self) -> &'static str {
        "csr-approving"
    }

    fn component(&self) -> &'static str {
        "csrapproving-controller"
    }

    fn touched(&mut self, change: &Change, _: &Cache, keys: &mut Vec<String>) {
        touches(change, keys);
    }

    fn look(&mut self, key: &str, cache: &Cache) -> Plan {
        let mut plan = Plan::nothing();
        let Some(request) = cache.get(Kind::Requests, key) else {
            return plan;
        };
        if is_issued(request) || says(request, "Approved") || says(request, "Denied") {
            return plan;
        }
        let Some(subject) = request::subject(request) else {
            return plan;
        };
        let spec = &request["spec"];
        if spec["signerName"] != request::OF_KUBELETS
            || request::of_kubelet(request, &subject).is_err()
        {
            return plan;
        }
        let own = (
            "selfnodeclient",
            "Auto approving self kubelet client certificate after SubjectAccessReview.",
        );
        let other = (
            "nodeclient",
            "Auto approving kubelet client certificate after SubjectAccessReview.",
        );
        let is_own = spec["username"] == subject.common_name.as_str();
        for (subresource, message) in is_own.then_some(own).into_iter().chain([other]) {
            let review = json!({
                "apiVersion": "authorization.k8s.io/v1", "kind": "SubjectAccessReview",
                "spec": {
                    "user": spec["username"], "uid": spec["uid"], "groups": spec["groups"], "extra": spec["extra"],
                    "resourceAttributes": {
                        "group": "certificates.k8s.io", "resource": "certificatesigningrequests", "verb": "create",
                        "subresource": subresource, "version": "*",
                    },
                },
            });
            plan.add(Action::IfAllowed {
                review,
                then: Box::new(Action::Request {
                    method: "PUT",
                    path: Kind::Requests.path("", key, "approval"),
                    body: with_condition(request, "Approved", "AutoApproved", message, cache.now()),
                }),
            });
        }
        plan
    }
}

/// Signs what is approved for one of Kubernetes' own signers.
#[derive(Debug)]
pub(crate) struct Signing {
    shared: Arc<Shared>,
}

impl Signing {
    pub(crate) fn new(shared: &Arc<Shared>) -> Signing {
        Signing {
            shared: Arc::clone(shared),
        }
    }
}

/// How long a certificate is valid, of which so much was asked.
fn lifetime(asked: &Json) -> Duration {
    let seconds = asked
        .as_i64()
        .map_or(LONGEST, |seconds| seconds.clamp(SHORTEST, LONGEST));
    Duration::from_secs(u64::try_from(seconds).unwrap_or_default())
}

impl Controller for Signing {
    fn name(&self) -> &'static str {
        "csr-signing"
    }

    fn component(&self) -> &'static str {
        "csrsigning-controller"
    }

    fn touched(&mut self, change: &Change, _: &Cache, keys: &mut Vec<String>) {
        touches(change, keys);
    }

    fn look(&mut self, key: &str, cache: &Cache) -> Plan {
        let mut plan = Plan::nothing();
        let Some(asked) = cache.get(Kind::Requests, key) else {
            return plan;
        };
        let is_approved = says(asked, "Approved") && !says(asked, "Denied");
        if !is_approved || says(asked, "Failed") || is_issued(asked) {
            return plan;
        }
        let Some(subject) = request::subject(asked) else {
            return plan;
        };
        let mut fail = |reason: &str, why: &str| {
            let object = with_condition(asked, "Failed", reason, why, cache.now());
            let kind = Kind::Requests;
            plan.add(Action::Status { kind, object });
        };
        match request::demanded(asked, &subject) {
            // That of somebody else.
            None => return plan,
            Some(Err(why)) => {
                fail("SignerValidationFailure", &why);
                return plan;
            }
            Some(Ok(())) => {}
        }
        let sign = self.shared.state().sign.clone();
        let Some(sign) = sign else {
            let why =
                "kmock signs certificates only with its feature `tls`, or by `life.sign_with(…)`";
            fail("SignerNotAvailable", why);
            return plan;
        };
        let to_sign = ToSign {
            request: request::text_of(asked),
            usages: items(&asked["spec"]["usages"])
                .map(|usage| text(usage).to_owned())
                .collect(),
            lifetime: lifetime(&asked["spec"]["expirationSeconds"]),
        };
        match (sign.0)(&to_sign) {
            Ok(certificate) => {
                let mut status = asked["status"].clone();
                let encoded = crate::emulator::builtin::base64::encode(certificate.as_bytes());
                status["certificate"] = encoded.into();
                plan.status(Kind::Requests, asked, status);
            }
            Err(why) => fail("SigningFailure", &why),
        }
        plan
    }
}

/// Takes old requests away.
#[derive(Debug, Default)]
pub(crate) struct Cleaning;

/// When a request goes, by what became of it: how long ago what happened.
fn goes(request: &Json) -> Option<Timestamp> {
    let hours = |hours: i64| hours * 60 * 60;
    let conditions = || items(&request["status"]["conditions"]);
    if conditions().next().is_none() {
        return Some(object::after(object::created(request), hours(24)));
    }
    conditions()
        .filter_map(|condition| {
            let after = match text(&condition["type"]) {
                "Denied" | "Failed" => hours(1),
                "Approved" if is_issued(request) => hours(1),
                "Approved" => hours(24),
                _ => return None,
            };
            let since = object::moment(&condition["lastUpdateTime"])?;
            Some(object::after(since, after))
        })
        .min()
}

impl Controller for Cleaning {
    fn name(&self) -> &'static str {
        "csr-cleaner"
    }

    fn component(&self) -> &'static str {
        "csrcleaner-controller"
    }

    fn touched(&mut self, change: &Change, _: &Cache, keys: &mut Vec<String>) {
        touches(change, keys);
    }

    fn look(&mut self, key: &str, cache: &Cache) -> Plan {
        let mut plan = Plan::nothing();
        let Some(request) = cache.get(Kind::Requests, key) else {
            return plan;
        };
        match goes(request) {
            Some(when) if when > cache.now() => {
                plan.look_after(object::until(when, cache.now()), Wait::Appointment);
            }
            Some(_) => plan.delete(Kind::Requests, request),
            None => {}
        }
        plan
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lifetimes_have_bounds() {
        for (asked, seconds) in [
            (Json::Null, 31_536_000),
            (json!(60), 600),
            (json!(86_400), 86_400),
            (json!(1_000_000_000), 31_536_000),
        ] {
            assert_eq!(lifetime(&asked).as_secs(), seconds, "{asked}");
        }
    }

    #[test]
    fn old_requests_go() {
        let request = |certificate: &str, conditions: Json| {
            json!({
                "metadata": {"creationTimestamp": "2026-01-01T00:00:00Z"},
                "status": {"certificate": certificate, "conditions": conditions},
            })
        };
        let said = |sort: &str| json!([{"type": sort, "lastUpdateTime": "2026-01-01T10:00:00Z"}]);
        for (request, expected) in [
            (request("", Json::Null), "2026-01-02T00:00:00Z"),
            (request("", said("Denied")), "2026-01-01T11:00:00Z"),
            (request("", said("Failed")), "2026-01-01T11:00:00Z"),
            (request("c", said("Approved")), "2026-01-01T11:00:00Z"),
            (request("", said("Approved")), "2026-01-02T10:00:00Z"),
        ] {
            assert_eq!(
                goes(&request).map(|when| when.to_string()).as_deref(),
                Some(expected),
                "{request}"
            );
        }
        assert_eq!(goes(&request("", said("Own"))), None);
    }
}
