import type { Readable } from 'node:stream';
import { ControlError } from './control/gateway-port.ts';
import type { GatewayControl } from './gateway-control.ts';
import type { GatewayReports } from './gateway-reports.ts';
import { HttpError } from './http/http-error.ts';
import type {
  FlvSource,
  MetricsSource,
  SnapshotSource,
  StreamCatalog,
  StreamSummary,
  WhepSource,
} from './http/ports.ts';
import type { RtmpPublisher } from './publish/rtmp/publisher.ts';
import { RtmpError } from './publish/rtmp/rtmp-error.ts';
import type { Whep, WhepRequest, WhepResponse } from './publish/webrtc/whep.ts';

export interface GatewayHttpPortsOptions {
  control: GatewayControl;
  reports: GatewayReports;
  /** What there is of these as of now. */
  whep: () => Whep | undefined;
  rtmp: () => RtmpPublisher | undefined;
}

/** The gateway as the HTTP room sees it. */
export class GatewayHttpPorts implements StreamCatalog, SnapshotSource, MetricsSource, FlvSource, WhepSource {
  readonly #options: GatewayHttpPortsOptions;

  constructor(options: GatewayHttpPortsOptions) {
    this.#options = options;
  }

  list(): StreamSummary[] {
    const { control } = this.#options;
    return control.streamNames().map((streamName) => {
      const { name, state, reason, tracks, viewers, urls } = control.stream(streamName);
      return { name, state, ...(reason !== undefined && { reason }), tracks, viewers, urls };
    });
  }

  async snapshot(stream: string): Promise<Buffer> {
    try {
      return (await this.#options.control.snapshot(stream)).jpeg;
    } catch (error) {
      if (!(error instanceof ControlError)) throw error;
      throw new HttpError(error.code === 'not_found' ? 'not_found' : 'unavailable', error.message);
    }
  }

  metrics(): Promise<string> {
    return this.#options.reports.metrics();
  }

  async handle(request: WhepRequest): Promise<WhepResponse> {
    const whep = this.#options.whep();
    if (whep === undefined) throw new HttpError('not_found', 'WebRTC is off; webrtc.enabled turns it on');
    return whep.handle(request);
  }

  async open(stream: string, viewer: { remoteAddress: string; user: string | undefined }): Promise<Readable> {
    const rtmp = this.#options.rtmp();
    if (rtmp === undefined) throw new HttpError('not_found', 'HTTP-FLV is off; rtmp.enabled turns it on');
    try {
      return await rtmp.flv(stream, viewer);
    } catch (error) {
      if (!(error instanceof RtmpError)) throw error;
      throw new HttpError(error.code === 'not_found' ? 'not_found' : 'unavailable', error.message);
    }
  }
}
