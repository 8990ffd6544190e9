//! An authenticator in software, and everything that it must not get away with.

use ciborium::Value as Cbor;
use ring::rand::SystemRandom;
use ring::signature::{ECDSA_P256_SHA256_ASN1_SIGNING, EcdsaKeyPair, Ed25519KeyPair, KeyPair as _};
use serde_json::json;

use super::*;

const PARTY: RelyingParty<'_> = RelyingParty { id: "example.com", home: None, verifies_users: true };
const CHALLENGE: &[u8] = b"a challenge that nobody can guess";
const ID: &[u8] = b"credential";
const PRESENT_AND_VERIFIED: u8 = authenticator::USER_PRESENT | authenticator::USER_VERIFIED;

fn encoded(bytes: &[u8]) -> String {
    use base64::Engine as _;
    base64::engine::general_purpose::URL_SAFE_NO_PAD.encode(bytes)
}

fn to_bytes(value: &Cbor) -> Vec<u8> {
    let mut bytes = Vec::new();
    ciborium::into_writer(value, &mut bytes).unwrap();
    bytes
}

fn cose(members: &[(i64, Cbor)]) -> Vec<u8> {
    to_bytes(&Cbor::Map(members.iter().map(|(name, value)| (Cbor::from(*name), value.clone())).collect()))
}

/// What signs, and its public key.
enum Key {
    P256(EcdsaKeyPair),
    Edwards(Ed25519KeyPair),
}

impl Key {
    fn p256() -> Key {
        let random = SystemRandom::new();
        let made = EcdsaKeyPair::generate_pkcs8(&ECDSA_P256_SHA256_ASN1_SIGNING, &random).unwrap();
        Key::P256(EcdsaKeyPair::from_pkcs8(&ECDSA_P256_SHA256_ASN1_SIGNING, made.as_ref(), &random).unwrap())
    }

    fn edwards() -> Key {
        let made = Ed25519KeyPair::generate_pkcs8(&SystemRandom::new()).unwrap();
        Key::Edwards(Ed25519KeyPair::from_pkcs8(made.as_ref()).unwrap())
    }

    fn public(&self) -> Vec<u8> {
        match self {
            Key::P256(key) => {
                let (x, y) = key.public_key().as_ref()[1..].split_at(32);
                let numbers = [(1, 2.into()), (3, (-7).into()), (-1, 1.into())];
                cose(&[&numbers[..], &[(-2, Cbor::Bytes(x.into())), (-3, Cbor::Bytes(y.into()))]].concat())
            }
            Key::Edwards(key) => {
                let x = Cbor::Bytes(key.public_key().as_ref().into());
                cose(&[(1, 1.into()), (3, (-8).into()), (-1, 6.into()), (-2, x)])
            }
        }
    }

    fn sign(&self, message: &[u8]) -> Vec<u8> {
        match self {
            Key::P256(key) => key.sign(&SystemRandom::new(), message).unwrap().as_ref().to_vec(),
            Key::Edwards(key) => key.sign(message).as_ref().to_vec(),
        }
    }
}

fn client_data(kind: &str, challenge: &[u8], origin: &str) -> Vec<u8> {
    json!({"type": kind, "challenge": encoded(challenge), "origin": origin, "crossOrigin": false})
        .to_string()
        .into_bytes()
}

fn data(party: &str, flags: u8, counter: u32, rest: &[u8]) -> Vec<u8> {
    let hash = ring::digest::digest(&ring::digest::SHA256, party.as_bytes());
    [hash.as_ref(), &[flags], &counter.to_be_bytes(), rest].concat()
}

fn new_credential(key: &[u8]) -> Vec<u8> {
    [&[0; 16][..], &[0, ID.len() as u8], ID, key].concat()
}

fn attestation(data: &[u8]) -> Vec<u8> {
    let text = |text: &str| Cbor::Text(text.into());
    let members = [("fmt", text("none")), ("attStmt", Cbor::Map(Vec::new())), ("authData", Cbor::Bytes(data.into()))];
    to_bytes(&Cbor::Map(members.into_iter().map(|(name, value)| (text(name), value)).collect()))
}

fn registration(client_data: &[u8], data: &[u8]) -> Registration {
    let response = json!({"clientDataJSON": encoded(client_data), "attestationObject": encoded(&attestation(data)),
                          "transports": ["internal", "hybrid"]});
    let made = json!({"id": encoded(ID), "rawId": encoded(ID), "type": "public-key", "response": response});
    Registration::read(&made).unwrap()
}

fn registered(key: &Key) -> Credential {
    let made = data(PARTY.id, PRESENT_AND_VERIFIED | 0x40, 3, &new_credential(&key.public()));
    let client_data = client_data("webauthn.create", CHALLENGE, "https://example.com");
    register(PARTY, CHALLENGE, &registration(&client_data, &made)).unwrap()
}

fn assertion(key: &Key, client_data: &[u8], data: &[u8]) -> Assertion {
    let hash = ring::digest::digest(&ring::digest::SHA256, client_data);
    let signature = key.sign(&[data, hash.as_ref()].concat());
    let response = json!({
        "clientDataJSON": encoded(client_data), "authenticatorData": encoded(data), "signature": encoded(&signature),
        "userHandle": encoded(b"user"),
    });
    Assertion::read(&json!({"id": encoded(ID), "type": "public-key", "response": response})).unwrap()
}

#[test]
fn what_is_made_signs_and_counts() {
    for key in [Key::p256(), Key::edwards()] {
        let kept = registered(&key);
        assert_eq!((kept.id.as_slice(), kept.counter, kept.may_be_copied), (ID, 3, false));
        let client = client_data("webauthn.get", CHALLENGE, "https://app.example.com");
        let signed = assertion(&key, &client, &data(PARTY.id, PRESENT_AND_VERIFIED, 4, &[]));
        assert_eq!(signed.user_handle.as_deref(), Some(&b"user"[..]));
        assert_eq!(verify(PARTY, CHALLENGE, &kept, &signed), Ok(Verified { counter: 4, knew_user: true }));
        for (counter, expected) in [(3, Err(Error::Counter)), (0, Err(Error::Counter))] {
            let signed = assertion(&key, &client, &data(PARTY.id, PRESENT_AND_VERIFIED, counter, &[]));
            assert_eq!(verify(PARTY, CHALLENGE, &kept, &signed), expected);
        }
        let kept = Credential { counter: 0, ..kept };
        let signed = assertion(&key, &client, &data(PARTY.id, PRESENT_AND_VERIFIED, 0, &[]));
        assert!(verify(PARTY, CHALLENGE, &kept, &signed).is_ok(), "some do not count");
    }
}

#[test]
fn a_signature_counts_for_one_challenge_party_page_and_key() {
    let (key, other) = (Key::p256(), Key::p256());
    let kept = registered(&key);
    let (get, home) = ("webauthn.get", "https://example.com");
    let good = data(PARTY.id, PRESENT_AND_VERIFIED, 9, &[]);
    let refused =
        |client: &[u8], data: &[u8]| verify(PARTY, CHALLENGE, &kept, &assertion(&key, client, data)).unwrap_err();
    let client = client_data(get, CHALLENGE, home);
    assert_eq!(refused(&client_data("webauthn.create", CHALLENGE, home), &good), Error::Ceremony);
    assert_eq!(refused(&client_data(get, b"another", home), &good), Error::Challenge);
    assert_eq!(refused(&client_data(get, b"", home), &good), Error::Challenge);
    assert_eq!(refused(&client_data(get, CHALLENGE, "https://evil.example"), &good), Error::Origin);
    let framed = String::from_utf8(client.clone()).unwrap().replace("false", "true").into_bytes();
    assert_eq!(refused(&framed, &good), Error::Origin);
    assert_eq!(refused(&client, &data("evil.example", PRESENT_AND_VERIFIED, 9, &[])), Error::RelyingParty);
    assert_eq!(refused(&client, &data(PARTY.id, 4, 9, &[])), Error::NotPresent);
    assert_eq!(refused(&client, &data(PARTY.id, 1, 9, &[])), Error::NotVerified);
    assert!(matches!(refused(&client, &data(PARTY.id, 0x15, 9, &[])), Error::Malformed(_)), "a copy of what stays");
    assert!(matches!(refused(&client, &[&good[..], &[0]].concat()), Error::Malformed(_)));
    assert!(matches!(refused(&client, &good[..36]), Error::Malformed(_)));
    let forged = assertion(&other, &client, &good);
    assert_eq!(verify(PARTY, CHALLENGE, &kept, &forged), Err(Error::Signature));
    let changed = Assertion { authenticator_data: data(PARTY.id, 5, 10, &[]), ..assertion(&key, &client, &good) };
    assert_eq!(verify(PARTY, CHALLENGE, &kept, &changed), Err(Error::Signature));
    let anybody = RelyingParty { verifies_users: false, ..PARTY };
    let present = assertion(&key, &client, &data(PARTY.id, 1, 9, &[]));
    assert_eq!(verify(anybody, CHALLENGE, &kept, &present), Ok(Verified { counter: 9, knew_user: false }));
}

#[test]
fn a_party_at_home_takes_one_origin_alone() {
    let (key, party) = (Key::p256(), RelyingParty { home: Some("https://example.com:8443"), ..PARTY });
    let (kept, good) = (registered(&key), data(PARTY.id, PRESENT_AND_VERIFIED, 9, &[]));
    let made = data(PARTY.id, PRESENT_AND_VERIFIED | 0x40, 3, &new_credential(&key.public()));
    let signed = |origin: &str| {
        let client = client_data("webauthn.get", CHALLENGE, origin);
        verify(party, CHALLENGE, &kept, &assertion(&key, &client, &good)).map(drop)
    };
    let registered = |origin: &str| {
        let client = client_data("webauthn.create", CHALLENGE, origin);
        register(party, CHALLENGE, &registration(&client, &made)).map(drop)
    };
    assert_eq!((signed("https://example.com:8443"), registered("https://example.com:8443")), (Ok(()), Ok(())));
    for origin in
        ["https://example.com", "https://example.com:9443", "https://app.example.com:8443", "http://example.com:8443"]
    {
        assert_eq!((signed(origin), registered(origin)), (Err(Error::Origin), Err(Error::Origin)), "{origin}");
    }
}

#[test]
fn a_credential_is_taken_only_with_a_key_that_can_be_verified_with() {
    let client = client_data("webauthn.create", CHALLENGE, "https://example.com");
    let made = |rest: &[u8], flags: u8| {
        register(PARTY, CHALLENGE, &registration(&client, &data(PARTY.id, PRESENT_AND_VERIFIED | flags, 0, rest)))
    };
    let whole = new_credential(&Key::p256().public());
    assert!(made(&whole, 0x48).unwrap().may_be_copied);
    assert!(made(&[&whole[..], &to_bytes(&Cbor::Map(Vec::new()))].concat(), 0xc0).is_ok(), "extensions are left alone");
    let x = || Cbor::Bytes(vec![1; 32]);
    let rsa = |length: usize| {
        let (n, e) = (Cbor::Bytes(vec![1; length]), Cbor::Bytes(vec![1, 0, 1]));
        cose(&[(1, 3.into()), (3, (-257).into()), (-1, n), (-2, e)])
    };
    assert!(made(&new_credential(&rsa(512)), 0x40).is_ok());
    for (key, expected) in [
        (cose(&[(1, 2.into()), (3, (-35).into()), (-1, 2.into())]), Error::Algorithm),
        (cose(&[(1, 2.into()), (3, (-7).into()), (-1, 2.into()), (-2, x()), (-3, x())]), Error::Algorithm),
        (cose(&[(1, 3.into()), (3, (-7).into())]), Error::Algorithm),
        (cose(&[(1, 2.into()), (3, (-7).into()), (-1, 1.into()), (-2, x())]), Error::Malformed("")),
        (cose(&[(1, 3.into()), (3, (-257).into()), (-1, x()), (-2, x())]), Error::Malformed("")),
        (rsa(513), Error::Malformed("")),
        (vec![0xa1], Error::Malformed("")),
        (vec![0x9f; 200], Error::Malformed("")),
    ] {
        match (made(&new_credential(&key), 0x40).unwrap_err(), expected) {
            (Error::Malformed(_), Error::Malformed(_)) => {}
            (error, expected) => assert_eq!(error, expected),
        }
    }
    assert!(made(&[], 0).is_err(), "no credential at all");
    assert!(made(&whole[..20], 0x40).is_err());
    assert!(made(&[&whole[..], &[0]].concat(), 0x40).is_err());
    let unknown = client_data("webauthn.create", b"another", "https://example.com");
    let good = data(PARTY.id, PRESENT_AND_VERIFIED | 0x40, 0, &whole);
    assert_eq!(register(PARTY, CHALLENGE, &registration(&unknown, &good)), Err(Error::Challenge));
    let renamed = Registration { id: b"other".to_vec(), ..registration(&client, &good) };
    assert!(matches!(register(PARTY, CHALLENGE, &renamed), Err(Error::Malformed(_))));
}

#[test]
fn what_browsers_send_is_bounded() {
    let response = json!({"clientDataJSON": "", "attestationObject": "A".repeat(60_000)});
    let large = json!({"id": "AA", "type": "public-key", "response": response});
    assert!(matches!(Registration::read(&large), Err(Error::TooLarge)));
    for wrong in [
        json!({}),
        json!([]),
        json!({"id": "AA", "type": "password", "response": {}}),
        json!({"id": "AA", "rawId": "BB", "type": "public-key", "response": {}}),
        json!({"id": "?", "type": "public-key", "response": {}}),
        json!({"id": "AA", "type": "public-key", "response": {"clientDataJSON": "AA"}}),
    ] {
        assert!(Registration::read(&wrong).is_err() && Assertion::read(&wrong).is_err(), "{wrong}");
    }
}
