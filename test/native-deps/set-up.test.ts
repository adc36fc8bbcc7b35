import { spawnSync } from 'node:child_process';
import { chmodSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'tap';
import { projectRoot } from '../support/project-root.ts';

const ROOT = projectRoot();
const SET_UP = join(ROOT, 'native-deps/set-up.mjs');
const NOBODY = 65_534;

test('an old Node gets one clear message', async (t) => {
  const pretend = "Object.defineProperty(process, 'versions', { value: { ...process.versions, node: '18.20.4' } })";
  const args = ['--import', `data:text/javascript,${encodeURIComponent(pretend)}`, SET_UP];
  const { status, stdout, stderr } = spawnSync(process.execPath, args, { encoding: 'utf8' });
  t.equal(status, 1);
  t.equal(stdout, '');
  t.match(stderr, /^Vedette needs Node 20\.19 or newer/);
});

test('without root and sudo it says what to run', { skip: process.getuid?.() !== 0 && 'needs root' }, async (t) => {
  // A Debian on which nothing is installed, for a user who may not install: the only programs on this PATH.
  const folder = t.testdir();
  chmodSync(folder, 0o755);
  writeFileSync(join(folder, 'dpkg-query'), '#!/bin/sh\necho "not-installed $4"\nexit 1\n', { mode: 0o755 });
  const { status, stdout, stderr } = spawnSync(process.execPath, ['set-up.mjs'], {
    cwd: join(ROOT, 'native-deps'),
    encoding: 'utf8',
    env: { PATH: folder },
    uid: NOBODY,
    gid: NOBODY,
  });
  t.equal(status, 1, stderr);
  t.match(stdout, /^Missing Debian packages: gstreamer1\.0-plugins-base .* mosquitto /);
  t.match(stderr, /Run this as root/);
  t.match(stderr, /apt-get install -y --no-install-recommends gstreamer1\.0-plugins-base/);
  t.notMatch(stderr, /chromium/, 'what only the tests need is not asked of a user');
});

test('what npm installed is compared with the lock file', async (t) => {
  const { installedAsLocked } = (await import(join(ROOT, 'native-deps/node-modules.mjs'))) as {
    installedAsLocked: (root: string) => boolean;
  };
  t.ok(installedAsLocked(ROOT), 'this checkout is set up');
  const packages = {
    '': { version: '1.0.0' },
    'node_modules/a': { version: '1.0.0', integrity: 'x' },
    'node_modules/for-another-machine': { version: '1.0.0', integrity: 'y', optional: true },
  };
  const cases: [name: string, installed: Record<string, object> | undefined, expected: boolean][] = [
    ['nothing', undefined, false],
    ['the same', { 'node_modules/a': { version: '1.0.0', integrity: 'x' } }, true],
    ['an older version', { 'node_modules/a': { version: '0.9.0', integrity: 'w' } }, false],
    ['a package too few', {}, false],
  ];
  for (const [name, installed, expected] of cases) {
    const root = t.testdir({
      'package-lock.json': JSON.stringify({ packages }),
      node_modules: installed === undefined ? {} : { '.package-lock.json': JSON.stringify({ packages: installed }) },
    });
    t.equal(installedAsLocked(root), expected, name);
  }
});

test('Node headers of another version are not used', async (t) => {
  const { localHeaders } = (await import(join(ROOT, 'native-deps/node-modules.mjs'))) as {
    localHeaders: (prefixes: string[]) => string | undefined;
  };
  const headers = (version: string): string =>
    ['MAJOR', 'MINOR', 'PATCH'].map((part, i) => `#define NODE_${part}_VERSION ${version.split('.')[i]}\n`).join('');
  const prefix = (version: string) => ({ include: { node: { 'node_version.h': headers(version) } } });
  const folder = t.testdir({ none: {}, old: prefix('12.22.12'), right: prefix(process.versions.node) });
  const [none, old, right] = ['none', 'old', 'right'].map((name) => join(folder, name)) as [string, string, string];
  t.equal(localHeaders([none, old]), undefined);
  t.equal(localHeaders([none, old, right]), right);
});

test('a Raspberry Pi gets what its cameras on CSI need', async (t) => {
  const { isRaspberryPi, readList } = (await import(join(ROOT, 'native-deps/debian-packages.mjs'))) as {
    isRaspberryPi: (model: string) => boolean;
    readList: (name: string) => string[];
  };
  const folder = t.testdir({ pi: 'Raspberry Pi 5 Model B Rev 1.0\0', other: 'Radxa ROCK 5B\0' });
  t.ok(isRaspberryPi(join(folder, 'pi')));
  t.notOk(isRaspberryPi(join(folder, 'other')));
  t.notOk(isRaspberryPi(join(folder, 'none')));
  t.same(readList('libcamera'), ['gstreamer1.0-libcamera', 'libcamera-tools']);
});
