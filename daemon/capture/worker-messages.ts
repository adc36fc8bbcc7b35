/** What the capture worker is told (over IPC). */
export type WorkerCommand =
  | {
      readonly type: 'start';
      readonly launch: string;
      /** Which property of `source` tells after play() that the device did not open, and the value that says so. */
      readonly opened: { readonly property: string; readonly failed: number | null } | undefined;
      /** Text on the test picture, before its clock; plain, any script. */
      readonly text: string | undefined;
    }
  | { readonly type: 'key-frame' }
  /** In the encoder's own unit. */
  | { readonly type: 'set-bitrate'; readonly property: string; readonly value: number }
  | { readonly type: 'snapshot'; readonly id: number }
  | { readonly type: 'stop' };

/** What the capture worker tells. Its media goes out on a descriptor, not here. */
export type WorkerReport =
  | { readonly type: 'playing' }
  /** Nothing (more) will come of this life; the worker waits to be ended. */
  | { readonly type: 'failed'; readonly reason: WorkerFailure; readonly message: string }
  | { readonly type: 'bitrate'; readonly value: number; readonly accepted: boolean }
  | {
      readonly type: 'snapshot';
      readonly id: number;
      readonly jpeg: Buffer;
      readonly width: number;
      readonly height: number;
    }
  | { readonly type: 'snapshot-failed'; readonly id: number; readonly message: string };

export type WorkerFailure =
  /** The launch string was refused: an element is not installed, or it is wrong. */
  | 'pipeline'
  /** The device is not there, or somebody else has it. */
  | 'device'
  /** The pipeline reported an error while it ran. */
  | 'stream'
  /** The source came to its end. */
  | 'ended';
