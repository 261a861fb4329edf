//! Zones that fail: how soon, and whether at all, Pods are driven off nodes that are not ready.
//!
//! Where nothing answers any more, it is more likely that the controller is cut off than that all nodes are lost: then no
//! Pod goes. Rules: `handleDisruption`, `ComputeZoneState` and `ReducedQPSFunc` of `pkg/controller/nodelifecycle`.

use std::collections::BTreeMap;
use std::time::Duration;

use jiff::Timestamp;

use crate::json::Json;
use crate::object;

/// A node of a zone is given up each so many seconds.
const EVERY: Duration = Duration::from_secs(10);
/// The same of a large zone of which most is not ready; in a small one none is.
const SELDOM: Duration = Duration::from_secs(100);
/// A zone with more nodes is large.
const LARGE: usize = 50;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum State {
    Normal,
    Partial,
    Full,
}

#[derive(Debug, Default)]
struct Zone {
    ready: usize,
    unready: usize,
    /// When the next node may be given up.
    next: Option<Timestamp>,
}

impl Zone {
    fn state(&self) -> State {
        let all = self.ready + self.unready;
        if self.ready == 0 && self.unready > 0 {
            State::Full
        } else if self.unready > 2 && self.unready * 100 >= all * 55 {
            State::Partial
        } else {
            State::Normal
        }
    }

    fn count(&mut self, is_ready: bool) -> &mut usize {
        match is_ready {
            true => &mut self.ready,
            false => &mut self.unready,
        }
    }
}

/// Whether the Pods of a node that is not ready may be driven off.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Verdict {
    Now,
    After(Duration),
    /// Not as long as so much is not ready.
    Never,
}

/// All zones, by what the labels of their nodes say.
#[derive(Debug, Default)]
pub(super) struct Zones {
    zones: BTreeMap<String, Zone>,
    /// The zone of each node, and whether it is ready.
    nodes: BTreeMap<String, (String, bool)>,
}

impl Zones {
    /// Takes in a node as it is now. Whether others are to be looked at again.
    pub(super) fn take(&mut self, name: &str, node: Option<&Json>) -> bool {
        let now = node.map(|node| (zone_of(node), object::holds(node, "Ready")));
        if self.nodes.get(name) == now.as_ref() {
            return false;
        }
        let before = self.states();
        if let Some((zone, is_ready)) = self.nodes.remove(name)
            && let Some(zone) = self.zones.get_mut(&zone)
        {
            *zone.count(is_ready) -= 1;
        }
        if let Some((zone, is_ready)) = now {
            *self.zones.entry(zone.clone()).or_default().count(is_ready) += 1;
            self.nodes.insert(name.to_owned(), (zone, is_ready));
        }
        self.zones.retain(|_, zone| zone.ready + zone.unready > 0);
        before != self.states()
    }

    fn states(&self) -> Vec<State> {
        self.zones.values().map(Zone::state).collect()
    }

    /// The nodes that are not ready.
    pub(super) fn unready(&self) -> impl Iterator<Item = &str> {
        let unready = self.nodes.iter().filter(|(_, (_, is_ready))| !is_ready);
        unready.map(|(name, _)| name.as_str())
    }

    /// Whether nothing is ready at all.
    pub(super) fn is_all_lost(&self) -> bool {
        self.zones.values().all(|zone| zone.state() == State::Full)
    }

    /// Asks for a node, which takes its turn if it has one.
    pub(super) fn ask(&mut self, name: &str, now: Timestamp) -> Verdict {
        if self.is_all_lost() {
            return Verdict::Never;
        }
        let zone = self.nodes.get(name).map(|(zone, _)| zone);
        let Some(zone) = zone.and_then(|zone| self.zones.get_mut(zone)) else {
            return Verdict::Now;
        };
        let every = match zone.state() {
            State::Partial if zone.ready + zone.unready > LARGE => SELDOM,
            State::Partial => return Verdict::Never,
            State::Normal | State::Full => EVERY,
        };
        match zone.next.filter(|next| *next > now) {
            Some(next) => Verdict::After(object::until(next, now)),
            None => {
                zone.next = now.checked_add(every).ok();
                Verdict::Now
            }
        }
    }
}

fn zone_of(node: &Json) -> String {
    let label = |key: &str| {
        let labels = &node["metadata"]["labels"];
        labels[key].as_str().unwrap_or_default().to_owned()
    };
    let (region, zone) = (
        "topology.kubernetes.io/region",
        "topology.kubernetes.io/zone",
    );
    format!("{}/{}", label(region), label(zone))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::json::json;

    fn node(zone: &str, ready: bool) -> Json {
        let status = if ready { "True" } else { "Unknown" };
        json!({"metadata": {"labels": {"topology.kubernetes.io/zone": zone}},
            "status": {"conditions": [{"type": "Ready", "status": status}]}})
    }

    fn zones(nodes: &[(&str, usize, usize)]) -> Zones {
        let mut zones = Zones::default();
        for (zone, ready, unready) in nodes {
            for number in 0..ready + unready {
                let node = node(zone, number < *ready);
                zones.take(&format!("{zone}{number}"), Some(&node));
            }
        }
        zones
    }

    /// Rows of `TestMonitorNodeHealthEvictPodsWithDisruption`: ready and not, by zone, and what is said of the last of `a`.
    #[test]
    fn zones_that_fail_slow_down_what_is_given_up() {
        let (every, seldom) = (Verdict::After(EVERY), Verdict::After(SELDOM));
        for (nodes, first, second) in [
            (&[("a", 1, 1)][..], Verdict::Now, every),
            (&[("a", 0, 1)], Verdict::Never, Verdict::Never),
            (&[("a", 0, 3), ("b", 0, 1)], Verdict::Never, Verdict::Never),
            // One zone is lost, and another one is there.
            (&[("a", 0, 3), ("b", 1, 0)], Verdict::Now, every),
            // Two of three are few enough, three of five too many for a small zone.
            (&[("a", 1, 2)], Verdict::Now, every),
            (&[("a", 2, 3)], Verdict::Never, Verdict::Never),
            (&[("a", 3, 3)], Verdict::Now, every),
            (&[("a", 20, 31)], Verdict::Now, seldom),
        ] {
            let mut zones = zones(nodes);
            let name = format!("a{}", nodes[0].1 + nodes[0].2 - 1);
            let now = Timestamp::UNIX_EPOCH;
            assert_eq!(zones.ask(&name, now), first, "{nodes:?}");
            assert_eq!(zones.ask(&name, now), second, "{nodes:?}");
            let later = now.checked_add(SELDOM).expect("a time");
            assert_eq!(zones.ask(&name, later), first, "{nodes:?}");
        }
    }

    #[test]
    fn others_are_looked_at_when_a_zone_falls_or_rises() {
        let mut zones = zones(&[("a", 1, 1)]);
        assert!(!zones.take("a0", Some(&node("a", true))), "as it was");
        assert!(zones.take("a0", Some(&node("a", false))));
        assert_eq!(zones.unready().collect::<Vec<_>>(), ["a0", "a1"]);
        assert!(zones.take("b0", Some(&node("b", true))));
        assert!(!zones.is_all_lost());
        assert!(zones.take("b0", None));
        assert!(zones.is_all_lost());
    }
}
