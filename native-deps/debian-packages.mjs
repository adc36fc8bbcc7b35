import { spawnSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { createInterface } from 'node:readline/promises';
import { SetUpError, say } from './set-up-error.mjs';

/** The packages of `apt-<name>.txt`: one a line, `#` begins a comment. */
export function readList(name) {
  return readFileSync(new URL(`./apt-${name}.txt`, import.meta.url), 'utf8')
    .split('\n')
    .map((line) => line.replace(/#.*/, '').trim())
    .filter((line) => line !== '');
}

/** Whether this machine has a connector for cameras that need libcamera, and a libcamera that knows them. */
export function isRaspberryPi(model = '/proc/device-tree/model') {
  try {
    return readFileSync(model, 'utf8').startsWith('Raspberry Pi');
  } catch {
    return false;
  }
}

/** Those of the packages that dpkg does not have as installed, or undefined where there is no dpkg. */
export function missingPackages(names) {
  // biome-ignore lint/suspicious/noTemplateCurlyInString: the placeholders are of dpkg-query
  const query = spawnSync('dpkg-query', ['-W', '-f', '${db:Status-Status} ${Package}\n', ...names], {
    encoding: 'utf8',
  });
  if (query.error !== undefined) return undefined;
  const installed = new Set(
    query.stdout
      .split('\n')
      .filter((line) => line.startsWith('installed '))
      .map((line) => line.slice(10)),
  );
  return names.filter((name) => !installed.has(name));
}

/**
 * How this user becomes root: a command prefix (empty for root), or undefined where that needs a person who is not
 * there or a sudo that is not there.
 */
export function privilege(terminal) {
  if (process.getuid?.() === 0) return [];
  const sudo = spawnSync('sudo', ['-n', 'true'], { stdio: 'ignore' });
  if (sudo.error !== undefined) return undefined;
  return sudo.status === 0 || terminal ? ['sudo'] : undefined;
}

/** Installs what is missing of the lists; on a terminal it asks first, elsewhere it goes on by itself. */
export async function requirePackages(lists) {
  const names = [...new Set(lists.flatMap(readList))];
  const missing = missingPackages(names);
  if (missing === undefined) {
    say(`This is no Debian, so its packages are taken for granted: ${names.join(' ')}`);
    return;
  }
  if (missing.length === 0) return;
  const install = ['apt-get', 'install', '-y', '--no-install-recommends', ...missing];
  say(`Missing Debian packages: ${missing.join(' ')}`);
  const terminal = process.stdin.isTTY === true && process.stdout.isTTY === true;
  const root = privilege(terminal);
  if (root === undefined) {
    throw new SetUpError(
      `Installing them needs root. Run this as root, and then the same command again:\n  apt-get update && ${install.join(' ')}`,
    );
  }
  if (terminal && !(await confirmed('Install them now? [Y/n] '))) {
    throw new SetUpError(`Nothing was installed. When you are ready:\n  ${['sudo', ...install].join(' ')}`);
  }
  say('Installing them; the first time takes some minutes.');
  // A stale package list only matters when the installation fails for it.
  run([...root, 'apt-get', '-qq', 'update']);
  const environment = ['env', 'DEBIAN_FRONTEND=noninteractive'];
  const quiet = install.toSpliced(1, 0, '-qq', '-o=Dpkg::Use-Pty=0');
  if (run([...root, ...environment, ...quiet]) !== 0) {
    throw new SetUpError(
      `apt-get could not install them. Mend what it says above, or run:\n  ${['sudo', ...install].join(' ')}`,
    );
  }
  // GStreamer looks at every plugin once and remembers; better now than at the first start of a camera.
  spawnSync('gst-inspect-1.0', ['fakesink'], { stdio: 'ignore' });
}

function run([program, ...args]) {
  return spawnSync(program, args, { stdio: ['inherit', 'ignore', 'inherit'] }).status;
}

async function confirmed(question) {
  const terminal = createInterface({ input: process.stdin, output: process.stdout });
  try {
    return /^(y(es)?)?$/i.test((await terminal.question(question)).trim());
  } finally {
    terminal.close();
  }
}
