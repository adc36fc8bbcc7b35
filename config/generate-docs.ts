// Writes what is made from the schema, or with --check fails where it is stale. Run at the root of the project.
import { readFile, writeFile } from 'node:fs/promises';
import { configurationPage, exampleFile } from './docs.ts';

const FILES: readonly [path: string, content: () => string][] = [
  ['docs/configuration.md', configurationPage],
  ['config/vedette.example.yaml', exampleFile],
];

for (const [path, content] of FILES) {
  if (!process.argv.includes('--check')) {
    await writeFile(path, content());
  } else if ((await readFile(path, 'utf8').catch(() => '')) !== content()) {
    process.stderr.write(`${path} is stale: npm run docs\n`);
    process.exitCode = 1;
  }
}
