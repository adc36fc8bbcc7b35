import { execFileSync, spawnSync } from 'node:child_process';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { PassThrough } from 'node:stream';
import { type Test, test } from 'tap';
import { runCommandLine } from '../../daemon/cli/run-command.ts';
import { COMMANDS } from '../../daemon/control/commands.ts';

async function script(shell: string): Promise<string> {
  let out = '';
  const stdout = new PassThrough().on('data', (chunk) => (out += chunk));
  const outcome = await runCommandLine({ argv: ['completion', shell], version: '1.2.3', stdout });
  return 'exitCode' in outcome && outcome.exitCode === 0 ? out : '';
}

/** Command lines with the cursor at their end, and what the shell offers there. */
const CASES: readonly (readonly [words: readonly string[], offered: readonly string[]])[] = [
  [[''], ['completion', 'ctl', 'token', 'user']],
  [['ct'], ['ctl']],
  [['user', 'a'], ['add']],
  [
    ['completion', ''],
    ['bash', 'fish', 'zsh'],
  ],
  [['ctl', 'a'], ['all']],
  [
    ['ctl', 'porch', 'device/'],
    ['device/controls', 'device/list', 'device/rescan', 'device/set-controls'],
  ],
  [['ctl', 'all', 'wa'], ['watch']],
  [['ctl', '--broker', 'x', 'all', 'stream/g'], ['stream/get']],
  [
    ['ctl', 'all', 'stream/encoding', 'max'],
    ['maxBitrate=', 'maxFramerate='],
  ],
  [
    ['ctl', 'all', 'log/level', 'level'],
    ['level=debug', 'level=error', 'level=info', 'level=warn'],
  ],
  [['--mqtt-tls-c'], ['--mqtt-tls-ca-file', '--mqtt-tls-cert-file']],
  [['ctl', '--bro'], ['--broker']],
];

const installed = (shell: string): boolean => spawnSync(shell, ['-c', 'true']).status === 0;

function fileWith(t: Test, text: string): string {
  const path = join(t.testdir(), 'completion');
  writeFileSync(path, text);
  return path;
}

test('bash', async (t) => {
  const path = fileWith(t, await script('bash'));
  for (const [words, offered] of CASES) {
    const program = `source "$1"; shift; COMP_WORDS=(vedette "$@") COMP_CWORD=$#
      compopt() { :; }; _vedette; printf '%s\\n' "\${COMPREPLY[@]}"`;
    const output = execFileSync('bash', ['-c', program, 'bash', path, ...words], { encoding: 'utf8' });
    t.same(output.trim().split('\n').sort(), offered, words.join(' '));
  }
});

test('fish', { skip: !installed('fish') && 'fish is not installed' }, async (t) => {
  const path = fileWith(t, await script('fish'));
  for (const [words, offered] of CASES) {
    const program = `source ${path}; complete -C 'vedette ${words.join(' ')}'`;
    const output = execFileSync('fish', ['--no-config', '-c', program], { encoding: 'utf8' });
    const found = output
      .trim()
      .split('\n')
      .map((line) => line.split('\t')[0]);
    t.same(found.sort(), offered, words.join(' '));
  }
});

test('zsh', { skip: !installed('zsh') && 'zsh is not installed' }, async (t) => {
  const path = fileWith(t, await script('zsh'));
  t.equal(spawnSync('zsh', ['-n', path]).status, 0, 'it is a script');
  // _describe and compadd are what offers; here they tell.
  const program = `compdef() { :; }; source $1; shift
    _describe() { print -l \${choices%%:*} }; compadd() { shift; [[ $1 == '' ]] && shift; [[ $1 == -- ]] && shift; print -l -- $@ }
    words=("$@") CURRENT=$#; _vedette_words`;
  for (const [words, offered] of CASES.filter(([given]) => !given.some((word) => word.startsWith('-')))) {
    const output = execFileSync('zsh', ['-f', '-c', program, 'zsh', path, ...words], { encoding: 'utf8' });
    const last = words.at(-1) ?? '';
    const found = output
      .trim()
      .split('\n')
      .filter((word) => word.startsWith(last));
    t.same(found.sort(), offered, words.join(' '));
  }
});

test('every command of the table is in every script', async (t) => {
  for (const shell of ['bash', 'zsh', 'fish']) {
    const text = await script(shell);
    t.same(
      Object.keys(COMMANDS).filter((name) => !text.includes(name)),
      [],
      shell,
    );
  }
});
