import { open } from 'node:fs/promises';

/**
 * The text of a file that a person wrote.
 * @param limit bytes beyond which it is not read
 * @throws Error with a message for people
 */
export async function readSmallFile(path: string, limit: number): Promise<string> {
  const file = await open(path, 'r');
  try {
    const { size } = await file.stat();
    if (size > limit) throw new Error(`it is larger than ${limit} bytes`);
    return await file.readFile('utf8');
  } finally {
    await file.close();
  }
}

/** The first line of such a file, as passwords stand in them. */
export async function readFirstLine(path: string, limit: number): Promise<string> {
  return (await readSmallFile(path, limit)).split(/\r?\n/, 1)[0] ?? '';
}
