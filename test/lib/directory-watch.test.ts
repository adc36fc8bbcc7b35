import { mkdirSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { test } from 'tap';
import { DirectoryWatch } from '../../daemon/lib/directory-watch.ts';

test('directories that are there, that come, and that come again', async (t) => {
  const root = t.testdir({ there: {} });
  const [there, later] = [join(root, 'there'), join(root, 'later')];
  const seen: string[] = [];
  const watch = new DirectoryWatch([there, later], (directory, name) => seen.push(join(directory, name ?? '')));
  t.teardown(() => watch.stop());
  const shows = async (file: string): Promise<void> => {
    writeFileSync(file, '');
    for (let tries = 0; tries < 500 && !seen.includes(file); tries++) await delay(10);
    t.ok(seen.includes(file), file);
    seen.length = 0;
  };
  watch.refresh();
  await shows(join(there, 'a'));
  mkdirSync(later);
  watch.refresh();
  await shows(join(later, 'b'));
  rmSync(later, { recursive: true });
  for (let tries = 0; tries < 500 && seen.length === 0; tries++) await delay(10);
  await delay(50);
  mkdirSync(later);
  watch.refresh();
  await shows(join(later, 'c'));
  watch.stop();
  writeFileSync(join(there, 'd'), '');
  await delay(50);
  t.same(seen, []);
});
