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
    let (sealed, to) = (Some(Bytes::from_static(&[1])), Some("a".to_owned()));
    let code = Code { sealed, expires, attempts: 1, sent: 2, since, pending: None, to, tries: [].into() };
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
        scopes: None,
        device: None,
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
    let before = GOLDEN[2].replace("87a67365616c6564", "86a67365616c6564").replace("a2746fa161", "");
    let mut user = whole_user();
    user.codes.values_mut().for_each(|code| code.to = None);
    assert_eq!(User::from_bytes(&hex::decode(before).unwrap().into()).unwrap(), user, "one that has no `to` yet");
    assert_eq!(Pool::from_bytes(&pool().to_bytes().unwrap()).unwrap(), pool());
}

const GOLDEN: [&str; 6] = [
    "018ca26964a3725f50a361726ed92461726e3a6177733a636f676e69746f2d6964703a723a303a75736572706f6f6c2f725f50a46e616d\
     65a170a76372656174656401a86d6f64696669656402b0616c6961735f6174747269627574657391a5656d61696cb3757365726e616d65\
     5f6174747269627574657390ae636173655f73656e736974697665c3a6736368656d619186a46e616d65a8637573746f6d3a61a46b696e\
     64a64e756d626572a76d757461626c65c3a87265717569726564c2a36d696ea131a36d6178c0a873657474696e67738ea870617373776f\
     726486ae6d696e696d756d5f6c656e67746808a9757070657263617365c3a96c6f77657263617365c3a76e756d62657273c3a773796d62\
     6f6c73c3ae74656d706f726172795f6461797307b364656c6574696f6e5f70726f74656374696f6ec2ad6175746f5f7665726966696564\
     90b676657269666965645f6265666f72655f75706461746590a8747269676765727380ab746f6b656e5f6576656e7400ac766572696669\
     636174696f6e82a77375626a656374c0a76d657373616765c0aa696e7669746174696f6e82a77375626a656374c0a76d657373616765c0\
     b261646d696e5f637265617465735f6f6e6c79c2a5656d61696c84a6736f75726365c0a466726f6dc0a87265706c795f746fc0a7616363\
     6f756e74c0a87265636f7665727990a36d6661a84f7074696f6e616cb2736f6674776172655f746f6b656e5f6d6661c2a9656d61696c5f\
     6d6661c0a47461677381a161a162a56465636f79c40101",
    "0186a26964a163a4706f6f6ca3725f50a76372656174656401a86d6f64696669656402a6736563726574c40101a873657474696e6773de\
     0011a46e616d65a0a5666c6f777390a661636365737382a66e756d62657205a4756e6974a74d696e75746573a26964c0a7726566726573\
     68c0a87265616461626c65c0a87772697461626c65c0ad63616c6c6261636b5f75726c7390ab6c6f676f75745f75726c7390b064656661\
     756c745f7265646972656374c0ab6f617574685f666c6f777390ac6f617574685f73636f70657390a56f61757468c2b26964656e746974\
     795f70726f76696465727390ab68696465735f7573657273c2a97265766f6361626c65c2af73657373696f6e5f6d696e7574657300",
    "01de0010a4706f6f6cab75732d656173742d315f50a46e616d65a3416461a36b6579a3616461a3737562a173a76372656174656401a86d\
     6f64696669656402a6737461747573a9436f6e6669726d6564a7656e61626c6564c3aa6174747269627574657381a5656d61696caf6164\
     61406578616d706c652e636f6da870617373776f726486a468617368c40101a473616c74c40102aa6d656d6f72795f6b696203a6706173\
     73657304a87372705f73616c74c40105a87665726966696572c40106af74656d706f726172795f756e74696cc0a5636f64657381a57265\
     73657487a67365616c6564c40101a76578706972657303a8617474656d70747301a473656e7402a573696e636504a770656e64696e67c0\
     a2746fa161a86661696c7572657300ac6c6f636b65645f756e74696cc0a36d666186ae736f6674776172655f746f6b656ec0ad70656e64696e675f74\
     6f6b656ec0a96c6173745f7374657000b6736f6674776172655f746f6b656e5f656e61626c6564c2ad656d61696c5f656e61626c6564c2\
     a9707265666572726564c0aa7369676e65645f6f7574c0",
    "0187a4706f6f6ca3725f50a46e616d65a167ab6465736372697074696f6ec0a4726f6c65a172aa707265636564656e636501a763726561\
     74656401a86d6f64696669656402",
    "0186a6636c69656e74a163a475736572a3616461a3737562a173a66f726967696ea16fa97369676e65645f696e01a76578706972657302",
    "0184a26964a16ba67365616c6564c40101a46d61646501a67075626c6963a27b7d",
];

#[test]
fn stored_forms_of_pages_do_not_drift() {
    let (pool, created, modified) = ("r_P".to_owned(), Timestamp(1), Timestamp(2));
    let domain = Domain { name: "d".into(), pool: pool.clone(), certificate: None, version: 1, created };
    let scope = Scope { name: "s".into(), description: "d".into() };
    let server = ResourceServer { pool: pool.clone(), identifier: "i".into(), name: "n".into(), scopes: vec![scope] };
    let authorization = Authorization {
        client: "c".into(),
        user: "u".into(),
        sub: "s".into(),
        redirect_uri: "r".into(),
        scopes: vec!["openid".into()],
        nonce: None,
        challenge: Some("h".into()),
        signed_in: Timestamp(1),
        expires: Timestamp(2),
        grant: Some(Bytes::from_static(&[1])),
    };
    let (client, css, version) = ("ALL".into(), "c".into(), "1".into());
    let customization = Customization { pool: pool.clone(), client, css, version, created, modified };
    let provider = Provider {
        pool,
        name: "n".into(),
        kind: ProviderKind::Oidc,
        details: [("a".to_owned(), "b".to_owned())].into(),
        secret: Some(Bytes::from_static(&[1])),
        mapping: [("email".to_owned(), "e".to_owned())].into(),
        identifiers: vec!["i".into()],
        created,
        modified,
    };
    let forms = [
        hex::encode(domain.to_bytes().unwrap()),
        hex::encode(server.to_bytes().unwrap()),
        hex::encode(authorization.to_bytes().unwrap()),
        hex::encode(customization.to_bytes().unwrap()),
        hex::encode(provider.to_bytes().unwrap()),
    ];
    assert_eq!(forms, PAGES_GOLDEN);
    assert_eq!(Provider::from_bytes(&provider.to_bytes().unwrap()).unwrap(), provider);
}

const PAGES_GOLDEN: [&str; 5] = [
    "0185a46e616d65a164a4706f6f6ca3725f50ab6365727469666963617465c0a776657273696f6e01a76372656174656401",
    "0184a4706f6f6ca3725f50aa6964656e746966696572a169a46e616d65a16ea673636f7065739182a46e616d65a173ab64657363726970\
     74696f6ea164",
    "018aa6636c69656e74a163a475736572a175a3737562a173ac72656469726563745f757269a172a673636f70657391a66f70656e6964a5\
     6e6f6e6365c0a96368616c6c656e6765a168a97369676e65645f696e01a76578706972657302a56772616e74c40101",
    "0186a4706f6f6ca3725f50a6636c69656e74a3414c4ca3637373a163a776657273696f6ea131a76372656174656401a86d6f6469666965\
     6402",
    "0189a4706f6f6ca3725f50a46e616d65a16ea46b696e64a44f696463a764657461696c7381a161a162a6736563726574c40101a76d6170\
     70696e6781a5656d61696ca165ab6964656e7469666965727391a169a76372656174656401a86d6f64696669656402",
];

#[test]
fn stored_forms_of_devices_and_passkeys_do_not_drift() {
    let (pool, user) = ("r_P".to_owned(), "ada".to_owned());
    let (created, modified) = (Timestamp(1), Timestamp(2));
    let device = Device {
        pool: pool.clone(),
        user: user.clone(),
        key: "r_1".into(),
        name: Some("n".into()),
        salt: Bytes::from_static(&[1]),
        verifier: Bytes::from_static(&[2]),
        remembered: true,
        created,
        modified,
        authenticated: Timestamp(3),
        waiting: None,
    };
    let passkey = Passkey {
        pool,
        user,
        sub: "s".into(),
        id: Bytes::from_static(&[1]),
        key: Bytes::from_static(&[2]),
        counter: 3,
        name: "n".into(),
        party: "p".into(),
        attachment: None,
        transports: vec!["usb".into()],
        created,
    };
    let devices = Some(DeviceSettings { challenge_new: true, on_prompt: false });
    let passkeys = Some(PasskeySettings { party: Some("p".into()), verifies_users: true, is_second_factor: false });
    let settings = Settings { devices, passkeys, first_factors: vec!["WEB_AUTHN".into()], ..Settings::default() };
    let whole = Pool { settings, ..self::pool() };
    assert_eq!(Pool::from_bytes(&whole.to_bytes().unwrap()).unwrap(), whole);
    let forms = [hex::encode(device.to_bytes().unwrap()), hex::encode(passkey.to_bytes().unwrap())];
    assert_eq!(forms, DEVICES_GOLDEN);
    assert_eq!(Device::from_bytes(&device.to_bytes().unwrap()).unwrap(), device);
    assert_eq!(Passkey::from_bytes(&passkey.to_bytes().unwrap()).unwrap(), passkey);
}

const DEVICES_GOLDEN: [&str; 2] = [
    "018ba4706f6f6ca3725f50a475736572a3616461a36b6579a3725f31a46e616d65a16ea473616c74c40101a87665726966696572c40102\
     aa72656d656d6265726564c3a76372656174656401a86d6f64696669656402ad61757468656e7469636174656403a777616974696e67c0",
    "018ba4706f6f6ca3725f50a475736572a3616461a3737562a173a26964c40101a36b6579c40102a7636f756e74657203a46e616d65a16e\
     a57061727479a170aa6174746163686d656e74c0aa7472616e73706f72747391a3757362a76372656174656401",
];
