import type { Test } from 'tap';
import type { Transport } from '../../daemon/control/command.ts';
import { Controller } from '../../daemon/control/controller.ts';
import { CONTROL_ERROR_CODES, type SessionReport } from '../../daemon/control/gateway-port.ts';
import { FakeGateway } from './fake-gateway.ts';
import { hostileRequest } from './hostile-requests.ts';
import { ManualClock } from './manual-clock.ts';
import { TRUSTING } from './mqtt-settings.ts';
import { type LogEntry, recordingLog } from './recording-log.ts';
import { SeededRandom } from './seeded-random.ts';

/** What the gateway behind the control room may have been asked, whatever came in. */
const EXPECTED = [
  /^(start|stop|restart|keyframe) camera$/,
  /^enabled camera (true|false)$/,
  /^encoding camera \{("(rid|maxBitrate|maxFramerate|scaleResolutionDownBy)":("[A-Za-z0-9_-]{1,16}"|\d+(\.\d+)?),?)+\}$/,
  /^controls \{("(brightness|power_line_frequency)":\d{1,3},?)*\}$/,
  /^constrain camera \{.*\}$/,
  /^(rescan|restart)$/,
  /^offer [a-z0-9][a-z0-9_-]* video,audio$/,
  /^(candidate|close) /,
  // Checked by the configuration itself.
  /^(config|confirm) /,
];
/** Milliseconds that a request may take while nothing else runs. */
const SLOW = 50;

/** Hostile requests, one after the other: each gets one answer of the closed set, and nothing unexpected passes. */
export async function fuzzControl(t: Test, count: number): Promise<void> {
  const random = new SeededRandom();
  const gateway = new FakeGateway('camera');
  const clock = new ManualClock();
  const log: LogEntry[] = [];
  const controller = new Controller({ gateway, rights: TRUSTING, clock, log: recordingLog(log) });
  t.teardown(() => controller.stop());
  const transport: Transport = {
    logTopic: 'log',
    publishLogLine: () => undefined,
    publishSnapshot: async (name) => `snapshot of ${name}`,
  };
  const [viewer] = gateway.sessions.list() as [SessionReport];
  const codes: Record<string, number> = {};
  const strange = new Set<string>();
  let slowest = 0;
  for (let i = 0; i < count; i++) {
    const request = hostileRequest(random);
    clock.advance(60);
    const begin = performance.now();
    const { answer } = await controller.execute({ ...request, sender: 'mqtt', retained: false }, transport);
    slowest = Math.max(slowest, performance.now() - begin);
    const code = answer.status === 'ok' ? 'ok' : answer.error.code;
    codes[code] = (codes[code] ?? 0) + 1;
    if (code === 'internal') strange.add(`internal: ${request.command} ${request.payload.toString().slice(0, 300)}`);
    for (const call of gateway.calls.splice(0))
      if (!EXPECTED.some((expected) => expected.test(call))) strange.add(call);
    log.length = 0;
    // What good requests did is undone, so that the next ones find something.
    if (!gateway.viewers.has('s1')) gateway.viewers.set('s1', viewer);
  }
  t.comment(`SEED=${random.seed}: ${JSON.stringify(codes)}, slowest ${slowest.toFixed(1)} ms`);
  t.same(strange, new Set());
  const known: readonly string[] = ['ok', ...CONTROL_ERROR_CODES];
  t.ok(Object.keys(codes).every((code) => known.includes(code)));
  t.ok((codes.ok ?? 0) > count / 20, 'good ones are among them');
  t.notOk('busy' in codes, 'nothing is left under way');
  t.equal(({} as Record<string, unknown>).x, undefined, 'no prototype was touched');
  t.ok(slowest < SLOW * 20, `no request took long: ${slowest} ms`);
}
