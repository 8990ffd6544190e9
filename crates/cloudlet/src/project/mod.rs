//! A project on its way to a server: what `deploy`, `dev` and `remove` share.

pub mod canary;
mod cloud;
mod report;
pub mod watch;

use std::path::{Path, PathBuf};

use anyhow::{Context as _, bail};
use base::Env;
use deploy::{Built, Outcome, PackageHashes, PackageOptions, Packager, Packages, Project, Shift, Stack, Template};

use crate::cli::ProjectOptions;
use crate::client::Client;

pub use canary::{Canary, Verdict};
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
    /// While a project is developed, what it needs is installed, and a change of one function leaves the others alone.
    ///
    /// # Errors
    /// When the server does not answer.
    pub async fn new(
        folder: &Path,
        options: ProjectOptions,
        region: Option<String>,
        client: Client,
        developing: bool,
    ) -> anyhow::Result<Deployer> {
        let cloud = Remote::connect(client).await?;
        let cache = crate::cache_folder()?.join("packages");
        let packaging = PackageOptions { cache, npm_install: developing, keep_unaffected: developing };
        Ok(Deployer { folder: folder.to_owned(), options, region, cloud, packager: Packager::default(), packaging })
    }

    /// Reads the configuration, and turns to its region.
    ///
    /// # Errors
    /// Everything that is wrong with it, each with its place.
    pub async fn load(&mut self) -> anyhow::Result<Project> {
        let mut options = deploy::Options {
            stage: self.options.stage.clone(),
            region: self.region.clone(),
            params: self.options.params.iter().cloned().collect(),
            environment: std::env::vars().collect(),
            account: deploy::Cloud::account(&self.cloud).to_owned(),
            instance: Env::real().uuid(),
            outputs: deploy::stack_outputs(&self.cloud).await?,
            ..deploy::Options::default()
        };
        let turn = |cloud: &mut Remote, region: &str| cloud.turn_to(region);
        let looked_up = deploy::look_up_all(&mut self.cloud, &self.folder, &mut options, turn).await;
        looked_up.context("the parameters that the project asks for cannot be read (${ssm:})")?;
        let project = Project::load(&self.folder, &options).map_err(|diagnostics| {
            let text: Vec<_> = diagnostics.iter().map(ToString::to_string).collect();
            anyhow::anyhow!("the project cannot be deployed\n\n{}", text.join("\n\n"))
        })?;
        self.cloud.turn_to(&project.service.region);
        Ok(project)
    }

    /// Deploys while a project is developed: triggers call what was saved last.
    pub async fn deploy(&mut self, project: &Project, reporter: &mut Reporter) -> anyhow::Result<Outcome> {
        let (hashes, packages) = self.package(project, reporter).await?;
        self.apply(project, project.template(&hashes), &packages, None, reporter).await
    }

    /// Deploys. With a canary, triggers call the functions' aliases from now on, and new versions begin with a share of
    /// the traffic: which, is told with the outcome. Without one, the traffic turns to new versions at once.
    pub async fn release(
        &mut self,
        project: &Project,
        canary: Option<Canary>,
        reporter: &mut Reporter,
    ) -> anyhow::Result<(Outcome, Vec<Shift>)> {
        let (hashes, packages) = self.package(project, reporter).await?;
        let name = project.stack_name();
        let before = Stack::load(&self.cloud, &name).await?;
        let live = before.as_ref().is_some_and(Stack::is_live);
        if live {
            deploy::align(&name, &self.cloud).await?;
        }
        let Some(canary) = canary else {
            let template = project.template(&hashes);
            let template = if live { deploy::through_aliases(template) } else { template };
            return Ok((self.apply(project, template, &packages, None, reporter).await?, Vec::new()));
        };
        if let Some(before) = before.filter(|_| !live) {
            before.check_routable()?;
            // First as it is, so that the triggers never call the new code but through the alias.
            let template = Template::from_json(&before.template).map_err(anyhow::Error::msg)?;
            let template = deploy::through_aliases(template);
            self.apply(project, template, &Packages::default(), None, reporter).await?;
        }
        let template = deploy::through_aliases(project.template(&hashes));
        let outcome = self.apply(project, template, &packages, Some(canary.weight), reporter).await?;
        Ok((outcome, deploy::align(&name, &self.cloud).await?))
    }

    /// Watches a canary to its end, and notes in the stack where the traffic is then.
    pub async fn watch(
        &self,
        project: &Project,
        shifts: &[Shift],
        canary: Canary,
        reporter: &Reporter,
    ) -> anyhow::Result<Verdict> {
        let verdict = canary::run(&self.cloud, shifts, canary.watch, reporter).await;
        reporter.done();
        let verdict = verdict?;
        deploy::align(&project.stack_name(), &self.cloud).await?;
        Ok(verdict)
    }

    async fn package(
        &mut self,
        project: &Project,
        reporter: &mut Reporter,
    ) -> anyhow::Result<(PackageHashes, Packages)> {
        reporter.warnings(&project.warnings);
        let Built { hashes, packages, warnings } =
            self.packager.package(project, &self.packaging, &mut |progress| reporter.tell(progress)).await?;
        reporter.warnings(&warnings);
        Ok((hashes, packages))
    }

    async fn apply(
        &self,
        project: &Project,
        template: Template,
        packages: &Packages,
        first_weight: Option<f64>,
        reporter: &mut Reporter,
    ) -> anyhow::Result<Outcome> {
        let plan = deploy::plan(template, &project.stack_name(), Default::default(), &self.cloud).await?;
        reporter.warnings(&plan.warnings);
        let plan = plan.shifting(first_weight);
        let outcome =
            deploy::apply(plan, packages, &self.cloud, &Env::real(), &mut |progress| reporter.tell(progress)).await;
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
