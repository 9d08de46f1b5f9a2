//! Credits: what the server allows to be in flight, [MS-SMB2] 3.2.4.1.2 and 3.2.5.1.4.

use tokio::sync::{Semaphore, SemaphorePermit};

/// The most credits kept; a server that grants more is not taken at its word.
const MOST: u32 = 0xFFFF;

/// Those who wait for credits, first come first served.
#[derive(Debug)]
pub(super) struct Credits {
    semaphore: Semaphore,
}

impl Credits {
    /// A new connection has one credit, [MS-SMB2] 3.2.1.2.
    pub(super) fn new() -> Self {
        Self { semaphore: Semaphore::new(1) }
    }

    /// Waits for so many credits. None when the connection is gone. They go back unless they are spent.
    pub(super) async fn take(&self, cost: u32) -> Option<SemaphorePermit<'_>> {
        self.semaphore.acquire_many(cost).await.ok()
    }

    /// Wakes those who wait, for nothing.
    pub(super) fn close(&self) {
        self.semaphore.close();
    }
}

/// The account: what is at hand and what is on its way. Kept under the connection's lock.
#[derive(Debug)]
pub(super) struct Ledger {
    at_hand: u32,
    asked: u32,
    target: u16,
}

impl Ledger {
    pub(super) fn new(target: u16) -> Self {
        Self { at_hand: 1, asked: 0, target }
    }

    /// Credits granted and not spent.
    pub(super) fn at_hand(&self) -> u32 {
        self.at_hand
    }

    /// Spends the credits of a chain of requests; they must have been taken. What follows asks for new ones.
    pub(super) fn spend(&mut self, cost: u32) {
        debug_assert!(cost <= self.at_hand, "a chain of {cost} credits was queued with {} at hand", self.at_hand);
        self.at_hand = self.at_hand.saturating_sub(cost);
    }

    /// What the `CreditRequest` of a request shall say: at least `least` and what it costs; more when there are fewer than the
    /// target, at hand and asked for.
    pub(super) fn ask(&mut self, cost: u16, least: u16) -> u16 {
        let missing = u32::from(self.target).saturating_sub(self.at_hand.saturating_add(self.asked));
        let ask = u32::from(cost.max(least)).max(missing).min(MOST) as u16;
        self.asked = self.asked.saturating_add(u32::from(ask));
        ask
    }

    /// A request that asked for so many has been answered, with a grant or without.
    pub(super) fn answered(&mut self, asked: u16) {
        self.asked = self.asked.saturating_sub(u32::from(asked));
    }

    /// Takes a grant in; the credits that count are added to those that can be taken.
    pub(super) fn grant(&mut self, granted: u16, credits: &Credits) {
        let counted = u32::from(granted).min(MOST.saturating_sub(self.at_hand));
        self.at_hand += counted;
        credits.semaphore.add_permits(counted as usize);
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[derive(Clone, Debug)]
    enum Act {
        Request { cost: u16, least: u16 },
        Abandoned { cost: u16 },
        Response { granted: u16 },
    }

    fn act() -> impl Strategy<Value = Act> {
        prop_oneof![
            3 => (1u16..40, 0u16..600).prop_map(|(cost, least)| Act::Request { cost, least }),
            1 => (1u16..40).prop_map(|cost| Act::Abandoned { cost }),
            3 => prop_oneof![0u16..100, Just(u16::MAX)].prop_map(|granted| Act::Response { granted }),
        ]
    }

    proptest! {
        #[test]
        fn never_more_is_spent_than_granted(acts in proptest::collection::vec(act(), 1..200)) {
            let credits = Credits::new();
            let mut ledger = Ledger::new(64);
            let (mut granted, mut spent) = (1u64, 0u64);
            let mut in_flight = Vec::new();
            for act in acts {
                match act {
                    Act::Request { cost, least } => {
                        let Ok(permit) = credits.semaphore.try_acquire_many(u32::from(cost)) else { continue };
                        permit.forget();
                        ledger.spend(u32::from(cost));
                        spent += u64::from(cost);
                        let ask = ledger.ask(cost, least);
                        prop_assert!(ask >= cost && ask >= least);
                        in_flight.push(ask);
                    }
                    // A caller that gave up between taking credits and sending.
                    Act::Abandoned { cost } => drop(credits.semaphore.try_acquire_many(u32::from(cost))),
                    Act::Response { granted: grant } => {
                        if let Some(asked) = in_flight.pop() {
                            ledger.answered(asked);
                        }
                        ledger.grant(grant, &credits);
                        granted += u64::from(grant);
                    }
                }
                prop_assert!(spent <= granted);
                prop_assert_eq!(credits.semaphore.available_permits(), ledger.at_hand() as usize);
                prop_assert!(ledger.at_hand() <= MOST);
            }
        }
    }

    #[test]
    fn a_poor_connection_asks_for_its_target_once() {
        let mut ledger = Ledger::new(64);
        ledger.spend(1);
        assert_eq!(ledger.ask(1, 1), 64);
        assert_eq!(ledger.ask(1, 1), 1);
        ledger.answered(64);
        assert_eq!(ledger.ask(2, 5), 63);
    }

    #[tokio::test]
    async fn those_who_wait_get_their_credits_in_order() {
        let credits = std::sync::Arc::new(Credits::new());
        let (done, mut order) = tokio::sync::mpsc::unbounded_channel();
        let mut waiters = Vec::new();
        for (name, cost) in [("large", 10), ("small", 1)] {
            let (credits, done) = (std::sync::Arc::clone(&credits), done.clone());
            waiters.push(tokio::spawn(async move {
                credits.take(cost).await.unwrap().forget();
                done.send(name).unwrap();
            }));
            tokio::task::yield_now().await;
        }
        Ledger::new(1).grant(10, &credits);
        assert_eq!(order.recv().await, Some("large"));
        assert_eq!(order.recv().await, Some("small"));
    }
}
