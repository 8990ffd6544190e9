//! What ends with time, on a clock that is moved: tokens, sessions, codes, and the keys that sign.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::time::Duration;

use base::{Env, Timestamp};
use cognito::Config;
use mail::Mailer;
use outbound::{Loopback, Outbound, Reach};
use serde_json::{Value, json};
use testkit::TestCloud;
use vault::Vault;

const HOUR: Duration = Duration::from_secs(3_600);
const DAY: Duration = Duration::from_secs(86_400);
const PASSWORD: &str = "Right-Passw0rd";

/// A cloud with a pool, a client of it, and a user.
struct Users {
    cloud: TestCloud,
    pool: String,
    client: String,
}

impl Users {
    async fn new() -> Users {
        let vault = Vault::in_memory(&Env::simulated(2, Timestamp(0)));
        let mailer = Mailer::mailbox("no-reply@localhost").unwrap();
        let base = "http://localhost:4566".into();
        let outbound = Outbound::new(Reach { loopback: Loopback::All });
        let cloud = TestCloud::new([cognito::service(Config { base, mailer, vault, outbound })]);
        let mut users = Users { cloud, pool: String::new(), client: String::new() };
        let made = users.call("CreateUserPool", json!({"PoolName": "p"})).await.unwrap();
        users.pool = made["UserPool"]["Id"].as_str().unwrap().to_owned();
        let flows = json!(["ALLOW_USER_PASSWORD_AUTH", "ALLOW_REFRESH_TOKEN_AUTH"]);
        let client = json!({"UserPoolId": users.pool, "ClientName": "c", "ExplicitAuthFlows": flows});
        let made = users.call("CreateUserPoolClient", client).await.unwrap();
        users.client = made["UserPoolClient"]["ClientId"].as_str().unwrap().to_owned();
        let user = json!({"UserPoolId": users.pool, "Username": "ada", "MessageAction": "SUPPRESS"});
        users.call("AdminCreateUser", user).await.unwrap();
        users.set_password(true).await;
        users
    }

    async fn call(&self, operation: &str, input: Value) -> Result<Value, String> {
        let answer = self.cloud.call("cognito-idp", operation, input).await;
        answer.map_err(|error| format!("{}: {}", error.code, error.message))
    }

    async fn set_password(&self, permanent: bool) {
        let input = json!({"UserPoolId": self.pool, "Username": "ada", "Password": PASSWORD, "Permanent": permanent});
        self.call("AdminSetUserPassword", input).await.unwrap();
    }

    async fn sign_in(&self) -> Result<Value, String> {
        let parameters = json!({"USERNAME": "ada", "PASSWORD": PASSWORD});
        let input = json!({"ClientId": self.client, "AuthFlow": "USER_PASSWORD_AUTH", "AuthParameters": parameters});
        self.call("InitiateAuth", input).await
    }

    async fn refresh(&self, tokens: &Value) -> Result<Value, String> {
        let parameters = json!({"REFRESH_TOKEN": tokens["AuthenticationResult"]["RefreshToken"]});
        let input = json!({"ClientId": self.client, "AuthFlow": "REFRESH_TOKEN_AUTH", "AuthParameters": parameters});
        self.call("InitiateAuth", input).await
    }

    async fn get_user(&self, tokens: &Value) -> Result<Value, String> {
        self.call("GetUser", json!({"AccessToken": tokens["AuthenticationResult"]["AccessToken"]})).await
    }
}

#[tokio::test]
async fn tokens_end_when_they_say_so() {
    let users = Users::new().await;
    let tokens = users.sign_in().await.unwrap();
    users.cloud.advance(HOUR - Duration::from_secs(1)).await;
    assert!(users.get_user(&tokens).await.is_ok());
    users.cloud.advance(Duration::from_secs(1)).await;
    assert_eq!(users.get_user(&tokens).await.unwrap_err(), "NotAuthorizedException: Access Token has expired");
    users.cloud.advance(DAY * 29).await;
    let again = users.refresh(&tokens).await.unwrap();
    assert!(users.get_user(&again).await.is_ok());
    users.cloud.advance(DAY).await;
    assert_eq!(users.refresh(&tokens).await.unwrap_err(), "NotAuthorizedException: Invalid Refresh Token");
}

#[tokio::test]
async fn a_key_signs_for_a_while_and_is_published_as_long_as_its_tokens_live() {
    let users = Users::new().await;
    let key = |tokens: &Value| {
        let token = tokens["AuthenticationResult"]["AccessToken"].as_str().unwrap().to_owned();
        jwt::Token::parse(&token).unwrap().key_id().unwrap().to_owned()
    };
    let first = users.sign_in().await.unwrap();
    users.cloud.advance(DAY * 90 - Duration::from_secs(60)).await;
    let last = users.sign_in().await.unwrap();
    assert_eq!(key(&first), key(&last));
    users.cloud.advance(Duration::from_secs(120)).await;
    let next = users.sign_in().await.unwrap();
    assert_ne!(key(&next), key(&last));
    assert!(users.get_user(&last).await.is_ok(), "what the key before signed is good");
    let arn = format!("arn:aws:cognito-idp:us-east-1:000000000000:userpool/{}", users.pool).parse().unwrap();
    let published = || {
        let keys = users.cloud.cloud.user_pools().unwrap().keys(&users.cloud.root(), &arn).unwrap().unwrap();
        jwt::KeySet::parse(&keys.keys).unwrap()
    };
    assert!(published().has(&key(&last)) && published().has(&key(&next)));
    users.cloud.advance(DAY + Duration::from_secs(1)).await;
    assert!(!published().has(&key(&last)) && published().has(&key(&next)));
}

#[tokio::test]
async fn temporary_passwords_and_sessions_end() {
    let users = Users::new().await;
    users.set_password(false).await;
    let begun = users.sign_in().await.unwrap();
    let answer = |begun: &Value| {
        let responses = json!({"USERNAME": "ada", "NEW_PASSWORD": "Newer-Passw0rd"});
        json!({
            "ClientId": users.client, "ChallengeName": "NEW_PASSWORD_REQUIRED", "Session": begun["Session"],
            "ChallengeResponses": responses,
        })
    };
    users.cloud.advance(Duration::from_secs(180)).await;
    let late = users.call("RespondToAuthChallenge", answer(&begun)).await.unwrap_err();
    assert!(late.contains("session is expired"), "{late}");
    let begun = users.sign_in().await.unwrap();
    users.cloud.advance(Duration::from_secs(179)).await;
    assert!(users.call("RespondToAuthChallenge", answer(&begun)).await.is_ok());
    users.set_password(false).await;
    users.cloud.advance(DAY * 7).await;
    let ended = users.sign_in().await.unwrap_err();
    assert!(ended.contains("Temporary password has expired"), "{ended}");
}

#[tokio::test]
async fn who_is_locked_out_gets_in_again() {
    let users = Users::new().await;
    for _ in 0..6 {
        let parameters = json!({"USERNAME": "ada", "PASSWORD": "Wrong-Passw0rd"});
        let input = json!({"ClientId": users.client, "AuthFlow": "USER_PASSWORD_AUTH", "AuthParameters": parameters});
        users.call("InitiateAuth", input).await.unwrap_err();
    }
    assert!(users.sign_in().await.unwrap_err().contains("Password attempts exceeded"));
    users.cloud.advance(Duration::from_secs(1)).await;
    users.sign_in().await.unwrap();
}

#[tokio::test]
async fn a_sign_in_under_way_ends_with_a_sign_out_from_everywhere_and_with_the_password() {
    let users = Users::new().await;
    users.set_password(false).await;
    let answer = |begun: &Value| {
        let responses = json!({"USERNAME": "ada", "NEW_PASSWORD": "Newer-Passw0rd"});
        json!({
            "ClientId": users.client, "ChallengeName": "NEW_PASSWORD_REQUIRED", "Session": begun["Session"],
            "ChallengeResponses": responses,
        })
    };
    let begun = users.sign_in().await.unwrap();
    users.cloud.advance(Duration::from_secs(1)).await;
    users.call("AdminUserGlobalSignOut", json!({"UserPoolId": users.pool, "Username": "ada"})).await.unwrap();
    let refused = users.call("RespondToAuthChallenge", answer(&begun)).await.unwrap_err();
    assert!(refused.starts_with("NotAuthorizedException"), "{refused}");
    let begun = users.sign_in().await.unwrap();
    users.set_password(false).await;
    let refused = users.call("RespondToAuthChallenge", answer(&begun)).await.unwrap_err();
    assert!(refused.starts_with("NotAuthorizedException"), "{refused}");
    let begun = users.sign_in().await.unwrap();
    users.call("RespondToAuthChallenge", answer(&begun)).await.unwrap();
}

#[tokio::test]
async fn a_passkey_is_waited_for_no_longer_than_browsers_are_told() {
    let users = Users::new().await;
    let policies = json!({"SignInPolicy": {"AllowedFirstAuthFactors": ["PASSWORD", "WEB_AUTHN"]}});
    users.call("UpdateUserPool", json!({"UserPoolId": users.pool, "Policies": policies})).await.unwrap();
    let party = json!({"RelyingPartyId": "example.com", "UserVerification": "preferred"});
    let input = json!({"UserPoolId": users.pool, "MfaConfiguration": "OFF", "WebAuthnConfiguration": party});
    users.call("SetUserPoolMfaConfig", input).await.unwrap();
    let client = json!({
        "UserPoolId": users.pool, "ClientName": "d", "ExplicitAuthFlows": ["ALLOW_USER_AUTH"], "AuthSessionValidity": 15,
        "PreventUserExistenceErrors": "ENABLED",
    });
    let made = users.call("CreateUserPoolClient", client).await.unwrap();
    let client = &made["UserPoolClient"]["ClientId"];
    let parameters = json!({"USERNAME": "ada", "PREFERRED_CHALLENGE": "WEB_AUTHN"});
    let input = json!({"ClientId": client, "AuthFlow": "USER_AUTH", "AuthParameters": parameters});
    let begun = users.call("InitiateAuth", input).await.unwrap();
    assert_eq!(begun["ChallengeName"], "WEB_AUTHN");
    let answer = json!({
        "ClientId": client, "ChallengeName": "WEB_AUTHN", "Session": begun["Session"],
        "ChallengeResponses": {"USERNAME": "ada", "CREDENTIAL": "{}"},
    });
    users.cloud.advance(Duration::from_secs(179)).await;
    let early = users.call("RespondToAuthChallenge", answer.clone()).await.unwrap_err();
    assert!(early.starts_with("InvalidParameterException"), "{early}");
    users.cloud.advance(Duration::from_secs(1)).await;
    let late = users.call("RespondToAuthChallenge", answer).await.unwrap_err();
    assert!(late.contains("session is expired"), "{late}");
}
