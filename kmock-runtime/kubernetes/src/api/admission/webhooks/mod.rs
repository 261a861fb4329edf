//! MutatingAdmissionWebhook and ValidatingAdmissionWebhook: what somebody else says to a request.
//!
//! Mutating webhooks are asked one after the other, by the names of their configurations, and once more if a later one
//! changed the object and they want to be (`reinvocationPolicy: IfNeeded`); validating ones all at once.
//! Rules: `apiserver/pkg/admission/plugin/webhook`.

mod answer;
mod hooks;
mod review;

use std::collections::BTreeSet;

use bytes::Bytes;
use futures::future::join_all;
use serde_json::{Value, json};

use self::answer::{Answer, Verdict};
use self::hooks::{Hook, ReviewVersion};
use self::review::Reviews;
use super::{Attributes, rules};
use crate::model::meta;
use crate::model::status::{ApiError, quoted};
use crate::state::registry::Served;
use kmock_apply::ordered::Node;
use kmock_apply::patch::json as json_patch;

#[cfg(feature = "cel")]
pub(super) use self::answer::why_not_applied;
pub(super) use self::hooks::{are_none, forget};

/// Why a webhook did not let a request in.
enum Refusal {
    /// It could not be asked: `failurePolicy` decides.
    NotAsked(String),
    /// It said no, or what it said cannot be followed.
    Refused(Box<ApiError>),
}

impl Refusal {
    /// A request that fails before the webhook is asked.
    fn failed(error: ApiError) -> Self {
        Self::Refused(error.into())
    }

    fn into_error(self, hook: &Hook) -> ApiError {
        match self {
            Self::NotAsked(why) => ApiError::internal(format!(
                "failed calling webhook {}: {why}",
                quoted(&hook.name)
            )),
            Self::Refused(error) => *error,
        }
    }
}

/// Whether webhooks are asked about a request, and in which version of the object.
fn meant(asked: &Attributes<'_>, hook: &Hook, object: &Value) -> Result<Option<Served>, ApiError> {
    let in_namespace = rules::selects_namespace(asked, hook.namespaces.as_ref(), object);
    if matches!(in_namespace, Ok(false))
        || !rules::selects_object(asked, hook.objects.as_ref(), object)
    {
        return Ok(None);
    }
    let Some(served) = rules::meant(asked, &hook.rules, hook.equivalent) else {
        return Ok(None);
    };
    in_namespace?;
    if !hook.conditions_hold(asked, &served, object)? {
        return Ok(None);
    }
    Ok(Some(served))
}

/// What is remembered from one round of mutating webhooks for the next.
#[derive(Debug, Default)]
pub(super) struct Rounds {
    /// The chain is run for the second time.
    again: bool,
    /// Something was changed that others may want to see.
    pub(super) wanted: bool,
    output: Option<Value>,
    /// Asked before, and willing to be asked again.
    before: BTreeSet<String>,
    /// To be asked again.
    recalled: BTreeSet<String>,
}

impl Rounds {
    /// Begins the second round, after the first one has made this of the object.
    pub(super) fn begin_again(&mut self, output: &Value) {
        self.again = true;
        self.output = Some(output.clone());
    }

    fn recall(&mut self) {
        self.recalled.append(&mut self.before);
    }
}

/// Lets the mutating webhooks change an object. Of deletions it is null.
pub(super) async fn mutate(
    asked: &Attributes<'_>,
    object: &mut Value,
    warnings: &mut Vec<String>,
    rounds: &mut Rounds,
) -> Result<(), ApiError> {
    let hooks = hooks::of(asked.cluster());
    if hooks.mutating.is_empty() || rules::is_exempt(asked) {
        return Ok(());
    }
    if rounds.again && rounds.output.as_ref().is_some_and(|last| last != object) {
        // The plugins of the server changed it once more.
        rounds.recall();
    }
    let mut reviews = Reviews::default();
    for (index, hook) in hooks.mutating.iter().enumerate() {
        let served = asked.call.settled(|| meant(asked, hook, object)).await??;
        let Some(served) = served else {
            continue;
        };
        if rounds.again && !rounds.recalled.contains(&hook.uid) {
            continue;
        }
        let round = format!("round_{}_index_{index}", u8::from(rounds.again));
        let outcome =
            ask_to_change(asked, hook, &served, object, &mut reviews, warnings, &round).await;
        let changed = matches!(outcome, Ok(true));
        asked.annotate(
            &format!("mutation.webhook.admission.k8s.io/{round}"),
            json!({"configuration": hook.configuration, "webhook": hook.name, "mutated": changed})
                .to_string(),
        );
        if changed {
            rounds.recall();
            rounds.wanted = true;
        }
        if hook.asked_again {
            rounds.before.insert(hook.uid.clone());
        }
        match outcome {
            Ok(_) => {}
            Err(Refusal::NotAsked(_)) if hook.ignores_failures => {
                let key = format!("failed-open.mutation.webhook.admission.k8s.io/{round}");
                asked.annotate(&key, hook.name.clone());
            }
            Err(refusal) => return Err(refusal.into_error(hook)),
        }
    }
    Ok(())
}

/// Asks one webhook, and does what it says. `true`: the object is another one now.
async fn ask_to_change(
    asked: &Attributes<'_>,
    hook: &Hook,
    served: &Served,
    object: &mut Value,
    reviews: &mut Reviews,
    warnings: &mut Vec<String>,
    round: &str,
) -> Result<bool, Refusal> {
    let converted = asked
        .call
        .settled(|| rules::converted(asked, served, object));
    let shown = converted.await.map_err(Refusal::failed)?;
    let review = review(asked, hook, served, &shown, reviews).await?;
    let answer = ask(asked, hook, review, true).await?;
    let Some(patch) = heard(asked, hook, answer, warnings)? else {
        return Ok(false);
    };
    let undecodable = |why: String| {
        Refusal::NotAsked(format!(
            "received undecodable patch in webhook response: {why}"
        ))
    };
    let operations = Node::parse(&patch).map_err(undecodable)?;
    if let Err(error) = json_patch::check(&operations) {
        let why = match error {
            json_patch::JsonPatchError::Decode(why) => why,
            _ => "the operations cannot be read".to_owned(),
        };
        return Err(undecodable(why));
    }
    if matches!(&operations, Node::Array(operations) if operations.is_empty()) {
        return Ok(false);
    }
    let internal = |why: String| Refusal::Refused(ApiError::internal(why).into());
    if object.is_null() {
        return Err(internal(format!(
            "admission webhook {} attempted to modify the object, which is not supported for this operation",
            quoted(&hook.name)
        )));
    }
    let patched = json_patch::apply(&shown, &operations).map_err(|error| match error {
        json_patch::JsonPatchError::TooMuchCopied(_) => internal(error.to_string()),
        _ => internal(answer::why_not_applied(&shown, &operations)),
    })?;
    let strategy = asked.codec_of(served);
    let mut context = asked.call.context(asked.name, asked.dry_run);
    context.resource = &served.resource;
    let read = strategy.read_value(&context, patched).map_err(internal)?;
    let mut read = read.object;
    strategy.default(&context, &mut read, &[]);
    for key in ["apiVersion", "kind"] {
        read[key] = shown[key].clone();
    }
    // Who owns what is not a webhook's to say.
    let managers = shown["metadata"]["managedFields"].clone();
    meta::edit(&mut read, |metadata| {
        meta::set(metadata, "managedFields", managers);
    });
    let key = format!("patch.webhook.admission.k8s.io/{round}");
    let told = json!({
        "configuration": hook.configuration, "webhook": hook.name, "patch": operations.to_value(),
        "patchType": "JSONPatch",
    });
    asked.annotate(&key, told.to_string());
    let changed = read != *shown;
    let back = asked
        .call
        .settled(|| rules::converted_back(asked, served, &read).into_owned());
    *object = back.await.map_err(Refusal::failed)?;
    reviews.forget();
    Ok(changed)
}

/// Lets the validating webhooks refuse an object. Of deletions it is null.
pub(super) async fn validate(
    asked: &Attributes<'_>,
    object: &Value,
    warnings: &mut Vec<String>,
) -> Result<(), ApiError> {
    let hooks = hooks::of(asked.cluster());
    if hooks.validating.is_empty() || rules::is_exempt(asked) {
        return Ok(());
    }
    let mut calls = Vec::new();
    let mut reviews = Reviews::default();
    for hook in &hooks.validating {
        let served = asked.call.settled(|| meant(asked, hook, object)).await??;
        let Some(served) = served else {
            continue;
        };
        let converted = asked
            .call
            .settled(|| rules::converted(asked, &served, object));
        let review = match converted.await {
            Ok(shown) => review(asked, hook, &served, &shown, &mut reviews).await,
            Err(error) => Err(Refusal::failed(error)),
        };
        calls.push(async move {
            let answer = match review {
                Ok(review) => ask(asked, hook, review, false).await,
                Err(refusal) => Err(refusal),
            };
            (hook, answer)
        });
    }
    let mut refused = None;
    for (index, (hook, answer)) in join_all(calls).await.into_iter().enumerate() {
        let outcome = answer.and_then(|answer| heard(asked, hook, answer, warnings));
        match outcome {
            Ok(_) => {}
            Err(Refusal::NotAsked(_)) if hook.ignores_failures => {
                let key = format!(
                    "failed-open.validating.webhook.admission.k8s.io/round_0_index_{index}"
                );
                asked.annotate(&key, hook.name.clone());
            }
            // All are heard; the first one's words are told.
            Err(refusal) => {
                refused.get_or_insert_with(|| refusal.into_error(hook));
            }
        }
    }
    refused.map_or(Ok(()), Err)
}

/// What a webhook is sent.
struct Review {
    uid: String,
    version: ReviewVersion,
    body: Bytes,
}

/// The review for a webhook, unless it cannot be asked.
async fn review(
    asked: &Attributes<'_>,
    hook: &Hook,
    served: &Served,
    shown: &Value,
    reviews: &mut Reviews,
) -> Result<Review, Refusal> {
    if asked.dry_run && !hook.dry_run {
        let why = format!(
            "admission webhook {} does not support dry run",
            quoted(&hook.name)
        );
        return Err(Refusal::Refused(ApiError::bad_request(why).into()));
    }
    let Some(version) = hook.review_version else {
        let why = "could not create admission objects: webhook does not accept known AdmissionReview versions (v1, v1beta1)";
        return Err(Refusal::NotAsked(why.to_owned()));
    };
    let uid = asked.cluster().next_uid();
    let body = reviews.of(asked, served, version, &uid, shown).await;
    let body = body.map_err(Refusal::failed)?;
    Ok(Review { uid, version, body })
}

/// Sends a review and reads the answer.
async fn ask(
    asked: &Attributes<'_>,
    hook: &Hook,
    review: Review,
    mutating: bool,
) -> Result<Answer, Refusal> {
    let Review { uid, version, body } = review;
    let sent = hook.target.post(asked.cluster(), body).await;
    let sent = sent.and_then(|answer| match answer::mistyped(&answer) {
        Some(why) => Err(why),
        None => Ok(answer),
    });
    let answer = sent.map_err(|why| Refusal::NotAsked(format!("failed to call webhook: {why}")))?;
    Answer::read(&answer, &uid, version, mutating)
        .map_err(|why| Refusal::NotAsked(format!("received invalid webhook response: {why}")))
}

/// Takes note of what an answer says beside its verdict. `Some`: the patch.
fn heard(
    asked: &Attributes<'_>,
    hook: &Hook,
    answer: Answer,
    warnings: &mut Vec<String>,
) -> Result<Option<Vec<u8>>, Refusal> {
    for (key, value) in answer.annotations {
        asked.annotate(&format!("{}/{key}", hook.name), value);
    }
    warnings.extend(answer.warnings);
    match answer.verdict {
        Verdict::Allowed(patch) => Ok(patch),
        Verdict::Denied(status) => {
            Err(Refusal::Refused(answer::denied(&hook.name, &status).into()))
        }
    }
}
