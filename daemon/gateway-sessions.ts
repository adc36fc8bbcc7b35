import { createHash } from 'node:crypto';
import { ControlError, type SessionReport, type SessionsPort } from './control/gateway-port.ts';
import type { Viewer } from './publish/viewer.ts';
import type { ViewerRegistry } from './viewer-registry.ts';

export interface GatewaySessionsOptions {
  viewers: ViewerRegistry;
  /** False when the viewer is gone. */
  disconnect: (viewer: Viewer) => boolean;
}

/** Who watches what, as the control surface sees it. */
export class GatewaySessions implements SessionsPort {
  readonly #options: GatewaySessionsOptions;

  constructor(options: GatewaySessionsOptions) {
    this.#options = options;
  }

  list(): SessionReport[] {
    return this.#options.viewers.list().map((viewer) => this.#report(viewer));
  }

  close(id: string): SessionReport {
    const viewer = this.#options.viewers.list().find((candidate) => publicId(candidate) === id);
    if (viewer === undefined || !this.#options.disconnect(viewer))
      throw new ControlError('not_found', `there is no session '${id}'; it may have ended`, '/id');
    return this.#report(viewer);
  }

  #report(viewer: Viewer): SessionReport {
    const { protocol, stream, remoteAddress, user, since } = viewer;
    const bitrate = this.#options.viewers.bitrate(viewer);
    const { droppedFrames, fractionLost } = viewer.traffic?.() ?? {};
    return {
      id: publicId(viewer),
      protocol,
      stream,
      remoteAddress,
      ...(user === undefined ? {} : { user }),
      since: new Date(since).toISOString(),
      ...(bitrate === undefined ? {} : { bitrate }),
      ...(droppedFrames === undefined ? {} : { droppedFrames }),
      ...(fractionLost === undefined ? {} : { loss: fractionLost }),
    };
  }
}

/** The id of a WHEP session is its key: it is told to nobody. */
function publicId({ id }: Viewer): string {
  return createHash('sha256').update(id).digest('hex').slice(0, 16);
}
