//! The eight ways in which a picture can lie, and how one follows another.

/// Mirrored from left to right first, if at all, and then turned clockwise.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Turn {
    pub mirrored: bool,
    /// Quarters of a full turn: 0 to 3.
    pub quarters: u8,
}

/// A part of a picture, in pixels.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Area {
    pub x: f64,
    pub y: f64,
    pub width: f64,
    pub height: f64,
}

impl Area {
    pub fn whole(size: (u32, u32)) -> Area {
        Area { x: 0.0, y: 0.0, width: f64::from(size.0), height: f64::from(size.1) }
    }
}

impl Turn {
    pub const NONE: Turn = Turn { mirrored: false, quarters: 0 };

    pub fn new(mirrored: bool, quarters: u8) -> Turn {
        Turn { mirrored, quarters: quarters % 4 }
    }

    /// What has to be done to a picture with this value of EXIF's `Orientation` to see it upright. Other values mean nothing.
    /// Source: EXIF 2.32, 4.6.4, A.
    pub fn of_exif(orientation: u8) -> Turn {
        match orientation {
            2 => Turn::new(true, 0),
            3 => Turn::new(false, 2),
            4 => Turn::new(true, 2),
            5 => Turn::new(true, 3),
            6 => Turn::new(false, 1),
            7 => Turn::new(true, 1),
            8 => Turn::new(false, 3),
            _ => Turn::NONE,
        }
    }

    /// This one, and then `next`.
    #[must_use]
    pub fn then(self, next: Turn) -> Turn {
        // To mirror what was turned is to turn what was mirrored, the other way around.
        let own = if next.mirrored { 4 - self.quarters } else { self.quarters };
        Turn::new(self.mirrored ^ next.mirrored, own + next.quarters)
    }

    /// What undoes it.
    #[must_use]
    pub fn back(self) -> Turn {
        if self.mirrored { self } else { Turn::new(false, 4 - self.quarters) }
    }

    /// Whether width becomes height.
    pub fn swaps(self) -> bool {
        self.quarters % 2 == 1
    }

    pub fn size(self, (width, height): (u32, u32)) -> (u32, u32) {
        if self.swaps() { (height, width) } else { (width, height) }
    }

    /// Where a pixel of a picture of this size comes to lie.
    pub fn point(self, (x, y): (u32, u32), (width, height): (u32, u32)) -> (u32, u32) {
        let x = if self.mirrored { width - 1 - x } else { x };
        match self.quarters {
            0 => (x, y),
            1 => (height - 1 - y, x),
            2 => (width - 1 - x, height - 1 - y),
            _ => (y, width - 1 - x),
        }
    }

    /// Where a part of a picture of this size comes to lie.
    pub fn area(self, area: Area, size: (u32, u32)) -> Area {
        let (mut all, mut area) = (Area::whole(size), area);
        if self.mirrored {
            area.x = all.width - area.x - area.width;
        }
        for _ in 0..self.quarters {
            area = Area { x: all.height - area.y - area.height, y: area.x, width: area.height, height: area.width };
            all = Area { width: all.height, height: all.width, ..all };
        }
        area
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn all() -> impl Iterator<Item = Turn> {
        [false, true].into_iter().flat_map(|mirrored| (0..4).map(move |quarters| Turn::new(mirrored, quarters)))
    }

    #[test]
    fn what_follows_is_what_both_do_to_every_corner() {
        let size = (7, 4);
        let corner = Area { x: 1.0, y: 0.0, width: 2.0, height: 1.0 };
        for first in all() {
            assert_eq!(first.then(first.back()), Turn::NONE, "{first:?}");
            for second in all() {
                let both = second.area(first.area(corner, size), first.size(size));
                assert_eq!(first.then(second).area(corner, size), both, "{first:?} {second:?}");
                assert_eq!(first.then(second).size(size), second.size(first.size(size)));
            }
            for (x, y) in [(0, 0), (6, 3), (2, 1)] {
                let pixel = Area { x: f64::from(x), y: f64::from(y), width: 1.0, height: 1.0 };
                let (area, point) = (first.area(pixel, size), first.point((x, y), size));
                assert_eq!((area.x, area.y), (f64::from(point.0), f64::from(point.1)), "{first:?}");
            }
        }
    }

    #[test]
    fn the_values_of_exif_are_where_the_standard_says_the_first_row_and_column_are() {
        // For each value, where the pixel of the first row and column is seen in a picture of 2 by 2: (x, y).
        let seen = [(0, 0), (1, 0), (1, 1), (0, 1), (0, 0), (1, 0), (1, 1), (0, 1)];
        for (value, (x, y)) in (1..=8).zip(seen) {
            let pixel = Area { x: 0.0, y: 0.0, width: 1.0, height: 1.0 };
            let area = Turn::of_exif(value).area(pixel, (2, 2));
            assert_eq!((area.x, area.y), (f64::from(x), f64::from(y)), "{value}");
            assert_eq!(Turn::of_exif(value).swaps(), value > 4, "{value}");
        }
        assert_eq!([0, 9, 255].map(Turn::of_exif), [Turn::NONE; 3]);
    }
}
