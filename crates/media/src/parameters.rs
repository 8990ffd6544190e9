//! What is asked of an image: the parameters, and the text that stands for them.

use serde::{Deserialize, Serialize};

use crate::Format;

/// What shall become of an image. Without any parameter it is only written anew: upright, without metadata.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Parameters {
    /// Pixels of a screen with [`Parameters::density`] 1.
    pub width: Option<u32>,
    /// The same of the other side.
    pub height: Option<u32>,
    /// Width by height, for the side that is not given.
    pub aspect: Option<f64>,
    pub fit: Fit,
    /// What stays of an image that is cropped.
    pub focus: Focus,
    /// The part that is used, before anything else.
    pub part: Option<Part>,
    /// How many pixels of the image each of width and height stands for.
    pub density: f64,
    /// Instead of what EXIF says.
    pub orientation: Option<u8>,
    pub flip: Flip,
    /// Quarters of a turn, clockwise: 0 to 3.
    pub quarters: u8,
    /// What it is written as, where not as what came.
    pub format: Option<Format>,
    /// Whether the one who asked chooses by what it accepts, where there is no [`Parameters::format`].
    pub negotiates: bool,
    /// What the one who asked prefers of what it accepts; see [`Parameters::accepting`].
    pub accepted: Vec<Format>,
    /// Where there is no [`Parameters::quality`], one that favours size.
    pub compress: bool,
    /// 1 to 100.
    pub quality: Option<u8>,
    pub lossless: bool,
    /// Whether a JPEG is written so that it appears as a whole at once.
    pub progressive: bool,
    /// Red, green, blue, opacity: what is behind it.
    pub background: Option<[u8; 4]>,
    /// Pixels that each pixel is spread over; 0 to [`Parameters::BLUR_MAX`].
    pub blur: u16,
    /// 0 to 100.
    pub sharpen: u8,
}

impl Default for Parameters {
    fn default() -> Parameters {
        Parameters {
            width: None,
            height: None,
            aspect: None,
            fit: Fit::default(),
            focus: Focus::default(),
            part: None,
            density: 1.0,
            orientation: None,
            flip: Flip::default(),
            quarters: 0,
            format: None,
            negotiates: false,
            accepted: Vec::new(),
            compress: false,
            quality: None,
            lossless: false,
            progressive: false,
            background: None,
            blur: 0,
            sharpen: 0,
        }
    }
}

/// How an image gets into its width and height.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub enum Fit {
    /// As a whole; one side may be shorter.
    #[default]
    Inside,
    /// The same, but it never grows.
    Shrink,
    /// It fills them; what is over is cut off.
    Cover,
    /// The same, but it never grows: only its proportions are those of width and height then.
    CoverShrink,
    /// As a whole, with background around it.
    Pad,
    /// The same, but it never grows.
    PadShrink,
    /// It fills them, and nothing is cut off: one side may be longer.
    Outside,
    /// It fills them, and loses its proportions.
    Stretch,
}

/// What stays of an image that is cropped.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub enum Focus {
    /// 0 is left or top, 1 is right or bottom.
    Side { x: f64, y: f64 },
    /// What is around this point, in parts of width and height, that many times enlarged.
    Point { x: f64, y: f64, zoom: f64 },
}

impl Default for Focus {
    fn default() -> Focus {
        Focus::Side { x: 0.5, y: 0.5 }
    }
}

/// A part of an image, in pixels.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Part {
    pub x: u32,
    pub y: u32,
    pub width: u32,
    pub height: u32,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Flip {
    /// Left becomes right.
    pub horizontal: bool,
    /// Top becomes bottom.
    pub vertical: bool,
}

impl Parameters {
    pub const BLUR_MAX: u16 = 250;

    /// Whether what is made depends on the `Accept` of the request.
    pub fn depends_on_accept(&self) -> bool {
        self.negotiates && self.format.is_none()
    }

    /// The same for somebody who sends this `Accept`.
    #[must_use]
    pub fn accepting(self, accept: Option<&str>) -> Parameters {
        let accepted = match accept {
            Some(accept) if self.depends_on_accept() => {
                Format::PREFERRED.into_iter().filter(|format| names(accept, format.media_type())).collect()
            }
            _ => Vec::new(),
        };
        Parameters { accepted, ..self }
    }

    /// A text that is the same for parameters that make the same of an image: for caches.
    pub fn key(&self) -> String {
        serde_json::to_string(self).unwrap_or_default()
    }
}

/// Whether `Accept` names a media type, and not only with a wildcard: browsers that send `image/*` do not read everything.
fn names(accept: &str, media_type: &str) -> bool {
    accept.split(',').any(|range| {
        let mut parts = range.split(';').map(str::trim);
        let is_it = parts.next().is_some_and(|name| name.eq_ignore_ascii_case(media_type));
        let is_refused = parts.any(|part| {
            let weight = part.strip_prefix("q=").or_else(|| part.strip_prefix("Q="));
            weight.is_some_and(|weight| weight.trim().parse::<f64>().is_ok_and(|weight| weight <= 0.0))
        });
        is_it && !is_refused
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn who_asks_chooses_among_what_it_names() {
        let accepted =
            |accept: &str| Parameters { negotiates: true, ..Parameters::default() }.accepting(Some(accept)).accepted;
        assert_eq!(accepted("image/webp,image/apng,image/*,*/*;q=0.8"), [Format::Webp]);
        assert_eq!(accepted("image/avif;q=0, IMAGE/WEBP ; q=0.1"), [Format::Webp]);
        assert_eq!(accepted("image/*,*/*"), []);
        let fixed = Parameters { negotiates: true, format: Some(Format::Png), ..Parameters::default() };
        assert!(!fixed.depends_on_accept() && fixed.accepting(Some("image/webp")).accepted.is_empty());
        let plain = Parameters::default().accepting(Some("image/webp"));
        assert_eq!(plain, Parameters::default());
    }

    #[test]
    fn keys_tell_parameters_apart() {
        let narrow = Parameters { width: Some(1), ..Parameters::default() };
        assert_ne!(narrow.key(), Parameters::default().key());
        assert_eq!(narrow.key(), narrow.clone().key());
        assert_eq!(serde_json::from_str::<Parameters>(&narrow.key()).unwrap(), narrow);
    }
}
