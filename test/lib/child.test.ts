import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { extname } from 'node:path';
import { text } from 'node:stream/consumers';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { type Test, test } from 'tap';
import { Child, type ChildOptions, loaderOptions } from '../../daemon/lib/child.ts';
import { silentLog } from '../../daemon/lib/log.ts';
import { until } from '../support/player.ts';
import { type LogEntry, recordingLog } from '../support/recording-log.ts';
import type { VersatileCommand } from '../support/versatile-child.ts';

const MODULE = new URL(`../support/versatile-child${extname(import.meta.url)}`, import.meta.url);

/** Whether the process is there and no zombie: not every init of a container reaps what falls to it. */
function runs(pid: number): boolean {
  try {
    return !/\) Z /.test(readFileSync(`/proc/${pid}/stat`, 'utf8'));
  } catch {
    return false;
  }
}

type TestChild = Child<VersatileCommand, unknown>;

function fork(t: Test, options: Partial<ChildOptions> = {}): TestChild {
  const child: TestChild = new Child({ run: { module: MODULE }, name: 'versatile', log: silentLog, ...options });
  t.teardown(() => child.kill());
  return child;
}

const program = (t: Test, file: string, args: string[], options: Partial<ChildOptions> = {}): Child<never, never> => {
  const child: Child<never, never> = new Child({
    run: { program: file, args },
    name: file,
    log: silentLog,
    ...options,
  });
  t.teardown(() => child.kill());
  return child;
};

/** The next message of the child. */
const message = (child: TestChild): Promise<unknown> =>
  new Promise((resolve) => {
    child.onMessage(resolve);
  });

async function ask(child: TestChild, command: VersatileCommand): Promise<unknown> {
  const answer = message(child);
  if (!child.send(command)) throw new Error('the child is gone');
  return answer;
}

test('messages are structured clones', async (t) => {
  const child = fork(t, { env: { VEDETTE_TEST: 'from the parent' } });
  t.equal(await message(child), 'ready');
  t.ok(child.running);
  t.type(child.pid, 'number');
  const value = {
    bytes: new Uint8Array([1, 2, 255]),
    when: new Date(5),
    map: new Map([['a', 1n]]),
    nothing: undefined,
  };
  t.same(await ask(child, { do: 'echo', value }), value);
  const buffer = Buffer.alloc(300_000, 7);
  t.ok(buffer.equals((await ask(child, { do: 'echo', value: buffer })) as Buffer), 'a large one');
  t.equal(await ask(child, { do: 'environment', name: 'VEDETTE_TEST' }), 'from the parent');
  t.equal(await ask(child, { do: 'environment', name: 'PATH' }), process.env.PATH, 'over our own environment');
});

test('many messages at once are all taken', async (t) => {
  const child = fork(t);
  await message(child);
  let echoes = 0;
  const all = new Promise<void>((resolve) => {
    child.onMessage(() => {
      echoes += 1;
      if (echoes === 200) resolve();
    });
  });
  const value = Buffer.alloc(20_000);
  for (let i = 0; i < 200; i++) if (!child.send({ do: 'echo', value })) t.fail(`message ${i} was refused`);
  await all;
  t.equal(echoes, 200);
});

test('pipes of a module begin at descriptor 4, those of a program at 3', async (t) => {
  const child = fork(t, { pipes: 2 });
  await message(child);
  t.equal(child.pipes.length, 2);
  const [first, second] = child.pipes;
  if (first === undefined || second === undefined) throw new Error('no pipes');
  const bytes = Buffer.from('through descriptor 5');
  const received = once(second, 'data');
  await ask(child, { do: 'write', descriptor: 5, bytes });
  t.same((await received)[0], bytes);
  await ask(child, { do: 'copy', from: 4, to: 5 });
  const copied = once(second, 'data');
  first.write('into 4, out of 5');
  t.equal(String((await copied)[0]), 'into 4, out of 5');

  const shell = program(t, 'sh', ['-c', 'printf out >&4; cat <&3 >&4'], { pipes: 2 });
  const [input, output] = shell.pipes;
  input?.end(' and in');
  t.equal(output === undefined ? undefined : await text(output), 'out and in');
  t.same(await shell.exited, { asked: false, killed: false, code: 0, signal: null });
});

test('arguments of a program never meet a shell', async (t) => {
  const echo = program(t, 'sh', ['-c', 'printf "%s" "$1" >&3', 'sh', '$(id); `id` "\' &'], { pipes: 1 });
  t.equal(await text(echo.pipes[0] as NodeJS.ReadableStream), '$(id); `id` "\' &');
});

test('writing to a child that has gone is no error', async (t) => {
  const entries: LogEntry[] = [];
  const child = program(t, 'true', [], { pipes: 1, log: recordingLog(entries) });
  await child.exited;
  for (let i = 0; i < 10; i++) {
    child.pipes[0]?.write(Buffer.alloc(100_000));
    await sleep(5);
  }
  t.notOk(entries.some(({ level }) => level === 'error' || level === 'warn'));
});

test('standard error becomes log lines', async (t) => {
  const entries: LogEntry[] = [];
  const child = fork(t, { log: recordingLog(entries, { room: 'parent' }) });
  await message(child);
  await ask(child, { do: 'log' });
  while (entries.length < 6) await sleep(10);
  const [info, error, native, foreign, broken, long] = entries as [
    LogEntry,
    LogEntry,
    LogEntry,
    LogEntry,
    LogEntry,
    LogEntry,
  ];
  t.match(info, {
    level: 'info',
    message: 'a line of ours',
    fields: { room: 'test', count: 3, child: 'versatile', pid: child.pid },
  });
  t.match(error, { level: 'error', message: 'it failed', fields: { deeper: true, err: /^Error: cause\n +at / } });
  t.match(native, { level: 'warn', message: 'a line of a native library', fields: { child: 'versatile' } });
  t.match(foreign, { level: 'warn', message: '{"not": "ours"}' }, 'JSON of somebody else');
  t.match(broken, { level: 'warn', message: '{"broken' });
  t.equal(long.message.length, 2000, 'a line is cut, an empty one left out');
});

test('lines of native code are taken by who knows them, and not logged then', async (t) => {
  const entries: LogEntry[] = [];
  const seen: string[] = [];
  const take = (line: string): boolean => seen.push(line.slice(0, 20)) > 0 && line.startsWith('a line');
  const child = fork(t, { log: recordingLog(entries), take });
  await message(child);
  await ask(child, { do: 'log' });
  while (entries.length < 5) await sleep(10);
  t.same(seen, ['a line of a native l', '{"not": "ours"}', '{"broken', 'x'.repeat(20)], 'not those of our log');
  t.notOk(entries.some((entry) => entry.message.startsWith('a line of a native')));
});

test('an uncaught error of the child is in the log', async (t) => {
  const entries: LogEntry[] = [];
  const child = fork(t, { log: recordingLog(entries) });
  await message(child);
  child.send({ do: 'throw' });
  t.match(await child.exited, { asked: false, code: 1, signal: null });
  t.ok(entries.some((entry) => entry.message.includes('thrown in the child')));
});

test('death and an end that was asked for', async (t) => {
  const dead = fork(t);
  await message(dead);
  dead.send({ do: 'exit', code: 78 });
  t.same(await dead.exited, { asked: false, killed: false, code: 78, signal: null }, 'it left by itself');
  t.equal(dead.running, false);
  t.equal(dead.send({ do: 'echo', value: 1 }), false, 'nobody takes messages');
  t.same(
    await dead.stop(),
    { asked: false, killed: false, code: 78, signal: null },
    'stop() afterwards tells the same',
  );

  const killed = fork(t);
  await message(killed);
  process.kill(killed.pid as number, 'SIGKILL');
  t.same(await killed.exited, { asked: false, killed: false, code: null, signal: 'SIGKILL' }, 'somebody killed it');

  const hung = fork(t);
  await message(hung);
  hung.kill(false);
  t.same(
    await hung.exited,
    { asked: false, killed: true, code: null, signal: 'SIGKILL' },
    'we killed it, and it counts as death',
  );

  const stopped = fork(t);
  await message(stopped);
  t.same(await stopped.stop(), { asked: true, killed: false, code: null, signal: 'SIGTERM' });

  const told = fork(t);
  await message(told);
  const [first, second] = await Promise.all([told.stop({ do: 'exit', code: 3 }), told.stop()]);
  t.same(first, { asked: true, killed: false, code: 3, signal: null }, 'by a message');
  t.same(second, first, 'stop() is idempotent and waits');

  const atOnce = fork(t);
  t.match(await atOnce.stop(), { asked: true }, 'before it has said anything');
});

test('SIGKILL after the deadline', async (t) => {
  const deaf = fork(t, { stopDeadline: 300 });
  await message(deaf);
  await ask(deaf, { do: 'ignore-sigterm' });
  const before = performance.now();
  const ignored = message(deaf);
  const ending = deaf.stop();
  t.equal(await ignored, 'SIGTERM ignored', 'it was asked kindly');
  t.same(await ending, { asked: true, killed: false, code: null, signal: 'SIGKILL' });
  t.ok(performance.now() - before >= 290, 'and had its time');

  const frozen = fork(t, { stopDeadline: 200 });
  await message(frozen);
  process.kill(frozen.pid as number, 'SIGSTOP');
  t.same(
    await frozen.stop({ do: 'exit', code: 0 }),
    { asked: true, killed: false, code: null, signal: 'SIGKILL' },
    'a stopped one',
  );
});

test('a program that is not there', async (t) => {
  const entries: LogEntry[] = [];
  const child = program(t, 'vedette-no-such-program', [], { pipes: 1, log: recordingLog(entries) });
  const exit = { asked: false, killed: false, code: 127, signal: null };
  t.same(await child.exited, exit);
  t.equal(child.running, false);
  t.match(entries, [{ level: 'warn', message: /vedette-no-such-program/ }]);
  t.same(await child.stop(), exit);
  child.kill();
});

test('a program ends with its parent, however that ended', async (t) => {
  const parent = spawn(process.execPath, [fileURLToPath(new URL('../support/program-parent.js', import.meta.url))]);
  t.teardown(() => parent.kill('SIGKILL'));
  const [text] = (await once(parent.stdout, 'data')) as [Buffer];
  const pid = Number(text);
  t.ok(runs(pid));
  parent.kill('SIGKILL');
  t.ok(await until(() => !runs(pid)));
});

test('options of Node that a child inherits', async (t) => {
  const table: [given: string[], kept: string[]][] = [
    [[], []],
    [['--input-type=module', '--eval', 'fork()'], []],
    [['-e', 'fork()'], []],
    [['--inspect-brk=0', '--watch', '--test', '--max-old-space-size=100'], []],
    [
      ['--import', 'tsx', '--eval', 'x'],
      ['--import', 'tsx'],
    ],
    [
      ['--import=tsx', '--require=./a.cjs', '-r', './b.cjs'],
      ['--import=tsx', '--require=./a.cjs', '-r', './b.cjs'],
    ],
    [
      ['--enable-source-maps', '--conditions', 'dev', '--loader', './l.mjs'],
      ['--enable-source-maps', '--conditions', 'dev', '--loader', './l.mjs'],
    ],
  ];
  for (const [given, kept] of table) t.same(loaderOptions(given), kept, given.join(' '));
});
