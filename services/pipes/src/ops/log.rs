//! The logging of a pipe, as requests say it and as the API shows it.

use base::Arn;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use service::Constraints;

use crate::error::Error;
use crate::types::{Level, Log};

#[derive(Clone, Debug, Default, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
pub struct LogConfiguration {
    #[serde(skip_serializing_if = "Option::is_none")]
    cloudwatch_logs_log_destination: Option<LogGroup>,
    #[serde(skip_serializing)]
    firehose_log_destination: Option<Value>,
    #[serde(skip_serializing)]
    s3_log_destination: Option<Value>,
    level: Option<String>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    include_execution_data: Vec<String>,
}

#[derive(Clone, Debug, Default, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
struct LogGroup {
    log_group_arn: String,
}

/// The only kind of data that a record can show.
const ALL: &str = "ALL";

impl LogConfiguration {
    pub fn check(&self, constraints: &mut Constraints) {
        constraints.required(self.level.as_deref(), "logConfiguration.level");
        constraints.one_of(self.level.as_deref(), "logConfiguration.level", &Level::ALL.map(Level::name));
        for data in &self.include_execution_data {
            constraints.one_of(Some(data), "logConfiguration.includeExecutionData", &[ALL]);
        }
    }

    pub fn into_stored(self) -> Result<Log, Error> {
        let elsewhere = [
            (&self.firehose_log_destination, "FirehoseLogDestination"),
            (&self.s3_log_destination, "S3LogDestination"),
        ];
        if let Some((_, name)) = elsewhere.iter().find(|(destination, _)| destination.is_some()) {
            return Err(Error::NotImplemented(format!("{name} of a pipe (CloudwatchLogsLogDestination is)")));
        }
        let level = Level::ALL.into_iter().find(|level| self.level.as_deref() == Some(level.name()));
        let level = level.unwrap_or(Level::Off);
        let group = self.cloudwatch_logs_log_destination.map(|group| log_group(&group.log_group_arn)).transpose()?;
        if group.is_none() && level != Level::Off {
            return Err(Error::validation("A log destination is needed where the log level is not OFF."));
        }
        Ok(Log { level, group, data: !self.include_execution_data.is_empty() })
    }

    pub fn of_stored(log: &Log) -> LogConfiguration {
        LogConfiguration {
            cloudwatch_logs_log_destination: log
                .group
                .as_ref()
                .map(|group| LogGroup { log_group_arn: group.to_string() }),
            level: Some(log.level.name().to_owned()),
            include_execution_data: if log.data { vec![ALL.to_owned()] } else { Vec::new() },
            ..LogConfiguration::default()
        }
    }
}

fn log_group(text: &str) -> Result<Arn, Error> {
    let arn: Option<Arn> = text.parse().ok();
    arn.filter(|arn| arn.service == "logs" && arn.resource.starts_with("log-group:"))
        .ok_or_else(|| Error::validation(format!("LogGroupArn {text} is not the ARN of a log group.")))
}
