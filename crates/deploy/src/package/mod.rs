//! Packages: which files a function or layer is made of, zipped so that the same files give the same bytes.

mod archive;
mod dependencies;
mod files;
mod reach;

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use sha2::{Digest, Sha256};

use crate::diagnostic::Diagnostic;
use crate::progress::{Listener, Progress};
use crate::project::Project;
use crate::resources::Packages;
use crate::serverless::config::{Function, Layer, Package, Site};
use crate::serverless::{INDEX, PackageHashes};

pub use archive::{unzipped, zip_one};
use files::{PackagedFile, Selected, Selection};
use reach::Reach;

/// Why a package could not be made.
#[derive(Debug, thiserror::Error)]
pub enum PackageError {
    #[error("{path}: {error}")]
    Io { path: String, error: std::io::Error },
    #[error("the zip could not be written: {0}")]
    Zip(#[from] zip::result::ZipError),
    #[error("the pattern `{pattern}` cannot be read: {error}")]
    Pattern { pattern: String, error: globset::Error },
    #[error("no file is left for the package of {0}: its patterns take out everything")]
    Empty(String),
    #[error(
        "the package of {what} is {mib} MiB unpacked, and {most} MiB is the limit: take files out with `package.patterns`; the largest folders are {largest}"
    )]
    TooLarge { what: String, mib: u64, most: u64, largest: String },
    #[error("{0}")]
    Dependencies(String),
    #[error("{0}")]
    Unsupported(String),
}

type Result<T> = std::result::Result<T, PackageError>;

/// How packages are made.
#[derive(Clone, Debug)]
pub struct PackageOptions {
    /// Where installed dependencies are kept between runs.
    pub cache: PathBuf,
    /// Run `npm install` where `node_modules` is missing, rather than asking for it.
    pub npm_install: bool,
    /// Leave a function the package that it has, as long as only code of other functions has changed since: so it keeps
    /// its instances. For a project that is worked on.
    pub keep_unaffected: bool,
}

/// All packages of a project.
#[derive(Debug, Default)]
pub struct Built {
    pub hashes: PackageHashes,
    pub packages: Packages,
    pub warnings: Vec<Diagnostic>,
}

/// Makes packages, and remembers them: files that have not changed since the last time are not read again.
#[derive(Default)]
pub struct Packager {
    made: BTreeMap<String, Arc<Made>>,
    /// By the function's key.
    given: BTreeMap<String, Given>,
}

struct Made {
    sha256: String,
    bytes: Vec<u8>,
    /// What it was made of.
    files: BTreeMap<String, PackagedFile>,
}

/// What a function got last time.
struct Given {
    handler: String,
    runtime: String,
    /// Of the files as they were.
    latest: Arc<Made>,
    /// The same, or an older one that differs in code of other functions only.
    package: Arc<Made>,
}

/// One package to make: files below roots, or a zip that is there.
enum Source {
    Files { what: String, selections: Vec<Selection> },
    Zip(PathBuf),
}

impl Packager {
    pub async fn package(
        &mut self,
        project: &Project,
        options: &PackageOptions,
        listener: Listener<'_>,
    ) -> Result<Built> {
        let requirements = dependencies::prepare(project, options, listener).await?;
        let mut built = Built::default();
        let mut used = BTreeMap::new();
        for layer in &project.service.layers {
            let source = layer_source(project, layer);
            let made = self.make(source, &mut used, listener).await?;
            built.packages.0.insert(made.sha256.clone(), made.bytes.clone());
            built.hashes.layers.insert(layer.key.clone(), made.sha256.clone());
        }
        if let Some(site) = &project.service.site {
            let made = self.make(site_source(project, site)?, &mut used, listener).await?;
            built.packages.0.insert(made.sha256.clone(), made.bytes.clone());
            built.hashes.site = Some(made.sha256.clone());
        }
        let mut latest = Vec::new();
        for function in &project.service.functions {
            let source = function_source(project, function, requirements.get(&function.runtime))?;
            let made = self.make(source, &mut used, listener).await?;
            built.warnings.extend(missing_handler(function, &made.bytes));
            latest.push((function, made));
        }
        self.made = used;
        if options.keep_unaffected {
            self.give(project, &latest).await?;
        }
        for (function, latest) in latest {
            let made = self.given.get(&function.key).map_or(&latest, |given| &given.package);
            built.packages.0.entry(made.sha256.clone()).or_insert_with(|| made.bytes.clone());
            built.hashes.functions.insert(function.key.clone(), made.sha256.clone());
        }
        Ok(built)
    }

    /// Decides which package each function gets.
    async fn give(&mut self, project: &Project, latest: &[(&Function, Arc<Made>)]) -> Result<()> {
        let is_new = |(function, made): &(&Function, Arc<Made>)| {
            self.given.get(&function.key).is_none_or(|given| given.latest.sha256 != made.sha256)
        };
        let reaches = if latest.iter().any(is_new) { reaches(project, latest).await? } else { Vec::new() };
        let mut given = BTreeMap::new();
        for (index, (function, made)) in latest.iter().enumerate() {
            let before = self.given.remove(&function.key);
            let before = before.filter(|given| given.handler == function.handler && given.runtime == function.runtime);
            let package = match before {
                Some(before) if before.latest.sha256 == made.sha256 => before.package,
                Some(before)
                    if reaches
                        .get(index)
                        .is_some_and(|own| !own.notices(before.latest.differences(made), &reaches)) =>
                {
                    before.package
                }
                _ => made.clone(),
            };
            let Function { handler, runtime, .. } = function;
            let (handler, runtime) = (handler.clone(), runtime.clone());
            given.insert(function.key.clone(), Given { handler, runtime, latest: made.clone(), package });
        }
        self.given = given;
        Ok(())
    }

    /// The package of a source, from memory when its files are as they were. `used` collects what is remembered.
    async fn make(
        &mut self,
        source: Source,
        used: &mut BTreeMap<String, Arc<Made>>,
        listener: Listener<'_>,
    ) -> Result<Arc<Made>> {
        let (what, selected) = match source {
            Source::Zip(path) => (path.display().to_string(), Selected::zip(&path)?),
            Source::Files { what, selections } => {
                let selected = blocking(move || files::select_all(&selections)).await?;
                if selected.files.is_empty() {
                    return Err(PackageError::Empty(what));
                }
                selected.check_size(&what)?;
                (what, selected)
            }
        };
        let fingerprint = selected.fingerprint();
        if let Some(made) = used.get(&fingerprint).or_else(|| self.made.get(&fingerprint)).cloned() {
            used.insert(fingerprint, made.clone());
            return Ok(made);
        }
        listener(Progress::Note(format!(
            "packaging {what}: {} files, {}",
            selected.files.len(),
            size(selected.bytes())
        )));
        let made = blocking(move || {
            let bytes = selected.archive()?;
            Ok(Made { sha256: hex::encode(Sha256::digest(&bytes)), bytes, files: selected.files })
        });
        let made = Arc::new(made.await?);
        used.insert(fingerprint, made.clone());
        Ok(made)
    }
}

impl Made {
    /// The names of files that are not the same in both.
    fn differences<'a>(&'a self, other: &'a Made) -> impl Iterator<Item = &'a str> {
        let differs = |one: &'a Made, other: &'a Made| {
            let files = one.files.iter().filter(|(name, file)| other.files.get(*name) != Some(file));
            files.map(|(name, _)| name.as_str())
        };
        differs(self, other).chain(differs(other, self))
    }
}

/// What each function may load.
async fn reaches(project: &Project, latest: &[(&Function, Arc<Made>)]) -> Result<Vec<Reach>> {
    let folder = project.folder.clone();
    let functions: Vec<_> = latest.iter().map(|(function, made)| ((*function).clone(), made.clone())).collect();
    blocking(move || {
        let reaches = functions.iter().map(|(function, made)| {
            let followed = |name: &str| {
                let own = made.files.get(name).is_some_and(|file| file.path.starts_with(&folder));
                own && !name.split('/').any(|part| part == "node_modules")
            };
            Reach::of(function, &made.files, &followed)
        });
        Ok(reaches.collect())
    })
    .await
}

/// Runs work that reads and compresses files on a thread that may block.
async fn blocking<T: Send + 'static>(work: impl FnOnce() -> Result<T> + Send + 'static) -> Result<T> {
    match tokio::task::spawn_blocking(work).await {
        Ok(result) => result,
        Err(error) => Err(PackageError::Dependencies(format!("packaging was cut off: {error}"))),
    }
}

/// Taken out of every package before the service's patterns have their say.
const DEFAULT_EXCLUDES: &[&str] = &[
    "!.git/**",
    "!.gitignore",
    "!.DS_Store",
    "!**/.DS_Store",
    "!npm-debug.log",
    "!yarn-*.log",
    "!.serverless/**",
    "!.serverless_plugins/**",
    "!.cloudlet/**",
    "!.env*",
    "!**/__pycache__/**",
    "!.venv/**",
    "!venv/**",
];

fn function_source(project: &Project, function: &Function, requirements: Option<&PathBuf>) -> Result<Source> {
    let service = &project.service;
    let own = &function.package;
    let individually = own.individually.or(service.package.individually).unwrap_or(false);
    if let Some(artifact) = own.artifact.as_ref().or(service.package.artifact.as_ref().filter(|_| !individually)) {
        return Ok(Source::Zip(artifact_path(project, artifact)?));
    }
    let mut patterns = base_patterns(project);
    patterns.extend(service.package.patterns.iter().cloned());
    if individually {
        patterns.extend(own.patterns.iter().cloned());
    }
    let what = if individually { format!("function {}", function.key) } else { format!("service {}", service.name) };
    let mut selections =
        vec![Selection { root: project.folder.clone(), patterns, last: dependencies::dev_patterns(project) }];
    if let Some(folder) = requirements {
        let patterns = vec!["!**/__pycache__/**".into(), "!bin/**".into()];
        selections.push(Selection { root: folder.clone(), patterns, last: Vec::new() });
    }
    Ok(Source::Files { what, selections })
}

fn base_patterns(project: &Project) -> Vec<String> {
    let defaults = DEFAULT_EXCLUDES.iter().map(|pattern| pattern.to_string());
    let layers =
        project.service.layers.iter().filter(|layer| layer.package.artifact.is_none() && trimmed(&layer.path) != ".");
    let layers = layers.map(|layer| format!("!{}/**", trimmed(&layer.path)));
    let site = project.service.site.iter().map(|site| format!("!{}/**", site.path));
    defaults.chain([format!("!{}", project.config_name())]).chain(layers).chain(site).collect()
}

fn trimmed(path: &str) -> &str {
    path.trim_start_matches("./").trim_end_matches('/')
}

fn layer_source(project: &Project, layer: &Layer) -> Source {
    let Package { artifact, patterns, .. } = &layer.package;
    match artifact {
        Some(artifact) => Source::Zip(project.folder.join(artifact)),
        None => {
            let defaults = DEFAULT_EXCLUDES.iter().map(|pattern| pattern.to_string());
            let patterns = defaults.chain(patterns.iter().cloned()).collect();
            let root = project.folder.join(&layer.path);
            Source::Files {
                what: format!("layer {}", layer.key),
                selections: vec![Selection { root, patterns, last: Vec::new() }],
            }
        }
    }
}

/// The files that a site has. Those that begin with a dot are for tools, but for what is well known (RFC 8615).
fn site_source(project: &Project, site: &Site) -> Result<Source> {
    let root = project.folder.join(&site.path);
    if !root.join(INDEX).is_file() {
        let message = format!("the site's folder `{}` has no {INDEX}: build the site first", site.path);
        return Err(PackageError::Unsupported(message));
    }
    let patterns = ["!**/.*", "!**/.*/**", ".well-known/**"].map(str::to_owned).to_vec();
    Ok(Source::Files { what: "the site".into(), selections: vec![Selection { root, patterns, last: Vec::new() }] })
}

fn artifact_path(project: &Project, artifact: &str) -> Result<PathBuf> {
    if artifact.starts_with("s3://") || artifact.starts_with("https://") {
        return Err(PackageError::Unsupported(format!(
            "the artifact {artifact} is not on this machine: only local zips are supported yet"
        )));
    }
    Ok(project.folder.join(artifact))
}

/// A warning when the file that the handler names is not in the package: it may be in a layer, but mostly it is a slip.
fn missing_handler(function: &Function, zip: &[u8]) -> Option<Diagnostic> {
    let extensions: &[&str] = match &function.runtime {
        runtime if runtime.starts_with("python") => &[".py", "/__init__.py", ".so"],
        runtime if runtime.starts_with("nodejs") => &[".js", ".mjs", ".cjs", ".ts", ".mts", ".cts", "/index.js"],
        _ => return None,
    };
    let (module, _) = function.handler.rsplit_once('.')?;
    let module = trimmed(module);
    let module = if function.runtime.starts_with("python") { module.replace('.', "/") } else { module.to_string() };
    let names = archive::names(zip).ok()?;
    let there = extensions.iter().any(|extension| names.contains(&format!("{module}{extension}")));
    let wanted = format!("{module}{}", extensions.first()?);
    let message =
        format!("the handler `{}` of `{}` needs {wanted}, which is not in its package", function.handler, function.key);
    (!there && function.layers.is_none()).then(|| Diagnostic::warning(message).at(&function.at))
}

/// Bytes as people read them.
fn size(bytes: u64) -> String {
    match bytes {
        0..1024 => format!("{bytes} B"),
        1024..1_048_576 => format!("{} KiB", bytes / 1024),
        _ => format!("{:.1} MiB", bytes as f64 / 1_048_576.0),
    }
}

fn io(path: &Path, error: std::io::Error) -> PackageError {
    PackageError::Io { path: path.display().to_string(), error }
}
