//! Parameters as they are written in the query of a URL. The names and most values are those of imgix, which other image CDNs
//! have taken over; where others have another word for the same value, it is taken too.
//!
//! Source: <https://docs.imgix.com/en-US/apis/rendering>

use percent_encoding::percent_decode_str;

use crate::error::{Error, Result};
use crate::parameters::{Fit, Flip, Focus, Parameters, Part};
use crate::{Format, limits};

/// What may stand for each parameter, for people.
const EXPECTED: [(&str, &str); 21] = [
    ("w", "pixels are wanted, from 1 to 8192"),
    ("h", "pixels are wanted, from 1 to 8192"),
    ("ar", "proportions are wanted, as in 16:9"),
    ("fit", "it must be clip, max, crop, min, fill, fillmax, outside or scale"),
    ("crop", "it must be top, bottom, left, right or center, or two of them, or focalpoint"),
    ("fp-x", "a number from 0 to 1 is wanted"),
    ("fp-y", "a number from 0 to 1 is wanted"),
    ("fp-z", "a number from 1 to 100 is wanted"),
    ("rect", "x,y,width,height are wanted, in pixels of the image"),
    ("dpr", "a number from 0.5 to 8 is wanted"),
    ("orient", "a number from 1 to 8 is wanted, as in EXIF"),
    ("rot", TURNS),
    ("rotate", TURNS),
    ("flip", "it must be h, v or hv"),
    ("fm", FORMATS),
    ("format", FORMATS),
    ("auto", "it must be format, compress, or both with a comma between them"),
    ("q", "a number from 1 to 100 is wanted"),
    ("lossless", "it must be true or false"),
    ("bg", "a colour is wanted, as RGB, ARGB, RRGGBB or AARRGGBB in hexadecimal digits"),
    ("blur", "a number from 0 to 250 is wanted"),
];

/// This one has more to say than the others.
const SHARP: (&str, &str) = ("sharp", "a number from 0 to 100 is wanted");

#[cfg(feature = "avif")]
const FORMATS: &str = "it must be auto, jpg, pjpg, png, webp, gif or avif";
#[cfg(not(feature = "avif"))]
const FORMATS: &str = "it must be auto, jpg, pjpg, png, webp or gif";

const TURNS: &str = "it must be 0, 90, 180 or 270";

const DENSITY: std::ops::RangeInclusive<f64> = 0.5..=8.0;
const ZOOM_MAX: f64 = 100.0;

impl Parameters {
    /// The parameters of a query, without its question mark; `None` where it has none of them. Names that are none of ours are left to whoever
    /// put them there. Of a name that comes twice, the last one counts.
    ///
    /// # Errors
    /// [`Error::Parameter`] where one of ours has a value that is none.
    pub fn of_query(query: &str) -> Result<Option<Parameters>> {
        if query.len() > limits::QUERY_BYTES_MAX {
            let most = limits::QUERY_BYTES_MAX;
            return Err(Error::TooLarge(format!("the query has {} bytes; at most {most} are read", query.len())));
        }
        Parameters::of_pairs(query.split('&').map(|pair| {
            let (name, value) = pair.split_once('=').unwrap_or((pair, ""));
            (decoded(name), decoded(value))
        }))
    }

    /// The same of names and values.
    ///
    /// # Errors
    /// As of [`Parameters::of_query`].
    pub fn of_pairs(pairs: impl IntoIterator<Item = (String, String)>) -> Result<Option<Parameters>> {
        let mut draft = Draft::default();
        let mut any = false;
        for (name, value) in pairs {
            let Some(expected) = expected(&name) else { continue };
            any = true;
            if draft.take(&name, &value).is_none() {
                return Err(Error::Parameter { name, value, expected: expected.into() });
            }
        }
        Ok(any.then(|| draft.finish()))
    }

    /// Whether a name is one of ours.
    pub fn is_name(name: &str) -> bool {
        expected(name).is_some()
    }
}

fn expected(name: &str) -> Option<&'static str> {
    EXPECTED.iter().chain([&SHARP]).find(|(known, _)| *known == name).map(|(_, expected)| *expected)
}

fn decoded(text: &str) -> String {
    percent_decode_str(&text.replace('+', " ")).decode_utf8_lossy().into_owned()
}

/// Parameters, and what becomes one only together with others.
#[derive(Default)]
struct Draft {
    parameters: Parameters,
    side: Option<(f64, f64)>,
    is_point: bool,
    point: (Option<f64>, Option<f64>),
    zoom: Option<f64>,
}

impl Draft {
    /// Takes a value; `None` where it is none.
    fn take(&mut self, name: &str, value: &str) -> Option<()> {
        let to = &mut self.parameters;
        match name {
            "w" => to.width = Some(number(value, 1..=limits::SIDE_MAX)?),
            "h" => to.height = Some(number(value, 1..=limits::SIDE_MAX)?),
            "ar" => to.aspect = Some(proportions(value)?),
            "fit" => to.fit = fit(value)?,
            "crop" => self.crop(value)?,
            "fp-x" => self.point.0 = Some(part_of_one(value)?),
            "fp-y" => self.point.1 = Some(part_of_one(value)?),
            "fp-z" => self.zoom = Some(decimal(value).filter(|zoom| (1.0..=ZOOM_MAX).contains(zoom))?),
            "rect" => to.part = Some(part(value)?),
            "dpr" => to.density = decimal(value).filter(|density| DENSITY.contains(density))?,
            "orient" => to.orientation = Some(number(value, 1..=8)?),
            "rot" | "rotate" => to.quarters = quarters(value)?,
            "flip" => to.flip = flip(value)?,
            "fm" | "format" if value == "auto" => (to.format, to.negotiates) = (None, true),
            "fm" | "format" => (to.format, to.progressive) = (Some(format(value)?), value == "pjpg"),
            "auto" => self.automatic(value)?,
            "q" => to.quality = Some(number(value, 1..=100)?),
            "lossless" => to.lossless = truth(value)?,
            "bg" => to.background = Some(colour(value)?),
            "blur" => to.blur = number(value, 0..=Parameters::BLUR_MAX)?,
            "sharp" => to.sharpen = number(value, 0..=100)?,
            _ => return None,
        }
        Some(())
    }

    fn crop(&mut self, value: &str) -> Option<()> {
        let (mut x, mut y) = (None, None);
        for word in value.split(',') {
            let place = match word {
                "left" => x.replace(0.0),
                "right" => x.replace(1.0),
                "top" => y.replace(0.0),
                "bottom" => y.replace(1.0),
                "center" | "centre" => None,
                "focalpoint" => {
                    self.is_point = true;
                    None
                }
                _ => return None,
            };
            // Left and right, or top and bottom.
            if place.is_some() {
                return None;
            }
        }
        self.side = Some((x.unwrap_or(0.5), y.unwrap_or(0.5)));
        Some(())
    }

    fn automatic(&mut self, value: &str) -> Option<()> {
        for word in value.split(',') {
            match word {
                "format" => self.parameters.negotiates = true,
                "compress" => self.parameters.compress = true,
                _ => return None,
            }
        }
        Some(())
    }

    fn finish(self) -> Parameters {
        let is_point = self.is_point || self.point != (None, None) || self.zoom.is_some();
        let focus = if is_point {
            let (x, y) = (self.point.0.unwrap_or(0.5), self.point.1.unwrap_or(0.5));
            Focus::Point { x, y, zoom: self.zoom.unwrap_or(1.0) }
        } else {
            self.side.map_or_else(Focus::default, |(x, y)| Focus::Side { x, y })
        };
        Parameters { focus, ..self.parameters }
    }
}

fn number<T: std::str::FromStr + PartialOrd>(text: &str, range: std::ops::RangeInclusive<T>) -> Option<T> {
    text.parse().ok().filter(|number| range.contains(number))
}

fn decimal(text: &str) -> Option<f64> {
    // Not `1e3`, `inf` or `nan`.
    let is_plain = text.bytes().all(|byte| byte.is_ascii_digit() || byte == b'.');
    text.parse().ok().filter(|_| is_plain)
}

fn part_of_one(text: &str) -> Option<f64> {
    decimal(text).filter(|number| (0.0..=1.0).contains(number))
}

/// `16:9`, or what one is of the other.
fn proportions(text: &str) -> Option<f64> {
    let (width, height) = text.split_once(':').unwrap_or((text, "1"));
    let aspect = decimal(width)? / decimal(height)?;
    // Beyond that one side would have no pixel.
    (0.001..=1000.0).contains(&aspect).then_some(aspect)
}

/// imgix's word first, then those of others.
fn fit(text: &str) -> Option<Fit> {
    Some(match text {
        "clip" | "inside" => Fit::Inside,
        "max" | "scale-down" => Fit::Shrink,
        "crop" | "cover" => Fit::Cover,
        "min" => Fit::CoverShrink,
        "fill" | "pad" | "contain" => Fit::Pad,
        "fillmax" => Fit::PadShrink,
        "outside" => Fit::Outside,
        "scale" | "squeeze" | "stretch" => Fit::Stretch,
        _ => return None,
    })
}

fn part(text: &str) -> Option<Part> {
    let mut numbers = text.split(',').map(|number| number.parse::<u32>().ok());
    let [x, y, width, height] = [(); 4].map(|()| numbers.next().flatten());
    let part = Part { x: x?, y: y?, width: width?, height: height? };
    (numbers.next().is_none() && part.width > 0 && part.height > 0).then_some(part)
}

fn quarters(text: &str) -> Option<u8> {
    let degrees = number::<u16>(text, 0..=360).filter(|degrees| degrees % 90 == 0)?;
    u8::try_from(degrees / 90 % 4).ok()
}

fn flip(text: &str) -> Option<Flip> {
    let (horizontal, vertical) = match text {
        "h" => (true, false),
        "v" => (false, true),
        "hv" | "vh" => (true, true),
        _ => return None,
    };
    Some(Flip { horizontal, vertical })
}

fn format(text: &str) -> Option<Format> {
    Some(match text {
        "jpg" | "jpeg" | "pjpg" => Format::Jpeg,
        "png" => Format::Png,
        "webp" => Format::Webp,
        "gif" => Format::Gif,
        #[cfg(feature = "avif")]
        "avif" => Format::Avif,
        _ => return None,
    })
}

fn truth(text: &str) -> Option<bool> {
    match text {
        "true" | "1" => Some(true),
        "false" | "0" => Some(false),
        _ => None,
    }
}

/// With two or four digits more than red, green and blue, opacity is first.
fn colour(text: &str) -> Option<[u8; 4]> {
    let text = text.strip_prefix('#').unwrap_or(text);
    let digits: Vec<u8> = text
        .chars()
        .map(|digit| digit.to_digit(16).and_then(|digit| u8::try_from(digit).ok()))
        .collect::<Option<_>>()?;
    let pair = |[high, low]: [u8; 2]| high * 16 + low;
    Some(match digits[..] {
        [r, g, b] => [r * 17, g * 17, b * 17, 255],
        [a, r, g, b] => [r * 17, g * 17, b * 17, a * 17],
        [r0, r1, g0, g1, b0, b1] => [pair([r0, r1]), pair([g0, g1]), pair([b0, b1]), 255],
        [a0, a1, r0, r1, g0, g1, b0, b1] => [pair([r0, r1]), pair([g0, g1]), pair([b0, b1]), pair([a0, a1])],
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parsed(query: &str) -> Parameters {
        Parameters::of_query(query).unwrap().unwrap()
    }

    #[test]
    fn the_words_of_image_cdns_are_understood() {
        let all =
            parsed("w=400&h=300&fit=crop&crop=top,left&fm=webp&q=60&dpr=2&rot=90&flip=h&bg=80FF0000&blur=5&sharp=10");
        assert_eq!((all.width, all.height, all.density), (Some(400), Some(300), 2.0));
        assert_eq!((all.fit, all.focus), (Fit::Cover, Focus::Side { x: 0.0, y: 0.0 }));
        assert_eq!((all.format, all.quality, all.quarters), (Some(Format::Webp), Some(60), 1));
        assert_eq!((all.background, all.blur, all.sharpen), (Some([255, 0, 0, 128]), 5, 10));
        assert_eq!(all.flip, Flip { horizontal: true, vertical: false });
        assert_eq!(parsed("rect=1,2,3,4").part, Some(Part { x: 1, y: 2, width: 3, height: 4 }));
        assert_eq!(parsed("ar=16%3A9").aspect, Some(16.0 / 9.0));
        assert_eq!(parsed("fp-x=0.25&crop=focalpoint").focus, Focus::Point { x: 0.25, y: 0.5, zoom: 1.0 });
        assert!(parsed("auto=format%2Ccompress").negotiates && parsed("auto=compress").compress);
        let automatic = parsed("format=png&format=auto");
        assert!(automatic.negotiates && automatic.depends_on_accept() && parsed("rotate=270").quarters == 3);
        assert!(parsed("fm=pjpg").progressive && !parsed("fm=jpg").progressive);
        assert_eq!(parsed("bg=%23fff").background, Some([255; 4]));
        assert_eq!(parsed("w=1&w=2").width, Some(2));
    }

    #[test]
    fn each_name_is_read_and_tells_what_it_expects() {
        for (name, expected) in EXPECTED.iter().chain([&SHARP]) {
            for value in ["", "nonsense", "-1", "NaN", "1e+9", "99999999999999999999", "\u{0}", "%FF"] {
                let error = Parameters::of_pairs([((*name).into(), value.into())]).unwrap_err();
                assert_eq!(error.status(), 400);
                assert!(error.to_string().contains(name) && error.to_string().contains(expected), "{error}");
            }
        }
    }

    #[test]
    fn what_is_not_ours_is_left_alone() {
        assert_eq!(Parameters::of_query(""), Ok(None));
        assert_eq!(Parameters::of_query("v=3&utm_source=x&width=9&W=1&%FF"), Ok(None));
        assert_eq!(parsed("v=3&w=1").width, Some(1));
        assert!(Parameters::of_query(&"w=1&".repeat(2000)).is_err());
    }

    #[test]
    fn values_have_bounds() {
        for query in [
            "w=0",
            "w=8193",
            "h=1.5",
            "dpr=0.1",
            "dpr=9",
            "q=0",
            "q=101",
            "rot=45",
            "rot=450",
            "ar=0:1",
            "ar=1:0",
            "ar=1:2:3",
            "rect=1,2,3",
            "rect=1,2,3,4,5",
            "rect=1,2,0,4",
            "crop=left,right",
            "crop=faces",
            "fit=facearea",
            "fp-x=1.1",
            "fp-z=0.5",
            "bg=12345",
            "bg=zzz",
            "blur=251",
            "sharp=101",
            "orient=0",
            "orient=9",
            "fm=heic",
            "auto=enhance",
            "flip=x",
            "lossless=yes",
        ] {
            assert!(matches!(Parameters::of_query(query), Err(Error::Parameter { .. })), "{query}");
        }
    }
}
