import { execFile } from 'node:child_process';
import { extname } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import type { Test } from 'tap';
import { CONTROL_ERROR_CODES } from '../../daemon/control/gateway-port.ts';
import { loaderOptions } from '../../daemon/lib/child.ts';
import { temporaryFolder } from './capture-test-source.ts';
import { SeededRandom } from './seeded-random.ts';

export interface FuzzReport {
  /** Answers by code; `ok` is one, too. */
  codes: Record<string, number>;
  /** What happened that must not. */
  strange: string[];
  /** Milliseconds of processor time that a request took at most. */
  slowest: number;
  /** Pipelines that workers were told to run. */
  launches: number;
  /** Changes of the configuration. */
  applied: number;
  /** How Node refused a program and a file elsewhere. */
  confined: string[];
}

/** Milliseconds of processor time that a request may take, collections of garbage included. */
const SLOW = 1000;

/**
 * Hostile requests, one after the other: each gets one answer of the closed set; no program runs, no file is written
 * but the gateway's own, no element comes into a pipeline that was not there before.
 */
export async function fuzzControl(t: Test, count: number): Promise<void> {
  const { seed } = new SeededRandom();
  const folder = await temporaryFolder(t);
  const script = new URL(`./control-fuzz-process${extname(import.meta.url)}`, import.meta.url);
  const { stdout } = await promisify(execFile)(process.execPath, [
    ...loaderOptions(process.execArgv),
    '--no-warnings',
    '--experimental-permission',
    '--allow-fs-read=*',
    `--allow-fs-write=${folder}/*`,
    fileURLToPath(script),
    String(count),
    folder,
    String(seed),
  ]);
  const { codes, strange, slowest, launches, applied, confined } = JSON.parse(stdout) as FuzzReport;
  t.comment(`SEED=${seed}: ${JSON.stringify(codes)}, slowest ${slowest.toFixed(1)} ms`);
  t.comment(`${applied} changes of the configuration, ${launches} pipelines`);
  t.same(strange, []);
  const known: readonly string[] = ['ok', ...CONTROL_ERROR_CODES];
  t.ok(Object.keys(codes).every((code) => known.includes(code)));
  t.ok((codes.ok ?? 0) > count / 20, 'good ones are among them');
  t.ok(launches > count / 500 && applied > count / 500, 'they reach pipelines and configuration');
  t.notOk('busy' in codes, 'nothing is left under way');
  t.same(confined, ['ERR_ACCESS_DENIED', 'ERR_ACCESS_DENIED']);
  t.ok(slowest < SLOW, `no request took long: ${slowest} ms`);
}
