//! What comes to buckets: orders of thumbnails, from themselves.

use std::sync::Arc;

use blob::Error as BlobError;
use media::{Made, Source};
use service::{BoxFuture, Cx, Delivery, Failure, Outcome, Target, Upload};
use vault::BodyKey;
use wire::rest_xml::Algorithm;

use crate::S3;
use crate::contents::Received;
use crate::digests::Digests;
use crate::error::Error;
use crate::limits;
use crate::model::content;
use crate::model::{bucket, object};
use crate::notify::{News, tell};
use crate::ops::encryption::{self, EncryptionHeaders, told};
use crate::ops::put::{content_id, new_object};
use crate::range::Span;
use crate::seal::{self, Wanted};
use crate::thumbnails::{Order, Thumbnail};
use crate::types::{Bucket, Content, Meta, Object, SealedKey};

pub struct BucketTarget(pub Arc<S3>);

/// What a thumbnail says of the image that it is of.
const SOURCE: &str = "thumbnail-of-etag";

impl Target for BucketTarget {
    /// So that one bucket's images leave workers to others.
    fn in_flight_max(&self) -> usize {
        limits::THUMBNAILS_IN_FLIGHT_MAX
    }

    fn deliver(&self, cx: Cx, delivery: Delivery) -> BoxFuture<Outcome> {
        let state = self.0.clone();
        Box::pin(async move {
            match make(&state, &cx, &delivery).await {
                Ok(()) => Outcome::Delivered,
                Err(failure) => Outcome::Failed(failure),
            }
        })
    }
}

impl From<Error> for Failure {
    fn from(error: Error) -> Failure {
        (&service::Error::from(error)).into()
    }
}

/// Makes a thumbnail, unless its image has been replaced meanwhile, or is gone.
async fn make(state: &S3, cx: &Cx, delivery: &Delivery) -> Result<(), Failure> {
    let order = serde_json::from_slice::<Order>(&delivery.event).ok().filter(|_| delivery.from == delivery.to);
    let Some((order, images)) = order.zip(state.images.as_ref()) else {
        return Err((&service::Error::not_implemented(format_args!("delivery to {}", delivery.to))).into());
    };
    let invalid = |error| Failure::new("InvalidTag", error, false);
    let thumbnail = Thumbnail::parse(&order.name, &order.declared).map_err(invalid)?;
    let Some((image, source)) = read(state, cx, &order).await? else { return Ok(()) };
    let made = images.transform(source, &thumbnail.parameters).await;
    let made = made.map_err(|error| Failure::new(code(&error), error.to_string(), error.may_pass()))?;
    Ok(keep(state, cx, order, &thumbnail, &image, made).await?)
}

fn code(error: &media::Error) -> &'static str {
    match error.status() {
        413 => "ImageTooLarge",
        503 => "SlowDown",
        status if status < 500 => "InvalidImage",
        _ => "InternalError",
    }
}

/// The image, if it is still the one that was meant.
async fn read(state: &S3, cx: &Cx, order: &Order) -> Result<Option<(Object, Source)>, Error> {
    let hold = state.contents.hold();
    let read = cx.db().read()?;
    let Ok(bucket) = bucket::find(&read, &order.bucket) else { return Ok(None) };
    let current = object::current(&read, bucket.id, &order.key)?;
    let Some(image) = current.filter(|image| image.sequence == order.sequence) else { return Ok(None) };
    let hold = matches!(image.content, Content::Parts { .. }).then_some(hold);
    let key = seal::open(&cx.in_region(&bucket.region), &state.vault, image.seal.as_ref(), None).await?;
    match state.contents.open(&read, &image, key.as_ref(), Span::whole(image.size), hold).await {
        Ok(body) => {
            let pieces = futures_util::stream::unfold(body, |mut body| async move { Some((body.next().await?, body)) });
            let source = Source::stream(pieces, Some(image.size));
            Ok(Some((image, source)))
        }
        // It was replaced while it was looked up.
        Err(Error::Blob(BlobError::NotFound(_))) => Ok(None),
        Err(error) => Err(error),
    }
}

/// How a thumbnail is sealed: with the image's own key of KMS, if it has one, since who may not open the image may not see a
/// smaller one of it either; else as the bucket seals what comes.
fn wanted(read: &impl kv::Read, bucket: &Bucket, key: &str, image: &Object) -> Result<Wanted, Error> {
    match image.seal.as_ref().map(|seal| &seal.key) {
        Some(SealedKey::Kms { bucket_key, .. }) => Ok(Wanted::Kms {
            key: image.meta.encryption_key.clone(),
            context: encryption::context(None, bucket, key, *bucket_key)?,
            bucket_key: *bucket_key,
        }),
        _ => EncryptionHeaders::default().wanted(read, bucket, key),
    }
}

/// Puts a thumbnail into its place, and tells of it as of any object.
async fn keep(
    state: &S3,
    cx: &Cx,
    order: Order,
    thumbnail: &Thumbnail,
    image: &Object,
    made: Made,
) -> Result<(), Error> {
    let (body, digests) = (Upload::whole(made.bytes), Digests::of(Algorithm::Crc64Nvme));
    let key = thumbnail.key(&order.key);
    crate::name::check_key(&key)?;
    let read = cx.db().read()?;
    let bucket = bucket::find(&read, &order.bucket)?;
    let wanted = wanted(&read, &bucket, &key, image)?;
    let sealed = seal::make(&cx.in_region(&bucket.region), &state.vault, &wanted).await?;
    let body_key = BodyKey::new(&sealed.key, &sealed.seal.name)?;
    let (small, most) = (limits::INLINE_BYTES_MAX, limits::PUT_BYTES_MAX);
    let Received { size, digested, place } = state.contents.receive(body, digests, body_key, small, most).await?;
    let etag = seal::etag(Some(&sealed.seal), &sealed.key, &digested.etag);
    let (new, pinned) = place.into_content(content_id(cx));
    let meta = Meta {
        content_type: Some(made.format.media_type().to_owned()),
        cache_control: image.meta.cache_control.clone(),
        user: [(SOURCE.to_owned(), image.etag.clone())].into(),
        ..Meta::default()
    };
    let meta = told(meta, &sealed);
    let (now, salt) = (cx.env().now(), cx.env().random_u64());
    let request = cx.clone();
    let kept = cx.db().write(move |tx| {
        let bucket = bucket::find(tx, &order.bucket)?;
        // The ARN of a bucket, which the order went to, tells no region.
        let request = request.in_region(&bucket.region);
        let current = object::current(tx, bucket.id, &order.key)?;
        if current.is_none_or(|image| image.sequence != order.sequence) {
            return Ok(false);
        }
        let content = content::keep(tx, &new)?;
        let checksum = Some(digested.checksum.clone());
        let new = new_object(size, etag.clone(), content, checksum, meta.clone(), Default::default());
        let new = Object { seal: Some(sealed.seal.clone()), ..new };
        let object = object::put(tx, &bucket, &key, now, salt, new)?;
        tell(tx, &request, &bucket, &News::created("ObjectCreated:Put", &bucket, &key, &object))?;
        Ok::<_, Error>(true)
    });
    let is_named = kept.await?;
    if let Some(pinned) = pinned.filter(|_| is_named) {
        pinned.named();
    }
    Ok(())
}
