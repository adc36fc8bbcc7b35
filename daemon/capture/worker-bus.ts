import { failureBy, type WorkerFailure } from './worker-messages.ts';

/** How long a pipeline that starts may take to tell of that, and how often it is looked at then. */
const OPEN_CHECK_MS = 300;
const DEAD_POLL_MS = 20;

/** A message of a bus, as the binding has it. */
interface BusMessage {
  readonly type: string;
  readonly message?: string;
  readonly _src_element_name?: string;
  /** Nanoseconds. */
  readonly duration?: string;
}

/** What a pipeline tells of itself on its bus. */
export interface BusObserver {
  /** Nothing more is of interest. */
  over(): boolean;
  failed(reason: WorkerFailure, message: string, track?: number): void;
  /** The device has left out frames of so many seconds. */
  leftOut(seconds: number): void;
  warned(element: string | undefined, message: string): void;
}

/** Tells of what happens on the bus of a pipeline that plays. */
export function watchBus(
  playing: { pollBus(callback: (message: BusMessage) => void): void },
  observer: BusObserver,
): void {
  let [messages, polls] = [0, 0];
  // One whose device did not open is in state NULL, where the binding delivers one message for each call only.
  const dead = (): boolean => messages === polls;
  const poll = (): void => {
    polls += 1;
    playing.pollBus((message) => {
      messages += 1;
      const { type, message: text, _src_element_name: source } = message;
      if (type === 'error') {
        const { reason, track } = failureBy(source, text);
        observer.failed(reason === 'stream' && dead() ? 'device' : reason, text ?? 'unknown error', track);
      } else if (type === 'eos') observer.failed('ended', 'the source has come to its end');
      else if (type === 'qos' && source === 'source') leftOut(message.duration, observer);
      else if (type === 'warning') observer.warned(source, text ?? 'warning');
    });
  };
  const look = (): void => {
    if (observer.over() || messages > polls) return;
    if (dead()) poll();
    setTimeout(look, DEAD_POLL_MS);
  };
  poll();
  setTimeout(look, OPEN_CHECK_MS);
}

/** A camera's driver numbers its frames; the source tells the time that is missing (GstV4l2Src, quality of service). */
function leftOut(duration: string | undefined, observer: BusObserver): void {
  const seconds = Number(duration) / 1e9;
  // GST_CLOCK_TIME_NONE: the frame rate is not known.
  if (seconds > 0 && seconds < 3600) observer.leftOut(seconds);
}
