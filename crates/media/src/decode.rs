//! Bytes become pixels, within limits: sizes are looked at before anything of them is taken up.

use std::io::Cursor;

use image::codecs::gif::GifDecoder;
use image::codecs::png::PngDecoder;
use image::codecs::webp::WebPDecoder;
use image::metadata::Orientation;
use image::{ColorType, ImageDecoder, ImageError, Limits};
use zune_core::bytestream::ZCursor;
use zune_core::colorspace::ColorSpace;
use zune_core::options::DecoderOptions;
use zune_jpeg::JpegDecoder;
use zune_jpeg::errors::DecodeErrors;

use crate::error::{Error, Result};
use crate::pixels::Pixels;
use crate::turn::Turn;
use crate::{Format, limits};

/// An image whose head has been read.
pub struct Opened<'a> {
    pub format: Format,
    /// As it lies.
    pub size: (u32, u32),
    /// How it has to be turned.
    pub turn: Turn,
    /// Whether pixels may be transparent.
    pub has_alpha: bool,
    /// What its colours mean, where they are not those of sRGB.
    pub profile: Option<Vec<u8>>,
    decoder: Decoder<'a>,
}

enum Decoder<'a> {
    Jpeg(Box<JpegDecoder<ZCursor<&'a [u8]>>>),
    Other(Box<dyn ImageDecoder + 'a>),
}

/// Reads the head of an image.
///
/// # Errors
/// When it is none, or larger than what is taken.
pub fn open(bytes: &[u8]) -> Result<Opened<'_>> {
    match Format::of(bytes)? {
        Format::Jpeg => open_jpeg(bytes),
        format => open_other(bytes, format),
    }
}

impl Opened<'_> {
    /// The pixels, as they lie. Of an image that moves, the first that are seen.
    ///
    /// # Errors
    /// When they are not what the head says.
    pub fn decode(self) -> Result<Pixels> {
        let (width, height) = self.size;
        match self.decoder {
            Decoder::Jpeg(mut decoder) => {
                let data = decoder.decode().map_err(unreadable)?;
                let channels = decoder.output_colorspace().map_or(4, |colours| colours.num_components());
                Pixels::new(width, height, channels, data)
            }
            Decoder::Other(decoder) => read(decoder),
        }
    }
}

fn open_jpeg(bytes: &[u8]) -> Result<Opened<'_>> {
    let options = DecoderOptions::default()
        .set_strict_mode(false)
        .set_max_width(usize::from(u16::MAX))
        .set_max_height(usize::from(u16::MAX))
        .jpeg_set_max_scans(limits::JPEG_SCANS_MAX);
    let mut decoder = JpegDecoder::new_with_options(ZCursor::new(bytes), options);
    decoder.decode_headers().map_err(unreadable)?;
    let info = decoder.info().ok_or_else(|| Error::Malformed("it has no size".into()))?;
    let size = (u32::from(info.width), u32::from(info.height));
    // What is refined step by step is kept as coefficients of two bytes until the last step.
    let bytes_of_a_pixel = if info.sof.is_progressive() { 4 + 2 * u64::from(info.components) } else { 4 };
    check_size(size, bytes_of_a_pixel)?;
    let colours = match decoder.input_colorspace() {
        Some(ColorSpace::Luma) => ColorSpace::Luma,
        _ => ColorSpace::RGB,
    };
    decoder.set_options(decoder.options().jpeg_set_out_colorspace(colours));
    let orientation = decoder.exif().and_then(|exif| Orientation::from_exif_chunk(exif));
    let turn = turn(orientation);
    // A profile of four inks says nothing of what they have become.
    let profile = decoder.icc_profile().filter(|_| info.components <= 3);
    Ok(Opened {
        format: Format::Jpeg,
        size,
        turn,
        has_alpha: false,
        profile,
        decoder: Decoder::Jpeg(Box::new(decoder)),
    })
}

fn open_other(bytes: &[u8], format: Format) -> Result<Opened<'_>> {
    let (cursor, limits) = (Cursor::new(bytes), decoder_limits());
    let mut decoder: Box<dyn ImageDecoder + '_> = match format {
        Format::Png => Box::new(PngDecoder::with_limits(cursor, limits.clone()).map_err(malformed)?),
        Format::Gif => Box::new(GifDecoder::new(cursor).map_err(malformed)?),
        Format::Webp => Box::new(WebPDecoder::new(cursor).map_err(malformed)?),
        Format::Jpeg | Format::Avif => return Err(Error::inside("this kind of image has no reader here")),
    };
    let size = decoder.dimensions();
    check_size(size, u64::from(decoder.color_type().bytes_per_pixel()))?;
    decoder.set_limits(limits).map_err(malformed)?;
    // Whatever is wrong with what only tells of an image is no reason not to show it.
    let turn = turn(decoder.orientation().ok());
    let profile = decoder.icc_profile().ok().flatten();
    let has_alpha = decoder.color_type().has_alpha();
    Ok(Opened { format, size, turn, has_alpha, profile, decoder: Decoder::Other(decoder) })
}

fn decoder_limits() -> Limits {
    let mut limits = Limits::default();
    limits.max_alloc = Some(limits::DECODED_BYTES_MAX);
    limits
}

fn turn(orientation: Option<Orientation>) -> Turn {
    orientation.map_or(Turn::NONE, |orientation| Turn::of_exif(orientation.to_exif()))
}

/// Looks at a size before there are pixels.
fn check_size((width, height): (u32, u32), bytes_of_a_pixel: u64) -> Result<()> {
    let pixels = u64::from(width) * u64::from(height);
    if pixels == 0 {
        return Err(Error::Malformed(format!("it says that it has {width} by {height} pixels")));
    }
    if pixels > limits::PIXELS_MAX {
        let most = limits::PIXELS_MAX / 1_000_000;
        return Err(Error::TooLarge(format!(
            "the image has {width} by {height} pixels; at most {most} million are read"
        )));
    }
    let (bytes, most) = (pixels * bytes_of_a_pixel, limits::DECODED_BYTES_MAX);
    if bytes > most {
        return Err(Error::TooLarge(format!(
            "the image of {width} by {height} pixels takes {bytes} bytes of memory; at most {most} are given"
        )));
    }
    Ok(())
}

fn read(decoder: Box<dyn ImageDecoder + '_>) -> Result<Pixels> {
    let ((width, height), kind) = (decoder.dimensions(), decoder.color_type());
    let length = usize::try_from(decoder.total_bytes()).map_err(Error::inside)?;
    let mut data = vec![0; length];
    decoder.read_image_boxed(&mut data).map_err(malformed)?;
    let channels = usize::from(kind.channel_count());
    let data = match kind {
        ColorType::L8 | ColorType::La8 | ColorType::Rgb8 | ColorType::Rgba8 => data,
        ColorType::L16 | ColorType::La16 | ColorType::Rgb16 | ColorType::Rgba16 => narrowed(data),
        kind => return Err(Error::Unsupported(format!("pixels of the kind {kind:?} are not read"))),
    };
    Pixels::new(width, height, channels, data)
}

/// The more significant of each two bytes, rounded.
fn narrowed(mut data: Vec<u8>) -> Vec<u8> {
    let length = data.len() / 2;
    for at in 0..length {
        let wide = u16::from_ne_bytes([data[2 * at], data[2 * at + 1]]);
        data[at] = ((u32::from(wide) + 128) / 257) as u8;
    }
    data.truncate(length);
    data
}

fn unreadable(error: DecodeErrors) -> Error {
    match error {
        DecodeErrors::Unsupported(scheme) => Error::Unsupported(format!("this kind of JPEG is not read: {scheme:?}")),
        DecodeErrors::LargeDimensions(side) => Error::TooLarge(format!("a side of {side} pixels is not read")),
        error => Error::Malformed(one_line(&error.to_string())),
    }
}

fn malformed(error: ImageError) -> Error {
    match error {
        ImageError::Unsupported(error) => Error::Unsupported(one_line(&error.to_string())),
        ImageError::Limits(error) => Error::TooLarge(one_line(&error.to_string())),
        ImageError::IoError(error) if error.kind() == std::io::ErrorKind::UnexpectedEof => {
            Error::Malformed("it ends too early".into())
        }
        error => Error::Malformed(one_line(&error.to_string())),
    }
}

/// What a decoder says may quote what it has read.
fn one_line(text: &str) -> String {
    const MOST: usize = 200;
    text.chars().filter(|letter| !letter.is_control()).take(MOST).collect()
}
