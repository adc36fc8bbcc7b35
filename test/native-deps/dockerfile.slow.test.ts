/**
 * Builds the image without a container engine: the steps of the Dockerfile in plain Debian root folders, and then the
 * image's own command and health check in it. Needs root, mmdebstrap and the network of the package managers.
 */
import { spawnSync } from 'node:child_process';
import {
  cpSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  realpathSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { basename, dirname, join } from 'node:path';
import { test } from 'tap';
import { projectRoot } from '../support/project-root.ts';

const SOURCE = projectRoot();

interface Instruction {
  name: string;
  text: string;
}

/** A Dockerfile of the kind that we write: no escapes, no here-documents. */
function parse(text: string): Instruction[] {
  return text
    .replace(/\\\n/g, ' ')
    .split('\n')
    .filter((line) => line.trim() !== '' && !line.startsWith('#'))
    .map((line) => {
      const [name = '', ...rest] = line.split(/\s+/);
      return { name, text: rest.join(' ') };
    });
}

interface Stage {
  root: string;
  folder: string;
  environment: Record<string, string>;
  user: string | undefined;
  health: string | undefined;
  entry: string[];
  command: string[];
}

/** Runs a shell line in the stage, with its own mounts and processes, and where asked with its own loopback network. */
function run(stage: Stage, line: string, options: { alone?: boolean; script?: string } = {}) {
  const mounts =
    'mount --rbind /dev "$R/dev"; mount -t proc proc "$R/proc"; mount -t tmpfs tmpfs "$R/tmp/run"; ' +
    (options.alone === true ? 'ip link set lo up; ' : '');
  const as = stage.user === undefined ? '' : `setpriv --reuid=${stage.user} --regid=${stage.user} --init-groups `;
  const environment = Object.entries({
    PATH: '/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin',
    ...stage.environment,
  });
  const inside = `cd ${stage.folder} && exec ${as}sh -c "$L"`;
  return spawnSync(
    'unshare',
    [
      '--mount',
      '--pid',
      '--fork',
      '--kill-child',
      ...(options.alone === true ? ['--net'] : []),
      'sh',
      '-ec',
      `${mounts} exec chroot "$R" sh -c '${inside}'`,
    ],
    {
      encoding: 'utf8',
      env: { ...Object.fromEntries(environment), R: stage.root, L: line, HOME: '/root', LANG: 'C.UTF-8' },
      maxBuffer: 1 << 28,
    },
  );
}

/** Debian with the Node of this machine where the official image has it. */
function baseImage(cache: string): string {
  const archive = join(cache, 'debian.tar');
  if (!existsSync(archive)) {
    const made = spawnSync('mmdebstrap', ['--variant=apt', '--include=ca-certificates', 'bookworm', archive], {
      encoding: 'utf8',
    });
    if (made.status !== 0) throw new Error(`mmdebstrap: ${made.error?.message ?? made.stderr}`);
  }
  return archive;
}

function begin(archive: string, root: string): Stage {
  mkdirSync(root);
  spawnSync('tar', ['-x', '-C', root, '--exclude=./dev/*', '-f', archive]);
  const prefix = dirname(dirname(realpathSync(process.execPath)));
  const local = join(root, 'usr/local');
  cpSync(process.execPath, join(local, 'bin/node'));
  cpSync(join(prefix, 'include/node'), join(local, 'include/node'), { recursive: true });
  cpSync(join(prefix, 'lib/node_modules/npm'), join(local, 'lib/node_modules/npm'), { recursive: true });
  symlinkSync('../lib/node_modules/npm/bin/npm-cli.js', join(local, 'bin/npm'));
  for (const path of ['/etc/resolv.conf', '/etc/hosts', '/etc/ssl/certs/ca-certificates.crt']) {
    if (existsSync(path)) cpSync(path, join(root, path), { dereference: true });
  }
  mkdirSync(join(root, 'tmp/run'));
  // As in a container, nothing is started when a package is installed.
  writeFileSync(join(root, 'usr/sbin/policy-rc.d'), '#!/bin/sh\nexit 101\n', { mode: 0o755 });
  const trusted = { NODE_EXTRA_CA_CERTS: '/etc/ssl/certs/ca-certificates.crt' };
  return { root, folder: '/', environment: trusted, user: undefined, health: undefined, entry: [], command: [] };
}

test('the image builds, starts and is healthy', {
  skip: process.getuid?.() !== 0 && 'needs root',
  timeout: 900_000,
}, async (t) => {
  const work = mkdtempSync(join(tmpdir(), 'vedette-image-'));
  t.teardown(() => rmSync(work, { recursive: true, force: true }));
  const archive = baseImage(work);
  const ignored = readFileSync(join(SOURCE, '.dockerignore'), 'utf8')
    .split('\n')
    .filter((line) => line !== '');
  const stages = new Map<string, Stage>();
  let stage: Stage | undefined;

  for (const { name, text } of parse(readFileSync(join(SOURCE, 'Dockerfile'), 'utf8'))) {
    if (name === 'ARG') continue;
    if (name === 'FROM') {
      const alias = /\bAS (\w+)$/i.exec(text)?.[1] ?? 'image';
      stage = begin(archive, join(work, alias));
      stages.set(alias, stage);
      continue;
    }
    if (stage === undefined) throw new Error(`${name} before FROM`);
    const { root } = stage;
    switch (name) {
      case 'WORKDIR':
        stage.folder = text;
        mkdirSync(join(root, text), { recursive: true });
        break;
      case 'COPY': {
        const words = text.split(' ');
        const from = words[0]?.startsWith('--from=') === true ? words.shift()?.slice(7) : undefined;
        const target = words.pop() ?? '';
        const to = join(root, target.startsWith('/') ? target : join(stage.folder, target));
        for (const word of words) {
          const source = from === undefined ? join(SOURCE, word) : join(stages.get(from)?.root ?? '', word);
          const exclude = from === undefined ? ignored.map((pattern) => `--exclude=./${pattern}`) : [];
          mkdirSync(to, { recursive: true });
          const whole = word === '.' || word.endsWith('/');
          const [folder, what] = whole ? [source, '.'] : [dirname(source), basename(source)];
          // Ownership as with COPY: everything belongs to root.
          // biome-ignore lint/suspicious/noTemplateCurlyInString: a word of bash
          const line = 'tar -c -C "$0" --owner=0 --group=0 "${@:3}" -- "$2" | tar -x -C "$1"';
          const { status, stderr } = spawnSync('bash', ['-ec', line, folder, to, what, ...exclude], {
            encoding: 'utf8',
          });
          t.equal(status, 0, `COPY ${text} ${stderr}`);
        }
        break;
      }
      case 'RUN': {
        const { status, stdout, stderr } = run(stage, text);
        t.equal(status, 0, `RUN ${text}`);
        if (status !== 0) throw new Error(`${stdout.slice(-3000)}${stderr.slice(-3000)}`);
        break;
      }
      case 'ENV':
        for (const pair of text.split(' '))
          stage.environment[pair.split('=')[0] ?? ''] = pair.slice(pair.indexOf('=') + 1);
        break;
      case 'USER':
        stage.user = text;
        break;
      case 'HEALTHCHECK':
        stage.health = text.replace(/^.*? CMD /, '');
        break;
      case 'ENTRYPOINT':
        stage.entry = JSON.parse(text) as string[];
        break;
      case 'CMD':
        stage.command = JSON.parse(text) as string[];
        break;
      case 'VOLUME':
      case 'EXPOSE':
        break;
      default:
        t.fail(`a step that this test does not know: ${name}`);
    }
  }

  const image = stages.get('image');
  if (image?.health === undefined) throw new Error('no health check');
  const start = [...image.entry, ...image.command].join(' ');
  const script = `${start} >/tmp/run/log 2>&1 & P=$!; for i in $(seq 60); do if ${image.health}; then H=yes; break; fi; sleep 0.5; done; kill $P; wait $P; echo "ended with $?, healthy: $H"; cat /tmp/run/log`;
  const { stdout } = run({ ...image, folder: '/' }, script, { alone: true });
  t.match(stdout, /^ended with 0, healthy: yes/, 'it starts, is healthy, and stops when asked');
});
