//! Custom domains: each maps one of the service's APIs, beneath a domain that other services may share.

use serde_json::{Value, json};

use super::{Compiler, attribute, without_nulls};
use crate::serverless::custom_domain::{CustomDomain, Kind};
use crate::serverless::naming;

impl Compiler<'_> {
    pub(super) fn custom_domains(&mut self) {
        let service = self.service;
        for domain in &service.custom_domains {
            let Some((api, stage, after)) = self.api_of(domain) else {
                let (kind, other) = match domain.kind {
                    Kind::Rest => ("REST", "apiType: http"),
                    Kind::Http => ("HTTP", "apiType: rest"),
                };
                let message =
                    format!("the service has no {kind} API for the domain `{}`: is it `{other}`?", domain.name);
                self.diagnostics.error(&domain.at, message);
                continue;
            };
            let resource = without_nulls(json!({
                "Type": "Custom::CloudletApiDomain",
                "Properties": without_nulls(json!({
                    "DomainName": domain.name,
                    "ApiId": api,
                    "Stage": stage,
                    "ApiMappingKey": domain.base_path.as_deref().map(|path| path.trim_matches('/')).filter(|path| !path.is_empty()),
                    "CertificateArn": domain.certificate,
                    "EndpointType": domain.endpoint_type.as_deref().map(str::to_ascii_uppercase),
                    "SecurityPolicy": domain.security_policy.as_deref().map(str::to_ascii_uppercase),
                })),
                "DependsOn": after,
            }));
            let id = naming::custom_domain(&domain.name, domain.base_path.as_deref().unwrap_or_default());
            self.add(&id, resource, &domain.at);
            let target =
                json!({"Description": "Where the domain has to point to", "Value": attribute(&id, "TargetDomainName")});
            self.template.outputs.insert(format!("{id}Target"), target);
        }
    }

    /// The API that a domain is for, its stage, and what has to be there before it.
    fn api_of(&self, domain: &CustomDomain) -> Option<(Value, String, Option<String>)> {
        let resources = &self.template.resources;
        let stage = |default: &str| domain.stage.clone().unwrap_or_else(|| default.to_owned());
        match domain.kind {
            Kind::Http => {
                let own = resources.contains_key(naming::HTTP_API_STAGE).then(|| naming::HTTP_API_STAGE.to_owned());
                let is_there = own.is_some() || self.service.provider.http_api.id.is_some();
                is_there.then(|| (self.http_api_id(), stage("$default"), own))
            }
            Kind::Rest => {
                let is_deployment =
                    |resource: &Value| resource.get("Type").is_some_and(|kind| kind == "AWS::ApiGateway::Deployment");
                let (id, _) = resources.iter().find(|(_, resource)| is_deployment(resource))?;
                Some((json!({"Ref": naming::REST_API}), stage(&self.service.stage), Some(id.clone())))
            }
        }
    }
}
