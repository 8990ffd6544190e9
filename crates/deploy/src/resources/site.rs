//! `Custom::CloudletSite`: the files of a folder, in a bucket behind a distribution. They are the content of a package, so a
//! deployment that is taken back brings the files from before.

use std::collections::{BTreeMap, BTreeSet};

use async_trait::async_trait;
use md5::{Digest, Md5};
use serde_json::{Value, json};

use super::shape::{Property, Shape, fixed, property};
use super::{Cx, Made, Properties, Resource, ResourceError, Result, deleted, or_delete, text_of};
use crate::package;
use crate::state::Deployed;

pub struct Site;

/// What a browser keeps for good: a file whose name has a hash of what is in it.
const IMMUTABLE: &str = "public, max-age=31536000, immutable";
/// Everything else is asked for again, which costs an answer without a body.
const ASKED_FOR: &str = "no-cache";
/// Characters of the hashes that bundlers put into names.
const HASH_CHARACTERS: usize = 8;
/// Paths of an invalidation; where there would be more, it is of everything.
const PATHS_MAX: usize = 100;

type Files = BTreeMap<String, Vec<u8>>;

#[async_trait]
impl Resource for Site {
    fn kind(&self) -> &'static str {
        "Custom::CloudletSite"
    }

    fn properties(&self) -> &'static [Property] {
        const {
            &[
                fixed("Bucket", Shape::Text).required(),
                property("DistributionId", Shape::Text).required(),
                property("DomainName", Shape::Text).required(),
                property("Content", Shape::Struct(&[("Package", Shape::Text)])).required(),
            ]
        }
    }

    fn attributes(&self) -> &'static [&'static str] {
        &["Url"]
    }

    async fn create(&self, cx: &Cx<'_>, wanted: &Properties) -> Result<Made> {
        let files = files(cx, wanted).await?;
        let put = put(cx, wanted, &files, &BTreeSet::new()).await;
        let names: Vec<&String> = files.keys().collect();
        or_delete(put, async { take_away(cx, text_of(wanted, "Bucket")?, &names).await.map(|()| Value::Null) }).await?;
        made(cx, wanted)
    }

    async fn update(&self, cx: &Cx<'_>, old: &Deployed, wanted: &Properties) -> Result<Made> {
        let before = self::files(cx, &old.properties).await?.into_keys().collect();
        put(cx, wanted, &files(cx, wanted).await?, &before).await?;
        made(cx, wanted)
    }

    async fn delete(&self, cx: &Cx<'_>, old: &Deployed) -> Result<()> {
        let files = files(cx, &old.properties).await?;
        take_away(cx, text_of(&old.properties, "Bucket")?, &files.keys().collect::<Vec<_>>()).await
    }
}

fn made(cx: &Cx<'_>, properties: &Properties) -> Result<Made> {
    let scheme = cx.cloud.endpoint().split("://").next().unwrap_or("http");
    let url = format!("{scheme}://{}", text_of(properties, "DomainName")?);
    Ok(Made::new(text_of(properties, "Bucket")?, [("Url", json!(url))]))
}

async fn files(cx: &Cx<'_>, properties: &Properties) -> Result<Files> {
    let sha256 = properties.get("Content").and_then(|content| content.get("Package")?.as_str());
    let sha256 = sha256.ok_or_else(|| ResourceError::Unfit("`Content.Package` is missing".into()))?;
    package::unzipped(&cx.package(sha256).await?).map_err(|error| ResourceError::Unfit(error.to_string()))
}

/// Makes the bucket have these files in place of those from before, and the distribution forget what has changed. What
/// others have put into the bucket stays.
async fn put(cx: &Cx<'_>, properties: &Properties, files: &Files, before: &BTreeSet<String>) -> Result<()> {
    let (bucket, distribution) = (text_of(properties, "Bucket")?, text_of(properties, "DistributionId")?);
    let there = etags(cx, bucket).await?;
    let differs = |(name, bytes): &(&String, &Vec<u8>)| {
        there.get(*name).map(String::as_str) != Some(format!("\"{}\"", hex::encode(Md5::digest(bytes))).as_str())
    };
    // Pages come last: what they name is there by then.
    let (pages, others): (Vec<_>, Vec<_>) = files.iter().filter(differs).partition(|(name, _)| name.ends_with(".html"));
    let mut changed: Vec<&String> = Vec::new();
    for (name, bytes) in others.into_iter().chain(pages) {
        let input = json!({
            "Bucket": bucket, "Key": name, "ContentType": content_type(name), "CacheControl": cache_control(name),
        });
        cx.send("s3", "PutObject", input, bytes).await?;
        changed.push(name);
    }
    let gone: Vec<&String> = before.iter().filter(|name| !files.contains_key(*name)).collect();
    take_away(cx, bucket, &gone).await?;
    changed.extend(gone);
    invalidate(cx, distribution, &changed).await
}

/// The objects of a bucket, with what tells their bytes apart.
async fn etags(cx: &Cx<'_>, bucket: &str) -> Result<BTreeMap<String, String>> {
    let (mut all, mut token) = (BTreeMap::new(), Value::Null);
    loop {
        let mut input = json!({"Bucket": bucket});
        if !token.is_null() {
            input["ContinuationToken"] = token;
        }
        let mut page = cx.call("s3", "ListObjectsV2", input).await?;
        for object in page.get("Contents").and_then(Value::as_array).into_iter().flatten() {
            let text = |name: &str| object.get(name).and_then(Value::as_str).map(str::to_owned);
            all.extend(text("Key").zip(text("ETag")));
        }
        token = page["NextContinuationToken"].take();
        if token.is_null() {
            return Ok(all);
        }
    }
}

async fn take_away(cx: &Cx<'_>, bucket: &str, names: &[&String]) -> Result<()> {
    for name in names {
        deleted(cx.call("s3", "DeleteObject", json!({"Bucket": bucket, "Key": name})).await)?;
    }
    Ok(())
}

async fn invalidate(cx: &Cx<'_>, distribution: &str, names: &[&String]) -> Result<()> {
    if names.is_empty() {
        return Ok(());
    }
    // Browsers do not agree on how other characters are written in a path.
    let is_plain = |name: &&String| name.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-._~/".contains(&byte));
    let paths: Vec<String> = match names.len() <= PATHS_MAX && names.iter().all(is_plain) {
        true => names.iter().map(|name| format!("/{name}")).collect(),
        false => vec!["/*".into()],
    };
    let batch = json!({"Paths": {"Quantity": paths.len(), "Items": paths}, "CallerReference": cx.env.uuid()});
    let input = json!({"DistributionId": distribution, "InvalidationBatch": batch});
    cx.call("cloudfront", "CreateInvalidation", input).await.map(drop)
}

/// By the end of the name; texts are UTF-8, as bundlers write them.
fn content_type(name: &str) -> String {
    let guessed = mime_guess::from_path(name).first_or_octet_stream();
    let is_text = guessed.type_() == "text" || guessed.subtype() == "javascript" || guessed.subtype() == "json";
    if is_text { format!("{guessed}; charset=utf-8") } else { guessed.to_string() }
}

fn cache_control(name: &str) -> &'static str {
    if has_hash(name) { IMMUTABLE } else { ASKED_FOR }
}

/// Whether a name has a hash in it, as bundlers give: `main.3f2a9c1b.js`, `index-BX3k2a9Z.css`. Where that is not certain it
/// has none: a file that is kept for good by mistake cannot be replaced.
fn has_hash(name: &str) -> bool {
    let file = name.rsplit('/').next().unwrap_or(name);
    let Some((stem, extension)) = file.split_once('.').filter(|_| !file.ends_with(".html")) else { return false };
    // The extension may have the hash, too, as may what comes after a hyphen that is itself part of the hash.
    let last = stem.len().checked_sub(HASH_CHARACTERS).and_then(|at| {
        let (before, last) = (stem.get(..at)?, stem.get(at..)?);
        before.ends_with('-').then_some(last)
    });
    last.is_some_and(is_mixed) || stem.split('-').skip(1).chain(extension.split('.')).any(is_hexadecimal)
}

/// Eight characters as Vite, Rollup and esbuild have them, and no word with a number.
fn is_mixed(part: &str) -> bool {
    let count = |is: fn(&u8) -> bool| part.bytes().filter(is).count();
    let fits = part.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-_".contains(&byte));
    // Vite's and Rollup's have both cases, esbuild's are of base32: cameras and standards name their files otherwise.
    let is_base32 = part.bytes().all(|byte| byte.is_ascii_uppercase() || (b'2'..=b'7').contains(&byte));
    let is_one = is_base32 || count(u8::is_ascii_lowercase) > 0;
    fits && is_one && count(u8::is_ascii_digit) > 0 && count(u8::is_ascii_uppercase) > 1
}

/// As webpack and Parcel have them.
fn is_hexadecimal(part: &str) -> bool {
    let digits = part.bytes().filter(u8::is_ascii_digit).count();
    let fits = part.bytes().all(|byte| byte.is_ascii_digit() || (b'a'..=b'f').contains(&byte));
    part.len() >= HASH_CHARACTERS && fits && digits > 0 && digits < part.len()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn files_are_kept_for_good_only_by_names_that_change_with_them() {
        for name in [
            "assets/index-BX3k2a9Z.js",
            "static/js/main.3f2a9c1b.js",
            "main.3f2a9c1b4d.chunk.css",
            "main-5V5NQKTI.js",
            "a-3f2a9c1b.png",
            "x-Bk_-2aZ9.js",
        ] {
            assert_eq!(cache_control(name), IMMUTABLE, "{name}");
        }
        for name in [
            "index.html",
            "about-3f2a9c1b.html",
            "favicon.ico",
            "logo-original.png",
            "photo-20240101.jpg",
            "holiday-IMG_0001.jpg",
            "badge-ISO27001.svg",
            "report-version2.pdf",
            "app.Version2.js",
            "jquery-3.7.1.min.js",
            "sw.js",
            "a/.well-known",
            "deadbeef",
        ] {
            assert_eq!(cache_control(name), ASKED_FOR, "{name}");
        }
    }

    #[test]
    fn types_are_told_by_names() {
        for (name, expected) in [
            ("index.html", "text/html; charset=utf-8"),
            ("a/b.js", "text/javascript; charset=utf-8"),
            ("manifest.json", "application/json; charset=utf-8"),
            ("a.webp", "image/webp"),
            ("a.svg", "image/svg+xml"),
            ("font.woff2", "font/woff2"),
            ("LICENSE", "application/octet-stream"),
        ] {
            assert_eq!(content_type(name), expected);
        }
    }
}
