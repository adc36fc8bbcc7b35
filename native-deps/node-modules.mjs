import { spawnSync } from 'node:child_process';
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { SetUpError, say } from './set-up-error.mjs';

const ROOT = fileURLToPath(new URL('..', import.meta.url));
const STAMP = join(ROOT, 'node_modules/.vedette-native');
/** The packages whose install scripts may run: the one that has to be compiled here. */
const COMPILED = ['gstreamer-superficial'];

/** Brings node_modules to what package-lock.json says, compiled for this Node. */
export function requireModules() {
  if (!installedAsLocked(ROOT)) {
    say('Installing the Node packages (npm ci) ...');
    npm('ci', '--ignore-scripts', '--include=dev', '--no-audit', '--no-fund');
  }
  const abi = `${process.platform}-${process.arch}-${process.versions.modules}`;
  if (existsSync(STAMP) && readFileSync(STAMP, 'utf8') === abi) return;
  if (!loads()) {
    say('Compiling the GStreamer binding ...');
    npm('rebuild', ...COMPILED);
    if (!loads())
      throw new SetUpError(
        `${COMPILED.join(', ')} was compiled but does not load. Try: rm -rf node_modules, and the same command again.`,
      );
  }
  writeFileSync(STAMP, abi);
}

/** Whether npm's own record of what it installed agrees with the lock file; a package for other machines may be absent. */
export function installedAsLocked(root) {
  const record = join(root, 'node_modules/.package-lock.json');
  if (!existsSync(record)) return false;
  const installed = JSON.parse(readFileSync(record, 'utf8')).packages;
  const locked = JSON.parse(readFileSync(join(root, 'package-lock.json'), 'utf8')).packages;
  return Object.entries(locked).every(([path, { version, integrity, optional, devOptional, peer }]) => {
    if (path === '') return true;
    const found = installed[path];
    if (found === undefined) return optional === true || devOptional === true || peer === true;
    return found.version === version && found.integrity === integrity;
  });
}

/**
 * Where node-gyp finds the headers of the running Node on this machine, so that it need not download them; undefined
 * where they are not of this version.
 */
export function localHeaders(prefixes = [dirname(dirname(process.execPath)), '/usr']) {
  return prefixes.find((prefix) => {
    const header = join(prefix, 'include/node/node_version.h');
    if (!existsSync(header)) return false;
    const text = readFileSync(header, 'utf8');
    const part = (name) => text.match(new RegExp(`#define NODE_${name}_VERSION (\\d+)`))?.[1];
    return ['MAJOR', 'MINOR', 'PATCH'].map(part).join('.') === process.versions.node;
  });
}

function loads() {
  const code = COMPILED.map((name) => `require('${name}');`).join('');
  return spawnSync(process.execPath, ['-e', code], { cwd: ROOT, stdio: 'ignore' }).status === 0;
}

function npm(...args) {
  const headers = localHeaders();
  const env = {
    ...process.env,
    JOBS: 'max',
    npm_config_loglevel: 'error',
    ...(headers && { npm_config_nodedir: headers }),
  };
  // Under `npm start` it is the same npm.
  const [program, first] = process.env.npm_execpath?.endsWith('.js')
    ? [process.execPath, [process.env.npm_execpath]]
    : ['npm', []];
  const { status, error } = spawnSync(program, [...first, ...args], {
    cwd: ROOT,
    env,
    stdio: ['ignore', 'inherit', 'inherit'],
  });
  if (error !== undefined)
    throw new SetUpError('npm was not found. It comes with Node: https://nodejs.org/en/download');
  if (status !== 0) throw new SetUpError(`npm ${args[0]} failed, see above. To try it alone: npm ${args.join(' ')}`);
}
