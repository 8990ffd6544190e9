//! What KMS does by itself when its time has come: deleting and rotating keys, forgetting material that expires.

use base::Arn;
use kv::Tx;
use service::{Cx, timers};

use crate::Kms;
use crate::error::Error;
use crate::keys::IMPORT_TOKENS;
use crate::model::{key, material, region};
use crate::ops::{new_material, rotate_everywhere};
use crate::types::{Rotation, State};

/// What comes due for a key.
pub enum Due {
    Delete,
    Rotate,
    /// The material with this number.
    Expire(u32),
    /// The wrapping key with this id.
    Token(String),
}

impl Due {
    /// The key of its timer.
    pub fn key(&self, arn: &Arn) -> Vec<u8> {
        let text = match self {
            Due::Delete => format!("delete {arn}"),
            Due::Rotate => format!("rotate {arn}"),
            Due::Expire(number) => format!("expire {arn} {number}"),
            Due::Token(id) => format!("token {arn} {id}"),
        };
        text.into_bytes()
    }

    fn read(key: &[u8]) -> Option<(Due, Arn)> {
        let mut words = std::str::from_utf8(key).ok()?.split(' ');
        let (kind, arn) = (words.next()?, words.next()?.parse().ok()?);
        let due = match (kind, words.next()) {
            ("delete", None) => Due::Delete,
            ("rotate", None) => Due::Rotate,
            ("expire", Some(number)) => Due::Expire(number.parse().ok()?),
            ("token", Some(id)) => Due::Token(id.to_owned()),
            _ => return None,
        };
        Some((due, arn))
    }
}

pub fn fire(kms: &Kms, cx: &Cx, tx: &mut Tx, timer: &timers::Timer) -> Result<(), service::Error> {
    let (due, arn) = Due::read(&timer.key).ok_or_else(|| service::Error::internal("a timer is of no key"))?;
    match run(kms, cx, tx, &due, &arn) {
        Ok(()) | Err(Error::NotFound(_)) => Ok(()),
        Err(error) => Err(error.into()),
    }
}

fn run(kms: &Kms, cx: &Cx, tx: &mut Tx, due: &Due, arn: &Arn) -> Result<(), Error> {
    let mut found = key::get(tx, arn)?;
    match due {
        Due::Delete if found.deletion.is_some_and(|deletion| deletion.at <= cx.now()) => key::delete(tx, arn, cx.now()),
        Due::Delete => Ok(()),
        Due::Rotate => {
            let Some(Rotation { period_days, .. }) = found.rotation else { return Ok(()) };
            let rotation = Rotation { period_days, next: cx.now() + material::period(period_days) };
            found.rotation = Some(rotation);
            material::set_timer(tx, arn, rotation)?;
            region::share_rotation(tx, &found)?;
            // A key that cannot be used is not rotated: AWS does that when it can be used again.
            if found.state() != State::Enabled {
                return key::put(tx, &found);
            }
            let number = material::next_number(tx, &found)?;
            // Should the transaction run again, it makes another one: the first has gone nowhere.
            let fresh = new_material(kms, cx, &found, number)?;
            rotate_everywhere(kms, tx, &mut found, number, &fresh, cx.now(), false)
        }
        Due::Expire(number) => material::forget(tx, &mut found, *number),
        Due::Token(id) => Ok(IMPORT_TOKENS.delete(tx, (&*arn.region, &*found.id, &**id))?),
    }
}
