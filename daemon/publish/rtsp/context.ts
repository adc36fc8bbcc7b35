import type { RtspSettings } from '../../../config/settings.ts';
import type { Access } from '../../access/access.ts';
import type { MediaClock } from '../../lib/clock.ts';
import type { Log } from '../../lib/log.ts';
import type { StreamDirectory, ViewerObserver } from '../viewer.ts';
import type { UdpPorts } from './udp-ports.ts';

/** What all connections of a server share. */
export interface RtspContext {
  readonly settings: RtspSettings;
  readonly streams: StreamDirectory;
  readonly access: Access;
  readonly viewers: ViewerObserver;
  readonly clock: MediaClock;
  readonly log: Log;
  /** Missing where UDP is switched off. */
  readonly udp: UdpPorts | undefined;
  /** How many sessions there are, over all connections. */
  readonly sessionCount: () => number;
  /** How long DESCRIBE waits for a stream's format, in milliseconds. */
  readonly formatTimeout: number;
}
