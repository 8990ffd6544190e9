//! The environment variables of a function process.
//!
//! Source: <https://docs.aws.amazon.com/lambda/latest/dg/configuration-envvars.html>

use std::collections::BTreeMap;
use std::ffi::OsString;
use std::path::Path;

use crate::function::{Credentials, FunctionSpec, Initialization};
use crate::interpreter::{Interpreter, Language};
use crate::view::View;

/// What the environment tells besides the function's own configuration.
pub(crate) struct Surroundings<'a> {
    pub language: Language,
    pub interpreter: Option<&'a Interpreter>,
    pub initialization: Initialization,
    pub credentials: &'a Credentials,
    pub log_stream: &'a str,
    /// The folder of the bootstrap.
    pub runtime_dir: &'a Path,
    /// The instance's folder for temporary files, as it sees it.
    pub temporary: &'a Path,
    /// Gives the names that the host's paths have for it.
    pub view: &'a View,
    /// `node_modules` of the SDK.
    pub node_sdk: Option<&'a Path>,
    /// Host and port of the Runtime API, where the instance has one.
    pub runtime_api: Option<&'a str>,
}

/// The whole environment: defaults that a function may change, its own variables, and those that Lambda reserves.
pub(crate) fn environment(spec: &FunctionSpec, around: &Surroundings<'_>) -> Vec<(OsString, OsString)> {
    let mut variables = defaults(spec, around);
    variables.extend(spec.environment.iter().map(|(name, value)| (name.clone(), value.clone())));
    variables.extend(reserved(spec, around));
    variables.into_iter().map(|(name, value)| (name.into(), value.into())).collect()
}

fn defaults(spec: &FunctionSpec, around: &Surroundings<'_>) -> BTreeMap<String, String> {
    let temporary = text(around.temporary);
    let task_root = text(&around.view.place(&spec.code));
    let layers = |places: &[&str]| layer_folders(spec, around.view, places);
    let mut path = layers(&["bin"]);
    path.extend(around.interpreter.and_then(|found| found.program.parent()).map(text));
    path.extend(["/usr/local/bin", "/usr/bin", "/bin"].map(String::from));
    let mut libraries = vec![task_root.clone(), format!("{task_root}/lib")];
    libraries.extend(layers(&["lib"]));
    let mut variables = vec![
        ("LANG", "en_US.UTF-8".into()),
        ("TZ", ":UTC".into()),
        ("PATH", path.join(":")),
        ("LD_LIBRARY_PATH", libraries.join(":")),
        ("AWS_ENDPOINT_URL", spec.endpoint_url.clone()),
        ("HOME", temporary.clone()),
        ("TMPDIR", temporary),
    ];
    match around.language {
        Language::Python(minor) => {
            let places = [format!("python/lib/python3.{minor}/site-packages"), "python".into()];
            variables.push(("PYTHONPATH", layers(&places.each_ref().map(String::as_str)).join(":")));
        }
        Language::Node(major) => {
            let places = [format!("nodejs/node{major}/node_modules"), "nodejs/node_modules".into()];
            let mut folders = layers(&places.each_ref().map(String::as_str));
            folders.extend(around.node_sdk.map(|sdk| text(&around.view.place(sdk))));
            variables.push(("NODE_PATH", folders.join(":")));
        }
        Language::Provided => {}
    }
    variables.into_iter().map(|(name, value)| (name.to_string(), value)).collect()
}

fn reserved(spec: &FunctionSpec, around: &Surroundings<'_>) -> Vec<(String, String)> {
    let credentials = around.credentials;
    let mut variables = vec![
        ("_HANDLER", spec.handler.clone()),
        ("AWS_REGION", spec.region.clone()),
        ("AWS_DEFAULT_REGION", spec.region.clone()),
        ("AWS_ACCESS_KEY_ID", credentials.access_key_id.clone()),
        ("AWS_SECRET_ACCESS_KEY", credentials.secret_access_key.clone()),
        ("AWS_SESSION_TOKEN", credentials.session_token.clone()),
        ("AWS_LAMBDA_FUNCTION_NAME", spec.name.clone()),
        ("AWS_LAMBDA_FUNCTION_VERSION", spec.version.clone()),
        ("AWS_LAMBDA_FUNCTION_MEMORY_SIZE", spec.memory_mb.to_string()),
        ("AWS_LAMBDA_LOG_GROUP_NAME", spec.log_group.clone()),
        ("AWS_LAMBDA_LOG_STREAM_NAME", around.log_stream.to_string()),
        ("AWS_LAMBDA_INITIALIZATION_TYPE", around.initialization.name().into()),
        ("LAMBDA_TASK_ROOT", text(&around.view.place(&spec.code))),
        ("LAMBDA_RUNTIME_DIR", text(&around.view.place(around.runtime_dir))),
    ];
    match &spec.json_logs {
        None => variables.push(("AWS_LAMBDA_LOG_FORMAT", "Text".into())),
        Some(logs) => variables.extend([
            ("AWS_LAMBDA_LOG_FORMAT", "JSON".into()),
            ("AWS_LAMBDA_LOG_LEVEL", logs.application_level.clone()),
        ]),
    }
    variables.extend(around.runtime_api.map(|address| ("AWS_LAMBDA_RUNTIME_API", address.into())));
    if around.language != Language::Provided {
        variables.push(("AWS_EXECUTION_ENV", format!("AWS_Lambda_{}", spec.runtime)));
    }
    variables.into_iter().map(|(name, value)| (name.to_string(), value)).collect()
}

/// `places` inside each layer, the layer that was added last first: on Lambda its files hide those of the others.
fn layer_folders(spec: &FunctionSpec, view: &View, places: &[&str]) -> Vec<String> {
    let layers = || spec.layers.iter().rev();
    let inside = places.iter().flat_map(|place| layers().map(move |layer| layer.join(place)));
    let mut folders: Vec<String> =
        inside.filter(|folder| folder.is_dir()).map(|folder| text(&view.place(&folder))).collect();
    // Layers that are seen as one folder.
    folders.dedup();
    folders
}

fn text(path: &Path) -> String {
    path.to_string_lossy().into_owned()
}
