import { writeFile } from 'node:fs/promises';
import type { Answer } from '../../control/controller.ts';
import type { Terminal } from '../run-command.ts';
import { CtlError } from './exit-codes.ts';
import type { Fleet } from './fleet.ts';

/** Milliseconds that the picture may come later than the answer. */
const PICTURE_LATE = 5000;

/**
 * Takes a picture and brings it here.
 * @param limit milliseconds
 * @returns what the gateway answered; undefined where it did not
 * @throws CtlError `cannotCreate`
 */
export async function takeSnapshot(
  fleet: Fleet,
  id: string,
  request: { stream: string; file: string; limit: number },
  { stdout, stderr }: Terminal,
): Promise<Answer | undefined> {
  const { stream, file, limit } = request;
  const topic = fleet.topics(id).stream(stream).snapshot;
  let newest: Buffer | undefined;
  let came = (_size: number): void => undefined;
  await fleet.follow([topic], (message) => {
    if (message.topic !== topic) return;
    newest = message.payload;
    came(newest.length);
  });
  const answer = await fleet.ask(id, 'stream/snapshot', { name: stream }, limit);
  if (answer?.status !== 'ok') return answer;
  const { size, width, height } = answer.data as Record<string, number>;
  // Others may come on the topic, too: from time to time, and for others.
  if (newest?.length !== size) {
    await new Promise<void>((resolve) => {
      const timer = setTimeout(resolve, PICTURE_LATE);
      came = (length) => {
        if (length !== size) return;
        clearTimeout(timer);
        resolve();
      };
    });
  }
  if (newest === undefined) {
    const message = `the picture did not come on ${topic}; may we read it there, and does the broker take ${size} bytes?`;
    return { status: 'error', error: { code: 'unavailable', message } };
  }
  if (file === '-') {
    stdout.write(newest);
    return answer;
  }
  await writeFile(file, newest).catch((error: Error) => {
    throw new CtlError('cannotCreate', `cannot write ${file}: ${error.message}`, { cause: error });
  });
  stderr.write(`${file}: ${width}x${height}, ${newest.length} bytes\n`);
  return answer;
}
