/**
 * Entry of the capture worker: one device, one GStreamer pipeline, one life. RTP leaves on descriptors 4 and up, one
 * for each track, without passing through JavaScript; commands and snapshots go over IPC. Restarting is a new process.
 *
 * gstreamer-superficial has sharp edges; what is odd below keeps clear of them. process.exit() would wait for ever for
 * the thread that polls the bus: this process ends by SIGKILL, after the pipeline was stopped.
 */
import { createRequire } from 'node:module';
import { Socket } from 'node:net';
import type { AppSrc, Element, Pipeline } from 'gstreamer-superficial';
import { childLog } from '../lib/child.ts';
import { PushedFrameReader } from './pushed-frames.ts';
import { makeStampedPictures } from './stamped-picture.ts';
import { openTlsRelay } from './tls-relay.ts';
import { watchBus } from './worker-bus.ts';
import { QueueDrops } from './worker-drops.ts';
import { WorkerKeyFrames } from './worker-key-frames.ts';
import type { PictureFormat, WorkerCommand, WorkerFailure, WorkerReport } from './worker-messages.ts';
import { watchSenderClock } from './worker-sender-clock.ts';
import { levelReader, pictureReader, type TapPipeline, WorkerTap } from './worker-taps.ts';

// The addon's `main` has no file ending, which only require() resolves.
const gstreamer = createRequire(import.meta.url)('gstreamer-superficial') as typeof import('gstreamer-superficial');

const log = childLog();
/** How often a device of which nothing is encoded is asked for a sign of life. */
const PROBE_INTERVAL_MS = 400;
/** How often it is looked whether frames were dropped; only news is told. */
const DROPS_INTERVAL_MS = 2000;
/** A pushed picture stands for this long before it is encoded once more. */
const REPEAT_INTERVAL_MS = 1000;
const FIRST_MEDIA_DESCRIPTOR = 4;

let pipeline: Pipeline | undefined;
let failed = false;
let gates: boolean[] = [];
/** Every picture goes out as a JPEG. */
let jpegs = false;
let flowWatch: NodeJS.Timeout | undefined;
/** The picture that a program pushed last, and when; undefined for other sources. */
let pushed: { frame: Buffer | undefined; at: number } | undefined;
// findChild() costs 50 kB that are never freed: once for each element.
const elements = new Map<string, Element | undefined>();

function element(name: string): Element | undefined {
  if (pipeline === undefined) return undefined;
  if (!elements.has(name)) elements.set(name, pipeline.findChild(name));
  return elements.get(name);
}

function report(message: WorkerReport): void {
  process.send?.(message, undefined, {}, () => undefined);
}

function end(): never {
  process.kill(process.pid, 'SIGKILL');
  throw new Error('unreachable');
}

function fail(reason: WorkerFailure, message: string, track?: number): void {
  if (failed) return;
  failed = true;
  report({ type: 'failed', reason, track, message });
}

async function start(command: Extract<WorkerCommand, { type: 'start' }>): Promise<void> {
  const { launch, text, gates: open, input, overlays, queueRoom, opening, stamped } = command;
  report({ type: 'opening' });
  try {
    pipeline = new gstreamer.Pipeline(launch);
  } catch (error) {
    fail('pipeline', error instanceof Error ? error.message : String(error));
    return;
  }
  gates = [...open];
  for (const [track, seconds] of command.keyFrameIntervals.entries()) keyFrames.setInterval(track, seconds);
  if (opening !== undefined) {
    const source = element('source') as Element;
    for (const [name, value] of Object.entries(opening.properties)) source[name] = value;
    if (opening.tls !== undefined) source.proxy = `http://127.0.0.1:${await openTlsRelay(opening.tls, log)}`;
  }
  if (text !== undefined) setText(text);
  for (const [track, overlay] of overlays.entries()) {
    const clock = element(`overlay${track}`);
    if (clock !== undefined) clock['time-format'] = markup(overlay);
  }
  pipeline.play();
  watchBus(pipeline, {
    over: () => failed,
    failed: fail,
    leftOut: (seconds) => report({ type: 'left-out', seconds }),
    warned: (source, text) => log.warn({ element: source }, text),
  });
  if (input === 'frames') takePushedFrames();
  if (stamped !== undefined) makeStampedPictures(stamped, (picture) => (element('source') as AppSrc).push(picture));
  watchFlow();
  if (queueRoom !== undefined) watchDrops(queueRoom);
  if (opening !== undefined) watchSenderClock(taps);
}

/** A program pushes when it likes; who joins between two pictures sees the last one again. */
function takePushedFrames(): void {
  const state: typeof pushed = { frame: undefined, at: 0 };
  pushed = state;
  const source = element('source') as AppSrc | undefined;
  const reader = new PushedFrameReader((frame) => {
    state.frame = frame;
    state.at = performance.now();
    source?.push(frame);
  });
  new Socket({ fd: FIRST_MEDIA_DESCRIPTOR + gates.length, readable: true, writable: false }).on('data', (chunk) =>
    reader.push(chunk),
  );
  setInterval(() => {
    if ((gates.includes(true) || jpegs) && performance.now() - state.at >= REPEAT_INTERVAL_MS) repeatFrame();
  }, REPEAT_INTERVAL_MS / 2);
}

function repeatFrame(): void {
  if (pushed?.frame === undefined) return;
  pushed.at = performance.now();
  (element('source') as AppSrc | undefined)?.push(pushed.frame);
}

/** While something is encoded its packets are the sign of life, and nobody has to look. */
function watchFlow(): void {
  clearInterval(flowWatch);
  if (pushed === undefined && gates.includes(true)) return;
  let before: unknown;
  flowWatch = setInterval(() => {
    if (failed) return;
    const count = element('probe')?.['frames-rendered'];
    if (pushed !== undefined || (before !== undefined && count !== before)) report({ type: 'flowing' });
    before = count;
  }, PROBE_INTERVAL_MS);
}

function watchDrops(room: number): void {
  const drops = new QueueDrops(element, room);
  let told = 0;
  setInterval(() => {
    if (failed || !(gates.includes(true) || jpegs)) return;
    const conversion = drops.of('arrive') + drops.of('convert');
    const encoders = gates.map((_, track) => drops.of(`encode${track}`));
    const sum = encoders.reduce((total, dropped) => total + dropped, conversion);
    if (sum === told) return;
    told = sum;
    report({ type: 'dropped', conversion, encoders });
  }, DROPS_INTERVAL_MS);
}

function setText(text: string): void {
  const clock = element('clock');
  if (clock !== undefined) clock.text = markup(text);
}

function setGate(track: number, open: boolean): void {
  const gate = element(`gate${track}`);
  if (gate === undefined) return;
  gates[track] = open;
  gate.drop = !open;
  watchFlow();
  setIntake();
  if (open) repeatFrame();
}

function setJpegs(open: boolean): void {
  const valve = element('jpegs');
  if (valve === undefined) return;
  jpegs = open;
  valve.drop = !open;
  setIntake();
  if (open) repeatFrame();
}

/** Nothing is decoded or converted while nobody has use for it. */
function setIntake(): void {
  const intake = element('intake');
  if (intake === undefined) return;
  // A camera's own JPEGs need no decoding.
  const encodes = jpegs && element('compressed') === undefined;
  const asked = pictures.jpeg.open || pictures.rgba.open || ear.open;
  intake.drop = !(gates.includes(true) || asked || encodes);
}

function enable(track: number, enabled: boolean): void {
  const light = element(`light${track}`);
  if (light !== undefined) {
    light.contrast = enabled ? 1 : 0;
    light.saturation = enabled ? 1 : 0;
  }
  const loudness = element(`loudness${track}`);
  if (loudness !== undefined) loudness.volume = enabled ? 1 : 0;
}

/** Pango reads the text of overlays as markup. */
function markup(text: string): string {
  return text.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('>', '&gt;');
}

const keyFrames = new WorkerKeyFrames((track) => {
  // With a name that is not there the binding would write to a null pointer's pad.
  if (gates[track] && !failed && element(`pay${track}`) !== undefined) pipeline?.forceKeyUnit(`pay${track}`, 0);
});

function shape(track: number, caps: string, reduces: boolean): void {
  const [rate, filter] = [element(`rate${track}`), element(`shape${track}`)];
  if (rate === undefined || filter === undefined) return;
  // Averaging over next to nothing it lets everything through, also of a camera that is faster than it says.
  rate['average-period'] = reduces ? 0 : 1;
  filter.caps = caps;
}

function tune(track: number, property: string, value: number): void {
  const encoder = element(`encoder${track}`);
  // What the element does not have would become a property of the wrapper, and read back as if it had worked.
  if (encoder === undefined || typeof encoder[property] !== 'number') {
    report({ type: 'tuned', track, property, value, accepted: false });
    return;
  }
  encoder[property] = value;
  report({ type: 'tuned', track, property, value, accepted: encoder[property] === value });
}

const taps: TapPipeline = {
  element: (name) => (failed ? undefined : element(name)),
  report,
  changed: () => {
    setIntake();
    if (pictures.jpeg.open || pictures.rgba.open) repeatFrame();
  },
};
const pictures: Record<PictureFormat, WorkerTap> = {
  jpeg: new WorkerTap(taps, { valve: 'shutter', sink: 'photo', what: 'picture', reader: pictureReader() }),
  rgba: new WorkerTap(taps, { valve: 'grabber', sink: 'still', what: 'picture', reader: pictureReader() }),
};
const ear = new WorkerTap(taps, { valve: 'lid', sink: 'ear', what: 'sound', reader: levelReader });

function obey(command: WorkerCommand): void {
  switch (command.type) {
    case 'start':
      if (pipeline === undefined) void start(command);
      break;
    case 'gate':
      setGate(command.track, command.open);
      break;
    case 'enable':
      enable(command.track, command.enabled);
      break;
    case 'key-frame':
      keyFrames.ask(command.track);
      repeatFrame();
      break;
    case 'key-frame-interval':
      keyFrames.setInterval(command.track, command.seconds);
      break;
    case 'shape':
      shape(command.track, command.caps, command.reduces);
      break;
    case 'tune':
      tune(command.track, command.property, command.value);
      break;
    case 'jpegs':
      setJpegs(command.open);
      break;
    case 'level':
      ear.ask(command.id);
      break;
    case 'text':
      setText(command.text);
      break;
    case 'picture':
      pictures[command.format].ask(command.id);
      break;
    case 'stop':
      pipeline?.stop();
      end();
  }
}

process.on('message', (command: WorkerCommand) => obey(command));
process.on('disconnect', end);
// Ctrl-C reaches the whole process group; the daemon says when to stop.
process.on('SIGINT', () => undefined);
process.on('uncaughtException', (error) => {
  log.error({ err: error }, 'capture worker failed');
  end();
});
