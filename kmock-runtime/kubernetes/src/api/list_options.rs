//! The options of lists and watches: read from a query, checked and completed as the API server does it.
//!
//! The order of the checks shows in the answers: numbers, label selector, field selector, combinations (422), the
//! kind's field labels. Rules of `metav1.ListOptions`, its conversions and `internalversion/validation`.

use serde_json::Value;

use crate::model::path::{ApiRequest, Query};
use crate::model::selectors::{FieldSelector, LabelSelector};
use crate::model::status::{ApiError, FieldError, quoted};
use crate::state::registry::Served;
use crate::state::store::StoredObject;

/// The options of a list or watch.
#[derive(Debug, Clone, Default)]
pub struct ListOptions {
    /// Which objects.
    pub labels: LabelSelector,
    /// Which objects.
    pub fields: FieldSelector,
    /// `watch=true`; an old `/watch/` path watches without it.
    pub watch: bool,
    /// `allowWatchBookmarks`
    pub bookmarks: bool,
    /// `resourceVersion`, as it was sent.
    pub version: String,
    /// `resourceVersionMatch`
    pub version_match: VersionMatch,
    /// `timeoutSeconds`
    pub timeout: Option<i64>,
    /// `limit`; 0 is none.
    pub limit: i64,
    /// `continue`
    pub continue_token: String,
    /// `sendInitialEvents`
    pub send_initial_events: Option<bool>,
}

/// How `resourceVersion` is meant.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum VersionMatch {
    /// Not said.
    #[default]
    Unset,
    /// That version.
    Exact,
    /// That version or a newer one.
    NotOlderThan,
}

impl ListOptions {
    /// Reads the options of a request for a collection (or of a watch of one object).
    pub fn read(request: &ApiRequest, served: &Served) -> Result<Self, ApiError> {
        let query = &request.query;
        let timeout = number(query, "timeoutSeconds")?;
        let limit = number(query, "limit")?.unwrap_or_default();
        let labels = LabelSelector::parse(query.get("labelSelector").unwrap_or_default());
        let labels = labels.map_err(ApiError::bad_request)?;
        let fields = FieldSelector::parse(query.get("fieldSelector").unwrap_or_default());
        let fields = fields.map_err(ApiError::bad_request)?;
        let mut options = Self {
            labels,
            fields,
            watch: query.flag("watch"),
            bookmarks: query.flag("allowWatchBookmarks"),
            version: query.get("resourceVersion").unwrap_or_default().to_owned(),
            version_match: VersionMatch::Unset,
            timeout,
            limit,
            continue_token: query.get("continue").unwrap_or_default().to_owned(),
            send_initial_events: query
                .has("sendInitialEvents")
                .then(|| query.flag("sendInitialEvents")),
        };
        let mut said = query.get("resourceVersionMatch").unwrap_or_default();
        let fresh = matches!(options.version.as_str(), "" | "0");
        if options.watch && fresh && said.is_empty() && options.send_initial_events.is_none() {
            (options.send_initial_events, said) = (Some(true), "NotOlderThan");
        }
        let faults = if options.watch {
            options.watch_faults(said)
        } else {
            options.list_faults(said)
        };
        if !faults.is_empty() {
            return Err(ApiError::invalid("meta.k8s.io", "ListOptions", "", &faults));
        }
        options.version_match = match said {
            "Exact" => VersionMatch::Exact,
            "NotOlderThan" => VersionMatch::NotOlderThan,
            _ => VersionMatch::Unset,
        };
        let (resource, strategy) = (&served.resource, &served.strategy);
        options.fields = options
            .fields
            .transform(
                |label, value| match strategy.unsupported_field(resource, label) {
                    Some(refusal) => Err(refusal),
                    None => Ok((
                        strategy.canonical_field(resource, label).to_owned(),
                        value.to_owned(),
                    )),
                },
            )
            .map_err(ApiError::bad_request)?;
        if let Some(name) = &request.name {
            if options.fields.is_empty() {
                options.fields = FieldSelector::equal("metadata.name", name);
            } else if options.fields.exact("metadata.name") != Some(name) {
                return Err(ApiError::bad_request(
                    "fieldSelector metadata.name doesn't match requested name",
                ));
            }
        }
        Ok(options)
    }

    fn list_faults(&self, said: &str) -> Vec<FieldError> {
        const FIELD: &str = "resourceVersionMatch";
        let mut faults = Vec::new();
        if !said.is_empty() {
            if self.version.is_empty() {
                let why = "resourceVersionMatch is forbidden unless resourceVersion is provided";
                faults.push(FieldError::forbidden(FIELD, why));
            }
            if !self.continue_token.is_empty() {
                faults.push(FieldError::forbidden(
                    FIELD,
                    "resourceVersionMatch is forbidden when continue is provided",
                ));
            }
            if said != "Exact" && said != "NotOlderThan" {
                faults.push(FieldError::not_supported(
                    FIELD,
                    &Value::from(said),
                    &["Exact", "NotOlderThan", ""],
                ));
            }
            if said == "Exact" && self.version == "0" {
                let why = "resourceVersionMatch \"exact\" is forbidden for resourceVersion \"0\"";
                faults.push(FieldError::forbidden(FIELD, why));
            }
        }
        if self.send_initial_events.is_some() {
            faults.push(FieldError::forbidden(
                "sendInitialEvents",
                "sendInitialEvents is forbidden for list",
            ));
        }
        faults
    }

    fn watch_faults(&self, said: &str) -> Vec<FieldError> {
        const FIELD: &str = "resourceVersionMatch";
        let mut faults = Vec::new();
        if self.send_initial_events.is_some() && said != "NotOlderThan" {
            let why = "sendInitialEvents requires setting resourceVersionMatch to NotOlderThan";
            faults.push(FieldError::forbidden(FIELD, why));
        }
        if !said.is_empty() {
            if self.send_initial_events.is_none() {
                let why = "resourceVersionMatch is forbidden for watch unless sendInitialEvents is provided";
                faults.push(FieldError::forbidden(FIELD, why));
            }
            if said != "NotOlderThan" {
                faults.push(FieldError::not_supported(
                    FIELD,
                    &Value::from(said),
                    &["NotOlderThan"],
                ));
            }
            if !self.continue_token.is_empty() {
                faults.push(FieldError::forbidden(
                    FIELD,
                    "resourceVersionMatch is forbidden when continue is provided",
                ));
            }
        }
        faults
    }

    /// Whether nothing is filtered.
    pub fn selects_all(&self) -> bool {
        self.labels.is_empty() && self.fields.is_empty()
    }

    /// Whether an object is selected.
    pub fn selects(&self, served: &Served, object: &StoredObject) -> bool {
        if !self.labels.matches_object(&object.value) {
            return false;
        }
        if self.fields.is_empty() {
            return true;
        }
        let mut of_kind: Option<Vec<(String, String)>> = None;
        self.fields.matches(|field| match field {
            "metadata.name" => object.name().to_owned().into(),
            "metadata.namespace" => object.namespace().to_owned().into(),
            field => {
                let known = of_kind.get_or_insert_with(|| {
                    let (resource, strategy) = (&served.resource, &served.strategy);
                    if resource.storage_api_version() == resource.api_version() {
                        strategy.selectable_fields(&object.value)
                    } else {
                        strategy.selectable_fields(&served.shown(&object.value))
                    }
                });
                known
                    .iter()
                    .find(|(name, _)| name == field)
                    .map(|(_, value)| value.clone())
                    .unwrap_or_default()
                    .into()
            }
        })
    }
}

fn number(query: &Query, key: &str) -> Result<Option<i64>, ApiError> {
    let Some(text) = query.get(key) else {
        return Ok(None);
    };
    match text.parse() {
        Ok(number) => Ok(Some(number)),
        Err(_) => {
            let digits = text.strip_prefix(['+', '-']).unwrap_or(text);
            let plain = !digits.is_empty() && digits.bytes().all(|b| b.is_ascii_digit());
            let why = if plain {
                "value out of range"
            } else {
                "invalid syntax"
            };
            Err(ApiError::bad_request(format!(
                "strconv.ParseInt: parsing {}: {why}",
                quoted(text)
            )))
        }
    }
}

/// Reads a resourceVersion; empty is 0. The failure is the server's text, which different verbs wrap differently.
pub fn parse_version(text: &str) -> Result<u64, String> {
    if text.is_empty() {
        return Ok(0);
    }
    let digits = text.bytes().all(|b| b.is_ascii_digit());
    text.parse().ok().filter(|_| digits).ok_or_else(|| {
        let why = if digits {
            "value out of range"
        } else {
            "invalid syntax"
        };
        let shown = quoted(text);
        format!(
            "resourceVersion: Invalid value: {shown}: strconv.ParseUint: parsing {shown}: {why}"
        )
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::state::registry::Registry;

    fn read(query: &str) -> Result<ListOptions, ApiError> {
        let uri = format!("/api/v1/namespaces/n/configmaps?{query}")
            .parse()
            .expect("a URI");
        let request = ApiRequest::parse(&http::Method::GET, &uri).expect("a request");
        let served = Registry::new(crate::kinds::built_ins())
            .find("", "v1", "configmaps")
            .expect("known");
        ListOptions::read(&request, &served)
    }

    #[test]
    fn watches_from_nowhere_want_the_initial_events() {
        for query in ["watch=true", "watch", "watch=1&resourceVersion=0"] {
            assert_eq!(
                read(query).expect(query).send_initial_events,
                Some(true),
                "{query}"
            );
        }
        for query in ["watch=true&resourceVersion=5", "resourceVersion=0", ""] {
            assert_eq!(
                read(query).expect(query).send_initial_events,
                None,
                "{query}"
            );
        }
        let error = read("watch=true&continue=x").expect_err("defaulted first, checked then");
        assert_eq!(
            error.message,
            "ListOptions.meta.k8s.io \"\" is invalid: resourceVersionMatch: Forbidden: resourceVersionMatch is \
             forbidden when continue is provided"
        );
    }

    #[test]
    fn numbers() {
        let error = |query: &str| read(query).expect_err(query).message;
        assert_eq!(
            error("limit="),
            "strconv.ParseInt: parsing \"\": invalid syntax"
        );
        assert_eq!(
            error("limit=1.5&labelSelector=,"),
            "strconv.ParseInt: parsing \"1.5\": invalid syntax"
        );
        assert_eq!(
            error("timeoutSeconds=99999999999999999999"),
            "strconv.ParseInt: parsing \"99999999999999999999\": value out of range"
        );
        assert!(
            parse_version("+1").is_err()
                && parse_version("-1").is_err()
                && parse_version("") == Ok(0)
        );
    }
}
