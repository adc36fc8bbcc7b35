import { test } from 'tap';
import { LossMeter } from '../../daemon/rtp/loss-meter.ts';

const REPORT = { type: 'report', ssrc: 1, jitter: 0, lastSenderReport: 0, delaySinceLastSenderReport: 0 } as const;

test('the loss between reports that are far enough apart', async (t) => {
  const meter = new LossMeter();
  const report = (at: number, highestSequence: number, packetsLost: number, fractionLost = 0): number | undefined => {
    meter.report({ ...REPORT, fractionLost, packetsLost, highestSequence }, at);
    return meter.fraction;
  };
  t.equal(meter.fraction, undefined);
  t.equal(report(0, 1000, 5, 0.5), 0.5, 'of the first one its own word');
  t.equal(report(100, 1010, 7), 0.5, 'too soon');
  t.equal(report(1000, 1100, 15), 0.1, '10 of 100');
  t.equal(report(6000, 1600, 40), 0.05, 'five seconds later: 25 of 500');
  t.equal(report(7000, 1700, 30), 0, 'what came late is taken back');
  t.equal(report(8000, 1700, 30), 0, 'nothing was expected');
  t.equal(report(9000, 1800, 500), 1, 'nobody loses more than all');
  t.equal(report(10_000, 5, 0), 1, 'begun anew');
  t.equal(report(11_000, 105, 25), 0.25);
  t.equal(report(12_000, 2 ** 32 - 50, 25), 0.25);
  t.equal(report(13_000, 50, 35), 0.1, 'over the end of the numbers');
});
