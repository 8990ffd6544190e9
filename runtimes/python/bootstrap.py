"""Runs a Python function: loads its handler once, then answers invocations that arrive as frames on a socket.

Standard library only, Python 3.9 and later. Started as: python bootstrap.py CONTROL_DESCRIPTOR MODE [SDK_FOLDER], where MODE is zygote, cells, alone or inspect:PORT:DEBUGPY_FOLDER
As a zygote (in isolation: of forks in cells), it forks an instance for each request of the server, unless the function cannot be forked. The frames are described in crates/runtime/src/frames.rs; errors and log lines have the form that AWS Lambda gives them.
"""

import decimal
import importlib
import json
import logging
import os
import site
import socket
import struct
import sys
import time
import traceback

import cloudlet_zygote

# Stands for a line feed inside one log record, which would otherwise become several events.
INNER_LINE_FEED = "\x1e"

# Since Python 3.12, Lambda sends characters beyond ASCII as they are.
ASCII_ONLY = os.environ.get("AWS_EXECUTION_ENV", "") in {
    f"AWS_Lambda_python3.{minor}" for minor in range(12)
}


JSON_LOGS = os.environ.get("AWS_LAMBDA_LOG_FORMAT") == "JSON"

# Python's own names for Lambda's levels.
LOG_LEVELS = {"TRACE": logging.NOTSET, "FATAL": logging.CRITICAL}


class Fault(Exception):
    """A failure of the bootstrap's own making, with the error type that Lambda gives it."""

    def __init__(self, error_type, message, stack_trace=None):
        super().__init__(message)
        self.error_type = error_type
        self.stack_trace = stack_trace or []


class Control:
    """The socket to the server."""

    def __init__(self, descriptor):
        self.socket = socket.socket(fileno=descriptor)
        self.socket.setblocking(True)

    def receive(self):
        """The next invocation: what is told about it, and its payload. None when the server is gone."""
        header = self._read(5)
        if header is None:
            return None
        body = self._read(struct.unpack(">IB", header)[0])
        if body is None:
            return None
        about_end = 4 + struct.unpack_from(">I", body)[0]
        return json.loads(body[4:about_end]), body[about_end:]

    def send(self, kind, body=b""):
        self.socket.sendall(struct.pack(">I", len(body)) + kind + body)

    def _read(self, length):
        data = bytearray(length)
        view, filled = memoryview(data), 0
        while filled < length:
            count = self.socket.recv_into(view[filled:])
            if count == 0:
                return None
            filled += count
        return bytes(data)


class Log:
    """The process's standard output, to which printed text and log records go in the order they were made."""

    def __init__(self):
        for stream in (sys.stdout, sys.stderr):
            stream.reconfigure(encoding="utf-8", errors="backslashreplace", line_buffering=True)
        self.stdout, self.stderr = sys.stdout, sys.stderr

    def record(self, text):
        """Writes text as one event, however many lines it has."""
        self.flush()
        self.stdout.write(text.rstrip("\n").replace("\n", INNER_LINE_FEED) + "\n")

    def flush(self):
        for stream in (sys.stdout, sys.stderr, self.stdout, self.stderr):
            try:
                stream.flush()
            except (ValueError, OSError, AttributeError):
                pass  # The function closed or replaced it.


class LogHandler(logging.Handler):
    """The root logger's handler, which is there before the function's code, as on Lambda."""

    def __init__(self, log):
        super().__init__()
        self.log = log
        self.request_id = ""
        formatter = logging.Formatter(
            "[%(levelname)s]\t%(asctime)s.%(msecs)03dZ\t%(aws_request_id)s\t%(message)s",
            "%Y-%m-%dT%H:%M:%S",
        )
        formatter.converter = time.gmtime
        self.setFormatter(JsonFormatter() if JSON_LOGS else formatter)
        self.addFilter(self._add_request_id)

    def _add_request_id(self, record):
        record.aws_request_id = self.request_id
        return True

    def emit(self, record):
        try:
            self.log.record(self.format(record))
        except Exception:
            self.handleError(record)


class JsonFormatter(logging.Formatter):
    """Records as objects, for functions whose log format is JSON.

    Source: https://docs.aws.amazon.com/lambda/latest/dg/python-logging.html
    """

    # What every record has; anything else came with `extra`.
    KNOWN = frozenset(vars(logging.makeLogRecord({}))) | {"message", "asctime", "aws_request_id"}

    def format(self, record):
        fields = {
            "timestamp": moment(record.created),
            "level": record.levelname,
            "message": record.getMessage(),
            "logger": record.name,
        }
        if record.exc_info and record.exc_info[1] is not None:
            kind, error, trace = record.exc_info
            fields["stackTrace"] = traceback.format_tb(trace)
            fields["errorType"] = kind.__name__
            fields["errorMessage"] = str(error)
            fields["location"] = f"{record.pathname}:{record.funcName}:{record.lineno}"
        fields.update((name, value) for name, value in vars(record).items() if name not in self.KNOWN)
        if record.aws_request_id:
            fields["requestId"] = record.aws_request_id
        return json.dumps(fields, default=str, ensure_ascii=False)


def moment(seconds):
    """As log records have their time: 2026-11-24T18:08:13Z."""
    return time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(seconds))


class Fields:
    """An object with the given attributes."""

    def __init__(self, **fields):
        self.__dict__.update(fields)

    def __repr__(self):
        inner = ",".join(f"{name}={value!r}" for name, value in self.__dict__.items())
        return f"{type(self).__name__}([{inner}])"


class LambdaContext(Fields):
    """What a handler is told about its function and this request.

    Source: https://docs.aws.amazon.com/lambda/latest/dg/python-context.html
    """

    def __init__(self, about):
        self._deadline_ms = about["deadlineMs"]
        super().__init__(
            aws_request_id=about["requestId"],
            log_group_name=os.environ["AWS_LAMBDA_LOG_GROUP_NAME"],
            log_stream_name=os.environ["AWS_LAMBDA_LOG_STREAM_NAME"],
            function_name=os.environ["AWS_LAMBDA_FUNCTION_NAME"],
            memory_limit_in_mb=os.environ["AWS_LAMBDA_FUNCTION_MEMORY_SIZE"],
            function_version=os.environ["AWS_LAMBDA_FUNCTION_VERSION"],
            invoked_function_arn=about["invokedFunctionArn"],
            tenant_id=None,
            client_context=client_context(about),
            identity=identity(about),
        )

    def get_remaining_time_in_millis(self):
        return max(0, int(self._deadline_ms - time.time() * 1000))

    def log(self, message):
        sys.stdout.write(str(message))


def identity(about):
    fields = json.loads(about["identity"]) if about["identity"] else {}
    return Fields(
        cognito_identity_id=fields.get("cognitoIdentityId"),
        cognito_identity_pool_id=fields.get("cognitoIdentityPoolId"),
    )


def client_context(about):
    if not about["clientContext"]:
        return None
    fields = json.loads(about["clientContext"])
    names = ("installation_id", "app_title", "app_version_name", "app_version_code", "app_package_name")
    client = fields.get("client")
    if client is not None:
        client = Fields(**{name: client.get(name) for name in names})
    return Fields(client=client, custom=fields.get("custom"), env=fields.get("env"))


def load_handler(name):
    """The function that a handler such as `package/module.function` names."""
    module_name, dot, function_name = name.rpartition(".")
    if not dot:
        reason = "not enough values to unpack (expected 2, got 1)"
        raise Fault("Runtime.MalformedHandlerName", f"Bad handler '{name}': {reason}")
    if module_name.split(".")[0] in sys.builtin_module_names:
        raise Fault(
            "Runtime.BuiltInModuleConflict",
            f"Cannot use built-in module {module_name} as a handler module",
        )
    try:
        module = importlib.import_module(module_name.replace("/", "."))
    except ImportError as error:
        raise Fault("Runtime.ImportModuleError", f"Unable to import module '{module_name}': {error}") from None
    except SyntaxError as error:
        where = f'  File "{error.filename}" Line {error.lineno}\n    {error.text}'
        raise Fault(
            "Runtime.UserCodeSyntaxError", f"Syntax error in module '{module_name}': {error}", [where]
        ) from None
    try:
        return getattr(module, function_name)
    except AttributeError:
        raise Fault(
            "Runtime.HandlerNotFound", f"Handler '{function_name}' missing on module '{module_name}'"
        ) from None


def describe(error, request_id=""):
    """The object that tells a caller about an error."""
    if isinstance(error, Fault):
        error_type, stack_trace = error.error_type, error.stack_trace
    else:
        error_type, stack_trace = type(error).__name__, function_frames(error)
    try:
        message = str(error)
    except Exception as unprintable:
        message = f"<{error_type} whose text cannot be made: {type(unprintable).__name__}>"
    return {
        "errorMessage": message,
        "errorType": error_type,
        "requestId": request_id,
        "stackTrace": stack_trace,
    }


def function_frames(error):
    """The frames of the function's own code: not the bootstrap's, nor those of the import that it asked for."""
    frames = traceback.extract_tb(error.__traceback__)
    ours = (__file__, importlib.__file__)
    while frames and (frames[0].filename in ours or frames[0].filename.startswith("<frozen importlib")):
        frames = frames[1:]
    return traceback.format_list(frames)


def log_error(log, error):
    """Writes an error as Lambda does: one event, indented with no-break spaces."""
    if JSON_LOGS:
        record = {"timestamp": moment(time.time()), "log_level": "ERROR"}
        return log.record(json.dumps(record | error, default=str, ensure_ascii=False))
    lines = [f"[ERROR] {error['errorType']}: {error['errorMessage']}", "Traceback (most recent call last):"]
    for frame in error["stackTrace"]:
        for line in frame.splitlines():
            text = line.lstrip(" ")
            lines.append("\u00a0" * (len(line) - len(text)) + text)
    log.record("\n".join(lines))


def to_json(value):
    text = json.dumps(value, default=plain_number, ensure_ascii=ASCII_ONLY)
    try:
        return text.encode()
    except UnicodeEncodeError:  # Half a surrogate pair is valid only when it is escaped.
        return json.dumps(value, default=plain_number).encode()


def plain_number(value):
    """DynamoDB's numbers are Decimals; Lambda answers them as numbers."""
    if isinstance(value, decimal.Decimal):
        whole = value.is_finite() and value.as_tuple().exponent >= 0
        return int(value) if whole else float(value)
    raise TypeError(f"Object of type {type(value).__name__} is not JSON serializable")


def answer(handler, about, payload):
    """Calls the handler. Gives the JSON of what it returned."""
    try:
        event = json.loads(payload)
    except ValueError as error:
        raise Fault("Runtime.UnmarshalError", f"Unable to unmarshal input: {error}") from None
    returned = handler(event, LambdaContext(about))
    try:
        return to_json(returned)
    except (TypeError, ValueError, RecursionError) as error:
        raise Fault("Runtime.MarshalError", f"Unable to marshal response: {error}") from None


def rehearse():
    """Does once what serves a request, without one: a fork that waits makes the pages its own that this writes to."""
    about = {"requestId": "", "invokedFunctionArn": "", "deadlineMs": 0, "traceId": None}
    about = json.loads(json.dumps({**about, "clientContext": None, "identity": None}))
    answer(lambda event, _: event, about, b'{"key": "value"}')
    set_trace_id(os.environ.get("_X_AMZN_TRACE_ID"))


def set_trace_id(trace_id):
    if trace_id:
        os.environ["_X_AMZN_TRACE_ID"] = trace_id
    else:
        os.environ.pop("_X_AMZN_TRACE_ID", None)


def serve(control, log, log_handler, handler):
    own_pid = os.getpid()
    while True:
        invocation = control.receive()
        if invocation is None:
            return
        about, payload = invocation
        log_handler.request_id = about["requestId"]
        set_trace_id(about["traceId"])
        try:
            kind, body = b"S", answer(handler, about, payload)
        except Exception as error:
            described = describe(error, about["requestId"])
            log_error(log, described)
            kind, body = b"E", to_json(described)
        if os.getpid() != own_pid:
            os._exit(0)  # The handler forked, and this is the child: the answer is the parent's to give.
        log.flush()
        control.send(kind, body)


def run_before_snapshot(hooks):
    """The last one registered comes first."""
    registered = hooks.get_before_snapshot() if hooks else []
    while registered:
        function, args, kwargs = registered.pop()
        function(*args, **kwargs)


def run_after_restore(hooks):
    for function, args, kwargs in hooks.get_after_restore() if hooks else []:
        function(*args, **kwargs)


def snapshot_hooks():
    """The module with the function's hooks, if it has any."""
    hooks = sys.modules.get("snapshot_restore_py")
    return hooks if hasattr(hooks, "get_before_snapshot") and hasattr(hooks, "get_after_restore") else None


def fail(control, log, error):
    """Tells that the function could not be initialised."""
    described = describe(error)
    log_error(log, described)
    log.flush()
    control.send(b"F", to_json(described))


def listen_for_debugger(port, folder):
    """Starts debugpy, from the function's own packages or from `folder`, before the function's code is loaded."""
    sys.path.append(folder)
    import debugpy

    debugpy.configure(subProcess=False)
    debugpy.listen(("127.0.0.1", int(port)))


def main():
    control, mode, sdk = Control(int(sys.argv[1])), sys.argv[2], sys.argv[3:]
    may_fork = mode in ("zygote", "cells")
    cells = cloudlet_zygote.Cells() if mode == "cells" else None
    environment, descriptors = dict(os.environ), cloudlet_zygote.descriptors() if may_fork else {}
    log = Log()
    log_handler = LogHandler(log)
    logging.getLogger().addHandler(log_handler)
    if JSON_LOGS:
        level = os.environ.get("AWS_LAMBDA_LOG_LEVEL", "INFO")
        logging.getLogger().setLevel(LOG_LEVELS.get(level, level))
    site.setquit()  # Python was started without its site packages, which also bring `exit`.
    sys.argv = [__file__]
    sys.path[0] = os.environ["LAMBDA_TASK_ROOT"]
    sys.path.extend([*sdk, os.path.dirname(__file__)])
    if mode.startswith("inspect:"):
        listen_for_debugger(*mode.split(":", 2)[1:])
    try:
        with cloudlet_zygote.one_blas_thread():
            handler = load_handler(os.environ["_HANDLER"])
        hooks = snapshot_hooks()
        run_before_snapshot(hooks)
    except Exception as error:
        return fail(control, log, error)
    obstacle = cloudlet_zygote.obstacle(descriptors, cells) if may_fork else None
    log.flush()
    if may_fork and obstacle is None:
        control.send(b"Z")
        control = Control(cloudlet_zygote.Zygote(control.socket, environment, cells, rehearse).instances())
    # From here on, this is an instance.
    try:
        run_after_restore(hooks)
    except Exception as error:
        return fail(control, log, error)
    log.flush()
    control.send(b"R", (obstacle or "").encode())
    serve(control, log, log_handler, handler)


if __name__ == "__main__":
    try:
        main()
    except SystemExit as request:
        # At once, whatever threads the function has left running.
        sys.stdout.flush()
        sys.stderr.flush()
        status = request.code
        os._exit(status if isinstance(status, int) else int(status is not None))
