//! What one function, invocation or instance may use. Source of Lambda's own figures:
//! <https://docs.aws.amazon.com/lambda/latest/dg/gettingstarted-limits.html>

use std::ops::RangeInclusive;
use std::time::Duration;

/// Bytes of a request's payload.
pub const PAYLOAD_BYTES_MAX: usize = 6 * 1024 * 1024;

/// Bytes of a response's payload. Lambda leaves a little room for what wraps it, and says so in its error message.
pub const RESPONSE_BYTES_MAX: usize = PAYLOAD_BYTES_MAX + 100;

/// Bytes of a response that is streamed.
/// Source: <https://docs.aws.amazon.com/lambda/latest/dg/configuration-response-streaming.html>
pub const STREAM_BYTES_MAX: usize = 200 * 1024 * 1024;

/// Connections that an instance may have to its Runtime API. A runtime or an extension needs one or two.
pub const RUNTIME_API_CONNECTIONS_MAX: usize = 32;

/// Bytes of a body that nobody wants, which are read all the same, so that the connection can be used again; with more, it is closed.
pub const UNREAD_BYTES_MAX: u64 = 256 * 1024;

/// How long the end of such a body is waited for that does not say where it is.
pub const UNREAD_WAIT: Duration = Duration::from_secs(1);

/// Extensions of one function. Source: <https://docs.aws.amazon.com/lambda/latest/dg/gettingstarted-limits.html>
pub const EXTENSIONS_MAX: usize = 10;

/// Bytes of a request of an extension.
pub const EXTENSION_BODY_BYTES_MAX: usize = 64 * 1024;

/// Bytes of what has happened in an instance before an extension has subscribed to it.
pub const TELEMETRY_HISTORY_BYTES_MAX: usize = 1024 * 1024;

/// What a batch for a subscriber may be made to hold, and how long it may be waited for.
/// Source: <https://docs.aws.amazon.com/lambda/latest/dg/telemetry-api.html#telemetry-api-buffering>
pub const TELEMETRY_ITEMS: RangeInclusive<usize> = 1_000..=10_000;
pub const TELEMETRY_ITEMS_DEFAULT: usize = 10_000;
pub const TELEMETRY_BYTES: RangeInclusive<usize> = 256 * 1024..=1024 * 1024;
pub const TELEMETRY_TIMEOUT_MS: RangeInclusive<u64> = 25..=30_000;
pub const TELEMETRY_TIMEOUT_DEFAULT_MS: u64 = 1_000;

/// Batches that may wait for a subscriber; what comes then is dropped, and it is told so.
pub const TELEMETRY_BEHIND_MAX: usize = 2;

/// How often a batch is sent at most, and the pause after the first time, which doubles.
pub const TELEMETRY_ATTEMPTS_MAX: u32 = 6;
pub const TELEMETRY_BACKOFF: Duration = Duration::from_millis(100);

/// How long an instance may take to end, where extensions have processes of their own.
/// Source: <https://docs.aws.amazon.com/lambda/latest/dg/lambda-runtime-environment.html#runtimes-lifecycle-shutdown>
pub const SHUTDOWN_EXTERNAL: Duration = Duration::from_secs(2);

/// The same where all extensions are part of the runtime.
pub const SHUTDOWN_INTERNAL: Duration = Duration::from_millis(500);

/// The part of that time, in percent, which the runtime has before the extensions are told.
pub const SHUTDOWN_RUNTIME_PERCENT: u32 = 30;

/// The longest timeout that a function can have.
/// Source: <https://docs.aws.amazon.com/lambda/latest/dg/gettingstarted-limits.html>
pub const TIMEOUT_MAX: Duration = Duration::from_secs(900);

/// Time that initialisation has for itself, before it starts to use up the first invocation's timeout.
pub const INIT_TIMEOUT: Duration = Duration::from_secs(10);

/// Bytes of one log line. CloudWatch Logs takes events of this size; longer lines are cut into several.
pub const LINE_BYTES_MAX: usize = 256 * 1024;

/// Bytes that a log line costs besides its text, wherever bytes of log lines are counted.
pub const LINE_OVERHEAD_BYTES: usize = 64;

/// Bytes that one invocation may print, with [`LINE_OVERHEAD_BYTES`] for each line. What is over is left out of the log, and a note says how much.
pub const OUTPUT_BYTES_MAX: usize = 4 * 1024 * 1024;

/// Bytes at the end of an invocation's log that `LogType=Tail` returns.
pub const LOG_TAIL_BYTES: usize = 4 * 1024;

/// How long log lines may wait to be handed on while the invocation runs.
pub const LOG_DELAY_MAX: Duration = Duration::from_millis(200);

/// Files looked at to see whether a function uses the SDK that the runtime brings.
pub const SDK_SCAN_FILES_MAX: usize = 2_000;

/// Bytes of one file that are looked at for the same reason.
pub const SDK_SCAN_FILE_BYTES_MAX: u64 = 16 * 1024 * 1024;

/// Bytes that an instance's control group may hold besides its MemorySize and its /tmp: what the kernel keeps for it, the
/// files it reads, and its /dev/shm.
pub const OVERHEAD_BYTES: u64 = 96 * 1024 * 1024;

/// Memory that comes with one processor. Source: <https://docs.aws.amazon.com/lambda/latest/dg/configuration-memory.html>
pub const PROCESSOR_MB: u64 = 1_769;

/// How often an invocation's memory is looked at. The kernel itself holds an instance to its MemorySize, its /tmp and
/// [`OVERHEAD_BYTES`] together at any time.
pub const MEMORY_CHECK_INTERVAL: Duration = Duration::from_millis(50);

/// How long an idle instance is awake, so that one that is busy all the time is not frozen in between.
pub const FREEZE_AFTER: Duration = Duration::from_millis(100);

/// Processes that are started ahead of need, for each version of Node that functions use, where nothing else is said.
pub const PREBOOTED: usize = 2;

/// Bytes that the code of one function may be compiled to and be kept.
pub const COMPILED_BYTES_MAX: usize = 32 * 1024 * 1024;

/// Bytes of compiled code that are kept of all functions; what has not been used for longest leaves.
pub const COMPILED_TOTAL_BYTES_MAX: u64 = 512 * 1024 * 1024;

/// Bytes of a handler's file from which on it is compiled before the first request.
pub const COMPILED_AHEAD_BYTES_MIN: u64 = 256 * 1024;
