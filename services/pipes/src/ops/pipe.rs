//! CreatePipe, UpdatePipe, DeletePipe, DescribePipe, ListPipes, StartPipe, StopPipe.

use std::sync::Arc;

use serde::{Deserialize, Serialize};
use service::{Constraints, Cx, Permission};
use wire::DateTime;

use super::log::LogConfiguration;
use super::source::{self, SourceInput};
use super::stage::{self, StageInput};
use super::tag;
use crate::error::Error;
use crate::flow::{Receiver, readiness};
use crate::limits;
use crate::model::pipe;
use crate::types::{Change, Failure, Pipe, Stage, Tags};
use crate::{Pipes, roles};

/// The input of create and update.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
pub struct PipeInput {
    pub name: String,
    pub description: Option<String>,
    pub desired_state: Option<String>,
    pub source: Option<String>,
    pub source_parameters: Option<SourceInput>,
    pub enrichment: Option<String>,
    pub enrichment_parameters: Option<StageInput>,
    pub target: Option<String>,
    pub target_parameters: Option<StageInput>,
    pub role_arn: Option<String>,
    pub tags: Tags,
    pub log_configuration: Option<LogConfiguration>,
    pub kms_key_identifier: Option<String>,
}

/// The states that can be asked for.
const DESIRED: [&str; 2] = ["RUNNING", "STOPPED"];
const NAME_PATTERN: &str = "[\\.\\-_A-Za-z0-9]+";

fn check_name(constraints: &mut Constraints, name: &str, member: &str) {
    let fits = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'.' | b'-' | b'_');
    constraints.pattern(Some(name), member, NAME_PATTERN, |name| !name.is_empty() && name.bytes().all(fits));
    constraints.length(Some(name), member, limits::NAME_CHARACTERS_MAX);
}

impl PipeInput {
    pub fn permissions(&self, cx: &Cx, action: &str) -> Vec<Permission> {
        let pass = self.role_arn.as_deref().map(roles::pass);
        std::iter::once(Permission::new(action, crate::arn(cx, &self.name))).chain(pass).collect()
    }

    fn check(&self, is_new: bool) -> Result<(), Error> {
        let mut constraints = Constraints::default();
        check_name(&mut constraints, &self.name, "name");
        if is_new {
            constraints.required(self.source.as_deref(), "source");
            constraints.required(self.target.as_deref(), "target");
        }
        constraints.required(self.role_arn.as_deref(), "roleArn");
        constraints.length(self.description.as_deref(), "description", limits::DESCRIPTION_CHARACTERS_MAX);
        constraints.one_of(self.desired_state.as_deref(), "desiredState", &DESIRED);
        constraints.length(self.kms_key_identifier.as_deref(), "kmsKeyIdentifier", limits::KMS_KEY_CHARACTERS_MAX);
        if let Some(source) = &self.source_parameters {
            source.check(&mut constraints);
        }
        let stages =
            [(&self.enrichment_parameters, "enrichmentParameters"), (&self.target_parameters, "targetParameters")];
        for (parameters, name) in stages {
            if let Some(parameters) = parameters {
                parameters.check(&mut constraints, name);
            }
        }
        if let Some(log) = &self.log_configuration {
            log.check(&mut constraints);
        }
        constraints.check()?;
        tag::check(&self.tags)
    }

    /// The pipe with what the request states. A pipe that has nothing yet takes all of it from there.
    fn apply(self, base: Pipe, is_new: bool) -> Result<Pipe, Error> {
        let enrichment = match self.enrichment.as_deref() {
            Some("") => None,
            Some(text) => Some(stage::enrichment(text)?),
            None => base.enrichment,
        };
        let target = self.target.as_deref().map_or(Ok(base.target), stage::target)?;
        let parameters = self.enrichment_parameters.unwrap_or_default();
        let before = if enrichment.is_some() { base.enrichment_parameters } else { Stage::default() };
        let enrichment_parameters = parameters.apply(enrichment.as_ref(), before)?;
        let target_parameters =
            self.target_parameters.unwrap_or_default().apply(Some(&target), base.target_parameters)?;
        let receivers = std::iter::once(&target).chain(&enrichment);
        let most = receivers.filter_map(|arn| Receiver::of(arn)?.batch_max()).min();
        let before = (!is_new).then_some(&base.source_parameters);
        let source_parameters = self.source_parameters.unwrap_or_default().apply(&base.source, before, most)?;
        let given =
            |text: Option<String>, before| text.map_or(before, |text| Some(text).filter(|text| !text.is_empty()));
        Ok(Pipe {
            description: given(self.description, base.description),
            runs: self.desired_state.map_or(base.runs, |state| state == "RUNNING"),
            source_parameters,
            enrichment,
            enrichment_parameters,
            target,
            target_parameters,
            log: self.log_configuration.map_or(Ok(base.log), |log| log.into_stored().map(Some))?,
            kms_key: given(self.kms_key_identifier, base.kms_key),
            ..base
        })
    }
}

/// A pipe in short, as most operations answer it.
#[derive(Debug, Serialize)]
#[serde(rename_all = "PascalCase")]
pub struct Summary {
    arn: String,
    name: String,
    desired_state: &'static str,
    current_state: &'static str,
    creation_time: DateTime,
    last_modified_time: DateTime,
}

impl Summary {
    fn new(pipe: &Pipe, current_state: &'static str) -> Summary {
        Summary {
            arn: pipe.arn.to_string(),
            name: pipe.name.clone(),
            desired_state: if pipe.runs { "RUNNING" } else { "STOPPED" },
            current_state,
            creation_time: pipe.created.into(),
            last_modified_time: pipe.modified.into(),
        }
    }
}

/// What a pipe is at. A poller takes a moment to start and to end.
fn state(pipes: &Pipes, pipe: &Pipe) -> &'static str {
    let is_polled = pipes.results.is_polled(&pipe.id);
    match (pipe.failure.as_ref().map(|failure| failure.change), pipe.runs) {
        (Some(Change::Create), _) => "CREATE_FAILED",
        (Some(Change::Update), _) => "UPDATE_FAILED",
        (Some(Change::Start), _) => "START_FAILED",
        (None, true) if is_polled => "RUNNING",
        (None, true) => "STARTING",
        (None, false) if is_polled => "STOPPING",
        (None, false) => "STOPPED",
    }
}

const REASON_CHARACTERS_MAX: usize = 512;

fn state_reason(pipes: &Pipes, pipe: &Pipe) -> String {
    let reason = match &pipe.failure {
        Some(failure) => failure.reason.clone(),
        None if pipe.runs => pipes.results.result(&pipe.id),
        None => "User initiated".to_owned(),
    };
    reason.chars().take(REASON_CHARACTERS_MAX).collect()
}

pub async fn create(_: Arc<Pipes>, cx: Cx, input: PipeInput) -> Result<Summary, Error> {
    input.check(true)?;
    let source = source::source(input.source.as_deref().unwrap_or_default())?;
    let target = stage::target(input.target.as_deref().unwrap_or_default())?;
    let role = roles::check(&cx, &crate::arn(&cx, &input.name), input.role_arn.as_deref().unwrap_or_default()).await?;
    let base = Pipe {
        id: cx.env().uuid(),
        name: input.name.clone(),
        arn: crate::arn(&cx, &input.name),
        description: None,
        runs: true,
        failure: None,
        source,
        source_parameters: crate::types::SourceParameters {
            batch_size: 0,
            window_seconds: None,
            filters: Vec::new(),
            stream: None,
        },
        enrichment: None,
        enrichment_parameters: Stage::default(),
        target,
        target_parameters: Stage::default(),
        role,
        log: None,
        kms_key: None,
        tags: input.tags.clone(),
        created: cx.now(),
        modified: cx.now(),
    };
    let mut pipe = input.apply(base, true)?;
    let starts = match readiness(&cx, &pipe).await {
        Ok(starts) => starts,
        Err(reason) => {
            pipe.failure = Some(Failure { change: Change::Create, reason });
            Vec::new()
        }
    };
    let answer = Summary::new(&pipe, "CREATING");
    cx.db().write(move |tx| pipe::create(tx, &pipe, &starts)).await?;
    Ok(answer)
}

pub async fn update(_: Arc<Pipes>, cx: Cx, input: PipeInput) -> Result<Summary, Error> {
    input.check(false)?;
    let region = cx.region().to_string();
    let current = pipe::find(&cx.db().read()?, &region, &input.name)?;
    let role = roles::check(&cx, &crate::arn(&cx, &input.name), input.role_arn.as_deref().unwrap_or_default()).await?;
    let (now, asked) = (cx.now(), input.clone());
    let change = move |before: Pipe| {
        asked.clone().apply(Pipe { role: role.clone(), modified: now, failure: None, ..before }, false)
    };
    let readiness = readiness(&cx, &change(current)?).await;
    let starts = readiness.as_ref().map_or_else(|_| Vec::new(), Vec::clone);
    let change = move |before: Pipe| match &readiness {
        Ok(_) => change(before),
        // It goes on as it was.
        Err(reason) => {
            let failure = Some(Failure { change: Change::Update, reason: reason.clone() });
            Ok(Pipe { modified: now, failure, ..before })
        }
    };
    let changed = cx.db().write(move |tx| pipe::update(tx, &region, &input.name, &starts, &change)).await?;
    Ok(Summary::new(&changed, "UPDATING"))
}

/// A request that names a pipe.
#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
pub struct NameInput {
    pub name: String,
}

pub async fn delete(_: Arc<Pipes>, cx: Cx, input: NameInput) -> Result<Summary, Error> {
    let region = cx.region().to_string();
    let gone = cx.db().write(move |tx| pipe::delete(tx, &region, &input.name)).await?;
    Ok(Summary { desired_state: "DELETED", ..Summary::new(&gone, "DELETING") })
}

pub async fn start(_: Arc<Pipes>, cx: Cx, input: NameInput) -> Result<Summary, Error> {
    let (now, region) = (cx.now(), cx.region().to_string());
    let current = pipe::find(&cx.db().read()?, &region, &input.name)?;
    let readiness = readiness(&cx, &Pipe { runs: true, ..current }).await;
    let starts = readiness.as_ref().map_or_else(|_| Vec::new(), Vec::clone);
    let change = move |before: Pipe| {
        let failure = readiness.as_ref().err().map(|reason| Failure { change: Change::Start, reason: reason.clone() });
        Ok(Pipe { runs: true, modified: now, failure, ..before })
    };
    let changed = cx.db().write(move |tx| pipe::update(tx, &region, &input.name, &starts, &change)).await?;
    Ok(Summary::new(&changed, "STARTING"))
}

pub async fn stop(_: Arc<Pipes>, cx: Cx, input: NameInput) -> Result<Summary, Error> {
    let (now, region) = (cx.now(), cx.region().to_string());
    let change = move |before: Pipe| Ok(Pipe { runs: false, modified: now, failure: None, ..before });
    let changed = cx.db().write(move |tx| pipe::update(tx, &region, &input.name, &[], change)).await?;
    Ok(Summary::new(&changed, "STOPPING"))
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "PascalCase")]
pub struct DescribeOutput {
    #[serde(flatten)]
    summary: Summary,
    #[serde(skip_serializing_if = "Option::is_none")]
    description: Option<String>,
    state_reason: String,
    source: String,
    source_parameters: SourceInput,
    #[serde(skip_serializing_if = "Option::is_none")]
    enrichment: Option<String>,
    enrichment_parameters: StageInput,
    target: String,
    target_parameters: StageInput,
    role_arn: String,
    tags: Tags,
    #[serde(skip_serializing_if = "Option::is_none")]
    log_configuration: Option<LogConfiguration>,
    #[serde(skip_serializing_if = "Option::is_none")]
    kms_key_identifier: Option<String>,
}

pub async fn describe(pipes: Arc<Pipes>, cx: Cx, input: NameInput) -> Result<DescribeOutput, Error> {
    let pipe = pipe::find(&cx.db().read()?, cx.region().as_str(), &input.name)?;
    Ok(DescribeOutput {
        summary: Summary::new(&pipe, state(&pipes, &pipe)),
        state_reason: state_reason(&pipes, &pipe),
        source: pipe.source.to_string(),
        source_parameters: SourceInput::of_stored(&pipe.source, &pipe.source_parameters),
        enrichment: pipe.enrichment.map(|arn| arn.to_string()),
        enrichment_parameters: StageInput::of_stored(&pipe.enrichment_parameters),
        target: pipe.target.to_string(),
        target_parameters: StageInput::of_stored(&pipe.target_parameters),
        role_arn: pipe.role.to_string(),
        log_configuration: pipe.log.as_ref().map(LogConfiguration::of_stored),
        description: pipe.description,
        tags: pipe.tags,
        kms_key_identifier: pipe.kms_key,
    })
}

#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
pub struct ListInput {
    name_prefix: Option<String>,
    desired_state: Option<String>,
    current_state: Option<String>,
    source_prefix: Option<String>,
    target_prefix: Option<String>,
    next_token: Option<String>,
    limit: Option<i64>,
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "PascalCase")]
pub struct ListOutput {
    pipes: Vec<Listed>,
    #[serde(skip_serializing_if = "Option::is_none")]
    next_token: Option<String>,
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "PascalCase")]
struct Listed {
    #[serde(flatten)]
    summary: Summary,
    state_reason: String,
    source: String,
    target: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    enrichment: Option<String>,
}

impl ListInput {
    fn check(&self) -> Result<(), Error> {
        let mut constraints = Constraints::default();
        if let Some(prefix) = &self.name_prefix {
            check_name(&mut constraints, prefix, "namePrefix");
        }
        constraints.one_of(self.desired_state.as_deref(), "desiredState", &DESIRED);
        constraints.range(self.limit, "limit", &limits::PAGE_RANGE);
        Ok(constraints.check()?)
    }

    fn wants(&self, pipe: &Pipe, current: &str) -> bool {
        let begins =
            |text: String, prefix: &Option<String>| prefix.as_ref().is_none_or(|prefix| text.starts_with(prefix));
        let desired = if pipe.runs { "RUNNING" } else { "STOPPED" };
        begins(pipe.name.clone(), &self.name_prefix)
            && begins(pipe.source.to_string(), &self.source_prefix)
            && begins(pipe.target.to_string(), &self.target_prefix)
            && self.desired_state.as_deref().is_none_or(|state| state == desired)
            && self.current_state.as_deref().is_none_or(|state| state == current)
    }
}

pub async fn list(pipes: Arc<Pipes>, cx: Cx, input: ListInput) -> Result<ListOutput, Error> {
    input.check()?;
    let size = input.limit.and_then(|limit| usize::try_from(limit).ok()).unwrap_or(limits::PAGE_DEFAULT);
    let read = cx.db().read()?;
    let mut page: Vec<Listed> = Vec::new();
    for pipe in pipe::list(&read, cx.region().as_str(), input.next_token.as_deref())? {
        let pipe = pipe?;
        let current = state(&pipes, &pipe);
        if !input.wants(&pipe, current) {
            continue;
        }
        if page.len() == size {
            let next_token = page.last().map(|last| last.summary.name.clone());
            return Ok(ListOutput { pipes: page, next_token });
        }
        page.push(Listed {
            summary: Summary::new(&pipe, current),
            state_reason: state_reason(&pipes, &pipe),
            source: pipe.source.to_string(),
            target: pipe.target.to_string(),
            enrichment: pipe.enrichment.map(|arn| arn.to_string()),
        });
    }
    Ok(ListOutput { pipes: page, next_token: None })
}
