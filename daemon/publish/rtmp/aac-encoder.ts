import { Child } from '../../lib/child.ts';
import type { Log } from '../../lib/log.ts';
import { AAC_ENCODERS, type AacEncoder } from './converter.ts';

/** The best AAC encoder that is installed; undefined, and a warning, where there is none. */
export async function findAacEncoder(log: Log): Promise<AacEncoder | undefined> {
  for (const encoder of AAC_ENCODERS) {
    const inspect = new Child<never, never>({
      run: { program: 'gst-inspect-1.0', args: ['--exists', encoder[0]] },
      name: 'gst-inspect-1.0',
      log,
    });
    if ((await inspect.exited).code === 0) return encoder;
  }
  const names = AAC_ENCODERS.map(([name]) => name);
  log.warn({ encoders: names }, 'no AAC encoder is installed: RTMP and HTTP-FLV have no sound');
  return undefined;
}
