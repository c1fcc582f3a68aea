//! HTTP around the operations: tokens, bounds, JSON, error codes.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::sync::Arc;

use axum::Router;
use axum::body::{Body, to_bytes};
use axum::extract::{Path, Query, Request, State};
use axum::http::{HeaderMap, HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use axum::routing::{MethodFilter, on};
use tokio::net::TcpListener;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio_util::sync::CancellationToken;

use super::auth::Guard;
use super::config::ApiConfig;
use super::error::{ApiError, ErrorBody, ErrorCode};
use super::ops::Operations;
use super::table::{Call, Method, Operation, operations, run};
use crate::config::Secret;
use crate::domain::ids::TenantId;
use crate::domain::units::Span;
use crate::services::parse::MAX_INPUT;
use crate::telemetry;

/// What every request needs.
#[derive(Clone)]
struct Face {
    operations: Arc<Operations>,
    guard: Guard,
    config: Arc<ApiConfig>,
    room: Arc<Semaphore>,
    /// KiB of files that may be on their way in.
    uploads: Arc<Semaphore>,
}

/// How long a file may be on its way in: a large one by a slow line.
const UPLOAD: Span = Span::secs(600);

/// The API as a router, made from the list of operations. `token` is the operator's.
pub fn router(config: &ApiConfig, operations: Arc<Operations>, token: &Secret) -> Router {
    let face = Face {
        operations,
        guard: Guard::new(token),
        config: Arc::new(config.clone()),
        room: Arc::new(Semaphore::new(config.concurrent as usize)),
        uploads: Arc::new(Semaphore::new(kib(config.uploads.bytes()).min(Semaphore::MAX_PERMITS))),
    };
    let mut router = Router::new();
    for operation in self::operations() {
        let operation = Arc::new(operation);
        let path = operation.path;
        let filter = filter(operation.method);
        let handler = move |State(face): State<Face>,
                            Path(names): Path<BTreeMap<String, String>>,
                            Query(query): Query<BTreeMap<String, String>>,
                            request: Request| {
            let operation = Arc::clone(&operation);
            async move { answer(&face, &operation, names, query, request).await }
        };
        router = router.route(path, on(filter, handler));
    }
    let file = |State(face): State<Face>, Path(token): Path<String>| async move { file(&face, &token).await };
    router = router.route("/v1/files/{token}", on(MethodFilter::GET, file));
    let nothing = || async {
        refuse(&ApiError::new(ErrorCode::NotFound, "there is no such operation: see schemas/openapi.json"))
    };
    router.fallback(nothing).method_not_allowed_fallback(nothing).with_state(face)
}

/// One request from its token to its answer.
async fn answer(
    face: &Face,
    operation: &Operation,
    path: BTreeMap<String, String>,
    query: BTreeMap<String, String>,
    request: Request,
) -> Response {
    let limit = if operation.takes_file { UPLOAD } else { face.config.timeout };
    let work = async {
        let busy = || ApiError::new(ErrorCode::Busy, "too many calls are at work: try again");
        let _room = face.room.try_acquire().map_err(|_| busy())?;
        let (head, body) = request.into_parts();
        let caller = face.guard.caller(face.operations.store(), bearer(&head.headers)).await?;
        let (body, _held) = if operation.takes_file {
            let (most, held) = admit_file(face, &head.headers)?;
            (read(body, most, "split the file").await?, Some(held))
        } else {
            (read(body, face.config.max_body.bytes(), "send less, or raise api.max_body").await?, None)
        };
        let call = Call { caller, tenant: TenantId::default(), path, query, body };
        run(operation, &face.operations, call).await
    };
    let late = || ApiError::new(ErrorCode::Busy, format!("the call took longer than {limit}: try again"));
    let outcome = tokio::time::timeout(limit.get(), work).await.unwrap_or_else(|_| Err(late()));
    let status = outcome.as_ref().map_or_else(|error| error.code.status(), |_| 200);
    telemetry::api_called(operation.id, status);
    match outcome {
        Ok(value) => respond(StatusCode::OK, value.to_string()),
        Err(error) => refuse(&error),
    }
}

/// The file of a link: the link is what proves who asks.
async fn file(face: &Face, token: &str) -> Response {
    let busy = || ApiError::new(ErrorCode::Busy, "too many calls are at work: try again");
    let work = async {
        let _room = face.room.try_acquire().map_err(|_| busy())?;
        face.operations.media_file(token).await
    };
    let outcome = tokio::time::timeout(face.config.timeout.get(), work).await.unwrap_or_else(|_| Err(busy()));
    telemetry::api_called("file", outcome.as_ref().map_or_else(|error| error.code.status(), |_| 200));
    outcome.map_or_else(|error| refuse(&error), super::file::answer)
}

fn bearer(headers: &HeaderMap) -> Option<&str> {
    headers.get(header::AUTHORIZATION)?.to_str().ok()
}

/// The bytes that a file may have, and their room in memory until it is kept.
fn admit_file(face: &Face, headers: &HeaderMap) -> Result<(u64, OwnedSemaphorePermit), ApiError> {
    let length = headers.get(header::CONTENT_LENGTH).and_then(|value| value.to_str().ok()?.parse().ok());
    // One that does not say how long it is may be the longest.
    let most: u64 = length.unwrap_or(MAX_INPUT as u64);
    if most > MAX_INPUT as u64 {
        let message = format!("a file has {} MB at most: split it", MAX_INPUT >> 20);
        return Err(ApiError::new(ErrorCode::TooLarge, message));
    }
    let busy = || {
        ApiError::new(ErrorCode::Busy, "too many files are on their way in: try again, or raise api.uploads")
    };
    let held = Arc::clone(&face.uploads).try_acquire_many_owned(u32::try_from(kib(most)).unwrap_or(u32::MAX));
    Ok((most, held.map_err(|_| busy())?))
}

/// Rounded up.
fn kib(bytes: u64) -> usize {
    usize::try_from(bytes.div_ceil(1024)).unwrap_or(usize::MAX)
}

async fn read(body: Body, max: u64, remedy: &str) -> Result<bytes::Bytes, ApiError> {
    let max = usize::try_from(max).unwrap_or(usize::MAX);
    to_bytes(body, max).await.map_err(|_| {
        let message = format!("the body is cut off or larger than {max} bytes: {remedy}");
        ApiError::new(ErrorCode::TooLarge, message)
    })
}

fn refuse(error: &ApiError) -> Response {
    let status = StatusCode::from_u16(error.code.status()).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    let body = ErrorBody { error: error.clone() };
    // Strings and an enum: they always serialise.
    let mut response = respond(status, serde_json::to_string(&body).unwrap_or_default());
    if error.code == ErrorCode::Unauthorized {
        response.headers_mut().insert(header::WWW_AUTHENTICATE, HeaderValue::from_static("Bearer"));
    }
    if status == StatusCode::SERVICE_UNAVAILABLE {
        response.headers_mut().insert(header::RETRY_AFTER, HeaderValue::from_static("2"));
    }
    response
}

fn respond(status: StatusCode, body: String) -> Response {
    let headers = [
        (header::CONTENT_TYPE, HeaderValue::from_static("application/json")),
        // Answers hold tenants' things and new tokens.
        (header::CACHE_CONTROL, HeaderValue::from_static("no-store")),
    ];
    (status, headers, body).into_response()
}

const fn filter(method: Method) -> MethodFilter {
    match method {
        Method::Get => MethodFilter::GET,
        Method::Post => MethodFilter::POST,
        Method::Put => MethodFilter::PUT,
        Method::Delete => MethodFilter::DELETE,
    }
}

/// The API bound to its address, not yet answering.
#[derive(Debug)]
pub struct Server {
    listener: TcpListener,
    router: Router,
    address: SocketAddr,
}

impl Server {
    /// Takes the address.
    ///
    /// # Errors
    /// When it is taken or not ours; names it and the key.
    pub async fn bind(
        config: &ApiConfig,
        operations: Arc<Operations>,
        token: &Secret,
    ) -> std::io::Result<Self> {
        let listener = TcpListener::bind(config.listen).await.map_err(|error| {
            let text = format!("api.listen {}: {error}; choose a free address", config.listen);
            std::io::Error::new(error.kind(), text)
        })?;
        let address = listener.local_addr()?;
        Ok(Self { listener, router: router(config, operations, token), address })
    }

    /// The address, with the port that was found for 0.
    #[must_use]
    pub const fn address(&self) -> SocketAddr {
        self.address
    }

    /// Answers until `stop`; calls at work are finished.
    ///
    /// # Errors
    /// When the listener fails.
    pub async fn serve(self, stop: CancellationToken) -> std::io::Result<()> {
        axum::serve(self.listener, self.router).with_graceful_shutdown(stop.cancelled_owned()).await
    }
}
