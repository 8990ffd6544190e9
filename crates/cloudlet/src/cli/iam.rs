//! `cloudlet iam`, and what `--iam` says.

use clap::{Args, Subcommand, ValueEnum};

use super::Connection;

/// What policies are for.
#[derive(ValueEnum, Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum IamMode {
    #[default]
    Enforce,
    Audit,
}

impl From<IamMode> for ::iam::Mode {
    fn from(mode: IamMode) -> ::iam::Mode {
        match mode {
            IamMode::Enforce => ::iam::Mode::Enforce,
            IamMode::Audit => ::iam::Mode::Audit,
        }
    }
}

/// Tells what policies deny, and writes the least policy for what was done.
#[derive(Subcommand, Debug)]
pub enum Iam {
    Denied(Denied),
    Suggest(Suggest),
}

/// Shows the calls that policies denied, or would have (`cloudlet serve --iam audit`): who, what, how often, and the statement
/// that would allow it.
///
/// Calls of one user or role for the same action and resource are one line; where there are many resources, those with a
/// common beginning are one. What is denied is kept across restarts.
#[derive(Args, Debug)]
pub struct Denied {
    /// Only this user's or role's: its ARN or name.
    pub caller: Option<String>,
    /// As JSON, for programs.
    #[arg(long)]
    pub json: bool,
    #[command(flatten)]
    pub connection: Connection,
}

/// Writes the least policy for what a function, a role or a user has done so far, and tells what theirs allow beyond that.
///
/// Each action that was called is in it, on the resources that it was called for: tables by their name, with their indexes;
/// objects by their key, or by the folder where there are many. Run the application with a policy that is too wide, or with
/// `--iam audit`, use everything that it can do, and put the result in its place. What was done is counted from the first call
/// on, across restarts, until the role is deleted. Conditions are for you to write.
#[derive(Args, Debug)]
pub struct Suggest {
    /// The function, which stands for its role; or the role or user itself, by its name or ARN.
    #[arg(value_name = "FUNCTION|ROLE|USER")]
    pub name: String,
    /// How to write it: as a policy document, or as `provider.iam.role.statements` of serverless.yml.
    #[arg(long, value_enum, default_value_t)]
    pub format: PolicyFormat,
    #[command(flatten)]
    pub connection: Connection,
}

#[derive(ValueEnum, Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum PolicyFormat {
    #[default]
    Json,
    Serverless,
}
