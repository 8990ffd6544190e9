//! What becomes of images, pixel by pixel: sizes, orientations, colours, formats.
#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::io::Cursor;

use image::{DynamicImage, GenericImageView as _, ImageFormat, Rgba, RgbaImage};
use media::{Error, Format, Parameters};

/// Four quarters of 20 by 10 pixels each: red, green, blue, white.
fn quarters() -> DynamicImage {
    let colours = [[255, 0, 0, 255], [0, 255, 0, 255], [0, 0, 255, 255], [255, 255, 255, 255]];
    let quarter = |x, y| usize::from(x >= 20) + 2 * usize::from(y >= 10);
    RgbaImage::from_fn(40, 20, |x, y| Rgba(colours[quarter(x, y)])).into()
}

fn encoded(image: &DynamicImage, format: ImageFormat) -> Vec<u8> {
    let mut bytes = Cursor::new(Vec::new());
    let image = if format == ImageFormat::Jpeg { DynamicImage::from(image.to_rgb8()) } else { image.clone() };
    image.write_to(&mut bytes, format).unwrap();
    bytes.into_inner()
}

fn png() -> Vec<u8> {
    encoded(&quarters(), ImageFormat::Png)
}

fn made(bytes: &[u8], query: &str) -> (Format, DynamicImage) {
    let parameters = Parameters::of_query(query).unwrap().unwrap_or_default();
    let made = media::transform(bytes, &parameters).unwrap();
    assert_eq!(Format::of(&made.bytes).unwrap(), made.format, "{query}");
    let image = image::load_from_memory(&made.bytes).unwrap();
    assert_eq!(image.dimensions(), (made.width, made.height), "{query}");
    (made.format, image)
}

/// The names of the colours at four corners, row by row.
fn corners(image: &DynamicImage) -> String {
    let (right, bottom) = (image.width() - 1, image.height() - 1);
    let name = |(x, y)| match image.get_pixel(x, y).0.map(|value| value > 128) {
        [true, false, false, true] => 'r',
        [false, true, false, true] => 'g',
        [false, false, true, true] => 'b',
        [true, true, true, true] => 'w',
        [_, _, _, false] => '-',
        _ => '?',
    };
    [(0, 0), (right, 0), (0, bottom), (right, bottom)].into_iter().map(name).collect()
}

/// A JPEG with EXIF that says how it lies.
fn lying(orientation: u8) -> Vec<u8> {
    let plain = encoded(&quarters(), ImageFormat::Jpeg);
    let mut exif = b"Exif\0\0MM\0\x2A\0\0\0\x08\0\x01\x01\x12\0\x03\0\0\0\x01\0".to_vec();
    exif.extend([orientation, 0, 0, 0, 0, 0, 0]);
    let mut bytes = plain[..2].to_vec();
    bytes.extend([0xFF, 0xE1]);
    bytes.extend(u16::try_from(exif.len() + 2).unwrap().to_be_bytes());
    bytes.extend(exif);
    bytes.extend(&plain[2..]);
    bytes
}

#[test]
fn sizes_and_formats_are_those_that_are_asked_for() {
    for format in [ImageFormat::Png, ImageFormat::Jpeg, ImageFormat::WebP, ImageFormat::Gif] {
        let bytes = encoded(&quarters(), format);
        for (query, size) in [("w=20", (20, 10)), ("w=10&h=10&fit=crop", (10, 10)), ("w=80&dpr=2", (160, 80))] {
            for (name, kind) in [
                ("png", Format::Png),
                ("jpg", Format::Jpeg),
                ("pjpg", Format::Jpeg),
                ("webp", Format::Webp),
                ("gif", Format::Gif),
            ] {
                let (made, image) = made(&bytes, &format!("{query}&fm={name}"));
                assert_eq!((made, image.dimensions()), (kind, size), "{format:?} {query} {name}");
            }
        }
    }
    assert_eq!(made(&encoded(&quarters(), ImageFormat::WebP), "w=20").0, Format::Webp);
    assert_eq!(made(&encoded(&quarters(), ImageFormat::Gif), "w=20").0, Format::Gif);
}

#[test]
fn images_lie_as_exif_says_and_as_is_asked() {
    let as_seen = ["rgbw", "grwb", "wbgr", "bwrg", "rbgw", "brwg", "wgbr", "gwrb"];
    for (orientation, seen) in (1..=8).zip(as_seen) {
        let (_, image) = made(&lying(orientation), "fm=png");
        assert_eq!(corners(&image), seen, "{orientation}");
        assert_eq!(image.width() > image.height(), orientation < 5, "{orientation}");
        // A part is a part of what is seen.
        let (_, part) = made(&lying(orientation), "rect=0,0,5,5&fm=png");
        assert_eq!(corners(&part).chars().next(), seen.chars().next(), "{orientation}");
        let (_, small) = made(&lying(orientation), "w=8&h=8&fit=scale&fm=png");
        assert_eq!(corners(&small), seen, "{orientation}");
    }
    for (query, seen) in [("rot=90", "brwg"), ("flip=h", "grwb"), ("flip=v&rot=180", "grwb"), ("orient=8", "gwrb")] {
        assert_eq!(corners(&made(&png(), query).1), seen, "{query}");
    }
}

#[test]
fn what_is_cut_off_is_what_the_gravity_leaves() {
    for (query, seen) in [
        ("w=10&h=10&fit=crop&crop=left", "rrbb"),
        ("w=10&h=10&fit=crop&crop=right", "ggww"),
        ("w=40&h=10&fit=crop&crop=top", "rgrg"),
        ("w=40&h=10&fit=crop&crop=bottom", "bwbw"),
        ("w=10&h=10&fit=crop&fp-x=0.2&fp-y=0.2&fp-z=4", "rrrr"),
        ("rect=25,12,5,5", "wwww"),
    ] {
        assert_eq!(corners(&made(&png(), query).1), seen, "{query}");
    }
}

#[test]
fn what_is_around_has_the_background_and_jpeg_has_no_holes() {
    let (_, padded) = made(&png(), "w=40&h=40&fit=fill&bg=0000FF");
    assert_eq!((padded.dimensions(), corners(&padded).as_str()), ((40, 40), "bbbb"));
    assert_eq!(padded.get_pixel(5, 15).0, [255, 0, 0, 255]);
    let (_, open) = made(&png(), "w=40&h=40&fit=fill");
    assert_eq!(corners(&open), "----");
    let clear = DynamicImage::from(RgbaImage::from_pixel(8, 8, Rgba([9, 9, 9, 0])));
    assert_eq!(corners(&made(&encoded(&clear, ImageFormat::Png), "fm=jpg").1), "wwww");
    assert_eq!(corners(&made(&encoded(&clear, ImageFormat::Png), "fm=jpg&bg=f00").1), "rrrr");
    assert_eq!(corners(&made(&encoded(&clear, ImageFormat::Png), "bg=0f0").1), "gggg");
    assert_eq!(corners(&made(&encoded(&clear, ImageFormat::Png), "w=4").1), "----");
}

#[test]
fn nothing_that_tells_of_an_image_is_left() {
    let mut bytes = lying(6);
    let comment = b"\xFF\xFE\0\x0Csecretword".to_vec();
    bytes.splice(2..2, comment);
    for query in ["", "w=10", "fm=png", "fm=webp"] {
        let parameters = Parameters::of_query(query).unwrap().unwrap_or_default();
        let made = media::transform(&bytes, &parameters).unwrap().bytes;
        for word in [&b"Exif"[..], b"secretword"] {
            assert!(!made.windows(word.len()).any(|window| window == word), "{query}");
        }
    }
}

#[test]
fn quality_costs_bytes_and_compression_saves_them() {
    let noise = RgbaImage::from_fn(128, 128, |x, y| {
        let value = (x.wrapping_mul(2_654_435_761) ^ y.wrapping_mul(40_503)).to_le_bytes();
        Rgba([value[0], value[1], value[2], 255])
    });
    let bytes = encoded(&noise.into(), ImageFormat::Png);
    let size =
        |query: &str| media::transform(&bytes, &Parameters::of_query(query).unwrap().unwrap()).unwrap().bytes.len();
    for format in ["jpg", "webp"] {
        assert!(size(&format!("fm={format}&q=20")) < size(&format!("fm={format}")), "{format}");
        assert!(size(&format!("fm={format}")) < size(&format!("fm={format}&q=95")), "{format}");
        assert!(size(&format!("fm={format}&auto=compress")) < size(&format!("fm={format}")), "{format}");
    }
    let lossless = made(&bytes, "fm=webp&lossless=true").1;
    assert_eq!(lossless.to_rgb8(), image::load_from_memory(&bytes).unwrap().to_rgb8());
}

#[test]
fn an_image_is_written_as_whoever_asks_prefers() {
    let of = |query: &str, accept: &str| {
        let parameters = Parameters::of_query(query).unwrap().unwrap().accepting(Some(accept));
        media::transform(&png(), &parameters).unwrap().format
    };
    assert_eq!(of("auto=format", "image/webp,*/*"), Format::Webp);
    assert_eq!(of("auto=format", "*/*"), Format::Png);
    assert_eq!(of("auto=format&fm=jpg", "image/webp"), Format::Jpeg);
    assert_eq!(of("w=10", "image/webp"), Format::Png);
}

#[test]
fn blur_spreads_and_sharpening_keeps_sizes() {
    let (_, blurred) = made(&png(), "blur=20");
    let middle = blurred.get_pixel(20, 10).0;
    assert!(middle[0].abs_diff(128) < 60 && middle[1].abs_diff(128) < 60, "{middle:?}");
    assert_eq!(made(&png(), "sharp=100&w=30").1.dimensions(), (30, 15));
}

#[test]
fn sixteen_bits_shades_of_grey_and_single_pixels_are_images_too() {
    let deep = DynamicImage::ImageRgb16(image::ImageBuffer::from_pixel(6, 3, image::Rgb([0xFFFF, 0x8080, 0])));
    let (_, image) = made(&encoded(&deep, ImageFormat::Png), "w=3");
    assert_eq!(image.get_pixel(0, 0).0, [255, 128, 0, 255]);
    let grey = DynamicImage::ImageLuma8(image::ImageBuffer::from_pixel(6, 3, image::Luma([77])));
    for format in ["png", "jpg", "webp", "gif"] {
        let pixel = made(&encoded(&grey, ImageFormat::Png), &format!("w=3&fm={format}")).1.get_pixel(0, 0).0;
        assert!(pixel[..3].iter().all(|value| value.abs_diff(77) < 3), "{format}: {pixel:?}");
    }
    let dot = DynamicImage::ImageRgb8(image::ImageBuffer::from_pixel(1, 1, image::Rgb([255, 0, 0])));
    assert_eq!(corners(&made(&encoded(&dot, ImageFormat::Png), "w=50&h=20&fit=crop").1), "rrrr");
}

#[test]
fn what_cannot_be_made_is_refused_with_its_reason() {
    let refused = |bytes: &[u8], query: &str| {
        media::transform(bytes, &Parameters::of_query(query).unwrap().unwrap()).unwrap_err()
    };
    assert_eq!(refused(b"%PDF-1.7", "w=1").status(), 415);
    assert_eq!(refused(&png()[..50], "w=1").status(), 422);
    assert_eq!(refused(&png(), "rect=40,0,1,1").status(), 400);
    assert!(matches!(refused(&png(), "w=8192&h=8192&fit=fill"), Error::TooLarge(_)));
    #[cfg(not(feature = "avif"))]
    assert!(matches!(Parameters::of_query("fm=avif"), Err(Error::Parameter { .. })));
}

/// It is not read here; that it is one its first box says, and its size the one for still images.
#[cfg(feature = "avif")]
#[test]
fn who_prefers_avif_gets_it() {
    for (bytes, query) in [(png(), "w=20"), (encoded(&quarters(), ImageFormat::Jpeg), "w=20&rot=180")] {
        let parameters = Parameters::of_query(&format!("{query}&auto=format")).unwrap().unwrap();
        let made = media::transform(&bytes, &parameters.accepting(Some("image/avif,image/webp"))).unwrap();
        assert_eq!((made.format, made.width, made.height), (Format::Avif, 20, 10));
        assert_eq!(&made.bytes[4..12], b"ftypavif");
        let ispe = made.bytes.windows(4).position(|window| window == b"ispe").unwrap();
        assert_eq!(&made.bytes[ispe + 8..ispe + 16], [0, 0, 0, 20, 0, 0, 0, 10]);
    }
}
