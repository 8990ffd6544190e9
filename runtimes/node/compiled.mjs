// Keeps what V8 has made of a function's CommonJS code, for the processes that load the same code later.
//
// What it makes goes to the server, which keeps it in a file: lengths of a name and of its code (four bytes each,
// big-endian), the name, the code, again and again. A name is a path as the function sees it.

import fs from 'node:fs';
import module from 'node:module';
import vm from 'node:vm';

// Characters of source below which a file is compiled faster than its code is looked up.
const FILE_MIN = 1024;
// Characters of all such files below which nothing is kept: the function starts fast anyway.
const TOTAL_MIN = 64 * 1024;
const HEAD_BYTES = 8;
const COLUMNS_OF_WRAPPER = module.wrapper[0].length;

/** Loads code from `file` from now on, until `finish`, which gives the bytes of a better file, should it be worth it. */
export class Compiled {
  constructor(file) {
    this.known = read(file);
    /** Scripts by the names of their files; released by `finish`. */
    this.scripts = new Map();
    this.missing = 0;
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
    this.scripts = undefined;
    this.known = new Map();
    if (missing < TOTAL_MIN) return undefined;
    const parts = [];
    for (const [filename, script] of scripts) {
      const name = Buffer.from(filename);
      const code = script.createCachedData();
      const head = Buffer.alloc(HEAD_BYTES);
      head.writeUInt32BE(name.length);
      head.writeUInt32BE(code.length, 4);
      parts.push(head, name, code);
    }
    return Buffer.concat(parts);
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
