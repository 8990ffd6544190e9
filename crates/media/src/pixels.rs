//! Pixels in memory, and what is done to them. One byte for each channel: grey or red, green and blue, then opacity if there is any.

use fast_image_resize::images::{Image, ImageRef};
use fast_image_resize::{MulDiv, PixelType, ResizeOptions, Resizer};
use image::{RgbaImage, imageops};

use crate::error::{Error, Result};
use crate::turn::{Area, Turn};

/// An image in sRGB or shades of grey.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Pixels {
    pub width: u32,
    pub height: u32,
    /// 1 to 4.
    pub channels: usize,
    pub data: Vec<u8>,
}

/// How far from a pixel sharpening looks.
const SHARPEN_SIGMA: f32 = 1.0;

/// How much of what makes a pixel differ from those around it is added, at the most.
const SHARPEN_MOST: f32 = 2.0;

impl Pixels {
    /// # Errors
    /// When these are not the bytes of so many pixels.
    pub fn new(width: u32, height: u32, channels: usize, data: Vec<u8>) -> Result<Pixels> {
        let expected = (width as usize).checked_mul(height as usize).and_then(|pixels| pixels.checked_mul(channels));
        if expected != Some(data.len()) || data.is_empty() {
            return Err(Error::Malformed(format!("{} bytes are not {width} by {height} pixels", data.len())));
        }
        Ok(Pixels { width, height, channels, data })
    }

    pub fn size(&self) -> (u32, u32) {
        (self.width, self.height)
    }

    pub fn has_alpha(&self) -> bool {
        self.channels.is_multiple_of(2)
    }

    /// A part of it, in another size, by Lanczos's filter; it has opacity then. Colours are weighed by their opacity where it `varies`.
    ///
    /// # Errors
    /// When the part is not within it.
    pub fn resized(self, area: Area, size: (u32, u32), varies: bool) -> Result<Pixels> {
        let is_whole = area == Area::whole(self.size());
        if is_whole && size == self.size() {
            return Ok(self);
        }
        let image = self.with_alpha();
        let source = ImageRef::new(image.width, image.height, &image.data, PixelType::U8x4).map_err(Error::inside)?;
        let mut made = Image::new(size.0, size.1, PixelType::U8x4);
        let mut options = ResizeOptions::new().use_alpha(varies);
        if !is_whole {
            options = options.crop(area.x, area.y, area.width, area.height);
        }
        Resizer::new().resize(&source, &mut made, &options).map_err(Error::inside)?;
        Pixels::new(size.0, size.1, 4, made.into_vec())
    }

    /// The same in another position.
    pub fn turned(self, turn: Turn) -> Pixels {
        if turn == Turn::NONE {
            return self;
        }
        let (width, height) = turn.size(self.size());
        let back = turn.back();
        let (from_width, channels) = (self.width as usize, self.channels);
        let mut data = Vec::with_capacity(self.data.len());
        for y in 0..height {
            for x in 0..width {
                let (x, y) = back.point((x, y), (width, height));
                let at = (y as usize * from_width + x as usize) * channels;
                data.extend_from_slice(self.data.get(at..at + channels).unwrap_or_default());
            }
        }
        Pixels { width, height, data, ..self }
    }

    /// With red, green and blue, whatever it had, and opacity where it had that.
    pub fn coloured(self) -> Pixels {
        let data = match self.channels {
            1 => self.data.iter().flat_map(|grey| [*grey; 3]).collect(),
            2 => self.data.chunks_exact(2).flat_map(|pixel| [pixel[0], pixel[0], pixel[0], pixel[1]]).collect(),
            _ => return self,
        };
        Pixels { channels: self.channels + 2, data, ..self }
    }

    /// With red, green, blue and opacity.
    pub fn with_alpha(self) -> Pixels {
        let coloured = self.coloured();
        if coloured.has_alpha() {
            return coloured;
        }
        let data = coloured.data.chunks_exact(3).flat_map(|pixel| [pixel[0], pixel[1], pixel[2], u8::MAX]).collect();
        Pixels { channels: 4, data, ..coloured }
    }

    /// Without opacity where every pixel is opaque, and then without colours where every pixel is grey.
    pub fn slimmed(self) -> Pixels {
        let opaque = match self.channels {
            4 if self.data.chunks_exact(4).all(|pixel| pixel[3] == u8::MAX) => {
                let data = self.data.chunks_exact(4).flat_map(|pixel| [pixel[0], pixel[1], pixel[2]]).collect();
                Pixels { channels: 3, data, ..self }
            }
            _ => self,
        };
        let is_grey = |pixel: &[u8]| pixel[0] == pixel[1] && pixel[1] == pixel[2];
        if opaque.channels == 3 && opaque.data.chunks_exact(3).all(is_grey) {
            let data = opaque.data.iter().copied().step_by(3).collect();
            return Pixels { channels: 1, data, ..opaque };
        }
        opaque
    }

    /// On this colour, of `canvas`'s size, in its middle.
    pub fn placed(self, canvas: (u32, u32), colour: [u8; 4]) -> Pixels {
        let image = self.with_alpha();
        let (left, top) = ((canvas.0 - image.width.min(canvas.0)) / 2, (canvas.1 - image.height.min(canvas.1)) / 2);
        let pixels = canvas.0 as usize * canvas.1 as usize;
        let mut data = colour.repeat(pixels);
        let (row, wide) = (image.width as usize * 4, canvas.0 as usize * 4);
        let places = data.chunks_exact_mut(wide).skip(top as usize);
        for (place, source) in places.zip(image.data.chunks_exact(row)) {
            let place = place.get_mut(left as usize * 4..).unwrap_or_default();
            for (under, over) in place.chunks_exact_mut(4).zip(source.chunks_exact(4)) {
                let blended = over_colour([over[0], over[1], over[2], over[3]], colour);
                under.copy_from_slice(&blended);
            }
        }
        Pixels { width: canvas.0, height: canvas.1, channels: 4, data }
    }

    /// Spread over the pixels around.
    ///
    /// # Errors
    /// None that should be.
    pub fn blurred(self, sigma: f32) -> Result<Pixels> {
        let mut image = self.with_alpha();
        image.weigh(true)?;
        let Pixels { width, height, channels, data } = image;
        let lost = || Error::Internal("pixels have another size than they say".into());
        let spread = imageops::fast_blur(&RgbaImage::from_raw(width, height, data).ok_or_else(lost)?, sigma);
        let mut blurred = Pixels::new(width, height, channels, spread.into_raw())?;
        blurred.weigh(false)?;
        Ok(blurred)
    }

    /// With differences between neighbours made larger; `amount` is 0 to 1.
    ///
    /// # Errors
    /// As of [`Pixels::blurred`].
    pub fn sharpened(self, amount: f32) -> Result<Pixels> {
        let mut sharp = self.with_alpha();
        let around = sharp.clone().blurred(SHARPEN_SIGMA)?;
        let by = amount * SHARPEN_MOST;
        for (pixel, around) in sharp.data.chunks_exact_mut(4).zip(around.data.chunks_exact(4)) {
            for (value, around) in pixel.iter_mut().zip(around).take(3) {
                let (own, around) = (f32::from(*value), f32::from(*around));
                *value = (own + (own - around) * by).round().clamp(0.0, 255.0) as u8;
            }
        }
        Ok(sharp)
    }

    /// Multiplies colours with their opacity, or divides them by it.
    fn weigh(&mut self, multiply: bool) -> Result<()> {
        let image = Image::from_slice_u8(self.width, self.height, &mut self.data, PixelType::U8x4);
        let (mut image, weigher) = (image.map_err(Error::inside)?, MulDiv::new());
        let weighed = if multiply {
            weigher.multiply_alpha_inplace(&mut image)
        } else {
            weigher.divide_alpha_inplace(&mut image)
        };
        weighed.map_err(Error::inside)
    }
}

impl Error {
    /// What should not be.
    pub(crate) fn inside(error: impl std::fmt::Display) -> Error {
        Error::Internal(error.to_string())
    }
}

/// One colour on another, neither weighed by its opacity.
fn over_colour(over: [u8; 4], under: [u8; 4]) -> [u8; 4] {
    let [own, below] = [over[3], under[3]].map(u32::from);
    if own == 255 || below == 0 && own > 0 {
        return over;
    }
    if own == 0 {
        return under;
    }
    let below = below * (255 - own) / 255;
    let both = own + below;
    let mix = |over: u8, under: u8| ((u32::from(over) * own + u32::from(under) * below + both / 2) / both) as u8;
    [mix(over[0], under[0]), mix(over[1], under[1]), mix(over[2], under[2]), both as u8]
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Six pixels, each its number.
    fn numbered() -> Pixels {
        Pixels::new(3, 2, 1, vec![1, 2, 3, 4, 5, 6]).unwrap()
    }

    #[test]
    fn turns_put_every_pixel_where_it_belongs() {
        assert_eq!(numbered().turned(Turn::new(false, 1)), Pixels::new(2, 3, 1, vec![4, 1, 5, 2, 6, 3]).unwrap());
        assert_eq!(numbered().turned(Turn::new(true, 0)), Pixels::new(3, 2, 1, vec![3, 2, 1, 6, 5, 4]).unwrap());
        // EXIF's 5 swaps rows and columns.
        assert_eq!(numbered().turned(Turn::of_exif(5)), Pixels::new(2, 3, 1, vec![1, 4, 2, 5, 3, 6]).unwrap());
    }

    #[test]
    fn transparent_pixels_do_not_colour_others() {
        let half = Pixels::new(2, 1, 4, vec![255, 0, 0, 255, 0, 255, 0, 0]).unwrap();
        let small = half.clone().resized(Area::whole((2, 1)), (1, 1), true).unwrap();
        assert!(small.data[0] > 250 && small.data[1] < 5, "{small:?}");
        let blurred = half.blurred(1.0).unwrap();
        assert!(blurred.data[0] > 240 && blurred.data[1] < 10, "{blurred:?}");
    }

    #[test]
    fn what_is_placed_lies_in_the_middle_on_its_colour() {
        let dot = Pixels::new(1, 1, 2, vec![0, 128]).unwrap();
        let placed = dot.placed((3, 1), [255, 255, 255, 255]);
        assert_eq!(placed.data, [255, 255, 255, 255, 127, 127, 127, 255, 255, 255, 255, 255]);
        assert_eq!(placed.slimmed(), Pixels::new(3, 1, 1, vec![255, 127, 255]).unwrap());
        assert_eq!(over_colour([1, 2, 3, 0], [9, 9, 9, 0]), [9, 9, 9, 0]);
    }

    #[test]
    fn sharpening_spreads_neighbours_apart_and_leaves_what_is_even() {
        let even = Pixels::new(4, 4, 1, vec![100; 16]).unwrap();
        assert_eq!(even.clone().sharpened(1.0).unwrap().slimmed(), even);
        let step = Pixels::new(4, 1, 1, vec![50, 50, 200, 200]).unwrap().sharpened(0.5).unwrap();
        let step = step.slimmed().data;
        assert!(step[1] < 50 && step[2] > 200, "{step:?}");
    }

    #[test]
    fn sizes_are_checked() {
        assert!(Pixels::new(2, 2, 3, vec![0; 11]).is_err());
        assert!(Pixels::new(u32::MAX, u32::MAX, 4, vec![0; 4]).is_err());
    }
}
