// Keeps what V8 has made of a function's code, for the processes that load the same code later.
//
// What it makes goes to the server, which keeps it in a file: lengths of a name and of its code (four bytes each,
// big-endian), the name, the code, again and again. A name is a path as the function sees it, of CommonJS code, or that of
// a file of Node's own cache: Node 22.10 and later keep ES modules there, and all that is not loaded as below.

import fs from 'node:fs';
import module from 'node:module';
import os from 'node:os';
import path from 'node:path';
import vm from 'node:vm';

// Characters of source below which a file is compiled faster than its code is looked up.
const FILE_MIN = 1024;
// Characters of all such files below which nothing is kept: the function starts fast anyway.
const TOTAL_MIN = 64 * 1024;
const HEAD_BYTES = 8;
// The beginning of the names of files of Node's own cache, and where it has them.
const OWN = 'node:';
const FOLDER = '.cloudlet-compiled';
const COLUMNS_OF_WRAPPER = module.wrapper[0].length;

/** Loads code from `file` from now on, until `finish`, which gives the bytes of a better file, should it be worth it. */
export class Compiled {
  constructor(file) {
    this.known = read(file);
    /** Scripts by the names of their files; released by `finish`. */
    this.scripts = new Map();
    this.missing = 0;
    this.own = new NodesOwn(this.known);
    const original = module.prototype._compile;
    const compiled = this;
    module.prototype._compile = function (content, filename, format) {
      const script = canBeKept(content, format) ? compiled.script(content, filename) : undefined;
      if (!script) return original.apply(this, arguments);
      return script.runInThisContext().call(this.exports, this.exports, makeRequire(this), this, filename, this.path);
    };
  }

  /** `undefined` when the file is better compiled by Node itself, which says what is wrong with it. */
  script(content, filename) {
    const cachedData = this.known.get(filename);
    let script;
    try {
      script = new vm.Script(module.wrap(content), { filename, cachedData, columnOffset: -COLUMNS_OF_WRAPPER });
    } catch {
      return undefined;
    }
    this.scripts?.set(filename, script);
    if (!cachedData || script.cachedDataRejected) this.missing += content.length;
    return script;
  }

  finish() {
    const { scripts, missing } = this;
    const { files, added } = this.own.finish();
    this.scripts = undefined;
    this.known = new Map();
    if (missing < TOTAL_MIN && added < TOTAL_MIN) return undefined;
    const kept = [...scripts].map(([filename, script]) => entry(filename, script.createCachedData()));
    return Buffer.concat([...kept, ...files.map(([name, code]) => entry(OWN + name, code))]);
  }
}

function entry(filename, code) {
  const name = Buffer.from(filename);
  const head = Buffer.alloc(HEAD_BYTES);
  head.writeUInt32BE(name.length);
  head.writeUInt32BE(code.length, 4);
  return Buffer.concat([head, name, code]);
}

/** Node's own cache: files in a folder, which has them for as long as the function is being loaded. */
class NodesOwn {
  constructor(known) {
    this.known = new Map([...known].filter(([name]) => name.startsWith(OWN)).map(([name, code]) => [name.slice(OWN.length), code]));
    if (!module.flushCompileCache || mapsSources()) return; // An older Node.
    const parent = path.join(os.tmpdir(), FOLDER);
    const { status } = module.enableCompileCache(parent);
    if (status !== module.constants.compileCacheStatus.ENABLED) return; // The function's settings have enabled one.
    // Below it there is one for this version of Node and this user, who is another at the next start.
    [this.parent, this.folder] = [parent, module.getCompileCacheDir()];
    try {
      for (const [name, code] of this.known) fs.writeFileSync(path.join(this.folder, name), code);
    } catch {
      // Then the code is compiled.
    }
  }

  /** The files that there are now, and how many bytes of them are new. The folder is gone then: /tmp is the function's. */
  finish() {
    const none = { files: [], added: 0 };
    if (!this.folder) return none;
    try {
      module.flushCompileCache();
      const names = fs.readdirSync(this.folder).filter((name) => !name.includes('.'));
      const files = names.map((name) => [name, fs.readFileSync(path.join(this.folder, name))]);
      const added = files.filter(([name, code]) => !this.known.get(name)?.equals(code)).reduce((sum, [, code]) => sum + code.length, 0);
      return { files, added };
    } catch {
      return none;
    } finally {
      this.known = new Map();
      fs.rmSync(this.parent, { recursive: true, force: true });
    }
  }
}

/** Node itself keeps the maps to what the code was before it was compiled to JavaScript. */
function mapsSources() {
  return process.sourceMapsEnabled || `${process.execArgv} ${process.env.NODE_OPTIONS}`.includes('--enable-source-maps');
}

function canBeKept(content, format) {
  const isPlain = content.length >= FILE_MIN && !content.startsWith('#!') && (format === undefined || format === 'commonjs');
  return isPlain && !mapsSources() && !importsDynamically(content);
}

/** Compiled code that was kept has forgotten how it imports ES modules, in Node 20 at least. Comments with types in them do not count. */
function importsDynamically(content) {
  for (const { index } of content.matchAll(/\bimport\s*\(/g)) {
    const line = content.slice(content.lastIndexOf('\n', index) + 1, index);
    if (!/^\s*(\*|\/\/|\/\*)(?!.*\*\/)/.test(line)) return true;
  }
  return false;
}

function read(file) {
  const known = new Map();
  let bytes;
  try {
    bytes = fs.readFileSync(file);
  } catch {
    return known; // There is none yet.
  }
  for (let at = 0; at + HEAD_BYTES <= bytes.length; ) {
    const nameAt = at + HEAD_BYTES;
    const codeAt = nameAt + bytes.readUInt32BE(at);
    const end = codeAt + bytes.readUInt32BE(at + 4);
    if (end > bytes.length) break;
    known.set(bytes.toString('utf8', nameAt, codeAt), bytes.subarray(codeAt, end));
    at = end;
  }
  return known;
}

/** The function that a module's code has to load others with: https://nodejs.org/api/modules.html#requireid */
function makeRequire(parent) {
  const require = (id) => parent.require(id);
  require.resolve = (request, options) => module._resolveFilename(request, parent, false, options);
  require.resolve.paths = (request) => module._resolveLookupPaths(request, parent);
  require.main = process.mainModule;
  require.extensions = module._extensions;
  require.cache = module._cache;
  return require;
}
