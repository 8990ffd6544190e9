// Runs a Node function: loads its handler once, then answers invocations that arrive as frames on a socket.
//
// Node 18 and later, no dependencies. Started as: node bootstrap.mjs CONTROL_DESCRIPTOR ESBUILD_FOLDER COMPILED_FILE
// where the last two may be empty. Or, ahead of need, as: node bootstrap.mjs CONTROL_DESCRIPTOR wait
// It is told later then which function it runs.
// The frames are described in crates/runtime/src/frames.rs; errors and log lines have the form that AWS Lambda gives them.

import fs from 'node:fs';
import module, { createRequire } from 'node:module';
import net from 'node:net';
import path from 'node:path';
import { Writable } from 'node:stream';
import { pathToFileURL } from 'node:url';
import util from 'node:util';

import { Compiled } from './compiled.mjs';

// Stands for a line feed inside one log record, which would otherwise become several events.
const INNER_LINE_FEED = '\x1e';

const require = createRequire(import.meta.url);
const [nodeMajor, nodeMinor] = process.versions.node.split('.').map(Number);
const stripsTypes = nodeMajor > 22 || (nodeMajor === 22 && nodeMinor >= 18);

// Bytes of a frame with a part of the compiled code.
const PIECE_BYTES = 1024 * 1024;

let requestId;
let taskRoot;
let hasCallbacks;
let jsonLogs;

class Fault extends Error {
  constructor(errorType, message, trace) {
    super(message);
    this.name = errorType;
    if (trace) this.stack = trace;
  }
}

// ---- Output -------------------------------------------------------------------------------------------------

/** Writes all of `text` before it returns, so that output is complete when the answer is sent. */
function writeAll(descriptor, text) {
  let bytes = Buffer.isBuffer(text) ? text : Buffer.from(text);
  while (bytes.length > 0) {
    try {
      bytes = bytes.subarray(fs.writeSync(descriptor, bytes));
    } catch (error) {
      if (error.code !== 'EAGAIN') throw error;
      Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 1); // The pipe is full: give its reader a moment.
    }
  }
}

function logRecord(level, message) {
  const line = `${new Date().toISOString()}\t${requestId}\t${level}\t${message}`;
  writeAll(1, line.replaceAll('\n', INNER_LINE_FEED) + '\n');
}

const LEVELS = ['TRACE', 'DEBUG', 'INFO', 'WARN', 'ERROR', 'FATAL'];

/** One object a line: https://docs.aws.amazon.com/lambda/latest/dg/nodejs-logging.html */
function jsonRecord(level, parts) {
  if (LEVELS.indexOf(level) < LEVELS.indexOf(process.env.AWS_LAMBDA_LOG_LEVEL ?? 'INFO')) return;
  const record = { timestamp: new Date().toISOString(), level, requestId };
  const error = parts.find((part) => util.types.isNativeError(part));
  record.message = parts.length === 1 && !error ? parts[0] : util.format(...parts);
  if (error) {
    const { errorType, errorMessage, trace } = describe(error);
    Object.assign(record, { errorType, errorMessage, stackTrace: trace });
  }
  let line;
  try {
    line = JSON.stringify(record);
  } catch {
    line = JSON.stringify({ ...record, message: util.format(...parts) }); // It refers to itself.
  }
  writeAll(1, line + '\n');
}

function patchOutput() {
  const levels = { log: 'INFO', info: 'INFO', warn: 'WARN', error: 'ERROR', debug: 'DEBUG' };
  if (jsonLogs) {
    for (const [method, level] of Object.entries({ ...levels, trace: 'TRACE' })) console[method] = (...parts) => jsonRecord(level, parts);
    return patchStreams();
  }
  for (const [method, level] of Object.entries(levels)) {
    console[method] = (...parts) => logRecord(level, util.format(...parts));
  }
  console.trace = (...parts) => {
    const trace = { name: 'Trace', message: util.format(...parts) };
    Error.captureStackTrace(trace, console.trace);
    logRecord('TRACE', trace.stack);
  };
  patchStreams();
}

function patchStreams() {
  for (const [descriptor, stream] of [[1, process.stdout], [2, process.stderr]]) {
    stream.write = (chunk, encoding, callback) => {
      writeAll(descriptor, typeof chunk === 'string' ? Buffer.from(chunk, typeof encoding === 'string' ? encoding : 'utf8') : Buffer.from(chunk));
      const done = typeof encoding === 'function' ? encoding : callback;
      if (done) process.nextTick(done);
      return true;
    };
  }
}

// ---- Errors -------------------------------------------------------------------------------------------------

/** The object that tells a caller about whatever was thrown. */
function describe(error) {
  if (util.types.isNativeError(error) || error instanceof Error) {
    return {
      errorType: error.name || error.constructor?.name || 'Error',
      errorMessage: String(error.message ?? ''),
      trace: String(error.stack ?? '').split('\n'),
    };
  }
  return { errorType: typeof error, errorMessage: String(error), trace: [] };
}

/** What the log says about it: the same, with the error's own fields. */
function logError(title, error) {
  const { errorType, errorMessage, trace } = describe(error);
  if (jsonLogs) return jsonRecord('ERROR', [error instanceof Error ? error : `${title}: ${errorMessage}`]);
  const fields = error !== null && typeof error === 'object' ? { ...error } : {};
  delete fields.name;
  let text;
  try {
    text = JSON.stringify({ errorType, errorMessage, ...fields, stack: trace });
  } catch {
    text = JSON.stringify({ errorType, errorMessage, stack: trace }); // A field of the error has no JSON.
  }
  logRecord('ERROR', `${title} \t${text}`);
}

// ---- Handler ------------------------------------------------------------------------------------------------

/** Splits `src/handlers/user.create` into the file `src/handlers/user` and the export `create`. */
function parseHandler(name) {
  const base = path.basename(name);
  const parts = /^([^.]*)\.(.+)$/.exec(base);
  if (name.includes('..') || !parts) throw new Fault('Runtime.MalformedHandlerName', `Bad handler ${name}`);
  const folder = name.slice(0, name.length - base.length);
  return { file: path.resolve(taskRoot, folder, parts[1]), exportPath: parts[2].split('.'), modulePath: folder + parts[1] };
}

async function loadHandler(name, esbuild) {
  const { file, exportPath, modulePath } = parseHandler(name);
  const exports = await loadModule(file, modulePath, esbuild);
  const find = (from) => exportPath.reduce((value, key) => value?.[key], from);
  const handler = find(exports) ?? find(exports?.default);
  if (handler === undefined) throw new Fault('Runtime.HandlerNotFound', `${name} is undefined or not exported`);
  if (typeof handler !== 'function') throw new Fault('Runtime.HandlerNotFound', `${name} is not a function`);
  if (!hasCallbacks && handler.length >= 3) {
    throw new Fault('Runtime.CallbackHandlerDeprecated', 'Handlers that take a callback are not supported since Node.js 24. Return a value or a promise.');
  }
  return handler;
}

async function loadModule(file, modulePath, esbuild) {
  const extension = ['', '.js', '.mjs', '.cjs', '.ts', '.mts', '.cts'].find((end) => fs.statSync(file + end, { throwIfNoEntry: false })?.isFile());
  try {
    if (extension === undefined) return require(require.resolve(modulePath, { paths: [taskRoot, ...folders('NODE_PATH')] }));
    return await loadFile(file + extension, extension, esbuild);
  } catch (error) {
    if (error?.code === 'MODULE_NOT_FOUND' || error?.code === 'ERR_MODULE_NOT_FOUND') {
      throw new Fault('Runtime.ImportModuleError', `Error: ${error.message}`, String(error.stack));
    }
    if (error instanceof SyntaxError) throw new Fault('Runtime.UserCodeSyntaxError', `SyntaxError: ${error.message}`, String(error.stack));
    throw error;
  }
}

async function loadFile(file, extension, esbuild) {
  if (extension.endsWith('ts') && esbuild) return loadTypeScript(file, esbuild);
  if (extension.endsWith('ts') && !stripsTypes) {
    throw new Fault('Runtime.ImportModuleError', `Error: ${file} is TypeScript, which Node ${process.versions.node} does not run, and esbuild could not be installed`);
  }
  if (extension === '.cjs' || extension === '.cts' || (extension !== '.mjs' && extension !== '.mts' && !isModulePackage(file))) {
    return loadCommonJs(file);
  }
  resolveAlsoFrom(folders('NODE_PATH'));
  return import(pathToFileURL(file).href);
}

/** Node itself may find out that a file without a package type is an ES module; older ones say so with an error. */
async function loadCommonJs(file) {
  try {
    return require(file);
  } catch (error) {
    const isModule = error?.code === 'ERR_REQUIRE_ESM' || error?.code === 'ERR_REQUIRE_ASYNC_MODULE'
      || (error instanceof SyntaxError && /Cannot use import statement|Unexpected token 'export'/.test(error.message) && file.endsWith('ts'));
    if (!isModule) throw error;
    resolveAlsoFrom(folders('NODE_PATH'));
    return import(pathToFileURL(file).href);
  }
}

/** Whether the nearest package.json says `"type": "module"`. */
function isModulePackage(file) {
  for (let folder = path.dirname(file); ; folder = path.dirname(folder)) {
    try {
      return JSON.parse(fs.readFileSync(path.join(folder, 'package.json'), 'utf8')).type === 'module';
    } catch {
      if (folder === path.dirname(folder) || folder === taskRoot) return false; // None here: the folder above may have one.
    }
  }
}

/**
 * Compiles with esbuild, in memory and under the file's own name, so that its imports resolve from where it is. Newer
 * versions of Node strip types themselves, but not from imports without an extension, enums and the like.
 */
function loadTypeScript(file, folder) {
  const esbuild = require(path.join(folder, 'node_modules/esbuild'));
  const { outputFiles } = esbuild.buildSync({
    entryPoints: [file], bundle: true, write: false, platform: 'node', packages: 'external', format: 'cjs',
    target: `node${process.versions.node}`, sourcemap: 'inline', logLevel: 'silent',
    define: { 'import.meta.url': '__module_url' }, banner: { js: 'const __module_url = require("node:url").pathToFileURL(__filename).href;' },
  });
  process.setSourceMapsEnabled(true);
  const compiled = new module(file);
  compiled.filename = file;
  compiled.paths = module._nodeModulePaths(path.dirname(file));
  compiled._compile(outputFiles[0].text, file);
  return compiled.exports;
}

function folders(variable) {
  return (process.env[variable] ?? '').split(':').filter(Boolean);
}

/** Lets ES modules find packages of layers and the SDK too, which Node itself looks up in NODE_PATH for CommonJS only. */
function resolveAlsoFrom(extra) {
  const places = extra.map((folder) => pathToFileURL(path.join(folder, '..', 'parent.js')).href);
  const hook = `
    const places = ${JSON.stringify(places)};
    export async function resolve(specifier, context, next) {
      try { return await next(specifier, context); } catch (error) {
        if (error.code !== 'ERR_MODULE_NOT_FOUND' || /^[./]|^[a-z]+:/.test(specifier)) throw error;
        for (const parentURL of places) {
          try { return await next(specifier, { ...context, parentURL }); } catch {}
        }
        throw error;
      }
    }`;
  if (places.length > 0) module.register?.(`data:text/javascript,${encodeURIComponent(hook)}`);
}

// ---- Streams ------------------------------------------------------------------------------------------------

const STREAMS = Symbol.for('aws.lambda.runtime.handler.streaming');
const HTTP_INTEGRATION = 'application/vnd.awslambda.http-integration-response';
const CHUNK_BYTES = 65536;

/** A response that is sent while the handler makes it; it begins with the first bytes, or with its end. */
class ResponseStream extends Writable {
  constructor(server) {
    super({ highWaterMark: CHUNK_BYTES });
    this.server = server;
    this.contentType = '';
    this.begun = false;
  }

  setContentType(type) {
    if (!this.begun) this.contentType = type;
  }

  begin() {
    if (this.begun) return;
    this.begun = true;
    this.server.send('B', this.contentType);
    if (this.prelude) this.server.send('C', this.prelude);
  }

  _write(chunk, encoding, done) {
    this.begin();
    const bytes = Buffer.isBuffer(chunk) ? chunk : Buffer.from(chunk, encoding);
    for (let at = 0; at < bytes.length; at += CHUNK_BYTES) {
      this.server.send('C', bytes.subarray(at, at + CHUNK_BYTES), at + CHUNK_BYTES >= bytes.length ? done : undefined);
    }
    if (bytes.length === 0) done();
  }

  _final(done) {
    this.begin();
    done();
  }
}

/** https://docs.aws.amazon.com/lambda/latest/dg/response-streaming-tutorial.html */
globalThis.awslambda = {
  streamifyResponse(handler, options) {
    handler[STREAMS] = 'response';
    if (options?.highWaterMark !== undefined) handler.highWaterMark = options.highWaterMark;
    return handler;
  },
  HttpResponseStream: class HttpResponseStream {
    /** Puts status, headers and cookies in front of the body, eight NUL bytes between them. */
    static from(stream, metadata) {
      stream.setContentType(HTTP_INTEGRATION);
      stream.prelude = Buffer.concat([Buffer.from(JSON.stringify(metadata ?? {})), Buffer.alloc(8)]);
      return stream;
    }
  },
};

// ---- Invocations --------------------------------------------------------------------------------------------

/** What a handler is told: https://docs.aws.amazon.com/lambda/latest/dg/nodejs-context.html */
function makeContext(about, settle) {
  const parse = (text) => (text ? JSON.parse(text) : undefined);
  const context = {
    callbackWaitsForEmptyEventLoop: true,
    functionVersion: process.env.AWS_LAMBDA_FUNCTION_VERSION,
    functionName: process.env.AWS_LAMBDA_FUNCTION_NAME,
    memoryLimitInMB: process.env.AWS_LAMBDA_FUNCTION_MEMORY_SIZE,
    logGroupName: process.env.AWS_LAMBDA_LOG_GROUP_NAME,
    logStreamName: process.env.AWS_LAMBDA_LOG_STREAM_NAME,
    clientContext: parse(about.clientContext),
    identity: parse(about.identity),
    invokedFunctionArn: about.invokedFunctionArn,
    awsRequestId: about.requestId,
    getRemainingTimeInMillis: () => Math.max(0, about.deadlineMs - Date.now()),
  };
  if (hasCallbacks) {
    context.succeed = (result) => settle(null, result, true);
    context.fail = (error) => settle(error ?? 'handled', undefined, true);
    context.done = (error, result) => settle(error, result, true);
  }
  return context;
}

class Server {
  constructor(descriptor) {
    this.socket = new net.Socket({ fd: descriptor });
    this.pending = [];
    this.size = 0;
    this.onEmptyLoop = null;
    this.socket.on('data', (chunk) => this.receive(chunk));
    this.socket.on('close', () => process.exit(0));
    this.socket.on('error', () => process.exit(1));
    process.on('beforeExit', () => this.onEmptyLoop?.());
  }

  send(kind, body = '', done = undefined) {
    const bytes = Buffer.from(body);
    const head = Buffer.alloc(5);
    head.writeUInt32BE(bytes.length);
    head.write(kind, 4);
    this.socket.write(bytes.length < 65536 ? Buffer.concat([head, bytes]) : head);
    if (bytes.length >= 65536) this.socket.write(bytes);
    if (done) this.socket.write('', done);
  }

  /** Waits for the function that this process is to run. */
  settings() {
    this.send('W');
    return new Promise((resolve) => {
      this.onSettings = (settings) => {
        this.onSettings = undefined;
        this.send('T'); // Until the server has heard this, it takes another process where this one ends.
        resolve(settings);
      };
    });
  }

  sendCompiled(code) {
    for (let at = 0; at < (code?.length ?? 0); at += PIECE_BYTES) this.send('K', code.subarray(at, at + PIECE_BYTES));
  }

  receive(chunk) {
    this.pending.push(chunk);
    this.size += chunk.length;
    if (this.size < 5) return;
    let data = this.pending.length === 1 ? chunk : null;
    if (!data && this.pending[0].length < 5) this.pending = [(data = Buffer.concat(this.pending))];
    const length = 5 + this.pending[0].readUInt32BE();
    if (this.size < length) return;
    data ??= Buffer.concat(this.pending);
    this.pending = [];
    this.size = 0;
    if (this.onSettings) return this.onSettings(JSON.parse(data.toString('utf8', 5, length)));
    const payloadAt = 9 + data.readUInt32BE(5);
    this.invoke(JSON.parse(data.toString('utf8', 9, payloadAt)), data.toString('utf8', payloadAt, length));
  }

  /** Runs one invocation. While it runs, the socket does not keep the event loop alive: only the function's work does. */
  invoke(about, payload) {
    requestId = about.requestId;
    if (about.traceId) process.env._X_AMZN_TRACE_ID = about.traceId;
    else delete process.env._X_AMZN_TRACE_ID;
    this.socket.unref();
    let settled = false;
    const finish = (kind, body) => {
      this.onEmptyLoop = null;
      this.socket.ref();
      this.send(kind, body);
    };
    const reply = (error, result) => {
      if (error !== null && error !== undefined) {
        logError('Invoke Error', error);
        return finish('E', JSON.stringify(describe(error)));
      }
      let payload;
      try {
        payload = JSON.stringify(result) ?? 'null';
      } catch (unserializable) {
        return reply(new Fault('Runtime.MarshalError', `Unable to marshal response: ${unserializable.message}`));
      }
      finish('S', payload);
    };
    const settle = (error, result, now) => {
      if (settled) return;
      settled = true;
      if (now || !context.callbackWaitsForEmptyEventLoop) reply(error, result);
      else this.onEmptyLoop = () => reply(error, result);
    };
    // When nothing is left to do and nobody has answered, Lambda's answer is null.
    this.onEmptyLoop = () => settle(null, null, true);
    const context = makeContext(about, settle);
    if (this.handler[STREAMS]) return this.stream(payload, context, finish);
    try {
      const returned = this.handler(JSON.parse(payload), context, hasCallbacks ? (error, result) => settle(error, result, false) : undefined);
      if (typeof returned?.then === 'function') returned.then((result) => settle(null, result, true), (error) => settle(error ?? new Error(String(error)), undefined, true));
      else if (!hasCallbacks) settle(null, returned, true);
    } catch (error) {
      settle(error ?? new Error(String(error)), undefined, true);
    }
  }

  /** Runs a handler that streams its response: it is done when its promise is kept and its stream has ended. */
  stream(payload, context, finish) {
    const response = new ResponseStream(this);
    let kept = false;
    let settled = false;
    const end = (kind, body) => {
      if (settled) return;
      settled = true;
      finish(kind, body);
    };
    const fail = (error) => {
      logError('Invoke Error', error);
      end('E', JSON.stringify(describe(error)));
    };
    response.on('error', fail);
    response.on('finish', () => kept && end('S', ''));
    // When nothing is left to do, nothing more can come.
    this.onEmptyLoop = () => (response.writableEnded ? end('S', '') : response.end());
    (async () => this.handler(JSON.parse(payload), response, context))().then(
      () => {
        kept = true;
        if (response.writableFinished) end('S', '');
      },
      (error) => fail(error ?? new Error(String(error))),
    );
  }

  /** Answers with an error that leaves the process in an unknown state, and ends it. */
  fail(title, error, status) {
    logError(title, error);
    this.socket.ref();
    this.send('X', JSON.stringify(describe(error)), () => process.exit(status));
  }
}

/** What functions are likely to need: in a process that waits, it is there already. */
const LIKELY = ['node:crypto', 'node:http', 'node:https', 'node:os', 'node:stream', 'node:url', 'node:zlib'];

/** Becomes the process of one function, as if it had been started with these settings. */
function become({ environment, folder }) {
  for (const name of Object.keys(process.env)) delete process.env[name];
  Object.assign(process.env, environment);
  module._initPaths(); // Looks at NODE_PATH.
  process.chdir(folder);
}

async function main() {
  const server = new Server(Number(process.argv[2]));
  let [esbuild, compiledFile] = process.argv.slice(3);
  if (esbuild === 'wait') {
    await Promise.all(LIKELY.map((name) => import(name)));
    const settings = await server.settings();
    become(settings);
    [esbuild, compiledFile] = ['', settings.compiled];
  }
  taskRoot = process.env.LAMBDA_TASK_ROOT;
  // Functions that are called back, and `context.done`, end with Lambda's Node 24.
  hasCallbacks = !(Number(/nodejs(\d+)/.exec(process.env.AWS_EXECUTION_ENV)?.[1]) >= 24);
  jsonLogs = process.env.AWS_LAMBDA_LOG_FORMAT === 'JSON';
  patchOutput();
  const compiled = compiledFile ? new Compiled(compiledFile) : undefined;
  process.on('uncaughtException', (error) => server.fail('Uncaught Exception', error, 129));
  process.on('unhandledRejection', (reason) => {
    const error = new Fault('Runtime.UnhandledPromiseRejection', String(reason?.message ?? reason), reason?.stack);
    error.reason = reason;
    server.fail('Unhandled Promise Rejection', error, 128);
  });
  try {
    server.handler = await loadHandler(process.env._HANDLER, esbuild);
  } catch (error) {
    logError('Uncaught Exception', error);
    server.send('F', JSON.stringify(describe(error)), () => process.exit(1));
    return;
  }
  // Before any request: what is kept must not be in the hands of whoever sends one.
  server.sendCompiled(compiled?.finish());
  server.send('R');
}

await main();
