//! Tokens of issuers, and of user pools.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, LazyLock, Mutex};
use std::time::Duration;

use base::{Arn, Env, Timestamp};
use bytes::Bytes;
use http::Request;
use jwt::{SigningKey, sign};
use rsa::PrivateKey;
use rsa::pkcs8::EncodePrivateKey as _;
use serde_json::{Value, json};
use service::{Api, Cx, Error, PoolKeys, Service, UserPools};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpListener;
use vault::Randomness;

use super::{FUNCTION, Function, World, header, invocations, text};

/// Made once, as that takes a while.
static RSA: LazyLock<Vec<u8>> = LazyLock::new(|| {
    let env = Env::simulated(1, Timestamp::ZERO);
    let key = PrivateKey::new(&mut Randomness(&env), 2_048).unwrap();
    key.to_pkcs8_der().unwrap().as_bytes().to_vec()
});

fn key(id: &str) -> SigningKey {
    SigningKey::from_pkcs8(id, &RSA).unwrap()
}

/// An issuer that answers with its configuration and its keys, and counts how often it is asked for them.
struct Issuer {
    url: String,
    keys: Arc<Mutex<Vec<Value>>>,
    asked: Arc<AtomicUsize>,
}

impl Issuer {
    async fn start() -> Issuer {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let issuer =
            Issuer { url: url.clone(), keys: Arc::new(Mutex::new(vec![key("one").jwk()])), asked: Arc::default() };
        let (keys, asked) = (issuer.keys.clone(), issuer.asked.clone());
        tokio::spawn(async move {
            loop {
                let (mut stream, _) = listener.accept().await.unwrap();
                let mut head = vec![0; 4_096];
                let length = stream.read(&mut head).await.unwrap();
                let body = if head[..length].starts_with(b"GET /keys ") {
                    asked.fetch_add(1, Ordering::SeqCst);
                    json!({"keys": *keys.lock().unwrap()})
                } else {
                    assert!(head[..length].starts_with(b"GET /.well-known/openid-configuration "));
                    json!({"issuer": url, "jwks_uri": format!("{url}/keys")})
                };
                let body = body.to_string();
                let answer =
                    format!("HTTP/1.1 200 OK\r\ncontent-length: {}\r\nconnection: close\r\n\r\n{body}", body.len());
                stream.write_all(answer.as_bytes()).await.unwrap();
            }
        });
        issuer
    }
}

fn claims(issuer: &str, more: Value) -> Value {
    let mut claims = json!({"iss": issuer, "aud": "shop", "sub": "me", "exp": 1_800_000_600, "iat": 1_800_000_000});
    claims.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
    claims
}

/// An HTTP API with `GET /me`, which needs a token, and `GET /admin`, which needs a scope besides.
async fn closed(world: &World, issuer: &str) -> String {
    let api = world.http_api(json!({}), "2.0", &["GET /me", "GET /admin"]).await;
    let authorizer = json!({
        "apiId": api, "name": "n", "authorizerType": "JWT", "identitySource": ["$request.header.Authorization"],
        "jwtConfiguration": {"issuer": issuer, "audience": ["shop"]},
    });
    let id = world.http("CreateAuthorizer", authorizer).await["authorizerId"].clone();
    for route in world.http("GetRoutes", json!({"apiId": api})).await["items"].as_array().unwrap() {
        let scopes = if route["routeKey"] == "GET /admin" { json!(["admin", "root"]) } else { json!([]) };
        let close = json!({
            "apiId": api, "routeId": route["routeId"], "authorizationType": "JWT", "authorizerId": id, "authorizationScopes": scopes,
        });
        world.http("UpdateRoute", close).await;
    }
    api
}

async fn get(world: &World, api: &str, path: &str, token: Option<&str>) -> http::Response<Bytes> {
    let request = Request::get(path).header("host", format!("{api}.execute-api.localhost"));
    let request = token.iter().fold(request, |request, token| request.header("authorization", *token));
    world.send(request, b"").await
}

#[tokio::test]
async fn tokens_of_an_issuer_are_verified_with_its_keys() {
    let (world, issuer) = (World::new(), Issuer::start().await);
    let api = closed(&world, &issuer.url).await;
    let token = |more: Value| sign(&key("one"), &claims(&issuer.url, more)).unwrap();

    let bare = get(&world, &api, "/me", None).await;
    assert_eq!((text(&bare), header(&bare, "www-authenticate")), ((401, r#"{"message":"Unauthorized"}"#), "Bearer"));
    assert_eq!(issuer.asked.load(Ordering::SeqCst), 0);
    let good = token(json!({"groups": ["a", "b"], "n": 1}));
    for sent in [good.clone(), format!("Bearer {good}")] {
        assert_eq!(get(&world, &api, "/me", Some(&sent)).await.status(), 200);
    }
    let told = world.event()["requestContext"]["authorizer"]["jwt"].clone();
    assert_eq!(
        (&told["claims"]["groups"], &told["claims"]["exp"], &told["scopes"]),
        (&json!("[a b]"), &json!("1800000600"), &Value::Null)
    );
    assert_eq!(issuer.asked.load(Ordering::SeqCst), 1, "keys are kept");

    for (more, why) in [
        (json!({"aud": "other"}), "the token does not have a valid audience"),
        (json!({"exp": 1_799_999_000}), "the token has expired"),
        (json!({"iss": "http://other.example"}), "invalid issuer"),
        (json!({"nbf": 1_800_000_500}), "the token is not valid yet"),
    ] {
        let refused = get(&world, &api, "/me", Some(&token(more))).await;
        let challenge = format!("Bearer scope=\"\" error=\"invalid_token\" error_description=\"{why}\"");
        assert_eq!((refused.status().as_u16(), header(&refused, "www-authenticate")), (401, challenge.as_str()));
    }
    assert_eq!(get(&world, &api, "/me", Some("Bearer none")).await.status(), 401);

    let refused = get(&world, &api, "/admin", Some(&token(json!({"scope": "user"})))).await;
    assert_eq!(text(&refused), (403, r#"{"message":"Forbidden"}"#));
    assert!(
        header(&refused, "www-authenticate").starts_with("Bearer scope=\"admin root\" error=\"insufficient_scope\"")
    );
    for more in [json!({"scope": "user admin"}), json!({"scp": ["admin"]})] {
        assert_eq!(get(&world, &api, "/admin", Some(&token(more))).await.status(), 200);
        assert_eq!(world.event()["requestContext"]["authorizer"]["jwt"]["scopes"], json!(["admin"]));
    }
}

#[tokio::test]
async fn an_issuer_is_asked_for_new_keys_and_not_too_often() {
    let (world, issuer) = (World::new(), Issuer::start().await);
    let api = closed(&world, &issuer.url).await;
    let token = |id: &str| sign(&key(id), &claims(&issuer.url, json!({"exp": 1_900_000_000}))).unwrap();
    let status = async |id: &str| get(&world, &api, "/me", Some(&token(id))).await.status().as_u16();
    let asked = || issuer.asked.load(Ordering::SeqCst);
    assert_eq!((status("one").await, asked()), (200, 1));
    *issuer.keys.lock().unwrap() = vec![key("one").jwk(), key("two").jwk()];
    assert_eq!((status("two").await, asked()), (401, 1), "it has just been asked");
    world.cloud.advance(Duration::from_secs(10)).await;
    assert_eq!((status("two").await, asked()), (200, 2));
    for made_up in 0..20 {
        assert_eq!(status(&format!("no-{made_up}")).await, 401);
    }
    assert_eq!((status("one").await, asked()), (200, 2));
    // A key that is taken back is good for as long as the keys are kept.
    *issuer.keys.lock().unwrap() = vec![key("two").jwk()];
    assert_eq!(status("one").await, 200);
    world.cloud.advance(Duration::from_secs(2 * 60 * 60)).await;
    assert_eq!((status("one").await, status("two").await), (401, 200));
}

/// A service with one pool.
struct Pools;

impl UserPools for Pools {
    fn keys(&self, _: &Cx, pool: &Arn) -> Result<Option<PoolKeys>, Error> {
        let keys = json!({"keys": [key("one").jwk()]}).to_string().into();
        let found = PoolKeys { issuer: "http://pools.example/us-east-1_a".into(), keys };
        Ok((pool.resource == "userpool/us-east-1_a").then_some(found))
    }
}

fn with_pools() -> World {
    let function = Function::default();
    let lambda = Service::builder(Api::named("lambda"), Arc::new(())).target(function.clone()).build();
    let pools = Service::builder(Api::named("cognito-idp"), Arc::new(())).user_pools(Pools).build();
    World::with(function, [lambda, pools])
}

#[tokio::test]
async fn rest_apis_let_users_of_pools_in() {
    let world = with_pools();
    let made = world.rest_api(json!({})).await;
    let arns =
        ["us-east-1_gone", "us-east-1_a"].map(|id| format!("arn:aws:cognito-idp:us-east-1:000000000000:userpool/{id}"));
    let authorizer = json!({"restApiId": made.api, "name": "n", "type": "COGNITO_USER_POOLS", "providerARNs": arns});
    let authorizer = world.rest("CreateAuthorizer", authorizer).await;
    assert_eq!(authorizer.get("authorizerResultTtlInSeconds"), None);
    let id = authorizer["id"].clone();
    let method = json!({"restApiId": made.api, "resourceId": made.users, "httpMethod": "GET"});
    world.proxy(&made.api, &made.users, "GET", &invocations(FUNCTION)).await;
    let close = async |scope: Option<&str>| {
        let mut patches = vec![
            json!({"op": "replace", "path": "/authorizationType", "value": "COGNITO_USER_POOLS"}),
            json!({"op": "replace", "path": "/authorizerId", "value": id}),
        ];
        patches.extend(scope.map(|scope| json!({"op": "add", "path": "/authorizationScopes", "value": scope})));
        let mut change = method.clone();
        change["patchOperations"] = json!(patches);
        world.rest("UpdateMethod", change).await;
        world.deploy(&made.api, "dev").await;
    };
    let issuer = "http://pools.example/us-east-1_a";
    let token = |more: Value| sign(&key("one"), &claims(issuer, more)).unwrap();
    let send = async |token: &str| get(&world, &made.api, "/dev/users", Some(token)).await;
    close(None).await;
    assert_eq!(send(&token(json!({"token_use": "id", "cognito:groups": ["a", "b"]}))).await.status(), 200);
    let told = world.event()["requestContext"]["authorizer"].clone();
    assert_eq!((&told["claims"]["cognito:groups"], &told["claims"]["sub"]), (&json!("a,b"), &json!("me")));
    let refused = send(&token(json!({"token_use": "access"}))).await;
    assert_eq!(text(&refused), (401, r#"{"message":"Unauthorized"}"#));
    assert_eq!(send(&token(json!({"token_use": "id", "iss": "http://other.example"}))).await.status(), 401);
    let expired = send(&token(json!({"token_use": "id", "exp": 1_700_000_000}))).await;
    assert_eq!(text(&expired), (401, r#"{"message":"The incoming token has expired"}"#));
    assert_eq!(get(&world, &made.api, "/dev/users", None).await.status(), 401);
    close(Some("shop/read")).await;
    assert_eq!(send(&token(json!({"token_use": "id"}))).await.status(), 401);
    assert_eq!(send(&token(json!({"token_use": "access", "scope": "shop/write"}))).await.status(), 401);
    assert_eq!(send(&token(json!({"token_use": "access", "scope": "shop/read x"}))).await.status(), 200);
}

#[tokio::test]
async fn an_issuer_in_awss_words_is_a_pool_of_this_cloud() {
    let world = with_pools();
    let api = closed(&world, "https://cognito-idp.us-east-1.amazonaws.com/us-east-1_a").await;
    let token = sign(&key("one"), &claims("http://pools.example/us-east-1_a", json!({}))).unwrap();
    assert_eq!(get(&world, &api, "/me", Some(&token)).await.status(), 200);
    let other = sign(&key("one"), &claims("http://pools.example/us-east-1_b", json!({}))).unwrap();
    assert_eq!(get(&world, &api, "/me", Some(&other)).await.status(), 401);
}
