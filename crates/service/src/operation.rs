//! An operation: its name, what it needs permission for, and the function that does it, with its types erased so
//! that all of them fit one table.

use std::marker::PhantomData;
use std::sync::Arc;

use serde_json::Value;
use wire::query::Names;

use crate::codec::Codec;
use crate::service::Refusal;
use crate::streamed::Output;
use crate::{Api, Body, BoxFuture, Cx, Error, Input, Intake, Permission, Upload, WireRequest};

/// What an operation does to stored data.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Effect {
    Read,
    Write,
}

/// One row of a service's table.
pub struct Operation {
    pub name: &'static str,
    pub effect: Effect,
    /// The IAM action that it needs, such as `sqs:SendMessage`.
    pub action: String,
    /// How REST clients reach it.
    pub rest: Option<&'static wire::rest::Binding>,
    /// How it takes the request's body.
    pub intake: Intake,
    /// Whether requests may come without a signature: see [`OperationBuilder::open`].
    pub open: bool,
    pub(crate) codec: Arc<Codec>,
    handler: Arc<dyn Handler>,
}

impl Operation {
    /// Decodes, authorizes, calls and encodes. Errors come back encoded too.
    pub fn serve(&self, cx: Cx, request: WireRequest) -> BoxFuture<http::Response<Body>> {
        self.handler.clone().serve(cx, self.codec.clone(), request)
    }

    /// The same call from inside the server: members as JSON and a body, of the input and of the output, authorized for
    /// `cx`'s caller.
    pub fn call(&self, cx: Cx, input: Value, body: Option<Upload>) -> BoxFuture<Result<(Value, Body), Error>> {
        self.handler.clone().call(cx, input, body)
    }
}

/// An operation that reads. `handler` is `async fn(Arc<State>, Cx, Input) -> Result<Output, Error>`.
pub fn read<S, I, O, E, F, Fut>(name: &'static str, handler: F) -> OperationBuilder<S, I>
where
    S: Send + Sync + 'static,
    I: Input + Send + 'static,
    O: Output + Send + 'static,
    E: Into<Error> + 'static,
    F: Fn(Arc<S>, Cx, I) -> Fut + Send + Sync + 'static,
    Fut: Future<Output = Result<O, E>> + Send + 'static,
{
    OperationBuilder::new(name, Effect::Read, handler)
}

/// An operation that writes: see [`read`].
pub fn write<S, I, O, E, F, Fut>(name: &'static str, handler: F) -> OperationBuilder<S, I>
where
    S: Send + Sync + 'static,
    I: Input + Send + 'static,
    O: Output + Send + 'static,
    E: Into<Error> + 'static,
    F: Fn(Arc<S>, Cx, I) -> Fut + Send + Sync + 'static,
    Fut: Future<Output = Result<O, E>> + Send + 'static,
{
    OperationBuilder::new(name, Effect::Write, handler)
}

type Resource<I> = Box<dyn Fn(&Cx, &I) -> String + Send + Sync>;
type Permissions<S, I> = Box<dyn Fn(&S, &Cx, &I) -> Result<Vec<Permission>, Error> + Send + Sync>;
/// Condition keys and their values.
type Keys<I> = Box<dyn Fn(&I) -> Vec<(String, Vec<String>)> + Send + Sync>;
type Build<S, I> = Box<dyn FnOnce(Arc<S>, Permissions<S, I>, Refusal) -> Arc<dyn Handler>>;

/// An operation on its way into a table.
pub struct OperationBuilder<S, I> {
    name: &'static str,
    effect: Effect,
    action: Option<&'static str>,
    rest: Option<&'static wire::rest::Binding>,
    names: &'static Names,
    permissions: Option<Permissions<S, I>>,
    resource: Option<Resource<I>>,
    context: Option<Keys<I>>,
    open: bool,
    build: Build<S, I>,
}

impl<S: Send + Sync + 'static, I: Input + Send + 'static> OperationBuilder<S, I> {
    fn new<O, E, F, Fut>(name: &'static str, effect: Effect, handler: F) -> Self
    where
        O: Output + Send + 'static,
        E: Into<Error> + 'static,
        F: Fn(Arc<S>, Cx, I) -> Fut + Send + Sync + 'static,
        Fut: Future<Output = Result<O, E>> + Send + 'static,
    {
        let build: Build<S, I> = Box::new(move |state, permissions, refusal| {
            Arc::new(Typed { state, permissions, refusal, handler, types: PhantomData::<fn(I) -> (O, E)> })
        });
        OperationBuilder {
            name,
            effect,
            action: None,
            rest: None,
            names: &Names::NONE,
            permissions: None,
            resource: None,
            context: None,
            open: false,
            build,
        }
    }

    /// The resource that permission is needed for, as an ARN. Without it, permission is asked for `*`.
    pub fn resource<R: ToString>(mut self, resource: impl Fn(&Cx, &I) -> R + Send + Sync + 'static) -> Self {
        self.resource = Some(Box::new(move |cx, input| resource(cx, input).to_string()));
        self
    }

    /// For operations whose permissions are not simply their own action on one resource: all are needed.
    pub fn permissions(
        mut self,
        all: impl Fn(&S, &Cx, &I) -> Result<Vec<Permission>, Error> + Send + Sync + 'static,
    ) -> Self {
        self.permissions = Some(Box::new(all));
        self
    }

    /// Condition keys that its input has values for, such as the tags that something is made with: see [`request_tags`].
    pub fn context(mut self, keys: impl Fn(&I) -> Vec<(String, Vec<String>)> + Send + Sync + 'static) -> Self {
        self.context = Some(Box::new(keys));
        self
    }

    /// The action, where it is not `service:Operation` (`SendMessageBatch` needs `sqs:SendMessage`).
    pub fn action(mut self, action: &'static str) -> Self {
        self.action = Some(action);
        self
    }

    /// For operations of those who have no access key (users of a user pool): what the request itself carries, a password or a
    /// token, is for the operation to check, and policies are not asked.
    pub fn open(mut self) -> Self {
        self.open = true;
        self.permissions(|_, _, _| Ok(Vec::new()))
    }

    /// How REST-JSON clients reach it.
    pub fn rest(mut self, binding: &'static wire::rest::Binding) -> Self {
        self.rest = Some(binding);
        self
    }

    /// Names on the Query wire that belong to this operation alone.
    pub fn names(mut self, names: &'static Names) -> Self {
        self.names = names;
        self
    }

    pub(crate) fn build(self, api: &Api, state: Arc<S>) -> Operation {
        let action = self.action.map_or_else(|| format!("{}:{}", api.name, self.name), str::to_owned);
        let permissions = match (self.permissions, self.resource) {
            (Some(permissions), _) => permissions,
            (None, resource) => single(action.clone(), resource),
        };
        let permissions = match self.context {
            Some(keys) => with_context(permissions, keys),
            None => permissions,
        };
        Operation {
            name: self.name,
            effect: self.effect,
            action,
            rest: self.rest,
            intake: I::INTAKE,
            open: self.open,
            codec: Arc::new(Codec::new(api, self.name, self.rest, self.names)),
            handler: (self.build)(state, permissions, api.refusal()),
        }
    }
}

fn single<S, I: 'static>(action: String, resource: Option<Resource<I>>) -> Permissions<S, I> {
    Box::new(move |_, cx, input| {
        let resource = resource.as_ref().map_or_else(|| "*".into(), |resource| resource(cx, input));
        Ok(vec![Permission::new(action.clone(), resource)])
    })
}

fn with_context<S: 'static, I: 'static>(permissions: Permissions<S, I>, keys: Keys<I>) -> Permissions<S, I> {
    Box::new(move |state, cx, input| {
        let mut all = permissions(state, cx, input)?;
        for permission in &mut all {
            permission.context.extend(keys(input));
        }
        Ok(all)
    })
}

/// The condition keys that tell which tags something is given: `aws:RequestTag/...` and `aws:TagKeys`.
///
/// Source: <https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_condition-keys.html>
pub fn request_tags<'a>(tags: impl Iterator<Item = (&'a str, &'a str)>) -> Vec<(String, Vec<String>)> {
    let (mut context, mut names) = (Vec::new(), Vec::new());
    for (key, value) in tags {
        names.push(key.to_owned());
        context.push((format!("aws:RequestTag/{key}"), vec![value.to_owned()]));
    }
    if !names.is_empty() {
        context.push(("aws:TagKeys".to_owned(), names));
    }
    context
}

/// What a table keeps of an operation's types.
trait Handler: Send + Sync {
    fn serve(self: Arc<Self>, cx: Cx, codec: Arc<Codec>, request: WireRequest) -> BoxFuture<http::Response<Body>>;
    fn call(self: Arc<Self>, cx: Cx, input: Value, body: Option<Upload>) -> BoxFuture<Result<(Value, Body), Error>>;
}

struct Typed<S, I, O, E, F> {
    state: Arc<S>,
    permissions: Permissions<S, I>,
    /// How it refuses, also where permission is needed for another service's action (`iam:PassRole`).
    refusal: Refusal,
    handler: F,
    types: PhantomData<fn(I) -> (O, E)>,
}

impl<S, I, O, E, F, Fut> Typed<S, I, O, E, F>
where
    S: Send + Sync + 'static,
    I: Send + 'static,
    E: Into<Error> + 'static,
    F: Fn(Arc<S>, Cx, I) -> Fut + Send + Sync + 'static,
    Fut: Future<Output = Result<O, E>> + Send + 'static,
{
    async fn run(&self, cx: Cx, input: I) -> Result<O, Error> {
        for permission in (self.permissions)(&self.state, &cx, &input)? {
            cx.authorize_for(&permission, self.refusal)?;
        }
        (self.handler)(self.state.clone(), cx, input).await.map_err(Into::into)
    }
}

impl<S, I, O, E, F, Fut> Handler for Typed<S, I, O, E, F>
where
    S: Send + Sync + 'static,
    I: Input + Send + 'static,
    O: Output + Send + 'static,
    E: Into<Error> + 'static,
    F: Fn(Arc<S>, Cx, I) -> Fut + Send + Sync + 'static,
    Fut: Future<Output = Result<O, E>> + Send + 'static,
{
    fn serve(self: Arc<Self>, cx: Cx, codec: Arc<Codec>, mut request: WireRequest) -> BoxFuture<http::Response<Body>> {
        Box::pin(async move {
            let request_id = cx.request_id().to_owned();
            let result = match I::decode(&codec, &mut request) {
                Ok(input) => self.run(cx, input).await,
                Err(error) => Err(error),
            };
            match result.and_then(|output| output.encode(&codec, &request, &request_id)) {
                Ok(response) => response,
                Err(error) => codec.encode_error(request.protocol, &error, &request_id).map(Body::from),
            }
        })
    }

    fn call(self: Arc<Self>, cx: Cx, input: Value, body: Option<Upload>) -> BoxFuture<Result<(Value, Body), Error>> {
        Box::pin(async move {
            let input = I::from_json(&input, body)?;
            let output = self.run(cx, input).await?;
            output.into_parts()
        })
    }
}
