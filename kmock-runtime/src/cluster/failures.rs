//! Failures that rules send in the API server's words: a status of 400 and more has the `Status` that belongs to it there.
//!
//! Clients read failures from that object: without one, kube-rs takes a 404 for an unreadable answer and not for "there is none".

use std::time::Duration;

use kmock_kubernetes::{
    ApiRequest, Verb,
    internals::model::status::{ApiError, Details, qualified},
};
use serde_json::Value;

use crate::{
    reply::{IntoReply, Reply},
    request::Request,
};

/// A failure of the Kubernetes API: the status, and the `Status` object as the API server words it for the request at hand.
///
/// `list "v1/pods" => 403` and `=> forbidden` are this; here are its words, and those of your own:
///
/// ```no_run
/// # use kmock_runtime as kmock;
/// # async fn example(k: kmock_runtime::KMock) {
/// use std::time::Duration;
/// use kmock::Failure;
///
/// k.on("update deployments.apps").reply(Failure::conflict());
/// k.on("list pods").reply(Failure::too_many(Duration::from_secs(1)));
/// k.on("create pods").reply(Failure::forbidden().because("no quota is left"));
/// # }
/// ```
#[derive(Clone, Debug)]
pub struct Failure {
    status: u16,
    /// Where one status has several reasons.
    reason: Option<&'static str>,
    why: Option<String>,
    retry_after: Option<Duration>,
}

impl Failure {
    /// A failure by its status.
    pub fn status(status: u16) -> Failure {
        Failure {
            status,
            reason: None,
            why: None,
            retry_after: None,
        }
    }

    /// 400 `BadRequest`.
    pub fn bad_request() -> Failure {
        Failure::status(400)
    }

    /// 401 `Unauthorized`.
    pub fn unauthorized() -> Failure {
        Failure::status(401)
    }

    /// 403 `Forbidden`: as RBAC says it, unless there is another reason.
    pub fn forbidden() -> Failure {
        Failure::status(403)
    }

    /// 404 `NotFound`.
    pub fn not_found() -> Failure {
        Failure::status(404)
    }

    /// 409 `AlreadyExists`.
    pub fn already_exists() -> Failure {
        Failure {
            reason: Some("AlreadyExists"),
            ..Failure::status(409)
        }
    }

    /// 409 `Conflict`: the object has been modified.
    pub fn conflict() -> Failure {
        Failure {
            reason: Some("Conflict"),
            ..Failure::status(409)
        }
    }

    /// 410 `Expired`: the version that a list or a watch begins with is too old.
    pub fn expired() -> Failure {
        Failure::status(410)
    }

    /// 422 `Invalid`.
    pub fn invalid() -> Failure {
        Failure::status(422)
    }

    /// 429 `TooManyRequests`, with the time after which the client may ask again, in whole seconds.
    pub fn too_many(retry_after: Duration) -> Failure {
        Failure {
            retry_after: Some(retry_after),
            ..Failure::status(429)
        }
    }

    /// 500 `InternalError`.
    pub fn internal() -> Failure {
        Failure::status(500)
    }

    /// 503 `ServiceUnavailable`.
    pub fn unavailable() -> Failure {
        Failure::status(503)
    }

    /// 504 `Timeout`.
    pub fn timeout() -> Failure {
        Failure::status(504)
    }

    /// The reason in words of your own: the end of the message where the server's has such a place, else all of it.
    #[must_use]
    pub fn because(mut self, why: impl Into<String>) -> Failure {
        self.why = Some(why.into());
        self
    }

    fn error(&self, asked: &ApiRequest, name: &str) -> ApiError {
        let (group, resource) = (asked.group.as_str(), asked.resource.as_str());
        let why = |usual: &str| self.why.clone().unwrap_or_else(|| usual.to_owned());
        let creates = asked.verb == Verb::Create && asked.subresource.is_none();
        let reason = self.reason.unwrap_or(match creates {
            true => "AlreadyExists",
            false => "Conflict",
        });
        match self.status {
            400 => ApiError::bad_request(why("the server could not understand the request")),
            401 => ApiError::unauthorized(),
            403 => ApiError::forbidden(group, resource, name, why(&not_allowed(asked))),
            404 if name.is_empty() => ApiError::no_such_resource(),
            404 => ApiError::not_found(group, resource, name),
            405 => ApiError::method_not_allowed(),
            409 if reason == "AlreadyExists" => ApiError::already_exists(group, resource, name),
            409 => match &self.why {
                Some(why) => ApiError::conflict(group, resource, name, why),
                None => ApiError::modified(group, resource, name),
            },
            410 => ApiError::expired(why(match asked.verb {
                Verb::Watch => "The resourceVersion for the provided watch is too old.",
                _ => {
                    "The provided continue parameter is too old to display a consistent list result."
                }
            })),
            422 => match &self.why {
                Some(why) => ApiError::new(
                    422,
                    "Invalid",
                    format!(
                        "{} \"{name}\" is invalid: {why}",
                        qualified(group, resource)
                    ),
                ),
                None => ApiError::unprocessable(),
            },
            429 => {
                let seconds = self.retry_after.map_or(1, |after| after.as_secs().max(1));
                let text = seconds.to_string();
                let mut error = ApiError::new(
                    429,
                    "TooManyRequests",
                    why("Too many requests, please try again later."),
                );
                error.details = Some(Details {
                    retry_after_seconds: u32::try_from(seconds).unwrap_or(u32::MAX),
                    ..Details::default()
                });
                error.headers.push(("retry-after", text));
                error
            }
            500 => ApiError::internal(why("the server failed")),
            503 => ApiError::new(
                503,
                "ServiceUnavailable",
                why("the server is currently unable to handle the request"),
            ),
            504 => ApiError::new(
                504,
                "Timeout",
                why(
                    "Timeout: request did not complete within requested timeout - context deadline exceeded",
                ),
            ),
            other => ApiError::new(other, "", why("the server failed")),
        }
    }
}

/// What RBAC says of a request that no rule of its allows.
fn not_allowed(asked: &ApiRequest) -> String {
    let verb = asked.verb.as_str();
    let resource = match &asked.subresource {
        Some(sub) => format!("{}/{sub}", asked.resource),
        None => asked.resource.clone(),
    };
    let place = match &asked.namespace {
        Some(namespace) => format!("in the namespace \"{namespace}\""),
        None => "at the cluster scope".to_owned(),
    };
    format!(
        "User \"system:anonymous\" cannot {verb} resource \"{resource}\" in API group \"{}\" {place}",
        asked.group
    )
}

/// The failure of a request, as a server would tell it; `None`: it is none of Kubernetes.
fn error_of(failure: &Failure, request: &Request) -> Option<ApiError> {
    let asked = request.kubernetes()?;
    let in_body = || {
        request.json()["metadata"]["name"]
            .as_str()
            .unwrap_or_default()
    };
    let name = asked.name.as_deref().unwrap_or_else(in_body);
    Some(failure.error(asked, name))
}

/// What a client of Kubernetes reads of a status without a body.
pub(super) fn body_of(status: u16, request: &Request) -> Option<Value> {
    Some(error_of(&Failure::status(status), request)?.to_status())
}

impl IntoReply for Failure {
    fn into_reply(self) -> Reply {
        Reply::compute(move |request: Request| match error_of(&self, &request) {
            Some(error) => error.into_reply(),
            None => Reply::new().status(self.status),
        })
    }
}

impl IntoReply for ApiError {
    fn into_reply(self) -> Reply {
        let reply = Reply::new().status(self.code).json(self.to_status());
        let headers = self.headers.iter();
        headers.fold(reply, |reply, (name, value)| reply.header(name, value))
    }
}
