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
    return this.#options.viewers.list().map(report);
  }

  close(id: string): SessionReport {
    const viewer = this.#options.viewers.list().find((candidate) => publicId(candidate) === id);
    if (viewer === undefined || !this.#options.disconnect(viewer))
      throw new ControlError('not_found', `there is no session '${id}'; it may have ended`, '/id');
    return report(viewer);
  }
}

function report(viewer: Viewer): SessionReport {
  const { protocol, stream, remoteAddress, user, since } = viewer;
  return {
    id: publicId(viewer),
    protocol,
    stream,
    remoteAddress,
    ...(user === undefined ? {} : { user }),
    since: new Date(since).toISOString(),
  };
}

/** The id of a WHEP session is its key: it is told to nobody. */
function publicId({ id }: Viewer): string {
  return createHash('sha256').update(id).digest('hex').slice(0, 16);
}
