// Compares what forkdex names in JavaScript and TypeScript with what TypeScript's own parser finds:
// every function, class and method that is bound to a name, behind whatever wrapper, must be a named
// chunk or lie inside one.
//
//   definitions_oracle.mjs CHUNK_TOOL TYPESCRIPT FOLDER...
//
// TYPESCRIPT is the folder of the npm package. Prints, for each folder, how many definitions there
// are and what became of them; with --misses also those that were missed, or that lie in a chunk
// without a name. Ends 1 where all folders together are below the bounds.
import { spawnSync } from 'node:child_process';
import { readFileSync, readdirSync } from 'node:fs';
import { createRequire } from 'node:module';
import { join, resolve } from 'node:path';

const MIN_FOUND = 0.995;
const MIN_NAMED_ALIKE = 0.99;
const MAX_TOKENS = '256'; // as the bundled model reads
const SOURCE = /\.(js|ts|tsx|mjs|cjs|jsx|mts|cts)$/;

const args = process.argv.slice(2).filter((arg) => arg !== '--misses');
const showMisses = args.length < process.argv.length - 2;
const [chunkTool, typescript, ...folders] = args;
const ts = createRequire(import.meta.url)(resolve(typescript, 'lib/typescript.js'));

function sourcesIn(folder) {
  return readdirSync(folder, { withFileTypes: true }).flatMap((entry) => {
    const path = join(folder, entry.name);
    if (entry.isDirectory()) return sourcesIn(path);
    return entry.isFile() && SOURCE.test(entry.name) ? [path] : [];
  }).sort();
}

function scriptKind(path) {
  if (path.endsWith('.tsx')) return ts.ScriptKind.TSX;
  if (/\.[mc]?ts$/.test(path)) return ts.ScriptKind.TS;
  return ts.ScriptKind.JSX; // what a .js file may hold
}

const isLogical = (kind) =>
  kind === ts.SyntaxKind.BarBarToken ||
  kind === ts.SyntaxKind.AmpersandAmpersandToken ||
  kind === ts.SyntaxKind.QuestionQuestionToken;
const isAssignment = (kind) =>
  kind === ts.SyntaxKind.EqualsToken ||
  kind === ts.SyntaxKind.BarBarEqualsToken ||
  kind === ts.SyntaxKind.AmpersandAmpersandEqualsToken ||
  kind === ts.SyntaxKind.QuestionQuestionEqualsToken;

// The name of a property's key, or undefined where it is computed at run time.
function keyName(name) {
  if (ts.isComputedPropertyName(name)) {
    return ts.isStringLiteralLike(name.expression) ? name.expression.text : undefined;
  }
  return name.text;
}

// The last word of what an assignment assigns to, or undefined where that is computed.
function targetName(target) {
  while (ts.isParenthesizedExpression(target) || ts.isAsExpression(target) ||
         ts.isNonNullExpression(target)) {
    target = target.expression;
  }
  if (ts.isIdentifier(target)) return target.text;
  if (ts.isPropertyAccessExpression(target)) {
    const isExports = ts.isIdentifier(target.expression) && target.expression.text === 'module';
    return isExports && target.name.text === 'exports' ? 'module.exports' : target.name.text;
  }
  if (!ts.isElementAccessExpression(target)) return undefined;
  const index = target.argumentExpression;
  return ts.isStringLiteral(index) || ts.isNumericLiteral(index) ? index.text : undefined;
}

// Whether `parent` gives the value of `node` on: to a call that gets it, or as its own value.
function isWrapper(parent, node) {
  if (ts.isParenthesizedExpression(parent) || ts.isAsExpression(parent) ||
      ts.isSatisfiesExpression(parent) || ts.isTypeAssertionExpression(parent) ||
      ts.isNonNullExpression(parent) || ts.isAwaitExpression(parent) ||
      ts.isCallExpression(parent) || ts.isNewExpression(parent)) {
    return true;
  }
  if (ts.isPropertyAccessExpression(parent)) return parent.expression === node;
  if (ts.isConditionalExpression(parent)) return parent.condition !== node;
  if (!ts.isBinaryExpression(parent)) return false;
  const operator = parent.operatorToken.kind;
  return isLogical(operator) || (operator === ts.SyntaxKind.CommaToken && parent.right === node);
}

// The name that a function or class expression is bound to, or undefined.
function boundName(value) {
  let node = value;
  while (isWrapper(node.parent, node)) node = node.parent;
  const parent = node.parent;
  const own = value.name && ts.isIdentifier(value.name) ? value.name.text : undefined;
  if (ts.isVariableDeclaration(parent) && parent.initializer === node) {
    return ts.isIdentifier(parent.name) ? parent.name.text : own;
  }
  if ((ts.isPropertyAssignment(parent) || ts.isPropertyDeclaration(parent)) &&
      parent.initializer === node) {
    return keyName(parent.name) ?? own;
  }
  if (ts.isExportAssignment(parent)) return own ?? (parent.isExportEquals ? 'export=' : 'default');
  if (ts.isBinaryExpression(parent) && parent.right === node &&
      isAssignment(parent.operatorToken.kind)) {
    const name = targetName(parent.left);
    if (name === 'exports' || name === 'module.exports') return own ?? 'exports';
    return name ?? own;
  }
  return own;
}

// Every function, class and method with a name: where it begins and ends, in UTF-16 units.
function definitionsOf(source) {
  const found = [];
  const add = (node, name) => {
    if (name !== undefined && name !== '') found.push({ name, begin: node.getStart(source), end: node.end });
  };
  const visit = (node) => {
    if (ts.isFunctionDeclaration(node) || ts.isClassDeclaration(node)) {
      if (node.body || ts.isClassDeclaration(node)) add(node, node.name?.text ?? 'default');
    } else if (ts.isFunctionExpression(node) || ts.isArrowFunction(node) ||
               ts.isClassExpression(node)) {
      add(node, boundName(node));
    } else if (ts.isConstructorDeclaration(node)) {
      if (node.body) add(node, 'constructor');
    } else if (ts.isMethodDeclaration(node) || ts.isAccessor(node)) {
      if (node.body) add(node, keyName(node.name));
    }
    ts.forEachChild(node, visit);
  };
  visit(source);
  return found;
}

// The byte at which each UTF-16 unit of a text begins.
function byteOffsets(text) {
  const offsets = new Uint32Array(text.length + 1);
  let bytes = 0;
  for (let i = 0; i < text.length; ++i) {
    offsets[i] = bytes;
    const unit = text.charCodeAt(i);
    if (unit < 0x80) bytes += 1;
    else if (unit < 0x800) bytes += 2;
    else if (unit >= 0xd800 && unit < 0xdc00) bytes += 4; // with the low half, which adds nothing
    else if (unit < 0xdc00 || unit >= 0xe000) bytes += 3;
  }
  offsets[text.length] = bytes;
  return offsets;
}

// What a definition became: its own chunk, part of one read whole, or neither.
function verdict(definition, chunks) {
  const within = (chunk) => chunk.bytes[0] <= definition.begin && definition.begin < chunk.bytes[1];
  const around = chunks.filter(within);
  if (around.some((chunk) => chunk.name === definition.name)) return 'alike';
  const whole = around.find((chunk) => definition.end <= chunk.bytes[1]);
  if (whole?.name) return 'inside';
  return whole ? 'unnamed' : 'missed';
}

// Paths and contents as chunk_tool reads them.
function packed(paths) {
  const parts = [];
  for (const path of paths) {
    for (const bytes of [Buffer.from(path), readFileSync(path)]) {
      const length = Buffer.alloc(4);
      length.writeUInt32LE(bytes.length);
      parts.push(length, bytes);
    }
  }
  return Buffer.concat(parts);
}

function compare(folder) {
  const paths = sourcesIn(folder);
  const run = spawnSync(chunkTool, [MAX_TOKENS], {
    input: packed(paths), maxBuffer: 1 << 30, encoding: 'utf8',
  });
  if (run.status !== 0) throw new Error(`${chunkTool} ended with ${run.status}: ${run.stderr}`);
  const count = { files: 0, skipped: 0, all: 0, alike: 0, inside: 0, unnamed: 0, missed: 0, partly: 0 };
  for (const [i, line] of run.stdout.split('\n').slice(0, paths.length).entries()) {
    const file = JSON.parse(line);
    const path = paths[i];
    if (file.error) {
      ++count.skipped;
      continue;
    }
    ++count.files;
    if (file.detail.includes('not parsed')) ++count.partly;
    const text = readFileSync(path, 'utf8');
    const source = ts.createSourceFile(path, text, ts.ScriptTarget.Latest, true, scriptKind(path));
    const offsets = byteOffsets(text);
    for (const { name, begin, end } of definitionsOf(source)) {
      const what = verdict({ name, begin: offsets[begin], end: offsets[end] }, file.chunks);
      ++count.all;
      ++count[what];
      if (showMisses && (what === 'missed' || what === 'unnamed')) {
        const at = source.getLineAndCharacterOfPosition(begin).line + 1;
        console.log(`${what} ${path}:${at} ${name}: ${text.slice(begin, begin + 60).replace(/\s+/g, ' ')}`);
      }
    }
  }
  return count;
}

const total = {};
function report(folder, count) {
  const share = (part) => (part / count.all).toFixed(4);
  const found = (count.alike + count.inside + count.unnamed) / count.all;
  const namedAlike = count.alike / (count.alike + count.missed);
  console.log(`${folder}: ${count.all} definitions in ${count.files} files; found ${found.toFixed(4)} ` +
    `(alike ${share(count.alike)}, inside one ${share(count.inside)}, in a chunk without a name ` +
    `${share(count.unnamed)}), missed ${count.missed}; named alike ${namedAlike.toFixed(4)}; ` +
    `${count.partly} files not parsed in part`);
  return found >= MIN_FOUND && namedAlike >= MIN_NAMED_ALIKE;
}
for (const folder of folders) {
  const count = compare(folder);
  report(folder, count);
  for (const [key, value] of Object.entries(count)) total[key] = (total[key] ?? 0) + value;
}
process.exitCode = report('all', total) ? 0 : 1;
