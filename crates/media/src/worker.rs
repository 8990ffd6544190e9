//! The process that decodes and encodes: it gives up everything else first, and then takes one image after the other.

use std::io::Write as _;
use std::panic::{AssertUnwindSafe, catch_unwind};

use crate::error::Error;
use crate::frames::{self, Answer};
use crate::limits;
use crate::parameters::Parameters;
use crate::transform::{Made, transform};

/// What the worker says once it is confined.
pub(crate) const READY: [u8; 1] = [1];

/// Serves the server that has started this process, until that closes the socket, which it has left as the first of its descriptors.
///
/// # Errors
/// When the host does not let the process be confined, or the server does not keep to what they say to each other.
pub fn work() -> std::io::Result<()> {
    let mut socket = sandbox::inherited()?;
    sandbox::confine(limits::WORKER_BYTES_MAX)?;
    socket.write_all(&READY)?;
    while let Some((parameters, bytes)) = frames::read::<Parameters>(&mut socket)? {
        let made = catch_unwind(AssertUnwindSafe(|| transform(&bytes, &parameters)));
        drop(bytes);
        let made = made.unwrap_or_else(|_| Err(Error::Malformed("the decoder gave up on it".into())));
        match made {
            Ok(Made { format, width, height, bytes }) if bytes.len() as u64 <= limits::OUTPUT_BYTES_MAX => {
                frames::write(&mut socket, &Answer::Made { format, width, height }, &bytes)?;
            }
            Ok(Made { bytes, .. }) => {
                let (size, most) = (bytes.len(), limits::OUTPUT_BYTES_MAX);
                let error = Error::TooLarge(format!("the image would have {size} bytes; at most {most} are made"));
                frames::write(&mut socket, &Answer::Refused(error), &[])?;
            }
            Err(error) => frames::write(&mut socket, &Answer::Refused(error), &[])?,
        }
    }
    Ok(())
}
