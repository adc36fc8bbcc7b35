/** What the project promises of itself and no linter can say. */
import { execFileSync } from 'node:child_process';
import { existsSync, readdirSync, readFileSync, statSync } from 'node:fs';
import { basename, dirname, join } from 'node:path';
import { test } from 'tap';
import { projectRoot } from './support/project-root.ts';

const ROOT = projectRoot();
/** Tracked and new files; what git ignores is nobody's. */
const FILES = execFileSync('git', ['ls-files', '--cached', '--others', '--exclude-standard'], {
  cwd: ROOT,
  encoding: 'utf8',
})
  .split('\n')
  .filter((path) => path !== '' && existsSync(join(ROOT, path)));
const SOURCES = FILES.filter((path) => /^(daemon|config|test|bench)\/.*\.ts$/.test(path));

const read = (path: string): string => readFileSync(join(ROOT, path), 'utf8');

/** Module specifiers of the static and dynamic imports and re-exports of a source. */
function imports(path: string): string[] {
  const source = read(path).replace(/\/\*[\s\S]*?\*\/|^\s*\/\/.*$/gm, '');
  const patterns = [/\bfrom\s*['"]([^'"]+)['"]/g, /\bimport\s*\(?\s*['"]([^'"]+)['"]/g];
  return patterns.flatMap((pattern) => [...source.matchAll(pattern)].map((match) => match[1] as string));
}

test('a heavy package has one importer', async (t) => {
  const importers: Record<string, RegExp> = {
    'gstreamer-superficial': /^daemon\/capture\/worker\.ts$/,
    'node-datachannel': /^daemon\/publish\/webrtc\//,
    'node-media-server': /^daemon\/publish\/rtmp\/worker\.ts$/,
    mqtt: /^daemon\/control\/mqtt\//,
    convict: /^config\//,
    pino: /^daemon\/telemetry\/logger\.ts$/,
  };
  for (const path of SOURCES.filter((file) => /^(daemon|config)\//.test(file))) {
    for (const specifier of imports(path)) {
      const [name = '', sub] = specifier.split('/');
      const allowed = importers[specifier.startsWith('@') ? `${name}/${sub}` : name];
      if (allowed !== undefined) t.match(path, allowed, `${path} imports ${specifier}`);
    }
  }
});

test('every file of a room obeys a list of allowed imports', async (t) => {
  const { overrides } = JSON.parse(read('biome.json')) as {
    overrides: { includes: string[]; linter: { rules: { style?: { noRestrictedImports?: unknown } } } }[];
  };
  const rooms = overrides
    .filter(({ linter }) => typeof linter.rules.style?.noRestrictedImports === 'object')
    .flatMap(({ includes }) => includes.map((glob) => glob.split('*')[0] as string));
  for (const folder of readdirSync(join(ROOT, 'daemon'), { withFileTypes: true }).filter((entry) =>
    entry.isDirectory(),
  )) {
    t.ok(
      rooms.some((room) => room === `daemon/${folder.name}/`),
      `daemon/${folder.name}/ has its imports in biome.json`,
    );
  }
});

test('no barrels, no catch-all modules', async (t) => {
  for (const path of SOURCES) {
    t.notMatch(basename(path), /^(index|utils?|helpers?|common|misc|shared|types)\.ts$/, path);
  }
});

test('every room is in the architecture page, and every room of the page is there', async (t) => {
  const page = read('docs/architecture.md');
  for (const entry of readdirSync(join(ROOT, 'daemon'), { withFileTypes: true })) {
    if (entry.isDirectory()) t.ok(page.includes(`${entry.name}/`), `daemon/${entry.name}/`);
  }
  for (const [, path = ''] of page.matchAll(/`((?:daemon|config|systemd|native-deps|test|bench|docs)\/[\w./-]*)`/g)) {
    t.ok(existsSync(join(ROOT, path)), `docs/architecture.md speaks of ${path}`);
  }
});

test('documents', async (t) => {
  const broken = FILES.filter((file) => file.endsWith('.md')).flatMap((path) =>
    [...read(path).matchAll(/\]\(([^)\s#]+)(?:#[^)]*)?\)/g)]
      .map((match) => match[1] as string)
      .filter((link) => !/^[a-z]+:/.test(link) && !existsSync(join(ROOT, dirname(path), link)))
      .map((link) => `${path}: ${link}`),
  );
  t.same(broken, [], 'links lead somewhere');
  t.ok(read('docs/architecture.md').split('\n').length <= 121, 'docs/architecture.md is one page of at most 120 lines');
  const [first] = read('CHANGELOG.md').match(/^## .*$/m) ?? [];
  t.equal(first, '## Unreleased', 'CHANGELOG.md has Unreleased on top');
  const readme = read('README.md');
  t.ok(
    readme.indexOf('npm start') > 0 && readme.indexOf('npm start') < 2500,
    'the two commands are on top of README.md',
  );
});

test('every standard that the code obeys is in the list of specifications', async (t) => {
  const list = read('docs/specifications.md');
  const cited = new Set(
    SOURCES.filter((path) => /^(daemon|config)\//.test(path)).flatMap((path) =>
      [...read(path).matchAll(/\bRFC (\d{4})\b/g)].map((match) => match[1]),
    ),
  );
  t.same(
    [...cited].filter((number) => !list.includes(`RFC ${number}`)),
    [],
  );
});

test('package.json', async (t) => {
  const manifest = JSON.parse(read('package.json')) as {
    bin: { vedette: string };
    scripts: Record<string, string>;
    dependencies: Record<string, string>;
    devDependencies: Record<string, string>;
    optionalDependencies?: Record<string, string>;
  };
  const { dependencies, devDependencies, optionalDependencies } = manifest;
  for (const [name, version] of Object.entries({ ...dependencies, ...devDependencies, ...optionalDependencies })) {
    t.match(version, /^\d+\.\d+\.\d+(-[\w.]+)?$/, `${name} is pinned`);
  }
  const used = new Set(
    FILES.filter((file) => /\.(ts|mjs|json|sh)$/.test(file) && !/^package/.test(file))
      .map(read)
      .join('\n')
      .match(/[\w@/-]+/g),
  );
  const runtime = Object.keys({ ...dependencies, ...optionalDependencies });
  t.same(
    runtime.filter((name) => !used.has(name)),
    [],
    'every dependency is used',
  );
  const program = join(ROOT, manifest.bin.vedette);
  t.match(
    readFileSync(program, 'utf8'),
    /^#!\/usr\/bin\/env (-S (\w+=\w+ )*)?node\b/,
    'bin starts with its interpreter',
  );
  t.ok(statSync(program).mode & 0o100, 'bin is executable');
  for (const script of Object.values(manifest.scripts)) {
    for (const [path] of script.matchAll(/\b(?:native-deps|test|bench|docs)\/[\w./-]+\.(?:mjs|sh|ts)\b/g)) {
      t.ok(existsSync(join(ROOT, path)), `a script runs ${path}`);
    }
  }
});

test('the lock file serves every machine', async (t) => {
  type Locked = Record<string, { optionalDependencies?: Record<string, string> }>;
  const { packages } = JSON.parse(read('package-lock.json')) as { packages: Locked };
  // Without an entry `npm ci` refuses the whole file, and npm drops those that it could not fetch.
  const names = new Set(Object.keys(packages).map((path) => path.replace(/^.*node_modules\//, '')));
  for (const [path, { optionalDependencies }] of Object.entries(packages)) {
    const absent = Object.keys(optionalDependencies ?? {}).filter((name) => !names.has(name));
    t.same(absent, [], path === '' ? 'package.json' : path);
  }
});

test('the project speaks of itself alone', async (t) => {
  const textual = FILES.filter((path) =>
    /\.(ts|mjs|js|css|html|json|md|sh|ya?ml|txt|service|conf|svg)$|^[^.]+$/.test(path),
  );
  const machinePath = new RegExp(['/wo' + 'rk/', '/home/\\w+/', '/Users/\\w+/', '/tmp/(?:h-|brief)'].join('|'));
  t.same(
    textual.filter((path) => machinePath.test(read(path))),
    [],
    'no paths of one machine',
  );
});

test('tests that cannot fail, and tests left alone', async (t) => {
  for (const path of SOURCES.filter((file) => file.endsWith('.test.ts') && file !== 'test/conventions.test.ts')) {
    t.notMatch(read(path), /\b(?:test|t\.test)\.only\(|\bonly: true\b/, `${path} runs all of its tests`);
  }
});
