//! What one image, and all of them together, may use.

use std::time::Duration;

/// Bytes of an image that is taken.
pub const INPUT_BYTES_MAX: u64 = 64 * 1024 * 1024;

/// Bytes of images that are held for workers, all together; more wait.
pub const HELD_BYTES_MAX: u64 = 128 * 1024 * 1024;

/// Bytes of an image that is made.
pub const OUTPUT_BYTES_MAX: u64 = 64 * 1024 * 1024;

/// Pixels of an image that is taken; of one that moves, of all its frames together.
pub const PIXELS_MAX: u64 = 100_000_000;

/// Frames of an image that moves.
pub const FRAMES_MAX: usize = 500;

/// Bytes of the pixels of an image as they are decoded.
pub const DECODED_BYTES_MAX: u64 = 512 * 1024 * 1024;

/// Bytes of memory that a worker may have, over what it starts with: pixels as they are decoded, what the decoder needs besides,
/// and copies of them while they change.
pub const WORKER_BYTES_MAX: u64 = 1280 * 1024 * 1024;

/// Pixels on one side of an image that is made.
pub const SIDE_MAX: u32 = 8192;

/// Pixels of an image that is made.
pub const OUTPUT_PIXELS_MAX: u64 = 40_000_000;

/// Pixels of an image that is made as AVIF, where the form is ours to choose: encoding it takes longer than anything else.
pub const AVIF_AUTO_PIXELS_MAX: u64 = 200_000;

/// How often a JPEG may refine its pixels.
pub const JPEG_SCANS_MAX: usize = 64;

/// How long one image may take in a worker.
pub const TIME_MAX: Duration = Duration::from_secs(10);

/// How long an image may wait for a worker.
pub const WAIT_MAX: Duration = Duration::from_secs(10);

/// How long the bytes of an image may take to come.
pub const SOURCE_TIME_MAX: Duration = Duration::from_secs(60);

/// Images that may wait for a worker.
pub const WAITING_MAX: usize = 64;

/// How long a worker without work stays.
pub const IDLE_MAX: Duration = Duration::from_secs(60);

/// Images after which a worker is replaced.
pub const IMAGES_OF_A_WORKER: u32 = 1000;

/// Bytes of a query of parameters.
pub const QUERY_BYTES_MAX: usize = 4096;
