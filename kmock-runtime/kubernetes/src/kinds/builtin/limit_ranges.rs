//! LimitRanger: what a namespace's limit ranges refuse.
//!
//! Rules: `plugin/pkg/admission/limitranger`. (Its defaults are in [`super::admission`].)

use std::collections::HashSet;

use serde_json::Value;

use super::amounts::{self, Amounts};
use super::quantity::Quantity;
use super::values::{items, text};

/// Up to here amounts are compared in thousandths.
const MAX_MILLI: i64 = i64::MAX / 1000;

/// Why a limit range does not let a pod or a claim be; all that it has against it.
pub(crate) fn refusal(range: &Value, kind: &str, object: &Value) -> Option<String> {
    let mut faults: Vec<String> = Vec::new();
    for limit in items(range, &["spec", "limits"]) {
        let ty = text(limit, &["type"]);
        let measured: Vec<(Amounts, Amounts)> = match (kind, ty) {
            ("Pod", "Container") => ["containers", "initContainers"]
                .iter()
                .flat_map(|list| items(object, &["spec", list]))
                .map(|container| {
                    let of = |what| amounts::read(container, &["resources", what]);
                    (of("requests"), of("limits"))
                })
                .collect(),
            ("Pod", "Pod") => vec![(
                amounts::of_pod(object, "requests"),
                amounts::of_pod(object, "limits"),
            )],
            ("PersistentVolumeClaim", "PersistentVolumeClaim") => {
                let requests = amounts::read(object, &["spec", "resources", "requests"]);
                vec![(requests, Amounts::new())]
            }
            _ => continue,
        };
        let bounds = |key| amounts::read(limit, &[key]);
        let (min, max, ratio) = (bounds("min"), bounds("max"), bounds("maxLimitRequestRatio"));
        for (requests, limits) in &measured {
            let check = |name: &String| Check {
                ty,
                name: name.clone(),
                request: requests.get(name).cloned(),
                limit: limits.get(name).cloned(),
            };
            faults.extend(
                min.iter()
                    .filter_map(|(name, least)| check(name).least(least)),
            );
            faults.extend(max.iter().filter_map(|(name, most)| {
                if kind == "Pod" {
                    check(name).most(most)
                } else {
                    check(name).most_requested(most)
                }
            }));
            if kind == "Pod" {
                faults.extend(
                    ratio
                        .iter()
                        .filter_map(|(name, most)| check(name).ratio(most)),
                );
            }
        }
    }
    let mut told: HashSet<String> = HashSet::new();
    faults.retain(|fault| told.insert(fault.clone()));
    match faults.as_slice() {
        [] => None,
        [only] => Some(only.clone()),
        all => Some(format!("[{}]", all.join(", "))),
    }
}

/// One resource of one container, pod or claim.
struct Check<'a> {
    ty: &'a str,
    name: String,
    request: Option<Quantity>,
    limit: Option<Quantity>,
}

impl Check<'_> {
    /// The request, the limit and the bound at a precision that all of them have.
    fn values(&self, bound: &Quantity) -> (i64, i64, i64) {
        let all = [self.request.as_ref(), self.limit.as_ref(), Some(bound)];
        let units = all.map(|x| x.map_or(0, |x| x.value().unwrap_or(i64::MAX)));
        let [request, limit, bound] = if units.iter().all(|x| *x <= MAX_MILLI) {
            all.map(|x| x.map_or(0, |x| x.milli_value().unwrap_or(i64::MAX)))
        } else {
            units
        };
        (request, limit, bound)
    }

    fn least(&self, bound: &Quantity) -> Option<String> {
        let (request, limit, least) = self.values(bound);
        let why = format!("minimum {} usage per {} is {bound}", self.name, self.ty);
        match (&self.request, &self.limit) {
            (None, _) => Some(format!("{why}.  No request is specified")),
            (Some(given), _) if request < least => Some(format!("{why}, but request is {given}")),
            (_, Some(given)) if limit < least => Some(format!("{why}, but limit is {given}")),
            _ => None,
        }
    }

    fn most(&self, bound: &Quantity) -> Option<String> {
        let (request, limit, most) = self.values(bound);
        let why = format!("maximum {} usage per {} is {bound}", self.name, self.ty);
        match (&self.limit, &self.request) {
            (None, _) => Some(format!("{why}.  No limit is specified")),
            (Some(given), _) if limit > most => Some(format!("{why}, but limit is {given}")),
            (_, Some(given)) if request > most => Some(format!("{why}, but request is {given}")),
            _ => None,
        }
    }

    fn most_requested(&self, bound: &Quantity) -> Option<String> {
        let (request, _, most) = self.values(bound);
        let why = format!("maximum {} usage per {} is {bound}", self.name, self.ty);
        match &self.request {
            None => Some(format!("{why}.  No request is specified")),
            Some(given) if request > most => Some(format!("{why}, but request is {given}")),
            Some(_) => None,
        }
    }

    fn ratio(&self, bound: &Quantity) -> Option<String> {
        let (request, limit, _) = self.values(bound);
        let why = format!(
            "{} max limit to request ratio per {} is {bound}",
            self.name, self.ty
        );
        if request == 0 {
            return Some(format!(
                "{why}, but no request is specified or request is 0"
            ));
        }
        if limit == 0 {
            return Some(format!("{why}, but no limit is specified or limit is 0"));
        }
        let ratio = limit as f64 / request as f64;
        let most = bound.milli_value().map_or(f64::INFINITY, |x| x as f64);
        (ratio * 1000.0 > most).then(|| format!("{why}, but provided ratio is {ratio:.6}"))
    }
}
