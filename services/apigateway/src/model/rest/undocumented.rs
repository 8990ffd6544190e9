//! The places of a REST API that something can be said of.

use kv::Read;

use crate::error::Error;
use crate::keys::AUTHORIZERS;
use crate::model::authorizer;
use crate::model::rest::{model, resource};
use crate::types::documentation::{Kind, Location};
use crate::types::rest::Method;

/// All places of an API, in their order.
pub fn places(read: &(impl Read + ?Sized), api: &str) -> Result<Vec<Location>, Error> {
    let mut all = vec![Kind::Api.at(None, None, None)];
    all.extend(authorizer::list(read, &AUTHORIZERS, api)?.iter().map(|found| Kind::Authorizer.named(&found.name)));
    all.extend(model::list(read, api)?.iter().map(|found| Kind::Model.named(&found.name)));
    for (path, resource) in resource::list(read, api)? {
        all.push(Kind::Resource.at(Some(&path), None, None));
        for (http_method, method) in &resource.methods {
            all.extend(of_method(&path, http_method, method));
        }
    }
    all.sort();
    Ok(all)
}

fn of_method(path: &str, http_method: &str, method: &Method) -> Vec<Location> {
    let at = |kind: Kind| kind.at(Some(path), Some(http_method), None);
    let mut all = vec![at(Kind::Method)];
    for parameter in method.request_parameters.keys() {
        let place = parameter.strip_prefix("method.request.").and_then(|rest| rest.split_once('.'));
        let Some((place, name)) = place else { continue };
        let kind = match place {
            "path" => Kind::PathParameter,
            "querystring" => Kind::QueryParameter,
            "header" => Kind::RequestHeader,
            _ => continue,
        };
        all.push(Location { name: Some(name.to_owned()), ..at(kind) });
    }
    if !method.request_models.is_empty() {
        all.push(at(Kind::RequestBody));
    }
    for (status, response) in &method.responses {
        let at = |kind: Kind| kind.at(Some(path), Some(http_method), Some(status));
        all.push(at(Kind::Response));
        if !response.models.is_empty() {
            all.push(at(Kind::ResponseBody));
        }
        let names = response.parameters.keys().filter_map(|name| name.strip_prefix("method.response.header."));
        all.extend(names.map(|name| Location { name: Some(name.to_owned()), ..at(Kind::ResponseHeader) }));
    }
    all
}
