import { existsSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

/** The checkout, from dist/test as from test; where the tests were compiled elsewhere, the working directory. */
export function projectRoot(): string {
  for (let folder = dirname(fileURLToPath(import.meta.url)); folder !== '/'; folder = dirname(folder)) {
    if (existsSync(join(folder, 'biome.json'))) return folder;
  }
  return process.cwd();
}
