//! Where labels go so that they do not lie on each other.

use super::canvas::Point;

/// A rectangle in pixels: left, top, right, bottom.
#[derive(Clone, Copy, Debug)]
pub(super) struct Zone {
    pub left: f64,
    pub top: f64,
    pub right: f64,
    pub bottom: f64,
}

impl Zone {
    /// Around a point.
    pub(super) fn around((x, y): Point, half_width: f64, half_height: f64) -> Self {
        Self {
            left: x - half_width,
            top: y - half_height,
            right: x + half_width,
            bottom: y + half_height,
        }
    }

    /// The area that two zones share.
    fn overlap(&self, other: &Self) -> f64 {
        let wide = self.right.min(other.right) - self.left.max(other.left);
        let high = self.bottom.min(other.bottom) - self.top.max(other.top);
        if wide > 0.0 && high > 0.0 { wide * high } else { 0.0 }
    }

    fn area(&self) -> f64 {
        (self.right - self.left) * (self.bottom - self.top)
    }
}

/// A place for a label.
#[derive(Clone, Copy, Debug)]
pub(super) struct LabelPlace {
    /// The middle of the label's box.
    pub centre: Point,
    /// Whether it lies so far from its point that a line must lead there.
    pub led: bool,
    /// How much it covers of what it should not; 0 for a free place.
    pub cost: f64,
}

/// Directions that are tried around a point, the best first: right, left, above, below, corners.
const DIRECTIONS: [(f64, f64); 8] = [
    (1.0, 0.0),
    (-1.0, 0.0),
    (0.0, -1.0),
    (0.0, 1.0),
    (0.8, -0.8),
    (0.8, 0.8),
    (-0.8, -0.8),
    (-0.8, 0.8),
];
/// Distances from the point's mark, pixels; from the second on with a leading line.
const DISTANCES: [f64; 4] = [9.0, 24.0, 40.0, 58.0];

/// The best place for a label of a given size near a point.
///
/// `solid` must not be covered (labels, marks), `soft` had better not be (whiskers, lines).
pub(super) fn place_label(
    point: Point,
    (width, height): (f64, f64),
    within: Zone,
    solid: &[Zone],
    soft: &[Zone],
) -> LabelPlace {
    let mut best: Option<LabelPlace> = None;
    for (far, distance) in DISTANCES.iter().enumerate() {
        for (turn, (dx, dy)) in DIRECTIONS.iter().enumerate() {
            let centre =
                (point.0 + dx * (distance + width / 2.0), point.1 + dy * (distance + height / 2.0));
            let zone = Zone::around(centre, width / 2.0, height / 2.0);
            let covered = |zones: &[Zone]| zones.iter().map(|z| zone.overlap(z)).sum::<f64>();
            let outside = zone.area() - zone.overlap(&within);
            let cost = 10.0 * covered(solid)
                + 8.0 * covered(soft)
                + 20.0 * outside
                + 90.0 * far as f64
                + 4.0 * turn as f64;
            if best.is_none_or(|b| cost < b.cost) {
                best = Some(LabelPlace { centre, led: far > 0, cost: 0.0 })
                    .map(|s| LabelPlace { cost, ..s });
            }
        }
    }
    best.expect("the first place beats none")
}

/// Moves labels apart on one axis: at least `gap` between neighbours, as near as may be to where
/// they want to be, within the bounds where they fit. Returns places in the order given.
pub(super) fn spread(wanted: &[f64], gap: f64, (low, high): (f64, f64)) -> Vec<f64> {
    let mut order: Vec<usize> = (0..wanted.len()).collect();
    order.sort_by(|a, b| wanted[*a].total_cmp(&wanted[*b]));
    let mut places = vec![0.0; wanted.len()];
    let mut next = f64::NEG_INFINITY;
    for i in &order {
        places[*i] = wanted[*i].max(low).max(next);
        next = places[*i] + gap;
    }
    let mut most = high;
    for i in order.iter().rev() {
        places[*i] = places[*i].min(most);
        most = places[*i] - gap;
    }
    places
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn labels_are_spread_and_keep_their_order() {
        let places = spread(&[50.0, 50.0, 52.0, 10.0], 10.0, (0.0, 60.0));
        assert_eq!(places, [40.0, 50.0, 60.0, 10.0]);
    }

    #[test]
    fn a_label_leaves_a_taken_place() {
        let page = Zone { left: 0.0, top: 0.0, right: 400.0, bottom: 400.0 };
        let free = place_label((100.0, 100.0), (60.0, 14.0), page, &[], &[]);
        assert!(free.centre.0 > 100.0 && !free.led);
        let taken = Zone::around(free.centre, 30.0, 7.0);
        let other = place_label((100.0, 100.0), (60.0, 14.0), page, &[taken], &[]);
        assert!(other.centre.0 < 100.0);
    }
}
