//! What the stored forms look like on disk: users' files have them.

use base::Timestamp;
use bytes::Bytes;
use kv::Stored;

use super::*;
use crate::model::user::tests::user;

fn pool() -> Pool {
    let attribute = SchemaAttribute {
        name: "custom:a".into(),
        kind: AttributeKind::Number,
        mutable: true,
        required: false,
        min: Some("1".into()),
        max: None,
    };
    Pool {
        id: "r_P".into(),
        arn: "arn:aws:cognito-idp:r:0:userpool/r_P".parse().unwrap(),
        name: "p".into(),
        created: Timestamp(1),
        modified: Timestamp(2),
        alias_attributes: vec!["email".into()],
        username_attributes: Vec::new(),
        case_sensitive: true,
        schema: vec![attribute],
        settings: Settings { mfa: Mfa::Optional, ..Settings::default() },
        tags: [("a".to_owned(), "b".to_owned())].into(),
        decoy: Bytes::from_static(&[1]),
    }
}

fn client() -> Client {
    let access = Some(Validity { number: 5, unit: Unit::Minutes });
    Client {
        id: "c".into(),
        pool: "r_P".into(),
        created: Timestamp(1),
        modified: Timestamp(2),
        secret: Some(Bytes::from_static(&[1])),
        settings: ClientSettings { access, ..ClientSettings::default() },
    }
}

fn whole_user() -> User {
    let password = Password {
        hash: Bytes::from_static(&[1]),
        salt: Bytes::from_static(&[2]),
        memory_kib: 3,
        passes: 4,
        srp_salt: Bytes::from_static(&[5]),
        verifier: Bytes::from_static(&[6]),
    };
    let (expires, since) = (Timestamp(3), Timestamp(4));
    let code = Code { sealed: Some(Bytes::from_static(&[1])), expires, attempts: 1, sent: 2, since, pending: None };
    User { password: Some(password), codes: [("reset".to_owned(), code)].into(), ..user() }
}

#[test]
fn stored_forms_do_not_drift() {
    let group = Group {
        pool: "r_P".into(),
        name: "g".into(),
        description: None,
        role: Some("r".into()),
        precedence: Some(1),
        created: Timestamp(1),
        modified: Timestamp(2),
    };
    let grant = Grant {
        client: "c".into(),
        user: "ada".into(),
        sub: "s".into(),
        origin: "o".into(),
        signed_in: Timestamp(1),
        expires: Timestamp(2),
    };
    let sealed = Bytes::from_static(&[1]);
    let key = SigningKey { id: "k".into(), sealed, made: Timestamp(1), public: "{}".into() };
    let forms = [
        hex::encode(pool().to_bytes().unwrap()),
        hex::encode(client().to_bytes().unwrap()),
        hex::encode(whole_user().to_bytes().unwrap()),
        hex::encode(group.to_bytes().unwrap()),
        hex::encode(grant.to_bytes().unwrap()),
        hex::encode(key.to_bytes().unwrap()),
    ];
    assert_eq!(forms, GOLDEN);
    assert_eq!(User::from_bytes(&whole_user().to_bytes().unwrap()).unwrap(), whole_user());
    assert_eq!(Pool::from_bytes(&pool().to_bytes().unwrap()).unwrap(), pool());
}

const GOLDEN: [&str; 6] = ["", "", "", "", "", ""];
