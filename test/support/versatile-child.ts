/** A child module for the tests of lib/child.ts and lib/supervisor.ts: does what its messages say. */
import { createReadStream, createWriteStream } from 'node:fs';
import { childLog } from '../../daemon/lib/child.ts';

export type VersatileCommand =
  | { do: 'echo'; value: unknown }
  | { do: 'log' }
  | { do: 'write'; descriptor: number; bytes: Uint8Array }
  | { do: 'copy'; from: number; to: number }
  | { do: 'ignore-sigterm' }
  | { do: 'heartbeat'; every: number }
  | { do: 'environment'; name: string }
  | { do: 'exit'; code: number }
  | { do: 'throw' };

const reply = (message: unknown): void => {
  process.send?.(message);
};

process.on('message', (command: VersatileCommand) => {
  switch (command.do) {
    case 'echo':
      reply(command.value);
      break;
    case 'log': {
      const log = childLog({ room: 'test' });
      log.info({ count: 3 }, 'a line of ours');
      log
        .child({ deeper: true })
        .error({ err: new Error('cause'), level: 'debug', message: 'not this one' }, 'it failed');
      process.stderr.write('a line of a native library\n');
      process.stderr.write('{"not": "ours"}\n{"broken\n\n');
      process.stderr.write(`${'x'.repeat(5000)}\n`);
      reply('logged');
      break;
    }
    case 'write':
      createWriteStream('', { fd: command.descriptor, autoClose: false }).write(command.bytes, () => reply('written'));
      break;
    case 'copy':
      createReadStream('', { fd: command.from }).pipe(createWriteStream('', { fd: command.to }));
      reply('copying');
      break;
    case 'ignore-sigterm':
      process.on('SIGTERM', () => reply('SIGTERM ignored'));
      reply('ignoring');
      break;
    case 'heartbeat':
      setInterval(() => reply('beat'), command.every);
      break;
    case 'environment':
      reply(process.env[command.name]);
      break;
    case 'exit':
      process.exit(command.code);
      break;
    case 'throw':
      throw new Error('thrown in the child');
    default:
      command satisfies never;
  }
});
process.on('disconnect', () => process.exit(0));
reply('ready');
