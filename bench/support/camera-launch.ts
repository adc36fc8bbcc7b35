import { codedLaunch } from '../../daemon/capture/coded-pipeline.ts';
import type { VideoDevice } from '../../daemon/capture/device.ts';
import type { RtspInput } from '../../daemon/capture/device-sources.ts';
import { NetworkCameras } from '../../daemon/capture/network-cameras.ts';
import { cameraSettings } from '../../test/support/network-camera.ts';

/** A network camera as the gateway has it, without its configuration. */
export function networkCamera(url: string): { cameras: NetworkCameras; device: VideoDevice } {
  const cameras = new NetworkCameras({ bench: cameraSettings(url) }, 'salt');
  return { cameras, device: cameras.devices[0] as VideoDevice };
}

/** The pipeline that passes the picture of a network camera on, for `gst-launch-1.0`: with the address in it. */
export function cameraLaunch(url: string): string {
  const rtsp = networkCamera(url).device.rtsp as RtspInput;
  return codedLaunch('video', { type: 'rtsp', rtsp }).replace('rtspsrc ', `rtspsrc location=${url} `);
}
