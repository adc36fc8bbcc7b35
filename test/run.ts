#!/usr/bin/env node
/**
 * Runs the compiled test files as production runs the code: plain Node, no loader, and no hooks in the daemons and
 * workers that they start. Arguments choose files by a part of their path; without any, all but the slow ones run.
 * The last line counts the tests: the outermost `test()` of each file, and a file that dies or hangs as a failed one.
 *
 * A file that fails beside others runs once more with nothing beside it, and that counts: a machine with two cores that
 * is busy with something else can be too slow for real players. It is named as unsteady all the same, and what it said
 * stays: several of those that we have followed up were defects of the gateway.
 */
import { type ChildProcess, spawn } from 'node:child_process';
import { readdirSync, readFileSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { Parser, type Result } from 'tap-parser';

const FOLDER = fileURLToPath(new URL('.', import.meta.url));
/** Files that only run when they are named. */
const SLOW = /\.slow\.test\.js$/;
/** Files that play to real players take long and measure time: two of them at once only when nothing else is left. */
const PLAYS = /^e2e\//;
/** How long one file may take, in seconds. */
const FILE_TIMEOUT = 180;
const SLOW_FILE_TIMEOUT = 1800;
/** How long the processes that a file started may outlive it, in milliseconds. */
const LEFTOVER_GRACE = 5000;
/** Lines of a failed file's output that are shown. */
const SHOWN = 300;
/** Where more files fail than this it is not the machine. */
const MOST_AGAIN = 3;

interface Outcome {
  path: string;
  passed: number;
  skipped: number;
  failed: number;
  /** In words: the assertions, and what is wrong with the file as a whole. */
  failures: string[];
}

const running = new Set<ChildProcess>();

function chosen(words: readonly string[]): string[] {
  const files = readdirSync(FOLDER, { recursive: true, encoding: 'utf8' })
    .filter((path) => path.endsWith('.test.js'))
    .sort();
  return words.length === 0
    ? files.filter((path) => !SLOW.test(path))
    : files.filter((path) => words.some((word) => path.includes(word)));
}

/** Runs one file in a process group of its own, so that what it leaves behind is found. */
async function run(path: string): Promise<Outcome> {
  const start = performance.now();
  const limit = SLOW.test(path) ? SLOW_FILE_TIMEOUT : FILE_TIMEOUT;
  const child = spawn(process.execPath, ['--enable-source-maps', FOLDER + path], {
    stdio: ['ignore', 'pipe', 'pipe'],
    env: { ...process.env, TAP: '1', TAP_TIMEOUT: String(limit - 10) },
    detached: true,
  });
  running.add(child);
  const results = new Parser();
  const failures = failuresOf(results);
  const output: Buffer[] = [];
  child.stdout.on('data', (chunk: Buffer) => output.push(chunk));
  child.stdout.pipe(results);
  child.stderr.on('data', (chunk: Buffer) => output.push(chunk));
  const problems: string[] = [];
  const deadline = setTimeout(() => {
    problems.push(`not done after ${limit} s`);
    kill(child);
  }, limit * 1000);
  // `exit`, not `close`: a process left behind may hold the pipes open.
  const code = await new Promise<number | string | null>((resolve) => {
    child.once('exit', (status, signal) => resolve(signal ?? status));
  });
  clearTimeout(deadline);
  const leftovers = await outliving(child.pid ?? 0);
  if (leftovers.length > 0) problems.push(`left processes behind: ${leftovers.join(', ')}`);
  kill(child);
  if (!child.stdout.readableEnded) await new Promise((resolve) => child.stdout.once('close', resolve));
  running.delete(child);
  const { pass, fail, skip, todo } = results;
  if (pass + fail === 0) problems.push('ran no test');
  if (code !== 0 && fail === 0) problems.push(`ended with ${code}`);
  const failed = fail + problems.length;
  const seconds = ((performance.now() - start) / 1000).toFixed(1);
  process.stdout.write(`${failed === 0 ? 'ok    ' : 'FAILED'} ${path} (${pass - skip - todo} passed, ${seconds} s)\n`);
  if (failed > 0) {
    const lines = Buffer.concat(output).toString().trimEnd().split('\n');
    const shown = lines.length > SHOWN ? [`... ${lines.length - SHOWN} lines before`, ...lines.slice(-SHOWN)] : lines;
    process.stdout.write(`${[...shown, ...problems].map((line) => `    ${line}`).join('\n')}\n`);
  }
  return { path, passed: pass - skip - todo, failed, skipped: skip + todo, failures: [...failures, ...problems] };
}

/** The innermost assertions that fail, each after the names of the tests that it is in; they come as they are parsed. */
function failuresOf(results: Parser): readonly string[] {
  const names: string[] = [];
  const follow = (parser: Parser): void => {
    parser.on('child', follow);
    parser.on('assert', ({ ok, skip, todo, fullname }: Result) => {
      if (ok || skip || todo) return;
      // A test fails after what failed in it.
      if (!names.some((name) => name.startsWith(`${fullname} > `))) names.push(fullname);
    });
  };
  follow(results);
  return names;
}

/** Commands of the processes of a group that are still there after the grace. */
async function outliving(group: number): Promise<string[]> {
  const end = performance.now() + LEFTOVER_GRACE;
  for (;;) {
    const alive = members(group);
    if (alive.length === 0 || performance.now() > end) return alive;
    await sleep(100);
  }
}

function members(group: number): string[] {
  return readdirSync('/proc')
    .filter((name) => /^\d+$/.test(name))
    .flatMap((pid) => {
      try {
        // proc(5): pid (comm) state ppid pgrp ...; comm may hold spaces and parentheses.
        const stat = readFileSync(`/proc/${pid}/stat`, 'utf8');
        const [state, , pgrp] = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
        if (Number(pgrp) !== group || state === 'Z' || state === 'X') return [];
        return [stat.slice(0, stat.lastIndexOf(')') + 1)];
      } catch {
        return [];
      }
    });
}

function kill(child: ChildProcess): void {
  try {
    if (child.pid !== undefined) process.kill(-child.pid, 'SIGKILL');
  } catch {
    // Nobody of the group is left.
  }
}

/** Runs what a queue holds, one file after the other; queues may share files, and each runs once. */
async function runLane(...queues: string[][]): Promise<Outcome[]> {
  const outcomes: Outcome[] = [];
  for (const queue of queues)
    for (let path = queue.shift(); path !== undefined; path = queue.shift()) outcomes.push(await run(path));
  return outcomes;
}

for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) {
  process.once(signal, () => {
    for (const child of running) kill(child);
    process.exit(130);
  });
}

const files = chosen(process.argv.slice(2));
const [players, others] = [files.filter((path) => PLAYS.test(path)), files.filter((path) => !PLAYS.test(path))];
const first = (await Promise.all([runLane(players, others), runLane(others, players)])).flat();
const broken = first.filter(({ failed }) => failed > 0);
const again = files.length > 1 && broken.length <= MOST_AGAIN ? await runLane(broken.map(({ path }) => path)) : [];
const outcomes = first.map((outcome) => again.find(({ path }) => path === outcome.path) ?? outcome);
for (const { path, failures } of broken) {
  const still = outcomes.some((outcome) => outcome.path === path && outcome.failed > 0);
  process.stdout.write(`${still ? 'FAILED' : 'UNSTEADY, passed alone:'} ${path}: ${failures.join('; ')}\n`);
}
const sum = (key: 'passed' | 'failed' | 'skipped'): number =>
  outcomes.reduce((total, outcome) => total + outcome[key], 0);
const skipped = sum('skipped') > 0 ? `, ${sum('skipped')} skipped` : '';
process.stdout.write(`\n${sum('passed')} passed, ${sum('failed')} failed${skipped}\n`);
process.exitCode = sum('failed') === 0 && sum('passed') > 0 ? 0 : 1;
