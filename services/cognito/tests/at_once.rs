//! Requests that come at once, or in an order that nobody meant: what one of them may do, several may not do more often.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use base::{Env, Timestamp};
use cognito::Config;
use hmac::{Hmac, KeyInit as _, Mac as _};
use mail::Mailer;
use outbound::{Loopback, Outbound, Reach};
use serde_json::{Value, json};
use service::outbox;
use sha1::Sha1;
use testkit::TestCloud;
use vault::Vault;

const PASSWORD: &str = "Right-Passw0rd";

/// A cloud with a pool whose users may have second factors, and a client of it.
struct Users {
    cloud: TestCloud,
    pool: String,
    client: String,
}

impl Users {
    async fn new() -> Users {
        let vault = Vault::in_memory(&Env::simulated(2, Timestamp(0)));
        let mailer = Mailer::mailbox("no-reply@localhost").unwrap();
        let outbound = Outbound::new(Reach { loopback: Loopback::All });
        let config = Config { base: "http://localhost:4566".into(), mailer, vault, outbound };
        let cloud = TestCloud::new([cognito::service(config)]);
        let mut users = Users { cloud, pool: String::new(), client: String::new() };
        let pool = json!({"PoolName": "p", "AliasAttributes": ["email", "preferred_username"]});
        let made = users.call("CreateUserPool", pool).await.unwrap();
        users.pool = made["UserPool"]["Id"].as_str().unwrap().to_owned();
        let mfa = json!({
            "UserPoolId": users.pool, "MfaConfiguration": "OPTIONAL", "SoftwareTokenMfaConfiguration": {"Enabled": true},
        });
        users.call("SetUserPoolMfaConfig", mfa).await.unwrap();
        let flows = json!(["ALLOW_USER_PASSWORD_AUTH"]);
        let client = json!({"UserPoolId": users.pool, "ClientName": "c", "ExplicitAuthFlows": flows});
        let made = users.call("CreateUserPoolClient", client).await.unwrap();
        users.client = made["UserPoolClient"]["ClientId"].as_str().unwrap().to_owned();
        users
    }

    async fn call(&self, operation: &str, input: Value) -> Result<Value, String> {
        let answer = self.cloud.call("cognito-idp", operation, input).await;
        answer.map_err(|error| format!("{}: {}", error.code, error.message))
    }

    /// The same request five times, all of which begin before any ends.
    async fn five(&self, operation: &str, input: &Value) -> [Result<Value, String>; 5] {
        let call = || self.call(operation, input.clone());
        tokio::join!(call(), call(), call(), call(), call()).into()
    }

    async fn create(&self, name: &str, attributes: &[(&str, &str)]) -> Result<Value, String> {
        let attribute = |(name, value): &(&str, &str)| json!({"Name": name, "Value": value});
        let attributes: Vec<Value> = attributes.iter().map(attribute).collect();
        let input = json!({
            "UserPoolId": self.pool, "Username": name, "UserAttributes": attributes, "MessageAction": "SUPPRESS",
            "ForceAliasCreation": true,
        });
        self.call("AdminCreateUser", input).await?;
        let input = json!({"UserPoolId": self.pool, "Username": name, "Password": PASSWORD, "Permanent": true});
        self.call("AdminSetUserPassword", input).await
    }

    async fn begin(&self, name: &str) -> Value {
        let parameters = json!({"USERNAME": name, "PASSWORD": PASSWORD});
        let input = json!({"ClientId": self.client, "AuthFlow": "USER_PASSWORD_AUTH", "AuthParameters": parameters});
        self.call("InitiateAuth", input).await.unwrap()
    }

    /// What an authenticator shows that has the secret: RFC 6238.
    fn shown(&self, secret: &str, offset: u64) -> String {
        let digit = |letter: u8| u64::from(if letter.is_ascii_digit() { letter - b'2' + 26 } else { letter - b'A' });
        let bits = |chunk: &[u8]| chunk.iter().fold(0, |bits, letter| bits << 5 | digit(*letter));
        let secret: Vec<u8> =
            secret.as_bytes().chunks(8).flat_map(|chunk| bits(chunk).to_be_bytes()[3..].to_vec()).collect();
        let step = self.cloud.root().now().as_secs() / 30 + offset;
        let mac = Hmac::<Sha1>::new_from_slice(&secret).unwrap().chain_update(step.to_be_bytes()).finalize();
        let digest = mac.into_bytes();
        let place = usize::from(digest[19] & 15);
        let number = u32::from_be_bytes(digest[place..place + 4].try_into().unwrap()) & 0x7fff_ffff;
        format!("{:06}", number % 1_000_000)
    }
}

#[tokio::test]
async fn each_code_that_is_asked_for_counts() {
    let users = Users::new().await;
    users.create("ada", &[("email", "ada@example.com"), ("email_verified", "true")]).await.unwrap();
    let forgot = json!({"ClientId": users.client, "Username": "ada"});
    users.call("ForgotPassword", forgot.clone()).await.unwrap();
    let answers = users.five("ForgotPassword", &forgot).await;
    assert_eq!(answers.iter().filter(|answer| answer.is_ok()).count(), 4);
    let refused: Vec<&String> = answers.iter().filter_map(|answer| answer.as_ref().err()).collect();
    assert!(refused[0].starts_with("LimitExceededException"), "{refused:?}");
    assert_eq!(outbox::waiting(&users.cloud.cloud.system(), 100).unwrap(), 5, "one that is refused is not sent");
}

#[tokio::test]
async fn an_authenticator_is_set_up_once_and_not_guessed() {
    let users = Users::new().await;
    users.create("ada", &[]).await.unwrap();
    let token = users.begin("ada").await["AuthenticationResult"]["AccessToken"].clone();
    let associated = users.call("AssociateSoftwareToken", json!({"AccessToken": token})).await.unwrap();
    let secret = associated["SecretCode"].as_str().unwrap().to_owned();
    let verify = json!({"AccessToken": token, "UserCode": users.shown(&secret, 0)});
    let answers = users.five("VerifySoftwareToken", &verify).await;
    assert_eq!(answers.iter().filter(|answer| answer.is_ok()).count(), 1, "{answers:?}");
    let prefer = json!({"AccessToken": token, "SoftwareTokenMfaSettings": {"Enabled": true}});
    users.call("SetUserMFAPreference", prefer).await.unwrap();

    let begun = users.begin("ada").await;
    assert_eq!(begun["ChallengeName"], "SOFTWARE_TOKEN_MFA");
    let answer = |code: &str| {
        json!({
            "ClientId": users.client, "ChallengeName": "SOFTWARE_TOKEN_MFA", "Session": begun["Session"],
            "ChallengeResponses": {"USERNAME": "ada", "SOFTWARE_TOKEN_MFA_CODE": code},
        })
    };
    for refused in users.five("RespondToAuthChallenge", &answer("nonsense")).await {
        assert!(refused.unwrap_err().starts_with("CodeMismatchException"));
    }
    for refused in users.five("RespondToAuthChallenge", &answer(&users.shown(&secret, 1))).await {
        assert!(refused.unwrap_err().contains("Password attempts exceeded"));
    }
}

#[tokio::test]
async fn nobody_takes_the_name_that_another_one_chose() {
    let users = Users::new().await;
    let attributes = |name| [("email", "ada@example.com"), ("email_verified", "true"), ("preferred_username", name)];
    users.create("ada", &attributes("countess")).await.unwrap();
    let refused = users.create("eve", &attributes("countess")).await.unwrap_err();
    assert!(refused.starts_with("AliasExistsException"), "{refused}");
    users.create("eve", &attributes("another")).await.unwrap();
    let holder = async |alias| {
        let input = json!({"UserPoolId": users.pool, "Username": alias});
        users.call("AdminGetUser", input).await.unwrap()["Username"].clone()
    };
    assert_eq!(holder("countess").await, "ada");
    assert_eq!(holder("ada@example.com").await, "eve", "an address goes to who has it now");
}
