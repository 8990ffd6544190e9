//! SRP-6a as Cognito has it: a client shows that it knows a password, and nobody on the way learns it.
//!
//! ```text
//! client -> A = g^a                                   x = H(salt | H(pool user ":" password)),  v = g^x is kept
//!        <- B = k v + g^b, salt, a block of ours      u = H(A | B)
//!        -> HMAC(K, pool | user | block | time)       K = HKDF(S, u),  S = (A v^u)^b
//! ```
//!
//! Sources: RFC 5054 (section 2.5, and the group of 3,072 bits in appendix A), RFC 5869 (HKDF), and for what Cognito has of its own
//! (numbers with a sign byte, the key's label, what is signed) AWS's `amazon-cognito-identity-js`.

use std::sync::LazyLock;

use base::Env;
use crypto_bigint::modular::{FixedMontyForm, FixedMontyParams};
use crypto_bigint::{Odd, U256, U3072};

use super::{mac, sha256};

const BYTES: usize = 384;
const GENERATOR: u8 = 2;
const LABEL: &[u8] = b"Caldera Derived Key";
const KEY_BYTES: usize = 16;

/// Source: RFC 3526, section 4; RFC 5054, appendix A.
const PRIME: &str = "\
    FFFFFFFFFFFFFFFFC90FDAA22168C234C4C6628B80DC1CD129024E088A67CC74020BBEA63B139B22514A08798E3404DD\
    EF9519B3CD3A431B302B0A6DF25F14374FE1356D6D51C245E485B576625E7EC6F44C42E9A637ED6B0BFF5CB6F406B7ED\
    EE386BFB5A899FA5AE9F24117C4B1FE649286651ECE45B3DC2007CB8A163BF0598DA48361C55D39A69163FA8FD24CF5F\
    83655D23DCA3AD961C62F356208552BB9ED529077096966D670C354E4ABC9804F1746C08CA18217C32905E462E36CE3B\
    E39E772C180E86039B2783A2EC07A28FB5C55DF06F4C52C9DE2BCBF6955817183995497CEA956AE515D2261898FA0510\
    15728E5A8AAAC42DAD33170D04507A33A85521ABDF1CBA64ECFB850458DBEF0A8AEA71575D060C7DB3970F85A6E1E4C7\
    ABF5AE8CDB0933D71E8C94E04A25619DCEE3D2261AD2EE6BF12FFA06D98A0864D87602733EC86A64521F2B18177B200C\
    BBE117577A615D6C770988C0BAD946E208E24FA074E5AB3143DB5BFCE0FD108E4B82D120A93AD2CAFFFFFFFFFFFFFFFF";

type Params = FixedMontyParams<{ U3072::LIMBS }>;
type Element = FixedMontyForm<{ U3072::LIMBS }>;

static MODULUS: LazyLock<Odd<U3072>> = LazyLock::new(|| Odd::<U3072>::from_be_hex(PRIME));
static GROUP: LazyLock<Params> = LazyLock::new(|| Params::new(*MODULUS));

fn element(number: &U3072) -> Element {
    Element::new(&number.rem(MODULUS.as_nz_ref()), &GROUP)
}

fn generator() -> Element {
    element(&U3072::from(GENERATOR))
}

/// A number of up to 384 bytes; `None` for a longer one.
fn number(bytes: &[u8]) -> Option<U3072> {
    let significant = bytes.iter().position(|byte| *byte != 0).map_or(&[][..], |first| &bytes[first..]);
    let mut padded = [0; BYTES];
    padded.get_mut(BYTES.checked_sub(significant.len())?..)?.copy_from_slice(significant);
    Some(U3072::from_be_slice(&padded))
}

/// A number as it is hashed: as few bytes as it needs, the first of which does not look like a sign.
fn signed(bytes: &[u8]) -> Vec<u8> {
    let significant = bytes.iter().position(|byte| *byte != 0).map_or(&[0][..], |first| &bytes[first..]);
    let sign = (significant[0] & 0x80 != 0).then_some(0);
    sign.into_iter().chain(significant.iter().copied()).collect()
}

fn bytes_of(element: &Element) -> Vec<u8> {
    to_bytes(&element.retrieve())
}

fn to_bytes(number: &U3072) -> Vec<u8> {
    AsRef::<[u8]>::as_ref(&number.to_be_bytes()).to_vec()
}

/// The factor that masks verifiers.
fn multiplier() -> [u8; 32] {
    sha256([signed(&to_bytes(&U3072::from_be_hex(PRIME))).as_slice(), &[GENERATOR]].concat())
}

fn exponent(hash: [u8; 32]) -> U256 {
    U256::from_be_slice(&hash)
}

/// What is kept instead of a password.
pub fn verifier(pool: &str, user: &str, password: &str, salt: &[u8]) -> Vec<u8> {
    let identity = sha256(format!("{pool}{user}:{password}"));
    let x = sha256([signed(salt).as_slice(), &identity].concat());
    bytes_of(&generator().pow(&exponent(x)))
}

/// The server's side of one exchange.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Exchange {
    /// Secret.
    pub b: [u8; 32],
    /// Sent to the client.
    pub public: Vec<u8>,
}

/// Begins an exchange for whom `verifier` is of.
pub fn begin(env: &Env, verifier: &[u8]) -> Option<Exchange> {
    let mut b = [0; 32];
    env.random(&mut b);
    let public = public(&b, verifier)?;
    Some(Exchange { b, public })
}

fn public(b: &[u8; 32], verifier: &[u8]) -> Option<Vec<u8>> {
    let masked = element(&number(&multiplier())?).mul(&element(&number(verifier)?));
    Some(bytes_of(&masked.add(&generator().pow(&exponent(*b)))))
}

/// Whether a client's number may be used: not if it is a multiple of the prime, which would make the secret known to all.
///
/// Source: RFC 5054, section 2.5.4.
pub fn is_fit(a: &[u8]) -> bool {
    number(a).is_some_and(|a| !bool::from(a.rem(MODULUS.as_nz_ref()).is_zero()))
}

/// The key that both sides have in the end; `None` where the client's number is not fit.
pub fn key(a: &[u8], b: &[u8; 32], verifier: &[u8]) -> Option<[u8; KEY_BYTES]> {
    if !is_fit(a) {
        return None;
    }
    let u = sha256([signed(a), signed(&public(b, verifier)?)].concat());
    let base = element(&number(a)?).mul(&element(&number(verifier)?).pow(&exponent(u)));
    let secret = bytes_of(&base.pow(&exponent(*b)));
    let extracted = mac(&signed(&u), &[&signed(&secret)]);
    let expanded = mac(&extracted, &[LABEL, &[1]]);
    expanded.first_chunk().copied()
}

/// What a client signs with the key to show that it has it.
pub fn proof(key: &[u8], pool: &str, user: &str, block: &[u8], time: &str) -> [u8; 32] {
    mac(key, &[pool.as_bytes(), user.as_bytes(), block, time.as_bytes()])
}

#[cfg(test)]
mod tests {
    use base::Timestamp;

    use super::*;

    /// The client's side, from the other end: S = (B - k g^x)^(a + u x).
    fn client_key(a: &[u8; 32], b_public: &[u8], salt: &[u8], password: &str) -> [u8; KEY_BYTES] {
        let a_public = bytes_of(&generator().pow(&exponent(*a)));
        let identity = sha256(format!("PoolName1user:{password}"));
        let x = sha256([signed(salt).as_slice(), &identity].concat());
        let u = sha256([signed(&a_public), signed(b_public)].concat());
        let masked = element(&number(&multiplier()).unwrap()).mul(&generator().pow(&exponent(x)));
        let base = element(&number(b_public).unwrap()).sub(&masked);
        // (base^a) * (base^u)^x, so that no exponent is longer than a hash.
        let secret = base.pow(&exponent(*a)).mul(&base.pow(&exponent(u)).pow(&exponent(x)));
        let extracted = mac(&signed(&u), &[&signed(&bytes_of(&secret))]);
        *mac(&extracted, &[LABEL, &[1]]).first_chunk().unwrap()
    }

    #[test]
    fn both_sides_have_the_same_key_if_the_password_is_the_same() {
        let env = Env::simulated(7, Timestamp::ZERO);
        for salt in [[0x00, 0x81], [0x7f, 0x01], [0x80, 0x00]] {
            let kept = verifier("PoolName1", "user", "secret", &salt);
            let exchange = begin(&env, &kept).unwrap();
            let mut a = [0; 32];
            env.random(&mut a);
            let a_public = bytes_of(&generator().pow(&exponent(a)));
            let own = key(&a_public, &exchange.b, &kept).unwrap();
            assert_eq!(client_key(&a, &exchange.public, &salt, "secret"), own);
            assert_ne!(client_key(&a, &exchange.public, &salt, "other"), own);
        }
    }

    #[test]
    fn numbers_that_would_give_the_secret_away_are_refused() {
        let prime = hex::decode(PRIME).unwrap();
        let zero: &[u8] = &[0; 5];
        let mut longer = vec![1];
        longer.extend(&prime);
        for unfit in [&[][..], zero, &prime, &longer] {
            assert!(!is_fit(unfit) && key(unfit, &[1; 32], &[2]).is_none());
        }
        assert!(is_fit(&[0, 0, 5]));
        assert_eq!((signed(&[0, 0x80]), signed(&[0, 0x7f]), signed(&[])), (vec![0, 0x80], vec![0x7f], vec![0]));
    }
}
