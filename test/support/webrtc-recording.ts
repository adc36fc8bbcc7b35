import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { writeFile } from 'node:fs/promises';
import { gdpRtpPackets, gdpStart } from '../../daemon/convert/gdp.ts';
import { NTP_UNIX_SECONDS, ssrc, timestamp, timestampDistance } from '../../daemon/rtp/packet.ts';
import { VIEWER_PAYLOAD_TYPES, WebRtcViewer } from './webrtc-viewer.ts';

const KINDS = ['video', 'audio'] as const;
type Kind = (typeof KINDS)[number];

/** Decoded: what comes has more than one set of parameters, and a file would take only the first. */
const PICTURES =
  'rtph264depay ! avdec_h264 ! videoconvert ! videoscale ! video/x-raw,format=I420,width=320,height=240,pixel-aspect-ratio=1/1 ! ' +
  'jpegenc ! capssetter caps=image/jpeg,framerate=(fraction)0/1';
const SOUND = 'rtpopusdepay ! opusdec ! audioconvert ! audioresample ! audio/x-raw,format=S16LE,rate=48000,channels=2';
const MEDIA = {
  video: { clockRate: 90_000, encoding: 'H264', chain: PICTURES },
  audio: { clockRate: 48_000, encoding: 'OPUS', chain: SOUND },
} as const;
/** RFC 3550, 6.4.1. */
const SENDER_REPORT = 200;

/** How often it says that it is still there: who sends no reports counts as gone, in milliseconds. */
const STILL_HERE_MS = 5000;

/** Which time in Unix milliseconds an RTP time is. */
interface Report {
  readonly wall: number;
  readonly time: number;
}

/** What a WebRTC viewer gets, at the times that sender reports give to it: by them it keeps picture and sound together. */
export class WebRtcRecording {
  /** With the newest report at the time that each came. */
  readonly #packets: Record<Kind, { packet: Buffer; came: number; report: Report | undefined }[]> = {
    video: [],
    audio: [],
  };
  /** By SSRC. */
  readonly #reports = new Map<number, Report>();
  #viewer: WebRtcViewer | undefined;
  #timer: NodeJS.Timeout | undefined;

  /** @param url where to POST an offer to (WHEP). */
  static async start(url: string): Promise<WebRtcRecording> {
    const recording = new WebRtcRecording();
    recording.#viewer = await WebRtcViewer.connect({
      keep: false,
      packet: (kind, packet) => recording.#take(kind, Buffer.from(packet)),
      signal: async (body) =>
        (await fetch(url, { method: 'POST', headers: { 'content-type': 'application/sdp' }, body })).text(),
    });
    recording.#timer = setInterval(() => recording.#report(), STILL_HERE_MS);
    return recording;
  }

  /** Ends it, and writes it as Matroska whose times begin with 0. */
  async save(path: string): Promise<void> {
    clearInterval(this.#timer);
    this.#viewer?.close();
    const launch = ['-q', 'matroskamux', 'name=mux', '!', 'filesink', `location=${path}`];
    const begin = Math.min(...KINDS.flatMap((kind) => this.#timed(kind).map(({ wall }) => wall)));
    for (const kind of KINDS) {
      await writeFile(`${path}.${kind}`, this.#written(kind, begin));
      const chain = `gdpdepay ! ${MEDIA[kind].chain} ! queue ! mux.`;
      launch.push('filesrc', `location=${path}.${kind}`, '!', ...chain.split(' '));
    }
    await once(spawn('gst-launch-1.0', launch, { stdio: ['ignore', 'inherit', 'inherit'] }), 'exit');
  }

  /** Receiver reports (RFC 3550, 6.4.2) of what comes, with nothing in them. */
  #report(): void {
    for (const kind of KINDS) {
      const newest = this.#packets[kind].at(-1)?.packet;
      if (newest === undefined || this.#viewer?.state !== 'connected') continue;
      const report = Buffer.alloc(32);
      report.set([0x81, 201, 0, 7, 0, 0, 0, 9]);
      report.writeUInt32BE(ssrc(newest), 8);
      this.#viewer.send(kind, report);
    }
  }

  /** How long packets took from their capture, as reports tell it, to here: the median, in milliseconds. */
  age(kind: Kind): number {
    const ages = this.#timed(kind).map(({ came, wall }) => came - wall);
    return ages.sort((a, b) => a - b)[Math.floor(ages.length / 2)] ?? Number.NaN;
  }

  #timed(kind: Kind): { packet: Buffer; came: number; wall: number }[] {
    const first = this.#packets[kind].find(({ report }) => report !== undefined)?.report;
    return this.#packets[kind].flatMap(({ packet, came, report = first }) => {
      if (report === undefined) return [];
      const wall = report.wall + (timestampDistance(timestamp(packet), report.time) * 1000) / MEDIA[kind].clockRate;
      return [{ packet, came, wall }];
    });
  }

  #written(kind: Kind, begin: number): Buffer {
    const { clockRate, encoding } = MEDIA[kind];
    const caps =
      `application/x-rtp, media=(string)${kind}, clock-rate=(int)${clockRate}, ` +
      `encoding-name=(string)${encoding}, payload=(int)${VIEWER_PAYLOAD_TYPES[kind]}`;
    return Buffer.concat([
      gdpStart(kind, caps),
      ...this.#timed(kind).map(({ packet, wall }, index) => gdpRtpPackets([packet], wall - begin, index)),
    ]);
  }

  #take(kind: Kind, packet: Buffer): void {
    const type = packet[1] as number;
    if (type === SENDER_REPORT) {
      const seconds = packet.readUInt32BE(8) - NTP_UNIX_SECONDS + packet.readUInt32BE(12) / 2 ** 32;
      this.#reports.set(packet.readUInt32BE(4), { wall: seconds * 1000, time: packet.readUInt32BE(16) });
    } else if ((type & 0x7f) === VIEWER_PAYLOAD_TYPES[kind])
      this.#packets[kind].push({ packet, came: Date.now(), report: this.#reports.get(ssrc(packet)) });
  }
}
