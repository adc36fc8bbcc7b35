import { randomBytes } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import { writeFileAtomic } from './atomic-file.ts';

/** A random value that this installation keeps: read from the file, made with the first call. 128 bits in hexadecimal. */
export async function installationSecret(path: string): Promise<string> {
  try {
    const text = (await readFile(path, 'utf8')).trim();
    if (/^[0-9a-f]{32}$/.test(text)) return text;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ENOENT') throw error;
  }
  const secret = randomBytes(16).toString('hex');
  await writeFileAtomic(path, `${secret}\n`, { mode: 0o600 });
  return secret;
}
