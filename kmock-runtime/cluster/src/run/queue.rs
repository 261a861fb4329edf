//! What is to be looked at: at once and in order, or at a time.

use std::collections::{BTreeMap, HashMap, HashSet, VecDeque};
use std::sync::Arc;

use tokio::time::Instant;

use crate::plan::Wait;

/// One look: a controller's number, and a key.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(crate) struct Item {
    pub(crate) controller: usize,
    pub(crate) key: Arc<str>,
}

/// So many other looks are done at most while those wait that sum up.
const STREAK: usize = 256;

/// A queue that has each item once. Items come out in the order in which they came in: the same cluster moves in the
/// same way each time. Those that sum up what others do come when the others are done.
#[derive(Debug, Default)]
pub(crate) struct Queue {
    ready: VecDeque<Item>,
    sums: VecDeque<Item>,
    /// The controllers that sum up.
    summing: Vec<usize>,
    /// The looks since the last one that sums up.
    streak: usize,
    queued: HashSet<Item>,
    timers: BTreeMap<(Instant, u64), (Item, Wait)>,
    timed: HashMap<Item, (Instant, u64)>,
    held: BTreeMap<usize, VecDeque<Item>>,
    works: usize,
    count: u64,
}

impl Queue {
    /// A queue in which these controllers sum up.
    pub(crate) fn new(summing: Vec<usize>) -> Queue {
        Queue {
            summing,
            ..Queue::default()
        }
    }

    /// To be looked at as soon as it is its turn.
    pub(crate) fn push(&mut self, item: Item) {
        if self.queued.insert(item.clone()) {
            self.put(item);
        }
    }

    fn put(&mut self, item: Item) {
        if self.summing.contains(&item.controller) {
            self.sums.push_back(item);
        } else {
            self.ready.push_back(item);
        }
    }

    /// The next one. Those of held controllers are put aside.
    pub(crate) fn pop(&mut self, is_held: impl Fn(usize) -> bool) -> Option<Item> {
        loop {
            let enough = self.streak >= STREAK && !self.sums.is_empty();
            let item = if enough || self.ready.is_empty() {
                self.streak = 0;
                self.sums.pop_front()?
            } else {
                self.streak += 1;
                self.ready.pop_front()?
            };
            if is_held(item.controller) {
                self.held
                    .entry(item.controller)
                    .or_default()
                    .push_back(item);
                continue;
            }
            self.queued.remove(&item);
            return Some(item);
        }
    }

    /// Brings back what was put aside: all, or the first so many.
    pub(crate) fn let_go(&mut self, controller: usize, most: usize) {
        let Some(held) = self.held.get_mut(&controller) else {
            return;
        };
        let free: Vec<Item> = held.drain(..most.min(held.len())).collect();
        for item in free {
            self.put(item);
        }
    }

    /// What was put aside.
    pub(crate) fn held(&self, controller: usize) -> usize {
        self.held.get(&controller).map_or(0, VecDeque::len)
    }

    /// When an item is to be looked at again; instead of any other time.
    pub(crate) fn set_timer(&mut self, item: &Item, when: Option<(Instant, Wait)>) {
        if let Some(old) = self.timed.remove(item)
            && let Some((_, wait)) = self.timers.remove(&old)
        {
            self.works -= usize::from(wait == Wait::Work);
        }
        let Some((when, wait)) = when else {
            return;
        };
        self.count += 1;
        let at = (when, self.count);
        self.timers.insert(at, (item.clone(), wait));
        self.timed.insert(item.clone(), at);
        self.works += usize::from(wait == Wait::Work);
    }

    /// Moves what is due to the queue.
    pub(crate) fn wake(&mut self, now: Instant) {
        while let Some(entry) = self.timers.first_entry() {
            if entry.key().0 > now {
                return;
            }
            let (item, wait) = entry.remove();
            self.timed.remove(&item);
            self.works -= usize::from(wait == Wait::Work);
            self.push(item);
        }
    }

    /// When the next one is due.
    pub(crate) fn next(&self) -> Option<Instant> {
        self.timers.first_key_value().map(|((when, _), _)| *when)
    }

    /// How many timers there are that something is on its way for.
    pub(crate) fn works(&self) -> usize {
        self.works
    }

    /// What waits for a time, in order.
    pub(crate) fn waiting(&self) -> impl Iterator<Item = (Instant, &Item, Wait)> {
        self.timers
            .iter()
            .map(|((when, _), (item, wait))| (*when, item, *wait))
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    fn item(key: &str) -> Item {
        Item {
            controller: usize::from(key.starts_with('h')),
            key: key.into(),
        }
    }

    #[tokio::test(start_paused = true)]
    async fn each_item_once_in_order_and_at_its_time() {
        let mut queue = Queue::default();
        for key in ["a", "b", "a"] {
            queue.push(item(key));
        }
        let now = Instant::now();
        queue.set_timer(
            &item("later"),
            Some((now + Duration::from_secs(9), Wait::Work)),
        );
        queue.set_timer(
            &item("later"),
            Some((now + Duration::from_secs(5), Wait::Appointment)),
        );
        assert_eq!(
            (queue.works(), queue.next()),
            (0, Some(now + Duration::from_secs(5)))
        );
        queue.wake(now + Duration::from_secs(5));
        let mut order = Vec::new();
        while let Some(next) = queue.pop(|_| false) {
            order.push(next.key.to_string());
        }
        assert_eq!(order, ["a", "b", "later"]);
        assert!(queue.ready.is_empty() && queue.next().is_none());
    }

    #[test]
    fn who_sums_up_waits_for_the_others_but_not_for_ever() {
        let mut queue = Queue::new(vec![1]);
        for key in ["h", "a", "b"] {
            queue.push(item(key));
        }
        let mut order = Vec::new();
        while let Some(next) = queue.pop(|_| false) {
            order.push(next.key.to_string());
        }
        assert_eq!(order, ["a", "b", "h"]);
        queue.push(item("h"));
        let mut looks = 0;
        loop {
            queue.push(item("a"));
            looks += 1;
            if queue.pop(|_| false) == Some(item("h")) {
                break;
            }
        }
        assert_eq!(looks, STREAK + 1);
    }

    #[test]
    fn held_items_wait() {
        let mut queue = Queue::default();
        for key in ["h1", "a", "h2"] {
            queue.push(item(key));
        }
        let held = |controller| controller == 1;
        assert_eq!(queue.pop(held), Some(item("a")));
        assert_eq!((queue.pop(held), queue.held(1)), (None, 2));
        queue.let_go(1, 1);
        assert_eq!((queue.pop(|_| false), queue.held(1)), (Some(item("h1")), 1));
    }
}
