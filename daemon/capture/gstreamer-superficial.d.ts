/** What the capture worker uses of gstreamer-superficial 1.7.4, which brings no types. */
declare module 'gstreamer-superficial' {
  /** A GObject: its properties by name. Numbers pass through a 32-bit float; setting what cannot be set is silent. */
  export interface Element {
    [property: string]: unknown;
  }

  export interface AppSrc extends Element {
    /** Takes a copy. */
    push(buffer: Buffer): void;
  }

  export interface BusMessage {
    type: string;
    /** Of an error or warning. */
    message?: string;
    /** Path of the element that reports the error. */
    name?: string;
    _src_element_name?: string;
    /** Of a message about the quality of service: nanoseconds. */
    duration?: string;
  }

  export class Pipeline {
    /** @throws Error when the launch string is refused. */
    constructor(launch: string);
    play(): void;
    stop(): void;
    findChild(name: string): Element | undefined;
    /** Asks upstream of the element's sink pad for a key frame. An unknown name is not an error. */
    forceKeyUnit(elementName: string, count: number): boolean;
    /** Calls back for every bus message until the pipeline is stopped; blocks one thread of the pool. */
    pollBus(callback: (message: BusMessage) => void): void;
  }
}
