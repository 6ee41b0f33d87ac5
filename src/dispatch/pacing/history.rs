//! What was sent a moment ago, for limits that become known afterwards.

use std::collections::VecDeque;

use super::{TokenUse, Total};
use crate::units::Stamp;

/// What was sent in the last minute, by the second.
#[derive(Clone, Debug, Default)]
pub(super) struct History(VecDeque<Slot>);

#[derive(Clone, Copy, Debug)]
struct Slot {
    second: u64,
    last: Stamp,
    total: Total,
}

impl History {
    const SECONDS: u64 = 60;

    /// Something was sent.
    pub fn leave(&mut self, at: Stamp, taken: TokenUse) {
        let second = at.as_nanos() / 1_000_000_000;
        while self.0.front().is_some_and(|slot| slot.second + Self::SECONDS < second) {
            self.0.pop_front();
        }
        match self.0.back_mut() {
            Some(slot) if slot.second == second => {
                slot.last = at;
                slot.total.requests += 1;
                slot.total.taken = slot.total.taken.plus(taken);
            }
            _ => self.0.push_back(Slot { second, last: at, total: Total { requests: 1, taken } }),
        }
    }

    /// What was sent in each second, with the time of its last.
    pub fn slots(&self) -> impl Iterator<Item = (Stamp, Total)> {
        self.0.iter().map(|slot| (slot.last, slot.total))
    }
}
