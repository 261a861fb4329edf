//! How fast an autoscaler may move: windows in which it looks back, and policies for so many Pods in so much time.

use std::time::Duration;

use jiff::Timestamp;

use crate::json::Json;
use crate::object::{self, int, items, text};

/// What is looked back upon before it goes down, where nothing else is said.
const DOWN_WINDOW: i64 = 300;

/// What an autoscaler remembers.
#[derive(Debug, Default)]
pub(super) struct Past {
    begun: bool,
    recommendations: Vec<(Timestamp, i64)>,
    ups: Vec<(Timestamp, i64)>,
    downs: Vec<(Timestamp, i64)>,
}

/// What is to become of a recommendation.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Decision {
    pub(super) replicas: i64,
    /// The reason and the message of `AbleToScale`.
    pub(super) able: (&'static str, &'static str),
    /// The status, the reason and the message of `ScalingLimited`.
    pub(super) limited: (bool, &'static str, &'static str),
    /// When a recommendation of the past counts no more that keeps it from going down.
    pub(super) again: Option<Duration>,
}

/// The bounds of an autoscaler, and where it stands.
#[derive(Debug, Clone, Copy)]
pub(super) struct Count {
    pub(super) current: i64,
    pub(super) least: i64,
    pub(super) most: i64,
}

const WITHIN: (&str, &str) = (
    "DesiredWithinRange",
    "the desired count is within the acceptable range",
);
const MANY: (&str, &str) = (
    "TooManyReplicas",
    "the desired replica count is more than the maximum replica count",
);
const FEW: (&str, &str) = (
    "TooFewReplicas",
    "the desired replica count is less than the minimum replica count",
);
const UP: (&str, &str) = (
    "ScaleUpLimit",
    "the desired replica count is increasing faster than the maximum scale rate",
);
const DOWN: (&str, &str) = (
    "ScaleDownLimit",
    "the desired replica count is decreasing faster than the maximum scale rate",
);
const READY: (&str, &str) = ("ReadyForNewScale", "recommended size matches current size");

impl Past {
    /// What it recommends, within what its behavior and its bounds allow.
    pub(super) fn decide(
        &mut self,
        behavior: &Json,
        count: Count,
        desired: i64,
        now: Timestamp,
    ) -> Decision {
        let (up, down) = (&behavior["scaleUp"], &behavior["scaleDown"]);
        let up_window = up["stabilizationWindowSeconds"].as_i64().unwrap_or(0);
        let down_window = down["stabilizationWindowSeconds"]
            .as_i64()
            .unwrap_or(DOWN_WINDOW);
        if !self.begun {
            // Whoever is new begins with what is there.
            self.begun = true;
            self.recommendations.push((now, count.current));
        }
        self.forget(up, down, up_window.max(down_window), now);
        let within = |window: i64, when: Timestamp| object::after(when, window) > now;
        let (mut lowest, mut highest, mut again) = (desired, desired, None);
        for (when, recommended) in &self.recommendations {
            if within(up_window, *when) {
                lowest = lowest.min(*recommended);
            }
            if within(down_window, *when) {
                if *recommended > desired {
                    let over = object::until(object::after(*when, down_window), now);
                    again = Some(again.map_or(over, |known: Duration| known.min(over)));
                }
                highest = highest.max(*recommended);
            }
        }
        let stable = count.current.max(lowest).min(highest.max(lowest));
        self.recommendations.push((now, desired));
        let able = match stable == desired {
            true => READY,
            false if behavior.is_null() || desired < count.current => (
                "ScaleDownStabilized",
                "recent recommendations were higher than current one, applying the highest recent recommendation",
            ),
            false => (
                "ScaleUpStabilized",
                "recent recommendations were lower than current one, applying the lowest recent recommendation",
            ),
        };
        let (replicas, (reason, message)) = self.limited(behavior, count, stable, now);
        Decision {
            replicas,
            able,
            limited: (replicas != stable, reason, message),
            again,
        }
    }

    /// Notes that it has scaled.
    pub(super) fn scaled(&mut self, from: i64, to: i64, now: Timestamp) {
        if to > from {
            self.ups.push((now, to - from));
        } else {
            self.downs.push((now, from - to));
        }
    }

    /// Lets go of what nothing looks back upon.
    fn forget(&mut self, up: &Json, down: &Json, window: i64, now: Timestamp) {
        self.recommendations
            .retain(|(when, _)| object::after(*when, window) > now);
        let longest = items(&up["policies"])
            .chain(items(&down["policies"]))
            .map(|policy| int(&policy["periodSeconds"]))
            .max()
            .unwrap_or_default();
        for events in [&mut self.ups, &mut self.downs] {
            events.retain(|(when, _)| object::after(*when, longest) > now);
        }
    }

    fn limited(
        &self,
        behavior: &Json,
        count: Count,
        desired: i64,
        now: Timestamp,
    ) -> (i64, (&'static str, &'static str)) {
        let Count {
            current,
            least,
            most,
        } = count;
        if behavior.is_null() {
            // At most twofold, or four.
            let fastest = (current * 2).max(4);
            return match desired {
                desired if desired < least => (least, FEW),
                desired if desired > most.min(fastest) && most > fastest => (fastest, UP),
                desired if desired > most => (most, MANY),
                desired => (desired, WITHIN),
            };
        }
        if desired > current {
            let fastest = self
                .fastest(&behavior["scaleUp"], current, 1, now)
                .max(current);
            let (allowed, why) = if most > fastest {
                (fastest, UP)
            } else {
                (most, MANY)
            };
            if desired > allowed {
                return (allowed, why);
            }
        } else if desired < current {
            let fastest = self
                .fastest(&behavior["scaleDown"], current, -1, now)
                .min(current);
            let (allowed, why) = if least < fastest {
                (fastest, DOWN)
            } else {
                (least, FEW)
            };
            if desired < allowed {
                return (allowed, why);
            }
        }
        (desired, WITHIN)
    }

    /// How far the policies let it go in one direction.
    fn fastest(&self, rules: &Json, current: i64, direction: i64, now: Timestamp) -> i64 {
        let select = text(&rules["selectPolicy"]);
        if select == "Disabled" {
            return current;
        }
        let changed = |events: &[(Timestamp, i64)], period: i64| -> i64 {
            let recent = events
                .iter()
                .filter(|(when, _)| object::after(*when, period) > now);
            recent.map(|(_, change)| change).sum()
        };
        let proposals = items(&rules["policies"]).map(|policy| {
            let (period, value) = (int(&policy["periodSeconds"]), int(&policy["value"]));
            let start = current - changed(&self.ups, period) + changed(&self.downs, period);
            match (text(&policy["type"]), direction) {
                ("Pods", _) => start + direction * value,
                // Rounded up: otherwise few Pods would never become more.
                (_, 1) => ((start * (100 + value)) as f64 / 100.0).ceil() as i64,
                _ => start * (100 - value) / 100,
            }
        });
        // The largest change, unless the smallest is chosen.
        let far = (select == "Min") != (direction == 1);
        let proposed = if far {
            proposals.max()
        } else {
            proposals.min()
        };
        proposed.unwrap_or(current)
    }
}

#[cfg(test)]
mod tests {
    use crate::json::json;

    use super::*;

    fn at(seconds: i64) -> Timestamp {
        object::after(Timestamp::UNIX_EPOCH, seconds)
    }

    fn count(current: i64) -> Count {
        Count {
            current,
            least: 1,
            most: 1000,
        }
    }

    fn rules(select: &str, policies: Json) -> Json {
        json!({"selectPolicy": select, "policies": policies, "stabilizationWindowSeconds": 0})
    }

    /// Rows as those of `TestScalingWithRules`: what is there, what changed lately, what is wanted, what comes of it.
    #[test]
    fn policies_bound_the_speed() {
        let policies = json!([
            {"type": "Pods", "value": 10, "periodSeconds": 60},
            {"type": "Percent", "value": 50, "periodSeconds": 60},
        ]);
        for (select, ups, downs, current, desired, expected, reason) in [
            ("Max", 0, 0, 50, 100, 75, "ScaleUpLimit"),
            ("Min", 0, 0, 50, 100, 60, "ScaleUpLimit"),
            ("Disabled", 0, 0, 50, 100, 50, "ScaleUpLimit"),
            ("Max", 25, 0, 75, 100, 75, "ScaleUpLimit"),
            ("Max", 5, 0, 50, 54, 54, "DesiredWithinRange"),
            ("Max", 0, 0, 1, 100, 11, "ScaleUpLimit"),
            ("Max", 0, 0, 50, 10, 25, "ScaleDownLimit"),
            ("Min", 0, 0, 50, 10, 40, "ScaleDownLimit"),
            ("Disabled", 0, 0, 50, 10, 50, "ScaleDownLimit"),
            ("Max", 0, 25, 25, 1, 25, "ScaleDownLimit"),
            ("Max", 0, 0, 3, 0, 1, "TooFewReplicas"),
        ] {
            let behavior = json!({"scaleUp": rules(select, policies.clone()), "scaleDown": rules(select, policies.clone())});
            let mut past = Past::default();
            past.scaled(current - ups, current, at(0));
            past.ups.retain(|(_, change)| *change > 0);
            past.downs.retain(|(_, change)| *change > 0);
            if downs > 0 {
                past.scaled(current + downs, current, at(0));
            }
            let decision = past.decide(&behavior, count(current), desired, at(30));
            let why = (decision.replicas, decision.limited.1);
            assert_eq!(
                why,
                (expected, reason),
                "{select} {ups} {downs} {current} {desired}"
            );
        }
    }

    #[test]
    fn windows_keep_it_where_it_is() {
        let mut behavior = json!({
            "scaleUp": rules("Max", json!([{"type": "Percent", "value": 1000, "periodSeconds": 15}])),
            "scaleDown": rules("Max", json!([{"type": "Percent", "value": 100, "periodSeconds": 15}])),
        });
        behavior["scaleDown"]["stabilizationWindowSeconds"] = 60.into();
        behavior["scaleUp"]["stabilizationWindowSeconds"] = 30.into();
        let mut past = Past::default();
        assert_eq!(past.decide(&behavior, count(10), 10, at(0)).replicas, 10);
        let kept = past.decide(&behavior, count(10), 2, at(15));
        assert_eq!((kept.replicas, kept.able.0), (10, "ScaleDownStabilized"));
        assert_eq!(kept.again, Some(Duration::from_secs(45)));
        assert_eq!(past.decide(&behavior, count(10), 2, at(61)).replicas, 2);
        let up = past.decide(&behavior, count(2), 8, at(75));
        assert_eq!((up.replicas, up.able.0), (2, "ScaleUpStabilized"));
        assert_eq!(past.decide(&behavior, count(2), 8, at(110)).replicas, 8);
    }

    #[test]
    fn without_a_behavior_it_doubles_and_waits_five_minutes() {
        let mut past = Past::default();
        for (current, desired, seconds, expected) in [
            (1, 100, 0, 4),
            (4, 100, 15, 8),
            (8, 6, 30, 8),
            (8, 6, 400, 6),
        ] {
            let decision = past.decide(&Json::Null, count(current), desired, at(seconds));
            assert_eq!(decision.replicas, expected, "{current} {desired}");
        }
    }
}
