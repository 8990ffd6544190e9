//! Which part of an image is used, how large it becomes, and where it lies: from sizes and parameters alone.

use crate::error::{Error, Result};
use crate::limits;
use crate::parameters::{Fit, Flip, Focus, Parameters, Part};
use crate::turn::{Area, Turn};

/// What is done to the pixels of an image that is seen upright.
#[derive(Clone, Debug, PartialEq)]
pub struct Plan {
    /// What of it is used.
    pub area: Area,
    /// The size that this gets.
    pub size: (u32, u32),
    /// The size of what it is put on the middle of, where that is more.
    pub canvas: Option<(u32, u32)>,
}

/// How an image has to be turned: as EXIF or who asked says that it lies, then flipped, then rotated.
pub fn turn(exif: Turn, parameters: &Parameters) -> Turn {
    let upright = parameters.orientation.map_or(exif, Turn::of_exif);
    let Flip { horizontal, vertical } = parameters.flip;
    let flipped = match (horizontal, vertical) {
        (false, false) => Turn::NONE,
        (true, false) => Turn::new(true, 0),
        (false, true) => Turn::new(true, 2),
        (true, true) => Turn::new(false, 2),
    };
    upright.then(flipped).then(Turn::new(false, parameters.quarters))
}

/// What becomes of an image of `size`, as it is seen once it is turned.
///
/// # Errors
/// When there would be nothing, or too much.
pub fn plan(size: (u32, u32), parameters: &Parameters) -> Result<Plan> {
    let used = match parameters.part {
        Some(part) => clipped(part, size)?,
        None => Area::whole(size),
    };
    let plan = fitted(used, wanted(parameters), parameters);
    let (width, height) = plan.canvas.unwrap_or(plan.size);
    let pixels = u64::from(width) * u64::from(height);
    if width > limits::SIDE_MAX || height > limits::SIDE_MAX || pixels > limits::OUTPUT_PIXELS_MAX {
        let (side, most) = (limits::SIDE_MAX, limits::OUTPUT_PIXELS_MAX / 1_000_000);
        return Err(Error::TooLarge(format!(
            "the image would be {width} by {height} pixels; at most {side} on a side and {most} million together are made: ask for less with w or h"
        )));
    }
    Ok(plan)
}

/// The part, as far as there is an image.
fn clipped(part: Part, (width, height): (u32, u32)) -> Result<Area> {
    let (right, bottom) =
        (part.x.saturating_add(part.width).min(width), part.y.saturating_add(part.height).min(height));
    if right <= part.x || bottom <= part.y {
        let Part { x, y, .. } = part;
        return Err(Error::Impossible(format!("rect begins at {x},{y}: the image has {width} by {height} pixels")));
    }
    let [x, y, right, bottom] = [part.x, part.y, right, bottom].map(f64::from);
    Ok(Area { x, y, width: right - x, height: bottom - y })
}

/// Width and height that are asked for, in pixels of what is made.
fn wanted(parameters: &Parameters) -> (Option<f64>, Option<f64>) {
    let pixels = |side: Option<u32>| side.map(|side| f64::from(side) * parameters.density);
    match (pixels(parameters.width), pixels(parameters.height), parameters.aspect) {
        (Some(width), None, Some(aspect)) => (Some(width), Some(width / aspect)),
        (None, Some(height), Some(aspect)) => (Some(height * aspect), Some(height)),
        (width, height, _) => (width, height),
    }
}

fn fitted(used: Area, wanted: (Option<f64>, Option<f64>), parameters: &Parameters) -> Plan {
    let (fit, focus) = (parameters.fit, parameters.focus);
    let whole = |scale: f64| Plan { area: used, size: rounded(used.width * scale, used.height * scale), canvas: None };
    let kept = |scale: f64| if grows(fit) { scale } else { scale.min(1.0) };
    let (width, height) = match (wanted, parameters.aspect) {
        ((Some(width), Some(height)), _) => (width, height),
        ((Some(width), None), _) => return whole(kept(width / used.width)),
        ((None, Some(height)), _) => return whole(kept(height / used.height)),
        ((None, None), Some(aspect)) if crops(fit) => {
            let area = cropped(used, aspect, focus);
            return Plan { area, size: rounded(area.width, area.height), canvas: None };
        }
        ((None, None), _) => return whole(1.0),
    };
    let (least, most) = {
        let (across, down) = (width / used.width, height / used.height);
        (across.min(down), across.max(down))
    };
    match fit {
        Fit::Inside | Fit::Shrink => whole(kept(least)),
        Fit::Outside => whole(most),
        Fit::Stretch => Plan { area: used, size: rounded(width, height), canvas: None },
        Fit::Pad | Fit::PadShrink => {
            let (canvas, plan) = (rounded(width, height), whole(kept(least)));
            let size = (plan.size.0.min(canvas.0), plan.size.1.min(canvas.1));
            Plan { size, canvas: Some(canvas), ..plan }
        }
        Fit::Cover | Fit::CoverShrink => {
            let area = cropped(used, width / height, focus);
            let scale = if grows(fit) { 1.0 } else { (area.width / width).min(1.0) };
            Plan { area, size: rounded(width * scale, height * scale), canvas: None }
        }
    }
}

fn grows(fit: Fit) -> bool {
    !matches!(fit, Fit::Shrink | Fit::CoverShrink | Fit::PadShrink)
}

fn crops(fit: Fit) -> bool {
    matches!(fit, Fit::Cover | Fit::CoverShrink)
}

/// The largest part with these proportions, where the focus is.
fn cropped(used: Area, aspect: f64, focus: Focus) -> Area {
    let zoom = if let Focus::Point { zoom, .. } = focus { zoom } else { 1.0 };
    let width = used.width.min(used.height * aspect);
    let (width, height) = (width / zoom, width / aspect / zoom);
    // Less than a pixel is none.
    let (width, height) = (width.max(1.0).min(used.width), height.max(1.0).min(used.height));
    let (left, top) = (used.width - width, used.height - height);
    let (x, y) = match focus {
        Focus::Side { x, y } => (left * x, top * y),
        Focus::Point { x, y, .. } => (
            (used.width * x - width / 2.0).clamp(0.0, left.max(0.0)),
            (used.height * y - height / 2.0).clamp(0.0, top.max(0.0)),
        ),
    };
    Area { x: used.x + x, y: used.y + y, width, height }
}

/// At least one pixel; what is far too much stays so.
fn rounded(width: f64, height: f64) -> (u32, u32) {
    let whole = |side: f64| side.round().clamp(1.0, f64::from(u32::MAX)) as u32;
    (whole(width), whole(height))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn planned(size: (u32, u32), query: &str) -> Plan {
        plan(size, &Parameters::of_query(query).unwrap().unwrap_or_default()).unwrap()
    }

    #[test]
    fn fits_give_the_sizes_that_their_names_promise() {
        for (query, size) in [
            ("", (400, 200)),
            ("w=100", (100, 50)),
            ("h=100", (200, 100)),
            ("w=100&h=100", (100, 50)),
            ("w=800&h=800", (800, 400)),
            ("w=800&fit=max", (400, 200)),
            ("w=100&h=100&fit=outside", (200, 100)),
            ("w=100&h=100&fit=scale", (100, 100)),
            ("w=100&h=100&fit=crop", (100, 100)),
            ("w=800&h=800&fit=min", (200, 200)),
            ("w=100&ar=1:1&fit=crop", (100, 100)),
            ("ar=1:1&fit=crop", (200, 200)),
            ("ar=1:1", (400, 200)),
            ("w=100&dpr=2", (200, 100)),
            ("w=1&h=1", (1, 1)),
        ] {
            assert_eq!(planned((400, 200), query).size, size, "{query}");
            assert_eq!(planned((400, 200), query).canvas, None, "{query}");
        }
        let padded = planned((400, 200), "w=800&h=800&fit=fillmax");
        assert_eq!((padded.size, padded.canvas), ((400, 200), Some((800, 800))));
        let padded = planned((400, 200), "w=800&h=800&fit=fill");
        assert_eq!((padded.size, padded.canvas), ((800, 400), Some((800, 800))));
    }

    #[test]
    fn what_is_cropped_is_what_the_focus_is_not_at() {
        let area = |query: &str| planned((400, 200), query).area;
        let square = |x, width| Area { x, y: (200.0 - width) / 2.0, width, height: width };
        assert_eq!(area("w=9&h=9&fit=crop"), square(100.0, 200.0));
        assert_eq!(area("w=9&h=9&fit=crop&crop=left"), square(0.0, 200.0));
        assert_eq!(area("w=9&h=9&fit=crop&crop=bottom,right"), square(200.0, 200.0));
        assert_eq!(area("w=9&h=9&fit=crop&fp-x=0.4"), square(60.0, 200.0));
        assert_eq!(area("w=9&h=9&fit=crop&fp-x=1"), square(200.0, 200.0));
        assert_eq!(area("w=9&h=9&fit=crop&fp-x=0.5&fp-z=2"), square(150.0, 100.0));
        assert_eq!(area("rect=10,20,1000,50"), Area { x: 10.0, y: 20.0, width: 390.0, height: 50.0 });
    }

    #[test]
    fn what_cannot_be_is_refused() {
        let refused = |query: &str| plan((400, 10), &Parameters::of_query(query).unwrap().unwrap()).unwrap_err();
        assert!(matches!(refused("rect=400,0,1,1"), Error::Impossible(_)));
        assert!(matches!(refused("h=8192"), Error::TooLarge(_)));
        assert!(matches!(refused("w=8192&h=8192&fit=scale"), Error::TooLarge(_)));
    }

    #[test]
    fn turns_follow_each_other_as_they_are_written() {
        let of = |query: &str| Parameters::of_query(query).unwrap().unwrap();
        assert_eq!(turn(Turn::of_exif(6), &of("rot=270")), Turn::NONE);
        assert_eq!(turn(Turn::of_exif(6), &of("orient=1")), Turn::NONE);
        assert_eq!(turn(Turn::NONE, &of("flip=hv")), turn(Turn::NONE, &of("rot=180")));
        // Mirrored, then turned.
        assert_eq!(turn(Turn::NONE, &of("flip=h&rot=90")), Turn::new(true, 1));
    }

    proptest! {
        #[test]
        fn whatever_is_asked_for_lies_within_the_image(
            size in (1u32..=65_535, 1u32..=65_535),
            width in proptest::option::of(1u32..=8192), height in proptest::option::of(1u32..=8192),
            aspect in proptest::option::of(0.001f64..=1000.0), density in 0.5f64..=8.0,
            fit in 0usize..8, x in 0.0f64..=1.0, y in 0.0f64..=1.0, zoom in proptest::option::of(1.0f64..=100.0),
        ) {
            let fit = [Fit::Inside, Fit::Shrink, Fit::Cover, Fit::CoverShrink, Fit::Pad, Fit::PadShrink, Fit::Outside, Fit::Stretch][fit];
            let focus = zoom.map_or(Focus::Side { x, y }, |zoom| Focus::Point { x, y, zoom });
            let parameters = Parameters { width, height, aspect, density, fit, focus, ..Parameters::default() };
            if let Ok(plan) = plan(size, &parameters) {
                let Area { x, y, width, height } = plan.area;
                prop_assert!(x >= 0.0 && y >= 0.0 && width >= 1.0 && height >= 1.0, "{plan:?}");
                prop_assert!(x + width <= f64::from(size.0) + 0.001 && y + height <= f64::from(size.1) + 0.001, "{plan:?}");
                prop_assert!(plan.size.0 >= 1 && plan.size.1 >= 1);
                if let Some(canvas) = plan.canvas {
                    prop_assert!(plan.size.0 <= canvas.0 && plan.size.1 <= canvas.1, "{plan:?}");
                }
            }
        }
    }
}
