//! Which clients have been idle for too long.
//!
//! One list of all, ordered by when each was last active: the next one to expire stands in front, and
//! whoever does something moves to the back. Both are a few writes, whatever the number of clients, where a
//! timer for each would be a call to the kernel with every message.

use std::time::{Duration, Instant};

/// Clients by number, in the order of their last activity.
#[derive(Debug)]
pub struct Idle {
    timeout: Duration,
    links: Vec<Option<Link>>,
    first: Option<usize>,
    last: Option<usize>,
}

#[derive(Debug, Clone, Copy)]
struct Link {
    before: Option<usize>,
    after: Option<usize>,
    at: Instant,
}

impl Idle {
    /// Nobody yet.
    pub fn new(timeout: Duration) -> Self {
        Self { timeout, links: Vec::new(), first: None, last: None }
    }

    /// `client` did something at `now`, which is no earlier than any moment told before.
    pub fn touch(&mut self, client: usize, now: Instant) {
        self.remove(client);
        if self.links.len() <= client {
            self.links.resize(client + 1, None);
        }
        self.links[client] = Some(Link { before: self.last, after: None, at: now });
        *self.after(self.last) = Some(client);
        self.last = Some(client);
    }

    /// `client` is gone.
    pub fn remove(&mut self, client: usize) {
        let Some(link) = self.links.get_mut(client).and_then(Option::take) else { return };
        *self.after(link.before) = link.after;
        match link.after.and_then(|after| self.links[after].as_mut()) {
            Some(after) => after.before = link.before,
            None => self.last = link.before,
        }
    }

    /// The place that tells who stands behind `client`; nobody is the front of the list.
    fn after(&mut self, client: Option<usize>) -> &mut Option<usize> {
        match client.and_then(|client| self.links[client].as_mut()) {
            Some(link) => &mut link.after,
            None => &mut self.first,
        }
    }

    /// When the next client has been idle for too long.
    pub fn deadline(&self) -> Option<Instant> {
        let first = self.links[self.first?]?;
        Some(first.at + self.timeout)
    }

    /// One that has been idle for too long at `now`. It stays until it is removed.
    pub fn expired(&self, now: Instant) -> Option<usize> {
        self.deadline().filter(|deadline| *deadline <= now).and(self.first)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use std::collections::BTreeMap;

    proptest! {
        #[test]
        fn the_longest_idle_is_found(steps in proptest::collection::vec((0..6_usize, any::<bool>()), 0..80)) {
            let (start, timeout) = (Instant::now(), Duration::from_millis(20));
            let mut idle = Idle::new(timeout);
            let mut active: BTreeMap<usize, Instant> = BTreeMap::new();
            for (step, (client, is_there)) in (1_u64..).zip(steps) {
                let now = start + Duration::from_millis(step);
                if is_there {
                    idle.touch(client, now);
                    active.insert(client, now);
                } else {
                    idle.remove(client);
                    active.remove(&client);
                }
                let longest = active.iter().min_by_key(|(_, at)| **at);
                prop_assert_eq!(idle.deadline(), longest.map(|(_, at)| *at + timeout));
                let expired = longest.filter(|(_, at)| **at + timeout <= now);
                prop_assert_eq!(idle.expired(now), expired.map(|(client, _)| *client));
                prop_assert_eq!(idle.last, active.iter().max_by_key(|(_, at)| **at).map(|(client, _)| *client));
            }
        }
    }
}
