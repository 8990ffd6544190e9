//! Where the members of each operation travel in HTTP.
//!
//! Source: the `http` traits of Lambda's service model.

use wire::rest::{Binding, Payload};

pub static CREATE_FUNCTION: Binding = Binding::new("POST", "/2015-03-31/functions", 201);
pub static GET_FUNCTION: Binding =
    Binding::new("GET", "/2015-03-31/functions/{FunctionName}", 200).query(&[("Qualifier", "Qualifier")]);
pub static GET_FUNCTION_CONFIGURATION: Binding =
    Binding::new("GET", "/2015-03-31/functions/{FunctionName}/configuration", 200).query(&[("Qualifier", "Qualifier")]);
pub static UPDATE_FUNCTION_CODE: Binding = Binding::new("PUT", "/2015-03-31/functions/{FunctionName}/code", 200);
pub static UPDATE_FUNCTION_CONFIGURATION: Binding =
    Binding::new("PUT", "/2015-03-31/functions/{FunctionName}/configuration", 200);
/// AWS answers 204, whatever the model says.
pub static DELETE_FUNCTION: Binding =
    Binding::new("DELETE", "/2015-03-31/functions/{FunctionName}", 204).query(&[("Qualifier", "Qualifier")]);
pub static LIST_FUNCTIONS: Binding = Binding::new("GET", "/2015-03-31/functions", 200).query(&[
    ("FunctionVersion", "FunctionVersion"),
    ("Marker", "Marker"),
    ("MaxItems", "MaxItems"),
]);
pub static PUBLISH_VERSION: Binding = Binding::new("POST", "/2015-03-31/functions/{FunctionName}/versions", 201);
pub static LIST_VERSIONS_BY_FUNCTION: Binding =
    Binding::new("GET", "/2015-03-31/functions/{FunctionName}/versions", 200)
        .query(&[("Marker", "Marker"), ("MaxItems", "MaxItems")]);
pub static CREATE_ALIAS: Binding = Binding::new("POST", "/2015-03-31/functions/{FunctionName}/aliases", 201);
pub static GET_ALIAS: Binding = Binding::new("GET", "/2015-03-31/functions/{FunctionName}/aliases/{Name}", 200);
pub static UPDATE_ALIAS: Binding = Binding::new("PUT", "/2015-03-31/functions/{FunctionName}/aliases/{Name}", 200);
pub static DELETE_ALIAS: Binding = Binding::new("DELETE", "/2015-03-31/functions/{FunctionName}/aliases/{Name}", 204);
pub static LIST_ALIASES: Binding = Binding::new("GET", "/2015-03-31/functions/{FunctionName}/aliases", 200).query(&[
    ("FunctionVersion", "FunctionVersion"),
    ("Marker", "Marker"),
    ("MaxItems", "MaxItems"),
]);
pub static INVOKE: Binding = Binding::new("POST", "/2015-03-31/functions/{FunctionName}/invocations", 200)
    .query(&[("Qualifier", "Qualifier")])
    .headers(&[
        ("X-Amz-Invocation-Type", "InvocationType"),
        ("X-Amz-Log-Type", "LogType"),
        ("X-Amz-Client-Context", "ClientContext"),
    ])
    .payload(Payload::Blob("Payload"))
    .response_headers(&[
        ("X-Amz-Function-Error", "FunctionError"),
        ("X-Amz-Log-Result", "LogResult"),
        ("X-Amz-Executed-Version", "ExecutedVersion"),
    ])
    .response_status("StatusCode")
    .response_payload(Payload::Blob("Payload"));
pub static PUT_PROVISIONED_CONCURRENCY_CONFIG: Binding =
    Binding::new("PUT", "/2019-09-30/functions/{FunctionName}/provisioned-concurrency", 202)
        .query(&[("Qualifier", "Qualifier")]);
pub static GET_PROVISIONED_CONCURRENCY_CONFIG: Binding =
    Binding::new("GET", "/2019-09-30/functions/{FunctionName}/provisioned-concurrency", 200)
        .query(&[("Qualifier", "Qualifier")]);
pub static DELETE_PROVISIONED_CONCURRENCY_CONFIG: Binding =
    Binding::new("DELETE", "/2019-09-30/functions/{FunctionName}/provisioned-concurrency", 204)
        .query(&[("Qualifier", "Qualifier")]);
pub static LIST_PROVISIONED_CONCURRENCY_CONFIGS: Binding =
    Binding::new("GET", "/2019-09-30/functions/{FunctionName}/provisioned-concurrency?List=ALL", 200)
        .query(&[("Marker", "Marker"), ("MaxItems", "MaxItems")]);
pub static INVOKE_ASYNC: Binding = Binding::new("POST", "/2014-11-13/functions/{FunctionName}/invoke-async", 202)
    .payload(Payload::Blob("InvokeArgs"))
    .response_status("Status");
pub static PUT_RUNTIME_MANAGEMENT_CONFIG: Binding =
    Binding::new("PUT", "/2021-07-20/functions/{FunctionName}/runtime-management-config", 200)
        .query(&[("Qualifier", "Qualifier")]);
pub static GET_RUNTIME_MANAGEMENT_CONFIG: Binding =
    Binding::new("GET", "/2021-07-20/functions/{FunctionName}/runtime-management-config", 200)
        .query(&[("Qualifier", "Qualifier")]);
pub static PUT_FUNCTION_RECURSION_CONFIG: Binding =
    Binding::new("PUT", "/2024-08-31/functions/{FunctionName}/recursion-config", 200);
pub static GET_FUNCTION_RECURSION_CONFIG: Binding =
    Binding::new("GET", "/2024-08-31/functions/{FunctionName}/recursion-config", 200);
pub static ADD_LAYER_VERSION_PERMISSION: Binding =
    Binding::new("POST", "/2018-10-31/layers/{LayerName}/versions/{VersionNumber}/policy", 201)
        .query(&[("RevisionId", "RevisionId")]);
pub static REMOVE_LAYER_VERSION_PERMISSION: Binding =
    Binding::new("DELETE", "/2018-10-31/layers/{LayerName}/versions/{VersionNumber}/policy/{StatementId}", 204)
        .query(&[("RevisionId", "RevisionId")]);
pub static GET_LAYER_VERSION_POLICY: Binding =
    Binding::new("GET", "/2018-10-31/layers/{LayerName}/versions/{VersionNumber}/policy", 200);
pub static INVOKE_WITH_RESPONSE_STREAM: Binding =
    Binding::new("POST", "/2021-11-15/functions/{FunctionName}/response-streaming-invocations", 200)
        .query(&[("Qualifier", "Qualifier")])
        .headers(&[
            ("X-Amz-Invocation-Type", "InvocationType"),
            ("X-Amz-Log-Type", "LogType"),
            ("X-Amz-Client-Context", "ClientContext"),
        ])
        .payload(Payload::Blob("Payload"))
        .response_headers(&[("X-Amz-Executed-Version", "ExecutedVersion")])
        .response_status("StatusCode")
        .response_payload(Payload::Blob("EventStream"));
pub static CREATE_FUNCTION_URL_CONFIG: Binding =
    Binding::new("POST", "/2021-10-31/functions/{FunctionName}/url", 201).query(&[("Qualifier", "Qualifier")]);
pub static GET_FUNCTION_URL_CONFIG: Binding =
    Binding::new("GET", "/2021-10-31/functions/{FunctionName}/url", 200).query(&[("Qualifier", "Qualifier")]);
pub static UPDATE_FUNCTION_URL_CONFIG: Binding =
    Binding::new("PUT", "/2021-10-31/functions/{FunctionName}/url", 200).query(&[("Qualifier", "Qualifier")]);
pub static DELETE_FUNCTION_URL_CONFIG: Binding =
    Binding::new("DELETE", "/2021-10-31/functions/{FunctionName}/url", 204).query(&[("Qualifier", "Qualifier")]);
pub static LIST_FUNCTION_URL_CONFIGS: Binding = Binding::new("GET", "/2021-10-31/functions/{FunctionName}/urls", 200)
    .query(&[("Marker", "Marker"), ("MaxItems", "MaxItems")]);
pub static TAG_RESOURCE: Binding = Binding::new("POST", "/2017-03-31/tags/{Resource}", 204);
pub static UNTAG_RESOURCE: Binding =
    Binding::new("DELETE", "/2017-03-31/tags/{Resource}", 204).query(&[("tagKeys", "TagKeys")]);
pub static LIST_TAGS: Binding = Binding::new("GET", "/2017-03-31/tags/{Resource}", 200);
pub static ADD_PERMISSION: Binding =
    Binding::new("POST", "/2015-03-31/functions/{FunctionName}/policy", 201).query(&[("Qualifier", "Qualifier")]);
pub static REMOVE_PERMISSION: Binding =
    Binding::new("DELETE", "/2015-03-31/functions/{FunctionName}/policy/{StatementId}", 204)
        .query(&[("Qualifier", "Qualifier"), ("RevisionId", "RevisionId")]);
pub static GET_POLICY: Binding =
    Binding::new("GET", "/2015-03-31/functions/{FunctionName}/policy", 200).query(&[("Qualifier", "Qualifier")]);
pub static PUT_RESOURCE_POLICY: Binding = Binding::new("PUT", "/2026-07-09/resource-policy/{ResourceArn}", 200);
pub static GET_RESOURCE_POLICY: Binding = Binding::new("GET", "/2026-07-09/resource-policy/{ResourceArn}", 200);
pub static DELETE_RESOURCE_POLICY: Binding =
    Binding::new("DELETE", "/2026-07-09/resource-policy/{ResourceArn}", 204).query(&[("RevisionId", "RevisionId")]);
pub static GET_FUNCTION_CODE_SIGNING_CONFIG: Binding =
    Binding::new("GET", "/2020-06-30/functions/{FunctionName}/code-signing-config", 200);
pub static PUT_FUNCTION_CONCURRENCY: Binding =
    Binding::new("PUT", "/2017-10-31/functions/{FunctionName}/concurrency", 200);
pub static GET_FUNCTION_CONCURRENCY: Binding =
    Binding::new("GET", "/2019-09-30/functions/{FunctionName}/concurrency", 200);
pub static DELETE_FUNCTION_CONCURRENCY: Binding =
    Binding::new("DELETE", "/2017-10-31/functions/{FunctionName}/concurrency", 204);
pub static GET_ACCOUNT_SETTINGS: Binding = Binding::new("GET", "/2016-08-19/account-settings", 200);
pub static PUT_FUNCTION_EVENT_INVOKE_CONFIG: Binding =
    Binding::new("PUT", "/2019-09-25/functions/{FunctionName}/event-invoke-config", 200)
        .query(&[("Qualifier", "Qualifier")]);
pub static UPDATE_FUNCTION_EVENT_INVOKE_CONFIG: Binding =
    Binding::new("POST", "/2019-09-25/functions/{FunctionName}/event-invoke-config", 200)
        .query(&[("Qualifier", "Qualifier")]);
pub static GET_FUNCTION_EVENT_INVOKE_CONFIG: Binding =
    Binding::new("GET", "/2019-09-25/functions/{FunctionName}/event-invoke-config", 200)
        .query(&[("Qualifier", "Qualifier")]);
pub static DELETE_FUNCTION_EVENT_INVOKE_CONFIG: Binding =
    Binding::new("DELETE", "/2019-09-25/functions/{FunctionName}/event-invoke-config", 204)
        .query(&[("Qualifier", "Qualifier")]);
pub static LIST_FUNCTION_EVENT_INVOKE_CONFIGS: Binding =
    Binding::new("GET", "/2019-09-25/functions/{FunctionName}/event-invoke-config/list", 200)
        .query(&[("Marker", "Marker"), ("MaxItems", "MaxItems")]);
pub static PUBLISH_LAYER_VERSION: Binding = Binding::new("POST", "/2018-10-31/layers/{LayerName}/versions", 201);
pub static GET_LAYER_VERSION: Binding =
    Binding::new("GET", "/2018-10-31/layers/{LayerName}/versions/{VersionNumber}", 200);
pub static GET_LAYER_VERSION_BY_ARN: Binding =
    Binding::new("GET", "/2018-10-31/layers?find=LayerVersion", 200).query(&[("Arn", "Arn")]);
pub static LIST_LAYERS: Binding = Binding::new("GET", "/2018-10-31/layers", 200).query(&[
    ("CompatibleRuntime", "CompatibleRuntime"),
    ("Marker", "Marker"),
    ("MaxItems", "MaxItems"),
    ("CompatibleArchitecture", "CompatibleArchitecture"),
]);
pub static LIST_LAYER_VERSIONS: Binding = Binding::new("GET", "/2018-10-31/layers/{LayerName}/versions", 200).query(&[
    ("CompatibleRuntime", "CompatibleRuntime"),
    ("Marker", "Marker"),
    ("MaxItems", "MaxItems"),
    ("CompatibleArchitecture", "CompatibleArchitecture"),
]);
pub static DELETE_LAYER_VERSION: Binding =
    Binding::new("DELETE", "/2018-10-31/layers/{LayerName}/versions/{VersionNumber}", 204);
pub static CREATE_EVENT_SOURCE_MAPPING: Binding = Binding::new("POST", "/2015-03-31/event-source-mappings", 202);
pub static GET_EVENT_SOURCE_MAPPING: Binding = Binding::new("GET", "/2015-03-31/event-source-mappings/{UUID}", 200);
pub static UPDATE_EVENT_SOURCE_MAPPING: Binding = Binding::new("PUT", "/2015-03-31/event-source-mappings/{UUID}", 202);
pub static DELETE_EVENT_SOURCE_MAPPING: Binding =
    Binding::new("DELETE", "/2015-03-31/event-source-mappings/{UUID}", 202);
pub static LIST_EVENT_SOURCE_MAPPINGS: Binding =
    Binding::new("GET", "/2015-03-31/event-source-mappings", 200).query(&[
        ("EventSourceArn", "EventSourceArn"),
        ("FunctionName", "FunctionName"),
        ("Marker", "Marker"),
        ("MaxItems", "MaxItems"),
    ]);
