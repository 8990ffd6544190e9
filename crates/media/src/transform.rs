//! One image becomes another: what a worker does, as a plain function.

use bytes::Bytes;

use crate::error::Result;
use crate::parameters::Parameters;
use crate::pixels::Pixels;
use crate::{Format, colour, decode, encode, geometry, limits};

/// An image that was made.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Made {
    pub format: Format,
    pub width: u32,
    pub height: u32,
    pub bytes: Bytes,
}

/// What is behind an image that has to have something behind it, where nobody says.
const WHITE: [u8; 4] = [255; 4];
const NOTHING: [u8; 4] = [0; 4];

/// A pixel's blur as a standard deviation.
const SIGMA_OF_BLUR: f32 = 0.5;

/// Makes an image of these bytes.
///
/// Only for processes that have nothing to lose: the bytes are anybody's.
///
/// # Errors
/// When they are no image, or what is asked for cannot be made of it.
pub fn transform(bytes: &[u8], parameters: &Parameters) -> Result<Made> {
    let opened = decode::open(bytes)?;
    let (source, size, has_alpha, profile) = (opened.format, opened.size, opened.has_alpha, opened.profile.clone());
    let turn = geometry::turn(opened.turn, parameters);
    let plan = geometry::plan(turn.size(size), parameters)?;
    // Small images are turned faster than large ones.
    let back = turn.back();
    let area = back.area(plan.area, turn.size(size));
    let pixels = opened.decode()?.resized(area, back.size(plan.size), has_alpha)?.turned(turn);
    let pixels = match profile {
        Some(profile) => colour::to_srgb(pixels, &profile),
        None => pixels,
    };
    let format = format(source, plan.canvas.unwrap_or(plan.size), parameters);
    let pixels = finished(pixels, plan.canvas, format, parameters)?;
    let (width, height) = pixels.size();
    Ok(Made { format, width, height, bytes: encode::encode(pixels, format, parameters)?.into() })
}

/// What it is written as.
fn format(source: Format, (width, height): (u32, u32), parameters: &Parameters) -> Format {
    let pixels = u64::from(width) * u64::from(height);
    let fits = |format: &Format| *format != Format::Avif || pixels <= limits::AVIF_AUTO_PIXELS_MAX;
    let chosen = parameters.format.or_else(|| parameters.accepted.iter().copied().find(fits));
    chosen.unwrap_or(source)
}

/// Blurred, sharpened, and with what is to be behind it.
fn finished(pixels: Pixels, canvas: Option<(u32, u32)>, format: Format, parameters: &Parameters) -> Result<Pixels> {
    let pixels = match parameters.blur {
        0 => pixels,
        blur => pixels.blurred(f32::from(blur) * SIGMA_OF_BLUR)?,
    };
    let pixels = match parameters.sharpen {
        0 => pixels,
        sharpen => pixels.sharpened(f32::from(sharpen) / 100.0)?,
    };
    let pixels = pixels.slimmed();
    let shows = pixels.has_alpha() && (parameters.background.is_some() || !format.has_alpha());
    if canvas.is_none() && !shows {
        return Ok(pixels);
    }
    let usual = if format.has_alpha() { NOTHING } else { WHITE };
    let mut behind = parameters.background.unwrap_or(usual);
    if !format.has_alpha() {
        // What shows through it is white, as in a browser.
        let [red, green, blue, opacity] = behind;
        let [red, green, blue] = [red, green, blue].map(|colour| blended(colour, opacity));
        behind = [red, green, blue, u8::MAX];
    }
    let size = canvas.unwrap_or(pixels.size());
    Ok(pixels.placed(size, behind).slimmed())
}

fn blended(colour: u8, opacity: u8) -> u8 {
    ((u32::from(colour) * u32::from(opacity) + 255 * (255 - u32::from(opacity))) / 255) as u8
}
