//! What is accepted as a token of an issuer, and all that is not.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::sync::LazyLock;
use std::time::Duration;

use base::{Env, Timestamp};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use jwt::{Algorithm, Claims, Error, KEY_SET_BYTES_MAX, KEYS_MAX, KeySet, SigningKey, TOKEN_BYTES_MAX, Token, sign};
use ring::rand::SystemRandom;
use ring::signature::{
    ECDSA_P256_SHA256_FIXED_SIGNING, ECDSA_P384_SHA384_FIXED_SIGNING, EcdsaKeyPair, EcdsaSigningAlgorithm,
    Ed25519KeyPair, KeyPair as _, RSA_PKCS1_SHA384, RSA_PKCS1_SHA512, RSA_PSS_SHA256, RSA_PSS_SHA384, RSA_PSS_SHA512,
    RsaEncoding,
};
use ring::{hmac, rsa::KeyPair};
use rsa::PrivateKey;
use rsa::pkcs8::EncodePrivateKey as _;
use serde_json::{Value, json};
use vault::Randomness;

/// A private key of RSA in PKCS #8: made once, as that takes a while.
static RSA: LazyLock<Vec<u8>> = LazyLock::new(|| {
    let env = Env::simulated(1, Timestamp::ZERO);
    let key = PrivateKey::new(&mut Randomness(&env), 2_048).unwrap();
    key.to_pkcs8_der().unwrap().as_bytes().to_vec()
});

fn signing_key() -> SigningKey {
    SigningKey::from_pkcs8("first", &RSA).unwrap()
}

fn set(keys: &[Value]) -> KeySet {
    KeySet::parse(json!({"keys": keys}).to_string().as_bytes()).unwrap()
}

fn encode(bytes: impl AsRef<[u8]>) -> String {
    URL_SAFE_NO_PAD.encode(bytes)
}

/// A token of a header and claims as they are written, signed by `sign`.
fn written(header: &str, claims: &str, sign: impl FnOnce(&[u8]) -> Vec<u8>) -> String {
    let signed = format!("{}.{}", encode(header), encode(claims));
    let signature = encode(sign(signed.as_bytes()));
    format!("{signed}.{signature}")
}

fn with_rsa(encoding: &'static dyn RsaEncoding) -> impl FnOnce(&[u8]) -> Vec<u8> {
    move |bytes| {
        let key = KeyPair::from_pkcs8(&RSA).unwrap();
        let mut signature = vec![0; key.public().modulus_len()];
        key.sign(encoding, &SystemRandom::new(), bytes, &mut signature).unwrap();
        signature
    }
}

fn verify(text: &str, keys: &KeySet) -> Result<Claims, Error> {
    Token::parse(text)?.verify(keys, &Algorithm::ALL)
}

#[test]
fn what_was_signed_is_verified() {
    let key = signing_key();
    let text = sign(&key, &json!({"sub": "me", "n": 1})).unwrap();
    let token = Token::parse(&text).unwrap();
    assert_eq!((token.key_id(), token.unverified_claims()["sub"].as_str()), (Some("first"), Some("me")));
    let claims = token.verify(&set(&[key.jwk()]), &[Algorithm::Rs256]).unwrap();
    assert_eq!((claims.text("sub"), claims.text("n"), claims.get("n")), (Some("me"), None, Some(&json!(1))));
    assert_eq!(sign(&key, &json!([1])), Err(Error::Malformed("the claims")));
    assert_eq!(SigningKey::from_pkcs8("x", b"no key").err(), Some(Error::SigningKey));
}

#[test]
fn each_algorithm_is_verified_with_a_key_of_its_kind_and_no_other() {
    let mut tokens: Vec<(Algorithm, Value, String)> = Vec::new();
    let rsa = signing_key().jwk();
    let encodings: [(Algorithm, &'static dyn RsaEncoding); 5] = [
        (Algorithm::Rs384, &RSA_PKCS1_SHA384),
        (Algorithm::Rs512, &RSA_PKCS1_SHA512),
        (Algorithm::Ps256, &RSA_PSS_SHA256),
        (Algorithm::Ps384, &RSA_PSS_SHA384),
        (Algorithm::Ps512, &RSA_PSS_SHA512),
    ];
    let header = |algorithm: Algorithm| json!({"alg": algorithm.word(), "kid": "first"}).to_string();
    for (algorithm, encoding) in encodings {
        let mut jwk = rsa.clone();
        jwk["alg"] = json!(algorithm.word());
        tokens.push((algorithm, jwk, written(&header(algorithm), "{}", with_rsa(encoding))));
    }
    let curves: [(Algorithm, &str, &'static EcdsaSigningAlgorithm); 2] = [
        (Algorithm::Es256, "P-256", &ECDSA_P256_SHA256_FIXED_SIGNING),
        (Algorithm::Es384, "P-384", &ECDSA_P384_SHA384_FIXED_SIGNING),
    ];
    for (algorithm, curve, method) in curves {
        let random = SystemRandom::new();
        let der = EcdsaKeyPair::generate_pkcs8(method, &random).unwrap();
        let key = EcdsaKeyPair::from_pkcs8(method, der.as_ref(), &random).unwrap();
        let (x, y) = key.public_key().as_ref()[1..].split_at(key.public_key().as_ref().len() / 2);
        let jwk = json!({"kid": "first", "kty": "EC", "crv": curve, "x": encode(x), "y": encode(y)});
        let token = written(&header(algorithm), "{}", |bytes| key.sign(&random, bytes).unwrap().as_ref().to_vec());
        tokens.push((algorithm, jwk, token));
    }
    let der = Ed25519KeyPair::generate_pkcs8(&SystemRandom::new()).unwrap();
    let key = Ed25519KeyPair::from_pkcs8(der.as_ref()).unwrap();
    let jwk = json!({"kid": "first", "kty": "OKP", "crv": "Ed25519", "x": encode(key.public_key())});
    let token = written(&header(Algorithm::EdDsa), "{}", |bytes| key.sign(bytes).as_ref().to_vec());
    tokens.push((Algorithm::EdDsa, jwk, token));

    for (algorithm, _, token) in &tokens {
        for (own, jwk, _) in &tokens {
            let expected = if own == algorithm { Ok(()) } else { Err(Error::Algorithm) };
            assert_eq!(
                verify(token, &set(std::slice::from_ref(jwk))).map(|_| ()),
                expected,
                "{algorithm:?} with {own:?}"
            );
        }
        let others: Vec<_> = Algorithm::ALL.into_iter().filter(|other| other != algorithm).collect();
        let refused = Token::parse(token).unwrap().verify(&set(std::slice::from_ref(&rsa)), &others);
        assert_eq!(refused, Err(Error::Algorithm), "{algorithm:?} is not allowed");
    }
}

#[test]
fn tokens_that_others_made_are_refused() {
    let key = signing_key();
    let jwk = key.jwk();
    let keys = set(std::slice::from_ref(&jwk));
    let good = sign(&key, &json!({"sub": "me"})).unwrap();
    let (signed, signature) = good.rsplit_once('.').unwrap();
    let (header, claims) = signed.split_once('.').unwrap();
    // The public key as everybody knows it, taken for a shared secret.
    let with_public_key = |bytes: &[u8]| {
        hmac::sign(&hmac::Key::new(hmac::HMAC_SHA256, jwk["n"].as_str().unwrap().as_bytes()), bytes).as_ref().to_vec()
    };
    let rs256 = |header: &str, claims: &str| written(header, claims, with_rsa(&ring::signature::RSA_PKCS1_SHA256));
    let known = r#"{"alg":"RS256","kid":"first"}"#;
    let other = encode(r#"{"sub":"you"}"#);
    let cases: Vec<(&str, String, Error)> = vec![
        ("none", written(r#"{"alg":"none","kid":"first"}"#, "{}", |_| Vec::new()), Error::Algorithm),
        ("None", written(r#"{"alg":"None","kid":"first"}"#, "{}", |_| Vec::new()), Error::Algorithm),
        ("a shared secret", written(r#"{"alg":"HS256","kid":"first"}"#, "{}", with_public_key), Error::Algorithm),
        ("no algorithm", rs256(r#"{"kid":"first"}"#, "{}"), Error::Algorithm),
        ("an algorithm that is no text", rs256(r#"{"alg":["RS256"],"kid":"first"}"#, "{}"), Error::Algorithm),
        ("another kind of key", rs256(r#"{"alg":"ES256","kid":"first"}"#, "{}"), Error::Algorithm),
        ("another of RSA's", rs256(r#"{"alg":"PS256","kid":"first"}"#, "{}"), Error::Algorithm),
        ("no key", rs256(r#"{"alg":"RS256"}"#, "{}"), Error::UnknownKey),
        ("an unknown key", rs256(r#"{"alg":"RS256","kid":"second"}"#, "{}"), Error::UnknownKey),
        (
            "critical extensions",
            rs256(r#"{"alg":"RS256","kid":"first","crit":["b64"],"b64":true}"#, "{}"),
            Error::Critical,
        ),
        ("other claims", format!("{header}.{other}.{signature}"), Error::Signature),
        ("no signature", format!("{signed}."), Error::Signature),
        ("half a signature", format!("{signed}.{}", &signature[..172]), Error::Signature),
        ("bytes after it", format!("{good}\n"), Error::Malformed("the signature")),
        ("a part after it", format!("{good}.{signature}"), Error::Malformed("the claims")),
        ("two parts", format!("{header}.{claims}"), Error::Malformed("the token")),
        ("one part", header.to_owned(), Error::Malformed("the token")),
        ("nothing", String::new(), Error::Malformed("the token")),
        ("padding", format!("{header}.{claims}.{signature}=="), Error::Malformed("the signature")),
        ("another alphabet", format!("{header}.{claims}.+/{}", &signature[2..]), Error::Malformed("the signature")),
        ("a member twice", rs256(known, r#"{"sub":"me","sub":"you"}"#), Error::Malformed("the claims")),
        (
            "a header's member twice",
            rs256(r#"{"alg":"RS256","kid":"a","kid":"first"}"#, "{}"),
            Error::Malformed("the header"),
        ),
        ("something after the claims", rs256(known, "{} {}"), Error::Malformed("the claims")),
        ("claims that are no object", rs256(known, "[]"), Error::Malformed("the claims")),
        ("too long", format!("{good}{}", "A".repeat(TOKEN_BYTES_MAX)), Error::TooLarge),
    ];
    assert!(verify(&good, &keys).is_ok());
    for (what, text, expected) in cases {
        assert_eq!(verify(&text, &keys), Err(expected), "{what}");
    }
}

#[test]
fn sets_of_keys_are_bounded_and_what_is_of_no_use_is_left_out() {
    let key = signing_key();
    let good = key.jwk();
    let with = |name: &str, value: Value| {
        let mut other = good.clone();
        other[name] = value;
        other
    };
    let without = |name: &str| {
        let mut other = good.clone();
        other.as_object_mut().unwrap().remove(name);
        other
    };
    let useless = [
        with("kty", json!("oct")),
        with("kty", json!("LWE")),
        with("use", json!("enc")),
        with("key_ops", json!(["encrypt"])),
        with("key_ops", json!("verify")),
        with("n", json!("not base64!")),
        without("kid"),
        without("n"),
        without("kty"),
        json!("no object"),
    ];
    let token = sign(&key, &json!({})).unwrap();
    for useless in useless {
        assert!(set(std::slice::from_ref(&useless)).is_empty(), "{useless}");
        assert!(verify(&token, &set(&[useless, good.clone()])).is_ok());
    }
    for good in [without("use"), without("alg"), with("key_ops", json!(["verify"]))] {
        assert!(verify(&token, &set(&[good])).is_ok());
    }
    let named = set(std::slice::from_ref(&good));
    assert!(named.has("first") && !named.has("second"));

    let parse = |text: &str| KeySet::parse(text.as_bytes()).map(|_| ());
    for text in ["", "[]", "{}", r#"{"keys":{}}"#, r#"{"keys":[]} 1"#, r#"{"keys":[],"keys":[]}"#] {
        assert_eq!(parse(text), Err(Error::Malformed("the set of keys")), "{text}");
    }
    assert_eq!(parse(&json!({"keys": vec![&good; KEYS_MAX + 1]}).to_string()), Err(Error::TooLarge));
    assert_eq!(parse(&" ".repeat(KEY_SET_BYTES_MAX + 1)), Err(Error::TooLarge));
}

#[test]
fn claims_are_for_a_time_an_issuer_and_an_audience() {
    let key = signing_key();
    let keys = set(&[key.jwk()]);
    let own = ["us".to_owned(), "them".to_owned()];
    let check = |claims: &Value, audiences: &[String]| {
        let claims = verify(&sign(&key, claims).unwrap(), &keys).unwrap();
        claims.check(Timestamp::from_secs(1_000), "https://issuer", audiences, Duration::from_secs(10))
    };
    let good = json!({"iss": "https://issuer", "aud": "us", "exp": 1_100, "iat": 900, "nbf": 900.5});
    let cases = [
        ("aud", json!("them"), Ok(())),
        ("aud", json!(["others", "us"]), Ok(())),
        ("aud", json!("others"), Err(Error::Audience)),
        ("aud", json!([]), Err(Error::Audience)),
        ("aud", json!(1), Err(Error::Audience)),
        ("aud", Value::Null, Err(Error::Audience)),
        ("iss", json!("https://issuer/"), Err(Error::Issuer)),
        ("iss", json!(["https://issuer"]), Err(Error::Issuer)),
        ("iss", Value::Null, Err(Error::Issuer)),
        ("exp", json!(991), Ok(())),
        ("exp", json!(990), Err(Error::Expired)),
        ("exp", json!(-1), Err(Error::Expired)),
        ("exp", Value::Null, Err(Error::Expired)),
        ("exp", json!("1100"), Err(Error::Malformed("a claim of time"))),
        ("nbf", json!(1_010), Ok(())),
        ("nbf", json!(1_011), Err(Error::NotYet)),
        ("iat", json!(1_011), Err(Error::NotYet)),
        ("iat", json!({}), Err(Error::Malformed("a claim of time"))),
    ];
    assert_eq!(check(&good, &own), Ok(()));
    assert_eq!(check(&good, &[]), Err(Error::Audience), "no audience is nobody's");
    for (name, value, expected) in cases {
        let mut claims = good.clone();
        claims[name] = value.clone();
        claims.as_object_mut().unwrap().retain(|_, value| !value.is_null());
        assert_eq!(check(&claims, &own), expected, "{name} {value}");
    }
    // Access tokens of Cognito have no audience: they name their client.
    let access = json!({"iss": "https://issuer", "client_id": "us", "exp": 1_100});
    assert_eq!(check(&access, &own), Ok(()));
    let access = json!({"iss": "https://issuer", "client_id": "us", "aud": "others", "exp": 1_100});
    assert_eq!(check(&access, &own), Err(Error::Audience));
}
