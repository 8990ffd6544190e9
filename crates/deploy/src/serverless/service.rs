//! The top of `serverless.yml` and its `provider`, read into [`Service`].

use serde_json::{Map, Value as Json};

use super::config::{HttpApi, HttpApiCors, Layer, Migrate, NewRole, Package, Provider, RestApi, Service, Site};
use super::read::Reader;
use super::{custom_domain, function, keys, migrate, s3_event};
use crate::diagnostic::{At, Diagnostic, Diagnostics, Severity};
use crate::yaml::{Entry, Node};

/// Reads a configuration whose variables are resolved. `stage` and `region` are the ones asked for, where any were.
pub fn read(root: &Node, stage: Option<&str>, region: Option<&str>, diagnostics: &mut Diagnostics) -> Option<Service> {
    let unknown_keys =
        match root.get("configValidationMode").and_then(Node::as_scalar).map(|scalar| scalar.text.as_str()) {
            Some("off") => None,
            Some("warn") => Some(Severity::Warning),
            _ => Some(Severity::Error),
        };
    let mut reader = Reader { diagnostics, unknown_keys };
    reader.keys(root, "a service", keys::SERVICE);
    let name = service_name(root, &mut reader)?;
    let provider_node = root.get("provider").cloned().unwrap_or_else(|| Node::null(&root.at));
    let stage =
        stage.map(str::to_string).or_else(|| reader.word(&provider_node, "stage")).unwrap_or_else(|| "dev".into());
    let region = region
        .map(str::to_string)
        .or_else(|| reader.word(&provider_node, "region"))
        .unwrap_or_else(|| "us-east-1".into());
    if !stage.chars().all(|c| c.is_ascii_alphanumeric() || c == '-') {
        reader.report(Diagnostic::error(format!("the stage `{stage}` may have letters, digits and hyphens only")));
    }
    let provider = provider(&provider_node, root, &mut reader);
    let package = package(root, &mut reader);
    let plugins = plugins(root, &mut reader);
    let mut service = Service {
        custom_domains: custom_domain::read(root, &plugins, &mut reader),
        cache: super::api_cache::read(root, &plugins, &mut reader),
        plugins,
        site: None,
        migrate: None,
        custom: root.get("custom").and_then(|custom| custom.json().as_object().cloned()).unwrap_or_default(),
        resources: groups(root, "resources", &mut reader),
        layers: Vec::new(),
        functions: Vec::new(),
        name,
        stage,
        region,
        provider,
        package,
    };
    (service.site, service.migrate) = own(root, &mut reader);
    service.layers = merged(root, "layers", &mut reader).iter().filter_map(|entry| layer(entry, &mut reader)).collect();
    let functions = merged(root, "functions", &mut reader);
    service.functions = functions.iter().filter_map(|entry| function::read(entry, &service, &mut reader)).collect();
    Some(service)
}

/// Letters, digits and hyphens, a letter first, as the names made of it must be.
fn service_name(root: &Node, reader: &mut Reader<'_>) -> Option<String> {
    let Some(node) = root.get("service") else {
        let help = "add `service: my-service` at the top";
        reader.report(Diagnostic::error("the service has no name").at(&root.at).help(help));
        return None;
    };
    // The framework's first versions wrote `service: {name: …}`.
    let name = if node.as_mapping().is_some() { reader.word(node, "name")? } else { reader.word(root, "service")? };
    let fits = name.starts_with(|c: char| c.is_ascii_alphabetic())
        && name.chars().all(|c| c.is_ascii_alphanumeric() || c == '-');
    if !fits {
        let message = format!("the service's name `{name}` may have letters, digits and hyphens only, a letter first");
        reader.error(&node.at, message);
        return None;
    }
    Some(name)
}

fn provider(node: &Node, root: &Node, reader: &mut Reader<'_>) -> Provider {
    reader.keys(node, "the provider", keys::PROVIDER);
    match reader.text(node, "name").as_deref() {
        Some("aws") => {}
        Some(other) => {
            let at = &node.get("name").unwrap_or(node).at;
            reader.error(at, format!("the provider `{other}` is not supported: `aws` is"));
        }
        None => reader.error(&node.at, "`provider.name` is missing: write `name: aws`"),
    }
    let iam = node.get("iam").cloned().unwrap_or_else(|| Node::null(&root.at));
    reader.keys(&iam, "`provider.iam`", keys::IAM);
    let (role, new_role) = role(node, &iam, reader);
    Provider {
        runtime: reader.word(node, "runtime"),
        stack_name: reader.word(node, "stackName"),
        tags: reader.text_map(node, "tags"),
        stack_tags: reader.text_map(node, "stackTags"),
        environment: reader.text_map(node, "environment"),
        environment_at: Reader::places(node, "environment"),
        memory_size: reader.integer(node, "memorySize", function::MEMORY_MIN, function::MEMORY_MAX),
        timeout: reader.integer(node, "timeout", 1, function::TIMEOUT_MAX),
        role,
        new_role,
        layers: function::layer_arns(node, reader),
        log_retention: reader.integer(node, "logRetentionInDays", 1, 3653),
        update_runtime_on: update_runtime_on(node, reader),
        version_functions: reader.boolean(node, "versionFunctions").unwrap_or(true),
        http_api: http_api(node, reader),
        rest_api: rest_api(node, reader),
        websockets: super::websocket_event::provider(node, reader),
        api_logs: super::api_logs::read(node, reader),
        buckets: s3_event::provider_buckets(node, reader),
    }
}

/// The policy that bounds the role.
fn boundary(node: &Node, names: &[&str], reader: &mut Reader<'_>) -> Option<Json> {
    names.iter().find_map(|name| node.get(name).and_then(|value| reader.text_value(value, name)))
}

fn role(provider: &Node, iam: &Node, reader: &mut Reader<'_>) -> (Option<Json>, NewRole) {
    let (statements_at, statements) = statements(provider, "iamRoleStatements", reader);
    let mut new_role = NewRole {
        statements,
        statements_at,
        managed_policies: arns(provider, "iamManagedPolicies", reader),
        boundary: boundary(provider, &["rolePermissionsBoundary"], reader),
        ..NewRole::default()
    };
    let role = iam.get("role").or_else(|| provider.get("role"));
    let described = role.filter(|role| {
        role.as_mapping().is_some_and(|entries| entries.iter().all(|entry| !entry.key.contains("Fn::")))
    });
    let Some(node) = described else {
        return (role.and_then(|role| reader.text_value(role, "role")), new_role);
    };
    reader.keys(node, "`provider.iam.role`", keys::ROLE);
    new_role.name = reader.word(node, "name");
    new_role.path = reader.word(node, "path");
    new_role.tags = reader.text_map(node, "tags");
    let (own_at, own) = self::statements(node, "statements", reader);
    new_role.statements.extend(own);
    new_role.statements_at.extend(own_at);
    new_role.managed_policies.extend(arns(node, "managedPolicies", reader));
    // The framework takes both spellings.
    let own = boundary(node, &["permissionsBoundary", "permissionBoundary"], reader);
    new_role.boundary = own.or(new_role.boundary);
    (None, new_role)
}

fn statements(parent: &Node, key: &str, reader: &mut Reader<'_>) -> (Vec<At>, Vec<Json>) {
    let mut statements = Vec::new();
    for node in reader.list(parent, key).unwrap_or_default() {
        // A statement from a file may be a list of statements itself.
        for node in node.as_sequence().unwrap_or(std::slice::from_ref(node)) {
            check_statement(node, reader);
            statements.push((node.at.clone(), node.json()));
        }
    }
    statements.into_iter().unzip()
}

fn check_statement(node: &Node, reader: &mut Reader<'_>) {
    if node.as_mapping().is_none() {
        return reader.error(
            &node.at,
            format!("a statement is a mapping with Effect, Action and Resource, not {}", node.kind()),
        );
    }
    for (required, alternative) in [("Effect", "Effect"), ("Action", "NotAction"), ("Resource", "NotResource")] {
        if node.get(required).or_else(|| node.get(alternative)).is_none() {
            reader.error(&node.at, format!("the statement has no `{required}`"));
        }
    }
    let effect = node.get("Effect").and_then(Node::as_scalar);
    if let Some(effect) = effect.filter(|effect| !matches!(effect.text.as_str(), "Allow" | "Deny")) {
        reader.error(&node.at, format!("`Effect` is `Allow` or `Deny`, not `{}`", effect.text));
    }
}

fn arns(parent: &Node, key: &str, reader: &mut Reader<'_>) -> Vec<Json> {
    let items = reader.list(parent, key).unwrap_or_default();
    items.iter().filter_map(|item| reader.arn_value(item, key)).collect()
}

fn http_api(provider: &Node, reader: &mut Reader<'_>) -> HttpApi {
    let Some(node) = provider.get("httpApi") else { return HttpApi::default() };
    reader.keys(node, "`provider.httpApi`", keys::HTTP_API);
    HttpApi {
        id: node.get("id").and_then(|id| reader.text_value(id, "id")),
        name: reader.text(node, "name"),
        name_starts_with_service: reader.boolean(node, "shouldStartNameWithService").unwrap_or(false),
        payload: payload(node, reader),
        disable_default_endpoint: reader.boolean(node, "disableDefaultEndpoint"),
        cors: node.get("cors").and_then(|cors| http_api_cors(node, cors, reader)),
        authorizers: super::authorizer::of_http_api(node, reader),
    }
}

/// The version of the event that an HTTP API sends: `1.0` or `2.0`.
pub fn payload(node: &Node, reader: &mut Reader<'_>) -> Option<String> {
    let payload = reader.text(node, "payload")?;
    match payload.as_str() {
        "1.0" | "1" => Some("1.0".into()),
        "2.0" | "2" => Some("2.0".into()),
        _ => {
            reader.error(&node.get("payload")?.at, format!("`payload` is '1.0' or '2.0', not `{payload}`"));
            None
        }
    }
}

pub fn http_api_cors(parent: &Node, node: &Node, reader: &mut Reader<'_>) -> Option<HttpApiCors> {
    if node.as_mapping().is_none() {
        return reader.boolean(parent, "cors")?.then(HttpApiCors::default);
    }
    reader.keys(node, "`cors`", keys::HTTP_API_CORS);
    Some(HttpApiCors {
        origins: reader.texts(node, "allowedOrigins"),
        headers: reader.texts(node, "allowedHeaders"),
        methods: reader.texts(node, "allowedMethods"),
        exposed_headers: reader.texts(node, "exposedResponseHeaders"),
        credentials: reader.boolean(node, "allowCredentials").unwrap_or(false),
        max_age: reader.integer(node, "maxAge", 0, 86_400),
    })
}

fn rest_api(provider: &Node, reader: &mut Reader<'_>) -> RestApi {
    let name = reader.text(provider, "apiName");
    let endpoint_type = reader.word(provider, "endpointType").map(|kind| kind.to_uppercase());
    let Some(node) = provider.get("apiGateway") else { return RestApi { name, endpoint_type, ..RestApi::default() } };
    reader.keys(node, "`provider.apiGateway`", keys::API_GATEWAY);
    let usage_plans = super::api_keys::plans(node, reader);
    let api_key_source = reader.word(node, "apiKeySourceType").map(|source| source.to_uppercase());
    RestApi {
        name,
        endpoint_type,
        api_key_source,
        api_keys: super::api_keys::keys(node, &usage_plans, reader),
        usage_plans,
        name_starts_with_service: reader.boolean(node, "shouldStartNameWithService").unwrap_or(false),
        stage: reader.word(node, "stage"),
        description: reader.text(node, "description"),
        binary_media_types: reader.texts(node, "binaryMediaTypes").unwrap_or_default(),
        disable_default_endpoint: reader.boolean(node, "disableDefaultEndpoint"),
        minimum_compression_size: reader.integer(node, "minimumCompressionSize", 0, 10_485_760),
    }
}

/// `runtimeManagement` of the provider or a function: a word, or a `mode`.
/// Source: <https://www.serverless.com/framework/docs/providers/aws/guide/functions#runtime-management>
pub fn update_runtime_on(parent: &Node, reader: &mut Reader<'_>) -> Option<&'static str> {
    let node = parent.get("runtimeManagement")?;
    let mode = match node.as_mapping() {
        Some(_) => {
            reader.keys(node, "`runtimeManagement`", keys::RUNTIME_MANAGEMENT);
            reader.word(node, "mode")?
        }
        None => reader.word(parent, "runtimeManagement")?,
    };
    match mode.as_str() {
        "auto" => Some("Auto"),
        "onFunctionUpdate" => Some("FunctionUpdate"),
        "manual" => {
            let message =
                "`runtimeManagement` cannot be manual: functions run on the interpreters that the server's host has";
            reader.error(&node.at, message);
            None
        }
        other => {
            reader.error(&node.at, format!("`runtimeManagement` is auto or onFunctionUpdate, not `{other}`"));
            None
        }
    }
}

/// `package` of the service, a function or a layer. The old `exclude` comes before `include`, as the framework has it.
pub fn package(parent: &Node, reader: &mut Reader<'_>) -> Package {
    let Some(node) = parent.get("package") else { return Package::default() };
    reader.keys(node, "`package`", keys::PACKAGE);
    let exclude = reader.texts(node, "exclude").unwrap_or_default();
    let include = reader.texts(node, "include").unwrap_or_default();
    let patterns = reader.texts(node, "patterns").unwrap_or_default();
    let turned = exclude.into_iter().map(|pattern| match pattern.strip_prefix('!') {
        Some(kept) => kept.to_string(),
        None => format!("!{pattern}"),
    });
    Package {
        patterns: turned.chain(include).chain(patterns).collect(),
        individually: reader.boolean(node, "individually"),
        artifact: reader.text(node, "artifact"),
        at: Some(node.at.clone()),
    }
}

fn layer(entry: &Entry, reader: &mut Reader<'_>) -> Option<Layer> {
    let node = &entry.value;
    reader.keys(node, "a layer", keys::LAYER);
    let package = package(node, reader);
    let path = reader.text(node, "path");
    if path.is_none() && package.artifact.is_none() {
        reader.error(&entry.at, format!("the layer `{}` has neither a `path` nor a `package.artifact`", entry.key));
        return None;
    }
    Some(Layer {
        key: entry.key.clone(),
        at: entry.at.clone(),
        name: reader.word(node, "name").unwrap_or_else(|| entry.key.clone()),
        path: path.unwrap_or_else(|| ".".into()),
        description: reader.text(node, "description"),
        compatible_runtimes: reader.texts(node, "compatibleRuntimes"),
        license: reader.text(node, "licenseInfo"),
        retain: reader.boolean(node, "retain").unwrap_or(false),
        package,
    })
}

/// `plugins`, with a warning for those that would change what is deployed.
fn plugins(root: &Node, reader: &mut Reader<'_>) -> Vec<String> {
    let Some(node) = root.get("plugins") else { return Vec::new() };
    let modules =
        if node.as_mapping().is_some() { reader.texts(node, "modules") } else { reader.texts(root, "plugins") };
    let modules = modules.unwrap_or_default();
    for module in modules.iter().filter(|module| !NEEDLESS_PLUGINS.contains(&module.as_str())) {
        let message = format!("the plugin `{module}` is not run: what it would add to the deployment is missing");
        reader.report(Diagnostic::warning(message).at(&node.at.of(module)));
    }
    modules
}

/// Plugins whose work is done here without them, or is not needed here.
const NEEDLESS_PLUGINS: &[&str] = &[
    "serverless-offline",
    "serverless-offline-sqs",
    "serverless-dynamodb-local",
    "serverless-dynamodb",
    "serverless-localstack",
    "serverless-python-requirements",
    "serverless-plugin-typescript",
    "serverless-esbuild",
    "serverless-dotenv-plugin",
    "serverless-prune-plugin",
    "serverless-deployment-bucket",
    custom_domain::PLUGIN,
    super::api_cache::PLUGIN,
    "serverless-plugin-common-excludes",
    "serverless-plugin-include-dependencies",
    "serverless-latest-layer-version",
];

/// `custom.cloudlet`, a key that other tools leave alone as they do all of `custom`.
fn own(root: &Node, reader: &mut Reader<'_>) -> (Option<Site>, Option<Migrate>) {
    let Some(own) = root.get("custom").and_then(|custom| custom.get("cloudlet")) else { return (None, None) };
    reader.keys(own, "`custom.cloudlet`", keys::CLOUDLET);
    (site(own, reader), migrate::read(own, reader))
}

fn site(own: &Node, reader: &mut Reader<'_>) -> Option<Site> {
    let (text, at) = (reader.text(own, "site")?, &own.get("site")?.at);
    let path = text.trim_start_matches("./").trim_end_matches('/');
    let leaves = path.starts_with('/') || path.split('/').any(|part| part == "..");
    if path.is_empty() || path == "." || leaves {
        reader.error(at, format!("`site` is a folder below the project's, such as `dist`, not `{text}`"));
        return None;
    }
    Some(Site { path: path.to_owned(), at: at.clone() })
}

/// The mappings of a section that is one mapping or a list of them.
fn groups(root: &Node, key: &str, reader: &mut Reader<'_>) -> Vec<Node> {
    let Some(node) = root.get(key) else { return Vec::new() };
    let groups = node.as_sequence().unwrap_or(std::slice::from_ref(node));
    let mut mappings = Vec::new();
    for group in groups.iter().filter(|group| !group.is_null()) {
        if group.as_mapping().is_some() {
            mappings.push(group.clone());
        } else {
            reader.error(&group.at, format!("`{key}` is a mapping or a list of mappings, not {}", group.kind()));
        }
    }
    mappings
}

/// The entries of such a section together; a later one of the same name wins.
fn merged(root: &Node, key: &str, reader: &mut Reader<'_>) -> Vec<Entry> {
    let mut merged: Vec<Entry> = Vec::new();
    for group in groups(root, key, reader) {
        for entry in group.as_mapping().unwrap_or_default() {
            merged.retain(|present| present.key != entry.key);
            merged.push(entry.clone());
        }
    }
    merged
}

/// Tags over defaults.
pub fn with(defaults: &Map<String, Json>, own: Map<String, Json>) -> Map<String, Json> {
    let mut all = defaults.clone();
    all.extend(own);
    all
}
