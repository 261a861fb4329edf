//! Amounts of resources: what Pods ask for, and what nodes have.

use std::collections::BTreeMap;

use crate::emulator::builtin::quantity::Quantity;
use crate::json::Json;
use crate::object::{items, text};

/// An amount in thousandths; 0 where it cannot be read.
pub(crate) fn milli(text: &str) -> i64 {
    // What nearly all amounts look like is read at once.
    if let Ok(units) = text.parse::<i64>() {
        return units.saturating_mul(1000);
    }
    if let Some(Ok(milli)) = text.strip_suffix('m').map(str::parse::<i64>) {
        return milli;
    }
    match Quantity::parse(text) {
        Ok(quantity) => quantity.milli_value().unwrap_or_else(|| {
            if quantity.sign() < 0 {
                i64::MIN
            } else {
                i64::MAX
            }
        }),
        Err(_) => 0,
    }
}

/// An amount of a resource in what it is counted by: thousandths of a cpu, units of everything else.
pub(crate) fn of(resource: &str, value: &Json) -> i64 {
    let amount = match value {
        Json::String(text) => milli(text),
        Json::Number(number) => number.as_i64().unwrap_or_default().saturating_mul(1000),
        _ => 0,
    };
    if resource == "cpu" {
        amount
    } else {
        amount.saturating_add(999) / 1000
    }
}

/// Resources and how much of each.
pub(crate) type Amounts = BTreeMap<String, i64>;

/// A map of resources, read.
pub(crate) fn map(value: &Json) -> Amounts {
    value
        .as_object()
        .into_iter()
        .flatten()
        .map(|(name, value)| (name.to_string(), of(name, value)))
        .collect()
}

fn add(to: &mut Amounts, from: &Amounts) {
    for (name, amount) in from {
        let sum = to.entry(name.clone()).or_default();
        *sum = sum.saturating_add(*amount);
    }
}

fn raise(to: &mut Amounts, from: &Amounts) {
    for (name, amount) in from {
        let most = to.entry(name.clone()).or_default();
        *most = (*most).max(*amount);
    }
}

/// What a Pod asks for: the sum over its containers, or what an init container needs while it runs beside those that
/// were started before it, with the overhead of its runtime.
pub(crate) fn requests(pod: &Json) -> Amounts {
    asked(pod, "requests", false)
}

/// The same of `requests` or `limits`; for scheduling's scores, containers that ask for nothing count as small ones.
pub(crate) fn asked(pod: &Json, part: &str, with_defaults: bool) -> Amounts {
    let spec = &pod["spec"];
    let own = |container: &Json| {
        let mut amounts = map(&container["resources"][part]);
        if with_defaults {
            amounts.entry("cpu".to_owned()).or_insert(100);
            amounts.entry("memory".to_owned()).or_insert(200 << 20);
        }
        amounts
    };
    let mut sum = Amounts::new();
    for container in items(&spec["containers"]) {
        add(&mut sum, &own(container));
    }
    let (mut started, mut most) = (Amounts::new(), Amounts::new());
    for container in items(&spec["initContainers"]) {
        let mut needed = own(container);
        if text(&container["restartPolicy"]) == "Always" {
            add(&mut started, &needed);
            needed = started.clone();
            add(&mut sum, &own(container));
        } else {
            add(&mut needed, &started);
        }
        raise(&mut most, &needed);
    }
    raise(&mut sum, &most);
    // Resources of the Pod as a whole count instead of those of its containers.
    for (name, amount) in map(&spec["resources"][part]) {
        sum.insert(name, amount);
    }
    if part == "requests" || !sum.is_empty() {
        add(&mut sum, &map(&spec["overhead"]));
    }
    sum
}

/// A number of bytes as Kubernetes shows it: `500Mi`.
pub(crate) fn bytes(number: i64) -> String {
    let mut number = number;
    for unit in ["", "Ki", "Mi", "Gi", "Ti", "Pi"] {
        if number % 1024 != 0 || number == 0 {
            return format!("{number}{unit}");
        }
        number /= 1024;
    }
    format!("{number}Ei")
}

#[cfg(test)]
mod tests {
    use crate::json::json;

    use super::*;

    #[test]
    fn what_a_pod_asks_for() {
        let asks = |cpu: &str| json!({"resources": {"requests": {"cpu": cpu, "memory": "1Mi"}}});
        let mut sidecar = asks("300m");
        sidecar["restartPolicy"] = "Always".into();
        let pod = json!({"spec": {"containers": [asks("1"), asks("250m")], "initContainers": [asks("1"), sidecar, asks("1900m")], "overhead": {"cpu": "10m"}}});
        // The last init container runs beside the sidecar: 2200m, more than the 1550m of what runs later.
        assert_eq!(
            requests(&pod),
            Amounts::from([("cpu".into(), 2210), ("memory".into(), 3 << 20)])
        );
        let empty = json!({"spec": {"containers": [{}]}});
        assert_eq!(requests(&empty), Amounts::new());
        assert_eq!(asked(&empty, "requests", true)["cpu"], 100);
        assert_eq!(
            (milli("1.5"), milli("2Gi"), of("memory", &json!("1500m"))),
            (1500, (2i64 << 30) * 1000, 2)
        );
    }
}
