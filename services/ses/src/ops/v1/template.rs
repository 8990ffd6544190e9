//! CreateTemplate, GetTemplate, UpdateTemplate, DeleteTemplate, ListTemplates, TestRenderTemplate.

use std::collections::BTreeMap;
use std::sync::Arc;

use serde::{Deserialize, Serialize};
use service::Cx;
use wire::DateTime;

use super::super::v2::template::{RenderInput, RenderOutput, TemplateInput};
use super::super::{Empty, PageInput, check_template, v2};
use crate::Ses;
use crate::error::{Error, OfV1};
use crate::keys::TEMPLATES;
use crate::model::template;
use crate::types::{Content, Template};

#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
pub struct PutInput {
    pub template: Parts,
}

#[derive(Debug, Default, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
pub struct Parts {
    pub template_name: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    subject_part: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    text_part: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    html_part: Option<String>,
}

impl Parts {
    fn content(&self) -> Result<Content, Error> {
        let Parts { subject_part: subject, text_part: text, html_part: html, .. } = self;
        let content = Content { subject: subject.clone(), text: text.clone(), html: html.clone() };
        check_template(&self.template_name, &content)?;
        Ok(content)
    }
}

pub async fn create(_: Arc<Ses>, cx: Cx, input: PutInput) -> Result<Empty, OfV1> {
    let content = input.template.content()?;
    let made = Template { name: input.template.template_name, created: cx.now(), content, tags: BTreeMap::new() };
    let region = cx.region().to_string();
    cx.db().write(move |tx| template::create(tx, &region, &made)).await?;
    Ok(Empty {})
}

pub async fn update(_: Arc<Ses>, cx: Cx, input: PutInput) -> Result<Empty, OfV1> {
    let content = input.template.content()?;
    let region = cx.region().to_string();
    cx.db()
        .write(move |tx| {
            let before = template::find(tx, &region, &input.template.template_name)?;
            template::put(tx, &region, &Template { content: content.clone(), ..before })
        })
        .await?;
    Ok(Empty {})
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "PascalCase")]
pub struct GetOutput {
    template: Parts,
}

pub async fn get(_: Arc<Ses>, cx: Cx, input: TemplateInput) -> Result<GetOutput, OfV1> {
    let found = template::find(&cx.db().read()?, cx.region().as_str(), &input.template_name)?;
    let Content { subject, text, html } = found.content;
    let template = Parts { template_name: found.name, subject_part: subject, text_part: text, html_part: html };
    Ok(GetOutput { template })
}

/// What is not there is deleted, too.
pub async fn delete(_: Arc<Ses>, cx: Cx, input: TemplateInput) -> Result<Empty, OfV1> {
    let region = cx.region().to_string();
    cx.db().write(move |tx| template::delete(tx, &region, &input.template_name)).await?;
    Ok(Empty {})
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "PascalCase")]
pub struct ListOutput {
    templates_metadata: Vec<Listed>,
    #[serde(skip_serializing_if = "Option::is_none")]
    next_token: Option<String>,
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "PascalCase")]
struct Listed {
    name: String,
    created_timestamp: DateTime,
}

pub async fn list(_: Arc<Ses>, cx: Cx, input: PageInput) -> Result<ListOutput, OfV1> {
    let (found, next_token) = input.of(&cx, &TEMPLATES)?;
    let listed = found.into_iter().map(|found| Listed { name: found.name, created_timestamp: found.created.into() });
    Ok(ListOutput { templates_metadata: listed.collect(), next_token })
}

pub async fn render(ses: Arc<Ses>, cx: Cx, input: RenderInput) -> Result<RenderOutput, OfV1> {
    Ok(v2::template::render(ses, cx, input).await?)
}
