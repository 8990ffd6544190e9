//! Names as Serverless Framework gives them, so that a service keeps its names when it moves here.
//!
//! Source: <https://www.serverless.com/framework/docs/providers/aws/guide/resources#aws-cloudformation-resource-reference>

use md5::{Digest, Md5};

pub const ROLE: &str = "IamRoleLambdaExecution";
pub const HTTP_API: &str = "HttpApi";
pub const HTTP_API_STAGE: &str = "HttpApiStage";
pub const REST_API: &str = "ApiGatewayRestApi";
pub const REST_API_LOG_GROUP: &str = "ApiGatewayLogGroup";
pub const REST_API_STAGE_SETTINGS: &str = "ApiGatewayStageSettings";
pub const REST_API_ACCOUNT: &str = "ApiGatewayAccount";
pub const HTTP_API_LOG_GROUP: &str = "HttpApiLogGroup";
pub const WEBSOCKETS_LOG_GROUP: &str = "WebsocketsLogGroup";
pub const WEBSOCKETS_API: &str = "WebsocketsApi";
pub const WEBSOCKETS_STAGE: &str = "WebsocketsDeploymentStage";

/// A site: its bucket, what lets the distribution read that, and the files.
pub const SITE_BUCKET: &str = "SiteBucket";
pub const SITE_BUCKET_POLICY: &str = "SiteBucketPolicy";
pub const SITE_ACCESS: &str = "SiteAccess";
pub const SITE_DISTRIBUTION: &str = "SiteDistribution";
pub const SITE_FILES: &str = "SiteFiles";
pub const SITE_OUTPUT: &str = "SiteUrl";

pub const MIGRATION: &str = "Migration";
pub const MIGRATION_OUTPUT: &str = "MigrationUrl";

/// The aliases that triggers call of functions with instances that are ready, and with SnapStart.
pub const PROVISIONED: &str = "provisioned";
pub const SNAP_START: &str = "snapstart";

/// A function's or layer's key as part of a logical id: `send-mail` is `SendDashmail`.
pub fn normalized(key: &str) -> String {
    upper_first(&key.replace('-', "Dash").replace('_', "Underscore"))
}

pub fn function(key: &str) -> String {
    format!("{}LambdaFunction", normalized(key))
}

pub fn migration_permission(key: &str) -> String {
    format!("{}LambdaPermissionMigration", normalized(key))
}

pub fn log_group(key: &str) -> String {
    format!("{}LogGroup", normalized(key))
}

pub fn log_group_name(function_name: &str) -> String {
    format!("/aws/lambda/{function_name}")
}

pub fn version(key: &str, digest: &str) -> String {
    format!("{}LambdaVersion{digest}", normalized(key))
}

pub fn alias(key: &str, name: &str) -> String {
    let kind = if name == PROVISIONED { "ProvConc" } else { "SnapStart" };
    format!("{}{kind}LambdaAlias", normalized(key))
}

pub fn version_output(key: &str) -> String {
    format!("{}QualifiedArn", function(key))
}

pub fn event_invoke_config(key: &str) -> String {
    format!("{}LambdaEvConf", normalized(key))
}

pub fn url(key: &str) -> String {
    format!("{}LambdaFunctionUrl", normalized(key))
}

pub fn url_permission(key: &str) -> String {
    format!("{}LambdaPermissionFnUrl", normalized(key))
}

pub fn url_invocation(key: &str) -> String {
    format!("{}LambdaPermissionFn", normalized(key))
}

pub fn layer(key: &str) -> String {
    format!("{}LambdaLayer", normalized(key))
}

pub fn http_api_permission(key: &str) -> String {
    format!("{}LambdaPermissionHttpApi", normalized(key))
}

pub fn http_api_integration(key: &str) -> String {
    format!("HttpApiIntegration{}", normalized(key))
}

/// `GET /users/{id}` is `HttpApiRouteGetUsersIdVar`.
pub fn http_api_route(route_key: &str) -> String {
    if route_key == "$default" {
        return "HttpApiRouteDefault".into();
    }
    format!("HttpApiRoute{}", path(route_key))
}

/// The name of an authorizer, a topic, a bucket or a user pool as part of a logical id: letters and digits.
fn resource_name(name: &str) -> String {
    upper_first(&alphanumeric(name))
}

pub fn http_api_authorizer(name: &str) -> String {
    format!("HttpApiAuthorizer{}", resource_name(name))
}

pub fn http_api_authorizer_permission(name: &str) -> String {
    format!("{}LambdaAuthorizerPermissionHttpApi", resource_name(name))
}

pub fn websockets_permission(key: &str) -> String {
    format!("{}LambdaPermissionWebsockets", resource_name(&normalized(key)))
}

pub fn websockets_integration(key: &str) -> String {
    format!("{}WebsocketsIntegration", normalized(key))
}

/// `$connect` is `SconnectWebsocketsRoute`.
pub fn websockets_route(route: &str) -> String {
    let signs = [("$", "S"), ("/", "Slash"), ("-", "Dash"), ("_", "Underscore"), (".", "Period")];
    let named = signs.iter().fold(route.to_owned(), |named, (sign, word)| named.replace(sign, word));
    format!("{}WebsocketsRoute", alphanumeric(&named))
}

pub fn websockets_route_response(route: &str) -> String {
    format!("{}Response", websockets_route(route))
}

pub fn websockets_deployment(digest: &str) -> String {
    format!("WebsocketsDeployment{digest}")
}

pub fn websockets_authorizer(name: &str) -> String {
    format!("{}WebsocketsAuthorizer", resource_name(&normalized(name)))
}

pub fn custom_domain(name: &str, base_path: &str) -> String {
    format!("ApiDomain{}{}", resource_name(name), resource_name(base_path))
}

pub fn rest_authorizer(name: &str) -> String {
    format!("{}ApiGatewayAuthorizer", normalized(name))
}

pub fn api_key(plan: Option<&str>, number: usize) -> String {
    format!("ApiGatewayApiKey{}{number}", upper_first(plan.unwrap_or_default()))
}

pub fn usage_plan(name: &str) -> String {
    let name = if name == "default" { "" } else { name };
    format!("ApiGatewayUsagePlan{}", upper_first(name))
}

pub fn usage_plan_key(plan: Option<&str>, number: usize) -> String {
    format!("ApiGatewayUsagePlanKey{}{number}", upper_first(plan.unwrap_or_default()))
}

pub fn rest_permission(key: &str) -> String {
    format!("{}LambdaPermissionApiGateway", normalized(key))
}

pub fn rest_resource(resource_path: &str) -> String {
    format!("ApiGatewayResource{}", path(resource_path))
}

pub fn rest_method(resource_path: &str, method: &str) -> String {
    format!("ApiGatewayMethod{}{}", path(resource_path), upper_first(&method.to_lowercase()))
}

/// What a method's answers are kept under in its stage's cache.
pub fn cache_namespace(resource_path: &str, method: &str) -> String {
    format!("{}CacheNS", rest_method(resource_path, method))
}

/// The one that holds requests to their models.
pub const REST_VALIDATOR: &str = "ApiGatewayRequestValidator";

pub fn rest_model(resource_path: &str, method: &str, content_type: &str) -> String {
    let kind: String = content_type.split(['/', '-', '.', '+']).map(|part| upper_first(&alphanumeric(part))).collect();
    format!("{}{kind}Model", rest_method(resource_path, method))
}

pub fn rest_named_model(name: &str) -> String {
    format!("ApiGateway{}Model", upper_first(&alphanumeric(name)))
}

pub fn rest_deployment(digest: &str) -> String {
    format!("ApiGatewayDeployment{digest}")
}

pub fn queue_mapping(key: &str, queue: &str) -> String {
    format!("{}EventSourceMappingSQS{}", normalized(key), upper_first(&alphanumeric(queue)))
}

pub fn stream_mapping(key: &str, of_table: bool, stream: &str) -> String {
    let kind = if of_table { "Dynamodb" } else { "Kinesis" };
    format!("{}EventSourceMapping{kind}{}", normalized(key), upper_first(&alphanumeric(stream)))
}

pub fn stream_consumer_name(key: &str, stream: &str) -> String {
    format!("{key}{stream}Consumer")
}

pub fn stream_consumer(name: &str) -> String {
    format!("{}StreamConsumer", upper_first(&alphanumeric(name)))
}

pub fn schedule(key: &str, number: usize) -> String {
    format!("{}EventsRuleSchedule{number}", normalized(key))
}

pub fn scheduler_schedule(key: &str, number: usize) -> String {
    format!("{}SchedulerSchedule{number}", normalized(key))
}

/// The names of a rule end with this, whatever comes in front.
fn rule_suffix(number: usize) -> String {
    format!("rule-{number}")
}

pub fn rule_name(function_name: &str, number: usize) -> String {
    let suffix = rule_suffix(number);
    at_most_64(format!("{function_name}-{suffix}"), &suffix)
}

pub fn rule_target(rule_name: &str) -> String {
    at_most_64(format!("{rule_name}-target"), "target")
}

/// A name that is too long for EventBridge is cut, and told from others by its MD5.
fn at_most_64(name: String, suffix: &str) -> String {
    if name.chars().count() <= 64 {
        return name;
    }
    let kept: String = name.chars().take(31_usize.saturating_sub(suffix.len())).collect();
    format!("{kept}{}-{suffix}", hex::encode(Md5::digest(name.as_bytes())))
}

pub fn event_bus(name: &str) -> String {
    format!("{}EventBridgeEventBus", alphanumeric(&normalized(name)))
}

pub fn rule(function_name: &str, number: usize) -> String {
    let name = format!("{function_name}-{}", rule_suffix(number));
    format!("{}EventBridgeRule", upper_first(&alphanumeric(&name)))
}

pub fn rule_permission(key: &str, number: usize) -> String {
    format!("{}EventBridgeLambdaPermission{number}", normalized(key))
}

pub fn topic(name: &str) -> String {
    format!("SNSTopic{}", resource_name(name))
}

pub fn topic_subscription(key: &str, topic: &str) -> String {
    format!("{}SnsSubscription{}", normalized(key), resource_name(topic))
}

pub fn topic_permission(key: &str, topic: &str) -> String {
    format!("{}LambdaPermission{}SNS", normalized(key), resource_name(topic))
}

pub fn topic_dead_letter_policy(key: &str, topic: &str) -> String {
    format!("{}To{}DLQPolicy", resource_name(topic), normalized(key))
}

pub fn user_pool(name: &str) -> String {
    format!("CognitoUserPool{}", resource_name(name))
}

pub fn user_pool_permission(key: &str, pool: &str, trigger: &str) -> String {
    format!("{}LambdaPermissionCognitoUserPool{}TriggerSource{trigger}", normalized(key), resource_name(pool))
}

pub fn bucket(name: &str) -> String {
    format!("S3Bucket{}", resource_name(name))
}

pub fn bucket_permission(key: &str, bucket: &str) -> String {
    format!("{}LambdaPermission{}S3", normalized(key), resource_name(bucket))
}

/// One resource for all events of a function: the framework has kept its number.
pub fn existing_bucket(key: &str) -> String {
    format!("{}CustomS31", normalized(key))
}

pub fn schedule_permission(key: &str, number: usize) -> String {
    format!("{}LambdaPermissionEventsRuleSchedule{number}", normalized(key))
}

/// A path as part of a logical id: `users/{id}` is `UsersIdVar`.
fn path(path: &str) -> String {
    path.split('/').map(path_part).collect()
}

fn path_part(part: &str) -> String {
    let mut named = upper_first(&part.to_lowercase()).replace('-', "Dash");
    if let (Some(open), Some(close)) = (named.find('{'), named.rfind('}'))
        && open < close
        && let (Some(before), Some(inside), Some(after)) =
            (named.get(..open), named.get(open + 1..close), named.get(close + 1..))
    {
        named = format!("{before}{inside}Var{after}");
    }
    upper_first(&alphanumeric(&named))
}

fn alphanumeric(text: &str) -> String {
    text.chars().filter(char::is_ascii_alphanumeric).collect()
}

pub fn upper_first(text: &str) -> String {
    let mut chars = text.chars();
    match chars.next() {
        Some(first) => first.to_uppercase().chain(chars).collect(),
        None => String::new(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_the_frameworks() {
        assert_eq!(function("userCreate"), "UserCreateLambdaFunction");
        assert_eq!(function("send-mail_now"), "SendDashmailUnderscorenowLambdaFunction");
        assert_eq!(http_api_route("GET /users/{id}"), "HttpApiRouteGetUsersIdVar");
        assert_eq!(http_api_route("$default"), "HttpApiRouteDefault");
        assert_eq!(rest_resource("blog-posts/{proxy+}"), "ApiGatewayResourceBlogDashpostsProxyVar");
        assert_eq!(rest_method("", "GET"), "ApiGatewayMethodGet");
        assert_eq!(rest_method("users/{userId}", "any"), "ApiGatewayMethodUsersUseridVarAny");
        assert_eq!(queue_mapping("worker", "my-queue"), "WorkerEventSourceMappingSQSMyqueue");
        assert_eq!(websockets_route("$connect"), "SconnectWebsocketsRoute");
        assert_eq!(websockets_route("room/join-all_1.x"), "roomSlashjoinDashallUnderscore1PeriodxWebsocketsRoute");
        assert_eq!(bucket("shop.dev-uploads"), "S3BucketShopdevuploads");
        assert_eq!(bucket_permission("send-mail", "my-up"), "SendDashmailLambdaPermissionMyupS3");
        assert_eq!(event_bus("shop.orders"), "ShopordersEventBridgeEventBus");
        assert_eq!(rule("shop-dev-ship", 2), "Shopdevshiprule2EventBridgeRule");
    }
}
