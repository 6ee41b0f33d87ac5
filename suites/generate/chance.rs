//! Chance for the generator: one stream per task, so that a new task changes no other.

use weighbridge::units::{Draw, Seed};

/// The seed of the bundled suites: another one makes other tasks of the same kinds.
const SEED: Seed = Seed(20_260);

/// The stream of chance of one task.
pub struct Dice(Draw);

impl Dice {
    /// The stream of this task of this suite.
    pub fn new(suite: &str, task: &str) -> Self {
        Self(SEED.draw(suite, &[task]))
    }

    /// Uniform in `0..n`.
    pub fn index(&mut self, n: usize) -> usize {
        self.0.index(n)
    }

    /// Uniform in `low..=high`.
    pub fn between(&mut self, low: i64, high: i64) -> i64 {
        let span = usize::try_from(high - low + 1).expect("low is not above high");
        low + i64::try_from(self.0.index(span)).expect("within the span")
    }

    /// A multiple of `step` in `low..=high`, both multiples of it.
    pub fn multiple(&mut self, step: i64, low: i64, high: i64) -> i64 {
        step * self.between(low / step, high / step)
    }

    /// One of these.
    pub fn pick<T: Copy>(&mut self, from: &[T]) -> T {
        from[self.0.index(from.len())]
    }

    /// `N` different ones of these, in random order.
    pub fn some<T: Copy, const N: usize>(&mut self, from: &[T]) -> [T; N] {
        let deck = self.shuffled(from);
        std::array::from_fn(|i| deck[i])
    }

    /// Shuffles in place.
    pub fn shuffle<T>(&mut self, items: &mut [T]) {
        self.0.shuffle(items);
    }

    /// All of these, in random order.
    pub fn shuffled<T: Clone>(&mut self, items: &[T]) -> Vec<T> {
        let mut deck = items.to_vec();
        self.0.shuffle(&mut deck);
        deck
    }
}

/// First names, short and from many places.
pub const NAMES: [&str; 28] = [
    "Amara", "Bela", "Chidi", "Dara", "Elif", "Farid", "Greta", "Hiro", "Ines", "Jonas", "Kaya",
    "Lena", "Mateo", "Nadia", "Oskar", "Priya", "Quinn", "Rosa", "Samir", "Tove", "Uma", "Viktor",
    "Wanda", "Xenia", "Yusuf", "Zola", "Edda", "Milan",
];
