//! Images made from other images: resized, cropped, turned, converted. What decodes and encodes them is a process apart, which can reach nothing: the
//! bytes are anybody's, and what reads them is complicated.

mod colour;
mod decode;
mod encode;
mod error;
mod format;
mod frames;
mod geometry;
pub mod limits;
mod parameters;
mod pixels;
mod pool;
mod query;
mod source;
mod transform;
mod turn;
mod worker;

pub use error::{Error, Result};
pub use format::Format;
pub use parameters::{Fit, Flip, Focus, Parameters, Part};
pub use pool::{Images, Options};
pub use source::Source;
pub use transform::{Made, transform};
pub use worker::work;
