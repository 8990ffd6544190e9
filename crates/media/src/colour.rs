//! Colours that a profile describes become those of sRGB, which everybody shows right without one.

use moxcms::{ColorProfile, Layout, TransformOptions};

use crate::pixels::Pixels;

/// The same colours in sRGB. A profile that cannot be used is as none, as in browsers.
pub fn to_srgb(pixels: Pixels, profile: &[u8]) -> Pixels {
    let (Ok(from), Some(layout)) = (ColorProfile::new_from_slice(profile), layout(pixels.channels)) else {
        return pixels;
    };
    let options = TransformOptions::default();
    let Ok(transform) = from.create_transform_8bit(layout, &ColorProfile::new_srgb(), layout, options) else {
        return pixels;
    };
    let mut data = vec![0; pixels.data.len()];
    match transform.transform(&pixels.data, &mut data) {
        Ok(()) => Pixels { data, ..pixels },
        Err(_) => pixels,
    }
}

/// Shades of grey stay as they are.
fn layout(channels: usize) -> Option<Layout> {
    match channels {
        3 => Some(Layout::Rgb),
        4 => Some(Layout::Rgba),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn red() -> Pixels {
        Pixels::new(1, 1, 3, vec![200, 30, 30]).unwrap()
    }

    #[test]
    fn wide_colours_become_those_that_everybody_shows() {
        let profile = ColorProfile::new_display_p3().encode().unwrap();
        let narrow = to_srgb(red(), &profile);
        assert!(narrow.data[0] > 205 && narrow.data[1] < 25, "{narrow:?}");
        let own = to_srgb(red(), &ColorProfile::new_srgb().encode().unwrap());
        assert!(own.data.iter().zip(red().data).all(|(one, other)| one.abs_diff(other) < 2), "{own:?}");
    }

    #[test]
    fn a_profile_that_is_none_changes_nothing() {
        for profile in [&b""[..], b"acsp", &[0xFF; 4096]] {
            assert_eq!(to_srgb(red(), profile), red());
        }
    }
}
