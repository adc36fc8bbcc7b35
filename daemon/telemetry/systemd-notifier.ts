import { type Clock, systemClock, type Timer } from '../lib/clock.ts';
import type { Log } from '../lib/log.ts';

export interface SystemdNotifierOptions {
  log: Log;
  /** Asked before every watchdog beat: whether the parts of the daemon progress. Without a beat systemd restarts us. */
  healthy: () => boolean;
  /** `NOTIFY_SOCKET`, `WATCHDOG_USEC` and `WATCHDOG_PID` are read (sd_notify(3), sd_watchdog_enabled(3)). */
  env?: Readonly<Record<string, string | undefined>>;
  clock?: Clock;
}

/** What we use of the optional package. */
interface DatagramSocket {
  sendTo(data: Buffer, offset: number, length: number, path: string, done: (error: Error | undefined) => void): void;
  on(event: 'error', listener: (error: Error) => void): unknown;
  close(): void;
}

/**
 * The daemon's side of sd_notify(3): tells systemd that we are ready, what we do, and that we live. Without
 * `NOTIFY_SOCKET` it does nothing. Beats come at half the watchdog's time, from a timer of this event loop, so a loop
 * that hangs beats no more.
 */
export class SystemdNotifier {
  readonly #log: Log;
  readonly #healthy: () => boolean;
  readonly #path: string | undefined;
  /** Milliseconds between beats; undefined: systemd expects none from this process. */
  readonly #beatInterval: number | undefined;
  readonly #clock: Clock;
  #socket: DatagramSocket | undefined;
  #timer: Timer | undefined;
  #wasHealthy = true;
  #stopped = false;

  constructor(options: SystemdNotifierOptions) {
    const { log, healthy, env = process.env, clock = systemClock } = options;
    this.#log = log;
    this.#healthy = healthy;
    this.#clock = clock;
    this.#path = env.NOTIFY_SOCKET || undefined;
    this.#beatInterval = beatInterval(env);
  }

  /** Opens the socket and begins to beat. */
  async start(): Promise<void> {
    if (this.#path === undefined || this.#socket !== undefined) return;
    if (!this.#path.startsWith('/')) {
      this.#log.warn(
        { socket: this.#path },
        'systemd is not notified: only a NOTIFY_SOCKET with a path can be reached',
      );
      return;
    }
    try {
      const { DgramSocket } = await import('node-unix-socket');
      const socket: DatagramSocket = new DgramSocket();
      socket.on('error', (error) => this.#log.warn({ err: error }, 'the socket to systemd failed'));
      this.#socket = socket;
    } catch (error) {
      this.#log.warn(
        { err: error },
        'systemd is not notified: the optional package node-unix-socket does not load; with Type=notify the unit would be stopped as not ready',
      );
      return;
    }
    this.#beat();
  }

  /** The listeners are up. A camera that is missing is no reason to wait: its stream says so itself. */
  ready(status?: string): Promise<void> {
    return this.#send('READY=1', ...statusLine(status));
  }

  /** One line for `systemctl status`. */
  status(status: string): Promise<void> {
    return this.#send(...statusLine(status));
  }

  /** The configuration is being loaded again; {@link ready} follows when it is done. */
  reloading(): Promise<void> {
    return this.#send('RELOADING=1', `MONOTONIC_USEC=${Math.round(this.#clock.now() * 1000)}`);
  }

  /** More time before systemd counts the current start, reload or stop as failed, in milliseconds. */
  extendTimeout(milliseconds: number): Promise<void> {
    return this.#send(`EXTEND_TIMEOUT_USEC=${Math.round(milliseconds * 1000)}`);
  }

  /** Shutting down has begun. Beats go on until {@link stop}. */
  stopping(): Promise<void> {
    return this.#send('STOPPING=1');
  }

  /** Ends the beats and closes the socket. Idempotent. */
  async stop(): Promise<void> {
    this.#stopped = true;
    this.#clock.clearTimeout(this.#timer);
    this.#socket?.close();
    this.#socket = undefined;
  }

  #beat(): void {
    if (this.#beatInterval === undefined || this.#stopped) return;
    const healthy = this.#healthy();
    if (healthy) void this.#send('WATCHDOG=1');
    else if (this.#wasHealthy)
      this.#log.error({}, 'a vital part does not progress: no more beats to the systemd watchdog');
    this.#wasHealthy = healthy;
    this.#timer = this.#clock.setTimeout(() => this.#beat(), this.#beatInterval);
    this.#timer.unref?.();
  }

  /** Never rejects: systemd's absence is not our failure. */
  #send(...lines: string[]): Promise<void> {
    const socket = this.#socket;
    const path = this.#path;
    if (socket === undefined || path === undefined || lines.length === 0) return Promise.resolve();
    const data = Buffer.from(lines.join('\n'));
    return new Promise((resolve) => {
      socket.sendTo(data, 0, data.length, path, (error) => {
        if (error !== undefined) this.#log.debug({ err: error }, 'systemd did not take a notification');
        resolve();
      });
    });
  }
}

function statusLine(status: string | undefined): string[] {
  // A line feed would begin another assignment.
  return status === undefined ? [] : [`STATUS=${status.replace(/[\r\n]+/g, ' ')}`];
}

function beatInterval(env: Readonly<Record<string, string | undefined>>): number | undefined {
  const timeout = Number(env.WATCHDOG_USEC);
  if (!Number.isFinite(timeout) || timeout <= 0) return undefined;
  const pid = env.WATCHDOG_PID;
  if (pid !== undefined && pid !== '' && Number(pid) !== process.pid) return undefined;
  return timeout / 1000 / 2;
}
