//! A project: a folder with a `serverless.yml`, read and checked.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use crate::diagnostic::{At, Diagnostic, Diagnostics, File};
use crate::dotenv;
use crate::serverless::config::Service;
use crate::serverless::{self, PackageHashes};
use crate::template::Template;
use crate::variables::{self, Inputs, Looked};
use crate::yaml::{self, Node};

/// What a project is loaded with besides its files.
#[derive(Clone, Debug, Default)]
pub struct Options {
    pub stage: Option<String>,
    pub region: Option<String>,
    /// `--param name=value`.
    pub params: BTreeMap<String, String>,
    /// For `${env:}`: usually the process's own.
    pub environment: BTreeMap<String, String>,
    /// The account that is deployed to, for `${aws:accountId}`.
    pub account: String,
    /// Differs from deployment to deployment, for `${sls:instanceId}`.
    pub instance: String,
    /// Outputs of the stacks that are there (see [`crate::stack_outputs`]), for `${cf:}`.
    pub outputs: BTreeMap<String, BTreeMap<String, String>>,
    /// Parameters of Parameter Store by name (see [`Wanted`]), for `${ssm:}`.
    pub parameters: BTreeMap<String, Looked>,
}

/// What a configuration asks for that is on the server, before it can be read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Wanted {
    /// Names of parameters.
    pub parameters: BTreeSet<String>,
    /// The region that they are in.
    pub region: String,
}

impl Wanted {
    /// What the project in `folder` asks for beyond what `options` have. A parameter may lead to others, so this is asked again
    /// until there are none. What is wrong with the configuration is for [`Project::load`] to say.
    pub fn of(folder: &Path, options: &Options) -> Wanted {
        let mut wanted = Wanted { parameters: BTreeSet::new(), region: options.region.clone().unwrap_or_default() };
        let Some(root) = find_config(folder).ok().and_then(|config| read_yaml(folder, config).ok()) else {
            return wanted;
        };
        let mut unread = Diagnostics::default();
        let inputs = inputs(folder, &root, options, &mut unread);
        wanted.parameters = variables::wanted(&root, &inputs);
        if options.region.is_none() {
            let region = variables::resolve_address(&root, "provider.region", &inputs, &mut unread);
            let region = region.as_ref().and_then(Node::as_scalar).map(|scalar| scalar.text.clone());
            wanted.region = region.unwrap_or_else(|| "us-east-1".into());
        }
        wanted
    }
}

/// A service and the folder it is in.
#[derive(Clone, Debug)]
pub struct Project {
    pub folder: PathBuf,
    pub service: Service,
    /// What was found and is no error.
    pub warnings: Vec<Diagnostic>,
    config: String,
}

/// The names a configuration can have, in order of preference.
const CONFIG_NAMES: &[&str] = &["serverless.yml", "serverless.yaml", "serverless.json"];
/// Names whose configuration would have to be run.
const CODE_NAMES: &[&str] = &["serverless.ts", "serverless.js", "serverless.cjs", "serverless.mjs"];

impl Project {
    /// Reads the project in `folder`; all that is wrong with it, else.
    pub fn load(folder: &Path, options: &Options) -> Result<Project, Vec<Diagnostic>> {
        let mut diagnostics = Diagnostics::default();
        let config = find_config(folder).map_err(|diagnostic| vec![diagnostic])?;
        let root = read_yaml(folder, config).map_err(|diagnostic| vec![diagnostic])?;
        if root.as_mapping().is_none() {
            return Err(vec![
                Diagnostic::error(format!("{config} is not a mapping with `service`, `provider` and `functions`"))
                    .at(&root.at),
            ]);
        }
        let inputs = inputs(folder, &root, options, &mut diagnostics);
        let service = variables::resolve(&root, &inputs, &mut diagnostics).and_then(|resolved| {
            let service =
                serverless::read(&resolved, options.stage.as_deref(), options.region.as_deref(), &mut diagnostics)?;
            // Compiled once for its findings; the real one has the packages' hashes.
            serverless::compile(&service, &PackageHashes::default(), &mut diagnostics);
            Some(service)
        });
        match service {
            Some(service) if !diagnostics.has_errors() => {
                let warnings = diagnostics.into_vec();
                Ok(Project { folder: folder.to_path_buf(), service, warnings, config: config.into() })
            }
            _ => Err(diagnostics.into_vec()),
        }
    }

    /// The project without a version for each function at each deployment: while it is developed, nobody goes back to one.
    /// Nor are there aliases then, which would be of versions: triggers call the functions themselves.
    pub fn without_versions(mut self) -> Project {
        self.service.provider.version_functions = false;
        for function in &mut self.service.functions {
            (function.version, function.provisioned_concurrency, function.snap_start) = (None, None, false);
        }
        self
    }

    pub fn stack_name(&self) -> String {
        self.service.stack_name()
    }

    /// The name of the configuration's file.
    pub fn config_name(&self) -> &str {
        &self.config
    }

    /// The template, with the packages that were built. What is wrong with it was reported by [`Project::load`].
    pub fn template(&self, hashes: &PackageHashes) -> Template {
        serverless::compile(&self.service, hashes, &mut Diagnostics::default())
    }
}

fn find_config(folder: &Path) -> Result<&'static str, Diagnostic> {
    if let Some(name) = CONFIG_NAMES.iter().find(|name| folder.join(name).is_file()) {
        return Ok(name);
    }
    match CODE_NAMES.iter().find(|name| folder.join(name).is_file()) {
        Some(name) => {
            let message = format!("{name} would have to be run: only serverless.yml, .yaml and .json are supported");
            Err(Diagnostic::error(message).help("write the configuration to serverless.yml"))
        }
        None => Err(Diagnostic::error(format!("there is no serverless.yml in {}", folder.display()))),
    }
}

fn read_yaml(folder: &Path, name: &str) -> Result<Node, Diagnostic> {
    let path = folder.join(name);
    let text = std::fs::read_to_string(&path)
        .map_err(|error| Diagnostic::error(format!("{} cannot be read: {error}", path.display())))?;
    yaml::parse(&Arc::new(File { name: name.into(), text }))
}

fn inputs(folder: &Path, root: &Node, options: &Options, diagnostics: &mut Diagnostics) -> Inputs {
    let given = [("stage", &options.stage), ("region", &options.region)];
    let given = given.into_iter().filter_map(|(name, value)| Some((name.to_string(), value.clone()?)));
    let mut inputs = Inputs {
        folder: folder.to_path_buf(),
        options: given.collect(),
        params: options.params.clone(),
        environment: options.environment.clone(),
        account: options.account.clone(),
        instance: options.instance.clone(),
        outputs: options.outputs.clone(),
        parameters: options.parameters.clone(),
    };
    if root.get("useDotenv").and_then(Node::as_scalar).is_some_and(|scalar| scalar.text == "true") {
        let stage = stage(root, &inputs);
        for name in [format!(".env.{stage}.local"), ".env.local".into(), format!(".env.{stage}"), ".env".into()] {
            add_dotenv(&mut inputs.environment, &folder.join(&name), &name, diagnostics);
        }
    }
    inputs
}

/// The stage, for naming `.env` files. When it cannot be worked out, that is reported when everything is.
fn stage(root: &Node, inputs: &Inputs) -> String {
    let asked = inputs.options.get("stage").cloned();
    let resolved = || variables::resolve_address(root, "provider.stage", inputs, &mut Diagnostics::default());
    asked.or_else(|| resolved()?.as_scalar().map(|scalar| scalar.text.clone())).unwrap_or_else(|| "dev".into())
}

/// Adds a file's variables; those that are set already stay.
fn add_dotenv(environment: &mut BTreeMap<String, String>, path: &Path, name: &str, diagnostics: &mut Diagnostics) {
    let Ok(text) = std::fs::read_to_string(path) else { return };
    match dotenv::parse(&text, environment) {
        Ok(variables) => {
            for (name, value) in variables {
                environment.entry(name).or_insert(value);
            }
        }
        Err((line, message)) => {
            let file = Arc::new(File { name: name.into(), text });
            diagnostics.push(Diagnostic::error(message).at(&At::new(&file, line, 1, 1)));
        }
    }
}
