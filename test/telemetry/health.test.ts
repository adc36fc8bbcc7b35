import { test } from 'tap';
import { Health } from '../../daemon/telemetry/health.ts';

test('one verdict', (t) => {
  const health = new Health();
  t.same(health.verdict(), { status: 'ok', components: [] });
  let broker: string | undefined = 'not connected';
  let rtsp: string | undefined;
  health.register('mqtt', () => broker);
  const remove = health.register('rtsp', () => rtsp, true);
  t.same(health.verdict(), {
    status: 'degraded',
    components: [
      { component: 'mqtt', ok: false, reason: 'not connected' },
      { component: 'rtsp', ok: true },
    ],
  });
  rtsp = 'does not listen';
  t.equal(health.verdict().status, 'failing');
  broker = undefined;
  t.equal(health.verdict().status, 'failing');
  remove();
  t.equal(health.verdict().status, 'ok');
  health.register('odd', () => {
    throw new Error('cannot look');
  });
  t.same(health.verdict().components.at(-1), { component: 'odd', ok: false, reason: 'cannot look' });
  t.end();
});
