import { spawnSync } from 'node:child_process';
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'tap';
import { projectRoot } from '../support/project-root.ts';

const UNIT = join(projectRoot(), 'systemd/vedette.service');

const analyze = (...args: string[]) => spawnSync('systemd-analyze', args, { encoding: 'utf8' });

test('the unit is as hardened as was measured', async (t) => {
  const { status, stdout, stderr } = analyze('security', '--offline=true', '--threshold=13', UNIT);
  t.equal(status, 0, stderr);
  t.match(stdout, /Overall exposure level for vedette\.service: 1\.[0-3] OK/);
});

test('systemd understands every line of the unit', async (t) => {
  // The program is not installed where the tests run.
  const installed = readFileSync(UNIT, 'utf8').replace('/usr/bin/vedette', '/bin/true');
  const copy = join(t.testdir(), 'vedette.service');
  writeFileSync(copy, installed);
  const { status, stderr } = analyze('verify', copy);
  t.equal(status, 0);
  t.equal(stderr, '');
  writeFileSync(copy, installed.replace('KillMode=mixed', 'KillMode=gently'));
  t.match(analyze('verify', copy).stderr, /Failed to parse kill mode/, 'and tells what it does not understand');
});

test('systemd understands the users and folders', { skip: process.getuid?.() !== 0 && 'needs root' }, async (t) => {
  const root = t.testdir({ etc: {}, usr: { lib: { 'sysusers.d': {}, 'tmpfiles.d': {} } } });
  const from = (name: string): string => join(projectRoot(), 'systemd', name);
  const users = spawnSync('systemd-sysusers', [`--root=${root}`, '--inline', ...lines(from('sysusers.conf'))], {
    encoding: 'utf8',
  });
  t.equal(users.status, 0, users.stderr);
  t.match(readFileSync(join(root, 'etc/passwd'), 'utf8'), /^vedette:.*:\/var\/lib\/vedette:/m);
  t.match(readFileSync(join(root, 'etc/group'), 'utf8'), /^video:.*vedette/m);
  writeFileSync(join(root, 'usr/lib/tmpfiles.d/vedette.conf'), readFileSync(from('tmpfiles.conf')));
  // As a program of root's with the library leaves it.
  mkdirSync(join(root, 'var/lib/vedette'), { recursive: true });
  writeFileSync(join(root, 'var/lib/vedette/device-salt'), '', { mode: 0o600 });
  const folders = spawnSync('systemd-tmpfiles', [`--root=${root}`, '--create', 'vedette.conf'], { encoding: 'utf8' });
  t.equal(folders.status, 0, folders.stderr);
  const uid = /^vedette:[^:]*:(\d+):/m.exec(readFileSync(join(root, 'etc/passwd'), 'utf8'))?.[1];
  const found = (path: string): string =>
    spawnSync('stat', ['-c', '%a %u', join(root, path)], { encoding: 'utf8' }).stdout.trim();
  t.equal(found('var/lib/vedette'), `700 ${uid}`);
  t.equal(found('var/lib/vedette/device-salt'), `600 ${uid}`, 'the service can read what stood there before');
});

function lines(path: string): string[] {
  return readFileSync(path, 'utf8')
    .split('\n')
    .filter((line) => line !== '' && !line.startsWith('#'));
}
