import { AccessError } from '../access/access-error.ts';
import { readFirstLine } from '../lib/small-file.ts';
import type { Terminal } from './run-command.ts';

const MAX_BYTES = 4096;

/**
 * A password from the first line of a file, else from a terminal without echo and twice, else from the first line of standard input. Never
 * from an argument, which every process can read.
 * @throws AccessError `invalid_argument`, `unreadable_file`
 */
export async function readPassword(
  file: string | undefined,
  { stdin, stderr }: Pick<Terminal, 'stdin' | 'stderr'>,
): Promise<string> {
  if (file !== undefined) {
    return readFirstLine(file, MAX_BYTES).catch((error: Error) => {
      throw new AccessError('unreadable_file', `cannot read ${file}: ${error.message}`, { cause: error });
    });
  }
  if (!stdin.isTTY) return readLine(stdin);
  const password = await ask('Password: ', { stdin, stderr });
  if ((await ask('Again: ', { stdin, stderr })) === password) return password;
  throw new AccessError('invalid_argument', 'the passwords differ');
}

async function readLine(stdin: NodeJS.ReadStream): Promise<string> {
  let text = '';
  stdin.setEncoding('utf8');
  for await (const chunk of stdin) {
    text += chunk;
    if (text.includes('\n') || text.length > MAX_BYTES) break;
  }
  return text.split(/\r?\n/, 1)[0] ?? '';
}

/** Reads a line in raw mode: nothing is shown, and the line can be mended with backspace. */
async function ask(question: string, { stdin, stderr }: Pick<Terminal, 'stdin' | 'stderr'>): Promise<string> {
  stdin.setEncoding('utf8');
  // Before the question, so that nothing is shown of an answer that comes at once.
  stdin.setRawMode(true);
  stderr.write(question);
  stdin.resume();
  try {
    return await new Promise<string>((resolve, reject) => {
      let line = '';
      const onData = (text: string): void => {
        for (const [index, key] of [...text].entries()) {
          const done = key === '\r' || key === '\n';
          if (done || key === '\u0003' || key === '\u0004') {
            stdin.off('data', onData);
            stdin.unshift([...text].slice(index + 1).join(''));
            if (done) resolve(line);
            else reject(new AccessError('invalid_argument', 'no password was given'));
            return;
          }
          if (key === '\u007f' || key === '\b') line = [...line].slice(0, -1).join('');
          else line += key;
        }
      };
      stdin.on('data', onData);
    });
  } finally {
    stdin.setRawMode(false);
    stdin.pause();
    stderr.write('\n');
  }
}
