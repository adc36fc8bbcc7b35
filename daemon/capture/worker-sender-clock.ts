import { ntpExtension, timestamp, timestampDistance } from '../rtp/packet.ts';
import type { TapPipeline } from './worker-taps.ts';

/** How often it is looked, in milliseconds: at first, for so long or until a sender report came, and then. */
const SEARCH_INTERVAL_MS = 250;
const SEARCH_MS = 10_000;
const LOOK_INTERVAL_MS = 1000;
/** A clock that has moved this far against the media's timestamps is looked at once more: single ones of those may be off. */
const MOVED_MS = 20;
/** Of `rtpgstpay`. */
const TICKS_PER_MS = 90;

/** Tells from time to time what has come of a network source, and what its clock showed then, once its sender reports do. */
export function watchSenderClock(pipeline: TapPipeline): void {
  const valve = pipeline.element('look');
  const sink = pipeline.element('seen') as { pull(received: (packet: Buffer | null) => void): void } | undefined;
  if (valve === undefined || sink === undefined) return;
  let last: number | undefined;
  let running = 0;
  let origin: number | undefined;
  const received = (packet: Buffer | null): void => {
    if (packet === null) return;
    const shown = ntpExtension(packet);
    // What the payloader says of formats has no times.
    if (shown === undefined) {
      sink.pull(received);
      return;
    }
    valve.drop = true;
    const ticks = timestamp(packet);
    running += last === undefined ? ticks : timestampDistance(ticks, last);
    last = ticks;
    const [known, time] = [!Number.isNaN(shown), running / TICKS_PER_MS];
    const moved = known && origin !== undefined && Math.abs(shown - time - origin) >= MOVED_MS;
    if (known) origin = shown - time;
    if (!moved) pipeline.report({ type: 'sender-time', running: time, shown: known ? shown : undefined });
    setTimeout(look, (known || time > SEARCH_MS) && !moved ? LOOK_INTERVAL_MS : SEARCH_INTERVAL_MS);
  };
  const look = (): void => {
    valve.drop = false;
    sink.pull(received);
  };
  look();
}
