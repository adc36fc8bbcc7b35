import { type AudioPipeline, audioLaunch } from './audio-pipeline.ts';
import { type VideoPipeline, videoLaunch } from './video-pipeline.ts';

export type PipelineDescription = VideoPipeline | AudioPipeline;

/**
 * The launch string (gst-launch syntax) of a capture pipeline: one source, a branch with an encoder for each track.
 * Nothing of it comes from outside but bounded numbers, words of closed lists and one device path of a narrow alphabet.
 *
 * Named elements: `source`; `probe` counts what the device delivers; `intake` is a valve before all work. For each
 * branch, by its number: `gate0` (a valve), `overlay0` (a clockoverlay) where it has one, `light0` (a videobalance) or
 * `loudness0` (a volume), `encoder0`, `pay0`, the queue `encode0` (`countedQueue`); before them `arrive`
 * and `convert`, where frames wait for their conversion.
 * In pictures `shutter` and `grabber` (valves) with `photo` and `still` (appsinks: JPEG, RGBA), `jpegs` (a valve) before
 * the descriptor that all JPEGs leave on, `compressed` (a tee) where the camera makes those, and `clock` where there is one; in sounds `lid` (a valve) with `ear` (an appsink: 16-bit samples).
 * @throws CaptureError `invalid-value`.
 */
export function launchString(pipeline: PipelineDescription): string {
  return pipeline.kind === 'video' ? videoLaunch(pipeline) : audioLaunch(pipeline);
}
