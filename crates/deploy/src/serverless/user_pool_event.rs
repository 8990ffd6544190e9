//! `cognitoUserPool` events: a trigger of a pool by the pool's name, which is then made.
//!
//! Source: <https://www.serverless.com/framework/docs/providers/aws/events/cognito-user-pool>

use super::config::UserPoolTrigger;
use super::keys;
use super::read::Reader;
use crate::yaml::Node;

/// The triggers of a pool that a function can be.
const TRIGGERS: [&str; 10] = [
    "CreateAuthChallenge",
    "CustomMessage",
    "DefineAuthChallenge",
    "PostAuthentication",
    "PostConfirmation",
    "PreAuthentication",
    "PreSignUp",
    "PreTokenGeneration",
    "UserMigration",
    "VerifyAuthChallengeResponse",
];

pub fn read(item: &Node, node: &Node, reader: &mut Reader<'_>) -> Option<UserPoolTrigger> {
    reader.keys(node, "a `cognitoUserPool` event", keys::USER_POOL_EVENT);
    if reader.boolean(node, "existing") == Some(true) {
        let told = "`existing` pools are not changed by an event: name the function in the pool's own `LambdaConfig`";
        reader.error(&item.at, told);
        return None;
    }
    let (pool, trigger) = (reader.word(node, "pool"), reader.word(node, "trigger"));
    let (Some(pool), Some(trigger)) = (pool, trigger) else {
        reader.error(&item.at, "a `cognitoUserPool` event has the `pool` by its name, and a `trigger`");
        return None;
    };
    if !TRIGGERS.contains(&trigger.as_str()) {
        reader.error(&item.at, format!("`{trigger}` is not a trigger: there are {}", TRIGGERS.join(", ")));
        return None;
    }
    Some(UserPoolTrigger { pool, trigger })
}
