//! Thumbnails of a photo: by the server's workers, and by the libraries that others use, in the same run.

use std::cell::RefCell;
use std::time::Instant;

use anyhow::{Context as _, ensure};
use bytes::Bytes;
use futures_util::future::try_join_all;
use media::{Images, Options, Parameters};

use crate::Bench;
use crate::cases::Case;
use crate::load::{Latencies, Speed};
use crate::report::{Figure, Row, Unit};
use crate::rivals::{PILLOW, SHARP};

pub const CASE: Case = Case {
    name: "media",
    about: "thumbnails of a photo of 12 megapixels, 400 pixels wide",
    needs_server: true,
    run: |bench| Box::pin(run(bench)),
};

const SIZE: (u16, u16) = (4000, 3000);
const QUALITY: u8 = 88;
const CLIENTS: [usize; 2] = [1, 32];

async fn run(bench: &Bench) -> anyhow::Result<Vec<Row>> {
    let photo = photo()?;
    let file = bench.folder.join("photo.jpg");
    std::fs::write(&file, &photo).context("the photo cannot be kept")?;
    let mut rows = Vec::new();
    for clients in CLIENTS {
        let mut row = Row::speed(format!("JPEG to JPEG, {clients} at once"), &made(bench, &photo, clients).await?);
        for library in [SHARP, PILLOW].iter().filter(|_| !bench.options.no_rivals) {
            match library.rate(&bench.folder, &file, clients, bench.pace().1).await {
                Ok(rate) => row.rivals.push((library.title(), vec![Figure::new("", rate, Unit::PerSecond)])),
                Err(error) => bench.note(format!("{} is not compared with: {error:#}", library.title())),
            }
        }
        rows.push(row);
    }
    Ok(rows)
}

/// How fast so many ask, each again as soon as it has its thumbnail.
async fn made(bench: &Bench, photo: &Bytes, clients: usize) -> anyhow::Result<Speed> {
    let images = Images::new(Options::new(&bench.binaries.cloudlet, ["image-worker".into()]));
    let parameters = Parameters::of_query("w=400&fm=jpg")?.context("there are no parameters")?;
    let (warm_up, time) = bench.pace();
    let (from, latencies) = (Instant::now() + warm_up, RefCell::new(Latencies::new()?));
    let until = from + time;
    let asked = (0..clients).map(|_| async {
        let mut began = Instant::now();
        while began < until {
            let made = images.transform(photo.clone(), &parameters).await?;
            ensure!((made.width, made.height) == (400, 300), "a thumbnail has another size");
            let ended = Instant::now();
            if ended >= from && ended < until {
                latencies.borrow_mut().record(ended - began);
            }
            began = ended;
        }
        anyhow::Ok(())
    });
    try_join_all(asked).await?;
    let latencies = latencies.into_inner();
    Ok(Speed { rate: latencies.count() as f64 / time.as_secs_f64(), latencies })
}

/// A picture with as much detail as a photo has: waves of all lengths, and a little noise.
fn photo() -> anyhow::Result<Bytes> {
    let (width, height) = SIZE;
    let mut pixels = Vec::with_capacity(usize::from(width) * usize::from(height) * 3);
    let mut noise = 1_u32;
    for y in 0..height {
        for x in 0..width {
            noise = noise.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
            let (x, y) = (f32::from(x), f32::from(y));
            for shift in [0.0, 1.0, 2.0] {
                let waves = [900.0, 300.0, 90.0, 30.0, 9.0]
                    .map(|length: f32| ((x + shift * y) / length).sin() * ((y - x / 3.0) / length).cos());
                let value: f32 = waves.iter().sum::<f32>() * 25.0 + 128.0 + (noise >> 28) as f32 / 2.0;
                pixels.push(value.clamp(0.0, 255.0) as u8);
            }
        }
    }
    let mut bytes = Vec::new();
    let mut encoder = jpeg_encoder::Encoder::new(&mut bytes, QUALITY);
    encoder.set_sampling_factor(jpeg_encoder::SamplingFactor::F_2_2);
    encoder.encode(&pixels, width, height, jpeg_encoder::ColorType::Rgb)?;
    Ok(bytes.into())
}
