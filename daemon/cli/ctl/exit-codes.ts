/** How `vedette ctl` ends, for scripts; from 64 on as in sysexits.h. */
export const EXIT_CODES = {
  ok: { code: 0, means: 'every gateway that was asked did it' },
  error: { code: 1, means: 'at least one gateway answered with an error' },
  nobody: { code: 2, means: 'nobody answered, or there is no such gateway' },
  some: { code: 3, means: 'some gateways answered and others did not' },
  usage: { code: 64, means: 'the command line is wrong; nothing was sent' },
  unavailable: { code: 69, means: 'the broker cannot be reached' },
  cannotCreate: { code: 73, means: 'the picture cannot be written' },
  noPermission: { code: 77, means: 'the broker does not let us in' },
  config: { code: 78, means: 'the configuration is wrong' },
} as const satisfies Record<string, { code: number; means: string }>;

/** What went wrong before a gateway could answer. */
export class CtlError extends Error {
  readonly code: keyof typeof EXIT_CODES;

  /** @param message for the person who typed the command */
  constructor(code: keyof typeof EXIT_CODES, message: string, options?: ErrorOptions) {
    super(message, options);
    this.name = 'CtlError';
    this.code = code;
  }
}
