/** What the daemon and the RTMP worker say to each other over IPC. */

export type ToWorker =
  /** The first message. `secret` opens the worker's HTTP door and signs our publishing; new for each life. */
  | { type: 'start'; secret: string; maxConnections: number }
  /** A new RTMP connection; its socket comes along. */
  | { type: 'connection' }
  /** The answers to `play`. */
  | { type: 'admit'; id: string }
  | { type: 'refuse'; id: string; description: string }
  /** Disconnect this viewer. */
  | { type: 'close'; id: string };

/** What has gone to a viewer since it came. */
export interface ViewerReport {
  id: string;
  /** Of media messages. */
  sentBytes: number;
  /** Those left out for want of room in its queue. */
  droppedFrames: number;
}

export type FromWorker =
  /** HTTP-FLV listens on this port of 127.0.0.1. */
  | { type: 'ready'; port: number }
  | { type: 'alive'; viewers: ViewerReport[] }
  /** Somebody wants to play over RTMP: nothing is sent to him before `admit`. */
  | { type: 'play'; id: string; stream: string; remoteAddress: string; query: Record<string, string> }
  /** A viewer, of either protocol, is gone. */
  | { type: 'left'; id: string; reason: string; report?: ViewerReport };

/** The RTMP application that the streams are in: rtmp://host/live/NAME. */
export const APPLICATION = 'live';
/** The request header by which the daemon names an HTTP-FLV viewer to the worker. */
export const VIEWER_HEADER = 'x-vedette-viewer';
