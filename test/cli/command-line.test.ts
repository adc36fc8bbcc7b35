import { spawn } from 'node:child_process';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { PassThrough } from 'node:stream';
import { type Test, test } from 'tap';
import { runCommandLine } from '../../daemon/cli/run-command.ts';

/** A state directory, and the command line in it; `input` is what standard input holds. */
async function commandLine(t: Test) {
  const cwd = await mkdtemp(join(tmpdir(), 'vedette-cli-'));
  t.teardown(() => rm(cwd, { recursive: true }));
  const run = async (argv: string[], input = '') => {
    const stdin = new PassThrough();
    stdin.end(input);
    let out = '';
    let err = '';
    const stdout = new PassThrough().on('data', (chunk) => (out += chunk));
    const stderr = new PassThrough().on('data', (chunk) => (err += chunk));
    const outcome = await runCommandLine({
      argv,
      version: '1.2.3',
      env: { STATE_DIRECTORY: cwd },
      cwd,
      stdin: stdin as unknown as NodeJS.ReadStream,
      stdout,
      stderr,
    });
    return { outcome, out, err, exitCode: 'exitCode' in outcome ? outcome.exitCode : undefined };
  };
  return { cwd, run, usersFile: join(cwd, 'users.yaml') };
}

test('the gateway is to run, with the configuration', async (t) => {
  const { run, cwd } = await commandLine(t);
  await writeFile(join(cwd, 'c.yaml'), 'http: {port: 8081}');
  const { outcome } = await run([
    '--config',
    'c.yaml',
    '--rtsp-port',
    '8555',
    '--set',
    'streams.camera.video.width=640',
  ]);
  t.match(outcome, {
    run: {
      config: {
        settings: { http: { port: 8081 }, rtsp: { port: 8555 }, streams: { camera: { video: { width: 640 } } } },
      },
    },
  });
});

test('--latency adds a stream to those that there are', async (t) => {
  const { run } = await commandLine(t);
  t.match((await run(['--latency'])).outcome, {
    run: { config: { settings: { streams: { camera: {}, latency: { video: { device: 'latency' }, audio: false } } } } },
  });
});

test('help, version and wrong arguments', async (t) => {
  const { run } = await commandLine(t);
  const version = await run(['--version']);
  t.match(version, { exitCode: 0, out: /^1\.2\.3\n$/, err: '' });
  t.match(await run(['--help']), { exitCode: 0, out: /--rtsp-port <value>/ });
  t.match(await run(['user', 'add', '--help']), { exitCode: 0, out: /--rights/ });
  const wrong = [
    ['--bogus'],
    ['bogus'],
    ['user'],
    ['user', 'add'],
    ['user', 'add', 'a', 'b'],
    ['--rtsp-port'],
    ['--set', 'x'],
  ];
  for (const argv of wrong) {
    const { exitCode, out, err } = await run(argv);
    t.equal(exitCode, 64, argv.join(' '));
    t.equal(out, '');
    t.not(err, '');
  }
});

test('a wrong configuration: exit code 78 for every command, with all that is wrong', async (t) => {
  const { run } = await commandLine(t);
  for (const command of [[], ['--check-config'], ['--print-config'], ['user', 'list']]) {
    const { exitCode, err } = await run([...command, '--rtsp-port', 'x', '--http-port', '-1']);
    t.equal(exitCode, 78);
    t.match(err, '--rtsp-port: /rtsp/port: "x" must be an integer from 0 to 65535\n');
    t.match(err, '/http/port: -1 must be an integer');
  }
  t.match(await run(['--check-config']), { exitCode: 0, out: 'The configuration is right.\n' });
  t.match(await run(['--print-config', '--rtsp-port', '8555']), { exitCode: 0, out: /port: 8555 {2}# flag/ });
});

test('users', async (t) => {
  const { run, usersFile, cwd } = await commandLine(t);
  t.match(await run(['user', 'list']), { exitCode: 0, out: '' });
  const added = await run(['user', 'add', 'ann'], 'correct horse\nand more\n');
  t.match(added, { exitCode: 0, out: /user ann added in .*users\.yaml\n.*next start/ });
  await writeFile(join(cwd, 'pw'), 'battery staple\n');
  const second = await run([
    'user',
    'add',
    'bob',
    '--password-file',
    join(cwd, 'pw'),
    '--rights',
    'view, snapshot',
    '--streams',
    'front,back',
  ]);
  t.equal(second.exitCode, 0);
  t.notMatch(second.out, 'next start', 'only the first one changes where we listen');
  t.equal((await run(['user', 'list'])).out, 'ann  view,listen,snapshot on *\nbob  view,snapshot on front,back\n');
  const before = await readFile(usersFile, 'utf8');
  t.notMatch(before, /horse|staple/);

  const wrong: [argv: string[], input: string, exitCode: number, err: RegExp][] = [
    [['user', 'add', 'ann'], 'correct horse\n', 1, /there is a user ann/],
    [['user', 'add', 'a/b'], 'correct horse\n', 64, /not a name/],
    [['user', 'add', 'eve'], 'short\n', 64, /8 to 1024/],
    [['user', 'add', 'eve'], '', 64, /8 to 1024/],
    [['user', 'add', 'eve', '--rights', 'look'], 'correct horse\n', 64, /not a right: view, listen/],
    [['user', 'add', 'eve', '--password-file', '/nonexistent'], '', 74, /cannot read/],
    [['user', 'passwd', 'eve'], 'correct horse\n', 1, /no user eve/],
    [['user', 'remove', 'eve'], '', 1, /no user eve/],
  ];
  for (const [argv, input, exitCode, err] of wrong)
    t.match(await run(argv, input), { exitCode, err, out: '' }, argv.join(' '));
  t.equal(await readFile(usersFile, 'utf8'), before);

  t.match(await run(['user', 'passwd', 'ann'], 'another horse\n'), { exitCode: 0 });
  t.not(await readFile(usersFile, 'utf8'), before);
  t.match(await run(['user', 'remove', 'bob']), { exitCode: 0 });
  t.equal((await run(['user', 'list'])).out, 'ann  view,listen,snapshot on *\n');
  await writeFile(usersFile, 'users: 5');
  t.match(await run(['user', 'list']), { exitCode: 78, err: /users\.yaml: \/users: must be a map/ });
});

test('tokens: standard output is the token and nothing else', async (t) => {
  const { run, usersFile } = await commandLine(t);
  const { out, err, exitCode } = await run(['token', 'add', 'wall', '--rights', 'view', '--expires', '2999-01-01']);
  t.equal(exitCode, 0);
  t.match(out, /^vedette_[\w-]{43}\n$/);
  t.match(err, /not shown again/);
  t.notMatch(await readFile(usersFile, 'utf8'), out.trim());
  t.equal((await run(['token', 'list'])).out, 'wall  2999-01-01T00:00:00.000Z  view on *\n');
  t.match(await run(['token', 'add', 'wall']), { exitCode: 1 });
  t.match(await run(['token', 'add', 'old', '--expires', '1999-01-01']), { exitCode: 64, err: /moment to come/ });
  t.match(await run(['token', 'remove', 'wall']), { exitCode: 0 });
  t.match(await run(['token', 'remove', 'wall']), { exitCode: 1 });
});

/** Runs a module on a terminal of its own, answers each prompt, and returns all that the terminal showed. */
async function onTerminal(
  t: Test,
  module: string,
  argv: string[],
  env: NodeJS.ProcessEnv,
  answers: string[],
): Promise<string> {
  const command = [process.execPath, module, ...argv].map((word) => `'${word}'`).join(' ');
  const child = spawn('script', ['-qec', command, '/dev/null'], { env: { ...process.env, ...env } });
  t.teardown(() => child.kill());
  let shown = '';
  let prompts = 0;
  child.stdout.on('data', (chunk) => {
    shown += chunk;
    const asked = shown.match(/(Password|Again): /g)?.length ?? 0;
    for (; prompts < asked; prompts++) child.stdin.write(answers[prompts] ?? '\u0003');
  });
  const code = await new Promise((resolve) => child.on('close', resolve));
  return `${shown}\nexit code ${code}`;
}

test('on a terminal the password is asked for twice, and not shown', async (t) => {
  const { cwd, run } = await commandLine(t);
  const url = import.meta
    .resolve('../../daemon/cli/run-command.js')
    .replace(/\.js$/, import.meta.url.endsWith('.ts') ? '.ts' : '.js');
  const module = join(cwd, 'vedette.mjs');
  await writeFile(
    module,
    `const { runCommandLine } = await import('${url}');
process.exitCode = (await runCommandLine({ argv: process.argv.slice(2), version: '1' })).exitCode;`,
  );
  const env = { STATE_DIRECTORY: cwd };
  const add = (user: string, answers: string[]) => onTerminal(t, module, ['user', 'add', user], env, answers);

  const shown = await add('ann', ['correcz\u007ft horse\r', 'correct horse\r']);
  t.match(shown, /user ann added/);
  t.match(shown, /exit code 0/);
  t.notMatch(shown, /horse/);
  t.match(await add('bob', ['correct horse\r', 'correct hose\r']), /the passwords differ[\s\S]*exit code 64/);
  t.match(await add('bob', ['corr\u0003']), /no password was given[\s\S]*exit code 64/);
  t.equal((await run(['user', 'list'])).out, 'ann  view,listen,snapshot on *\n');
});
