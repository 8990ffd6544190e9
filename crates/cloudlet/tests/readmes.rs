//! The tables of operations in the services' READMEs are made from the services' own. `UPDATE_READMES=1` rewrites them.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::path::PathBuf;

use service::Service;

const BEGIN: &str = "<!-- operations -->\n";
const END: &str = "<!-- /operations -->";

/// The folder of the service whose API has this model.
fn folder(model: &str) -> PathBuf {
    let name = match model {
        "apigatewayv2" => "apigateway",
        "application-autoscaling" => "autoscaling",
        "cognito-idp" => "cognito",
        "cognito-identity" => "cognitoidentity",
        "cloudlet-migrate" => "migrate",
        "dynamodbstreams" | "cloudlet-dynamodb" => "dynamodb",
        "sesv2" => "ses",
        "sts" => "iam",
        other => other,
    };
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../../services").join(name)
}

fn table(services: &[&Service]) -> String {
    let mut text = String::new();
    for service in services {
        let names: Vec<_> = service.operations().iter().map(|operation| format!("`{}`", operation.name)).collect();
        let absent: Vec<_> = service.api.not_implemented.iter().map(|name| format!("`{name}`")).collect();
        let _ = write!(text, "\n**{}**, {} operations: {}.\n", service.api.model, names.len(), names.join(", "));
        if !absent.is_empty() {
            let _ = write!(text, "\nNot implemented, and says so: {}.\n", absent.join(", "));
        }
    }
    text + "\n"
}

#[tokio::test]
async fn readmes_list_what_there_is() {
    let (cloud, _folder) = cloudlet::services::catalogue().await.unwrap();
    let mut by_folder: BTreeMap<PathBuf, Vec<&Service>> = BTreeMap::new();
    for service in cloud.services().iter().filter(|service| service.api.name != "cloudlet") {
        by_folder.entry(folder(service.api.model)).or_default().push(service);
    }
    for (folder, services) in by_folder {
        let path = folder.join("README.md");
        let text = std::fs::read_to_string(&path).unwrap();
        let (before, rest) = text.split_once(BEGIN).unwrap_or_else(|| panic!("{} has no {BEGIN}", path.display()));
        let (found, after) = rest.split_once(END).unwrap_or_else(|| panic!("{} has no {END}", path.display()));
        let expected = table(&services);
        if std::env::var_os("UPDATE_READMES").is_some() {
            std::fs::write(&path, format!("{before}{BEGIN}{expected}{END}{after}")).unwrap();
        } else {
            assert_eq!(
                found,
                expected,
                "{} is not up to date: UPDATE_READMES=1 cargo test -p cloudlet --test readmes",
                path.display()
            );
        }
    }
}
