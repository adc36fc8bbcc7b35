import { spawnSync } from 'node:child_process';
import { cpSync, existsSync, mkdirSync, readFileSync, rmSync, statSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { type Test, test } from 'tap';
import { projectRoot } from '../support/project-root.ts';

const ROOT = projectRoot();

/** A project of two modules and a page, built by the real script. */
function project(t: Test): { path: (name: string) => string; build: () => ReturnType<typeof run> } {
  const folder = t.testdir({
    daemon: {
      'main.ts': "#!/usr/bin/env node\nimport { two } from './two.ts';\nexport const four = two + two;\n",
      'two.ts': 'export const two = 2;\n',
      http: { page: { 'page.css': 'body {}\n' } },
    },
  });
  for (const name of ['native-deps', 'tsconfig.program.json', 'package.json', 'package-lock.json']) {
    cpSync(join(ROOT, name), join(folder, name), { recursive: true });
  }
  // The project's own settings, without the types that take most of tsc's time.
  const settings = JSON.parse(readFileSync(join(ROOT, 'tsconfig.json'), 'utf8')) as { compilerOptions: object };
  const compilerOptions = { ...settings.compilerOptions, types: [] };
  writeFileSync(join(folder, 'tsconfig.json'), JSON.stringify({ ...settings, compilerOptions }));
  symlinkSync(join(ROOT, 'node_modules'), join(folder, 'node_modules'));
  return { path: (name) => join(folder, name), build: () => run(folder) };
}

function run(folder: string) {
  return spawnSync(process.execPath, [join(folder, 'native-deps/build.mjs')], { encoding: 'utf8' });
}

test('builds, and what is built is not built again', async (t) => {
  const { path, build } = project(t);
  t.equal(build().status, 0);
  t.ok(statSync(path('dist/daemon/main.js')).mode & 0o100, 'the program can be executed');
  t.equal(readFileSync(path('dist/daemon/http/page/page.css'), 'utf8'), 'body {}\n', 'the page goes along');
  const again = build();
  t.equal(again.status, 0);
  t.equal(again.stdout, '', 'nothing was done');
});

test('follows the sources', async (t) => {
  const { path, build } = project(t);
  build();
  writeFileSync(path('daemon/main.ts'), 'export const four = 4;\n');
  rmSync(path('daemon/two.ts'));
  rmSync(path('daemon/http/page/page.css'));
  t.equal(build().status, 0);
  t.match(readFileSync(path('dist/daemon/main.js'), 'utf8'), 'four = 4');
  for (const gone of ['two.js', 'two.d.ts', 'two.js.map', 'http/page/page.css']) {
    t.notOk(existsSync(path(`dist/daemon/${gone}`)), `${gone} is gone`);
  }
  rmSync(path('dist/daemon/main.js'));
  writeFileSync(path('daemon/three.ts'), 'export const three = 3;\n');
  t.equal(build().status, 0);
  t.ok(existsSync(path('dist/daemon/main.js')), 'an output that was lost comes back');
});

test('the program is built without its tests', async (t) => {
  const { path, build } = project(t);
  mkdirSync(path('test'));
  writeFileSync(path('test/wrong.test.ts'), "export const one: number = 'one';\n");
  const code = `import('${path('native-deps/build.mjs')}').then(({ build }) => build('program'))`;
  const program = () => spawnSync(process.execPath, ['-e', code], { encoding: 'utf8' });
  t.equal(program().status, 0);
  t.ok(existsSync(path('dist/daemon/main.js')));
  t.notOk(existsSync(path('dist/test')));
  t.equal(program().stdout, '', 'nothing was done the second time');
  writeFileSync(path('test/wrong.test.ts'), 'export const one = 1;\n');
  t.equal(build().status, 0);
  t.ok(existsSync(path('dist/test/wrong.test.js')));
  t.equal(program().stdout, '', 'everything includes the program');
});

test('a build that failed is told, and tried again', async (t) => {
  const { path, build } = project(t);
  writeFileSync(path('daemon/two.ts'), "export const two: number = 'two';\n");
  for (const attempt of ['first', 'second']) {
    const { status, stdout, stderr } = build();
    t.equal(status, 1, attempt);
    t.match(stdout, /daemon\/two\.ts.*TS2322/);
    t.match(stderr, /The build failed, see above\.\n$/);
  }
  writeFileSync(path('daemon/two.ts'), 'export const two = 2;\n');
  t.equal(build().status, 0);
});
