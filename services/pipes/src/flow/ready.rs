//! Whether a pipe can begin: its role may read its source, which is there.

use service::{Cx, Error, Permission};
use sources::stream::{self, Reader, Unreadable};
use sources::{Checkpoint, queue};

use crate::roles;
use crate::types::Pipe;

/// Where a pipe that is to run begins in each shard of its stream, where that is not told by its settings alone; or why it
/// cannot run, in AWS's words where those are known.
///
/// Source: <https://docs.aws.amazon.com/eventbridge/latest/userguide/eb-pipes-error-troubleshooting.html>
pub async fn readiness(cx: &Cx, pipe: &Pipe) -> Result<Vec<(String, Checkpoint)>, String> {
    if !pipe.runs {
        return Ok(Vec::new());
    }
    let role = cx.with_caller(roles::session(pipe));
    let Some(parameters) = &pipe.source_parameters.stream else {
        return queue(&role, pipe).await.map(|()| Vec::new());
    };
    let starts = stream::starts(&Reader::new(role, &pipe.source), &parameters.settings(), cx.now()).await;
    starts.map_err(|reason| match reason {
        Unreadable::Denied => {
            let actions = "DescribeStream, GetRecords, GetShardIterator and ListStreams";
            format!(
                "Pipes does not have required permissions to perform Stream operations ({actions}) on {}",
                pipe.source
            )
        }
        Unreadable::Missing => {
            "Stream not found. To resume processing please delete the pipe and create a new one.".to_owned()
        }
        Unreadable::Failed(error) => error.to_string(),
    })
}

async fn queue(role: &Cx, pipe: &Pipe) -> Result<(), String> {
    for action in queue::ACTIONS {
        let permission = Permission::new(format!("sqs:{action}"), &pipe.source);
        role.authorize(&permission).map_err(|_| {
            "Pipes does not have required permissions to perform Queue operations (sqs:ReceiveMessage, sqs:DeleteMessage and sqs:GetQueueAttributes)"
        })?;
    }
    let told = |error: Error| format!("The source {} cannot be read: {}", pipe.source, error.message);
    queue::visibility_seconds(role, &pipe.source).await.map(|_| ()).map_err(told)
}
