import { spawnSync } from 'node:child_process';
import { existsSync, readdirSync, readFileSync, realpathSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'tap';
import { projectRoot } from '../support/project-root.ts';

const ROOT = projectRoot();
const skip = !realpathSync(process.execPath).startsWith('/usr/') && 'Node is not installed for all users';

test('lays itself out, runs from there, and goes again', { skip }, async (t) => {
  const destination = t.testdir();
  const at = (path: string): string => join(destination, path);
  const script = (name: string, ...args: string[]) =>
    spawnSync(join(ROOT, 'native-deps', name), args, {
      encoding: 'utf8',
      env: { ...process.env, DESTDIR: destination },
    });

  const first = script('install.sh');
  t.equal(first.status, 0, first.stdout + first.stderr);
  const unit = readFileSync(at('usr/lib/systemd/system/vedette.service'), 'utf8');
  t.equal(unit, readFileSync(join(ROOT, 'systemd/vedette.service'), 'utf8'));
  t.ok(statSync(at('usr/bin/vedette')).mode & 0o111, 'the command is executable');
  t.notOk(existsSync(at('usr/lib/vedette/node_modules/typescript')), 'without what only building needs');
  t.notOk(existsSync(at('usr/lib/vedette/dist/test')), 'without the tests');
  t.same(
    readdirSync(at('usr/lib')).filter((name) => name.startsWith('vedette.')),
    [],
    'nothing is left beside it',
  );

  const main = at('usr/lib/vedette/dist/daemon/main.js');
  const check = spawnSync(process.execPath, [main, '--config', at('etc/vedette/config.yaml'), '--check-config'], {
    encoding: 'utf8',
    env: { PATH: process.env.PATH },
  });
  t.equal(check.status, 0, `the installed program accepts the installed configuration: ${check.stdout}${check.stderr}`);

  writeFileSync(at('etc/vedette/config.yaml'), 'gateway: { id: mine }\n');
  t.equal(script('install.sh').status, 0, 'installing again is an upgrade');
  t.equal(
    readFileSync(at('etc/vedette/config.yaml'), 'utf8'),
    'gateway: { id: mine }\n',
    'that keeps the configuration',
  );

  t.equal(script('uninstall.sh').status, 0);
  for (const gone of ['usr/lib/vedette', 'usr/bin/vedette', 'usr/lib/systemd/system/vedette.service']) {
    t.notOk(existsSync(at(gone)), `${gone} is gone`);
  }
  t.ok(existsSync(at('etc/vedette/config.yaml')), 'the configuration is kept');
  t.equal(script('uninstall.sh', '--purge').status, 0);
  t.notOk(existsSync(at('etc/vedette')), 'until it is purged');
  t.equal(script('install.sh', '--nonsense').status, 64);
});
