//! CreateEmailTemplate, GetEmailTemplate, UpdateEmailTemplate, DeleteEmailTemplate, ListEmailTemplates,
//! TestRenderEmailTemplate.

use std::sync::Arc;

use serde::{Deserialize, Serialize};
use service::Cx;
use wire::DateTime;

use super::super::{Empty, PageInput, Tag, check_template, checked_tags, shown_tags, test_render};
use crate::Ses;
use crate::error::Error;
use crate::keys::TEMPLATES;
use crate::model::template;
use crate::types::{Content, Template};

#[derive(Clone, Debug, Default, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
pub struct ContentInput {
    #[serde(skip_serializing_if = "Option::is_none")]
    subject: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    text: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    html: Option<String>,
}

impl From<ContentInput> for Content {
    fn from(input: ContentInput) -> Content {
        Content { subject: input.subject, text: input.text, html: input.html }
    }
}

#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
pub struct PutInput {
    pub template_name: String,
    template_content: ContentInput,
    tags: Vec<Tag>,
}

pub async fn create(_: Arc<Ses>, cx: Cx, input: PutInput) -> Result<Empty, Error> {
    let content = Content::from(input.template_content);
    check_template(&input.template_name, &content)?;
    let tags = checked_tags(input.tags)?;
    let made = Template { name: input.template_name, created: cx.now(), content, tags };
    let region = cx.region().to_string();
    cx.db().write(move |tx| template::create(tx, &region, &made)).await?;
    Ok(Empty {})
}

pub async fn update(_: Arc<Ses>, cx: Cx, input: PutInput) -> Result<Empty, Error> {
    let content = Content::from(input.template_content);
    check_template(&input.template_name, &content)?;
    let region = cx.region().to_string();
    cx.db()
        .write(move |tx| {
            let before = template::find(tx, &region, &input.template_name)?;
            template::put(tx, &region, &Template { content: content.clone(), ..before })
        })
        .await?;
    Ok(Empty {})
}

/// A request that names nothing but a template.
#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
pub struct TemplateInput {
    pub template_name: String,
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "PascalCase")]
pub struct GetOutput {
    template_name: String,
    template_content: ContentInput,
    tags: Vec<Tag>,
}

pub async fn get(_: Arc<Ses>, cx: Cx, input: TemplateInput) -> Result<GetOutput, Error> {
    let found = template::find(&cx.db().read()?, cx.region().as_str(), &input.template_name)?;
    let Content { subject, text, html } = found.content;
    Ok(GetOutput {
        template_name: found.name,
        template_content: ContentInput { subject, text, html },
        tags: shown_tags(found.tags),
    })
}

pub async fn delete(_: Arc<Ses>, cx: Cx, input: TemplateInput) -> Result<Empty, Error> {
    let (region, name) = (cx.region().to_string(), input.template_name);
    let existed = cx.db().write({
        let name = name.clone();
        move |tx| template::delete(tx, &region, &name)
    });
    if existed.await? { Ok(Empty {}) } else { Err(Error::NoTemplate(name)) }
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
    template_name: String,
    created_timestamp: DateTime,
}

pub async fn list(_: Arc<Ses>, cx: Cx, input: PageInput) -> Result<ListOutput, Error> {
    let (found, next_token) = input.of(&cx, &TEMPLATES)?;
    let listed =
        found.into_iter().map(|found| Listed { template_name: found.name, created_timestamp: found.created.into() });
    Ok(ListOutput { templates_metadata: listed.collect(), next_token })
}

#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
pub struct RenderInput {
    pub template_name: String,
    template_data: String,
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "PascalCase")]
pub struct RenderOutput {
    rendered_template: String,
}

pub async fn render(_: Arc<Ses>, cx: Cx, input: RenderInput) -> Result<RenderOutput, Error> {
    Ok(RenderOutput { rendered_template: test_render(&cx, &input.template_name, &input.template_data)? })
}
