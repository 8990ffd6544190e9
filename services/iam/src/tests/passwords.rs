//! Passwords of users, and credentials for single services.

use std::time::Duration;

use super::*;

const OLD: &str = "Correct-horse-1";

async fn change(world: &World, caller: &Caller, old: &str, new: &str) -> Result<Value, service::Error> {
    world.call_as(caller, "ChangePassword", json!({"OldPassword": old, "NewPassword": new})).await
}

async fn code(world: &World, caller: &Caller, old: &str, new: &str) -> String {
    change(world, caller, old, new).await.unwrap_err().code.into_owned()
}

#[tokio::test]
async fn who_changes_a_password_knows_the_one_before() {
    let world = World::new().await;
    let ann = world.user("ann").await;
    assert_eq!(code(&world, &ann, OLD, "Staple-battery-2").await, "AccessDenied", "without permission");
    world.allow("PutUserPolicy", "ann", "iam:ChangePassword", "arn:aws:iam::000000000000:user/ann").await;
    assert_eq!(code(&world, &ann, OLD, "Staple-battery-2").await, "NoSuchEntity");
    world.call("CreateLoginProfile", json!({"UserName": "ann", "Password": OLD})).await.unwrap();
    assert!(world.refused("CreateLoginProfile", json!({"UserName": "ann", "Password": OLD})).await.contains("exists"));
    for _ in 0..5 {
        assert_eq!(code(&world, &ann, "wrong", "Staple-battery-2").await, "AccessDenied");
    }
    assert_eq!(code(&world, &ann, OLD, "Staple-battery-2").await, "LimitExceeded", "even the right one");
    world.env.advance(Duration::from_secs(60));
    change(&world, &ann, OLD, "Staple-battery-2").await.unwrap();
    assert_eq!(code(&world, &ann, OLD, "Third-password-3").await, "AccessDenied");
    let root = Caller::root(world.cloud.account());
    assert_eq!(code(&world, &root, OLD, "Third-password-3").await, "InvalidUserType");
}

#[tokio::test]
async fn the_accounts_rules_are_kept() {
    let world = World::new().await;
    let ann = world.user("ann").await;
    let create = |password: &'static str| json!({"UserName": "ann", "Password": password});
    // What holds where there are no rules.
    for weak in ["Short-1", "alllowercase", "lower-and-symbols", "\u{1f511}Aa1-bcdefg", ""] {
        let refused = world.call("CreateLoginProfile", create(weak)).await.unwrap_err();
        assert!(["PasswordPolicyViolation", "ValidationError"].contains(&&*refused.code), "{weak}: {refused}");
    }
    let rules = json!({"MinimumPasswordLength": 6, "RequireNumbers": true, "PasswordReusePrevention": 2,
        "MaxPasswordAge": 90, "AllowUsersToChangePassword": true});
    assert!(
        world.refused("UpdateAccountPasswordPolicy", json!({"MaxPasswordAge": 0})).await.contains("maxPasswordAge")
    );
    world.call("UpdateAccountPasswordPolicy", rules).await.unwrap();
    assert!(world.refused("CreateLoginProfile", create("abcdef")).await.contains("password policy"));
    world.call("CreateLoginProfile", create("first1")).await.unwrap();
    // The rules let all users change their own, unless a policy denies it.
    change(&world, &ann, "first1", "second2").await.unwrap();
    for former in ["first1", "second2"] {
        assert_eq!(code(&world, &ann, "second2", former).await, "PasswordPolicyViolation", "{former}");
    }
    change(&world, &ann, "second2", "third3").await.unwrap();
    change(&world, &ann, "third3", "first1").await.unwrap();
    let deny = json!({"Version": "2012-10-17", "Statement": {"Effect": "Deny", "Action": "iam:*", "Resource": "*"}});
    let input = json!({"UserName": "ann", "PolicyName": "deny", "PolicyDocument": deny.to_string()});
    world.call("PutUserPolicy", input).await.unwrap();
    assert_eq!(code(&world, &ann, "first1", "fourth4").await, "AccessDenied");
    world.call("DeleteAccountPasswordPolicy", json!({})).await.unwrap();
    assert!(world.refused("GetAccountPasswordPolicy", json!({})).await.contains("000000000000"));
}

#[tokio::test]
async fn credentials_go_with_their_user() {
    let world = World::new().await;
    world.user("ann").await;
    world.call("CreateLoginProfile", json!({"UserName": "ann", "Password": OLD})).await.unwrap();
    let create = json!({"UserName": "ann", "ServiceName": "codecommit.amazonaws.com"});
    let first = world.call("CreateServiceSpecificCredential", create.clone()).await.unwrap();
    let second = world.call("CreateServiceSpecificCredential", create.clone()).await.unwrap();
    let of = |made: &Value, member: &str| made["ServiceSpecificCredential"][member].as_str().unwrap().to_owned();
    assert_eq!(of(&first, "ServiceUserName"), "ann-at-000000000000");
    assert_eq!(of(&second, "ServiceUserName"), "ann+1-at-000000000000");
    assert!(world.refused("CreateServiceSpecificCredential", create).await.starts_with("LimitExceeded"));
    world.call("UpdateUser", json!({"UserName": "ann", "NewUserName": "Bea"})).await.unwrap();
    let profile = world.call("GetLoginProfile", json!({"UserName": "Bea"})).await.unwrap();
    assert_eq!(profile["LoginProfile"]["UserName"], "Bea");
    let all = world.call("ListServiceSpecificCredentials", json!({"AllUsers": true})).await.unwrap();
    let listed = all["ServiceSpecificCredentials"].as_array().unwrap();
    assert_eq!(listed.len(), 2);
    assert!(listed.iter().all(|one| one["UserName"] == "Bea" && one.get("ServicePassword").is_none()));
    for (id, left) in [(of(&first, "ServiceSpecificCredentialId"), "login profile"), (String::new(), "referenced")] {
        assert!(world.refused("DeleteUser", json!({"UserName": "Bea"})).await.contains("must"), "{left}");
        if !id.is_empty() {
            let delete = json!({"UserName": "Bea", "ServiceSpecificCredentialId": id});
            world.call("DeleteServiceSpecificCredential", delete).await.unwrap();
        }
    }
}
