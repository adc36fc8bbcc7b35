/** The part of node-media-server 4.4.3 that the worker uses; the package has no types of its own. */
declare module 'node-media-server' {
  import type { EventEmitter } from 'node:events';
  import type { IncomingMessage, Server } from 'node:http';

  export interface Session {
    id: string;
    protocol: 'rtmp' | 'flv';
    streamApp: string;
    streamName: string;
    streamQuery: Record<string, string | string[] | undefined>;
    broadcast: Broadcast;
    /** RTMP: the connection that was given to `rtmpServer.handleRequest`. */
    socket?: EventEmitter;
    rtmp?: {
      streamId: number;
      sendStatusMessage(streamId: number, level: 'status' | 'error', code: string, description: string): void;
    };
    /** HTTP-FLV: the request and its response. */
    req?: IncomingMessage;
    res?: { readonly writableLength: number; destroy(): void };
    /** Sends one message, or the file header of FLV. Its own property, so that it can be replaced. */
    sendBuffer(message: Buffer): void;
    close(): void;
  }

  export interface Broadcast {
    subscribers: Map<string, Session>;
    /** Milliseconds in which the publisher may come back and go on where it was. */
    publishGraceMs: number;
    /** Emits `prePlay` and `postPlay`, sends the headers and the cached group of pictures, and subscribes the session. */
    postPlay(session: Session): string | null;
    /** Emits `donePlay` and unsubscribes the session. */
    donePlay(session: Session): void;
  }

  export interface Config {
    bind: string;
    http: { port: number };
    auth: { publish: boolean; secret: string };
    webadmin: { enable: boolean };
  }

  // biome-ignore lint/style/noDefaultExport: it is what the package exports
  export default class NodeMediaServer {
    constructor(config: Config);
    on(event: 'prePlay' | 'donePlay', listener: (session: Session) => void): void;
    readonly httpServer: { readonly httpServer: Server };
    readonly rtmpServer: { handleRequest(socket: EventEmitter): void };
  }
}
