import { defineInterface, requireArguments } from './web-idl.ts';
import { any, dictionary, domString, EventInit, unsignedLong, withDefault } from './web-idl-types.ts';

export interface ErrorEventInit extends EventInit {
  message?: string;
  filename?: string;
  lineno?: number;
  colno?: number;
  error?: unknown;
}

const Init = dictionary<Required<ErrorEventInit>>(
  'ErrorEventInit',
  {
    message: withDefault(domString, ''),
    filename: withDefault(domString, ''),
    lineno: withDefault(unsignedLong, 0),
    colno: withDefault(unsignedLong, 0),
    error: any,
  },
  EventInit,
);

/** `error` events of the platform (HTML, 8.1.4.6), which Node does not have. */
export class ErrorEvent extends Event {
  readonly #init: ReturnType<typeof Init.convert>;

  static {
    defineInterface(ErrorEvent, { brand: (value) => #init in value });
  }

  constructor(type: string, eventInitDict: ErrorEventInit = {}) {
    requireArguments(arguments, 1, 'ErrorEvent constructor');
    const init = Init.convert(eventInitDict, 'ErrorEventInit');
    super(type, init);
    this.#init = init;
  }

  get message(): string {
    return this.#init.message;
  }

  get filename(): string {
    return this.#init.filename;
  }

  get lineno(): number {
    return this.#init.lineno;
  }

  get colno(): number {
    return this.#init.colno;
  }

  /** What went wrong; here a DOMException. */
  get error(): unknown {
    return this.#init.error;
  }
}
