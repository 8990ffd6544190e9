//! Pixels become bytes, without anything that tells of them.

use image::codecs::gif::GifEncoder;
use image::codecs::png::{CompressionType, FilterType, PngEncoder};
use image::{ExtendedColorType, ImageEncoder};
use jpeg_encoder::SamplingFactor;

use crate::Format;
use crate::error::{Error, Result};
use crate::parameters::Parameters;
use crate::pixels::Pixels;

/// From this quality on, colours are as fine as brightness.
const FINE_COLOURS_FROM: u8 = 90;

/// Qualities where nobody says: what looks about the same in each format.
const QUALITY: u8 = 75;
#[cfg(feature = "avif")]
const QUALITY_OF_AVIF: u8 = 60;
/// The same for whom size counts more.
const QUALITY_COMPRESSED: u8 = 55;

/// How much time libwebp takes: 0 to 6.
const WEBP_METHOD: i32 = 4;

/// How little time an AVIF takes: 1 to 10.
#[cfg(feature = "avif")]
const AVIF_SPEED: u8 = 9;

/// Pixels as an image of this kind.
///
/// # Errors
/// When an encoder refuses them.
pub fn encode(pixels: Pixels, format: Format, parameters: &Parameters) -> Result<Vec<u8>> {
    match format {
        Format::Jpeg => jpeg(&pixels, parameters),
        Format::Png => png(&pixels),
        Format::Webp => webp(pixels.coloured(), parameters),
        Format::Gif => gif(pixels.with_alpha()),
        #[cfg(feature = "avif")]
        Format::Avif => avif(&pixels.coloured(), parameters),
        #[cfg(not(feature = "avif"))]
        Format::Avif => Err(Error::Unsupported("AVIF is not built in".into())),
    }
}

fn quality(parameters: &Parameters, usual: u8) -> u8 {
    parameters.quality.unwrap_or(if parameters.compress { QUALITY_COMPRESSED } else { usual })
}

fn jpeg(pixels: &Pixels, parameters: &Parameters) -> Result<Vec<u8>> {
    let quality = quality(parameters, QUALITY);
    let side = |side: u32| u16::try_from(side).map_err(Error::inside);
    let (width, height) = (side(pixels.width)?, side(pixels.height)?);
    let kind = if pixels.channels == 1 { jpeg_encoder::ColorType::Luma } else { jpeg_encoder::ColorType::Rgb };
    let mut bytes = Vec::new();
    let mut encoder = jpeg_encoder::Encoder::new(&mut bytes, quality);
    encoder.set_sampling_factor(if quality >= FINE_COLOURS_FROM {
        SamplingFactor::F_1_1
    } else {
        SamplingFactor::F_2_2
    });
    encoder.set_optimized_huffman_tables(true);
    encoder.set_progressive(parameters.progressive);
    encoder.encode(&pixels.data, width, height, kind).map_err(Error::inside)?;
    Ok(bytes)
}

fn png(pixels: &Pixels) -> Result<Vec<u8>> {
    let mut bytes = Vec::new();
    let kind = match pixels.channels {
        1 => ExtendedColorType::L8,
        2 => ExtendedColorType::La8,
        3 => ExtendedColorType::Rgb8,
        _ => ExtendedColorType::Rgba8,
    };
    let encoder = PngEncoder::new_with_quality(&mut bytes, CompressionType::Default, FilterType::Adaptive);
    encoder.write_image(&pixels.data, pixels.width, pixels.height, kind).map_err(Error::inside)?;
    Ok(bytes)
}

fn webp(pixels: Pixels, parameters: &Parameters) -> Result<Vec<u8>> {
    let mut config = webp::WebPConfig::new().map_err(|()| Error::inside("libwebp does not configure itself"))?;
    config.quality = f32::from(quality(parameters, QUALITY));
    config.lossless = i32::from(parameters.lossless);
    config.method = WEBP_METHOD;
    let encoder = if pixels.has_alpha() {
        webp::Encoder::from_rgba(&pixels.data, pixels.width, pixels.height)
    } else {
        webp::Encoder::from_rgb(&pixels.data, pixels.width, pixels.height)
    };
    let bytes = encoder.encode_advanced(&config).map_err(|error| Error::inside(format!("{error:?}")))?;
    Ok(bytes.to_vec())
}

fn gif(pixels: Pixels) -> Result<Vec<u8>> {
    let mut bytes = Vec::new();
    let mut encoder = GifEncoder::new(&mut bytes);
    encoder.encode(&pixels.data, pixels.width, pixels.height, ExtendedColorType::Rgba8).map_err(Error::inside)?;
    drop(encoder);
    Ok(bytes)
}

#[cfg(feature = "avif")]
fn avif(pixels: &Pixels, parameters: &Parameters) -> Result<Vec<u8>> {
    use rgb::{RGB8, RGBA8};

    let quality = f32::from(quality(parameters, QUALITY_OF_AVIF));
    let encoder = ravif::Encoder::new()
        .with_quality(quality)
        .with_alpha_quality(quality)
        .with_speed(AVIF_SPEED)
        .with_bit_depth(ravif::BitDepth::Eight)
        .with_num_threads(Some(1));
    let (width, height) = (pixels.width as usize, pixels.height as usize);
    let encoded = if pixels.has_alpha() {
        let colours: Vec<RGBA8> = pixels.data.chunks_exact(4).map(|p| RGBA8::new(p[0], p[1], p[2], p[3])).collect();
        encoder.encode_rgba(ravif::Img::new(&colours, width, height))
    } else {
        let colours: Vec<RGB8> = pixels.data.chunks_exact(3).map(|p| RGB8::new(p[0], p[1], p[2])).collect();
        encoder.encode_rgb(ravif::Img::new(&colours, width, height))
    };
    Ok(encoded.map_err(Error::inside)?.avif_file)
}
