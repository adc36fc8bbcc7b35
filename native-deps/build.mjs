#!/usr/bin/env node
import { spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import {
  chmodSync,
  copyFileSync,
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { SetUpError, say } from './set-up-error.mjs';

const ROOT = fileURLToPath(new URL('..', import.meta.url));
const OUTPUT = join(ROOT, 'dist');
/** What the daemon is made of, and everything with the tests. The second includes the first. */
const SCOPES = {
  program: { project: 'tsconfig.program.json', record: '.tsbuildinfo-program', trees: ['daemon', 'config'] },
  everything: { project: 'tsconfig.json', record: '.tsbuildinfo', trees: ['daemon', 'config', 'test', 'bench'] },
};
/** What is not TypeScript and stays where it is: the virtual machine is made from the checkout. */
const LEFT_OUT = /^test\/vm\//;
const SETTINGS = ['tsconfig.json', 'tsconfig.program.json', 'package.json', 'package-lock.json'];
const PROGRAM = 'daemon/main';

/**
 * Compiles the project into dist/: TypeScript through tsc, every other file as it is; outputs of sources that are gone
 * go too. Does nothing when no source has changed since the last build.
 * @param scope `program` or `everything`
 */
export function build(scope) {
  const { project, record, trees } = SCOPES[scope];
  const sources = trees.flatMap((tree) => filesUnder(tree));
  const states = Object.entries(SCOPES)
    .filter(([name]) => scope === 'everything' || name === scope)
    .map(([name, { trees }]) => [join(OUTPUT, `.built-${name}`), fingerprint(trees)]);
  if (states.every(([stamp, state]) => existsSync(stamp) && readFileSync(stamp, 'utf8') === state)) return;
  say('Building ...');
  for (const [stamp] of states) rmSync(stamp, { force: true });
  const modules = sources
    .filter((path) => path.endsWith('.ts') && !path.endsWith('.d.ts'))
    .map((path) => path.slice(0, -3));
  const assets = sources.filter((path) => !/\.(ts|md)$/.test(path) && !LEFT_OUT.test(path));
  // tsc trusts its record of what it wrote, also when that is not there any more.
  if (modules.some((path) => !existsSync(join(OUTPUT, `${path}.js`)))) {
    rmSync(join(OUTPUT, record), { force: true });
  }
  const compiler = join(ROOT, 'node_modules/typescript/bin/tsc');
  const { status } = spawnSync(process.execPath, [compiler, '-p', join(ROOT, project)], {
    cwd: ROOT,
    stdio: ['ignore', 'inherit', 'inherit'],
  });
  if (status !== 0) throw new SetUpError('The build failed, see above.');
  for (const path of assets) {
    mkdirSync(dirname(join(OUTPUT, path)), { recursive: true });
    copyFileSync(join(ROOT, path), join(OUTPUT, path));
  }
  const outputs = new Set(
    modules.flatMap((path) => ['.js', '.js.map', '.d.ts'].map((suffix) => path + suffix)).concat(assets),
  );
  for (const path of trees.flatMap((tree) => filesUnder(tree, OUTPUT))) {
    if (!outputs.has(path)) rmSync(join(OUTPUT, path));
  }
  const program = join(OUTPUT, `${PROGRAM}.js`);
  if (existsSync(program)) chmodSync(program, 0o755);
  for (const [stamp, state] of states) writeFileSync(stamp, state);
}

/** Paths of the files below `folder`, relative to `root`. */
function filesUnder(folder, root = ROOT) {
  if (!existsSync(join(root, folder))) return [];
  return readdirSync(join(root, folder), { withFileTypes: true }).flatMap((entry) => {
    const path = `${folder}/${entry.name}`;
    if (entry.isDirectory()) return filesUnder(path, root);
    return entry.isFile() ? [path] : [];
  });
}

function fingerprint(trees) {
  const hash = createHash('sha256');
  const sources = trees.flatMap((tree) => filesUnder(tree)).filter((path) => !LEFT_OUT.test(path));
  for (const path of [...sources, ...SETTINGS]) {
    const { mtimeMs, size } = statSync(join(ROOT, path));
    hash.update(`${path} ${mtimeMs} ${size}\n`);
  }
  return hash.digest('hex');
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  try {
    build('everything');
  } catch (error) {
    if (!(error instanceof SetUpError)) throw error;
    console.error(`\n${error.message}`);
    process.exitCode = 1;
  }
}
