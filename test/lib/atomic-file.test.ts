import { spawn } from 'node:child_process';
import { mkdtempSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { extname, join } from 'node:path';
import { test } from 'tap';
import { removeLeftovers, writeFileAtomic } from '../../daemon/lib/atomic-file.ts';

test('a file is replaced whole', async (t) => {
  const folder = mkdtempSync(join(tmpdir(), 'vedette-atomic-'));
  t.teardown(() => rmSync(folder, { recursive: true }));
  const path = join(folder, 'state.json');
  await writeFileAtomic(path, 'first');
  t.equal(readFileSync(path, 'utf8'), 'first');
  t.equal(statSync(path).mode & 0o777, 0o600, 'for nobody else by default');
  await writeFileAtomic(path, Buffer.from('second'), { mode: 0o644 });
  t.equal(readFileSync(path, 'utf8'), 'second');
  t.equal(statSync(path).mode & 0o777, 0o644);
  const { ino } = statSync(path);
  await Promise.all(Array.from({ length: 20 }, (_, i) => writeFileAtomic(path, String(i).repeat(50_000))));
  t.match(readFileSync(path, 'utf8'), /^(\d{1,2})\1{49999}$/, 'writers at the same time do not mix');
  t.not(statSync(path).ino, ino, 'a reader that has the old one open keeps it');
  t.same(readdirSync(folder), ['state.json'], 'nothing is left beside it');
});

test('a failure leaves the old content and nothing else', async (t) => {
  const folder = mkdtempSync(join(tmpdir(), 'vedette-atomic-'));
  t.teardown(() => rmSync(folder, { recursive: true }));
  writeFileSync(join(folder, 'not-a-folder'), 'old');
  await t.rejects(writeFileAtomic(join(folder, 'not-a-folder', 'x'), 'new'), { code: 'ENOTDIR' });
  await t.rejects(writeFileAtomic(join(folder, 'missing', 'x'), 'new'), { code: 'ENOENT' });
  await t.rejects(writeFileAtomic(folder, 'new'), 'a directory cannot be replaced');
  t.equal(readFileSync(join(folder, 'not-a-folder'), 'utf8'), 'old');
  t.same(readdirSync(folder), ['not-a-folder']);
});

test('what a killed writer left is removed, and nothing else', async (t) => {
  const folder = mkdtempSync(join(tmpdir(), 'vedette-atomic-'));
  t.teardown(() => rmSync(folder, { recursive: true }));
  const others = ['.other.json.0d8cccebf532.tmp', '.state.json', 'state.json', 'state.json.tmp'];
  for (const name of [...others, '.state.json.0d8cccebf532.tmp']) writeFileSync(join(folder, name), name);
  await removeLeftovers(join(folder, 'state.json'));
  t.same(readdirSync(folder).sort(), others);
  await removeLeftovers(join(folder, 'missing', 'state.json'));
});

test('a kill at any moment leaves the old content or the new one, whole', async (t) => {
  const directory = mkdtempSync(join(tmpdir(), 'vedette-atomic-'));
  t.teardown(() => rmSync(directory, { recursive: true }));
  const path = join(directory, 'state');
  const module = new URL(`../../daemon/lib/atomic-file${extname(import.meta.url)}`, import.meta.url);
  const script = join(directory, 'writer.mjs');
  writeFileSync(
    script,
    `import { writeFileAtomic } from '${module}';
for (let i = 0; ; i++) { await writeFileAtomic('${path}', String(i % 10).repeat(200_000)); process.stdout.write('.'); }`,
  );
  for (let round = 0; round < 5; round++) {
    const writer = spawn(process.execPath, [script], { stdio: ['ignore', 'pipe', 'inherit'] });
    const exited = new Promise((resolve) => writer.once('exit', resolve));
    await new Promise((resolve) => writer.stdout.once('data', resolve));
    await new Promise((resolve) => setTimeout(resolve, round * 7));
    writer.kill('SIGKILL');
    await exited;
    t.match(readFileSync(path, 'utf8'), /^(\d)\1{199999}$/, `round ${round}`);
  }
});
