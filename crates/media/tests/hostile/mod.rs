//! Images made to do harm, from nothing: bombs, lies, loops, and what is cut off.

use std::io::{Cursor, Write as _};

use flate2::Compression;
use flate2::write::ZlibEncoder;
use image::{DynamicImage, ImageFormat, RgbImage};

type Hostile = (&'static str, Vec<u8>, &'static [u16]);

const FINE: &[u16] = &[200];
const REFUSED: &[u16] = &[422];
const TOO_LARGE: &[u16] = &[413];
const NO_IMAGE: &[u16] = &[415];
/// What is damaged may be shown as far as it goes, or refused.
const EITHER: &[u16] = &[200, 413, 415, 422];

/// Each with its name, and the statuses that it may get.
pub fn corpus() -> Vec<Hostile> {
    let mut all = vec![("nothing", Vec::new(), NO_IMAGE), ("one byte", vec![0xFF], NO_IMAGE)];
    all.extend(pngs());
    all.extend(jpegs());
    all.extend(gifs());
    all.extend(webps());
    all.extend(polyglots());
    all
}

/// Some bytes changed, cut off, repeated or moved.
pub fn mutated(original: &[u8], seed: u64) -> Vec<u8> {
    let mut state = seed | 1;
    let mut random = |below: usize| {
        // Source: xorshift64*, Vigna, "An experimental exploration of Marsaglia's xorshift generators, scrambled".
        state ^= state >> 12;
        state ^= state << 25;
        state ^= state >> 27;
        (state.wrapping_mul(0x2545_F491_4F6C_DD1D) >> 33) as usize % below.max(1)
    };
    let mut bytes = original.to_vec();
    for _ in 0..=random(8) {
        // What is known by its first bytes stays known.
        let at = 12 + random(bytes.len().saturating_sub(12));
        match random(6) {
            0 => bytes.truncate(at.max(13)),
            1 => bytes.splice(at.min(bytes.len())..at.min(bytes.len()), original[..random(64)].to_vec()).for_each(drop),
            2 => bytes.drain(at.min(bytes.len())..(at + random(16)).min(bytes.len())).for_each(drop),
            3 => bytes.iter_mut().skip(at).take(4).for_each(|byte| *byte = 0xFF),
            4 => bytes.iter_mut().skip(at).take(2).for_each(|byte| *byte = 0),
            _ => bytes.iter_mut().skip(at).take(1).for_each(|byte| *byte ^= 1 << random(8)),
        }
    }
    bytes
}

fn plain(format: ImageFormat) -> Vec<u8> {
    let mut bytes = Cursor::new(Vec::new());
    let image = RgbImage::from_fn(80, 60, |x, y| image::Rgb([(x * 3) as u8, (y * 4) as u8, 90]));
    DynamicImage::from(image).write_to(&mut bytes, format).unwrap();
    bytes.into_inner()
}

fn half(bytes: &[u8]) -> Vec<u8> {
    bytes[..bytes.len() / 2].to_vec()
}

fn chunk(name: &[u8; 4], data: &[u8]) -> Vec<u8> {
    let mut hasher = crc32fast::Hasher::new();
    hasher.update(name);
    hasher.update(data);
    [&(data.len() as u32).to_be_bytes()[..], name, data, &hasher.finalize().to_be_bytes()].concat()
}

fn zeros(bytes: usize) -> Vec<u8> {
    let mut encoder = ZlibEncoder::new(Vec::new(), Compression::best());
    encoder.write_all(&vec![0; bytes]).unwrap();
    encoder.finish().unwrap()
}

/// So many zeros that making them the usual way would take the test too long: a zero, and again and again the 258 before.
/// Source: RFC 1951, 3.2.6.
fn bomb(bytes: usize) -> Vec<u8> {
    const AGAIN: u16 = 0b0_0000_1010_0011;
    let mut bits = Vec::new();
    let mut push = |code: u16, length: u32| bits.extend((0..length).map(|at| code >> at & 1 == 1));
    push(0b011, 3);
    push(0b0000_1100, 8);
    (0..bytes / 258).for_each(|_| push(AGAIN, 13));
    push(0, 7);
    let packed = bits.chunks(8).map(|byte| byte.iter().rev().fold(0, |all, bit| all << 1 | u8::from(*bit)));
    [0x78, 0x01].into_iter().chain(packed).chain([0; 4]).collect()
}

const SIGNATURE: &[u8] = b"\x89PNG\r\n\x1A\n";

fn header(width: u32, height: u32, depth: u8, colours: u8) -> Vec<u8> {
    chunk(b"IHDR", &[&width.to_be_bytes()[..], &height.to_be_bytes(), &[depth, colours, 0, 0, 0]].concat())
}

fn png(width: u32, height: u32, depth: u8, colours: u8, chunks: &[Vec<u8>]) -> Vec<u8> {
    [SIGNATURE, &header(width, height, depth, colours), &chunks.concat(), &chunk(b"IEND", &[])].concat()
}

fn pngs() -> Vec<Hostile> {
    let data = || chunk(b"IDAT", &zeros(1 << 16));
    let profile = |bytes| chunk(b"iCCP", &[b"x\0\0", &bomb(bytes)[..]].concat());
    let text = chunk(b"zTXt", &[b"x\0\0", &bomb(300 << 20)[..]].concat());
    let many = vec![chunk(b"tEXt", b"a\0b"); 50_000];
    let mut endless = plain(ImageFormat::Png);
    endless.splice(33..37, [0xFF; 4]);
    let mut wrong = plain(ImageFormat::Png);
    let last = wrong.len() - 20;
    wrong[last] ^= 0xFF;
    vec![
        ("a PNG of absurd size", png(50_000, 50_000, 8, 2, &[data()]), TOO_LARGE),
        ("a PNG of the largest size", png(0x7FFF_FFFF, 0x7FFF_FFFF, 8, 6, &[data()]), EITHER),
        ("a PNG that is a bomb", png(30_000, 30_000, 1, 0, &[chunk(b"IDAT", &bomb(113 << 20))]), TOO_LARGE),
        ("a PNG of too deep pixels", png(9_000, 9_000, 16, 6, &[data()]), TOO_LARGE),
        ("a PNG without pixels", png(0, 10, 8, 2, &[data()]), REFUSED),
        ("a PNG with too little data", png(4_000, 4_000, 8, 2, &[data()]), REFUSED),
        ("a PNG without data", png(10, 10, 8, 2, &[]), REFUSED),
        ("a PNG with a bomb of a profile", png(100, 100, 8, 2, &[profile(300 << 20), data()]), EITHER),
        ("a PNG with a bomb of a text", png(100, 100, 8, 2, &[text, data()]), EITHER),
        ("a PNG of many chunks", png(100, 100, 8, 2, &[many.concat(), data()]), EITHER),
        ("a PNG with two heads", png(100, 100, 8, 2, &[header(9_000, 9_000, 8, 2), data()]), EITHER),
        ("a PNG with a chunk without end", endless, REFUSED),
        ("a PNG with a wrong sum", wrong, EITHER),
        ("half a PNG", half(&plain(ImageFormat::Png)), REFUSED),
    ]
}

fn segment(marker: u8, data: &[u8]) -> Vec<u8> {
    [&[0xFF, marker][..], &((data.len() + 2) as u16).to_be_bytes(), data].concat()
}

/// A JPEG with these segments before its own.
fn jpeg(segments: &[Vec<u8>]) -> Vec<u8> {
    let mut bytes = plain(ImageFormat::Jpeg);
    bytes.splice(2..2, segments.concat());
    bytes
}

/// A JPEG that says that it has another size.
fn resized(width: u16, height: u16) -> Vec<u8> {
    let mut bytes = plain(ImageFormat::Jpeg);
    let frame = bytes.windows(2).position(|pair| pair == [0xFF, 0xC0]).unwrap();
    bytes.splice(frame + 5..frame + 9, [height.to_be_bytes(), width.to_be_bytes()].concat());
    bytes
}

fn jpegs() -> Vec<Hostile> {
    // A table of EXIF whose next table is itself.
    let looped = b"Exif\0\0II\x2A\0\x08\0\0\0\x01\0\x0F\x01\x02\0\xFF\xFF\xFF\x7F\x08\0\0\0\x08\0\0\0";
    let profile = |number: u8, of: u8| segment(0xE2, &[b"ICC_PROFILE\0", &[number, of][..], &[0xAA; 60_000]].concat());
    let huge: Vec<Vec<u8>> = (1..=100).map(|number| profile(number, 100)).collect();
    let mut progressive = resized(60_000, 1_600);
    let frame = progressive.windows(2).position(|pair| pair == [0xFF, 0xC0]).unwrap();
    progressive[frame + 1] = 0xC2;
    let mut scans = plain(ImageFormat::Jpeg);
    let scan = scans.windows(2).position(|pair| pair == [0xFF, 0xDA]).unwrap();
    let repeated = scans[scan..scans.len() - 2].repeat(200);
    scans.splice(scan..scan, repeated);
    vec![
        ("a JPEG of the largest size", resized(65_535, 65_535), TOO_LARGE),
        ("a JPEG without height", resized(80, 0), REFUSED),
        ("a JPEG that lies about its size", resized(9_000, 9_000), EITHER),
        ("a progressive JPEG of much memory", progressive, TOO_LARGE),
        ("a JPEG of many scans", scans, EITHER),
        ("a JPEG with EXIF in a loop", jpeg(&[segment(0xE1, looped)]), FINE),
        ("a JPEG with EXIF of nothing", jpeg(&[segment(0xE1, b"Exif\0\0")]), FINE),
        ("a JPEG with a huge profile", jpeg(&huge), FINE),
        ("a JPEG with a profile in pieces that lack", jpeg(&[profile(1, 255), profile(9, 3), profile(0, 0)]), FINE),
        ("a JPEG of padding", [&[0xFF, 0xD8][..], &vec![0xFF; 4 << 20]].concat(), REFUSED),
        ("a JPEG of beginnings", [0xFF, 0xD8].repeat(100_000), EITHER),
        ("a JPEG whose segment has no length", vec![0xFF, 0xD8, 0xFF, 0xE0, 0, 0], REFUSED),
        ("half a JPEG", half(&plain(ImageFormat::Jpeg)), EITHER),
        ("the head of a JPEG", plain(ImageFormat::Jpeg)[..20].to_vec(), REFUSED),
    ]
}

fn gif(width: u16, height: u16, rest: &[u8]) -> Vec<u8> {
    [b"GIF89a", &width.to_le_bytes()[..], &height.to_le_bytes(), &[0x80, 0, 0, 0, 0, 0, 255, 255, 255], rest].concat()
}

fn gifs() -> Vec<Hostile> {
    let frame = |left: u16, top: u16, width: u16, height: u16| {
        let place = [left, top, width, height].map(u16::to_le_bytes).concat();
        [&[0x2C][..], &place, &[0, 2, 2, 0x4C, 0x01, 0]].concat()
    };
    let extensions = [0x21, 0xFE, 1, 0, 0].repeat(200_000);
    let frames = [frame(0, 0, 1, 1).repeat(100_000), vec![0x3B]].concat();
    vec![
        ("a GIF of the largest size", gif(65_535, 65_535, &frame(0, 0, 1, 1)), TOO_LARGE),
        ("a GIF whose frame is larger", gif(2, 2, &frame(0, 0, 60_000, 60_000)), EITHER),
        ("a GIF whose frame is elsewhere", gif(2, 2, &frame(60_000, 60_000, 1, 1)), EITHER),
        ("a GIF of extensions", gif(2, 2, &extensions), REFUSED),
        ("a GIF of many frames", gif(1, 1, &frames), FINE),
        ("a GIF without frames", gif(2, 2, &[0x3B]), REFUSED),
        ("a GIF without pixels", gif(0, 0, &frame(0, 0, 0, 0)), REFUSED),
        ("half a GIF", half(&plain(ImageFormat::Gif)), EITHER),
    ]
}

fn riff(chunks: &[u8]) -> Vec<u8> {
    [b"RIFF", &((chunks.len() + 4) as u32).to_le_bytes()[..], b"WEBP", chunks].concat()
}

fn webps() -> Vec<Hostile> {
    let part = |name: &[u8; 4], data: &[u8]| [&name[..], &(data.len() as u32).to_le_bytes(), data].concat();
    let extended = |flags: u8| part(b"VP8X", &[flags, 0, 0, 0, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF]);
    let small = part(b"VP8X", &[2, 0, 0, 0, 0, 0, 0, 0, 0, 0]);
    let animation = part(b"ANIM", &[0; 6]);
    // Frames within frames.
    let mut nested = Vec::new();
    for _ in 0..1_000 {
        nested = part(b"ANMF", &[&[0; 16][..], &nested].concat());
    }
    let mut lying = plain(ImageFormat::WebP);
    lying.splice(4..8, [0xFF; 4]);
    let huge = part(b"VP8L", &[0x2F, 0xFF, 0xFF, 0xFF, 0x0F, 0, 0, 0, 0, 0, 0, 0]);
    vec![
        ("a WebP of the largest canvas", riff(&extended(0)), EITHER),
        ("a WebP of the largest canvas that moves", riff(&[extended(2), animation.clone()].concat()), EITHER),
        ("a WebP of the largest pixels", riff(&huge), EITHER),
        ("a WebP of frames in frames", riff(&[small, animation, nested].concat()), EITHER),
        ("a WebP that lies about its length", lying, EITHER),
        ("a WebP of nothing", riff(&[]), REFUSED),
        ("half a WebP", half(&plain(ImageFormat::WebP)), REFUSED),
    ]
}

fn polyglots() -> Vec<Hostile> {
    let with = |format, more: &[u8]| [&plain(format), more].concat();
    vec![
        ("a PNG that is a page", with(ImageFormat::Png, b"<script>alert(1)</script>"), FINE),
        ("a JPEG that is an archive", with(ImageFormat::Jpeg, b"PK\x05\x06\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0"), FINE),
        ("a GIF that is a script", b"GIF89a=1;alert(1)".to_vec(), EITHER),
        ("a page", b"<!DOCTYPE html><img src=x>".to_vec(), NO_IMAGE),
        ("a drawing", b"<svg xmlns='http://www.w3.org/2000/svg'/>".to_vec(), NO_IMAGE),
        ("a paper with a JPEG in it", [b"%PDF-1.4\n", &plain(ImageFormat::Jpeg)[..]].concat(), NO_IMAGE),
        ("a PNG's name on a JPEG", [SIGNATURE, &plain(ImageFormat::Jpeg)].concat(), REFUSED),
    ]
}
