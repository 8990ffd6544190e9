//! The workers: what they give back, what becomes of those that fail, and who waits.
#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

mod hostile;

use std::io::Cursor;
use std::time::{Duration, Instant};

use bytes::Bytes;
use image::{DynamicImage, ImageFormat, RgbImage};
use media::{Error, Format, Images, Options, Parameters, Source, limits};

fn options() -> Options {
    Options::new(env!("CARGO_BIN_EXE_image-worker"), [])
}

/// Workers that do what a shell is told; it has the socket as descriptor 3.
fn shell(script: &str) -> Options {
    Options { workers: 1, ..Options::new("/bin/sh", ["-c".into(), script.into()]) }
}

const SAY_READY: &str = r"printf '\001' >&3;";

fn image(format: ImageFormat) -> Bytes {
    let mut bytes = Cursor::new(Vec::new());
    let image = RgbImage::from_fn(64, 48, |x, y| image::Rgb([(x * 4) as u8, (y * 5) as u8, (x * y) as u8]));
    DynamicImage::from(image).write_to(&mut bytes, format).unwrap();
    bytes.into_inner().into()
}

fn asked(query: &str) -> Parameters {
    Parameters::of_query(query).unwrap().unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn images_are_made_and_workers_used_again() {
    let images = Images::new(options());
    for format in [ImageFormat::Jpeg, ImageFormat::Png, ImageFormat::WebP, ImageFormat::Gif] {
        for query in ["w=32&fm=jpg", "w=32&fm=png", "w=32&fm=webp", "w=32&fm=gif&blur=3&sharp=20"] {
            let made = images.transform(image(format), &asked(query)).await.unwrap();
            assert_eq!((made.width, made.height), (32, 24));
            assert_eq!(Format::of(&made.bytes).unwrap(), made.format);
        }
    }
    assert_eq!(images.idle_workers(), 1);
    let streamed = futures_util::stream::iter(
        image(ImageFormat::Png).chunks(100).map(Bytes::copy_from_slice).map(Ok::<_, Error>).collect::<Vec<_>>(),
    );
    let made = images.transform(Source::stream(streamed, None), &asked("w=8")).await.unwrap();
    assert_eq!((made.width, made.format), (8, Format::Png));
}

#[tokio::test(flavor = "multi_thread")]
async fn many_at_once_share_the_workers() {
    let images = Images::new(Options { workers: 2, ..options() });
    let all = (0..40).map(|_| {
        let images = images.clone();
        tokio::spawn(async move { images.transform(image(ImageFormat::Jpeg), &asked("w=16")).await })
    });
    for one in all.collect::<Vec<_>>() {
        assert_eq!(one.await.unwrap().unwrap().width, 16);
    }
    assert!(images.idle_workers() <= 2);
}

#[tokio::test(flavor = "multi_thread")]
async fn refusals_leave_the_worker_for_the_next() {
    let images = Images::new(options());
    let error = images.transform(Bytes::from_static(b"no image"), &asked("w=8")).await.unwrap_err();
    assert_eq!((error.status(), images.idle_workers()), (415, 0));
    let half = image(ImageFormat::Png).slice(..60);
    assert_eq!(images.transform(half, &asked("w=8")).await.unwrap_err().status(), 422);
    assert_eq!(images.idle_workers(), 1);
    assert!(images.transform(image(ImageFormat::Png), &asked("w=8")).await.is_ok());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_worker_that_dies_costs_its_image_only() {
    let images = Images::new(shell(&format!("{SAY_READY} head -c 20 <&3 >/dev/null; kill -9 $$")));
    let started = Instant::now();
    let error = images.transform(image(ImageFormat::Png), &asked("w=8")).await.unwrap_err();
    assert!(matches!(error, Error::Exhausted(_)), "{error}");
    assert!(started.elapsed() < Duration::from_secs(5));
    assert_eq!(images.idle_workers(), 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_image_that_takes_too_long_is_given_up() {
    let images =
        Images::new(Options { time_max: Duration::from_millis(200), ..shell(&format!("{SAY_READY} sleep 60")) });
    let error = images.transform(image(ImageFormat::Png), &asked("w=8")).await.unwrap_err();
    assert!(matches!(&error, Error::Exhausted(told) if told.contains("0.2 s")), "{error}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_worker_that_lies_is_not_believed() {
    // A length of an image that nobody makes.
    let lie = r"printf '\377\377\377\377\377\377\377\377\377\377\377\377\377\377\377\377' >&3; sleep 60";
    let images = Images::new(shell(&format!("{SAY_READY} {lie}")));
    assert!(matches!(images.transform(image(ImageFormat::Png), &asked("w=8")).await, Err(Error::Exhausted(_))));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_worker_that_cannot_start_says_so() {
    for options in [shell("exit 3"), Options::new("/nowhere/at/all", [])] {
        let error = Images::new(options).transform(image(ImageFormat::Png), &asked("w=8")).await.unwrap_err();
        assert!(matches!(error, Error::Internal(_)) && error.may_pass(), "{error}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn who_finds_no_place_is_told_at_once() {
    let images = Images::new(Options { waiting_max: 1, ..shell(&format!("{SAY_READY} sleep 60")) });
    let ask = || {
        let images = images.clone();
        tokio::spawn(async move { images.transform(image(ImageFormat::Png), &asked("w=8")).await })
    };
    let (started, mut others, small) = (Instant::now(), Vec::new(), asked("w=8"));
    loop {
        others.push(ask());
        let own = images.transform(image(ImageFormat::Png), &small);
        match tokio::time::timeout(Duration::from_millis(100), own).await {
            Ok(Err(Error::Busy)) => break,
            _ => assert!(started.elapsed() < Duration::from_secs(9)),
        }
    }
    // Whoever goes away leaves the place to others.
    others.iter().for_each(tokio::task::JoinHandle::abort);
    for other in others {
        let _ = other.await;
    }
    let own = images.transform(image(ImageFormat::Png), &small);
    assert!(tokio::time::timeout(Duration::from_millis(100), own).await.is_err());
}

#[tokio::test(flavor = "multi_thread")]
async fn sources_are_read_no_further_than_they_may_be() {
    let images = Images::new(options());
    let endless = futures_util::stream::repeat_with(|| Ok::<_, Error>(Bytes::from(vec![0xFF; 1 << 20])));
    let error = images.transform(Source::stream(endless, None), &asked("w=8")).await.unwrap_err();
    assert_eq!(error.status(), 413);
    let never = futures_util::stream::pending::<Result<Bytes, Error>>();
    let error =
        images.transform(Source::stream(never, Some(limits::INPUT_BYTES_MAX + 1)), &asked("w=8")).await.unwrap_err();
    assert_eq!(error.status(), 413);
    let broken = futures_util::stream::iter([Ok(image(ImageFormat::Png)), Err("the origin hung up")]);
    let error = images.transform(Source::stream(broken, None), &asked("w=8")).await.unwrap_err();
    assert_eq!((error.status(), error.may_pass()), (502, true));
    assert_eq!(images.idle_workers(), 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn hostile_images_are_answered_and_hurt_nobody() {
    let images = Images::new(Options { workers: 1, ..options() });
    for (name, bytes, expected) in hostile::corpus() {
        for query in ["w=20", "w=20&h=20&fit=crop&fm=webp&blur=2"] {
            let answer = images.transform(Bytes::from(bytes.clone()), &asked(query)).await;
            let status = answer.as_ref().map_or_else(Error::status, |_| 200);
            assert!(expected.contains(&status), "{name}: {answer:?}");
            assert!(images.transform(image(ImageFormat::Png), &asked("w=8")).await.is_ok(), "after {name}");
        }
    }
}

/// Mutations for a few seconds, each from a seed that a failure shows.
#[tokio::test(flavor = "multi_thread")]
async fn whatever_is_changed_in_an_image_gets_an_answer() {
    let images = Images::new(Options { workers: 2, time_max: Duration::from_secs(20), ..options() });
    let formats = [ImageFormat::Jpeg, ImageFormat::Png, ImageFormat::WebP, ImageFormat::Gif].map(image);
    let first = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap().as_nanos() as u64;
    let (until, mut seed) = (Instant::now() + Duration::from_secs(4), first);
    while Instant::now() < until {
        for original in &formats {
            seed = seed.wrapping_add(1);
            let bytes = Bytes::from(hostile::mutated(original, seed));
            let answer = images.transform(bytes, &asked("w=20&fm=png")).await;
            let status = answer.as_ref().map_or_else(Error::status, |_| 200);
            assert!([200, 413, 415, 422].contains(&status), "seed {seed}: {answer:?}");
        }
    }
}
