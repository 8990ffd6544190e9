//! Where the members of each operation travel in HTTP.
//!
//! Source: the `http` traits of the service model of EventBridge Pipes.

use wire::rest::Binding;

pub static CREATE_PIPE: Binding = Binding::new("POST", "/v1/pipes/{Name}", 200);
pub static UPDATE_PIPE: Binding = Binding::new("PUT", "/v1/pipes/{Name}", 200);
pub static DELETE_PIPE: Binding = Binding::new("DELETE", "/v1/pipes/{Name}", 200);
pub static DESCRIBE_PIPE: Binding = Binding::new("GET", "/v1/pipes/{Name}", 200);
pub static LIST_PIPES: Binding = Binding::new("GET", "/v1/pipes", 200).query(&[
    ("NamePrefix", "NamePrefix"),
    ("DesiredState", "DesiredState"),
    ("CurrentState", "CurrentState"),
    ("SourcePrefix", "SourcePrefix"),
    ("TargetPrefix", "TargetPrefix"),
    ("NextToken", "NextToken"),
    ("Limit", "Limit"),
]);
pub static START_PIPE: Binding = Binding::new("POST", "/v1/pipes/{Name}/start", 200);
pub static STOP_PIPE: Binding = Binding::new("POST", "/v1/pipes/{Name}/stop", 200);
pub static TAG_RESOURCE: Binding = Binding::new("POST", "/tags/{resourceArn}", 200);
pub static UNTAG_RESOURCE: Binding =
    Binding::new("DELETE", "/tags/{resourceArn}", 200).query(&[("tagKeys", "tagKeys")]);
pub static LIST_TAGS_FOR_RESOURCE: Binding = Binding::new("GET", "/tags/{resourceArn}", 200);
