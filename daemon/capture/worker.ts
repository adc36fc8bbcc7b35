/**
 * Entry of the capture worker: one device, one GStreamer pipeline, one life. RTP leaves on descriptor 4 without
 * passing through JavaScript; commands and snapshots go over IPC. Restarting is a new process.
 *
 * gstreamer-superficial has sharp edges; what is odd below keeps clear of them. process.exit() would wait for ever for
 * the thread that polls the bus: this process ends by SIGKILL, after the pipeline was stopped.
 */
import { createRequire } from 'node:module';
import type { AppSink, Element, Pipeline } from 'gstreamer-superficial';
import { childLog } from '../lib/child.ts';
import type { WorkerCommand, WorkerFailure, WorkerReport } from './worker-messages.ts';

// The addon's `main` has no file ending, which only require() resolves.
const gstreamer = createRequire(import.meta.url)('gstreamer-superficial') as typeof import('gstreamer-superficial');

const log = childLog();
/** How long the error message of a device that did not open may take. */
const OPEN_ERROR_MS = 300;

let pipeline: Pipeline | undefined;
let failed = false;
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

function fail(reason: WorkerFailure, message: string): void {
  if (failed) return;
  failed = true;
  report({ type: 'failed', reason, message });
}

function start({ launch, opened, text }: Extract<WorkerCommand, { type: 'start' }>): void {
  try {
    pipeline = new gstreamer.Pipeline(launch);
  } catch (error) {
    fail('pipeline', error instanceof Error ? error.message : String(error));
    return;
  }
  const clock = text === undefined ? undefined : element('clock');
  if (clock !== undefined) clock.text = markup(text as string);
  pipeline.play();
  const source = opened === undefined ? undefined : element('source');
  if (opened !== undefined && source !== undefined && source[opened.property] === opened.failed) {
    watchDeadBus(pipeline);
    return;
  }
  watchBus(pipeline);
  report({ type: 'playing' });
}

function watchBus(playing: Pipeline): void {
  playing.pollBus((message) => {
    if (message.type === 'error') fail('stream', message.message ?? 'unknown error');
    else if (message.type === 'eos') fail('ended', 'the source has come to its end');
    else if (message.type === 'warning') log.warn({ element: message._src_element_name }, message.message ?? 'warning');
  });
}

/** A pipeline that did not start is in state NULL, where the binding delivers one message for each call only. */
function watchDeadBus(dead: Pipeline): void {
  dead.pollBus((message) => {
    if (message.type === 'error') fail('device', message.message ?? 'the device does not open');
    else if (!failed) watchDeadBus(dead);
  });
  setTimeout(() => fail('device', 'the device does not open'), OPEN_ERROR_MS);
}

/** Pango reads the text of overlays as markup. */
function markup(text: string): string {
  return text.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('>', '&gt;');
}

function setBitrate(property: string, value: number): void {
  const encoder = element('encoder');
  // What the element does not have would become a property of the wrapper, and read back as if it had worked.
  if (encoder === undefined || property !== 'bitrate' || typeof encoder[property] !== 'number') {
    report({ type: 'bitrate', value, accepted: false });
    return;
  }
  encoder[property] = value;
  report({ type: 'bitrate', value, accepted: encoder[property] === value });
}

const waitingForPhoto: number[] = [];
/** The appsink keeps the last picture from before the shutter closed. */
let photoIsStale = false;

function takePhoto(id: number): void {
  const shutter = element('shutter');
  const photo = element('photo') as AppSink | undefined;
  if (shutter === undefined || photo === undefined || failed) {
    report({ type: 'snapshot-failed', id, message: 'there is no picture' });
    return;
  }
  if (waitingForPhoto.push(id) > 1) return;
  shutter.drop = false;
  const taken = (jpeg: Buffer | null, caps: Record<string, unknown>): void => {
    if (photoIsStale && jpeg !== null) {
      photoIsStale = false;
      photo.pull(taken);
      return;
    }
    shutter.drop = true;
    photoIsStale = true;
    for (const waiting of waitingForPhoto.splice(0)) {
      if (jpeg === null) report({ type: 'snapshot-failed', id: waiting, message: 'the picture has ended' });
      else report({ type: 'snapshot', id: waiting, jpeg, width: Number(caps.width), height: Number(caps.height) });
    }
  };
  photo.pull(taken);
}

function obey(command: WorkerCommand): void {
  switch (command.type) {
    case 'start':
      if (pipeline === undefined) start(command);
      break;
    case 'key-frame':
      // With a name that is not there the binding would write to a null pointer's pad.
      if (element('pay') !== undefined && !failed) pipeline?.forceKeyUnit('pay', 0);
      break;
    case 'set-bitrate':
      setBitrate(command.property, command.value);
      break;
    case 'snapshot':
      takePhoto(command.id);
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
