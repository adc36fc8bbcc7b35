import { NTP_UNIX_SECONDS, payloadOffset, timestampDistance } from '../../daemon/rtp/packet.ts';
import { RtspClient } from './rtsp-client.ts';

/** A packet of video as it came in. */
export interface Arrival {
  /** `performance.now()`. */
  at: number;
  timestamp: number;
  marker: boolean;
  idr: boolean;
  /** The end of its payload: what a picture is known by that goes out as it came in. */
  tail: string;
}

/** What a sender report says of the clocks (RFC 3550, 6.4.1). */
export interface ClockReport {
  /** Unix milliseconds. */
  wall: number;
  timestamp: number;
}

/** Plays the video of an RTSP URL over TCP and notes when each packet came. */
export class RtspViewer {
  readonly arrivals: Arrival[] = [];
  /** The newest one of the picture. */
  #report: ClockReport | undefined;
  readonly #client: RtspClient;
  readonly #packet: ((packet: Buffer) => void) | undefined;

  private constructor(client: RtspClient, packet: ((packet: Buffer) => void) | undefined) {
    this.#client = client;
    this.#packet = packet;
    // The client's own listener stands before this one and has taken the chunk apart.
    client.socket.on('data', () => this.#note());
  }

  /**
   * Connects and plays; resolves with the answer to PLAY.
   * @param packet takes each RTP packet of the picture, after its arrival was noted.
   */
  static async play(url: string, packet?: (packet: Buffer) => void): Promise<RtspViewer> {
    const { hostname, port } = new URL(url);
    const viewer = new RtspViewer(await RtspClient.connect(Number(port), hostname), packet);
    const client = viewer.#client;
    try {
      const description = await expectOk(client, 'DESCRIBE', url, { Accept: 'application/sdp' });
      const base = description.headers.get('content-base')?.[0] ?? `${url}/`;
      const control = /^m=video.*?^a=control:(\S+)/ms.exec(description.body)?.[1] ?? '';
      const track = new URL(control, base).href;
      const setup = await expectOk(client, 'SETUP', track, { Transport: 'RTP/AVP/TCP;unicast;interleaved=0-1' });
      const session = setup.headers.get('session')?.[0]?.split(';')[0] ?? '';
      await expectOk(client, 'PLAY', base, { Session: session });
    } catch (error) {
      client.close();
      throw error;
    }
    return viewer;
  }

  /** The first packet that `wanted` says yes to. */
  async first(wanted: (arrival: Arrival) => boolean = () => true): Promise<Arrival> {
    let found: Arrival | undefined;
    const search = (): boolean => {
      found = this.arrivals.find(wanted);
      return found !== undefined;
    };
    await this.#client.until(search, 'the packet');
    return found as unknown as Arrival;
  }

  /** When a frame was captured, in Unix milliseconds, as sender reports have it; undefined before the first of them. */
  capturedAt(timestamp: number): number | undefined {
    return this.#report && captureTime(timestamp, this.#report);
  }

  close(): void {
    this.#client.close();
  }

  #note(): void {
    const at = performance.now();
    for (const { channel, data } of this.#client.packets.splice(0)) {
      if (channel === 1) this.#report = readClocks(data) ?? this.#report;
      if (channel !== 0) continue;
      this.arrivals.push({
        at,
        timestamp: data.readUInt32BE(4),
        marker: ((data[1] as number) & 0x80) !== 0,
        idr: isIdr(data.subarray(payloadOffset(data))),
        tail: pictureTail(data),
      });
      this.#packet?.(data);
    }
  }
}

const SENDER_REPORT = 200;
const TAIL_BYTES = 16;

export const pictureTail = (packet: Buffer): string => packet.toString('latin1', packet.length - TAIL_BYTES);

/** When a frame was captured, in Unix milliseconds, as a sender report has it. */
export const captureTime = (timestamp: number, report: ClockReport): number =>
  report.wall + timestampDistance(timestamp, report.timestamp) / 90;

/** Reads the first report of a compound; undefined where it is none of a sender. */
export function readClocks(report: Buffer): ClockReport | undefined {
  if (report[1] !== SENDER_REPORT) return undefined;
  const seconds = report.readUInt32BE(8) - NTP_UNIX_SECONDS;
  return { wall: seconds * 1000 + (report.readUInt32BE(12) * 1000) / 2 ** 32, timestamp: report.readUInt32BE(16) };
}

/** Whether a payload of RFC 6184 is or begins or continues an IDR slice: NAL unit type 5, plain or in an FU-A. */
function isIdr(payload: Buffer): boolean {
  const type = (payload[0] ?? 0) & 0x1f;
  return type === 5 || (type === 28 && ((payload[1] ?? 0) & 0x1f) === 5);
}

async function expectOk(client: RtspClient, method: string, uri: string, headers: Record<string, string>) {
  const response = await client.request(method, uri, headers);
  if (response.status !== 200) throw new Error(`${method} ${uri}: ${response.status}`);
  return response;
}
