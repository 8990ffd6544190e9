//! `cloudlet migrate`, as the command line has it.

use clap::{Args, Subcommand};

use super::Connection;

/// Moves traffic from a legacy backend to functions, route by route, and back (custom.cloudlet.migrate in serverless.yml).
///
/// Each change is in force at once, and lasts until the next one: a later deployment changes a share only where serverless.yml
/// says something else than before.
#[derive(Subcommand, Debug)]
pub enum Migrate {
    Status(MigrateStatus),
    Shift(MigrateShift),
    Back(MigrateBack),
    Shadow(MigrateShadow),
}

/// Shows where traffic goes, and how both sides do: requests, errors and latency since the server started.
#[derive(Args, Debug)]
pub struct MigrateStatus {
    /// Only this migration.
    pub name: Option<String>,
    /// As JSON, for programs.
    #[arg(long)]
    pub json: bool,
    #[command(flatten)]
    pub connection: Connection,
}

/// Sends a share of the requests to the functions, and the rest to the backend.
#[derive(Args, Debug)]
pub struct MigrateShift {
    /// The migration's name.
    pub name: String,
    /// The functions' share: from 0% to 100%.
    #[arg(value_name = "SHARE", value_parser = percent)]
    pub weight: f64,
    #[command(flatten)]
    pub chosen: ChosenRoutes,
    #[command(flatten)]
    pub connection: Connection,
}

/// Sends everything back to the backend at once, copies included, whatever the shares are.
#[derive(Args, Debug)]
pub struct MigrateBack {
    /// The migration's name.
    pub name: String,
    /// Lets the shares decide again.
    #[arg(long)]
    pub undo: bool,
    #[command(flatten)]
    pub connection: Connection,
}

/// Sends the other side copies of a share of the requests, and compares the answers; nobody else sees those to copies.
///
/// Of GET, HEAD and OPTIONS only, unless --unsafe is given. Copies have the header X-Cloudlet-Shadow.
#[derive(Args, Debug)]
pub struct MigrateShadow {
    /// The migration's name.
    pub name: String,
    /// The share that is copied: from 0% to 100%.
    #[arg(value_name = "SHARE", value_parser = percent)]
    pub share: f64,
    /// Copies requests that change something, too: both sides make the change then.
    #[arg(long)]
    pub r#unsafe: bool,
    #[command(flatten)]
    pub chosen: ChosenRoutes,
    #[command(flatten)]
    pub connection: Connection,
}

/// Which routes it is about.
#[derive(Args, Debug)]
pub struct ChosenRoutes {
    /// Only the routes with this path, as serverless.yml has it [default: all].
    #[arg(long)]
    pub path: Option<String>,
    /// Of those, only the one with this method.
    #[arg(long)]
    pub method: Option<String>,
}

fn percent(text: &str) -> Result<f64, String> {
    let number: Option<f64> = text.strip_suffix('%').unwrap_or(text).parse().ok();
    number
        .filter(|number| (0.0..=100.0).contains(number))
        .ok_or_else(|| "a share from 0% to 100% is expected, such as 25%".into())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn shares_are_checked() {
        assert_eq!((percent("0%"), percent("100"), percent("2.5%")), (Ok(0.0), Ok(100.0), Ok(2.5)));
        for text in ["", "%", "101%", "-1%", "nan", "ten"] {
            assert!(percent(text).is_err(), "{text}");
        }
    }
}
