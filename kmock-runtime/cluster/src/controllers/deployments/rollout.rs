//! From one template to the next: rolling, or all at once; and scaling in between.

use super::{DESIRED, MOST, Work, available, fenceposts, old_pods_run, replicas};
use crate::object;

impl Work<'_> {
    /// A rolling update: up as far as the surge allows, down as far as enough are available.
    pub(super) fn roll(&mut self) {
        if self.adopt_revision(true) {
            return;
        }
        if self.scale_new() || self.scale_old() {
            self.sync_rollout();
            return;
        }
        if self.is_complete() {
            self.clean_up();
        }
        self.sync_rollout();
    }

    /// All old ones go before the first new one comes.
    pub(super) fn recreate(&mut self) {
        let mut scaled = false;
        for at in self.old() {
            if self.sets.get(at).is_some_and(|set| replicas(set) > 0) {
                scaled |= self.scale_to(at, 0);
            }
        }
        if scaled || old_pods_run(self) {
            if self.new.is_some() && self.adopt_revision(false) {
                return;
            }
            self.sync_rollout();
            return;
        }
        if self.adopt_revision(true) {
            return;
        }
        if let Some(at) = self.new {
            self.scale_to(at, self.wanted());
        }
        if self.is_complete() {
            self.clean_up();
        }
        self.sync_rollout();
    }

    fn is_complete(&self) -> bool {
        let wanted = self.wanted();
        let count = |name: &str| {
            self.sets
                .iter()
                .map(|set| object::int(&set["status"][name]))
                .sum::<i64>()
        };
        let updated = self
            .new_set()
            .map_or(0, |set| object::int(&set["status"]["replicas"]));
        updated == wanted && count("replicas") == wanted && count("availableReplicas") == wanted
    }

    fn scale_new(&mut self) -> bool {
        let (Some(at), wanted) = (self.new, self.wanted()) else {
            return false;
        };
        let now = self.new_set().map_or(0, replicas);
        if now == wanted {
            return false;
        }
        let next = if now > wanted {
            wanted
        } else {
            self.new_replicas(now)
        };
        next != now && self.scale_to(at, next)
    }

    pub(super) fn scale_old(&mut self) -> bool {
        let old = self.old();
        let old_count: i64 = old
            .iter()
            .filter_map(|at| self.sets.get(*at))
            .map(replicas)
            .sum();
        if old_count == 0 {
            return false;
        }
        let (_, lacking) = fenceposts(self.deployment);
        let least = self.wanted() - lacking;
        let new_lacks = self
            .new_set()
            .map_or(0, |set| replicas(set) - available(set));
        let most = self.total() - least - new_lacks;
        if most <= 0 {
            return false;
        }
        // What is not healthy goes first: nobody misses it.
        let mut gone = 0;
        for at in &old {
            let Some(set) = self.sets.get(*at) else {
                continue;
            };
            let (count, healthy) = (replicas(set), available(set));
            if gone >= most || count == 0 || count == healthy {
                continue;
            }
            let down = (most - gone).min(count - healthy);
            self.scale_to(*at, count - down);
            gone += down;
        }
        // Then as many as are more than enough.
        let all_available: i64 = self.sets.iter().map(available).sum();
        let mut surplus = all_available - least;
        for at in &old {
            let count = self.sets.get(*at).map_or(0, replicas);
            if surplus <= 0 || count == 0 {
                continue;
            }
            let down = surplus.min(count);
            self.scale_to(*at, count - down);
            surplus -= down;
            gone += down;
        }
        gone > 0
    }

    /// Takes a change of `spec.replicas` to the ReplicaSets: to the only one, or in proportion to all that have Pods.
    pub(super) fn scale(&mut self) {
        let wanted = self.wanted();
        let active: Vec<usize> = (0..self.sets.len())
            .filter(|at| self.sets.get(*at).is_some_and(|set| replicas(set) > 0))
            .collect();
        let only = match active.as_slice() {
            [] => self.new.or_else(|| self.old().last().copied()),
            [only] => Some(*only),
            _ => None,
        };
        if let Some(only) = only {
            if self
                .sets
                .get(only)
                .is_some_and(|set| replicas(set) != wanted)
                || !self.is_noted(only)
            {
                self.scale_to(only, wanted);
            }
            return;
        }
        // A whole new one needs no old ones.
        if let Some(new) = self.new_set() {
            let whole = replicas(new) == wanted
                && object::annotation(new, DESIRED).parse() == Ok(wanted)
                && available(new) == wanted;
            if whole {
                for at in self.old() {
                    if self.sets.get(at).is_some_and(|set| replicas(set) > 0) {
                        self.scale_to(at, 0);
                    }
                }
                return;
            }
        }
        if object::text(&self.deployment["spec"]["strategy"]["type"]) == "Recreate" {
            return;
        }
        self.scale_in_proportion(active);
    }

    fn is_noted(&self, at: usize) -> bool {
        self.sets
            .get(at)
            .is_some_and(|set| object::annotation(set, DESIRED).parse() == Ok(self.wanted()))
    }

    fn scale_in_proportion(&mut self, mut active: Vec<usize>) {
        let wanted = self.wanted();
        let (surge, _) = fenceposts(self.deployment);
        let allowed = if wanted > 0 { wanted + surge } else { 0 };
        let total: i64 = active
            .iter()
            .filter_map(|at| self.sets.get(*at))
            .map(replicas)
            .sum();
        let to_add = allowed - total;
        // Large ones first; of equals the newer when they grow, the older when they shrink.
        active.sort_by_key(|at| {
            let set = self.sets.get(*at);
            let created = set.map(object::created).unwrap_or_default().as_second();
            (
                -set.map_or(0, replicas),
                if to_add > 0 { -created } else { created },
            )
        });
        let mut added = 0;
        let mut sizes = Vec::new();
        for at in &active {
            let Some(set) = self.sets.get(*at) else {
                continue;
            };
            let size = replicas(set);
            let part = if to_add == 0 || size == 0 {
                0
            } else {
                self.proportion(set, to_add, added, wanted + surge)
            };
            sizes.push((*at, size + part));
            added += part;
        }
        if let Some((_, first)) = sizes.first_mut() {
            // What rounding left over.
            *first = (*first + to_add - added).max(0);
        }
        for (at, size) in sizes {
            self.scale_to(at, size);
        }
    }

    /// What one ReplicaSet gets of what is added, or gives of what goes.
    fn proportion(&self, set: &crate::json::Json, to_add: i64, added: i64, most_now: i64) -> i64 {
        let before = object::annotation(set, MOST)
            .parse()
            .unwrap_or_else(|_| object::int(&self.deployment["status"]["replicas"]));
        let fraction = if self.wanted() == 0 {
            -replicas(set)
        } else if before == 0 {
            0
        } else {
            let exact = replicas(set) as f64 * most_now as f64 / before as f64;
            exact.round() as i64 - replicas(set)
        };
        let left = to_add - added;
        if to_add > 0 {
            fraction.min(left)
        } else {
            fraction.max(left)
        }
    }
}
