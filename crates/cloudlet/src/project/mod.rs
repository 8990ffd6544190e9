//! A project on its way to a server: what `deploy`, `dev` and `remove` share.

mod cloud;
mod report;
pub mod watch;

use std::path::{Path, PathBuf};

use anyhow::{Context as _, bail};
use base::Env;
use deploy::{Built, Outcome, PackageOptions, Packager, Project};

use crate::cli::ProjectOptions;
use crate::client::Client;

pub use cloud::Remote;
pub use report::{Reporter, print_outcome};

/// Deploys a folder's project, again and again if need be: what has not changed is neither packaged nor sent again.
pub struct Deployer {
    folder: PathBuf,
    options: ProjectOptions,
    /// The wish of whoever deploys; without it the project decides.
    region: Option<String>,
    cloud: Remote,
    packager: Packager,
    packaging: PackageOptions,
}

impl Deployer {
    /// # Errors
    /// When the server does not answer.
    pub async fn new(
        folder: &Path,
        options: ProjectOptions,
        region: Option<String>,
        client: Client,
        npm_install: bool,
    ) -> anyhow::Result<Deployer> {
        let cloud = Remote::connect(client).await?;
        let packaging = PackageOptions { cache: crate::cache_folder()?.join("packages"), npm_install };
        Ok(Deployer { folder: folder.to_owned(), options, region, cloud, packager: Packager::default(), packaging })
    }

    /// Reads the configuration, and turns to its region.
    ///
    /// # Errors
    /// Everything that is wrong with it, each with its place.
    pub async fn load(&mut self) -> anyhow::Result<Project> {
        let options = deploy::Options {
            stage: self.options.stage.clone(),
            region: self.region.clone(),
            params: self.options.params.iter().cloned().collect(),
            environment: std::env::vars().collect(),
            account: deploy::Cloud::account(&self.cloud).to_owned(),
            instance: Env::real().uuid(),
            outputs: deploy::stack_outputs(&self.cloud).await?,
        };
        let project = Project::load(&self.folder, &options).map_err(|diagnostics| {
            let text: Vec<_> = diagnostics.iter().map(ToString::to_string).collect();
            anyhow::anyhow!("the project cannot be deployed\n\n{}", text.join("\n\n"))
        })?;
        self.cloud.turn_to(&project.service.region);
        Ok(project)
    }

    pub async fn deploy(&mut self, project: &Project, reporter: &mut Reporter) -> anyhow::Result<Outcome> {
        reporter.warnings(&project.warnings);
        let Built { hashes, packages, warnings } =
            self.packager.package(project, &self.packaging, &mut |progress| reporter.tell(progress)).await?;
        reporter.warnings(&warnings);
        let plan =
            deploy::plan(project.template(&hashes), &project.stack_name(), Default::default(), &self.cloud).await?;
        reporter.warnings(&plan.warnings);
        let outcome =
            deploy::apply(plan, &packages, &self.cloud, &Env::real(), &mut |progress| reporter.tell(progress)).await;
        reporter.done();
        Ok(outcome?)
    }

    pub async fn remove(&self, project: &Project, reporter: &mut Reporter) -> anyhow::Result<()> {
        let removed =
            deploy::remove(&project.stack_name(), &self.cloud, &Env::real(), &mut |progress| reporter.tell(progress))
                .await;
        reporter.done();
        Ok(removed?)
    }
}

/// The folder of a project, whole, so that it means the same wherever it is used.
pub fn folder(dir: &Path) -> anyhow::Result<PathBuf> {
    let folder = dir.canonicalize().with_context(|| format!("there is no folder {}", dir.display()))?;
    if !folder.is_dir() {
        bail!("{} is not a folder: name the one that holds serverless.yml", dir.display());
    }
    Ok(folder)
}

/// The runtimes that the project's functions ask for, each once.
pub fn runtimes(project: &Project) -> Vec<String> {
    let mut runtimes: Vec<_> = project.service.functions.iter().map(|function| function.runtime.clone()).collect();
    runtimes.sort();
    runtimes.dedup();
    runtimes
}
