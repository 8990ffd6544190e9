//! The world's randomness, as cryptographic libraries ask for it.

use std::convert::Infallible;

use base::Env;
use rand_core::{TryCryptoRng, TryRng};

/// A source of randomness for libraries: [`Env::random`].
pub struct Randomness<'a>(pub &'a Env);

impl TryRng for Randomness<'_> {
    type Error = Infallible;

    fn try_next_u32(&mut self) -> Result<u32, Infallible> {
        let mut bytes = [0; 4];
        self.0.random(&mut bytes);
        Ok(u32::from_le_bytes(bytes))
    }

    fn try_next_u64(&mut self) -> Result<u64, Infallible> {
        Ok(self.0.random_u64())
    }

    fn try_fill_bytes(&mut self, bytes: &mut [u8]) -> Result<(), Infallible> {
        self.0.random(bytes);
        Ok(())
    }
}

impl TryCryptoRng for Randomness<'_> {}
